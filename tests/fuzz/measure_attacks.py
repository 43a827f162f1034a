"""How long each attack keeps a door, and how much memory it costs, at the weight that a profile allows by default.

    python tests/fuzz/measure_attacks.py [--weight BYTES]

Each attack is made in a process of its own, forked from one that has done everything else already; memory is the most that this
process held beyond what it held when the request lay ready (Linux: VmHWM against VmRSS). Ends with one line for the
slowest and one for the hungriest; the exit code is 1 when one of them was neither refused nor meant to be let in.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/fuzz")]

from attacks import ATTACKS  # noqa: E402 - found by the path above
from awkward import SAMPLES  # noqa: E402
from parties import DOORS, FULL, PARTIES, Bridge, Party  # noqa: E402

from bridge.vocabulary.parties import Side  # noqa: E402

MIB = 1 << 20


def main() -> int:
    """Measure every attack on every door."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--weight", type=int, default=FULL.limits.message_bytes, help="bytes of a request, about")
    weight = options.parse_args().weight
    slowest = hungriest = (0.0, 0.0, "")
    let_in = 0
    for name, side in DOORS:
        party = Bridge(FULL, before=SAMPLES[side].form) if name == "bridge" else PARTIES[name](FULL)
        door = f"{name}/{side.value}"
        for attack in ATTACKS:
            seconds, memory, code = _measured(party, side, attack, weight)
            let_in += code == "let in"
            print(f"{seconds:7.2f} s {memory:7.0f} MiB  {door:12}  {attack}: {code}")
            slowest = max(slowest, (seconds, memory, f"{door}, {attack}"))
            hungriest = max(hungriest, (memory, seconds, f"{door}, {attack}"))
        party.close()
    print(
        f"{len(ATTACKS)} attacks of up to {weight / MIB:.0f} MiB on {len(DOORS)} doors; let in against their intent: {let_in}"
    )
    print(f"slowest: {slowest[0]:.2f} s ({slowest[2]}); hungriest: {hungriest[0]:.0f} MiB ({hungriest[2]})")
    return 1 if let_in else 0


PEAK_RESET = Path("/proc/self/clear_refs")


def _kilobytes(what: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def _measured(party: Party, side: Side, name: str, weight: int) -> tuple[float, float, str]:
    """Seconds, MiB beyond what the process and the request had, and what became of it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        attack = ATTACKS[name]
        request = attack.request(SAMPLES[side], weight, file="file:///etc/hostname", http="http://127.0.0.1:9/x")
        PEAK_RESET.write_text("5")
        before, began = _kilobytes("VmRSS"), time.perf_counter()
        outcome = party.call(side, request)
        seconds = time.perf_counter() - began
        memory = (_kilobytes("VmHWM") - before) / 1024
        let_in = bool(attack.told) and not outcome.refused
        code = "let in" if let_in else ", ".join(sorted(outcome.codes)) or "taken, harmless"
        os.write(write, json.dumps([seconds, memory, code]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    if not said:
        return 0.0, 0.0, "let in"
    seconds, memory, code = json.loads(said)
    return seconds, memory, code


if __name__ == "__main__":
    sys.exit(main())
