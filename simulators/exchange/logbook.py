"""How a simulated platform survives: every input to its machine is written down before the answer leaves.

A machine says the same things again when the same things happen to it again, so the list of what
happened is all that needs keeping. After a restart a new machine is taken through the list.

    input ──► machine ──► entry committed ──► answer leaves, calls go out

A call that was begun and whose end was not written down has ended in silence: the machine is told
`Unanswered`, and does what RCPT-5 says. A call that was not begun is made.

When an entry cannot be written, because the disk is full or the file is locked, the input did not happen: whoever gave it is
told so (`LogbookUnavailable`), and the machine is taken through the list anew, so that it is never ahead of it. While that lasts
every further input is refused by one small trial of the file, without taking the machine anywhere.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Message, Unanswered
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.messages import Fault, FormMessage, Header, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.errors import ActRefused
from simulators.exchange.plain import from_plain, to_plain

_FORMAT = "1"

#: A file that somebody else has locked is waited for so long. Everything of the platform waits with it, so it is short.
LOCKED_SECONDS = 1.0

#: A machine that could not be brought back wants to be woken at once, and again until it can.
_AT_ONCE = datetime.min.replace(tzinfo=SHANGHAI)


class Machine(Protocol):
    """A platform as a pure machine; moments come in with the calls."""

    side: Side

    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        """Somebody calls the platform."""

    def call_ended(self, key: int, ending: Ending, now: datetime) -> None:
        """A call of the platform's own has ended."""

    def outgoing(self) -> list[Call]:
        """Hand out the calls to make now, in order, each once."""

    def next_due(self) -> datetime | None:
        """Say the next moment at which `wake` has something to do."""

    def wake(self, now: datetime) -> None:
        """Do what is due."""

    def restarted(self, now: datetime) -> None:
        """The process that the platform runs in went down and is up again, with everything that was written down."""

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Let one of the platform's people do something; raises `ActRefused`."""

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """Answer a question about the platform's state, changing nothing; raises `AskRefused`."""

    def locked_out(self, source: str, until: datetime, now: datetime) -> None:
        """Callers from an address are not heard for a while, because wrong passwords came from there."""

    def heard_again(self, source: str, now: datetime) -> None:
        """Such a lock is over."""


class LogbookUnusable(Exception):
    """The file cannot hold this platform's logbook."""

    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{message_zh} / {message_en}")


