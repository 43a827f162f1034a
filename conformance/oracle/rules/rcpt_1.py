"""RCPT-1: every form gets exactly one effective receipt, under its own case number."""

from collections.abc import Iterator
from datetime import timedelta

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "RCPT-1",
    zh="每张业务表单有且只有一份有效回执,回执案卷号与表单案卷号一致",
    en="every business form gets exactly one effective receipt, and the receipt's case number is the form's",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """A missing receipt is a violation only at rest and only where nothing on the way explains it."""
    forms = {s.message_id: s for s in trace.sendings(injected=True)}
    # Cases and directions in which the bridge itself still waits: what it was given there waits with it.
    held = {
        (s.case_number, s.direction)
        for s in trace.sendings()
        if s.sender == "bridge" and not any(r.heard and not r.injected for r in s.receipts)
    }
    for sending in trace.sendings():
        if sending.effective is not None:
            yield Seen((sending.n, sending.effective.n))
            if sending.effective.receipt.get("caseNumber") != sending.case_number:
                yield Violation(
                    f"表单 {sending.form_type} 的回执写的是案卷 {sending.effective.receipt.get('caseNumber')},应为 {sending.case_number}",
                    f"the receipt of {sending.form_type} names case {sending.effective.receipt.get('caseNumber')}, not {sending.case_number}",
                    (sending.n, sending.effective.n),
                    sending.to,
                )
        elif sending.to == "bridge" and (sending.case_number, sending.direction) in held:
            continue
        elif trace.rested(sending.case_number) and not sending.disturbed and sending.refused_for_good is None:
            yield Violation(
                f"案卷 {sending.case_number} 的 {sending.form_type}({sending.sender}→{sending.to})没有回执",
                f"{sending.form_type} of case {sending.case_number} ({sending.sender} to {sending.to}) never got a receipt",
                (sending.n,),
                sending.to,
            )
    for record in trace.receipt_calls():
        receipt = record.get("receipt") or {}
        form = forms.get(str(receipt.get("formMessageId")))
        if form is None or record.get("injected"):
            continue
        if receipt.get("caseNumber") != form.case_number:
            yield Violation(
                f"对案卷 {form.case_number} 表单的回执写成了案卷 {receipt.get('caseNumber')}",
                f"a receipt for a form of case {form.case_number} names case {receipt.get('caseNumber')}",
                (form.n, int(record["n"])),
                str(record.get("from")),
            )


def patience(profile: Profile, attempts: int) -> timedelta:
    """How long after its last sending a form may still be waiting without anybody having dropped it."""
    gaps = profile.delivery.retry_gaps_seconds
    gap = gaps[min(max(attempts, 1), len(gaps)) - 1] if gaps else 0
    longest = gap * (1 + profile.delivery.retry_jitter)
    return timedelta(seconds=profile.delivery.receipt_timeout_seconds + longest + 60)
