"""What the grid platform shows, as values that JSON knows. Moments are in Asia/Shanghai."""

from typing import Any

from simulators.city.places import Cell
from simulators.city.town import Town
from simulators.exchange.views import moment, photos
from simulators.grid.casebook import FalseReport, GridCase, Verification


def summary(case: GridCase) -> dict[str, Any]:
    """Show a case as a line of a list."""
    return {
        "case_number": case.case_number,
        "state": case.state.value,
        "handed_over": case.handed_over,
        "urban_stage": None if case.urban_stage is None else case.urban_stage.value,
        "task_number": case.task_number,
        "category": case.category,
        "subcategory": case.subcategory,
        "description": case.description,
        "cell": case.cell.code,
        "department": case.department,
        "level": None if case.level is None else case.level.value,
        "reported_at": moment(case.reported_at),
        "due_at": moment(case.due_at),
    }


def case(case: GridCase) -> dict[str, Any]:
    """Show a case with everything that is known of it."""
    return {
        **summary(case),
        "source": case.source.value,
        "kind": case.kind.value,
        "grade": case.grade.value,
        "address": case.address,
        "component_code": case.component_code,
        "reported_by": case.reported_by,
        "reporter_name": case.reporter_name,
        "photos": photos(case.photos),
        "cancelled": case.cancelled,
        "filing_ordinal": case.filing_ordinal,
        "task_numbers": list(case.task_numbers),
        "rejections": case.rejections,
        "rejected": [
            {
                "at": moment(r.at),
                "filing_ordinal": r.filing_ordinal,
                "ordinal": r.ordinal,
                "cause": r.cause.value,
                "reason": r.reason,
            }
            for r in case.rejected
        ],
        "overdue_not_disposed": case.overdue_not_disposed,
        "dispatched_to": case.dispatched_to,
        "urban_department": case.urban_department,
        "decline_reason": case.decline_reason,
        "original_case_number": case.original_case_number,
        "closed_at": moment(case.closed_at),
        "satisfied": case.satisfied,
        "verification": None if case.verification is None else _verification(case.verification),
        "verifications": [_verification(v) for v in case.verifications],
        "false_report": None if case.false_report is None else _false_report(case.false_report),
        "history": [
            {"at": moment(h.at), "who": h.who, "role": h.role, "what": h.what, "detail": h.detail} for h in case.history
        ],
        "notes": list(case.notes),
    }


def _verification(round_: Verification) -> dict[str, Any]:
    return {
        "round": round_.round,
        "requested_at": moment(round_.requested_at),
        "disposal_result": round_.disposal_result,
        "disposal_photos": photos(round_.disposal_photos),
        "outcome": None if round_.outcome is None else round_.outcome.value,
        "verifier": round_.verifier,
        "verified_at": moment(round_.verified_at),
        "note": round_.note,
        "photos": photos(round_.photos),
    }


def _false_report(report: FalseReport) -> dict[str, Any]:
    return {
        "state": report.state.value,
        "reason": report.reason,
        "department": report.department,
        "applied_at": moment(report.applied_at),
        "photos": photos(report.photos),
        "answer_reason": report.answer_reason,
        "answered_at": moment(report.answered_at),
    }


def cell(place: Cell, town: Town) -> dict[str, Any]:
    """Show a cell with its attributes and its one worker (GRID-1)."""
    return {
        "code": place.code,
        "name": place.name,
        "district": place.district,
        "street": place.street,
        "community": place.community,
        "address": place.address,
        "households": place.households,
        "square_metres": place.area.area,
        "bounds": [place.area.left, place.area.bottom, place.area.right, place.area.top],
        "worker": place.worker,
        "worker_name": town.accounts[place.worker].person,
    }
