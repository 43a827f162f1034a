"""Where does the bridge's time go for one form: parse and validate, core, store, send?

Each part is measured alone on the same hand-over, one after the other in one process, and shown with its share of their sum.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.messages import AT, hand_over
from bridge.core.engine import Engine
from bridge.core.ports import Store
from bridge.core.shell import Shell
from bridge.settings import override
from bridge.stores.memory import MemoryStore
from bridge.stores.sql import SqlStore
from bridge.transports.client import PlatformClient
from bridge.transports.clock import SteeredClock
from bridge.transports.server import HttpServer
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.codes import ReceiptOutcome
from bridge.vocabulary.messages import FormMessage, Operation, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import Token, build_request, build_response, fingerprint, parse_request
from duijie.profiles_io import read_profile

FORMS = 300


def _microseconds(act: Callable[[int], object], count: int = FORMS) -> float:
    started = time.perf_counter()
    for number in range(count):
        act(number)
    return (time.perf_counter() - started) / count * 1e6


def _crossing(store: Store, profile: Profile) -> Callable[[int], None]:
    """Take a form in, hand it out, take its receipt: every unit of work that one form costs, without the wire."""
    shell = Shell(Engine(profile), store, profile)

    def cross(number: int) -> None:
        message = hand_over(number, profile)
        shell.receive_form(Side.GRID, message, fingerprint(message.form), at=AT)
        for item in store.outbox():
            shell.send_ended(item, Answered(receipt=receipt_for(message)), at=AT)
        for item in store.outbox():
            shell.send_ended(item, Answered(), at=AT)

    return cross


def receipt_for(message: FormMessage) -> Receipt:
    """The receipt that confirms a form."""
    return Receipt(
        case_number=message.form.case_number,
        form_message_id=message.header.message_id,
        form_type=message.header.form_type,
        outcome=ReceiptOutcome.CONFIRMED,
        decided_at=AT,
    )


def main() -> None:
    """Print microseconds and shares."""
    profile = read_profile(None)
    token = Token.with_text(profile.grid.username, profile.grid.password)
    messages = [hand_over(number, profile) for number in range(FORMS)]
    raw = [build_request(message, Side.URBAN, token) for message in messages]
    found = {
        "parse and validate": _microseconds(
            lambda n: parse_request(raw[n], "text/xml; charset=utf-8", Side.URBAN, profile.limits)
        ),
        "build": _microseconds(lambda n: build_request(messages[n], Side.URBAN, token)),
        "core and memory store": _microseconds(_crossing(MemoryStore(), profile)),
    }
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{Path(folder) / 'bridge.db'}")
        durable = _microseconds(_crossing(store, profile))
        store.close()
    found["durable store, on top of that"] = durable - found["core and memory store"]
    found["send and hear the answer"] = _sending(profile, messages)
    total = sum(found.values())
    for name, microseconds in found.items():
        print(f"parts: {name:30} {microseconds:8.0f} µs {microseconds / total:6.1%}")


def _sending(profile: Profile, messages: list[FormMessage]) -> float:
    """One call over HTTP to a platform that answers at once."""
    answer = build_response(Operation.DELIVER_FORM, Side.URBAN, Answered(receipt=receipt_for(messages[0])))

    def serve(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        environ["wsgi.input"].read()  # type: ignore[attr-defined]  # WSGI's own contract
        start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(answer)))])
        return [answer]

    server = HttpServer(serve, "127.0.0.1", 0, threads=2, body_bytes=2**25, refusal=lambda *_: ("text/plain", b""))
    server.start()
    linked = override(profile, {"urban.endpoint": f"http://127.0.0.1:{server.port}/soap"})
    client = PlatformClient(linked, SteeredClock(AT), connections=1)
    try:
        return _microseconds(lambda n: client.deliver(Side.URBAN, messages[n]))
    finally:
        client.close()
        server.stop()
