"""`duijie observe`: stands between two real platforms, passes everything on, records it, and judges it as it passes.

Three things run beside each other and never wait for each other: the proxy, which passes bytes on; the scribe, which understands and writes
down what passed; and the judge, who tells it on the terminal. Between them stand queues with an end: what finds no room there passes
all the same and leaves a gap in the record.
"""

import asyncio
import json
import queue
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rich.text import Text

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.proxy import Proxy, Request, Response, Room, Target, Told
from conformance.observe.recorder import Private, Scribe, TraceFile, Veil
from conformance.observe.watch import Breach, Watch
from conformance.oracle.trace import Record
from conformance.scenario.wording import Wording
from duijie import __version__
from duijie.console_text import Language, reason, say
from duijie.exits import Exit, UserMistake
from duijie.narrate import message_line
from duijie.profiles_io import read_profile
from duijie.verdicts import (
    Messages,
    as_json,
    breach_as_json,
    exit_code,
    plain_console,
    tell_breach,
    tell_breaches,
    tell_table,
)
from duijie.verdicts import (
    party as party_name,
)

#: Where the proxy listens for each party's service when nothing else is said.
PORTS = {Party.BRIDGE: 8200, Party.GRID: 8201, Party.URBAN: 8202}
#: Things that were told and wait for the scribe, and records that wait for the judge.
_WAITING_MAX = 100_000
#: Records whose messages can be shown with a breach.
_SHOWN_RECORDS = 60_000
#: Seconds between two looks of the judge, and the share of the time that he may take: traffic passes in the same process.
_LOOK_SECONDS = 0.25
_SHARE = 0.25
#: Seconds for which one thread may hold the interpreter while another has bytes to pass on.
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveOptions:
    """What the command line asked for."""

    #: Where each party's service really is.
    services: Mapping[Party, str]
    #: Where to listen in its place, as `host:port`.
    listen: Mapping[Party, str | None]
    profile: Path | None = None
    trace: Path | None = None
    rotate_mb: int | None = None
    keep: int | None = None
    without: tuple[str, ...] = ()
    ca: Path | None = None
    keep_host: bool = False
    quiet: bool = False
    json: bool = False
    language: Language = "zh"


def run_observe(options: ObserveOptions) -> Exit:
    """Observe until Ctrl-C; the exit code says what the traffic came to."""
    profile = read_profile(options.profile)
    targets = _targets(options)
    hops = hops_of({target.party for target in targets})
    tls = _tls(options)
    veil = Veil(_private(options), profile)
    path = options.trace or Path(f"duijie-observe-{datetime.now(SHANGHAI):%Y%m%d-%H%M%S}.jsonl")
    teller: Teller = _JsonTeller(options.language) if options.json else _LineTeller(options.language, options.quiet)
    try:
        file = TraceFile(
            path,
            hops,
            made_by=f"duijie {__version__}",
            bytes_max=None if options.rotate_mb is None else options.rotate_mb * 1024 * 1024,
            keep=options.keep,
            trouble=teller.disk_trouble,
        )
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error
    observation = Observation(profile, hops, veil, file, teller, codes_known=options.profile is not None)
    proxy = Proxy(targets, observation.told, tls=tls, keep_host=options.keep_host, room=observation.room)
    switching = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    observation.start()
    try:
        asyncio.run(_until_stopped(proxy, lambda: teller.listening(targets, proxy.addresses, path)))
    except OSError as error:
        observation.stop()
        # Nothing was recorded in it.
        path.unlink()
        raise UserMistake(
            f"无法监听:{reason(error, 'zh')}(地址可能已被占用)", f"cannot listen: {reason(error, 'en')}"
        ) from error
    finally:
        observation.stop()
        sys.setswitchinterval(switching)
    code = exit_code(observation.watch.verdicts(), unreadable=_incomplete(observation))
    with suppress(BrokenPipeError):
        teller.end(observation, path, code)
    return code


