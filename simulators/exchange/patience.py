"""HTTP calls of one thread that keep to a time limit as a whole.

HTTP libraries limit each single reading. An answer of which a byte comes every now and then, headers included, would hold a caller for
as long as the far end likes. Here the connection is shut when the whole call has taken too long, and the call ends as `TooLate`. One
thread watches over all calls of the process: a timer for each call would be a thread for each call.
"""

import heapq
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from urllib3 import PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

#: What every call says of its caller.
_HEADERS = {"User-Agent": "duijie-simulator", "Accept": "text/xml", "Accept-Encoding": "gzip, deflate"}


class TooLate(Exception):
    """There was a connection, and no whole answer came over it in time."""


@dataclass(slots=True)
class Response:
    """A whole response, decoded; under the names that zeep asks for."""

    status_code: int
    headers: MutableMapping[str, str]
    content: bytes
    encoding: str | None = None


@dataclass(eq=False, slots=True)
class _Call:
    """A call under way, watched over."""

    #: By the monotonic clock.
    end: float
    connection: Any = None
    done: bool = False
    late: bool = False


class _Watch:
    """Shuts the connection of every call that takes too long: whoever reads from it sees its end at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[tuple[float, int, _Call]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> _Call:
        """Watch over a call of this thread from now on."""
        call = _Call(end=time.monotonic() + seconds)
        with self._changed:
            heapq.heappush(self._calls, (call.end, next(self._numbers), call))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="patience")
                self._thread.start()
            elif self._calls[0][2] is call:
                self._changed.notify()
        return call

    def end(self, call: _Call) -> None:
        """Let it go; from now on its connection is somebody else's."""
        with self._changed:
            call.done, call.connection = True, None

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                while self._calls and (self._calls[0][2].done or self._calls[0][0] <= now):
                    _shut(heapq.heappop(self._calls)[2])
                self._changed.wait(self._calls[0][0] - now if self._calls else None)


def _shut(call: _Call) -> None:
    if call.done:
        return
    call.late = True
    opened = getattr(call.connection, "sock", None)
    if opened is not None:
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)


_watch = _Watch()


class _Own(threading.local):
    call: _Call | None = None


#: The call that this thread makes; one thread makes it from its beginning to its end.
_own = _Own()


class _Watched:
    """Says of the call which connection it goes over, before anything is waited for."""

    def connect(self) -> None:
        if _own.call is not None:
            _own.call.connection = self
        super().connect()  # type: ignore[misc]

    def request(self, *arguments: Any, **options: Any) -> None:
        if _own.call is not None:
            _own.call.connection = self
        super().request(*arguments, **options)  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Caller:
    """Makes calls, one at a time, over a connection that is kept; nothing is sent twice, and no redirection is followed."""

    def __init__(self, *, connect_seconds: float, answer_seconds: float, context: ssl.SSLContext | None):
        self._answer_seconds = answer_seconds
        options: dict[str, Any] = {} if context is None else {"ssl_context": context}
        self._pools = PoolManager(
            maxsize=1, timeout=Timeout(connect=connect_seconds, read=answer_seconds), retries=False, **options
        )
        self._pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def post(self, address: str, body: bytes | Iterator[bytes], headers: dict[str, str]) -> Response:
        """Send and read the whole response. Raises `TooLate`, or what urllib3 raises."""
        call = _own.call = _watch.begin(self._answer_seconds)
        try:
            answer = self._pools.urlopen("POST", address, body=body, headers={**_HEADERS, **headers}, redirect=False)
        except ReadTimeoutError as error:
            raise TooLate from error
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except (HTTPError, OSError) as error:
            if call.late:
                raise TooLate from error
            raise
        finally:
            _own.call = None
            _watch.end(call)
        if call.late:
            # Headers that were cut short can pass for whole ones.
            raise TooLate
        return Response(answer.status, answer.headers, answer.data)
