"""Counts what the fuzz suite tried, over all workers, and says so at the end with the seed."""

import os
from collections import Counter
from typing import Any

import pytest
from tally import TALLY

_ALL: Counter[str] = Counter()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take over what a worker counted."""
    _ALL.update(getattr(node, "workeroutput", {}).get("fuzz", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller, or keep it when there is none."""
    worker = getattr(session.config, "workeroutput", None)
    if worker is None:
        _ALL.update(TALLY)
    else:
        worker["fuzz"] = dict(TALLY)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the count and the seed."""
    if _ALL:
        seed, asked = os.environ.get("FUZZ_SEED", "1"), os.environ.get("FUZZ_INPUTS", "0")
        told = ", ".join(f"{count} {what}" for what, count in sorted(_ALL.items()))
        terminalreporter.write_line(f"fuzz: {_ALL.total()} inputs, seed {seed}: {told}")
        terminalreporter.write_line(
            f"fuzz: repeat one with FUZZ_INPUTS={asked} FUZZ_SEED={seed} FUZZ_SHRINK=1 pytest '<its name>'"
        )
