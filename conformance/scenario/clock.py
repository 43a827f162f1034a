"""How far `clock.advance` moves the clock, working time included."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import chinese_calendar

from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.times import SHANGHAI, in_shanghai

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Advance:
    """A wish to move the clock; exactly one of the fields is set."""

    #: Plain time.
    by: timedelta | None = None
    #: Seconds of working time.
    working_seconds: int | None = None
    #: The same time of day that many working days later.
    working_days: int | None = None
    to: datetime | None = None
    to_next_timer: bool = False


def read_duration(text: str) -> timedelta:
    """`10 minutes` as a time span; raises `ValueError` for anything else."""
    match = re.fullmatch(r"([0-9]+) (second|minute|hour|day)s?", text)
    if match is None:
        raise ValueError(text)
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def read_advance(text: str) -> Advance:
    """The text of a `clock.advance`; raises `ValueError` for one that says nothing sensible, such as a 31st of June."""
    if text == "to next timer":
        return Advance(to_next_timer=True)
    if text.startswith("to "):
        return Advance(to=read_moment(text.removeprefix("to ")))
    match = re.fullmatch(r"([0-9]+) working (hour|day)s?", text)
    if match is None:
        return Advance(by=read_duration(text))
    number = int(match[1])
    return Advance(working_seconds=number * 3600) if match[2] == "hour" else Advance(working_days=number)


def read_moment(text: str) -> datetime:
    """`2026-03-05 10:00` in Asia/Shanghai."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)


def arrive(now: datetime, advance: Advance, hours: WorkingTime) -> datetime:
    """The moment that an advance from `now` leads to; `to_next_timer` is the stage's to answer."""
    if advance.by is not None:
        return now + advance.by
    if advance.to is not None:
        return advance.to
    if advance.working_days is not None:
        return _working_days_later(now, advance.working_days, hours)
    return _working_seconds_later(now, advance.working_seconds or 0, hours)


def is_working_day(day: datetime, hours: WorkingTime) -> bool:
    """Whether people work on that day: the national calendar, and what the city adds to it."""
    date = in_shanghai(day).date()
    if date in hours.extra_workdays:
        return True
    if date in hours.extra_holidays:
        return False
    try:
        return bool(chinese_calendar.is_workday(date))
    except NotImplementedError:
        # The national calendar of that year is not known here: Monday to Friday, and what the city lists.
        return date.isoweekday() <= 5


def _working_days_later(now: datetime, days: int, hours: WorkingTime) -> datetime:
    while days > 0:
        now += timedelta(days=1)
        days -= is_working_day(now, hours)
    return now


def _working_seconds_later(now: datetime, seconds: int, hours: WorkingTime) -> datetime:
    now = in_shanghai(now)
    left = timedelta(seconds=seconds)
    while True:
        if is_working_day(now, hours):
            for begin, end in hours.hours_on(now.date()):
                opens = max(now, datetime.combine(now.date(), begin, tzinfo=SHANGHAI))
                closes = datetime.combine(now.date(), end, tzinfo=SHANGHAI)
                if closes <= opens:
                    continue
                if opens + left <= closes:
                    return opens + left
                left -= closes - opens
        now = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), tzinfo=SHANGHAI)
