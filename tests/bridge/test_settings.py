"""The integration profile: read, checked, all mistakes shown at once with their places."""

import re
from dataclasses import fields, is_dataclass, replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

import duijie
from bridge.settings import (
    ProfileInvalid,
    load_profile,
    override,
    profile_from_mapping,
    profile_schema,
    profile_to_mapping,
)
from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.profile import (
    BridgeProfile,
    Choices,
    DeliveryChoices,
    HandOverMode,
    Limits,
    PasswordType,
    Profile,
    ReceiptMode,
    Security,
    Tls,
    WorkingTime,
)

WUHU = Path(duijie.__file__).parent / "profiles" / "wuhu.yaml"


def edited(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """A copy of the example profile with some texts replaced."""
    text = WUHU.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "city.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def line_of(text: str) -> str:
    """`:line` of the first line of the example profile that holds this text."""
    lines = WUHU.read_text(encoding="utf-8").splitlines()
    return f":{next(number for number, line in enumerate(lines, 1) if text in line)}"


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ProfileInvalid) as caught:
        load_profile(path, {})
    return [str(problem).removeprefix(str(path)) for problem in caught.value.problems]


def test_the_example_profile_writes_out_every_default() -> None:
    profile = load_profile(WUHU)
    assert Choices() == profile.choices
    assert DeliveryChoices() == profile.delivery
    assert Limits() == profile.limits
    assert Security() == profile.security
    assert WorkingTime() == replace(profile.working_time, extra_holidays=())
    assert BridgeProfile() == profile.bridge
    text = WUHU.read_text(encoding="utf-8")
    names = [
        name
        for part in (Choices, DeliveryChoices, Limits, Security, WorkingTime, BridgeProfile)
        for name in part.__slots__
    ]
    assert [name for name in names if not re.search(rf"^  {name}:", text, re.M)] == []


def test_the_example_profile_knows_the_holidays_of_the_year_that_the_national_calendar_may_not_have_yet() -> None:
    days = load_profile(WUHU).working_time.extra_holidays
    assert {day.year for day in days} == {2027}
    assert len(days) == 13


def test_the_example_contact_book_seats_all_seven() -> None:
    assert list(ContactDuty) == [contact.duty for contact in load_profile(WUHU).contacts]


def schema_of(kind: type, schema: dict[str, Any]) -> list[str]:
    """Where the schema's properties and defaults differ from the dataclass."""
    if "$ref" in schema:
        schema = profile_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    differences = []
    properties = schema["properties"]
    if list(properties) != [f.name for f in fields(kind)]:
        differences.append(f"{kind.__name__}: {list(properties)}")
    for f in fields(kind):
        if isinstance(f.type, type) and is_dataclass(f.type):
            differences += schema_of(f.type, properties[f.name])
    return differences


def test_the_schema_and_the_vocabulary_have_the_same_fields() -> None:
    assert schema_of(Profile, profile_schema()) == schema_of(Tls, profile_schema()["$defs"]["tls"]) == []


def test_the_schema_names_the_vocabularys_defaults() -> None:
    platform = {"code": "a", "endpoint": "http://a/", "username": "a", "password": "a"}
    other = {"code": "b", "endpoint": "http://b/", "username": "b", "password": "b"}
    mapping = profile_to_mapping(profile_from_mapping({"name": "x", "grid": platform, "urban": other}))
    for section in ("bridge", "choices", "delivery", "limits", "security", "working_time"):
        stated = {n: p["default"] for n, p in profile_schema()["properties"][section]["properties"].items()}
        assert stated == mapping[section]
    stated = {n: p["default"] for n, p in profile_schema()["$defs"]["platform"]["properties"].items() if "default" in p}
    assert stated == {name: mapping["grid"][name] for name in stated}


def test_every_property_is_described_in_both_languages() -> None:
    def walk(schema: dict[str, Any], path: str) -> list[str]:
        missing = []
        for name, inner in schema.get("properties", {}).items():
            if " / " not in inner.get("description", ""):
                missing.append(f"{path}{name}")
            missing += walk(inner, f"{path}{name}.")
            missing += walk(inner.get("items", {}), f"{path}{name}[].")
        return missing

    assert walk(profile_schema(), "") + walk(profile_schema()["$defs"]["platform"], "platform.") == []
    assert walk(profile_schema()["$defs"]["tls"], "tls.") == []


def test_values_arrive_as_what_they_are(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        ("  receipts: call ", "  receipts: response "),
        ("  password_type: digest ", "  password_type: text "),
        ("hand_over: push", "hand_over: query"),
        ("[08:00, 12:00]", "[08:30, 11:45]"),
        ("extra_workdays: []", "extra_workdays: [2026-05-06]"),
    )
    profile = load_profile(path)
    assert profile.grid.receipts is ReceiptMode.RESPONSE
    assert profile.grid.password_type is PasswordType.TEXT
    assert profile.choices.hand_over is HandOverMode.QUERY
    assert profile.working_time.hours[0] == (time(8, 30), time(11, 45))
    assert profile.working_time.extra_workdays == (date(2026, 5, 6),)
    assert profile.delivery.retry_gaps_seconds == (60, 300, 900, 3600)


