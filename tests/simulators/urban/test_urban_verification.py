"""The grid side verifies transferred cases (INT-4, INT-5, INT-6, INT-7, INT-8)."""

from datetime import timedelta

import pytest
from urban_world import OWN, World, profile

from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    ErrorCode,
    FilingOutcome,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import Closing, FormType, VerificationResult
from bridge.vocabulary.profile import Choices
from simulators.city.photos import attachment

DISSATISFIED = RejectionCause.REPORTER_DISSATISFIED


@pytest.mark.parametrize("role", ["district_verifier", "city_verifier"])
@pytest.mark.parametrize("outcome", ["passed", "not_passed"])
def test_verification_of_a_transferred_case_is_not_offered_to_the_people_here(role: str, outcome: str) -> None:
    """INT-4: in no work list, and refused as hidden."""
    world = World()
    case = world.to_verification(world.hand_over())
    assert world.ask("worklist", role=role) == []
    assert world.refusal(f"{role}.verify", case, outcome=outcome) == "hidden"
    world.verify(case)
    assert world.ask("worklist", role=role) == []
    assert world.ask("worklist", role="closer") == []
    assert world.refusal("closer.close", case) == "hidden"


def test_the_default_user_can_be_changed() -> None:
    """INT-5."""
    world = World(profile(choices=Choices(auto_verifier="值班长")))
    case = world.to_verification(world.hand_over())
    world.verify(case)
    assert [r["handler"] for r in world.case(case)["stages"][4:6]] == ["值班长", "值班长"]


def test_the_record_bears_the_time_of_the_verification_and_not_of_its_arrival() -> None:
    """INT-5."""
    world = World()
    case = world.to_verification(world.hand_over())
    on_site = world.now
    form = VerificationResult(
        case_number=case,
        task_number=world.task(case),
        round=1,
        outcome=VerificationOutcome.PASSED,
        verifier="李强",
        verified_at=on_site,
    )
    world.advance(timedelta(hours=1))
    world.send(form)
    district, city = world.case(case)["stages"][4:6]
    assert district["completed_at"] == city["completed_at"] == on_site.isoformat()
    assert city["entered_at"] == world.now.isoformat()


def test_a_document_beside_the_photos_is_not_recorded_as_a_verification_photo() -> None:
    """INT-5."""
    world = World()
    case = world.to_verification(world.hand_over())
    form = VerificationResult(
        case_number=case,
        task_number=world.task(case),
        round=1,
        outcome=VerificationOutcome.PASSED,
        verifier="李强",
        verified_at=world.now,
        attachments=(attachment("seen", PhotoKind.VERIFICATION), attachment("sheet", PhotoKind.DOCUMENT)),
    )
    world.send(form)
    assert [photo["name"] for photo in world.case(case)["stages"][4]["photos"]] == ["seen.png"]


def test_a_verification_that_did_not_pass_is_on_record_and_waits_for_the_rejection() -> None:
    """INT-7."""
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case, "not_passed")
    seen = world.case(case)
    assert seen["stage"] == "city_verification"
    assert [record["result"] for record in seen["stages"][4:6]] == ["not_passed", "not_passed"]
    receipt = world.close(case)
    assert receipt is not None
    assert receipt.fault is not None
    assert receipt.fault.code is ErrorCode.OUT_OF_SEQUENCE


def test_a_rejection_leads_back_to_disposal_and_the_limit_starts_afresh() -> None:
    """INT-7."""
    world = World()
    case = world.to_verification(world.hand_over())
    first_due = world.case(case)["disposal_due_at"]
    world.advance(timedelta(hours=3))
    world.verify(case, "not_passed")
    world.reject(case)

    seen = world.case(case)
    assert (seen["stage"], seen["rejections"], seen["department"]) == ("department_disposal", 1, f"CA-{OWN}")
    assert seen["disposal_started_at"] == world.now.isoformat()
    assert seen["disposal_due_at"] > first_due
    told = world.last(FormType.STAGE_PROGRESS)
    assert told.disposal_due_at.isoformat() == seen["disposal_due_at"]


def test_a_dissatisfied_reporter_rejects_a_case_that_passed() -> None:
    """INT-7."""
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    receipt = world.reject(case, cause=DISSATISFIED)
    assert receipt is not None
    assert receipt.fault is None
    assert world.case(case)["stage"] == "department_disposal"
    closing = [r for r in world.case(case)["stages"] if r["stage"] == "closing"]
    assert [record["result"] for record in closing] == ["rejected"]


def test_a_passed_case_is_not_rejected_as_not_passed() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    receipt = world.reject(case)
    assert receipt is not None
    assert receipt.fault is not None
    assert receipt.fault.code is ErrorCode.OUT_OF_SEQUENCE
    assert world.case(case)["stage"] == "closing"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_up_to_three_rejections_lead_back_to_disposal(times: int) -> None:
    """INT-8."""
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), times)
    seen = world.case(case)
    assert (seen["stage"], seen["rejections"], seen["filing_ordinal"]) == ("department_disposal", times, 1)
    world.act("department.dispose", case, result="已清理")
    assert world.last(FormType.VERIFICATION_REQUEST).round == times + 1


def test_the_fourth_rejection_ends_the_filing_and_files_the_case_again() -> None:
    """INT-8: overdue-not-disposed, a new task number, the same case number, dispatched again, counting from 0."""
    world = World()
    case = world.to_disposal(world.hand_over())
    old_task = world.task(case)
    world.rejected(case, 4)

    seen = world.case(case)
    assert (seen["stage"], seen["status"]) == ("district_assignment", "open")
    assert (seen["rejections"], seen["filing_ordinal"], seen["district"]) == (0, 2, OWN)
    assert seen["task_number"] != old_task
    first, second = seen["filings"]
    assert (first["outcome"], first["rejections"], first["ended_at"]) == (
        "overdue_not_disposed",
        4,
        world.now.isoformat(),
    )
    assert (second["outcome"], second["rejections"], second["task_number"]) == (None, 0, seen["task_number"])
    assert seen["disposal_due_at"] is None
    refiling, dispatch = world.forms[-2:]
    assert (refiling.outcome, refiling.filing_ordinal) == (FilingOutcome.FILED, 2)
    assert refiling.task_number == dispatch.task_number == seen["task_number"]


