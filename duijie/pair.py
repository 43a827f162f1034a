"""A running pair: both simulators and the bridge as processes of their own, joined by taps that record.

The virtual stage has its parties in one process; here each is a process with its own memory, files and ports, and everything
between them is SOAP over HTTP on loopback. `Pair` knows how to start, stop, kill and ask them; it is what `duijie up`
runs and what the live stage is built on.
"""

import secrets
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx

from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from conformance.drivers.control import in_query, whom_to_trust
from conformance.drivers.driver import Quiet
from conformance.oracle.trace import Trace
from conformance.scenario.faults import FaultPlan
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.cast import RIGHT, Cast
from duijie.exits import UserMistake
from duijie.probes import NotReached, calling
from duijie.processes import Child, Service, free_port
from duijie.serve import Refusal, answer, given_token
from duijie.taps import Wire

#: Where ports are fixed, a party's control port lies so far above its SOAP port.
CONTROL_OFFSET = 10
#: Seconds that a party may take to answer at its control port.
CONTROL_TIMEOUT_SECONDS = 30


class Acting(Protocol):
    """A party as it is made to act and asked."""

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let somebody act; raises `StageRefused`."""

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask about the party's state; raises `StageRefused`."""

    def quiet(self) -> Quiet:
        """Ask whether it is at rest, and until when."""

    def steer(self, to: datetime) -> None:
        """Set its clock forward."""

    def close(self) -> None:
        """Let go of the connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A party that is not ours: it runs already, at the address that the profile says, and calls the addresses there."""

    party: Party
    acting: Acting
    #: Stops it at once and starts it again.
    restart: Callable[[], None]


class Remote:
    """A party behind its control port."""

    def __init__(self, party: Party, port: int, token: str):
        self.party = party
        self.address = f"http://127.0.0.1:{port}"
        # A proxy that is set for the machine is not meant for these calls.
        self._http = httpx.Client(
            base_url=self.address,
            timeout=CONTROL_TIMEOUT_SECONDS,
            verify=whom_to_trust(self.address),
            trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
        )

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let somebody act; raises `StageRefused`."""
        body = dict(params) if by is None else {**params, "by": by}
        found: dict[str, Any] = self._read(self._http.post(f"/acts/{name}", json=body))
        return found

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask about the party's state; raises `StageRefused`."""
        return self._read(self._http.get(f"/asks/{name}", params=in_query(params)))

    def quiet(self) -> Quiet:
        """Ask whether it is at rest, and until when."""
        return _quiet(self._read(self._http.get("/quiet")))

    def steer(self, to: datetime) -> None:
        """Set its clock forward."""
        self._read(self._http.post("/clock", json={"to": to.isoformat()}))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    @staticmethod
    def _read(response: httpx.Response) -> Any:
        said = response.json()
        if response.status_code >= 400:
            raise StageRefused(said.get("code", "unknown"), said.get("message_zh", ""), said.get("message_en", ""))
        return said


