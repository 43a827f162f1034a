"""Two platforms as processes on loopback, wired to each other: real SOAP both ways."""

import socket
import sqlite3
import threading
from datetime import timedelta

import pytest
from conftest import (
    NOW,
    PICTURE,
    ScriptedMachine,
    attachment,
    form_message,
    free_port,
    hand_over,
    make_profile,
    process,
    running_pair,
)

from bridge.vocabulary.calls import Call, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from simulators.exchange.client import PlatformClient, wsdl_path
from simulators.exchange.logbook import Keeper, Logbook, LogbookUnavailable
from simulators.exchange.quirks import Quirks
from simulators.process import SimulatorProcess, StartFailed, SteeredClock, SystemClock

pytestmark = pytest.mark.live

CASES = [f"340202-20260302-{number:06}" for number in range(1, 9)]


def states(platform: SimulatorProcess) -> set[str]:
    return {form["state"] for form in platform.ask("forms", {})}


@pytest.mark.parametrize("receipts", ["call", "response"])
def test_forms_arrive_once_and_are_confirmed(receipts):
    with running_pair(receipts=receipts) as pair:
        for case in CASES:
            pair.grid.act("post", {"case": case})
        pair.settle()
        assert states(pair.grid) == {"confirmed"}
        assert sorted(pair.urban.ask("arrived", {})) == CASES


def test_a_photo_whose_bytes_are_not_what_the_form_says_is_refused():
    with running_pair(receipts="response") as pair:
        lying = attachment(PICTURE, sha256="0" * 64)
        message = form_message(hand_over(attachments=(lying,)))
        account = pair.profile.grid
        client = PlatformClient(
            wsdl_path(Side.URBAN), account_link(pair), account.username, account.password, now=pair.urban.clock.now
        )
        ending = client.make(Call(key=1, to=Side.URBAN, message=message))
        assert ending.receipt.fault.code is ErrorCode.ATTACHMENT_INVALID
        assert pair.urban.ask("arrived", {}) == []


