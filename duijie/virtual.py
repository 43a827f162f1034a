"""The pair in virtual time: one process, one queue, a clock that jumps, a network that misbehaves on command.

    platform ──outgoing──► queue ──FaultPlan──► platform or bridge ──answer──► caller
                                     │
                                     └ delayed messages and timers wait in the order of their moments

Messages take no time. What a party wants sent is put at the end of the queue; the queue is worked off in order. No XML is
made, but forms are told apart by the same digests as on the live wire. Everything follows from the seed.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from bridge.core.desk import Desk, DeskRefused
from bridge.core.effects import Send
from bridge.core.ports import OutboxItem, Store
from bridge.runtime import FIRST_QUERY_AFTER
from bridge.stores.memory import MemoryStore
from bridge.vocabulary.calls import Answered, Ending, Faulted, Message, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    Header,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import HandOverMode, PasswordType, Profile, ReceiptMode
from bridge.wire.fingerprint import fingerprint
from conformance.oracle.trace import Trace
from conformance.scenario.faults import Decision, Fate, FaultPlan, FaultRule, Noise, is_overtaken, rule_record
from conformance.scenario.stage import SETTLE_WINDOW, START, StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from conformance.scenario.written import WRITINGS
from duijie.cast import RIGHT, Cast, ShellMaker
from simulators.city import Town
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.logbook import Machine
from simulators.exchange.quirks import Quirks

#: A settling that passes so many messages goes round in circles.
MESSAGES_MAX = 100_000
#: Where the bridge keeps how far its queries have come.
_CURSOR = "query.cursor"

_SIDE = {side.party: side for side in Side}


class RoundInCircles(Exception):
    """The parties answer each other without end."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that a party wants made now."""

    key: int
    side: Side
    message: Message


class VirtualParty(Protocol):
    """What the stage needs of a party; the machines of the simulators and the bridge are wrapped into it."""

    def receive(self, sender: Party, message: Message, now: datetime) -> Ending | None:
        """Somebody calls; None when the caller is to wait for `answers`."""

    def ended(self, key: int, ending: Ending, now: datetime) -> None:
        """A call of the party's own has ended."""

    def outgoing(self, now: datetime) -> list[Outgoing]:
        """Calls to make now, each once."""

    def answers(self, now: datetime) -> list[tuple[str, Ending]]:
        """Answers to calls that were left waiting, by the message id of their forms."""

    def next_due(self) -> datetime | None:
        """The party's next timer."""

    def wake(self, now: datetime) -> None:
        """Do what is due."""

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        """Somebody at the party does something."""

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """A question about the party's state."""

    def restart(self, now: datetime) -> None:
        """Stop and start again from what is kept."""


class _Platform:
    """A simulator's machine. It forgets nothing when it restarts: its inputs are its memory."""

    def __init__(self, machine: Machine):
        self.machine = machine

    def receive(self, sender: Party, message: Message, now: datetime) -> Ending | None:
        return self.machine.call_received(message, now)

    def ended(self, key: int, ending: Ending, now: datetime) -> None:
        self.machine.call_ended(key, ending, now)

    def outgoing(self, now: datetime) -> list[Outgoing]:
        return [Outgoing(call.key, call.to, call.message) for call in self.machine.outgoing()]

    def answers(self, now: datetime) -> list[tuple[str, Ending]]:
        return []

    def next_due(self) -> datetime | None:
        return self.machine.next_due()

    def wake(self, now: datetime) -> None:
        self.machine.wake(now)

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        try:
            return self.machine.act(name, params, now, by)
        except ActRefused as refused:
            raise StageRefused(refused.code, refused.message_zh, refused.message_en) from None

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        try:
            return self.machine.ask(name, params, now)
        except AskRefused as refused:
            raise StageRefused(refused.code, refused.message_zh, refused.message_en) from None

    def restart(self, now: datetime) -> None:
        """Nothing of the machine's is lost; the stage ends its calls."""
        self.machine.restarted(now)


