"""A bridge on a desk: the test plays both platforms and the clock, and sees everything that the bridge wants done."""

from dataclasses import replace
from datetime import timedelta

import sample_forms as sample

from bridge.core.effects import GiveReceipt, Send
from bridge.core.engine import Engine
from bridge.core.exchange import Delivery, Exchange
from bridge.core.ports import OutboxItem
from bridge.core.shell import Shell, Verdict
from bridge.stores.memory import MemoryStore
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import Form, HandOver
from bridge.vocabulary.messages import Fault, FormMessage, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile


class Crossing:
    """The grid and the urban platform at the two ends of a bridge."""

    def __init__(self, profile: Profile = sample.PROFILE, case_number: str = sample.CASE):
        self.profile = profile
        self.store = MemoryStore()
        self.shell = self._begun()
        self.case_number = case_number
        self.now = sample.MONDAY
        self.last_verdict = Verdict()
        #: Every sending begun, in order: to whom, which form, which attempt.
        self.sent: list[tuple[Side, str, int]] = []
        #: Every receipt given to a sender, in order.
        self.given: list[tuple[Side, Receipt]] = []
        #: How a call with a receipt ends.
        self.receipt_calls_end: Ending = Answered()
        self._messages: dict[str, FormMessage] = {}
        self._on_the_way: dict[str, OutboxItem] = {}
        self._written = 0

    def goes_down(self) -> None:
        """The bridge ends and begins again over the same store; what was on its way is sent again."""
        self.shell = self._begun()
        self._on_the_way.clear()
        self.carry()

    def _begun(self) -> Shell:
        return Shell(Engine(self.profile), self.store, self.profile)

    # The platforms

    def writes(self, side: Side, form: Form, **header: object) -> str:
        """A new form arrives from `side`; returns its message id."""
        self._written += 1
        message = sample.message(side, form, self._written, self.now, **header)
        self.last_verdict = self.delivers(side, message)
        self._messages[message.header.message_id] = message
        return message.header.message_id

    def delivers(self, side: Side, message: FormMessage, by_query: bool = False) -> Verdict:
        verdict = self.shell.receive_form(
            side, message, sample.fingerprint(message.form), at=self.now, by_query=by_query
        )
        self.carry()
        return verdict

    def repeats(self, message_id: str, **changes: object) -> Verdict:
        """The sender sends the form again with the same id, perhaps with another content."""
        message = self._messages[message_id]
        side = next(side for side in Side if sample.PROFILE.platform(side).code == message.header.sender)
        return self.delivers(side, replace(message, form=replace(message.form, **changes)) if changes else message)

    def ends(self, message_id: str, ending: Ending) -> None:
        """The sending of the form that is on the way ends so."""
        self.shell.send_ended(self._on_the_way.pop(message_id), ending, at=self.now)
        self.carry()

    def acknowledges(self, message_id: str) -> None:
        self.ends(message_id, Answered())

    def faults(self, message_id: str, code: ErrorCode) -> None:
        self.ends(message_id, Faulted(fault=Fault(code=code, field=None, message_zh="不行", message_en="no")))

    def gives(self, message_id: str, code: ErrorCode | None = None, **changes: object) -> None:
        """The recipient gives a receipt as a call of its own."""
        message = self._messages[message_id]
        receipt = replace(sample.receipt_for(message, self.now, code), **changes)
        header = replace(
            message.header,
            sender=message.header.recipient,
            recipient=message.header.sender,
            message_id=sample.message_id(900_000),
        )
        side = next(side for side in Side if sample.PROFILE.platform(side).code == header.sender)
        self.shell.receive_receipt(side, ReceiptMessage(header=header, receipt=receipt), at=self.now)
        self.carry()

    def crosses(self, side: Side, form: Form, code: ErrorCode | None = None) -> str:
        """A form arrives, is taken over there, and its receipt comes back in the response."""
        message_id = self.writes(side, form)
        message = self._messages[message_id]
        self.ends(message_id, Answered(receipt=sample.receipt_for(message, self.now, code)))
        return message_id

    # The clock and the outbox

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.shell.fire_due(self.now)
        self.carry()

    def carry(self) -> None:
        """Take what is committed: receipts are given, forms are on the way until the test ends their sending."""
        for item in self.store.outbox():
            effect = item.effect
            if isinstance(effect, GiveReceipt):
                self.given.append((effect.to, effect.receipt))
                self.shell.send_ended(item, self.receipt_calls_end, at=self.now)
            elif isinstance(effect, Send) and self._on_the_way.get(effect.message.header.message_id) != item:
                header = effect.message.header
                assert header.sent_at == self.now
                self._on_the_way[header.message_id] = item
                self.sent.append((effect.to, header.message_id, header.attempt))

    # What the test looks at

    @property
    def exchange(self) -> Exchange:
        exchange = self.store.read_exchange(self.case_number)
        assert exchange is not None
        return exchange

    @property
    def stage(self) -> str:
        return self.exchange.stage

    def delivery(self, message_id: str) -> Delivery:
        return self.exchange.deliveries[message_id]

    def receipts_of(self, message_id: str) -> list[Receipt]:
        return [receipt for _, receipt in self.given if receipt.form_message_id == message_id]

    def codes_of(self, message_id: str) -> list[ErrorCode | None]:
        """The error code (None when confirmed) of every receipt given for the form."""
        return [receipt.fault.code if receipt.fault else None for receipt in self.receipts_of(message_id)]

    def attempts_of(self, message_id: str) -> list[int]:
        return [attempt for _, sent, attempt in self.sent if sent == message_id]

    def journal(self, message_id: str | None = None) -> list[str]:
        entries = [entry for _, entry in self.store.read_journal(self.case_number)]
        return [each.what for each in entries if message_id is None or each.message_id == message_id]

    def notices(self) -> list[tuple[str, str, str]]:
        return [(each.kind, each.phase, each.duty) for each in self.store.read_notices()]


def at_stage(stage: str, crossing: Crossing | None = None, hand_over: HandOver | None = None) -> Crossing:
    """A crossing whose case has been brought to `stage` by forms that all arrived."""
    crossing = crossing or Crossing()
    for side, form in sample.way_to(stage):
        crossing.crosses(side, hand_over if hand_over is not None and isinstance(form, HandOver) else form)
    assert crossing.stage == stage
    return crossing


NO_CONNECTION = NotReached(detail="connection refused")
NO_ANSWER = Unanswered(detail="timed out")
