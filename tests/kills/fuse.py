"""A fuse in a party's process: after so many more durable steps the process kills itself, with SIGKILL, at exactly that step.

What is durable in a party is what it commits: a transaction of the bridge's store, an entry in a simulator's logbook. Each of
them is a step at two moments: before it (all is done, nothing is on disk) and after it (it is on disk, nobody was told). A call to
another party is such a step too: before it leaves, and after its answer has come and before that is written down.

The product knows nothing of fuses. `burning_bridge` and `burning_simulator` put them, in the child process only, around the store,
the logbook and the client that the product is made with. The fuse itself is a few bytes of a file that test and party share,
so that the test can light it at any time and read afterwards which step it burned down at.
"""

import mmap
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

_COUNTS = struct.Struct("<qqq")
_BYTES = 256
#: Which steps count down.
ANY, BEFORE, AFTER = 0, 1, 2
_MOMENTS = {BEFORE: "before", AFTER: "after"}


class Fuse:
    """Shared by the test, which lights it, and one party, which it burns in."""

    def __init__(self, path: Path):
        if not path.exists():
            path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), _BYTES)
        self._lock = threading.Lock()

    def light(self, steps: int, moment: int = ANY) -> None:
        """Kill the party at its `steps`-th step from now that is of this moment; 0 puts the fuse out."""
        _, _, passed = self._read()
        self._write(steps, moment, passed)

    @property
    def passed(self) -> int:
        """Steps that the party has passed so far, in all its lives."""
        return self._read()[2]

    @property
    def is_lit(self) -> bool:
        """Whether it is still to burn down."""
        return self._read()[0] > 0

    def take_step(self) -> str | None:
        """The step at which it burned down, such as `receive_form, before`; None when it did not since the last look."""
        said = self._shared[_COUNTS.size :].rstrip(b"\0").decode()
        self._shared[_COUNTS.size :] = bytes(_BYTES - _COUNTS.size)
        return said or None

    def burn(self, step: str, moment: int) -> None:
        """Pass a step; does not return when it was the last one."""
        with self._lock:
            left, counted, passed = self._read()
            if left > 0 and counted in (ANY, moment):
                left -= 1
                if left == 0:
                    self._write(0, ANY, passed + 1)
                    said = f"{step}, {_MOMENTS[moment]}".encode()
                    self._shared[_COUNTS.size : _COUNTS.size + len(said)] = said
                    os.kill(os.getpid(), signal.SIGKILL)
                    # A signal to oneself is delivered before `kill` returns to this thread.
            self._write(left, counted, passed + 1)

    def _read(self) -> tuple[int, int, int]:
        left, counted, passed = _COUNTS.unpack_from(self._shared)
        return left, counted, passed

    def _write(self, left: int, counted: int, passed: int) -> None:
        _COUNTS.pack_into(self._shared, 0, left, counted, passed)


def burning_bridge(fuse: Fuse) -> None:
    """From now on the bridge of this process burns the fuse."""
    import bridge.runtime
    import bridge.stores.sql

    class Store(bridge.stores.sql.SqlStore):
        """Each unit of work is a step, named by who does it."""

        def begin(self) -> AbstractContextManager[Any]:
            doing = sys._getframe(1).f_code.co_name
            # The look into the store with which every life begins commits nothing.
            return super().begin() if doing == "__init__" else self._burning(doing)

        @contextmanager
        def _burning(self, doing: str) -> Iterator[Any]:
            with super().begin() as work:
                yield work
                fuse.burn(doing, BEFORE)
            fuse.burn(doing, AFTER)

    bridge.stores.sql.SqlStore = Store  # type: ignore[misc]
    bridge.runtime.PlatformClient.deliver = _around(bridge.runtime.PlatformClient.deliver, fuse, "call")  # type: ignore[method-assign]


def burning_simulator(fuse: Fuse) -> None:
    """From now on the simulator of this process burns the fuse."""
    import simulators.process

    class Book(simulators.process.Logbook):
        """Each entry is a step, named by its kind."""

        def append(self, entry: Any) -> None:
            fuse.burn(entry.kind, BEFORE)
            super().append(entry)
            fuse.burn(entry.kind, AFTER)

    simulators.process.Logbook = Book  # type: ignore[misc]
    simulators.process.PlatformClient.make = _around(simulators.process.PlatformClient.make, fuse, "call")  # type: ignore[method-assign]


def _around(call: Callable[..., Any], fuse: Fuse, step: str) -> Callable[..., Any]:
    def burning(*args: Any, **kinds: Any) -> Any:
        fuse.burn(step, BEFORE)
        answer = call(*args, **kinds)
        fuse.burn(step, AFTER)
        return answer

    return burning
