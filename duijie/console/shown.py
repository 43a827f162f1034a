"""What the console looks at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Record
from duijie.steering import Steering


def _none(_: int) -> str | None:
    return None


class Playing(Protocol):
    """A party whose people act and that is asked."""

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let somebody act; raises `StageRefused`."""

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask about the party's state; raises `StageRefused`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A pair, what crossed in it, and the means to steer it."""

    parties: Mapping[Party, Playing]
    #: Everything that crossed so far.
    records: Callable[[], Sequence[Record]]
    language: str
    #: How many records there are; without it, they are counted.
    crossed: Callable[[], int] | None = None
    #: Shows the envelope of a record by its number; None when it is not at hand.
    envelope: Callable[[int], str | None] = _none
    #: Clock, network and story; None where nobody may steer.
    steering: Steering | None = None

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self.records()) if self.crossed is None else self.crossed()
