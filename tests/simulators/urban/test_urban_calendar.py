"""INT-2: limits run in working time, with public holidays and make-up days."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.vocabulary.profile import Season, WorkingTime
from bridge.vocabulary.times import SHANGHAI
from simulators.urban.calendar import CalendarUnknown, WorkingCalendar

CALENDAR = WorkingCalendar(WorkingTime())
SUMMER = Season(name="夏季", first="05-01", last="09-30", hours=((time(8), time(12)), (time(15), time(18, 30))))
WINTER = Season(
    name="冬季",
    first="12-01",
    last="02-28",
    hours=(
        (time(9), time(12)),
        (time(14), time(17)),
    ),
)
SEASONAL = WorkingCalendar(WorkingTime(seasons=(SUMMER, WINTER)))
BOTH = pytest.mark.parametrize("calendar", [CALENDAR, SEASONAL], ids=["the same hours all year", "seasons"])
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


@BOTH
@given(MOMENTS, DURATIONS)
def test_measuring_undoes_adding(calendar: WorkingCalendar, moment: datetime, working: timedelta) -> None:
    assert calendar.between(moment, calendar.add(moment, working)) == working


@BOTH
@given(MOMENTS, MOMENTS, DURATIONS)
def test_a_later_start_never_ends_earlier(
    calendar: WorkingCalendar, one: datetime, other: datetime, working: timedelta
) -> None:
    earlier, later = sorted((one, other))
    assert calendar.add(earlier, working) <= calendar.add(later, working)


@BOTH
@given(MOMENTS, DURATIONS, DURATIONS)
def test_adding_twice_is_adding_the_sum(
    calendar: WorkingCalendar, moment: datetime, first: timedelta, second: timedelta
) -> None:
    assert calendar.add(calendar.add(moment, first), second) == calendar.add(moment, first + second)


@BOTH
@given(MOMENTS, MOMENTS, st.integers(0, 40))
def test_working_days_keep_the_order_of_their_starts(
    calendar: WorkingCalendar, one: datetime, other: datetime, days: int
) -> None:
    earlier, later = sorted((one, other))
    assert calendar.add_days(earlier, days) <= calendar.add_days(later, days)


@BOTH
@given(MOMENTS, st.integers(0, 40), st.integers(0, 40))
def test_working_days_in_two_parts_are_working_days_in_one(
    calendar: WorkingCalendar, moment: datetime, first: int, second: int
) -> None:
    """A change of season rounds to whole microseconds, and nothing more."""
    parts = calendar.add_days(calendar.add_days(moment, first), second)
    assert abs(parts - calendar.add_days(moment, first + second)) <= timedelta(microseconds=1)


@given(MOMENTS, st.integers(0, 120))
def test_days_of_one_length_are_their_working_time(moment: datetime, days: int) -> None:
    assert CALENDAR.add_days(moment, days) == CALENDAR.add(moment, days * timedelta(hours=7))


@BOTH
@given(MOMENTS)
def test_a_year_of_single_working_days_does_not_drift(calendar: WorkingCalendar, moment: datetime) -> None:
    reached = moment - timedelta(days=365)
    start = reached
    for _ in range(249):
        reached = calendar.add_days(reached, 1)
    assert abs(reached - calendar.add_days(start, 249)) <= timedelta(microseconds=4)  # four changes of season in a year


@BOTH
@given(MOMENTS, st.integers(1, 40))
def test_as_many_working_days_lie_between_as_were_added(calendar: WorkingCalendar, moment: datetime, days: int) -> None:
    end = calendar.add_days(moment, days)
    share = sum(
        (calendar.between(max(moment, opens), min(end, closes)) / calendar.length_of(opens.date()))
        for opens, closes in _whole_days(moment, end)
        if calendar.is_working_day(opens.date())
    )
    assert share == pytest.approx(days)


def _whole_days(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    midnight = datetime.combine(start.date(), time(0), SHANGHAI)
    days = (end.date() - start.date()).days + 1
    return [(midnight + timedelta(days=n), midnight + timedelta(days=n + 1)) for n in range(days)]


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-04-30T08:00", 1, "2026-04-30T17:30"),
        ("2026-04-30T10:00", 1, "2026-05-06T10:08:34.285714"),
        ("2026-05-06T15:00", 1, "2026-05-07T12:00"),
        ("2026-09-29T08:00", 3, "2026-10-08T17:30"),
    ],
    ids=[
        "before the season",
        "into the season, at the same share of the day",
        "inside the season",
        "out of the season",
    ],
)
def test_a_working_day_is_one_whatever_its_seasons_hours(start: str, days: int, end: str) -> None:
    assert SEASONAL.add_days(at(start), days) == at(end)


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 4, 30), 8),
        (date(2026, 12, 1), 9),
        (date(2026, 1, 5), 9),
        (date(2026, 2, 27), 9),
        (date(2026, 3, 2), 8),
    ],
    ids=["spring", "the first day", "after the turn of the year", "near the end", "after the end"],
)
def test_a_season_may_run_over_the_end_of_the_year(day: date, opens: int) -> None:
    assert SEASONAL.spans_of(day)[0][0].hour == opens


def test_hours_of_a_season_that_make_no_day_are_refused() -> None:
    with pytest.raises(ValueError, match="hours"):
        WorkingCalendar(WorkingTime(seasons=(Season(name="x", first="05-01", last="05-02", hours=()),)))


def test_working_days_cannot_be_taken_back() -> None:
    with pytest.raises(ValueError, match="taken back"):
        CALENDAR.add_days(at("2026-03-02T09:00"), -1)


@given(MOMENTS, DURATIONS)
def test_a_limit_ends_inside_working_hours(moment: datetime, working: timedelta) -> None:
    end = CALENDAR.add(moment, working + timedelta(microseconds=1))
    assert CALENDAR.is_working_day(end.date())
    assert time(8) <= end.time() <= time(12) or time(14, 30) <= end.time() <= time(17, 30)
