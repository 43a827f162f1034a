"""The pages for vendors hold nothing that would not be followed: each command on them is a step of `tests/foreign`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))


def test_there_is_a_page_for_each_stack_with_examples():
    # `ci` is for build servers and speaks no SOAP.
    stacks = {folder.name for folder in (ROOT / "examples").iterdir() if folder.is_dir()} - {"ci"}
    assert stacks == {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_a_step(page):
    text = page.read_text(encoding="utf-8")
    marked = re.findall(r"^<!-- (?:install|run|serve(?: \d+)?|shows) -->\n```", text, re.MULTILINE)
    assert len(marked) == len(re.findall(r"^```\w+$", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_on_the_page_is_there(page):
    for name in re.findall(r"examples/[\w/.]+\w", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
