"""The same inputs to a bridge over memory and to one over SQLite that is stopped and opened again at any moment."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from bench import Bridge
from delivery_machine import Delivery
from facts import holds
from hypothesis.stateful import invariant

from bridge.stores.sql import SqlStore
from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile

FACT = "a bridge that was stopped goes on where it was"
_QUESTIONS = ("cases", "under_way", "parked", "outbox", "notices", "receipts_kept", "journal", "audit")


@cache
def _template() -> Path:
    """A file with its tables: making them takes longer than everything else."""
    path = Path(mkdtemp(prefix="duijie-finder-")) / "template.db"
    SqlStore(f"sqlite:///{path}").close()
    return path


class Beside(Bridge):
    """A bridge over memory, with one over SQLite beside it that is told and made to do the same."""

    def __init__(self, profile: Profile, make: Any):
        self._folder = TemporaryDirectory(prefix="duijie-finder-")
        self._file = Path(self._folder.name) / "bridge.db"
        shutil.copy(_template(), self._file)
        self.other = Bridge(profile, make, SqlStore(f"sqlite:///{self._file}"))
        super().__init__(profile, make)

    def restart(self) -> None:
        """Both end; one begins over what it had in memory, the other over its file."""
        super().restart()
        self.other.store.close()
        self.other.store = SqlStore(f"sqlite:///{self._file}")
        self.other.restart()

    def close(self) -> None:
        """Let go of the file."""
        self.other.store.close()
        self._folder.cleanup()

    @contextmanager
    def _both(self) -> Iterator[None]:
        self.other.receipt_calls_end = self.receipt_calls_end
        self.other.callers_wait = self.callers_wait
        yield

    def form_comes(self, side: Side, message: Any, *, by_query: bool = False) -> Any:
        """See `Bridge`."""
        with self._both():
            told = super().form_comes(side, message, by_query=by_query)
            holds(FACT, told, self.other.form_comes(side, message, by_query=by_query))
        return told

    def receipt_comes(self, side: Side, receipt: Any, number: int, *, sender: str | None = None) -> Any:
        """See `Bridge`."""
        with self._both():
            told = super().receipt_comes(side, receipt, number, sender=sender)
            holds(FACT, told, self.other.receipt_comes(side, receipt, number, sender=sender))
        return told

    def sending_ends(self, message_id: str, ending: Any) -> int:
        """See `Bridge`."""
        with self._both():
            attempt = super().sending_ends(message_id, ending)
            holds(FACT, attempt, self.other.sending_ends(message_id, ending))
        return attempt

    def time_passes(self, by: timedelta) -> int:
        """See `Bridge`."""
        with self._both():
            fired = super().time_passes(by)
            holds(FACT, fired, self.other.time_passes(by))
        return fired

    def clock_goes_back(self, by: timedelta) -> None:
        """See `Bridge`."""
        with self._both():
            super().clock_goes_back(by)
            self.other.clock_goes_back(by)

    def person_acts(self, act: str, params: Any, by: str | None = "li") -> str:
        """See `Bridge`."""
        with self._both():
            state = super().person_acts(act, params, by)
            holds(FACT, state, self.other.person_acts(act, params, by))
        return state


class StoreAgainstMemory(Delivery):
    """Everything that happens to forms on their way happens to both."""

    def begin(self, name: str) -> None:
        """Open both."""
        super().begin(name)
        self.bridge = Beside(self.profile, type(self).make)

    @invariant()
    def both_say_the_same(self) -> None:
        if hasattr(self, "bridge"):
            assert isinstance(self.bridge, Beside)
            other = self.bridge.other
            for question in _QUESTIONS:
                holds(FACT, _unsealed(self.bridge.ask(question)), _unsealed(other.ask(question)))
            holds(FACT, self.bridge.store.next_due(), other.store.next_due())
            holds(FACT, self.bridge.query(Side.URBAN, CaseQuery()), other.query(Side.URBAN, CaseQuery()))

    def teardown(self) -> None:
        """Let go of the file."""
        if hasattr(self, "bridge"):
            assert isinstance(self.bridge, Beside)
            self.bridge.close()


def _unsealed(answer: Any) -> Any:
    """Keys of the outbox are each store's own."""
    return [{name: value for name, value in each.items() if name != "key"} for each in answer]
