"""The tables of a city as data: categories, limits, divisions and code lists, each row with its source and how sure it is (GEN-4, MUNI-2).

One CSV file a table, read once. Facts only: numbers, names and amounts, never a sentence of a standard. A city lays rows of its own
over these (`Tables.laid_over`), and nothing else in the product knows a category, a limit or a code list by heart.

    standard    in a public standard, or in public rules that cite it
    handbook    in a city's public handbook, rules or software
    ours        general knowledge that was not checked against a text, or this project's own choice; `source` says which
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

#: In a key of `limits`: whichever it is.
ANY = "*"


class Certainty(StrEnum):
    """How sure a row is."""

    STANDARD = "standard"
    HANDBOOK = "handbook"
    OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows come from."""

    code: str
    zh: str
    en: str
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MainCategory:
    """大类."""

    kind: str
    code: str
    zh: str
    en: str
    #: Whether it is in the urban platform's catalogue; the grid platform has matters of its own (GRID-3).
    urban: bool
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcategory:
    """小类, under its main category."""

    kind: str
    category: str
    code: str
    zh: str
    en: str
    #: First half of the code of the department that it usually belongs to, such as `CA`.
    department: str
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """时限: how long a step may take. `*` in `kind`, `category`, `subcategory` or `area` stands for any."""

    kind: str
    category: str
    subcategory: str
    #: Class of the area, a code of the list `time_area`.
    area: str
    #: A code of the list `limit_step`.
    step: str
    amount: int
    #: A code of the list `time_unit`.
    unit: str
    #: For urgent cases; without it their clock runs on at night.
    urgent_amount: int | None = None
    urgent_unit: str | None = None
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """行政区划."""

    code: str
    level: str
    zh: str
    en: str
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutPart:
    """One part of a code that is put together from parts, such as a cell's."""

    layout: str
    part: str
    #: Its first digit, counted from 1.
    position: int
    digits: int
    zh: str
    en: str
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One entry of a code list; `word` is what it is called on the wire and in the product."""

    table: str
    code: str
    word: str
    zh: str
    en: str
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Whom an operator works for (STAT-1); `*` stands for everybody that has no row."""

    operator: str
    company: str
    zh: str
    en: str
    certainty: Certainty
    source: str


Row = Source | MainCategory | Subcategory | LimitRow | Division | LayoutPart | Code | Operator
Key = tuple[str, ...]
_Row = TypeVar("_Row", Source, MainCategory, Subcategory, LimitRow, Division, LayoutPart, Code, Operator)

#: Each table: the class of its rows, and the fields that tell one row from another.
SHAPES: dict[str, tuple[type[Row], tuple[str, ...]]] = {
    "sources": (Source, ("code",)),
    "main_categories": (MainCategory, ("kind", "code")),
    "subcategories": (Subcategory, ("kind", "category", "code")),
    "limits": (LimitRow, ("kind", "category", "subcategory", "area", "step")),
    "divisions": (Division, ("code",)),
    "layouts": (LayoutPart, ("layout", "part")),
    "codes": (Code, ("table", "word")),
    "operators": (Operator, ("operator",)),
}


class Tables:
    """All tables, each by its keys and in its file's order."""

    def __init__(self, rows: Mapping[str, Mapping[Key, Row]]):
        self._rows = rows

    def table(self, shape: type[_Row]) -> Mapping[Key, _Row]:
        """The table whose rows have this shape."""
        name = next(name for name, (row, _) in SHAPES.items() if row is shape)
        return self._rows[name]  # type: ignore[return-value]

    def named(self, name: str) -> Mapping[Key, Row]:
        """The table of this name."""
        return self._rows[name]

    def main_category(self, kind: str, code: str) -> MainCategory | None:
        """Look a main category up."""
        return self.table(MainCategory).get((kind, code))

    def subcategory(self, kind: str, category: str, code: str) -> Subcategory | None:
        """Look a sub category up."""
        return self.table(Subcategory).get((kind, category, code))

    def word(self, table: str, word: str) -> Code | None:
        """Look an entry of a code list up by its word."""
        return self.table(Code).get((table, word))

    def company_of(self, operator: str) -> str:
        """The company that an operator works for."""
        operators = self.table(Operator)
        return (operators.get((operator,)) or operators[ANY,]).company

    def limit(self, kind: str, category: str, subcategory: str, step: str, area: str = ANY) -> LimitRow | None:
        """Find the limit of a step: of the sub category, else of its main category, else of any; of the area before any area."""
        limits = self.table(LimitRow)
        matters = ((kind, category, subcategory), (kind, category, ANY), (kind, ANY, ANY), (ANY, ANY, ANY))
        keys = ((*matter, place, step) for matter in matters for place in dict.fromkeys((area, ANY)))
        return next((limits[key] for key in keys if key in limits), None)

    def laid_over(self, changes: Mapping[str, Mapping[Key, Row | None]]) -> "Tables":
        """Give these tables with rows replaced and added, and those with None taken away."""
        rows = {
            name: {key: row for key, row in {**table, **changes.get(name, {})}.items() if row is not None}
            for name, table in self._rows.items()
        }
        return Tables(rows)


def key_of(name: str, row: Row) -> Key:
    """What tells this row from the others of its table."""
    return tuple(str(getattr(row, field)) for field in SHAPES[name][1])


def fields_needed(name: str) -> tuple[str, ...]:
    """The fields that a row of this table cannot do without."""
    return tuple(each.name for each in fields(SHAPES[name][0]) if each.default is MISSING)


def row_from(name: str, values: Mapping[str, Any]) -> Row:
    """A row from what a file says; an empty text where a field may be missing is none."""
    shape = SHAPES[name][0]
    return shape(**{field: _value(_HINTS[name][field], value) for field, value in values.items()})


_HINTS: dict[str, dict[str, Any]] = {name: get_type_hints(shape) for name, (shape, _) in SHAPES.items()}


def _value(hint: Any, value: Any) -> Any:
    kinds = get_args(hint) or (hint,)
    if NoneType in kinds and value in ("", None):
        return None
    kind = kinds[0]
    if kind is bool:
        return value in (True, "true")
    return kind(value)


def rows_of(name: str, text: str) -> Iterable[Row]:
    """The rows that the text of a CSV file holds."""
    return (row_from(name, values) for values in csv.DictReader(io.StringIO(text)))


@cache
def tables() -> Tables:
    """The tables that ship with the product."""
    folder = files("simulators.city.tables")
    read = {name: rows_of(name, folder.joinpath(f"{name}.csv").read_text(encoding="utf-8")) for name in SHAPES}
    return Tables({name: {key_of(name, row): row for row in rows} for name, rows in read.items()})
