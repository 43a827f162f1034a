"""A case that is handed over: its life on this side, and what the urban platform hears (GRID-6, INT-1 … INT-8, EXC-1 … EXC-5)."""

from datetime import timedelta

import pytest
from grid_world import CELL, OTHER, OWN, START, World, lost, profile

from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import UrbanStage

ALREADY_FILED = Fault(
    code=ErrorCode.CASE_ALREADY_FILED, field=None, message_zh="案卷已立案。", message_en="The case has been filed."
)


def refuses(form_type: FormType, fault: Fault):
    return lambda form: fault if form.form_type is form_type else None


# ── handing over ────────────────────────────────────────────────────────────────────────────────────


def test_the_virtual_account_hands_a_case_over_with_everything_that_is_known_GRID_6():
    world = World()
    case = world.handed_over(reporter_name="王大爷", reporter_phone="138 0013 8000", grade="urgent")
    form = world.last(FormType.HAND_OVER)

    assert world.state(case) == "handed_over"
    assert form.handed_over_by == f"virtual-{OWN}"
    assert (form.district, form.street, form.community, form.cell) == (OWN, CELL[:9], CELL[:12], CELL)
    assert (form.reporter_name, form.reporter_phone, form.grade) == ("王大爷", "138 0013 8000", "urgent")
    assert [(a.name, a.kind) for a in form.attachments] == [("roadside.png", PhotoKind.REPORT)]
    assert form.position is not None
    line = world.case(case)["history"][-1]
    assert (line["who"], line["role"], line["what"]) == (f"virtual-{OWN}", "virtual", "handed_over")


def test_handing_over_accepts_a_case_that_was_only_reported():
    world = World()
    case = world.handed_over()
    assert [line["what"] for line in world.case(case)["history"]] == ["reported", "accepted", "handed_over"]


def test_a_case_is_handed_over_only_once():
    world = World()
    assert world.refusal("workstation.hand_over", world.handed_over()) == "wrong_state"


@pytest.mark.parametrize("act", ["dispatcher.accept", "dispatcher.dispatch", "handler.handle", "dispatcher.close"])
def test_a_case_that_is_handed_over_has_left_the_own_loop(act):
    world = World()
    params = {"dispatcher.dispatch": {"department": f"PS-{OWN}"}, "handler.handle": {"result": "好"}}.get(act, {})
    assert world.refusal(act, world.verified(), **params) == "wrong_state"


def test_the_workstation_adds_words_and_photos():
    world = World()
    case = world.filed()
    world.act("workstation.supplement", case, note="更靠近路口", photos=["corner"])
    form = world.last(FormType.SUPPLEMENT)
    assert form.note == "更靠近路口"
    assert [a.name for a in form.attachments] == ["corner.png"]
    assert world.case(case)["notes"] == ["更靠近路口"]
    assert world.refusal("workstation.supplement", case, note=" ") == "bad_value"
    assert world.refusal("workstation.supplement", world.closed(), note="x") == "wrong_state"


# ── what the urban platform tells ───────────────────────────────────────────────────────────────────


def test_the_grid_side_shows_where_the_case_stands_INT_1():
    world = World()
    case = world.handed_over()
    assert world.case(case)["urban_stage"] is None
    world.file(case)
    assert (world.case(case)["urban_stage"], world.task(case)) == ("filing_and_dispatch", "T20260302-000001")
    world.dispatch(case, OTHER)
    assert (world.case(case)["urban_stage"], world.case(case)["dispatched_to"]) == ("district_assignment", OTHER)
    world.progress(case)
    assert world.case(case)["urban_stage"] == "department_disposal"
    assert world.case(case)["due_at"] == (START + timedelta(hours=4)).isoformat()
    world.ask_to_verify(case)
    assert world.case(case)["urban_stage"] == "district_verification"
    world.act("worker.verify", case, outcome="passed")
    world.progress(case, UrbanStage.CLOSING)
    assert world.case(case)["urban_stage"] == "closing"


