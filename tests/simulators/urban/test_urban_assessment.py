"""INT-2, INT-3, INT-8, EXC-5: limits and the monthly figures."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from urban_world import OTHER, OWN, World

from bridge.vocabulary.codes import CaseGrade
from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.errors import AskRefused
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.limits import Limit, LimitUnit, due_at

CALENDAR = WorkingCalendar(WorkingTime())
FRIDAY = datetime(2026, 3, 6, 16, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("amount", "unit", "ordinary", "urgent"),
    [
        (4, LimitUnit.WORKING_HOUR, "2026-03-09T11:00", "2026-03-06T20:30"),
        (4, LimitUnit.URGENT_HOUR, "2026-03-06T20:30", "2026-03-06T20:30"),
        (2, LimitUnit.WORKING_DAY, "2026-03-10T16:30", "2026-03-08T16:30"),
        (2, LimitUnit.CALENDAR_DAY, "2026-03-08T16:30", "2026-03-08T16:30"),
    ],
)
def test_each_unit_runs_in_its_own_time_and_an_urgent_case_around_the_clock(
    amount: int, unit: LimitUnit, ordinary: str, urgent: str
) -> None:
    """INT-2."""
    limit = Limit(amount, unit)
    for grade, expected in ((CaseGrade.ORDINARY, ordinary), (CaseGrade.URGENT, urgent)):
        assert due_at(CALENDAR, limit, grade, FRIDAY) == datetime.fromisoformat(expected).replace(tzinfo=SHANGHAI)


def test_the_limit_follows_the_category_of_the_case() -> None:
    """INT-2: 4 working hours for exposed rubbish, 20 working days for illegal structures."""
    world = World()
    rubbish = world.to_disposal(world.hand_over(subcategory="02"))
    structure = world.to_disposal(world.hand_over(subcategory="01"))
    assert world.case(rubbish)["disposal_due_at"] == "2026-03-02T15:30:00+08:00"
    assert world.case(structure)["disposal_due_at"] == "2026-03-30T09:00:00+08:00"


def test_what_the_operator_completes_decides_the_limit() -> None:
    world = World()
    case = world.native()
    world.act("operator.complete", case, subcategory="01", address="北门", note="已电话核实")
    world.to_disposal(case)
    seen = world.case(case)
    assert seen["disposal_due_at"] == "2026-03-30T09:00:00+08:00"
    assert (seen["data"]["address"], seen["notes"]) == ("北门", ["已电话核实"])


def test_a_limit_in_an_unknown_year_refuses_the_act_and_changes_nothing() -> None:
    world = World()
    case = world.to_dispatched(world.native())
    world.now = datetime(2100, 3, 1, 9, 0, tzinfo=SHANGHAI)
    assert world.refusal("district.assign", case) == "bad_value"
    assert world.case(case)["stage"] == "district_assignment"


def figures(world: World, month: str = "2026-03") -> dict[str, Any]:
    answer: dict[str, Any] = world.ask("assessment", month=month)
    return answer


def test_transferred_cases_are_left_out_of_the_assessment_and_of_nothing_else() -> None:
    """INT-3."""
    world = World()
    native = world.to_disposal(world.native())
    transferred = world.to_disposal(world.hand_over())
    for case in (native, transferred):
        world.act("department.dispose", case, result="已清理")
    answer = figures(world)
    for name in ("received", "filed", "due", "on_time"):
        assert answer["assessed"][name] == {"count": 1, "cases": [native]}
        assert answer["all"][name] == {"count": 2, "cases": [native, transferred]}
    assert answer["excluded"] == [transferred]
    assert answer["all"]["by_department"][f"CA-{OWN}"]["due"]["count"] == 2
    assert answer["assessed"]["by_department"][f"CA-{OWN}"]["due"]["count"] == 1


def test_disposal_after_the_limit_is_late_and_none_at_all_is_not_disposed() -> None:
    world = World()
    late = world.to_disposal(world.native())
    never = world.to_disposal(world.native())
    world.advance(timedelta(days=1))
    world.act("department.dispose", late, result="已清理")
    answer = figures(world)["assessed"]
    assert answer["late"]["cases"] == [late]
    assert answer["not_disposed"]["cases"] == [never]
    assert answer["on_time"]["count"] == 0


def test_a_filing_that_was_given_up_counts_as_not_disposed() -> None:
    """INT-8."""
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), 4)
    answer = figures(world)["all"]
    assert answer["not_disposed"]["cases"] == [case]
    assert answer["rework"]["cases"] == [case] * 3
    assert answer["refiled"]["cases"] == [case]


def test_the_place_that_really_disposed_is_the_one_that_counts() -> None:
    """EXC-5."""
    world = World()
    case = world.to_disposal(world.native())
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.act("city.decide_transfer", case, grant=True)
    world.act("department.dispose", case, result="已清理")
    places = figures(world)["assessed"]["by_department"]
    assert places[f"CA-{OTHER}"]["on_time"]["cases"] == [case]
    assert places[f"CA-{OWN}"]["due"]["count"] == 0


def test_the_lists_add_up() -> None:
    world = World()
    for _ in range(2):
        world.to_verification(world.native())
        world.to_disposal(world.hand_over())
    world.advance(timedelta(days=2))
    for group in (figures(world)["assessed"], figures(world)["all"]):
        assert all(figure["count"] == len(figure["cases"]) for name, figure in group.items() if name != "by_department")
        parts = [group[name]["count"] for name in ("on_time", "late", "not_disposed")]
        assert sum(parts) == group["due"]["count"]
        assert sum(place["due"]["count"] for place in group["by_department"].values()) == group["due"]["count"]


def test_a_month_holds_its_first_moment_and_not_the_next_months() -> None:
    world = World()
    world.now = datetime(2026, 4, 1, 0, 0, tzinfo=SHANGHAI)
    case = world.native()
    assert figures(world, "2026-04")["all"]["received"]["cases"] == [case]
    assert figures(world, "2026-03")["all"]["received"]["cases"] == []
    assert figures(world, "2026-12")["period"]["end"] == "2027-01-01T00:00:00+08:00"


def test_a_month_that_is_none_is_refused() -> None:
    with pytest.raises(AskRefused) as caught:
        figures(World(), "March")
    assert caught.value.code == "bad_value"
