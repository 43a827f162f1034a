"""INT-2: a limit told stretch by stretch, with the reason of every pause."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.times import SHANGHAI
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.explained import RUNS, StretchKind, explain
from simulators.urban.limits import Limit, LimitUnit, after

CALENDAR = WorkingCalendar(WorkingTime())
MOMENTS = st.integers(0, 545 * 24 * 60).map(lambda m: datetime(2025, 1, 1, tzinfo=SHANGHAI) + timedelta(minutes=m))
LIMITS = st.builds(Limit, st.integers(1, 40), st.sampled_from(LimitUnit))

K = StretchKind


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def told(
    start: str, amount: int, unit: LimitUnit, calendar: WorkingCalendar = CALENDAR
) -> list[tuple[str, StretchKind]]:
    return [(f"{s.start:%m-%dT%H:%M}", s.kind) for s in explain(calendar, Limit(amount, unit), at(start)).stretches]


def test_noon_and_night_and_weekend_are_pauses_with_their_names() -> None:
    assert told("2026-03-06T11:00", 8, LimitUnit.WORKING_HOUR) == [
        ("03-06T11:00", K.RUNNING),
        ("03-06T12:00", K.BREAK),
        ("03-06T14:30", K.RUNNING),
        ("03-06T17:30", K.NIGHT),
        ("03-07T00:00", K.WEEKEND),
        ("03-09T00:00", K.NIGHT),
        ("03-09T08:00", K.RUNNING),
    ]


def test_a_holiday_has_its_name_in_both_languages() -> None:
    explained = explain(CALENDAR, Limit(2, LimitUnit.WORKING_DAY), at("2026-09-30T10:00"))
    [holiday] = [s for s in explained.stretches if s.kind is K.HOLIDAY]
    assert (holiday.name_zh, holiday.name_en) == ("国庆节", "National Day")
    assert (holiday.start, holiday.end) == (at("2026-10-01T00:00"), at("2026-10-08T00:00"))


def test_a_make_up_working_day_runs_and_says_what_it_makes_up_for() -> None:
    explained = explain(CALENDAR, Limit(4, LimitUnit.WORKING_HOUR), at("2026-02-13T16:00"))
    last = explained.stretches[-1]
    assert (last.kind, last.name_zh) == (K.MAKE_UP, "春节")
    assert explained.end == at("2026-02-14T10:30")


def test_a_day_off_of_the_city_is_told_apart_from_a_public_holiday() -> None:
    calendar = WorkingCalendar(WorkingTime(extra_holidays=(date(2026, 3, 3),), extra_workdays=(date(2026, 3, 7),)))
    kinds = dict(told("2026-03-02T16:00", 5, LimitUnit.WORKING_DAY, calendar))
    assert kinds["03-03T00:00"] is K.CITY_HOLIDAY
    assert kinds["03-07T08:00"] is K.MAKE_UP


@pytest.mark.parametrize("unit", [LimitUnit.URGENT_HOUR, LimitUnit.CALENDAR_DAY])
def test_what_runs_around_the_clock_has_no_pause(unit: LimitUnit) -> None:
    assert told("2026-09-30T16:00", 30, unit) == [("09-30T16:00", K.RUNNING)]


@given(MOMENTS, LIMITS)
def test_the_stretches_lead_from_the_start_to_the_end_without_a_gap(start: datetime, limit: Limit) -> None:
    explained = explain(CALENDAR, limit, start)
    assert explained.end == after(CALENDAR, limit, start)
    assert (explained.stretches[0].start, explained.stretches[-1].end) == (start, explained.end)
    assert all(one.end == next_.start for one, next_ in pairwise(explained.stretches))
    assert all(one.start < one.end for one in explained.stretches)


@given(MOMENTS, LIMITS)
def test_no_two_stretches_in_a_row_say_the_same(start: datetime, limit: Limit) -> None:
    stretches = explain(CALENDAR, limit, start).stretches
    assert all((a.kind, a.name_zh) != (b.kind, b.name_zh) for a, b in pairwise(stretches))


@given(MOMENTS, st.integers(1, 300))
def test_the_clock_ran_for_exactly_the_limit(start: datetime, hours: int) -> None:
    explained = explain(CALENDAR, Limit(hours, LimitUnit.WORKING_HOUR), start)
    assert explained.ran == timedelta(hours=hours)
    assert explained.stretches[-1].kind in RUNS
