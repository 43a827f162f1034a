"""`duijie conform list` and `explain`: the checks themselves, without a system."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks, chosen, text_of
from conformance.checks.check import Check
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder


def list_checks(
    role: str | None, only: Sequence[str], skip: Sequence[str], *, as_json: bool, language: Language
) -> Exit:
    """Print a line for each check."""
    if role is not None and role not in tuple(Party):
        raise UserMistake(
            f"角色应为 grid、urban 或 bridge,不是 {role}", f"the role is grid, urban or bridge, not {role}"
        )
    found = chosen(checks(library_folder(), Party(role) if role else None), only, skip)
    if not found:
        raise UserMistake("没有符合条件的检查", "no check fits")
    if as_json:
        for check in found:
            sys.stdout.write(json.dumps(_record(check), ensure_ascii=False) + "\n")
        return Exit.OK
    console = Console(highlight=False, soft_wrap=True)
    for check in found:
        console.print(f"{check.id:20} {check.title(language)}", markup=False)
    console.print(say(language, f"共 {len(found)} 项检查。", f"{len(found)} checks."))
    return Exit.OK


def explain_check(asked: str, language: Language, *, as_scenario: bool = False) -> Exit:
    """Print all that is known of a check, or its scenario file; an id without a party means each of its parties."""
    found = [check for check in checks(library_folder()) if asked in (check.id, check.id.rpartition("/")[0])]
    if not found:
        raise UserMistake(
            f"没有检查 {asked};duijie conform list 列出全部",
            f"there is no check {asked}; `duijie conform list` lists them",
        )
    if as_scenario:
        # The same for each party.
        sys.stdout.write(text_of(found[0]))
        return Exit.OK
    console = Console(highlight=False, soft_wrap=True)
    for check in found:
        for line in _lines(check, language):
            console.print(line, markup=False)
    return Exit.OK


def _lines(check: Check, language: Language) -> list[str]:
    needs = check.needs
    wanted = [*sorted(needs.acts), *sorted(f"asks/{name}" for name in needs.asks)]
    wanted += [f"{key} = {value}" for key, value in needs.settings]
    wanted += [
        word for word, needed in (("clock", needs.clock), ("restart", needs.restart), ("reset", needs.fresh)) if needed
    ]
    return [
        f"{check.id}  {check.title(language)}",
        say(language, "依据:", "why: ") + f"{check.clause} {check.why(language)}",
        say(language, "步骤:", "what is done:"),
        *(f"  {number}. {line}" for number, line in enumerate(check.sent(language), 1)),
        say(language, "应当:", "what must come of it:"),
        *(f"  - {line}" for line in check.must(language)),
        say(language, "须有:", "needs: ") + (say(language, "、", ", ").join(wanted) or "–"),
        say(language, "不通过时:", "when it fails: ") + check.fix(language),
        say(language, "场景:", "scenario: ") + check.scenario.path,
    ]


def _record(check: Check) -> dict[str, object]:
    return {
        "id": check.id,
        "clause": check.clause,
        "clauses": list(check.scenario.clauses),
        "judges": check.judges.value,
        "scenario": check.scenario.id,
        "title": {"zh": check.title("zh"), "en": check.title("en")},
    }
