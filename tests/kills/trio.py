"""Three parties as processes, each with its file, that are started again by themselves whenever they die."""

import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fuse import Fuse, burning_bridge, burning_simulator
from lives import GONE, PATIENCE_SECONDS

from bridge.settings import override
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import HandOverMode, Profile, ReceiptMode
from conformance.ledger import Finding, audit
from conformance.scenario.steps import Quirkiness
from duijie.audit import read_all
from duijie.exits import UserMistake
from duijie.pair import Remote
from duijie.processes import Child, Service, free_port
from duijie.profiles_io import read_profile

#: Seconds between two tries of the same form; a profile for people has whole ones, but those would make every kill cost one.
GAP_SECONDS = 0.2
RECEIPT_TIMEOUT_SECONDS = 0.5
QUERY_SECONDS = 0.3

#: Opens the control ports of these parties.
TOKEN = "kills"

#: What may be different about a pair, by its name in a report.
SETTINGS: Mapping[str, Callable[[Profile], Profile]] = {
    "receipts by call": lambda profile: profile,
    "receipts in the response": lambda profile: replace(
        profile,
        grid=replace(profile.grid, receipts=ReceiptMode.RESPONSE),
        urban=replace(profile.urban, receipts=ReceiptMode.RESPONSE),
        bridge=replace(profile.bridge, receipts=ReceiptMode.RESPONSE),
    ),
    "query": lambda profile: replace(profile, choices=replace(profile.choices, hand_over=HandOverMode.QUERY)),
}


@dataclass(slots=True)
class Deaths:
    """Who was killed, and at which step."""

    by_step: Counter[tuple[Party, str]] = field(default_factory=Counter)

    def add(self, party: Party, step: str) -> None:
        self.by_step[party, step] += 1

    def of(self, party: Party) -> int:
        return sum(times for (each, _), times in self.by_step.items() if each is party)

    @property
    def total(self) -> int:
        return self.by_step.total()


class Trio:
    """The bridge and both simulators on loopback, each with its file in `folder`, by the real clock."""

    def __init__(self, folder: Path, seed: int, setting: str = "receipts by call", *, attempts: int = 200):
        self.folder, self._seed = folder, seed
        self.deaths = Deaths()
        self.profile = SETTINGS[setting](_on_free_ports(_hasty(read_profile(None), attempts), folder))
        self._ports = {party: free_port() for party in Party}
        self.fuses = {party: Fuse(folder / f"{party}.fuse") for party in Party}
        self.remotes = {party: Remote(party, port, TOKEN) for party, port in self._ports.items()}
        self._children: dict[Party, Child] = {}
        self._makers = {party: self._maker(party) for party in Party}
        self._stopping = threading.Event()
        #: Called when a party has died, before it is started again.
        self.on_death: Callable[[Party, str], None] = lambda *_: None
        self._watchers = [threading.Thread(target=self._watch, args=(party,), daemon=True) for party in Party]
        self.broken: list[BaseException] = []

    def start(self) -> None:
        """Start all three and watch over them."""
        for party in Party:
            self._children[party] = Child(party.value, self._makers[party])
            self._children[party].start()
        for child in self._children.values():
            child.wait_ready()
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """Stop all three in order."""
        self._stopping.set()
        for watcher in self._watchers:
            if watcher.ident is not None:
                watcher.join()
        for child in self._children.values():
            child.stop()
        for remote in self.remotes.values():
            remote.close()

    def kill(self, party: Party) -> None:
        """End a party at once, wherever it stands, unless it is dead already; it is started again by its watcher."""
        process = self._children[party]._process
        with suppress(ProcessLookupError):
            if process is not None:
                os.kill(process.pid, signal.SIGKILL)

    def fill_disk(self, party: Party) -> None:
        """From now on no write to a file ends well in this process, as on a full disk."""
        resource.prlimit(self._children[party].pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def make_room(self, party: Party) -> None:
        """There is room on the disk again."""
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self._children[party].pid, resource.RLIMIT_FSIZE, unlimited)

    def store_of(self, party: Party) -> Path:
        """The file in which a party keeps what must survive it."""
        return self.folder / ("bridge.db" if party is Party.BRIDGE else f"{party}.log.db")

    def _watch(self, party: Party) -> None:
        """What a service manager does: start again whoever has died."""
        try:
            while not self._stopping.is_set():
                if self._lives(party):
                    continue
                step = self.fuses[party].take_step() or "any moment"
                self.deaths.add(party, step)
                self.on_death(party, step)
                self._children[party].kill()
                child = Child(party.value, self._makers[party])
                child.start()
                self._children[party] = child
                # It may be killed again before it is up.
                try:
                    child.wait_ready()
                except UserMistake as mistake:
                    if "did not start" not in mistake.en:
                        raise
        except BaseException as error:
            self.broken.append(error)
            raise

    def _lives(self, party: Party) -> bool:
        """Whether the party is still there a moment later; one that was killed before it was up has no process any more."""
        process = self._children[party]._process
        if process is not None:
            process.join(0.1)
        return process is not None and process.is_alive()

    def settle(self) -> None:
        """Wait until nobody has anything left to send or to wait for."""
        began, seen = time.monotonic(), 0
        while seen < 2:
            if self.broken:
                raise self.broken[0]
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError("the parties do not come to rest")
            seen = seen + 1 if self._at_rest() else 0
            time.sleep(0.03)

    def _at_rest(self) -> bool:
        try:
            looks = {party: remote.quiet() for party, remote in self.remotes.items()}
        except GONE:
            return False
        for party, look in looks.items():
            # The limits of open cases lie hours ahead, and queries come for ever; what belongs to a form lies seconds ahead.
            is_polling = self.profile.choices.hand_over is HandOverMode.QUERY and party is not Party.GRID
            soon = look.next_due is not None and look.next_due - look.now < timedelta(minutes=1)
            if not is_polling and (soon or not look.quiet):
                return False
        return all(form["state"] == "parked" for form in self._under_way())

    def _under_way(self) -> Iterator[Mapping[str, Any]]:
        try:
            for party in (Party.GRID, Party.URBAN):
                for form in self.remotes[party].ask("forms", {}):
                    if form["state"] not in ("confirmed", "refused", "given_up"):
                        yield form
            for case in self.remotes[Party.BRIDGE].ask("cases", {}):
                for form in case["deliveries"]:
                    if form["state"] not in ("confirmed", "refused", "abandoned"):
                        yield form
        except GONE:
            yield {"state": "nobody answers"}

    def audit(self) -> list[Finding]:
        """Hold the three books against each other."""
        books, _ = read_all(self.remotes)
        return audit(books, at_rest=True)

    def _maker(self, party: Party) -> Callable[[], Service]:
        fuse = self.folder / f"{party}.fuse"
        if party is Party.BRIDGE:
            return partial(_make_bridge, self.profile, self._ports[party], fuse)
        return partial(
            _make_simulator,
            Side(party.value),
            self.profile,
            self._seed,
            self._ports[party],
            self.store_of(party),
            fuse,
        )


