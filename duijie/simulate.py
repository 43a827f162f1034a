"""`duijie simulate`: a whole city in virtual time, judged and audited; the first failure made small."""

import json
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bridge.vocabulary.profile import HandOverMode
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.profiles_io import read_profile
from duijie.record import as_scenario
from duijie.recording.journal import read_journal
from duijie.simulation.city import CityLived, is_of_the_zoo, live_city, live_world
from duijie.simulation.failing import Small, minimise
from duijie.simulation.figures import rows
from duijie.simulation.tables import weathers
from duijie.simulation.world import Plan
from duijie.simulation.worlds import CASES_MAX, World, worlds

#: The version of what `--json` writes.
JSON_VERSION = "1.0"
#: National holidays are known for so long ahead, and cases need time to end.
DAYS_MAX = 366
#: Breaches that are told one by one; `--json` has more.
_TOLD = 8
#: A failing world is made smaller for so long.
MINIMISE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What the command line asked for."""

    cases: int = 1000
    days: int = 30
    seed: int = 1
    faults: str = "city"
    jobs: int = 1
    until_failure: float | None = None
    minimise: float = MINIMISE_SECONDS
    world: str | None = None
    only: frozenset[int] | None = None
    planted: str | None = None
    profile: Path | None = None
    trace: Path | None = None
    report: Path | None = None
    json: bool = False
    language: Language = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The first thing that broke, made small, and how to see it again."""

    small: Small
    clause: str
    command: str
    trace: Path
    #: None where the world broke off before anything was said.
    scenario: Path | None


def run_simulate(options: SimulateOptions) -> Exit:
    """Let the city live, tell what became of it, and make the first failure small."""
    _check(options)
    for folder in filter(None, (options.trace,)):
        _make_folder(folder)
    began = time.monotonic()
    seed, city, seeds = options.seed, CityLived(), 0
    for each in _seeds(options, began):
        found = _live(replace(options, seed=each), began)
        if seeds and found.cut_short and found.failed is None:
            # Time is up: the last city that lived to its end is told.
            break
        seed, city, seeds = each, found, seeds + 1
        if city.failed is not None:
            break
    seconds = time.monotonic() - began
    options = replace(options, seed=seed)
    if options.trace is not None:
        (options.trace / "SHA256SUMS").write_text(city.sums(), encoding="utf-8", newline="\n")
    failure = _failure(options, city) if city.failed is not None else None
    if options.report is not None:
        from duijie.simulation.report import page

        title = f"duijie simulate --cases {options.cases} --days {options.days} --seed {options.seed} --faults {options.faults}"
        again = None if failure is None else failure.command
        _write(options.report, page(city, title=title, language=options.language, command=again))
    if options.json:
        sys.stdout.write(json.dumps(_as_json(options, city, failure, seconds, seeds), ensure_ascii=False) + "\n")
    else:
        _tell(options, city, failure, seconds, seeds)
    if failure is not None:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if city.restless or city.cut_short else Exit.OK


# ── what was asked for ──────────────────────────────────────────────────────────────────────────────


def _check(options: SimulateOptions) -> None:
    for name, value, most in (("--cases", options.cases, CASES_MAX), ("--days", options.days, DAYS_MAX)):
        if not 1 <= value <= most:
            raise UserMistake(f"{name} 应在 1 到 {most} 之间,不是 {value}", f"{name} is 1 to {most}, not {value}")
    if options.faults not in weathers():
        known = ", ".join(weathers())
        raise UserMistake(
            f"--faults 应为 {known},不是 {options.faults}", f"--faults is one of {known}, not {options.faults}"
        )
    if options.planted is not None and not is_of_the_zoo(options.planted):
        raise UserMistake(
            f"动物园中没有 {options.planted},成员见 docs/zoo.md", f"the zoo has no {options.planted}; see docs/zoo.md"
        )
    if options.world is not None and options.world not in {each.key for each in worlds(options.cases)}:
        raise UserMistake(
            f"{options.cases} 件案卷的城市没有片区世界 {options.world}",
            f"a city of {options.cases} cases has no world {options.world}",
        )
    if options.only is not None and options.world is None:
        raise UserMistake("--only 须与 --world 同用", "--only goes with --world")
    if read_profile(options.profile).choices.hand_over is not HandOverMode.PUSH:
        raise UserMistake(
            "simulate 只模拟推送移交:配置中 choices.hand_over 应为 push",
            "simulate knows hand-overs that are pushed: choices.hand_over in the profile is to be push",
        )


def _seeds(options: SimulateOptions, began: float) -> Iterator[int]:
    yield options.seed
    seed = options.seed
    while options.until_failure is not None and time.monotonic() - began < options.until_failure:
        seed += 1
        yield seed


