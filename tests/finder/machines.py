"""All machines: what each looks at, how many examples the quick profile gives it, and how it is set on a bridge or a pair.

hunt (seed, examples, a planted defect)  ──►  Machine.find  ──►  Found: fact, clause, and how to see it again
"""

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from delivery_machine import Delivery
from door_machine import Door
from duplicates_machine import Duplicates
from facts import Broken
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import ExampleDatabase
from hypothesis.stateful import INVARIANT_MARKER, RuleBasedStateMachine, run_state_machine_as_test
from interleaved_machine import Interleaved
from life_machine import CaseLife
from query_machine import Query
from stores_machine import StoreAgainstMemory
from story_machine import Stories, drawing_by
from twins_machine import Comparing, Twins

from bridge.vocabulary.parties import Party
from conformance.explore.explore import Explorer, Finding, Source, drawn_from_the_seed_alone
from conformance.explore.file import write
from conformance.explore.story import Possibilities
from conformance.scenario.load import load_scenario
from conformance.scenario.profile import base_profile
from conformance.scenario.stage import StageMaker
from conformance.zoo import Member
from duijie import __version__
from duijie.virtual import VirtualStage
from duijie.zoo import cast_with

#: The seed of the quick profile.
SEED = 1
#: Steps of a bench machine.
_STEPS = 30
#: Plays that may be spent on making a story smaller.
_SHRINKS_MAX = 300


@dataclass(frozen=True, kw_only=True)
class Hunt:
    """How a machine is to look."""

    seed: int = SEED
    #: So many times the examples of the quick profile.
    times: float = 1
    #: A member of the zoo takes its place.
    planted: Member | None = None
    #: Where failing stories are written.
    folder: Path | None = None
    #: What was found before is tried first, and kept.
    database: ExampleDatabase | None = None
    #: Whether what is found is made small; the first of anything is enough otherwise.
    shrink: bool = True

    @property
    def settings(self) -> Mapping[str, Any]:
        """For Hypothesis."""
        phases = [Phase.generate] + ([Phase.shrink] if self.shrink else [])
        return {"database": self.database, "phases": [Phase.reuse, *phases] if self.database else phases}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A fact that does not hold."""

    machine: str
    clause: str
    fact: str
    #: The steps, as the machine or the file has them.
    text: str
    #: The one command that shows it again.
    repeat: str
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine."""

    name: str
    zh: str
    en: str
    #: Examples in the quick profile.
    quick: int
    #: Whose defects it can see.
    parties: frozenset[Party]
    find: Callable[["Machine", Hunt], Iterator[Found]]

    def hunts(self, hunt: Hunt) -> Iterator[Found]:
        """What it finds; nothing where somebody else's defect was planted."""
        if hunt.planted is None or hunt.planted.party in self.parties:
            yield from self.find(self, hunt)

    def examples(self, hunt: Hunt) -> int:
        """How many examples it tries."""
        return max(1, round(self.quick * hunt.times))

    def repeated_by(self, hunt: Hunt) -> str:
        """The command that looks in the same way again."""
        planted = "" if hunt.planted is None else f" --planted {hunt.planted.id}"
        return f"python tests/finder --machine {self.name} --seed {hunt.seed} --times {hunt.times:g}{planted}"


# ── a bridge on a bench ─────────────────────────────────────────────────────────────────────────────


def _on_a_bench(kind: type[RuleBasedStateMachine]) -> Callable[[Machine, Hunt], Iterator[Found]]:
    def find(machine: Machine, hunt: Hunt) -> Iterator[Found]:
        planted = {} if hunt.planted is None else {"make": staticmethod(hunt.planted.make)}
        told = type(kind.__name__, (kind,), planted)
        how = settings(
            max_examples=machine.examples(hunt),
            stateful_step_count=_STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            **hunt.settings,
        )
        try:
            with drawn_from_the_seed_alone():
                run_state_machine_as_test(seed(hunt.seed)(told), settings=how)
        except Exception as broke:  # A bridge that stumbles is found out too.
            known = isinstance(broke, Broken)
            yield Found(
                machine=machine.name,
                clause=broke.clause if isinstance(broke, Broken) else "RCPT-5",
                fact=broke.fact if isinstance(broke, Broken) else f"the bridge stumbles: {type(broke).__name__}",
                text=_steps(broke, kind) if known else _trace(broke),
                repeat=machine.repeated_by(hunt),
            )

    return find


def _steps(broke: Exception, kind: type[RuleBasedStateMachine]) -> str:
    """What was done, without what was looked at after each step."""
    looks = {f"state.{name}()" for name in dir(kind) if hasattr(getattr(kind, name), INVARIANT_MARKER)}
    lines = "\n".join(getattr(broke, "__notes__", ())).splitlines()
    return "\n".join([str(broke), *(line for line in lines if line not in looks)])


