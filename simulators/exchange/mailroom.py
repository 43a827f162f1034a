"""The mailroom: everything between a simulated platform and the wire, written once for either side.

    platform ── post(form) ──► queue of the case ── outgoing() ──► calls that the shell makes
    platform ◄── events() ──── receipts matched ◄── receipt_arrived / call_ended ◄── shell
    platform ◄── decide(form)─ form checked     ◄── form_arrived / take_page     ◄── shell

The theory of a form of ours (`SendingState`), to be read row by row:

| state            | leaves it by                                                                          |
|------------------|---------------------------------------------------------------------------------------|
| waiting          | the earlier form of the case has its receipt → sending, or → offered                  |
| offered          | only collected by query (XCHG-2): receipt → confirmed, refused                        |
| sending          | acknowledged → awaiting_receipt; no answer → in_doubt; surely not arrived → to_repeat |
| awaiting_receipt | receipt → confirmed, refused; overdue → to_repeat                                     |
| in_doubt         | receipt → confirmed, refused; overdue → to_repeat                                     |
| to_repeat        | gap over → sending (same message id); receipt → confirmed, refused                    |
| parked           | attempts or time used up; a person: resend → sending, give_up → given_up              |
| confirmed        | final                                                                                 |
| refused          | final; a person may repair: a corrected form with a new message id                    |
| given_up         | final                                                                                 |

A receipt is matched by its case number and the message id of its form. One that meets a form in
`sending` … `to_repeat` or `offered` is the effective one (RCPT-1). Every other one changes nothing and is kept as
late, repeated, contradictory or stray, with its reason (RCPT-3, `KeptFor`). Waiting, parked and sending block only the later
forms of their own case (RCPT-4).

A form that has been going round without a receipt for `warn_after_seconds` is told to a contact while it goes on, and after
`park_after_seconds`, where there is such a limit, it is parked (RCPT-5). Both count from its first sending, or from its release.

Known conflicts and how they are settled:

- A typed fault means «no effect», but an earlier attempt of the same form may have arrived unseen. Then
  the form is parked for a person and never called refused (RCPT-5: nothing is guessed).
- A receipt given as a call may itself get lost. When it surely did not arrive it is repeated after the gaps; when
  nobody knows, the form's sender will ask again with the same form and gets the same receipt (RCPT-6). Nobody asks
  again for a form that was collected by query, so its receipt is repeated until the far end has answered.
- In `decide` a platform may post answers. The receipt of the form goes out before them.

Nothing here reads a clock, draws an unseeded number, or does I/O.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from heapq import heappop, heappush
from random import Random

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Message, NotReached
from bridge.vocabulary.codes import ErrorCode, NoticeKind, NoticePhase, ReceiptOutcome, Remedy, remedy_for
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, Attachment, Form, FormType
from bridge.vocabulary.messages import (
    CONTRACT_VERSION,
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
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Profile, ReceiptMode
from simulators.exchange.ids import IdSource
from simulators.exchange.quirks import Quirks
from simulators.exchange.remaining import Remaining

#: Looks at an arrived form and takes it (None) or says why not. Called at most once for a message id.
Decide = Callable[[Form], Fault | None]


class SendingState(StrEnum):
    """Where a form of ours stands; the table is in the head of this module."""

    WAITING = "waiting"
    OFFERED = "offered"
    SENDING = "sending"
    AWAITING_RECEIPT = "awaiting_receipt"
    IN_DOUBT = "in_doubt"
    TO_REPEAT = "to_repeat"
    PARKED = "parked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


#: A receipt that meets a form in one of these is the effective one.
_OPEN_FOR_RECEIPT = frozenset(
    {
        SendingState.OFFERED,
        SendingState.SENDING,
        SendingState.AWAITING_RECEIPT,
        SendingState.IN_DOUBT,
        SendingState.TO_REPEAT,
    }
)
_FINAL = frozenset({SendingState.CONFIRMED, SendingState.REFUSED, SendingState.GIVEN_UP})


@dataclass(slots=True, kw_only=True, eq=False)
class Sending:
    """One form of ours and its way; read it, only the mailroom changes it."""

    message_id: str
    form: Form
    posted_at: datetime
    #: False when the form is only to be collected by query (XCHG-2).
    push: bool
    state: SendingState = SendingState.WAITING
    #: Sendings so far; stands in the header as `attempt`.
    attempts: int = 0
    #: Sendings before the last time a person released the form: the budget of attempts starts anew there.
    attempts_before_release: int = 0
    due_at: datetime | None = None
    #: The first sending, or the first since a person released the form.
    going_since: datetime | None = None
    #: When a contact is warned of it; None when there is nothing to warn of (any more).
    warn_at: datetime | None = None
    #: True between the two notices about an overdue receipt (CONT-2).
    warned: bool = False
    #: True once an attempt ended without anybody knowing whether it arrived.
    may_have_arrived: bool = False
    #: The effective receipt.
    receipt: Receipt | None = None
    #: Why it was refused or parked, when a fault said so.
    fault: Fault | None = None
    #: The corrected form that took its place.
    repaired_by: str | None = None
    #: True between the two notices about a parked form (CONT-2).
    noticed: bool = False

    @property
    def case_number(self) -> str:
        """The case that the form belongs to."""
        return self.form.case_number

    @property
    def form_type(self) -> FormType:
        """The form's type."""
        return self.form.form_type