class _Bridge:
    """The real bridge core over a store in memory, driven as its runtime drives it."""

    def __init__(self, profile: Profile, make_shell: ShellMaker, start: datetime):
        self._profile = profile
        self._make_shell = make_shell
        self.store: Store = MemoryStore()
        self.shell = make_shell(profile, self.store)
        self.desk = Desk(self.shell)
        self._holds = profile.bridge.receipts is ReceiptMode.RESPONSE
        #: Outbox items that are on their way.
        self._under_way: dict[int, OutboxItem] = {}
        #: Message ids of forms whose deliverers wait for the end of the first relay.
        self._held: list[str] = []
        self._ready: list[tuple[str, Ending]] = []
        #: Queries begun; their keys are negative, so that they are never taken for items of the outbox.
        self._polls = 0
        self._poll_due: datetime | None = None
        self._plan_first_poll(start)
        self._queries: list[Outgoing] = []

    def receive(self, sender: Party, message: Message, now: datetime) -> Ending | None:
        side = _SIDE[sender]
        if isinstance(message, ReceiptMessage):
            return self.shell.receive_receipt(side, message, at=now).answer
        if isinstance(message, QueryMessage):
            page = self.shell.query(side, message.query)
            return Answered(page=page) if isinstance(page, CasePage) else Faulted(fault=page)
        verdict = self.shell.receive_form(side, message, fingerprint(message.form), at=now)
        if verdict.admitted and self._holds and self._is_being_relayed(message.header.message_id):
            self._held.append(message.header.message_id)
            return None
        return verdict.answer

    def _is_being_relayed(self, message_id: str) -> bool:
        """Whether a sending of this form is committed; one that queues behind another has none."""
        return any(
            isinstance(item.effect, Send) and item.effect.message.header.message_id == message_id
            for item in self.store.outbox(limit=MESSAGES_MAX)
        )

    def ended(self, key: int, ending: Ending, now: datetime) -> None:
        if key < 0:
            self._poll_ended(ending, now)
            return
        item = self._under_way.pop(key, None)
        if item is None:
            return
        self.shell.send_ended(item, ending, at=now)
        if isinstance(item.effect, Send) and (message_id := item.effect.message.header.message_id) in self._held:
            self._held.remove(message_id)
            self._ready.append((message_id, Answered(receipt=self.shell.take_receipt(message_id, at=now))))

    def answers(self, now: datetime) -> list[tuple[str, Ending]]:
        ready, self._ready = self._ready, []
        return ready

    def outgoing(self, now: datetime) -> list[Outgoing]:
        found, self._queries = self._queries, []
        for item in self.store.outbox(limit=MESSAGES_MAX):
            if item.key not in self._under_way:
                self._under_way[item.key] = item
                found.append(Outgoing(item.key, item.effect.to, self._message(item, now)))
        return found

    def _message(self, item: OutboxItem, now: datetime) -> Message:
        if isinstance(item.effect, Send):
            return item.effect.message
        receipt, side = item.effect.receipt, item.effect.to
        header = Header(
            message_id=f"urn:uuid:{uuid5(NAMESPACE_URL, f'{receipt.form_message_id}/receipt/{item.key}')}",
            sender=self._profile.platform(side.other).code,
            recipient=self._profile.platform(side).code,
            case_number=receipt.case_number,
            form_type=receipt.form_type,
            attempt=1,
            sent_at=now,
        )
        return ReceiptMessage(header=header, receipt=receipt)

    def next_due(self) -> datetime | None:
        moments = [due for due in (self.store.next_due(), self._poll_due) if due is not None]
        return min(moments, default=None)

    def wake(self, now: datetime) -> None:
        self.shell.fire_due(now)
        if self._poll_due is not None and self._poll_due <= now:
            self._poll_due = now + timedelta(seconds=self._profile.delivery.query_interval_seconds)
            self._poll(now)

    def _poll(self, now: datetime) -> None:
        """Ask the grid platform for the next page of hand-overs (XCHG-2)."""
        cursor = self._cursor()
        self._polls += 1
        header = QueryHeader(
            message_id=f"urn:uuid:{uuid5(NAMESPACE_URL, f'bridge/query/{self._polls}')}",
            sender=self._profile.urban.code,
            recipient=self._profile.grid.code,
            sent_at=now,
        )
        query = CaseQuery(cursor=cursor, page_size=self._profile.limits.page_size)
        self._queries.append(Outgoing(-self._polls, Side.GRID, QueryMessage(header=header, query=query)))

    def _poll_ended(self, ending: Ending, now: datetime) -> None:
        cursor = self._cursor()
        if isinstance(ending, Faulted) and ending.fault.code is ErrorCode.CURSOR_INVALID and cursor is not None:
            # Begin at the front: each case is taken once all the same, because its message id is known.
            self._keep_cursor("")
            self._poll(now)
        if not isinstance(ending, Answered) or ending.page is None:
            return
        page = ending.page
        for found in page.cases:
            header = Header(
                message_id=found.message_id,
                sender=self._profile.grid.code,
                recipient=self._profile.urban.code,
                case_number=found.hand_over.case_number,
                form_type=found.hand_over.form_type,
                attempt=1,
                sent_at=now,
            )
            message = FormMessage(header=header, form=found.hand_over)
            self.shell.receive_form(Side.GRID, message, fingerprint(found.hand_over), at=now, by_query=True)
        # The cursor moves only after the page is on the books: a stop in between asks for the page again.
        self._keep_cursor(page.next_cursor)
        if page.more and page.next_cursor != cursor:
            self._poll(now)

    def _cursor(self) -> str | None:
        with self.store.begin() as work:
            return work.get_value(_CURSOR) or None

    def _keep_cursor(self, cursor: str) -> None:
        with self.store.begin() as work:
            work.set_value(_CURSOR, cursor)

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        try:
            return self.desk.act(name, params, now, by)
        except DeskRefused as refused:
            raise StageRefused(refused.code, refused.message_zh, refused.message_en) from None

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        try:
            return self.desk.ask(name, params, now)
        except DeskRefused as refused:
            raise StageRefused(refused.code, refused.message_zh, refused.message_en) from None

    def _plan_first_poll(self, now: datetime) -> None:
        if self._profile.choices.hand_over is HandOverMode.QUERY:
            self._poll_due = now + FIRST_QUERY_AFTER

    def restart(self, now: datetime) -> None:
        self._plan_first_poll(now)
        self.shell = self._make_shell(self._profile, self.store)
        self.desk = Desk(self.shell)
        self._under_way.clear()
        self._held.clear()
        self._ready.clear()
        self._queries.clear()


