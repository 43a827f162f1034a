"""Every cell of the table of who may call what (docs/access.md), tried over HTTP at running parties."""

import base64
import hashlib
import http.client
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from papers import Papers

import contracts
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PlatformProfile, Profile, Tls
from bridge.vocabulary.times import SHANGHAI
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.exits import UserMistake
from duijie.live import LiveStage
from duijie.processes import free_port
from duijie.serve import BridgeService, simulator_process

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 2, 9, 35, tzinfo=SHANGHAI)
TOKEN = "control-token-of-this-test"
#: Beside 127.0.0.1 for whoever guesses: a lock is by address.
GUESSER, BYSTANDER = "127.0.0.2", "127.0.0.3"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
TYPES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
OPERATIONS = {"form": "DeliverForm", "receipt": "DeliverReceipt", "query": "QueryCases"}
SAMPLES = {
    (Side.URBAN, "form"): "urban-DeliverForm-handOver.xml",
    (Side.URBAN, "receipt"): "urban-DeliverReceipt-confirmed.xml",
    (Side.URBAN, "query"): "urban-QueryCases.xml",
    (Side.GRID, "form"): "grid-DeliverForm-filingResult.xml",
    (Side.GRID, "receipt"): "grid-DeliverReceipt-confirmed.xml",
    (Side.GRID, "query"): "grid-QueryCases.xml",
}


# -- the table --------------------------------------------------------------------------------------------------------


def rows(heading: str) -> tuple[list[str], dict[str, list[str]]]:
    """The columns and the rows of a section's table, by the name in backticks."""
    section = PAGE.partition(f" · {heading}\n")[2].partition("\n## ")[0]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    head, _, *body = lines
    return head[1:], {re.findall("`([^`]+)`", line[0])[0]: line[1:] for line in body}


ADDRESSES, CALLERS = rows("The exchange's addresses")
ASKED, KNOCKERS = rows("The control ports")


def expected(cell: str, operation: str) -> str:
    """What the table says of an operation: `in`, or `in, query CODE` where one differs."""
    said, _, exception = cell.partition(", ")
    return exception.removeprefix(f"{operation} ") if exception.startswith(f"{operation} ") else said


# -- the parties ------------------------------------------------------------------------------------------------------


@dataclass
class Town:
    profile: Profile
    controls: dict[str, int]
    papers: Papers | None = None
    nonces: int = 0

    def place(self, address: str) -> tuple[str, Side]:
        """The URL behind a column of the table, and whose contract is spoken there."""
        if address.startswith("bridge/"):
            return f"{self.profile.bridge.endpoint}/{address.partition('/')[2]}", Side(address.partition("/")[2])
        return self.profile.platform(Side(address)).endpoint, Side(address)

    def nonce(self) -> bytes:
        self.nonces += 1
        return b"nonce %d" % self.nonces


def made(papers: Papers | None = None) -> Profile:
    scheme = "http" if papers is None else "https"

    def platform(side: Side) -> PlatformProfile:
        told = PlatformProfile(
            code=f"wuhu-{side.value}",
            endpoint=f"{scheme}://localhost:{free_port()}/soap",
            username=f"wuhu-{side.value}",
            password=f"{side.value}-password",
        )
        if papers is None:
            return told
        return replace(told, tls=papers.tls("localhost"), certificate_names=(f"{side.value}.city.example",))

    profile = Profile(name="access", grid=platform(Side.GRID), urban=platform(Side.URBAN))
    bridge = replace(
        profile.bridge,
        endpoint=f"{scheme}://localhost:{free_port()}",
        tls=None if papers is None else papers.tls("localhost"),
    )
    return replace(profile, bridge=bridge)


