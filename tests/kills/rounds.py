"""The rounds of a kill test: a set of lives on a trio of their own, who is killed when, and what the audit says afterwards."""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fuse import ANY
from lives import GONE, KINDS, Life, any_life, live
from trio import Deaths, Trio, running

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import DeliveryChoices
from conformance.ledger import Finding
from conformance.scenario.stage import StageRefused
from duijie.live import MEMORY

#: Findings of these rules say that something was lost; those of the others, that something is there twice or in two versions.
LOSSES = frozenset({"one-receipt", "same-outcome", "same-counts", "both-or-neither", "not-forgotten"})
#: Steps between two kills of one life.
_STRIDE = 21
#: A platform dies with the bridge: what was under way between them is known to neither, and neither is there when the other is back.
WITH_THE_BRIDGE = ((Party.GRID, Party.BRIDGE), (Party.URBAN, Party.BRIDGE))
DEFAULT_ATTEMPTS = DeliveryChoices().max_attempts


@dataclass(slots=True)
class Outcome:
    """What became of a round."""

    name: str
    lives: int = 0
    deaths: Deaths = field(default_factory=Deaths)
    findings: list[Finding] = field(default_factory=list)
    #: What kept the round from ending.
    trouble: str | None = None
    seconds: float = 0.0


class Round(Protocol):
    """One round."""

    @property
    def name(self) -> str:
        """How it is called on the command line."""

    def play(self, folder: Path, outcome: Outcome) -> None:
        """Let it take its course."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One life after another is killed at its steps p, p + stride, p + 2·stride …; the phases p make every step have its turn."""

    kind: str
    victim: Party
    stride: int
    phases: range
    setting: str = "receipts by call"
    seed: int = 1
    #: Later phases are left out once so many have died: how many steps a life takes depends on what had to be repeated in it.
    enough: int | None = None

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return f"{self.kind}, {self.setting}, {self.victim}, from {self.phases.start}"

    def play(self, folder: Path, outcome: Outcome) -> None:
        """Go through the phases; the books are audited after each."""
        with running(folder, self.seed, self.setting) as trio:
            outcome.deaths = trio.deaths
            fuse = trio.fuses[self.victim]
            since_last_act = 0

            def again(party: Party, _: str) -> None:
                nonlocal since_last_act
                if party is self.victim:
                    # Where coming back takes a whole stride of steps, a life would stand still: its fuse grows longer.
                    since_last_act += 1
                    fuse.light(self.stride * since_last_act)

            def acted(_: int) -> None:
                nonlocal since_last_act
                since_last_act = 0

            for phase in self.phases:
                trio.on_death = again
                fuse.light(phase, ANY)
                self._live(trio, f"{self.kind}{phase}", outcome, acted)
                trio.on_death = lambda *_: None
                fuse.light(0)
                trio.settle()
                outcome.findings = trio.audit()
                if outcome.findings or (self.enough is not None and outcome.deaths.total >= self.enough):
                    return

    def _live(self, trio: Trio, name: str, outcome: Outcome, acted: Callable[[int], None]) -> None:
        lives = KINDS[self.kind](name)
        _let_live(trio, lives, outcome, after=acted)
        outcome.lives += len(lives)
        if self.kind == "twins" and sorted(str(life.end) for life in lives) != ["closed", "declined"]:
            # Exactly one of two equal cases is the duplicate, whoever was killed meanwhile (EXC-1).
            outcome.trouble = f"twins ended as {[life.end for life in lives]}"


@dataclass(frozen=True, slots=True)
class Random:
    """Lives of all kinds, interleaved, while parties are killed at moments that chance chooses."""

    seed: int
    kills: int
    setting: str = "receipts by call"
    #: Who die together, one of these groups at a time.
    victims: tuple[tuple[Party, ...], ...] = tuple((party,) for party in Party)
    #: As few sendings as a city has them by default: forms are parked, and an operator releases them.
    attempts: int = 200

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        parking = f", {self.attempts} attempts" if self.attempts < 200 else ""
        together = ", two at once" if self.victims == WITH_THE_BRIDGE else ""
        return f"random {self.seed}, {self.setting}{parking}{together}"

    def play(self, folder: Path, outcome: Outcome) -> None:
        """Kill until enough have died, then let all lives end."""
        choose = random.Random(self.seed)
        with running(folder, self.seed, self.setting, attempts=self.attempts) as trio:
            outcome.deaths = trio.deaths
            killing = _killing(trio, choose, self.victims, self.kills)
            set_of_lives = 0
            while set_of_lives == 0 or trio.deaths.total < self.kills:
                set_of_lives += 1
                lives = [any_life(f"{self.seed}-{set_of_lives}-{number}", choose) for number in range(6)]

                def between() -> None:
                    next(killing, None)
                    _release(trio)

                _let_live(trio, lives, outcome, between=between)
                outcome.lives += len(lives)
            while _release(trio):
                trio.settle()
            trio.settle()
            outcome.findings = trio.audit()


