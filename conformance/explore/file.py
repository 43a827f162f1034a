"""A finding as a scenario file, for people to read and for machines to play again."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from conformance.explore.explore import Finding, Source
from conformance.explore.story import Told
from conformance.scenario.load import FORMAT

#: Where findings of `conform --explore` lie below the folder of the reports.
FOLDER = "explored"

_SOURCES = {
    Source.MODEL: ("某一步与条款所述不符", "a step did not go as the clauses have it"),
    Source.ORACLE: ("报文轨迹违反条款", "the messages break a clause"),
    Source.LEDGER: ("各方账目不一致(回放不核对账目)", "the books do not agree (a replay does not look at them)"),
    Source.BROKE: ("回放台自身出错", "the stage itself broke"),
}


def told(finding: Finding, *, whole: bool = False) -> tuple[Told, ...]:
    """The steps of the file: every step that does something, and the last look. `whole` keeps all looks."""
    steps = finding.steps
    if whole:
        return steps
    asked = [at for at, step in enumerate(steps) if step.is_look]
    kept = set(asked[-1:])
    names = {value["other_than"] for at in kept for value in _matchers(steps[at].params)}
    return tuple(
        step
        for at, step in enumerate(steps)
        if (not step.is_look or at in kept) and not (step.word == "remember" and step.params["as"] not in names)
    )


def _matchers(value: Any) -> Iterable[Mapping[str, str]]:
    if isinstance(value, Mapping):
        if "other_than" in value:
            yield {"other_than": str(value["other_than"])}
        for inner in value.values():
            yield from _matchers(inner)


def title(finding: Finding) -> tuple[str, str]:
    """What the scenario is called, in Chinese and English: the clause, and the fact that breaks it."""
    clause = finding.clauses[0]
    zh = _fact(finding.zh, f"条款 {clause} 未守:", ";条款 ")
    en = _fact(finding.en, f"clause {clause} was broken: ", "; clause ")
    return f"条款 {clause} 未守:{zh}", f"{clause} is not kept: {en}"


def _fact(sentences: str, clause_told: str, next_clause: str) -> str:
    """The last line tells it, since before it stands what led there; of several clauses the first."""
    last = (sentences.splitlines() or [""])[-1].strip()
    return last.removeprefix(clause_told).partition(next_clause)[0]


def text(finding: Finding, notes: Iterable[str], *, whole: bool = False) -> str:
    """The file. `notes` stand on top of it: seed, version, system, command."""
    zh, en = title(finding)
    why_zh, why_en = _SOURCES[finding.source]
    comments = [*notes, f"{why_zh} · {why_en}"]
    lines = [f"# {line}" for line in comments]
    lines += [f'format: "{FORMAT}"', "title:", f"  zh: {_flow(zh)}", f"  en: {_flow(en)}"]
    lines += [f"clauses: {_flow(list(finding.clauses))}", f"wiring: [{finding.teller.can.wiring.value}]"]
    if finding.story.settings:
        lines.append(f"profile: {_flow(dict(finding.story.settings))}")
    if not finding.story.quirks.calm:
        lines.append(f"quirks: {{seed: {finding.story.quirks.seed}}}")
    lines.append("steps:")
    for step in told(finding, whole=whole):
        ((word, params),) = step.written().items()
        lines.append(f"  - {word}: {_flow(params)}")
    return "\n".join(lines) + "\n"


def write(finding: Finding, folder: Path, notes: Iterable[str], *, whole: bool = False) -> Path:
    """Write the file into the folder, under a name that no other file has; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^a-z0-9]+", "-", f"{finding.teller.can.role}-{finding.clauses[0]}".lower())
    number = 1
    while (path := folder / f"{stem}-{number}.yaml").exists():
        number += 1
    path.write_text(text(finding, notes, whole=whole), encoding="utf-8")
    return path


def _flow(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return written.removesuffix("...\n").strip()
