"""Declining, returns, extensions, withdrawals, false reports, transfers (URBAN-4, EXC-2 … EXC-5)."""

from datetime import datetime, timedelta

import pytest
from urban_world import OTHER, OWN, World, profile

from bridge.vocabulary.codes import ClosingKind, Decision, DeclineReason, ErrorCode, FilingOutcome, PhotoKind
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Receipt
from bridge.vocabulary.profile import Choices


def code(receipt: Receipt | None) -> ErrorCode | None:
    assert receipt is not None
    return None if receipt.fault is None else receipt.fault.code


# URBAN-4: declining, returns, extensions.


def test_an_operator_declines_filing_with_a_reason() -> None:
    world = World()
    case = world.hand_over()
    world.act("operator.decline", case, reason_code="not_in_scope", reason="不属于城管范围")
    result = world.last(FormType.FILING_RESULT)
    assert (result.outcome, result.decline_reason, result.reason) == (
        FilingOutcome.DECLINED,
        DeclineReason.NOT_IN_SCOPE,
        "不属于城管范围",
    )
    assert world.case(case)["status"] == "declined"


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_declining_without_a_reason_is_refused(reason: str | None) -> None:
    world = World()
    case = world.hand_over()
    given = {} if reason is None else {"reason": reason}
    assert world.refusal("operator.decline", case, reason_code="unclear", **given) == "reason_required"


def test_a_granted_return_leads_to_another_dispatch_under_the_same_task_number() -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    task = world.task(case)
    world.act("district.send_back", case, reason="不属于本区")
    assert world.last(FormType.RETURN_NOTICE).decision is Decision.APPLIED
    assert world.refusal("district.assign", case) == "wrong_state"
    world.act("supervision.decide_return", case, grant=True)
    assert world.last(FormType.RETURN_NOTICE).decision is Decision.GRANTED
    assert (world.case(case)["stage"], world.case(case)["district"]) == ("filing_and_dispatch", None)
    world.act("supervision.dispatch", case, district=OTHER)
    dispatch = world.last(FormType.DISPATCH)
    assert (dispatch.district, dispatch.task_number) == (OTHER, task)


def test_a_refused_return_leaves_the_case_with_the_district() -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    world.act("district.send_back", case, reason="不属于本区")
    world.act("supervision.decide_return", case, grant=False, reason="属于本区")
    assert world.last(FormType.RETURN_NOTICE).decision is Decision.REFUSED
    world.act("district.assign", case)
    (application,) = world.case(case)["applications"]
    assert (application["decision"], application["decision_reason"]) == ("refused", "属于本区")


def test_a_granted_extension_adds_working_hours_to_the_limit() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    assert world.case(case)["disposal_due_at"] == "2026-03-02T15:30:00+08:00"
    world.act("department.apply_extension", case, reason="需大型设备")
    assert world.last(FormType.EXTENSION_NOTICE).disposal_due_at is None
    world.act("district.decide_extension", case, grant=True)
    due = "2026-03-03T16:30:00+08:00"
    assert world.case(case)["disposal_due_at"] == due
    assert world.last(FormType.EXTENSION_NOTICE).disposal_due_at == datetime.fromisoformat(due)


def test_a_refused_extension_leaves_the_limit_as_it_was() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    before = world.case(case)["disposal_due_at"]
    world.act("department.apply_extension", case, reason="需大型设备", hours=2)
    world.act("district.decide_extension", case, grant=False, reason="理由不足")
    assert world.case(case)["disposal_due_at"] == before
    notice = world.last(FormType.EXTENSION_NOTICE)
    assert (notice.decision, notice.disposal_due_at) == (Decision.REFUSED, None)


def test_a_second_application_of_the_same_kind_waits_for_the_first() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.act("department.apply_extension", case, reason="需大型设备")
    assert world.refusal("department.apply_extension", case, reason="再等等") == "duplicate_application"
    world.act("district.decide_extension", case, grant=False)
    world.act("department.apply_extension", case, reason="再等等")


@pytest.mark.parametrize(
    ("act", "params"),
    [
        ("district.send_back", {}),
        ("district.apply_transfer", {"to_district": OTHER}),
    ],
)
def test_an_application_needs_a_reason(act: str, params: dict[str, str]) -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    assert world.refusal(act, case, **params) == "reason_required"


# EXC-2: withdrawal.


def test_before_filing_the_grid_side_withdraws() -> None:
    world = World()
    case = world.hand_over()
    assert code(world.withdraw(case)) is None
    assert world.case(case)["status"] == "withdrawn"
    assert world.refusal("operator.file", case) == "wrong_state"