def test_all_mistakes_are_shown_at_once_with_their_places(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        ("max_rejections: 3", "max_rejection: 3"),
        ("receipt_timeout_seconds: 300", "receipt_timeout_seconds: soon"),
        ("duty: grid_side", "duty: gridside"),
    )
    shown = problems_of(path)
    assert len(shown) == 3
    assert shown[0].startswith(
        f"{line_of('max_rejections')}:3: 未知的键“max_rejection”,是否想写“max_rejections”? / unknown key 'max_rejection'; did you mean 'max_rejections'?"
    )
    assert shown[1].startswith(f"{line_of('receipt_timeout')}:28: 应为整数,而不是 'soon'")
    assert "did you mean 'grid_side'?" in shown[2]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("code: wuhu-urban", "code: wuhu-grid", "different codes"),
        ("username: urban", "username: grid", "different accounts"),
        ("http://127.0.0.1:8102/soap", "http://127.0.0.1:8100/soap", "same host and port as urban"),
        ("http://127.0.0.1:8102/soap", "http://127.0.0.1:810299/soap", "port in the address"),
        ("http://127.0.0.1:8102/soap", "ftp://127.0.0.1/urban", "should look like"),
        ("[14:30, 17:30]", "[17:30, 14:30]", "must begin before it ends"),
        ("[14:30, 17:30]", "[11:30, 17:30]", "without overlap"),
        ("[14:30, 17:30]", "[14:30, 24:30]", "should look like"),
        ("duty: city_bureau", "duty: grid_side", "already has a person"),
        ("extra_workdays: []", "extra_workdays: [2026-02-30]", "not a valid date"),
        ("retry_gaps_seconds: [60, 300, 900, 3600]", "retry_gaps_seconds: []", "too short"),
        ("max_attempts: 5", "max_attempts: 5\n  max_attempts: 6", "given twice"),
        ("name: wuhu\n", "", "'name' is missing"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert any(said in problem for problem in problems_of(edited(tmp_path, (old, new))))


def test_a_password_may_come_from_the_environment(tmp_path: Path) -> None:
    path = edited(tmp_path, ("password: grid-demo", "password: ${GRID_SECRET}"))
    assert load_profile(path, {"GRID_SECRET": "s$3:#{x}"}).grid.password == "s$3:#{x}"


def test_a_missing_environment_variable_is_a_mistake_with_a_place(tmp_path: Path) -> None:
    path = edited(tmp_path, ("password: grid-demo", "password: ${GRID_SECRET}"))
    assert problems_of(path) == [
        f"{line_of('password: grid-demo')}:13: 环境变量 GRID_SECRET 未设置 / the environment variable GRID_SECRET is not set"
    ]


def test_a_password_is_never_shown_with_the_profile() -> None:
    assert "grid-demo" not in repr(load_profile(WUHU))


def test_a_profile_survives_being_written_down() -> None:
    profile = load_profile(WUHU)
    assert profile == profile_from_mapping(profile_to_mapping(profile))


def test_single_fields_can_be_overridden() -> None:
    profile = load_profile(WUHU)
    changed = override(profile, {"choices.max_rejections": 2, "urban.receipts": "response"})
    assert changed.choices.max_rejections == 2
    assert changed.urban.receipts is ReceiptMode.RESPONSE
    assert override(changed, {"choices.max_rejections": 3, "urban.receipts": "call"}) == profile


@pytest.mark.parametrize(
    ("dotted", "value", "said"),
    [
        ("choices.max_rejection", 2, "profile.choices.max_rejection: 未知的键"),
        ("choices.max_rejections", "2", "profile.choices.max_rejections: 应为整数"),
        ("choice.max_rejections", 2, "choice.max_rejections: “choice”不是"),
    ],
)
def test_an_override_that_names_nothing_or_does_not_fit_is_refused(dotted: str, value: object, said: str) -> None:
    with pytest.raises(ProfileInvalid, match=re.escape(said)):
        override(load_profile(WUHU), {dotted: value})


def test_the_profiles_page_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "profile.md").read_text(encoding="utf-8")
    platform = profile_schema()["$defs"]["platform"]["properties"]
    sections = [section.get("properties", {}) for section in profile_schema()["properties"].values()]
    names = [name for properties in (platform, *sections) for name in properties]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_operation_page_names_every_event_of_the_log() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "bridge-operation.md").read_text(encoding="utf-8")
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (root / "bridge" / "runtime.py", root / "bridge" / "transports" / "endpoint.py")
    )
    events = set(re.findall(r'"((?:bridge|form|receipt|query|timers|operator|store|endpoint|sender)\.[a-z]+)"', code))
    assert len(events) > 10
    assert sorted(event for event in events if f"`{event}`" not in page) == []


SUMMER = '{name: 夏季, first: "05-01", last: "09-30", hours: [["08:00", "12:00"], ["15:00", "18:00"]]}'


def with_seasons(tmp_path: Path, *seasons: str) -> Path:
    path = tmp_path / "seasons.yaml"
    text = WUHU.read_text(encoding="utf-8").replace("  seasons: []", f"  seasons: [{', '.join(seasons)}]")
    path.write_text(text, encoding="utf-8")
    return path


def test_a_season_has_hours_of_its_own(tmp_path: Path) -> None:
    working_time = load_profile(with_seasons(tmp_path, SUMMER)).working_time
    assert working_time.hours_on(date(2026, 9, 30))[1][0] == time(15)
    assert working_time.hours_on(date(2026, 10, 1))[1][0] == time(14, 30)


@pytest.mark.parametrize(
    ("season", "said"),
    [
        ('{name: 冬, first: "12-01", last: "02-30", hours: [["09:00", "12:00"]]}', "no year has a day 02-30"),
        ('{name: 冬, first: "12-01", last: "02-28", hours: [["12:00", "09:00"]]}', "must begin before it ends"),
        ('{name: 冬, first: "09-30", last: "02-28", hours: [["09:00", "12:00"]]}', "overlaps with the season '夏季'"),
    ],
    ids=["no such day", "hours", "overlap"],
)
def test_a_season_that_cannot_be_is_refused(tmp_path: Path, season: str, said: str) -> None:
    with pytest.raises(ProfileInvalid, match=said):
        load_profile(with_seasons(tmp_path, SUMMER, season))
