"""The console: every role of both platforms on pages, without a rule of the console's own."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from bridge.vocabulary.parties import Party
from conformance.scenario.profile import base_profile
from conformance.scenario.steps import Quirkiness, Wiring
from conformance.scenario.wording import Wording
from duijie.console import desks, fields, lane
from duijie.console.app import console_app
from duijie.console.server import ConsoleServer
from duijie.console.shown import Shown
from duijie.virtual import VirtualStage
from simulators.openapi import acts

KEY = "k"


class Acting:
    """One party of a stage in virtual time."""

    def __init__(self, stage: VirtualStage, party: Party):
        self._stage, self._party = stage, party

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        done = dict(self._stage.act(self._party, name, params, by))
        self._stage.settle()
        return done

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        return self._stage.ask(self._party, name, params)


class Browser:
    """Somebody who opens pages, follows their links and fills in their forms."""

    def __init__(self, client: FlaskClient):
        self.client = client
        self.status = 0
        self.text = ""

    def open(self, address: str) -> str:
        return self._see(self.client.get(address, follow_redirects=True))

    def fill_in(self, address: str, **answers: str) -> str:
        """Open a form and send it with these answers; its hidden fields go along."""
        self.open(address)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.text))
        return self._see(self.client.post(address, data=hidden | answers, follow_redirects=True))

    def _see(self, answer: Any) -> str:
        self.status, self.text = answer.status_code, unescape(answer.get_data(as_text=True))
        return self.text

    def offered(self, case: str) -> dict[str, str]:
        """The acts that a case's page offers, by name, with their addresses."""
        self.open(f"/case/{case}")
        return {name: address for address, name in re.findall(r'href="(/act/([\w.]+)\?case=[^"]+)"', self.text)}


@pytest.fixture
def stage() -> Iterator[VirtualStage]:
    made = VirtualStage(base_profile(), Wiring.BRIDGED, 1, Quirkiness())
    yield made
    made.close()


def client_of(stage: VirtualStage, language: str = "zh") -> FlaskClient:
    parties = {party: Acting(stage, party) for party in Party}
    app = console_app(Shown(parties=parties, records=lambda: list(stage.trace.records), language=language), KEY)
    return app.test_client()


@pytest.fixture
def browser(stage: VirtualStage) -> Browser:
    there = Browser(client_of(stage))
    there.open(f"/?key={KEY}")
    return there


def reported(browser: Browser, description: str = "路边垃圾") -> str:
    browser.fill_in("/act/worker.report", category="01", subcategory="02", description=description, photos="a.png")
    assert browser.status == 200
    (number,) = set(re.findall(r"<h1>([0-9-]{22,})</h1>", browser.text))
    return number


