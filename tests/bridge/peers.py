"""Platforms for tests of the live bridge: one that is called, and one that calls, on real ports."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sample_forms import PROFILE

from bridge.settings import override
from bridge.transports.client import Delivered, PlatformClient
from bridge.transports.clock import SteeredClock
from bridge.transports.server import HttpServer
from bridge.vocabulary.calls import Answered, Faulted, Message
from bridge.vocabulary.messages import CasePage, FormMessage, QueryMessage, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import Request, build_fault, build_response, parse_request

PATIENCE = 30.0

Behaviour = Callable[[Message], Answered | Faulted]


def acknowledge(message: Message) -> Answered:
    if isinstance(message, QueryMessage):
        return Answered(page=CasePage(cases=(), next_cursor="0", more=False))
    return Answered()


class Peer:
    """A platform that is called; `behave` decides what it answers, `seen` is what it was brought."""

    def __init__(self, side: Side, behave: Behaviour = acknowledge, port: int = 0):
        self.side = side
        self.behave = behave
        self.seen: list[Message] = []
        self.requests: list[Request] = []
        self._changed = threading.Condition()
        self._server = HttpServer(
            self._serve, "127.0.0.1", port, threads=8, body_bytes=2**26, refusal=lambda *_: ("text/plain", b"")
        )
        self.port = self._server.port
        self.address = f"http://127.0.0.1:{self.port}/soap"

    def __enter__(self) -> "Peer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Sequence[bytes]:
        request = parse_request(environ["wsgi.input"].read(), environ["CONTENT_TYPE"], self.side, PROFILE.limits)
        with self._changed:
            self.seen.append(request.message)
            self.requests.append(request)
            self._changed.notify_all()
        answer = self.behave(request.message)
        faulted = isinstance(answer, Faulted)
        if isinstance(answer, Faulted):
            body = build_fault(answer.fault, self.side)
        else:
            body = build_response(request.operation, self.side, answer)
        start_response("500 Fault" if faulted else "200 OK", [("Content-Type", "text/xml; charset=utf-8")])
        return [body]

    def wait_for(self, count: int) -> list[Message]:
        """What it was brought, once that is at least `count` messages."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, PATIENCE), f"only {self.seen}"
            return list(self.seen)

    @property
    def forms(self) -> list[FormMessage]:
        return [each for each in self.seen if isinstance(each, FormMessage)]

    @property
    def receipts(self) -> list[ReceiptMessage]:
        return [each for each in self.seen if isinstance(each, ReceiptMessage)]


def linked(grid: str, urban: str, **changes: Any) -> Profile:
    """The test town's profile with these addresses; the bridge takes any free port."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    return override(
        PROFILE,
        {"grid.endpoint": grid, "urban.endpoint": urban, "bridge.endpoint": "http://127.0.0.1:0", **dotted},
    )


class Caller:
    """Both platforms as callers of a bridge."""

    def __init__(self, address: str, clock: SteeredClock, profile: Profile = PROFILE):
        facing = {"urban.endpoint": f"{address}/urban", "grid.endpoint": f"{address}/grid"}
        self._client = PlatformClient(override(profile, facing), clock)

    def call(self, to: Side, message: Message) -> Delivered:
        """The platform other than `to` brings a message, meaning `to` and reaching the bridge."""
        return self._client.deliver(to, message)

    def close(self) -> None:
        self._client.close()


@contextmanager
def in_thread(act: Callable[[], object]) -> Iterator[list[object]]:
    """Run something beside the test; what it gives back is in the list once the block is left."""
    result: list[object] = []
    thread = threading.Thread(target=lambda: result.append(act()))
    thread.start()
    try:
        yield result
    finally:
        thread.join(PATIENCE)
