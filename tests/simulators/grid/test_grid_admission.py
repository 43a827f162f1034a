"""Which forms the grid platform takes, and the error receipts of the others (RCPT-1, RCPT-2)."""

from datetime import timedelta

import pytest
from grid_world import OTHER, OWN, START, World

from bridge.vocabulary.codes import ClosingKind, Decision, DeclineReason, ErrorCode, PhotoKind
from bridge.vocabulary.forms import StageProgress
from bridge.vocabulary.stages import UrbanStage

POINTS = [
    "handed_over",
    "filed",
    "in_disposal",
    "awaiting",
    "verified",
    "failed",
    "overdue",
    "closed",
    "declined",
    "withdrawn",
    "false_report_applied",
    "false_report_confirmed",
    "closed_false_report",
]

#: Form → points of a case's life at which it is taken.
TAKEN_AT = {
    "filing": {"handed_over"},
    "refiling": {"overdue"},
    "declining": {"handed_over"},
    "dispatch": {"filed"},
    "progress": {
        "filed",
        "in_disposal",
        "awaiting",
        "verified",
        "failed",
        "overdue",
        "closed",
        "false_report_applied",
        "false_report_confirmed",
    },
    "request": {"in_disposal"},
    "application": {"in_disposal"},
    "false report closing": {"false_report_confirmed"},
    "normal closing": set(),
    "extension applied": {"in_disposal", "false_report_applied", "false_report_confirmed"},
    "extension refused": {
        "filed",
        "in_disposal",
        "awaiting",
        "verified",
        "failed",
        "overdue",
        "closed",
        "false_report_applied",
        "false_report_confirmed",
    },
    "extension lapsed": {
        "filed",
        "in_disposal",
        "awaiting",
        "verified",
        "failed",
        "overdue",
        "closed",
        "false_report_applied",
        "false_report_confirmed",
        "closed_false_report",
    },
    "return granted": {"in_disposal", "false_report_applied", "false_report_confirmed"},
    "return refused": {
        "filed",
        "in_disposal",
        "awaiting",
        "verified",
        "failed",
        "overdue",
        "closed",
        "false_report_applied",
        "false_report_confirmed",
    },
    "transfer granted": {
        "filed",
        "in_disposal",
        "awaiting",
        "verified",
        "failed",
        "overdue",
        "closed",
        "false_report_applied",
        "false_report_confirmed",
    },
    "contact notice": set(POINTS),
}

ENDED = {"closed", "declined", "withdrawn", "closed_false_report"}


def case_at(world: World, point: str) -> str:
    if point == "overdue":
        case = world.in_disposal()
        for _ in range(4):
            world.reject_again(case)
    elif point == "declined":
        case = world.handed_over()
        world.decline(case)
    elif point == "withdrawn":
        case = world.handed_over()
        world.act("workstation.withdraw", case, reason="误报")
    elif "false_report" in point:
        case = world.in_disposal()
        world.apply_false_report(case)
        if point != "false_report_applied":
            world.act("workstation.answer_false_report", case, confirmed=True)
        if point == "closed_false_report":
            world.close_from_urban(case)
    else:
        case = getattr(world, point)()
    return case


def sent(world: World, form: str, case: str):
    task = world.case(case)["task_number"] or "T20260302-000777"
    later = START + timedelta(days=1)
    world.task = lambda number: task
    ordinal = world.case(case)["filing_ordinal"] + 1
    return {
        "filing": lambda: world.file(case, "T20260302-000888", 1),
        "refiling": lambda: world.file(case, "T20260302-000888", max(ordinal, 2)),
        "declining": lambda: world.decline(case),
        "dispatch": lambda: world.dispatch(case),
        "progress": lambda: world.progress(case, UrbanStage.CLOSING),
        "request": lambda: world.ask_to_verify(case),
        "application": lambda: world.apply_false_report(case),
        "false report closing": lambda: world.close_from_urban(case),
        "normal closing": lambda: world.close_from_urban(case, ClosingKind.NORMAL),
        "extension applied": lambda: world.extension(case, Decision.APPLIED),
        "extension refused": lambda: world.extension(case, Decision.REFUSED),
        "extension lapsed": lambda: world.extension(case, Decision.LAPSED),
        "return granted": lambda: world.send_back(case, Decision.GRANTED),
        "return refused": lambda: world.send_back(case, Decision.REFUSED),
        "transfer granted": lambda: world.transfer(case, Decision.GRANTED, later),
        "contact notice": lambda: world.tell(case),
    }[form]()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("form", sorted(TAKEN_AT))
def test_a_form_is_taken_where_it_belongs_and_refused_elsewhere_without_effect(form, point):
    world = World()
    case = case_at(world, point)
    before = world.case(case)

    receipt = sent(world, form, case)

    assert receipt.case_number == case
    if point in TAKEN_AT[form]:
        assert receipt.fault is None
        return
    assert receipt.fault is not None
    assert receipt.fault.code is (ErrorCode.CASE_ENDED if point in ENDED else ErrorCode.OUT_OF_SEQUENCE)
    assert receipt.fault.message_zh
    assert receipt.fault.message_en
    assert world.case(case) == before


