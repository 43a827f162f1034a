"""`duijie conform … --explore N`: it finds what is wrong, says it in a file that fails in the same way, and accuses nobody else."""

import builtins
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis.internal.conjecture import providers

from bridge.vocabulary.parties import Party
from conformance.drivers.driver import Capabilities
from conformance.explore.explore import Explorer, Finding, Source
from conformance.explore.file import write
from conformance.explore.story import Doing, Move, Possibilities, Story, tell
from conformance.scenario.events import Outcome
from conformance.scenario.load import load_scenario
from conformance.scenario.profile import base_profile
from conformance.scenario.runner import play
from conformance.scenario.stage import StageMaker
from conformance.zoo import members
from duijie import benches
from duijie.cli import main
from duijie.exits import Exit
from duijie.virtual import VirtualStage
from duijie.zoo import cast_with

MEMBERS = {each.id: each for each in members()}
#: Each is found out within so many stories of this seed.
STORIES, SEED = 60, 1
FOUND_OUT = (
    "urban-sends-native-cases-to-the-grid",
    "bridge-rewrites-the-cause-of-a-rejection",
    "urban-sends-a-rejected-case-back-to-assignment",
    "urban-files-again-at-the-third",
    "grid-cancels-a-filed-case",
    "bridge-mirrors-one-way-only",
    "urban-tells-disposal-without-its-limit",
    "bridge-confirms-before-the-business-system",
    "urban-sends-before-the-receipt",
    "urban-takes-a-repetition-for-new",
    "grid-shows-the-worker-no-task",
)


