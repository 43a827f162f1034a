"""Glue around the engine, the same for the live runtime and for virtual time: one input is one transaction.

Each method opens a unit of work, looks up the facts that the engine cannot know, steps the engine, saves the case,
commits what is to be sent and writes the journal. Nothing is sent here: whoever drives the shell takes the items from
`Store.outbox`, carries each out and reports how it ended with `send_ended`. A crash between commit and carrying out
repeats a sending under the same message id and loses none.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.core.audit import DONE, AuditEntry
from bridge.core.effects import GiveReceipt, KeepReceipt, Notify, Record, Send
from bridge.core.engine import Engine, Step
from bridge.core.errors import CursorInvalid, OperatorMistake, StoreUnavailable
from bridge.core.exchange import DeliveryState, Exchange
from bridge.core.inputs import (
    ClockSetBack,
    DocumentReceived,
    OperatorDecided,
    ReceiptNotGiven,
    ReceiptReceived,
    SendCutOff,
    SendRefused,
    SendSucceeded,
    SendUnanswered,
    TimerFired,
)
from bridge.core.notices import Lock, Trouble, door_lock, form_set_aside, page_incomplete, platform_trouble
from bridge.core.ports import JournalEntry, OutboxItem, Store, UnitOfWork
from bridge.rules.admission import as_one
from bridge.rules.duplicates import content_key as content_key_of
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED, ErrorCode, NoticePhase, ReceiptOutcome, Remedy, remedy_for
from bridge.vocabulary.forms import FilingResult, FormType, HandOver
from bridge.vocabulary.messages import CasePage, CaseQuery, Fault, FormMessage, Header, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile, ReceiptMode
from bridge.vocabulary.stages import ExchangeStage

#: No timer lies as far ahead.
_ALL_TIME = timedelta(days=36_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a call to the bridge is answered: with a receipt, with a fault, or (neither) with an acknowledgement."""

    receipt: Receipt | None = None
    fault: Fault | None = None
    #: True when a form was admitted now; its receipt will come over the outbox once the recipient has given one.
    admitted: bool = False

    @property
    def answer(self) -> Answered | Faulted:
        """The same as the ending that the caller sees."""
        return Faulted(fault=self.fault) if self.fault is not None else Answered(receipt=self.receipt)


#: Told when the engine or the store stumbled over one form: case number, message id, what was raised.
Stumble = Callable[[str, str, Exception], None]


def _say_nothing(_case_number: str, _message_id: str, _error: Exception) -> None:
    pass


#: Where the locks that are on are kept.
_LOCKS = "door.locks"
#: Between two clearings of expired tokens.
_FORGET_TOKENS_EVERY = timedelta(minutes=1)

_ACKNOWLEDGED = Verdict()
_ADMITTED = Verdict(admitted=True)


