"""`duijie codes`: the categories, limits and code lists, looked up."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duijie.city_tables import read_tables
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from simulators.city.tables import Certainty, Code, LimitRow, Row, Source, Tables

#: What each table is called for people.
_NAMES = {
    "main_categories": ("大类", "main categories"),
    "subcategories": ("小类", "sub categories"),
    "limits": ("时限", "limits"),
    "divisions": ("行政区划", "administrative divisions"),
    "layouts": ("复合编码", "codes put together from parts"),
    "operators": ("坐席员所属公司", "whom operators work for"),
    "sources": ("来源", "where rows come from"),
    "kind": ("问题类型", "kinds of matter"),
    "source": ("问题来源", "sources of cases"),
    "grade": ("问题等级", "grades"),
    "level": ("层级", "levels"),
    "damage_grade": ("损坏程度", "grades of damage"),
    "status": ("案卷状态", "states of a case"),
    "work_item": ("工作项", "work items"),
    "stage": ("环节", "stages"),
    "department_class": ("部门类别", "classes of departments"),
    "industry": ("行业", "trades of departments"),
    "coordinate_system": ("坐标系", "coordinate systems"),
    "media_transfer": ("媒体传送方式", "how media travel"),
    "attachment": ("附件用途", "what an attachment shows"),
    "time_unit": ("时限单位", "units of limits"),
    "time_area": ("时限区域", "classes of areas"),
    "supervisor_type": ("监督人员类型", "kinds of staff"),
    "decline_reason": ("不予立案原因", "reasons for declining"),
    "limit_step": ("计时环节", "steps that have limits"),
    "contact_duty": ("联系人职责", "duties of the contact book"),
}
_CERTAIN = {
    Certainty.STANDARD: ("标准", "standard"),
    Certainty.HANDBOOK: ("城市手册", "handbook"),
    Certainty.OURS: ("自定", "ours"),
}


_WIDE = 240


@dataclass(frozen=True, slots=True)
class CodesOptions:
    """What was asked for."""

    table: str | None = None
    word: str | None = None
    city: Path | None = None
    json: bool = False
    language: Language = "zh"


def run_codes(options: CodesOptions) -> Exit:
    """Print the list of tables, or the rows of one that hold the word; FAILED when none does."""
    tables = read_tables(options.city)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        # A file or another program takes lines of any length.
        console.width = _WIDE
    if options.table is None:
        _tell_tables(console, tables, options)
        return Exit.OK
    found = [row for row in _rows(tables, options.table, options.language) if _holds(tables, row, options.word)]
    if options.json:
        for row in found:
            console.out(json.dumps(asdict(row), ensure_ascii=False), highlight=False)
    else:
        _tell_rows(console, tables, found, options.language)
    return Exit.OK if found else Exit.FAILED


def table_names(tables: Tables) -> dict[str, int]:
    """Every table with the number of its rows; a code list is a table of its own."""
    counts = {name: len(tables.named(name)) for name in _NAMES if name in _OWN_SHAPES}
    for code in tables.table(Code).values():
        counts[code.table] = counts.get(code.table, 0) + 1
    return counts


#: Tables that are not code lists.
_OWN_SHAPES = ("main_categories", "subcategories", "limits", "divisions", "layouts", "operators", "sources")


def _rows(tables: Tables, name: str, language: Language) -> Iterable[Row]:
    names = table_names(tables)
    if name not in names:
        raise UserMistake(
            f"没有表 {name};有:{'、'.join(names)}", f"there is no table {name}; there are {', '.join(names)}"
        )
    if name in _OWN_SHAPES:
        return tables.named(name).values()
    return [code for code in tables.table(Code).values() if code.table == name]


def _holds(tables: Tables, row: Row, word: str | None) -> bool:
    return word is None or any(word.lower() in str(value).lower() for value in _shown(tables, row).values())


def _shown(tables: Tables, row: Row) -> dict[str, object]:
    """The fields that are looked at and shown: all but how sure a row is, which has columns of its own; a limit with its category's name."""
    fields = {name: value for name, value in asdict(row).items() if name not in ("certainty", "source", "table")}
    if isinstance(row, LimitRow):
        named = tables.subcategory(row.kind, row.category, row.subcategory)
        fields |= {"zh": None, "en": None} if named is None else {"zh": named.zh, "en": named.en}
    return fields


def _tell_tables(console: Console, tables: Tables, options: CodesOptions) -> None:
    for name, count in table_names(tables).items():
        zh, en = _NAMES.get(name, (name, name))
        if options.json:
            console.out(
                json.dumps({"table": name, "rows": count, "zh": zh, "en": en}, ensure_ascii=False), highlight=False
            )
        else:
            console.print(f"{name:18} {count:4}  {say(options.language, zh, en)}", markup=False)


def _tell_rows(console: Console, tables: Tables, found: list[Row], language: Language) -> None:
    if not found:
        console.print(say(language, "没有符合的行。", "No row holds that."))
        return
    view = Table(box=None, pad_edge=False, show_edge=False)
    shown = [_shown(tables, row) for row in found]
    columns = [name for name in shown[0] if any(fields[name] is not None for fields in shown)]
    for name in columns:
        view.add_column(name, no_wrap=name not in ("zh", "en"))
    view.add_column(say(language, "依据", "certainty"), no_wrap=True)
    view.add_column(say(language, "来源", "source"), no_wrap=True)
    for row, fields in zip(found, shown, strict=True):
        texts = (Text("" if fields[name] is None else str(fields[name])) for name in columns)
        view.add_row(*texts, *_sure(row, language))
    console.print(view)
    for line in _told_sources(tables, found, language):
        console.print(line, markup=False)


def _sure(row: Row, language: Language) -> tuple[str, str]:
    if isinstance(row, Source):
        return "", ""
    return say(language, *_CERTAIN[row.certainty]), row.source


def _told_sources(tables: Tables, found: list[Row], language: Language) -> Iterator[str]:
    """A line for each source that the rows name."""
    named = dict.fromkeys(row.source for row in found if not isinstance(row, Source))
    for code in named:
        source = tables.table(Source)[code,]
        where = "" if source.where is None else f" ({source.where})"
        yield f"{code}: {say(language, source.zh, source.en)}{where}"
