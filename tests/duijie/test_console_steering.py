"""The console in somebody's hands: clock, faults, stories, scenarios step by step, the suite, figures, envelopes, photos, seats."""

import base64
import io
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from PIL import Image

from bridge.vocabulary.parties import Party, Side
from conformance.scenario.load import loads_scenario
from conformance.scenario.runner import play
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.console import figure_pages, photos
from duijie.console.app import console_app
from duijie.console.fields import NotAnAnswer
from duijie.console.message_pages import beside, meant
from duijie.console.server import ConsoleServer
from duijie.console.shown import Shown
from duijie.console.town import CELLS_MAX, town_map
from duijie.profiles_io import read_profile
from duijie.steering import Steered, Steering
from duijie.virtual import VirtualStage
from simulators.openapi import acts

KEY = "k"


class Looking:
    """Questions to a party of a stage in virtual time that leave no trace."""

    def __init__(self, stage: VirtualStage, party: Party):
        self._stage, self._party = stage, party

    def act(self, name: str, params: Any, by: str | None = None) -> dict[str, Any]:
        raise AssertionError("acts go through the stage")

    def ask(self, name: str, params: Any) -> Any:
        return self._stage.look(self._party, name, params)


class Person:
    """Somebody in front of the console."""

    def __init__(self, client: FlaskClient):
        self.client = client
        self.status, self.text, self.headers = 0, "", {}

    def open(self, address: str, **options: Any) -> str:
        return self._see(self.client.get(address, follow_redirects=True, **options))

    def post(self, address: str, to: str | None = None, **answers: Any) -> str:
        self.open(address)
        token = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert token is not None
        sent = {"csrf": token[1], **answers}
        return self._see(
            self.client.post(to or address, data=sent, follow_redirects=True, content_type="multipart/form-data")
        )

    def _see(self, answer: Any) -> str:
        self.status, self.headers = answer.status_code, answer.headers
        self.text = unescape(answer.get_data(as_text=True))
        return self.text


@pytest.fixture
def stage() -> Iterator[VirtualStage]:
    made = VirtualStage(read_profile(None), Wiring.BRIDGED, 1, Quirkiness())
    yield made
    made.close()


@pytest.fixture
def steering(stage: VirtualStage) -> Iterator[Steering]:
    held = Steering(stage, steered=True)
    yield held
    held.close()


@pytest.fixture
def person(stage: VirtualStage, steering: Steering) -> Person:
    parties = {party: Steered(steering, party, Looking(stage, party)) for party in Party}
    shown = Shown(
        parties=parties,
        records=lambda: stage.trace.records,
        crossed=lambda: len(stage.trace),
        envelope=lambda number: f"<a><b>{number % 2}</b><c/></a>",
        steering=steering,
        language="zh",
    )
    there = Person(console_app(shown, KEY).test_client())
    there.open(f"/?key={KEY}")
    return there


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> tuple[io.BytesIO, str]:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    out.seek(0)
    return out, f"街角.{kind.lower()}"


def reported(person: Person, **more: Any) -> str:
    given = {"category": "01", "subcategory": "02", "description": "路边垃圾", "photos": "a"}
    person.post("/act/worker.report", **(given | more))
    assert person.status == 200, person.text
    (number,) = set(re.findall(r"<h1>([0-9-]{22,})</h1>", person.text))
    return number


# ── clock ──


def test_the_clock_moves_to_the_next_event_and_by_working_hours(person: Person, steering: Steering) -> None:
    case = reported(person)
    person.post("/steering", do="cut", party="urban")
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    due = steering.next_event
    assert due is not None
    assert due > steering.now
    person.post("/steering", do="advance", by="to next timer")
    assert person.status == 200
    assert steering.now >= due
    before = steering.now
    person.post("/steering", do="advance", by="4 working hours")
    assert steering.now - before >= timedelta(hours=4)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ("tomorrow", "看不懂「tomorrow」"),
        ("to 2020-01-01 00:00", "时钟已过"),
        ("4000 days", "一次最多拨动一年"),
        ("99999999999999 days", "看不懂"),
        ("99999999 working days", "一次最多拨动一年"),
    ],
)
def test_a_move_of_the_clock_that_makes_no_sense_is_refused_in_words(
    person: Person, steering: Steering, by: str, said: str
) -> None:
    before = steering.now
    person.post("/steering", do="advance", by=by)
    assert person.status == 409
    assert said in person.text
    assert steering.now == before


