"""INT-6: both platforms close, or neither."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Fact, Trace

_CLOSED = ("closed", "closed_false_report")


@clause(
    "INT-6",
    zh="核查通过后两个平台都结案;报文送达之后不会只有一边结案",
    en="after a passed verification both platforms close; once all is delivered no case is closed on one side only",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Normal closings need a passed verification; at rest, what both platforms say of a handed-over case must agree."""
    for link, _, forms in trace.strands():
        for form in forms:
            if form.form_type != "closing" or form.form.get("kind") != "normal" or not form.accepted:
                continue
            task = form.form.get("taskNumber")
            heard = [
                f
                for f in forms
                if f.n < form.n and f.form.get("taskNumber") == task and f.accepted
                and f.form_type in ("verificationResult", "rejection")
            ]  # fmt: skip
            if heard and heard[-1].form_type == "verificationResult" and heard[-1].form.get("outcome") == "passed":
                yield Seen((heard[-1].n, form.n))
            else:
                yield Violation(
                    "未经核查通过即正常结案",
                    "the case was closed as normal without a passed verification",
                    (form.n,),
                    "grid" if "grid" in link else "bridge",
                )
    for number in sorted(trace.transferred()):
        grid, urban = trace.last_fact("grid", number), trace.last_fact("urban", number)
        if grid is None or urban is None or _under_way(trace, number, min(grid.n, urban.n), max(grid.n, urban.n)):
            continue
        here, there = _word(grid, "state"), _word(urban, "status")
        if (here in _CLOSED or there in _CLOSED) and here != there:
            yield Violation(
                f"案卷 {number} 在网格平台为 {here},在城管平台为 {there}",
                f"case {number} is {here} on the grid side and {there} on the urban side",
                (grid.n, urban.n),
                "grid" if there in _CLOSED else "urban",
            )
        elif here in _CLOSED:
            yield Seen((grid.n, urban.n))


def _under_way(trace: Trace, number: str, first: int, last: int) -> bool:
    """Tell whether a form of the case was still to be delivered, or something happened while the two were asked."""
    for sending in trace.sendings():
        if sending.case_number != number or sending.n > last:
            continue
        effective = sending.effective
        if (effective is None or effective.n > first) and sending.refused_for_good is None:
            return True
    return any(
        first < int(r["n"]) < last
        for r in trace.records
        if r.get("type") == "act" or (r.get("type") == "call" and r.get("case_number") == number)
    )


def _word(fact: Fact, key: str) -> str:
    return str(fact.answer.get(key)) if isinstance(fact.answer, dict) else ""
