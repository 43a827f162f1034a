"""Who may do what on the urban platform: levels, territories, stages (URBAN-1, URBAN-2, URBAN-3, EXC-2)."""

import base64
from dataclasses import replace
from hashlib import sha256

import pytest
from urban_world import OTHER, OWN, TOWN, World

from bridge.vocabulary.codes import CaseSource
from bridge.vocabulary.stages import UrbanStage
from simulators.city.seats import Level
from simulators.exchange.errors import AskRefused
from simulators.urban.desk import TABLE, CaseStatus, Role, refusal_of_seat, refusal_of_state

POINTS = ("received", "filed", "dispatched", "disposal", "verification", "closing", "closed")


def native_at(world: World, point: str) -> str:
    """A native case at a point of its life."""
    case = world.native()
    steps = (
        lambda: world.act("operator.file", case),
        lambda: world.act("supervision.dispatch", case),
        lambda: world.act("district.assign", case),
        lambda: world.act("department.dispose", case, result="已清理"),
        lambda: (
            world.act("district_verifier.verify", case, outcome="passed"),
            world.act("city_verifier.verify", case, outcome="passed"),
        ),
        lambda: world.act("closer.close", case),
    )
    for step in steps[: POINTS.index(point)]:
        step()
    return case


def test_a_native_case_runs_all_seven_stages_here_and_nothing_reaches_the_grid_platform() -> None:
    """URBAN-3, URBAN-2."""
    world = World()
    case = native_at(world, "closed")

    seen = world.case(case)
    assert seen["origin"] == "native"
    assert seen["status"] == "closed"
    assert [record["stage"] for record in seen["stages"]] == [stage.value for stage in UrbanStage]
    assert not any(record["automatic"] for record in seen["stages"])
    assert world.ask("forms", case=case) == []
    assert world.forms == []


@pytest.mark.parametrize("source", list(CaseSource))
def test_native_cases_come_from_every_source(source: CaseSource) -> None:
    """URBAN-3, GEN-1."""
    world = World()
    case = world.act("intake.report", source=source.value, category="01", subcategory="02", description="热线")["case"]
    assert world.case(case)["source"] == source.value


def test_a_component_is_reported_under_the_categories_of_components() -> None:
    """GEN-4: the same two codes mean another thing for the other kind."""
    world = World()
    case = world.native(kind="component", category="03", subcategory="01", component_code="3402020301000001")
    assert world.case(case)["data"]["kind"] == "component"
    assert world.refusal("collector.report", category="77", subcategory="01", description="x") == "bad_value"


def test_there_are_seats_at_all_four_levels_each_with_its_territory() -> None:
    """URBAN-1."""
    accounts = World().ask("accounts")
    assert {account["level"] for account in accounts} == {"city", "district", "street", "community"}
    digits = {"city": 4, "district": 6, "street": 9, "community": 12}
    for account in accounts:
        assert len(account["territory"]) == digits[account["level"]]


def test_another_district_may_not_assign_the_case() -> None:
    """URBAN-1."""
    world = World()
    case = world.to_dispatched(world.hand_over())
    assert world.refusal("district.assign", case, by=f"district-{OTHER}") == "not_your_territory"
    world.act("district.assign", case, by=f"district-{OWN}")


def test_the_dispatched_district_acts_and_the_own_one_does_not() -> None:
    """URBAN-1, EXC-4: territory is where the case was dispatched to."""
    world = World()
    case = world.to_filed(world.hand_over())
    world.act("supervision.dispatch", case, district=OTHER)
    assert world.refusal("district.assign", case, by=f"district-{OWN}") == "not_your_territory"
    world.act("district.assign", case)
    assert world.case(case)["department"] == f"CA-{OTHER}"


def test_another_department_may_not_dispose_of_the_case() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    refused = world.refusal("department.dispose", case, by=f"department-GR-{OWN}", result="已清理")
    assert refused == "not_your_territory"


def test_a_street_office_disposes_of_what_it_is_assigned() -> None:
    """URBAN-1: the street level works too."""
    world = World()
    street = next(code for code in TOWN.streets if code.startswith(OWN))
    case = world.to_dispatched(world.hand_over())
    world.act("district.assign", case, department=f"ST-{street}")
    world.act("department.dispose", case, result="已清理")
    assert world.case(case)["stages"][3]["handler"] == f"department-ST-{street}"


def test_a_district_is_not_assigned_departments_of_another_one() -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    assert world.refusal("district.assign", case, department=f"CA-{OTHER}") == "bad_value"
    assert world.refusal("district.assign", case, department="NOBODY") == "bad_value"


def test_a_collector_reports_in_the_own_community_only() -> None:
    world = World()
    here, there = list(TOWN.communities)[:2]
    report = {"category": "01", "subcategory": "02", "description": "垃圾", "community": there}
    assert world.refusal("collector.report", by=f"collector-{here}", **report) == "not_your_territory"
    case = world.act("collector.report", by=f"collector-{there}", **report)["case"]
    assert world.case(case)["data"]["community"] == there


@pytest.mark.parametrize(
    ("act", "by", "code"),
    [
        ("operator.file", f"district-{OWN}", "not_your_role"),
        ("operator.file", "nobody", "no_such_person"),
        ("supervision.dispatch", f"district-{OWN}", "not_your_level"),
        ("district_verifier.verify", "city_verifier-3402", "not_your_level"),
    ],
)
def test_a_seat_does_only_its_own_acts(act: str, by: str, code: str) -> None:
    world = World()
    params = {"outcome": "passed"} if act.endswith("verify") else {}
    assert world.refusal(act, world.native(), by=by, **params) == code


