"""Counting: one case at a time, into the rows of every table, and into the list behind each number (STAT-4)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from duijie.figures.cases import NATIVE, TRANSFERRED, Case
from duijie.figures.indicators import INDICATORS, RATES, Count, Deadline, Item, Window
from duijie.figures.period import Period
from duijie.figures.sections import BALANCES, GROUPS, Key, Section, indicators_needed


class Lists(Protocol):
    """Where the lists behind the numbers go; each item goes in once, whatever tables it counts in."""

    def add(self, indicator: str, case: Case, item: Item, company: str) -> None:
        """Keep one line of an indicator's list."""


class KeptLists:
    """Lists in memory, for small reports and tests."""

    def __init__(self) -> None:
        self.lines: dict[str, list[tuple[Case, Item, str]]] = {}

    def add(self, indicator: str, case: Case, item: Item, company: str) -> None:
        """Keep one line of an indicator's list."""
        self.lines.setdefault(indicator, []).append((case, item, company))


@dataclass(slots=True)
class TableOfFigures:
    """One table with its numbers: counts by row and indicator."""

    section: Section
    rows: dict[Key, Counter[str]] = field(default_factory=dict)
    #: Counted apart from the rows, so that the two can be held against each other.
    total: Counter[str] = field(default_factory=Counter)

    def ordered(self) -> list[Key]:
        """The rows in order."""
        return sorted(self.rows)

    def rate(self, name: str, key: Key | None) -> float | None:
        """A rate of a row, or of the whole table."""
        counts = self.total if key is None else self.rows[key]
        return RATES[name].of(lambda indicator: counts[indicator])


@dataclass(slots=True)
class Figures:
    """All tables of a report, and how many cases were looked at."""

    period: Period
    tables: list[TableOfFigures]
    cases: int = 0
    #: Lines in the list of each indicator.
    listed: Counter[str] = field(default_factory=Counter)

    def table(self, section: str) -> TableOfFigures:
        """The table of this id."""
        return next(table for table in self.tables if table.section.id == section)


#: Who works for whom: an operator's name → the company; an empty name is nobody yet.
Company = Callable[[str], str]


def tally(
    cases: Iterable[Case],
    period: Period,
    sections: tuple[Section, ...],
    deadline: Deadline,
    company: Company,
    lists: Lists,
) -> Figures:
    """Count the cases into the tables, and write every line of the lists behind them.

    What is kept is a number for each combination of an indicator with a place, a company, a category and a source: as many
    as the city has of these, however many cases there are. The tables are summed up from it at the end.
    """
    window = Window(period, deadline)
    plans = {origin: _plan(sections, origin) for origin in (NATIVE, TRANSFERRED)}
    companies = {"": company("")}
    cells: dict[Cell, int] = {}
    totals: Counter[tuple[str, str]] = Counter()
    looked_at = 0
    for case in cases:
        looked_at += 1
        origin, kind, category, subcategory, source = (
            case.origin,
            case.kind,
            case.category,
            case.subcategory,
            case.source,
        )
        for name, count in plans[origin]:
            for item in count(case, window):
                by = companies.get(item.operator)
                if by is None:
                    by = companies[item.operator] = company(item.operator)
                lists.add(name, case, item, by)
                totals[name, origin] += 1
                cell = (name, origin, item.district, item.department, by, kind, category, subcategory, source)
                cells[cell] = cells.get(cell, 0) + 1
    figures = Figures(period, [TableOfFigures(section) for section in sections], looked_at)
    _sum_up(figures, cells, totals)
    return figures


#: Indicator, origin, district, department, company, kind, main category, sub category, source.
Cell = tuple[str, str, str, str, str, str, str, str, str]


def _plan(sections: tuple[Section, ...], origin: str) -> list[tuple[str, Count]]:
    """The indicators that a case of this origin counts in."""
    needed = indicators_needed(tuple(section for section in sections if section.scope.holds(origin)))
    return [(name, INDICATORS[name].count) for name in needed]


def _sum_up(figures: Figures, cells: dict[Cell, int], totals: Counter[tuple[str, str]]) -> None:
    for table in figures.tables:
        section, group = table.section, GROUPS[table.section.level]
        needed = frozenset(indicators_needed((section,)))
        for cell, number in cells.items():
            if cell[0] in needed and section.scope.holds(cell[1]):
                table.rows.setdefault(group(cell), Counter())[cell[0]] += number
        for (name, origin), number in totals.items():
            if name in needed and section.scope.holds(origin):
                table.total[name] += number
    for (name, _), number in totals.items():
        figures.listed[name] += number


@dataclass(frozen=True, slots=True)
class Slip:
    """Two numbers that should be equal and are not."""

    section: str
    key: Key | None
    zh: str
    en: str
    left: int
    right: int


def slips(figures: Figures) -> Iterator[Slip]:
    """Whatever does not add up; nothing, unless a record contradicts itself."""
    for table in figures.tables:
        section = table.section
        for name in section.indicators:
            rows = sum(counts[name] for counts in table.rows.values())
            if rows != table.total[name]:
                zh, en = f"各行之和 = 合计({name})", f"the rows add up to the total ({name})"
                yield Slip(section.id, None, zh, en, rows, table.total[name])
        for balance in BALANCES:
            if not set(balance.left) | set(balance.right) <= set(section.indicators):
                continue
            if balance.level not in (None, section.level):
                continue
            for key in [None, *table.ordered()]:
                counts = table.total if key is None else table.rows[key]
                left = sum(counts[name] for name in balance.left)
                right = sum(counts[name] for name in balance.right)
                if left != right:
                    yield Slip(section.id, key, balance.zh, balance.en, left, right)
