"""The engine: one input at a time, it decides what becomes of a case and of the forms on their way.

    exchange, input  ──►  step  ──►  exchange', effects, and an answer to give at once

It knows no socket, clock, id source or XML; the same exchange and the same input always give the same step. Nothing a
platform sends makes it raise: a bad form gets an error receipt, a misplaced receipt or answer a line in the journal.

The given `Exchange` is changed in place, and only after every refusal has been decided; a `Step` with a fault has
changed nothing. Copying would cost more than the step itself. A store that must be able to roll back keeps what it
needs before it hands an exchange out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from bridge.core.effects import Effect, GiveReceipt, KeepReceipt, Notify, Record, Send, SetTimer
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.inputs import (
    ClockSetBack,
    DocumentReceived,
    Input,
    OperatorDecided,
    ReceiptNotGiven,
    ReceiptReceived,
    SendCutOff,
    SendRefused,
    SendSucceeded,
    SendUnanswered,
    TimerFired,
)
from bridge.core.notices import end_case_matters, end_matter, open_matter, overdue_key, parked_key
from bridge.rules.admission import as_one, faults_of, header_faults
from bridge.rules.delivery import DELIVERY, FINAL_STATES, MAY_HAVE_ARRIVED, TIMER_MEANS, Action, Happening
from bridge.rules.lifecycle import CaseView, advance, possible_views
from bridge.rules.receipts import ReceiptStanding, classify
from bridge.rules.rejection import is_within_limit
from bridge.rules.retries import are_used_up, gap_after, spread
from bridge.vocabulary.codes import (
    ACCOUNT_NOT_ACCEPTED,
    DeclineReason,
    ErrorCode,
    ReceiptOutcome,
    Remedy,
    remedy_for,
)
from bridge.vocabulary.forms import FilingResult, Form, FormType, Rejection
from bridge.vocabulary.messages import Fault, FormMessage, Header, Receipt
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import FINAL_STAGES

_DIRECTION_OF = {side: Direction.from_sender(side) for side in Side}
_OTHER = {side: side.other for side in Side}
_SENDER_OF = {direction: direction.sender for direction in Direction}
_RECIPIENT_OF = {direction: direction.recipient for direction in Direction}
_FAILED = frozenset({DeliveryState.REFUSED, DeliveryState.ABANDONED})


@dataclass(slots=True, kw_only=True)
class Step:
    """What one input came to."""

    #: The case as it is now; None when nothing is known of it and nothing is to be kept.
    exchange: Exchange | None
    #: In order. Every step holds at least one `Record`.
    effects: list[Effect] = field(default_factory=list)
    #: To be given to the caller at once: the form was refused at the door, or it repeats one that is decided.
    receipt: Receipt | None = None
    #: The typed fault for the caller; nothing of the input is kept.
    fault: Fault | None = None
    #: True when the input did something: a form admitted, a receipt effective, an operator's act carried out.
    accepted: bool = False
    #: True when the exchange differs from before and wants saving.
    changed: bool = False


class Engine:
    """The pure core of the bridge for one integration profile."""

    def __init__(self, profile: Profile):
        self._choices = profile.choices
        self._codes = {side: profile.platform(side).code for side in Side}
        self._receipt_timeout = timedelta(seconds=profile.delivery.receipt_timeout_seconds)
        self._gaps = profile.delivery.retry_gaps_seconds
        self._jitter, self._seed = profile.delivery.retry_jitter, profile.delivery.retry_seed
        self._max_attempts = profile.delivery.max_attempts
        self._warn_after = _span(profile.delivery.warn_after_seconds)
        self._park_after = _span(profile.delivery.park_after_seconds)
        self._steps: dict[type, Callable[[Exchange | None, Any], Step]] = {
            DocumentReceived: self._document,
            ReceiptReceived: self._receipt,
            SendSucceeded: self._send_succeeded,
            SendRefused: self._send_refused,
            SendUnanswered: self._send_unanswered,
            SendCutOff: self._send_cut_off,
            ReceiptNotGiven: self._receipt_not_given,
            TimerFired: self._timer,
            ClockSetBack: self._clock_set_back,
            OperatorDecided: self._operator,
        }
        self._actions: dict[Action, Callable[[Exchange, Delivery, list[Effect], datetime], None]] = {
            Action.SEND: self._send,
            Action.GO_ON: lambda *_: None,
            Action.AWAIT_RECEIPT: self._await_receipt,
            Action.WAIT_FOR_GAP: self._wait_for_gap,
            Action.WAIT_FOR_ACCOUNT: self._wait_for_account,
            Action.TELL_CONTACT: self._tell_contact,
        }

    def step(self, exchange: Exchange | None, input: Input) -> Step:  # noqa: A002 - the word of the plan
        """Take one input in. `exchange` is the case that it names, None when the bridge does not know that case."""
        return self._steps[type(input)](exchange, input)

    # Forms from a platform

    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        header, form, at = seen.message.header, seen.message.form, seen.at
        message_id, case_number = header.message_id, form.case_number
        direction = _DIRECTION_OF[seen.side]
        if header.sender != self._codes[seen.side] or header.recipient != self._codes[_OTHER[seen.side]]:
            return self._fault(exchange, seen, _wrong_party(header))
        known = exchange.deliveries.get(message_id) if exchange is not None else None
        if known is not None and known.fingerprint == seen.fingerprint and known.direction is direction:
            return self._repetition(exchange, known, seen)
        if known is not None or seen.known_case is not None:
            return self._fault(exchange, seen, _message_id_reused(message_id))

        if exchange is None:
            exchange = Exchange(case_number=case_number, first_seen_at=at)
        is_hand_over = form.form_type is FormType.HAND_OVER
        own: list[Form] = []
        other: list[Form] = []
        is_first = True
        hand_over_differs: bool | None = None
        for each in exchange.deliveries.values():
            state = each.state
            if is_hand_over and each.form.form_type is FormType.HAND_OVER and state not in _FAILED:
                hand_over_differs = each.fingerprint != seen.fingerprint
            if state in FINAL_STATES:
                continue
            if each.direction is direction:
                is_first = False
                if not each.applied:
                    own.append(each.form)
            elif not each.applied and state in MAY_HAVE_ARRIVED:
                other.append(each.form)
        view = CaseView(exchange.stage, exchange.task_number, exchange.filing_ordinal, exchange.rejections)
        faults = header_faults(header, form) + faults_of(
            form,
            direction,
            possible_views(view, own, other, self._choices),
            self._choices,
            hand_over_differs,
        )

        delivery = Delivery(
            message_id=message_id,
            direction=direction,
            form=form,
            fingerprint=seen.fingerprint,
            header=header,
            admitted_at=at,
            ordinal=len(exchange.deliveries) + 1,
            by_query=seen.by_query,
        )
        exchange.deliveries[message_id] = delivery
        exchange.changed_at = at
        if faults:
            return self._refuse_at_the_door(exchange, delivery, as_one(faults), at)
        effects: list[Effect] = [
            Record(
                case_number=case_number,
                message_id=message_id,
                what="form.admitted",
                detail=f"{form.form_type}, {'by query' if seen.by_query else 'delivered'}"
                if is_first
                else f"{form.form_type}, waits for its turn",
                at=at,
            )
        ]
        if seen.same_content_case is not None and is_hand_over:
            effects.append(
                _record(exchange, message_id, "form.same_content", f"equals case {seen.same_content_case}", at)
            )
        if form.form_type is FormType.FILING_RESULT:
            _tell_of_duplicates(exchange, cast(FilingResult, form), seen.same_content_case, effects, at)
        if is_first:
            self._happen(exchange, delivery, Happening.ITS_TURN, effects, at)
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    def _fault(self, exchange: Exchange | None, seen: DocumentReceived, fault: Fault) -> Step:
        record = Record(
            case_number=seen.message.form.case_number,
            message_id=seen.message.header.message_id,
            what="form.faulted",
            detail=f"{fault.code}: {fault.message_en}",
            at=seen.at,
        )
        return Step(exchange=exchange, effects=[record], fault=fault)

    def _repetition(self, exchange: Exchange | None, known: Delivery, seen: DocumentReceived) -> Step:
        # The first arrival decides; a repetition gets the same receipt, or an acknowledgement while there is none
        # (RCPT-6). A case that a query shows once more is not waiting for an answer.
        receipt = None if seen.by_query else known.receipt
        record = Record(
            case_number=known.form.case_number,
            message_id=known.message_id,
            what="form.repeated",
            detail=f"{known.form.form_type}, {known.state}; no second effect",
            at=seen.at,
        )
        return Step(exchange=exchange, effects=[record], receipt=receipt)

    def _refuse_at_the_door(self, exchange: Exchange, delivery: Delivery, fault: Fault, at: datetime) -> Step:
        delivery.state = DeliveryState.REFUSED
        delivery.receipt = _error_receipt(delivery, fault, at)
        record = _record(exchange, delivery.message_id, "form.refused", f"{fault.code}: {fault.message_en}", at)
        return Step(exchange=exchange, effects=[record], receipt=delivery.receipt, changed=True)

    # Receipts

    def _receipt(self, exchange: Exchange | None, seen: ReceiptReceived) -> Step:
        receipt, at = seen.receipt, seen.at
        delivery = exchange.deliveries.get(receipt.form_message_id) if exchange is not None else None
        standing, reason = classify(
            delivery,
            receipt,
            seen.side,
            case_known=exchange is not None,
            form_case=seen.form_case,
            in_other_response=seen.in_other_response,
        )
        if standing is not ReceiptStanding.EFFECTIVE or exchange is None or delivery is None:
            record = Record(
                case_number=receipt.case_number,
                message_id=receipt.form_message_id,
                what=f"receipt.{standing}",
                detail=f"{receipt.outcome}: {reason}",
                at=at,
            )
            kept = KeepReceipt(given_by=seen.side, receipt=receipt, standing=standing, reason=reason, at=at)
            return Step(exchange=exchange, effects=[record, kept])

        confirmed = receipt.outcome is ReceiptOutcome.CONFIRMED
        delivery.receipt = receipt
        exchange.changed_at = at
        effects: list[Effect] = []
        happening = Happening.RECEIPT_CONFIRMS if confirmed else Happening.RECEIPT_REFUSES
        self._happen(exchange, delivery, happening, effects, at)
        if confirmed:
            self._apply(exchange, delivery, effects, at)
        else:
            code = receipt.fault.code.value if receipt.fault else "no code"
            effects.append(_record(exchange, delivery.message_id, "receipt.effective", f"error: {code}", at))
            if delivery.applied:
                # The far side answered in a way that proved arrival, and now says the opposite.
                effects.append(
                    _record(
                        exchange,
                        delivery.message_id,
                        "lifecycle.anomaly",
                        f"{delivery.form.form_type} was refused after a later form had proved its effect",
                        at,
                    )
                )
        self._send_next(exchange, delivery.direction, effects, at)
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    def _apply(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        """Move the view, now that the recipient has confirmed the form."""
        before = exchange.stage
        if delivery.applied:
            detail = f"confirmed; its effect was already proved by a later form, still {before}"
            effects.append(_record(exchange, delivery.message_id, "receipt.effective", detail, at))
            return
        view = CaseView(before, exchange.task_number, exchange.filing_ordinal, exchange.rejections)
        after = advance(view, delivery.form, self._choices)
        proved: list[Delivery] = []
        if after is None:
            after, proved = self._advance_through_pending(exchange, view, delivery)
        if after is None:
            detail = f"{delivery.form.form_type} was confirmed but is not legal in {before}; nothing moves"
            effects.append(_record(exchange, delivery.message_id, "lifecycle.anomaly", detail, at))
            return
        delivery.applied = True
        for each in proved:
            each.applied = True
            detail = f"the confirmed {delivery.form.form_type} proves the arrival of {each.form.form_type}"
            effects.append(_record(exchange, each.message_id, "lifecycle.proved", detail, at))
        exchange.stage, exchange.task_number, exchange.filing_ordinal, exchange.rejections = after
        detail = f"confirmed; {before} -> {exchange.stage}"
        effects.append(_record(exchange, delivery.message_id, "receipt.effective", detail, at))
        for each in (*proved, delivery):
            if isinstance(each.form, Rejection) and not is_within_limit(each.form.ordinal, self._choices):
                notice = open_matter(exchange, f"repeated_rejection:filing:{view.filing_ordinal}", at)
                if notice is not None:
                    effects.append(notice)
        if exchange.stage in FINAL_STAGES and exchange.open_matters:
            effects.extend(end_case_matters(exchange, at))

    def _advance_through_pending(
        self, exchange: Exchange, view: CaseView, delivery: Delivery
    ) -> tuple[CaseView | None, list[Delivery]]:
        """Reach a view in which the form is legal over forms of the other direction that may have arrived."""
        proved: list[Delivery] = []
        for each in exchange.deliveries.values():
            if each.direction is delivery.direction or each.applied or each.state not in MAY_HAVE_ARRIVED:
                continue
            further = advance(view, each.form, self._choices)
            if further is None:
                continue
            view = further
            proved.append(each)
            after = advance(view, delivery.form, self._choices)
            if after is not None:
                return after, proved
        return None, []

    # How a sending ended

    def _send_succeeded(self, exchange: Exchange | None, ended: SendSucceeded) -> Step:
        return self._ended(exchange, ended, Happening.ACKNOWLEDGED, "sending.acknowledged", "")

    def _send_unanswered(self, exchange: Exchange | None, ended: SendUnanswered) -> Step:
        return self._ended(exchange, ended, Happening.UNANSWERED, "sending.unanswered", ended.detail)

    def _send_cut_off(self, exchange: Exchange | None, ended: SendCutOff) -> Step:
        return self._ended(exchange, ended, Happening.CUT_OFF, "sending.cut_off", "the bridge went down meanwhile")

    def _send_refused(self, exchange: Exchange | None, ended: SendRefused) -> Step:
        fault = ended.fault
        if fault is None:
            return self._ended(exchange, ended, Happening.NOT_TAKEN, "sending.not_taken", "no connection")
        detail = f"{fault.code}: {fault.message_en}"
        if fault.code in ACCOUNT_NOT_ACCEPTED:
            return self._ended(exchange, ended, Happening.SHUT_OUT, "sending.shut_out", detail, fault)
        if remedy_for(fault.code) is Remedy.RETRY:
            return self._ended(exchange, ended, Happening.NOT_TAKEN, "sending.not_taken", detail, fault)
        return self._ended(exchange, ended, Happening.FAULTED, "sending.refused", detail, fault)

    def _ended(
        self,
        exchange: Exchange | None,
        ended: SendSucceeded | SendRefused | SendUnanswered | SendCutOff,
        happening: Happening,
        what: str,
        detail: str,
        fault: Fault | None = None,
    ) -> Step:
        at = ended.at
        delivery = exchange.deliveries.get(ended.message_id) if exchange is not None else None
        if (
            exchange is None
            or delivery is None
            or ended.attempt != delivery.attempts
            or happening not in DELIVERY[delivery.state]
        ):
            # Such as the answer to a sending whose receipt, or whose repetition by a person, overtook it.
            state = delivery.state.value if delivery is not None else "unknown"
            return _moot(exchange, ended, "sending.moot", f"{what}, but the form is {state}")
        exchange.changed_at = at
        delivery.trouble = _trouble(happening, fault)
        if fault is not None and DELIVERY[delivery.state][happening][1] is Action.ANSWER_WITH_ERROR:
            delivery.receipt = _error_receipt(delivery, fault, at)
        note = f"attempt {delivery.attempts}; {detail}" if detail else f"attempt {delivery.attempts}"
        effects: list[Effect] = [_record(exchange, delivery.message_id, what, note, at)]
        self._happen(exchange, delivery, happening, effects, at)
        if delivery.state in FINAL_STATES:
            self._send_next(exchange, delivery.direction, effects, at)
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    def _receipt_not_given(self, exchange: Exchange | None, ended: ReceiptNotGiven) -> Step:
        """Give the receipt of a form that was shown by query again after a gap, until it is taken: nobody asks for it (XCHG-2)."""
        delivery = exchange.deliveries.get(ended.message_id) if exchange is not None else None
        if exchange is None or delivery is None or not delivery.by_query or delivery.receipt is None:
            return _moot(exchange, ended, "receipt.left", "the form's sender asks for it by sending the form again")
        delivery.receipts_not_given += 1
        gap = gap_after(delivery.receipts_not_given, self._gaps)
        delivery.due_at = ended.at + spread(
            gap, self._jitter, self._seed, delivery.message_id, delivery.receipts_not_given
        )
        effects: list[Effect] = [
            _record(
                exchange, ended.message_id, "receipt.waits", "shown by query; the receipt is given again", ended.at
            ),
            SetTimer(case_number=exchange.case_number, message_id=ended.message_id, due_at=delivery.due_at),
        ]
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    # Timers and people

    def _timer(self, exchange: Exchange | None, fired: TimerFired) -> Step:
        delivery = exchange.deliveries.get(fired.message_id) if exchange is not None else None
        if exchange is not None and delivery is not None and delivery.state in FINAL_STATES:
            return self._receipt_due(exchange, delivery, fired)
        happening = TIMER_MEANS.get(delivery.state) if delivery is not None else None
        if (
            exchange is None
            or delivery is None
            or happening is None
            or delivery.due_at is None
            or fired.at < delivery.due_at
        ):
            return _moot(exchange, fired, "timer.moot", "nothing is due")
        at = fired.at
        # A timer that was set before there were limits knows its step alone.
        next_step_at = delivery.next_step_at or delivery.due_at
        delivery.due_at = None
        exchange.changed_at = at
        effects: list[Effect] = []
        if self._is_past(delivery, self._warn_after, at):
            self._warn(exchange, delivery, effects, at)
        if self._is_past(delivery, self._park_after, at):
            happening = Happening.TIME_USED_UP
        elif at < next_step_at:
            self._set_timer(exchange, delivery, next_step_at, effects)
            return Step(exchange=exchange, effects=effects, accepted=True, changed=True)
        if happening is Happening.OVERDUE:
            delivery.trouble = happening.value
        effects.append(_record(exchange, fired.message_id, f"timer.{happening}", f"attempt {delivery.attempts}", at))
        self._happen(exchange, delivery, happening, effects, at)
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    def _receipt_due(self, exchange: Exchange, delivery: Delivery, fired: TimerFired) -> Step:
        """The one timer that a form can have after its end: its receipt is to be given again."""
        at = fired.at
        if delivery.due_at is None or at < delivery.due_at or delivery.receipt is None:
            return _moot(exchange, fired, "timer.moot", "nothing is due")
        delivery.due_at = None
        again = f"call {delivery.receipts_not_given + 1}"
        effects: list[Effect] = [
            _record(exchange, delivery.message_id, "receipt.again", again, at),
            GiveReceipt(to=_SENDER_OF[delivery.direction], receipt=delivery.receipt),
        ]
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    def _clock_set_back(self, exchange: Exchange | None, seen: ClockSetBack) -> Step:
        """Leave of each gap and limit what was left of it; a repetition that waited for the old time would be days late."""
        delivery = exchange.deliveries.get(seen.message_id) if exchange is not None else None
        if exchange is None or delivery is None or delivery.due_at is None:
            return _moot(exchange, seen, "timer.moot", "nothing is due")
        delivery.due_at -= seen.by
        if delivery.next_step_at is not None:
            delivery.next_step_at -= seen.by
        if delivery.on_its_way_since is not None:
            delivery.on_its_way_since -= seen.by
        detail = f"the clock was set back by {round(seen.by.total_seconds())} s"
        return Step(
            exchange=exchange,
            effects=[
                _record(exchange, seen.message_id, "timer.moved", detail, seen.at),
                SetTimer(case_number=exchange.case_number, message_id=seen.message_id, due_at=delivery.due_at),
            ],
            accepted=True,
            changed=True,
        )

    def _warn(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        """Tell the contact that the receipt is overdue, once, while repetition goes on (RCPT-5, CONT-2)."""
        notice = open_matter(exchange, overdue_key(delivery.direction, delivery.message_id), at)
        if notice is not None:
            since = delivery.on_its_way_since
            told = f"on its way since {since.isoformat() if since else 'long'}, attempt {delivery.attempts}"
            effects.append(_record(exchange, delivery.message_id, "form.overdue", told, at))
            effects.append(notice)

    @staticmethod
    def _is_past(delivery: Delivery, limit: timedelta | None, at: datetime) -> bool:
        since = delivery.on_its_way_since
        return limit is not None and since is not None and at >= since + limit

    def _operator(self, exchange: Exchange | None, act: OperatorDecided) -> Step:
        delivery = exchange.deliveries.get(act.message_id) if exchange is not None else None
        happening = OPERATOR_ACTS.get(act.act)
        if exchange is None or delivery is None or happening is None or happening not in DELIVERY[delivery.state]:
            state = delivery.state.value if delivery is not None else "unknown"
            record = Record(
                case_number=act.case_number,
                message_id=act.message_id,
                what="operator.refused",
                detail=f"{act.act} by {act.operator}: the form is {state}",
                at=act.at,
            )
            return Step(exchange=exchange, effects=[record])
        exchange.changed_at = act.at
        effects: list[Effect] = [
            _record(exchange, act.message_id, f"operator.{act.act}", f"{act.operator}: {act.reason}", act.at)
        ]
        if happening is Happening.ABANDONED:
            delivery.receipt = _error_receipt(delivery, _abandoned(act.reason), act.at)
        elif happening is Happening.RELEASED:
            delivery.on_its_way_since = None
        elif happening is Happening.HELD:
            delivery.trouble = happening.value
        self._happen(exchange, delivery, happening, effects, act.at)
        if delivery.state in FINAL_STATES:
            self._send_next(exchange, delivery.direction, effects, act.at)
        return Step(exchange=exchange, effects=effects, accepted=True, changed=True)

    # The delivery table, carried out

    def _happen(
        self, exchange: Exchange, delivery: Delivery, happening: Happening, effects: list[Effect], at: datetime
    ) -> None:
        delivery.state, action = DELIVERY[delivery.state][happening]
        carry_out = self._actions.get(action)
        if carry_out is not None:
            carry_out(exchange, delivery, effects, at)
        else:
            self._give_receipt(exchange, delivery, effects, at)

    def _send(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._clear_timer(exchange, delivery, effects)
        delivery.attempts += 1
        if delivery.on_its_way_since is None:
            delivery.on_its_way_since = at
        given = delivery.header
        header = Header(
            message_id=given.message_id,
            sender=given.sender,
            recipient=given.recipient,
            case_number=given.case_number,
            form_type=given.form_type,
            attempt=delivery.attempts,
            sent_at=at,
            contract_version=given.contract_version,
        )
        message = FormMessage(header=header, form=delivery.form)
        effects.append(Send(to=_RECIPIENT_OF[delivery.direction], message=message))

    def _await_receipt(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._set_timer(exchange, delivery, at + self._receipt_timeout, effects)

    def _wait_for_gap(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        if are_used_up(delivery.attempts - delivery.uncounted, self._max_attempts):
            self._happen(exchange, delivery, Happening.ATTEMPTS_USED_UP, effects, at)
        else:
            self._set_timer(exchange, delivery, at + self._gap(delivery), effects)

    def _wait_for_account(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        # The form's own clock stands still: whoever looks after the account has been told, and it is not the form that is late.
        delivery.uncounted += 1
        delivery.on_its_way_since = None
        self._set_timer(exchange, delivery, at + self._gap(delivery), effects)

    def _gap(self, delivery: Delivery) -> timedelta:
        gap = gap_after(delivery.attempts, self._gaps)
        return spread(gap, self._jitter, self._seed, delivery.message_id, delivery.attempts)

    def _tell_contact(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._clear_timer(exchange, delivery, effects)
        effects.append(_record(exchange, delivery.message_id, "form.parked", f"after {delivery.attempts} sendings", at))
        notice = open_matter(exchange, parked_key(delivery.direction, delivery.message_id), at)
        if notice is not None:
            effects.append(notice)

    def _give_receipt(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._clear_timer(exchange, delivery, effects)
        receipt = delivery.receipt
        if receipt is not None:
            effects.append(GiveReceipt(to=_SENDER_OF[delivery.direction], receipt=receipt))
        delivery.trouble = ""
        if exchange.open_matters:
            for key_of in (overdue_key, parked_key):
                notice = end_matter(exchange, key_of(delivery.direction, delivery.message_id), at)
                if notice is not None:
                    effects.append(notice)

    def _send_next(self, exchange: Exchange, direction: Direction, effects: list[Effect], at: datetime) -> None:
        for each in exchange.deliveries.values():
            if each.direction is direction and each.state not in FINAL_STATES:
                if each.state is DeliveryState.WAITING:
                    self._happen(exchange, each, Happening.ITS_TURN, effects, at)
                return

    def _set_timer(self, exchange: Exchange, delivery: Delivery, next_step_at: datetime, effects: list[Effect]) -> None:
        """Run the form's one timer to its next step, or to a limit that comes before."""
        delivery.next_step_at = next_step_at
        due_at, since = next_step_at, delivery.on_its_way_since
        if since is not None:
            if self._park_after is not None:
                due_at = min(due_at, since + self._park_after)
            if self._warn_after is not None and since + self._warn_after < due_at:
                told = overdue_key(delivery.direction, delivery.message_id) in exchange.open_matters
                due_at = due_at if told else since + self._warn_after
        delivery.due_at = due_at
        effects.append(SetTimer(case_number=exchange.case_number, message_id=delivery.message_id, due_at=due_at))

    def _clear_timer(self, exchange: Exchange, delivery: Delivery, effects: list[Effect]) -> None:
        delivery.next_step_at = None
        if delivery.due_at is not None:
            delivery.due_at = None
            effects.append(SetTimer(case_number=exchange.case_number, message_id=delivery.message_id, due_at=None))


