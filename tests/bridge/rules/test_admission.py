"""What the bridge itself refuses, and with which code; the rest is left to the recipient (RCPT-2)."""

import pytest
import sample_forms as sample

from bridge.rules.admission import as_one, faults_of, header_faults
from bridge.rules.lifecycle import ROWS, CaseView, Move, move_of
from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    PhotoKind,
    RejectionCause,
)
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import FINAL_STAGES, ExchangeStage, UrbanStage

S, T, E = ExchangeStage, FormType, ErrorCode
TO_URBAN, TO_GRID = Direction.TO_URBAN, Direction.TO_GRID
AFTER_FILING = sorted(set(S) - {S.UNKNOWN, S.HANDED_OVER, S.WITHDRAWN, S.DECLINED})


def view(stage, rejections=0, filing_ordinal=None, task_number=sample.TASK):
    never_filed = stage in (S.UNKNOWN, S.HANDED_OVER, S.WITHDRAWN, S.DECLINED)
    if filing_ordinal is None:
        filing_ordinal = 0 if never_filed else 1
    return CaseView(stage, None if never_filed else task_number, filing_ordinal, rejections)


def faults(written, direction, *views, choices=None, hand_over_differs=None):
    return faults_of(written, direction, views, choices or Choices(), hand_over_differs)


def codes(*arguments, **named):
    return [each.code for each in faults(*arguments, **named)]


@pytest.mark.parametrize("stage", sorted(S))
@pytest.mark.parametrize("direction", Direction)
def test_a_form_is_admitted_exactly_where_the_table_has_it(direction, stage):
    for kind in FORMS_BY_DIRECTION[direction]:
        closing = {"kind": ClosingKind.NORMAL if direction is TO_URBAN else ClosingKind.FALSE_REPORT}
        refiling = {"filing_ordinal": 2, "task_number": "T20260303-000009"} if stage is S.OVERDUE_NOT_DISPOSED else {}
        changes = closing if kind is T.CLOSING else refiling if kind is T.FILING_RESULT else {}
        written = sample.form(kind, **changes)
        legal = move_of(written, Choices()) in ROWS[stage]
        assert (faults(written, direction, view(stage)) == ()) is legal, kind


class TestWithdrawal:
    @pytest.mark.parametrize("stage", AFTER_FILING)
    def test_after_filing_it_is_refused_in_every_stage(self, stage):
        assert codes(sample.form(T.WITHDRAWAL), TO_URBAN, view(stage)) == [E.CASE_ALREADY_FILED]

    def test_before_filing_it_crosses(self):
        assert codes(sample.form(T.WITHDRAWAL), TO_URBAN, view(S.HANDED_OVER)) == []

    def test_while_the_filing_is_not_certain_it_crosses(self):
        assert codes(sample.form(T.WITHDRAWAL), TO_URBAN, view(S.HANDED_OVER), view(S.FILED)) == []

    @pytest.mark.parametrize("stage", [S.WITHDRAWN, S.DECLINED])
    def test_of_a_case_that_ended_unfiled_it_comes_too_late(self, stage):
        assert codes(sample.form(T.WITHDRAWAL), TO_URBAN, view(stage)) == [E.CASE_ENDED]


