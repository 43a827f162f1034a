"""The delivery machine: how one form comes to its one receipt (RCPT-4, RCPT-5, RCPT-6).

Read a row aloud as «while a form is *state*, and *this* happens, it becomes *state* and the bridge does *that*». What
is not in a row changes nothing; it is recorded.

What a reader may stumble over:

- A receipt may overtake the answer to the sending it belongs to, so it is effective while the form is still SENDING.
- A fault says that *this* sending had no effect. While RESENDING, an earlier sending of the same form may have arrived,
  so a fault cannot refuse the form any more, nor a broken connection prove that nothing arrived: nobody knows the
  outcome. The form stays in doubt, or a person decides.
- A parked form ignores receipts (RCPT-3): the person who releases it sends it once more under the same id, and the
  recipient answers a repetition with the receipt that counts.

- A fault that does not accept the *bridge's account* says nothing about the form. No form is refused for it: it waits and is
  tried again without end, no sending of that kind counts as an attempt, and the person who looks after accounts is told.
- A bridge that went down finds its sendings in the outbox and makes them again. It may have been about to read an answer, so
  from then on such a sending is one of which an earlier one may have arrived.
- A person may park a form while a call with it is under way. The call is finished; how it ends changes nothing any more.

Forms that the bridge refuses at the door are kept too, so that their repetition gets the same receipt; they start in
REFUSED and never move.
"""

