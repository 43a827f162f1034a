"""`duijie conform … --explore N`: made-up stories against the system under test, and a scenario file for each thing that goes wrong."""

import json
import math
import os
import secrets
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks
from conformance.clauses import clauses
from conformance.doctor.finding import has_failure
from conformance.drivers.driver import Capabilities
from conformance.scenario.load import load_scenario
from conformance.scenario.profile import base_profile
from conformance.scenario.stage import StageMaker
from duijie import __version__
from duijie.benches import BUILTIN, BUILTIN_VIRTUAL, EXAMPLES_MAX, BuiltinBench, SystemBench
from duijie.conform import SEEDS, looked_at, opened, system_of
from duijie.console_text import Language, say
from duijie.examination import Plan
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder

if TYPE_CHECKING:
    from conformance.explore.explore import Explorer, Finding
    from conformance.explore.story import Possibilities

#: Seconds that a play usually takes: computed, over SOAP, over SOAP with a system behind a driver.
_COMPUTED_SECONDS, _LIVE_SECONDS, _DRIVEN_SECONDS = 0.1, 4.0, 3.0
#: Plays that may be spent on making one finding smaller, by drawing and again by leaving out.
_SHRINKS_COMPUTED, _SHRINKS_OVER_SOAP = 300, 40
#: Stories against a foreign system; the case numbers of one run are enough for these and for making findings smaller.
_FOREIGN_MAX = EXAMPLES_MAX - 1000
#: Where Hypothesis keeps its notes.
_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"
#: Durations longer than this are told in minutes.
_SECONDS_TOLD = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreOptions:
    """What the command line says."""

    examples: int
    seed: int | None = None
    #: Findings go into `explored` below this folder; the current one without it.
    report: Path | None = None
    json: bool = False
    language: Language = "zh"


class ExplorationBench:
    """Where stories are played; see `conformance.explore.explore.Bench`."""

    def __init__(self, bench: BuiltinBench | SystemBench, role: Party, seed: int):
        self._bench, self._role = bench, role
        own = isinstance(bench, BuiltinBench)
        self.computed = own and bench.source == BUILTIN_VIRTUAL
        self.usual_seconds = _COMPUTED_SECONDS if self.computed else _LIVE_SECONDS if own else _DRIVEN_SECONDS
        self.shrinks_max = _SHRINKS_COMPUTED if self.computed else _SHRINKS_OVER_SOAP
        self.audited = own
        #: The town of a replay, so that one of our own parties does the same there.
        self.stage_seed = 1 if own else seed

    @property
    def possibilities(self) -> "Possibilities":
        """What can be driven."""
        from conformance.explore.story import Possibilities

        can: Capabilities = self._bench.capabilities
        return Possibilities(
            role=self._role,
            # `duijie replay` plays what is found by the profile of scenarios, `duijie conform` by the system's own.
            profile=base_profile() if self._bench.source in (BUILTIN, BUILTIN_VIRTUAL) else self._bench.profile,
            offers_act=can.offers_act,
            offers_ask=can.offers_ask,
            has_clause=lambda clause: can.lacks(clause) is None,
            clock=can.steered_clock,
            restart=can.restart,
            settings=can.reset and can.steered_clock,
        )

    def stage(self, number: int, changed: Mapping[str, Any]) -> StageMaker:
        """A stage for one play."""
        if isinstance(self._bench, SystemBench):
            return self._bench.example(number, changed)
        return self._bench.maker


