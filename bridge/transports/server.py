"""A waitress server in a thread of its own that says plainly when its address is taken, and stops in order.

Waitress alone answers a request that is too heavy, or no HTTP, with a page of plain text. Callers of
a SOAP service must get SOAP whatever happens, so the text of such answers comes from outside.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from bridge.transports.tls import tls_channel

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: (HTTP status, path) of a request that cannot be handed to the application → content type and body of the answer.
Refusal = Callable[[int, str], tuple[str, bytes]]

#: Connections open at one time; beyond it new callers wait. Below the thousand files that systems commonly allow a process.
CONNECTIONS = 800

#: A connection that carries nothing for so long is closed.
IDLE_SECONDS = 60

#: How long a stopping server waits for answers that are still being written.
DRAIN_SECONDS = 10.0


class AddressTaken(Exception):
    """The server cannot listen at its address; one sentence in each language says why."""

    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{message_zh} / {message_en}")


class HttpServer:
    """Serves one WSGI application at one address from `start` to `stop`. Port 0 takes any free port."""

    def __init__(
        self,
        app: WsgiApp,
        host: str,
        port: int,
        *,
        threads: int,
        body_bytes: int,
        refusal: Refusal,
        tls: ssl.SSLContext | None = None,
    ):
        self._socket = _listen(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._map: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._map,
            sockets=[self._socket],
            threads=threads,
            # Waitress refuses from this size on, not above it.
            max_request_body_size=body_bytes + 1,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            ident=None,
            # The door decides which proxies are believed (`security.trusted_proxies`).
            clear_untrusted_proxy_headers=False,
            url_scheme="http" if tls is None else "https",
        )
        channel = _channel_class(refusal)
        self._server.channel_class = channel if tls is None else tls_channel(channel, tls, lambda: _plain(refusal))
        self._stopping = threading.Event()
        self._ending = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name=f"http-{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, let the answers under way be written, and let the address go."""
        with self._ending:
            if self._ended:
                return
            self._end()
            self._ended = True

    def _end(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            # The pipe that this writes to is closed below and not in the thread, or its number might be another file's.
            self._server.pull_trigger()
            self._thread.join()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        wasyncore.close_all(self._map, ignore_all=True)
        self._server.trigger.close()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._turn(1.0)
        self._server.del_channel(self._map)
        self._socket.close()
        end = time.monotonic() + DRAIN_SECONDS
        while any(_is_busy(each) for each in list(self._map.values())) and time.monotonic() < end:
            self._turn(0.05)

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)


def _plain(refusal: Refusal) -> bytes:
    """The answer, head and body, for a caller that speaks plain HTTP where TLS is spoken."""
    content_type, body = refusal(426, "")
    head = (
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade, close\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _is_busy(item: Any) -> bool:
    return isinstance(item, HTTPChannel) and bool(item.requests or item.request or item.total_outbufs_len)


def _channel_class(refusal: Refusal) -> type[Any]:
    class Task(ErrorTask):  # type: ignore[misc]
        def execute(self) -> None:
            error = self.request.error
            content_type, body = refusal(error.code, getattr(self.request, "path", "") or "")
            self.status = f"{error.code} {error.reason}"
            self.response_headers.append(("Content-Type", content_type))
            self.set_close_on_finish()
            self.content_length = len(body)
            self.write(body)

    class Channel(HTTPChannel):  # type: ignore[misc]
        error_task_class = Task

        def _flush_some_if_lockable(self, do_close: bool = True) -> None:
            # Who holds the lock is a task at its own, non-blocking sending. Waitress would come back at once to ask again,
            # and go on asking: for milliseconds in which that very task gets no turn of the interpreter.
            with self.outbuf_lock:
                if self.total_outbufs_len:
                    self._flush_some(do_close=do_close)
                if self.total_outbufs_len < self.adj.outbuf_high_watermark:
                    self.outbuf_lock.notify()

    return Channel


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise AddressTaken(
            f"地址 {host} 无法解析:{error.strerror}", f"the address {host} cannot be resolved: {error.strerror}"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Waitress listens again with its own backlog; listening here makes a taken port show now.
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise AddressTaken(
            f"无法在 {host}:{port} 监听:{error.strerror}(端口可能已被占用)",
            f"cannot listen at {host}:{port}: {error.strerror}",
        ) from None
    listening.setblocking(False)
    return listening
