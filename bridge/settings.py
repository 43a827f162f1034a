"""Reading the integration profile: one file holds everything that a city decides.

The file is YAML, checked against `profile.schema.json` and then against what no schema can say.
All that is wrong with it is said at once, each with file, line and column.

    ProfileInvalid      theirs: the profile cannot be used; carries every problem found
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.stores.plain import from_plain, to_plain
from bridge.vocabulary.profile import BridgeProfile, DeliveryChoices, Profile, Season
from located_yaml import DocumentInvalid, Located, Problem, check, load, place

_ENVIRONMENT_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

#: Fields that may hold secrets; only these take `${NAME}`, so that a `$` elsewhere stays a `$`.
_SECRET_FIELDS: tuple[tuple[str, str], ...] = (
    ("grid", "username"),
    ("grid", "password"),
    ("urban", "username"),
    ("urban", "password"),
    ("bridge", "store"),
)


class ProfileInvalid(Exception):
    """A profile that cannot be used; `problems` holds everything that is wrong with it, in file order."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@cache
def profile_schema() -> dict[str, Any]:
    """The JSON Schema of profile files."""
    text = files("bridge").joinpath("profile.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def load_profile(path: str | Path, environment: Mapping[str, str] | None = None) -> Profile:
    """The profile in a file; `${NAME}` in credentials and in the store's URL is taken from the environment.

    Raises `ProfileInvalid` with every problem found.
    """
    try:
        located = load(path)
    except DocumentInvalid as invalid:
        raise ProfileInvalid(invalid.problems) from None
    return profile_from_document(located, environment)


def profile_from_document(located: Located, environment: Mapping[str, str] | None = None) -> Profile:
    """The profile in a document that was read already, such as a part of another file; see `load_profile`."""
    problems = check(located, profile_schema())
    problems += _fill_from_environment(located, os.environ if environment is None else environment)
    return _build(located, problems)


def profile_from_mapping(mapping: Mapping[str, Any], name: str = "profile") -> Profile:
    """The profile that these plain values say, checked like a file; `name` stands in problems in place of a path."""
    located = place(mapping, name)
    return _build(located, check(located, profile_schema()))


def profile_to_mapping(profile: Profile) -> dict[str, Any]:
    """The profile as plain values, every field written out; `profile_from_mapping` reads them back."""
    mapping: dict[str, Any] = to_plain(Profile, profile)
    return mapping


def override(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """The profile with some fields changed, named with dots: `{"choices.max_rejections": 2}`.

    Raises `ProfileInvalid` for a name that does not exist or a value that does not fit.
    """
    mapping = profile_to_mapping(profile)
    for dotted, value in changes.items():
        *above, last = dotted.split(".")
        target: Any = mapping
        for depth, name in enumerate(above):
            inner = target.get(name) if isinstance(target, dict) else None
            if not isinstance(inner, dict):
                said = ".".join(above[: depth + 1])
                zh, en = f"“{said}”不是可改的配置段", f"'{said}' is no part of a profile that has fields of its own"
                raise ProfileInvalid([Problem(dotted, 0, 0, zh, en)])
            target = inner
        target[last] = value
    return profile_from_mapping(mapping)


def _build(located: Located, problems: list[Problem]) -> Profile:
    if not problems:
        problems = list(_beyond_the_schema(located))
    if problems:
        raise ProfileInvalid(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    profile: Profile = from_plain(Profile, located.value)
    return profile


def _fill_from_environment(located: Located, environment: Mapping[str, str]) -> Iterator[Problem]:
    for path in _SECRET_FIELDS:
        section = located.value.get(path[0]) if isinstance(located.value, dict) else None
        text = section.get(path[1]) if isinstance(section, dict) else None
        if not isinstance(section, dict) or not isinstance(text, str):
            continue
        for name in _ENVIRONMENT_NAME.findall(text):
            if not environment.get(name):
                zh, en = f"环境变量 {name} 未设置", f"the environment variable {name} is not set"
                yield located.problem(path, zh, en)
        section[path[1]] = _ENVIRONMENT_NAME.sub(lambda found: environment.get(found[1], ""), text)


def _beyond_the_schema(located: Located) -> Iterator[Problem]:
    """What only makes sense of several values together."""
    profile: dict[str, Any] = located.value
    if profile["grid"]["code"] == profile["urban"]["code"]:
        yield located.problem(("urban", "code"), "两个平台的代码不能相同", "the two platforms need different codes")
    if profile["grid"]["username"] == profile["urban"]["username"]:
        zh, en = "两个平台的账号不能相同", "the two platforms need different accounts"
        yield located.problem(("urban", "username"), zh, en)
    yield from _addresses(located, profile)
    for party in _PARTIES:
        yield from _certificates(located, party, profile.get(party, {}))
    bound = next((party for party in ("grid", "urban") if profile[party].get("certificate_names")), None)
    if bound and not any((profile.get(party, {}).get("tls") or {}).get("client_authorities") for party in _PARTIES):
        zh = "列出了证书名称,却没有一方要求呼叫方出示证书(client_authorities)"
        en = "names of certificates are listed, but nobody asks callers for one (client_authorities)"
        yield located.problem((bound, "certificate_names"), zh, en)
    yield from _limits_of_time(located, profile.get("delivery", {}))
    yield from _working_time(located, profile.get("working_time", {}))
    seated: dict[str, int] = {}
    for index, contact in enumerate(profile.get("contacts", [])):
        duty = contact["duty"]
        if duty in seated:
            zh, en = f"岗位 {duty} 已有联系人", f"the seat {duty} already has a person"
            yield located.problem(("contacts", index, "duty"), zh, en)
        seated[duty] = index


def _limits_of_time(located: Located, delivery: dict[str, Any]) -> Iterator[Problem]:
    default = DeliveryChoices()
    warn = delivery.get("warn_after_seconds", default.warn_after_seconds)
    park = delivery.get("park_after_seconds", default.park_after_seconds)
    if warn and park and park <= warn:
        zh = f"挂起时限应大于提醒时限 {warn} 秒"
        en = f"a form is parked after it was warned of, hence after more than {warn} seconds"
        yield located.problem(("delivery", "park_after_seconds"), zh, en)


_PARTIES = ("grid", "urban", "bridge")

#: Files that are of use only beside another one.
_BESIDE = {
    "certificate": "key",
    "key": "certificate",
    "client_certificate": "client_key",
    "client_key": "client_certificate",
    "client_authorities": "certificate",
}


def _certificates(located: Located, party: str, section: dict[str, Any]) -> Iterator[Problem]:
    tls = section.get("tls") or {}
    for name, other in _BESIDE.items():
        if tls.get(name) and not tls.get(other):
            yield located.problem((party, "tls", name), f"缺少配套的 {other}", f"{other} is missing beside it")
    endpoint = section.get("endpoint", BridgeProfile().endpoint)
    if tls.get("certificate") and not endpoint.startswith("https:"):
        zh, en = "出示证书的服务,地址应为 https", "a service that shows a certificate has an https address"
        yield located.problem((party, "endpoint") if "endpoint" in section else (party, "tls"), zh, en)


def _addresses(located: Located, profile: dict[str, Any]) -> Iterator[Problem]:
    listening: dict[tuple[str | None, int | None], str] = {}
    for party in ("grid", "urban", "bridge"):
        endpoint = profile.get(party, {}).get("endpoint")
        if endpoint is None:
            continue
        try:
            parts = urlsplit(endpoint)
            place_of_listening = (
                parts.hostname,
                (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port,
            )
        except ValueError:
            zh, en = "地址中的端口无效", "the port in the address is not valid"
            yield located.problem((party, "endpoint"), zh, en)
            continue
        if place_of_listening[1] == 0:
            continue  # Any free port: no clash possible.
        other = listening.setdefault(place_of_listening, party)
        if other != party and "bridge" in (party, other):
            zh, en = f"与 {other} 的地址端口相同", f"has the same host and port as {other}"
            yield located.problem((party, "endpoint"), zh, en)


def _working_time(located: Located, working_time: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _working_hours(located, ("working_time", "hours"), working_time.get("hours", []))
    taken: dict[str, str] = {}
    for index, season in enumerate(working_time.get("seasons", [])):
        path: tuple[str | int, ...] = ("working_time", "seasons", index)
        yield from _working_hours(located, (*path, "hours"), season["hours"])
        strange = [name for name in ("first", "last") if season[name] not in _DAYS_OF_A_YEAR]
        for name in strange:
            day = season[name]
            yield located.problem((*path, name), f"一年中没有 {day} 这一天", f"no year has a day {day}")
        if strange:
            continue
        read = from_plain(Season, season)
        clash = next((taken[told] for told, day in _DAYS_OF_A_YEAR.items() if read.holds(day) and told in taken), None)
        if clash is not None:
            yield located.problem(path, f"与季节“{clash}”重叠", f"overlaps with the season '{clash}'")
        taken |= {told: season["name"] for told, day in _DAYS_OF_A_YEAR.items() if read.holds(day)}


#: By month and day, as seasons name them; a leap year has all of them.
_DAYS_OF_A_YEAR = {f"{day:%m-%d}": day for day in (date(2024, 1, 1) + timedelta(days=n) for n in range(366))}


def _working_hours(located: Located, place: tuple[str | int, ...], spans: list[list[str]]) -> Iterator[Problem]:
    before = ""
    for index, (begin, end) in enumerate(spans):
        path = (*place, index)
        if begin >= end:
            yield located.problem(path, "时段的开始应早于结束", "a span must begin before it ends")
        elif before and begin < before:
            yield located.problem(path, "时段应按先后排列且不重叠", "spans must follow each other without overlap")
        before = end