def test_a_form_for_a_case_that_does_not_exist_is_refused():
    assert World().dispatch("340202-20260302-000099", task="T20260302-000001").fault.code is ErrorCode.CASE_UNKNOWN


def test_a_case_that_was_never_handed_over_is_unknown_to_the_urban_side_GRID_6():
    world = World()
    case = world.own_awaiting()
    assert world.dispatch(case, task="T20260302-000001").fault.code is ErrorCode.CASE_UNKNOWN
    assert world.tell(case).fault.code is ErrorCode.CASE_UNKNOWN


def test_a_task_number_of_another_filing_is_refused():
    world = World()
    case = world.filed()
    fault = world.dispatch(case, task="T20260302-000999").fault
    assert (fault.code, fault.field) == (ErrorCode.TASK_NUMBER_MISMATCH, "form/dispatch/taskNumber")


def test_what_a_refiling_overtook_may_lapse_under_the_filing_before_INT_8():
    world = World()
    case = world.in_disposal()
    first = world.task(case)
    for _ in range(4):
        world.reject_again(case)
    world.file(case, "T20260302-000099", 2)
    assert world.extension(case, Decision.LAPSED, task=first).fault is None
    assert world.extension(case, Decision.REFUSED, task=first).fault.code is ErrorCode.TASK_NUMBER_MISMATCH
    assert world.extension(case, Decision.LAPSED, task="T20260302-000999").fault.code is ErrorCode.TASK_NUMBER_MISMATCH


def test_a_refiling_needs_a_new_task_number_and_the_next_ordinal_INT_8():
    world = World()
    case = world.in_disposal()
    for _ in range(4):
        world.reject_again(case)
    assert world.file(case, world.task(case), 2).fault.code is ErrorCode.TASK_NUMBER_MISMATCH
    assert world.file(case, "T20260302-000099", 3).fault.field == "form/filingResult/filingOrdinal"
    assert world.file(case, "T20260302-000099", 2).fault is None


def test_a_first_filing_is_number_one():
    world = World()
    assert world.file(world.handed_over(), ordinal=2).fault.code is ErrorCode.OUT_OF_SEQUENCE


def test_a_request_names_the_round_that_is_due_INT_4():
    world = World()
    case = world.in_disposal()
    assert world.ask_to_verify(case, 2).fault.field == "form/verificationRequest/round"
    world.reject_again(case)
    assert world.ask_to_verify(case, 1).fault.code is ErrorCode.OUT_OF_SEQUENCE
    assert world.ask_to_verify(case, 2).fault is None


@pytest.mark.parametrize(
    ("send", "field"),
    [
        (lambda w, c: w.apply_false_report(c, photos=()), "attachments"),
        (lambda w, c: w.apply_false_report(c, photos=(("scan", PhotoKind.DOCUMENT),)), "attachments"),
        (lambda w, c: w.apply_false_report(c, photos=(("old", PhotoKind.DISPOSAL),)), "attachments"),
        (lambda w, c: w.apply_false_report(c, reason=" "), "reason"),
        (lambda w, c: w.extension(c, Decision.GRANTED), "disposalDueAt"),
        (lambda w, c: w.transfer(c, Decision.GRANTED), "disposalDueAt"),
    ],
    ids=[
        "no photo",
        "a document",
        "a disposal photo",
        "no reason",
        "extension without limit",
        "transfer without limit",
    ],
)
def test_a_form_that_lacks_what_it_must_hold_is_refused_with_the_field_RCPT_2_EXC_3(send, field):
    world = World()
    case = world.in_disposal()
    before = world.case(case)
    fault = send(world, case).fault
    assert fault.code is ErrorCode.REQUIRED_MISSING
    assert fault.field.endswith(f"/{field}")
    assert world.case(case) == before


@pytest.mark.parametrize(
    ("send", "field"),
    [
        (lambda w, c: w.file(c, task=None), "taskNumber"),
        (lambda w, c: w.decline(c, reason=None), "declineReason"),
        (lambda w, c: w.decline(c, words=None), "reason"),
        (lambda w, c: w.decline(c, words=" "), "reason"),
        (lambda w, c: w.decline(c, reason=DeclineReason.DUPLICATE), "originalCaseNumber"),
    ],
    ids=["filed without task", "declined without code", "without words", "blank words", "duplicate of nothing"],
)
def test_a_filing_result_says_everything_that_belongs_to_it(send, field):
    world = World()
    fault = send(world, world.handed_over()).fault
    assert (fault.code, fault.field) == (ErrorCode.REQUIRED_MISSING, f"form/filingResult/{field}")


def test_the_progress_to_disposal_names_its_limit_INT_2():
    world = World()
    case = world.filed()
    world.dispatch(case)
    assert world.progress(case, UrbanStage.DEPARTMENT_DISPOSAL).fault is None
    bare = StageProgress(
        case_number=case,
        task_number=world.task(case),
        stage=UrbanStage.DEPARTMENT_DISPOSAL,
        entered_at=world.now,
        handler="李强",
    )
    assert world.send(bare).fault.code is ErrorCode.REQUIRED_MISSING


def test_the_district_dispatched_to_is_never_a_reason_to_refuse_EXC_4():
    world = World()
    for district in (OWN, OTHER, "110101"):
        assert world.dispatch(world.filed(), district).fault is None
