"""How many complete, judged and audited case lives a second does a city in virtual time bring about on one core?

Worlds of `duijie simulate` with its usual faults, one after the other in this process, and where their time goes.
"""

import cProfile
import pstats
import resource
import time
from collections import Counter

from duijie.simulate import SimulateOptions, plans
from duijie.simulation.city import live_world

#: A city of so many cases has worlds of the full size; some of them are measured.
CITY = SimulateOptions(cases=10_000, days=30)
WORLDS = 4
#: Whose time it is, by the file that spends it; the first that fits.
PARTS = (
    ("/bridge/", "bridge core and store"),
    ("/simulators/", "both platforms"),
    ("/conformance/oracle/rules/", "judge"),
    ("/conformance/oracle/stream", "judge"),
    ("/conformance/oracle/trace", "trace, written and read"),
    ("/json/", "trace, written and read"),
    ("/conformance/ledger", "audit of the books"),
    ("/conformance/scenario/faults", "stage and network"),
    ("/duijie/virtual", "stage and network"),
    ("/duijie/simulation", "people and counting"),
)


def measure() -> tuple[float, float, float]:
    """Lives, forms and calls a second."""
    began = time.process_time()
    lives = forms = calls = 0
    for plan in plans(CITY)[:WORLDS]:
        figures = live_world(plan).figures
        lives += figures.cases["reported"]
        forms += sum(figures.forms.values())
        calls += figures.messages["calls"]
    seconds = time.process_time() - began
    return lives / seconds, forms / seconds, calls / seconds


def shares() -> Counter[str]:
    """How much of the time of one world each part spends; what built-in functions take is their callers'."""
    profile = cProfile.Profile()
    plan = plans(CITY)[0]
    profile.runcall(live_world, plan)
    spent: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        part = _part(file)
        if part is not None:
            spent[part] += own
            continue
        total = sum(each[2] for each in callers.values())
        for (caller, _, _), each in callers.items():
            spent[_part(caller) or "other"] += own * each[2] / total if total else 0
    return spent


def _part(file: str) -> str | None:
    return next((name for path, name in PARTS if path in file), None)


def main() -> None:
    """Print rates, memory and shares."""
    lives, forms, calls = measure()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"city: {lives:.0f} lives, {forms:.0f} forms, {calls:.0f} calls a second on one core; {memory} MiB at the most"
    )
    spent = shares()
    whole = sum(spent.values())
    for part, seconds in spent.most_common():
        print(f"city: {100 * seconds / whole:4.1f} % {part}")
