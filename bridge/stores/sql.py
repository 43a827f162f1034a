"""The durable store: one SQL module for SQLite (embedded, the default) and PostgreSQL.

What the tables hold:

    cases            the exchange's view of each case; its place in the order of hand-overs
    deliveries       every form that was admitted, unchanged for ever, and where its delivery stands
    attachments      the bytes of photos and documents, once for each digest
    contents         what was handed over before, for telling duplicates (EXC-1)
    outbox           sendings that are committed and not yet carried out
    journal          every envelope and everything that was done, in order
    kept_receipts    receipts that changed nothing, each with its reason (RCPT-3)
    notices          what contact persons were told (CONT-2)
    audit            what people did, each line sealed onto the one before
    used_tokens      password digests that callers used, for as long as they would be fresh
    durable_values   small values, such as the cursor of the last query

Units of work are serialised: by a lock within the process, by the database across processes
(SQLite's BEGIN IMMEDIATE; elsewhere a locked row). A commit has reached the disk when `begin` is left.

Units of work that are waiting for their turn when another one ends share its transaction, one behind the other, and so one wait
for the disk; each is left only after the commit that holds it. One that fails is taken back alone, by a savepoint.

While the database cannot be had, because another program has it locked or it does not run, a unit of work waits for it once. All
that waited behind it meanwhile fail with it, so that twenty callers are refused after one such wait and not after twenty.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PoolProxiedConnection,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from bridge.core.audit import BEGINNING, AuditEntry, SealedEntry, seal
from bridge.core.effects import GiveReceipt, KeepReceipt, Notify, Send
from bridge.core.errors import CursorInvalid, StoreUnavailable
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.ports import JournalEntry, OutboxItem, UnitOfWork
from bridge.rules.delivery import FINAL_STATES
from bridge.rules.lifecycle import handed_over_state
from bridge.stores.plain import fields_from_plain, fields_to_plain, from_plain, to_plain
from bridge.stores.prepared import Prepared, Session
from bridge.vocabulary.codes import ContactDuty, NoticeKind, NoticePhase
from bridge.vocabulary.forms import Attachment, Form, HandOver
from bridge.vocabulary.messages import CasePage, CaseQuery, FormMessage, HandedOverCase, Header, Receipt
from bridge.vocabulary.parties import Direction, Party, Side
from bridge.vocabulary.stages import ExchangeStage, HandedOverState
from bridge.vocabulary.times import in_shanghai

Key = TypeVar("Key")
Value = TypeVar("Value")

#: The newest step of the migrations; a store that already stands there opens without running them.
SCHEMA_VERSION = "0003"

#: Forms never change, so decoded ones are kept; this many bytes of them, counted by their texts and attachments.
CACHED_FORM_BYTES = 64 * 1024 * 1024

#: The greatest number of forms kept decoded, so that small ones do not add up unseen.
CACHED_FORMS = 20_000

#: Units of work that share one commit at the most, so that the first of them does not wait for ever.
SHARED_COMMIT = 16


#: For so long the way the last commit ended tells whether something can be written; then it is tried.
WRITTEN_COUNTS_SECONDS = 2.0


class StoreNotOpened(StoreUnavailable):
    """The store's address leads to nothing that can be used: one sentence in each language says why."""

    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(f"{message_zh} / {message_en}")


