"""A run judged while it grows: cases are let go, and what is said of them is what the whole trace says."""

from collections.abc import Iterable

import pytest

from conformance.oracle.judge import Judgement, Verdict, judge
from conformance.oracle.stream import BATCH, Stream
from conformance.oracle.trace import Record, Trace
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.library import library_folder
from duijie.profiles_io import read_profile
from duijie.virtual import VirtualStage

PROFILE = read_profile(None)
STORIES = ["lifecycle/one-rejection-then-closed", "rejection/eight-rejections-make-three-filings"]


@pytest.fixture(params=STORIES)
def trace(request) -> Trace:
    root = library_folder()
    return play(load_scenario(root / f"{request.param}.yaml", root), Wiring.BRIDGED, VirtualStage).trace


def streamed(records: Iterable[Record], finished: Iterable[str] = ()) -> dict[str, Verdict]:
    stream = Stream(PROFILE)
    for record in records:
        stream.add(record)
    for number in finished:
        stream.finish(number)
    return {verdict.clause: verdict for verdict in stream.verdicts(at_rest=True)}


def test_the_stream_says_what_the_judge_says(trace: Trace):
    # Notices and lists are said of no case in particular; the stream does not look at them.
    of_cases = [record for record in trace if record["type"] != "fact" or "case" in record["params"]]
    found = streamed(of_cases, trace.case_numbers())
    assert {clause: verdict.outcome for clause, verdict in found.items()} == {
        verdict.clause: verdict.outcome for verdict in judge(Trace(of_cases), PROFILE)
    }


def test_a_breach_in_a_case_that_was_let_go_is_remembered(trace: Trace):
    # The urban side closes without ever having been asked to verify.
    unasked = [record for record in trace if record.get("form_type") != "verificationRequest"]
    outcomes = {verdict.clause: verdict.outcome for verdict in judge(Trace(unasked), PROFILE)}
    assert outcomes["INT-4"] is Judgement.FAIL
    assert streamed(unasked, trace.case_numbers())["INT-4"].outcome is Judgement.FAIL


def test_what_is_said_after_the_end_is_counted_and_not_judged(trace: Trace):
    stream = Stream(PROFILE)
    number = trace.case_numbers()[0]
    for record in trace:
        stream.add(record)
    for _ in range(BATCH):
        stream.finish(number)
    calls = [record for record in trace if record["type"] == "call"]
    stream.add(calls[-1])
    assert stream.heard_after_the_end == 1


def test_duplicates_are_found_however_far_apart_their_cases_end():
    root = library_folder()
    story = root / "duplicates/a-duplicate-of-a-closed-case.yaml"
    trace = play(load_scenario(story, root), Wiring.BRIDGED, VirtualStage).trace
    stream = Stream(PROFILE)
    for record in trace:
        stream.add(record)
    for number in trace.case_numbers():
        for _ in range(BATCH):
            stream.finish(number)
    verdicts = {verdict.clause: verdict.outcome for verdict in stream.verdicts(at_rest=True)}
    assert verdicts["EXC-1"] is Judgement.PASS


def test_an_id_that_two_cases_share_is_found_after_the_first_was_let_go(trace: Trace):
    first = trace.of_type("call")[0]
    later = {"n": len(trace) + 1, "call": 9999, "case_number": "340202-20260302-009999"}
    other = first | later | {"form": first["form"] | {"caseNumber": later["case_number"]}}
    stream = Stream(PROFILE)
    for record in trace:
        stream.add(record)
    for _ in range(BATCH):
        stream.finish(trace.case_numbers()[0])
    stream.add(other)
    verdicts = {verdict.clause: verdict for verdict in stream.verdicts(at_rest=False)}
    assert verdicts["XCHG-1"].violations[0].records == (first["n"], other["n"])
