"""Two pairs that must agree: the same story with a bridge between the platforms and without one leaves the same books on both sides.

Where they differ, what the pair without a bridge says becomes the expectation that ends the story's file (XCHG-1).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from story_machine import Stories

from bridge.vocabulary.parties import Party
from conformance.explore.explore import Explorer, Finding, Source
from conformance.explore.story import Story, Told, scenario_of, tell
from conformance.scenario.events import Event, RunFinished
from conformance.scenario.runner import play
from conformance.scenario.stage import Stage, StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from conformance.scenario.words import answers

_CLAUSE = "XCHG-1"
Books = dict[tuple[str, Party], Any]


class Twins(Stories):
    """In fair weather: what the network spoils may come to the two pairs at other moments."""

    in_fair_weather = True


class Comparing(Explorer):
    """Judges a story as every exploration does, and then by the twin that has no bridge."""

    def examine(self, story: Story) -> Finding | None:
        """What is wrong with the story; where nothing else is, in what the two pairs differ."""
        return super().examine(story) or self._differs(story)

    def _differs(self, story: Story) -> Finding | None:
        bridged, direct = (self._books(story, role) for role in (Party.BRIDGE, Party.URBAN))
        for (case, party), said in direct.items():
            wanted = _differences(said, bridged.get((case, party), {}), answers()[party.value])
            if not wanted:
                continue
            teller = tell(story, self.can)
            look = {"case": case, party.value: wanted}
            teller.steps.append(Told(word="expect", params=look, clause=_CLAUSE, move=len(teller.moves)))
            named = "、".join(wanted)
            return Finding(
                source=Source.MODEL,
                clauses=(_CLAUSE,),
                zh=f"案卷 {case}:{named} 与不经对接桥的同一故事不同",
                en=f"case {case}: {', '.join(wanted)} on the {party.value} side not as in the same story without a bridge",
                story=story,
                teller=teller,
                step=None,
                example=self.tally.played,
            )
        return None

    def _books(self, story: Story, role: Party) -> Books:
        can = replace(self.can, role=role)
        teller = tell(story, can)
        scenario = scenario_of(story, teller, ("孪生", "twins"), "twins")
        notes = _Notes(self.bench.stage(0, story.settings))
        play(scenario, can.wiring, notes.make, seed=self.bench.stage_seed, listeners=(notes,))
        return notes.books


class _Notes:
    """Listens to a run, and asks both platforms about every case at its end."""

    def __init__(self, make: Any):
        self._make = make
        self._stage: Stage | None = None
        self.books: Books = {}

    def make(self, profile: Any, wiring: Wiring, seed: int, quirks: Quirkiness) -> Stage:
        """The stage, which is remembered."""
        self._stage = self._make(profile, wiring, seed, quirks)
        return self._stage

    def __call__(self, event: Event) -> None:
        if not isinstance(event, RunFinished) or self._stage is None:
            return
        for name, number in event.run.cases.items():
            for party in (Party.GRID, Party.URBAN):
                try:
                    said = self._stage.ask(party, "case", {"case": number})
                except StageRefused:
                    said = {}
                self.books[name, party] = json.loads(json.dumps(said, default=str))


def _differences(wanted: Mapping[str, Any], seen: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """What a scenario can ask for and the bridged pair says otherwise; whole lists only where nothing else tells."""
    found = {key: value for key, value in wanted.items() if key in known and seen.get(key) != value}
    plain = {key: value for key, value in found.items() if not isinstance(value, list)}
    return {key: _part(value, seen.get(key)) for key, value in (plain or found).items()}


def _part(wanted: Any, seen: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return {key: value for key, value in wanted.items() if seen.get(key) != value}
    return wanted
