"""A console over a pair in virtual time, for tests that want one of their own; it is there at once."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hand import SIZES

from bridge.vocabulary.parties import Party
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.console.server import ConsoleServer
from duijie.console.shown import Shown
from duijie.profiles_io import read_profile
from duijie.steering import Steered, Steering
from duijie.virtual import VirtualStage

#: Milliseconds that a page may take on a busy machine.
PATIENCE = 20_000


class Looking:
    """Questions to a party that leave no trace, never while somebody acts."""

    def __init__(self, stage: VirtualStage, party: Party, lock: threading.RLock):
        self._stage, self._party, self._lock = stage, party, lock

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        raise AssertionError("acts go through the stage")

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        with self._lock:
            return self._stage._party(self._party).ask(name, params, self._stage.now)


class Console:
    """A running console and the pair behind it."""

    def __init__(self, stage: VirtualStage, steering: Steering, address: str):
        self.stage, self.steering, self.address = stage, steering, address
        self.base = address.partition("/?")[0]

    def act(self, party: Party, name: str, **params: Any) -> dict[str, Any]:
        """Something that happens meanwhile, by the control port's way."""
        return self.steering.act(party, name, params, None)

    def ask(self, party: Party, name: str, **params: Any) -> Any:
        with self.steering.lock:
            return self.stage._party(party).ask(name, params, self.stage.now)

    def history(self, number: str) -> list[str]:
        return [line["what"] for line in self.ask(Party.GRID, "case", case=number)["history"]]


@contextmanager
def running_console(language: str = "zh") -> Iterator[Console]:
    """A console of its own, with its pair."""
    stage = VirtualStage(read_profile(None), Wiring.BRIDGED, 1, Quirkiness())
    steering = Steering(stage, steered=True)
    shown = Shown(
        parties={party: Steered(steering, party, Looking(stage, party, steering.lock)) for party in Party},
        records=lambda: stage.trace.records,
        crossed=lambda: len(stage.trace),
        envelope=stage.trace.envelope,
        steering=steering,
        language=language,
    )
    try:
        with ConsoleServer(shown) as server:
            yield Console(stage, steering, server.address)
    finally:
        steering.close()
        stage.close()


def window(chromium: Any, console: Console, *, phone: bool, **more: Any) -> Any:
    """A page of a person of their own: an empty profile, a phone with a touch screen or a desktop."""
    context = chromium.new_context(
        viewport=SIZES["phone" if phone else "desktop"], has_touch=phone, is_mobile=phone, locale="zh-CN", **more
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if "Content Security" in said.text else None)
    page.goto(console.address)
    return page


def overflows(page: Any) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def axe_faults(page: Any, address: str) -> list[str]:
    """What axe has against a page."""
    from axe_playwright_python.sync_playwright import Axe

    page.goto(address)
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]


def clean(page: Any) -> None:
    """Close a page on which no script failed and nothing was kept out by the policy."""
    page.context.close()
    assert page.faults == []
