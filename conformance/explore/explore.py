"""Explores a system: plays made-up stories until one goes wrong, makes that one as small as it can, and says what it shows.

    draw ──► tell ──► play ──► judge: did every step go as the model says? is every clause kept? do the books agree?
      ▲                          │
      └── smaller ◄── found ─────┘

Hypothesis draws and shrinks what it drew; what it leaves is then tried with each single thing left out, until nothing can be left out any
more. A finding is known by its clause: shrinking never changes one finding into another, and each clause is found once.

The same seed gives the same stories, as long as the system does the same.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.internal.conjecture import providers

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.explore.draw import stories
from conformance.explore.life import Mishap
from conformance.explore.story import Doing, Possibilities, Story, Teller, Told, scenario_of, smaller, tell
from conformance.ledger import Ask, Books, audit, read
from conformance.oracle.judge import judge
from conformance.scenario.events import Event, Outcome, Run, RunFinished, StepStarted
from conformance.scenario.runner import play
from conformance.scenario.stage import Stage, StageMaker, StageRefused
from conformance.scenario.steps import Quirkiness, Scenario, Step, Wiring

#: Different clauses that one exploration finds at the most; then there is enough to do.
FINDINGS_MAX = 10

#: The clause that speaks when the books do not agree, by the rule of the audit.
_CLAUSE_OF_RULE = {
    "receipts-agree": "RCPT-3",
    "one-effect": "RCPT-6",
    "one-content": "RCPT-6",
    "attempts-grow": "RCPT-5",
    "one-receipt": "RCPT-1",
    "done-once": "RCPT-6",
    "same-outcome": "RCPT-2",
    "same-counts": "INT-8",
    "both-or-neither": "INT-6",
    "not-forgotten": "RCPT-5",
}


class Source(StrEnum):
    """What says that something is wrong."""

    #: A step did not go as the model says.
    MODEL = "model"
    #: The messages break a clause.
    ORACLE = "oracle"
    #: The books of the parties do not agree; a replay does not look at them.
    LEDGER = "ledger"
    #: The stage itself broke.
    BROKE = "broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and the smallest story found that shows it."""

    source: Source
    #: The clause that is not kept, then others that speak for it.
    clauses: tuple[str, ...]
    zh: str
    en: str
    story: Story
    teller: Teller
    #: The step at which it showed, from 1; None after the last.
    step: int | None
    #: The example in which it was found, from 1.
    example: int

    @property
    def key(self) -> tuple[Source, str]:
        """By which two findings are the same."""
        return self.source, self.clauses[0]

    @property
    def steps(self) -> tuple[Told, ...]:
        """The steps up to what went wrong, and the look that belongs to it."""
        steps = self.teller.steps
        if self.step is None:
            return tuple(steps)
        last = self.step
        while last < len(steps) and steps[last].is_look and not steps[last - 1].is_look:
            last += 1
        return tuple(steps[:last])


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of an exploration."""

    played: int = 0
    #: Stories that could not be told to their end, or in which something could not be seen.
    inconclusive: int = 0
    #: Plays that made findings smaller.
    shrinking: int = 0
    findings: list[Finding] = field(default_factory=list)
    #: Acts that the driver turned out not to offer.
    not_offered: list[str] = field(default_factory=list)


class Unusable(Exception):
    """Nothing can be concluded because of how things are set up."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