class TestSequence:
    @pytest.mark.parametrize("direction", Direction)
    def test_before_the_hand_over_no_form_knows_the_case(self, direction):
        for kind in FORMS_BY_DIRECTION[direction]:
            if kind is not T.HAND_OVER:
                assert codes(sample.form(kind), direction, view(S.UNKNOWN))[0] is E.CASE_UNKNOWN, kind

    @pytest.mark.parametrize("stage", sorted(FINAL_STAGES))
    def test_an_ended_case_takes_no_supplement(self, stage):
        assert codes(sample.form(T.SUPPLEMENT), TO_URBAN, view(stage)) == [E.CASE_ENDED]

    @pytest.mark.parametrize("stage", sorted(set(S) - {S.UNKNOWN}))
    def test_a_contact_notice_crosses_always_once_the_case_is_handed_over(self, stage):
        for direction in Direction:
            assert codes(sample.form(T.CONTACT_NOTICE), direction, view(stage)) == []

    def test_a_form_in_the_wrong_stage_is_told_the_stage_in_both_languages(self):
        (fault,) = faults(sample.form(T.CLOSING), TO_URBAN, view(S.IN_DISPOSAL))
        assert fault.code is E.OUT_OF_SEQUENCE
        assert "in_disposal" in fault.message_zh
        assert "in_disposal" in fault.message_en

    @pytest.mark.parametrize(
        ("direction", "kind"), [(TO_URBAN, ClosingKind.FALSE_REPORT), (TO_GRID, ClosingKind.NORMAL)]
    )
    def test_neither_side_writes_the_closing_that_is_the_other_sides(self, direction, kind):
        for stage in S:
            if stage is not S.UNKNOWN:
                assert codes(sample.form(T.CLOSING, kind=kind), direction, view(stage)), stage

    def test_a_form_that_the_other_platform_writes_is_refused(self):
        (fault,) = faults(sample.form(T.DISPATCH), TO_URBAN, view(S.FILED))
        assert (fault.code, fault.field) == (E.SCHEMA_INVALID, "form/dispatch")

    def test_a_form_legal_in_one_possible_view_is_admitted(self):
        result = sample.form(T.VERIFICATION_RESULT)
        assert codes(result, TO_URBAN, view(S.IN_DISPOSAL), view(S.AWAITING_VERIFICATION)) == []

    def test_of_several_views_the_one_in_which_the_form_is_in_sequence_says_what_is_wrong(self):
        result = sample.form(T.VERIFICATION_RESULT, task_number="T20260302-000099")
        assert codes(result, TO_URBAN, view(S.IN_DISPOSAL), view(S.AWAITING_VERIFICATION)) == [E.TASK_NUMBER_MISMATCH]


class TestHandOverAgain:
    @pytest.mark.parametrize("stage", [S.HANDED_OVER, S.IN_DISPOSAL, S.CLOSED])
    def test_with_another_content_the_number_is_taken(self, stage):
        assert codes(sample.form(T.HAND_OVER), TO_URBAN, view(stage), hand_over_differs=True) == [E.CASE_NUMBER_TAKEN]

    def test_with_the_same_content_it_is_out_of_sequence(self):
        again = sample.form(T.HAND_OVER)
        assert codes(again, TO_URBAN, view(S.FILED), hand_over_differs=False) == [E.OUT_OF_SEQUENCE]
        assert codes(again, TO_URBAN, view(S.CLOSED), hand_over_differs=False) == [E.CASE_ENDED]

    def test_even_while_the_first_one_has_no_receipt_yet(self):
        assert codes(sample.form(T.HAND_OVER), TO_URBAN, view(S.UNKNOWN), hand_over_differs=False) == [
            E.OUT_OF_SEQUENCE
        ]


FORMS_WITH_TASK = [
    (TO_GRID, T.DISPATCH, S.FILED),
    (TO_GRID, T.STAGE_PROGRESS, S.IN_DISPOSAL),
    (TO_GRID, T.EXTENSION_NOTICE, S.IN_DISPOSAL),
    (TO_GRID, T.RETURN_NOTICE, S.IN_DISPOSAL),
    (TO_GRID, T.TRANSFER_NOTICE, S.IN_DISPOSAL),
    (TO_GRID, T.VERIFICATION_REQUEST, S.IN_DISPOSAL),
    (TO_GRID, T.FALSE_REPORT_APPLICATION, S.IN_DISPOSAL),
    (TO_URBAN, T.VERIFICATION_RESULT, S.AWAITING_VERIFICATION),
    (TO_URBAN, T.REJECTION, S.VERIFIED_PASSED),
    (TO_URBAN, T.FALSE_REPORT_ANSWER, S.FALSE_REPORT_APPLIED),
    (TO_URBAN, T.CLOSING, S.VERIFIED_PASSED),
]


