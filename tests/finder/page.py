"""The page on what the machines find: `python tests/finder/page.py docs/finder.md [--mutants FILE --planted FILE]`.

Without files it plants every member that the page has and looks at the sample of mutants first, which takes a while; with them it
takes what `planted.py --json` and `mutants.py --json` have written.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mutants
import planted
from machines import MACHINES
from survivors import reason_for

from conformance.zoo import members

_HEAD = """# 自动查找 · The finder

写下来的场景只演人想到的事。查找器让 Hypothesis 的状态机自己编故事:规则是业务动词,不变量是以条款命名的事实,与一个只依条款写成、从未见过对接桥规则的小模型
对照(`tests/finder/law.py`、`bridge_model.py`,以及 `conformance/explore` 的模型)。发现的问题按业务步骤缩到最小;演完整故事的机器把它写成 `scenarios/regressions/` 下的场景文件,标题写明
条款和被破坏的事实,直接用 `duijie replay` 重放,无须手改。本页的数字由命令得出。

Written scenarios show what somebody thought of. Here state machines of Hypothesis make up their own: rules are domain verbs, invariants are facts named after their clause, held against
a small model that is written from the clauses alone and has never seen the bridge's rules (`tests/finder/law.py`, `bridge_model.py`, and the model of `conformance/explore`). What is found is made small by
business steps; machines that play whole stories write it as a scenario file under `scenarios/regressions/`, titled with the clause and the broken fact, ready for `duijie replay` as it is. This page is
made by `python tests/finder/page.py docs/finder.md`.

## 使用 · How to use it
| 命令 · command | |
|---|---|
| `pytest tests/finder` | 快速档,固定种子,随普通测试运行;失败时打印重复它的命令 · the quick profile, from a fixed seed, part of the normal tests; a failure prints the command that repeats it |
| `tox run -e finder` | 深度档:十分钟,或 `FINDER_SECONDS`、`-- --seconds N`;种子打印在开头,失败过的例子存入 `.finder/` · the deep profile: ten minutes, or as `FINDER_SECONDS` or `-- --seconds N` says; the seed is printed first, examples that failed are kept in `.finder/` |
| `tox run -e finder -- --planted MEMBER` | 植入[动物园](zoo.md)的一个缺陷,看它如何被找到并写成文件 · plants a defect of the [zoo](zoo.md), to see it found and written |
| `duijie replay FILE --planted MEMBER` | 用同一缺陷重放该文件为红,不加为绿 · plays the file red with the same defect, and green without |
| `tox run -e mutants` | 抽样变异对接桥的规则与核心 · changes a sample of the bridge's rules and core, one thing at a time |

