"""Deeds and weather of a journal as a scenario file, for people to read and for `duijie replay`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import yaml

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import in_shanghai
from conformance.scenario.faults import FaultRule, FaultWhat, fault
from conformance.scenario.load import FORMAT
from conformance.scenario.stage import START
from conformance.scenario.words import catalogue
from duijie.recording.deeds import Deed, deeds
from duijie.recording.journal import Recorded
from duijie.recording.weather import Turn, met, turns
from simulators.city.town import Town

_WHAT = {
    FaultWhat.FORM: "form",
    FaultWhat.RECEIPT: "receipt",
    FaultWhat.ANSWER: "answer",
    FaultWhat.RECEIPT_ANSWER: "receipt_answer",
}


def scenario(recorded: Recorded, title: tuple[str, str], clauses: Sequence[str], notes: Iterable[str]) -> str:
    """The whole file."""
    zh, en = title
    lines = [f"# {note}" for note in notes]
    lines += [f'format: "{FORMAT}"', "title:", f"  zh: {_flow(zh)}", f"  en: {_flow(en)}"]
    lines += [f"clauses: {_flow(list(clauses))}", f"wiring: [{recorded.wiring.value}]"]
    if recorded.stage:
        lines.append(f"quirks: {{seed: {recorded.stage['stage_seed']}}}")
    lines.append("steps:")
    lines += [f"  - {word}: {_flow(params)}" for word, params in _Teller(recorded).steps()]
    return "\n".join(lines) + "\n"


class _Teller:
    def __init__(self, recorded: Recorded):
        self._recorded = recorded
        self._names: dict[str, str] = {}
        self._met = met(recorded.trace)
        #: A story plays in the small town.
        self._town = Town.build(1)
        self._minute = START

    def steps(self) -> Iterator[tuple[str, Any]]:
        """Every step in its order."""
        happened: list[Deed | Turn] = [*deeds(self._recorded.trace)[0], *turns(self._recorded.trace)]
        for each in sorted(happened, key=lambda each: (each.at, each.n)):
            yield from self._until(each.at)
            yield from self._turn(each) if isinstance(each, Turn) else self._deed(each)
        end = self._recorded.trace.end_at
        if end is not None:
            yield from self._until(end)
        yield from self._expectations()

    def _expectations(self) -> Iterator[tuple[str, Any]]:
        """How many forms of each type came to their recipient: what the journal shows, whoever wrote it.

        Of a case that never crossed, that it was not handed over: a file in which nothing is expected proves nothing.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for sending in self._recorded.trace.sendings():
            if sending.to != Party.BRIDGE and sending.case_number in self._names:
                counts[sending.case_number, sending.form_type] += 1
        crossed = {number for number, _ in counts}
        counts.update({(number, FormType.HAND_OVER.value): 0 for number in self._names if number not in crossed})
        for (number, form_type), count in counts.items():
            yield "expect.form", {"case": self._names[number], "type": form_type, "count": count}

    def _until(self, at: datetime) -> Iterator[tuple[str, Any]]:
        minute = in_shanghai(at).replace(second=0, microsecond=0)
        if minute > self._minute:
            self._minute = minute
            yield "clock.advance", f"to {minute:%Y-%m-%d %H:%M}"

    def _turn(self, turn: Turn) -> Iterator[tuple[str, Any]]:
        word = "party.restart" if turn.what == "restart" else f"network.{turn.what}"
        yield word, turn.party.value

    def _deed(self, deed: Deed) -> Iterator[tuple[str, Any]]:
        word = catalogue().get(deed.act)
        if word is None:
            return
        params = {name: value for name, value in deed.params.items() if value is not None}
        if deed.opens:
            number = str(deed.case_number)
            self._names[number] = f"c{len(self._names) + 1}"
            params = {"as": self._names[number]} | params
            if "cell" in params:
                params["cell"] = self._cell(str(params["cell"]))
        elif deed.case_number is not None:
            if deed.case_number not in self._names:
                # It was reported before the journal began.
                return
            params = {"case": self._names[deed.case_number]} | params
        if deed.by is not None:
            params["by"] = deed.by
        if deed.code is not None:
            yield "refused", {deed.act: params, "because": deed.code}
        else:
            yield deed.act, params
        if deed.opens and deed.code is None:
            yield from map(self._fault, self._met.get(str(deed.case_number), ()))

    def _cell(self, code: str) -> str:
        """A cell of the small town, in the same district where the cell itself is not there."""
        if code in self._town.cells:
            return code
        return next((each for each in self._town.cells if each[:6] == code[:6]), self._town.first_cell.code)

    def _fault(self, rule: FaultRule) -> tuple[str, Any]:
        params: dict[str, Any] = {"of": None if rule.of is None else rule.of.value}
        if len(fault(rule.kind).hits) > 1:
            params = {"what": _WHAT[rule.what]} | params
        params |= {"nth": rule.nth, "case": self._names[str(rule.case)]}
        if rule.hop is not None:
            params["hop"] = rule.hop.value
        if rule.attempt is not None:
            params["attempt"] = rule.attempt
        if rule.seconds:
            params["for"] = f"{rule.seconds} seconds"
        return f"network.{rule.kind}", params


def _flow(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return written.removesuffix("...\n").strip()
