"""The page about the urban platform says what the code says."""

import re
from pathlib import Path

from urban_world import World

from simulators.exchange.quirks import Quirk
from simulators.urban.desk import TABLE, Role, Row

PAGE = (Path(__file__).parents[3] / "docs" / "simulators-urban.md").read_text(encoding="utf-8")


def line(row: Row) -> str:
    stages = "any" if row.status is None else ", ".join(sorted(row.stages)) or "never"
    given = ", ".join((*row.required, *(f"{name}?" for name in row.optional))) or "–"
    return f"| `{row.act}` | {row.zh} | {', '.join(sorted(row.levels))} | {row.status or '–'} | {stages} | {given} |"


def test_the_table_of_acts_is_the_one_that_the_platform_uses() -> None:
    assert [text for text in PAGE.splitlines() if re.match(r"\| `[a-z_]+\.[a-z_]+` \|", text)] == [
        line(row) for row in TABLE.values()
    ]


def test_every_seat_and_quirk_is_named() -> None:
    for word in (*Role, *Quirk):
        assert f"`{word}`" in PAGE


def test_every_question_that_the_page_names_has_an_answer() -> None:
    world = World()
    case = world.hand_over()
    questions = PAGE.partition("## What can be asked")[2].partition("\n## ")[0]
    names = [text.split("`")[1].partition(" ")[0] for text in questions.splitlines() if text.startswith("- `")]
    assert len(names) == 16
    (photo, *_) = world.ask("case", case=case)["photos"]
    for name in names:
        assert (
            world.ask(
                name, case=case, role="operator", account="operator-3402", month="2026-03", sha256=photo["sha256"]
            )
            is not None
        )