@pytest.mark.parametrize("point", ["filed", "dispatched", "disposal", "verification", "closing", "closed"])
def test_after_filing_a_withdrawal_is_refused_at_every_stage(point: str) -> None:
    world = World()
    case = world.hand_over()
    if point == "filed":
        world.to_filed(case)
    elif point == "dispatched":
        world.to_dispatched(case)
    elif point == "disposal":
        world.to_disposal(case)
    else:
        world.to_verification(case)
    if point in {"closing", "closed"}:
        world.verify(case)
    if point == "closed":
        world.close(case)
    before = world.case(case)
    assert code(world.withdraw(case)) is ErrorCode.CASE_ALREADY_FILED
    assert world.case(case) == before


def test_a_withdrawn_case_is_not_withdrawn_twice() -> None:
    world = World()
    case = world.hand_over()
    world.withdraw(case)
    assert code(world.withdraw(case)) is ErrorCode.CASE_ENDED


# EXC-3: false reports.


def test_a_false_report_needs_a_photo_and_a_reason() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    act = "department.apply_false_report"
    assert world.refusal(act, case, reason="现场无此情况") == "photo_required"
    assert world.refusal(act, case, reason="现场无此情况", photos=[]) == "photo_required"
    assert world.refusal(act, case, photos=["spot"]) == "reason_required"
    assert world.refusal(act, case, photos=["spot"], reason=" ") == "reason_required"


def to_false_report_granted(world: World) -> str:
    case = world.to_disposal(world.hand_over())
    world.act("department.apply_false_report", case, reason="现场无此情况", photos=["spot"])
    world.act("city_verifier.decide_false_report", case, grant=True)
    return case


def test_a_false_report_is_decided_here_confirmed_there_and_closed_on_both_sides() -> None:
    world = World()
    case = to_false_report_granted(world)
    application = world.last(FormType.FALSE_REPORT_APPLICATION)
    assert [a.kind for a in application.attachments] == [PhotoKind.ON_SITE]
    assert application.reason == "现场无此情况"
    assert world.case(case)["status"] == "open"

    assert code(world.answer_false_report(case, True)) is None
    assert world.last(FormType.CLOSING).kind is ClosingKind.FALSE_REPORT
    seen = world.case(case)
    assert (seen["status"], seen["filings"][-1]["outcome"]) == ("closed_false_report", "closed_false_report")


def test_a_disputed_false_report_goes_back_to_disposal_and_the_limit_goes_on() -> None:
    world = World()
    case = to_false_report_granted(world)
    due = world.case(case)["disposal_due_at"]
    world.advance(timedelta(hours=1))
    world.answer_false_report(case, False)
    seen = world.case(case)
    assert (seen["stage"], seen["disposal_due_at"]) == ("department_disposal", due)
    assert seen["applications"][-1]["decision"] == "refused"
    world.act("department.dispose", case, result="已清理")


def test_while_a_false_report_is_under_way_nothing_is_disposed_of() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.act("department.apply_false_report", case, reason="现场无此情况", photos=["spot"])
    assert world.refusal("department.dispose", case, result="已清理") == "wrong_state"
    world.act("city_verifier.decide_false_report", case, grant=True)
    assert world.refusal("department.dispose", case, result="已清理") == "wrong_state"
    again = world.refusal("department.apply_false_report", case, reason="现场无此情况", photos=["spot"])
    assert again == "duplicate_application"


def test_a_false_report_refused_here_never_reaches_the_grid_platform() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.act("department.apply_false_report", case, reason="现场无此情况", photos=["spot"])
    world.act("city_verifier.decide_false_report", case, grant=False, reason="照片不清")
    assert FormType.FALSE_REPORT_APPLICATION not in world.taken(case)
    world.act("department.dispose", case, result="已清理")


def test_a_city_may_close_without_asking_the_grid_side() -> None:
    """EXC-3, choice grid_confirms_false_report."""
    world = World(profile(choices=Choices(grid_confirms_false_report=False)))
    case = to_false_report_granted(world)
    assert world.case(case)["status"] == "closed_false_report"
    assert world.taken(case)[-2:] == [FormType.FALSE_REPORT_APPLICATION, FormType.CLOSING]


def test_a_native_false_report_closes_with_the_city_verifiers_word() -> None:
    world = World()
    case = world.to_disposal(world.native())
    world.act("department.apply_false_report", case, reason="现场无此情况", photos=["spot"])
    world.act("city_verifier.decide_false_report", case, grant=True)
    assert world.case(case)["status"] == "closed_false_report"


