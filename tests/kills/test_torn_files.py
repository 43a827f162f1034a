"""A power cut in the middle of a write leaves a file that ends in the middle: what was committed before is there, whole, and nothing else.

The log of a store is cut off at every one of its bytes that matters: at the end of each frame, one byte before, one byte after, and in
the middle; and its last frame is written over with rubbish, as a disk does that keeps half of a sector.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.core.ports import JournalEntry
from bridge.stores.sole import Claim
from bridge.stores.sql import SqlStore
from simulators.exchange.logbook import Entry, Logbook

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
COMMITS = 12
#: SQLite's log: a head, then frames of a head and a page.
WAL_HEAD, FRAME_HEAD = 32, 24


def write_store(path: Path) -> None:
    """Each commit counts in a value and writes the same number in the journal."""
    store = SqlStore(f"sqlite:///{path}")
    # What the opening wrote belongs to the file, not to the log that is cut.
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(1, COMMITS + 1):
        with store.begin() as work:
            work.set_value("count", str(number))
            work.journal([JournalEntry(NOW + timedelta(seconds=number), "x", None, None, detail=str(number) * 2000)])
    keep_files(path)
    store.close()


def read_store(path: Path) -> int:
    store = SqlStore(f"sqlite:///{path}")
    with store.begin() as work:
        count = int(work.get_value("count") or 0)
    lines = [len(entry.detail) // len(str(number)) for number, (_, entry) in enumerate(store.read_journal(), 1)]
    assert lines == [2000] * count
    store.close()
    return count


def write_logbook(path: Path) -> None:
    book = Logbook(path, "grid seed 1")
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(1, COMMITS + 1):
        book.append(Entry("act", NOW, {"name": "x" * 3000, "params": {}, "by": str(number)}))
    keep_files(path)
    book.close()


def read_logbook(path: Path) -> int:
    book = Logbook(path, "grid seed 1")
    found = [entry.content["by"] for entry in book.entries()]
    assert found == [str(number) for number in range(1, len(found) + 1)]
    # What comes next goes behind what is there.
    book.append(Entry("act", NOW, {"name": "x", "params": {}, "by": "next"}))
    book.close()
    return len(found)


def keep_files(path: Path) -> None:
    """The files as they lie on the disk while the process still runs."""
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{path}.kept{suffix}")


def torn(path: Path, wal: bytes) -> Path:
    """The kept files with this log."""
    copy = path.with_name("torn.db")
    for suffix in ("-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(f"{path}.kept", copy)
    copy.with_name(f"{copy.name}-wal").write_bytes(wal)
    return copy


def cuts(wal: bytes) -> Iterator[int]:
    page = int.from_bytes(wal[8:12], "big")
    for end in range(WAL_HEAD, len(wal) + 1, FRAME_HEAD + page):
        yield from (each for each in (end - 1, end, end + 1, end + page // 2) if 0 <= each <= len(wal))


@pytest.mark.parametrize(
    ("write", "read"), [(write_store, read_store), (write_logbook, read_logbook)], ids=["bridge", "simulator"]
)
def test_a_log_that_ends_in_the_middle_holds_the_commits_before_it_and_nothing_of_the_next(
    tmp_path: Path, write, read
) -> None:
    path = tmp_path / "whole.db"
    write(path)
    wal = Path(f"{path}.kept-wal").read_bytes()
    counts = [read(torn(path, wal[:cut])) for cut in cuts(wal)]
    assert counts == sorted(counts)
    assert set(counts) == set(range(COMMITS + 1)), "every number of commits has its turn"
    rubbish = wal[:-2000] + bytes(range(256)) * 7 + bytes(208)
    assert read(torn(path, rubbish)) == COMMITS - 1


def test_a_lock_file_that_was_left_behind_by_a_dead_bridge_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "bridge.db.lock").write_text("99999\n")
    claim = Claim(f"sqlite:///{tmp_path / 'bridge.db'}")
    claim.release()
