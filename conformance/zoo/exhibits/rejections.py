"""Wrong ways back to disposal, wrong counts and wrong refilings (INT-7, INT-8)."""

from dataclasses import replace
from datetime import datetime

from bridge.core.engine import Engine, Step
from bridge.core.exchange import Exchange
from bridge.core.inputs import DocumentReceived
from bridge.vocabulary.codes import RejectionCause
from bridge.vocabulary.forms import FilingResult, Form, Rejection
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import UrbanStage
from conformance.zoo.bases import AlteringMailroom, WrongBridge
from conformance.zoo.member import member
from simulators.city import Town
from simulators.exchange.params import Params
from simulators.exchange.quirks import Quirks
from simulators.grid import arrivals as grid_arrivals
from simulators.grid import people as grid_people
from simulators.grid.casebook import GridCase
from simulators.grid.casework import log as grid_log
from simulators.grid.desk import Row
from simulators.grid.platform import GridPlatform
from simulators.urban import arrivals as urban_arrivals
from simulators.urban import casework as urban_casework
from simulators.urban.cases import Filing, FilingEnd, UrbanCase
from simulators.urban.casework import present
from simulators.urban.platform import UrbanPlatform

# ── INT-7: not passed or dissatisfied: both reject, and the limit starts afresh from the rejection ──


class _OnlyNotesDissatisfaction(grid_people.People):
    def _heard_reporter(self, row: Row, case: GridCase, given: Params, now: datetime) -> None:
        if row.act == "reporter.dissatisfied" and case.handed_over:
            case.satisfied = False
            grid_log(case, now, case.reporter_name, row.seat, "dissatisfied", given.text("reason", ""))
        else:
            super()._heard_reporter(row, case, given, now)


@member(
    "grid-only-notes-dissatisfaction",
    clause="INT-7",
    zh="举报人不满意只作记录,不驳回",
    en="only notes that the reporter is dissatisfied, and rejects nothing",
)
class GridOnlyNotesDissatisfaction(GridPlatform):
    people_type = _OnlyNotesDissatisfaction


class _RejectsAtHomeOnly(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, Rejection) else form


@member(
    "grid-rejects-at-home-only",
    clause="INT-7",
    zh="驳回只记在网格平台,不告知城管平台",
    en="rejects on its own books only and never tells the urban platform",
)
class GridRejectsAtHomeOnly(GridPlatform):
    mailroom_type = _RejectsAtHomeOnly


class _BlamesTheReporter(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, cause=RejectionCause.REPORTER_DISSATISFIED) if isinstance(form, Rejection) else form


@member(
    "grid-blames-the-reporter",
    clause="INT-7",
    zh="驳回原因一律写“举报人不满意”,核查不通过的也这样写",
    en="gives «the reporter is dissatisfied» as the cause of every rejection, also where the verification failed",
)
class GridBlamesTheReporter(GridPlatform):
    mailroom_type = _BlamesTheReporter


class _TheOldLimit(urban_casework.Casework):
    def reject(self, case: UrbanCase, reason: str, now: datetime) -> None:
        self._old = case.disposal_due_at
        super().reject(case, reason, now)
        self._old = None

    _old: datetime | None = None

    def due(self, case: UrbanCase, start: datetime) -> datetime:
        return self._old or super().due(case, start)


@member(
    "urban-keeps-the-old-limit-after-a-rejection",
    clause="INT-7",
    zh="驳回后沿用原处置时限,不重新计算",
    en="keeps the old limit after a rejection instead of starting it afresh",
)
class UrbanKeepsTheOldLimit(UrbanPlatform):
    casework_type = _TheOldLimit


class _FromTheDispatch(urban_casework.Casework):
    """The limit runs from the dispatch, whenever it is reckoned."""

    _rejecting = False

    def reject(self, case: UrbanCase, reason: str, now: datetime) -> None:
        self._rejecting = True
        super().reject(case, reason, now)
        self._rejecting = False

    def due(self, case: UrbanCase, start: datetime) -> datetime:
        dispatched = next(
            (r.entered_at for r in reversed(case.records) if r.stage is UrbanStage.DISTRICT_ASSIGNMENT), start
        )
        return super().due(case, dispatched if self._rejecting else start)


