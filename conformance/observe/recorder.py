"""Turns what a proxy tells into the records of a trace and writes them down, line by line.

A line is handed to the operating system as soon as it is made, so that a killed recorder leaves everything up to its last line; one that
loses its disk goes on listening and says so. Attachments' contents, passwords, nonces and HTTP headers have no place in a record at all;
what else may not be kept is replaced by a sign that is the same for the same value, so that the judge can still compare.
"""

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.observe.body import BodyUnreadable, envelope_in
from conformance.observe.exchange import NotUsable, hear
from conformance.observe.proxy import Gap, Request, Response, Told
from conformance.observe.soap import Heard, hear_response
from conformance.oracle.trace import FORMAT_VERSION, Outcome, Record, as_line


class Private(StrEnum):
    """What may be left out of a recording."""

    #: Names and digests of photos and documents.
    ATTACHMENTS = "attachments"
    #: What people wrote, who they are, and where.
    PERSONAL = "personal"


#: Fields that tell of people, by their names on the wire.
_PERSONAL = {
    "description",
    "address",
    "reporterName",
    "reporterPhone",
    "handedOverBy",
    "note",
    "reason",
    "decidedBy",
    "dispatchedBy",
    "handler",
    "disposalResult",
    "verifier",
    "closedBy",
    "text",
    "contactName",
    "messageZh",
    "messageEn",
    "value",
    "x",
    "y",
}


class Veil:
    """Puts signs in the place of what may not be kept."""

    def __init__(self, private: Iterable[Private], profile: Profile):
        self._private = frozenset(private)
        self._fold = profile.choices.fold_description
        # Nobody keeps it, so nobody can try values until a sign fits.
        self._key = secrets.token_bytes(16)

    def over(self, record: Record) -> Record:
        """The record as it may be kept."""
        return self._veiled(record) if self._private else record

    def _veiled(self, value: Any, field: str = "") -> Any:
        if isinstance(value, dict):
            if field == "attachments" and Private.ATTACHMENTS in self._private:
                kept = {key: value[key] for key in ("mediaType", "size", "kind") if key in value}
                return kept | {"sha256": self._sign(str(value.get("sha256")), 64)}
            return {key: self._veiled(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._veiled(item, field) for item in value]
        if field in _PERSONAL and Private.PERSONAL in self._private and str(value).strip():
            text = str(value)
            if field == "description" and self._fold:
                # The judge compares folded descriptions, and a sign cannot be folded any more.
                text = " ".join(unicodedata.normalize("NFC", text).split())
            return f"‹{self._sign(text, 12)}›"
        return value

    def _sign(self, text: str, length: int) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:length]


@dataclass(slots=True)
class Counts:
    """What passed."""

    ours: int = 0
    not_ours: int = 0
    unread: int = 0


class Scribe:
    """Makes records of what a proxy tells."""

    def __init__(self, hops: Iterable[tuple[Party, Party]], veil: Veil):
        self._hops = list(hops)
        self._bridged = any(Party.BRIDGE in hop for hop in self._hops)
        self._veil = veil
        self._n = 0
        self._calls = 0
        #: The number of the call of each request that waits for its end.
        self._open: dict[int, int] = {}
        self.counts = Counts()

    def records_of(self, told: Told) -> list[Record]:
        """The records of one thing that was told; none for what is not ours."""
        if isinstance(told, Request):
            return self._request(told)
        if isinstance(told, Response):
            return self._response(told)
        return [self._unread(told, told.to, f"线路内容无法跟踪({told.detail})", told.detail)]

    def missed(self, told: Told, zh: str, en: str) -> Record:
        """The record of something that nobody had time or room for, or that nobody could make out."""
        to = told.to if isinstance(told, Request | Gap) else None
        return self._unread(told, to, zh, en)

    def _request(self, request: Request) -> list[Record]:
        if request.method != "POST":
            self.counts.not_ours += 1
            return []
        head = request.head
        if request.body is None:
            return [self._unread(request, request.to, "请求过大,未保存", "the request is too large to be kept")]
        try:
            heard = hear(
                request.body,
                head.header("content-type"),
                head.header("content-encoding"),
                soap_action=head.header("soapaction"),
                meant=False,
            )
        except NotUsable as why:
            return [self._unread(request, request.to, why.zh, why.en)]
        if heard is None:
            self.counts.not_ours += 1
            return []
        sender = self._sender(request, heard)
        if sender is None:
            return [self._unread(request, request.to, "看不出由谁呼叫", "nobody can tell who called")]
        self.counts.ours += 1
        self._calls += 1
        self._open[request.key] = self._calls
        call = {"call": self._calls, "from": sender.value, "to": request.to.value, **heard.values}
        return [self._record("call", request, call)]

    def _sender(self, request: Request, heard: Heard) -> Party | None:
        if request.to is not Party.BRIDGE:
            return Party.BRIDGE if self._bridged else Side(request.to.value).other.party
        return None if heard.serves is None else heard.serves.other.party

    def _response(self, response: Response) -> list[Record]:
        call = self._open.pop(response.key, None)
        if call is None:
            return []
        return [self._record("answer", response, {"call": call, **_ending(response)})]

    def _unread(self, told: Told, to: Party | None, zh: str, en: str) -> Record:
        self.counts.unread += 1
        values = {"detail": en, "detail_zh": zh}
        return self._record("unread", told, values if to is None else values | {"to": to.value})

    def _record(self, type_: str, told: Told, values: Record) -> Record:
        self._n += 1
        return {"n": self._n, "at": told.at.isoformat(timespec="milliseconds"), "type": type_} | self._veil.over(values)


