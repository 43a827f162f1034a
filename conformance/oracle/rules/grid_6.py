"""GRID-6: only cases of the city-appearance department leave the grid platform, through its virtual account."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "GRID-6",
    zh="工作站只把城管部门的案卷经虚拟账号移交;其他部门的案卷不离开网格平台",
    en="the workstation hands over the city-appearance department's cases only, through the virtual account; others never leave",
    needs=Needs.MESSAGE,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Matches hand-over forms with the acts behind them, where the trace shows what people did."""
    acts = trace.acts("workstation.hand_over")
    done = {a.case_number: a for a in reversed(acts) if a.done}
    accounts = {a.by for a in trace.acts() if a.party == "grid" and a.done and a.by}
    shows_people = bool(trace.acts())
    for sending in trace.sendings():
        if sending.form_type != "handOver" or sending.sender != "grid":
            continue
        act = done.get(sending.case_number)
        if shows_people and (act is None or act.n > sending.n):
            yield Violation(
                f"案卷 {sending.case_number} 未经工作站移交即发出",
                f"case {sending.case_number} left without the workstation handing it over",
                (sending.n,),
                "grid",
            )
        elif sending.form.get("handedOverBy") in accounts:
            yield Violation(
                "移交用的是个人账号而非虚拟账号",
                "the hand-over names a person's account, not the virtual one",
                (sending.n,),
                "grid",
            )
        else:
            yield Seen((sending.n,))
    left = {s.case_number for s in trace.sendings() if s.form_type == "handOver"}
    for act in acts:
        if not act.done and act.code == "wrong_department":
            if act.case_number in left:
                yield Violation("其他部门的案卷被移交", "a case of another department left", (act.n,), "grid")
            else:
                yield Seen((act.n,))
