"""The report as one HTML file that works from disk: no script, style or font is fetched, nothing is sent anywhere.

Both languages stand in it. Failures come first and open; each check has an anchor (`#RCPT-3-04/urban`), and so has each message that
disagrees (`#RCPT-3-04/urban:12`). Without scripts everything can be read, filtered by verdict and printed; scripts add the search, copying, and
opening what a link leads to. Printed, it is an annex to a hand-over: summary and clauses, then a page of its own for each check that did not
pass, then a line for each that did, or all of it, as the reader chooses.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from conformance.checks.result import BLAMES, MEANINGS, VERDICTS, Result, Verdict
from conformance.checks.standing import STANDINGS
from conformance.clauses import clauses
from conformance.doctor.finding import SIGNS, TOPICS, Level
from conformance.drivers.attestation import Attestation
from conformance.oracle.trace import Record
from conformance.reports.bilingual import both, said
from conformance.reports.drawing import drawing, shared_style, shared_tips
from conformance.reports.messages import anchor_of, columns, differences, has_envelopes, messages
from conformance.reports.report import Report

#: Signs beside the colours, for who sees none.
_SIGNS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.CONFIG: "⚙",
    Verdict.SUITE_ERROR: "!",
}
#: Messages that are shown of one check.
MESSAGES_MAX = 12
#: What is shown of a check that was broken off and named no message: the last before it ended.
_LAST = 4


def page(report: Report, language: str) -> str:
    """The whole page; `language` is the one that it opens in."""
    title = escape(f"{report.system} · duijie conform {report.role}")
    here = Path(__file__)
    style = here.with_name("page.css").read_text(encoding="utf-8") + shared_style()
    script = here.with_name("page.js").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{"zh-CN" if language == "zh" else "en"}"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{title}</title><style>{style}</style></head><body>",
            *_switches(language),
            *_head(report),
            "<main>",
            *_summary(report),
            *_doctor(report),
            *_red(report),
            *_known(report),
            *_clauses(report),
            *_checks(report),
            *_foot(),
            f"</main>{shared_tips()}<script>{script}</script></body></html>\n",
        ]
    )


def _switches(language: str) -> Iterable[str]:
    """What the reader has chosen; labels further down set it, and the style alone follows it."""
    for each in ("zh", "en"):
        chosen = " checked" if each == language else ""
        yield f'<input class="switch" type="radio" name="lang" id="lang-{each}"{chosen}>'
    yield from (f'<input class="switch" type="checkbox" id="show-{verdict}" checked>' for verdict in Verdict)
    yield '<input class="switch" type="checkbox" id="print-all">'


def _head(report: Report) -> Iterable[str]:
    yield f"<header><h1>{both('对接一致性检查报告', 'Conformance of the exchange')}: {escape(report.system)}</h1>"
    yield '<span class="lang"><label for="lang-zh">中文</label><label for="lang-en">English</label></span></header>'


def _summary(report: Report) -> Iterable[str]:
    facts = (
        (both("被测系统", "system under test"), f"{report.system} ({report.role.value})"),
        (both("运行", "run"), report.run_id),
        (both("开始", "started"), report.started_at.isoformat(timespec="seconds")),
        (both("套件", "suite"), f"duijie {report.suite}"),
        (both("种子", "seed"), str(report.seed)),
        (both("配置指纹", "profile"), report.profile_fingerprint[:16]),
    )
    yield '<dl class="facts">'
    yield from (f"<div><dt>{name}</dt><dd><code>{escape(value)}</code></dd></div>" for name, value in facts)
    yield "</dl>"
    yield _banner(report)
    yield f"<h2>{both('结论', 'Verdicts')}</h2><table><thead><tr>"
    yield "".join(
        f"<th>{name}</th>" for name in (both("结论", "verdict"), both("数量", "count"), both("含义", "meaning"))
    )
    yield "</tr></thead><tbody>"
    for verdict, count in report.counts.items():
        yield f'<tr><td class="v {verdict}">{_SIGNS[verdict]} {said(VERDICTS[verdict])}</td><td class="n">{count}</td><td>{said(MEANINGS[verdict])}</td></tr>'
    yield "</tbody></table>"


def _doctor(report: Report) -> Iterable[str]:
    """What was found before the run; open only where something is amiss."""
    if not report.doctor:
        return
    amiss = any(finding.level in (Level.WARNING, Level.FAILURE) for finding in report.doctor)
    yield f'<details id="doctor"{" open" if amiss else ""}><summary><b>{both("运行前检视", "Looked at beforehand")}</b></summary><table>'
    for finding in report.doctor:
        verdict = {Level.OK: "pass", Level.WARNING: "inconclusive", Level.FAILURE: "fail"}.get(finding.level, "")
        yield f'<tr><td class="v {verdict}">{SIGNS[finding.level]} {said(TOPICS[finding.topic])}</td><td>{said(finding.said)}'
        if finding.details:
            yield "<ul>" + "".join(f"<li>{said(detail)}</li>" for detail in finding.details) + "</ul>"
        if finding.next_step.zh:
            yield f"<p><b>{both('下一步', 'next step')}</b>: {said(finding.next_step)}</p>"
        yield "</td></tr>"
    yield "</table></details>"


def _banner(report: Report) -> str:
    total, passed = len(report.results), report.counts[Verdict.PASS]
    red = sum(result.is_red for result in report.results)
    known = sum(result.known is not None for result in report.results)
    if red:
        told = both(f"{total} 项检查中 {red} 项须处理", f"{red} of {total} checks have to be dealt with")
    elif passed:
        told = both(f"{total} 项检查中 {passed} 项通过,没有不合格", f"{passed} of {total} checks passed, none is red")
    else:
        told = both(f"{total} 项检查,没有得出结论", f"{total} checks, nothing conclusive")
    if known:
        told += both(f";{known} 项为已知问题", f"; {known} known")
    if alone := sum(entry.stands_alone for entry in report.known_failures):
        told += both(f";已知问题文件有 {alone} 条须处理", f"; known failures to be dealt with: {alone}")
    verdict = Verdict.FAIL if red or alone else Verdict.PASS if passed else Verdict.INCONCLUSIVE
    return f'<p class="banner {verdict}">{told}</p>'


def _red(report: Report) -> Iterable[str]:
    red = [result for result in report.failures_first if result.is_red]
    if not red:
        return
    yield f"<h2>{both('须处理', 'To be dealt with')} ({len(red)})</h2><table><thead><tr>"
    heads = (both("检查", "check"), both("归因", "blame"), both("条款", "clause"), both("原因", "reason"))
    yield "".join(f"<th>{head}</th>" for head in heads) + "</tr></thead><tbody>"
    for result in red:
        blame = said(BLAMES[result.blame]) if result.blame is not None else ""
        yield f"<tr><td>{_chip(result, result.check.id)}</td><td class=v>{blame}</td><td class=v>{escape(result.clause or result.check.clause)}</td><td>{said(result.reason)}</td></tr>"
    yield "</tbody></table>"


def _chip(result: Result, text: str) -> str:
    known = " (x)" if result.known is not None else ""
    return f'<a class="chip {result.verdict}" href="#{escape(result.check.id)}">{_SIGNS[result.verdict]}{escape(text)}{known}</a>'


def _known(report: Report) -> Iterable[str]:
    if not report.known_failures:
        return
    heads = (("检查", "check"), ("现状", "standing"), ("说明", "what is known"), ("本次", "this run"))
    yield f"<h2>{both('已知问题', 'Known failures')}</h2><table><tr>"
    yield "".join(f"<th>{both(zh, en)}</th>" for zh, en in heads) + "</tr>"
    for entry in report.known_failures:
        known, style = entry.known, ' class="fail"' if entry.is_red else ""
        yield f"<tr><td><code>{escape(known.check)}</code></td><td{style}>{said(STANDINGS[entry.standing])}</td>"
        yield f"<td>{both(known.told('zh'), known.told('en'))}</td><td>{said(entry.text)}</td></tr>"
    yield "</table>"


def _clauses(report: Report) -> Iterable[str]:
    yield f"<h2>{both('条款', 'Clauses')}</h2><table><thead><tr><th>{both('条款', 'clause')}</th>"
    yield "".join(f'<th class="{verdict}">{_SIGNS[verdict]}</th>' for verdict in Verdict)
    yield f"<th>{both('检查', 'checks')}</th></tr></thead><tbody>"
    for clause, results in report.by_clause.items():
        known = clauses()[clause]
        cells = [sum(result.verdict is verdict for result in results) for verdict in Verdict]
        shown = "".join(
            f'<td class="n {verdict}">{cell or ""}</td>' for verdict, cell in zip(Verdict, cells, strict=True)
        )
        chips = "".join(_chip(result, _number(result)) for result in results)
        yield f"<tr><td><b>{clause}</b> {both(known.zh, known.en)}</td>{shown}<td>{chips}</td></tr>"
    yield "</tbody></table>"


def _number(result: Result) -> str:
    return result.check.id.rpartition("/")[0].rpartition("-")[2]


def _checks(report: Report) -> Iterable[str]:
    yield f'<h2 class="tools">{both("检查", "Checks")}</h2>'
    yield '<div class="tools"><input class="js" id="q" type="search" placeholder="INT-8 驳回 CASE_UNKNOWN …" aria-label="search 搜索">'
    for verdict, count in report.counts.items():
        if count:
            yield f'<label class="tick {verdict}" for="show-{verdict}">{said(VERDICTS[verdict])} {count}</label>'
    printed = both("打印时也展开通过的检查", "print passing checks in full too")
    yield f'<label class="tick" for="print-all">{printed}</label></div>'
    yield f'<p id="none" hidden>{both("没有符合的检查", "no check fits")}</p>'
    for result in report.failures_first:
        yield from _check(result)


def _check(result: Result) -> Iterable[str]:
    check, verdict = result.check, result.verdict
    opened = verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    classes = f"check is-{verdict}{' red' if result.is_red else ''}{' not-pass' if opened else ''}"
    yield f'<details class="{classes}" id="{escape(check.id)}"{" open" if result.is_red else ""}><summary>'
    yield f'<span class="v {verdict}">{_SIGNS[verdict]} {said(VERDICTS[verdict])}</span> <code>{escape(check.id)}</code> {both(check.title("zh"), check.title("en"))}'
    yield f'<a class="here" href="#{escape(check.id)}" aria-label="link">¶</a></summary>'
    if result.known is not None:
        yield f"<p><b>{both('已知问题', 'known')}</b>: {both(result.known.told('zh'), result.known.told('en'))}</p>"
    if result.blame is not None:
        clause = result.clause or check.clause
        sentence = both(clauses()[clause].zh, clauses()[clause].en) if clause in clauses() else ""
        yield f'<div class="blame"><b>{both("归因", "blame")}: {said(BLAMES[result.blame])} · {escape(clause)}</b> {sentence}<br>{said(result.reason)}</div>'
    yield from (f"<p>{said(note)}</p>" for note in result.notes)
    yield from _attested(result.attestations)
    if result.expected is not None or result.received is not None:
        yield columns(result.expected, result.received)
    if result.next_step.zh:
        yield f"<p><b>{both('下一步', 'next step')}</b>: {said(result.next_step)}</p>"
    copied = both("复制", "copy")
    yield f'<p class="repeat"><b>{both("重复", "repeat")}</b> <code>{escape(result.repeat_command)}</code>'
    yield f'<button class="js copy" type="button" data-label="⧉" title="copy 复制">{copied}</button></p>'
    yield from _diagram(result, whole=opened)
    if opened:
        yield from _evidence(result)
    yield from _story(result)
    yield "</details>"


def _evidence(result: Result) -> Iterable[str]:
    if result.run is None:
        return
    named = bool(result.run.broken)
    shown: Sequence[Record] = result.evidence or result.run.last_messages(_LAST)
    if not shown:
        return
    title = (
        both("相互矛盾的报文", "the messages that disagree")
        if named
        else both("此前最后的报文", "the last messages before that")
    )
    yield f"<h3>{title} ({len(shown)})</h3>"
    if not has_envelopes(shown):
        if result.run.stage == "virtual":
            yield f"<p class=sub>{both('本次在虚拟时间中运行,报文未经线路,没有信封;以下为报文各字段。', 'This was played in virtual time: nothing went over a line, so there are no envelopes; these are the fields of the messages.')}</p>"
        else:
            yield f"<p class=sub>{both('这些记录没有可保存的信封;以下为其各字段。', 'There is no envelope of these that could be kept; these are their fields.')}</p>"
    if named:
        yield from differences(shown[:MESSAGES_MAX])
    yield from messages(result.check.id, result.run.trace, result.run.cases, shown[:MESSAGES_MAX])
    if len(shown) > MESSAGES_MAX:
        more = len(shown) - MESSAGES_MAX
        yield f"<p class=sub>{both(f'另有 {more} 条,见轨迹', f'and {more} more, in the trace')}</p>"


def _diagram(result: Result, *, whole: bool) -> Iterable[str]:
    if result.run is None or not result.run.trace.records:
        return
    marked = {record["n"]: anchor_of(result.check.id, record) for record in result.evidence[:MESSAGES_MAX]}
    drawn = drawing(result.run.trace, result.run.cases, marked, titles=whole)
    title = both("时序图", "sequence diagram")
    if whole:
        yield f'<section class="diagram"><h3>{title}</h3><div class="drawing">{drawn}</div></section>'
    else:
        yield f'<details><summary>{title}</summary><div class="drawing">{drawn}</div></details>'


def _story(result: Result) -> Iterable[str]:
    check = result.check
    yield f"<p><b>{both('依据', 'why')}</b>: {escape(check.clause)} {both(check.why('zh'), check.why('en'))}</p>"
    yield '<div class="two">'
    yield f"<div><b>{both('步骤', 'what is done')}</b>{_list(check.sent('zh'), check.sent('en'))}</div>"
    yield f"<div><b>{both('应当', 'what must come of it')}</b>{_list(check.must('zh'), check.must('en'))}</div></div>"


def _attested(attestations: Sequence[Attestation]) -> Iterable[str]:
    """What a person said, for it weighs less than what the wire shows."""
    if not attestations:
        return
    yield f"<details><summary>{both('人工确认', 'attested by a person')} ({len(attestations)})</summary><table>"
    for each in attestations:
        cells = (each.at.isoformat(timespec="seconds"), each.by, each.asked, each.said)
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></details>"


def _foot() -> Iterable[str]:
    yield "<footer><p>"
    yield both(
        "结论只看线上的报文;系统自己的说法只用于对照。信封为线上原文,口令、令牌、随机数、签名和附件内容已隐去。通过的检查不保留信封。",
        "Verdicts come from the messages on the wire; what the system says of itself is held against them. Envelopes are as they came, without "
        "passwords, tokens, nonces, signatures and contents of attachments. None are kept of checks that passed.",
    )
    yield "</p></footer>"


def _list(zh: Sequence[str], en: Sequence[str]) -> str:
    return "<ol>" + "".join(f"<li>{both(a, b)}</li>" for a, b in zip(zh, en, strict=True)) + "</ol>"
