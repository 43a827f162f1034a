"""`sut.toml`: one file that says which system is under test, how it is made to act, what it can do, and with which profile it runs.

The file is checked as a whole; every mistake is told with file and line, in Chinese and English. The integration profile is a file beside
it (`system.profile`) or the table `[profile]` in it; what stands in that table is the profile's own reader's to judge.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from bridge.vocabulary.parties import Party
from conformance.drivers.driver import Capabilities
from conformance.drivers.located_toml import located, nearest, places
from located_yaml import Located, Position
from located_yaml import Path as KeyPath

#: The format that this reader understands.
FORMAT = "1.0"


class DriverKind(StrEnum):
    """The ways in which a system is made to act."""

    #: The control API over HTTP.
    CONTROL = "control"
    #: A program that speaks JSON lines over standard input and output.
    COMMAND = "command"
    #: A Python object from an entry point or `module:name`.
    PLUGIN = "plugin"
    #: A person who is told what to do.
    PERSON = "person"
    #: Our own simulator or bridge, for trying the suite itself.
    BUILTIN = "builtin"


_STRING = {"type": "string", "minLength": 1}
_STRINGS = {"type": "array", "items": _STRING}
_SECONDS = {"type": "number", "minimum": 0}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:duijie:sut:{FORMAT}",
    "title": "被测系统 / the system under test",
    "type": "object",
    "required": ["format", "system", "driver"],
    "additionalProperties": False,
    "properties": {
        "format": {"const": FORMAT},
        "system": {
            "type": "object",
            "required": ["role", "name"],
            "additionalProperties": False,
            "properties": {
                "role": {"enum": [party.value for party in Party]},
                "name": _STRING,
                "version": _STRING,
                "vendor": _STRING,
                "profile": _STRING,
            },
        },
        "driver": {
            "type": "object",
            "required": ["kind"],
            "additionalProperties": False,
            "properties": {
                "kind": {"enum": [kind.value for kind in DriverKind]},
                "address": _STRING,
                "token": _STRING,
                "command": _STRINGS,
                "plugin": _STRING,
                "options": {"type": "object"},
            },
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                    "then": {"required": [needed]},
                }
                for kind, needed in (("control", "address"), ("command", "command"), ("plugin", "plugin"))
            ],
        },
        "capabilities": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "acts": _STRINGS,
                "asks": _STRINGS,
                "steered_clock": {"type": "boolean"},
                "tells_quiet": {"type": "boolean"},
                "restart": {"type": "boolean"},
                "reset": {"type": "boolean"},
                "refusal_codes": {"type": "boolean"},
                "unsupported": _STRINGS,
            },
        },
        "time": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"patience_seconds": _SECONDS, "settle_seconds": _SECONDS},
        },
        "suite": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"known_failures": _STRING, "checks": _STRINGS, "skip": _STRINGS},
        },
        # Its sections are those of `bridge/profile.schema.json`.
        "profile": {"type": "object"},
    },
}


class SutInvalid(Exception):
    """The file cannot be used; `problems` has one (line, Chinese, English) for each mistake."""

    def __init__(self, path: Path, problems: Iterable[tuple[int, str, str]]):
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}:{line}: {en}" for line, _, en in self.problems))

    @property
    def zh(self) -> str:
        """All of it in Chinese."""
        return "\n".join(f"{self.path}:{line}: {zh}" for line, zh, _ in self.problems)

    @property
    def en(self) -> str:
        """All of it in English."""
        return "\n".join(f"{self.path}:{line}: {en}" for line, _, en in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUnderTest:
    """What the file says."""

    path: Path
    role: Party
    name: str
    version: str = ""
    vendor: str = ""
    #: The file of the integration profile that the system runs with.
    profile: Path | None = None
    #: The profile itself, where it stands in this file; the built-in example counts when there is neither.
    inline_profile: Located | None = field(default=None, repr=False)
    kind: DriverKind = DriverKind.BUILTIN
    address: str = ""
    token: str | None = field(default=None, repr=False)
    command: tuple[str, ...] = ()
    plugin: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Capabilities = field(default_factory=Capabilities)
    #: The longest that a step may wait in real time for what a real clock brings.
    patience_seconds: float = 30.0
    #: How long a system that cannot tell must have been silent to count as at rest.
    settle_seconds: float = 1.0
    known_failures: Path | None = None
    #: Which checks are meant; all when empty.
    checks: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    #: The table `[capabilities]` as it is written; what is not in it was not declared.
    declared: Mapping[str, Any] = field(default_factory=dict, repr=False)
    #: Where every key of the file stands.
    places: Mapping[KeyPath, Position] = field(default_factory=dict, repr=False)

    def where(self, *path: str) -> str:
        """File and line of a key, or of what it would stand in."""
        return f"{self.path}:{nearest(self.places, path).line if self.places else 1}"

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip()


def load_sut(path: Path, environment: Mapping[str, str] = os.environ) -> SystemUnderTest:
    """Read the file; raises `SutInvalid` with everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SutInvalid(path, [(1, f"无法读取:{error}", f"cannot be read: {error}")]) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else 1
        raise SutInvalid(path, [(line, f"不是合法的 TOML:{error}", f"no valid TOML: {error}")]) from error
    known = places(text)
    problems = [
        (_line(known, tuple(error.absolute_path), error), *_said(error))
        for error in sorted(
            Draft202012Validator(SCHEMA).iter_errors(raw), key=lambda e: list(map(str, e.absolute_path))
        )
    ]
    if not problems and "profile" in raw and "profile" in raw["system"]:
        elsewhere = nearest(known, ("system", "profile")).line
        zh = f"配置只能给一份:第 {elsewhere} 行的 system.profile 与此处的 [profile] 删去其一"
        en = f"the profile is given twice: take out system.profile in line {elsewhere}, or this [profile]"
        problems.append((nearest(known, ("profile",)).line, zh, en))
    token = raw.get("driver", {}).get("token") if not problems else None
    if isinstance(token, str) and (variable := re.fullmatch(r"\$\{(\w+)\}", token)):
        if (value := environment.get(variable[1])) is None:
            line = nearest(known, ("driver", "token")).line
            problems.append(
                (line, f"环境变量 {variable[1]} 未设置", f"the environment variable {variable[1]} is not set")
            )
        token = value
    if problems:
        raise SutInvalid(path, problems)
    return _system(path, raw, token, known)


