"""The mailroom that both platforms share: one receipt for each form, nothing dropped, nothing guessed (RCPT-1 … RCPT-6)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import CaseGrade, CaseKind, CaseSource, ErrorCode, NoticePhase, PhotoKind, ReceiptOutcome
from bridge.vocabulary.forms import Attachment, Form, FormType, HandOver, Supplement, Withdrawal
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import DeliveryChoices, PlatformProfile, Profile, ReceiptMode
from bridge.vocabulary.stages import HandedOverState
from bridge.vocabulary.times import SHANGHAI
from simulators.city.photos import attachment
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import (
    KEPT_AS,
    KeptAs,
    KeptFor,
    MailMistake,
    MailNotice,
    Mailroom,
    QueryEnded,
    SendingState,
    Settled,
)
from simulators.exchange.quirks import RECEIPT_DELAY_SECONDS_MAX, Quirks

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
CASE, OTHER_CASE = "340202-20260302-000001", "340202-20260302-000002"
MESSAGE_ID = "urn:uuid:00000000-0000-4000-8000-000000000001"
LATER = timedelta(seconds=300)


def settings_of(receipts: ReceiptMode = ReceiptMode.CALL, **delivery: object) -> Profile:
    def party(code: str) -> PlatformProfile:
        return PlatformProfile(code=code, endpoint="", username="", password="", receipts=receipts)

    return Profile(
        name="test",
        grid=party("wuhu-grid"),
        urban=party("wuhu-urban"),
        # Whole gaps and no warning, unless a test is about them.
        delivery=DeliveryChoices(**{"retry_jitter": 0, "warn_after_seconds": 0, **delivery}),  # type: ignore[arg-type]
    )


def room(side: Side = Side.GRID, profile: Profile | None = None, quirks: Quirks | None = None) -> Mailroom:
    return Mailroom(side, profile or settings_of(), IdSource(side, 1), quirks or Quirks())


def note(text: str = "更靠近路口", case: str = CASE, photos: tuple[Attachment, ...] = ()) -> Supplement:
    return Supplement(case_number=case, note=text, supplemented_at=NOW, attachments=photos)


def only(calls: list[Call]) -> Call:
    (call,) = calls
    return call


def receipt_for(message: FormMessage, fault: Fault | None = None, **changes: object) -> Receipt:
    receipt = Receipt(
        case_number=message.form.case_number,
        form_message_id=message.header.message_id,
        form_type=message.form.form_type,
        outcome=ReceiptOutcome.CONFIRMED if fault is None else ReceiptOutcome.ERROR,
        decided_at=NOW,
        fault=fault,
    )
    return replace(receipt, **changes)  # type: ignore[arg-type]


def as_call(receipt: Receipt) -> ReceiptMessage:
    return ReceiptMessage(
        header=Header(
            message_id="urn:uuid:00000000-0000-4000-8000-00000000000f",
            sender="wuhu-urban",
            recipient="wuhu-grid",
            case_number=receipt.case_number,
            form_type=receipt.form_type,
            attempt=1,
            sent_at=NOW,
        ),
        receipt=receipt,
    )


def fault(code: ErrorCode = ErrorCode.CODE_UNKNOWN) -> Fault:
    return Fault(code=code, field=None, message_zh="错", message_en="wrong")


def accept(form: Form) -> Fault | None:
    return None


def sent_form(mailroom: Mailroom) -> FormMessage:
    message = only(mailroom.outgoing()).message
    assert isinstance(message, FormMessage)
    return message


# ── sending ─────────────────────────────────────────────────────────────────────────────────────


def test_a_form_goes_out_at_once_under_a_header_of_its_own() -> None:
    grid = room()
    message_id = grid.post(note(), NOW)
    call = only(grid.outgoing())
    assert call.to is Side.URBAN
    header = call.message.header
    assert (header.message_id, header.sender, header.recipient) == (message_id, "wuhu-grid", "wuhu-urban")
    assert isinstance(call.message, FormMessage)
    assert (call.message.header.attempt, call.message.header.case_number) == (1, CASE)
    assert grid.outgoing() == []


def test_the_later_forms_of_a_case_wait_and_other_cases_do_not() -> None:
    """RCPT-4."""
    grid = room()
    for form in (note("一"), note("二"), note("三"), note("别的案卷", OTHER_CASE)):
        grid.post(form, NOW)
    first, other = grid.outgoing()
    assert [first.message.form, other.message.form] == [note("一"), note("别的案卷", OTHER_CASE)]  # type: ignore[union-attr]
    grid.call_ended(first.key, Answered(), NOW)
    assert grid.outgoing() == []
    grid.receipt_arrived(as_call(receipt_for(first.message)), NOW)  # type: ignore[arg-type]
    assert sent_form(grid).form == note("二")


@pytest.mark.parametrize("mode", ["in the response", "as a call before the response", "as a call after the response"])
def test_the_receipt_is_effective_whichever_way_it_comes(mode: str) -> None:
    """RCPT-1."""
    grid = room()
    grid.post(note(), NOW)
    call = only(grid.outgoing())
    assert isinstance(call.message, FormMessage)
    receipt = receipt_for(call.message)
    if mode == "in the response":
        grid.call_ended(call.key, Answered(receipt=receipt), NOW)
    elif mode == "as a call before the response":
        grid.receipt_arrived(as_call(receipt), NOW)
        grid.call_ended(call.key, Answered(), NOW)
    else:
        grid.call_ended(call.key, Answered(), NOW)
        grid.receipt_arrived(as_call(receipt), NOW)
    (event,) = grid.events()
    assert isinstance(event, Settled)
    assert event.confirmed
    assert (event.form, event.receipt) == (note(), receipt)
    assert [kept.kept_as for kept in grid.kept_receipts()] == [KeptAs.EFFECTIVE]
    assert grid.next_due() is None


ENDINGS: list[Ending] = [
    Unanswered(detail="timeout"),
    NotReached(detail="refused"),
    Answered(),
    Faulted(fault=fault(ErrorCode.BUSY)),
    Faulted(fault=fault(ErrorCode.INTERNAL)),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=["unanswered", "not reached", "acknowledged only", "busy", "internal"])
def test_without_a_receipt_the_same_form_goes_out_again_with_the_same_id(ending: Ending) -> None:
    """RCPT-5."""
    grid = room()
    message_id = grid.post(note(), NOW)
    grid.call_ended(only(grid.outgoing()).key, ending, NOW)
    now = NOW
    while not (calls := grid.outgoing()):
        due = grid.next_due()
        assert due is not None
        now = due
        grid.wake(now)
    message = only(calls).message
    assert isinstance(message, FormMessage)
    assert (message.header.message_id, message.header.attempt, message.form) == (message_id, 2, note())
    waits = timedelta(seconds=60) if not isinstance(ending, Unanswered | Answered) else timedelta(seconds=360)
    assert now - NOW == waits


def attempts_until_parked(grid: Mailroom, ending: Ending) -> list[datetime]:
    """Let every attempt end like this; the moments at which they were made."""
    now, moments = NOW, []
    while True:
        for call in grid.outgoing():
            moments.append(now)
            grid.call_ended(call.key, ending, now)
        due = grid.next_due()
        if due is None:
            return moments
        now = due
        grid.wake(now)


def test_the_gaps_grow_the_last_one_repeats_and_then_the_form_is_parked_and_a_contact_told() -> None:
    """RCPT-5, CONT-2."""
    grid = room(profile=settings_of(retry_gaps_seconds=(60, 300), max_attempts=4))
    grid.post(note(), NOW)
    moments = attempts_until_parked(grid, NotReached(detail="refused"))
    assert [int((m - NOW).total_seconds()) for m in moments] == [0, 60, 360, 660]
    (parked,) = grid.parked()
    assert parked.attempts == 4
    (notice,) = grid.events()
    assert isinstance(notice, MailNotice)
    assert (notice.phase, notice.case_number) == (NoticePhase.STARTED, CASE)


def park(grid: Mailroom, form: Form | None = None) -> str:
    message_id = grid.post(form or note(), NOW)
    attempts_until_parked(grid, Unanswered(detail="timeout"))
    assert [s.message_id for s in grid.parked()] == [message_id]
    grid.events()
    return message_id


def pass_time(grid: Mailroom, until: timedelta, ending: Ending) -> list[tuple[str, str, int]]:
    """Let every attempt end like this up to a moment; what was told meanwhile: kind, phase, seconds past the beginning."""
    told, now = [], NOW
    while True:
        for call in grid.outgoing():
            grid.call_ended(call.key, ending, now)
        told += [
            (e.kind.value, e.phase.value, int((now - NOW).total_seconds()))
            for e in grid.events()
            if isinstance(e, MailNotice)
        ]
        due = grid.next_due()
        if due is None or due > NOW + until:
            return told
        now = due
        grid.wake(now)


@pytest.mark.parametrize(
    "ending",
    [NotReached(detail="refused"), Unanswered(detail="timeout"), Answered()],
    ids=lambda each: type(each).__name__,
)
def test_a_form_without_a_receipt_for_long_is_told_once_while_it_goes_on_and_then_parked(ending: Ending) -> None:
    """RCPT-5, CONT-2: two limits, the warning and the end."""
    grid = room(profile=settings_of(warn_after_seconds=1000, park_after_seconds=4000, max_attempts=50))
    message_id = grid.post(note(), NOW)
    assert pass_time(grid, timedelta(seconds=999), ending) == []
    told = pass_time(grid, timedelta(days=3), ending)
    assert told == [("receipt_overdue", "started", 1000), ("parked", "started", 4000)]
    sending = grid.sending(message_id)
    assert sending is not None
    assert sending.state is SendingState.PARKED
    assert 1 < sending.attempts < 50


def test_both_matters_are_over_once_the_form_is_settled() -> None:
    grid = room(profile=settings_of(warn_after_seconds=1000, park_after_seconds=4000))
    message_id = grid.post(note(), NOW)
    pass_time(grid, timedelta(days=1), Unanswered(detail="timeout"))
    grid.resend(message_id, NOW + timedelta(days=1))
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message)), NOW + timedelta(days=1))
    told = [(e.kind.value, e.phase.value) for e in grid.events() if isinstance(e, MailNotice)]
    assert told == [("receipt_overdue", "over"), ("parked", "over")]


def test_a_released_form_has_its_whole_time_again() -> None:
    grid = room(profile=settings_of(park_after_seconds=4000, max_attempts=50))
    message_id = grid.post(note(), NOW)
    pass_time(grid, timedelta(seconds=4000), Unanswered(detail="timeout"))
    later = NOW + timedelta(seconds=5000)
    grid.resend(message_id, later)
    told = pass_time(grid, timedelta(seconds=8999), Unanswered(detail="timeout"))
    sending = grid.sending(message_id)
    assert sending is not None
    assert (told, sending.state is SendingState.PARKED) == ([], False)
    pass_time(grid, timedelta(seconds=9000), Unanswered(detail="timeout"))
    assert sending.state is SendingState.PARKED


def test_a_receipt_in_time_is_nobodys_matter() -> None:
    grid = room(profile=settings_of(warn_after_seconds=1000))
    grid.post(note(), NOW)
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    assert pass_time(grid, timedelta(days=1), Answered()) == []


def test_gaps_are_longer_than_the_profile_says_never_shorter_and_each_forms_own() -> None:
    """RCPT-5: many forms that failed together do not come back in one beat."""
    grid = room(profile=settings_of(retry_jitter=0.5, retry_gaps_seconds=(100,)))
    for number in range(50):
        grid.post(note(case=f"340202-20260302-{number:06d}"), NOW)
    for call in grid.outgoing():
        grid.call_ended(call.key, NotReached(detail="refused"), NOW)
    due = {sending.due_at - NOW for sending in grid.sendings() if sending.due_at is not None}
    assert len(due) == 50
    assert all(timedelta(seconds=100) <= gap < timedelta(seconds=150) for gap in due)
    assert max(due) - min(due) > timedelta(seconds=30)


def test_the_same_seed_form_and_attempt_give_the_same_gap_and_another_seed_another() -> None:
    def first_gap(seed: int) -> timedelta:
        grid = room(profile=settings_of(retry_jitter=0.5, retry_seed=seed))
        grid.post(note(), NOW)
        grid.call_ended(only(grid.outgoing()).key, NotReached(detail="refused"), NOW)
        (sending,) = grid.sendings()
        assert sending.due_at is not None
        return sending.due_at - NOW

    assert first_gap(1) == first_gap(1)
    assert first_gap(1) != first_gap(2)


def test_a_parked_form_holds_up_its_own_case_only() -> None:
    """RCPT-4, RCPT-5: nothing is dropped."""
    grid = room()
    park(grid)
    grid.post(note("二"), NOW)
    grid.post(note("别的", OTHER_CASE), NOW)
    assert sent_form(grid).form == note("别的", OTHER_CASE)


def test_a_late_receipt_does_not_settle_a_parked_form_but_one_after_the_release_does() -> None:
    """RCPT-3."""
    grid = room()
    message_id = park(grid)
    sending = grid.sending(message_id)
    assert sending is not None
    message = FormMessage(header=as_call_header(message_id), form=note())
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    assert sending.state is SendingState.PARKED
    assert [kept.kept_as for kept in grid.kept_receipts()] == [KeptAs.LATE]

    grid.resend(message_id, NOW)
    call = only(grid.outgoing())
    assert isinstance(call.message, FormMessage)
    assert (call.message.header.message_id, call.message.header.attempt) == (message_id, 6)
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    assert sending.state is SendingState.CONFIRMED
    settled, over = grid.events()
    assert isinstance(settled, Settled)
    assert isinstance(over, MailNotice)
    assert over.phase is NoticePhase.OVER


def as_call_header(message_id: str) -> Header:
    return Header(
        message_id=message_id,
        sender="wuhu-grid",
        recipient="wuhu-urban",
        case_number=CASE,
        form_type=FormType.SUPPLEMENT,
        attempt=1,
        sent_at=NOW,
    )


def test_a_released_form_that_is_parked_again_is_the_same_matter() -> None:
    """CONT-2: told once when it starts."""
    grid = room()
    message_id = park(grid)
    grid.resend(message_id, NOW)
    attempts_until_parked(grid, NotReached(detail="refused"))
    assert grid.events() == []
    assert grid.parked()[0].attempts == 10


def test_a_person_gives_a_parked_form_up_and_the_next_one_goes_out() -> None:
    grid = room()
    message_id = park(grid)
    grid.post(note("二"), NOW)
    grid.give_up(message_id, NOW, "已电话告知")
    assert sent_form(grid).form == note("二")
    assert grid.sendings(CASE)[0].state is SendingState.GIVEN_UP
    (over,) = grid.events()
    assert isinstance(over, MailNotice)
    assert over.phase is NoticePhase.OVER


def test_only_a_parked_form_is_released_or_given_up() -> None:
    grid = room()
    message_id = grid.post(note(), NOW)
    for act in (grid.resend, grid.give_up):
        with pytest.raises(MailMistake):
            act(message_id, NOW)
        with pytest.raises(MailMistake):
            act("urn:uuid:nobody", NOW)


# ── receipts that mean nothing, or something bad ────────────────────────────────────────────────


def test_an_error_receipt_ends_the_sending_and_the_next_form_goes_out() -> None:
    """RCPT-2."""
    grid = room()
    message_id = grid.post(note("一"), NOW)
    grid.post(note("二"), NOW)
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message, fault())), NOW)
    (event,) = grid.events()
    assert isinstance(event, Settled)
    assert not event.confirmed
    assert event.fault == fault()
    assert [s.message_id for s in grid.refused()] == [message_id]
    assert sent_form(grid).form == note("二")


def test_a_refused_sending_is_never_confirmed_by_a_later_receipt() -> None:
    """RCPT-3."""
    grid = room()
    message_id = grid.post(note(), NOW)
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message, fault())), NOW)
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    grid.receipt_arrived(as_call(receipt_for(message, fault(ErrorCode.CASE_ENDED))), NOW)
    grid.receipt_arrived(as_call(receipt_for(message, fault())), NOW)
    sending = grid.sending(message_id)
    assert sending is not None
    assert sending.state is SendingState.REFUSED
    kinds = [kept.kept_as for kept in grid.kept_receipts()]
    assert kinds == [KeptAs.EFFECTIVE, KeptAs.CONTRADICTORY, KeptAs.CONTRADICTORY, KeptAs.REPEATED]
    assert len(grid.events()) == 1


@pytest.mark.parametrize(
    "change",
    [{"case_number": OTHER_CASE}, {"form_message_id": "urn:uuid:00000000-0000-4000-8000-000000000000"}],
    ids=["another case number", "another message id"],
)
def test_a_receipt_that_matches_by_one_of_the_two_alone_is_stray(change: dict[str, str]) -> None:
    """RCPT-1, RCPT-3."""
    grid = room()
    message_id = grid.post(note(), NOW)
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message, **change)), NOW)
    sending = grid.sending(message_id)
    assert sending is not None
    assert sending.state is SendingState.SENDING
    assert [kept.kept_as for kept in grid.kept_receipts()] == [KeptAs.STRAY]
    assert grid.events() == []


def test_a_receipt_for_a_form_that_still_waits_for_its_turn_is_stray() -> None:
    grid = room()
    grid.post(note("一"), NOW)
    waiting = grid.post(note("二"), NOW)
    message = FormMessage(header=as_call_header(waiting), form=note("二"))
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    assert grid.sendings(CASE)[1].state is SendingState.WAITING
    assert [kept.kept_as for kept in grid.kept_receipts()] == [KeptAs.STRAY]


def test_a_wrong_receipt_in_the_response_is_stray_and_the_form_waits_on() -> None:
    grid = room()
    message_id = grid.post(note(), NOW)
    call = only(grid.outgoing())
    assert isinstance(call.message, FormMessage)
    grid.call_ended(call.key, Answered(receipt=receipt_for(call.message, case_number=OTHER_CASE)), NOW)
    sending = grid.sending(message_id)
    assert sending is not None
    assert sending.state is SendingState.AWAITING_RECEIPT


def reach(grid: Mailroom, state: SendingState) -> FormMessage:
    """Bring a form of ours to this state; what was, or would be, sent of it."""
    if state is SendingState.WAITING:
        grid.post(note("先"), NOW)
    message_id = grid.post(note(), NOW, push=state is not SendingState.OFFERED)
    message = FormMessage(header=as_call_header(message_id), form=note())
    ending: dict[SendingState, Ending] = {
        SendingState.AWAITING_RECEIPT: Answered(),
        SendingState.IN_DOUBT: Unanswered(detail="timeout"),
        SendingState.TO_REPEAT: NotReached(detail="refused"),
        SendingState.REFUSED: Faulted(fault=fault()),
    }
    if state in ending:
        grid.call_ended(only(grid.outgoing()).key, ending[state], NOW)
    if state is SendingState.CONFIRMED:
        grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    if state in (SendingState.PARKED, SendingState.GIVEN_UP):
        attempts_until_parked(grid, Unanswered(detail="timeout"))
    if state is SendingState.GIVEN_UP:
        grid.give_up(message_id, NOW)
    sending = grid.sending(message_id)
    assert sending is not None
    assert sending.state is state
    return message


_AWAITED = (KeptAs.EFFECTIVE, KeptFor.AWAITED)
_CONTRADICTS = (KeptAs.CONTRADICTORY, KeptFor.ERROR_AFTER_CONFIRMATION)
#: What a confirmation and an error are to a form in each state, read from RCPT-1 and RCPT-3.
WEIGHED = {
    SendingState.WAITING: [(KeptAs.STRAY, KeptFor.NOT_SENT_YET)] * 2,
    SendingState.OFFERED: [_AWAITED] * 2,
    SendingState.SENDING: [_AWAITED] * 2,
    SendingState.AWAITING_RECEIPT: [_AWAITED] * 2,
    SendingState.IN_DOUBT: [_AWAITED] * 2,
    SendingState.TO_REPEAT: [_AWAITED] * 2,
    SendingState.PARKED: [(KeptAs.LATE, KeptFor.PARKED)] * 2,
    SendingState.CONFIRMED: [(KeptAs.REPEATED, KeptFor.DUPLICATE), _CONTRADICTS],
    SendingState.REFUSED: [(KeptAs.LATE, KeptFor.REFUSED_BY_FAULT)] * 2,
    SendingState.GIVEN_UP: [(KeptAs.LATE, KeptFor.GIVEN_UP)] * 2,
}


@pytest.mark.parametrize("state", list(SendingState))
@pytest.mark.parametrize("refuses", [False, True], ids=["confirmation", "error"])
@pytest.mark.parametrize("way", ["call", "repeated call"])
def test_a_receipt_is_weighed_by_where_its_form_stands(state: SendingState, refuses: bool, way: str) -> None:
    """RCPT-1, RCPT-3: only a form that waits for its receipt is moved by one."""
    grid = room()
    message = reach(grid, state)
    before = len(grid.kept_receipts())
    receipt = receipt_for(message, fault() if refuses else None)
    grid.receipt_arrived(as_call(receipt), NOW)
    kept = grid.kept_receipts()[before]
    assert WEIGHED[state][refuses] == (kept.kept_as, kept.kept_for)
    sending = grid.sending(message.header.message_id)
    assert sending is not None
    if kept.kept_as is KeptAs.EFFECTIVE:
        assert sending.state is (SendingState.REFUSED if refuses else SendingState.CONFIRMED)
    else:
        assert sending.state is state
    if way == "repeated call" and kept.kept_as is KeptAs.EFFECTIVE:
        grid.receipt_arrived(as_call(receipt), NOW)
        assert grid.kept_receipts()[-1].kept_for is KeptFor.DUPLICATE


def test_every_reason_says_what_the_receipt_is() -> None:
    assert set(KEPT_AS) == set(KeptFor)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"case_number": OTHER_CASE}, KeptFor.OTHER_CASE),
        ({"form_type": FormType.CLOSING}, KeptFor.OTHER_FORM_TYPE),
        ({"form_message_id": "urn:uuid:00000000-0000-4000-8000-000000000000"}, KeptFor.UNKNOWN_FORM),
    ],
)
def test_a_receipt_that_is_not_of_the_form_it_names_is_stray_and_says_why(
    change: dict[str, object], reason: KeptFor
) -> None:
    grid = room()
    message = reach(grid, SendingState.AWAITING_RECEIPT)
    grid.receipt_arrived(as_call(receipt_for(message, **change)), NOW)
    assert [kept.kept_for for kept in grid.kept_receipts()] == [reason]


def test_a_response_brings_the_receipt_of_its_own_form_only() -> None:
    """Even one that another form waits for is none in the response to this one."""
    grid = room()
    waits = reach(grid, SendingState.AWAITING_RECEIPT)
    grid.post(note("别的", OTHER_CASE), NOW)
    grid.call_ended(only(grid.outgoing()).key, Answered(receipt=receipt_for(waits)), NOW)
    assert [kept.kept_for for kept in grid.kept_receipts()] == [KeptFor.OTHER_RESPONSE]
    assert {each.state for each in grid.sendings()} == {SendingState.AWAITING_RECEIPT}


def test_a_fault_that_asks_for_repair_refuses_the_form() -> None:
    grid = room()
    message_id = grid.post(note(), NOW)
    grid.call_ended(only(grid.outgoing()).key, Faulted(fault=fault(ErrorCode.SCHEMA_INVALID)), NOW)
    (event,) = grid.events()
    assert isinstance(event, Settled)
    assert (event.message_id, event.receipt, event.confirmed) == (message_id, None, False)


def test_the_same_fault_after_an_attempt_in_doubt_parks_the_form_instead() -> None:
    """RCPT-5: the first attempt may have arrived; nobody guesses."""
    grid = room()
    grid.post(note(), NOW)
    grid.call_ended(only(grid.outgoing()).key, Unanswered(detail="timeout"), NOW)
    grid.wake(NOW + LATER)
    grid.wake(NOW + 2 * LATER)
    grid.call_ended(only(grid.outgoing()).key, Faulted(fault=fault(ErrorCode.SCHEMA_INVALID)), NOW)
    assert len(grid.parked()) == 1
    assert grid.refused() == []


@pytest.mark.parametrize("code", [ErrorCode.NOT_AUTHENTICATED, ErrorCode.WRONG_PARTY, ErrorCode.MESSAGE_ID_REUSED])
def test_a_fault_that_only_a_person_can_mend_parks_the_form(code: ErrorCode) -> None:
    grid = room()
    grid.post(note(), NOW)
    grid.call_ended(only(grid.outgoing()).key, Faulted(fault=fault(code)), NOW)
    assert [s.fault for s in grid.parked()] == [fault(code)]


def test_an_ending_that_comes_after_the_next_attempt_changes_nothing_but_brings_its_receipt() -> None:
    grid = room()
    message_id = grid.post(note(), NOW)
    slow = only(grid.outgoing())
    grid.wake(NOW + LATER)
    grid.wake(NOW + LATER + timedelta(seconds=60))
    assert len(grid.outgoing()) == 1
    sending = grid.sending(message_id)
    assert sending is not None
    grid.call_ended(slow.key, NotReached(detail="refused"), NOW)
    assert (sending.state, sending.attempts) == (SendingState.SENDING, 2)
    grid.call_ended(slow.key, NotReached(detail="refused"), NOW)
    grid.call_ended(999, Answered(), NOW)


def test_a_repair_goes_out_with_a_new_id_before_what_waits() -> None:
    """RCPT-2."""
    grid = room()
    old = grid.post(note("错"), NOW)
    message = sent_form(grid)
    grid.receipt_arrived(as_call(receipt_for(message, fault())), NOW)
    grid.post(note("二"), NOW)
    grid.post(note("三"), NOW)
    second = sent_form(grid)
    new = grid.repair(old, note("对"), NOW)
    assert new != old
    assert grid.refused() == []
    grid.receipt_arrived(as_call(receipt_for(second)), NOW)
    assert sent_form(grid).form == note("对")
    with pytest.raises(MailMistake):
        grid.repair(old, note("再对"), NOW)


def test_a_repair_stays_with_its_case_and_type() -> None:
    grid = room()
    old = grid.post(note("错"), NOW)
    grid.receipt_arrived(as_call(receipt_for(sent_form(grid), fault())), NOW)
    for other in (note("对", OTHER_CASE), Withdrawal(case_number=CASE, reason="误报", withdrawn_at=NOW)):
        with pytest.raises(MailMistake):
            grid.repair(old, other, NOW)


# ── taking forms ────────────────────────────────────────────────────────────────────────────────


def deliver(urban: Mailroom, form: Form, decide: Callable[[Form], Fault | None] = accept, **header: object) -> Ending:
    grid = room()
    grid.post(form, NOW)
    message = sent_form(grid)
    return urban.form_arrived(replace(message, header=replace(message.header, **header)), NOW, decide)  # type: ignore[arg-type]


@pytest.mark.parametrize("refusal", [None, fault(ErrorCode.OUT_OF_SEQUENCE)], ids=["confirmed", "refused"])
def test_the_receipt_says_what_the_business_system_decided(refusal: Fault | None) -> None:
    """RCPT-1, RCPT-2."""
    urban = room(Side.URBAN, settings_of(ReceiptMode.RESPONSE))
    answer = deliver(urban, note(), lambda form: refusal)
    assert isinstance(answer, Answered)
    assert answer.receipt is not None
    assert (answer.receipt.case_number, answer.receipt.fault) == (CASE, refusal)
    assert (answer.receipt.outcome is ReceiptOutcome.ERROR) == (refusal is not None)
    assert urban.outgoing() == []


def test_in_call_mode_the_response_only_acknowledges_and_the_receipt_follows() -> None:
    urban = room(Side.URBAN)
    assert deliver(urban, note()) == Answered()
    message = only(urban.outgoing()).message
    assert isinstance(message, ReceiptMessage)
    header = message.header
    assert (header.sender, header.recipient, header.case_number) == ("wuhu-urban", "wuhu-grid", CASE)
    assert header.form_type is FormType.SUPPLEMENT
    assert header.message_id != message.receipt.form_message_id


def test_the_receipt_goes_out_before_what_the_form_sets_off() -> None:
    urban = room(Side.URBAN)

    def decide(form: Form) -> None:
        urban.post(note("回"), NOW)

    deliver(urban, note(), decide)
    assert [type(call.message) for call in urban.outgoing()] == [ReceiptMessage, FormMessage]


@pytest.mark.parametrize("mode", list(ReceiptMode))
@pytest.mark.parametrize("refusal", [None, fault(ErrorCode.OUT_OF_SEQUENCE)], ids=["confirmed", "refused"])
def test_a_repeated_form_gets_the_same_receipt_and_has_no_second_effect(
    mode: ReceiptMode, refusal: Fault | None
) -> None:
    """RCPT-6: the failure, too, is given again."""
    urban = room(Side.URBAN, settings_of(mode))
    asked: list[Form] = []

    def decide(form: Form) -> Fault | None:
        asked.append(form)
        return refusal

    answers = [deliver(urban, note(), decide, attempt=attempt) for attempt in (1, 2, 3)]
    assert asked == [note()]
    if mode is ReceiptMode.RESPONSE:
        assert answers[0] == answers[1] == answers[2]
    else:
        messages = [call.message for call in urban.outgoing()]
        assert len({m.receipt for m in messages if isinstance(m, ReceiptMessage)}) == 1
        assert [m.header.attempt for m in messages if isinstance(m, ReceiptMessage)] == [1, 2, 3]
        assert len({m.header.message_id for m in messages}) == 1


def test_the_same_id_with_other_content_is_a_fault_and_leaves_the_first_as_it_was() -> None:
    """RCPT-6."""
    urban = room(Side.URBAN, settings_of(ReceiptMode.RESPONSE))
    first = deliver(urban, note("一"))
    other = deliver(urban, note("二"))
    assert isinstance(other, Faulted)
    assert other.fault.code is ErrorCode.MESSAGE_ID_REUSED
    assert deliver(urban, note("一")) == first


@pytest.mark.parametrize("code", [ErrorCode.BUSY, ErrorCode.INTERNAL])
def test_what_the_sender_should_repeat_is_a_fault_and_is_decided_anew(code: ErrorCode) -> None:
    urban = room(Side.URBAN, settings_of(ReceiptMode.RESPONSE))
    assert deliver(urban, note(), lambda form: fault(code)) == Faulted(fault=fault(code))
    answer = deliver(urban, note())
    assert isinstance(answer, Answered)
    assert answer.receipt is not None
    assert answer.receipt.outcome is ReceiptOutcome.CONFIRMED


@pytest.mark.parametrize(
    ("header", "code", "field"),
    [
        ({"recipient": "elsewhere"}, ErrorCode.WRONG_PARTY, "header/recipient"),
        ({"sender": "stranger"}, ErrorCode.WRONG_PARTY, "header/sender"),
        ({"contract_version": "2.0"}, ErrorCode.VERSION_UNSUPPORTED, "header/contractVersion"),
    ],
)
def test_an_envelope_that_is_not_for_us_is_a_fault_without_effect(
    header: dict[str, str], code: ErrorCode, field: str
) -> None:
    urban = room(Side.URBAN)
    answer = deliver(urban, note(), **header)
    assert isinstance(answer, Faulted)
    assert (answer.fault.code, answer.fault.field) == (code, field)
    assert list(urban.journal()) == []


PHOTO = attachment("roadside", PhotoKind.REPORT)


@pytest.mark.parametrize(
    ("form", "header", "code"),
    [
        (note(), {"case_number": OTHER_CASE}, ErrorCode.CASE_NUMBER_MISMATCH),
        (note(), {"form_type": FormType.WITHDRAWAL}, ErrorCode.SCHEMA_INVALID),
        (note(photos=(replace(PHOTO, sha256="0" * 64),)), {}, ErrorCode.ATTACHMENT_INVALID),
        (note(photos=(replace(PHOTO, size=1),)), {}, ErrorCode.ATTACHMENT_INVALID),
        (note(photos=(replace(PHOTO, reference="http://x"),)), {}, ErrorCode.ATTACHMENT_INVALID),
        (note(photos=(replace(PHOTO, content=None),)), {}, ErrorCode.ATTACHMENT_INVALID),
        (note(photos=(replace(PHOTO, size=9 * 1024 * 1024),)), {}, ErrorCode.LIMIT_EXCEEDED),
        (note(photos=(PHOTO,) * 21), {}, ErrorCode.LIMIT_EXCEEDED),
    ],
)
def test_a_form_that_is_wrong_in_itself_gets_an_error_receipt(
    form: Form, header: dict[str, object], code: ErrorCode
) -> None:
    """RCPT-1: each form gets its one receipt, bad ones too."""
    urban = room(Side.URBAN, settings_of(ReceiptMode.RESPONSE))
    answer = deliver(urban, form, pytest.fail, **header)
    assert isinstance(answer, Answered)
    assert answer.receipt is not None
    assert answer.receipt.fault is not None
    assert answer.receipt.fault.code is code
    assert answer.receipt.case_number == CASE


def test_an_attachment_by_reference_is_taken() -> None:
    urban = room(Side.URBAN, settings_of(ReceiptMode.RESPONSE))
    answer = deliver(urban, note(photos=(replace(PHOTO, content=None, reference="http://files/1"),)))
    assert isinstance(answer, Answered)
    assert answer.receipt is not None
    assert answer.receipt.fault is None


def test_a_form_that_the_other_direction_writes_is_refused() -> None:
    grid = room(Side.GRID, settings_of(ReceiptMode.RESPONSE))
    answer = deliver(grid, note(), sender="wuhu-urban", recipient="wuhu-grid")
    assert isinstance(answer, Answered)
    assert answer.receipt is not None
    assert answer.receipt.fault is not None
    assert answer.receipt.fault.code is ErrorCode.SCHEMA_INVALID


def test_a_receipt_call_that_surely_did_not_arrive_is_made_again_with_growing_gaps() -> None:
    urban = room(Side.URBAN, settings_of(retry_gaps_seconds=(60, 300), max_attempts=3))
    deliver(urban, note())
    assert [int((m - NOW).total_seconds()) for m in attempts_until_parked(urban, NotReached(detail="x"))] == [
        0,
        60,
        360,
    ]


def test_a_receipt_call_without_an_answer_is_not_made_again_until_the_form_comes_again() -> None:
    """The form's sender asks when it misses its receipt (RCPT-6)."""
    urban = room(Side.URBAN)
    deliver(urban, note())
    urban.call_ended(only(urban.outgoing()).key, Unanswered(detail="timeout"), NOW)
    assert urban.next_due() is None
    deliver(urban, note(), attempt=2)
    assert isinstance(only(urban.outgoing()).message, ReceiptMessage)


