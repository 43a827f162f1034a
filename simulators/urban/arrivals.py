"""What the grid platform's forms do: each is taken into the case it belongs to, or refused with a code and changes nothing (RCPT-2).

A withdrawal and a filing may cross on the wire: this platform decides. Filed is filed (EXC-2).
"""

from dataclasses import replace
from datetime import datetime

from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    NoticeKind,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import (
    Closing,
    ContactNotice,
    FalseReportAnswer,
    Form,
    HandOver,
    Rejection,
    Supplement,
    VerificationResult,
    Withdrawal,
)
from bridge.vocabulary.messages import (
    Fault,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import UrbanStage
from simulators.urban.calendar import CalendarUnknown
from simulators.urban.cases import (
    CaseData,
    FilingEnd,
    Origin,
    UrbanCase,
)
from simulators.urban.casework import AUTO_FILER, Casework, log, present, task_of
from simulators.urban.desk import (
    STAGE_NAMES,
    STATUS_NAMES,
    CaseStatus,
)
from simulators.urban.duplicates import ReceivedCases
from simulators.urban.places import unknown_category_field


class Arrivals:
    """The desk where forms come in."""

    def __init__(self, casework: Casework, choices: Choices):
        self._casework = casework
        self._choices = choices
        self._places = casework.places
        self._board = casework.board
        self._by_content = ReceivedCases(choices)
        #: Transferred cases in the order in which they came, with the ids of their hand-overs.
        self.received: list[tuple[str, UrbanCase]] = []

    def decide(self, form: Form, message_id: str, now: datetime) -> Fault | None:
        """Take an arrived form into the case it belongs to, or say why not and change nothing."""
        try:
            return self._decided(form, message_id, now)
        except CalendarUnknown as unknown:
            # Ours, and gone once the calendar is there: the sender repeats the same message.
            return Fault(
                code=ErrorCode.INTERNAL, field=None, message_zh=unknown.message_zh, message_en=unknown.message_en
            )

    def _decided(self, form: Form, message_id: str, now: datetime) -> Fault | None:
        if isinstance(form, HandOver):
            return self._handed_over(form, message_id, now)
        case = self._casework.cases.get(form.case_number)
        if case is None or not case.transferred:
            return _fault(
                form,
                ErrorCode.CASE_UNKNOWN,
                "caseNumber",
                f"没有案卷 {form.case_number}。",
                f"There is no case {form.case_number}.",
            )
        if isinstance(form, ContactNotice):
            return self._contact_notice(case, form, now)
        if isinstance(form, Withdrawal):
            return self._withdrawn(case, form, now)
        if case.ended:
            return _ended(form, case)
        if isinstance(form, Supplement):
            return self._supplemented(case, form, now)
        if case.filing is None:
            return _out_of_sequence(form, case)
        if isinstance(form, VerificationResult | Rejection | FalseReportAnswer | Closing):
            if form.task_number != task_of(case):
                return _fault(
                    form,
                    ErrorCode.TASK_NUMBER_MISMATCH,
                    "taskNumber",
                    f"当前任务号为 {task_of(case)},表单写的是 {form.task_number}。",
                    f"The present task number is {task_of(case)}, the form says {form.task_number}.",
                )
            if isinstance(form, VerificationResult):
                return self._verified(case, form, now)
            if isinstance(form, Rejection):
                return self._rejected(case, form, now)
            if isinstance(form, FalseReportAnswer):
                return self._false_report_answered(case, form, now)
            return self._closed(case, form, now)
        return _out_of_sequence(form, case)

    def _handed_over(self, form: HandOver, message_id: str, now: datetime) -> Fault | None:
        known = self._casework.cases.get(form.case_number)
        if known is not None and known.hand_over is not None:
            return self._case_number_again(known, known.hand_over, form)
        if (fault := self._hand_over_fault(form)) is not None:
            return fault
        case = UrbanCase(
            case_number=form.case_number,
            origin=Origin.TRANSFERRED,
            data=CaseData(
                source=form.source,
                kind=form.kind,
                category=form.category,
                subcategory=form.subcategory,
                grade=form.grade,
                description=form.description,
                address=form.address,
                district=form.district,
                street=form.street,
                community=form.community,
                cell=form.cell,
                reported_at=form.reported_at,
                reporter_name=form.reporter_name,
                reporter_phone=form.reporter_phone,
                component_code=form.component_code,
                position=form.position,
            ),
            photos=form.attachments,
            received_at=now,
            hand_over=form,
        )
        original = self._original_of(form)
        self._casework.cases[case.case_number] = case
        self.received.append((message_id, case))
        self._by_content.remember(form)
        self._casework.receive(case, form.handed_over_by, Side.GRID, now)
        if original is not None:
            self._decline_duplicate(case, original, now)
        return None

    def _case_number_again(self, known: UrbanCase, before: HandOver, form: HandOver) -> Fault:
        if replace(form, handed_over_at=before.handed_over_at, handed_over_by=before.handed_over_by) != before:
            return _fault(
                form,
                ErrorCode.CASE_NUMBER_TAKEN,
                "caseNumber",
                f"案卷号 {form.case_number} 已用于另一案卷。",
                f"Case number {form.case_number} belongs to a case with other content.",
            )
        if known.ended:
            return _fault(
                form, ErrorCode.CASE_ENDED, "caseNumber", "案卷已结束。", f"The case is over: {known.status}."
            )
        return _out_of_sequence(form, known)

    def _hand_over_fault(self, form: HandOver) -> Fault | None:
        """Values that no table has, and texts that say nothing (MUNI-2, RCPT-2)."""
        field = unknown_category_field(form.kind, form.category, form.subcategory)
        if field is not None:
            value = getattr(form, field)
            return _fault(
                form,
                ErrorCode.CODE_UNKNOWN,
                field,
                f"分类代码表中没有 {value}。",
                f"The table of categories has no {value}.",
            )
        if form.district not in self._places.districts:
            return _fault(
                form,
                ErrorCode.CODE_UNKNOWN,
                "district",
                f"没有行政区 {form.district}。",
                f"There is no district {form.district}.",
            )
        for field in ("description", "address"):
            if not getattr(form, field).strip():
                return _fault(form, ErrorCode.REQUIRED_MISSING, field, "必填内容为空。", "The text is empty.")
        return None

    def _original_of(self, form: HandOver) -> UrbanCase | None:
        """Find the oldest case received before with the same description and the same photos (EXC-1)."""
        for case_number in self._by_content.same_as(form):
            case = self._casework.cases[case_number]
            if self._choices.duplicate_scope_includes_declined or case.status is not CaseStatus.DECLINED:
                return case
        return None

    def _decline_duplicate(self, case: UrbanCase, original: UrbanCase, now: datetime) -> None:
        number, first = case.case_number, original.case_number
        self._casework.decline(
            case,
            AUTO_FILER,
            "system",
            DeclineReason.DUPLICATE,
            f"与案卷 {first} 描述和照片相同,不予立案。",
            first,
            now,
        )
        self._board.started(
            NoticeKind.DUPLICATE,
            number,
            number,
            f"案卷 {number} 与 {first} 重复,不予立案。",
            f"Case {number} repeats {first} and is not filed.",
            now,
            related=first,
        )

    def _supplemented(self, case: UrbanCase, form: Supplement, now: datetime) -> Fault | None:
        case.notes.append(form.note)
        case.photos += form.attachments
        log(case, now, Side.GRID, Side.GRID, "supplemented", form.note)
        return None

    def _withdrawn(self, case: UrbanCase, form: Withdrawal, now: datetime) -> Fault | None:
        if case.filing is not None:
            return _fault(
                form,
                ErrorCode.CASE_ALREADY_FILED,
                None,
                "案卷已立案,不允许注销。",
                "The case has been filed; a filed case cannot be cancelled.",
            )
        if case.ended:
            return _ended(form, case)
        case.status = CaseStatus.WITHDRAWN
        case.closed_at = now
        self._casework.leave(case, now, Side.GRID, "withdrawn", note=form.reason)
        log(case, now, Side.GRID, Side.GRID, "withdrawn", form.reason)
        return None

    def _verified(self, case: UrbanCase, form: VerificationResult, now: datetime) -> Fault | None:
        """INT-5: both verification stages complete by themselves, with the whole record."""
        if case.stage is not UrbanStage.DISTRICT_VERIFICATION:
            return _out_of_sequence(form, case)
        if form.round != case.round:
            return _out_of_sequence(form, case, "round", case.round, form.round)
        log(case, now, form.verifier, Side.GRID, "verified", form.outcome)
        photos = tuple(a for a in form.attachments if a.kind is not PhotoKind.DOCUMENT)
        for stage in (UrbanStage.DISTRICT_VERIFICATION, UrbanStage.CITY_VERIFICATION):
            if case.stage is not stage:
                self._casework.enter(case, stage, now)
            self._casework.leave(
                case,
                form.verified_at,
                self._choices.auto_verifier,
                form.outcome.value,
                note=form.note,
                photos=photos,
                automatic=True,
            )
        case.verification = form.outcome
        if form.outcome is VerificationOutcome.PASSED:
            self._casework.enter(case, UrbanStage.CLOSING, now)
            self._casework.progress(case, now)
        return None

    def _rejected(self, case: UrbanCase, form: Rejection, now: datetime) -> Fault | None:
        """INT-7: after a verification that did not pass, or of a dissatisfied reporter after one that did."""
        if case.verification is None or (
            form.cause is RejectionCause.NOT_PASSED and case.verification is VerificationOutcome.PASSED
        ):
            return _out_of_sequence(form, case)
        filing = present(case.filing)
        if form.ordinal not in {filing.rejections + 1, case.counted_rejections + 1}:
            return _out_of_sequence(form, case, "ordinal", filing.rejections + 1, form.ordinal)
        self._casework.reject(case, form.reason, now)
        return None

    def _false_report_answered(self, case: UrbanCase, form: FalseReportAnswer, now: datetime) -> Fault | None:
        application = case.false_report
        if application is None or not application.awaits_grid:
            return _out_of_sequence(form, case)
        application.awaits_grid = False
        if form.confirmed:
            log(case, now, Side.GRID, Side.GRID, "confirmed_false_report", form.reason)
            self._casework.close_as_false(case, application.decided_by or application.by, now)
        else:
            # The limit was never stopped; the department goes on where it was.
            application.decision, application.decision_reason = Decision.REFUSED, form.reason
            log(case, now, Side.GRID, Side.GRID, "disputed_false_report", form.reason)
        return None

    def _closed(self, case: UrbanCase, form: Closing, now: datetime) -> Fault | None:
        """INT-6: the grid platform has closed and tells us to close."""
        if case.stage is not UrbanStage.CLOSING or form.kind is not ClosingKind.NORMAL:
            return _out_of_sequence(form, case)
        log(case, now, form.closed_by, Side.GRID, "closed", form.note or "")
        self._casework.end(case, CaseStatus.CLOSED, FilingEnd.CLOSED, form.closed_by, now)
        return None

    def _contact_notice(self, case: UrbanCase, form: ContactNotice, now: datetime) -> Fault | None:
        self._board.came_in(form, now)
        log(case, now, form.contact_name, Side.GRID, "told", form.text)
        return None


def _fault(form: Form, code: ErrorCode, field: str | None, zh: str, en: str) -> Fault:
    where = f"form/{form.form_type}" if field is None else f"form/{form.form_type}/{field}"
    return Fault(code=code, field=where if field else None, message_zh=zh, message_en=en)


def _ended(form: Form, case: UrbanCase) -> Fault:
    return _fault(
        form,
        ErrorCode.CASE_ENDED,
        "caseNumber",
        f"案卷{STATUS_NAMES[case.status]},不再接受表单。",
        f"The case is {case.status} and takes no more forms.",
    )


def _out_of_sequence(
    form: Form, case: UrbanCase, field: str | None = None, wanted: int | None = None, seen: int | None = None
) -> Fault:
    if field is not None:
        return _fault(
            form,
            ErrorCode.OUT_OF_SEQUENCE,
            field,
            f"应为 {wanted},表单写的是 {seen}。",
            f"Should be {wanted}, the form says {seen}.",
        )
    return _fault(
        form,
        ErrorCode.OUT_OF_SEQUENCE,
        None,
        f"案卷处于「{STAGE_NAMES[case.stage]}」,不接受 {form.form_type}。",
        f"The case stands at {case.stage}, where {form.form_type} is not taken.",
    )
