"""The small model of a case's life: what it allows, what it wants refused, and what it believes while a form is held back."""

import pytest

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from conformance.clauses import clauses
from conformance.explore.life import Kind, Life, Mishap, Rules, bridge_says, grid_says, urban_says
from conformance.explore.model import Model
from conformance.explore.tables import ACTS, REFUSALS, forbidden, possible
from conformance.scenario.words import acts, shape

TO_DISPOSAL = ("hand_over", "file", "dispatch", "assign")
REJECTED = ("dispose", "verify_not_passed", "reject")
WORDS = ("c1", ("near",))


def life_after(*done: str, rules: Rules | None = None, kind: Kind = Kind.TRANSFERRED) -> tuple[Model, Life]:
    model = Model(rules or Rules())
    life = model.report("c1", kind, WORDS)
    for name in done:
        do(model, life, name)
    return model, life


def do(model: Model, life: Life, name: str) -> None:
    assert name in {act.id for act in possible(life, model.rules)}, f"{name} is not possible"
    model.do(life, ACTS[name].does)


@pytest.mark.parametrize("row", [*ACTS.values(), *REFUSALS.values()], ids=lambda row: row.id)
def test_every_row_speaks_the_words_of_scenarios_and_names_a_clause(row):
    word = acts()[row.word]
    assert word.party == row.side.value
    assert row.clause in clauses()
    assert set(row.params) <= set(word.params) or word.open


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=lambda row: row.id)
def test_every_refusal_has_a_reason_that_scenarios_know(refusal):
    assert refusal.because in shape("refusal")["enum"]


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_both_allowed_and_to_be_refused(kind):
    """Walks every path of the first steps."""
    seen: set[str] = set()
    paths: list[tuple[str, ...]] = [()]
    while paths:
        path = paths.pop()
        model, life = life_after(*path, kind=kind)
        state = repr((life.grid, life.urban))
        if state in seen or len(path) > 12:
            continue
        seen.add(state)
        may = {(act.word, repr(sorted(act.params))) for act in possible(life, model.rules)}
        must_not = {(row.word, repr(sorted(row.params))) for row in forbidden(life, model.rules)}
        reasons = {"photo_required", "reason_required"}
        blank = {(r.word, repr(sorted(r.params))) for r in forbidden(life, model.rules) if r.because in reasons}
        assert may & (must_not - blank) == set(), path
        paths += [(*path, act.id) for act in possible(life, model.rules)]
    assert len(seen) > 5


def test_a_passed_verification_closes_both():
    """INT-5, INT-6."""
    model, life = life_after(*TO_DISPOSAL, "dispose", "verify_passed")
    assert urban_says(life, model.rules)["stage"] == "closing"
    do(model, life, "close")
    assert (grid_says(life)["state"], urban_says(life, model.rules)) == ("closed", {"status": "closed"})
    assert possible(life, model.rules) == []


@pytest.mark.parametrize(("limit", "times"), [(3, 4), (1, 2)])
def test_one_rejection_too_many_files_again(limit, times):
    """INT-8."""
    model, life = life_after(*TO_DISPOSAL, rules=Rules(max_rejections=limit))
    for number in range(1, times):
        for name in REJECTED:
            do(model, life, name)
        assert (life.urban.at, life.urban.rejections, life.grid.rejections) == ("department_disposal", number, number)
    for name in REJECTED:
        do(model, life, name)
    assert (life.urban.at, life.urban.filing, life.urban.rejections) == ("district_assignment", 2, 0)
    assert (life.grid.filing, life.grid.rejections) == (2, 0)
    assert bridge_says(life) == {"stage": "in_disposal", "filing_ordinal": 2, "rejections": 0}


def test_filed_is_filed():
    """EXC-2."""
    model, life = life_after("hand_over", "file")
    names = {row.id for row in forbidden(life, model.rules)}
    assert {"withdraw_filed", "cancel_filed", "operator_cancels", "decline_filed"} <= names
    do(model, life, "insist")
    assert urban_says(life, model.rules)["status"] == "open"


def test_a_withdrawal_that_crosses_the_filing_changes_nothing():
    """EXC-2, RCPT-4."""
    model, life = life_after("hand_over")
    life.spoiled[Side.URBAN] = Mishap.LOST
    do(model, life, "withdraw")
    do(model, life, "file")
    model.rest()
    assert (life.grid.at, life.grid.filing, life.urban.at) == ("handed_over", 1, "filing_and_dispatch")


def test_the_same_words_and_photos_are_a_duplicate_of_the_first():
    """EXC-1."""
    model, first = life_after("hand_over")
    for name, content in (("c2", WORDS), ("c3", WORDS), ("c4", ("c1", ("far",)))):
        do(model, model.report(name, Kind.TRANSFERRED, content), "hand_over")
    said = [urban_says(life, model.rules) for life in model.lives.values()]
    assert [s["status"] for s in said] == ["received", "declined", "declined", "received"]
    assert said[2]["original_case_number"] == {"case": "c1"}
    assert grid_says(model.lives["c2"]) == {"state": "declined"}
    assert first.grid.at == "handed_over"


def test_behind_a_lost_form_the_others_wait_and_then_all_arrive_in_their_order():
    """RCPT-4, RCPT-5."""
    model, life = life_after("hand_over")
    life.spoiled[Side.GRID] = Mishap.LOST
    for name in ("file", "dispatch", "assign"):
        do(model, life, name)
    assert grid_says(life) == {"state": "handed_over", "filing_ordinal": 0, "rejections": 0}
    assert not life.settled
    model.rest()
    assert grid_says(life)["urban_stage"] == "department_disposal"
    assert life.settled


def test_nobody_knows_what_has_passed_behind_a_form_that_was_not_heard_of():
    """RCPT-5."""
    model, life = life_after(*TO_DISPOSAL)
    life.spoiled[Side.GRID] = Mishap.UNHEARD
    do(model, life, "apply_extension")
    assert life.unsure == set()
    do(model, life, "dispose")
    assert life.unsure == {Side.GRID}
    assert [row.id for row in possible(life, model.rules) if row.side is Side.GRID] == []


def test_an_own_case_posts_nothing():
    """GRID-6, URBAN-3."""
    for kind, way in (
        (Kind.OWN, ("accept", "dispatch_own", "handle", "verify_own_passed", "close_own")),
        (Kind.NATIVE, ("file", "dispatch", "assign", "dispose", "verify_district", "verify_city", "close_native")),
    ):
        _, life = life_after(*way, kind=kind)
        assert life.ended
        assert sum(life.posted.values()) == 0


def test_a_false_report_closes_both_when_the_grid_side_confirms_it():
    """EXC-3."""
    model, life = life_after(*TO_DISPOSAL, "apply_false_report", "grant_false_report")
    assert bridge_says(life) is not None
    assert "dispose" not in {act.id for act in possible(life, model.rules)}
    do(model, life, "confirm_false_report")
    assert (life.grid.at, life.urban.at) == ("closed_false_report", "closed_false_report")
    assert life.posted[FormType.CLOSING] == 1
