"""All checks: those that scenario files are marked as, and those that families make from a rule."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from bridge.vocabulary.parties import Party
from conformance.checks.check import Check
from conformance.scenario.load import load_all, loads_scenario
from conformance.scenario.steps import Scenario

#: A family yields the texts of scenario files, each with its name.
Family = Callable[[], Iterator[tuple[str, str]]]


def checks(library: Path, judges: Party | None = None) -> tuple[Check, ...]:
    """Every check, or those that judge one party, in the order of their ids."""
    found = [
        Check(scenario, party, family)
        for scenario, family in _marked(library)
        for party in (scenario.check.judges if scenario.check is not None else ())
        if judges in (None, party)
    ]
    return tuple(sorted(found, key=lambda check: check.id))


def chosen(all_checks: Iterable[Check], only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
    """The checks that one of `only` means (all when it is empty) and none of `skip`."""
    wanted, unwanted = tuple(only), tuple(skip)
    return tuple(check for check in all_checks if (not wanted or check.matches(wanted)) and not check.matches(unwanted))


@cache
def _marked(library: Path) -> tuple[tuple[Scenario, str | None], ...]:
    files = [(scenario, None) for scenario in load_all([library]) if scenario.check is not None]
    return (*files, *made_from_rules())


@cache
def made_from_rules() -> tuple[tuple[Scenario, str], ...]:
    """What the families make, each with its family's name."""
    return tuple(
        (loads_scenario(text, f"{family}/{name}.yaml", f"{family}/{name}"), family)
        for family, make in families()
        for name, text in make()
    )


def text_of(check: Check) -> str:
    """The scenario file of a check, to be read, kept and replayed."""
    if check.family is None:
        return Path(check.scenario.path).read_text(encoding="utf-8")
    make = dict(families())[check.family]
    return dict(make())[check.scenario.id.partition("/")[2]]


def families() -> Iterator[tuple[str, Family]]:
    """Each module of `conformance.checks.families` has a `scenarios` function; a new file there is enough."""
    package = importlib.import_module("conformance.checks.families")
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        yield module.name, loaded.scenarios
