"""Sending, repeating, parking; receipts that count and receipts that do not (RCPT-1 … RCPT-6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, NO_CONNECTION, Crossing, at_stage

from bridge.core.engine import Engine
from bridge.core.errors import OperatorMistake
from bridge.core.exchange import DeliveryState
from bridge.core.inputs import TimerFired
from bridge.vocabulary.calls import Answered, Ending, Faulted, Unanswered
from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED, ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import ReceiptMode
from bridge.vocabulary.stages import ExchangeStage

T, S, D, E = FormType, ExchangeStage, DeliveryState, ErrorCode
GRID, URBAN = Side.GRID, Side.URBAN
RESPONSE = replace(sample.PROFILE, bridge=replace(sample.PROFILE.bridge, receipts=ReceiptMode.RESPONSE))


@pytest.fixture
def crossing():
    return Crossing()


@pytest.fixture
def sent(crossing):
    """A hand-over on its way to the urban platform."""
    return crossing.writes(GRID, sample.form(T.HAND_OVER))


def park(crossing, message_id):
    for gap in (60, 300, 900, 3600, 0):
        crossing.ends(message_id, NO_CONNECTION)
        crossing.passes(gap)
    assert crossing.delivery(message_id).state is D.PARKED


class TestRepeating:
    def test_a_lost_receipt_is_asked_for_again_with_the_same_id(self, crossing, sent):
        crossing.acknowledges(sent)
        crossing.passes(300)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        crossing.passes(60)
        assert crossing.attempts_of(sent) == [1, 2]
        crossing.gives(sent)
        assert crossing.stage is S.HANDED_OVER
        assert crossing.codes_of(sent) == [None]

    def test_nothing_is_repeated_before_its_time(self, crossing, sent):
        crossing.acknowledges(sent)
        crossing.passes(299)
        assert crossing.delivery(sent).state is D.AWAITING_RECEIPT
        crossing.passes(1)
        crossing.passes(59)
        assert crossing.attempts_of(sent) == [1]

    def test_gaps_grow(self, crossing, sent):
        gaps = []
        while crossing.delivery(sent).state is not D.PARKED:
            crossing.ends(sent, NO_CONNECTION)
            if (due := crossing.store.next_due()) is not None:
                gaps.append((due - crossing.now).total_seconds())
                crossing.passes(gaps[-1])
        assert gaps == [60, 300, 900, 3600]
        assert crossing.attempts_of(sent) == [1, 2, 3, 4, 5]

    def test_a_timer_that_fires_early_or_for_nobody_does_nothing(self, crossing, sent):
        engine, exchange = Engine(sample.PROFILE), crossing.exchange
        early = TimerFired(case_number=sample.CASE, message_id=sent, at=crossing.now)
        for act in (lambda: None, lambda: setattr(exchange.deliveries[sent], "state", D.AWAITING_RECEIPT)):
            act()
            exchange.deliveries[sent].due_at = crossing.now + timedelta(seconds=1)
            step = engine.step(exchange, early)
            assert (step.accepted, [each.what for each in step.effects]) == (False, ["timer.moot"])
        assert not engine.step(None, early).accepted

    def test_a_receipt_ends_the_repeating(self, crossing, sent):
        crossing.acknowledges(sent)
        crossing.gives(sent)
        crossing.passes(100_000)
        assert crossing.attempts_of(sent) == [1]
        assert crossing.store.next_due() is None

    @pytest.mark.parametrize("code", [E.BUSY, E.INTERNAL])
    def test_a_fault_that_passes_by_itself_is_repeated(self, crossing, sent, code):
        crossing.faults(sent, code)
        assert crossing.delivery(sent).state is D.TO_REPEAT
        crossing.passes(60)
        assert crossing.attempts_of(sent) == [1, 2]
        assert crossing.given == []

    @pytest.mark.parametrize("code", sorted(set(E) - {E.BUSY, E.INTERNAL} - ACCOUNT_NOT_ACCEPTED))
    def test_any_other_fault_refuses_the_form_and_its_writer_is_told(self, crossing, sent, code):
        crossing.faults(sent, code)
        assert crossing.delivery(sent).state is D.REFUSED
        assert crossing.codes_of(sent) == [code]
        crossing.passes(100_000)
        assert crossing.attempts_of(sent) == [1]

    def test_an_unknown_outcome_is_never_guessed(self, crossing, sent):
        """RCPT-5: once a sending may have arrived, no later failure proves that it did not."""
        crossing.ends(sent, NO_ANSWER)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        crossing.passes(60)
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        crossing.passes(300)
        crossing.faults(sent, E.CASE_ENDED)
        assert crossing.delivery(sent).state is D.PARKED
        assert crossing.given == []


class TestGoingDown:
    """RCPT-5: a sending of which the bridge did not live to see the end may have arrived."""

    def test_the_sending_is_made_again_as_the_same_attempt(self, crossing, sent):
        crossing.goes_down()
        assert crossing.attempts_of(sent) == [1, 1]
        crossing.acknowledges(sent)
        crossing.gives(sent)
        assert crossing.stage is S.HANDED_OVER
        assert crossing.codes_of(sent) == [None]

    def test_no_connection_afterwards_does_not_prove_that_it_never_arrived(self, crossing, sent):
        crossing.goes_down()
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.delivery(sent).state is D.IN_DOUBT

    def test_a_fault_afterwards_refuses_nothing(self, crossing, sent):
        crossing.goes_down()
        crossing.faults(sent, E.CASE_ENDED)
        assert crossing.delivery(sent).state is D.PARKED
        assert crossing.given == []

    def test_the_far_side_may_build_on_what_reached_it_before(self):
        """INT-5: the result of a verification is not out of sequence because the bridge died before it heard of the request's receipt."""
        crossing = at_stage("in_disposal")
        request = crossing.writes(URBAN, sample.form(T.VERIFICATION_REQUEST))
        crossing.goes_down()
        crossing.ends(request, NO_CONNECTION)
        result = crossing.writes(GRID, sample.form(T.VERIFICATION_RESULT))
        assert crossing.delivery(result).state is D.SENDING

    def test_what_surely_never_left_stays_so(self, crossing, sent):
        crossing.ends(sent, NO_CONNECTION)
        crossing.goes_down()
        assert crossing.delivery(sent).state is D.TO_REPEAT

    def test_it_stands_in_the_journal_why(self, crossing, sent):
        crossing.goes_down()
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.journal(sent)[-2:] == ["sending.cut_off", "sending.not_taken"]

    def test_a_later_sending_is_judged_by_itself_again_once_it_surely_did_not_leave(self, crossing):
        crossing.goes_down()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.delivery(sent).state is D.TO_REPEAT

    def test_a_form_that_was_parked_meanwhile_stays_parked(self, crossing, sent):
        crossing.shell.operator(sample.CASE, sent, "park", operator="王值班", reason="检修", at=crossing.now)
        crossing.goes_down()
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.delivery(sent).state is D.PARKED


