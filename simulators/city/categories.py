"""The catalogue of categories (GEN-4) with the usual disposal limits, read once from `categories.json`.

Every row of the file says how sure it is (mark A, B or C) and where it comes from. The grid platform
has categories of its own for community management and dispute mediation (GRID-3); the urban platform knows
nothing of them (`urban` is False).
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bridge.vocabulary.codes import CaseKind


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
    #: A: seen in public city handbooks; B: general knowledge; C: this project's choice.
    mark: str
    source: str


@cache
def categories() -> dict[tuple[CaseKind, str, str], Category]:
    """Give the whole catalogue, by kind, main and sub category, in the file's order."""
    data = json.loads(files("simulators.city").joinpath("categories.json").read_text(encoding="utf-8"))
    catalogue = {}
    for row in data["sub"]:
        main = data["main"][row["kind"]][row["category"]]
        amount, unit = row["limit"]
        entry = Category(
            kind=CaseKind(row["kind"]),
            category=row["category"],
            category_zh=main["zh"],
            category_en=main["en"],
            subcategory=row["subcategory"],
            zh=row["zh"],
            en=row["en"],
            limit_amount=amount,
            limit_unit=unit,
            department=row["department"],
            urban=main["urban"],
            mark=row["mark"],
            source=row["source"],
        )
        catalogue[entry.kind, entry.category, entry.subcategory] = entry
    return catalogue


def category(kind: CaseKind, main: str, sub: str) -> Category | None:
    """Look a sub category up; None when the catalogue has no such row."""
    return categories().get((kind, main, sub))
