"""The audit of the books: what all parties wrote down is held against each other, after a crash or at any other time.

    grid's book ──┐
    bridge's book ─┼──► audit ──► findings: which party, case and message, what was to be expected, what was seen
    urban's book ─┘

It knows no rule of the bridge's and no state machine of anybody's. It knows facts that must hold between books whoever
wrote them and whatever happened to the processes; they are `RULES`, each a function over `Books` a person can read:

| rule            | fact                                                                                           | at rest only |
|-----------------|------------------------------------------------------------------------------------------------|--------------|
| receipts-agree  | no form has two effective receipts, or receipts that say different things                      |              |
| one-effect      | a task number and a rejection stand in a book once                                             |              |
| one-content     | a message id stands for the same case, type and content in every book                          |              |
| attempts-grow   | the attempts of a form never decrease                                                          |              |
| one-receipt     | a form that has its end has exactly one effective receipt                                      | yes          |
| done-once       | what a form does was done once for each form that was taken                                    | yes          |
| same-outcome    | sender, bridge and receiver say the same of each form                                          | yes          |
| same-counts     | rejections, filings and the task number are equal in all books                                 | yes          |
| both-or-neither | a case that was handed over is known to everybody; it is ended on both sides or on neither     | yes          |
| not-forgotten   | a form without its end has a timer, a sending in the outbox, an earlier form to wait for, a person, or, where it waits to be asked for, a taker who still has to ask or to receipt | yes |

A form that a person gave up, or whose sending a person ended, is nobody's to judge: nobody knows whether it arrived (RCPT-5).
Counts and ends are compared for cases of which every form that moves something has gone through: while one is parked or
refused, the two sides differ rightly.

The books come through `Ask`, the question that every control port answers. While something is under way the parties are
asked at different moments and differ rightly; then only the first four facts are looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Direction, Party

#: A question to one party: name and parameters → the answer as JSON has it.
Ask = Callable[[str, Mapping[str, Any]], Any]

#: Lines of the bridge's journal that are asked for at one time.
JOURNAL_PAGE = 10_000

_PLATFORMS = (Party.GRID, Party.URBAN)
#: Words of the books for a form's end.
_CONFIRMED, _REFUSED = "confirmed", "refused"
_ENDED_BY_A_PERSON = frozenset({"given_up", "abandoned"})
_ENDS = frozenset({_CONFIRMED, _REFUSED}) | _ENDED_BY_A_PERSON
#: A form in one of these waits for others, and needs no timer of its own.
_QUEUED, _PARKED, _OFFERED = "waiting", "parked", "offered"
#: What the sender of a form is told whose sending was ended by a person at the bridge: nobody knows whether it arrived.
_ABANDONED = "DELIVERY_ABANDONED"
#: Forms that tell something and move nothing that is counted.
_TELLING = frozenset(
    {
        FormType.SUPPLEMENT,
        FormType.STAGE_PROGRESS,
        FormType.EXTENSION_NOTICE,
        FormType.TRANSFER_NOTICE,
        FormType.CONTACT_NOTICE,
    }
)
_CLOSED = frozenset({"closed", "closed_false_report"})


# ── the books ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as the book of its sender has it, or the bridge's of a form that it passes on."""

    message_id: str
    case_number: str
    form_type: str
    #: Whose form it is.
    sender: Party
    state: str
    digest: str
    #: What its effective receipt says; None without one.
    outcome: str | None
    code: str | None
    due_at: str | None
    #: True when it was refused and a corrected form has taken its place.
    is_repaired: bool = False

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is to become of it."""
        return self.state in _ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A form as the book of its receiver has it, with the receipt that it was given."""

    message_id: str
    case_number: str
    form_type: str
    digest: str
    outcome: str
    #: When its receipt is to be given; None when no call is planned.
    due_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt as it came to the sender of its form."""

    form_message_id: str
    case_number: str
    kept_as: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as one party counts it. What a party does not count is None."""

    case_number: str
    state: str
    task_number: str | None
    filing_ordinal: int | None
    rejections: int
    task_numbers: tuple[str, ...] | None = None
    #: (filing ordinal, ordinal within the filing) of each rejection.
    rejected: tuple[tuple[int, int], ...] | None = None
    #: Rejections within each filing, the first filing first.
    rejections_of_filings: tuple[int, ...] | None = None
    #: How often a form of this type, taken from the far side, did something to the case.
    effects: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Book:
    """What one party wrote down."""

    party: Party
    cases: dict[str, Case] = field(default_factory=dict)
    #: Own forms of a platform; the forms that the bridge passes on.
    forms: dict[str, Form] = field(default_factory=dict)
    arrived: dict[str, Arrived] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    #: The attempts of each form, in the order in which the journal has them.
    attempts: dict[str, list[int]] = field(default_factory=dict)
    #: Message ids of the forms, or of the forms of the receipts, that stand in the bridge's outbox.
    outbox: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Books:
    """The books of all parties: of both platforms, and of the bridge where there is one between them."""

    of: Mapping[Party, Book]

    @property
    def grid(self) -> Book:
        """The grid platform's."""
        return self.of[Party.GRID]

    @property
    def urban(self) -> Book:
        """The urban platform's."""
        return self.of[Party.URBAN]

    @property
    def bridge(self) -> Book | None:
        """The bridge's, unless the platforms are wired to each other."""
        return self.of.get(Party.BRIDGE)

    def sent(self) -> Iterator[tuple[Form, Book, Book]]:
        """Each form with the books of its sender and its receiver."""
        for book, far in ((self.grid, self.urban), (self.urban, self.grid)):
            for form in book.forms.values():
                yield form, book, far

    def handed_over(self) -> list[str]:
        """The cases of which the grid platform holds a receipt that the urban platform has them."""
        found = (
            form.case_number
            for form in self.grid.forms.values()
            if form.form_type == FormType.HAND_OVER and form.state == _CONFIRMED
        )
        return list(dict.fromkeys(found))

    def gone_through(self) -> Iterator[tuple[str, Case, Case]]:
        """The handed-over cases of which every form that moves something is confirmed, as grid and as urban has them."""
        held_up = {
            form.case_number
            for form, _, _ in self.sent()
            if form.state != _CONFIRMED and not form.is_repaired and form.form_type not in _TELLING
        }
        for number in self.handed_over():
            grid, urban = self.grid.cases.get(number), self.urban.cases.get(number)
            if number not in held_up and grid is not None and urban is not None:
                yield number, grid, urban


