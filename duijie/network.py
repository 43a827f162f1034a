"""`duijie network`: a proxy between real platforms that records what crosses, and misbehaves when told to.

It says of each message who sends it to whom by the service that the message is for, so that one plan with one count of
forms serves the lines of both directions: the receipt of a dispatch comes over another line than the dispatch.
"""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit
from uuid import uuid4

from rich.console import Console

from bridge.stopping import StopRequest
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.soap import served_side
from conformance.oracle.trace import FORMAT_VERSION, Record, Trace, as_line
from conformance.scenario.faults import FaultPlan, FaultRule, Noise, rule_record
from conformance.scenario.load import load_network, loads_network
from conformance.scenario.wording import Wording
from duijie import __version__
from duijie.console_text import Language, reason, say
from duijie.exits import Exit, UserMistake
from duijie.narrate import message_line, unread_line
from duijie.taps import Request, Tap, Wire
from located_yaml import DocumentInvalid

#: Seconds between two looks at whether a message that is held back is due.
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What the command line says."""

    lines: tuple[str, ...]
    rules: tuple[str, ...]
    rules_file: Path | None
    seed: int | None
    trace: Path | None
    quiet: bool
    language: Language


def run_network(options: NetworkOptions) -> Exit:
    """Stand between until SIGTERM or Ctrl-C; `FAILED` when a rule never met the message that it names."""
    language = options.language
    rules = _rules(options)
    told = StopRequest.by_signals()
    console = Console(highlight=False, soft_wrap=True)
    plan = FaultPlan()
    with _Record(options.trace, None if options.quiet else console, language) as record:
        wire = Wire(record, plan, lambda: datetime.now(SHANGHAI))
        record.begin()
        for rule in rules:
            plan.add(rule)
            record.fault_rule(wire.now(), **rule_record(rule))
        try:
            for line in options.lines:
                tap = wire.join(_line(wire, line))
                console.print(say(language, f"监听 {tap.address} → {tap.service}", f"{tap.address} → {tap.service}"))
            console.print(say(language, "就绪,按 Ctrl-C 停止。", "Ready; Ctrl-C stops it."))
            # On its own, because a far side that is slow with what comes late must not keep anybody from stopping.
            threading.Thread(target=_release, args=(wire, told), daemon=True).start()
            told.wait()
        finally:
            wire.close()
        with wire.lock:
            record.end()
    return _sum_up(plan, record, wire, console, language)


def _release(wire: Wire, told: StopRequest) -> None:
    """Let what is held back arrive at its moment, until told to stop."""
    while not told.wait(LOOK_SECONDS):
        wire.release_due()


# ── what it is told ──


def _rules(options: NetworkOptions) -> list[FaultRule | Noise]:
    text = "".join(f"- {_spelled_out(rule)}\n" for rule in options.rules)
    try:
        found = list(load_network(options.rules_file)) if options.rules_file is not None else []
        found += loads_network(text, "--rule") if text else ()
    except DocumentInvalid as invalid:
        raise UserMistake.in_file(invalid) from None
    if options.seed is None:
        return found
    return [replace(rule, seed=options.seed) if isinstance(rule, Noise) else rule for rule in found]


def _spelled_out(rule: str) -> str:
    """The `network.` that every word here has may be left out; line breaks would make a second rule of one."""
    one_line = " ".join(rule.split())
    return one_line if one_line.startswith("network.") else f"network.{one_line}"


# ── the lines ──


class _Line(Tap):
    """A tap that takes both directions: who sends to whom is for each message to say."""

    def __init__(self, wire: Wire, service: str, listen: tuple[str, int]):
        super().__init__(wire, Party.GRID, Party.URBAN, service, listen)

    def parties(self, request: Request) -> tuple[Party, Party]:
        served = served_side(request.envelope) or Side.URBAN
        return Party(served.other.value), Party(served.value)

    @property
    def ends(self) -> dict[str, str]:
        return {}


def _line(wire: Wire, said: str) -> _Line:
    listen, _, target = said.partition("=")
    host, _, port = listen.rpartition(":")
    parts = urlsplit(target)
    if not port.isdecimal() or int(port) > 65535 or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserMistake(
            f"--line 应写作 端口=地址 或 主机:端口=地址,如 9001=http://127.0.0.1:8100/urban,不是 {said}",
            f"--line is PORT=ADDRESS or HOST:PORT=ADDRESS, such as 9001=http://127.0.0.1:8100/urban, not {said}",
        )
    try:
        return _Line(wire, target, (host or "127.0.0.1", int(port)))
    except OSError as error:
        raise UserMistake(
            f"无法监听 {listen}:{reason(error, 'zh')}", f"cannot listen on {listen}: {reason(error, 'en')}"
        ) from None


# ── what it tells ──


class _Record(Trace):
    """A trace that is written down and told as it grows, and keeps nothing in memory."""

    def __init__(self, path: Path | None, console: Console | None, language: Language):
        super().__init__()
        self._console = console
        self._said = Wording(language)
        self._open_calls: dict[int, Record] = {}
        self._over = False
        self.count = 0
        self.messages = 0
        self._file: TextIO | None = None
        if path is not None:
            try:
                # Messages hold people's names and telephone numbers: the file is its owner's alone.
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                self._file = os.fdopen(handle, "w", encoding="utf-8")
            except OSError as error:
                raise UserMistake.unwritable(path, error) from error

    def __enter__(self) -> "_Record":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self.count

    def keep(self, record: Record, at: datetime) -> None:
        """See `Trace`."""
        self.count += 1
        self._write(record)
        self._tell(record)

    def begin(self) -> None:
        """Write the head: what a listener between the two platforms hears."""
        hops = [["grid", "urban"], ["urban", "grid"]]
        head = {"type": "trace", "version": FORMAT_VERSION, "source": "wire", "recording": str(uuid4()), "hops": hops}
        self._write(head | {"made_by": f"duijie network {__version__}"})

    def end(self) -> None:
        """Write that nothing more comes; calls that are still under way end unrecorded."""
        self._write({"type": "end", "at_rest": False})
        self._over = True

    def _write(self, record: Record) -> None:
        if self._file is not None and not self._over:
            self._file.write(as_line(record) + "\n")
            self._file.flush()

    def _tell(self, record: Record) -> None:
        line = None
        if record["type"] == "call":
            self.messages += 1
            self._open_calls[record["call"]] = record
        elif record["type"] == "answer":
            line = message_line(self._open_calls.pop(record["call"]), record, self._said)
        elif record["type"] == "unread":
            line = unread_line(record, self._said)
        elif record["type"] == "fault_rule":
            line = f"⚡ {self._said.rule(record)}"
        if line is not None and self._console is not None and not self._over:
            self._console.print(f"{self._said.time(record)}  {line}", markup=False)


def _sum_up(plan: FaultPlan, record: _Record, wire: Wire, console: Console, language: Language) -> Exit:
    console.print(say(language, f"已停止,共 {record.messages} 次呼叫。", f"Stopped; {record.messages} calls."))
    if wire.held:
        console.print(
            say(language, f"{wire.held} 份报文滞留未送。", f"{wire.held} messages were held back and never delivered.")
        )
    unmet = _unmet(plan.pending)
    said = Wording(language)
    for rule in unmet:
        text = said.rule({"rule": rule_record(rule)})
        console.print(say(language, f"未遇到:{text}", f"never met its message: {text}"), markup=False)
    return Exit.FAILED if unmet else Exit.OK


def _unmet(pending: Iterable[FaultRule]) -> list[FaultRule]:
    """Rules that were to act once and did not; those that go on for ever are never used up."""
    return [rule for rule in pending if not rule.every]
