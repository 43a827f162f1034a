"""What of a run may leave the house: signs in the place of names and telephones, nothing in the place of secrets.

The same value has the same sign throughout a bundle, so that the judge comes to the same verdicts and a reader can follow a person through a
story. Signs are numbered in the order of appearance: nothing can be computed back from them, and the same run gives the same signs.

Masked are the fields that name people (reporters, contacts, and whoever is on record as having handled, decided or closed), those names
wherever else they are written, and whatever looks like a telephone or an identity card. What people wrote stays, because it is what was judged;
it is the suite's own story.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from conformance.checks.known import KnownFailure
from conformance.checks.result import Result, Text
from conformance.doctor.finding import Finding
from conformance.observe.envelope import HIDDEN, rewritten
from conformance.oracle.judge import Verdict
from conformance.oracle.trace import Record, Trace, plain
from conformance.reports.report import Report
from conformance.scenario.events import Run

#: Fields that name a person, as they are called on the wire and in what parties say of themselves.
PERSONS = frozenset(
    {
        *(
            "reporterName",
            "contactName",
            "handedOverBy",
            "decidedBy",
            "dispatchedBy",
            "handler",
            "verifier",
            "closedBy",
        ),
        *("reporter_name", "contact_name", "handed_over_by", "decided_by", "dispatched_by", "closed_by"),
        *("filed_by", "reported_by", "by", "who"),
    }
)
PHONES = frozenset({"reporterPhone", "reporter_phone", "phone", "contactPhone", "contact_phone"})
#: The setting that names nobody's name, which a scenario may change.
_DEFAULT_VERIFIER = "choices.auto_verifier"
#: In what has a seat in the contact book, these tell of its person.
_SEAT, _OF_SEAT = "duty", "name"

#: A mobile or a fixed telephone, and the number of an identity card.
_NUMBERS = re.compile(
    r"(?<![0-9A-Za-z.:-])(?:1[3-9][0-9]{9}|0[0-9]{2,3}-[0-9]{7,8}|[1-9][0-9]{16}[0-9Xx])(?![0-9A-Za-z-])"
)
#: Shorter than that, a name or a secret may be part of any word.
_SHORTEST_NAME, _SHORTEST_SECRET = 2, 4


class Mask:
    """Signs for the people of one run. `spared` are names that are nobody's, such as the default verifier's."""

    def __init__(self, *, secrets: Iterable[str] = (), spared: Collection[str] = ()):
        self._spared = set(spared)
        self._signs: dict[tuple[str, str], str] = {}
        self._secrets = sorted({each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._words: re.Pattern[str] | None = None

    def spare(self, name: str) -> None:
        """Leave a name as it stands: it is nobody's."""
        self._spared.add(name)

    def learn(self, value: Any, field: str = "") -> None:
        """Take note of everybody who is named in this, so that they are known wherever else they are written."""
        if isinstance(value, dict):
            for key, item in value.items():
                self.learn(item, _meaning(key, value))
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item, field)
        elif isinstance(value, str) and field in PERSONS | PHONES:
            self._sign(value, field)

    def over(self, value: Any, field: str = "") -> Any:
        """A JSON-able value as it may be handed on."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.over(item, _meaning(key, value)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.over(item, field) for item in value]
        if not isinstance(value, str):
            return value
        if field == "envelope":
            return self._envelope(value)
        return self._sign(value, field) if field in PERSONS | PHONES else self.text(value)

    def text(self, text: str) -> str:
        """A sentence without secrets and without anybody who is known."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        if self._words is None:
            self._words = self._pattern()
        text = self._words.sub(lambda found: self._known(found[0]), text)
        return _NUMBERS.sub(lambda found: self._sign(found[0], "phone"), text)

    def _pattern(self) -> re.Pattern[str]:
        # Accounts, such as operator-3402, are replaced where they stand for a person and left in sentences.
        names = {
            name
            for _, name in self._signs
            if len(name) >= _SHORTEST_NAME and not re.fullmatch(r"[\w.@-]+", name, re.ASCII)
        }
        longest_first = sorted(names, key=lambda name: (-len(name), name))
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def _known(self, name: str) -> str:
        return next(self._signs[kind, name] for kind in ("person", "number") if (kind, name) in self._signs)

    def _sign(self, value: str, field: str) -> str:
        value = value.strip()
        if not value or value in self._spared:
            return value
        key = ("number" if field in PHONES else "person", value)
        if key not in self._signs:
            count = sum(kind == key[0] for kind, _ in self._signs) + 1
            self._signs[key] = f"‹{key[0]} {count}›"
            self._words = None
        return self._signs[key]

    def _envelope(self, envelope: str) -> str:
        def change(path: tuple[str, ...], content: str, is_text: bool) -> str | None:
            return self._sign(content, path[-1]) if is_text and path[-1] in PERSONS | PHONES else None

        found = rewritten(envelope, change)
        # One that was cut cannot be taken apart, and its record says what it held.
        return HIDDEN if found is None else self.text(found)