def read(party: Party, ask: Ask) -> Book:
    """Ask a party for its book."""
    return _read_bridge(ask) if party is Party.BRIDGE else _read_platform(party, ask)


def _read_platform(party: Party, ask: Ask) -> Book:
    book = Book(party=party)
    for line in ask("cases", {}):
        found = ask("case", {"case": line["case_number"]})
        book.cases[line["case_number"]] = _grid_case(found) if party is Party.GRID else _urban_case(found)
    for form in ask("forms", {}):
        book.forms[form["message_id"]] = Form(
            message_id=form["message_id"],
            case_number=form["case_number"],
            form_type=form["form_type"],
            sender=party,
            state=form["state"],
            digest=form["digest"],
            outcome=form["outcome"],
            code=form["code"],
            due_at=form["due_at"],
            is_repaired=form["repaired_by"] is not None,
        )
    for form in ask("forms_received", {}):
        book.arrived[form["message_id"]] = Arrived(
            message_id=form["message_id"],
            case_number=form["case_number"],
            form_type=form["form_type"],
            digest=form["digest"],
            outcome=form["outcome"],
            due_at=form["due_at"],
        )
    for receipt in ask("receipts_kept", {}):
        book.receipts.append(
            Receipt(
                form_message_id=receipt["form_message_id"],
                case_number=receipt["case_number"],
                kept_as=receipt["kept_as"],
                outcome=receipt["outcome"],
            )
        )
    for line in ask("journal", {}):
        if line["what"] == "form.out":
            _note_attempt(book, line)
    return book


def _grid_case(found: Mapping[str, Any]) -> Case:
    return Case(
        case_number=found["case_number"],
        state=found["state"],
        task_number=found["task_number"],
        filing_ordinal=found["filing_ordinal"],
        rejections=found["rejections"],
        task_numbers=tuple(found["task_numbers"]),
        rejected=tuple((each["filing_ordinal"], each["ordinal"]) for each in found["rejected"]),
        effects={FormType.VERIFICATION_REQUEST: len(found["verifications"])},
    )


