"""RCPT-2: a receipt says arrival at the business system, or an error that tells what is wrong."""

from collections.abc import Iterator

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import RETRYABLE, Trace

_CODES = {code.value for code in ErrorCode}


@clause(
    "RCPT-2",
    zh="回执或为已到达业务系统,或为带代码、字段和说明的错误;桥只在业务系统确认后才确认",
    en="a receipt confirms arrival at the business system or is an error with code and sentence; a bridge confirms only after the business system did",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Each receipt by itself, then the bridge's confirmations against those of the platform behind it."""
    sendings = trace.sendings()
    for sending in sendings:
        for given in sending.receipts:
            if given.injected:
                continue
            fault = given.receipt.get("fault") or {}
            trouble = None
            if given.outcome == "confirmed" and fault:
                trouble = "确认回执带有错误", "a confirmation carries a fault"
            elif given.outcome == "error" and (
                given.code not in _CODES or not fault.get("messageZh") or not fault.get("messageEn")
            ):
                trouble = "错误回执缺少代码或说明", "an error receipt lacks a known code or a sentence"
            elif given.outcome == "error" and given.code in RETRYABLE:
                trouble = (
                    f"{given.code} 属于暂时性错误,不得作为回执",
                    f"{given.code} is for now and must not be a receipt",
                )
            elif given.outcome not in ("confirmed", "error"):
                trouble = f"回执结果 {given.outcome!r} 不在代码表内", f"{given.outcome!r} is no outcome of a receipt"
            if trouble:
                yield Violation(*trouble, (sending.n, given.n), sending.to)
            else:
                yield Seen((given.n,))
    onward = {s.message_id: s for s in sendings if s.sender == "bridge"}
    for sending in sendings:
        confirmation = next((r for r in sending.receipts if r.outcome == "confirmed" and not r.injected), None)
        if sending.to != "bridge" or confirmation is None:
            continue
        far = onward.get(sending.message_id)
        at_far_end = next((r for r in far.receipts if r.outcome == "confirmed" and r.heard), None) if far else None
        if trace.recording is not None and (far is None or far.attempts[0].number > 1):
            continue  # what went before the recording, or over a hop that it lacks, may have confirmed it
        if at_far_end is None or at_far_end.n > confirmation.n:
            yield Violation(
                f"桥确认了 {sending.form_type},而业务系统尚未确认",
                f"the bridge confirmed {sending.form_type} before the business system did",
                (sending.n, confirmation.n),
                "bridge",
            )
