"""`duijie report`: statistics and evaluation of a period, in the terminal and as files."""

import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI, in_shanghai
from duijie.case_sources import cases_in_books, cases_of, kept
from duijie.city_tables import read_tables
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.figures.cases import Case
from duijie.figures.indicators import INDICATORS, Deadline
from duijie.figures.period import Period
from duijie.figures.sections import Edition, Level, sections_for
from duijie.figures.tally import Figures, tally
from duijie.profiles_io import read_profile
from duijie.reports import page, table_files, terminal
from duijie.reports.lists import FileLists, NoLists, headings
from duijie.reports.names import Names
from duijie.reports.sheets import Report, report_of
from simulators.city.tables import Tables
from simulators.urban.calendar import CalendarUnknown, WorkingCalendar
from simulators.urban.limits import Limit, LimitUnit, after

#: The version of what `--json` writes.
JSON_VERSION = "1.0"
#: Cases between two movements of the progress line.
_BEAT = 500
#: Columns of a table that goes to a file.
_WIDE = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What was asked for."""

    period: str
    sources: tuple[str, ...] = ()
    urban: int | None = None
    edition: str = Edition.CITY_BUREAU.value
    by: str | None = None
    xlsx: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    listed: str | None = None
    known_until: str | None = None
    keep: Path | None = None
    profile: Path | None = None
    city: Path | None = None
    json: bool = False
    language: Language = "zh"

    @property
    def needs_lists(self) -> bool:
        """Whether anybody will look at the lists behind the numbers."""
        return any((self.xlsx, self.html, self.csv, self.listed))


def run_report(options: ReportOptions) -> Exit:
    """Count, and show; FAILED when the record contradicts itself, INCONCLUSIVE when there is no case in it."""
    period, edition = _period(options.period), _edition(options.edition)
    tables, profile = read_tables(options.city), read_profile(options.profile)
    names = Names(tables, options.language)
    console = Console(highlight=False)
    if not console.is_terminal:
        # A file or another program takes lines of any length.
        console.width = _WIDE
    if options.xlsx is not None and importlib.util.find_spec("xlsxwriter") is None:
        raise UserMistake("写工作簿须安装 duijie[reports]", "a workbook needs duijie[reports] to be installed")
    sections = sections_for(edition, None if options.by is None else _level(options.by))
    shown = tuple(name for name in INDICATORS if any(name in section.indicators for section in sections))
    if options.listed is not None and options.listed not in shown:
        raise UserMistake(f"本报表没有 {options.listed};有:{'、'.join(shown)}", f"this report has no {options.listed}; there are {', '.join(shown)}")  # fmt: skip
    with ExitStack() as stack:
        lists = _lists(options, names, shown, stack)
        cases = stack.enter_context(kept(_cases(options), options.keep))
        moving = _moving(cases, console, options)
        try:
            figures = tally(moving, period, sections, deadlines(profile, tables), _company(tables), lists)
        except CalendarUnknown as unknown:
            raise UserMistake(unknown.message_zh, unknown.message_en) from None
        report = report_of(figures, edition, names, datetime.now(SHANGHAI))
        if isinstance(lists, FileLists):
            lists.close()
            _write(options, report, lists, console)
        _show(console, options, report, figures, lists)
    if not figures.cases:
        return Exit.INCONCLUSIVE
    return Exit.FAILED if report.slips else Exit.OK


def deadlines(profile: Profile, tables: Tables) -> Deadline:
    """When steps are due: the limits of the tables, counted by the profile's working time."""
    calendar = WorkingCalendar(profile.working_time)
    limits: dict[tuple[str, ...], Limit] = {}

    def deadline(step: str, case: Case, start: datetime) -> datetime:
        key = (case.kind, case.category, case.subcategory, step, case.grade)
        limit = limits.get(key)
        if limit is None:
            limit = limits[key] = limit_for(tables, case, step)
        return after(calendar, limit, start)

    return deadline


def limit_for(tables: Tables, case: Case, step: str) -> Limit:
    """The limit that a step of the case has."""
    row = tables.limit(case.kind, case.category, case.subcategory, step)
    if row is None:
        raise AssertionError("the tables have a limit of every step for any case")
    if case.grade == "urgent" and row.urgent_amount is not None and row.urgent_unit is not None:
        return Limit(row.urgent_amount, LimitUnit(row.urgent_unit))
    return Limit(row.amount, LimitUnit(row.unit))


def _company(tables: Tables) -> Any:
    return lambda operator: tables.company_of(operator) if operator else ""


def _period(text: str) -> Period:
    try:
        return Period.read(text)
    except ValueError:
        raise UserMistake(
            f"统计期应写作 2026-03、2026-Q1、2026、2026-03-02 或 2026-03-02..2026-03-08,不是 {text}",
            f"a period is like 2026-03, 2026-Q1, 2026, 2026-03-02 or 2026-03-02..2026-03-08, not {text}",
        ) from None


