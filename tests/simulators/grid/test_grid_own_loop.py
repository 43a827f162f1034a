"""The grid platform's own closed loop, and what never leaves it (GRID-3, GRID-5, GRID-6, GEN-1, GEN-4)."""

import pytest
from grid_world import CELL, OTHER, OWN, TOWN, World

from bridge.vocabulary.codes import CaseSource
from bridge.vocabulary.forms import FormType


def test_a_dispute_is_reported_accepted_dispatched_handled_verified_and_closed_GRID_5():
    world = World()
    case = world.dispute()
    seen = [world.state(case)]
    for act, params in (
        ("dispatcher.accept", {}),
        ("dispatcher.dispatch", {"department": f"PS-{OWN}"}),
        ("handler.handle", {"result": "已调解", "photos": ["handshake"]}),
        ("worker.verify", {"outcome": "passed"}),
        ("dispatcher.close", {}),
    ):
        world.act(act, case, **params)
        seen.append(world.state(case))

    assert seen == ["reported", "accepted", "dispatched", "awaiting_verification", "verified", "closed"]
    assert [line["what"] for line in world.case(case)["history"]] == [
        "reported",
        "accepted",
        "dispatched",
        "handled",
        "verified_passed",
        "closed",
    ]
    assert world.ask("forms", case=case) == []


def test_what_was_not_handled_goes_back_to_handling_GRID_5():
    world = World()
    case = world.own_awaiting()
    world.act("worker.verify", case, outcome="not_passed", note="仍在争吵")
    assert world.state(case) == "in_handling"
    world.act("handler.handle", case, result="再次调解")
    assert world.case(case)["verification"]["round"] == 2
    world.act("worker.verify", case, outcome="passed")
    world.act("dispatcher.close", case)
    assert world.state(case) == "closed"


def test_a_dissatisfied_reporter_sends_an_own_case_back_to_handling_GRID_5():
    world = World()
    case = world.own_awaiting()
    world.act("worker.verify", case, outcome="passed")
    world.act("reporter.dissatisfied", case, reason="昨夜又吵")
    assert world.state(case) == "in_handling"
    assert world.forms == []


@pytest.mark.parametrize(
    ("act", "params"),
    [
        ("dispatcher.dispatch", {"department": f"PS-{OWN}"}),
        ("handler.handle", {"result": "好"}),
        ("worker.verify", {"outcome": "passed"}),
        ("dispatcher.close", {}),
        ("reporter.satisfied", {}),
        ("workstation.close", {}),
        ("workstation.reject", {}),
        ("workstation.supplement", {"note": "x"}),
        ("workstation.withdraw", {"reason": "x"}),
        ("workstation.force_withdraw", {"reason": "x"}),
        ("workstation.answer_false_report", {"confirmed": True}),
    ],
)
def test_a_reported_case_is_not_for_the_steps_after_acceptance(act, params):
    world = World()
    assert world.refusal(act, world.dispute(), **params) == "wrong_state"


def test_nothing_happens_twice_in_the_own_loop():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case)
    assert world.refusal("dispatcher.accept", case) == "wrong_state"
    world.act("dispatcher.dispatch", case, department=f"PS-{OWN}")
    assert world.refusal("dispatcher.dispatch", case, department=f"PS-{OWN}") == "wrong_state"
    assert world.refusal("workstation.cancel", world.closed(), reason="x") == "already_filed"


@pytest.mark.parametrize("department", [f"PS-{OWN}", f"CV-{OWN}"])
def test_a_case_of_another_department_never_leaves_the_platform_GRID_6(department):
    world = World()
    case = world.report(department=department)
    assert world.refusal("workstation.hand_over", case) == "wrong_department"
    assert world.refusal("workstation.hand_over", case, by=f"virtual-{OWN}") == "not_your_role"
    assert world.forms == []


def test_a_city_appearance_case_is_not_dispatched_here_GRID_6():
    world = World()
    case = world.report()
    world.act("dispatcher.accept", case)
    assert world.refusal("dispatcher.dispatch", case, department=f"CA-{OWN}") == "wrong_department"


def test_a_case_is_dispatched_to_a_department_that_works_in_its_cell():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case)
    assert world.refusal("dispatcher.dispatch", case, department=f"PS-{OTHER}") == "wrong_department"
    assert world.refusal("dispatcher.dispatch", case, department="XX-1") == "bad_value"
    world.act("dispatcher.dispatch", case, department=f"ST-{CELL[:9]}")


def test_a_case_changes_its_department_when_it_is_dispatched_to_another():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case)
    world.act("dispatcher.dispatch", case, department=f"CV-{OWN}")
    assert world.case(case)["department"] == f"CV-{OWN}"


def test_the_category_says_which_department_a_case_belongs_to_GRID_3():
    world = World()
    assert world.case(world.report())["department"] == f"CA-{OWN}"
    assert world.case(world.dispute())["department"] == f"PS-{OWN}"
    assert world.case(world.report(category="91", subcategory="01"))["department"] == f"CV-{OWN}"


