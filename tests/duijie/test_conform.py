"""`duijie conform`: what a vendor, and a build, get to see."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from bridge.vocabulary.parties import Party
from conformance.checks.check import Check
from conformance.checks.result import Result, Verdict
from conformance.checks.session import Session
from conformance.reports import report as reports
from conformance.scenario.load import loads_scenario
from conformance.scenario.runner import play
from duijie.benches import BuiltinBench, first_serial
from duijie.cli import main
from duijie.conform import exit_code
from duijie.exits import Exit
from duijie.profiles_io import read_profile

STORY = """
format: "1.0"
title: {zh: 标题, en: A title}
clauses: [INT-1]
check: {id: INT-1-90, judges: [urban]}
steps:
  - given: {case: c1, at: filed}
  - expect: {case: c1, urban: {status: open}}
"""
RESULT = Result(check=Check(loads_scenario(STORY), Party.URBAN), verdict=Verdict.PASS)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.PASS, Verdict.NOT_APPLICABLE], Exit.OK),
        ([Verdict.PASS, Verdict.INCONCLUSIVE], Exit.OK),
        ([Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE], Exit.INCONCLUSIVE),
        ([Verdict.PASS, Verdict.FAIL, Verdict.CONFIG], Exit.FAILED),
        ([Verdict.PASS, Verdict.CONFIG], Exit.CONFIGURATION),
        ([Verdict.FAIL, Verdict.SUITE_ERROR], Exit.INTERNAL),
    ],
)
def test_the_exit_code_is_that_of_the_gravest_result(verdicts, code):
    assert exit_code([replace(RESULT, verdict=verdict) for verdict in verdicts]) is code


def test_our_own_platform_passes_and_the_reports_are_written(tmp_path, capsys):
    options = ["--sut", "builtin-virtual", "--only", "INT-6", "--report", str(tmp_path / "out"), "--lang", "en"]
    assert main(["conform", "urban", *options]) == Exit.OK
    said = capsys.readouterr().out
    assert "system under test: duijie urban simulator" in said
    assert "expected to take about 1 s" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evidence.zip",
        "junit.xml",
        "report.html",
        "results.json",
        "summary.md",
    ]
    ElementTree.parse(tmp_path / "out" / "junit.xml")


def test_the_page_of_every_check_of_a_platform_stays_small(tmp_path):
    assert main(["conform", "urban", "--sut", "builtin-virtual", "--report", str(tmp_path)]) == Exit.OK
    checks = len(json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["results"])
    assert (tmp_path / "report.html").stat().st_size < 3_000_000 / 240 * checks


@pytest.mark.live
def test_our_own_bridge_passes_over_soap(capsys):
    assert main(["conform", "bridge", "--only", "INT-6-0*", "-j", "2", "--lang", "en"]) == Exit.OK
    assert ": pass " in capsys.readouterr().out


def test_a_program_reads_one_line_for_each_result(capsys):
    assert main(["conform", "grid", "--sut", "builtin-virtual", "--only", "GRID-5", "--json"]) == Exit.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    schema = json.loads(Path(reports.__file__).with_name("report.schema.json").read_text(encoding="utf-8"))
    published = Draft202012Validator({"$ref": "#/$defs/result", "$defs": schema["$defs"]})
    for line in lines:
        published.validate(line)
    assert {line["verdict"] for line in lines} == {"pass"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["conform", "urban", "--sut", "nothing.toml"], "nothing.toml:1: cannot be read"),
        (["conform", "urban", "--sut", "builtin", "--only", "XYZ-1"], "no check fits"),
        (["conform", "list", "tram"], "the role is grid, urban or bridge"),
        (["conform", "explain", "XYZ-1-01"], "there is no check XYZ-1-01"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, said, capsys):
    assert main([*arguments, "--lang", "en"]) == Exit.CONFIGURATION
    assert said in capsys.readouterr().err


def test_a_file_for_another_role_is_refused(tmp_path, capsys):
    (tmp_path / "sut.toml").write_text(
        'format = "1.0"\n[system]\nrole = "grid"\nname = "x"\n[driver]\nkind = "builtin"\n', encoding="utf-8"
    )
    assert main(["conform", "urban", "--sut", str(tmp_path / "sut.toml"), "--lang", "en"]) == Exit.CONFIGURATION
    assert "describes a grid system" in capsys.readouterr().err


def test_checks_are_listed_without_a_system(capsys):
    assert main(["conform", "list", "urban", "--only", "INT-6", "--json"]) == Exit.OK
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(each["judges"] == "urban" and "INT-6" in each["clauses"] for each in listed)


def test_a_check_is_explained_in_both_languages(capsys):
    for language, words in (
        ("zh", ("依据", "步骤", "应当", "不通过时")),
        ("en", ("why", "what is done", "when it fails")),
    ):
        assert main(["conform", "explain", "INT-6-01", "--lang", language]) == Exit.OK
        said = capsys.readouterr().out
        assert all(word in said for word in words)


def test_case_numbers_of_two_checks_or_two_runs_keep_clear_of_each_other():
    given = {first_serial(seed, place) for seed in range(60) for place in range(400)}
    assert len(given) == 60 * 400
    assert max(given) + 39 <= 999_999


#: What an entry needs beside the check.
WHOLE = "reason: defect 42, owner: Wang, until: 2999-03-01"


def known_file(tmp_path, text):
    path = tmp_path / "known.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"- {{check: NO-1, {WHOLE}}}", 1),
        (f"- {{check: INT-6, {WHOLE}}}\n- {{check: INT-6, reason: x, until: 2027-03-01}}", 2),
        ("- {check: INT-6, reason: x, owner: y, until: 2027-02-30}", 1),
        ("check: INT-6", 1),
    ],
)
def test_a_wrong_file_of_known_failures_is_told_with_its_line(tmp_path, capsys, text, line):
    path = known_file(tmp_path, text)
    options = ["--sut", "builtin-virtual", "--known-failures", str(path)]
    assert main(["conform", "urban", *options]) == Exit.CONFIGURATION
    assert f"{path}:{line}:" in capsys.readouterr().err


def test_the_shares_of_a_run_are_all_of_it_and_none_twice(capsys):
    def ids(*options):
        assert main(["conform", "urban", "--sut", "builtin-virtual", "--only", "INT-6", "--json", *options]) == Exit.OK
        return [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]

    everything = ids()
    shares = [ids("--shard", f"{number}/3") for number in (1, 2, 3)]
    assert sorted(each for share in shares for each in share) == everything
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("shard", ["3/2", "0/2", "1", "a/b"])
def test_a_share_that_is_none_is_refused(shard, capsys):
    assert main(["conform", "urban", "--sut", "builtin-virtual", "--shard", shard]) == Exit.CONFIGURATION
    assert shard in capsys.readouterr().err


def test_a_known_failure_that_is_gone_turns_the_build_red_and_says_so(tmp_path, capsys):
    path = known_file(tmp_path, f"- {{check: INT-6-01/urban, {WHOLE}}}")
    options = ["conform", "urban", "--sut", "builtin-virtual", "--only", "INT-6-0*", "--known-failures", str(path)]
    assert main([*options, "--report", str(tmp_path), "--lang", "en"]) == Exit.FAILED
    assert "INT-6-01/urban: the known failure “defect 42” is gone: remove the entry" in capsys.readouterr().out
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {each["verdict"] for each in record["results"]} == {"pass"}
    assert [(each["standing"], each["red"]) for each in record["known_failures"]] == [("gone", True)]
    assert main([*options, "--json"]) == Exit.FAILED
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["known_failure"]["standing"] == "gone"


def test_an_entry_for_checks_that_were_left_out_is_told_and_not_red(tmp_path, capsys):
    path = known_file(tmp_path, f"- {{check: INT-8-01/urban, {WHOLE}}}")
    options = ["--sut", "builtin-virtual", "--only", "INT-6", "--known-failures", str(path), "--lang", "en"]
    assert main(["conform", "urban", *options]) == Exit.OK
    assert "INT-8-01/urban: none of the checks that it means was run" in capsys.readouterr().out


def test_what_failed_last_time_is_judged_alone(tmp_path, capsys):
    report = {
        "results": [
            {"id": "INT-6-01/urban", "verdict": "fail", "known": None},
            {"id": "INT-6-02/urban", "verdict": "pass", "known": None},
            {"id": "INT-6-03/urban", "verdict": "fail", "known": {"reason": "defect 42"}},
        ],
        "known_failures": [
            {"red": True, "checks": ["INT-6-02/urban"]},
            {"red": False, "checks": ["INT-6-03/urban"]},
        ],
    }
    (tmp_path / "results.json").write_text(json.dumps(report), encoding="utf-8")
    options = ["conform", "urban", "--sut", "builtin-virtual", "--json", "--last-failed"]
    assert main([*options, str(tmp_path)]) == Exit.OK
    ids = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert ids == ["INT-6-01/urban", "INT-6-02/urban"]
    report = {"results": report["results"][1:2], "known_failures": []}
    (tmp_path / "results.json").write_text(json.dumps(report), encoding="utf-8")
    assert main([*options, str(tmp_path / "results.json")]) == Exit.OK
    # A run that was stopped by its set-up judged nothing, so nothing can be said to have passed.
    (tmp_path / "results.json").write_text('{"results": [], "known_failures": []}', encoding="utf-8")
    assert main([*options, str(tmp_path)]) == Exit.CONFIGURATION
    (tmp_path / "results.json").write_text("[]", encoding="utf-8")
    assert main([*options, str(tmp_path)]) == Exit.CONFIGURATION
    assert main([*options, str(tmp_path / "nowhere")]) == Exit.CONFIGURATION


#: A message that nobody but the suite would send, among those of the parties.
INJECTED = """
format: "1.0"
title: {zh: 标题, en: A title}
clauses: [RCPT-3]
check: {id: RCPT-3-90, judges: [urban]}
steps:
  - given: {case: c1, at: handed_over}
  - receipt.inject: {to: urban, of: filingResult, case: c1, outcome: confirmed}
