"""Pages keep what they promise: links lead somewhere, and the commands are the ones that integration runs."""

import re
from pathlib import Path

import pytest

from bridge.vocabulary.liberties import Liberty
from duijie.pages import PAGES as MADE

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "scenarios").rglob("*.md")]
LINKS = [
    (page, target)
    for page in PAGES
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_every_link_leads_somewhere(page, target):
    assert (page.parent / target).exists()


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [block.strip() for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


def test_both_front_pages_give_the_same_two_commands():
    assert commands("README.md") == commands("README.zh-CN.md")
    assert len(commands("README.md")) == 2


@pytest.mark.parametrize("name", sorted(MADE))
def test_pages_made_from_the_code_are_current(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == MADE[name](), "run: python -m duijie.pages docs"


def test_the_chinese_front_page_has_chinese_punctuation():
    text = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"[\u4e00-\u9fff][,:;()]|[,:;()][\u4e00-\u9fff]", text) == []


def test_the_contracts_page_names_every_liberty() -> None:
    page = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z_]+)` \|", page[page.index("Strict reading") :], re.MULTILINE)
    assert named == list(Liberty)