def _edition(text: str) -> Edition:
    try:
        return Edition(text)
    except ValueError:
        known = ", ".join(Edition)
        raise UserMistake(f"--edition 应为 {known},不是 {text}", f"--edition is one of {known}, not {text}") from None


def _level(text: str) -> Level:
    try:
        return Level(text)
    except ValueError:
        known = ", ".join(Level)
        raise UserMistake(f"--by 应为 {known},不是 {text}", f"--by is one of {known}, not {text}") from None


def _cases(options: ReportOptions) -> Iterator[Case]:
    if not options.sources and options.urban is None:
        raise UserMistake(
            "请给出案卷来源:案卷簿、轨迹、对接桥存储的 URL,或 --urban 控制端口",
            "say where the cases are: a casebook, traces, the URL of the bridge's store, or --urban with a control port",
        )
    until = None if options.known_until is None else _moment(options.known_until)
    yield from cases_of(options.sources, until)
    if options.urban is not None:
        yield from cases_in_books(options.urban)


def _moment(text: str) -> datetime:
    try:
        return in_shanghai(datetime.fromisoformat(text))
    except ValueError:
        raise UserMistake(
            f"时刻应写作 2026-04-01T08:00(北京时间),不是 {text}",
            f"a moment is written like 2026-04-01T08:00 (Asia/Shanghai), not {text}",
        ) from None


def _lists(options: ReportOptions, names: Names, shown: tuple[str, ...], stack: ExitStack) -> FileLists | NoLists:
    if not options.needs_lists:
        return NoLists()
    if options.csv is None:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="duijie-report-")))
    else:
        folder = options.csv
        try:
            folder.mkdir()
        except FileExistsError:
            raise UserMistake(f"{folder} 已存在,未改动", f"{folder} is there already and was left alone") from None
        except OSError as error:
            raise UserMistake.unwritable(folder, error) from error
    lists = FileLists(folder, names, shown)
    stack.callback(lists.close)
    return lists


def _progress(console: Console, options: ReportOptions, *columns: ProgressColumn) -> Progress:
    """A line that moves, on a terminal alone."""
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=options.json or not console.is_terminal,
    )


def _moving(cases: Iterable[Case], console: Console, options: ReportOptions) -> Iterator[Case]:
    """The same cases, counted on the terminal while they go by."""
    with _progress(
        console, options, SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}")
    ) as progress:
        task = progress.add_task(say(options.language, "件案卷", "cases"), total=None)
        for number, case in enumerate(cases, 1):
            if number % _BEAT == 0:
                progress.update(task, completed=number)
            yield case


def _write(options: ReportOptions, report: Report, lists: FileLists, console: Console) -> None:
    if options.csv is not None:
        table_files.write_tables(options.csv, report)
    if options.html is not None:
        page.write_page(options.html, report, lists)
    if options.xlsx is not None:
        from duijie.reports.workbook import Workbook

        with _progress(console, options, TextColumn("{task.description}"), BarColumn()) as progress:
            task = progress.add_task(options.xlsx.name, total=sum(report.listed.values()))
            Workbook(options.xlsx, report, lists, partial(progress.advance, task)).write()


def _show(
    console: Console, options: ReportOptions, report: Report, figures: Figures, lists: FileLists | NoLists
) -> None:
    if options.json:
        sys.stdout.write(json.dumps(_plain(report, figures), ensure_ascii=False) + "\n")
    elif options.listed is not None and isinstance(lists, FileLists):
        sys.stdout.write("\t".join(headings(options.language)) + "\n")
        for line in lists.lines(options.listed):
            sys.stdout.write("\t".join(line) + "\n")
    else:
        terminal.tell(console, report)
        for path in (options.xlsx, options.html, options.csv):
            if path is not None:
                console.print(say(options.language, f"已写 {path}", f"written: {path}"), markup=False)


def _plain(report: Report, figures: Figures) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "period": {
            "name": figures.period.name,
            "start": figures.period.start.isoformat(),
            "end": figures.period.end.isoformat(),
        },
        "cases": figures.cases,
        "slips": list(report.slips),
        "tables": [
            {
                "id": table.section.id,
                "clause": table.section.clause,
                "scope": table.section.scope.value,
                "level": table.section.level.value,
                "rows": [{"key": list(key), **_numbers(table, key)} for key in table.ordered() if key],
                "total": _numbers(table, None),
            }
            for table in figures.tables
        ],
    }


def _numbers(table: Any, key: Any) -> dict[str, int | float | None]:
    counts = table.total if key is None else table.rows[key]
    return {
        **{name: counts[name] for name in table.section.indicators},
        **{name: table.rate(name, key) for name in table.section.rates},
    }
