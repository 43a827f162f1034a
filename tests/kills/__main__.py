"""Kill the bridge and both simulators hundreds of times over running exchanges, and audit the books after each round.

    python tests/kills [--seed N] [--jobs N] [--only TEXT] [--list]

Ends with one line of counts. A round that goes wrong prints its findings and the one command that repeats it.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rounds import LOSSES, Outcome, chances, play, sweeps

from bridge.vocabulary.parties import Party

#: Two parties wait for each other much of the time, so that three rounds fit on two cores.
JOBS = 3


def main() -> int:
    """Play the rounds; 0 when nothing was lost or doubled and every round came to its end."""
    options = _options()
    rounds = [each for each in [*sweeps(options.seed), *chances(options.seed)] if options.only in each.name]
    if options.list:
        print(*(each.name for each in rounds), sep="\n")
        return 0
    outcomes = []
    with ThreadPoolExecutor(options.jobs) as jobs:
        for done in as_completed(jobs.submit(play, each) for each in rounds):
            outcomes.append(done.result())
            _tell(outcomes[-1], options.seed)
    _sum_up(outcomes, options.seed)
    return 1 if any(each.findings or each.trouble for each in outcomes) or not outcomes else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/kills", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--jobs", type=int, default=JOBS, help="rounds that are played side by side")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the rounds whose name holds this text")
    parser.add_argument("--list", action="store_true", help="name the rounds and play none")
    return parser.parse_args()


def _tell(outcome: Outcome, seed: int) -> None:
    print(
        f"{outcome.seconds:5.0f} s  {outcome.deaths.total:4} kills  {outcome.lives:3} lives  {outcome.name}", flush=True
    )
    if outcome.trouble or outcome.findings:
        for finding in outcome.findings:
            print(f"    {finding.text('en')}")
        if outcome.trouble:
            print(f"    {outcome.trouble}")
        print(f"    again: {Path(sys.executable).name} tests/kills --seed {seed} --only '{outcome.name}'", flush=True)


def _sum_up(outcomes: list[Outcome], seed: int) -> None:
    steps: Counter[tuple[Party, str]] = Counter()
    for outcome in outcomes:
        steps += outcome.deaths.by_step
    for party in Party:
        at = sorted((step, times) for (each, step), times in steps.items() if each is party)
        print(f"{party}: {', '.join(f'{step} {times}' for step, times in at)}")
    killed = ", ".join(f"{party} {sum(outcome.deaths.of(party) for outcome in outcomes)}" for party in Party)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    lost = sum(finding.rule in LOSSES for finding in findings)
    print(
        f"killed {steps.total()} times: {killed}; lives {sum(outcome.lives for outcome in outcomes)}; "
        f"lost {lost}, doubled {len(findings) - lost}; seed {seed}"
    )


if __name__ == "__main__":
    sys.exit(main())
