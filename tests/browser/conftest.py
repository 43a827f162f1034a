"""One pair for all, and a fresh browser window for each test."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
#: Only `tox -e browser` has what these tests need; there, finding none of them is a failure.
collect_ignore_glob = [] if find_spec("playwright") and find_spec("axe_playwright_python") else ["test_*.py"]


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    from hand import pair

    with pair("--steered") as found:
        yield found


@pytest.fixture(scope="session")
def opened():
    from hand import browser

    with browser() as found:
        yield found


@pytest.fixture(params=["desktop", "phone"])
def size(request) -> str:
    return request.param


@pytest.fixture
def hand(opened, address, size):
    from hand import SIZES, Hand

    context = opened.new_context(viewport=SIZES[size], has_touch=size == "phone", locale="zh-CN")
    try:
        found = Hand(context.new_page(), address)
        yield found
        assert found.complaints == []
    finally:
        context.close()


@pytest.fixture
def console():
    from running import running_console

    with running_console() as found:
        yield found


@pytest.fixture
def phone(opened, console):
    from running import clean, window

    page = window(opened, console, phone=True)
    yield page
    clean(page)


@pytest.fixture
def desktop(opened, console):
    from running import clean, window

    page = window(opened, console, phone=False)
    yield page
    clean(page)
