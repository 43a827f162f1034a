"""What every form of a report shows: sheets with headings, rows, a total, and what each figure means."""

from dataclasses import dataclass
from datetime import datetime

from duijie.console_text import Language, say
from duijie.figures.indicators import INDICATORS, NOT_KEPT, RATES
from duijie.figures.sections import Edition, Section
from duijie.figures.tally import Figures, TableOfFigures, slips
from duijie.reports.names import HEADINGS, Names

Value = int | float | None

OFFICES = {
    Edition.CITY_BUREAU: ("市城市管理局", "City Management Bureau"),
    Edition.GRID_OFFICE: ("社会治理网格办公室", "Grid Office"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a sheet."""

    id: str
    heading: str
    #: A rate is shown in per cent, and empty where there is nothing to divide by.
    rate: bool
    means: str
    source: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table as it is shown."""

    section: Section
    title: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Value, ...]], ...]
    total: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report as every form shows it."""

    title: str
    period: str
    made_from: str
    sheets: tuple[Sheet, ...]
    #: What does not add up; nothing, unless a record contradicts itself.
    slips: tuple[str, ...]
    #: Figures of the standards that nobody keeps a record of.
    not_kept: tuple[str, ...]
    #: Lines in the list of each indicator that is shown.
    listed: dict[str, int]
    language: Language


def report_of(figures: Figures, edition: Edition, names: Names, made_at: datetime) -> Report:
    """Put the figures into words."""
    language = names.language
    office = say(language, *OFFICES[edition])
    shown = {name for table in figures.tables for name in table.section.indicators}
    return Report(
        title=say(language, f"{office} 案件统计报表", f"Case statistics of the {office}"),
        period=_period(figures, language),
        made_from=say(
            language,
            f"统计案卷 {figures.cases} 件,制表时间 {made_at:%Y-%m-%d %H:%M}",
            f"made of {figures.cases} cases at {made_at:%Y-%m-%d %H:%M}",
        ),
        sheets=tuple(_sheet(table, names) for table in figures.tables),
        slips=tuple(
            f"{slip.section} {'/'.join(slip.key or ())}: {say(language, slip.zh, slip.en)}: {slip.left} ≠ {slip.right}"
            for slip in slips(figures)
        ),
        not_kept=tuple(
            f"{say(language, zh, en)}: {say(language, why_zh, why_en)}" for zh, en, why_zh, why_en in NOT_KEPT
        ),
        listed={name: figures.listed[name] for name in INDICATORS if name in shown},
        language=language,
    )


def _period(figures: Figures, language: Language) -> str:
    period = figures.period
    start, end = f"{period.start:%Y-%m-%d %H:%M}", f"{period.end:%Y-%m-%d %H:%M}"
    return say(
        language,
        f"统计期 {period.name}:自 {start} 起,至 {end} 前;数字以期末为准",
        f"period {period.name}: from {start}, up to and without {end}; the figures are those as of its end",
    )


def _sheet(table: TableOfFigures, names: Names) -> Sheet:
    section, language = table.section, names.language
    columns = (
        *(
            Column(row.id, say(language, row.zh, row.en), False, say(language, row.means_zh, row.means_en), row.source)
            for row in (INDICATORS[name] for name in section.indicators)
        ),
        *(
            Column(
                name, say(language, RATES[name].zh, RATES[name].en), True, formula(name, language), RATES[name].source
            )
            for name in section.rates
        ),
    )
    rows = tuple(
        (
            names.labels(section.level, key),
            (
                *(table.rows[key][name] for name in section.indicators),
                *(table.rate(name, key) for name in section.rates),
            ),
        )
        for key in table.ordered()
        if section.level.value != "total"
    )
    total = (*(table.total[name] for name in section.indicators), *(table.rate(name, None) for name in section.rates))
    labels = tuple(say(language, *heading) for heading in HEADINGS[section.level])
    return Sheet(section, say(language, section.zh, section.en), labels, columns, rows, total)


def formula(name: str, language: Language) -> str:
    """How a rate is worked out, in words."""
    rate = RATES[name]
    over = " + ".join(_called(each, language) for each in rate.over)
    less = "".join(f" - {_called(each, language)}" for each in rate.less)
    under = " + ".join(_called(each, language) for each in rate.under)
    upper = f"({over}{less})" if len(rate.over) + len(rate.less) > 1 else over
    return f"{upper} ÷ ({under})" if len(rate.under) > 1 else f"{upper} ÷ {under}"


def _called(indicator: str, language: Language) -> str:
    row = INDICATORS[indicator]
    return say(language, row.zh, row.en)


def shown(value: Value, *, rate: bool) -> str:
    """A figure as text; no value is a dash, neither 0 nor 100 %."""
    if value is None:
        return "–"
    return f"{100 * value:.2f}%" if rate else str(value)
