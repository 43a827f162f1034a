"""The three parties with their real books behind their real SOAP doors, in one process, and a digest of what the books say.

    request ─► door (bridge's endpoint, simulator's SOAP front) ─► engine and store, or machine and logbook

The far end of each is played here: it confirms every form at once, so that cases go on and later forms find many stages.
What a refusal leaves behind on purpose is no part of the digest: lines of the journal, notices and the matters they open,
kept receipts, and the error receipt itself.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

from awkward import PROFILE, ageless
from readers import PATIENT
from wsgi_requests import Reply, Request, ask

import contracts
from bridge.core.effects import GiveReceipt, Send
from bridge.core.exchange import DeliveryState
from bridge.core.ports import OutboxItem
from bridge.runtime import BridgeProcess
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import SteeredClock
from bridge.vocabulary.calls import Answered, Call, Faulted, Message
from bridge.vocabulary.codes import ReceiptOutcome
from bridge.vocabulary.messages import Fault, FormMessage, Header, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import BridgeProfile, Profile, ReceiptMode
from bridge.vocabulary.times import SHANGHAI
from simulators.city.town import Town
from simulators.exchange.logbook import Keeper, Logbook
from simulators.exchange.quirks import Quirks
from simulators.grid.platform import GridPlatform
from simulators.grid.service import soap_front as grid_front
from simulators.process import SimulatorProcess
from simulators.urban.platform import UrbanPlatform
from simulators.urban.service import soap_front as urban_front

#: The moment at which the contract's samples were sent.
NOW = datetime(2026, 3, 2, 9, 20, 5, tzinfo=SHANGHAI)

#: Simulators give their receipts in the response, where they can be seen at once.
FULL: Profile = replace(
    PROFILE,
    grid=replace(PROFILE.grid, receipts=ReceiptMode.RESPONSE),
    urban=replace(PROFILE.urban, receipts=ReceiptMode.RESPONSE),
    bridge=BridgeProfile(endpoint="http://127.0.0.1:0"),
    security=PATIENT,
)
#: Small bounds keep every input quick.
SMALL = replace(FULL, limits=replace(FULL.limits, message_bytes=1 << 20))


@dataclass(frozen=True)
class Outcome:
    """What became of one request."""

    reply: Reply
    #: The message, when the door let it in.
    message: Message | None
    #: The reply, or an error receipt, says that nothing was done.
    refused: bool
    #: What the error receipts say, where they do not stand in the reply.
    receipts: tuple[Receipt, ...] = ()

    @property
    def codes(self) -> set[str]:
        """With which codes it was refused."""
        said = {str(element.text) for element in self.reply.content.iter("{urn:duijie:exchange:1.0}code")}
        return said | {receipt.fault.code.value for receipt in self.receipts if receipt.fault}


class Party(Protocol):
    """One party, as the suites see it."""

    #: Whose interfaces it serves.
    sides: tuple[Side, ...]

    def call(self, side: Side, request: Request) -> Outcome:
        """Bring a request to the door of `side`."""

    def books(self) -> str:
        """A digest of everything that the party believes."""

    def held(self, message: FormMessage) -> bool:
        """Whether the books have exactly this form under its id."""

    def settle(self) -> None:
        """Let the far end answer what the party has sent."""

    def close(self) -> None:
        """Let go of what it holds."""


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, default=repr).encode()).hexdigest()


def _confirmed(header: Header) -> Receipt:
    return Receipt(
        case_number=header.case_number,
        form_message_id=header.message_id,
        form_type=header.form_type,
        outcome=ReceiptOutcome.CONFIRMED,
        decided_at=NOW,
    )


def _sample(side: Side, form: str) -> tuple[Side, str, Request]:
    text = (contracts.SAMPLES / f"{side.value}-DeliverForm-{form}.xml").read_text(encoding="utf-8")
    return side, form, Request(ageless(text).encode())


#: What the samples of most other forms follow on.
_PRELUDE = (_sample(Side.URBAN, "handOver"), _sample(Side.GRID, "filingResult"), _sample(Side.GRID, "dispatch"))


# -- the bridge -------------------------------------------------------------------------------------------------------


class Bridge:
    """The bridge's endpoint over its engine and a store."""

    sides = tuple(Side)

    def __init__(self, profile: Profile, before: str = "") -> None:
        """What the samples follow on has been received, up to the form `before`."""
        self._store = MemoryStore()
        self._process = BridgeProcess(profile, self._store, SteeredClock(NOW))
        self._let_in: list[Message] = []
        self._watch()
        for side, form, request in _PRELUDE:
            if form == before:
                break
            outcome = self.call(side, request)
            assert not outcome.refused, outcome
            self.settle()

    def _watch(self) -> None:
        shell = self._process._shell
        take_form, take_receipt = shell.receive_form, shell.receive_receipt

        def form(side: Side, message: FormMessage, *rest: Any, **more: Any) -> Any:
            self._let_in.append(message)
            return take_form(side, message, *rest, **more)

        def receipt(side: Side, message: Any, **more: Any) -> Any:
            self._let_in.append(message)
            return take_receipt(side, message, **more)

        shell.receive_form, shell.receive_receipt = form, receipt  # type: ignore[method-assign]

    def call(self, side: Side, request: Request) -> Outcome:
        self._let_in.clear()
        reply = ask(self._process._serve, f"/{side.value}", request)
        if not reply.is_soap:
            return Outcome(reply, None, True)
        message = self._let_in[0] if self._let_in else None
        # Whatever waits here now came of this request, since the last one's was settled.
        errors = tuple(item.effect.receipt for item in self._outbox() if _is_error(item))
        return Outcome(reply, message, reply.fault_code is not None or bool(errors), errors)

    def _outbox(self) -> list[OutboxItem]:
        return list(self._store.outbox(limit=1000))

    def books(self) -> str:
        store = self._store
        exchanges = {}
        for number, each in store._exchanges.items():
            # A refused form is remembered, so that it gets its receipt again; it has no part in the case.
            deliveries = [
                (d.message_id, d.state, d.attempts, d.fingerprint, d.receipt)
                for d in each.deliveries.values()
                if d.state is not DeliveryState.REFUSED
            ]
            if deliveries:
                case = (each.stage, each.task_number, each.filing_ordinal, each.rejections, each.sequence)
                exchanges[number] = (case, deliveries)
        waiting = [item.key for item in self._outbox() if not _is_error(item)]
        return _digest([exchanges, waiting, store._cases_by_content, sorted(map(str, store._due.items()))])

    def held(self, message: FormMessage) -> bool:
        """Whether the store has exactly this form under this id."""
        exchange = self._store.read_exchange(message.form.case_number)
        delivery = None if exchange is None else exchange.deliveries.get(message.header.message_id)
        return delivery is not None and delivery.form == message.form

    def settle(self) -> None:
        shell = self._process._shell
        while items := self._outbox():
            for item in items:
                effect = item.effect
                receipt = _confirmed(effect.message.header) if isinstance(effect, Send) else None
                shell.send_ended(item, Answered(receipt=receipt), at=NOW)
        self._process._write_down()

    def close(self) -> None:
        self._process.stop()


