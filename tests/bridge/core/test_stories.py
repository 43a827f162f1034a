"""What becomes of a case, told as stories: every form admitted gets exactly one effective receipt."""

from dataclasses import replace

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, NO_CONNECTION, Crossing, at_stage

from bridge.core.exchange import DeliveryState
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices, DeliveryChoices
from bridge.vocabulary.stages import ExchangeStage

T, S, D, E = FormType, ExchangeStage, DeliveryState, ErrorCode
GRID, URBAN = Side.GRID, Side.URBAN
NEW_TASK = "T20260303-000009"


def with_choices(**changes):
    return replace(sample.PROFILE, choices=Choices(**changes))


class TestAPlainLife:
    def test_ends_closed_with_one_receipt_for_every_form_given_to_its_writer(self):
        crossing = at_stage("closed")

        writers = [side for side, _ in sample.way_to("closed")]
        assert [to for to, _ in crossing.given] == writers
        assert [receipt.form_message_id for _, receipt in crossing.given] == list(crossing.exchange.deliveries)
        assert all(each.state is D.CONFIRMED for each in crossing.exchange.deliveries.values())

    def test_hands_the_recipients_receipt_on_unchanged(self):
        crossing = Crossing()
        form = sample.form(T.HAND_OVER)
        message_id = crossing.writes(GRID, form)
        receipt = replace(
            sample.receipt_for(sample.message(GRID, form, 1)), decided_at=sample.MONDAY.replace(second=17)
        )
        crossing.ends(message_id, Answered(receipt=receipt))

        assert crossing.given == [(GRID, receipt)]

    def test_moves_the_view_when_the_recipient_confirms_and_not_before(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        assert crossing.stage is S.UNKNOWN
        crossing.acknowledges(message_id)
        assert crossing.stage is S.UNKNOWN
        crossing.gives(message_id)
        assert crossing.stage is S.HANDED_OVER

    def test_a_form_that_the_recipient_refuses_moves_nothing(self):
        crossing = at_stage("handed_over")
        message_id = crossing.crosses(URBAN, sample.form(T.FILING_RESULT), code=E.CODE_UNKNOWN)

        assert crossing.stage is S.HANDED_OVER
        assert crossing.codes_of(message_id) == [E.CODE_UNKNOWN]

    def test_a_refused_form_is_repaired_under_a_new_id(self):
        crossing = at_stage("handed_over")
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT), code=E.CODE_UNKNOWN)
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT))

        assert crossing.stage is S.FILED


