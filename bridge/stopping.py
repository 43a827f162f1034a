"""Being told to stop, by a signal that may come between any two steps of whoever waits for it."""

import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector


class StopRequest:
    """A flag that is raised once, by a signal handler or by another thread, and that any number of threads wait for.

    A `threading.Event` will not do: its `set` takes a lock that is not reentrant. A handler that runs while the main
    thread holds it, on the main thread's way into `wait`, would wait for itself for ever. Here raising the flag is one
    byte in a socket, which nobody ever takes out.
    """

    def __init__(self) -> None:
        self._waiting, self._telling = socket.socketpair()
        self._telling.setblocking(False)

    @classmethod
    def by_signals(cls, numbers: Iterable[int] = (signal.SIGINT, signal.SIGTERM)) -> "StopRequest":
        """A flag that these signals raise; from the main thread only."""
        request = cls()
        for number in numbers:
            signal.signal(number, lambda *_: request.set())
        return request

    def set(self) -> None:
        """Raise the flag; safe in a signal handler, and any number of times."""
        # A socket that is full has been told often enough.
        with suppress(BlockingIOError):
            self._telling.send(b"\0")

    def is_set(self) -> bool:
        """True once somebody has raised it."""
        return self.wait(0)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is raised, or for so many seconds; tells whether it is."""
        with DefaultSelector() as selector:
            selector.register(self._waiting, EVENT_READ)
            return bool(selector.select(seconds))

    def close(self) -> None:
        """Let go of the socket, when nobody waits any more."""
        self._waiting.close()
        self._telling.close()
