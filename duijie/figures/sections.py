"""The tables of a report: which cases, grouped how, which numbers beside each other, and what must add up (STAT-1…4, INT-3)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from duijie.figures.cases import NATIVE, TRANSFERRED
from duijie.figures.indicators import INDICATORS, RATES

Key = tuple[str, ...]


class Edition(StrEnum):
    """Whom a report is for."""

    #: 市城管局.
    CITY_BUREAU = "city_bureau"
    #: 社管(网格)办.
    GRID_OFFICE = "grid_office"


class Scope(StrEnum):
    """Which cases a table is about; a case that was handed over is left out of the monthly assessment and of nothing else (INT-3)."""

    ALL = "all"
    #: 本平台案卷.
    NATIVE = "native"
    #: 移交案卷.
    TRANSFERRED = "transferred"

    def holds(self, origin: str) -> bool:
        """Whether a case of this origin is one of them."""
        return self is Scope.ALL or origin == _ORIGINS[self]


_ORIGINS = {Scope.NATIVE: NATIVE, Scope.TRANSFERRED: TRANSFERRED}


class Level(StrEnum):
    """What the rows of a table stand for."""

    TOTAL = "total"
    COMPANY = "company"
    DISTRICT = "district"
    DEPARTMENT = "department"
    CATEGORY = "category"
    SUBCATEGORY = "subcategory"
    SOURCE = "source"
    ORIGIN = "origin"


#: The row that a cell of the tally counts in (`tally.Cell`).
GROUPS: dict[Level, Callable[[Key], Key]] = {
    Level.TOTAL: lambda cell: (),
    Level.COMPANY: lambda cell: (cell[4],),
    Level.DISTRICT: lambda cell: (cell[2],),
    Level.DEPARTMENT: lambda cell: (cell[2], cell[3]),
    Level.CATEGORY: lambda cell: (cell[5], cell[6]),
    Level.SUBCATEGORY: lambda cell: (cell[5], cell[6], cell[7]),
    Level.SOURCE: lambda cell: (cell[8],),
    Level.ORIGIN: lambda cell: (cell[1],),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a report."""

    id: str
    zh: str
    en: str
    scope: Scope
    level: Level
    indicators: tuple[str, ...]
    rates: tuple[str, ...] = ()
    clause: str = ""
    editions: frozenset[Edition] = frozenset({Edition.CITY_BUREAU})


@dataclass(frozen=True, slots=True)
class Balance:
    """What must add up in every row that has all of it."""

    zh: str
    en: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    #: None: in every row; else only in tables of this level, because the two sides count in different rows of others.
    level: Level | None = None


BALANCES = (
    Balance(
        "应处置 = 按期 + 超期 + 未处置",
        "due = on time + late + not disposed",
        ("due",),
        ("on_time", "late", "not_disposed"),
    ),
    Balance(
        "期初在办 + 接收 = 不予立案 + 撤回 + 结案 + 举报不属实结案 + 期末在办",
        "in hand at the start + received = declined + withdrawn + closed + closed as false + in hand at the end",
        ("open_at_start", "received"),
        ("declined", "withdrawn", "closed", "closed_as_false", "open_at_end"),
        Level.TOTAL,
    ),
)

_FLOW = ("open_at_start", "received", "declined", "withdrawn", "closed", "closed_as_false", "open_at_end")
_DISPOSAL = ("due", "on_time", "late", "not_disposed", "disposed", "disposed_of_before", "rework", "extended", "transferred_on", "given_up")  # fmt: skip
_DISPOSAL_RATES = ("disposal_on_time_rate", "disposal_rate", "rework_rate", "extension_rate")
_EVALUATION = (
    "received", "by_collector", "by_public", "first_filed", "filed_in_time", "filed", "refiled", "declined", "filed_and_dispatched",
    "dispatched_in_time", "dispatched_and_returned", "due", "on_time", "late", "not_disposed", "disposed", "rework", "extended", "verified",
    "verified_in_time", "not_passed", "rejected", "closing_due", "due_and_closed", "due_and_closed_on_time", "closed", "closed_as_false",
)  # fmt: skip
_GRID = frozenset({Edition.GRID_OFFICE})