"""
#: What is not so.
UNMET = "  - expect: {case: c1, urban: {status: closed}}\n"


@pytest.mark.live
def test_every_message_that_crosses_is_kept_with_its_envelope_and_none_of_a_check_that_passed():
    check = Check(loads_scenario(INJECTED), Party.URBAN)
    bench = BuiltinBench(Party.URBAN, read_profile(None))
    kept = play(check.scenario, check.wiring, bench.stage(check)).trace
    kept.keep_envelopes(kept.enveloped)
    crossed = [*kept.of_type("call"), *kept.of_type("answer")]
    assert any(record.get("injected") for record in crossed)
    assert all("Envelope" in record["envelope"] for record in crossed)
    assert not any("-demo" in record["envelope"] for record in crossed)
    passed = Session(bench, seed=1).one(check)
    assert passed.verdict is Verdict.PASS
    assert not any("envelope" in record for record in passed.run.trace)


@pytest.mark.live
def test_a_failure_over_soap_keeps_the_envelopes_of_its_messages():
    check = Check(loads_scenario(INJECTED + UNMET), Party.URBAN)
    failed = Session(BuiltinBench(Party.URBAN, read_profile(None)), seed=1).one(check)
    assert failed.verdict is Verdict.FAIL
    assert failed.evidence
    assert all("Envelope" in record["envelope"] for record in failed.evidence)
