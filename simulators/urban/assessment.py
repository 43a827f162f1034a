"""The monthly assessment, and the same figures for everything (INT-3, INT-8, EXC-5).

A figure counts the cases in whose period the thing counted happened, or was due; a period is half open. Cases that the grid
platform handed over are left out of the assessment and of nothing else. Disposal counts for the place that really had the case.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.vocabulary.codes import Decision
from bridge.vocabulary.times import SHANGHAI
from simulators.urban.cases import ApplicationKind, Disposal, DisposalEnd, UrbanCase
from simulators.urban.desk import CaseStatus


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to, and without, another."""

    start: datetime
    end: datetime

    @classmethod
    def of_month(cls, month: str) -> "Period":
        """Return the calendar month written like `2026-03`; ValueError when it is not."""
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=SHANGHAI)
        years, month_index = divmod(start.month, 12)
        return cls(start, start.replace(year=start.year + years, month=month_index + 1))

    def holds(self, moment: datetime | None) -> bool:
        """Whether the moment lies in the period."""
        return moment is not None and self.start <= moment < self.end


_Test = Callable[[UrbanCase, Period], bool]


def _due(stretch: Disposal, period: Period) -> bool:
    """Whether this stretch of disposal was due here: one that was transferred away or proved false was nobody's failure."""
    return period.holds(stretch.present_due_at) and stretch.ending in {None, DisposalEnd.DISPOSED}


def _on_time(stretch: Disposal) -> bool:
    return stretch.ended_at is not None and stretch.ended_at <= stretch.present_due_at


#: Figures about a case as a whole.
_CASE_FIGURES: dict[str, _Test] = {
    "received": lambda case, period: period.holds(case.received_at),
    "filed": lambda case, period: any(period.holds(filing.filed_at) for filing in case.filings),
    "refiled": lambda case, period: any(period.holds(filing.filed_at) for filing in case.filings[1:]),
    "declined": lambda case, period: case.status is CaseStatus.DECLINED and period.holds(case.closed_at),
    "closed": lambda case, period: case.status is CaseStatus.CLOSED and period.holds(case.closed_at),
    "closed_false_report": lambda case, period: (
        case.status is CaseStatus.CLOSED_FALSE_REPORT and period.holds(case.closed_at)
    ),
    "returned": lambda case, period: any(
        a.kind is ApplicationKind.RETURN and a.decision is Decision.GRANTED and period.holds(a.decided_at)
        for a in case.applications
    ),
}


def _stretch_figures(stretches: Iterable[tuple[str, Disposal]], period: Period, now: datetime) -> dict[str, Any]:
    """Figures about stretches of disposal; a case with two of them stands in a list twice."""
    lists: dict[str, list[str]] = {
        name: [] for name in ("due", "on_time", "late", "not_disposed", "rework", "extended")
    }
    for case_number, stretch in stretches:
        if not _due(stretch, period):
            continue
        lists["due"].append(case_number)
        if stretch.overdue_not_disposed or (stretch.ended_at is None and stretch.present_due_at <= now):
            lists["not_disposed"].append(case_number)
        elif _on_time(stretch):
            lists["on_time"].append(case_number)
        elif stretch.ended_at is not None:
            lists["late"].append(case_number)
        if stretch.rework:
            lists["rework"].append(case_number)
        if stretch.extended:
            lists["extended"].append(case_number)
    return {name: {"count": len(cases), "cases": cases} for name, cases in lists.items()}


def _figures(cases: Sequence[UrbanCase], period: Period, now: datetime) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, test in _CASE_FIGURES.items():
        listed = [case.case_number for case in cases if test(case, period)]
        figures[name] = {"count": len(listed), "cases": listed}
    stretches = ((case.case_number, stretch) for case in cases for stretch in case.disposals)
    return {**figures, **_stretch_figures(stretches, period, now)}


def _by_place(cases: Sequence[UrbanCase], period: Period, now: datetime) -> dict[str, Any]:
    """Give the same for each department that really disposed (EXC-5)."""
    places: dict[str, list[tuple[str, Disposal]]] = {}
    for case in cases:
        for stretch in case.disposals:
            places.setdefault(stretch.department, []).append((case.case_number, stretch))
    return {
        department: {"district": stretches[0][1].district, **_stretch_figures(stretches, period, now)}
        for department, stretches in sorted(places.items())
    }


def report(cases: Sequence[UrbanCase], period: Period, now: datetime) -> dict[str, Any]:
    """Return the assessment (native cases) beside the figures of all cases, each number with its list (INT-3)."""
    native = [case for case in cases if not case.transferred]
    return {
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        "assessed": {**_figures(native, period, now), "by_department": _by_place(native, period, now)},
        "all": {**_figures(cases, period, now), "by_department": _by_place(cases, period, now)},
        "excluded": [case.case_number for case in cases if case.transferred],
    }