退出码 0 无发现,1 有发现,3 用法有误 · exit codes 0: nothing found; 1: something found; 3: a mistake in what was asked for. `--json` 每项发现一行 · one line for each thing found.
"""


def page(met: Iterable[Mapping[str, Any]], fates: Iterable[Mapping[str, Any]]) -> str:
    """The whole page."""
    met, fates = list(met), list(fates)
    return "\n".join([_HEAD, *_machines(met, fates), *_planted(met), *_mutants(fates)]) + "\n"


def _machines(met: list[Mapping[str, Any]], fates: list[Mapping[str, Any]]) -> list[str]:
    by_planted, by_mutant = Counter(each["machine"] for each in met), Counter(each["machine"] for each in fates)
    lines = [
        "## 机器 · The machines",
        "每个缺陷只记给第一台发现它的机器 · Each defect is counted for the first machine that finds it.",
        "",
        "| 机器 · machine | | 快速档的例数 · examples in the quick profile | 先发现的植入缺陷 · planted defects found first | 先发现的变异 · mutants found first |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{each.name}` | {each.zh} · {each.en} | {each.quick} | {by_planted[each.name]} | {by_mutant[each.name] if each.name in mutants.LOOKING else '–'} |"
        for each in MACHINES
    ]
    return [*lines, ""]


def _planted(met: list[Mapping[str, Any]]) -> list[str]:
    found = [each for each in met if each["machine"]]
    bridge = [each for each in met if each["member"].startswith("bridge-")]
    part = len(met) < len(members())
    lines = [
        "## 植入的缺陷 · Planted defects",
        *(
            [
                "此处为对接桥的全部成员和两个平台的一部分;检查对全部成员的结果见[动物园](zoo.md) · Here all bridges and a part of the platforms; what the checks find of all of them is in [the zoo](zoo.md)."
            ]
            if part
            else []
        ),
        f"动物园的成员逐个顶替其一方:{len(met)} 个中发现 {len(found)} 个,其中对接桥 {len(bridge)} 个中 {sum(bool(each['machine']) for each in bridge)} 个(`python tests/finder/planted.py`,种子 1)。",
        f"Members of the zoo, one at a time: {len(found)} of {len(met)} are found, {sum(bool(each['machine']) for each in bridge)} of the {len(bridge)} bridges among them (`python tests/finder/planted.py`, seed 1).",
        "",
        "| 成员 · member | 条款 · clause | 由 · by | 被破坏的事实 · the fact that was broken |",
        "|---|---|---|---|",
    ]
    known = {each.id: each for each in members()}
    for each in met:
        fact = (
            f"{each['clause']}: {each['fact']}" if each["machine"] else f"– {reason_for('zoo', each['member']) or ''}"
        )
        lines.append(
            f"| `{each['member']}`<br>{known[each['member']].zh} | {each['breaks']} | {each['machine'] or '–'} | {_cell(fact)} |"
        )
    return [*lines, ""]


def _mutants(fates: list[Mapping[str, Any]]) -> list[str]:
    survivors = [each for each in fates if not each["machine"]]
    equal = [each for each in survivors if reason_for(each["module"], each["within"], each["told"])]
    lines = [
        "## 变异 · Mutants",
        f"`bridge/rules` 与 `bridge/core` 每次改错一处:比较、边界、条件、表格的行、枚举的成员、语句。抽样 {len(fates)} 个(种子 {SEED}):机器发现 {len(fates) - len(survivors)} 个,存活 {len(survivors)} 个,原因如下。",
        f"One thing at a time is written wrongly in `bridge/rules` and `bridge/core`: comparisons, boundaries, conditions, rows of tables, members of enumerations, statements. Of a sample of {len(fates)} (seed {SEED}) the machines find",
        f"{len(fates) - len(survivors)}; {len(survivors)} survive, {len(equal)} of them for a reason that is known. `python tests/finder/mutants.py --sample {len(fates)} --seed {SEED}`; the machines alone look, no other test.",
        "",
        "| 模块 · module | 变异 · mutants | 发现 · found |",
        "|---|---|---|",
    ]
    by_module: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in fates:
        by_module[each["module"]].append(each)
    lines += [
        f"| `{name}` | {len(all_)} | {sum(bool(each['machine']) for each in all_)} |"
        for name, all_ in sorted(by_module.items())
    ]
    lines += [
        "",
        "### 存活者及原因 · Survivors and why",
        "",
        "| 位置 · where | 改动 · the change | 原因 · why |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{each['module']}` {each['within']} | {_cell(each['told'])} | {reason_for(each['module'], each['within'], each['told']) or '**未说明 · not explained**'} |"
        for each in survivors
    ]
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


#: The sample of the page.
SAMPLE, SEED = 100, 7


def main() -> int:
    """Write the page; the exit code says whether everything on it is explained."""
    parser = argparse.ArgumentParser(prog="python tests/finder/page.py", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--mutants", type=Path, help="what `mutants.py --json` wrote")
    parser.add_argument("--planted", type=Path, help="what `planted.py --json` wrote")
    asked = parser.parse_args()
    met = _read(asked.planted) if asked.planted else [asdict(each) for each in planted.meet_all(members())]
    fates = (
        _read(asked.mutants)
        if asked.mutants
        else [asdict(each) for each in mutants.fates(mutants.chosen(SAMPLE, "1/1", "", SEED), 1.0)]
    )
    asked.page.write_text(page(met, fates), encoding="utf-8")
    unexplained = [
        each for each in fates if not each["machine"] and not reason_for(each["module"], each["within"], each["told"])
    ]
    return 1 if unexplained else 0


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
