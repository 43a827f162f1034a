"""Forms, headers and receipts as the two platforms of a test town write them, each with sensible values."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.calls import Answered
from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    FilingOutcome,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    ReceiptOutcome,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import (
    FORM_CLASSES,
    Attachment,
    Form,
    FormType,
)
from bridge.vocabulary.messages import Fault, FormMessage, Header, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import DeliveryChoices, PlatformProfile, Profile
from bridge.vocabulary.stages import UrbanStage
from bridge.vocabulary.times import SHANGHAI

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
CASE = "340202-20260302-000001"
OTHER_CASE = "340202-20260302-000002"
TASK = "T20260302-000001"

PROFILE = Profile(
    name="test town",
    grid=PlatformProfile(code="wuhu-grid", endpoint="http://127.0.0.1:1/", username="grid", password="g"),
    urban=PlatformProfile(code="wuhu-urban", endpoint="http://127.0.0.1:2/", username="urban", password="u"),
    # Whole gaps and no warning, so that a test can say to the second when something is due; both have tests of their own.
    delivery=DeliveryChoices(retry_jitter=0, warn_after_seconds=0),
)


def photo(name: str, kind: PhotoKind = PhotoKind.REPORT) -> Attachment:
    content = name.encode()
    return Attachment(
        name=f"{name}.png",
        media_type="image/png",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        kind=kind,
        content=content,
    )


_VALUES: dict[FormType, dict[str, Any]] = {
    FormType.HAND_OVER: {
        "source": CaseSource.GRID_PLATFORM,
        "kind": CaseKind.EVENT,
        "category": "01",
        "subcategory": "02",
        "grade": CaseGrade.ORDINARY,
        "description": "路边垃圾堆放",
        "address": "中山路 8 号",
        "district": "340202",
        "street": "340202001",
        "community": "340202001001",
        "cell": "340202001001001",
        "reported_at": MONDAY - timedelta(hours=1),
        "reporter_name": "王芳",
        "handed_over_at": MONDAY,
        "handed_over_by": "virtual-1",
        "attachments": (photo("roadside"),),
    },
    FormType.SUPPLEMENT: {"note": "已增多", "supplemented_at": MONDAY},
    FormType.WITHDRAWAL: {"reason": "误报", "withdrawn_at": MONDAY},
    FormType.FILING_RESULT: {
        "outcome": FilingOutcome.FILED,
        "decided_at": MONDAY,
        "decided_by": "operator-1",
        "filing_ordinal": 1,
        "task_number": TASK,
    },
    FormType.DISPATCH: {
        "task_number": TASK,
        "district": "340207",
        "dispatched_at": MONDAY,
        "dispatched_by": "supervision-1",
    },
    FormType.STAGE_PROGRESS: {
        "task_number": TASK,
        "stage": UrbanStage.DEPARTMENT_DISPOSAL,
        "entered_at": MONDAY,
        "handler": "district-1",
        "disposal_due_at": MONDAY + timedelta(hours=4),
    },
    FormType.EXTENSION_NOTICE: {
        "task_number": TASK,
        "decision": Decision.APPLIED,
        "reason": "下雨",
        "department": "CA-340207",
        "noticed_at": MONDAY,
    },
    FormType.RETURN_NOTICE: {
        "task_number": TASK,
        "decision": Decision.APPLIED,
        "reason": "不属本区",
        "district": "340207",
        "noticed_at": MONDAY,
    },
    FormType.TRANSFER_NOTICE: {
        "task_number": TASK,
        "decision": Decision.APPLIED,
        "reason": "属邻区",
        "from_district": "340207",
        "to_district": "340202",
        "to_department": "CA-340202",
        "noticed_at": MONDAY,
    },
    FormType.VERIFICATION_REQUEST: {
        "task_number": TASK,
        "round": 1,
        "disposal_result": "已清理",
        "disposed_at": MONDAY,
        "district": "340207",
        "department": "CA-340207",
    },
    FormType.VERIFICATION_RESULT: {
        "task_number": TASK,
        "round": 1,
        "outcome": VerificationOutcome.PASSED,
        "verifier": "李强",
        "verified_at": MONDAY,
    },
    FormType.REJECTION: {
        "task_number": TASK,
        "ordinal": 1,
        "cause": RejectionCause.REPORTER_DISSATISFIED,
        "reason": "仍有垃圾",
        "rejected_at": MONDAY,
    },
    FormType.FALSE_REPORT_APPLICATION: {
        "task_number": TASK,
        "reason": "现场无此问题",
        "department": "CA-340207",
        "applied_at": MONDAY,
        "attachments": (photo("nothing-there", PhotoKind.ON_SITE),),
    },
    FormType.FALSE_REPORT_ANSWER: {
        "task_number": TASK,
        "confirmed": True,
        "reason": "属实",
        "answered_at": MONDAY,
    },
    FormType.CLOSING: {
        "task_number": TASK,
        "kind": ClosingKind.NORMAL,
        "closed_at": MONDAY,
        "closed_by": "workstation-1",
    },
    FormType.CONTACT_NOTICE: {
        "kind": NoticeKind.DUPLICATE,
        "phase": NoticePhase.STARTED,
        "text": "请核对",
        "noticed_at": MONDAY,
        "contact_name": "赵敏",
    },
}


def form(form_type: FormType, /, case_number: str = CASE, **changes: Any) -> Form:
    return FORM_CLASSES[form_type](case_number=case_number, **(_VALUES[form_type] | changes))


def declined(why: DeclineReason = DeclineReason.NOT_IN_SCOPE, /, case_number: str = CASE, **changes: Any) -> Form:
    values = {
        "outcome": FilingOutcome.DECLINED,
        "task_number": None,
        "decline_reason": why,
        "reason": "不属城市管理",
    }
    return form(FormType.FILING_RESULT, case_number, **(values | changes))


def message_id(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def fingerprint(written: Form) -> str:
    return hashlib.sha256(repr(written).encode()).hexdigest()


def message(side: Side, written: Form, number: int, at: datetime = MONDAY, **changes: Any) -> FormMessage:
    values = {
        "message_id": message_id(number),
        "sender": PROFILE.platform(side).code,
        "recipient": PROFILE.platform(side.other).code,
        "case_number": written.case_number,
        "form_type": written.form_type,
        "attempt": 1,
        "sent_at": at,
    }
    return FormMessage(header=Header(**(values | changes)), form=written)


def receipt_for(given: FormMessage, at: datetime = MONDAY, code: ErrorCode | None = None) -> Receipt:
    fault = Fault(code=code, field=None, message_zh="不行", message_en="no") if code is not None else None
    return Receipt(
        case_number=given.form.case_number,
        form_message_id=given.header.message_id,
        form_type=given.form.form_type,
        outcome=ReceiptOutcome.ERROR if code is not None else ReceiptOutcome.CONFIRMED,
        decided_at=at,
        fault=fault,
    )


#: Forms that lead from one stage to the next on the way of a case, by the stage they lead to.
_WAYS: dict[str, tuple[tuple[Side, FormType, dict[str, Any]], ...]] = {
    "handed_over": ((Side.GRID, FormType.HAND_OVER, {}),),
    "filed": ((Side.URBAN, FormType.FILING_RESULT, {}),),
    "in_disposal": ((Side.URBAN, FormType.DISPATCH, {}),),
    "awaiting_verification": ((Side.URBAN, FormType.VERIFICATION_REQUEST, {}),),
    "verified_passed": ((Side.GRID, FormType.VERIFICATION_RESULT, {}),),
    "closed": ((Side.GRID, FormType.CLOSING, {}),),
}


def way_to(stage: str) -> list[tuple[Side, Form]]:
    """The forms of a plain life up to `stage`, with their writers."""
    stages = list(_WAYS)
    return [
        (side, form(kind, **changes))
        for each in stages[: stages.index(stage) + 1]
        for side, kind, changes in _WAYS[each]
    ]


def receipt_message(header: Header, receipt: Receipt) -> ReceiptMessage:
    return ReceiptMessage(header=header, receipt=receipt)


def answer_for(given: FormMessage) -> Answered:
    return Answered(receipt=receipt_for(given))