def test_nobody_rejects_a_case_because_it_was_dispatched_to_another_district_EXC_4():
    world = World()
    case = world.filed()
    assert world.dispatch(case, OTHER).fault is None


def test_a_declined_case_is_over_with_its_reason_URBAN_4():
    world = World()
    case = world.handed_over()
    assert world.decline(case).fault is None
    shown = world.case(case)
    assert (shown["state"], shown["decline_reason"], shown["handed_over"]) == ("declined", "unclear", True)


def test_extensions_returns_and_transfers_are_followed_URBAN_4_EXC_5():
    world = World()
    case = world.in_disposal()
    later = START + timedelta(days=1)
    world.extension(case, Decision.APPLIED)
    world.extension(case, Decision.GRANTED, later)
    assert world.case(case)["due_at"] == later.isoformat()
    world.transfer(case, Decision.APPLIED)
    world.transfer(case, Decision.GRANTED, later + timedelta(days=1))
    shown = world.case(case)
    assert (shown["dispatched_to"], shown["urban_department"]) == (OTHER, f"CA-{OTHER}")
    assert shown["due_at"] == (later + timedelta(days=1)).isoformat()
    world.send_back(case, Decision.GRANTED)
    assert (world.case(case)["urban_stage"], world.case(case)["dispatched_to"]) == ("filing_and_dispatch", None)
    assert world.dispatch(case, OWN).fault is None


def test_a_return_that_is_refused_leaves_the_case_with_its_district_URBAN_4():
    world = World()
    case = world.filed()
    world.dispatch(case, OTHER)
    world.send_back(case, Decision.APPLIED)
    world.send_back(case, Decision.REFUSED)
    assert (world.case(case)["urban_stage"], world.case(case)["dispatched_to"]) == ("district_assignment", OTHER)


def test_a_refused_extension_changes_no_limit_URBAN_4():
    world = World()
    case = world.in_disposal()
    before = world.case(case)["due_at"]
    world.extension(case, Decision.APPLIED)
    world.extension(case, Decision.REFUSED)
    assert world.case(case)["due_at"] == before


# ── verification ────────────────────────────────────────────────────────────────────────────────────


def test_a_verification_request_becomes_a_task_of_the_cells_worker_INT_4():
    world = World()
    case = world.awaiting()
    assert world.state(case) == "awaiting_verification"
    assert [line["case_number"] for line in world.ask("worklist", role="worker", account=f"worker-{CELL}")] == [case]
    assert world.case(case)["verification"]["disposal_result"] == "已清理"


def test_a_passed_verification_is_told_with_time_photos_and_name_INT_5():
    world = World()
    case = world.awaiting()
    world.advance(timedelta(minutes=20))
    world.act("worker.verify", case, outcome="passed", photos=["clean"], note="已干净")
    form = world.last(FormType.VERIFICATION_RESULT)
    assert (form.outcome, form.round, form.note) == (VerificationOutcome.PASSED, 1, "已干净")
    assert form.verified_at == START + timedelta(minutes=20)
    assert [(a.name, a.kind) for a in form.attachments] == [("clean.png", PhotoKind.VERIFICATION)]
    assert world.state(case) == "verified"


def test_a_passed_case_is_closed_on_both_sides_INT_6():
    world = World()
    case = world.verified()
    world.act("reporter.satisfied", case)
    world.act("workstation.close", case)
    form = world.last(FormType.CLOSING)
    assert (form.kind, form.task_number) == (ClosingKind.NORMAL, world.task(case))
    assert world.state(case) == "closed"
    assert world.taken(case) == [FormType.HAND_OVER, FormType.VERIFICATION_RESULT, FormType.CLOSING]


def test_a_failed_verification_waits_for_the_workstation_to_reject_INT_7():
    world = World()
    case = world.failed()
    assert world.state(case) == "verification_failed"
    assert world.refusal("workstation.close", case) == "wrong_state"
    assert world.refusal("reporter.dissatisfied", case) == "wrong_state"
    world.act("workstation.reject", case)
    form = world.last(FormType.REJECTION)
    assert (form.ordinal, form.cause, form.reason) == (1, RejectionCause.NOT_PASSED, "仍有垃圾")
    assert (world.state(case), world.case(case)["rejections"]) == ("handed_over", 1)


