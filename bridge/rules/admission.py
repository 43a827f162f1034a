"""Whether a form may cross at all, and everything that is wrong with it when it may not (RCPT-2).

The bridge refuses only what is certain: a form that is legal in none of the views that the case can be in. What only
the recipient can know is left to the recipient. The worst fault stands first.
"""

from collections.abc import Callable, Sequence
from typing import cast

from bridge.rules.lifecycle import BEFORE_FILING, LAPSED, ROWS, CaseView, Move, move_of
from bridge.vocabulary.codes import (
    Decision,
    DeclineReason,
    ErrorCode,
    FilingOutcome,
    PhotoKind,
    RejectionCause,
)
from bridge.vocabulary.forms import (
    FORMS_BY_DIRECTION,
    Dispatch,
    ExtensionNotice,
    FalseReportApplication,
    FilingResult,
    Form,
    FormType,
    Rejection,
    StageProgress,
    TransferNotice,
    VerificationRequest,
    VerificationResult,
)
from bridge.vocabulary.messages import Fault, Header
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import FINAL_STAGES, ExchangeStage, UrbanStage

_TYPES = {direction: frozenset(types) for direction, types in FORMS_BY_DIRECTION.items()}
_ROUNDS = frozenset({FormType.VERIFICATION_REQUEST, FormType.VERIFICATION_RESULT})
#: Forms that belong to the case and not to one filing of it.
_WITHOUT_TASK = frozenset({FormType.HAND_OVER, FormType.SUPPLEMENT, FormType.WITHDRAWAL, FormType.CONTACT_NOTICE})


def faults_of(
    form: Form,
    direction: Direction,
    views: Sequence[CaseView],
    choices: Choices,
    hand_over_differs: bool | None = None,
) -> tuple[Fault, ...]:
    """Everything wrong with the form; empty when it is admitted.

    `views` are the views the case can be in, the settled one first. `hand_over_differs` is for hand-overs: None when
    none is on the books, else whether the one on the books has another content.
    """
    if form.form_type not in _TYPES[direction]:
        return (_wrong_side(form),)
    if hand_over_differs is not None:
        return (_hand_over_again(form, hand_over_differs, views[0].stage),)
    check = _CONTENT.get(form.form_type)
    content = check(form) if check is not None else ()
    best: tuple[Fault, ...] | None = None
    for view in views:
        found = _faults_in(view, form, direction, choices)
        if not found:
            return content
        # A view in which the form is in sequence tells the sender most about what to repair.
        if best is None or (_is_about_sequence(best) and not _is_about_sequence(found)):
            best = found
    return (best or ()) + content


def header_faults(header: Header, form: Form) -> tuple[Fault, ...]:
    """Where the header says something else than the form beneath it."""
    found: tuple[Fault, ...] = ()
    if header.case_number != form.case_number:
        found += (
            Fault(
                code=ErrorCode.CASE_NUMBER_MISMATCH,
                field="messageHeader/caseNumber",
                message_zh=f"报文头案卷号 {header.case_number} 与表单案卷号 {form.case_number} 不一致",
                message_en=f"the header names case {header.case_number}, the form case {form.case_number}",
            ),
        )
    if header.form_type is not form.form_type:
        found += (
            Fault(
                code=ErrorCode.SCHEMA_INVALID,
                field="messageHeader/formType",
                message_zh=f"报文头表单类型 {header.form_type} 与所附表单 {form.form_type} 不一致",
                message_en=f"the header announces {header.form_type}, the form is {form.form_type}",
            ),
        )
    return found


def as_one(faults: Sequence[Fault]) -> Fault:
    """One fault for a receipt: code and field of the worst, the sentences of all."""
    if len(faults) == 1:
        return faults[0]
    return Fault(
        code=faults[0].code,
        field=faults[0].field,
        message_zh="；".join(each.message_zh for each in faults),
        message_en="; ".join(each.message_en for each in faults),
    )


def _is_about_sequence(faults: tuple[Fault, ...]) -> bool:
    return faults[0].field is None


