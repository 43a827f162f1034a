"""What a fault of the network is.

A fault says two things. Its *fate* is what becomes of the message, and every stage carries it out: the message arrives or
not, once or twice, now or later. Its *ruin* is what the caller's client gets to see in place of a proper answer, as bytes on
the connection; only a live stage has a connection to spoil. To a careful caller every ruin means the same: nobody
knows whether the message arrived (RCPT-5). In virtual time that is all that is left of it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache


class FaultWhat(StrEnum):
    """Which message of a form's exchange is meant."""

    #: The form itself.
    FORM = "form"
    #: Its receipt, as a call of its own or in the response.
    RECEIPT = "receipt"
    #: Whatever answers the call that carried the form.
    ANSWER = "answer"
    #: Whatever answers the call that carried the receipt.
    RECEIPT_ANSWER = "receipt_answer"


#: The answers to calls: what is done to one of these leaves the message itself alone.
ANSWERS = frozenset({FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER})


class Fate(StrEnum):
    """What becomes of a call."""

    PASS = "pass"  # noqa: S105 - a word, no secret
    #: It never arrives, and its sender does not know that.
    LOSE = "lose"
    #: It arrives; what is answered never comes back, or in no state to be read.
    LOSE_ANSWER = "lose_answer"
    #: It arrives twice; the second answer goes nowhere.
    REPEAT = "repeat"
    #: Its sender gives up waiting at once; it arrives `seconds` later and the answer goes nowhere.
    DELAY = "delay"
    #: As delayed, but it arrives as soon as another message has overtaken it, at the latest after `seconds`.
    REORDER = "reorder"
    #: It arrives; the receiver stops before it answers and starts again.
    CRASH = "crash"
    #: Its sender knows that it did not arrive.
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, whole: what the far end gave."""

    status: int
    reason: str
    #: Without those that belong to one connection, and without Content-Length.
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def head(self, *own: tuple[str, str]) -> bytes:
        """The response up to its body, with these headers of the connection's own."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *own, ("Connection", "close"))]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def whole(self) -> bytes:
        """The response as it should be."""
        return self.head(("Content-Length", str(len(self.body)))) + self.body


@dataclass(frozen=True, slots=True)
class Ruin:
    """What a caller's connection brings in place of a proper answer, and how it ends."""

    #: What is sent, piece by piece.
    pieces: tuple[bytes, ...] = ()
    #: Real seconds between two pieces.
    pause_seconds: float = 0.0
    #: Then nothing more is said until the caller hangs up.
    stays: bool = False
    #: The connection ends with a reset, and not in order.
    resets: bool = False


#: The connection is gone from one moment to the next, before the first byte of an answer.
BROKEN_OFF = Ruin(resets=True)


def _broken_off(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    return BROKEN_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Its word in scenarios is `network.` and its name."""

    name: str
    #: The word under its title.
    zh: str
    en: str
    #: What happens, for the page about faults.
    means_zh: str
    means_en: str
    #: How the timeline says that it has happened to a message or an answer.
    told_zh: str
    told_en: str
    #: What it can be done to; the first is meant where nothing is said.
    hits: tuple[FaultWhat, ...]
    #: What becomes of a message that it hits. An answer that it hits is lost, or the call repeated.
    fate: Fate = Fate.LOSE
    #: Parameters beside those that name the message, each with the kind of its value as in `words.yaml`.
    params: Mapping[str, str] = field(default_factory=dict)
    #: What the caller sees, given what the far end answered (None when the message did not get there) and the parameters.
    ruin: Callable[[Reply | None, Mapping[str, int]], Ruin] = _broken_off
    #: How much of the request reaches the receiver before the line breaks; None for nothing at all.
    arriving: Callable[[bytes], bytes] | None = None
    #: True when it can be part of background noise.
    noisy: bool = True
    #: True when the caller waits in vain until its patience ends.
    starves: bool = False

    def fate_of(self, what: FaultWhat) -> Fate:
        """What becomes of the call when this is what it hits."""
        if what in ANSWERS and self.fate is not Fate.REPEAT:
            # An answer cannot come later than its caller waits: a delayed one is a lost one.
            return Fate.LOSE_ANSWER
        return self.fate


_FAULTS: dict[str, Fault] = {}


def announce(fault: Fault) -> Fault:
    """Make a fault known under its name."""
    if fault.name in _FAULTS:
        raise ValueError(f"two faults are called {fault.name}")
    _FAULTS[fault.name] = fault
    return fault


@cache
def faults() -> Mapping[str, Fault]:
    """Every fault of `kinds/` by name; a new file there is enough to be heard."""
    package = importlib.import_module("conformance.scenario.faults.kinds")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return {name: _FAULTS[name] for name in sorted(_FAULTS)}


def fault(name: str) -> Fault:
    """The fault of this name."""
    return faults()[name]
