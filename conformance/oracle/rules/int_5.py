"""INT-5: after the grid side's verification the urban verification stages complete by themselves, with the full record."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Fact, Record, Sending, Trace

_STAGES = ("district_verification", "city_verification")


@clause(
    "INT-5",
    zh="网格平台核查后,城管平台两级核查自动完成,留有完成时间、照片和结果,办理人为缺省用户",
    en="after the grid side verified, both urban verification stages complete by themselves with time, photos and result, under the default user",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads what the urban side says of a case whose latest verification result it has confirmed."""
    for number in trace.case_numbers():
        fact = trace.last_fact("urban", number)
        results = [
            s
            for s in trace.sendings()
            if s.form_type == "verificationResult" and s.to == "urban" and s.case_number == number and s.accepted
        ]
        if fact is None or not isinstance(fact.answer, dict) or not results:
            continue
        result = results[-1]
        if result.answered_n > fact.n:
            continue
        for stage in _STAGES:
            entries = [
                e
                for e in fact.answer.get("stages") or []
                if isinstance(e, dict) and e.get("stage") == stage and e.get("completed_at")
            ]
            troubles = list(_troubles(stage, entries, result, profile))
            for zh, en in troubles:
                yield Violation(zh, en, (result.n, fact.n), "urban")
            if not troubles:
                yield Seen((result.n, fact.n))
        asked_again = any(
            s.form_type == "verificationRequest" and s.case_number == number and result.n < s.n < fact.n
            for s in trace.sendings()
        )
        if not asked_again:
            yield from _moved_on(fact, result)


def _troubles(stage: str, entries: list[Record], result: Sending, profile: Profile) -> Iterator[tuple[str, str]]:
    if not entries:
        yield f"{stage} 没有自动完成", f"{stage} was not completed"
        return
    entry = entries[-1]
    if entry.get("automatic") is not True:
        yield f"{stage} 不是自动完成", f"{stage} was not completed by itself"
    if entry.get("handler") != profile.choices.auto_verifier:
        yield (
            f"{stage} 的办理人是 {entry.get('handler')},应为 {profile.choices.auto_verifier}",
            f"{stage} is recorded under {entry.get('handler')}, not {profile.choices.auto_verifier}",
        )
    if entry.get("result") != result.form.get("outcome"):
        yield f"{stage} 的核查结果不符", f"{stage} records {entry.get('result')}, not {result.form.get('outcome')}"
    photos = {p.get("sha256") for p in entry.get("photos") or [] if isinstance(p, dict)}
    sent = {a.get("sha256") for a in result.form.get("attachments") or [] if a.get("kind") != "document"}
    if photos != sent:
        yield f"{stage} 的核查照片不符", f"{stage} does not carry the verification photos"


def _moved_on(fact: Fact, result: Sending) -> Iterator[Finding]:
    if result.form.get("outcome") == "passed" and fact.answer.get("stage") in _STAGES:
        yield Violation(
            f"核查通过后仍停在 {fact.answer.get('stage')}",
            f"the case still stands at {fact.answer.get('stage')} after a passed verification",
            (result.n, fact.n),
            "urban",
        )