class TestTaskNumber:
    @pytest.mark.parametrize(("direction", "kind", "stage"), FORMS_WITH_TASK)
    def test_every_form_of_a_filing_names_the_current_one(self, direction, kind, stage):
        (fault,) = faults(sample.form(kind, task_number="T20260302-000099"), direction, view(stage))
        assert (fault.code, fault.field) == (E.TASK_NUMBER_MISMATCH, f"form/{kind}/taskNumber")

    def test_an_application_that_a_refiling_overtook_names_the_filing_before(self):
        refiled = view(S.FILED, filing_ordinal=2, task_number="T20260303-000009")
        assert codes(sample.form(T.TRANSFER_NOTICE, decision=Decision.LAPSED), TO_GRID, refiled) == []
        assert codes(sample.form(T.TRANSFER_NOTICE, decision=Decision.REFUSED), TO_GRID, refiled) == [
            E.TASK_NUMBER_MISMATCH
        ]

    def test_a_refiling_needs_a_new_task_number(self):
        again = sample.form(T.FILING_RESULT, filing_ordinal=2)
        assert codes(again, TO_GRID, view(S.OVERDUE_NOT_DISPOSED)) == [E.TASK_NUMBER_MISMATCH]


class TestCounting:
    @pytest.mark.parametrize("counted", [0, 1, 2, 3])
    def test_a_rejection_carries_the_next_ordinal(self, counted):
        for ordinal in range(1, 6):
            found = codes(sample.form(T.REJECTION, ordinal=ordinal), TO_URBAN, view(S.VERIFIED_PASSED, counted))
            assert found == ([] if ordinal == counted + 1 else [E.OUT_OF_SEQUENCE]), ordinal

    @pytest.mark.parametrize(
        ("kind", "direction", "stage"),
        [
            (T.VERIFICATION_REQUEST, TO_GRID, S.IN_DISPOSAL),
            (T.VERIFICATION_RESULT, TO_URBAN, S.AWAITING_VERIFICATION),
        ],
    )
    def test_a_verification_carries_the_round_after_the_last_rejection(self, kind, direction, stage):
        for given in range(1, 5):
            found = faults(sample.form(kind, round=given), direction, view(stage, rejections=2))
            assert [each.field for each in found] == ([] if given == 3 else [f"form/{kind}/round"]), given

    def test_rounds_are_not_compared_where_the_counter_runs_on_over_filings(self):
        choices = Choices(counter_restarts_on_refiling=False)
        refiled = view(S.IN_DISPOSAL, rejections=4, filing_ordinal=2)
        assert codes(sample.form(T.VERIFICATION_REQUEST, round=1), TO_GRID, refiled, choices=choices) == []

    @pytest.mark.parametrize(("stage", "ordinal"), [(S.HANDED_OVER, 1), (S.OVERDUE_NOT_DISPOSED, 2)])
    def test_filings_are_numbered_without_a_gap(self, stage, ordinal):
        for given in (1, 2, 3):
            filing = sample.form(T.FILING_RESULT, filing_ordinal=given, task_number="T20260303-000009")
            assert codes(filing, TO_GRID, view(stage)) == ([] if given == ordinal else [E.OUT_OF_SEQUENCE])

    def test_a_rejection_for_a_failed_verification_does_not_follow_a_passed_one(self):
        rejection = sample.form(T.REJECTION, cause=RejectionCause.NOT_PASSED)
        assert [each.field for each in faults(rejection, TO_URBAN, view(S.VERIFIED_PASSED))] == ["form/rejection/cause"]
        assert codes(rejection, TO_URBAN, view(S.VERIFIED_NOT_PASSED)) == []