def _is_error(item: OutboxItem) -> bool:
    return isinstance(item.effect, GiveReceipt) and item.effect.receipt.outcome is ReceiptOutcome.ERROR


# -- the simulators ---------------------------------------------------------------------------------------------------


@cache
def _town() -> Town:
    return Town.build(1)


class _Switched:
    """Stands behind a SOAP front, which is slow to make and therefore made once, and hands on to the party of the moment."""

    now: "Simulator"

    def received(self, message: Message, *more: Any) -> Answered | Faulted:
        self.now.let_in.append(message)
        return self.now.process.received(message, *more)

    def unreadable(self, header: Header, fault: Fault, digest: str, *more: Any) -> Answered | Faulted:
        return self.now.process.unreadable(header, fault, digest, *more)


@cache
def _front(side: Side, profile: Profile) -> tuple[_Switched, Any]:
    reception = _Switched()
    make = {Side.GRID: grid_front, Side.URBAN: urban_front}[side]
    return reception, make(profile, reception, address="http://simulator.example/soap")


class Simulator:
    """A simulator's SOAP front over its machine and its logbook."""

    def __init__(self, side: Side, profile: Profile):
        self.side = side
        self.sides = (side,)
        self._profile = profile
        self.process = SimulatorProcess(side, profile, 1, Quirks(), clock=_Still(), make_machine=self._machine)
        self._keeper = self.process._keeper = Keeper(self._machine, Logbook())
        # Calls are not handed to callers: `settle` makes them.
        self.process._send_out = lambda: None  # type: ignore[method-assign]
        self.let_in: list[Message] = []
        if side is Side.GRID:
            # A case with the number that the samples name.
            told = {"category": "01", "subcategory": "02", "description": "路边垃圾堆放", "photos": ["roadside"]}
            case = self._keeper.act("worker.report", told, NOW)["case"]
            assert case == "340202-20260302-000001"
            self._keeper.act("workstation.hand_over", {"case": case}, NOW)
            self.settle()

    def _machine(self) -> Any:
        made = GridPlatform if self.side is Side.GRID else UrbanPlatform
        return made(self._profile, _town(), 1, Quirks())

    def call(self, side: Side, request: Request) -> Outcome:
        reception, front = _front(side, self._profile)
        reception.now = self
        self.let_in.clear()
        reply = ask(front, "/soap", request)
        message = self.let_in[0] if self.let_in else None
        outcome = reply.content.findtext(".//{urn:duijie:exchange:1.0}outcome")
        return Outcome(reply, message, reply.fault_code is not None or outcome == ReceiptOutcome.ERROR)

    def books(self) -> str:
        told = self._keeper.machine
        cases = told.ask("cases", {}, NOW)
        taken = [each for each in told.ask("forms_received", {}, NOW) if each["outcome"] == ReceiptOutcome.CONFIRMED]
        forms = told.ask("forms", {}, NOW)
        return _digest([[told.ask("case", {"case": each["case_number"]}, NOW) for each in cases], taken, forms])

    def held(self, message: FormMessage) -> bool:
        arrivals = self._keeper.machine._mailroom.arrivals(message.form.case_number)
        return any(
            arrival.receipt.form_message_id == message.header.message_id and arrival.form == message.form
            for arrival in arrivals
        )

    def settle(self) -> None:
        while calls := self._keeper.take_calls():
            for call in calls:
                self._keeper.begin(call.key, NOW)
                self._keeper.end(call.key, _taken(call), NOW)

    def close(self) -> None:
        pass


def _taken(call: Call) -> Answered:
    return Answered(receipt=_confirmed(call.message.header) if isinstance(call.message, FormMessage) else None)


class _Still:
    def now(self) -> datetime:
        return NOW


#: Every party by its name, made anew on each call.
PARTIES: dict[str, Callable[[Profile], Party]] = {
    "bridge": Bridge,
    "grid": lambda profile: Simulator(Side.GRID, profile),
    "urban": lambda profile: Simulator(Side.URBAN, profile),
}

#: Every door that there is: the bridge has two.
DOORS = (("bridge", Side.GRID), ("bridge", Side.URBAN), ("grid", Side.GRID), ("urban", Side.URBAN))
