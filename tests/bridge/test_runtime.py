"""The bridge as a process: forms and receipts cross it over real HTTP, and nothing is lost or doubled."""

import io
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from peers import PATIENCE, Caller, Peer, acknowledge, in_thread, linked
from sample_forms import CASE, MONDAY, OTHER_CASE, PROFILE, form, message, message_id, receipt_for

from bridge.core.effects import GiveReceipt, Send
from bridge.core.errors import StoreUnavailable
from bridge.core.exchange import DeliveryState
from bridge.core.inputs import DocumentReceived, SendSucceeded
from bridge.core.ports import OutboxItem, Store
from bridge.core.shell import Shell
from bridge.runtime import FIRST_QUERY_AFTER, SENDERS, UNWRITTEN_MAX, BridgeProcess, JsonLines
from bridge.settings import override
from bridge.stores.memory import MemoryStore
from bridge.stores.sql import SqlStore
from bridge.transports.client import Delivered, PlatformClient
from bridge.transports.clock import SteeredClock, SystemClock
from bridge.transports.server import AddressTaken
from bridge.vocabulary.calls import Answered, Faulted, Message, Unanswered
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import ExchangeStage, HandedOverState

MINUTE = timedelta(minutes=1)


class Town:
    """A bridge between two peers, and both platforms as its callers."""

    def __init__(self, grid: Peer, urban: Peer, bridge: BridgeProcess, clock: SteeredClock):
        self.grid = grid
        self.urban = urban
        self.bridge = bridge
        self.clock = clock
        self.caller = Caller(bridge.address, clock, bridge.profile)

    def from_grid(self, given: Message) -> Any:
        return self.caller.call(Side.URBAN, given).ending

    def from_urban(self, given: Message) -> Any:
        return self.caller.call(Side.GRID, given).ending

    def settle(self) -> None:
        """Wait until the bridge is quiet."""
        settle(self.bridge)

    def advance(self, by: timedelta) -> None:
        self.clock.move_to(self.clock.now() + by)
        self.settle()

    def state(self, number: int = 1, case_number: str = CASE) -> DeliveryState:
        exchange = self.bridge.store.read_exchange(case_number)
        assert exchange is not None
        return exchange.deliveries[message_id(number)].state


def settle(bridge: BridgeProcess) -> None:
    with bridge._changed:
        assert bridge._changed.wait_for(bridge.is_quiet, PATIENCE)


@contextmanager
def town(
    store: Store | None = None,
    urban_behaves: Callable[[Message], Answered | Faulted] = acknowledge,
    grid_behaves: Callable[[Message], Answered | Faulted] = acknowledge,
    profile: Callable[[Profile], Profile] = lambda profile: profile,
    control: bool = False,
    **changes: Any,
) -> Iterator[Town]:
    with ExitStack() as stack:
        grid = stack.enter_context(Peer(Side.GRID, grid_behaves))
        urban = stack.enter_context(Peer(Side.URBAN, urban_behaves))
        clock = SteeredClock(MONDAY)
        linked_profile = profile(linked(grid.address, urban.address, **changes))
        bridge = BridgeProcess(linked_profile, store or MemoryStore(), clock, control_port=0 if control else None)
        bridge.start()
        stack.callback(bridge.stop)
        here = Town(grid, urban, bridge, clock)
        stack.callback(here.caller.close)
        yield here


HAND_OVER = message(Side.GRID, form(FormType.HAND_OVER), 1)


def as_call(given: FormMessage, number: int = 900, code: ErrorCode | None = None) -> ReceiptMessage:
    """The recipient's receipt for a form, as a call of its own."""
    header = replace(
        given.header,
        message_id=message_id(number),
        sender=given.header.recipient,
        recipient=given.header.sender,
    )
    return ReceiptMessage(header=header, receipt=receipt_for(given, code=code))


def confirm_in_response(given: Message) -> Answered:
    return Answered(receipt=receipt_for(given)) if isinstance(given, FormMessage) else acknowledge(given)


# The path of a form and of its receipt


def test_a_form_is_relayed_under_its_own_id_and_its_receipt_comes_back_as_a_call() -> None:
    with town() as here:
        assert Answered() == here.from_grid(HAND_OVER)
        (relayed,) = here.urban.wait_for(1)
        assert relayed == HAND_OVER
        assert Answered() == here.from_urban(as_call(HAND_OVER))
        (given,) = here.grid.wait_for(1)
        assert isinstance(given, ReceiptMessage)
        assert receipt_for(HAND_OVER) == given.receipt
        here.settle()
        assert here.state() is DeliveryState.CONFIRMED
        exchange = here.bridge.store.read_exchange(CASE)
        assert exchange is not None
        assert exchange.stage is ExchangeStage.HANDED_OVER