def test_a_seat_of_the_right_role_at_another_level_is_refused_for_its_level() -> None:
    """URBAN-1: a community has no disposal department, whatever an account says."""
    seat = TOWN.accounts[f"department-CA-{OWN}"]
    row = TABLE["department.dispose"]
    assert refusal_of_seat(row, seat) is None
    refusal = refusal_of_seat(row, replace(seat, level=Level.COMMUNITY))
    assert refusal is not None
    assert refusal[0] == "not_your_level"


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("act", sorted(act for act, row in TABLE.items() if row.status is not None and row.stages))
def test_every_act_fits_exactly_the_stages_of_its_row(act: str, point: str) -> None:
    """URBAN-2: the negative space; a refused act changes nothing (checked by `refusal`)."""
    world = World()
    case = native_at(world, point)
    row = TABLE[act]
    given = dict.fromkeys(row.required, "x") | {"grant": True, "hours": 1}
    given |= {"outcome": "passed", "reason_code": "unclear", "photos": ["x"], "to_district": OTHER, "reason": "理由"}
    params = {name: value for name, value in given.items() if name in (*row.required, *row.optional)}
    seen = world.case(case)
    fits = seen["status"] == row.status and seen["stage"] in row.stages
    if fits and act.partition(".")[2].startswith("decide_"):
        assert world.refusal(act, case, **params) == "not_waiting"
    elif fits:
        world.act(act, case, **params)
    else:
        expected = "already_filed" if act == "operator.decline" and point != "received" else "wrong_state"
        assert world.refusal(act, case, **params) == expected


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("role", ["operator", "supervision", "district", "department", "city"])
def test_nobody_cancels_a_case_whatever_the_role_and_stage(role: str, point: str) -> None:
    """EXC-2: after filing the refusal says so; before filing declining is the way."""
    world = World()
    case = native_at(world, point)
    expected = "wrong_state" if point == "received" else "already_filed"
    assert world.refusal(f"{role}.cancel", case, reason="误报") == expected


@pytest.mark.parametrize(
    ("act", "params", "code"),
    [
        ("operator.fly", {}, "unknown_act"),
        ("operator.file", {"case": "340202-20260302-999999"}, "unknown_case"),
        ("operator.file", {}, "bad_value"),
        ("operator.file", {"case": "c", "colour": "red"}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02"}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02", "description": " "}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "98", "description": "x"}, "bad_value"),
        ("collector.report", {"category": "91", "subcategory": "01", "description": "x"}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02", "description": "x" * 2001}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02", "description": "x", "grade": "huge"}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02", "description": "x", "photos": "p"}, "bad_value"),
        ("collector.report", {"category": "01", "subcategory": "02", "description": "x", "cell": "999"}, "bad_value"),
        ("intake.report", {"category": "01", "subcategory": "02", "description": "x"}, "bad_value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(act: str, params: dict[str, object], code: str) -> None:
    world = World()
    given = dict(params)
    assert world.refusal(act, given.pop("case", None), **given) == code  # type: ignore[arg-type]


def test_a_refused_report_uses_no_case_number() -> None:
    world = World()
    world.refusal("collector.report", category="01", subcategory="02", description="x", photos=[1])
    assert world.native().endswith("-000001")


def test_every_seat_has_at_least_one_act() -> None:
    assert {row.role for row in TABLE.values()} == set(Role)


def test_a_case_stands_in_the_work_list_of_the_seat_whose_turn_it_is_and_no_other() -> None:
    world = World()
    turns = {
        "received": "operator",
        "filed": "supervision",
        "dispatched": "district",
        "disposal": "department",
        "verification": "district_verifier",
        "closing": "closer",
        "closed": None,
    }
    for point, turn in turns.items():
        world = World()
        case = native_at(world, point)
        for role in Role:
            if role is Role.DISTRICT and point == "disposal":
                continue  # a district may ask for a transfer while its department disposes
            listed = [line["case_number"] for line in world.ask("worklist", role=role.value) if "case_number" in line]
            assert (case in listed) == (role == turn), (role, point)


def test_a_work_list_of_one_account_holds_its_territory_only() -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    here = world.ask("worklist", role="district", account=f"district-{OWN}")
    assert [line["case_number"] for line in here] == [case]
    assert world.ask("worklist", role="district", account=f"district-{OTHER}") == []


def test_no_status_outside_the_table_lets_an_act_through() -> None:
    for row in TABLE.values():
        if row.status is None:
            continue
        for status in CaseStatus:
            for stage in UrbanStage:
                fits = status is row.status and stage in row.stages
                assert (refusal_of_state(row, status, stage) is None) == fits


def test_of_very_many_cases_the_latest_are_shown_a_page_at_a_time() -> None:
    world = World()
    numbers = [world.hand_over(description=f"第 {number} 处垃圾") for number in range(5)]
    shown = [line["case_number"] for line in world.ask("cases", last=2, skip=1)]
    assert shown == numbers[::-1][1:3]
    assert [line["case_number"] for line in world.ask("cases", last="9", status="received")] == numbers[::-1]
    for wrong in ("many", "-1", "1" * 12):
        with pytest.raises(AskRefused, match="whole number"):
            world.ask("cases", last=wrong)


def test_a_photo_of_a_case_is_given_with_its_content_and_no_other() -> None:
    world = World()
    case = world.hand_over()
    (shown, *_) = world.ask("case", case=case)["photos"]
    given = world.ask("photo", case=case, sha256=shown["sha256"])
    assert sha256(base64.b64decode(given["content"])).hexdigest() == shown["sha256"]
    with pytest.raises(AskRefused, match="no photo"):
        world.ask("photo", case=case, sha256="0" * 64)
