"""What leaves the house names nobody and opens nothing, and the judge comes to the same verdicts on it."""

from datetime import datetime

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.check import Check
from conformance.checks.known import KnownFailure
from conformance.checks.result import Result, Text, Verdict
from conformance.drivers.attestation import Attestation
from conformance.evidence.mask import Mask, masked
from conformance.observe.envelope import HIDDEN
from conformance.oracle.judge import judge
from conformance.reports.report import Report
from conformance.scenario.load import loads_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.virtual import VirtualStage

STORY = """
format: "1.0"
title: {zh: 标题, en: title}
clauses: [INT-5]
check: {id: INT-5-90, judges: [urban]}
profile: {choices.auto_verifier: 自动核查岗}
steps:
  - given: {case: c1, at: verified}
  - expect: {case: c1, urban: {status: open}}
"""
SCENARIO = loads_scenario(STORY.replace("profile: {choices.auto_verifier: 自动核查岗}\n", ""))
MOMENT = datetime(2026, 3, 2, tzinfo=SHANGHAI)
RUN = play(SCENARIO, Wiring.DIRECT, VirtualStage, seed=1)


def report(result: Result) -> Report:
    return Report(
        run_id="r1",
        role=Party.URBAN,
        system="x",
        suite="0",
        seed=1,
        started_at=MOMENT,
        profile_fingerprint="0" * 64,
        results=[result],
    )


def test_the_same_person_has_the_same_sign_and_another_has_another():
    mask = Mask()
    found = mask.over({"reporterName": "王芳", "closedBy": "王芳", "verifier": "李雷"})
    assert found == {"reporterName": "‹person 1›", "closedBy": "‹person 1›", "verifier": "‹person 2›"}


def test_somebody_who_is_known_is_masked_wherever_the_name_is_written():
    mask = Mask()
    mask.learn({"reporterName": "王芳"})
    assert mask.text("来电人王芳称尚未清理") == "来电人‹person 1›称尚未清理"


@pytest.mark.parametrize("number", ["13800138000", "0553-5550101", "34020219900101123X"])
def test_numbers_of_people_are_masked_in_whatever_they_wrote(number):
    assert number not in Mask().text(f"请拨{number}。")


@pytest.mark.parametrize(
    "text",
    [
        "340202-20260302-000001",
        "urn:uuid:6f1c2a10-3b7d-4e58-9a41-138001380001",
        "T20260302-000001",
        "2026-03-02T09:00:00.138001+08:00",
        "a13800138000b",
        "340202001001001",
    ],
)
def test_ids_and_moments_stay(text):
    assert Mask().text(text) == text


def test_the_name_of_a_thing_stays_and_that_of_a_contact_does_not():
    shown = Mask().over(
        {"attachments": [{"name": "a.png"}], "seats": [{"duty": "grid_side", "name": "许宁", "phone": "1"}]}
    )
    assert shown["attachments"][0]["name"] == "a.png"
    assert shown["seats"][0] == {"duty": "grid_side", "name": "‹person 1›", "phone": "‹number 1›"}


def test_secrets_are_masked_everywhere_even_in_names_of_fields():
    mask = Mask(secrets=["opensesame"])
    assert mask.over({"opensesame": ["it was opensesame"]}) == {HIDDEN: [f"it was {HIDDEN}"]}


def test_the_default_verifier_is_nobody():
    assert Mask(spared={"系统自动核查"}).over({"handler": "系统自动核查"}) == {"handler": "系统自动核查"}


def test_people_in_an_envelope_are_masked_and_the_rest_stays_to_the_letter():
    envelope = "<a:e xmlns:a='u'><reporterName >王芳</reporterName ><note>王芳 13800138000</note><b  c='1'/></a:e>"
    shown = Mask().over({"envelope": envelope})["envelope"]
    assert (
        shown
        == "<a:e xmlns:a='u'><reporterName >‹person 1›</reporterName ><note>‹person 1› ‹number 1›</note><b  c='1'/></a:e>"
    )


def test_an_envelope_that_cannot_be_taken_apart_is_left_out():
    assert Mask().over({"envelope": "<a>王芳"}) == {"envelope": HIDDEN}


def test_a_masked_run_names_nobody_and_is_judged_as_before():
    result = Result(check=Check(SCENARIO, Party.URBAN), verdict=Verdict.PASS, run=RUN)
    mask = Mask(spared={SCENARIO.profile.choices.auto_verifier})
    shown = masked(report(result), mask).results[0].run
    names = {
        record["form"]["reporterName"]
        for record in RUN.trace.of_type("call")
        if "reporterName" in (record.get("form") or {})
    }
    assert names
    assert not any(name in shown.trace.to_lines() for name in names)
    assert [v.outcome for v in judge(shown.trace, SCENARIO.profile)] == [v.outcome for v in RUN.verdicts]


def test_what_a_result_says_is_masked_too():
    known = KnownFailure(check="INT-1", reason="王芳", owner="13800138000", until=MOMENT.date(), message="王芳")
    result = Result(
        check=Check(SCENARIO, Party.URBAN),
        verdict=Verdict.FAIL,
        reason=Text("13800138000", "13800138000"),
        expected={"handler": "王芳"},
        received="王芳",
        evidence=tuple(RUN.trace.records[:1]),
        notes=(Text("王芳", "王芳"),),
        known=known,
        attestations=(Attestation("请告知王芳", "13800138000", MOMENT, "王工"),),
        run=RUN,
    )
    shown = masked(report(result), Mask()).results[0]
    told = str([shown.reason, shown.expected, shown.received, shown.notes, shown.known, shown.attestations])
    # Who attests stands for it with the name.
    assert shown.attestations[0].by == "王工"
    assert "13800138000" not in told
    assert "王芳" not in told


def test_a_verifier_that_a_scenario_names_is_nobody_either():
    scenario = loads_scenario(STORY)
    result = Result(check=Check(scenario, Party.URBAN), verdict=Verdict.PASS)
    mask = Mask()
    masked(report(result), mask)
    assert mask.over({"handler": "自动核查岗"}) == {"handler": "自动核查岗"}
