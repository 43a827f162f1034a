"""`duijie observe`, as people and scripts meet it: before a real pair, over a whole life, and through everything that can go wrong."""

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import hars
import pytest
from hars import Passed, written
from proxying import PATIENCE, in_front_of, port_of, proxying, read_request, service

import duijie.observe
import duijie.pair
from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.framing import Head
from conformance.observe.proxy import Request, Response, Told
from conformance.observe.recorder import Private, Scribe, TraceFile, Veil
from conformance.oracle.judge import Judgement, judge
from conformance.oracle.trace import Trace
from conformance.scenario.load import load_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from duijie.cli import main
from duijie.exits import Exit
from duijie.live import LiveStage
from duijie.observe import Observation, hops_of
from duijie.profiles_io import read_profile
from duijie.taps import Wire

ROOT = Path(__file__).parents[2]
LIFE = ROOT / "scenarios" / "lifecycle" / "one-rejection-then-closed.yaml"
HAND_OVER = (ROOT / "contracts" / "samples" / "urban-DeliverForm-handOver.xml").read_bytes()
ANSWER = (ROOT / "contracts" / "samples" / "urban-DeliverFormResponse-confirmed.xml").read_bytes()


# --- a real pair behind proxies -----------------------------------------------------------------------------------


@dataclass
class Heard:
    """What the proxies in front of a live pair told, each with the sender that a hop of its own shows."""

    told: list[Told] = field(default_factory=list)
    senders: dict[int, Party] = field(default_factory=dict)

    def passed(self) -> list[Passed]:
        """The HTTP exchanges as they were on the wire."""
        answers = {told.key: told for told in self.told if isinstance(told, Response)}
        return [
            _passed(told, answers.get(told.key))
            for told in self.told
            if isinstance(told, Request) and told.method == "POST"
        ]


def _passed(request: Request, response: Response | None) -> Passed:
    whole = response is not None and response.head is not None and response.body is not None
    return Passed(
        began_at=request.at,
        ended_at=response.at if response is not None else request.at,
        sender=Party.GRID,
        to=request.to,
        url=hars.ADDRESSES[request.to] + (request.target if request.to is Party.BRIDGE else ""),
        request=request.body or b"",
        response=response.body if whole else None,
        action=request.head.header("soapaction"),
        status=int(response.head.first_line.split()[1]) if whole else 0,
        request_type=request.head.header("content-type"),
        response_type=response.head.header("content-type") if whole else "",
    )


@contextmanager
def pair_behind_proxies(monkeypatch, heard: Heard):
    """Live stages whose every hop passes a proxy of its own."""
    opened = []

    class Proxied(Wire):
        def open(self, sender, to, service, **options):
            # Keys are unique per proxy only, and here is one for each hop.
            number = len(opened) + 1

            def hear(told):
                if isinstance(told, Request | Response):
                    object.__setattr__(told, "key", told.key * 100 + number)
                heard.told.append(told)

            running = proxying(hear, in_front_of(service, to))
            proxy = running.__enter__()
            opened.append(running)
            return super().open(sender, to, proxy.addresses[to], **options)

    monkeypatch.setattr(duijie.pair, "Wire", Proxied)
    try:
        yield
    finally:
        for running in opened:
            running.__exit__(None, None, None)


@pytest.fixture(scope="module", params=[Wiring.DIRECT, Wiring.BRIDGED])
def life(request):
    """One life of a case over real SOAP: what passed, what the tap recorded of it, and the profile."""
    heard, profiles = Heard(), []

    def make(profile, *more, **how):
        stage = LiveStage(profile, *more, **how)
        profiles.append(stage.profile)
        return stage

    with pytest.MonkeyPatch.context() as monkeypatch, pair_behind_proxies(monkeypatch, heard):
        run = play(load_scenario(LIFE, ROOT / "scenarios"), request.param, make, seed=1)
    assert run.passed
    return request.param, heard, run.trace, profiles[0]


def scribed(heard: Heard, wiring: Wiring, veil: Veil) -> Trace:
    parties = {Party.GRID, Party.URBAN} | ({Party.BRIDGE} if wiring is Wiring.BRIDGED else set())
    scribe = Scribe(hops_of(parties), veil)
    trace = Trace(record for told in heard.told for record in scribe.records_of(told))
    assert scribe.counts.unread == 0
    return trace


def bare(trace: Trace) -> list[dict]:
    left_out = {"n", "at", "call", "injected", "packed"}
    calls = [r for r in trace if r["type"] in ("call", "answer")]
    return sorted(
        ({k: v for k, v in r.items() if k not in left_out} for r in calls), key=lambda r: json.dumps(r, sort_keys=True)
    )


