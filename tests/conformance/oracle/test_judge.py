"""The judge is judged: whole lives that must pass, and one planted violation after the other that must not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.profile import DeliveryChoices, Profile
from conformance.clauses import clauses
from conformance.oracle.clause import all_rules
from conformance.oracle.judge import Judgement, Verdict, judge

from .stories import CASE, HAND_OVER, OTHER, PROFILE, TASK, TASK2, Story, bridged, photo, uuid

SAME_PHOTOS = [photo("a", "report"), photo("b", "report")]
AUTOMATIC = {
    "completed_at": "2026-03-02T10:00:00+08:00",
    "handler": "系统自动核查",
    "automatic": True,
    "result": "passed",
    "photos": [],
}


def verdicts(story: Story, profile: Profile = PROFILE) -> dict[str, Verdict]:
    return {v.clause: v for v in judge(story.trace, profile)}


# --- lives in which nothing is wrong ------------------------------------------------------------------------------


def closed_life() -> Story:
    story = Story()
    story.act("grid", "worker.report", result={"case": CASE}, source="grid_platform")
    story.until_verified()
    story.down("stageProgress", taskNumber=TASK, stage="closing", enteredAt=story.iso(), handler="系统")
    story.close()
    story.fact("grid", "case", {"state": "closed", "urban_stage": "closing"}, case=CASE)
    story.fact("urban", "case", {"status": "closed", "stage": "closing", "stages": verified_stages()}, case=CASE)
    return story


def verified_stages(**changed: object) -> list[dict[str, object]]:
    return [{"stage": s} | AUTOMATIC | changed for s in ("district_verification", "city_verification")]


def rejected_life() -> Story:
    story = Story().rejected(1)
    story.disposal()
    story.ask_verification(round_=2)
    story.verify("passed", round_=2)
    story.reject(2, cause="reporter_dissatisfied")
    story.disposal()
    return story


def refiled_life() -> Story:
    story = Story().rejected(4)
    story.filed(task=TASK2, ordinal=2)
    story.dispatch(task=TASK2)
    story.disposal(task=TASK2)
    story.ask_verification(task=TASK2)
    story.verify("not_passed", task=TASK2)
    story.reject(1, task=TASK2)
    story.disposal(task=TASK2)
    return story


def duplicate_life() -> Story:
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS[::-1], description=" 路边垃圾堆放 ")
    story.declined(case=OTHER, decline_reason="duplicate", originalCaseNumber=CASE)
    story.filed()
    for phase in ("started", "over"):
        story.add("notice", party="grid", notice={"kind": "duplicate", "phase": phase, "case_number": OTHER})
    return story


def similar_life() -> Story:
    third = "340202-20260302-000003"
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS[:1])
    story.hand_over(case=third, attachments=SAME_PHOTOS, description="占道经营")
    story.filed()
    story.filed(case=OTHER, task=TASK2)
    story.filed(case=third, task="T20260302-000003")
    return story


def withdrawn_life() -> Story:
    story = Story()
    story.hand_over()
    story.up("withdrawal", reason="重复上报", withdrawnAt=story.iso())
    story.hand_over(case=OTHER, description="占道经营")
    story.filed(case=OTHER)
    story.up("withdrawal", case=OTHER, reason="误报", withdrawnAt=story.iso(), code="CASE_ALREADY_FILED")
    story.act("urban", "operator.cancel", case=OTHER, code="already_filed")
    return story


def false_report_life() -> Story:
    story = Story().until_disposal()
    story.act(
        "urban", "department.apply_false_report", case=CASE, reason="现场无垃圾", photos=[], code="photo_required"
    )
    story.down(
        "falseReportApplication",
        taskNumber=TASK,
        reason="现场无垃圾",
        department="CA-340202",
        appliedAt=story.iso(),
        attachments=[photo("site", "on_site")],
    )
    story.up("falseReportAnswer", taskNumber=TASK, confirmed=True, reason="属实", answeredAt=story.iso())
    story.close(kind="false_report")
    story.fact("grid", "case", {"state": "closed_false_report"}, case=CASE)
    story.fact("urban", "case", {"status": "closed_false_report"}, case=CASE)
    return story


def transfer(story: Story, decision: str, **more: object) -> None:
    story.down(
        "transferNotice",
        taskNumber=TASK,
        decision=decision,
        reason="属弋江区",
        fromDistrict="340202",
        toDistrict="340209",
        toDepartment="CA-340209",
        noticedAt=story.iso(),
        **more,
    )


def transferred_life() -> Story:
    story = Story().until_disposal()
    transfer(story, "applied")
    transfer(story, "granted", disposalDueAt=story.iso(hours=4))
    story.ask_verification(district="340209")
    return story


def extension_life() -> Story:
    story = Story().until_disposal()
    for decision, more in (("applied", {}), ("granted", {"disposalDueAt": story.iso(hours=8)})):
        story.down(
            "extensionNotice",
            taskNumber=TASK,
            decision=decision,
            reason="雨天",
            department="CA-340202",
            noticedAt=story.iso(),
            **more,
        )
    return story


def far_district_life() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    story.dispatch(district="340209")
    return story


def query(
    story: Story,
    cases: list[str],
    *,
    cursor: str | None = None,
    next_cursor: str = "c1",
    more: bool = False,
    state: str = "",
) -> None:
    story.calls += 1
    asked = {"pageSize": 50} | ({"cursor": cursor} if cursor else {}) | ({"state": state} if state else {})
    story.add("call", call=story.calls, **{"from": "urban", "to": "grid"}, operation="QueryCases", query=asked)
    page = [{"messageId": uuid(int(c[-1])), "state": "handed_over", "caseNumber": c} for c in cases]
    story.add("answer", call=story.calls, outcome="page", cases=page, next_cursor=next_cursor, more=more)


def queried_life() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE)
    story.act("grid", "workstation.hand_over", case=OTHER)
    query(story, [CASE], more=True)
    query(story, [OTHER], cursor="c1", next_cursor="c2")
    query(story, [], cursor="c2", next_cursor="c2")
    return story


def repeated_life() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE)
    first = story.call("grid", "urban", "handOver", **HAND_OVER)
    story.answer(first, given=True)
    story.wait(minutes=6)
    again = story.call("grid", "urban", "handOver", attempt=2, id_=story.last_id, **HAND_OVER)
    story.answer(again)
    return story


def shut_out_for_long() -> Story:
    """The far end does not accept the account for a day; that counts for no attempt."""
    story = Story()
    story.answer(story.call("bridge", "urban", "handOver", **HAND_OVER), "fault", code="NOT_AUTHENTICATED")
    for attempt in range(2, 25):
        story.wait(hours=2)
        again = story.call("bridge", "urban", "handOver", attempt=attempt, id_=story.last_id, **HAND_OVER)
        if attempt < 24:
            story.answer(again, "fault", code="NOT_AUTHENTICATED")
        else:
            story.answer(again)
    return story


def stray_life() -> Story:
    story = Story()
    first = story.hand_over()
    story.fact("grid", "case", {"state": "handed_over"}, case=CASE)
    story.receipt_call(first, injected=True, code="CODE_UNKNOWN")
    story.fact("grid", "case", {"state": "handed_over"}, case=CASE)
    return story


def verifiers_life() -> Story:
    story = Story().until_disposal()
    story.ask_verification()
    story.act("urban", "district_verifier.verify", case=CASE, code="hidden")
    story.fact("urban", "worklist", {"cases": []}, role="city_verifier")
    return story


def other_department_life() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=OTHER, code="wrong_department")
    return story


def assessed_life(assessed: list[str], everything: list[str]) -> Story:
    story = Story()
    story.hand_over()
    figures = {"assessed": {"received": {"cases": assessed}}, "all": {"received": {"cases": everything}}}
    story.fact("urban", "assessment", figures, month="2026-03")
    return story


def native_life() -> Story:
    story = Story()
    story.act("urban", "collector.report", result={"case": "U340202-20260302-000001"})
    return story


def own_loop() -> Story:
    story = Story()
    for name, more in (
        ("dispatcher.accept", {}),
        ("dispatcher.dispatch", {"department": "CV-340202"}),
        ("handler.handle", {}),
        ("worker.verify", {"outcome": "not_passed"}),
        ("handler.handle", {}),
        ("worker.verify", {"outcome": "passed"}),
        ("dispatcher.close", {}),
    ):
        story.act("grid", name, case=CASE, **more)
    return story


def contact_book(duties: list[str]) -> Story:
    story = Story()
    story.fact("grid", "contacts", [{"duty": duty, "name": "许宁"} for duty in duties])
    return story


def cells(**changed: object) -> Story:
    """Two cells side by side; `changed` is what the second one says instead."""
    first = {"code": "340202001001001", "worker": "worker-1", "households": 300, "bounds": [0, 0, 100, 40]}
    second = {"code": "340202001001002", "worker": "worker-2", "households": 310, "bounds": [0, 40, 100, 90]} | changed
    story = Story()
    story.fact("grid", "cells", [first, second])
    return story


DUTIES = [duty.value for duty in ContactDuty]


def told_both_ways() -> Story:
    """Each side tells the other of a fault of its own, in the same words and about the same case."""
    story = Story()
    story.hand_over()
    notice = {"kind": "system_fault", "phase": "started", "text": "今晚停机", "contactName": "许宁"}
    story.up("contactNotice", noticedAt=story.iso(), **notice)
    story.down("contactNotice", noticedAt=story.iso(), **notice)
    return story


LIVES: dict[str, tuple[Callable[[], Story], str]] = {
    "closed": (
        closed_life,
        "RCPT-1 RCPT-2 RCPT-4 XCHG-1 XCHG-3 URBAN-2 INT-1 INT-2 INT-4 INT-5 INT-6 GRID-6 GEN-1 GEN-4",
    ),
    "rejected twice": (rejected_life, "INT-7 INT-8"),
    "refiled": (refiled_life, "INT-7 INT-8 URBAN-2"),
    "rejected between clocks that differ": (lambda: back_in_disposal(seconds_before=200), "INT-7"),
    "a duplicate": (duplicate_life, "EXC-1 CONT-2 URBAN-4"),
    "similar but no duplicates": (similar_life, "EXC-1"),
    "withdrawn in time and too late": (withdrawn_life, "EXC-2"),
    "a false report": (false_report_life, "EXC-3 INT-6"),
    "another district": (far_district_life, "EXC-4"),
    "a transfer": (transferred_life, "EXC-5 URBAN-4"),
    "an extension": (extension_life, "URBAN-4"),
    "cases taken by query": (queried_life, "XCHG-2"),
    "an answer lost and the form repeated": (repeated_life, "RCPT-5 RCPT-6"),
    "a contradictory receipt": (stray_life, "RCPT-3"),
    "hidden from verifiers": (verifiers_life, "INT-4"),
    "an assessment": (lambda: assessed_life(["U340202-20260302-000001"], [CASE]), "INT-3"),
    "a native case": (native_life, "URBAN-3"),
    "the grid side's own loop": (own_loop, "GRID-5"),
    "the cells of a community": (cells, "GRID-1"),
    "a contact book": (lambda: contact_book(DUTIES), "CONT-1"),
    "another department's case": (other_department_life, "GRID-6"),
    "each side tells of a fault of its own": (told_both_ways, "CONT-2"),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_sound_life_breaks_no_clause_and_shows_those_it_is_about(name):
    tell, shown = LIVES[name]

    seen = verdicts(tell())

    assert [(v.clause, v.seen_en) for v in seen.values() if v.failed] == []
    assert set(shown.split()) <= {c for c, v in seen.items() if v.outcome is Judgement.PASS}


@pytest.mark.parametrize("name", [n for n in LIVES if n not in ("cases taken by query", "an answer lost and the form repeated", "a contradictory receipt")])  # fmt: skip
def test_a_sound_life_is_sound_with_a_bridge_between_as_well(name):
    seen = verdicts(bridged(LIVES[name][0]()))

    assert [(v.clause, v.seen_en) for v in seen.values() if v.failed] == []


def test_an_empty_trace_shows_nothing():
    assert {v.outcome for v in judge(Story().trace, PROFILE)} == {Judgement.NOT_SEEN}


def test_every_rule_has_a_life_that_keeps_it_and_a_planted_violation_that_breaks_it():
    rules = {rule.clause for rule in all_rules()}

    assert rules == {c for _, shown in LIVES.values() for c in shown.split()}
    assert rules == {clause for clause, *_ in PLANTED}


# --- one thing wrong ------------------------------------------------------------------------------------------------


def a_form_is_never_receipted() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE)
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "acknowledged")
    return story


def a_receipt_names_another_case() -> Story:
    story = a_form_is_never_receipted()
    story.receipt_call(1, caseNumber=OTHER)
    return story


def an_error_receipt_says_no_code() -> Story:
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), outcome="receipt")["receipt"]["outcome"] = (
        "error"
    )
    return story


def a_receipt_says_busy() -> Story:
    story = Story()
    story.hand_over()
    story.up("supplement", note="补充", supplementedAt=story.iso(), code="BUSY")
    return story


def a_bridge_confirms_before_the_far_end() -> Story:
    story = Story()
    story.form("grid", "bridge", "handOver", **HAND_OVER)
    story.form("bridge", "urban", "handOver", id_=story.last_id, **HAND_OVER)
    return story


def a_late_receipt_changes_the_case() -> Story:
    story = Story()
    first = story.hand_over(code="CODE_UNKNOWN")
    story.fact("grid", "case", {"state": "accepted"}, case=CASE)
    story.receipt_call(first, injected=True)
    story.fact("grid", "case", {"state": "handed_over"}, case=CASE)
    return story


def a_refused_form_becomes_confirmed() -> Story:
    story = Story()
    first = story.hand_over(code="CODE_UNKNOWN")
    story.receipt_call(first, injected=True)
    story.fact("grid", "forms", [{"message_id": story.trace.sendings()[0].message_id, "state": "confirmed"}], case=CASE)
    return story


def a_stray_receipt_is_faulted() -> Story:
    story = Story()
    first = story.hand_over()
    story.receipt_call(first, injected=True, answered=None)
    story.add("answer", call=story.calls, outcome="fault", fault={"code": "CASE_UNKNOWN"})
    return story


def two_forms_of_a_case_are_out_together() -> Story:
    story = Story()
    first = story.call("grid", "urban", "handOver", **HAND_OVER)
    story.answer(first, "acknowledged")
    second = story.call("grid", "urban", "supplement", note="补充", supplementedAt=story.iso())
    story.answer(second, "acknowledged")
    story.receipt_call(first)
    story.receipt_call(second)
    return story


def repeat_after(*, seconds: float, attempt: int = 2, **changed: object) -> Story:
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "unanswered")
    story.wait(seconds=seconds)
    story.answer(story.call("grid", "urban", "handOver", attempt=attempt, id_=story.last_id, **(HAND_OVER | changed)))
    return story


def a_form_is_dropped() -> Story:
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "unanswered")
    story.wait(hours=2).add("clock", to=story.iso())
    return story


def too_many_sendings() -> Story:
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "unanswered")
    for attempt in range(2, 7):
        story.wait(hours=2)
        story.answer(
            story.call("grid", "urban", "handOver", attempt=attempt, id_=story.last_id, **HAND_OVER), "unanswered"
        )
    return story


def a_repetition_gets_another_receipt() -> Story:
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), given=True, code="CODE_UNKNOWN")
    story.wait(minutes=6)
    story.answer(story.call("grid", "urban", "handOver", attempt=2, id_=story.last_id, **HAND_OVER))
    return story


def a_repetition_gets_no_receipt() -> Story:
    story = Story()
    first = story.call("grid", "urban", "handOver", **HAND_OVER)
    story.answer(first, "lost")
    story.receipt_call(first, answered="not_reached")
    story.wait(minutes=6)
    story.answer(story.call("grid", "urban", "handOver", attempt=2, id_=story.last_id, **HAND_OVER), "acknowledged")
    return story


def a_header_names_another_case() -> Story:
    story = Story()
    story.up("handOver", **HAND_OVER, record_case_number=OTHER)
    return story


def a_message_id_is_used_twice() -> Story:
    story = Story()
    story.hand_over()
    story.hand_over(case=OTHER, description="占道经营", id_=story.last_id)
    return story


def a_form_travels_the_wrong_way() -> Story:
    story = Story()
    story.down("rejection", taskNumber=TASK, ordinal=1, cause="not_passed", reason="仍有", rejectedAt=story.iso())
    return story


def a_header_names_the_wrong_party() -> Story:
    story = Story()
    story.up("handOver", **HAND_OVER, record_header_sender="wuhu-urban")
    return story


def a_page_repeats_a_case() -> Story:
    story = queried_life()
    query(story, [CASE], cursor="c2", next_cursor="c3")
    return story


def a_query_misses_a_case() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE)
    story.act("grid", "workstation.hand_over", case=OTHER)
    query(story, [CASE])
    return story


def a_query_ignores_the_state() -> Story:
    story = Story()
    query(story, [CASE], state="filed")
    return story


def a_query_shows_another_message_id() -> Story:
    story = Story()
    story.hand_over(id_=uuid(77))
    query(story, [CASE])
    return story


def a_form_lacks_a_field() -> Story:
    story = Story()
    story.up("handOver", **{k: v for k, v in HAND_OVER.items() if k != "category"})
    return story


def a_filing_has_no_task_number() -> Story:
    story = Story()
    story.hand_over()
    story.down("filingResult", outcome="filed", decidedAt=story.iso(), decidedBy="坐席", filingOrdinal=1)
    return story


def disposal_comes_without_dispatch() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    story.disposal()
    return story


def a_return_is_granted_that_nobody_asked() -> Story:
    story = Story().until_disposal()
    story.down(
        "returnNotice", taskNumber=TASK, decision="granted", reason="非本区", district="340202", noticedAt=story.iso()
    )
    return story


def a_decline_gives_no_reason() -> Story:
    story = Story()
    story.hand_over()
    story.down(
        "filingResult",
        outcome="declined",
        decidedAt=story.iso(),
        decidedBy="坐席",
        filingOrdinal=1,
        declineReason="unclear",
        reason=" ",
    )
    return story


def the_grid_side_shows_an_old_stage() -> Story:
    story = Story().until_disposal()
    story.fact("grid", "case", {"state": "handed_over", "urban_stage": "filing_and_dispatch"}, case=CASE)
    return story


def a_limit_lies_before_disposal() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    story.dispatch()
    story.disposal(due=story.iso(hours=-1))
    return story


def a_result_comes_without_request() -> Story:
    story = Story().until_disposal()
    story.verify()
    return story


def an_urban_verifier_verifies() -> Story:
    story = verifiers_life()
    story.act("urban", "city_verifier.verify", case=CASE)
    return story


def an_urban_verifier_is_shown_the_case() -> Story:
    story = verifiers_life()
    story.fact("urban", "worklist", [{"case": CASE}], role="district_verifier")
    return story


def verified_with(stages: list[dict[str, object]], stage: str = "closing") -> Story:
    story = Story().until_verified()
    story.fact("urban", "case", {"status": "open", "stage": stage, "stages": stages}, case=CASE)
    return story


def closed_on_one_side() -> Story:
    story = Story().until_verified()
    story.close()
    story.fact("grid", "case", {"state": "closed"}, case=CASE)
    story.fact("urban", "case", {"status": "open"}, case=CASE)
    return story


def closed_without_verification() -> Story:
    story = Story().until_disposal()
    story.close()
    return story


def closed_after_a_rejection() -> Story:
    story = Story().until_verified()
    story.reject(1, cause="reporter_dissatisfied")
    story.disposal()
    story.close()
    return story


def nothing_follows_a_rejection() -> Story:
    return Story().rejected(1)


def the_limit_stays_after_a_rejection() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    story.dispatch()
    due = story.iso(hours=8)
    story.disposal(due=due)
    story.ask_verification()
    story.verify("not_passed")
    story.wait(hours=2)
    story.reject(1)
    story.disposal(due=due)
    return story


def back_in_disposal(seconds_before: float) -> Story:
    """The urban side's clock is so far behind the grid side's, or it writes moments less exactly."""
    story = Story().rejected(1)
    story.wait(seconds=-seconds_before)
    story.disposal()
    story.wait(seconds=seconds_before)
    return story


def a_dissatisfied_reporter_after_a_failed_verification() -> Story:
    story = Story().until_verified("not_passed")
    story.reject(1, cause="reporter_dissatisfied")
    story.disposal()
    return story


def the_fourth_rejection_leads_to_disposal() -> Story:
    story = Story().rejected(4)
    story.disposal()
    return story


def nothing_follows_the_fourth_rejection() -> Story:
    return Story().rejected(4)


def a_fifth_rejection() -> Story:
    story = Story().rejected(4)
    story.reject(5)
    story.filed(task=TASK2, ordinal=2)
    story.dispatch(task=TASK2)
    return story


def the_new_filing_keeps_its_task_number() -> Story:
    story = Story().rejected(4)
    story.filed(ordinal=2)
    story.dispatch()
    return story


def the_counter_does_not_restart() -> Story:
    story = Story().rejected(4)
    story.filed(task=TASK2, ordinal=2)
    story.dispatch(task=TASK2)
    story.disposal(task=TASK2)
    story.ask_verification(task=TASK2)
    story.verify("not_passed", task=TASK2)
    story.reject(2, task=TASK2)
    story.disposal(task=TASK2)
    return story


def filed_again_too_early() -> Story:
    story = Story().rejected(3)
    story.filed(task=TASK2, ordinal=2)
    story.dispatch(task=TASK2)
    return story


def a_duplicate_is_filed() -> Story:
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS)
    story.filed(case=OTHER)
    return story


def no_duplicate_is_declined_as_one() -> Story:
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS[:1])
    story.declined(case=OTHER, decline_reason="duplicate", originalCaseNumber=CASE)
    return story


def a_duplicate_names_the_wrong_original() -> Story:
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS)
    story.declined(case=OTHER, decline_reason="duplicate", originalCaseNumber=OTHER)
    return story


def nobody_is_told_of_a_duplicate() -> Story:
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS)
    return story


def a_withdrawal_after_filing_is_confirmed() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    story.up("withdrawal", reason="误报", withdrawnAt=story.iso())
    return story


def a_withdrawn_case_is_filed() -> Story:
    story = Story()
    story.hand_over()
    story.up("withdrawal", reason="误报", withdrawnAt=story.iso())
    story.filed()
    return story


def a_department_cancels() -> Story:
    story = Story().until_disposal()
    story.act("urban", "department.cancel", case=CASE)
    return story


def a_false_report_without_photo() -> Story:
    story = Story().until_disposal()
    story.down(
        "falseReportApplication",
        taskNumber=TASK,
        reason="现场无垃圾",
        department="CA-340202",
        appliedAt=story.iso(),
        attachments=[photo("plan", "document")],
    )
    return story


def a_bare_false_report_is_taken() -> Story:
    story = Story().until_disposal()
    story.act("urban", "department.apply_false_report", case=CASE, reason=" ", photos=["site"])
    return story


def a_disputed_false_report_is_closed() -> Story:
    story = Story().until_disposal()
    story.down(
        "falseReportApplication",
        taskNumber=TASK,
        reason="现场无垃圾",
        department="CA-340202",
        appliedAt=story.iso(),
        attachments=[photo("site", "on_site")],
    )
    story.up("falseReportAnswer", taskNumber=TASK, confirmed=False, reason="仍在", answeredAt=story.iso())
    story.close(kind="false_report")
    return story


def a_far_district_is_refused() -> Story:
    story = Story()
    story.hand_over()
    story.filed()
    call = story.call(
        "urban",
        "grid",
        "dispatch",
        taskNumber=TASK,
        district="340209",
        dispatchedAt=story.iso(),
        dispatchedBy="监督中心",
    )
    fault = {"code": "CODE_UNKNOWN", "field": "form/dispatch/district", "messageZh": "错", "messageEn": "wrong"}
    story.answer(call, code="CODE_UNKNOWN", fault=fault)
    return story


def the_limit_stays_after_a_transfer() -> Story:
    story = Story().until_disposal()
    transfer(story, "applied")
    transfer(story, "granted", disposalDueAt=story.iso(hours=-1))
    return story


def the_old_place_disposes() -> Story:
    story = Story().until_disposal()
    transfer(story, "applied")
    transfer(story, "granted", disposalDueAt=story.iso(hours=4))
    story.ask_verification(district="340202")
    return story


def a_case_leaves_without_the_workstation() -> Story:
    story = Story()
    story.act("grid", "worker.report", result={"case": CASE})
    story.up("handOver", **HAND_OVER)
    return story


def a_person_hands_over() -> Story:
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE, by="zhang.wei")
    story.up("handOver", **(HAND_OVER | {"handedOverBy": "zhang.wei"}))
    return story


def the_source_is_lost() -> Story:
    story = Story()
    story.act("grid", "worker.report", result={"case": CASE}, source="hotline")
    story.hand_over()
    return story


def an_event_has_a_component_code() -> Story:
    story = Story()
    story.hand_over(componentCode="3402020101000001")
    return story


def a_notice_is_given_twice() -> Story:
    story = Story()
    for _ in range(2):
        story.add("notice", party="urban", notice={"kind": "parked", "phase": "started", "case_number": CASE})
    return story


def a_native_case_is_told() -> Story:
    story = native_life()
    story.filed(case="U340202-20260302-000001")
    return story


def an_own_case_is_closed_unverified() -> Story:
    story = Story()
    for name in ("dispatcher.accept", "dispatcher.dispatch", "handler.handle", "dispatcher.close"):
        story.act("grid", name, case=CASE)
    return story


def a_case_is_taken_twice() -> Story:
    story = Story()
    query(story, [CASE])
    story.fact("urban", "cases", [{"case_number": CASE}, {"case_number": CASE}])
    return story


PLANTED: list[tuple[str, Callable[[], Story], str | None]] = [
    ("RCPT-1", a_form_is_never_receipted, "urban"),
    ("RCPT-1", a_receipt_names_another_case, "urban"),
    ("RCPT-2", an_error_receipt_says_no_code, "urban"),
    ("RCPT-2", a_receipt_says_busy, "urban"),
    ("RCPT-2", a_bridge_confirms_before_the_far_end, "bridge"),
    ("RCPT-3", a_late_receipt_changes_the_case, "grid"),
    ("RCPT-3", a_refused_form_becomes_confirmed, "grid"),
    ("RCPT-3", a_stray_receipt_is_faulted, "grid"),
    ("RCPT-4", two_forms_of_a_case_are_out_together, "grid"),
    ("RCPT-5", lambda: repeat_after(seconds=20), "grid"),
    ("RCPT-5", lambda: repeat_after(seconds=400, attempt=1), "grid"),
    ("RCPT-5", lambda: repeat_after(seconds=400, description="改过的描述"), "grid"),
    ("RCPT-5", a_form_is_dropped, "grid"),
    ("RCPT-5", too_many_sendings, "grid"),
    ("RCPT-6", a_repetition_gets_another_receipt, "urban"),
    ("RCPT-6", a_repetition_gets_no_receipt, "urban"),
    ("XCHG-1", a_header_names_another_case, "grid"),
    ("XCHG-1", a_message_id_is_used_twice, "grid"),
    ("XCHG-1", a_form_travels_the_wrong_way, "urban"),
    ("XCHG-1", a_header_names_the_wrong_party, "grid"),
    ("XCHG-2", a_page_repeats_a_case, "grid"),
    ("XCHG-2", a_query_misses_a_case, "grid"),
    ("XCHG-2", a_query_ignores_the_state, "grid"),
    ("XCHG-2", a_query_shows_another_message_id, "grid"),
    ("XCHG-2", a_case_is_taken_twice, "urban"),
    ("XCHG-3", a_form_lacks_a_field, "grid"),
    ("XCHG-3", a_filing_has_no_task_number, "urban"),
    ("GRID-1", lambda: cells(code="340202001001001"), "grid"),
    ("GRID-1", lambda: cells(worker="worker-1"), "grid"),
    ("GRID-1", lambda: cells(worker=None), "grid"),
    ("GRID-1", lambda: cells(households=90), "grid"),
    ("GRID-1", lambda: cells(bounds=[0, 30, 100, 90]), "grid"),
    ("GRID-1", lambda: cells(bounds=[0, 50, 100, 90]), "grid"),
    ("URBAN-2", disposal_comes_without_dispatch, "urban"),
    ("URBAN-4", a_return_is_granted_that_nobody_asked, "urban"),
    ("URBAN-4", a_decline_gives_no_reason, "urban"),
    ("INT-1", the_grid_side_shows_an_old_stage, "grid"),
    ("INT-2", a_limit_lies_before_disposal, "urban"),
    ("INT-3", lambda: assessed_life([CASE], [CASE]), "urban"),
    ("INT-3", lambda: assessed_life([], []), "urban"),
    ("INT-4", a_result_comes_without_request, "grid"),
    ("INT-4", an_urban_verifier_verifies, "urban"),
    ("INT-4", an_urban_verifier_is_shown_the_case, "urban"),
    ("INT-5", lambda: verified_with(verified_stages(handler="张三")), "urban"),
    ("INT-5", lambda: verified_with(verified_stages(automatic=False)), "urban"),
    ("INT-5", lambda: verified_with(verified_stages(result="not_passed")), "urban"),
    ("INT-5", lambda: verified_with(verified_stages(photos=[photo("x", "verification")])), "urban"),
    ("INT-5", lambda: verified_with([]), "urban"),
    ("INT-5", lambda: verified_with(verified_stages(), "city_verification"), "urban"),
    ("INT-6", closed_on_one_side, "urban"),
    ("INT-6", closed_without_verification, "grid"),
    ("INT-6", closed_after_a_rejection, "grid"),
    ("INT-7", nothing_follows_a_rejection, "urban"),
    ("INT-7", the_limit_stays_after_a_rejection, "urban"),
    ("INT-7", a_dissatisfied_reporter_after_a_failed_verification, "grid"),
    ("INT-7", lambda: back_in_disposal(seconds_before=400), "urban"),
    ("INT-8", the_fourth_rejection_leads_to_disposal, "urban"),
    ("INT-8", nothing_follows_the_fourth_rejection, "urban"),
    ("INT-8", a_fifth_rejection, "grid"),
    ("INT-8", the_new_filing_keeps_its_task_number, "urban"),
    ("INT-8", the_counter_does_not_restart, "grid"),
    ("INT-8", filed_again_too_early, "urban"),
    ("EXC-1", a_duplicate_is_filed, "urban"),
    ("EXC-1", no_duplicate_is_declined_as_one, "urban"),
    ("EXC-1", a_duplicate_names_the_wrong_original, "urban"),
    ("EXC-1", nobody_is_told_of_a_duplicate, "urban"),
    ("EXC-2", a_withdrawal_after_filing_is_confirmed, "urban"),
    ("EXC-2", a_withdrawn_case_is_filed, "urban"),
    ("EXC-2", a_department_cancels, "urban"),
    ("EXC-3", a_false_report_without_photo, "urban"),
    ("EXC-3", a_bare_false_report_is_taken, "urban"),
    ("EXC-3", a_disputed_false_report_is_closed, "urban"),
    ("EXC-4", a_far_district_is_refused, "grid"),
    ("EXC-5", the_limit_stays_after_a_transfer, "urban"),
    ("EXC-5", the_old_place_disposes, "urban"),
    ("GRID-6", a_case_leaves_without_the_workstation, "grid"),
    ("GRID-6", a_person_hands_over, "grid"),
    ("GEN-1", the_source_is_lost, "grid"),
    ("GEN-4", an_event_has_a_component_code, "grid"),
    ("URBAN-3", a_native_case_is_told, "urban"),
    ("GRID-5", an_own_case_is_closed_unverified, "grid"),
    ("CONT-1", lambda: contact_book(DUTIES[1:]), "grid"),
    ("CONT-1", lambda: contact_book([*DUTIES, DUTIES[0]]), "grid"),
    ("CONT-2", a_notice_is_given_twice, "urban"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("clause", "tell", "blame"),
    PLANTED,
    ids=[f"{c}-{i}-{t.__name__.strip('<>')}" for i, (c, t, _) in enumerate(PLANTED)],
)
def test_a_planted_violation_fails_its_clause_and_names_who_did_it(clause, tell, blame):
    verdict = verdicts(tell())[clause]

    assert verdict.outcome is Judgement.FAIL
    assert verdict.blame == blame
    assert verdict.records
    assert verdict.seen_zh
    assert verdict.seen_en


# --- what must be put up with ------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_short_is_not_asked_for_what_was_to_come():
    story = a_form_is_never_receipted()
    story.trace.at_rest = False

    assert not verdicts(story)["RCPT-1"].failed


def test_a_form_whose_receipt_was_lost_on_the_way_is_still_waiting_not_wrong():
    story = Story()
    first = story.call("grid", "urban", "handOver", **HAND_OVER)
    story.answer(first, "acknowledged")
    story.receipt_call(first, answered="not_reached")

    assert not [v for v in judge(story.trace, PROFILE) if v.failed and v.clause.startswith("RCPT")]


def test_what_the_bridge_was_given_waits_while_the_bridge_waits_itself():
    story = Story()
    near = story.call("urban", "bridge", "dispatch", taskNumber=TASK)
    story.answer(near, "acknowledged")
    story.answer(story.call("bridge", "grid", "dispatch", id_=story.last_id, taskNumber=TASK), "unanswered")

    assert not verdicts(story)["RCPT-1"].failed


def test_a_receipt_may_overtake_the_answer_that_acknowledges_its_form():
    story = Story()
    story.act("grid", "workstation.hand_over", case=CASE)
    first = story.call("grid", "urban", "handOver", **HAND_OVER)
    story.receipt_call(first)
    story.answer(first, "acknowledged")

    assert [v for v in judge(story.trace, PROFILE) if v.failed] == []


def test_forms_that_cross_in_opposite_directions_do_not_wait_for_each_other():
    story = Story()
    story.hand_over()
    up = story.call("grid", "urban", "withdrawal", reason="误报", withdrawnAt=story.iso())
    down = story.call(
        "urban",
        "grid",
        "filingResult",
        outcome="filed",
        decidedAt=story.iso(),
        decidedBy="坐席",
        filingOrdinal=1,
        taskNumber=TASK,
    )
    story.answer(up, code="CASE_ALREADY_FILED")
    story.answer(down)

    assert [v for v in judge(story.trace, PROFILE) if v.failed] == []


def test_a_false_report_on_the_city_verifiers_list_is_no_verification():
    story = Story().until_disposal()
    story.act("urban", "department.apply_false_report", case=CASE, reason="现场无垃圾", photos=["site"])
    entry = {"case_number": CASE, "acts": ["city_verifier.decide_false_report"]}
    story.fact("urban", "worklist", [entry], role="city_verifier")

    assert not verdicts(story)["INT-4"].failed


def test_a_case_with_a_false_report_is_still_not_to_be_offered_for_verification():
    story = Story().until_disposal()
    story.act("urban", "department.apply_false_report", case=CASE, reason="现场无垃圾", photos=["site"])
    entry = {"case_number": CASE, "acts": ["city_verifier.decide_false_report", "city_verifier.verify"]}
    story.fact("urban", "worklist", [entry], role="city_verifier")

    assert verdicts(story)["INT-4"].failed


def test_sendings_for_which_the_account_was_not_accepted_count_for_no_attempt():
    assert not verdicts(shut_out_for_long())["RCPT-5"].failed


@pytest.mark.parametrize(("limit", "dropped"), [(0, True), (86_400, True), (3600, False)])
def test_a_form_whose_time_is_up_is_parked_and_not_dropped(limit, dropped):
    profile = replace(PROFILE, delivery=DeliveryChoices(park_after_seconds=limit))
    assert verdicts(a_form_is_dropped(), profile)["RCPT-5"].failed == dropped


def test_a_repetition_made_by_the_network_keeps_no_gap():
    story = Story()
    story.answer(story.call("grid", "urban", "supplement", note="补充", supplementedAt="x"))
    story.answer(
        story.call(
            "grid", "urban", "supplement", note="补充", supplementedAt="x", id_=story.last_id, record_by_network=True
        )
    )

    seen = verdicts(story)

    assert not seen["RCPT-5"].failed
    assert not seen["RCPT-6"].failed


def test_a_person_may_end_a_parked_form_so_that_the_next_can_go():
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "not_reached")
    story.act("grid", "workstation.give_up", case=CASE)
    story.up("supplement", note="补充", supplementedAt=story.iso())

    assert not verdicts(story)["RCPT-4"].failed


def test_a_case_that_waits_for_its_second_verification_has_not_stood_still():
    story = Story().until_verified()
    story.reject(1, cause="reporter_dissatisfied")
    story.disposal()
    story.ask_verification(round_=2)
    facts = {"status": "open", "stage": "district_verification", "stages": verified_stages()}
    story.fact("urban", "case", facts, case=CASE)

    assert not verdicts(story)["INT-5"].failed


def test_what_a_test_forges_under_a_known_id_is_no_attempt_of_the_sender():
    story = Story()
    story.hand_over()
    forged = story.call(
        "grid", "urban", "handOver", id_=story.last_id, record_injected=True, **(HAND_OVER | {"description": "x"})
    )
    story.answer(forged, "fault", code="MESSAGE_ID_REUSED")

    assert [v for v in judge(story.trace, PROFILE) if v.failed] == []


def test_an_injected_form_is_nobodys_violation():
    story = Story()
    story.up("rejection", record_injected=True, ordinal=7, code="CASE_UNKNOWN")

    assert [v for v in judge(story.trace, PROFILE) if v.failed] == []


def test_a_city_with_two_rejections_refiles_at_the_third():
    profile = replace(PROFILE, choices=replace(PROFILE.choices, max_rejections=2))
    story = Story().rejected(3)
    story.filed(task=TASK2, ordinal=2)
    story.dispatch(task=TASK2)

    assert verdicts(story, profile)["INT-8"].outcome is Judgement.PASS
    assert verdicts(story)["INT-8"].failed


def test_a_city_may_leave_declined_cases_out_of_the_comparison():
    profile = replace(PROFILE, choices=replace(PROFILE.choices, duplicate_scope_includes_declined=False))
    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.declined()
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS)
    story.filed(case=OTHER)

    assert not verdicts(story, profile)["EXC-1"].failed
    assert verdicts(story)["EXC-1"].failed


def test_receipts_that_change_places_on_their_way_back_do_not_make_the_later_case_the_earlier():
    story = Story()
    calls = []
    for number in (CASE, OTHER):
        form = HAND_OVER | {"attachments": SAME_PHOTOS}
        calls.append(story.call("grid", "urban", "handOver", case=number, **form))
        story.answer(calls[-1], "acknowledged")
    for call in reversed(calls):
        story.receipt_call(call)
    story.declined(case=OTHER, decline_reason="duplicate", originalCaseNumber=CASE)
    story.filed()
    assert verdicts(story)["EXC-1"].outcome is Judgement.PASS

    story = Story()
    story.hand_over(attachments=SAME_PHOTOS)
    story.hand_over(case=OTHER, attachments=SAME_PHOTOS)
    story.declined(decline_reason="duplicate", originalCaseNumber=OTHER)
    assert verdicts(story)["EXC-1"].failed


def test_a_city_may_hold_that_no_photos_are_never_the_same_photos():
    profile = replace(PROFILE, choices=replace(PROFILE.choices, no_photos_are_same_photos=False))
    story = Story()
    story.hand_over()
    story.hand_over(case=OTHER)
    story.filed(case=OTHER)

    assert not verdicts(story, profile)["EXC-1"].failed
    assert verdicts(story)["EXC-1"].failed


def test_weekends_and_nights_do_not_make_a_limit_move():
    story = Story()
    story.wait(hours=9)
    story.hand_over()
    story.filed()
    story.dispatch()
    due = story.iso(hours=20)
    story.disposal(due=due)
    story.ask_verification()
    story.verify("not_passed")
    story.wait(hours=3)
    story.reject(1)
    story.disposal(due=due)

    assert not verdicts(story)["INT-7"].failed


def test_every_rule_is_about_a_clause_of_the_catalogue():
    assert {rule.clause for rule in all_rules()} <= set(clauses())


def test_what_the_virtual_account_tried_in_vain_makes_it_no_persons_account():
    story = Story()
    story.act("grid", "dispatcher.accept", case=CASE, by="virtual-340202", code="not_your_role")
    story.act("grid", "workstation.hand_over", case=CASE)
    story.up("handOver", **(HAND_OVER | {"handedOverBy": "virtual-340202"}))

    assert not verdicts(story)["GRID-6"].failed
