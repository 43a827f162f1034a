"""What the readers of both sides make of a request, without anything behind them, and what must hold whatever comes in.

The bridge's reader and the simulators' know nothing of each other. Where both take a message, they must have read the same.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from awkward import PROFILE
from wsgi_requests import XML, Reply, Request, ask

from bridge import wire
from bridge.core.engine import Engine
from bridge.core.shell import Shell
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import SystemClock
from bridge.transports.door import Door
from bridge.transports.endpoint import Endpoint
from bridge.vocabulary.calls import Answered, Faulted, Message, Unanswered
from bridge.vocabulary.messages import CasePage, Operation, QueryMessage
from bridge.vocabulary.parties import Side
from simulators.grid.service import soap_front as grid_front
from simulators.urban.service import soap_front as urban_front

#: The bounds of the profile are met by the suites of their own; here small ones keep every input quick.
LIMITS = replace(PROFILE.limits, message_bytes=1 << 20)
#: Whoever guesses is locked out, which has tests of its own; here every input is to be read.
PATIENT = replace(PROFILE.security, lock_after_failures=1_000_000_000)
SMALL = replace(PROFILE, limits=LIMITS, security=PATIENT)


class Reading:
    """Stands behind a reader and keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.refused: list[tuple[Any, Any]] = []

    def _take(self, message: Message) -> Answered | Faulted:
        self.taken.append(message)
        if isinstance(message, QueryMessage):
            return Answered(page=CasePage(cases=(), next_cursor="0", more=False))
        return Answered()

    # as the bridge's desk

    def form_received(self, _caller: Side, message: Any, _raw: bytes, *_more: Any) -> Answered | Faulted:
        return self._take(message)

    receipt_received = query_received = form_received

    def form_refused(self, _caller: Side, header: Any, faults: Any, _raw: bytes, *_more: Any) -> Answered | Faulted:
        self.refused.append((header, faults))
        return Answered()

    def answered(self, *_: Any) -> None:
        pass

    def is_ready(self) -> bool:
        return True

    # as the simulators' reception

    def received(self, message: Message, *_more: Any) -> Answered | Faulted:
        return self._take(message)

    def unreadable(self, header: Any, fault: Any, *_more: Any) -> Answered | Faulted:
        self.refused.append((header, fault))
        return Answered()


@cache
def _bridge() -> tuple[Reading, Endpoint]:
    reading = Reading()
    shell = Shell(Engine(SMALL), MemoryStore(), SMALL)
    door = Door(SMALL, SystemClock(), shell, lambda *_: None)
    return reading, Endpoint(SMALL, reading, "http://bridge.example", door)


@cache
def _simulator(side: Side) -> tuple[Reading, Any]:
    reading = Reading()
    make = {Side.GRID: grid_front, Side.URBAN: urban_front}[side]
    return reading, make(SMALL, reading, address="http://simulator.example/soap")


def by_bridge(side: Side, request: Request) -> tuple[Reading, Reply]:
    """What the bridge reads on its face of `side`."""
    reading, endpoint = _bridge()
    reading.__init__()  # type: ignore[misc]
    return reading, ask(endpoint, f"/{side.value}", request)


def by_simulator(side: Side, request: Request) -> tuple[Reading, Reply]:
    """What the simulator of the platform on `side` reads."""
    reading, front = _simulator(side)
    reading.__init__()  # type: ignore[misc]
    return reading, ask(front, "/soap", request)


def assert_soap(reply: Reply) -> str | None:
    """Whatever came in, SOAP went out; the code of the fault, if it is one. An error of ours is none that may happen."""
    assert reply.content_type.startswith("text/xml"), reply
    code = reply.fault_code
    assert code not in ("INTERNAL", "BUSY"), reply.body
    assert reply.status == 200 if code is None else reply.status == 500 or 400 <= reply.status < 500, reply.status
    return code


def check_bridge(side: Side, request: Request) -> Message | None:
    """The bridge answers with SOAP, and takes nothing, or one message that a second reading gives too."""
    reading, reply = by_bridge(side, request)
    code = assert_soap(reply)
    taken = _one(reading, code)
    if taken is not None:
        again = wire.parse_request(wire.build_request(taken, side, None), XML, side, LIMITS)
        assert again.message == taken, (again.message, taken)
    return taken


def check_simulator(side: Side, request: Request) -> Message | None:
    """The simulator answers with SOAP, and takes nothing or one message."""
    reading, reply = by_simulator(side, request)
    return _one(reading, assert_soap(reply))


def _one(reading: Reading, code: str | None) -> Message | None:
    assert len(reading.taken) + len(reading.refused) == (code is None), (reading.taken, reading.refused, code)
    return reading.taken[0] if reading.taken else None


def check_answer(side: Side, request: Request) -> None:
    """The same bytes as an answer end a call somehow, and never in an exception."""
    for operation in Operation:
        ending = wire.parse_response(request.body, request.content_type, 200, side, operation)
        assert isinstance(ending, Answered | Faulted | Unanswered)
