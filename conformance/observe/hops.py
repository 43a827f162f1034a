"""Finds out over which hop each message went: who called whom.

A message says from which platform to which it travels end to end. Whether the call itself was the platform's or a bridge's shows in
the address that it went to. Addresses that nobody named are worked out from the traffic, and what was worked out is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.observe.exchange import Exchange

#: Names of this machine that mean the same.
_HERE = {"localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared, not listened at


@dataclass(frozen=True, slots=True)
class Address:
    """A service as a URL names it: host, port, path."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """The address of a URL; raises ValueError when it is none."""
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = (parts.hostname or "").lower()
        if not host:
            raise ValueError(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls("127.0.0.1" if host in _HERE else host, port, parts.path.rstrip("/"))

    def holds(self, other: "Address") -> bool:
        """Tell whether the other lies at or below this one."""
        below = other.path == self.path or other.path.startswith(f"{self.path}/")
        return (self.host, self.port) == (other.host, other.port) and below

    def __str__(self) -> str:
        return f"{self.host}:{self.port}{self.path}"


class AddressBook:
    """Who listens where."""

    def __init__(self, known: Mapping[Party, Sequence[str]]):
        self._known = [(Address.of(url), party) for party, urls in known.items() for url in urls]
        # The longest path first: a bridge may have its door below a platform's.
        self._known.sort(key=lambda item: len(item[0].path), reverse=True)

    def party(self, url: str) -> Party | None:
        """Who listens at this URL, where that is known."""
        try:
            address = Address.of(url)
        except ValueError:
            return None
        return next((party for known, party in self._known if known.holds(address)), None)


@dataclass(frozen=True, slots=True)
class Inference:
    """An address and the party that the traffic shows to listen there."""

    address: str
    party: Party


@dataclass(slots=True)
class Hops:
    """The hop of each exchange, and the addresses that had to be worked out."""

    #: Beside each exchange, in order, the two ends of its call; None when nobody can tell.
    ends: list[tuple[Party, Party] | None] = field(default_factory=list)
    inferred: list[Inference] = field(default_factory=list)


def find_hops(exchanges: Sequence[Exchange], book: AddressBook, profile: Profile) -> Hops:
    """Find both ends of every call."""
    served = [_served(exchange, profile) for exchange in exchanges]
    known = [book.party(exchange.url) for exchange in exchanges]
    guessed = _guessed(exchanges, served, known)
    receivers = [
        party or guessed.get(_key(exchange, side))
        for exchange, side, party in zip(exchanges, served, known, strict=True)
    ]
    bridged = Party.BRIDGE in receivers
    hops = Hops(inferred=[Inference(address, party) for (address, _), party in sorted(guessed.items())])
    for side, to in zip(served, receivers, strict=True):
        hops.ends.append(_ends(side, to, bridged=bridged))
    return hops


def _ends(side: Side | None, to: Party | None, *, bridged: bool) -> tuple[Party, Party] | None:
    if to is Party.BRIDGE:
        return None if side is None else (side.other.party, Party.BRIDGE)
    if to is None:
        return None
    return (Party.BRIDGE if bridged else Side(to.value).other.party), to


def _served(exchange: Exchange, profile: Profile) -> Side | None:
    """The platform whose contract the message is of, or that its header names."""
    if exchange.heard.serves is not None:
        return exchange.heard.serves
    for side in Side:
        if exchange.heard.values.get("header_recipient") == profile.platform(side).code:
            return side
        if exchange.heard.values.get("header_sender") == profile.platform(side).code:
            return side.other
    return None


def _key(exchange: Exchange, side: Side | None) -> tuple[str, Side | None]:
    try:
        return str(Address.of(exchange.url)), side
    except ValueError:
        return exchange.url, side


def _guessed(
    exchanges: Sequence[Exchange], served: Sequence[Side | None], known: Sequence[Party | None]
) -> dict[tuple[str, Side | None], Party]:
    """A party for every address that nobody named: where the same message came by first stands the bridge, then the platform."""
    unnamed = {
        _key(exchange, side)
        for exchange, side, party in zip(exchanges, served, known, strict=True)
        if party is None and side is not None
    }
    passages: dict[tuple[object, Side | None], list[tuple[Exchange, str]]] = {}
    for exchange, side in zip(exchanges, served, strict=True):
        passages.setdefault((exchange.heard.values.get("message_id"), side), []).append(
            (exchange, _key(exchange, side)[0])
        )
    votes: dict[tuple[str, Side | None], int] = {}
    for (_, side), seen in passages.items():
        order = list(dict.fromkeys(address for _, address in sorted(seen, key=lambda item: item[0].began_at)))
        for place, address in enumerate(order):
            if len(order) > 1:
                vote = 1 if place == 0 else -1
                votes[address, side] = votes.get((address, side), 0) + vote
    return {key: Party.BRIDGE if votes.get(key, 0) > 0 else key[1].party for key in unnamed if key[1] is not None}
