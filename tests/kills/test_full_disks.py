"""A full disk and a locked file are answered with a refusal, and nothing is lost: with room again all goes on by itself.

The processes are real ones. Their disk is full because the system refuses them every further byte in a file (RLIMIT_FSIZE, set from
outside on the running process), and their file is locked because this test holds a write transaction on it.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from lives import Life, live
from trio import Trio, running

from bridge.vocabulary.calls import Call, Ending, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party, Side
from conformance.scenario import forge
from conformance.scenario.stage import START, StageRefused
from simulators.exchange.client import PlatformClient, wsdl_path

resource = pytest.importorskip("resource", reason="this system has no such limits")

pytestmark = pytest.mark.live

PATIENCE = 180.0


@contextmanager
def full(trio: Trio, party: Party) -> Iterator[None]:
    trio.fill_disk(party)
    try:
        yield
    finally:
        trio.make_room(party)


@contextmanager
def locked(trio: Trio, party: Party) -> Iterator[None]:
    other = sqlite3.connect(trio.store_of(party), isolation_level=None, timeout=PATIENCE)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("COMMIT")
        other.close()


TROUBLES = pytest.mark.parametrize("trouble", [full, locked])


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with running(tmp_path_factory.mktemp("disks"), 5) as trio:
        yield trio


def call(trio: Trio, party: Party, case: str, id_: str) -> Ending:
    """The other platform, or the bridge in its place, brings a supplement."""
    side = Side.URBAN if party is Party.BRIDGE else Side(party.value)
    form_type = FormType.SUPPLEMENT if side is Side.URBAN else FormType.CONTACT_NOTICE
    address = f"{trio.profile.bridge.endpoint}/urban" if party is Party.BRIDGE else trio.profile.platform(side).endpoint
    caller = trio.profile.platform(side.other)
    client = PlatformClient(wsdl_path(side), address, caller.username, caller.password, caller.password_type)
    form = forge.build_form(form_type, case, {}, START, None)
    message = forge.form_message(trio.profile, side.other, form, forge.message_id(id_), START)
    return client.make(Call(key=1, to=side, message=message))


def ready(trio: Trio) -> int:
    return httpx.get(f"{trio.profile.bridge.endpoint}/ready", trust_env=False, timeout=PATIENCE).status_code


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@TROUBLES
@pytest.mark.parametrize("party", list(Party))
def test_a_call_is_refused_as_busy_and_the_running_cases_go_on_by_themselves(trio: Trio, party: Party, trouble) -> None:
    name = f"{party}-{trouble.__name__}"
    lives = [Life(f"{name}-{number}", "closed", rejections=number % 2) for number in range(2)]
    going = threading.Event()
    living = threading.Thread(
        target=live, args=(trio.remotes, lives), kwargs={"after": lambda done: going.set() if done == 5 else None}
    )
    living.start()
    assert going.wait(PATIENCE)
    case = next(life.case for life in lives if life.case)
    with trouble(trio, party):
        ending = call(trio, party, case, name)
        if party is Party.BRIDGE:
            assert eventually(lambda: ready(trio) == 503)
            health = httpx.get(f"{trio.profile.bridge.endpoint}/health", trust_env=False, timeout=PATIENCE)
            assert health.status_code == 200
        else:
            with pytest.raises(StageRefused) as refused:
                trio.remotes[party].act("nobody.acts", {})
            assert refused.value.code == "busy"
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.BUSY
    living.join(PATIENCE)
    assert not living.is_alive()
    if party is Party.BRIDGE:
        assert eventually(lambda: ready(trio) == 200)
    trio.settle()
    assert [finding.text("en") for finding in trio.audit()] == []
    assert trio.deaths.total == 0


def test_killed_while_its_disk_is_full_the_bridge_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path, 6) as trio:
        lives = [Life(f"第{number}件", "closed") for number in range(3)]
        struck = threading.Event()

        def strike(done: int) -> None:
            if done == 8:
                trio.fill_disk(Party.BRIDGE)
                trio.kill(Party.BRIDGE)
                struck.set()

        live(trio.remotes, lives, after=strike)
        assert struck.is_set()
        trio.settle()
        assert [finding.text("en") for finding in trio.audit()] == []
        assert trio.deaths.of(Party.BRIDGE) == 1