#: What a person answers on the way of an ordinary case; acts without a line here need no answer.
ANSWERS = {
    "department.dispose": {"result": "已清理", "photos": "b.png"},
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


def test_a_case_is_taken_through_both_platforms_by_the_pages_alone(browser: Browser) -> None:
    case = reported(browser)
    taken: list[str] = []
    while len(taken) < 20:
        offers = browser.offered(case)
        name = next((each for each in WAY if each in offers), None)
        if name is None:
            break
        browser.fill_in(offers[name], **ANSWERS.get(name, {}))
        assert browser.status == 200, browser.text
        taken.append(name)
    assert {"workstation.hand_over", "operator.file", "department.dispose", "worker.verify"} <= set(taken)
    said = Wording("zh")
    assert browser.open("/").count(f">{said.label('values', 'closed')}</span>") == 2


def test_what_the_platform_refuses_is_shown_in_its_own_words_and_nothing_typed_is_lost(browser: Browser) -> None:
    case = reported(browser)
    browser.fill_in(f"/act/dispatcher.dispatch?case={case}", department="没有这个部门")
    assert browser.status == 409
    assert 'role="alert"' in browser.text
    assert 'value="没有这个部门"' in browser.text


def test_an_answer_that_cannot_be_the_fields_value_is_named(browser: Browser) -> None:
    browser.fill_in("/act/worker.upkeep_building", cell="340202001001001", floors="三")
    assert browser.status == 409
    assert "应为整数,不是 三" in browser.text


def test_every_act_of_both_platforms_has_a_form_with_all_that_it_takes(browser: Browser) -> None:
    for each in desks.desks():
        for act in each.acts:
            page = browser.open(f"/act/{act.name}?case=340202-20260302-000001")
            assert browser.status == 200
            for name in (*act.required, *act.optional):
                assert re.search(rf'name="{name}"', page), (act.name, name)
    assert {act.name for each in desks.desks() for act in each.acts} == {
        act.name for side in (Party.GRID, Party.URBAN) for act in acts(desks.Side(side.value))
    }


@pytest.mark.parametrize("side", ["grid", "urban"])
def test_every_desk_has_a_page(browser: Browser, side: str) -> None:
    for each in desks.desks():
        if each.party == side:
            assert Wording("zh").label("roles", each.role) != each.role
            browser.open(f"/desk/{side}/{each.role}")
            assert browser.status == 200


def test_nobody_gets_in_without_the_key(stage: VirtualStage) -> None:
    client = client_of(stage)
    for address in ("/", "/bridge", "/desk/urban/operator", "/act/worker.report", "/pulse", "/?key=guessed"):
        assert client.get(address).status_code == 403
    assert client.post("/act/worker.report", data={}).status_code == 403


def test_a_page_that_another_site_led_astray_changes_nothing(browser: Browser, stage: VirtualStage) -> None:
    before = len(stage.trace.records)
    answers = {"category": "01", "subcategory": "02", "description": "x"}
    assert browser.client.post("/act/worker.report", data=answers).status_code == 400
    assert browser.client.post("/act/worker.report", data=answers | {"csrf": "guessed"}).status_code == 400
    assert browser.client.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert len(stage.trace.records) == before


def test_every_page_says_what_it_may_load(browser: Browser) -> None:
    answer = browser.client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.get_data(as_text=True)
    assert " style=" not in answer.get_data(as_text=True)


def test_what_people_write_is_shown_as_they_wrote_it(browser: Browser) -> None:
    case = reported(browser, "<script>alert(1)</script>")
    raw = browser.client.get(f"/case/{case}").get_data(as_text=True)
    assert "<script>alert" not in raw
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raw


def test_the_language_is_chosen_on_any_page_and_stays(browser: Browser) -> None:
    assert "总览" in browser.open("/")
    assert "Overview" in browser.open("/?lang=en")
    assert "Parked" not in browser.open("/bridge")
    assert "Under way and parked" in browser.text
    assert "在途与挂起" in browser.open("/bridge?lang=zh")


def test_a_case_that_nobody_knows_has_no_page(browser: Browser) -> None:
    browser.open("/case/340202-20260302-999999")
    assert browser.status == 404
    assert "各方都没有这个案卷" in browser.text


def test_an_operators_act_at_the_bridge_needs_a_name_and_is_refused_in_words(browser: Browser) -> None:
    browser.fill_in(f"/act/workstation.hand_over?case={reported(browser)}")
    browser.open("/act/worker.report")
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.text)
    assert csrf is not None
    wanted = {"csrf": csrf[1], "act": "bridge.resend", "case": "340202-20260302-000001", "reason": "再试"}
    browser._see(browser.client.post("/bridge", data=wanted))
    assert browser.status == 409
    assert "操作人" in browser.text


def test_the_lane_points_from_sender_to_recipient_and_tells_how_each_call_ended(
    browser: Browser, stage: VirtualStage
) -> None:
    case = reported(browser)
    browser.fill_in(f"/act/workstation.hand_over?case={case}")
    newest_first = lane.arrows(lane.Book(stage.trace.records), Wording("en"), case)
    first = newest_first[-1]
    assert (first.kind, first.left, first.right, first.leftwards, first.ended) == ("form", 1, 2, False, "good")
    assert "hand-over" in first.what
    assert case not in first.what
    back = next(arrow for arrow in newest_first if arrow.kind == "receipt")
    assert back.leftwards


