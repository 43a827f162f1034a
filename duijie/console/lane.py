"""What crosses between the parties, as rows of a sequence: one lane for each party, an arrow for each message."""

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


def arrows(records: Sequence[Record], said: Wording, case_number: str | None = None, last: int = 40) -> list[Arrow]:
    """The last messages, of one case or of all, the newest first."""
    answers: dict[Any, Record] = {record["call"]: record for record in records if record["type"] == "answer"}
    calls = [
        record
        for record in records
        if record["type"] == "call" and (case_number is None or record.get("case_number") == case_number)
    ]
    lanes = _lanes(records)
    return [_arrow(call, answers.get(call["call"]), said, lanes) for call in reversed(calls[-last:])]


def lanes(records: Sequence[Record]) -> list[str]:
    """The parties that take part, from left to right."""
    return list(_lanes(records))


def _lanes(records: Sequence[Record]) -> dict[str, int]:
    seen = {str(record[end]) for record in records if record["type"] == "call" for end in ("from", "to")}
    order = [party.value for party in (Party.GRID, Party.BRIDGE, Party.URBAN)]
    shown = [name for name in order if name in seen] or [Party.GRID.value, Party.URBAN.value]
    return {name: number for number, name in enumerate(shown, 1)}


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
