"""INT-2: limits run in working time, with public holidays and make-up days."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.times import SHANGHAI
from simulators.urban.calendar import CalendarUnknown, WorkingCalendar

CALENDAR = WorkingCalendar(WorkingTime())
MOMENTS = st.integers(0, 545 * 24 * 60).map(lambda m: datetime(2025, 1, 1, tzinfo=SHANGHAI) + timedelta(minutes=m))
DURATIONS = st.timedeltas(timedelta(0), timedelta(hours=200))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-02T09:00", 3, "2026-03-02T12:00"),
        ("2026-03-02T09:00", 4, "2026-03-02T15:30"),
        ("2026-03-02T12:30", 1, "2026-03-02T15:30"),
        ("2026-03-02T06:00", 1, "2026-03-02T09:00"),
        ("2026-03-02T17:30", 1, "2026-03-03T09:00"),
        ("2026-03-06T17:00", 1, "2026-03-09T08:30"),
        ("2026-03-07T10:00", 4, "2026-03-09T12:00"),
    ],
    ids=[
        "inside the morning",
        "over noon",
        "starting at noon",
        "starting before work",
        "starting at the end of work",
        "over a weekend",
        "starting on a Saturday",
    ],
)
def test_hours_run_only_while_people_work(start: str, hours: int, end: str) -> None:
    assert CALENDAR.add(at(start), timedelta(hours=hours)) == at(end)


def test_the_national_day_week_is_skipped_and_its_make_up_saturday_counts() -> None:
    assert not CALENDAR.is_working_day(date(2025, 10, 1))
    assert not CALENDAR.is_working_day(date(2025, 10, 8))
    assert CALENDAR.is_working_day(date(2025, 10, 11))


def test_a_working_day_ends_at_the_same_time_of_day() -> None:
    assert CALENDAR.add_days(at("2026-03-06T10:00"), 3) == at("2026-03-11T10:00")


def test_days_of_the_city_have_the_last_word() -> None:
    calendar = WorkingCalendar(
        WorkingTime(extra_holidays=(date(2026, 3, 3),), extra_workdays=(date(2026, 3, 7),)),
    )
    assert not calendar.is_working_day(date(2026, 3, 3))
    assert calendar.is_working_day(date(2026, 3, 7))


def test_a_year_that_nobody_published_is_refused_by_name() -> None:
    with pytest.raises(CalendarUnknown, match="2100") as caught:
        CALENDAR.add(at("2100-03-01T10:00"), timedelta(hours=1))
    assert "2100" in caught.value.message_zh


def test_a_year_that_the_profile_lists_days_of_is_reckoned_by_weekdays() -> None:
    calendar = WorkingCalendar(WorkingTime(extra_holidays=(date(2100, 3, 1),)))
    assert not calendar.is_working_day(date(2100, 3, 1))
    assert calendar.is_working_day(date(2100, 3, 2))
    assert not calendar.is_working_day(date(2100, 3, 6))


@pytest.mark.parametrize(
    "hours",
    [(), ((time(9), time(9)),), ((time(8), time(12)), (time(11), time(15)))],
    ids=["none", "empty", "overlapping"],
)
def test_hours_that_make_no_day_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(ValueError, match="hours"):
        WorkingCalendar(WorkingTime(hours=hours))


def test_working_time_cannot_be_taken_back() -> None:
    with pytest.raises(ValueError, match="taken back"):
        CALENDAR.add(at("2026-03-02T09:00"), timedelta(hours=-1))


@given(MOMENTS, DURATIONS)
def test_measuring_undoes_adding(moment: datetime, working: timedelta) -> None:
    assert CALENDAR.between(moment, CALENDAR.add(moment, working)) == working


@given(MOMENTS, MOMENTS, DURATIONS)
def test_a_later_start_never_ends_earlier(one: datetime, other: datetime, working: timedelta) -> None:
    earlier, later = sorted((one, other))
    assert CALENDAR.add(earlier, working) <= CALENDAR.add(later, working)


@given(MOMENTS, DURATIONS, DURATIONS)
def test_adding_twice_is_adding_the_sum(moment: datetime, first: timedelta, second: timedelta) -> None:
    assert CALENDAR.add(CALENDAR.add(moment, first), second) == CALENDAR.add(moment, first + second)


@given(MOMENTS, DURATIONS)
def test_a_limit_ends_inside_working_hours(moment: datetime, working: timedelta) -> None:
    end = CALENDAR.add(moment, working + timedelta(microseconds=1))
    assert CALENDAR.is_working_day(end.date())
    assert time(8) <= end.time() <= time(12) or time(14, 30) <= end.time() <= time(17, 30)
