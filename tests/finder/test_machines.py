"""The quick profile of every machine, and the whole way from a planted defect to a file that a replay finds red."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from facts import FACTS
from machines import MACHINES, Hunt, Machine

from bridge.vocabulary.parties import Party
from conformance.clauses import clauses
from conformance.scenario.events import Outcome
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.zoo import members
from duijie.cli import main
from duijie.exits import Exit
from duijie.replay import stage_maker

HERE = Path(__file__).parent
REGRESSIONS = HERE.parents[1] / "scenarios" / "regressions"
MEMBERS = {each.id: each for each in members()}
BY_NAME = {machine.name: machine for machine in MACHINES}
#: What the model may not see: it is to be written from the clauses alone.
SEEN_BY_NO_MODEL = ("bridge.rules", "bridge.core", "bridge.wire", "bridge.stores", "simulators", "duijie")


@pytest.mark.parametrize("machine", MACHINES, ids=[machine.name for machine in MACHINES])
def test_the_right_parties_keep_every_fact(machine: Machine):
    found = list(machine.hunts(Hunt(folder=REGRESSIONS)))
    assert not found, f"{found[0].clause} {found[0].fact}\n{found[0].text}\nrepeat: {found[0].repeat}"


@pytest.mark.parametrize(
    ("machine", "member"),
    [
        ("delivery", "bridge-takes-late-receipts"),
        ("life", "bridge-lets-old-task-numbers-through"),
        ("duplicates", "bridge-compares-descriptions-only"),
        ("query", "bridge-loses-a-case-between-pages"),
        ("stores", "bridge-loses-its-outbox-at-a-restart"),
        ("interleaved", "bridge-serves-one-case-at-a-time"),
        ("pair", "bridge-mirrors-one-way-only"),
        ("direct", "urban-files-again-at-the-third"),
        ("twins", "bridge-rewrites-the-source"),
    ],
)
def test_each_machine_finds_a_wrong_party(machine, member):
    found = next(BY_NAME[machine].hunts(Hunt(planted=MEMBERS[member], shrink=False)))
    assert found.fact
    assert found.clause in clauses()
    assert f"--machine {machine} --seed 1 --times 1 --planted {member}" in found.repeat


def test_a_defect_of_a_platform_is_nothing_for_a_bridge_on_a_bench():
    assert list(BY_NAME["delivery"].hunts(Hunt(planted=MEMBERS["grid-cancels-a-filed-case"]))) == []


def test_what_a_bench_machine_finds_is_told_as_steps_in_its_own_words():
    (found,) = BY_NAME["delivery"].hunts(Hunt(planted=MEMBERS["bridge-forgets-receipts"]))
    assert (found.clause, found.fact) == ("RCPT-1", "a form's sender is given its one receipt")
    assert "state.two_cases_are_handed_over(" in found.text
    assert len(found.text.splitlines()) < 20


def test_the_same_seed_finds_the_same():
    hunt = Hunt(planted=MEMBERS["urban-files-again-at-the-third"], seed=4)
    first, second = (next(BY_NAME["direct"].hunts(hunt)) for _ in range(2))
    assert first == second


def test_a_planted_defect_goes_from_the_finder_to_a_file_to_a_replay(tmp_path, capsys):
    """Nobody edits anything on the way; with the right parties the same file holds."""
    member = "grid-cancels-a-filed-case"
    command = [
        sys.executable,
        str(HERE),
        "--planted",
        member,
        "--machine",
        "direct",
        "--seed",
        "5",
        "--into",
        str(tmp_path),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == Exit.FAILED, found.stderr
    path = next(tmp_path.glob("*.yaml"))
    assert f"duijie replay {path} --planted {member}" in found.stdout

    scenario = load_scenario(path)
    assert scenario.clauses[0] == "EXC-2"
    assert "EXC-2" in scenario.title("zh")
    assert "workstation.cancel should have been refused (already_filed)" in scenario.title("en")

    assert main(["replay", str(path), "--planted", member, "--lang", "en"]) == Exit.FAILED
    assert f"--planted {member}" in capsys.readouterr().out
    assert main(["replay", str(path), "--lang", "en"]) == Exit.OK


def test_a_difference_between_the_pairs_ends_the_file_as_an_expectation(tmp_path):
    hunt = Hunt(planted=MEMBERS["bridge-drops-attachments"], folder=tmp_path, shrink=False)
    found = next(BY_NAME["twins"].hunts(hunt))
    assert found.path is not None
    scenario = load_scenario(found.path)
    wrong = play(scenario, scenario.wirings[0], stage_maker(False, "bridge-drops-attachments"))
    assert wrong.outcome is Outcome.FAIL
    assert play(scenario, scenario.wirings[0], stage_maker(False)).passed


def test_a_member_that_there_is_none_of_is_a_mistake(capsys, tmp_path):
    path = tmp_path / "any.yaml"
    path.write_text("", encoding="utf-8")
    story = HERE.parents[1] / "scenarios" / "lifecycle"
    assert main(["replay", str(story), "--planted", "nobody", "--lang", "en"]) == Exit.CONFIGURATION
    assert "no member of the zoo is called nobody" in capsys.readouterr().err


def test_every_fact_stands_under_a_clause():
    assert set(FACTS.values()) <= set(clauses())


@pytest.mark.parametrize("module", ["law", "bridge_model"])
def test_a_model_has_never_seen_what_it_is_held_against(module):
    tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in imported if name.startswith(SEEN_BY_NO_MODEL)]


def test_every_machine_looks_at_some_party():
    assert {party for machine in MACHINES for party in machine.parties} == set(Party)
