"""The desks of both platforms: which roles there are, and what each has to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bridge.vocabulary.parties import Party, Side
from conformance.scenario.stage import StageRefused
from duijie.console.shown import Playing
from simulators.openapi import Act, acts


@dataclass(frozen=True, slots=True)
class Desk:
    """One role of one platform."""

    party: Party
    role: str
    acts: tuple[Act, ...]

    @property
    def beginnings(self) -> tuple[Act, ...]:
        """The acts that need no case: they bring one into being, or ask for some."""
        return tuple(act for act in self.acts if "case" not in act.required and "cell" not in act.required)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case on a desk's work list, and the acts that its platform offers there now."""

    desk: Desk
    case: Mapping[str, Any]
    acts: tuple[Act, ...]


@cache
def desks() -> tuple[Desk, ...]:
    """Every desk, in the order in which a case comes by."""
    found = []
    for side in Side:
        by_role: dict[str, list[Act]] = {}
        for act in acts(side):
            by_role.setdefault(act.name.partition(".")[0], []).append(act)
        found += [Desk(side.party, role, tuple(own)) for role, own in by_role.items()]
    return tuple(found)


def desk(party: str, role: str) -> Desk | None:
    """The desk of this role; None where there is none."""
    return next((each for each in desks() if (each.party.value, each.role) == (party, role)), None)


def act_named(name: str) -> tuple[Desk, Act] | None:
    """The act with this name, and whose it is."""
    return next(((each, act) for each in desks() for act in each.acts if act.name == name), None)


def work(at: Desk, parties: Mapping[Party, Playing], account: str | None = None, **more: Any) -> list[Waiting]:
    """What waits at a desk, by the platform's own work list; nothing for a role that keeps none.

    `more` narrows it as the platform can: `level`, `case`, `first` and `skip`.
    """
    wanted = {"account": account, **more}
    params = {"role": at.role} | {name: value for name, value in wanted.items() if value is not None}
    try:
        listed = parties[at.party].ask("worklist", params)
    except StageRefused:
        return []
    own = {act.name: act for act in at.acts}
    return [Waiting(at, item, tuple(own[name] for name in item.get("acts", ()) if name in own)) for item in listed]


def seats(at: Desk, parties: Mapping[Party, Playing], account: str) -> bool:
    """Whether the platform has a work list of this desk for an account."""
    try:
        parties[at.party].ask("worklist", {"role": at.role, "account": account, "first": 0})
    except StageRefused:
        return False
    return True


def waiting_for(case_number: str, parties: Mapping[Party, Playing]) -> Iterator[Waiting]:
    """At which desks a case lies, and what may be done with it there."""
    for each in desks():
        if each.party in parties:
            yield from work(each, parties, case=case_number)


def accounts(at: Desk, parties: Mapping[Party, Playing]) -> list[Mapping[str, Any]]:
    """The people who sit at a desk."""
    try:
        return [each for each in parties[at.party].ask("accounts", {}) if each.get("role") == at.role]
    except StageRefused:
        return []
