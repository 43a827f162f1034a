"""The business forms (XCHG-3): one frozen value per form, with only the fields it needs.

Names of the fields are the names on the wire in snake case; the contract's schema holds the
facets. Every moment is an aware `datetime`. Texts are Unicode, lengths in characters.
A field that may be absent is `None` (or an empty tuple for attachments and never for a text).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    ClosingKind,
    CoordinateSystem,
    Decision,
    DeclineReason,
    FilingOutcome,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.stages import UrbanStage


class FormType(StrEnum):
    """The kinds of business form; the value is the form's name on the wire."""

    #: 案卷移交.
    HAND_OVER = "handOver"
    #: 补充信息.
    SUPPLEMENT = "supplement"
    #: 撤回.
    WITHDRAWAL = "withdrawal"
    #: 立案结果.
    FILING_RESULT = "filingResult"
    #: 派遣.
    DISPATCH = "dispatch"
    #: 环节进展.
    STAGE_PROGRESS = "stageProgress"
    #: 延期通知.
    EXTENSION_NOTICE = "extensionNotice"
    #: 退办通知.
    RETURN_NOTICE = "returnNotice"
    #: 转办通知.
    TRANSFER_NOTICE = "transferNotice"
    #: 核查请求.
    VERIFICATION_REQUEST = "verificationRequest"
    #: 核查结果.
    VERIFICATION_RESULT = "verificationResult"
    #: 驳回.
    REJECTION = "rejection"
    #: 举报不属实申请.
    FALSE_REPORT_APPLICATION = "falseReportApplication"
    #: 举报不属实答复.
    FALSE_REPORT_ANSWER = "falseReportAnswer"
    #: 结案.
    CLOSING = "closing"
    #: 联系人通知.
    CONTACT_NOTICE = "contactNotice"


