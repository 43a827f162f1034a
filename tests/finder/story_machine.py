"""Whole stories as a state machine: every act of the model's tables is a rule, and what its story shows is judged at its end.

The rules only make moves (`conformance.explore.story`); the story is played as soon as it is whole, on the stage of a bench. So
Hypothesis shrinks business steps, and what is left is a story that can be written as a scenario file.
"""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bridge.vocabulary.parties import Side
from conformance.explore.draw import BEGINNINGS, REPORTS, SETTINGS, SPOILINGS
from conformance.explore.explore import Drawing, Judged
from conformance.explore.life import Kind, Life
from conformance.explore.story import LONG_WAITS, SHORT_WAIT, Doing, Move, Possibilities, Spoiling, Story, Teller
from conformance.explore.tables import ACTS, REFUSALS, Act
from conformance.scenario.steps import Quirkiness

CASES_MAX = 3
STEPS = 24

#: Settings that say by which way things come.
_ABOUT_THE_WAY = ("bridge.receipts", "choices.hand_over")
#: Of several cases, the first that it fits; which one that is is drawn.
which = st.integers(0, CASES_MAX - 1)
#: One form in four is spoiled, where the network is bad.
mishaps = st.one_of(st.none(), st.none(), st.none(), st.sampled_from(SPOILINGS))