class KeptAs(StrEnum):
    """What a receipt was to us (RCPT-3)."""

    EFFECTIVE = "effective"
    LATE = "late"
    REPEATED = "repeated"
    CONTRADICTORY = "contradictory"
    STRAY = "stray"


class KeptFor(StrEnum):
    """Why a receipt was that to us."""

    AWAITED = "awaited"
    DUPLICATE = "duplicate"
    ERROR_AFTER_CONFIRMATION = "error_after_confirmation"
    CONFIRMATION_AFTER_ERROR = "confirmation_after_error"
    ANOTHER_ERROR = "another_error"
    PARKED = "parked"
    GIVEN_UP = "given_up"
    REFUSED_BY_FAULT = "refused_by_fault"
    NOT_SENT_YET = "not_sent_yet"
    UNKNOWN_FORM = "unknown_form"
    OTHER_CASE = "other_case"
    OTHER_FORM_TYPE = "other_form_type"
    OTHER_RESPONSE = "other_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """A receipt that came, what it was to us and why."""

    at: datetime
    receipt: Receipt
    kept_as: KeptAs
    kept_for: KeptFor


#: What each reason makes of a receipt.
KEPT_AS: dict[KeptFor, KeptAs] = {
    KeptFor.AWAITED: KeptAs.EFFECTIVE,
    KeptFor.DUPLICATE: KeptAs.REPEATED,
    KeptFor.ERROR_AFTER_CONFIRMATION: KeptAs.CONTRADICTORY,
    KeptFor.CONFIRMATION_AFTER_ERROR: KeptAs.CONTRADICTORY,
    KeptFor.ANOTHER_ERROR: KeptAs.CONTRADICTORY,
    KeptFor.PARKED: KeptAs.LATE,
    KeptFor.GIVEN_UP: KeptAs.LATE,
    KeptFor.REFUSED_BY_FAULT: KeptAs.LATE,
    KeptFor.NOT_SENT_YET: KeptAs.STRAY,
    KeptFor.UNKNOWN_FORM: KeptAs.STRAY,
    KeptFor.OTHER_CASE: KeptAs.STRAY,
    KeptFor.OTHER_FORM_TYPE: KeptAs.STRAY,
    KeptFor.OTHER_RESPONSE: KeptAs.STRAY,
}

#: Why a receipt comes too late for a form that has none and no longer waits for one.
_WITHOUT_RECEIPT: dict[SendingState, KeptFor] = {
    SendingState.PARKED: KeptFor.PARKED,
    SendingState.GIVEN_UP: KeptFor.GIVEN_UP,
    SendingState.REFUSED: KeptFor.REFUSED_BY_FAULT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A form of ours has its effective outcome: `receipt`, or `fault` alone when the far end surely never took it."""

    message_id: str
    form: Form
    receipt: Receipt | None
    fault: Fault | None

    @property
    def confirmed(self) -> bool:
        """Whether the far end's business system took the form."""
        return self.receipt is not None and self.receipt.outcome is ReceiptOutcome.CONFIRMED


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEnded:
    """A query of ours ended; `page` is None when it brought nothing, `detail` says why."""

    query: CaseQuery
    page: CasePage | None
    detail: str
    #: The far end's fault, when it answered with one.
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNotice:
    """A contact is to be told: a form is parked or its receipt is overdue (started), or is no longer (over) (RCPT-5, CONT-2)."""

    kind: NoticeKind
    phase: NoticePhase
    case_number: str
    message_id: str
    form_type: FormType
    text_zh: str
    text_en: str


MailEvent = Settled | QueryEnded | MailNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """Something that happened in the mailroom.

    `what` is one of form.posted, form.out, form.acknowledged, form.in_doubt, form.not_reached, form.fault, form.overdue, form.warned,
    form.parked, form.resent, form.given_up, form.repaired, form.in, form.repeated, form.by_query, form.refused, receipt.out,
    receipt.not_given, receipt.effective, receipt.late, receipt.repeated, receipt.contradictory, receipt.stray, query.out, query.in.
    """

    at: datetime
    what: str
    case_number: str | None
    message_id: str | None
    form_type: FormType | None
    detail: str = ""
    #: What travelled, when something did.
    message: Message | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Arrival:
    """A form that came to us, and the receipt that it has for ever (RCPT-6); read it, only the mailroom changes it."""

    form: Form
    receipt: Receipt
    #: The id of the message that carries the receipt as a call; the same each time it is given.
    receipt_message_id: str
    #: Calls made with this receipt.
    given: int = 0
    #: Nobody sends this form, so nobody sends it again to ask for its receipt.
    by_query: bool = False
    #: When the receipt is due to be given (again); None when no call is planned.
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Errand:
    """What a call under way carries."""

    kind: str
    form_message_id: str
    attempt: int


class MailMistake(Exception):
    """A person's act on a form that is not in the state for it."""

    def __init__(self, message_id: str, message_zh: str, message_en: str):
        self.message_id = message_id
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(message_en)


