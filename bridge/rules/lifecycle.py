"""The exchange's view of a case's life: which form leads from which stage to which.

`MOVES` is the law of movement; final stages have an empty row. `TELLING` names the forms that are legal in a stage and
move nothing. `ROWS` is both together, and what is in neither is refused.

Things that a reader may stumble over:

- The view moves when the recipient *confirms* a form. The two directions run independently, so a form may arrive that
  is legal only once a form of the other direction has arrived over there. `possible_views` lists where the case can be.
- Some news is legal later than one would think, because a form waits for its turn at its sender while the case moves
  on: the progress to the closing stage may come after the grid side's closing has been confirmed, and an application
  that was overtaken is decided, or lapses, afterwards. None of them moves anything.
- A granted return leads back to FILED: the case is filed and wants a new dispatch (URBAN-4).
- The fourth rejection does not lead to a filing by itself; the urban platform must file again (INT-8).
- `closing/false_report_unasked` is the closing of a false report in a city where the grid side is told and not asked
  (EXC-3, choice grid_confirms_false_report).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, cast

from bridge.rules.rejection import is_within_limit, rejections_after_filing
from bridge.vocabulary.codes import ClosingKind, Decision, FilingOutcome, VerificationOutcome
from bridge.vocabulary.forms import (
    FORMS_BY_DIRECTION,
    Closing,
    ExtensionNotice,
    FalseReportAnswer,
    FilingResult,
    Form,
    FormType,
    Rejection,
    ReturnNotice,
    TransferNotice,
    VerificationResult,
)
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.profile import Choices
from bridge.vocabulary.stages import FINAL_STAGES, ExchangeStage, HandedOverState

S = ExchangeStage


class Move(StrEnum):
    """A form type, with what its content says where that decides the way."""

    HAND_OVER = "handOver"
    SUPPLEMENT = "supplement"
    WITHDRAWAL = "withdrawal"
    FILED = "filingResult/filed"
    DECLINED = "filingResult/declined"
    DISPATCH = "dispatch"
    STAGE_PROGRESS = "stageProgress"
    EXTENSION_APPLIED = "extensionNotice/applied"
    EXTENSION_GRANTED = "extensionNotice/granted"
    EXTENSION_REFUSED = "extensionNotice/refused"
    EXTENSION_LAPSED = "extensionNotice/lapsed"
    RETURN_APPLIED = "returnNotice/applied"
    RETURN_GRANTED = "returnNotice/granted"
    RETURN_REFUSED = "returnNotice/refused"
    RETURN_LAPSED = "returnNotice/lapsed"
    TRANSFER_APPLIED = "transferNotice/applied"
    TRANSFER_GRANTED = "transferNotice/granted"
    TRANSFER_REFUSED = "transferNotice/refused"
    TRANSFER_LAPSED = "transferNotice/lapsed"
    VERIFICATION_REQUEST = "verificationRequest"
    VERIFIED_PASSED = "verificationResult/passed"
    VERIFIED_NOT_PASSED = "verificationResult/not_passed"
    REJECTION_WITHIN = "rejection/within_limit"
    REJECTION_BEYOND = "rejection/beyond_limit"
    FALSE_REPORT_APPLICATION = "falseReportApplication"
    FALSE_REPORT_CONFIRMED = "falseReportAnswer/confirmed"
    FALSE_REPORT_DENIED = "falseReportAnswer/denied"
    CLOSING_NORMAL = "closing/normal"
    CLOSING_FALSE_REPORT = "closing/false_report"
    CLOSING_FALSE_REPORT_UNASKED = "closing/false_report_unasked"
    CONTACT_NOTICE = "contactNotice"

    @property
    def form_type(self) -> FormType:
        """The form that makes this move."""
        return FormType(self.value.partition("/")[0])

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Who may make it: one platform, or (a contact notice) both."""
        if self is Move.CLOSING_NORMAL:
            return (Direction.TO_URBAN,)
        if self in (Move.CLOSING_FALSE_REPORT, Move.CLOSING_FALSE_REPORT_UNASKED):
            return (Direction.TO_GRID,)
        return tuple(each for each, types in FORMS_BY_DIRECTION.items() if self.form_type in types)


