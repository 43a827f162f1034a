"""A running pair in somebody's hands: acts, the clock, the network's faults, and what happened as a file.

Everything goes through the stage, as the steps of a scenario do, so that what somebody did by hand is recorded and can be told again. One
thing at a time: who comes second waits until the pair has come to rest.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bridge.vocabulary.parties import Party
from conformance.oracle.judge import judge
from conformance.oracle.trace import Record, Trace
from conformance.scenario.clock import Advance, arrive, read_advance
from conformance.scenario.faults import CUT, RESTORE, FaultRule, Noise
from conformance.scenario.load import loads_network
from conformance.scenario.stage import Stage, StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.live import NotAtRest
from duijie.pair import Acting
from duijie.record import as_scenario
from duijie.recording.deeds import deeds
from duijie.recording.journal import Recorded
from located_yaml import DocumentInvalid

#: What a file of somebody's own doing is called.
STORY = Path("by-hand.jsonl")
#: The clock moves by so much at most at a time.
LONGEST = timedelta(days=366)
#: Real seconds between two movements of a clock that runs by itself.
TICK_SECONDS = 0.5
#: How fast the clock may run: seconds of the pair's time in a second of ours.
SPEEDS = (1, 60, 600, 3600)


class Steering:
    """One stage, its clock, its network, and what happened on it."""

    def __init__(self, stage: Stage, *, steered: bool, quirks: Quirkiness | None = None):
        self._stage = stage
        #: How awkward both platforms are; None where nobody knows.
        self.quirks = quirks
        #: Whether the clock stands still unless it is moved here.
        self.is_steered = steered
        self.lock = threading.RLock()
        self._speed = 0
        self._stopped = threading.Event()
        self._running: threading.Thread | None = None

    # ── looking ──

    @property
    def trace(self) -> Trace:
        """Everything that was seen and done."""
        return self._stage.trace

    @property
    def parties(self) -> tuple[Party, ...]:
        """Who takes part."""
        bridge = (Party.BRIDGE,) if self._stage.wiring is Wiring.BRIDGED else ()
        return (Party.GRID, *bridge, Party.URBAN)

    @property
    def seed(self) -> int:
        """The seed of the stage."""
        return self._stage.seed

    @property
    def now(self) -> datetime:
        """The clock of all parties."""
        return self._stage.now

    @property
    def next_event(self) -> datetime | None:
        """The moment at which the next timer of anybody fires; None while nobody waits for one."""
        with self.lock:
            return self._stage.next_timer()

    @property
    def speed(self) -> int:
        """Seconds of the pair's time that go by in one of ours; 0 while the clock stands."""
        return self._speed

    @property
    def told(self) -> list[Record]:
        """What the network was told to do, the latest first."""
        return [record["rule"] for record in reversed(self.trace.of_type("fault_rule"))]

    # ── acting ──

    def act(self, party: Party, name: str, params: Mapping[str, Any], by: str | None) -> dict[str, Any]:
        """Let somebody act, and, with a steered clock, wait until what comes of it has crossed. Raises `StageRefused`."""
        with self.lock:
            done = dict(self._stage.act(party, name, params, by))
            self._settle()
            return done

    def advance(self, by: str) -> None:
        """Move the clock as `clock.advance` of a scenario does: `to next timer`, `2 hours`, `4 working hours`, `to 2026-03-05 10:00`.

        Raises `StageRefused` for words that mean nothing, for a moment that is past, and where the clock is the real one.
        """
        if not self.is_steered:
            raise _real_clock()
        try:
            wish = read_advance(by.strip())
        except (ValueError, OverflowError):
            raise StageRefused(
                "bad_advance",
                f"看不懂「{by}」;可写 2 hours、4 working hours、1 day、to 2026-03-05 10:00",
                f"«{by}» means nothing; write 2 hours, 4 working hours, 1 day, or to 2026-03-05 10:00",
            ) from None
        with self.lock:
            now = self._stage.now
            if wish.to_next_timer:
                due = self._stage.next_timer()
                if due is None:
                    raise StageRefused("no_timer", "没有任何定时事项在等待", "no timer is running")
            else:
                if _is_long(wish):
                    raise _too_far()
                due = arrive(now, wish, self._stage.profile.working_time)
                if due < now:
                    raise StageRefused(
                        "past", f"时钟已过 {due:%Y-%m-%d %H:%M}", f"the clock is already past {due:%Y-%m-%d %H:%M}"
                    )
                if due - now > LONGEST:
                    raise _too_far()
            self._stage.advance(due)

    def run_at(self, speed: int) -> None:
        """Let the clock run at one of `SPEEDS`, or stand with 0. Raises `StageRefused`."""
        if not self.is_steered:
            raise _real_clock()
        if speed not in (0, *SPEEDS):
            known = ", ".join(map(str, (0, *SPEEDS)))
            raise StageRefused(
                "bad_speed", f"没有速度 {speed},可用 {known}", f"there is no speed {speed}; there are {known}"
            )
        self._speed = speed
        if speed and self._running is None:
            self._running = threading.Thread(target=self._run, name="clock", daemon=True)
            self._running.start()

    def fault(self, word: str, params: Mapping[str, Any]) -> None:
        """Tell the network what to do, by the word and the parameters of a scenario; a case is its number. Raises `StageRefused`."""
        try:
            (rule,) = loads_network(yaml.safe_dump([{word: dict(params)}], allow_unicode=True), word)
        except DocumentInvalid as invalid:
            problem = invalid.problems[0]
            raise StageRefused("bad_fault", problem.message_zh, problem.message_en) from None
        with self.lock:
            self._stage.fault(rule)

    def calm(self) -> None:
        """From now on the network hits nothing at random any more."""
        with self.lock:
            self._stage.fault(Noise())

    def cut(self, party: Party, *, restored: bool) -> None:
        """Cut every line of a party, or put them up again."""
        with self.lock:
            self._stage.fault(FaultRule(kind=RESTORE if restored else CUT, party=party))
            self._settle()

    def restart(self, party: Party) -> None:
        """Kill a party at once and start it again from what it had kept."""
        with self.lock:
            self._stage.restart(party)
            self._settle()

    def story(self) -> str:
        """What happened until now as a scenario file. Raises `StageRefused` while nobody has done anything."""
        with self.lock:
            records = [dict(record) for record in self.trace.records]
            at_rest = self.trace.at_rest
        trace = Trace(records, at_rest=at_rest)
        if not deeds(trace)[0]:
            raise StageRefused("nothing_done", "还没有人办过任何事", "nobody has done anything yet")
        broken = [verdict.clause for verdict in judge(trace, self._stage.profile) if verdict.failed]
        return as_scenario(Recorded(path=STORY, trace=trace), broken)

    def close(self) -> None:
        """Let the clock stand for good."""
        self._stopped.set()
        if self._running is not None:
            self._running.join()

    # ── inside ──

    def _settle(self) -> None:
        if not self.is_steered:
            # What comes of an act comes in its own time, and the pages follow it.
            return
        try:
            self._stage.settle()
        except NotAtRest:
            # Somebody is busy for long, which the pages show; the act itself is done.
            return

    def _run(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            speed = self._speed
            if not speed:
                continue
            with self.lock:
                try:
                    self._stage.advance(self._stage.now + timedelta(seconds=speed * TICK_SECONDS))
                except (NotAtRest, StageRefused):
                    self._speed = 0


@dataclass(frozen=True, slots=True)
class Steered:
    """A party whose acts go through the stage and whose questions do not: looking leaves no trace."""

    steering: Steering
    party: Party
    remote: Acting

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Acting`."""
        return self.steering.act(self.party, name, params, by)

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Acting`."""
        return self.remote.ask(name, params)


def _is_long(wish: Advance) -> bool:
    """Whether the wish is too long even if people never rested; counting that out day by day would take long itself."""
    return (
        (wish.by or timedelta()) > LONGEST
        or (wish.working_days or 0) > LONGEST.days
        or (wish.working_seconds or 0) > LONGEST.total_seconds()
    )


def _too_far() -> StageRefused:
    return StageRefused("too_far", "一次最多拨动一年", "the clock moves by a year at most at a time")


def _real_clock() -> StageRefused:
    return StageRefused(
        "clock_not_steered",
        "此处使用真实时钟,不能拨动;用 duijie up --steered 启动即可",
        "the clock here is the real one; start with duijie up --steered to move it",
    )
