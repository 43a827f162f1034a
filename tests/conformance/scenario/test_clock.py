"""How far the clock goes."""

from datetime import date, datetime

import pytest

from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.times import SHANGHAI
from conformance.scenario.clock import arrive, read_advance, read_moment

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)


def after(text: str, now: datetime = MONDAY, hours: WorkingTime | None = None) -> str:
    return f"{arrive(now, read_advance(text), hours or WorkingTime()):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90 seconds", "2026-03-02 09:01"),
        ("10 minutes", "2026-03-02 09:10"),
        ("1 hour", "2026-03-02 10:00"),
        ("2 days", "2026-03-04 09:00"),
        ("3 working hours", "2026-03-02 12:00"),
        ("4 working hours", "2026-03-02 15:30"),
        ("6 working hours", "2026-03-02 17:30"),
        ("7 working hours", "2026-03-03 09:00"),
        ("1 working day", "2026-03-03 09:00"),
        ("5 working days", "2026-03-09 09:00"),
        ("to 2026-03-05 10:00", "2026-03-05 10:00"),
    ],
)
def test_the_clock_comes_to_the_moment_that_was_said(text: str, moment: str) -> None:
    assert after(text) == moment


def test_working_days_pass_over_the_spring_festival() -> None:
    assert after("1 working day", datetime(2026, 2, 14, 9, 0, tzinfo=SHANGHAI)) == "2026-02-24 09:00"


def test_the_city_adds_days_off_and_working_days() -> None:
    hours = WorkingTime(extra_holidays=(date(2026, 3, 3),), extra_workdays=(date(2026, 3, 7),))
    assert after("1 working day", hours=hours) == "2026-03-04 09:00"
    assert after("1 working day", datetime(2026, 3, 6, 9, 0, tzinfo=SHANGHAI), hours) == "2026-03-07 09:00"


def test_working_hours_begin_when_work_begins() -> None:
    assert after("1 working hour", datetime(2026, 3, 1, 22, 0, tzinfo=SHANGHAI)) == "2026-03-02 09:00"


def test_the_next_timer_is_the_stage_s_to_tell() -> None:
    assert read_advance("to next timer").to_next_timer


@pytest.mark.parametrize("text", ["soon", "to 2026-02-30 10:00", "ten minutes", ""])
def test_what_says_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text itself is the message
        read_advance(text)


def test_a_moment_is_one_of_the_exchange_s_zone() -> None:
    assert read_moment("2026-03-02 09:00") == MONDAY
