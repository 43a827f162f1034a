"""INT-4: at verification the case goes to the grid side, and to nobody of the urban side."""

import json
from collections.abc import Iterator
from typing import Any

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace

_VERIFYING = ("district_verifier.verify", "city_verifier.verify")
_VERIFIERS = ("district_verifier", "city_verifier")
_DECIDES_FALSE_REPORT = "city_verifier.decide_false_report"


@clause(
    "INT-4",
    zh="到核查环节由网格平台核查:先有核查请求后有核查结果,城管平台的核查人员看不到也办不了移交案卷",
    en="the grid side verifies: a request goes before each result, and the urban side's verifiers are neither shown nor let at transferred cases",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads requests and results per task and round on each link, then what urban verifiers did and were shown."""
    for link, _, forms in trace.strands():
        asked: dict[tuple[object, object], int] = {}
        rounds: dict[object, int] = {}
        for form in forms:
            key = form.form.get("taskNumber"), form.form.get("round")
            if form.form_type == "verificationRequest":
                expected = rounds.get(key[0], 0) + 1
                if key[1] != expected and not _was_refused_before(forms, form.n, key[0]):
                    yield Violation(
                        f"第 {key[1]} 轮核查请求,应为第 {expected} 轮",
                        f"round {key[1]} was asked for where round {expected} was next",
                        (form.n,),
                        "urban" if "urban" in link else "bridge",
                    )
                rounds[key[0]] = int(key[1] or 0)
                asked[key] = form.n
                yield Seen((form.n,))
            elif form.form_type == "verificationResult":
                if key in asked:
                    yield Seen((asked[key], form.n))
                else:
                    yield Violation(
                        f"没有第 {key[1]} 轮核查请求就有核查结果",
                        f"a verification result of round {key[1]} came without a request",
                        (form.n,),
                        "grid" if "grid" in link else "bridge",
                    )
    transferred = trace.transferred()
    for act in trace.acts(*_VERIFYING):
        if act.case_number in transferred:
            if act.done:
                yield Violation(
                    "城管平台人员核查了移交案卷", "an urban verifier verified a transferred case", (act.n,), "urban"
                )
            else:
                yield Seen((act.n,))
    for fact in trace.facts("urban", "worklist"):
        if fact.params.get("role") not in _VERIFIERS:
            continue
        shown = sorted(number for number in transferred if _is_offered(fact.answer, number))
        if shown:
            yield Violation(
                f"核查人员的待办中有移交案卷 {shown[0]}",
                f"transferred case {shown[0]} stands in an urban verifier's work list",
                (fact.n,),
                "urban",
            )
        else:
            yield Seen((fact.n,))


def _is_offered(answer: Any, number: str) -> bool:
    """Tell whether a work list offers the case for verification; a false report to decide on is none (EXC-3).

    An entry that does not say what is to be done with its case counts as an offer.
    """
    if isinstance(answer, dict) and isinstance(answer.get("acts"), list):
        return f'"{number}"' in json.dumps(answer) and answer["acts"] != [_DECIDES_FALSE_REPORT]
    if isinstance(answer, dict):
        return any(_is_offered(value, number) for value in answer.values())
    if isinstance(answer, list):
        return any(_is_offered(item, number) for item in answer)
    return bool(answer == number)


def _was_refused_before(forms: list[Sending], n: int, task: object) -> bool:
    """Tell whether an earlier request of the task was refused: then its round may come again."""
    return any(
        f.n < n and f.form_type == "verificationRequest" and f.form.get("taskNumber") == task and not f.accepted
        for f in forms
    )
