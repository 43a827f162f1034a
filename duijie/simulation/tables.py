"""The three tables of a simulation, read once from their files and checked, so that a slip in one is told where it is made."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from bridge.vocabulary.codes import CaseKind
from conformance.scenario.faults import faults
from simulators.city.categories import category
from simulators.city.places import DISTRICTS

#: Shares of the choices in one situation add up to this.
THOUSAND = 1000
HUNDRED = 100


class TableWrong(Exception):
    """A table of the simulation says something that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing that may be done in a situation."""

    share: int
    #: The act, or nothing.
    act: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """What people usually do in a situation, and after how long."""

    #: Whether only working time counts.
    office: bool
    #: Minutes: the least, half of them by, nine in ten by, the most.
    after: tuple[int, ...]
    choices: tuple[Choice, ...]
    shares: tuple[int, ...]
    #: How many times at the most this is what people do; None for always.
    first: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CityTable:
    """Where, when and what is reported."""

    cases_in_a_world: int
    asked_of_a_thousand: int
    from_log_of_a_hundred: int
    districts: Mapping[str, int]
    #: Weights of the hours of a day, 0 to 23.
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    months: tuple[int, ...]
    categories: Mapping[tuple[CaseKind, str, str], int]
    #: Of a thousand cases, how many have each trait.
    traits: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad the network and the machines are."""

    name: str
    #: In thirty days, for each party.
    restarts: int
    crashes: int
    outages: int
    outage_minutes: int
    up_to_seconds: int
    #: Of a hundred messages on each hop, how many meet the fault.
    shares: Mapping[str, float]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("duijie.simulation").joinpath(name).read_text(encoding="utf-8"))


@cache
def city_table() -> CityTable:
    """The rhythm of the city."""
    data = _read("city.toml")
    kinds = {}
    for row, weight in data["categories"].items():
        kind, main, sub = row.split("/")
        if category(CaseKind(kind), main, sub) is None:
            raise TableWrong(f"city.toml: {row} is not in the catalogue of categories")
        kinds[CaseKind(kind), main, sub] = int(weight)
    strange = set(data["districts"]) - {code for code, _ in DISTRICTS}
    if strange:
        raise TableWrong(f"city.toml: no district has the code {min(strange)}")
    return CityTable(
        cases_in_a_world=data["cases_in_a_world"],
        asked_of_a_thousand=data["asked_of_a_thousand"],
        from_log_of_a_hundred=data["from_log_of_a_hundred"],
        districts=data["districts"],
        hours=tuple(int(data["hours"].get(f"{hour:02}", 0)) for hour in range(24)),
        weekdays=tuple(data["weekdays"]["weights"]),
        months=tuple(data["months"]["weights"]),
        categories=kinds,
        traits=data["traits"],
    )


@cache
def customs() -> Mapping[tuple[str, str], Custom]:
    """What people do, by situation and trait; the trait is empty where none matters."""
    found: dict[tuple[str, str], Custom] = {}
    for situation, section in _read("people.toml").items():
        for trait, part in section.items():
            if isinstance(part, Mapping):
                found[situation, trait] = _custom(f"{situation}.{trait}", part)
        found[situation, ""] = _custom(situation, section)
    return found


def _custom(name: str, section: Mapping[str, Any]) -> Custom:
    choices = tuple(
        Choice(share=each["share"], act=each["act"], params=each.get("with", {})) for each in section["choices"]
    )
    after = tuple(section["after"])
    if sum(each.share for each in choices) != THOUSAND:
        raise TableWrong(f"people.toml: the shares of {name} do not add up to {THOUSAND}")
    if list(after) != sorted(after) or len(after) != len(("least", "half", "nine in ten", "most")):
        raise TableWrong(f"people.toml: `after` of {name} is not four numbers that grow")
    if section["hours"] not in ("office", "any"):
        raise TableWrong(f"people.toml: `hours` of {name} is neither office nor any")
    return Custom(
        office=section["hours"] == "office",
        after=after,
        choices=choices,
        shares=tuple(each.share for each in choices),
        first=section.get("first"),
    )


@cache
def weathers() -> Mapping[str, Weather]:
    """The fault profiles by name, the mildest first."""
    known = faults()
    found = {}
    for name, section in _read("faults.toml").items():
        strange = set(section["shares"]) - set(known)
        if strange:
            raise TableWrong(f"faults.toml: {name} names {min(strange)}, which is no fault")
        found[name] = Weather(name=name, **section)
    return found
