"""Wrong ways through the stages, through verification and to the end (URBAN-2 … URBAN-4, INT-1 … INT-6)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from bridge.core.effects import Effect
from bridge.core.engine import Engine
from bridge.core.exchange import Delivery, Exchange
from bridge.core.inputs import ReceiptReceived
from bridge.vocabulary.codes import Decision, ReceiptOutcome, VerificationOutcome
from bridge.vocabulary.forms import (
    Attachment,
    Closing,
    ExtensionNotice,
    FilingResult,
    Form,
    FormType,
    ReturnNotice,
    StageProgress,
    TransferNotice,
    VerificationRequest,
    VerificationResult,
)
from bridge.vocabulary.messages import Fault, Receipt
from bridge.vocabulary.profile import WorkingTime
from bridge.vocabulary.stages import ExchangeStage, GridState, UrbanStage
from conformance.zoo.bases import AdmittingEngine, AlteringMailroom, WrongBridge
from conformance.zoo.member import member
from simulators.city.seats import Account
from simulators.exchange.params import Params
from simulators.grid import arrivals as grid_arrivals
from simulators.grid import people as grid_people
from simulators.grid.casebook import GridCase, Verification
from simulators.grid.casework import heard
from simulators.grid.platform import GridPlatform
from simulators.urban import arrivals, people
from simulators.urban.calendar import WorkingCalendar
from simulators.urban.cases import FilingEnd, Origin, StageRecord, UrbanCase
from simulators.urban.casework import Casework
from simulators.urban.desk import CaseStatus, Role, Row
from simulators.urban.limits import Limit, LimitUnit, due_at
from simulators.urban.places import limit_of
from simulators.urban.platform import UrbanPlatform

# ── URBAN-2: seven stages in their order ────────────────────────────────────────────────────────────


class _StraightToDisposal(Casework):
    def dispatch(self, case: UrbanCase, district: str, who: str, now: datetime, *, automatic: bool = False) -> None:
        super().dispatch(case, district, who, now, automatic=automatic)
        self.leave(case, now, who, "assigned", automatic=True)
        department = self.places.default_department(district, case.data)
        self.start_disposal(case, district, department, self.due(case, now), now)


@member(
    "urban-skips-the-district",
    clause="URBAN-2",
    zh="派遣后直接进入处置,跳过区分派环节",
    en="goes from the dispatch straight to disposal: no district assigns anything",
)
class UrbanSkipsTheDistrict(UrbanPlatform):
    casework_type = _StraightToDisposal


class _Undispatched(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if form.form_type is FormType.DISPATCH else form


@member(
    "urban-tells-no-dispatch",
    clause="URBAN-2",
    zh="派遣不告知网格平台,直接报处置进度",
    en="tells disposal without ever having told the dispatch",
)
class UrbanTellsNoDispatch(UrbanPlatform):
    mailroom_type = _Undispatched


class _OneVerificationIsEnough(people.People):
    def _verify_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        super()._verify_act(row, case, account, given, now)
        if case.stage is UrbanStage.CITY_VERIFICATION:
            self._casework.leave(case, now, account.name, "passed", automatic=True)
            self._casework.enter(case, UrbanStage.CLOSING, now)


@member(
    "urban-skips-the-city-verification",
    clause="URBAN-2",
    zh="自有案卷区核查通过即到结案,跳过市核查",
    en="lets a native case go from the district's verification straight to closing",
)
class UrbanSkipsTheCityVerification(UrbanPlatform):
    people_type = _OneVerificationIsEnough


# ── URBAN-3: native cases stay inside ───────────────────────────────────────────────────────────────


class _SendsNative(Casework):
    def send(self, case: UrbanCase, form: Form, now: datetime) -> None:
        if case.transferred:
            super().send(case, form, now)
        else:
            self.mailroom.post(form, now)


@member(
    "urban-sends-native-cases-to-the-grid",
    clause="URBAN-3",
    zh="城管自有案卷的立案、派遣等也发给网格平台",
    en="sends the filing, dispatch and progress of its native cases to the grid side",
)
class UrbanSendsNativeCases(UrbanPlatform):
    casework_type = _SendsNative


class _NativeWaitsForGrid(people.People):
    @staticmethod
    def _refuse_hidden(row: Row, case: UrbanCase) -> None:
        people.People._refuse_hidden(row, replace(case, origin=Origin.TRANSFERRED))


@member(
    "urban-hides-native-verification-too",
    clause="URBAN-3",
    zh="自有案卷的核查也不让本平台人员办理,案卷停在核查环节",
    en="keeps its own people from verifying native cases too, which then stand still",
)
class UrbanHidesNativeVerification(UrbanPlatform):
    people_type = _NativeWaitsForGrid


class _AllFromTheHotline(people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        if name == "intake.report":
            params = {**params, "source": "hotline"}
        return super().act(name, params, now, by)


@member(
    "urban-takes-every-native-case-for-a-hotline-s",
    clause="URBAN-3",
    zh="坐席登记的案卷一律记为热线来源",
    en="notes the hotline as the source of every case that its intake registers",
)
class UrbanTakesAllForHotline(UrbanPlatform):
    people_type = _AllFromTheHotline


# ── URBAN-4: reasons, and applications before decisions ─────────────────────────────────────────────


class _AnyReasonWillDo(people.People):
    acts: tuple[str, ...] = ()

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        if name in self.acts and not str(params.get("reason") or "").strip():
            params = {**params, "reason": "无"}
        return super().act(name, params, now, by)


class _ExtendsWithoutReason(_AnyReasonWillDo):
    acts = ("department.apply_extension", "district.send_back", "district.apply_transfer")


@member(
    "urban-takes-applications-without-reason",
    clause="URBAN-4",
    zh="延期、退办、转办申请没有理由也受理",
    en="lets people apply for an extension, a return or a transfer without a reason",
)
class UrbanTakesApplicationsWithoutReason(UrbanPlatform):
    people_type = _ExtendsWithoutReason


class _DeclinesWithoutReason(_AnyReasonWillDo):
    acts = ("operator.decline",)


@member(
    "urban-declines-without-reason",
    clause="URBAN-4",
    zh="不予立案不要求填写理由",
    en="lets an operator decline a case without a reason",
)
class UrbanDeclinesWithoutReason(UrbanPlatform):
    people_type = _DeclinesWithoutReason


class _TellsDecisionsOnly(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        applied = isinstance(form, ExtensionNotice | ReturnNotice | TransferNotice)
        return None if applied and form.decision is Decision.APPLIED else form  # type: ignore[union-attr]


@member(
    "urban-tells-decisions-without-applications",
    clause="URBAN-4",
    zh="延期、退办、转办只告知批复,不告知申请",
    en="tells the grid side what was decided on an application that it never told of",
)
class UrbanTellsDecisionsOnly(UrbanPlatform):
    mailroom_type = _TellsDecisionsOnly


class _GrantsByItself(people.People):
    def _apply_extension(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        super()._apply_extension(row, case, account, given, now)
        self._decide_extension(row, case, account, Params(row.act, {"grant": True}), now)


@member(
    "urban-grants-extensions-by-itself",
    clause="URBAN-4",
    zh="部门申请延期即自动批准,不经区审批",
    en="grants an extension as soon as the department applies, without anybody deciding",
)
class UrbanGrantsExtensions(UrbanPlatform):
    people_type = _GrantsByItself


class _MuteDecline(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, reason=None) if isinstance(form, FilingResult) and form.reason else form


@member(
    "urban-keeps-its-reason-to-itself",
    clause="URBAN-4",
    zh="不予立案的理由不写进表单",
    en="leaves the reason out of the form that declines a case",
)
class UrbanKeepsItsReason(UrbanPlatform):
    mailroom_type = _MuteDecline


# ── INT-1: the grid side shows where the case stands ────────────────────────────────────────────────


class _TellsNoProgress(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, StageProgress) else form


@member(
    "urban-tells-no-stage",
    clause="INT-1",
    zh="从不告知案卷进入了哪个环节",
    en="never tells which stage a case has entered",
)
class UrbanTellsNoStage(UrbanPlatform):
    mailroom_type = _TellsNoProgress


class _ShowsNoProgress(grid_arrivals.Arrivals):
    def _progressed(self, case: GridCase, form: StageProgress, now: datetime) -> None:
        heard(case, now, "stage", form.stage)


@member(
    "grid-shows-a-stale-stage",
    clause="INT-1",
    zh="收到环节进度只回执,页面上的环节不更新",
    en="confirms each stage that it is told and goes on showing the old one",
)
class GridShowsAStaleStage(GridPlatform):
    arrivals_type = _ShowsNoProgress


class _DoesNotMove(grid_arrivals.Arrivals):
    def _transfer(self, case: GridCase, form: TransferNotice, now: datetime) -> None:
        if form.decision is not Decision.GRANTED:
            super()._transfer(case, form, now)


@member(
    "grid-overlooks-transfers",
    clause="INT-1",
    zh="收到转办通知只回执,仍显示原处置区和原时限",
    en="confirms a granted transfer and goes on showing the old district and the old limit",
)
class GridOverlooksTransfers(GridPlatform):
    arrivals_type = _DoesNotMove


class _IgnoresCompletion(people.People):
    def _complete(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        """Say that it is done."""


@member(
    "urban-loses-what-the-operator-completes",
    clause="INT-1",
    zh="坐席员完善的案卷信息没有保存",
    en="does not keep what the operator completes before filing",
)
class UrbanLosesCompletion(UrbanPlatform):
    people_type = _IgnoresCompletion


class _Swallows(Engine):
    """Confirms a kind of form itself and never relays it."""

    form_type: type[Any]

    def swallows(self, form: Form) -> bool:
        """Whether this form goes no further."""
        return isinstance(form, self.form_type)

    def _send(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        if not self.swallows(delivery.form):
            super()._send(exchange, delivery, effects, at)
            return
        delivery.attempts += 1
        receipt = Receipt(
            case_number=exchange.case_number,
            form_message_id=delivery.message_id,
            form_type=delivery.form_type,
            outcome=ReceiptOutcome.CONFIRMED,
            decided_at=at,
        )
        taken = self._receipt(exchange, ReceiptReceived(side=delivery.direction.recipient, receipt=receipt, at=at))
        effects.extend(taken.effects)


class _SwallowsProgress(_Swallows):
    form_type = StageProgress


@member(
    "bridge-swallows-progress",
    clause="INT-1",
    zh="环节进度到桥为止,不转发给网格平台",
    en="confirms each progress itself and relays none to the grid side",
)
class BridgeSwallowsProgress(WrongBridge):
    engine_type = _SwallowsProgress


# ── INT-2: limits by category and working time ──────────────────────────────────────────────────────


class _AroundTheClock(Casework):
    def due(self, case: UrbanCase, start: datetime) -> datetime:
        within = super().due(case, start)
        return min(within, start + timedelta(hours=4))


@member(
    "urban-lets-limits-run-at-night",
    clause="INT-2",
    zh="处置时限夜间和周末照常走",
    en="lets the disposal limit run at night and on the weekend",
)
class UrbanLetsLimitsRunAtNight(UrbanPlatform):
    casework_type = _AroundTheClock


class _Weekdays(WorkingCalendar):
    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5


class _NoHolidays(Casework):
    def due(self, case: UrbanCase, start: datetime) -> datetime:
        return due_at(_Weekdays(WorkingTime()), limit_of(case.data), case.data.grade, start)


@member(
    "urban-knows-no-holidays",
    clause="INT-2",
    zh="只认周一至周五,不认法定节假日与调休",
    en="works from Monday to Friday whatever the national calendar says of holidays and make-up days",
)
class UrbanKnowsNoHolidays(UrbanPlatform):
    casework_type = _NoHolidays


class _OneLimitForAll(Casework):
    def due(self, case: UrbanCase, start: datetime) -> datetime:
        return due_at(self.calendar, Limit(4, LimitUnit.WORKING_HOUR), case.data.grade, start)


@member(
    "urban-knows-one-limit-only",
    clause="INT-2",
    zh="各类案卷一律四个工作时,不分类别",
    en="gives every category the same limit of four working hours",
)
class UrbanKnowsOneLimit(UrbanPlatform):
    casework_type = _OneLimitForAll


class _LimitBySerial(Casework):
    def due(self, case: UrbanCase, start: datetime) -> datetime:
        return super().due(case, start) + timedelta(minutes=10 * len(self.cases))


@member(
    "urban-gives-equal-cases-different-limits",
    clause="INT-2",
    zh="同类案卷同时进入处置,时限却因积压多少而不同",
    en="gives equal cases that enter disposal together different limits, by how much there is to do",
)
class UrbanGivesDifferentLimits(UrbanPlatform):
    casework_type = _LimitBySerial


# ── INT-3: transferred cases stay out of the assessment, and of nothing else ────────────────────────


@member(
    "urban-assesses-transferred-cases",
    clause="INT-3",
    zh="移交案卷计入月度考核",
    en="counts transferred cases in its monthly assessment",
)
class UrbanAssessesTransferred(UrbanPlatform):
    def _assessment(self, given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        report = super()._assessment(given, now)
        return {**report, "assessed": report["all"]}


@member(
    "urban-leaves-transferred-cases-out-of-everything",
    clause="INT-3",
    zh="移交案卷不计入考核,其他统计里也没有",
    en="leaves transferred cases out of every figure, not only of the assessment",
)
class UrbanLeavesTransferredOut(UrbanPlatform):
    def _assessment(self, given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        report = super()._assessment(given, now)
        return {**report, "all": report["assessed"], "excluded": []}


# ── INT-4: the grid side verifies, and nobody else is offered it ────────────────────────────────────


class _ShowsAll(people.People):
    def worklist(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        listed = super().worklist(given)
        if given.get("role") not in (Role.DISTRICT_VERIFIER, Role.CITY_VERIFIER):
            return listed
        known = {item["case_number"] for item in listed}
        waiting = (UrbanStage.DISTRICT_VERIFICATION, UrbanStage.CITY_VERIFICATION)
        act = f"{given['role']}.verify"
        return listed + [
            {"case_number": c.case_number, "stage": c.stage.value, "acts": [act]}
            for c in self._casework.cases.values()
            if c.stage in waiting and not c.ended and c.case_number not in known
        ]


@member(
    "urban-shows-verification-to-its-own-people",
    clause="INT-4",
    zh="移交案卷的核查出现在城管核查员的待办里",
    en="shows transferred cases in the work lists of its own verifiers",
)
class UrbanShowsVerification(UrbanPlatform):
    people_type = _ShowsAll


class _LetsVerifiersAt(people.People):
    @staticmethod
    def _refuse_hidden(row: Row, case: UrbanCase) -> None:
        if row.role is Role.CLOSER:
            people.People._refuse_hidden(row, case)


@member(
    "urban-lets-its-people-verify",
    clause="INT-4",
    zh="城管核查员可以核查移交案卷",
    en="lets its own verifiers verify a transferred case",
)
class UrbanLetsItsPeopleVerify(UrbanPlatform):
    people_type = _LetsVerifiersAt


class _AsksNobody(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, VerificationRequest) else form


@member(
    "urban-asks-for-no-verification",
    clause="INT-4",
    zh="处置完成后不向网格平台发核查请求",
    en="never asks the grid side to verify",
)
class UrbanAsksForNoVerification(UrbanPlatform):
    mailroom_type = _AsksNobody


class _RoundOneAlways(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, round=1) if isinstance(form, VerificationRequest) else form


@member(
    "urban-calls-every-round-the-first",
    clause="INT-4",
    zh="每次核查请求都写第 1 轮",
    en="calls every round of verification the first",
)
class UrbanCallsEveryRoundTheFirst(UrbanPlatform):
    mailroom_type = _RoundOneAlways


class _VerifiesUnasked(grid_people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        if name == "worker.verify" and case is not None and case.state is GridState.HANDED_OVER and case.filed:
            case.verifications.append(
                Verification(round=case.rejections + 1, requested_at=now, disposal_result="未请求")
            )
            case.state = GridState.AWAITING_VERIFICATION
        return super().act(name, params, now, by)


@member(
    "grid-verifies-unasked",
    clause="INT-4",
    zh="城管尚未请求核查,网格员就可以核查",
    en="lets the worker verify before the urban side has asked for it",
)
class GridVerifiesUnasked(GridPlatform):
    people_type = _VerifiesUnasked


class _AnyRound(arrivals.Arrivals):
    def _verified(self, case: UrbanCase, form: VerificationResult, now: datetime) -> Fault | None:
        return super()._verified(case, replace(form, round=case.round), now)


@member(
    "urban-takes-a-result-of-any-round",
    clause="INT-4",
    zh="不核对轮次,别的轮次的核查结果也照收",
    en="takes a verification result of any round for the present one",
)
class UrbanTakesAnyRound(UrbanPlatform):
    arrivals_type = _AnyRound


class _WelcomesRequests(AdmittingEngine):
    stage, form_type = ExchangeStage.IN_DISPOSAL, VerificationRequest


@member(
    "bridge-lets-stages-be-skipped",
    clause="INT-4",
    zh="尚未派遣的案卷,核查请求也照样转发",
    en="relays a verification request of a case that has not been dispatched",
)
class BridgeLetsStagesBeSkipped(WrongBridge):
    engine_type = _WelcomesRequests


class _WelcomesResults(AdmittingEngine):
    stage, form_type = ExchangeStage.AWAITING_VERIFICATION, VerificationResult


@member(
    "bridge-lets-results-through-unasked",
    clause="INT-4",
    zh="没有核查请求,核查结果也照样转发",
    en="relays a verification result that nobody asked for",
)
class BridgeLetsResultsThrough(WrongBridge):
    engine_type = _WelcomesResults


# ── INT-5: the urban verification stages complete by themselves, with the whole record ──────────────


class _Verifying(Casework):
    """Bends the record that automatic verification leaves."""

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
        verifying = case.stage in (UrbanStage.DISTRICT_VERIFICATION, UrbanStage.CITY_VERIFICATION)
        super().leave(case, now, who, result, note=note, photos=photos, automatic=automatic)
        if verifying and automatic:
            self.bend(case, case.records[-1])

    def bend(self, case: UrbanCase, record: StageRecord) -> None:
        """Write something else into the record."""
        raise NotImplementedError


class _KeepsNoPhotos(_Verifying):
    def bend(self, case: UrbanCase, record: StageRecord) -> None:
        record.photos = ()


@member(
    "urban-keeps-no-verification-photos",
    clause="INT-5",
    zh="自动核查不留核查照片",
    en="records no photos of the verification",
)
class UrbanKeepsNoPhotos(UrbanPlatform):
    casework_type = _KeepsNoPhotos


class _NamesTheWorker(_Verifying):
    def bend(self, case: UrbanCase, record: StageRecord) -> None:
        record.handler = next((h.who for h in reversed(case.history) if h.what == "verified"), record.handler)


@member(
    "urban-records-the-worker-as-handler",
    clause="INT-5",
    zh="自动核查的办理人写成网格员,而不是缺省用户",
    en="records the grid worker as the handler instead of the default user",
)
class UrbanRecordsTheWorker(UrbanPlatform):
    casework_type = _NamesTheWorker


class _BuiltInName(_Verifying):
    def bend(self, case: UrbanCase, record: StageRecord) -> None:
        record.handler = "系统自动核查"


@member(
    "urban-cannot-change-the-default-verifier",
    clause="INT-5",
    zh="缺省核查用户写死在程序里,配置改不了",
    en="has the default verifier built in: the profile cannot change it",
)
class UrbanCannotChangeTheVerifier(UrbanPlatform):
    casework_type = _BuiltInName


class _TimeOfArrival(arrivals.Arrivals):
    def _verified(self, case: UrbanCase, form: VerificationResult, now: datetime) -> Fault | None:
        return super()._verified(case, replace(form, verified_at=now), now)


@member(
    "urban-records-when-the-result-arrived",
    clause="INT-5",
    zh="核查完成时间写成报文到达的时刻",
    en="records when the result arrived instead of when the worker verified",
)
class UrbanRecordsTheArrival(UrbanPlatform):
    arrivals_type = _TimeOfArrival


class _StopsAtTheCity(arrivals.Arrivals):
    def _verified(self, case: UrbanCase, form: VerificationResult, now: datetime) -> Fault | None:
        fault = super()._verified(case, form, now)
        if fault is None and form.outcome is VerificationOutcome.PASSED:
            city = next(r for r in reversed(case.records) if r.stage is UrbanStage.CITY_VERIFICATION)
            city.completed_at, city.automatic = None, False
            case.records = [r for r in case.records if r.stage is not UrbanStage.CLOSING]
            case.stage = UrbanStage.CITY_VERIFICATION
        return fault


@member(
    "urban-waits-at-the-city-verification",
    clause="INT-5",
    zh="网格核查通过后只完成区核查,停在市核查",
    en="completes the district's verification only and waits at the city's",
)
class UrbanWaitsAtTheCity(UrbanPlatform):
    arrivals_type = _StopsAtTheCity


# ── INT-6: both close, or none ──────────────────────────────────────────────────────────────────────


class _ClosesAtHome(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, Closing) else form


@member(
    "grid-never-tells-the-urban-side-to-close",
    clause="INT-6",
    zh="网格平台结案后不告知城管平台结案",
    en="closes its case and never tells the urban side to close",
)
class GridNeverTellsToClose(GridPlatform):
    mailroom_type = _ClosesAtHome


class _ClosesUnverified(grid_people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        early = (GridState.HANDED_OVER, GridState.AWAITING_VERIFICATION, GridState.VERIFICATION_FAILED)
        if name == "workstation.close" and case is not None and case.state in early and case.filed:
            case.state = GridState.VERIFIED
        return super().act(name, params, now, by)


@member(
    "grid-closes-unverified",
    clause="INT-6",
    zh="未核查通过的移交案卷也能结案",
    en="lets the workstation close a transferred case that has not passed verification",
)
class GridClosesUnverified(GridPlatform):
    people_type = _ClosesUnverified


class _StaysOpen(arrivals.Arrivals):
    def _closed(self, case: UrbanCase, form: Closing, now: datetime) -> Fault | None:
        return None


@member(
    "urban-confirms-a-closing-and-stays-open",
    clause="INT-6",
    zh="收到结案只回执,本平台案卷不结",
    en="confirms the closing and leaves its own case open",
)
class UrbanStaysOpen(UrbanPlatform):
    arrivals_type = _StaysOpen


class _ClosesWhenPassed(arrivals.Arrivals):
    def _verified(self, case: UrbanCase, form: VerificationResult, now: datetime) -> Fault | None:
        fault = super()._verified(case, form, now)
        if fault is None and form.outcome is VerificationOutcome.PASSED:
            self._casework.end(case, CaseStatus.CLOSED, FilingEnd.CLOSED, "system", now)
        return fault


@member(
    "urban-closes-as-soon-as-it-has-passed",
    clause="INT-6",
    zh="核查一通过就自行结案,不等网格平台的结案",
    en="closes as soon as the verification has passed, before the grid side closes",
)
class UrbanClosesWhenPassed(UrbanPlatform):
    arrivals_type = _ClosesWhenPassed


class _LetsTheCloserAt(people.People):
    @staticmethod
    def _refuse_hidden(row: Row, case: UrbanCase) -> None:
        if row.role is not Role.CLOSER:
            people.People._refuse_hidden(row, case)


@member(
    "urban-lets-its-closer-close-transferred-cases",
    clause="INT-6",
    zh="城管结案员可以自行结掉移交案卷",
    en="lets its own closer close a transferred case",
)
class UrbanLetsItsCloserClose(UrbanPlatform):
    people_type = _LetsTheCloserAt


class _SwallowsClosings(_Swallows):
    form_type = Closing


@member(
    "bridge-swallows-closings",
    clause="INT-6",
    zh="结案到桥为止,对方平台不知道该结案",
    en="confirms a closing itself and never relays it: one side only closes",
)
class BridgeSwallowsClosings(WrongBridge):
    engine_type = _SwallowsClosings


class _WelcomesClosings(AdmittingEngine):
    stage, form_type = ExchangeStage.VERIFIED_PASSED, Closing

    def applies(self, exchange: Exchange, form: Form) -> bool:
        return super().applies(exchange, form) and exchange.stage is not ExchangeStage.FALSE_REPORT_CONFIRMED


@member(
    "bridge-lets-unverified-cases-close",
    clause="INT-6",
    zh="未核查通过的案卷,结案也照样转发",
    en="relays the closing of a case that has not passed verification",
)
class BridgeLetsUnverifiedCasesClose(WrongBridge):
    engine_type = _WelcomesClosings
