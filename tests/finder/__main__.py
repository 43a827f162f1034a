"""Machines that look for what nobody thought of, for as long as one likes.

    python tests/finder [--seconds N] [--machine NAME]… [--planted MEMBER] [--seed N] [--into FOLDER]

Every machine (`machines.py`) gets a share of the time, round after round, each round from another seed. What it finds is made small; a
story is written as a scenario file under `scenarios/regressions`, ready for `duijie replay`. `FINDER_SECONDS` says the time too.
Exit codes are those of `duijie`: 0 nothing found, 1 something found, 3 a mistake in what was asked for.
"""

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bridge")]

from hypothesis.database import DirectoryBasedExampleDatabase  # noqa: E402 - the path comes first
from machines import MACHINES, Found, Hunt, Machine  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402

from conformance.zoo import Member, members  # noqa: E402
from duijie.exits import Exit  # noqa: E402

#: How long a run takes unless it is told otherwise.
SECONDS = 600
#: Examples of a turn, against the quick profile: long enough to shrink well, short enough for everybody to have a turn soon.
_TURN = 1.0
_SEEDS = 2**31


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, tell what was found, and say in the exit code whether anything was."""
    asked = _asked(arguments)
    console = Console(highlight=False, soft_wrap=True, stderr=asked.json)
    planted = _member(asked.planted)
    if asked.planted and planted is None:
        console.print(
            f"动物园里没有 {asked.planted},见 docs/zoo.md · no member of the zoo is called {asked.planted}: see docs/zoo.md"
        )
        return Exit.CONFIGURATION
    chosen = [each for each in MACHINES if not asked.machine or each.name in asked.machine]
    if planted is not None:
        chosen = [each for each in chosen if planted.party in each.parties]
    seed = secrets.randbelow(_SEEDS) if asked.seed is None else asked.seed
    hunt = Hunt(
        seed=seed,
        times=asked.times or _TURN,
        planted=planted,
        folder=asked.into,
        database=None if planted else DirectoryBasedExampleDatabase(asked.database),
    )
    told = f",植入缺陷 {planted.id}" if planted else ""
    console.print(
        f"查找:{len(chosen)} 台机器,种子 {seed}{told} · finding: {len(chosen)} machines, seed {seed}, again with --seed {seed}"
    )
    found: list[Found] = []
    # What was asked for by the number of examples is looked at once.
    seconds = 0.0 if asked.times else asked.seconds
    for each in _turns(chosen, hunt, seconds, console):
        found.append(each)
        _tell(each, console, as_json=asked.json)
    console.print(f"发现 {len(found)} 处 · {len(found)} found")
    return Exit.FAILED if found else Exit.OK


def _turns(chosen: Sequence[Machine], hunt: Hunt, seconds: float, console: Console) -> Iterator[Found]:
    """Round after round, one turn for each machine, until the time is over; the same fact of a machine once."""
    began = time.monotonic()
    known: set[tuple[str, str]] = set()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=seconds or len(chosen))
        round_ = 0
        while round_ == 0 or time.monotonic() - began < seconds:
            for number, machine in enumerate(chosen):
                bar.update(
                    task,
                    description=f"{machine.name} {round_ + 1}",
                    completed=(time.monotonic() - began) if seconds else number,
                )
                if round_ and time.monotonic() - began >= seconds:
                    break
                for each in machine.hunts(replace(hunt, seed=hunt.seed + round_)):
                    if (each.machine, each.clause) not in known:
                        known.add((each.machine, each.clause))
                        yield each
            # A planted defect is there to be found, and one round finds what is to be found.
            if hunt.planted is not None:
                return
            round_ += 1


def _tell(found: Found, console: Console, *, as_json: bool) -> None:
    if as_json:
        record = {
            "machine": found.machine,
            "clause": found.clause,
            "fact": found.fact,
            "file": None if found.path is None else str(found.path),
            "repeat": found.repeat,
        }
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    console.print(f"✗ {found.clause}  {found.fact}", style="bold red", markup=False)
    console.print(found.text, style="dim", markup=False)
    console.print(f"    重复 · repeat: {found.repeat}", markup=False)


def _member(name: str | None) -> Member | None:
    return next((each for each in members() if each.id == name), None)


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/finder", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--seconds", type=float, default=float(os.environ.get("FINDER_SECONDS", SECONDS)), help="how long to look"
    )
    parser.add_argument(
        "--machine",
        action="append",
        choices=[each.name for each in MACHINES],
        help="this machine alone; may be repeated",
    )
    parser.add_argument("--planted", metavar="MEMBER", help="a member of the zoo takes its place, to be found out")
    parser.add_argument("--seed", type=int, help="what is drawn from; told at the start")
    parser.add_argument(
        "--times", type=float, help="so many times the examples of the quick profile, once, instead of a time"
    )
    parser.add_argument(
        "--into", type=Path, default=ROOT / "scenarios" / "regressions", help="where failing stories are written"
    )
    parser.add_argument(
        "--database", type=Path, default=ROOT / ".finder", help="where examples are kept that once failed"
    )
    parser.add_argument("--json", action="store_true", help="one JSON line for each thing found")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
