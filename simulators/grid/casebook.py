"""What the grid platform keeps of a case: values only, no behaviour beyond looking things up."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bridge.vocabulary.codes import CaseGrade, CaseKind, CaseSource, RejectionCause, VerificationOutcome
from bridge.vocabulary.forms import Attachment, HandOver, VerificationRequest
from bridge.vocabulary.stages import GridState, HandedOverState, UrbanStage
from simulators.city.places import Cell
from simulators.city.seats import Level

#: Nothing leads out of these.
ENDED = frozenset({GridState.CLOSED, GridState.CLOSED_FALSE_REPORT, GridState.DECLINED, GridState.WITHDRAWN})

_ENDED_ON_THE_WIRE: dict[GridState, HandedOverState] = {
    GridState.CLOSED: HandedOverState.CLOSED,
    GridState.CLOSED_FALSE_REPORT: HandedOverState.CLOSED_FALSE_REPORT,
    GridState.DECLINED: HandedOverState.DECLINED,
    GridState.WITHDRAWN: HandedOverState.WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """Who did what and when (GEN-3)."""

    at: datetime
    who: str
    role: str
    what: str
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Verification:
    """One round on site: asked for, and what the grid worker found."""

    round: int
    requested_at: datetime
    #: What the handler, or the urban platform's department, says was done.
    disposal_result: str
    disposal_photos: tuple[Attachment, ...] = ()
    #: The urban platform's request; None in the grid side's own loop.
    request: VerificationRequest | None = None
    outcome: VerificationOutcome | None = None
    verifier: str | None = None
    verified_at: datetime | None = None
    note: str | None = None
    photos: tuple[Attachment, ...] = ()


class FalseReportState(StrEnum):
    """Where an application to close the case as a false report stands here (EXC-3)."""

    #: The workstation is to answer.
    TO_ANSWER = "to_answer"
    #: Only recorded: in this city the grid side is told and not asked.
    TOLD = "told"
    CONFIRMED = "confirmed"
    DENIED = "denied"


@dataclass(slots=True, kw_only=True)
class FalseReport:
    """The urban platform's application, and our answer."""

    reason: str
    department: str
    applied_at: datetime
    photos: tuple[Attachment, ...]
    state: FalseReportState
    answer_reason: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionLine:
    """A rejection that we made (INT-7)."""

    at: datetime
    filing_ordinal: int
    ordinal: int
    cause: RejectionCause
    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class GridCase:
    """A case on the grid platform."""

    case_number: str
    source: CaseSource
    kind: CaseKind
    category: str
    subcategory: str
    grade: CaseGrade
    description: str
    address: str
    cell: Cell
    department: str
    reported_at: datetime
    #: Account of the worker who reported or registered it.
    reported_by: str
    reporter_name: str
    reporter_phone: str | None = None
    component_code: str | None = None
    photos: tuple[Attachment, ...] = ()
    state: GridState = GridState.REPORTED
    #: The level that accepted it; its dispatchers and handlers go on with it.
    level: Level | None = None
    #: True when people here ended it before it was handled or handed over.
    cancelled: bool = False
    #: The form that handed it over, and the message id under which it went or waits.
    hand_over: HandOver | None = None
    hand_over_id: str | None = None
    #: The last stage that the urban platform told.
    urban_stage: UrbanStage | None = None
    #: Task numbers of all filings, the present one last.
    task_numbers: list[str] = field(default_factory=list)
    filing_ordinal: int = 0
    #: Where the rejection counter stands (INT-8).
    rejections: int = 0
    #: The district that the urban platform dispatched to; it may differ from the case's own (EXC-4). None while it has to
    #: dispatch (again).
    dispatched_to: str | None = None
    #: True from the rejection beyond the last until the urban platform has filed the case again (INT-8).
    overdue_not_disposed: bool = False
    urban_department: str | None = None
    due_at: datetime | None = None
    decline_reason: str | None = None
    original_case_number: str | None = None
    closed_at: datetime | None = None
    #: True when the reporter, asked after a passed verification, was satisfied.
    satisfied: bool | None = None
    verifications: list[Verification] = field(default_factory=list)
    rejected: list[RejectionLine] = field(default_factory=list)
    false_report: FalseReport | None = None
    history: list[HistoryLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def handed_over(self) -> bool:
        """Whether the virtual account has handed it over (GRID-6)."""
        return self.hand_over is not None

    @property
    def filed(self) -> bool:
        """Whether the urban platform is known to have filed it (EXC-2)."""
        return bool(self.task_numbers)

    @property
    def task_number(self) -> str | None:
        """The task number of the present filing."""
        return self.task_numbers[-1] if self.task_numbers else None

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in ENDED

    @property
    def verification(self) -> Verification | None:
        """The last round of verification."""
        return self.verifications[-1] if self.verifications else None

    @property
    def wire_state(self) -> HandedOverState:
        """What a query says of it (XCHG-2)."""
        ended = _ENDED_ON_THE_WIRE.get(self.state)
        if ended is not None:
            return ended
        return HandedOverState.FILED if self.filed else HandedOverState.HANDED_OVER

    @property
    def awaits_false_report_answer(self) -> bool:
        """Whether the workstation has to confirm or dispute a false report (EXC-3)."""
        return self.false_report is not None and self.false_report.state is FalseReportState.TO_ANSWER
