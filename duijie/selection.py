"""Which checks a run of `duijie conform` makes, beside `--only` and `--skip`: scenario files of the user's own, those that failed last time, or one share."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bridge.vocabulary.parties import Party
from conformance.checks.check import OWN, Check
from conformance.checks.result import Verdict
from conformance.scenario.load import load_all
from conformance.scenario.steps import CheckMark
from duijie.exits import UserMistake
from located_yaml import DocumentInvalid

#: What is worth another look.
_RED = {Verdict.FAIL.value, Verdict.CONFIG.value, Verdict.SUITE_ERROR.value}


def failed_in(report: Path) -> frozenset[str]:
    """The ids of the checks for which an earlier report was red: its folder, or its `results.json`. Known failures are not among them, known ones that are gone are."""
    file = report / "results.json" if report.is_dir() else report
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        failed = {each["id"] for each in told["results"] if each["verdict"] in _RED and each["known"] is None}
        red = failed.union(*(each["checks"] for each in told["known_failures"] if each["red"]))
    except OSError as error:
        raise UserMistake(f"无法读取 {file}:{error.strerror}", f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UserMistake(
            f"{file} 不是 duijie conform --report 写出的 results.json",
            f"{file} is no results.json that duijie conform --report wrote",
        ) from None
    if not told["results"]:
        # Nothing was judged because of the set-up: that nothing failed would be a false comfort.
        raise UserMistake(
            f"{file} 的那次运行没有做任何检查;请不带 --last-failed 重做",
            f"no check was run for {file}; run again without --last-failed",
        )
    return frozenset(red)


def own_checks(paths: Sequence[Path], role: Party) -> tuple[Check, ...]:
    """Scenario files as checks of this role, each under an id such as `own/my-story/urban`."""
    for path in paths:
        if not path.exists():
            raise UserMistake(f"没有 {path} 这个文件或目录", f"there is no file or folder {path}")
    try:
        found = load_all(paths)
    except DocumentInvalid as invalid:
        raise UserMistake.in_file(invalid) from None
    made: dict[str, Check] = {}
    for scenario in found:
        mark = CheckMark(id=f"{OWN}{Path(scenario.path).stem}", judges=(role,))
        check = Check(replace(scenario, check=mark), role)
        if check.wiring not in scenario.wirings:
            raise UserMistake(
                f"{scenario.path}:评判 {role} 须有接法 {check.wiring},本场景没有",
                f"{scenario.path}: to judge the {role} side the wiring {check.wiring} is needed, which this scenario does not have",
            )
        if check.id in made:
            first = made[check.id].scenario.path
            raise UserMistake(
                f"{first} 与 {scenario.path} 同名,请改其一",
                f"{first} and {scenario.path} have the same name; rename one",
            )
        made[check.id] = check
    return tuple(made.values())


def share_of(planned: Sequence[Check], shard: str) -> tuple[Check, ...]:
    """The K-th of N shares (`K/N`): every N-th check of the stable order, so that all shares take about as long."""
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", shard)
    number, shares = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < number <= shares:
        raise UserMistake(f"--shard 应如 2/3,收到 {shard}", f"--shard is written like 2/3, not {shard}")
    return tuple(planned[number - 1 :: shares])
