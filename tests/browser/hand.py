"""A person in front of a browser, and a pair that runs for them."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

import duijie
from duijie.pair import CONTROL_OFFSET

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
#: Seconds within which the pair is up with its first case, on a machine that does much else.
UP_WITHIN = 120
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\?key=\S+")

#: What a person answers where an act wants an answer.
ANSWERS = {
    "department.dispose": {"result": "已清理"},
    "city_verifier.verify": {"outcome": "passed"},
    "district_verifier.verify": {"outcome": "passed"},
    "worker.verify": {"outcome": "passed"},
}
#: Which of the offered acts an ordinary case takes, in order of preference.
WAY = (
    "workstation.hand_over",
    "workstation.close",
    "worker.verify",
    "reporter.satisfied",
    "operator.file",
    "supervision.dispatch",
    "district.assign",
    "department.dispose",
    "district_verifier.verify",
    "city_verifier.verify",
    "closer.close",
)


def free_stretch(length: int) -> int:
    """The first of so many ports in a row on loopback that nobody listens on just now."""
    for first in range(21_000 + os.getpid() % 9_000, 60_000, length):
        with ExitStack() as held:
            try:
                for port in range(first, first + length):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


@contextmanager
def pair(*options: str) -> Iterator[str]:
    """A pair with its console, on ports of its own, because other builds run beside; gives the address with its key."""
    with tempfile.TemporaryDirectory() as folder:
        first, text = (
            free_stretch(2 * CONTROL_OFFSET),
            (Path(duijie.__file__).parent / "profiles" / "wuhu.yaml").read_text(encoding="utf-8"),
        )
        for number in range(3):
            text = text.replace(f"127.0.0.1:{8100 + number}", f"127.0.0.1:{first + number}")
        profile = Path(folder) / "profile.yaml"
        profile.write_text(text, encoding="utf-8")
        with _up("--profile", str(profile), *options) as found:
            yield found


@contextmanager
def _up(*options: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "duijie", "up", "--calm", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    found: list[str] = []
    known, said = threading.Event(), []

    def listen() -> None:
        for line in process.stdout or ():
            said.append(line)
            address = ADDRESS.search(line)
            if address is not None:
                found.append(address[0])
                known.set()
        known.set()

    threading.Thread(target=listen, daemon=True).start()
    try:
        known.wait(UP_WITHIN)
        if not found:
            raise AssertionError("the pair did not come up:\n" + "".join(said))
        yield found[0]
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


class Hand:
    """Clicks and fills in, as a person does, and looks whether the page says anything wrong meanwhile."""

    def __init__(self, page: Page, address: str):
        self.page = page
        self.base = address.partition("/?")[0]
        #: What the browser complained about.
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.goto(address)

    def _hear(self, message: Any) -> None:
        # A refused act answers 409, which the browser tells as an error; the page tells it in words.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.base + path)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def report(self, description: str, photo: Path | None = None) -> str:
        """Report a case as a worker, with a touch on the map; gives its number."""
        page = self.page
        self.open("/")
        page.get_by_role("link", name="网格员:上报").click()
        page.select_option("#f-category", "01")
        page.select_option("#f-subcategory", "02")
        page.fill("#f-description", description)
        page.locator("[data-map] rect").first.dispatch_event("click")
        assert page.input_value("#f-cell") == page.locator("[data-map] rect").first.get_attribute("data-cell")
        if photo is None:
            page.fill("#f-photo-names", "roadside")
        else:
            page.set_input_files("#f-photos", photo)
        page.locator("form.act button").click()
        page.wait_for_url("**/case/*")
        return page.locator("h1").inner_text()

    def offered(self, case: str) -> dict[str, str]:
        """The acts that the page of a case offers now, with their addresses."""
        self.open(f"/case/{case}")
        links = self.page.locator("section.now a.button").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        return {str(link).split("/act/")[1].partition("?")[0]: str(link) for link in links}

    def do(self, case: str, act: str, **answers: str) -> None:
        """Click an act that the case's page offers, answer, and send."""
        href = self.offered(case)[act]
        self.page.locator(f'section.now a.button[href="{href}"]').first.click()
        self.send(**answers)

    def send(self, **answers: str) -> None:
        """Fill in the form that is open and send it; the page of the case follows, or words that say why not."""
        page = self.page
        for name, value in answers.items():
            field = page.locator(f"[name={name}]")
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        page.locator("form.act button").click()
        page.locator("div.alarm, section.now, h2#history").first.wait_for()

    def walk(self, case: str, until: str, *, last: int = 40, **other: dict[str, str]) -> list[str]:
        """Take the way of an ordinary case until this act is offered (or nothing is); gives the acts that were done."""
        done: list[str] = []
        for _ in range(last):
            offered = self.offered(case)
            if until in offered or not offered:
                break
            act = next(name for name in WAY if name in offered)
            self.do(case, act, **{**ANSWERS.get(act, {}), **other.get(act, {})})
            done.append(act)
        return done
