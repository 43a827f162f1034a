"""RCPT-3: receipts that nobody waits for change no case."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Fact, Record, Sending, Trace

#: What a platform says of a case that a stray receipt must leave alone.
_KEPT = ("state", "stage", "status", "task_number", "rejections", "filing_ordinal", "handed_over")


@clause(
    "RCPT-3",
    zh="迟到、重复、矛盾、无主的回执只留存,不改变案卷状态;已退回的表单不因后来的回执变为已确认",
    en="late, repeated, contradictory and stray receipts change no case; a refused sending never becomes confirmed",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Compares what the receiving party said of the case before and after each receipt that was not waited for."""
    sendings = {(s.sender, s.message_id): s for s in trace.sendings(injected=True)}
    for record in trace.receipt_calls():
        receipt = record.get("receipt") or {}
        sending = sendings.get((str(record.get("to")), str(receipt.get("formMessageId"))))
        if not _surplus(sending, record, receipt):
            continue
        n, party = int(record["n"]), str(record.get("to"))
        answer = next((a for a in trace.of_type("answer") if a.get("call") == record.get("call")), {})
        if answer.get("outcome") == "fault" and (answer.get("fault") or {}).get("code") not in (
            "NOT_AUTHENTICATED",
            "ACCOUNT_LOCKED",
            "NOT_AUTHORISED",
            "WRONG_PARTY",
            "SCHEMA_INVALID",
            "VERSION_UNSUPPORTED",
            "BUSY",
            "INTERNAL",
        ):
            yield Violation("无人等待的回执被当作故障退回", "a receipt that nobody waited for was faulted", (n,), party)
            continue
        yield Seen((n,))
        before, after = _around(trace, party, str(receipt.get("caseNumber")), n)
        if before and after and _view(before) != _view(after):
            yield Violation(
                f"无人等待的回执改变了案卷 {receipt.get('caseNumber')}",
                f"a receipt that nobody waited for changed case {receipt.get('caseNumber')}",
                (n, before.n, after.n),
                party,
            )
    for fact in trace.facts(ask="forms"):
        for entry in _entries(fact):
            message_id = str(entry.get("message_id") or entry.get("messageId"))
            known = sendings.get((fact.party, message_id))
            effective = known.effective if known else None
            if not known or not effective or effective.n > fact.n or effective.outcome != "error":
                continue
            if entry.get("state") == "confirmed":
                yield Violation(
                    f"被退回的 {known.form_type} 后来成了已确认",
                    f"a refused {known.form_type} became confirmed",
                    (effective.n, fact.n),
                    fact.party,
                )


def _surplus(sending: Sending | None, record: Record, receipt: Record) -> bool:
    """Tell whether nobody was waiting for this receipt any more, or ever."""
    if sending is None or sending.case_number != receipt.get("caseNumber"):
        return True
    effective = sending.effective
    return effective is not None and effective.n < int(record["n"])


def _around(trace: Trace, party: str, case_number: str, n: int) -> tuple[Fact | None, Fact | None]:
    """What the party said of the case just before and just after record `n`, unless something else came between."""
    facts = [f for f in trace.facts(party, "case") if f.params.get("case") == case_number]
    before = next((f for f in reversed(facts) if f.n < n), None)
    after = next((f for f in facts if f.n > n), None)
    if before is None or after is None:
        return None, None
    for other in trace.records:
        if not before.n < int(other["n"]) < after.n or int(other["n"]) == n:
            continue
        if (
            other.get("type") == "call"
            and other.get("operation") != "QueryCases"
            and other.get("case_number") == case_number
        ):
            return None, None
        if other.get("type") in ("act", "restart", "clock"):
            return None, None
    return before, after


def _view(fact: Fact) -> Record:
    answer = fact.answer if isinstance(fact.answer, dict) else {}
    return {key: answer.get(key) for key in _KEPT}


def _entries(fact: Fact) -> list[Record]:
    answer = fact.answer
    if isinstance(answer, dict):
        answer = answer.get("forms", [])
    return [e for e in answer if isinstance(e, dict)] if isinstance(answer, list) else []
