"""Judging as traffic passes comes to the same as judging it afterwards, and a message costs the same however many passed before it."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.observe import watch as watching
from conformance.observe.watch import Watch
from conformance.oracle.judge import judge
from conformance.oracle.rules.rcpt_1 import patience
from conformance.oracle.trace import Record, Recording, Trace, when
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.virtual import VirtualStage

LIBRARY = Path(__file__).parents[3] / "scenarios"
TOPICS = ("duplicates", "lifecycle", "query", "receipts", "transfer")
STORIES = [path for topic in TOPICS for path in find_files([LIBRARY / topic])]


@cache
def recorded(path: Path, wiring: Wiring) -> tuple[list[Record], Profile]:
    """What a listener would have kept of a story."""
    profiles: list[Profile] = []

    def make(profile, *more, **how):
        profiles.append(profile)
        return VirtualStage(profile, *more, **how)

    trace = play(load_scenario(path, LIBRARY), wiring, make, seed=1).trace
    calls = {r["call"] for r in trace.of_type("call") if not r.get("injected")}
    kept = [r for r in trace if r["type"] in ("call", "answer") and r["call"] in calls]
    return [r | {"n": n} for n, r in enumerate(kept, 1)], profiles[-1]


def hops(records: list[Record]) -> frozenset[tuple[str, str]]:
    return frozenset((r["from"], r["to"]) for r in records if r["type"] == "call")


@pytest.mark.parametrize(
    ("path", "wiring"),
    [(path, wiring) for path in STORIES for wiring in load_scenario(path, LIBRARY).wirings],
    ids=lambda value: value.stem if isinstance(value, Path) else value.value,
)
def test_what_is_judged_as_it_passes_comes_to_what_is_judged_afterwards(path, wiring):
    records, profile = recorded(path, wiring)
    if not records:
        return
    until = when(records[-1]) + timedelta(hours=2)
    watch = Watch(profile, hops(records))
    told = []
    for place, record in enumerate(records):
        watch.add(record)
        if place % 5 == 0:
            told += watch.judge_new(when(record))
    told += watch.judge_new(until, everything=True)

    whole = Trace(records, at_rest=False)
    whole.recording = Recording(hops=hops(records), until=until, quiet_after=patience(profile, 1))
    afterwards = judge(whole, profile)
    assert {v.clause: v.outcome for v in watch.verdicts()} == {v.clause: v.outcome for v in afterwards}
    assert told == []


def later(records: list[Record], number: int, n: count, calls: count, begin: datetime) -> Iterator[Record]:
    """The same life as that of another case, at another time."""
    case = next(r["case_number"] for r in records if r["type"] == "call")
    text = json.dumps(records).replace(case, f"340202-20260302-{number:06d}").replace("T20260302-", f"T{number}-")
    known: dict[int, int] = {}
    shift = begin - when(records[0])
    for record in json.loads(re.sub(r"urn:uuid:[0-9a-f]{8}", f"urn:uuid:{number:08x}", text)):
        record["at"] = (when(record) + shift).isoformat()
        if "description" in record.get("form", {}):
            record["form"]["description"] += f" {number}"
        if record["call"] not in known:
            known[record["call"]] = next(calls)
        yield record | {"n": next(n), "call": known[record["call"]]}


LIFE = LIBRARY / "lifecycle" / "one-rejection-then-closed.yaml"


def test_ten_thousand_messages_cost_each_the_same_and_what_is_at_rest_is_let_go():
    records, profile = recorded(LIFE, Wiring.BRIDGED)
    n, calls = count(1), count(1)
    watch = Watch(profile, hops(records))
    costs, messages, told = [], 0, 0
    at = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
    for number in range(1, 211):
        began = time.process_time()
        for place, record in enumerate(later(records, number, n, calls, at)):
            watch.add(record)
            messages += record["type"] == "call"
            if place % 20 == 0:
                told += len(watch.judge_new(when(record)))
        costs.append(time.process_time() - began)
        at += timedelta(minutes=5)
    watch.judge_new(at, everything=True)

    assert messages >= 10_000
    assert told == 0
    verdicts = {v.clause: v for v in watch.verdicts()}
    assert verdicts["RCPT-1"].kept == messages // 2
    assert verdicts["XCHG-1"].kept == messages
    assert watch.following < 10
    # The first lives warm everything up; a cost that grew with what passed before would be many times as high at the end.
    assert sum(costs[-60:]) < 2.5 * sum(costs[30:90])


def test_a_breach_is_told_once_when_it_shows():
    records, profile = recorded(LIFE, Wiring.DIRECT)
    gone = {r["call"] for r in records if r.get("form_type") == "dispatch"}
    watch = Watch(profile, hops(records))
    told = []
    for record in records:
        if record["call"] not in gone:
            watch.add(record)
            told += watch.judge_new(when(record))
    told += watch.judge_new(when(records[-1]), everything=True)

    # Once for each of the two times that the case enters disposal.
    assert [(breach.rule.clause, breach.violation.blame) for breach in told] == [("URBAN-2", "urban")] * 2


def test_when_too_many_are_under_way_the_longest_silent_are_let_go_and_a_late_word_is_not_a_new_life(monkeypatch):
    monkeypatch.setattr(watching, "FOLLOWED_RECORDS", 300)
    records, profile = recorded(LIFE, Wiring.DIRECT)
    half = records[: len(records) // 2]
    n, calls = count(1), count(1)
    watch = Watch(profile, hops(records))
    at = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
    lives = [list(later(records, number, n, calls, at)) for number in range(1, 31)]
    told = []
    for life in lives:
        for record in life[: len(half)]:
            watch.add(record)
        told += watch.judge_new(at)
    for record in lives[0][len(half) :]:
        watch.add(record)
    told += watch.judge_new(at, everything=True)

    assert watch.let_go_early > 0
    assert watch.heard_after_the_end > 0
    assert [breach for breach in told if breach.rule.clause not in ("INT-2", "XCHG-1")] == []


def test_the_codes_of_a_city_without_a_profile_are_those_that_most_messages_use():
    records, profile = recorded(LIFE, Wiring.DIRECT)
    renamed = json.loads(json.dumps(records).replace("wuhu-grid", "hefei-sheguan"))
    learning, strict = (Watch(profile, hops(records), own_codes=own) for own in (False, True))
    for watch in (learning, strict):
        for record in renamed:
            watch.add(record)

    assert learning.judge_new(when(records[-1]), everything=True) == []
    assert {breach.rule.clause for breach in strict.judge_new(when(records[-1]), everything=True)} == {"XCHG-1"}
