"""Deeds and weather of a journal in virtual time."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.oracle.trace import Trace
from conformance.scenario.faults import FaultRule
from conformance.scenario.stage import START, StageRefused
from conformance.scenario.steps import Quirkiness
from duijie.recording.deeds import Deed, deeds
from duijie.recording.journal import Recorded
from duijie.recording.weather import Turn, met, turns
from duijie.simulation.city import town_of
from duijie.virtual import VirtualStage
from simulators.city.town import Town

#: After the last record the stage goes on for so long, so that what was under way arrives.
_AFTERWARDS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """An act that ended otherwise than it was recorded."""

    deed: Deed
    #: Why it was refused; None when it was done.
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What came of it."""

    trace: Trace
    #: For each case of the journal, its number in the rerun.
    numbers: dict[str, str]
    unlike: list[Unlike]
    #: Whether the deeds had to be inferred.
    inferred: bool
    #: Cases that could not be reported in their own cell, because the made-up town has none such.
    elsewhere: set[str]


def rerun(recorded: Recorded, profile: Profile, seed: int) -> Rerun:
    """Let people do again what they did, and the network what it did, at the same moments."""
    return _Rerun(recorded, profile, seed).play()


class _Rerun:
    def __init__(self, recorded: Recorded, profile: Profile, seed: int):
        self._recorded = recorded
        self._deeds, self._inferred = deeds(recorded.trace)
        self._met = met(recorded.trace)
        self._numbers: dict[str, str] = {}
        self._unlike: list[Unlike] = []
        self._elsewhere: set[str] = set()
        said = recorded.stage
        own = int(said.get("stage_seed", seed))
        self._town = town_of(int(said["seed"])) if "seed" in said else Town.build(own)
        first = min((deed.at for deed in self._deeds), default=START)
        self._stage = VirtualStage(
            profile,
            recorded.wiring,
            own,
            Quirkiness(seed=own if said else None),
            town=self._town,
            first_serial=int(said.get("first_serial", 1)),
            start=min(START, first) if said else first,
        )

    def play(self) -> Rerun:
        """Play everything in its order."""
        for at, _, happen in heapq.merge(self._all_deeds(), self._all_turns(), key=lambda each: each[:2]):
            self._stage.reach(at)
            happen()
        end = self._recorded.trace.end_at
        if end is not None:
            self._stage.reach(end + _AFTERWARDS)
        self._stage.trace.at_rest = self._stage.next_timer() is None
        return Rerun(
            trace=self._stage.trace,
            numbers=self._numbers,
            unlike=self._unlike,
            inferred=self._inferred,
            elsewhere=self._elsewhere,
        )

    def _all_deeds(self) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
        for deed in self._deeds:
            yield deed.at, deed.n, partial(self._do, deed)

    def _all_turns(self) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
        for turn in turns(self._recorded.trace):
            yield turn.at, turn.n, partial(self._turn, turn)

    def _turn(self, turn: Turn) -> None:
        if turn.what == "restart":
            self._stage.restart(turn.party)
        else:
            self._stage.fault(FaultRule(kind=turn.what, party=turn.party))

    def _do(self, deed: Deed) -> None:
        params = dict(deed.params)
        if deed.opens:
            if params.get("cell") not in (None, *self._town.cells):
                self._elsewhere.add(str(deed.case_number))
                del params["cell"]
        elif deed.case_number is not None:
            params["case"] = self._numbers.get(deed.case_number, deed.case_number)
        try:
            result = self._stage.act(Party(deed.party), deed.act, params, deed.by)
        except StageRefused as refused:
            if refused.code != deed.code:
                self._unlike.append(Unlike(deed=deed, code=refused.code))
            return
        if deed.code is not None:
            self._unlike.append(Unlike(deed=deed, code=None))
        if deed.opens and deed.case_number is not None:
            self._numbers[deed.case_number] = result["case"]
            for rule in self._met.get(deed.case_number, ()):
                self._stage.fault(replace(rule, case=result["case"]))
