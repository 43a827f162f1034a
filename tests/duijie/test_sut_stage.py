"""A system under test behind its driver, as the stage sees it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.driver import Capabilities, Quiet
from conformance.scenario.stage import StageUnusable
from duijie.live import LiveStage, NotAtRest
from duijie.sut_stage import DrivenParty, SutStage

STEERED = Capabilities(steered_clock=True, tells_quiet=True)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)


@dataclass
class Saying:
    """A driver that says this when it is asked whether the system is at rest."""

    said: Quiet
    capabilities: Capabilities = STEERED

    def quiet(self) -> Quiet:
        return self.said


@pytest.mark.parametrize("due", [NOW, NOW - timedelta(seconds=1)], ids=["now", "before"])
def test_a_system_at_rest_that_leaves_undone_what_is_due_is_a_matter_of_the_set_up(due):
    """Its clock would be set to that moment again and again."""
    party = DrivenParty(Saying(Quiet(quiet=True, next_due=due, now=NOW)), settle_seconds=1)
    with pytest.raises(StageUnusable) as told:
        party.quiet()
    assert str(due) in told.value.zh
    assert str(due) in told.value.en


@pytest.mark.parametrize(
    "said",
    [
        Quiet(quiet=False, next_due=NOW, now=NOW),
        Quiet(quiet=True, next_due=NOW + timedelta(seconds=1), now=NOW),
        Quiet(quiet=True, next_due=NOW),
    ],
    ids=["busy", "later", "tells-no-time"],
)
def test_a_system_that_is_busy_or_has_nothing_due_is_believed(said):
    assert DrivenParty(Saying(said), settle_seconds=1).quiet().quiet is said.quiet


def test_by_the_real_clock_something_may_fall_due_while_the_system_answers():
    driver = Saying(Quiet(quiet=True, next_due=NOW, now=NOW), Capabilities(tells_quiet=True))
    assert DrivenParty(driver, settle_seconds=1).quiet().quiet


@pytest.mark.parametrize(("quiet", "told"), [(False, StageUnusable), (True, NotAtRest)], ids=["system", "suite"])
def test_a_system_that_never_comes_to_rest_is_told_from_a_suite_that_does_not(monkeypatch, quiet, told):
    def never(_: LiveStage) -> None:
        raise NotAtRest("still busy")

    monkeypatch.setattr(LiveStage, "_come_to_rest", never)
    stage = object.__new__(SutStage)
    stage._system = DrivenParty(Saying(Quiet(quiet=quiet, now=NOW)), settle_seconds=1)
    with pytest.raises(told):
        stage._come_to_rest()
