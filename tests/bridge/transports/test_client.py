"""How a call ended is told by whether it may have had an effect: reached or not, answered, refused, or nobody knows."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from peers import PATIENCE, Peer, linked
from sample_forms import MONDAY, form, message, receipt_for

from bridge.settings import override
from bridge.transports.client import PlatformClient
from bridge.transports.clock import SteeredClock
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.wire import build_fault, build_response, operation_of

HAND_OVER = message(Side.GRID, form(FormType.HAND_OVER), 1)
RESPONSE = build_response(operation_of(HAND_OVER), Side.URBAN, Answered())
FAULT = build_fault(Fault(code=ErrorCode.CASE_UNKNOWN, field=None, message_zh="无", message_en="none"), Side.URBAN)


def client_for(address: str, answer_seconds: float = PATIENCE) -> PlatformClient:
    return PlatformClient(
        linked("http://127.0.0.1:1/", address), SteeredClock(MONDAY), answer_seconds=answer_seconds, connect_seconds=1
    )


@contextmanager
def rough_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request's head and then does as it likes with the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            data = b""
            while b"</soap:Envelope>" not in data:
                data += connection.recv(65536)
            behave(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/soap"
    finally:
        listening.close()
        thread.join(PATIENCE)


def http(
    body: bytes, status: str = "200 OK", content_type: str = "text/xml; charset=utf-8", length: int | None = None
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


def ending_with(answer: bytes, answer_seconds: float = PATIENCE) -> Ending:
    with rough_server(lambda connection: connection.sendall(answer)) as address:
        client = client_for(address, answer_seconds)
        ending = client.deliver(Side.URBAN, HAND_OVER).ending
        client.close()
    return ending


def test_an_answer_is_an_answer() -> None:
    assert Answered() == ending_with(http(RESPONSE))
    with Peer(Side.URBAN, lambda _: Answered(receipt=receipt_for(HAND_OVER))) as peer:
        client = client_for(peer.address)
        assert Answered(receipt=receipt_for(HAND_OVER)) == client.deliver(Side.URBAN, HAND_OVER).ending
        client.close()


@pytest.mark.parametrize("status", ["500 Internal Server Error", "200 OK"])
def test_the_typed_fault_proves_that_there_was_no_effect(status: str) -> None:
    ending = ending_with(http(FAULT, status))
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.CASE_UNKNOWN


def test_a_connection_that_is_refused_was_never_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = client_for(f"http://127.0.0.1:{port}/soap")
    assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, NotReached)
    client.close()


def test_a_name_that_nobody_knows_was_never_reached() -> None:
    client = client_for("http://no-such-host.invalid/soap")
    assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, NotReached)
    client.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        http(RESPONSE, length=len(RESPONSE) + 10),
        http(b"<html><body>502</body></html>", "502 Bad Gateway", "text/html"),
        http(b"<html><body>login</body></html>", "200 OK", "text/html"),
        http(b"", "202 Accepted"),
        http(b"", "302 Found\r\nLocation: http://127.0.0.1:1/"),
        http(RESPONSE, "500 Internal Server Error"),
        http(RESPONSE[:-20]),
        http(b"<" * (2 * 1024 * 1024)),
    ],
    ids=["cut", "no http", "torn", "html 502", "html 200", "empty", "moved", "odd status", "truncated", "endless"],
)
def test_anything_else_leaves_open_whether_the_message_arrived(answer: bytes) -> None:
    assert isinstance(ending_with(answer), Unanswered)


def test_silence_leaves_it_open() -> None:
    over = threading.Event()
    with rough_server(lambda _: over.wait(PATIENCE) and None) as address:
        client = client_for(address, answer_seconds=0.2)
        assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, Unanswered)
        over.set()
        client.close()


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Drip: ", b""],
    ids=["body", "header", "status line"],
)
def test_an_answer_that_drips_is_not_waited_for_endlessly(beginning: bytes) -> None:
    """Each byte comes in time; the whole answer does not."""
    left = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(beginning)
        for _ in range(int(PATIENCE / 0.05)):
            try:
                connection.sendall(b"H")
            except OSError:
                left.set()
                return
            left.wait(0.05)

    with rough_server(drip) as address:
        client = client_for(address, answer_seconds=0.3)
        assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, Unanswered)
        assert left.wait(PATIENCE / 2), "the caller went on waiting"
        client.close()


def test_how_long_an_answer_may_take_is_the_profile_s_to_say() -> None:
    over = threading.Event()
    with rough_server(lambda _: over.wait(PATIENCE) and None) as address:
        hasty = override(linked("http://127.0.0.1:1/", address), {"delivery.answer_timeout_seconds": 1})
        client = PlatformClient(hasty, SteeredClock(MONDAY))
        assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, Unanswered)
        assert not over.is_set()
        over.set()
        client.close()


def test_the_call_names_its_operation_and_type() -> None:
    heads: list[bytes] = []

    def note(connection: socket.socket) -> None:
        connection.sendall(http(RESPONSE))

    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            data = b""
            while b"</soap:Envelope>" not in data:
                data += connection.recv(65536)
            heads.append(data.partition(b"\r\n\r\n")[0])
            note(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    client = client_for(f"http://127.0.0.1:{listening.getsockname()[1]}/soap")
    delivered = client.deliver(Side.URBAN, HAND_OVER)
    thread.join(PATIENCE)
    client.close()
    listening.close()
    lines = heads[0].decode().lower().splitlines()
    assert 'soapaction: "urn:duijie:urban:1.0:deliverform"' in lines
    assert "content-type: text/xml; charset=utf-8" in lines
    assert delivered.answer == RESPONSE


def ports_of_three_calls() -> list[str]:
    ports: list[str] = []
    with Peer(Side.URBAN) as peer:
        serve = peer._serve

        def note(environ: dict[str, object], start_response: object) -> object:
            ports.append(str(environ["REMOTE_PORT"]))
            return serve(environ, start_response)

        peer._server._server.application = note
        client = client_for(peer.address)
        for _ in range(3):
            assert isinstance(client.deliver(Side.URBAN, HAND_OVER).ending, Answered)
        client.close()
    return ports


def test_connections_are_used_again() -> None:
    assert len(set(ports_of_three_calls())) == 1


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.transports.patience.IDLE_SECONDS", -1.0)
    assert len(set(ports_of_three_calls())) == 3


def test_what_is_kept_of_a_call_shows_no_password() -> None:
    with Peer(Side.URBAN) as peer:
        profile = override(
            linked("http://127.0.0.1:1/", peer.address),
            {"grid.password": "secret-of-grid", "grid.password_type": "text"},
        )
        client = PlatformClient(profile, SteeredClock(MONDAY))
        delivered = client.deliver(Side.URBAN, HAND_OVER)
        client.close()
        (request,) = peer.requests
    assert request.token is not None
    assert request.token.matches("secret-of-grid")
    assert b"secret-of-grid" not in delivered.sent
    assert b"wsse:Password" in delivered.sent


def test_digests_differ_from_call_to_call() -> None:
    with Peer(Side.URBAN) as peer:
        client = client_for(peer.address)
        client.deliver(Side.URBAN, HAND_OVER)
        client.deliver(Side.URBAN, HAND_OVER)
        client.close()
        nonces = {request.token.nonce for request in peer.requests if request.token}
    assert len(nonces) == 2
