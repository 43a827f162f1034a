"""The runner proves itself: stories that must pass, that must fail as they say, and files that must be refused where they say."""

import re
from pathlib import Path

import pytest

from conformance.scenario.events import Outcome
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from duijie.virtual import VirtualStage
from located_yaml import DocumentInvalid

SELFTEST = Path(__file__).parents[3] / "scenarios" / "selftest"


def files(folder: str) -> list[Path]:
    return sorted((SELFTEST / folder).glob("*.yaml"))


def said(path: Path, pattern: str) -> re.Match[str]:
    match = re.fullmatch(pattern, path.read_text(encoding="utf-8").splitlines()[0])
    assert match is not None, f"{path.name} says on its first line what must happen"
    return match


@pytest.mark.parametrize("path", files("valid_pass"), ids=lambda p: p.stem)
def test_a_story_that_holds_passes_in_every_wiring(path: Path) -> None:
    scenario = load_scenario(path)
    for wiring in scenario.wirings:
        run = play(scenario, wiring, VirtualStage)
        assert run.outcome is Outcome.PASS, run.error or (run.failure and run.failure.en)


@pytest.mark.parametrize("path", files("valid_fail"), ids=lambda p: p.stem)
def test_a_story_that_does_not_hold_fails_with_the_named_expectation(path: Path) -> None:
    step, text = said(path, r"# must fail at step (\d+): (.*)").groups()
    scenario = load_scenario(path)
    for wiring in scenario.wirings:
        run = play(scenario, wiring, VirtualStage)
        assert run.outcome is Outcome.FAIL, run.error
        assert run.failure is not None
        assert run.failure.step is not None
        assert run.failure.step.number == int(step)
        assert text in run.failure.en
        assert run.failure.zh != run.failure.en


@pytest.mark.parametrize("path", files("invalid"), ids=lambda p: p.stem)
def test_a_file_that_cannot_be_played_is_refused_at_its_place(path: Path) -> None:
    line, column, text = said(path, r"# must report (\d+):(\d+): (.*)").groups()
    with pytest.raises(DocumentInvalid) as refused:
        load_scenario(path)
    at_place = [p.message_en for p in refused.value.problems if (p.line, p.column) == (int(line), int(column))]
    assert any(text in message for message in at_place), str(refused.value)


def test_a_run_of_the_library_leaves_the_selftest_out() -> None:
    assert all("selftest" not in path.parts for path in find_files([SELFTEST.parent]))
    assert list(find_files([SELFTEST / "invalid"])) == files("invalid")


def test_there_are_enough_of_each_kind() -> None:
    assert len(files("valid_pass")) >= 6
    assert len(files("valid_fail")) >= 10
    assert len(files("invalid")) >= 20
