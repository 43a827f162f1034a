"""A person as the driver: what stands on the terminal and on the page, how long is waited, and what is kept of the answers."""

import io
import queue
import threading
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.catalogue import checks
from conformance.checks.result import Verdict
from conformance.checks.session import Session
from conformance.drivers.driver import Capabilities, DriverBroken
from conformance.drivers.make import make_driver
from conformance.drivers.person import PersonDriver, PersonOptions, read_options
from conformance.drivers.sut import DriverKind, SystemUnderTest
from conformance.drivers.task import AWAITED, Answer, Said, Task, TaskKind
from conformance.drivers.terminal import Terminal
from conformance.reports.plain import result_record
from conformance.scenario.load import load_all
from conformance.scenario.runner import play
from conformance.scenario.stage import NotOffered
from conformance.scenario.steps import Wiring
from duijie.benches import BuiltinBench
from duijie.drivers import driver_of
from duijie.person_page import Page
from duijie.profiles_io import read_profile
from duijie.virtual import VirtualStage

LIBRARY = Path(__file__).parents[3] / "scenarios"
MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
ACT = Task(
    kind=TaskKind.ACT,
    zh="请立案 <c1>",
    en="please file <c1>",
    awaited_zh="立案结果",
    awaited_en="the filing result",
    patience_seconds=600,
)
QUESTION = replace(ACT, kind=TaskKind.QUESTION, awaited_zh="", awaited_en="")
NEW_CASE = replace(ACT, kind=TaskKind.NEW_CASE)


class Keyboard(io.StringIO):
    """Somebody types a line when told to, and not before."""

    def __init__(self) -> None:
        super().__init__()
        self.typed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.asked = threading.Semaphore(0)

    def readline(self, size: int = -1, /) -> str:
        self.asked.release()
        return self.typed.get()


# ── the terminal ──


def test_the_terminal_says_what_to_do_what_is_waited_for_and_how_long_is_left():
    shown = io.StringIO()
    assert Terminal("en", io.StringIO("d\n"), shown).ask(ACT) == Answer(Said.DONE)
    assert "WAITING FOR YOU: please file <c1>" in shown.getvalue()
    assert "then we wait for: the filing result" in shown.getvalue()
    assert "[10:00]" in shown.getvalue()


class Screen(io.StringIO):
    """A terminal on which what stands there can be written over."""

    def __init__(self, ticks: int):
        super().__init__()
        self._left = ticks
        self.ticked = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if "\x1b7" in text:
            self._left -= 1
            if self._left == 0:
                self.ticked.set()
        return super().write(text)


def test_the_time_that_is_left_counts_down_while_somebody_thinks(monkeypatch):
    monkeypatch.setattr("conformance.drivers.terminal._TICK_SECONDS", 0.01)
    keyboard, screen = Keyboard(), Screen(ticks=2)

    def think() -> None:
        screen.ticked.wait(30)
        keyboard.typed.put("d\n")

    thread = threading.Thread(target=think)
    thread.start()
    assert Terminal("zh", keyboard, screen).ask(ACT) == Answer(Said.DONE)
    thread.join()
    assert screen.ticked.is_set()


def test_nobody_answers_in_time_and_what_is_typed_too_late_answers_nothing():
    keyboard, shown = Keyboard(), io.StringIO()
    terminal = Terminal("en", keyboard, shown)
    assert terminal.ask(replace(ACT, patience_seconds=0.01)) is None
    assert "time is up" in shown.getvalue()
    keyboard.asked.acquire(timeout=30)
    keyboard.typed.put("late\n")
    # The reader hands the line over before it is asked for the next one.
    terminal._lines.put(terminal._lines.get(timeout=30))
    keyboard.typed.put("r\n")
    assert terminal.ask(ACT) == Answer(Said.REFUSED)


# ── the driver ──


def driver(answers: list[Answer | None], **told: object) -> PersonDriver:
    class Desk:
        tasks: list[Task] = []  # noqa: RUF012 - of one test

        def open(self) -> None: ...

        def close(self) -> None: ...

        def ask(self, task: Task) -> Answer | None:
            self.tasks.append(task)
            return answers.pop(0)

    made = PersonDriver(
        "x", "en", lambda: MOMENT, Capabilities(), options=PersonOptions(attested_by="Wang", **told), desk=Desk()
    )
    made.tasks = made._desk.tasks  # type: ignore[attr-defined]
    made.tasks.clear()
    return made


def test_the_task_says_which_form_is_awaited_and_how_long():
    person = driver([Answer(Said.DONE)], patience_seconds=90)
    person.act("operator.file", {"case": "c-1"}, "zhang")
    (task,) = person.tasks
    assert task.awaited_zh == "城管平台发出的表单 立案结果(filingResult)"
    assert "(as zhang)" in task.en
    assert task.patience_seconds == 90


def test_when_nobody_answers_in_time_nothing_can_be_said():
    for call in (lambda p: p.act("operator.file", {}), lambda p: p.ask("case", {}), lambda p: p.restart()):
        with pytest.raises(NotOffered, match="nobody answered within 600 s"):
            call(driver([None]))


def test_a_time_out_makes_a_check_inconclusive_and_never_a_failure():
    check = next(check for check in checks(LIBRARY, Party.URBAN) if check.id == "INT-6-01/urban")
    person = driver([Answer(Said.DONE), None])

    class Stage(VirtualStage):
        def act(self, party, name, params, by=None):
            return person.act(name, params, by) if party is Party.URBAN else super().act(party, name, params, by)

    class Bench(BuiltinBench):
        attestations = person.attestations

        def stage(self, check):
            return Stage

    session = Session(Bench(Party.URBAN, read_profile(None), virtual=True), seed=1)
    result = session.one(check)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "nobody answered" in result.reason.en
    (kept,) = result_record(result)["attestations"]
    assert (kept["said"], kept["by"], kept["at"]) == ("done", "Wang", "2026-03-02T09:00:00+08:00")
    assert session.one(check).attestations == ()


