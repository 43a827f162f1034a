"""Failures that a vendor knows of, as they stand in a file: they are told in every report and do not fail a build.

The file is YAML, a list of entries.

    - check: RCPT-3-04/urban
      reason: 缺陷 42,3.3 版修正
      owner: 王工
      until: 2027-03-01
      message: 案卷状态应为 * 实为

check     an id, a clause or a pattern, as with `--only`
reason    what is known
owner     who looks after it
until     the last day (Asia/Shanghai) on which the entry counts, so that nothing is known for ever by accident
message   optional: words that stand in the reason of the failure, in Chinese or English; `*` is any text, everything else is itself.
          A failure that says something else is not the one that is known

What became of the entries in a run is the matter of `conformance.checks.standing`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import located_yaml
from conformance.checks.check import Check

_WORDS = {"type": "string", "minLength": 1}
_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["check", "reason", "owner", "until"],
        "properties": {
            "check": _WORDS,
            "reason": _WORDS,
            "owner": _WORDS,
            "until": {"type": "string", "format": "date"},
            "message": _WORDS,
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailure:
    """One entry of the file."""

    check: str
    reason: str
    owner: str
    until: date
    message: str | None = None

    def means(self, check: Check) -> bool:
        """Whether the entry speaks of this check."""
        return check.matches([self.check])

    def counts_on(self, day: date) -> bool:
        """Whether the entry still counts on a day."""
        return day <= self.until

    def recognises(self, *reasons: str) -> bool:
        """Whether a failure that gives one of these reasons is the one that is known."""
        if self.message is None:
            return True
        pattern = ".*".join(re.escape(part) for part in self.message.split("*"))
        return any(re.search(pattern, reason, re.DOTALL) for reason in reasons)

    def told(self, language: str) -> str:
        """Reason, owner and last day in a line."""
        if language == "zh":
            return f"{self.reason}(负责人 {self.owner},至 {self.until})"
        return f"{self.reason} (owner {self.owner}, until {self.until})"


def load_known(path: Path, all_checks: Iterable[Check]) -> tuple[KnownFailure, ...]:
    """Read the file; raises `located_yaml.DocumentInvalid` for what cannot be read and for entries that mean no check at all."""
    located = located_yaml.load(path)
    problems = located_yaml.check(located, _SCHEMA)
    if not problems:
        everything = tuple(all_checks)
        problems = [
            located.problem(
                (number, "check"),
                f"没有检查 {entry['check']};duijie conform list 列出全部",
                f"there is no check {entry['check']}; `duijie conform list` lists them",
            )
            for number, entry in enumerate(located.value)
            if not any(check.matches([entry["check"]]) for check in everything)
        ]
    if problems:
        raise located_yaml.DocumentInvalid(problems)
    return tuple(KnownFailure(**{**entry, "until": date.fromisoformat(entry["until"])}) for entry in located.value)
