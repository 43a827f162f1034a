"""Several hundred cases cross one bridge, all mixed up; each fares as it does alone on a bridge of its own (RCPT-4)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

import sample_forms as sample
from against_the_model import PROFILES, fault, profile_names
from bench import Bridge, ShellMaker
from facts import holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from law import ENDED, LAW, View, after
from life_machine import writer_of, written

from bridge.core.shell import open_shell
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import FormMessage

ALONE = "cases never wait for each other"
#: Of ten ways on, these end a case before it was worked on; most go on.
_DEAD_ENDS = frozenset({"withdrawal", "filingResult/declined", "falseReportApplication"})
_BAD_ENDINGS: tuple[Ending, ...] = (
    NotReached(detail="no connection"),
    Unanswered(detail="cut"),
    Answered(),
    Faulted(fault=fault(ErrorCode.BUSY)),
)


@dataclass(eq=False)
class Crossing:
    """A case, and the bridge that it has for itself."""

    number: str
    alone: Bridge
    view: View = field(default_factory=View)
    #: The form that is on its way, and the case once it has been taken.
    pending: list[tuple[FormMessage, View]] = field(default_factory=list)


class Interleaved(RuleBasedStateMachine):
    """A town's day."""

    make: ClassVar[ShellMaker] = open_shell

    @initialize(profile=profile_names)
    def the_town_opens(self, profile: str) -> None:
        self.profile = PROFILES[profile]
        self.bridge = Bridge(self.profile, type(self).make)
        self.cases: list[Crossing] = []
        self.count = 0

    @precondition(lambda self: len(getattr(self, "cases", ())) < 300)
    @rule(many=st.sampled_from((40, 80)))
    def cases_are_reported(self, many: int) -> None:
        for _ in range(many):
            alone = Bridge(self.profile, type(self).make)
            alone.now = self.bridge.now
            self.cases.append(Crossing(f"340202-20260302-{len(self.cases) + 1:06}", alone))
        self.everybody_goes_on(many)

    @precondition(lambda self: getattr(self, "cases", None))
    @rule(seed=st.integers(0, 999))
    def everybody_goes_on(self, seed: int) -> None:
        """Every case, in an order that is drawn, writes its next form or has the last one's receipt come."""
        drawn = Random(seed)
        for case in drawn.sample(self.cases, len(self.cases)):
            if not case.pending:
                self.writes(case, drawn)
            else:
                self.ends(case, drawn)
        self.hold_alone()

    @rule(seconds=st.sampled_from((60, 300, 900)))
    def time_goes_by(self, seconds: int) -> None:
        self.both(None, lambda bridge: bridge.time_passes(timedelta(seconds=seconds)))
        self.hold_alone()

    @rule()
    def the_bridge_restarts(self) -> None:
        self.both(None, lambda bridge: bridge.restart())

    def writes(self, case: Crossing, drawn: Random) -> None:
        """A form that fits comes."""
        words = sorted(LAW.get(case.view.stage, {}))
        onward = [word for word in words if word not in _DEAD_ENDS] or words
        if not words:
            return
        word = drawn.choice(onward if drawn.random() < 0.9 else words)
        form = written(word, case.view)
        changes = {"case_number": case.number} | ({"description": f"案卷 {case.number}"} if word == "handOver" else {})
        form = type(form)(**{name: getattr(form, name) for name in form.__slots__} | changes)
        view = after(case.view, form, self.profile.choices)
        if view is None:
            return
        self.count += 1
        side = writer_of(word)
        message = sample.message(side, form, self.count, self.bridge.now)
        self.both(case, lambda bridge: bridge.form_comes(side, message))
        if self.bridge.on_the_way[message.header.message_id]:
            case.pending.append((message, view))

    def ends(self, case: Crossing, drawn: Random) -> None:
        """The sending ends, most often with the receipt."""
        message, view = case.pending[0]
        message_id = message.header.message_id
        if not self.bridge.on_the_way[message_id]:
            return
        if drawn.random() < 0.15:
            ending: Ending = drawn.choice(_BAD_ENDINGS)
        else:
            ending = Answered(receipt=sample.receipt_for(message, self.bridge.now))
            case.view = view
            case.pending.pop()
        self.both(case, lambda bridge: bridge.sending_ends(message_id, ending))

    def both(self, case: Crossing | None, do: Callable[[Bridge], Any]) -> None:
        """Do it to the common bridge, and to the one of the case, or of every case."""
        told = do(self.bridge)
        if case is not None:
            holds(ALONE, do(case.alone), told)
            return
        for each in self.cases:
            do(each.alone)

    def hold_alone(self) -> None:
        """Every case stands where it stands alone, and where its confirmed forms say."""
        for case in self.cases:
            if case.view == View() and not case.pending:
                continue
            said, alone = self.bridge.ask("case", case=case.number), case.alone.ask("case", case=case.number)
            holds(ALONE, alone, said)
            holds(
                "rejections, filings and task numbers are counted alike",
                case.view[1:],
                (said["task_number"], said["filing_ordinal"], said["rejections"]),
            )
            holds("the case stands where the confirmed forms say", case.view.stage, said["stage"])

    def teardown(self) -> None:
        """Whatever the network did, a case that everything of has arrived has ended, or can go on."""
        for case in getattr(self, "cases", ()):
            if case.view.stage in ENDED:
                holds(
                    "an ended case stays as it ended",
                    case.view.stage,
                    self.bridge.ask("case", case=case.number)["stage"],
                )
