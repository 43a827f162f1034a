"""One case as both sides of it know it, and what each must say of it when asked."""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.vocabulary.codes import DeclineReason
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import HandOverMode, Profile

GRID, URBAN = Side.GRID, Side.URBAN


class Kind(StrEnum):
    """Whose case it is."""

    #: Of the city-appearance department: handed over to the urban platform (GRID-6).
    TRANSFERRED = "transferred"
    #: Of another department of the grid side: never leaves it (GRID-5).
    OWN = "own"
    #: Of the urban platform's own: never reaches the grid side (URBAN-3).
    NATIVE = "native"


class Mishap(StrEnum):
    """What becomes of a form that the network spoils, as far as the story can count on it."""

    #: It arrives only when it is sent again.
    LOST = "lost"
    #: Whether it arrives before it is sent again is open.
    OPEN = "open"
    #: It arrives, and its sender does not hear of it.
    UNHEARD = "unheard"
    #: The same, and whether what follows from it is told at once is open.
    STRUCK = "struck"
    #: It arrives more than once.
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the integration profile decides."""

    max_rejections: int = 3
    counter_restarts: bool = True
    grid_confirms_false_report: bool = True
    declined_count_as_received: bool = True
    #: Hand-overs wait until they are asked for (XCHG-2).
    by_query: bool = False

    @classmethod
    def of(cls, profile: Profile) -> "Rules":
        """The rules of a profile."""
        choices = profile.choices
        return cls(
            max_rejections=choices.max_rejections,
            counter_restarts=choices.counter_restarts_on_refiling,
            grid_confirms_false_report=choices.grid_confirms_false_report,
            declined_count_as_received=choices.duplicate_scope_includes_declined,
            by_query=choices.hand_over is HandOverMode.QUERY,
        )


# ── one case ────────────────────────────────────────────────────────────────────────────────────────

UNKNOWN = "unknown"
FILING, ASSIGNMENT, DISPOSAL = "filing_and_dispatch", "district_assignment", "department_disposal"
#: Districts other than the case's own: dispatched to, and transferred to.
FAR, FARTHER = "340207", "340209"
DISTRICT_VERIFICATION, CITY_VERIFICATION, CLOSING = "district_verification", "city_verification", "closing"
#: Verified as not passed: which of its stages the urban side shows then, no clause says.
NOT_PASSED = "not_passed"
#: Nothing leads out of these; both sides have the same words for them.
ENDED = frozenset({"declined", "withdrawn", "closed", "closed_false_report"})
_STAGES = frozenset({FILING, ASSIGNMENT, DISPOSAL, DISTRICT_VERIFICATION, CITY_VERIFICATION, CLOSING})
OPEN = _STAGES | {NOT_PASSED}


@dataclass(slots=True)
class GridView:
    """What the grid side knows."""

    at: str = "reported"
    handed_over: bool = False
    #: Where it believes the urban side to be; None where it has not been told.
    stage: str | None = None
    filing: int = 0
    rejections: int = 0
    #: A false-report application waits for its answer.
    asked: bool = False
    #: A withdrawal is out.
    withdrawing: bool = False
    #: The other side's contact was told that a matter has begun, and not yet that it is over.
    told: bool = False


@dataclass(slots=True)
class UrbanView:
    """What the urban side knows."""

    at: str = UNKNOWN
    filing: int = 0
    #: In the present filing.
    rejections: int = 0
    #: Towards the limit.
    counted: int = 0
    passed: bool = False
    #: The district that it was sent to, where that is not its own.
    place: str | None = None
    #: Applications that wait for their decision: `extension`, `return`, `transfer`.
    waiting: set[str] = field(default_factory=set)
    #: Applications that something overtook: whether they can still be decided is left open.
    overtaken: set[str] = field(default_factory=set)
    #: None, `applied` (the city verifier is to decide) or `asked` (the grid side is).
    false_report: str | None = None
    #: The other side's contact was told that a matter has begun, and not yet that it is over.
    told: bool = False
    #: The case that this one repeats (EXC-1).
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """News on its way to one side."""

    type: FormType
    to: Side
    says: str = ""


Content = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class Life:
    """One case."""

    name: str
    kind: Kind
    #: Description and photos, by which duplicates are told (EXC-1).
    content: Content
    grid: GridView = field(default_factory=GridView)
    urban: UrbanView = field(default_factory=UrbanView)
    #: Forms that have not arrived yet, in their order, by receiver.
    under_way: dict[Side, deque[Form]] = field(default_factory=lambda: {GRID: deque(), URBAN: deque()})
    #: Receivers that forms do not get through to at once, and why.
    held: dict[Side, Mishap] = field(default_factory=dict)
    #: Sides of which nobody could say what has reached them.
    unsure: set[Side] = field(default_factory=set)
    #: How many forms of each type have been posted.
    posted: Counter[FormType] = field(default_factory=Counter)
    #: What happens to the next form to a side.
    spoiled: dict[Side, Mishap] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """True when everything that was said has arrived and been heard."""
        return not self.held and not self.unsure

    @property
    def ended(self) -> bool:
        """True when the case is over in the eyes of both sides, as far as each has part in it."""
        here, there = self.grid.at in ENDED, self.urban.at in ENDED
        if self.kind is Kind.NATIVE:
            return there
        return here and (there or not self.grid.handed_over)


# ── what everybody must say ─────────────────────────────────────────────────────────────────────────


def grid_says(life: Life) -> dict[str, Any]:
    """What the grid side's books must say of the case."""
    if life.kind is Kind.NATIVE:
        return {"unknown": True}
    view = life.grid
    said: dict[str, Any] = {"state": view.at}
    if not view.handed_over:
        return said
    if view.at in ("declined", "withdrawn"):
        return said
    said |= {"filing_ordinal": view.filing, "rejections": view.rejections}
    if view.stage is not None and view.at not in ENDED and view.at != "verification_failed":
        said["urban_stage"] = view.stage
    return said


def urban_says(life: Life, rules: Rules) -> dict[str, Any]:
    """What the urban side's books must say of it."""
    view = life.urban
    if view.at == UNKNOWN:
        return {"unknown": True}
    if view.original is not None:
        return {
            "status": "declined",
            "decline_reason": DeclineReason.DUPLICATE.value,
            "original_case_number": {"case": view.original},
        }
    if view.at not in OPEN:
        return {"status": view.at}
    stage = {} if view.at == NOT_PASSED else {"stage": view.at}
    place = {} if view.place is None else {"district": view.place}
    return {"status": "open", **stage, **place, "filing_ordinal": view.filing, "rejections": view.rejections}


_EXCHANGE = {
    "received": "handed_over",
    FILING: "filed",
    ASSIGNMENT: "in_disposal",
    DISPOSAL: "in_disposal",
    DISTRICT_VERIFICATION: "awaiting_verification",
    NOT_PASSED: "verified_not_passed",
    CLOSING: "verified_passed",
}


def bridge_says(life: Life) -> dict[str, Any] | None:
    """What a bridge must say of a case of which everything has arrived; None of one that never crossed it."""
    if life.kind is not Kind.TRANSFERRED or life.urban.at == UNKNOWN:
        return None
    stage = (
        "false_report_applied" if life.urban.false_report == "asked" else _EXCHANGE.get(life.urban.at, life.urban.at)
    )
    if stage in ("declined", "withdrawn"):
        return {"stage": stage}
    return {"stage": stage, "filing_ordinal": life.grid.filing, "rejections": life.grid.rejections}
