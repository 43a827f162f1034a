"""The case's life: what every form does in every stage, legal or not."""

from itertools import product

import pytest
import sample_forms as sample

from bridge.rules.lifecycle import (
    MOVES,
    ROWS,
    TELLING,
    CaseView,
    Move,
    advance,
    handed_over_state,
    legal_forms,
    move_of,
    next_stage,
    possible_views,
)
from bridge.vocabulary.codes import ClosingKind, Decision, VerificationOutcome
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import FINAL_STAGES, ExchangeStage, HandedOverState

S, T = ExchangeStage, FormType

#: Read from the plan and not from the table: stage, form, next stage.
MOVING = {
    ("unknown", "handOver"): "handed_over",
    ("handed_over", "withdrawal"): "withdrawn",
    ("handed_over", "filingResult/filed"): "filed",
    ("handed_over", "filingResult/declined"): "declined",
    ("filed", "dispatch"): "in_disposal",
    ("in_disposal", "returnNotice/granted"): "filed",
    ("in_disposal", "verificationRequest"): "awaiting_verification",
    ("in_disposal", "falseReportApplication"): "false_report_applied",
    ("awaiting_verification", "verificationResult/passed"): "verified_passed",
    ("awaiting_verification", "verificationResult/not_passed"): "verified_not_passed",
    ("verified_passed", "closing/normal"): "closed",
    ("verified_passed", "rejection/within_limit"): "in_disposal",
    ("verified_passed", "rejection/beyond_limit"): "overdue_not_disposed",
    ("verified_not_passed", "rejection/within_limit"): "in_disposal",
    ("verified_not_passed", "rejection/beyond_limit"): "overdue_not_disposed",
    ("overdue_not_disposed", "filingResult/filed"): "filed",
    ("false_report_applied", "falseReportAnswer/confirmed"): "false_report_confirmed",
    ("false_report_applied", "falseReportAnswer/denied"): "in_disposal",
    ("false_report_applied", "closing/false_report_unasked"): "closed_false_report",
    ("false_report_confirmed", "closing/false_report"): "closed_false_report",
    ("false_report_confirmed", "closing/false_report_unasked"): "closed_false_report",
}
OPEN_AND_FILED = (
    "filed",
    "in_disposal",
    "awaiting_verification",
    "verified_passed",
    "verified_not_passed",
    "overdue_not_disposed",
    "false_report_applied",
    "false_report_confirmed",
)
DECIDED = (
    "extensionNotice/granted",
    "extensionNotice/refused",
    "extensionNotice/lapsed",
    "returnNotice/refused",
    "returnNotice/lapsed",
    "transferNotice/granted",
    "transferNotice/refused",
    "transferNotice/lapsed",
)
STAYING = {
    *product(("handed_over", *OPEN_AND_FILED), ("supplement",)),
    *product([stage.value for stage in S if stage is not S.UNKNOWN], ("contactNotice",)),
    *product((*OPEN_AND_FILED, "closed"), ("stageProgress", *DECIDED)),
    *product(
        ("in_disposal", "false_report_applied"),
        ("extensionNotice/applied", "returnNotice/applied", "transferNotice/applied"),
    ),
    *product(("closed_false_report",), ("extensionNotice/lapsed", "returnNotice/lapsed", "transferNotice/lapsed")),
}


@pytest.mark.parametrize(("stage", "move"), [*product(S, Move)], ids=str)
def test_each_form_leads_from_each_stage_where_the_plan_says_or_nowhere(stage, move):
    key = (stage.value, move.value)
    expected = MOVING.get(key, stage.value if key in STAYING else None)
    assert next_stage(stage, move) == expected


def test_every_stage_has_a_row_and_the_final_ones_move_nowhere():
    assert set(MOVES) == set(S) == set(TELLING) == set(ROWS)
    assert {stage for stage, moves in MOVES.items() if not moves} == FINAL_STAGES


def test_no_form_both_moves_and_stays():
    for stage in S:
        assert not set(MOVES[stage]) & TELLING[stage]


def test_every_move_is_legal_somewhere():
    assert {move for row in ROWS.values() for move in row} == set(Move)


def test_every_stage_can_be_reached_from_the_start():
    reached, open_ends = {S.UNKNOWN}, [S.UNKNOWN]
    while open_ends:
        for after in MOVES[open_ends.pop()].values():
            if after not in reached:
                reached.add(after)
                open_ends.append(after)
    assert reached == set(S)


def test_every_form_of_the_contract_makes_a_move_and_only_its_writer_makes_it():
    for direction, types in FORMS_BY_DIRECTION.items():
        assert {move.form_type for move in Move if direction in move.directions} == set(types)
    assert Move.CLOSING_NORMAL.directions == (Direction.TO_URBAN,)
    assert Move.CLOSING_FALSE_REPORT.directions == (Direction.TO_GRID,)
    assert Move.CONTACT_NOTICE.directions == (Direction.TO_URBAN, Direction.TO_GRID)


@pytest.mark.parametrize(
    ("stage", "direction", "legal"),
    [
        (S.UNKNOWN, Direction.TO_URBAN, (T.HAND_OVER,)),
        (S.UNKNOWN, Direction.TO_GRID, ()),
        (S.HANDED_OVER, Direction.TO_URBAN, (T.SUPPLEMENT, T.WITHDRAWAL, T.CONTACT_NOTICE)),
        (S.HANDED_OVER, Direction.TO_GRID, (T.FILING_RESULT, T.CONTACT_NOTICE)),
        (S.VERIFIED_PASSED, Direction.TO_URBAN, (T.SUPPLEMENT, T.REJECTION, T.CLOSING, T.CONTACT_NOTICE)),
        (S.CLOSED, Direction.TO_URBAN, (T.CONTACT_NOTICE,)),
    ],
)
def test_the_legal_forms_of_a_side_stand_in_the_contracts_order(stage, direction, legal):
    assert legal_forms(stage, direction) == legal