@contextmanager
def running(folder: Path, seed: int, setting: str = "receipts by call", *, attempts: int = 200) -> Iterator[Trio]:
    """A trio that runs."""
    trio = Trio(folder, seed, setting, attempts=attempts)
    try:
        trio.start()
        yield trio
    finally:
        trio.stop()


def _make_bridge(profile: Profile, control_port: int, fuse: Path) -> Service:
    from duijie.serve import BridgeService

    burning_bridge(Fuse(fuse))
    return BridgeService(profile, control_port=control_port, started_at=None, control_token=TOKEN)


def _make_simulator(side: Side, profile: Profile, seed: int, control_port: int, store: Path, fuse: Path) -> Service:
    from duijie.serve import simulator_process

    burning_simulator(Fuse(fuse))
    return simulator_process(
        side,
        profile,
        seed=seed,
        quirks=Quirkiness(seed=seed),
        control_port=control_port,
        store=store,
        link=f"{profile.bridge.endpoint}/{side.other.value}",
        started_at=None,
        control_token=TOKEN,
    )


def _hasty(profile: Profile, attempts: int) -> Profile:
    profile = override(profile, {"delivery.max_attempts": 1})
    delivery: Any = replace(
        profile.delivery,
        receipt_timeout_seconds=RECEIPT_TIMEOUT_SECONDS,  # type: ignore[arg-type]
        retry_gaps_seconds=(GAP_SECONDS,),  # type: ignore[arg-type]
        query_interval_seconds=QUERY_SECONDS,  # type: ignore[arg-type]
        max_attempts=attempts,
    )
    return replace(profile, delivery=delivery)


def _on_free_ports(profile: Profile, folder: Path) -> Profile:
    here = "http://127.0.0.1"
    return replace(
        profile,
        grid=replace(profile.grid, endpoint=f"{here}:{free_port()}/soap"),
        urban=replace(profile.urban, endpoint=f"{here}:{free_port()}/soap"),
        bridge=replace(profile.bridge, endpoint=f"{here}:{free_port()}", store=f"sqlite:///{folder / 'bridge.db'}"),
    )
