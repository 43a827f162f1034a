"""A process that is told to stop stops, at whatever step of its waiting the signal comes."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from bridge.stopping import StopRequest

PATIENCE_SECONDS = 20.0


class Waiting(threading.Thread):
    """A wait of its own thread, in which the flag is raised between two lines, as a signal handler would."""

    def __init__(self, request: StopRequest, seconds: float, raise_at: int | None = None):
        super().__init__(daemon=True)
        self.lines = 0
        self.heard: bool | None = None
        self._request = request
        self._seconds = seconds
        self._raise_at = raise_at

    def run(self) -> None:
        sys.settrace(self._between_lines)
        self.heard = self._request.wait(self._seconds)

    def _between_lines(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            if self.lines == self._raise_at:
                sys.settrace(None)
                self._request.set()
            self.lines += 1
        return self._between_lines


def test_a_request_to_stop_is_heard_at_every_line_of_the_wait() -> None:
    calm = Waiting(StopRequest(), 0.0)
    calm.start()
    calm.join(PATIENCE_SECONDS)
    assert calm.heard is False
    assert calm.lines > 3
    heard = []
    for line in range(calm.lines):
        request = StopRequest()
        waiting = Waiting(request, 0.01, raise_at=line)
        waiting.start()
        waiting.join(PATIENCE_SECONDS)
        assert not waiting.is_alive(), f"raised at line {line} of the wait, it waits for ever"
        heard.append(bool(waiting.heard))
        # Raised at one of the lines after the look itself, it is seen by the next look.
        assert request.wait(0)
        request.close()
    assert heard[0]
    assert heard == sorted(heard, reverse=True)


def test_raising_the_flag_again_and_again_never_blocks() -> None:
    request = StopRequest()
    for _ in range(100_000):
        request.set()
    assert request.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="nobody sends SIGTERM there")
def test_a_signal_raises_the_flag() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        request = StopRequest.by_signals()
        assert not request.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.wait(PATIENCE_SECONDS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
