"""docs/conformance.md says of the command driver and of the city what is so."""

import inspect
import json
import re
from pathlib import Path

from bridge.vocabulary.codes import CaseKind
from conformance.checks.catalogue import checks
from conformance.drivers.command import CommandDriver
from conformance.scenario import given
from simulators.city.categories import categories
from simulators.city.places import DISTRICTS
from simulators.city.seats import CITY_APPEARANCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
#: A row of the table of limits: kind, category, sub category, amount and unit.
_LIMIT = re.compile(r"^\| `(event|component)` \| `(\d\d)` \| `(\d\d)` [^|]+\| (\d+) `(\w+)` \|$", re.MULTILINE)
_DISTRICT = re.compile(r"^\| `(\d{6})` \| `([A-Z]{2}-\d{6})` \|$", re.MULTILINE)


def test_every_request_of_the_command_driver_is_in_the_table() -> None:
    source = inspect.getsource(CommandDriver)
    sent = set(re.findall(r'_call\("(\w+)"', source)) | set(re.findall(r'"do": "(\w+)"', source))
    assert {f"| `{do}` |" for do in sent} <= set(re.findall(r"^\| `\w+` \|", PAGE, re.MULTILINE))
    assert sent == {"describe", "act", "ask", "quiet", "steer", "reset", "restart", "close"}


def test_the_limits_are_those_of_the_city_of_the_checks() -> None:
    told = {(CaseKind(kind), main, sub): (int(amount), unit) for kind, main, sub, amount, unit in _LIMIT.findall(PAGE)}
    assert told == {key: (categories()[key].limit_amount, categories()[key].limit_unit) for key in told}
    assert set(told) == set(_used())


def _used() -> list[tuple[CaseKind, str, str]]:
    """The urban categories that checks of a platform name."""
    found = set()
    for check in checks(ROOT / "scenarios"):
        for step in check.scenario.steps:
            act = step.inner or step
            params = given.report(act.params) if act.word.name == "given" else act.params
            for said in (params, params.get("fields", {}), params.get("changes", {})):
                if isinstance(said, dict) and "subcategory" in said:
                    key = (CaseKind(said.get("kind", "event")), said["category"], said["subcategory"])
                    if key in categories() and categories()[key].urban:
                        found.add(key)
    return sorted(found)


def test_the_districts_and_departments_are_those_of_the_city_of_the_checks() -> None:
    told = dict(_DISTRICT.findall(PAGE))
    assert told == {code: f"{CITY_APPEARANCE}-{code}" for code in told}
    assert set(told) <= {code for code, _ in DISTRICTS}


def test_the_example_system_is_set_up_with_them() -> None:
    city = json.loads((ROOT / "examples" / "node" / "sut" / "city.json").read_text(encoding="utf-8"))
    assert city["departments"] == dict(_DISTRICT.findall(PAGE))
    told = {(kind, main, sub): [int(amount), unit] for kind, main, sub, amount, unit in _LIMIT.findall(PAGE)}
    assert {key: city["limits"][key[0]][key[1]][key[2]] for key in told} == told
