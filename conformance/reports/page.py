"""The report as one HTML file that works from disk: no script or font is fetched, nothing is sent anywhere.

Both languages stand in it; a button changes between them. Each check has an anchor of its own (`#RCPT-3-04/urban`), the search narrows the
list by id, clause, title and verdict, and printing opens every check, so that the file can be an annex to a hand-over.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from conformance.checks.result import BLAMES, MEANINGS, VERDICTS, Result, Text, Verdict
from conformance.clauses import clauses
from conformance.doctor.finding import SIGNS, TOPICS, Level
from conformance.oracle.trace import Record, plain
from conformance.reports.diagram import svg
from conformance.reports.report import Report

#: Shown of each message that disagrees; the trace has it whole.
_EVIDENCE_CHARACTERS = 4000

_STYLE = """
:root{--pass:#1a7f37;--fail:#cf222e;--inconclusive:#9a6700;--not_applicable:#6e7781;--config:#bc4c00;--suite_error:#8250df}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;margin:0 auto;max-width:72rem;padding:1rem;color:#1f2328}
body[data-lang=zh] .en,body[data-lang=en] .zh{display:none}
header{display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:baseline;border-bottom:1px solid #d0d7de}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #d0d7de;padding:.2rem .5rem;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.v{font-weight:600;white-space:nowrap}
.pass{color:var(--pass)}.fail{color:var(--fail)}.inconclusive{color:var(--inconclusive)}.not_applicable{color:var(--not_applicable)}
.config{color:var(--config)}.suite_error{color:var(--suite_error)}
details{border:1px solid #d0d7de;border-radius:6px;margin:.4rem 0;padding:.3rem .7rem}
details[open]{background:#f6f8fa}summary{cursor:pointer}
summary code{font-weight:600}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:.5rem}
.two>div{background:#fff;border:1px solid #d0d7de;border-radius:6px;padding:.3rem .6rem;min-width:0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#fff;border:1px solid #d0d7de;border-radius:6px;padding:.4rem;margin:.3rem 0;font-size:.85rem}
.drawing{overflow-x:auto;background:#fff}
input[type=search]{font:inherit;padding:.3rem .6rem;width:min(100%,30rem)}
button{font:inherit;padding:.2rem .8rem}
@media print{input,button{display:none}details{break-inside:avoid-page}body{max-width:none}}
"""

_SCRIPT = """
const body=document.body,q=document.getElementById('q'),all=[...document.querySelectorAll('details.check')];
document.getElementById('lang').onclick=()=>{body.dataset.lang=body.dataset.lang==='zh'?'en':'zh'};
q.oninput=()=>{const words=q.value.toLowerCase().split(/\\s+/).filter(Boolean);
all.forEach(d=>{d.hidden=!words.every(w=>d.dataset.words.includes(w))})};
function open_(){const d=document.getElementById(decodeURIComponent(location.hash.slice(1)));if(d&&d.tagName==='DETAILS'){d.hidden=false;d.open=true;d.scrollIntoView()}}
addEventListener('hashchange',open_);open_();
addEventListener('beforeprint',()=>all.forEach(d=>d.open=true));
"""


def page(report: Report, language: str) -> str:
    """The whole page; `language` is the one that it opens in."""
    title = escape(f"{report.system} · duijie conform {report.role}")
    return (
        "\n".join(
            [
                "<!DOCTYPE html>",
                f'<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width,initial-scale=1">',
                f"<title>{title}</title><style>{_STYLE}</style></head>",
                f'<body data-lang="{language}">',
                *_head(report),
                *_doctor(report),
                *_counts(report),
                *_clauses(report),
                *_checks(report),
                f"<script>{_SCRIPT}</script></body></html>",
            ]
        )
        + "\n"
    )


def both(zh: str, en: str) -> str:
    """A sentence in both languages, of which one is shown."""
    if zh == en:
        return escape(zh)
    return f'<span class="zh" lang="zh">{escape(zh)}</span><span class="en" lang="en">{escape(en)}</span>'


def _said(text: Text) -> str:
    return both(text.zh, text.en)


def _head(report: Report) -> Iterable[str]:
    facts = (
        (both("角色", "role"), report.role.value),
        (both("运行", "run"), report.run_id),
        (both("种子", "seed"), str(report.seed)),
        (both("开始", "started"), report.started_at.isoformat(timespec="seconds")),
        (both("套件", "suite"), f"duijie {report.suite}"),
        (both("配置指纹", "profile"), report.profile_fingerprint[:16]),
    )
    yield f"<header><h1>{both('对接一致性检查', 'Conformance of the exchange')}: {escape(report.system)}</h1>"
    yield '<button id="lang" type="button">中文 / English</button></header>'
    yield "<p>" + " · ".join(f"{name} <code>{escape(value)}</code>" for name, value in facts) + "</p>"


def _doctor(report: Report) -> Iterable[str]:
    """What was found before the run; open only where something is amiss."""
    if not report.doctor:
        return
    amiss = any(finding.level in (Level.WARNING, Level.FAILURE) for finding in report.doctor)
    yield f'<details id="doctor"{" open" if amiss else ""}><summary><b>{both("运行前检视", "Looked at beforehand")}</b></summary><table>'
    for finding in report.doctor:
        verdict = {Level.OK: "pass", Level.WARNING: "inconclusive", Level.FAILURE: "fail"}.get(finding.level, "")
        yield f'<tr><td class="v {verdict}">{SIGNS[finding.level]} {_said(TOPICS[finding.topic])}</td><td>{_said(finding.said)}'
        if finding.details:
            yield "<ul>" + "".join(f"<li>{_said(detail)}</li>" for detail in finding.details) + "</ul>"
        if finding.next_step.zh:
            yield f"<p><b>{both('下一步', 'next step')}</b>: {_said(finding.next_step)}</p>"
        yield "</td></tr>"
    yield "</table></details>"


def _counts(report: Report) -> Iterable[str]:
    yield f"<h2>{both('结论', 'Verdicts')}</h2><table><tr><th>{both('结论', 'verdict')}</th><th>{both('数量', 'count')}</th><th>{both('含义', 'meaning')}</th></tr>"
    for verdict, count in report.counts.items():
        yield f'<tr><td class="v {verdict}">{_said(VERDICTS[verdict])}</td><td class="n">{count}</td><td>{_said(MEANINGS[verdict])}</td></tr>'
    yield "</table>"


def _clauses(report: Report) -> Iterable[str]:
    yield f"<h2>{both('条款', 'Clauses')}</h2><table><tr><th>{both('条款', 'clause')}</th>"
    yield "".join(f'<th class="{verdict}">{_said(VERDICTS[verdict])}</th>' for verdict in Verdict) + "</tr>"
    for clause, results in report.by_clause.items():
        known = clauses()[clause]
        cells = [sum(result.verdict is verdict for result in results) for verdict in Verdict]
        shown = "".join(
            f'<td class="n {verdict}">{cell or ""}</td>' for verdict, cell in zip(Verdict, cells, strict=True)
        )
        yield f"<tr><td><b>{clause}</b> {both(known.zh, known.en)}</td>{shown}</tr>"
    yield "</table>"


def _checks(report: Report) -> Iterable[str]:
    yield f"<h2>{both('检查', 'Checks')}</h2>"
    yield '<p><input id="q" type="search" placeholder="INT-8 fail 驳回 …" aria-label="search 搜索"></p>'
    for result in report.failures_first:
        yield from _check(result)


def _check(result: Result) -> Iterable[str]:
    check = result.check
    words = " ".join(
        [
            check.id,
            *check.scenario.clauses,
            check.title("zh"),
            check.title("en"),
            result.verdict,
            VERDICTS[result.verdict].zh,
        ]
    ).lower()
    opened = " open" if result.is_red else ""
    yield f'<details class="check" id="{escape(check.id)}" data-words="{escape(words)}"{opened}><summary>'
    yield f'<span class="v {result.verdict}">{_said(VERDICTS[result.verdict])}</span> <code>{escape(check.id)}</code> {both(check.title("zh"), check.title("en"))}</summary>'
    if result.known is not None:
        yield f"<p>{both('已知问题', 'known')}: {escape(result.known)}</p>"
    if result.blame is not None:
        clause = f" · {escape(result.clause)}" if result.clause else ""
        yield f"<p><b>{both('归因', 'blame')}: {_said(BLAMES[result.blame])}{clause}</b> — {_said(result.reason)}</p>"
    yield from (f"<p>{_said(note)}</p>" for note in result.notes)
    if result.expected is not None or result.received is not None:
        yield '<div class="two">'
        yield f"<div><b>{both('期望', 'expected')}</b>{_value(result.expected)}</div>"
        yield f"<div><b>{both('实际', 'received')}</b>{_value(result.received)}</div></div>"
    yield from _evidence(result.evidence)
    if result.next_step.zh:
        yield f"<p><b>{both('下一步', 'next step')}</b>: {_said(result.next_step)}</p>"
    yield f"<p><b>{both('依据', 'why')}</b>: {escape(check.clause)} {both(check.why('zh'), check.why('en'))}</p>"
    yield '<div class="two">'
    yield f"<div><b>{both('步骤', 'what is done')}</b>{_list(check.sent('zh'), check.sent('en'))}</div>"
    yield f"<div><b>{both('应当', 'what must come of it')}</b>{_list(check.must('zh'), check.must('en'))}</div></div>"
    if result.run is not None and result.run.trace.records:
        yield f"<details><summary>{both('时序图', 'sequence diagram')}</summary>"
        for language in ("zh", "en"):
            drawn = svg(result.run.trace, result.run.cases, check.title(language), language)
            yield f'<div class="drawing {language}">{drawn[drawn.index("<svg") :]}</div>'
        yield "</details>"
    yield f"<p><b>{both('重复', 'repeat')}</b> <code>{escape(result.repeat_command)}</code></p></details>"


def _evidence(records: Sequence[Record]) -> Iterable[str]:
    if not records:
        return
    yield f"<details><summary>{both('相关报文', 'the messages')} ({len(records)})</summary>"
    for record in records:
        yield f"<pre>{escape(_cut(json.dumps(plain(record), ensure_ascii=False, indent=1)))}</pre>"
    yield "</details>"


def _value(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return f"<pre>{both(str(value['zh']), str(value['en']))}</pre>"
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False, indent=1)
    return f"<pre>{escape(_cut(text))}</pre>"


def _list(zh: Sequence[str], en: Sequence[str]) -> str:
    return "<ol>" + "".join(f"<li>{both(a, b)}</li>" for a, b in zip(zh, en, strict=True)) + "</ol>"


def _cut(text: str) -> str:
    return text if len(text) <= _EVIDENCE_CHARACTERS else text[: _EVIDENCE_CHARACTERS - 1] + "…"
