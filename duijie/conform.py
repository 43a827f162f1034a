"""`duijie conform`: judge one system under test with the suite playing everybody else, and tell what came of it."""

import json
import math
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.catalogue import checks, chosen
from conformance.checks.check import Check
from conformance.checks.known import KnownFailure, load_known
from conformance.checks.result import BLAMES, VERDICTS, Result, Verdict
from conformance.checks.session import Bench, Session
from conformance.checks.standing import STANDINGS, Entry, standings, with_known
from conformance.doctor.declared import patterns_without_checks
from conformance.doctor.finding import Finding, finding_record, has_failure
from conformance.drivers.driver import Driver, DriverBroken
from conformance.drivers.sut import DriverKind, SutInvalid, SystemUnderTest, load_sut
from conformance.reports.junit import junit
from conformance.reports.markdown import markdown
from conformance.reports.page import page
from conformance.reports.plain import entry_record, result_record
from conformance.reports.report import Report, report_record
from duijie import __version__
from duijie.benches import BUILTIN, BUILTIN_VIRTUAL, BuiltinBench, SystemBench
from duijie.bundle import EVIDENCE, evidence, signing_key
from duijie.console_text import Language, say
from duijie.doctor import tell
from duijie.drivers import driver_of
from duijie.examination import Plan, declarations, examine, left_out
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder
from duijie.profiles_io import profile_of, read_profile
from duijie.selection import failed_in, own_checks, share_of
from located_yaml import DocumentInvalid