def _faults_in(view: CaseView, form: Form, direction: Direction, choices: Choices) -> tuple[Fault, ...]:
    move = move_of(form, choices)
    if move not in ROWS[view.stage] or (form.form_type is FormType.CLOSING and direction not in move.directions):
        return (_out_of_sequence(view, form, move),)
    found: list[Fault] = []
    if form.form_type is FormType.FILING_RESULT:
        _check_filing(view, cast(FilingResult, form), found)
    elif form.form_type not in _WITHOUT_TASK and move not in LAPSED:
        # An application that a refiling overtook belongs to the filing before (INT-8).
        task_number = cast(Dispatch, form).task_number
        if task_number != view.task_number:
            found.append(_wrong_task(form, task_number, view.task_number))
    if form.form_type is FormType.REJECTION:
        _check_rejection(view, cast(Rejection, form), found)
    elif form.form_type in _ROUNDS and choices.counter_restarts_on_refiling:
        # Where the counter runs on over filings (a choice), rounds and rejections no longer go together.
        _check_round(view, cast(VerificationRequest | VerificationResult, form), found)
    return tuple(found)


def _wrong_side(form: Form) -> Fault:
    return Fault(
        code=ErrorCode.SCHEMA_INVALID,
        field=f"form/{form.form_type}",
        message_zh=f"该平台不得发送表单 {form.form_type}",
        message_en=f"this platform does not write the form {form.form_type}",
    )


def _hand_over_again(form: Form, differs: bool, stage: ExchangeStage) -> Fault:
    if differs:
        return Fault(
            code=ErrorCode.CASE_NUMBER_TAKEN,
            field=f"form/{form.form_type}/caseNumber",
            message_zh=f"案卷号 {form.case_number} 已用于内容不同的另一移交",
            message_en=f"case number {form.case_number} was handed over before with another content",
        )
    return Fault(
        code=ErrorCode.CASE_ENDED if stage in FINAL_STAGES else ErrorCode.OUT_OF_SEQUENCE,
        field=None,
        message_zh=f"案卷 {form.case_number} 已经移交,不得以新的报文标识再次移交",
        message_en=f"case {form.case_number} is handed over already; a repetition keeps its message id",
    )


def _out_of_sequence(view: CaseView, form: Form, move: Move) -> Fault:
    stage = view.stage
    if stage is ExchangeStage.UNKNOWN:
        return Fault(
            code=ErrorCode.CASE_UNKNOWN,
            field=None,
            message_zh=f"案卷 {form.case_number} 尚未移交",
            message_en=f"case {form.case_number} has not been handed over",
        )
    if move is Move.WITHDRAWAL and stage not in BEFORE_FILING:
        return Fault(
            code=ErrorCode.CASE_ALREADY_FILED,
            field=None,
            message_zh=f"案卷 {form.case_number} 已立案,不允许注销",
            message_en=f"case {form.case_number} has been filed and cannot be withdrawn",
        )
    if stage in FINAL_STAGES:
        return Fault(
            code=ErrorCode.CASE_ENDED,
            field=None,
            message_zh=f"案卷 {form.case_number} 已结束({stage}),不接受 {move}",
            message_en=f"case {form.case_number} has ended ({stage}) and takes no {move}",
        )
    return Fault(
        code=ErrorCode.OUT_OF_SEQUENCE,
        field=None,
        message_zh=f"案卷 {form.case_number} 处于 {stage},不接受 {move}",
        message_en=f"case {form.case_number} is in {stage} and takes no {move}",
    )


def _wrong_task(form: Form, given: str, expected: str | None) -> Fault:
    return Fault(
        code=ErrorCode.TASK_NUMBER_MISMATCH,
        field=f"form/{form.form_type}/taskNumber",
        message_zh=f"任务号 {given} 与当前立案的任务号 {expected} 不符",
        message_en=f"task number {given} is not that of the current filing, {expected}",
    )


def _miscounted(form: Form, field: str, given: int, expected: int) -> Fault:
    return Fault(
        code=ErrorCode.OUT_OF_SEQUENCE,
        field=f"form/{form.form_type}/{field}",
        message_zh=f"{field} 应为 {expected},实为 {given}",
        message_en=f"{field} must be {expected}, not {given}",
    )


def _missing(form: Form, field: str, zh: str, en: str) -> Fault:
    return Fault(
        code=ErrorCode.REQUIRED_MISSING,
        field=f"form/{form.form_type}/{field}",
        message_zh=zh,
        message_en=en,
    )


