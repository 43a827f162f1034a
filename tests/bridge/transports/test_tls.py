"""The bridge speaks TLS with the right party, and with nobody else."""

import http.client
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from papers import Papers
from sample_forms import MONDAY, PROFILE, form, message
from test_endpoint import HAND_OVER

from bridge.runtime import BridgeProcess, bridge_main
from bridge.settings import ProfileInvalid, profile_from_mapping, profile_to_mapping
from bridge.stores.memory import MemoryStore
from bridge.transports.client import PlatformClient
from bridge.transports.clock import SteeredClock
from bridge.transports.server import HttpServer
from bridge.transports.tls import PEER_NAMES, TlsUnusable, client_context, server_context
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile, Tls

HOST = "localhost"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def facing(address: str, tls: Tls | None) -> Profile:
    """The profile of a platform that calls the bridge at this address with these certificates."""
    return replace(
        PROFILE,
        urban=replace(PROFILE.urban, endpoint=f"{address}/urban"),
        bridge=replace(PROFILE.bridge, tls=tls),
    )


@pytest.fixture(scope="module")
def bridge(papers: Papers) -> Iterator[BridgeProcess]:
    profile = replace(
        PROFILE,
        grid=replace(PROFILE.grid, certificate_names=("grid.city.example",)),
        urban=replace(PROFILE.urban, certificate_names=("urban.city.example",)),
        bridge=replace(PROFILE.bridge, endpoint=f"https://{HOST}:0", tls=papers.tls(HOST)),
    )
    process = BridgeProcess(profile, MemoryStore(), SteeredClock(MONDAY))
    process.start()
    yield process
    process.stop()


def call(address: str, tls: Tls | None, given: Any = HAND_OVER) -> Ending:
    client = PlatformClient(facing(address, tls), SteeredClock(MONDAY))
    try:
        return client.deliver(Side.URBAN, given).ending
    finally:
        client.close()


# Who comes in


def test_the_platform_with_its_certificate_comes_in(bridge: BridgeProcess, papers: Papers) -> None:
    assert bridge.address.startswith("https://localhost:")
    assert call(bridge.address, papers.tls("grid.city.example")) == Answered()


def test_the_urban_platforms_certificate_cannot_call_as_the_grid_platform(
    bridge: BridgeProcess, papers: Papers
) -> None:
    ending = call(bridge.address, papers.tls("urban.city.example"))
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.NOT_AUTHORISED


OUTSIDERS: dict[str, tuple[Callable[[Papers], Tls], str]] = {
    "no certificate": (
        lambda p: p.tls("x", client_certificate=None, client_key=None),
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    ),
    "another authority's": (
        lambda p: p.showing(p.of_strangers("grid.city.example")),
        "certificate: ",
    ),
    "an expired one": (
        lambda p: p.showing(p.expired("grid.city.example")),
        "certificate: certificate has expired",
    ),
}


