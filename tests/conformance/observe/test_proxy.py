"""The proxy passes on what comes, byte for byte, whatever becomes of the line, and tells what passed."""

import gzip
import queue
import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest
from proxying import PATIENCE, in_front_of, port_of, proxying, read_all, read_request, service

from bridge.vocabulary.parties import Party
from conformance.observe.proxy import Gap, Request, Response, Room

ENVELOPE = (Path(__file__).parents[3] / "contracts" / "samples" / "urban-DeliverForm-handOver.xml").read_bytes()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nX-Odd: \xe4\xbd\xa0\r\nContent-Length: 4\r\n\r\n<a/>"
TLS = Path(__file__).parents[2] / "tls"


class Ear:
    """Keeps what the proxy tells."""

    def __init__(self):
        self._told = queue.Queue()

    def __call__(self, told):
        self._told.put(told)

    def next(self, kind):
        told = self._told.get(timeout=PATIENCE)
        assert isinstance(told, kind), told
        return told


@pytest.fixture
def ear():
    return Ear()


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /soap HTTP/1.1", "Host: proxy.example:1", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def caller(proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(proxy.addresses[Party.URBAN])), timeout=PATIENCE)


def answering(answer: bytes = ANSWER, seen: list | None = None):
    def script(line):
        while request := read_request(line):
            if seen is not None:
                seen.append(request)
            line.sendall(answer)

    return script


def test_bytes_pass_unchanged_but_for_the_host_and_the_line_stays_open(ear):
    seen = []
    with (
        service(answering(seen=seen)) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}/soap")) as proxy,
        caller(proxy) as line,
    ):
        for body in (ENVELOPE, gzip.compress(ENVELOPE)):
            request = post(body, "X-Case: MiXeD", "x-case: twice", "X-Odd: 你")
            line.sendall(request)
            answer = b""
            while len(answer) < len(ANSWER):
                answer += line.recv(65536)

            assert answer == ANSWER
            assert seen[-1] == request.replace(b"proxy.example:1", f"127.0.0.1:{port}".encode())
            assert ear.next(Request).body == body
            assert ear.next(Response).body == b"<a/>"


def test_the_host_passes_as_it_is_when_asked_for(ear):
    seen = []
    with (
        service(answering(seen=seen)) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}"), keep_host=True) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        line.recv(65536)

    assert b"Host: proxy.example:1" in seen[0]


def test_the_address_to_call_keeps_the_path_of_the_service(ear):
    with proxying(ear, in_front_of("http://127.0.0.1:9/a/b")) as proxy:
        assert proxy.addresses[Party.URBAN].endswith("/a/b")


def test_a_body_of_forty_megabytes_passes_while_it_comes_and_is_told_whole(ear):
    body = b"<a>" + b"x" * (40 * 1024 * 1024) + b"</a>"
    arrived = []

    def script(line):
        request = read_request(line)
        arrived.append(len(request))
        line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 1 << 20):
            piece = body[at : at + (1 << 20)]
            line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.sendall(b"0\r\n\r\n")

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(body, "Connection: close"))
        answer = read_all(line)

    assert arrived[0] > len(body)
    assert len(answer) > len(body)
    assert ear.next(Request).body == body
    assert ear.next(Response).body == body


def test_what_finds_no_room_passes_and_is_told_without_its_body(ear):
    seen = []
    room = Room(body_bytes=1000)
    with (
        service(answering(seen=seen)) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}"), room=room) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x" * 5000))
        line.recv(65536)

    assert seen[0].endswith(b"x" * 5000)
    assert ear.next(Request).body is None
    assert ear.next(Response).body == b"<a/>"
    assert room.taken == len(b"<a/>")


def test_expect_100_continue_is_between_the_two_ends(ear):
    def script(line):
        head = line.recv(65536)
        assert head.endswith(b"\r\n\r\n")
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert line.recv(65536) == b"hello"
        line.sendall(ANSWER)

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert line.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"hello")
        assert line.recv(65536) == ANSWER

    assert ear.next(Request).body == b"hello"
    assert ear.next(Response).head.first_line == "HTTP/1.1 200 OK"


def test_an_answer_that_ends_with_the_line_is_whole(ear):
    def script(line):
        read_request(line)
        line.sendall(b"HTTP/1.0 200 OK\r\n\r\n<a/>")

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        assert read_all(line) == b"HTTP/1.0 200 OK\r\n\r\n<a/>"

    ear.next(Request)
    assert ear.next(Response).body == b"<a/>"


