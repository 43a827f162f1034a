"""`duijie explain`: a clause, and what touches it."""

import re
from pathlib import Path

from rich.console import Console

from conformance.clauses import Clause, clauses
from conformance.scenario.load import load_all
from conformance.scenario.steps import Scenario
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder

#: Where a clause shows, in Chinese.
SEEN_BY_ZH = {
    "wire": "报文",
    "query": "查询",
    "control": "控制端口",
    "console": "控制台",
    "app": "社管通",
    "report": "统计",
}
_PARTIES = {"grid": "网格平台", "urban": "城管平台", "bridge": "对接桥"}


def run_explain(asked: str | None, language: Language) -> Exit:
    """Print one clause, or a line for each of them."""
    console = Console(highlight=False, soft_wrap=True)
    catalogue = clauses()
    if asked is None:
        for clause in catalogue.values():
            console.print(f"{clause.id:9} {clause.sentence(language)}", markup=False)
        return Exit.OK
    found = catalogue.get(asked.upper())
    if found is None:
        raise UserMistake(
            f"没有条款 {asked};不带参数执行 duijie explain 可列出全部",
            f"there is no clause {asked}; `duijie explain` lists them",
        )
    _tell(console, found, language)
    return Exit.OK


def _tell(console: Console, clause: Clause, language: Language) -> None:
    scenarios = scenarios_for(clause.id)
    seen_by = clause.seen_by if language == "en" else [SEEN_BY_ZH.get(word, word) for word in clause.seen_by]
    obliged = clause.obliged if language == "en" else [_PARTIES.get(word, word) for word in clause.obliged]
    comma = say(language, "、", ", ")
    console.print(f"{clause.id}  {clause.sentence(language)}", markup=False, style="bold")
    console.print(say(language, "来源:", "source: ") + clause.source_for_people(language), markup=False)
    console.print(say(language, "谁须遵守:", "obliged: ") + comma.join(obliged), markup=False)
    console.print(say(language, "从何处可见:", "seen by: ") + comma.join(seen_by), markup=False)
    console.print(say(language, f"场景({len(scenarios)}):", f"scenarios ({len(scenarios)}):"))
    for scenario in scenarios:
        console.print(f"  {scenario.id}  {scenario.title(language)}", markup=False)
    tests = files_that_test(clause.id)
    if tests:
        console.print(say(language, f"测试({len(tests)}):", f"tests ({len(tests)}):"))
        for test in tests:
            console.print(f"  {test}", markup=False)


def scenarios_for(clause_id: str) -> list[Scenario]:
    """The library's scenarios that name a clause."""
    return [scenario for scenario in load_all([library_folder()]) if clause_id in scenario.clauses]


def files_that_test(clause_id: str) -> list[str]:
    """Test files of a checkout that name a clause, as paths with the number of places; empty when installed without tests."""
    root = _checkout()
    if root is None:
        return []
    # Written GRID-1 in texts, GRID_1 at the end of a test's name.
    word = re.compile(rf"(?<![A-Za-z0-9]){clause_id.replace('-', '[-_]')}(?![A-Za-z0-9])", re.IGNORECASE)
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        count = len(word.findall(path.read_text(encoding="utf-8")))
        if count:
            found.append(f"{path.relative_to(root).as_posix()} ({count})")
    return found


def _checkout() -> Path | None:
    """The checkout with the tests: the one this runs from, or the one that the user stands in."""
    for root in (Path(__file__).parents[1], Path.cwd()):
        if (root / "tests").is_dir() and (root / "pyproject.toml").is_file():
            return root
    return None
