"""The bridge as a process: threads, timers and addresses around the pure core.

    callers ──HTTP──► endpoint ──► shell (one input, one transaction) ──► store
                                                                            │ outbox, timers
    platforms ◄──SOAP── senders ◄── one loop, woken whenever something may be ready ◄┘

Nothing is sent that is not committed, and nothing committed is forgotten: a process that is killed finds its outbox and
its timers in the store when it starts again, and sends under the same message ids.
"""

import json
import logging
import secrets
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.core.desk import Desk, DeskRefused
from bridge.core.effects import GiveReceipt, Send
from bridge.core.errors import StoreUnavailable
from bridge.core.exchange import DeliveryState
from bridge.core.ports import JournalEntry, OutboxItem, Store
from bridge.core.shell import Shell, Stumble, Verdict, open_shell
from bridge.settings import ProfileInvalid, load_profile
from bridge.stopping import StopRequest
from bridge.stores.sole import Claim
from bridge.stores.sql import SqlStore
from bridge.transports.client import Delivered, PlatformClient
from bridge.transports.clock import Clock, SteeredClock, SystemClock
from bridge.transports.control import BODY_BYTES, Control
from bridge.transports.door import Door
from bridge.transports.endpoint import Endpoint
from bridge.transports.server import AddressTaken, HttpServer
from bridge.transports.tls import TlsUnusable, server_context
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED, ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    Operation,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import HandOverMode, Profile, ReceiptMode
from bridge.wire import fingerprint

#: Calls that the bridge makes at one time to each platform. They wait for the far end nearly all their life.
SENDERS = 16

#: Calls that it answers at one time. In receipt mode `response` each may be held for one relay attempt.
ANSWERERS = 24

#: A caller is not held longer than this, whatever becomes of the relay attempt; below common client time limits.
HOLD_SECONDS = 25.0

#: Pause before the store is tried again after it was unavailable.
STORE_RETRY_SECONDS = 1.0

#: The longest sleep before the clock is looked at again.
SLEEP_SECONDS = 60.0

#: A clock that goes back by less is being set right, not set back.
CLOCK_STEP = timedelta(seconds=1)

#: Envelopes that wait to be written down. Only queries can pile them up while the store cannot be written, and then they are refused.
UNWRITTEN_MAX = 200

#: How much longer `stop` waits for what is under way than a call may take.
STOP_MARGIN_SECONDS = 10.0

_QUERY_CURSOR = "query.cursor.grid"
#: Pages of which not every case could be taken that are asked for again at one time.
PAGES_AGAIN = 5
#: The first query comes this long after the start, when the endpoint surely listens for what follows from it. It also keeps
#: the bridge's rhythm apart from that of a platform that queries the bridge and was started at the same moment.
FIRST_QUERY_AFTER = timedelta(seconds=1)

_log = logging.getLogger("duijie.bridge")


