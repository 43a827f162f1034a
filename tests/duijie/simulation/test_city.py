"""A city lives: the same for the same seed wherever it lives, and nothing that the judge or the books would find fault with."""

import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bridge.vocabulary.parties import Side
from conformance.oracle.judge import judge
from conformance.oracle.trace import Trace
from duijie.profiles_io import read_profile
from duijie.simulate import SimulateOptions, plans
from duijie.simulation import remembered, world
from duijie.simulation.city import CityLived, file_of, live_city, live_world
from duijie.simulation.tables import city_table

#: What `duijie simulate --cases 40 --days 5 --seed 11 --faults city` says on every machine and Python. It changes when parties,
#: tables or the trace change on purpose; it must never differ from one Python to another.
GOLDEN = "bb9ade8167e1195032f59061fe3525d8cf0c30aa2de3ea5b632a3f63a1458772"
FORTY = SimulateOptions(cases=40, days=5, seed=11)


def lived(options: SimulateOptions, jobs: int = 1, trace: Path | None = None) -> CityLived:
    city = CityLived()
    for each in live_city(plans(options), jobs=jobs, trace=trace, tell=lambda over, day: None):
        city.add(each)
    return city


@pytest.fixture(scope="module")
def forty(tmp_path_factory) -> tuple[CityLived, Path]:
    folder = tmp_path_factory.mktemp("journal")
    return lived(FORTY, trace=folder), folder


def test_the_journal_is_the_same_on_every_python(forty):
    assert forty[0].digest == GOLDEN


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_the_journal_hangs_neither_on_hashes_nor_on_the_number_of_processes(hash_seed: str):
    command = [sys.executable, "-m", "duijie", "simulate", "--cases", "40", "--days", "5", "--seed", "11"]
    command += ["--jobs", hash_seed[0].replace("7", "2"), "--json"]
    said = subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
    )
    assert f'"journal_sha256": "{GOLDEN}"' in said.stdout


def test_the_digests_are_those_of_the_files(forty):
    city, folder = forty
    for key, digest in city.digests.items():
        assert sha256((folder / file_of(key)).read_bytes()).hexdigest() == digest


def test_the_city_comes_to_rest_and_nobody_finds_fault_with_it(forty):
    city, _ = forty
    assert (city.failed, city.findings, city.restless, city.errors, city.heard_after_the_end) == (None, [], [], {}, 0)


def test_every_case_comes_to_its_end(forty):
    cases = forty[0].figures.cases
    ends = ("closed", "closed_false_report", "declined", "duplicate", "withdrawn")
    assert cases["open"] == 0
    assert sum(cases[end] for end in ends) == cases["reported"] >= 40


def test_the_stream_judges_as_the_whole_trace_is_judged(forty):
    city, folder = forty
    for key in city.digests:
        trace = Trace.from_lines((folder / file_of(key)).read_text(encoding="utf-8"))
        assert [verdict.clause for verdict in judge(trace, read_profile(None)) if verdict.failed] == []
    whole = [
        {
            verdict.clause
            for verdict in judge(Trace.from_lines(path.read_text(encoding="utf-8")), read_profile(None))
            if verdict.kept
        }
        for path in folder.glob("*.jsonl")
    ]
    assert set.union(*whole) == {clause for clause, tally in city.clauses.items() if tally.kept}


def test_a_storm_is_weathered():
    plan = next(
        each
        for each in plans(SimulateOptions(cases=60, days=5, seed=3, faults="storm"))
        if each.world.district == "340202"
    )
    storm = live_world(plan)
    assert (storm.broken, storm.at_rest, storm.figures.cases["open"]) == ((), True, 0)
    assert storm.figures.messages["faults"] > 50
    assert sum(storm.figures.restarts.values()) > 5


def test_a_platform_made_again_from_its_log_is_the_same_platform(monkeypatch):
    made = []
    make_again = remembered.Remembered._make_again
    monkeypatch.setattr(remembered.Remembered, "_make_again", lambda self: made.append(self.side) or make_again(self))
    digests = []
    for share in (0, 100):
        table = replace(city_table(), from_log_of_a_hundred=share)
        monkeypatch.setattr(world, "city_table", lambda table=table: table)
        digests.append(live_world(plans(SimulateOptions(cases=30, days=4, seed=3, faults="storm"))[0]).digest)
    assert set(made) == {Side.GRID, Side.URBAN}
    assert digests[0] == digests[1]


def test_a_city_that_meets_no_faults_has_no_doubts():
    calm = live_world(plans(SimulateOptions(cases=40, days=5, seed=3, faults="none"))[0])
    assert (calm.broken, calm.figures.messages["in_doubt"], calm.figures.messages["repeated"]) == ((), 0, 0)


def test_a_world_can_be_asked_for_some_of_its_reports_alone():
    plan = plans(SimulateOptions(cases=40, days=5, seed=11, world="340202-0", only=frozenset({1, 4})))[0]
    assert live_world(plan).figures.cases["reported"] == 2
