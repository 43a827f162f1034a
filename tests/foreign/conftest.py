"""At the end it is said how much foreign stacks really did, so that a run that did nothing shows."""

from collections import Counter

import pytest
from exchanges_seen import JUDGED, SEEN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if JUDGED:
        told = ", ".join(f"{verdict} {count}" for verdict, count in sorted(JUDGED.items()))
        terminalreporter.write_line(f"the foreign urban system was judged: {told}")
    if not SEEN:
        return
    total = sum(SEEN.values(), Counter())
    each = ", ".join(f"{name} {seen['exchanges']}" for name, seen in sorted(SEEN.items()))
    terminalreporter.write_line(
        f"foreign clients and peers: {total['exchanges']} exchanges ({each}), {total['handed_over']} cases handed over by clients, "
        f"{total['closed']} whole case lives behind foreign urban platforms"
    )
