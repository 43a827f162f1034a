"""A trace file, with what its head says of the stage on which it was made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.oracle.trace import Trace
from conformance.scenario.steps import Wiring
from duijie.console_text import reason
from duijie.exits import UserMistake

#: What a head must say of the stage for it to be set again.
_STAGE = ("seed", "stage_seed", "first_serial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A trace and its head."""

    path: Path
    trace: Trace
    #: What `duijie simulate` wrote of the stage; empty for other traces.
    stage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wiring(self) -> Wiring:
        """Whether a bridge stood between the platforms."""
        return Wiring.BRIDGED if self.trace.bridged else Wiring.DIRECT


def read_journal(path: Path) -> Recorded:
    """The trace in a file; raises `UserMistake` when it is none or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserMistake(
            f"无法读取 {path}:{reason(error, 'zh')}", f"cannot read {path}: {reason(error, 'en')}"
        ) from error
    except UnicodeDecodeError:
        raise UserMistake(f"{path} 不是 UTF-8 文本", f"{path} is not UTF-8 text") from None
    try:
        head = json.loads(text.partition("\n")[0] or "{}")
        trace = Trace.from_lines(text)
    except ValueError as error:
        raise UserMistake(f"{path} 不是轨迹:{error}", f"{path} is no trace: {error}") from None
    if not isinstance(head, dict) or not any(record.get("type") == "call" for record in trace):
        raise UserMistake(
            f"{path} 中没有对接报文,格式见 docs/trace.md", f"{path} holds no message of the exchange; see docs/trace.md"
        )
    said = head.get("simulated")
    stage = said if isinstance(said, dict) and all(isinstance(said.get(name), int) for name in _STAGE) else {}
    return Recorded(path=path, trace=trace, stage=stage)
