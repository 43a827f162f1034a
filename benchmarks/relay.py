"""How many forms a second does the live bridge relay durably, and what does one cost it?

The bridge runs as a process of its own on SQLite with full synchronisation. Beside it an urban platform that confirms every form in
the response, and a grid platform with several callers that hands cases over and waits for their receipts. Every form is committed before it is
acknowledged, relayed, its receipt committed and handed on.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.messages import hand_over
from benchmarks.parts import receipt_for
from bridge.settings import override
from bridge.transports.client import PlatformClient
from bridge.transports.clock import SystemClock
from bridge.transports.server import HttpServer
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.messages import FormMessage, Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import build_response, parse_request
from duijie.processes import Child, free_port
from duijie.profiles_io import read_profile
from duijie.serve import BridgeService

FORMS = 600
CALLERS = 8
PATIENCE_SECONDS = 120


class Urban:
    """An urban platform that confirms whatever it gets, as a service in a process of its own."""

    def __init__(self, profile: Profile, port: int):
        self._profile = profile
        self._port = port

    def start(self) -> None:
        """Listen."""
        self._server = _server(self._port, self._serve)
        self._server.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()

    def _serve(self, body: bytes) -> bytes:
        message = parse_request(body, "text/xml; charset=utf-8", Side.URBAN, self._profile.limits).message
        receipt = receipt_for(message) if isinstance(message, FormMessage) else None
        return build_response(Operation.DELIVER_FORM, Side.URBAN, Answered(receipt=receipt))


class Counter:
    """A grid platform that counts the receipts it is brought."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def serve(self, _: bytes) -> bytes:
        """Take a receipt."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()
        return build_response(Operation.DELIVER_RECEIPT, Side.GRID, Answered())

    def wait_for(self, count: int) -> None:
        """Return when so many have come."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.count >= count, PATIENCE_SECONDS):
                raise TimeoutError(f"{self.count} of {count} receipts after {PATIENCE_SECONDS} s")


def _server(port: int, serve: Callable[[bytes], bytes]) -> HttpServer:
    def app(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        answer = serve(environ["wsgi.input"].read())  # type: ignore[attr-defined]  # WSGI's own contract
        start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(answer)))])
        return [answer]

    return HttpServer(app, "127.0.0.1", port, threads=CALLERS, body_bytes=2**25, refusal=lambda *_: ("text/plain", b""))


def _cpu_seconds(pid: int) -> float | None:
    """Processor time of a process so far, where the system tells."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print forms a second and the bridge's processor time for one."""
    ports = {name: free_port() for name in ("bridge", "grid", "urban")}
    with tempfile.TemporaryDirectory() as folder:
        profile = override(
            read_profile(None),
            {
                "bridge.endpoint": f"http://127.0.0.1:{ports['bridge']}",
                "bridge.store": f"sqlite:///{Path(folder) / 'bridge.db'}",
                "grid.endpoint": f"http://127.0.0.1:{ports['grid']}/soap",
                "urban.endpoint": f"http://127.0.0.1:{ports['urban']}/soap",
            },
        )
        counter = Counter()
        grid = _server(ports["grid"], counter.serve)
        grid.start()
        children = [
            Child("bridge", partial(BridgeService, profile, control_port=None, started_at=None)),
            Child("urban", partial(Urban, profile, ports["urban"])),
        ]
        try:
            for child in children:
                child.start()
            for child in children:
                child.wait_ready()
            _measure(profile, counter, children[0].pid)
        finally:
            for child in children:
                child.stop()
            grid.stop()


def _measure(profile: Profile, counter: Counter, bridge: int) -> None:
    to_bridge = replace(profile, urban=replace(profile.urban, endpoint=f"{profile.bridge.endpoint}/urban"))
    client = PlatformClient(to_bridge, SystemClock(), connections=CALLERS)
    messages = [hand_over(number, profile) for number in range(FORMS)]
    cpu = _cpu_seconds(bridge)
    started = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        endings = list(callers.map(lambda message: client.deliver(Side.URBAN, message).ending, messages))
    accepted = time.perf_counter() - started
    counter.wait_for(FORMS)
    relayed = time.perf_counter() - started
    client.close()
    odd = [ending for ending in endings if not isinstance(ending, Answered)]
    if odd:
        raise RuntimeError(f"{len(odd)} forms were not taken: {odd[0]}")
    print(f"relay: {FORMS / accepted:.0f} forms a second accepted, {FORMS / relayed:.0f} relayed end to end")
    after = _cpu_seconds(bridge)
    if cpu is not None and after is not None:
        print(
            f"relay: {(after - cpu) / FORMS * 1e3:.2f} ms of the bridge's processor time for one form and its receipt"
        )
