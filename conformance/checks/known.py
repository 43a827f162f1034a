"""Failures that a vendor knows of: they are told, and do not fail a build.

The file is YAML, a list of entries. `check` is an id, a clause or a pattern as with `--only`; `reason` says what is known; after
`until` (a date in Asia/Shanghai) the entry no longer counts, so that nothing is known for ever by accident.

    - check: RCPT-3-04/urban
      reason: 缺陷 42,3.3 版修正
      until: 2027-03-01
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import located_yaml
from conformance.checks.check import Check
from conformance.checks.result import Result, Text, Verdict

_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["check", "reason"],
        "properties": {
            "check": {"type": "string", "minLength": 1},
            "reason": {"type": "string", "minLength": 1},
            "until": {"type": "string", "format": "date"},
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailure:
    """One entry of the file."""

    check: str
    reason: str
    until: date | None = None

    def covers(self, check: Check, today: date) -> bool:
        """Whether the entry speaks of this check and still counts."""
        return (self.until is None or today <= self.until) and check.matches([self.check])


def load_known(path: Path, all_checks: Iterable[Check]) -> tuple[KnownFailure, ...]:
    """Read the file; raises `located_yaml.DocumentInvalid` for what cannot be read and for entries that mean no check."""
    located = located_yaml.load(path)
    problems = located_yaml.check(located, _SCHEMA)
    if not problems:
        everything = tuple(all_checks)
        problems = [
            located.problem((number, "check"), f"没有检查 {entry['check']}", f"there is no check {entry['check']}")
            for number, entry in enumerate(located.value)
            if not any(check.matches([entry["check"]]) for check in everything)
        ]
    if problems:
        raise located_yaml.DocumentInvalid(problems)
    return tuple(
        KnownFailure(
            check=entry["check"],
            reason=entry["reason"],
            until=date.fromisoformat(entry["until"]) if "until" in entry else None,
        )
        for entry in located.value
    )


def with_known(result: Result, known: Iterable[KnownFailure], today: date) -> Result:
    """The result, marked when its failure is known, and with a word when an entry is no longer needed."""
    entry = next((each for each in known if each.covers(result.check, today)), None)
    if entry is None:
        return result
    if result.verdict is Verdict.FAIL:
        return replace(result, known=entry.reason)
    if result.verdict is Verdict.PASS and entry.check == result.check.id:
        note = Text(
            f"已知问题“{entry.reason}”已不再出现,请从文件中删去此条。",
            f"The known failure “{entry.reason}” is gone; take its entry out of the file.",
        )
        return replace(result, notes=(*result.notes, note))
    return result