def _urban_case(found: Mapping[str, Any]) -> Case:
    return Case(
        case_number=found["case_number"],
        state=found["status"],
        task_number=found["task_number"],
        filing_ordinal=found["filing_ordinal"],
        rejections=found["rejections"],
        task_numbers=tuple(each["task_number"] for each in found["filings"]),
        rejections_of_filings=tuple(each["rejections"] for each in found["filings"]),
        effects={FormType.REJECTION: sum(each["rejections"] for each in found["filings"])},
    )


def _read_bridge(ask: Ask) -> Book:
    book = Book(party=Party.BRIDGE)
    after = 0
    while lines := ask("journal", {"after": str(after), "limit": str(JOURNAL_PAGE)}):
        for line in lines:
            if line["what"].startswith("sending."):
                _note_attempt(book, line)
        after = lines[-1]["n"]
    for case in ask("cases", {}):
        _enter_bridge_case(book, case)
    book.outbox = frozenset(each["form_message_id"] for each in ask("outbox", {}))
    return book


def _enter_bridge_case(book: Book, found: Mapping[str, Any]) -> None:
    book.cases[found["case_number"]] = Case(
        case_number=found["case_number"],
        state=found["stage"],
        task_number=found["task_number"],
        filing_ordinal=found["filing_ordinal"],
        rejections=found["rejections"],
    )
    for form in found["deliveries"]:
        book.forms[form["message_id"]] = Form(
            message_id=form["message_id"],
            case_number=form["case_number"],
            form_type=form["form_type"],
            sender=Party.GRID if form["direction"] == Direction.TO_URBAN else Party.URBAN,
            state=form["state"],
            digest=form["fingerprint"],
            outcome=form["receipt"],
            code=form["code"],
            due_at=form["due_at"],
        )


def _note_attempt(book: Book, line: Mapping[str, Any]) -> None:
    """The journals say «attempt 3», with or without more behind it."""
    word, _, rest = str(line["detail"]).partition(" ")
    number = rest.partition(";")[0]
    if word == "attempt" and number.isdecimal():
        book.attempts.setdefault(line["message_id"], []).append(int(number))


# ── findings ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact that does not hold, in both languages."""

    rule: str
    party: Party
    case_number: str | None
    message_id: str | None
    expected_zh: str
    expected_en: str
    seen_zh: str
    seen_en: str

    def text(self, language: str) -> str:
        """One line for a person, in Chinese (`zh`) or English (`en`)."""
        about = " ".join(each for each in (self.case_number, self.message_id) if each)
        if language == "zh":
            return f"[{self.rule}] {_NAMES_ZH[self.party]} {about}:应为{self.expected_zh};实为{self.seen_zh}"
        return f"[{self.rule}] {self.party} {about}: expected {self.expected_en}; seen {self.seen_en}"


_NAMES_ZH = {Party.GRID: "网格平台", Party.URBAN: "城管平台", Party.BRIDGE: "对接桥"}

#: A fact's breach before it has its rule's name: party, case, message id, (expected zh, en), (seen zh, en).
_Breach = tuple[Party, str | None, str | None, tuple[str, str], tuple[str, str]]
_Rule = Callable[[Books], Iterator[_Breach]]


def audit(books: Books, *, at_rest: bool) -> list[Finding]:
    """Hold the books against each other; with `at_rest`, also what is only equal when nothing is under way."""
    return [
        Finding(
            rule=name,
            party=party,
            case_number=case_number,
            message_id=message_id,
            expected_zh=expected[0],
            expected_en=expected[1],
            seen_zh=seen[0],
            seen_en=seen[1],
        )
        for name, (rule, only_at_rest) in RULES.items()
        if at_rest or not only_at_rest
        for party, case_number, message_id, expected, seen in rule(books)
    ]


# ── the facts ───────────────────────────────────────────────────────────────────────────────────────


