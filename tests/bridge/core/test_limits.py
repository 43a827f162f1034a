"""Two limits of time: a warning while repetition goes on, then an end; and gaps that differ from form to form (RCPT-5, CONT-2)."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, NO_CONNECTION, Crossing

from bridge.core.exchange import DeliveryState
from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED, ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import DeliveryChoices

T, D, E = FormType, DeliveryState, ErrorCode
GRID, URBAN = Side.GRID, Side.URBAN
WARNED = ("receipt_overdue", "started", "operator_company")
SETTLED = ("receipt_overdue", "over", "operator_company")
PARKED = ("parked", "started", "operator_company")


def town(**delivery: object) -> Crossing:
    choices = {"retry_jitter": 0, "warn_after_seconds": 1000, **delivery}
    return Crossing(replace(sample.PROFILE, delivery=DeliveryChoices(**choices)))  # type: ignore[arg-type]


def until(crossing: Crossing, moment: float, ending: object = NO_ANSWER) -> None:
    """Let time pass to `moment` seconds past nine, timer by timer; whatever is sent meanwhile ends so."""
    while True:
        for message_id in list(crossing._on_the_way):
            crossing.ends(message_id, ending)
        due = crossing.store.next_due()
        end = sample.MONDAY + timedelta(seconds=moment)
        if due is None or due > end:
            crossing.passes((end - crossing.now).total_seconds())
            return
        crossing.passes((due - crossing.now).total_seconds())


class TestTheWarning:
    def test_it_comes_at_its_limit_and_repetition_goes_on(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 999)
        assert crossing.notices() == []
        until(crossing, 1000)
        assert crossing.notices() == [WARNED]
        assert crossing.delivery(sent).state is D.IN_DOUBT
        until(crossing, 10_000)
        assert crossing.attempts_of(sent) == [1, 2, 3, 4, 5]

    def test_it_is_given_once_and_its_end_once_when_the_receipt_is_there(self):
        crossing = town(max_attempts=50)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 100_000)
        assert crossing.notices() == [WARNED]
        crossing.gives(sent)
        assert crossing.notices() == [WARNED, SETTLED]

    def test_a_receipt_in_time_is_nobodys_matter(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 999)
        crossing.gives(sent)
        until(crossing, 100_000)
        assert crossing.notices() == []

    def test_a_form_that_waits_behind_another_is_not_late_yet(self):
        crossing = town(max_attempts=50)
        first = crossing.writes(GRID, sample.form(T.HAND_OVER))
        behind = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        until(crossing, 5000)
        assert crossing.notices() == [WARNED]
        crossing.gives(first)
        until(crossing, 5999)
        assert crossing.notices() == [WARNED, SETTLED]
        until(crossing, 6000)
        assert crossing.notices() == [WARNED, SETTLED, WARNED]
        assert crossing.attempts_of(behind)

    def test_the_step_that_was_due_comes_at_its_own_moment(self):
        crossing = town(warn_after_seconds=100)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.acknowledges(sent)
        crossing.passes(100)
        assert (crossing.notices(), crossing.delivery(sent).state) == ([WARNED], D.AWAITING_RECEIPT)
        crossing.passes(199)
        assert crossing.delivery(sent).state is D.AWAITING_RECEIPT
        crossing.passes(1)
        assert crossing.delivery(sent).state is D.IN_DOUBT

    def test_zero_warns_never(self):
        crossing = town(warn_after_seconds=0)
        crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 100_000)
        assert crossing.notices() == [PARKED]


class TestTheEnd:
    def test_it_parks_and_tells_however_many_attempts_are_left(self):
        crossing = town(park_after_seconds=2000)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 1999)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        until(crossing, 2000)
        assert crossing.delivery(sent).state is D.PARKED
        assert crossing.notices() == [WARNED, PARKED]
        assert len(crossing.attempts_of(sent)) < 5

    def test_released_it_has_its_whole_time_again(self):
        crossing = town(park_after_seconds=2000, max_attempts=9)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 3000)
        crossing.shell.operator(sample.CASE, sent, "release", operator="li", reason="再试", at=crossing.now)
        crossing.carry()
        until(crossing, 4999)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        until(crossing, 5000)
        assert crossing.delivery(sent).state is D.PARKED
        assert crossing.notices() == [WARNED, PARKED]

    def test_both_matters_are_over_when_the_form_is_settled(self):
        crossing = town(park_after_seconds=2000)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        until(crossing, 3000)
        crossing.shell.operator(sample.CASE, sent, "abandon", operator="li", reason="已电话告知", at=crossing.now)
        assert crossing.notices()[2:] == [SETTLED, ("parked", "over", "operator_company")]

    def test_a_timer_set_before_there_were_limits_is_its_next_step(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.acknowledges(sent)
        with crossing.store.begin() as work:
            exchange = work.exchange(sample.CASE)
            exchange.deliveries[sent].next_step_at = exchange.deliveries[sent].on_its_way_since = None
            work.save(exchange)
        crossing.passes(300)
        assert crossing.delivery(sent).state is D.IN_DOUBT


class TestGaps:
    def test_they_are_longer_than_the_profile_says_and_differ_from_form_to_form(self):
        crossing = town(retry_jitter=0.5, warn_after_seconds=0)
        for number in range(20):
            crossing.writes(GRID, sample.form(T.HAND_OVER, f"340202-20260302-{number:06d}"))
        for message_id in list(crossing._on_the_way):
            crossing.ends(message_id, NO_CONNECTION)
        due = {at for _, _, at in crossing.store.due_timers(crossing.now + timedelta(days=1))}
        assert len(due) == 20
        assert all(60 <= (at - crossing.now).total_seconds() < 90 for at in due)


class TestAnAccountThatIsNotAccepted:
    """It says nothing about any form: every form waits, the right person is told, and all goes on once the account is right."""

    STARTED = ("system_fault", "started", "city_information_office")
    OVER = ("system_fault", "over", "city_information_office")

    @pytest.mark.parametrize("code", sorted(ACCOUNT_NOT_ACCEPTED))
    def test_the_form_waits_and_its_writer_hears_nothing(self, code):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.faults(sent, code)
        assert crossing.delivery(sent).state is D.TO_REPEAT
        assert crossing.delivery(sent).trouble == code
        assert crossing.given == []
        assert crossing.notices() == [self.STARTED]

    def test_it_is_tried_again_without_end_and_counts_for_no_attempt_and_no_limit(self):
        crossing = town(park_after_seconds=7000)
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        for _ in range(12):
            crossing.faults(sent, E.NOT_AUTHENTICATED)
            crossing.passes(3600)
        assert crossing.delivery(sent).state is D.SENDING
        assert crossing.notices() == [self.STARTED]
        assert crossing.attempts_of(sent) == [*range(1, 14)]

        until(crossing, 12 * 3600 + 6000)
        assert crossing.notices() == [self.STARTED, WARNED], "its own limits begin with the account's acceptance"
        assert crossing.delivery(sent).state is D.IN_DOUBT

    def test_it_goes_on_by_itself_and_the_end_is_told_once(self):
        crossing = town()
        one = crossing.writes(GRID, sample.form(T.HAND_OVER))
        other = crossing.writes(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.faults(one, E.NOT_AUTHENTICATED)
        crossing.faults(other, E.NOT_AUTHENTICATED)
        crossing.passes(60)
        crossing.acknowledges(one)
        crossing.acknowledges(other)
        crossing.gives(one)
        assert crossing.delivery(one).state is D.CONFIRMED
        assert crossing.notices() == [self.STARTED, self.OVER]

    def test_a_person_can_have_it_tried_at_once(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.faults(sent, E.NOT_AUTHENTICATED)
        crossing.shell.operator(sample.CASE, sent, "resend", operator="li", reason="口令已改正", at=crossing.now)
        crossing.carry()
        assert crossing.attempts_of(sent) == [1, 2]
        crossing.passes(10_000)
        assert crossing.attempts_of(sent) == [1, 2], "the timer that it waited for is gone"

    def test_silence_proves_nothing_about_the_account(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.faults(sent, E.NOT_AUTHENTICATED)
        for ending in (NO_ANSWER, NO_CONNECTION):
            crossing.passes(3600)
            crossing.ends(sent, ending)
        assert crossing.notices().count(self.OVER) == 0
        crossing.passes(3600)
        crossing.faults(sent, E.BUSY)
        assert crossing.notices().count(self.OVER) == 2, "it can be reached again, and it accepts the account"

    def test_while_an_earlier_sending_may_have_arrived_it_stays_in_doubt(self):
        crossing = town()
        sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.ends(sent, NO_ANSWER)
        crossing.passes(60)
        crossing.faults(sent, E.NOT_AUTHENTICATED)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        crossing.passes(300)
        crossing.faults(sent, E.CASE_ENDED)
        assert crossing.delivery(sent).state is D.PARKED
