"""Connections that keep to a time limit for a whole HTTP call, and know whether a message may have left.

HTTP libraries limit each single reading. An answer of which a byte comes every now and then, headers included, would hold a sender
for as long as the far end likes. Here every reading of a call ends at the latest when the whole call must.
"""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

#: Connections unused for longer are closed from our end, before a server's own time limit closes them under a message.
IDLE_SECONDS = 5.0


class CallUnderWay(threading.local):
    """The call that this thread makes; one thread makes it from its beginning to its end."""

    #: When it must be over; None outside of a call.
    end: float | None = None
    #: Whether a connection was there to send on.
    connected: bool = False


_call = CallUnderWay()


@contextmanager
def time_limit(seconds: float) -> Iterator[CallUnderWay]:
    """Within this block, a call over `patient_pools` ends after so many seconds with a `TimeoutError`."""
    _call.end, _call.connected = time.monotonic() + seconds, False
    try:
        yield _call
    finally:
        _call.end = None


def patient_pools(**options: Any) -> PoolManager:
    """urllib3's pools over connections that keep to the time limit of the call."""
    pools = PoolManager(**options)
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return pools


class _Patient(io.RawIOBase):
    """What is read of a socket, in the time that the call has left."""

    def __init__(self, line: socket.socket):
        self._line = line
        self._raw = socket.SocketIO(line, "rb")
        # SocketIO counts itself out when it is closed; `socket.makefile` counts it in.
        line._io_refs += 1  # type: ignore[attr-defined]

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """See `io.RawIOBase`."""
        if _call.end is not None:
            left = _call.end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the whole answer took too long")
            self._line.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """See `io.RawIOBase`."""
        self._raw.close()
        super().close()


class _Line:
    """A socket whose file for reading is patient."""

    def __init__(self, line: socket.socket):
        self._line = line

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client reads answers from, in bytes."""
        return io.BufferedReader(_Patient(self._line))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)


class _Connected:
    """Makes its socket patient, and says of the call whether it had a connection."""

    sock: Any
    #: When it was last known to be of use.
    _used_at: float

    def connect(self) -> None:
        """Connect, shaking hands where that is part of it."""
        super().connect()  # type: ignore[misc]
        self.sock = _Line(self.sock)
        self._used_at = time.monotonic()
        _call.connected = True

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a request, over the connection that there is or a new one."""
        if self.sock is not None and time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()  # type: ignore[attr-defined]
        self._used_at = time.monotonic()
        _call.connected = self.sock is not None
        super().request(*arguments, **options)  # type: ignore[misc]


class _Connection(_Connected, HTTPConnection):
    pass


class _TlsConnection(_Connected, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
