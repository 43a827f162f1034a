"""Where one HTTP message ends and the next begins, in bytes that pass by.

This reader never holds a byte back for long and changes none: it is for somebody who passes bytes on and wants to know what they say.
It takes HTTP/1.0 and 1.1 as both ends of real lines speak it, and gives up aloud (`FramingLost`) on anything else.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: Bytes of a head beyond which nobody knows any more what this is.
HEAD_BYTES_MAX = 256 * 1024
#: Bytes of the line in front of a chunk.
_SIZE_LINE_MAX = 4096


class FramingLost(Exception):
    """The bytes are no HTTP/1.x, or speak something else from here on (an upgrade, a tunnel)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the headers of a message, as they were sent."""

    raw: bytes
    first_line: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """The value of a header, several joined by commas; "" without one."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)


@dataclass(frozen=True, slots=True)
class Body:
    """Some of a body: the bytes on the line, and what they hold once the chunks are taken off."""

    raw: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The message is whole."""


Piece = Head | Body | End
_State = Callable[[], list[Piece] | None]


class Framing:
    """Reads one direction of a connection; `feed` it what comes, and `close` it at the end."""

    def __init__(self, *, responses: bool):
        self._responses = responses
        #: Of each request that waits for its response, whether that has no body whatever its head says (HEAD).
        self.bodiless: deque[bool] = deque()
        self._buffer = bytearray()
        self._state: _State = self._in_head
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that are complete with these bytes; raises `FramingLost`."""
        self._buffer += data
        while True:
            pieces = self._state()
            if pieces is None:
                return
            yield from pieces

    def close(self) -> Iterator[Piece]:
        """The connection ended: that may be what ends a body."""
        if self._state == self._until_close:
            self._state = self._in_head
            yield End()

    @property
    def rest(self) -> bytes:
        """What was taken in and given out in no piece; to be passed on when the framing is lost."""
        return bytes(self._buffer)

    @property
    def idle(self) -> bool:
        """True between two messages."""
        return self._state == self._in_head and not self._buffer

    # Each state gives the pieces it found, or None when it needs more bytes.

    def _in_head(self) -> list[Piece] | None:
        start = 0
        while self._buffer.startswith((b"\r\n", b"\n"), start):
            start += 2 if self._buffer.startswith(b"\r\n", start) else 1
        end = self._end_of_head(start)
        if end is None:
            # Whoever speaks something else waits for an answer to it: no end of a head would ever come.
            opening = bytes(self._buffer[start : start + 1])
            if opening.strip(b"\r") and not opening.isalpha():
                raise FramingLost("no HTTP")
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise FramingLost("no end of the head")
            return None
        raw = bytes(self._buffer[:end])
        first_line, headers = _parsed(raw[start:])
        del self._buffer[:end]
        head = Head(raw, first_line, headers)
        try:
            self._state = self._after_response(head) if self._responses else self._after_request(head)
        except ValueError as error:
            self._buffer[:0] = raw
            raise FramingLost(str(error)) from None
        return [head] if self._state != self._in_head or _is_interim(head, self._responses) else [head, End()]

    def _end_of_head(self, start: int) -> int | None:
        found = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := self._buffer.find(mark, start)) >= 0]
        return min(found, default=None)

    def _after_request(self, head: Head) -> _State:
        method, _, rest = head.first_line.partition(" ")
        if not rest.rpartition(" ")[2].startswith("HTTP/1.") or not method.isalpha() or method == "CONNECT":
            raise ValueError(f"no HTTP/1 request: {head.first_line[:40]!r}")
        return self._body_of(head, otherwise=self._in_head)

    def _after_response(self, head: Head) -> _State:
        version, _, rest = head.first_line.partition(" ")
        status = int(rest[:3])
        if not version.startswith("HTTP/1.") or status == 101:
            raise ValueError(f"no HTTP/1 response: {head.first_line[:40]!r}")
        if status < 200:
            return self._in_head
        bodiless = self.bodiless.popleft() if self.bodiless else False
        if bodiless or status in (204, 304):
            return self._in_head
        return self._body_of(head, otherwise=self._until_close)

    def _body_of(self, head: Head, *, otherwise: _State) -> _State:
        if "chunked" in head.header("transfer-encoding").lower():
            return self._in_size_line
        length = head.header("content-length")
        if not length:
            return otherwise
        # Twice the same length is one.
        self._left = int(length.partition(",")[0])
        if self._left < 0:
            raise ValueError("a negative length")
        return self._in_length if self._left else self._in_head

    def _in_length(self) -> list[Piece] | None:
        if not self._buffer:
            return None
        taken = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(taken)
        if self._left:
            return [Body(taken, taken)]
        self._state = self._in_head
        return [Body(taken, taken), End()]

    def _until_close(self) -> list[Piece] | None:
        if not self._buffer:
            return None
        taken = bytes(self._buffer)
        self._buffer.clear()
        return [Body(taken, taken)]

    def _in_size_line(self) -> list[Piece] | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _SIZE_LINE_MAX:
                raise FramingLost("no end of the line in front of a chunk")
            return None
        line = bytes(self._buffer[: end + 1])
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise FramingLost("no size in front of a chunk") from None
        del self._buffer[: end + 1]
        self._state = self._in_chunk if self._left else self._in_trailer
        return [Body(line, b"")]

    def _in_chunk(self) -> list[Piece] | None:
        if not self._buffer:
            return None
        taken = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(taken)
        if not self._left:
            self._state = self._after_chunk
        return [Body(taken, taken)]

    def _after_chunk(self) -> list[Piece] | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._state = self._in_size_line
        return [Body(line, b"")]

    def _in_trailer(self) -> list[Piece] | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if line.strip():
            return [Body(line, b"")]
        self._state = self._in_head
        return [Body(line, b""), End()]


def _is_interim(head: Head, responses: bool) -> bool:
    return responses and head.first_line.partition(" ")[2].startswith("1")


def _parsed(raw: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    first, *lines = raw.decode("latin-1").splitlines()
    headers = [line.partition(":") for line in lines if ":" in line]
    return first, tuple((name.strip(), value.strip()) for name, _, value in headers)
