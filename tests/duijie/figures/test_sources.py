"""Where cases come from: the wire, the bridge's journal and the platform's books tell the same of the same cases (STAT-4)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from staying import staying_after

from bridge.vocabulary.parties import Party
from conformance.scenario.stage import START
from duijie.case_sources import cases_in_books, cases_of
from duijie.cli import main
from duijie.exits import Exit
from duijie.figures.cases import Case
from duijie.library import library_folder
from duijie.live import LiveStage

STORY = library_folder() / "rejection" / "the-first-leads-back-to-disposal.yaml"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStage]:
    with staying_after(STORY, folder=tmp_path_factory.mktemp("pair")) as made:
        yield made


@pytest.fixture(scope="module")
def from_trace(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("traces")
    main(["replay", str(STORY), "--wiring", "bridged", "--trace", str(folder), "-q"])
    [trace] = folder.iterdir()
    return list(cases_of([str(trace)]))


def told(case: Case) -> dict[str, Any]:
    """What all of them must agree on; the moment of a step is the clock's of who did it."""
    return {
        "number": case.number,
        "district": case.district,
        "filings": [(filing.task, filing.district) for filing in case.filings],
        "disposals": [(s.district, s.department, s.task, s.rework, s.ending) for s in case.disposals],
        "verifications": [verification.passed for verification in case.verifications],
        "rejections": len(case.rejections),
        "closing": case.closing,
    }


def test_a_trace_knows_the_whole_life_of_a_case(from_trace: list[Case]) -> None:
    [case] = from_trace
    assert [(s.ending, s.rework) for s in case.disposals] == [("disposed", False), ("", True)]
    assert (len(case.rejections), case.source, case.category) == (1, "grid_platform", "01")


@pytest.mark.live
def test_the_books_say_the_same_as_the_wire(
    stage: LiveStage, from_trace: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", stage.pair.control_token)
    port = stage.pair.control_address(Party.URBAN).rpartition(":")[2]
    assert [told(case) for case in cases_in_books(int(port))] == [told(case) for case in from_trace]


@pytest.mark.live
def test_the_bridges_journal_says_the_same_as_the_wire(stage: LiveStage, from_trace: list[Case]) -> None:
    journal = f"sqlite:///{stage.pair.folder / 'bridge.db'}"
    assert [told(case) for case in cases_of([journal])] == [told(case) for case in from_trace]


@pytest.mark.live
def test_what_was_recorded_later_is_left_out(stage: LiveStage) -> None:
    journal = f"sqlite:///{stage.pair.folder / 'bridge.db'}"
    assert list(cases_of([journal], known_until=START - timedelta(days=1))) == []


@pytest.mark.live
def test_the_command_reads_the_books_over_the_control_port(
    stage: LiveStage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUIJIE_CONTROL_TOKEN", stage.pair.control_token)
    port = stage.pair.control_address(Party.URBAN).rpartition(":")[2]
    assert main(["report", "2026", "--urban", port, "--json"]) == Exit.OK
    tables = {table["id"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert (tables["stat2"]["total"]["rework"], tables["assessment"]["total"]["due"]) == (1, 0)


def test_books_are_opened_by_a_token_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUIJIE_CONTROL_TOKEN", raising=False)
    assert main(["report", "2026", "--urban", "1", "--lang", "en"]) == Exit.CONFIGURATION
    assert "DUIJIE_CONTROL_TOKEN" in capsys.readouterr().err