class TestParking:
    def test_a_form_whose_attempts_are_used_up_waits_for_a_person_who_is_told_once(self, crossing, sent):
        park(crossing, sent)
        assert crossing.store.parked() == [(sample.CASE, sent)]
        assert crossing.notices()[1:] == [("parked", "started", "operator_company")]
        crossing.passes(1_000_000)
        assert crossing.attempts_of(sent) == [1, 2, 3, 4, 5]

    def test_forms_for_the_grid_platform_are_its_contacts_matter(self):
        crossing = at_stage("handed_over")
        park(crossing, crossing.writes(URBAN, sample.form(T.FILING_RESULT)))
        assert crossing.notices()[-1] == ("parked", "started", "grid_side")

    def test_it_holds_back_the_later_forms_of_its_case_and_direction_and_nothing_else(self):
        crossing = at_stage("in_disposal")
        stuck = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        later = crossing.writes(GRID, sample.form(T.SUPPLEMENT, note="更多"))
        park(crossing, stuck)
        progress = crossing.crosses(URBAN, sample.form(T.STAGE_PROGRESS))
        elsewhere = crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))

        assert crossing.attempts_of(later) == []
        assert crossing.codes_of(progress) == [None]
        assert len(crossing.receipts_of(elsewhere)) == 1

    def test_released_it_goes_out_once_more_and_its_receipt_counts_and_ends_the_matter(self, crossing, sent):
        park(crossing, sent)
        crossing.shell.operator(sample.CASE, sent, "release", operator="li", reason="线路已修复", at=crossing.now)
        crossing.carry()
        assert crossing.attempts_of(sent) == [1, 2, 3, 4, 5, 6]
        assert ("parked", "over", "operator_company") not in crossing.notices()
        crossing.gives(sent)

        assert crossing.stage is S.HANDED_OVER
        assert crossing.notices()[-1] == ("parked", "over", "operator_company")
        assert crossing.store.parked() == []

    def test_released_in_vain_it_parks_again_without_a_second_notice(self, crossing, sent):
        park(crossing, sent)
        crossing.shell.operator(sample.CASE, sent, "release", operator="li", reason="再试", at=crossing.now)
        crossing.carry()
        crossing.ends(sent, NO_CONNECTION)
        assert crossing.delivery(sent).state is D.PARKED
        assert [kind for kind, _, _ in crossing.notices()].count("parked") == 1

    def test_abandoned_its_writer_is_told_and_the_next_form_goes_out(self):
        crossing = at_stage("in_disposal")
        stuck = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        later = crossing.writes(GRID, sample.form(T.SUPPLEMENT, note="更多"))
        park(crossing, stuck)
        crossing.shell.operator(sample.CASE, stuck, "abandon", operator="li", reason="已电话告知", at=crossing.now)
        crossing.carry()

        assert crossing.delivery(stuck).state is D.ABANDONED
        (receipt,) = crossing.receipts_of(stuck)
        assert receipt.fault is not None
        assert "已电话告知" in receipt.fault.message_zh
        assert "li" not in receipt.fault.message_en.split()
        assert crossing.attempts_of(later) == [1]
        assert crossing.notices()[-1] == ("parked", "over", "operator_company")

    @pytest.mark.parametrize("act", ["release", "abandon", "forget"])
    def test_an_operators_act_that_does_not_fit_is_a_mistake_and_changes_nothing(self, crossing, sent, act):
        before = crossing.exchange
        with pytest.raises(OperatorMistake, match="sending"):
            crossing.shell.operator(sample.CASE, sent, act, operator="li", reason="", at=crossing.now)
        assert crossing.exchange == before
        assert crossing.journal(sent)[-1] == "operator.refused"

    @pytest.mark.parametrize("case_number", [sample.CASE, sample.OTHER_CASE])
    def test_an_operator_cannot_act_on_what_is_not_there(self, crossing, sent, case_number):
        with pytest.raises(OperatorMistake, match="not known"):
            crossing.shell.operator(case_number, "urn:uuid:x", "release", operator="li", reason="", at=crossing.now)


