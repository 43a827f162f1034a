"""Cases live interleaved lives over real SOAP while every hop is noisy; then the oracle judges the trace and the books are audited.

What each case waits for is read from the books and not from a script, because a form that is late changes what can be done next. The
everyday run plays a few cases; `tox -e network` plays many, with callers that wait in vain among them.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import ReceiptMode
from conformance.ledger import audit
from conformance.oracle.judge import judge
from conformance.scenario.faults import Noise, faults
from conformance.scenario.profile import PARTY_KEYS, apply_settings
from conformance.scenario.stage import StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.audit import read_all
from duijie.live import LiveStage

pytestmark = pytest.mark.live

#: In a hundred messages on each hop: about every fourth one meets something.
NOISE = {
    "delay": 3.0,
    "halve": 3.0,
    "hang_up": 3.0,
    "lose": 5.0,
    "mislabel": 2.0,
    "proxy_page": 3.0,
    "reorder": 3.0,
    "repeat": 4.0,
    "tear": 2.0,
}
STARVING = {"silence": 0.5, "trickle": 0.5}
#: Rounds of the town; a life takes eight acts, and each form some sendings.
ROUNDS_MAX = 400
#: What passes between two rounds: enough for a form's first repetition.
ROUND = timedelta(minutes=7)

SETTINGS = {
    # So many that a line this bad uses them up for nobody.
    "delivery.max_attempts": 60,
    "delivery.retry_gaps_seconds": (60, 120),
    "delivery.answer_timeout_seconds": 5,
}


class Town:
    """Cases on a live stage, each with so many rejections on its way."""

    def __init__(self, stage: LiveStage, cases: int):
        self.stage = stage
        self.rejections = {self._report(number): number % 3 for number in range(1, cases + 1)}
        self.closed: set[str] = set()

    def _report(self, number: int) -> str:
        words = {"category": "01", "subcategory": "02", "description": f"路边垃圾({number})", "photos": [f"p{number}"]}
        return str(self.stage.act(Party.GRID, "worker.report", words)["case"])

    def live(self) -> None:
        """Until every case is closed on both sides."""
        for _ in range(ROUNDS_MAX):
            for case in [case for case in self.rejections if case not in self.closed]:
                self._step(case)
            if len(self.closed) == len(self.rejections):
                return
            self.stage.advance(self.stage.now + ROUND)
        raise AssertionError(f"not closed in {ROUNDS_MAX} rounds: {sorted(set(self.rejections) - self.closed)}")

    def _step(self, case: str) -> None:
        """The next act on a case, if it waits for people. Nobody waits for its forms to arrive: the next case is at once worked on."""
        grid = self.stage.ask(Party.GRID, "case", {"case": case})
        try:
            urban = self.stage.ask(Party.URBAN, "case", {"case": case})
        except StageRefused:
            urban = {"status": None, "stage": None}
        if grid["state"] == "closed" and urban["status"] == "closed":
            self.closed.add(case)
            return
        act = self._wanted(grid, urban, self.rejections[case])
        if act is not None:
            party, name, params = act
            self.stage.act(party, name, {"case": case, **params})

    @staticmethod
    def _wanted(
        grid: Mapping[str, Any], urban: Mapping[str, Any], rejections: int
    ) -> tuple[Party, str, dict[str, Any]] | None:
        match grid["state"], urban["status"], urban["stage"]:
            case "reported", _, _:
                return Party.GRID, "workstation.hand_over", {}
            case "handed_over", "received", _:
                return Party.URBAN, "operator.file", {}
            case "handed_over", "open", "filing_and_dispatch":
                return Party.URBAN, "supervision.dispatch", {}
            case "handed_over", "open", "district_assignment":
                return Party.URBAN, "district.assign", {}
            case "handed_over", "open", "department_disposal":
                return Party.URBAN, "department.dispose", {"result": "已清理", "photos": ["after"]}
            case "awaiting_verification", _, _:
                passed = grid["rejections"] >= rejections
                return Party.GRID, "worker.verify", {"outcome": "passed" if passed else "not_passed"}
            case "verification_failed", _, _:
                return Party.GRID, "workstation.reject", {"reason": "问题仍在"}
            case "verified", _, _:
                return Party.GRID, "workstation.close", {}
        return None

    def look_at_the_books(self) -> None:
        """Ask everybody what the judge compares in the end."""
        for case in self.rejections:
            for party in (Party.GRID, Party.URBAN):
                self.stage.ask(party, "case", {"case": case})
                self.stage.ask(party, "forms", {"case": case})
        for party in self.stage.pair.parties:
            self.stage.ask(party, "notices", {})


def soak(wiring: Wiring, cases: int, shares: Mapping[str, float], settings: Mapping[str, Any]) -> Counter[str]:
    """Let so many cases live through the noise; gives how often each fault was met."""
    stage = LiveStage(apply_settings({**SETTINGS, **settings}), wiring, 1, Quirkiness())
    try:
        stage.settle()
        stage.fault(Noise(seed=11, shares=shares, up_to_seconds=900))
        town = Town(stage, cases)
        town.live()
        stage.fault(Noise())
        stage.advance(stage.now + timedelta(days=1))
        town.look_at_the_books()

        if wiring is Wiring.DIRECT:
            # Receipts travelled as the profile says; a bridge may bring one later that it gives in the response as a rule.
            assert bool(stage.trace.receipt_calls()) == (stage.profile.urban.receipts is ReceiptMode.CALL)
        broken = [
            f"{verdict.clause}: {verdict.seen_en}" for verdict in judge(stage.trace, stage.profile) if verdict.failed
        ]
        assert broken == []
        books, at_rest = read_all(stage.pair.remotes)
        assert at_rest
        assert [finding.text("en") for finding in audit(books, at_rest=True)] == []
        sendings = stage.trace.sendings()
        assert [s for s in sendings if s.effective is None or not s.confirmed] == []
        effective = Counter(
            receipt["form_message_id"]
            for party in (Party.GRID, Party.URBAN)
            for receipt in stage.ask(party, "receipts_kept", {})
            if receipt["kept_as"] == "effective"
        )
        assert set(effective.values()) == {1}
        assert set(effective) == {s.message_id for s in sendings}
        assert len(stage.ask(Party.URBAN, "cases", {})) == cases
        return Counter(record["network"] for record in stage.trace if record.get("network"))
    finally:
        stage.close()


def test_a_few_cases_in_the_noise_end_with_one_effective_receipt_for_every_form():
    met = soak(Wiring.BRIDGED, 4, NOISE, {})
    assert sum(met.values()) >= 30, met
    assert len(met) >= 6, met


@pytest.mark.noisy_network
@pytest.mark.parametrize("wiring", list(Wiring))
@pytest.mark.parametrize("mode", list(ReceiptMode))
def test_many_cases_in_the_noise_end_with_one_effective_receipt_for_every_form(wiring, mode):
    met = soak(wiring, 40, NOISE | STARVING, dict.fromkeys(PARTY_KEYS, mode))
    print(f"{wiring}, receipts by {mode}: {sum(met.values())} faults met, {dict(met)}")  # noqa: T201 - docs/reliability.md
    assert set(met) == {name for name, fault in faults().items() if fault.noisy}
