"""A simulated platform as a running process: its machine, its SOAP service, its callers, its clock.

            ┌──────────────── one lock ────────────────┐
    SOAP ──►│ logbook + machine                        │──► callers ──SOAP──► the link (other platform or bridge)
    acts ──►│   each input written down before it is   │
    timer ─►│   answered                               │
            └──────────────────────────────────────────┘

Forms and receipts leave by different callers: a bridge may hold the caller of a form until the receipt is
there, and that receipt must not wait behind the form.
"""

import logging
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import waitress
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from bridge.vocabulary.calls import Answered, Call, Faulted, Message, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault, FormMessage, Header
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI, in_shanghai
from simulators.exchange.client import PlatformClient, wsdl_path
from simulators.exchange.logbook import Keeper, Logbook, LogbookUnavailable, Machine
from simulators.exchange.prefixes import PrefixChoice
from simulators.exchange.quirks import Quirks
from simulators.exchange.security import PEER_NAMES, Guard
from simulators.exchange.tls import TlsEnding, TlsFilesUnusable, check_calling, serving

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Threads that make calls, for forms and for everything else.
CALLERS = 4
#: Threads that serve SOAP; with a bridge that holds callers, each held call needs one over there, not here.
SERVERS = 8
#: Seconds before a logbook that could not be written is tried again.
LOGBOOK_RETRY_SECONDS = 1.0
#: Seconds for the threads to end in order when the process stops; a call under way is then left to its fate.
STOP_SECONDS = 3.0


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Say the time in Asia/Shanghai."""


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Say the time in Asia/Shanghai."""
        return datetime.now(SHANGHAI)


class SteeredClock:
    """A clock that stands still until it is set forward."""

    def __init__(self, start: datetime):
        self._now = in_shanghai(start)

    def now(self) -> datetime:
        """Say the time in Asia/Shanghai."""
        return self._now

    def set(self, to: datetime) -> None:
        """Set it forward; a moment that has passed changes nothing."""
        self._now = max(self._now, in_shanghai(to))


class StartFailed(Exception):
    """The process could not start, and what to do about it."""

    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{message_zh} / {message_en}")


class _Life:
    """What belongs to one span between start and stop."""

    def __init__(self) -> None:
        #: Calls waiting for a caller and calls being made.
        self.busy = 0
        #: True from the moment in which it is to end: no call is begun any more.
        self.ending = False
        #: Forms, and everything else.
        self.lanes: tuple[SimpleQueue[Call | None], ...] = (SimpleQueue(), SimpleQueue())