class Shell:
    """One bridge: an engine over a store. Not a thread's own; the store serialises units of work."""

    def __init__(self, engine: Engine, store: Store, profile: Profile, stumbled: Stumble = _say_nothing):
        self.engine = engine
        self.store = store
        self._stumbled = stumbled
        self._choices = profile.choices
        self._codes = {side: profile.platform(side).code for side in Side}
        self._page_size = profile.limits.page_size
        self._answers_with_receipts = profile.bridge.receipts is ReceiptMode.RESPONSE
        self._forget_tokens_at: datetime | None = None
        #: Sendings up to here were begun by an earlier life of the process, which may have made them before it went down.
        self._left_over = store.last_in_outbox()
        with store.begin() as work:
            #: Troubles that a contact was told of and not yet told the end of.
            self._open_troubles = {
                (trouble, side) for side in Side for trouble in Trouble if work.get_value(_trouble_key(trouble, side))
            }

    # What platforms do

    def receive_form(
        self,
        side: Side,
        message: FormMessage,
        fingerprint: str,
        content_key: str | None = None,
        *,
        at: datetime,
        by_query: bool = False,
        raw: bytes | None = None,
    ) -> Verdict:
        """A platform delivers a form, or a query to it shows a hand-over (`by_query`).

        `fingerprint` is the digest of the form's content; `content_key` the one of EXC-1, made here when it is absent.
        """
        form, message_id = message.form, message.header.message_id
        with self.store.begin() as work:
            exchange = work.exchange(form.case_number)
            known_case = None
            same_content_case = None
            if exchange is None or message_id not in exchange.deliveries:
                known_case = work.case_of_message(message_id)
                if isinstance(form, HandOver):
                    same_content_case = self._same_content_case(work, exchange, form, content_key)
                elif isinstance(form, FilingResult) and form.task_number is not None and exchange is not None:
                    same_content_case = self._same_as_handed_over(work, exchange)
            step = self.engine.step(
                exchange,
                DocumentReceived(
                    side=side,
                    message=message,
                    fingerprint=fingerprint,
                    at=at,
                    by_query=by_query,
                    known_case=known_case,
                    same_content_case=same_content_case,
                ),
            )
            if step.accepted and step.exchange is not None and form.form_type is FormType.HAND_OVER:
                step.exchange.sequence = work.next_sequence()
            later: list[Send | GiveReceipt] = []
            receipt = step.receipt
            if receipt is not None and (by_query or not self._answers_with_receipts):
                later.append(GiveReceipt(to=side, receipt=receipt))
                receipt = None
            if raw is not None:
                work.journal([_envelope("envelope.in", side, message.header, raw, at)])
            self._keep(work, step, at, later)
        if step.fault is not None:
            return Verdict(fault=step.fault)
        if receipt is not None:
            return Verdict(receipt=receipt)
        return _ADMITTED if step.accepted else _ACKNOWLEDGED

    def refuse_form(
        self, side: Side, header: Header, faults: Sequence[Fault], *, at: datetime, raw: bytes | None = None
    ) -> Verdict:
        """A message named its case, form type and id, but its form could not be read: it gets an error receipt (RCPT-1).

        An id that is on the books already belongs to a readable form, so the unreadable one is another content.
        """
        with self.store.begin() as work:
            reused = work.case_of_message(header.message_id) is not None
            fault = as_one(faults)
            if raw is not None:
                work.journal([_envelope("envelope.in", side, header, raw, at)])
            what = "form.faulted" if reused else "form.refused"
            detail = f"{fault.code}: {fault.message_en}"
            work.journal([_note(what, header.case_number, header.message_id, detail, at)])
            if reused:
                return Verdict(
                    fault=Fault(
                        code=ErrorCode.MESSAGE_ID_REUSED,
                        field="messageHeader/messageId",
                        message_zh=f"报文标识 {header.message_id} 已用于内容不同的表单",
                        message_en=f"message id {header.message_id} was used before for another content",
                    )
                )
            receipt = Receipt(
                case_number=header.case_number,
                form_message_id=header.message_id,
                form_type=header.form_type,
                outcome=ReceiptOutcome.ERROR,
                decided_at=at,
                fault=fault,
            )
            if self._answers_with_receipts:
                return Verdict(receipt=receipt)
            work.enqueue([GiveReceipt(to=side, receipt=receipt)], at)
        return _ACKNOWLEDGED

    def receive_receipt(
        self, side: Side, message: ReceiptMessage, *, at: datetime, raw: bytes | None = None
    ) -> Verdict:
        """A platform gives a receipt as a call of its own; misplaced ones are acknowledged, kept and shown (RCPT-3)."""
        header = message.header
        if header.sender != self._codes[side] or header.recipient != self._codes[side.other]:
            return Verdict(
                fault=Fault(
                    code=ErrorCode.WRONG_PARTY,
                    field="messageHeader/sender",
                    message_zh=f"发送方 {header.sender} 或接收方 {header.recipient} 与对接配置不符",
                    message_en=f"sender {header.sender} or recipient {header.recipient} is not that of this link",
                )
            )
        with self.store.begin() as work:
            if raw is not None:
                work.journal([_envelope("envelope.in", side, header, raw, at)])
            self._take_receipt(work, side, message.receipt, at)
        return _ACKNOWLEDGED

    def query(self, side: Side, query: CaseQuery) -> CasePage | Fault:
        """The platform on `side` asks for the handed-over cases; each sees the bridge's own books (XCHG-2)."""
        if query.page_size > self._page_size:
            query = CaseQuery(since=query.since, state=query.state, cursor=query.cursor, page_size=self._page_size)
        try:
            return self.store.cases(query)
        except CursorInvalid as mistake:
            return Fault(
                code=ErrorCode.CURSOR_INVALID,
                field="QueryCases/cursor",
                message_zh=f"查询游标 {mistake.cursor} 无效",
                message_en=str(mistake),
            )

    def incomplete_pages(self) -> list[str]:
        """The cursors of pages of our own queries that hold cases which could not be taken, the one to ask for next first."""
        with self.store.begin() as work:
            return list(_incomplete(work))

    def page_taken(self, cursor: str, left: Sequence[str], *, at: datetime) -> None:
        """The page behind a cursor of our own query was taken, but for the cases that are `left`; it is asked for again (XCHG-2)."""
        with self.store.begin() as work:
            pages = _incomplete(work)
            if not left and cursor not in pages:
                return
            known = pages.pop(cursor, None)
            told = next(iter(pages.values()), known)
            if left:
                # Behind the others: each gets its turn.
                pages[cursor] = left[0]
                for case_number in left:
                    work.journal([_note("query.case_left", case_number, None, "could not be taken", at, Party.GRID)])
                if told is None:
                    work.notice([page_incomplete(NoticePhase.STARTED, left[0], at)])
                    work.set_value(_INCOMPLETE_SINCE, left[0])
            elif not pages:
                work.notice([page_incomplete(NoticePhase.OVER, work.get_value(_INCOMPLETE_SINCE) or "", at)])
            work.set_value(_INCOMPLETE, json.dumps(pages))

    # Who may come in

    def token_used(self, token: str, content: str, *, expires_at: datetime, at: datetime) -> str | None:
        """Note for good that a caller's token was used for this content; the content of its first use when there was one."""
        with self.store.begin() as work:
            if self._forget_tokens_at is None or at >= self._forget_tokens_at:
                work.forget_tokens(at)
                self._forget_tokens_at = at + _FORGET_TOKENS_EVERY
            return work.token_used(token, content, expires_at)

    def locks(self) -> list[Lock]:
        """The locks that were begun and not ended, those of an earlier life of the process too."""
        with self.store.begin() as work:
            return _read_locks(work)

    def lock_began(self, lock: Lock, *, at: datetime) -> None:
        """Keep a lock, and tell the contact once (CONT-2)."""
        with self.store.begin() as work:
            locks = _read_locks(work)
            if any((each.side, each.source) == (lock.side, lock.source) for each in locks):
                return
            work.set_value(_LOCKS, _written_locks([*locks, lock]))
            self._tell_of_lock(work, NoticePhase.STARTED, lock, at)

    def lock_ended(self, lock: Lock, *, at: datetime) -> None:
        """Forget a lock, and tell the contact once."""
        with self.store.begin() as work:
            locks = _read_locks(work)
            if lock in locks:
                work.set_value(_LOCKS, _written_locks([each for each in locks if each != lock]))
                self._tell_of_lock(work, NoticePhase.OVER, lock, at)

    @staticmethod
    def _tell_of_lock(work: UnitOfWork, phase: NoticePhase, lock: Lock, at: datetime) -> None:
        notice = door_lock(phase, lock, at)
        what = "door.locked" if phase is NoticePhase.STARTED else "door.unlocked"
        work.journal([JournalEntry(at, what, None, None, lock.side.party, notice.text_en)])
        work.notice([notice])

    # How sendings end

    def send_ended(
        self,
        item: OutboxItem,
        ending: Ending,
        *,
        at: datetime,
        sent: bytes | None = None,
        answer: bytes | None = None,
    ) -> None:
        """An item of the outbox was carried out, and this is how the call ended.

        A receipt that could not be given is not pressed on its taker: the sender of the form repeats it when it misses
        the receipt, and is given the same one again (RCPT-5, RCPT-6). Only where a query showed the form, and nobody repeats it,
        is the receipt given again after the gaps until it is taken.
        """
        try:
            self._end(item, ending, at, sent, answer)
        except StoreUnavailable:
            raise
        except (
            Exception
        ) as error:  # A form that the engine stumbles over must not be sent for ever, nor hold up others.
            self._set_aside(item.effect, error, at, finish=item.key, raw=(sent, answer))

    def _end(self, item: OutboxItem, ending: Ending, at: datetime, sent: bytes | None, answer: bytes | None) -> None:
        effect = item.effect
        case_number, message_id = _named(effect)
        with self.store.begin() as work:
            if not work.finish(item.key):
                # The store broke off before it could say that this ending is on the books already.
                return
            notices = self._troubles(work, effect, ending, at)
            party = effect.to.party
            for what, raw in (("envelope.out", sent), ("answer.in", answer)):
                if raw is not None:
                    work.journal([_note(what, case_number, message_id, "", at, party, raw)])
            if isinstance(effect, Send):
                self._form_sent(work, effect, ending, at, left_over=item.key <= self._left_over)
            elif isinstance(ending, Answered):
                work.journal([_note("receipt.given", case_number, message_id, effect.receipt.outcome.value, at, party)])
            else:
                work.journal([_note("receipt.not_given", case_number, message_id, _why(ending), at, party)])
                self._receipt_not_given(work, case_number, message_id, ending, at)
            for trouble, notice in notices.items():
                work.notice([notice])
                started = notice.phase is NoticePhase.STARTED
                work.set_value(_trouble_key(trouble, effect.to), notice.case_number if started else "")
        for trouble, notice in notices.items():
            if notice.phase is NoticePhase.STARTED:
                self._open_troubles.add((trouble, effect.to))
            else:
                self._open_troubles.discard((trouble, effect.to))

    def take_receipt(self, form_message_id: str, *, at: datetime) -> Receipt | None:
        """Take the waiting receipt for this form off the outbox, to give it in the response that is still open."""
        for item in self.store.outbox(limit=1_000_000):
            effect = item.effect
            if isinstance(effect, GiveReceipt) and effect.receipt.form_message_id == form_message_id:
                receipt = effect.receipt
                with self.store.begin() as work:
                    if not work.finish(item.key):
                        return None
                    note = _note(
                        "receipt.given",
                        receipt.case_number,
                        form_message_id,
                        f"{receipt.outcome.value}, in the response",
                        at,
                        effect.to.party,
                    )
                    work.journal([note])
                return receipt
        return None

    # Time and people

    def fire_due(self, until: datetime) -> int:
        """Fire every timer that is due at `until`; returns how many."""
        fired = 0
        while due := self.store.due_timers(until):
            fired_now = sum(self._fire(case_number, message_id, until) for case_number, message_id, _ in due)
            fired += fired_now
            if not fired_now:
                # Another process fired them between the look and the transaction, or all of them were set aside.
                break
        return fired

    def clock_set_back(self, by: timedelta, at: datetime) -> int:
        """Move every timer back with the clock, all of them in one transaction; returns how many there were."""
        timers = self.store.due_timers(at + _ALL_TIME, limit=1_000_000)
        with self.store.begin() as work:
            for case_number, message_id, _ in timers:
                moved = ClockSetBack(case_number=case_number, message_id=message_id, by=by, at=at)
                self._keep(work, self.engine.step(work.exchange(case_number), moved), at)
        return len(timers)

    def _fire(self, case_number: str, message_id: str, at: datetime) -> bool:
        timer = TimerFired(case_number=case_number, message_id=message_id, at=at)
        try:
            with self.store.begin() as work:
                step = self.engine.step(work.exchange(case_number), timer)
                self._keep(work, step, at)
        except StoreUnavailable:
            raise
        except Exception as error:  # One case must not stop the timers of all others.
            self._set_aside(timer, error, at)
            return False
        return step.accepted

    def _set_aside(
        self,
        of: Send | GiveReceipt | TimerFired,
        error: Exception,
        at: datetime,
        finish: int | None = None,
        raw: tuple[bytes | None, bytes | None] = (None, None),
    ) -> None:
        """Park the form over which something stumbled, without looking at it again, and tell the contact once (CONT-2)."""
        case_number, message_id = (of.case_number, of.message_id) if isinstance(of, TimerFired) else _named(of)
        party = None if isinstance(of, TimerFired) else of.to.party
        with self.store.begin() as work:
            if finish is not None:
                work.finish(finish)
            work.journal(
                _note(what, case_number, message_id, "", at, party, each)
                for what, each in zip(("envelope.out", "answer.in"), raw, strict=True)
                if each is not None
            )
            work.set_aside(message_id)
            # The type alone: what an error says may be personal data.
            work.journal([_note("form.set_aside", case_number, message_id, type(error).__name__, at)])
            if not work.get_value(_set_aside_key(message_id)):
                work.notice([form_set_aside(NoticePhase.STARTED, case_number, message_id, at)])
                work.set_value(_set_aside_key(message_id), case_number)
        self._stumbled(case_number, message_id, error)

    def operator(self, case_number: str, message_id: str, act: str, *, operator: str, reason: str, at: datetime) -> str:
        """A person acts on a form: `park`, `release`, `resend` or `abandon`. Returns the state that it leads to.

        Raises `OperatorMistake` when the act does not fit. Either way it stands in the audit.
        """
        decided = OperatorDecided(
            case_number=case_number, message_id=message_id, act=act, operator=operator, reason=reason, at=at
        )
        try:
            before, after = self._decide(decided)
        except StoreUnavailable:
            raise
        except Exception as error:
            self.operator_refused(_audited(decided, "stumbled"))
            self._stumbled(case_number, message_id, error)
            raise OperatorMistake(f"cannot {act} message {message_id}: the bridge itself stumbled over it") from None
        if after is None:
            raise OperatorMistake(
                f"cannot {act} message {message_id} of case {case_number}: it is {before or 'not known'}"
            )
        return after

    def _decide(self, decided: OperatorDecided) -> tuple[str | None, str | None]:
        """The form's state before the act, and after it when it fitted."""
        message_id = decided.message_id
        with self.store.begin() as work:
            exchange = work.exchange(decided.case_number)
            before = _state_of(exchange, message_id)
            step = self.engine.step(exchange, decided)
            self._keep(work, step, decided.at)
            after = _state_of(step.exchange, message_id)
            work.audit(_audited(decided, DONE if step.accepted else "wrong_state", before, after))
            if step.accepted and work.get_value(_set_aside_key(message_id)):
                work.notice([form_set_aside(NoticePhase.OVER, decided.case_number, message_id, decided.at)])
                work.set_value(_set_aside_key(message_id), "")
        return before, after if step.accepted else None

    def operator_refused(self, entry: AuditEntry) -> None:
        """Keep in the audit what a person tried and was refused before it came to any form."""
        with self.store.begin() as work:
            work.audit(entry)

    def write_journal(self, entries: Iterable[JournalEntry]) -> None:
        """Append what only the driver sees, such as the bytes of an answer that it gave."""
        with self.store.begin() as work:
            work.journal(entries)

    # Inside one unit of work

    def _keep(self, work: UnitOfWork, step: Step, at: datetime, also_send: Sequence[Send | GiveReceipt] = ()) -> None:
        if step.changed and step.exchange is not None:
            work.save(step.exchange)
        effects = step.effects
        sendings = [each for each in effects if isinstance(each, Send | GiveReceipt)]
        sendings.extend(also_send)
        if sendings:
            work.enqueue(sendings, at)
        work.journal(_as_entry(each) for each in effects if isinstance(each, Record))
        notices = [each for each in effects if isinstance(each, Notify)]
        if notices:
            work.notice(notices)
        kept = [each for each in effects if isinstance(each, KeepReceipt)]
        if kept:
            work.keep_receipts(kept)

    def _receipt_not_given(
        self, work: UnitOfWork, case_number: str, message_id: str, ending: Ending, at: datetime
    ) -> None:
        if isinstance(ending, Faulted):
            code = ending.fault.code
            if code not in ACCOUNT_NOT_ACCEPTED and remedy_for(code) is not Remedy.RETRY:
                # The same again would be refused again.
                return
        exchange = work.exchange(case_number)
        if exchange is not None and message_id in exchange.deliveries and exchange.deliveries[message_id].by_query:
            not_given = ReceiptNotGiven(case_number=case_number, message_id=message_id, at=at)
            self._keep(work, self.engine.step(exchange, not_given), at)

    def _form_sent(self, work: UnitOfWork, effect: Send, ending: Ending, at: datetime, *, left_over: bool) -> None:
        case_number, message_id = _named(effect)
        attempt = effect.message.header.attempt
        if isinstance(ending, Answered):
            receipt = ending.receipt
            own = receipt is not None and (receipt.form_message_id, receipt.case_number) == (message_id, case_number)
            if not own:
                # A response can hold the receipt of its own form only; any other is stray, even if it names a form
                # that waits, and the sending itself counts as acknowledged.
                succeeded = SendSucceeded(case_number=case_number, message_id=message_id, attempt=attempt, at=at)
                self._keep(work, self.engine.step(work.exchange(case_number), succeeded), at)
            if receipt is not None:
                self._take_receipt(work, effect.to, receipt, at, in_other_response=not own)
            return
        ended: SendRefused | SendUnanswered
        if isinstance(ending, Unanswered):
            ended = SendUnanswered(
                case_number=case_number, message_id=message_id, attempt=attempt, at=at, detail=ending.detail
            )
        else:
            fault = ending.fault if isinstance(ending, Faulted) else None
            if left_over:
                cut_off = SendCutOff(case_number=case_number, message_id=message_id, attempt=attempt, at=at)
                self._keep(work, self.engine.step(work.exchange(case_number), cut_off), at)
            ended = SendRefused(case_number=case_number, message_id=message_id, attempt=attempt, at=at, fault=fault)
        self._keep(work, self.engine.step(work.exchange(case_number), ended), at)

    def _take_receipt(
        self, work: UnitOfWork, side: Side, receipt: Receipt, at: datetime, *, in_other_response: bool = False
    ) -> None:
        exchange = work.exchange(receipt.case_number)
        form_case = None
        if exchange is None or receipt.form_message_id not in exchange.deliveries:
            form_case = work.case_of_message(receipt.form_message_id)
        seen = ReceiptReceived(
            side=side, receipt=receipt, at=at, form_case=form_case, in_other_response=in_other_response
        )
        step = self.engine.step(exchange, seen)
        self._keep(work, step, at)
        if step.accepted and step.exchange is not None and receipt.form_type is FormType.HAND_OVER:
            delivery = step.exchange.deliveries[receipt.form_message_id]
            if delivery.state is DeliveryState.CONFIRMED and isinstance(delivery.form, HandOver):
                # Only what has arrived over there was «received before»: a failed sending makes nobody a duplicate.
                key = content_key_of(delivery.form, self._choices)
                if key is not None:
                    work.remember_content(key, receipt.case_number)

    def _same_as_handed_over(self, work: UnitOfWork, exchange: Exchange) -> str | None:
        if exchange.filing_ordinal:
            return None
        for delivery in exchange.deliveries.values():
            if isinstance(delivery.form, HandOver) and delivery.state is DeliveryState.CONFIRMED:
                return self._same_content_case(work, exchange, delivery.form, None)
        return None

    def _same_content_case(
        self, work: UnitOfWork, exchange: Exchange | None, form: HandOver, content_key: str | None
    ) -> str | None:
        """A case received before this one with equal content, as far as the choices count it (EXC-1)."""
        key = content_key or content_key_of(form, self._choices)
        if key is None:
            return None
        before = None if exchange is None else exchange.sequence
        return next(
            (
                number
                for number in work.cases_with_content(key, form.case_number)
                if self._was_received(work.exchange(number), before)
            ),
            None,
        )

    def _was_received(self, other: Exchange | None, before: int | None) -> bool:
        """Whether the case counts among those received before this place in the order of hand-overs."""
        if other is None or other.sequence is None or (before is not None and other.sequence > before):
            return False
        return other.stage is not ExchangeStage.DECLINED or self._choices.duplicate_scope_includes_declined

    def _troubles(
        self, work: UnitOfWork, effect: Send | GiveReceipt, ending: Ending, at: datetime
    ) -> dict[Trouble, Notify]:
        """The starts and ends of a platform's troubles, each told once (CONT-2).

        Several calls can end at the same time; the store, which takes one input at a time, knows who was first.
        """
        side = effect.to
        shows = _trouble_in(ending)
        # Whoever cannot be reached or stays silent proves nothing about the account; whoever answers can be reached.
        ended = {
            Trouble.UNREACHABLE: isinstance(ending, Answered | Faulted),
            Trouble.SHUT_OUT: isinstance(ending, Answered | Faulted) and shows is not Trouble.SHUT_OUT,
        }
        notices = {}
        for trouble in Trouble:
            if shows is not trouble and (trouble, side) not in self._open_troubles:
                continue
            # The case on which it was noticed: both notices are about the same matter, whichever case goes through first.
            told = work.get_value(_trouble_key(trouble, side))
            if shows is trouble and not told:
                notices[trouble] = platform_trouble(trouble, side, NoticePhase.STARTED, _named(effect)[0], at)
            elif told and ended[trouble]:
                notices[trouble] = platform_trouble(trouble, side, NoticePhase.OVER, told, at)
        return notices


