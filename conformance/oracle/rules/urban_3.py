"""URBAN-3: the urban side's own cases never reach the grid side."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "URBAN-3",
    zh="城管平台自有案卷只在城管平台内办理,不到网格平台",
    en="the urban side's own cases run inside it and never reach the grid side",
    needs=Needs.MESSAGE,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Looks for forms of cases that the urban side's own people reported, or that bear a native number."""
    native = {a.case_number: a for a in trace.acts("collector.report", "intake.report") if a.done and a.case_number}
    told = set()
    for sending in trace.sendings():
        if sending.case_number in native or sending.case_number.startswith("U"):
            told.add(sending.case_number)
            yield Violation(
                f"自有案卷 {sending.case_number} 的 {sending.form_type} 发到了对方",
                f"{sending.form_type} of native case {sending.case_number} was sent to the other side",
                (sending.n,),
                "urban",
            )
    for number, act in native.items():
        if number not in told:
            yield Seen((act.n,))
