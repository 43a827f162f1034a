"""A load of requests that were written beforehand, so that the sender costs as little as it can."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

#: Callers at a time, each with a connection of its own that it keeps.
CALLERS = 8
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load."""

    seconds: float
    #: Answers that do not hold a confirmed or an acknowledged form.
    odd: Sequence[bytes]


def http_request(host: str, port: int, path: str, action: str, envelope: bytes) -> bytes:
    """One request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/xml; charset=utf-8\r\nAccept: text/xml\r\n"
        f'SOAPAction: "{action}"\r\nContent-Length: {len(envelope)}\r\n\r\n'
    )
    return head.encode() + envelope


def send(address: tuple[str, int], requests: Sequence[bytes]) -> Load:
    """Send every request once and wait for its answer."""
    left = iter(requests)
    taking = threading.Lock()
    odd: list[bytes] = []

    def some() -> list[bytes]:
        with taking:
            return list(islice(left, 16))

    def call() -> None:
        line = _Line(address)
        while share := some():
            for request in share:
                answer = line.ask(request)
                if b"DeliverFormResponse" not in answer:
                    odd.append(answer)
        line.close()

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    started = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return Load(time.perf_counter() - started, odd)


class _Line:
    """A connection that is kept, and made again when the server has closed it."""

    def __init__(self, address: tuple[str, int]):
        self._address = address
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> bytes:
        kept = self._socket is not None
        try:
            return self._ask(request)
        except (ConnectionError, EOFError):
            # Some servers end a kept connection after so many requests, and say so only by doing it.
            self.close()
            if not kept:
                raise
            return self._ask(request)

    def _ask(self, request: bytes) -> bytes:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=ANSWER_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        pieces = self._pieces(self._socket)
        received = next(pieces)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += next(pieces)
        head, body = received[:end].lower(), received[end + 4 :]
        if b"transfer-encoding: chunked" in head:
            while not body.endswith(b"0\r\n\r\n"):
                body += next(pieces)
        else:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            while len(body) < length:
                body += next(pieces)
        if b"connection: close" in head:
            self.close()
        return body

    @staticmethod
    def _pieces(line: socket.socket) -> Iterator[bytes]:
        while piece := line.recv(65536):
            yield piece
        raise EOFError

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