@pytest.mark.parametrize("source", list(CaseSource))
def test_a_case_may_come_from_every_source_GEN_1(source):
    world = World()
    case = world.handed_over(source=source.value)
    assert world.case(case)["source"] == source
    assert world.last(FormType.HAND_OVER).source is source


def test_a_component_is_reported_under_its_code_GEN_4():
    world = World()
    component = TOWN.life(CELL).components[0]
    case = world.handed_over(
        kind="component",
        category=component.category,
        subcategory=component.subcategory,
        component_code=component.code,
    )
    form = world.last(FormType.HAND_OVER)
    assert (form.kind, form.component_code) == ("component", component.code)
    assert world.case(case)["kind"] == "component"


@pytest.mark.parametrize(
    "params",
    [
        {"category": "77"},
        {"subcategory": "77"},
        {"kind": "idea"},
        {"kind": "component", "category": "05", "subcategory": "99"},
        {"component_code": "3402020102000001"},
        {"kind": "component", "category": "01", "subcategory": "01", "component_code": "3402020102000001"},
        {"cell": "340202999999999"},
        {"department": "MU-340202"},
        {"department": "nowhere"},
        {"source": "dream"},
        {"grade": "huge"},
        {"photos": "roadside"},
        {"photos": [""]},
        {"description": " "},
        {"description": "长" * 2001},
        {"address": "长" * 201},
        {"reporter_name": "长" * 61},
        {"reporter_phone": "call me"},
    ],
    ids=str,
)
def test_a_report_that_the_exchange_could_not_carry_is_refused(params):
    world = World()
    given = {"category": "01", "subcategory": "02", "description": "x", **params}
    assert world.refusal("worker.report", **given) == "bad_value"


@pytest.mark.parametrize("missing", ["category", "subcategory", "description"])
def test_a_report_needs_its_category_and_its_words(missing):
    world = World()
    given = {"category": "01", "subcategory": "02", "description": "x"}
    del given[missing]
    assert world.refusal("worker.report", **given) == "bad_value"


def test_case_numbers_name_district_day_and_serial():
    world = World()
    other = next(c.code for c in TOWN.places.cells if c.district == OTHER)
    assert world.report() == f"{OWN}-20260302-000001"
    assert world.report() == f"{OWN}-20260302-000002"
    assert world.report(cell=other) == f"{OTHER}-20260302-000001"


@pytest.mark.parametrize("until", ["reported", "accepted", "dispatched"])
def test_a_case_that_nobody_handled_can_be_cancelled_with_a_reason(until):
    world = World()
    case = world.dispute()
    if until != "reported":
        world.act("dispatcher.accept", case)
    if until == "dispatched":
        world.act("dispatcher.dispatch", case, department=f"PS-{OWN}")
    assert world.refusal("workstation.cancel", case, reason=" ") == "reason_required"
    assert world.refusal("workstation.cancel", case) == "reason_required"
    world.act("workstation.cancel", case, reason="误报")
    assert world.state(case) == "closed"
    assert world.case(case)["cancelled"] is True


def test_a_handled_case_cannot_be_cancelled():
    world = World()
    assert world.refusal("workstation.cancel", world.own_awaiting(), reason="误报") == "wrong_state"


@pytest.mark.parametrize(
    ("role", "act"),
    [
        ("dispatcher", "dispatcher.accept"),
        ("handler", "handler.handle"),
        ("worker", "worker.verify"),
        ("reporter", "reporter.dissatisfied"),
    ],
)
def test_a_work_list_holds_what_waits_for_the_seat_and_nothing_else(role, act):
    world = World()
    before = {"dispatcher.accept": "reported", "handler.handle": "dispatched", "worker.verify": "awaiting_verification"}
    case = world.dispute()
    for step, params in (
        ("dispatcher.accept", {}),
        ("dispatcher.dispatch", {"department": f"PS-{OWN}"}),
        ("handler.handle", {"result": "好"}),
        ("worker.verify", {"outcome": "passed"}),
        ("dispatcher.close", {}),
    ):
        listed = {line["case_number"]: line["acts"] for line in world.ask("worklist", role=role)}
        assert (act in listed.get(case, [])) == (world.state(case) == before.get(act, "verified"))
        world.act(step, case, **params)
    assert world.ask("worklist", role=role) == []


def test_a_work_list_is_that_of_a_level_or_of_an_account():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case, level="district")

    def listed(**params):
        return [line["case_number"] for line in world.ask("worklist", role="dispatcher", **params)]

    assert listed() == [case]
    assert listed(level="district") == [case]
    assert listed(level="city") == []
    assert listed(account=f"dispatcher-{OWN}") == [case]
    assert listed(account="dispatcher-3402") == []
    assert listed(account=f"dispatcher-{OTHER}") == []