async def _until_stopped(proxy: Proxy, listening: Callable[[], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(each, stopped.set)
        except NotImplementedError:  # Windows
            signal.signal(each, lambda *_: loop.call_soon_threadsafe(stopped.set))
    await proxy.start()
    listening()
    await stopped.wait()
    await proxy.stop()


def hops_of(parties: Iterable[Party]) -> list[tuple[Party, Party]]:
    """The hops that pass by in front of these parties' services, each as sender and receiver of its calls."""
    served = set(parties)
    if Party.BRIDGE not in served:
        ends = {Party.GRID: Party.URBAN, Party.URBAN: Party.GRID}
        return [(ends[party], party) for party in (Party.URBAN, Party.GRID) if party in served]
    to_bridge = [(Party.GRID, Party.BRIDGE), (Party.URBAN, Party.BRIDGE)]
    return to_bridge + [(Party.BRIDGE, party) for party in (Party.GRID, Party.URBAN) if party in served]


# --- options ----------------------------------------------------------------------------------------------------


def _targets(options: ObserveOptions) -> list[Target]:
    if not options.services:
        raise UserMistake(
            "请用 --grid、--urban、--bridge 至少给出一个真实服务地址",
            "give at least one real service address with --grid, --urban or --bridge",
        )
    targets = []
    for party, url in options.services.items():
        parts = urlsplit(url)
        try:
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise UserMistake(
                f"--{party} 应为 http(s)://主机[:端口]/路径,不是 {url}",
                f"--{party} is http(s)://host[:port]/path, not {url}",
            )
        host, port = _listening(party, options.listen.get(party))
        targets.append(Target(party=party, url=url, host=host, port=port))
    return targets


def _listening(party: Party, asked: str | None) -> tuple[str, int]:
    if asked is None:
        return "127.0.0.1", PORTS[party]
    host, _, port = asked.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UserMistake(f"--{party}-at 应为 主机:端口,不是 {asked}", f"--{party}-at is host:port, not {asked}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _tls(options: ObserveOptions) -> ssl.SSLContext | None:
    if not any(url.startswith("https:") for url in options.services.values()):
        return None
    context = ssl.create_default_context()
    if options.ca is not None:
        try:
            context.load_verify_locations(options.ca)
        except (OSError, ssl.SSLError) as error:
            raise UserMistake(
                f"无法读取证书 {options.ca}:{error.strerror or error}",
                f"cannot read the certificates in {options.ca}: {error.strerror or error}",
            ) from error
    return context


def _private(options: ObserveOptions) -> list[Private]:
    try:
        return [Private(word) for word in options.without]
    except ValueError:
        raise UserMistake("--without 应为 attachments 或 personal", "--without is attachments or personal") from None


# --- recording and judging beside the traffic ---------------------------------------------------------------------


class Observation:
    """The scribe and the judge, each in a thread of its own."""

    def __init__(
        self,
        profile: Profile,
        hops: list[tuple[Party, Party]],
        veil: Veil,
        file: TraceFile,
        teller: "Teller",
        *,
        codes_known: bool,
    ):
        self.room = Room()
        self.scribe = Scribe(hops, veil)
        self.watch = Watch(profile, [(sender.value, to.value) for sender, to in hops], own_codes=codes_known)
        self.messages = Messages(keep=_SHOWN_RECORDS)
        #: Messages of the breaches that the summary tells.
        self.breached = Messages()
        self.file = file
        #: Records that the judge had no room for.
        self.unjudged = 0
        #: What the judge stumbled over, if he did.
        self.stumbled: str | None = None
        self._teller = teller
        self._passed: queue.Queue[Told | None] = queue.Queue(_WAITING_MAX)
        self._recorded: queue.Queue[Record | None] = queue.Queue(_WAITING_MAX)
        self._overflown = False
        self._threads = [
            threading.Thread(target=self._write, name="scribe", daemon=True),
            threading.Thread(target=self._judge, name="judge", daemon=True),
        ]

    def start(self) -> None:
        """Begin to take in what passes."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Write and judge what has passed, and end."""
        if self._threads[0].is_alive():
            self._passed.put(None)
        for thread in self._threads:
            thread.join()

    def told(self, told: Told) -> None:
        """Something passed; never waits."""
        try:
            self._passed.put_nowait(told)
        except queue.Full:
            self._overflown = True
            self._give_back(told)

    def _give_back(self, told: Told) -> None:
        if isinstance(told, Request | Response):
            self.room.give_back(told.body)

    # -- the scribe --

    def _write(self) -> None:
        while (told := self._passed.get()) is not None:
            for record in self._records_of(told):
                self.file.write(record)
                try:
                    self._recorded.put_nowait(record)
                except queue.Full:
                    self.unjudged += 1
            self._give_back(told)
        self.file.close(datetime.now(SHANGHAI))
        self._recorded.put(None)

    def _records_of(self, told: Told) -> list[Record]:
        found: list[Record] = []
        if self._overflown:
            self._overflown = False
            found.append(self.scribe.missed(told, "经过的太多,来不及记录", "more passed than could be written down"))
        try:
            return found + self.scribe.records_of(told)
        except Exception as error:  # Whatever a stranger's message does to the reader, the next one is read.
            why = f"{type(error).__name__}: {error}"
            return [*found, self.scribe.missed(told, f"读取时出错:{why}", f"the reader stumbled: {why}")]

    # -- the judge --

    def _judge(self) -> None:
        ended = False
        next_look = time.monotonic() + _LOOK_SECONDS
        while not ended:
            ended = self._take_until(next_look)
            began = time.monotonic()
            self._look(everything=ended)
            spent = time.monotonic() - began
            next_look = time.monotonic() + max(_LOOK_SECONDS, spent / _SHARE - spent)

    def _take_until(self, moment: float) -> bool:
        """Take in records until then; true when there will be no more."""
        while (left := moment - time.monotonic()) > 0:
            try:
                record = self._recorded.get(timeout=left)
            except queue.Empty:
                return False
            if record is None:
                return True
            self.messages.add(record)
            self.watch.add(record)
            # Whoever read the terminal may have gone; the traffic and the record of it go on.
            with suppress(OSError):
                self._teller.passed(record, self.messages)
        return False

    def _look(self, *, everything: bool) -> None:
        try:
            breaches = self.watch.judge_new(datetime.now(SHANGHAI), everything=everything)
        except (
            Exception
        ) as error:  # A rule that breaks over a stranger's message must not end the record of the others.
            self.stumbled = f"{type(error).__name__}: {error}"
            return
        for breach in breaches:
            self.breached.take_over(self.messages.behind(breach.violation.records))
            with suppress(OSError):
                self._teller.breach(breach, self.messages)


# --- telling ----------------------------------------------------------------------------------------------------


class Teller(Protocol):
    """Tells people or programs what passes. Called from the judge's thread, except for the first and the last word."""

    def listening(self, targets: Sequence[Target], addresses: Mapping[Party, str], path: Path) -> None:
        """The proxy listens from now on."""

    def passed(self, record: Record, messages: Messages) -> None:
        """Something passed."""

    def breach(self, breach: Breach, messages: Messages) -> None:
        """A clause was broken just now."""

    def disk_trouble(self, error: OSError) -> None:
        """The record cannot be written any more."""

    def end(self, observation: Observation, path: Path, code: Exit) -> None:
        """What everything came to."""


class _LineTeller:
    """A line for each message, in colour on a terminal and plain elsewhere."""

    def __init__(self, language: Language, quiet: bool):
        self._console = plain_console()
        self._language = language
        self._quiet = quiet
        self._said = Wording(language)

    def _print(self, zh: str, en: str, style: str = "") -> None:
        self._console.print(Text(say(self._language, zh, en), style), soft_wrap=True)

    def listening(self, targets: Sequence[Target], addresses: Mapping[Party, str], path: Path) -> None:
        for target in targets:
            name = party_name(target.party, self._language)
            address = addresses[target.party]
            self._print(
                f"呼叫{name}请改用 {address} → {target.url}",
                f"call the {name} at {address} from now on → {target.url}",
                "bold",
            )
        self._print(f"记录写入 {path};Ctrl-C 结束并给出结论", f"recording to {path}; Ctrl-C ends it with the verdict")
        self._flush()

    def passed(self, record: Record, messages: Messages) -> None:
        if self._quiet:
            return
        if record["type"] == "unread":
            self._print(
                f"{self._said.time(record)}  ? 无法读取:{record['detail_zh']}",
                f"{self._said.time(record)}  ? unreadable: {record['detail']}",
                "yellow",
            )
        elif record["type"] == "answer":
            for call, answer in messages.behind([record["n"]]):
                text = f"{self._said.time(call)}  {message_line(call, answer, self._said)}"
                self._console.print(Text(text), soft_wrap=True)
        self._flush()

    def breach(self, breach: Breach, messages: Messages) -> None:
        expected = breach.rule.expected_zh if self._language == "zh" else breach.rule.expected_en
        self._console.print(Text(f"✗ {breach.rule.clause}  {expected}", "bold red"), soft_wrap=True)
        tell_breach(self._console, breach.violation, messages, self._language)
        self._flush()

    def disk_trouble(self, error: OSError) -> None:
        self._print(
            f"记录写不下去了:{reason(error, 'zh')};报文照常转发,评判照常进行",
            f"the record cannot be written any more: {reason(error, 'en')}; traffic and judgement go on",
            "bold red",
        )
        self._flush()

    def end(self, observation: Observation, path: Path, code: Exit) -> None:
        verdicts = observation.watch.verdicts()
        self._console.print()
        tell_table(self._console, verdicts, self._language)
        tell_breaches(self._console, verdicts, observation.breached, self._language)
        self._console.print()
        for zh, en in _notes(observation, path):
            self._print(zh, en, "yellow")
        counts = observation.scribe.counts
        self._print(
            f"对接报文 {counts.ours} 次,其他调用 {counts.not_ours} 次,无法读取 {counts.unread} 次;再评判:duijie judge {path}",
            f"{counts.ours} calls of the exchange, {counts.not_ours} others, {counts.unread} unreadable; judge again: duijie judge {path}",
        )
        told = {
            Exit.OK: ("所见条款全部相符。", "Every clause that was seen was kept."),
            Exit.FAILED: ("有条款被违反。", "A clause was broken."),
        }.get(code, ("不足以下结论。", "Nothing can be concluded."))
        self._print(*told, {Exit.OK: "green", Exit.FAILED: "bold red"}.get(code, "yellow"))

    def _flush(self) -> None:
        self._console.file.flush()


class _JsonTeller:
    """One JSON object a line."""

    def __init__(self, language: Language):
        self._language = language

    def _line(self, event: str, **values: Any) -> None:
        sys.stdout.write(json.dumps({"event": event, **values}, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def listening(self, targets: Sequence[Target], addresses: Mapping[Party, str], path: Path) -> None:
        services = {t.party.value: {"address": addresses[t.party], "service": t.url} for t in targets}
        self._line("listening", services=services, trace=str(path))

    def passed(self, record: Record, messages: Messages) -> None:
        if record["type"] == "unread":
            self._line("unreadable", record=record)
        elif record["type"] == "answer":
            for call, answer in messages.behind([record["n"]]):
                self._line("message", call=call, answer=answer)

    def breach(self, breach: Breach, messages: Messages) -> None:
        found = breach_as_json(breach.violation, messages)
        expected = {"expected_zh": breach.rule.expected_zh, "expected_en": breach.rule.expected_en}
        self._line("breach", clause=breach.rule.clause, **expected, **found)

    def disk_trouble(self, error: OSError) -> None:
        self._line("disk_trouble", reason=error.strerror or str(error))

    def end(self, observation: Observation, path: Path, code: Exit) -> None:
        verdicts = observation.watch.verdicts()
        counts = observation.scribe.counts
        notes = _notes(observation, path)
        self._line(
            "summary",
            trace=str(path),
            ours=counts.ours,
            not_ours=counts.not_ours,
            unreadable=counts.unread,
            limits_zh=[zh for zh, _ in notes],
            limits_en=[en for _, en in notes],
            verdicts=as_json(verdicts, observation.breached),
            exit=int(code),
        )


def _incomplete(observation: Observation) -> bool:
    """Tell whether something of ours was missed, so that nobody may say that everything was kept."""
    return observation.scribe.counts.unread > 0 or observation.unjudged > 0 or observation.stumbled is not None


def _notes(observation: Observation, path: Path) -> list[tuple[str, str]]:
    """What was not judged as it passed, or not written down."""
    watch, found = observation.watch, []
    if observation.stumbled is not None:
        why = observation.stumbled
        found.append(
            (f"即时评判中途出错:{why};请 duijie judge {path}", f"the judge stumbled: {why}; use duijie judge {path}")
        )
    if observation.unjudged:
        n = observation.unjudged
        found.append(
            (
                f"{n} 条记录来不及评判,请 duijie judge {path}",
                f"{n} records came too fast to be judged; use duijie judge {path}",
            )
        )
    if watch.let_go_early:
        n = watch.let_go_early
        found.append((f"{n} 件案卷因在办过多而停止跟踪", f"{n} cases were let go because too many were under way"))
    if watch.heard_after_the_end:
        n = watch.heard_after_the_end
        found.append(
            (
                f"{n} 条报文属于已结束跟踪的案卷,未作评判",
                f"{n} messages belong to cases that had been let go, and were not judged",
            )
        )
    if observation.file.lines_lost:
        n = observation.file.lines_lost
        found.append((f"{n} 行未能写入 {path}", f"{n} lines could not be written to {path}"))
    return found