def open_shell(profile: Profile, store: Store, stumbled: Stumble = _say_nothing) -> Shell:
    """The shell that a bridge runs on: the engine of its profile over its store."""
    return Shell(Engine(profile), store, profile, stumbled)


#: Pages with cases that could not be taken, by cursor, and the case with which the open matter began.
_INCOMPLETE = "query.incomplete"
_INCOMPLETE_SINCE = "query.incomplete.since"


def _incomplete(work: UnitOfWork) -> dict[str, str]:
    found: dict[str, str] = json.loads(work.get_value(_INCOMPLETE) or "{}")
    return found


def _read_locks(work: UnitOfWork) -> list[Lock]:
    kept = json.loads(work.get_value(_LOCKS) or "[]")
    return [Lock(Side(side), source, datetime.fromisoformat(until)) for side, source, until in kept]


def _written_locks(locks: Iterable[Lock]) -> str:
    return json.dumps([[lock.side.value, lock.source, lock.until.isoformat()] for lock in locks])


def _trouble_in(ending: Ending) -> Trouble | None:
    if isinstance(ending, NotReached):
        return Trouble.UNREACHABLE
    if isinstance(ending, Faulted) and ending.fault.code in ACCOUNT_NOT_ACCEPTED:
        return Trouble.SHUT_OUT
    return None


