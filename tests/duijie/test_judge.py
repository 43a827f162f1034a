"""`duijie judge`, as people and scripts meet it: traces of runs, recordings from the wire, and everything that is wrong with them."""

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import hars
import pytest
from hars import ADDRESSES, Passed, entry, har, of_other_traffic, written
from jsonschema import Draft202012Validator

from bridge.vocabulary.parties import Party
from conformance.oracle.judge import judge
from conformance.oracle.trace import Trace
from conformance.reports import report as reports
from conformance.scenario.steps import Wiring
from duijie.cli import main
from duijie.exits import Exit
from duijie.profiles_io import EXAMPLE, read_profile

#: What is said to programs, in whichever test.
AS_PUBLISHED = Draft202012Validator(
    json.loads(Path(reports.__file__).with_name("judge.schema.json").read_text(encoding="utf-8"))
)
WIRINGS = [Wiring.BRIDGED, Wiring.DIRECT]
LIFE = "lifecycle/one-rejection-then-closed"
STYLES = [hars.entry, hars.in_base64, hars.compressed, hars.in_gbk, hars.taken_for_latin, hars.in_parts]


@cache
def life(wiring: Wiring, scenario: str = LIFE) -> tuple[Passed, ...]:
    return tuple(hars.played(scenario, wiring))


@pytest.fixture
def judged(capsys):
    """Judge files and give the exit code and what `--json` says of the last unit."""

    def judged(*arguments: object) -> tuple[int, dict]:
        code = main(["judge", *map(str, arguments), "--json"])
        said = capsys.readouterr()
        assert said.err == ""
        units = [json.loads(line) for line in said.out.splitlines()]
        for unit in units:
            AS_PUBLISHED.validate(unit)
        return code, units[-1]

    return judged


def outcomes(said: dict) -> dict[str, str]:
    return {v["clause"]: v["outcome"] for v in said["verdicts"] if v["outcome"] != "not_seen"}


def breaches(said: dict, clause: str) -> list[dict]:
    return next(v["breaches"] for v in said["verdicts"] if v["clause"] == clause)


# --- the trace of a run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wiring", WIRINGS)
def test_the_trace_that_a_replay_leaves_is_judged_as_the_replay_judged_it(judged, tmp_path, wiring, capsys):
    main(["replay", str(hars.SCENARIOS / f"{LIFE}.yaml"), "--wiring", wiring.value, "--trace", str(tmp_path), "-q"])
    capsys.readouterr()
    (path,) = tmp_path.iterdir()
    expected = judge(Trace.from_lines(path.read_text(encoding="utf-8")), read_profile(None))

    code, said = judged(path)

    assert code == Exit.OK
    assert outcomes(said) == {v.clause: v.outcome.value for v in expected if v.outcome != "not_seen"}


def test_traces_of_several_runs_are_judged_each_by_itself(tmp_path, capsys):
    main(["replay", str(hars.SCENARIOS / "withdrawal"), "--trace", str(tmp_path), "-q"])
    capsys.readouterr()
    paths = sorted(tmp_path.iterdir())

    assert main(["judge", *map(str, paths), "--json"]) == Exit.OK
    assert [json.loads(line)["files"][0]["path"] for line in capsys.readouterr().out.splitlines()] == [
        str(p) for p in paths
    ]


# --- HAR ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_har_file_for_each_hop_however_its_recorder_writes_is_judged(judged, tmp_path, wiring, style):
    code, said = judged(*written(tmp_path, life(wiring), style))

    assert code == Exit.OK
    assert sum(file["ours"] for file in said["files"]) == len(life(wiring))
    # Everything that this life shows on the wire is found, whatever the recorder did to the bytes.
    kept = {
        "GRID-6",
        "URBAN-2",
        "INT-2",
        "INT-4",
        "INT-6",
        "INT-7",
        "INT-8",
        "EXC-1",
        "XCHG-1",
        "XCHG-3",
        "RCPT-1",
        "RCPT-2",
    }
    assert kept <= outcomes(said).keys()


def test_one_file_with_all_hops_and_other_traffic_counts_what_is_not_ours(judged, tmp_path):
    exchanges = life(Wiring.BRIDGED)
    path = tmp_path / "all.har"
    path.write_text(har([*of_other_traffic(exchanges[0].began_at), *map(entry, exchanges)]), encoding="utf-8")

    code, said = judged(path)

    assert code == Exit.OK
    assert (said["files"][0]["ours"], said["files"][0]["not_ours"]) == (len(exchanges), 2)