def test_a_dissatisfied_reporter_rejects_what_has_passed_INT_7():
    world = World()
    case = world.verified()
    assert world.refusal("workstation.reject", case) == "wrong_state"
    world.act("reporter.dissatisfied", case, reason="第二天又脏了")
    form = world.last(FormType.REJECTION)
    assert (form.ordinal, form.cause, form.reason) == (1, RejectionCause.REPORTER_DISSATISFIED, "第二天又脏了")
    assert world.state(case) == "handed_over"
    assert world.refusal("workstation.close", case) == "wrong_state"


def test_nothing_is_verified_twice_and_nothing_closed_is_rejected():
    world = World()
    assert world.refusal("worker.verify", world.verified(), outcome="passed") == "wrong_state"
    closed = world.closed()
    assert world.refusal("reporter.dissatisfied", closed) == "wrong_state"
    assert world.refusal("workstation.reject", closed) == "wrong_state"


def test_rejections_are_counted_for_each_filing_INT_8():
    world = World()
    case = world.in_disposal()
    for _ in range(4):
        world.reject_again(case)
    assert [f.ordinal for f in world.forms if f.form_type is FormType.REJECTION] == [1, 2, 3, 4]
    assert world.case(case)["overdue_not_disposed"] is True

    assert world.file(case, "T20260302-000099", 2).fault is None
    shown = world.case(case)
    assert (shown["rejections"], shown["filing_ordinal"], shown["task_number"]) == (0, 2, "T20260302-000099")
    assert (shown["due_at"], shown["dispatched_to"], shown["overdue_not_disposed"]) == (None, None, False)
    assert world.dispatch(case).fault is None
    assert world.progress(case).fault is None
    world.reject_again(case)
    assert world.last(FormType.REJECTION).ordinal == 1
    assert world.last(FormType.REJECTION).task_number == "T20260302-000099"


def test_where_the_city_says_so_the_counter_runs_on_INT_8():
    world = World(profile(choices=Choices(max_rejections=1, counter_restarts_on_refiling=False)))
    case = world.in_disposal()
    world.reject_again(case)
    world.reject_again(case)
    world.file(case, "T20260302-000099", 2)
    assert world.case(case)["rejections"] == 2
    world.dispatch(case)
    world.ask_to_verify(case, 1)
    world.act("worker.verify", case, outcome="not_passed")
    world.act("workstation.reject", case)
    assert world.last(FormType.REJECTION).ordinal == 3
    assert world.file(case, "T20260302-000100", 3).fault is None


def test_the_rejection_too_many_is_told_once_and_is_over_with_the_case_CONT_2():
    world = World()
    case = world.in_disposal()
    for _ in range(4):
        world.reject_again(case)
    world.file(case, "T20260302-000099", 2)
    world.dispatch(case)
    for _ in range(4):
        world.reject_again(case)
    world.file(case, "T20260302-000100", 3)
    world.dispatch(case)
    world.ask_to_verify(case)
    world.act("worker.verify", case, outcome="passed")
    world.act("workstation.close", case)
    told = [(n["kind"], n["phase"], n["duty"]) for n in world.ask("notices")]
    assert told == [("repeated_rejection", "started", "grid_side"), ("repeated_rejection", "over", "grid_side")]


# ── duplicates ──────────────────────────────────────────────────────────────────────────────────────


def test_a_duplicate_is_told_to_the_contact_at_once_and_over_with_its_original_EXC_1_CONT_2():
    world = World()
    original, repeated = world.filed(), world.handed_over()
    assert world.decline(repeated, DeclineReason.DUPLICATE, original, "重复").fault is None

    (told,) = world.ask("notices")
    assert (told["kind"], told["phase"], told["duty"]) == ("duplicate", "started", "grid_side")
    assert (told["case_number"], told["related_case_number"]) == (repeated, original)
    assert told["contact"]
    assert (world.state(repeated), world.case(repeated)["original_case_number"]) == ("declined", original)

    world.dispatch(original)
    world.ask_to_verify(original)
    world.act("worker.verify", original, outcome="passed")
    world.act("workstation.close", original)
    assert [(n["phase"], n["case_number"]) for n in world.ask("notices")] == [("started", repeated), ("over", repeated)]


