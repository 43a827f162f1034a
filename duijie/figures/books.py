"""From the urban platform's own books to cases: its answers to `case`, native cases among them (URBAN-3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from duijie.figures.cases import Case, Filing, Return, Stretch, Verification, moment

Answer = Mapping[str, Any]


def case_from_books(answer: Answer) -> Case:
    """The case that the platform's answer tells."""
    data = answer["data"]
    case = Case(answer["case_number"], answer["origin"], moment(answer["received_at"]))
    for name in ("source", "kind", "category", "subcategory", "grade", "district", "street"):
        setattr(case, name, str(data[name] or ""))
    _outcome(case, answer)
    case.filings = [_filing(row) for row in answer["filings"]]
    given_up = {filing.task: filing.given_up_at for filing in case.filings}
    tasks = {row["ordinal"]: row["task_number"] for row in answer["filings"]}
    for row in answer["disposals"]:
        task = tasks.get(row["filing_ordinal"], "")
        case.disposals.append(_stretch(row, task, given_up.get(task)))
    _history(case, answer)
    return case


def _outcome(case: Case, answer: Answer) -> None:
    status, at = answer["status"], answer["closed_at"]
    if at is None:
        return
    if status == "declined":
        case.declined_at, case.decline_reason = moment(at), str(answer["decline_reason"] or "")
        case.declined_by = next((line["who"] for line in answer["history"] if line["what"] == "declined"), "")
    elif status == "withdrawn":
        case.withdrawn_at = moment(at)
    elif status in ("closed", "closed_false_report"):
        case.closed_at = moment(at)
        case.closing = "normal" if status == "closed" else "false_report"


def _filing(row: Answer) -> Filing:
    filing = Filing(row["task_number"], moment(row["filed_at"]), row["filed_by"])
    if row["outcome"] == "overdue_not_disposed":
        filing.given_up_at = moment(row["ended_at"])
    return filing


def _stretch(row: Answer, task: str, given_up_at: datetime | None) -> Stretch:
    ended = row["ended_at"]
    return Stretch(
        row["district"],
        row["department"],
        moment(row["started_at"]),
        moment(row["due_at"]),
        task,
        row["rework"],
        None if ended is None else moment(ended),
        row["ending"] or "",
        [(moment(granted), moment(due)) for granted, due in row["extended"]],
        given_up_at if row["overdue_not_disposed"] else None,
    )


def _history(case: Case, answer: Answer) -> None:
    """What only the history says, in its order: dispatches, returns, verifications, rejections."""
    filing: Filing | None = None
    filings = iter(case.filings)
    returns = iter([a["place"] for a in answer["applications"] if a["kind"] == "return" and a["decision"] == "granted"])
    disposed_at: datetime | None = None
    for line in answer["history"]:
        what, at = line["what"], moment(line["at"])
        if what == "filed":
            filing = next(filings, None)
        elif what == "dispatched" and filing is not None and filing.dispatched_at is None:
            filing.dispatched_at, filing.district = at, line["detail"]
        elif what == "granted_return" and filing is not None:
            case.returns.append(Return(at, next(returns, ""), filing.task))
        elif what == "disposed":
            disposed_at = at
        elif what == "verified":
            case.verifications.append(Verification(at, line["detail"] == "passed", disposed_at))
        elif what == "rejected":
            case.rejections.append(at)
