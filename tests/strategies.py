"""Hypothesis strategies for everything that travels: forms as the platforms may write them, receipts, queries, pages.

The values are as odd as the contract allows, not odder: every form follows the presence rules that the vocabulary states
("present exactly when granted"), and every text can stand in XML 1.0.
"""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from bridge.vocabulary import codes, stages
from bridge.vocabulary.forms import (
    FORM_CLASSES,
    FORMS_BY_DIRECTION,
    Attachment,
    Closing,
    ContactNotice,
    Dispatch,
    ExtensionNotice,
    FalseReportAnswer,
    FalseReportApplication,
    FilingResult,
    Form,
    FormType,
    HandOver,
    Position,
    Rejection,
    ReturnNotice,
    StageProgress,
    Supplement,
    TransferNotice,
    VerificationRequest,
    VerificationResult,
    Withdrawal,
)
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    QueryHeader,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.times import SHANGHAI

#: Line ends, markup characters, rare Chinese beyond the first plane, and everything else that XML can hold.
characters = st.one_of(
    st.sampled_from("\t\n\r&<>\"' ]\u3000路边垃圾𠮷𫚉é"),
    st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufffe\uffff"),
)


def texts(most: int) -> st.SearchStrategy[str]:
    """A text of 1 to `most` characters, mostly short, sometimes as long as it may be."""
    return st.one_of(st.text(characters, min_size=1, max_size=min(most, 12)), st.just("界" * most))


def digits(count: int) -> st.SearchStrategy[str]:
    """A code of so many digits."""
    return st.integers(0, 10**count - 1).map(lambda number: f"{number:0{count}}")


#: Moments in several zones; the wire keeps the moment, not the zone.
moments = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)).flatmap(  # noqa: DTZ001 - the zone follows
    lambda naive: st.sampled_from((SHANGHAI, UTC, timezone(timedelta(hours=-7)))).map(
        lambda zone: naive.replace(tzinfo=zone)
    )
)

message_ids = st.uuids().map(lambda value: f"urn:uuid:{value}")
case_numbers = st.builds("{}-{}-{}".format, digits(6), digits(8), digits(6))
task_numbers = st.builds("T{}-{}".format, digits(8), digits(6))
party_codes = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
departments = st.from_regex(r"[A-Z0-9-]{1,20}", fullmatch=True)
districts = digits(6)
names = texts(60)
sentences = texts(500)
ordinals = st.integers(1, 99)
rounds = st.integers(1, 9)
coordinates = st.floats(-1e8, 1e8, allow_nan=False)
positions = st.builds(Position, x=coordinates, y=coordinates, system=st.sampled_from(codes.CoordinateSystem))


@st.composite
def attachments(draw: st.DrawFn, kinds: Any = None) -> Attachment:
    """An attachment whose digest and size are those of its content; by reference, of content that is elsewhere."""
    content = draw(st.binary(max_size=60))
    inline = draw(st.booleans())
    return Attachment(
        name=draw(texts(120)),
        media_type=draw(st.sampled_from(("image/png", "image/jpeg", "application/pdf"))),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        kind=draw(kinds if kinds is not None else st.sampled_from(codes.PhotoKind)),
        content=content if inline else None,
        reference=None if inline else draw(texts(500)),
    )


def several(one: st.SearchStrategy[Attachment], least: int = 0) -> st.SearchStrategy[tuple[Attachment, ...]]:
    """A few attachments in their order."""
    return st.lists(one, min_size=least, max_size=3).map(tuple)


