"""The command line, as people and scripts meet it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bridge.settings import load_profile
from duijie.cli import main
from duijie.exits import Exit
from duijie.explain import files_that_test
from duijie.processes import free_port
from duijie.profiles_io import EXAMPLE

ROOT = Path(__file__).parents[2]
FIRST_CASE = ROOT / "scenarios" / "lifecycle" / "the-first-case.yaml"
SELFTEST = ROOT / "scenarios" / "selftest"


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def profile_on_free_ports(folder: Path) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    for port in ("8100", "8101", "8102"):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    path = folder / "profile.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_replayed_story_is_told_in_chinese_by_default(run, monkeypatch):
    for name in ("DUIJIE_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(name, raising=False)

    code, out, _ = run("replay", str(FIRST_CASE))

    assert code == Exit.OK
    assert "网格员上报案卷" in out
    assert "2 次成立,0 次不成立" in out


def test_a_replayed_story_is_told_in_english_when_asked(run):
    code, out, _ = run("replay", str(FIRST_CASE), "--lang", "en", "--wiring", "direct")

    assert code == Exit.OK
    assert "1 replay: 1 held, 0 did not." in out


def test_json_lines_are_objects_that_end_with_the_outcome(run):
    code, out, _ = run("replay", str(FIRST_CASE), "--json", "--wiring", "bridged")

    events = [json.loads(line) for line in out.splitlines()]
    assert code == Exit.OK
    assert events[0]["event"] == "run_started"
    assert (events[-1]["event"], events[-1]["outcome"]) == ("run_finished", "pass")


def test_a_story_that_does_not_hold_ends_with_1_and_the_command_that_repeats_it(run):
    path = min((SELFTEST / "valid_fail").glob("*.yaml"))

    code, out, _ = run("replay", str(path), "--wiring", "bridged")

    assert code == Exit.FAILED
    assert re.search(rf"(?m)duijie replay {re.escape(str(path))} --wiring bridged --seed 1$", out)


def test_a_file_that_is_wrong_ends_with_3_and_the_place(run):
    path = min((SELFTEST / "invalid").glob("*.yaml"))

    code, _, err = run("replay", str(path))

    assert code == Exit.CONFIGURATION
    assert re.search(rf"{re.escape(str(path))}:\d+:\d+: ", err)


def test_diagrams_and_traces_are_written(run, tmp_path):
    code, _, _ = run("replay", str(FIRST_CASE), "--diagram", str(tmp_path / "d"), "--trace", str(tmp_path / "t"))

    assert code == Exit.OK
    assert {path.suffix for path in (tmp_path / "d").iterdir()} == {".svg", ".mmd"}
    assert len(list((tmp_path / "t").glob("*.jsonl"))) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", "no/such/place"),
        ("replay", str(FIRST_CASE), "--wiring", "sideways"),
        ("replay", str(ROOT / "docs")),
        ("replay", "--no-such-option"),
        ("explain", "INT-99"),
        ("up", "--profile", "no/such/profile.yaml"),
        ("profile", "check", "no/such/profile.yaml"),
        ("contract", "export", "/proc/nowhere"),
        ("explain", "--lang", "fr"),
        ("grid", "--control-port", "70000"),
        ("grid", "--store", "/proc/nowhere/grid.db"),
        ("contract",),
    ],
    ids=" ".join,
)
def test_what_the_user_can_put_right_is_one_sentence_and_ends_with_3(run, arguments):
    code, _, err = run(*arguments)

    assert code == Exit.CONFIGURATION
    assert err.strip()
    assert "Traceback" not in err


def test_the_reason_of_a_refused_folder_is_told_in_the_user_s_language(run, tmp_path):
    (tmp_path / "file").write_text("")

    _, _, zh = run("contract", "export", str(tmp_path / "file" / "below"), "--lang", "zh")
    _, _, en = run("contract", "export", str(tmp_path / "file" / "below"), "--lang", "en")

    assert "路径中有一段不是目录" in zh
    assert "Not a directory" in en


def test_without_a_command_the_help_is_shown_and_nothing_else(run):
    _, _, err = run()

    assert err.startswith("Usage:")


def test_an_error_of_the_product_itself_ends_with_4(run, monkeypatch):
    def breaks(*_):
        raise RuntimeError("the catalogue is gone")

    monkeypatch.setattr("duijie.explain.run_explain", breaks)

    code, _, err = run("explain", "--lang", "en")

    assert code == Exit.INTERNAL
    assert "the catalogue is gone" in err
    assert err.strip().endswith("duijie itself broke; where, stands above")


def test_a_reader_that_has_seen_enough_is_no_failed_expectation():
    command = [sys.executable, "-m", "duijie", "replay", str(FIRST_CASE), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        process.stdout.close()
        err = process.stderr.read()

    assert process.returncode == Exit.INTERRUPTED
    assert err == b""


def test_a_code_page_without_the_signs_of_the_timeline_stops_nothing():
    command = [sys.executable, "-m", "duijie", "replay", str(FIRST_CASE)]
    environment = {**os.environ, "DUIJIE_LANG": "zh", "PYTHONIOENCODING": "gbk"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=False)

    assert done.returncode == Exit.OK
    assert "坐席员立案" in done.stdout.decode("gbk")


def test_a_clause_is_explained_with_the_scenarios_and_tests_that_touch_it(run):
    code, out, _ = run("explain", "int-8", "--lang", "en")

    assert code == Exit.OK
    assert out.startswith("INT-8")
    assert "rejection/the-fourth-refiles-the-case" in out
    assert "tests (" in out


def test_a_test_that_bears_the_clause_in_its_name_is_found():
    assert "tests/simulators/city/test_town.py" in {named.partition(" ")[0] for named in files_that_test("GRID-1")}
    assert files_that_test(f"RCPT-{99}") == []


def test_every_clause_is_listed(run):
    code, out, _ = run("explain")

    assert code == Exit.OK
    assert {"GRID-1", "URBAN-4", "INT-8", "EXC-5", "RCPT-6"} <= {line.split()[0] for line in out.splitlines() if line}


def test_a_new_profile_is_written_once_and_is_usable(run, tmp_path):
    path = tmp_path / "mine.yaml"

    assert run("profile", "new", str(path))[0] == Exit.OK
    assert run("profile", "check", str(path))[0] == Exit.OK
    assert run("profile", "new", str(path))[0] == Exit.CONFIGURATION


def test_a_broken_profile_is_told_with_file_and_line(run, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace("max_rejections: 3", "max_rejectoins: 3"))

    code, _, err = run("profile", "check", str(path), "--lang", "en")

    assert code == Exit.CONFIGURATION
    assert re.search(rf"{re.escape(str(path))}:\d+:\d+: .*max_rejectoins", err)


# ── processes ──


@contextmanager
def started(*arguments: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "duijie", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DUIJIE_LANG": "en", "PYTHONIOENCODING": "utf-8"},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def read_until(process, sentence: str) -> str:
    said = ""
    while sentence not in said:
        line = process.stdout.readline()
        assert line, f"ended without saying '{sentence}':\n{said}\n{process.stderr.read()}"
        said += line
    return said


def everybody_leaves(group: int) -> bool:
    """The server of warm processes notices that its parent is gone, and goes too."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def nobody_listens(profile: Path) -> bool:
    for port in re.findall(r"127\.0\.0\.1:(\d+)", profile.read_text(encoding="utf-8")):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return False
    return True


