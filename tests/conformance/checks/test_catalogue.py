"""The catalogue of checks: permanent ids, sentences in both languages, and everybody who is obliged is judged."""

from collections import Counter
from pathlib import Path

import pytest

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks, chosen, text_of
from conformance.checks.check import Check
from conformance.checks.remedies import remedy
from conformance.clauses import clauses
from conformance.scenario.load import load_all, loads_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.virtual import VirtualStage
from located_yaml import DocumentInvalid

LIBRARY = Path(__file__).parents[3] / "scenarios"
CHECKS = checks(LIBRARY)

STORY = """
format: "1.0"
title: {zh: 标题, en: A title}
clauses: [RCPT-3]
check: {id: RCPT-3-90, judges: [urban, bridge]}
profile: {urban.receipts: response, grid.receipts: response, delivery.max_attempts: 2}
steps:
  - given: {case: c1, at: filed}
  - clock.advance: 2 hours
  - network.crash: {of: dispatch, nth: 1, case: c1}
  - expect: {case: c1, urban: {status: open}}
  - expect.notice: {party: urban, kind: system_fault, count: 0}
"""


def marked(line: str) -> str:
    return STORY.replace("check: {id: RCPT-3-90, judges: [urban, bridge]}", line)


def test_there_are_at_least_two_hundred_checks() -> None:
    assert len(CHECKS) >= 200


def test_ids_are_given_once() -> None:
    doubled = [id_ for id_, count in Counter(check.id for check in CHECKS).items() if count > 1]
    assert doubled == []


MADE = [check for check in CHECKS if check.family is not None]


def test_families_make_checks_from_their_rules() -> None:
    assert {check.family for check in MADE} >= {"rejections", "duplicates", "receipts", "pages"}
    assert {"INT-8", "EXC-1", "RCPT-3", "XCHG-2"} <= {check.clause for check in MADE}


@pytest.mark.parametrize("check", MADE, ids=lambda check: check.id)
def test_what_a_family_makes_holds_for_our_own_parties(check: Check) -> None:
    run = play(check.scenario, check.wiring, VirtualStage)
    assert run.passed, run.failure or run.error


def test_the_text_of_a_check_is_the_file_that_is_played(tmp_path: Path) -> None:
    for check in (MADE[0], next(check for check in CHECKS if check.family is None)):
        (tmp_path / "own.yaml").write_text(text_of(check), encoding="utf-8")
        (read,) = load_all([tmp_path])
        assert read.steps == check.scenario.steps
        assert read.title("zh") == check.scenario.title("zh")


def test_every_scenario_of_the_library_is_a_check() -> None:
    assert [scenario.id for scenario in load_all([LIBRARY]) if scenario.check is None] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_check_says_what_is_sent_what_must_come_of_it_why_and_what_to_do(language: str) -> None:
    told = [(c.title(language), c.sent(language), c.must(language), c.why(language), c.fix(language)) for c in CHECKS]
    assert all(all(each) for each in told)


def test_every_clause_with_a_check_has_a_remedy_for_each_party() -> None:
    assert all(remedy(c.clause, party, "zh") and remedy(c.clause, party, "en") for c in CHECKS for party in Party)


@pytest.mark.parametrize("clause", sorted({check.clause for check in CHECKS}))
def test_whoever_is_obliged_by_a_clause_is_judged_by_a_check_that_names_it(clause: str) -> None:
    judged = {check.judges.value for check in CHECKS if clause in check.scenario.clauses}
    assert set(clauses()[clause].obliged) <= judged


def test_a_bridge_is_judged_between_two_platforms_and_a_platform_facing_the_other() -> None:
    scenario = loads_scenario(STORY)
    assert Check(scenario, Party.BRIDGE).wiring is Wiring.BRIDGED
    assert Check(scenario, Party.URBAN).wiring is Wiring.DIRECT


def test_a_check_knows_what_it_needs_of_the_system() -> None:
    needs = Check(loads_scenario(STORY), Party.URBAN).needs
    assert needs.acts == {"operator.file"}
    assert needs.asks == {"case", "notices"}
    assert needs.settings == (("urban.receipts", "response"), ("delivery.max_attempts", 2))
    assert needs.clock
    assert needs.restart
    assert needs.fresh


@pytest.mark.parametrize(
    ("step", "fresh"),
    [
        ("expect: {case: c1, urban: {disposal_due_at: {moment: 2026-03-02 15:30}}}", True),
        ("expect.notice: {party: urban, kind: duplicate, count: 1}", True),
        ("expect.notice: {party: urban, kind: duplicate, case: c1}", False),
        ("expect.notice: {party: grid, kind: duplicate, count: 1}", False),
        ("expect.count: {party: urban, of: receipts_kept, where: {case: c1}, count: 1}", False),
        ("expect.count: {party: urban, of: receipts_kept, count: 1}", True),
        ("expect: {case: c1, urban: {status: open}}", False),
    ],
)
def test_a_check_of_fixed_days_or_totals_needs_a_fresh_system(step: str, fresh: bool) -> None:
    story = STORY.partition("steps:")[0] + f"steps:\n  - given: {{case: c1, at: filed}}\n  - {step}\n"
    assert Check(loads_scenario(story), Party.URBAN).needs.fresh is fresh


def test_a_bridge_is_asked_for_no_acts_of_the_platforms() -> None:
    assert Check(loads_scenario(STORY), Party.BRIDGE).needs.acts == frozenset()


@pytest.mark.parametrize(
    ("only", "count"),
    [("RCPT-3-90/urban", 1), ("RCPT-3-90", 2), ("RCPT-3", 2), ("RCPT-*", 2), ("INT-*", 0)],
)
def test_checks_are_chosen_by_id_clause_and_pattern(only: str, count: int) -> None:
    scenario = loads_scenario(STORY)
    both = [Check(scenario, Party.URBAN), Check(scenario, Party.BRIDGE)]
    assert len(chosen(both, [only])) == count
    assert len(chosen(both, skip=[only])) == 2 - count


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("check: {id: INT-1-01, judges: [urban]}", "check's id is one of the scenario's clauses"),
        ("check: {id: RCPT-3-1, judges: [urban]}", "check's id is one of the scenario's clauses"),
        ("check: {id: RCPT-3-01, judges: [urbane]}", "no party 'urbane'"),
        ("check: RCPT-3-01", "expected {id: RCPT-3-04"),
        ("check: {id: RCPT-3-01, judges: [bridge]}\nwiring: [direct]", "wiring bridged is needed"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(line: str, said: str) -> None:
    with pytest.raises(DocumentInvalid) as invalid:
        loads_scenario(marked(line))
    assert any(said in problem.message_en for problem in invalid.value.problems)