def test_parties_at_addresses_that_nobody_named_are_worked_out_and_said(judged, tmp_path):
    _, said = judged(*written(tmp_path, life(Wiring.BRIDGED)))

    assert said["inferred"] == {
        "10.1.2.3:8100/grid": "bridge",
        "10.1.2.3:8100/urban": "bridge",
        "grid.city.example:8101/soap": "grid",
        "urban.city.example:443/services/exchange": "urban",
    }


def test_addresses_that_are_named_need_no_working_out(judged, tmp_path):
    named = [f"--{party.value}={url}" for party, url in ADDRESSES.items()]

    code, said = judged(*written(tmp_path, life(Wiring.BRIDGED)), *named)

    assert code == Exit.OK
    assert said["inferred"] == {}


@pytest.mark.parametrize("zone", ["+0800", "Z", ""])
def test_moments_are_read_in_their_zone(judged, tmp_path, zone):
    """One hop's recorder writes another zone than the others; read as it stands, its messages would come hours too late."""
    hours = {"+0800": 0, "Z": -8, "": 0}[zone]
    from datetime import timedelta

    def moved(passed: Passed) -> dict:
        shifted = replace(
            passed, began_at=passed.began_at + timedelta(hours=hours), ended_at=passed.ended_at + timedelta(hours=hours)
        )
        return entry(shifted, zone=zone) if passed.to is Party.URBAN else entry(passed)

    code, said = judged(*written(tmp_path, life(Wiring.BRIDGED), moved))

    assert code == Exit.OK
    assert "pass" in outcomes(said)["URBAN-2"]


def test_codes_of_a_city_without_a_profile_are_taken_from_its_traffic(judged, tmp_path):
    def renamed(passed: Passed) -> dict:
        return json.loads(
            json.dumps(entry(passed)).replace("wuhu-grid", "hefei-sheguan").replace("wuhu-urban", "hefei-chengguan")
        )

    paths = written(tmp_path, life(Wiring.DIRECT), renamed)
    code, said = judged(*paths)
    assert (code, said["codes_from_traffic"]) == (Exit.OK, True)

    code, said = judged(*paths, "--profile", str(EXAMPLE))
    assert code == Exit.FAILED
    assert breaches(said, "XCHG-1")


# --- what cannot be read ------------------------------------------------------------------------------------------


def without_body(found: dict) -> None:
    del found["request"]["postData"]["text"]


def with_broken_base64(found: dict) -> None:
    found["request"]["postData"] |= {"text": "PHNvYXA6", "encoding": "base64"}
    found["request"]["postData"]["text"] = "=====A"


def cut_off(found: dict) -> None:
    found["request"]["postData"]["text"] = found["request"]["postData"]["text"][:700]


def without_moment(found: dict) -> None:
    found["startedDateTime"] = "yesterday"


def of_soap_12(found: dict) -> None:
    text = found["request"]["postData"]["text"]
    found["request"]["postData"]["text"] = text.replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    )


def without_answer(found: dict) -> None:
    del found["response"]["content"]["text"]


@pytest.mark.parametrize(
    "spoil",
    [without_body, with_broken_base64, cut_off, without_moment, of_soap_12, without_answer],
    ids=lambda spoil: spoil.__name__,
)
def test_an_entry_that_cannot_be_read_is_named_is_not_fatal_accuses_nobody_and_leaves_the_end_open(
    judged, tmp_path, spoil
):
    entries = [entry(passed) for passed in life(Wiring.DIRECT)]
    spoil(entries[5])
    path = tmp_path / "one.har"
    path.write_text(har(entries), encoding="utf-8")

    code, said = judged(path)

    (unreadable,) = said["files"][0]["unreadable"]
    assert (unreadable["file"], unreadable["entry"]) == (str(path), 5)
    assert unreadable["reason_zh"]
    assert unreadable["reason_en"]
    assert code == Exit.INCONCLUSIVE
    assert "fail" not in outcomes(said).values()


def test_an_answer_that_nobody_gave_is_no_broken_entry(judged, tmp_path):
    entries = [entry(passed) for passed in life(Wiring.DIRECT)]
    entries[-1]["response"] = {"status": 0, "_error": "net::ERR_CONNECTION_RESET", "headers": [], "content": {}}
    path = tmp_path / "one.har"
    path.write_text(har(entries), encoding="utf-8")

    code, said = judged(path)

    assert code == Exit.OK
    assert said["files"][0]["unreadable"] == []


