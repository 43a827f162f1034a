"""A limit from its start to its end, stretch by stretch: when the clock ran, and why it stood still in between (INT-2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import chinese_calendar

from bridge.vocabulary.times import SHANGHAI, in_shanghai
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.limits import Limit, LimitUnit, after

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class StretchKind(StrEnum):
    """What the clock did, and on what ground."""

    #: 计时: it ran.
    RUNNING = "running"
    #: 调休上班计时: it ran on a day that would have been off.
    MAKE_UP = "make_up"
    #: 午休 and other breaks between two spans of a day.
    BREAK = "break"
    #: 非工作时间: before work and after it.
    NIGHT = "night"
    #: 周末.
    WEEKEND = "weekend"
    #: 法定节假日; the stretch has its name.
    HOLIDAY = "holiday"
    #: 本市休息日: the profile lists it.
    CITY_HOLIDAY = "city_holiday"


#: While it does one of these the clock runs.
RUNS = frozenset({StretchKind.RUNNING, StretchKind.MAKE_UP})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the way from start to end; the stretches of a limit follow each other without a gap."""

    start: datetime
    end: datetime
    kind: StretchKind
    #: Of a holiday, or of the holiday that a make-up day belongs to.
    name_zh: str | None = None
    name_en: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """A limit with its start, its end and what lay between."""

    limit: Limit
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...]

    @property
    def ran(self) -> timedelta:
        """How long the clock ran in all."""
        return sum((s.end - s.start for s in self.stretches if s.kind in RUNS), timedelta(0))


def explain(calendar: WorkingCalendar, limit: Limit, start: datetime) -> Explained:
    """Follow a limit begun at `start` to its end."""
    start = in_shanghai(start)
    end = after(calendar, limit, start)
    if limit.unit in (LimitUnit.URGENT_HOUR, LimitUnit.CALENDAR_DAY):
        return Explained(limit, start, end, (Stretch(start, end, StretchKind.RUNNING),))
    return Explained(limit, start, end, tuple(_joined(_between(calendar, start, end))))


def _between(calendar: WorkingCalendar, start: datetime, end: datetime) -> Iterator[Stretch]:
    day = start.date()
    while day <= end.date():
        for stretch in _of_day(calendar, day):
            begin, close = max(stretch.start, start), min(stretch.end, end)
            if begin < close:
                yield Stretch(begin, close, stretch.kind, stretch.name_zh, stretch.name_en)
        day += _ONE_DAY


def _of_day(calendar: WorkingCalendar, day: date) -> Iterator[Stretch]:
    """A whole day from midnight to midnight."""
    midnight = datetime.combine(day, time(0, 0), SHANGHAI)
    spans = calendar.spans_of(day)
    holiday = _holiday(day)
    if not spans:
        yield Stretch(midnight, midnight + _ONE_DAY, *_why_off(calendar, day, holiday))
        return
    make_up = day.weekday() >= _SATURDAY or holiday is not None
    running = (StretchKind.MAKE_UP, *(holiday or (None, None))) if make_up else (StretchKind.RUNNING,)
    reached = midnight
    for begin, close in spans:
        yield Stretch(reached, begin, StretchKind.NIGHT if reached == midnight else StretchKind.BREAK)
        yield Stretch(begin, close, *running)
        reached = close
    yield Stretch(reached, midnight + _ONE_DAY, StretchKind.NIGHT)


def _why_off(
    calendar: WorkingCalendar, day: date, holiday: tuple[str, str] | None
) -> tuple[StretchKind, str | None, str | None]:
    if calendar.listed(day) is False:
        return StretchKind.CITY_HOLIDAY, None, None
    return (StretchKind.WEEKEND, None, None) if holiday is None else (StretchKind.HOLIDAY, *holiday)


def _holiday(day: date) -> tuple[str, str] | None:
    """The holiday that the national calendar gives the day off for, or has it made up for; in Chinese and English."""
    try:
        _, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    if name is None:
        return None
    return chinese_calendar.Holiday(name).chinese, name


def _joined(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """One stretch where two neighbours say the same: the night from one day into the next, the two days of a weekend."""
    before: Stretch | None = None
    for stretch in stretches:
        if before is not None and (before.kind, before.name_zh) == (stretch.kind, stretch.name_zh):
            before = Stretch(before.start, stretch.end, stretch.kind, stretch.name_zh, stretch.name_en)
            continue
        if before is not None:
            yield before
        before = stretch
    if before is not None:
        yield before
