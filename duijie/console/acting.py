"""Acts from the pages: what was filled in goes to the platform once, however often a browser with a bad connection sends it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.scenario.stage import StageRefused
from duijie.console import fields, photos
from duijie.console.desks import Desk
from duijie.console.pages import Trouble
from duijie.console.photos import Upload
from duijie.console.shown import Shown
from simulators.openapi import Act

#: Postings whose outcome is remembered; a browser repeats within minutes.
_REMEMBERED = 20_000


class NotDone(Exception):
    """The act was not done; `trouble` says why."""

    def __init__(self, trouble: Trouble):
        self.trouble = trouble
        super().__init__(trouble[2])


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: dict[str, Any] | None = None


class Once:
    """Does what was posted under a token once; whoever posts it again, even meanwhile, gets the same outcome.

    What was refused is not remembered: it has changed nothing, and the next try may be another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    def do(self, token: str, deed: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do it unless it was done; without a token, in any case."""
        if not token:
            return deed()
        with self._lock:
            turn = self._turns.setdefault(token, _Turn())
            while len(self._turns) > _REMEMBERED:
                self._turns.popitem(last=False)
        with turn.lock:
            if turn.done is None:
                turn.done = deed()
            return turn.done


class Doing:
    """The acts of one console."""

    def __init__(self, shown: Shown):
        self._shown = shown
        self._once = Once()

    def act(
        self, at: Desk, act: Act, given: Mapping[str, str], uploads: Iterable[Upload], by: str | None
    ) -> dict[str, Any]:
        """Hand a filled-in form to its platform; raises `NotDone` with what the platform, or a field, has against it."""

        def deed() -> dict[str, Any]:
            params = fields.params(act, given)
            pictures = photos.taken(uploads)
            if pictures:
                params["photos"] = [*params.get("photos", ()), *pictures]
            return dict(self._shown.parties[at.party].act(act.name, params, by))

        return self.once(f"{act.name} {by}", given, deed)

    def once(self, what: str, given: Mapping[str, str], deed: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do something once for each page that it was posted from; raises `NotDone`."""
        token = given.get("once", "")
        try:
            return self._once.do(f"{what} {token}" if token else "", deed)
        except fields.NotAnAnswer as wrong:
            raise NotDone((wrong.name, wrong.zh, wrong.en)) from None
        except StageRefused as refused:
            raise NotDone((refused.code, refused.zh, refused.en)) from None