def plans(options: SimulateOptions) -> list[Plan]:
    """One plan for each world of the city, in their order."""
    profile, weather = read_profile(options.profile), weathers()[options.faults]
    return [
        Plan(
            profile=profile,
            world=world,
            days=options.days,
            seed=options.seed,
            weather=weather,
            planted=options.planted,
            only=options.only,
        )
        for world in worlds(options.cases)
        if options.world in (None, world.key)
    ]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserMistake.unwritable(folder, error) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error


# ── living ──────────────────────────────────────────────────────────────────────────────────────────


class _Bar:
    """The progress bar; nothing where nobody looks."""

    def __init__(self, options: SimulateOptions, total: int):
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[date]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        words = say(options.language, f"城市(种子 {options.seed})", f"city (seed {options.seed})")
        self._task: TaskID = self._progress.add_task(words, total=total, date="")
        self._told = 0.0

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, over: int, day: date | None) -> None:
        """Show how many cases are over, and the day that the city has come to."""
        now = time.monotonic()
        if now - self._told > 0.1 or day is None:
            self._told = now
            self._progress.update(self._task, completed=over)
            if day is not None:
                self._progress.update(self._task, date=day.isoformat())


def _live(options: SimulateOptions, began: float) -> CityLived:
    city = CityLived()
    todo = plans(options)
    total = sum(plan.world.cases if plan.only is None else len(plan.only) for plan in todo)
    with _Bar(options, total) as bar:
        lives = live_city(todo, jobs=options.jobs, trace=options.trace, tell=bar.tell)
        try:
            for lived in lives:
                city.add(lived)
                looking = options.until_failure is not None
                if looking and (city.failed is not None or time.monotonic() - began > (options.until_failure or 0)):
                    city.cut_short = len(city.digests) < len(todo)
                    lives.close()
                    break
        except OSError as error:
            raise UserMistake.unwritable(options.trace or Path(), error) from error
    return city


def _failure(options: SimulateOptions, city: CityLived) -> Failure:
    """Make the first failing world small and write its journal."""
    world, broken = city.failed or (World("", 0, 0), ())
    plan = next(each for each in plans(options) if each.world == world)
    console = Console(stderr=True, highlight=False)
    words = say(options.language, "缩小失败的片区世界…", "making the failing world small…")
    with console.status(words) as status:
        small = minimise(
            plan, broken[0], options.minimise, lambda left, tried: status.update(f"{words} {left} / {tried}")
        )
    trace = Path(f"simulate-failure-{options.seed}-{world.key}.jsonl")
    try:
        live_world(small.plan, trace)
    except OSError as error:
        raise UserMistake.unwritable(trace, error) from error
    again = command(options, small.plan)
    story = None
    if small.lived.figures.messages["calls"]:
        story = trace.with_suffix(".yaml")
        _write(story, as_scenario(read_journal(trace), small.lived.broken, again))
    return Failure(small=small, clause=broken[0], command=again, trace=trace, scenario=story)


def command(options: SimulateOptions, plan: Plan) -> str:
    """The command that shows a world again."""
    words = ["duijie", "simulate", "--cases", str(options.cases), "--days", str(plan.days), "--seed", str(plan.seed)]
    words += ["--faults", plan.weather.name, "--world", plan.world.key]
    if plan.only is not None and len(plan.only) < plan.world.cases:
        words += ["--only", ",".join(map(str, sorted(plan.only)))]
    if plan.planted is not None:
        words += ["--planted", plan.planted]
    if options.profile is not None:
        words += ["--profile", str(options.profile)]
    return shlex.join(words)


# ── telling ─────────────────────────────────────────────────────────────────────────────────────────


def _as_json(
    options: SimulateOptions, city: CityLived, failure: Failure | None, seconds: float, seeds: int
) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "seed": options.seed,
        "cases": options.cases,
        "days": options.days,
        "faults": options.faults,
        "planted": options.planted,
        "worlds": len(city.digests),
        "journal_sha256": city.digest,
        "at_rest": not city.restless and not city.cut_short,
        "figures": city.figures.as_json(),
        "clauses": {
            clause: {
                "kept": tally.kept,
                "broken": tally.broken,
                "seen": [
                    {"world": key, "zh": each.zh, "en": each.en, "records": list(each.records)}
                    for key, each in tally.violations
                ],
            }
            for clause, tally in city.clauses.items()
        },
        "books": {
            "broken": city.findings_count,
            "seen": [
                {"world": key, "rule": each.rule, "zh": each.text("zh"), "en": each.text("en")}
                for key, each in city.findings
            ],
        },
        "lives": [{"world": key, "ailment": each.name, "zh": each.zh, "en": each.en} for key, each in city.ailments],
        "errors": city.errors,
        "heard_after_the_end": city.heard_after_the_end,
        "failure": None
        if failure is None
        else {
            "clause": failure.clause,
            "world": failure.small.plan.world.key,
            "reports": sorted(failure.small.plan.only or ()),
            "tried": failure.small.tried,
            "smallest": not failure.small.cut_short,
            "command": failure.command,
            "trace": str(failure.trace),
            "scenario": None if failure.scenario is None else str(failure.scenario),
        },
        "run": {"seconds": round(seconds, 3), "jobs": options.jobs, "seeds": seeds},
    }


