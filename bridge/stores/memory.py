"""A store that lives as long as its process: for virtual time and for tests of the core.

Within a unit of work `exchange` gives the live object, without a copy; the engine changes it in place. The unit keeps
the few values that a step can change and puts them back when it is left by an exception. `read_exchange` gives a copy.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from operator import attrgetter
from threading import RLock
from types import TracebackType

from bridge.core.audit import BEGINNING, AuditEntry, SealedEntry, seal
from bridge.core.effects import GiveReceipt, KeepReceipt, Notify, Send
from bridge.core.errors import CursorInvalid
from bridge.core.exchange import DeliveryState, Exchange
from bridge.core.ports import JournalEntry, OutboxItem, UnitOfWork
from bridge.vocabulary.messages import CasePage, CaseQuery, HandedOverCase

#: What a step may change in a delivery.
_CHANGEABLE = (
    "state",
    "attempts",
    "due_at",
    "next_step_at",
    "on_its_way_since",
    "uncounted",
    "trouble",
    "receipt",
    "applied",
    "receipts_not_given",
)
_delivery_values = attrgetter(*_CHANGEABLE)
_CASE_CHANGEABLE = (
    "stage",
    "task_number",
    "filing_ordinal",
    "rejections",
    "sequence",
    "first_seen_at",
    "changed_at",
)
_case_values = attrgetter(*_CASE_CHANGEABLE)

_Snapshot = tuple[Exchange, tuple[object, ...], list[tuple[str, tuple[object, ...]]], frozenset[str]]


class MemoryStore:
    """A store in memory. Without `keep_journal` nothing is journaled, so that long simulations stay small."""

    def __init__(self, *, keep_journal: bool = True):
        self._keep_journal = keep_journal
        self._lock = RLock()
        self._exchanges: dict[str, Exchange] = {}
        self._case_of_message: dict[str, str] = {}
        self._indexed: dict[str, int] = {}
        self._cases_by_content: dict[str, list[str]] = {}
        self._sequence = 0
        self._case_at: dict[int, str] = {}
        self._values: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._outbox: dict[int, OutboxItem] = {}
        self._outbox_key = 0
        self._journal: list[JournalEntry] = []
        self._notices: list[Notify] = []
        self._kept: list[KeepReceipt] = []
        self._audit: list[SealedEntry] = []
        #: The due moment of each timer that runs; the heap may hold moments that no longer count.
        self._due: dict[tuple[str, str], datetime] = {}
        self._heap: list[tuple[datetime, str, str]] = []
        self._parked: dict[tuple[str, str], None] = {}

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work; see `bridge.core.ports.Store`."""
        return _Unit(self)

    def can_write(self) -> bool:
        """Memory can always be written."""
        return True

    def outbox(self, limit: int = 100) -> Sequence[OutboxItem]:
        """Committed sendings not yet carried out, oldest first."""
        with self._lock:
            return list(islice(self._outbox.values(), limit))

    def last_in_outbox(self) -> int:
        """The key of the newest of these sendings, 0 when there is none."""
        with self._lock:
            return max(self._outbox, default=0)

    def due_timers(self, until: datetime, limit: int = 100) -> Sequence[tuple[str, str, datetime]]:
        """(case number, message id, due moment) of deliveries whose timer is due, soonest first."""
        with self._lock:
            found: dict[tuple[datetime, str, str], None] = {}
            while len(found) < limit and self._soonest() is not None and self._heap[0][0] <= until:
                found[heapq.heappop(self._heap)] = None
            for entry in found:
                heapq.heappush(self._heap, entry)
            return [(case_number, message_id, due_at) for due_at, case_number, message_id in found]

    def next_due(self) -> datetime | None:
        """The soonest timer of all."""
        with self._lock:
            return self._soonest()

    def cases(self, query: CaseQuery) -> CasePage:
        """Handed-over cases in their order (XCHG-2); raises `CursorInvalid` for a cursor it never gave."""
        with self._lock:
            position = self._position(query.cursor)
            listed: list[HandedOverCase] = []
            more = False
            last = position
            for sequence in range(position + 1, self._sequence + 1):
                case_number = self._case_at.get(sequence)
                exchange = self._exchanges[case_number] if case_number is not None else None
                # A case that was handed over again stands at its last position only.
                if exchange is None or exchange.sequence != sequence:
                    continue
                case = exchange.handed_over()
                if case is None or not _matches(case, query):
                    continue
                if len(listed) == query.page_size:
                    more = True
                    break
                listed.append(case)
                last = sequence
            return CasePage(cases=tuple(listed), next_cursor=str(last), more=more)

    def read_exchange(self, case_number: str) -> Exchange | None:
        """A copy of the case, for looking at."""
        with self._lock:
            exchange = self._exchanges.get(case_number)
            if exchange is None:
                return None
            return replace(
                exchange,
                deliveries={message_id: replace(each) for message_id, each in exchange.deliveries.items()},
                open_matters=set(exchange.open_matters),
            )

    def last_moment(self) -> datetime | None:
        """The moment of the journal's last line; None while there is none."""
        with self._lock:
            return self._journal[-1].at if self._journal else None

    def read_journal(
        self, case_number: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, JournalEntry]]:
        """Journal entries with their positions, oldest first; positions count from 1."""
        with self._lock:
            entries = enumerate(islice(self._journal, after, None), after + 1)
            if case_number is not None:
                entries_of_case = (each for each in entries if each[1].case_number == case_number)
                return list(islice(entries_of_case, limit))
            return list(islice(entries, limit))

    def read_notices(self, limit: int = 1000) -> Sequence[Notify]:
        """Recorded notices, oldest first."""
        with self._lock:
            return self._notices[:limit]

    def read_kept_receipts(self, case_number: str | None = None, limit: int = 1000) -> Sequence[KeepReceipt]:
        """Receipts that changed nothing, the latest `limit` of them, oldest first."""
        with self._lock:
            kept = [each for each in self._kept if case_number in (None, each.receipt.case_number)]
            return kept[-limit:] if limit else []

    def read_audit(self) -> Sequence[SealedEntry]:
        """Everything that people did, oldest first."""
        with self._lock:
            return list(self._audit)

    def under_way(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that have no outcome yet, in order of admission."""
        with self._lock:
            found = [
                (delivery.admitted_at, message_id, case_number)
                for case_number, exchange in self._exchanges.items()
                for message_id, delivery in exchange.deliveries.items()
                if delivery.is_under_way
            ]
            return [(case_number, message_id) for _, message_id, case_number in sorted(found)]

    def parked(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that wait for a person, longest first."""
        with self._lock:
            return list(self._parked)

    def close(self) -> None:
        """Nothing to let go of."""

    def _position(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        # Exactly the digits that `cases` writes: no sign, no leading zero, no other script's digits.
        if cursor.isascii() and cursor.isdigit() and str(int(cursor)) == cursor and int(cursor) <= self._sequence:
            return int(cursor)
        raise CursorInvalid(cursor)

    def _soonest(self) -> datetime | None:
        heap = self._heap
        while heap:
            due_at, case_number, message_id = heap[0]
            if self._due.get((case_number, message_id)) == due_at:
                return due_at
            heapq.heappop(heap)
        return None

    def _index(self, exchange: Exchange) -> None:
        case_number = exchange.case_number
        self._exchanges[case_number] = exchange
        if exchange.sequence is not None:
            self._case_at[exchange.sequence] = case_number
        deliveries = exchange.deliveries
        if self._indexed.get(case_number) != len(deliveries):
            for message_id in deliveries:
                self._case_of_message[message_id] = case_number
            self._indexed[case_number] = len(deliveries)
        for message_id, delivery in deliveries.items():
            key = (case_number, message_id)
            due_at = delivery.due_at
            if due_at is None:
                self._due.pop(key, None)
            elif self._due.get(key) != due_at:
                self._due[key] = due_at
                heapq.heappush(self._heap, (due_at, case_number, message_id))
            if delivery.state is DeliveryState.PARKED:
                self._parked[key] = None
            elif self._parked:
                self._parked.pop(key, None)


class _Unit:
    """One unit of work: keeps its writes to itself until it is left without an exception."""

    def __init__(self, store: MemoryStore):
        self._store = store
        self._taken: dict[str, _Snapshot] = {}
        self._saved: dict[str, Exchange] = {}
        self._sendings: list[tuple[Send | GiveReceipt, datetime]] = []
        self._finished: list[int] = []
        self._entries: list[JournalEntry] = []
        self._notices: list[Notify] = []
        self._kept: list[KeepReceipt] = []
        self._audited: list[AuditEntry] = []
        self._values: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._tokens_forgotten_before: datetime | None = None
        self._contents: list[tuple[str, str]] = []

    def __enter__(self) -> UnitOfWork:
        self._store._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._commit()
            else:
                self._roll_back()
        finally:
            self._store._lock.release()

    def exchange(self, case_number: str) -> Exchange | None:
        """The live case; see `bridge.core.ports.UnitOfWork`."""
        if case_number in self._saved:
            return self._saved[case_number]
        exchange = self._store._exchanges.get(case_number)
        if exchange is not None and case_number not in self._taken:
            self._taken[case_number] = (
                exchange,
                _case_values(exchange),
                [(message_id, _delivery_values(each)) for message_id, each in exchange.deliveries.items()],
                frozenset(exchange.open_matters),
            )
        return exchange

    def save(self, exchange: Exchange) -> None:
        """Keep the case as it is now."""
        self._saved[exchange.case_number] = exchange

    def case_of_message(self, message_id: str) -> str | None:
        """The case that a form with this message id belongs to."""
        for exchange in self._saved.values():
            if message_id in exchange.deliveries:
                return exchange.case_number
        return self._store._case_of_message.get(message_id)

    def cases_with_content(self, content_key: str, other_than: str) -> Iterator[str]:
        """The cases received with equal content, other than the given one, the first of them first (EXC-1)."""
        kept: Sequence[str] = self._store._cases_by_content.get(content_key, ())
        added = [case_number for key, case_number in self._contents if key == content_key]
        return (each for each in chain(kept, added) if each != other_than)

    def remember_content(self, content_key: str, case_number: str) -> None:
        """Note a hand-over's content for later comparison."""
        self._contents.append((content_key, case_number))

    def next_sequence(self) -> int:
        """The next position in the order of hand-overs; strictly growing, with a gap after a rollback."""
        self._store._sequence += 1
        return self._store._sequence

    def enqueue(self, effects: Iterable[Send | GiveReceipt], at: datetime) -> None:
        """Commit sendings with this unit of work."""
        self._sendings.extend((effect, at) for effect in effects)

    def finish(self, key: int) -> bool:
        """Take a carried-out sending off the outbox; False when it was taken off before."""
        if key not in self._store._outbox or key in self._finished:
            return False
        self._finished.append(key)
        return True

    def journal(self, entries: Iterable[JournalEntry]) -> None:
        """Append to the journal, if one is kept."""
        if self._store._keep_journal:
            self._entries.extend(entries)

    def notice(self, notices: Iterable[Notify]) -> None:
        """Record notices to contact persons."""
        self._notices.extend(notices)

    def keep_receipts(self, kept: Iterable[KeepReceipt]) -> None:
        """Keep receipts that changed nothing (RCPT-3)."""
        self._kept.extend(kept)

    def audit(self, entry: AuditEntry) -> None:
        """Append what a person did."""
        self._audited.append(entry)

    def set_aside(self, message_id: str) -> None:
        """Park a form that is under way."""
        exchange = self.exchange(self._store._case_of_message.get(message_id, ""))
        delivery = exchange.deliveries.get(message_id) if exchange is not None else None
        if exchange is not None and delivery is not None and delivery.is_under_way:
            delivery.state, delivery.due_at = DeliveryState.PARKED, None
            self.save(exchange)

    def token_used(self, token: str, content: str, expires_at: datetime) -> str | None:
        """Note a token's first use, and say for what it was."""
        known = self._tokens.get(token) or self._store._tokens.get(token)
        if known is not None:
            return known[0]
        self._tokens[token] = (content, expires_at)
        return None

    def forget_tokens(self, before: datetime) -> None:
        """Forget tokens that expired."""
        self._tokens_forgotten_before = before

    def get_value(self, key: str) -> str | None:
        """A small value that lives as long as the store."""
        return self._values.get(key, self._store._values.get(key))

    def set_value(self, key: str, value: str) -> None:
        """Keep a small value."""
        self._values[key] = value

    def _commit(self) -> None:
        store = self._store
        for exchange in self._saved.values():
            store._index(exchange)
        for key, case_number in self._contents:
            cases = store._cases_by_content.setdefault(key, [])
            if case_number not in cases:
                cases.append(case_number)
        for finished in self._finished:
            store._outbox.pop(finished, None)
        for effect, at in self._sendings:
            store._outbox_key += 1
            store._outbox[store._outbox_key] = OutboxItem(key=store._outbox_key, effect=effect, committed_at=at)
        store._journal.extend(self._entries)
        store._notices.extend(self._notices)
        store._values.update(self._values)
        store._tokens.update(self._tokens)
        if (moment := self._tokens_forgotten_before) is not None:
            store._tokens = {token: use for token, use in store._tokens.items() if use[1] >= moment}
        store._kept.extend(self._kept)
        for entry in self._audited:
            before = store._audit[-1].seal if store._audit else BEGINNING
            store._audit.append(SealedEntry(len(store._audit) + 1, entry, seal(before, entry)))

    def _roll_back(self) -> None:
        for exchange, case_values, deliveries, open_matters in self._taken.values():
            for name, value in zip(_CASE_CHANGEABLE, case_values, strict=True):
                setattr(exchange, name, value)
            exchange.open_matters = set(open_matters)
            before = dict(deliveries)
            for message_id in [each for each in exchange.deliveries if each not in before]:
                del exchange.deliveries[message_id]
            for message_id, values in deliveries:
                for name, value in zip(_CHANGEABLE, values, strict=True):
                    setattr(exchange.deliveries[message_id], name, value)


def _matches(case: HandedOverCase, query: CaseQuery) -> bool:
    if query.state is not None and case.state is not query.state:
        return False
    return query.since is None or case.hand_over.handed_over_at >= query.since
