"""A scenario that is played while somebody watches: it waits before each step until it is told to go on."""

import threading
from dataclasses import dataclass
from typing import Self

from conformance.oracle.trace import Trace
from conformance.scenario.events import Event, ExpectationFailed, Run, RunStarted, StepFinished
from conformance.scenario.runner import play
from conformance.scenario.stage import StageMaker
from conformance.scenario.steps import Scenario, Step, Wiring

#: A step that takes longer than this is not waited for; the next look shows how it ended.
STEP_WITHIN_SECONDS = 60.0


class _Left(BaseException):
    """Nobody watches any more. No `Exception`, because to the runner that would be a stage that broke."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A step and how far it has come: `done`, `next`, `failed`, or `later`."""

    step: Step
    state: str


class Stepped:
    """One run of a scenario, step by step, in a thread of its own. The first step waits already."""

    def __init__(self, scenario: Scenario, wiring: Wiring, seed: int, make_stage: StageMaker):
        self.scenario, self.wiring, self.seed = scenario, wiring, seed
        self._make_stage = make_stage
        self._moved = threading.Condition()
        #: Steps that may be played.
        self._allowed = 0
        self._left = False
        self._waits = False
        self._done: set[int] = set()
        self._failed: int | None = None
        self._run: Run | None = None
        self.is_over = False
        self._thread = threading.Thread(target=self._play, name="scenario", daemon=True)

    def start(self) -> Self:
        """Begin, and come back when the first step waits."""
        with self._moved:
            self._thread.start()
            self._moved.wait_for(lambda: self._waits or self.is_over, STEP_WITHIN_SECONDS)
        return self

    @property
    def run(self) -> Run | None:
        """The run as far as it has come; None until it has begun."""
        return self._run

    @property
    def trace(self) -> Trace:
        """What was seen and done so far."""
        return self._run.trace if self._run is not None else Trace()

    @property
    def steps(self) -> list[Shown]:
        """Every step with how far it has come."""
        with self._moved:
            found = []
            begun = False
            for number, step in enumerate(self.scenario.steps):
                state = "done" if number in self._done else "failed" if number == self._failed else "later"
                if state == "later" and not begun and not self.is_over:
                    state, begun = "next", True
                found.append(Shown(step, state))
            return found

    def go_on(self, steps: int = 1) -> None:
        """Play so many steps and come back when the next one waits or the story is over."""
        with self._moved:
            self._allowed += steps
            self._waits = False
            self._moved.notify_all()
            self._moved.wait_for(lambda: self._waits or self.is_over, STEP_WITHIN_SECONDS)

    def go_to_the_end(self) -> None:
        """Play what is left."""
        self.go_on(len(self.scenario.steps))

    def leave(self) -> None:
        """Break off, wherever it stands."""
        with self._moved:
            self._left = True
            self._moved.notify_all()
        self._thread.join(STEP_WITHIN_SECONDS)

    def _play(self) -> None:
        try:
            play(
                self.scenario,
                self.wiring,
                self._make_stage,
                seed=self.seed,
                listeners=(self._hear,),
                before_step=self._wait,
            )
        except _Left:
            pass
        finally:
            with self._moved:
                self.is_over = True
                self._moved.notify_all()

    def _wait(self, _: Step) -> None:
        with self._moved:
            while not self._allowed:
                if self._left:
                    raise _Left
                self._waits = True
                self._moved.notify_all()
                self._moved.wait()
            self._waits = False
            self._allowed -= 1
            if self._left:
                raise _Left

    def _hear(self, event: Event) -> None:
        with self._moved:
            if isinstance(event, RunStarted):
                self._run = event.run
            elif isinstance(event, StepFinished):
                self._done.add(self._number(event.step))
            elif isinstance(event, ExpectationFailed) and event.failure.step is not None:
                self._failed = self._number(event.failure.step)

    def _number(self, wanted: Step) -> int:
        return next(number for number, step in enumerate(self.scenario.steps) if step is wanted)
