"""The books of the cells: people, households and buildings, kept by the grid worker of the cell (GRID-2)."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from bridge.vocabulary.times import in_shanghai
from simulators.city.town import Town
from simulators.exchange.errors import ActRefused

Record = dict[str, Any]


class Book(StrEnum):
    """What a grid worker keeps records of."""

    PERSON = "person"
    HOUSEHOLD = "household"
    BUILDING = "building"


#: The first letter of the ids in each book.
_LETTER = {Book.PERSON: "P", Book.HOUSEHOLD: "H", Book.BUILDING: "B"}
#: The fields of each book and the kind of value that they hold.
_FIELDS: dict[Book, dict[str, type]] = {
    Book.PERSON: {"name": str, "phone": str, "birth_year": int, "household": str},
    Book.HOUSEHOLD: {"building": str, "room": str},
    Book.BUILDING: {"name": str, "address": str, "floors": int},
}
#: What a new record cannot do without.
_NEEDED: dict[Book, tuple[str, ...]] = {
    Book.PERSON: ("name", "household"),
    Book.HOUSEHOLD: ("building", "room"),
    Book.BUILDING: ("name",),
}
#: The book in which a field's value must stand as an id.
_REFERS: dict[str, Book] = {"household": Book.HOUSEHOLD, "building": Book.BUILDING}
_TEXT_LENGTH_MAX = 200


class Registry:
    """The records of every cell; a cell's are copied from the town when somebody first looks."""

    def __init__(self, town: Town):
        self._town = town
        self._cells: dict[str, dict[Book, dict[str, Record]]] = {}

    def cell(self, code: str) -> dict[Book, dict[str, Record]]:
        """Give the books of a cell."""
        books = self._cells.get(code)
        if books is None:
            life = self._town.life(code)
            books = self._cells[code] = {
                Book.PERSON: {p.id: asdict(p) for p in life.people},
                Book.HOUSEHOLD: {h.id: asdict(h) for h in life.households},
                Book.BUILDING: {b.id: asdict(b) for b in life.buildings},
            }
        return books

    def keep(
        self, book: Book, cell: str, record_id: str | None, values: Mapping[str, Any], who: str, now: datetime
    ) -> str:
        """Change a record, or open a new one when no id is given; says the id."""
        books = self.cell(cell)
        for name, value in values.items():
            self._check(books, book, name, value)
        if record_id is None:
            for name in _NEEDED[book]:
                if name not in values:
                    raise ActRefused("bad_value", f"新记录缺少 {name}。", f"A new record needs {name}.")
            record_id = f"{_LETTER[book]}{cell}N{len(books[book]) + 1:03}"
            books[book][record_id] = {"id": record_id, "cell": cell}
        elif record_id not in books[book]:
            raise ActRefused(
                "bad_value", f"网格 {cell} 没有记录 {record_id}。", f"Cell {cell} has no record {record_id}."
            )
        elif not values:
            raise ActRefused("bad_value", "没有要修改的内容。", "There is nothing to change.")
        books[book][record_id].update(values)
        books[book][record_id].update(kept_by=who, kept_at=in_shanghai(now).isoformat())
        return record_id

    @staticmethod
    def _check(books: dict[Book, dict[str, Record]], book: Book, name: str, value: Any) -> None:
        wanted = _FIELDS[book].get(name)
        if wanted is None:
            raise ActRefused("bad_value", f"记录没有字段 {name}。", f"The record has no field {name}.")
        if type(value) is not wanted or (isinstance(value, str) and not 0 < len(value.strip()) <= _TEXT_LENGTH_MAX):
            raise ActRefused("bad_value", f"字段 {name} 不能取值 {value!r}。", f"{value!r} is no value for {name}.")
        refers = _REFERS.get(name)
        if refers is not None and value not in books[refers]:
            raise ActRefused("bad_value", f"本网格没有 {name} {value}。", f"The cell has no {name} {value}.")