def test_an_answer_that_nobody_asked_for_is_out_of_sequence() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    assert code(world.answer_false_report(case, True)) is ErrorCode.OUT_OF_SEQUENCE


# EXC-4: the grids differ.


def test_a_case_is_dispatched_to_another_district_than_its_own() -> None:
    world = World()
    case = world.to_filed(world.hand_over(district=OWN))
    world.act("supervision.dispatch", case, district=OTHER)
    seen = world.case(case)
    assert (seen["own_district"], seen["district"]) == (OWN, OTHER)
    assert world.last(FormType.DISPATCH).district == OTHER


def test_a_cell_that_this_platform_does_not_know_is_no_reason_to_refuse() -> None:
    world = World()
    case = world.hand_over(street="340202999", community="340202999999", cell="340202999999999")
    assert world.case(case)["status"] == "received"


# EXC-5: transfer.


def test_a_granted_transfer_restarts_the_limit_in_the_new_place() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    old = world.case(case)["disposal_due_at"]
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.advance(timedelta(hours=2))
    world.act("city.decide_transfer", case, grant=True)
    seen = world.case(case)
    assert (seen["district"], seen["department"], seen["stage"]) == (OTHER, f"CA-{OTHER}", "department_disposal")
    assert seen["disposal_due_at"] > old
    notice, progress = world.forms[-2:]
    assert (notice.decision, notice.from_district, notice.to_district) == (Decision.GRANTED, OWN, OTHER)
    assert notice.disposal_due_at == progress.disposal_due_at
    assert world.refusal("department.dispose", case, by=f"department-CA-{OWN}", result="x") == "not_your_territory"
    world.act("department.dispose", case, result="已清理")
    assert world.last(FormType.VERIFICATION_REQUEST).district == OTHER


def test_a_city_may_let_the_limit_go_on() -> None:
    """EXC-5, choice restart_on_transfer."""
    world = World(profile(choices=Choices(restart_on_transfer=False)))
    case = world.to_disposal(world.hand_over())
    before = world.case(case)
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.advance(timedelta(hours=2))
    world.act("city.decide_transfer", case, grant=True)
    after = world.case(case)
    assert after["disposal_due_at"] == before["disposal_due_at"]
    assert after["disposal_started_at"] == before["disposal_started_at"]


def test_a_refused_transfer_leaves_the_case_where_it_is() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    before = world.case(case)
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.act("city.decide_transfer", case, grant=False, reason="地点在镜湖区")
    after = world.case(case)
    assert [after[key] for key in ("district", "department", "disposal_due_at")] == [
        before[key] for key in ("district", "department", "disposal_due_at")
    ]
    assert world.last(FormType.TRANSFER_NOTICE).decision is Decision.REFUSED


def test_a_transfer_before_assignment_leads_straight_to_disposal_in_the_new_place() -> None:
    world = World()
    case = world.to_dispatched(world.hand_over())
    world.act("district.apply_transfer", case, to_district=OWN, to_department=f"GR-{OWN}", reason="园林管养")
    world.act("city.decide_transfer", case, grant=True)
    seen = world.case(case)
    assert (seen["department"], seen["stage"]) == (f"GR-{OWN}", "department_disposal")
    assert seen["disposal_due_at"] is not None


def test_a_case_is_not_transferred_to_where_it_is() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    assert world.refusal("district.apply_transfer", case, to_district=OWN, reason="x") == "bad_value"
    assert world.refusal("district.apply_transfer", case, to_district="110101", reason="x") == "bad_value"


def test_what_the_old_department_asked_for_lapses_with_the_transfer() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.act("department.apply_extension", case, reason="需大型设备")
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.act("city.decide_transfer", case, grant=True)
    assert [a["decision"] for a in world.case(case)["applications"]] == ["lapsed", "granted"]
    assert world.last(FormType.EXTENSION_NOTICE).decision is Decision.LAPSED


def test_a_transfer_applied_for_survives_disposal_and_is_decided_after_a_rejection() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.act("district.apply_transfer", case, to_district=OTHER, reason="地点在鸠江区")
    world.act("department.dispose", case, result="已清理")
    assert world.refusal("city.decide_transfer", case, grant=True) == "wrong_state"
    world.verify(case, "not_passed")
    world.reject(case)
    world.act("city.decide_transfer", case, grant=True)
    assert world.case(case)["district"] == OTHER