class TestReceiptsThatDoNotCount:
    """RCPT-3: kept, shown, and without effect."""

    def unchanged(self, crossing, act):
        before = crossing.exchange
        given = list(crossing.given)
        act()
        assert crossing.exchange == before
        assert crossing.given == given
        return crossing.journal()[-1]

    def test_repeated(self, crossing, sent):
        crossing.gives(sent)
        assert self.unchanged(crossing, lambda: crossing.gives(sent)) == "receipt.repeated"

    @pytest.mark.parametrize(("first", "second"), [(None, E.CODE_UNKNOWN), (E.CODE_UNKNOWN, None)])
    def test_contradictory(self, crossing, sent, first, second):
        crossing.gives(sent, first)
        assert self.unchanged(crossing, lambda: crossing.gives(sent, second)) == "receipt.contradictory"

    def test_late_for_a_parked_form(self, crossing, sent):
        park(crossing, sent)
        assert self.unchanged(crossing, lambda: crossing.gives(sent)) == "receipt.late"

    def test_for_another_form_of_the_case(self, crossing, sent):
        stray = {"form_message_id": sample.message_id(777)}
        assert self.unchanged(crossing, lambda: crossing.gives(sent, **stray)) == "receipt.stray"

    def test_for_a_form_that_waits_for_its_turn(self):
        crossing = at_stage("in_disposal")
        crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        later = crossing.writes(GRID, sample.form(T.SUPPLEMENT, note="更多"))
        assert self.unchanged(crossing, lambda: crossing.gives(later)) == "receipt.stray"

    def test_for_a_case_that_nobody_knows(self, crossing, sent):
        crossing.gives(sent, case_number=sample.OTHER_CASE)
        assert crossing.store.read_exchange(sample.OTHER_CASE) is None
        (entry,) = [entry for _, entry in crossing.store.read_journal(sample.OTHER_CASE)]
        assert entry.what == "receipt.stray"

    def test_from_the_writer_of_the_form_itself(self):
        crossing = Crossing()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
        receipt = sample.receipt_message(message.header, sample.receipt_for(message))
        verdict = crossing.shell.receive_receipt(GRID, receipt, at=crossing.now)
        assert verdict.fault is None
        assert crossing.delivery(sent).state is D.SENDING

    def test_in_the_response_to_another_form(self):
        crossing = at_stage("in_disposal")
        waiting = crossing.writes(URBAN, sample.form(T.STAGE_PROGRESS))
        crossing.acknowledges(waiting)
        other = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        crossing.ends(other, sample.answer_for(sample.message(URBAN, sample.form(T.STAGE_PROGRESS), 4)))
        assert crossing.delivery(waiting).state is D.AWAITING_RECEIPT
        assert crossing.delivery(other).state is D.AWAITING_RECEIPT
        assert "receipt.stray" in crossing.journal(waiting)

    def test_a_form_refused_by_its_fault_is_not_confirmed_by_a_later_receipt(self, crossing, sent):
        crossing.faults(sent, E.CODE_UNKNOWN)
        assert self.unchanged(crossing, lambda: crossing.gives(sent)) == "receipt.contradictory"


