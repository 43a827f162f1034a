"""What `given` does: the ordinary acts that bring a fresh case to a point of its life."""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.vocabulary.profile import Choices
from conformance.scenario.words import MILESTONES

Planned = tuple[str, dict[str, Any]]

_AFTER_REPORT = {
    "handed_over": "workstation.hand_over",
    "filed": "operator.file",
    "dispatched": "supervision.dispatch",
    "disposal": "district.assign",
}


def acts_to(params: Mapping[str, Any], choices: Choices) -> Iterator[Planned]:
    """The acts in order, after `worker.report`; the case itself is for the runner to fill in."""
    counted = 0
    at = str(params["at"])
    for milestone, act in _AFTER_REPORT.items():
        if MILESTONES.index(milestone) > MILESTONES.index(at):
            return
        yield act, {"district": params["district"]} if act == "supervision.dispatch" and "district" in params else {}
    for number in range(1, int(params.get("rejections", 0)) + 1):
        yield from _disposal(params, number)
        yield "worker.verify", {"outcome": "not_passed", "note": f"第{number}次核查未通过"}
        yield "workstation.reject", {"reason": f"第{number}次驳回:问题仍在"}
        counted += 1
        if counted > choices.max_rejections:
            # The case was filed and dispatched again (INT-8); a department has still to get it.
            yield "district.assign", {}
            counted = 0 if choices.counter_restarts_on_refiling else counted
    if at == "disposal":
        return
    yield from _disposal(params, 0)
    if at == "verification":
        return
    passed = at != "verification_failed"
    photos = [f"{params['case']}-verified"]
    yield "worker.verify", {"outcome": "passed" if passed else "not_passed", "photos": photos}
    if at == "closed":
        yield "workstation.close", {}


def report(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the report: what `given` says, and something of its own for the rest."""
    own = {key: value for key, value in params.items() if key not in ("case", "at", "rejections", "district")}
    name = str(params["case"])
    # Each case has words and pictures of its own, so that no two are duplicates by accident (EXC-1).
    defaults: dict[str, Any] = {
        "category": "01",
        "subcategory": "02",
        "description": f"路边有暴露垃圾({name})",
        "photos": [f"{name}-reported"],
    }
    return {"as": name} | defaults | own


def _disposal(params: Mapping[str, Any], number: int) -> Iterator[Planned]:
    name = params["case"]
    yield (
        "department.dispose",
        {"result": "已清理完毕", "photos": [f"{name}-disposed-{number}" if number else f"{name}-disposed"]},
    )
