"""Where the time comes from: the machine's clock, or one that stands still until somebody moves it."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bridge.vocabulary.times import SHANGHAI, in_shanghai


class Clock(Protocol):
    """The time in Asia/Shanghai, and how long to sleep until a moment."""

    def now(self) -> datetime:
        """The present moment."""

    def seconds_until(self, moment: datetime) -> float | None:
        """Seconds to sleep until `moment`, 0 when it has come; None when only a move of the clock can bring it."""

    def when_moved(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the clock is moved by hand."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(SHANGHAI)

    def seconds_until(self, moment: datetime) -> float | None:
        """Seconds to sleep until `moment`, 0 when it has come."""
        return max(0.0, (moment - self.now()).total_seconds())

    def when_moved(self, listener: Callable[[], None]) -> None:
        """Nobody moves this clock."""


class ClockMovedBack(ValueError):
    """A steered clock was to be moved to a moment that is over."""


class SteeredClock:
    """A clock that stands still; whoever steers the run moves it forward."""

    def __init__(self, start: datetime):
        self._now = in_shanghai(start)
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The moment at which the clock stands."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Move forward; raises `ClockMovedBack` for a moment that is over."""
        moment = in_shanghai(moment)
        with self._lock:
            if moment < self._now:
                raise ClockMovedBack(
                    f"the clock stands at {self._now.isoformat()} and cannot go back to {moment.isoformat()}"
                )
            self._now = moment
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def seconds_until(self, moment: datetime) -> float | None:
        """0 when the moment has come, else None: waiting does not bring it."""
        return 0.0 if moment <= self._now else None

    def when_moved(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the clock is moved."""
        with self._lock:
            self._listeners.append(listener)
