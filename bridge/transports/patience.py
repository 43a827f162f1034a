"""A time limit for a whole HTTP call.

httpx limits each single reading. An answer of which a byte comes every now and then, headers included, would hold a sender for as
long as the far end likes. Here every reading of a call ends at the latest when the whole call must.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

#: When the call that a thread makes must be over. A call is made by one thread from its beginning to its end.
_call = threading.local()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Within this block, a call over a `TimedTransport` ends after so many seconds with a `ReadTimeout`."""
    _call.end = time.monotonic() + seconds
    try:
        yield
    finally:
        del _call.end


class TimedTransport(httpx.HTTPTransport):
    """httpx's own transport over connections that keep to the time limit of the call."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # httpx offers no way to hand a backend to the pool that it makes. A test tells when this no longer reaches it.
        self._pool._network_backend = _Backend(self._pool._network_backend)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend):
        self._backend = backend

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(*arguments, **options))

    def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_unix_socket(*arguments, **options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream):
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        end = getattr(_call, "end", None)
        if end is not None:
            left = end - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout("the whole answer took too long")
            timeout = left if timeout is None else min(timeout, left)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*arguments, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