def test_the_refiled_case_lives_through_disposal_and_closes() -> None:
    """INT-8: rounds begin at 1 again, and three more rejections are possible."""
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), 4)
    world.act("district.assign", case)
    world.rejected(case, 3)
    world.act("department.dispose", case, result="已清理")
    assert world.last(FormType.VERIFICATION_REQUEST).round == 4
    world.verify(case)
    world.close(case)
    assert [filing["outcome"] for filing in world.case(case)["filings"]] == ["overdue_not_disposed", "closed"]


def test_the_fourth_rejection_may_come_from_a_dissatisfied_reporter() -> None:
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), 3)
    world.act("department.dispose", case, result="已清理")
    world.verify(case)
    world.reject(case, cause=DISSATISFIED)
    assert world.case(case)["filing_ordinal"] == 2


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_how_many_rejections_are_allowed_is_the_citys_choice(allowed: int) -> None:
    """INT-8, choice max_rejections."""
    world = World(profile(choices=Choices(max_rejections=allowed)))
    case = world.rejected(world.to_disposal(world.hand_over()), allowed)
    assert world.case(case)["filing_ordinal"] == 1
    world.rejected(case, 1)
    assert world.case(case)["filing_ordinal"] == 2


def test_where_the_counter_runs_on_the_first_rejection_after_a_refiling_files_again() -> None:
    """INT-8, choice counter_restarts_on_refiling."""
    world = World(profile(choices=Choices(counter_restarts_on_refiling=False)))
    case = world.rejected(world.to_disposal(world.hand_over()), 4)
    world.act("district.assign", case)
    world.rejected(case, 1)
    assert world.case(case)["filing_ordinal"] == 3


def test_pending_applications_lapse_with_the_fourth_rejection_and_the_grid_side_is_told() -> None:
    """INT-8: the fourth rejection while a transfer is pending."""
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), 3)
    old_task = world.task(case)
    world.act("district.apply_transfer", case, to_district="340207", reason="辖区不符")
    world.rejected(case, 1)

    (application,) = world.case(case)["applications"]
    assert application["decision"] == "lapsed"
    notice = world.last(FormType.TRANSFER_NOTICE)
    assert (notice.decision, notice.task_number) == (Decision.LAPSED, old_task)
    assert world.refusal("city.decide_transfer", case, grant=True) == "not_waiting"
    assert world.taken(case)[-3:] == [FormType.TRANSFER_NOTICE, FormType.FILING_RESULT, FormType.DISPATCH]


def test_repeated_rejections_are_told_once_when_they_start_and_once_when_the_case_is_over() -> None:
    """CONT-2."""
    world = World()
    case = world.rejected(world.to_disposal(world.hand_over()), 2)
    assert world.ask("notices") == []
    world.rejected(case, 2)
    world.act("district.assign", case)
    world.act("department.dispose", case, result="已清理")
    world.verify(case)
    world.close(case)
    notices = world.ask("notices")
    assert [(n["kind"], n["phase"], n["duty"]) for n in notices] == [
        ("repeated_rejection", "started", "operator_company"),
        ("repeated_rejection", "over", "operator_company"),
    ]


@pytest.mark.parametrize("ordinal", [2, 5])
def test_a_rejection_out_of_its_turn_is_refused_with_the_field(ordinal: int) -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case, "not_passed")
    receipt = world.reject(case, ordinal=ordinal)
    assert receipt is not None
    assert receipt.fault is not None
    assert (receipt.fault.code, receipt.fault.field) == (ErrorCode.OUT_OF_SEQUENCE, "form/rejection/ordinal")
    assert world.case(case)["rejections"] == 0


def test_a_verification_of_another_round_is_refused_with_the_field() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    receipt = world.verify(case, round_=2)
    assert receipt is not None
    assert receipt.fault is not None
    assert (receipt.fault.code, receipt.fault.field) == (ErrorCode.OUT_OF_SEQUENCE, "form/verificationResult/round")


def test_the_case_is_not_closed_before_it_is_verified() -> None:
    """INT-6."""
    world = World()
    case = world.to_verification(world.hand_over())
    receipt = world.close(case)
    assert receipt is not None
    assert receipt.fault is not None
    assert receipt.fault.code is ErrorCode.OUT_OF_SEQUENCE
    assert world.case(case)["status"] == "open"


def test_the_grid_side_does_not_close_as_a_false_report_what_passed() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    receipt = world.send(
        Closing(
            case_number=case,
            task_number=world.task(case),
            kind=ClosingKind.FALSE_REPORT,
            closed_at=world.now,
            closed_by="工作站",
        )
    )
    assert receipt is not None
    assert receipt.fault is not None
    assert receipt.fault.code is ErrorCode.OUT_OF_SEQUENCE


def test_native_cases_are_rejected_and_refiled_by_the_same_rule() -> None:
    """INT-8 for the platform's own verification: the counting is the same, no form leaves."""
    world = World()
    case = world.to_disposal(world.native())
    for _ in range(4):
        world.act("department.dispose", case, result="已清理")
        world.act("district_verifier.verify", case, outcome="not_passed", note="仍有垃圾")
    assert (world.case(case)["filing_ordinal"], world.case(case)["stage"]) == (2, "district_assignment")
    assert world.forms == []
