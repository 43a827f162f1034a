"""`duijie record` and `duijie replay JOURNAL`: a journal as a scenario, or once more in virtual time with the differences listed."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from conformance.oracle.judge import Verdict, judge
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.profiles_io import read_profile
from duijie.recording.deeds import deeds
from duijie.recording.differences import Difference, differences
from duijie.recording.journal import Recorded, read_journal
from duijie.recording.rerun import Rerun, rerun
from duijie.recording.story import scenario

#: Differences that are told; `--json` has all.
_TOLD = 40
_KINDS = {
    "form_missing": ("重放中没有此表单", "the rerun lacks this form"),
    "form_new": ("记录中没有此表单", "the journal lacks this form"),
    "field": ("字段不同", "a field differs"),
    "receipt": ("回执不同", "the receipt differs"),
    "attempts": ("发送次数不同", "the number of sendings differs"),
    "act": ("操作结果不同", "the act ended otherwise"),
}
#: A scenario names a clause; one that is not known to break anything names the first of all.
_ANY_CLAUSE = "RCPT-1"


def run_record(path: Path, out: Path | None, profile: Path | None, language: Language) -> Exit:
    """Write the journal as a scenario file, or print it."""
    recorded = read_journal(path)
    if not deeds(recorded.trace)[0]:
        raise UserMistake(f"{path} 中看不出有人做过什么", f"{path} does not show that anybody did anything")
    broken = [verdict.clause for verdict in judge(recorded.trace, read_profile(profile)) if verdict.failed]
    text = as_scenario(recorded, broken)
    if out is None:
        sys.stdout.write(text)
        return Exit.OK
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake.unwritable(out, error) from error
    for line in lost(recorded, language):
        sys.stderr.write(f"{line}\n")
    return Exit.OK


def as_scenario(recorded: Recorded, broken: Sequence[str], command: str | None = None) -> str:
    """The journal as a scenario; its title says what is broken in it."""
    clauses = [clause for clause in broken if "/" not in clause and clause != "error"]
    if broken:
        title = f"记录所得:{broken[0]} 未守", f"From a journal: {broken[0]} is not kept"
    else:
        title = f"记录所得:{recorded.path.stem}", f"From a journal: {recorded.path.stem}"
    notes = [f"{recorded.path.name}", *([command] if command else []), *lost(recorded, "zh"), *lost(recorded, "en")]
    return scenario(recorded, title, clauses or [_ANY_CLAUSE], notes)


def lost(recorded: Recorded, language: Language) -> list[str]:
    """What cannot be read out of the journal."""
    said = [
        say(
            language,
            "照片只知摘要,以同名虚构照片代替;人名、账号取自虚构城镇",
            "of photos only digests are known, made-up ones stand for them; people and accounts are of the made-up town",
        )
    ]
    if deeds(recorded.trace)[1]:
        said.append(
            say(
                language,
                "操作由报文推断:不产生表单的操作、被拒的操作、经办人、平台自有案卷都无从得知",
                "acts were inferred from forms: acts that send none, refused acts, who acted and a platform's own cases are not known",
            )
        )
    return said


def run_rerun(
    paths: Iterable[Path], *, seed: int, profile: Path | None, trace: Path | None, as_json: bool, language: Language
) -> Exit:
    """Play each journal once more and list what differs; FAILED when something does, or a clause is broken."""
    codes = [_rerun(path, seed, profile, trace, as_json=as_json, language=language) for path in paths]
    return max(codes, default=Exit.OK)


def _rerun(
    path: Path, seed: int, profile: Path | None, folder: Path | None, *, as_json: bool, language: Language
) -> Exit:
    recorded, read = read_journal(path), read_profile(profile)
    if not deeds(recorded.trace)[0]:
        raise UserMistake(f"{path} 中看不出有人做过什么", f"{path} does not show that anybody did anything")
    again = rerun(recorded, read, seed)
    found = list(differences(recorded.trace, again))
    broken = [verdict for verdict in judge(again.trace, read) if verdict.failed]
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{path.stem}.again.jsonl").write_text(again.trace.to_lines(), encoding="utf-8")
        except OSError as error:
            raise UserMistake.unwritable(folder, error) from error
    if as_json:
        sys.stdout.write(json.dumps(_as_json(path, again, found, broken), ensure_ascii=False) + "\n")
    else:
        _tell(path, recorded, again, found, broken, language)
    return Exit.FAILED if found or broken else Exit.OK


def _as_json(path: Path, again: Rerun, found: list[Difference], broken: list[Verdict]) -> dict[str, Any]:
    return {
        "journal": str(path),
        "inferred": again.inferred,
        "cases": again.numbers,
        "elsewhere": sorted(again.elsewhere),
        "differences": [each.as_json() for each in found],
        "broken": [{"clause": each.clause, "zh": each.seen_zh, "en": each.seen_en} for each in broken],
    }


def _tell(
    path: Path, recorded: Recorded, again: Rerun, found: list[Difference], broken: list[Verdict], language: Language
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    sentence = say(
        language,
        f"{path}:重放 {len(again.numbers)} 件案卷,{len(again.trace.sendings())} 次送达的表单;不同 {len(found)} 处",
        f"{path}: {len(again.numbers)} cases, {len(again.trace.sendings())} forms over their hops; {len(found)} differences",
    )
    console.print(sentence, style="bold red" if found or broken else "green")
    for line in lost(recorded, language):
        console.print(Text(f"  {line}", "yellow"))
    for each in found[:_TOLD]:
        kind = say(language, *_KINDS[each.kind])
        where = f" {each.field}" if each.field else ""
        both = "" if each.kind.startswith("form_") else f": {each.recorded!r} → {each.replayed!r}"
        console.print(Text(f"  #{each.n} {each.case_number or ''} {each.what}: {kind}{where}{both}"))
    if len(found) > _TOLD:
        more = len(found) - _TOLD
        console.print(say(language, f"  另有 {more} 处,见 --json", f"  and {more} more, see --json"))
    for verdict in broken:
        console.print(Text(f"  {verdict.clause} {say(language, verdict.seen_zh, verdict.seen_en)}", "red"))