def test_a_receipt_that_the_bridge_gives_is_headed_by_the_platform_that_decided() -> None:
    with town(urban_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        (given,) = here.grid.wait_for(1)
        assert isinstance(given, ReceiptMessage)
        expected = Header(
            message_id=given.header.message_id,
            sender="wuhu-urban",
            recipient="wuhu-grid",
            case_number=CASE,
            form_type=FormType.HAND_OVER,
            attempt=1,
            sent_at=MONDAY,
        )
        assert expected == given.header
        assert given.header.message_id != HAND_OVER.header.message_id


def test_the_bridge_calls_a_platform_with_the_account_of_the_other() -> None:
    with town(urban_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        assert [(r.token.username, r.token.matches("g")) for r in here.urban.requests if r.token] == [("grid", True)]
        assert [(r.token.username, r.token.matches("u")) for r in here.grid.requests if r.token] == [("urban", True)]


def test_forms_of_the_other_direction_take_the_mirrored_way() -> None:
    filing = message(Side.URBAN, form(FormType.FILING_RESULT), 2)
    with town(urban_behaves=confirm_in_response, grid_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        assert Answered() == here.from_urban(filing)
        assert filing == here.grid.wait_for(2)[1]
        here.urban.wait_for(2)
        assert [receipt_for(filing)] == [each.receipt for each in here.urban.receipts]


def test_a_repeated_form_gets_its_receipt_again_and_is_not_relayed_again() -> None:
    with town(urban_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        here.from_grid(HAND_OVER)
        here.grid.wait_for(2)
        here.settle()
        assert len(here.urban.seen) == 1
        assert here.grid.receipts[0].receipt == here.grid.receipts[1].receipt


def test_a_form_out_of_sequence_gets_an_error_receipt_from_the_bridge() -> None:
    with town() as here:
        assert Answered() == here.from_grid(message(Side.GRID, form(FormType.WITHDRAWAL), 1))
        (given,) = here.grid.wait_for(1)
        assert isinstance(given, ReceiptMessage)
        assert given.receipt.outcome is ReceiptOutcome.ERROR
        assert given.receipt.fault is not None
        assert given.receipt.fault.code is ErrorCode.CASE_UNKNOWN
        here.settle()
        assert not here.urban.seen


def test_the_next_form_of_a_case_waits_for_the_receipt_of_the_first() -> None:
    supplement = message(Side.GRID, form(FormType.SUPPLEMENT), 2)
    with town() as here:
        here.from_grid(HAND_OVER)
        here.from_grid(supplement)
        here.settle()
        assert here.urban.seen == [HAND_OVER]
        here.from_urban(as_call(HAND_OVER))
        assert here.urban.wait_for(2)[1] == supplement


def test_two_cases_never_wait_for_each_other() -> None:
    """The first case's call hangs at the urban platform; the second case goes through all the same."""
    released = threading.Event()

    def behave(given: Message) -> Answered:
        if isinstance(given, FormMessage) and given.form.case_number == CASE:
            assert released.wait(PATIENCE)
        return confirm_in_response(given)

    other = message(Side.GRID, form(FormType.HAND_OVER, OTHER_CASE), 2)
    with town(urban_behaves=behave) as here:
        try:
            here.from_grid(HAND_OVER)
            here.urban.wait_for(1)
            here.from_grid(other)
            (first,) = here.grid.wait_for(1)
            assert isinstance(first, ReceiptMessage)
            assert first.receipt.case_number == OTHER_CASE
        finally:
            released.set()
        here.grid.wait_for(2)


def test_a_platform_that_hangs_on_every_call_does_not_keep_anything_from_the_other() -> None:
    released = threading.Event()

    def hang(_: Message) -> Answered:
        assert released.wait(PATIENCE)
        return Answered()

    with town(urban_behaves=hang) as here:
        try:
            for number in range(1, SENDERS + 2):
                here.from_grid(message(Side.GRID, form(FormType.HAND_OVER, f"340202-20260302-{number:06}"), number))
            here.from_grid(message(Side.GRID, form(FormType.WITHDRAWAL, "340202-20260302-900000"), 900))
            (given,) = here.grid.wait_for(1)
            assert isinstance(given, ReceiptMessage)
            assert given.receipt.form_message_id == message_id(900)
        finally:
            released.set()


def test_idle_connections_by_the_hundred_keep_nobody_out() -> None:
    with town() as here, ExitStack() as idle:
        port = httpx.URL(here.bridge.address).port
        assert port is not None
        for _ in range(150):
            idle.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert Answered() == here.from_grid(HAND_OVER)
        here.urban.wait_for(1)


def test_an_operator_sees_who_is_refused_at_the_door_and_who_refuses_us(caplog: pytest.LogCaptureFixture) -> None:
    refused = Faulted(
        fault=Fault(code=ErrorCode.NOT_AUTHENTICATED, field=None, message_zh="口令不符", message_en="Not the password")
    )
    with caplog.at_level(logging.WARNING, "duijie.bridge"), town(urban_behaves=lambda _: refused) as here:
        stranger = PlatformClient(
            override(
                here.bridge.profile,
                {"urban.endpoint": f"{here.bridge.address}/urban", "grid.password": "changed"},
            ),
            here.clock,
        )
        stranger.deliver(Side.URBAN, HAND_OVER)
        stranger.close()
        here.from_grid(HAND_OVER)
        here.urban.wait_for(1)
        here.settle()
    said = {(record.getMessage(), tuple(getattr(record, "fields", {}).values())) for record in caplog.records}
    assert ("caller.refused", ("grid", "wrong password")) in said
    assert ("platform.refuses_us", ("urban", "NOT_AUTHENTICATED")) in said


# Receipts in the response


def test_in_response_mode_the_receipt_stands_in_the_response() -> None:
    with town(urban_behaves=confirm_in_response, bridge__receipts="response") as here:
        assert Answered(receipt=receipt_for(HAND_OVER)) == here.from_grid(HAND_OVER)
        here.settle()
        assert not here.grid.seen
        assert not here.bridge.store.outbox()


def test_in_response_mode_a_caller_is_let_go_when_the_relay_attempt_brought_no_receipt() -> None:
    with town(bridge__receipts="response") as here:
        assert Answered() == here.from_grid(HAND_OVER)
        here.from_urban(as_call(HAND_OVER))
        (given,) = here.grid.wait_for(1)
        assert isinstance(given, ReceiptMessage)
        assert given.receipt == receipt_for(HAND_OVER)


def test_in_response_mode_a_form_that_waits_for_its_turn_does_not_hold_its_caller() -> None:
    with town(bridge__receipts="response") as here:
        here.from_grid(HAND_OVER)
        assert Answered() == here.from_grid(message(Side.GRID, form(FormType.SUPPLEMENT), 2))
        assert here.state(2) is DeliveryState.WAITING


def test_in_response_mode_a_receipt_that_comes_while_the_caller_is_held_goes_in_the_response() -> None:
    """The recipient gives its receipt as a call before it has answered the form itself."""
    calling: list[Town] = []

    def behave(given: Message) -> Answered:
        if isinstance(given, FormMessage):
            assert Answered() == calling[0].from_urban(as_call(given))
        return acknowledge(given)

    with town(urban_behaves=behave, bridge__receipts="response") as here:
        calling.append(here)
        assert Answered(receipt=receipt_for(HAND_OVER)) == here.from_grid(HAND_OVER)
        here.settle()
        assert not here.grid.seen


def test_in_response_mode_a_refused_form_gets_its_error_receipt_at_once() -> None:
    with town(bridge__receipts="response") as here:
        ending = here.from_grid(message(Side.GRID, form(FormType.WITHDRAWAL), 1))
        assert ending.receipt.fault.code is ErrorCode.CASE_UNKNOWN


# Sending again


def test_a_platform_that_cannot_be_reached_gets_the_form_when_the_gap_is_over() -> None:
    with town(urban_behaves=confirm_in_response) as here:
        port = here.urban.port
        here.urban._server.stop()
        here.from_grid(HAND_OVER)
        here.settle()
        assert here.state() is DeliveryState.TO_REPEAT
        with Peer(Side.URBAN, confirm_in_response, port=port) as back:
            here.advance(MINUTE)
            (relayed,) = back.forms
        assert relayed.header.message_id == HAND_OVER.header.message_id
        assert relayed.header.attempt == 2
        assert here.state() is DeliveryState.CONFIRMED


def test_a_receipt_that_never_comes_ends_parked_and_an_operator_releases_it() -> None:
    with town(delivery__max_attempts=2) as here:
        here.from_grid(HAND_OVER)
        here.settle()
        for _ in range(4):
            here.advance(10 * MINUTE)
        assert here.state() is DeliveryState.PARKED
        assert [each.header.attempt for each in here.urban.forms] == [1, 2]
        here.bridge.act("bridge.release", {"case": CASE, "reason": "对方已恢复"}, by="王")
        here.settle()
        assert len(here.urban.forms) == 3
        assert len({each.header.message_id for each in here.urban.forms}) == 1


def test_a_fault_that_asks_for_the_same_again_is_followed_by_the_same_again() -> None:
    busy = Faulted(fault=Fault(code=ErrorCode.BUSY, field=None, message_zh="忙", message_en="busy"))
    answers = [busy, Answered(receipt=receipt_for(HAND_OVER))]
    with town(urban_behaves=lambda _: answers.pop(0)) as here:
        here.from_grid(HAND_OVER)
        here.settle()
        here.advance(MINUTE)
        assert here.state() is DeliveryState.CONFIRMED


# Query mode


def case_of(serial: int) -> HandedOverCase:
    written = form(FormType.HAND_OVER, f"340202-20260302-{serial:06d}", description=f"第{serial}件")
    return HandedOverCase(message_id=message_id(serial), state=HandedOverState.HANDED_OVER, hand_over=written)  # type: ignore[arg-type]


class Ledger:
    """A grid platform that is asked: pages of one case, and a cursor that counts them."""

    def __init__(self, *serials: int):
        self.cases = [case_of(serial) for serial in serials]
        self.cursors: list[str | None] = []

    def __call__(self, given: Message) -> Answered | Faulted:
        if not isinstance(given, QueryMessage):
            return Answered()
        self.cursors.append(given.query.cursor)
        after = int(given.query.cursor or "0")
        if after > len(self.cases):
            return Faulted(
                fault=Fault(code=ErrorCode.CURSOR_INVALID, field=None, message_zh="游标无效", message_en="no cursor")
            )
        shown = tuple(self.cases[after : after + 1])
        end = after + len(shown)
        return Answered(page=CasePage(cases=shown, next_cursor=str(end), more=end < len(self.cases)))


def test_in_query_mode_each_case_is_taken_exactly_once_page_by_page() -> None:
    ledger = Ledger(1, 2, 3)
    with town(grid_behaves=ledger, urban_behaves=confirm_in_response, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
        assert [message_id(1), message_id(2), message_id(3)] == sorted(e.header.message_id for e in here.urban.forms)
        assert ledger.cursors == [None, "1", "2"]
        ledger.cases.append(case_of(4))
        here.advance(timedelta(seconds=300))
        assert len(here.urban.forms) == 4
        assert ledger.cursors[3:] == ["3"]
        assert sorted(message_id(serial) for serial in (1, 2, 3, 4)) == sorted(
            each.receipt.form_message_id for each in here.grid.receipts
        )


def test_a_case_that_is_pushed_and_queried_is_taken_once() -> None:
    pushed = FormMessage(header=HAND_OVER.header, form=case_of(1).hand_over)
    with town(grid_behaves=Ledger(1), urban_behaves=confirm_in_response, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
        here.from_grid(pushed)
        here.settle()
        assert len(here.urban.forms) == 1


def test_the_query_goes_on_where_it_stood_after_a_restart(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'b.db'}")
    ledger = Ledger(1, 2)
    with town(store, grid_behaves=ledger, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
    with town(store, grid_behaves=ledger, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
    assert ledger.cursors == [None, "1", "2"]
    store.close()


def test_a_cursor_that_the_platform_no_longer_knows_begins_at_the_front_and_takes_nothing_twice() -> None:
    ledger = Ledger(1, 2)
    with town(grid_behaves=ledger, urban_behaves=confirm_in_response, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
        del ledger.cases[1]
        here.advance(timedelta(seconds=300))
        assert ledger.cursors == [None, "1", "2", None]
        assert len(here.urban.forms) == 2


def told_of_pages(here: Town) -> list[tuple[str, str, str]]:
    return [(each.kind, each.phase, each.case_number) for each in here.bridge.store.read_notices()]


def test_a_case_of_a_page_that_cannot_be_read_holds_up_no_other_and_is_asked_for_again() -> None:
    ledger = Ledger(1, 2, 3)
    good = ledger.cases[1]
    ledger.cases[1] = replace(good, hand_over=replace(good.hand_over, district="no district"))
    number = good.hand_over.case_number
    with town(grid_behaves=ledger, urban_behaves=confirm_in_response, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
        assert [message_id(1), message_id(3)] == sorted(each.header.message_id for each in here.urban.forms)
        assert told_of_pages(here) == [("system_fault", "started", number)]
        here.advance(timedelta(seconds=300))
        assert ledger.cursors == [None, "1", "2", "1", "3"]
        assert len(told_of_pages(here)) == 1
        ledger.cases[1] = good
        here.advance(timedelta(seconds=300))
        assert [message_id(n) for n in (1, 2, 3)] == sorted(each.header.message_id for each in here.urban.forms)
        assert told_of_pages(here)[1:] == [("system_fault", "over", number)]
        here.advance(timedelta(seconds=300))
        assert ledger.cursors[-1:] == ["3"]
        assert len(ledger.cursors) == 8


def test_a_case_of_a_page_over_which_the_engine_stumbles_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.CRITICAL, "duijie.bridge"),
        town(grid_behaves=Ledger(1, 2), urban_behaves=confirm_in_response, choices__hand_over="query") as here,
    ):
        engine = here.bridge._shell.engine
        stepped, broken = engine.step, [True]

        def step(exchange: Any, taken: Any) -> Any:
            if broken and isinstance(taken, DocumentReceived) and taken.message.form.case_number.endswith("1"):
                raise ZeroDivisionError
            return stepped(exchange, taken)

        monkeypatch.setattr(engine, "step", step)
        here.advance(FIRST_QUERY_AFTER)
        assert [each.header.message_id for each in here.urban.forms] == [message_id(2)]
        broken.clear()
        here.advance(timedelta(seconds=300))
        assert len(here.urban.forms) == 2
        assert [phase for _, phase, _ in told_of_pages(here)] == ["started", "over"]
    assert [record.getMessage() for record in caplog.records] == ["query.case_failed"]


def test_pages_that_stay_incomplete_take_turns_and_one_matter_is_told() -> None:
    bad = Ledger(*range(1, 9))
    bad.cases = [replace(each, hand_over=replace(each.hand_over, district="none")) for each in bad.cases]
    with town(grid_behaves=bad, choices__hand_over="query") as here:
        here.advance(FIRST_QUERY_AFTER)
        assert len(bad.cursors) == 8
        here.advance(timedelta(seconds=300))
        assert bad.cursors[8:] == [None, "1", "2", "3", "4", "8"]
        here.advance(timedelta(seconds=300))
        assert bad.cursors[14:] == ["5", "6", "7", None, "1", "8"]
        assert len(told_of_pages(here)) == 1


def test_queries_are_answered_from_the_bridges_own_books() -> None:
    query = QueryMessage(
        header=QueryHeader(message_id=message_id(7), sender="wuhu-urban", recipient="wuhu-grid", sent_at=MONDAY),
        query=CaseQuery(page_size=10),
    )
    with town(urban_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        here.settle()
        page = here.from_urban(query).page
        assert [HAND_OVER.header.message_id] == [each.message_id for each in page.cases]
        refused = here.from_urban(replace(query, query=CaseQuery(cursor="99")))
        assert refused.fault.code is ErrorCode.CURSOR_INVALID


# The journal and the logs


def test_every_envelope_is_in_the_journal_with_its_bytes_and_without_passwords() -> None:
    with town(urban_behaves=confirm_in_response, profile=with_text_passwords) as here:
        here.caller.close()
        here.caller = Caller(here.bridge.address, here.clock, here.bridge.profile)
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        here.settle()
        kept = [entry for _, entry in here.bridge.store.read_journal() if entry.envelope is not None]
    ways = [(entry.what, entry.party.value if entry.party else None) for entry in kept]
    # An acknowledgement and a sending go side by side; their order in the journal is that of their writing.
    assert sorted(ways) == [
        ("answer.in", "grid"),
        ("answer.in", "urban"),
        ("answer.out", "grid"),
        ("envelope.in", "grid"),
        ("envelope.out", "grid"),
        ("envelope.out", "urban"),
    ]
    assert {CASE} == {entry.case_number for entry in kept}
    everything = b"".join(entry.envelope or b"" for entry in kept)
    assert "路边".encode() in everything or b"description" in everything
    assert b"secret-of" not in everything


def with_text_passwords(profile: Profile) -> Profile:
    from bridge.settings import override

    return override(
        profile,
        {
            "grid.password_type": "text",
            "urban.password_type": "text",
            "grid.password": "secret-of-grid",
            "urban.password": "secret-of-urban",
        },
    )


def test_logs_are_json_lines_that_name_ids_and_outcomes_and_no_person() -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(JsonLines(SteeredClock(MONDAY)))
    logger = logging.getLogger("duijie.bridge")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    given = message(
        Side.GRID,
        form(FormType.HAND_OVER, reporter_name="某某人", reporter_phone="0553-7654321", description="某处垃圾"),
        1,
    )
    try:
        with town(urban_behaves=confirm_in_response) as here:
            here.from_grid(given)
            here.grid.wait_for(1)
            here.settle()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in heard.getvalue().splitlines()]
    events = [line["event"] for line in lines]
    assert {"bridge.started", "form.received", "form.sent", "receipt.sent", "bridge.stopped"} <= set(events)
    received = next(line for line in lines if line["event"] == "form.received")
    assert received["message_id"] == message_id(1)
    assert received["outcome"] == "admitted"
    for secret in ("某某人", "7654321", "某处垃圾", "grid-demo"):
        assert secret not in heard.getvalue()


# Trouble at home


class FailingStore(MemoryStore):
    """A store that cannot commit while `fails` is set."""

    fails = False

    def begin(self) -> Any:
        if self.fails:
            raise StoreUnavailable("disk full")
        return super().begin()


def test_a_store_that_cannot_commit_makes_a_busy_fault_and_nothing_else() -> None:
    store = FailingStore()
    with town(store, urban_behaves=confirm_in_response) as here:
        store.fails = True
        ending = here.from_grid(HAND_OVER)
        assert ending.fault.code is ErrorCode.BUSY
        store.fails = False
        assert not here.urban.seen
        assert Answered() == here.from_grid(HAND_OVER)
        here.grid.wait_for(1)


def test_an_ending_that_cannot_be_committed_is_kept_in_hand_and_the_call_is_not_repeated() -> None:
    store = FailingStore()

    def behave(given: Message) -> Answered:
        store.fails = True
        return confirm_in_response(given)

    with town(store, urban_behaves=behave) as here:
        here.from_grid(HAND_OVER)
        with here.bridge._changed:
            here.bridge._changed.wait_for(lambda: False, 0.3)
        store.fails = False
        here.grid.wait_for(1)
        here.settle()
        assert len(here.urban.seen) == 1


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        profile = linked("http://127.0.0.1:1/", "http://127.0.0.1:2/")
        with pytest.raises(AddressTaken, match=f"cannot listen at 127.0.0.1:{port}") as caught:
            BridgeProcess(profile, MemoryStore(), SystemClock(), listen=("127.0.0.1", port))
        assert "\n" not in str(caught.value)


# Stopping


def test_stopping_lets_the_call_under_way_end_and_keeps_its_outcome(tmp_path: Path) -> None:
    released = threading.Event()

    def behave(given: Message) -> Answered:
        assert released.wait(PATIENCE)
        return confirm_in_response(given)

    store = SqlStore(f"sqlite:///{tmp_path / 'b.db'}")
    with town(store, urban_behaves=behave) as here:
        here.from_grid(HAND_OVER)
        here.urban.wait_for(1)
        with in_thread(here.bridge.stop):
            with here.bridge._changed:
                here.bridge._changed.wait_for(lambda: here.bridge._stopping, PATIENCE)
            assert (
                here.from_grid(message(Side.GRID, form(FormType.HAND_OVER, OTHER_CASE), 2)).fault.code is ErrorCode.BUSY
            )
            released.set()
    exchange = store.read_exchange(CASE)
    assert exchange is not None
    assert exchange.deliveries[message_id(1)].state is DeliveryState.CONFIRMED
    # Its receipt waits for the next start.
    assert len(store.outbox()) == 1
    with town(store) as here:
        (given,) = here.grid.wait_for(1)
        assert isinstance(given, ReceiptMessage)
        here.settle()
    assert not store.outbox()
    store.close()


def test_what_is_finished_while_the_outbox_is_looked_at_is_not_sent_twice() -> None:
    looking = threading.Event()

    class SlowLook(MemoryStore):
        """By the time the look is over, the senders have finished what it shows."""

        bridge: BridgeProcess | None = None

        def outbox(self, limit: int = 100) -> Sequence[OutboxItem]:
            seen = super().outbox(limit)
            bridge = self.bridge
            if bridge is not None and threading.current_thread().name == "bridge-loop":
                with bridge._changed:
                    if bridge._in_flight:
                        looking.set()
                        bridge._changed.wait_for(lambda: not bridge._in_flight, PATIENCE)
            return seen

    def behave(given: Message) -> Answered:
        assert looking.wait(PATIENCE)
        return acknowledge(given)

    store = SlowLook()
    with town(store, urban_behaves=behave) as here:
        store.bridge = here.bridge
        here.from_grid(HAND_OVER)
        here.urban.wait_for(1)
        here.bridge._wake()
        here.settle()
        assert len(here.urban.forms) == 1


def test_what_a_held_caller_takes_while_the_outbox_is_looked_at_is_not_given_twice() -> None:
    looking = threading.Event()

    class SlowLook(MemoryStore):
        """By the time the loop's look is over, the caller has taken the receipt that it shows."""

        bridge: BridgeProcess | None = None

        def outbox(self, limit: int = 100) -> Sequence[OutboxItem]:
            bridge = self.bridge
            in_loop = threading.current_thread().name == "bridge-loop"
            if bridge is not None and not in_loop:
                assert looking.wait(PATIENCE)
            seen = super().outbox(limit)
            if bridge is not None and in_loop and any(isinstance(item.effect, GiveReceipt) for item in seen):
                looking.set()
                with bridge._changed:
                    bridge._changed.wait_for(lambda: not bridge._held, PATIENCE)
            return seen

    store = SlowLook()
    with town(store, urban_behaves=confirm_in_response, bridge__receipts="response") as here:
        store.bridge = here.bridge
        assert Answered(receipt=receipt_for(HAND_OVER)) == here.from_grid(HAND_OVER)
        here.settle()
        assert not here.grid.seen


# No message blocks another case


def other_case(number: int) -> FormMessage:
    return message(Side.GRID, form(FormType.HAND_OVER, f"340202-20260302-{number:06d}"), number)


def test_a_form_over_which_the_client_stumbles_is_repeated_and_parked_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More such forms than there are senders, each of them for as long as it takes to be parked."""
    deliver = PlatformClient.deliver
    tried: list[str] = []

    def stumbling(self: PlatformClient, to: Side, given: Message) -> Delivered:
        if isinstance(given, FormMessage) and given.form.case_number != CASE and self is here.bridge._client:
            tried.append(given.header.message_id)
            raise UnicodeError("no such character")
        return deliver(self, to, given)

    with town(urban_behaves=confirm_in_response, delivery__max_attempts=2) as here:
        monkeypatch.setattr(PlatformClient, "deliver", stumbling)
        bad = [other_case(number) for number in range(100, 140)]
        for each in bad:
            here.bridge.form_received(Side.GRID, each, b"<raw/>")
        here.bridge.form_received(Side.GRID, HAND_OVER, b"<raw/>")
        here.urban.wait_for(1)
        here.settle()
        assert here.state() is DeliveryState.CONFIRMED
        here.advance(timedelta(minutes=10))
        assert len(here.bridge.store.parked()) == len(bad)
        assert all(tried.count(each.header.message_id) == 2 for each in bad)


def test_a_case_over_which_the_engine_stumbles_is_set_aside_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "duijie.bridge"), town() as here:
        engine = here.bridge._shell.engine
        stepped = engine.step

        def step(exchange: Any, taken: Any) -> Any:
            if isinstance(taken, SendSucceeded) and taken.case_number == CASE:
                raise ZeroDivisionError
            return stepped(exchange, taken)

        monkeypatch.setattr(engine, "step", step)
        here.from_grid(HAND_OVER)
        here.from_grid(other_case(2))
        here.urban.wait_for(2)
        here.settle()
        assert here.state() is DeliveryState.PARKED
        assert here.state(2, other_case(2).form.case_number) is DeliveryState.AWAITING_RECEIPT
        here.advance(timedelta(hours=1))
        assert [each.header.message_id for each in here.urban.forms].count(message_id(1)) == 1
    assert [record.getMessage() for record in caplog.records] == ["engine.stumbled"]


@pytest.mark.parametrize(
    "answer",
    [
        Faulted(fault=Fault(code=ErrorCode.INTERNAL, field=None, message_zh="出错", message_en="it broke")),
        Answered(receipt=receipt_for(message(Side.GRID, form(FormType.HAND_OVER, OTHER_CASE), 77))),
    ],
    ids=["always a fault", "always a receipt of another form"],
)
def test_a_platform_that_answers_one_case_always_with_rubbish_gets_the_others(answer: Answered | Faulted) -> None:
    def behave(given: Message) -> Answered | Faulted:
        if isinstance(given, FormMessage) and given.form.case_number == CASE:
            return answer
        return confirm_in_response(given)

    with town(urban_behaves=behave, delivery__max_attempts=2) as here:
        here.from_grid(HAND_OVER)
        for number in range(2, 12):
            here.from_grid(other_case(number))
        here.settle()
        for _ in range(4):
            here.advance(timedelta(minutes=10))
        assert here.state() is DeliveryState.PARKED
        assert {here.state(n, other_case(n).form.case_number) for n in range(2, 12)} == {DeliveryState.CONFIRMED}


def test_the_loop_goes_on_after_a_round_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL, "duijie.bridge"), town(urban_behaves=confirm_in_response) as here:
        monkeypatch.setattr("bridge.runtime.STORE_RETRY_SECONDS", 0.01)
        turn, failed = here.bridge._turn, threading.Event()

        def stumbling() -> float | None:
            if not failed.is_set():
                failed.set()
                raise ZeroDivisionError
            return turn()

        monkeypatch.setattr(here.bridge, "_turn", stumbling)
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        here.settle()
        assert here.state() is DeliveryState.CONFIRMED
    assert [record.getMessage() for record in caplog.records] == ["loop.failed"]


def test_while_an_account_is_not_accepted_forms_wait_and_go_on_by_themselves() -> None:
    accepted = threading.Event()

    def behave(given: Message) -> Answered | Faulted:
        if accepted.is_set():
            return confirm_in_response(given)
        return Faulted(
            fault=Fault(code=ErrorCode.NOT_AUTHENTICATED, field=None, message_zh="口令不符", message_en="no")
        )

    with town(urban_behaves=behave) as here:
        here.from_grid(HAND_OVER)
        here.from_grid(other_case(2))
        here.settle()
        for _ in range(12):
            here.advance(timedelta(hours=1))
        assert here.state() is here.state(2, other_case(2).form.case_number) is DeliveryState.TO_REPEAT
        assert here.grid.seen == []
        accepted.set()
        here.advance(timedelta(hours=1))
        here.grid.wait_for(2)
        here.settle()
        assert here.state() is DeliveryState.CONFIRMED
        told = [(each.kind, each.phase, each.duty) for each in here.bridge.store.read_notices()]
        assert told == [
            ("system_fault", "started", "city_information_office"),
            ("system_fault", "over", "city_information_office"),
        ]


# The control port


def opened(here: Town) -> dict[str, str]:
    """The header that opens the control port."""
    return {"Authorization": f"Bearer {here.bridge.control_token}"}


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic t"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/quiet"), ("GET", "/asks/cases"), ("POST", "/acts/bridge.release"), ("GET", "/nothing")],
)
def test_without_its_token_the_control_port_says_nothing(given: dict[str, str], method: str, path: str) -> None:
    with town(control=True) as here:
        answer = httpx.request(method, f"{here.bridge.control_address}{path}", headers=given, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_request_that_was_led_here_under_another_name_is_refused() -> None:
    with town(control=True) as here:
        led = {**opened(here), "Host": "evil.example:8200"}
        answer = httpx.get(f"{here.bridge.control_address}/quiet", headers=led, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_host")


def test_two_bridges_do_not_share_a_token_that_nobody_gave() -> None:
    with town(control=True) as here, town(control=True) as there:
        assert here.bridge.control_token != there.bridge.control_token


def test_a_run_can_be_steered_from_outside() -> None:
    with town(control=True) as here:
        assert here.bridge.control_address is not None
        with httpx.Client(base_url=here.bridge.control_address, trust_env=False, headers=opened(here)) as control:
            here.from_grid(HAND_OVER)
            here.settle()
            quiet = control.get("/quiet").json()
            due = MONDAY + timedelta(seconds=300)
            assert {"quiet": True, "next_due": due.isoformat(), "now": MONDAY.isoformat()} == quiet
            case = control.get("/asks/case", params={"case": CASE}).json()
            assert case["stage"] == "unknown"
            assert [(d["state"], d["attempts"]) for d in case["deliveries"]] == [("awaiting_receipt", 1)]
            unknown = control.get("/asks/case", params={"case": OTHER_CASE})
            assert (unknown.status_code, unknown.json()["code"]) == (409, "unknown_case")

            moved = control.post("/clock", json={"to": (MONDAY + timedelta(hours=9)).isoformat()}).json()
            assert moved["now"] == (MONDAY + timedelta(hours=9)).isoformat()
            back = control.post("/clock", json={"to": MONDAY.isoformat()})
            assert back.status_code == 409
            here.settle()
            for hours in range(10, 40):
                control.post("/clock", json={"to": (MONDAY + timedelta(hours=hours)).isoformat()})
                here.settle()
            parked = control.get("/asks/parked").json()
            assert [(p["case_number"], p["message_id"]) for p in parked] == [(CASE, message_id(1))]
            assert [(n["kind"], n["phase"]) for n in control.get("/asks/notices").json()] == [("parked", "started")]
            act = {"case": CASE, "reason": "改为电话告知", "by": "王值班"}
            done = {"message_id": message_id(1), "state": "abandoned"}
            assert control.post("/acts/bridge.abandon", json=act).json() == done
            case = control.get("/asks/case", params={"case": CASE}).json()
            assert case["deliveries"][0]["state"] == "abandoned"
            assert control.post("/acts/bridge.abandon", json=act).status_code == 409
            journal = control.get("/asks/journal", params={"case": CASE, "limit": 2}).json()
            assert [entry["n"] for entry in journal] == sorted(entry["n"] for entry in journal)
            assert len(journal) == 2
            assert journal[0]["bytes"] > 0


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/", None, 404),
        ("GET", "/asks/nothing", None, 404),
        ("POST", "/acts/bridge.dance", b"{}", 404),
        ("POST", "/clock", b"{", 400),
        ("POST", "/clock", b"[]", 400),
        ("POST", "/clock", b'{"to": "soon"}', 400),
        ("POST", "/clock", b'{"to": 5}', 400),
        ("POST", "/acts/bridge.release", b"{}", 409),
        ("POST", "/acts/bridge.release", b'{"by": 5}', 400),
        ("GET", "/asks/journal?after=x", None, 409),
        ("GET", "/asks/case", None, 409),
    ],
)
def test_a_control_request_that_makes_no_sense_is_refused(
    method: str, path: str, content: bytes | None, status: int
) -> None:
    with town(control=True) as here:
        answer = httpx.request(
            method, f"{here.bridge.control_address}{path}", content=content, headers=opened(here), trust_env=False
        )
        assert answer.status_code == status
        assert answer.json()["code"]
        assert answer.json()["message_zh"]


def test_a_control_request_over_which_the_bridge_stumbles_is_answered_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    with town(control=True) as here:
        monkeypatch.setattr(here.bridge.store, "read_notices", lambda: 1 // 0)
        answer = httpx.get(f"{here.bridge.control_address}/asks/notices", trust_env=False, headers=opened(here))
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "ZeroDivisionError" in answer.json()["message_zh"]


def test_without_being_asked_for_there_is_no_control_port() -> None:
    with town() as here:
        assert here.bridge.control_address is None
        answer = httpx.get(f"{here.bridge.address}/quiet", trust_env=False)
        assert answer.status_code == 404


def test_health_and_readiness_tell_the_process_from_its_store() -> None:
    class Unreadable(MemoryStore):
        broken = False

        def next_due(self) -> Any:
            if self.broken:
                raise StoreUnavailable("gone")
            return super().next_due()

    store = Unreadable()
    with town(store) as here, httpx.Client(base_url=here.bridge.address, trust_env=False) as http:
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 200
        store.broken = True
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 503
        store.broken = False


def test_a_bridge_is_not_ready_while_its_store_cannot_be_written() -> None:
    class Full(MemoryStore):
        full = False

        def can_write(self) -> bool:
            return not self.full

    store = Full()
    with town(store) as here, httpx.Client(base_url=here.bridge.address, trust_env=False) as http:
        assert http.get("/ready").status_code == 200
        store.full = True
        assert http.get("/ready").status_code == 503
        assert http.get("/health").status_code == 200


def test_a_form_that_was_taken_is_never_answered_with_a_fault_because_its_receipt_cannot_be_fetched() -> None:
    """A fault would say that the form surely had no effect. It is acknowledged, and its receipt comes as a call."""
    store = FailingStore()

    def behave(given: Message) -> Answered:
        return confirm_in_response(given)

    class Fails(Shell):
        def take_receipt(self, form_message_id: str, *, at: datetime) -> Any:
            raise StoreUnavailable("disk full")

    with town(store, urban_behaves=behave, bridge__receipts="response") as here:
        here.bridge._shell = Fails(here.bridge._shell.engine, store, here.bridge.profile)
        assert Answered() == here.from_grid(HAND_OVER)
        (given,) = here.grid.wait_for(1)
    assert isinstance(given, ReceiptMessage)


def a_query(here: Town) -> QueryMessage:
    """The grid platform asks for the cases handed over."""
    return QueryMessage(
        header=QueryHeader(
            message_id=message_id(9),
            sender=here.bridge.profile.grid.code,
            recipient=here.bridge.profile.urban.code,
            sent_at=MONDAY,
        ),
        query=CaseQuery(page_size=10),
    )


def test_a_query_under_a_digest_is_refused_while_its_use_cannot_be_written_down() -> None:
    store = FailingStore()
    with town(store) as here:
        query = a_query(here)
        store.fails = True
        ending = here.from_grid(query)
        assert isinstance(ending, Faulted)
        assert ending.fault.code is ErrorCode.BUSY
        store.fails = False
        assert isinstance(here.from_grid(query), Answered)


def test_queries_that_cannot_be_written_down_are_refused_before_they_fill_the_memory() -> None:
    store = FailingStore()
    # Under a digest the first would be refused already, because its token cannot be noted.
    with town(store, grid__password_type="text") as here:
        query = a_query(here)
        store.fails = True
        endings = [here.from_grid(query) for _ in range(UNWRITTEN_MAX // 2 + 5)]
        assert isinstance(endings[0], Answered)
        assert isinstance(endings[-1], Faulted)
        assert endings[-1].fault.code is ErrorCode.BUSY
        assert len(here.bridge._unwritten) <= UNWRITTEN_MAX + 2
        store.fails = False
        here.bridge._wake()
        here.settle()
        assert isinstance(here.from_grid(query), Answered)


def test_an_ending_that_was_committed_by_a_store_which_said_otherwise_is_not_taken_twice() -> None:
    """A connection that breaks in the middle of a commit leaves nobody knowing; the ending is reported again all the same."""
    with town(urban_behaves=confirm_in_response) as here:
        here.from_grid(HAND_OVER)
        here.grid.wait_for(1)
        here.settle()
        before = here.bridge.store.read_journal()
        sent = next(entry for _, entry in before if entry.what == "envelope.out")
        item = OutboxItem(
            key=1,
            effect=Send(to=Side.URBAN, message=HAND_OVER),
            committed_at=sent.at,
        )
        here.bridge._shell.send_ended(item, Unanswered(detail="cut"), at=MONDAY)
        assert here.bridge.store.read_journal() == before
        assert here.state() is DeliveryState.CONFIRMED


BUSY = Faulted(fault=Fault(code=ErrorCode.BUSY, field=None, message_zh="忙", message_en="busy"))


@contextmanager
def life(store: Store, grid: Peer, urban: Peer, clock: SteeredClock) -> Iterator[BridgeProcess]:
    """One life of a bridge that may have others with the same store."""
    bridge = BridgeProcess(linked(grid.address, urban.address), store, clock)
    bridge.start()
    try:
        yield bridge
    finally:
        bridge.stop()


def hand_over_to(bridge: BridgeProcess, clock: SteeredClock) -> datetime:
    """Bring the hand-over; gives the moment of its next sending."""
    caller = Caller(bridge.address, clock)
    caller.call(Side.URBAN, HAND_OVER)
    caller.close()
    settle(bridge)
    due = bridge.next_due()
    assert due is not None
    return due


def test_a_clock_set_back_between_two_lives_keeps_no_form_waiting_for_the_old_time() -> None:
    """A machine without a battery comes back in another year. What was left of each gap is left of it still."""
    late = MONDAY + timedelta(days=400)
    store, clock = MemoryStore(), SteeredClock(late)
    gap = timedelta(seconds=PROFILE.delivery.retry_gaps_seconds[0])
    with Peer(Side.GRID) as grid, Peer(Side.URBAN, confirm_in_response) as urban:
        urban.behave = lambda _: BUSY
        with life(store, grid, urban, clock) as bridge:
            due = hand_over_to(bridge, clock)
            assert late + gap <= due < late + 2 * gap
        urban.behave = confirm_in_response
        clock = SteeredClock(MONDAY)
        with life(store, grid, urban, clock) as bridge:
            settle(bridge)
            assert bridge.next_due() == due - (late - MONDAY)
            clock.move_to(MONDAY + 2 * gap)
            assert len(urban.wait_for(2)) == 2
            settle(bridge)
        moved = [entry for _, entry in store.read_journal() if entry.what == "timer.moved"]
        assert [entry.detail for entry in moved] == [f"the clock was set back by {400 * 24 * 3600} s"]
        # The third life finds a clock that goes on from the second one's, and moves nothing.
        with life(store, grid, urban, clock) as bridge:
            settle(bridge)
        assert sum(entry.what == "timer.moved" for _, entry in store.read_journal()) == 1


def test_a_clock_set_back_while_the_bridge_runs_is_noticed() -> None:
    class Settable(SteeredClock):
        def set_back(self, by: timedelta) -> None:
            self._now -= by

    store, clock = MemoryStore(), Settable(MONDAY)
    with (
        Peer(Side.GRID) as grid,
        Peer(Side.URBAN, lambda _: BUSY) as urban,
        life(store, grid, urban, clock) as bridge,
    ):
        due = hand_over_to(bridge, clock)
        clock.set_back(timedelta(hours=5))
        bridge._wake()
        with bridge._changed:
            assert bridge._changed.wait_for(lambda: bridge.next_due() == due - timedelta(hours=5), PATIENCE)