class BridgeProcess:
    """One running bridge. The store stays the caller's to close; `address` says where it listens."""

    def __init__(
        self,
        profile: Profile,
        store: Store,
        clock: Clock,
        *,
        control_port: int | None = None,
        control_token: str | None = None,
        listen: tuple[str, int] | None = None,
        client: PlatformClient | None = None,
        make_shell: Callable[[Profile, Store, Stumble], Shell] = open_shell,
    ):
        self.profile = profile
        self.store = store
        self._clock = clock
        self._shell = make_shell(profile, store, _say_stumbled)
        self._door = Door(profile, clock, self._shell, _warn_of_stranger)
        self._client = client or PlatformClient(profile, clock, connections=2 * SENDERS)
        self._holds_callers = profile.bridge.receipts is ReceiptMode.RESPONSE
        #: Apart, so that a platform that hangs does not keep forms and receipts from the other one.
        self._senders = {side: ThreadPoolExecutor(SENDERS, thread_name_prefix=f"sender-{side}") for side in Side}
        self._loop = threading.Thread(target=self._run, name="bridge-loop", daemon=True)

        #: Guards everything below; notified whenever one of them changes.
        self._changed = threading.Condition()
        self._woken = True
        self._stopping = False
        #: Outbox items that a sender has in hand.
        self._in_flight: set[int] = set()
        #: Form message ids whose callers wait for the receipt; True once it may be there.
        self._held: dict[str, bool] = {}
        self._inbound = 0
        self._polling = False
        self._next_poll = clock.now() + FIRST_QUERY_AFTER if profile.choices.hand_over is HandOverMode.QUERY else None
        #: Counts beginnings and ends, so that a look at several of these can tell whether it saw one moment.
        self._activity = 0
        #: When the loop looked at the clock the last time.
        self._last_turn: datetime | None = None
        #: What only this process saw and the loop is to write down.
        self._unwritten: list[JournalEntry] = []

        endpoint = urlsplit(profile.bridge.endpoint)
        host, port = listen or (endpoint.hostname or "127.0.0.1", _port(endpoint.port, endpoint.scheme))
        # The port may be chosen by the system, and the WSDL must name it: so the server comes first, the application second.
        self._app: Endpoint | None = None
        self._server = HttpServer(
            self._serve,
            host,
            port,
            threads=ANSWERERS,
            body_bytes=profile.limits.message_bytes,
            refusal=lambda status, path: self._endpoint().refusal(status, path),
            tls=server_context(profile.bridge.tls),
        )
        #: Where callers reach the bridge; `/urban` and `/grid` follow.
        self.address = _address(profile.bridge.endpoint, self._server.port)
        self._app = Endpoint(profile, self, self.address, self._door)
        self._desk = Desk(self._shell)
        #: What opens the control port; of this process alone when none was given.
        self.control_token = control_token or secrets.token_urlsafe(18)
        self._control: HttpServer | None = None
        if control_port is not None:
            try:
                app = Control(self, self.control_token)
                self._control = HttpServer(
                    app, "127.0.0.1", control_port, threads=4, body_bytes=BODY_BYTES, refusal=app.refusal
                )
            except AddressTaken:
                self._server.stop()
                raise
        clock.when_moved(self._wake)

    @property
    def control_address(self) -> str | None:
        """Where the control port is, when there is one."""
        return f"http://127.0.0.1:{self._control.port}" if self._control else None

    def start(self) -> None:
        """Answer calls, and take up what was committed before."""
        self._loop.start()
        self._server.start()
        if self._control:
            self._control.start()
        _note("bridge.started", address=self.address, profile=self.profile.name)

    def stop(self) -> None:
        """Stop in order: take nothing new, finish what is under way, write down what was seen."""
        longest = self.profile.delivery.answer_timeout_seconds + STOP_MARGIN_SECONDS
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._inbound and not self._in_flight and not self._polling, longest)
        if self._loop.is_alive():
            self._loop.join()
        for senders in self._senders.values():
            senders.shutdown(wait=True, cancel_futures=True)
        self._server.stop()
        if self._control:
            self._control.stop()
        self._client.close()
        try:
            self._write_down()
        except StoreUnavailable as error:
            _log.error("store.unavailable", extra={"fields": {"reason": str(error)}})
        _note("bridge.stopped", address=self.address)

    # What callers bring (`bridge.transports.endpoint.Desk`)

    def form_received(self, caller: Side, message: FormMessage, raw: bytes) -> Answered | Faulted:
        """Take a form in; in receipt mode `response`, hold the caller for one relay attempt."""
        message_id = message.header.message_id
        with self._held_caller(message_id) as holds:
            verdict = self._shell.receive_form(
                caller, message, fingerprint(message.form), at=self._clock.now(), raw=raw
            )
            self._wake()
            answer: Answered | Faulted = verdict.answer
            if holds and verdict.admitted:
                answer = self._held_answer(message)
        _note_form("form.received", caller, message.header, _outcome_of(verdict, answer))
        return answer

    def form_refused(self, caller: Side, header: Header, faults: Sequence[Fault], raw: bytes) -> Answered | Faulted:
        """Refuse a form that does not follow the contract."""
        verdict = self._shell.refuse_form(caller, header, faults, at=self._clock.now(), raw=raw)
        self._wake()
        _note_form("form.refused", caller, header, ", ".join(sorted({fault.code.value for fault in faults})))
        return verdict.answer

    def receipt_received(self, caller: Side, message: ReceiptMessage, raw: bytes) -> Answered | Faulted:
        """Take a receipt in."""
        answer = self._shell.receive_receipt(caller, message, at=self._clock.now(), raw=raw).answer
        self._wake()
        outcome = "faulted" if isinstance(answer, Faulted) else message.receipt.outcome.value
        _note_form("receipt.received", caller, message.header, outcome, message.receipt.form_message_id)
        return answer

    def query_received(self, caller: Side, message: QueryMessage, raw: bytes) -> Answered | Faulted:
        """Show the handed-over cases."""
        with self._changed:
            if len(self._unwritten) >= UNWRITTEN_MAX:
                raise StoreUnavailable("too much is waiting to be written down")
        self._later("envelope.in", caller, None, message.header.message_id, Operation.QUERY_CASES.value, raw)
        found = self._shell.query(caller, message.query)
        if isinstance(found, Fault):
            _note("query.refused", caller=caller.value, code=found.code.value)
            return Faulted(fault=found)
        _note("query.answered", caller=caller.value, cases=len(found.cases), more=found.more)
        return Answered(page=found)

    def answered(self, caller: Side, message: Header | None, answer: bytes) -> None:
        """Note an answer; the loop writes it down."""
        case_number = message.case_number if message else None
        self._later("answer.out", caller, case_number, message.message_id if message else None, "", answer)

    def is_ready(self) -> bool:
        """Whether calls can be taken: the store answers and keeps what it is given, and the process is not stopping."""
        try:
            self.store.next_due()
        except StoreUnavailable:
            return False
        return not self._stopping and self.store.can_write()

    # What the control port offers (`bridge.transports.control.Controlled`)

    def now(self) -> datetime:
        """The bridge's time."""
        return self._clock.now()

    def move_clock(self, to: datetime) -> None:
        """Move a steered clock forward; timers that come due fire at once."""
        if not isinstance(self._clock, SteeredClock):
            raise DeskRefused("clock_not_steered", "本进程使用真实时钟。", "This process runs by the real clock.")
        self._clock.move_to(to)

    def is_quiet(self) -> bool:
        """Whether nothing is under way, waits to be sent or is due now."""
        with self._changed:
            before = self._activity
            if self._inbound or self._in_flight or self._polling or self._unwritten:
                return False
        now = self._clock.now()
        due = self.next_due()
        if (due is not None and due <= now) or self.store.outbox(limit=1):
            return False
        with self._changed:
            return before == self._activity

    def next_due(self) -> datetime | None:
        """When the soonest timer comes, the next query included."""
        moments = (self.store.next_due(), self._next_poll, self._door.next_end())
        return min((moment for moment in moments if moment is not None), default=None)

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Answer a question about the bridge's books; raises `DeskRefused`."""
        return self._desk.ask(name, params, self._clock.now())

    def act(self, name: str, params: Mapping[str, Any], by: str | None) -> dict[str, Any]:
        """Let an operator decide on a form; raises `DeskRefused`."""
        done = self._desk.act(name, params, self._clock.now(), by)
        self._wake()
        _note("operator.acted", case_number=str(params.get("case")), message_id=done["message_id"], act=name)
        return done

    # Inbound calls

    def _endpoint(self) -> Endpoint:
        if self._app is None:
            raise RuntimeError("the server answers before it was started")
        return self._app

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self._changed:
            self._inbound += 1
            self._activity += 1
        try:
            if self._stopping and environ["REQUEST_METHOD"] == "POST":
                content_type, body = self._endpoint().busy(environ.get("PATH_INFO", ""))
                start_response(
                    "500 Internal Server Error", [("Content-Type", content_type), ("Content-Length", str(len(body)))]
                )
                return [body]
            return self._endpoint()(environ, start_response)
        finally:
            with self._changed:
                self._inbound -= 1
                self._activity += 1
                self._changed.notify_all()

    @contextmanager
    def _held_caller(self, message_id: str) -> Iterator[bool]:
        """Hold the receipt of this form for its caller; False when it is not to be held, or another caller has it."""
        with self._changed:
            holds = self._holds_callers and message_id not in self._held
            if holds:
                self._held[message_id] = False
        try:
            yield holds
        finally:
            if holds:
                with self._changed:
                    del self._held[message_id]
                # A receipt that came too late for the response goes as a call of its own.
                self._wake()

    def _held_answer(self, message: FormMessage) -> Answered:
        """The receipt of a form that was taken, or an acknowledgement; never a fault, which would say that it was not taken."""
        try:
            return self._hold(message.header.message_id) if self._is_being_sent(message) else Answered()
        except StoreUnavailable as error:
            _log.error("store.unavailable", extra={"fields": {"reason": str(error)}})
            return Answered()

    def _is_being_sent(self, message: FormMessage) -> bool:
        exchange = self.store.read_exchange(message.form.case_number)
        delivery = exchange.deliveries.get(message.header.message_id) if exchange else None
        return delivery is not None and delivery.state is not DeliveryState.WAITING

    def _hold(self, message_id: str) -> Answered:
        with self._changed:
            self._changed.wait_for(lambda: self._held[message_id] or self._stopping, HOLD_SECONDS)
        return Answered(receipt=self._shell.take_receipt(message_id, at=self._clock.now()))

    # The loop: fires timers, hands the outbox to the senders, writes down

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._woken = False
            try:
                pause = self._turn()
            except StoreUnavailable as error:
                _log.error("store.unavailable", extra={"fields": {"reason": str(error)}})
                pause = STORE_RETRY_SECONDS
            except Exception as error:  # Without this loop nothing would be sent any more, of any case.
                _log.critical("loop.failed", extra={"fields": {"error": type(error).__name__}})
                pause = STORE_RETRY_SECONDS
            with self._changed:
                # Whoever waits for quiet looks again after each round.
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._woken or self._stopping, pause)

    def _turn(self) -> float | None:
        """One round; returns the seconds until there is something to do, None when only a call can bring it."""
        now = self._clock.now()
        self._watch_the_clock(now)
        # Read before all else: whoever sets a timer later wakes the loop once more.
        due = self.store.next_due()
        if due is not None and due <= now:
            fired = self._shell.fire_due(now)
            _note("timers.fired", count=fired)
            due = self.store.next_due()
        self._door.open_up()
        # Sendings do not wait for the disk that the journal waits for.
        self._hand_out()
        self._write_down()
        if self._next_poll is not None and self._next_poll <= now:
            self._begin_poll(now)
        with self._changed:
            # While a query is under way its end wakes the loop, whenever the next one is due.
            next_poll = None if self._polling else self._next_poll
        moments = (due, next_poll, self._door.next_end())
        pauses = [self._clock.seconds_until(each) for each in moments if each is not None]
        # Never a long sleep, because the machine's clock may be set meanwhile.
        return min((min(pause, SLEEP_SECONDS) for pause in pauses if pause is not None), default=None)

    def _watch_the_clock(self, now: datetime) -> None:
        """Notice a clock that was set back, while we run or between two lives, and let nothing wait for its old time."""
        before = self._last_turn or self.store.last_moment()
        if before is not None and before - now > CLOCK_STEP:
            by = before - now
            moved = self._shell.clock_set_back(by, now)
            if self._next_poll is not None and self._last_turn is not None:
                self._next_poll -= by
            _log.warning("clock.set_back", extra={"fields": {"seconds": round(by.total_seconds()), "timers": moved}})
        self._last_turn = now

    def _hand_out(self) -> None:
        """Give what is committed to the senders, except receipts that a held caller takes."""
        with self._changed:
            # Enough to look past everything that is in hand already.
            limit = len(self._in_flight) + len(self._held) + 4 * SENDERS
            # What a sender finishes or a held caller takes during the look below may still be seen there: it is not to be
            # sent twice. Whoever ends wakes the loop for another look.
            in_hand = frozenset(self._in_flight)
            held = frozenset(self._held)
        for item in self.store.outbox(limit=limit):
            effect = item.effect
            with self._changed:
                if self._stopping:
                    return
                if item.key in in_hand:
                    continue
                if isinstance(effect, GiveReceipt) and (form_message_id := effect.receipt.form_message_id) in held:
                    if form_message_id in self._held:
                        self._held[form_message_id] = True
                        self._changed.notify_all()
                    continue
                self._in_flight.add(item.key)
                self._activity += 1
            self._senders[effect.to].submit(self._carry_out, item)

    def _carry_out(self, item: OutboxItem) -> None:
        effect = item.effect
        try:
            if self._stopping:
                # It stays in the outbox for the next start.
                return
            delivered = self._deliver(item)
            self._settle(item, delivered)
            _warn_of_refusal(effect.to, delivered.ending)
        except Exception as error:  # A sender that dies silently would leave its item in hand for ever.
            _log.critical("sender.failed", extra={"fields": {"key": item.key, "error": type(error).__name__}})
            self._pause()
        finally:
            with self._changed:
                self._in_flight.discard(item.key)
                self._activity += 1
                if isinstance(effect, Send) and (message_id := effect.message.header.message_id) in self._held:
                    # The first relay attempt is over, with or without a receipt.
                    self._held[message_id] = True
                self._woken = True
                self._changed.notify_all()

    def _deliver(self, item: OutboxItem) -> Delivered:
        """Make the call. A message over which our own client stumbles goes the way of one that was not answered.

        It may or may not have left, so it is repeated with growing gaps and then parked, and holds up its own case alone.
        """
        message = self._message_of(item)
        try:
            delivered = self._client.deliver(item.effect.to, message)
        except Exception as error:
            name = type(error).__name__
            fields = {"key": item.key, "error": name, "message_id": message.header.message_id}
            _log.critical("client.failed", extra={"fields": fields})
            delivered = Delivered(Unanswered(detail=f"the bridge's own client failed: {name}"), b"", None)
        event = "form.sent" if isinstance(message, FormMessage) else "receipt.sent"
        _note_form(event, item.effect.to, message.header, _word(delivered.ending))
        return delivered

    def _settle(self, item: OutboxItem, delivered: Delivered) -> None:
        """Commit how the call ended; while the store is unavailable the ending is kept in hand, not the call repeated."""
        while True:
            try:
                self._shell.send_ended(
                    item, delivered.ending, at=self._clock.now(), sent=delivered.sent or None, answer=delivered.answer
                )
            except StoreUnavailable as error:
                _log.error("store.unavailable", extra={"fields": {"reason": str(error)}})
                if self._pause():
                    # Stopping: the sending stays in the outbox and is repeated under the same id.
                    return
            else:
                return

    def _pause(self) -> bool:
        """Wait a moment for the store; True when the process is to stop."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping, STORE_RETRY_SECONDS)

    def _message_of(self, item: OutboxItem) -> FormMessage | ReceiptMessage:
        effect = item.effect
        if isinstance(effect, Send):
            return effect.message
        receipt = effect.receipt
        # Made from the outbox key, so that a receipt which is given again after a crash is the same message.
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{receipt.form_message_id}#{item.key}")
        header = Header(
            message_id=f"urn:uuid:{name}",
            sender=self.profile.platform(effect.to.other).code,
            recipient=self.profile.platform(effect.to).code,
            case_number=receipt.case_number,
            form_type=receipt.form_type,
            attempt=1,
            sent_at=self._clock.now(),
        )
        return ReceiptMessage(header=header, receipt=receipt)

    def _later(
        self, what: str, side: Side, case_number: str | None, message_id: str | None, detail: str, envelope: bytes
    ) -> None:
        entry = JournalEntry(
            at=self._clock.now(),
            what=what,
            case_number=case_number,
            message_id=message_id,
            party=side.party,
            detail=detail,
            envelope=envelope,
        )
        with self._changed:
            self._unwritten.append(entry)
            self._woken = True
            self._changed.notify_all()

    def _write_down(self) -> None:
        """Write what was seen since the last round, in one transaction for many."""
        with self._changed:
            entries = list(self._unwritten)
        if entries:
            self._shell.write_journal(entries)
            with self._changed:
                del self._unwritten[: len(entries)]
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    # Query mode: the bridge asks the grid platform for its cases (XCHG-2)

    def _begin_poll(self, now: datetime) -> None:
        with self._changed:
            if self._polling or self._stopping:
                return
            self._polling = True
            self._activity += 1
            self._next_poll = now + timedelta(seconds=self.profile.delivery.query_interval_seconds)
        self._senders[Side.GRID].submit(self._poll)

    def _poll(self) -> None:
        try:
            for cursor in self._shell.incomplete_pages()[:PAGES_AGAIN]:
                self._ask_again(cursor)
            while self._take_page():
                pass
        except StoreUnavailable as error:
            _log.error("store.unavailable", extra={"fields": {"reason": str(error)}})
        except Exception as error:  # The next interval tries again; what was missed stands behind the same cursor.
            _log.critical("query.failed", extra={"fields": {"error": type(error).__name__}})
        finally:
            with self._changed:
                self._polling = False
                self._activity += 1
                self._woken = True
                self._changed.notify_all()

    def _ask_again(self, cursor: str) -> None:
        """Ask once more for a page of which not every case could be taken; those that were are known by their message ids."""
        ending = self._ask_for_page(cursor or None)
        if isinstance(ending, Answered) and ending.page is not None:
            self._take_cases(cursor, ending.page, ending.unreadable)
        elif isinstance(ending, Faulted) and ending.fault.code is ErrorCode.CURSOR_INVALID:
            # The other end begins its count anew, and so does the query that follows: it comes to these cases by itself.
            self._shell.page_taken(cursor, (), at=self._clock.now())

    def _take_page(self) -> bool:
        """Ask for the page after the kept cursor and take its cases in; True when more stand behind it."""
        with self.store.begin() as work:
            cursor = work.get_value(_QUERY_CURSOR) or None
        ending = self._ask_for_page(cursor)
        if not isinstance(ending, Answered) or ending.page is None:
            _note("query.made", outcome=_word(ending))
            if isinstance(ending, Faulted) and ending.fault.code is ErrorCode.CURSOR_INVALID and cursor is not None:
                # Begin at the front: each case is taken once all the same, because its message id is known.
                self._keep_cursor("")
                return True
            return False
        page = ending.page
        self._take_cases(cursor or "", page, ending.unreadable)
        # Also past cases that could not be taken: the others behind them do not wait.
        self._keep_cursor(page.next_cursor)
        self._wake()
        _note("query.made", outcome="page", cases=len(page.cases), more=page.more)
        return page.more and page.next_cursor != cursor and not self._stopping

    def _ask_for_page(self, cursor: str | None) -> Ending:
        header = QueryHeader(
            message_id=f"urn:uuid:{uuid.uuid4()}",
            sender=self.profile.urban.code,
            recipient=self.profile.grid.code,
            sent_at=self._clock.now(),
        )
        query = CaseQuery(cursor=cursor, page_size=self.profile.limits.page_size)
        delivered = self._client.deliver(Side.GRID, QueryMessage(header=header, query=query))
        word = Operation.QUERY_CASES.value
        self._later("envelope.out", Side.GRID, None, header.message_id, word, delivered.sent)
        if delivered.answer is not None:
            self._later("answer.in", Side.GRID, None, header.message_id, word, delivered.answer)
        return delivered.ending

    def _take_cases(self, cursor: str, page: CasePage, unreadable: Sequence[str]) -> None:
        """Take the cases of a page in; what cannot be read or taken holds up nothing else, and is asked for again."""
        left = list(unreadable)
        for case in page.cases:
            try:
                self._take_case(case)
            except StoreUnavailable:
                raise
            except Exception as error:
                left.append(case.hand_over.case_number)
                fields = {"case_number": case.hand_over.case_number, "error": type(error).__name__}
                _log.critical("query.case_failed", extra={"fields": fields})
        self._shell.page_taken(cursor, left, at=self._clock.now())

    def _take_case(self, case: HandedOverCase) -> None:
        form = case.hand_over
        header = Header(
            message_id=case.message_id,
            sender=self.profile.grid.code,
            recipient=self.profile.urban.code,
            case_number=form.case_number,
            form_type=FormType.HAND_OVER,
            attempt=1,
            sent_at=self._clock.now(),
        )
        message = FormMessage(header=header, form=form)
        verdict = self._shell.receive_form(Side.GRID, message, fingerprint(form), at=self._clock.now(), by_query=True)
        _note_form("form.queried", Side.GRID, header, _outcome_of(verdict, verdict.answer))

    def _keep_cursor(self, cursor: str) -> None:
        with self.store.begin() as work:
            work.set_value(_QUERY_CURSOR, cursor)


def _port(port: int | None, scheme: str) -> int:
    if port is not None:
        return port
    return 443 if scheme == "https" else 80


def _address(endpoint: str, port: int) -> str:
    """The endpoint as the profile says it; a port 0 there becomes the one that the system chose."""
    parts = urlsplit(endpoint)
    if parts.port != 0:
        return endpoint.rstrip("/")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return parts._replace(netloc=f"{host}:{port}").geturl().rstrip("/")


# Logs: one JSON object a line; ids, form types and outcomes, never a text, a name, a telephone number or a password


class JsonLines(logging.Formatter):
    """Log records as JSON lines."""

    def __init__(self, clock: Clock):
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """One record, one line. Only our own fields are shown, never a foreign traceback, which may hold values."""
        line = {
            "at": self._clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, ensure_ascii=False)


def _note(event: str, **fields: Any) -> None:
    _log.info(event, extra={"fields": fields})


def _note_form(event: str, side: Side, header: Header, outcome: str, of: str | None = None) -> None:
    _note(
        event,
        platform=side.value,
        case_number=header.case_number,
        form_type=header.form_type.value,
        message_id=header.message_id,
        outcome=outcome,
        **({"attempt": header.attempt} if of is None else {"of": of}),
    )


def _say_stumbled(case_number: str, message_id: str, error: Exception) -> None:
    """The form is parked already; what remains is to put the program right."""
    fields = {"case_number": case_number, "message_id": message_id, "error": type(error).__name__}
    _log.critical("engine.stumbled", extra={"fields": fields})


def _warn_of_stranger(side: Side, why: str) -> None:
    """Nobody but the operator can tell a stranger from a platform whose password was changed."""
    _log.warning("caller.refused", extra={"fields": {"caller": side.value, "reason": why}})


def _warn_of_refusal(side: Side, ending: Ending) -> None:
    """A platform that does not know us takes no form at all: that is the operator's to put right, not one case's."""
    if isinstance(ending, Faulted) and ending.fault.code in ACCOUNT_NOT_ACCEPTED:
        _log.error("platform.refuses_us", extra={"fields": {"platform": side.value, "code": ending.fault.code.value}})


def _outcome_of(verdict: Verdict, answer: Answered | Faulted) -> str:
    if isinstance(answer, Faulted):
        return f"fault {answer.fault.code.value}"
    if answer.receipt is not None:
        return f"receipt {answer.receipt.outcome.value}"
    return "admitted" if verdict.admitted else "acknowledged"


def _word(ending: Ending) -> str:
    if isinstance(ending, Answered):
        return f"receipt {ending.receipt.outcome.value}" if ending.receipt else "acknowledged"
    if isinstance(ending, Faulted):
        return f"fault {ending.fault.code.value}"
    return "not reached" if isinstance(ending, NotReached) else "unanswered"


# The command


def bridge_main(
    profile_path: str | Path,
    *,
    store_url: str | None = None,
    listen: tuple[str, int] | None = None,
    control_port: int | None = None,
    control_token: str | None = None,
    clock_start: datetime | None = None,
) -> int:
    """Run a bridge until it is told to stop (SIGINT, SIGTERM); the exit status is 0 then, 2 when it could not start.

    A `clock_start` makes the clock a steered one, which stands still until the control port moves it.
    """
    clock: Clock = SystemClock() if clock_start is None else SteeredClock(clock_start)
    _log_to_stderr(clock)
    told_to_stop = StopRequest.by_signals()
    try:
        profile = load_profile(profile_path)
        url = store_url or profile.bridge.store
        # Held until this process ends, and let go of by the system: nothing here could be skipped by a crash.
        claim = Claim(url)
        store = SqlStore(url)
    except (ProfileInvalid, StoreUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        try:
            process = BridgeProcess(
                profile,
                store,
                clock,
                control_port=control_port,
                control_token=control_token,
                listen=listen,
            )
        except (AddressTaken, TlsUnusable, StoreUnavailable) as error:
            sys.stderr.write(f"{error}\n")
            return 2
        process.start()
        _say_ready(process, None if control_token else process.control_token)
        told_to_stop.wait()
        process.stop()
    finally:
        store.close()
        claim.release()
    return 0


def _say_ready(process: BridgeProcess, made_token: str | None) -> None:
    """Whoever started this process reads one line from its output and knows where to go, and with which token if it was made here."""
    line = {"ready": process.address, "control": process.control_address}
    if process.control_address is not None and made_token is not None:
        line["control_token"] = made_token
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _log_to_stderr(clock: Clock) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(clock))
    _log.handlers[:] = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False
    # The HTTP server's own words, such as that it has too many connections; lines like ours.
    served = logging.getLogger("waitress")
    served.handlers[:] = [handler]
    served.propagate = False
    # A line for every request that waits for a thread says nothing and fills disks.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