#: Checks that the summary names one by one.
_OMITTED_NAMED = 10
#: Durations longer than this are told in minutes.
_SECONDS_TOLD = 100
#: Seeds from which case numbers and message ids are made; a random one keeps two runs against one system apart.
SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformOptions:
    """What the command line says."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    seed: int | None = None
    #: Checks at a time; None for as many as the bench bears.
    jobs: int | None = None
    json: bool = False
    #: A file of known failures.
    known_failures: Path | None = None
    #: An earlier report, of which only what failed is judged again.
    last_failed: Path | None = None
    #: `K/N`: the K-th of N shares.
    shard: str | None = None
    #: Files to judge by in the place of the library.
    scenarios: tuple[Path, ...] = ()
    #: Where the reports go; none are written without it.
    report: Path | None = None
    #: The private key that signs the evidence bundle beside the reports.
    sign_key: Path | None = None
    language: Language = "zh"


def run_conform(role: Party, source: str, options: ConformOptions) -> Exit:
    """Run the checks that judge `role` and tell the results; the exit code says how it went."""
    seed = (
        secrets.randbelow(SEEDS)
        if options.seed is None and source not in (BUILTIN, BUILTIN_VIRTUAL)
        else options.seed or 1
    )
    sut = None if source in (BUILTIN, BUILTIN_VIRTUAL) else system_of(role, source)
    everything = checks(library_folder(), role)
    if sut is not None:
        options = _as_the_file_says(options, sut)
    own = own_checks(options.scenarios, role)
    planned = _planned(own or everything, options)
    known = _known(options.known_failures)
    key = signing_key(options.sign_key)
    if not planned:
        if sut is not None:
            _must_mean_something(sut, everything)
        if options.last_failed is not None:
            if not options.json:
                sys.stdout.write(say(options.language, "上次没有不合格的检查。\n", "Nothing failed last time.\n"))
            return Exit.OK
        raise UserMistake("没有符合条件的检查", "no check fits")
    skipped = tuple(check for check in chosen(everything, options.only) if check.matches(options.skip))
    with opened(role, source, sut, (*everything, *own), options.language) as (bench, driver):
        console = Console(highlight=False, soft_wrap=True)
        started_at = datetime.now(SHANGHAI)
        plan = None
        if sut is not None and driver is not None:
            plan = Plan(
                sut=sut,
                profile=bench.profile,
                driver=driver,
                everything=(*everything, *own),
                planned=planned,
                skipped=skipped,
                seed=seed,
            )
        findings = looked_at(plan, sut, everything, console, as_json=options.json, language=options.language)
        ready = not has_failure(findings)
        results: list[Result] = []
        if ready:
            if not options.json:
                _announce(console, bench, planned, seed, options)
            results = _run(
                bench, planned, seed, options, console, lambda found: with_known(found, known, started_at.date())
            )
        entries = standings(known, results, everything, started_at.date())
        report = Report(
            run_id=f"{started_at:%Y%m%d-%H%M%S}-{seed}",
            role=role,
            system=bench.title,
            suite=__version__,
            seed=seed,
            started_at=started_at,
            profile_fingerprint=_fingerprint(bench.profile),
            results=results,
            doctor=findings,
            known_failures=entries,
        )
        omitted = left_out(plan) if plan is not None and ready else ()
    if options.report is not None:
        bundle = evidence(report, bench.profile, None if sut is None else sut.path, options.language, key)
        _write(report, bundle, options.report, options.language)
        if not options.json:
            console.print(say(options.language, f"报告:{options.report}", f"reports: {options.report}"), markup=False)
    if not ready:
        if not options.json:
            console.print(
                say(
                    options.language,
                    "先更正以上配置问题;检查未运行。",
                    "put the set-up right first; no check was run.",
                )
            )
        return Exit.CONFIGURATION
    if options.json:
        for entry in entries:
            sys.stdout.write(json.dumps({"known_failure": entry_record(entry)}, ensure_ascii=False) + "\n")
    else:
        _sum_up(console, report, omitted, options.language)
    return exit_code(results, entries)


def system_of(role: Party, source: str) -> SystemUnderTest:
    """What the file says; raises `UserMistake` when it cannot be used for this role."""
    try:
        sut = load_sut(Path(source))
    except SutInvalid as invalid:
        raise UserMistake(invalid.zh, invalid.en) from None
    if sut.role is not role:
        raise UserMistake(
            f"{source} 描述的是 {sut.role},不是 {role}", f"{source} describes a {sut.role} system, not a {role} one"
        )
    return sut


def _as_the_file_says(options: ConformOptions, sut: SystemUnderTest) -> ConformOptions:
    """The options with what `[suite]` says: the command line's choice of checks goes before it, what is skipped adds up."""
    return replace(
        options,
        # Which checks of the suite are made says nothing of files of the user's own.
        only=options.only or (() if options.scenarios else sut.checks),
        skip=(*options.skip, *(() if options.scenarios else sut.skip)),
        known_failures=options.known_failures or sut.known_failures,
    )


def _must_mean_something(sut: SystemUnderTest, everything: tuple[Check, ...]) -> None:
    """Nothing is planned: say so of the entries of `[suite]` that mean no check."""
    wrong = patterns_without_checks(sut, everything)
    if wrong:
        raise UserMistake("\n".join(each.said.zh for each in wrong), "\n".join(each.said.en for each in wrong))


def looked_at(
    plan: Plan | None,
    sut: SystemUnderTest | None,
    everything: tuple[Check, ...],
    console: Console,
    *,
    as_json: bool,
    language: Language,
) -> tuple[Finding, ...]:
    """What the doctor finds, told as it goes on. Of our own party only what its file declares is looked at."""
    found = []
    looks = examine(plan) if plan is not None else declarations(sut, everything) if sut is not None else iter(())
    for finding in looks:
        found.append(finding)
        if not as_json:
            tell(console, finding, language)
    if as_json and has_failure(found):
        for finding in found:
            sys.stdout.write(json.dumps(finding_record(finding), ensure_ascii=False) + "\n")
    return tuple(found)


def _planned(everything: tuple[Check, ...], options: ConformOptions) -> tuple[Check, ...]:
    planned = chosen(everything, options.only, options.skip)
    if options.last_failed is not None:
        failed = failed_in(options.last_failed)
        planned = tuple(check for check in planned if check.id in failed)
    return planned if options.shard is None else share_of(planned, options.shard)


