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
    """Every case, when it is over or when the record ends; in memory are those under way."""
    waiting: dict[str, FormHeard] = {}
    answered: set[str] = set()
    stories: dict[str, _Story] = {}
    for item in heard:
        if isinstance(item, FormHeard):
            if item.message_id not in answered:
                waiting.setdefault(item.message_id, item)
            continue
        form = waiting.pop(item.message_id, None)
        if form is None:
            continue
        answered.add(item.message_id)
        if item.confirmed:
            case = _take(stories, form)
            if case.ended_at is not None:
                del stories[case.number]
                yield case
    for form in waiting.values():
        if form.form_type in _SAID_BY_THE_URBAN_SIDE and str(form.fields.get("caseNumber")) in stories:
            _take(stories, form)
    yield from (story.case for story in stories.values())


def _take(stories: dict[str, "_Story"], form: FormHeard) -> Case:
    """Let a form do what it says."""
    number = str(form.fields.get("caseNumber"))
    story = stories.get(number)
    if story is None:
        # A record that begins in the middle of a case knows of it what it heard.
        story = stories[number] = _Story(Case(number, TRANSFERRED, _first_moment(form.fields)))
    step = _STEPS.get(form.form_type)
    if step is not None:
        step(story, form.fields)
    return story.case


class _Story:
    """A case under way, and what later forms take for granted."""

    __slots__ = ("case", "place")

    def __init__(self, case: Case):
        self.case = case
        #: The district in whose hands it is.
        self.place = ""

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
