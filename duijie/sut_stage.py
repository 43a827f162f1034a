"""A live stage on which one party is a foreign system under test; the suite plays the others around it.

Where the system's clock can be steered, the story takes the same course as with our own parties. Where it runs by the real clock, the
suite's parties do too: moving the clock is waiting, as long as the file of the system allows.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.calls import Ending, Message
from bridge.vocabulary.forms import HandOver
from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.driver import Driver, Quiet
from conformance.drivers.sut import SystemUnderTest
from conformance.oracle.trace import Trace
from conformance.scenario.stage import START, NotOffered, StageUnusable
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.live import REST_WITHIN_SECONDS, LiveStage, NotAtRest
from duijie.pair import Foreign

#: Seconds between two looks at the real clock.
_LOOK_AGAIN_SECONDS = 0.05


class SutStage(LiveStage):
    """See `conformance.scenario.stage.Stage`; `sut.role` is played by the system behind the driver."""

    name = "system"

    def __init__(
        self,
        profile: Profile,
        wiring: Wiring,
        seed: int,
        quirks: Quirkiness,
        *,
        sut: SystemUnderTest,
        driver: Driver,
        mark: str,
        first_serial: int = 1,
    ):
        self._sut, self._driver = sut, driver
        #: Stands behind every description: what the system had from another check is no duplicate of it (EXC-1).
        self._mark = mark
        steered = driver.capabilities.steered_clock
        acting = self._system = DrivenParty(driver, sut.settle_seconds)
        super().__init__(
            profile,
            wiring,
            seed,
            quirks,
            steered=steered,
            foreign=Foreign(party=sut.role, acting=acting, restart=self._restart_system),
            start=first_moment(driver) if steered else START,
            first_serial=first_serial,
            envelopes=True,
        )
        acting.trace = self.trace
        if steered:
            driver.steer(self.now)

    def act(self, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Stage`."""
        if "description" in params:
            params = {**params, "description": f"{params['description']}{self._mark}"}
        return super().act(party, name, params, by)

    def inject(self, message: Message, to: Party, pretending: Side, written: str | None = None) -> Ending:
        """See `Stage`."""
        if isinstance(message, FormMessage) and isinstance(message.form, HandOver):
            description = message.form.description
            if not description.endswith(self._mark):
                message = replace(message, form=replace(message.form, description=f"{description}{self._mark}"))
        return super().inject(message, to, pretending, written)

    def advance(self, to: datetime) -> None:
        """See `Stage`; with a real clock the time is waited for, if the system's file allows so much."""
        if self._steered:
            super().advance(to)
            return
        self._come_to_rest()
        missing = (to - self.now).total_seconds()
        if missing > self._sut.patience_seconds:
            raise NotOffered(
                f"时钟不可拨动,须实际等待 {missing:.0f} 秒,超过 patience_seconds = {self._sut.patience_seconds:g}",
                f"the clock cannot be steered; {missing:.0f} s would have to be waited for, more than patience_seconds = {self._sut.patience_seconds:g}",
            )
        while self.now < to:
            time.sleep(min(_LOOK_AGAIN_SECONDS, (to - self.now).total_seconds()))
        with self.pair.wire.lock:
            self.trace.clock(self.now)
        self.settle()

    def _come_to_rest(self) -> None:
        try:
            super()._come_to_rest()
        except NotAtRest:
            if self._system.quiet().quiet:
                raise
            raise StageUnusable(
                f"时钟未动,系统却在 {REST_WITHIN_SECONDS} 秒内一直称未静止;请查看它还有什么没有办完,或让驱动的 quiet 只计此刻能办的事项",
                f"its clock stands still, and for {REST_WITHIN_SECONDS} s the system has not said that it is at rest; see what it has left undone, "
                "or let the driver's quiet count only what can be done at this moment",
            ) from None

    def _restart_system(self) -> None:
        if not self._driver.capabilities.restart:
            raise NotOffered("驱动不能停机并重启系统", "the driver cannot stop the system and start it again")
        self._driver.restart()


class DrivenParty:
    """The system behind its driver, as the stage knows a party."""

    def __init__(self, driver: Driver, settle_seconds: float):
        self._driver = driver
        self._settle_seconds = settle_seconds
        #: The stage's trace, by whose growth silence is told.
        self.trace: Trace | None = None
        self._seen = -1
        self._silent_since = time.monotonic()

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `duijie.pair.Acting`."""
        if not self._driver.capabilities.offers_act(name):
            raise NotOffered(f"驱动未提供操作 {name}", f"the driver does not offer the act {name}")
        return self._driver.act(name, params, by)

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `duijie.pair.Acting`."""
        if not self._driver.capabilities.offers_ask(name):
            raise NotOffered(f"驱动未提供查询 {name}", f"the driver does not offer the question {name}")
        return self._driver.ask(name, params)

    def quiet(self) -> Quiet:
        """See `duijie.pair.Acting`."""
        said = self._driver.quiet()
        now = datetime.now(SHANGHAI) if said is None or said.now is None else said.now
        if said is not None:
            self._make_sure_that_time_goes_on(said)
            return Quiet(quiet=said.quiet, next_due=said.next_due, now=now)
        return Quiet(quiet=self._is_silent(), next_due=None, now=now)

    def _make_sure_that_time_goes_on(self, said: Quiet) -> None:
        """A clock that was set to the moment when something is due, and a system that does not do it, would be set there for ever."""
        overdue = said.quiet and said.next_due is not None and said.now is not None and said.next_due <= said.now
        if overdue and self._driver.capabilities.steered_clock:
            raise StageUnusable(
                f"系统称已静止,而其时钟 {said.now} 已到下一事项的时刻 {said.next_due};请在驱动的 quiet 中给出精确时刻(不截去秒以下),"
                "到时未办的事项不得称为静止",
                f"the system says that it is at rest, although its clock stands at {said.now} and its next matter is due at {said.next_due}; "
                "let the driver's quiet tell exact moments (not cut to the second), and not say quiet while something is due",
            )

    def _is_silent(self) -> bool:
        """A system that cannot tell is taken to be at rest when nothing has crossed for a while."""
        crossed = len(self.trace.records) if self.trace is not None else 0
        if crossed != self._seen:
            self._seen, self._silent_since = crossed, time.monotonic()
        return time.monotonic() - self._silent_since >= self._settle_seconds

    def steer(self, to: datetime) -> None:
        """See `duijie.pair.Acting`."""
        self._driver.steer(to)

    def close(self) -> None:
        """The driver outlives the stage: it belongs to whoever opened it."""


def first_moment(driver: Driver) -> datetime:
    """Where the story's clock begins: at the usual place, or where the system's clock already is."""
    said = driver.quiet()
    if said is None or said.now is None or said.now <= START:
        return START
    later = said.now - START
    # On another day at the same time of day, so that working time is where the story expects it.
    return START + timedelta(days=later.days + 1)
