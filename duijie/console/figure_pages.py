"""Figures of the running pair: the statistics of both offices from the urban platform's books, each number with its cases."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pygal
from flask import Flask, Response, request
from pygal.style import Style

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI, in_shanghai
from conformance.oracle.trace import moment
from duijie.city_tables import read_tables
from duijie.console.pages import Pages
from duijie.figures.books import case_from_books
from duijie.figures.cases import Case
from duijie.figures.period import Period
from duijie.figures.sections import Edition, sections_for
from duijie.figures.tally import KeptLists, tally
from duijie.profiles_io import read_profile
from duijie.report import deadlines
from duijie.reports.names import Names
from duijie.reports.sheets import report_of, shown
from simulators.urban.calendar import CalendarUnknown

#: Lines of a list on one page.
LINES_PAGE = 200
_COLOURS = Style(colors=("#70ad47", "#ffc000", "#c00000", "#0b4f9e", "#7a3e9d"), font_family="sans-serif")
#: Shares that stand in one bar.
_BARS = ("on_time", "late", "not_disposed")


def figure_pages(app: Flask, at: Pages, profile: Profile | None = None) -> None:
    """The tables, the chart, and the list behind each number."""
    held = profile or read_profile(None)

    @app.get("/figures")
    def figures() -> Any:
        period, edition, trouble = _asked(at)
        if trouble is not None:
            told = at.page(
                "figures.html", trouble=trouble, report=None, period=request.args.get("period", ""), edition=edition
            )
            return Response(told, 400)
        try:
            report, _ = _counted(at, held, period, edition)
        except CalendarUnknown as unknown:
            trouble = ("calendar_unknown", unknown.message_zh, unknown.message_en)
            told = at.page("figures.html", trouble=trouble, report=None, period=period.name, edition=edition)
            return Response(told, 409)
        return at.page("figures.html", trouble=None, report=report, period=period.name, edition=edition, shown=shown)

    @app.get("/figures/list/<indicator>")
    def figure_list(indicator: str) -> Any:
        period, edition, trouble = _asked(at)
        if trouble is not None:
            return Response(at.page("refused.html", trouble=trouble), 400)
        report, lists = _counted(at, held, period, edition)
        column = next((c for sheet in report.sheets for c in sheet.columns if c.id == indicator), None)
        if column is None:
            return Response(at.page("missing.html", number=indicator), 404)
        lines = lists.lines.get(indicator, [])
        start = max(0, request.args.get("from", 0, type=int))
        return at.page(
            "figure_list.html",
            column=column,
            lines=lines[start : start + LINES_PAGE],
            count=len(lines),
            start=start,
            step=LINES_PAGE,
            period=period.name,
            edition=edition,
        )

    @app.get("/figures/chart.svg")
    def chart() -> Any:
        period, edition, trouble = _asked(at)
        if trouble is not None:
            return Response("", 400)
        report, _ = _counted(at, held, period, edition)
        drawn = pygal.StackedBar(style=_COLOURS, height=320, width=900, legend_at_bottom=True, pretty_print=False)
        sheet = next((s for s in report.sheets if s.labels and set(_BARS) <= {c.id for c in s.columns}), None)
        if sheet is not None:
            drawn.title = sheet.title
            drawn.x_labels = [" ".join(labels) for labels, _ in sheet.rows]
            for name in _BARS:
                place = next(number for number, column in enumerate(sheet.columns) if column.id == name)
                drawn.add(sheet.columns[place].heading, [values[place] or 0 for _, values in sheet.rows])
        answer = Response(drawn.render(), mimetype="image/svg+xml")
        answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return answer


def _asked(at: Pages) -> tuple[Period, Edition, tuple[str, str, str] | None]:
    """The period and edition that were asked for; the month of the latest report by default."""
    try:
        edition = Edition(request.args.get("edition", Edition.CITY_BUREAU.value))
    except ValueError:
        edition = Edition.CITY_BUREAU
    this_month = f"{_latest(at):%Y-%m}"
    text = request.args.get("period", "").strip() or this_month
    try:
        return Period.read(text), edition, None
    except ValueError:
        trouble = ("bad_period", f"看不懂统计期 {text};可写 2026-03", f"{text} is no period; write 2026-03")
        return Period.read(this_month), edition, trouble


def _latest(at: Pages) -> datetime:
    steering = at.shown.steering
    if steering is not None:
        return in_shanghai(steering.now)
    last = at.ask(Party.URBAN, "cases", last=1)
    received = moment(last[0].get("received_at")) if last else None
    return in_shanghai(received) if received is not None else datetime.now(SHANGHAI)


def _cases(at: Pages) -> Iterator[Case]:
    for row in at.ask(Party.URBAN, "cases") or ():
        book = at.ask(Party.URBAN, "case", case=row["case_number"])
        if book is not None:
            yield case_from_books(book)


def _counted(at: Pages, profile: Profile, period: Period, edition: Edition) -> tuple[Any, KeptLists]:
    tables, lists = read_tables(None), KeptLists()
    names = Names(tables, at.language())
    counted = tally(
        _cases(at),
        period,
        sections_for(edition, None),
        deadlines(profile, tables),
        lambda operator: tables.company_of(operator) if operator else "",
        lists,
    )
    return report_of(counted, edition, names, _latest(at)), lists
