"""Wrong ways of sending: in turn, again, and never more than that (RCPT-4, RCPT-5)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bridge.core.effects import Effect, Send
from bridge.core.engine import Engine, Step
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.inputs import DocumentReceived, ReceiptReceived, SendUnanswered
from bridge.core.shell import Verdict
from bridge.rules.delivery import Happening
from bridge.vocabulary.calls import Ending, Unanswered
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import Form
from bridge.vocabulary.messages import Fault, FormMessage, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from conformance.zoo.bases import WrongBridge
from conformance.zoo.member import member
from simulators.exchange.mailroom import KeptFor, Mailroom, Sending, SendingState
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

# ── RCPT-4: one form a case and direction at a time, and cases never wait for each other ────────────


class _EverythingAtOnce(Mailroom):
    def post(self, form: Form, now: datetime, *, push: bool = True) -> str:
        message_id = super().post(form, now, push=push)
        sending = self._sendings[message_id]
        if sending.state is SendingState.WAITING and push:
            self._send(sending, now)
        return message_id


@member(
    "grid-sends-before-the-receipt",
    clause="RCPT-4",
    zh="同一案卷的前一表单尚无回执就发出下一表单",
    en="sends the next form of a case before the earlier one has its receipt",
)
class GridSendsBeforeTheReceipt(GridPlatform):
    mailroom_type = _EverythingAtOnce


@member(
    "urban-sends-before-the-receipt",
    clause="RCPT-4",
    zh="同一案卷的前一表单尚无回执就发出下一表单",
    en="sends the next form of a case before the earlier one has its receipt",
)
class UrbanSendsBeforeTheReceipt(UrbanPlatform):
    mailroom_type = _EverythingAtOnce


class _Unordered(Engine):
    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        step = super()._document(exchange, seen)
        if step.accepted and step.exchange is not None:
            delivery = step.exchange.deliveries[seen.message.header.message_id]
            if delivery.state is DeliveryState.WAITING:
                self._happen(step.exchange, delivery, Happening.ITS_TURN, step.effects, seen.at)
        return step


@member(
    "bridge-keeps-no-order",
    clause="RCPT-4",
    zh="平台交来的表单立即全部转发,不等同一案卷前一表单的回执",
    en="relays every form at once, whether or not the case's earlier one has its receipt",
)
class BridgeKeepsNoOrder(WrongBridge):
    engine_type = _Unordered


class _OneQueueForAll(Mailroom):
    def _start_next(self, case_number: str, now: datetime) -> None:
        if all(queue[0].state is SendingState.WAITING for queue in self._queues.values()) and self._queues:
            super()._start_next(next(iter(self._queues)), now)


@member(
    "grid-one-queue-for-all-cases",
    clause="RCPT-4",
    zh="所有案卷排同一个队,一个案卷等回执时其他案卷都不发送",
    en="keeps one queue for all cases: while one waits for its receipt, no other is sent",
)
class GridOneQueueForAll(GridPlatform):
    mailroom_type = _OneQueueForAll


@member(
    "urban-one-queue-for-all-cases",
    clause="RCPT-4",
    zh="所有案卷排同一个队,一个案卷等回执时其他案卷都不发送",
    en="keeps one queue for all cases: while one waits for its receipt, no other is sent",
)
class UrbanOneQueueForAll(UrbanPlatform):
    mailroom_type = _OneQueueForAll


@member(
    "bridge-serves-one-case-at-a-time",
    clause="RCPT-4",
    zh="一个案卷的表单在途时,对其他案卷一律答复“系统忙”",
    en="answers «busy» to every other case while a form of one is under way",
)
class BridgeServesOneCaseAtATime(WrongBridge):
    def opened(self) -> None:
        self._served: set[str] = set()

    def receive_form(self, side: Side, message: FormMessage, *content: Any, **more: Any) -> Verdict:
        """Take a form when no other case has one under way."""
        number = message.form.case_number
        if any(self._has_one_under_way(other) for other in self._served - {number}):
            return Verdict(
                fault=Fault(
                    code=ErrorCode.BUSY, field=None, message_zh="系统忙,请稍后重发", message_en="busy, send again later"
                )
            )
        self._served.add(number)
        return super().receive_form(side, message, *content, **more)

    def _has_one_under_way(self, number: str) -> bool:
        exchange = self.store.read_exchange(number)
        return exchange is not None and any(each.is_under_way for each in exchange.deliveries.values())


# ── RCPT-5: the same form, under the same id, after growing gaps, then parked ───────────────────────


class _NewIdEachTime(Mailroom):
    def _send(self, sending: Sending, now: datetime) -> None:
        if sending.attempts:
            known = self._by_case[sending.case_number]
            place = known.index(sending.message_id)
            sending.message_id = known[place] = self._ids.message_id()
            self._sendings[sending.message_id] = sending
        super()._send(sending, now)

    def sendings(self, case_number: str | None = None) -> list[Sending]:
        """Each form once, by whatever id."""
        return list(dict.fromkeys(super().sendings(case_number)))


@member(
    "grid-sends-again-under-a-new-id",
    clause="RCPT-5",
    zh="重发时换用新的报文标识",
    en="gives a form a new message id each time it sends it again",
)
class GridSendsAgainUnderANewId(GridPlatform):
    mailroom_type = _NewIdEachTime


@member(
    "urban-sends-again-under-a-new-id",
    clause="RCPT-5",
    zh="重发时换用新的报文标识",
    en="gives a form a new message id each time it sends it again",
)
class UrbanSendsAgainUnderANewId(UrbanPlatform):
    mailroom_type = _NewIdEachTime


class _NewIdOnTheWay(Engine):
    def _send(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        super()._send(exchange, delivery, effects, at)
        sent = effects[-1]
        if delivery.attempts > 1 and isinstance(sent, Send):
            id_ = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{delivery.message_id}/{delivery.attempts}')}"
            header = replace(sent.message.header, message_id=id_)
            effects[-1] = sent._replace(message=replace(sent.message, header=header))


@member(
    "bridge-sends-again-under-a-new-id",
    clause="RCPT-5",
    zh="转发未果再次转发时换用新的报文标识",
    en="relays a form again under a message id of its own making",
)
class BridgeSendsAgainUnderANewId(WrongBridge):
    engine_type = _NewIdOnTheWay


class _RenderedAnew(Mailroom):
    def _send(self, sending: Sending, now: datetime) -> None:
        if sending.attempts:
            moments = ("decided_at", "dispatched_at", "noticed_at", "entered_at", "disposed_at", "closed_at")
            name = next((each for each in moments if hasattr(sending.form, each)), None)
            if name is not None:
                changes: dict[str, Any] = {name: now}
                sending.form = replace(sending.form, **changes)
        super()._send(sending, now)


@member(
    "urban-writes-a-repetition-anew",
    clause="RCPT-5",
    zh="重发时按当前时刻重新生成表单,同一标识而内容不同",
    en="writes a form anew, with the present moment, each time it sends it again under the same id",
)
class UrbanWritesARepetitionAnew(UrbanPlatform):
    mailroom_type = _RenderedAnew


class _NeverAgain(Mailroom):
    def _repeat_or_park(self, sending: Sending, now: datetime) -> None:
        sending.state, sending.due_at = SendingState.IN_DOUBT, None


@member(
    "grid-never-sends-again",
    clause="RCPT-5",
    zh="未收到回执的表单从不重发",
    en="never sends a form again, receipt or not",
)
class GridNeverSendsAgain(GridPlatform):
    mailroom_type = _NeverAgain


class _Undaunted(Mailroom):
    def _repeat_or_park(self, sending: Sending, now: datetime) -> None:
        sending.state = SendingState.TO_REPEAT
        self._set_timer(sending, now + self._gap(sending.attempts, sending.message_id))


@member(
    "urban-never-parks",
    clause="RCPT-5",
    zh="无论失败多少次都继续重发,从不挂起交人工处理",
    en="goes on sending however often it fails, and never parks a form for a person",
)
class UrbanNeverParks(UrbanPlatform):
    mailroom_type = _Undaunted


class _UndauntedEngine(Engine):
    def _wait_for_gap(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._set_timer(exchange, delivery, at + timedelta(seconds=self._gaps[-1]), effects)


@member(
    "bridge-never-parks",
    clause="RCPT-5",
    zh="无论失败多少次都继续转发,从不挂起交人工处理",
    en="goes on relaying however often it fails, and never parks a form for a person",
)
class BridgeNeverParks(WrongBridge):
    engine_type = _UndauntedEngine


class _Dropping(Mailroom):
    def _park(self, sending: Sending, now: datetime) -> None:
        self._finish(sending, SendingState.GIVEN_UP, now)


@member(
    "grid-drops-what-fails",
    clause="RCPT-5",
    zh="发送次数用尽后丢弃表单,不挂起也不告知任何人",
    en="drops a form when its attempts are used up, instead of parking it and telling somebody",
)
class GridDropsWhatFails(GridPlatform):
    mailroom_type = _Dropping


class _DroppingEngine(Engine):
    def _tell_contact(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        self._clear_timer(exchange, delivery, effects)
        delivery.state = DeliveryState.ABANDONED
        self._send_next(exchange, delivery.direction, effects, at)


@member(
    "bridge-drops-what-fails",
    clause="RCPT-5",
    zh="转发次数用尽后丢弃表单,不挂起也不告知任何人",
    en="drops a form when its attempts are used up, instead of parking it and telling somebody",
)
class BridgeDropsWhatFails(WrongBridge):
    engine_type = _DroppingEngine


class _Impatient(Mailroom):
    def _gap(self, tried: int, message_id: str) -> timedelta:
        return timedelta(0)


@member(
    "urban-sends-again-at-once",
    clause="RCPT-5",
    zh="重发不等间隔,一失败就连发",
    en="sends again at once, without any gap, until the attempts are used up",
)
class UrbanSendsAgainAtOnce(UrbanPlatform):
    mailroom_type = _Impatient


class _ImpatientEngine(Engine):
    def __init__(self, profile: Profile):
        super().__init__(profile)
        self._gaps = (1,)


@member(
    "bridge-sends-again-at-once",
    clause="RCPT-5",
    zh="转发失败后每秒重发一次,不按约定的间隔",
    en="relays again every second instead of after the gaps that were agreed",
)
class BridgeSendsAgainAtOnce(WrongBridge):
    engine_type = _ImpatientEngine


class _Optimist(Mailroom):
    def _form_call_ended(self, sending: Sending, attempt: int, ending: Ending, now: datetime) -> None:
        super()._form_call_ended(sending, attempt, ending, now)
        if isinstance(ending, Unanswered) and sending.state is SendingState.IN_DOUBT:
            self._finish(sending, SendingState.CONFIRMED, now)

    @staticmethod
    def _weigh(receipt: Receipt, sending: Sending | None, in_response_to: Sending | None) -> KeptFor:
        if sending is not None and sending.state is SendingState.CONFIRMED and sending.receipt is None:
            return KeptFor.DUPLICATE
        return Mailroom._weigh(receipt, sending, in_response_to)


@member(
    "grid-takes-silence-for-delivered",
    clause="RCPT-5",
    zh="呼叫无应答时当作已送达",
    en="takes a call that nobody answered for delivered",
)
class GridTakesSilenceForDelivered(GridPlatform):
    mailroom_type = _Optimist


class _Pessimist(Mailroom):
    def _form_call_ended(self, sending: Sending, attempt: int, ending: Ending, now: datetime) -> None:
        super()._form_call_ended(sending, attempt, ending, now)
        if isinstance(ending, Unanswered) and sending.state is SendingState.IN_DOUBT:
            self._finish(sending, SendingState.REFUSED, now)


@member(
    "urban-takes-silence-for-refused",
    clause="RCPT-5",
    zh="呼叫无应答时当作对方已退回",
    en="takes a call that nobody answered for refused",
)
class UrbanTakesSilenceForRefused(UrbanPlatform):
    mailroom_type = _Pessimist


class _OptimistEngine(Engine):
    def _send_unanswered(self, exchange: Exchange | None, ended: SendUnanswered) -> Step:
        delivery = None if exchange is None else exchange.deliveries.get(ended.message_id)
        if delivery is None:
            return super()._send_unanswered(exchange, ended)
        receipt = Receipt(
            case_number=ended.case_number,
            form_message_id=ended.message_id,
            form_type=delivery.form_type,
            outcome=ReceiptOutcome.CONFIRMED,
            decided_at=ended.at,
        )
        return self._receipt(exchange, ReceiptReceived(side=delivery.direction.recipient, receipt=receipt, at=ended.at))


@member(
    "bridge-takes-silence-for-delivered",
    clause="RCPT-5",
    zh="转发无应答时当作已送达并代为确认",
    en="takes a relay that nobody answered for delivered, and confirms it itself",
)
class BridgeTakesSilenceForDelivered(WrongBridge):
    engine_type = _OptimistEngine


@member(
    "bridge-loses-its-outbox-at-a-restart",
    clause="RCPT-5",
    zh="待发表单只存内存,重启后丢失",
    en="keeps what is to be sent in memory only: a restart loses it",
)
class BridgeLosesItsOutboxAtARestart(WrongBridge):
    def opened(self) -> None:
        with self.store.begin() as work:
            for item in self.store.outbox(limit=1_000_000):
                work.finish(item.key)
