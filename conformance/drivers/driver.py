"""The one interface behind which every system under test stands, whatever it is written in.

A driver only makes the system act and repeats what it says of itself; it judges nothing. What the system does not offer is said
with `NotOffered`, what it refuses with `StageRefused`, and what cannot be reached or understood with `DriverBroken`: the three
lead to «inconclusive», to a refusal that the story may be waiting for, and to «configuration».
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Protocol

from conformance.scenario.stage import NotOffered, StageUnusable

__all__ = ["Capabilities", "Driver", "DriverBroken", "NotOffered", "Quiet", "told_by"]


class DriverBroken(StageUnusable):
    """The driver could not be reached, or said something that makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """What a system says of itself when asked whether it is at rest."""

    quiet: bool
    #: When it will do something by itself next; None when nothing is waiting, or it does not tell.
    next_due: datetime | None = None
    now: datetime | None = None
    #: How much it has taken in so far, where it counts that.
    inputs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a system under test can be made to do and asked; patterns with `*`."""

    acts: tuple[str, ...] = ("*",)
    asks: tuple[str, ...] = ("*",)
    #: Its clock stands still until it is set forward.
    steered_clock: bool = False
    #: It tells whether it is at rest.
    tells_quiet: bool = False
    #: It can be stopped at once and started again, keeping what it had.
    restart: bool = False
    #: It can be brought to a fresh start with other settings of the integration profile.
    reset: bool = False
    #: It refuses acts with the codes of our control port.
    refusal_codes: bool = False
    #: Acts, questions and clauses that the system does not have, as its vendor declares.
    unsupported: tuple[str, ...] = field(default=())

    def offers_act(self, name: str) -> bool:
        """Whether the system's people can be made to do this."""
        return _fits(name, self.acts) and not _fits(name, self.unsupported)

    def offers_ask(self, name: str) -> bool:
        """Whether the system can be asked this."""
        return _fits(name, self.asks) and not _fits(name, self.unsupported)

    def lacks(self, *names: str) -> str | None:
        """The first of these that the vendor says the system does not have."""
        return next((name for name in names if _fits(name, self.unsupported)), None)


class Driver(Protocol):
    """One system under test."""

    #: What the system calls itself, with its version.
    name: str

    @property
    def capabilities(self) -> Capabilities:
        """What it can do. Asked after `open`."""

    def open(self) -> None:
        """Get in touch. Raises `DriverBroken`."""

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let one of its people act; gives what came of it, at least `case` for an act that brings a case into being."""

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask about its own state."""

    def quiet(self) -> Quiet | None:
        """Whether it is at rest; None when it cannot tell."""

    def steer(self, to: datetime) -> None:
        """Set its clock forward."""

    def restart(self) -> None:
        """Stop it at once and start it again."""

    def reset(self, settings: Mapping[str, Any]) -> None:
        """Start afresh with these settings of the integration profile laid over its own."""

    def close(self) -> None:
        """Let go of it."""


def told_by(driver: Driver) -> Mapping[str, Any]:
    """What the system itself says of its capabilities, apart from what its file declares: the fields of `Capabilities` that it speaks of.

    A driver says it in `told`; one that has no such attribute knows its system, so all that it names as capabilities counts.
    """
    told: Mapping[str, Any] | None = getattr(driver, "told", None)
    return asdict(driver.capabilities) if told is None else told


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
