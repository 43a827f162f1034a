"""Which forms of the urban platform are taken, and the fault of those that are not (RCPT-2).

Read it as a list of questions, asked in this order; the first «no» is the fault:

1. Is the case ours, and handed over? (CASE_UNKNOWN)
2. Is it still open? (CASE_ENDED) – but news that only waited for its turn at the sender comes late and is heard.
3. Does the form hold what it must? (REQUIRED_MISSING)
4. Does it fit where the case stands? (OUT_OF_SEQUENCE)
5. Does it name the present filing? (TASK_NUMBER_MISMATCH)

Never asked: whether the district dispatched to is the case's own. The grids of the two platforms differ (EXC-4).
"""

from collections.abc import Callable

from bridge.vocabulary.codes import ClosingKind, Decision, DeclineReason, ErrorCode, FilingOutcome, PhotoKind
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
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import GridState, UrbanStage
from simulators.grid.casebook import FalseReportState, GridCase

_Notice = ExtensionNotice | ReturnNotice | TransferNotice


def fault_of(form: Form, case: GridCase | None, choices: Choices) -> Fault | None:
    """Say why an arrived form cannot be taken; None when it can."""
    if case is None or not case.handed_over:
        return _fault(
            form,
            ErrorCode.CASE_UNKNOWN,
            "caseNumber",
            f"没有移交过案卷 {form.case_number}。",
            f"No case {form.case_number} has been handed over.",
        )
    if isinstance(form, ContactNotice):
        return None
    if case.ended and not _is_late_news(form, case):
        return _fault(
            form,
            ErrorCode.CASE_ENDED,
            "caseNumber",
            f"案卷 {form.case_number} 已结束({case.state})。",
            f"Case {form.case_number} is over ({case.state}).",
        )
    return _missing(form) or _misplaced(form, case, choices) or _wrong_task(form, case)


def _is_late_news(form: Form, case: GridCase) -> bool:
    """Tell whether the form only says what became of something while the case was still open."""
    if isinstance(form, _Notice):
        if case.state is GridState.CLOSED:
            return form.decision is not Decision.APPLIED and not _moves(form)
        return case.state is GridState.CLOSED_FALSE_REPORT and form.decision is Decision.LAPSED
    return case.state is GridState.CLOSED and isinstance(form, StageProgress)


def _moves(form: _Notice) -> bool:
    """Tell whether the notice takes the case away from the district; a granted return does."""
    return isinstance(form, ReturnNotice) and form.decision is Decision.GRANTED


# ── 3: what a form must hold ────────────────────────────────────────────────────────────────────────


def _missing(form: Form) -> Fault | None:
    if isinstance(form, FilingResult):
        return _missing_in_filing(form)
    if isinstance(form, StageProgress):
        if form.stage is UrbanStage.DEPARTMENT_DISPOSAL and form.disposal_due_at is None:
            return _required(form, "disposalDueAt", "处置时限", "the disposal limit")
    elif isinstance(form, ExtensionNotice | TransferNotice):
        if form.decision is Decision.GRANTED and form.disposal_due_at is None:
            return _required(form, "disposalDueAt", "新的处置时限", "the new disposal limit")
    elif isinstance(form, FalseReportApplication):
        if not any(photo.kind is PhotoKind.ON_SITE for photo in form.attachments):
            return _required(form, "attachments", "至少一张现场照片", "at least one on-site photo")
        if not form.reason.strip():
            return _required(form, "reason", "理由", "a reason")
    return None


def _missing_in_filing(form: FilingResult) -> Fault | None:
    if form.outcome is FilingOutcome.FILED:
        return None if form.task_number else _required(form, "taskNumber", "任务号", "the task number")
    if form.decline_reason is None:
        return _required(form, "declineReason", "不予立案原因", "why it was declined")
    if not (form.reason or "").strip():
        return _required(form, "reason", "不予立案说明", "a sentence that says why")
    if form.decline_reason is DeclineReason.DUPLICATE and form.original_case_number is None:
        return _required(form, "originalCaseNumber", "原案卷号", "the original's case number")
    return None


# ── 4: where a form fits ────────────────────────────────────────────────────────────────────────────


