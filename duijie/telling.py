"""A story told from Python, step by step, between parties that talk SOAP: what the fixtures of the pytest plug-in hand out.

The steps are the words of a scenario, with the same meaning and the same mistakes found, and after the last one the oracle judges what
crossed the wire. So what a test shows can be written down as a scenario, and the other way round.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from io import StringIO
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.oracle.trace import Trace
from conformance.scenario.events import Listener, Run
from conformance.scenario.load import StepReader
from conformance.scenario.runner import Player
from conformance.scenario.stage import StageMaker
from conformance.scenario.steps import Quirkiness, Scenario, Wiring
from duijie.console_text import Language
from duijie.narrate import Timeline
from duijie.pair import Pair

#: Columns of a timeline that stands in a report of tests.
_COLUMNS = 160


class StoryFailed(AssertionError):
    """A step did not end as it should, or a clause was broken; the text is the timeline so far."""


class Narration:
    """A listener that keeps the timeline as text."""

    def __init__(self, language: Language):
        self._file = StringIO()
        console = Console(file=self._file, width=_COLUMNS, highlight=False, soft_wrap=True)
        self.listener: Listener = Timeline(console, language)

    @property
    def text(self) -> str:
        """The timeline so far."""
        return self._file.getvalue().strip("\n")


class Story:
    """Parties of our own on a stage, told what to do from Python. Use it as a context manager: what was started ends with it."""

    def __init__(
        self,
        make_stage: StageMaker,
        wiring: Wiring,
        profile: Profile,
        *,
        name: str,
        path: str,
        repeat: str,
        language: Language = "zh",
        seed: int = 1,
    ):
        scenario = Scenario(
            id=name, path=path, title_zh=name, title_en=name, clauses=(), wirings=(wiring,), profile=profile
        )
        self._narration = Narration(language)
        self.stage = make_stage(profile, wiring, seed, Quirkiness())
        self._reader = StepReader(wiring, path)
        self._player = Player(scenario, self.stage, (self._narration.listener,))
        self.run.told_by = repeat
        self._over = False
        self._player.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ── what is told ──

    def act(self, name: str, /, **params: Any) -> Mapping[str, Any]:
        """Let somebody do something, such as `act("operator.file", case="c1")`, and everything in flight arrive; gives what came of it.

        Python's own words take an underscore: `as_="c1"` names a case that comes into being. Raises `StoryFailed` when it is refused.
        """
        __tracebackhide__ = True
        self._step(name, params)
        return self._player.done

    def given(self, case: str, /, at: str, **params: Any) -> None:
        """Bring a fresh case to a point of its life by ordinary acts."""
        __tracebackhide__ = True
        self._step("given", {"case": case, "at": at, **params})

    def step(self, word: str, /, **params: Any) -> None:
        """Any other step of a scenario, such as `step("network.lose", what="receipt", of="dispatch")`."""
        __tracebackhide__ = True
        self._step(word, params)

    def expect(self, what: str = "", /, **params: Any) -> None:
        """Look at a case, or with `what` at one of its forms (`form`), its receipts (`receipt`) and so on; raises `StoryFailed`."""
        __tracebackhide__ = True
        self._step(f"expect.{what}" if what else "expect", params)

    def advance(self, by: str) -> None:
        """Set the clock forward, as in `10 minutes`, `2 working hours` or `to next timer`."""
        __tracebackhide__ = True
        self._step("clock.advance", {"by": by})

    def ask(self, party: str, question: str, /, **params: Any) -> Any:
        """What a party answers about its own state; the name of a case under `case` stands for its number."""
        asked = {**params, "case": self.number(params["case"])} if "case" in params else params
        return self.stage.ask(Party(party), question, asked)

    def number(self, case: str) -> str:
        """The number of a case by its name."""
        return self.run.cases.get(case, case)

    def judge(self) -> Run:
        """End the story and have the oracle judge it; raises `StoryFailed` when a clause was broken."""
        __tracebackhide__ = True
        self._over = True
        run = self._player.end()
        self._go_on()
        return run

    # ── what there is ──

    @property
    def run(self) -> Run:
        """The run so far: the names of the cases, the trace, and after `judge` the verdicts."""
        return self._player.run

    @property
    def trace(self) -> Trace:
        """Everything that has crossed between the parties."""
        return self.stage.trace

    @property
    def now(self) -> datetime:
        """The clock that the parties share; it stands still until it is set forward."""
        return self.stage.now

    @property
    def timeline(self) -> str:
        """What has happened so far, as people read it."""
        return self._narration.text

    @property
    def is_open(self) -> bool:
        """True while the story is neither judged nor failed."""
        return not self._over and self.run.passed

    def close(self) -> None:
        """Stop every party."""
        self.stage.close()

    # ── inside ──

    def _step(self, word: str, params: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        if self._over:
            raise RuntimeError("the story has been judged already")
        self._go_on()
        # The line of the test, two calls up, is where the step stands.
        line = sys._getframe(2).f_lineno
        written = {name.removesuffix("_"): value for name, value in params.items()}
        self._player.step(self._reader.step(word, written, line))
        if not self.run.passed:
            self._player.end()
        self._go_on()

    def _go_on(self) -> None:
        __tracebackhide__ = True
        if not self.run.passed:
            raise StoryFailed(self.timeline)


class LiveStory(Story):
    """A story between processes, which others can call too."""

    @property
    def pair(self) -> Pair:
        """The processes."""
        pair: Pair = self.stage.pair  # type: ignore[attr-defined]  # the live stage has it
        return pair

    @property
    def control_token(self) -> str:
        """What opens the control ports."""
        return self.pair.control_token

    def address(self, party: str) -> str:
        """Where a party's SOAP service listens; the bridge's has `/urban` for the grid side and `/grid` for the urban side."""
        return self.pair.address(Party(party))

    def control_address(self, party: str) -> str:
        """Where a party's control port listens."""
        return self.pair.control_address(Party(party))

    def account(self, party: str) -> tuple[str, str]:
        """User name and password of a platform."""
        platform = self.pair.profile.platform(Side(party))
        return platform.username, platform.password