def _check_filing(view: CaseView, form: FilingResult, found: list[Fault]) -> None:
    if form.filing_ordinal != view.filing_ordinal + 1:
        found.append(_miscounted(form, "filingOrdinal", form.filing_ordinal, view.filing_ordinal + 1))
    if form.outcome is FilingOutcome.FILED and form.task_number is not None and form.task_number == view.task_number:
        found.append(
            Fault(
                code=ErrorCode.TASK_NUMBER_MISMATCH,
                field="form/filingResult/taskNumber",
                message_zh=f"重新立案须使用新的任务号,{form.task_number} 属于上一次立案",
                message_en=f"a refiling needs a new task number; {form.task_number} is the last filing's",
            )
        )


def _check_rejection(view: CaseView, form: Rejection, found: list[Fault]) -> None:
    if form.ordinal != view.rejections + 1:
        found.append(_miscounted(form, "ordinal", form.ordinal, view.rejections + 1))
    if form.cause is RejectionCause.NOT_PASSED and view.stage is ExchangeStage.VERIFIED_PASSED:
        found.append(
            Fault(
                code=ErrorCode.OUT_OF_SEQUENCE,
                field="form/rejection/cause",
                message_zh="核查已通过,只能因举报人不满意而驳回",
                message_en="the verification passed; only a dissatisfied reporter leads to a rejection",
            )
        )


def _check_round(view: CaseView, form: VerificationRequest | VerificationResult, found: list[Fault]) -> None:
    if form.round != view.rejections + 1:
        found.append(_miscounted(form, "round", form.round, view.rejections + 1))


def _filing_content(form: Form) -> tuple[Fault, ...]:
    filing = cast(FilingResult, form)
    found: list[Fault] = []
    if filing.outcome is FilingOutcome.FILED:
        if filing.task_number is None:
            found.append(_missing(form, "taskNumber", "立案须给出任务号", "a filing names its task number"))
        return tuple(found)
    if filing.decline_reason is None:
        found.append(_missing(form, "declineReason", "不予立案须给出原因代码", "declining needs a reason code"))
    if not (filing.reason or "").strip():
        found.append(_missing(form, "reason", "不予立案须说明原因", "declining needs a reason in words"))
    if filing.decline_reason is DeclineReason.DUPLICATE and filing.original_case_number is None:
        found.append(
            _missing(form, "originalCaseNumber", "重复案卷须指明原案卷号", "a duplicate names the original case")
        )
    return tuple(found)


def _false_report_content(form: Form) -> tuple[Fault, ...]:
    application = cast(FalseReportApplication, form)
    found: list[Fault] = []
    if not any(each.kind is PhotoKind.ON_SITE for each in application.attachments):
        found.append(
            _missing(
                form,
                "attachments",
                "举报不属实须附至少一张现场照片",
                "a false report needs at least one on-site photo",
            )
        )
    if not application.reason.strip():
        found.append(_missing(form, "reason", "举报不属实须说明理由", "a false report needs a reason"))
    return tuple(found)


def _progress_content(form: Form) -> tuple[Fault, ...]:
    progress = cast(StageProgress, form)
    if progress.stage is UrbanStage.DEPARTMENT_DISPOSAL and progress.disposal_due_at is None:
        return (_missing(form, "disposalDueAt", "处置环节须给出处置时限", "the disposal stage names its limit"),)
    return ()


def _granted_content(form: Form) -> tuple[Fault, ...]:
    notice = cast(ExtensionNotice | TransferNotice, form)
    if notice.decision is Decision.GRANTED and notice.disposal_due_at is None:
        return (_missing(form, "disposalDueAt", "同意后须给出新的处置时限", "what is granted names the new limit"),)
    return ()


_CONTENT: dict[FormType, Callable[[Form], tuple[Fault, ...]]] = {
    FormType.FILING_RESULT: _filing_content,
    FormType.FALSE_REPORT_APPLICATION: _false_report_content,
    FormType.STAGE_PROGRESS: _progress_content,
    FormType.EXTENSION_NOTICE: _granted_content,
    FormType.TRANSFER_NOTICE: _granted_content,
}
