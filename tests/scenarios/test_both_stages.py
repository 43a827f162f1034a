"""The same file gives the same judged trace in virtual time and over real SOAP between processes.

In the everyday run one story of each topic is played; `tox -e stages` plays the whole library, and what the families of checks make
from their rules, in every wiring.
"""

from pathlib import Path

import pytest

from conformance.checks.catalogue import made_from_rules
from conformance.scenario.events import Run
from conformance.scenario.judged import judged
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Scenario, Wiring
from duijie.live import LiveStage
from duijie.virtual import VirtualStage

ROOT = Path(__file__).parents[2] / "scenarios"
LIBRARY = [
    *(load_scenario(path, ROOT) for path in find_files([ROOT])),
    *(scenario for scenario, _ in made_from_rules()),
]
RUNS = [(scenario, wiring) for scenario in LIBRARY for wiring in scenario.wirings]
#: The first story of each topic, in its first wiring.
SAMPLE = {scenario.id.partition("/")[0]: (scenario, scenario.wirings[0]) for scenario in reversed(LIBRARY)}


def name_of(run: tuple[Scenario, Wiring]) -> str:
    return f"{run[0].id}-{run[1]}"


def told(run: Run) -> str:
    return f"{run.failure.en if run.failure else run.error}\n{run.repeat_command}"


def assert_same_on_both(scenario: Scenario, wiring: Wiring) -> None:
    live = play(scenario, wiring, LiveStage, seed=1)
    virtual = play(scenario, wiring, VirtualStage, seed=1)

    assert live.passed, told(live)
    assert virtual.passed, told(virtual)
    assert judged(live.trace, live.verdicts) == judged(virtual.trace, virtual.verdicts)


@pytest.mark.live
@pytest.mark.parametrize("run", SAMPLE.values(), ids=name_of)
def test_a_story_of_each_topic_is_the_same_on_both_stages(run):
    assert_same_on_both(*run)


@pytest.mark.live
@pytest.mark.whole_library
@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_every_story_is_the_same_on_both_stages(run):
    assert_same_on_both(*run)
