"""A summary in Markdown, as build servers show it beside a job."""

from collections.abc import Sequence

from conformance.checks.result import BLAMES, MEANINGS, VERDICTS, Result, Verdict
from conformance.checks.standing import STANDINGS, Entry
from conformance.doctor.finding import SIGNS, TOPICS, Level
from conformance.reports.report import Report

#: More failures than this are counted, not listed: the report has them all.
_LISTED = 30


def markdown(report: Report, language: str) -> str:
    """The report in a page: what was judged, the counts, what is red with its next step, and the clauses."""
    zh = language == "zh"
    lines = [
        f"## {'对接一致性检查' if zh else 'Conformance of the exchange'}: {report.system}",
        "",
        f"{'角色' if zh else 'Role'} `{report.role}` · {'种子' if zh else 'seed'} `{report.seed}` · "
        f"{'运行' if zh else 'run'} `{report.run_id}` · duijie {report.suite} · {report.started_at:%Y-%m-%d %H:%M}",
        "",
        f"| {'结论' if zh else 'Verdict'} | {'数量' if zh else 'Count'} | {'含义' if zh else 'Meaning'} |",
        "|---|---:|---|",
        *(
            f"| {VERDICTS[verdict].of(language)} | {count} | {MEANINGS[verdict].of(language)} |"
            for verdict, count in report.counts.items()
            if count
        ),
        "",
    ]
    amiss = [finding for finding in report.doctor if finding.level in (Level.WARNING, Level.FAILURE)]
    if amiss:
        lines += [f"### {'运行前检视' if zh else 'Looked at beforehand'}", ""]
        for finding in amiss:
            step = _line(finding.next_step.of(language))
            said = f"{TOPICS[finding.topic].of(language)}: {_line(finding.said.of(language))}"
            lines.append(f"- {SIGNS[finding.level]} {said}" + (f" — {step}" if step else ""))
        lines.append("")
    if known := sum(result.known is not None for result in report.results):
        lines += [f"{'其中' if zh else 'Of these'} {known} {'项不通过为已知问题' if zh else 'failures are known'}", ""]
    red = [result for result in report.failures_first if result.is_red]
    alone = [entry for entry in report.known_failures if entry.stands_alone]
    if red or alone:
        lines += [f"### {'须处理' if zh else 'To be dealt with'} ({len(red) + len(alone)})", ""]
        lines += [f"- {_line(entry.text.of(language))}" for entry in alone]
        for result in red[:_LISTED]:
            lines += _told(result, language)
        if len(red) > _LISTED:
            lines += [f"… {'另有' if zh else 'and'} {len(red) - _LISTED} {'项' if zh else 'more'}", ""]
    lines += [
        f"### {'按条款' if zh else 'By clause'}",
        "",
        f"| {'条款' if zh else 'Clause'} | " + " | ".join(VERDICTS[verdict].of(language) for verdict in Verdict) + " |",
        "|---|" + "---:|" * len(Verdict),
    ]
    for clause, results in report.by_clause.items():
        counted = [sum(result.verdict is verdict for result in results) for verdict in Verdict]
        lines.append(f"| {clause} | " + " | ".join(str(count) if count else "" for count in counted) + " |")
    lines += _entries(report.known_failures, language)
    return "\n".join(lines) + "\n"


def _entries(entries: Sequence[Entry], language: str) -> list[str]:
    if not entries:
        return []
    zh = language == "zh"
    heads = ("检查", "现状", "原因", "负责人", "至") if zh else ("Check", "Standing", "Reason", "Owner", "Until")
    rows = (
        (
            entry.known.check,
            STANDINGS[entry.standing].of(language),
            entry.known.reason,
            entry.known.owner,
            str(entry.known.until),
        )
        for entry in entries
    )
    return [
        "",
        f"### {'已知问题' if zh else 'Known failures'}",
        "",
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
        *(f"| {' | '.join(map(_line, row))} |" for row in rows),
    ]


def _told(result: Result, language: str) -> list[str]:
    zh = language == "zh"
    blame = BLAMES[result.blame].of(language) if result.blame is not None else ""
    return [
        f"- **{result.check.id}** {result.check.title(language)}  ",
        f"  {'归因' if zh else 'blame'}: {blame}{f' · {result.clause}' if result.clause else ''} — {_line(result.reason.of(language))}  ",
        f"  {'下一步' if zh else 'next step'}: {_line(result.next_step.of(language))}  ",
        f"  `{result.repeat_command}`",
        "",
    ]


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