def test_a_clock_that_is_the_real_one_is_not_moved(stage: VirtualStage) -> None:
    held = Steering(stage, steered=False)
    with pytest.raises(StageRefused, match="real one"):
        held.advance("1 hour")
    with pytest.raises(StageRefused, match="real one"):
        held.run_at(60)


def test_the_clock_runs_by_itself_until_it_is_stopped(steering: Steering) -> None:
    before, moved = steering.now, steering.trace
    steering.run_at(3600)
    with pytest.raises(StageRefused, match="no speed 7"):
        steering.run_at(7)
    assert _comes(lambda: steering.now > before)
    assert moved.of_type("clock")
    steering.run_at(0)
    assert steering.speed == 0


def _comes(so: Any) -> bool:
    waited = threading.Event()
    for _ in range(1500):
        if so():
            return True
        waited.wait(0.04)
    return False


# ── network ──


def test_a_receipt_is_lost_as_told_and_sent_again(person: Person, stage: VirtualStage) -> None:
    person.post("/steering", do="fault", fault="lose", of="handOver", what="form", nth="1")
    assert person.status == 200
    assert "案卷移交" in person.text
    case = reported(person)
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    person.post("/steering", do="advance", by="1 hour")
    hops = [each for each in stage.trace.sendings() if each.form_type == "handOver"]
    assert any(len(each.attempts) > 1 for each in hops)


