"""What the urban platform's forms do to the cases here (INT-1, INT-4, INT-8, EXC-1, EXC-3 … EXC-5, URBAN-4)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bridge.vocabulary.codes import (
    Decision,
    DeclineReason,
    FilingOutcome,
    NoticeKind,
)
from bridge.vocabulary.forms import (
    Closing,
    ContactNotice,
    Dispatch,
    ExtensionNotice,
    FalseReportApplication,
    FilingResult,
    Form,
    ReturnNotice,
    StageProgress,
    TransferNotice,
    VerificationRequest,
)
from bridge.vocabulary.messages import (
    Fault,
)
from bridge.vocabulary.stages import GridState, UrbanStage
from simulators.grid.admission import fault_of
from simulators.grid.casebook import (
    FalseReport,
    FalseReportState,
    GridCase,
    Verification,
)
from simulators.grid.casework import Casework, heard, present


class Arrivals:
    """Takes an arrived form into its case, or says why not."""

    def __init__(self, casework: Casework):
        self._casework = casework
        self._arrivals: dict[type[Form], Callable[[GridCase, Any, datetime], None]] = {
            FilingResult: self._filing_result,
            Dispatch: self._dispatched,
            StageProgress: self._progressed,
            ExtensionNotice: self._extension,
            ReturnNotice: self._return,
            TransferNotice: self._transfer,
            VerificationRequest: self._verification_request,
            FalseReportApplication: self._false_report,
            Closing: self._false_report_closing,
            ContactNotice: self._contact_notice,
        }

    def decide(self, form: Form, now: datetime) -> Fault | None:
        """Take an arrived form into its case, or say why not and change nothing."""
        case = self._casework.cases.get(form.case_number)
        fault = fault_of(form, case, self._casework.choices)
        if fault is None and case is not None:
            self._arrivals[type(form)](case, form, now)
        return fault

    def _filing_result(self, case: GridCase, form: FilingResult, now: datetime) -> None:
        case.filing_ordinal = form.filing_ordinal
        if form.outcome is FilingOutcome.DECLINED:
            self._declined(case, form, now)
            return
        case.task_numbers.append(present(form.task_number))
        if form.filing_ordinal > 1 and self._casework.choices.counter_restarts_on_refiling:
            case.rejections = 0
        case.overdue_not_disposed = False
        case.dispatched_to = case.urban_department = case.due_at = case.false_report = None
        case.urban_stage = UrbanStage.FILING_AND_DISPATCH
        heard(case, now, "filed", present(form.task_number))

    def _declined(self, case: GridCase, form: FilingResult, now: datetime) -> None:
        reason = present(form.decline_reason)
        case.decline_reason, case.original_case_number = reason.value, form.original_case_number
        heard(case, now, "declined", form.reason or reason.value)
        if reason is DeclineReason.DUPLICATE:
            original = present(form.original_case_number)
            self._casework.board.started(
                NoticeKind.DUPLICATE,
                case.case_number,
                case.case_number,
                f"案卷 {case.case_number} 与 {original} 重复,城管不予立案。",
                f"Case {case.case_number} repeats {original}; the urban platform does not file it.",
                now,
                related=original,
            )
            self._casework.repeats_of.setdefault(original, []).append(case.case_number)
        self._casework.end(case, GridState.DECLINED, now)
        known = self._casework.cases.get(case.original_case_number or "")
        if known is None or known.ended:
            self._casework.end_repeats(case.original_case_number, now)

    def _dispatched(self, case: GridCase, form: Dispatch, now: datetime) -> None:
        case.dispatched_to = form.district
        case.urban_stage = UrbanStage.DISTRICT_ASSIGNMENT
        heard(case, now, "dispatched", form.district)

    def _progressed(self, case: GridCase, form: StageProgress, now: datetime) -> None:
        case.urban_stage = form.stage
        if form.department is not None:
            case.urban_department = form.department
        if form.disposal_due_at is not None:
            case.due_at = form.disposal_due_at
        heard(case, now, "stage", form.stage)

    def _extension(self, case: GridCase, form: ExtensionNotice, now: datetime) -> None:
        if form.decision is Decision.GRANTED:
            case.due_at = form.disposal_due_at
        heard(case, now, f"extension_{form.decision}", form.reason)

    def _return(self, case: GridCase, form: ReturnNotice, now: datetime) -> None:
        if form.decision is Decision.GRANTED:
            case.dispatched_to = None
            case.urban_stage = UrbanStage.FILING_AND_DISPATCH
        heard(case, now, f"return_{form.decision}", form.reason)

    def _transfer(self, case: GridCase, form: TransferNotice, now: datetime) -> None:
        if form.decision is Decision.GRANTED:
            case.dispatched_to, case.urban_department = form.to_district, form.to_department
            case.due_at = form.disposal_due_at
        heard(case, now, f"transfer_{form.decision}", f"{form.from_district} → {form.to_district}")

    def _verification_request(self, case: GridCase, form: VerificationRequest, now: datetime) -> None:
        case.verifications.append(
            Verification(
                round=form.round,
                requested_at=now,
                disposal_result=form.disposal_result,
                disposal_photos=form.attachments,
                request=form,
            )
        )
        case.state = GridState.AWAITING_VERIFICATION
        case.satisfied = None
        case.urban_stage = UrbanStage.DISTRICT_VERIFICATION
        heard(case, now, "verification_requested", form.disposal_result)

    def _false_report(self, case: GridCase, form: FalseReportApplication, now: datetime) -> None:
        asked = self._casework.choices.grid_confirms_false_report
        case.false_report = FalseReport(
            reason=form.reason,
            department=form.department,
            applied_at=form.applied_at,
            photos=form.attachments,
            state=FalseReportState.TO_ANSWER if asked else FalseReportState.TOLD,
        )
        heard(case, now, "false_report_applied", form.reason)

    def _false_report_closing(self, case: GridCase, form: Closing, now: datetime) -> None:
        heard(case, now, "closed_false_report", form.closed_by)
        self._casework.end(case, GridState.CLOSED_FALSE_REPORT, now)

    def _contact_notice(self, case: GridCase, form: ContactNotice, now: datetime) -> None:
        self._casework.board.came_in(form, now)
        heard(case, now, "told", form.text)