def test_a_caller_that_still_waits_when_its_platform_stops_says_nothing_to_the_next_life():
    """The platform gave the call up when it was restarted; a late end would be a second one."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        profile = make_profile(
            f"http://127.0.0.1:{free_port()}/soap", f"http://127.0.0.1:{silent.getsockname()[1]}/soap"
        )
        grid = process(Side.GRID, profile)
        grid.start()
        grid.act("post", {"case": CASES[0]})
        connection, _ = silent.accept()
        grid.stop()
        grid.start()
        try:
            assert grid.ask("forms", {}) == []
            connection.close()
            wait_for(lambda: not any("grid" in thread.name for thread in leftover(grid)))
            assert grid.inputs == 0
            assert grid.quiet
        finally:
            grid.stop()


def leftover(platform: SimulatorProcess) -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("grid-")} - set(platform._threads)


def test_a_form_that_the_contract_does_not_have_never_leaves():
    with running_pair() as pair:
        pair.urban.act("post", {"case": CASES[0]})
        pair.settle()
        assert states(pair.urban) == {"in_doubt"}
        assert pair.grid.ask("arrived", {}) == []


def test_a_query_is_answered():
    with running_pair() as pair:
        pair.urban.act("query", {})
        pair.settle()
        assert pair.urban.quiet


def test_quirks_delay_receipts_and_change_prefixes_and_nothing_is_lost():
    with running_pair(quirks=Quirks(seed=3, calm=False)) as pair:
        for case in CASES:
            pair.grid.act("post", {"case": case})
        pair.settle()
        assert "awaiting_receipt" in states(pair.grid)
        for _ in range(25):
            for platform in (pair.grid, pair.urban):
                platform.steer(platform.clock.now() + timedelta(seconds=1))
            pair.settle()
        assert states(pair.grid) == {"confirmed"}


def test_a_far_end_that_is_down_is_tried_again(tmp_path):
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    grid, urban = process(Side.GRID, profile), process(Side.URBAN, profile)
    grid.start()
    try:
        grid.act("post", {"case": CASES[0]})
        wait_for(lambda: states(grid) == {"to_repeat"})
        urban.start()
        grid.steer(grid.next_due)
        wait_for(lambda: states(grid) == {"confirmed"})
    finally:
        grid.stop()
        urban.stop()


def test_a_restart_with_a_file_keeps_everything(tmp_path):
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    stores = {side: tmp_path / f"{side.value}.db" for side in Side}
    urban = process(Side.URBAN, profile, store=stores[Side.URBAN])
    urban.start()
    try:
        grid = process(Side.GRID, profile, store=stores[Side.GRID])
        grid.start()
        grid.act("post", {"case": CASES[0]})
        wait_for(lambda: states(grid) == {"confirmed"})
        grid.steer(NOW + timedelta(hours=1))
        grid.act("query", {})
        grid.stop()

        grid = process(Side.GRID, profile, store=stores[Side.GRID])
        grid.start()
        assert grid.ask("forms", {}) == [{"case": CASES[0], "state": "confirmed", "attempts": 1}]
        assert grid.clock.now() == NOW + timedelta(hours=1)

        urban.stop()
        urban = process(Side.URBAN, profile, store=stores[Side.URBAN])
        urban.start()
        assert urban.ask("arrived", {}) == [CASES[0]]
        urban.steer(grid.clock.now())
        grid.act("post", {"case": CASES[1]})
        wait_for(lambda: states(grid) == {"confirmed"})
        assert urban.ask("arrived", {}) == CASES[:2]
        grid.stop()
    finally:
        urban.stop()


def test_a_taken_port_is_one_clear_sentence():
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    first = process(Side.GRID, profile)
    first.start()
    try:
        with pytest.raises(StartFailed) as refused:
            process(Side.GRID, profile).start()
        port = profile.grid.endpoint.rpartition(":")[2].partition("/")[0]
        assert port in refused.value.message_zh
        assert port in refused.value.message_en
    finally:
        first.stop()


def test_a_taken_control_port_leaves_the_soap_port_free():
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    taken = free_port()
    with_control = process(Side.URBAN, profile, control_port=taken)
    with_control.start()
    try:
        with pytest.raises(StartFailed, match=str(taken)):
            process(Side.GRID, profile, control_port=taken).start()
        later = process(Side.GRID, profile)
        later.start()
        later.stop()
    finally:
        with_control.stop()


def test_stopping_leaves_no_thread_and_no_port():
    before = set(threading.enumerate())
    with running_pair() as pair:
        pair.grid.act("post", {"case": CASES[0]})
        pair.settle()
        endpoints = (pair.grid, pair.urban)
    assert set(threading.enumerate()) - before == set()
    for platform in endpoints:
        again = process(platform.side, pair.profile)
        again.start()
        again.stop()


def test_an_error_in_the_machine_is_a_fault_that_may_be_repeated():
    class Broken(ScriptedMachine):
        def call_received(self, message, now):
            raise ZeroDivisionError

    with running_pair(Broken) as pair:
        call = Call(key=1, to=Side.URBAN, message=form_message())
        account = pair.profile.grid
        client = PlatformClient(
            wsdl_path(Side.URBAN), account_link(pair), account.username, account.password, now=pair.urban.clock.now
        )
        ending = client.make(call)
        assert isinstance(ending, Faulted)
        assert ending.fault.code is ErrorCode.INTERNAL
        assert pair.urban.inputs == 0


def test_an_unreadable_form_of_another_sender_is_none_of_ours():
    with running_pair() as pair:
        header = form_message(sender="wuhu-elsewhere").header
        fault = Fault(code=ErrorCode.SCHEMA_INVALID, field=None, message_zh="不符。", message_en="Not so.")
        answer = pair.urban.unreadable(header, fault, "digest")
        assert isinstance(answer, Faulted)
        assert answer.fault.code is ErrorCode.WRONG_PARTY


def test_the_account_of_the_same_side_is_not_let_in():
    """The caller of a platform is the other platform, or a bridge with the other platform's account."""
    with running_pair() as pair:
        account = pair.profile.urban
        client = PlatformClient(
            wsdl_path(Side.URBAN), account_link(pair), account.username, account.password, now=pair.urban.clock.now
        )
        ending = client.make(Call(key=1, to=Side.URBAN, message=form_message()))
        assert ending.fault.code is ErrorCode.NOT_AUTHENTICATED


def test_timers_fire_at_their_own_moments_when_the_clock_is_set_far_ahead():
    woken = []

    class Watched(ScriptedMachine):
        def wake(self, now):
            woken.append(now)
            super().wake(now)

    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    platform = process(Side.GRID, profile, Watched)
    platform.start()
    try:
        platform.act("post", {"case": CASES[0]})
        wait_for(lambda: states(platform) == {"to_repeat"} and platform.quiet)
        due = platform.next_due
        assert platform.steer(NOW + timedelta(days=1))
        assert woken[0] == due
        assert platform.clock.now() == NOW + timedelta(days=1)
    finally:
        platform.stop()


