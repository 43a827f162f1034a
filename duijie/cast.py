"""Who plays the three parties of a pair: the right ones, unless somebody else is named.

A stage asks its cast for every party that it starts, and for the bridge's shell again each time that the bridge is restarted, so that
whoever takes a part keeps it to the end. Makers are picklable (classes or functions of a module): the live stage hands them to
processes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bridge.core.ports import Store
from bridge.core.shell import Shell, Stumble, open_shell
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from simulators.city import Town
from simulators.exchange.logbook import Machine
from simulators.exchange.quirks import Quirks
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

#: Makes the grid platform: profile, town, seed, quirks, the first serial of a case number.
GridMaker = Callable[[Profile, Town, int, Quirks, int], Machine]
#: Makes the urban platform: profile, town, seed, quirks.
UrbanMaker = Callable[[Profile, Town, int, Quirks], Machine]


class ShellMaker(Protocol):
    """Makes the bridge's shell over its store."""

    def __call__(self, profile: Profile, store: Store, stumbled: Stumble = ..., /) -> Shell:
        """`stumbled` is told when the bridge stumbles over a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """One maker for each party."""

    grid: GridMaker = GridPlatform
    urban: UrbanMaker = UrbanPlatform
    bridge: ShellMaker = open_shell

    def make_platform(
        self, side: Side, profile: Profile, town: Town, seed: int, quirks: Quirks, first_serial: int = 1
    ) -> Machine:
        """The machine of one of the platforms; only the grid side gives out case numbers."""
        if side is Side.GRID:
            return self.grid(profile, town, seed, quirks, first_serial)
        return self.urban(profile, town, seed, quirks)

    def with_part(self, party: Party, maker: Any) -> "Cast":
        """The same cast with somebody else in one part; the party says which kind of maker that must be."""
        return replace(self, **{party.value: maker})


#: The pair as it is meant to be.
RIGHT = Cast()