def town(folder: Path, papers: Papers | None) -> Iterator[Town]:
    profile = made(papers)
    profile = replace(profile, bridge=replace(profile.bridge, store=f"sqlite:///{folder / 'bridge.db'}"))
    controls = {name: free_port() for name in ("bridge", "grid", "urban")}
    services: list[Any] = [
        BridgeService(profile, control_port=controls["bridge"], started_at=NOW, control_token=TOKEN),
        *(
            simulator_process(
                side,
                profile,
                seed=1,
                quirks=Quirkiness(),
                control_port=controls[side.value],
                store=None,
                # Nobody is there: what the parties would send of their own is not looked at.
                link=f"http://127.0.0.1:{free_port()}/",
                started_at=NOW,
                control_token=TOKEN,
            )
            for side in Side
        ),
    ]
    started: list[Any] = []
    try:
        for service in services:
            service.start()
            started.append(service)
        yield Town(profile, controls, papers)
    finally:
        for service in started:
            service.stop()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    yield from town(tmp_path_factory.mktemp("plain"), None)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("sealed")
    yield from town(folder, Papers(folder))


# -- a call -----------------------------------------------------------------------------------------------------------


def digest(username: str, password: str, nonce: bytes, at: datetime = NOW) -> str:
    created = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    proof = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" soap:mustUnderstand="1"><wsse:UsernameToken>'
        f'<wsse:Username>{username}</wsse:Username><wsse:Password Type="{TYPES}#PasswordDigest">{proof}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce>"
        f'<wsu:Created xmlns:wsu="{WSU}">{created}</wsu:Created></wsse:UsernameToken></wsse:Security>'
    )


def text(username: str, password: str) -> str:
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}"><wsse:UsernameToken><wsse:Username>{username}</wsse:Username>'
        f'<wsse:Password Type="{TYPES}#PasswordText">{password}</wsse:Password></wsse:UsernameToken></wsse:Security>'
    )


def envelope(serves: Side, operation: str, token: str) -> bytes:
    sample = (contracts.SAMPLES / SAMPLES[serves, operation]).read_text(encoding="utf-8")
    written, count = re.subn(r"<wsse:Security.*</wsse:Security>", lambda _: token, sample, flags=re.DOTALL)
    assert count == 1
    return written.encode()


def post(url: str, body: bytes, *, source: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> str:
    """How the call ended: `in`, the code of the typed fault, or `no connection`."""
    parts = urlsplit(url)
    kind = http.client.HTTPConnection if tls is None else http.client.HTTPSConnection
    extra = {} if tls is None else {"context": tls}
    connection = kind(parts.hostname, parts.port, timeout=30, **extra)
    # `localhost` may have an address of another family, from which the sources above do not call.
    connection._create_connection = lambda _, *rest: socket.create_connection(  # type: ignore[attr-defined]
        ("127.0.0.1", parts.port), rest[0], (source, 0)
    )
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "text/xml; charset=utf-8"})
        response = connection.getresponse()
        said = response.read().decode()
    except (ssl.SSLError, ConnectionError):
        return "no connection"
    finally:
        connection.close()
    assert response.headers["Content-Type"].startswith("text/xml")
    code = re.search(r"<(?:\w+:)?code>([A-Z_]+)<", said.partition("Fault>")[2])
    assert (response.status == 200) == (code is None), said
    return "in" if code is None else code[1]


# -- the callers ------------------------------------------------------------------------------------------------------

Act = Callable[[Town, str, Side, str], str]
ACTS: dict[str, Act] = {}


def row(name: str) -> Callable[[Act], Act]:
    def noted(act: Act) -> Act:
        ACTS[name] = act
        return act

    return noted


def belongs(where: Town, serves: Side) -> PlatformProfile:
    return where.profile.platform(serves.other)


def with_token(make: Callable[[Town, PlatformProfile, PlatformProfile], str], **how: Any) -> Act:
    """A caller who differs by his token alone; `make` is given the account that belongs there, and the other one."""

    def act(where: Town, url: str, serves: Side, operation: str) -> str:
        token = make(where, belongs(where, serves), where.profile.platform(serves))
        return post(url, envelope(serves, operation, token), **how)

    return act


def right(where: Town, account: PlatformProfile, _other: PlatformProfile | None = None) -> str:
    return digest(account.username, account.password, where.nonce())


@row("grid account")
def as_the_grid_platform(where: Town, url: str, serves: Side, operation: str) -> str:
    return post(url, envelope(serves, operation, right(where, where.profile.grid)))


