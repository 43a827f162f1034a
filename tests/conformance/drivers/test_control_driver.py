"""The control API driver: what a system offers, refuses and cannot do are three different things."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from bridge.vocabulary.times import SHANGHAI
from conformance.drivers.control import ControlDriver
from conformance.drivers.driver import Capabilities, DriverBroken, Quiet, told_by
from conformance.scenario.stage import NotOffered, StageRefused

MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
Answers = dict[str, tuple[int, Any]]


@contextmanager
def system(answers: Answers, **options: Any) -> Iterator[tuple[ControlDriver, list[tuple[str, Any]]]]:
    """A control API that gives these answers, and what it was asked."""
    asked: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            path = self.path.partition("?")[0]
            asked.append((f"{self.command} {self.path}", json.loads(self.rfile.read(length)) if length else None))
            status, said = answers.get(f"{self.command} {path}", (404, None))
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    driver = ControlDriver(f"http://127.0.0.1:{server.server_port}", **options)
    try:
        yield driver, asked
    finally:
        driver.close()
        server.shutdown()
        server.server_close()


def test_an_act_is_posted_with_who_does_it():
    with system({"POST /acts/operator.file": (200, {"case": "c"})}) as (driver, asked):
        assert driver.act("operator.file", {"case": "c"}, "wang") == {"case": "c"}
    assert asked == [("POST /acts/operator.file", {"case": "c", "by": "wang"})]


def test_a_question_is_asked_with_its_parameters():
    with system({"GET /asks/case": (200, {"status": "open"})}) as (driver, asked):
        assert driver.ask("case", {"case": "c", "level": 1}) == {"status": "open"}
    assert asked == [("GET /asks/case?case=c&level=1", None)]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_what_is_not_there_is_not_offered(status):
    with system({"POST /acts/operator.file": (status, b"nothing here")}) as (driver, _), pytest.raises(NotOffered):
        driver.act("operator.file", {})


def test_a_refusal_carries_code_and_sentences_and_says_whose_words_they_are():
    said = {"code": "E1", "message_zh": "不行", "message_en": "no"}
    with system({"POST /acts/operator.file": (409, said)}) as (driver, _), pytest.raises(StageRefused) as refused:
        driver.act("operator.file", {})
    assert (refused.value.code, refused.value.zh, refused.value.en) == ("E1", "不行", "no")
    assert refused.value.own_words


def test_a_refusal_in_our_words_can_be_compared():
    answers = {"POST /acts/operator.file": (409, {"code": "wrong_state"})}
    can = Capabilities(refusal_codes=True)
    with system(answers, capabilities=can) as (driver, _), pytest.raises(StageRefused) as refused:
        driver.act("operator.file", {})
    assert not refused.value.own_words


def test_an_unknown_case_is_a_refusal_although_it_comes_as_404():
    answers = {"GET /asks/case": (404, {"code": "unknown_case", "message_zh": "没有", "message_en": "none"})}
    with system(answers) as (driver, _), pytest.raises(StageRefused) as refused:
        driver.ask("case", {"case": "c"})
    assert not isinstance(refused.value, NotOffered)


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (401, {}, "does not accept the token"),
        (500, {}, "broke over operator.file"),
        (200, b"<html>", "is no JSON"),
        (200, ["c"], "is no JSON object"),
    ],
)
def test_what_makes_no_sense_is_the_drivers_fault(status, said, told):
    with system({"POST /acts/operator.file": (status, said)}) as (driver, _), pytest.raises(DriverBroken, match=told):
        driver.act("operator.file", {})


def test_an_address_where_nobody_listens_is_the_drivers_fault():
    driver = ControlDriver("http://127.0.0.1:1")
    with pytest.raises(DriverBroken, match="cannot be reached"):
        driver.open()
    driver.close()


def test_capabilities_are_what_was_declared_and_the_document_lists():
    document = {
        "info": {"title": "某某", "version": "3"},
        "paths": {"/acts/operator.file": {}, "/acts/district.assign": {}, "/asks/case": {}, "/quiet": {}},
    }
    declared = Capabilities(acts=("operator.*",), steered_clock=True)
    with system({"GET /openapi.json": (200, document)}, capabilities=declared) as (driver, _):
        driver.open()
        can = driver.capabilities
    assert driver.name == "某某 3"
    assert (can.acts, can.asks, can.tells_quiet, can.steered_clock) == (("operator.file",), ("case",), True, True)


def test_what_the_document_lists_is_what_the_system_tells_of_itself():
    document = {"paths": {"/acts/operator.file": {}, "/clock": {}}}
    with system({"GET /openapi.json": (200, document)}, capabilities=Capabilities(restart=True)) as (driver, _):
        driver.open()
        assert told_by(driver) == {
            "acts": ("operator.file",),
            "tells_quiet": False,
            "steered_clock": True,
            "restart": False,
            "reset": False,
        }
    with system({}) as (driver, _):
        driver.open()
        assert told_by(driver) == {}


def test_without_a_document_everything_declared_is_taken_to_be_there():
    with system({}) as (driver, _):
        driver.open()
        assert driver.capabilities.offers_act("operator.file")


def test_a_system_that_cannot_say_whether_it_is_at_rest_says_nothing():
    with system({}) as (driver, _):
        assert driver.quiet() is None


def test_a_system_at_rest_says_until_when():
    answers = {"GET /quiet": (200, {"quiet": True, "next_due": MOMENT.isoformat(), "now": MOMENT.isoformat()})}
    with system(answers) as (driver, _):
        assert driver.quiet() == Quiet(quiet=True, next_due=MOMENT, now=MOMENT)


def test_the_clock_a_restart_and_a_fresh_start_are_calls_of_their_own():
    answers = {f"POST /{name}": (200, {}) for name in ("clock", "restart", "reset")}
    with system(answers) as (driver, asked):
        driver.steer(MOMENT)
        driver.restart()
        driver.reset({"choices.max_rejections": 2})
    assert [path for path, _ in asked] == ["POST /clock", "POST /restart", "POST /reset"]
    assert asked[2][1] == {"settings": {"choices.max_rejections": 2}}


def test_the_token_goes_into_the_header():
    driver = ControlDriver("http://127.0.0.1:1", token="t")
    assert driver._http.headers["authorization"] == "Bearer t"
    driver.close()
