"""The reports of a run: each reader finds what failed, why, on whose side, and what to do next."""

import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.check import Check
from conformance.checks.result import Blame, Result, Text, Verdict
from conformance.reports.junit import junit
from conformance.reports.markdown import markdown
from conformance.reports.page import page
from conformance.reports.report import Report, report_record
from conformance.scenario.load import loads_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.virtual import VirtualStage

STORY = """
format: "1.0"
title: {zh: 标题 <&>, en: A <title> & more}
clauses: [INT-1, INT-8]
check: {id: INT-1-90, judges: [urban, grid]}
steps:
  - given: {case: c1, at: filed}
  - expect: {case: c1, urban: {status: open}}
"""
SCENARIO = loads_scenario(STORY)
RUN = play(SCENARIO, Wiring.DIRECT, VirtualStage, seed=1)
PASSED = Result(
    check=Check(SCENARIO, Party.GRID), verdict=Verdict.PASS, run=RUN, repeat_command="duijie x", seconds=0.5
)
FAILED = Result(
    check=Check(SCENARIO, Party.URBAN),
    verdict=Verdict.FAIL,
    reason=Text("状态不符\x00", "the state | is <wrong>"),
    blame=Blame.SYSTEM,
    clause="INT-8",
    expected="open",
    received={"status": "received"},
    evidence=tuple(RUN.trace.records[2:4]),
    next_step=Text("核对计数", "look at the count"),
    repeat_command="duijie conform urban --only INT-1-90/urban --seed 7",
    seconds=1.25,
    run=RUN,
)
KNOWN = replace(FAILED, known="缺陷 42,到期 2026-12-31")


def report(*results: Result) -> Report:
    return Report(
        run_id="r1",
        role=Party.URBAN,
        system="某某城管 3.2",
        suite="0.1.0",
        seed=7,
        started_at=datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI),
        profile_fingerprint="0" * 64,
        results=results,
    )


WHOLE = report(PASSED, FAILED)


def test_the_json_report_is_as_its_schema_says():
    schema = json.loads(Path(page.__globals__["__file__"]).with_name("report.schema.json").read_text(encoding="utf-8"))
    found = json.loads(json.dumps(report_record(WHOLE)))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(found)
    assert found["counts"] == {
        "pass": 1,
        "fail": 1,
        "inconclusive": 0,
        "not_applicable": 0,
        "config": 0,
        "suite_error": 0,
    }


def test_a_build_server_sees_the_failure_with_blame_clause_and_command():
    root = ElementTree.fromstring(junit(WHOLE, "en").encode())
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("INT-1", "2", "1")
    failed, passed = suite.findall("testcase")[::-1]
    assert failed.get("name").startswith("INT-1-90/urban")
    assert failed.get("classname") == "某某城管 3.2.INT-1"
    failure = failed.find("failure")
    assert failure.get("message") == "[system under test] the state | is <wrong>"
    assert failure.get("type") == "INT-8"
    assert FAILED.repeat_command in failure.text
    assert list(passed) == []


def test_characters_that_xml_cannot_hold_do_not_break_the_file():
    assert "\x00" not in junit(WHOLE, "zh")
    ElementTree.fromstring(junit(WHOLE, "zh").encode())


@pytest.mark.parametrize(
    ("verdict", "element"),
    [
        (Verdict.CONFIG, "error"),
        (Verdict.SUITE_ERROR, "error"),
        (Verdict.INCONCLUSIVE, "skipped"),
        (Verdict.NOT_APPLICABLE, "skipped"),
    ],
)
def test_other_verdicts_are_told_apart_from_failures(verdict, element):
    root = ElementTree.fromstring(junit(report(replace(FAILED, verdict=verdict)), "zh").encode())
    assert root.find(f"testsuite/testcase/{element}") is not None


def test_a_known_failure_is_skipped_with_its_reason():
    root = ElementTree.fromstring(junit(report(KNOWN), "zh").encode())
    assert KNOWN.known in root.find("testsuite/testcase/skipped").text
    assert root.find("testsuite").get("failures") == "0"


def test_the_summary_tells_what_is_red_first_and_every_clause():
    told = markdown(WHOLE, "en")
    assert told.index("INT-1-90/urban") < told.index("By clause")
    assert "blame: system under test · INT-8" in told
    assert "look at the count" in told
    assert "| INT-1 | 1 | 1 |" in told
    assert "&lt;wrong>" in told


def test_a_known_failure_is_not_among_what_is_to_be_dealt_with():
    assert "To be dealt with" not in markdown(report(KNOWN), "en")


class Anchors(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        if "check" in (told.get("class") or "").split():
            self.ids.append(told["id"])
            if "open" in told:
                self.open.append(told["id"])
        self.fetched += [told[name] for name in ("src", "href") if told.get(name)]


def read(text: str) -> Anchors:
    found = Anchors()
    found.feed(text)
    return found


def test_each_check_has_an_anchor_and_the_failures_come_first_and_open():
    found = read(page(WHOLE, "zh"))
    assert found.ids == ["INT-1-90/urban", "INT-1-90/grid"]
    assert found.open == ["INT-1-90/urban"]


def test_the_page_works_from_disk():
    assert read(page(WHOLE, "zh")).fetched == []
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", page(WHOLE, "zh"))


def test_what_a_system_says_is_shown_and_not_run():
    assert "A &lt;title&gt; &amp; more" in page(WHOLE, "en")
    assert "<wrong>" not in page(WHOLE, "en")


@pytest.mark.parametrize("told", ["期望", "expected", "实际", "received", "状态不符", "归因", "核对计数", "<svg"])
def test_the_page_has_both_languages_the_two_columns_and_the_drawing(told):
    assert told in page(WHOLE, "zh")


def test_the_page_opens_in_the_language_that_was_asked_for():
    assert 'data-lang="en"' in page(WHOLE, "en")
    assert 'data-lang="zh"' in page(WHOLE, "zh")
