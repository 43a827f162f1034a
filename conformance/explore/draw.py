"""How Hypothesis draws a story: numbers that say what is wanted next, read with the model at hand.

A wish is five numbers; which move they mean depends on where the cases stand, so that most stories get far. Smaller numbers mean more ordinary things, and nought means nothing at all, which is what shrinking leads to.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from bridge.vocabulary.parties import Party
from conformance.explore.life import Kind, Life, Mishap
from conformance.explore.story import LONG_WAITS, SHORT_WAIT, Doing, Move, Possibilities, Spoiling, Story, Teller
from conformance.scenario.steps import Quirkiness

#: Wishes of a story; some of them come to nothing.
_WISHES_MIN, _WISHES_MAX = 12, 32
_CASES_MAX = 3

#: What the integration profile may say otherwise, where each story can have settings of its own.
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"grid.receipts": "response"},
    {"urban.receipts": "response"},
    {"grid.receipts": "response", "urban.receipts": "response"},
    {"bridge.receipts": "response"},
    {"choices.max_rejections": 1},
    {"choices.max_rejections": 2},
    {"choices.grid_confirms_false_report": False},
    {"choices.duplicate_scope_includes_declined": False},
    {"choices.restart_on_transfer": False},
    {"choices.auto_verifier": "社管核查专用"},
    {"choices.hand_over": "query"},
)

#: Where a fresh case begins, and after how many rejections; the limit itself is `None`.
BEGINNINGS: tuple[tuple[str, int | None], ...] = (
    ("reported", 0),
    ("reported", 0),
    ("reported", 0),
    ("handed_over", 0),
    ("handed_over", 0),
    ("filed", 0),
    ("dispatched", 0),
    ("disposal", 0),
    ("disposal", 0),
    ("verification", 0),
    ("verified", 0),
    ("verification_failed", 0),
    ("verification_failed", 1),
    ("disposal", 1),
    ("disposal", None),
    ("verification_failed", None),
    ("verified", None),
    ("closed", 0),
)

#: What a report says otherwise.
REPORTS: tuple[dict[str, str], ...] = (
    *({},) * 6,
    {"source": "hotline"},
    {"source": "public_report"},
    {"subcategory": "04"},
    {"subcategory": "01"},
    {"grade": "urgent"},
)

_DELAYED = {"for": "20 minutes"}
SPOILINGS: tuple[Spoiling, ...] = (
    Spoiling("repeat", "form", Mishap.REPEATED),
    Spoiling("repeat", "receipt", Mishap.REPEATED),
    Spoiling("repeat", "form", Mishap.REPEATED, hop="first"),
    Spoiling("lose", "form", Mishap.LOST),
    Spoiling("lose", "receipt", Mishap.UNHEARD),
    Spoiling("lose", "answer", Mishap.UNHEARD),
    Spoiling("hang_up", "form", Mishap.LOST),
    Spoiling("hang_up", "answer", Mishap.UNHEARD),
    Spoiling("delay", "form", Mishap.LOST, params=_DELAYED),
    Spoiling("delay", "receipt", Mishap.UNHEARD, params=_DELAYED),
    Spoiling("crash", "form", Mishap.STRUCK),
    Spoiling("lose", "form", Mishap.LOST, hop="first"),
    Spoiling("lose", "receipt", Mishap.UNHEARD, hop="last"),
    Spoiling("lose", "answer", Mishap.OPEN, hop="first"),
    Spoiling("crash", "form", Mishap.OPEN, hop="first"),
)
#: Of a thousand acts so many go without a fault.
_UNSPOILED = 760

#: What is done, of a hundred wishes: those up to the first number go on with a case's main line where they can, up to the next do
#: anything that may be done, up to the next try what must be refused, begin a case, wait, stop a party; the last ask for hand-overs.
_ONWARD, _ANYTHING, _ATTEMPT, _BEGIN, _WAIT, _RESTART = 48, 68, 84, 91, 94, 98

_T = TypeVar("_T")


class Wish(NamedTuple):
    """What is wanted next: what kind of thing, then numbers that choose among what is possible."""

    #: Below a hundred.
    doing: int
    case: int
    what: int
    more: int
    #: Below a thousand.
    fault: int

    @classmethod
    def of(cls, drawn: bytes) -> "Wish":
        """The wish that these bytes are; noughts are no wish at all."""
        case, what, more, fault = (int.from_bytes(drawn[at : at + 2], "big") for at in (1, 3, 5, 7))
        return cls(drawn[0] * 100 // 256, case, what, more, fault * 1000 // 65536)


#: Bytes of a wish. Hypothesis draws them all alike, where of numbers it draws small ones more often; nine are read.
_BYTES = 9
_WISH = st.binary(min_size=_BYTES, max_size=_BYTES).map(Wish.of)


def stories(can: Possibilities) -> st.SearchStrategy[Story]:
    """Stories for this stage."""
    return st.builds(_read, st.just(can), _WISH, st.lists(_WISH, min_size=_WISHES_MIN, max_size=_WISHES_MAX))


def _read(can: Possibilities, frame: Wish, wishes: Sequence[Wish]) -> Story:
    """The story that the wishes come to, in circumstances that the first one says."""
    settings = _of(SETTINGS, frame.what) if can.settings else {}
    settings = {key: value for key, value in settings.items() if can.role is Party.BRIDGE or key != "bridge.receipts"}
    # Awkward platforms take their time, which has to be given to them.
    quirks = Quirkiness(seed=frame.fault) if can.clock and frame.more % 4 == 3 else Quirkiness()
    teller = Teller(can, settings, quirks)
    for wish in wishes:
        move = _move(teller, wish, cases_max=1 + frame.case % _CASES_MAX)
        if move is not None:
            teller.make(move)
    return Story(moves=tuple(teller.moves), settings=settings, quirks=quirks)


def _move(teller: Teller, wish: Wish, *, cases_max: int) -> Move | None:
    if wish.doing == 0:
        return None
    lives = teller.lives
    if not lives or (_ATTEMPT < wish.doing <= _BEGIN and len(lives) < cases_max):
        return _beginning(teller, wish)
    going_on = [life for life in lives if not life.ended] or lives
    life = _of(going_on if wish.doing <= _ANYTHING else lives, wish.case)
    if wish.doing <= _ANYTHING:
        return _act(teller, life, wish)
    if wish.doing <= _ATTEMPT:
        # What the suite's own people are refused says nothing of the system.
        forbidden = [refusal for refusal in teller.forbidden(life) if refusal.side.value == teller.can.role.value]
        if forbidden:
            return Move(doing=Doing.ATTEMPT, case=life.name, what=_of(forbidden, wish.what).id)
        return _act(teller, life, wish)
    if wish.doing <= _BEGIN:
        return _act(teller, life, wish)
    if wish.doing <= _WAIT:
        return Move(doing=Doing.WAIT, what=_of((SHORT_WAIT, *LONG_WAITS), wish.what))
    if wish.doing <= _RESTART:
        return Move(doing=Doing.RESTART, what=_of(teller.can.parties, wish.what).value)
    return Move(doing=Doing.QUERY)


def _act(teller: Teller, life: Life, wish: Wish) -> Move | None:
    possible = teller.possible(life)
    ahead = [act for act in possible if act.leads_on]
    choice = ahead if ahead and wish.doing <= _ONWARD else possible
    if not choice:
        return None
    spoiling = _of(SPOILINGS, wish.fault - _UNSPOILED) if wish.fault >= _UNSPOILED else None
    return Move(doing=Doing.ACT, case=life.name, what=_of(choice, wish.what).id, spoiling=spoiling)


def _beginning(teller: Teller, wish: Wish) -> Move:
    name = f"c{len(teller.lives) + 1}"
    if wish.more % 10 == 8:
        return Move(doing=Doing.BEGIN, case=name, kind=Kind.NATIVE)
    if wish.more % 10 == 9:
        return Move(doing=Doing.BEGIN, case=name, kind=Kind.OWN)
    transferred = [life for life in teller.lives if life.kind is Kind.TRANSFERRED]
    if transferred and wish.more % 10 >= 4:
        what = _of(("both", "turned", "words", "photos"), wish.what)
        return Move(doing=Doing.BEGIN, case=name, like=(_of(transferred, wish.case).name, what))
    more = _of(REPORTS, wish.fault)
    if teller.model.rules.by_query:
        return Move(doing=Doing.BEGIN, case=name, more=more)
    at, rejections = _of(BEGINNINGS, wish.what)
    limit = teller.model.rules.max_rejections
    if at == "disposal" and rejections is None:
        rejections = limit + wish.case % 2
    return Move(doing=Doing.BEGIN, case=name, at=at, rejections=limit if rejections is None else rejections, more=more)


def _of(choice: Sequence[_T], number: int) -> _T:
    return choice[number % len(choice)]
