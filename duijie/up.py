"""`duijie up`: the pair, running, with a first case walking through it."""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bridge.stopping import StopRequest
from bridge.vocabulary.parties import Party, Side
from conformance.scenario.events import Run
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.stage import Stage
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.console.server import ConsoleServer
from duijie.console.shown import Shown
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder
from duijie.live import LiveStage
from duijie.narrate import Timeline
from duijie.processes import warm_up
from duijie.profiles_io import read_profile
from duijie.steering import Steered, Steering

#: The latest envelopes that the console can show.
ENVELOPES_MAX = 2_000
#: The story of the first case.
FIRST_CASE = "lifecycle/the-first-case.yaml"


def run_up(
    profile_path: Path | None,
    *,
    once: bool,
    direct: bool,
    calm: bool,
    seed: int,
    keep: Path | None,
    language: Language,
    steered: bool = False,
) -> Exit:
    """Start the pair, walk a first case through it, and with `once` stop; else stay until Ctrl-C."""
    warm_up()
    began = time.monotonic()
    profile = read_profile(profile_path)
    wiring = Wiring.DIRECT if direct else Wiring.BRIDGED
    console = Console(highlight=False, soft_wrap=True)
    with _told_to_stop() as told, _folder(keep) as folder:
        quirks = Quirkiness(seed=None if calm else seed)
        stage = LiveStage(
            profile,
            wiring,
            seed,
            quirks,
            steered=steered,
            fixed_ports=True,
            folder=folder,
            envelopes=True,
        )
        stage.trace.enclosed_max = ENVELOPES_MAX
        steering = Steering(stage, steered=steered, quirks=quirks)
        try:
            seconds = time.monotonic() - began
            console.print(say(language, f"三方就绪,用时 {seconds:.1f} 秒。", f"Everything is up, {seconds:.1f} s."))
            console.print(_addresses(stage, language))
            if not once:
                token = stage.pair.control_token
                console.print(say(language, f"控制端口令牌:{token}", f"control token: {token}"), markup=False)
            run = _walk(stage, console, language)
            if not once and not told.is_set():
                with ConsoleServer(_shown(stage, steering, language)) as pages:
                    console.print(say(language, f"控制台:{pages.address}", f"console: {pages.address}"), markup=False)
                    console.print(say(language, "运行中,按 Ctrl-C 停止。", "Running; Ctrl-C stops it."))
                    told.wait()
        finally:
            steering.close()
            stage.close()
            console.print(say(language, "三方已停止。", "Everything has stopped."))
    return Exit.OK if run.passed else Exit.FAILED


def _shown(stage: LiveStage, steering: Steering, language: Language) -> Shown:
    # Records are only ever added: whoever looks needs no copy.
    return Shown(
        parties={party: Steered(steering, party, remote) for party, remote in stage.pair.remotes.items()},
        records=lambda: stage.trace.records,
        crossed=lambda: len(stage.trace),
        envelope=stage.trace.envelope,
        steering=steering,
        language=language,
    )


@contextmanager
def _told_to_stop() -> Iterator[StopRequest]:
    """SIGTERM and, while the pair is only waiting, Ctrl-C."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    told = StopRequest.by_signals(before)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        told.close()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="duijie-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=keep):
            pass
    except OSError as error:
        raise UserMistake.unwritable(keep, error) from error
    yield keep


class _Borrowed:
    """A stage that goes on living after the story on it is over."""

    def __init__(self, stage: LiveStage):
        self._stage = stage

    def __getattr__(self, name: str) -> object:
        return getattr(self._stage, name)

    def close(self) -> None:
        """Leave it running."""


def _walk(stage: LiveStage, console: Console, language: Language) -> Run:
    scenario = load_scenario(library_folder() / FIRST_CASE)
    borrowed: Stage = _Borrowed(stage)  # type: ignore[assignment]  # it hands every call on
    return play(
        scenario,
        stage.wiring,
        lambda *_: borrowed,
        seed=stage.seed,
        listeners=(Timeline(console, language),),
    )


def _addresses(stage: LiveStage, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    pair = stage.pair
    names = {
        Party.GRID: say(language, "网格平台模拟器", "grid simulator"),
        Party.URBAN: say(language, "城管平台模拟器", "urban simulator"),
        Party.BRIDGE: say(language, "对接桥", "bridge"),
    }
    for party in pair.parties:
        address = pair.address(party)
        if party is Party.BRIDGE:
            table.add_row(
                names[party], say(language, "网格平台呼叫", "for the grid side"), f"{address}/{Side.URBAN}?wsdl"
            )
            table.add_row("", say(language, "城管平台呼叫", "for the urban side"), f"{address}/{Side.GRID}?wsdl")
        else:
            table.add_row(names[party], "SOAP", f"{address}?wsdl")
        # Only the simulators' people have acts to describe; what the bridge holds is one question.
        asked = "asks/cases" if party is Party.BRIDGE else "openapi.json"
        table.add_row("", say(language, "控制端口", "control port"), f"{pair.control_address(party)}/{asked}")
    return table
