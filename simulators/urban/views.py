"""What the platform shows, as values that JSON knows. Moments are in Asia/Shanghai."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from simulators.exchange.views import moment, photos
from simulators.urban.cases import UrbanCase


def summary(case: UrbanCase) -> dict[str, Any]:
    """Show a case as a line of a list."""
    return {
        "case_number": case.case_number,
        "origin": case.origin.value,
        "status": case.status.value,
        "stage": case.stage.value,
        "task_number": None if case.filing is None else case.filing.task_number,
        "category": case.data.category,
        "subcategory": case.data.subcategory,
        "description": case.data.description,
        "own_district": case.data.district,
        "district": case.district,
        "department": case.department,
        "received_at": moment(case.received_at),
        "disposal_due_at": moment(case.disposal_due_at),
    }


def case(case: UrbanCase) -> dict[str, Any]:
    """Show a case with everything that is known of it."""
    filing = case.filing
    data = {name: moment(value) if isinstance(value, datetime) else value for name, value in asdict(case.data).items()}
    return {
        **summary(case),
        "source": case.data.source.value,
        "data": data,
        "photos": photos(case.photos),
        "notes": list(case.notes),
        "filing_ordinal": 0 if filing is None else filing.ordinal,
        "rejections": 0 if filing is None else filing.rejections,
        "filings": [
            {
                "task_number": f.task_number,
                "ordinal": f.ordinal,
                "filed_at": moment(f.filed_at),
                "filed_by": f.filed_by,
                "ended_at": moment(f.ended_at),
                "outcome": None if f.outcome is None else f.outcome.value,
                "rejections": f.rejections,
            }
            for f in case.filings
        ],
        "disposal_started_at": moment(case.disposal_started_at),
        "verification": None if case.verification is None else case.verification.value,
        "decline_reason": None if case.decline_reason is None else case.decline_reason.value,
        "original_case_number": case.original_case_number,
        "closed_at": moment(case.closed_at),
        "stages": [
            {
                "stage": r.stage.value,
                "filing_ordinal": r.filing_ordinal,
                "entered_at": moment(r.entered_at),
                "completed_at": moment(r.completed_at),
                "handler": r.handler,
                "automatic": r.automatic,
                "result": r.result,
                "note": r.note,
                "photos": photos(r.photos),
            }
            for r in case.records
        ],
        "disposals": [
            {
                "district": d.district,
                "department": d.department,
                "started_at": moment(d.started_at),
                "due_at": moment(d.due_at),
                "filing_ordinal": d.filing_ordinal,
                "rework": d.rework,
                "extended": [[moment(granted), moment(due)] for granted, due in d.extended],
                "ended_at": moment(d.ended_at),
                "ending": None if d.ending is None else d.ending.value,
                "overdue_not_disposed": d.overdue_not_disposed,
            }
            for d in case.disposals
        ],
        "applications": [
            {
                "kind": a.kind.value,
                "decision": a.decision.value,
                "reason": a.reason,
                "at": moment(a.at),
                "by": a.by,
                "place": a.place,
                "decided_at": moment(a.decided_at),
                "decided_by": a.decided_by,
                "decision_reason": a.decision_reason,
                "awaits_grid": a.awaits_grid,
                "to_district": a.to_district,
                "to_department": a.to_department,
                "hours": a.hours,
                "photos": photos(a.photos),
            }
            for a in case.applications
        ],
        "history": [
            {"at": moment(h.at), "who": h.who, "role": h.role, "what": h.what, "detail": h.detail} for h in case.history
        ],
    }