class TestRejections:
    def reject(self, crossing, ordinal, task_number=sample.TASK):
        crossing.crosses(URBAN, sample.form(T.VERIFICATION_REQUEST, round=ordinal, task_number=task_number))
        not_passed = VerificationOutcome.NOT_PASSED
        result = sample.form(T.VERIFICATION_RESULT, round=ordinal, task_number=task_number, outcome=not_passed)
        crossing.crosses(GRID, result)
        cause = RejectionCause.NOT_PASSED
        crossing.crosses(GRID, sample.form(T.REJECTION, ordinal=ordinal, task_number=task_number, cause=cause))

    def test_three_lead_back_to_disposal_and_the_fourth_to_a_refiling(self):
        crossing = at_stage("in_disposal")
        for ordinal in (1, 2, 3):
            self.reject(crossing, ordinal)
            assert (crossing.stage, crossing.exchange.rejections) == (S.IN_DISPOSAL, ordinal)

        self.reject(crossing, 4)
        assert crossing.stage is S.OVERDUE_NOT_DISPOSED

        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, filing_ordinal=2, task_number=NEW_TASK))
        exchange = crossing.exchange
        assert (exchange.stage, exchange.task_number, exchange.filing_ordinal, exchange.rejections) == (
            S.FILED,
            NEW_TASK,
            2,
            0,
        )

    def test_the_new_filing_starts_counting_at_nothing(self):
        crossing = at_stage("in_disposal")
        for ordinal in (1, 2, 3, 4):
            self.reject(crossing, ordinal)
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, filing_ordinal=2, task_number=NEW_TASK))
        crossing.crosses(URBAN, sample.form(T.DISPATCH, task_number=NEW_TASK))
        self.reject(crossing, 1, NEW_TASK)

        assert (crossing.stage, crossing.exchange.rejections) == (S.IN_DISPOSAL, 1)

    def test_a_filing_rejected_once_too_often_is_told_once_and_over_when_the_case_closes(self):
        crossing = at_stage("in_disposal")
        for ordinal in (1, 2, 3):
            self.reject(crossing, ordinal)
        assert crossing.notices() == []
        self.reject(crossing, 4)
        started = [("repeated_rejection", "started", "operator_company")]
        assert crossing.notices() == started

        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, filing_ordinal=2, task_number=NEW_TASK))
        crossing.crosses(URBAN, sample.form(T.DISPATCH, task_number=NEW_TASK))
        crossing.crosses(URBAN, sample.form(T.VERIFICATION_REQUEST, task_number=NEW_TASK))
        crossing.crosses(GRID, sample.form(T.VERIFICATION_RESULT, task_number=NEW_TASK))
        assert crossing.notices() == started
        crossing.crosses(GRID, sample.form(T.CLOSING, task_number=NEW_TASK))
        assert crossing.notices() == [*started, ("repeated_rejection", "over", "operator_company")]

    def test_a_rejection_proved_by_what_follows_from_it_counts_and_is_told_like_any_other(self):
        crossing = at_stage("in_disposal")
        for ordinal in (1, 2):
            self.reject(crossing, ordinal)
        crossing.crosses(URBAN, sample.form(T.VERIFICATION_REQUEST, round=3))
        crossing.crosses(GRID, sample.form(T.VERIFICATION_RESULT, round=3))
        third = crossing.writes(GRID, sample.form(T.REJECTION, ordinal=3))
        crossing.crosses(URBAN, sample.form(T.VERIFICATION_REQUEST, round=4))
        assert (crossing.exchange.rejections, crossing.notices()) == (3, [])
        crossing.gives(third)

        crossing.crosses(GRID, sample.form(T.VERIFICATION_RESULT, round=4))
        fourth = crossing.writes(GRID, sample.form(T.REJECTION, ordinal=4))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, filing_ordinal=2, task_number=NEW_TASK))
        assert (crossing.stage, crossing.exchange.rejections) == (S.FILED, 0)
        assert crossing.notices() == [("repeated_rejection", "started", "operator_company")]
        crossing.gives(fourth)
        assert (crossing.stage, crossing.exchange.rejections) == (S.FILED, 0)

    def test_a_dissatisfied_reporter_rejects_after_a_passed_verification(self):
        crossing = at_stage("verified_passed")
        crossing.crosses(GRID, sample.form(T.REJECTION))
        assert (crossing.stage, crossing.exchange.rejections) == (S.IN_DISPOSAL, 1)

    def test_a_rejection_counts_once_however_often_its_receipt_comes(self):
        crossing = at_stage("verified_passed")
        message_id = crossing.crosses(GRID, sample.form(T.REJECTION))
        crossing.gives(message_id)
        crossing.gives(message_id)
        assert crossing.exchange.rejections == 1


