"""The steps of a page for vendors, taken from the page itself, and somebody who follows them to the letter.

A step is a fenced block with a mark before it:

    <!-- install -->     what a machine needs, once
    <!-- run -->         a command that is waited for
    <!-- serve 8102 -->  a command in a terminal of its own, ready when it listens on this port (without a port: at once)
    <!-- stop 8102 -->   Ctrl-C in that terminal; has no block
    <!-- shows -->       what the command before it prints; case numbers may differ

What differs from a vendor's own machine are the ports alone: every party listens on one that is free, and at the address which the page
names stands a recorder that passes everything on. The profile that the page makes is told so before each party starts.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from recorder import Exchange, Recorder

from bridge.vocabulary.parties import Party
from duijie.pair import Remote
from duijie.processes import free_port

ROOT = Path(__file__).parents[2]
#: Where the pages say that the parties serve SOAP, and where their control ports are.
SOAP_PORTS = (8100, 8101, 8102)
CONTROL_PORTS = (8110, 8111, 8112)
#: Whose endpoint in the profile belongs to which of `duijie`'s commands.
OWN_PORT = {"bridge": 8100, "grid": 8101, "urban": 8102}
#: The token that the pages give the control ports; the bridge, whose own the pages do not use, gets it too.
CONTROL_TOKEN = "a-long-secret-of-your-own"
#: Seconds for one command, an installation included, and for a party to listen.
COMMAND_SECONDS = 300
START_SECONDS = 30

_STEP = re.compile(
    r"^<!-- (install|run|serve|stop|shows)(?: (\d+))? -->\n(?:```\w*\n(.*?)^```$)?", re.DOTALL | re.MULTILINE
)
_CASE_NUMBER = re.compile(r"\b\d{6}-\d{8}-\d{6}\b")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the page tells the reader to do, or to see."""

    kind: str
    port: int | None
    text: str


def steps(page: Path) -> list[Step]:
    """All steps of a page, in order."""
    found = _STEP.findall(page.read_text(encoding="utf-8"))
    return [Step(kind, int(port) if port else None, text) for kind, port, text in found]


class StepFailed(AssertionError):
    """A step of the page did not do what the page says."""


class Walk:
    """Follows a page in a folder of its own, which holds nothing but the examples."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None):
        self.folder = folder
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules"))
        self._environment = environment or {}
        self._real = {port: free_port() for port in (*SOAP_PORTS, *CONTROL_PORTS)}
        self.recorders = {port: Recorder(str(port), self._real[port]) for port in SOAP_PORTS}
        self._terminals: dict[int | None, list[subprocess.Popen[bytes]]] = {}
        self._opened = 0
        self.shown = ""

    def follow(self, page: Path, *, kinds: tuple[str, ...] = ("run", "serve", "stop", "shows")) -> None:
        """Do what the page says, step by step."""
        for step in steps(page):
            if step.kind in kinds:
                self.do(step)

    def do(self, step: Step) -> None:
        """Do one step."""
        getattr(self, step.kind)(step.port, step.text)

    def install(self, _: int | None, text: str) -> None:
        """Bring what the machine lacks."""
        self.run(None, text)

    def run(self, _: int | None, text: str) -> None:
        """Run a command to its end."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._with_ports(text)],
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        self.shown = done.stdout
        if done.returncode:
            raise StepFailed(f"{text}\n{done.stdout}\n{done.stderr}\n{self._said()}")

    def serve(self, port: int | None, text: str) -> None:
        """Start something that goes on running."""
        self._tell_the_profile(text)
        self._opened += 1
        with (self.folder / f"terminal-{self._opened}.txt").open("wb") as said:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self._with_ports(text, listens=port)],
                cwd=self.folder,
                env=self._env(),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._terminals.setdefault(port, []).append(process)
        deadline = time.monotonic() + START_SECONDS
        while port is not None and not _listens(self._real[port]):
            if process.poll() is not None or time.monotonic() > deadline:
                raise StepFailed(f"{text}\n{self._said()}")
            time.sleep(0.05)

    def stop(self, port: int | None, _: str) -> None:
        """Press Ctrl-C in the terminal of this port."""
        for process in self._terminals.pop(port):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(START_SECONDS)

    def shows(self, _: int | None, text: str) -> None:
        """Compare with what the last command printed."""
        meant, said = (_CASE_NUMBER.sub("案卷号", each).strip() for each in (text, self.shown))
        if meant != said:
            raise StepFailed(f"the page says\n{meant}\nand the command\n{said}\n{self._said()}")

    def control(self, party: Party, port: int) -> Remote:
        """A party, asked at the control port that the page gives it."""
        return Remote(party, self._real[port], CONTROL_TOKEN)

    @property
    def calls(self) -> list[Exchange]:
        """All SOAP exchanges so far."""
        return [exchange for recorder in self.recorders.values() for exchange in recorder.calls]

    def end(self) -> None:
        """Stop whatever still runs."""
        for port in list(self._terminals):
            self.stop(port, "")
        for recorder in self.recorders.values():
            recorder.close()

    def _with_ports(self, text: str, listens: int | None = None) -> str:
        """Addresses of services lead to the recorders; where somebody is to listen stands the port itself."""
        for port in CONTROL_PORTS:
            text = re.sub(rf"\b{port}\b", str(self._real[port]), text)
        for port, recorder in self.recorders.items():
            text = text.replace(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{recorder.port}")
            if port == listens:
                text = re.sub(rf"\b{port}\b", str(self._real[port]), text)
        return text

    def _tell_the_profile(self, text: str) -> None:
        command = re.match(r"(?:\w+=\S+ )*duijie (bridge|grid|urban)\b", text)
        path = self.folder / "city.yaml"
        if command is None:
            return
        kept = self.folder / "city.as-the-page-made-it.yaml"
        if not kept.exists():
            shutil.copy(path, kept)
        profile = kept.read_text(encoding="utf-8")
        for port, recorder in self.recorders.items():
            there = self._real[port] if OWN_PORT[command[1]] == port else recorder.port
            profile = profile.replace(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{there}")
        path.write_text(profile, encoding="utf-8")

    def _env(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {
            **os.environ,
            "PATH": path,
            "LANG": "C.UTF-8",
            "DUIJIE_CONTROL_TOKEN": CONTROL_TOKEN,
            **self._environment,
        }

    def _said(self) -> str:
        files = sorted(self.folder.glob("terminal-*.txt"))
        return "\n".join(
            f"── {file.name}\n{file.read_text(encoding='utf-8', errors='replace')[-2000:]}" for file in files
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
