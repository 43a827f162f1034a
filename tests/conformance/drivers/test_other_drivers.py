"""Drivers that are a program, a Python object or a person keep to the one interface."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.drivers import command
from conformance.drivers.command import CommandDriver
from conformance.drivers.driver import Capabilities, DriverBroken, Quiet, told_by
from conformance.drivers.make import make_driver
from conformance.drivers.person import PersonDriver, PersonOptions
from conformance.drivers.sut import DriverKind, SystemUnderTest
from conformance.drivers.terminal import Terminal
from conformance.scenario.stage import NotOffered, StageRefused

MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)

PROGRAM = """
import json, sys
print("starting up", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    do = asked["do"]
    if do == "close":
        break
    said = {
        "describe": {"ok": {"name": "某某 3", "acts": ["operator.*"], "tells_quiet": True, "unsupported": ["EXC-5"]}},
        "quiet": {"ok": {"quiet": True, "now": "2026-03-02T09:00:00+08:00"}},
        "steer": {"ok": None}, "restart": {"ok": None}, "reset": {"ok": None},
    }.get(do)
    if do in ("act", "ask"):
        said = {
            "operator.file": {"ok": {"got": asked}},
            "operator.decline": {"refused": {"code": "E1", "message_en": "no"}},
            "operator.query": {"not_offered": True},
            "operator.break": {"error": "the database is away"},
            "operator.mumble": {"hm": 1},
            "operator.list": {"ok": [1]},
            "operator.stale": {"ok": {}},
        }.get(asked["name"])
        if asked["name"] == "operator.die":
            sys.exit(7)
        if asked["name"] == "operator.stale":
            print(json.dumps({"id": 0, "ok": {"old": True}}), flush=True)
    print(json.dumps({"id": asked["id"], **said}, ensure_ascii=False), flush=True)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "driver.py").write_text(PROGRAM, encoding="utf-8")
    driver = CommandDriver([sys.executable, str(tmp_path / "driver.py")], Capabilities(unsupported=("INT-3",)))
    driver.open()
    yield driver
    driver.close()


def test_a_program_describes_the_system(program):
    assert program.name == "某某 3"
    assert program.capabilities.offers_act("operator.file")
    assert not program.capabilities.offers_act("district.assign")
    assert program.capabilities.lacks("INT-3", "EXC-5") == "INT-3"


def test_what_a_program_describes_is_what_the_system_tells_of_itself(program):
    assert told_by(program) == {"acts": ("operator.*",), "tells_quiet": True, "unsupported": ("EXC-5",)}


def test_a_driver_that_says_nothing_of_its_own_tells_what_it_can():
    driver = Plugged(sut())
    driver.capabilities = Capabilities(acts=("operator.*",))
    assert told_by(driver)["acts"] == ("operator.*",)
    assert told_by(person()[0])["steered_clock"] is False


def test_a_program_gets_the_act_and_gives_what_came_of_it(program):
    got = program.act("operator.file", {"case": "c", "reason": "理由"}, "wang")["got"]
    assert (got["do"], got["params"], got["by"]) == ("act", {"case": "c", "reason": "理由"}, "wang")


def test_a_program_refuses_does_not_offer_and_breaks(program):
    with pytest.raises(StageRefused) as refused:
        program.act("operator.decline", {})
    assert (refused.value.code, refused.value.own_words) == ("E1", True)
    with pytest.raises(NotOffered):
        program.act("operator.query", {})
    with pytest.raises(DriverBroken, match="the database is away"):
        program.act("operator.break", {})


@pytest.mark.parametrize("name", ["operator.mumble", "operator.list"])
def test_an_answer_that_makes_no_sense_is_the_programs_fault(program, name):
    with pytest.raises(DriverBroken, match="makes no sense"):
        program.act(name, {})


def test_two_who_ask_at_once_get_their_own_answers(program):
    """A crash that the network brings about restarts the system while the story asks whether it is at rest."""

    def asked(number: int) -> int:
        return program.act("operator.file", {"case": number})["got"]["params"]["case"]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(asked, range(200))) == list(range(200))