def test_a_delayed_receipt_is_given_once_when_its_moment_comes() -> None:
    """Quirk receipt_delay: while it is kept back, a repeated form is only acknowledged."""
    urban = room(Side.URBAN, quirks=Quirks(seed=3, calm=False))
    deliver(urban, note())
    due = urban.next_due()
    assert due is not None
    assert timedelta(0) < due - NOW <= timedelta(seconds=RECEIPT_DELAY_SECONDS_MAX)
    assert deliver(urban, note(), attempt=2) == Answered()
    assert urban.outgoing() == []
    urban.wake(due)
    assert isinstance(only(urban.outgoing()).message, ReceiptMessage)
    assert urban.next_due() is None
    deliver(urban, note(), attempt=3)
    assert isinstance(only(urban.outgoing()).message, ReceiptMessage)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"recipient": "elsewhere"}, ErrorCode.WRONG_PARTY),
        ({"case_number": OTHER_CASE}, ErrorCode.CASE_NUMBER_MISMATCH),
    ],
)
def test_a_receipt_under_a_wrong_header_is_a_fault(header: dict[str, str], code: ErrorCode) -> None:
    grid = room()
    grid.post(note(), NOW)
    message = as_call(receipt_for(sent_form(grid)))
    answer = grid.receipt_arrived(replace(message, header=replace(message.header, **header)), NOW)  # type: ignore[arg-type]
    assert isinstance(answer, Faulted)
    assert answer.fault.code is code
    assert grid.kept_receipts() == []


