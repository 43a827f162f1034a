"""Where a scenario is played: the one interface behind which simulators, bridge, processes and clocks stand.

The runner knows a stage by this alone, so that the same file runs in virtual time and over real SOAP. A stage records
everything that crosses between the parties, and every act, answer, fault and movement of the clock, in its trace.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from bridge.vocabulary.calls import Ending, Message
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.oracle.trace import Trace
from conformance.scenario.faults import FaultRule, Noise
from conformance.scenario.steps import Quirkiness, Wiring

#: Where every scenario's clock begins: a Monday, one hour into working time.
START = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)

#: Timers that are due within this span of the beginning of a settling fire in it.
SETTLE_WINDOW = timedelta(seconds=30)


class StageRefused(Exception):
    """A party refuses an act or a question."""

    def __init__(self, code: str, zh: str, en: str, *, own_words: bool = False):
        self.code, self.zh, self.en = code, zh, en
        #: True when the code is not one of ours, so that it cannot be compared with one.
        self.own_words = own_words
        super().__init__(f"{code}: {en}")


class NotOffered(StageRefused):
    """A system that is not ours does not offer this act or question, so nothing can be said of it."""

    def __init__(self, zh: str, en: str):
        super().__init__("not_offered", zh, en)


class StageUnusable(Exception):
    """Nothing can be concluded because of how things are set up; says what to put right."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


class Stage(Protocol):
    """One pair, with or without a bridge between, at the beginning of its clock.

    Nothing moves between calls: `settle` lets it. It delivers everything in flight, in order, and fires the timers
    that are due within `SETTLE_WINDOW` of its beginning, moving the clock to each, until there is nothing of either.
    """

    #: `virtual` or `live`.
    name: str
    wiring: Wiring
    profile: Profile
    seed: int
    trace: Trace

    @property
    def now(self) -> datetime:
        """The stage's clock."""

    def act(self, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Somebody at a party does something; recorded as an act, refused ones too. Raises `StageRefused`."""

    def ask(self, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        """Ask a party about its own state; recorded as a fact. Raises `StageRefused`, which is not recorded."""

    def fault(self, rule: FaultRule | Noise) -> None:
        """Tell the network to misbehave; recorded."""

    def inject(self, message: Message, to: Party, pretending: Side, written: str | None = None) -> Ending:
        """Deliver a forged message to a party as if the neighbour on the side of `pretending` sent it; recorded as injected.

        `written` names one of the `conformance.scenario.written` ways of writing it; where nothing is written at all, only whether
        such a message is to be taken counts.

        It goes straight to the party: no fault applies to it, and nobody is told how it ended but the caller.
        """

    def advance(self, to: datetime) -> None:
        """Move the clock forward, firing every timer on the way and settling at each; recorded."""

    def next_timer(self) -> datetime | None:
        """The soonest moment at which any party, or the network, has something to do."""

    def settle(self) -> None:
        """Let everything in flight arrive. See the class."""

    def restart(self, party: Party) -> None:
        """Stop a party and start it again from what it keeps; calls of its own under way end unanswered. Recorded."""

    def close(self) -> None:
        """Stop everything and leave nothing behind."""


#: Makes a stage: profile, wiring, seed, quirks.
StageMaker = Callable[[Profile, Wiring, int, Quirkiness], Stage]