class TestExceptions:
    def test_a_granted_return_wants_a_new_dispatch(self):
        crossing = at_stage("in_disposal")
        crossing.crosses(URBAN, sample.form(T.RETURN_NOTICE))
        assert crossing.stage is S.IN_DISPOSAL
        crossing.crosses(URBAN, sample.form(T.RETURN_NOTICE, decision=Decision.GRANTED))
        assert crossing.stage is S.FILED
        crossing.crosses(URBAN, sample.form(T.DISPATCH, district="340202"))
        assert crossing.stage is S.IN_DISPOSAL

    def test_a_confirmed_false_report_closes(self):
        crossing = at_stage("in_disposal")
        crossing.crosses(URBAN, sample.form(T.FALSE_REPORT_APPLICATION))
        crossing.crosses(GRID, sample.form(T.FALSE_REPORT_ANSWER))
        crossing.crosses(URBAN, sample.form(T.CLOSING, kind=ClosingKind.FALSE_REPORT))
        assert crossing.stage is S.CLOSED_FALSE_REPORT

    def test_a_denied_false_report_goes_on_in_disposal(self):
        crossing = at_stage("in_disposal")
        crossing.crosses(URBAN, sample.form(T.FALSE_REPORT_APPLICATION))
        crossing.crosses(GRID, sample.form(T.FALSE_REPORT_ANSWER, confirmed=False))
        assert crossing.stage is S.IN_DISPOSAL

    def test_where_the_grid_side_is_not_asked_the_closing_follows_the_application(self):
        crossing = at_stage("in_disposal", Crossing(with_choices(grid_confirms_false_report=False)))
        crossing.crosses(URBAN, sample.form(T.FALSE_REPORT_APPLICATION))
        crossing.crosses(URBAN, sample.form(T.CLOSING, kind=ClosingKind.FALSE_REPORT))
        assert crossing.stage is S.CLOSED_FALSE_REPORT

    def test_a_false_report_without_a_photo_never_reaches_the_grid_side(self):
        crossing = at_stage("in_disposal")
        before = len(crossing.sent)
        message_id = crossing.writes(URBAN, sample.form(T.FALSE_REPORT_APPLICATION, attachments=()))
        assert crossing.codes_of(message_id) == [E.REQUIRED_MISSING]
        assert len(crossing.sent) == before

    def test_news_that_waited_at_its_sender_may_come_after_the_closing(self):
        crossing = at_stage("closed")
        message_id = crossing.crosses(URBAN, sample.form(T.STAGE_PROGRESS))
        assert crossing.codes_of(message_id) == [None]
        assert crossing.stage is S.CLOSED


class TestWithdrawalAndFilingCross:
    def test_the_withdrawal_wins_when_the_urban_side_has_not_filed(self):
        crossing = at_stage("handed_over")
        crossing.crosses(GRID, sample.form(T.WITHDRAWAL))
        filing = crossing.writes(URBAN, sample.form(T.FILING_RESULT))

        assert crossing.stage is S.WITHDRAWN
        assert crossing.codes_of(filing) == [E.CASE_ENDED]

    def test_the_filing_wins_when_the_urban_side_says_so(self):
        crossing = at_stage("handed_over")
        withdrawal = crossing.writes(GRID, sample.form(T.WITHDRAWAL))
        filing = crossing.writes(URBAN, sample.form(T.FILING_RESULT))
        crossing.gives(withdrawal, E.CASE_ALREADY_FILED)
        crossing.gives(filing)

        assert crossing.stage is S.FILED
        assert crossing.codes_of(withdrawal) == [E.CASE_ALREADY_FILED]
        assert crossing.codes_of(filing) == [None]

    def test_after_a_confirmed_filing_the_bridge_refuses_the_withdrawal_itself(self):
        crossing = at_stage("filed")
        before = len(crossing.sent)
        message_id = crossing.writes(GRID, sample.form(T.WITHDRAWAL))

        assert crossing.codes_of(message_id) == [E.CASE_ALREADY_FILED]
        assert (crossing.stage, len(crossing.sent)) == (S.FILED, before)


