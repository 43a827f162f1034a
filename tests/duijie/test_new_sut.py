"""`duijie conform init`: a few questions, and one file with which everything else begins."""

import io
import itertools
import re
import tomllib

import pytest

from bridge.settings import profile_schema
from bridge.vocabulary.parties import Party, Side
from conformance.drivers.sut import DriverKind, load_sut
from duijie.cli import main
from duijie.exits import Exit
from duijie.profiles_io import profile_of, read_profile

URBAN = ["--role", "urban", "--name", '某某"城管" \\3']


def init(path, *options: str) -> int:
    return main(["conform", "init", str(path), *options])


@pytest.mark.parametrize("role", list(Party))
def test_the_file_loads_as_it_is_written_and_the_next_commands_are_told(role, tmp_path, capsys):
    path = tmp_path / "sut.toml"
    assert init(path, "--role", role, "--name", "某某", "--lang", "en") == Exit.OK
    sut = load_sut(path)
    assert (sut.role, sut.name, sut.kind) == (role, "某某", DriverKind.CONTROL)
    assert profile_of(sut).choices == read_profile(None).choices
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"  duijie conform doctor {role} --sut {path}",
        f"  duijie conform {role} --sut {path} --report out/",
    ]


def test_everything_that_was_given_stands_in_the_file(tmp_path, monkeypatch):
    path = tmp_path / "sut.toml"
    monkeypatch.setenv("A_TOKEN", "open sesame")
    monkeypatch.setenv("A_PASSWORD", "secret")
    given = [
        *URBAN,
        *("--version", "3.2", "--vendor", "某公司", "--driver", "control", "--address", "http://10.0.0.9:9000"),
        *("--token", "${A_TOKEN}", "--own-endpoint", "http://10.0.0.9:8080/ws", "--suite-host", "10.0.0.1"),
        *("--suite-port", "9101", "--grid-code", "g-1", "--urban-code", "u-1"),
        *("--grid-username", "wang", "--grid-password", "${A_PASSWORD}"),
        *("--urban-username", "li", "--urban-password", 'a"b'),
    ]
    assert init(path, *given) == Exit.OK
    sut = load_sut(path)
    assert (sut.title, sut.vendor, sut.address, sut.token) == (
        '某某"城管" \\3 3.2',
        "某公司",
        "http://10.0.0.9:9000",
        "open sesame",
    )
    profile = profile_of(sut)
    assert (profile.urban.endpoint, profile.grid.endpoint) == ("http://10.0.0.9:8080/ws", "http://10.0.0.1:9101/soap")
    assert [(each.code, each.username, each.password) for each in (profile.grid, profile.urban)] == [
        ("g-1", "wang", "secret"),
        ("u-1", "li", 'a"b'),
    ]


@pytest.mark.parametrize(
    ("options", "kind", "field", "value"),
    [
        (["--driver", "command", "--command", "node 'my driver.js' --x"], DriverKind.COMMAND, "command", ("node", "my driver.js", "--x")),
        (["--driver", "plugin", "--plugin", "mine:make"], DriverKind.PLUGIN, "plugin", "mine:make"),
        (["--driver", "person"], DriverKind.PERSON, "address", ""),
        (["--driver", "builtin"], DriverKind.BUILTIN, "address", ""),
    ],
)  # fmt: skip
def test_every_kind_of_driver_has_what_it_needs(options, kind, field, value, tmp_path):
    assert init(tmp_path / "sut.toml", *URBAN, *options) == Exit.OK
    sut = load_sut(tmp_path / "sut.toml")
    assert sut.kind is kind
    assert getattr(sut, field) == value


def test_a_bridge_has_the_suite_on_both_sides(tmp_path):
    options = ["--role", "bridge", "--name", "x", "--suite-port", "9101", "--suite-port", "9102"]
    assert init(tmp_path / "sut.toml", *options) == Exit.OK
    profile = profile_of(load_sut(tmp_path / "sut.toml"))
    ends = [profile.platform(side).endpoint for side in Side]
    assert ends == ["http://127.0.0.1:9101/soap", "http://127.0.0.1:9102/soap"]
    assert profile.bridge.endpoint == "http://127.0.0.1:8100"


def test_a_bridge_that_takes_no_part_is_out_of_the_way(tmp_path):
    assert init(tmp_path / "sut.toml", *URBAN, "--own-endpoint", "http://127.0.0.1:8100/ws") == Exit.OK
    assert profile_of(load_sut(tmp_path / "sut.toml")).bridge.endpoint == "http://127.0.0.1:8110"


def test_every_value_is_explained_in_both_languages(tmp_path):
    path = tmp_path / "sut.toml"
    assert init(path, *URBAN) == Exit.OK
    lines = path.read_text(encoding="utf-8").splitlines()
    unexplained = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"#? ?[a-z_]+ = ", line)
        and not re.match(r"#.* / |#? ?[a-z_]+ = |\[\[profile.contacts\]\]|# control API", before)
        and not line.startswith("format")
    ]
    assert unexplained == []
    for section in profile_schema()["properties"]:
        assert section in tomllib.loads(path.read_text(encoding="utf-8"))["profile"]


def test_a_file_that_is_there_is_left_alone_unless_that_is_wanted(tmp_path, capsys):
    path = tmp_path / "sut.toml"
    path.write_text("mine", encoding="utf-8")
    assert init(path, *URBAN, "--lang", "en") == Exit.CONFIGURATION
    assert "was left alone; --force writes over it" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"
    assert init(path, *URBAN, "--force") == Exit.OK
    load_sut(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "x"], "role (grid, urban, bridge): there is nobody to ask"),
        (["--role", "urban"], "name of the system (--name): there is nobody to ask"),
        (["--role", "tram", "--name", "x"], "--role is one of grid, urban, bridge, not tram"),
        ([*URBAN, "--driver", "magic"], "--driver is one of"),
        ([*URBAN, "--driver", "command"], "command line of the driver"),
        ([*URBAN, "--suite-port", "1", "--suite-port", "2"], "--suite-port can be given 1 times at the most"),
        ([*URBAN, "--own-endpoint", "nowhere"], "sut.toml:"),
        ([*URBAN, "--grid-username", "same", "--urban-username", "same"], "different accounts"),
    ],
)
def test_what_cannot_be_used_is_told_and_nothing_is_written(options, said, tmp_path, capsys):
    assert init(tmp_path / "sut.toml", *options, "--lang", "en") == Exit.CONFIGURATION
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_for_what_was_not_given(tmp_path, monkeypatch, capsys):
    answers = ["grid", "某某网格", "", "builtin", *[""] * 7]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    assert init(tmp_path / "sut.toml", "--lang", "zh") == Exit.OK
    sut = load_sut(tmp_path / "sut.toml")
    assert (sut.role, sut.title, sut.kind) == (Party.GRID, "某某网格 1.0", DriverKind.BUILTIN)
    assert "角色(grid、urban、bridge)" in capsys.readouterr().out


def test_nobody_is_asked_with_yes(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert init(tmp_path / "sut.toml", *URBAN, "--yes") == Exit.OK
