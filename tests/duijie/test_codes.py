"""`duijie codes`, and a city's own rows over ours."""

import json
from pathlib import Path

import pytest

from duijie.city_tables import read_tables
from duijie.cli import main
from duijie.exits import Exit, UserMistake

CITY = """\
subcategories:
  - {kind: event, category: "05", code: "50", zh: 共享单车乱停, en: shared bicycles left anywhere, department: CA}
  - {kind: event, category: "01", code: "02", zh: 暴露生活垃圾}
limits:
  - {kind: event, category: "01", subcategory: "02", step: disposal, amount: 2}
  - {kind: event, category: "05", subcategory: "50", step: disposal, amount: 2, unit: urgent_hour}
  - {kind: event, category: "01", subcategory: "02", area: outer, step: disposal, remove: true}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    path = tmp_path / "city.yaml"
    path.write_text(CITY, encoding="utf-8")
    return path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_without_a_table_every_table_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "--json"]) == Exit.OK
    told = {line["table"]: line["rows"] for line in lines(capsys)}
    assert told["kind"] == 2
    assert {"main_categories", "subcategories", "limits", "divisions", "source", "stage"} <= set(told)


def test_a_word_finds_its_rows_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("暴露垃圾", "Exposed"):
        assert main(["codes", "subcategories", word, "--json"]) == Exit.OK
        [row] = lines(capsys)
        assert (row["kind"], row["category"], row["code"], row["certainty"]) == ("event", "01", "02", "handbook")


@pytest.mark.parametrize(("language", "sure"), [("zh", "城市手册"), ("en", "handbook")])
def test_a_person_sees_how_sure_a_row_is_and_where_it_comes_from(
    capsys: pytest.CaptureFixture[str], language: str, sure: str
) -> None:
    assert main(["codes", "subcategories", "暴露垃圾", "--lang", language]) == Exit.OK
    shown = capsys.readouterr().out
    assert sure in shown.splitlines()[1]
    assert "app-events" in shown.splitlines()[1]
    assert "app.js" in shown


def test_limits_are_found_by_the_name_of_their_category(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "limits", "暴露垃圾", "--json"]) == Exit.OK
    assert {(row["area"], row["amount"], row["unit"]) for row in lines(capsys)} == {
        ("*", 4, "working_hour"),
        ("outer", 1, "working_day"),
    }


def test_a_word_that_no_row_holds_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "grade", "极急", "--lang", "zh"]) == Exit.FAILED
    assert "没有符合的行" in capsys.readouterr().out


def test_a_table_that_is_not_there_is_named_beside_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "colour", "--lang", "en"]) == Exit.CONFIGURATION
    assert "no table colour; there are main_categories" in capsys.readouterr().err


def test_a_citys_rows_change_add_and_take_away(city: Path) -> None:
    tables = read_tables(city)
    rubbish, bicycles = tables.subcategory("event", "01", "02"), tables.subcategory("event", "05", "50")
    assert rubbish is not None
    assert bicycles is not None
    assert (rubbish.zh, rubbish.en, rubbish.source) == ("暴露生活垃圾", "exposed rubbish", "city")
    assert (bicycles.zh, bicycles.certainty) == ("共享单车乱停", "handbook")
    limit, outer = (tables.limit("event", "01", "02", "disposal", area) for area in ("core", "outer"))
    assert limit is not None
    assert (limit.amount, limit.unit) == (2, "working_hour")
    assert outer is limit


def test_the_command_looks_into_the_citys_rows(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codes", "subcategories", "共享单车乱停", "--table", str(city), "--json"]) == Exit.OK
    assert [row["source"] for row in lines(capsys)] == ["city"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("limits:\n  - {kind: event, category: '01', subcategory: '02', step: disposal, amount: 0}\n", 2, "0 is less than 1"),
        ("subcategory: []\n", 1, "did you mean 'subcategories'?"),
        ("subcategories:\n  - {kind: event, category: '01', code: '60', zh: 新}\n", 2, "is a new row of subcategories and lacks 'en'"),
        ("subcategories:\n  - {kind: event, category: '44', code: '01', zh: 新, en: new, department: CA}\n", 2, "category: the tables have no 44"),
        ("subcategories:\n  - {kind: event, category: '01', code: '02', department: ZZ}\n", 2, "department: the tables have no ZZ"),
        ("limits:\n  - {kind: event, category: '01', subcategory: '77', step: filing, amount: 1, unit: working_day}\n", 2, "subcategory: the tables have no 77"),
        ("limits:\n  - {kind: event, category: '01', subcategory: '02', area: moon, step: disposal, amount: 1, unit: working_day}\n", 2, "area: the tables have no moon"),
        ("divisions:\n  - {code: '340202', source: hearsay}\n", 2, "source: the tables have no hearsay"),
        ("divisions:\n  - {code: '990000', remove: true}\n", 2, "divisions has no 990000 to take away"),
    ],
    ids=["amount", "table", "incomplete", "main category", "department", "sub category", "area", "source", "removal"],
)  # fmt: skip
def test_a_mistake_in_a_citys_file_is_shown_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserMistake) as caught:
        read_tables(path)
    assert f"{path}:{line}:" in caught.value.en
    assert said in caught.value.en