#: What a person can do, by the word that stands in the journal and in the audit.
OPERATOR_ACTS = {
    "park": Happening.HELD,
    "release": Happening.RELEASED,
    "resend": Happening.RESENT,
    "abandon": Happening.ABANDONED,
}


def _span(seconds: int) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None


def _trouble(happening: Happening, fault: Fault | None) -> str:
    if happening is Happening.ACKNOWLEDGED:
        return ""
    return fault.code.value if fault is not None else happening.value


def _moot(
    exchange: Exchange | None,
    seen: SendSucceeded | SendRefused | SendUnanswered | SendCutOff | ReceiptNotGiven | TimerFired | ClockSetBack,
    what: str,
    detail: str,
) -> Step:
    """Change nothing and say why; the case may not even be known."""
    record = Record(case_number=seen.case_number, message_id=seen.message_id, what=what, detail=detail, at=seen.at)
    return Step(exchange=exchange, effects=[record])


def _record(exchange: Exchange, message_id: str | None, what: str, detail: str, at: datetime) -> Record:
    return Record(case_number=exchange.case_number, message_id=message_id, what=what, detail=detail, at=at)


def _tell_of_duplicates(
    exchange: Exchange, filing: FilingResult, same_content_case: str | None, effects: list[Effect], at: datetime
) -> None:
    """Tell at once, when the urban platform's decision crosses (EXC-1)."""
    notice: Notify | None = None
    if filing.decline_reason is DeclineReason.DUPLICATE:
        notice = open_matter(exchange, f"duplicate:declined:{filing.original_case_number}", at)
    elif filing.task_number is not None and same_content_case is not None:
        notice = open_matter(exchange, f"duplicate:filed:{same_content_case}", at)
    if notice is not None:
        effects.append(notice)


