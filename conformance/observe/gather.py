"""Puts together what recorders kept: HAR files and traces, one per hop or many of one, merged by time into what can be judged.

The trace of a run holds everything and is judged by itself. Recordings are merged: one for each hop is the usual way to record a pair
with a bridge.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.codes import Codes
from conformance.observe.exchange import Broken, Exchange, Gathered
from conformance.observe.har import NoHar, read_har
from conformance.observe.hops import AddressBook, Inference, find_hops
from conformance.observe.lines import Lines, read_lines
from conformance.oracle.rules.rcpt_1 import patience
from conformance.oracle.trace import Record, Recording, Trace, when


class UnreadableFile(Exception):
    """A file as a whole cannot be used: which, and why in each language."""

    def __init__(self, path: Path, zh: str, en: str):
        self.path = path
        self.zh = zh
        self.en = en
        super().__init__(f"{path}: {en}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCount:
    """What one file came to."""

    path: str
    #: `har` or `trace`.
    kind: str
    ours: int
    not_ours: int
    broken: tuple[Broken, ...]


@dataclass(slots=True, kw_only=True)
class Unit:
    """One thing to judge, and how it was put together."""

    trace: Trace
    profile: Profile
    files: list[FileCount] = field(default_factory=list)
    #: Addresses whose party was worked out from the traffic.
    inferred: list[Inference] = field(default_factory=list)
    #: True when the profile's party codes were taken from the traffic.
    codes_from_traffic: bool = False

    @property
    def broken(self) -> list[Broken]:
        """Everything of ours that could not be read."""
        return [broken for file in self.files for broken in file.broken]


@dataclass(slots=True)
class _Piece:
    """A record on its way into a merged trace."""

    at: datetime
    file: int
    place: tuple[int, int]
    record: Record
    #: What its call is known by across files.
    call: tuple[str, int] | None


def gather(
    paths: Sequence[Path],
    profile: Profile,
    addresses: Mapping[Party, Sequence[str]],
    *,
    own_codes: bool,
    complete: bool = False,
) -> list[Unit]:
    """Everything to judge in these files; raises `UnreadableFile`.

    `own_codes` says that the profile is the city's own: then its party codes are what messages must name. `complete` says that the
    recordings hold everything, from the first hand-over until both sides had nothing left to do.
    """
    book = AddressBook(addresses)
    runs: list[Lines] = []
    recorded: list[Gathered | Lines] = []
    for path in paths:
        found = _read(path, lambda url: book.party(url) is not None)
        if isinstance(found, Lines) and not found.from_the_wire:
            runs.append(found)
        else:
            recorded.append(found)
    recorded = _with_parts_joined(recorded)
    # A run whose trace has holes can be trusted no further than a recording.
    units = [
        _merged([lines], profile, book, own_codes=own_codes, complete=False)
        if lines.broken
        else _run(lines, profile, own_codes=own_codes)
        for lines in runs
    ]
    if recorded:
        units.append(_merged(recorded, profile, book, own_codes=own_codes, complete=complete))
    return units


def _read(path: Path, expected: Callable[[str], bool]) -> Gathered | Lines:
    try:
        # Some recorders on Windows begin with a byte order mark.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(path, "不是 UTF-8 文本", "it is no text in UTF-8") from None
    if _looks_like_lines(text):
        return read_lines(path, text)
    try:
        return read_har(path, text, expected)
    except NoHar as why:
        raise UnreadableFile(
            path, f"既不是轨迹也不是 HAR 文件:{why.zh}", f"it is neither a trace nor a HAR file: {why.en}"
        ) from None


def _looks_like_lines(text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        head = json.loads(first)
    except ValueError:
        return False
    return isinstance(head, dict) and "type" in head


# --- the trace of a run -----------------------------------------------------------------------------------------


def _run(lines: Lines, profile: Profile, *, own_codes: bool) -> Unit:
    records = [record | {"n": n} for n, record in enumerate(lines.records, 1)]
    trace = Trace(records, at_rest=lines.at_rest)
    found, taken = _with_codes(profile, trace, own_codes=own_codes)
    count = FileCount(path=str(lines.path), kind="trace", ours=len(trace.of_type("call")), not_ours=0, broken=())
    return Unit(trace=trace, profile=found, files=[count], codes_from_traffic=taken)


def _with_parts_joined(recorded: Sequence[Gathered | Lines]) -> list[Gathered | Lines]:
    """Files of one recording as one, in the order of its numbers."""
    parts: dict[str, list[Lines]] = {}
    for found in recorded:
        if isinstance(found, Lines):
            parts.setdefault(found.recording, []).append(found)
    joined: list[Gathered | Lines] = [found for found in recorded if isinstance(found, Gathered)]
    for several in parts.values():
        several.sort(key=lambda lines: next((int(r["n"]) for r in lines.records if "n" in r), 0))
        first, *others = several
        for other in others:
            first.append(other)
        joined.append(first)
    return joined


# --- recordings -------------------------------------------------------------------------------------------------


def _merged(
    recorded: Sequence[Gathered | Lines], profile: Profile, book: AddressBook, *, own_codes: bool, complete: bool
) -> Unit:
    exchanges = [exchange for found in recorded if isinstance(found, Gathered) for exchange in found.exchanges]
    hops = find_hops(exchanges, book, profile)
    ends = iter(hops.ends)
    pieces: list[_Piece] = []
    files = []
    for index, found in enumerate(recorded):
        broken = list(found.broken)
        if isinstance(found, Gathered):
            ours = len(found.exchanges)
            for exchange in found.exchanges:
                between = next(ends)
                if between is None:
                    ours -= 1
                    broken.append(_nobody_s(exchange))
                else:
                    pieces += _pieces_of_exchange(exchange, index, between)
        else:
            pieces += _pieces_of_lines(found, index)
            ours = sum(record["type"] == "call" for record in found.records)
        pieces += [_unread(item, index) for item in broken if not item.only_the_answer]
        kind = "har" if isinstance(found, Gathered) else "trace"
        not_ours = found.not_ours if isinstance(found, Gathered) else 0
        path = found.label if isinstance(found, Lines) else str(found.path)
        files.append(FileCount(path=path, kind=kind, ours=ours, not_ours=not_ours, broken=tuple(broken)))
    trace = _in_order(pieces)
    found_profile, taken = _with_codes(profile, trace, own_codes=own_codes)
    trace.at_rest = complete
    if not complete:
        trace.recording = Recording(
            hops=frozenset(_listened_to(recorded, trace)),
            until=_until(recorded, trace),
            quiet_after=patience(found_profile, 1),
        )
    return Unit(trace=trace, profile=found_profile, files=files, inferred=hops.inferred, codes_from_traffic=taken)


def _nobody_s(exchange: Exchange) -> Broken:
    return Broken(
        exchange.file,
        exchange.entry,
        "看不出由谁发给谁",
        "nobody can tell from whom to whom it went",
        exchange.began_at,
    )


def _pieces_of_exchange(exchange: Exchange, file: int, between: tuple[Party, Party]) -> Iterator[_Piece]:
    key = (exchange.file, exchange.entry)
    where = {"file": exchange.file, "entry": exchange.entry}
    sender, to = between
    call: Record = {"type": "call", **exchange.heard.values, "from": sender.value, "to": to.value, "source": where}
    yield _Piece(exchange.began_at, file, (exchange.entry, 0), call, key)
    if exchange.answer is not None and exchange.ended_at is not None:
        answer: Record = {"type": "answer", **exchange.answer}
        yield _Piece(exchange.ended_at, file, (exchange.entry, 1), answer, key)


def _pieces_of_lines(lines: Lines, file: int) -> Iterator[_Piece]:
    # Whatever its clock did, a file's own order is the order of what happened.
    at: datetime | None = None
    for place, record in enumerate(lines.records):
        if "at" in record:
            at = when(record) if at is None else max(at, when(record))
        if at is None:
            continue
        call = (lines.recording, int(record["call"])) if "call" in record else None
        kept = {key: value for key, value in record.items() if key not in ("n", "call")}
        yield _Piece(at, file, (place, 0), kept, call)


def _unread(broken: Broken, file: int) -> _Piece:
    at = broken.at or datetime.min.replace(tzinfo=SHANGHAI)
    source = {"file": broken.file, "entry": broken.entry}
    record: Record = {
        "type": "unread",
        "detail": broken.en,
        "detail_zh": broken.zh,
        "source": source,
        "placed": broken.at is not None,
    }
    return _Piece(at, file, (broken.entry, 2), record, None)


def _in_order(pieces: Iterable[_Piece]) -> Trace:
    trace = Trace()
    calls: dict[tuple[str, int], int] = {}
    for n, piece in enumerate(sorted(pieces, key=lambda each: (each.at, each.file, each.place)), 1):
        record: Record = {"n": n, "at": piece.at.isoformat()} | {k: v for k, v in piece.record.items() if k != "at"}
        if piece.call is not None:
            record["call"] = calls.setdefault(piece.call, len(calls) + 1)
        trace.records.append(record)
    return trace


def _listened_to(recorded: Sequence[Gathered | Lines], trace: Trace) -> set[tuple[str, str]]:
    """The hops that the files say were listened to, and those on which something passed."""
    said = {
        (str(hop[0]), str(hop[1]))
        for found in recorded
        if isinstance(found, Lines)
        for hop in found.head.get("hops", [])
    }
    return said | {(str(call["from"]), str(call["to"])) for call in trace.of_type("call")}


def _until(recorded: Sequence[Gathered | Lines], trace: Trace) -> datetime:
    """How long every recording went on: beyond the end of the shortest, silence means nothing."""
    ends: dict[str, datetime] = {}
    for found in recorded:
        if isinstance(found, Lines):
            moments = [when(record) for record in found.records if "at" in record]
            moments += [found.ended_at] if found.ended_at is not None else []
            name = found.recording
        else:
            moments = [exchange.ended_at or exchange.began_at for exchange in found.exchanges]
            name = str(found.path)
        if moments:
            ends[name] = max(max(moments), ends.get(name, max(moments)))
    return min(ends.values(), default=trace.end_at or datetime.now(SHANGHAI))


# --- party codes ------------------------------------------------------------------------------------------------


def _with_codes(profile: Profile, trace: Trace, *, own_codes: bool) -> tuple[Profile, bool]:
    """The profile with the party codes that the traffic itself uses, unless the profile is the city's own."""
    if own_codes:
        return profile, False
    codes = Codes()
    for call in trace.of_type("call"):
        codes.add(call)
    found = codes.put_into(profile)
    return found, found != profile
