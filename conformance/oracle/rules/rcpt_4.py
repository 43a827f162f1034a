"""RCPT-4: at most one form a case and direction waits for its receipt; cases do not wait for each other."""

from collections.abc import Iterator
from itertools import pairwise

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace

#: Acts by which a person ends a form that nobody receipts.
GIVING_UP = ("workstation.give_up", "exchange.give_up", "bridge.abandon", "operator.abandon", "bridge.give_up")


@clause(
    "RCPT-4",
    zh="同一案卷同一方向同时至多一张表单等待回执,其后的表单依次等候",
    en="at most one form a case and direction is waiting for its receipt; later forms of the case wait their turn",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """A form may go out when every earlier one of its lane has been receipted, refused or ended by a person."""
    given_up = [(a.n, a.case_number) for a in trace.acts(*GIVING_UP) if a.done]
    lanes: dict[tuple[str, str, str], list[Sending]] = {}
    for sending in trace.sendings():
        lanes.setdefault((sending.sender, sending.to, sending.case_number), []).append(sending)
    for (sender, _, case_number), lane in lanes.items():
        for earlier, later in pairwise(lane):
            end = _end(earlier)
            person = any(earlier.n < n < later.n and case in (None, case_number) for n, case in given_up)
            if (end is None or end > later.n) and not person:
                if trace.recording is not None and _unclear(earlier, later, profile):
                    continue
                yield Violation(
                    f"案卷 {case_number} 的 {earlier.form_type} 尚无回执,{sender} 又发出了 {later.form_type}",
                    f"{sender} sent {later.form_type} of case {case_number} while {earlier.form_type} had no receipt yet",
                    (earlier.n, later.n),
                    sender,
                )
            else:
                yield Seen((earlier.n, later.n))


def _unclear(earlier: Sending, later: Sending, profile: Profile) -> bool:
    """Tell whether a recording lacks what may have freed the lane: an answer that was not kept, or a person who gave the form up.

    Nobody gives a form up while its receipt is not even due.
    """
    before = [a for a in earlier.attempts if a.n < later.n]
    waited = (later.at - before[-1].at).total_seconds()
    return waited >= profile.delivery.receipt_timeout_seconds or any(a.outcome is None for a in before)


def _end(sending: Sending) -> int | None:
    """Record number from which the lane is free again."""
    ends = [r.n for r in sending.receipts if r.heard]
    refused = sending.refused_for_good
    if refused is not None:
        ends.append(refused.answer_n)
    return min(ends, default=None)
