"""What happened, from a trace file, a HAR recording or the store of a bridge."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.observe.gather import UnreadableFile, gather
from conformance.oracle.trace import Trace
from conformance.scenario.steps import Wiring
from duijie.console_text import reason
from duijie.exits import UserMistake
from duijie.profiles_io import read_profile
from duijie.recording.bridge_store import trace_in_store

#: How files end that are no scenarios: traces, recordings, stores.
_JOURNALS = frozenset({".jsonl", ".har", ".db", ".sqlite", ".sqlite3"})
#: How every SQLite file begins.
_SQLITE = b"SQLite format 3\0"
#: What a head must say of the stage for it to be set again.
_STAGE = ("seed", "stage_seed", "first_serial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What crossed, and for a trace its head."""

    path: Path
    trace: Trace
    #: What `duijie simulate` wrote of the stage; empty for other traces.
    stage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wiring(self) -> Wiring:
        """Whether a bridge stood between the platforms."""
        return Wiring.BRIDGED if self.trace.bridged else Wiring.DIRECT


def is_journal(path: Path) -> bool:
    """Whether a file, by its name, holds something that happened: a trace, a HAR recording, or the store of a bridge; no scenario."""
    return path.suffix.lower() in _JOURNALS


def read_journal(path: Path) -> Recorded:
    """What a file says of what happened; raises `UserMistake` when it says nothing, or cannot be read.

    A trace says it whole; a HAR recording and the journal in a bridge's SQLite store say what crossed, from which deeds are worked out.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserMistake(
            f"无法读取 {path}:{reason(error, 'zh')}", f"cannot read {path}: {reason(error, 'en')}"
        ) from error
    if data.startswith(_SQLITE):
        return _held(Recorded(path=path, trace=trace_in_store(path)))
    if path.suffix.lower() == ".har":
        return _held(Recorded(path=path, trace=_trace_in_har(path)))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UserMistake(f"{path} 不是 UTF-8 文本", f"{path} is not UTF-8 text") from None
    try:
        head = json.loads(text.partition("\n")[0] or "{}")
        trace = Trace.from_lines(text)
    except ValueError as error:
        raise UserMistake(f"{path} 不是轨迹:{error}", f"{path} is no trace: {error}") from None
    said = head.get("simulated") if isinstance(head, dict) else None
    stage = said if isinstance(said, dict) and all(isinstance(said.get(name), int) for name in _STAGE) else {}
    recorded = Recorded(path=path, trace=trace, stage=stage)
    if not isinstance(head, dict):
        raise _nothing_crossed(path)
    return _held(recorded)


def _held(recorded: Recorded) -> Recorded:
    if not recorded.trace.of_type("call"):
        raise _nothing_crossed(recorded.path)
    return recorded


def _nothing_crossed(path: Path) -> UserMistake:
    return UserMistake(
        f"{path} 中没有对接报文,格式见 docs/trace.md", f"{path} holds no message of the exchange; see docs/trace.md"
    )


def _trace_in_har(path: Path) -> Trace:
    try:
        units = gather([path], read_profile(None), {}, own_codes=False)
    except UnreadableFile as why:
        raise UserMistake(f"{path}:{why.zh}", f"{path}: {why.en}") from None
    return units[0].trace