def _trouble_key(trouble: Trouble, side: Side) -> str:
    return f"{trouble.value}:{side.value}"


def _set_aside_key(message_id: str) -> str:
    return f"set_aside:{message_id}"


def _named(effect: Send | GiveReceipt) -> tuple[str, str]:
    """The case number and the form's message id of a sending."""
    if isinstance(effect, Send):
        return effect.message.form.case_number, effect.message.header.message_id
    return effect.receipt.case_number, effect.receipt.form_message_id


def _audited(decided: OperatorDecided, outcome: str, before: str | None = None, after: str | None = None) -> AuditEntry:
    return AuditEntry(
        at=decided.at,
        operator=decided.operator,
        act=decided.act,
        case_number=decided.case_number,
        message_id=decided.message_id,
        reason=decided.reason,
        outcome=outcome,
        before=before,
        after=after,
    )


def _state_of(exchange: Exchange | None, message_id: str) -> str | None:
    delivery = exchange.deliveries.get(message_id) if exchange is not None else None
    return None if delivery is None else delivery.state.value


def _why(ending: Ending) -> str:
    if isinstance(ending, Faulted):
        return f"{ending.fault.code}: {ending.fault.message_en}"
    return "" if isinstance(ending, Answered) else ending.detail


def _as_entry(record: Record) -> JournalEntry:
    return JournalEntry(
        at=record.at,
        what=record.what,
        case_number=record.case_number,
        message_id=record.message_id,
        detail=record.detail,
    )


def _note(
    what: str,
    case_number: str,
    message_id: str | None,
    detail: str,
    at: datetime,
    party: Party | None = None,
    raw: bytes | None = None,
) -> JournalEntry:
    return JournalEntry(
        at=at,
        what=what,
        case_number=case_number,
        message_id=message_id,
        party=party,
        detail=detail,
        envelope=raw,
    )


def _envelope(what: str, side: Side, header: Header, raw: bytes, at: datetime) -> JournalEntry:
    return _note(what, header.case_number, header.message_id, header.form_type.value, at, side.party, raw)
