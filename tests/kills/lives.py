"""Cases and what is to become of them, driven by what the books say.

Nobody knows whether an act took place whose answer a kill swallowed. So there is no script: before each act the books of both platforms
are looked at, and what the case waits for there is done.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from bridge.vocabulary.parties import Party
from conformance.scenario.stage import StageRefused
from duijie.pair import Remote

#: Far more than lies between two acts of a set of lives; one that hangs ends here.
PATIENCE_SECONDS = 180.0
#: An answer of a party that is being killed just now.
GONE = (httpx.TransportError, ValueError)

Act = tuple[Party, str, dict[str, Any]]
#: What a party has of a case.
Seen = Mapping[str, Any]

#: How a case ends on the grid side and on the urban side.
_ENDS = {
    "closed": ("closed", "closed"),
    "declined": ("declined", "declined"),
    "withdrawn": ("withdrawn", "withdrawn"),
    "false report": ("closed_false_report", "closed_false_report"),
}


@dataclass(slots=True)
class Life:
    """One case, and what is to become of it: an end of `_ENDS`, `left open`, or `twin` for one of two equal cases."""

    name: str
    fate: str
    rejections: int = 0
    #: What the report says, where it is not the name: twins say the same.
    words: str | None = None
    supplement: bool = False
    case: str | None = field(default=None, init=False)
    end: str | None = field(default=None, init=False)

    def report(self) -> Act:
        """The act that the case begins with."""
        words = self.words or self.name
        params = {"category": "01", "subcategory": "02", "description": f"路边有暴露垃圾({words})", "photos": [words]}
        return Party.GRID, "worker.report", params

    def next_act(self, grid: Seen, urban: Seen | None) -> Act | None:
        """What the case waits for as far as people are concerned; None while forms are still to arrive."""
        state = grid["state"]
        if state == "reported":
            return Party.GRID, "workstation.hand_over", {}
        if urban is None:
            return None
        if state == "handed_over" and urban["status"] == "received":
            return self._before_filing(grid)
        if state == "handed_over" and urban["status"] == "open":
            return self._in_disposal(grid, urban)
        return self._verified(grid)

    def _before_filing(self, grid: Seen) -> Act:
        if self.supplement and not any(line["what"] == "supplemented" for line in grid["history"]):
            return Party.GRID, "workstation.supplement", {"note": "补充说明"}
        if self.fate == "declined":
            return Party.URBAN, "operator.decline", {"reason_code": "not_in_scope", "reason": "不属于受理范围"}
        if self.fate == "withdrawn":
            return Party.GRID, "workstation.withdraw", {"reason": "误报"}
        return Party.URBAN, "operator.file", {}

    def _in_disposal(self, grid: Seen, urban: Seen) -> Act | None:
        in_disposal = urban["stage"] == "department_disposal"
        if self.fate == "left open" and in_disposal:
            return None
        if self.fate == "false report" and in_disposal:
            return _false_report(grid, urban)
        return {
            "filing_and_dispatch": (Party.URBAN, "supervision.dispatch", {}),
            "district_assignment": (Party.URBAN, "district.assign", {}),
            "department_disposal": (Party.URBAN, "department.dispose", {"result": "已清理", "photos": ["after"]}),
        }.get(urban["stage"])

    def _verified(self, grid: Seen) -> Act | None:
        reject = grid["filing_ordinal"] == 1 and grid["rejections"] < self.rejections
        match grid["state"]:
            case "awaiting_verification":
                failed = reject and grid["rejections"] % 2 == 0
                return Party.GRID, "worker.verify", {"outcome": "not_passed" if failed else "passed"}
            case "verification_failed":
                return Party.GRID, "workstation.reject", {"reason": "问题仍在"}
            case "verified" if reject:
                return Party.GRID, "reporter.dissatisfied", {"reason": "没有清理干净"}
            case "verified":
                return Party.GRID, "workstation.close", {}
        return None

    def is_over(self, grid: Seen, urban: Seen | None) -> bool:
        """Whether both sides have it where it was to come to."""
        if urban is None:
            return False
        if self.fate == "left open":
            return bool(grid["urban_stage"] == urban["stage"] == "department_disposal")
        reached = (str(grid["state"]), str(urban["status"]))
        wanted = (_ENDS["closed"], _ENDS["declined"]) if self.fate == "twin" else (_ENDS[self.fate],)
        self.end = reached[1] if reached in wanted else None
        return self.end is not None


def _false_report(grid: Seen, urban: Seen) -> Act | None:
    application = next((each for each in urban["applications"] if each["kind"] == "false_report"), None)
    if application is None:
        return Party.URBAN, "department.apply_false_report", {"reason": "现场无此问题", "photos": ["empty_site"]}
    if application["decision"] == "applied":
        return Party.URBAN, "city_verifier.decide_false_report", {"grant": True}
    if grid["false_report"] is not None and grid["false_report"]["state"] == "to_answer":
        return Party.GRID, "workstation.answer_false_report", {"confirmed": True}
    return None


#: Each kind of life that a sweep goes through, by its name.
KINDS: Mapping[str, Callable[[str], list[Life]]] = {
    "plain": lambda name: [Life(name, "closed")],
    "rejected": lambda name: [Life(name, "closed", rejections=1)],
    "twins": lambda name: [Life(f"{name}甲", "twin", words=name), Life(f"{name}乙", "twin", words=name)],
    "false report": lambda name: [Life(name, "false report")],
    "declined": lambda name: [Life(name, "declined", supplement=True)],
    "withdrawn": lambda name: [Life(name, "withdrawn")],
}


def any_life(name: str, choose: random.Random) -> Life:
    """A life as chance has it."""
    fate = choose.choice(["closed"] * 6 + ["declined", "withdrawn", "false report", "left open"])
    rejections = choose.choice([0, 0, 1, 2, 4]) if fate == "closed" else 0
    return Life(name, fate, rejections, supplement=choose.random() < 0.3)


def live(
    remotes: Mapping[Party, Remote],
    lives: Iterable[Life],
    *,
    after: Callable[[int], None] = lambda _: None,
    between: Callable[[], None] = lambda: None,
) -> None:
    """Let the lives take their course, interleaved; `after` is told of each act by its number, `between` is called every round."""
    moved, done, going = time.monotonic(), 0, list(lives)
    while going:
        if time.monotonic() - moved > PATIENCE_SECONDS:
            raise TimeoutError("not over: " + "; ".join(_where(remotes, life) for life in going))
        before = done
        for life in list(going):
            with suppress(*GONE):
                act = life.report()
                if life.case is not None:
                    grid, urban = (_case(remotes, party, life.case) for party in (Party.GRID, Party.URBAN))
                    if grid is None:
                        raise AssertionError(f"{life.case} is gone")
                    if life.is_over(grid, urban):
                        going.remove(life)
                        continue
                    found = life.next_act(grid, urban)
                    if found is None:
                        continue
                    act = (*found[:2], {"case": life.case, **found[2]})
                done += 1
                after(done)
                _do(remotes, life, act)
        between()
        if done == before:
            time.sleep(0.02)
        else:
            moved = time.monotonic()


def _do(remotes: Mapping[Party, Remote], life: Life, act: Act) -> None:
    try:
        result = remotes[act[0]].act(act[1], act[2])
    except StageRefused as refused:
        # An act of which the answer was swallowed did take place, and a full disk asks for patience; a mistake of ours is neither.
        if refused.code in ("bad_value", "unknown_act"):
            raise
    else:
        life.case = life.case or result["case"]


def _where(remotes: Mapping[Party, Remote], life: Life) -> str:
    grid = urban = None
    if life.case is not None:
        with suppress(*GONE):
            grid, urban = (_case(remotes, party, life.case) for party in (Party.GRID, Party.URBAN))
    stands = f"grid {grid['state'] if grid else 'nothing'}, urban {(urban['stage'] or urban['status']) if urban else 'nothing'}"
    return f"{life.name} ({life.case}, {life.fate}): {stands}"


def _case(remotes: Mapping[Party, Remote], party: Party, case: str) -> Seen | None:
    try:
        found: Seen = remotes[party].ask("case", {"case": case})
    except StageRefused as refused:
        if refused.code != "unknown_case":
            raise ValueError(refused.code) from refused
        return None
    return found