def test_a_duplicate_of_a_case_that_has_ended_is_started_and_over_EXC_1():
    world = World()
    original, repeated = world.closed(), world.handed_over()
    world.decline(repeated, DeclineReason.DUPLICATE, original, "重复")
    assert [n["phase"] for n in world.ask("notices")] == ["started", "over"]


# ── taking a case back ──────────────────────────────────────────────────────────────────────────────


def test_before_filing_a_case_is_withdrawn_when_the_urban_side_says_so_EXC_2():
    world = World()
    case = world.handed_over()
    assert world.refusal("workstation.withdraw", case, reason="") == "reason_required"
    world.act("workstation.withdraw", case, reason="误报")
    assert world.state(case) == "withdrawn"


def test_a_withdrawal_that_is_refused_changes_nothing_EXC_2():
    world = World()
    case = world.handed_over()
    world.objection = refuses(FormType.WITHDRAWAL, ALREADY_FILED)
    world.act("workstation.withdraw", case, reason="误报")
    assert world.state(case) == "handed_over"
    assert world.sending(case, FormType.WITHDRAWAL)["code"] == "CASE_ALREADY_FILED"
    assert world.ask("notices") == []


def test_a_second_withdrawal_waits_until_the_first_is_answered_EXC_2():
    world = World()
    case = world.handed_over()
    world.network = lost
    world.act("workstation.withdraw", case, reason="误报")
    assert world.refusal("workstation.withdraw", case, reason="误报") == "duplicate_application"


STAGES_AFTER_FILING = ["filed", "in_disposal", "awaiting", "verified", "failed", "closed"]


@pytest.mark.parametrize("stage", STAGES_AFTER_FILING)
@pytest.mark.parametrize("act", ["workstation.cancel", "workstation.withdraw"])
def test_after_filing_nobody_cancels_or_withdraws_EXC_2(stage, act):
    world = World()
    case = getattr(world, stage)()
    assert world.refusal(act, case, reason="误报") == "already_filed"


def test_before_filing_a_handed_over_case_is_withdrawn_not_cancelled_EXC_2():
    world = World()
    assert world.refusal("workstation.cancel", world.handed_over(), reason="误报") == "wrong_state"


@pytest.mark.parametrize("stage", ["handed_over", *STAGES_AFTER_FILING])
def test_a_person_can_insist_on_sending_a_withdrawal_and_the_urban_side_decides_EXC_2(stage):
    world = World()
    case = getattr(world, stage)()
    before = world.state(case)
    world.objection = refuses(FormType.WITHDRAWAL, ALREADY_FILED)
    assert world.refusal("workstation.force_withdraw", case) == "reason_required"
    world.act("workstation.force_withdraw", case, reason="坚持")
    assert world.state(case) == before
    assert world.sending(case, FormType.WITHDRAWAL)["outcome"] == "error"


def test_a_filed_case_does_not_vanish_because_the_urban_side_took_a_withdrawal_EXC_2():
    world = World()
    case = world.filed()
    world.act("workstation.force_withdraw", case, reason="坚持")
    assert world.sending(case, FormType.WITHDRAWAL)["outcome"] == "confirmed"
    assert world.state(case) == "handed_over"


# ── false reports ───────────────────────────────────────────────────────────────────────────────────


def test_a_false_report_is_confirmed_by_the_workstation_and_closed_by_the_urban_side_EXC_3():
    world = World()
    case = world.in_disposal()
    assert world.apply_false_report(case).fault is None
    assert [line["acts"] for line in world.ask("worklist", role="workstation")] == [["workstation.answer_false_report"]]
    world.act("workstation.answer_false_report", case, confirmed=True)
    assert world.last(FormType.FALSE_REPORT_ANSWER).confirmed is True
    assert world.state(case) == "handed_over"
    assert world.close_from_urban(case).fault is None
    assert world.state(case) == "closed_false_report"


