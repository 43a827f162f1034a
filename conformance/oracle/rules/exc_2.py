"""EXC-2: once filed, a case cannot be cancelled by anybody on any path."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "EXC-2",
    zh="立案后任何角色、任何途径都不能注销案卷;立案前网格平台可以撤回",
    en="after filing every attempt to cancel is refused, by any role and on any path; before filing the grid side can withdraw",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Withdrawals against filings on each link, then what people tried."""
    filed_at: dict[str, int] = {}
    for link, number, forms in trace.strands():
        filed = next((f for f in forms if f.form_type == "filingResult" and f.form.get("outcome") == "filed"), None)
        if filed is not None:
            filed_at[number] = min(filed.n, filed_at.get(number, filed.n))
        blame = "urban" if "urban" in link else "bridge"
        for form in forms:
            if form.form_type != "withdrawal":
                continue
            if filed is not None and form.accepted and (filed.n < form.n or form.answered_n < filed.n):
                crossing = filed.n > form.n
                yield Violation(
                    "撤回之后仍然立案" if crossing else "立案之后撤回仍被确认",
                    "a withdrawn case was filed" if crossing else "a withdrawal was confirmed after the filing",
                    (filed.n, form.n),
                    blame,
                )
            else:
                yield Seen((form.n,))
    for act in trace.acts("operator.file"):
        if act.done and act.case_number:
            filed_at[act.case_number] = min(act.n, filed_at.get(act.case_number, act.n))
    for act in trace.acts():
        number = act.case_number or ""
        if not act.name.endswith(".cancel") or filed_at.get(number, act.n) >= act.n:
            continue
        if act.done:
            yield Violation(f"立案后 {act.name} 得逞", f"{act.name} succeeded after the filing", (act.n,), act.party)
        else:
            yield Seen((act.n,))
