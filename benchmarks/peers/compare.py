"""Starts each server on one core, loads it from another, and prints a table."""

import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.messages import hand_over
from benchmarks.peers.load import http_request, send
from bridge.settings import override
from bridge.transports.clock import SystemClock
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import Token, build_request, soap_action
from conformance.scenario.steps import Quirkiness
from duijie.contract_export import export
from duijie.processes import Child, Service, free_port
from duijie.profiles_io import read_profile
from duijie.serve import BridgeService, simulator_process

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Where npm packages are kept between runs.
PACKAGES = ROOT / "build" / "peers"
NPM = ("soap@1.1.12", "wiremock@3.13.2")

ROUNDS = 3
WARM_UP = 300
REQUESTS = 2000
START_SECONDS = 30.0
#: The row that all others are compared with.
PLAIN = "plain spyne stub"


@dataclass(frozen=True, slots=True)
class Peer:
    """One server under comparison."""

    name: str
    #: Starts it at a port; gives what stops it, and its process id.
    start: Callable[[int, Path], "Running"]
    path: str = "/soap"
    #: A program without which it cannot be started.
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that was started."""

    pid: int
    stop: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one server."""

    per_second: float
    #: The server's processor time for one request.
    milliseconds: float


# ── who takes part ──


def _program(*command: str | Path, environment: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Running:
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_on_the_first_core,
    )

    def stop() -> None:
        process.terminate()
        process.wait(10)

    return Running(process.pid, stop)


def _spyne(server: str, port: int, _: Path) -> Running:
    stub = "benchmarks.peers.spyne_stub"
    if server == "waitress":
        return _program(sys.executable, "-m", stub, str(port))
    own = ("--interface", "wsgi", "--workers", "1", "--host", "127.0.0.1", "--port", str(port), "--no-ws")
    return _program(sys.executable, "-m", "granian", *own, f"{stub}:application")


def _node(port: int, folder: Path) -> Running:
    shutil.copy(HERE / "node_soap.mjs", PACKAGES / "node_soap.mjs")
    return _program("node", "node_soap.mjs", str(port), folder / "urban.wsdl", cwd=PACKAGES)


def _php(port: int, folder: Path) -> Running:
    wsdl = {"WSDL": str(folder / "urban.wsdl")}
    return _program("php", "-S", f"127.0.0.1:{port}", HERE / "php_soap.php", environment=wsdl)


def _wiremock(template: bool, port: int, folder: Path) -> Running:
    answers = folder / ("templated" if template else "static")
    (answers / "mappings").mkdir(parents=True, exist_ok=True)
    text = (ROOT / "contracts" / "samples" / "urban-DeliverFormResponse-confirmed.xml").read_text(encoding="utf-8")
    if template:
        for element, was in (("caseNumber", "340202-20260302-000001"), ("messageId", _SAMPLE_ID)):
            path = f"//*[local-name()='messageHeader']/*[local-name()='{element}']/text()"
            text = text.replace(was, f'{{{{xPath request.body "{path}"}}}}')
    mapping = {
        "request": {"method": "POST", "urlPath": "/soap"},
        "response": {"status": 200, "body": text, "headers": {"Content-Type": "text/xml; charset=utf-8"}},
    }
    if template:
        mapping["response"]["transformers"] = ["response-template"]
    (answers / "mappings" / "deliver.json").write_text(json.dumps(mapping, ensure_ascii=False), encoding="utf-8")
    (jar,) = (PACKAGES / "node_modules" / "wiremock" / "build").glob("wiremock-standalone-*.jar")
    own = ("--port", str(port), "--root-dir", answers, "--no-request-journal", "--disable-request-logging")
    return _program("java", "-jar", jar, *own, "--async-response-enabled", "true")


_SAMPLE_ID = "urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000001"


class _OnTheFirstCore:
    """A service that keeps to the first core, with all its threads."""

    def __init__(self, service: Service):
        self._service = service

    def start(self) -> None:
        """See `Service`."""
        _on_the_first_core()
        # It tells of every request that waits for a thread.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._service.start()

    def stop(self) -> None:
        """See `Service`."""
        self._service.stop()


class _Accepting(BridgeService):
    """The bridge while nothing is sent on: what it takes in waits in its store."""

    def start(self) -> None:
        """See `Service`."""
        from bridge.runtime import BridgeProcess

        BridgeProcess._hand_out = lambda self: False  # type: ignore[method-assign]
        super().start()


def _on_the_first_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})


def _bridge(profile: Profile, port: int, folder: Path) -> Running:
    own = override(
        profile,
        {
            "bridge.endpoint": f"http://127.0.0.1:{port}",
            "bridge.store": f"sqlite:///{folder / f'bridge-{port}.db'}",
        },
    )
    return _child("bridge", partial(_make_bridge, own))