def test_a_disputed_false_report_goes_back_to_disposal_and_may_be_applied_for_again_EXC_3():
    world = World()
    case = world.in_disposal()
    world.apply_false_report(case)
    world.act("workstation.answer_false_report", case, confirmed=False, reason="现场仍有垃圾")
    answer = world.last(FormType.FALSE_REPORT_ANSWER)
    assert (answer.confirmed, answer.reason) == (False, "现场仍有垃圾")
    assert world.close_from_urban(case).fault.code is ErrorCode.OUT_OF_SEQUENCE
    assert world.apply_false_report(case).fault is None


def test_an_answer_that_nobody_waits_for_is_refused_EXC_3():
    world = World()
    case = world.in_disposal()
    assert world.refusal("workstation.answer_false_report", case, confirmed=True) == "not_waiting"
    world.apply_false_report(case)
    world.act("workstation.answer_false_report", case, confirmed=True)
    assert world.refusal("workstation.answer_false_report", case, confirmed=True) == "not_waiting"
    assert world.refusal("workstation.answer_false_report", world.in_disposal(), confirmed="yes") == "not_waiting"


def test_an_answer_is_a_yes_or_a_no_EXC_3():
    world = World()
    case = world.in_disposal()
    world.apply_false_report(case)
    assert world.refusal("workstation.answer_false_report", case, confirmed="yes") == "bad_value"
    assert world.refusal("workstation.answer_false_report", case) == "bad_value"


def test_where_the_grid_side_is_only_told_the_urban_side_closes_at_once_EXC_3():
    world = World(profile(choices=Choices(grid_confirms_false_report=False)))
    case = world.in_disposal()
    world.apply_false_report(case)
    assert world.refusal("workstation.answer_false_report", case, confirmed=True) == "not_waiting"
    assert world.close_from_urban(case).fault is None
    assert world.state(case) == "closed_false_report"


# ── contacts ────────────────────────────────────────────────────────────────────────────────────────


def test_a_contact_notice_from_the_urban_side_is_recorded_and_moves_nothing_CONT_2():
    world = World()
    case = world.closed()
    assert world.tell(case).fault is None
    (told,) = world.ask("notices")
    assert (told["told_by"], told["kind"], told["text_zh"]) == ("urban", "system_fault", "请知悉")
    assert world.state(case) == "closed"


def test_a_contact_is_not_told_again_of_what_is_known_already_CONT_2():
    world = World()
    original, repeated = world.filed(), world.handed_over()
    world.decline(repeated, DeclineReason.DUPLICATE, original, "重复")
    world.tell(repeated, NoticeKind.DUPLICATE)
    assert [n["phase"] for n in world.ask("notices")] == ["started"]
    world.tell(repeated, NoticeKind.DUPLICATE, NoticePhase.OVER)
    assert [n["phase"] for n in world.ask("notices")] == ["started", "over"]


def test_the_workstation_tells_the_other_sides_contact_once_each_way_XCHG_3_CONT_2():
    world = World()
    case = world.filed()
    assert world.refusal("workstation.notify", case, kind="system_fault", text="x", phase="over") == "wrong_state"
    world.act("workstation.notify", case, kind="system_fault", text="网络不稳")
    assert world.refusal("workstation.notify", case, kind="system_fault", text="网络不稳") == "wrong_state"
    world.act("workstation.notify", case, kind="system_fault", text="已恢复", phase="over")
    sent = [(f.phase, f.text) for f in world.forms if f.form_type is FormType.CONTACT_NOTICE]
    assert sent == [(NoticePhase.STARTED, "网络不稳"), (NoticePhase.OVER, "已恢复")]
    assert world.refusal("workstation.notify", case, kind="parked", text="x", related_case="nothing") == "unknown_case"


def test_the_contact_book_of_the_profile_goes_before_the_towns_CONT_1():
    assert len(World().ask("contacts")) == 7