def _receipts_agree(books: Books) -> Iterator[_Breach]:
    """No form has two effective receipts, or receipts that say different things (RCPT-1, RCPT-6)."""
    for book in (books.grid, books.urban):
        effective = Counter(r.form_message_id for r in book.receipts if r.kept_as == "effective")
        for message_id, times in effective.items():
            if times > 1:
                case_number = next(r.case_number for r in book.receipts if r.form_message_id == message_id)
                yield (
                    book.party,
                    case_number,
                    message_id,
                    ("一份有效回执", "one effective receipt"),
                    (f" {times} 份", f"{times}"),
                )
        for receipt in book.receipts:
            if receipt.kept_as == "contradictory":
                yield (
                    book.party,
                    receipt.case_number,
                    receipt.form_message_id,
                    ("各份回执说法一致", "all receipts for a form to say the same"),
                    (f"另一份说 {receipt.outcome}", f"another one that says {receipt.outcome}"),
                )
            elif receipt.kept_as == "stray" and receipt.form_message_id not in book.forms:
                yield (
                    book.party,
                    receipt.case_number,
                    receipt.form_message_id,
                    ("回执所指表单在本方账上", "the receipt's form in this book"),
                    ("账上没有该表单", "no such form"),
                )


def _one_receipt(books: Books) -> Iterator[_Breach]:
    """A form that has its end has exactly one effective receipt (RCPT-1)."""
    effective_of = {
        book.party: Counter(each.form_message_id for each in book.receipts if each.kept_as == "effective")
        for book in (books.grid, books.urban)
    }
    for form, book, _ in books.sent():
        effective = effective_of[book.party][form.message_id]
        # A form that a fault refused never had a receipt, and says so by its code.
        owed = 1 if form.outcome is not None else 0
        if form.state == _CONFIRMED or (form.state == _REFUSED and form.outcome is None and form.code is None):
            owed = 1
        if effective != owed:
            yield (
                book.party,
                form.case_number,
                form.message_id,
                (
                    f" {owed} 份有效回执({form.form_type},{form.state})",
                    f"{owed} effective receipt(s) for {form.form_type}, which is {form.state}",
                ),
                (f" {effective} 份", f"{effective}"),
            )


def _one_effect(books: Books) -> Iterator[_Breach]:
    """A task number and a rejection stand in a book once."""
    for book in (books.grid, books.urban):
        owners: dict[str, list[str]] = defaultdict(list)
        for case in book.cases.values():
            for number in case.task_numbers or ():
                owners[number].append(case.case_number)
            for line, times in Counter(case.rejected or ()).items():
                if times > 1:
                    yield (
                        book.party,
                        case.case_number,
                        None,
                        (
                            f"第 {line[0]} 次立案的第 {line[1]} 次驳回只有一次",
                            f"rejection {line[1]} of filing {line[0]} once",
                        ),
                        (f" {times} 次", f"{times} times"),
                    )
        for number, cases in owners.items():
            if len(cases) > 1:
                yield (
                    book.party,
                    cases[0],
                    None,
                    (f"任务号 {number} 只立案一次", f"task number {number} filed once"),
                    (f"在 {'、'.join(cases)}", f"in {', '.join(cases)}"),
                )


def _done_once(books: Books) -> Iterator[_Breach]:
    """What a form does was done once for each form that was taken (RCPT-6)."""
    taken_by = {
        book.party: Counter(
            (each.case_number, each.form_type) for each in book.arrived.values() if each.outcome == _CONFIRMED
        )
        for book in (books.grid, books.urban)
    }
    for number in books.handed_over():
        for book in (books.grid, books.urban):
            case = book.cases.get(number)
            # Before it is filed, and where it is not, the grid platform may handle the case in its own loop (GRID-5).
            if case is not None and case.task_number is not None:
                yield from _case_done_once(book, case, taken_by[book.party])


def _case_done_once(book: Book, case: Case, taken_by: Mapping[tuple[str, str], int]) -> Iterator[_Breach]:
    for form_type, done in case.effects.items():
        taken = taken_by.get((case.case_number, form_type), 0)
        if done != taken:
            yield (
                book.party,
                case.case_number,
                None,
                (
                    f"收下的 {taken} 份 {form_type} 各生效一次",
                    f"each of {taken} {form_type} taken to have its effect once",
                ),
                (f"生效 {done} 次", f"{done} effects"),
            )


