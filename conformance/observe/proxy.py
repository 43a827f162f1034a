"""A recording proxy: stands between two real platforms, passes their bytes on, and tells a listener what passed.

Traffic comes first. Bytes go on as they come, in both directions, before anybody has understood them; the one thing that changes
is the `Host` header, because a service behind a name must hear its own. Nothing is held back until it is whole, no connection is shared
between callers, and an end of the line in one direction, orderly or not, is one in the other. What cannot be understood
passes all the same and is told as a gap.

    caller ──► listening socket ──► Framing ──► connection of its own ──► service
                                       │ copies
                                       └──► listener (Request, Response)
"""

import asyncio
import itertools
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.framing import Body, Framing, FramingLost, Head, Piece

#: Bytes that are read from a line at once.
_PIECE = 64 * 1024
#: Seconds for a connection to the service; the operating system's own limit may be minutes.
CONNECT_SECONDS = 20.0
#: Seconds that a caller without a connection to the service may take to say what it wanted.
_LAST_WORDS_SECONDS = 5.0
#: Seconds that a caller may take to hang up after the service did.
_LINGER_SECONDS = 30.0
#: Seconds that a stopping proxy gives to what is under way.
DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that passed."""

    #: Names the request when its response is told.
    key: int
    at: datetime
    #: Whose service it went to.
    to: Party
    method: str
    target: str
    head: Head
    #: None when it was too large to be kept.
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How a request ended."""

    key: int
    at: datetime
    #: None when the caller got no response, or none that was whole.
    head: Head | None
    body: bytes | None
    #: True when the caller was not there any more to take it.
    lost: bool = False
    #: True when there was no connection, so that the service surely got nothing.
    not_reached: bool = False
    #: Why there is no response.
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something passed that could not be followed."""

    at: datetime
    to: Party
    detail: str


Told = Request | Response | Gap
Listener = Callable[[Told], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whose service stands behind a listening address, and where."""

    party: Party
    url: str
    #: Host and port to listen at; port 0 takes any that is free.
    host: str
    port: int

    @property
    def parts(self) -> SplitResult:
        """The URL in parts."""
        return urlsplit(self.url)

    @property
    def service(self) -> tuple[str, int]:
        """Host and port of the service."""
        return self.parts.hostname or "", self.parts.port or (443 if self.parts.scheme == "https" else 80)


class Room:
    """What may be kept of messages until the listener has taken them; what finds no room passes all the same, and is told without its body."""

    def __init__(self, *, body_bytes: int = 64 * 1024 * 1024, total_bytes: int = 512 * 1024 * 1024):
        #: Bytes of one body, and of all bodies together.
        self.body_bytes = body_bytes
        self.total_bytes = total_bytes
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """Bytes that are kept just now."""
        return self._taken

    def take(self, size: int) -> bool:
        """Room for so many more bytes; false when there is none."""
        with self._lock:
            if self._taken + size > self.total_bytes:
                return False
            self._taken += size
            return True

    def give_back(self, body: bytes | None) -> None:
        """The listener is done with a body."""
        with self._lock:
            self._taken -= len(body or b"")


