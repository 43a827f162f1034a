"""A report as one page of HTML: tables with bars, what each figure means beside it, and the list behind each number further down.

One file without scripts or anything from elsewhere, so that it can be sent and opened anywhere.
"""

from collections.abc import Iterator
from html import escape
from itertools import islice
from pathlib import Path

from duijie.console_text import say
from duijie.exits import UserMistake
from duijie.reports.lists import FileLists, headings
from duijie.reports.sheets import Report, Sheet, Value, shown

#: Lines of a list that stand on the page; the whole of it is in the CSV folder and the workbook.
LINES_MAX = 1_000
_BARS = (("on_time", "good"), ("late", "late"), ("not_disposed", "bad"))
_STYLE = """
body{font:15px/1.5 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse;margin:.5rem 0}
th,td{border:1px solid #bbb;padding:.2rem .6rem;text-align:right}th{background:#ddebf7}td.name,th.name,.list td{text-align:left}
tr.total{font-weight:bold}.bar{display:flex;width:14rem;height:1rem;background:#eee}.bar i{display:block;height:100%}
.good{background:#70ad47}.late{background:#ffc000}.bad{background:#c00000}.wrong{color:#c00000}summary{cursor:pointer}
dt{font-weight:bold}dd{margin:0 0 .3rem 1.5rem}@media print{details:not([open]){display:none}}
"""


def write_page(path: Path, report: Report, lists: FileLists) -> None:
    """Write the page."""
    try:
        with path.open("w", encoding="utf-8") as out:
            out.writelines(_page(report, lists))
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error


def _page(report: Report, lists: FileLists) -> Iterator[str]:
    language = "zh-CN" if report.language == "zh" else "en"
    yield f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(report.title)}</title>'
    yield f"<style>{_STYLE}</style></head><body>\n<h1>{escape(report.title)}</h1>\n"
    yield f"<p>{escape(report.period)}<br>{escape(report.made_from)}</p>\n"
    for line in report.slips:
        yield f'<p class="wrong">{escape(say(report.language, "不平:", "does not add up: ") + line)}</p>\n'
    for sheet in report.sheets:
        yield from _sheet(sheet, report)
    yield f"<h2>{escape(say(report.language, '明细', 'lists'))}</h2>\n"
    for indicator in report.listed:
        yield from _list(indicator, report, lists)
    yield f"<h2>{escape(say(report.language, '没有记录的指标', 'figures that nobody keeps a record of'))}</h2>\n<ul>"
    yield from (f"<li>{escape(line)}</li>" for line in report.not_kept)
    yield "</ul>\n</body></html>\n"


def _sheet(sheet: Sheet, report: Report) -> Iterator[str]:
    clause = f" ({sheet.section.clause})" if sheet.section.clause else ""
    yield f'<h2 id="{sheet.section.id}">{escape(sheet.title + clause)}</h2>\n<table>\n'
    yield from _wide(sheet, report) if sheet.labels else _upright(sheet, report)
    yield "</table>\n"
    if sheet.labels:
        yield f"<details><summary>{escape(say(report.language, '指标定义', 'what the figures mean'))}</summary><dl>"
        yield from (
            f"<dt>{escape(c.heading)}</dt><dd>{escape(c.means)} ({escape(c.source)})</dd>" for c in sheet.columns
        )
        yield "</dl></details>\n"


def _upright(sheet: Sheet, report: Report) -> Iterator[str]:
    heads = (
        say(report.language, *words) for words in (("指标", "figure"), ("数值", "value"), ("定义", "what it means"))
    )
    yield "<tr>" + "".join(f'<th class="name">{escape(head)}</th>' for head in heads) + "</tr>\n"
    for column, value in zip(sheet.columns, sheet.total, strict=True):
        figure = _linked(column.id, column.heading, report)
        means = f"{escape(column.means)} ({escape(column.source)})"
        yield f'<tr><td class="name">{figure}</td><td>{shown(value, rate=column.rate)}</td><td class="name">{means}</td></tr>\n'


def _wide(sheet: Sheet, report: Report) -> Iterator[str]:
    charted = _charted(sheet)
    yield "<tr>" + "".join(f'<th class="name">{escape(label)}</th>' for label in sheet.labels)
    yield "".join(f'<th title="{escape(c.means)}">{_linked(c.id, c.heading, report)}</th>' for c in sheet.columns)
    yield f"{'<th></th>' if charted else ''}</tr>\n"
    for labels, values in sheet.rows:
        yield "<tr>" + "".join(f'<td class="name">{escape(label)}</td>' for label in labels) + _cells(sheet, values)
        yield f"{_bar(sheet, values, charted)}</tr>\n"
    yield f'<tr class="total"><td class="name" colspan="{len(sheet.labels)}">{escape(say(report.language, "合计", "total"))}</td>'
    yield f"{_cells(sheet, sheet.total)}{_bar(sheet, sheet.total, charted)}</tr>\n"


def _cells(sheet: Sheet, values: tuple[Value, ...]) -> str:
    return "".join(f"<td>{shown(value, rate=c.rate)}</td>" for value, c in zip(values, sheet.columns, strict=True))


def _charted(sheet: Sheet) -> bool:
    return {name for name, _ in _BARS} <= {column.id for column in sheet.columns}


def _bar(sheet: Sheet, values: tuple[Value, ...], charted: bool) -> str:
    """The shares of on time, late and not disposed as one bar."""
    if not charted:
        return ""
    by_id = {column.id: value or 0 for column, value in zip(sheet.columns, values, strict=True)}
    whole = sum(by_id[name] for name, _ in _BARS) or 1
    parts = "".join(f'<i class="{look}" style="width:{100 * by_id[name] / whole:.2f}%"></i>' for name, look in _BARS)
    return f'<td><span class="bar">{parts}</span></td>'


def _linked(indicator: str, heading: str, report: Report) -> str:
    if indicator not in report.listed:
        return escape(heading)
    return f'<a href="#list-{indicator}">{escape(heading)}</a>'


def _list(indicator: str, report: Report, lists: FileLists) -> Iterator[str]:
    column = next(c for sheet in report.sheets for c in sheet.columns if c.id == indicator)
    whole = report.listed[indicator]
    yield f"<details><summary>{escape(column.heading)}: {whole} — {escape(column.means)}</summary>\n"
    if whole > LINES_MAX:
        more = say(report.language, f"此处列出前 {LINES_MAX} 条,全部见 CSV 或工作簿", f"the first {LINES_MAX}; all of them are in the CSV folder and the workbook")  # fmt: skip
        yield f"<p>{escape(more)}</p>"
    # The anchor lies inside, because a browser opens what a link leads into.
    yield (
        f'<table class="list" id="list-{indicator}"><tr>'
        + "".join(f"<th>{escape(head)}</th>" for head in headings(report.language))
        + "</tr>\n"
    )
    for line in islice(lists.lines(indicator), LINES_MAX):
        yield "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in line) + "</tr>\n"
    yield "</table></details>\n"
