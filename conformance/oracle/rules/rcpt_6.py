"""RCPT-6: a repeated form is answered with the same receipt."""

from collections.abc import Iterator
from itertools import pairwise

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import GivenReceipt, Sending, Trace


@clause(
    "RCPT-6",
    zh="同一报文标识的重复表单得到同一份回执,且不产生第二次效果",
    en="a form repeated under its id is answered with the same receipt and has no second effect",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Compares all receipts that were given for one form, and asks at rest for one after each later arrival."""
    for sending in trace.sendings():
        given = [r for r in sending.receipts if not r.injected]
        for one, other in pairwise(given):
            if _gist(one) == _gist(other):
                yield Seen((one.n, other.n))
            else:
                yield Violation(
                    f"同一 {sending.form_type} 先后得到不同回执:{_say(one)} 与 {_say(other)}",
                    f"one {sending.form_type} was answered with {_say(one)} and then with {_say(other)}",
                    (one.n, other.n),
                    sending.to,
                )
        if trace.rested(sending.case_number):
            yield from _silence(sending, given)


def _silence(sending: Sending, given: list[GivenReceipt]) -> Iterator[Finding]:
    """Find arrivals after the first receipt that were acknowledged and then never receipted."""
    if not given:
        return
    for attempt in sending.attempts:
        late = attempt.n > given[0].n and attempt.acknowledged
        if late and not any(r.n > attempt.n for r in given):
            yield Violation(
                f"重复的 {sending.form_type} 没有再得到回执",
                f"a repeated {sending.form_type} was not given its receipt again",
                (attempt.n,),
                sending.to,
            )


def _gist(given: GivenReceipt) -> tuple[object, ...]:
    return given.outcome, given.code, given.receipt.get("decidedAt"), given.receipt.get("formType")


def _say(given: GivenReceipt) -> str:
    return f"{given.outcome} {given.code or ''}".strip()
