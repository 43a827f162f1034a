"""The pytest plug-in, which pytest loads by itself once duijie is installed.

    pytest --duijie-sut sut.toml          one test for each check that judges the system, named by its permanent id; `-k` chooses
    pytest --duijie-sut builtin:urban     the same with our own platform

    duijie_pair      both simulators over SOAP, told by the test what to do
    duijie_bridge    the same with the bridge between them
    duijie_grid      one simulator as a process of its own, for tests of the other platform
    duijie_urban
    duijie_scenario  plays a scenario file and fails with its timeline
    duijie_profile   the integration profile that all of these run with; to be overridden

Until one of these is asked for, nothing of duijie is imported and nothing is done: most runs of pytest have no use for it. See docs/pytest.md.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.vocabulary.profile import Profile
    from conformance.scenario.events import Run
    from duijie.lone import LoneSimulator
    from duijie.pytest_checks import Plan
    from duijie.telling import LiveStory

#: What is to be judged in this run; absent when nothing is.
_PLAN: pytest.StashKey[Plan] = pytest.StashKey()
#: Under this name a worker of pytest-xdist is told what to judge, so that all of them judge the same.
_TOLD = "duijie_plan"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and the lines of the ini file."""
    group = parser.getgroup("duijie", "duijie: 对接一致性检查 / conformance of the exchange")
    for name, metavar, text in (
        (
            "sut",
            "FILE",
            "评判此文件所述的系统(或 builtin:urban 等)。Judge the system in this file, or builtin:urban and the like.",
        ),
        ("known-failures", "FILE", "已知问题文件。A file of known failures."),
        ("seed", "N", "种子;默认随机并显示。Seed; random and shown by default."),
    ):
        group.addoption(f"--duijie-{name}", metavar=metavar, default=None, help=text)
    parser.addini("duijie_sut", "被测系统的描述文件。The file of the system under test.", default="")
    parser.addini("duijie_known_failures", "已知问题文件。A file of known failures.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Find out whether there is something to judge."""
    told = getattr(config, "workerinput", {}).get(_TOLD)
    asked = config.getoption("--duijie-sut")
    source = _from_ini(config, "duijie_sut") if asked is None else asked
    if told is None and not source:
        return
    from duijie.pytest_checks import Plan

    if told is not None:
        config.stash[_PLAN] = Plan.told(told)
    elif asked is not None or not _names_tests(config):
        known = config.getoption("--duijie-known-failures") or _from_ini(config, "duijie_known_failures")
        config.stash[_PLAN] = Plan.made(config, source, known, config.getoption("--duijie-seed"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of pytest-xdist judges what its controller does."""
    plan = node.config.stash.get(_PLAN, None)
    node.workerinput[_TOLD] = None if plan is None else plan.to_tell()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is judged, and from which seed."""
    plan = config.stash.get(_PLAN, None)
    return [] if plan is None else [plan.header]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the checks to what the session has collected."""
    report = yield
    plan = collector.config.stash.get(_PLAN, None)
    if plan is not None and isinstance(collector, pytest.Session) and report.passed:
        report.result.append(plan.collector(collector))
    return report


def _from_ini(config: pytest.Config, name: str) -> str:
    """A file of the ini file, which is meant from where that lies; names of our own parties stay what they are."""
    value = str(config.getini(name)).strip()
    if not value or value.startswith("builtin") or config.inipath is None:
        return value
    return str(config.inipath.parent / value)


def _names_tests(config: pytest.Config) -> bool:
    """Whether the command line picks tests: what the ini file asks for is then not meant to be run as well."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


@pytest.fixture
def duijie_profile() -> Profile | Path | None:
    """The integration profile, or its file; the built-in example without one. To be overridden where a platform needs its own accounts."""
    return None


@pytest.fixture
def duijie_pair(request: pytest.FixtureRequest) -> Iterator[LiveStory]:
    """Both simulators over SOAP with their clocks steered; see `duijie.telling.LiveStory`. Judged when the test has passed."""
    yield from _story(request, bridged=False)


@pytest.fixture
def duijie_bridge(request: pytest.FixtureRequest) -> Iterator[LiveStory]:
    """Both simulators with the bridge between them; see `duijie_pair`."""
    yield from _story(request, bridged=True)


def _story(request: pytest.FixtureRequest, *, bridged: bool) -> Iterator[LiveStory]:
    from duijie.pytest_parties import story

    yield from story(request, bridged=bridged)


@pytest.fixture
def duijie_grid(request: pytest.FixtureRequest) -> Iterator[LoneSimulator]:
    """The grid simulator by the real clock; see `duijie.lone.LoneSimulator`. It calls the urban platform where the profile says."""
    from duijie.pytest_parties import lone

    yield from lone(request, "grid")


@pytest.fixture
def duijie_urban(request: pytest.FixtureRequest) -> Iterator[LoneSimulator]:
    """The urban simulator by the real clock; see `duijie.lone.LoneSimulator`. It calls the grid platform where the profile says."""
    from duijie.pytest_parties import lone

    yield from lone(request, "urban")


@pytest.fixture
def duijie_scenario(request: pytest.FixtureRequest) -> Callable[..., Sequence[Run]]:
    """Play a scenario file, in every wiring that it has: `duijie_scenario("rejection/fourth-refiles.yaml", live=True)`.

    The file is looked for beside the test and then in the library. `wiring`, `seed` and `live` (real SOAP; virtual time without it) may be said. What does not
    hold fails the test with the timeline.
    """
    from duijie.pytest_parties import scenario_player

    return scenario_player(request)
