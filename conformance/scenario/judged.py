"""The judged trace: what a run comes to when ids, moments and the order between cases are left out.

It is the same for the same scenario on every stage: per case what people did and how it ended, per hop the distinct
forms in order with what they say and what became of them, and the verdict on every clause.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.oracle.judge import Verdict
from conformance.oracle.trace import Record, Sending, Trace

#: Fields that say what a form means; the others are moments, ids, names and words.
_TELLING = (
    "outcome",
    "decision",
    "stage",
    "ordinal",
    "round",
    "filingOrdinal",
    "declineReason",
    "cause",
    "confirmed",
    "kind",
    "phase",
    "source",
    "category",
    "subcategory",
    "district",
    "fromDistrict",
    "toDistrict",
    "toDepartment",
)


def judged(trace: Trace, verdicts: Iterable[Verdict] = ()) -> list[Record]:
    """The normalised record of a run, as JSON-able values."""
    names: dict[str, str] = {}
    for act in trace.acts():
        if act.case_number is not None:
            names.setdefault(act.case_number, f"case-{len(names) + 1}")
    for number in trace.case_numbers():
        names.setdefault(number, f"case-{len(names) + 1}")
    result = [_acts(trace, names)]
    result += [_case(trace, number, name, names) for number, name in names.items()]
    result.append({"verdicts": {verdict.clause: verdict.outcome.value for verdict in verdicts}})
    return result


def _acts(trace: Trace, names: Mapping[str, str]) -> Record:
    return {
        "acts": [
            {"act": act.name, "case": names.get(act.case_number or ""), "outcome": "done" if act.done else act.code}
            for act in trace.acts()
        ]
    }


def _case(trace: Trace, number: str, name: str, names: Mapping[str, str]) -> Record:
    hops: dict[str, list[Any]] = {}
    for sending in sorted(trace.sendings(injected=True), key=lambda s: s.n):
        if sending.case_number == number:
            hops.setdefault(f"{sending.sender}>{sending.to}", []).append(_form(sending, names))
    return {"case": name, "forms": dict(sorted(hops.items()))}


def _form(sending: Sending, names: Mapping[str, str]) -> Record:
    found: Record = {"form": sending.form_type}
    found |= {key: sending.form[key] for key in _TELLING if key in sending.form}
    if "originalCaseNumber" in sending.form:
        original = str(sending.form["originalCaseNumber"])
        found["original"] = names.get(original, "?")
    if sending.injected:
        found["injected"] = True
    effective = sending.effective
    refused = sending.refused_for_good
    if effective is not None:
        found["receipt"] = effective.outcome if effective.code is None else f"{effective.outcome} {effective.code}"
    elif refused is not None:
        found["receipt"] = f"fault {(refused.fault or {}).get('code')}"
    else:
        found["receipt"] = "none"
    return found
