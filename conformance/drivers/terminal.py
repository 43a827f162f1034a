"""A desk on the terminal: what is to be done, what is waited for, how long is left, and a line for the answer."""

import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import TextIO

from conformance.drivers.task import Answer, Said, Task, TaskKind

#: Seconds between two looks at how long is left.
_TICK_SECONDS = 1.0
_LETTERS = {"d": Said.DONE, "r": Said.REFUSED, "s": Said.CANNOT}


class Terminal:
    """Asks on a terminal. `d` done, `r` refused by the system, `s` it cannot be done or seen."""

    def __init__(self, language: str, given: TextIO | None = None, shown: TextIO | None = None):
        self._language = language
        self._given = given or sys.stdin
        self._shown = shown or sys.stderr
        self._lines: SimpleQueue[str] = SimpleQueue()
        #: True while somebody reads the line that will be the next in `_lines`.
        self._reading = False

    def open(self) -> None:
        """A terminal is there already."""

    def ask(self, task: Task) -> Answer | None:
        """See `Desk`; a letter that means nothing is asked for again."""
        until = time.monotonic() + task.patience_seconds
        self._forget_late_lines()
        how = {
            TaskKind.QUESTION: self._pick(
                "以 JSON 输入所见,看不到则直接回车", "type what is seen as JSON; Enter when it cannot be seen"
            )
        }.get(
            task.kind, self._pick("办成 d,系统拒绝 r,无法办理 s", "d done, r refused by the system, s cannot be done")
        )
        self._show(f"\n▶ {self._pick('等待您办理', 'WAITING FOR YOU')}: {task.text(self._language)}\n")
        if task.awaited(self._language):
            self._show(f"  {self._pick('随后等待', 'then we wait for')}: {task.awaited(self._language)}\n")
        if task.kind is TaskKind.QUESTION:
            line = self._line(how, until)
            return None if line is None else Answer(Said.DONE if line else Said.CANNOT, line)
        while True:
            line = self._line(how, until)
            if line is None:
                return None
            said = _LETTERS.get(line.lower()) if line else Said.CANNOT
            if said is not None:
                break
        if task.kind is TaskKind.ACT or said is not Said.DONE:
            return Answer(said)
        number = self._line(self._pick("新案卷的案卷号", "the number of the new case"), until)
        return None if number is None else Answer(said, number)

    def close(self) -> None:
        """Nothing to let go of."""

    def _line(self, how: str, until: float) -> str | None:
        """One line; None when it does not come in time, or nobody is there."""
        if not self._reading:
            self._reading = True
            threading.Thread(target=self._read, daemon=True).start()
        ticking = self._shown.isatty()
        self._show(f"  [{_clock(until - time.monotonic())}] {how}> ")
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=min(_TICK_SECONDS, left))
            except Empty:
                if ticking:
                    # The time that is left is written over; the cursor goes back to what is being typed.
                    self._show(f"\x1b7\r  [{_clock(until - time.monotonic())}]\x1b8")
                continue
            self._reading = False
            return line.strip() if line else None
        self._show(self._pick("\n  时间已到,无人应答\n", "\n  time is up, nobody answered\n"))
        return None

    def _read(self) -> None:
        self._lines.put(self._given.readline())

    def _forget_late_lines(self) -> None:
        """What is typed after the time was up is no answer to the next task."""
        while not self._lines.empty():
            self._lines.get()
            self._reading = False

    def _show(self, text: str) -> None:
        self._shown.write(text)
        self._shown.flush()

    def _pick(self, zh: str, en: str) -> str:
        return zh if self._language == "zh" else en


def _clock(seconds: float) -> str:
    left = max(0, round(seconds))
    return f"{left // 60:02}:{left % 60:02}"
