"""What became of a city as one HTML file that works from disk: figures, charts and the judge's word, in Chinese and English."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape
from importlib.resources import files

from bridge.vocabulary.stages import UrbanStage
from conformance.reports.bilingual import both
from conformance.scenario.faults import faults
from duijie.console_text import Language
from duijie.simulation.charts import areas, bars, lines, ranking
from duijie.simulation.city import CityLived
from duijie.simulation.figures import Figures, rows
from duijie.simulation.worlds import FIRST_DAY
from simulators.urban.desk import STAGE_NAMES

_STAGES_EN = {
    UrbanStage.COLLECTOR_REPORT: "report",
    UrbanStage.FILING_AND_DISPATCH: "filing, dispatch",
    UrbanStage.DISTRICT_ASSIGNMENT: "assignment",
    UrbanStage.DEPARTMENT_DISPOSAL: "disposal",
    UrbanStage.DISTRICT_VERIFICATION: "verification on site",
    UrbanStage.CITY_VERIFICATION: "city verification",
    UrbanStage.CLOSING: "closing",
}
_HOUR = 3600
_NOT_REACHED = "无连接 · no connection"


def page(city: CityLived, *, title: str, language: Language, command: str | None) -> str:
    """The whole page; `language` is the one that it opens in, `command` shows the failure again."""
    style = files("duijie.simulation").joinpath("report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            *_switches(language),
            f"<header><h1>{both('虚拟时间中的城市', 'A city in virtual time')}</h1>",
            '<span class="lang"><label for="lang-zh">中文</label><label for="lang-en">English</label></span></header><main>',
            f"<p><code>{escape(title)}</code></p>",
            *_judgement(city, command),
            *_table(city),
            *_charts(city.figures),
            "</main></body></html>\n",
        ]
    )


def _switches(language: Language) -> Iterable[str]:
    for each in ("zh", "en"):
        chosen = " checked" if each == language else ""
        yield f'<input class="switch" type="radio" name="lang" id="lang-{each}"{chosen}>'


def _judgement(city: CityLived, command: str | None) -> Iterable[str]:
    kept = sum(tally.kept for tally in city.clauses.values())
    broken = sum(tally.broken for tally in city.clauses.values())
    verdict = "bad" if city.failed else "good"
    sign = "✗" if city.failed else "✓"
    said = both(
        f"条款相符 {kept} 处,不符 {broken} 处;三方台账不符 {city.findings_count} 处",
        f"clauses kept {kept} times, broken {broken} times; {city.findings_count} findings in the books of the three parties",
    )
    yield f'<p class="verdict {verdict}">{sign} {said}</p>'
    if command is not None:
        yield f"<p>{both('重现', 'To see it again')}: <code>{escape(command)}</code></p>"
    seen = [(key, clause, each) for clause, tally in city.clauses.items() for key, each in tally.violations]
    if seen or city.findings or city.ailments:
        yield "<ul>"
        yield from (f"<li><b>{clause}</b> [{key}] {both(each.zh, each.en)}</li>" for key, clause, each in seen)
        yield from (f"<li>[{key}] {both(each.text('zh'), each.text('en'))}</li>" for key, each in city.findings)
        yield from (f"<li>[{key}] {both(each.zh, each.en)}</li>" for key, each in city.ailments)
        yield "</ul>"


def _table(city: CityLived) -> Iterable[str]:
    yield '<dl class="figures">'
    for zh, en, value in rows(city.figures):
        yield f"<div><dt>{both(zh, en)}</dt><dd>{escape(value)}</dd></div>"
    yield "</dl>"
    said = both("日志 SHA-256", "journal's SHA-256")
    yield f"<p>{said}: <code>{city.digest}</code></p>"


def _charts(figures: Figures) -> Iterable[str]:
    days = _days(figures)
    dates = [f"{FIRST_DAY + timedelta(days=day):%m-%d}" for day in days]
    yield _figure(
        "案卷流量", "Flow", "每天上报与了结的案卷", "cases reported and ended on each day",
        lines(
            "flow",
            dates,
            {
                "上报 · reported": [figures.reported_on[day] for day in days],
                "了结 · ended": [figures.ended_on[day] for day in days],
            },
        ),
    )  # fmt: skip
    yield _figure(
        "案卷停在何处", "Where cases wait", "每天下午三时各环节的案卷数", "cases at each stage at three in the afternoon",
        areas("standing", dates, _standing(figures, days)),
    )  # fmt: skip
    yield _figure(
        "各环节平均停留", "Mean stay at each stage", "小时,含夜间与休息日", "hours, nights and days off among them",
        ranking("stay", _stays(figures)),
    )  # fmt: skip
    yield _figure(
        "按时处置率", "Disposed on time", "按应办结日,百分比", "by the day on which disposal was due, per cent",
        lines("on-time", dates, {"按时率 · on time %": _on_time(figures, days)}, range=(0, 100)),
    )  # fmt: skip
    rejected = range(1, max(figures.rejections, default=0) + 1)
    yield _figure(
        "驳回", "Rejections", "案卷数,按被驳回的次数", "cases by how often they were rejected",
        bars("rejections", [str(times) for times in rejected], [figures.rejections[times] for times in rejected]),
    )  # fmt: skip
    yield _figure(
        "存疑的发送", "Sendings in doubt", "每天有多少次呼叫不知是否到达", "calls on each day of which nobody knows whether they arrived",
        bars("doubt", dates, [figures.in_doubt_on[day] for day in days]),
    )  # fmt: skip
    yield _figure(
        "遇到的故障", "Faults met", "次数,按种类", "how often, by kind", ranking("faults", _faults(figures))
    )  # fmt: skip


def _figure(zh: str, en: str, about_zh: str, about_en: str, drawing: str) -> str:
    return f"<figure><figcaption><b>{both(zh, en)}</b> {both(about_zh, about_en)}</figcaption>{drawing}</figure>"


def _days(figures: Figures) -> Sequence[int]:
    known = [*figures.reported_on, *figures.ended_on]
    return range(max(known, default=0) + 1)


def _standing(figures: Figures, days: Sequence[int]) -> dict[str, list[int]]:
    found = {}
    for stage in UrbanStage:
        counts = [figures.standing[f"{day}/{stage.value}"] for day in days]
        if any(counts):
            found[f"{STAGE_NAMES[stage]} · {_STAGES_EN[stage]}"] = counts
    return found


def _stays(figures: Figures) -> dict[str, float]:
    return {
        f"{STAGE_NAMES[stage]} · {_STAGES_EN[stage]}": round(
            figures.waited[stage.value] / figures.stays[stage.value] / _HOUR, 1
        )
        for stage in UrbanStage
        if figures.waited[stage.value]
    }


def _on_time(figures: Figures, days: Sequence[int]) -> list[float | None]:
    return [
        round(100 * figures.on_time_on[day] / figures.due_on[day], 1) if figures.due_on[day] else None for day in days
    ]


def _faults(figures: Figures) -> dict[str, int]:
    known = faults()
    return {
        f"{known[name].zh} · {known[name].en}" if name in known else _NOT_REACHED: count
        for name, count in figures.faults.items()
    }