class TestWhatMustBeThere:
    @pytest.mark.parametrize(
        ("changes", "fields"),
        [
            ({"attachments": ()}, ["attachments"]),
            ({"attachments": (sample.photo("other", PhotoKind.DISPOSAL),)}, ["attachments"]),
            ({"reason": "  "}, ["reason"]),
            ({"attachments": (), "reason": ""}, ["attachments", "reason"]),
        ],
        ids=["no photo", "no on-site photo", "no reason", "neither"],
    )
    def test_a_false_report_has_an_on_site_photo_and_a_reason(self, changes, fields):
        found = faults(sample.form(T.FALSE_REPORT_APPLICATION, **changes), TO_GRID, view(S.IN_DISPOSAL))
        assert {each.code for each in found} == {E.REQUIRED_MISSING}
        assert [each.field for each in found] == [f"form/falseReportApplication/{field}" for field in fields]

    @pytest.mark.parametrize(
        ("written", "field"),
        [
            (sample.form(T.FILING_RESULT, task_number=None), "form/filingResult/taskNumber"),
            (sample.declined(decline_reason=None), "form/filingResult/declineReason"),
            (sample.declined(reason=None), "form/filingResult/reason"),
            (sample.declined(DeclineReason.DUPLICATE), "form/filingResult/originalCaseNumber"),
        ],
    )
    def test_a_filing_result_says_what_it_decided_and_why(self, written, field):
        (fault,) = faults(written, TO_GRID, view(S.HANDED_OVER))
        assert (fault.code, fault.field) == (E.REQUIRED_MISSING, field)

    def test_disposal_has_a_limit(self):
        progress = sample.form(T.STAGE_PROGRESS, disposal_due_at=None)
        assert codes(progress, TO_GRID, view(S.IN_DISPOSAL)) == [E.REQUIRED_MISSING]
        elsewhere = sample.form(T.STAGE_PROGRESS, disposal_due_at=None, stage=UrbanStage.CLOSING)
        assert codes(elsewhere, TO_GRID, view(S.VERIFIED_PASSED)) == []

    @pytest.mark.parametrize("kind", [T.EXTENSION_NOTICE, T.TRANSFER_NOTICE])
    def test_what_is_granted_names_the_new_limit(self, kind):
        granted = sample.form(kind, decision=Decision.GRANTED)
        limited = sample.form(kind, decision=Decision.GRANTED, disposal_due_at=sample.MONDAY)
        assert codes(granted, TO_GRID, view(S.IN_DISPOSAL)) == [E.REQUIRED_MISSING]
        assert codes(limited, TO_GRID, view(S.IN_DISPOSAL)) == []


def test_all_faults_are_found_at_once_and_the_worst_stands_first():
    wrong = sample.form(T.FALSE_REPORT_APPLICATION, task_number="T20260302-000099", attachments=(), reason=" ")
    found = codes(wrong, TO_GRID, view(S.IN_DISPOSAL))
    assert found == [E.TASK_NUMBER_MISMATCH, E.REQUIRED_MISSING, E.REQUIRED_MISSING]


def test_a_receipt_names_the_worst_fault_and_says_all():
    wrong = sample.form(T.FALSE_REPORT_APPLICATION, attachments=(), reason=" ")
    found = faults(wrong, TO_GRID, view(S.IN_DISPOSAL))
    told = as_one(found)
    assert (told.code, told.field) == (found[0].code, found[0].field)
    assert all(each.message_zh in told.message_zh and each.message_en in told.message_en for each in found)


def test_a_header_must_name_its_forms_case_and_type():
    form = sample.form(T.SUPPLEMENT)
    right = sample.message(Side.GRID, form, 1).header
    wrong = sample.message(Side.GRID, form, 1, case_number=sample.OTHER_CASE, form_type=T.CLOSING).header
    assert header_faults(right, form) == ()
    assert [each.code for each in header_faults(wrong, form)] == [E.CASE_NUMBER_MISMATCH, E.SCHEMA_INVALID]


def test_a_districts_own_cases_may_be_dispatched_elsewhere():
    """EXC-4: nothing about districts is a reason to refuse."""
    assert codes(sample.form(T.DISPATCH, district="340281"), TO_GRID, view(S.FILED)) == []
    assert Move.DISPATCH in ROWS[S.FILED]