from collections.abc import Mapping
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where one form stands on its way."""

    #: 排队: admitted, an earlier form of the case and direction is still under way.
    WAITING = "waiting"
    #: 发送中: handed to the transport, no answer yet; no earlier sending can have arrived.
    SENDING = "sending"
    #: 重发中: the same, but an earlier sending may have arrived.
    RESENDING = "resending"
    #: 待回执: the recipient acknowledged arrival, its receipt is to come.
    AWAITING_RECEIPT = "awaiting_receipt"
    #: 存疑: nobody knows whether the sending arrived or what became of it; it is repeated with the same id.
    IN_DOUBT = "in_doubt"
    #: 待重发: surely not arrived, or the recipient asked for the same again; waits for its gap.
    TO_REPEAT = "to_repeat"
    #: 挂起: attempts or time are used up, or a person stopped it; a person decides. Nothing is dropped.
    PARKED = "parked"
    #: 已确认: the effective receipt confirms arrival. Final.
    CONFIRMED = "confirmed"
    #: 已退回: the effective receipt is an error. Final.
    REFUSED = "refused"
    #: 人工终止: an operator ended the attempt; the sender was told with an error receipt. Final.
    ABANDONED = "abandoned"


class Happening(StrEnum):
    """What can happen to a form on its way."""

    #: No earlier form of the case and direction is under way any more.
    ITS_TURN = "its_turn"
    #: The recipient acknowledged the sending without a receipt.
    ACKNOWLEDGED = "acknowledged"
    #: The sending surely had no effect and may be repeated: no connection, or a fault that asks for the same again.
    NOT_TAKEN = "not_taken"
    #: Nobody knows whether this sending arrived.
    UNANSWERED = "unanswered"
    #: The bridge went down before the sending ended: nobody knows whether it had left.
    CUT_OFF = "cut_off"
    #: A fault refuses the form: this sending surely had no effect, and the same again is of no use.
    FAULTED = "faulted"
    #: A fault does not accept the bridge's account or party code: it says nothing about the form.
    SHUT_OUT = "shut_out"
    #: The receipt did not come in time.
    OVERDUE = "overdue"
    #: The gap before the next sending is over.
    GAP_OVER = "gap_over"
    #: Another sending is due, but all are used up.
    ATTEMPTS_USED_UP = "attempts_used_up"
    #: The form has been on its way for as long as the profile allows.
    TIME_USED_UP = "time_used_up"
    #: A receipt for this form confirms arrival.
    RECEIPT_CONFIRMS = "receipt_confirms"
    #: A receipt for this form is an error.
    RECEIPT_REFUSES = "receipt_refuses"
    #: A person stops a form that is under way.
    HELD = "held"
    #: A person lets the parked form go out once more.
    RELEASED = "released"
    #: A person has a form that waits sent again now.
    RESENT = "resent"
    #: A person ends the attempt.
    ABANDONED = "abandoned"


class Action(StrEnum):
    """What the bridge does on the way into the new state."""

    #: Begin a sending: same message id, attempt one higher.
    SEND = "send"
    #: Nothing more: the outbox has the sending made again, same message id, same attempt.
    GO_ON = "go_on"
    #: Set the timer for the receipt.
    AWAIT_RECEIPT = "await_receipt"
    #: Set the timer for the gap, or park when the attempts are used up.
    WAIT_FOR_GAP = "wait_for_gap"
    #: Set the timer for the gap; the sending does not count as an attempt.
    WAIT_FOR_ACCOUNT = "wait_for_account"
    #: Tell the contact person (CONT-2).
    TELL_CONTACT = "tell_contact"
    #: Hand the recipient's receipt on to the sender, unchanged.
    HAND_RECEIPT_ON = "hand_receipt_on"
    #: Give the sender an error receipt made by the bridge.
    ANSWER_WITH_ERROR = "answer_with_error"


Row = Mapping[Happening, tuple[DeliveryState, Action]]

_RECEIPT: dict[Happening, tuple[DeliveryState, Action]] = {
    Happening.RECEIPT_CONFIRMS: (DeliveryState.CONFIRMED, Action.HAND_RECEIPT_ON),
    Happening.RECEIPT_REFUSES: (DeliveryState.REFUSED, Action.HAND_RECEIPT_ON),
}
_HELD: dict[Happening, tuple[DeliveryState, Action]] = {
    Happening.HELD: (DeliveryState.PARKED, Action.TELL_CONTACT),
}
_TIME_USED_UP: dict[Happening, tuple[DeliveryState, Action]] = {
    Happening.TIME_USED_UP: (DeliveryState.PARKED, Action.TELL_CONTACT),
}
DELIVERY: Mapping[DeliveryState, Row] = {
    DeliveryState.WAITING: {
        Happening.ITS_TURN: (DeliveryState.SENDING, Action.SEND),
    },
    DeliveryState.SENDING: {
        Happening.ACKNOWLEDGED: (DeliveryState.AWAITING_RECEIPT, Action.AWAIT_RECEIPT),
        Happening.NOT_TAKEN: (DeliveryState.TO_REPEAT, Action.WAIT_FOR_GAP),
        Happening.UNANSWERED: (DeliveryState.IN_DOUBT, Action.WAIT_FOR_GAP),
        Happening.CUT_OFF: (DeliveryState.RESENDING, Action.GO_ON),
        Happening.FAULTED: (DeliveryState.REFUSED, Action.ANSWER_WITH_ERROR),
        Happening.SHUT_OUT: (DeliveryState.TO_REPEAT, Action.WAIT_FOR_ACCOUNT),
        **_HELD,
        **_RECEIPT,
    },
    DeliveryState.RESENDING: {
        Happening.ACKNOWLEDGED: (DeliveryState.AWAITING_RECEIPT, Action.AWAIT_RECEIPT),
        Happening.NOT_TAKEN: (DeliveryState.IN_DOUBT, Action.WAIT_FOR_GAP),
        Happening.UNANSWERED: (DeliveryState.IN_DOUBT, Action.WAIT_FOR_GAP),
        Happening.FAULTED: (DeliveryState.PARKED, Action.TELL_CONTACT),
        Happening.SHUT_OUT: (DeliveryState.IN_DOUBT, Action.WAIT_FOR_ACCOUNT),
        **_HELD,
        **_RECEIPT,
    },
    DeliveryState.AWAITING_RECEIPT: {
        Happening.OVERDUE: (DeliveryState.IN_DOUBT, Action.WAIT_FOR_GAP),
        Happening.RESENT: (DeliveryState.RESENDING, Action.SEND),
        **_TIME_USED_UP,
        **_HELD,
        **_RECEIPT,
    },
    DeliveryState.IN_DOUBT: {
        Happening.GAP_OVER: (DeliveryState.RESENDING, Action.SEND),
        Happening.RESENT: (DeliveryState.RESENDING, Action.SEND),
        Happening.ATTEMPTS_USED_UP: (DeliveryState.PARKED, Action.TELL_CONTACT),
        **_TIME_USED_UP,
        **_HELD,
        **_RECEIPT,
    },
    DeliveryState.TO_REPEAT: {
        Happening.GAP_OVER: (DeliveryState.SENDING, Action.SEND),
        Happening.RESENT: (DeliveryState.SENDING, Action.SEND),
        Happening.ATTEMPTS_USED_UP: (DeliveryState.PARKED, Action.TELL_CONTACT),
        **_TIME_USED_UP,
        **_HELD,
        **_RECEIPT,
    },
    # What was known of earlier sendings is not kept while parked, so a released form is taken to be in doubt.
    DeliveryState.PARKED: {
        Happening.RELEASED: (DeliveryState.RESENDING, Action.SEND),
        Happening.ABANDONED: (DeliveryState.ABANDONED, Action.ANSWER_WITH_ERROR),
    },
    DeliveryState.CONFIRMED: {},
    DeliveryState.REFUSED: {},
    DeliveryState.ABANDONED: {},
}

#: States that nothing leads out of; everything else is under way and holds back the forms behind it (RCPT-4).
FINAL_STATES = frozenset(state for state, row in DELIVERY.items() if not row)

#: What the one timer of a form means in each state that has one.
TIMER_MEANS: Mapping[DeliveryState, Happening] = {
    DeliveryState.AWAITING_RECEIPT: Happening.OVERDUE,
    DeliveryState.IN_DOUBT: Happening.GAP_OVER,
    DeliveryState.TO_REPEAT: Happening.GAP_OVER,
}

#: Under way, and perhaps known to the recipient already: its answers may build on the form (`bridge.rules.lifecycle`).
MAY_HAVE_ARRIVED = frozenset(
    {
        DeliveryState.SENDING,
        DeliveryState.RESENDING,
        DeliveryState.AWAITING_RECEIPT,
        DeliveryState.IN_DOUBT,
        DeliveryState.PARKED,
    }
)