class LogbookUnavailable(Exception):
    """Nothing can be written down just now, so nothing was done; the same may be tried again later."""

    def __init__(self, reason: str):
        self.message_zh = f"状态文件暂时不可写({reason}),未产生任何影响,请稍后原样重试。"
        self.message_en = (
            f"The state file cannot be written just now ({reason}); nothing was done, try the same again later."
        )
        super().__init__(self.message_en)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a machine."""

    kind: str
    at: datetime
    content: Mapping[str, Any]


class Logbook:
    """The list of inputs: in a file that survives a crash, or in memory when there is none.

    `owner` says whose logbook it is and from which seed; a file that belongs to another owner is refused,
    because its inputs would mean something else.
    """

    def __init__(self, path: Path | None = None, owner: str = ""):
        self._memory: list[Entry] = []
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._database: sqlite3.Connection | None = None
        if path is not None:
            self._database = _opened(path, owner)

    def append(self, entry: Entry) -> None:
        """Write an entry down; it is safe when this returns."""
        if self._database is None:
            self._memory.append(entry)
            return
        content = json.dumps({name: to_plain(value) for name, value in entry.content.items()}, ensure_ascii=False)
        with _available(), self._database:
            self._database.execute(
                "INSERT INTO entry (kind, at, content) VALUES (?, ?, ?)", (entry.kind, entry.at.isoformat(), content)
            )

    def try_out(self) -> None:
        """Write something that changes nothing; raises `LogbookUnavailable` when not even that can be written."""
        if self._database is not None:
            with _available(), self._database:
                self._database.execute("UPDATE owner SET name = name")

    def entries(self) -> Iterator[Entry]:
        """Read everything back, oldest first; raises `LogbookUnavailable`."""
        with _available():
            yield from self._entries()

    def _entries(self) -> Iterator[Entry]:
        if self._database is None:
            yield from list(self._memory)
            return
        for kind, at, content in self._database.execute("SELECT kind, at, content FROM entry ORDER BY number"):
            yield Entry(
                kind, datetime.fromisoformat(at), {name: _value(kept) for name, kept in json.loads(content).items()}
            )

    def use_token(self, key: str, content: str, until: datetime, now: datetime) -> str | None:
        """Keep what a caller's token is first used for, until it is stale; None the first time, then what that was.

        No input of the machine's: what it stops never comes so far.
        """
        if self._database is None:
            self._forget_stale(now)
            first = self._tokens.get(key)
            if first is None:
                self._tokens[key] = (content, until)
            return None if first is None else first[0]
        with _available(), self._database:
            known = self._database.execute("SELECT content FROM token WHERE key = ?", (key,)).fetchone()
            if known is not None:
                return str(known[0])
            self._database.execute("DELETE FROM token WHERE until < ?", (now.timestamp(),))
            self._database.execute("INSERT INTO token VALUES (?, ?, ?)", (key, content, until.timestamp()))
        return None

    def _forget_stale(self, now: datetime) -> None:
        """Let go of the oldest tokens as far as they are stale: they came about in the order in which they become so."""
        while self._tokens:
            oldest = next(iter(self._tokens))
            if self._tokens[oldest][1] >= now:
                return
            del self._tokens[oldest]

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LogbookUnavailable(str(error)) from error


def _value(kept: Any) -> Any:
    return from_plain(kept) if isinstance(kept, dict) and "is" in kept else kept


def _opened(path: Path, owner: str) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, check_same_thread=False, timeout=LOCKED_SECONDS)
        # FULL: a committed entry is on the disk, also when the machine loses its power.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        with database:
            database.execute("CREATE TABLE IF NOT EXISTS owner (format TEXT, name TEXT)")
            database.execute("CREATE TABLE IF NOT EXISTS token (key TEXT PRIMARY KEY, content TEXT, until REAL)")
            # Stale ones are looked for at each new one.
            database.execute("CREATE INDEX IF NOT EXISTS token_until ON token (until)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, kind TEXT, at TEXT, content TEXT)"
            )
            known = database.execute("SELECT format, name FROM owner").fetchone()
            if known is None:
                database.execute("INSERT INTO owner VALUES (?, ?)", (_FORMAT, owner))
    except sqlite3.Error as error:
        raise LogbookUnusable(
            f"状态文件 {path} 无法使用:{error}。", f"The state file {path} cannot be used: {error}."
        ) from None
    if known is not None and known != (_FORMAT, owner):
        database.close()
        raise LogbookUnusable(
            f"状态文件 {path} 属于「{known[1]}」,不是「{owner}」;请换一个文件或用原来的设置启动。",
            f"The state file {path} belongs to {known[1]!r}, not {owner!r}; use another file, or start as before.",
        )
    return database


class Keeper:
    """A machine and its logbook: takes inputs one at a time, and brings the machine back after a restart.

    Beside the machine it remembers forms that never reached it, because their body was not as the contract
    says: each has its error receipt for ever, like any other form (RCPT-1, RCPT-6).

    Not for use by several threads at once.
    """

    def __init__(self, make: Callable[[], Machine], logbook: Logbook):
        self._make = make
        self._logbook = logbook
        self.machine = make()
        #: Entries taken in so far.
        self.count = 0
        #: The moment of the latest input; time never goes back for a machine.
        self.latest: datetime | None = None
        self._waiting: dict[int, Call] = {}
        #: Calls that were handed out and not begun: they stay in the hands of whoever makes them.
        self._handed_out: set[int] = set()
        self._begun: set[int] = set()
        #: True from an entry that could not be written to the next one that can.
        self._is_stuck = False
        #: True while the machine is not where the logbook ends.
        self._is_astray = False
        self._taken_ids: set[str] = set()
        self._unread: dict[str, tuple[str, Receipt]] = {}
        #: Addresses that are locked out, and until when.
        self.locks: dict[str, datetime] = {}
        self._replay()

    # ── inputs ──────────────────────────────────────────────────────────────────────────────────

    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        """Somebody calls with a message that is as the contract says."""
        answer: Answered | Faulted = self._take("received", now, message=message)
        return answer

    def unreadable(self, header: Header, fault: Fault, digest: str, now: datetime) -> Answered | Faulted:
        """Somebody delivers a form whose body is not as the contract says: an error receipt, always the same one."""
        answer: Answered | Faulted = self._take("unreadable", now, header=header, fault=fault, digest=digest)
        return answer

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Let one of the platform's people do something; a refused attempt is written down too."""
        result: dict[str, Any] = self._take("act", now, name=name, params=dict(params), by=by)
        return result

    def wake(self, now: datetime) -> None:
        """Let the machine do what is due."""
        self._take("woken", now)

    def begin(self, key: int, now: datetime) -> None:
        """Write down that a call is being made; from here on nobody can say that it was not."""
        self._take("begun", now, key=key)

    def end(self, key: int, ending: Ending, now: datetime) -> None:
        """Tell the machine how a call ended."""
        self._take("ended", now, key=key, ending=ending)

    def restarted(self, now: datetime) -> None:
        """Tell the machine that its process was started again; a machine that has lived through nothing yet only begins."""
        if self.count:
            self._take("restarted", now)

    def end_broken_off(self, now: datetime) -> None:
        """After a restart: end the calls that were under way when the process went down."""
        for key in sorted(self._begun):
            self.end(key, Unanswered(detail="the platform was restarted while it waited for the answer"), now)

    def lock_out(self, source: str, until: datetime, now: datetime) -> None:
        """Write down that an address is locked out, and let the platform tell its contact."""
        self._take("locked", now, source=source, until=until.isoformat())

    def hear_again(self, source: str, now: datetime) -> None:
        """Write down that a lock is over."""
        self._take("unlocked", now, source=source)

    def use_token(self, key: str, content: str, until: datetime, now: datetime) -> str | None:
        """See `Logbook.use_token`."""
        return self._logbook.use_token(key, content, until, now)

    # ── what comes of them ──────────────────────────────────────────────────────────────────────

    def take_calls(self) -> list[Call]:
        """Hand out the calls that are to be made, in order, each once in the life of this keeper."""
        calls = list(self._waiting.values())
        self._handed_out |= self._waiting.keys()
        self._waiting = {}
        return calls

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """Ask the machine about its state."""
        self._back_on_track()
        return self.machine.ask(name, params, self._moment(now))

    def next_due(self) -> datetime | None:
        """Say when the machine wants to be woken."""
        return _AT_ONCE if self._is_astray else self.machine.next_due()

    # ── inside ──────────────────────────────────────────────────────────────────────────────────

    def _moment(self, now: datetime) -> datetime:
        return now if self.latest is None or now > self.latest else self.latest

    def _take(self, kind: str, now: datetime, **content: Any) -> Any:
        if self._is_stuck:
            self._logbook.try_out()
        self._back_on_track()
        self._is_stuck = False
        entry = Entry(kind, self._moment(now), content)
        try:
            result = self._apply(entry)
        except ActRefused:
            self._written(entry)
            raise
        except Exception:
            # An error of ours may have left the machine half changed. What is not written down did not happen.
            self._start_again()
            raise
        self._written(entry)
        return result

    def _written(self, entry: Entry) -> None:
        try:
            self._logbook.append(entry)
        except Exception:
            self._is_stuck = True
            # Where the file cannot even be read, the next input tries again.
            with suppress(LogbookUnavailable):
                self._start_again()
            raise
        self._seen(entry)
        self._collect()

    def _apply(self, entry: Entry) -> Any:
        said = entry.content
        match entry.kind:
            case "received":
                return self._received(said["message"], entry.at)
            case "unreadable":
                return self._unreadable(said["header"], said["fault"], said["digest"], entry.at)
            case "act":
                return self.machine.act(said["name"], said["params"], entry.at, said["by"])
            case "woken":
                return self.machine.wake(entry.at)
            case "restarted":
                return self.machine.restarted(entry.at)
            case "begun":
                self._begun.add(said["key"])
                self._waiting.pop(said["key"], None)
                self._handed_out.discard(said["key"])
                return None
            case "ended":
                self._begun.discard(said["key"])
                return self.machine.call_ended(said["key"], said["ending"], entry.at)
            case "locked":
                until = datetime.fromisoformat(said["until"])
                self.locks[said["source"]] = until
                return self.machine.locked_out(said["source"], until, entry.at)
            case "unlocked":
                self.locks.pop(said["source"], None)
                return self.machine.heard_again(said["source"], entry.at)
        raise ValueError(f"unknown entry {entry.kind!r}")

    def _received(self, message: Message, now: datetime) -> Answered | Faulted:
        if isinstance(message, FormMessage):
            if message.header.message_id in self._unread:
                return _id_reused()
            answer = self.machine.call_received(message, now)
            if isinstance(answer, Answered):
                self._taken_ids.add(message.header.message_id)
            return answer
        return self.machine.call_received(message, now)

    def _unreadable(self, header: Header, fault: Fault, digest: str, now: datetime) -> Answered | Faulted:
        known = self._unread.get(header.message_id)
        if header.message_id in self._taken_ids or (known is not None and known[0] != digest):
            return _id_reused()
        if known is None:
            receipt = Receipt(
                case_number=header.case_number,
                form_message_id=header.message_id,
                form_type=header.form_type,
                outcome=ReceiptOutcome.ERROR,
                decided_at=now,
                fault=fault,
            )
            known = self._unread[header.message_id] = (digest, receipt)
        return Answered(receipt=known[1])

    def _collect(self) -> None:
        for call in self.machine.outgoing():
            self._waiting[call.key] = call

    def _seen(self, entry: Entry) -> None:
        self.latest = entry.at
        self.count += 1

    def _back_on_track(self) -> None:
        if self._is_astray:
            self._start_again()

    def _start_again(self) -> None:
        self._is_astray = True
        self.machine = self._make()
        self._replay()
        self._waiting = {key: call for key, call in self._waiting.items() if key not in self._handed_out}
        self._is_astray = False

    def _replay(self) -> None:
        self.count, self.latest = 0, None
        self._waiting, self._begun, self._taken_ids, self._unread, self.locks = {}, set(), set(), {}, {}
        self._collect()
        for entry in self._logbook.entries():
            with suppress(ActRefused):
                self._apply(entry)
            self._seen(entry)
            self._collect()


def _id_reused() -> Faulted:
    return Faulted(
        fault=Fault(
            code=ErrorCode.MESSAGE_ID_REUSED,
            field="header/messageId",
            message_zh="该报文标识已用于另一内容的表单。",
            message_en="This message id has been used for a form with other content.",
        )
    )