def test_the_awaited_forms_are_those_that_our_own_platforms_send():
    missing = dict(AWAITED)
    for scenario in load_all([LIBRARY]):
        if not missing:
            break
        if Wiring.DIRECT not in scenario.wirings or not missing.keys() & {s.act.name for s in scenario.steps}:
            continue
        records = play(scenario, Wiring.DIRECT, VirtualStage, seed=1).trace.records
        for act, sent in pairwise(records):
            told = sent.get("operation") == "DeliverForm" and sent["from"] == act.get("party")
            if told and (form := AWAITED.get(act.get("act", ""))):
                assert form == sent["form_type"], act["act"]
                missing.pop(act["act"], None)
    assert missing == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pages": 1}, "unknown key pages"),
        ({"page": "8090"}, "driver.options.page cannot be '8090'"),
        ({"patience_seconds": -1}, "driver.options.patience_seconds cannot be -1"),
        ({"attested_by": True}, "driver.options.attested_by cannot be True"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, said):
    with pytest.raises(DriverBroken, match=said):
        read_options(options)


# ── the page ──


@pytest.fixture
def page():
    made = Page(0, "en", "某某城管 <3>")
    yield made
    made.close()


class Asking:
    """A task on a page, and a browser before it."""

    def __init__(self, page: Page, task: Task):
        self.page, self.browser = page, page.app.test_client()
        self._answers: list[Answer | None] = []
        before = page._number
        self._thread = threading.Thread(target=lambda: self._answers.append(page.ask(task)))
        self._thread.start()
        with page._changed:
            page._changed.wait_for(lambda: page._number > before, 30)

    def answer(self) -> Answer | None:
        self._thread.join(30)
        return self._answers[0]

    def say(self, **told: str):
        form = {"key": self.page._key, "number": str(self.page._number), **told}
        return self.browser.post("/answer", data=form)


def test_the_page_shows_the_task_in_both_languages_with_a_countdown_and_what_is_waited_for(page):
    asking = Asking(page, ACT)
    shown = asking.browser.get("/").text
    for words in ("请立案 &lt;c1&gt;", "please file &lt;c1&gt;", "立案结果", "the filing result", "某某城管 &lt;3&gt;"):
        assert words in shown
    assert 'data-seconds="600"' in shown
    assert all(f'value="{said}"' in shown for said in Said)
    assert asking.say(said="done").status_code == 303
    assert asking.answer() == Answer(Said.DONE)


@pytest.mark.parametrize(
    ("task", "told", "answer"),
    [
        (ACT, {"said": "refused"}, Answer(Said.REFUSED)),
        (ACT, {"said": "cannot"}, Answer(Said.CANNOT)),
        (NEW_CASE, {"said": "done", "value": " 340202-1 "}, Answer(Said.DONE, "340202-1")),
        (NEW_CASE, {"said": "cannot", "value": "x"}, Answer(Said.CANNOT)),
        (QUESTION, {"said": "done", "value": '{"status": "open"}'}, Answer(Said.DONE, '{"status": "open"}')),
    ],
)
def test_the_buttons_and_the_field_are_the_answer(page, task, told, answer):
    asking = Asking(page, task)
    assert asking.say(**told).status_code == 303
    assert asking.answer() == answer


def test_an_answer_that_lacks_something_or_comes_from_elsewhere_is_refused(page):
    asking = Asking(page, NEW_CASE)
    assert asking.say(said="done").status_code == 400
    assert asking.say(said="perhaps", value="x").status_code == 400
    assert asking.say(said="done", value="x", number="0").status_code == 409
    assert asking.say(said="done", value="x", key="guessed").status_code == 403
    assert asking.browser.get("/", headers={"Host": "evil.example"}).status_code == 403
    asking.say(said="cannot")
    assert asking.answer() == Answer(Said.CANNOT)
    assert asking.say(said="done", value="x").status_code == 409


def test_the_page_waits_when_there_is_nothing_to_do_and_notices_when_there_is(page):
    browser = page.app.test_client()
    before = browser.get("/number").text
    assert "Nothing to do just now" in browser.get("/").text
    asking = Asking(page, ACT)
    assert browser.get("/number").text != before
    asking.say(said="done")
    asking.answer()
    assert "Nothing to do just now" in browser.get("/").text


def test_time_on_the_page_runs_out(page):
    assert page.ask(replace(ACT, patience_seconds=0.01)) is None


def test_the_page_listens_on_this_machine_and_says_where(page, capsys):
    page.open()
    assert page.address in capsys.readouterr().err
    asking = Asking(page, ACT)
    direct = build_opener(ProxyHandler({}))
    assert "please file" in direct.open(page.address).read().decode()
    form = urlencode({"key": page._key, "number": page._number, "said": "done"}).encode()
    direct.open(f"{page.address}answer", form)
    assert asking.answer() == Answer(Said.DONE)
    with pytest.raises(DriverBroken, match="is taken"):
        Page(page._port, "en", "x").open()


def test_the_file_asks_for_the_page():
    sut = SystemUnderTest(
        path=Path("sut.toml"), role=Party.GRID, name="x", kind=DriverKind.PERSON, options={"page": 8090}
    )
    asked = []

    def make_page(port):
        asked.append(port)
        return Terminal("zh")

    make_driver(sut, "zh", make_page)
    assert asked == [8090]
    with pytest.raises(DriverBroken, match="there are no pages here"):
        make_driver(sut, "zh")
    assert isinstance(driver_of(sut, "zh")._desk, Page)
