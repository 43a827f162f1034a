"""Known failures: which failures an entry excuses, and when an entry itself turns a build red."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks
from conformance.checks.check import Check
from conformance.checks.known import KnownFailure, load_known
from conformance.checks.result import Result, Text, Verdict
from conformance.checks.standing import STANDINGS, Standing, standings, with_known
from conformance.scenario.load import loads_scenario
from duijie.conform import exit_code
from duijie.exits import Exit

ROOT = Path(__file__).parents[3]

STORY = """
format: "1.0"
title: {{zh: 标题, en: A title}}
clauses: [INT-1]
check: {{id: INT-1-{number}, judges: [urban]}}
steps:
  - given: {{case: c1, at: filed}}
  - expect: {{case: c1, urban: {{status: open}}}}
"""
FIRST, SECOND = (Check(loads_scenario(STORY.format(number=number)), Party.URBAN) for number in (90, 91))
PASSED = Result(check=FIRST, verdict=Verdict.PASS)
FAILED = replace(
    PASSED, verdict=Verdict.FAIL, reason=Text("案卷 340202-000001 应为 open,实为 closed", "expected open, saw closed")
)
TODAY = date(2026, 11, 25)


def entry(check: str = FIRST.id, **told: object) -> KnownFailure:
    return KnownFailure(**{"check": check, "reason": "defect 42", "owner": "Wang", "until": TODAY, **told})


def after(known: KnownFailure, *found: Result, suite: tuple[Check, ...] = (FIRST, SECOND)):
    """The results as they are marked, how the entry stands, and how the build ends."""
    results = [with_known(result, [known], TODAY) for result in found]
    (stands,) = standings([known], results, suite, TODAY)
    return results, stands, exit_code(results, [stands])


@pytest.mark.parametrize("check", [FIRST.id, "INT-1-90", "INT-1", "INT-*"])
def test_a_known_failure_is_told_and_leaves_the_build_green(check):
    known = entry(check)
    (result,), stands, ended = after(known, FAILED)
    assert (result.verdict, result.known) == (Verdict.FAIL, known)
    assert (stands.standing, stands.is_red, ended) == (Standing.COVERS, False, Exit.OK)
    assert all(word in stands.text.en for word in ("defect 42", "Wang", "2026-11-25"))


def test_an_entry_for_another_clause_excuses_nothing():
    (result,), stands, ended = after(entry("INT-2"), FAILED)
    assert (result.known, stands.standing, ended) == (None, Standing.UNUSED, Exit.FAILED)


@pytest.mark.parametrize("verdict", [Verdict.SUITE_ERROR, Verdict.CONFIG, Verdict.INCONCLUSIVE])
def test_only_failures_are_excused(verdict):
    (result,), stands, _ = after(entry(), replace(FAILED, verdict=verdict))
    assert (result.known, stands.standing, stands.is_red) == (None, Standing.OPEN, False)
    assert exit_code([result], [stands]) is exit_code([replace(FAILED, verdict=verdict)])


def test_an_entry_whose_check_passes_turns_the_build_red():
    (result,), stands, ended = after(entry(), PASSED)
    assert result == PASSED
    assert (stands.standing, ended) == (Standing.GONE, Exit.FAILED)
    assert stands.text.en.endswith("is gone: remove the entry")
    assert "已不再出现" in stands.text.zh


def test_an_entry_for_several_checks_is_gone_when_all_of_them_ran_and_none_failed():
    passed = replace(PASSED, check=SECOND)
    assert after(entry("INT-1"), PASSED, passed)[1].standing is Standing.GONE
    assert after(entry("INT-1"), PASSED)[1].standing is Standing.OPEN
    assert after(entry("INT-1"), PASSED, replace(passed, verdict=Verdict.INCONCLUSIVE))[1].standing is Standing.OPEN
    assert after(entry("INT-1"), FAILED, passed)[1].standing is Standing.COVERS


@pytest.mark.parametrize("message", ["应为 open", "案卷 * 应为 open", "expected open*closed", "saw closed"])
def test_a_message_is_looked_for_in_the_reason_in_either_language(message):
    (result,), _, ended = after(entry(message=message), FAILED)
    assert result.known is not None
    assert ended is Exit.OK


@pytest.mark.parametrize("message", ["expected closed", "closed*open", "expected [a-z]*"])
def test_a_failure_that_says_something_else_is_red_and_both_texts_are_told(message):
    (result,), stands, ended = after(entry(message=message), FAILED)
    assert (result.known, stands.standing, ended) == (None, Standing.DIFFERENT, Exit.FAILED)
    (note,) = result.notes
    assert note == stands.text
    assert "fails differently" in note.en
    assert message in note.en
    assert FAILED.reason.en in note.en


def test_an_entry_counts_on_its_last_day_and_not_after_it():
    (result,), stands, ended = after(entry(until=date(2026, 11, 24)), FAILED)
    assert (result.known, stands.standing, ended) == (None, Standing.EXPIRED, Exit.FAILED)
    assert "has expired on 2026-11-24" in result.notes[0].en
    assert after(entry(), FAILED)[2] is Exit.OK


def test_an_entry_that_meant_nothing_is_red_only_when_the_whole_suite_ran():
    known = entry("INT-2")
    _, whole, ended = after(known, PASSED, replace(PASSED, check=SECOND))
    assert (whole.standing, whole.is_red, ended) == (Standing.UNUSED, True, Exit.FAILED)
    _, part, ended = after(known, PASSED)
    assert (part.standing, part.is_red, ended) == (Standing.UNUSED, False, Exit.OK)


def test_of_two_entries_the_one_that_recognises_the_failure_excuses_it():
    other, fitting = entry(message="something else"), entry(message="saw closed")
    result = with_known(FAILED, [other, fitting], TODAY)
    assert result.known == fitting
    found = standings([other, fitting], [result], [FIRST], TODAY)
    assert [each.standing for each in found] == [Standing.OPEN, Standing.COVERS]


def test_a_file_of_known_failures_is_read(tmp_path):
    path = tmp_path / "known.yaml"
    path.write_text(
        "- {check: INT-1, reason: 缺陷 42, owner: 王工, until: 2027-03-01, message: 应为 *}\n", encoding="utf-8"
    )
    known = KnownFailure(check="INT-1", reason="缺陷 42", owner="王工", until=date(2027, 3, 1), message="应为 *")
    assert load_known(path, [FIRST]) == (known,)


def test_the_example_of_the_page_is_a_file_that_can_be_read(tmp_path):
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(# known\.yaml\n.*?)```", page, re.DOTALL)
    path = tmp_path / "known.yaml"
    path.write_text(example, encoding="utf-8")
    (known,) = load_known(path, checks(ROOT / "scenarios"))
    assert known.recognises("案卷状态应为 open 实为 closed")
    assert all(f"| {standing} {STANDINGS[standing].zh} |" in page for standing in Standing)
