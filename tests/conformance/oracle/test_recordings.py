"""A recording from the wire lacks what went before it, what came after it, and what nobody listened to; that is nobody's breach."""

import random
from functools import cache
from pathlib import Path

import pytest

from bridge.vocabulary.profile import Profile
from conformance.oracle.judge import Judgement, judge
from conformance.oracle.rules.rcpt_1 import patience
from conformance.oracle.trace import Record, Recording, Trace
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from duijie.virtual import VirtualStage

from .stories import HAND_OVER, OTHER, PROFILE, Story, uuid

LIBRARY = Path(__file__).parents[3] / "scenarios"
TOPICS = (
    "delivery",
    "duplicates",
    "extension_return",
    "lifecycle",
    "query",
    "receipts",
    "rejection",
    "restart",
    "withdrawal",
)
STORIES = [path for topic in TOPICS for path in find_files([LIBRARY / topic])]
CUTS = 3


def recorded(records: list[Record], profile: Profile, *, hops: list[tuple[str, str]] | None = None) -> Trace:
    """What a listener on the wire would have kept of these records."""
    calls = {r["call"] for r in records if r["type"] == "call" and not r.get("injected")}
    kept = [r for r in records if r["type"] in ("call", "answer") and r["call"] in calls]
    trace = Trace([r | {"n": n} for n, r in enumerate(kept, 1)], at_rest=False)
    heard = {(r["from"], r["to"]) for r in kept if r["type"] == "call"}
    until = trace.end_at
    if until is not None:
        trace.recording = Recording(hops=frozenset(hops or heard), until=until, quiet_after=patience(profile, 1))
    return trace


@cache
def runs(path: Path) -> list[tuple[Trace, Profile]]:
    scenario = load_scenario(path, LIBRARY)
    found: list[tuple[Trace, Profile]] = []

    def make(profile, *more, **how):
        found.append((Trace(), profile))
        return VirtualStage(profile, *more, **how)

    for wiring in scenario.wirings:
        run = play(scenario, wiring, make, seed=1)
        assert run.passed
        found[-1] = run.trace, found[-1][1]
    return found


def accused(records: list[Record], profile: Profile) -> list[str]:
    verdicts = judge(recorded(records, profile), profile) if records else ()
    return [f"{v.clause}: {v.seen_en}" for v in verdicts if v.failed]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_wherever_a_recording_of_an_innocent_pair_begins_and_ends_it_accuses_nobody(path):
    chance = random.Random(path.stem)
    for trace, profile in runs(path):
        assert accused(trace.records, profile) == []
        for _ in range(CUTS):
            begin = chance.randrange(len(trace))
            end = chance.randrange(begin, len(trace) + 1)
            assert accused(trace.records[begin:], profile) == []
            assert accused(trace.records[:end], profile) == []
            assert accused(trace.records[begin:end], profile) == []


@pytest.mark.parametrize("path", STORIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_whichever_hop_nobody_listened_to_the_recording_accuses_nobody(path):
    for trace, profile in runs(path):
        calls = trace.of_type("call")
        for hop in {(call["from"], call["to"]) for call in calls}:
            there = {call["call"] for call in calls if (call["from"], call["to"]) == hop}
            assert accused([r for r in trace if r.get("call") in there], profile) == []
            assert accused([r for r in trace if r.get("call") not in there], profile) == []


def verdict(story: Story, clause: str, **how):
    trace = recorded(story.trace.records, PROFILE, **how)
    return next(v for v in judge(trace, PROFILE) if v.clause == clause)


BOTH_WAYS = [("grid", "urban"), ("urban", "grid")]


def test_a_dispatch_without_a_filing_is_a_breach_only_of_a_case_followed_from_its_hand_over():
    whole = Story()
    whole.hand_over()
    whole.dispatch()
    late = Story()
    late.dispatch()

    assert verdict(whole, "URBAN-2", hops=BOTH_WAYS).outcome is Judgement.FAIL
    assert verdict(late, "URBAN-2", hops=BOTH_WAYS).outcome is Judgement.NOT_SEEN


def test_a_missing_receipt_is_a_breach_once_its_case_has_been_silent_for_long():
    story = Story()
    story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "acknowledged")
    soon = verdict(story, "RCPT-1", hops=BOTH_WAYS)
    story.wait(hours=1)
    story.hand_over(case=OTHER)
    late = verdict(story, "RCPT-1", hops=BOTH_WAYS)

    assert soon.outcome is Judgement.NOT_SEEN
    assert (late.outcome, late.blame) == (Judgement.FAIL, "urban")
    assert verdict(story, "RCPT-1", hops=[("grid", "urban")]).outcome is Judgement.NOT_SEEN


def test_something_unreadable_keeps_the_cases_under_way_from_rules_that_ask_for_what_is_missing():
    story = Story()
    story.hand_over()
    story.add("unread", detail="a body that nobody could read")
    story.dispatch()
    trace = recorded(story.trace.records, PROFILE, hops=BOTH_WAYS)
    trace.records[:] = [r | {"n": n} for n, r in enumerate(story.trace.records, 1) if r["type"] != "act"]

    verdicts = {v.clause: v for v in judge(trace, PROFILE)}

    assert verdicts["URBAN-2"].outcome is Judgement.NOT_SEEN
    assert verdicts["XCHG-3"].outcome is Judgement.PASS


def test_one_hasty_repetition_may_be_a_person_s_and_a_second_is_none_s():
    def sent(times: int) -> Story:
        story = Story()
        for attempt in range(1, times + 1):
            story.answer(
                story.call("grid", "urban", "handOver", id_=uuid(7), attempt=attempt, **HAND_OVER), "unanswered"
            )
        return story

    assert verdict(sent(2), "RCPT-5", hops=BOTH_WAYS).outcome is Judgement.NOT_SEEN
    assert verdict(sent(3), "RCPT-5", hops=BOTH_WAYS).outcome is Judgement.FAIL


def test_a_form_that_overtakes_one_whose_receipt_is_not_even_due_is_a_breach_and_a_later_one_may_be_a_person_s():
    def overtaken(after_seconds: float) -> Story:
        story = Story()
        story.answer(story.call("grid", "urban", "handOver", **HAND_OVER), "acknowledged")
        story.wait(seconds=after_seconds)
        story.up("supplement", note="x", supplementedAt=story.iso())
        return story

    assert verdict(overtaken(5), "RCPT-4", hops=BOTH_WAYS).blame == "grid"
    assert verdict(overtaken(3600), "RCPT-4", hops=BOTH_WAYS).outcome is Judgement.NOT_SEEN


def test_a_duplicate_of_a_case_from_before_the_recording_cannot_be_compared():
    story = Story()
    story.hand_over()
    story.down(
        "filingResult",
        outcome="declined",
        declineReason="duplicate",
        reason="x",
        originalCaseNumber=OTHER,
        decidedAt=story.iso(),
        decidedBy="x",
        filingOrdinal=1,
    )

    assert verdict(story, "EXC-1", hops=BOTH_WAYS).outcome is Judgement.NOT_SEEN
    assert next(v for v in judge(story.trace, PROFILE) if v.clause == "EXC-1").outcome is Judgement.FAIL
