"""`duijie simulate`, as people and scripts meet it."""

import json
from itertools import count

import pytest

from duijie import simulate
from duijie.cli import main
from duijie.exits import Exit
from duijie.simulation.world import LivingWorld

SMALL = ["simulate", "--cases", "20", "--days", "3", "--world", "340209-0"]


def test_the_summary_speaks_both_languages(capsys):
    assert main([*SMALL, "--lang", "zh"]) == Exit.OK
    chinese = capsys.readouterr().out
    assert main([*SMALL, "--lang", "en"]) == Exit.OK
    english = capsys.readouterr().out
    assert "按时处置" in chinese
    assert "disposed on time" in english


def test_json_holds_the_documented_keys(capsys):
    assert main([*SMALL, "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {
        "version",
        "seed",
        "cases",
        "days",
        "faults",
        "planted",
        "worlds",
        "journal_sha256",
        "at_rest",
        "figures",
        "clauses",
        "books",
        "lives",
        "errors",
        "heard_after_the_end",
        "failure",
        "run",
    }
    assert said["figures"]["cases"]["reported"] >= 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["--cases", "0"],
        ["--days", "1000"],
        ["--faults", "hail"],
        ["--planted", "bridge-that-flies"],
        ["--world", "340202-9"],
        ["--only", "1"],
        ["--world", "340202-0", "--only", "one"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anything_lives(wrong, capsys):
    assert main(["simulate", "--cases", "20", *wrong]) == Exit.CONFIGURATION
    assert capsys.readouterr().err


def test_the_report_is_one_file_that_fetches_nothing(tmp_path, capsys):
    report = tmp_path / "city.html"
    assert main([*SMALL, "--report", str(report)]) == Exit.OK
    page = report.read_text(encoding="utf-8")
    assert page.count("<figure>") == page.count("<svg") == 7
    assert "<script" not in page
    assert "src=" not in page
    assert "案卷停在何处" in page
    assert "Where cases wait" in page


def test_the_same_city_draws_the_same_report(tmp_path, capsys):
    pages = []
    for name in ("one.html", "two.html"):
        assert main([*SMALL, "--report", str(tmp_path / name)]) == Exit.OK
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pages[0] == pages[1]


def test_the_journal_is_written_with_its_digests(tmp_path, capsys):
    assert main([*SMALL, "--trace", str(tmp_path / "journal"), "--json"]) == Exit.OK
    sums = (tmp_path / "journal" / "SHA256SUMS").read_text(encoding="utf-8")
    assert len(sums.splitlines()) == json.loads(capsys.readouterr().out)["worlds"]


def test_a_world_that_stumbles_is_told_and_the_city_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def stumble(self, *_):
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(LivingWorld, "_look_after_parked", stumble)
    assert main([*SMALL, "--minimise", "0", "--json"]) == Exit.FAILED
    said = json.loads(capsys.readouterr().out)
    assert "on purpose" in said["errors"]["340209-0"]
    assert said["failure"]["clause"] == "error"
    # Nothing was said before it stumbled, so there is no story.
    assert said["failure"]["scenario"] is None


def test_time_that_is_up_at_once_still_lets_one_world_live(capsys):
    assert main(["simulate", "--cases", "20", "--days", "3", "--until-failure", "0", "--json"]) == Exit.INCONCLUSIVE
    said = json.loads(capsys.readouterr().out)
    assert (said["worlds"], said["at_rest"], said["run"]["seeds"]) == (1, False, 1)


def test_further_seeds_are_tried_while_there_is_time(monkeypatch, capsys):
    moments = count()
    monkeypatch.setattr(simulate.time, "monotonic", lambda: next(moments))
    asked = ["simulate", "--cases", "7", "--days", "2", "--world", "340202-0", "--faults", "none"]
    assert main([*asked, "--until-failure", "300", "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    assert said["run"]["seeds"] > 1
    assert said["seed"] == said["run"]["seeds"]
