"""XCHG-2: the query of handed-over cases repeats nothing and misses nothing."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Query, Record, Trace


@clause(
    "XCHG-2",
    zh="查询移交案卷逐页不重不漏,推送与查询所见为同一次移交",
    en="the pages of a query repeat and miss nothing, and a query shows the hand-over that a push would bring",
    needs=Needs.HOP,
    across_cases=True,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Follows every chain of cursors, and compares it with what had been handed over when it began."""
    pages = [q for q in trace.queries() if q.cases is not None]
    for page in pages:
        chain = _chain(page, pages)
        shown = [str(c.get("caseNumber")) for q in chain for c in q.cases or []]
        twice = sorted({number for number in shown if shown.count(number) > 1})
        records = tuple(q.n for q in chain)
        if twice:
            yield Violation(
                f"同一次翻页中案卷 {'、'.join(twice)} 出现两次",
                f"case {', '.join(twice)} stands twice in one run of pages",
                records,
                page.to,
            )
            continue
        yield Seen((page.n,))
        state = page.query.get("state")
        other = [c for c in page.cases or [] if state and c.get("state") != state]
        if other:
            yield Violation(
                f"按 {state} 查询却得到 {other[0].get('state')} 的案卷",
                f"a query for {state} brought a case that is {other[0].get('state')}",
                (page.n,),
                page.to,
            )
        first = chain[0]
        filtered = any(q.query.get("state") or q.query.get("since") for q in chain)
        if page.more or filtered or first.query.get("cursor"):
            continue
        missed = [number for number in _handed_over(trace, page.to, first.n) if number not in shown]
        if missed:
            yield Violation(
                f"查询漏掉了案卷 {'、'.join(missed)}", f"the query misses case {', '.join(missed)}", records, page.to
            )
    yield from _one_identity(trace, pages)
    for fact in trace.facts("urban", "cases"):
        listed = [c.get("case_number") for c in fact.answer if isinstance(c, dict)] if pages and fact.answer else []
        twice = sorted({str(number) for number in listed if listed.count(number) > 1})
        if twice:
            yield Violation(
                f"案卷 {'、'.join(twice)} 被收了两次", f"case {', '.join(twice)} was taken twice", (fact.n,), "urban"
            )


def _chain(page: Query, pages: list[Query]) -> list[Query]:
    """The pages that led to this one by their cursors, itself last."""
    chain = [page]
    while cursor := chain[0].query.get("cursor"):
        first = chain[0]
        before = [q for q in pages if q.n < first.n and (q.sender, q.to) == (page.sender, page.to)]
        found = next((q for q in reversed(before) if q.next_cursor == cursor and q.query.get("cursor") != cursor), None)
        if found is None:
            break
        chain.insert(0, found)
    return chain


def _handed_over(trace: Trace, asked: str, before_n: int) -> list[str]:
    """The cases that the asked party surely knew as handed over when the query began."""
    if asked == "grid":
        acts = [a for a in trace.acts("workstation.hand_over") if a.done and a.n < before_n and a.case_number]
        return [str(a.case_number) for a in acts]
    known = [s for s in trace.sendings() if s.form_type == "handOver" and s.to == asked and s.accepted]
    return [s.case_number for s in known if s.answered_n < before_n]


def _one_identity(trace: Trace, pages: list[Query]) -> Iterator[Finding]:
    """A case has one hand-over: the same message id in every page, and in the form when it is pushed as well."""
    identity: dict[str, tuple[int, str]] = {}
    repaired = {
        s.case_number
        for s in trace.sendings()
        if s.form_type == "handOver" and s.effective and s.effective.outcome == "error"
    }
    pushed: list[Record] = [
        {"n": s.n, "case": s.case_number, "id": s.message_id} for s in trace.sendings() if s.form_type == "handOver"
    ]
    shown: list[Record] = [
        {"n": q.n, "case": str(c.get("caseNumber")), "id": str(c.get("messageId"))}
        for q in pages
        for c in q.cases or []
    ]
    if not shown:
        return
    for sight in pushed + shown:
        if sight["case"] in repaired:
            continue
        n, known = identity.setdefault(sight["case"], (sight["n"], sight["id"]))
        if known != sight["id"]:
            yield Violation(
                f"案卷 {sight['case']} 的移交有两个报文标识",
                f"the hand-over of case {sight['case']} goes by two message ids",
                (n, sight["n"]),
                "grid",
            )