class Moment(TypeDecorator[datetime]):
    """An aware moment; kept in UTC so that moments sort by time, given back in Asia/Shanghai."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From UTC, which SQLite does not say and PostgreSQL does."""
        if value is None:
            return None
        moment: datetime = value
        return in_shanghai(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


#: SQLite numbers rows by itself only in a column of exactly this type.
_Position = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

cases = Table(
    "cases",
    metadata,
    Column("case_number", String(40), primary_key=True),
    Column("stage", String(40), nullable=False),
    Column("handed_over_state", String(40), nullable=False),
    Column("task_number", String(40)),
    Column("filing_ordinal", Integer, nullable=False),
    Column("rejections", Integer, nullable=False),
    Column("sequence", _Position, unique=True),
    Column("hand_over_id", String(100)),
    Column("handed_over_at", Moment),
    Column("first_seen_at", Moment),
    Column("changed_at", Moment),
    Column("open_matters", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("message_id", String(100), primary_key=True),
    Column("case_number", String(40), ForeignKey("cases.case_number"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("direction", String(20), nullable=False),
    Column("form_type", String(40), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("header", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("admitted_at", Moment, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("due_at", Moment, index=True),
    # What else moves with the delivery, as JSON: attempts, the effective receipt …
    Column("standing", Text, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("content_key", String(200), nullable=False),
    Column("case_number", String(40), nullable=False),
    UniqueConstraint("content_key", "case_number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("key", _Position, primary_key=True),
    Column("to", String(20), nullable=False),
    Column("header", Text),
    Column("message_id", String(100)),
    Column("form", Text),
    Column("receipt", Text),
    Column("committed_at", Moment, nullable=False),
    # A key is never used twice: it names a sending when it ends, even after a restart.
    sqlite_autoincrement=True,
)

journal = Table(
    "journal",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("what", String(60), nullable=False),
    Column("case_number", String(40)),
    Column("message_id", String(100)),
    Column("party", String(20)),
    Column("detail", Text, nullable=False),
    Column("envelope", LargeBinary),
    Index(None, "case_number", "position"),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("duty", String(40), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("phase", String(20), nullable=False),
    Column("case_number", String(40), nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("related_case_number", String(40)),
)

kept_receipts = Table(
    "kept_receipts",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("given_by", String(20), nullable=False),
    Column("case_number", String(40), nullable=False, index=True),
    Column("standing", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("receipt", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("position", _Position, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("operator", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("case_number", Text),
    Column("message_id", Text),
    Column("reason", Text, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("before", String(20)),
    Column("after", String(20)),
    Column("seal", String(64), nullable=False),
)

used_tokens = Table(
    "used_tokens",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("content", String(64), nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

durable_values = Table(
    "durable_values",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)

#: Put together once: `json.dumps` would make a new one for every text.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

#: The row that counts hand-overs. Locking it also serialises units of work where BEGIN does not.
_SEQUENCE = "store.sequence"

#: A value that is written to see whether anything can be.
_TRIED = "store.tried"


class SqlStore:
    """A store behind an SQLAlchemy URL, `sqlite:///file.db` or `postgresql+psycopg://…`; opening brings the tables up to date."""

    def __init__(self, url: str, *, busy_timeout_seconds: float = 5.0):
        self._engine = _engine(url, busy_timeout_seconds)
        driver: Any = self._engine.dialect.dbapi
        #: What can go wrong with the database, as SQLAlchemy says it and as its driver does.
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, driver.Error)
        #: Held by the unit of work whose turn it is; guards the transaction.
        self._lock = threading.Lock()
        self._group: _Group | None = None
        self._counting = threading.Lock()
        self._waiting = 0
        #: When the database could not be had the last time, and why.
        self._not_had: tuple[float, Exception] | None = None
        #: When something was to be written the last time, and whether it was; guarded by its own lock while it is tried.
        self._last_write: tuple[float, bool] | None = None
        self._trying = threading.Lock()
        self._forms = _Recent[str, _Kept](lambda kept: _weight(kept.form))
        #: The outbox as far as it was written or read here; a sending never changes.
        self._sendings = _Recent[int, OutboxItem](
            lambda item: _weight(item.effect.message.form) if isinstance(item.effect, Send) else 1000
        )
        #: SQLite's BEGIN IMMEDIATE keeps others out by itself.
        self._begin_locks = self._engine.dialect.name == "sqlite"
        try:
            self._migrate()
        except SQLAlchemyError as error:
            self._engine.dispose()
            said = _first_line(error)
            raise StoreNotOpened(f"存储无法打开:{said}", f"the store cannot be opened: {said}") from error

    def prepare(self) -> None:
        """Write out every statement ahead of its first use."""
        for statement in (*globals().values(), *_PAGES.values()):
            if isinstance(statement, Prepared):
                statement.ready(self._engine.dialect)

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work: commits on leaving, rolls back on an exception. Units of work are serialised."""
        return self._unit_of_work()

    @contextmanager
    def _unit_of_work(self) -> Iterator[UnitOfWork]:
        came = time.monotonic()
        with self._its_turn():
            if self._not_had is not None and self._not_had[0] >= came:
                raise StoreUnavailable(_first_line(self._not_had[1])) from self._not_had[1]
            with self._unavailable():
                group = self._joined()
            unit = _SqlUnitOfWork(group.session, self._forms, group.inserted)
            try:
                with self._unavailable():
                    yield unit
                    unit.flush()
                    group.keep(unit)
            except BaseException:
                self._take_back(group)
                raise
            finally:
                if self._group is group and group.size and not self._goes_on(group):
                    self._commit(group)
        group.ended.wait()
        if group.error is not None:
            raise StoreUnavailable(_first_line(group.error)) from group.error

    @contextmanager
    def _its_turn(self) -> Iterator[None]:
        with self._counting:
            self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            with self._counting:
                self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    def _joined(self) -> "_Group":
        """The transaction that is open, with a savepoint in it, or a new one."""
        group = self._group
        if group is not None:
            try:
                group.session.say("SAVEPOINT unit")
            except self._errors as error:
                self._give_up(group, error)
                raise
            return group
        try:
            session = self._begun()
        except self._errors as error:
            self._not_had = (time.monotonic(), error)
            self._last_write = (time.monotonic(), False)
            raise
        self._group = _Group(session)
        return self._group

    def _begun(self) -> Session:
        """A transaction that nobody else writes beside."""
        connection = self._engine.raw_connection()
        try:
            session = Session(connection, self._engine.dialect)
            if self._begin_locks:
                session.say("BEGIN IMMEDIATE")
            else:
                session.rows(_LOCK_ROW, which=_SEQUENCE)
        except BaseException:
            _let_go(connection)
            raise
        return session

    def _goes_on(self, group: "_Group") -> bool:
        """Whether somebody waits who will take the transaction over, and with it the duty to commit."""
        return self._waiting > 0 and group.size < SHARED_COMMIT

    def _take_back(self, group: "_Group") -> None:
        """Undo the unit of work that failed, and leave what others have done in the same transaction."""
        if self._group is not group:
            return
        if not group.size:
            self._end(group)
            return
        try:
            group.session.say("ROLLBACK TO SAVEPOINT unit")
            group.session.say("RELEASE SAVEPOINT unit")
        except self._errors as error:
            # Some failures, such as a full disk, take the whole transaction with them.
            self._give_up(group, error)

    def _commit(self, group: "_Group") -> None:
        try:
            group.session.connection.commit()
        except self._errors as error:
            self._give_up(group, error)
            return
        self._last_write = (time.monotonic(), True)
        # Only what was committed may be found again by later units of work.
        self._forms.keep(group.inserted)
        self._sendings.keep(group.enqueued)
        self._sendings.drop(group.finished)
        self._end(group)

    def _give_up(self, group: "_Group", error: Exception) -> None:
        """Nothing of this transaction is kept; whoever has a part in it is told."""
        group.error = error
        self._last_write = (time.monotonic(), False)
        self._end(group)

    def _end(self, group: "_Group") -> None:
        self._group = None
        try:
            _let_go(group.session.connection)
        finally:
            group.ended.set()

    def can_write(self) -> bool:
        """Whether something can be kept just now: as the last commit ended, when that was a moment ago, else as a small one of its own does."""
        with self._trying:
            last = self._last_write
            if last is not None and time.monotonic() - last[0] < WRITTEN_COUNTS_SECONDS:
                return last[1]
            try:
                with self.begin() as work:
                    work.set_value(_TRIED, "")
            except StoreUnavailable:
                self._last_write = (time.monotonic(), False)
                return False
            return True

    def outbox(self, limit: int = 100) -> Sequence[OutboxItem]:
        """Committed sendings not yet carried out, oldest first."""
        with self._reading() as session:
            found = []
            for row in session.rows(_OUTBOX_KEYS, limit=limit):
                item = self._sendings.get(row.key)
                if item is None:
                    item = self._outbox_item(session, session.row(_OUTBOX_ITEM, which=row.key))
                    self._sendings.keep({item.key: item})
                found.append(item)
            return found

    def last_in_outbox(self) -> int:
        """The key of the newest of these sendings, 0 when there is none."""
        with self._reading() as session:
            return session.value(_LAST_IN_OUTBOX) or 0

    def _outbox_item(self, session: Session, row: Any) -> OutboxItem:
        to = Side(row.to)
        effect: Send | GiveReceipt
        if row.receipt is not None:
            effect = GiveReceipt(to=to, receipt=_read(Receipt, row.receipt))
        else:
            kept = self._forms.get(row.message_id) if row.form is None else None
            form = kept.form if kept else _read_form(session, row.delivered_form if row.form is None else row.form)
            effect = Send(to=to, message=FormMessage(header=_read(Header, row.header), form=form))
        return OutboxItem(key=row.key, effect=effect, committed_at=row.committed_at)

    def due_timers(self, until: datetime, limit: int = 100) -> Sequence[tuple[str, str, datetime]]:
        """(case number, message id, due moment) of deliveries whose timer is due, soonest first."""
        with self._reading() as session:
            return [(row[0], row[1], row[2]) for row in session.rows(_DUE, until=until, limit=limit)]

    def next_due(self) -> datetime | None:
        """The soonest timer of all."""
        with self._reading() as session:
            soonest: datetime | None = session.value(_NEXT_DUE)
            return soonest

    def cases(self, query: CaseQuery) -> CasePage:
        """Handed-over cases in their order (XCHG-2); raises `CursorInvalid` for a cursor it never gave."""
        with self._reading() as session:
            last = session.value(_LAST_SEQUENCE) or 0
            after = _position_of(query.cursor, last)
            rows = session.rows(
                _PAGES[query.since is not None, query.state is not None],
                after=after,
                since=query.since,
                state=query.state.value if query.state else None,
                limit=query.page_size + 1,
            )
            shown = rows[: query.page_size]
            found = tuple(
                HandedOverCase(
                    message_id=row.message_id,
                    state=HandedOverState(row.handed_over_state),
                    hand_over=_hand_over_form(_read_form(session, row.form)),
                )
                for row in shown
            )
        more = len(rows) > len(shown)
        # The cursor stays behind a case that does not match now: it may match when the next page is asked for.
        end = shown[-1].sequence if shown else after
        return CasePage(cases=found, next_cursor=str(end), more=more)

    def read_exchange(self, case_number: str) -> Exchange | None:
        """A case for looking at; changes to it are not kept."""
        with self._reading() as session:
            return _SqlUnitOfWork(session, self._forms, {}).exchange(case_number)

    def last_moment(self) -> datetime | None:
        """The moment of the journal's last line; None while there is none."""
        with self._reading() as session:
            last: datetime | None = session.value(_LAST_MOMENT)
            return last

    def read_journal(
        self, case_number: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, JournalEntry]]:
        """Journal entries with their positions, oldest first."""
        with self._reading() as session:
            rows = (
                session.rows(_JOURNAL, after=after, limit=limit)
                if case_number is None
                else session.rows(_CASE_JOURNAL, after=after, limit=limit, case=case_number)
            )
            return [(row.position, _journal_entry(row)) for row in rows]

    def read_notices(self, limit: int = 1000) -> Sequence[Notify]:
        """Recorded notices, oldest first."""
        with self._reading() as session:
            return [_notice(row) for row in session.rows(_NOTICES, limit=limit)]

    def read_kept_receipts(self, case_number: str | None = None, limit: int = 1000) -> Sequence[KeepReceipt]:
        """Receipts that changed nothing, the latest `limit` of them, oldest first."""
        with self._reading() as session:
            rows = (
                session.rows(_KEPT_RECEIPTS, limit=limit)
                if case_number is None
                else session.rows(_CASE_KEPT_RECEIPTS, limit=limit, case=case_number)
            )
            return [_kept_receipt(row) for row in reversed(rows)]

    def read_audit(self) -> Sequence[SealedEntry]:
        """Everything that people did, oldest first."""
        with self._reading() as session:
            return [_sealed(row) for row in session.rows(_AUDIT)]

    def under_way(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that have no outcome yet, in order of admission."""
        with self._reading() as session:
            return [(row[0], row[1]) for row in session.rows(_UNDER_WAY)]

    def parked(self) -> Sequence[tuple[str, str]]:
        """(case number, message id) of the deliveries that wait for a person."""
        with self._reading() as session:
            return [(row[0], row[1]) for row in session.rows(_IN_STATE, state=DeliveryState.PARKED.value)]

    def close(self) -> None:
        """Let go of files and connections."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._unavailable(), closing(self._engine.raw_connection()) as connection:
            session = Session(connection, self._engine.dialect)
            if self._begin_locks:
                # Elsewhere the driver begins by itself.
                session.say("BEGIN")
            yield session

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        """Whatever the database could not do becomes one error that says: nothing was kept."""
        try:
            yield
        except self._errors as error:
            raise StoreUnavailable(_first_line(error)) from error

    def _migrate(self) -> None:
        with self._engine.connect() as raw:
            connection = raw.execution_options(writes=True)
            with connection.begin():
                if _schema_version(connection) != SCHEMA_VERSION and not _took_known_tables(connection):
                    _run_migrations(connection)
                    _remember_tables(connection)
                if connection.scalar(select(durable_values.c.name).where(durable_values.c.name == _SEQUENCE)) is None:
                    connection.execute(durable_values.insert().values(name=_SEQUENCE, value="0"))


# Statements, put together once: making them anew costs more than running them.
_VALUE = Prepared(select(durable_values.c.value).where(durable_values.c.name == bindparam("which")))
_LOCK_ROW = Prepared(
    select(durable_values.c.value).where(durable_values.c.name == bindparam("which")).with_for_update()
)
_UPDATE_VALUE = Prepared(durable_values.update().where(durable_values.c.name == bindparam("which")), "value")
_INSERT_VALUE = Prepared(durable_values.insert().inline(), "name", "value")

_TOKEN = Prepared(select(used_tokens.c.content).where(used_tokens.c.token == bindparam("which")))
_INSERT_TOKEN = Prepared(used_tokens.insert().inline(), "token", "content", "expires_at")
_FORGET_TOKENS = Prepared(used_tokens.delete().where(used_tokens.c.expires_at < bindparam("before")))

_CASE = Prepared(select(cases).where(cases.c.case_number == bindparam("case")))
_CASE_COLUMNS = tuple(each.name for each in cases.c if each.name != "case_number")
_INSERT_CASE = Prepared(cases.insert().inline(), "case_number", *_CASE_COLUMNS)
_UPDATE_CASE = Prepared(cases.update().where(cases.c.case_number == bindparam("case")), *_CASE_COLUMNS)
#: The long columns of a delivery are fetched only when its form is not at hand.
_STANDINGS = Prepared(
    select(deliveries.c.message_id, deliveries.c.state, deliveries.c.due_at, deliveries.c.standing)
    .where(deliveries.c.case_number == bindparam("case"))
    .order_by(deliveries.c.ordinal)
)
_KEPT = Prepared(
    select(
        deliveries.c.direction,
        deliveries.c.form,
        deliveries.c.fingerprint,
        deliveries.c.header,
        deliveries.c.admitted_at,
        deliveries.c.ordinal,
    ).where(deliveries.c.message_id == bindparam("message"))
)
_INSERT_DELIVERY = Prepared(deliveries.insert().inline(), *deliveries.c.keys())
_UPDATE_DELIVERY = Prepared(
    deliveries.update().where(deliveries.c.message_id == bindparam("message")), "state", "due_at", "standing"
)
_CASE_OF_MESSAGE = Prepared(select(deliveries.c.case_number).where(deliveries.c.message_id == bindparam("message")))
_DUE = Prepared(
    select(deliveries.c.case_number, deliveries.c.message_id, deliveries.c.due_at)
    .where(deliveries.c.due_at <= bindparam("until"))
    .order_by(deliveries.c.due_at, deliveries.c.case_number, deliveries.c.message_id)
    .limit(bindparam("limit"))
)
_NEXT_DUE = Prepared(select(func.min(deliveries.c.due_at).label("soonest")))
_IN_STATE = Prepared(
    select(deliveries.c.case_number, deliveries.c.message_id)
    .where(deliveries.c.state == bindparam("state"))
    .order_by(deliveries.c.admitted_at, deliveries.c.message_id)
)

_IS_UNDER_WAY = and_(*(deliveries.c.state != state.value for state in sorted(FINAL_STATES)))
_UNDER_WAY = Prepared(
    select(deliveries.c.case_number, deliveries.c.message_id)
    .where(_IS_UNDER_WAY)
    .order_by(deliveries.c.admitted_at, deliveries.c.message_id)
)
#: Not by way of the delivery's form and standing: reading these may be what fails.
_SET_ASIDE = Prepared(
    deliveries.update().where(deliveries.c.message_id == bindparam("message"), _IS_UNDER_WAY),
    "state",
    "due_at",
)

_CONTENT = Prepared(select(attachments.c.content).where(attachments.c.sha256 == bindparam("digest")))
_HAS_CONTENT = Prepared(select(attachments.c.sha256).where(attachments.c.sha256 == bindparam("digest")))
_INSERT_CONTENT = Prepared(attachments.insert().inline(), "sha256", "content")

_CASE_WITH_CONTENT = Prepared(
    select(contents.c.case_number, contents.c.position)
    .where(
        contents.c.content_key == bindparam("key"),
        contents.c.case_number != bindparam("case"),
        contents.c.position > bindparam("after"),
    )
    .order_by(contents.c.position)
    .limit(1)
)
_REMEMBERED = Prepared(
    select(contents.c.position).where(
        contents.c.content_key == bindparam("key"), contents.c.case_number == bindparam("case")
    )
)
_REMEMBER = Prepared(contents.insert().inline(), "content_key", "case_number")

_ENQUEUE = Prepared(
    outbox.insert().returning(outbox.c.key), "to", "header", "message_id", "form", "receipt", "committed_at"
)
_FINISH = Prepared(outbox.delete().where(outbox.c.key == bindparam("which")))
_OUTBOX_KEYS = Prepared(select(outbox.c.key).order_by(outbox.c.key).limit(bindparam("limit")))
_LAST_IN_OUTBOX = Prepared(select(func.max(outbox.c.key).label("newest")))
_OUTBOX_ITEM = Prepared(
    select(outbox, deliveries.c.form.label("delivered_form"))
    .select_from(outbox.outerjoin(deliveries, deliveries.c.message_id == outbox.c.message_id))
    .where(outbox.c.key == bindparam("which"))
)

_JOURNAL = Prepared(
    select(journal)
    .where(journal.c.position > bindparam("after"))
    .order_by(journal.c.position)
    .limit(bindparam("limit"))
)
_LAST_MOMENT = Prepared(select(journal.c.at).order_by(journal.c.position.desc()).limit(1))
_CASE_JOURNAL = Prepared(
    select(journal)
    .where(journal.c.case_number == bindparam("case"), journal.c.position > bindparam("after"))
    .order_by(journal.c.position)
    .limit(bindparam("limit"))
)
_INSERT_JOURNAL = Prepared(journal.insert().inline(), *(each.name for each in journal.c if each.name != "position"))
_NOTICES = Prepared(select(notices).order_by(notices.c.position).limit(bindparam("limit")))
_INSERT_NOTICES = Prepared(notices.insert().inline(), *(each.name for each in notices.c if each.name != "position"))

_KEPT_RECEIPTS = Prepared(select(kept_receipts).order_by(kept_receipts.c.position.desc()).limit(bindparam("limit")))
_CASE_KEPT_RECEIPTS = Prepared(
    select(kept_receipts)
    .where(kept_receipts.c.case_number == bindparam("case"))
    .order_by(kept_receipts.c.position.desc())
    .limit(bindparam("limit"))
)
_INSERT_KEPT_RECEIPT = Prepared(
    kept_receipts.insert().inline(), *(each.name for each in kept_receipts.c if each.name != "position")
)
_AUDIT = Prepared(select(audit).order_by(audit.c.position))
_LAST_SEAL = Prepared(select(audit.c.seal).order_by(audit.c.position.desc()).limit(1))
_INSERT_AUDIT = Prepared(audit.insert().inline(), *(each.name for each in audit.c if each.name != "position"))

_LAST_SEQUENCE = Prepared(select(func.max(cases.c.sequence).label("last")))


def _page(since: bool, state: bool) -> Prepared:
    statement = (
        select(cases.c.sequence, cases.c.handed_over_state, deliveries.c.message_id, deliveries.c.form)
        .join(deliveries, deliveries.c.message_id == cases.c.hand_over_id)
        .where(cases.c.sequence > bindparam("after"))
        .order_by(cases.c.sequence)
        .limit(bindparam("limit"))
    )
    if since:
        statement = statement.where(cases.c.handed_over_at >= bindparam("since"))
    if state:
        statement = statement.where(cases.c.handed_over_state == bindparam("state"))
    return Prepared(statement)


#: By whether a moment and whether a state is asked for.
_PAGES = {(since, state): _page(since, state) for since in (False, True) for state in (False, True)}


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


#: What SQLite was told to make all tables of an empty store, once the migrations have made one in this process.
_known_tables: list[str] = []


def _took_known_tables(connection: Connection) -> bool:
    """Make the tables of an empty SQLite store as the migrations made them before, without going through all of them again."""
    if not _known_tables or connection.dialect.name != "sqlite":
        return False
    if connection.scalar(text("SELECT count(*) FROM sqlite_master")):
        return False
    for statement in _known_tables:
        connection.exec_driver_sql(statement)
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": SCHEMA_VERSION})
    return True


def _remember_tables(connection: Connection) -> None:
    if connection.dialect.name != "sqlite" or _known_tables:
        return
    own = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY rowid"
    _known_tables.extend(connection.execute(text(own)).scalars())


def _run_migrations(connection: Connection) -> None:
    # Imported here: a store that is up to date, which is nearly always, opens without it.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise StoreNotOpened(
            "存储由更新版本的程序建立,请用该版本打开",
            "the store was made by a newer version of this program; open it with that one",
        ) from None


class _Kept(NamedTuple):
    """The part of a delivery that never changes."""

    direction: Direction
    form: Form
    fingerprint: str
    header: Header
    admitted_at: datetime
    ordinal: int


#: The fields of a delivery that move and that nothing searches for; they are kept as JSON.
_RESTING = tuple(
    each.name
    for each in fields(Delivery)
    if each.name not in _Kept._fields and each.name not in ("message_id", "state", "due_at")
)

#: All that moves with a delivery, for telling whether it has moved.
_standing_of: Callable[[Delivery], tuple[Any, ...]] = attrgetter("state", "due_at", *_RESTING)


def _kept(delivery: Delivery) -> _Kept:
    d = delivery
    return _Kept(d.direction, d.form, d.fingerprint, d.header, d.admitted_at, d.ordinal)


def _weight(form: Form) -> int:
    return 1000 + sum(len(each.content or b"") for each in _attachments(form))


class _Recent(Generic[Key, Value]):
    """What was used lately and never changes, decoded; the least recently used goes first."""

    def __init__(self, weigh: Callable[[Value], int]) -> None:
        self._weigh = weigh
        self._lock = threading.Lock()
        self._items: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._weight = 0

    def get(self, key: Key) -> Value | None:
        with self._lock:
            found = self._items.get(key)
            if found is None:
                return None
            self._items.move_to_end(key)
            return found[0]

    def keep(self, items: Mapping[Key, Value]) -> None:
        with self._lock:
            for key, value in items.items():
                if key in self._items:
                    continue
                weight = self._weigh(value)
                self._items[key] = (value, weight)
                self._weight += weight
            while self._weight > CACHED_FORM_BYTES or len(self._items) > CACHED_FORMS:
                _, (_, weight) = self._items.popitem(last=False)
                self._weight -= weight

    def drop(self, keys: Iterable[Key]) -> None:
        with self._lock:
            for key in keys:
                found = self._items.pop(key, None)
                if found is not None:
                    self._weight -= found[1]


class _Group:
    """A transaction and the units of work in it."""

    def __init__(self, session: Session):
        self.session = session
        #: Units of work that are done and wait for the commit.
        self.size = 0
        self.inserted: dict[str, _Kept] = {}
        self.enqueued: dict[int, OutboxItem] = {}
        self.finished: list[int] = []
        #: Set once it is decided whether all this is kept.
        self.ended = threading.Event()
        self.error: Exception | None = None

    def keep(self, unit: "_SqlUnitOfWork") -> None:
        """Let a unit of work stand that has done all it wanted."""
        if self.size:
            self.session.say("RELEASE SAVEPOINT unit")
        self.size += 1
        self.inserted |= unit.inserted
        self.enqueued |= unit.enqueued
        self.finished += unit.finished


class _SqlUnitOfWork:
    """One transaction; what it has read is remembered, so that saving writes only what changed."""

    def __init__(self, session: Session, forms: _Recent[str, _Kept], fresh: Mapping[str, _Kept]):
        self._session = session
        self._forms = forms
        #: Deliveries that are new with earlier units of work of the same transaction.
        self._fresh = fresh
        self._cases: set[str] = set()
        self._absent: set[str] = set()
        self._entries: list[dict[str, Any]] = []
        self._known: dict[str, tuple[_Kept, tuple[Any, ...]]] = {}
        #: What is new with this unit of work, and what it took off the outbox.
        self.inserted: dict[str, _Kept] = {}
        self.enqueued: dict[int, OutboxItem] = {}
        self.finished: list[int] = []

    def exchange(self, case_number: str) -> Exchange | None:
        row = self._session.row(_CASE, case=case_number)
        if row is None:
            self._absent.add(case_number)
            return None
        self._cases.add(case_number)
        return Exchange(
            case_number=row.case_number,
            stage=ExchangeStage(row.stage),
            task_number=row.task_number,
            filing_ordinal=row.filing_ordinal,
            rejections=row.rejections,
            deliveries=self._deliveries(case_number),
            sequence=row.sequence,
            first_seen_at=row.first_seen_at,
            changed_at=row.changed_at,
            open_matters=set(json.loads(row.open_matters)),
        )

    def _deliveries(self, case_number: str) -> dict[str, Delivery]:
        found = {}
        for row in self._session.rows(_STANDINGS, case=case_number):
            kept = self._find(row.message_id)
            delivery = Delivery(
                message_id=row.message_id,
                direction=kept.direction,
                form=kept.form,
                fingerprint=kept.fingerprint,
                header=kept.header,
                admitted_at=kept.admitted_at,
                ordinal=kept.ordinal,
                state=DeliveryState(row.state),
                due_at=row.due_at,
                **fields_from_plain(Delivery, json.loads(row.standing)),
            )
            self._known[row.message_id] = (kept, _standing_of(delivery))
            found[row.message_id] = delivery
        return found

    def _find(self, message_id: str) -> _Kept:
        known = self.inserted.get(message_id) or self._fresh.get(message_id) or self._forms.get(message_id)
        if known is not None:
            return known
        row = self._session.row(_KEPT, message=message_id)
        kept = _Kept(
            direction=Direction(row.direction),
            form=_read_form(self._session, row.form),
            fingerprint=row.fingerprint,
            header=_read(Header, row.header),
            admitted_at=row.admitted_at,
            ordinal=row.ordinal,
        )
        self._forms.keep({message_id: kept})
        return kept

    def save(self, exchange: Exchange) -> None:
        if exchange.case_number not in self._cases and exchange.case_number not in self._absent:
            self.exchange(exchange.case_number)
        self._save_case(exchange)
        for delivery in exchange.deliveries.values():
            message_id, standing = delivery.message_id, _standing_of(delivery)
            before = self._known.get(message_id)
            if before is None:
                self._insert_delivery(exchange.case_number, delivery)
                kept = self.inserted[message_id] = _kept(delivery)
            elif before[1] != standing:
                self._session.change(_UPDATE_DELIVERY, {"message": message_id, **_standing_row(delivery)})
                kept = before[0]
            else:
                continue
            self._known[message_id] = (kept, standing)

    def _save_case(self, exchange: Exchange) -> None:
        shown = exchange.handed_over()
        row = {
            "stage": exchange.stage.value,
            "handed_over_state": handed_over_state(exchange.stage).value,
            "task_number": exchange.task_number,
            "filing_ordinal": exchange.filing_ordinal,
            "rejections": exchange.rejections,
            "sequence": exchange.sequence,
            "hand_over_id": shown.message_id if shown else None,
            "handed_over_at": shown.hand_over.handed_over_at if shown else None,
            "first_seen_at": exchange.first_seen_at,
            "changed_at": exchange.changed_at,
            "open_matters": json.dumps(sorted(exchange.open_matters), ensure_ascii=False),
        }
        if exchange.case_number in self._cases:
            self._session.change(_UPDATE_CASE, {"case": exchange.case_number, **row})
        else:
            self._session.change(_INSERT_CASE, {"case_number": exchange.case_number, **row})
            self._cases.add(exchange.case_number)

    def _insert_delivery(self, case_number: str, delivery: Delivery) -> None:
        self._session.change(
            _INSERT_DELIVERY,
            {
                "message_id": delivery.message_id,
                "case_number": case_number,
                "ordinal": delivery.ordinal,
                "direction": delivery.direction.value,
                "form_type": delivery.form_type.value,
                "fingerprint": delivery.fingerprint,
                "header": _write(Header, delivery.header),
                "form": _write_form(self._session, delivery.form),
                "admitted_at": delivery.admitted_at,
                **_standing_row(delivery),
            },
        )

    def case_of_message(self, message_id: str) -> str | None:
        found: str | None = self._session.value(_CASE_OF_MESSAGE, message=message_id)
        return found

    def cases_with_content(self, content_key: str, other_than: str) -> Iterator[str]:
        # One at a time: the first is nearly always the one, and a city can have thousands of equal words without photos.
        position = 0
        while (
            found := self._session.row(_CASE_WITH_CONTENT, key=content_key, case=other_than, after=position)
        ) is not None:
            case_number, position = found
            yield case_number

    def remember_content(self, content_key: str, case_number: str) -> None:
        if self._session.row(_REMEMBERED, key=content_key, case=case_number) is None:
            self._session.change(_REMEMBER, {"content_key": content_key, "case_number": case_number})

    def next_sequence(self) -> int:
        following = int(self.get_value(_SEQUENCE) or "0") + 1
        self.set_value(_SEQUENCE, str(following))
        return following

    def enqueue(self, effects: Iterable[Send | GiveReceipt], at: datetime) -> None:
        for effect in effects:
            key = self._session.value(_ENQUEUE, committed_at=at, **self._outbox_row(effect))
            self.enqueued[key] = OutboxItem(key=key, effect=effect, committed_at=in_shanghai(at))

    def _outbox_row(self, effect: Send | GiveReceipt) -> dict[str, Any]:
        row: dict[str, Any] = {"to": effect.to.value, "header": None, "message_id": None, "form": None, "receipt": None}
        if isinstance(effect, GiveReceipt):
            return {**row, "receipt": _write(Receipt, effect.receipt)}
        message = effect.message
        known = self._known.get(message.header.message_id)
        # A form that its delivery already holds is not written a second time.
        form = None if known and known[0].form == message.form else _write_form(self._session, message.form)
        return {
            **row,
            "header": _write(Header, message.header),
            "message_id": message.header.message_id,
            "form": form,
        }

    def finish(self, key: int) -> bool:
        self.finished.append(key)
        return self._session.change(_FINISH, {"which": key}) > 0

    def journal(self, entries: Iterable[JournalEntry]) -> None:
        self._entries.extend(
            {
                "at": entry.at,
                "what": entry.what,
                "case_number": entry.case_number,
                "message_id": entry.message_id,
                "party": entry.party.value if entry.party else None,
                "detail": entry.detail,
                "envelope": entry.envelope,
            }
            for entry in entries
        )

    def flush(self) -> None:
        """Write what was gathered, before the commit: the journal of one input in one statement."""
        if self._entries:
            self._session.change_many(_INSERT_JOURNAL, self._entries)

    def notice(self, notices: Iterable[Notify]) -> None:
        rows = [
            {
                "duty": each.duty.value,
                "kind": each.kind.value,
                "phase": each.phase.value,
                "case_number": each.case_number,
                "text_zh": each.text_zh,
                "text_en": each.text_en,
                "at": each.at,
                "related_case_number": each.related_case_number,
            }
            for each in notices
        ]
        if rows:
            self._session.change_many(_INSERT_NOTICES, rows)

    def keep_receipts(self, kept: Iterable[KeepReceipt]) -> None:
        for each in kept:
            self._session.change(
                _INSERT_KEPT_RECEIPT,
                {
                    "at": each.at,
                    "given_by": each.given_by.value,
                    "case_number": each.receipt.case_number,
                    "standing": each.standing,
                    "reason": each.reason,
                    "receipt": _write(Receipt, each.receipt),
                },
            )

    def audit(self, entry: AuditEntry) -> None:
        before = self._session.value(_LAST_SEAL) or BEGINNING
        self._session.change(_INSERT_AUDIT, {**entry._asdict(), "seal": seal(before, entry)})

    def set_aside(self, message_id: str) -> None:
        self._session.change(_SET_ASIDE, {"message": message_id, "state": DeliveryState.PARKED.value, "due_at": None})

    def token_used(self, token: str, content: str, expires_at: datetime) -> str | None:
        known: str | None = self._session.value(_TOKEN, which=token)
        if known is None:
            self._session.change(_INSERT_TOKEN, {"token": token, "content": content, "expires_at": expires_at})
        return known

    def forget_tokens(self, before: datetime) -> None:
        self._session.change(_FORGET_TOKENS, {"before": before})

    def get_value(self, key: str) -> str | None:
        found: str | None = self._session.value(_VALUE, which=key)
        return found

    def set_value(self, key: str, value: str) -> None:
        if not self._session.change(_UPDATE_VALUE, {"which": key, "value": value}):
            self._session.change(_INSERT_VALUE, {"name": key, "value": value})


def _let_go(connection: PoolProxiedConnection) -> None:
    """Give it back to the pool, which rolls back whatever was not committed; one that the server has ended is thrown away."""
    if getattr(connection.driver_connection, "closed", False):
        connection.invalidate()
    connection.close()


def _hand_over_form(form: Form) -> HandOver:
    if not isinstance(form, HandOver):
        raise TypeError(f"expected a hand-over, found {form.form_type}")
    return form


def _standing_row(delivery: Delivery) -> dict[str, Any]:
    rest = _dumped(fields_to_plain(Delivery, _RESTING, delivery))
    return {"state": delivery.state.value, "due_at": delivery.due_at, "standing": rest}


def _journal_entry(row: Any) -> JournalEntry:
    return JournalEntry(
        at=row.at,
        what=row.what,
        case_number=row.case_number,
        message_id=row.message_id,
        party=None if row.party is None else Party(row.party),
        detail=row.detail,
        envelope=row.envelope,
    )


def _notice(row: Any) -> Notify:
    return Notify(
        duty=ContactDuty(row.duty),
        kind=NoticeKind(row.kind),
        phase=NoticePhase(row.phase),
        case_number=row.case_number,
        text_zh=row.text_zh,
        text_en=row.text_en,
        at=row.at,
        related_case_number=row.related_case_number,
    )


def _kept_receipt(row: Any) -> KeepReceipt:
    return KeepReceipt(
        given_by=Side(row.given_by),
        receipt=_read(Receipt, row.receipt),
        standing=row.standing,
        reason=row.reason,
        at=row.at,
    )


def _sealed(row: Any) -> SealedEntry:
    entry = AuditEntry(**{name: getattr(row, name) for name in AuditEntry._fields})
    return SealedEntry(position=row.position, entry=entry, seal=row.seal)


def _write(kind: Any, value: Any) -> str:
    return _dumped(to_plain(kind, value))


def _dumped(plain: Any) -> str:
    return _JSON.encode(plain)


def _read(kind: Any, written: str) -> Any:
    return from_plain(kind, json.loads(written))


def _attachments(form: Form) -> tuple[Attachment, ...]:
    found: tuple[Attachment, ...] = getattr(form, "attachments", ())
    return found


def _write_form(session: Session, form: Form) -> str:
    """The form as text; the bytes of its attachments go to their own table and are named by their true digest."""
    plain = to_plain(Form, form)
    for written, attachment in zip(plain.get("attachments", ()), _attachments(form), strict=True):
        if attachment.content is not None:
            digest = written["content"] = hashlib.sha256(attachment.content).hexdigest()
            if session.row(_HAS_CONTENT, digest=digest) is None:
                session.change(_INSERT_CONTENT, {"sha256": digest, "content": attachment.content})
    return _dumped(plain)


def _read_form(session: Session, written: str) -> Form:
    plain = json.loads(written)
    digests = [each.pop("content", None) for each in plain.get("attachments", ())]
    form: Form = from_plain(Form, plain)
    wanted = {digest for digest in digests if digest is not None}
    if not wanted:
        return form
    bytes_of = {digest: session.value(_CONTENT, digest=digest) for digest in wanted}
    whole = tuple(
        attachment if digest is None else replace(attachment, content=bytes_of[digest])
        for attachment, digest in zip(_attachments(form), digests, strict=True)
    )
    changes: dict[str, Any] = {"attachments": whole}
    return replace(form, **changes)


def _position_of(cursor: str | None, last: int) -> int:
    """The place in the order of hand-overs that a cursor stands for."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18) or str(int(cursor)) != cursor:
        raise CursorInvalid(cursor)
    position = int(cursor)
    if position > last:
        raise CursorInvalid(cursor)
    return position


def _first_line(error: Exception) -> str:
    """What the database said, without the statement and its values, which may hold personal data."""
    original = getattr(error, "orig", None)
    said = str(original if original is not None else error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _engine(url: str, busy_timeout_seconds: float) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(parsed, busy_timeout_seconds)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return _postgresql_engine(parsed, busy_timeout_seconds)
    except ImportError as error:
        raise StoreNotOpened(
            f"缺少数据库驱动 {error.name}:请安装 duijie[postgresql]",
            f"the database driver {error.name} is missing: install duijie[postgresql]",
        ) from None
    except (ArgumentError, NoSuchModuleError):
        # Not the address itself: it may hold a password.
        kind = url.partition(":")[0]
        raise StoreNotOpened(f"存储地址无效({kind}:…)", f"this is no store address ({kind}:…)") from None


def _sqlite_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreNotOpened("SQLite 存储需要文件路径", "an SQLite store needs the path of a file")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir():
        raise StoreNotOpened(f"存储文件夹不存在:{folder}", f"the store's folder does not exist: {folder}")
    engine = create_engine(url, connect_args={"timeout": busy_timeout_seconds}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)

    def prepare(connection: Any, _record: Any) -> None:
        # Without it, whoever else locks the row that serialises us would hold every caller for as long as they please.
        connection.execute(f"SET lock_timeout = {round(busy_timeout_seconds * 1000)}")
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own, delayed BEGIN would let two units of work read before either writes.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
