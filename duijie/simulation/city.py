"""A whole city: its worlds live in some processes, and what they come to is put together in the order of the worlds."""

import gc
import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from conformance.ledger import Finding
from conformance.oracle.clause import Violation
from duijie.cast import RIGHT, Cast
from duijie.simulation.figures import Figures
from duijie.simulation.lots import derived_seed
from duijie.simulation.world import Ailment, Lived, LivingWorld, Plan
from duijie.simulation.worlds import World
from simulators.city.town import Town

#: How often whoever waits is told how far the city is.
_TELL_SECONDS = 0.2
#: Worlds that are handed out ahead, for each process.
_AHEAD = 3
#: A world with more cases than this is cleared away as soon as it has ended.
_WORTH_COLLECTING = 100
#: Breaches of one clause, and of the books, that are kept one by one.
_KEPT = 20

#: Hears how many cases are over, and the date that the most advanced of the worlds under way has reached.
Tell = Callable[[int, date | None], None]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What all worlds say of one clause."""

    kept: int = 0
    #: Worlds and what was seen in them; some of many.
    violations: list[tuple[str, Violation]] = field(default_factory=list)
    broken: int = 0


@dataclass(slots=True, kw_only=True)
class CityLived:
    """What became of a city."""

    figures: Figures = field(default_factory=Figures)
    #: Digest of each world's journal, in the order of the worlds.
    digests: dict[str, str] = field(default_factory=dict)
    clauses: dict[str, Tally] = field(default_factory=dict)
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    findings_count: int = 0
    ailments: list[tuple[str, Ailment]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    restless: list[str] = field(default_factory=list)
    heard_after_the_end: int = 0
    #: True when time was up before all worlds had lived.
    cut_short: bool = False
    #: The first world that broke something, and what.
    failed: tuple[World, tuple[str, ...]] | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the journal: of the list of its parts, as `SHA256SUMS` has it."""
        return sha256(self.sums().encode()).hexdigest()

    def sums(self) -> str:
        """The parts of the journal with their digests, as `sha256sum --check` reads them."""
        return "".join(f"{digest}  {file_of(key)}\n" for key, digest in self.digests.items())

    def add(self, lived: Lived) -> None:
        """Count in the next world."""
        key = lived.world.key
        self.figures.add(lived.figures)
        self.digests[key] = lived.digest
        self.heard_after_the_end += lived.heard_after_the_end
        for verdict in lived.verdicts:
            tally = self.clauses.setdefault(verdict.clause, Tally())
            tally.kept += verdict.kept
            tally.broken += len(verdict.violations)
            tally.violations += [(key, each) for each in verdict.violations[: _KEPT - len(tally.violations)]]
        self.findings_count += len(lived.findings)
        self.findings += [(key, each) for each in lived.findings[: _KEPT - len(self.findings)]]
        self.ailments += [(key, each) for each in lived.ailments]
        if lived.error is not None:
            self.errors[key] = lived.error
        if not lived.at_rest:
            self.restless.append(key)
        if lived.broken and self.failed is None:
            self.failed = lived.world, lived.broken


def file_of(key: str) -> str:
    """The name of the file that holds the journal of a world."""
    return f"world-{key}.jsonl"


def town_of(seed: int) -> Town:
    """The town of a city; all its worlds lie in it."""
    return Town.plain(derived_seed(seed, "town"), "city")


def cast_of(planted: str | None) -> Cast:
    """The right parties, but for the planted one."""
    if planted is None:
        return RIGHT
    from conformance.zoo import members

    member = next(each for each in members() if each.id == planted)
    return RIGHT.with_part(member.party, member.make)


def is_of_the_zoo(planted: str) -> bool:
    """Whether the zoo, which is opened only when somebody is to be planted, has such a member."""
    from conformance.zoo import members

    return any(each.id == planted for each in members())


def live_world(plan: Plan, trace: Path | None = None, tell: Callable[[datetime, int], None] | None = None) -> Lived:
    """Let one world live from its first report to its rest; its journal goes to the file, if one is named."""
    town = town_of(plan.seed)
    out = None if trace is None else trace.open("w", encoding="utf-8", newline="\n")
    world = LivingWorld(plan, town, out, cast_of(plan.planted))
    # A world makes no garbage to speak of that counting references does not find, and looking for it in all its books is dear.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return world.live(tell)
    except OSError:  # The journal could not be written, which is no fault of the world's.
        raise
    except Exception:  # What breaks off a world is what somebody looks for; the other worlds go on.
        return world.broken_off(traceback.format_exc())
    finally:
        if out is not None:
            out.close()
        del world
        if collecting:
            gc.enable()
        if plan.world.cases > _WORTH_COLLECTING:
            gc.collect()


def live_city(plans: Sequence[Plan], *, jobs: int, trace: Path | None = None, tell: Tell) -> Generator[Lived]:
    """Let all worlds live; they come in the order of the plans, whoever is ready first."""
    files = [None if trace is None else trace / file_of(plan.world.key) for plan in plans]
    if jobs == 1 or len(plans) == 1:
        yield from _one_after_the_other(zip(plans, files, strict=True), tell)
    else:
        yield from _in_processes(zip(plans, files, strict=True), jobs, tell)


def _one_after_the_other(todo: Iterable[tuple[Plan, Path | None]], tell: Tell) -> Generator[Lived]:
    done = 0
    for plan, file in todo:
        lived = live_world(plan, file, partial(_tell_from, tell, done))
        done += lived.figures.cases["reported"]
        tell(done, None)
        yield lived


def _tell_from(tell: Tell, before: int, now: datetime, over: int) -> None:
    tell(before + over, now.date())


# ── processes ───────────────────────────────────────────────────────────────────────────────────────

#: In a process of its own: where it writes how far its world is, and which place there is its.
_slot: tuple[Any, int] | None = None


def _enter(slots: Any, taken: Any) -> None:
    """Begin a process: take a place in which to say how far its world is."""
    # The one who waits hears Ctrl-C; the worlds under way come to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _slot
    with taken.get_lock():
        _slot = slots, taken.value
        taken.value += 1
    # What was imported stays, and need not be looked through when a world is cleared away.
    gc.freeze()


def _work(plan: Plan, file: Path | None) -> Lived:
    def say(now: datetime, over: int) -> None:
        if _slot is not None:
            slots, place = _slot
            slots[2 * place], slots[2 * place + 1] = over, now.toordinal()

    try:
        return live_world(plan, file, say)
    finally:
        if _slot is not None:
            _slot[0][2 * _slot[1]] = 0


def _in_processes(todo: Iterable[tuple[Plan, Path | None]], jobs: int, tell: Tell) -> Generator[Lived]:
    context = multiprocessing.get_context("spawn")
    slots, taken = context.Array("q", 2 * jobs), context.Value("q", 0)
    waiting = iter(todo)
    done = 0
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_enter, initargs=(slots, taken)) as pool:
        try:
            under_way: deque[Future[Lived]] = deque(
                pool.submit(_work, plan, file) for plan, file in islice(waiting, jobs * _AHEAD)
            )
            while under_way:
                while not wait([under_way[0]], _TELL_SECONDS).done:
                    ready = sum(each.result().figures.cases["reported"] for each in under_way if each.done())
                    newest = max(slots[1::2])
                    tell(done + ready + sum(slots[::2]), date.fromordinal(newest) if newest else None)
                lived = under_way.popleft().result()
                done += lived.figures.cases["reported"]
                under_way += [pool.submit(_work, plan, file) for plan, file in islice(waiting, 1)]
                yield lived
        finally:
            pool.shutdown(cancel_futures=True)