# ── queries ─────────────────────────────────────────────────────────────────────────────────────


def test_a_query_that_fails_says_why() -> None:
    urban = room(Side.URBAN)
    urban.query(CaseQuery(), NOW)
    urban.call_ended(only(urban.outgoing()).key, Faulted(fault=fault(ErrorCode.CURSOR_INVALID)), NOW)
    (event,) = urban.events()
    assert isinstance(event, QueryEnded)
    assert (event.page, event.fault) == (None, fault(ErrorCode.CURSOR_INVALID))


def test_a_form_that_is_only_offered_is_never_pushed_and_is_settled_by_its_receipt() -> None:
    """XCHG-2: collected by query; the later forms of the case wait for that."""
    grid = room()
    message_id = grid.post(note("一"), NOW, push=False)
    grid.post(note("二"), NOW)
    assert grid.outgoing() == []
    assert grid.next_due() is None
    message = FormMessage(header=as_call_header(message_id), form=note("一"))
    grid.receipt_arrived(as_call(receipt_for(message)), NOW)
    assert sent_form(grid).form == note("二")


@pytest.mark.parametrize(
    "ending", [Unanswered(detail="x"), NotReached(detail="x"), Faulted(fault=fault(ErrorCode.BUSY))]
)
def test_the_receipt_of_a_queried_form_is_given_until_the_far_end_has_answered(ending: Ending) -> None:
    """XCHG-2, RCPT-1: the form is never pushed, so nobody would ask again for the receipt."""
    urban = room(Side.URBAN)
    hand_over = sample_hand_over()
    item = HandedOverCase(message_id=MESSAGE_ID, state=HandedOverState.HANDED_OVER, hand_over=hand_over)
    page = CasePage(cases=(item, item), next_cursor="1", more=False)
    assert urban.take_page(page, NOW, accept) == [item]
    now = NOW
    for attempt in range(1, 9):
        message = only(urban.outgoing())
        assert message.message.header.attempt == attempt  # type: ignore[union-attr]
        urban.call_ended(message.key, ending if attempt < 8 else Answered(), now)
        due = urban.next_due()
        assert (due is None) == (attempt == 8)
        now = due or now
        urban.wake(now)
    assert urban.take_page(page, NOW, pytest.fail) == []