@row("urban account")
def as_the_urban_platform(where: Town, url: str, serves: Side, operation: str) -> str:
    return post(url, envelope(serves, operation, right(where, where.profile.urban)))


#: Wrong passwords come from addresses of their own, or the table would lock itself out.
ACTS |= {
    "password as text": with_token(lambda _, own, __: text(own.username, own.password)),
    "the other party's password": with_token(
        lambda where, own, other: digest(own.username, other.password, where.nonce()), source="127.0.0.4"
    ),
    "unknown account": with_token(
        lambda where, own, _: digest("nobody", own.password, where.nonce()), source="127.0.0.5"
    ),
    "no token": with_token(lambda *_: ""),
    "two tokens": with_token(lambda where, own, _: right(where, own) + right(where, own)),
    "token for another actor": with_token(
        lambda where, own, _: right(where, own).replace("<wsse:Security ", '<wsse:Security soap:actor="urn:proxy" ')
    ),
    "type of its own": with_token(
        lambda _, own, __: text(own.username, own.password).replace(f"{TYPES}#", "urn:vendor#")
    ),
    "digest without nonce": with_token(
        lambda where, own, _: re.sub("<wsse:Nonce>.*</wsse:Nonce>", "", right(where, own))
    ),
    "digest without moment": with_token(
        lambda where, own, _: re.sub("<wsu:Created .*</wsu:Created>", "", right(where, own))
    ),
    "stale digest": with_token(
        lambda where, own, _: digest(own.username, own.password, where.nonce(), NOW - timedelta(seconds=301))
    ),
    "digest of the future": with_token(
        lambda where, own, _: digest(own.username, own.password, where.nonce(), NOW + timedelta(seconds=301))
    ),
    "signature that must be understood": with_token(
        lambda where, own, _: right(where, own).replace(
            "<wsse:UsernameToken>", '<d:Signature xmlns:d="urn:d"/><wsse:UsernameToken>'
        )
    ),
    "another address meanwhile": with_token(right, source=BYSTANDER),
}


@row("the very same bytes again")
def as_an_echo(where: Town, url: str, serves: Side, operation: str) -> str:
    body = envelope(serves, operation, right(where, belongs(where, serves)))
    assert post(url, body) == "in"
    return post(url, body)


@row("used nonce over other bytes")
def as_a_replayer(where: Town, url: str, serves: Side, operation: str) -> str:
    body = envelope(serves, operation, right(where, belongs(where, serves)))
    assert post(url, body) == "in"
    return post(url, body.replace(b"</soap:Body>", b"</soap:Body><!-- mine -->"))


@row("locked-out address")
def as_somebody_who_guessed(where: Town, url: str, serves: Side, operation: str) -> str:
    own = belongs(where, serves)
    for _ in range(10):
        post(url, envelope(serves, operation, text(own.username, "guess")), source=GUESSER)
    return post(url, envelope(serves, operation, right(where, own)), source=GUESSER)


@row("header of the other party")
def as_a_platform_that_signs_for_the_other(where: Town, url: str, serves: Side, operation: str) -> str:
    body = envelope(serves, operation, right(where, belongs(where, serves))).decode()
    own, other = f"wuhu-{serves.other.value}", f"wuhu-{serves.value}"
    body = body.replace(f"<ex:sender>{own}<", f"<ex:sender>{other}<")
    # An id of its own: the bridge knows the sample's already, and answers a known one otherwise.
    fresh = f"urn:uuid:00000000-0000-4000-8000-{where.nonces:012}"
    return post(url, re.sub("<ex:messageId>[^<]*<", f"<ex:messageId>{fresh}<", body, count=1).encode())


def showing(make: Callable[[Papers, Side], Tls]) -> Act:
    """A caller with the right account who shows a certificate."""

    def act(where: Town, url: str, serves: Side, operation: str) -> str:
        assert where.papers is not None
        tls = make(where.papers, serves.other)
        context = ssl.create_default_context(cafile=tls.authorities)
        if tls.client_certificate is not None:
            context.load_cert_chain(tls.client_certificate, tls.client_key)
        return post(url, envelope(serves, operation, right(where, belongs(where, serves))), tls=context)

    return act


