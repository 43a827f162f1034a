"""What the runner tells those who listen: narrators, step-by-step players, reports. They only listen."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.oracle.judge import Verdict
from conformance.oracle.trace import Record, Trace
from conformance.scenario.steps import Scenario, Step, Wiring


class Outcome(StrEnum):
    """How a run ended."""

    #: Everything was as expected and no clause was broken.
    PASS = "pass"  # noqa: S105 - a word, no secret
    #: An expectation was not met, an act was refused unexpectedly, or a clause was broken.
    FAIL = "fail"
    #: Somebody does not offer what the story needs, so that it could not be told or not be seen.
    INCONCLUSIVE = "inconclusive"
    #: Something about the set-up has to be put right first.
    CONFIG = "config"
    #: The stage itself broke.
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An expectation that was not met."""

    #: None when the oracle found it after the last step.
    step: Step | None
    zh: str
    en: str
    expected: Any
    seen: Any

    def sentence(self, language: str) -> str:
        """What went wrong, in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en


@dataclass(slots=True, kw_only=True)
class Run:
    """One scenario played once."""

    scenario: Scenario
    wiring: Wiring
    #: `virtual` or `live`.
    stage: str
    seed: int
    outcome: Outcome = Outcome.PASS
    trace: Trace = field(default_factory=Trace)
    failure: Failure | None = None
    #: What the oracle says; empty when the steps did not come to their end.
    verdicts: tuple[Verdict, ...] = ()
    #: Whether the oracle was told that nobody had anything left to do.
    judged_at_rest: bool = True
    #: Why the run is inconclusive or the set-up is unusable, in Chinese and English.
    obstacle: tuple[str, str] | None = None
    #: Looks that nobody could take, as (party, question).
    unobserved: list[tuple[str, str]] = field(default_factory=list)
    #: What broke, when the stage did.
    error: str | None = None
    #: Where it broke, for whoever has to mend it.
    error_detail: str = ""
    #: Case numbers by name.
    cases: dict[str, str] = field(default_factory=dict)
    #: The command that repeats a story which stands in no file of its own.
    told_by: str = ""

    @property
    def passed(self) -> bool:
        """True when everything was as expected."""
        return self.outcome is Outcome.PASS

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The clauses that were broken."""
        return tuple(verdict for verdict in self.verdicts if verdict.failed)

    @property
    def repeat_command(self) -> str:
        """The command that plays exactly this again."""
        if self.told_by:
            return self.told_by
        live = " --live" if self.stage == "live" else ""
        return f"duijie replay {shlex.quote(str(self.scenario.path))} --wiring {self.wiring} --seed {self.seed}{live}"

    def last_messages(self, count: int = 8) -> list[Record]:
        """The last calls and answers before the run ended."""
        return [r for r in self.trace.records if r["type"] in ("call", "answer")][-count:]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A scenario begins."""

    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """A step begins."""

    run: Run
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The trace grew by these records."""

    run: Run
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """A step has ended as the story says."""

    run: Run
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationFailed:
    """A step has not ended as the story says; nothing more is played."""

    run: Run
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run is over and judged."""

    run: Run


Event = RunStarted | StepStarted | Recorded | StepFinished | ExpectationFailed | RunFinished
Listener = Callable[[Event], None]
