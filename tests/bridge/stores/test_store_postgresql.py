"""The SQL store on PostgreSQL keeps the same contract with the same module."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from peers import PATIENCE, Caller, Peer, linked
from sample_forms import MONDAY, form, message, message_id, receipt_for
from sqlalchemy import create_engine
from store_contract import StoreContract, delivery, exchange_of

from bridge.core.errors import StoreUnavailable
from bridge.core.exchange import DeliveryState
from bridge.core.ports import Store, UnitOfWork
from bridge.runtime import BridgeProcess
from bridge.stores.sql import SqlStore, metadata
from bridge.transports.clock import SteeredClock
from bridge.vocabulary.calls import Answered, Faulted, Message
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Side

pgserver = pytest.importorskip("pgserver", reason="the wheel pgserver is not installed; tox -e postgresql brings it")
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed; tox -e postgresql brings it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a database `template` whose tables are made; each test gets a copy of it."""
    running = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    uri = running.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        # The contract is about what is kept, not about disks: without this the server's own shutdown takes longest.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template")
    SqlStore(database(uri, "template")).close()
    yield uri
    running.cleanup()


def database(uri: str, name: str) -> str:
    return str(uri.replace("/postgres?", f"/{name}?"))


@pytest.mark.postgresql
class TestPostgresqlStore(StoreContract):
    """PostgreSQL."""

    @pytest.fixture
    def store(self, server: str) -> Iterator[Store]:
        name = f"t{secrets.token_hex(8)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template")
        store = SqlStore(database(server, name))
        yield store
        store.close()


@pytest.mark.postgresql
def test_the_migrations_make_exactly_the_tables_of_the_code_here_too(server: str) -> None:
    engine = create_engine(database(server, "template").replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    # A database that somebody is connected to cannot be copied.
    engine.dispose()
    assert differences == []


@pytest.mark.postgresql
def test_two_processes_on_one_database_do_not_overlap(server: str) -> None:
    """Each of two stores, whose locks know nothing of each other, counts to twenty in one value."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared TEMPLATE template")
    stores = [SqlStore(database(server, "shared")) for _ in range(2)]

    def count(store: SqlStore) -> None:
        for _ in range(20):
            with store.begin() as work:
                work.set_value("count", str(int(work.get_value("count") or "0") + 1))

    threads = [threading.Thread(target=count, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].begin() as work:
        assert work.get_value("count") == "40"
    for store in stores:
        store.close()


# A server that goes away in the middle


@pytest.fixture
def database_url(server: str) -> str:
    name = f"t{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template")
    return database(server, name)


@pytest.fixture
def lone(database_url: str) -> Iterator[SqlStore]:
    store = SqlStore(database_url, busy_timeout_seconds=0.3)
    yield store
    store.close()


def backends(url: str) -> list[int]:
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return [row[0] for row in rows]


def cut(url: str) -> None:
    """End every connection to the database, as an administrator does and as a restart does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    end = time.monotonic() + PATIENCE
    while backends(url) and time.monotonic() < end:
        pass


def crash(url: str) -> None:
    """Kill one backend: the server ends all the others, refuses connections and recovers from its log."""
    before = started(url)
    os.kill(backends(url)[0], signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(psycopg.OperationalError):
            if started(url) not in (None, before):
                return


def started(url: str) -> object:
    """When the server's own helpers were started, which they are anew after a crash."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        ).fetchone()
    return row and row[0]


@pytest.mark.postgresql
@pytest.mark.parametrize("goes_away", [cut, crash])
def test_a_connection_that_is_lost_in_the_middle_keeps_nothing_and_the_next_one_works(
    database_url: str, lone: SqlStore, goes_away
) -> None:
    def keep(work: UnitOfWork, number: int) -> None:
        work.save(exchange_of(delivery(form(FormType.HAND_OVER), number)))

    def keep_while_it_goes_away() -> None:
        with lone.begin() as work:
            keep(work, 1)
            goes_away(database_url)

    with pytest.raises(StoreUnavailable):
        keep_while_it_goes_away()
    with lone.begin() as work:
        assert work.case_of_message(message_id(1)) is None
        keep(work, 2)
    assert lone.can_write()
    with lone.begin() as work:
        assert work.case_of_message(message_id(2)) is not None


@pytest.mark.postgresql
def test_a_row_that_somebody_else_has_locked_is_waited_for_a_while_and_not_for_ever(
    database_url: str, lone: SqlStore
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("SELECT * FROM durable_values FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="lock timeout"), lone.begin() as work:
            work.set_value("a", "1")
        assert not lone.can_write()
        other.rollback()
    with lone.begin() as work:
        assert work.get_value("a") is None


@pytest.mark.postgresql
@pytest.mark.parametrize("goes_away", [cut, crash])
def test_a_bridge_whose_server_goes_away_says_busy_and_goes_on_by_itself(database_url: str, goes_away) -> None:
    """It goes away while a sending is under way, so that the outcome of that one has to be kept in hand."""
    store = SqlStore(database_url, busy_timeout_seconds=0.3)
    sent = threading.Event()

    def confirm(given: Message) -> Answered:
        if not sent.is_set():
            sent.set()
            goes_away(database_url)
        return Answered(receipt=receipt_for(given)) if isinstance(given, FormMessage) else Answered()

    clock = SteeredClock(MONDAY)
    with Peer(Side.GRID) as grid, Peer(Side.URBAN, confirm) as urban:
        bridge = BridgeProcess(linked(grid.address, urban.address), store, clock)
        bridge.start()
        caller = Caller(bridge.address, clock)
        try:
            assert caller.call(Side.URBAN, message(Side.GRID, form(FormType.HAND_OVER), 1)).ending == Answered()
            grid.wait_for(1)
            assert len(urban.forms) == 1, "the outcome of the call was kept, the call not repeated"
            with psycopg.connect(database_url) as other:
                other.execute("SELECT * FROM durable_values FOR UPDATE")
                ending = caller.call(Side.URBAN, message(Side.GRID, form(FormType.SUPPLEMENT), 2)).ending
                assert isinstance(ending, Faulted)
                assert ending.fault.code is ErrorCode.BUSY
                other.rollback()
            assert caller.call(Side.URBAN, message(Side.GRID, form(FormType.SUPPLEMENT), 2)).ending == Answered()
            grid.wait_for(2)
        finally:
            caller.close()
            bridge.stop()
    exchange = store.read_exchange(form(FormType.HAND_OVER).case_number)
    assert exchange is not None
    assert {each.state for each in exchange.deliveries.values()} == {DeliveryState.CONFIRMED}
    store.close()
