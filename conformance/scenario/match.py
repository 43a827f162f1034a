"""Comparing what is expected with what is seen."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.times import in_shanghai
from conformance.scenario.clock import read_moment
from conformance.scenario.words import MATCHERS

#: `{moment: …}` is said to the minute, and settling may move the clock by some seconds.
_PLAY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where what is seen is not what is expected."""

    path: str
    expected: Any
    seen: Any

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected!r}, seen {self.seen!r}"


@dataclass(frozen=True, slots=True)
class Names:
    """What the names in an expectation stand for."""

    #: Case numbers by name.
    cases: Mapping[str, str]
    #: Values kept by `remember`.
    remembered: Mapping[str, Any]


def mismatches(expected: Any, seen: Any, names: Names, path: str = "") -> list[Mismatch]:
    """Every place at which `seen` is not as `expected`; a mapping must be contained, a list must fit item by item."""
    return list(_compare(expected, seen, names, path))


def fits(expected: Any, seen: Any, names: Names) -> bool:
    """Whether `seen` is as `expected`."""
    return next(_compare(expected, seen, names, ""), None) is None


def dig(value: Any, path: str) -> Any:
    """The value at a dotted path such as `filings.0.task_number`; None when there is none."""
    for part in path.split("."):
        if isinstance(value, list) and part.lstrip("-").isdigit() and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping):
            value = value.get(part)
        else:
            return None
    return value


def _compare(expected: Any, seen: Any, names: Names, path: str) -> Iterator[Mismatch]:
    if isinstance(expected, Mapping):
        if expected and all(key in MATCHERS for key in expected) and not _is_plain_mapping(expected, seen):
            for key, wanted in expected.items():
                if not _MATCH[key](wanted, seen, names):
                    yield Mismatch(path or "value", {key: wanted}, seen)
        elif not isinstance(seen, Mapping):
            yield Mismatch(path or "value", expected, seen)
        else:
            for key, wanted in expected.items():
                yield from _compare(wanted, seen.get(key), names, f"{path}.{key}" if path else str(key))
    elif isinstance(expected, list):
        if not isinstance(seen, list) or len(seen) != len(expected):
            yield Mismatch(path or "value", expected, seen)
        else:
            for index, (wanted, item) in enumerate(zip(expected, seen, strict=True)):
                yield from _compare(wanted, item, names, f"{path}.{index}" if path else str(index))
    elif expected != seen or isinstance(expected, bool) != isinstance(seen, bool):
        yield Mismatch(path or "value", expected, seen)


def _is_plain_mapping(expected: Mapping[str, Any], seen: Any) -> bool:
    """Whether a mapping that could be a comparison is meant as itself: `{case: …}` or `{count: …}` inside an answer."""
    return isinstance(seen, Mapping) and all(key in seen for key in expected)


def _contains(wanted: Any, seen: Any, names: Names) -> bool:
    if isinstance(seen, str):
        return isinstance(wanted, str) and wanted in seen
    if isinstance(seen, list):
        return any(fits(wanted, item, names) for item in seen)
    return False


def _is_number(seen: Any) -> bool:
    return isinstance(seen, int | float) and not isinstance(seen, bool)


def _moment(wanted: str, seen: Any, _: Names) -> bool:
    try:
        return abs(in_shanghai(datetime.fromisoformat(str(seen))) - read_moment(wanted)) <= _PLAY
    except ValueError:
        return False


_MATCH: dict[str, Callable[[Any, Any, Names], bool]] = {
    "not": lambda wanted, seen, names: not fits(wanted, seen, names),
    "at_least": lambda wanted, seen, _: _is_number(seen) and seen >= wanted,
    "at_most": lambda wanted, seen, _: _is_number(seen) and seen <= wanted,
    "contains": _contains,
    "lacks": lambda wanted, seen, names: not _contains(wanted, seen, names),
    "matches": lambda wanted, seen, _: isinstance(seen, str) and re.search(wanted, seen) is not None,
    "present": lambda wanted, seen, _: (seen is not None and seen != []) is wanted,
    "count": lambda wanted, seen, _: isinstance(seen, list) and len(seen) == wanted,
    "moment": _moment,
    "case": lambda wanted, seen, names: seen == names.cases.get(wanted),
    "same_as": lambda wanted, seen, names: seen == names.remembered.get(wanted),
    "other_than": lambda wanted, seen, names: seen is not None and seen != names.remembered.get(wanted),
}
