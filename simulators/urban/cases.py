"""What the urban platform keeps of a case: values only, no behaviour beyond looking things up."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bridge.vocabulary.codes import CaseGrade, CaseKind, CaseSource, Decision, DeclineReason, VerificationOutcome
from bridge.vocabulary.forms import Attachment, HandOver, Position
from bridge.vocabulary.stages import UrbanStage
from simulators.urban.desk import ENDED, CaseStatus


class Origin(StrEnum):
    """Where a case came into this platform."""

    #: Its own collectors, hotline, video … (URBAN-3).
    NATIVE = "native"
    #: Handed over by the grid platform (GRID-6).
    TRANSFERRED = "transferred"


class FilingEnd(StrEnum):
    """How a filing ended (INT-8, EXC-3)."""

    OVERDUE_NOT_DISPOSED = "overdue_not_disposed"
    CLOSED = "closed"
    CLOSED_FALSE_REPORT = "closed_false_report"


class ApplicationKind(StrEnum):
    """What people can apply for (URBAN-4, EXC-3, EXC-5)."""

    #: 退办.
    RETURN = "return"
    #: 延期.
    EXTENSION = "extension"
    #: 转办.
    TRANSFER = "transfer"
    #: 举报不属实.
    FALSE_REPORT = "false_report"


class DisposalEnd(StrEnum):
    """How one department's disposal ended (EXC-5, INT-8)."""

    DISPOSED = "disposed"
    TRANSFERRED = "transferred"
    FALSE_REPORT = "false_report"


@dataclass(slots=True, kw_only=True)
class CaseData:
    """What the case is about; the operator may complete it before filing."""

    source: CaseSource
    kind: CaseKind
    category: str
    subcategory: str
    grade: CaseGrade
    description: str
    address: str
    district: str
    street: str
    community: str
    cell: str
    reported_at: datetime
    reporter_name: str
    reporter_phone: str | None = None
    component_code: str | None = None
    position: Position | None = None


@dataclass(slots=True, kw_only=True)
class StageRecord:
    """One stay at one stage; a stage that is entered again has another record (GEN-3)."""

    stage: UrbanStage
    entered_at: datetime
    filing_ordinal: int
    completed_at: datetime | None = None
    handler: str | None = None
    automatic: bool = False
    result: str | None = None
    note: str | None = None
    photos: tuple[Attachment, ...] = ()


@dataclass(slots=True, kw_only=True)
class Filing:
    """One filing under its task number; a refiling is another one (INT-8)."""

    task_number: str
    ordinal: int
    filed_at: datetime
    filed_by: str
    ended_at: datetime | None = None
    outcome: FilingEnd | None = None
    rejections: int = 0


@dataclass(slots=True, kw_only=True)
class Disposal:
    """One department's stretch of disposal, from assignment, transfer or rejection to its end."""

    district: str
    department: str
    started_at: datetime
    #: The limit that it began with.
    due_at: datetime
    filing_ordinal: int
    #: True when it began with a rejection.
    rework: bool = False
    #: Each extension that was granted, and the limit that it gave.
    extended: list[tuple[datetime, datetime]] = field(default_factory=list)
    ended_at: datetime | None = None
    ending: DisposalEnd | None = None
    #: The filing was given up after it (INT-8).
    overdue_not_disposed: bool = False

    @property
    def present_due_at(self) -> datetime:
        """The limit as the last extension left it."""
        return self.extended[-1][1] if self.extended else self.due_at


@dataclass(slots=True, kw_only=True)
class Application:
    """An application with a reason, and what became of it (URBAN-4)."""

    kind: ApplicationKind
    reason: str
    at: datetime
    by: str
    #: Department or district that applied.
    place: str
    decision: Decision = Decision.APPLIED
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    hours: int | None = None
    to_district: str | None = None
    to_department: str | None = None
    photos: tuple[Attachment, ...] = ()
    #: A granted false report that the grid platform has still to answer (EXC-3).
    awaits_grid: bool = False

    @property
    def pending(self) -> bool:
        """Whether somebody has still to decide."""
        return self.decision is Decision.APPLIED


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """Who did what and when (GEN-3)."""

    at: datetime
    who: str
    role: str
    what: str
    detail: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class UrbanCase:
    """A case on the urban platform."""

    case_number: str
    origin: Origin
    data: CaseData
    photos: tuple[Attachment, ...]
    received_at: datetime
    #: The form as it came; None for native cases.
    hand_over: HandOver | None = None
    status: CaseStatus = CaseStatus.RECEIVED
    stage: UrbanStage = UrbanStage.COLLECTOR_REPORT
    district: str | None = None
    department: str | None = None
    filings: list[Filing] = field(default_factory=list)
    #: Rejections that count towards refiling (INT-8).
    counted_rejections: int = 0
    disposal_started_at: datetime | None = None
    disposal_due_at: datetime | None = None
    #: What the last verification of the present round found; None until there is one.
    verification: VerificationOutcome | None = None
    decline_reason: DeclineReason | None = None
    original_case_number: str | None = None
    closed_at: datetime | None = None
    records: list[StageRecord] = field(default_factory=list)
    disposals: list[Disposal] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    history: list[HistoryLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def transferred(self) -> bool:
        """Whether the grid platform handed it over."""
        return self.origin is Origin.TRANSFERRED

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in ENDED

    @property
    def filing(self) -> Filing | None:
        """The present filing, or the last one."""
        return self.filings[-1] if self.filings else None

    @property
    def round(self) -> int:
        """The verification round: 1 in a new filing, one more after each rejection."""
        return 1 if self.filing is None else self.filing.rejections + 1

    def pending(self, kind: ApplicationKind) -> Application | None:
        """Find the application of this kind that waits for a decision."""
        return next((a for a in self.applications if a.kind is kind and a.pending), None)

    @property
    def false_report(self) -> Application | None:
        """The false-report application under way here or on the grid side."""
        return next(
            (a for a in self.applications if a.kind is ApplicationKind.FALSE_REPORT and (a.pending or a.awaits_grid)),
            None,
        )
