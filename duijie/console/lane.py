"""What crosses between the parties, as rows of a sequence: one lane for each party, an arrow for each message."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Record
from conformance.scenario.wording import Wording


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message and how its call ended."""

    number: int
    at: str
    sender: str
    to: str
    #: Lanes from the left, counted from 1; `left` < `right` whichever way it goes.
    left: int
    right: int
    leftwards: bool
    #: form, receipt or query.
    kind: str
    what: str
    case_number: str
    answer: str
    #: good, bad, or waiting while there is no answer.
    ended: str


class Book:
    """The messages among records that only grow, by case and with their answers; each record is looked at once."""

    def __init__(self, records: Sequence[Record] = ()):
        self._read = 0
        self._calls: list[Record] = []
        self._by_case: dict[str, list[Record]] = {}
        self._answers: dict[Any, Record] = {}
        self._seen: set[str] = set()
        self._reading = threading.Lock()
        self.follow(records)

    def follow(self, records: Sequence[Record]) -> "Book":
        """Take in what has come since the last time."""
        with self._reading:
            for record in records[self._read :]:
                self._read += 1
                if record["type"] == "call":
                    self._calls.append(record)
                    self._by_case.setdefault(str(record.get("case_number")), []).append(record)
                    self._seen |= {str(record["from"]), str(record["to"])}
                elif record["type"] == "answer":
                    self._answers[record["call"]] = record
        return self

    def calls(self, case_number: str | None = None) -> list[Record]:
        """The messages of one case, or all of them, in order."""
        return self._calls if case_number is None else self._by_case.get(case_number, [])

    def answer(self, call: Record) -> Record | None:
        """How a call ended; None while nobody knows."""
        return self._answers.get(call["call"])

    @property
    def lanes(self) -> dict[str, int]:
        """The parties that take part, with the number of their lane from the left."""
        order = [party.value for party in (Party.GRID, Party.BRIDGE, Party.URBAN)]
        shown = [name for name in order if name in self._seen] or [Party.GRID.value, Party.URBAN.value]
        return {name: number for number, name in enumerate(shown, 1)}


def arrows(book: Book, said: Wording, case_number: str | None = None, last: int = 40) -> list[Arrow]:
    """The last messages, of one case or of all, the newest first."""
    lanes = book.lanes
    return [_arrow(call, book.answer(call), said, lanes) for call in reversed(book.calls(case_number)[-last:])]


def lanes(book: Book) -> list[str]:
    """The parties that take part, from left to right."""
    return list(book.lanes)


def _arrow(call: Record, answer: Record | None, said: Wording, lanes: dict[str, int]) -> Arrow:
    sender, to = str(call["from"]), str(call["to"])
    begin, end = lanes[sender], lanes[to]
    operation = call.get("operation")
    kind = {"DeliverForm": "form", "DeliverReceipt": "receipt"}.get(str(operation), "query")
    if kind == "form":
        what = said.form(call).replace(f" {call.get('case_number')}", "", 1)
    elif kind == "receipt":
        receipt = call.get("receipt") or {}
        what = (
            said.pick("回执:", "receipt: ") + said.label("forms", receipt.get("formType")) + " " + said.receipt(receipt)
        )
    else:
        what = said.pick("查询移交案卷", "query for handed-over cases")
    return Arrow(
        number=call["n"],
        at=said.time(call),
        sender=said.party(sender),
        to=said.party(to),
        left=min(begin, end),
        right=max(begin, end),
        leftwards=end < begin,
        kind=kind,
        what=what,
        case_number=str(call.get("case_number") or ""),
        answer="" if answer is None else said.answer(answer),
        ended=_ended(answer),
    )


def _ended(answer: Record | None) -> str:
    if answer is None:
        return "waiting"
    if answer.get("outcome") in ("acknowledged", "page"):
        return "good"
    receipt = answer.get("receipt") or {}
    return "good" if answer.get("outcome") == "receipt" and receipt.get("outcome") == "confirmed" else "bad"