@pytest.mark.live
def test_what_is_recorded_in_front_of_a_real_pair_is_what_crossed_its_wire(life):
    wiring, heard, tapped, profile = life

    recorded = scribed(heard, wiring, Veil((), profile))

    assert bare(recorded) == bare(tapped)
    assert all(v.outcome is not Judgement.FAIL for v in judge(recorded, profile))


@pytest.mark.live
@pytest.mark.parametrize("style", [hars.in_base64, hars.compressed, hars.entry], ids=lambda style: style.__name__)
def test_a_har_file_of_real_traffic_is_judged(life, style, tmp_path, capsys):
    _, heard, tapped, _ = life
    paths = written(tmp_path, heard.passed(), style)

    code = main(["judge", *map(str, paths), "--json"])

    said = json.loads(capsys.readouterr().out)
    assert code == Exit.OK
    assert sum(file["ours"] for file in said["files"]) == len(tapped.of_type("call"))


@pytest.mark.live
def test_what_people_wrote_and_showed_can_be_left_out_and_the_judgement_is_the_same(life):
    wiring, heard, _, profile = life
    plain = scribed(heard, wiring, Veil((), profile))

    veiled = scribed(heard, wiring, Veil(tuple(Private), profile))

    description = next(r["form"]["description"] for r in plain if "description" in (r.get("form") or {}))
    digest = next(r["form"]["attachments"][0]["sha256"] for r in plain if (r.get("form") or {}).get("attachments"))
    kept = veiled.to_lines()
    assert description in plain.to_lines()
    assert description not in kept
    assert digest in plain.to_lines()
    assert digest not in kept
    assert {v.clause: v.outcome for v in judge(veiled, profile)} == {v.clause: v.outcome for v in judge(plain, profile)}


# --- the scribe ---------------------------------------------------------------------------------------------------


def scribe() -> Scribe:
    return Scribe(hops_of({Party.GRID, Party.URBAN}), Veil((), read_profile(None)))


@pytest.mark.parametrize(
    ("parties", "hops"),
    [
        ("grid urban", "grid-urban urban-grid"),
        ("urban", "grid-urban"),
        ("bridge", "grid-bridge urban-bridge"),
        ("grid bridge", "grid-bridge urban-bridge bridge-grid"),
    ],
)
def test_the_hops_follow_from_the_services_that_are_listened_in_front_of(parties, hops):
    found = hops_of({Party(party) for party in parties.split()})

    assert {f"{sender}-{to}" for sender, to in found} == set(hops.split())


# --- the command --------------------------------------------------------------------------------------------------


class Observing:
    """`duijie observe` as a process."""

    def __init__(self, folder: Path, *arguments: str):
        self.trace = folder / "observed.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "duijie", "observe", "--json", "--trace", str(self.trace), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        )
        self.events: list[dict] = []
        self._came = threading.Condition()
        self._hang_up_after = ""
        threading.Thread(target=self._read, daemon=True).start()
        self.services = self.wait_for("listening")["services"]

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._came:
                self.events.append(json.loads(line))
                self._came.notify_all()
            if self.events[-1]["event"] == self._hang_up_after:
                self._process.stdout.close()
                return

    def wait_for(self, event: str, times: int = 1) -> dict:
        def there() -> list[dict]:
            return [found for found in self.events if found["event"] == event]

        with self._came:
            came = self._came.wait_for(lambda: len(there()) >= times, timeout=60)
        assert came, (self.events[-3:], self._process.poll() is not None and self._process.stderr.read())
        return there()[times - 1]

    def hang_up_after(self, event: str) -> None:
        """Read until then and no further, as `head` does."""
        self._hang_up_after = event

    def port(self, party: str) -> int:
        return port_of(self.services[party]["address"])

    def stop(self, how: int = signal.SIGINT) -> int:
        self._process.send_signal(how)
        return self._process.wait(60)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(60)
        if not self._process.stdout.closed:
            self._process.stdout.close()
        self._process.stderr.close()


@contextmanager
def observing(folder: Path, *arguments: str):
    running = Observing(folder, *arguments)
    try:
        yield running
    finally:
        running.close()


def replying(body: bytes = ANSWER, *headers: str):
    def script(line):
        while read_request(line):
            head = "\r\n".join(
                ["HTTP/1.1 200 OK", "Content-Type: text/xml", f"Content-Length: {len(body)}", *headers, "", ""]
            )
            line.sendall(head.encode() + body)

    return script


