"""A driver that is a program in any language: one JSON object a line over its standard input and output.

    → {"id": 1, "do": "describe"}
    ← {"id": 1, "ok": {"name": "某某城管 3.2", "acts": ["operator.*"], "asks": ["case"], "steered_clock": false, …}}
    → {"id": 2, "do": "act", "name": "operator.file", "params": {"case": "340202-20260302-000001"}, "by": null}
    ← {"id": 2, "ok": {"status": "open"}}
    ← {"id": 2, "refused": {"code": "wrong_state", "message_zh": "…", "message_en": "…"}}
    ← {"id": 2, "not_offered": true}
    ← {"id": 2, "error": "the database is away"}

`do` is describe, act, ask, quiet, steer, restart, reset or close. Standard error goes where the suite's own goes. Lines that are no JSON
object are taken for the program's own chatter and passed to standard error.
"""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from conformance.drivers.driver import Capabilities, DriverBroken, Quiet
from conformance.scenario.stage import NotOffered, StageRefused

#: Seconds that the program may take to answer, and to end when it is told to.
ANSWER_SECONDS = 60.0
CLOSE_SECONDS = 10.0

_CAPABILITIES = {each.name for each in fields(Capabilities)}


class CommandDriver:
    """A system behind a program; `declared` is what the system's file says of it."""

    def __init__(self, command: Sequence[str], declared: Capabilities | None = None):
        self.name = " ".join(command)
        self._command = list(command)
        self._capabilities = declared or Capabilities()
        #: What the program describes of the system.
        self.told: Mapping[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._number = 0
        #: A crash that the network brings about restarts the system from another thread than the story's.
        self._one_at_a_time = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """What the program describes, and what was declared to be unsupported."""
        return self._capabilities

    def open(self) -> None:
        """Start the program and let it describe the system."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is the user's own, from the system's file
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        except OSError as error:
            raise DriverBroken(
                f"驱动程序无法启动:{self.name}({error.strerror})",
                f"the driver cannot be started: {self.name} ({error.strerror})",
            ) from error
        threading.Thread(target=self._read, daemon=True).start()
        said = self._call("describe")
        if not isinstance(said, Mapping):
            raise self._nonsense("describe", said)
        self.name = str(said.get("name") or self.name)
        told: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in said.items()
            if key in _CAPABILITIES
        }
        self.told = dict(told)
        declared = self._capabilities
        told["unsupported"] = (*told.get("unsupported", ()), *declared.unsupported)
        self._capabilities = replace(declared, **told)

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Driver`."""
        found = self._call("act", name=name, params=dict(params), by=by)
        if not isinstance(found, dict):
            raise self._nonsense(name, found)
        return found

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Driver`."""
        return self._call("ask", name=name, params=dict(params))

    def quiet(self) -> Quiet | None:
        """See `Driver`."""
        if not self._capabilities.tells_quiet:
            return None
        said = self._call("quiet")
        try:
            moments: dict[str, Any] = {
                key: datetime.fromisoformat(said[key]) for key in ("next_due", "now") if said.get(key)
            }
            return Quiet(quiet=bool(said["quiet"]), **moments)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._nonsense("quiet", said) from None

    def steer(self, to: datetime) -> None:
        """See `Driver`."""
        self._call("steer", to=to.isoformat())

    def restart(self) -> None:
        """See `Driver`."""
        self._call("restart")

    def reset(self, settings: Mapping[str, Any]) -> None:
        """See `Driver`."""
        self._call("reset", settings=dict(settings))

    def close(self) -> None:
        """Tell the program to end; one that does not is ended."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps({"do": "close"}) + "\n")
            process.stdin.close()
            process.wait(CLOSE_SECONDS)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        self._process = None

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        for line in process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _call(self, do: str, **parts: Any) -> Any:
        with self._one_at_a_time:
            return self._asked(do, parts)

    def _asked(self, do: str, parts: Mapping[str, Any]) -> Any:
        process = self._process
        if process is None or process.stdin is None:
            raise DriverBroken("驱动程序未运行", "the driver does not run")
        self._number += 1
        try:
            process.stdin.write(json.dumps({"id": self._number, "do": do, **parts}, ensure_ascii=False) + "\n")
            process.stdin.flush()
        except OSError:
            raise self._gone() from None
        return self._outcome(do, parts.get("name", do), self._answer(do))

    def _answer(self, do: str) -> Mapping[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                raise DriverBroken(
                    f"驱动程序 {ANSWER_SECONDS:.0f} 秒内没有应答 {do}",
                    f"the driver did not answer {do} within {ANSWER_SECONDS:.0f} s",
                ) from None
            if line is None:
                raise self._gone()
            try:
                said = json.loads(line)
            except ValueError:
                said = None
            if not isinstance(said, dict):
                sys.stderr.write(line)
            elif said.get("id") == self._number:
                return said

    def _outcome(self, do: str, name: str, said: Mapping[str, Any]) -> Any:
        if said.get("not_offered"):
            raise NotOffered(f"驱动未提供 {name}", f"the driver does not offer {name}")
        refused = said.get("refused")
        if isinstance(refused, Mapping):
            raise StageRefused(
                str(refused.get("code", "refused")),
                str(refused.get("message_zh", "")),
                str(refused.get("message_en", "")),
                own_words=not self._capabilities.refusal_codes,
            )
        if "error" in said:
            raise DriverBroken(
                f"驱动程序报错({name}):{said['error']}", f"the driver reports an error ({name}): {said['error']}"
            )
        if "ok" not in said:
            raise self._nonsense(do, said)
        return said["ok"]

    def _nonsense(self, name: str, said: Any) -> DriverBroken:
        return DriverBroken(
            f"驱动程序对 {name} 的应答不可读:{said!r}", f"the driver's answer to {name} makes no sense: {said!r}"
        )

    def _gone(self) -> DriverBroken:
        process = self._process
        code = process.poll() if process is not None else None
        return DriverBroken(f"驱动程序已退出(退出码 {code})", f"the driver has ended (exit code {code})")
