"""What is wrong on purpose is found in a city, made small, and handed over as files that other commands read."""

import pytest

from duijie.cli import main
from duijie.exits import Exit
from duijie.simulate import SimulateOptions, plans
from duijie.simulation.city import live_world
from duijie.simulation.failing import minimise

DUPLICATES = SimulateOptions(cases=200, days=5, planted="urban-files-duplicates", world="340207-0")


@pytest.mark.parametrize(
    ("member", "clause"),
    [
        ("bridge-swallows-closings", "INT-6"),
        ("urban-sends-before-the-receipt", "RCPT-4"),
        ("grid-never-tells-the-urban-side-to-close", "INT-6"),
        ("urban-tells-no-dispatch", "URBAN-2"),
        ("urban-asks-for-no-verification", "lives/stuck"),
    ],
)
def test_a_planted_defect_is_found(member: str, clause: str):
    options = SimulateOptions(cases=60, days=3, faults="storm", planted=member, world="340202-0")
    assert clause in live_world(plans(options)[0]).broken


def test_repetitions_that_nothing_explains_are_found():
    forgetful = SimulateOptions(cases=60, days=3, faults="none", planted="bridge-forgets-receipts", world="340202-0")
    assert live_world(plans(forgetful)[0]).broken == ("lives/needless",)


@pytest.fixture(scope="module")
def small():
    plan = plans(DUPLICATES)[0]
    return minimise(plan, "EXC-1", 60, lambda left, tried: None)


def test_a_failing_world_becomes_one_report(small):
    assert len(small.plan.only) == 1
    assert not small.cut_short


def test_what_is_left_is_reported_within_as_few_days_as_it_takes(small):
    assert small.plan.days == 1


def test_the_mildest_weather_in_which_it_breaks_is_named(small):
    assert small.plan.weather.name == "none"


def test_a_search_without_time_says_that_it_was_cut_short():
    stopped = minimise(plans(DUPLICATES)[0], "EXC-1", -1, lambda left, tried: None)
    assert (stopped.cut_short, stopped.tried, len(stopped.plan.only)) == (True, 0, 40)


def test_the_command_finds_it_and_what_it_writes_is_found_out_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ["simulate", "--cases", "200", "--days", "5", "--world", "340207-0", "--planted", "urban-files-duplicates"]
    assert main([*asked, "--until-failure", "30", "--lang", "en"]) == Exit.FAILED
    told = capsys.readouterr().out
    command = next(line.split() for line in told.splitlines() if line.startswith("  duijie simulate"))
    assert main([*command[1:], "--minimise", "0", "--lang", "en"]) == Exit.FAILED
    assert main(["judge", "simulate-failure-1-340207-0.jsonl"]) == Exit.FAILED
    assert "EXC-1" in (tmp_path / "simulate-failure-1-340207-0.yaml").read_text(encoding="utf-8")
    capsys.readouterr()
    # The right parties do not break it, so the story that the wrong one told does not hold.
    assert main(["replay", "simulate-failure-1-340207-0.yaml", "--quiet"]) == Exit.FAILED
    assert main(["replay", "simulate-failure-1-340207-0.jsonl"]) == Exit.FAILED
