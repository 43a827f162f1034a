"""A bridge that is killed at any point loses nothing and doubles nothing: it takes up from its store where it stood."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from peers import PATIENCE, Caller, Peer, linked
from sample_forms import CASE, OTHER_CASE, form, message, message_id, receipt_for
from urllib3.connection import HTTPConnection

from bridge.core.exchange import DeliveryState
from bridge.settings import profile_to_mapping
from bridge.stores.sql import SqlStore
from bridge.transports.clock import SystemClock
from bridge.vocabulary.calls import Answered, Faulted, Message, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault, FormMessage, ReceiptMessage
from bridge.vocabulary.parties import Side

ROOT = Path(__file__).parents[2]
HAND_OVER = message(Side.GRID, form(FormType.HAND_OVER), 1)

pytestmark = pytest.mark.live


class Bridge:
    """A bridge in a process of its own."""

    def __init__(self, profile: Path):
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from bridge.runtime import bridge_main; sys.exit(bridge_main(sys.argv[1]))",
                str(profile),
            ],
            cwd=profile.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> str:
        """The address, once it listens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        return str(json.loads(line)["ready"])

    def end(self, how: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def running(profile: Path) -> Iterator[tuple[Bridge, Caller]]:
    bridge = Bridge(profile)
    try:
        caller = Caller(bridge.ready(), SystemClock())
        yield bridge, caller
        caller.close()
    finally:
        if bridge.process.poll() is None:
            bridge.process.kill()
        bridge.process.communicate()


def written(folder: Path, grid: str, urban: str) -> Path:
    profile = linked(grid, urban, bridge__store=f"sqlite:///{folder / 'bridge.db'}", delivery__retry_gaps_seconds=[1])
    path = folder / "city.yaml"
    path.write_text(yaml.safe_dump(profile_to_mapping(profile), allow_unicode=True), encoding="utf-8")
    return path


def confirm(given: Message) -> Answered:
    return Answered(receipt=receipt_for(given)) if isinstance(given, FormMessage) else Answered()


def states(folder: Path, *case_numbers: str) -> list[DeliveryState]:
    store = SqlStore(f"sqlite:///{folder / 'bridge.db'}")
    exchanges = [store.read_exchange(case_number) for case_number in case_numbers]
    store.close()
    return [delivery.state for exchange in exchanges if exchange for delivery in exchange.deliveries.values()]


def killed_as_it_sends(profile: Path, urban: Peer, released: threading.Event) -> None:
    """A bridge brings the hand-over to the urban platform, and dies before that answers, which it does once `released`."""
    with running(profile) as (bridge, caller):
        assert Answered() == caller.call(Side.URBAN, HAND_OVER).ending
        urban.wait_for(1)
        bridge.end(signal.SIGKILL)
    released.set()


def test_killed_while_a_sending_is_under_way(tmp_path: Path) -> None:
    """The urban platform has the form, the bridge dies before the answer: the same form comes again under the same id."""
    released = threading.Event()

    def hang_once(given: Message) -> Answered:
        if isinstance(given, FormMessage) and len(urban.forms) == 1:
            released.wait(PATIENCE)
        return confirm(given)

    with Peer(Side.GRID) as grid, Peer(Side.URBAN, hang_once) as urban:
        profile = written(tmp_path, grid.address, urban.address)
        killed_as_it_sends(profile, urban, released)
        assert states(tmp_path, CASE) == [DeliveryState.SENDING]
        with running(profile) as (bridge, _):
            (given,) = grid.wait_for(1)
            assert bridge.end(signal.SIGTERM)[0] == 0
    assert {message_id(1)} == {each.header.message_id for each in urban.forms}
    assert len(urban.forms) == 2
    assert isinstance(given, ReceiptMessage)
    assert receipt_for(HAND_OVER) == given.receipt
    assert states(tmp_path, CASE) == [DeliveryState.CONFIRMED]


def test_killed_while_a_sending_is_under_way_to_a_platform_that_is_busy_afterwards(tmp_path: Path) -> None:
    """The urban platform has the form. That it does not take the repetition says nothing about the first time."""
    released = threading.Event()

    def hang_once(given: Message) -> Answered | Faulted:
        if len(urban.forms) == 1:
            released.wait(PATIENCE)
        return Faulted(fault=Fault(code=ErrorCode.BUSY, field=None, message_zh="系统忙", message_en="busy"))

    with Peer(Side.GRID) as grid, Peer(Side.URBAN, hang_once) as urban:
        profile = written(tmp_path, grid.address, urban.address)
        killed_as_it_sends(profile, urban, released)
        with running(profile) as (bridge, _):
            urban.wait_for(2)
            assert bridge.end(signal.SIGTERM)[0] == 0
    assert states(tmp_path, CASE) == [DeliveryState.IN_DOUBT]


def test_killed_while_a_receipt_is_being_given(tmp_path: Path) -> None:
    """The grid platform has the receipt, the bridge dies before it knows: the same receipt comes again, as the same message."""
    released = threading.Event()

    def hang_once(given: Message) -> Answered:
        if len(grid.receipts) == 1:
            released.wait(PATIENCE)
        return Answered()

    with Peer(Side.GRID, hang_once) as grid, Peer(Side.URBAN, confirm) as urban:
        profile = written(tmp_path, grid.address, urban.address)
        with running(profile) as (bridge, caller):
            caller.call(Side.URBAN, HAND_OVER)
            grid.wait_for(1)
            bridge.end(signal.SIGKILL)
        released.set()
        with running(profile) as (bridge, _):
            first, second = grid.wait_for(2)
            bridge.end(signal.SIGTERM)
    assert len(urban.forms) == 1
    assert isinstance(first, ReceiptMessage)
    assert isinstance(second, ReceiptMessage)
    assert first.receipt == second.receipt
    assert first.header.message_id == second.header.message_id


def test_killed_before_anything_could_be_sent(tmp_path: Path) -> None:
    """Two cases are acknowledged while the urban platform is away; after the kill both are delivered, each once."""
    with socket.create_server(("127.0.0.1", 0)) as placeholder:
        port = placeholder.getsockname()[1]
    given = [HAND_OVER, message(Side.GRID, form(FormType.HAND_OVER, OTHER_CASE), 2)]
    with Peer(Side.GRID) as grid:
        profile = written(tmp_path, grid.address, f"http://127.0.0.1:{port}/soap")
        with running(profile) as (bridge, caller):
            assert [Answered(), Answered()] == [caller.call(Side.URBAN, each).ending for each in given]
            bridge.end(signal.SIGKILL)
        with Peer(Side.URBAN, confirm, port=port) as urban, running(profile) as (bridge, _):
            grid.wait_for(2)
            bridge.end(signal.SIGTERM)
    assert sorted(message_id(number) for number in (1, 2)) == sorted(each.header.message_id for each in urban.forms)
    assert states(tmp_path, CASE, OTHER_CASE) == [DeliveryState.CONFIRMED] * 2


def test_killed_before_the_caller_was_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller does not know whether its form arrived and repeats it: it arrives once."""
    connected, connect = threading.Event(), HTTPConnection.connect

    def connect_and_tell(connection: HTTPConnection) -> None:
        connect(connection)
        connected.set()

    monkeypatch.setattr(HTTPConnection, "connect", connect_and_tell)
    with Peer(Side.GRID) as grid, Peer(Side.URBAN, confirm) as urban:
        profile = written(tmp_path, grid.address, urban.address)
        with running(profile) as (bridge, caller):
            bridge.process.send_signal(signal.SIGSTOP)
            ending: list[object] = []
            calling = threading.Thread(target=lambda: ending.append(caller.call(Side.URBAN, HAND_OVER).ending))
            calling.start()
            assert connected.wait(PATIENCE)
            bridge.end(signal.SIGKILL)
            calling.join(PATIENCE)
        assert isinstance(ending[0], Unanswered)
        with running(profile) as (bridge, caller):
            assert Answered() == caller.call(Side.URBAN, HAND_OVER).ending
            grid.wait_for(1)
            bridge.end(signal.SIGTERM)
    assert len(urban.forms) == 1


def test_a_process_that_cannot_start_says_why_in_one_line_and_nothing_else(tmp_path: Path) -> None:
    profile = written(tmp_path, "http://127.0.0.1:1/", "http://127.0.0.1:2/")
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        profile.read_text(encoding="utf-8").replace("max_rejections: 3", "max_rejections: many"), encoding="utf-8"
    )
    homeless = tmp_path / "homeless.yaml"
    homeless.write_text(
        profile.read_text(encoding="utf-8").replace("/bridge.db", "/no/such/folder/bridge.db"), encoding="utf-8"
    )
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = tmp_path / "taken.yaml"
        taken.write_text(
            profile.read_text(encoding="utf-8").replace("127.0.0.1:0", f"127.0.0.1:{port}"), encoding="utf-8"
        )
        ends = []
        for path in (broken, homeless, taken):
            bridge = Bridge(path)
            _, said = bridge.process.communicate(timeout=PATIENCE)
            ends.append((bridge.process.returncode, said.strip()))
    assert [status for status, _ in ends] == [2, 2, 2]
    assert [len(said.splitlines()) for _, said in ends] == [1, 1, 1]
    assert "broken.yaml:" in ends[0][1]
    assert "the store's folder does not exist" in ends[1][1]
    assert f"cannot listen at 127.0.0.1:{port}" in ends[2][1]
