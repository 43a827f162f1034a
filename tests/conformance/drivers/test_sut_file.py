"""`sut.toml`: everything that is wrong with it is said at once, with the line."""

from pathlib import Path

import pytest

from bridge.vocabulary.parties import Party
from conformance.drivers.sut import DriverKind, SutInvalid, load_sut

WHOLE = """format = "1.0"

[system]
role = "urban"
name = "某某城管"
version = "3.2"
profile = "city.yaml"

[driver]
kind = "control"
address = "http://127.0.0.1:9000"
token = "${A_TOKEN}"

[capabilities]
acts = ["operator.*"]
steered_clock = true
unsupported = ["EXC-5"]

[time]
patience_seconds = 5

[suite]
known_failures = "known.toml"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sut.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_says_what_the_system_is_and_how_it_is_made_to_act(tmp_path, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "open sesame")
    sut = load_sut(written(tmp_path, WHOLE))
    assert (sut.role, sut.title, sut.kind) == (Party.URBAN, "某某城管 3.2", DriverKind.CONTROL)
    assert sut.profile == tmp_path / "city.yaml"
    assert sut.known_failures == tmp_path / "known.toml"
    assert sut.token == "open sesame"
    assert "sesame" not in repr(sut)
    assert sut.capabilities.offers_act("operator.file")
    assert not sut.capabilities.offers_act("district.assign")
    assert sut.capabilities.lacks("INT-1", "EXC-5") == "EXC-5"
    assert sut.patience_seconds == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('role = "urban"', 'role = "urbane"', 4, "may be grid, urban, bridge"),
        ('name = "某某城管"', "", 3, "lacks name"),
        ('version = "3.2"', 'verison = "3.2"', 6, "unknown keys verison"),
        ('address = "http://127.0.0.1:9000"', "", 9, "lacks address"),
        ("steered_clock = true", "steered_clock = 1", 16, "capabilities.steered_clock"),
        ("patience_seconds = 5", "patience_seconds = -5", 20, "time.patience_seconds"),
        ("[time]", "[time", 19, "no valid TOML"),
        ("[driver]", '[driver]\ntokens = "x"', 10, "unknown keys tokens"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, monkeypatch, old, new, line, said):
    monkeypatch.setenv("A_TOKEN", "x")
    with pytest.raises(SutInvalid) as invalid:
        load_sut(written(tmp_path, WHOLE.replace(old, new)))
    assert [(line, True)] == [(at, said in en) for at, _, en in invalid.value.problems]
    assert f"sut.toml:{line}: " in invalid.value.zh


def test_the_profile_may_stand_in_the_file_itself(tmp_path):
    text = WHOLE.replace('profile = "city.yaml"', "").replace("${A_TOKEN}", "t") + "\n[profile.grid]\ncode = 'g'\n"
    sut = load_sut(written(tmp_path, text))
    assert sut.profile is None
    assert sut.inline_profile.value == {"grid": {"code": "g"}}
    assert sut.where("profile", "grid", "code") == f"{tmp_path / 'sut.toml'}:26"
    assert sut.where("capabilities", "restart") == f"{tmp_path / 'sut.toml'}:14"


def test_a_profile_that_is_given_twice_is_refused_with_both_lines(tmp_path):
    with pytest.raises(SutInvalid, match=r"sut.toml:25: .* system.profile in line 7, or this \[profile\]"):
        load_sut(written(tmp_path, WHOLE + "\n[profile]\nname = 'x'\n"))


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("A_TOKEN", raising=False)
    with pytest.raises(SutInvalid, match="A_TOKEN is not set"):
        load_sut(written(tmp_path, WHOLE))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(SutInvalid, match="cannot be read"):
        load_sut(tmp_path / "nothing.toml")


def test_several_mistakes_are_told_together(tmp_path, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "x")
    wrong = WHOLE.replace('role = "urban"', 'role = "x"').replace("patience_seconds = 5", 'patience_seconds = "5"')
    with pytest.raises(SutInvalid) as invalid:
        load_sut(written(tmp_path, wrong))
    assert sorted((at for at, _, _ in invalid.value.problems), reverse=True) == [20, 4]
