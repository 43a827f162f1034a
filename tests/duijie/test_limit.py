"""`duijie limit`: when a step is due, and every pause on the way."""

import json
from pathlib import Path

import pytest

from duijie.cli import main
from duijie.exits import Exit


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["limit", *arguments, "--json"]) == Exit.OK
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("what", ["event0102", "暴露垃圾", "exposed rubbish"])
def test_a_sub_category_is_found_by_code_and_by_name(capsys: pytest.CaptureFixture[str], what: str) -> None:
    arguments = ["0102", "--kind", "event"] if what == "event0102" else [what]
    answer = told(capsys, arguments[0], "2026-03-02T09:00", *arguments[1:])
    assert (answer["category"], answer["due"]) == ("event/01/02", "2026-03-02T15:30:00+08:00")
    assert (answer["certainty"], answer["source"]) == ("handbook", "handbook-district")


@pytest.mark.parametrize(
    ("options", "amount", "unit", "due"),
    [
        ([], 4, "working_hour", "2026-03-09T09:00"),
        (["--area", "outer"], 1, "working_day", "2026-03-09T12:00"),
        (["--urgent"], 4, "urgent_hour", "2026-03-06T16:00"),
        (["--area", "outer", "--urgent"], 1, "calendar_day", "2026-03-07T12:00"),
        (["--step", "filing"], 1, "working_hour", "2026-03-06T15:30"),
        (["--step", "verification", "--urgent"], 2, "urgent_hour", "2026-03-06T14:00"),
    ],
    ids=["ordinary", "outer", "urgent", "urgent and outer", "filing", "verification, urgent"],
)
def test_step_area_and_grade_choose_the_limit(
    capsys: pytest.CaptureFixture[str], options: list[str], amount: int, unit: str, due: str
) -> None:
    answer = told(capsys, "暴露垃圾", "2026-03-06T12:00", *options)
    assert (answer["amount"], answer["unit"], answer["due"]) == (amount, unit, f"{due}:00+08:00")


def test_a_limit_as_such_needs_no_category(capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, "3 working_days", "2026-09-29T10:00")
    assert (answer["due"], answer["source"], answer["category"]) == ("2026-10-09T10:00:00+08:00", None, None)


@pytest.mark.parametrize(
    ("language", "holiday", "due"),
    [
        ("zh", "停,节假日(国庆节)", "到期 2026-10-09 周五 10:00"),
        ("en", "rests: public holiday (National Day)", "due 2026-10-09 Fri 10:00"),
    ],
    ids=["zh", "en"],
)
def test_a_person_reads_every_pause_with_its_reason(
    capsys: pytest.CaptureFixture[str], language: str, holiday: str, due: str
) -> None:
    assert main(["limit", "3 working_day", "2026-09-29T10:00", "--lang", language]) == Exit.OK
    shown = capsys.readouterr().out
    assert holiday in shown
    assert due in shown.splitlines()[-1]


def test_a_citys_row_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    city = tmp_path / "city.yaml"
    city.write_text(
        "limits: [{kind: event, category: '01', subcategory: '02', step: disposal, amount: 2}]\n", encoding="utf-8"
    )
    answer = told(capsys, "暴露垃圾", "2026-03-02T09:00", "--table", str(city))
    assert (answer["amount"], answer["source"], answer["due"]) == (2, "city", "2026-03-02T11:00:00+08:00")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0101", "2026-03-02T09:00"], "0101 is more than one: event 0101 私搭乱建, component 0101 上水井盖"),
        (["moonlight", "2026-03-02T09:00"], "there is no sub category moonlight"),
        (["暴露垃圾", "yesterday"], "not yesterday"),
        (["暴露垃圾", "2026-03-02T09:00", "--step", "lunch"], "there is no lunch; there are filing, dispatch"),
        (["暴露垃圾", "2026-03-02T09:00", "--area", "moon"], "there is no moon; there are core"),
        (["暴露垃圾", "2100-03-02T09:00"], "The public holidays of 2100 are not known"),
    ],
    ids=["two of a code", "no such category", "moment", "step", "area", "year"],
)
def test_a_mistake_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["limit", *arguments, "--lang", "en"]) == Exit.CONFIGURATION
    assert said in capsys.readouterr().err
