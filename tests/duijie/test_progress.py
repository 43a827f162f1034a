"""The bar of a long replay is for people who wait: on a terminal, and only when it takes long."""

import io
from pathlib import Path

import pytest
from rich.console import Console

import duijie.replay as replay
from conformance.scenario.load import load_all
from conformance.scenario.steps import Wiring
from duijie.narrate import Timeline
from duijie.replay import ReplayOptions

ROOT = Path(__file__).parents[2]
STORIES = load_all([ROOT / "scenarios" / "transfer"])


@pytest.mark.parametrize(
    ("terminal", "after_seconds", "shown"), [(True, 0.0, True), (True, 3600.0, False), (False, 0.0, False)]
)
def test_the_bar_is_shown_on_a_terminal_when_the_replay_takes_long(monkeypatch, terminal, after_seconds, shown):
    monkeypatch.setattr(replay, "PROGRESS_AFTER_SECONDS", after_seconds)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    todo = [(story, Wiring.DIRECT) for story in STORIES if Wiring.DIRECT in story.wirings]

    replay._play_all(todo, ReplayOptions(language="en"), Timeline(console, "en", brief=True), console)

    assert len(todo) > replay.TELL_WHOLE_MAX
    assert ("replaying" in out.getvalue()) is shown
    assert ("\x1b" in out.getvalue()) is terminal
