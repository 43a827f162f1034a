"""The worker app over HTTP, what a signed-in seat is offered, and postings that come twice."""

import io
import re
import threading
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from PIL import Image

from bridge.vocabulary.parties import Party
from conformance.scenario.profile import base_profile
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.console.acting import Once
from duijie.console.app import console_app
from duijie.console.shown import Shown
from duijie.virtual import VirtualStage
from simulators.city.town import Town

KEY = "k"
CELL = Town.build(1).first_cell


class Playing:
    """One party of a stage in virtual time."""

    def __init__(self, stage: VirtualStage, party: Party):
        self._stage, self._party = stage, party

    def act(self, name: str, params: Any, by: str | None = None) -> dict[str, Any]:
        done = dict(self._stage.act(self._party, name, params, by))
        self._stage.settle()
        return done

    def ask(self, name: str, params: Any) -> Any:
        return self._stage.ask(self._party, name, params)


class Worker:
    """Somebody with a phone."""

    def __init__(self, stage: VirtualStage):
        self.stage = stage
        self.parties = {party: Playing(stage, party) for party in Party}
        shown = Shown(parties=self.parties, records=lambda: stage.trace.records, language="zh")
        self.client = console_app(shown, KEY).test_client()
        self.status, self.text = 0, ""
        self.open(f"/?key={KEY}")

    def open(self, address: str) -> str:
        return self._see(self.client.get(address, follow_redirects=True))

    def send(self, address: str, **answers: Any) -> str:
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', self.open(address)))
        return self.send_again(address, **hidden | answers)

    def send_again(self, address: str, **sent: Any) -> str:
        return self._see(
            self.client.post(address, data=sent, follow_redirects=True, content_type="multipart/form-data")
        )

    def _see(self, answer: Any) -> str:
        self.status, self.text = answer.status_code, unescape(answer.get_data(as_text=True))
        return self.text

    def of(self, party: Party, case: str) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.ask(party, "case", {"case": case})
        return found

    def report(self, **more: Any) -> str:
        answers = {"kind": "event", "category": "01", "subcategory": "02", "description": "路边垃圾", "cell": CELL.code}
        self.send("/app/report", **answers | more)
        (number,) = set(re.findall(r"<h1>([0-9-]{22,})</h1>", self.text))
        return str(number)

    def to_verification(self) -> str:
        case = self.report()
        self.parties[Party.GRID].act("workstation.hand_over", {"case": case})
        for name, more in (
            ("operator.file", {}),
            ("supervision.dispatch", {}),
            ("district.assign", {}),
            ("department.dispose", {"result": "已清理", "photos": ["b"]}),
        ):
            self.parties[Party.URBAN].act(name, {"case": case, **more})
        return case


@pytest.fixture
def worker() -> Iterator[Worker]:
    stage = VirtualStage(base_profile(), Wiring.BRIDGED, 1, Quirkiness())
    there = Worker(stage)
    there.send("/app/who", cell=CELL.code)
    yield there
    stage.close()


def picture(name: str = "街角.png", kind: str = "PNG") -> tuple[io.BytesIO, str]:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind)
    out.seek(0)
    return out, name


def sign_in(worker: Worker, party: Party, account: str) -> None:
    worker.send("/sign-in", party=party.value, account=account)
    assert worker.status == 200


def test_who_holds_the_phone_is_the_worker_of_the_cell_that_was_chosen(worker: Worker) -> None:
    assert CELL.name in worker.text
    assert worker.of(Party.GRID, worker.report())["reported_by"] == CELL.worker


def test_without_a_worker_every_screen_asks_for_a_cell_first(worker: Worker) -> None:
    worker.open("/app")
    worker.send_again("/sign-out", csrf=re.findall(r'name="csrf" value="([^"]+)"', worker.text)[0])
    for screen in ("/app", "/app/report", "/app/cases", "/app/cell", "/app/verify/340202-20260302-000001"):
        assert "选一个网格" in worker.open(screen)
    worker.send("/app/who", cell="1")
    assert worker.status == 400


