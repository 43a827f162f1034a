"""A report in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duijie.console_text import say
from duijie.reports.sheets import Report, Sheet, shown


def tell(console: Console, report: Report) -> None:
    """Print every sheet; a sheet of one row stands upright, with what each figure means beside it."""
    console.print(Text(report.title, style="bold"))
    console.print(Text(report.period))
    console.print(Text(report.made_from))
    for sheet in report.sheets:
        console.print()
        clause = f" ({sheet.section.clause})" if sheet.section.clause else ""
        console.print(Text(f"{sheet.title}{clause}", style="bold"))
        console.print(_wide(sheet, report) if sheet.labels else _upright(sheet, report))
    for line in report.slips:
        console.print(Text(say(report.language, "不平:", "does not add up: ") + line, style="red"))


def _wide(sheet: Sheet, report: Report) -> Table:
    view = Table(box=None, pad_edge=False)
    for label in sheet.labels:
        view.add_column(label, no_wrap=True)
    for column in sheet.columns:
        view.add_column(column.heading, justify="right")
    for labels, values in sheet.rows:
        view.add_row(*(Text(label) for label in labels), *_texts(sheet, values))
    total = [say(report.language, "合计", "total"), *[""] * (len(sheet.labels) - 1)]
    view.add_row(*total, *_texts(sheet, sheet.total), style="bold")
    return view


def _upright(sheet: Sheet, report: Report) -> Table:
    view = Table(box=None, pad_edge=False)
    view.add_column(say(report.language, "指标", "figure"), no_wrap=True)
    view.add_column(say(report.language, "数值", "value"), justify="right", no_wrap=True)
    view.add_column(say(report.language, "定义", "what it means"))
    for column, text in zip(sheet.columns, _texts(sheet, sheet.total), strict=True):
        view.add_row(Text(column.heading), text, Text(column.means))
    return view


def _texts(sheet: Sheet, values: tuple[int | float | None, ...]) -> list[str]:
    return [shown(value, rate=column.rate) for value, column in zip(values, sheet.columns, strict=True)]
