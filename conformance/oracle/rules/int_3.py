"""INT-3: transferred cases stay out of the urban side's monthly assessment, and of nothing else."""

import json
from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "INT-3",
    zh="移交案卷不计入城管平台月度考核,但计入其他统计",
    en="transferred cases are left out of the urban side's monthly assessment, and of no other figure",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Looks for transferred cases in what was assessed; those taken before the answer must stand elsewhere in it."""
    for fact in trace.facts("urban", "assessment"):
        if not isinstance(fact.answer, dict) or "assessed" not in fact.answer:
            continue
        received = {
            s.case_number
            for s in trace.sendings()
            if s.form_type == "handOver" and s.to == "urban" and s.accepted and s.answered_n < fact.n
        }
        assessed, everything = json.dumps(fact.answer["assessed"]), json.dumps(fact.answer)
        counted = sorted(number for number in received if f'"{number}"' in assessed)
        forgotten = sorted(number for number in received if f'"{number}"' not in everything)
        if counted:
            yield Violation(
                f"移交案卷 {counted[0]} 计入了考核", f"transferred case {counted[0]} was assessed", (fact.n,), "urban"
            )
        elif forgotten:
            yield Violation(
                f"移交案卷 {forgotten[0]} 不在任何统计中",
                f"transferred case {forgotten[0]} stands in no figure at all",
                (fact.n,),
                "urban",
            )
        else:
            yield Seen((fact.n,))