def test_a_report_brings_its_photos_and_nothing_that_is_no_photo(worker: Worker) -> None:
    case = worker.report(taken=picture())
    assert len(worker.of(Party.GRID, case)["photos"]) == 1
    before = len(worker.stage.ask(Party.GRID, "cases", {}))
    answers = {"kind": "event", "category": "01", "subcategory": "02", "description": "只此一次", "cell": CELL.code}
    worker.send("/app/report", taken=(io.BytesIO(b"<svg/>"), "x.png"), **answers)
    assert worker.status == 409
    assert "不是可读的" in worker.text
    assert ">只此一次</textarea>" in worker.text
    assert len(worker.stage.ask(Party.GRID, "cases", {})) == before


def test_a_cell_of_somebody_else_is_refused_in_the_platforms_words(worker: Worker) -> None:
    other = Town.build(1).places.cells[5]
    answers = {"kind": "event", "category": "01", "subcategory": "02", "description": "x", "cell": other.code}
    worker.send("/app/report", **answers)
    assert worker.status == 409
    assert "not_your_territory" in worker.text


def test_the_map_shows_every_cell_of_the_district_and_marks_ones_own(worker: Worker) -> None:
    page = worker.open("/app/report")
    near = [cell.code for cell in Town.build(1).places.cells if cell.district == CELL.district]
    assert re.findall(r'data-cell="(\d+)"', page) == near
    assert page.count("<circle") == 1


def test_the_same_posting_twice_is_one_case(worker: Worker) -> None:
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', worker.open("/app/report")))
    sent = hidden | {"kind": "event", "category": "01", "subcategory": "02", "description": "x", "cell": CELL.code}
    first = re.findall(r"<h1>([0-9-]{22,})</h1>", worker.send_again("/app/report", **sent))
    second = re.findall(r"<h1>([0-9-]{22,})</h1>", worker.send_again("/app/report", **sent))
    assert first == second
    assert len(worker.stage.ask(Party.GRID, "cases", {})) == 1


def test_what_was_refused_may_be_tried_again_from_the_same_page(worker: Worker) -> None:
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', worker.open("/app/report")))
    sent = hidden | {"kind": "event", "category": "01", "subcategory": "77", "description": "x", "cell": CELL.code}
    worker.send_again("/app/report", **sent)
    assert worker.status == 409
    worker.send_again("/app/report", **sent | {"subcategory": "02"})
    assert worker.status == 200


@pytest.mark.parametrize(
    ("outcome", "state", "rejections"), [("passed", "verified", 0), ("not_passed", "verification_failed", 0)]
)
def test_a_task_is_answered_with_what_was_found(worker: Worker, outcome: str, state: str, rejections: int) -> None:
    case = worker.to_verification()
    assert case in worker.open("/app")
    worker.send(f"/app/verify/{case}", outcome=outcome, note="现场看过", taken=picture())
    book = worker.of(Party.GRID, case)
    assert (book["state"], book["rejections"]) == (state, rejections)
    assert len(book["verifications"][-1]["photos"]) == 1
    assert case not in worker.open("/app").partition("等举报人")[0]


def test_a_dissatisfied_reporter_sends_the_case_back_and_both_platforms_know(worker: Worker) -> None:
    case = worker.to_verification()
    worker.send(f"/app/verify/{case}", outcome="dissatisfied", note="垃圾还在")
    assert worker.status == 200
    grid, urban = worker.of(Party.GRID, case), worker.of(Party.URBAN, case)
    assert (grid["rejections"], urban["rejections"]) == (1, 1)
    assert grid["rejected"][0]["cause"] == "reporter_dissatisfied"
    assert grid["rejected"][0]["reason"] == "垃圾还在"


def test_a_reporter_can_be_heard_after_the_verification(worker: Worker) -> None:
    case = worker.to_verification()
    worker.send(f"/app/verify/{case}", outcome="passed")
    assert case in worker.open("/app")
    worker.send(f"/app/verify/{case}", outcome="satisfied")
    assert worker.of(Party.GRID, case)["satisfied"] is True


