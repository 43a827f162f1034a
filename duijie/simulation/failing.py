"""Makes a world that breaks something small: fewer reports, fewer days, then a milder weather, as long as the same thing breaks."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from duijie.simulation.city import live_world
from duijie.simulation.tables import weathers
from duijie.simulation.world import Lived, Plan

_HALVES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """A world that breaks something, as small as it could be made."""

    plan: Plan
    lived: Lived
    #: Worlds that were tried on the way.
    tried: int
    #: True when time ran out before nothing more could be left out.
    cut_short: bool


def minimise(
    plan: Plan,
    broken: str,
    seconds: float,
    tell: Callable[[int, int], None],
    clock: Callable[[], float] = time.monotonic,
) -> Small:
    """Leave out what is not needed for the clause to break; `tell` hears how many reports are left and how many worlds were tried."""
    search = _Search(plan, broken, clock() + seconds, tell, clock)
    search.leave_out_reports()
    search.bring_together()
    search.calm_down()
    return Small(plan=search.plan, lived=search.lived, tried=search.tried, cut_short=search.cut_short)


class _Search:
    def __init__(
        self, plan: Plan, broken: str, until: float, tell: Callable[[int, int], None], clock: Callable[[], float]
    ):
        self._broken, self._until, self._tell, self._clock = broken, until, tell, clock
        self.tried = 0
        self.cut_short = False
        self.plan = replace(plan, only=plan.only or frozenset(range(plan.world.cases)))
        self.lived = live_world(self.plan)

    def leave_out_reports(self) -> None:
        """Keep one part of the reports, or all but one part, with ever smaller parts (delta debugging)."""
        parts = 2
        while (kept := self._only()) and len(kept) > 1:
            for fewer in _candidates(kept, parts):
                if self._breaks(replace(self.plan, only=frozenset(fewer))):
                    parts = max(2, parts - 1) if len(fewer) > len(kept) // 2 else 2
                    break
                if self.cut_short:
                    return
            else:
                if parts >= len(kept):
                    return
                parts = min(2 * parts, len(kept))

    def bring_together(self) -> None:
        """Have what is left reported within as few days as it takes."""
        days = 1
        while days < self.plan.days and not self.cut_short:
            if self._breaks(replace(self.plan, days=days)):
                return
            days *= 2

    def calm_down(self) -> None:
        """Take the mildest weather in which it breaks."""
        for weather in weathers().values():
            if weather == self.plan.weather or self.cut_short:
                return
            if self._breaks(replace(self.plan, weather=weather)):
                return

    def _only(self) -> list[int]:
        return sorted(self.plan.only or ())

    def _breaks(self, plan: Plan) -> bool:
        if self._clock() > self._until:
            self.cut_short = True
            return False
        self.tried += 1
        lived = live_world(plan)
        if self._broken not in lived.broken:
            return False
        self.plan, self.lived = plan, lived
        self._tell(len(self._only()), self.tried)
        return True


def _candidates(kept: list[int], parts: int) -> Iterator[list[int]]:
    """Each part by itself, then all but each part."""
    cuts = [len(kept) * part // parts for part in range(parts + 1)]
    pieces = [kept[start:end] for start, end in pairwise(cuts)]
    yield from pieces
    # Of two parts, each is all but the other.
    if parts > _HALVES:
        for piece in pieces:
            yield [each for each in kept if each not in piece]
