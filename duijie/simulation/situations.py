"""What a case is waiting for: the situations of `people.toml`, each with how often the case has come into it.

Read off the books of both platforms, as the work lists there would show it.
"""

from collections.abc import Iterator

from bridge.vocabulary.stages import GridState, UrbanStage
from simulators.grid.casebook import GridCase
from simulators.urban.cases import ApplicationKind, UrbanCase
from simulators.urban.desk import CaseStatus

#: A situation, and a number that differs each time the case comes into it anew.
Situation = tuple[str, int]

_AT_GRID = {
    GridState.REPORTED: "reported",
    GridState.AWAITING_VERIFICATION: "to_verify",
    GridState.VERIFIED: "verified",
    GridState.VERIFICATION_FAILED: "failed",
}
_AT_STAGE = {
    UrbanStage.FILING_AND_DISPATCH: "to_dispatch",
    UrbanStage.DISTRICT_ASSIGNMENT: "to_assign",
    UrbanStage.DEPARTMENT_DISPOSAL: "to_dispose",
}
_TO_DECIDE = {
    ApplicationKind.RETURN: "return_to_decide",
    ApplicationKind.EXTENSION: "extension_to_decide",
    ApplicationKind.TRANSFER: "transfer_to_decide",
    ApplicationKind.FALSE_REPORT: "false_report_to_decide",
}


def at_grid(case: GridCase) -> Iterator[Situation]:
    """What waits on the grid platform."""
    name = _AT_GRID.get(case.state)
    if name == "verified" and case.satisfied:
        name = "satisfied"
    if name is not None:
        yield name, len(case.verifications)
    elif case.state is GridState.HANDED_OVER and not case.filed:
        yield "unfiled", 0
    if case.awaits_false_report_answer and case.false_report is not None:
        yield "false_report_to_answer", int(case.false_report.applied_at.timestamp())


def at_urban(case: UrbanCase) -> Iterator[Situation]:
    """What waits on the urban platform."""
    if case.status is CaseStatus.RECEIVED:
        yield "to_file", 0
        return
    if case.status is not CaseStatus.OPEN:
        return
    pending = False
    for number, application in enumerate(case.applications):
        if application.pending:
            pending = True
            yield _TO_DECIDE[application.kind], number
    name = _AT_STAGE.get(case.stage)
    if name is None or pending or case.false_report is not None:
        return
    if name == "to_dispose" and case.applications:
        name = "to_dispose_after_all"
    yield name, len(case.records) * 100 + len(case.applications)


def is_over(grid: GridCase, urban: UrbanCase | None) -> bool:
    """Whether nothing more can happen to the case on either side."""
    return grid.ended and (urban is None or urban.ended)
