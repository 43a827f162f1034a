"""Calls between parties as values: what goes out, and the ways in which a call can end.

A machine without I/O says which calls it wants made; a shell makes them over SOAP or over a
simulated network and tells the machine how each one ended.
"""

from dataclasses import dataclass

from bridge.vocabulary.messages import (
    CasePage,
    Fault,
    FormMessage,
    Operation,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side

Message = FormMessage | ReceiptMessage | QueryMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that a machine wants made."""

    #: Unique among the calls of the machine; names the call when it ends.
    key: int
    #: The platform that the message is for; a bridge may stand in its place.
    to: Side
    message: Message

    @property
    def operation(self) -> Operation:
        """The operation of the contract."""
        if isinstance(self.message, FormMessage):
            return Operation.DELIVER_FORM
        if isinstance(self.message, ReceiptMessage):
            return Operation.DELIVER_RECEIPT
        return Operation.QUERY_CASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The far end answered. `receipt` when a form's response holds one, `page` for a query."""

    receipt: Receipt | None = None
    page: CasePage | None = None
    #: Case numbers, empty where not even that can be read, of cases that stood on the page and could not be read here.
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulted:
    """The far end answered with the typed fault: the message surely had no effect."""

    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """The call surely did not arrive: no connection."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Nobody knows whether the call arrived: time-out, cut connection, unreadable answer."""

    detail: str


Ending = Answered | Faulted | NotReached | Unanswered