class Bench(Protocol):
    """Where stories are played."""

    @property
    def possibilities(self) -> Possibilities:
        """What can be driven there."""

    #: Plays that may be spent on making a finding smaller.
    shrinks_max: int
    #: The books of all parties can be read.
    audited: bool
    #: The seed of the stages.
    stage_seed: int

    def stage(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        """How the stage for a play is made, under these settings of the profile, as a scenario file writes them.

        Plays are numbered from 1, so that they can keep clear of each other.
        """


#: Hands a story to whoever judges it.
Judged = Callable[[Story], None]
#: Draws stories for a stage under settings of Hypothesis, from a seed, and hands each to its judge.
Drawing = Callable[[settings, int, Possibilities, Judged], None]


def by_wishes(how: settings, seed_: int, can: Possibilities, judged: Judged) -> None:
    """Draw stories as wishes that are read with the model at hand."""

    @seed(seed_)
    @how
    @given(stories(can))
    def one(story: Story) -> None:
        judged(story)

    one()


#: Told after every play: how many examples are through, of how many, and whether a finding is being made smaller.
Progress = Callable[[int, int, bool], None]


class _Enough(BaseException):
    """Leaves Hypothesis at once; it catches exceptions, and asks for them again."""


class _Learnt(_Enough):
    """The driver does not offer an act, so stories have to be drawn without it."""


class _Wrong(Exception):
    """Tells Hypothesis that a story is worth making smaller."""


class Explorer:
    """One exploration: so many made-up stories, drawn from the seed."""

    def __init__(
        self, bench: Bench, examples: int, seed_: int, progress: Progress | None, drawing: Drawing = by_wishes
    ):
        self._examples = examples
        self.drawing = drawing
        self._seed = seed_
        self.progress = progress
        self.bench = bench
        self.tally = Tally()
        self._plays = 0

    def run(self) -> Iterator[Finding]:
        """Play them; yields each finding as soon as it is as small as it gets."""
        rounds = 0
        while self.tally.played < self._examples and len(self.tally.findings) < FINDINGS_MAX:
            search = _Search(self)
            try:
                search.draw(self._examples - self.tally.played, self._seed + rounds)
            except _Learnt:
                continue
            finally:
                rounds += 1
            if search.best is None:
                break
            self.tally.findings.append(search.smallest())
            yield self.tally.findings[-1]

    @property
    def can(self) -> Possibilities:
        """What can be driven, as far as it is known by now."""
        can, missing = self.bench.possibilities, set(self.tally.not_offered)
        if not missing:
            return can
        offers = can.offers_act
        return replace(can, offers_act=lambda name: name not in missing and offers(name))

    def known(self, finding: Finding) -> bool:
        """Whether the same was found before."""
        return any(finding.key == other.key for other in self.tally.findings)

    def told(self, shrinking: bool) -> None:
        """Let whoever watches know."""
        if self.progress is not None:
            self.progress(self.tally.played, self._examples, shrinking)

    def examine(self, story: Story) -> Finding | None:
        """Play a story and say what is wrong; None when nothing is."""
        teller = tell(story, self.can)
        if not any(step.is_look or step.inner for step in teller.steps):
            return None
        self._plays += 1
        scenario = scenario_of(story, teller, ("探索", "exploration"), f"example-{self._plays}")
        watch = _Watch(self.bench.stage(self._plays, story.settings), self.bench.audited)
        run = play(scenario, teller.can.wiring, watch.make, seed=self.bench.stage_seed, listeners=(watch,))
        return self._finding(run, story, teller, watch)

    def repeats(self, finding: Finding, scenario: Scenario) -> bool:
        """Play a finding's file: whether the same clause is broken again."""
        self._plays += 1
        make = self.bench.stage(self._plays, finding.story.settings)
        scenario = replace(scenario, profile=finding.teller.profile)
        run = play(scenario, finding.teller.can.wiring, make, seed=self.bench.stage_seed)
        if run.outcome is not Outcome.FAIL or run.failure is None:
            return False
        if finding.source is Source.MODEL:
            return run.failure.step is not None and run.failure.en == finding.en
        return finding.clauses[0] in {verdict.clause for verdict in run.broken}

    def _finding(self, run: Run, story: Story, teller: Teller, watch: "_Watch") -> Finding | None:
        if run.outcome is Outcome.CONFIG:
            raise Unusable(*(run.obstacle or ("", "")))
        if run.outcome is Outcome.INCONCLUSIVE and not run.broken:
            self.tally.inconclusive += 1
            if run.unobserved or watch.step is None:
                return None
            self.tally.not_offered.append(watch.step.act.name)
            raise _Learnt
        if run.outcome is Outcome.PASS:
            return self._books_wrong(story, teller, watch)
        failure = run.failure
        if run.outcome is Outcome.ERROR or failure is None:
            return Finding(
                source=Source.BROKE, clauses=(_at(teller, watch.step),), zh=run.error_detail, en=run.error_detail,
                story=story, teller=teller, step=watch.step.number if watch.step else None, example=self.tally.played,
            )  # fmt: skip
        broken = tuple(
            verdict.clause for verdict in (run.verdicts or judge(run.trace, teller.profile)) if verdict.failed
        )
        step = failure.step
        clauses = broken if step is None else (_at(teller, step), *broken)
        return Finding(
            source=Source.ORACLE if step is None else Source.MODEL,
            clauses=tuple(dict.fromkeys(clauses)),
            zh=failure.zh,
            en=failure.en,
            story=story,
            teller=teller,
            step=None if step is None else step.number,
            example=self.tally.played,
        )

    def _books_wrong(self, story: Story, teller: Teller, watch: "_Watch") -> Finding | None:
        if watch.books is None:
            return None
        found = audit(watch.books, at_rest=True)
        if not found:
            return None
        first = found[0]
        return Finding(
            source=Source.LEDGER,
            clauses=tuple(dict.fromkeys(_CLAUSE_OF_RULE[each.rule] for each in found)),
            zh=first.text("zh"),
            en=first.text("en"),
            story=story,
            teller=teller,
            step=None,
            example=self.tally.played,
        )


class _Watch:
    """Listens to a run: which step is played, and what the books say at its end."""

    def __init__(self, make: StageMaker, audited: bool):
        self._make, self._audited = make, audited
        self._stage: Stage | None = None
        self.step: Step | None = None
        self.books: Books | None = None

    def make(self, profile: Profile, wiring: Wiring, seed_: int, quirks: Quirkiness) -> Stage:
        """The stage, which is remembered."""
        self._stage = self._make(profile, wiring, seed_, quirks)
        return self._stage

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self.step = event.step
        elif isinstance(event, RunFinished) and self._audited and event.run.passed and self._stage is not None:
            self.books = _books(self._stage)


def _books(stage: Stage) -> Books | None:
    """The books of everybody on the stage; None when one of them does not show its own."""

    def asking(party: Party) -> Ask:
        return lambda name, params: stage.ask(party, name, params)

    parties = [party for party in Party if party is not Party.BRIDGE or stage.wiring is Wiring.BRIDGED]
    try:
        return Books({party: read(party, asking(party)) for party in parties})
    except StageRefused:
        return None


@contextmanager
def drawn_from_the_seed_alone() -> Iterator[None]:
    """Keep Hypothesis from drawing constants out of whatever modules are loaded: the same seed would tell other stories in another process."""
    drawing, name = providers.HypothesisProvider, "_maybe_draw_constant"
    before = getattr(drawing, name, None)
    if before is None:
        # Versions that have no such pool draw from the seed alone anyway.
        yield
        return
    setattr(drawing, name, lambda *_args, **_more: None)
    try:
        yield
    finally:
        setattr(drawing, name, before)


class _Search:
    """One finding: first drawn, then made smaller."""

    def __init__(self, explorer: Explorer):
        self._explorer = explorer
        # What Hypothesis does not get to, leaving out gets to sooner.
        self._left = explorer.bench.shrinks_max // 3
        self.best: Finding | None = None

    def draw(self, examples: int, seed_: int) -> None:
        """Draw stories until something is wrong, and let Hypothesis make that one smaller."""
        how = settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        try:
            with warnings.catch_warnings(), drawn_from_the_seed_alone():
                # What Hypothesis warns of is about tests.
                warnings.simplefilter("ignore")
                self._explorer.drawing(how, seed_, self._explorer.can, self._one)
        except (_Wrong, HypothesisException):
            # A system that does not do the same twice makes Hypothesis doubt; what was seen was seen.
            if self.best is None:
                raise
        except _Learnt:
            raise
        except _Enough:
            pass

    def _one(self, story: Story) -> None:
        tally = self._explorer.tally
        if self.best is None:
            tally.played += 1
        elif not self._spend():
            raise _Enough
        finding = self._explorer.examine(story)
        self._explorer.told(self.best is not None)
        if finding is None or self._explorer.known(finding):
            return
        if self.best is None or (finding.key == self.best.key and finding.story.size < self.best.story.size):
            self.best = finding
        if finding.key == self.best.key:
            raise _Wrong

    def _spend(self) -> bool:
        self._left -= 1
        self._explorer.tally.shrinking += 1
        return self._left >= 0

    def smallest(self) -> Finding:
        """Leave out what can be left out, one thing at a time."""
        if self.best is None:
            raise ValueError("nothing was found that could be made smaller")
        # Whatever comes after it is of no more use.
        self._left = self._explorer.bench.shrinks_max
        self._try(_up_to(self.best))
        going_on = True
        while going_on:
            going_on = any(self._try(story) for story in smaller(self.best.story))
        return replace(self.best, clauses=tuple(dict.fromkeys((*self.best.clauses, *_circumstances(self.best)))))

    def _try(self, story: Story) -> bool:
        if self.best is None or story == self.best.story or not self._spend():
            return False
        finding = self._explorer.examine(story)
        self._explorer.told(True)
        if finding is None or finding.key != self.best.key:
            return False
        self.best = finding
        return True


def _circumstances(finding: Finding) -> Iterator[str]:
    """The clauses of what the smallest story cannot do without."""
    teller = finding.teller
    limit = teller.model.rules.max_rejections
    if any(life.grid.filing > 1 or life.grid.rejections >= limit for life in teller.lives):
        yield "INT-8"
    if any(move.doing is Doing.RESTART for move in teller.moves):
        yield "RCPT-5"
    mishaps = {move.spoiling.mishap for move in teller.moves if move.spoiling is not None}
    if mishaps - {Mishap.REPEATED}:
        yield "RCPT-5"
    if mishaps - {Mishap.LOST}:
        yield "RCPT-6"
    if any(move.like is not None for move in teller.moves):
        yield "EXC-1"
    if teller.model.rules.by_query:
        yield "XCHG-2"


def _up_to(finding: Finding) -> Story:
    """The moves up to the one that went wrong."""
    if finding.step is None:
        return _told(finding)
    last = finding.teller.steps[finding.step - 1].move
    return Story(
        moves=tuple(finding.teller.moves[: last + 1]), settings=finding.story.settings, quirks=finding.story.quirks
    )


def _told(finding: Finding) -> Story:
    """Only the moves that could be made."""
    return Story(moves=tuple(finding.teller.moves), settings=finding.story.settings, quirks=finding.story.quirks)


def _at(teller: Teller, step: Step | None) -> str:
    return teller.steps[step.number - 1].clause if step is not None else "INT-1"
