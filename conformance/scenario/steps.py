"""A scenario as values: what a file says once it has been read and found possible."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.scenario.words import Word


class Wiring(StrEnum):
    """How the two platforms are connected."""

    #: With the bridge between them.
    BRIDGED = "bridged"
    #: To each other.
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Quirkiness:
    """How awkward the simulated platforms are: calm, or awkward from a seed."""

    seed: int | None = None

    @property
    def calm(self) -> bool:
        """True when nothing is varied."""
        return self.seed is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `params` are as written, short forms spelled out; names of cases are still names."""

    #: From 1.
    number: int
    word: Word
    params: Mapping[str, Any]
    line: int
    column: int
    #: For `refused`: the act that is refused.
    inner: "Step | None" = None

    @property
    def act(self) -> Word:
        """The act that is done or refused; the word itself for the others."""
        return self.inner.word if self.inner is not None else self.word

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases that the step is about."""
        step = self.inner or self
        found = [
            step.params[name]
            for name, param in step.word.params.items()
            if param.kind == "case" and name in step.params
        ]
        if step.word.introduces or step.word.name == "given":
            found.append(step.params["as" if step.word.introduces else "case"])
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMark:
    """Makes a scenario a check of the conformance suite."""

    #: The permanent id: the clause that it is filed under and a number, such as `RCPT-3-04`.
    id: str
    #: Which parties it judges, each alone, with the suite in the place of the others.
    judges: tuple[Party, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story with its expectations."""

    #: Path below the library without the extension, such as `rejection/fourth-refiles`.
    id: str
    #: The file as it was given.
    path: str
    title_zh: str
    title_en: str
    clauses: tuple[str, ...]
    wirings: tuple[Wiring, ...]
    profile: Profile
    #: The dotted settings that the file changes, as written.
    settings: Mapping[str, Any] = field(default_factory=dict)
    quirks: Quirkiness = Quirkiness()
    #: Present when the conformance suite judges systems by this story.
    check: CheckMark | None = None
    steps: tuple[Step, ...] = ()

    def title(self, language: str) -> str:
        """The title in Chinese (`zh`) or English (`en`)."""
        return self.title_zh if language == "zh" else self.title_en
