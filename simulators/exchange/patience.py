"""A time limit for a whole HTTP call.

requests limits each single reading. An answer of which a byte comes every now and then, headers included, would hold a caller for
as long as the far end likes. Here the connection is shut when the whole call has taken too long, and the call ends as broken off.
"""

import socket
import threading
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: The connection that a thread made last. Each thread has a session of its own that calls one address, so it is the one in use.
_latest = threading.local()


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _latest.connection = self


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _latest.connection = self


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class TimedAdapter(HTTPAdapter):
    """An adapter for a session that one thread uses: no call takes longer than so many seconds, body included."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make connections that can be shut while somebody reads from them."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request and read the whole response within the time limit."""
        over = threading.Event()
        late = f"no whole answer within {self._seconds} s"
        watch = threading.Timer(self._seconds, _shut, [vars(_latest), over])
        watch.daemon = True
        watch.start()
        try:
            response = super().send(*arguments, **options)
            # The session would read it only after we have gone.
            _ = response.content
        except requests.exceptions.ConnectTimeout:
            raise
        except requests.exceptions.RequestException as error:
            if over.is_set():
                raise requests.exceptions.ReadTimeout(late) from error
            raise
        finally:
            watch.cancel()
        if over.is_set():
            # Headers that were cut short can pass for whole ones.
            raise requests.exceptions.ReadTimeout(late)
        return response


def _shut(latest: dict[str, Any], over: threading.Event) -> None:
    """Shut the connection: whoever reads from it sees its end at once."""
    over.set()
    opened = getattr(latest.get("connection"), "sock", None)
    if opened is not None:
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)
