"""Comparing what is expected with what is seen."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class Observable:
    """The part of an expectation that an answer has something to say about."""

    expected: Any
    #: Dotted paths that are expected and that the answer does not have; `[]` stands for any item of a list.
    untold: tuple[str, ...]


def observable(expected: Any, seen: Any, path: str = "") -> Observable:
    """Leave out of an expectation what `seen` does not tell: whoever does not tell a thing has not said that it is otherwise.

    Only an absent key is untold. A key that is there with a wrong value or with none, and a list that is empty, have been told.
    """
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        return _observable_keys(expected, seen, path)
    if isinstance(seen, list):
        if isinstance(expected, Mapping) and expected.keys() <= _OF_ITEMS:
            return _observable_items(expected, seen, path)
        if isinstance(expected, list) and len(expected) == len(seen):
            parts = [observable(wanted, item, f"{path}[]") for wanted, item in zip(expected, seen, strict=True)]
            return Observable([part.expected for part in parts], _united(parts))
    return Observable(expected, ())


def _observable_keys(expected: Mapping[str, Any], seen: Mapping[str, Any], path: str) -> Observable:
    if expected and all(key in MATCHERS for key in expected) and not _is_plain_mapping(expected, seen):
        return Observable(expected, ())
    inside = f"{path}." if path else ""
    parts = {key: observable(wanted, seen[key], f"{inside}{key}") for key, wanted in expected.items() if key in seen}
    absent = tuple(f"{inside}{key}" for key in expected if key not in seen)
    return Observable({key: part.expected for key, part in parts.items()}, absent + _united(parts.values()))


#: Matchers that look for an item in a list.
_OF_ITEMS = frozenset({"contains", "lacks"})


def _observable_items(expected: Mapping[str, Any], seen: list[Any], path: str) -> Observable:
    items = [item for item in seen if isinstance(item, Mapping)]
    kept: dict[str, Any] = {}
    untold: list[str] = []
    for matcher, wanted in expected.items():
        absent = (
            [key for key in wanted if not any(key in item for item in items)] if isinstance(wanted, Mapping) else []
        )
        if not items or not absent:
            kept[matcher] = wanted
            continue
        untold += [f"{path}[].{key}" for key in absent]
        # Items that lack less are not forbidden; items that hold less are still looked for.
        left = {key: value for key, value in wanted.items() if key not in absent}
        if matcher == "contains" and left:
            kept[matcher] = left
    return Observable(kept, tuple(untold))


def _united(parts: Iterable[Observable]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for part in parts for path in part.untold))


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