@pytest.mark.parametrize("who", OUTSIDERS)
def test_whoever_shows_no_certificate_of_ours_surely_does_not_get_in(
    bridge: BridgeProcess,
    papers: Papers,
    who: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls, reason = OUTSIDERS[who]
    before = len(bridge.store.read_journal())
    monkeypatch.setattr(logging.getLogger("duijie.bridge"), "propagate", True)
    with caplog.at_level(logging.WARNING, "duijie.bridge"):
        ending = call(bridge.address, tls(papers))
        # The caller may know before the line is written.
        for _ in range(500):
            refused = [record for record in caplog.records if record.getMessage() == "tls.refused"]
            if refused:
                break
            threading.Event().wait(0.01)
    assert isinstance(ending, NotReached), ending
    assert [record.fields["reason"].startswith(reason) for record in refused] == [True]  # type: ignore[attr-defined]
    assert len(bridge.store.read_journal()) == before


def test_plain_http_to_the_tls_port_is_told_so_in_soap(bridge: BridgeProcess) -> None:
    ending = call(bridge.address.replace("https", "http"), None)
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.NOT_AUTHORISED
    assert "https" in ending.fault.message_en


# Whom we call


@pytest.mark.parametrize(
    ("host", "changes"),
    [("127.0.0.1", {}), (HOST, {"authorities": "other-ca.pem"}), (HOST, {"authorities": None})],
    ids=["another host name", "another authority", "the machine's authorities alone"],
)
def test_a_service_that_cannot_prove_who_it_is_gets_nothing(
    bridge: BridgeProcess, papers: Papers, host: str, changes: dict[str, str | None]
) -> None:
    named = {key: value and str(papers.folder / value) for key, value in changes.items()}
    ending = call(bridge.address.replace(HOST, host), papers.tls("grid.city.example", **named))
    assert isinstance(ending, NotReached)
    assert "CERTIFICATE_VERIFY_FAILED" in ending.detail


def test_old_versions_of_tls_are_refused(bridge: BridgeProcess, papers: Papers) -> None:
    context = client_context(papers.tls("grid.city.example"))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((HOST, bridge._server.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=HOST)


# The server keeps to its ways


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def echo(papers: Papers, request: pytest.FixtureRequest) -> Iterator[Callable[[], http.client.HTTPSConnection]]:
    """A service that gives back what it gets, and says who asks."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        said = json.dumps([sorted(environ[PEER_NAMES]), environ["wsgi.url_scheme"], environ["REMOTE_ADDR"]])
        start("200 OK", [("Content-Length", str(len(body))), ("X-Said", said)])
        return [body]

    server = HttpServer(
        app,
        "127.0.0.1",
        0,
        threads=2,
        body_bytes=1 << 22,
        refusal=lambda status, _: ("text/xml", f"<refused>{status}</refused>".encode()),
        tls=server_context(papers.tls(HOST)),
    )
    server.start()
    context = client_context(papers.tls("grid.city.example"))
    context.maximum_version = request.param

    def connect() -> http.client.HTTPSConnection:
        # The certificate is of the host's name; the address is looked up by the test alone.
        connection = http.client.HTTPSConnection(HOST, server.port, context=context, timeout=20)
        connection._create_connection = lambda _, *rest: socket.create_connection(("127.0.0.1", server.port), *rest)  # type: ignore[attr-defined]
        return connection

    yield connect
    server.stop()


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 3_000_000])
def test_bodies_of_every_size_go_both_ways(echo: Callable[[], http.client.HTTPSConnection], size: int) -> None:
    connection = echo()
    for _ in range(2):
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        connection.request("POST", "/", body)
        response = connection.getresponse()
        assert response.read() == body
        assert json.loads(response.headers["X-Said"]) == [["grid.city.example"], "https", "127.0.0.1"]
    connection.close()


def test_chunked_requests_are_taken(echo: Callable[[], http.client.HTTPSConnection]) -> None:
    connection = echo()
    connection.request("POST", "/", iter([b"a" * 5, b"b" * 40000]), encode_chunked=True)
    assert connection.getresponse().read() == b"a" * 5 + b"b" * 40000
    connection.close()


def test_a_request_that_is_too_heavy_is_refused_as_without_tls(echo: Callable[[], http.client.HTTPSConnection]) -> None:
    connection = echo()
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(1 << 23))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.read()) == (413, b"<refused>413</refused>")
    connection.close()


def test_callers_who_say_nothing_hold_nobody_up(echo: Callable[[], http.client.HTTPSConnection]) -> None:
    silent = [socket.create_connection(("127.0.0.1", echo().port)) for _ in range(20)]
    half = socket.create_connection(("127.0.0.1", echo().port))
    half.send(b"\x16\x03\x01")
    try:
        connection = echo()
        connection.request("POST", "/", b"here")
        assert connection.getresponse().read() == b"here"
        connection.close()
    finally:
        for each in (*silent, half):
            each.close()


def test_many_callers_at_once_get_each_their_own_answer(echo: Callable[[], http.client.HTTPSConnection]) -> None:
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        connection = echo()
        connection.request("POST", "/", b"%d" % number * 50_000)
        answers[number] = connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: b"%d" % number * 50_000 for number in range(10)}


# What is wrong is said at the start


def test_files_that_cannot_be_used_are_one_sentence_each(papers: Papers, tmp_path: Path) -> None:
    good = papers.tls(HOST)
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("hello")
    sealed = tmp_path / "sealed.pem"
    sealed.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    wrong = {
        "cannot be read: No such file": replace(good, key=str(tmp_path / "missing.key")),
        "cannot be read: Is a directory": replace(good, certificate=str(tmp_path)),
        "does not belong to": replace(good, key=papers.of("somebody.else")[1]),
        "is no PEM file": replace(good, certificate=str(rubbish)),
        "is encrypted": replace(good, key=str(sealed)),
        "holds no PEM certificate": replace(good, client_authorities=str(rubbish)),
    }
    for said, tls in wrong.items():
        with pytest.raises(TlsUnusable, match=said):
            server_context(tls)
    with pytest.raises(TlsUnusable, match="does not belong to"):
        client_context(replace(good, client_key=papers.of("somebody.else")[1]))


def test_a_bridge_that_lacks_its_key_does_not_start_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = profile_to_mapping(PROFILE)
    mapping["bridge"] |= {
        "endpoint": "https://localhost:0",
        "store": f"sqlite:///{tmp_path / 'bridge.db'}",
        "tls": {"certificate": str(tmp_path / "none.pem"), "key": str(tmp_path / "none.key")},
    }
    path = tmp_path / "city.yaml"
    path.write_text(json.dumps(mapping, ensure_ascii=False), encoding="utf-8")
    assert bridge_main(path) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "none.pem" in said


@pytest.mark.parametrize(
    ("party", "changes", "said"),
    [
        ("bridge", {"endpoint": "https://a/", "tls": {"certificate": "a.pem"}}, "key is missing beside it"),
        (
            "bridge",
            {"endpoint": "https://a/", "tls": {"client_key": "a.key"}},
            "client_certificate is missing beside it",
        ),
        (
            "bridge",
            {"endpoint": "https://a/", "tls": {"client_authorities": "ca.pem"}},
            "certificate is missing beside it",
        ),
        ("bridge", {"endpoint": "http://a/", "tls": {"certificate": "a.pem", "key": "a.key"}}, "has an https address"),
        ("grid", {"certificate_names": ["grid"]}, "nobody asks callers for one"),
    ],
)
def test_sections_that_do_not_fit_together_are_mistakes(party: str, changes: dict[str, Any], said: str) -> None:
    mapping = profile_to_mapping(PROFILE)
    mapping[party] |= changes
    with pytest.raises(ProfileInvalid, match=said):
        profile_from_mapping(mapping)


def test_a_second_form_goes_over_the_same_connection(bridge: BridgeProcess, papers: Papers) -> None:
    client = PlatformClient(facing(bridge.address, papers.tls("grid.city.example")), SteeredClock(MONDAY))
    try:
        for number in (11, 12):
            given = message(Side.GRID, form(FormType.HAND_OVER, f"340202-20260302-{number:06}"), number)
            assert client.deliver(Side.URBAN, given).ending == Answered()
    finally:
        client.close()