class TestRepeatedForms:
    """RCPT-6."""

    def test_while_undecided_a_repetition_is_acknowledged_and_not_sent_on(self, crossing, sent):
        verdict = crossing.repeats(sent)
        assert (verdict.receipt, verdict.fault, verdict.admitted) == (None, None, False)
        assert crossing.attempts_of(sent) == [1]

    @pytest.mark.parametrize("code", [None, E.CODE_UNKNOWN])
    def test_once_decided_it_gets_the_same_receipt_again(self, crossing, sent, code):
        crossing.gives(sent, code)
        crossing.repeats(sent)
        first, second = crossing.receipts_of(sent)
        assert first is second
        assert crossing.attempts_of(sent) == [1]

    def test_in_the_response_where_the_bridge_gives_receipts_so(self):
        crossing = Crossing(RESPONSE)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.gives(sent)
        assert crossing.repeats(sent).receipt == crossing.delivery(sent).receipt

    def test_a_form_refused_at_the_door_gets_the_same_refusal_even_when_it_would_pass_now(self):
        crossing = at_stage("in_disposal")
        early = crossing.writes(GRID, sample.form(T.VERIFICATION_RESULT))
        crossing.crosses(URBAN, sample.form(T.VERIFICATION_REQUEST))
        crossing.repeats(early)

        first, second = crossing.receipts_of(early)
        assert first is second
        assert crossing.codes_of(early)[0] is E.OUT_OF_SEQUENCE
        assert crossing.stage is S.AWAITING_VERIFICATION

    def test_the_same_id_with_another_content_is_faulted_and_nothing_is_kept(self, crossing, sent):
        before = crossing.exchange
        verdict = crossing.repeats(sent, description="别的内容")
        assert verdict.fault is not None
        assert verdict.fault.code is E.MESSAGE_ID_REUSED
        assert crossing.exchange == before

    def test_the_same_id_for_another_case_is_faulted(self, crossing, sent):
        verdict = crossing.repeats(sent, case_number=sample.OTHER_CASE)
        assert verdict.fault is not None
        assert verdict.fault.code is E.MESSAGE_ID_REUSED
        assert crossing.store.read_exchange(sample.OTHER_CASE) is None

    def test_a_hand_over_seen_by_query_and_pushed_too_is_taken_once(self, crossing):
        message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
        assert crossing.delivers(GRID, message, by_query=True).admitted
        assert not crossing.delivers(GRID, message).admitted
        assert not crossing.delivers(GRID, message, by_query=True).admitted
        assert len(crossing.sent) == 1

    def test_a_case_that_a_query_shows_again_is_not_given_its_receipt_again(self, crossing, sent):
        crossing.gives(sent)
        crossing.delivers(GRID, sample.message(GRID, sample.form(T.HAND_OVER), 1), by_query=True)
        assert len(crossing.receipts_of(sent)) == 1

    def test_a_hand_over_refused_after_a_query_gets_its_receipt_as_a_call(self):
        crossing = Crossing(RESPONSE)
        crossing.crosses(GRID, sample.form(T.HAND_OVER))
        again = sample.message(GRID, sample.form(T.HAND_OVER, description="别的"), 50)
        assert crossing.delivers(GRID, again, by_query=True).receipt is None
        assert crossing.codes_of(again.header.message_id) == [E.CASE_NUMBER_TAKEN]

    def test_a_receipt_that_nobody_took_is_given_again_to_a_platform_that_only_shows_its_cases(self, crossing):
        message = shown_and_received(crossing, receipt_calls_end=Unanswered(detail="silence"))
        assert len(crossing.receipts_of(message)) == 1
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 2
        crossing.receipt_calls_end = Answered()
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 3
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 3
        assert crossing.delivery(message).due_at is None

    def test_a_receipt_that_was_refused_for_good_is_not_given_again(self, crossing):
        fault = Fault(code=E.SCHEMA_INVALID, field=None, message_zh="不行", message_en="no")
        message = shown_and_received(crossing, receipt_calls_end=Faulted(fault=fault))
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 1

    @pytest.mark.parametrize("code", [E.BUSY, E.NOT_AUTHENTICATED, E.ACCOUNT_LOCKED])
    def test_a_receipt_that_a_platform_refused_for_now_is_given_again(self, crossing, code):
        fault = Fault(code=code, field=None, message_zh="稍后", message_en="later")
        message = shown_and_received(crossing, receipt_calls_end=Faulted(fault=fault))
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 2

    def test_a_receipt_for_a_form_that_was_delivered_is_left_to_its_sender_to_ask_for(self, crossing):
        crossing.receipt_calls_end = Unanswered(detail="silence")
        message = crossing.crosses(GRID, sample.form(T.HAND_OVER))
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 1

    def test_a_clock_set_back_does_not_delay_a_receipt_that_is_to_be_given_again(self, crossing):
        message = shown_and_received(crossing, receipt_calls_end=Unanswered(detail="silence"))
        crossing.shell.clock_set_back(timedelta(days=30), crossing.now - timedelta(days=30))
        crossing.now -= timedelta(days=30)
        crossing.passes(DAY)
        assert len(crossing.receipts_of(message)) == 2


