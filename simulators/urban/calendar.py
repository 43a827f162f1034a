"""Working time in Asia/Shanghai: the national calendar, make-up days, and what the city adds (INT-2).

Pure arithmetic on moments. «3 working days» from a moment inside working time ends at the same time of day on the third
working day after; where the hours change with the season in between, at the same share of the day.
"""

from datetime import date, datetime, time, timedelta

import chinese_calendar

from bridge.vocabulary.profile import Hours, WorkingTime
from bridge.vocabulary.times import SHANGHAI, in_shanghai

_ONE_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
#: Monday to Friday, where a year is known from the profile's own lists alone.
_SATURDAY = 5


class CalendarUnknown(Exception):
    """The national calendar of this year is not published here, and the profile lists no days of its own for it."""

    def __init__(self, year: int):
        self.year = year
        self.message_zh = (
            f"没有 {year} 年的节假日安排,无法计算时限;请升级 chinesecalendar,或在配置 working_time 中列出该年的节假日。"
        )
        self.message_en = (
            f"The public holidays of {year} are not known, so no limit can be computed; upgrade chinesecalendar "
            "or list days of that year under working_time in the profile."
        )
        super().__init__(self.message_en)


class WorkingCalendar:
    """Adds and measures working time. Every moment given must be aware; every moment returned is in Asia/Shanghai."""

    def __init__(self, working_time: WorkingTime):
        for hours in (working_time.hours, *(season.hours for season in working_time.seasons)):
            _refuse_what_makes_no_day(hours)
        self._working_time = working_time
        self._holidays = frozenset(working_time.extra_holidays)
        self._workdays = frozenset(working_time.extra_workdays)
        self._own_years = frozenset(day.year for day in self._holidays | self._workdays)
        self._spans: dict[date, tuple[tuple[datetime, datetime], ...]] = {}

    def listed(self, day: date) -> bool | None:
        """Whether the profile's own lists make it a working day or a day off; None when they do not name it."""
        if day in self._workdays:
            return True
        return False if day in self._holidays else None

    def is_working_day(self, day: date) -> bool:
        """Whether people work on this day; the profile's lists have the last word."""
        listed = self.listed(day)
        if listed is not None:
            return listed
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            if day.year in self._own_years:
                return day.weekday() < _SATURDAY
            raise CalendarUnknown(day.year) from None

    def add(self, moment: datetime, working: timedelta) -> datetime:
        """Return the earliest moment, not before `moment`, by which this much working time has passed since."""
        if working < timedelta(0):
            raise ValueError("working time cannot be taken back")
        moment = in_shanghai(moment)
        if not working:
            return moment
        left, day = working, moment.date()
        while True:
            for start, end in self.spans_of(day):
                begin = max(start, moment)
                if begin >= end:
                    continue
                if left <= end - begin:
                    return begin + left
                left -= end - begin
            day += _ONE_DAY

    def between(self, earlier: datetime, later: datetime) -> timedelta:
        """Measure the working time from one moment to a later one; zero when it is not later."""
        earlier, later = in_shanghai(earlier), in_shanghai(later)
        total, day = timedelta(0), earlier.date()
        while day <= later.date():
            for start, end in self.spans_of(day):
                total += max(min(end, later) - max(start, earlier), timedelta(0))
            day += _ONE_DAY
        return total

    def add_days(self, moment: datetime, days: int) -> datetime:
        """Return the moment that this many working days have passed by.

        Each working day is one, however long the hours of its season are: who starts with a third of a day behind them ends
        with a third of a day behind them.
        """
        if days < 0:
            raise ValueError("working days cannot be taken back")
        moment = in_shanghai(moment)
        if not days:
            return moment
        day = moment.date()
        length = self.length_of(day)
        worked = self.between(_midnight(day), moment)
        begun, over = worked > timedelta(0), worked == length
        left = days if begun or not length else days - 1
        while left:
            day += _ONE_DAY
            left -= self.is_working_day(day)
        if over or not begun:
            return self.spans_of(day)[-1][1]
        # Whole microseconds, and exact between days of equal length.
        share = (worked // _TICK) * (self.length_of(day) // _TICK) // (length // _TICK)
        return self.add(_midnight(day), share * _TICK)

    def length_of(self, day: date) -> timedelta:
        """Working time of one day; none on a day off."""
        return sum((end - start for start, end in self.spans_of(day)), timedelta(0))

    def spans_of(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Return the working hours of one day as moments; none on a day off."""
        spans = self._spans.get(day)
        if spans is None:
            spans = ()
            if self.is_working_day(day):
                spans = tuple(
                    (datetime.combine(day, start, SHANGHAI), datetime.combine(day, end, SHANGHAI))
                    for start, end in sorted(self._working_time.hours_on(day))
                )
            self._spans[day] = spans
        return spans


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0, 0), SHANGHAI)


def _refuse_what_makes_no_day(hours: Hours) -> None:
    if not hours:
        raise ValueError("a day without working hours")
    latest = time(0, 0)
    for start, end in sorted(hours):
        if not latest <= start < end:
            raise ValueError(f"working hours overlap or are empty: {start}-{end}")
        latest = end
