"""The control port: acts and questions as JSON, described by OpenAPI, refusing in order."""

import json
import threading
import urllib.request
from datetime import timedelta

import pytest
from conftest import NOW, ScriptedMachine, free_port, make_profile, process, running_pair
from flask.testing import FlaskClient

from bridge.vocabulary.parties import Side
from simulators import control, openapi
from simulators.process import SystemClock


def control_app(platform):
    """The application of a platform's control port, opened for whoever asks with `test_client`."""
    app = control.control_app(platform, "t0ken")
    app.test_client_class = Opened
    return app


class Opened(FlaskClient):
    """Carries the token with every request."""

    def open(self, *args, **options):
        options["headers"] = {"Authorization": "Bearer t0ken", **(options.get("headers") or {})}
        return super().open(*args, **options)


@pytest.fixture(scope="module")
def pair():
    with running_pair(None) as running:
        yield running


@pytest.fixture
def grid(pair):
    return control_app(pair.grid).test_client()


@pytest.fixture
def urban(pair):
    return control_app(pair.urban).test_client()


REPORT = {"category": "01", "subcategory": "02", "description": "路边垃圾", "photos": ["roadside"]}


def test_an_act_is_done_and_answered(grid):
    done = grid.post("/acts/worker.report", json=REPORT)
    assert done.status_code == 200
    case = done.get_json()["case"]
    seen = grid.get("/asks/case", query_string={"case": case})
    assert seen.get_json()["state"] == "reported"


def test_chinese_is_written_as_chinese(grid):
    assert "镜湖区" in grid.get("/asks/cells").get_data(as_text=True)


def test_a_refused_act_says_why_in_two_languages(grid):
    case = grid.post("/acts/worker.report", json=REPORT).get_json()["case"]
    refused = grid.post("/acts/workstation.close", json={"case": case})
    assert refused.status_code == 409
    said = refused.get_json()
    assert said["code"] == "wrong_state"
    assert said["message_zh"]
    assert said["message_en"]


def test_the_account_can_be_named(grid):
    refused = grid.post("/acts/worker.report", json=REPORT | {"by": "nobody"})
    assert refused.status_code == 409
    assert grid.post("/acts/worker.report", json=REPORT | {"by": 7}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("post", "/acts/worker.dance", {"json": {}}, 404),
        ("get", "/asks/weather", {}, 404),
        ("get", "/asks/case?case=nothing", {}, 409),
        ("get", "/nothing", {}, 404),
        ("get", "/acts/worker.report", {}, 405),
        ("post", "/acts/worker.report", {"data": "{", "content_type": "application/json"}, 400),
        ("post", "/acts/worker.report", {"data": "{}", "content_type": "text/plain"}, 400),
        ("post", "/acts/worker.report", {"json": ["a"]}, 400),
        ("post", "/acts/worker.report", {}, 400),
        ("post", "/clock", {"json": {}}, 400),
        ("post", "/clock", {"json": {"to": "tomorrow"}}, 400),
        ("post", "/clock", {"json": {"to": 5}}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_in_order(grid, method, path, options, status):
    answer = getattr(grid, method)(path, **options)
    assert answer.status_code == status
    assert set(answer.get_json()) == {"code", "message_zh", "message_en"}


def test_an_error_of_ours_shows_no_stack(pair, monkeypatch):
    monkeypatch.setattr(pair.grid, "ask", lambda name, params: 1 / 0)
    answer = control_app(pair.grid).test_client().get("/asks/cases")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.get_data(as_text=True)


def test_a_token_guards_everything_but_the_health(pair):
    guarded = control.control_app(pair.grid, "s3cret").test_client()
    assert guarded.get("/health").status_code == 200
    for path in ("/quiet", "/openapi.json", "/asks/cases", "/nothing"):
        assert guarded.get(path).status_code == 401
        assert guarded.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert guarded.get("/quiet", headers={"Authorization": "Bearer s3cret"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8201", "127.0.0.1.evil.example"])
def test_a_request_that_was_led_here_under_another_name_is_refused(grid, host):
    answer = grid.get("/quiet", headers={"Host": host})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "wrong_host")


def test_a_token_that_nobody_gave_is_made_for_each_process(pair):
    assert pair.grid.control_token != pair.urban.control_token
    assert len(pair.grid.control_token) >= 20


def test_the_clock_can_be_set_and_quiet_be_asked():
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    platform = process(Side.GRID, profile, ScriptedMachine)
    platform.start()
    try:
        app = control_app(platform).test_client()
        to = (NOW + timedelta(hours=2)).isoformat()
        assert app.post("/clock", json={"to": to}).get_json() == {
            "quiet": True,
            "next_due": None,
            "now": to,
            "inputs": 0,
        }
        app.post("/acts/post", json={"case": "340202-20260302-000001"})
        pause = threading.Event()
        while not (said := app.get("/quiet").get_json())["quiet"]:
            pause.wait(0.01)
        assert said["next_due"] is not None
        assert said["inputs"] >= 3
    finally:
        platform.stop()


def test_the_real_clock_is_not_set(pair, monkeypatch):
    monkeypatch.setattr(pair.grid, "clock", SystemClock())
    answer = control_app(pair.grid).test_client().post("/clock", json={"to": NOW.isoformat()})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "clock_not_steered")


@pytest.mark.live
def test_the_port_is_off_unless_asked_for_and_listens_on_loopback():
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    port = free_port()
    platform = process(Side.URBAN, profile, control_port=port, control_token="t")
    platform.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            assert json.load(answer)["side"] == "urban"
    finally:
        platform.stop()
    with running_pair() as quiet_pair:
        assert len(quiet_pair.grid._servers) == 1


# ── the description ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("side", Side)
def test_every_act_and_parameter_is_described_in_two_languages(side):
    described = openapi.document(side)
    for act in openapi.acts(side):
        operation = described["paths"][f"/acts/{act.name}"]["post"]
        assert " / " in operation["summary"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert set(schema["properties"]) == {*act.required, *act.optional, "by"}
        assert all(" / " in parameter["description"] for parameter in schema["properties"].values())


@pytest.mark.parametrize("side", Side)
def test_the_description_names_what_the_platform_knows(side, pair):
    """A described act is never unknown, a described question never either."""
    platform = pair.grid if side is Side.GRID else pair.urban
    app = control_app(platform).test_client()
    for act in openapi.acts(side):
        assert app.post(f"/acts/{act.name}", json={"case": "000000-00000000-000000"}).status_code != 404, act.name
    for ask in openapi.ASKS[side]:
        given = {"month": "2026-03", "cell": "0", "case": "x", "role": "worker"}
        assert app.get(f"/asks/{ask.name}", query_string=given).status_code in {200, 409}, ask.name


@pytest.mark.parametrize("side", Side)
def test_the_description_is_served_and_well_formed(side, pair):
    platform = pair.grid if side is Side.GRID else pair.urban
    served = control_app(platform).test_client().get("/openapi.json").get_json()
    assert served == json.loads(json.dumps(openapi.document(side)))
    assert served["openapi"] == "3.1.0"
    names = [operation["operationId"] for path in served["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    for path in served["paths"].values():
        for operation in path.values():
            assert operation["responses"]["200"]["description"]
