"""The journal of a world: its trace, which is hashed, counted, judged and perhaps written while it grows, and then let go."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, TextIO

from conformance.oracle.stream import Stream
from conformance.oracle.trace import Outcome, Record, Trace, as_line, end_line, head_line, plain
from duijie.simulation.figures import Figures
from duijie.simulation.worlds import FIRST_DAY

_IN_DOUBT = frozenset({Outcome.LOST.value, Outcome.UNANSWERED.value})


#: So many of the last values are remembered.
_WRITTEN_MAX = 500


class Journal(Trace):
    """A trace that keeps none of its records. What it says to the byte is what `duijie judge` reads."""

    def __init__(self, stream: Stream, figures: Figures, simulated: Record, out: TextIO | None = None):
        super().__init__()
        self._stream = stream
        self._figures = figures
        self._digest = sha256()
        self._out = out
        self._count = 0
        #: Values that were written a short while ago, by identity, with what was written.
        self._written: dict[int, tuple[object, Any]] = {}
        #: Calls of the network's own, whose ends nobody waits for.
        self._of_network: set[int] = set()
        #: Cases that something was said or done about since somebody last looked, in order.
        self.touched: dict[str, None] = {}
        self._write(head_line(simulated=simulated))

    def __len__(self) -> int:
        return self._count

    def plain(self, value: object) -> Any:
        """See `Trace`."""
        # A form and its receipt cross two hops, and are the same values on both.
        known = self._written.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        said = plain(value)
        if len(self._written) >= _WRITTEN_MAX:
            self._written.clear()
        self._written[id(value)] = value, said
        return said

    def keep(self, record: Record, at: datetime) -> None:
        """See `Trace`: hash it, count it, judge it, and let it go."""
        self._count += 1
        self._write(as_line(record))
        count = self._COUNT.get(record["type"])
        if count is not None:
            count(self, record, at)
        self._stream.add(record)

    def end(self, *, at_rest: bool) -> str:
        """Write the last line; gives the SHA-256 of the whole."""
        self.at_rest = at_rest
        self._write(end_line(at_rest))
        self._figures.records = self._count
        return self._digest.hexdigest()

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode()
        self._digest.update(data)
        self._figures.journal_bytes += len(data)
        if self._out is not None:
            self._out.write(f"{line}\n")

    # ── counting ──

    def _count_call(self, record: Record, at: datetime) -> None:
        messages = self._figures.messages
        messages["calls"] += 1
        case = record.get("case_number")
        if case is not None:
            self.touched[case] = None
        if "network" in record:
            self._count_fault(record["network"])
        if "by_network" in record:
            self._of_network.add(record["call"])
            return
        if "form" not in record:
            return
        messages["attempts"] += 1
        if record["attempt"] > 1:
            messages["repeated"] += 1
        elif record["from"] != "bridge":
            self._figures.forms[record["form_type"]] += 1

    def _count_answer(self, record: Record, at: datetime) -> None:
        if "network" in record:
            self._count_fault(record["network"])
        if record["call"] in self._of_network:
            self._of_network.discard(record["call"])
        elif record["outcome"] in _IN_DOUBT:
            self._figures.messages["in_doubt"] += 1
            self._figures.in_doubt_on[(at.date() - FIRST_DAY).days] += 1

    def _count_fault(self, name: str) -> None:
        self._figures.faults[name] += 1
        self._figures.messages["faults"] += 1

    def _count_not_reached(self, record: Record, at: datetime) -> None:
        self._count_fault("not_reached")

    def _count_act(self, record: Record, at: datetime) -> None:
        done = record["outcome"] == "done"
        (self._figures.acts if done else self._figures.acts_refused)[record["act"]] += 1
        case = record["params"].get("case") or (record.get("result") or {}).get("case")
        if case is not None:
            self.touched[case] = None

    def _count_restart(self, record: Record, at: datetime) -> None:
        self._figures.restarts[record["party"]] += 1

    _COUNT: ClassVar[dict[str, Callable[["Journal", Record, datetime], None]]] = {
        "call": _count_call,
        "answer": _count_answer,
        "not_reached": _count_not_reached,
        "act": _count_act,
        "restart": _count_restart,
    }