class Near:
    """A party in a child process of ours, which it talks to over the child's own pipe: many times cheaper than a control port."""

    def __init__(self, party: Party, child: Callable[[Party], Child]):
        self.party = party
        #: Asked each time: after a crash it is another one.
        self._child = child

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Remote`."""
        done: dict[str, Any] = self._willing("act", (name, dict(params), by))
        return done

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Remote`."""
        return self._willing("ask", (name, in_query(params)))

    def quiet(self) -> Quiet:
        """See `Remote`."""
        said: Quiet = self._child(self.party).ask("quiet")
        return said

    def steer(self, to: datetime) -> None:
        """See `Remote`."""
        self._child(self.party).ask("steer", to)

    def close(self) -> None:
        """Nothing is kept open."""

    def _willing(self, question: str, argument: tuple[Any, ...]) -> Any:
        said = self._child(self.party).ask(question, argument)
        if isinstance(said, Refusal):
            raise StageRefused(said.code, said.message_zh, said.message_en)
        return said


def _quiet(said: Mapping[str, Any]) -> Quiet:
    due = said.get("next_due")
    return Quiet(
        quiet=bool(said["quiet"]),
        next_due=None if due is None else datetime.fromisoformat(due),
        now=datetime.fromisoformat(said["now"]),
        inputs=said.get("inputs"),
    )


class Pair:
    """Both platforms, with or without the bridge, as processes. With `steered` their clocks stand still until set forward."""

    def __init__(
        self,
        profile: Profile,
        wiring: Wiring,
        *,
        folder: Path,
        seed: int,
        quirks: Quirkiness,
        trace: Trace,
        plan: FaultPlan,
        now: Callable[[], datetime],
        steered: bool,
        fixed_ports: bool = False,
        keep: bool = True,
        foreign: Foreign | None = None,
        first_serial: int = 1,
        cast: Cast = RIGHT,
        envelopes: bool = False,
        control_ports: bool = False,
    ):
        self.wiring = wiring
        self.folder = folder
        self._seed = seed
        self._quirks = quirks
        self._steered = steered
        self._keep = keep
        self._cast = cast
        self._now = now
        self._foreign = foreign
        self._first_serial = first_serial
        #: What a foreign party knows: its own address, and those under which it calls the others.
        self._known_profile = profile
        self.profile = profile if fixed_ports else _on_free_ports(profile, foreign.party if foreign else None)
        self.wire = Wire(trace, plan, now, self.crash, envelopes=envelopes)
        self.parties = (
            (Party.GRID, Party.BRIDGE, Party.URBAN) if wiring is Wiring.BRIDGED else (Party.GRID, Party.URBAN)
        )
        sealed = [party.value for party in self._own_parties() if self.address(party).startswith("https:")]
        if sealed:
            raise UserMistake(
                f"三方由录制代理以 http 相连,配置中这些地址是 https:{', '.join(sealed)};请用 duijie bridge、grid、urban 各自启动",
                f"the recording proxies between the parties speak http, and these addresses are https: {', '.join(sealed)}; start each party by its own command",
            )
        #: What opens the control ports of the parties that are ours.
        self.control_token = given_token() or secrets.token_urlsafe(18)
        self._control_ports = self._choose_control_ports(fixed=fixed_ports) if control_ports or fixed_ports else {}
        self._links = self._open_taps()
        self._children: dict[Party, Child] = {}
        self._lock = threading.RLock()
        self.remotes: dict[Party, Acting] = {
            party: Near(party, self._children.__getitem__) for party in self._own_parties()
        }
        if foreign is not None:
            self.remotes[foreign.party] = foreign.acting

    # ── from start to stop ──

    def start(self) -> None:
        """Start everything; raises `UserMistake` when something the user can put right is in the way."""
        try:
            for party in self._own_parties():
                self._children[party] = self._child(party)
                self._children[party].start()
            for child in self._children.values():
                child.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in order: first those who begin exchanges, then the bridge."""
        for party in (Party.GRID, Party.URBAN):
            if party in self._children:
                self._children[party].begin_stop()
        for party in (Party.GRID, Party.URBAN, Party.BRIDGE):
            child = self._children.pop(party, None)
            if child is not None:
                child.stop()
        for remote in self.remotes.values():
            remote.close()
        self.wire.close()

    def crash(self, party: Party) -> None:
        """Kill a party as a power cut would and start it again from what it kept on disk."""
        with self._lock:
            if self._foreign is not None and party is self._foreign.party:
                self._foreign.restart()
                self.wire.gone(party)
                return
            self._children[party].kill()
            self.wire.gone(party)
            child = self._child(party)
            self._children[party] = child
            child.start()
            child.wait_ready()

    def _own_parties(self) -> tuple[Party, ...]:
        return tuple(party for party in self.parties if self._foreign is None or party is not self._foreign.party)

    # ── who listens where ──

    def control_address(self, party: Party) -> str:
        """Where the control port of a party of ours listens, where it has one."""
        return f"http://127.0.0.1:{self._control_ports[party]}"

    def address(self, party: Party) -> str:
        """Where a party's SOAP service listens; the bridge has /urban for the grid side and /grid for the urban side."""
        if party is Party.BRIDGE:
            return self.profile.bridge.endpoint
        return self.profile.platform(Side(party.value)).endpoint

    def _choose_control_ports(self, *, fixed: bool) -> dict[Party, int]:
        if not fixed:
            return {party: free_port() for party in self._own_parties()}
        used = {_port(self.address(party)) for party in self.parties}
        chosen = {}
        for party in self.parties:
            port = _port(self.address(party)) + CONTROL_OFFSET
            while port in used:
                port += CONTROL_OFFSET
            used.add(port)
            chosen[party] = port
        return chosen

    def _open_taps(self) -> dict[tuple[Party, Party], str]:
        grid, urban, bridge = Party.GRID, Party.URBAN, Party.BRIDGE
        hops: tuple[tuple[Party, Party, str], ...]
        if self.wiring is Wiring.DIRECT:
            hops = ((grid, urban, self.address(urban)), (urban, grid, self.address(grid)))
        else:
            hops = (
                (grid, bridge, f"{self.address(bridge)}/urban"),
                (urban, bridge, f"{self.address(bridge)}/grid"),
                (bridge, grid, self.address(grid)),
                (bridge, urban, self.address(urban)),
            )
        return {(sender, to): self._open_tap(sender, to, service) for sender, to, service in hops}

    def _open_tap(self, sender: Party, to: Party, service: str) -> str:
        if self._foreign is None or sender is not self._foreign.party:
            return self.wire.open(sender, to, service, tls=self._trusted_by(sender, service)).address
        # A foreign party calls the address that its profile says, path and all: that is where the tap listens.
        called = self._known_profile.platform(Side(to.value)).endpoint
        try:
            return self.wire.open(
                sender, to, _origin(service), (urlsplit(called).hostname or "127.0.0.1", _port(called))
            ).address
        except OSError as error:
            raise UserMistake(
                f"无法在 {called} 监听(被测系统按配置呼叫此地址):{error.strerror}",
                f"cannot listen at {called}, which the system under test calls as its profile says: {error.strerror}",
            ) from error

    def _trusted_by(self, sender: Party, service: str) -> ssl.SSLContext | None:
        """Whom a party of ours trusts when it calls a foreign service over TLS, as the profile says."""
        if not service.startswith("https:"):
            return None
        profile = self._known_profile
        own = profile.bridge if sender is Party.BRIDGE else profile.platform(Side(sender.value))
        try:
            return calling(own.tls)
        except NotReached as problem:
            raise UserMistake(problem.zh, problem.en) from None

    def _child(self, party: Party) -> Child:
        # Where nobody outside knows the process, the next pair may have it.
        return Child(party.value, self._maker(party), answer, again=not self._control_ports)

    def _maker(self, party: Party) -> Callable[[], Service]:
        started_at = self._now() if self._steered else None
        if party is Party.BRIDGE:
            store = f"sqlite:///{self.folder / 'bridge.db'}" if self._keep else self.profile.bridge.store
            profile = replace(
                self.profile,
                grid=replace(self.profile.grid, endpoint=self._links[Party.BRIDGE, Party.GRID]),
                urban=replace(self.profile.urban, endpoint=self._links[Party.BRIDGE, Party.URBAN]),
                bridge=replace(self.profile.bridge, store=store),
            )
            return partial(
                _make_bridge, profile, self._control_ports.get(party), started_at, self.control_token, self._cast
            )
        far = Party.BRIDGE if self.wiring is Wiring.BRIDGED else Side(party.value).other.party
        return partial(
            _make_simulator,
            Side(party.value),
            _twice_as_patient(self.profile),
            self._seed,
            self._quirks,
            self._control_ports.get(party),
            self.folder / f"{party.value}.log.db" if self._keep else None,
            self._links[party, far],
            started_at,
            self._first_serial,
            self.control_token,
            self._cast,
        )


