"""Both simulated platforms wired to each other, people doing whatever comes to mind, the network as it likes.

INT-6: once everything is delivered, a case is over on both sides or on neither. INT-8: filings and rejections agree.
"""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from urban_world import OTHER, OWN, START, TOWN, profile

from bridge.vocabulary.calls import Call, Ending, NotReached, Unanswered
from bridge.vocabulary.profile import Choices, HandOverMode, ReceiptMode
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.quirks import Quirks
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

URBAN_ACTS: dict[str, dict[str, Any]] = {
    "operator.file": {},
    "supervision.dispatch": {},
    "district.assign": {},
    "department.dispose": {"result": "已清理", "photos": ["after"]},
    "district.send_back": {"reason": "不属于本区"},
    "supervision.decide_return": {"grant": None},
    "district.apply_transfer": {"to_district": OTHER, "reason": "地点在鸠江区"},
    "city.decide_transfer": {"grant": None},
    "department.apply_extension": {"reason": "需大型设备"},
    "district.decide_extension": {"grant": None},
    "department.apply_false_report": {"reason": "现场无此情况", "photos": ["spot"]},
    "city_verifier.decide_false_report": {"grant": None},
    "exchange.resend": {},
    "operator.query": {},
    "district_verifier.verify": {"outcome": "passed"},
    "operator.cancel": {"reason": "误报"},
}
GRID_ACTS: dict[str, dict[str, Any]] = {
    "worker.verify": {"outcome": "not_passed"},
    "workstation.reject": {},
    "workstation.close": {},
    "reporter.dissatisfied": {},
    "workstation.answer_false_report": {"confirmed": None, "reason": "已核实"},
    "workstation.supplement": {"note": "更靠近路口"},
    "workstation.force_withdraw": {"reason": "误报"},
    "workstation.resend": {},
}
OVER_THERE = {"closed", "closed_false_report", "withdrawn", "declined"}


class Walk:
    """A random walk of two platforms; everything is drawn from the seed."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        choices = Choices(
            grid_confirms_false_report=self.random.random() < 0.8,
            restart_on_transfer=self.random.random() < 0.7,
            hand_over=self.random.choice(list(HandOverMode)),
            max_rejections=self.random.choice([0, 1, 3]),
        )
        settings = profile(
            choices=choices,
            urban=self.random.choice(list(ReceiptMode)),
            grid=self.random.choice(list(ReceiptMode)),
        )
        quirks = Quirks(seed, calm=self.random.random() < 0.5)
        self.grid = GridPlatform(settings, TOWN, seed, quirks)
        self.urban = UrbanPlatform(settings, TOWN, seed, quirks)
        self.now = START
        self.trouble = self.random.random() * 0.3

    def carry(self, call: Call, to: GridPlatform | UrbanPlatform) -> Ending:
        luck = self.random.random()
        if luck < self.trouble / 3:
            return NotReached(detail="refused")
        if luck < 2 * self.trouble / 3:
            return Unanswered(detail="lost")
        answer = to.call_received(call.message, self.now)
        return Unanswered(detail="answer lost") if luck < self.trouble else answer

    def settle(self) -> None:
        calm = False
        while not calm:
            calm = True
            for ours, theirs in ((self.grid, self.urban), (self.urban, self.grid)):
                for call in ours.outgoing():
                    calm = False
                    ours.call_ended(call.key, self.carry(call, theirs), self.now)

    def advance(self, seconds: int) -> None:
        until = self.now + timedelta(seconds=seconds)
        while True:
            dues = [d for d in (self.grid.next_due(), self.urban.next_due()) if d is not None and d <= until]
            if not dues:
                break
            self.now = max(self.now, min(dues))
            self.grid.wake(self.now)
            self.urban.wake(self.now)
            self.settle()
        self.now = until

    def attempt(self, platform: GridPlatform | UrbanPlatform, name: str, params: dict[str, Any]) -> Any:
        given = {key: self.random.random() < 0.5 if value is None else value for key, value in params.items()}
        if given.get("outcome") == "not_passed" and self.random.random() < 0.4:
            given["outcome"] = "passed"
        try:
            return platform.act(name, given, self.now)
        except ActRefused:
            return None

    def wander(self, steps: int) -> list[str]:
        cases: list[str] = []
        for number in range(steps):
            if len(cases) < 2:
                report = {"category": "01", "subcategory": "02", "description": f"垃圾 {number}", "photos": ["a"]}
                cases.append(str(self.attempt(self.grid, "worker.report", report)["case"]))
                self.attempt(self.grid, "workstation.hand_over", {"case": cases[-1]})
            on_urban = self.random.random() < 0.6
            acts = URBAN_ACTS if on_urban else GRID_ACTS
            name = self.random.choice(list(acts))
            case = {} if name == "operator.query" else {"case": self.random.choice(cases)}
            self.attempt(self.urban if on_urban else self.grid, name, case | acts[name])
            if self.random.random() < 0.8:
                self.settle()
            if self.random.random() < 0.3:
                self.advance(self.random.choice([5, 100, 1_000, 10_000, 90_000]))
        return cases

    def come_to_rest(self) -> None:
        """Let every form arrive at last: people release what is parked until nothing is."""
        self.trouble = 0.0
        for _ in range(6):
            self.settle()
            self.advance(90_000)
            for platform, act in ((self.urban, "exchange.resend"), (self.grid, "workstation.resend")):
                for form in platform.ask("parked", {}, self.now):
                    self.attempt(platform, act, {"case": form["case_number"]})
        self.settle()
        assert self.urban.ask("parked", {}, self.now) == []
        assert self.grid.ask("parked", {}, self.now) == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_people_and_the_network_do_both_platforms_come_to_the_same_view(seed: int) -> None:
    walk = Walk(seed)
    cases = walk.wander(150)
    walk.come_to_rest()
    for number in cases:
        there = walk.grid.ask("case", {"case": number}, walk.now)
        try:
            here = walk.urban.ask("case", {"case": number}, walk.now)
        except AskRefused:
            assert there["state"] not in OVER_THERE
            continue
        over_here = here["status"] not in {"received", "open"}
        assert over_here == (there["state"] in OVER_THERE)
        if over_here:
            assert here["status"] == there["state"]
        else:
            assert (here["filing_ordinal"], here["rejections"]) == (there["filing_ordinal"], there["rejections"])
        assert walk.urban.ask("refused", {}, walk.now) == []


def test_the_same_walk_twice_is_the_same_walk() -> None:
    first, second = Walk(3), Walk(3)
    assert first.wander(80) == second.wander(80)
    for question in ("cases", "journal", "notices"):
        assert first.urban.ask(question, {}, first.now) == second.urban.ask(question, {}, second.now)


def test_the_case_is_disposed_of_in_its_own_district_when_nobody_says_otherwise() -> None:
    """EXC-4 the other way round: the default is the case's own district."""
    walk = Walk(1)
    walk.trouble = 0.0
    report = {"category": "01", "subcategory": "02", "description": "垃圾", "photos": ["a"]}
    case = str(walk.attempt(walk.grid, "worker.report", report)["case"])
    walk.attempt(walk.grid, "workstation.hand_over", {"case": case})
    walk.advance(600)
    walk.attempt(walk.urban, "operator.file", {"case": case})
    walk.attempt(walk.urban, "supervision.dispatch", {"case": case})
    assert walk.urban.ask("case", {"case": case}, walk.now)["district"] == OWN
