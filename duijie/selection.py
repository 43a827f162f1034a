"""Which checks a run of `duijie conform` makes, beside `--only` and `--skip`: those that failed last time, or one share of them."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from conformance.checks.check import Check
from conformance.checks.result import Verdict
from duijie.exits import UserMistake

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


def share_of(planned: Sequence[Check], shard: str) -> tuple[Check, ...]:
    """The K-th of N shares (`K/N`): every N-th check of the stable order, so that all shares take about as long."""
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", shard)
    number, shares = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < number <= shares:
        raise UserMistake(f"--shard 应如 2/3,收到 {shard}", f"--shard is written like 2/3, not {shard}")
    return tuple(planned[number - 1 :: shares])