@pytest.mark.parametrize(
    ("kind", "changes", "move"),
    [
        (T.FILING_RESULT, {}, Move.FILED),
        (T.EXTENSION_NOTICE, {"decision": Decision.GRANTED}, Move.EXTENSION_GRANTED),
        (T.RETURN_NOTICE, {"decision": Decision.LAPSED}, Move.RETURN_LAPSED),
        (T.TRANSFER_NOTICE, {"decision": Decision.REFUSED}, Move.TRANSFER_REFUSED),
        (T.VERIFICATION_RESULT, {}, Move.VERIFIED_PASSED),
        (T.VERIFICATION_RESULT, {"outcome": VerificationOutcome.NOT_PASSED}, Move.VERIFIED_NOT_PASSED),
        (T.REJECTION, {"ordinal": 3}, Move.REJECTION_WITHIN),
        (T.REJECTION, {"ordinal": 4}, Move.REJECTION_BEYOND),
        (T.FALSE_REPORT_ANSWER, {"confirmed": True}, Move.FALSE_REPORT_CONFIRMED),
        (T.FALSE_REPORT_ANSWER, {"confirmed": False}, Move.FALSE_REPORT_DENIED),
        (T.CLOSING, {}, Move.CLOSING_NORMAL),
        (T.CLOSING, {"kind": ClosingKind.FALSE_REPORT}, Move.CLOSING_FALSE_REPORT),
        (T.CONTACT_NOTICE, {}, Move.CONTACT_NOTICE),
    ],
)
def test_what_a_form_says_decides_the_move_it_makes(kind, changes, move):
    assert move_of(sample.form(kind, **changes), Choices()) is move


def test_where_the_grid_side_is_not_asked_a_false_report_closes_without_its_answer():
    closing = sample.form(T.CLOSING, kind=ClosingKind.FALSE_REPORT)
    applied = CaseView(S.FALSE_REPORT_APPLIED, sample.TASK, 1, 0)

    assert advance(applied, closing, Choices()) is None
    assert advance(applied, closing, Choices(grid_confirms_false_report=False)).stage is S.CLOSED_FALSE_REPORT


def test_a_refiling_brings_a_new_task_number_and_counts_rejections_from_nothing():
    overdue = CaseView(S.OVERDUE_NOT_DISPOSED, sample.TASK, 1, 4)
    refiling = sample.form(T.FILING_RESULT, filing_ordinal=2, task_number="T20260303-000009")

    assert advance(overdue, refiling, Choices()) == CaseView(S.FILED, "T20260303-000009", 2, 0)
    assert advance(overdue, refiling, Choices(counter_restarts_on_refiling=False)).rejections == 4


def test_each_rejection_counts_one():
    passed = CaseView(S.VERIFIED_PASSED, sample.TASK, 1, 2)
    assert advance(passed, sample.form(T.REJECTION, ordinal=3), Choices()) == CaseView(S.IN_DISPOSAL, sample.TASK, 1, 3)


class TestPossibleViews:
    handed_over = CaseView(S.HANDED_OVER, None, 0, 0)

    def stages(self, own=(), other=(), start=None):
        return [view.stage for view in possible_views(start or self.handed_over, own, other, Choices())]

    def test_with_nothing_under_way_there_is_one(self):
        assert self.stages() == [S.HANDED_OVER]

    def test_the_settled_view_stands_first(self):
        assert self.stages(other=[sample.form(T.FILING_RESULT)])[0] is S.HANDED_OVER

    def test_a_form_under_way_may_have_been_taken_or_refused(self):
        assert set(self.stages(other=[sample.form(T.FILING_RESULT)])) == {S.HANDED_OVER, S.FILED}

    def test_forms_of_one_side_keep_their_order(self):
        own = [sample.form(T.DISPATCH), sample.form(T.FILING_RESULT)]
        assert set(self.stages(own=own)) == {S.HANDED_OVER, S.FILED}

    def test_a_chain_of_forms_may_have_been_taken_up_to_any_point(self):
        own = [sample.form(T.FILING_RESULT), sample.form(T.DISPATCH), sample.form(T.VERIFICATION_REQUEST)]
        assert set(self.stages(own=own)) == {S.HANDED_OVER, S.FILED, S.IN_DISPOSAL, S.AWAITING_VERIFICATION}

    def test_forms_of_the_two_sides_may_have_crossed_either_way(self):
        own, other = [sample.form(T.WITHDRAWAL)], [sample.form(T.FILING_RESULT)]
        assert set(self.stages(own, other)) == {S.HANDED_OVER, S.WITHDRAWN, S.FILED}


@pytest.mark.parametrize(
    ("stage", "state"),
    [
        (S.HANDED_OVER, HandedOverState.HANDED_OVER),
        (S.UNKNOWN, HandedOverState.HANDED_OVER),
        (S.WITHDRAWN, HandedOverState.WITHDRAWN),
        (S.DECLINED, HandedOverState.DECLINED),
        (S.CLOSED, HandedOverState.CLOSED),
        (S.CLOSED_FALSE_REPORT, HandedOverState.CLOSED_FALSE_REPORT),
        *((S(each), HandedOverState.FILED) for each in OPEN_AND_FILED),
    ],
)
def test_a_query_says_in_six_words_where_a_case_is(stage, state):
    assert handed_over_state(stage) is state
