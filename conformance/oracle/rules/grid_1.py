"""GRID-1: cells leave no gap and do not overlap; each has one code, about 300 households and one worker of its own."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace

#: What still counts as about 300 households.
_HOUSEHOLDS = range(200, 401)
#: Digits of a community's code.
_COMMUNITY = 12

_Cell = Mapping[str, Any]


@clause(
    "GRID-1",
    zh="网格不重叠、无空隙,各有唯一编码、约三百户和一名只负责本格的网格员",
    en="cells leave no gap and do not overlap; each has a code of its own, about 300 households and one worker who has no other cell",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each list of cells; how they lie is judged for cells that say their `bounds` [left, bottom, right, top]."""
    for fact in trace.facts("grid", "cells"):
        cells = [cell for cell in fact.answer if isinstance(cell, Mapping)] if isinstance(fact.answer, list) else []
        if not cells:
            continue
        wrong = next((said for said in (*_single(cells), *_lying(cells))), None)
        yield Seen((fact.n,)) if wrong is None else Violation(*wrong, (fact.n,), "grid")


def _single(cells: list[_Cell]) -> Iterator[tuple[str, str]]:
    for field, zh, en in (("code", "编码", "code"), ("worker", "网格员", "worker")):
        for value, times in Counter(cell.get(field) for cell in cells).items():
            if not value:
                yield f"{times} 个网格没有{zh}", f"{times} cells have no {en}"
            elif times > 1:
                yield f"{times} 个网格的{zh}同为 {value}", f"{times} cells have the {en} {value}"
    for cell in cells:
        if cell.get("households") not in _HOUSEHOLDS:
            said = cell.get("households")
            yield f"网格 {cell.get('code')} 有 {said} 户", f"cell {cell.get('code')} has {said} households"


def _lying(cells: list[_Cell]) -> Iterator[tuple[str, str]]:
    communities: dict[str, list[_Cell]] = {}
    for cell in cells:
        if cell.get("bounds"):
            communities.setdefault(str(cell.get("code"))[:_COMMUNITY], []).append(cell)
    for one, other in combinations((cell for group in communities.values() for cell in group), 2):
        (left, bottom, right, top), (left2, bottom2, right2, top2) = one["bounds"], other["bounds"]
        if left < right2 and left2 < right and bottom < top2 and bottom2 < top:
            codes = one.get("code"), other.get("code")
            yield f"网格 {codes[0]} 与 {codes[1]} 重叠", f"cells {codes[0]} and {codes[1]} overlap"
    for community, group in communities.items():
        lefts, bottoms, rights, tops = zip(*(cell["bounds"] for cell in group), strict=True)
        covered = sum(
            (right - left) * (top - bottom) for left, bottom, right, top in (cell["bounds"] for cell in group)
        )
        if covered < (max(rights) - min(lefts)) * (max(tops) - min(bottoms)):
            yield f"社区 {community} 的网格之间有空隙", f"the cells of community {community} leave a gap"