class SimulatorProcess:
    """One platform, live. `start` returns when it can be called; `stop` leaves no thread and no open port behind.

    Its SOAP service listens where the profile says (`platform(side).endpoint`); its own calls go to
    `link_endpoint`, which is the other platform's service or the bridge's that stands in its place.
    """

    def __init__(
        self,
        side: Side,
        profile: Profile,
        town_seed: int,
        quirks: Quirks,
        *,
        clock: Clock | None = None,
        store_path: Path | None = None,
        control_port: int | None = None,
        control_token: str | None = None,
        link_endpoint: str | None = None,
        make_machine: Callable[[], Machine] | None = None,
    ):
        self.side = side
        self.profile = profile
        self.clock: Clock = clock or SystemClock()
        self._own = profile.platform(side)
        self._far = profile.platform(side.other)
        self._quirks = quirks
        self._store_path = store_path
        self._owner = f"{side.value} seed {town_seed}"
        self._make_machine = make_machine or (lambda: _platform(side, profile, town_seed, quirks))
        self._control_port = control_port
        #: What opens the control port; of this process alone when none was given.
        self.control_token = control_token or secrets.token_urlsafe(18)
        self._link = link_endpoint or self._far.endpoint
        #: Guards everything below, and tells the timer when something has changed.
        self._changed = threading.Condition(threading.RLock())
        self._keeper: Keeper | None = None
        self._logbook: Logbook | None = None
        self._guard: Guard | None = None
        self._life: _Life | None = None
        #: The timer for whose moment the time keeper waits.
        self._awaited: datetime | None = None
        self._threads: list[threading.Thread] = []
        self._servers: list[HttpServer] = []

    # ── from start to stop ──────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Bring the machine back from its logbook, listen, and go on where it stopped."""
        tls = self._tls_context()
        sockets = [_listening(self._own.endpoint, f"{self.side.value} SOAP")]
        try:
            if self._control_port is not None:
                sockets.append(_listening(f"http://127.0.0.1:{self._control_port}", f"{self.side.value} control"))
            self._logbook = Logbook(self._store_path, self._owner)
            self._keeper = Keeper(self._make_machine, self._logbook)
            if isinstance(self.clock, SteeredClock) and self._keeper.latest is not None:
                self.clock.set(self._keeper.latest)
            self._end_broken_off()
            self._guard = Guard(self._far, self.profile.security, self.clock.now, self, self._keeper.locks)
            apps = [self._soap_app(self._guard), *self._control_apps()]
        except BaseException:
            for opened in sockets:
                opened.close()
            raise
        life = self._life = _Life()
        self._servers = [
            # TLS is the exchange's; the control port does not leave this machine.
            HttpServer(app, opened, body_max=2 * self.profile.limits.message_bytes, tls=context)
            for app, opened, context in zip(apps, sockets, (tls, None), strict=False)
        ]
        client = self._client()
        for lane in life.lanes:
            for _ in range(CALLERS):
                self._spawn(partial(self._make_calls, life, lane, client))
        self._spawn(partial(self._keep_time, life))
        with self._changed:
            self._send_out()
        log.info("%s platform listens at %s, calls %s", self.side.value, self._own.endpoint, self._link)

    def stop(self) -> None:
        """Take nothing more in, let calls under way end for a moment, and close everything."""
        for server in self._servers:
            server.close()
        self._servers = []
        with self._changed:
            life = self._life
            if life is not None:
                life.ending = True
                self._changed.notify_all()
        for lane in () if life is None else life.lanes:
            for _ in range(CALLERS):
                lane.put(None)
        patience = monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, patience - monotonic()))
        self._threads = []
        with self._changed:
            self._life = None
            if self._logbook is not None:
                self._logbook.close()
                self._logbook = None
            self._keeper = None

    # ── what comes in ───────────────────────────────────────────────────────────────────────────

    def received(self, message: Message) -> Answered | Faulted:
        """Take a message from the SOAP service."""
        log.info("%s takes %s %s", self.side.value, _named(message), message.header.message_id)
        return self._or_busy(lambda keeper, now: keeper.call_received(message, now))

    def unreadable(self, header: Header, fault: Fault, digest: str) -> Answered | Faulted:
        """Take a form whose body is not as the contract says from the SOAP service."""
        log.info("%s refuses an unreadable form %s: %s", self.side.value, header.message_id, fault.code)
        if header.recipient != self._own.code or header.sender != self._far.code:
            return Faulted(
                fault=Fault(
                    code=ErrorCode.WRONG_PARTY,
                    field="header",
                    message_zh="报文头中的发送方或接收方与本接口不符。",
                    message_en="Sender or recipient in the header are not those of this link.",
                )
            )
        return self._or_busy(lambda keeper, now: keeper.unreadable(header, fault, digest, now))

    # What the guard at the door keeps (`simulators.exchange.security.Books`)

    def use_token(self, key: str, content: str, until: datetime) -> str | None:
        """Keep what a caller's token is first used for."""
        with self._changed:
            return self._kept().use_token(key, content, until, self.clock.now())

    def locked(self, source: str, until: datetime) -> None:
        """An address is locked out."""
        log.warning("%s hears nothing from %s until %s", self.side.value, source, until.isoformat())
        self._input(lambda keeper, now: keeper.lock_out(source, until, now))

    def unlocked(self, source: str) -> None:
        """It is heard again."""
        log.warning("%s hears %s again", self.side.value, source)
        self._input(lambda keeper, now: keeper.hear_again(source, now))

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let one of the platform's people do something."""
        return self._input(lambda keeper, now: keeper.act(name, params, now, by))

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask about the platform's state."""
        with self._changed:
            return self._kept().ask(name, params, self.clock.now())

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    @property
    def quiet(self) -> bool:
        """True when nothing is being taken in, no call is under way, and no timer is due."""
        with self._changed:
            due = self._due()
            return self._running.busy == 0 and (due is None or due > self.clock.now())

    @property
    def next_due(self) -> datetime | None:
        """The next timer."""
        with self._changed:
            return self._due()

    @property
    def inputs(self) -> int:
        """How many inputs the machine has had; tells whether anything happened between two looks."""
        with self._changed:
            return self._kept().count

    def steer(self, to: datetime) -> bool:
        """Set a steered clock forward, firing each timer at its own moment; False when the clock is the real one."""
        if not isinstance(self.clock, SteeredClock):
            return False
        with self._changed:
            while (due := self._due()) is not None and due <= in_shanghai(to):
                self.clock.set(due)
                if not self._wake():
                    break
            self.clock.set(to)
            self._changed.notify_all()
        return True

    # ── inside ──────────────────────────────────────────────────────────────────────────────────

    @property
    def _running(self) -> "_Life":
        if self._life is None:
            raise RuntimeError("the platform is not running")
        return self._life

    def _kept(self) -> Keeper:
        if self._keeper is None:
            raise RuntimeError("the platform is not running")
        return self._keeper

    def _input(self, give: Callable[[Keeper, datetime], T]) -> T:
        with self._changed:
            result = give(self._kept(), self.clock.now())
            self._send_out()
            return result

    def _or_busy(self, give: Callable[[Keeper, datetime], Answered | Faulted]) -> Answered | Faulted:
        """Take a call in; one that cannot be written down is refused, surely without effect."""
        try:
            return self._input(give)
        except LogbookUnavailable as error:
            log.warning("%s: %s", self.side.value, error.message_en)
            return Faulted(
                fault=Fault(
                    code=ErrorCode.BUSY,
                    field=None,
                    message_zh="暂时无法受理,请稍后原样重发。",
                    message_en="Cannot take it now; send the same again later.",
                )
            )

    def _end_broken_off(self) -> None:
        try:
            self._kept().restarted(self.clock.now())
            self._kept().end_broken_off(self.clock.now())
        except LogbookUnavailable as error:
            raise StartFailed(error.message_zh, error.message_en) from None

    def _noted(self, life: "_Life", note: Callable[[Keeper], None]) -> bool:
        """Write something of a call down, however long the logbook cannot be written; False when the life ends first."""
        with self._changed:
            # A call that outlives its process's life is ended when the next life begins.
            while self._life is life:
                try:
                    note(self._kept())
                except LogbookUnavailable as error:
                    log.warning("%s: %s", self.side.value, error.message_en)
                    if life.ending:
                        return False
                    self._changed.wait(LOGBOOK_RETRY_SECONDS)
                else:
                    self._send_out()
                    return True
        return False

    def _send_out(self) -> None:
        """Give new calls to the callers, and let the timer look again."""
        for call in self._kept().take_calls():
            self._running.busy += 1
            self._running.lanes[0 if isinstance(call.message, FormMessage) else 1].put(call)
        # Waking the time keeper for nothing costs as much as a good part of the input.
        if self._due() != self._awaited:
            self._changed.notify_all()

    def _wake(self) -> bool:
        """Fire what is due; False when that changed nothing about the next moment."""
        keeper = self._kept()
        before = self._due()
        if self._guard is not None:
            self._guard.end_locks()
        keeper.wake(self.clock.now())
        self._send_out()
        return self._due() != before

    def _due(self) -> datetime | None:
        """The next moment at which the machine wants to be woken or a lock ends."""
        moments = (self._kept().next_due(), None if self._guard is None else self._guard.next_end())
        return min((moment for moment in moments if moment is not None), default=None)

    def _keep_time(self, life: "_Life") -> None:
        with self._changed:
            while not life.ending:
                due, now = self._due(), self.clock.now()
                self._awaited = due
                if due is not None and due <= now:
                    try:
                        moved = self._wake()
                    except LogbookUnavailable as error:
                        log.warning("%s: %s", self.side.value, error.message_en)
                        moved = False
                    except Exception:
                        log.exception("%s: a timer failed", self.side.value)
                        moved = False
                    if moved:
                        continue
                    # A timer that does not move would be fired without end.
                    self._changed.wait(1.0)
                elif due is None or isinstance(self.clock, SteeredClock):
                    self._changed.wait()
                else:
                    # The real clock may be set while we sleep.
                    self._changed.wait(min((due - now).total_seconds(), 60.0))

    def _make_calls(self, life: "_Life", lane: "SimpleQueue[Call | None]", client: PlatformClient) -> None:
        while (call := lane.get()) is not None:
            try:
                self._make_call(life, call, client)
            except Exception:
                # The machine's own timers repeat what got lost here.
                log.exception("%s: a call could not be made", self.side.value)
            finally:
                with self._changed:
                    life.busy -= 1

    def _make_call(self, life: "_Life", call: Call, client: PlatformClient) -> None:
        if life.ending or not self._noted(life, lambda keeper: keeper.begin(call.key, self.clock.now())):
            return
        try:
            ending = client.make(call)
        except Exception as error:
            log.exception("%s: the client failed", self.side.value)
            ending = Unanswered(detail=f"the client failed ({type(error).__name__})")
        log.info(
            "%s sent %s %s: %s",
            self.side.value,
            _named(call.message),
            call.message.header.message_id,
            type(ending).__name__,
        )
        self._noted(life, lambda keeper: keeper.end(call.key, ending, self.clock.now()))

    def _spawn(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True, name=f"{self.side.value}-{len(self._threads)}")
        thread.start()
        self._threads.append(thread)

    def _client(self) -> PlatformClient:
        return PlatformClient(
            wsdl_path(self.side.other),
            self._link,
            self._own.username,
            self._own.password,
            self._own.password_type,
            answer_seconds=self.profile.delivery.answer_timeout_seconds,
            prefixes=self._prefixes(),
            now=self.clock.now,
            tls=self._own.tls,
        )

    def _tls_context(self) -> ssl.SSLContext | None:
        try:
            check_calling(self._own.tls)
            return serving(self._own.tls)
        except TlsFilesUnusable as error:
            raise StartFailed(error.message_zh, error.message_en) from None

    def _prefixes(self) -> PrefixChoice | None:
        if self._quirks.calm:
            return None
        numbers = count()
        return lambda namespace: self._quirks.prefix(namespace, f"{self.side.value}:{next(numbers)}")

    def _soap_app(self, guard: Guard) -> Any:
        # spyne is slow to import and of no use to whoever only wants the machine.
        if self.side is Side.GRID:
            from simulators.grid.service import soap_front
        else:
            from simulators.urban.service import soap_front
        return soap_front(self.profile, self, address=self._own.endpoint, prefixes=self._prefixes(), guard=guard)

    def _control_apps(self) -> list[Any]:
        if self._control_port is None:
            return []
        from simulators.control import control_app

        return [control_app(self, self.control_token)]


