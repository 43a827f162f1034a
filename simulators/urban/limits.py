"""When a disposal is due: the limit of the category, run in its own unit (INT-2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.vocabulary.codes import CaseGrade
from simulators.urban.calendar import WorkingCalendar


class LimitUnit(StrEnum):
    """The four units of the city handbooks."""

    #: 紧急工作时: runs around the clock.
    URGENT_HOUR = "urgent_hour"
    #: 工作时: inside working time.
    WORKING_HOUR = "working_hour"
    #: 工作日.
    WORKING_DAY = "working_day"
    #: 天.
    CALENDAR_DAY = "calendar_day"


#: For an urgent case the clock does not stop at night: each unit that does is replaced by its twin that doesn't.
_AROUND_THE_CLOCK = {
    LimitUnit.WORKING_HOUR: LimitUnit.URGENT_HOUR,
    LimitUnit.WORKING_DAY: LimitUnit.CALENDAR_DAY,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of units."""

    amount: int
    unit: LimitUnit


#: Where the table names no limit of its own.
DEFAULT_LIMIT = Limit(4, LimitUnit.WORKING_HOUR)


def due_at(calendar: WorkingCalendar, limit: Limit, grade: CaseGrade, start: datetime) -> datetime:
    """Return the moment at which a disposal begun at `start` is due."""
    return after(calendar, graded(limit, grade), start)


def graded(limit: Limit, grade: CaseGrade) -> Limit:
    """Return the limit as it runs for a case of this grade."""
    if grade is CaseGrade.ORDINARY:
        return limit
    return Limit(limit.amount, _AROUND_THE_CLOCK.get(limit.unit, limit.unit))


def after(calendar: WorkingCalendar, limit: Limit, start: datetime) -> datetime:
    """Return the moment that a limit begun at `start` ends at, in its own unit."""
    if limit.unit is LimitUnit.URGENT_HOUR:
        return start + timedelta(hours=limit.amount)
    if limit.unit is LimitUnit.CALENDAR_DAY:
        return start + timedelta(days=limit.amount)
    if limit.unit is LimitUnit.WORKING_DAY:
        return calendar.add_days(start, limit.amount)
    return calendar.add(start, timedelta(hours=limit.amount))