class TestAnswersThatOvertake:
    def test_a_receipt_may_come_before_the_acknowledgement(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.gives(message_id)
        crossing.acknowledges(message_id)

        assert crossing.stage is S.HANDED_OVER
        assert crossing.codes_of(message_id) == [None]
        assert crossing.journal(message_id)[-1] == "sending.moot"

    @pytest.mark.parametrize("ending", [NO_ANSWER, NO_CONNECTION])
    def test_a_receipt_may_come_although_the_sending_itself_fails(self, ending):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.gives(message_id)
        crossing.ends(message_id, ending)

        assert crossing.delivery(message_id).state is D.CONFIRMED
        crossing.passes(100_000)
        assert crossing.attempts_of(message_id) == [1]

    def test_an_answer_proves_that_the_form_it_answers_has_arrived(self):
        crossing = at_stage("in_disposal")
        request = crossing.writes(URBAN, sample.form(T.VERIFICATION_REQUEST))
        crossing.acknowledges(request)
        result = crossing.crosses(GRID, sample.form(T.VERIFICATION_RESULT))
        assert crossing.stage is S.VERIFIED_PASSED
        assert crossing.codes_of(result) == [None]
        assert crossing.codes_of(request) == []

        crossing.gives(request)
        assert crossing.stage is S.VERIFIED_PASSED
        assert crossing.codes_of(request) == [None]
        assert "lifecycle.anomaly" not in crossing.journal()
        assert all(each.applied for each in crossing.exchange.deliveries.values())

    def test_a_form_proved_by_its_answer_and_then_refused_is_an_anomaly(self):
        crossing = at_stage("in_disposal")
        request = crossing.writes(URBAN, sample.form(T.VERIFICATION_REQUEST))
        crossing.crosses(GRID, sample.form(T.VERIFICATION_RESULT))
        crossing.gives(request, E.CODE_UNKNOWN)

        assert crossing.stage is S.VERIFIED_PASSED
        assert "lifecycle.anomaly" in crossing.journal(request)
        assert crossing.codes_of(request) == [E.CODE_UNKNOWN]

    def test_an_answer_to_a_form_that_was_never_sent_is_out_of_sequence(self):
        crossing = at_stage("in_disposal")
        crossing.writes(URBAN, sample.form(T.STAGE_PROGRESS))
        request = crossing.writes(URBAN, sample.form(T.VERIFICATION_REQUEST))
        assert crossing.delivery(request).state is D.WAITING

        result = crossing.writes(GRID, sample.form(T.VERIFICATION_RESULT))
        assert crossing.codes_of(result) == [E.OUT_OF_SEQUENCE]

    def test_a_form_that_follows_from_ones_own_last_one_is_admitted_and_waits(self):
        crossing = at_stage("handed_over")
        filing = crossing.writes(URBAN, sample.form(T.FILING_RESULT))
        dispatch = crossing.writes(URBAN, sample.form(T.DISPATCH))
        assert crossing.delivery(dispatch).state is D.WAITING
        crossing.gives(filing)
        crossing.gives(dispatch)
        assert crossing.stage is S.IN_DISPOSAL

    def test_a_confirmation_that_fits_no_stage_moves_nothing_and_is_kept(self):
        crossing = at_stage("verified_passed")
        closing = crossing.writes(GRID, sample.form(T.CLOSING))
        rejection = crossing.writes(GRID, sample.form(T.REJECTION))
        crossing.gives(closing)
        crossing.gives(rejection)

        assert crossing.stage is S.CLOSED
        assert crossing.exchange.rejections == 0
        assert crossing.codes_of(rejection) == [None]
        assert "lifecycle.anomaly" in crossing.journal(rejection)


class TestDuplicates:
    """EXC-1: told to the grid side at once, when it starts and when it is over."""

    def test_a_case_declined_as_a_duplicate_is_told_at_once_with_the_original(self):
        crossing = at_stage("handed_over")
        declined = sample.declined(DeclineReason.DUPLICATE, original_case_number=sample.OTHER_CASE)
        message_id = crossing.writes(URBAN, declined)
        assert crossing.notices() == [("duplicate", "started", "grid_side")]
        assert crossing.store.read_notices()[0].related_case_number == sample.OTHER_CASE

        crossing.gives(message_id)
        assert crossing.stage is S.DECLINED
        assert crossing.notices()[1:] == [("duplicate", "over", "grid_side")]

    def test_a_case_declined_for_another_reason_is_no_matter_for_the_contacts(self):
        crossing = at_stage("handed_over")
        crossing.crosses(URBAN, sample.declined())
        assert crossing.stage is S.DECLINED
        assert crossing.notices() == []

    def second_of_two(self, choices=None, first_ends=None, **changes):
        crossing = Crossing(with_choices(**(choices or {})))
        crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE), code=first_ends)
        crossing.crosses(GRID, sample.form(T.HAND_OVER, **changes))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT))
        return crossing

    def test_an_equal_case_that_is_filed_all_the_same_is_told_to_the_operators(self):
        crossing = self.second_of_two()
        assert crossing.notices() == [("duplicate", "started", "operator_company")]
        assert crossing.store.read_notices()[0].related_case_number == sample.OTHER_CASE

    def test_one_of_the_two_equal_is_not_told(self):
        assert self.second_of_two(description="另一处").notices() == []
        assert self.second_of_two(attachments=()).notices() == []

    def test_the_first_of_two_equal_cases_is_not_the_duplicate(self):
        crossing = Crossing(case_number=sample.OTHER_CASE)
        crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.crosses(GRID, sample.form(T.HAND_OVER))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, sample.OTHER_CASE))
        assert crossing.notices() == []

    def test_a_hand_over_that_failed_makes_nobody_a_duplicate(self):
        assert self.second_of_two(first_ends=E.CODE_UNKNOWN).notices() == []

    @pytest.mark.parametrize("counted", [True, False])
    def test_a_declined_case_counts_as_the_city_chose(self, counted):
        crossing = Crossing(with_choices(duplicate_scope_includes_declined=counted))
        crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.crosses(URBAN, sample.declined(case_number=sample.OTHER_CASE))
        crossing.crosses(GRID, sample.form(T.HAND_OVER))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT))
        assert bool(crossing.notices()) is counted

    def test_a_declined_case_that_does_not_count_hides_no_later_one(self):
        third = "340202-20260302-000003"
        crossing = Crossing(with_choices(duplicate_scope_includes_declined=False))
        crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.crosses(URBAN, sample.declined(case_number=sample.OTHER_CASE))
        crossing.crosses(GRID, sample.form(T.HAND_OVER))
        crossing.crosses(GRID, sample.form(T.HAND_OVER, third))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT, third))
        (notice,) = crossing.store.read_notices()
        assert (notice.case_number, notice.related_case_number) == (third, sample.CASE)


