"""The tables that a command works with: ours, and a city's own rows laid over them from a file."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from duijie.exits import UserMistake
from located_yaml import DocumentInvalid, Located, Problem, check, load
from simulators.city.tables import (
    ANY,
    SHAPES,
    Code,
    Key,
    LimitRow,
    MainCategory,
    Row,
    Source,
    Subcategory,
    Tables,
    fields_needed,
    row_from,
    tables,
)

#: Where the rows of a city's file come from when it does not say.
CITY = Source(code="city", zh="本市自己的表", en="the city's own table")
#: What a row of a city's file may leave out, beside what its table has already.
_UNSAID: dict[str, dict[str, Any]] = {
    name: {"certainty": "handbook", "source": CITY.code} for name in SHAPES if name != "sources"
}


@cache
def tables_schema() -> dict[str, Any]:
    """The JSON Schema of a city's file; our own rows keep to it too."""
    text = files("simulators.city.tables").joinpath("tables.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_tables(path: Path | None) -> Tables:
    """Our tables, with the rows of a city's file over them; raises `UserMistake` with every problem of the file."""
    if path is None:
        return tables()
    try:
        located = load(path)
    except DocumentInvalid as invalid:
        raise UserMistake.in_file(invalid) from None
    problems = check(located, tables_schema())
    if problems:
        raise UserMistake.in_file(DocumentInvalid(problems))
    changes: dict[str, dict[Key, Row | None]] = {"sources": {(CITY.code,): CITY}}
    for name, rows in located.value.items():
        for index, values in enumerate(rows):
            key, row = _merged(located, name, index, values, problems)
            changes.setdefault(name, {})[key] = row
    laid_over = tables().laid_over(changes)
    if not problems:
        problems += _astray(located, laid_over)
    if problems:
        raise UserMistake.in_file(DocumentInvalid(problems))
    return laid_over


def _merged(
    located: Located, name: str, index: int, values: dict[str, Any], problems: list[Problem]
) -> tuple[Key, Row | None]:
    """One row of the file over the row that it changes; a new one must say all."""
    said = {"area": ANY, **values} if name == "limits" else dict(values)
    key = tuple(str(said[field]) for field in SHAPES[name][1])
    old = tables().named(name).get(key)
    if said.pop("remove", False):
        if old is None:
            problems.append(
                located.problem(
                    (name, index),
                    f"{name} 中没有 {'/'.join(key)},无可删除",
                    f"{name} has no {'/'.join(key)} to take away",
                )
            )
        return key, None
    merged = {**({} if old is None else asdict(old)), **_UNSAID.get(name, {}), **said}
    missing = [field for field in fields_needed(name) if field not in merged]
    for field in missing:
        problems.append(
            located.problem(
                (name, index),
                f"{'/'.join(key)} 是 {name} 的新行,缺少“{field}”",
                f"{'/'.join(key)} is a new row of {name} and lacks '{field}'",
            )
        )
    return key, None if missing else row_from(name, merged)


def _astray(located: Located, laid_over: Tables) -> Iterator[Problem]:
    """Rows of the file that point at rows which are not there."""
    mains, subs = laid_over.table(MainCategory), laid_over.table(Subcategory)
    industries = {code.word for code in laid_over.table(Code).values() if code.table == "industry"}
    areas = {code.word for code in laid_over.table(Code).values() if code.table == "time_area"}
    for name, index, row in _rows_of(located, laid_over):
        wrong: dict[str, str] = {}
        if isinstance(row, Subcategory):
            if (row.kind, row.category) not in mains:
                wrong["category"] = row.category
            if row.department not in industries:
                wrong["department"] = row.department
        if isinstance(row, LimitRow):
            if row.category != ANY and (row.kind, row.category) not in mains:
                wrong["category"] = row.category
            elif row.subcategory != ANY and (row.kind, row.category, row.subcategory) not in subs:
                wrong["subcategory"] = row.subcategory
            if row.area != ANY and row.area not in areas:
                wrong["area"] = row.area
        if not isinstance(row, Source) and (row.source,) not in laid_over.table(Source):
            wrong["source"] = row.source
        for field, value in wrong.items():
            yield located.problem(
                (name, index, field), f"{field}:表中没有 {value}", f"{field}: the tables have no {value}"
            )


def _rows_of(located: Located, laid_over: Tables) -> Iterator[tuple[str, int, Row]]:
    for name, rows in located.value.items():
        for index, values in enumerate(rows):
            key = tuple(str(values.get(field, ANY)) for field in SHAPES[name][1])
            row = laid_over.named(name).get(key)
            if row is not None:
                yield name, index, row
