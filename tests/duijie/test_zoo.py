"""The judge is judged: every member of the zoo is found out by something that names its clause."""

from pathlib import Path

import pytest

from bridge.vocabulary.parties import Party
from conformance.scenario.steps import Wiring
from conformance.zoo import Member, members
from duijie.live import LiveStage
from duijie.virtual import VirtualStage
from duijie.zoo import Result, cast_with, first_kill, may_differ, meet, page, play_all, stories, toothless, wirings_for

ROOT = Path(__file__).parents[2]
MEMBERS = {each.id: each for each in members()}
STORIES = {each.id: each for each in stories()}


@pytest.mark.parametrize("each", MEMBERS.values(), ids=lambda each: each.id)
def test_a_member_is_killed_by_a_scenario_that_names_its_clause(each: Member) -> None:
    assert first_kill(each) is not None


@pytest.mark.parametrize("party", ["grid", "bridge", "urban"])
def test_a_member_keeps_its_part_over_a_restart(party: str) -> None:
    each = MEMBERS[f"{party}-forgets-receipts"]
    stage = VirtualStage(STORIES["lifecycle/the-first-case"].profile, Wiring.BRIDGED, cast=cast_with(each))
    stage.restart(Party(party))
    number = stage.act(
        Party.GRID, "worker.report", {"category": "01", "subcategory": "02", "description": "路边垃圾堆放"}
    )["case"]
    stage.act(Party.GRID, "workstation.hand_over", {"case": number})
    stage.settle()
    if party == "grid":
        stage.act(Party.URBAN, "operator.file", {"case": number})
        stage.settle()

    unanswered = [s for s in stage.trace.sendings() if s.to == party and s.effective is None]
    assert unanswered != []


def test_a_bridge_plays_only_where_there_is_one() -> None:
    story = STORIES["lifecycle/the-first-case"]

    assert wirings_for(MEMBERS["bridge-forgets-receipts"], story) == (Wiring.BRIDGED,)
    assert wirings_for(MEMBERS["grid-forgets-receipts"], story) == story.wirings


def test_a_kill_names_the_clause_or_does_not_count_for_it() -> None:
    """A grid platform that forgets receipts fails this story too, but the story says nothing about receipts."""
    found = meet(
        MEMBERS["grid-forgets-receipts"], STORIES["verification/the-default-verifier-can-be-changed"], Wiring.DIRECT
    )

    assert found.result is Result.KILLED
    assert "RCPT-1" not in STORIES[found.scenario].clauses
    assert not found.named


@pytest.mark.parametrize(
    "member_id",
    [
        "urban-never-parks",
        "grid-closes-its-own-cases-unverified",
        "bridge-forgets-receipts",
        "urban-takes-any-ordinal-of-rejection",
    ],
)
def test_a_run_that_need_not_be_played_is_survived(member_id: str) -> None:
    each = MEMBERS[member_id]
    runs = [(story, wiring) for story in STORIES.values() for wiring in wirings_for(each, story)][::9]
    skipped = [(story, wiring) for story, wiring in runs if not may_differ(each, story, wiring)]

    assert len(runs) > len(skipped)
    assert {meet(each, story, wiring).result for story, wiring in skipped} <= {Result.SURVIVED}


def test_a_member_that_differs_from_its_first_moment_is_always_played() -> None:
    assert all(
        may_differ(MEMBERS["bridge-loses-its-outbox-at-a-restart"], s, Wiring.BRIDGED)
        for s in list(STORIES.values())[:5]
    )
    assert all(
        may_differ(MEMBERS["urban-files-again-at-the-third"], s, Wiring.DIRECT)
        for s in list(STORIES.values())[:5]
        if Wiring.DIRECT in s.wirings
    )


@pytest.mark.live
@pytest.mark.parametrize(
    ("member_id", "scenario"),
    [
        ("grid-closes-unverified", "verification/nobody-closes-before-verification"),
        ("urban-compares-descriptions-only", "duplicates/other-photos-make-another-case"),
        ("urban-forgets-the-count-at-a-restart", "rejection/the-count-survives-a-restart-of-either-side"),
        ("bridge-loses-its-outbox-at-a-restart", "restart/the-bridge-after-it-took-a-form"),
        ("bridge-lets-late-withdrawals-through", "withdrawal/the-bridge-stops-a-withdrawal-after-filing"),
    ],
)
def test_a_member_is_killed_over_real_soap_as_in_virtual_time(member_id: str, scenario: str) -> None:
    story = STORIES[scenario]
    for stage in (VirtualStage, LiveStage):
        found = meet(MEMBERS[member_id], story, story.wirings[0], stage)
        assert found.result is Result.KILLED, found.detail
        assert found.named


@pytest.mark.whole_zoo
def test_the_kill_matrix_is_whole_and_its_page_is_current() -> None:
    matrix = play_all()

    assert [m for m in matrix if m.result is Result.UNJUDGED] == []
    assert {m.member for m in matrix if m.named} == set(MEMBERS)
    assert [check.id for check in toothless(matrix)] == []
    assert (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8") == page(matrix), (
        "run: python -m duijie.zoo docs/zoo.md"
    )
