"""A report as CSV files in a folder: one a sheet, one a list, and one with what each figure means."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from duijie.console_text import say
from duijie.exits import UserMistake
from duijie.reports.sheets import Report, Sheet, Value


def write_tables(folder: Path, report: Report) -> None:
    """Write the sheets beside the lists, which are in the folder already."""
    for sheet in report.sheets:
        _write(folder / f"{sheet.section.id}.csv", _lines(sheet, report))
    _write(folder / "definitions.csv", definitions(report))


def definitions(report: Report) -> list[tuple[str, ...]]:
    """What each figure of the report means, once each; the first line is the heading."""
    heading = (
        ("代号", "id"),
        ("指标", "figure"),
        ("定义", "what it means"),
        ("依据", "source"),
    )
    columns = {column.id: column for sheet in report.sheets for column in sheet.columns}
    return [
        tuple(say(report.language, *words) for words in heading),
        *((column.id, column.heading, column.means, column.source) for column in columns.values()),
    ]


def _lines(sheet: Sheet, report: Report) -> Iterable[Sequence[Value | str]]:
    yield [*sheet.labels, *(column.heading for column in sheet.columns)]
    for labels, values in sheet.rows:
        yield [*labels, *_plain(values)]
    if sheet.labels:
        yield [say(report.language, "合计", "total"), *[""] * (len(sheet.labels) - 1), *_plain(sheet.total)]
    else:
        yield _plain(sheet.total)


def _plain(values: Iterable[Value]) -> list[Value | str]:
    return ["" if value is None else round(value, 6) for value in values]


def _write(path: Path, lines: Iterable[Sequence[object]]) -> None:
    try:
        # With its mark, so that Excel reads Chinese without asking.
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out).writerows(lines)
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error