#: THE table: stage → move → next stage.
MOVES: Mapping[ExchangeStage, Mapping[Move, ExchangeStage]] = {
    S.UNKNOWN: {
        Move.HAND_OVER: S.HANDED_OVER,
    },
    S.HANDED_OVER: {
        Move.WITHDRAWAL: S.WITHDRAWN,
        Move.FILED: S.FILED,
        Move.DECLINED: S.DECLINED,
    },
    S.FILED: {
        Move.DISPATCH: S.IN_DISPOSAL,
    },
    S.IN_DISPOSAL: {
        Move.RETURN_GRANTED: S.FILED,
        Move.VERIFICATION_REQUEST: S.AWAITING_VERIFICATION,
        Move.FALSE_REPORT_APPLICATION: S.FALSE_REPORT_APPLIED,
    },
    S.AWAITING_VERIFICATION: {
        Move.VERIFIED_PASSED: S.VERIFIED_PASSED,
        Move.VERIFIED_NOT_PASSED: S.VERIFIED_NOT_PASSED,
    },
    S.VERIFIED_PASSED: {
        Move.CLOSING_NORMAL: S.CLOSED,
        Move.REJECTION_WITHIN: S.IN_DISPOSAL,
        Move.REJECTION_BEYOND: S.OVERDUE_NOT_DISPOSED,
    },
    S.VERIFIED_NOT_PASSED: {
        Move.REJECTION_WITHIN: S.IN_DISPOSAL,
        Move.REJECTION_BEYOND: S.OVERDUE_NOT_DISPOSED,
    },
    S.OVERDUE_NOT_DISPOSED: {
        Move.FILED: S.FILED,
    },
    S.FALSE_REPORT_APPLIED: {
        Move.FALSE_REPORT_CONFIRMED: S.FALSE_REPORT_CONFIRMED,
        Move.FALSE_REPORT_DENIED: S.IN_DISPOSAL,
        Move.CLOSING_FALSE_REPORT_UNASKED: S.CLOSED_FALSE_REPORT,
    },
    S.FALSE_REPORT_CONFIRMED: {
        Move.CLOSING_FALSE_REPORT: S.CLOSED_FALSE_REPORT,
        Move.CLOSING_FALSE_REPORT_UNASKED: S.CLOSED_FALSE_REPORT,
    },
    S.WITHDRAWN: {},
    S.DECLINED: {},
    S.CLOSED: {},
    S.CLOSED_FALSE_REPORT: {},
}

_APPLIED = frozenset({Move.EXTENSION_APPLIED, Move.RETURN_APPLIED, Move.TRANSFER_APPLIED})
#: Applications that something overtook before anybody decided.
LAPSED = frozenset({Move.EXTENSION_LAPSED, Move.RETURN_LAPSED, Move.TRANSFER_LAPSED})
#: Decisions that leave the case where it is; a granted return is a move.
_DECIDED = LAPSED | {
    Move.EXTENSION_GRANTED,
    Move.EXTENSION_REFUSED,
    Move.RETURN_REFUSED,
    Move.TRANSFER_GRANTED,
    Move.TRANSFER_REFUSED,
}
_TALK = frozenset({Move.SUPPLEMENT, Move.CONTACT_NOTICE})
_NEWS = _TALK | {Move.STAGE_PROGRESS} | _DECIDED

#: Forms that are legal in a stage and move nothing.
TELLING: Mapping[ExchangeStage, frozenset[Move]] = {
    S.UNKNOWN: frozenset(),
    S.HANDED_OVER: _TALK,
    S.FILED: _NEWS,
    S.IN_DISPOSAL: _NEWS | _APPLIED,
    S.AWAITING_VERIFICATION: _NEWS,
    S.VERIFIED_PASSED: _NEWS,
    S.VERIFIED_NOT_PASSED: _NEWS,
    S.OVERDUE_NOT_DISPOSED: _NEWS,
    S.FALSE_REPORT_APPLIED: _NEWS | _APPLIED,
    S.FALSE_REPORT_CONFIRMED: _NEWS,
    S.WITHDRAWN: frozenset({Move.CONTACT_NOTICE}),
    S.DECLINED: frozenset({Move.CONTACT_NOTICE}),
    S.CLOSED: (_NEWS - _TALK) | {Move.CONTACT_NOTICE},
    S.CLOSED_FALSE_REPORT: LAPSED | {Move.CONTACT_NOTICE},
}

#: Every legal form of every stage, and where it leads.
ROWS: Mapping[ExchangeStage, Mapping[Move, ExchangeStage]] = {
    stage: {**moves, **dict.fromkeys(sorted(TELLING[stage]), stage)} for stage, moves in MOVES.items()
}

#: Stages of a case that has never been filed.
BEFORE_FILING = frozenset({S.UNKNOWN, S.HANDED_OVER, S.WITHDRAWN, S.DECLINED})


class CaseView(NamedTuple):
    """What the exchange believes of a case at one moment."""

    stage: ExchangeStage
    task_number: str | None
    filing_ordinal: int
    #: Rejections within the current filing (INT-8).
    rejections: int


def next_stage(stage: ExchangeStage, move: Move) -> ExchangeStage | None:
    """Where `move` leads from `stage`; the same stage when it only tells, None when it is not legal there."""
    return ROWS[stage].get(move)


def legal_forms(stage: ExchangeStage, direction: Direction) -> tuple[FormType, ...]:
    """The types of form that the writing side of `direction` may send in `stage`, in the contract's order."""
    legal = {move.form_type for move in ROWS[stage] if direction in move.directions}
    return tuple(each for each in FORMS_BY_DIRECTION[direction] if each in legal)


def move_of(form: Form, choices: Choices) -> Move:
    """The move that a form makes."""
    fixed = _FIXED.get(form.form_type)
    if fixed is not None:
        return fixed
    return _BY_CONTENT[form.form_type](form, choices)