@pytest.mark.parametrize(
    "given",
    [
        {"fault": "lose", "of": "nothing"},
        {"fault": "explode", "of": "handOver"},
        {"fault": "lose", "of": "handOver", "nth": "0"},
        {"fault": "delay", "of": "handOver", "for": "long"},
        {"fault": "lose", "of": "handOver", "attempt": "sometimes"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_words(
    person: Person, stage: VirtualStage, given: dict[str, str]
) -> None:
    person.post("/steering", do="fault", **given)
    assert person.status == 409
    assert 'role="alert"' in person.text
    assert not stage.trace.of_type("fault_rule")


def test_noise_begins_with_a_seed_and_ends(person: Person, stage: VirtualStage) -> None:
    person.post("/steering", do="noise", seed="5", lose="2%", repeat="0", delay="", reorder="1")
    assert person.status == 200
    person.post("/steering", do="calm")
    noise, calm = (record["rule"] for record in stage.trace.of_type("fault_rule"))
    assert (noise["kind"], noise["seed"]) == ("noise", 5)
    assert calm["kind"] == "calm"
    person.post("/steering", do="noise", seed="five", lose="2")
    assert person.status == 409


def test_a_party_is_cut_off_and_comes_back_and_is_killed(person: Person, stage: VirtualStage) -> None:
    for what in ("cut", "restore", "restart"):
        person.post("/steering", do=what, party="urban")
        assert person.status == 200
    assert [record["rule"]["kind"] for record in stage.trace.of_type("fault_rule")] == ["cut", "restore"]
    assert len(stage.trace.of_type("restart")) == 1
    person.post("/steering", do="restart", party="moon")
    assert person.status == 409
    person.post("/steering", do="dance")
    assert person.status == 409


# ── what happened, as a file ──


def test_what_was_done_by_hand_is_a_scenario_that_plays_again(person: Person) -> None:
    person.open("/steering/story.yaml")
    assert person.status == 409
    assert "还没有人办过任何事" in person.text
    person.post("/steering", do="fault", fault="lose", of="handOver", nth="1")
    case = reported(person, taken=picture())
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    person.post(f"/act/operator.file?case={case}", case=case)
    person.open("/steering/story.yaml")
    assert person.status == 200
    assert "attachment" in person.headers["Content-Disposition"]
    assert "content" not in str(yaml.safe_load(person.text)["steps"])
    story = loads_scenario(person.text)
    assert play(story, story.wirings[0], VirtualStage).passed


def test_a_report_alone_is_a_scenario_that_plays_again_too(person: Person) -> None:
    reported(person, taken=picture())
    person.open("/steering/story.yaml")
    story = loads_scenario(person.text)
    assert play(story, story.wirings[0], VirtualStage).passed


# ── scenarios ──


def test_a_scenario_is_watched_step_by_step(person: Person) -> None:
    person.open("/scenarios?find=the-first-case")
    assert "lifecycle/the-first-case" in person.text
    person.post("/scenarios", to="/scenarios/play", scenario="lifecycle/the-first-case", wiring="direct", seed="3")
    assert person.status == 200
    assert "direct" in person.text
    assert person.text.count('class="next"') == 1
    assert 'class="done"' not in person.text
    run = re.search(r'href="(/scenarios/run/\d+)/source.yaml"', person.text)
    assert run is not None
    person.post(run[1], do="step")
    assert person.text.count('class="done"') == 1
    person.post(run[1], do="end")
    assert "完成,全部如所写" in person.text
    assert 'class="later"' not in person.text
    assert "duijie replay" in person.text
    person.open(f"{run[1]}/source.yaml")
    assert "steps:" in person.text


def test_a_scenario_is_watched_with_quirks_of_a_seed_of_ones_own(person: Person) -> None:
    person.post("/scenarios", to="/scenarios/play", scenario="lifecycle/the-first-case", seed="1", quirks="7")
    assert "怪癖种子 7" in person.text
    (run,) = set(re.findall(r'href="(/scenarios/run/\d+)/source.yaml"', person.text))
    person.post(run, do="end")
    assert "完成,全部如所写" in person.text


def test_a_scenario_that_nobody_knows_is_not_played(person: Person) -> None:
    person.post("/scenarios", to="/scenarios/play", scenario="../../etc/passwd", seed="1")
    assert person.status == 400
    person.open("/scenarios/run/99")
    assert person.status == 404


# ── the suite ──


def test_the_suite_is_run_from_the_page_and_its_report_opened(person: Person) -> None:
    person.post("/suite", role="urban", source="builtin-virtual", only="RCPT-6-01,RCPT-6-02", seed="1")
    assert person.status == 200
    assert _comes(lambda: "打开报告" in person.open("/suite"))
    assert re.search(r"通过 \d+", person.text)
    report = re.search(r'href="(/suite/\d+/report.html)"', person.text)
    assert report is not None
    person.open(report[1])
    assert person.status == 200
    assert "sandbox" in person.headers["Content-Security-Policy"]


def test_what_the_suite_cannot_judge_is_said_in_its_own_words(person: Person) -> None:
    person.post("/suite", role="urban", source="/no/such/sut.toml", only="", seed="")
    assert _comes(lambda: "退出码" in person.open("/suite"))
    assert "/no/such/sut.toml" in person.text
    assert "打开报告" not in person.text


def test_nothing_that_the_pages_started_outlives_the_console(stage: VirtualStage, person: Person) -> None:
    before = set(threading.enumerate())
    server = ConsoleServer(Shown(parties={}, records=list, language="zh"))
    with server:
        there = Person(server._app.test_client())
        there.open(f"/?key={server._key}")
        there.post("/suite", role="bridge", source="builtin-virtual", only="", seed="1")
        there.post("/scenarios", to="/scenarios/play", scenario="lifecycle/the-first-case", seed="1")
        running = {
            thread for thread in threading.enumerate() if thread.name in ("suite", "scenario") and thread not in before
        }
        assert len(running) == 3
    assert _comes(lambda: not any(thread.is_alive() for thread in running))


# ── figures ──


def test_each_number_of_the_figures_leads_to_its_cases(person: Person) -> None:
    case = reported(person)
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    person.post(f"/act/operator.file?case={case}", case=case)
    person.open("/figures")
    assert person.status == 200
    lists = re.findall(r'href="(/figures/list/[^"]+)"', person.text)
    assert lists
    person.open(lists[0])
    assert case in person.text
    person.open("/figures/chart.svg")
    assert person.headers["Content-Type"].startswith("image/svg+xml")
    assert "<svg" in person.text
    person.open("/figures?edition=grid_office&lang=en")
    assert "Grid Office" in person.text
    person.open("/figures?period=March")
    assert person.status == 400
    assert "March" in person.text


def test_figures_of_very_many_cases_are_counted_while_one_waits(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported(person)
    held, going = threading.Event(), figure_pages.case_from_books
    case = reported(person, description="另一处垃圾")
    person.post(f"/act/workstation.hand_over?case={case}", case=case)

    def slowly(book: Any) -> Any:
        held.wait(30)
        return going(book)

    monkeypatch.setattr(figure_pages, "case_from_books", slowly)
    for path in ("/figures", "/figures/list/received"):
        assert "正在统计,已读案卷 1" in person.open(path)
        assert person.status == 200
    assert person.client.get("/figures/chart.svg").status_code == 409
    held.set()
    assert _comes(lambda: "市城市管理局" in person.open("/figures"))


# ── messages ──


def test_a_message_shows_its_envelope_and_how_it_differs_from_another_sending(person: Person) -> None:
    case = reported(person)
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    person.open(f"/case/{case}")
    messages = re.findall(r'href="(/message/\d+)"', person.text)
    person.open(messages[-1])
    assert "<b>" in person.text
    other = re.search(r'href="(/message/\d+\?with=\d+)"', person.text)
    assert other is not None
    person.open(other[1])
    assert 'class="beside"' in person.text
    person.open("/message/999999")
    assert person.status == 404
    person.open("/message/0")
    assert person.status == 404


def test_lines_stand_beside_each_other_and_those_that_differ_are_marked() -> None:
    found = list(beside(["a", "b", "c"], ["a", "x", "y", "c"]))
    assert [(line.left, line.right, line.same) for line in found] == [
        ("a", "a", True),
        ("b", "x", False),
        (None, "y", False),
        ("c", "c", True),
    ]


def test_envelopes_that_mean_the_same_are_the_same_whatever_their_prefixes() -> None:
    one = '<a:x xmlns:a="urn:1" b="2" a="1"><a:y>z</a:y><a:w/></a:x>'
    other = '<x xmlns="urn:1" a="1" b="2">\n <y>z</y>\n <w></w>\n</x>'
    assert meant(one) == meant(other) == ['<x a="1" b="2">', "  <y>z</y>", "  <w></w>", "</x>"]
    assert meant("no XML") == ["no XML"]


# ── photos ──


def test_a_photo_that_was_taken_goes_with_the_case_to_the_other_platform_and_is_shown(person: Person) -> None:
    case = reported(person, photos="", taken=picture("PNG", (3000, 1000)))
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    person.open(f"/case/{case}")
    (shown,) = set(re.findall(r'src="(/photo/[^"]+)"', person.text))
    for address in (shown, shown.replace("/photo/grid/", "/photo/urban/")):
        answer = person.client.get(address)
        assert answer.mimetype == "image/jpeg"
        with Image.open(io.BytesIO(answer.data)) as image:
            assert image.width == photos.SIDE_MAX
    assert "街角.jpg" in person.text
    assert person.client.get(f"/photo/grid/{case}/{'0' * 64}").status_code == 404
    assert person.client.get(f"/photo/bridge/{case}/{'0' * 64}").status_code == 404


def test_what_a_camera_wrote_beside_the_picture_does_not_go_along() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    Image.new("RGB", (20, 10)).save(out, "JPEG", exif=exif)
    out.seek(0)
    out.filename = "C:\\photos\\a.jpg"  # type: ignore[attr-defined]
    (photo,) = photos.taken([out])  # type: ignore[list-item]
    assert photo["name"] == "a.jpg"
    assert b"where I live" not in base64.b64decode(photo["content"])


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", b"\xff\xd8\xff" + b"0" * 64, b"GIF89a" + b"\0" * 40]
)
def test_what_is_no_photo_is_refused_and_nothing_typed_is_lost(person: Person, content: bytes) -> None:
    given = {"category": "01", "subcategory": "02", "description": "写了很久", "taken": (io.BytesIO(content), "x.jpg")}
    person.post("/act/worker.report", **given)
    assert person.status == 409
    assert "不是可读的 JPEG 或 PNG 照片" in person.text
    assert "写了很久" in person.text


def test_too_many_photos_and_too_many_pixels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def upload() -> io.BytesIO:
        out, name = picture()
        out.filename = name  # type: ignore[attr-defined]
        return out

    with pytest.raises(NotAnAnswer, match="6 photos at most, not 7"):
        photos.taken([upload() for _ in range(7)])  # type: ignore[misc]
    monkeypatch.setattr(photos, "PIXELS_MAX", 1_000)
    with pytest.raises(NotAnAnswer, match="too many"):
        photos.taken([upload()])  # type: ignore[list-item]


# ── the map ──


def test_the_map_shows_every_cell_where_it_lies(person: Person) -> None:
    person.open("/act/worker.report")
    cells = re.findall(r'<rect [^>]*data-cell="(\d{15})"', person.text)
    assert len(cells) == len(set(cells)) > 20
    assert set(cells) == set(re.findall(r'<option value="(\d{15})"', person.text))
    reported(person, cell=cells[-1])
    assert cells[-1] in person.text


def test_a_city_of_very_many_cells_has_a_list_and_no_map() -> None:
    cell = {"code": "1", "name": "a", "district": "d", "bounds": [0, 0, 1, 1]}
    assert town_map([cell] * CELLS_MAX) is not None
    assert town_map([cell] * (CELLS_MAX + 1)) is None
    assert town_map([]) is None


# ── seats ──


def signed_in(person: Person, party: str, role: str) -> str:
    person.open("/sign-in")
    found = re.search(
        rf'name="party" value="{party}"><input type="hidden" name="account" value="({role}-[^"]+)"', person.text
    )
    assert found is not None, (party, role)
    person.post("/sign-in", party=party, account=found[1])
    assert person.status == 200
    return found[1]


def test_who_is_signed_in_acts_in_their_own_name_until_they_leave(person: Person, stage: VirtualStage) -> None:
    account = signed_in(person, "grid", "worker")
    assert "我的任务" in person.text
    case = reported(person)
    assert stage.ask(Party.GRID, "case", {"case": case})["reported_by"] == account
    person.post(f"/act/dispatcher.accept?case={case}", case=case, by="dispatcher-3402")
    assert person.status == 409
    person.post("/", to="/sign-out")
    assert "登录岗位" in person.text
    person.post("/sign-in", party="grid", account="nobody")
    assert person.status == 404
    person.post("/sign-in", party="moon", account="nobody")
    assert person.status == 400


@pytest.mark.parametrize("side", list(Side))
def test_the_console_lets_each_role_do_what_its_platform_lets_it_do_cell_by_cell(
    person: Person, stage: VirtualStage, side: Side
) -> None:
    """Every role against every act over HTTP; beside it a platform in the same state that is asked directly."""
    other = VirtualStage(read_profile(None), Wiring.BRIDGED, 1, Quirkiness())
    case = reported(person)
    person.post(f"/act/workstation.hand_over?case={case}", case=case)
    first = stage.trace.acts()[0]
    other.act(Party.GRID, first.name, first.params)
    other.act(Party.GRID, "workstation.hand_over", {"case": case})
    other.settle()
    over_http, directly = {}, {}
    for account in {each["role"]: each for each in stage.ask(side.party, "accounts", {})}.values():
        person.post("/sign-in", party=side.value, account=account["name"])
        token = _token(person)
        for act in acts(side):
            answer = person.client.post(f"/act/{act.name}", data={"csrf": token, "case": case})
            said = re.search(r"<code>(\w+)</code>", answer.get_data(as_text=True))
            over_http[account["role"], act.name] = said[1] if answer.status_code == 409 and said else "done"
            try:
                other.act(side.party, act.name, {"case": case}, account["name"])
            except StageRefused as refused:
                directly[account["role"], act.name] = refused.code
            else:
                other.settle()
                directly[account["role"], act.name] = "done"
    other.close()
    assert over_http == directly
    assert "not_your_role" in over_http.values()


def _token(person: Person) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', person.text)
    assert found is not None
    return found[1]


def test_nobody_steers_where_there_is_nothing_to_steer(stage: VirtualStage) -> None:
    parties = {party: Looking(stage, party) for party in Party}
    app = console_app(Shown(parties=parties, records=lambda: stage.trace.records, language="en"), KEY)
    there = Person(app.test_client())
    there.open(f"/?key={KEY}")
    assert "/steering" not in there.text
    there.open("/steering")
    assert there.status == 404
    there.open("/steering/story.yaml")
    assert there.status == 404
