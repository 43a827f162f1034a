"""CONT-2: a contact is told once when a matter starts and once when it is over."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Record, Trace

#: How often one matter of a case may be open at a bridge, whose notices do not say which form or filing they are about:
#: it parks forms of both directions and waits for the receipts of both, and each filing that was rejected once too often is a matter of its own.
_AT_ONCE = {"receipt_overdue": 2, "parked": 2, "repeated_rejection": 9}


@clause(
    "CONT-2",
    zh="重复、挂起、多次驳回和系统故障在开始和解除时各通知联系人一次,均有记录",
    en="duplicates, parked messages, repeated rejections and faults are told once when they start and once when they are over",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Walks each party's notices in order: the same matter never starts twice without having been over."""
    books: dict[str, list[tuple[int, Record]]] = {}
    for record in trace.of_type("notice"):
        books.setdefault(str(record.get("party")), []).append((int(record["n"]), record.get("notice") or {}))
    for fact in trace.facts(ask="notices"):
        answer = fact.answer.get("notices", []) if isinstance(fact.answer, dict) else fact.answer
        if isinstance(answer, list):
            books[f"{fact.party} notices"] = [(fact.n, item) for item in answer if isinstance(item, dict)]
    for link, number, forms in trace.strands():
        for form in forms:
            if form.form_type == "contactNotice":
                # Each side tells the other of matters of its own, and the words for them may be the same.
                books.setdefault(f"{link} {number} {form.sender}", []).append((form.n, form.form))
    for book, entries in books.items():
        yield from _walk(book.split()[0], entries)


def _walk(owner: str, entries: list[tuple[int, Record]]) -> Iterator[Finding]:
    blame = owner if owner in ("grid", "urban", "bridge") else None
    open_: dict[tuple[str, ...], int] = {}
    for n, notice in entries:
        told = (
            notice.get("duty"),
            notice.get("kind"),
            notice.get("case_number") or notice.get("case") or notice.get("caseNumber"),
            notice.get("related_case_number") or notice.get("relatedCaseNumber"),
            notice.get("subject"),
            notice.get("told_by"),
        )
        # A stranger's notice may hold anything.
        matter = tuple(map(str, told))
        most = _AT_ONCE.get(str(notice.get("kind")), 1) if owner == "bridge" else 1
        starts = notice.get("phase") == "started"
        now_open = open_.get(matter, 0) + (1 if starts else -1)
        if 0 <= now_open <= most:
            yield Seen((n,))
        else:
            yield Violation(
                f"{notice.get('kind')} 的{'发生' if starts else '解除'}通知重复或无头",
                f"the notice that {notice.get('kind')} {'started' if starts else 'is over'} came twice or out of nowhere",
                (n,),
                blame,
            )
        open_[matter] = min(max(now_open, 0), most)