class TestCasesAreIndependent:
    def test_a_case_in_trouble_does_not_hold_up_another(self):
        crossing = Crossing()
        stuck = crossing.writes(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.ends(stuck, NO_ANSWER)
        for side, form in sample.way_to("closed"):
            crossing.crosses(side, form)
        assert crossing.stage is S.CLOSED
        assert crossing.store.read_exchange(sample.OTHER_CASE).stage is S.UNKNOWN

    def test_the_two_directions_of_a_case_do_not_hold_up_each_other(self):
        crossing = at_stage("in_disposal")
        crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        progress = crossing.crosses(URBAN, sample.form(T.STAGE_PROGRESS))
        assert crossing.codes_of(progress) == [None]


class TestOneFormAtATime:
    """RCPT-4."""

    def test_the_next_form_is_sent_when_the_receipt_of_the_one_before_has_come(self):
        crossing = at_stage("in_disposal")
        first = crossing.writes(URBAN, sample.form(T.STAGE_PROGRESS))
        second = crossing.writes(URBAN, sample.form(T.VERIFICATION_REQUEST))
        crossing.acknowledges(first)
        assert crossing.attempts_of(second) == []
        crossing.gives(first)
        assert crossing.attempts_of(second) == [1]

    def test_and_only_the_next_one(self):
        crossing = at_stage("in_disposal")
        written = [crossing.writes(GRID, sample.form(T.SUPPLEMENT, note=f"第 {n} 次")) for n in range(4)]
        crossing.gives(written[0])
        states = [crossing.delivery(message_id).state for message_id in written]
        assert states == [D.CONFIRMED, D.SENDING, D.WAITING, D.WAITING]

    @pytest.mark.parametrize("code", [E.CODE_UNKNOWN, None])
    def test_forms_keep_the_order_in_which_they_were_written(self, code):
        crossing = at_stage("in_disposal")
        written = [crossing.writes(GRID, sample.form(T.SUPPLEMENT, note=f"第 {n} 次")) for n in range(4)]
        for message_id in written:
            crossing.gives(message_id, code)
        assert [sent for to, sent, _ in crossing.sent if sent in written] == written

    def test_a_form_refused_by_a_fault_makes_way_for_the_next(self):
        crossing = at_stage("in_disposal")
        first = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        second = crossing.writes(GRID, sample.form(T.SUPPLEMENT, note="更多"))
        crossing.faults(first, E.CODE_UNKNOWN)
        assert crossing.attempts_of(second) == [1]


def test_shorter_limits_of_a_city_are_kept():
    profile = replace(
        sample.PROFILE,
        delivery=DeliveryChoices(receipt_timeout_seconds=10, retry_gaps_seconds=(5,), max_attempts=2, retry_jitter=0),
    )
    crossing = Crossing(profile)
    message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
    crossing.acknowledges(message_id)
    crossing.passes(10)
    crossing.passes(5)
    assert crossing.attempts_of(message_id) == [1, 2]
    crossing.acknowledges(message_id)
    crossing.passes(10)
    assert crossing.delivery(message_id).state is D.PARKED
