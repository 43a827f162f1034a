"""The reports of a run: each reader finds what failed, why, on whose side, and what to do next."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.check import Check
from conformance.checks.known import KnownFailure
from conformance.checks.result import VERDICTS, Blame, Result, Text, Verdict
from conformance.checks.standing import STANDINGS, Entry, Standing
from conformance.doctor.finding import Topic, failed, fine
from conformance.oracle.judge import Judgement
from conformance.oracle.judge import Verdict as ClauseVerdict
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
ENTRY = KnownFailure(check="INT-1-90/urban", reason="缺陷 42", owner="王工", until=date(2026, 12, 31))
KNOWN = replace(FAILED, known=ENTRY)


def entry(standing: Standing, *, is_red: bool) -> Entry:
    said = Text("请删去 <此条>", "remove the <entry>")
    return Entry(known=ENTRY, standing=standing, is_red=is_red, checks=("INT-1-90/urban",), text=said)


GONE = entry(Standing.GONE, is_red=True)
COVERS = entry(Standing.COVERS, is_red=False)


def report(*results: Result, entries: Sequence[Entry] = ()) -> Report:
    return Report(
        run_id="r1",
        role=Party.URBAN,
        system="某某城管 3.2",
        suite="0.1.0",
        seed=7,
        started_at=datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI),
        profile_fingerprint="0" * 64,
        results=results,
        known_failures=entries,
    )


WHOLE = report(PASSED, FAILED)


def as_json(told: Report) -> dict[str, Any]:
    schema = json.loads(Path(page.__globals__["__file__"]).with_name("report.schema.json").read_text(encoding="utf-8"))
    found = json.loads(json.dumps(report_record(told)))
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(found)
    return found


def test_the_json_report_is_as_its_schema_says():
    found = as_json(WHOLE)
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


def test_a_build_server_sees_what_kept_the_checks_from_being_run() -> None:
    amiss = failed(Topic.REACHING, "连不上", "nobody <answers>", ("启动系统", "start the system"))
    stopped = replace(report(), doctor=(fine(Topic.DRIVER, "有应答", "answers"), amiss))
    root = ElementTree.fromstring(junit(stopped, "en").encode())
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    (error,) = root.findall("testsuite[@name='doctor']/testcase/error")
    assert error.get("message") == "nobody <answers>"
    assert error.text == "start the system"


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
    told = root.find("testsuite/testcase/skipped").get("message")
    assert told.startswith("已知问题: 缺陷 42(负责人 王工,至 2026-12-31) · ")
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


def test_known_failures_stand_in_the_json_report():
    found = as_json(report(KNOWN, entries=[COVERS]))
    assert found["results"][0]["known"]["owner"] == "王工"
    (told,) = found["known_failures"]
    assert (told["standing"], told["red"], told["until"]) == ("covers", False, "2026-12-31")


@pytest.mark.parametrize("told", [markdown, page])
def test_a_reader_sees_how_each_known_failure_stands(told):
    said = told(report(KNOWN, entries=[COVERS]), "en")
    assert all(word in said for word in ("Known failures", STANDINGS[Standing.COVERS].en, "王工", "2026-12-31"))
    assert "Known failures" not in told(WHOLE, "en")


def test_an_entry_that_is_gone_is_a_failure_of_the_build():
    told = report(PASSED, entries=[GONE])
    root = ElementTree.fromstring(junit(told, "en").encode())
    (failure,) = root.findall("testsuite[@name='known-failures']/testcase/failure")
    assert failure.get("message") == "remove the <entry>"
    assert "To be dealt with (1)" in markdown(told, "en")


class Totals:
    """What each report says of how many results there are of each kind."""

    def __init__(self, told: Report):
        self.record = as_json(told)
        self.junit = ElementTree.fromstring(junit(told, "en").encode())
        self.markdown = markdown(told, "en")
        self.page = page(told, "en")

    def in_json(self) -> dict[str, int]:
        return {verdict: count for verdict, count in self.record["counts"].items() if count}

    def in_markdown(self, table: int) -> dict[str, int]:
        rows = re.split(r"\n\n(?=[|])", self.markdown)[table].split("\n\n")[0].splitlines()
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
        if table == 1:
            return {verdict_named(row[0]): int(row[1]) for row in cells[2:]}
        added: Counter[str] = Counter()
        for row in cells[2:]:
            added.update({verdict_named(h): int(c) for h, c in zip(cells[0][1:], row[1:], strict=True) if c})
        return dict(added)

    def in_page(self) -> dict[str, int]:
        rows = re.findall(r'<td class="v (\w+)">.*?</td><td class="n">(\d+)</td>', self.page)
        return {verdict: int(count) for verdict, count in rows if int(count)}

    def in_junit(self, element: str) -> set[int]:
        """How many there are, how many the suites say, and how many the whole says."""
        name = {"failure": "failures", "error": "errors"}.get(element, element)
        suites = self.junit.findall("testsuite")
        seen = self.junit.findall(".//testcase") if element == "tests" else self.junit.findall(f".//{element}")
        return {len(seen), sum(int(suite.get(name)) for suite in suites), int(self.junit.get(name))}


def verdict_named(en: str) -> str:
    return next(verdict.value for verdict, text in VERDICTS.items() if text.en == en)


def other_check(number: int, party: Party) -> Check:
    return Check(loads_scenario(STORY.replace("INT-1-90", f"{SCENARIO.clauses[number % 2]}-{number:02}")), party)


@pytest.mark.parametrize("red_entries", [(), (COVERS,), (COVERS, GONE)], ids=["none", "covers", "gone"])
@pytest.mark.parametrize("shift", range(3))
def test_the_totals_of_every_report_agree_with_the_results(shift, red_entries):
    verdicts = [verdict for place, verdict in enumerate(Verdict) for _ in range((place + shift) % 4)]
    results = [
        replace(FAILED, check=other_check(number, Party.URBAN), verdict=verdict, run=None)
        for number, verdict in enumerate(verdicts, 1)
    ]
    results += [replace(KNOWN, run=None)] if red_entries else []
    counted = dict(Counter(result.verdict.value for result in results))
    told = Totals(report(*results, entries=red_entries))
    assert told.in_json() == counted
    assert dict(Counter(each["verdict"] for each in told.record["results"])) == counted
    assert told.in_markdown(1) == told.in_markdown(2) == counted
    assert told.in_page() == counted
    known, alone = bool(red_entries), GONE in red_entries
    of = {verdict: counted.get(verdict, 0) for verdict in Verdict}
    assert told.in_junit("tests") == {len(results) + alone}
    assert told.in_junit("failure") == {of[Verdict.FAIL] - known + alone}
    assert told.in_junit("error") == {of[Verdict.CONFIG] + of[Verdict.SUITE_ERROR]}
    assert told.in_junit("skipped") == {of[Verdict.INCONCLUSIVE] + of[Verdict.NOT_APPLICABLE] + known}


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.checks: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.chosen: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        classes = (told.get("class") or "").split()
        if "check" in classes:
            self.checks.append(told["id"])
            if "open" in told:
                self.open.append(told["id"])
        if "id" in told:
            self.ids.append(told["id"])
        if "href" in told:
            self.links.append(told["href"])
        if "src" in told or tag in ("link", "iframe", "img"):
            self.fetched.append(tag)
        if "checked" in told:
            self.chosen.append(told["id"])
        if "for" in told:
            self.labels.append(told["for"])


def read(text: str) -> Seen:
    found = Seen()
    found.feed(text)
    return found


def over_soap(result: Result, *envelopes: str) -> Result:
    """The same result as if these envelopes had crossed."""
    evidence = tuple(
        {**record, "envelope": envelope} for record, envelope in zip(result.evidence, envelopes, strict=True)
    )
    return replace(result, evidence=evidence)


def test_each_check_has_an_anchor_and_the_failures_come_first_and_open():
    found = read(page(WHOLE, "zh"))
    assert found.checks == ["INT-1-90/urban", "INT-1-90/grid"]
    assert found.open == ["INT-1-90/urban"]


def test_every_link_of_the_page_leads_to_a_place_in_it():
    found = read(page(WHOLE, "zh"))
    assert {"#INT-1-90/urban", "#INT-1-90/grid"} <= set(found.links)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert len(set(found.ids)) == len(found.ids)


def test_the_messages_that_disagree_are_marked_in_the_drawing_and_lead_to_their_text():
    found = read(page(WHOLE, "zh"))
    numbers = [record["n"] for record in FAILED.evidence]
    assert {f"INT-1-90/urban:{n}" for n in numbers} <= set(found.ids)
    assert any(f"#INT-1-90/urban:{n}" in found.links for n in numbers)
    assert page(WHOLE, "zh").count('class="band"') == sum(f"#INT-1-90/urban:{n}" in found.links for n in numbers)


def test_the_page_works_from_disk():
    assert read(page(WHOLE, "zh")).fetched == []
    assert "http" not in page(WHOLE, "zh")


def test_what_a_system_says_is_shown_and_not_run():
    assert "A &lt;title&gt; &amp; more" in page(WHOLE, "en")
    assert "<wrong>" not in page(WHOLE, "en")
    hostile = over_soap(FAILED, "<a><script>alert(1)</script></a>", "</pre><script>")
    assert page(report(hostile), "en").count("<script>") == page(WHOLE, "en").count("<script>") == 1


@pytest.mark.parametrize(
    "told",
    ["期望", "expected", "实际", "received", "状态不符", "归因", "核对计数", "<svg", "duijie conform urban --only"],
)
def test_the_page_has_both_languages_the_two_columns_the_drawing_and_the_command(told):
    assert told in page(WHOLE, "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_opens_in_the_language_that_was_asked_for(language):
    chosen = read(page(WHOLE, language)).chosen
    assert f"lang-{language}" in chosen
    assert sum(each.startswith("lang-") for each in chosen) == 1


def test_language_verdicts_and_printing_are_chosen_without_a_script():
    text = page(WHOLE, "zh")
    labels = read(text).labels
    assert {"lang-zh", "lang-en", "show-pass", "show-fail", "print-all"} <= set(labels)
    assert all(f"#{name}" in text for name in labels)


def test_an_envelope_stands_whole_and_readable_beside_what_the_judge_read():
    shown = page(report(over_soap(FAILED, "<a><b>1</b></a>", "<a><b>1</b></a>")), "en")
    assert "&lt;a&gt;\n  &lt;b&gt;1&lt;/b&gt;\n&lt;/a&gt;" in shown
    assert "as the judge read it" in shown
    assert "virtual time" not in shown


def test_a_page_without_envelopes_says_why():
    assert "This was played in virtual time" in page(WHOLE, "en")


def test_of_two_messages_of_one_kind_the_difference_is_shown():
    one, other = "<a><b>same</b><c>1</c></a>", "<a><b>same</b><c>2</c></a>"
    broken = replace(RUN, verdicts=(broken_clause("INT-8"),))
    first = {**FAILED.evidence[0], "n": 101}
    second = {**FAILED.evidence[0], "n": 102}
    failed = over_soap(replace(FAILED, run=broken, evidence=(first, second)), one, other)
    shown = page(report(failed), "en")
    assert '<span class="del">-  &lt;c&gt;1&lt;/c&gt;' in shown
    assert '<span class="ins">+  &lt;c&gt;2&lt;/c&gt;' in shown


def test_lines_in_which_expected_and_received_differ_are_marked():
    failed = replace(FAILED, expected={"a": 1, "b": 2}, received={"a": 1, "b": 3})
    shown = page(report(failed), "en")
    assert "<mark> &quot;b&quot;: 2</mark>" in shown
    assert "<mark> &quot;b&quot;: 3</mark>" in shown
    assert "<mark> &quot;a&quot;" not in shown


def test_a_check_that_was_broken_off_shows_its_last_messages():
    stopped = replace(FAILED, verdict=Verdict.SUITE_ERROR, evidence=(), expected=None, received=None)
    assert "the last messages before that" in page(report(stopped), "en")


def broken_clause(clause: str) -> ClauseVerdict:
    return next(replace(each, outcome=Judgement.FAIL) for each in RUN.verdicts if each.clause == clause)
