"""INT-8: three rejections lead back to disposal; the fourth refiles the case."""

from collections.abc import Iterator
from itertools import pairwise

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.rules.int_7 import lane_blocked
from conformance.oracle.trace import Sending, Trace


@clause(
    "INT-8",
    zh="至多三次驳回;再驳回不回处置,本次立案记为超时未处置,以新任务号、原案卷号重新立案派遣,驳回次数重新计",
    en="at most three rejections; one more never leads back to disposal but to a new filing under a new task number and the same case number, counting afresh",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads ordinals and filings per link and case."""
    limit = profile.choices.max_rejections
    for link, _, forms in trace.strands():
        urban = "urban" if "urban" in link else "bridge"
        grid = "grid" if "grid" in link else "bridge"
        rejections = [f for f in forms if f.form_type == "rejection" and f.accepted]
        if profile.choices.counter_restarts_on_refiling:
            yield from _ordinals(rejections, limit, grid)
        for rejection in rejections:
            if _ordinal(rejection) == limit + 1:
                yield from _refiled(trace, rejection, forms, urban)
        yield from _filings(forms, limit, urban)


def _ordinal(rejection: Sending) -> int:
    return int(rejection.form.get("ordinal") or 0)


def _ordinals(rejections: list[Sending], limit: int, blame: str) -> Iterator[Finding]:
    last: dict[object, int] = {}
    for rejection in rejections:
        task = rejection.form.get("taskNumber")
        expected = last.get(task, 0) + 1
        last[task] = _ordinal(rejection)
        if _ordinal(rejection) != expected or expected > limit + 1:
            yield Violation(
                f"驳回次序为 {_ordinal(rejection)},应为 {expected},且不超过 {limit + 1}",
                f"a rejection says number {_ordinal(rejection)} where {expected} was next and {limit + 1} the last",
                (rejection.n,),
                blame,
            )
        else:
            yield Seen((rejection.n,))


def _refiled(trace: Trace, rejection: Sending, forms: list[Sending], blame: str) -> Iterator[Finding]:
    task = rejection.form.get("taskNumber")
    later = [f for f in forms if f.n > rejection.n]
    back = [
        f
        for f in later
        if f.form_type == "stageProgress"
        and f.form.get("stage") == "department_disposal"
        and f.form.get("taskNumber") == task
    ]
    if back:
        yield Violation(
            "超过次数的驳回仍回到了处置",
            "the rejection beyond the last still led back to disposal",
            (rejection.n, back[0].n),
            blame,
        )
    filing = next((f for f in later if f.form_type == "filingResult" and f.form.get("outcome") == "filed"), None)
    if filing is None:
        if trace.at_rest and not lane_blocked(forms, rejection):
            yield Violation(
                "超过次数的驳回之后没有重新立案",
                "no new filing followed the rejection beyond the last",
                (rejection.n,),
                blame,
            )
        return
    dispatch = next((f for f in later if f.form_type == "dispatch" and f.n > filing.n), None)
    if dispatch is None and trace.at_rest and not lane_blocked(forms, rejection):
        yield Violation("重新立案后没有派遣", "the new filing was not dispatched", (filing.n,), blame)
    elif dispatch is not None and dispatch.form.get("taskNumber") != filing.form.get("taskNumber"):
        yield Violation(
            "重新派遣没有用新任务号", "the new dispatch does not use the new task number", (filing.n, dispatch.n), blame
        )
    else:
        yield Seen((rejection.n, filing.n))


def _filings(forms: list[Sending], limit: int, blame: str) -> Iterator[Finding]:
    filings = [f for f in forms if f.form_type == "filingResult" and f.form.get("outcome") == "filed"]
    for before, after in pairwise(filings):
        if not before.accepted and before.form.get("filingOrdinal") == after.form.get("filingOrdinal"):
            continue  # the first was refused and came again corrected
        beyond = [
            f
            for f in forms
            if f.form_type == "rejection"
            and before.n < f.n < after.n
            # The receipt of the last one may come after the filing that follows from it, or after the end of a trace.
            and (f.accepted or (not f.receipts and f.refused_for_good is None))
            and _ordinal(f) > limit
        ]
        records = (before.n, after.n)
        if not beyond:
            yield Violation(
                "次数未满即重新立案", "the case was filed again before its rejections were used up", records, blame
            )
        elif before.form.get("taskNumber") == after.form.get("taskNumber"):
            yield Violation("重新立案没有换任务号", "the new filing has no new task number", records, blame)
        elif int(after.form.get("filingOrdinal") or 0) != int(before.form.get("filingOrdinal") or 0) + 1:
            yield Violation("立案次序没有加一", "the filing ordinal did not grow by one", records, blame)
        else:
            yield Seen(records)
