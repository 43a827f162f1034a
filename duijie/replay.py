"""`duijie replay`: plays scenario files and tells what happened."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.reports.diagram import mermaid, svg
from conformance.scenario.events import Event, Listener, Outcome, Run
from conformance.scenario.load import load_all
from conformance.scenario.runner import play
from conformance.scenario.stage import Stage, StageMaker
from conformance.scenario.steps import Scenario, Step, Wiring
from conformance.scenario.wording import Wording
from duijie.cast import Cast
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.narrate import JsonLines, Timeline, repeat_command
from located_yaml import DocumentInvalid

#: Work that is over sooner needs no progress bar.
PROGRESS_AFTER_SECONDS = 2.0

#: More scenarios than this are told in one line each, unless they fail.
TELL_WHOLE_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What the command line asked for."""

    live: bool = False
    wiring: str | None = None
    seed: int = 1
    step: bool = False
    diagram: Path | None = None
    trace: Path | None = None
    #: A member of the zoo that takes its party's place.
    planted: str | None = None
    json: bool = False
    quiet: bool = False
    language: Language = "zh"


def run_replay(paths: Iterable[Path], options: ReplayOptions) -> Exit:
    """Play every scenario under the paths, each in each of its wirings; the exit code says how it went."""
    todo = _wanted(_load(paths), options)
    if not todo:
        raise UserMistake("没有可回放的场景", "there is no scenario to replay")
    for folder in (options.diagram, options.trace):
        _make_folder(folder)
    console = Console(highlight=False, soft_wrap=True)
    listener: Listener = (
        JsonLines(sys.stdout.write, options.language)
        if options.json
        else Timeline(console, options.language, brief=options.quiet or len(todo) > TELL_WHOLE_MAX)
    )
    runs = _play_all(todo, options, listener, console)
    if not options.json:
        _sum_up(runs, console, options.language)
    return _exit(runs)


def _load(paths: Iterable[Path]) -> list[Scenario]:
    paths = list(paths)
    for path in paths:
        if not path.exists():
            raise UserMistake(f"没有 {path} 这个文件或目录", f"there is no file or folder {path}")
    try:
        return load_all(paths)
    except DocumentInvalid as invalid:
        then = "场景文件有误,未执行任何步骤", "scenario files are wrong; nothing was run"
        raise UserMistake.in_file(invalid, then=then) from None


def _wanted(scenarios: Iterable[Scenario], options: ReplayOptions) -> list[tuple[Scenario, Wiring]]:
    if options.wiring is None:
        return [(scenario, wiring) for scenario in scenarios for wiring in scenario.wirings]
    try:
        wiring = Wiring(options.wiring)
    except ValueError:
        raise UserMistake(
            f"--wiring 应为 bridged 或 direct,不是 {options.wiring}",
            f"--wiring is bridged or direct, not {options.wiring}",
        ) from None
    return [(scenario, wiring) for scenario in scenarios if wiring in scenario.wirings]


def _make_folder(folder: Path | None) -> None:
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserMistake.unwritable(folder, error) from error


def stage_maker(live: bool, planted: str | None = None) -> StageMaker:
    """The stage to play on, with a member of the zoo in its place if one is named; what is not wanted is not imported."""
    stage = _stage_type(live)
    return stage if planted is None else partial(stage, cast=_cast_with(planted))


def _stage_type(live: bool) -> Callable[..., Stage]:
    if live:
        from duijie.live import LiveStage

        return LiveStage
    from duijie.virtual import VirtualStage

    return VirtualStage


def _cast_with(planted: str) -> Cast:
    from conformance.zoo import members
    from duijie.zoo import cast_with

    member = next((each for each in members() if each.id == planted), None)
    if member is None:
        raise UserMistake(
            f"动物园里没有 {planted};成员见 docs/zoo.md",
            f"no member of the zoo is called {planted}; docs/zoo.md lists them",
        )
    return cast_with(member)


def _play_all(
    todo: list[tuple[Scenario, Wiring]], options: ReplayOptions, listener: Listener, console: Console
) -> list[Run]:
    make_stage = stage_maker(options.live, options.planted)
    listeners = (listener,) if options.planted is None else (_naming(options.planted), listener)
    before_step = _wait_for_enter(options.language) if options.step else None
    runs: list[Run] = []
    shown = len(todo) > TELL_WHOLE_MAX and not options.json and console.is_terminal
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not shown,
    )
    began = time.monotonic()
    try:
        task = progress.add_task(say(options.language, "回放", "replaying"), total=len(todo))
        for scenario, wiring in todo:
            run = play(scenario, wiring, make_stage, seed=options.seed, listeners=listeners, before_step=before_step)
            _keep(run, options)
            # The messages of a run are many and of no more use.
            if run.passed:
                run.trace.records.clear()
            runs.append(run)
            progress.advance(task)
            if time.monotonic() - began > PROGRESS_AFTER_SECONDS:
                progress.start()
    finally:
        progress.stop()
    return runs


def _naming(planted: str) -> Listener:
    """Whoever is told of the run is told to plant the same again."""

    def name(event: Event) -> None:
        if not event.run.told_by:
            event.run.told_by = f"{event.run.repeat_command} --planted {planted}"

    return name


def _wait_for_enter(language: Language) -> Callable[[Step], None]:
    wording = Wording(language)

    def wait(step: Step) -> None:
        told = wording.step(step)
        said = say(
            language,
            f"第 {step.number} 步 {told},按回车继续…",
            f"step {step.number}, {told}; press Enter…",
        )
        sys.stderr.write(said)
        sys.stderr.flush()
        sys.stdin.readline()

    return wait


def _keep(run: Run, options: ReplayOptions) -> None:
    name = f"{run.scenario.id.replace('/', '.')}.{run.wiring}.{run.stage}"
    title = run.scenario.title(options.language)
    if options.diagram is not None:
        failure = None if run.failure is None else run.failure.sentence(options.language)
        drawn = svg(run.trace, run.cases, title, options.language, failure)
        (options.diagram / f"{name}.svg").write_text(drawn, encoding="utf-8")
        written = mermaid(run.trace, run.cases, title, options.language, failure)
        (options.diagram / f"{name}.mmd").write_text(written, encoding="utf-8")
    if options.trace is not None:
        (options.trace / f"{name}.jsonl").write_text(run.trace.to_lines(), encoding="utf-8")


def _sum_up(runs: list[Run], console: Console, language: Language) -> None:
    passed = sum(run.passed for run in runs)
    failed = len(runs) - passed
    sentence = say(
        language,
        f"共 {len(runs)} 次回放:{passed} 次成立,{failed} 次不成立。",
        f"{len(runs)} replay{'' if len(runs) == 1 else 's'}: {passed} held, {failed} did not.",
    )
    console.print(sentence, style="green" if failed == 0 else "bold red")
    for run in runs:
        if not run.passed:
            console.print(f"  {repeat_command(run)}", markup=False)


def _exit(runs: list[Run]) -> Exit:
    outcomes = {run.outcome for run in runs}
    if Outcome.ERROR in outcomes:
        return Exit.INTERNAL
    return Exit.FAILED if Outcome.FAIL in outcomes else Exit.OK
