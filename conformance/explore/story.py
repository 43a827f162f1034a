"""A made-up story: moves that the model allows, told in the words of scenarios with what must be seen after each.

A `Move` says what somebody wants; `Teller` asks the model whether it can be, and tells the steps of it. A move that cannot be is left
out, so that any part of a story is a story again: that is what shrinking lives on.

Every step knows the clause that speaks when it does not go as it should.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.explore.life import (
    DISPOSAL,
    GRID,
    URBAN,
    Kind,
    Life,
    Mishap,
    Rules,
    bridge_says,
    grid_says,
    urban_says,
)
from conformance.explore.model import Model
from conformance.explore.tables import ACTS, REFUSALS, Act, Refusal, forbidden, possible
from conformance.scenario import given
from conformance.scenario.profile import apply_settings, read_setting, settings
from conformance.scenario.steps import Quirkiness, Scenario, Step, Wiring
from conformance.scenario.words import Word, acts, catalogue

#: Moves that may be made while a form is held back: the repetition must not come by itself before the story says so.
PATIENCE_MOVES = 4
#: How far the clock moves for everything to have been sent again; covers several spoiled forms in a row.
REST = "1 hour"
#: Moves of the clock after which everything has arrived.
LONG_WAITS = (REST, "4 working hours", "1 day")
#: Long enough for a limit to differ from the one before, and for the receipts of awkward platforms.
SHORT_WAIT = "2 minutes"


_EXPOSED_RUBBISH = {"category": "01", "subcategory": "02"}
_STAIRCASE = {"category": "91", "subcategory": "01"}


class Doing(StrEnum):
    """What a move is."""

    #: A case comes into being, brought to a point of its life.
    BEGIN = "begin"
    ACT = "act"
    #: An attempt that must be refused.
    ATTEMPT = "attempt"
    WAIT = "wait"
    RESTART = "restart"
    #: The urban side asks for hand-overs (XCHG-2).
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Spoiling:
    """A fault for a form of the move: which word, what it hits, and what the story can count on."""

    word: str
    what: str
    mishap: Mishap
    #: Hop, where it is not the usual one.
    hop: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    #: Which of the directions that the act's forms take.
    direction: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One thing that somebody does."""

    doing: Doing
    #: The case; its name in the story.
    case: str = ""
    #: The row of the model's tables, the party that restarts, or how long is waited.
    what: str = ""
    kind: Kind = Kind.TRANSFERRED
    #: A case that this one is like, and in what: `both`, `turned` (the photos in another order), `words`, `photos`.
    like: tuple[str, str] | None = None
    #: What else the report of a fresh case says.
    more: Mapping[str, str] = field(default_factory=dict)
    #: How far a fresh case is brought, after so many rejections.
    at: str = "reported"
    rejections: int = 0
    spoiling: Spoiling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The moves, and the circumstances in which they are made."""

    moves: tuple[Move, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    quirks: Quirkiness = field(default_factory=Quirkiness)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """By which of two stories is the smaller: cases, moves, faults, and what is out of the ordinary."""
        begun = [move for move in self.moves if move.doing is Doing.BEGIN]
        odd = len(self.settings) + (not self.quirks.calm) + sum(move.rejections + len(move.more) for move in begun)
        return len(begun), len(self.moves), sum(move.spoiling is not None for move in self.moves), odd


@dataclass(frozen=True, slots=True, kw_only=True)
class Possibilities:
    """What can be driven and asked on the stage that stories are for."""

    role: Party
    profile: Profile
    #: Whether the system's people can be made to do an act, and the system be asked a question.
    offers_act: Callable[[str], bool] = lambda name: True
    offers_ask: Callable[[str], bool] = lambda name: True
    #: Whether the system has what a clause is about.
    has_clause: Callable[[str], bool] = lambda clause: True
    #: The clock can be moved.
    clock: bool = True
    #: The system can be stopped and started again.
    restart: bool = True
    #: Each story can have settings of its own.
    settings: bool = True

    @property
    def wiring(self) -> Wiring:
        """A bridge is judged between two platforms, a platform facing another."""
        return Wiring.BRIDGED if self.role is Party.BRIDGE else Wiring.DIRECT

    @property
    def parties(self) -> tuple[Party, ...]:
        """Everybody on the stage."""
        return tuple(party for party in Party if party is not Party.BRIDGE or self.role is Party.BRIDGE)

    def can_do(self, word: str) -> bool:
        """Whether somebody can be made to do this."""
        return _acts()[word].party != self.role or self.offers_act(word)

    def can_ask(self, party: Party, question: str = "case") -> bool:
        """Whether the party can be asked this."""
        return party is not self.role or self.offers_ask(question)

    def can_restart(self, party: Party) -> bool:
        """Whether the party can be stopped and started again."""
        return party in self.parties and (party is not self.role or self.restart)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step as a scenario file has it, and whose clause speaks when it does not go as it should."""

    word: str
    params: Mapping[str, Any]
    clause: str
    #: The move that it belongs to, from 0.
    move: int
    #: For `refused`: the act that is refused.
    inner: tuple[str, Mapping[str, Any]] | None = None

    @property
    def is_look(self) -> bool:
        """True when it only looks."""
        return self.word.startswith("expect")

    def written(self) -> dict[str, Any]:
        """The step as a file has it."""
        if self.inner is not None:
            return {self.word: {self.inner[0]: dict(self.inner[1]), **self.params}}
        return {self.word: dict(self.params)}


