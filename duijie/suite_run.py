"""The conformance suite as a process beside the console: told what to judge, followed line by line, its report kept."""

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.vocabulary.parties import Party
from duijie.console_text import Language

#: The newest results that are shown while it runs.
LATEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be judged."""

    role: Party
    #: `builtin`, `builtin-virtual`, or the path of a `sut.toml`.
    source: str
    #: Ids or clauses; none for the whole suite.
    only: tuple[str, ...]
    seed: int | None
    language: Language


class SuiteRun:
    """One run of `duijie conform`, from `start` to its end. The report lies in `folder` then."""

    def __init__(self, asked: Asked, folder: Path):
        self.asked, self.folder = asked, folder
        self.counts: Counter[str] = Counter()
        self.latest: list[dict[str, Any]] = []
        #: What the command said in plain words: a mistake, mostly.
        self.said = ""
        self.exit: int | None = None
        self._process: subprocess.Popen[str] | None = None
        self._threads: list[threading.Thread] = []

    @property
    def command(self) -> list[str]:
        """The command, as one could type it."""
        asked = self.asked
        found = [
            "conform",
            asked.role.value,
            "--sut",
            asked.source,
            "--report",
            str(self.folder),
            "--lang",
            asked.language,
        ]
        for each in asked.only:
            found += ["--only", each]
        if asked.seed is not None:
            found += ["--seed", str(asked.seed)]
        return found

    def start(self) -> None:
        """Begin."""
        # The interpreter that runs us, and words that the command line parses itself: no shell has a say.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "duijie", *self.command, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        for listen in (self._results, self._words):
            thread = threading.Thread(target=listen, args=(self._process,), name="suite", daemon=True)
            thread.start()
            self._threads.append(thread)

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.exit is not None

    @property
    def report(self) -> Path | None:
        """The page of the report; None while there is none."""
        page = self.folder / "report.html"
        return page if self.is_over and page.exists() else None

    def stop(self) -> None:
        """End it at once, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        for thread in self._threads:
            thread.join()

    def _results(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and "verdict" in told:
                self.counts[str(told["verdict"])] += 1
                self.latest = [told, *self.latest][:LATEST]
        self.exit = process.wait()

    def _words(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stderr or ():
            self.said = (self.said + line)[-4000:]