DAY = 86400.0


def shown_and_received(crossing: Crossing, receipt_calls_end: Ending) -> str:
    """A query shows a hand-over, the far end confirms it, and the call that tells so ends like this."""
    message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
    crossing.receipt_calls_end = receipt_calls_end
    crossing.delivers(GRID, message, by_query=True)
    crossing.ends(message.header.message_id, Answered(receipt=sample.receipt_for(message, crossing.now)))
    return message.header.message_id


class TestAtTheDoor:
    def test_a_header_that_names_another_case_gets_an_error_receipt_under_the_forms_case(self, crossing):
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER), case_number=sample.OTHER_CASE)
        (receipt,) = crossing.receipts_of(message_id)
        assert receipt.case_number == sample.CASE
        assert crossing.codes_of(message_id) == [E.CASE_NUMBER_MISMATCH]

    @pytest.mark.parametrize("header", [{"sender": "elsewhere"}, {"recipient": "elsewhere"}])
    def test_a_message_of_another_party_is_faulted_and_not_kept(self, crossing, header):
        crossing.writes(GRID, sample.form(T.HAND_OVER), **header)
        assert crossing.last_verdict.fault is not None
        assert crossing.last_verdict.fault.code is E.WRONG_PARTY
        assert crossing.store.read_exchange(sample.CASE) is None

    def test_a_case_number_handed_over_with_another_content_is_taken(self):
        crossing = at_stage("handed_over")
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER, description="别的"))
        assert crossing.codes_of(message_id) == [E.CASE_NUMBER_TAKEN]

    def test_a_repaired_hand_over_is_taken_when_the_first_was_refused(self, crossing):
        crossing.crosses(GRID, sample.form(T.HAND_OVER), code=E.CODE_UNKNOWN)
        crossing.crosses(GRID, sample.form(T.HAND_OVER, category="03"))
        assert crossing.stage is S.HANDED_OVER

    def test_an_unknown_case_is_remembered_only_for_its_refusal(self, crossing):
        message_id = crossing.writes(URBAN, sample.form(T.FILING_RESULT))
        assert crossing.codes_of(message_id) == [E.CASE_UNKNOWN]
        crossing.crosses(GRID, sample.form(T.HAND_OVER))
        assert crossing.stage is S.HANDED_OVER

    def test_a_refused_form_does_not_hold_up_the_next(self):
        crossing = at_stage("handed_over")
        crossing.writes(URBAN, sample.form(T.DISPATCH))
        crossing.crosses(URBAN, sample.form(T.FILING_RESULT))
        assert crossing.stage is S.FILED
