"""The two platforms themselves, wired to each other over SOAP without a bridge: the life of a case (INT-1, INT-4 … INT-7)."""

from datetime import timedelta

import pytest
from conftest import Pair, running_pair

from bridge.vocabulary.parties import Side
from simulators.exchange.quirks import Quirks

pytestmark = pytest.mark.live


def grid(pair: Pair, name: str, **params):
    result = pair.grid.act(name, params)
    come_to_rest(pair)
    return result


def urban(pair: Pair, name: str, **params):
    result = pair.urban.act(name, params)
    come_to_rest(pair)
    return result


def come_to_rest(pair: Pair) -> None:
    """Settle; with quirks receipts are held back for some seconds, which are then let pass."""
    pair.settle()
    for _ in range(60):
        dues = [due for due in (pair.grid.next_due, pair.urban.next_due) if due is not None]
        if not dues or min(dues) > pair.grid.clock.now() + timedelta(seconds=30):
            return
        for platform in (pair.grid, pair.urban):
            platform.steer(min(dues))
        pair.settle()


def hand_over(pair: Pair, description: str = "路边垃圾堆放") -> str:
    case = grid(pair, "worker.report", category="01", subcategory="02", description=description, photos=["roadside"])[
        "case"
    ]
    grid(pair, "workstation.hand_over", case=case)
    return case


def dispose(pair: Pair, case: str) -> None:
    urban(pair, "department.dispose", case=case, result="已清理", photos=["after"])


def to_verification(pair: Pair, case: str) -> None:
    urban(pair, "operator.file", case=case)
    urban(pair, "supervision.dispatch", case=case)
    urban(pair, "district.assign", case=case)
    dispose(pair, case)


def close(pair: Pair, case: str) -> None:
    grid(pair, "worker.verify", case=case, outcome="passed", photos=["checked"])
    grid(pair, "workstation.close", case=case)


def assert_closed_on_both_sides(pair: Pair, case: str) -> None:
    assert pair.grid.ask("case", {"case": case})["state"] == "closed"
    assert pair.urban.ask("case", {"case": case})["status"] == "closed"
    for platform in (pair.grid, pair.urban):
        forms = platform.ask("forms", {"case": case})
        assert forms
        assert {form["state"] for form in forms} == {"confirmed"}


@pytest.mark.parametrize("receipts", ["call", "response"])
def test_a_case_lives_and_closes_on_both_sides(receipts):
    with running_pair(None, receipts=receipts) as pair:
        case = hand_over(pair)
        to_verification(pair, case)
        assert pair.grid.ask("case", {"case": case})["state"] == "awaiting_verification"
        close(pair, case)
        assert_closed_on_both_sides(pair, case)


@pytest.mark.parametrize("receipts", ["call", "response"])
def test_it_does_so_with_every_quirk_too(receipts):
    with running_pair(None, quirks=Quirks(seed=11, calm=False), receipts=receipts) as pair:
        case = hand_over(pair)
        to_verification(pair, case)
        close(pair, case)
        assert_closed_on_both_sides(pair, case)


def test_a_rejected_case_goes_back_to_disposal():
    with running_pair(None) as pair:
        case = hand_over(pair)
        to_verification(pair, case)
        grid(pair, "worker.verify", case=case, outcome="not_passed")
        grid(pair, "workstation.reject", case=case, reason="仍有垃圾")
        assert pair.urban.ask("case", {"case": case})["stage"] == "department_disposal"
        dispose(pair, case)
        close(pair, case)
        assert_closed_on_both_sides(pair, case)


def test_each_side_may_be_restarted_in_the_middle(tmp_path):
    stores = tuple(tmp_path / f"{side.value}.db" for side in Side)
    with running_pair(None, stores=stores) as pair:
        case = hand_over(pair)
        to_verification(pair, case)
        for platform in (pair.grid, pair.urban):
            before = platform.ask("case", {"case": case})
            platform.stop()
            platform.start()
            assert platform.ask("case", {"case": case}) == before
        close(pair, case)
        assert_closed_on_both_sides(pair, case)


def test_handed_over_cases_can_be_queried():
    with running_pair(None) as pair:
        cases = [hand_over(pair, f"第 {number} 处垃圾") for number in range(3)]
        urban(pair, "operator.query")
        assert sorted(summary["case_number"] for summary in pair.urban.ask("cases", {})) == sorted(cases)
