"""Figures of the running pair: the statistics of both offices from the urban platform's books, each number with its cases."""

import threading
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
from duijie.console.pages import Pages, Trouble
from duijie.figures.books import case_from_books
from duijie.figures.cases import Case
from duijie.figures.period import Period
from duijie.figures.sections import Edition, sections_for
from duijie.figures.tally import KeptLists, tally
from duijie.profiles_io import read_profile
from duijie.report import deadlines
from duijie.reports.names import Names
from duijie.reports.sheets import Report, report_of, shown
from simulators.urban.calendar import CalendarUnknown

#: Seconds that a page waits for its figures before it says that they are being counted.
PATIENCE_SECONDS = 0.1
#: Cases that are asked for at a time, and countings that are kept.
_BATCH = 20_000
_KEPT_MAX = 6
#: Lines of a list on one page.
LINES_PAGE = 200
_COLOURS = Style(colors=("#70ad47", "#ffc000", "#c00000", "#0b4f9e", "#7a3e9d"), font_family="sans-serif")
#: Shares that stand in one bar.
_BARS = ("on_time", "late", "not_disposed")


class Counting:
    """The figures of one period and edition, counted in a thread of its own, because a city has a million cases."""

    def __init__(self, at: Pages, profile: Profile, period: Period, edition: Edition, crossed: int):
        self._at, self._profile, self._period, self._edition = at, profile, period, edition
        #: How much had crossed when it began: later, it is counted anew.
        self.crossed = crossed
        self.done = 0
        self.result: tuple[Report, KeptLists] | None = None
        self.trouble: Trouble | None = None
        self._language = at.language()
        self._over = threading.Event()
        threading.Thread(target=self._count, name="figures", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether it is over, at the latest after so long."""
        return self._over.wait(seconds)

    def _count(self) -> None:
        tables, lists = read_tables(None), KeptLists()
        try:
            counted = tally(
                self._cases(),
                self._period,
                sections_for(self._edition, None),
                deadlines(self._profile, tables),
                lambda operator: tables.company_of(operator) if operator else "",
                lists,
            )
            self.result = report_of(counted, self._edition, Names(tables, self._language), _latest(self._at)), lists
        except CalendarUnknown as unknown:
            self.trouble = ("calendar_unknown", unknown.message_zh, unknown.message_en)
        except Exception as broken:
            # Nobody else hears of what goes wrong in this thread.
            self.trouble = ("not_counted", f"统计未能完成:{broken!r}", f"the figures could not be counted: {broken!r}")
        finally:
            self._over.set()

    def _cases(self) -> Iterator[Case]:
        at, skip = self._at, 0
        while rows := at.ask(Party.URBAN, "cases", last=_BATCH, skip=skip):
            skip += len(rows)
            for row in rows:
                book = at.ask(Party.URBAN, "case", case=row["case_number"])
                self.done += 1
                if book is not None:
                    yield case_from_books(book)


class _Counted:
    """The latest countings, each for its period, edition and language."""

    def __init__(self, at: Pages, profile: Profile):
        self._at, self._profile = at, profile
        self._kept: dict[tuple[str, Edition, str], Counting] = {}
        self._lock = threading.Lock()

    def of(self, period: Period, edition: Edition) -> Counting:
        """The counting that was begun, if nothing has crossed since it was over, else a new one."""
        key, crossed = (period.name, edition, self._at.language()), self._at.shown.count
        with self._lock:
            found = self._kept.get(key)
            if found is None or (found.crossed != crossed and found.wait(0)):
                found = self._kept[key] = Counting(self._at, self._profile, period, edition, crossed)
                while len(self._kept) > _KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
        found.wait(PATIENCE_SECONDS)
        return found


def figure_pages(app: Flask, at: Pages, profile: Profile | None = None) -> None:
    """The tables, the chart, and the list behind each number."""
    counted = _Counted(at, profile or read_profile(None))

    def waiting(found: Counting) -> str:
        return at.page("counting.html", done=found.done)

    @app.get("/figures")
    def figures() -> Any:
        period, edition, trouble = _asked(at)
        if trouble is not None:
            wrong = request.args.get("period", "")
            return Response(at.page("figures.html", trouble=trouble, report=None, period=wrong, edition=edition), 400)
        found = counted.of(period, edition)
        if found.trouble is not None:
            told = at.page("figures.html", trouble=found.trouble, report=None, period=period.name, edition=edition)
            return Response(told, 409)
        if found.result is None:
            return waiting(found)
        report, _ = found.result
        return at.page("figures.html", trouble=None, report=report, period=period.name, edition=edition, shown=shown)

    @app.get("/figures/list/<indicator>")
    def figure_list(indicator: str) -> Any:
        period, edition, trouble = _asked(at)
        found = counted.of(period, edition) if trouble is None else None
        if found is None or found.trouble is not None:
            return Response(at.page("refused.html", trouble=trouble or (found and found.trouble)), 400)
        if found.result is None:
            return waiting(found)
        report, lists = found.result
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
        found = counted.of(period, edition) if trouble is None else None
        if found is None or found.result is None:
            return Response("", 409)
        drawn = pygal.StackedBar(style=_COLOURS, height=320, width=900, legend_at_bottom=True, pretty_print=False)
        sheet = next((s for s in found.result[0].sheets if s.labels and set(_BARS) <= {c.id for c in s.columns}), None)
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