def _error_receipt(delivery: Delivery, fault: Fault, at: datetime) -> Receipt:
    return Receipt(
        case_number=delivery.form.case_number,
        form_message_id=delivery.message_id,
        form_type=delivery.form.form_type,
        outcome=ReceiptOutcome.ERROR,
        decided_at=at,
        fault=fault,
    )


def _wrong_party(header: Header) -> Fault:
    return Fault(
        code=ErrorCode.WRONG_PARTY,
        field="messageHeader/sender",
        message_zh=f"发送方 {header.sender} 或接收方 {header.recipient} 与对接配置不符",
        message_en=f"sender {header.sender} or recipient {header.recipient} is not that of this link",
    )


def _message_id_reused(message_id: str) -> Fault:
    return Fault(
        code=ErrorCode.MESSAGE_ID_REUSED,
        field="messageHeader/messageId",
        message_zh=f"报文标识 {message_id} 已用于内容不同的表单",
        message_en=f"message id {message_id} was used before for another content",
    )


def _abandoned(reason: str) -> Fault:
    return Fault(
        code=ErrorCode.DELIVERY_ABANDONED,
        field=None,
        message_zh=f"传递已由操作员终止,对方是否收到不明:{reason}",
        message_en=f"an operator ended the sending; whether it arrived is not known: {reason}",
    )