def _ending(response: Response) -> Record:
    if response.head is None:
        outcome = Outcome.NOT_REACHED if response.not_reached else Outcome.UNANSWERED
        return {"outcome": outcome.value, "detail": response.detail}
    status = response.head.first_line.partition(" ")[2][:3]
    if response.body is None:
        heard: Record = {"outcome": Outcome.UNANSWERED.value, "detail": "the response is too large to be kept"}
    else:
        try:
            kind, coding = response.head.header("content-type"), response.head.header("content-encoding")
            heard = hear_response(envelope_in(response.body, kind, coding))
        except BodyUnreadable as why:
            heard = {"outcome": Outcome.UNANSWERED.value, "detail": why.en}
    if heard["outcome"] == Outcome.UNANSWERED.value:
        heard["detail"] = f"HTTP {status}: {heard['detail']}"
    return {"outcome": Outcome.LOST.value, "given": heard} if response.lost else heard


# --- the file ---------------------------------------------------------------------------------------------------


class TraceFile:
    """A trace that grows line by line, in one file or in several of bounded size."""

    def __init__(
        self,
        path: Path,
        hops: Iterable[tuple[Party, Party]],
        *,
        made_by: str,
        bytes_max: int | None = None,
        keep: int | None = None,
        trouble: Callable[[OSError], None] = lambda _: None,
    ):
        self.path = path
        self._bytes_max = bytes_max
        self._keep = keep
        self._trouble = trouble
        head = {
            "type": "trace",
            "version": FORMAT_VERSION,
            "source": "wire",
            "recording": secrets.token_hex(8),
            "hops": [[sender.value, to.value] for sender, to in hops],
            "made_by": made_by,
        }
        self._head = json.dumps(head) + "\n"
        # Without a buffer of our own, every line is with the operating system when `write` returns.
        self._file = path.open("xb", buffering=0)
        self._size = 0
        self._put(self._head)
        #: Lines that the disk did not take.
        self.lines_lost = 0

    def write(self, record: Record) -> None:
        """Write one record; trouble with the disk is told once and counted."""
        try:
            if self._bytes_max is not None and self._size >= self._bytes_max:
                self._turn_over()
            self._put(as_line(record) + "\n")
        except OSError as error:
            self.lines_lost += 1
            if self.lines_lost == 1:
                self._trouble(error)

    def close(self, at: datetime) -> None:
        """Write the last line: until then everything was heard, and nobody knows what would have come."""
        try:
            self._put(json.dumps({"type": "end", "at": at.isoformat(timespec="milliseconds"), "at_rest": False}) + "\n")
            self._file.close()
        except OSError as error:
            self._trouble(error)

    def _put(self, line: str) -> None:
        data = line.encode("utf-8", "replace")
        while data:
            written = self._file.write(data)
            data = data[written:]
            self._size += written

    def _turn_over(self) -> None:
        """Begin a new file; the older ones move on by one and the oldest goes: `trace.jsonl.1` is the one before this."""
        self._file.close()
        older = sorted(
            (number, each)
            for each in self.path.parent.glob(f"{self.path.name}.*")
            if (number := _number(each, self.path)) is not None
        )
        for number, each in reversed(older):
            if self._keep is not None and number >= self._keep:
                each.unlink()
            else:
                each.rename(self.path.with_name(f"{self.path.name}.{number + 1}"))
        if self._keep != 0:
            self.path.rename(self.path.with_name(f"{self.path.name}.1"))
        self._file = self.path.open("wb", buffering=0)
        self._size = 0
        self._put(self._head)


def _number(path: Path, of: Path) -> int | None:
    suffix = path.name.removeprefix(f"{of.name}.")
    return int(suffix) if suffix.isdigit() else None