def send(port: int, body: bytes = HAND_OVER, *headers: tuple[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/soap", body, {"Content-Type": "text/xml; charset=utf-8"} | dict(headers))
        return connection.getresponse().read()
    finally:
        connection.close()


def another(number: int) -> bytes:
    """The hand-over of another case."""
    text = HAND_OVER.decode()
    text = re.sub(r"340202-20260302-\d{6}", f"340202-20260302-{number:06d}", text)
    return re.sub(r"urn:uuid:[0-9a-f]{8}", f"urn:uuid:{number:08x}", text).encode()


def answer_for(body: bytes) -> bytes:
    text = ANSWER.decode()
    case = re.search(rb"340202-20260302-\d{6}", body)[0].decode()
    form = re.search(rb"messageId>([^<]+)<", body)[1].decode()
    text = re.sub(r"340202-20260302-\d{6}", case, text)
    return re.sub(r"(formMessageId>)[^<]+<", rf"\g<1>{form}<", text).encode()


def receipting(line):
    while request := read_request(line):
        body = request.partition(b"\r\n\r\n")[2]
        answer = answer_for(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
        line.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)
        )


def crossing(number: int) -> tuple[Request, Response]:
    """The hand-over of a case and its receipt, as a proxy tells of them."""
    now, body = datetime.now(SHANGHAI), another(number)
    head = Head(b"", "POST /soap HTTP/1.1", (("Content-Type", "text/xml"),))
    reply = Head(b"", "HTTP/1.1 200 OK", ())
    return (
        Request(key=number, at=now, to=Party.URBAN, method="POST", target="/soap", head=head, body=body),
        Response(key=number, at=now, head=reply, body=answer_for(body)),
    )


def both(port: int) -> tuple[str, ...]:
    url = f"http://127.0.0.1:{port}/soap"
    return ("--grid", url, "--urban", url, "--grid-at", "127.0.0.1:0", "--urban-at", "127.0.0.1:0")


def test_ctrl_c_ends_it_with_the_verdict_and_the_trace_can_be_judged_again(tmp_path, capsys):
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        assert send(running.port("urban")) == answer_for(HAND_OVER)
        running.wait_for("message")
        code = running.stop()
        summary = running.wait_for("summary")

    assert code == Exit.OK
    assert summary["exit"] == Exit.OK
    assert summary["ours"] == 1
    kept = {v["clause"] for v in summary["verdicts"] if v["outcome"] == "pass"}
    assert {"XCHG-1", "XCHG-3", "RCPT-1", "RCPT-2", "GEN-1", "GEN-4"} <= kept
    assert main(["judge", str(running.trace), "--json"]) == Exit.OK
    again = json.loads(capsys.readouterr().out)
    assert {v["clause"] for v in again["verdicts"] if v["outcome"] == "pass"} == kept


def test_a_breach_is_told_as_it_shows_and_ends_with_1(tmp_path):
    wrong = HAND_OVER.replace(b"contractVersion>1.0<", b"contractVersion>2.0<")
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        send(running.port("urban"), wrong)
        breach = running.wait_for("breach")
        code = running.stop(signal.SIGTERM)

    assert (breach["clause"], breach["blame"]) == ("XCHG-1", "grid")
    assert breach["messages"][0]["call"]["form_type"] == "handOver"
    assert code == Exit.FAILED


def test_a_message_of_ours_that_nobody_can_read_passes_is_told_and_leaves_the_end_open(tmp_path):
    with service(replying()) as port, observing(tmp_path, *both(port)) as running:
        assert send(running.port("urban"), HAND_OVER[:-30]) == ANSWER
        record = running.wait_for("unreadable")["record"]
        assert running.stop() == Exit.INCONCLUSIVE

    assert "SOAP 1.1" in record["detail"]
    assert "契约" in record["detail_zh"]


def test_nothing_secret_and_no_content_of_a_photo_is_ever_written_down(tmp_path):
    secret, nonce = re.search(rb"<wsse:Password[^>]*>([^<]+)<", HAND_OVER)[1], b"bm9uY2Utb2YtdGhpcy10ZXN0"
    body = HAND_OVER.replace(b"</wsse:Password>", b"</wsse:Password><wsse:Nonce>" + nonce + b"</wsse:Nonce>")
    assert nonce in body
    photo = re.search(rb"<ex:content>([^<]+)<", HAND_OVER)[1]
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        send(running.port("urban"), body, ("Authorization", "Basic c2VjcmV0"))
        running.wait_for("message")
        running.stop()

    kept = running.trace.read_bytes()
    assert b"handOver" in kept
    for what in (secret, nonce, photo, b"c2VjcmV0", b"Security"):
        assert what not in kept


def test_what_was_recorded_before_a_kill_can_be_judged(tmp_path, capsys):
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        for number in range(1, 11):
            send(running.port("urban"), another(number))
        running.wait_for("message", 10)
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL

    assert main(["judge", str(running.trace), "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    assert said["files"][0]["ours"] == 10
    assert said["files"][0]["unreadable"] == []


def test_twenty_callers_at_once_are_all_on_record(tmp_path):
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:

        def call(number: int) -> None:
            for turn in range(5):
                body = another(number * 10 + turn)
                answers.append(send(running.port("urban"), body) == answer_for(body))

        answers: list[bool] = []
        threads = [threading.Thread(target=call, args=(number,)) for number in range(1, 21)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        running.wait_for("message", 100)
        running.stop()
        summary = running.wait_for("summary")

    assert answers == [True] * 100
    assert (summary["ours"], summary["unreadable"]) == (100, 0)
    assert next(v for v in summary["verdicts"] if v["clause"] == "RCPT-1")["kept"] == 100


def test_a_reader_that_leaves_ends_neither_the_traffic_nor_the_record(tmp_path, capsys):
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        running.hang_up_after("message")
        for number in range(1, 6):
            assert send(running.port("urban"), another(number)) == answer_for(another(number))
        running.stop()

    assert main(["judge", str(running.trace), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["files"][0]["ours"] == 5


def test_a_judge_that_stumbles_ends_neither_the_traffic_nor_the_record_and_leaves_the_end_open(tmp_path):
    said = []

    class Silent(duijie.observe._JsonTeller):
        def _line(self, event, **values):
            said.append(event)

    file = TraceFile(tmp_path / "t.jsonl", [], made_by="test")
    hops = hops_of({Party.GRID, Party.URBAN})
    profile = read_profile(None)
    observation = Observation(profile, hops, Veil((), profile), file, Silent("zh"), codes_known=True)
    observation.watch.judge_new = None
    observation.start()
    for told in crossing(1):
        observation.told(told)
    observation.stop()

    assert observation.stumbled is not None
    assert said == ["message"]
    assert duijie.observe._incomplete(observation)
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 4


def test_a_compressed_message_passes_as_it_is_and_is_read(tmp_path):
    with service(receipting) as port, observing(tmp_path, *both(port)) as running:
        send(running.port("urban"), gzip.compress(HAND_OVER), ("Content-Encoding", "gzip"))
        assert running.wait_for("message")["call"]["form_type"] == "handOver"
        assert running.stop() == Exit.OK


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--urban", "ftp://somewhere"),
        ("--urban", "http://127.0.0.1:9", "--urban-at", "nowhere"),
        ("--urban", "http://127.0.0.1:9", "--urban-at", "127.0.0.1:99999"),
        ("--urban", "http://127.0.0.1:9", "--without", "everything"),
        ("--urban", "https://127.0.0.1:9", "--ca", "no/such.pem"),
        ("--urban", "http://127.0.0.1:9", "--trace", "/proc/nowhere.jsonl"),
    ],
    ids=" ".join,
)
def test_what_the_user_can_put_right_is_one_sentence_and_ends_with_3(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["observe", *arguments, "--lang", "en"]) == Exit.CONFIGURATION
    said = capsys.readouterr().err
    assert said.strip()
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_taken_address_ends_with_3(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        assert (
            main(["observe", "--urban", "http://127.0.0.1:9", "--urban-at", at, "--lang", "en"]) == Exit.CONFIGURATION
        )
    assert "cannot listen" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- the file -----------------------------------------------------------------------------------------------------


def test_files_of_bounded_size_are_one_recording_and_the_oldest_go(tmp_path, capsys):
    path = tmp_path / "t.jsonl"
    hops = hops_of({Party.GRID, Party.URBAN})
    file = TraceFile(path, hops, made_by="test", bytes_max=20_000, keep=2)
    scribing = scribe()
    for number in range(1, 51):
        for told in crossing(number):
            for record in scribing.records_of(told):
                file.write(record)
    file.close(datetime.now(SHANGHAI))

    paths = sorted(tmp_path.iterdir())
    assert [each.name for each in paths] == ["t.jsonl", "t.jsonl.1", "t.jsonl.2"]
    assert all(each.stat().st_size < 25_000 for each in paths)
    assert main(["judge", *map(str, paths), "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    assert len(said["files"]) == 1
    assert 20 < said["files"][0]["ours"] < 50


def test_a_full_disk_is_told_once_and_counted(tmp_path):
    troubles = []
    file = TraceFile(tmp_path / "t.jsonl", [], made_by="test", trouble=troubles.append)
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123 - it takes the place of the file
    file._file = full

    for n in range(3):
        file.write({"n": n, "type": "call"})

    full.close()
    assert len(troubles) == 1
    assert file.lines_lost == 3
