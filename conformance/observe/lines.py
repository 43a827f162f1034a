"""Reads traces that are kept as JSON lines (docs/trace.md), line by line and with patience: a line that is none is named, not fatal."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from bridge.vocabulary.times import in_shanghai
from conformance.observe.exchange import Broken
from conformance.oracle import trace as trace_format
from conformance.oracle.trace import Record

#: The published schema of the format.
SCHEMA = Path(trace_format.__file__).with_name("trace-1.0.schema.json")
#: Kinds of record that nobody finds on a wire.
_OFF_THE_WIRE = {"act", "fact", "notice", "clock", "restart", "fault_rule"}


@dataclass(slots=True)
class Lines:
    """What a trace file holds."""

    path: Path
    records: list[Record] = field(default_factory=list)
    #: The first line, where there is one.
    head: Record = field(default_factory=dict)
    #: True when the last line says that nobody had anything left to do.
    at_rest: bool = False
    #: When the recording ended, where the last line says so.
    ended_at: datetime | None = None
    broken: list[Broken] = field(default_factory=list)
    #: Files of the same recording that were appended.
    further_parts: int = 0

    @property
    def label(self) -> str:
        """The file's name for people, and how many more there are of its recording."""
        return str(self.path) + (f" (+{self.further_parts})" if self.further_parts else "")

    @property
    def from_the_wire(self) -> bool:
        """True when it is a recording; False when it is the trace of a run, which holds everything."""
        source = self.head.get("source")
        if source is None:
            return not any(record.get("type") in _OFF_THE_WIRE for record in self.records)
        return bool(source == "wire")

    @property
    def recording(self) -> str:
        """What the recording is called; parts of one recording are called the same."""
        return str(self.head.get("recording") or self.path)

    def append(self, later: "Lines") -> None:
        """Take in the next part of the same recording."""
        self.records += later.records
        self.broken += later.broken
        self.at_rest, self.ended_at = later.at_rest, later.ended_at
        self.further_parts += 1


def read_lines(path: Path, text: str) -> Lines:
    """The records of a trace file in order."""
    found = Lines(path)
    last_at: datetime | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        record, wrong = _record(line)
        if wrong is not None:
            found.broken.append(Broken(str(path), number, *wrong, last_at))
            continue
        if record["type"] == "trace":
            found.head = record
        elif record["type"] == "end":
            found.at_rest = bool(record.get("at_rest", False))
            if "at" in record:
                found.ended_at = in_shanghai(datetime.fromisoformat(record["at"]))
        else:
            if "at" in record:
                last_at = in_shanghai(datetime.fromisoformat(record["at"]))
                record["at"] = last_at.isoformat()
            if record["type"] == "call":
                record.setdefault("source", {"file": str(path), "entry": number})
            found.records.append(record)
    return found


def _record(line: str) -> tuple[Record, tuple[str, str] | None]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}, ("不是 JSON,可能被截断", "it is no JSON, perhaps cut off")
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        return {}, ("不是带 type 的 JSON 对象", "it is no JSON object with a type")
    check = _checks().get(record["type"])
    error = None if check is None else check(record)
    if error is not None:
        return record, (f"不合轨迹格式:{error}", f"it does not fit the format: {error}")
    try:
        if "at" in record:
            datetime.fromisoformat(record["at"])
    except (TypeError, ValueError):
        return record, (f"没有这个时刻:{record['at']}", f"there is no moment {record['at']}")
    return record, None


@cache
def _checks() -> dict[str, Callable[[Record], str | None]]:
    """A check for each kind of record, taken out of the schema one by one: a test of every kind on every line would take long."""
    kinds: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    named = {"trace", "call", "answer", "not_reached", "unread", "end"} | _OFF_THE_WIRE
    return {kind: _check({"$defs": kinds, "$ref": f"#/$defs/{kind}"}) for kind in named}


def _check(schema: dict[str, Any]) -> Callable[[Record], str | None]:
    validator = Draft202012Validator(schema)

    def check(record: Record) -> str | None:
        error = next(iter(validator.iter_errors(record)), None)
        if error is None:
            return None
        place = "/".join(map(str, error.absolute_path))
        return f"{place}: {error.message}" if place else error.message

    return check
