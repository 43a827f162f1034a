"""INT-1: the grid side shows where the case stands on the urban side."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace


@clause(
    "INT-1",
    zh="移交后两个平台都有完整流程,网格平台能显示案卷在城管平台所处环节",
    en="both platforms keep the whole flow, and the grid side shows the stage that the urban side reported last",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Compares the stage that the grid side tells with the last stage it confirmed having been told."""
    for fact in trace.facts("grid", "case"):
        if not isinstance(fact.answer, dict) or "urban_stage" not in fact.answer:
            continue
        told = [
            s
            for s in trace.sendings(injected=True)
            if s.to == "grid" and s.case_number == fact.params.get("case") and s.n < fact.n
        ]
        if not told or not _is_progress(told[-1]) or not told[-1].accepted or told[-1].answered_n > fact.n:
            continue
        expected, seen = told[-1].form.get("stage"), fact.answer["urban_stage"]
        if seen == expected:
            yield Seen((fact.n,))
        else:
            yield Violation(
                f"网格平台显示环节 {seen},城管平台最后告知的是 {expected}",
                f"the grid side shows stage {seen}, but was told {expected} last",
                (told[-1].n, fact.n),
                "grid",
            )


def _is_progress(sending: Sending) -> bool:
    return sending.form_type == "stageProgress"
