"""What the engine's shell must offer: a store whose unit of work is one input."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from bridge.core.audit import AuditEntry, SealedEntry
from bridge.core.effects import GiveReceipt, KeepReceipt, Notify, Send
from bridge.core.exchange import Exchange
from bridge.vocabulary.messages import CasePage, CaseQuery
from bridge.vocabulary.parties import Party


class JournalEntry(NamedTuple):
    """One line of the journal: an envelope in or out with its bytes, or something that was done without one."""

    at: datetime
    #: `envelope.in`, `envelope.out`, `answer.in`, `answer.out`, or the `what` of a `Record`.
    what: str
    case_number: str | None
    message_id: str | None
    #: The far end, for envelopes.
    party: Party | None = None
    detail: str = ""
    #: The envelope exactly as it was on the wire, credentials blanked.
    envelope: bytes | None = None


class OutboxItem(NamedTuple):
    """A committed sending that is still to be carried out."""

    key: int
    effect: Send | GiveReceipt
    committed_at: datetime


class UnitOfWork(Protocol):
    """One transaction: everything in it is kept, or nothing."""

    def exchange(self, case_number: str) -> Exchange | None:
        """The case, for reading and changing; None when nothing of it has crossed."""

    def save(self, exchange: Exchange) -> None:
        """Keep the case as it is now, new or changed, with the due moments of its deliveries."""

    def case_of_message(self, message_id: str) -> str | None:
        """The case that a form with this message id belongs to."""

    def cases_with_content(self, content_key: str, other_than: str) -> Iterator[str]:
        """The cases received with equal content, other than the given one, the first of them first (EXC-1)."""

    def remember_content(self, content_key: str, case_number: str) -> None:
        """Note a hand-over's content for later comparison."""

    def next_sequence(self) -> int:
        """The next position in the order of hand-overs; strictly growing."""

    def enqueue(self, effects: Iterable[Send | GiveReceipt], at: datetime) -> None:
        """Commit sendings with this unit of work."""

    def finish(self, key: int) -> bool:
        """Take a carried-out sending off the outbox; False when it was taken off before."""

    def journal(self, entries: Iterable[JournalEntry]) -> None:
        """Append to the journal."""

    def notice(self, notices: Iterable[Notify]) -> None:
        """Record notices to contact persons."""

    def keep_receipts(self, kept: Iterable[KeepReceipt]) -> None:
        """Keep receipts that changed nothing (RCPT-3)."""

    def audit(self, entry: AuditEntry) -> None:
        """Append what a person did, sealed onto the line before."""

    def set_aside(self, message_id: str) -> None:
        """Park a form that is under way without reading it or its case, which may be what the engine stumbles over."""

    def token_used(self, token: str, content: str, expires_at: datetime) -> str | None:
        """Note that a token of a caller was used for this content; the content of its first use when this is not it."""

    def forget_tokens(self, before: datetime) -> None:
        """Forget tokens that expired, so that their number stays bounded."""

    def get_value(self, key: str) -> str | None:
        """A small durable value, such as the cursor of the last query."""

    def set_value(self, key: str, value: str) -> None:
        """Keep a small durable value."""


class Store(Protocol):
    """Where the bridge keeps what must survive it."""

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work: commits on leaving, rolls back on an exception. Units of work are serialised."""

    def can_write(self) -> bool:
        """Whether a unit of work could be committed just now; cheap enough to be asked often."""

    def outbox(self, limit: int = 100) -> Sequence[OutboxItem]:
        """Committed sendings not yet carried out, oldest first."""

    def last_in_outbox(self) -> int:
        """The key of the newest of these sendings, 0 when there is none; keys are never given twice."""

    def due_timers(self, until: datetime, limit: int = 100) -> Sequence[tuple[str, str, datetime]]:
        """(case number, message id, due moment) of deliveries whose timer is due, soonest first."""

    def next_due(self) -> datetime | None:
        """The soonest timer of all."""

    def cases(self, query: CaseQuery) -> CasePage:
        """Handed-over cases in their order (XCHG-2); raises `CursorInvalid` for a cursor it never gave."""

    def read_exchange(self, case_number: str) -> Exchange | None:
        """A case for looking at; changes to it are not kept."""

    def last_moment(self) -> datetime | None:
        """The moment of the journal's last line; None while there is none."""

    def read_journal(
        self, case_number: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, JournalEntry]]:
        """Journal entries with their positions, oldest first."""

    def read_notices(self, limit: int = 1000) -> Sequence[Notify]:
        """Recorded notices, oldest first."""

    def read_kept_receipts(self, case_number: str | None = None, limit: int = 1000) -> Sequence[KeepReceipt]:
        """Receipts that changed nothing, the latest `limit` of them, oldest first."""

    def read_audit(self) -> Sequence[SealedEntry]:
        """Everything that people did, oldest first."""

    def under_way(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that have no outcome yet, in order of admission."""

    def parked(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that wait for a person."""

    def close(self) -> None:
        """Let go of files and connections."""
