"""From forms that crossed to cases: what a trace or the bridge's journal knows (STAT-4).

A form counts when its recipient has confirmed it, and once however often it was sent; a form that was refused changed nothing. What the urban
platform said of itself and nobody answered before the record ended counts too: the step was done. Moments are those that the forms name, so a
form that comes late counts where its matter happened.

Only cases that the grid platform handed over cross the wire; those that the urban platform has of its own are in its books (`books`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duijie.figures.cases import TRANSFERRED, Case, Filing, Return, Stretch, Verification, moment

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FormHeard:
    """A form on its way, with its fields under their names on the wire."""

    message_id: str
    form_type: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class ReceiptHeard:
    """A receipt for a form."""

    message_id: str
    confirmed: bool


Heard = FormHeard | ReceiptHeard


def cases_from(heard: Iterable[Heard]) -> Iterator[Case]:
    """Every case, when it is over or when the record ends. In memory are those under way, and the numbers of those that are over."""
    stories: dict[str, _Story] = {}
    #: The case of each form that waits for its receipt.
    asked: dict[str, str] = {}
    over: set[str] = set()
    for item in heard:
        if isinstance(item, FormHeard):
            number = str(item.fields.get("caseNumber"))
            if number not in over:
                story = stories.setdefault(number, _Story(number))
                if item.message_id not in story.answered:
                    story.waiting.setdefault(item.message_id, item)
                    asked[item.message_id] = number
            continue
        number = asked.pop(item.message_id, "")
        if not number:
            continue
        story = stories[number]
        case = story.answer(item)
        if case is not None and case.ended_at is not None:
            for message_id in story.waiting:
                asked.pop(message_id, None)
            del stories[number]
            over.add(number)
            yield case
    for story in stories.values():
        unfinished = story.at_the_end()
        if unfinished is not None:
            yield unfinished


class _Story:
    """A case under way: its forms that wait for a receipt, those that had one, and what later forms take for granted."""

    __slots__ = ("_begun", "_number", "answered", "place", "waiting")

    def __init__(self, number: str):
        self._number = number
        self._begun: Case | None = None
        self.waiting: dict[str, FormHeard] = {}
        self.answered: set[str] = set()
        #: The district in whose hands it is.
        self.place = ""

    def answer(self, receipt: ReceiptHeard) -> Case | None:
        """A form has its receipt: it does what it says, or nothing where it was refused."""
        form = self.waiting.pop(receipt.message_id)
        self.answered.add(receipt.message_id)
        if receipt.confirmed:
            self._take(form)
        return self._begun

    def at_the_end(self) -> Case | None:
        """The record ends: what the urban platform said of a case that is known was done, answered or not."""
        for form in self.waiting.values():
            if self._begun is not None and form.form_type in _SAID_BY_THE_URBAN_SIDE:
                self._take(form)
        return self._begun

    def _take(self, form: FormHeard) -> None:
        step = _STEPS.get(form.form_type)
        if step is None:
            return
        if self._begun is None:
            # A record that begins in the middle of a case knows of it what it heard.
            self._begun = Case(self._number, TRANSFERRED, _first_moment(form.fields))
        step(self, form.fields)

    @property
    def case(self) -> Case:
        """The case, once a form has said something of it."""
        if self._begun is None:
            raise AssertionError("a step is taken by a form, which has begun the case")
        return self._begun

    def handed_over(self, fields: Fields) -> None:
        self.case.received_at = moment(fields["handedOverAt"])
        for name in ("source", "kind", "category", "subcategory", "grade", "district", "street"):
            setattr(self.case, name, str(fields.get(name, "")))

    def withdrawn(self, fields: Fields) -> None:
        self.case.withdrawn_at = moment(fields["withdrawnAt"])

    def filing_result(self, fields: Fields) -> None:
        case, at, by = self.case, moment(fields["decidedAt"]), str(fields.get("decidedBy", ""))
        if fields["outcome"] == "declined":
            case.declined_at, case.declined_by = at, by
            case.decline_reason = str(fields.get("declineReason", ""))
            return
        if case.filings:
            # Another filing means that the one before was given up (INT-8).
            case.filings[-1].given_up_at = at
            self.end("given_up", at)
            for stretch in case.disposals[-1:]:
                stretch.given_up_at = at
        case.filings.append(Filing(str(fields.get("taskNumber", "")), at, by))

    def dispatched(self, fields: Fields) -> None:
        self.place = str(fields["district"])
        for filing in self.case.filings[-1:]:
            if filing.dispatched_at is None:
                filing.dispatched_at, filing.district = moment(fields["dispatchedAt"]), self.place

    def progressed(self, fields: Fields) -> None:
        if fields["stage"] != "department_disposal":
            return
        task, before = str(fields.get("taskNumber", "")), self.case.disposals[-1:]
        rework = bool(before) and before[0].ending == "disposed" and before[0].task == task
        due, started = moment(fields["disposalDueAt"]), moment(fields["enteredAt"])
        department = str(fields.get("department", ""))
        self.case.disposals.append(Stretch(self.place, department, started, due, task, rework))

    def extended(self, fields: Fields) -> None:
        if fields["decision"] == "granted":
            for stretch in self.case.disposals[-1:]:
                stretch.extensions.append((moment(fields["noticedAt"]), moment(fields["disposalDueAt"])))

    def returned(self, fields: Fields) -> None:
        if fields["decision"] == "granted":
            task = str(fields.get("taskNumber", ""))
            self.case.returns.append(Return(moment(fields["noticedAt"]), str(fields["district"]), task))

    def transferred(self, fields: Fields) -> None:
        if fields["decision"] == "granted":
            self.end("transferred", moment(fields["noticedAt"]))
            self.place = str(fields["toDistrict"])

    def disposed(self, fields: Fields) -> None:
        self.end("disposed", moment(fields["disposedAt"]))

    def verified(self, fields: Fields) -> None:
        asked = self.case.disposals[-1].ended_at if self.case.disposals else None
        passed = fields["outcome"] == "passed"
        self.case.verifications.append(Verification(moment(fields["verifiedAt"]), passed, asked))

    def rejected(self, fields: Fields) -> None:
        self.case.rejections.append(moment(fields["rejectedAt"]))

    def closed(self, fields: Fields) -> None:
        case = self.case
        case.closed_at, case.closing = moment(fields["closedAt"]), str(fields["kind"])
        if case.closing == "false_report":
            self.end("false_report", case.closed_at)

    def end(self, ending: str, at: datetime) -> None:
        """End the stretch of disposal that is under way, if one is."""
        for stretch in self.case.disposals[-1:]:
            if stretch.ended_at is None:
                stretch.ended_at, stretch.ending = at, ending


_STEPS: dict[str, Callable[[_Story, Fields], None]] = {
    "handOver": _Story.handed_over,
    "withdrawal": _Story.withdrawn,
    "filingResult": _Story.filing_result,
    "dispatch": _Story.dispatched,
    "stageProgress": _Story.progressed,
    "extensionNotice": _Story.extended,
    "returnNotice": _Story.returned,
    "transferNotice": _Story.transferred,
    "verificationRequest": _Story.disposed,
    "verificationResult": _Story.verified,
    "rejection": _Story.rejected,
    "closing": _Story.closed,
}

#: What the urban platform tells of steps that it has done.
_SAID_BY_THE_URBAN_SIDE = frozenset(
    {
        "filingResult",
        "dispatch",
        "stageProgress",
        "extensionNotice",
        "returnNotice",
        "transferNotice",
        "verificationRequest",
    }
)


def _first_moment(fields: Fields) -> datetime:
    return moment(next(value for name, value in fields.items() if name.endswith("At") and isinstance(value, str)))
