"""The page about the grid platform says what the code does."""

import re
from pathlib import Path

import pytest

from bridge.vocabulary.stages import GridState
from simulators.city.places import SIZES
from simulators.city.town import Town
from simulators.grid.desk import TABLE

PAGE = (Path(__file__).parents[3] / "docs" / "simulators-grid.md").read_text(encoding="utf-8")


def states_of(row) -> str:
    if row.belongs is None:
        return "–"
    if row.states == frozenset(GridState):
        return "any"
    return ", ".join(state for state in GridState if state in row.states)


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.act)
def test_the_page_has_the_row_of_every_act(row):
    params = ", ".join([*row.required, *(f"{name}?" for name in row.optional)]) or "–"
    assert f"| `{row.act}` | {row.zh} | {row.belongs or '–'} | {states_of(row)} | {params} |" in PAGE


def test_the_page_has_no_act_that_does_not_exist():
    acts = re.findall(r"^\| `(\w+\.\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(acts) == sorted(TABLE)


def test_the_page_names_every_refusal_and_question_of_the_code():
    folder = Path(__file__).parents[3] / "simulators"
    code = "".join(
        (folder / name).read_text(encoding="utf-8")
        for name in ("grid/people.py", "grid/desk.py", "grid/registry.py", "exchange/params.py")
    )
    for refusal in re.findall(r'ActRefused\(\s*"(\w+)"|return \(\s*"(\w+)",', code):
        assert f"`{''.join(refusal)}`" in PAGE
    asked = re.findall(r'if name == "(\w+)"', (folder / "grid/platform.py").read_text(encoding="utf-8"))
    assert sorted(asked) == sorted(re.findall(r"^- `(\w+)` ", PAGE, re.MULTILINE))


@pytest.mark.parametrize("size", list(SIZES))
def test_the_page_knows_how_many_cells_a_town_has(size):
    assert re.search(rf"`{size}` \({len(Town.build(1, size).cells)}", PAGE)
