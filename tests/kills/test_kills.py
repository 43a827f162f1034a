"""A few of the rounds that `tox -e kills` plays by the hundred: after kills of every party, at steps and at random, the books agree."""

import os
from pathlib import Path

import pytest
from fuse import AFTER, BEFORE, Fuse
from rounds import Outcome, Random, Round, Sweep, play

from bridge.vocabulary.parties import Party

pytestmark = pytest.mark.live

ROUNDS: list[tuple[Round, int]] = [
    (Sweep("rejected", Party.BRIDGE, 21, range(7, 11), enough=8), 8),
    (Sweep("twins", Party.GRID, 21, range(5, 9), enough=3), 3),
    (Sweep("plain", Party.URBAN, 21, range(11, 15), "query", enough=3), 3),
    (Random(17, 9, "receipts in the response"), 9),
]


@pytest.mark.parametrize(("round_", "kills"), ROUNDS, ids=[each.name for each, _ in ROUNDS])
def test_the_books_agree_after_kills(round_: Round, kills: int) -> None:
    outcome = play(round_)
    assert outcome.trouble is None
    assert [finding.text("en") for finding in outcome.findings] == []
    assert outcome.deaths.total >= kills
    if isinstance(round_, Sweep):
        assert {party for party, _ in outcome.deaths.by_step} == {round_.victim}
        # The step at which it died is known, so it was the fuse that killed it.
        assert "any moment" not in {step for _, step in outcome.deaths.by_step}


def test_a_round_that_goes_wrong_says_so_and_keeps_its_files() -> None:
    class Wrong:
        name = "wrong"

        def play(self, folder: Path, outcome: Outcome) -> None:
            (folder / "bridge.db").write_bytes(b"")
            raise TimeoutError("not over")

    outcome = play(Wrong())
    assert outcome.trouble is not None
    assert outcome.trouble.startswith("TimeoutError: not over (see ")
    folder = Path(outcome.trouble.partition("see ")[2].rstrip(")"))
    (folder / "bridge.db").unlink()
    folder.rmdir()


def test_a_fuse_burns_down_at_exactly_the_step_it_was_lit_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    struck: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, signal: struck.append(signal))
    ours, theirs = Fuse(tmp_path / "fuse"), Fuse(tmp_path / "fuse")
    theirs.burn("a", BEFORE)
    assert struck == []
    ours.light(2, AFTER)
    for step in ("b", "c"):
        theirs.burn(step, BEFORE)
        theirs.burn(step, AFTER)
    assert struck == [9]
    assert ours.take_step() == "c, after"
    assert ours.take_step() is None
    assert ours.passed == 5