@pytest.mark.parametrize("content", ["", "<html/>", '{"log": {}}', '{"log": {"entries": [', "[]", '"text"'])
def test_a_file_that_is_neither_trace_nor_har_ends_with_3_and_its_name(tmp_path, capsys, content):
    path = tmp_path / "what.har"
    path.write_text(content, encoding="utf-8")

    assert main(["judge", str(path), "--lang", "en"]) == Exit.CONFIGURATION
    assert str(path) in capsys.readouterr().err


def test_a_file_that_is_not_there_ends_with_3(capsys):
    assert main(["judge", "no/such.har", "--lang", "en"]) == Exit.CONFIGURATION
    assert "no/such.har" in capsys.readouterr().err


def test_a_recording_without_anything_of_ours_can_conclude_nothing(judged, tmp_path):
    path = tmp_path / "other.har"
    path.write_text(har(of_other_traffic(life(Wiring.DIRECT)[0].began_at)), encoding="utf-8")

    code, said = judged(path)

    assert code == Exit.INCONCLUSIVE
    assert outcomes(said) == {}


@pytest.mark.parametrize("line", [3, 7, 12, 20, 33, 47])
def test_a_line_of_a_trace_that_is_none_is_named_accuses_nobody_and_the_rest_is_judged(judged, tmp_path, capsys, line):
    main(["replay", str(hars.SCENARIOS / f"{LIFE}.yaml"), "--wiring", "direct", "--trace", str(tmp_path), "-q"])
    capsys.readouterr()
    (path,) = tmp_path.iterdir()
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = lines[line - 1][:40]
    path.write_text("\n".join(lines), encoding="utf-8")

    code, said = judged(path)

    assert code == Exit.INCONCLUSIVE
    assert [unreadable["entry"] for unreadable in said["files"][0]["unreadable"]] == [line]
    assert set(outcomes(said).values()) == {"pass"}


# --- planted breaches ---------------------------------------------------------------------------------------------

Spoil = Callable[[list[dict]], list[dict]]


def bodies(entries: list[dict], of: str) -> list[dict]:
    """The requests that carry a form, by the form's name."""
    return [e["request"]["postData"] for e in entries if f":{of}>" in e["request"]["postData"]["text"]]


def changed(of: str, old: str, new: str, which: int = 0) -> Spoil:
    def spoil(entries: list[dict]) -> list[dict]:
        post = bodies(entries, of)[which]
        assert old in post["text"]
        post["text"] = post["text"].replace(old, new)
        return entries

    return spoil


def without(of: str) -> Spoil:
    """A form that was never sent, nor receipted."""

    def spoil(entries: list[dict]) -> list[dict]:
        gone = {id(post) for post in bodies(entries, of)}
        gone |= {id(p) for p in (e["request"]["postData"] for e in entries) if f"formType>{of}<" in p["text"]}
        return [e for e in entries if id(e["request"]["postData"]) not in gone]

    return spoil


