"""`duijie network` between real processes: it passes on, spoils what it is told to, records, and ends with a code that says how it went."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.settings import load_profile
from bridge.vocabulary.calls import Answered, Call, Ending, Unanswered
from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Side
from conformance.observe.lines import read_lines
from conformance.observe.soap import read_request
from conformance.oracle.trace import Trace
from conformance.scenario.faults import FaultRule, FaultWhat, Noise
from conformance.scenario.load import load_network, loads_network
from duijie.cli import main
from duijie.exits import Exit
from duijie.processes import free_port
from duijie.profiles_io import EXAMPLE
from located_yaml import DocumentInvalid
from simulators.exchange.client import PlatformClient, wsdl_path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "contracts" / "samples" / "urban-DeliverForm-handOver.xml"


@contextmanager
def started(*arguments: str, ready: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "duijie", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DUIJIE_LANG": "en", "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = ""
        while ready not in said:
            line = process.stdout.readline()
            assert line, f"ended before it was ready:\n{said}\n{process.stderr.read()}"
            said += line
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str]:
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def hand_over() -> FormMessage:
    message = read_request(SAMPLE.read_bytes())
    assert isinstance(message, FormMessage)
    return message


def deliver(port: int) -> Ending:
    profile = load_profile(EXAMPLE)
    client = PlatformClient(
        wsdl_path(Side.URBAN),
        f"http://127.0.0.1:{port}/",
        profile.grid.username,
        profile.grid.password,
        profile.grid.password_type,
        answer_seconds=10,
    )
    return client.make(Call(key=1, to=Side.URBAN, message=hand_over()))


@pytest.fixture
def urban(tmp_path: Path) -> Iterator[int]:
    """An urban platform whose grid side cannot be reached."""
    text = Path(str(EXAMPLE)).read_text(encoding="utf-8")
    ports = {port: free_port() for port in ("8100", "8101", "8102")}
    for old, new in ports.items():
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    path = tmp_path / "profile.yaml"
    path.write_text(text, encoding="utf-8")
    with started("urban", "--profile", str(path), "--calm", "--direct", ready="ready"):
        yield ports["8102"]


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_form_that_a_proxy_covered_with_its_page_arrives_when_it_is_sent_again(
    urban: int, tmp_path: Path, number: int
) -> None:
    port, trace = free_port(), tmp_path / "trace.jsonl"
    with started(
        "network",
        *("--line", f"{port}=http://127.0.0.1:{urban}/soap"),
        *("--rule", "proxy_page: {of: handOver, nth: 1, status: 200}"),
        *("--rule", "network.trickle: answer of dispatch #1 every attempt"),
        *("--trace", str(trace)),
        ready="Ready",
    ) as process:
        assert isinstance(deliver(port), Unanswered)
        assert isinstance(deliver(port), Answered)
        code, out = ended(process, number)
    assert code == Exit.OK, out
    assert "hand-over 340202-20260302-000001 [GRID-6]  ↩ no answer (a proxy's page came instead)" in out
    assert "Stopped; 2 calls." in out
    kept = Trace.from_lines(trace.read_text(encoding="utf-8"))
    assert [r["outcome"] for r in kept.of_type("answer")] == ["unanswered", "acknowledged"]
    assert [(r["from"], r["to"]) for r in kept.of_type("call")] == [("grid", "urban")] * 2
    assert [r["n"] for r in kept] == list(range(1, len(kept) + 1))
    assert not kept.at_rest
    assert trace.stat().st_mode & 0o077 == 0
    lines = read_lines(trace, trace.read_text(encoding="utf-8"))
    assert (lines.broken, lines.from_the_wire) == ([], True)


@pytest.mark.live
def test_a_rule_that_never_met_its_message_is_named_and_ends_with_1(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- network.lose: receipt of dispatch #2\n- network.noise: {seed: 1, lose: 2%}\n", encoding="utf-8")
    line = f"{free_port()}=http://127.0.0.1:9/"
    with started("network", "--line", line, "--rules", str(rules), "--quiet", ready="Ready") as process:
        code, out = ended(process)
    assert code == Exit.FAILED
    assert "never met its message: the network loses the receipt of dispatch #2" in out
    assert out.count("never met") == 1


@pytest.mark.live
def test_both_directions_share_one_count_and_what_is_held_back_comes(urban: int, tmp_path: Path) -> None:
    """The receipt of a form that went over one line is known on the other, and noise takes the seed of the command."""
    there, back, trace = free_port(), free_port(), tmp_path / "t.jsonl"
    with started(
        "network",
        *("--line", f"127.0.0.1:{there}=http://127.0.0.1:{urban}/soap", "--line", f"{back}=http://127.0.0.1:9/"),
        *("--rule", "delay: {of: handOver, nth: 1, for: 1 second}", "--seed", "77"),
        *("--rule", "lose: receipt of handOver #1 of 340202-20260302-000001"),
        *("--rule", "noise: {seed: 1, repeat: 1%}", "--trace", str(trace)),
        ready="Ready",
    ) as process:
        assert isinstance(deliver(there), Unanswered)
        assert process.stdout is not None
        said = ""
        while "[held back on the way]" not in said:
            said += process.stdout.readline()
        with socket.create_connection(("127.0.0.1", back)) as connection:
            body = SAMPLE.with_name("grid-DeliverReceipt-confirmed.xml").read_bytes()
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        code, out = ended(process)
    assert code == Exit.OK, out
    records = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert {record["rule"].get("seed") for record in records if record["type"] == "fault_rule"} == {None, 77}
    assert [r["outcome"] for r in records if r["type"] == "answer"] == ["unanswered", "lost", "unanswered"]
    assert [(r["from"], r["to"]) for r in records if r["type"] == "call"][-1] == ("urban", "grid")


@pytest.mark.live
def test_a_call_that_is_still_under_way_keeps_nobody_from_stopping(urban: int, tmp_path: Path) -> None:
    port, trace = free_port(), tmp_path / "t.jsonl"
    with started(
        "network",
        *("--line", f"{port}=http://127.0.0.1:{urban}/soap", "--rule", "silence: answer of handOver #1"),
        *("--trace", str(trace)),
        ready="Ready",
    ) as process:
        body = SAMPLE.read_bytes()
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + body)
            assert process.stdout is not None
            while "waited in vain" not in process.stdout.readline():
                pass
            code, _ = ended(process)
        assert code == Exit.OK
    assert json.loads(trace.read_text(encoding="utf-8").splitlines()[-1]) == {"type": "end", "at_rest": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--line", "nowhere"), "--line is PORT=ADDRESS"),
        (("--line", "70000=http://127.0.0.1/"), "--line is PORT=ADDRESS"),
        (("--line", "9001=ftp://127.0.0.1/"), "--line is PORT=ADDRESS"),
        (
            ("--line", "0=http://127.0.0.1:9/", "--rule", "crash: dispatch #1"),
            "--rule:1:3: 'network.crash' is of no use here",
        ),
        (
            ("--line", "0=http://127.0.0.1:9/", "--rule", "lose: dispatch"),
            "--rule:1:17: which one is meant must be said",
        ),
        (("--line", "0=http://127.0.0.1:9/", "--rule", "lsoe: dispatch #1"), "did you mean 'network.lose'?"),
        (("--line", "0=http://127.0.0.1:9/", "--rules", "no/such.yaml"), "no/such.yaml:1:1: the file cannot be read"),
        (("--line", "0=http://127.0.0.1:9/", "--trace", "/proc/nowhere/t"), "cannot write /proc/nowhere/t"),
        ((), "wrong usage"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_the_user_can_put_right_is_told_and_ends_with_3(
    capsys: Any, arguments: tuple[str, ...], said: str
) -> None:
    assert main(["network", *arguments, "--lang", "en"]) == Exit.CONFIGURATION
    assert said in capsys.readouterr().err


def test_a_taken_port_is_one_clear_sentence(capsys: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["network", "--line", f"{port}=http://127.0.0.1:9/", "--lang", "en"]) == Exit.CONFIGURATION
    err = capsys.readouterr().err
    assert str(port) in err
    assert len(err.strip().splitlines()) == 1


# ── the words ──


def test_rules_stand_by_themselves_and_name_cases_by_their_numbers() -> None:
    rules = loads_network(
        "- network.lose: receipt of dispatch #2 of 340202-20260302-000001 attempt 2\n"
        "- network.proxy_page: {what: answer, of: closing, case: 340202-20260302-000002, status: 404}\n"
        "- network.noise: {seed: 5, halve: 0.5%}\n"
    )
    lost, page, noise = rules
    assert isinstance(lost, FaultRule)
    assert (lost.what, lost.nth, lost.case, lost.attempt) == (FaultWhat.RECEIPT, 2, "340202-20260302-000001", 2)
    assert isinstance(page, FaultRule)
    assert (page.case, dict(page.params)) == ("340202-20260302-000002", {"status": 404})
    assert noise == Noise(seed=5, shares={"halve": 0.5})


@pytest.mark.parametrize(
    "text",
    ["", "network.lose: dispatch #1\n", "- worker.report: {as: c1}\n", "- network.cut: urban\n", "- network.calm\n"],
)
def test_what_is_no_list_of_faults_is_refused(text: str) -> None:
    with pytest.raises(DocumentInvalid):
        loads_network(text)


def test_the_examples_of_the_page_are_rules(tmp_path: Path) -> None:
    """Every `--rule "…"` and every YAML block in the page, and the example as it stands."""
    told = re.findall(r'--rule "([^"]+)"', PAGE)
    assert len(told) >= 5
    loads_network("".join(f"- network.{rule}\n" for rule in told))
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        assert load_network(path)


@pytest.mark.live
def test_the_example_of_the_page_starts_and_says_where_it_listens(tmp_path: Path) -> None:
    (example,) = re.findall(r"<!-- example -->\n```\n(.*?)```", PAGE, re.DOTALL)
    command = example.replace("\\\n", " ").replace("trace.jsonl", str(tmp_path / "trace.jsonl"))
    ports = {port: free_port() for port in ("9001", "9002")}
    for old, new in ports.items():
        command = command.replace(f"--line {old}=", f"--line {new}=")
    with started(*shlex.split(command)[1:], ready="Ready") as process:
        for port in ports.values():
            with socket.create_connection(("127.0.0.1", port)):
                pass
        assert ended(process)[0] == Exit.FAILED
    first = json.loads((tmp_path / "trace.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
