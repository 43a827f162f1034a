"""Wrong ways out and around: withdrawals, false reports, other districts, transfers (EXC-2 … EXC-5)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.core.engine import Engine, Step
from bridge.core.exchange import DeliveryState, Exchange
from bridge.core.inputs import DocumentReceived
from bridge.rules.delivery import Happening
from bridge.vocabulary.codes import Decision, ErrorCode, PhotoKind
from bridge.vocabulary.forms import (
    Closing,
    Dispatch,
    FalseReportApplication,
    Form,
    HandOver,
    TransferNotice,
    Withdrawal,
)
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.stages import ExchangeStage, GridState
from conformance.zoo.bases import AdmittingEngine, AlteringMailroom, WrongBridge
from conformance.zoo.member import member
from simulators.city.seats import Account
from simulators.exchange.errors import ActRefused
from simulators.exchange.params import Params
from simulators.grid import arrivals as grid_arrivals
from simulators.grid import people as grid_people
from simulators.grid.casebook import GridCase
from simulators.grid.desk import Row as GridRow
from simulators.grid.platform import GridPlatform
from simulators.urban import arrivals, people
from simulators.urban.cases import ApplicationKind, DisposalEnd, UrbanCase
from simulators.urban.casework import Casework
from simulators.urban.desk import CaseStatus, Row
from simulators.urban.platform import UrbanPlatform

# ── EXC-2: once filed, nobody cancels a case on any path ────────────────────────────────────────────


class _WithdrawsFiled(arrivals.Arrivals):
    def _withdrawn(self, case: UrbanCase, form: Withdrawal, now: datetime) -> Fault | None:
        if case.ended or case.filing is None:
            return super()._withdrawn(case, form, now)
        case.status, case.closed_at = CaseStatus.WITHDRAWN, now
        self._casework.leave(case, now, "grid", "withdrawn", note=form.reason)
        return None


@member(
    "urban-lets-a-filed-case-be-withdrawn",
    clause="EXC-2",
    zh="立案后收到撤回仍然照办",
    en="takes a withdrawal of a case that it has filed",
)
class UrbanLetsAFiledCaseBeWithdrawn(UrbanPlatform):
    arrivals_type = _WithdrawsFiled


class _CancelsFiled(people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        if name == "operator.decline" and case is not None and case.status is CaseStatus.OPEN:
            case.status, case.closed_at = CaseStatus.DECLINED, now
            self._casework.leave(case, now, by or "operator", "declined")
            return {"case": case.case_number, "status": case.status.value, "stage": case.stage.value}
        return super().act(name, params, now, by)


@member(
    "urban-lets-a-filed-case-be-declined",
    clause="EXC-2",
    zh="立案后坐席员仍可“不予立案”,案卷就此消失",
    en="lets an operator decline a case that was filed, and the case vanishes",
)
class UrbanLetsAFiledCaseBeDeclined(UrbanPlatform):
    people_type = _CancelsFiled


class _CancelsAnything(grid_people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        case = self._casework.cases.get(str(params.get("case")))
        if name == "workstation.cancel" and case is not None and case.filed and not case.ended:
            case.cancelled = True
            self._casework.end(case, GridState.CLOSED, now)
            return {"case": case.case_number, "state": case.state.value}
        return super().act(name, params, now, by)


@member(
    "grid-cancels-a-filed-case",
    clause="EXC-2",
    zh="城管已立案的案卷,工作站仍可自行注销",
    en="lets the workstation cancel a case that the urban side has filed",
)
class GridCancelsAFiledCase(GridPlatform):
    people_type = _CancelsAnything


class _AsksAnyway(grid_people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        return super().act("workstation.force_withdraw" if name == "workstation.withdraw" else name, params, now, by)


@member(
    "grid-withdraws-after-filing",
    clause="EXC-2",
    zh="立案后仍允许工作站发起撤回",
    en="lets the workstation ask for a withdrawal after the filing",
)
class GridWithdrawsAfterFiling(GridPlatform):
    people_type = _AsksAnyway


class _WithdrawnAtOnce(grid_people.People):
    def _send_withdrawal(self, row: GridRow, case: GridCase, account: Account, reason: str, now: datetime) -> None:
        super()._send_withdrawal(row, case, account, reason, now)
        if not case.ended:
            self._casework.end(case, GridState.WITHDRAWN, now)


@member(
    "grid-takes-a-withdrawal-for-granted",
    clause="EXC-2",
    zh="发出撤回即当作已撤回,不等城管的回执",
    en="takes a case for withdrawn as soon as it has asked, before the urban side has answered",
)
class GridTakesAWithdrawalForGranted(GridPlatform):
    people_type = _WithdrawnAtOnce


class _LetsWithdrawalsThrough(AdmittingEngine):
    stage, form_type = ExchangeStage.HANDED_OVER, Withdrawal


@member(
    "bridge-lets-late-withdrawals-through",
    clause="EXC-2",
    zh="立案后的撤回照样转发",
    en="relays a withdrawal of a case that has been filed",
)
class BridgeLetsLateWithdrawalsThrough(WrongBridge):
    engine_type = _LetsWithdrawalsThrough


# ── EXC-3: false reports need a photo, a reason and the grid side ───────────────────────────────────


class _NoPhotoNeeded(people.People):
    def _apply_false_report(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        self._casework.apply(
            case,
            ApplicationKind.FALSE_REPORT,
            account,
            row,
            given.reason(),
            now,
            case.department or "",
            photos=given.photos(PhotoKind.ON_SITE),
        )


@member(
    "urban-takes-a-false-report-without-photo",
    clause="EXC-3",
    zh="没有现场照片也受理举报不属实申请",
    en="lets a department apply for a false report without a photo from the spot",
)
class UrbanTakesAFalseReportWithoutPhoto(UrbanPlatform):
    people_type = _NoPhotoNeeded


class _NoReasonNeeded(people.People):
    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        if name == "department.apply_false_report" and not str(params.get("reason") or "").strip():
            params = {**params, "reason": "-"}
        return super().act(name, params, now, by)


@member(
    "urban-takes-a-false-report-without-reason",
    clause="EXC-3",
    zh="没有理由也受理举报不属实申请",
    en="lets a department apply for a false report without a reason",
)
class UrbanTakesAFalseReportWithoutReason(UrbanPlatform):
    people_type = _NoReasonNeeded


class _DoesNotAsk(people.People):
    def _decide_false_report(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        super()._decide_false_report(row, case, account, given, now)
        application = case.false_report
        if application is not None and application.awaits_grid:
            application.awaits_grid = False
            self._casework.close_as_false(case, account.name, now)


@member(
    "urban-closes-a-false-report-unasked",
    clause="EXC-3",
    zh="市级同意后即按举报不属实结案,不等网格平台确认",
    en="closes a false report without waiting for the grid side's word",
)
class UrbanClosesAFalseReportUnasked(UrbanPlatform):
    people_type = _DoesNotAsk


class _ClosesInSilence(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, Closing) else form


@member(
    "urban-closes-a-false-report-in-silence",
    clause="EXC-3",
    zh="按举报不属实结案后不告知网格平台",
    en="closes a false report without telling the grid side",
)
class UrbanClosesAFalseReportInSilence(UrbanPlatform):
    mailroom_type = _ClosesInSilence


class _BareApplication(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, attachments=()) if isinstance(form, FalseReportApplication) else form


@member(
    "urban-keeps-the-photos-of-a-false-report",
    clause="EXC-3",
    zh="举报不属实申请不附现场照片就发给网格平台",
    en="sends a false-report application without the photos that it has",
)
class UrbanKeepsThePhotos(UrbanPlatform):
    mailroom_type = _BareApplication


class _WantsNoPhoto(grid_arrivals.Arrivals):
    def decide(self, form: Form, now: datetime) -> Fault | None:
        fault = super().decide(form, now)
        if fault is None or not isinstance(form, FalseReportApplication):
            return fault
        if fault.code is not ErrorCode.REQUIRED_MISSING:
            return fault
        self._false_report(self._casework.cases[form.case_number], form, now)
        return None


@member(
    "grid-takes-a-bare-false-report",
    clause="EXC-3",
    zh="没有现场照片或理由的举报不属实申请也照收",
    en="takes a false-report application that lacks its photo or its reason",
)
class GridTakesABareFalseReport(GridPlatform):
    arrivals_type = _WantsNoPhoto


class _StaysOpen(grid_arrivals.Arrivals):
    def _false_report_closing(self, case: GridCase, form: Closing, now: datetime) -> None:
        """Confirm the closing and do nothing."""


@member(
    "grid-keeps-a-false-report-open",
    clause="EXC-3",
    zh="收到举报不属实结案只回执,本平台案卷不结",
    en="confirms the closing of a false report and leaves its own case open",
)
class GridKeepsAFalseReportOpen(GridPlatform):
    arrivals_type = _StaysOpen


class _AnyFalseReport(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        step = super()._document(exchange, seen)
        if isinstance(form, FalseReportApplication) and step.receipt is not None and step.exchange is not None:
            fault = step.receipt.fault
            if fault is not None and fault.code is ErrorCode.REQUIRED_MISSING:
                return self._let_through(step.exchange, seen)
        return step

    def _let_through(self, exchange: Exchange, seen: DocumentReceived) -> Step:
        delivery = exchange.deliveries[seen.message.header.message_id]
        delivery.state, delivery.receipt = DeliveryState.WAITING, None
        step = Step(exchange=exchange, accepted=True, changed=True)
        self._happen(exchange, delivery, Happening.ITS_TURN, step.effects, seen.at)
        return step


@member(
    "bridge-lets-a-bare-false-report-through",
    clause="EXC-3",
    zh="没有现场照片或理由的举报不属实申请照样转发",
    en="relays a false-report application that lacks its photo or its reason",
)
class BridgeLetsABareFalseReportThrough(WrongBridge):
    engine_type = _AnyFalseReport


class _ClosesFalseReports(AdmittingEngine):
    stage, form_type = ExchangeStage.FALSE_REPORT_CONFIRMED, Closing

    def applies(self, exchange: Exchange, form: Form) -> bool:
        return super().applies(exchange, form) and exchange.stage is ExchangeStage.FALSE_REPORT_APPLIED


@member(
    "bridge-does-not-wait-for-the-grid-side",
    clause="EXC-3",
    zh="网格平台尚未确认举报不属实,桥就转发结案",
    en="relays the closing of a false report before the grid side has confirmed it",
)
class BridgeDoesNotWaitForTheGridSide(WrongBridge):
    engine_type = _ClosesFalseReports


# ── EXC-4: another district than the case's own is no reason to refuse ──────────────────────────────


class _OwnDistrictOnly(grid_arrivals.Arrivals):
    def decide(self, form: Form, now: datetime) -> Fault | None:
        case = self._casework.cases.get(form.case_number)
        if isinstance(form, Dispatch) and case is not None and form.district != case.cell.district:
            return Fault(
                code=ErrorCode.CODE_UNKNOWN,
                field="form/dispatch/district",
                message_zh="派遣区与案卷所属区不一致。",
                message_en="The district dispatched to is not the case's own.",
            )
        return super().decide(form, now)


@member(
    "grid-refuses-other-districts",
    clause="EXC-4",
    zh="派遣区与案卷所属区不同就退回",
    en="refuses a dispatch to another district than the case's own",
)
class GridRefusesOtherDistricts(GridPlatform):
    arrivals_type = _OwnDistrictOnly


class _DispatchesAtHome(people.People):
    def _dispatch_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        if given.text("district", case.data.district) != case.data.district:
            raise ActRefused(
                "bad_value", "只能派遣到案卷所属区。", "A case can only be dispatched to the district it lies in."
            )
        super()._dispatch_act(row, case, account, given, now)


@member(
    "urban-dispatches-to-the-own-district-only",
    clause="EXC-4",
    zh="不允许派遣到所属区以外的区",
    en="does not let a case be dispatched outside its own district",
)
class UrbanDispatchesAtHome(UrbanPlatform):
    people_type = _DispatchesAtHome


class _Borders(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        if isinstance(form, Dispatch) and exchange is not None:
            home = next((d.form.district for d in exchange.deliveries.values() if isinstance(d.form, HandOver)), None)
            if home != form.district:
                return self._fault(
                    exchange,
                    seen,
                    Fault(
                        code=ErrorCode.CODE_UNKNOWN,
                        field="form/dispatch/district",
                        message_zh="派遣区与案卷所属区不一致",
                        message_en="the district dispatched to is not the case's own",
                    ),
                )
        return super()._document(exchange, seen)


@member(
    "bridge-refuses-other-districts",
    clause="EXC-4",
    zh="派遣区与案卷所属区不同就不转发",
    en="does not relay a dispatch to another district than the case's own",
)
class BridgeRefusesOtherDistricts(WrongBridge):
    engine_type = _Borders


# ── EXC-5: a transfer is the city's, and the limit restarts in the new place ────────────────────────


class _LimitGoesOn(people.People):
    def _decide_transfer(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        kept = self._choices
        self._choices = replace(kept, restart_on_transfer=False)
        super()._decide_transfer(row, case, account, given, now)
        self._choices = kept


@member(
    "urban-keeps-the-limit-over-a-transfer",
    clause="EXC-5",
    zh="转办后沿用原处置时限",
    en="keeps the old limit when a case is transferred",
)
class UrbanKeepsTheLimitOverATransfer(UrbanPlatform):
    people_type = _LimitGoesOn


class _DistrictDecides(people.People):
    def _apply_transfer(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        super()._apply_transfer(row, case, account, given, now)
        super()._decide_transfer(row, case, account, Params(row.act, {"grant": True}), now)


@member(
    "urban-transfers-without-the-city",
    clause="EXC-5",
    zh="区里一申请转办就生效,不经市级批准",
    en="transfers a case as soon as a district applies, without the city",
)
class UrbanTransfersWithoutTheCity(UrbanPlatform):
    people_type = _DistrictDecides


class _GrantsOnPaper(people.People):
    def _decide_transfer(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        place = case.district, case.department
        super()._decide_transfer(row, case, account, given, now)
        if given.flag("grant"):
            case.district, case.department = place
            case.disposals[-1].district, case.disposals[-1].department = case.district or "", case.department or ""


@member(
    "urban-leaves-a-transferred-case-where-it-was",
    clause="EXC-5",
    zh="转办批准后案卷仍留在原部门",
    en="grants a transfer and leaves the case with the old department",
)
class UrbanLeavesATransferredCase(UrbanPlatform):
    people_type = _GrantsOnPaper


class _CountsTheFirst(Casework):
    @staticmethod
    def end_disposal(case: UrbanCase, ending: DisposalEnd, now: datetime) -> None:
        Casework.end_disposal(case, ending, now)
        for stretch in case.disposals[1:]:
            stretch.district, stretch.department = case.disposals[0].district, case.disposals[0].department


@member(
    "urban-counts-a-transfer-for-the-first-place",
    clause="EXC-5",
    zh="转办案卷的处置统计仍记在原部门名下",
    en="counts the disposal of a transferred case for the department that had it first",
)
class UrbanCountsForTheFirstPlace(UrbanPlatform):
    casework_type = _CountsTheFirst


class _KeepsTransfers(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        if isinstance(form, TransferNotice) and form.decision is Decision.GRANTED and exchange is not None:
            # The bridge rewrites the place to the one that it knows.
            home = next((d.form.district for d in exchange.deliveries.values() if isinstance(d.form, Dispatch)), None)
            form = replace(form, to_district=home or form.to_district)
            seen = seen._replace(message=replace(seen.message, form=form))
        return super()._document(exchange, seen)


@member(
    "bridge-rewrites-the-place-of-a-transfer",
    clause="EXC-5",
    zh="转发转办通知时把去向改回原派遣区",
    en="relays a granted transfer with the district that the case was dispatched to first",
)
class BridgeRewritesThePlace(WrongBridge):
    engine_type = _KeepsTransfers