class Teller:
    """Tells a story step by step."""

    def __init__(self, can: Possibilities, settings_: Mapping[str, Any], quirks: Quirkiness):
        self.can = can
        self.quirks = quirks
        self.profile = profile_with(settings_, can.profile)
        self.model = Model(Rules.of(self.profile))
        #: The moves that could be made, and the steps of all of them.
        self.moves: list[Move] = []
        self.steps: list[Told] = []
        self._remembered = 0
        #: The clause of what was last done to each case: it speaks when the case is looked at later.
        self._last: dict[str, str] = {}
        #: Cases that are like another one, so that their hand-over is about duplicates (EXC-1).
        self._alike: set[str] = set()
        #: Whether the grid worker was seen to have the case to verify.
        self._listed: dict[str, bool] = {}
        self._patience = PATIENCE_MOVES

    @property
    def lives(self) -> list[Life]:
        """The cases so far."""
        return list(self.model.lives.values())

    @property
    def settled(self) -> bool:
        """True when nothing is held back anywhere."""
        return all(life.settled for life in self.lives)

    def possible(self, life: Life) -> list[Act]:
        """The acts that can be done to the case now."""
        return [act for act in possible(life, self.model.rules) if self._can_try(act)]

    def forbidden(self, life: Life) -> list[Refusal]:
        """The attempts that must be refused now."""
        return [refusal for refusal in forbidden(life, self.model.rules) if self._can_try(refusal)]

    def _can_try(self, row: Act | Refusal) -> bool:
        return self.can.can_do(row.word) and self.can.has_clause(row.clause)

    def make(self, move: Move) -> bool:
        """Make a move, if it can be made; what is held back too long is waited for first."""
        if not self.settled and move.doing is not Doing.WAIT and self._patience <= 0:
            self._wait(REST)
        if not self._DO[move.doing](self, move):
            return False
        self.moves.append(move)
        self._patience -= 1
        return True

    def end(self) -> None:
        """Let everything arrive, and look at every case once more."""
        if not self.settled:
            self._wait(REST)
        for life in self.lives:
            self._look(life, self._last[life.name])

    # ── moves ──

    def _begin(self, move: Move) -> bool:
        if move.case in self.model.lives:
            return False
        content = self._content(move)
        if content is None:
            return False
        description, photos = content
        seen = {"description": description, "photos": list(photos), **move.more}
        if move.kind is Kind.NATIVE:
            place: dict[str, Any] = {"source": "collector", **_EXPOSED_RUBBISH}
            return self._report(move, "collector.report", {"as": move.case, **place, **seen}, "URBAN-3", content)
        codes = _STAIRCASE if move.kind is Kind.OWN else _EXPOSED_RUBBISH
        if move.kind is Kind.OWN or move.at == "reported":
            return self._report(move, "worker.report", {"as": move.case, **codes, **seen}, "GRID-3", content)
        return self._given(move, content)

    def _report(
        self, move: Move, word: str, params: Mapping[str, Any], clause: str, content: tuple[str, tuple[str, ...]]
    ) -> bool:
        if not self.can.can_do(word):
            return False
        life = self.model.report(move.case, move.kind, _key(content))
        if move.like is not None:
            self._alike.add(move.case)
        self._last[move.case] = clause
        self._tell(word, params, clause)
        self._look(life, clause)
        return True

    def _given(self, move: Move, content: tuple[str, tuple[str, ...]]) -> bool:
        params: dict[str, Any] = {"case": move.case, "at": move.at, "photos": list(content[1]), **move.more}
        if move.rejections:
            params["rejections"] = move.rejections
        planned = list(given.acts_to(params, self.profile.choices))
        words = {"worker.report", *(word for word, _ in planned)}
        if (
            move.like is not None
            or self.model.rules.by_query
            or not all(map(self.can.can_do, words))
            or not self.settled
        ):
            return False
        life = self.model.report(move.case, move.kind, _key(content))
        for word, own in planned:
            self.model.do(life, _act_of(life, word, own, self.model.rules).does)
        self._last[move.case] = clause = _clause_of(move)
        self._tell("given", params, clause)
        self._catch_breath(life, two_forms=True)
        self._look(life, clause)
        return True

    def _content(self, move: Move) -> tuple[str, tuple[str, ...]] | None:
        """Words and photos of a fresh case; None when it is to be like one that is not there."""
        own = (f"路边有暴露垃圾({move.case})", (f"{move.case}-near", f"{move.case}-far"))
        if move.like is None:
            return own
        name, what = move.like
        other = self.model.lives.get(name)
        if other is None:
            return None
        description, photos = other.content
        if what == "turned":
            return description, photos[::-1]
        return (description if what != "photos" else own[0], photos if what != "words" else own[1])

    def _do_act(self, move: Move) -> bool:
        life, act = self.model.lives.get(move.case), ACTS.get(move.what)
        if life is None or act is None or act not in self.possible(life):
            return False
        refile = act.id in ("reject", "dissatisfied") and life.grid.rejections >= self.model.rules.max_rejections
        watched = self._remember(life, act, refile) if move.spoiling is None else {}
        spoiled = self._spoil(life, act, move.spoiling)
        before = life.posted.copy()
        self.model.do(life, act.does)
        self._last[life.name] = clause = (
            "INT-8" if refile else "EXC-1" if act.id == "hand_over" and life.name in self._alike else act.clause
        )
        self._tell(act.word, {"case": life.name, **_photos(life, act), **act.params}, clause)
        posted = sum((life.posted - before).values())
        if self.model.rules.by_query and act.id == "hand_over":
            self._wait(REST)
        elif not self._catch_breath(life, two_forms=posted > 1 or spoiled):
            self._look(life, clause, watched)
        return True

    def _catch_breath(self, life: Life, *, two_forms: bool) -> bool:
        """Give awkward platforms time for their receipts; True when that was a rest, after which everything was looked at."""
        if self.quirks.calm:
            return False
        if not life.settled:
            self._wait(REST)
            return True
        if two_forms:
            self._tell("clock.advance", {"by": SHORT_WAIT if self.settled else REST}, "RCPT-5")
            if not self.settled:
                self.model.rest()
        return False

    def _remember(self, life: Life, act: Act, refile: bool) -> dict[Side, dict[str, Any]]:
        """Before a limit starts afresh: keep the old value, and let a little time pass. What must differ afterwards, by side."""
        restarts = act.id in ("reject", "dissatisfied") or (
            act.id == "grant_transfer" and self.profile.choices.restart_on_transfer
        )
        if not restarts or not self.can.clock or not self.settled or not self.can.can_ask(Party.URBAN):
            return {}
        self._remembered += 1
        name = f"before_{self._remembered}"
        what = "task_number" if refile else "disposal_started_at"
        self._tell("remember", {"as": name, "party": "urban", "case": life.name, "field": what}, act.clause)
        self._tell("clock.advance", {"by": SHORT_WAIT}, act.clause)
        changed = {what: {"other_than": name}}
        return {URBAN: changed, GRID: changed} if refile else {URBAN: changed}

    def _spoil(self, life: Life, act: Act, spoiling: Spoiling | None) -> bool:
        """Tell the network to spoil a form of the act, where the story can count on what comes of that."""
        if spoiling is None or not life.settled:
            return False
        if spoiling.mishap is not Mishap.REPEATED and (not self.can.clock or self.model.rules.by_query):
            return False
        firsts = self._first_forms(life, act)
        if not firsts:
            return False
        to, form_type = firsts[spoiling.direction % len(firsts)]
        if not self._counts_on(life, act, spoiling, form_type):
            return False
        receiver = Party(to.value) if spoiling.hop is None else Party.BRIDGE
        if spoiling.word == "crash" and not self.can.can_restart(receiver):
            return False
        params: dict[str, Any] = {"what": spoiling.what} if spoiling.word != "crash" else {}
        params |= {"of": form_type.value, "nth": life.posted[form_type] + 1, "case": life.name}
        if spoiling.hop is not None:
            params["hop"] = spoiling.hop
        self._tell(f"network.{spoiling.word}", params | dict(spoiling.params), "RCPT-5")
        if spoiling.mishap is not Mishap.REPEATED:
            life.spoiled[to] = spoiling.mishap
            self._patience = PATIENCE_MOVES
        return True

    def _counts_on(self, life: Life, act: Act, spoiling: Spoiling, form_type: FormType) -> bool:
        if spoiling.hop is not None and self.can.role is not Party.BRIDGE:
            return False
        if act.id == "insist" and self.can.role is Party.BRIDGE:
            # A bridge may refuse it by itself, so that it never comes to where it is to be spoiled.
            return False
        if act.id == "withdraw":
            # The grid side's own view hangs on the receipt.
            return spoiling.mishap not in (Mishap.UNHEARD, Mishap.STRUCK)
        if form_type is FormType.HAND_OVER and spoiling.mishap is Mishap.LOST:
            # Of two equal cases under way at once, either may come first.
            return not any(other.content == life.content and not other.settled for other in self.lives)
        return True

    def _first_forms(self, life: Life, act: Act) -> list[tuple[Side, FormType]]:
        """The first form that the act brings about in each direction, with those that answer it."""
        trial = deepcopy(self.model)
        return trial.rehearse(life.name, act.does)

    def _attempt(self, move: Move) -> bool:
        life, refusal = self.model.lives.get(move.case), REFUSALS.get(move.what)
        if life is None or refusal is None or refusal not in self.forbidden(life):
            return False
        inner = (refusal.word, {"case": life.name, **refusal.params})
        self._tell("refused", {"because": refusal.because}, refusal.clause, inner)
        self._look(life, refusal.clause)
        return True

    def _wait_move(self, move: Move) -> bool:
        if not self.can.clock or (move.what == SHORT_WAIT and not self.settled):
            return False
        self._wait(move.what)
        return True

    def _wait(self, how_long: str) -> None:
        late = [life for life in self.lives if not life.settled]
        self._tell("clock.advance", {"by": how_long}, "RCPT-5")
        if how_long in LONG_WAITS:
            self.model.rest()
        for life in late:
            self._look(life, self._last[life.name])

    def _restart(self, move: Move) -> bool:
        party = Party(move.what)
        if not self.can.can_restart(party):
            return False
        self._tell("party.restart", {"party": party.value}, "RCPT-5")
        if not self.settled:
            self._wait(REST)
        for life in self.lives:
            self._look(life, self._last[life.name])
        return True

    def _query(self, move: Move) -> bool:
        if not self.can.can_do("operator.query") or not self.settled or self.can.wiring is not Wiring.DIRECT:
            return False
        self._tell("operator.query", {}, "XCHG-2")
        for life in self.lives:
            self._look(life, "XCHG-2")
        return True

    _DO: Mapping[Doing, Callable[["Teller", Move], bool]] = {
        Doing.BEGIN: _begin,
        Doing.ACT: _do_act,
        Doing.ATTEMPT: _attempt,
        Doing.WAIT: _wait_move,
        Doing.RESTART: _restart,
        Doing.QUERY: _query,
    }

    # ── steps ──

    def _tell(
        self, word: str, params: Mapping[str, Any], clause: str, inner: tuple[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.steps.append(Told(word=word, params=params, clause=clause, move=len(self.moves), inner=inner))

    def _look(self, life: Life, clause: str, more: Mapping[Side, Mapping[str, Any]] | None = None) -> None:
        """What everybody who can be asked must say of the case, as far as it is known."""
        wanted: dict[str, Any] = {}
        for side, says in ((GRID, grid_says(life)), (URBAN, urban_says(life, self.model.rules))):
            if side not in life.unsure and self.can.can_ask(side.party):
                changed = (more or {}).get(side, {})
                if side is URBAN and "disposal_started_at" in changed and life.urban.at != DISPOSAL:
                    changed = {}
                wanted[side.value] = {**says, **changed}
        if Party.BRIDGE in self.can.parties and life.settled and self.can.can_ask(Party.BRIDGE):
            said = bridge_says(life)
            if said is not None:
                wanted["bridge"] = said
        if wanted:
            self._tell("expect", {"case": life.name, **wanted}, clause)
        if GRID not in life.unsure and life.kind is not Kind.NATIVE and self.can.can_ask(Party.GRID, "worklist"):
            # The verification is a task of the grid worker's, and of nobody else's (GRID-3, INT-4).
            listed = life.grid.at == "awaiting_verification"
            if listed is not self._listed.get(life.name, False):
                self._listed[life.name] = listed
                question = {"party": "grid", "role": "worker", "case": life.name, "listed": listed}
                self._tell("expect.worklist", question, "GRID-3")


@cache
def _acts() -> Mapping[str, Word]:
    """The words that somebody at a party does, looked up many times for each story."""
    return acts()


def profile_with(changed: Mapping[str, Any], base: Profile) -> Profile:
    """The profile with these settings, as written, laid over it."""
    kinds = settings()
    return apply_settings({key: read_setting(kinds[key], value) for key, value in changed.items()}, base)


def tell(story: Story, can: Possibilities) -> Teller:
    """Tell a story from its beginning to its end."""
    teller = Teller(can, story.settings, story.quirks)
    for move in story.moves:
        teller.make(move)
    teller.end()
    return teller


def scenario_of(
    story: Story, teller: Teller, title: tuple[str, str], name: str, steps: Iterable[Told] | None = None
) -> Scenario:
    """The story as a scenario that the runner plays."""
    told = tuple(teller.steps if steps is None else steps)
    return Scenario(
        id=f"explored/{name}",
        path=name,
        title_zh=title[0],
        title_en=title[1],
        clauses=tuple(dict.fromkeys(step.clause for step in told)),
        wirings=(teller.can.wiring,),
        profile=teller.profile,
        settings=dict(story.settings),
        quirks=story.quirks,
        steps=tuple(_step(number, step) for number, step in enumerate(told, 1)),
    )


def _step(number: int, told: Told) -> Step:
    inner = None
    if told.inner is not None:
        word, params = told.inner
        inner = Step(number=number, word=_acts()[word], params=params, line=0, column=0)
    return Step(number=number, word=catalogue()[told.word], params=told.params, line=0, column=0, inner=inner)


def smaller(story: Story) -> Iterator[Story]:
    """Stories with one thing less, what weighs most first."""
    if story.settings:
        yield replace(story, settings={})
    if not story.quirks.calm:
        yield replace(story, quirks=Quirkiness())
    for name in dict.fromkeys(move.case for move in story.moves if move.doing is Doing.BEGIN):
        yield replace(story, moves=tuple(move for move in story.moves if move.case != name))
    for at in reversed(range(len(story.moves))):
        yield replace(story, moves=story.moves[:at] + story.moves[at + 1 :])
    yield from _begun_later(story)
    for at, move in enumerate(story.moves):
        for less in _less(move):
            yield replace(story, moves=(*story.moves[:at], less, *story.moves[at + 1 :]))


#: How far `given` can bring a case without a rejection, and the acts that lead there.
_MILESTONES = (
    ("reported", None),
    ("handed_over", "hand_over"),
    ("filed", "file"),
    ("dispatched", "dispatch"),
    ("disposal", "assign"),
    ("verification", "dispose"),
)


def _begun_later(story: Story) -> Iterator[Story]:
    """Stories in which a case begins further on, with the acts that would have brought it there left out."""
    names = [at for at, _ in _MILESTONES]
    for begin in story.moves:
        if begin.doing is not Doing.BEGIN or begin.kind is not Kind.TRANSFERRED or begin.at not in names:
            continue
        now = names.index(begin.at)
        for further in range(len(names) - 1, now, -1):
            moves = list(story.moves)
            for _, act in _MILESTONES[now + 1 : further + 1]:
                first = next(
                    (m for m in moves if m.doing is Doing.ACT and m.case == begin.case and m.what == act), None
                )
                if first is not None:
                    moves.remove(first)
            if len(moves) < len(story.moves):
                moves[moves.index(begin)] = replace(begin, at=names[further])
                yield replace(story, moves=tuple(moves))


def _less(move: Move) -> Iterator[Move]:
    if move.spoiling is not None:
        yield replace(move, spoiling=None)
    if move.more:
        yield replace(move, more={})
    if move.rejections:
        yield replace(move, rejections=move.rejections - 1)


def _key(content: tuple[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    description, photos = content
    return description, tuple(sorted(photos))


def _photos(life: Life, act: Act) -> dict[str, Any]:
    if act.word == "department.dispose":
        return {"photos": [f"{life.name}-disposed-{life.posted[FormType.VERIFICATION_REQUEST] or 1}"]}
    return {"photos": [f"{life.name}-verified"]} if act.word == "worker.verify" else {}


def _act_of(life: Life, word: str, params: Mapping[str, Any], rules: Rules) -> Act:
    """The row of the model that an act of `given` is."""
    return next(
        act
        for act in possible(life, rules)
        if act.word == word and params.get("outcome") == act.params.get("outcome") and "district" not in act.params
    )


def _clause_of(move: Move) -> str:
    """The clause that speaks for a case that is brought to a point of its life."""
    if move.rejections:
        return "INT-7" if move.at != "closed" else "INT-6"
    return {"handed_over": "GRID-6", "verification": "INT-4", "closed": "INT-6"}.get(move.at, "INT-1")
