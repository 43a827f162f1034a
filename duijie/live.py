"""The live stage: the same story over real SOAP between processes.

With steered clocks, which is how scenarios are played, the clocks of all three processes stand still until the stage sets them
forward, together and to the same moments at which the virtual stage would, so that the same scenario takes the same course. With the
real clock, which is how `duijie up` walks its first case, the stage waits for what time brings. See
`conformance.scenario.stage.Stage` for what the methods promise.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.vocabulary.calls import Call, Ending, Message
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.driver import Quiet
from conformance.oracle.trace import Trace
from conformance.scenario.faults import CUT, RESTORE, FaultPlan, FaultRule, Noise, rule_record
from conformance.scenario.stage import SETTLE_WINDOW, START, StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from conformance.scenario.written import WRITINGS
from duijie.cast import RIGHT, Cast
from duijie.exits import UserMistake
from duijie.pair import Foreign, Pair
from simulators.exchange.client import Body, PlatformClient, wsdl_path

#: Seconds of real time after which a pair that does not come to rest is given up.
REST_WITHIN_SECONDS = 60
#: Starts on freshly chosen ports before the trouble is somebody else's.
STARTS_MAX = 4
#: With the real clock, timers that are due so soon are waited for.
REAL_SETTLE_WINDOW = timedelta(seconds=2)
#: So long before a moment nobody has anything to do for it yet.
BEFORE = timedelta(milliseconds=1)
#: The file system in memory that Linux has.
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own and is ours alone
#: Seconds of real time between two looks at parties that are still busy.
LOOK_AGAIN_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class _Rest:
    """What the parties said when the pair was last found at rest; it holds until somebody is stirred or something crosses."""

    crossings: int
    said: Mapping[Party, Quiet]


class NotAtRest(Exception):
    """The parties are still busy with each other after a long time."""


def _passing_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for as long as a stage lasts, in memory where the system has such: what survives is a killed process, not the machine."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="duijie-", dir=memory, ignore_cleanup_errors=True)


class LiveStage:
    """A pair over real SOAP; see `conformance.scenario.stage.Stage`."""

    name = "live"

    def __init__(
        self,
        profile: Profile,
        wiring: Wiring,
        seed: int = 0,
        quirks: Quirkiness = Quirkiness(),  # noqa: B008 - frozen
        *,
        steered: bool = True,
        fixed_ports: bool = False,
        folder: Path | None = None,
        foreign: Foreign | None = None,
        start: datetime = START,
        first_serial: int = 1,
        cast: Cast = RIGHT,
        envelopes: bool = False,
        control_ports: bool = False,
    ):
        self.wiring, self.seed = wiring, seed
        self.trace = Trace()
        self._steered = steered
        self._now = start
        self._foreign = foreign
        self._first_serial = first_serial
        self._cast = cast
        self._envelopes = envelopes
        #: Whether people and tools outside of this process are to act and ask too.
        self._control_ports = control_ports
        self._plan = FaultPlan()
        self._rest: _Rest | None = None
        self._own_folder = None if folder else _passing_folder()
        self.pair = self._started(
            profile, quirks, folder or Path(self._own_folder.name if self._own_folder else "."), fixed_ports
        )
        self.profile = self.pair.profile

    def _started(self, profile: Profile, quirks: Quirkiness, folder: Path, fixed_ports: bool) -> Pair:
        """A running pair. A port that was free may be taken a moment later: on ports of its own choice the pair tries others."""
        for attempt in range(1, STARTS_MAX + 1):
            pair = Pair(
                profile,
                self.wiring,
                folder=folder,
                seed=self.seed,
                quirks=quirks,
                trace=self.trace,
                plan=self._plan,
                now=lambda: self.now,
                steered=self._steered,
                fixed_ports=fixed_ports,
                foreign=self._foreign,
                first_serial=self._first_serial,
                cast=self._cast,
                envelopes=self._envelopes,
                control_ports=self._control_ports,
            )
            try:
                pair.start()
            except UserMistake:
                if fixed_ports or attempt == STARTS_MAX:
                    self._remove_folder()
                    raise
            except BaseException:
                self._remove_folder()
                raise
            else:
                return pair
        raise AssertionError("the last attempt returns or raises")

    @property
    def now(self) -> datetime:
        """The clock that all parties share."""
        return self._now if self._steered else datetime.now(SHANGHAI)

    # ── what a scenario does ──

    def act(self, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Stage`."""
        # The record of the act stands before those of the messages that come of it, as it does in virtual time.
        with self.pair.wire.lock:
            record = self.trace.act(party, name, params, self.now, by=by)
        self._rest = None
        try:
            result: dict[str, Any] = self._remote(party).act(name, params, by)
        except StageRefused as refused:
            record |= {"outcome": "refused", "code": refused.code}
            raise
        record["result"] = result
        return result

    def ask(self, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        """See `Stage`."""
        answer = self._remote(party).ask(name, params)
        with self.pair.wire.lock:
            self.trace.fact(party, name, params, answer, self.now)
        return answer

    def fault(self, rule: FaultRule | Noise) -> None:
        """See `Stage`."""
        with self.pair.wire.lock:
            self._plan.add(rule)
            self.trace.fault_rule(self.now, **rule_record(rule))
        if isinstance(rule, FaultRule) and rule.party is not None and rule.kind in (CUT, RESTORE):
            self.pair.wire.cut(rule.party, restored=rule.kind == RESTORE)

    def inject(self, message: Message, to: Party, pretending: Side, written: str | None = None) -> Ending:
        """See `Stage`."""
        bridged = self.wiring is Wiring.BRIDGED
        sender = pretending.party if to is Party.BRIDGE or not bridged else Party.BRIDGE
        served = pretending.other
        address = self.pair.address(to)
        if to is Party.BRIDGE:
            address = f"{address}/{served.value}"
        account = self.pair.profile.platform(pretending)
        crossed: list[Body] = []
        client = PlatformClient(
            wsdl_path(served),
            address,
            account.username,
            account.password,
            account.password_type,
            now=lambda: self.now,
            tls=account.tls,
            rewrite=None if written is None else WRITINGS[written].apply,
            overheard=crossed.append,
        )
        with self.pair.wire.lock:
            call = self.trace.call(sender, to, message, self.now, injected=True)
            record = self.trace.records[-1]
        self._rest = None
        ending = client.make(Call(key=0, to=served, message=message))
        shown = [self.pair.wire.kept_of(body.content, body.content_type, body.content_encoding) for body in crossed]
        with self.pair.wire.lock:
            if shown and shown[0] is not None:
                self.trace.enclose(record, shown[0])
            self.trace.answer(call, ending, self.now, envelope=shown[1] if len(shown) > 1 else None)
        return ending

    def advance(self, to: datetime) -> None:
        """See `Stage`. Raises `StageRefused` where the clock is the real one."""
        if not self._steered:
            raise StageRefused("clock_not_steered", "此处使用真实时钟,不能拨动", "this stage runs by the real clock")
        self._come_to_rest()
        while (due := self.next_timer()) is not None and due <= to:
            self._fire(due)
        self._set_clocks(max(self._now, to))
        with self.pair.wire.lock:
            self.trace.clock(self._now)
        self.settle()

    def next_timer(self) -> datetime | None:
        """See `Stage`."""
        moments = [said.next_due for said in self._standing().values()]
        moments.append(self.pair.wire.next_due)
        return min((due for due in moments if due is not None), default=None)

    def settle(self) -> None:
        """See `Stage`."""
        self._come_to_rest()
        if not self._steered:
            return
        end = self._now + SETTLE_WINDOW
        while (due := self.next_timer()) is not None and due <= end:
            self._fire(due)

    def restart(self, party: Party) -> None:
        """See `Stage`."""
        self._remote(party)
        with self.pair.wire.lock:
            self.trace.restart(party, self.now)
        self._rest = None
        self.pair.crash(party)

    def close(self) -> None:
        """Stop every process and remove what they kept."""
        self.pair.stop()
        self._remove_folder()

    # ── inside ──

    def _remote(self, party: Party) -> Any:
        remote = self.pair.remotes.get(party)
        if remote is None:
            raise StageRefused("no_such_party", f"此接法没有 {party}", f"there is no {party} in this wiring")
        return remote

    def _fire(self, due: datetime) -> None:
        due = max(self._now, due)
        if due > self._now and len(self._waking(due)) > 1:
            self._fire_in_turn(due)
        self._set_clocks(due)
        self.pair.wire.release_due()
        self._come_to_rest()

    def _waking(self, due: datetime) -> list[Party | None]:
        """Who has something to do at this moment, in the order in which virtual time wakes them; None is the network."""
        network = self.pair.wire.next_due
        found: list[Party | None] = [None] if network is not None and network <= due else []
        for party, said in self._standing().items():
            if said.next_due is not None and said.next_due <= due:
                found.append(party)
        return found

    def _fire_in_turn(self, due: datetime) -> None:
        """Wake those who have something to do at the same moment one after the other: processes that woke together would race."""
        self._set_clocks(max(self._now, due - BEFORE))
        self._now = due
        self._rest = None
        self.pair.wire.release_due()
        self._come_to_rest()
        for party in self._waking(due):
            if party is not None:
                self._rest = None
                self.pair.remotes[party].steer(due)
                self._come_to_rest()

    def _set_clocks(self, to: datetime) -> None:
        # What the first party says at the new moment waits until the others have come to it: they would take its time for
        # one that lies ahead of theirs.
        self._rest = None
        with self.pair.wire.paused():
            self._now = to
            for remote in self.pair.remotes.values():
                remote.steer(to)

    def _come_to_rest(self) -> None:
        """Wait until nobody has anything left to do at this moment of the clock.

        A party that is asked first may be called again while the others are asked. Only what crosses the wire can do that, so the
        pair is at rest when all are and nothing has crossed since the first was asked.
        """
        if self._known_rest() is not None:
            return
        give_up_at = time.monotonic() + REST_WITHIN_SECONDS
        while True:
            crossings = self.pair.wire.crossings
            # Asked first: a timer that fires after this makes its party busy below.
            soon = self._soon()
            said = self._all_quiet() if self.pair.wire.quiet else None
            if said is not None and self.pair.wire.quiet and self.pair.wire.crossings == crossings and not soon:
                self._rest = _Rest(crossings, said)
                return
            if time.monotonic() > give_up_at:
                raise NotAtRest(f"still busy after {REST_WITHIN_SECONDS} s")
            time.sleep(LOOK_AGAIN_SECONDS)

    def _all_quiet(self) -> dict[Party, Quiet] | None:
        """What the parties say when all of them are at rest; None as soon as one is not."""
        said: dict[Party, Quiet] = {}
        for party, remote in self.pair.remotes.items():
            said[party] = remote.quiet()
            if not said[party].quiet:
                return None
        return said

    def _standing(self) -> Mapping[Party, Quiet]:
        """What every party says of itself; nobody is asked again who was found at rest and has not been stirred since."""
        rest = self._known_rest()
        return {party: remote.quiet() for party, remote in self.pair.remotes.items()} if rest is None else rest.said

    def _known_rest(self) -> _Rest | None:
        """The rest that was found before, where it still holds without asking: our own parties do nothing of themselves at one moment of their clock."""
        rest = self._rest
        own = self._steered and self._foreign is None
        undisturbed = rest is not None and self.pair.wire.quiet and self.pair.wire.crossings == rest.crossings
        return rest if own and undisturbed else None

    def _remove_folder(self) -> None:
        if self._own_folder is not None:
            self._own_folder.cleanup()

    def _soon(self) -> bool:
        """Whether real time is about to bring something that belongs to what has just been done."""
        if self._steered:
            return False
        due = self.next_timer()
        return due is not None and due <= self.now + REAL_SETTLE_WINDOW