def _tell(options: SimulateOptions, city: CityLived, failure: Failure | None, seconds: float, seeds: int) -> None:
    language = options.language
    console = Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False, box=None, pad_edge=False)
    for zh, en, value in rows(city.figures):
        table.add_row(say(language, zh, en), Text(value, justify="right"))
    console.print(
        say(
            language,
            f"{options.cases} 件、{options.days} 天、故障 {options.faults}、种子 {options.seed}:{len(city.digests)} 个片区世界",
            f"{options.cases} cases, {options.days} days, faults {options.faults}, seed {options.seed}: {len(city.digests)} worlds",
        )
    )
    console.print(table)
    lives = city.figures.cases["reported"]
    rate = f"{lives / seconds:.0f}" if seconds > 0 else "–"
    more = "" if seeds == 1 else say(language, f",种子 {seeds} 个", f", {seeds} seeds")
    console.print(
        say(
            language,
            f"日志 {city.figures.records} 条,SHA-256 {city.digest}",
            f"journal of {city.figures.records} records, SHA-256 {city.digest}",
        )
    )
    console.print(
        say(language, f"用时 {seconds:.1f} 秒{more},每秒 {rate} 件", f"{seconds:.1f} s{more}, {rate} lives a second")
    )
    _tell_judgement(console, city, language)
    if failure is not None:
        _tell_failure(console, failure, language)


def _tell_judgement(console: Console, city: CityLived, language: Language) -> None:
    kept = sum(tally.kept for tally in city.clauses.values())
    seen = sum(1 for tally in city.clauses.values() if tally.kept or tally.broken)
    broken = {clause: tally for clause, tally in city.clauses.items() if tally.broken}
    sentence = say(
        language,
        f"评判:{seen} 条条款共 {kept} 处相符,{sum(t.broken for t in broken.values())} 处不符;台账核对不符 {city.findings_count} 处",
        f"judged: {seen} clauses kept {kept} times, broken {sum(t.broken for t in broken.values())} times; {city.findings_count} findings in the books",
    )
    console.print(sentence, style="bold red" if city.failed else "green")
    for clause, tally in broken.items():
        for key, each in tally.violations[:_TOLD]:
            console.print(Text(f"  {clause} [{key}] {say(language, each.zh, each.en)}"))
    for key, finding in city.findings[:_TOLD]:
        console.print(Text(f"  [{key}] {finding.text(language)}"))
    for key, ailment in city.ailments[:_TOLD]:
        console.print(Text(f"  [{key}] {say(language, ailment.zh, ailment.en)}"))
    for key, error in city.errors.items():
        console.print(Text(f"  [{key}] {error}"))
    if city.restless:
        worlds_named = ", ".join(city.restless[:_TOLD])
        console.print(
            say(language, f"未归于静止:{worlds_named}", f"did not come to rest: {worlds_named}"), style="yellow"
        )
    if city.cut_short and city.failed is None:
        console.print(
            say(language, "时间已到,城市未模拟完", "time was up before the city had lived to its end"), style="yellow"
        )
    if city.heard_after_the_end:
        console.print(
            say(
                language,
                f"{city.heard_after_the_end} 条记录来得太迟,未评判",
                f"{city.heard_after_the_end} records came too late to be judged",
            ),
            style="yellow",
        )


def _tell_failure(console: Console, failure: Failure, language: Language) -> None:
    left = len(failure.small.plan.only or ())
    unfinished = (
        say(language, "(时间用完,或可更小)", " (time ran out; it may get smaller)") if failure.small.cut_short else ""
    )
    console.print(
        say(
            language,
            f"缩小到 {left} 件上报,试了 {failure.small.tried} 次{unfinished}。重现:",
            f"made small: {left} reports, after {failure.small.tried} tries{unfinished}. To see it again:",
        )
    )
    console.print(f"  {failure.command}", markup=False)
    console.print(
        say(language, f"轨迹:{failure.trace}(duijie judge 可读)", f"trace: {failure.trace}, for duijie judge")
    )
    if failure.scenario is not None:
        zh, en = f"场景:{failure.scenario}(duijie replay 可放)", f"scenario: {failure.scenario}, for duijie replay"
        console.print(say(language, zh, en))
