"""`duijie conform init`: asks what the system is and where it listens, and writes the one file that describes it, every value explained.

What stands under `[profile]` is written from the schema of the integration profile, so its explanations and defaults are always those that
the reader goes by.
"""

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from bridge.settings import profile_schema, profile_to_mapping
from bridge.vocabulary.parties import Party, Side
from conformance.drivers.sut import FORMAT, DriverKind, SutInvalid, load_sut
from conformance.scenario.words import acts
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.profiles_io import profile_of, read_profile

#: Where each party listens unless something else is said; the paths are those of the example profile.
_PORTS = {Party.GRID: 8101, Party.URBAN: 8102, Party.BRIDGE: 8100}
_PATHS = {Party.GRID: "/soap", Party.URBAN: "/soap", Party.BRIDGE: ""}
#: What is tried for a bridge that takes no part, until it is an address of its own.
_BRIDGE_PORTS = (8100, 8110, 8120, 8130)

#: Asks for one value: what was given, the question in both languages, what it is without an answer.
Ask = Callable[[str | None, str, str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says; None for what is to be asked for."""

    role: str | None = None
    name: str | None = None
    version: str | None = None
    vendor: str | None = None
    driver: str | None = None
    address: str | None = None
    token: str | None = None
    command: str | None = None
    plugin: str | None = None
    own_endpoint: str | None = None
    suite_host: str | None = None
    suite_ports: tuple[int, ...] = ()
    codes: Mapping[Side, str | None]
    usernames: Mapping[Side, str | None]
    passwords: Mapping[Side, str | None]
    force: bool = False
    #: Take what was not given for granted instead of asking.
    yes: bool = False


def run_init(path: Path, given: Given, language: Language) -> Exit:
    """Write the file and say what comes next; raises `UserMistake` for a file that is there already and for values that cannot be used."""
    if path.exists() and not given.force:
        raise UserMistake(
            f"{path} 已存在,未改动;加 --force 则覆盖",
            f"{path} is there already and was left alone; --force writes over it",
        )
    role, text = _asked(given, _asker(given, language))
    _try(text, path)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error
    typer.echo(say(language, f"已写出 {path}。接下来:", f"{path} written. Next:"))
    typer.echo(f"  duijie conform doctor {role} --sut {shlex.quote(str(path))}")
    typer.echo(f"  duijie conform {role} --sut {shlex.quote(str(path))} --report out/")
    return Exit.OK


# --- asking -----------------------------------------------------------------------------------------------------


def _asker(given: Given, language: Language) -> Ask:
    people = sys.stdin.isatty() and not given.yes

    def ask(value: str | None, zh: str, en: str, default: str) -> str:
        if value is not None:
            return value
        if people:
            return str(typer.prompt(say(language, zh, en), default=default or None)).strip()
        if not default:
            raise UserMistake(
                f"缺少{zh}:没有人可问,请用选项给出", f"{en}: there is nobody to ask; give it as an option"
            )
        return default

    return ask


def _asked(given: Given, ask: Ask) -> tuple[Party, str]:
    role = _one_of(Party, ask(given.role, "角色(grid、urban、bridge)", "role (grid, urban, bridge)", ""), "--role")
    name = ask(given.name, "系统名称(--name)", "name of the system (--name)", "")
    version = ask(given.version, "版本", "version", "1.0")
    kinds = ", ".join(DriverKind)
    kind = _one_of(DriverKind, ask(given.driver, f"驱动({kinds})", f"driver ({kinds})", DriverKind.CONTROL), "--driver")
    driver = _driver(kind, given, ask)
    own = ask(given.own_endpoint, "系统的服务地址", "where the system listens", _usual(role, "127.0.0.1"))
    endpoints = {role: own} | _suite_endpoints(role, given, ask)
    accounts = {
        side: (
            ask(given.usernames[side], f"{side} 平台的账号", f"account of the {side} platform", side.value),
            ask(
                given.passwords[side],
                f"{side} 平台的口令,或 ${{环境变量名}}",
                f"password of the {side} platform, or ${{NAME_OF_A_VARIABLE}}",
                f"{side}-demo",
            ),
        )
        for side in Side
    }
    codes = {side: given.codes[side] or f"wuhu-{side}" for side in Side}
    system = {"role": role.value, "name": name, "version": version, "vendor": given.vendor or ""}
    lines = [
        *_head(role),
        *_system(system),
        *_driver_lines(kind, driver),
        *_capabilities(role),
        *_TIME_AND_SUITE,
        *_profile(role, endpoints, accounts, codes),
    ]
    return role, "\n".join(lines) + "\n"


def _one_of(kind: type[Any], value: str, option: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise UserMistake(
            f"{option} 应为 {known} 之一,不是 {value}", f"{option} is one of {known}, not {value}"
        ) from None


def _driver(kind: DriverKind, given: Given, ask: Ask) -> dict[str, Any]:
    if kind is DriverKind.CONTROL:
        address = ask(given.address, "控制接口的地址", "address of the control API", "http://127.0.0.1:9000")
        return {"address": address} | ({"token": given.token} if given.token else {})
    if kind is DriverKind.COMMAND:
        command = ask(given.command, "驱动程序的命令行(--command)", "command line of the driver (--command)", "")
        return {"command": shlex.split(command)}
    if kind is DriverKind.PLUGIN:
        return {
            "plugin": ask(
                given.plugin, "插件名或 module:factory(--plugin)", "plug-in, or module:factory (--plugin)", ""
            )
        }
    return {}


def _suite_endpoints(role: Party, given: Given, ask: Ask) -> dict[Party, str]:
    """Where the suite listens in the place of the others: one port for each, in the order grid, urban."""
    others = [side.party for side in Side if side.party is not role]
    host = ask(given.suite_host, "套件监听的主机名", "host at which the suite listens", "127.0.0.1")
    if len(given.suite_ports) > len(others):
        raise UserMistake(
            f"--suite-port 至多 {len(others)} 个", f"--suite-port can be given {len(others)} times at the most"
        )
    found = {}
    for number, other in enumerate(others):
        port = str(given.suite_ports[number]) if number < len(given.suite_ports) else None
        asked = ask(
            port, f"套件代 {other} 平台监听的端口", f"port of the suite in the place of {other}", str(_PORTS[other])
        )
        found[other] = f"http://{host}:{asked}{_PATHS[other]}"
    return found


def _usual(party: Party, host: str) -> str:
    return f"http://{host}:{_PORTS[party]}{_PATHS[party]}"


def _try(text: str, path: Path) -> None:
    """Read what is about to be written; raises `UserMistake` with the lines that it would have."""
    with tempfile.TemporaryDirectory(prefix="duijie-") as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8")
        try:
            # Variables are for the machine on which the system is judged.
            profile_of(load_sut(trial, _Anything()), _Anything())
        except SutInvalid as invalid:
            raise UserMistake(
                invalid.zh.replace(str(trial), path.name), invalid.en.replace(str(trial), path.name)
            ) from None
        except UserMistake as mistake:
            raise UserMistake(
                mistake.zh.replace(str(trial), path.name), mistake.en.replace(str(trial), path.name)
            ) from None


class _Anything(dict[str, str]):
    """An environment in which every variable is set."""

    def get(self, key: str, default: Any = None) -> Any:
        """Something, whatever is asked for."""
        return os.environ.get(key) or key


# --- writing ----------------------------------------------------------------------------------------------------


def _head(role: Party) -> Iterator[str]:
    yield "# 被测系统:角色、驱动、能力、对接配置,都在这一个文件里。说明见 docs/conformance.md、docs/profile.md。"
    yield "# The system under test in one file: role, driver, capabilities, integration profile. See docs/conformance.md and docs/profile.md."
    yield f"#   duijie conform doctor {role} --sut <this file>     运行前检视 / look at the set-up"
    yield f"#   duijie conform {role} --sut <this file>            评判 / judge"
    yield f'format = "{FORMAT}"'
    yield ""


def _system(system: Mapping[str, str]) -> Iterator[str]:
    yield "[system]"
    explained = {
        "role": "网格平台 grid | 城管平台 urban | 对接桥 bridge / what the system is",
        "name": "报告中的名称 / what it is called in reports",
        "version": "报告中的版本 / its version in reports",
        "vendor": "厂商,可不填 / its maker, if wanted",
    }
    for key, value in system.items():
        yield f"# {explained[key]}"
        yield f"{key} = {_toml(value)}" if value else f'# {key} = "…"'
    yield ""


def _driver_lines(kind: DriverKind, driver: Mapping[str, Any]) -> Iterator[str]:
    yield "# 怎样让系统办事;结论只看报文 / how the system is made to act; the verdict comes from the wire alone"
    yield "[driver]"
    yield "# control 控制接口 HTTP | command 任意语言的程序 | plugin Python 对象 | person 人工 | builtin 自带的一方"
    yield "# control API over HTTP | a program in any language | a Python object | a person at the terminal | our own party"
    yield f'kind = "{kind}"'
    for key, value in driver.items():
        yield f"{key} = {_toml(value)}"
    if kind is DriverKind.CONTROL and "token" not in driver:
        yield "# 需要令牌时取自环境变量 / where it wants a token, from the environment"
        yield '# token = "${DUIJIE_CONTROL_TOKEN}"'
    yield ""


def _capabilities(role: Party) -> Iterator[str]:
    roles = sorted({name.partition(".")[0] for name, word in acts().items() if word.party == role})
    patterns = ", ".join(f'"{name}.*"' for name in roles)
    yield "# 系统能做什么。不写则以驱动所说为准;写了而驱动说没有,是矛盾,运行前即提示。"
    yield "# What it can do. Without an entry the driver's word counts; what is declared and denied by the driver is a contradiction."
    yield "[capabilities]"
    yield "# 能让其人员办理的操作 / acts that its people can be made to do"
    yield f"# acts = [{patterns}]"
    yield "# 能回答的查询 / questions about its own state that it answers"
    yield '# asks = ["case"]'
    for key, zh, en in (
        ("steered_clock", "时钟静止,由套件拨动", "its clock stands until the suite sets it"),
        ("tells_quiet", "能说明是否已静止", "it tells whether it is at rest"),
        ("restart", "能立即停机并重启,数据不失", "it can be stopped at once and started again, keeping what it had"),
        ("reset", "能以给定配置从全新状态开始", "it can begin afresh with given settings of the profile"),
        ("refusal_codes", "拒绝时用控制接口的代码", "it refuses with the codes of the control port"),
    ):
        yield f"# {zh} / {en}"
        yield f"# {key} = true"
    yield "# 系统没有的条款、操作、查询或检查,可用 * / clauses, acts, questions and checks that it does not have"
    yield "unsupported = []"
    yield ""


_TIME_AND_SUITE = (
    "[time]",
    "# 真实时钟下一步最多等多少秒;要等更久的检查无法判定 / longest real wait of a step; what takes longer is inconclusive",
    "patience_seconds = 30",
    "# 不能说明是否静止的系统,静默多少秒视为静止 / so many seconds silent: at rest, where the system cannot tell",
    "settle_seconds = 1",
    "",
    "[suite]",
    "# 只做这些检查(编号、条款、场景、目录,可用 *);空则全部 / only these checks; all when empty",
    "checks = []",
    "# 不做这些检查;系统声明具备而略去的,总结中会列出 / leave these out; what the system has and is left out is told",
    "skip = []",
    "# 已知问题的文件,写法见 docs/conformance.md / file of known failures, see docs/conformance.md",
    '# known_failures = "known.yaml"',
    "",
)


def _profile(
    role: Party,
    endpoints: Mapping[Party, str],
    accounts: Mapping[Side, tuple[str, str]],
    codes: Mapping[Side, str],
) -> Iterator[str]:
    mapping = profile_to_mapping(read_profile(None))
    for side in Side:
        username, password = accounts[side]
        mapping[side.value] |= {
            "code": codes[side],
            "endpoint": endpoints[side.party],
            "username": username,
            "password": password,
        }
    mapping["bridge"]["endpoint"] = endpoints.get(Party.BRIDGE) or _out_of_the_way(endpoints)
    properties = profile_schema()["properties"]
    yield "# 系统所用的对接配置,各值须与系统一致 / the integration profile that the system runs with; the values must be the system's own"
    yield "[profile]"
    yield f"# {properties['name']['description']}"
    yield f"name = {_toml(mapping['name'])}"
    notes = _notes(role)
    for section, schema in properties.items():
        inner = _resolved(schema)
        if section == "name":
            continue
        yield ""
        yield f"# {schema['description']}{notes.get(section, '')}"
        if inner["type"] == "array":
            for number, item in enumerate(mapping[section]):
                if number == 0:
                    yield from (
                        f"#   {key}: {each['description']}" for key, each in inner["items"]["properties"].items()
                    )
                yield f"[[profile.{section}]]"
                yield from (f"{key} = {_toml(value)}" for key, value in item.items() if value is not None)
            continue
        yield f"[profile.{section}]"
        for key, each in inner["properties"].items():
            yield f"# {each['description']}"
            value = mapping[section][key]
            yield f"# {key} = …" if value is None else f"{key} = {_toml(value)}"


def _notes(role: Party) -> dict[str, str]:
    """Whose a section is."""
    own, suite = "被测系统 / the system under test", "由套件扮演,在此地址监听 / played by the suite, which listens here"
    notes = {party.value: f"({own if party is role else suite})" for party in Party}
    if role is not Party.BRIDGE:
        notes[Party.BRIDGE.value] = "(不参与 / takes no part)"
    return notes


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schema if reference is None else profile_schema()["$defs"][reference.rpartition("/")[2]]


def _out_of_the_way(endpoints: Mapping[Party, str]) -> str:
    taken = {urlsplit(endpoint).netloc for endpoint in endpoints.values()}
    places = (f"127.0.0.1:{port}" for port in _BRIDGE_PORTS)
    return f"http://{next(place for place in places if place not in taken)}"


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # A basic string of TOML is written like one of JSON, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
