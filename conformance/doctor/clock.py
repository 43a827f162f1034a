"""How far the clock of a system lies from ours, and what that means for tokens and limits."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from conformance.checks.result import Text
from conformance.doctor.finding import Finding, Level, Topic

#: A `Date` header counts whole seconds, and an answer takes its time.
PRECISION = timedelta(seconds=1)


def date_of(header: str | None) -> datetime | None:
    """The moment of a `Date` header; None when there is none that can be read."""
    try:
        found = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def skew(theirs: datetime, before: datetime, after: datetime) -> timedelta:
    """How far their clock is ahead of ours (negative: behind), when it was read at some moment between `before` and `after`."""
    if theirs < before:
        return theirs - before
    return theirs - after if theirs > after else timedelta()


def judged(apart: timedelta, limit_seconds: int) -> Finding:
    """What a skew means: beyond the freshness of a token no call would be let in; beyond half of it somebody should know."""
    seconds = round(apart.total_seconds())
    far = abs(seconds)
    level = Level.FAILURE if far > limit_seconds else Level.WARNING if far > limit_seconds / 2 else Level.OK
    zh_side, en_side = ("快", "ahead of") if seconds > 0 else ("慢", "behind")
    said = (
        Text(
            f"系统时钟比本机{zh_side} {far} 秒,令牌时间最多允许相差 {limit_seconds} 秒",
            f"the system's clock is {far} s {en_side} ours; {limit_seconds} s are allowed for tokens",
        )
        if apart and abs(apart) > PRECISION
        else Text("与本机时钟一致", "agrees with ours")
    )
    step = Text(
        "校准两台机器的时钟(NTP);检查 security.clock_skew_seconds",
        "set both machines by the same time server; look at security.clock_skew_seconds",
    )
    return Finding(Topic.CLOCK, level, said, step if level is not Level.OK else Text("", ""))