def _platform(side: Side, profile: Profile, seed: int, quirks: Quirks) -> Machine:
    from simulators.city.town import Town

    town = Town.build(seed)
    if side is Side.GRID:
        from simulators.grid.platform import GridPlatform

        return GridPlatform(profile, town, seed, quirks)
    from simulators.urban.platform import UrbanPlatform

    return UrbanPlatform(profile, town, seed, quirks)


def _named(message: Message) -> str:
    return f"form {message.form.form_type}" if isinstance(message, FormMessage) else type(message).__name__


# ── listening ───────────────────────────────────────────────────────────────────────────────────────


_PORTS = {"http": 80, "https": 443}


def _listening(endpoint: str, what: str) -> socket.socket:
    """Open the port of an endpoint; a taken one is one clear sentence."""
    address = urlsplit(endpoint)
    host = address.hostname or "127.0.0.1"
    # Port 0 asks for any free one.
    port = _PORTS.get(address.scheme, 80) if address.port is None else address.port
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise StartFailed(
            f"{what}:无法监听 {host}:{port}({error.strerror}),请停掉占用该端口的程序或在配置中换一个端口。",
            f"{what}: cannot listen on {host}:{port} ({error.strerror}); stop the program that uses the port, or choose another one in the profile.",
        ) from None
    return opened


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        names = getattr(self.channel, "names", None)
        return environ if names is None else {**environ, PEER_NAMES: names}