@pytest.mark.live
@pytest.mark.parametrize("wiring", [(), ("--direct",)], ids=["bridged", "direct"])
def test_up_walks_a_first_case_through_and_stops(tmp_path, wiring):
    profile = profile_on_free_ports(tmp_path)
    with started("up", "--once", "--profile", str(profile), *wiring) as process:
        out, err = process.communicate(timeout=120)

    assert process.returncode == Exit.OK, err
    assert "Everything is up" in out
    assert "Everything has stopped." in out
    assert nobody_listens(profile)


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_up_stays_until_told_and_leaves_no_process(tmp_path, number):
    profile = profile_on_free_ports(tmp_path)
    with started("up", "--profile", str(profile), "--calm") as process:
        said = read_until(process, "Ctrl-C")
        (pages,) = re.findall(r"console: (http://127\.0\.0\.1:\d+/\?key=\S+)", said)
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            assert "Messages" in browser.get(pages).text
        # As a terminal does it: to the whole group.
        os.killpg(process.pid, number)
        out, _ = process.communicate(timeout=60)

        assert "Everything has stopped." in out
        assert process.returncode == Exit.OK
        assert everybody_leaves(process.pid)
    assert nobody_listens(profile)


@pytest.mark.live
def test_a_taken_port_is_one_clear_sentence(tmp_path):
    profile = profile_on_free_ports(tmp_path)
    port = int(re.search(r"127\.0\.0\.1:(\d+)/soap", profile.read_text(encoding="utf-8"))[1])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with started("up", "--once", "--profile", str(profile)) as process:
            _, err = process.communicate(timeout=60)

    assert process.returncode == Exit.CONFIGURATION
    assert str(port) in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.live
@pytest.mark.parametrize("party", ["grid", "urban", "bridge"])
def test_a_party_started_alone_tells_of_a_taken_port_in_one_sentence(tmp_path, party):
    path = profile_on_free_ports(tmp_path)
    profile = load_profile(path)
    endpoint = {"grid": profile.grid, "urban": profile.urban, "bridge": profile.bridge}[party].endpoint
    port = urlsplit(endpoint).port
    with socket.socket() as taken:
        # A port that a test before left behind may still be cooling down.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with started(party, "--profile", str(path)) as process:
            _, err = process.communicate(timeout=60)

    assert process.returncode == Exit.CONFIGURATION
    assert str(port) in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.live
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs a system with /proc")
def test_an_unwritable_folder_is_one_clear_sentence(tmp_path):
    profile = profile_on_free_ports(tmp_path)
    with started("up", "--once", "--profile", str(profile), "--keep", "/proc/nowhere") as process:
        _, err = process.communicate(timeout=60)

    assert process.returncode == Exit.CONFIGURATION
    assert "/proc/nowhere" in err
    assert "Traceback" not in err
