"""The editor's schema says the same as the loader."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import located_yaml
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.schema import SCHEMA_FILE, scenario_schema, schema_text
from located_yaml import DocumentInvalid

LIBRARY = Path(__file__).parents[3] / "scenarios"

#: What only the loader can see: the order of steps, names, numbers that YAML took for comments, moments.
BEYOND_A_SCHEMA = {
    "a-case-never-introduced",
    "an-act-before-the-report",
    "a-name-taken-twice",
    "a-target-of-no-form",
    "a-target-without-ordinal",
    "an-ordinal-of-zero",
    "no-expectation",
    "a-bridge-where-there-is-none",
    "restored-without-a-cut",
    "cut-twice",
    "an-unknown-field-of-a-form",
    "nothing-remembered",
    "rejections-before-disposal",
    "a-native-case-on-the-grid-platform",
    "whose-message",
    "a-form-that-side-never-writes",
    "an-error-receipt-without-code",
    "a-clock-that-stands-still",
    "a-day-that-does-not-exist",
    "a-key-twice",
    "broken-yaml",
    "a-trickle-of-a-form",
    "a-crash-on-a-receipt",
    "a-torn-receipt",
    "noise-beyond-a-hundred",
    "calm-where-it-is-calm",
}


def test_the_committed_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run python -m conformance.scenario.schema"


def test_the_schema_is_a_schema_and_every_word_in_it_is_described() -> None:
    schema = scenario_schema()
    Draft202012Validator.check_schema(schema)
    for name in schema["properties"]["steps"]["items"]["else"]["properties"]:
        assert " / " in schema["$defs"][name]["description"]


@pytest.mark.parametrize(
    "path",
    [*find_files([LIBRARY]), *find_files([LIBRARY / "selftest" / "valid_pass", LIBRARY / "selftest" / "valid_fail"])],
    ids=lambda p: p.stem,
)
def test_what_the_loader_takes_the_editor_does_not_underline(path: Path) -> None:
    load_scenario(path)
    assert located_yaml.check(located_yaml.load(path), json.loads(schema_text())) == []


@pytest.mark.parametrize("path", [*find_files([LIBRARY / "selftest" / "invalid"])], ids=lambda p: p.stem)
def test_what_the_loader_refuses_the_editor_underlines_where_a_schema_can(path: Path) -> None:
    try:
        problems = located_yaml.check(located_yaml.load(path), scenario_schema())
    except DocumentInvalid:
        problems = []
    assert bool(problems) is (path.stem not in BEYOND_A_SCHEMA)