def _known(path: Path | None) -> tuple[KnownFailure, ...]:
    if path is None:
        return ()
    try:
        return load_known(path, checks(library_folder()))
    except DocumentInvalid as invalid:
        raise UserMistake.in_file(invalid) from None


def _write(report: Report, bundle: bytes, folder: Path, language: Language) -> None:
    """Write every kind of report into the folder, and the evidence bundle."""
    written = {
        "report.html": page(report, language),
        "junit.xml": junit(report, language),
        "results.json": json.dumps(report_record(report), ensure_ascii=False, indent=1) + "\n",
        "summary.md": markdown(report, language),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / EVIDENCE).write_bytes(bundle)
    except OSError as error:
        raise UserMistake.unwritable(folder, error) from error


def _fingerprint(profile: Profile) -> str:
    """A digest of the integration profile that two runs can be compared by; no password goes into it."""
    shown = {
        party.value: replace(getattr(profile, party.value), username="", password="")
        for party in (Party.GRID, Party.URBAN)
    }
    return sha256(repr(replace(profile, **shown)).encode()).hexdigest()


def exit_code(results: Sequence[Result], entries: Iterable[Entry] = ()) -> Exit:
    """The gravest of the results, for a build to gate on; an entry of the known failures that is wrong by now is as grave as a failure."""
    seen = {result.verdict for result in results if result.known is None}
    if Verdict.SUITE_ERROR in seen:
        return Exit.INTERNAL
    if Verdict.FAIL in seen or any(entry.is_red for entry in entries):
        return Exit.FAILED
    if Verdict.CONFIG in seen:
        return Exit.CONFIGURATION
    failed_as_known = any(result.known is not None for result in results)
    return Exit.OK if Verdict.PASS in seen or failed_as_known else Exit.INCONCLUSIVE


@contextmanager
def opened(
    role: Party, source: str, sut: SystemUnderTest | None, everything: tuple[Check, ...], language: Language
) -> Iterator[tuple[BuiltinBench | SystemBench, Driver | None]]:
    """The bench, and the driver of a foreign system, which the doctor opens. Raises `UserMistake`."""
    if sut is None:
        yield BuiltinBench(role, read_profile(None), virtual=source == BUILTIN_VIRTUAL, source=source), None
        return
    if sut.kind is DriverKind.BUILTIN:
        yield BuiltinBench(role, profile_of(sut), source=source), None
        return
    try:
        driver = driver_of(sut, language)
    except DriverBroken as broken:
        raise UserMistake(broken.zh, broken.en) from None
    try:
        yield SystemBench(sut, driver, profile_of(sut), everything), driver
    finally:
        driver.close()


def _announce(console: Console, bench: Bench, planned: tuple[Check, ...], seed: int, options: ConformOptions) -> None:
    seconds = len(planned) * bench.usual_seconds / _jobs(bench, options)
    zh, en = (
        (f"{math.ceil(seconds)} 秒", f"{math.ceil(seconds)} s")
        if seconds < _SECONDS_TOLD
        else (f"{math.ceil(seconds / 60)} 分钟", f"{math.ceil(seconds / 60)} min")
    )
    console.print(
        say(
            options.language,
            f"被测系统:{bench.title} · {len(planned)} 项检查 · 种子 {seed} · 预计约 {zh}",
            f"system under test: {bench.title} · {len(planned)} checks · seed {seed} · expected to take about {en}",
        ),
        markup=False,
    )
    if (options.jobs or 1) > bench.at_once:
        console.print(
            say(
                options.language,
                f"同时只做 {bench.at_once} 项检查:此处不能更多",
                f"{bench.at_once} check at a time: no more are possible here",
            ),
            markup=False,
        )


def _jobs(bench: Bench, options: ConformOptions) -> int:
    """Checks at a time: there is one foreign system, and threads bring nothing to what is computed in one process."""
    return bench.at_once if options.jobs is None else min(options.jobs, bench.at_once)