@pytest.mark.parametrize(
    ("clause", "blame", "spoil"),
    [
        ("URBAN-2", "urban", without("dispatch")),
        ("INT-4", "grid", without("verificationRequest")),
        ("INT-6", "grid", without("verificationResult")),
        ("INT-7", "grid", changed("rejection", "not_passed", "reporter_dissatisfied")),
        ("INT-8", "grid", changed("rejection", "ordinal>1<", "ordinal>2<")),
        ("XCHG-1", "urban", changed("dispatch", "contractVersion>1.0<", "contractVersion>2.0<")),
        ("XCHG-3", "urban", changed("dispatch", "ex:dispatchedBy>", "ex:dispatcher>")),
        ("GEN-4", "grid", changed("handOver", "<ex:kind>event<", "<ex:kind>something<")),
        ("INT-2", "urban", changed("stageProgress", "disposalDueAt>2026", "disposalDueAt>2025", 1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_breach_planted_in_a_recording_is_found_with_the_one_to_blame(judged, tmp_path, clause, blame, spoil):
    path = tmp_path / "direct.har"
    entries = [entry(passed) for passed in life(Wiring.DIRECT)]
    path.write_text(har(spoil(entries)), encoding="utf-8")

    code, said = judged(path)

    assert code == Exit.FAILED
    assert outcomes(said)[clause] == "fail"
    breach = breaches(said, clause)[0]
    assert breach["blame"] == blame
    assert breach["seen_zh"]
    assert breach["messages"][0]["call"]["source"]["file"] == str(path)


def test_a_breach_is_told_with_expected_beside_seen_blame_and_the_messages(tmp_path, capsys):
    path = tmp_path / "direct.har"
    path.write_text(har(without("dispatch")([entry(passed) for passed in life(Wiring.DIRECT)])), encoding="utf-8")

    main(["judge", str(path), "--lang", "zh"])
    zh = capsys.readouterr().out
    main(["judge", str(path), "--lang", "en"])
    en = capsys.readouterr().out

    for word in ("违反", "期望:", "所见:", "责任方:城管平台", f"{path}#"):
        assert word in zh, word
    for word in ("broken", "expected: ", "seen: ", "blame: urban platform", f"{path}#"):
        assert word in en, word


def test_a_clause_that_the_wire_cannot_show_says_so(tmp_path, capsys):
    main(["judge", *map(str, written(tmp_path, life(Wiring.DIRECT))), "--lang", "en"])

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "the wire alone cannot show it (it shows in control, console)" in lines["GRID-1"]
    assert "the recording does not come to it" in lines["EXC-3"]
    assert "the judge has no rule for it" in lines["MUNI-1"]
    assert "as far as the wire shows" in lines["INT-4"]


def test_a_direction_that_nobody_recorded_is_said_and_nothing_is_concluded_from_it(judged, tmp_path):
    one_way = [passed for passed in life(Wiring.DIRECT) if passed.to is Party.URBAN]

    code, said = judged(*written(tmp_path, one_way))

    assert code == Exit.OK
    assert "RCPT-1" not in outcomes(said)
    assert any("none the other way" in limit for limit in said["limits_en"])


def test_a_recording_that_is_said_to_be_complete_is_asked_about_everything(judged, tmp_path):
    cut = life(Wiring.DIRECT)[:-1]
    paths = written(tmp_path, cut)

    assert judged(*paths)[0] == Exit.OK
    code, said = judged(*paths, "--complete")
    assert code == Exit.FAILED
    assert breaches(said, "RCPT-1")


def test_no_secret_comes_out_of_a_recording(tmp_path, capsys):
    path = tmp_path / "direct.har"
    path.write_text(har(without("dispatch")([entry(passed) for passed in life(Wiring.DIRECT)])), encoding="utf-8")
    assert hars.SECRET in path.read_text(encoding="utf-8")

    main(["judge", str(path), "--json"])

    assert hars.SECRET not in capsys.readouterr().out


# --- whatever a stranger's file holds -----------------------------------------------------------------------------

ODD = (None, True, 0, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, "2026-99-99T00:00:00", 10**30, "\ud800")


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    if path:
        yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def spoiled(value: dict, chance: random.Random) -> dict:
    """A copy in which something is gone, or holds what nobody expects there."""
    value = deepcopy(value)
    *way, last = chance.choice([*places(value)])
    holder = value
    for step in way:
        holder = holder[step]
    if chance.random() < 0.3:
        holder.pop(last)
    else:
        holder[last] = deepcopy(chance.choice(ODD))
    return value


@pytest.mark.parametrize("seed", range(30))
def test_whatever_stands_in_a_file_the_judge_comes_to_an_end_of_his_own(tmp_path, capsys, seed):
    chance = random.Random(seed)
    as_har = [entry(passed) for passed in life(Wiring.DIRECT)]
    main(["replay", str(hars.SCENARIOS / f"{LIFE}.yaml"), "--wiring", "direct", "--trace", str(tmp_path), "-q"])
    as_lines = [json.loads(line) for line in next(tmp_path.glob("*.jsonl")).read_text(encoding="utf-8").splitlines()]
    for holding in (as_har, as_lines):
        for _ in range(4):
            place = chance.randrange(len(holding))
            holding[place] = spoiled(holding[place], chance)
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": as_har}}), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, as_lines)), encoding="utf-8")
    capsys.readouterr()

    for name in ("a.har", "b.jsonl"):
        code = main(["judge", str(tmp_path / name)])
        assert code in (Exit.OK, Exit.FAILED, Exit.INCONCLUSIVE, Exit.CONFIGURATION), capsys.readouterr().err
