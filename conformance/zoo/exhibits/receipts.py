"""Wrong ways with receipts: giving them, matching them, and answering what comes twice (RCPT-1, RCPT-2, RCPT-3, RCPT-6)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.core.effects import Effect, GiveReceipt
from bridge.core.engine import Engine, Step
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.inputs import DocumentReceived, ReceiptReceived
from bridge.core.ports import UnitOfWork
from bridge.core.shell import Verdict
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import FilingResult, Form
from bridge.vocabulary.messages import Fault, FormMessage, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Side
from conformance.zoo.bases import RereadingMailroom, WrongBridge
from conformance.zoo.member import member
from simulators.exchange.mailroom import Arrival, Decide, KeptAs, KeptFor, Mailroom, Sending, SendingState
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

# ── RCPT-1: every form has one receipt, under its own case number ───────────────────────────────────


class _GivesNone(Mailroom):
    def _answer(self, arrival: Arrival, now: datetime, place: int) -> Answered:
        return Answered()


@member(
    "grid-forgets-receipts",
    clause="RCPT-1",
    zh="收到表单只应答“已收到”,从不给出回执",
    en="acknowledges a form and never gives its receipt",
)
class GridForgetsReceipts(GridPlatform):
    mailroom_type = _GivesNone


@member(
    "urban-forgets-receipts",
    clause="RCPT-1",
    zh="收到表单只应答“已收到”,从不给出回执",
    en="acknowledges a form and never gives its receipt",
)
class UrbanForgetsReceipts(UrbanPlatform):
    mailroom_type = _GivesNone


class _KeepsReceipts(Engine):
    def _give_receipt(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        given = len(effects)
        super()._give_receipt(exchange, delivery, effects, at)
        effects[given:] = [each for each in effects[given:] if not isinstance(each, GiveReceipt)]


@member(
    "bridge-forgets-receipts",
    clause="RCPT-1",
    zh="收件方的回执到桥为止,不转交给表单的发送方",
    en="keeps the recipient's receipt to itself instead of handing it on to the form's sender",
)
class BridgeForgetsReceipts(WrongBridge):
    engine_type = _KeepsReceipts


class _WrongCase(Mailroom):
    """Writes the number of the case it dealt with before."""

    _last = ""

    def _receipted(self, message_id: str, form: Form, fault: Fault | None, now: datetime) -> Arrival:
        arrival = super()._receipted(message_id, form, fault, now)
        last, self._last = self._last or form.case_number, form.case_number
        arrival.receipt = replace(arrival.receipt, case_number=last)
        return arrival


@member(
    "urban-receipts-under-another-case",
    clause="RCPT-1",
    zh="回执写成了前一个办理的案卷的案卷号",
    en="writes the number of the case it dealt with before into the receipt",
)
class UrbanReceiptsUnderAnotherCase(UrbanPlatform):
    mailroom_type = _WrongCase


# ── RCPT-2: a receipt is a confirmation by the business system, or an error that can be acted upon ──


class _FaultsInsteadOfErrors(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        answer = super().form_arrived(message, now, decide)
        receipt = self.receipt_given(message.header.message_id)
        if isinstance(answer, Answered) and receipt is not None and receipt.fault is not None:
            # What is refused is told as a technical fault; the planned receipt never leaves.
            self._arrivals[message.header.message_id].due_at = None
            self._calls = [
                call
                for call in self._calls
                if not isinstance(call.message, ReceiptMessage)
                or call.message.receipt.form_message_id != message.header.message_id
            ]
            return Faulted(fault=receipt.fault)
        return answer


@member(
    "grid-answers-errors-as-faults",
    clause="RCPT-2",
    zh="业务上退回的表单不给错误回执,只抛 SOAP 故障",
    en="throws a SOAP fault where a form that it refuses should get an error receipt",
)
class GridAnswersErrorsAsFaults(GridPlatform):
    mailroom_type = _FaultsInsteadOfErrors


class _ConfirmsAll(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        def welcome(form: Form) -> Fault | None:
            decide(form)
            return None

        return super().form_arrived(message, now, welcome)


@member(
    "grid-confirms-what-it-refuses",
    clause="RCPT-2",
    zh="收到即回“已确认”,业务系统退回的表单也照样确认",
    en="confirms whatever arrives, even what its business system refuses",
)
class GridConfirmsWhatItRefuses(GridPlatform):
    mailroom_type = _ConfirmsAll


@member(
    "urban-confirms-what-it-refuses",
    clause="RCPT-2",
    zh="收到即回“已确认”,业务系统退回的表单也照样确认",
    en="confirms whatever arrives, even what its business system refuses",
)
class UrbanConfirmsWhatItRefuses(UrbanPlatform):
    mailroom_type = _ConfirmsAll


class _NothingToActUpon(Mailroom):
    def _receipted(self, message_id: str, form: Form, fault: Fault | None, now: datetime) -> Arrival:
        if fault is not None:
            fault = Fault(code=ErrorCode.SCHEMA_INVALID, field=None, message_zh="失败", message_en="failed")
        return super()._receipted(message_id, form, fault, now)


@member(
    "urban-says-only-failed",
    clause="RCPT-2",
    zh="错误回执一律只写“失败”,不说代码和字段",
    en="says no more than «failed» in every error receipt: always one code, never a field",
)
class UrbanSaysOnlyFailed(UrbanPlatform):
    mailroom_type = _NothingToActUpon


class _BusyForGood(Mailroom):
    def _receipted(self, message_id: str, form: Form, fault: Fault | None, now: datetime) -> Arrival:
        arrival = super()._receipted(message_id, form, fault, now)
        if arrival.receipt.fault is not None:
            arrival.receipt = replace(arrival.receipt, fault=replace(arrival.receipt.fault, code=ErrorCode.INTERNAL))
        return arrival


@member(
    "urban-calls-every-error-internal",
    clause="RCPT-2",
    zh="错误回执的代码一律写 INTERNAL",
    en="gives INTERNAL as the code of every error receipt",
)
class UrbanCallsEveryErrorInternal(UrbanPlatform):
    mailroom_type = _BusyForGood


class _ConfirmsAtTheDoor(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        step = super()._document(exchange, seen)
        if step.accepted:
            step.effects.append(GiveReceipt(to=seen.side, receipt=_confirmation(seen.message, seen.at)))
        return step

    def _give_receipt(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._clear_timer(exchange, delivery, effects)


def _confirmation(message: FormMessage, at: datetime) -> Receipt:
    return Receipt(
        case_number=message.form.case_number,
        form_message_id=message.header.message_id,
        form_type=message.form.form_type,
        outcome=ReceiptOutcome.CONFIRMED,
        decided_at=at,
    )


@member(
    "bridge-confirms-before-the-business-system",
    clause="RCPT-2",
    zh="表单一进桥就代收件方确认,不管收件方后来怎么说",
    en="confirms a form as soon as it has it, whatever the recipient will say",
)
class BridgeConfirmsBeforeTheBusinessSystem(WrongBridge):
    engine_type = _ConfirmsAtTheDoor


class _TurnsErrorsIntoConfirmations(Engine):
    def _give_receipt(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        if delivery.receipt is not None:
            delivery.receipt = replace(delivery.receipt, outcome=ReceiptOutcome.CONFIRMED, fault=None)
        super()._give_receipt(exchange, delivery, effects, at)


@member(
    "bridge-hides-errors",
    clause="RCPT-2",
    zh="收件方退回的表单,桥也向发送方报“已确认”",
    en="tells the sender «confirmed» of a form that the recipient refused",
)
class BridgeHidesErrors(WrongBridge):
    engine_type = _TurnsErrorsIntoConfirmations


class _WantsNoReason(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        form = seen.message.form
        if isinstance(form, FilingResult) and form.decline_reason is not None and not (form.reason or "").strip():
            seen = seen._replace(message=replace(seen.message, form=replace(form, reason="-")))
        return super()._document(exchange, seen)


@member(
    "bridge-lets-a-bare-decline-through",
    clause="RCPT-2",
    zh="没有理由的不予立案照样转发",
    en="relays a declined filing that gives no reason",
)
class BridgeLetsABareDeclineThrough(WrongBridge):
    engine_type = _WantsNoReason


# ── RCPT-3: receipts that nobody waits for change nothing ───────────────────────────────────────────


class _ByCaseNumber(RereadingMailroom):
    def reread(self, receipt: Receipt, message: ReceiptMessage | None) -> Receipt:
        queue = self._queues.get(receipt.case_number)
        if not queue or queue[0].state in {SendingState.WAITING, SendingState.PARKED}:
            return receipt
        return replace(receipt, form_message_id=queue[0].message_id, form_type=queue[0].form_type)


@member(
    "grid-matches-receipts-by-case-number",
    clause="RCPT-3",
    zh="回执只按案卷号对应,不看它答复的是哪一份表单",
    en="matches a receipt by its case number alone, whichever form it answers",
)
class GridMatchesReceiptsByCaseNumber(GridPlatform):
    mailroom_type = _ByCaseNumber


class _ByArrival(RereadingMailroom):
    def reread(self, receipt: Receipt, message: ReceiptMessage | None) -> Receipt:
        under_way = (s for s in self._sendings.values() if s.due_at is not None and s.attempts)
        oldest = min(under_way, key=lambda s: s.posted_at, default=None)
        if oldest is None or message is None:
            return receipt
        return replace(
            receipt, case_number=oldest.case_number, form_message_id=oldest.message_id, form_type=oldest.form_type
        )


@member(
    "urban-matches-receipts-by-arrival",
    clause="RCPT-3",
    zh="回执按到达先后对应最早发出的表单",
    en="takes each receipt for the answer to the form that has waited longest",
)
class UrbanMatchesReceiptsByArrival(UrbanPlatform):
    mailroom_type = _ByArrival


class _AlwaysEffective(Mailroom):
    """Whatever receipt came last is the one that counts."""

    settled: tuple[SendingState, ...] = ()

    def _receipt(
        self,
        receipt: Receipt,
        now: datetime,
        message: ReceiptMessage | None,
        in_response_to: Sending | None = None,
    ) -> None:
        sending = self._sendings.get(receipt.form_message_id)
        if sending is None or sending.state not in self.settled or sending.case_number != receipt.case_number:
            super()._receipt(receipt, now, message, in_response_to)
            return
        self._keep(receipt, KeptFor.AWAITED, now, message)
        confirmed = receipt.outcome is ReceiptOutcome.CONFIRMED
        state = SendingState.CONFIRMED if confirmed else SendingState.REFUSED
        sending.receipt, sending.fault = receipt, receipt.fault
        if sending.state is SendingState.PARKED:
            self._finish(sending, state, now)
        else:
            sending.state = state


class _LastWordCounts(_AlwaysEffective):
    settled = (SendingState.CONFIRMED, SendingState.REFUSED)


@member(
    "grid-lets-the-last-receipt-count",
    clause="RCPT-3",
    zh="同一表单以最后到的回执为准,已确认的会变成已退回,已退回的会变成已确认",
    en="lets the last receipt count: what was confirmed becomes refused, what was refused becomes confirmed",
)
class GridLetsTheLastReceiptCount(GridPlatform):
    mailroom_type = _LastWordCounts


@member(
    "urban-lets-the-last-receipt-count",
    clause="RCPT-3",
    zh="同一表单以最后到的回执为准,已确认的会变成已退回,已退回的会变成已确认",
    en="lets the last receipt count: what was confirmed becomes refused, what was refused becomes confirmed",
)
class UrbanLetsTheLastReceiptCount(UrbanPlatform):
    mailroom_type = _LastWordCounts


class _LateIsFine(_AlwaysEffective):
    settled = (SendingState.PARKED,)


@member(
    "urban-takes-late-receipts",
    clause="RCPT-3",
    zh="表单挂起后才到的迟到回执照样生效",
    en="lets a late receipt settle a form that was parked already",
)
class UrbanTakesLateReceipts(UrbanPlatform):
    mailroom_type = _LateIsFine


class _RefusesStrays(Mailroom):
    def receipt_arrived(self, message: ReceiptMessage, now: datetime) -> Answered | Faulted:
        kept = len(self._kept)
        answer = super().receipt_arrived(message, now)
        if len(self._kept) > kept and self._kept[-1].kept_as is not KeptAs.EFFECTIVE:
            return Faulted(
                fault=Fault(
                    code=ErrorCode.OUT_OF_SEQUENCE,
                    field=None,
                    message_zh="没有等待此回执的表单。",
                    message_en="No form waits for this receipt.",
                )
            )
        return answer


@member(
    "urban-faults-stray-receipts",
    clause="RCPT-3",
    zh="无人等待的回执被当作故障退回,而不是留存",
    en="faults a receipt that nobody waits for instead of keeping it",
)
class UrbanFaultsStrayReceipts(UrbanPlatform):
    mailroom_type = _RefusesStrays


class _ForgetsStrays(Mailroom):
    def _keep(self, receipt: Receipt, reason: KeptFor, now: datetime, message: ReceiptMessage | None) -> None:
        if reason is KeptFor.AWAITED:
            super()._keep(receipt, reason, now, message)


@member(
    "grid-keeps-no-stray-receipts",
    clause="RCPT-3",
    zh="迟到、重复、矛盾、无主的回执直接丢弃,查不到",
    en="throws away receipts that are late, repeated, contradictory or stray: nobody can look at them",
)
class GridKeepsNoStrayReceipts(GridPlatform):
    mailroom_type = _ForgetsStrays


@member(
    "bridge-matches-receipts-by-case-number",
    clause="RCPT-3",
    zh="回执只按案卷号对应,不看它答复的是哪一份表单",
    en="matches a receipt by its case number alone, whichever form it answers",
)
class BridgeMatchesReceiptsByCaseNumber(WrongBridge):
    def _take_receipt(
        self, work: UnitOfWork, side: Side, receipt: Receipt, at: datetime, *, in_other_response: bool = False
    ) -> None:
        exchange = work.exchange(receipt.case_number)
        if exchange is not None and receipt.form_message_id not in exchange.deliveries:
            waiting = (
                each
                for each in exchange.deliveries.values()
                if each.is_under_way and each.attempts and each.direction.recipient is side
            )
            found = next(waiting, None)
            if found is not None:
                receipt = replace(receipt, form_message_id=found.message_id, form_type=found.form_type)
        super()._take_receipt(work, side, receipt, at, in_other_response=in_other_response)


class _FromAnybody(Engine):
    def _receipt(self, exchange: Exchange | None, seen: ReceiptReceived) -> Step:
        delivery = None if exchange is None else exchange.deliveries.get(seen.receipt.form_message_id)
        if delivery is not None:
            seen = seen._replace(side=delivery.direction.recipient)
        return super()._receipt(exchange, seen)


@member(
    "bridge-takes-receipts-from-anybody",
    clause="RCPT-3",
    zh="不看回执是谁给的,表单的发送方自己也能给自己确认",
    en="does not look who gives a receipt: a form's own sender can confirm it",
)
class BridgeTakesReceiptsFromAnybody(WrongBridge):
    engine_type = _FromAnybody


class _LetsLateReceiptsCount(Engine):
    def _receipt(self, exchange: Exchange | None, seen: ReceiptReceived) -> Step:
        delivery = None if exchange is None else exchange.deliveries.get(seen.receipt.form_message_id)
        if delivery is not None and delivery.state is DeliveryState.PARKED:
            delivery.state = DeliveryState.IN_DOUBT
        return super()._receipt(exchange, seen)


@member(
    "bridge-takes-late-receipts",
    clause="RCPT-3",
    zh="表单挂起后才到的迟到回执照样生效",
    en="lets a late receipt settle a form that was parked already",
)
class BridgeTakesLateReceipts(WrongBridge):
    engine_type = _LetsLateReceiptsCount


class _LetsTheLastCount(Engine):
    def _receipt(self, exchange: Exchange | None, seen: ReceiptReceived) -> Step:
        delivery = None if exchange is None else exchange.deliveries.get(seen.receipt.form_message_id)
        if delivery is not None and delivery.state in {DeliveryState.REFUSED, DeliveryState.CONFIRMED}:
            delivery.state = DeliveryState.AWAITING_RECEIPT
        return super()._receipt(exchange, seen)


@member(
    "bridge-lets-the-last-receipt-count",
    clause="RCPT-3",
    zh="同一表单以最后到的回执为准,矛盾的回执再次改变案卷",
    en="lets the last receipt count: a contradictory one changes the case once more",
)
class BridgeLetsTheLastReceiptCount(WrongBridge):
    engine_type = _LetsTheLastCount


# ── RCPT-6: what comes twice has one effect and one answer ──────────────────────────────────────────


class _TakesItAgain(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        known = self._arrivals.get(message.header.message_id)
        if known is not None and known.form == message.form:
            del self._arrivals[message.header.message_id]
        return super().form_arrived(message, now, decide)


@member(
    "grid-takes-a-repetition-for-new",
    clause="RCPT-6",
    zh="重复的表单当新表单再办一次",
    en="deals with a repeated form as if it were a new one",
)
class GridTakesARepetitionForNew(GridPlatform):
    mailroom_type = _TakesItAgain


@member(
    "urban-takes-a-repetition-for-new",
    clause="RCPT-6",
    zh="重复的表单当新表单再办一次",
    en="deals with a repeated form as if it were a new one",
)
class UrbanTakesARepetitionForNew(UrbanPlatform):
    mailroom_type = _TakesItAgain


class _ConfirmsRepetitions(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        known = self._arrivals.get(message.header.message_id)
        if known is not None and known.form == message.form and known.receipt.fault is not None:
            known.receipt = replace(known.receipt, outcome=ReceiptOutcome.CONFIRMED, fault=None)
        return super().form_arrived(message, now, decide)


@member(
    "urban-confirms-a-duplicate-of-a-failure",
    clause="RCPT-6",
    zh="已退回的表单再次到达时回“已确认”",
    en="confirms a form on its second arrival that it refused on the first",
)
class UrbanConfirmsADuplicateOfAFailure(UrbanPlatform):
    mailroom_type = _ConfirmsRepetitions


class _SilentOnRepetition(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        known = self._arrivals.get(message.header.message_id)
        if known is not None and known.form == message.form:
            return Answered()
        return super().form_arrived(message, now, decide)


@member(
    "grid-gives-no-receipt-twice",
    clause="RCPT-6",
    zh="重复的表单只应答“已收到”,不再给出回执",
    en="acknowledges a repeated form without giving its receipt again",
)
class GridGivesNoReceiptTwice(GridPlatform):
    mailroom_type = _SilentOnRepetition


class _SecondThoughts(Mailroom):
    def _answer(self, arrival: Arrival, now: datetime, place: int) -> Answered:
        if arrival.given:
            fault = Fault(
                code=ErrorCode.OUT_OF_SEQUENCE, field=None, message_zh="表单已处理过。", message_en="Dealt with before."
            )
            arrival.receipt = replace(arrival.receipt, outcome=ReceiptOutcome.ERROR, fault=fault)
        return super()._answer(arrival, now, place)


@member(
    "urban-contradicts-itself",
    clause="RCPT-6",
    zh="已确认的表单再次到达时回“错误:已处理过”",
    en="answers a repeated form that it confirmed with the error that it was dealt with before",
)
class UrbanContradictsItself(UrbanPlatform):
    mailroom_type = _SecondThoughts


class _ForgetsContent(Mailroom):
    def form_arrived(self, message: FormMessage, now: datetime, decide: Decide) -> Answered | Faulted:
        known = self._arrivals.get(message.header.message_id)
        if known is not None:
            message = replace(message, form=known.form)
        return super().form_arrived(message, now, decide)


@member(
    "grid-does-not-look-into-a-repetition",
    clause="RCPT-6",
    zh="报文标识相同即当作重复,内容不同也不察觉",
    en="takes every message under a known id for a repetition, even one with other content",
)
class GridDoesNotLookIntoARepetition(GridPlatform):
    mailroom_type = _ForgetsContent


class _ConfirmsRepeated(Engine):
    def _repetition(self, exchange: Exchange | None, known: Delivery, seen: DocumentReceived) -> Step:
        step = super()._repetition(exchange, known, seen)
        step.receipt = _confirmation(seen.message, seen.at)
        return step


@member(
    "bridge-confirms-every-repetition",
    clause="RCPT-6",
    zh="重复的表单一律回“已确认”,不管第一次是否被退回",
    en="confirms every repeated form, even one that was refused the first time",
)
class BridgeConfirmsEveryRepetition(WrongBridge):
    engine_type = _ConfirmsRepeated


class _RelaysRepetitions(Engine):
    def _repetition(self, exchange: Exchange | None, known: Delivery, seen: DocumentReceived) -> Step:
        step = super()._repetition(exchange, known, seen)
        if exchange is not None and known.state is DeliveryState.CONFIRMED:
            # The form is on its way once more, and the case will move by it once more.
            known.state, known.receipt, known.applied = DeliveryState.SENDING, None, False
            self._send(exchange, known, step.effects, seen.at)
            step.receipt, step.changed = None, True
        return step


@member(
    "bridge-relays-a-repetition-again",
    clause="RCPT-6",
    zh="已有回执的表单重复到达时又转发一遍,而不是给出原回执",
    en="relays a repeated form once more instead of giving the receipt that it has",
)
class BridgeRelaysARepetitionAgain(WrongBridge):
    engine_type = _RelaysRepetitions


@member(
    "bridge-lets-an-id-be-used-twice",
    clause="RCPT-6",
    zh="同一报文标识换了内容也当作重复接收",
    en="takes another content under a known message id for a repetition",
)
class BridgeLetsAnIdBeUsedTwice(WrongBridge):
    def receive_form(self, side: Side, message: FormMessage, fingerprint: str, *content: Any, **more: Any) -> Verdict:
        """Take the form for the one that is on the books under its id."""
        exchange = self.store.read_exchange(message.form.case_number)
        known = None if exchange is None else exchange.deliveries.get(message.header.message_id)
        fingerprint = fingerprint if known is None else known.fingerprint
        return super().receive_form(side, message, fingerprint, *content, **more)