def _make_bridge(profile: Profile) -> Service:
    return _OnTheFirstCore(_Accepting(profile, control_port=None, started_at=None))


def _simulator(profile: Profile, port: int, _: Path) -> Running:
    return _child(
        "urban", partial(_make_simulator, override(profile, {"urban.endpoint": f"http://127.0.0.1:{port}/soap"}))
    )


def _make_simulator(profile: Profile) -> Service:
    process = simulator_process(
        Side.URBAN,
        profile,
        seed=1,
        quirks=Quirkiness(),
        control_port=None,
        store=None,
        link=profile.grid.endpoint,
        started_at=None,
        control_token="",
    )
    return _OnTheFirstCore(process)


def _child(name: str, make: Callable[[], Service]) -> Running:
    child = Child(name, make)
    child.start()
    child.wait_ready()
    return Running(child.pid, child.stop)


def peers(profile: Profile) -> tuple[Peer, ...]:
    """Everybody, in the order of the table."""
    return (
        Peer(f"{PLAIN}, waitress", partial(_spyne, "waitress")),
        Peer(f"{PLAIN}, granian", partial(_spyne, "granian"), needs="granian"),
        Peer("urban simulator, stateful (spyne)", partial(_simulator, profile)),
        Peer("bridge accepts: validated, durable, idempotent", partial(_bridge, profile), path="/urban"),
        Peer("node soap", _node, needs="node"),
        Peer("PHP SoapServer", _php, needs="php"),
        Peer("WireMock, static answer", partial(_wiremock, False), needs="java"),
        Peer("WireMock, templated answer", partial(_wiremock, True), needs="java"),
    )


# ── measuring ──


def main() -> None:
    """Print the table."""
    profile = read_profile(None)
    if shutil.which("npm") is not None:
        PACKAGES.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--no-fund", "--no-audit", *NPM], cwd=PACKAGES, check=True, stdout=subprocess.DEVNULL
        )
    rounds: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="duijie-peers-") as folder, _on_the_second_core():
        export(Path(folder))
        here = []
        for peer in peers(profile):
            if peer.needs and not _has(peer.needs):
                print(f"peers: {peer.name}: left out, {peer.needs} is not on this machine")
            else:
                here.append(peer)
        for number in range(ROUNDS):
            for peer in here:
                rounds.setdefault(peer.name, []).append(_measured(peer, profile, Path(folder), number))
    _print(rounds)


def _has(program: str) -> bool:
    return bool(shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])))


@contextmanager
def _on_the_second_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measured(peer: Peer, profile: Profile, folder: Path, number: int) -> Measured:
    port = free_port()
    running = peer.start(port, folder)
    try:
        _wait_for(port)
        address = ("127.0.0.1", port)
        first = number * (WARM_UP + REQUESTS)
        requests = _requests(profile, port, peer.path, range(first, first + WARM_UP + REQUESTS))
        send(address, requests[:WARM_UP])
        before = _cpu_seconds(running.pid)
        load = send(address, requests[WARM_UP:])
        spent = _cpu_seconds(running.pid) - before
    finally:
        running.stop()
    if load.odd:
        raise RuntimeError(f"{peer.name}: {len(load.odd)} forms were not taken: {load.odd[0][:600]!r}")
    return Measured(REQUESTS / load.seconds, spent / REQUESTS * 1000)


def _requests(profile: Profile, port: int, path: str, numbers: range) -> Sequence[bytes]:
    grid = profile.grid
    action = soap_action(Side.URBAN, Operation.DELIVER_FORM)
    found = []
    for number in numbers:
        token = Token.with_digest(
            grid.username, grid.password, nonce=secrets.token_bytes(16), created_at=SystemClock().now()
        )
        envelope = build_request(hand_over(number, profile), Side.URBAN, token)
        found.append(http_request("127.0.0.1", port, path, action, envelope))
    return found


def _wait_for(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children so far, where the system tells."""
    spent = 0.0
    for each in (pid, *_children(pid)):
        try:
            user, system = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            continue
        spent += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return spent


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from _children(child)


def _print(rounds: Mapping[str, Sequence[Measured]]) -> None:
    fastest = max(median(m.per_second for m in found) for name, found in rounds.items() if name.startswith(PLAIN))
    cheapest = min(median(m.milliseconds for m in found) for name, found in rounds.items() if name.startswith(PLAIN))
    print(
        f"{'peers: ' + str(REQUESTS) + ' hand-overs, median of ' + str(ROUNDS):<60}{'requests/s':>12}{'× plain':>9}{'CPU ms':>9}{'× plain':>9}"
    )
    for name, found in rounds.items():
        speed, cost = median(m.per_second for m in found), median(m.milliseconds for m in found)
        print(f"peers: {name:<53}{speed:>12.0f}{speed / fastest:>9.2f}{cost:>9.2f}{cost / cheapest:>9.2f}")
