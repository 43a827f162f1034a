"""One bridge per store: a claim on the store that ends with the process that made it, however that ends.

Two bridges on one outbox would each send what stands in it. For an SQLite file the claim is a lock of the operating system on a file
beside it; for PostgreSQL it is an advisory lock, held by a connection. Both are let go of by the system when the process is
gone, so a crash leaves nothing behind that somebody would have to clear away. The file itself stays: whoever removed it would
open a gap in which two processes each lock a file of their own.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from bridge.stores.sql import StoreNotOpened

#: The key of the advisory lock: "duijie" as a number. Advisory locks are of one database.
_KEY = int.from_bytes(b"duijie", "big")


class Claim:
    """The sole use of the store behind `url`, from the making of this object until `release`; raises `StoreNotOpened` when another has it."""

    def __init__(self, url: str):
        self._file: IO[str] | None = None
        self._connection: Connection | None = None
        try:
            parsed = make_url(url)
        except ArgumentError:
            # Opening the store says what is wrong with its address.
            return
        if parsed.get_backend_name() != "sqlite":
            self._connection = _claimed_database(url)
        elif parsed.database and Path(parsed.database).absolute().parent.is_dir():
            self._file = _claimed_file(Path(parsed.database))

    def release(self) -> None:
        """Let others have the store."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
        self._file = self._connection = None


def _claimed_file(store: Path) -> IO[str]:
    path = store.with_name(f"{store.name}.lock")
    try:
        # Not truncated here: until the lock is ours, what stands in the file is another's.
        opened = path.open("a+", encoding="ascii")
    except OSError as error:
        raise StoreNotOpened(
            f"存储 {store} 旁无法建立锁文件:{error.strerror}",
            f"the lock file {path} cannot be written: {error.strerror}",
        ) from None
    if not _locked(opened):
        opened.seek(0)
        holder = opened.read(20).strip() or "?"
        opened.close()
        raise StoreNotOpened(
            f"存储 {store} 正由另一对接桥使用(进程 {holder}),同一存储只能运行一个",
            f"another bridge uses the store {store} (process {holder}); there can be only one",
        )
    opened.truncate(0)
    opened.write(f"{os.getpid()}\n")
    opened.flush()
    return opened


def _locked(opened: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no fcntl; its files have locks of their own.
        return _locked_on_windows(opened)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _locked_on_windows(opened: IO[str]) -> bool:
    import msvcrt

    windows: Any = msvcrt
    # Far behind the content, which must stay readable for whoever is refused.
    opened.seek(1 << 20)
    try:
        windows.locking(opened.fileno(), windows.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _claimed_database(url: str) -> Connection | None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        connection = create_engine(parsed, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
        is_ours = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY})
    except (ImportError, SQLAlchemyError):
        # Opening the store says what is wrong with the database.
        return None
    if not is_ours:
        connection.close()
        raise StoreNotOpened(
            f"存储 {parsed.database} 正由另一对接桥使用,同一存储只能运行一个",
            f"another bridge uses the store {parsed.database}; there can be only one",
        )
    return connection
