"""The tables of the city: shaped by the schema, whole, and total where they stand for the product's own words (GEN-4, MUNI-2)."""

from dataclasses import asdict
from enum import StrEnum

import pytest
from jsonschema import Draft202012Validator

from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    ContactDuty,
    CoordinateSystem,
    DeclineReason,
    PhotoKind,
)
from bridge.vocabulary.stages import UrbanStage
from duijie.city_tables import tables_schema
from simulators.city.places import CITY_CODE, DISTRICTS
from simulators.city.seats import Level
from simulators.city.tables import (
    ANY,
    SHAPES,
    Code,
    Division,
    LayoutPart,
    LimitRow,
    MainCategory,
    Source,
    Subcategory,
    key_of,
    tables,
)
from simulators.urban.desk import CaseStatus
from simulators.urban.limits import LimitUnit

TABLES = tables()

#: Each code list that stands for words of the product.
WORDS: dict[str, type[StrEnum]] = {
    "kind": CaseKind,
    "source": CaseSource,
    "grade": CaseGrade,
    "level": Level,
    "status": CaseStatus,
    "stage": UrbanStage,
    "coordinate_system": CoordinateSystem,
    "attachment": PhotoKind,
    "time_unit": LimitUnit,
    "decline_reason": DeclineReason,
    "contact_duty": ContactDuty,
}

#: MUNI-2 names these lists; identifiers and task numbers are no lists.
MUNI_2 = {
    "kind", "grade", "level", "damage_grade", "source", "status", "work_item", "stage", "department_class", "industry",
    "coordinate_system", "media_transfer", "time_unit", "time_area", "supervisor_type",
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_row_keeps_to_the_schema(name: str) -> None:
    rows = [
        {field: value for field, value in asdict(row).items() if value is not None}
        for row in TABLES.named(name).values()
    ]
    assert rows
    assert list(Draft202012Validator(tables_schema()).iter_errors({name: rows})) == []


@pytest.mark.parametrize("name", SHAPES)
def test_no_file_says_a_row_twice(name: str) -> None:
    from importlib.resources import files

    text = files("simulators.city.tables").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) - 1 == len(TABLES.named(name))


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "sources"])
def test_every_row_names_a_source_that_is_listed(name: str) -> None:
    known = {row.code for row in TABLES.table(Source).values()}
    assert {row.source for row in TABLES.named(name).values() if not isinstance(row, Source)} <= known


def test_what_nobody_has_seen_is_not_called_a_standard() -> None:
    """Rows of general knowledge and of our own making say so."""
    rows = [row for name in SHAPES if name != "sources" for row in TABLES.named(name).values()]
    unseen = [row for row in rows if not isinstance(row, Source) and row.source in ("duijie", "field", "gbt2260")]
    assert unseen
    assert {row.certainty for row in unseen} == {"ours"}


@pytest.mark.parametrize("name", WORDS)
def test_a_code_list_has_every_word_of_the_product_and_no_other(name: str) -> None:
    assert {code.word for code in TABLES.table(Code).values() if code.table == name} == {
        word.value for word in WORDS[name]
    }


def test_every_list_that_MUNI_2_names_is_there() -> None:
    assert {code.table for code in TABLES.table(Code).values()} >= MUNI_2


def test_a_code_is_given_once_in_its_list() -> None:
    given = [(code.table, code.code) for code in TABLES.table(Code).values()]
    assert len(given) == len(set(given))


def test_every_sub_category_stands_under_a_main_category_and_every_main_category_has_some() -> None:
    under = {(row.kind, row.category) for row in TABLES.table(Subcategory).values()}
    assert under == set(TABLES.table(MainCategory))


@pytest.mark.parametrize("step", ["filing", "dispatch", "disposal", "verification"])
@pytest.mark.parametrize("area", ["core", "general", "outer", ANY])
def test_there_is_a_limit_for_every_sub_category_in_every_area(step: str, area: str) -> None:
    assert all(TABLES.limit(row.kind, row.category, row.code, step, area) for row in TABLES.table(Subcategory).values())


def test_a_limit_of_the_area_goes_before_the_one_for_any_area() -> None:
    rubbish = ("event", "01", "02")
    outer, core = (TABLES.limit(*rubbish, "disposal", area) for area in ("outer", "core"))
    assert outer is not None
    assert core is not None
    assert (outer.amount, outer.unit) == (1, "working_day")
    assert (core.amount, core.unit) == (4, "working_hour")


def test_every_limit_is_of_a_category_that_exists() -> None:
    subs, mains = TABLES.table(Subcategory), TABLES.table(MainCategory)
    for row in TABLES.table(LimitRow).values():
        assert row.category == ANY or (row.kind, row.category) in mains
        assert row.subcategory == ANY or (row.kind, row.category, row.subcategory) in subs


def test_the_divisions_are_those_of_the_town() -> None:
    told = {
        row.code: row.zh
        for row in TABLES.table(Division).values()
        if row.code.startswith("3402") and row.code != CITY_CODE
    }
    assert told == dict(DISTRICTS)


@pytest.mark.parametrize(("layout", "digits"), [("cell", 15), ("cell_older", 14), ("component", 16), ("event", 10)])
def test_the_parts_of_a_code_follow_each_other_without_a_gap(layout: str, digits: int) -> None:
    parts = [part for part in TABLES.table(LayoutPart).values() if part.layout == layout]
    assert [part.position for part in parts] == [1 + sum(p.digits for p in parts[:n]) for n in range(len(parts))]
    assert sum(part.digits for part in parts) == digits


def test_rows_laid_over_replace_and_add_and_take_away() -> None:
    row = TABLES.subcategory("event", "01", "02")
    assert row is not None
    changed = TABLES.laid_over({"subcategories": {key_of("subcategories", row): None}})
    assert changed.subcategory("event", "01", "02") is None
    assert TABLES.subcategory("event", "01", "02") is row
