"""INT-2: limits follow the urban standards, the same for the same kind of matter."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace, moment


@clause(
    "INT-2",
    zh="城管平台内的时限按城市管理标准:同类案卷同时进入处置,时限相同,且晚于进入时刻",
    en="limits follow the urban standards: equal matters that enter disposal together are due together, after they entered",
    needs=Needs.MESSAGE,
    across_cases=True,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Each entry into disposal by itself, and against the others of its category, grade and moment."""
    kinds = {
        s.case_number: tuple(s.form.get(k) for k in ("kind", "category", "subcategory", "grade"))
        for s in trace.sendings()
        if s.form_type == "handOver"
    }
    due_of: dict[tuple[object, ...], tuple[int, object]] = {}
    for form in trace.sendings():
        if form.form_type != "stageProgress" or form.form.get("stage") != "department_disposal":
            continue
        entered, due = moment(form.form.get("enteredAt")), moment(form.form.get("disposalDueAt"))
        if entered is None or due is None or form.sender != "urban":
            continue
        if due <= entered:
            yield Violation("处置时限不晚于进入处置的时刻", "disposal is due before it begins", (form.n,), "urban")
            continue
        kind = kinds.get(form.case_number)
        if kind is not None:
            n, other = due_of.setdefault((kind, entered), (form.n, due))
            if other != due:
                yield Violation(
                    "同类案卷同时进入处置而时限不同",
                    "two equal matters entered disposal together and are due apart",
                    (n, form.n),
                    "urban",
                )
                continue
        yield Seen((form.n,))
