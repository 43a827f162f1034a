"""What codes are called: categories and divisions, from the city's tables, as the console offers and shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.vocabulary.codes import PhotoKind
from simulators.city.tables import Division, MainCategory, Subcategory, tables


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a field can have, under the heading that it belongs to."""

    value: str
    zh: str
    en: str
    heading_zh: str = ""
    heading_en: str = ""
    #: The value of the field before it under which alone it may be chosen.
    under: str = ""
    #: Event or component, where that is a question.
    kind: str = ""


_KINDS = {"event": ("事件", "event"), "component": ("部件", "component")}


#: What photos are called by what they show.
_PHOTOS: Mapping[str, tuple[str, str]] = {
    PhotoKind.REPORT.value: ("上报", "report"),
    PhotoKind.DISPOSAL.value: ("处置", "disposal"),
    PhotoKind.VERIFICATION.value: ("核查", "verification"),
    PhotoKind.ON_SITE.value: ("现场", "on site"),
    PhotoKind.DOCUMENT.value: ("文书", "document"),
}


def photo_kind(code: str) -> tuple[str, str]:
    """What a photo of this kind is called, in Chinese and English."""
    return _PHOTOS.get(code, (code, code))


def choices(field: str) -> tuple[Choice, ...]:
    """The values that a field of this name can have by the city's tables; none where any text will do."""
    if field == "category":
        return tuple(
            Choice(row.code, f"{row.code} {row.zh}", f"{row.code} {row.en}", *_KINDS[row.kind], kind=row.kind)
            for row in tables().table(MainCategory).values()
        )
    if field == "subcategory":
        return tuple(_subcategory(row) for row in tables().table(Subcategory).values())
    if field in ("district", "to_district"):
        divisions = tables().table(Division).values()
        return tuple(
            Choice(row.code, f"{row.code} {row.zh}", f"{row.code} {row.en}")
            for row in divisions
            if row.level == "district"
        )
    return ()


def _subcategory(row: Subcategory) -> Choice:
    kind_zh, kind_en = _KINDS[row.kind]
    main = tables().main_category(row.kind, row.category)
    heading_zh = f"{kind_zh} {row.category} {main.zh if main else ''}".strip()
    heading_en = f"{kind_en} {row.category} {main.en if main else ''}".strip()
    return Choice(
        row.code, f"{row.code} {row.zh}", f"{row.code} {row.en}", heading_zh, heading_en, row.category, row.kind
    )


def name_of(field: str, book: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a code in a case's books is called, in Chinese and English; None where it has no name."""
    kind, category = str(book.get("kind") or (book.get("data") or {}).get("kind") or "event"), str(book.get("category"))
    found: MainCategory | Subcategory | Division | None = None
    if field == "category":
        found = tables().main_category(kind, category)
    elif field == "subcategory":
        found = tables().subcategory(kind, category, str(book.get("subcategory")))
    elif field == "district":
        found = tables().table(Division).get((str(book.get("district")),))
    return None if found is None else (found.zh, found.en)