SECTIONS: tuple[Section, ...] = (
    Section(
        "flow", "案卷收支", "cases in and out", Scope.ALL, Level.TOTAL, _FLOW, clause="STAT-4"
    ),
    Section(
        "stat1", "坐席员公司统计(移交案卷)", "by operator company (cases handed over)", Scope.TRANSFERRED, Level.COMPANY,
        ("transferred_in", "filed_and_dispatched", "returned", "declined"), clause="STAT-1",
    ),
    Section(
        "stat2", "处置部门统计(全部案卷)", "by disposing department (all cases)", Scope.ALL, Level.DEPARTMENT, _DISPOSAL,
        _DISPOSAL_RATES, "STAT-2",
    ),
    Section(
        "stat2_districts", "各区处置统计(全部案卷)", "by district (all cases)", Scope.ALL, Level.DISTRICT, _DISPOSAL, _DISPOSAL_RATES,
        "STAT-2",
    ),
    Section(
        "assessment", "月度考核(不含移交案卷)", "the monthly assessment (without cases handed over)", Scope.NATIVE, Level.DEPARTMENT,
        _DISPOSAL, _DISPOSAL_RATES, "INT-3",
    ),
    Section(
        "evaluation_assessed", "评价指标(不含移交案卷)", "evaluation (without cases handed over)", Scope.NATIVE, Level.TOTAL, _EVALUATION,
        tuple(RATES), "MUNI-5",
    ),
    Section(
        "evaluation_all", "评价指标(全部案卷)", "evaluation (all cases)", Scope.ALL, Level.TOTAL, _EVALUATION, tuple(RATES), "MUNI-5"
    ),
    Section(
        "categories", "大类统计(全部案卷)", "by main category (all cases)", Scope.ALL, Level.CATEGORY,
        ("received", "first_filed", "due", "on_time", "late", "not_disposed", "closed"), ("disposal_on_time_rate",), "MUNI-5",
    ),
    Section(
        "sources", "问题来源统计(全部案卷)", "by source (all cases)", Scope.ALL, Level.SOURCE,
        ("received", "first_filed", "declined", "closed"), ("filing_rate",), "GEN-1",
    ),
    Section(
        "stat3", "移交城管案卷统计", "cases handed over to the urban platform", Scope.TRANSFERRED, Level.TOTAL,
        ("transferred_in", "cases_disposed", "closed"), clause="STAT-3", editions=_GRID,
    ),
    Section(
        "stat3_flow", "移交案卷收支", "cases handed over, in and out", Scope.TRANSFERRED, Level.TOTAL, _FLOW, clause="STAT-4", editions=_GRID
    ),
    Section(
        "stat3_districts", "移交案卷各区处置", "cases handed over, by district", Scope.TRANSFERRED, Level.DISTRICT, _DISPOSAL,
        _DISPOSAL_RATES, "STAT-3", _GRID,
    ),
)  # fmt: skip


#: What a table of any level is called.
_BY = {
    Level.TOTAL: ("全市", "the city as a whole"),
    Level.COMPANY: ("坐席员公司", "operator company"),
    Level.DISTRICT: ("区", "district"),
    Level.DEPARTMENT: ("部门", "department"),
    Level.CATEGORY: ("大类", "main category"),
    Level.SUBCATEGORY: ("小类", "sub category"),
    Level.SOURCE: ("问题来源", "source"),
    Level.ORIGIN: ("来自", "origin"),
}


def sections_for(edition: Edition, by: Level | None = None) -> tuple[Section, ...]:
    """The tables of an office's report, and every figure once more by a level that was asked for."""
    usual = tuple(section for section in SECTIONS if edition in section.editions)
    if by is None:
        return usual
    scope = Scope.ALL if edition is Edition.CITY_BUREAU else Scope.TRANSFERRED
    zh, en = _BY[by]
    asked = Section(
        f"by_{by}", f"评价指标(按{zh})", f"evaluation by {en}", scope, by, _EVALUATION, tuple(RATES), "STAT-4"
    )
    return (*usual, asked)


def indicators_needed(sections: tuple[Section, ...]) -> tuple[str, ...]:
    """Every indicator that these tables are made of, in the catalogue's order."""
    needed = {name for section in sections for name in section.indicators}
    needed |= {name for section in sections for rate in section.rates for name in RATES[rate].needs}
    return tuple(name for name in INDICATORS if name in needed)
