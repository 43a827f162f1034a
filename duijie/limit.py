"""`duijie limit`: when a step is due, and every pause on the way there."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bridge.vocabulary.codes import CaseGrade
from bridge.vocabulary.times import in_shanghai
from duijie.city_tables import read_tables
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.profiles_io import read_profile
from simulators.city.tables import ANY, LimitRow, Source, Subcategory, Tables
from simulators.urban.calendar import CalendarUnknown, WorkingCalendar
from simulators.urban.explained import RUNS, Explained, Stretch, StretchKind, explain
from simulators.urban.limits import Limit, LimitUnit, graded

_WEEKDAYS = ("一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
_KINDS = {
    StretchKind.RUNNING: ("计时", "runs"),
    StretchKind.MAKE_UP: ("计时,调休上班", "runs: a make-up working day"),
    StretchKind.BREAK: ("停,午休", "rests: midday"),
    StretchKind.NIGHT: ("停,非工作时间", "rests: out of working hours"),
    StretchKind.WEEKEND: ("停,周末", "rests: weekend"),
    StretchKind.HOLIDAY: ("停,节假日", "rests: public holiday"),
    StretchKind.CITY_HOLIDAY: ("停,本市休息日", "rests: a day off of this city"),
}


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What was asked for."""

    what: str
    start: str
    step: str = "disposal"
    area: str = ANY
    urgent: bool = False
    kind: str | None = None
    profile: Path | None = None
    city: Path | None = None
    json: bool = False
    language: Language = "zh"


def run_limit(options: LimitOptions) -> Exit:
    """Print the limit, its start, every pause and its end."""
    tables = read_tables(options.city)
    calendar = WorkingCalendar(read_profile(options.profile).working_time)
    start = _moment(options.start)
    limit, row, named = _asked(tables, options)
    try:
        explained = explain(calendar, limit, start)
    except CalendarUnknown as unknown:
        raise UserMistake(unknown.message_zh, unknown.message_en) from None
    console = Console(highlight=False, soft_wrap=True)
    if options.json:
        console.out(json.dumps(_plain(explained, row, named), ensure_ascii=False), highlight=False)
    else:
        _tell(console, tables, explained, row, named, options)
    return Exit.OK


def _moment(text: str) -> datetime:
    try:
        return in_shanghai(datetime.fromisoformat(text))
    except ValueError:
        raise UserMistake(
            f"时刻应写作 2026-09-30T16:00(北京时间),不是 {text}",
            f"a moment is written like 2026-09-30T16:00 (Asia/Shanghai), not {text}",
        ) from None


_AMOUNT = re.compile(r"(\d{1,4}) ?([a-z_]+?)s?")


def _asked(tables: Tables, options: LimitOptions) -> tuple[Limit, LimitRow | None, Subcategory | None]:
    """The limit that is meant: an amount with its unit as it stands, or the one that the tables have for a category."""
    grade = CaseGrade.URGENT if options.urgent else CaseGrade.ORDINARY
    amount = _AMOUNT.fullmatch(options.what)
    if amount is not None and amount[2] in set(LimitUnit):
        return graded(Limit(int(amount[1]), LimitUnit(amount[2])), grade), None, None
    named = _category(tables, options)
    for table, word in (("limit_step", options.step), ("time_area", options.area)):
        if word != ANY and tables.word(table, word) is None:
            known = ", ".join(code.word for code in _words(tables, table))
            raise UserMistake(f"没有 {word};有:{known}", f"there is no {word}; there are {known}")
    row = tables.limit(named.kind, named.category, named.code, options.step, options.area)
    if row is None:
        raise AssertionError("the tables have a limit of every step for any case")
    if options.urgent and row.urgent_amount is not None and row.urgent_unit is not None:
        return Limit(row.urgent_amount, LimitUnit(row.urgent_unit)), row, named
    return graded(Limit(row.amount, LimitUnit(row.unit)), grade), row, named