@dataclass
class Bench:
    """Stories in virtual time, with a member of the zoo in its place if one is named."""

    role: Party
    member: str | None = None
    shrinks_max: int = 60
    audited: bool = True
    stage_seed: int = 1
    possibilities: Possibilities = field(init=False)

    def __post_init__(self) -> None:
        self.possibilities = Possibilities(role=self.role, profile=base_profile())

    def stage(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        return stage_with(self.member)


def stage_with(member: str | None) -> StageMaker:
    return VirtualStage if member is None else partial(VirtualStage, cast=cast_with(MEMBERS[member]))


def first_finding(member: str) -> tuple[Explorer, Finding]:
    """The first that names the clause: what a wrong party does may show sooner in what another clause says."""
    explorer = Explorer(Bench(MEMBERS[member].party, member), STORIES, SEED, None)
    return explorer, next(finding for finding in explorer.run() if MEMBERS[member].clause in finding.clauses)


@pytest.mark.parametrize("member", FOUND_OUT)
def test_a_wrong_party_is_found_out_by_its_clause_and_the_file_fails_in_the_same_way(member, tmp_path):
    explorer, finding = first_finding(member)
    assert MEMBERS[member].clause in finding.clauses

    path = write(finding, tmp_path, ["a note"])
    scenario = load_scenario(path)
    assert explorer.repeats(finding, scenario)
    run = play(scenario, scenario.wirings[0], stage_with(member))
    assert run.outcome is Outcome.FAIL
    if finding.source is Source.ORACLE:
        assert finding.clauses[0] in {verdict.clause for verdict in run.broken}
    else:
        assert run.failure.en == finding.en
    assert scenario.clauses == finding.clauses
    assert scenario.steps[-1].word.name.startswith("expect")

    # The right party has no part in it.
    assert play(scenario, scenario.wirings[0], VirtualStage).passed


@pytest.mark.parametrize("role", Party)
def test_the_right_parties_are_accused_of_nothing(role):
    """Calm and awkward ones, under many settings, with faults and restarts."""
    explorer = Explorer(Bench(role), 300, 20261125, None)
    assert [finding.en for finding in explorer.run()] == []
    assert (explorer.tally.played, explorer.tally.inconclusive) == (300, 0)


def test_the_same_seed_gives_the_same_finding():
    texts = []
    for _ in range(2):
        _, finding = first_finding("grid-cancels-a-filed-case")
        texts.append([step.written() for step in finding.steps])
    assert texts[0] == texts[1]


def test_nothing_can_be_left_out_of_a_finding():
    explorer = Explorer(
        Bench(Party.URBAN, "urban-sends-a-rejected-case-back-to-assignment", shrinks_max=300), STORIES, SEED, None
    )
    finding = next(explorer.run())
    assert finding.story.size[0] == 1
    assert len([step for step in finding.steps if not step.is_look]) <= 5


# ── what the system does not offer ──────────────────────────────────────────────────────────────────

LIFE = (
    Move(doing=Doing.BEGIN, case="c1"),
    *(Move(doing=Doing.ACT, case="c1", what=name) for name in ("hand_over", "file", "dispatch")),
    Move(doing=Doing.ATTEMPT, case="c1", what="operator_cancels"),
    Move(doing=Doing.WAIT, what="1 hour"),
    Move(doing=Doing.RESTART, what="urban"),
)


def words(**can: Any) -> list[str]:
    possibilities = Possibilities(role=Party.URBAN, profile=base_profile(), **can)
    return [step.inner[0] if step.inner else step.word for step in tell(Story(moves=LIFE), possibilities).steps]


def test_what_the_driver_does_not_offer_is_left_out():
    assert "operator.cancel" in words()
    without = words(offers_act=lambda name: name != "operator.cancel")
    assert "operator.cancel" not in without
    assert "operator.file" in without
    assert "clock.advance" not in words(clock=False)
    assert "party.restart" not in words(restart=False)
    assert "operator.cancel" not in words(has_clause=lambda clause: clause != "EXC-2")


def test_a_system_that_cannot_be_asked_is_not_asked():
    possibilities = Possibilities(role=Party.URBAN, profile=base_profile(), offers_ask=lambda name: False)
    looks = [step.params for step in tell(Story(moves=LIFE), possibilities).steps if step.word == "expect"]
    assert looks
    assert all("urban" not in params and "grid" in params for params in looks)


# ── the command ─────────────────────────────────────────────────────────────────────────────────────


def explored(capsys, *arguments: str) -> tuple[int, str]:
    code = main(["conform", *arguments, "--lang", "en"])
    return code, capsys.readouterr().out


def test_our_own_platform_is_explored_and_the_duration_told(capsys):
    code, said = explored(capsys, "urban", "--sut", "builtin-virtual", "--explore", "5", "--seed", "3")
    assert code == Exit.OK
    assert "exploring 5 stories · seed 3 · expected to take about 1 s" in said
    assert "5 stories: 0 found, 0 inconclusive." in said


def test_nothing_is_left_in_the_users_folder(tmp_path):
    command = [sys.executable, "-m", "duijie", "conform", "urban", "--sut", "builtin-virtual", "--explore", "2"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert list(tmp_path.iterdir()) == []


def test_a_finding_is_shown_with_its_file_and_the_command_that_repeats_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(benches, "VirtualStage", stage_with("grid-cancels-a-filed-case"))
    arguments = ("grid", "--sut", "builtin-virtual", "--explore", "60", "--seed", "1", "--report", str(tmp_path))
    code, said = explored(capsys, *arguments)
    assert code == Exit.FAILED
    (path,) = (tmp_path / "explored").glob("*.yaml")
    assert path.read_text(encoding="utf-8") in said
    assert f"repeat: duijie replay {path}" in said
    assert "--explore 60 --seed 1" in path.read_text(encoding="utf-8").splitlines()[0]


def test_a_program_reads_one_line_for_each_finding(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(benches, "VirtualStage", stage_with("grid-cancels-a-filed-case"))
    monkeypatch.chdir(tmp_path)
    code, said = explored(capsys, "grid", "--sut", "builtin-virtual", "--explore", "60", "--seed", "1", "--json")
    *findings, last = [json.loads(line) for line in said.splitlines()]
    assert code == Exit.FAILED
    assert "EXC-2" in {clause for each in findings for clause in each["clauses"]}
    assert all(each["repeats"] and each["file"].startswith("explored/") for each in findings)
    assert (last["type"], last["examples"], last["findings"]) == ("explored", 60, len(findings))


def test_a_system_that_offers_nothing_is_inconclusive(capsys, monkeypatch):
    monkeypatch.setattr(benches, "EVERYTHING", Capabilities(acts=(), steered_clock=True))
    assert main(["conform", "urban", "--sut", "builtin-virtual", "--explore", "5", "--lang", "en"]) == Exit.INCONCLUSIVE
    assert "implement at least one of" in capsys.readouterr().err


def test_without_hypothesis_the_missing_package_is_named(capsys, monkeypatch):
    right = builtins.__import__

    def importing(name: str, *rest: Any) -> Any:
        if name == "hypothesis":
            raise ModuleNotFoundError(name="hypothesis")
        return right(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)
    for language, sentence in (
        ("en", "run pip install 'duijie[explore]'"),
        ("zh", "请运行 pip install 'duijie[explore]'"),
    ):
        assert main(["conform", "urban", "--explore", "5", "--lang", language]) == Exit.CONFIGURATION
        assert sentence in capsys.readouterr().err


@pytest.mark.live
def test_our_own_bridge_is_explored_over_soap(capsys):
    code, said = explored(capsys, "bridge", "--sut", "builtin", "--explore", "2", "--seed", "4")
    assert code == Exit.OK
    assert "2 stories: 0 found" in said


# ── scenario files as checks ────────────────────────────────────────────────────────────────────────

OWN = """
format: "1.0"
title: {zh: 我的故事, en: My story}
clauses: [INT-6, INT-1]
steps:
  - given: {case: c1, at: closed}
  - expect: {case: c1, urban: {status: closed}}
"""


def test_a_scenario_file_is_a_check_of_the_users_own(capsys, tmp_path):
    (tmp_path / "mine.yaml").write_text(OWN, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(OWN.replace("status: closed", "status: open"), encoding="utf-8")
    arguments = ["--sut", "builtin-virtual", "--scenario", str(tmp_path), "--seed", "2", "--json"]
    assert main(["conform", "urban", *arguments]) == Exit.FAILED
    mine, wrong = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (mine["id"], mine["verdict"]) == ("own/mine/urban", "pass")
    assert (wrong["id"], wrong["verdict"], wrong["clause"]) == ("own/wrong/urban", "fail", "INT-6")
    assert f"--scenario {tmp_path}/wrong.yaml --seed 2" in wrong["repeat"]


@pytest.mark.parametrize(
    ("files", "role", "said"),
    [
        ({"a.yaml": OWN.replace("clauses", "wiring: [bridged]\nclauses")}, "urban", "the wiring direct is needed"),
        ({"a.yaml": "steps: []"}, "urban", "a.yaml:1:1: 'format' is missing"),
        ({"a/x.yaml": OWN, "b/x.yaml": OWN}, "urban", "have the same name"),
        ({}, "urban", "there is no file or folder"),
    ],
    ids=["wiring", "invalid", "twice", "nowhere"],
)
def test_a_file_that_cannot_be_a_check_is_told(files, role, said, capsys, tmp_path):
    folder = tmp_path / "own"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    arguments = ["--sut", "builtin-virtual", "--scenario", str(folder), "--lang", "en"]
    assert main(["conform", role, *arguments]) == Exit.CONFIGURATION
    assert said in capsys.readouterr().err


def test_stories_are_drawn_from_the_seed_and_not_from_what_else_is_loaded(monkeypatch):
    class Loaded:
        def __get__(self, *_):
            pytest.fail("constants of loaded modules were looked at")

    monkeypatch.setattr(providers.HypothesisProvider, "_local_constants", Loaded())
    explorer = Explorer(Bench(Party.URBAN), 20, SEED, None)
    assert list(explorer.run()) == []
