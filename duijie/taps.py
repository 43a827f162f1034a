"""The live wire with ears: one small HTTP proxy for each hop, that records what crosses and misbehaves when told to.

A tap stands between a caller and the SOAP service it calls. It reads each envelope with the judge's own reader, asks the
fault plan what is to become of the message, passes the bytes on unchanged, and writes call and answer into the trace. It is the
live counterpart of the virtual network and keeps to the same meaning of each fault:

    lose         the message does not arrive; the caller sees a ruin of an answer
    lose answer  the message arrives and is answered; the caller sees a ruin of that answer
    repeat       the message arrives twice; the caller sees the first answer
    delay        the caller sees a ruin; the message arrives when the clock has come to its moment
    reorder      as delay, but the message arrives as soon as another one has overtaken it
    crash        the message arrives; its receiver is stopped before the caller sees an answer, and starts again

What the ruin is, is the fault's to say (`conformance.scenario.faults`): a connection that is reset, a half of the bytes, a
trickle, a proxy's page. A line that is cut altogether is a tap that does not listen: its callers are refused the connection.
"""

import http.client
import select
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from bridge.vocabulary.calls import Message, NotReached, Unanswered
from bridge.vocabulary.parties import Party
from conformance.observe.body import BodyUnreadable, envelope_in, wrapping_of
from conformance.observe.envelope import kept
from conformance.observe.soap import read_request, read_response
from conformance.oracle.trace import Shown, Trace
from conformance.scenario.faults import Decision, Fate, FaultPlan, Reply, Ruin, fault, is_overtaken

#: Seconds after which the tap itself gives up on a service that does not answer.
SERVICE_TIMEOUT_SECONDS = 30
#: Seconds of real time in which a party that has a call to make begins it.
CALLS_WITHIN_SECONDS = 1.0
#: Seconds of real time that a message waits for the clocks to agree; a foreign party may call while it is being set.
PAUSE_SECONDS_MAX = 5.0


#: The longest that a caller is left without an answer when it never gives up by itself.
STARVED_SECONDS = 600.0
#: Seconds between two looks at whether a caller that is left without an answer is still there.
LOOK_SECONDS = 0.25