def _words(tables: Tables, table: str) -> list[Any]:
    return [row for (name, _), row in tables.named("codes").items() if name == table]


def _category(tables: Tables, options: LimitOptions) -> Subcategory:
    """The one sub category that is meant by its code, such as `0102`, or by a part of its name."""
    asked = options.what.replace("/", "").lower()
    rows = [row for row in tables.table(Subcategory).values() if options.kind in (None, row.kind)]
    exact = [row for row in rows if asked in (row.category + row.code, row.zh, row.en.lower())]
    found = exact or [row for row in rows if asked in row.zh or asked in row.en.lower()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserMistake(
            f"没有小类 {options.what};duijie codes subcategories 可查,或直接写时限,例如 “4 working_hour”",
            f"there is no sub category {options.what}; `duijie codes subcategories` lists them, or write a limit such as '4 working_hour'",
        )
    listed = ", ".join(f"{row.kind} {row.category}{row.code} {row.zh}" for row in found)
    raise UserMistake(
        f"{options.what} 不只一个小类:{listed};请用 --kind 或写全", f"{options.what} is more than one: {listed}"
    )


def _plain(explained: Explained, row: LimitRow | None, named: Subcategory | None) -> dict[str, Any]:
    return {
        "amount": explained.limit.amount,
        "unit": explained.limit.unit.value,
        "category": None if named is None else f"{named.kind}/{named.category}/{named.code}",
        "area": None if row is None else row.area,
        "certainty": None if row is None else row.certainty.value,
        "source": None if row is None else row.source,
        "start": explained.start.isoformat(),
        "due": explained.end.isoformat(),
        "ran_seconds": int(explained.ran.total_seconds()),
        "stretches": [
            {
                "start": s.start.isoformat(),
                "end": s.end.isoformat(),
                "kind": s.kind.value,
                "runs": s.kind in RUNS,
                "name_zh": s.name_zh,
                "name_en": s.name_en,
            }
            for s in explained.stretches
        ],
    }


def _tell(
    console: Console,
    tables: Tables,
    explained: Explained,
    row: LimitRow | None,
    named: Subcategory | None,
    options: LimitOptions,
) -> None:
    language = options.language
    unit = tables.word("time_unit", explained.limit.unit)
    name = explained.limit.unit.value if unit is None else say(language, unit.zh, unit.en)
    what = "" if named is None else f"{named.category}/{named.code} {say(language, named.zh, named.en)}  "
    console.print(f"{what}{explained.limit.amount} × {name}", markup=False, style="bold")
    if row is not None:
        source = tables.table(Source)[row.source,]
        console.print(say(language, "依据:", "source: ") + say(language, source.zh, source.en), markup=False)
    console.print(say(language, "起算 ", "starts ") + _told(explained.start, language), markup=False)
    for stretch in explained.stretches:
        console.print(
            f"  {_told(stretch.start, language)} – {_told(stretch.end, language)}  {_why(stretch, language)}",
            markup=False,
        )
    hours, seconds = divmod(int(explained.ran.total_seconds()), 3600)
    ran = say(language, f"共计时 {hours} 小时 {seconds // 60} 分", f"ran {hours} h {seconds // 60} min in all")
    console.print(
        say(language, "到期 ", "due ") + f"{_told(explained.end, language)}  ({ran})", markup=False, style="bold"
    )


def _told(moment: datetime, language: Language) -> str:
    weekday = _WEEKDAYS[0][moment.weekday()] if language == "zh" else _WEEKDAYS[1][moment.weekday()]
    seconds = f":{moment:%S}" if moment.second or moment.microsecond else ""
    return f"{moment:%Y-%m-%d} {say(language, '周', '')}{weekday} {moment:%H:%M}{seconds}"


def _why(stretch: Stretch, language: Language) -> str:
    kind = say(language, *_KINDS[stretch.kind])
    name = say(language, stretch.name_zh or "", stretch.name_en or "")
    return kind + say(language, f"({name})", f" ({name})") if name else kind
