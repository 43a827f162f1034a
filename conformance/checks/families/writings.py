"""XCHG-1: the same data, whoever's SOAP stack wrote it; and what is no such message is refused whole, with a fault that is SOAP.

The message itself is lost on its way; in its place the same message comes as another stack would have written it. What can be read is
taken once, to the letter; when the sender repeats itself, it is told so with the same receipt. What must be refused leaves nothing behind, and the
repetition in plain writing is then the first that counts.
"""

from collections.abc import Iterator
from typing import Any

from conformance.checks.writing import Step, story
from conformance.scenario.written import WRITINGS, Writing

_WORDS = "路口垃圾堆放,占了半条人行道"
_REASON = "位置描述不清,无法到场"
#: Whom the message is for, and the numbers of the first check.
_TARGETS = (("urban", 101), ("grid", 141), ("bridge", 181))


def scenarios() -> Iterator[tuple[str, str]]:
    """Each writing to each party."""
    for target, first in _TARGETS:
        for number, (name, writing) in enumerate(WRITINGS.items(), first):
            zh, en = _TITLES[target]
            yield (
                f"{name.replace('_', '-')}-to-the-{target}{'' if target == 'bridge' else '-side'}",
                story(
                    zh=f"{zh}{writing.zh}",
                    en=f"{en} {writing.en}",
                    clauses=("XCHG-1", "RCPT-6"),
                    check=f"XCHG-1-{number}",
                    judges=(target,),
                    wiring="bridged" if target == "bridge" else None,
                    profile={"urban.receipts": "call", "grid.receipts": "call"},
                    steps=_steps(target, name, writing),
                ),
            )


_TITLES = {
    "urban": ("给城管的移交:", "A hand-over to the urban side"),
    "grid": ("给网格的不予立案:", "A filing result to the grid side"),
    "bridge": ("经对接桥的移交:", "A hand-over through the bridge"),
}


def _steps(target: str, name: str, writing: Writing) -> Iterator[Step]:
    before: dict[str, Any]
    after: dict[str, Any]
    told = {"written": name, "answer": "acknowledged" if writing.refused_as is None else "fault"}
    if target == "grid":
        of = "filingResult"
        yield "given", {"case": "c1", "at": "handed_over"}
        yield "network.lose", "filingResult #1 of c1"
        yield "operator.decline", {"case": "c1", "reason_code": "unclear", "reason": _REASON}
        before = {"grid": {"state": "handed_over"}}
        after = {"grid": {"state": "declined", "history": {"contains": {"detail": _REASON}}}}
    else:
        of = "handOver"
        yield (
            "worker.report",
            {"as": "c1", "category": "01", "subcategory": "02", "description": _WORDS, "photos": []},
        )
        yield "network.lose", "handOver #1 of c1 first hop"
        yield "workstation.hand_over", "c1"
        before = {"urban": {"unknown": True}}
        after = {"urban": {"status": "received", "data": {"description": {"contains": _WORDS}}}}
    pretending = {"as": "grid"} if target == "bridge" else {}
    yield "form.inject", {"to": target, **pretending, "case": "c1", "type": of, "like": 1, **told}
    yield "expect", {"case": "c1", **(after if writing.refused_as is None else before)}
    yield "clock.advance", "15 minutes"
    yield "expect.receipt", {"case": "c1", "of": of, "outcome": "confirmed"}
    yield "expect", {"case": "c1", **after}
