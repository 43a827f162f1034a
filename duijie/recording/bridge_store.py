"""The journal of a bridge as a trace: every envelope that it took and sent, with the answers, in the order in which it wrote them down."""

import sqlite3
from collections import deque
from contextlib import closing
from pathlib import Path

from bridge.core.ports import JournalEntry
from bridge.stores.sql import SqlStore, StoreNotOpened
from bridge.vocabulary.calls import Unanswered
from bridge.vocabulary.parties import Party
from conformance.observe.soap import read_request, read_response
from conformance.oracle.trace import Trace
from duijie.exits import UserMistake

#: Entries that are read at one time.
_PAGE = 2_000


def trace_in_store(path: Path) -> Trace:
    """What crossed the bridge with this SQLite store; raises `UserMistake` when it is none."""
    if not _has_journal(path):
        raise UserMistake(f"{path} 不是对接桥的存储", f"{path} is no store of a bridge")
    try:
        store = SqlStore(f"sqlite:///{path}")
    except StoreNotOpened as closed:
        raise UserMistake(closed.message_zh, closed.message_en) from None
    try:
        reader, after = _Reader(), 0
        while page := store.read_journal(after=after, limit=_PAGE):
            after = page[-1][0]
            for _, entry in page:
                reader.take(entry)
        return reader.end()
    finally:
        store.close()


def _has_journal(path: Path) -> bool:
    """Whether the tables of a bridge are there; looking changes nothing, while opening a store would make them."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as there:
            found = {name for (name,) in there.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error:
        return False
    return {"journal", "alembic_version"} <= found


class _Reader:
    """Puts envelopes and their answers together: of one far end and one message they follow each other."""

    def __init__(self) -> None:
        self._trace = Trace()
        #: Calls that have no answer yet, by whether they came in, far end and message.
        self._open: dict[tuple[bool, Party, str | None], deque[int]] = {}

    def take(self, entry: JournalEntry) -> None:
        """The next line of the journal."""
        what, _, way = entry.what.partition(".")
        if (
            entry.envelope is None
            or entry.party is None
            or what not in ("envelope", "answer")
            or way not in ("in", "out")
        ):
            return
        # An answer goes out for what came in.
        came_in = (way == "in") == (what == "envelope")
        key = (came_in, entry.party, entry.message_id)
        if what == "envelope":
            message = read_request(entry.envelope)
            if message is None:
                self._trace.unread(
                    entry.at, **{"from": entry.party.value, "to": Party.BRIDGE.value, "detail": entry.detail}
                )
                return
            sender, to = (entry.party, Party.BRIDGE) if came_in else (Party.BRIDGE, entry.party)
            number = self._trace.call(sender, to, message, entry.at)
            self._open.setdefault(key, deque()).append(number)
            return
        waiting = self._open.get(key)
        if waiting:
            self._trace.answer(waiting.popleft(), read_response(entry.envelope), entry.at)

    def end(self) -> Trace:
        """The whole trace; a call of which no answer was written down ended without one."""
        at = self._trace.end_at
        for waiting in self._open.values():
            for number in waiting:
                if at is not None:
                    self._trace.answer(number, Unanswered(detail="no answer in the journal"), at)
        return self._trace