#: Which forms each platform writes, in the order of the contract's choice.
FORMS_BY_DIRECTION: dict[Direction, tuple[FormType, ...]] = {
    Direction.TO_URBAN: (
        FormType.HAND_OVER,
        FormType.SUPPLEMENT,
        FormType.WITHDRAWAL,
        FormType.VERIFICATION_RESULT,
        FormType.REJECTION,
        FormType.FALSE_REPORT_ANSWER,
        FormType.CLOSING,
        FormType.CONTACT_NOTICE,
    ),
    Direction.TO_GRID: (
        FormType.FILING_RESULT,
        FormType.DISPATCH,
        FormType.STAGE_PROGRESS,
        FormType.EXTENSION_NOTICE,
        FormType.RETURN_NOTICE,
        FormType.TRANSFER_NOTICE,
        FormType.VERIFICATION_REQUEST,
        FormType.FALSE_REPORT_APPLICATION,
        FormType.CLOSING,
        FormType.CONTACT_NOTICE,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A photo or document (XCHG-3): `content` inline, or `reference` to where it can be fetched, exactly one of the two."""

    name: str
    media_type: str
    #: Bytes of the content.
    size: int
    #: SHA-256 of the content, 64 lower-case hexadecimal digits.
    sha256: str
    kind: PhotoKind
    content: bytes | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the matter lies, in the units of its coordinate system."""

    x: float
    y: float
    system: CoordinateSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """案卷移交: the grid platform hands a case over (GRID-6)."""

    form_type: ClassVar[FormType] = FormType.HAND_OVER
    case_number: str
    source: CaseSource
    kind: CaseKind
    #: Main category (大类), two digits.
    category: str
    #: Sub category (小类), two digits.
    subcategory: str
    grade: CaseGrade
    description: str
    address: str
    #: The case's own district (所属区), six digits; it may differ from the one dispatched to (EXC-4).
    district: str
    #: Street (街道), nine digits.
    street: str
    #: Community (社区), twelve digits.
    community: str
    #: The grid side's cell (单元网格), fifteen digits.
    cell: str
    reported_at: datetime
    reporter_name: str
    handed_over_at: datetime
    #: The virtual account that hands over (GRID-6).
    handed_over_by: str
    reporter_phone: str | None = None
    #: Component object code (部件标识码), sixteen digits; only for components.
    component_code: str | None = None
    position: Position | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """补充信息: more words or photos from the grid side."""

    form_type: ClassVar[FormType] = FormType.SUPPLEMENT
    case_number: str
    note: str
    supplemented_at: datetime
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """撤回: the grid side takes a case back before it is filed (EXC-2)."""

    form_type: ClassVar[FormType] = FormType.WITHDRAWAL
    case_number: str
    reason: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingResult:
    """立案结果: filed with a task number, or declined with a reason (EXC-1, URBAN-4, INT-8)."""

    form_type: ClassVar[FormType] = FormType.FILING_RESULT
    case_number: str
    outcome: FilingOutcome
    decided_at: datetime
    decided_by: str
    #: 1 for the first filing, one more for each refiling (INT-8); 1 when declined.
    filing_ordinal: int
    #: Present exactly when filed.
    task_number: str | None = None
    #: Present exactly when declined.
    decline_reason: DeclineReason | None = None
    #: A sentence for people; present exactly when declined.
    reason: str | None = None
    #: The case received before, when the reason is `duplicate`.
    original_case_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """派遣: the supervision centre has dispatched the filed case to a district."""

    form_type: ClassVar[FormType] = FormType.DISPATCH
    case_number: str
    task_number: str
    #: The district dispatched to (派遣处置区), six digits (EXC-4).
    district: str
    dispatched_at: datetime
    dispatched_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """环节进展: the case has entered a stage; `disposal_due_at` whenever that is disposal (INT-1, INT-7)."""

    form_type: ClassVar[FormType] = FormType.STAGE_PROGRESS
    case_number: str
    task_number: str
    stage: UrbanStage
    entered_at: datetime
    handler: str
    #: Code of the department in whose hands it is, when it is in one's.
    department: str | None = None
    disposal_due_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionNotice:
    """延期通知: a department asked for more time, and what became of it (URBAN-4)."""

    form_type: ClassVar[FormType] = FormType.EXTENSION_NOTICE
    case_number: str
    task_number: str
    decision: Decision
    reason: str
    department: str
    noticed_at: datetime
    #: The new limit; present exactly when granted.
    disposal_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnNotice:
    """退办通知: a district sent a dispatch back, and what became of it (URBAN-4)."""

    form_type: ClassVar[FormType] = FormType.RETURN_NOTICE
    case_number: str
    task_number: str
    decision: Decision
    reason: str
    district: str
    noticed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferNotice:
    """转办通知: a district asked for another district or department, and what became of it (EXC-5)."""

    form_type: ClassVar[FormType] = FormType.TRANSFER_NOTICE
    case_number: str
    task_number: str
    decision: Decision
    reason: str
    from_district: str
    to_district: str
    to_department: str
    noticed_at: datetime
    #: The limit in the new place; present exactly when granted.
    disposal_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRequest:
    """核查请求: disposal is done, the grid side is to verify (INT-4)."""

    form_type: ClassVar[FormType] = FormType.VERIFICATION_REQUEST
    case_number: str
    task_number: str
    #: 1 for the first request of a filing, one more after each rejection.
    round: int
    disposal_result: str
    disposed_at: datetime
    district: str
    department: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """核查结果: what the grid worker found on site (INT-5)."""

    form_type: ClassVar[FormType] = FormType.VERIFICATION_RESULT
    case_number: str
    task_number: str
    round: int
    outcome: VerificationOutcome
    verifier: str
    verified_at: datetime
    note: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """驳回: not passed, or the reporter is dissatisfied; back to disposal, or overdue (INT-7, INT-8)."""

    form_type: ClassVar[FormType] = FormType.REJECTION
    case_number: str
    task_number: str
    #: 1 … max_rejections + 1 within one filing.
    ordinal: int
    cause: RejectionCause
    reason: str
    rejected_at: datetime
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseReportApplication:
    """举报不属实申请: on site the report proved false; at least one on-site photo (EXC-3)."""

    form_type: ClassVar[FormType] = FormType.FALSE_REPORT_APPLICATION
    case_number: str
    task_number: str
    reason: str
    department: str
    applied_at: datetime
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseReportAnswer:
    """举报不属实答复: the grid side confirms or disputes (EXC-3)."""

    form_type: ClassVar[FormType] = FormType.FALSE_REPORT_ANSWER
    case_number: str
    task_number: str
    confirmed: bool
    reason: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """结案: the grid side closes after a passed verification (INT-6); the urban side after a false report (EXC-3)."""

    form_type: ClassVar[FormType] = FormType.CLOSING
    case_number: str
    task_number: str
    kind: ClosingKind
    closed_at: datetime
    closed_by: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactNotice:
    """联系人通知: one contact person tells the other side's (CONT-2, EXC-1)."""

    form_type: ClassVar[FormType] = FormType.CONTACT_NOTICE
    case_number: str
    kind: NoticeKind
    phase: NoticePhase
    text: str
    noticed_at: datetime
    contact_name: str
    related_case_number: str | None = None


Form = (
    HandOver
    | Supplement
    | Withdrawal
    | FilingResult
    | Dispatch
    | StageProgress
    | ExtensionNotice
    | ReturnNotice
    | TransferNotice
    | VerificationRequest
    | VerificationResult
    | Rejection
    | FalseReportApplication
    | FalseReportAnswer
    | Closing
    | ContactNotice
)

#: The class of each form.
FORM_CLASSES: dict[FormType, type[Form]] = {
    cls.form_type: cls
    for cls in (
        HandOver,
        Supplement,
        Withdrawal,
        FilingResult,
        Dispatch,
        StageProgress,
        ExtensionNotice,
        ReturnNotice,
        TransferNotice,
        VerificationRequest,
        VerificationResult,
        Rejection,
        FalseReportApplication,
        FalseReportAnswer,
        Closing,
        ContactNotice,
    )
}
