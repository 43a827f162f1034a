"""The SQL store on SQLite keeps the contract, survives its process, and says plainly what it cannot do."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sample_forms import CASE, MONDAY, form, message, message_id, photo
from sqlalchemy import Connection, create_engine, event
from store_contract import StoreContract, delivery, exchange_of, hand_over

import bridge.stores.sql as sql
from bridge.core.audit import AuditEntry, first_broken
from bridge.core.effects import Send
from bridge.core.errors import StoreUnavailable
from bridge.core.exchange import DeliveryState
from bridge.core.ports import Store, UnitOfWork
from bridge.stores.prepared import Session
from bridge.stores.sql import SCHEMA_VERSION, SqlStore, StoreNotOpened, metadata
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Side


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    store = opened(file)
    yield store
    store.close()


def opened(file: Path, busy_timeout_seconds: float = 5.0) -> SqlStore:
    return SqlStore(f"sqlite:///{file}", busy_timeout_seconds=busy_timeout_seconds)


class TestSqliteStore(StoreContract):
    """SQLite."""

    @pytest.fixture
    def store(self, file: Path) -> Iterator[Store]:
        store = opened(file)
        yield store
        store.close()


class TestSqliteStoreWithoutCache(StoreContract):
    """SQLite, with nothing kept decoded: what was written is all there is."""

    @pytest.fixture
    def store(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        monkeypatch.setattr(sql, "CACHED_FORMS", 0)
        store = opened(file)
        yield store
        store.close()


def test_what_was_committed_is_there_after_reopening(file: Path) -> None:
    given = message(Side.GRID, form(FormType.HAND_OVER, attachments=(photo("a"),)), 1)
    exchange = exchange_of(delivery(given.form, 1))
    store = opened(file)
    with store.begin() as work:
        work.save(exchange)
        work.enqueue([Send(to=Side.URBAN, message=given)], MONDAY)
    cursor = store.cases(CaseQuery()).next_cursor
    store.close()
    store = opened(file)
    assert exchange == store.read_exchange(CASE)
    assert [Send(to=Side.URBAN, message=given)] == [item.effect for item in store.outbox()]
    assert not store.cases(CaseQuery(cursor=cursor)).cases
    hand_over(store, 2)
    assert len(store.cases(CaseQuery(cursor=cursor)).cases) == 1
    store.close()


def test_a_commit_has_reached_the_disk(file: Path) -> None:
    store = opened(file)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


def test_the_bytes_of_a_photo_are_kept_once(file: Path) -> None:
    store = opened(file)
    for serial in (1, 2):
        written = form(FormType.HAND_OVER, f"340202-20260302-00000{serial}", attachments=(photo("a"), photo("b")))
        with store.begin() as work:
            work.save(exchange_of(delivery(written, serial), case_number=written.case_number))
    with store._engine.connect() as connection:
        kept = dict(connection.exec_driver_sql("SELECT sha256, content FROM attachments").all())
    assert kept == {hashlib.sha256(content).hexdigest(): content for content in (b"a", b"b")}
    store.close()


def test_a_sending_does_not_write_its_form_a_second_time(file: Path) -> None:
    store = opened(file)
    given = message(Side.GRID, form(FormType.HAND_OVER), 1)
    with store.begin() as work:
        work.save(exchange_of(delivery(given.form, 1)))
        work.enqueue([Send(to=Side.URBAN, message=given)], MONDAY)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT form FROM outbox").scalar() is None
    store.close()


def test_the_cache_of_forms_keeps_within_its_bounds(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "CACHED_FORM_BYTES", 3500)
    store = opened(file)
    for serial in range(1, 6):
        hand_over(store, serial)
    assert [message_id(serial) for serial in (3, 4, 5)] == list(store._forms._items)
    store.close()


# Migrations


@pytest.mark.parametrize("earlier", [0, 1], ids=["by the migrations", "as they made it before"])
def test_an_empty_store_gets_exactly_the_tables_of_the_code(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: int
) -> None:
    """The first store of a process goes through all migrations; those after it are made as that one was."""
    monkeypatch.setattr(sql, "_known_tables", [])
    runs: list[Connection] = []
    migrate = sql._run_migrations
    monkeypatch.setattr(sql, "_run_migrations", lambda connection: (runs.append(connection), migrate(connection)))
    for number in range(earlier):
        opened(tmp_path / f"earlier-{number}.db").close()
    opened(file).close()
    assert len(runs) == 1
    with create_engine(f"sqlite:///{file}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        made = statements(connection)
    del made["alembic_version"]
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        assert made == statements(connection)


def statements(connection: Connection) -> dict[str, list[str]]:
    """The CREATE statement of everything in a database, its parts in whatever order they were written."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {row.name: sorted(part.strip(" ,\n\t)(") for part in row.sql.split("\n")) for row in rows}


def test_the_code_names_the_newest_migration() -> None:
    folder = Path(sql.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == SCHEMA_VERSION


def test_every_migration_can_be_taken_back(file: Path) -> None:
    opened(file).close()
    with create_engine(f"sqlite:///{file}").begin() as connection:
        run_down_to(connection, "base")
        left = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    assert set(left) <= {"alembic_version", "sqlite_sequence"}


def test_a_store_of_the_first_version_is_brought_up_to_date_and_loses_nothing(file: Path) -> None:
    store = opened(file)
    with store.begin() as work:
        work.save(
            exchange_of(delivery(form(FormType.HAND_OVER), 1, state=DeliveryState.AWAITING_RECEIPT, due_at=MONDAY))
        )
    store.close()
    with create_engine(f"sqlite:///{file}").begin() as connection:
        run_down_to(connection, "0001")
        (standing,) = connection.exec_driver_sql("SELECT standing FROM deliveries").scalars()
        old = {
            name: value for name, value in json.loads(standing).items() if name in ("attempts", "receipt", "applied")
        }
        connection.exec_driver_sql("UPDATE deliveries SET standing = ?", (json.dumps(old),))

    store = opened(file)
    found = store.read_exchange(CASE)
    assert found is not None
    kept = found.deliveries[message_id(1)]
    assert (kept.state, kept.due_at, kept.next_step_at, kept.trouble) == (
        DeliveryState.AWAITING_RECEIPT,
        MONDAY,
        None,
        "",
    )
    assert (list(store.read_audit()), list(store.read_kept_receipts())) == ([], [])
    assert [row[:2] for row in store.due_timers(MONDAY)] == [(CASE, message_id(1))]
    store.close()


def run_down_to(connection: Connection, version: str) -> None:
    """Take the newer migrations back."""
    config = Config()
    config.set_main_option("script_location", str(Path(sql.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.downgrade(config, version)


def test_a_line_of_the_audit_that_was_altered_in_the_file_is_found(file: Path) -> None:
    store = opened(file)
    with store.begin() as work:
        for act in ("park", "release", "abandon"):
            work.audit(AuditEntry(MONDAY, "王", act, CASE, message_id(1), "检修", "done", "sending", "parked"))
    with create_engine(f"sqlite:///{file}").begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET operator = '李' WHERE position = 2")
    assert first_broken(store.read_audit()) == 2
    store.close()


def test_a_form_whose_text_is_damaged_is_set_aside_without_being_read(file: Path) -> None:
    store = opened(file)
    with store.begin() as work:
        work.save(
            exchange_of(delivery(form(FormType.HAND_OVER), 1, state=DeliveryState.AWAITING_RECEIPT, due_at=MONDAY))
        )
    store.close()
    with create_engine(f"sqlite:///{file}").begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET form = '{', standing = '{'")
    store = opened(file)
    with pytest.raises(ValueError, match="property name"):
        store.read_exchange(CASE)
    with store.begin() as work:
        work.set_aside(message_id(1))
    assert (list(store.parked()), store.next_due()) == ([(CASE, message_id(1))], None)
    store.close()


def test_a_store_from_a_newer_program_is_refused_and_left_alone(file: Path) -> None:
    opened(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreNotOpened, match="newer version"):
        opened(file)


# What can go wrong


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreNotOpened, match="folder does not exist") as caught:
        opened(tmp_path / "no" / "bridge.db")
    assert "\n" not in str(caught.value)


def test_a_path_that_cannot_be_a_file_is_one_sentence(tmp_path: Path) -> None:
    """A folder stands in for every place where no file can be made; root may write anywhere else."""
    with pytest.raises(StoreNotOpened, match="cannot be opened: unable to open database file") as caught:
        opened(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_sentence(file: Path) -> None:
    file.write_text("这不是数据库" * 200, encoding="utf-8")
    with pytest.raises(StoreNotOpened, match="not a database"):
        opened(file)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "oracle+nothing://x", "dm://x"])
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(StoreNotOpened):
        SqlStore(url)


def test_a_locked_store_is_unavailable_and_keeps_nothing(file: Path) -> None:
    store = opened(file, busy_timeout_seconds=0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"), store.begin() as work:
        work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
    other.execute("COMMIT")
    assert store.read_exchange(CASE) is None
    with store.begin() as work:
        work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
    assert store.read_exchange(CASE) is not None
    other.close()
    store.close()


def test_those_who_wait_while_a_store_is_locked_are_refused_together(file: Path) -> None:
    """Each of them waiting in turn would keep the last one longer than its caller waits."""
    store = opened(file, busy_timeout_seconds=0.4)
    store._engine.dispose()
    said: list[str] = []
    event.listen(store._engine, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ready = threading.Barrier(20)
    refused: list[str] = []

    def begin() -> None:
        ready.wait(10)
        try:
            with store.begin() as work:
                work.set_value("a", "1")
        except StoreUnavailable as error:
            refused.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["database is locked"] * 20
    # One for those who were there at its beginning, and one more for who came while it failed.
    assert said.count("BEGIN IMMEDIATE") <= 3
    other.execute("COMMIT")
    with store.begin() as work:
        assert work.get_value("a") is None
    other.close()
    store.close()


def test_whether_it_can_be_written_is_known_from_the_last_commit_and_tried_when_that_is_long_ago(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(file, busy_timeout_seconds=0.05)
    store._engine.dispose()
    said: list[str] = []
    event.listen(store._engine, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    with store.begin() as work:
        work.set_value("a", "1")
    said.clear()
    assert store.can_write()
    assert said == []
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.can_write(), "nobody has noticed yet"
    monkeypatch.setattr(sql, "WRITTEN_COUNTS_SECONDS", 0.0)
    assert not store.can_write()
    monkeypatch.setattr(sql, "WRITTEN_COUNTS_SECONDS", 60.0)
    said.clear()
    assert not store.can_write()
    assert said == [], "asked again at once, it does not try again"
    other.execute("COMMIT")
    with store.begin() as work:
        work.set_value("a", "2")
    assert store.can_write(), "somebody has written since"
    other.close()
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where the system lets us have one."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "small"
    folder.mkdir()
    if mount is None or umount is None or os.geteuid() != 0:
        pytest.skip("mounting wants root")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_on_a_disk_that_is_really_full_nothing_is_half_kept_and_all_goes_on_with_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    store = SqlStore(f"sqlite:///{small_disk / 'bridge.db'}")
    kept = 0

    def keep(number: int) -> None:
        great = form(FormType.HAND_OVER, f"340202-20260302-{number:06d}", attachments=(photo(f"{number}" * 20_000),))
        with store.begin() as work:
            work.save(exchange_of(delivery(great, number), case_number=great.case_number))

    def keep_all() -> None:
        nonlocal kept
        while kept < 100:
            keep(kept + 1)
            kept += 1

    with pytest.raises(StoreUnavailable, match="full"):
        keep_all()
    assert kept, "there was no room from the first"
    assert store.read_exchange(f"340202-20260302-{kept:06d}") is not None
    assert store.read_exchange(f"340202-20260302-{kept + 1:06d}") is None
    ballast.unlink()
    keep(kept + 1)
    assert store.can_write()
    store.close()


def test_readers_do_not_wait_for_a_writer(file: Path) -> None:
    store = opened(file, busy_timeout_seconds=0.05)
    hand_over(store, 1)
    with store.begin() as work:
        work.set_value("a", "1")
        assert len(store.cases(CaseQuery()).cases) == 1
        assert store.next_due() is None
    store.close()


def test_a_full_disk_makes_the_store_unavailable_and_keeps_nothing(file: Path) -> None:
    store = opened(file)
    hand_over(store, 1)
    store.close()
    store = opened(file)

    def fill(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    store._engine.dispose()
    event.listen(store._engine, "connect", fill)
    great = form(FormType.HAND_OVER, attachments=(photo("x" * 200_000),))

    def overfill() -> None:
        with store.begin() as work:
            work.set_value("a", "1")
            work.save(exchange_of(delivery(great, 7)))

    with pytest.raises(StoreUnavailable, match="full"):
        overfill()
    with store.begin() as work:
        assert work.get_value("a") is None
        assert work.case_of_message(message_id(7)) is None
    store.close()


def test_an_error_shows_no_personal_data(file: Path) -> None:
    store = opened(file, busy_timeout_seconds=0.05)
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE deliveries")
    with pytest.raises(StoreUnavailable) as caught, store.begin() as work:
        work.save(exchange_of(delivery(form(FormType.HAND_OVER, reporter_name="某某人"), 1)))
    assert "某某人" not in str(caught.value)
    assert "某某人" not in str(caught.value.__cause__)


def test_two_processes_on_one_file_do_not_overlap(file: Path) -> None:
    """Two stores stand for two processes: their locks know nothing of each other."""
    first, second = opened(file), opened(file)
    for store in (first, second, first):
        with store.begin() as work:
            work.set_value("count", str(int(work.get_value("count") or "0") + 1))
    with first.begin() as work:
        assert work.get_value("count") == "3"
    first.close()
    second.close()


# One commit for several


class Crowd:
    """Units of work of which one is under way while the others wait for their turn."""

    def __init__(self, store: SqlStore, fails: str = ""):
        self.store = store
        self.fails = fails
        #: How each of them ended.
        self.told: dict[str, str] = {}

    def run(self, *names: str) -> None:
        """Let the first begin, let the others come one after the other, and only then go on."""
        threads = [threading.Thread(target=self.work, args=(name,)) for name in names[1:]]
        self.work(names[0], threads)
        for thread in threads:
            thread.join()

    def work(self, name: str, behind: Sequence[threading.Thread] = ()) -> None:
        try:
            with self.store.begin() as work:
                for count, thread in enumerate(behind, 1):
                    thread.start()
                    self.wait_for(count)
                work.set_value(name, "1")
                if name == self.fails:
                    self.fail(work)
            self.told[name] = "kept"
        except (StoreUnavailable, ValueError) as error:
            self.told[name] = str(error)

    def wait_for(self, count: int) -> None:
        end = time.monotonic() + 10
        while self.store._waiting < count and time.monotonic() < end:
            os.sched_yield()

    def fail(self, _: UnitOfWork) -> None:
        raise ValueError("failed")

    def kept(self) -> set[str]:
        with self.store.begin() as work:
            return {name for name in "abcd" if work.get_value(name)}


@pytest.fixture
def lines(store: SqlStore) -> list[str]:
    """All that the store says to its database."""
    said: list[str] = []
    store._engine.dispose()
    event.listen(store._engine, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    return said


def test_units_of_work_that_wait_share_one_commit(store: SqlStore, lines: list[str]) -> None:
    crowd = Crowd(store)
    crowd.run("a", "b", "c", "d")
    assert lines.count("COMMIT") == 1
    assert crowd.kept() == {"a", "b", "c", "d"}


def test_a_shared_commit_has_a_greatest_size(
    store: SqlStore, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "SHARED_COMMIT", 2)
    crowd = Crowd(store)
    crowd.run("a", "b", "c", "d")
    assert lines.count("COMMIT") == 2
    assert crowd.kept() == {"a", "b", "c", "d"}


@pytest.mark.parametrize("broken", ["a", "b", "c", "d"])
def test_one_that_fails_in_a_shared_commit_is_taken_back_alone(store: SqlStore, broken: str) -> None:
    crowd = Crowd(store, fails=broken)
    crowd.run("a", "b", "c", "d")
    assert crowd.told == {name: "failed" if name == broken else "kept" for name in "abcd"}
    assert crowd.kept() == {"a", "b", "c", "d"} - {broken}


def test_a_shared_commit_that_fails_is_told_to_all_who_share_it(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    crowd = Crowd(store)
    with monkeypatch.context() as patched:
        patched.setattr("sqlalchemy.pool.base._ConnectionFairy.commit", commit, raising=False)
        crowd.run("a", "b", "c")
    assert crowd.told == dict.fromkeys("abc", "disk I/O error")
    assert crowd.kept() == set()


def test_a_transaction_that_the_database_gave_up_keeps_nothing_of_anybody(store: SqlStore) -> None:
    class Lost(Crowd):
        def fail(self, work: UnitOfWork) -> None:
            # As SQLite may do by itself when a disk is full.
            work._session.say("ROLLBACK")  # type: ignore[attr-defined]
            raise ValueError("failed")

    crowd = Lost(store, fails="b")
    crowd.run("a", "b")
    assert crowd.told == {"a": "no such savepoint: unit", "b": "failed"}
    assert crowd.kept() == set()


@pytest.mark.parametrize("when", ["SAVEPOINT", "RELEASE"])
def test_a_savepoint_that_cannot_be_had_ends_the_shared_transaction(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    say = Session.say

    def refuse(session: Session, text: str) -> None:
        if text.startswith(when):
            raise sqlite3.OperationalError("disk I/O error")
        say(session, text)

    crowd = Crowd(store)
    with monkeypatch.context() as patched:
        patched.setattr(Session, "say", refuse)
        crowd.run("a", "b")
    assert crowd.told == dict.fromkeys("ab", "disk I/O error")
    assert crowd.kept() == set()