# ── the stage ──────────────────────────────────────────────────────────────────────────────────────────────────────────


_PASS = Decision(Fate.PASS)


@dataclass(eq=False, slots=True)
class _Flight:
    """A call on its way."""

    sender: Party
    to: Party
    key: int
    message: Message
    #: Number of the call in the trace, once it has left.
    call: int = 0
    decision: Decision = _PASS
    #: Nobody waits for the end of it: a repetition or a delayed message.
    by_network: bool = False
    #: When a delayed message was made; None for one that is as old as its arrival.
    made_at: datetime | None = None
    #: How it ended, where only the forger of it looks.
    heard: Ending | None = None
    forged: bool = False


@cache
def _town(seed: int) -> Town:
    """Towns are only read, so that every stage of a seed can share one."""
    return Town.build(seed)


class VirtualStage:
    """A pair in virtual time; see `conformance.scenario.stage.Stage` for what its methods promise."""

    name = "virtual"

    def __init__(
        self,
        profile: Profile,
        wiring: Wiring,
        seed: int = 0,
        quirks: Quirkiness = Quirkiness(),  # noqa: B008 - frozen
        *,
        cast: Cast = RIGHT,
        town: Town | None = None,
        first_serial: int = 1,
        trace: Trace | None = None,
        start: datetime = START,
    ):
        self.profile, self.wiring, self.seed = profile, wiring, seed
        self.trace = Trace() if trace is None else trace
        self._now = start
        self._plan = FaultPlan()
        self._queue: deque[_Flight] = deque()
        self._delayed: list[tuple[datetime, int, _Flight]] = []
        #: Calls whose callers wait for the bridge, by message id of the form.
        self._waiting: dict[str, _Flight] = {}
        self._passed = 0
        town = _town(seed) if town is None else town
        temper = Quirks(seed=quirks.seed or 0, calm=quirks.calm)
        grid = _Platform(cast.make_platform(Side.GRID, profile, town, seed, temper, first_serial))
        urban = _Platform(cast.make_platform(Side.URBAN, profile, town, seed, temper))
        self._platforms = {Side.GRID: grid, Side.URBAN: urban}
        self._parties: dict[Party, VirtualParty] = {Party.GRID: grid}
        self._bridge = _Bridge(profile, cast.bridge, start) if wiring is Wiring.BRIDGED else None
        if self._bridge is not None:
            self._parties[Party.BRIDGE] = self._bridge
        self._parties[Party.URBAN] = urban

    @property
    def now(self) -> datetime:
        """The virtual clock."""
        return self._now

    # ── what a scenario does ──

    def act(self, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Stage`."""
        try:
            result = self._party(party).act(name, params, self._now, by)
        except StageRefused as refused:
            self.trace.act(party, name, params, self._now, by=by, code=refused.code)
            raise
        self.trace.act(party, name, params, self._now, by=by, result=result)
        self._collect(party)
        return result

    def ask(self, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        """See `Stage`."""
        answer = self._party(party).ask(name, params, self._now)
        self.trace.fact(party, name, params, answer, self._now)
        return answer

    def fault(self, rule: FaultRule | Noise) -> None:
        """See `Stage`."""
        self._plan.add(rule)
        self.trace.fault_rule(self._now, **rule_record(rule))

    def inject(self, message: Message, to: Party, pretending: Side, written: str | None = None) -> Ending:
        """See `Stage`."""
        bridged = self.wiring is Wiring.BRIDGED
        sender = pretending.party if to is Party.BRIDGE or not bridged else Party.BRIDGE
        flight = _Flight(sender, to, 0, message, by_network=True, forged=True)
        flight.call = self.trace.call(sender, to, message, self._now, injected=True)
        refused_as = None if written is None else WRITINGS[written].refused_as
        if refused_as is not None:
            # No party reads bytes here: what a reader turns away does not come to it.
            fault = Faulted(fault=Fault(code=refused_as, field=None, message_zh="", message_en=""))
            self.trace.answer(flight.call, fault, self._now)
            return fault
        ending = self._party(to).receive(sender, message, self._now)
        self._collect(to)
        if ending is None:
            # The bridge holds the caller while it relays; a forger waits like anybody.
            self._waiting[message.header.message_id] = flight
            self._drain()
            return flight.heard or Unanswered(detail="no answer")
        self.trace.answer(flight.call, ending, self._now)
        return ending

    def advance(self, to: datetime) -> None:
        """See `Stage`."""
        self.reach(to)
        self.trace.clock(self._now)
        self.settle()

    def reach(self, to: datetime) -> None:
        """Let time pass up to a moment and no further; unlike `advance` it leaves no record and waits for nothing beyond it."""
        self._passed = 0
        self._drain()
        while (due := self.next_timer()) is not None and due <= to:
            self._fire(due)
        self._now = max(self._now, to)

    def next_timer(self) -> datetime | None:
        """See `Stage`."""
        moments = [due for party in self._parties.values() if (due := party.next_due()) is not None]
        moments += [due for due, _, _ in self._delayed[:1]]
        return min(moments, default=None)

    def settle(self) -> None:
        """See `Stage`."""
        end = self._now + SETTLE_WINDOW
        self._drain()
        while (due := self.next_timer()) is not None and due <= end:
            self._fire(due)

    def restart(self, party: Party) -> None:
        """See `Stage`."""
        self.trace.restart(party, self._now)
        self._stop(party)
        self._collect(party)

    def close(self) -> None:
        """Nothing outlives a virtual stage."""

    # ── looking on, without a record in the trace ──

    def machine(self, side: Side) -> Machine:
        """A platform itself, to be looked at."""
        return self._platforms[side].machine

    def look(self, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        """A question about a party's state."""
        return self._party(party).ask(name, params, self._now)

    def parked_at_bridge(self) -> Sequence[tuple[str, str, int]]:
        """(case number, message id, attempts so far) of the forms that wait for a person at the bridge."""
        if self._bridge is None:
            return ()
        found = []
        for case_number, message_id in self._bridge.store.parked():
            exchange = self._bridge.store.read_exchange(case_number)
            if exchange is not None and message_id in exchange.deliveries:
                found.append((case_number, message_id, exchange.deliveries[message_id].attempts))
        return found

    # ── the network ──

    def _party(self, party: Party) -> VirtualParty:
        if party not in self._parties:
            raise StageRefused("no_such_party", f"此接法没有 {party}", f"there is no {party} in this wiring")
        return self._parties[party]

    def _fire(self, due: datetime) -> None:
        self._now = max(self._now, due)
        while self._delayed and self._delayed[0][0] <= self._now:
            self._queue.append(heapq.heappop(self._delayed)[2])
        for name, party in self._parties.items():
            moment = party.next_due()
            if moment is not None and moment <= self._now:
                party.wake(self._now)
                self._collect(name)
        self._drain()

    def _collect(self, party: Party) -> None:
        """Put what a party wants sent at the end of the queue."""
        for call in self._parties[party].outgoing(self._now):
            to = Party.BRIDGE if party is not Party.BRIDGE and self.wiring is Wiring.BRIDGED else call.side.party
            self._queue.append(_Flight(party, to, call.key, call.message))

    def _drain(self) -> None:
        while self._queue:
            self._passed += 1
            if self._passed > MESSAGES_MAX:
                raise RoundInCircles(f"more than {MESSAGES_MAX} messages in one run")
            self._carry(self._queue.popleft())

    def _carry(self, flight: _Flight) -> None:
        """One message from the queue meets its fate."""
        if flight.by_network:
            self._deliver_unseen(flight)
            return
        flight.decision = self._plan.of_call(flight.sender, flight.to, flight.message)
        fate = flight.decision.fate
        if fate is Fate.NOT_REACHED:
            self.trace.not_reached(flight.sender, flight.to, flight.message, self._now)
            self._hear(flight, NotReached(detail="no connection"))
            self._collect(flight.sender)
            return
        flight.call = self.trace.call(flight.sender, flight.to, flight.message, self._now)
        if fate is Fate.LOSE:
            self._end(flight, Unanswered(detail="lost on the way"))
        elif fate in (Fate.DELAY, Fate.REORDER):
            later = _Flight(
                flight.sender,
                flight.to,
                0,
                flight.message,
                decision=flight.decision,
                by_network=True,
                made_at=self._now,
            )
            due = self._now + timedelta(seconds=flight.decision.seconds)
            heapq.heappush(self._delayed, (due, flight.call, later))
            self._end(flight, Unanswered(detail="held back on the way"))
        else:
            self._deliver(flight)

    def _deliver(self, flight: _Flight) -> None:
        ending = self._parties[flight.to].receive(flight.sender, flight.message, self._now)
        if ending is not None:
            self._answered(flight, ending)
            return
        self._waiting[flight.message.header.message_id] = flight
        if flight.decision.fate is Fate.CRASH:
            self.trace.restart(flight.to, self._now)
            self._stop(flight.to)
        self._collect(flight.to)

    def _answered(self, flight: _Flight, ending: Ending) -> None:
        """The receiver has answered; the answer meets its own fate on the way back."""
        back = self._plan.of_answer(flight.sender, flight.to, flight.message, ending)
        fate = flight.decision.fate
        if fate is Fate.CRASH:
            self.trace.answer(flight.call, ending, self._now, given=ending, network=flight.decision.kind)
            self.trace.restart(flight.to, self._now)
            self._stop(flight.to)
            self._hear(flight, Unanswered(detail="the receiver stopped"))
        elif Fate.LOSE_ANSWER in (fate, back.fate):
            kind = flight.decision.kind if fate is Fate.LOSE_ANSWER else back.kind
            self.trace.answer(flight.call, ending, self._now, given=ending, network=kind)
            self._let_pass(flight)
            self._hear(flight, Unanswered(detail="lost on the way back"))
        else:
            self.trace.answer(flight.call, ending, self._now)
            again = flight.decision if fate is Fate.REPEAT else back
            if again.fate is Fate.REPEAT:
                self._deliver_unseen(
                    _Flight(flight.sender, flight.to, 0, flight.message, decision=again, by_network=True)
                )
            self._let_pass(flight)
            self._hear(flight, ending)
        self._collect(flight.to)
        self._collect(flight.sender)

    def _deliver_unseen(self, flight: _Flight) -> None:
        """Deliver what the network made late or twice: nobody waits for the answer."""
        if self._plan.is_cut(flight.sender, flight.to):
            self.trace.not_reached(flight.sender, flight.to, flight.message, self._now)
            return
        flight.call = self.trace.call(
            flight.sender, flight.to, flight.message, self._now, by_network=True, network=flight.decision.kind
        )
        ending = self._at_the_door(flight) or self._parties[flight.to].receive(flight.sender, flight.message, self._now)
        if ending is None:
            self._waiting[flight.message.header.message_id] = flight
        else:
            self._plan.of_answer(flight.sender, flight.to, flight.message, ending)
            self.trace.answer(flight.call, ending, self._now, given=ending)
        self._collect(flight.to)

    def _let_pass(self, passing: _Flight) -> None:
        """Deliver what waited to be overtaken by a message such as this one."""
        overtaken = [
            entry
            for entry in self._delayed
            if entry[2].decision.fate is Fate.REORDER
            and entry[1] < passing.call
            and is_overtaken(
                (entry[2].sender, entry[2].to, entry[2].message), (passing.sender, passing.to, passing.message)
            )
        ]
        self._delayed = [entry for entry in self._delayed if entry not in overtaken]
        heapq.heapify(self._delayed)
        for _, _, held in sorted(overtaken, key=lambda entry: entry[:2]):
            self._deliver_unseen(held)

    def _at_the_door(self, flight: _Flight) -> Faulted | None:
        """How a delayed or repeated message is refused whose token is stale or was used; None when it is taken.

        No tokens are made in virtual time, but what they stop is known all the same.
        """
        account = _SIDE[flight.sender] if flight.to is Party.BRIDGE else _SIDE[flight.to].other
        if self.profile.platform(account).password_type is not PasswordType.DIGEST:
            return None
        if flight.made_at is None:
            refused = isinstance(flight.message, QueryMessage)
            zh, en = "令牌已用过", "the token was used before"
        else:
            refused = self._now - flight.made_at > timedelta(seconds=self.profile.security.clock_skew_seconds)
            zh, en = "令牌已过时", "the token is stale"
        if not refused:
            return None
        place = "Security/UsernameToken"
        return Faulted(fault=Fault(code=ErrorCode.NOT_AUTHENTICATED, field=place, message_zh=zh, message_en=en))

    def _end(self, flight: _Flight, ending: Ending) -> None:
        """A call that was never answered ends for its caller."""
        self.trace.answer(flight.call, ending, self._now, network=flight.decision.kind)
        self._hear(flight, ending)
        self._collect(flight.sender)

    def _hear(self, flight: _Flight, ending: Ending) -> None:
        """The caller learns how its call ended; what it held back for that may be answered now."""
        self._parties[flight.sender].ended(flight.key, ending, self._now)
        for message_id, answer in self._parties[flight.sender].answers(self._now):
            held = self._waiting.pop(message_id, None)
            if held is None:
                continue
            if held.by_network:
                # A forged call is answered; what the network made twice is answered to nobody.
                held.heard = answer
                self.trace.answer(held.call, answer, self._now, given=None if held.forged else answer)
            else:
                self._answered(held, answer)

    def _stop(self, party: Party) -> None:
        """Stop a party and start it again: calls of its own under way and callers that wait for it are cut off."""
        machine = self._parties[party]
        under_way = [flight.key for flight in self._queue if flight.sender is party and not flight.by_network]
        self._queue = deque(flight for flight in self._queue if flight.sender is not party or flight.by_network)
        # What it was about to say is begun and never ends, except that a store says it again.
        under_way += [call.key for call in machine.outgoing(self._now)]
        machine.restart(self._now)
        for key in under_way:
            machine.ended(key, Unanswered(detail="the caller stopped"), self._now)
        for message_id, flight in list(self._waiting.items()):
            if flight.to is party:
                del self._waiting[message_id]
                self._end(flight, Unanswered(detail="the receiver stopped"))
