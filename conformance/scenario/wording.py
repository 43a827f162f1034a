"""How records of a trace are said to people: parties, forms, values, in Chinese or in English."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import conformance.scenario
import located_yaml
from bridge.vocabulary.times import in_shanghai
from conformance.oracle.trace import Record
from conformance.scenario.faults import faults
from conformance.scenario.steps import Step
from conformance.scenario.words import catalogue

#: Fields that a line shows of a form, in this order, when they are there.
_SHOWN = (
    "outcome",
    "decision",
    "stage",
    "kind",
    "ordinal",
    "round",
    "filingOrdinal",
    "taskNumber",
    "declineReason",
    "originalCaseNumber",
    "cause",
    "confirmed",
    "disposalDueAt",
    "disposalResult",
    "toDistrict",
    "reason",
)
_LONGEST_TEXT = 24

#: The case of an act is told before its particulars; two codes of the category say nothing to most readers.
_NOT_TOLD = {"case", "category", "subcategory"}

#: What people write themselves, and names. It is said as it stands, even where it reads like a code.
_VERBATIM = {"photos", "description", "reason", "note", "disposalResult", "name", "address", "as", "by", "account"}

#: The clause that each form is there for, where one form serves one clause.
_CLAUSE_OF_FORM = {
    "handOver": "GRID-6",
    "supplement": "XCHG-3",
    "withdrawal": "EXC-2",
    "dispatch": "URBAN-2",
    "stageProgress": "INT-1",
    "extensionNotice": "URBAN-4",
    "returnNotice": "URBAN-4",
    "transferNotice": "EXC-5",
    "verificationRequest": "INT-4",
    "verificationResult": "INT-5",
    "rejection": "INT-7",
    "falseReportApplication": "EXC-3",
    "falseReportAnswer": "EXC-3",
    "contactNotice": "CONT-2",
}


@cache
def _labels() -> dict[str, dict[str, list[str]]]:
    folder = Path(conformance.scenario.__file__ or "").parent
    found: dict[str, dict[str, list[str]]] = located_yaml.load(folder / "labels.yaml").value
    return found


class Wording:
    """Says records in one language; `cases` gives the names by which a story calls its cases."""

    def __init__(self, language: str, cases: Mapping[str, str] | None = None):
        self.language = language
        self._index = 0 if language == "zh" else 1
        #: Name by case number.
        self.names: dict[str, str] = {number: name for name, number in (cases or {}).items()}

    def pick(self, zh: str, en: str) -> str:
        """The one of two sentences that is in this language."""
        return zh if self.language == "zh" else en

    def label(self, group: str, key: object) -> str:
        """The word for a code; the code itself when there is none."""
        text = str(key).lower() if isinstance(key, bool) else str(key)
        found = _labels()[group].get(text)
        return text if found is None else found[self._index]

    def party(self, name: object) -> str:
        """A party's name."""
        return self.label("parties", name)

    def case(self, number: object) -> str:
        """The name that the story gives a case, or its number."""
        return self.names.get(str(number), str(number))

    def time(self, record: Record) -> str:
        """When it happened."""
        moment = in_shanghai(datetime.fromisoformat(record["at"]))
        return f"{moment:%m-%d %H:%M:%S}"

    def act(self, record: Record) -> str:
        """Who did what."""
        word = catalogue().get(record["act"])
        title = record["act"] if word is None else word.title(self.language)
        params = record.get("params") or {}
        case = params.get("case") or (record.get("result") or {}).get("case")
        told = [
            self.field(key, value)
            for key, value in params.items()
            if key not in _NOT_TOLD and key in _labels()["fields"] and value not in (None, [], "")
        ]
        if case and "case" not in params:
            told.insert(0, f"{self.label('fields', 'case_number')} {case}")
        return self.about(title, self.case(case) if case else "", told)

    def about(self, title: str, case: str, told: list[str]) -> str:
        """What happens or is looked at, on which case, and its particulars."""
        on = self.pick(f" {case}", f" ({case})") if case else ""
        return title + on + (self.pick(":", ": ") + self.pick(",", ", ").join(told) if told else "")

    def field(self, key: str, value: object) -> str:
        """A field and its value, as people say it."""
        counted = _labels()["counted"].get(key)
        if counted is not None and not isinstance(value, Mapping | list):
            return counted[self._index].format(value)
        if key in _VERBATIM and not isinstance(value, Mapping):
            said = self.pick("、", ", ").join(map(_shortened, value if isinstance(value, list) else [value]))
        elif key == "role":
            said = self.label("roles", value)
        else:
            said = self.comparison(value)
        return f"{self.label('fields', key)} {said}"

    def form(self, record: Record) -> str:
        """A form's name, its case, and what it says."""
        form = record.get("form") or {}
        told = [self.field(key, form[key]) for key in _SHOWN if key in form]
        told = [] if record.get("form_type") == "handOver" else told
        text = f"{self.label('forms', record.get('form_type'))} {self.case(record.get('case_number'))}"
        return text + (self.pick("(", " (") + self.pick(",", ", ").join(told) + self.pick(")", ")") if told else "")

    def receipt(self, receipt: Mapping[str, Any]) -> str:
        """What a receipt says."""
        fault = receipt.get("fault") or {}
        said = self.label("values", receipt.get("outcome"))
        return f"{said}{self.pick(':', ' – ')}{self.code(fault['code'])}" if fault.get("code") else said

    def code(self, code: object) -> str:
        """What a code of a refusal or an error means, with the code."""
        meaning = _labels()["codes"].get(str(code))
        return str(code) if meaning is None else f"{meaning[self._index]}{self.pick('(', ' (')}{code})"

    def answer(self, record: Record) -> str:
        """How a call ended."""
        outcome = record.get("outcome")
        if outcome == "receipt":
            return self.pick("回执:", "receipt: ") + self.receipt(record.get("receipt") or {})
        if outcome == "fault":
            return self.pick("拒收 ", "fault ") + self.code((record.get("fault") or {}).get("code"))
        if outcome == "page":
            return self.pick(f"{len(record.get('cases') or [])} 件案卷", f"{len(record.get('cases') or [])} cases")
        said = {
            "acknowledged": self.pick("已签收", "acknowledged"),
            "lost": self.pick("应答丢失", "answer lost"),
            "not_reached": self.pick("无法连接", "not reached"),
            "unanswered": self.pick("没有应答", "no answer"),
        }.get(str(outcome), str(outcome))
        why = self.network(record)
        return f"{said}{self.pick('(', ' (')}{why}{self.pick(')', ')')}" if why else said

    def network(self, record: Record) -> str:
        """What the network did to a call or an answer; nothing where it did nothing."""
        met = faults().get(str(record.get("network")))
        return "" if met is None else self.pick(met.told_zh, met.told_en)

    def clauses(self, call: Record) -> str:
        """The clauses that a message is there to fulfil, as ` [INT-4]`; nothing for one without a clause of its own."""
        form = call.get("form") or {}
        found: list[str] = []
        if call.get("operation") == "QueryCases":
            found = ["XCHG-2"]
        elif call.get("operation") == "DeliverReceipt":
            found = ["RCPT-3"] if call.get("injected") else ["RCPT-1"]
        elif call.get("form_type") == "closing":
            found = ["EXC-3" if form.get("kind") == "false_report" else "INT-6"]
        elif call.get("form_type") == "filingResult":
            found = ["INT-8"] if int(form.get("filingOrdinal") or 1) > 1 else ["INT-1"]
            found = ["EXC-1"] if form.get("declineReason") == "duplicate" else found
        elif call.get("form_type") in _CLAUSE_OF_FORM:
            found = [_CLAUSE_OF_FORM[str(call["form_type"])]]
        if call.get("by_network"):
            found.append("RCPT-6")
        elif int(call.get("attempt") or 1) > 1:
            found.append("RCPT-5")
        return f" [{' '.join(found)}]" if found else ""

    def books(self, expected: Mapping[str, Any]) -> str:
        """What is expected of somebody's books, word by word."""
        return self.pick(",", ", ").join(
            f"{self.label('fields', key)}{self.pick('(', ' (')}{self.books(value)})"
            if key in _labels()["parties"] and isinstance(value, Mapping)
            else self.field(key, value)
            for key, value in expected.items()
        )

    def comparison(self, value: object) -> str:
        """An expected value, or how it is compared."""
        if isinstance(value, Mapping):
            remembered = value.get("same_as", value.get("other_than"))
            if len(value) == 1 and remembered is not None:
                key = "same_as" if "same_as" in value else "other_than"
                return self.label("comparisons", key) + self.pick(f" {remembered}", f" the remembered {remembered}")
            if not all(key in _labels()["comparisons"] for key in value):
                return self.books(value)
            return " ".join(f"{self.label('comparisons', key)} {self.comparison(item)}" for key, item in value.items())
        if value is None:
            return self.pick("无", "none")
        return self.value(value)

    def rule(self, record: Record) -> str:
        """What the network was told to do."""
        rule = record.get("rule") or {}
        word = catalogue().get(f"network.{rule.get('kind')}")
        title = str(rule.get("kind")) if word is None else word.title(self.language)
        if "shares" in rule:
            known = [f"{self.pick(faults()[name].told_zh, name)} {share:g}%" for name, share in rule["shares"].items()]
            seed = self.pick(f"(种子 {rule.get('seed', 0)}):", f" (seed {rule.get('seed', 0)}): ")
            return title + seed + self.pick("、", ", ").join(known)
        if "party" in rule:
            return f"{title} {self.party(rule['party'])}"
        if "of" not in rule:
            return title
        what = {
            "form": ("", ""),
            "receipt": ("的回执", "the receipt of "),
            "answer": ("的应答", "the answer of "),
            "receipt_answer": ("的回执的应答", "the answer to the receipt of "),
        }
        zh, en = what[str(rule.get("what", "form"))]
        form, nth = self.label("forms", rule["of"]), rule.get("nth", 1)
        about = f" {self.case(rule['case'])}" if "case" in rule else ""
        about += "".join(f" {name} {value}" for name, value in (rule.get("params") or {}).items())
        return f"{title}{self.pick(f'第 {nth} 份{form}{zh}', f' {en}{form} #{nth}')}{about}"

    def step(self, step: Step) -> str:
        """A step under its title, with what it says."""
        inner = step.inner or step
        title = step.word.title(self.language)
        if step.inner is not None:
            title += self.pick(":", ": ") + inner.word.title(self.language)
        told = [self._particular(step, key, value) for key, value in inner.params.items() if key != "case"]
        if step.inner is not None:
            told.append(f"{self.label('fields', 'because')} {self.code(step.params['because'])}")
        return self.about(title, str(inner.params.get("case", "")), told)

    def _particular(self, step: Step, key: str, value: object) -> str:
        if isinstance(value, Mapping):
            return f"{self.label('fields', key)}{self.pick('(', ' (')}{self.books(value)})"
        if key in ("of", "type"):
            form = self.label("forms", value)
            return form if form != value else self.label("fields", value)
        if key == "by" and step.word.name == "clock.advance":
            return str(value)
        if key == "code":
            return self.code(value)
        return self.field(key, value)

    def value(self, value: object) -> str:
        """A value as people read it."""
        if isinstance(value, list):
            return self.pick("、", ", ").join(self.value(item) for item in value)
        text = self.case(value) if str(value) in self.names else self.label("values", value)
        if len(text) >= len("2026-03-02T09:00") and text[4:5] == "-" and text[10:11] == "T":
            return f"{in_shanghai(datetime.fromisoformat(text)):%m-%d %H:%M}"
        return _shortened(text)


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
