"""What can happen to the bridge. Moments come with the input; the engine never asks the time."""

from datetime import datetime, timedelta
from typing import NamedTuple

from bridge.vocabulary.messages import Fault, FormMessage, Receipt
from bridge.vocabulary.parties import Side


class DocumentReceived(NamedTuple):
    """A platform delivered a form, or a query to it showed one (`by_query`)."""

    side: Side
    message: FormMessage
    fingerprint: str
    at: datetime
    by_query: bool = False
    #: The case that this message id already belongs to, if any (looked up by the shell).
    known_case: str | None = None
    #: For hand-overs and filings: a case received before with equal description and photos, if any (EXC-1).
    same_content_case: str | None = None


class ReceiptReceived(NamedTuple):
    """A platform gave a receipt: as a call of its own, or in the response to a sending."""

    #: The platform that gave it.
    side: Side
    receipt: Receipt
    at: datetime
    #: Where the case of the receipt has no such form: the case that its message id belongs to, if any (looked up by the shell).
    form_case: str | None = None
    #: It stood in the response to another form than the one it names.
    in_other_response: bool = False


class SendSucceeded(NamedTuple):
    """The recipient answered the sending. Its receipt, if it came in the response, follows as `ReceiptReceived`."""

    case_number: str
    message_id: str
    #: Which sending it was; the end of an earlier one than the last says nothing any more.
    attempt: int
    at: datetime


class SendRefused(NamedTuple):
    """The sending surely had no effect: no connection, or a fault that says so."""

    case_number: str
    message_id: str
    #: Which sending it was; the end of an earlier one than the last says nothing any more.
    attempt: int
    at: datetime
    #: The fault, when the recipient gave one.
    fault: Fault | None = None


class SendUnanswered(NamedTuple):
    """Nobody knows whether the sending arrived: time-out, cut connection, unreadable answer (RCPT-5)."""

    case_number: str
    message_id: str
    #: Which sending it was; the end of an earlier one than the last says nothing any more.
    attempt: int
    at: datetime
    detail: str


class SendCutOff(NamedTuple):
    """The bridge went down before the sending ended, and its outbox had it made again: the first time may have arrived (RCPT-5)."""

    case_number: str
    message_id: str
    #: Which sending it was; the end of an earlier one than the last says nothing any more.
    attempt: int
    at: datetime


class ReceiptNotGiven(NamedTuple):
    """The sender of a form did not answer the call that brought it the receipt."""

    case_number: str
    message_id: str
    at: datetime


class TimerFired(NamedTuple):
    """The due moment of a delivery has come."""

    case_number: str
    message_id: str
    at: datetime


class ClockSetBack(NamedTuple):
    """The clock was set back: what was to come at a moment of its old time comes as much earlier (RCPT-5)."""

    case_number: str
    message_id: str
    by: timedelta
    at: datetime


class OperatorDecided(NamedTuple):
    """A person acts on a delivery, always under its message id.

    `park` stops one that is under way, `release` lets a parked one go on, `resend` sends one that waits now, `abandon` ends a
    parked one.
    """

    case_number: str
    message_id: str
    act: str
    operator: str
    reason: str
    at: datetime


Input = (
    DocumentReceived
    | ReceiptReceived
    | SendSucceeded
    | SendRefused
    | SendUnanswered
    | SendCutOff
    | ReceiptNotGiven
    | TimerFired
    | ClockSetBack
    | OperatorDecided
)