def test_the_real_clock_fires_timers_by_itself():
    class Impatient(ScriptedMachine):
        due = None

        def act(self, name, params, now, by=None):
            self.due = now + timedelta(milliseconds=30)
            return {}

        def next_due(self):
            return self.due

        def wake(self, now):
            if self.due is not None and now >= self.due:
                self.due = None
                self.arrived.append("woken")

    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    quirks = Quirks()
    platform = SimulatorProcess(
        Side.GRID, profile, 7, quirks, clock=SystemClock(), make_machine=lambda: Impatient(Side.GRID, profile, quirks)
    )
    platform.start()
    try:
        platform.act("anything", {})
        wait_for(lambda: platform.ask("arrived", {}) == ["woken"])
        assert not platform.steer(NOW)
    finally:
        platform.stop()


def test_a_steered_clock_is_never_set_back():
    clock = SteeredClock(NOW)
    clock.set(NOW + timedelta(hours=1))
    clock.set(NOW)
    assert clock.now() == NOW + timedelta(hours=1)


def account_link(pair) -> str:
    return pair.profile.urban.endpoint


def wait_for(condition, seconds: float = 10.0) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not come to that")


def test_a_call_under_way_may_end_while_its_platform_stops(tmp_path):
    """What came back in time is written down, so the form is not sent a second time for nothing."""
    release = threading.Event()

    class Slow(ScriptedMachine):
        def call_received(self, message, now):
            release.wait(5)
            return super().call_received(message, now)

    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    grid = process(Side.GRID, profile, store=tmp_path / "grid.db")
    urban = process(Side.URBAN, profile, Slow)
    grid.start()
    urban.start()
    try:
        grid.act("post", {"case": CASES[0]})
        wait_for(lambda: grid.inputs == 2)
        stopping = threading.Thread(target=grid.stop)
        stopping.start()
        release.set()
        stopping.join()
        grid.start()
        assert grid.ask("forms", {})[0]["state"] == "awaiting_receipt"
    finally:
        grid.stop()
        urban.stop()


# A logbook that cannot be written


@pytest.mark.parametrize("kind", ["begun", "ended"])
@pytest.mark.parametrize("side", list(Side))
def test_what_cannot_be_written_down_of_a_call_is_written_as_soon_as_it_can_be(side, kind, monkeypatch):
    """No timer helps here, because the clocks stand still: the call itself has to be kept in hand."""
    monkeypatch.setattr("simulators.process.LOGBOOK_RETRY_SECONDS", 0.01)
    with running_pair() as pair:
        platform = pair.grid if side is Side.GRID else pair.urban
        book = platform._logbook
        append, failed = book.append, []

        def failing(entry):
            if entry.kind == kind and len(failed) < 3:
                failed.append(entry)
                raise LogbookUnavailable("database or disk is full")
            append(entry)

        monkeypatch.setattr(book, "append", failing)
        pair.grid.act("post", {"case": CASES[0]})
        wait_for(lambda: states(pair.grid) == {"confirmed"})
        pair.settle()
        assert len(failed) == 3
        assert pair.urban.ask("arrived", {}) == CASES[:1]
        assert platform.inputs == len(list(book.entries()))


def test_a_call_to_a_platform_whose_logbook_cannot_be_written_is_refused_as_busy(monkeypatch):
    with running_pair() as pair:

        def full(_):
            raise LogbookUnavailable("database or disk is full")

        monkeypatch.setattr(pair.urban._logbook, "append", full)
        account = pair.profile.grid
        client = PlatformClient(
            wsdl_path(Side.URBAN), account_link(pair), account.username, account.password, now=pair.urban.clock.now
        )
        ending = client.make(Call(key=1, to=Side.URBAN, message=form_message()))
        assert isinstance(ending, Faulted)
        assert ending.fault.code is ErrorCode.BUSY
        assert pair.urban.ask("arrived", {}) == []


def test_a_logbook_in_which_the_restart_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    book = Logbook(tmp_path / "grid.db", "grid seed 7")
    kept = Keeper(lambda: ScriptedMachine(Side.GRID, make_profile()), book)
    kept.act("post", {"case": CASES[0]}, NOW)
    (call,) = kept.take_calls()
    kept.begin(call.key, NOW)
    book.close()
    grid = process(Side.GRID, make_profile(f"http://127.0.0.1:{free_port()}/soap"), store=tmp_path / "grid.db")
    monkeypatch.setattr("simulators.exchange.logbook.LOCKED_SECONDS", 0.05)
    with sqlite3.connect(tmp_path / "grid.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StartFailed, match="cannot be written"):
            grid.start()
        other.execute("COMMIT")
    grid.start()
    grid.stop()
