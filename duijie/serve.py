"""Running one party: the bridge or a simulator, as a service inside a process, or as a process of its own until told to stop."""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.stopping import StopRequest
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from conformance.drivers.driver import Quiet
from conformance.scenario.steps import Quirkiness
from duijie.cast import RIGHT, Cast
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.processes import Service
from duijie.profiles_io import read_profile
from simulators.city import Town
from simulators.exchange.quirks import RECEIPT_DELAY_SECONDS_MAX, Quirks

if TYPE_CHECKING:
    from simulators.process import SimulatorProcess

#: Names the token that opens control ports, for those who serve them and those who call them.
TOKEN_VARIABLE = "DUIJIE_CONTROL_TOKEN"  # noqa: S105 - the name of the variable, not its value

#: With the real clock somebody watches: receipts are held back for moments, not for many seconds.
WATCHED_DELAY_SECONDS_MAX = 0.3


def simulator_process(
    side: Side,
    profile: Profile,
    *,
    seed: int,
    quirks: Quirkiness,
    control_port: int | None,
    store: Path | None,
    link: str,
    started_at: datetime | None,
    first_serial: int = 1,
    control_token: str | None = None,
    cast: Cast = RIGHT,
) -> "SimulatorProcess":
    """A simulator as a service; with `started_at` its clock stands there until steered."""
    from simulators.process import SimulatorProcess, SteeredClock

    temper = Quirks(
        seed=quirks.seed or 0,
        calm=quirks.calm,
        receipt_delay_seconds_max=RECEIPT_DELAY_SECONDS_MAX if started_at else WATCHED_DELAY_SECONDS_MAX,
    )
    return SimulatorProcess(
        side,
        profile,
        seed,
        temper,
        clock=None if started_at is None else SteeredClock(started_at),
        store_path=store,
        control_port=control_port,
        control_token=control_token,
        link_endpoint=link,
        make_machine=partial(cast.make_platform, side, profile, Town.build(seed), seed, temper, first_serial),
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A party does not do or tell what it was asked to; the same words as at its control port."""

    code: str
    message_zh: str
    message_en: str


def answer(service: Any, question: str, argument: Any) -> Any:
    """What a party says over the pipe of its process, in place of its control port.

    `act` and `ask` take a name and parameters, `act` a person too, and give JSON-able values or a `Refusal`; `steer` sets the clock
    forward to a moment and, like `quiet`, gives a `Quiet`.
    """
    if question == "act":
        return _willing(service.act, *argument)
    if question == "ask":
        return _willing(service.ask, *argument)
    return _standing(service, question, argument)


def _willing(do: Callable[..., Any], *arguments: Any) -> Any:
    from bridge.core.desk import DeskRefused
    from bridge.core.errors import StoreUnavailable
    from simulators.exchange.errors import ActRefused, AskRefused
    from simulators.exchange.logbook import LogbookUnavailable

    try:
        # The values of JSON and no others, as they come from a control port.
        return json.loads(json.dumps(do(*arguments), ensure_ascii=False))
    except (ActRefused, AskRefused, DeskRefused) as refused:
        return Refusal(refused.code, refused.message_zh, refused.message_en)
    except LogbookUnavailable as busy:
        return Refusal("busy", busy.message_zh, busy.message_en)
    except StoreUnavailable as busy:
        return Refusal("busy", "存储暂不可用,请稍后再试。", str(busy))


def _standing(service: Any, question: str, moment: datetime | None) -> Quiet:
    if isinstance(service, BridgeService):
        return service.standing(moment if question == "steer" else None)
    if question == "steer" and moment is not None:
        service.steer(moment)
    return Quiet(next_due=service.next_due, quiet=service.quiet, now=service.clock.now(), inputs=service.inputs)


class BridgeService:
    """The bridge with its store, as a service; with `started_at` its clock stands there until steered."""

    def __init__(
        self,
        profile: Profile,
        *,
        control_port: int | None,
        started_at: datetime | None,
        control_token: str | None = None,
        cast: Cast = RIGHT,
    ):
        self._profile = profile
        self._cast = cast
        self._control_port = control_port
        self._control_token = control_token
        self._started_at = started_at

    def start(self) -> None:
        """Open the store and answer calls."""
        from bridge.runtime import BridgeProcess
        from bridge.stores.sole import Claim
        from bridge.stores.sql import SqlStore
        from bridge.transports.clock import Clock, SteeredClock, SystemClock

        clock: Clock = SystemClock() if self._started_at is None else SteeredClock(self._started_at)
        self._claim = Claim(self._profile.bridge.store)
        self._store = SqlStore(self._profile.bridge.store)
        try:
            self._process = BridgeProcess(
                self._profile,
                self._store,
                clock,
                control_port=self._control_port,
                control_token=self._control_token,
                make_shell=self._cast.bridge,
            )
        except BaseException:
            self._store.close()
            self._claim.release()
            raise
        self._process.start()

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let an operator act; raises `DeskRefused`."""
        return self._process.act(name, params, by)

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Answer a question about the bridge's books; raises `DeskRefused`."""
        return self._process.ask(name, params)

    def standing(self, moment: datetime | None) -> Quiet:
        """Whether the bridge is at rest and until when, after its clock was set forward to a moment."""
        process = self._process
        if moment is not None:
            process.move_clock(moment)
        return Quiet(next_due=process.next_due(), quiet=process.is_quiet(), now=process.now())

    def stop(self) -> None:
        """Stop in order and close the store."""
        self._process.stop()
        self._store.close()
        self._claim.release()


def serve_bridge(profile_path: Path, *, control_port: int | None) -> Exit:
    """Run the bridge until SIGTERM or Ctrl-C."""
    from bridge.runtime import bridge_main

    token = given_token()
    return (
        Exit.OK
        if bridge_main(profile_path, control_port=control_port, control_token=token) == 0
        else Exit.CONFIGURATION
    )


def serve_simulator(
    side: Side,
    profile_path: Path | None,
    control_port: int | None,
    store: Path | None,
    *,
    seed: int,
    calm: bool,
    direct: bool,
    language: Language,
) -> Exit:
    """Run a simulator until SIGTERM or Ctrl-C."""
    profile = read_profile(profile_path)
    link = profile.platform(side.other).endpoint if direct else f"{profile.bridge.endpoint}/{side.other.value}"
    service = simulator_process(
        side,
        profile,
        seed=seed,
        quirks=Quirkiness(seed=None if calm else seed),
        control_port=control_port,
        store=store,
        link=link,
        started_at=None,
        control_token=given_token(),
    )
    address = profile.platform(side).endpoint
    zh = {"grid": "网格平台模拟器", "urban": "城管平台模拟器"}[side.value]
    ready = say(language, f"{zh}在 {address} 就绪", f"the {side.value} simulator is ready at {address}")
    if control_port is not None and given_token() is None:
        ready += say(language, f"\n控制端口令牌:{service.control_token}", f"\ncontrol token: {service.control_token}")
    return _serve(service, ready)


def given_token() -> str | None:
    """The control ports' token from the environment; None when each process is to make its own. Never an argument: others could read it there."""
    return os.environ.get(TOKEN_VARIABLE) or None


def _serve(service: Service, ready: str) -> Exit:
    from simulators.exchange.logbook import LogbookUnusable
    from simulators.process import StartFailed

    told = StopRequest.by_signals()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        service.start()
    except (StartFailed, LogbookUnusable) as error:
        raise UserMistake(error.message_zh, error.message_en) from None
    sys.stdout.write(f"{ready}\n")
    sys.stdout.flush()
    told.wait()
    service.stop()
    return Exit.OK