def _make_bridge(
    profile: Profile, control_port: int | None, started_at: datetime | None, control_token: str, cast: Cast
) -> Service:
    from duijie.serve import BridgeService

    return BridgeService(
        profile, control_port=control_port, started_at=started_at, control_token=control_token, cast=cast
    )


def _make_simulator(
    side: Side,
    profile: Profile,
    seed: int,
    quirks: Quirkiness,
    control_port: int | None,
    store: Path | None,
    link: str,
    started_at: datetime | None,
    first_serial: int,
    control_token: str,
    cast: Cast,
) -> Service:
    from duijie.serve import simulator_process

    return simulator_process(
        side,
        profile,
        seed=seed,
        quirks=quirks,
        control_port=control_port,
        store=store,
        link=link,
        started_at=started_at,
        first_serial=first_serial,
        control_token=control_token,
        cast=cast,
    )


def _twice_as_patient(profile: Profile) -> Profile:
    """A bridge that holds its caller answers when its own call has ended. Its caller must wait longer than it does itself."""
    seconds = 2 * profile.delivery.answer_timeout_seconds
    return replace(profile, delivery=replace(profile.delivery, answer_timeout_seconds=seconds))


def _on_free_ports(profile: Profile, foreign: Party | None = None) -> Profile:
    """The profile with every service of ours on a port of its own that is free just now; a foreign one stays where it is."""
    parts = {
        party.value: getattr(profile, party.value)
        for party in (Party.GRID, Party.URBAN, Party.BRIDGE)
        if party is not foreign
    }
    changed: dict[str, Any] = {
        name: replace(part, endpoint=on_free_port(part.endpoint)) for name, part in parts.items()
    }
    return replace(profile, **changed)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def _port(address: str) -> int:
    return urlsplit(address).port or 80


def on_free_port(address: str) -> str:
    """The address on loopback, with a port that is free just now."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=f"127.0.0.1:{free_port()}"))
