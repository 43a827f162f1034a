"""The library on the virtual stage: every file, in every wiring it allows, and what the files cover together."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bridge.vocabulary.forms import FormType
from conformance.clauses import clauses
from conformance.scenario.events import Outcome, Run
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Quirkiness, Scenario, Wiring
from conformance.scenario.words import acts
from duijie.virtual import VirtualStage

ROOT = Path(__file__).parents[2] / "scenarios"
#: These prove the runner, not the pair.
NOT_STORIES = ("selftest",)

LIBRARY: dict[str, Scenario] = {
    scenario.id: scenario
    for path in find_files([ROOT])
    if path.relative_to(ROOT).parts[0] not in NOT_STORIES
    for scenario in [load_scenario(path, ROOT)]
}
RUNS = [(name, wiring) for name, scenario in sorted(LIBRARY.items()) for wiring in scenario.wirings]

#: What the library answers for; the other clauses belong to statistics, complaints and the exchange between city and districts.
ANSWERED_FOR = (
    *(f"GRID-{n}" for n in range(1, 7)),
    *(f"URBAN-{n}" for n in range(1, 5)),
    *(f"INT-{n}" for n in range(1, 9)),
    *(f"EXC-{n}" for n in range(1, 6)),
    *(f"XCHG-{n}" for n in range(1, 4)),
    *(f"RCPT-{n}" for n in range(1, 7)),
    *("CONT-1", "CONT-2", "GEN-1", "GEN-4"),
)


@cache
def run(name: str, wiring: Wiring, seed: int = 0) -> Run:
    return play(LIBRARY[name], wiring, VirtualStage, seed=seed)


def story(played: Run) -> str:
    failure = played.failure
    where = f"step {failure.step.number}, line {failure.step.line}" if failure and failure.step else "at the end"
    said = f"{where}: {failure.en}" if failure else played.error or ""
    return f"{played.scenario.path} ({played.wiring}): {played.outcome}\n{said}"


@pytest.mark.parametrize(("name", "wiring"), RUNS, ids=[f"{name}-{wiring}" for name, wiring in RUNS])
def test_a_scenario_goes_as_it_is_told_and_breaks_no_clause(name, wiring):
    played = run(name, wiring)

    assert played.outcome is Outcome.PASS, story(played)


def test_the_library_holds_at_least_eighty_stories():
    assert len(LIBRARY) >= 80


@pytest.mark.parametrize("clause", ANSWERED_FOR)
def test_a_clause_is_named_by_a_scenario_that_passes(clause):
    named = [(name, wiring) for name, wiring in RUNS if clause in LIBRARY[name].clauses]

    assert clause in clauses()
    assert any(run(name, wiring).outcome is Outcome.PASS for name, wiring in named)


def test_every_title_tells_another_story():
    for language in ("zh", "en"):
        titles = [scenario.title(language) for scenario in LIBRARY.values()]
        assert sorted(t for t in titles if titles.count(t) > 1) == []


def test_a_file_can_be_read_at_one_glance():
    long = {name: len(Path(s.path).read_text("utf-8").splitlines()) for name, s in LIBRARY.items()}

    assert {name: lines for name, lines in long.items() if not 6 <= lines <= 50} == {}


@pytest.mark.parametrize(("name", "wiring"), RUNS, ids=[f"{name}-{wiring}" for name, wiring in RUNS])
def test_what_the_network_is_told_to_do_happens(name, wiring):
    """A rule that no message ever met would make the story an empty one."""
    trace = run(name, wiring).trace
    told = [r["rule"] for r in trace.of_type("fault_rule")]
    rules = [rule for rule in told if "of" in rule]
    by_network = {r["call"] for r in trace.of_type("call") if r.get("by_network")}
    lost = [
        r for r in trace.of_type("answer") if r["outcome"] in ("unanswered", "lost") and r["call"] not in by_network
    ]
    repeated = [r for r in rules if r["kind"] == "repeat"]

    assert len(lost) >= len(rules) - len(repeated)
    assert len(by_network) >= len(repeated)
    if any("shares" in rule for rule in told):
        assert [r for r in trace if r.get("network")], "the noise met nobody"


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_awkward_platforms_break_no_clause_either(name):
    """Receipts late and out of order, optional fields left out, short pages: the moments differ, the law does not."""
    scenario = replace(LIBRARY[name], quirks=Quirkiness(seed=1))
    played = play(scenario, scenario.wirings[0], VirtualStage, seed=1)

    assert played.outcome is not Outcome.ERROR, story(played)
    assert played.broken == (), story(played)


def test_every_act_and_every_form_of_the_exchange_has_its_story():
    traces = [run(name, wiring).trace for name, wiring in RUNS]
    done = {act.name for trace in traces for act in trace.acts()}
    sent = {sending.form_type for trace in traces for sending in trace.sendings()}

    assert {word for word in acts() if word not in done} == set()
    assert {form_type.value for form_type in FormType} - sent == set()


@pytest.mark.parametrize(
    "name",
    [
        "rejection/the-fourth-refiles-the-case",
        "delivery/an-hour-without-the-urban-side",
        "query/a-city-that-collects-its-cases",
    ],
)
def test_the_same_seed_tells_the_same_story_to_the_letter(name):
    first = play(LIBRARY[name], LIBRARY[name].wirings[0], VirtualStage, seed=3)
    second = play(LIBRARY[name], LIBRARY[name].wirings[0], VirtualStage, seed=3)

    assert first.trace.to_lines() == second.trace.to_lines()