def advance(view: CaseView, form: Form, choices: Choices) -> CaseView | None:
    """The view after the recipient has taken `form`; None when the form is not legal in that view."""
    move = move_of(form, choices)
    stage = ROWS[view.stage].get(move)
    if stage is None:
        return None
    if move is Move.FILED:
        filing = cast(FilingResult, form)
        return CaseView(
            stage,
            filing.task_number,
            filing.filing_ordinal,
            rejections_after_filing(view.rejections, choices),
        )
    if move is Move.REJECTION_WITHIN or move is Move.REJECTION_BEYOND:
        return CaseView(stage, view.task_number, view.filing_ordinal, view.rejections + 1)
    if stage is view.stage:
        return view
    return CaseView(stage, view.task_number, view.filing_ordinal, view.rejections)


def possible_views(
    view: CaseView,
    own: Sequence[Form],
    other: Sequence[Form],
    choices: Choices,
) -> tuple[CaseView, ...]:
    """Where the case can be for somebody who writes a form now, `view` first.

    `own` are the writer's earlier forms without a receipt, `other` the forms of the far side that may have reached the
    writer; both in their order. Each may have been taken or refused, in every interleaving of the two.
    """
    if not own and not other:
        return (view,)
    found = {(view, 0, 0): None}
    open_ends = [(view, 0, 0)]
    while open_ends:
        here, i, j = open_ends.pop()
        ways: list[tuple[CaseView, int, int]] = []
        if i < len(own):
            ways += [(each, i + 1, j) for each in (here, advance(here, own[i], choices)) if each is not None]
        if j < len(other):
            ways += [(each, i, j + 1) for each in (here, advance(here, other[j], choices)) if each is not None]
        for way in ways:
            if way not in found:
                found[way] = None
                open_ends.append(way)
    return tuple(dict.fromkeys(each for each, _, _ in found))


def handed_over_state(stage: ExchangeStage) -> HandedOverState:
    """What a query says of a case in this stage (XCHG-2)."""
    if stage in FINAL_STAGES:
        return HandedOverState(stage.value)
    if stage in BEFORE_FILING:
        return HandedOverState.HANDED_OVER
    return HandedOverState.FILED


_FIXED: dict[FormType, Move] = {
    FormType.HAND_OVER: Move.HAND_OVER,
    FormType.SUPPLEMENT: Move.SUPPLEMENT,
    FormType.WITHDRAWAL: Move.WITHDRAWAL,
    FormType.DISPATCH: Move.DISPATCH,
    FormType.STAGE_PROGRESS: Move.STAGE_PROGRESS,
    FormType.VERIFICATION_REQUEST: Move.VERIFICATION_REQUEST,
    FormType.FALSE_REPORT_APPLICATION: Move.FALSE_REPORT_APPLICATION,
    FormType.CONTACT_NOTICE: Move.CONTACT_NOTICE,
}

_FILING = {FilingOutcome.FILED: Move.FILED, FilingOutcome.DECLINED: Move.DECLINED}
_EXTENSION = {each: Move(f"extensionNotice/{each.value}") for each in Decision}
_RETURN = {each: Move(f"returnNotice/{each.value}") for each in Decision}
_TRANSFER = {each: Move(f"transferNotice/{each.value}") for each in Decision}
_VERIFICATION = {
    VerificationOutcome.PASSED: Move.VERIFIED_PASSED,
    VerificationOutcome.NOT_PASSED: Move.VERIFIED_NOT_PASSED,
}


def _rejection(form: Form, choices: Choices) -> Move:
    within = is_within_limit(cast(Rejection, form).ordinal, choices)
    return Move.REJECTION_WITHIN if within else Move.REJECTION_BEYOND


def _closing(form: Form, choices: Choices) -> Move:
    if cast(Closing, form).kind is ClosingKind.NORMAL:
        return Move.CLOSING_NORMAL
    if choices.grid_confirms_false_report:
        return Move.CLOSING_FALSE_REPORT
    return Move.CLOSING_FALSE_REPORT_UNASKED


def _answer(form: Form, choices: Choices) -> Move:
    return Move.FALSE_REPORT_CONFIRMED if cast(FalseReportAnswer, form).confirmed else Move.FALSE_REPORT_DENIED


_BY_CONTENT: dict[FormType, Callable[[Form, Choices], Move]] = {
    FormType.FILING_RESULT: lambda form, _: _FILING[cast(FilingResult, form).outcome],
    FormType.EXTENSION_NOTICE: lambda form, _: _EXTENSION[cast(ExtensionNotice, form).decision],
    FormType.RETURN_NOTICE: lambda form, _: _RETURN[cast(ReturnNotice, form).decision],
    FormType.TRANSFER_NOTICE: lambda form, _: _TRANSFER[cast(TransferNotice, form).decision],
    FormType.VERIFICATION_RESULT: lambda form, _: _VERIFICATION[cast(VerificationResult, form).outcome],
    FormType.REJECTION: _rejection,
    FormType.FALSE_REPORT_ANSWER: _answer,
    FormType.CLOSING: _closing,
}
