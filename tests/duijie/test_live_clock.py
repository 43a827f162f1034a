"""Steered clocks: who has something to do at the same moment does it one after the other, as in virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Trace
from conformance.scenario.stage import START
from duijie.live import BEFORE, LiveStage
from duijie.pair import Quiet

DUE = START + timedelta(minutes=6)
LATER = START + timedelta(minutes=9)


class Sleeper:
    """A party with one timer, that says when its clock is set."""

    def __init__(self, name: Party, due: datetime, said: list[tuple[str, datetime]]):
        self.name, self.due, self.said = name, due, said
        self.now = START

    def quiet(self) -> Quiet:
        return Quiet(quiet=True, next_due=self.due if self.due > self.now else None, now=self.now)

    def steer(self, to: datetime) -> None:
        assert to >= self.now, "a clock does not go back"
        if to != self.now:
            self.said.append((self.name.value, to))
        self.now = to


@contextmanager
def stage(dues: dict[Party, datetime], held: datetime | None = None) -> Iterator[tuple[LiveStage, list]]:
    said: list[tuple[str, datetime]] = []
    wire = SimpleNamespace(quiet=True, next_due=held, paused=nullcontext, crossings=0)

    def release_due() -> None:
        if wire.next_due is not None and wire.next_due <= made.now:
            said.append(("network", wire.next_due))
            wire.next_due = None

    wire.release_due = release_due
    made = LiveStage.__new__(LiveStage)
    made.trace, made._steered, made._now = Trace(), True, START
    made._foreign = made._rest = None
    made.pair = SimpleNamespace(wire=wire, remotes={party: Sleeper(party, due, said) for party, due in dues.items()})
    yield made, said


def test_parties_that_wake_at_the_same_moment_wake_one_after_the_other() -> None:
    with stage({Party.GRID: DUE, Party.BRIDGE: DUE, Party.URBAN: LATER}) as (made, said):
        made._fire(DUE)
    before = DUE - BEFORE
    assert said == [
        *(("grid", before), ("bridge", before), ("urban", before)),
        *(("grid", DUE), ("bridge", DUE), ("urban", DUE)),
    ]
    assert made.now == DUE


def test_what_the_network_held_back_until_the_same_moment_comes_first() -> None:
    with stage({Party.GRID: DUE, Party.URBAN: LATER}, held=DUE) as (made, said):
        made._fire(DUE)
    assert [who for who, at in said if at == DUE] == ["network", "grid", "urban"]


@pytest.mark.parametrize("held", [None, LATER])
def test_a_party_that_wakes_alone_wakes_at_once(held: datetime | None) -> None:
    with stage({Party.GRID: DUE, Party.URBAN: LATER}, held=held) as (made, said):
        made._fire(DUE)
    assert said == [("grid", DUE), ("urban", DUE)]


def test_moments_that_lie_closer_than_a_clock_can_be_set_do_not_turn_it_back() -> None:
    soon = START + BEFORE / 2
    with stage({Party.GRID: soon, Party.URBAN: soon}) as (made, said):
        made._fire(soon)
    assert [at for _, at in said] == [soon, soon]