def test_an_answer_to_an_older_question_is_passed_over(program):
    assert program.act("operator.stale", {}) == {}


def test_a_program_that_ends_is_named_with_its_code(program):
    with pytest.raises(DriverBroken, match=r"has ended"):
        program.act("operator.die", {})


def test_a_program_tells_whether_the_system_is_at_rest(program):
    assert program.quiet() == Quiet(quiet=True, now=MOMENT)
    program.steer(MOMENT)
    program.restart()
    program.reset({"choices.max_rejections": 2})


def test_a_program_that_says_nothing_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "ANSWER_SECONDS", 0.2)
    driver = CommandDriver([sys.executable, "-c", "import sys; sys.stdin.read()"])
    with pytest.raises(DriverBroken, match="did not answer describe"):
        driver.open()
    driver.close()


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(DriverBroken, match="cannot be started"):
        CommandDriver(["/no/such/driver"]).open()


class Plugged:
    """A driver of somebody's own."""

    def __init__(self, sut: SystemUnderTest):
        self.name = sut.name


def sut(**told) -> SystemUnderTest:
    return SystemUnderTest(path=Path("sut.toml"), role=Party.URBAN, name="x", **told)


def test_a_python_object_is_a_driver():
    assert make_driver(sut(kind=DriverKind.PLUGIN, plugin=f"{__name__}:Plugged"), "zh").name == "x"


@pytest.mark.parametrize("name", ["no.such.module:x", f"{__name__}:Nothing", "nobody"])
def test_a_plugin_that_is_not_there_is_named(name):
    with pytest.raises(DriverBroken):
        make_driver(sut(kind=DriverKind.PLUGIN, plugin=name), "zh")


def person(*lines: str, language: str = "en") -> tuple[PersonDriver, io.StringIO]:
    shown = io.StringIO()
    given = io.StringIO("".join(f"{line}\n" for line in lines))
    options = PersonOptions(attested_by="王工")
    desk = Terminal(language, given=given, shown=shown)
    return PersonDriver("x", language, lambda: MOMENT, options=options, desk=desk), shown


def test_a_person_is_told_what_to_do_and_what_was_answered_is_kept():
    driver, shown = person("d")
    assert driver.act("operator.file", {"case": "c-1"}) == {}
    assert "WAITING FOR YOU" in shown.getvalue()
    assert "case = c-1" in shown.getvalue()
    assert [(each.said, each.at, each.by) for each in driver.attestations] == [("done", MOMENT, "王工")]
    assert "case = c-1" in driver.attestations[0].asked


def test_a_person_reads_the_number_of_a_new_case_off_the_screen():
    driver, _ = person("d", "340202-20260302-000009")
    assert driver.act("worker.report", {"description": "x"}) == {"case": "340202-20260302-000009"}
    assert driver.attestations[0].said == "done: 340202-20260302-000009"
    with pytest.raises(NotOffered):
        person("d", "")[0].act("worker.report", {"description": "x"})


def test_a_person_says_that_the_system_refused_or_that_it_cannot_be_done():
    with pytest.raises(StageRefused):
        person("r")[0].act("operator.file", {})
    for said in ("s", ""):
        with pytest.raises(NotOffered):
            person(said)[0].act("operator.file", {})
    with pytest.raises(NotOffered):
        person()[0].act("operator.file", {})


def test_a_slip_of_the_finger_is_asked_for_again():
    assert person("x", "D")[0].act("operator.file", {}) == {}


def test_a_person_types_what_is_seen():
    assert person('{"status": "open"}')[0].ask("case", {"case": "c"}) == {"status": "open"}
    assert person("open")[0].ask("case", {}) == "open"
    with pytest.raises(NotOffered):
        person("")[0].ask("case", {})


def test_a_person_is_spoken_to_in_chinese():
    driver, shown = person("d", language="zh")
    driver.restart()
    assert "等待您办理" in shown.getvalue()


@pytest.mark.parametrize("call", [lambda d: d.steer(MOMENT), lambda d: d.reset({})])
def test_what_no_person_can_do_is_not_offered(call):
    with pytest.raises(NotOffered):
        call(person()[0])
    assert person()[0].quiet() is None
