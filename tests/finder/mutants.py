"""Every small wrong change to the bridge's rules and core, one at a time, and which machine finds it.

    python tests/finder/mutants.py [--sample N] [--of K/N] [--only TEXT] [--seconds N] [--json FILE]

Each changed module is loaded in a child process of its own, and the machines of the quick profile look at the bridge that it makes, the
fastest first, until one finds something. A child that takes longer than its time has found that the change does not end.
"""

import argparse
import enum
import importlib
import importlib.abc
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bridge")]

from mutations import Mutation, mutations  # noqa: E402
from survivors import reason_for  # noqa: E402

#: What is changed. `pages` draws documents, and a test holds those against the tables.
MODULES = tuple(
    sorted(
        f"bridge.{part}.{path.stem}"
        for part in ("rules", "core")
        for path in (ROOT / "bridge" / part).glob("*.py")
        if path.stem not in ("__init__", "pages")
    )
)
#: The machines that look, the fastest first; the others look at the same through other windows, and take longer.
LOOKING = ("delivery", "door", "query", "duplicates", "life")
#: Seconds of a child on its processor.
_SECONDS = 120
_JOBS = 2
#: Loaded afresh in a child, because they hold on to what is changed.
_FRESH = ("bridge.", "conformance.zoo", "duijie.")
_STAYS = "bridge.vocabulary"


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of a mutant."""

    module: str
    line: int
    within: str
    told: str
    #: The machine, its clause and fact; empty for a survivor.
    machine: str = ""
    clause: str = ""
    fact: str = ""
    seconds: float = 0.0


def all_mutants() -> Iterator[tuple[str, Mutation]]:
    """Every module with each of its changes, in their order."""
    for name in MODULES:
        module = importlib.import_module(name)
        enums = {
            word: list(value.__members__)
            for word, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, enum.Enum)
        }
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        for mutation in mutations(source, enums):
            yield name, mutation


def chosen(sample: int | None, share: str, only: str, seed: int) -> list[tuple[str, Mutation]]:
    """Those that are looked at: all, a sample that the seed draws, or every N-th from the K-th."""
    found = [each for each in all_mutants() if only in f"{each[0]}:{each[1].line}:{each[1].within}"]
    if sample is not None and sample < len(found):
        places = sorted(Random(seed).sample(range(len(found)), sample))
        found = [found[place] for place in places]
    part, _, parts = share.partition("/")
    return found[int(part) - 1 :: int(parts)]


def fate_of(name: str, mutation: Mutation, times: float) -> Fate:
    """Load the changed module in a child, and let the machines look."""
    source, after = mutation.written()
    told = f"{mutation.kind}: `{mutation.before}`" + (f" → `{after}`" if after and after != mutation.before else "")
    began = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(name, source, times, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    found: dict[str, str] = {}
    if said:
        found = json.loads(said)
    elif status:
        how = (
            "takes too long" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU else "ends the process"
        )
        found = {"machine": "any", "clause": "RCPT-5", "fact": f"the bridge {how}"}
    return Fate(
        module=name,
        line=mutation.line,
        within=mutation.within,
        told=told,
        seconds=round(time.monotonic() - began, 1),
        **found,
    )


def _in_child(name: str, source: str, times: float, writing: int) -> None:
    """Never returns; what was found goes into the pipe."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        os.write(writing, json.dumps(_look(name, source, times)).encode())
    finally:
        os.close(writing)
        os._exit(0)


def _look(name: str, source: str, times: float) -> dict[str, str]:
    finder = Path(__file__).parent
    for loaded, module in list(sys.modules.items()):
        own = getattr(module, "__file__", None)
        if loaded.startswith(_FRESH) and not loaded.startswith(_STAYS):
            del sys.modules[loaded]
            continue
        if own is not None and Path(own).parent in (finder, ROOT / "tests" / "bridge") and loaded != "__main__":
            del sys.modules[loaded]
    for package in ("bridge", "conformance", "duijie"):
        for attribute, value in list(vars(sys.modules.get(package) or ModuleType(package)).items()):
            if isinstance(value, ModuleType) and value.__name__.startswith(_FRESH) and value.__name__ != _STAYS:
                delattr(sys.modules[package], attribute)
    sys.meta_path.insert(0, _Changed(name, source))
    try:
        fresh: Any = importlib.import_module("machines")
    except Exception as broke:  # It does not even start.
        return {"machine": "any", "clause": "RCPT-5", "fact": f"the bridge does not start: {type(broke).__name__}"}
    hunt = fresh.Hunt(times=times, shrink=False)
    for each in LOOKING:
        machine = next(machine for machine in fresh.MACHINES if machine.name == each)
        for found in machine.hunts(hunt):
            return {"machine": found.machine, "clause": found.clause, "fact": found.fact}
    return {}


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from another source."""

    def __init__(self, name: str, source: str):
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """The module that is changed, and no other."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self._source, f"<changed {self._name}>", "exec"), module.__dict__)


def fates(todo: Sequence[tuple[str, Mutation]], times: float, jobs: int = _JOBS) -> Iterator[Fate]:
    """The fate of each, in their order, on so many processes."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda each: fate_of(*each, times), todo)


def main() -> int:
    """Look at the mutants, and tell; the exit code says whether any survived unexplained."""
    asked = _asked()
    todo = chosen(asked.sample, asked.of, asked.only, asked.seed)
    found = []
    with Path(asked.json).open("w", encoding="utf-8") as file:
        for number, fate in enumerate(fates(todo, asked.times), 1):
            found.append(fate)
            file.write(json.dumps(asdict(fate), ensure_ascii=False) + "\n")
            file.flush()
            if not fate.machine or sys.stdout.isatty():
                print(
                    f"{number}/{len(todo)} {fate.machine or 'SURVIVED'} {fate.module}:{fate.line} {fate.within} {fate.told}",
                    flush=True,
                )
    survivors = [fate for fate in found if not fate.machine]
    unexplained = [fate for fate in survivors if not reason_for(fate.module, fate.within, fate.told)]
    print(
        f"{len(found)} mutants, {len(found) - len(survivors)} found by a machine, {len(survivors)} not, {len(unexplained)} of them unexplained"
    )
    return 1 if unexplained else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/finder/mutants.py", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--sample", type=int, help="so many of them, drawn from the seed")
    parser.add_argument("--of", default="1/1", metavar="K/N", help="every N-th, from the K-th")
    parser.add_argument("--only", default="", metavar="TEXT", help="those whose module:line:function holds this text")
    parser.add_argument("--seed", type=int, default=1, help="what the sample is drawn from")
    parser.add_argument("--times", type=float, default=1.0, help="so many times the examples of the quick profile")
    parser.add_argument("--json", default=os.devnull, metavar="FILE", help="one JSON line for each, into this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
