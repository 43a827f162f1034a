"""How many members of the zoo exploration alone finds out: `python -m duijie.explore_zoo [STORIES]`, 200 by default, on two processes.

A member is found out when a finding of the exploration of its role breaks off a story that the right party comes through, and by its
clause when one of the clauses that the finding names is the one that the member breaks.
"""

import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.explore.explore import Explorer, Source
from conformance.explore.story import Possibilities
from conformance.scenario.profile import base_profile
from conformance.scenario.stage import StageMaker
from conformance.zoo import Member, members
from duijie.virtual import VirtualStage
from duijie.zoo import WORKERS, cast_with

STORIES, SEED = 200, 1
#: Enough for the clauses that a finding names to be those that it cannot do without.
_SHRINKS_MAX = 60


class ZooBench:
    """Stories in virtual time with a member in its place; see `conformance.explore.explore.Bench`."""

    shrinks_max = _SHRINKS_MAX
    audited = True
    stage_seed = 1

    def __init__(self, member: Member):
        self._make: StageMaker = partial(VirtualStage, cast=cast_with(member))
        self.possibilities = Possibilities(role=Party(member.party), profile=base_profile())

    def stage(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        """The same for every play."""
        return self._make


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What exploration found of one member."""

    member: str
    clause: str
    #: The clauses of the first finding; empty without one.
    clauses: tuple[str, ...] = ()
    #: The story in which it was found, from 1.
    story: int = 0

    @property
    def named(self) -> bool:
        """Whether the clause that the member breaks is among them."""
        return self.clause in self.clauses


def meet(member_id: str, stories: int) -> Found:
    """Explore with one member until the first finding."""
    member = next(each for each in members() if each.id == member_id)
    finding = next(Explorer(ZooBench(member), stories, SEED, None).run(), None)
    if finding is None or finding.source is Source.BROKE:
        return Found(member=member.id, clause=member.clause)
    return Found(member=member.id, clause=member.clause, clauses=finding.clauses, story=finding.example)


def main() -> None:
    """Explore with every member, tell a line for each and the numbers at the end."""
    stories = int(sys.argv[1]) if len(sys.argv) > 1 else STORIES
    found = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for each in pool.map(partial(meet, stories=stories), [member.id for member in members()]):
            found.append(each)
            told = f"{each.story}: {', '.join(each.clauses)}" if each.clauses else "-"
            sys.stdout.write(
                f"{'✓' if each.named else '?' if each.clauses else ' '} {each.member} ({each.clause}) {told}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(
        f"{stories} stories each: {sum(bool(each.clauses) for each in found)} of {len(found)} found out, "
        f"{sum(each.named for each in found)} of them by their clause\n"
    )


if __name__ == "__main__":
    main()
