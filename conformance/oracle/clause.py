"""What a rule is: one clause, what it expects, and a function that reads a trace and tells what it found.

A rule yields `Seen` each time its clause came into play and was kept, and `Violation` each time it was broken. A rule
that yields nothing says that the trace does not show the clause at all.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from bridge.vocabulary.profile import Profile
from conformance.oracle.trace import Trace


@dataclass(frozen=True, slots=True)
class Seen:
    """The clause came into play at these records, and was kept."""

    records: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """The clause was broken: what was seen, at which records, and by whom (a party, the network, or nobody in particular)."""

    zh: str
    en: str
    records: tuple[int, ...] = ()
    blame: str | None = None


class Needs(StrEnum):
    """How much must be on record before a rule can be trusted with it; a recording from the wire may hold less than a run."""

    #: A message and the answer to it, whatever else is missing.
    MESSAGE = "message"
    #: Both directions of a hop: forms, and the receipts that come back.
    HOP = "hop"
    #: The case from its hand-over on.
    LIFE = "life"
    #: What parties say of themselves, which no wire shows.
    PARTIES = "parties"


Finding = Seen | Violation
Reader = Callable[[Trace, Profile], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """The oracle's own formulation of one clause."""

    clause: str
    expected_zh: str
    expected_en: str
    read: Reader
    needs: Needs = Needs.LIFE
    #: True when it compares one case with another.
    across_cases: bool = False


_RULES: dict[str, Rule] = {}


def clause(
    clause_id: str, *, zh: str, en: str, needs: Needs = Needs.LIFE, across_cases: bool = False
) -> Callable[[Reader], Reader]:
    """Announce the function below as the reader of this clause."""

    def announce(read: Reader) -> Reader:
        if clause_id in _RULES:
            raise ValueError(f"two rules claim {clause_id}")
        _RULES[clause_id] = Rule(clause_id, zh, en, read, needs, across_cases)
        return read

    return announce


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of `conformance.oracle.rules`, by clause id; a new file there is enough to be heard."""
    package = importlib.import_module("conformance.oracle.rules")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return tuple(_RULES[key] for key in sorted(_RULES))
