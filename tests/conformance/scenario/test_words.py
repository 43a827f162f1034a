"""The catalogue of words and clauses is whole."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.parties import Party
from conformance.clauses import Clause, clauses
from conformance.scenario.load import loads_scenario
from conformance.scenario.profile import base_profile
from conformance.scenario.runner import play
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Wiring
from conformance.scenario.words import CALLED, acts, answers, catalogue, meant
from duijie.virtual import VirtualStage

DOCS = Path(__file__).parents[3] / "docs"
#: Where words that are no act are explained; the second is made from the faults themselves.
GUIDES = ("writing-a-scenario.md", "network-faults.md")


def test_every_word_has_both_titles_and_kinds_that_exist() -> None:
    for word in catalogue().values():
        assert re.search("[一-鿿]", word.zh), word.name
        assert not re.search("[一-鿿]", word.en), word.name
        for param in word.params.values():
            Draft202012Validator.check_schema(param.schema)
        assert word.bare is None or word.bare in word.params or word.bare == "target"


def refusal(stage: VirtualStage, party: Party, act: str, params: dict[str, str]) -> str | None:
    try:
        stage.act(party, act, params)
    except StageRefused as refused:
        return refused.code
    return None


def test_every_act_of_the_catalogue_is_known_to_its_party() -> None:
    """A word that nobody can do would fail only when a story uses it."""
    for wiring in Wiring:
        stage = VirtualStage(base_profile(), wiring)
        for word in acts().values():
            if word.needs == "bridge" and wiring is Wiring.DIRECT:
                continue
            params = {"case": "340202-20260302-999999"} if "case" in word.params else {}
            assert refusal(stage, Party(word.party or ""), word.name, params) != "unknown_act", word.name


def test_the_books_have_exactly_the_keys_that_expectations_may_name() -> None:
    run = play(
        loads_scenario(
            'format: "1.0"\ntitle: {zh: 标题, en: A title}\nclauses: [INT-1]\n'
            "steps:\n  - given: {case: c1, at: closed}\n  - expect: {case: c1, bridge: {stage: closed}, urban: {status: closed}}\n"
        ),
        Wiring.BRIDGED,
        VirtualStage,
    )
    for party, keys in answers().items():
        fact = run.trace.last_fact(party, run.cases["c1"])
        assert fact is not None
        assert set(keys) <= set(fact.answer), party


def test_the_contact_book_of_the_scenario_profile_is_complete() -> None:
    assert {contact.duty for contact in base_profile().contacts} == set(ContactDuty)


def test_a_mistyped_word_finds_its_neighbour() -> None:
    assert "worker.report" in meant("worker.reprot", catalogue())[1]
    assert "department.dispose" in meant("handler.dispose", catalogue())[1]
    assert meant("xyzzy", catalogue()) == ("", "")


def test_every_word_that_is_no_act_is_explained_in_the_guide() -> None:
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in GUIDES)
    for name, word in catalogue().items():
        assert word.is_act or f"`{name}" in text, name


def test_kinds_that_are_called_something_are_used() -> None:
    used = {param.kind for word in catalogue().values() for param in word.params.values()} | {"target"}
    assert set(CALLED) <= used


@pytest.mark.parametrize("clause", clauses().values(), ids=lambda c: c.id)
def test_every_clause_is_said_in_both_languages_with_its_source(clause: Clause) -> None:
    for item in fields(clause):
        assert getattr(clause, item.name)
    assert re.search("[一-鿿]", clause.zh)
    assert not re.search("[一-鿿]", clause.en)
    assert clause.source_for_people("zh") != clause.source_for_people("en")
    assert set(clause.seen_by) <= {"wire", "query", "control", "console", "app", "report"}
    assert set(clause.obliged) <= {"grid", "urban", "bridge"}


def test_the_clauses_are_numbered_without_a_gap() -> None:
    families: dict[str, list[int]] = {}
    for clause in clauses().values():
        families.setdefault(clause.family, []).append(int(clause.id.rpartition("-")[2]))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in families.values())
