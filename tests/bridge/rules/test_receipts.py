"""Exactly one receipt per form counts; every other one is told apart and changes nothing (RCPT-1, RCPT-3)."""

from dataclasses import dataclass, replace
from itertools import product

import pytest
import sample_forms as sample

from bridge.rules.delivery import DELIVERY, DeliveryState, Happening
from bridge.rules.receipts import (
    MISPLACED,
    RECEIPTS,
    Misplaced,
    ReceiptReason,
    ReceiptStanding,
    Says,
    classify,
    what_it_says,
)
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import Form, FormType
from bridge.vocabulary.messages import Receipt
from bridge.vocabulary.parties import Direction, Side

D, R, W = DeliveryState, ReceiptStanding, ReceiptReason
SENT = sample.message(Side.URBAN, sample.form(FormType.DISPATCH), 1)
CONFIRMED = sample.receipt_for(SENT)
ERROR = sample.receipt_for(SENT, code=ErrorCode.CODE_UNKNOWN)
OTHER_ERROR = sample.receipt_for(SENT, code=ErrorCode.CASE_ENDED)
UNDER_WAY = [D.SENDING, D.RESENDING, D.AWAITING_RECEIPT, D.IN_DOUBT, D.TO_REPEAT]


@dataclass
class Sending:
    """A form for the grid platform."""

    state: DeliveryState
    receipt: Receipt | None = None
    attempts: int = 1
    form: Form = SENT.form
    direction: Direction = Direction.TO_GRID


#: Read from RCPT-1 and RCPT-3 and not from the table: state, effective receipt, receipt that comes → what it is.
EXPECTED = [
    *((state, None, came, R.EFFECTIVE, W.AWAITED) for state in UNDER_WAY for came in (CONFIRMED, ERROR)),
    *((D.WAITING, None, came, R.STRAY, W.NOT_SENT_YET) for came in (CONFIRMED, ERROR)),
    *((D.PARKED, None, came, R.LATE, W.PARKED) for came in (CONFIRMED, ERROR)),
    *((D.ABANDONED, ERROR, came, R.LATE, W.ABANDONED) for came in (CONFIRMED, ERROR, OTHER_ERROR)),
    (D.CONFIRMED, CONFIRMED, CONFIRMED, R.REPEATED, W.DUPLICATE),
    (D.CONFIRMED, CONFIRMED, ERROR, R.CONTRADICTORY, W.ERROR_AFTER_CONFIRMATION),
    (D.CONFIRMED, CONFIRMED, replace(ERROR, fault=None), R.CONTRADICTORY, W.ERROR_AFTER_CONFIRMATION),
    (D.REFUSED, ERROR, ERROR, R.REPEATED, W.DUPLICATE),
    (D.REFUSED, ERROR, CONFIRMED, R.CONTRADICTORY, W.CONFIRMATION_AFTER_ERROR),
    (D.REFUSED, ERROR, OTHER_ERROR, R.CONTRADICTORY, W.ANOTHER_ERROR),
]


@pytest.mark.parametrize(("state", "effective", "came", "standing", "reason"), EXPECTED)
def test_a_receipt_of_a_forms_own_is_what_the_clauses_say(state, effective, came, standing, reason):
    assert classify(Sending(state, effective), came, Side.GRID) == (standing, reason)


def test_the_table_has_a_cell_for_every_state_and_everything_a_receipt_can_say():
    assert {(state, says) for state, row in RECEIPTS.items() for says in row} == set(product(D, Says))
    assert set(MISPLACED) == set(Misplaced)


def test_a_receipt_counts_in_exactly_the_states_that_the_delivery_table_lets_it_move():
    for state, says in product(D, Says):
        happening = Happening.RECEIPT_CONFIRMS if says is Says.CONFIRMS else Happening.RECEIPT_REFUSES
        assert (RECEIPTS[state][says].standing is R.EFFECTIVE) == (happening in DELIVERY[state]), (state, says)


def test_a_refused_form_never_becomes_confirmed():
    """RCPT-3."""
    assert RECEIPTS[D.REFUSED][Says.CONFIRMS].standing is R.CONTRADICTORY
    assert not DELIVERY[D.REFUSED]


def test_every_reason_is_given_somewhere_and_belongs_to_one_standing():
    cells = [*(cell for row in RECEIPTS.values() for cell in row.values()), *MISPLACED.values()]
    standings = {reason: {cell.standing for cell in cells if cell.reason is reason} for reason in W}
    assert all(len(found) == 1 for found in standings.values()), standings


def test_another_moment_or_sentence_does_not_make_a_repetition_a_contradiction():
    later = sample.receipt_for(SENT, at=sample.MONDAY.replace(hour=10), code=ErrorCode.CODE_UNKNOWN)
    reworded = replace(later, fault=replace(later.fault, message_en="no, really"))
    assert classify(Sending(D.REFUSED, ERROR), reworded, Side.GRID).standing is R.REPEATED


@pytest.mark.parametrize(
    ("receipt", "effective", "says"),
    [
        (CONFIRMED, None, Says.CONFIRMS),
        (CONFIRMED, ERROR, Says.CONFIRMS),
        (ERROR, None, Says.REFUSES),
        (ERROR, CONFIRMED, Says.REFUSES),
        (ERROR, ERROR, Says.REFUSES),
        (OTHER_ERROR, ERROR, Says.REFUSES_OTHERWISE),
        (replace(ERROR, fault=None), ERROR, Says.REFUSES_OTHERWISE),
    ],
)
def test_what_a_receipt_says_is_its_decision_beside_the_effective_one(receipt, effective, says):
    assert what_it_says(receipt, effective) is says


@pytest.mark.parametrize(
    ("sending", "receipt", "seen", "reason"),
    [
        (None, CONFIRMED, {"case_known": False}, W.UNKNOWN_CASE),
        (None, CONFIRMED, {}, W.UNKNOWN_FORM),
        (None, CONFIRMED, {"form_case": sample.OTHER_CASE}, W.OTHER_CASE),
        (None, CONFIRMED, {"form_case": sample.OTHER_CASE, "case_known": False}, W.OTHER_CASE),
        (Sending(D.AWAITING_RECEIPT), CONFIRMED, {"given_by": Side.URBAN}, W.WRONG_SIDE),
        (Sending(D.AWAITING_RECEIPT), replace(CONFIRMED, form_type=FormType.CLOSING), {}, W.OTHER_FORM_TYPE),
        (Sending(D.AWAITING_RECEIPT), CONFIRMED, {"in_other_response": True}, W.OTHER_RESPONSE),
        (Sending(D.REFUSED, ERROR, attempts=0), ERROR, {}, W.NEVER_SENT),
        (Sending(D.REFUSED, ERROR, attempts=0), CONFIRMED, {}, W.NEVER_SENT),
    ],
)
def test_a_receipt_that_no_form_waits_for_is_stray_and_says_why(sending, receipt, seen, reason):
    assert classify(sending, receipt, **{"given_by": Side.GRID, **seen}) == (R.STRAY, reason)
