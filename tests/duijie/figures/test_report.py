"""`duijie report`: the same numbers in the terminal, as CSV, as a workbook and as a page, each with its list (STAT-1…4)."""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from casebooks import casebook
from lxml import html

from duijie.cli import main
from duijie.exits import Exit
from duijie.reports import workbook

PERIOD = "2026-03"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return casebook(tmp_path / "cases.jsonl")


def numbers(capsys: pytest.CaptureFixture[str], *arguments: str, exits: Exit = Exit.OK) -> dict[str, Any]:
    assert main(["report", *arguments, "--json"]) == exits
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {table["id"]: table for table in answer["tables"]}


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.reader(text))


def test_the_city_bureau_has_its_tables_and_the_grid_office_its_own(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bureau = numbers(capsys, PERIOD, str(book))
    office = numbers(capsys, PERIOD, str(book), "--edition", "grid_office")
    assert {"stat1", "stat2", "assessment", "evaluation_all"} <= set(bureau)
    assert set(office) == {"stat3", "stat3_flow", "stat3_districts"}


def test_the_terminal_says_the_numbers_and_what_they_mean(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    due = numbers(capsys, PERIOD, str(book))["evaluation_all"]["total"]["due"]
    assert main(["report", PERIOD, str(book), "--lang", "zh"]) == Exit.OK
    shown = capsys.readouterr().out
    assert re.search(rf"^应处置 +{due} +期内处置到期的处置段", shown, re.MULTILINE)
    assert main(["report", PERIOD, str(book), "--lang", "en"]) == Exit.OK
    assert re.search(rf"^due +{due} +stretches of disposal that came due", capsys.readouterr().out, re.MULTILINE)


def test_a_list_is_as_long_as_its_number(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    due = numbers(capsys, PERIOD, str(book))["stat2"]["total"]["due"]
    assert main(["report", PERIOD, str(book), "--list", "due", "--lang", "en"]) == Exit.OK
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.startswith("case\torigin\tat")
    assert len(lines) == due > 0


def test_the_files_in_the_folder_hold_every_row_and_every_list(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["report", PERIOD, str(book), "--csv", str(folder), "--lang", "en"]) == Exit.OK
    capsys.readouterr()
    told = numbers(capsys, PERIOD, str(book))
    for name, table in told.items():
        lines = rows(folder / f"{name}.csv")[1:]
        assert len(lines) == len(table["rows"]) + 1
        assert lines[-1][-len(table["total"]) :] == [
            "" if v is None else f"{round(v, 6)}" for v in table["total"].values()
        ]
    for indicator, number in told["evaluation_all"]["total"].items():
        if isinstance(number, int) and not indicator.endswith("rate"):
            assert len(rows(folder / f"list-{indicator}.csv")) - 1 == number
    defined = {line[0] for line in rows(folder / "definitions.csv")[1:]}
    assert defined == {name for table in told.values() for name in table["total"]}


def test_a_departments_number_is_found_in_the_list_by_its_name(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["report", PERIOD, str(book), "--csv", str(folder), "--lang", "zh"]) == Exit.OK
    capsys.readouterr()
    heading, *lines = rows(folder / "stat2.csv")
    late = heading.index("超期处置")
    listed = Counter((line[3], line[4]) for line in rows(folder / "list-late.csv")[1:])
    assert {(line[0], line[1]): int(line[late]) for line in lines[:-1] if line[late] != "0"} == listed


@pytest.mark.parametrize(
    ("language", "title", "total"),
    [("zh", "处置部门统计(全部案卷)", "合计"), ("en", "by disposing department (all cases)", "total")],
)
def test_the_workbook_can_be_opened_and_says_the_same(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, title: str, total: str
) -> None:
    path = tmp_path / "report.xlsx"
    assert main(["report", PERIOD, str(book), "--xlsx", str(path), "--lang", language]) == Exit.OK
    capsys.readouterr()
    told = numbers(capsys, PERIOD, str(book))["stat2"]
    read = openpyxl.load_workbook(path)
    sheet = read[title[:31]]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=4)]
    at = next(n for n, line in enumerate(lines) if line[0] == total)
    assert [line[2:4] for line in lines[:at]] == [[row["due"], row["on_time"]] for row in told["rows"]]
    # The office's own program adds it up again.
    assert lines[at][2] == f"=SUM(C4:C{3 + at})"
    assert openpyxl.load_workbook(path, data_only=True)[title[:31]].cell(4 + at, 3).value == told["total"]["due"]
    assert len(sheet._charts) == 1


def test_the_workbook_has_a_sheet_for_every_list_and_links_to_it(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.xlsx"
    assert main(["report", PERIOD, str(book), "--xlsx", str(path), "--lang", "zh"]) == Exit.OK
    capsys.readouterr()
    told = numbers(capsys, PERIOD, str(book))["evaluation_all"]["total"]
    read = openpyxl.load_workbook(path)
    assert read["明细-按期处置"].max_row - 2 == told["on_time"]
    heading = next(cell for cell in read["处置部门统计(全部案卷)"][3] if cell.value == "按期处置")
    assert heading.hyperlink.location == "'明细-按期处置'!A1"
    links = {cell.hyperlink.location for line in read["封面"].iter_rows() for cell in line if cell.hyperlink}
    assert {link.split("'")[1] for link in links} <= set(read.sheetnames)


def test_a_list_that_does_not_fit_on_one_sheet_goes_on_in_the_next(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "ROWS_MAX", 10)
    path = tmp_path / "report.xlsx"
    assert main(["report", "2026", str(book), "--xlsx", str(path), "--lang", "zh"]) == Exit.OK
    capsys.readouterr()
    received = numbers(capsys, "2026", str(book))["evaluation_all"]["total"]["received"]
    parts = [name for name in openpyxl.load_workbook(path).sheetnames if re.fullmatch(r"明细-接收( \d+)?", name)]
    assert len(parts) == -(-received // 10)


def test_the_page_holds_every_table_and_leads_from_a_number_to_its_list(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.html"
    assert main(["report", PERIOD, str(book), "--html", str(path), "--lang", "zh"]) == Exit.OK
    capsys.readouterr()
    told = numbers(capsys, PERIOD, str(book))
    page = html.fromstring(path.read_text(encoding="utf-8"))
    assert [each.get("id") for each in page.iter("h2") if each.get("id")] == list(told)
    targets = {each.get("id") for each in page.iter() if each.get("id")}
    assert {a.get("href")[1:] for a in page.iter("a")} <= targets
    lines = page.get_element_by_id("list-late").findall("tr")
    assert len(lines) - 1 == told["evaluation_all"]["total"]["late"]
    assert not list(page.iter("script", "img", "link"))


def test_names_that_look_like_markup_stay_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = casebook(tmp_path / "cases.jsonl")
    book.write_text(
        book.read_text(encoding="utf-8").replace('"T0', '"<b>').replace('"C0001"', '"=1+1"'), encoding="utf-8"
    )
    page, sheet = tmp_path / "r.html", tmp_path / "r.xlsx"
    assert main(["report", "2026", str(book), "--html", str(page), "--xlsx", str(sheet), "--lang", "zh"]) == Exit.OK
    assert not list(html.fromstring(page.read_text(encoding="utf-8")).iter("b"))
    cells = [
        cell for line in openpyxl.load_workbook(sheet)["明细-接收"].iter_rows() for cell in line if cell.value == "=1+1"
    ]
    assert [cell.data_type for cell in cells] == ["s"]


def test_what_was_kept_gives_the_same_report_later_STAT_4(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    first = numbers(capsys, PERIOD, str(book), "--keep", str(kept))
    assert numbers(capsys, PERIOD, str(kept)) == first


def test_a_record_that_contradicts_itself_fails_and_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tmp_path / "cases.jsonl"
    wrong = {"number": "C1", "origin": "transferred", "received_at": "2026-04-02T09:00:00+08:00", "closed_at": "2026-03-02T09:00:00+08:00", "closing": "normal"}  # fmt: skip
    book.write_text('{"type": "casebook", "version": "1.0"}\n' + json.dumps(wrong) + "\n", encoding="utf-8")
    assert main(["report", PERIOD, str(book), "--lang", "zh"]) == Exit.FAILED
    assert "不平:flow : 期初在办 + 接收" in capsys.readouterr().out


def test_a_casebook_without_cases_concludes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = tmp_path / "cases.jsonl"
    book.write_text('{"type": "casebook", "version": "1.0"}\n', encoding="utf-8")
    numbers(capsys, PERIOD, str(book), exits=Exit.INCONCLUSIVE)


def test_a_city_says_whom_its_operators_work_for_STAT_1(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    city = tmp_path / "city.yaml"
    city.write_text(
        "operators: [{operator: operator-1, company: first, zh: 甲公司, en: Company A}]\n", encoding="utf-8"
    )
    alone = numbers(capsys, "2026", str(book))["stat1"]
    told = numbers(capsys, "2026", str(book), "--table", str(city))["stat1"]
    assert {row["key"][0] for row in told["rows"]} - {row["key"][0] for row in alone["rows"]} == {"first"}
    assert told["total"] == alone["total"]


@pytest.mark.parametrize("level", ["district", "department", "company", "category", "subcategory", "source", "origin"])
@pytest.mark.parametrize("edition", ["city_bureau", "grid_office"])
def test_every_figure_is_told_by_any_level_and_adds_up(
    book: Path, capsys: pytest.CaptureFixture[str], level: str, edition: str
) -> None:
    tables = numbers(capsys, "2026", str(book), "--by", level, "--edition", edition)
    asked = tables[f"by_{level}"]
    counted = [name for name, value in asked["total"].items() if isinstance(value, int) and not name.endswith("_rate")]
    assert asked["rows"]
    assert {name: sum(row[name] for row in asked["rows"]) for name in counted} == {
        n: asked["total"][n] for n in counted
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["soon", "{book}"], "a period is like 2026-03"),
        (["2026-03"], "say where the cases are"),
        (["2026-03", "{book}", "--edition", "mayor"], "--edition is one of city_bureau, grid_office, not mayor"),
        (["2026-03", "{book}", "--by", "luck"], "--by is one of total, company"),
        (["2026-03", "{book}", "--list", "luck"], "this report has no luck; there are received"),
        (["2026-03", "{book}", "--csv", "{folder}"], "is there already and was left alone"),
        (["2026-03", "{book}", "--keep", "{book}"], "is there already and was left alone"),
        (["2026-03", "{folder}/none.jsonl"], "cannot read"),
        (["2026-03", "{text}"], "text.jsonl:1: the first line heads neither a casebook nor a trace"),
        (["2026-03", "{broken}"], "broken.jsonl:2: no line of a casebook"),
        (["2026-03", "{book}", "--xlsx", "{folder}/no/r.xlsx"], "cannot write"),
        (["2026-03", "{book}", "--html", "{folder}/no/r.html"], "cannot write"),
        (["2026-03", "nothing://there"], "this is no store address"),
    ],
    ids=["period", "no source", "edition", "level", "list", "folder", "kept", "missing", "head", "line", "workbook", "page", "store"],
)  # fmt: skip
def test_a_mistake_is_said_in_one_sentence(
    book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (tmp_path / "text.jsonl").write_text("hello\n", encoding="utf-8")
    (tmp_path / "broken.jsonl").write_text(
        '{"type": "casebook", "version": "1.0"}\n{"number": "C1"}\n', encoding="utf-8"
    )
    places = {"book": book, "folder": tmp_path, "text": tmp_path / "text.jsonl", "broken": tmp_path / "broken.jsonl"}
    assert main(["report", *(each.format(**places) for each in arguments), "--lang", "en"]) == Exit.CONFIGURATION
    assert said in capsys.readouterr().err