class Mailroom:
    """One platform's outgoing and incoming post. See the head of the module for its states.

    Who calls what:

    - the platform, for its own business: `post`, `query`, `events`, `resend`, `give_up`, `repair`, `take_page`;
    - the platform, passing on what the shell says: `form_arrived`, `receipt_arrived`, `call_ended`, `wake`;
    - the shell, through the platform: `outgoing`, `next_due`;
    - anybody who looks: `sendings`, `parked`, `refused`, `kept_receipts`, `journal`.

    After any of the first two groups the platform reads `events()` and acts on them, in their order.
    """

    def __init__(self, side: Side, profile: Profile, ids: IdSource, quirks: Quirks):
        self.side = side
        self._profile = profile
        self._own = profile.platform(side)
        self._far = profile.platform(side.other)
        self._delivery = profile.delivery
        self._ids = ids
        self._quirks = quirks
        self._inbound_types = frozenset(FORMS_BY_DIRECTION[Direction.from_sender(side.other)])
        self._sendings: dict[str, Sending] = {}
        self._remaining = Remaining(self._sendings, lambda sending: sending.state is SendingState.CONFIRMED)
        #: Message ids in sending order, of every form that ever was.
        self._by_case: dict[str, list[str]] = {}
        #: Forms of a case that have not got their outcome; the first one is under way.
        self._queues: dict[str, deque[Sending]] = {}
        self._arrivals: dict[str, Arrival] = {}
        self._calls: list[Call] = []
        self._next_key = 1
        self._under_way: dict[int, _Errand | CaseQuery] = {}
        self._timers: list[tuple[datetime, int, str, str]] = []
        self._timer_count = 0
        self._events: list[MailEvent] = []
        self._kept: list[KeptReceipt] = []
        self._journal: list[JournalLine] = []

    # ── our own forms ───────────────────────────────────────────────────────────────────────────

    def post(self, form: Form, now: datetime, *, push: bool = True) -> str:
        """Queue a form of ours and return its message id; it goes out when the case's earlier forms have their receipts (RCPT-4).

        `push=False` never sends it: it waits to be collected by query and for the receipt that follows (XCHG-2).
        """
        sending = self._enter(form, now, push)
        self._queues.setdefault(form.case_number, deque()).append(sending)
        self._start_next(form.case_number, now)
        return sending.message_id

    def resend(self, message_id: str, now: datetime) -> None:
        """Release a parked form for a person: the same form, the same message id, a fresh budget of attempts (RCPT-5)."""
        sending = self._parked_one(message_id)
        sending.attempts_before_release = sending.attempts
        sending.going_since = None
        self._note(now, "form.resent", sending)
        self._send(sending, now)

    def give_up(self, message_id: str, now: datetime, reason: str = "") -> None:
        """End a parked form for a person; the later forms of its case go on. It stays on record."""
        sending = self._parked_one(message_id)
        self._note(now, "form.given_up", sending, reason)
        self._finish(sending, SendingState.GIVEN_UP, now)

    def repair(self, message_id: str, form: Form, now: datetime) -> str:
        """Send a refused form, corrected by a person, with a new message id, before the waiting forms of its case (RCPT-2)."""
        refused = self._sendings.get(message_id)
        if refused is None or refused.state is not SendingState.REFUSED or refused.repaired_by is not None:
            raise MailMistake(
                message_id, "该表单不是待修正的退回表单。", "This form is not a refused one that waits for repair."
            )
        if form.form_type is not refused.form_type or form.case_number != refused.case_number:
            raise MailMistake(
                message_id, "修正不能改变表单类型或案卷号。", "A repair changes neither the form's type nor its case."
            )
        sending = self._enter(form, now, refused.push)
        refused.repaired_by = sending.message_id
        self._note(now, "form.repaired", refused, sending.message_id)
        queue = self._queues.setdefault(form.case_number, deque())
        if queue and queue[0].state is not SendingState.WAITING:
            queue.insert(1, sending)
        else:
            queue.appendleft(sending)
        self._start_next(form.case_number, now)
        return sending.message_id

    def query(self, query: CaseQuery, now: datetime) -> None:
        """Ask the far end for its handed-over cases; the answer comes as `QueryEnded` in `events()` (XCHG-2)."""
        header = QueryHeader(
            message_id=self._ids.message_id(), sender=self._own.code, recipient=self._far.code, sent_at=now
        )
        message = QueryMessage(header=header, query=query)
        self._call(message, query)
        self._journal.append(
            JournalLine(
                at=now,
                what="query.out",
                case_number=None,
                message_id=header.message_id,
                form_type=None,
                message=message,
            )
        )

    # ── what the shell does for us ──────────────────────────────────────────────────────────────

    def outgoing(self) -> list[Call]:
        """Hand out the calls to make now, in order, each once."""
        calls, self._calls = self._calls, []
        return calls

    def call_ended(self, key: int, ending: Ending, now: datetime) -> None:
        """Learn how a call of ours ended. A key that was never given, or has ended before, changes nothing."""
        what = self._under_way.pop(key, None)
        if isinstance(what, CaseQuery):
            self._query_ended(what, ending, now)
        elif what is not None and what.kind == "form":
            self._form_call_ended(self._sendings[what.form_message_id], what.attempt, ending, now)
        elif what is not None:
            self._receipt_call_ended(what.form_message_id, ending, now)

    def next_due(self) -> datetime | None:
        """Say the next moment at which `wake` has something to do."""
        while self._timers:
            due, _, kind, message_id = self._timers[0]
            if self._timer_of(kind, message_id) == due:
                return due
            heappop(self._timers)
        return None

    def wake(self, now: datetime) -> None:
        """Do everything that is due at `now` or was before."""
        while (due := self.next_due()) is not None and due <= now:
            _, _, kind, message_id = heappop(self._timers)
            if kind == "receipt":
                self._give(self._arrivals[message_id], now)
            elif kind == "warning":
                self._warning_due(self._sendings[message_id], now)
            else:
                self._sending_due(self._sendings[message_id], now)

    def events(self) -> list[MailEvent]:
        """Hand out what happened since the last call, in order, each event once."""
        events, self._events = self._events, []
        return events

    # ── what comes to us ────────────────────────────────────────────────────────────────────────

    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        """Somebody delivers a form. `decide` is asked once for each message id, for ever; then the receipt stands (RCPT-1, RCPT-6)."""
        header, form = message.header, message.form
        if (fault := self.envelope_fault(header)) is not None:
            return Faulted(fault=fault)
        known = self._arrivals.get(header.message_id)
        if known is not None:
            if known.form != form:
                fault = _fault(
                    ErrorCode.MESSAGE_ID_REUSED,
                    "header/messageId",
                    "该报文标识已用于另一内容的表单。",
                    "This message id has been used for a form with other content.",
                )
                self._take_down(now, "form.refused", message, "MESSAGE_ID_REUSED")
                return Faulted(fault=fault)
            self._take_down(now, "form.repeated", message, "")
            return self._answer(known, now, len(self._calls))
        self._take_down(now, "form.in", message, "")
        place = len(self._calls)
        fault_of_form = self._formal_fault(header, form) or decide(form)
        if fault_of_form is not None and remedy_for(fault_of_form.code) is Remedy.RETRY:
            # The sender repeats the same id; this arrival leaves no trace in the books.
            return Faulted(fault=fault_of_form)
        arrival = self._receipted(header.message_id, form, fault_of_form, now)
        return self._answer(arrival, now, place)

    def take_page(self, page: CasePage, now: datetime, decide: Decide) -> list[HandedOverCase]:
        """Take the cases of a query's page that were not taken yet, each exactly once; says which those were (XCHG-2).

        There is no response that could carry a receipt, so the receipt of such a form is always a call.
        """
        taken = []
        for item in page.cases:
            if item.message_id in self._arrivals:
                continue
            form = item.hand_over
            header = Header(
                message_id=item.message_id,
                sender=self._far.code,
                recipient=self._own.code,
                case_number=form.case_number,
                form_type=form.form_type,
                attempt=1,
                sent_at=form.handed_over_at,
            )
            self._take_down(now, "form.by_query", FormMessage(header=header, form=form), "")
            place = len(self._calls)
            fault = self._formal_fault(header, form) or decide(form)
            if fault is not None and remedy_for(fault.code) is Remedy.RETRY:
                continue
            arrival = self._receipted(item.message_id, form, fault, now)
            arrival.by_query = True
            self._plan_receipt(arrival, now, place)
            taken.append(item)
        return taken

    def receipt_arrived(self, message: ReceiptMessage, now: datetime) -> Answered | Faulted:
        """Somebody gives a receipt as a call. Whatever it says, it is kept; the answer is empty (RCPT-3)."""
        if (fault := self.envelope_fault(message.header)) is not None:
            return Faulted(fault=fault)
        if message.header.case_number != message.receipt.case_number:
            return Faulted(fault=_case_number_mismatch())
        self._receipt(message.receipt, now, message)
        return Answered()

    # ── to look at ──────────────────────────────────────────────────────────────────────────────

    def sendings(self, case_number: str | None = None) -> list[Sending]:
        """Our forms, of one case or of all, in the order in which they were posted."""
        if case_number is None:
            return list(self._sendings.values())
        return [self._sendings[message_id] for message_id in self._by_case.get(case_number, ())]

    def sending(self, message_id: str) -> Sending | None:
        """One form of ours."""
        return self._sendings.get(message_id)

    def parked(self, case_number: str | None = None) -> list[Sending]:
        """Our forms that wait for a person (RCPT-5)."""
        return [s for s in self._unconfirmed(case_number) if s.state is SendingState.PARKED]

    def refused(self, case_number: str | None = None) -> list[Sending]:
        """Our forms that were refused and not yet repaired (RCPT-2)."""
        return [s for s in self._unconfirmed(case_number) if s.state is SendingState.REFUSED and s.repaired_by is None]

    def _unconfirmed(self, case_number: str | None) -> list[Sending]:
        return self._remaining.values() if case_number is None else self.sendings(case_number)

    def kept_receipts(self) -> list[KeptReceipt]:
        """Every receipt that came, effective or not (RCPT-3)."""
        return list(self._kept)

    def receipt_given(self, message_id: str) -> Receipt | None:
        """Return the receipt that we gave, or are about to give, to an arrived form."""
        arrival = self._arrivals.get(message_id)
        return None if arrival is None else arrival.receipt

    def has_arrived(self, message_id: str) -> bool:
        """Whether a form with this id was taken or refused with a receipt."""
        return message_id in self._arrivals

    def arrivals(self, case_number: str | None = None) -> list[Arrival]:
        """The forms that came to us and have their receipt, of one case or of all, in the order of their coming."""
        return [a for a in self._arrivals.values() if case_number is None or a.receipt.case_number == case_number]

    def journal(self, case_number: str | None = None) -> Iterator[JournalLine]:
        """Everything that happened, oldest first; of one case, or of all."""
        return (line for line in self._journal if case_number is None or line.case_number == case_number)

    # ── sending ─────────────────────────────────────────────────────────────────────────────────

    def _enter(self, form: Form, now: datetime, push: bool) -> Sending:
        sending = Sending(message_id=self._ids.message_id(), form=form, posted_at=now, push=push)
        self._sendings[sending.message_id] = sending
        self._by_case.setdefault(form.case_number, []).append(sending.message_id)
        self._note(now, "form.posted", sending)
        return sending

    def _start_next(self, case_number: str, now: datetime) -> None:
        queue = self._queues.get(case_number)
        if not queue or queue[0].state is not SendingState.WAITING:
            return
        first = queue[0]
        if first.push:
            self._send(first, now)
        else:
            first.state = SendingState.OFFERED

    def _send(self, sending: Sending, now: datetime) -> None:
        sending.attempts += 1
        sending.state = SendingState.SENDING
        if sending.going_since is None:
            self._begin_to_count(sending, now)
        header = Header(
            message_id=sending.message_id,
            sender=self._own.code,
            recipient=self._far.code,
            case_number=sending.case_number,
            form_type=sending.form_type,
            attempt=sending.attempts,
            sent_at=now,
        )
        message = FormMessage(header=header, form=sending.form)
        self._call(message, _Errand("form", sending.message_id, sending.attempts))
        self._set_timer(sending, now + timedelta(seconds=self._delivery.receipt_timeout_seconds))
        self._note(now, "form.out", sending, f"attempt {sending.attempts}", message)

    def _form_call_ended(self, sending: Sending, attempt: int, ending: Ending, now: datetime) -> None:
        if isinstance(ending, Answered) and ending.receipt is not None:
            self._receipt(ending.receipt, now, None, in_response_to=sending)
        if sending.state is not SendingState.SENDING or attempt != sending.attempts:
            # A receipt, a time-out, the next attempt or a person was quicker than the end of this call.
            return
        if isinstance(ending, Answered):
            sending.state = SendingState.AWAITING_RECEIPT
            sending.may_have_arrived = True
            self._note(now, "form.acknowledged", sending)
            self._cut_short(sending)
        elif isinstance(ending, NotReached):
            self._note(now, "form.not_reached", sending, ending.detail)
            self._repeat_or_park(sending, now)
        elif isinstance(ending, Faulted):
            self._form_faulted(sending, ending.fault, now)
        else:
            sending.state = SendingState.IN_DOUBT
            sending.may_have_arrived = True
            self._note(now, "form.in_doubt", sending, ending.detail)
            self._cut_short(sending)

    def _form_faulted(self, sending: Sending, fault: Fault, now: datetime) -> None:
        sending.fault = fault
        self._note(now, "form.fault", sending, f"{fault.code} {fault.message_en}")
        remedy = remedy_for(fault.code)
        if remedy is Remedy.RETRY:
            self._repeat_or_park(sending, now)
        elif remedy is Remedy.REPAIR and not sending.may_have_arrived:
            self._finish(sending, SendingState.REFUSED, now)
            self._events.append(Settled(message_id=sending.message_id, form=sending.form, receipt=None, fault=fault))
        else:
            self._park(sending, now)

    def _begin_to_count(self, sending: Sending, now: datetime) -> None:
        sending.going_since = now
        if self._delivery.warn_after_seconds and not sending.warned:
            sending.warn_at = now + timedelta(seconds=self._delivery.warn_after_seconds)
            self._push_timer(sending.warn_at, "warning", sending.message_id)

    def _warning_due(self, sending: Sending, now: datetime) -> None:
        sending.warn_at = None
        if sending.state is SendingState.PARKED:
            # The contact knows already, and of worse.
            return
        sending.warned = True
        self._note(now, "form.warned", sending, f"attempt {sending.attempts}")
        self._tell(
            sending,
            NoticeKind.RECEIPT_OVERDUE,
            NoticePhase.STARTED,
            "久无回执,仍在重发",
            "has had no receipt for long and is being repeated",
        )

    def _time_is_up_at(self, sending: Sending) -> datetime | None:
        """When the form is parked whatever it has left; None without such a limit."""
        limit = self._delivery.park_after_seconds
        return sending.going_since + timedelta(seconds=limit) if limit and sending.going_since is not None else None

    def _sending_due(self, sending: Sending, now: datetime) -> None:
        end = self._time_is_up_at(sending)
        time_is_up = end is not None and end <= now
        if sending.state is not SendingState.TO_REPEAT:
            # No receipt in time, whatever became of the call.
            sending.may_have_arrived = True
            self._note(now, "form.overdue", sending, f"attempt {sending.attempts}")
        if time_is_up:
            self._park(sending, now)
        elif sending.state is SendingState.TO_REPEAT:
            self._send(sending, now)
        else:
            self._repeat_or_park(sending, now)

    def _repeat_or_park(self, sending: Sending, now: datetime) -> None:
        tried = sending.attempts - sending.attempts_before_release
        if tried >= self._delivery.max_attempts:
            self._park(sending, now)
        else:
            sending.state = SendingState.TO_REPEAT
            self._set_timer(sending, now + self._gap(tried, sending.message_id))

    def _gap(self, tried: int, message_id: str) -> timedelta:
        """Wait this long before the next attempt; the last gap of the profile repeats, and each form takes a little longer of its own."""
        gaps = self._delivery.retry_gaps_seconds
        least = gaps[min(tried, len(gaps)) - 1]
        if not self._delivery.retry_jitter:
            return timedelta(seconds=least)
        chance = Random(f"{self._delivery.retry_seed}:{message_id}:{tried}")  # noqa: S311 - repeatable on purpose
        return timedelta(seconds=least + least * self._delivery.retry_jitter * chance.random())

    def _park(self, sending: Sending, now: datetime) -> None:
        sending.state = SendingState.PARKED
        sending.due_at = None
        self._note(now, "form.parked", sending, f"after {sending.attempts} attempts")
        if not sending.noticed:
            sending.noticed = True
            self._tell(
                sending,
                NoticeKind.PARKED,
                NoticePhase.STARTED,
                "发送未果,已挂起待人工处理",
                "is parked and waits for a person",
            )

    def _finish(self, sending: Sending, state: SendingState, now: datetime) -> None:
        sending.state = state
        sending.due_at = None
        queue = self._queues[sending.case_number]
        queue.remove(sending)
        if not queue:
            del self._queues[sending.case_number]
        sending.warn_at = None
        if sending.warned:
            sending.warned = False
            self._tell(
                sending,
                NoticeKind.RECEIPT_OVERDUE,
                NoticePhase.OVER,
                "逾期的回执已有结果",
                "is settled, its receipt is no longer overdue",
            )
        if sending.noticed:
            sending.noticed = False
            self._tell(sending, NoticeKind.PARKED, NoticePhase.OVER, "挂起的表单已处理完毕", "is no longer parked")
        self._start_next(sending.case_number, now)

    def _tell(self, sending: Sending, kind: NoticeKind, phase: NoticePhase, zh: str, en: str) -> None:
        self._events.append(
            MailNotice(
                kind=kind,
                phase=phase,
                case_number=sending.case_number,
                message_id=sending.message_id,
                form_type=sending.form_type,
                text_zh=f"案卷 {sending.case_number} 的 {sending.form_type}:{zh}。",
                text_en=f"The {sending.form_type} of case {sending.case_number} {en}.",
            )
        )

    def _parked_one(self, message_id: str) -> Sending:
        sending = self._sendings.get(message_id)
        if sending is None or sending.state is not SendingState.PARKED:
            raise MailMistake(message_id, "该表单未处于挂起状态。", "This form is not parked.")
        return sending

    # ── receipts for our forms ──────────────────────────────────────────────────────────────────

    def _receipt(
        self,
        receipt: Receipt,
        now: datetime,
        message: ReceiptMessage | None,
        in_response_to: Sending | None = None,
    ) -> None:
        sending = self._sendings.get(receipt.form_message_id)
        reason = self._weigh(receipt, sending, in_response_to)
        self._keep(receipt, reason, now, message)
        if reason is not KeptFor.AWAITED or sending is None:
            return
        sending.receipt = receipt
        sending.fault = receipt.fault
        # The event comes first: what follows from this form precedes what follows from the next one.
        self._events.append(
            Settled(message_id=sending.message_id, form=sending.form, receipt=receipt, fault=receipt.fault)
        )
        confirmed = receipt.outcome is ReceiptOutcome.CONFIRMED
        self._finish(sending, SendingState.CONFIRMED if confirmed else SendingState.REFUSED, now)

    @staticmethod
    def _weigh(receipt: Receipt, sending: Sending | None, in_response_to: Sending | None) -> KeptFor:
        """Say what to make of a receipt: which form of ours it is for, and whether that one still waits (RCPT-1, RCPT-3)."""
        if in_response_to is not None and sending is not in_response_to:
            return KeptFor.OTHER_RESPONSE
        if sending is None:
            return KeptFor.UNKNOWN_FORM
        if sending.case_number != receipt.case_number:
            return KeptFor.OTHER_CASE
        if sending.form_type is not receipt.form_type:
            return KeptFor.OTHER_FORM_TYPE
        if sending.state is SendingState.WAITING:
            return KeptFor.NOT_SENT_YET
        if sending.state in _OPEN_FOR_RECEIPT:
            return KeptFor.AWAITED
        if sending.receipt is None:
            return _WITHOUT_RECEIPT[sending.state]
        if _decision(sending.receipt) == _decision(receipt):
            return KeptFor.DUPLICATE
        if sending.state is SendingState.CONFIRMED:
            return KeptFor.ERROR_AFTER_CONFIRMATION
        confirms = receipt.outcome is ReceiptOutcome.CONFIRMED
        return KeptFor.CONFIRMATION_AFTER_ERROR if confirms else KeptFor.ANOTHER_ERROR

    def _keep(self, receipt: Receipt, reason: KeptFor, now: datetime, message: ReceiptMessage | None) -> None:
        kept_as = KEPT_AS[reason]
        self._kept.append(KeptReceipt(at=now, receipt=receipt, kept_as=kept_as, kept_for=reason))
        self._journal.append(
            JournalLine(
                at=now,
                what=f"receipt.{kept_as}",
                case_number=receipt.case_number,
                message_id=receipt.form_message_id,
                form_type=receipt.form_type,
                detail=f"{_outcome_text(receipt)}: {reason}",
                message=message,
            )
        )

    # ── receipts that we give ───────────────────────────────────────────────────────────────────

    def _receipted(self, message_id: str, form: Form, fault: Fault | None, now: datetime) -> Arrival:
        receipt = Receipt(
            case_number=form.case_number,
            form_message_id=message_id,
            form_type=form.form_type,
            outcome=ReceiptOutcome.CONFIRMED if fault is None else ReceiptOutcome.ERROR,
            decided_at=now,
            fault=fault,
        )
        arrival = Arrival(form=form, receipt=receipt, receipt_message_id=self._ids.message_id())
        self._arrivals[message_id] = arrival
        return arrival

    def _answer(self, arrival: Arrival, now: datetime, place: int) -> Answered:
        """Answer a delivered form: with the receipt, or with an acknowledgement and the receipt to follow as a call."""
        if self._own.receipts is ReceiptMode.RESPONSE:
            self._note_receipt(now, arrival, "in the response", None)
            return Answered(receipt=arrival.receipt)
        self._plan_receipt(arrival, now, place)
        return Answered()

    def _plan_receipt(self, arrival: Arrival, now: datetime, place: int) -> None:
        if arrival.due_at is not None:
            # It is on its way already; the repeated form is only acknowledged.
            return
        form_message_id = arrival.receipt.form_message_id
        delay = timedelta(0) if arrival.given else self._quirks.receipt_delay(form_message_id, arrival.form.case_number)
        if delay:
            self._set_receipt_timer(arrival, now + delay)
        else:
            self._give(arrival, now, place)

    def _give(self, arrival: Arrival, now: datetime, place: int | None = None) -> None:
        arrival.due_at = None
        arrival.given += 1
        receipt = arrival.receipt
        header = Header(
            message_id=arrival.receipt_message_id,
            sender=self._own.code,
            recipient=self._far.code,
            case_number=receipt.case_number,
            form_type=receipt.form_type,
            attempt=arrival.given,
            sent_at=now,
        )
        message = ReceiptMessage(header=header, receipt=receipt)
        self._call(message, _Errand("receipt", receipt.form_message_id, arrival.given), place)
        self._note_receipt(now, arrival, f"call {arrival.given}", message)

    def _receipt_call_ended(self, form_message_id: str, ending: Ending, now: datetime) -> None:
        arrival = self._arrivals[form_message_id]
        if isinstance(ending, Answered):
            return
        again: bool
        if isinstance(ending, Faulted):
            again = remedy_for(ending.fault.code) is Remedy.RETRY
        else:
            again = arrival.by_query or isinstance(ending, NotReached)
        if not arrival.by_query and arrival.given >= self._delivery.max_attempts:
            again = False
        if again and arrival.due_at is None:
            self._set_receipt_timer(arrival, now + self._gap(arrival.given, arrival.receipt_message_id))
        self._journal.append(
            JournalLine(
                at=now,
                what="receipt.not_given",
                case_number=arrival.receipt.case_number,
                message_id=form_message_id,
                form_type=arrival.receipt.form_type,
                detail=ending.fault.code if isinstance(ending, Faulted) else ending.detail,
            )
        )

    def _note_receipt(self, now: datetime, arrival: Arrival, detail: str, message: ReceiptMessage | None) -> None:
        self._journal.append(
            JournalLine(
                at=now,
                what="receipt.out",
                case_number=arrival.receipt.case_number,
                message_id=arrival.receipt.form_message_id,
                form_type=arrival.receipt.form_type,
                detail=f"{_outcome_text(arrival.receipt)}, {detail}",
                message=message,
            )
        )

    # ── queries ─────────────────────────────────────────────────────────────────────────────────

    def _query_ended(self, query: CaseQuery, ending: Ending, now: datetime) -> None:
        page = ending.page if isinstance(ending, Answered) else None
        if page is not None:
            detail = f"{len(page.cases)} cases, more: {page.more}"
        elif isinstance(ending, Faulted):
            detail = f"{ending.fault.code} {ending.fault.message_en}"
        else:
            detail = "no page" if isinstance(ending, Answered) else ending.detail
        self._journal.append(
            JournalLine(at=now, what="query.in", case_number=None, message_id=None, form_type=None, detail=detail)
        )
        self._events.append(
            QueryEnded(
                query=query, page=page, detail=detail, fault=ending.fault if isinstance(ending, Faulted) else None
            )
        )

    # ── checks that both platforms make alike ───────────────────────────────────────────────────

    def envelope_fault(self, header: Header | QueryHeader) -> Fault | None:
        """Find why nobody here may take a message under this header: a typed fault, surely without effect."""
        if header.recipient != self._own.code:
            return _fault(
                ErrorCode.WRONG_PARTY,
                "header/recipient",
                f"接收方应为 {self._own.code},报文写的是 {header.recipient}。",
                f"The recipient should be {self._own.code}, the message says {header.recipient}.",
            )
        if header.sender != self._far.code:
            return _fault(
                ErrorCode.WRONG_PARTY,
                "header/sender",
                f"发送方应为 {self._far.code},报文写的是 {header.sender}。",
                f"The sender should be {self._far.code}, the message says {header.sender}.",
            )
        if header.contract_version.partition(".")[0] != CONTRACT_VERSION.partition(".")[0]:
            return _fault(
                ErrorCode.VERSION_UNSUPPORTED,
                "header/contractVersion",
                f"不支持接口版本 {header.contract_version}。",
                f"Contract version {header.contract_version} is not supported.",
            )
        return None

    def _formal_fault(self, header: Header, form: Form) -> Fault | None:
        """Find what is wrong with a form before its meaning is looked at; goes into an error receipt."""
        if form.form_type not in self._inbound_types or header.form_type is not form.form_type:
            return _fault(
                ErrorCode.SCHEMA_INVALID,
                "header/formType",
                f"此方向不接受 {form.form_type},或报文头写的是 {header.form_type}。",
                f"{form.form_type} is not taken in this direction, or the header says {header.form_type}.",
            )
        if header.case_number != form.case_number:
            return _case_number_mismatch()
        attachments: tuple[Attachment, ...] = getattr(form, "attachments", ())
        return self._attachments_fault(form, attachments)

    def _attachments_fault(self, form: Form, attachments: tuple[Attachment, ...]) -> Fault | None:
        where = f"form/{form.form_type}/attachments"
        limits = self._profile.limits
        if len(attachments) > limits.attachments_per_form:
            return _fault(
                ErrorCode.LIMIT_EXCEEDED,
                where,
                f"附件最多 {limits.attachments_per_form} 个,收到 {len(attachments)} 个。",
                f"At most {limits.attachments_per_form} attachments, {len(attachments)} came.",
            )
        for number, item in enumerate(attachments, 1):
            at = f"{where}[{number}]"
            if item.size > limits.attachment_bytes:
                return _fault(
                    ErrorCode.LIMIT_EXCEEDED,
                    at,
                    f"附件 {item.name} 超过 {limits.attachment_bytes} 字节。",
                    f"Attachment {item.name} is larger than {limits.attachment_bytes} bytes.",
                )
            if (item.content is None) == (item.reference is None):
                return _fault(
                    ErrorCode.ATTACHMENT_INVALID,
                    at,
                    f"附件 {item.name} 应有内容或引用之一。",
                    f"Attachment {item.name} needs either content or a reference.",
                )
            if item.content is not None and (
                len(item.content) != item.size or sha256(item.content).hexdigest() != item.sha256
            ):
                return _fault(
                    ErrorCode.ATTACHMENT_INVALID,
                    at,
                    f"附件 {item.name} 的大小或摘要与内容不符。",
                    f"Size or digest of attachment {item.name} do not match its content.",
                )
        return None

    # ── small things ────────────────────────────────────────────────────────────────────────────

    def _call(self, message: Message, what: _Errand | CaseQuery, place: int | None = None) -> None:
        call = Call(key=self._next_key, to=self.side.other, message=message)
        self._next_key += 1
        self._under_way[call.key] = what
        self._calls.insert(len(self._calls) if place is None else place, call)

    def _set_timer(self, sending: Sending, due: datetime) -> None:
        end = self._time_is_up_at(sending)
        # While a call is under way its end, or the time-out for its receipt, comes first.
        due = due if end is None or sending.state is SendingState.SENDING else min(due, end)
        sending.due_at = due
        self._push_timer(due, "form", sending.message_id)

    def _cut_short(self, sending: Sending) -> None:
        """Let the time-out for the receipt come no later than the end of the form's time."""
        if sending.due_at is not None:
            self._set_timer(sending, sending.due_at)

    def _set_receipt_timer(self, arrival: Arrival, due: datetime) -> None:
        arrival.due_at = due
        self._push_timer(due, "receipt", arrival.receipt.form_message_id)

    def _push_timer(self, due: datetime, kind: str, message_id: str) -> None:
        # The count keeps equal moments in the order in which they were set.
        self._timer_count += 1
        heappush(self._timers, (due, self._timer_count, kind, message_id))

    def _timer_of(self, kind: str, message_id: str) -> datetime | None:
        """Return the due moment that holds now; a timer in the heap that says another one is a thing of the past."""
        if kind == "receipt":
            return self._arrivals[message_id].due_at
        sending = self._sendings[message_id]
        return sending.warn_at if kind == "warning" else sending.due_at

    def _note(
        self, now: datetime, what: str, sending: Sending, detail: str = "", message: Message | None = None
    ) -> None:
        self._journal.append(
            JournalLine(
                at=now,
                what=what,
                case_number=sending.case_number,
                message_id=sending.message_id,
                form_type=sending.form_type,
                detail=detail,
                message=message,
            )
        )

    def _take_down(self, now: datetime, what: str, message: FormMessage, detail: str) -> None:
        self._journal.append(
            JournalLine(
                at=now,
                what=what,
                case_number=message.form.case_number,
                message_id=message.header.message_id,
                form_type=message.form.form_type,
                detail=detail,
                message=message,
            )
        )


def _decision(receipt: Receipt) -> tuple[ReceiptOutcome, ErrorCode | None]:
    """Return what two receipts for one form must agree on; moments and sentences may differ (RCPT-3)."""
    return receipt.outcome, None if receipt.fault is None else receipt.fault.code


def _outcome_text(receipt: Receipt) -> str:
    return receipt.outcome.value if receipt.fault is None else f"{receipt.outcome} {receipt.fault.code}"


def _fault(code: ErrorCode, where: str | None, zh: str, en: str) -> Fault:
    return Fault(code=code, field=where, message_zh=zh, message_en=en)


def _case_number_mismatch() -> Fault:
    return _fault(
        ErrorCode.CASE_NUMBER_MISMATCH,
        "header/caseNumber",
        "报文头与内容的案卷号不一致。",
        "The case number in the header is not the one in the content.",
    )