@member(
    "urban-reckons-the-limit-from-the-dispatch",
    clause="INT-7",
    zh="驳回后的处置时限仍从派遣时起算,而不是从驳回时起算",
    en="reckons the limit after a rejection from the dispatch, not from the rejection",
)
class UrbanReckonsTheLimitFromTheDispatch(UrbanPlatform):
    casework_type = _FromTheDispatch


class _TakesAnyRejection(urban_arrivals.Arrivals):
    def _rejected(self, case: UrbanCase, form: Rejection, now: datetime) -> Fault | None:
        return super()._rejected(case, replace(form, cause=RejectionCause.REPORTER_DISSATISFIED), now)


@member(
    "urban-takes-any-cause-of-rejection",
    clause="INT-7",
    zh="核查已通过的案卷,以“核查不通过”为由驳回也照收",
    en="takes a rejection for «not passed» of a case whose verification has passed",
)
class UrbanTakesAnyCause(UrbanPlatform):
    arrivals_type = _TakesAnyRejection


class _LeavesItWhereItIs(urban_casework.Casework):
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
        if not rework:
            super().start_disposal(case, district, department, due, now, since=since)
            return
        # Back to the district, who is to assign it once more.
        case.verification = None
        self.enter(case, UrbanStage.DISTRICT_ASSIGNMENT, now)


@member(
    "urban-sends-a-rejected-case-back-to-assignment",
    clause="INT-7",
    zh="驳回的案卷退到区分派环节,而不是回到处置",
    en="sends a rejected case back to district assignment instead of to disposal",
)
class UrbanSendsARejectedCaseBackToAssignment(UrbanPlatform):
    casework_type = _LeavesItWhereItIs