def _run(
    bench: Bench,
    planned: tuple[Check, ...],
    seed: int,
    options: ConformOptions,
    console: Console,
    marked: Callable[[Result], Result],
) -> list[Result]:
    session = Session(bench, seed=seed)
    shown = not options.json and console.is_terminal
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not shown,
    ) as progress:
        task = progress.add_task("", total=len(planned))
        results = []
        for found in _in_order(planned, session.one, _jobs(bench, options)):
            result = marked(found)
            results.append(result)
            progress.update(task, advance=1, description=result.check.id)
            if options.json:
                sys.stdout.write(json.dumps(result_record(result), ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                _tell(console, result, options.language)
        return results


def _in_order(planned: Iterable[Check], run: Callable[[Check], Result], jobs: int) -> Iterator[Result]:
    """Results in the order of the checks, several checks at a time where the bench allows it."""
    if jobs == 1:
        yield from map(run, planned)
        return
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Result]] = [pool.submit(run, check) for check in planned]
        for future in futures:
            yield future.result()


_SIGNS = {
    Verdict.PASS: ("✓", "green"),
    Verdict.FAIL: ("✗", "bold red"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.NOT_APPLICABLE: ("–", "dim"),
    Verdict.CONFIG: ("⚙", "bold yellow"),
    Verdict.SUITE_ERROR: ("!", "bold magenta"),
}


def _tell(console: Console, result: Result, language: Language) -> None:
    sign, style = _SIGNS[result.verdict] if result.known is None else ("x", "dim yellow")
    console.print(f"{sign} {result.check.id}  {result.check.title(language)}", style=style, markup=False)
    if result.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) and not result.notes:
        return
    for line in _particulars(result, language):
        console.print(f"    {line}", markup=False)


def _particulars(result: Result, language: Language) -> Iterator[str]:
    if result.known is not None:
        yield say(language, "已知问题:", "known failure: ") + result.known.told(language)
    blame = BLAMES[result.blame].of(language) if result.blame is not None else None
    if blame is not None:
        yield say(language, f"归因:{blame}", f"blame: {blame}") + (f" · {result.clause}" if result.clause else "")
    if result.reason.of(language):
        yield result.reason.of(language)
    for note in result.notes:
        yield note.of(language)
    if result.next_step.of(language):
        yield say(language, "下一步:", "next step: ") + result.next_step.of(language)
    if result.verdict is not Verdict.PASS:
        yield result.repeat_command


def _sum_up(console: Console, report: Report, omitted: tuple[Check, ...], language: Language) -> None:
    results = report.results
    told = say(language, ",", ", ").join(
        f"{VERDICTS[verdict].of(language)} {count}" for verdict, count in report.counts.items() if count
    )
    if known := sum(result.known is not None for result in results):
        told += say(language, f"(其中 {known} 项为已知问题)", f" ({known} known)")
    seconds = sum(result.seconds for result in results)
    console.print(
        say(
            language,
            f"共 {len(results)} 项检查:{told}。用时合计 {seconds:.0f} 秒。",
            f"{len(results)} checks: {told}. {seconds:.0f} s in all.",
        ),
        markup=False,
    )
    for entry in report.known_failures:
        what = STANDINGS[entry.standing].of(language)
        said = say(language, f"已知问题({what}):", f"known failure, {what}: ") + entry.text.of(language)
        console.print(said, style="bold red" if entry.is_red else "dim yellow", markup=False)
    if omitted:
        named = say(language, "、", ", ").join(check.id for check in omitted[:_OMITTED_NAMED])
        if (more := len(omitted) - _OMITTED_NAMED) > 0:
            named += say(language, f" 等(另 {more} 项)", f" and {more} more")
        console.print(
            say(
                language,
                f"略去 {len(omitted)} 项(系统声明具备其所需能力):{named}",
                f"left out although the system declares to have what they are about: {len(omitted)} ({named})",
            ),
            markup=False,
        )
