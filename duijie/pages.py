"""Pages of the documentation that are made from the code. `python -m duijie.pages docs` writes them; a test keeps them current."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from bridge.vocabulary.glossary import as_markdown
from conformance.clauses import Clause, clauses
from conformance.scenario.faults import faults
from conformance.scenario.load import load_all
from conformance.scenario.steps import Scenario
from duijie.cli import app
from duijie.exits import Exit
from duijie.explain import files_that_test
from duijie.figures.indicators import INDICATORS, NOT_KEPT, RATES
from duijie.figures.sections import BALANCES, SECTIONS
from duijie.library import library_folder
from duijie.reports.sheets import formula

_EXITS_ZH = {
    Exit.OK: "一切成立",
    Exit.FAILED: "有期望或条款不成立",
    Exit.INCONCLUSIVE: "没有不成立的,也没有得出结论的",
    Exit.CONFIGURATION: "文件、配置、选项、端口或目录不可用",
    Exit.INTERNAL: "产品自身出错",
    Exit.INTERRUPTED: "被 Ctrl-C 中断,或输出的读者已离开",
}
_EXITS_EN = {
    Exit.OK: "everything held",
    Exit.FAILED: "an expectation or a clause did not hold",
    Exit.INCONCLUSIVE: "nothing failed, and nothing conclusive was seen either",
    Exit.CONFIGURATION: "a file, a profile, an option, a port or a folder cannot be used as it is",
    Exit.INTERNAL: "the product itself broke",
    Exit.INTERRUPTED: "stopped by Ctrl-C, or the reader of the output is gone",
}


def command_line() -> str:
    """The page on every command, its arguments and options, and the exit codes."""
    lines = ["# 命令行 · The command line", ""]
    for name, command in _commands(typer.main.get_command(app), "duijie"):
        lines += [f"## `{name}`", "", str(command.help or ""), ""]
        rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
        if rows:
            lines += ["| | |", "|---|---|", *rows, ""]
    lines += ["## 退出码 · Exit codes", "", "| | | |", "|---|---|---|"]
    lines += [f"| {int(code)} | {_EXITS_ZH[code]} | {_EXITS_EN[code]} |" for code in Exit]
    return "\n".join(lines) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in children:
        yield from _commands(children[child], f"{name} {child}")


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        spelled = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        spelled = ", ".join(f"`{option}`" for option in parameter.opts)
    return f"| {spelled} | {parameter.help or ''} |"


def clause_index() -> str:
    """The page on every clause: what it says, which scenarios play it and which test files name it."""
    library = load_all([library_folder()])
    lines = [
        "# 条款与证据 · The clauses and what proves them",
        "",
        "Made from the clause catalogue, the scenarios and the tests by `python -m duijie.pages docs`; a test keeps it current.",
        "`duijie explain INT-8` tells the same of one clause.",
        "",
        "| 条款 · Clause | 说什么 · What it says | 场景 · Scenarios | 测试 · Test files |",
        "|---|---|---|---|",
    ]
    lines += [_clause_row(clause, library) for clause in clauses().values()]
    return "\n".join(lines) + "\n"


def _clause_row(clause: Clause, library: Iterable[Scenario]) -> str:
    stories = [f"`{scenario.id}`" for scenario in library if clause.id in scenario.clauses]
    tests = [f"`{named.partition(' ')[0]}`" for named in files_that_test(clause.id)]
    return f"| {clause.id} | {clause.zh}<br>{clause.en} | {_counted(stories)} | {_counted(tests)} |"


def _counted(names: list[str]) -> str:
    return f"**{len(names)}**: {', '.join(names)}" if names else "–"


def network_faults() -> str:
    """The page on what the network can be made to do."""
    lines = [
        "# 网络故障 · What the network can be made to do",
        "",
        "Made from `conformance/scenario/faults/kinds` by `python -m duijie.pages docs`; a test keeps it current. How a fault is aimed at a",
        "message stands in [writing-a-scenario.md](writing-a-scenario.md), how to put it between your own platforms in [network.md](network.md).",
        "",
        "| 词 · Word | 可发生于 · Can happen to | 含义 · What happens | 时间线上 · In the timeline | 可作噪声 · In noise |",
        "|---|---|---|---|---|",
    ]
    for fault in faults().values():
        hits = ", ".join(f"`{hit.replace('_', ' ')}`" for hit in fault.hits)
        lines.append(
            f"| `network.{fault.name}` | {hits} | {fault.means_zh}。<br>{fault.means_en[0].upper()}{fault.means_en[1:]}. "
            f"| {fault.told_zh} · {fault.told_en} | {'✓' if fault.noisy else '–'} |"
        )
    return "\n".join(lines) + "\n"


def figures() -> str:
    """The page on what every figure of a report means, and which table it stands in."""
    lines = [
        "# 指标定义 · What the figures mean",
        "",
        "Made from `duijie/figures/indicators.py` and `sections.py` by `python -m duijie.pages docs`; a test keeps it current. How reports are made stands in",
        "[reports.md](reports.md).",
        "",
        "## 计数 · Counts",
        "",
        "| 代号 · id | 指标 · figure | 定义 · what it means | 依据 · source |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{row.id}` | {row.zh} · {row.en} | {row.means_zh}。<br>{row.means_en[0].upper()}{row.means_en[1:]}. | {row.source} |"
        for row in INDICATORS.values()
    ]
    lines += [
        "",
        "## 率 · Rates",
        "",
        "| 代号 · id | 指标 · figure | 算法 · formula | 依据 · source |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{row.id}` | {row.zh} · {row.en} | {formula(row.id, 'zh')}<br>{formula(row.id, 'en')} | {row.source} |"
        for row in RATES.values()
    ]
    lines += [
        "",
        "A rate over 0 has no value: neither 0 nor 100 %. 分母为 0 时没有数值。",
        "",
        "## 没有记录的指标 · Not kept",
        "",
    ]
    lines += [f"- {zh} · {en}: {why_zh}; {why_en}." for zh, en, why_zh, why_en in NOT_KEPT]
    lines += [
        "",
        "## 报表 · Tables",
        "",
        "| 表 · table | 案卷 · cases | 按 · by | 给谁 · for | 指标 · figures |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {section.zh} · {section.en} ({section.clause}) | `{section.scope}` | `{section.level}` | {', '.join(f'`{e}`' for e in sorted(section.editions))} "
        f"| {', '.join(f'`{name}`' for name in (*section.indicators, *section.rates))} |"
        for section in SECTIONS
    ]
    lines += ["", "## 必须平 · What must add up", ""]
    lines += [f"- {balance.zh} · {balance.en}" for balance in BALANCES]
    return "\n".join(lines) + "\n"


PAGES = {
    "clauses.md": clause_index,
    "command-line.md": command_line,
    "figures.md": figures,
    "glossary.md": as_markdown,
    "network-faults.md": network_faults,
}


def main() -> None:
    """Write every page into the folder that is named."""
    folder = Path(sys.argv[1])
    for name, make in PAGES.items():
        (folder / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
