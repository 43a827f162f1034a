"""`duijie judge`: judges recorded traffic, clause by clause."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.observe.gather import FileCount, Unit, UnreadableFile, gather
from conformance.oracle.extent import Extents
from conformance.oracle.judge import Verdict, judge
from conformance.oracle.trace import FORMAT_VERSION
from duijie.console_text import Language, reason, say
from duijie.exits import Exit, UserMistake
from duijie.profiles_io import read_profile
from duijie.verdicts import Messages, as_json, exit_code, party, plain_console, tell_breaches, tell_table

#: Entries of one file that could not be read and are told one by one; `--json` has them all.
BROKEN_TOLD = 10
#: The version of what `--json` writes.
JSON_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """What the command line asked for."""

    profile: Path | None = None
    #: Where each party listens, beside what the profile says.
    addresses: Mapping[Party, Sequence[str]]
    complete: bool = False
    json: bool = False
    language: Language = "zh"


def run_judge(paths: Sequence[Path], options: JudgeOptions) -> Exit:
    """Judge every file; the exit code says what it came to."""
    profile = read_profile(options.profile)
    try:
        units = gather(
            paths,
            profile,
            _addresses(profile, options),
            own_codes=options.profile is not None,
            complete=options.complete,
        )
    except OSError as error:
        raise UserMistake(
            f"无法读取 {error.filename}:{reason(error, 'zh')}", f"cannot read {error.filename}: {reason(error, 'en')}"
        ) from error
    except UnreadableFile as why:
        raise UserMistake(f"{why.path}:{why.zh}", f"{why.path}: {why.en}") from None
    codes = [_judge(unit, options) for unit in units]
    return Exit.FAILED if Exit.FAILED in codes else max(codes)


def _addresses(profile: Profile, options: JudgeOptions) -> dict[Party, list[str]]:
    """Who listens where: as the options say, else as the profile says."""
    said = {
        Party.GRID: profile.grid.endpoint,
        Party.URBAN: profile.urban.endpoint,
        Party.BRIDGE: profile.bridge.endpoint,
    }
    asked = {party: list(urls) for party, urls in options.addresses.items() if urls}
    # The built-in example's addresses are nobody's but the simulators', and they do no harm elsewhere.
    return {party: asked.get(party, [said[party]]) for party in Party}


def _judge(unit: Unit, options: JudgeOptions) -> Exit:
    verdicts = judge(unit.trace, unit.profile)
    messages = Messages(unit.trace)
    code = exit_code(verdicts, unreadable=bool(unit.broken))
    if options.json:
        line = _as_json(unit, verdicts, messages, code)
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        return code
    console = plain_console()
    _tell_files(console, unit, options.language)
    tell_table(console, verdicts, options.language)
    tell_breaches(console, verdicts, messages, options.language)
    _tell_end(console, verdicts, code, options.language)
    return code


def _tell_files(console: Console, unit: Unit, language: Language) -> None:
    for file in unit.files:
        told = say(
            language,
            f"{file.path}:对接报文 {file.ours} 次,其他调用 {file.not_ours} 次,无法读取 {len(file.broken)} 次",
            f"{file.path}: {file.ours} calls of the exchange, {file.not_ours} others, {len(file.broken)} unreadable",
        )
        console.print(Text(told), soft_wrap=True)
        _tell_broken(console, file, language)
    for inferred in unit.inferred:
        name = party(inferred.party, language)
        told = say(
            language,
            f"由报文推断:{inferred.address} 是{name};可用 --grid、--urban、--bridge 指明",
            f"worked out from the traffic: {inferred.address} is the {name}; --grid, --urban and --bridge say it for sure",
        )
        console.print(Text(told, "yellow"), soft_wrap=True)
    if unit.codes_from_traffic:
        told = say(
            language,
            f"未给 --profile:平台代码取自报文({unit.profile.grid.code}、{unit.profile.urban.code}),其余按内置示例",
            f"no --profile: party codes are taken from the traffic ({unit.profile.grid.code}, {unit.profile.urban.code}),"
            " everything else from the built-in example",
        )
        console.print(Text(told, "yellow"), soft_wrap=True)
    for told in partial_notes(unit, language):
        console.print(Text(told, "yellow"), soft_wrap=True)
    console.print()


def _tell_broken(console: Console, file: FileCount, language: Language) -> None:
    for broken in file.broken[:BROKEN_TOLD]:
        console.print(
            Text(f"  {broken.file}#{broken.entry}: {say(language, broken.zh, broken.en)}", "red"), soft_wrap=True
        )
    more = len(file.broken) - BROKEN_TOLD
    if more > 0:
        console.print(Text("  " + say(language, f"另有 {more} 条", f"and {more} more"), "red"))


def partial_notes(unit: Unit, language: Language) -> list[str]:
    """What the recording lacks, so that some clauses were not asked about some cases."""
    recording = unit.trace.recording
    if recording is None:
        return []
    extents = Extents(unit.trace)
    notes = []
    one_way = sorted(hop for hop in recording.hops if hop[::-1] not in recording.hops)
    for sender, to in one_way:
        here, there = party(sender, language), party(to, language)
        notes.append(
            say(
                language,
                f"只录到{here}呼叫{there},没有录到反方向:回执与案卷流程不作评判",
                f"only calls from the {here} to the {there} were recorded, none the other way: receipts and courses of cases are not judged",
            )
        )
    begun = len(extents.begun_before)
    if begun:
        notes.append(
            say(
                language,
                f"{begun} 件案卷在录制之前已移交:只评判其报文与回执,不评判流程",
                f"{begun} case{'' if begun == 1 else 's'} had been handed over before the recording: messages and receipts are judged, the course is not",
            )
        )
    torn = len(extents.torn)
    if torn:
        notes.append(
            say(
                language,
                f"{torn} 件案卷办理期间有报文无法读取:只逐条评判其报文",
                f"something unreadable passed while {torn} case{' was' if torn == 1 else 's were'} under way: only their single messages are judged",
            )
        )
    return notes


def _tell_end(console: Console, verdicts: Sequence[Verdict], code: Exit, language: Language) -> None:
    kept = sum(1 for verdict in verdicts if verdict.outcome == "pass")
    broken = sum(1 for verdict in verdicts if verdict.failed)
    console.print()
    told = say(language, f"{kept} 条相符,{broken} 条违反。", f"{kept} kept, {broken} broken.")
    if code is Exit.INCONCLUSIVE:
        told += say(language, "不足以下结论。", " Nothing can be concluded.")
    style = {Exit.OK: "green", Exit.FAILED: "bold red"}.get(code, "yellow")
    console.print(Text(told, style))


def _as_json(unit: Unit, verdicts: Sequence[Verdict], messages: Messages, code: Exit) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "trace_version": FORMAT_VERSION,
        "profile": unit.profile.name,
        "codes_from_traffic": unit.codes_from_traffic,
        "files": [
            {
                "path": file.path,
                "kind": file.kind,
                "ours": file.ours,
                "not_ours": file.not_ours,
                "unreadable": [
                    {"file": b.file, "entry": b.entry, "reason_zh": b.zh, "reason_en": b.en} for b in file.broken
                ],
            }
            for file in unit.files
        ],
        "inferred": {inferred.address: inferred.party.value for inferred in unit.inferred},
        "limits_zh": partial_notes(unit, "zh"),
        "limits_en": partial_notes(unit, "en"),
        "verdicts": as_json(verdicts, messages),
        "exit": int(code),
    }