#: An envelope of more bytes is made fit to be shown as it crosses, any other when somebody reads it.
LARGE_BYTES = 64 * 1024
#: Headers of one connection, which a proxy does not pass on, and those that it writes itself.
_OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _same(shown: str | None) -> str | None:
    return shown


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent: as it came, and what it carries."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    #: The envelope that the body holds; empty when none can be made out.
    envelope: bytes = b""
    #: How the envelope was wrapped, outermost first.
    packed: tuple[str, ...] = ()
    #: None when the contract has no such message.
    message: Message | None = None
    #: The envelope as it may stand in the trace; None when that is not asked for, or it may not.
    kept: Shown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A message that the network holds back."""

    due_at: datetime
    tap: "Tap"
    request: Request
    message: Message
    decision: Decision
    #: Number of its call in the trace.
    call: int


@dataclass(frozen=True, slots=True)
class _Carried:
    """What came of passing a message on."""

    #: Number of the call in the trace.
    call: int

    #: None when the service gave no answer.
    reply: Reply | None
    #: The fate of the answer on its way back.
    back: Decision


class Wire:
    """All taps of a stage: one trace, one plan, one clock, and the messages that are held back."""

    def __init__(
        self,
        trace: Trace,
        plan: FaultPlan,
        now: Callable[[], datetime],
        crash: Callable[[Party], None] | None = None,
        *,
        envelopes: bool = False,
    ):
        self.trace = trace
        #: Whether records hold the envelopes too.
        self._envelopes = envelopes
        self.plan = plan
        self.now = now
        #: Stops a party at once and starts it again.
        self._crash_party = crash
        self._crashes: dict[Party, _Crash] = {}
        self.lock = threading.RLock()
        self._busy = 0
        #: Messages that have begun to cross so far, on any line.
        self.crossings = 0
        self._open = threading.Event()
        self._open.set()
        self._held: list[_Held] = []
        self._taps: list[Tap] = []

    def kept(self, envelope: bytes) -> Shown | None:
        """Shows the envelope as it may stand in the trace; None where envelopes are not asked for.

        A large one, which is one with photos, is made so at once: as it crossed it would take the memory that many others need.
        """
        if not self._envelopes:
            return None
        return partial(kept, envelope) if len(envelope) <= LARGE_BYTES else partial(_same, kept(envelope))

    def kept_of(self, body: bytes, content_type: str | None, content_encoding: str | None) -> Shown | None:
        """Shows the envelope in a body that went past the taps, as it may stand in the trace."""
        return self.kept(_opened(body, content_type, content_encoding)[0]) if self._envelopes else None

    def doom(self, party: Party) -> "_Crash":
        """From now on nothing leaves this party any more: it stops before it answers the message that it now gets."""
        with self.lock:
            crash = self._crashes[party] = _Crash(self, party)
            return crash

    def doomed(self, party: Party) -> "_Crash | None":
        """The crash that this party is in, if it is in one."""
        with self.lock:
            return self._crashes.get(party)

    def gone(self, party: Party) -> None:
        """The party has stopped: what leaves it from now on is what it says after its new start."""
        with self.lock:
            self._crashes.pop(party, None)

    def strike(self, party: Party) -> None:
        """Stop a party and start it again, on record."""
        with self.lock:
            self.trace.restart(party, self.now())
        if self._crash_party is not None:
            self._crash_party(party)
        self.gone(party)

    def open(
        self,
        sender: Party,
        to: Party,
        service: str,
        listen: tuple[str, int] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> "Tap":
        """Start a tap in front of the service at this base address; it listens on loopback at a free port, or where it is told."""
        return self.join(Tap(self, sender, to, service, listen, tls=tls))

    def join(self, tap: "Tap") -> "Tap":
        """Count a tap in that listens already."""
        self._taps.append(tap)
        return tap

    def close(self) -> None:
        """Stop all taps; what is held back is dropped with them."""
        for tap in self._taps:
            tap.close()

    def cut(self, party: Party, *, restored: bool = False) -> None:
        """Cut every line to and from a party, or restore them."""
        for tap in self._taps:
            if party in (tap.sender, tap.to):
                if restored:
                    tap.listen()
                else:
                    tap.close()

    @property
    def quiet(self) -> bool:
        """True when nothing is crossing and nothing held back is due."""
        with self.lock:
            return self._busy == 0 and not any(held.due_at <= self.now() for held in self._held)

    @property
    def held(self) -> int:
        """How many messages are held back."""
        with self.lock:
            return len(self._held)

    @property
    def next_due(self) -> datetime | None:
        """When the next held-back message arrives."""
        with self.lock:
            return min((held.due_at for held in self._held), default=None)

    def release_due(self) -> None:
        """Let held-back messages arrive whose moment has come; their answers go to nobody."""
        with self.lock:
            now = self.now()
            due = sorted((held for held in self._held if held.due_at <= now), key=lambda held: held.due_at)
            self._held = [held for held in self._held if held.due_at > now]
        for held in due:
            held.tap.bring_late(held)

    def let_pass(self, sender: Party, to: Party, passing: Message, call: int) -> None:
        """Let those arrive that waited to be overtaken by such a message; it overtakes only what left before it."""
        with self.lock:
            overtaken = [
                held
                for held in self._held
                if held.decision.fate is Fate.REORDER
                and held.call < call
                and is_overtaken((*held.tap.parties(held.request), held.message), (sender, to, passing))
            ]
            self._held = [held for held in self._held if held not in overtaken]
        for held in sorted(overtaken, key=lambda held: held.due_at):
            held.tap.bring_late(held)

    def hold(self, held: _Held) -> None:
        """Keep a message back until its moment."""
        with self.lock:
            self._held.append(held)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let nothing begin to cross meanwhile; callers wait."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def enter(self) -> None:
        """Count a message that is crossing."""
        with self.lock:
            self._busy += 1
            self.crossings += 1
        self._open.wait(PAUSE_SECONDS_MAX)

    def leave(self) -> None:
        """Count a message out."""
        with self.lock:
            self._busy -= 1


class _Crash:
    """One stop of one party, which several threads may find due at the same time."""

    def __init__(self, wire: Wire, party: Party):
        self._wire = wire
        self._party = party
        self._lock = threading.Lock()
        self._done = threading.Event()

    def strike(self) -> None:
        """Stop the party now; returns when it runs again, whoever struck first."""
        with self._lock:
            if not self._done.is_set():
                self._done.set()
                self._wire.strike(self._party)

    def strike_when_it_calls(self) -> None:
        """Stop the party when it begins to call somebody, or soon when it has nobody to call.

        What it does first after a message is to tell others of it. Waiting for that makes the same calls end unanswered
        in every run.
        """
        self._done.wait(CALLS_WITHIN_SECONDS)
        self.strike()


class Tap:
    """One hop's proxy; `address` is what the caller is given in place of the service's.

    `tls` says whom it trusts in front of an https service; without it, those that the machine trusts.
    """

    def __init__(
        self,
        wire: Wire,
        sender: Party,
        to: Party,
        service: str,
        listen: tuple[str, int] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
    ):
        self.wire = wire
        self.sender = sender
        self.to = to
        self.service = service
        parts = urlsplit(service)
        sealed = parts.scheme == "https"
        self._tls = (tls or ssl.create_default_context()) if sealed else None
        self._place = (parts.hostname or "127.0.0.1", parts.port or (443 if sealed else 80))
        self._path = parts.path if parts.path != "/" else ""

        class Handler(_Handler):
            tap = self

        self._handler = Handler
        self._server: _Server | None = None
        self._host, self._port = listen or ("127.0.0.1", 0)
        self.listen()
        self.address = f"http://{self._host}:{self._port}"

    def listen(self) -> None:
        """Take messages, at the same port as before; nothing happens when it does already."""
        if self._server is None:
            self._server = _Server((self._host, self._port), self._handler)
            self._port = self._server.server_port
            self._server.start()

    def close(self) -> None:
        """Stop listening; callers are refused the connection until `listen`."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def listens(self) -> bool:
        """False when the line is cut."""
        return self._server is not None

    def parties(self, request: Request) -> tuple[Party, Party]:
        """Who sends this over the line, and to whom."""
        return self.sender, self.to

    @property
    def ends(self) -> dict[str, str]:
        """The two ends of the line as a record names them, where that is known without a message."""
        return {"from": self.sender.value, "to": self.to.value}

    def carry(
        self,
        request: Request,
        message: Message,
        *,
        by_network: Decision | None = None,
        lost: Decision | None = None,
    ) -> _Carried:
        """Pass a message on and record call and answer.

        `by_network` is for what the network brings late or twice, `lost` for an answer that its caller will not see.
        """
        wire = self.wire
        sender, to = self.parties(request)
        made_by = None if by_network is None else by_network.kind
        with wire.lock:
            number = wire.trace.call(
                sender,
                to,
                message,
                wire.now(),
                by_network=by_network is not None,
                network=made_by,
                packed=request.packed,
                envelope=request.kept,
            )
        reply = self.exchange(request)
        nobody_hears = by_network is not None or lost is not None
        envelope, packed = (b"", ()) if reply is None else _opened_reply(reply)
        shown = wire.kept(envelope)
        with wire.lock:
            if reply is None:
                gone = Unanswered(detail="the receiver stopped") if nobody_hears else NotReached(detail="no connection")
                # Whatever was to become of the answer, there was none; only a crash explains that itself.
                kind = lost.kind if lost is not None and lost.fate is Fate.CRASH else None
                wire.trace.answer(number, gone, wire.now(), network=kind)
                return _Carried(number, None, Decision(Fate.PASS))
            ending = read_response(envelope)
            back = wire.plan.of_answer(sender, to, message, ending)
            if nobody_hears or back.fate is Fate.LOSE_ANSWER:
                # The call that fails first tells why.
                why = lost if lost is not None else back
                wire.trace.answer(
                    number, ending, wire.now(), given=ending, network=why.kind, packed=packed, envelope=shown
                )
            else:
                wire.trace.answer(number, ending, wire.now(), packed=packed, envelope=shown)
        return _Carried(number, reply, back)

    def bring_late(self, held: _Held) -> None:
        """Let a message arrive that was held back; its answer goes to nobody."""
        if self.listens:
            self.carry(held.request, held.message, by_network=held.decision)
            return
        with self.wire.lock:
            self.wire.trace.not_reached(*self.parties(held.request), held.message, self.wire.now())

    def lose(self, request: Request, message: Message, decision: Decision) -> int:
        """Record a message that does not arrive, at least not now; gives the number of its call."""
        wire = self.wire
        sender, to = self.parties(request)
        with wire.lock:
            number = wire.trace.call(sender, to, message, wire.now(), packed=request.packed, envelope=request.kept)
            gone = Unanswered(detail="lost on the way")
            wire.trace.answer(number, gone, wire.now(), network=decision.kind)
        return number

    def exchange(self, request: Request) -> Reply | None:
        """Ask the service and give its response as it is; None when there is none."""
        connection = self._connection()
        try:
            connection.putrequest(request.method, self._path_of(request), skip_accept_encoding=True)
            self._send(connection, request, request.body)
            response = connection.getresponse()
            headers = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS)
            return Reply(response.status, response.reason, headers, response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def break_off(self, request: Request, arriving: bytes) -> None:
        """Let so much of a request reach the service, and break the line."""
        connection = self._connection()
        with suppress(OSError, http.client.HTTPException):
            connection.putrequest(request.method, self._path_of(request), skip_accept_encoding=True)
            self._send(connection, request, arriving)
        connection.close()

    def _path_of(self, request: Request) -> str:
        """The service's own path, and what the caller put behind the tap's address."""
        behind = request.path.removeprefix("/")
        if not behind or behind.startswith("?"):
            # Not every service takes a slash at the end for nothing.
            return (self._path or "/") + behind
        return f"{self._path}/{behind}"

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(*self._place, timeout=SERVICE_TIMEOUT_SECONDS, context=self._tls)
        return http.client.HTTPConnection(*self._place, timeout=SERVICE_TIMEOUT_SECONDS)

    @staticmethod
    def _send(connection: http.client.HTTPConnection, request: Request, body: bytes) -> None:
        for name, value in request.headers:
            connection.putheader(name, value)
        if request.body or request.method == "POST":
            connection.putheader("Content-Length", str(len(request.body)))
        connection.putheader("Connection", "close")
        connection.endheaders(body or None)


def _opened_reply(reply: Reply) -> tuple[bytes, tuple[str, ...]]:
    headers = {name.lower(): value for name, value in reply.headers}
    return _opened(reply.body, headers.get("content-type"), headers.get("content-encoding"))


def _opened(body: bytes, content_type: str | None, content_encoding: str | None) -> tuple[bytes, tuple[str, ...]]:
    """The envelope in a body, empty when there is none to be made out, and how it was wrapped."""
    try:
        envelope = envelope_in(body, content_type, content_encoding)
    except BodyUnreadable:
        envelope = b""
    return envelope, wrapping_of(body, content_type, content_encoding)


class _Server(ThreadingHTTPServer):
    """Serves in a thread of its own that sleeps until somebody calls or it is stopped: a stage has four, and many stages come one after the other."""

    daemon_threads = True
    request_queue_size = 64

    def start(self) -> None:
        """Take connections until `stop`."""
        self._told, self._telling = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more; the port is free when this returns."""
        self._telling.close()
        self._thread.join()
        self._told.close()
        self.server_close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._told, selectors.EVENT_READ)
            while all(key.fileobj is self for key, _ in selector.select()):
                self.handle_request()


class _TornRequest(Exception):
    """The caller's request did not come whole."""


class _Handler(BaseHTTPRequestHandler):
    """One request a connection, so that what is done to one message is no other's matter."""

    tap: Tap
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one message."""
        wire = self.tap.wire
        self.close_connection = True
        wire.enter()
        try:
            self._take()
        except _TornRequest:
            self._end(Ruin(resets=True))
        finally:
            wire.leave()

    def do_GET(self) -> None:
        """Pass on what is no message, such as a question for the contract."""
        self.close_connection = True
        headers = tuple((name, value) for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS)
        self._reply(self.tap.exchange(Request(self.command, self.path, headers, b"")))

    def _take(self) -> None:
        wire, tap = self.tap.wire, self.tap
        request = self._request()
        message = request.message
        if message is None:
            self._pass_unread(request)
            return
        sender, to = tap.parties(request)
        crash = wire.doomed(sender)
        if crash is not None:
            # It took the message that it is to stop on, and now begins to tell others: it never comes to that.
            crash.strike()
            self._end(Ruin(resets=True))
            return
        with wire.lock:
            decision = wire.plan.of_call(sender, to, message)
        _FATES[decision.fate](self, request, message, decision)

    def _request(self) -> Request:
        body = self._body()
        headers = tuple((name, value) for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS)
        envelope, packed = _opened(body, self.headers.get("content-type"), self.headers.get("content-encoding"))
        message, shown = read_request(envelope), self.tap.wire.kept(envelope)
        return Request(self.command, self.path, headers, body, envelope, packed, message, shown)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                raise _TornRequest
            return body
        pieces: list[bytes] = []
        while True:
            try:
                size = int(self.rfile.readline(1024).split(b";")[0], 16)
            except ValueError:
                raise _TornRequest from None
            piece = self.rfile.read(size)
            if len(piece) < size:
                raise _TornRequest
            # Behind each chunk stands an empty line; behind the last, which is empty, perhaps further headers.
            while self.rfile.readline(65536).strip() and not size:
                pass
            if not size:
                return b"".join(pieces)
            pieces.append(piece)

    def _pass_unread(self, request: Request) -> None:
        """Pass on what the contract does not know, and note that it crossed."""
        wire, tap = self.tap.wire, self.tap
        reply = tap.exchange(request)
        with wire.lock:
            noted = wire.trace.unread(
                wire.now(),
                **tap.ends,
                detail=f"{len(request.body)} bytes, HTTP {'no answer' if reply is None else reply.status}",
                packed=list(request.packed) or None,
            )
            if request.kept is not None:
                wire.trace.enclose(noted, request.kept)
        self._reply(reply)

    def _pass(self, request: Request, message: Message, decision: Decision) -> None:
        tap = self.tap
        carried = tap.carry(request, message)
        again = decision if decision.fate is Fate.REPEAT else carried.back
        if again.fate is Fate.REPEAT:
            tap.carry(request, message, by_network=again)
        if carried.reply is not None:
            tap.wire.let_pass(*tap.parties(request), message, carried.call)
        if carried.back.fate is Fate.LOSE_ANSWER:
            self._end(carried.back.ruin(carried.reply))
        else:
            self._reply(carried.reply)

    def _lose(self, request: Request, message: Message, decision: Decision) -> None:
        self.tap.lose(request, message, decision)
        self._ruin_of_nothing(request, decision)

    def _lose_answer(self, request: Request, message: Message, decision: Decision) -> None:
        tap = self.tap
        carried = tap.carry(request, message, lost=decision)
        if carried.reply is not None:
            tap.wire.let_pass(*tap.parties(request), message, carried.call)
        self._end(decision.ruin(carried.reply))

    def _hold(self, request: Request, message: Message, decision: Decision) -> None:
        wire, tap = self.tap.wire, self.tap
        with wire.lock:
            call = tap.lose(request, message, decision)
            due_at = wire.now() + timedelta(seconds=decision.seconds)
            wire.hold(_Held(due_at=due_at, tap=tap, request=request, message=message, decision=decision, call=call))
        self._ruin_of_nothing(request, decision)

    def _crash(self, request: Request, message: Message, decision: Decision) -> None:
        crash = self.tap.wire.doom(self.tap.parties(request)[1])
        self.tap.carry(request, message, lost=decision)
        self._end(decision.ruin(None))
        crash.strike_when_it_calls()

    def _ruin_of_nothing(self, request: Request, decision: Decision) -> None:
        """End the call of a message that did not come through."""
        if decision.rule is None:
            # The line was cut while the caller was already connected.
            self._end(Ruin(resets=True))
            return
        arriving = fault(decision.rule.kind).arriving
        if arriving is not None:
            self.tap.break_off(request, arriving(request.body))
        self._end(decision.ruin(None))

    def _reply(self, reply: Reply | None) -> None:
        if reply is None:
            self._end(Ruin(resets=True))
        elif self.command == "HEAD":
            self._end(Ruin((reply.head(),)))
        else:
            self._end(Ruin((reply.whole(),)))

    def _end(self, ruin: Ruin) -> None:
        """Give the caller what it gets to see, and end the connection."""
        with suppress(OSError):
            for piece in ruin.pieces:
                self.wfile.write(piece)
                if ruin.pause_seconds and self._is_left(ruin.pause_seconds):
                    break
            if ruin.stays:
                self._is_left(STARVED_SECONDS)
        if ruin.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _is_left(self, seconds: float) -> bool:
        """Wait so long; True as soon as the caller has hung up, or nobody listens here any more."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.connection], [], [], min(left, LOOK_SECONDS))[0]:
                try:
                    gone = not self.connection.recv(4096)
                except OSError:
                    gone = True
                if gone:
                    return True
            if not self.tap.listens:
                return True
        return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: the trace is the record."""

    do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the names are http.server's


_FATES = {
    Fate.PASS: _Handler._pass,
    Fate.LOSE: _Handler._lose,
    Fate.LOSE_ANSWER: _Handler._lose_answer,
    Fate.REPEAT: _Handler._pass,
    Fate.DELAY: _Handler._hold,
    Fate.REORDER: _Handler._hold,
    Fate.CRASH: _Handler._crash,
    Fate.NOT_REACHED: _Handler._lose,
}
