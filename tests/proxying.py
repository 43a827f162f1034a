"""A proxy in a thread, services that answer as they are told to, byte by byte, and callers that speak as they like."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.observe.proxy import Listener, Proxy, Target

PATIENCE = 20.0


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(PATIENCE)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


@contextmanager
def proxying(listener: Listener, *targets: Target, **how: Any) -> Iterator[Proxy]:
    """A running proxy."""
    loop = Loop()
    proxy = Proxy(list(targets), listener, **how)
    loop.run(proxy.start())
    try:
        yield proxy
    finally:
        loop.run(proxy.stop())
        loop.stop()


def in_front_of(url: str, party: Party = Party.URBAN) -> Target:
    return Target(party=party, url=url, host="127.0.0.1", port=0)


def port_of(address: str) -> int:
    return int(address.split("//")[1].partition("/")[0].rpartition(":")[2])


Script = Callable[[socket.socket], None]


@contextmanager
def service(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A service that plays its script with every caller; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    stopping = threading.Event()

    def serve() -> None:
        while not stopping.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=play, args=(line,), daemon=True).start()

    def play(line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        try:
            with line if tls is None else tls.wrap_socket(line, server_side=True) as speaking:
                script(speaking)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        stopping.set()
        listening.close()


def read_request(line: socket.socket) -> bytes:
    """One request with a Content-Length, or none, as raw bytes; b"" at the end of the line."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        if not piece:
            return bytes(data)
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [row.partition(b":")[2] for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    wanted = int(lengths[0]) if lengths else 0
    while len(body) < wanted:
        piece = line.recv(65536)
        if not piece:
            break
        body += piece
    return bytes(head + b"\r\n\r\n" + body)


def read_all(line: socket.socket) -> bytes:
    """Everything until the other end closes."""
    found = bytearray()
    while piece := line.recv(65536):
        found += piece
    return bytes(found)
