"""Which receipt counts: exactly one per form; the rest is kept with its reason and changes nothing (RCPT-1, RCPT-3).

Read a row of `RECEIPTS` aloud as «a receipt that meets a form which is *state* and *says so* is *standing*, because *reason*».
A receipt that meets no form at all, or not the form's own, has a row by what is wrong with it. Both tables are total: there is
no receipt without a row.

Three things that a reader may stumble over:

- Who asks first wins: a misplaced receipt is told by the first reason in the order of `Misplaced`, whatever else is wrong with it.
- A refused form has no row in which it becomes confirmed (RCPT-3). That includes a form that a fault refused: the bridge gave its
  sender the error receipt, and a confirmation that comes after it contradicts that.
- A parked form takes no receipt. The person who releases it sends it once more under the same id, and the recipient answers
  a repetition with the receipt that counts; an early one would be believed although nobody knows which sending it answers.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from bridge.rules.delivery import DeliveryState
from bridge.vocabulary.codes import ReceiptOutcome
from bridge.vocabulary.forms import Form
from bridge.vocabulary.messages import Receipt
from bridge.vocabulary.parties import Direction, Side


class ReceiptStanding(StrEnum):
    """What a receipt is, seen from the form that it names."""

    #: 有效: the one that decides.
    EFFECTIVE = "effective"
    #: 重复: says again what the effective one said.
    REPEATED = "repeated"
    #: 迟到: the form was parked or ended by a person before it came.
    LATE = "late"
    #: 矛盾: says something else than the effective one.
    CONTRADICTORY = "contradictory"
    #: 无主: no form is waiting for it.
    STRAY = "stray"


class ReceiptReason(StrEnum):
    """Why a receipt stands as it does; one code for each row that differs in what an operator would look at."""

    #: 表单正待此回执: the form was waiting for it.
    AWAITED = "awaited"
    #: 与有效回执相同.
    DUPLICATE = "duplicate"
    #: 已确认,又称出错: the form is confirmed, this receipt is an error.
    ERROR_AFTER_CONFIRMATION = "error_after_confirmation"
    #: 已退回,又称确认: the form is refused, this receipt confirms.
    CONFIRMATION_AFTER_ERROR = "confirmation_after_error"
    #: 已退回,又称另一差错: the form is refused for another reason.
    ANOTHER_ERROR = "another_error"
    #: 表单已挂起.
    PARKED = "parked"
    #: 表单已由人工终止.
    ABANDONED = "abandoned"
    #: 表单尚未发出: an earlier form of the case is under way, this one was never sent.
    NOT_SENT_YET = "not_sent_yet"
    #: 表单未经发送即被对接桥退回.
    NEVER_SENT = "never_sent"
    #: 案卷不存在.
    UNKNOWN_CASE = "unknown_case"
    #: 案卷没有此报文标识的表单.
    UNKNOWN_FORM = "unknown_form"
    #: 表单属于另一案卷.
    OTHER_CASE = "other_case"
    #: 表单是另一类型.
    OTHER_FORM_TYPE = "other_form_type"
    #: 回执并非来自表单的接收方.
    WRONG_SIDE = "wrong_side"
    #: 出现在另一表单的应答中.
    OTHER_RESPONSE = "other_response"


class Says(StrEnum):
    """What a receipt says, next to what the effective one said, if there is one."""

    #: 确认.
    CONFIRMS = "confirms"
    #: 出错; where there is an effective error, the same code.
    REFUSES = "refuses"
    #: 出错, with another code than the effective error.
    REFUSES_OTHERWISE = "refuses_otherwise"


class Standing(NamedTuple):
    """A cell of the table."""

    standing: ReceiptStanding
    reason: ReceiptReason


class Misplaced(StrEnum):
    """Ways in which a receipt meets no form of its own, in the order in which they are looked for."""

    #: It stood in the response to another form. A response holds the receipt of its own form only.
    OTHER_RESPONSE = "other_response"
    #: Nothing of the case has ever crossed.
    UNKNOWN_CASE = "unknown_case"
    #: The case is known, the message id is not.
    UNKNOWN_FORM = "unknown_form"
    #: The message id belongs to a form of another case.
    OTHER_CASE = "other_case"
    #: It comes from the form's own sender.
    WRONG_SIDE = "wrong_side"
    #: It names another form type than the form's.
    OTHER_FORM_TYPE = "other_form_type"
    #: The form was refused at the door.
    NEVER_SENT = "never_sent"


def _always(standing: ReceiptStanding, reason: ReceiptReason) -> Mapping[Says, Standing]:
    return {says: Standing(standing, reason) for says in Says}


_AWAITED = _always(ReceiptStanding.EFFECTIVE, ReceiptReason.AWAITED)
_REPEATED = Standing(ReceiptStanding.REPEATED, ReceiptReason.DUPLICATE)

RECEIPTS: Mapping[DeliveryState, Mapping[Says, Standing]] = {
    DeliveryState.WAITING: _always(ReceiptStanding.STRAY, ReceiptReason.NOT_SENT_YET),
    DeliveryState.SENDING: _AWAITED,
    DeliveryState.RESENDING: _AWAITED,
    DeliveryState.AWAITING_RECEIPT: _AWAITED,
    DeliveryState.IN_DOUBT: _AWAITED,
    DeliveryState.TO_REPEAT: _AWAITED,
    DeliveryState.PARKED: _always(ReceiptStanding.LATE, ReceiptReason.PARKED),
    DeliveryState.CONFIRMED: {
        Says.CONFIRMS: _REPEATED,
        Says.REFUSES: Standing(ReceiptStanding.CONTRADICTORY, ReceiptReason.ERROR_AFTER_CONFIRMATION),
        Says.REFUSES_OTHERWISE: Standing(ReceiptStanding.CONTRADICTORY, ReceiptReason.ERROR_AFTER_CONFIRMATION),
    },
    DeliveryState.REFUSED: {
        Says.CONFIRMS: Standing(ReceiptStanding.CONTRADICTORY, ReceiptReason.CONFIRMATION_AFTER_ERROR),
        Says.REFUSES: _REPEATED,
        Says.REFUSES_OTHERWISE: Standing(ReceiptStanding.CONTRADICTORY, ReceiptReason.ANOTHER_ERROR),
    },
    DeliveryState.ABANDONED: _always(ReceiptStanding.LATE, ReceiptReason.ABANDONED),
}

MISPLACED: Mapping[Misplaced, Standing] = {
    misplaced: Standing(ReceiptStanding.STRAY, ReceiptReason(misplaced.value)) for misplaced in Misplaced
}


class SentForm(Protocol):
    """What has to be known of a form to judge a receipt for it."""

    @property
    def form(self) -> Form:
        """The form."""

    @property
    def direction(self) -> Direction:
        """Which way it travels."""

    @property
    def state(self) -> DeliveryState:
        """Where it stands."""

    @property
    def attempts(self) -> int:
        """Sendings begun so far."""

    @property
    def receipt(self) -> Receipt | None:
        """The effective receipt, once there is one."""


def classify(
    sent: SentForm | None,
    receipt: Receipt,
    given_by: Side,
    *,
    case_known: bool = True,
    form_case: str | None = None,
    in_other_response: bool = False,
) -> Standing:
    """The receipt's standing and its reason.

    `sent` is the form of the receipt's case with the id that the receipt names, `form_case` the case that this id belongs to
    when it is another one.
    """
    misplaced = _misplaced(sent, receipt, given_by, case_known, form_case, in_other_response)
    if misplaced is None and sent is not None:
        return RECEIPTS[sent.state][what_it_says(receipt, sent.receipt)]
    return MISPLACED[misplaced or Misplaced.UNKNOWN_FORM]


def _misplaced(
    sent: SentForm | None,
    receipt: Receipt,
    given_by: Side,
    case_known: bool,
    form_case: str | None,
    in_other_response: bool,
) -> Misplaced | None:
    if in_other_response:
        return Misplaced.OTHER_RESPONSE
    if sent is None:
        if form_case is not None:
            return Misplaced.OTHER_CASE
        return Misplaced.UNKNOWN_FORM if case_known else Misplaced.UNKNOWN_CASE
    if given_by is not sent.direction.recipient:
        return Misplaced.WRONG_SIDE
    if receipt.form_type is not sent.form.form_type:
        return Misplaced.OTHER_FORM_TYPE
    if sent.state is DeliveryState.REFUSED and sent.attempts == 0:
        return Misplaced.NEVER_SENT
    return None


def what_it_says(receipt: Receipt, effective: Receipt | None) -> Says:
    """What the receipt says; moments and sentences may differ in a repetition, the decision may not."""
    if receipt.outcome is ReceiptOutcome.CONFIRMED:
        return Says.CONFIRMS
    if effective is None or effective.outcome is ReceiptOutcome.CONFIRMED:
        return Says.REFUSES
    code = receipt.fault.code if receipt.fault else None
    effective_code = effective.fault.code if effective.fault else None
    return Says.REFUSES if code is effective_code else Says.REFUSES_OTHERWISE