def _misplaced(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    if isinstance(form, FilingResult):
        return _misplaced_filing(form, case)
    if not case.filed:
        return _out_of_sequence(form, "案卷尚未立案", "the case has not been filed")
    check = _PLACES.get(type(form))
    return None if check is None else check(form, case, choices)


def _misplaced_filing(form: FilingResult, case: GridCase) -> Fault | None:
    if case.state is not GridState.HANDED_OVER:
        return _stands_elsewhere(form, case)
    if case.filed:
        if form.outcome is FilingOutcome.DECLINED:
            return _out_of_sequence(
                form, "案卷已立案,不能再不予立案", "the case has been filed and cannot be declined now"
            )
        if not case.overdue_not_disposed:
            return _out_of_sequence(form, "驳回次数未满,不能重新立案", "the rejections are not used up: no refiling")
        if form.task_number in case.task_numbers:
            return _fault(
                form,
                ErrorCode.TASK_NUMBER_MISMATCH,
                "taskNumber",
                f"重新立案须用新任务号,{form.task_number} 已用过。",
                f"A refiling needs a new task number; {form.task_number} has been used.",
            )
    return _miscounted(form, "filingOrdinal", form.filing_ordinal, case.filing_ordinal + 1)


def _misplaced_dispatch(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    if case.state is not GridState.HANDED_OVER or case.overdue_not_disposed:
        return _stands_elsewhere(form, case)
    if case.dispatched_to is not None:
        return _out_of_sequence(
            form, f"案卷已派遣至 {case.dispatched_to}", f"it lies with {case.dispatched_to} already"
        )
    return None


def _in_disposal_only(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    """Take what can only come from a district or department that works on the case."""
    if case.state is not GridState.HANDED_OVER or case.overdue_not_disposed:
        return _stands_elsewhere(form, case)
    if case.dispatched_to is None:
        return _out_of_sequence(form, "案卷尚未派遣", "the case has not been dispatched")
    report = case.false_report
    if report is not None and report.state in {FalseReportState.TO_ANSWER, FalseReportState.CONFIRMED}:
        return _out_of_sequence(form, "举报不属实申请未了", "a false-report application is under way")
    return None


def _misplaced_request(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    fault = _in_disposal_only(form, case, choices)
    if fault is None and isinstance(form, VerificationRequest) and choices.counter_restarts_on_refiling:
        # Where the counter runs on over filings, rounds and rejections no longer go together.
        return _miscounted(form, "round", form.round, case.rejections + 1)
    return fault


def _misplaced_notice(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    if not isinstance(form, _Notice) or (form.decision is not Decision.APPLIED and not _moves(form)):
        return None
    if case.state is not GridState.HANDED_OVER or case.overdue_not_disposed:
        return _stands_elsewhere(form, case)
    if case.dispatched_to is None:
        return _out_of_sequence(form, "案卷尚未派遣", "the case has not been dispatched")
    return None


def _misplaced_closing(form: Form, case: GridCase, choices: Choices) -> Fault | None:
    if isinstance(form, Closing) and form.kind is ClosingKind.NORMAL:
        return _out_of_sequence(form, "正常结案由网格平台办理", "a normal closing is the grid platform's")
    report = case.false_report
    if report is None or report.state not in {FalseReportState.CONFIRMED, FalseReportState.TOLD}:
        return _out_of_sequence(form, "没有已确认的举报不属实申请", "no false report has been confirmed")
    return None


_Place = Callable[[Form, GridCase, Choices], Fault | None]
#: Forms that are not here are news, and welcome wherever the case stands.
_PLACES: dict[type[Form], _Place] = {
    Dispatch: _misplaced_dispatch,
    VerificationRequest: _misplaced_request,
    FalseReportApplication: _in_disposal_only,
    ExtensionNotice: _misplaced_notice,
    ReturnNotice: _misplaced_notice,
    TransferNotice: _misplaced_notice,
    Closing: _misplaced_closing,
}


# ── 5: the filing a form belongs to ─────────────────────────────────────────────────────────────────


def _wrong_task(form: Form, case: GridCase) -> Fault | None:
    if isinstance(form, FilingResult):
        return None
    given = getattr(form, "task_number", None)
    if given == case.task_number:
        return None
    if isinstance(form, _Notice) and form.decision is Decision.LAPSED and given in case.task_numbers:
        # What a refiling overtook belongs to the filing before (INT-8).
        return None
    return _fault(
        form,
        ErrorCode.TASK_NUMBER_MISMATCH,
        "taskNumber",
        f"当前任务号为 {case.task_number},表单写的是 {given}。",
        f"The present task number is {case.task_number}, the form says {given}.",
    )


# ── sentences ───────────────────────────────────────────────────────────────────────────────────────


def _fault(form: Form, code: ErrorCode, field: str, zh: str, en: str) -> Fault:
    return Fault(code=code, field=f"form/{form.form_type}/{field}", message_zh=zh, message_en=en)


def _required(form: Form, field: str, zh: str, en: str) -> Fault:
    return _fault(form, ErrorCode.REQUIRED_MISSING, field, f"缺少{zh}。", f"The form lacks {en}.")


def _out_of_sequence(form: Form, zh: str, en: str) -> Fault:
    return _fault(
        form,
        ErrorCode.OUT_OF_SEQUENCE,
        "caseNumber",
        f"此时不接受 {form.form_type}:{zh}。",
        f"{form.form_type} is not taken now: {en}.",
    )


def _stands_elsewhere(form: Form, case: GridCase) -> Fault:
    return _out_of_sequence(form, f"案卷处于 {case.state}", f"the case is {case.state}")


def _miscounted(form: Form, field: str, given: int, expected: int) -> Fault | None:
    if given == expected:
        return None
    return _fault(
        form,
        ErrorCode.OUT_OF_SEQUENCE,
        field,
        f"{field} 应为 {expected},表单写的是 {given}。",
        f"{field} should be {expected}, the form says {given}.",
    )
