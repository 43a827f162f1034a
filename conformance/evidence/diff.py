"""What changed between two runs: first how they differ in themselves, then which checks came out otherwise, and how."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.checks.result import Text, Verdict
from conformance.evidence.bundle import Bundle
from conformance.evidence.manifest import RESULTS, SYSTEM, VERSIONS, trace_name
from conformance.oracle.trace import Trace
from conformance.reports.messages import text_of

#: What two runs should have alike, if their results are to be compared.
_ALIKE: Mapping[str, Text] = {
    "role": Text("角色", "role"),
    "system": Text("被测系统", "system under test"),
    "suite": Text("套件版本", "version of the suite"),
    "profile_fingerprint": Text("配置指纹", "configuration fingerprint"),
    "seed": Text("种子", "seed"),
}
#: Worse than what stands before it.
_RED = (Verdict.FAIL, Verdict.CONFIG, Verdict.SUITE_ERROR)
#: Ids and moments are others in every run.
_PASSING = re.compile(
    r"urn:uuid:[0-9A-Za-z-]+|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?|\b\d{6}-\d{8}-\d{6}\b"
)
#: Lines of differing messages that are told of one check.
LINES_MAX = 60


class Kind(StrEnum):
    """How a check changed."""

    #: It was red and is no more.
    FIXED = "fixed"
    #: It is red and was not.
    BROKEN = "broken"
    #: It passed, and now nothing is known of it.
    LOST = "lost"
    #: Another verdict that is neither better nor worse.
    OTHER = "other"
    #: It fails as before, and in another way.
    DIFFERENTLY = "differently"
    #: Only the later run has it.
    NEW = "new"
    #: Only the earlier run has it.
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One check that came out otherwise."""

    id: str
    kind: Kind
    title: Text
    was: str | None
    now: str | None
    #: Whether it is red now.
    red: bool
    #: Of each field that tells of the failure, what it was and what it is.
    told: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    #: Lines of the messages that disagree, as a unified difference.
    messages: tuple[str, ...] = ()

    @property
    def worse(self) -> bool:
        """True when a build should stop at it."""
        return self.kind in (Kind.BROKEN, Kind.LOST) or (self.kind is Kind.NEW and self.red)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that changed."""

    #: What the runs themselves have not alike: what it is called, what it was, what it is.
    conditions: tuple[tuple[Text, Any, Any], ...]
    changes: tuple[Change, ...]
    #: Checks that came out the same.
    same: int

    @property
    def worse(self) -> bool:
        """True when something got worse."""
        return any(change.worse for change in self.changes)


def difference(earlier: Bundle, later: Bundle) -> Difference:
    """Compare two bundles; each holds at least valid results, more if it is a whole one."""
    was, now = (json.loads(bundle.files[RESULTS]) for bundle in (earlier, later))
    before, after = ({each["id"]: each for each in results["results"]} for results in (was, now))
    found = []
    for check_id in sorted({*before, *after}):
        change = _change(check_id, before.get(check_id), after.get(check_id), earlier, later)
        if change is not None:
            found.append(change)
    both = set(before) & set(after)
    changed = {change.id for change in found}
    return Difference(
        conditions=tuple(_conditions(was, now, earlier, later)),
        changes=tuple(sorted(found, key=lambda change: (not change.worse, list(Kind).index(change.kind), change.id))),
        same=len(both - changed),
    )


def _conditions(was: Any, now: Any, earlier: Bundle, later: Bundle) -> list[tuple[Text, Any, Any]]:
    found = [(text, was[name], now[name]) for name, text in _ALIKE.items() if was[name] != now[name]]
    for file in (VERSIONS, SYSTEM):
        one, other = (_flat(bundle.files.get(file)) for bundle in (earlier, later))
        if one and other:
            found += [
                (Text(f"{file} {key}", f"{file} {key}"), one.get(key), other.get(key))
                for key in sorted({*one, *other})
                if one.get(key) != other.get(key)
            ]
    return found


def _flat(data: bytes | None) -> dict[str, Any]:
    """The values of a small JSON file under dotted names."""
    found: dict[str, Any] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{name}.{key}" if name else str(key))
        else:
            found[name] = value

    try:
        walk(json.loads(data or b"{}"), "")
    except (ValueError, RecursionError):
        return {}
    return found


def _change(check_id: str, was: Any, now: Any, earlier: Bundle, later: Bundle) -> Change | None:
    title = Text(**(now or was)["title"])
    old, new = (each and each["verdict"] for each in (was, now))
    red = now is not None and _is_red(now)
    if was is None or now is None:
        return Change(id=check_id, kind=Kind.GONE if now is None else Kind.NEW, title=title, was=old, now=new, red=red)
    told = {
        name: (was[name], now[name])
        for name in ("blame", "broken_clause", "reason", "expected", "received")
        if _lasting(was[name]) != _lasting(now[name])
    }
    if old == new:
        if old not in _RED or not told:
            return None
        return Change(
            id=check_id,
            kind=Kind.DIFFERENTLY,
            title=title,
            was=old,
            now=new,
            red=red,
            told=told,
            messages=_messages(check_id, was, now, earlier, later),
        )
    return Change(
        id=check_id,
        kind=_kind(was, now),
        title=title,
        was=old,
        now=new,
        red=red,
        told=told if _is_red(now) else {},
    )


def _kind(was: Any, now: Any) -> Kind:
    if _is_red(now) and not _is_red(was):
        return Kind.BROKEN
    if _is_red(was) and now["verdict"] == Verdict.PASS:
        return Kind.FIXED
    return Kind.LOST if was["verdict"] == Verdict.PASS and not _is_red(now) else Kind.OTHER


def _is_red(result: Any) -> bool:
    return result["verdict"] in _RED and result["known"] is None


def _messages(check_id: str, was: Any, now: Any, earlier: Bundle, later: Bundle) -> tuple[str, ...]:
    sides = []
    for result, bundle in ((was, earlier), (now, later)):
        data = bundle.files.get(trace_name(check_id))
        if data is None:
            return ()
        try:
            records = [r for r in Trace.from_lines(data.decode()).records if r.get("n") in result["evidence"]]
            sides.append([_lasting(line) for record in records for line in text_of(record)])
        except (ValueError, KeyError, TypeError, AttributeError):
            return ()
    return tuple(list(difflib.unified_diff(sides[0], sides[1], lineterm="", n=2))[2 : 2 + LINES_MAX])


def _lasting(value: Any) -> Any:
    """A value without what is another in every run."""
    if isinstance(value, str):
        return _PASSING.sub("…", value)
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if key not in ("n", "call")}
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    return value