def _one_content(books: Books) -> Iterator[_Breach]:
    """A message id stands for one form: the same case, type and content wherever it is written (RCPT-6)."""
    named: dict[str, tuple[Party, tuple[str, str, str]]] = {}
    for book in books.of.values():
        for forms in (book.forms, book.arrived):
            for message_id, form in forms.items():
                content = (form.case_number, form.form_type, form.digest)
                first, known = named.setdefault(message_id, (book.party, content))
                if known != content:
                    yield (
                        book.party,
                        form.case_number,
                        message_id,
                        (f"与{_NAMES_ZH[first]}账上相同:{_content(known)}", f"as {first} has it: {_content(known)}"),
                        (_content(content), _content(content)),
                    )


def _content(content: tuple[str, str, str]) -> str:
    case_number, form_type, digest = content
    return f"{case_number} {form_type} {digest[:12]}"


def _attempts_grow(books: Books) -> Iterator[_Breach]:
    """A form's attempts are counted on, over restarts too (RCPT-5)."""
    for book in books.of.values():
        for message_id, attempts in book.attempts.items():
            for earlier, later in pairwise(attempts):
                if later < earlier:
                    form = book.forms.get(message_id)
                    yield (
                        book.party,
                        form.case_number if form else None,
                        message_id,
                        (f"第 {earlier} 次发送之后次数不减", f"no attempt below {earlier} after it"),
                        (f"第 {later} 次", f"attempt {later}"),
                    )


def _same_outcome(books: Books) -> Iterator[_Breach]:
    """Sender, bridge and receiver say the same of each form, and nobody has a form that nobody sent (RCPT-2)."""
    for form, book, far in books.sent():
        yield from _outcome_over_there(form, book, far)
        if books.bridge is not None:
            yield from _outcome_between(form, book, books.bridge)
    senders = {form.message_id for form, _, _ in books.sent()}
    for book in books.of.values():
        passed_on = book.forms if book.party is Party.BRIDGE else book.arrived
        for message_id, held in passed_on.items():
            if message_id not in senders:
                yield (
                    book.party,
                    held.case_number,
                    message_id,
                    ("发送方账上有此表单", "its sender to know the form"),
                    (f"无人发过这份 {held.form_type}", f"a {held.form_type} that nobody sent"),
                )


def _outcome_over_there(form: Form, book: Book, far: Book) -> Iterator[_Breach]:
    arrived = far.arrived.get(form.message_id)
    seen = "unknown" if arrived is None else arrived.outcome
    if form.state == _CONFIRMED and seen != _CONFIRMED:
        expected = (f"已收下(发送方为 {form.state})", f"{form.form_type} taken, as its sender holds a confirmation")
    elif form.state == _REFUSED and form.code != _ABANDONED and seen == _CONFIRMED:
        expected = (f"未收下(发送方为 {form.state})", f"{form.form_type} not taken, as its sender was refused")
    else:
        return
    yield far.party, form.case_number, form.message_id, expected, (seen, seen)


def _outcome_between(form: Form, book: Book, bridge: Book) -> Iterator[_Breach]:
    passed = bridge.forms.get(form.message_id)
    if form.state not in (_CONFIRMED, _REFUSED) or (form.outcome is None and passed is None):
        # Not ended, ended by a person, or refused by a fault before anything was kept.
        return
    seen = "unknown" if passed is None else passed.outcome or passed.state
    if seen != form.outcome:
        yield (
            Party.BRIDGE,
            form.case_number,
            form.message_id,
            (f"与发送方相同:{form.outcome}", f"{form.outcome}, as {book.party} has it"),
            (seen, seen),
        )


def _same_counts(books: Books) -> Iterator[_Breach]:
    """Rejections, filings and the task number are equal in all books (INT-8)."""
    for number, grid, urban in books.gone_through():
        counts = {Party.GRID: _counts(grid), Party.URBAN: _counts(urban)}
        if books.bridge is not None and number in books.bridge.cases:
            counts[Party.BRIDGE] = _counts(books.bridge.cases[number])
        for party, seen in counts.items():
            if seen != counts[Party.URBAN]:
                yield (
                    party,
                    number,
                    None,
                    (
                        f"与城管平台相同:{_told_zh(counts[Party.URBAN])}",
                        f"as urban counts: {_told(counts[Party.URBAN])}",
                    ),
                    (_told_zh(seen), _told(seen)),
                )
        if grid.task_numbers != urban.task_numbers:
            yield (
                Party.GRID,
                number,
                None,
                (f"任务号 {urban.task_numbers}", f"the task numbers {urban.task_numbers}"),
                (str(grid.task_numbers), str(grid.task_numbers)),
            )
        by_filing = Counter(filing for filing, _ in grid.rejected or ())
        counted = tuple(by_filing[ordinal] for ordinal in range(1, len(urban.rejections_of_filings or ()) + 1))
        if counted != urban.rejections_of_filings:
            yield (
                Party.URBAN,
                number,
                None,
                (f"各次立案的驳回数 {counted}", f"rejections by filing as grid made them: {counted}"),
                (str(urban.rejections_of_filings), str(urban.rejections_of_filings)),
            )


