"""What the bridge wants done. The shell commits the state, these wishes and the journal together, then carries them out.

Effects and inputs are named tuples: several are made in every step, and a frozen dataclass costs twice as much.
"""

from datetime import datetime
from typing import NamedTuple

from bridge.vocabulary.codes import ContactDuty, NoticeKind, NoticePhase
from bridge.vocabulary.messages import FormMessage, Receipt
from bridge.vocabulary.parties import Side


class Send(NamedTuple):
    """Deliver this form to the platform on `to`; the header carries the attempt."""

    to: Side
    message: FormMessage


class GiveReceipt(NamedTuple):
    """Hand this receipt to the platform on `to`: in the waiting response if there is one, else as a call of its own."""

    to: Side
    receipt: Receipt


class SetTimer(NamedTuple):
    """Fire `TimerFired` for this delivery at `due_at`; None takes a timer away."""

    case_number: str
    message_id: str
    due_at: datetime | None


class Notify(NamedTuple):
    """Tell the contact person on this duty, once when a matter starts and once when it is over (CONT-2)."""

    duty: ContactDuty
    kind: NoticeKind
    phase: NoticePhase
    #: Empty where the matter is no case's.
    case_number: str
    text_zh: str
    text_en: str
    at: datetime
    related_case_number: str | None = None


class Record(NamedTuple):
    """Keep in the journal what an input did or why it did nothing (RCPT-3)."""

    case_number: str
    message_id: str | None
    #: One word for the kind of entry, such as `form.admitted`, `receipt.late`, `receipt.stray`.
    what: str
    detail: str
    at: datetime


class KeepReceipt(NamedTuple):
    """Keep a receipt that changed nothing, with what it was and why (RCPT-3)."""

    given_by: Side
    receipt: Receipt
    #: Words of `bridge.rules.receipts`.
    standing: str
    reason: str
    at: datetime


Effect = Send | GiveReceipt | SetTimer | Notify | Record | KeepReceipt