def _system(
    path: Path, raw: Mapping[str, Any], token: str | None, known: Mapping[KeyPath, Position]
) -> SystemUnderTest:
    system, driver, suite = raw["system"], raw["driver"], raw.get("suite", {})
    beside = path.resolve().parent
    return SystemUnderTest(
        path=path,
        role=Party(system["role"]),
        name=system["name"],
        version=system.get("version", ""),
        vendor=system.get("vendor", ""),
        profile=beside / system["profile"] if "profile" in system else None,
        inline_profile=located(raw["profile"], "profile", known, str(path)) if "profile" in raw else None,
        kind=DriverKind(driver["kind"]),
        address=driver.get("address", ""),
        token=token,
        command=tuple(driver.get("command", ())),
        plugin=driver.get("plugin", ""),
        options=driver.get("options", {}),
        capabilities=_capabilities(raw.get("capabilities", {})),
        known_failures=beside / suite["known_failures"] if "known_failures" in suite else None,
        checks=tuple(suite.get("checks", ())),
        skip=tuple(suite.get("skip", ())),
        declared=raw.get("capabilities", {}),
        places=known,
        **raw.get("time", {}),
    )


def _capabilities(raw: Mapping[str, Any]) -> Capabilities:
    declared: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return Capabilities(**declared)


def _said(error: Any) -> tuple[str, str]:
    where = ".".join(str(part) for part in error.absolute_path) or "sut.toml"
    if error.validator == "required":
        missing = next((name for name in error.validator_value if name not in error.instance), "")
        return f"{where} 缺少 {missing}", f"{where} lacks {missing}"
    if error.validator == "additionalProperties":
        extra = ", ".join(sorted(set(error.instance) - set(error.schema.get("properties", {}))))
        known = ", ".join(error.schema.get("properties", {}))
        return f"{where} 中有未知的键 {extra};可用:{known}", f"{where} has unknown keys {extra}; known are {known}"
    if error.validator in ("enum", "const"):
        allowed = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        listed = ", ".join(map(str, allowed))
        return (
            f"{where} 的值 {error.instance!r} 不可用;可用:{listed}",
            f"{where} cannot be {error.instance!r}; it may be {listed}",
        )
    return f"{where} 的值 {error.instance!r} 类型或大小不对", f"{where}: {error.message}"


def _line(known: Mapping[KeyPath, Position], path: KeyPath, error: Any) -> int:
    """The line of what an error is about, as well as it is known."""
    if error.validator == "additionalProperties":
        path = (*path, min(set(error.instance) - set(error.schema.get("properties", {}))))
    return nearest(known, path).line
