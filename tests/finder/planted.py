"""Every member of the zoo in its party's place, one at a time, and which machine of the quick profile finds it out, by which fact.

python tests/finder/planted.py [--only TEXT]… [--json FILE]
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bridge")]

from machines import MACHINES, Hunt  # noqa: E402 - the path comes first

from conformance.zoo import Member, members  # noqa: E402

_JOBS = 2
#: All machines look briefly first, and then with all examples of the quick profile.
_TIMES = (0.2, 1.0)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was found of one member; empty when nothing was."""

    member: str
    breaks: str
    machine: str = ""
    clause: str = ""
    fact: str = ""


def meet(name: str) -> Seen:
    """Let the machines look, the fastest first, until one finds something."""
    member = next(each for each in members() if each.id == name)
    for times in _TIMES:
        for machine in MACHINES:
            for found in machine.hunts(Hunt(planted=member, shrink=False, times=times)):
                return Seen(
                    member=name, breaks=member.clause, machine=found.machine, clause=found.clause, fact=found.fact
                )
    return Seen(member=name, breaks=member.clause)


def meet_all(chosen: Sequence[Member], jobs: int = _JOBS) -> Iterator[Seen]:
    """One after the other, in their order."""
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(meet, [each.id for each in chosen])


def main() -> int:
    """Meet those that are asked for, and tell."""
    parser = argparse.ArgumentParser(
        prog="python tests/finder/planted.py", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="members whose id or clause holds this text; may be repeated",
    )
    parser.add_argument("--json", default=os.devnull, metavar="FILE", help="one JSON line for each, into this file")
    asked = parser.parse_args()
    chosen = [
        each for each in members() if not asked.only or any(text in f"{each.id} {each.clause}" for text in asked.only)
    ]
    found = []
    with Path(asked.json).open("w", encoding="utf-8") as file:
        for seen in meet_all(chosen):
            found.append(seen)
            file.write(json.dumps(asdict(seen), ensure_ascii=False) + "\n")
            file.flush()
            print(
                f"{'✓' if seen.machine else ' '} {seen.member} ({seen.breaks}) {seen.machine}: {seen.fact}", flush=True
            )
    print(f"{len(found)} planted, {sum(bool(seen.machine) for seen in found)} found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
