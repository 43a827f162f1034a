"""Requests that mean harm are refused by every party with little work, nothing fetched, and nothing changed.

How long each takes and how much memory it costs is measured by `tests/fuzz/measure_attacks.py`; here is asserted what does
not depend on the machine: the refusal, the books, what was fetched, and how far the readers went.
"""

import socket
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import readers
from attacks import ATTACKS, zeros
from awkward import SAMPLES
from lxml import etree
from parties import DOORS, PARTIES, SMALL, Bridge
from wsgi_requests import XML, Request

import bridge.wire.envelope
import simulators.exchange.incoming
from bridge.transports.endpoint import _unzipped
from bridge.vocabulary.parties import Side
from simulators.exchange.soap import _digest_of

WEIGHT = SMALL.limits.message_bytes
SECRET = "root:x:0:0:the content of the file"

#: Memory that Python itself holds at a time, for each byte of the bound on a message. A text in Python has up to four bytes a
#: character, and is for moments there as text, as bytes and as pieces.
FOLD = 16


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path.as_uri()


class Watched:
    """A port that nobody may come to."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}/x.dtd"
        self.visitors = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.is_set():
            try:
                connection, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.visitors += 1
            connection.close()

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self._listening.close()


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    port = Watched()
    yield port
    port.close()


@pytest.mark.parametrize(("party", "side"), DOORS)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_a_code_and_changes_nothing(
    name: str, party: str, side: Side, file: str, watched: Watched
) -> None:
    attack = ATTACKS[name]
    request = attack.request(SAMPLES[side], WEIGHT, file=file, http=watched.address)
    # The bridge must not know the form yet that an attack bends.
    ours = Bridge(SMALL, before=SAMPLES[side].form) if party == "bridge" else PARTIES[party](SMALL)
    try:
        before = ours.books()
        tracemalloc.start()
        outcome = ours.call(side, request)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        readers.assert_soap(outcome.reply)
        assert SECRET not in outcome.reply.body.decode()
        assert len(outcome.reply.body) < 20_000
        if attack.told:
            assert outcome.refused, outcome
            assert outcome.codes <= attack.told, outcome.codes
        if outcome.refused:
            assert ours.books() == before
        assert peak < FOLD * WEIGHT, peak
    finally:
        tracemalloc.stop()
        ours.close()
    assert watched.visitors == 0


READERS = {"bridge": bridge.wire.envelope, "simulators": simulators.exchange.incoming}

#: Attacks that are to be seen through before any parser is asked.
UNPARSED = (
    *("a billion laughs", "an entity repeated without end", "an entity from a file", "a parameter entity"),
    *("a document type behind comments", "a flood of elements", "a flood of attributes", "a flood of namespaces"),
    *("a nest without end", "a nest that never closes", "halves of characters without end", "references without end"),
    *("comments without end", "comments before the root", "instructions without end", "instructions before the root"),
    *(
        "CDATA without end",
        "a zip bomb",
        "a zip bomb in many members",
        "parts without number",
        "a zip bomb that is cut off",
    ),
)


@pytest.mark.parametrize("name", UNPARSED)
@pytest.mark.parametrize("reader", READERS)
def test_no_parser_is_asked_about_what_can_be_seen_without_one(
    reader: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(*_: Any, **__: Any) -> None:
        raise AssertionError("the parser was asked")

    request = ATTACKS[name].request(SAMPLES[Side.URBAN], WEIGHT)
    monkeypatch.setattr(READERS[reader].etree, "fromstring", parsed)
    with pytest.raises((bridge.wire.Malformed, simulators.exchange.incoming.Unreadable)):
        PARSE[reader](request)


def parsed_by_bridge(request: Request) -> None:
    data = _unzipped(request.body, WEIGHT) if request.headers else request.body
    data, kind = bridge.wire.unpacked(data, request.content_type, WEIGHT)
    bridge.wire.parse_request(data, kind, Side.URBAN, SMALL.limits)


def parsed_by_simulators(request: Request) -> None:
    coding = request.headers.get("Content-Encoding", "")
    body = simulators.exchange.incoming.uncompressed(request.body, coding, WEIGHT)
    body, kind = simulators.exchange.incoming.unpacked(body, request.content_type or "", WEIGHT)
    simulators.exchange.incoming.parse(body, kind)


PARSE = {"bridge": parsed_by_bridge, "simulators": parsed_by_simulators}


PACKED = [name for name, attack in ATTACKS.items() if attack.request(SAMPLES[Side.URBAN], WEIGHT).headers]


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize(("party", "side"), DOORS)
def test_nothing_is_unfolded_beyond_the_bound(
    name: str, party: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ATTACKS[name].request(SAMPLES[side], WEIGHT)
    unfolded = 0
    real = zlib.decompressobj

    class Counting:
        def __init__(self, *given: Any, **named: Any):
            self._real = real(*given, **named)

        def decompress(self, data: bytes, most: int = 0) -> bytes:
            nonlocal unfolded
            assert most, "without a bound"
            piece = self._real.decompress(data, most)
            unfolded += len(piece)
            return piece

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    read = readers.by_bridge if party == "bridge" else readers.by_simulator
    _, reply = read(side, request)
    assert reply.fault_code in ("SCHEMA_INVALID", "LIMIT_EXCEEDED")
    assert 0 <= unfolded <= WEIGHT + 1


def test_a_password_that_never_closes_is_looked_for_once() -> None:
    # A comment may hold what looks like many: the time to look must not grow with their number times the weight.
    opened = b"<!--" + b"<Password>" * 15_000 + b"-->"
    blanked = bridge.wire.without_credentials(b"<a><wsse:Password T='x'>secret</wsse:Password>" + opened + b"</a>")
    assert blanked == b"<a><wsse:Password T='x'>***</wsse:Password>" + opened + b"</a>"


def test_bodies_are_told_apart_whatever_their_prefixes() -> None:
    def digest(text: str) -> str:
        return _digest_of(etree.fromstring(text))

    assert digest("<a xmlns='u'><b>c</b></a>") == digest("<p:a xmlns:p='u'><p:b>c</p:b></p:a>")
    bodies = [
        "<a><b>c</b></a>",
        "<a><b/>c</a>",
        "<a>c<b/></a>",
        "<a b='c'/>",
        "<a><b c=''/></a>",
        "<a xmlns='u'><b>c</b></a>",
    ]
    assert len({digest(body) for body in bodies}) == len(bodies)


def test_the_bombs_are_bombs() -> None:
    # A bomb that does not go off proves nothing.
    assert zlib.decompress(zeros(1 << 22), wbits=31) == b" " * (1 << 22)
    assert len(zeros(200 << 20)) < 1 << 20


@pytest.mark.parametrize(("party", "side"), DOORS)
def test_a_message_at_the_bounds_is_taken(party: str, side: Side) -> None:
    """The bounds are beyond what honest systems send: old Java's references for every letter, and many attachments."""
    sample = SAMPLES[side]
    words = "垃" * (2_000 if side is Side.URBAN else 500)
    text = sample.speaking("".join(f"&#{ord(one)};" for one in words))
    start, end = text.index("<ex:attachments>"), text.index("</ex:attachments>") + len("</ex:attachments>")
    text = text[:start] + text[start:end] * 20 + text[end:]
    read = readers.by_bridge if party == "bridge" else readers.by_simulator
    reading, reply = read(side, Request(text.encode("ascii", "xmlcharrefreplace"), XML))
    assert reply.status == 200, reply.body.decode()
    assert reading.refused == []
    ((form,),) = [[message.form] for message in reading.taken]  # type: ignore[union-attr]
    assert getattr(form, sample.words[1]) == words
    assert len(form.attachments) == 20
