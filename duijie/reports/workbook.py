"""A report as a workbook, the way an office prints it: a cover, a sheet a table with its total and its chart, and a sheet a list.

Rows are written one after another and go to disk at once (`constant_memory`), so lists may be long. A sheet holds 1,048,576 rows at
the most; a longer list goes on in the next sheet.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from duijie.console_text import say
from duijie.exits import UserMistake
from duijie.reports.lists import FileLists, headings
from duijie.reports.sheets import Report, Sheet
from duijie.reports.table_files import definitions

#: Rows of a list on one sheet: what Excel holds, less the two above the first line.
ROWS_MAX = 1_048_576 - 2
#: Rows of a chart at the most; more cannot be read on paper.
_CHARTED = 24
#: Lines of lists between two movements of the progress line.
_BEAT = 500
_RED = "#C00000"


class Workbook:
    """One workbook under way."""

    def __init__(self, path: Path, report: Report, lists: FileLists, moved: Callable[[int], None]):
        """`moved` is told of lines of lists as they are written."""
        self._report = report
        self._lists = lists
        self._moved = moved
        self._path = path
        self._book: Any = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self._book.set_properties({"title": report.title, "subject": report.period})
        font = {"font_name": "宋体", "font_size": 11}
        boxed = {**font, "border": 1}
        self._title = self._book.add_format({**font, "font_size": 18, "bold": True, "align": "center"})
        self._plain = self._book.add_format(font)
        self._wrap = self._book.add_format({**boxed, "text_wrap": True, "valign": "top"})
        self._heading = self._book.add_format(
            {**boxed, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True, "bg_color": "#DDEBF7"}
        )
        self._label = self._book.add_format(boxed)
        self._count = self._book.add_format({**boxed, "num_format": "#,##0"})
        self._rate = self._book.add_format({**boxed, "num_format": "0.00%"})
        self._total_label = self._book.add_format({**boxed, "bold": True})
        self._total_count = self._book.add_format({**boxed, "bold": True, "num_format": "#,##0"})
        self._total_rate = self._book.add_format({**boxed, "bold": True, "num_format": "0.00%"})
        self._wrong = self._book.add_format({**font, "font_color": _RED})

    def write(self) -> None:
        """Write everything, and close the file."""
        try:
            self._cover()
            for sheet in self._report.sheets:
                self._table(sheet)
            for indicator in self._report.listed:
                self._list(indicator)
            self._definitions()
            self._book.close()
        except (FileCreateError, OSError) as error:
            cause = error if isinstance(error, OSError) else OSError(*error.args)
            raise UserMistake.unwritable(self._path, cause) from error

    def _cover(self) -> None:
        page = self._page(say(self._report.language, "封面", "cover"))
        page.set_column(0, 0, 8)
        page.set_column(1, 1, 44)
        page.set_column(2, 2, 40)
        page.merge_range(0, 0, 0, 2, self._report.title, self._title)
        page.write(1, 0, self._report.period, self._plain)
        page.write(2, 0, self._report.made_from, self._plain)
        row = 4
        for number, sheet in enumerate(self._report.sheets, 1):
            page.write(row, 0, number, self._label)
            page.write_url(row, 1, f"internal:'{sheet.title[:31]}'!A1", self._label, sheet.title)
            page.write(row, 2, sheet.section.clause, self._label)
            row += 1
        for line in self._report.slips:
            page.write(row + 1, 0, say(self._report.language, "不平:", "does not add up: ") + line, self._wrong)
            row += 1

    def _table(self, sheet: Sheet) -> None:
        page = self._page(sheet.title)
        upright = not sheet.labels
        width = 3 if upright else len(sheet.labels) + len(sheet.columns)
        page.set_column(0, max(len(sheet.labels) - 1, 0), 22)
        page.set_column(1, 1, 16 if upright else 22)
        if upright:
            page.set_column(2, 2, 60)
        page.merge_range(0, 0, 0, width - 1, f"{self._report.title} · {sheet.title}", self._title)
        page.write(1, 0, self._report.period, self._plain)
        if upright:
            self._upright(page, sheet)
        else:
            self._wide(page, sheet)

    def _upright(self, page: Any, sheet: Sheet) -> None:
        language = self._report.language
        for column, words in enumerate((("指标", "figure"), ("数值", "value"), ("定义", "what it means"))):
            page.write(2, column, say(language, *words), self._heading)
        for row, (figure, value) in enumerate(zip(sheet.columns, sheet.total, strict=True), 3):
            self._name(page, row, 0, figure.id, figure.heading, self._label)
            self._number(page, row, 1, value, self._rate if figure.rate else self._count)
            page.write(row, 2, figure.means, self._wrap)

    def _wide(self, page: Any, sheet: Sheet) -> None:
        labels, language = len(sheet.labels), self._report.language
        page.freeze_panes(3, labels)
        page.repeat_rows(2)
        for place, label in enumerate(sheet.labels):
            page.write(2, place, label, self._heading)
        for place, column in enumerate(sheet.columns, labels):
            self._name(page, 2, place, column.id, column.heading, self._heading)
            page.write_comment(2, place, column.means)
        first, row = 3, 3
        for names, values in sheet.rows:
            for place, name in enumerate(names):
                page.write(row, place, name, self._label)
            for place, (value, column) in enumerate(zip(values, sheet.columns, strict=True), labels):
                self._number(page, row, place, value, self._rate if column.rate else self._count)
            row += 1
        page.write(row, 0, say(language, "合计", "total"), self._total_label)
        for place in range(1, labels):
            page.write(row, place, "", self._total_label)
        for place, (value, column) in enumerate(zip(sheet.total, sheet.columns, strict=True), labels):
            if column.rate or row == first:
                self._number(page, row, place, value, self._total_rate if column.rate else self._total_count)
            else:
                letter = xlsxwriter.utility.xl_col_to_name(place)
                page.write_formula(row, place, f"=SUM({letter}{first + 1}:{letter}{row})", self._total_count, value)
        row += 2
        for column in sheet.columns:
            page.write(row, 0, f"{column.heading}: {column.means}", self._plain)
            row += 1
        if sheet.rows:
            self._chart(page, sheet, first, row + 1)

    def _chart(self, page: Any, sheet: Sheet, first: int, below: int) -> None:
        """The disposal of each row as stacked bars, or its first figures where it has none."""
        ids = [column.id for column in sheet.columns]
        stacked = [name for name in ("on_time", "late", "not_disposed") if name in ids]
        chart = self._book.add_chart({"type": "bar", "subtype": "stacked"} if stacked else {"type": "column"})
        last, labels = first + min(len(sheet.rows), _CHARTED) - 1, len(sheet.labels)
        title = sheet.title[:31]
        colours = dict(zip(("on_time", "late", "not_disposed"), ("#70AD47", "#FFC000", _RED), strict=True))
        for name in stacked or ids[:4]:
            place = labels + ids.index(name)
            series = {
                "name": [title, 2, place],
                "categories": [title, first, 0, last, labels - 1],
                "values": [title, first, place, last, place],
            }
            chart.add_series({**series, "fill": {"color": colours[name]}} if stacked else series)
        chart.set_title({"name": sheet.title})
        chart.set_size({"width": 900, "height": 120 + 24 * (last - first + 1) if stacked else 360})
        if stacked:
            chart.set_y_axis({"reverse": True})
        page.insert_chart(below, 0, chart)

    def _list(self, indicator: str) -> None:
        lines = self._lists.lines(indicator)
        self._list_page(indicator, 1, islice(lines, ROWS_MAX))
        # A part that was filled to its last row has a next one only where there is a line for it.
        for part, first in enumerate(lines, 2):
            self._list_page(indicator, part, islice(chain([first], lines), ROWS_MAX))

    def _list_page(self, indicator: str, part: int, lines: Iterator[list[str]]) -> None:
        page = self._page(self._list_title(indicator, part))
        heads = headings(self._report.language)
        page.set_column(0, len(heads) - 1, 20)
        page.freeze_panes(2, 1)
        page.repeat_rows(1)
        column = next(c for sheet in self._report.sheets for c in sheet.columns if c.id == indicator)
        page.write(0, 0, f"{column.heading} · {self._report.listed[indicator]} · {column.means}", self._plain)
        for place, head in enumerate(heads):
            page.write(1, place, head, self._heading)
        for row, line in enumerate(lines, 2):
            page.write_row(row, 0, line)
            if row % _BEAT == 0:
                self._moved(_BEAT)

    def _list_title(self, indicator: str, part: int = 1) -> str:
        column = next(c for sheet in self._report.sheets for c in sheet.columns if c.id == indicator)
        suffix = "" if part == 1 else f" {part}"
        head = say(self._report.language, "明细-", "list-")
        return f"{head}{column.heading}"[: 31 - len(suffix)] + suffix

    def _definitions(self) -> None:
        page = self._page(say(self._report.language, "指标定义", "definitions"))
        page.set_column(0, 1, 24)
        page.set_column(2, 2, 80)
        page.set_column(3, 3, 20)
        for row, line in enumerate(definitions(self._report)):
            for place, text in enumerate(line):
                page.write(row, place, text, self._wrap if row else self._heading)
        for row, told in enumerate(self._report.not_kept, len(definitions(self._report)) + 1):
            page.write(row, 0, told, self._plain)

    def _name(self, page: Any, row: int, place: int, indicator: str, heading: str, look: Any) -> None:
        """A figure's name, which leads to its list where it has one."""
        if indicator in self._report.listed:
            page.write_url(row, place, f"internal:'{self._list_title(indicator)}'!A1", look, heading)
        else:
            page.write(row, place, heading, look)

    def _number(self, page: Any, row: int, place: int, value: int | float | None, look: Any) -> None:
        if value is None:
            page.write(row, place, "–", look)
        else:
            page.write_number(row, place, value, look)

    def _page(self, title: str) -> Any:
        page = self._book.add_worksheet(title[:31])
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_footer("&C&P / &N")
        return page
