"""A simulator with its log: some restarts bring it back as a live one comes back, a new machine taken through all that happened to the old one."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Message
from simulators.exchange.errors import ActRefused
from simulators.exchange.logbook import Machine


class Remembered:
    """A machine that can be lost and made again. `from_log` says of each restart, by its number, whether the machine is made again."""

    def __init__(self, make: Callable[[], Machine], from_log: Callable[[int], bool]):
        self._make = make
        self._from_log = from_log
        #: The machine as it is now; another one after a restart.
        self.machine = make()
        self.side = self.machine.side
        self._log: list[Callable[[Machine], object]] = []
        self._restarts = 0

    def _happens(self, what: Callable[[Machine], Any]) -> Any:
        self._log.append(what)
        return what(self.machine)

    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        """See `Machine`."""
        answer: Answered | Faulted = self._happens(lambda machine: machine.call_received(message, now))
        return answer

    def call_ended(self, key: int, ending: Ending, now: datetime) -> None:
        """See `Machine`."""
        self._happens(lambda machine: machine.call_ended(key, ending, now))

    def outgoing(self) -> list[Call]:
        """See `Machine`; most often there is nothing, and then nothing has happened."""
        calls = self.machine.outgoing()
        if calls:
            self._log.append(_handed_out)
        return calls

    def next_due(self) -> datetime | None:
        """See `Machine`."""
        return self.machine.next_due()

    def wake(self, now: datetime) -> None:
        """See `Machine`."""
        self._happens(lambda machine: machine.wake(now))

    def restarted(self, now: datetime) -> None:
        """The process went down and is up again."""
        self._restarts += 1
        if self._from_log(self._restarts):
            self._make_again()
        self._happens(lambda machine: machine.restarted(now))

    def _make_again(self) -> None:
        self.machine = self._make()
        for happened in self._log:
            # What was refused then is refused again.
            with suppress(ActRefused):
                happened(self.machine)

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """See `Machine`."""
        result: dict[str, Any] = self._happens(lambda machine: machine.act(name, params, now, by))
        return result

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """See `Machine`."""
        return self.machine.ask(name, params, now)

    def locked_out(self, source: str, until: datetime, now: datetime) -> None:
        """See `Machine`."""
        self._happens(lambda machine: machine.locked_out(source, until, now))

    def heard_again(self, source: str, now: datetime) -> None:
        """See `Machine`."""
        self._happens(lambda machine: machine.heard_again(source, now))


def _handed_out(machine: Machine) -> None:
    machine.outgoing()
