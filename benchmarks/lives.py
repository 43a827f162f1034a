"""How many complete case lives a second does virtual time bring about on one core?

A life is what `scenarios/lifecycle/the-first-case.yaml` tells: eight acts of people, seven forms and their receipts over two hops each.
"""

import time

from bridge.vocabulary.parties import Party
from conformance.scenario.steps import Wiring
from duijie.profiles_io import read_profile
from duijie.virtual import VirtualStage

LIVES = 300
REPEATS = 3


def one_life(stage: VirtualStage, number: int) -> None:
    """Take one case from the report to the closing on both platforms."""
    report = {
        "category": "01",
        "subcategory": "02",
        "description": f"路边暴露垃圾 {number}",
        "photos": [f"photo-{number % 50}"],
    }
    case = {"case": stage.act(Party.GRID, "worker.report", report)["case"]}
    for party, act, more in (
        (Party.GRID, "workstation.hand_over", {}),
        (Party.URBAN, "operator.file", {}),
        (Party.URBAN, "supervision.dispatch", {}),
        (Party.URBAN, "district.assign", {}),
        (Party.URBAN, "department.dispose", {"result": "已清理", "photos": ["after"]}),
        (Party.GRID, "worker.verify", {"outcome": "passed", "photos": ["verified"]}),
        (Party.GRID, "workstation.close", {}),
    ):
        stage.act(party, act, case | more)
        stage.settle()


def measure(wiring: Wiring, lives: int = LIVES) -> float:
    """Lives a second in one run."""
    stage = VirtualStage(read_profile(None), wiring, 1)
    started = time.perf_counter()
    for number in range(lives):
        one_life(stage, number)
    return lives / (time.perf_counter() - started)


def main() -> None:
    """Print the median of some runs, with and without the bridge, and their ratio."""
    rates = {wiring: sorted(measure(wiring) for _ in range(REPEATS))[REPEATS // 2] for wiring in Wiring}
    bridged, direct = rates[Wiring.BRIDGED], rates[Wiring.DIRECT]
    print(f"lives: {bridged:.0f} full case lives a second with the bridge, {direct:.0f} without")
    print(f"lives: a life through the bridge costs {direct / bridged:.2f} of one without")
