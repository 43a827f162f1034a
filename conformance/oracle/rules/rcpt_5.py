"""RCPT-5: no receipt in time, then the same form again with the same id after growing gaps; nothing is dropped."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.rules.rcpt_1 import patience
from conformance.oracle.rules.rcpt_4 import GIVING_UP
from conformance.oracle.trace import Attempt, Sending, Trace

#: Acts by which a person has a parked form sent again.
SENDING_AGAIN = ("workstation.resend", "exchange.resend", "bridge.release", "operator.release", "bridge.resend")

#: Acts by which a person stops a form, and takes on what becomes of it.
STOPPING = ("bridge.park",)


@clause(
    "RCPT-5",
    zh="到时无回执则以同一报文标识、逐次加长的间隔重发,直至挂起;不丢弃任何表单",
    en="without a receipt in time the same form is sent again under the same id after growing gaps, then parked; nothing is dropped",
    needs=Needs.HOP,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each sending's attempts; what a person sends again, or a party after its restart, keeps no gap."""
    by_hand = [a.n for a in trace.acts(*SENDING_AGAIN, *STOPPING, *GIVING_UP) if a.done]
    for sending in trace.sendings():
        own = [a for a in sending.attempts if not a.by_network]
        if len(own) > 1:
            yield from _repetitions(trace, profile, sending, by_hand)
        if not own or sending.effective or sending.refused_for_good or not sending.disturbed:
            continue
        if not trace.rested(sending.case_number):
            continue
        end, last = trace.end_at, own[-1]
        spent = len(own) >= profile.delivery.max_attempts or _time_is_up(profile, own, end)
        if end and not spent and end - last.at > patience(profile, len(own)) and not any(n > last.n for n in by_hand):
            yield Violation(
                f"{sending.sender} 在第 {len(own)} 次之后再未重发 {sending.form_type},也未挂起",
                f"{sending.sender} dropped {sending.form_type} after sending {len(own)}",
                (last.n,),
                sending.sender,
            )


def _time_is_up(profile: Profile, own: Sequence[Attempt], end: datetime | None) -> bool:
    """Tell whether the form has been on its way for as long as the profile allows, where it limits that."""
    limit = profile.delivery.park_after_seconds
    return bool(limit) and end is not None and (end - own[0].at).total_seconds() >= limit


def _repetitions(trace: Trace, profile: Profile, sending: Sending, by_hand: list[int]) -> Iterator[Finding]:
    gaps = profile.delivery.retry_gaps_seconds
    restarts = [int(r["n"]) for r in trace.of_type("restart") if r.get("party") == sending.sender]
    own = [a for a in sending.attempts if not a.by_network]
    tried = 0
    # No recording from the wire shows the person, or the restart, behind a hasty repetition. It is believed once a form.
    excused = trace.recording is None
    for number, (before, after) in enumerate(pairwise(own), 2):
        if after.form != before.form:
            yield Violation(
                f"{sending.sender} 重发 {sending.form_type} 时标识未变而内容变了",
                f"{sending.sender} repeated {sending.form_type} under the same id with other content",
                (before.n, after.n),
                sending.sender,
            )
            continue
        interrupted = any(before.n < n < after.n for n in [*by_hand, *restarts])
        # Whoever sends again by hand, or wakes up, begins with the first gap.
        tried = 0 if interrupted else tried + 1
        gap = gaps[min(tried, len(gaps)) - 1] if gaps and tried else 0
        hasty = (after.at - before.at).total_seconds() < gap - 1 or 0 < after.number <= before.number
        if hasty and not interrupted and not excused:
            excused, tried = True, 0
            continue
        if not interrupted and (after.at - before.at).total_seconds() < gap - 1:
            yield Violation(
                f"{sending.form_type} 第 {number} 次发送只隔了 {(after.at - before.at).total_seconds():.0f} 秒,应不少于 {gap} 秒",
                f"sending {number} of {sending.form_type} came after {(after.at - before.at).total_seconds():.0f} s, not {gap} s",
                (before.n, after.n),
                sending.sender,
            )
            continue
        if not interrupted and 0 < after.number <= before.number:
            yield Violation(
                f"{sending.form_type} 重发时发送次数仍写 {after.number}",
                f"a repetition of {sending.form_type} still says attempt {after.number}",
                (before.n, after.n),
                sending.sender,
            )
            continue
        yield Seen((before.n, after.n))
    most = profile.delivery.max_attempts * (1 if trace.recording is None else 2)
    # A far end that does not accept the account has said nothing about the form.
    counted = [a for a in own if (a.fault or {}).get("code") not in ACCOUNT_NOT_ACCEPTED]
    if len(counted) > most and not any(own[0].n < n for n in [*by_hand, *restarts]):
        yield Violation(
            f"{sending.form_type} 发送了 {len(counted)} 次,超过上限 {most}",
            f"{sending.form_type} was sent {len(counted)} times, more than {most}",
            tuple(a.n for a in counted),
            sending.sender,
        )