def run_explore(role: Party, source: str, options: ExploreOptions) -> Exit:
    """Explore the system and tell what was found; the exit code says how it went."""
    _need_hypothesis()
    from conformance.explore.explore import Explorer, Unusable
    from conformance.explore.tables import ACTS

    foreign = source not in (BUILTIN, BUILTIN_VIRTUAL)
    if foreign and options.examples > _FOREIGN_MAX:
        raise UserMistake(
            f"--explore 对外部系统至多 {_FOREIGN_MAX},不是 {options.examples};请换种子分次进行",
            f"--explore is at most {_FOREIGN_MAX} against a system that is not ours, not {options.examples}; take several runs with other seeds",
        )
    seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    sut = system_of(role, source) if foreign else None
    everything = checks(library_folder(), role)
    with opened(role, source, sut, everything, options.language) as (opened_bench, driver):
        if sut is not None:
            plan = None
            if driver is not None:
                plan = Plan(
                    sut=sut,
                    profile=opened_bench.profile,
                    driver=driver,
                    everything=everything,
                    planned=everything,
                    seed=seed,
                )
            console = Console(highlight=False, soft_wrap=True)
            found = looked_at(plan, sut, everything, console, as_json=options.json, language=options.language)
            if has_failure(found):
                return Exit.CONFIGURATION
        bench = ExplorationBench(opened_bench, role, seed)
        can = bench.possibilities
        driven = [act.word for act in ACTS.values() if act.side.value == role.value]
        if driven and not any(map(can.offers_act, driven)):
            _say_nothing_driven(driven, options)
            return Exit.INCONCLUSIVE
        telling = _Telling(Explorer(bench, options.examples, seed, None), bench, role, source, seed, options)
        try:
            with _notes_elsewhere():
                return telling.run(opened_bench.title)
        except Unusable as unusable:
            raise UserMistake(unusable.zh, unusable.en) from None


def _need_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise UserMistake(
            "--explore 需要 hypothesis;请运行 pip install 'duijie[explore]'",
            "--explore needs hypothesis; run pip install 'duijie[explore]'",
        ) from None


@contextmanager
def _notes_elsewhere() -> Iterator[None]:
    """Hypothesis keeps notes in the current folder, unless it is told where else; it leaves none with the user."""
    with ExitStack() as stack:
        if _STORAGE not in os.environ:
            os.environ[_STORAGE] = stack.enter_context(TemporaryDirectory(prefix="duijie-explore-"))
            stack.callback(os.environ.pop, _STORAGE)
        yield


def _say_nothing_driven(acts: list[str], options: ExploreOptions) -> None:
    named = ", ".join(sorted(set(acts)))
    sys.stderr.write(
        say(
            options.language,
            f"驱动未提供任何可探索的操作,无从得出结论;至少实现其一:{named}\n",
            f"the driver offers no act that could be explored, so nothing can be concluded; implement at least one of {named}\n",
        )
    )


