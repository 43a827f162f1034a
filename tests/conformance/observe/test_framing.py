"""The proxy's reader finds where messages begin and end, however the bytes fall, and keeps every byte."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.observe.framing import Body, End, Framing, FramingLost, Head

REQUESTS = (
    b"POST /soap HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    b"\r\nGET /soap?wsdl HTTP/1.1\r\nHost: a\r\n\r\n"
    b"POST /soap HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    b"HEAD / HTTP/1.0\n\n"
)
RESPONSES = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
    b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    b"HTTP/1.1 500 X\r\n\r\nuntil the end"
)


def read(data: bytes, cuts: list[int], *, responses: bool) -> tuple[list[tuple[str, bytes]], bytes]:
    framing = Framing(responses=responses)
    if responses:
        framing.bodiless.extend([False, False, True, False, False])
    messages: list[tuple[str, bytes]] = []
    raw = b""
    marks = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [piece for begin, end in itertools.pairwise(marks) for piece in framing.feed(data[begin:end])]
    for piece in [*pieces, *framing.close()]:
        if isinstance(piece, Head):
            raw += piece.raw
            messages.append((piece.first_line, b""))
        elif isinstance(piece, Body):
            raw += piece.raw
            messages[-1] = messages[-1][0], messages[-1][1] + piece.content
        else:
            assert isinstance(piece, End)
            messages[-1] = f"{messages[-1][0]} .", messages[-1][1]
    return messages, raw


CUTS = st.lists(st.integers(0, 400), max_size=30)


@given(CUTS)
def test_requests_are_told_apart_wherever_the_line_cuts_them(cuts):
    messages, raw = read(REQUESTS, cuts, responses=False)

    assert raw == REQUESTS
    assert messages == [
        ("POST /soap HTTP/1.1 .", b"hello"),
        ("GET /soap?wsdl HTTP/1.1 .", b""),
        ("POST /soap HTTP/1.1 .", b"hello world"),
        ("HEAD / HTTP/1.0 .", b""),
    ]


@given(CUTS)
def test_responses_are_told_apart_wherever_the_line_cuts_them(cuts):
    messages, raw = read(RESPONSES, cuts, responses=True)

    assert raw == RESPONSES
    assert messages == [
        ("HTTP/1.1 100 Continue", b""),
        ("HTTP/1.1 200 OK .", b"ab"),
        ("HTTP/1.1 204 No Content .", b""),
        ("HTTP/1.1 200 OK .", b""),
        ("HTTP/1.1 200 OK .", b"ab"),
        ("HTTP/1.1 500 X .", b"until the end"),
    ]


@pytest.mark.parametrize(
    ("data", "responses"),
    [
        (b"\x16\x03\x01 a TLS hello", False),
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", False),
        (b"PRI * HTTP/2.0\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n", False),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", True),
        (b"SSH-2.0-OpenSSH\r\n\r\n", True),
        (b"x" * 300_000, False),
    ],
)
def test_what_is_no_http_is_given_up_aloud_and_without_losing_a_byte(data, responses):
    framing = Framing(responses=responses)
    passed = b""

    def read_on() -> None:
        nonlocal passed
        for piece in framing.feed(data):
            passed += piece.raw if not isinstance(piece, End) else b""

    with pytest.raises(FramingLost):
        read_on()

    assert passed + framing.rest == data