def _meaning(key: object, beside: dict[Any, Any]) -> str:
    """What a field is about: a name beside a seat is a person's, a name elsewhere a thing's."""
    return "who" if key == _OF_SEAT and _SEAT in beside else str(key)


def masked(report: Report, mask: Mask) -> Report:
    """The report as it may be handed on."""
    for result in report.results:
        verifier = result.check.scenario.settings.get(_DEFAULT_VERIFIER)
        if verifier is not None:
            mask.spare(str(verifier))
    for result in report.results:
        if result.run is not None:
            mask.learn(result.run.trace.records)
        mask.learn([plain(result.expected), plain(result.received)])
    return replace(
        report,
        results=tuple(_result(result, mask) for result in report.results),
        doctor=tuple(_finding(finding, mask) for finding in report.doctor),
        known_failures=tuple(
            replace(entry, known=_known(entry.known, mask), text=_text(entry.text, mask))
            for entry in report.known_failures
        ),
    )


def _finding(finding: Finding, mask: Mask) -> Finding:
    return replace(
        finding,
        said=_text(finding.said, mask),
        next_step=_text(finding.next_step, mask),
        details=tuple(_text(detail, mask) for detail in finding.details),
    )


def _result(result: Result, mask: Mask) -> Result:
    records = {} if result.run is None else {record["n"]: mask.over(record) for record in result.run.trace.records}
    return replace(
        result,
        reason=_text(result.reason, mask),
        expected=mask.over(plain(result.expected)),
        received=mask.over(plain(result.received)),
        evidence=tuple(records.get(record["n"]) or mask.over(record) for record in result.evidence),
        notes=tuple(_text(note, mask) for note in result.notes),
        repeat_command=mask.text(result.repeat_command),
        known=None if result.known is None else _known(result.known, mask),
        attestations=tuple(
            replace(each, asked=mask.text(each.asked), said=mask.text(each.said)) for each in result.attestations
        ),
        run=None if result.run is None else _run(result.run, list(records.values()), mask),
    )


def _known(known: KnownFailure, mask: Mask) -> KnownFailure:
    message = None if known.message is None else mask.text(known.message)
    return replace(known, reason=mask.text(known.reason), owner=mask.text(known.owner), message=message)


def _run(run: Run, records: list[Record], mask: Mask) -> Run:
    return replace(
        run,
        # Judged again, it must be told of the end what it was told then.
        trace=Trace(records, at_rest=run.judged_at_rest if run.verdicts else run.trace.at_rest),
        verdicts=tuple(_verdict(verdict, mask) for verdict in run.verdicts),
    )


def _verdict(verdict: Verdict, mask: Mask) -> Verdict:
    return replace(verdict, seen_zh=mask.text(verdict.seen_zh), seen_en=mask.text(verdict.seen_en))


def _text(text: Text, mask: Mask) -> Text:
    return Text(mask.text(text.zh), mask.text(text.en))
