"""How long do the console's pages take when the platforms have very many cases?

`CONSOLE_CASES` (1,000,000) cases stand in both platforms' books; one in a hundred waits for the urban operator, the others are over. They are made by
taking a few lived ones in as often as needed, under numbers of their own, because living a million lives takes hours; what a page reads is the same. Each
page is fetched ten times with few cases and with many; both medians are printed, and their ratio.
"""

import copy
import os
import statistics
import time
from typing import Any

from bridge.vocabulary.parties import Party, Side
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.console.app import console_app
from duijie.console.shown import Shown
from duijie.profiles_io import read_profile
from duijie.steering import Steered, Steering
from duijie.virtual import VirtualStage

CASES = int(os.environ.get("CONSOLE_CASES", "1000000"))
FEW = 1_000
UNDER_WAY = 40
TIMES = 10
#: The way of an ordinary case to its end.
_WAY = (
    (Party.GRID, "workstation.hand_over", {}),
    (Party.URBAN, "operator.file", {}),
    (Party.URBAN, "supervision.dispatch", {}),
    (Party.URBAN, "district.assign", {}),
    (Party.URBAN, "department.dispose", {"result": "已清理", "photos": ["after"]}),
    (Party.GRID, "worker.verify", {"outcome": "passed", "photos": ["seen"]}),
    (Party.GRID, "workstation.close", {}),
)


class _Looking:
    def __init__(self, stage: VirtualStage, party: Party):
        self._stage, self._party = stage, party

    def act(self, name: str, params: Any, by: str | None = None) -> dict[str, Any]:
        raise NotImplementedError

    def ask(self, name: str, params: Any) -> Any:
        return self._stage.look(self._party, name, params)


def main() -> None:
    """Print milliseconds for each page with few and with many cases."""
    stage = VirtualStage(read_profile(None), Wiring.BRIDGED, 1, Quirkiness())
    done = _lived(stage, "第 0 处垃圾", _WAY)
    waiting = [_lived(stage, f"待办的第 {number} 处垃圾", _WAY[: number % 6]) for number in range(UNDER_WAY)]
    steering = Steering(stage, steered=True)
    shown = Shown(
        parties={party: Steered(steering, party, _Looking(stage, party)) for party in Party},
        records=lambda: stage.trace.records,
        # Cases that were taken in count as something that has crossed: figures are counted anew.
        crossed=lambda: len(stage.trace) + len(stage.machine(Side.URBAN).cases),  # type: ignore[attr-defined]
        steering=steering,
        language="zh",
    )
    client = console_app(shown, "k").test_client()
    client.get("/?key=k")
    pages = {
        "overview": "/",
        "second page": "/?skip=50",
        "what waits at each": "/waiting",
        "a desk": "/desk/urban/department",
        "a worker's desk": "/desk/grid/worker?account=worker-340202001001001",
        "a case": f"/case/{waiting[5]}",
        "a case that is over": f"/case/{done}",
        "an act": "/act/worker.report",
        "bridge": "/bridge",
        "steering": "/steering",
        "figures": "/figures",
        "sign in": "/sign-in",
    }
    few = many = {}
    for number in (FEW, CASES):
        _fill(stage, waiting[1], number // 100 if number == CASES else 0)
        _fill(stage, done, number)
        few, many = many, {name: _median(client, address) for name, address in pages.items()}
    print(f"console: {CASES:,} cases in the books of each platform, {CASES // 100:,} of them under way")
    for name in pages:
        print(f"  {name:22} {few[name]:7.1f} ms with {FEW:,}   {many[name]:7.1f} ms   ×{many[name] / few[name]:.2f}")


def _lived(stage: VirtualStage, description: str, way: Any) -> str:
    told = {"category": "01", "subcategory": "02", "description": description, "photos": ["before"]}
    case = str(stage.act(Party.GRID, "worker.report", told)["case"])
    stage.settle()
    for party, act, params in way:
        stage.act(party, act, {"case": case, **params})
        stage.settle()
    return case


def _fill(stage: VirtualStage, case: str, number: int) -> None:
    """Take the finished case in until each platform has so many."""
    for side in Side:
        cases: Any = stage.machine(side).cases  # type: ignore[attr-defined]
        first = cases[case]
        for serial in range(len(cases), number):
            again = copy.copy(first)
            again.case_number = f"340202-20250101-{serial:07}"
            cases[again.case_number] = again


def _median(client: Any, address: str) -> float:
    client.get(address)
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = client.get(address)
        taken.append(1_000 * (time.perf_counter() - began))
        assert answer.status_code == 200, (address, answer.status_code)
    return statistics.median(taken)