def maybe(what: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Present or absent."""
    return st.none() | what


@st.composite
def hand_overs(draw: st.DrawFn) -> HandOver:
    """A hand-over; only a component has a component code."""
    kind = draw(st.sampled_from(codes.CaseKind))
    return HandOver(
        case_number=draw(case_numbers),
        source=draw(st.sampled_from(codes.CaseSource)),
        kind=kind,
        category=draw(digits(2)),
        subcategory=draw(digits(2)),
        grade=draw(st.sampled_from(codes.CaseGrade)),
        description=draw(texts(2000)),
        address=draw(texts(200)),
        district=draw(districts),
        street=draw(digits(9)),
        community=draw(digits(12)),
        cell=draw(digits(15)),
        reported_at=draw(moments),
        reporter_name=draw(names),
        handed_over_at=draw(moments),
        handed_over_by=draw(names),
        reporter_phone=draw(maybe(st.from_regex(r"[0-9+ -]{5,20}", fullmatch=True))),
        component_code=draw(maybe(digits(16))) if kind is codes.CaseKind.COMPONENT else None,
        position=draw(maybe(positions)),
        attachments=draw(several(attachments())),
    )


@st.composite
def filing_results(draw: st.DrawFn) -> FilingResult:
    """Filed with a task number, or declined with a reason."""
    common: dict[str, Any] = {
        "case_number": draw(case_numbers),
        "decided_at": draw(moments),
        "decided_by": draw(names),
    }
    if draw(st.booleans()):
        return FilingResult(
            outcome=codes.FilingOutcome.FILED, filing_ordinal=draw(ordinals), task_number=draw(task_numbers), **common
        )
    why = draw(st.sampled_from(codes.DeclineReason))
    return FilingResult(
        outcome=codes.FilingOutcome.DECLINED,
        filing_ordinal=1,
        decline_reason=why,
        reason=draw(sentences),
        original_case_number=draw(case_numbers) if why is codes.DeclineReason.DUPLICATE else None,
        **common,
    )


@st.composite
def stage_progresses(draw: st.DrawFn) -> StageProgress:
    """With a limit whenever the stage is disposal."""
    stage = draw(st.sampled_from(stages.UrbanStage))
    disposal = stage is stages.UrbanStage.DEPARTMENT_DISPOSAL
    return StageProgress(
        case_number=draw(case_numbers),
        task_number=draw(task_numbers),
        stage=stage,
        entered_at=draw(moments),
        handler=draw(names),
        department=draw(maybe(departments)),
        disposal_due_at=draw(moments) if disposal else None,
        note=draw(maybe(sentences)),
    )


def _applications(cls: type[Any], **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A notice of an application that sets a new limit exactly when it is granted."""

    def notice(decision: codes.Decision) -> st.SearchStrategy[Any]:
        due = moments if decision is codes.Decision.GRANTED else st.none()
        return st.builds(
            cls,
            case_number=case_numbers,
            task_number=task_numbers,
            decision=st.just(decision),
            reason=sentences,
            noticed_at=moments,
            disposal_due_at=due,
            **others,
        )

    return st.sampled_from(codes.Decision).flatmap(notice)


_on_site = attachments(st.just(codes.PhotoKind.ON_SITE))

#: One strategy for each form.
forms_by_type: dict[FormType, st.SearchStrategy[Any]] = {
    FormType.HAND_OVER: hand_overs(),
    FormType.SUPPLEMENT: st.builds(
        Supplement,
        case_number=case_numbers,
        note=sentences,
        supplemented_at=moments,
        attachments=several(attachments()),
    ),
    FormType.WITHDRAWAL: st.builds(Withdrawal, case_number=case_numbers, reason=sentences, withdrawn_at=moments),
    FormType.FILING_RESULT: filing_results(),
    FormType.DISPATCH: st.builds(
        Dispatch,
        case_number=case_numbers,
        task_number=task_numbers,
        district=districts,
        dispatched_at=moments,
        dispatched_by=names,
    ),
    FormType.STAGE_PROGRESS: stage_progresses(),
    FormType.EXTENSION_NOTICE: _applications(ExtensionNotice, department=departments),
    FormType.RETURN_NOTICE: st.builds(
        ReturnNotice,
        case_number=case_numbers,
        task_number=task_numbers,
        decision=st.sampled_from(codes.Decision),
        reason=sentences,
        district=districts,
        noticed_at=moments,
    ),
    FormType.TRANSFER_NOTICE: _applications(
        TransferNotice, from_district=districts, to_district=districts, to_department=departments
    ),
    FormType.VERIFICATION_REQUEST: st.builds(
        VerificationRequest,
        case_number=case_numbers,
        task_number=task_numbers,
        round=rounds,
        disposal_result=sentences,
        disposed_at=moments,
        district=districts,
        department=departments,
        attachments=several(attachments()),
    ),
    FormType.VERIFICATION_RESULT: st.builds(
        VerificationResult,
        case_number=case_numbers,
        task_number=task_numbers,
        round=rounds,
        outcome=st.sampled_from(codes.VerificationOutcome),
        verifier=names,
        verified_at=moments,
        note=maybe(sentences),
        attachments=several(attachments()),
    ),
    FormType.REJECTION: st.builds(
        Rejection,
        case_number=case_numbers,
        task_number=task_numbers,
        ordinal=ordinals,
        cause=st.sampled_from(codes.RejectionCause),
        reason=sentences,
        rejected_at=moments,
        attachments=several(attachments()),
    ),
    FormType.FALSE_REPORT_APPLICATION: st.builds(
        FalseReportApplication,
        case_number=case_numbers,
        task_number=task_numbers,
        reason=sentences,
        department=departments,
        applied_at=moments,
        attachments=several(_on_site, least=1),
    ),
    FormType.FALSE_REPORT_ANSWER: st.builds(
        FalseReportAnswer,
        case_number=case_numbers,
        task_number=task_numbers,
        confirmed=st.booleans(),
        reason=sentences,
        answered_at=moments,
    ),
    FormType.CLOSING: st.builds(
        Closing,
        case_number=case_numbers,
        task_number=task_numbers,
        kind=st.sampled_from(codes.ClosingKind),
        closed_at=moments,
        closed_by=names,
        note=maybe(sentences),
    ),
    FormType.CONTACT_NOTICE: st.builds(
        ContactNotice,
        case_number=case_numbers,
        kind=st.sampled_from(codes.NoticeKind),
        phase=st.sampled_from(codes.NoticePhase),
        text=sentences,
        noticed_at=moments,
        contact_name=names,
        related_case_number=maybe(case_numbers),
    ),
}
assert forms_by_type.keys() == FORM_CLASSES.keys()


def forms(direction: Direction) -> st.SearchStrategy[Form]:
    """Any form that travels in this direction."""
    return st.sampled_from(FORMS_BY_DIRECTION[direction]).flatmap(forms_by_type.__getitem__)


versions = st.sampled_from(("1.0", "1.1", "1.12"))


def headers(case_number: str, form_type: FormType) -> st.SearchStrategy[Header]:
    """The header of a message about this case."""
    return st.builds(
        Header,
        message_id=message_ids,
        sender=party_codes,
        recipient=party_codes,
        case_number=st.just(case_number),
        form_type=st.just(form_type),
        attempt=st.integers(1, 999),
        sent_at=moments,
        contract_version=versions,
    )


def form_messages(direction: Direction) -> st.SearchStrategy[FormMessage]:
    """A form under a header that fits it."""
    return forms(direction).flatmap(
        lambda form: headers(form.case_number, form.form_type).map(lambda head: FormMessage(header=head, form=form))
    )


faults = st.builds(
    Fault,
    code=st.sampled_from(codes.ErrorCode),
    field=maybe(texts(200)),
    message_zh=sentences,
    message_en=sentences,
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    """Confirming, or an error with its fault."""
    outcome = draw(st.sampled_from(codes.ReceiptOutcome))
    return Receipt(
        case_number=draw(case_numbers),
        form_message_id=draw(message_ids),
        form_type=draw(st.sampled_from(FormType)),
        outcome=outcome,
        decided_at=draw(moments),
        fault=draw(faults) if outcome is codes.ReceiptOutcome.ERROR else None,
    )


receipt_messages: st.SearchStrategy[ReceiptMessage] = receipts().flatmap(
    lambda receipt: headers(receipt.case_number, receipt.form_type).map(
        lambda head: ReceiptMessage(header=head, receipt=receipt)
    )
)

query_messages: st.SearchStrategy[QueryMessage] = st.builds(
    QueryMessage,
    header=st.builds(
        QueryHeader,
        message_id=message_ids,
        sender=party_codes,
        recipient=party_codes,
        sent_at=moments,
        contract_version=versions,
    ),
    query=st.builds(
        CaseQuery,
        since=maybe(moments),
        state=maybe(st.sampled_from(stages.HandedOverState)),
        cursor=maybe(texts(200)),
        page_size=st.integers(1, 200),
    ),
)

pages: st.SearchStrategy[CasePage] = st.builds(
    CasePage,
    cases=st.lists(
        st.builds(
            HandedOverCase,
            message_id=message_ids,
            state=st.sampled_from(stages.HandedOverState),
            hand_over=hand_overs(),
        ),
        max_size=3,
    ).map(tuple),
    next_cursor=texts(200),
    more=st.booleans(),
)