CERTIFICATES: dict[str, Act] = {
    "own certificate": showing(lambda papers, side: papers.tls(f"{side.value}.city.example")),
    "certificate of the other party": showing(lambda papers, side: papers.tls(f"{side.other.value}.city.example")),
    "no certificate": showing(lambda papers, _: papers.tls("x", client_certificate=None, client_key=None)),
    "certificate of strangers": showing(
        lambda papers, side: papers.showing(papers.of_strangers(f"{side.value}.city.example"))
    ),
    "expired certificate": showing(lambda papers, side: papers.showing(papers.expired(f"{side.value}.city.example"))),
    "http to the TLS port": lambda where, url, serves, operation: post(
        url.replace("https:", "http:"), envelope(serves, operation, right(where, belongs(where, serves)))
    ),
}


# -- the cells --------------------------------------------------------------------------------------------------------


def test_the_table_names_the_callers_that_are_tried_and_no_others() -> None:
    assert set(CALLERS) == set(ACTS) | set(CERTIFICATES)
    assert ADDRESSES == ["bridge/urban", "bridge/grid", "urban", "grid"]
    assert set(KNOCKERS) == set(KNOCKS)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("who", ACTS)
def test_a_caller_at_an_address_ends_as_the_table_says(plain: Town, who: str, address: str) -> None:
    assert_as_the_table_says(plain, who, address, ACTS[who])


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("who", CERTIFICATES)
def test_a_certificate_at_an_address_ends_as_the_table_says(sealed: Town, who: str, address: str) -> None:
    assert_as_the_table_says(sealed, who, address, CERTIFICATES[who])


def assert_as_the_table_says(where: Town, who: str, address: str, act: Act) -> None:
    cell = CALLERS[who][ADDRESSES.index(address)]
    url, serves = where.place(address)
    found = {operation: act(where, url, serves, operation) for operation in OPERATIONS}
    assert found == {operation: expected(cell, operation) for operation in OPERATIONS}


def test_a_recorded_pair_says_that_it_does_not_speak_tls(tmp_path: Path) -> None:
    profile = made(Papers(tmp_path))
    with pytest.raises(UserMistake, match="these addresses are https: grid, bridge, urban"):
        LiveStage(profile, Wiring.BRIDGED, folder=tmp_path)


# -- control ports ----------------------------------------------------------------------------------------------------

KNOCKS: dict[str, dict[str, str]] = {
    "own token": {"Authorization": f"Bearer {TOKEN}"},
    "no token": {},
    "wrong token": {"Authorization": "Bearer guess"},
    "token without its word": {"Authorization": TOKEN},
    "platform's password": {"Authorization": "Basic " + base64.b64encode(b"wuhu-grid:grid-password").decode()},
    "own token, another host": {"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"},
    "asked first by a browser": {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
}


@pytest.mark.parametrize("party", ["bridge", "grid", "urban"])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("who", KNOCKS)
def test_a_knock_at_a_control_port_ends_as_the_table_says(plain: Town, who: str, asked: str, party: str) -> None:
    cell = KNOCKERS[who][ASKED.index(asked)]
    method, path = asked.strip("`").split()
    if party == "bridge" and path in ("/health", "/openapi.json"):
        # The bridge's are elsewhere, or not at all; whoever may ask is told so.
        cell = "401" if cell == "in" and who != "own token" else cell
    if who == "asked first by a browser":
        method = "OPTIONS"
    connection = http.client.HTTPConnection("127.0.0.1", plain.controls[party], timeout=30)
    body = json.dumps({"to": NOW.isoformat()}) if method == "POST" else None
    connection.request(method, path, body, {"Content-Type": "application/json", **KNOCKS[who]})
    response = connection.getresponse()
    said = response.read().decode()
    connection.close()
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]
    if cell == "in":
        assert response.status not in (401, 403), said
        return
    assert str(response.status) == cell
    assert set(json.loads(said)) == {"code", "message_zh", "message_en"}
    assert TOKEN not in said
