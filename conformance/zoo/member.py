"""What a member of the zoo is, and how it announces itself."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from bridge.vocabulary.parties import Party
from conformance.clauses import clauses

_ID = re.compile(r"(grid|bridge|urban)(-[a-z0-9]+)+")
_Made = TypeVar("_Made", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One wrong platform or bridge."""

    #: Permanent, never given again; begins with the party: `bridge-forgets-receipts`.
    id: str
    #: Whose place it takes.
    party: Party
    #: The clause that it breaks.
    clause: str
    #: The defect, in Chinese and in English.
    zh: str
    en: str
    #: Makes the party as `duijie.cast.Cast` wants it: a platform's machine, or the bridge's shell.
    make: Callable[..., Any]

    def sentence(self, language: str) -> str:
        """The defect, in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en


_MEMBERS: dict[str, Member] = {}


def member(member_id: str, *, clause: str, zh: str, en: str) -> Callable[[_Made], _Made]:
    """Announce the class below as a member; its id says whose place it takes."""
    if _ID.fullmatch(member_id) is None:
        raise ValueError(f"{member_id} is no id of a member")
    if clause not in clauses():
        raise ValueError(f"{member_id} breaks {clause}, which is no clause")

    def announce(made: _Made) -> _Made:
        if member_id in _MEMBERS:
            raise ValueError(f"two members are called {member_id}")
        party = Party(member_id.partition("-")[0])
        _MEMBERS[member_id] = Member(id=member_id, party=party, clause=clause, zh=zh, en=en, make=made)
        return made

    return announce


@cache
def members() -> tuple[Member, ...]:
    """Every member of `conformance.zoo.exhibits`, by clause and id; a new file there is enough to be seen."""
    package = importlib.import_module("conformance.zoo.exhibits")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    order = {clause: place for place, clause in enumerate(clauses())}
    return tuple(sorted(_MEMBERS.values(), key=lambda each: (order[each.clause], each.id)))