class _Telling:
    """Runs an exploration and tells of it."""

    def __init__(
        self,
        explorer: "Explorer",
        bench: ExplorationBench,
        role: Party,
        source: str,
        seed: int,
        options: ExploreOptions,
    ):
        self._explorer, self._bench = explorer, bench
        self._role, self._source, self._seed, self._options = role, source, seed, options
        self._console = Console(highlight=False, soft_wrap=True)
        self._title = ""
        #: Findings that count; one that the model alone saw, and that was not seen again, may have been a matter of time.
        self._counted: list[Finding] = []

    def run(self, title: str) -> Exit:
        self._title = title
        if not self._options.json:
            self._announce()
        with ExitStack() as stack:
            self._show_progress(stack)
            for finding in self._explorer.run():
                self._tell(finding)
        tally = self._explorer.tally
        if self._options.json:
            record = {
                "type": "explored",
                "examples": tally.played,
                "inconclusive": tally.inconclusive,
                "shrinking": tally.shrinking,
                "findings": len(tally.findings),
                "not_offered": tally.not_offered,
                "seed": self._seed,
            }
            self._line(record)
        else:
            self._sum_up()
        return self._exit()

    def _exit(self) -> Exit:
        from conformance.explore.explore import Source

        tally = self._explorer.tally
        if any(finding.source is Source.BROKE for finding in tally.findings):
            return Exit.INTERNAL
        if self._counted:
            return Exit.FAILED
        if tally.findings:
            return Exit.INCONCLUSIVE
        return Exit.OK if tally.played > tally.inconclusive else Exit.INCONCLUSIVE

    def _announce(self) -> None:
        seconds = self._options.examples * self._bench.usual_seconds
        zh, en = (
            (f"{math.ceil(seconds)} 秒", f"{math.ceil(seconds)} s")
            if seconds < _SECONDS_TOLD
            else (f"{math.ceil(seconds / 60)} 分钟", f"{math.ceil(seconds / 60)} min")
        )
        self._say(
            f"被测系统:{self._title} · 探索 {self._options.examples} 个故事 · 种子 {self._seed} · 预计约 {zh}",
            f"system under test: {self._title} · exploring {self._options.examples} stories · seed {self._seed} · expected to take about {en}",
        )

    def _show_progress(self, stack: ExitStack) -> None:
        if self._options.json or not self._console.is_terminal:
            return
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        stack.enter_context(bar)
        task = bar.add_task("", total=self._options.examples)
        exploring = say(self._options.language, "探索", "exploring")
        shrinking = say(self._options.language, "缩小", "making it smaller")

        def progress(played: int, of: int, smaller: bool) -> None:
            bar.update(task, completed=played, total=of, description=shrinking if smaller else exploring)

        self._explorer.progress = progress

    def _tell(self, finding: "Finding") -> None:
        from conformance.explore.explore import Source

        path, repeated = self._write(finding)
        if repeated or finding.source is not Source.MODEL:
            self._counted.append(finding)
        command = self._command(finding, path)
        clause = finding.clauses[0]
        if self._options.json:
            record = {
                "type": "finding",
                "clause": clause,
                "clauses": list(finding.clauses),
                "source": finding.source.value,
                "sentence": {"zh": finding.zh, "en": finding.en},
                "example": finding.example,
                "cases": finding.story.size[0],
                "steps": len(finding.steps),
                "file": str(path),
                "repeats": repeated,
                "repeat": command,
                "seed": self._seed,
            }
            self._line(record)
            return
        language = self._options.language
        self._console.print(f"✗ {clause}  {clauses()[clause].sentence(language)}", style="bold red", markup=False)
        self._console.print(f"    {say(language, finding.zh, finding.en)}", markup=False)
        self._console.print(path.read_text(encoding="utf-8"), markup=False, style="dim")
        if not repeated:
            self._say(
                "    再次播放时没有以同样方式失败:系统两次的表现不同(静止时间 settle_seconds 可能过短),或回放不看账目",
                "    played again it did not fail in the same way: the system did not do the same twice (settle_seconds may be too short), or a replay does not look at the books",
            )
        self._say(f"    重复:{command}", f"    repeat: {command}")

    def _write(self, finding: "Finding") -> tuple[Path, bool]:
        """The file, and whether it fails in the same way when it is played."""
        from conformance.explore.file import FOLDER, write

        folder = (self._options.report or Path()) / FOLDER
        notes = [
            f"duijie {__version__} · {self._title} · --explore {self._options.examples} --seed {self._seed}",
        ]
        try:
            path = write(finding, folder, notes)
            if self._explorer.repeats(finding, load_scenario(path)):
                return path, True
            path.unlink()
            path = write(finding, folder, notes, whole=True)
        except OSError as error:
            raise UserMistake.unwritable(folder, error) from error
        return path, self._explorer.repeats(finding, load_scenario(path))

    def _command(self, finding: "Finding", path: Path) -> str:
        from conformance.explore.explore import Source

        if finding.source in (Source.LEDGER, Source.BROKE):
            report = "" if self._options.report is None else f" --report {shlex.quote(str(self._options.report))}"
            return f"duijie conform {self._role} --sut {self._source} --explore {self._options.examples} --seed {self._seed}{report}"
        named = shlex.quote(str(path))
        if self._source in (BUILTIN, BUILTIN_VIRTUAL):
            return f"duijie replay {named}" + ("" if self._bench.computed else " --live")
        return f"duijie conform {self._role} --sut {shlex.quote(self._source)} --scenario {named}"

    def _sum_up(self) -> None:
        tally = self._explorer.tally
        missing = ", ".join(tally.not_offered)
        if missing:
            self._say(
                f"驱动未提供的操作已略过:{missing}", f"left out, because the driver does not offer them: {missing}"
            )
        self._say(
            f"共 {tally.played} 个故事:发现 {len(tally.findings)} 处问题,{tally.inconclusive} 个无法判定。"
            + (f"另播放 {tally.shrinking} 次用于缩小。" if tally.shrinking else ""),
            f"{tally.played} stories: {len(tally.findings)} found, {tally.inconclusive} inconclusive."
            + (f" {tally.shrinking} more plays to make findings smaller." if tally.shrinking else ""),
        )

    def _say(self, zh: str, en: str) -> None:
        self._console.print(say(self._options.language, zh, en), markup=False)

    @staticmethod
    def _line(record: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()
