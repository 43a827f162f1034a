"""The catalogue of categories (GEN-4) with the usual disposal limits, put together from the city's tables.

Every row says how sure it is and where it comes from (`simulators/city/tables`). The grid platform has categories of its
own for community management and dispute mediation (GRID-3); the urban platform knows nothing of them (`urban` is False).
"""

from dataclasses import dataclass
from functools import cache

from bridge.vocabulary.codes import CaseKind
from simulators.city.tables import LimitRow, MainCategory, Subcategory, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A sub category under its main category."""

    kind: CaseKind
    #: Main category (大类), two digits.
    category: str
    category_zh: str
    category_en: str
    #: Sub category (小类), two digits.
    subcategory: str
    zh: str
    en: str
    #: How long disposal may take: an amount of `urgent_hour`, `working_hour`, `working_day` or `calendar_day`.
    limit_amount: int
    limit_unit: str
    #: First half of the code of the department that it usually belongs to, such as `CA`.
    department: str
    #: Whether it is in the urban platform's catalogue.
    urban: bool


@cache
def categories() -> dict[tuple[CaseKind, str, str], Category]:
    """Give the whole catalogue, by kind, main and sub category, in the tables' order."""
    mains, catalogue = tables().table(MainCategory), {}
    for row in tables().table(Subcategory).values():
        main, limit = mains[row.kind, row.category], _disposal_limit(row)
        entry = Category(
            kind=CaseKind(row.kind),
            category=row.category,
            category_zh=main.zh,
            category_en=main.en,
            subcategory=row.code,
            zh=row.zh,
            en=row.en,
            limit_amount=limit.amount,
            limit_unit=limit.unit,
            department=row.department,
            urban=main.urban,
        )
        catalogue[entry.kind, entry.category, entry.subcategory] = entry
    return catalogue


def category(kind: CaseKind, main: str, sub: str) -> Category | None:
    """Look a sub category up; None when the catalogue has no such row."""
    return categories().get((kind, main, sub))


def _disposal_limit(row: Subcategory) -> LimitRow:
    found = tables().limit(row.kind, row.category, row.code, "disposal")
    if found is None:
        raise AssertionError("the tables have a disposal limit for any case")
    return found
