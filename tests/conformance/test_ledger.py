"""The audit of the books says nothing about honest ones, and finds every breach that somebody writes into them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from conformance.ledger import RULES, Book, Books, Finding, Form, Receipt, audit, read
from conformance.scenario.load import load_all
from conformance.scenario.runner import play
from conformance.scenario.steps import Scenario, Wiring
from duijie.library import library_folder
from duijie.virtual import VirtualStage

#: Stories without forged messages, with every kind of loss, restart, rejection and end.
HONEST = [
    scenario
    for topic in ("delivery", "duplicates", "query", "rejection", "restart", "withdrawal")
    for scenario in load_all([library_folder() / topic])
    if "inject" not in Path(scenario.path).read_text(encoding="utf-8")
]


def books_after(scenario: Scenario, wiring: Wiring) -> Books:
    stages = []

    class Stage(VirtualStage):
        def __init__(self, *args: Any, **kinds: Any):
            super().__init__(*args, **kinds)
            stages.append(self)

    play(scenario, wiring, Stage, seed=1)
    (stage,) = stages

    def asking(party: Party) -> Callable[[str, Any], Any]:
        return lambda name, params: stage._party(party).ask(name, params, stage.now)

    return Books({party: read(party, asking(party)) for party in stage._parties})


@pytest.mark.parametrize("scenario", HONEST, ids=lambda scenario: scenario.id)
def test_nothing_is_found_in_honest_books(scenario: Scenario) -> None:
    for wiring in scenario.wirings:
        assert [finding.text("en") for finding in audit(books_after(scenario, wiring), at_rest=True)] == []


# Doctored books


@pytest.fixture
def books() -> Books:
    """A case rejected once too often, filed anew and closed: every kind of count stands in these books."""
    (scenario,) = load_all([library_folder() / "rejection" / "a-refiled-case-is-closed-in-the-end.yaml"])
    return books_after(scenario, Wiring.BRIDGED)


def found(books: Books, *, at_rest: bool = True) -> set[tuple[str, Party]]:
    findings = audit(books, at_rest=at_rest)
    assert all(each.text("zh") and each.text("en") and (each.case_number or each.message_id) for each in findings)
    return {(each.rule, each.party) for each in findings}


def form_of(book: Book, form_type: FormType) -> Form:
    return next(form for form in book.forms.values() if form.form_type == form_type)


def change_form(book: Book, form: Form, **changes: Any) -> None:
    book.forms[form.message_id] = replace(form, **changes)


def change_case(book: Book, **changes: Any) -> None:
    ((number, case),) = book.cases.items()
    book.cases[number] = replace(case, **changes)


def effective_receipt(book: Book, form: Form) -> Receipt:
    return next(r for r in book.receipts if r.form_message_id == form.message_id and r.kept_as == "effective")


def a_receipt_is_effective_twice(books: Books) -> None:
    books.grid.receipts.append(effective_receipt(books.grid, form_of(books.grid, FormType.REJECTION)))


def a_receipt_is_missing(books: Books) -> None:
    books.urban.receipts.remove(effective_receipt(books.urban, form_of(books.urban, FormType.DISPATCH)))


def a_receipt_contradicts(books: Books) -> None:
    kept = effective_receipt(books.grid, form_of(books.grid, FormType.CLOSING))
    books.grid.receipts.append(replace(kept, kept_as="contradictory", outcome="error"))


def a_receipt_for_a_form_that_was_lost(books: Books) -> None:
    kept = effective_receipt(books.urban, form_of(books.urban, FormType.DISPATCH))
    books.urban.receipts.append(replace(kept, kept_as="stray", form_message_id="urn:uuid:nobody-s"))


def a_rejection_stands_twice(books: Books) -> None:
    ((_, case),) = books.grid.cases.items()
    assert case.rejected
    change_case(books.grid, rejected=(*case.rejected, case.rejected[0]))


def two_cases_share_a_task_number(books: Books) -> None:
    ((_, case),) = books.urban.cases.items()
    books.urban.cases["340202-20260302-000099"] = replace(case, case_number="340202-20260302-000099")


def a_rejection_counts_twice(books: Books) -> None:
    ((_, case),) = books.urban.cases.items()
    change_case(books.urban, effects={FormType.REJECTION: case.effects[FormType.REJECTION] + 1})


def an_id_has_two_contents(books: Books) -> None:
    change_form(books.grid, form_of(books.grid, FormType.CLOSING), digest="0" * 64)


def the_bridge_changed_a_form(books: Books) -> None:
    assert books.bridge is not None
    form = form_of(books.bridge, FormType.VERIFICATION_REQUEST)
    change_form(books.bridge, form, digest="0" * 64)


def attempts_begin_anew(books: Books) -> None:
    books.urban.attempts[form_of(books.urban, FormType.DISPATCH).message_id] = [1, 2, 1]


def a_confirmed_form_never_arrived(books: Books) -> None:
    del books.urban.arrived[form_of(books.grid, FormType.CLOSING).message_id]


def a_refused_form_was_taken(books: Books) -> None:
    change_form(books.grid, form_of(books.grid, FormType.CLOSING), state="refused", outcome="error", code="X")


def a_form_passed_by_the_bridge_unseen(books: Books) -> None:
    assert books.bridge is not None
    del books.bridge.forms[form_of(books.grid, FormType.CLOSING).message_id]


def a_sender_forgot_its_form(books: Books) -> None:
    del books.grid.forms[form_of(books.grid, FormType.CLOSING).message_id]


def the_grid_side_counts_one_rejection_less(books: Books) -> None:
    ((_, case),) = books.grid.cases.items()
    assert case.rejected
    change_case(books.grid, rejected=case.rejected[1:])


def the_bridge_counts_another_filing(books: Books) -> None:
    change_case(books.of[Party.BRIDGE], filing_ordinal=1)


def the_task_numbers_differ(books: Books) -> None:
    change_case(books.grid, task_numbers=("T20260302-000777",))


def the_urban_platform_lost_the_case(books: Books) -> None:
    books.urban.cases.clear()


def the_bridge_lost_the_case(books: Books) -> None:
    books.of[Party.BRIDGE].cases.clear()


def only_one_side_closed(books: Books) -> None:
    change_case(books.urban, state="open")


def a_hand_over_was_forgotten(books: Books) -> None:
    form = form_of(books.grid, FormType.HAND_OVER)
    del books.grid.forms[form.message_id]


def a_form_is_in_nobody_s_hands(books: Books) -> None:
    form = form_of(books.grid, FormType.CLOSING)
    books.grid.receipts.remove(effective_receipt(books.grid, form))
    change_form(books.grid, form, state="in_doubt", outcome=None, due_at=None)


def a_waiting_form_waits_for_nothing(books: Books) -> None:
    assert books.bridge is not None
    change_form(books.bridge, form_of(books.bridge, FormType.CLOSING), state="waiting", outcome=None)


def the_outbox_lost_a_sending(books: Books) -> None:
    assert books.bridge is not None
    change_form(books.bridge, form_of(books.bridge, FormType.CLOSING), state="sending", outcome=None)


BREACHES = [
    (a_receipt_is_effective_twice, "receipts-agree", Party.GRID),
    (a_receipt_is_missing, "one-receipt", Party.URBAN),
    (a_receipt_contradicts, "receipts-agree", Party.GRID),
    (a_receipt_for_a_form_that_was_lost, "receipts-agree", Party.URBAN),
    (a_rejection_stands_twice, "one-effect", Party.GRID),
    (two_cases_share_a_task_number, "one-effect", Party.URBAN),
    (a_rejection_counts_twice, "done-once", Party.URBAN),
    (an_id_has_two_contents, "one-content", Party.BRIDGE),
    (the_bridge_changed_a_form, "one-content", Party.BRIDGE),
    (attempts_begin_anew, "attempts-grow", Party.URBAN),
    (a_confirmed_form_never_arrived, "same-outcome", Party.URBAN),
    (a_refused_form_was_taken, "same-outcome", Party.URBAN),
    (a_form_passed_by_the_bridge_unseen, "same-outcome", Party.BRIDGE),
    (a_sender_forgot_its_form, "same-outcome", Party.URBAN),
    (the_grid_side_counts_one_rejection_less, "same-counts", Party.URBAN),
    (the_bridge_counts_another_filing, "same-counts", Party.BRIDGE),
    (the_task_numbers_differ, "same-counts", Party.GRID),
    (the_urban_platform_lost_the_case, "both-or-neither", Party.URBAN),
    (the_bridge_lost_the_case, "both-or-neither", Party.BRIDGE),
    (only_one_side_closed, "both-or-neither", Party.GRID),
    (a_hand_over_was_forgotten, "both-or-neither", Party.GRID),
    (a_form_is_in_nobody_s_hands, "not-forgotten", Party.GRID),
    (a_waiting_form_waits_for_nothing, "not-forgotten", Party.BRIDGE),
    (the_outbox_lost_a_sending, "not-forgotten", Party.BRIDGE),
]


@pytest.mark.parametrize(("doctor", "rule", "party"), BREACHES, ids=lambda value: getattr(value, "__name__", None))
def test_a_breach_is_found(books: Books, doctor: Callable[[Books], None], rule: str, party: Party) -> None:
    assert found(books) == set()
    doctor(books)
    assert (rule, party) in found(books)


def test_every_rule_has_a_breach_that_it_finds() -> None:
    assert {rule for _, rule, _ in BREACHES} == set(RULES)


def test_what_differs_rightly_while_something_is_under_way_is_not_found_then(books: Books) -> None:
    a_form_is_in_nobody_s_hands(books)
    only_one_side_closed(books)
    the_bridge_counts_another_filing(books)
    assert found(books, at_rest=False) == set()


def test_what_holds_at_any_time_is_found_while_something_is_under_way(books: Books) -> None:
    a_receipt_is_effective_twice(books)
    attempts_begin_anew(books)
    assert found(books, at_rest=False) == {("receipts-agree", Party.GRID), ("attempts-grow", Party.URBAN)}


def test_a_form_that_a_person_gave_up_is_nobody_s_to_judge(books: Books) -> None:
    form = form_of(books.grid, FormType.CLOSING)
    books.grid.receipts.remove(effective_receipt(books.grid, form))
    change_form(books.grid, form, state="given_up", outcome=None)
    assert found(books) == set()


def test_a_finding_names_party_case_message_expectation_and_what_was_seen() -> None:
    finding = Finding(
        rule="one-receipt",
        party=Party.URBAN,
        case_number="340202-20260302-000001",
        message_id="urn:uuid:1",
        expected_zh="一份",
        expected_en="one",
        seen_zh="两份",
        seen_en="two",
    )
    assert finding.text("zh") == "[one-receipt] 城管平台 340202-20260302-000001 urn:uuid:1:应为一份;实为两份"
    assert finding.text("en") == "[one-receipt] urban 340202-20260302-000001 urn:uuid:1: expected one; seen two"