def _counts(case: Case) -> tuple[str | None, int, int]:
    # A case that was never filed has no filing to count, whatever number a book keeps for it.
    return case.task_number, (case.filing_ordinal or 0) if case.task_number else 0, case.rejections


def _told(counts: tuple[str | None, int, int]) -> str:
    return f"task {counts[0]}, filing {counts[1]}, {counts[2]} rejection(s)"


def _told_zh(counts: tuple[str | None, int, int]) -> str:
    return f"任务号 {counts[0]}、第 {counts[1]} 次立案、驳回 {counts[2]} 次"


def _both_or_neither(books: Books) -> Iterator[_Breach]:
    """A case that was handed over is known to everybody, and ended on both sides or on neither (INT-6)."""
    for number in books.handed_over():
        for book in books.of.values():
            if number not in book.cases:
                yield book.party, number, None, ("有此案卷", "the case"), ("没有", "no such case")
    for number, grid, urban in books.gone_through():
        if grid.state != urban.state and (grid.state in _CLOSED or urban.state in _CLOSED | {"withdrawn"}):
            yield (
                Party.GRID,
                number,
                None,
                (f"与城管平台同为 {urban.state}", f"{urban.state}, as urban has it"),
                (grid.state, grid.state),
            )
    given = {form.case_number for form in books.grid.forms.values() if form.form_type == FormType.HAND_OVER}
    for number in sorted(set(books.urban.cases) - given):
        # The urban platform's own cases have never crossed (URBAN-3).
        if any(each.case_number == number for each in books.urban.arrived.values()):
            yield Party.GRID, number, None, ("移交过此案卷", "to have handed the case over"), ("没有", "no hand-over")


def _not_forgotten(books: Books) -> Iterator[_Breach]:
    """Whatever has no end yet is in somebody's hands: a timer's, the outbox's, an earlier form's, or a person's (RCPT-5)."""
    for book in books.of.values():
        first: dict[tuple[str, Party], str] = {}
        for form in book.forms.values():
            if form.is_ended:
                continue
            ahead = first.setdefault((form.case_number, form.sender), form.message_id)
            held = (
                form.due_at is not None
                or form.state == _PARKED
                or (form.state == _OFFERED and _receipt_may_come(books, form))
                or (form.state == _QUEUED and ahead != form.message_id)
                or form.message_id in book.outbox
            )
            if not held:
                yield (
                    book.party,
                    form.case_number,
                    form.message_id,
                    ("有定时、在途、排队或待人工处理", "a timer, a sending, a place in the queue or a person"),
                    (
                        f"{form.form_type} 为 {form.state},无人过问",
                        f"{form.form_type} is {form.state}, and nobody looks after it",
                    ),
                )


def _receipt_may_come(books: Books, form: Form) -> bool:
    """Whether a form that waits to be shown by a query is still to be taken, or its taker still has its receipt to give."""
    if books.bridge is not None:
        passed = books.bridge.forms.get(form.message_id)
        return (
            passed is None or not passed.is_ended or passed.due_at is not None or form.message_id in books.bridge.outbox
        )
    taken = books.urban.arrived.get(form.message_id)
    return taken is None or taken.due_at is not None


#: Each fact, and whether it holds at rest only.
RULES: Mapping[str, tuple[_Rule, bool]] = {
    "receipts-agree": (_receipts_agree, False),
    "one-effect": (_one_effect, False),
    "one-content": (_one_content, False),
    "attempts-grow": (_attempts_grow, False),
    "one-receipt": (_one_receipt, True),
    "done-once": (_done_once, True),
    "same-outcome": (_same_outcome, True),
    "same-counts": (_same_counts, True),
    "both-or-neither": (_both_or_neither, True),
    "not-forgotten": (_not_forgotten, True),
}