class _Refusal(ErrorTask):  # type: ignore[misc]
    """Answers in SOAP where waitress would write a line of plain text: callers of a service read nothing else."""

    def execute(self) -> None:
        from simulators.exchange.soap import not_http

        error = self.request.error
        body = not_http(error.code)
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "text/xml; charset=utf-8"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Task
    error_task_class = _Refusal

    def _flush_some_if_lockable(self, do_close: bool = True) -> None:
        # The lock is held by a task while it sends. Waiting for it leaves the task its turn; waitress would ask again at once, for ever.
        with self.outbuf_lock:
            if self.total_outbufs_len:
                self._flush_some(do_close=do_close)
            if self.total_outbufs_len < self.adj.outbuf_high_watermark:
                self.outbuf_lock.notify()


class HttpServer:
    """A waitress server on a port that is open already, in a thread of its own, that can be stopped; with TLS in front or without."""

    def __init__(self, app: Any, opened: socket.socket, body_max: int, tls: ssl.SSLContext | None = None):
        self._server = waitress.create_server(
            app,
            # With TLS the connections are taken in front, and handed over one by one.
            _start=tls is None,
            sockets=[opened],
            threads=SERVERS,
            max_request_body_size=body_max,
            # Whose word counts on where a call came from is the guard's to know.
            clear_untrusted_proxy_headers=False,
            url_scheme="http" if tls is None else "https",
            # The header of waitress's own would only tell a stranger what runs here.
            ident=None,
        )
        self._server.channel_class = _Channel
        self._ending: TlsEnding | None = None
        self._thread = threading.Thread(target=self._server.run, daemon=True, name="http")
        self._thread.start()
        if tls is not None:
            from simulators.exchange.soap import only_tls

            self._ending = TlsEnding(opened, tls, self._take, only_tls())

    def _take(self, inside: socket.socket, address: Any, names: frozenset[str] | None) -> None:
        def take() -> None:
            channel = _Channel(
                self._server, inside, self._server.fix_addr(address), self._server.adj, map=self._server._map
            )
            channel.names = names

        # In the server's own thread, like every connection that it takes itself.
        self._server.trigger.pull_trigger(take)

    def close(self) -> None:
        """Stop listening, cut the connections that are open, end the thread."""
        if self._ending is not None:
            self._ending.close()
        # A loop that is awake already closes everything, the trigger included, before the trigger is pulled.
        with suppress(OSError):
            self._server.trigger.pull_trigger(self._close_all)
        self._thread.join(STOP_SECONDS)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=STOP_SECONDS)

    def _close_all(self) -> None:
        # In the server's own thread; its loop ends when nothing is left to watch.
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.close()
