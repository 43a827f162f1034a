"""What the fixtures of the pytest plug-in hand out; imported when the first of them is asked for."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from conformance.scenario.events import Run
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.console_text import choose_language, say
from duijie.exits import UserMistake
from duijie.library import library_folder
from duijie.live import LiveStage
from duijie.lone import LoneSimulator
from duijie.pair import on_free_port
from duijie.profiles_io import read_profile
from duijie.replay import stage_maker
from duijie.telling import LiveStory, Narration, StoryFailed
from located_yaml import DocumentInvalid


def story(request: pytest.FixtureRequest, *, bridged: bool) -> Iterator[LiveStory]:
    """The pair for as long as a test lasts."""
    with _in_words():
        told = LiveStory(
            partial(LiveStage, control_ports=True),
            Wiring.BRIDGED if bridged else Wiring.DIRECT,
            _profile(request),
            name=request.node.name,
            path=str(request.path),
            repeat=f"pytest {shlex.quote(request.node.nodeid)}",
            language=choose_language(None),
        )
    with told:
        yield told
        if told.is_open:
            with _in_words():
                told.judge()


def lone(request: pytest.FixtureRequest, side: str) -> Iterator[LoneSimulator]:
    """One simulator for as long as a test lasts."""
    profile = _profile(request)
    if request.getfixturevalue("duijie_profile") is None:
        # Nobody is told where the example's other platform listens: a place of its own keeps two tests apart.
        far = Side(side).other
        there = on_free_port(profile.platform(far).endpoint)
        moved: dict[str, Any] = {far.value: replace(profile.platform(far), endpoint=there)}
        profile = replace(profile, **moved)
    with _in_words():
        simulator = LoneSimulator(Side(side), profile)
    with simulator:
        yield simulator


def scenario_player(request: pytest.FixtureRequest) -> Callable[..., Sequence[Run]]:
    """See the fixture `duijie_scenario`."""

    def play_file(path: str | Path, *, wiring: str | None = None, seed: int = 1, live: bool = False) -> Sequence[Run]:
        language = choose_language(None)
        with _in_words():
            scenario = load_scenario(_found(request, Path(path)))
            wanted = scenario.wirings if wiring is None else (Wiring(wiring),)
            runs = []
            for each in wanted:
                narration = Narration(language)
                run = play(scenario, each, stage_maker(live), seed=seed, listeners=(narration.listener,))
                if not run.passed:
                    pytest.fail(narration.text, pytrace=False)
                runs.append(run)
        return runs

    return play_file


def _found(request: pytest.FixtureRequest, path: Path) -> Path:
    tried = (request.path.parent / path, request.config.rootpath / path, library_folder() / path)
    for file in tried:
        if file.is_file():
            return file
    listed = ", ".join(str(file) for file in tried)
    raise UserMistake(f"没有场景 {path},已找过:{listed}", f"there is no scenario {path}; looked for {listed}")


def _profile(request: pytest.FixtureRequest) -> Profile:
    given = request.getfixturevalue("duijie_profile")
    if isinstance(given, Profile):
        return given
    with _in_words():
        return read_profile(None if given is None else Path(given))


@contextmanager
def _in_words() -> Iterator[None]:
    """What people can put right, and a story that failed, are told in their own words and without a traceback."""
    try:
        yield
        return
    except UserMistake as mistake:
        said = mistake.text(choose_language(None))
    except DocumentInvalid as invalid:
        said = UserMistake.in_file(invalid).text(choose_language(None))
    except StoryFailed as failed:
        said = say(choose_language(None), "测试通过,但条款未守:", "the test passed, but a clause was broken:")
        said = f"{said}\n{failed}"
    pytest.fail(said, pytrace=False)
