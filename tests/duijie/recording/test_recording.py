"""A journal made to happen again: nothing differs where nothing was changed, and whatever was changed is named."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import hars
import pytest

from conformance.oracle.trace import Trace
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.cli import main
from duijie.exits import Exit
from duijie.library import library_folder
from duijie.live import LiveStage
from duijie.profiles_io import read_profile
from duijie.recording.deeds import deeds
from duijie.recording.journal import read_journal
from duijie.simulate import SimulateOptions, plans
from duijie.simulation.city import live_world
from duijie.virtual import VirtualStage

#: Domain acts of these stories must be the same, whether the trace says them or the forms give them away.
STORIES = [
    "lifecycle/one-rejection-then-closed",
    "rejection/eight-rejections-make-three-filings",
    "transfer/another-district-takes-over",
    "false_report/both-sides-close",
]


@pytest.fixture(scope="module")
def stormy_world(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("storm") / "world.jsonl"
    live_world(plans(SimulateOptions(cases=30, days=4, seed=5, faults="storm"))[0], path)
    return path.read_text(encoding="utf-8")


@pytest.fixture
def journal(stormy_world: str, tmp_path) -> Path:
    path = tmp_path / "world.jsonl"
    path.write_text(stormy_world, encoding="utf-8")
    return path


def changed(path: Path, change: Callable[[dict], dict | None]) -> Path:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [each for each in map(change, lines) if each is not None]
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in kept), encoding="utf-8")
    return path


def replayed(path: Path, capsys, code: Exit) -> list[dict]:
    assert main(["replay", str(path), "--json"]) == code
    return json.loads(capsys.readouterr().out)["differences"]


def test_a_stormy_world_happens_again_to_the_last_message(journal, capsys):
    assert replayed(journal, capsys, Exit.OK) == []


def test_a_field_that_was_changed_is_named(journal, capsys):
    def other_address(record: dict) -> dict:
        if record.get("form_type") == "handOver" and record.get("form") and record["n"] < 60:
            record["form"]["address"] = "某路 1 号"
        return record

    found = replayed(changed(journal, other_address), capsys, Exit.FAILED)
    assert {(each["kind"], each["field"], each["recorded"]) for each in found} == {("field", "address", "某路 1 号")}


def test_a_form_that_is_gone_is_new_in_the_rerun(journal, capsys):
    lost = next(
        json.loads(line)["call"] for line in journal.read_text(encoding="utf-8").splitlines() if '"dispatch"' in line
    )
    found = replayed(
        changed(journal, lambda record: None if record.get("call") == lost else record), capsys, Exit.FAILED
    )
    assert Counter(each["kind"] for each in found) == {"form_new": 1} or found[0]["kind"] == "attempts"


def test_an_act_that_is_gone_takes_its_forms_with_it(journal, capsys):
    found = replayed(
        changed(journal, lambda record: None if record.get("act") == "worker.verify" else record), capsys, Exit.FAILED
    )
    assert "form_missing" in {each["kind"] for each in found}


@pytest.mark.parametrize("story", STORIES)
def test_forms_give_away_what_people_did(story: str):
    scenario = load_scenario(library_folder() / f"{story}.yaml", library_folder())
    trace = play(scenario, Wiring.BRIDGED, VirtualStage).trace
    said = [(deed.act, deed.case_number) for deed in deeds(trace)[0] if deed.code is None]
    inferred, was_inferred = deeds(Trace([record for record in trace if record["type"] != "act"]))
    assert was_inferred
    assert sorted((deed.act, deed.case_number) for deed in inferred) == sorted(said)


def test_the_trace_of_a_story_happens_again(tmp_path, capsys):
    story = library_folder() / "rejection/a-dissatisfied-reporter-rejects-a-passed-case.yaml"
    assert main(["replay", str(story), "--trace", str(tmp_path), "--wiring", "bridged", "--quiet"]) == Exit.OK
    capsys.readouterr()
    assert replayed(next(tmp_path.glob("*.jsonl")), capsys, Exit.OK) == []


def test_a_journal_becomes_a_story_that_holds(journal, tmp_path, capsys):
    story = tmp_path / "story.yaml"
    assert main(["record", str(journal), "--out", str(story)]) == Exit.OK
    assert main(["replay", str(story), "--quiet"]) == Exit.OK


def test_a_story_without_a_file_is_printed(journal, capsys):
    assert main(["record", str(journal)]) == Exit.OK
    assert capsys.readouterr().out.startswith("# world.jsonl\n")


def test_what_was_heard_on_the_wire_alone_becomes_a_story_too(journal, tmp_path, capsys):
    wire = changed(
        journal,
        lambda record: record if record["type"] in ("call", "answer", "end") else None,
    )
    story = tmp_path / "story.yaml"
    assert main(["record", str(wire), "--out", str(story), "--lang", "en"]) == Exit.OK
    assert "inferred from forms" in capsys.readouterr().err
    assert "worker.report" in story.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content", ["", "no trace\n", '{"type": "trace", "version": "1.0"}\n'], ids=["empty", "text", "head"]
)
def test_a_file_without_messages_is_refused(content: str, tmp_path, capsys):
    path = tmp_path / "strange.jsonl"
    path.write_text(content, encoding="utf-8")
    assert main(["replay", str(path)]) == Exit.CONFIGURATION
    assert main(["record", str(path)]) == Exit.CONFIGURATION
    assert str(path) in capsys.readouterr().err


def test_journals_and_scenarios_are_replayed_apart(journal, capsys):
    assert main(["replay", str(journal), str(library_folder() / "lifecycle")]) == Exit.CONFIGURATION
    assert main(["replay", str(journal), "--live"]) == Exit.CONFIGURATION


def test_a_recording_remembers_where_it_was_made(journal):
    assert read_journal(journal).stage["world"] == "340202-0"


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """The store of a bridge over which a case went."""
    folder = tmp_path_factory.mktemp("kept")
    with ExitStack() as until:
        stage = LiveStage(read_profile(None), Wiring.BRIDGED, 1, Quirkiness(), folder=folder)
        until.callback(stage.close)
        scenario = load_scenario(library_folder() / "lifecycle/one-rejection-then-closed.yaml")
        assert play(scenario, Wiring.BRIDGED, lambda *_: _Lent(stage), seed=1).passed
    return folder / "bridge.db"


class _Lent:
    def __init__(self, stage: LiveStage):
        self._stage = stage

    def __getattr__(self, name: str) -> object:
        return getattr(self._stage, name)

    def close(self) -> None:
        """Left to whoever made it."""


@pytest.mark.live
def test_the_store_of_a_bridge_is_replayed_and_becomes_a_scenario(kept, tmp_path, capsys):
    assert replayed(kept, capsys, Exit.OK) == []
    story = tmp_path / "story.yaml"
    assert main(["record", str(kept), "--out", str(story)]) == Exit.OK
    assert main(["replay", str(story), "-q"]) == Exit.OK
    calls = read_journal(kept).trace.of_type("call")
    assert {(call["from"], call["to"]) for call in calls} == {
        ("grid", "bridge"),
        ("bridge", "urban"),
        ("urban", "bridge"),
        ("bridge", "grid"),
    }
    assert len(read_journal(kept).trace.of_type("answer")) == len(calls)


def test_another_database_is_no_store_of_a_bridge_and_stays_as_it_was(tmp_path, capsys):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table t (x)")
        other.commit()
    before = path.read_bytes()
    assert main(["record", str(path), "--lang", "en"]) == Exit.CONFIGURATION
    assert "no store of a bridge" in capsys.readouterr().err
    assert path.read_bytes() == before
    path.write_bytes(before[:40])
    assert main(["record", str(path), "--lang", "en"]) == Exit.CONFIGURATION


def test_a_har_recording_becomes_a_scenario(tmp_path):
    passed = hars.played("lifecycle/one-rejection-then-closed", Wiring.DIRECT)
    path = tmp_path / "both.har"
    path.write_text(hars.har(map(hars.entry, passed)), encoding="utf-8")
    story = tmp_path / "story.yaml"
    assert main(["record", str(path), "--out", str(story)]) == Exit.OK
    assert main(["replay", str(story), "-q"]) == Exit.OK
    assert main(["replay", str(path)]) in (Exit.OK, Exit.FAILED)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"log": {"entries": []}}', "no JSON"])
def test_a_har_file_that_holds_nothing_is_a_mistake_of_the_user(tmp_path, content):
    path = tmp_path / "some.har"
    path.write_text(content, encoding="utf-8")
    assert main(["record", str(path)]) == Exit.CONFIGURATION
