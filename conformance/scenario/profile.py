"""The integration profile of a scenario: a ready-made city, and the settings that the scenario changes."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.profile import Contact, DeliveryChoices, PlatformProfile, Profile

#: What a scenario may change. Addresses and accounts belong to the stage.
SECTIONS = ("choices", "delivery", "limits", "security", "working_time")
PARTY_KEYS = ("grid.receipts", "urban.receipts", "bridge.receipts")

_CONTACTS = (
    Contact(duty=ContactDuty.COLLECTION_COMPANY_1, name="郑立", phone="0553-5550101"),
    Contact(duty=ContactDuty.COLLECTION_COMPANY_2, name="何清", phone="0553-5550102"),
    Contact(duty=ContactDuty.OPERATOR_COMPANY, name="陶敏", phone="0553-5550103"),
    Contact(duty=ContactDuty.GRID_SIDE, name="许宁", phone="0553-5550104"),
    Contact(duty=ContactDuty.CITY_BUREAU, name="孙岳", phone="0553-5550105"),
    Contact(duty=ContactDuty.PLATFORM_VENDOR, name="潘越", phone="0553-5550106"),
    Contact(duty=ContactDuty.CITY_INFORMATION_OFFICE, name="傅岚", phone="0553-5550107"),
)


class SettingInvalid(ValueError):
    """A value that the setting cannot take; says what it can."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


def base_profile() -> Profile:
    """The pair as scenarios know it; a live stage replaces addresses and accounts by its own."""
    return Profile(
        name="scenario",
        grid=_platform("grid", 8101),
        urban=_platform("urban", 8102),
        # Stories count in whole minutes; one that is about the spread of gaps says so.
        delivery=DeliveryChoices(retry_jitter=0),
        contacts=_CONTACTS,
    )


def _platform(side: str, port: int) -> PlatformProfile:
    return PlatformProfile(
        code=f"wuhu-{side}", endpoint=f"http://127.0.0.1:{port}/", username=side, password=f"{side}-of-the-scenario"
    )


def settings() -> dict[str, Any]:
    """Every dotted key that a scenario may set, with the type of its value."""
    hints = get_type_hints(Profile)
    found: dict[str, Any] = {}
    for section in SECTIONS:
        kinds = get_type_hints(hints[section])
        found |= {f"{section}.{item.name}": kinds[item.name] for item in fields(hints[section])}
    for name in ("hours", "seasons"):  # spans of the day are awkward in one line and no clause turns on them
        del found[f"working_time.{name}"]
    del found["security.trusted_proxies"]  # who calls from where belongs to the stage
    for key in PARTY_KEYS:
        party, name = key.split(".")
        found[key] = get_type_hints(hints[party])[name]
    return found


def setting_schema(kind: Any) -> dict[str, Any]:
    """What the value of a setting of this type looks like in a file."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer", "minimum": 0}
    if kind is float:
        return {"type": "number", "minimum": 0}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": setting_schema(get_args(kind)[0])}
    return {"type": "string", "minLength": 1}


def read_setting(kind: Any, value: Any) -> Any:
    """A value out of a file as the type that the profile wants; raises `SettingInvalid`."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            listed = ", ".join(str(member.value) for member in kind)
            raise SettingInvalid(f"应为以下之一:{listed}", f"expected one of {listed}") from None
    if get_origin(kind) is tuple and isinstance(value, list):
        inner = get_args(kind)[0]
        return tuple(read_setting(inner, item) for item in value)
    if kind is date and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise SettingInvalid("应为日期,如 2026-05-01", "expected a date such as 2026-05-01") from None
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if kind is str and isinstance(value, str) and value:
        return value
    raise SettingInvalid(f"值的类型不对,应为 {_called(kind)}", f"a value of the wrong kind, expected {_called(kind)}")


def _called(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " | ".join(_called(option) for option in get_args(kind))
    return str(getattr(kind, "__name__", kind))


def apply_settings(overrides: Mapping[str, Any], base: Profile | None = None) -> Profile:
    """The scenario's profile: the base with these dotted settings, already read, laid over it."""
    profile = base or base_profile()
    for key, value in overrides.items():
        section, name = key.split(".")
        part = getattr(profile, section)
        if not is_dataclass(part) or isinstance(part, type):
            raise KeyError(key)
        changed: dict[str, Any] = {section: replace(part, **{name: value})}
        profile = replace(profile, **changed)
    return profile