def test_the_books_of_the_cell_are_shown_and_kept(worker: Worker) -> None:
    page = worker.open("/app/cell")
    address = re.findall(r'href="(/act/worker\.upkeep_person\?[^"]+)"', page)[0]
    assert re.search(r'name="name" value="[^"]+"', worker.open(address))
    fields = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', worker.text))
    worker.send(address, **{name: fields[name] for name in ("id", "household")}, name="改名", cell=CELL.code)
    assert worker.status == 200
    assert "改名" in worker.open("/app/cell")


def test_my_cases_are_those_of_my_cell(worker: Worker) -> None:
    mine = worker.report()
    other = Town.build(1).places.cells[5].code
    done = worker.parties[Party.GRID].act(
        "worker.report", {"category": "01", "subcategory": "02", "description": "x", "cell": other}
    )
    page = worker.open("/app/cases")
    assert mine in page
    assert done["case"] not in page


def test_a_case_file_offers_whoever_is_signed_in_what_the_platform_lets_them_do_and_no_more(worker: Worker) -> None:
    case = worker.report()
    offered: dict[str, set[str]] = {}
    for party, account in (
        (Party.GRID, CELL.worker),
        (Party.GRID, f"dispatcher-{CELL.community}"),
        (Party.GRID, f"handler-{CELL.community}"),
        (Party.GRID, "dispatcher-340207001001"),
        (Party.URBAN, "operator-3402"),
    ):
        sign_in(worker, party, account)
        offered[account] = set(re.findall(r'href="/act/([\w.]+)\?case=', worker.open(f"/case/{case}")))
    assert offered[f"dispatcher-{CELL.community}"] == {
        "dispatcher.accept",
        "workstation.hand_over",
        "workstation.cancel",
    }
    others = {account: acts for account, acts in offered.items() if account != f"dispatcher-{CELL.community}"}
    assert set().union(*others.values()) == set()


def test_what_may_be_done_is_what_is_not_refused(worker: Worker) -> None:
    """Every account's offers on a case that is handed over, tried on copies of the same stage."""
    case = worker.to_verification()
    grid, urban = worker.parties[Party.GRID], worker.parties[Party.URBAN]
    assert grid.ask("may", {"case": case, "account": CELL.worker}) == ["worker.verify"]
    assert "workstation.supplement" in grid.ask("may", {"case": case, "account": f"dispatcher-{CELL.community}"})
    assert urban.ask("may", {"case": case, "account": "closer-3402"}) == []
    assert urban.ask("may", {"case": case, "account": f"district_verifier-{CELL.district}"}) == []
    assert urban.ask("may", {"case": case, "account": "exchange-3402"}) == ["exchange.tell"]
    for party in (grid, urban):
        with pytest.raises(StageRefused) as refused:
            party.ask("may", {"case": case, "account": "nobody"})
        assert refused.value.code == "no_such_person"


def test_a_work_list_is_read_page_by_page_and_case_by_case(worker: Worker) -> None:
    cases = [worker.report() for _ in range(5)]
    grid = worker.parties[Party.GRID]

    def listed(**params: Any) -> list[str]:
        return [each["case_number"] for each in grid.ask("worklist", {"role": "dispatcher", **params})]

    assert listed() == cases
    assert listed(first=2, skip=1) == cases[1:3]
    assert listed(case=cases[3]) == cases[3:4]
    assert listed(case="340202-20260302-999999") == []
    with pytest.raises(StageRefused):
        listed(first="many")
    grid.act("workstation.cancel", {"case": cases[0], "reason": "误报"})
    assert listed() == cases[1:]


def test_two_postings_at_the_same_time_are_one_deed() -> None:
    once, begun, may_end, done = Once(), threading.Event(), threading.Event(), []

    def deed() -> dict[str, Any]:
        done.append(1)
        begun.set()
        assert may_end.wait(10)
        return {"case": "c"}

    first = threading.Thread(target=lambda: once.do("t", deed))
    second = threading.Thread(target=lambda: once.do("t", deed))
    first.start()
    assert begun.wait(10)
    second.start()
    may_end.set()
    first.join()
    second.join()
    assert done == [1]
    assert once.do("", lambda: {"case": "d"}) == {"case": "d"}