def test_fields_make_the_values_that_an_act_takes() -> None:
    found = desks.act_named("workstation.repair")
    assert found is not None
    _, act = found
    assert fields.params(act, {"case": "c", "changes": '{"address": "x"}'}) == {
        "case": "c",
        "changes": {"address": "x"},
    }
    with pytest.raises(fields.NotAnAnswer):
        fields.params(act, {"case": "c", "changes": "[1]"})
    verify = desks.act_named("worker.verify")
    assert verify is not None
    assert fields.params(verify[1], {"case": "c", "outcome": "passed", "photos": "a.png, b.png", "note": " "}) == {
        "case": "c",
        "outcome": "passed",
        "photos": ["a.png", "b.png"],
    }


def test_the_server_lets_in_whoever_opens_the_address_that_it_gives(stage: VirtualStage) -> None:
    parties = {party: Acting(stage, party) for party in Party}
    with ConsoleServer(Shown(parties=parties, records=list, language="en")) as server:
        base = server.address.partition("?")[0]
        assert httpx.get(base, trust_env=False).status_code == 403
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            assert "Overview" in client.get(server.address).text
            assert client.get(f"{base}bridge").status_code == 200
            assert "key=" not in str(client.get(server.address).url)


def test_categories_and_districts_are_chosen_by_name_from_the_citys_tables(browser: Browser) -> None:
    page = browser.open("/act/worker.report")
    assert '<optgroup label="事件 01 市容环境">' in page
    assert "02 暴露垃圾" in page
    assert "340207 鸠江区" in browser.open("/act/supervision.dispatch?case=340202-20260302-000001")
    assert "exposed rubbish" in browser.open("/act/worker.report?lang=en")


def test_a_case_file_says_what_its_codes_are_called(browser: Browser) -> None:
    browser.open(f"/case/{reported(browser)}")
    assert re.search(r"<dt>小类</dt><dd>02 暴露垃圾</dd>", browser.text)


def test_how_much_waits_at_each_desk_is_told_apart_from_the_overview(browser: Browser) -> None:
    assert "worker" not in browser.open("/waiting")
    reported(browser)
    told = json.loads(browser.open("/waiting"))
    assert told["/desk/grid/dispatcher"] == "1"
    assert told["/desk/grid/workstation"] == "1"
    assert "/desk/urban/operator" not in told


def test_a_list_is_written_with_commas_of_either_width() -> None:
    found = desks.act_named("worker.report")
    assert found is not None
    given = {"photos": "a, b\uff0cc\u3001d\uff0c"}
    assert fields.params(found[1], given)["photos"] == ["a", "b", "c", "d"]


def test_the_forms_under_way_come_a_page_at_a_time(stage: VirtualStage) -> None:
    form = {"case_number": "c", "form_type": "handOver", "platform": "urban", "state": "parked", "trouble": ""}
    rows = [{**form, "message_id": str(number), "age_seconds": number, "attempts": 1} for number in range(60)]

    class Busy(Acting):
        def ask(self, name: str, params: Mapping[str, Any]) -> Any:
            return rows if name == "under_way" else super().ask(name, params)

    parties = {party: Busy(stage, party) if party is Party.BRIDGE else Acting(stage, party) for party in Party}
    app = console_app(Shown(parties=parties, records=lambda: stage.trace.records, language="zh"), KEY)
    there = Browser(app.test_client())
    there.open(f"/?key={KEY}")
    assert there.open("/bridge").count('class="decide"') == 50
    assert 'href="/bridge?skip=50"' in there.text
    assert there.open("/bridge?skip=50").count('class="decide"') == 10