def sample_hand_over() -> HandOver:
    return HandOver(
        case_number=CASE,
        source=CaseSource.GRID_PLATFORM,
        kind=CaseKind.EVENT,
        category="01",
        subcategory="02",
        grade=CaseGrade.ORDINARY,
        description="垃圾",
        address="中山路 1 号",
        district="340202",
        street="340202001",
        community="340202001001",
        cell="340202001001001",
        reported_at=NOW,
        reporter_name="王芳",
        handed_over_at=NOW,
        handed_over_by="virtual-340202",
    )


# ── the whole, at random ────────────────────────────────────────────────────────────────────────

_NETWORK = st.lists(
    st.sampled_from(["fine", "form lost", "answer lost", "not reached", "busy"]), min_size=0, max_size=60
)


@settings(max_examples=150, deadline=None)
@given(network=_NETWORK, mode=st.sampled_from(ReceiptMode), seed=st.integers(0, 9))
def test_whatever_the_network_does_each_form_takes_effect_once_and_in_order(
    network: list[str], mode: ReceiptMode, seed: int
) -> None:
    """RCPT-4, RCPT-5, RCPT-6: confirmed forms took effect exactly once, the others at most once, each case in its order."""
    profile = settings_of(mode)
    rooms = {side: room(side, profile, Quirks(seed, calm=False)) for side in Side}
    effects: dict[str, list[Form]] = {CASE: [], OTHER_CASE: []}
    posted = [note(str(n), case) for n in range(3) for case in (CASE, OTHER_CASE)]
    for form in posted:
        rooms[Side.GRID].post(form, NOW)
    weather, now = iter(network), NOW

    def decide(form: Form) -> None:
        effects[form.case_number].append(form)

    def carry(call: Call) -> Ending:
        what = next(weather, "fine")
        if what == "not reached":
            return NotReached(detail=what)
        if what == "form lost":
            return Unanswered(detail=what)
        if what == "busy":
            return Faulted(fault=fault(ErrorCode.BUSY))
        taker = rooms[call.to]
        if isinstance(call.message, FormMessage):
            answer = taker.form_arrived(call.message, now, decide)
        else:
            assert isinstance(call.message, ReceiptMessage)
            answer = taker.receipt_arrived(call.message, now)
        return Unanswered(detail=what) if what == "answer lost" else answer

    while True:
        calls = [(side, call) for side, mailroom in rooms.items() for call in mailroom.outgoing()]
        for side, call in calls:
            rooms[side].call_ended(call.key, carry(call), now)
        if calls:
            continue
        dues = [due for mailroom in rooms.values() if (due := mailroom.next_due()) is not None]
        if not dues:
            break
        now = max(now, min(dues))
        for mailroom in rooms.values():
            mailroom.wake(now)

    for case, taken in effects.items():
        mine = [form for form in posted if form.case_number == case]
        assert taken == mine[: len(taken)]
        states = [s.state for s in rooms[Side.GRID].sendings(case)]
        confirmed = states.count(SendingState.CONFIRMED)
        assert states[:confirmed] == [SendingState.CONFIRMED] * confirmed
        assert confirmed <= len(taken) <= confirmed + 1
        assert set(states[confirmed:]) <= {SendingState.PARKED, SendingState.WAITING}