class Stories(RuleBasedStateMachine):
    """Up to three cases, the people of both platforms, and the network between them."""

    can: ClassVar[Possibilities]
    judged: ClassVar[Judged]
    #: Nothing is lost, late or stopped, and everybody is prompt.
    in_fair_weather: ClassVar[bool] = False

    @initialize(settings_=st.sampled_from(SETTINGS), awkward=st.one_of(st.none(), st.none(), st.integers(1, 999)))
    def circumstances(self, settings_: dict[str, Any], awkward: int | None) -> None:
        if self.in_fair_weather:
            settings_ = {key: value for key, value in settings_.items() if key not in _ABOUT_THE_WAY}
            awkward = None
        self.settings, self.quirks = settings_, Quirkiness() if awkward is None else Quirkiness(seed=awkward)
        self.teller = Teller(self.can, self.settings, self.quirks)
        self.look_round()

    # ── cases come into being ──

    @precondition(lambda self: self.has_room())
    @rule(beginning=st.sampled_from(BEGINNINGS), more=st.sampled_from(REPORTS))
    def a_case_stands_at(self, beginning: tuple[str, int | None], more: dict[str, str]) -> None:
        at, rejections = beginning
        limit = self.teller.model.rules.max_rejections
        if self.teller.model.rules.by_query:
            at, rejections = "reported", 0
        self.make(
            Move(
                doing=Doing.BEGIN,
                case=self.name(),
                at=at,
                rejections=limit if rejections is None else rejections,
                more=more,
            )
        )

    @precondition(lambda self: self.has_room())
    @rule()
    def a_filing_used_up_its_rejections(self) -> None:
        limit = self.teller.model.rules.max_rejections
        self.make(Move(doing=Doing.BEGIN, case=self.name(), at="disposal", rejections=limit + 1))

    @precondition(lambda self: self.has_room() and self.transferred())
    @rule(of=which, alike=st.sampled_from(("both", "turned", "words", "photos")))
    def the_same_is_reported_again(self, of: int, alike: str) -> None:
        transferred = self.transferred()
        like = (transferred[of % len(transferred)].name, alike)
        self.make(Move(doing=Doing.BEGIN, case=self.name(), like=like))

    @precondition(lambda self: self.has_room())
    @rule(kind=st.sampled_from((Kind.NATIVE, Kind.OWN)))
    def a_case_that_stays_at_home(self, kind: Kind) -> None:
        self.make(Move(doing=Doing.BEGIN, case=self.name(), kind=kind))

    # ── what goes on around them ──

    @precondition(lambda self: any(self.forbidden.values()))
    @rule(of=which, side=st.sampled_from(Side))
    def everybody_tries_what_is_not_allowed(self, of: int, side: Side) -> None:
        names = [name for name, refusals in self.forbidden.items() if refusals]
        name = names[of % len(names)]
        for refusal in self.forbidden[name]:
            if REFUSALS[refusal].side is side:
                self.make(Move(doing=Doing.ATTEMPT, case=name, what=refusal))

    @precondition(lambda self: any(self.ahead(life.name) for life in self.teller.lives))
    @rule(of=which, picks=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def a_case_goes_on(self, of: int, picks: list[int]) -> None:
        names = [life.name for life in self.teller.lives if self.ahead(life.name)]
        name = names[of % len(names)]
        for pick in picks:
            ahead = self.ahead(name)
            if ahead:
                self.make(Move(doing=Doing.ACT, case=name, what=ahead[pick % len(ahead)]))

    @rule(how_long=st.sampled_from((SHORT_WAIT, *LONG_WAITS)))
    def time_passes(self, how_long: str) -> None:
        self.make(Move(doing=Doing.WAIT, what=how_long))

    @precondition(lambda self: self.teller.lives and not self.in_fair_weather)
    @rule(which=st.integers(0, 2))
    def a_party_restarts(self, which: int) -> None:
        parties = self.can.parties
        self.make(Move(doing=Doing.RESTART, what=parties[which % len(parties)].value))

    @precondition(lambda self: self.teller.model.rules.by_query and self.teller.lives)
    @rule()
    def the_urban_side_asks_for_hand_overs(self) -> None:
        self.make(Move(doing=Doing.QUERY))

    # ── how the rules come to their moves ──

    def make(self, move: Move) -> None:
        """Make the move if it can be made, and see what can be done after it."""
        self.teller.make(move)
        self.look_round()

    def look_round(self) -> None:
        """What may be done to each case now, and what must be refused."""
        self.possible = {life.name: {act.id for act in self.teller.possible(life)} for life in self.teller.lives}
        self.forbidden = {life.name: [each.id for each in self.teller.forbidden(life)] for life in self.teller.lives}

    def ahead(self, name: str) -> list[str]:
        """What leads the case on now."""
        return [act.id for act in ACTS.values() if act.leads_on and act.id in self.possible[name]]

    def able(self, act: Act) -> list[str]:
        """The cases to which the act may be done now."""
        return [name for name, acts in self.possible.items() if act.id in acts]

    def does(self, act: Act, of: int, spoiling: Spoiling | None) -> None:
        """Do the act to one of the cases that it may be done to."""
        names = self.able(act)
        spoiling = None if self.in_fair_weather else spoiling
        self.make(Move(doing=Doing.ACT, case=names[of % len(names)], what=act.id, spoiling=spoiling))

    def has_room(self) -> bool:
        """Whether another case may come into being."""
        return len(self.teller.lives) < CASES_MAX

    def name(self) -> str:
        """What the next case is called."""
        return f"c{len(self.teller.lives) + 1}"

    def transferred(self) -> list[Life]:
        """The cases that cross."""
        return [life for life in self.teller.lives if life.kind is Kind.TRANSFERRED]

    def teardown(self) -> None:
        """Judge the story; one that Hypothesis itself broke off is no story."""
        if sys.exc_info()[0] is None and self.teller.lives:
            moves = tuple(self.teller.moves)
            self.judged(Story(moves=moves, settings=self.settings, quirks=self.quirks))


def _rule_for(act: Act) -> Callable[..., None]:
    def does(self: Stories, of: int, spoiling: Spoiling | None) -> None:
        self.does(act, of, spoiling)

    does.__name__ = does.__qualname__ = act.id
    named: Callable[..., None] = rule(of=which, spoiling=mishaps)(does)
    return precondition(lambda self: bool(self.able(act)))(named)


for each in ACTS.values():
    setattr(Stories, each.id, _rule_for(each))


def drawing_by(machine: type[Stories], **more: Any) -> Drawing:
    """Stories that a machine tells, instead of wishes; `more` goes into Hypothesis's settings."""

    def draw(how: settings, seed_: int, can: Possibilities, judged: Judged) -> None:
        telling = type(machine.__name__, (machine,), {"can": can, "judged": staticmethod(judged)})
        how = settings(how, stateful_step_count=STEPS, **more)
        run_state_machine_as_test(seed(seed_)(telling), settings=how)

    return draw