def _let_live(trio: Trio, lives: list[Life], outcome: Outcome, **watching: Callable[..., None]) -> None:
    try:
        live(trio.remotes, lives, **watching)
    except TimeoutError:
        # The books tell what it is that does not go on.
        outcome.findings = trio.audit()
        raise


def _killing(trio: Trio, choose: random.Random, victims: tuple[tuple[Party, ...], ...], kills: int) -> Iterator[None]:
    """Each step of this looks whether the moment of the next kill has come, until enough have died."""
    while trio.deaths.total < kills:
        moment = time.monotonic() + choose.uniform(0.05, 0.6)
        while time.monotonic() < moment:
            yield
        for party in choose.choice(victims):
            trio.kill(party)


def _release(trio: Trio) -> bool:
    """An operator looks after what is parked, on every side; True when there was something."""
    found = False
    for party, remote in trio.remotes.items():
        with suppress(*GONE):
            for form in remote.ask("parked", {}):
                found = True
                with suppress(StageRefused):
                    remote.act(*_RELEASE[party](form))
    return found


_RELEASE: dict[Party, Callable[[dict[str, str]], tuple[str, dict[str, str]]]] = {
    Party.GRID: lambda form: ("workstation.resend", {"case": form["case_number"]}),
    Party.URBAN: lambda form: ("exchange.resend", {"case": form["case_number"]}),
    Party.BRIDGE: lambda form: ("bridge.release", {"case": form["case_number"], "reason": "对方已恢复"}),
}


def sweeps(seed: int) -> list[Round]:
    """Every step of every kind of life at the bridge; every step of a plain life and of a rejected one at the simulators."""
    found: list[Round] = []
    for kind, setting in (
        ("plain", "receipts by call"),
        ("rejected", "receipts by call"),
        ("twins", "receipts by call"),
        ("false report", "receipts by call"),
        ("plain", "receipts in the response"),
        ("plain", "query"),
    ):
        # Two halves, so that they can go on side by side.
        found += [
            Sweep(kind, Party.BRIDGE, _STRIDE, phases, setting, seed)
            for phases in (range(1, _STRIDE // 2 + 1), range(_STRIDE // 2 + 1, _STRIDE + 1))
        ]
    for victim in (Party.GRID, Party.URBAN):
        found += [
            Sweep("plain", victim, _STRIDE, range(1, _STRIDE + 1), seed=seed),
            Sweep("rejected", victim, _STRIDE, range(1, _STRIDE + 1, 3), seed=seed),
            Sweep("plain", victim, _STRIDE, range(2, _STRIDE + 1, 3), "query", seed),
        ]
    return found


def chances(seed: int) -> list[Round]:
    """Random kills, with many attempts and with as few as a city has by default."""
    return [
        Random(seed, 40),
        Random(seed + 1, 40),
        Random(seed + 2, 30, "receipts in the response"),
        Random(seed + 3, 30, "query"),
        Random(seed + 4, 40, attempts=DEFAULT_ATTEMPTS),
        Random(seed + 5, 60, "receipts in the response", victims=WITH_THE_BRIDGE),
    ]


def play(round_: Round) -> Outcome:
    """Play a round in a folder of its own, which is left only when something is wrong."""
    outcome = Outcome(round_.name)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="duijie-kills-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        round_.play(folder, outcome)
    except Exception as error:
        outcome.trouble = f"{type(error).__name__}: {error}"
    outcome.seconds = time.monotonic() - began
    if outcome.trouble is None and not outcome.findings:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    elif outcome.trouble is None:
        outcome.trouble = f"see {folder}"
    else:
        outcome.trouble += f" (see {folder})"
    return outcome