def _trace(broke: Exception) -> str:
    return "".join(traceback.format_exception(broke))


# ── a pair that plays stories ───────────────────────────────────────────────────────────────────────


@dataclass
class Pair:
    """Stories in virtual time; see `conformance.explore.explore.Bench`."""

    role: Party
    planted: Member | None
    shrinks_max: int = _SHRINKS_MAX
    audited: bool = True
    #: The town of a replay.
    stage_seed: int = 1
    possibilities: Possibilities = field(init=False)

    def __post_init__(self) -> None:
        self.possibilities = Possibilities(role=self.role, profile=base_profile())

    def stage(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        """The same for every play."""
        return VirtualStage if self.planted is None else partial(VirtualStage, cast=cast_with(self.planted))


def _in_stories(
    kind: type[Stories], role: Party, judge: type[Explorer] = Explorer
) -> Callable[[Machine, Hunt], Iterator[Found]]:
    def find(machine: Machine, hunt: Hunt) -> Iterator[Found]:
        pair = Pair(role, hunt.planted, shrinks_max=_SHRINKS_MAX if hunt.shrink else 0)
        drawing = drawing_by(kind, **hunt.settings)
        explorer = judge(pair, machine.examples(hunt), hunt.seed, None, drawing)
        for finding in explorer.run():
            yield _told(machine, hunt, explorer, finding)

    return find


def _told(machine: Machine, hunt: Hunt, explorer: Explorer, finding: Finding) -> Found:
    fact = finding.en.splitlines()[-1] if finding.en else ""
    told = partial(Found, machine=machine.name, clause=finding.clauses[0], fact=fact)
    if hunt.folder is None:
        steps = "\n".join(str(step.written()) for step in finding.steps)
        return told(text=f"{fact}\n{steps}", repeat=machine.repeated_by(hunt))
    planted = "" if hunt.planted is None else f" --planted {hunt.planted.id}"
    notes = [f"duijie {__version__} · {machine.repeated_by(hunt)}"]
    path = write(finding, hunt.folder, notes)
    if not explorer.repeats(finding, load_scenario(path)):
        path.unlink()
        path = write(finding, hunt.folder, notes, whole=True)
    # A replay looks at no books, so that what they alone show is shown by the machine.
    repeat = machine.repeated_by(hunt) if finding.source is Source.LEDGER else f"duijie replay {path}{planted}"
    return told(text=path.read_text(encoding="utf-8"), repeat=repeat, path=path)


# ── all of them ─────────────────────────────────────────────────────────────────────────────────────

_BRIDGE = frozenset({Party.BRIDGE})
_PLATFORMS = frozenset({Party.GRID, Party.URBAN})
MACHINES = (
    Machine(
        name="delivery",
        zh="表单的传递",
        en="forms on their way, against the model",
        quick=300,
        parties=_BRIDGE,
        find=_on_a_bench(Delivery),
    ),
    Machine(
        name="life",
        zh="一件案卷的一生",
        en="one case's life through the bridge, against the law",
        quick=250,
        parties=_BRIDGE,
        find=_on_a_bench(CaseLife),
    ),
    Machine(
        name="duplicates",
        zh="重复案卷",
        en="which cases repeat another",
        quick=200,
        parties=_BRIDGE,
        find=_on_a_bench(Duplicates),
    ),
    Machine(
        name="query",
        zh="案卷查询",
        en="queries while cases arrive and move",
        quick=150,
        parties=_BRIDGE,
        find=_on_a_bench(Query),
    ),
    Machine(
        name="door",
        zh="令牌与锁定",
        en="tokens and locks at the door",
        quick=60,
        parties=_BRIDGE,
        find=_on_a_bench(Door),
    ),
    Machine(
        name="stores",
        zh="内存与数据库",
        en="a bridge over memory against one over SQLite that restarts",
        quick=25,
        parties=_BRIDGE,
        find=_on_a_bench(StoreAgainstMemory),
    ),
    Machine(
        name="interleaved",
        zh="数百件案卷交错",
        en="several hundred cases mixed up, each against itself alone",
        quick=8,
        parties=_BRIDGE,
        find=_on_a_bench(Interleaved),
    ),
    Machine(
        name="pair",
        zh="网络不良时的两平台与对接桥",
        en="both platforms and the bridge under a bad network",
        quick=150,
        parties=frozenset(Party),
        find=_in_stories(Stories, Party.BRIDGE),
    ),
    Machine(
        name="direct",
        zh="网络不良时直连的两平台",
        en="both platforms without a bridge under a bad network",
        quick=100,
        parties=_PLATFORMS,
        find=_in_stories(Stories, Party.URBAN),
    ),
    Machine(
        name="twins",
        zh="经桥与直连须一致",
        en="a bridged pair against a direct one",
        quick=50,
        parties=_BRIDGE,
        find=_in_stories(Twins, Party.BRIDGE, Comparing),
    ),
)
