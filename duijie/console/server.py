"""The console as a server of its own, on this machine alone."""

import secrets
from types import TracebackType
from typing import Self

from bridge.transports.server import AddressTaken, HttpServer
from duijie.console.app import POST_BYTES, STARTED, console_app
from duijie.console.shown import Shown
from duijie.exits import UserMistake

#: As much as the pages take themselves.
_BODY_BYTES = POST_BYTES
_THREADS = 4


class ConsoleServer:
    """Serves the pages from `start` to `close`; `address` is what to open, key and all."""

    def __init__(self, shown: Shown, port: int = 0):
        self._key = secrets.token_urlsafe(18)
        self._app = console_app(shown, self._key)
        try:
            self._server = HttpServer(
                self._app,
                "127.0.0.1",
                port,
                threads=_THREADS,
                body_bytes=_BODY_BYTES,
                refusal=lambda status, _path: ("text/plain; charset=utf-8", f"HTTP {status}".encode()),
            )
        except AddressTaken as taken:
            raise UserMistake(taken.message_zh, taken.message_en) from None
        self.address = f"http://127.0.0.1:{self._server.port}/?key={self._key}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop()
        self._app.extensions[STARTED].close()
