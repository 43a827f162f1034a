"""EXC-4: the district that a case lies in may differ from the one it is dispatched to."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace

_PLACES = ("district", "street", "community", "cell")


@clause(
    "EXC-4",
    zh="案卷所属区与派遣处置区可以不同,任何一方不得因此退回",
    en="the case's own district may differ from the one dispatched to, and nobody may refuse for that",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads dispatches to another district, and refusals that name a place."""
    for _, _, forms in trace.strands():
        home = next((f.form.get("district") for f in forms if f.form_type == "handOver"), None)
        for form in forms:
            if form.form_type == "dispatch" and home and form.form.get("district") != home:
                if _refused_for_place(form):
                    yield Violation(
                        "因派遣区与所属区不同而退回",
                        "a dispatch to another district was refused for that",
                        (form.n,),
                        form.to,
                    )
                else:
                    yield Seen((form.n,))


def _refused_for_place(form: Sending) -> bool:
    faults = [r.receipt.get("fault") or {} for r in form.receipts if not r.injected and r.outcome == "error"]
    return any(str(f.get("field") or "").rpartition("/")[2] in _PLACES for f in faults)
