"""What happens to a case on its way through the seven stages, whoever caused it (URBAN-2, INT-7, INT-8, EXC-5).

    collector report → filing and dispatch → district assignment → department disposal
        → district verification → city verification → closing

What leads back: a rejection, to disposal with a fresh limit, until there were too many, then to a new filing; a granted
return, to dispatch; a granted transfer, to disposal in another place. What leads out: declined and withdrawn before
filing, closed, closed as a false report.

Every step of a transferred case posts the form that tells the grid side; a native case posts nothing (URBAN-3). Whether a
step is allowed is asked before: by `people` for acts, by `arrivals` for forms.
"""

from datetime import datetime
from typing import TypeVar

from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    FilingOutcome,
    NoticeKind,
)
from bridge.vocabulary.forms import (
    Attachment,
    Closing,
    Dispatch,
    ExtensionNotice,
    FilingResult,
    Form,
    ReturnNotice,
    StageProgress,
    TransferNotice,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import UrbanStage
from bridge.vocabulary.times import in_shanghai
from simulators.city.seats import Account
from simulators.exchange.errors import ActRefused
from simulators.exchange.mailroom import Mailroom
from simulators.exchange.notices import NoticeBoard
from simulators.exchange.quirks import Quirks
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.cases import (
    Application,
    ApplicationKind,
    Disposal,
    DisposalEnd,
    Filing,
    FilingEnd,
    HistoryLine,
    StageRecord,
    UrbanCase,
)
from simulators.urban.desk import (
    STAGE_NAMES,
    CaseStatus,
    Role,
    Row,
)
from simulators.urban.limits import due_at
from simulators.urban.places import Places, limit_of
from simulators.urban.quirks import dressed

_T = TypeVar("_T")

#: Whom the automatic decline of duplicates and the automatic refiling are recorded under (EXC-1, INT-8).
AUTO_FILER = "系统自动立案"


class Casework:
    """The cases, and every step that changes one. Each method leaves the case whole, or raises before it changed anything."""

    def __init__(self, profile: Profile, places: Places, board: NoticeBoard, mailroom: Mailroom, quirks: Quirks):
        self.choices = profile.choices
        self.places = places
        self.board = board
        self.mailroom = mailroom
        #: Every case, in the order in which they came.
        self.cases: dict[str, UrbanCase] = {}
        self.calendar = WorkingCalendar(profile.working_time)
        self._quirks = quirks
        self._serials: dict[str, int] = {}

    def receive(self, case: UrbanCase, who: str, role: str, now: datetime) -> None:
        """Stage 1 is done with the report itself; the case then waits at the supervision centre."""
        case.records.append(
            StageRecord(
                stage=UrbanStage.COLLECTOR_REPORT,
                entered_at=case.data.reported_at,
                filing_ordinal=0,
                completed_at=now,
                handler=who,
                automatic=case.transferred,
                result="reported",
                photos=case.photos,
            )
        )
        log(case, now, who, role, "received", case.data.description)
        self.enter(case, UrbanStage.FILING_AND_DISPATCH, now)

    def file(self, case: UrbanCase, who: str, now: datetime) -> Filing:
        """File the case, for the first time or again, under a new task number (INT-8)."""
        filing = Filing(
            task_number=self.next_number(f"T{day_of(now)}"), ordinal=len(case.filings) + 1, filed_at=now, filed_by=who
        )
        case.filings.append(filing)
        case.status = CaseStatus.OPEN
        self.send(
            case,
            FilingResult(
                case_number=case.case_number,
                outcome=FilingOutcome.FILED,
                decided_at=now,
                decided_by=who,
                filing_ordinal=filing.ordinal,
                task_number=filing.task_number,
            ),
            now,
        )
        return filing

    def decline(
        self,
        case: UrbanCase,
        who: str,
        role: str,
        code: DeclineReason,
        reason: str,
        original: str | None,
        now: datetime,
    ) -> None:
        """Decline filing with a reason (URBAN-4); with the original's number when it is a duplicate (EXC-1)."""
        case.status = CaseStatus.DECLINED
        case.decline_reason = code
        case.original_case_number = original
        case.closed_at = now
        self.leave(case, now, who, "declined", note=reason, automatic=original is not None)
        log(case, now, who, role, "declined", f"{code}: {reason}")
        self.send(
            case,
            FilingResult(
                case_number=case.case_number,
                outcome=FilingOutcome.DECLINED,
                decided_at=now,
                decided_by=who,
                filing_ordinal=1,
                decline_reason=code,
                reason=reason,
                original_case_number=original,
            ),
            now,
        )

    def dispatch(self, case: UrbanCase, district: str, who: str, now: datetime, *, automatic: bool = False) -> None:
        """Dispatch to a district, the case's own or another one (EXC-4)."""
        case.district = district
        case.department = None
        self.leave(case, now, who, "dispatched", automatic=automatic)
        self.enter(case, UrbanStage.DISTRICT_ASSIGNMENT, now)
        self.send(
            case,
            Dispatch(
                case_number=case.case_number,
                task_number=task_of(case),
                district=district,
                dispatched_at=now,
                dispatched_by=who,
            ),
            now,
        )

    def due(self, case: UrbanCase, start: datetime) -> datetime:
        """Reckon the limit of the case's category from this moment (INT-2)."""
        data = case.data
        return due_at(self.calendar, limit_of(data), data.grade, start)

    def start_disposal(
        self,
        case: UrbanCase,
        district: str,
        department: str,
        due: datetime,
        now: datetime,
        *,
        rework: bool = False,
        since: datetime | None = None,
    ) -> None:
        """Put the case into a department's hands with this limit; `since` where the limit runs from earlier (EXC-5)."""
        case.district, case.department = district, department
        case.disposal_started_at, case.disposal_due_at = since or now, due
        case.verification = None
        case.disposals.append(
            Disposal(
                district=district,
                department=department,
                started_at=now,
                due_at=due,
                filing_ordinal=len(case.filings),
                rework=rework,
            )
        )
        self.enter(case, UrbanStage.DEPARTMENT_DISPOSAL, now)
        self.progress(case, now)

    def progress(self, case: UrbanCase, now: datetime) -> None:
        """Tell the grid side that the case has entered its present stage (INT-1)."""
        in_disposal = case.stage is UrbanStage.DEPARTMENT_DISPOSAL
        handler = self.places.natural(Role.DEPARTMENT if in_disposal else Role.CLOSER, case).name
        self.send(
            case,
            StageProgress(
                case_number=case.case_number,
                task_number=task_of(case),
                stage=case.stage,
                # Where a transfer does not restart the limit, disposal counts from where it began (EXC-5).
                entered_at=present(case.disposal_started_at) if in_disposal else now,
                handler=handler,
                department=case.department if in_disposal else None,
                disposal_due_at=case.disposal_due_at if in_disposal else None,
                note=f"案卷进入「{STAGE_NAMES[case.stage]}」环节",
            ),
            now,
        )

    @staticmethod
    def end_disposal(case: UrbanCase, ending: DisposalEnd, now: datetime) -> None:
        """End the present stretch of disposal, if one is under way."""
        if case.disposals and case.disposals[-1].ended_at is None:
            case.disposals[-1].ended_at, case.disposals[-1].ending = now, ending

    def close_as_false(self, case: UrbanCase, who: str, now: datetime) -> None:
        """Close the case as a false report and tell the grid side (EXC-3)."""
        application = next(a for a in reversed(case.applications) if a.kind is ApplicationKind.FALSE_REPORT)
        self.end_disposal(case, DisposalEnd.FALSE_REPORT, now)
        self.leave(case, now, who, "false_report", note=application.reason, photos=application.photos)
        self.enter(case, UrbanStage.CLOSING, now)
        self.end(case, CaseStatus.CLOSED_FALSE_REPORT, FilingEnd.CLOSED_FALSE_REPORT, who, now)
        self.send(
            case,
            Closing(
                case_number=case.case_number,
                task_number=task_of(case),
                kind=ClosingKind.FALSE_REPORT,
                closed_at=now,
                closed_by=who,
                note="举报不属实结案",
            ),
            now,
        )

    def end(self, case: UrbanCase, status: CaseStatus, end: FilingEnd, who: str, now: datetime) -> None:
        """Close the case for good."""
        case.status = status
        case.closed_at = now
        filing = present(case.filing)
        filing.ended_at, filing.outcome = now, end
        for application in case.applications:
            if application.pending:
                # The case is over on both sides; there is nobody left to tell.
                application.decision, application.decided_at = Decision.LAPSED, now
        self.leave(case, now, who, status.value)
        self.board.over(NoticeKind.REPEATED_REJECTION, case.case_number, now)

    def reject(self, case: UrbanCase, reason: str, now: datetime) -> None:
        """Back to disposal with a fresh limit, or, once too often, out of this filing and into the next (INT-7, INT-8)."""
        filing = present(case.filing)
        refile = case.counted_rejections + 1 > self.choices.max_rejections
        # Reckoned first: an unknown calendar must leave the case as it is.
        due = None if refile else self.due(case, now)
        filing.rejections += 1
        case.counted_rejections += 1
        side = Side.GRID if case.transferred else Side.URBAN
        log(case, now, side, side, "rejected", f"{filing.rejections}: {reason}")
        if case.records[-1].completed_at is None:
            # A reporter was dissatisfied while the case stood at closing.
            self.leave(case, now, side, "rejected", note=reason)
        if due is None:
            self.refile(case, filing, now)
        else:
            self.start_disposal(case, present(case.district), present(case.department), due, now, rework=True)
        if case.counted_rejections >= self.choices.max_rejections or refile:
            self.board.started(
                NoticeKind.REPEATED_REJECTION,
                case.case_number,
                case.case_number,
                f"案卷 {case.case_number} 已被驳回 {filing.rejections} 次。",
                f"Case {case.case_number} has been rejected {filing.rejections} times.",
                now,
            )

    def refile(self, case: UrbanCase, filing: Filing, now: datetime) -> None:
        """Give the filing up as overdue-not-disposed, file again and dispatch to the same district (INT-8)."""
        district = present(case.district)
        self.lapse(case, now)
        filing.ended_at, filing.outcome = now, FilingEnd.OVERDUE_NOT_DISPOSED
        case.disposals[-1].overdue_not_disposed = True
        case.disposal_started_at = case.disposal_due_at = None
        case.verification = None
        if self.choices.counter_restarts_on_refiling:
            case.counted_rejections = 0
        log(case, now, AUTO_FILER, "system", "overdue_not_disposed", filing.task_number)
        anew = self.file(case, AUTO_FILER, now)
        self.enter(case, UrbanStage.FILING_AND_DISPATCH, now)
        log(case, now, AUTO_FILER, "system", "filed", anew.task_number)
        self.dispatch(case, district, AUTO_FILER, now, automatic=True)
        log(case, now, AUTO_FILER, "system", "dispatched", district)

    def apply(
        self,
        case: UrbanCase,
        kind: ApplicationKind,
        account: Account,
        row: Row,
        reason: str,
        now: datetime,
        place: str,
        *,
        hours: int | None = None,
        to_district: str | None = None,
        to_department: str | None = None,
        photos: tuple[Attachment, ...] = (),
    ) -> None:
        """Put an application up for its decision; one of a kind at a time (URBAN-4)."""
        if case.pending(kind) is not None:
            raise ActRefused(
                "duplicate_application",
                "同类申请尚未审批。",
                "An application of this kind is already waiting for its decision.",
            )
        application = Application(
            kind=kind,
            reason=reason,
            at=now,
            by=account.name,
            place=place,
            hours=hours,
            to_district=to_district,
            to_department=to_department,
            photos=photos,
        )
        case.applications.append(application)
        log(case, now, account.name, row.role, f"applied_{kind}", reason)
        self.tell_decision(case, application, now, None)

    def settle(
        self,
        case: UrbanCase,
        application: Application,
        grant: bool,
        account: Account,
        row: Row,
        reason: str,
        now: datetime,
        *,
        due: datetime | None = None,
    ) -> None:
        """Grant or refuse an application and tell the grid side (URBAN-4)."""
        application.decision = Decision.GRANTED if grant else Decision.REFUSED
        application.decided_at, application.decided_by = now, account.name
        application.decision_reason = reason or None
        log(case, now, account.name, row.role, f"{application.decision}_{application.kind}", reason)
        self.tell_decision(case, application, now, due)

    def lapse(self, case: UrbanCase, now: datetime) -> None:
        """Let every undecided application lapse, and tell the grid side so."""
        for application in case.applications:
            if application.pending:
                application.decision, application.decided_at = Decision.LAPSED, now
                self.tell_decision(case, application, now, None)

    def tell_decision(self, case: UrbanCase, application: Application, now: datetime, due: datetime | None) -> None:
        """Tell the grid side where an application stands. A false report has forms of its own."""
        number, task, decision = case.case_number, task_of(case), application.decision
        reason = application.reason
        if application.kind is ApplicationKind.EXTENSION:
            self.send(
                case,
                ExtensionNotice(
                    case_number=number,
                    task_number=task,
                    decision=decision,
                    reason=reason,
                    department=application.place,
                    noticed_at=now,
                    disposal_due_at=due,
                ),
                now,
            )
        elif application.kind is ApplicationKind.RETURN:
            self.send(
                case,
                ReturnNotice(
                    case_number=number,
                    task_number=task,
                    decision=decision,
                    reason=reason,
                    district=application.place,
                    noticed_at=now,
                ),
                now,
            )
        elif application.kind is ApplicationKind.TRANSFER:
            self.send(
                case,
                TransferNotice(
                    case_number=number,
                    task_number=task,
                    decision=decision,
                    reason=reason,
                    from_district=application.place,
                    to_district=present(application.to_district),
                    to_department=present(application.to_department),
                    noticed_at=now,
                    disposal_due_at=due,
                ),
                now,
            )

    def send(self, case: UrbanCase, form: Form, now: datetime) -> None:
        """Post a form of a transferred case; a native case never reaches the grid platform (URBAN-3)."""
        if case.transferred:
            key = f"{case.case_number}:{len(self.mailroom.sendings(case.case_number))}"
            self.mailroom.post(dressed(form, self._quirks, key), now)

    def enter(self, case: UrbanCase, stage: UrbanStage, now: datetime) -> None:
        """Let the case enter a stage."""
        case.stage = stage
        case.records.append(StageRecord(stage=stage, entered_at=now, filing_ordinal=len(case.filings)))

    def leave(
        self,
        case: UrbanCase,
        now: datetime,
        who: str,
        result: str,
        *,
        note: str | None = None,
        photos: tuple[Attachment, ...] = (),
        automatic: bool = False,
    ) -> None:
        """Complete the present stage with its record (INT-5, GEN-3)."""
        record = case.records[-1]
        record.completed_at, record.handler, record.result = now, who, result
        record.note, record.photos, record.automatic = note, photos, automatic
        record.filing_ordinal = len(case.filings)

    def next_number(self, series: str) -> str:
        """Give the next number of a series."""
        self._serials[series] = serial = self._serials.get(series, 0) + 1
        return f"{series}-{serial:06d}"


def log(case: UrbanCase, now: datetime, who: str, role: str, what: str, detail: str = "") -> None:
    """Note who did what and when (GEN-3)."""
    case.history.append(HistoryLine(at=now, who=str(who), role=str(role), what=what, detail=str(detail)))


def task_of(case: UrbanCase) -> str:
    """Return the task number of the present filing; empty before there is one."""
    return "" if case.filing is None else case.filing.task_number


def present(value: _T | None) -> _T:
    """Return a value that the case's stage guarantees to be there."""
    if value is None:
        raise AssertionError("the stage of the case guarantees this value")
    return value


def day_of(now: datetime) -> str:
    """Write a day as numbers of series have it."""
    return in_shanghai(now).strftime("%Y%m%d")