def test_what_is_no_http_passes_both_ways_and_is_told_as_a_gap(ear):
    def script(line):
        assert line.recv(65536) == b"\x16\x03\x01hello"
        line.sendall(b"\x15\x03\x01bye")

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(b"\x16\x03\x01hello")
        assert line.recv(65536) == b"\x15\x03\x01bye"

    assert ear.next(Gap).to is Party.URBAN


def test_a_listener_that_stumbles_does_not_disturb_the_traffic():
    def stumble(told):
        raise RuntimeError(told)

    with (
        service(answering()) as port,
        proxying(stumble, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        assert line.recv(65536) == ANSWER


# --- lines that break ---------------------------------------------------------------------------------------------


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def test_a_service_that_is_not_there_cuts_the_caller_off_and_the_call_is_told(ear):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy, caller(proxy) as line:
        line.sendall(post(ENVELOPE))
        with pytest.raises(ConnectionResetError):
            line.recv(65536)

        assert ear.next(Request).body == ENVELOPE
        ended = ear.next(Response)
    assert ended.not_reached
    assert ended.head is None


def test_a_service_that_breaks_off_its_answer_breaks_it_off_for_the_caller(ear):
    def script(line):
        read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<a")
        read_request(line)
        reset(line)

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        assert line.recv(65536).endswith(b"<a")
        line.sendall(post(b"y"))
        with pytest.raises(ConnectionResetError):
            line.recv(65536)

        ear.next(Request)
        ear.next(Request)
        for _ in range(2):
            ended = ear.next(Response)
            assert ended.head is None
            assert not ended.not_reached


def test_a_service_that_closes_without_an_answer_closes_for_the_caller(ear):
    def script(line):
        read_request(line)

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        assert line.recv(65536) == b""

    ear.next(Request)
    assert ear.next(Response).head is None


def test_a_caller_that_hangs_up_is_told_to_the_service_and_its_answer_is_lost(ear):
    hung_up = threading.Event()

    def script(line):
        read_request(line)
        # The caller's end of the line comes through the proxy.
        assert line.recv(1) == b""
        hung_up.set()
        line.sendall(ANSWER)

    with service(script) as port, proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy:
        line = caller(proxy)
        line.sendall(post(b"x"))
        ear.next(Request)
        line.close()

        assert hung_up.wait(PATIENCE)
        ended = ear.next(Response)
    # Either the answer came to a closed line, or the line was reset before.
    assert ended.lost or ended.head is None


def test_a_caller_that_has_only_finished_speaking_gets_its_answer(ear):
    def script(line):
        read_request(line)
        assert line.recv(1) == b""
        line.sendall(ANSWER)

    with (
        service(script) as port,
        proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        line.shutdown(socket.SHUT_WR)
        assert read_all(line) == ANSWER

    ear.next(Request)
    assert not ear.next(Response).lost


def test_twenty_callers_at_once_get_each_its_own_answer(ear):
    def script(line):
        while request := read_request(line):
            body = request.partition(b"\r\n\r\n")[2]
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    wrong = []

    def call(number: int) -> None:
        with caller(proxy) as line:
            for turn in range(10):
                body = f"<a>{number}.{turn}</a>".encode()
                line.sendall(post(body))
                if not line.recv(65536).endswith(body):
                    wrong.append(body)

    with service(script) as port, proxying(ear, in_front_of(f"http://127.0.0.1:{port}")) as proxy:
        threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    assert wrong == []
    asked, answered = {}, {}
    for _ in range(400):
        told = ear.next(Request | Response)
        (asked if isinstance(told, Request) else answered)[told.key] = told.body
    assert asked == answered
    assert len(asked) == 200


# --- TLS ----------------------------------------------------------------------------------------------------------


def serving_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.pem")
    return context


def test_a_service_behind_tls_is_reached_when_its_certificate_is_trusted(ear):
    trusting = ssl.create_default_context(cafile=str(TLS / "authority.pem"))
    with (
        service(answering(), tls=serving_tls()) as port,
        proxying(ear, in_front_of(f"https://localhost:{port}/soap"), tls=trusting) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        assert line.recv(65536) == ANSWER
        ear.next(Request)
        assert ear.next(Response).head is not None
        line.shutdown(socket.SHUT_WR)
        assert line.recv(65536) == b""


def test_a_service_whose_certificate_nobody_vouches_for_is_not_called(ear):
    with (
        service(answering(), tls=serving_tls()) as port,
        proxying(ear, in_front_of(f"https://localhost:{port}/soap"), tls=ssl.create_default_context()) as proxy,
        caller(proxy) as line,
    ):
        line.sendall(post(b"x"))
        with pytest.raises(ConnectionResetError):
            line.recv(65536)
        ear.next(Request)
        ended = ear.next(Response)
    assert ended.not_reached
    assert "certificate" in ended.detail.lower()
