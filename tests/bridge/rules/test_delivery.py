"""The delivery machine: what everything that can happen does in every state, or that it does nothing."""

from itertools import product

import pytest

from bridge.rules.delivery import (
    DELIVERY,
    FINAL_STATES,
    MAY_HAVE_ARRIVED,
    TIMER_MEANS,
    Action,
    DeliveryState,
    Happening,
)

D, H, A = DeliveryState, Happening, Action

#: Read from RCPT-3, RCPT-4 and RCPT-5 and not from the table.
EXPECTED = {
    (D.WAITING, H.ITS_TURN): (D.SENDING, A.SEND),
    (D.SENDING, H.ACKNOWLEDGED): (D.AWAITING_RECEIPT, A.AWAIT_RECEIPT),
    (D.SENDING, H.NOT_TAKEN): (D.TO_REPEAT, A.WAIT_FOR_GAP),
    (D.SENDING, H.UNANSWERED): (D.IN_DOUBT, A.WAIT_FOR_GAP),
    (D.SENDING, H.CUT_OFF): (D.RESENDING, A.GO_ON),
    (D.SENDING, H.FAULTED): (D.REFUSED, A.ANSWER_WITH_ERROR),
    (D.RESENDING, H.ACKNOWLEDGED): (D.AWAITING_RECEIPT, A.AWAIT_RECEIPT),
    (D.RESENDING, H.NOT_TAKEN): (D.IN_DOUBT, A.WAIT_FOR_GAP),
    (D.RESENDING, H.UNANSWERED): (D.IN_DOUBT, A.WAIT_FOR_GAP),
    (D.RESENDING, H.FAULTED): (D.PARKED, A.TELL_CONTACT),
    (D.AWAITING_RECEIPT, H.OVERDUE): (D.IN_DOUBT, A.WAIT_FOR_GAP),
    (D.IN_DOUBT, H.GAP_OVER): (D.RESENDING, A.SEND),
    (D.IN_DOUBT, H.ATTEMPTS_USED_UP): (D.PARKED, A.TELL_CONTACT),
    (D.TO_REPEAT, H.GAP_OVER): (D.SENDING, A.SEND),
    (D.TO_REPEAT, H.ATTEMPTS_USED_UP): (D.PARKED, A.TELL_CONTACT),
    (D.SENDING, H.SHUT_OUT): (D.TO_REPEAT, A.WAIT_FOR_ACCOUNT),
    (D.RESENDING, H.SHUT_OUT): (D.IN_DOUBT, A.WAIT_FOR_ACCOUNT),
    (D.AWAITING_RECEIPT, H.RESENT): (D.RESENDING, A.SEND),
    (D.IN_DOUBT, H.RESENT): (D.RESENDING, A.SEND),
    (D.TO_REPEAT, H.RESENT): (D.SENDING, A.SEND),
    (D.PARKED, H.RELEASED): (D.RESENDING, A.SEND),
    (D.PARKED, H.ABANDONED): (D.ABANDONED, A.ANSWER_WITH_ERROR),
}
for sent in (D.SENDING, D.RESENDING, D.AWAITING_RECEIPT, D.IN_DOUBT, D.TO_REPEAT):
    EXPECTED[sent, H.RECEIPT_CONFIRMS] = (D.CONFIRMED, A.HAND_RECEIPT_ON)
    EXPECTED[sent, H.RECEIPT_REFUSES] = (D.REFUSED, A.HAND_RECEIPT_ON)
    EXPECTED[sent, H.HELD] = (D.PARKED, A.TELL_CONTACT)
for timed in (D.AWAITING_RECEIPT, D.IN_DOUBT, D.TO_REPEAT):
    EXPECTED[timed, H.TIME_USED_UP] = (D.PARKED, A.TELL_CONTACT)


@pytest.mark.parametrize(("state", "happening"), [*product(D, H)], ids=str)
def test_each_happening_leads_from_each_state_where_the_clauses_say_or_nowhere(state, happening):
    assert DELIVERY[state].get(happening) == EXPECTED.get((state, happening))


def test_exactly_the_states_with_a_receipt_or_a_persons_word_are_final():
    assert {D.CONFIRMED, D.REFUSED, D.ABANDONED} == FINAL_STATES


def test_every_timer_means_something_in_the_state_it_runs_in():
    timed = {state for state, row in DELIVERY.items() if H.OVERDUE in row or H.GAP_OVER in row}
    assert set(TIMER_MEANS) == timed
    assert all(happening in DELIVERY[state] for state, happening in TIMER_MEANS.items())


def test_only_what_surely_never_left_or_surely_was_not_taken_cannot_have_arrived():
    assert set(D) - FINAL_STATES - MAY_HAVE_ARRIVED == {D.WAITING, D.TO_REPEAT}