class Proxy:
    """All listening addresses of one observation."""

    def __init__(
        self,
        targets: list[Target],
        listener: Listener,
        *,
        tls: ssl.SSLContext | None = None,
        keep_host: bool = False,
        room: Room | None = None,
    ):
        self.targets = targets
        self.room = room or Room()
        self._tell = listener
        self._tls = tls
        self._keep_host = keep_host
        self._servers: list[asyncio.Server] = []
        self._lines: set[asyncio.Task[None]] = set()
        self._keys = itertools.count(1)
        #: Where each party's service is to be called from now on.
        self.addresses: dict[Party, str] = {}

    async def start(self) -> None:
        """Listen; raises OSError when an address cannot be listened at, and listens nowhere then."""
        try:
            for target in self.targets:
                server = await asyncio.start_server(
                    lambda reader, writer, target=target: self._take(target, reader, writer),  # type: ignore[misc]
                    target.host,
                    target.port,
                    backlog=256,
                )
                self._servers.append(server)
                port = server.sockets[0].getsockname()[1]
                self.addresses[target.party] = f"http://{_bracketed(target.host)}:{port}{target.parts.path}"
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take no more callers, let what is under way end, cut what does not."""
        for server in self._servers:
            server.close()
        if self._lines:
            await asyncio.wait(self._lines, timeout=DRAIN_SECONDS)
        for line in list(self._lines):
            line.cancel()
        if self._lines:
            await asyncio.wait(self._lines, timeout=DRAIN_SECONDS)

    def _take(self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, target, reader, writer)
        task = asyncio.ensure_future(line.run())
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)

    # -- for the lines --

    def tell(self, told: Told) -> None:
        """Tell the listener; its trouble is none of the traffic's."""
        with suppress(Exception):
            self._tell(told)

    def next_key(self) -> int:
        """A number for a request."""
        return next(self._keys)

    def rewritten(self, target: Target, head: Head) -> bytes:
        """The head as the service is to hear it: with its own name as the host."""
        if self._keep_host:
            return head.raw
        lines = head.raw.split(b"\n")
        for place, line in enumerate(lines):
            if line[:5].lower() == b"host:":
                ending = b"\r" if line.endswith(b"\r") else b""
                lines[place] = b"Host: " + target.parts.netloc.rpartition("@")[2].encode("latin-1", "replace") + ending
                break
        return b"\n".join(lines)

    async def connect(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the service; raises OSError (a refused certificate is one)."""
        host, port = target.service
        tls = self._tls if target.parts.scheme == "https" else None
        try:
            return await asyncio.wait_for(asyncio.open_connection(host, port, ssl=tls), CONNECT_SECONDS)
        except TimeoutError:
            raise OSError(f"no connection within {CONNECT_SECONDS:.0f} s") from None


class _Copy:
    """The body of a message as far as it may be kept."""

    def __init__(self, room: Room):
        self._room = room
        self._body = bytearray()
        self._whole = True

    def add(self, content: bytes) -> None:
        if not self._whole:
            return
        if len(self._body) + len(content) <= self._room.body_bytes and self._room.take(len(content)):
            self._body += content
        else:
            self.drop()
            self._whole = False

    def taken(self) -> bytes | None:
        """The body; None when it was too much."""
        return bytes(self._body) if self._whole else None

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._room.give_back(bytes(self._body))
        self._body = bytearray()


class _Line:
    """One caller's connection and the one to the service that belongs to it."""

    def __init__(self, proxy: Proxy, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._proxy = proxy
        self._target = target
        self._caller, self._to_caller = reader, writer
        self._requests = Framing(responses=False)
        self._responses = Framing(responses=True)
        #: Requests that wait for their response, in order.
        self._waiting: deque[int] = deque()
        self._asking: tuple[Head, _Copy] | None = None
        self._answering: tuple[Head, _Copy] | None = None
        self._followed = True
        self._caller_left = False

    async def run(self) -> None:
        """Pass everything on until both ends are done."""
        try:
            service, to_service = await self._proxy.connect(self._target)
        except (OSError, ssl.SSLError) as error:
            await self._without_service(str(error) or type(error).__name__)
            return
        up = asyncio.ensure_future(self._pass_requests(to_service))
        down = asyncio.ensure_future(self._pass_responses(service, to_service))
        detail = "the proxy stopped"
        try:
            detail = await self._both_ended(up, down, to_service)
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            self._end(detail)
            for writer in (self._to_caller, to_service):
                writer.close()

    async def _both_ended(
        self, up: "asyncio.Task[None]", down: "asyncio.Task[None]", to_service: asyncio.StreamWriter
    ) -> str:
        """Wait until nothing passes any more; gives what is to be said of requests without a response."""
        done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_EXCEPTION)
        if not any(each.exception() for each in done):
            return "the connection was closed without a response"
        why = next(str(each.exception() or "") for each in done if each.exception())
        self._cut(to_service)
        return f"the connection was cut: {why}"

    # -- from the caller to the service --

    async def _pass_requests(self, to_service: asyncio.StreamWriter) -> None:
        while data := await self._caller.read(_PIECE):
            to_service.write(self._heard_from_caller(data))
            await to_service.drain()
        self._caller_left = True
        if to_service.can_write_eof():
            to_service.write_eof()
        elif not self._waiting:
            # TLS knows no half-closed line; the service is let go when nothing is owed any more.
            to_service.close()

    def _heard_from_caller(self, data: bytes) -> bytes:
        """Understand what the caller sends; gives the bytes that go on."""
        if not self._followed:
            return data
        out: list[bytes] = []
        try:
            for piece in self._requests.feed(data):
                if isinstance(piece, Head):
                    self._asking = piece, _Copy(self._proxy.room)
                    out.append(self._proxy.rewritten(self._target, piece))
                elif isinstance(piece, Body):
                    out.append(piece.raw)
                    if self._asking is not None:
                        self._asking[1].add(piece.content)
                else:
                    self._asked()
        except FramingLost as why:
            out.append(self._requests.rest)
            self._lose_track(str(why))
            return b"".join(out)
        # A head that is not whole yet waits here for its rest; nothing else does.
        return b"".join(out)

    def _asked(self) -> None:
        if self._asking is None:
            return
        head, copy = self._asking
        self._asking = None
        method, _, rest = head.first_line.partition(" ")
        key = self._proxy.next_key()
        self._waiting.append(key)
        self._responses.bodiless.append(method == "HEAD")
        self._proxy.tell(
            Request(
                key=key,
                at=_now(),
                to=self._target.party,
                method=method,
                target=rest.partition(" ")[0],
                head=head,
                body=copy.taken(),
            )
        )

    # -- from the service to the caller --

    async def _pass_responses(self, service: asyncio.StreamReader, to_service: asyncio.StreamWriter) -> None:
        while data := await service.read(_PIECE):
            self._to_caller.write(data)
            try:
                await self._to_caller.drain()
            except ConnectionError:
                self._heard_from_service(data, lost=True)
                raise
            self._heard_from_service(data, lost=self._nobody_takes_it())
            if self._caller_left and not self._waiting and not to_service.can_write_eof():
                break
        self._take_pieces(self._responses.close(), lost=self._nobody_takes_it())
        self._end("the service closed the connection without a whole response")
        if self._to_caller.can_write_eof():
            self._to_caller.write_eof()
        # Whoever is told that the line is closed hangs up; one who does not is not waited for for ever.
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._to_caller.close)

    def _heard_from_service(self, data: bytes, *, lost: bool) -> None:
        if not self._followed:
            return
        try:
            self._take_pieces(self._responses.feed(data), lost=lost)
        except FramingLost as why:
            self._lose_track(str(why))

    def _take_pieces(self, pieces: Iterator[Piece], *, lost: bool) -> None:
        for piece in pieces:
            if isinstance(piece, Head):
                if not piece.first_line.partition(" ")[2].startswith("1"):
                    self._answering = piece, _Copy(self._proxy.room)
            elif isinstance(piece, Body):
                if self._answering is not None:
                    self._answering[1].add(piece.content)
            elif self._answering is not None:
                head, copy = self._answering
                self._answering = None
                if self._waiting:
                    key = self._waiting.popleft()
                    self._proxy.tell(Response(key=key, at=_now(), head=head, body=copy.taken(), lost=lost))
                else:
                    copy.drop()

    def _nobody_takes_it(self) -> bool:
        """Tell whether the caller hung up before it could see what was just written to it.

        A caller that has only finished speaking is still there; one that is gone answers our bytes with a reset.
        """
        if not self._caller_left:
            return False
        line = self._to_caller.get_extra_info("socket")
        with suppress(OSError):
            return bool(line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) or self._to_caller.is_closing()
        return True

    # -- ends --

    async def _without_service(self, detail: str) -> None:
        """Nobody is there: hear what the caller wanted, so that it is on record, and cut the line as an unreachable service does."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                while not self._waiting and self._followed and (data := await self._caller.read(_PIECE)):
                    self._heard_from_caller(data)
        for key in self._waiting:
            self._proxy.tell(Response(key=key, at=_now(), head=None, body=None, not_reached=True, detail=detail))
        self._waiting.clear()
        if not self._requests.idle:
            self._proxy.tell(Gap(at=_now(), to=self._target.party, detail=detail))
        self._cut(self._to_caller)

    def _lose_track(self, why: str) -> None:
        self._followed = False
        self._proxy.tell(Gap(at=_now(), to=self._target.party, detail=why))

    def _end(self, detail: str) -> None:
        """Tell of what got no response."""
        for key in self._waiting:
            self._proxy.tell(Response(key=key, at=_now(), head=None, body=None, detail=detail))
        self._waiting.clear()
        if self._answering is not None:
            self._answering[1].drop()
            self._answering = None
        if self._asking is not None:
            self._asking[1].drop()
            self._asking = None
            self._proxy.tell(Gap(at=_now(), to=self._target.party, detail="a request was cut off"))

    def _cut(self, to_service: asyncio.StreamWriter) -> None:
        """End both connections as a broken line does, with a reset."""
        for writer in (to_service, self._to_caller):
            line = writer.get_extra_info("socket")
            with suppress(OSError, AttributeError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _now() -> datetime:
    return datetime.now(SHANGHAI)
