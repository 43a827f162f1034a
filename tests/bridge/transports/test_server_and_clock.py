"""The HTTP server answers in its owner's words and stops in order; the steered clock only goes forward."""

import socket
import threading
from datetime import UTC, timedelta

import httpx
import pytest
from peers import PATIENCE, in_thread
from sample_forms import MONDAY

from bridge.transports.clock import ClockMovedBack, SteeredClock, SystemClock
from bridge.transports.server import AddressTaken, HttpServer, WsgiApp
from bridge.vocabulary.times import SHANGHAI


def hello(environ, start_response):  # type: ignore[no-untyped-def]
    body = environ["wsgi.input"].read() or b"hello"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def server(app: WsgiApp = hello, body_bytes: int = 1000) -> HttpServer:
    return HttpServer(
        app,
        "127.0.0.1",
        0,
        threads=4,
        body_bytes=body_bytes,
        refusal=lambda status, path: ("text/xml", f"<no>{status} {path}</no>".encode()),
    )


def test_a_body_within_the_limit_passes_and_one_beyond_it_gets_the_owners_words() -> None:
    running = server()
    running.start()
    url = f"http://127.0.0.1:{running.port}/there"
    try:
        assert httpx.post(url, content=b"x" * 1000, trust_env=False).content == b"x" * 1000
        refused = httpx.post(url, content=b"x" * 1001, trust_env=False)
        assert (
            refused.status_code,
            refused.headers["Content-Type"],
            refused.content,
        ) == (413, "text/xml", b"<no>413 /there</no>")
    finally:
        running.stop()


def test_a_chunked_body_beyond_the_limit_is_refused_too() -> None:
    running = server()
    running.start()
    try:
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
            connection.sendall(b"POST /there HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendall(b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 413")
        assert answer.endswith(b"</no>")
    finally:
        running.stop()


def test_what_is_no_http_gets_the_owners_words() -> None:
    running = server()
    running.start()
    try:
        with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"<no>400" in answer
    finally:
        running.stop()


def test_a_stopping_server_lets_the_answer_under_way_be_written() -> None:
    begun, released = threading.Event(), threading.Event()

    def slow(environ, start_response):  # type: ignore[no-untyped-def]
        begun.set()
        assert released.wait(PATIENCE)
        return hello(environ, start_response)

    running = server(slow)
    running.start()
    url = f"http://127.0.0.1:{running.port}/"
    with in_thread(lambda: httpx.get(url, trust_env=False).content) as answers:
        assert begun.wait(PATIENCE)
        with in_thread(running.stop):
            released.set()
    assert answers == [b"hello"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_stopped_server_lets_its_address_go() -> None:
    first = server()
    first.start()
    first.stop()
    second = HttpServer(hello, "127.0.0.1", first.port, threads=1, body_bytes=1, refusal=lambda *_: ("", b""))
    assert second.port == first.port
    second.stop()


def test_an_address_that_is_not_ours_is_one_sentence() -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        with pytest.raises(AddressTaken) as caught:
            HttpServer(hello, host, 0, threads=1, body_bytes=1, refusal=lambda *_: ("", b""))
        assert "\n" not in str(caught.value)
        assert host in str(caught.value)


def test_the_steered_clock_stands_still_until_it_is_moved() -> None:
    clock = SteeredClock(MONDAY.astimezone(UTC))
    heard: list[bool] = []
    clock.when_moved(lambda: heard.append(True))
    assert clock.now() == MONDAY
    assert clock.now().utcoffset() == timedelta(hours=8)
    later = MONDAY + timedelta(seconds=1)
    assert clock.seconds_until(later) is None
    clock.move_to(later)
    clock.move_to(later)
    assert clock.seconds_until(later) == 0
    assert len(heard) == 2
    with pytest.raises(ClockMovedBack):
        clock.move_to(MONDAY)
    assert clock.now() == later


def test_the_system_clock_tells_shanghai_time() -> None:
    clock = SystemClock()
    now = clock.now()
    assert now.tzinfo is SHANGHAI
    assert clock.seconds_until(now) == 0
    wait = clock.seconds_until(now + timedelta(hours=1))
    assert wait is not None
    assert 3500 < wait <= 3600