class _WeighsNoCause(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        if not isinstance(form, Rejection):
            return super()._document(exchange, seen)
        weighed = replace(form, cause=RejectionCause.REPORTER_DISSATISFIED)
        return super()._document(exchange, seen._replace(message=replace(seen.message, form=weighed)))


@member(
    "bridge-rewrites-the-cause-of-a-rejection",
    clause="INT-7",
    zh="转发驳回时把原因一律改成“举报人不满意”",
    en="relays every rejection with the cause «the reporter is dissatisfied»",
)
class BridgeRewritesTheCause(WrongBridge):
    engine_type = _WeighsNoCause


# ── INT-8: three lead back to disposal, the fourth to a new filing under a new task number ──────────


class _FromZero(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, ordinal=form.ordinal - 1) if isinstance(form, Rejection) else form


@member(
    "grid-counts-rejections-from-zero",
    clause="INT-8",
    zh="驳回次数从 0 数起",
    en="counts its rejections from zero",
)
class GridCountsFromZero(GridPlatform):
    mailroom_type = _FromZero


class _GoesOnCounting(grid_arrivals.Arrivals):
    def _filing_result(self, case: GridCase, form: FilingResult, now: datetime) -> None:
        before = case.rejections
        super()._filing_result(case, form, now)
        case.rejections = before


@member(
    "grid-counts-on-after-a-refiling",
    clause="INT-8",
    zh="重新立案后驳回次数不从头计,接着往下数",
    en="goes on counting rejections where a refiling should begin afresh",
)
class GridCountsOnAfterARefiling(GridPlatform):
    arrivals_type = _GoesOnCounting


@member(
    "grid-forgets-the-count-at-a-restart",
    clause="INT-8",
    zh="驳回次数只存内存,平台重启后从头数",
    en="keeps the count of rejections in memory only: after a restart it begins again",
)
class GridForgetsTheCount(GridPlatform):
    def restarted(self, now: datetime) -> None:
        for case in self._cases.values():
            case.rejections = 0


@member(
    "urban-forgets-the-count-at-a-restart",
    clause="INT-8",
    zh="驳回次数只存内存,平台重启后从头数",
    en="keeps the count of rejections in memory only: after a restart it begins again",
)
class UrbanForgetsTheCount(UrbanPlatform):
    def restarted(self, now: datetime) -> None:
        for case in self._cases.values():
            case.counted_rejections = 0
            if case.filing is not None:
                case.filing.rejections = 0


def _with_limit(profile: Profile, more: int) -> Profile:
    return replace(
        profile, choices=replace(profile.choices, max_rejections=max(0, profile.choices.max_rejections + more))
    )


@member(
    "urban-lets-the-fourth-back-to-disposal",
    clause="INT-8",
    zh="第四次驳回仍回到处置,第五次才重新立案",
    en="lets the fourth rejection lead back to disposal, and files again at the fifth only",
)
class UrbanLetsTheFourthBack(UrbanPlatform):
    def __init__(self, profile: Profile, town: Town, seed: int, quirks: Quirks):
        super().__init__(_with_limit(profile, 1), town, seed, quirks)


@member(
    "urban-files-again-at-the-third",
    clause="INT-8",
    zh="第三次驳回就重新立案",
    en="files again at the third rejection already",
)
class UrbanFilesAgainAtTheThird(UrbanPlatform):
    def __init__(self, profile: Profile, town: Town, seed: int, quirks: Quirks):
        super().__init__(_with_limit(profile, -1), town, seed, quirks)


@member(
    "grid-calls-the-fourth-one-too-early",
    clause="INT-8",
    zh="第三次驳回就当作超过次数,等待重新立案",
    en="takes the third rejection for the one too many and waits for a refiling",
)
class GridCallsItTooEarly(GridPlatform):
    def __init__(self, profile: Profile, town: Town, seed: int, quirks: Quirks, first_serial: int = 1):
        super().__init__(_with_limit(profile, -1), town, seed, quirks, first_serial)


class _OldTaskNumber(urban_casework.Casework):
    def next_number(self, series: str) -> str:
        if self._refiled is not None and series.startswith("T"):
            return present(self._refiled.filing).task_number
        return super().next_number(series)

    _refiled: UrbanCase | None = None

    def refile(self, case: UrbanCase, filing: Filing, now: datetime) -> None:
        self._refiled = case
        super().refile(case, filing, now)
        self._refiled = None


@member(
    "urban-files-again-under-the-old-task-number",
    clause="INT-8",
    zh="重新立案沿用旧任务号",
    en="files again under the old task number",
)
class UrbanFilesAgainUnderTheOldNumber(UrbanPlatform):
    casework_type = _OldTaskNumber


class _NewCaseNumber(urban_casework.Casework):
    def file(self, case: UrbanCase, who: str, now: datetime) -> Filing:
        if case.filings:
            case.case_number = f"{case.case_number[:-6]}{int(case.case_number[-6:]) + 500_000:06}"
            self.cases[case.case_number] = case
        return super().file(case, who, now)


@member(
    "urban-files-again-under-a-new-case-number",
    clause="INT-8",
    zh="重新立案时连案卷号也换了新的",
    en="gives the case a new case number when it files it again",
)
class UrbanFilesAgainUnderANewCaseNumber(UrbanPlatform):
    casework_type = _NewCaseNumber


class _FilesAndForgets(urban_casework.Casework):
    def dispatch(self, case: UrbanCase, district: str, who: str, now: datetime, *, automatic: bool = False) -> None:
        if not automatic:
            super().dispatch(case, district, who, now)


@member(
    "urban-does-not-dispatch-what-it-files-again",
    clause="INT-8",
    zh="重新立案后不派遣",
    en="files again and leaves the case undispatched",
)
class UrbanDoesNotDispatchAgain(UrbanPlatform):
    casework_type = _FilesAndForgets


class _NoOverdueRecord(urban_casework.Casework):
    def refile(self, case: UrbanCase, filing: Filing, now: datetime) -> None:
        super().refile(case, filing, now)
        filing.outcome = FilingEnd.CLOSED
        for disposal in case.disposals:
            disposal.overdue_not_disposed = False


@member(
    "urban-records-no-overdue-filing",
    clause="INT-8",
    zh="超过驳回次数的立案记为正常结束,不记超时未处置",
    en="records a filing that was rejected once too often as ended, not as overdue and not disposed of",
)
class UrbanRecordsNoOverdueFiling(UrbanPlatform):
    casework_type = _NoOverdueRecord


class _TakesAnyOrdinal(urban_arrivals.Arrivals):
    def _rejected(self, case: UrbanCase, form: Rejection, now: datetime) -> Fault | None:
        return super()._rejected(case, replace(form, ordinal=present(case.filing).rejections + 1), now)


@member(
    "urban-takes-any-ordinal-of-rejection",
    clause="INT-8",
    zh="不核对驳回次序,跳号的驳回也照收",
    en="does not look at a rejection's number and takes one that skips a count",
)
class UrbanTakesAnyOrdinal(UrbanPlatform):
    arrivals_type = _TakesAnyOrdinal


class _TakesAnyRefiling(grid_arrivals.Arrivals):
    def decide(self, form: Form, now: datetime) -> Fault | None:
        case = self._casework.cases.get(form.case_number)
        if isinstance(form, FilingResult) and case is not None and case.filed and form.task_number:
            self._filing_result(case, form, now)
            return None
        return super().decide(form, now)


@member(
    "grid-takes-a-refiling-at-any-time",
    clause="INT-8",
    zh="驳回次数未满也接受重新立案",
    en="takes a new filing although the rejections are not used up",
)
class GridTakesARefilingAtAnyTime(GridPlatform):
    arrivals_type = _TakesAnyRefiling


class _OneMore(Engine):
    def __init__(self, profile: Profile):
        super().__init__(_with_limit(profile, 1))


@member(
    "bridge-allows-four-rejections",
    clause="INT-8",
    zh="认为第四次驳回仍回到处置",
    en="thinks that the fourth rejection still leads back to disposal",
)
class BridgeAllowsFour(WrongBridge):
    engine_type = _OneMore


class _CountsOn(Engine):
    def __init__(self, profile: Profile):
        super().__init__(profile)
        self._choices = replace(profile.choices, counter_restarts_on_refiling=False)


@member(
    "bridge-counts-on-after-a-refiling",
    clause="INT-8",
    zh="重新立案后驳回次数不从头计",
    en="goes on counting rejections where a refiling should begin afresh",
)
class BridgeCountsOn(WrongBridge):
    engine_type = _CountsOn


class _NoCount(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        if exchange is not None and isinstance(form, Rejection):
            kept = exchange.rejections
            exchange.rejections = form.ordinal - 1
            step = super()._document(exchange, seen)
            exchange.rejections = kept
            return step
        return super()._document(exchange, seen)


@member(
    "bridge-does-not-count-rejections",
    clause="INT-8",
    zh="不核对驳回次序,跳号的驳回也放行",
    en="does not count: a rejection that skips a number goes through",
)
class BridgeDoesNotCount(WrongBridge):
    engine_type = _NoCount


class _AnyTask(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        task = getattr(seen.message.form, "task_number", None)
        if exchange is None or task is None or isinstance(seen.message.form, FilingResult):
            return super()._document(exchange, seen)
        kept = exchange.task_number
        exchange.task_number = task
        step = super()._document(exchange, seen)
        exchange.task_number = kept
        return step


@member(
    "bridge-lets-old-task-numbers-through",
    clause="INT-8",
    zh="不核对任务号,上一次立案的任务号也放行",
    en="does not look at task numbers: a form of the filing before goes through",
)
class BridgeLetsOldTasksThrough(WrongBridge):
    engine_type = _AnyTask
