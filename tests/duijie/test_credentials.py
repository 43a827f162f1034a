"""Passwords, digests, nonces and tokens are written nowhere: neither by a busy day nor by everything that can go wrong."""

import base64
import http.client
import json
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_access import NOW, envelope, text

from bridge.core.errors import StoreUnavailable
from bridge.settings import ProfileInvalid, load_profile, profile_from_mapping, profile_to_mapping
from bridge.stores.sole import Claim
from bridge.stores.sql import SqlStore
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import PasswordType, Profile
from conformance.scenario.profile import base_profile
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.live import LiveStage
from duijie.serve import BridgeService, simulator_process
from duijie.taps import Tap
from simulators.process import _listening

SECRETS = {"grid": "grid-sEcret-4711", "urban": "urban-sEcret-4712"}
GUESS = "guessed-sEcret-4713"
CONTROL = "control-sEcret-4714"
IN_TOKEN = re.compile(rb"<(?:[^<>\s:/]+:)?(?:Password|Nonce)(?:\s[^>]*)?>([^<]{8,})</")


@dataclass
class Town:
    profile: Profile
    folder: Path
    bridge: BridgeService
    grid: Any
    urban: Any
    #: What the parties put over their calls.
    proofs: set[bytes] = field(default_factory=set)
    said: list[str] = field(default_factory=list)


@pytest.fixture(params=list(PasswordType))
def town(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Town]:
    from duijie.processes import free_port

    profile = base_profile()
    parts = {
        side.value: replace(
            profile.platform(side),
            endpoint=f"http://127.0.0.1:{free_port()}/soap",
            password=SECRETS[side.value],
            password_type=request.param,
        )
        for side in Side
    }
    bridge = replace(
        profile.bridge,
        endpoint=f"http://127.0.0.1:{free_port()}",
        store=f"sqlite:///{tmp_path / 'bridge.db'}",
    )
    profile = replace(profile, bridge=bridge, **parts)
    for logger in ("duijie.bridge", "waitress"):
        monkeypatch.setattr(logging.getLogger(logger), "propagate", True)
    caplog.set_level(logging.DEBUG)
    made = BridgeService(profile, control_port=free_port(), started_at=None, control_token=CONTROL)
    grid, urban = (
        simulator_process(
            side,
            profile,
            seed=1,
            quirks=Quirkiness(),
            control_port=free_port(),
            store=tmp_path / f"{side.value}.log.db",
            link=f"{bridge.endpoint}/{side.other.value}",
            started_at=None,
            control_token=CONTROL,
        )
        for side in Side
    )
    here = Town(profile, tmp_path, made, grid, urban)
    _note_proofs(monkeypatch, here.proofs)
    for service in (made, grid, urban):
        service.start()
    yield here
    for service in (grid, urban, made):
        service.stop()


def _note_proofs(monkeypatch: pytest.MonkeyPatch, proofs: set[bytes]) -> None:
    """Listen to everything that crosses, as only a test may."""
    send = http.client.HTTPConnection.send

    def noting(self: http.client.HTTPConnection, data: Any) -> None:
        if isinstance(data, bytes):
            proofs.update(IN_TOKEN.findall(data))
        send(self, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", noting)
    from bridge.transports import client

    build = client.build_request

    def building(*given: Any) -> bytes:
        made = build(*given)
        proofs.update(IN_TOKEN.findall(made))
        return made

    monkeypatch.setattr(client, "build_request", building)


def post(url: str, body: bytes, content_type: str = "text/xml; charset=utf-8", source: str = "127.0.0.1") -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30, source_address=(source, 0))
    connection.request("POST", parts.path, body, {"Content-Type": content_type})
    said = connection.getresponse().read().decode()
    connection.close()
    return said


def control(service: Any, method: str, path: str, body: Any = None) -> Any:
    port = service._control_port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        method,
        path,
        None if body is None else json.dumps(body),
        {"Authorization": f"Bearer {CONTROL}", "Content-Type": "application/json"},
    )
    said = connection.getresponse().read().decode()
    connection.close()
    return json.loads(said)


def wait_for(condition: Any) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to that")


def busy(town: Town) -> None:
    """A case crosses; strangers, replays, torn and hostile messages, acts that are refused."""
    case = town.grid.act("worker.report", {"category": "01", "subcategory": "02", "description": "垃圾"})["case"]
    town.grid.act("workstation.hand_over", {"case": case})
    wait_for(lambda: any(form["state"] == "confirmed" for form in town.grid.ask("forms", {"case": case})))
    for url, serves in places(town):
        account = town.profile.platform(serves.other)
        right = envelope(serves, "form", text(account.username, account.password))
        for body, content_type in (
            (envelope(serves, "form", text(account.username, GUESS)), "text/xml"),
            (envelope(serves, "form", text(GUESS, account.password)), "text/xml"),
            (right, "text/xml"),
            (right.replace(b"</soap:Envelope>", b""), "text/xml"),
            (right.replace(b"<ex:messageId>", b"<ex:messageId>x"), "text/xml"),
            (right.replace(b"Header>", b"Head>"), "text/xml"),
            (right.decode().encode("utf-16"), "text/xml; charset=utf-16"),
            (right.replace(b"wsse:Password", "wsse:密码".encode()), "text/xml"),
            (right, "multipart/related; boundary=x"),
            (b"<!DOCTYPE x>" + right, "text/xml"),
        ):
            town.said.append(post(url, body, content_type))
        for _ in range(12):
            town.said.append(post(url, envelope(serves, "query", text(account.username, GUESS))))
    for service, acts in ((town.bridge, "bridge.release"), (town.grid, "worker.report"), (town.urban, "x")):
        town.said.append(json.dumps(control(service, "POST", f"/acts/{acts}", {"reason": "x"})))
        for asked in ("cases", "journal", "notices", "outbox", "parked", "forms", "forms_received", "accounts"):
            town.said.append(json.dumps(control(service, "GET", f"/asks/{asked}?case={case}")))
            town.said.append(json.dumps(control(service, "GET", f"/asks/{asked}")))
    # The store is gone for a moment, a platform for longer.
    town.urban.stop()
    town.grid.act("worker.report", {"category": "01", "subcategory": "02", "description": "又一处"})
    store = town.bridge._store
    begin = store.begin

    def fail() -> Any:
        raise StoreUnavailable("no room")

    store.begin = fail
    for url, serves in places(town)[:2]:
        account = town.profile.platform(serves.other)
        for operation in ("query", "form"):
            # From elsewhere: this address is locked out by now.
            body = envelope(serves, operation, text(account.username, account.password))
            town.said.append(post(url, body, source="127.0.0.9"))
    store.begin = begin
    town.urban.start()


def places(town: Town) -> list[tuple[str, Side]]:
    at_bridge = [(f"{town.profile.bridge.endpoint}/{side.value}", side) for side in Side]
    return at_bridge + [(town.profile.platform(side).endpoint, side) for side in Side]


def test_after_a_busy_day_no_file_log_answer_or_repr_holds_a_credential(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    busy(town)
    wait_for(lambda: town.bridge._process.is_quiet())
    town.bridge._store._engine.dispose()
    secrets = {each.encode() for each in (*SECRETS.values(), GUESS, CONTROL)} | town.proofs
    assert len(town.proofs) >= (4 if town.profile.grid.password_type is PasswordType.DIGEST else 2)
    written = {path.name: path.read_bytes() for path in town.folder.iterdir()}
    assert sum(len(content) for content in written.values()) > 50_000
    written |= {
        "log": caplog.text.encode(),
        "records": repr([vars(record) for record in caplog.records]).encode(),
        "answers": "".join(town.said).encode(),
        "repr": repr([town.profile, town.bridge, town.grid, vars(town.bridge), vars(town.grid)]).encode(),
    }
    assert b"NOT_AUTHENTICATED" in written["answers"]
    assert b"ACCOUNT_LOCKED" in written["answers"]
    assert b"BUSY" in written["answers"]
    found = [
        (name, secret)
        for name, content in written.items()
        for secret in secrets
        for form in forms(secret)
        if form in content
    ]
    # The control token is an attribute of its process, which nobody shows.
    assert [each for each in found if each != ("repr", CONTROL.encode())] == []


def forms(secret: bytes) -> list[bytes]:
    """How a secret may hide: as it is, in base64, in UTF-16."""
    return [secret, base64.b64encode(secret)[:-4], secret.decode().encode("utf-16-le")]


def test_the_trace_of_a_recorded_run_holds_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: set[bytes] = set()
    exchange = Tap.exchange

    def noting(self: Tap, request: Any) -> Any:
        proofs.update(IN_TOKEN.findall(request.body))
        return exchange(self, request)

    monkeypatch.setattr(Tap, "exchange", noting)
    stage = LiveStage(base_profile(), Wiring.BRIDGED, folder=tmp_path)
    try:
        case = stage.act(Party.GRID, "worker.report", {"category": "01", "subcategory": "02", "description": "垃圾"})[
            "case"
        ]
        stage.act(Party.GRID, "workstation.hand_over", {"case": case})
        stage.settle()
        asked = stage.ask(Party.BRIDGE, "journal", {"case": case})
        trace = json.dumps(stage.trace.records, ensure_ascii=False, default=str)
    finally:
        stage.close()
    assert len(proofs) >= 8
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written |= {"trace": trace.encode(), "journal": json.dumps(asked).encode()}
    passwords = {stage.profile.platform(side).password.encode() for side in Side}
    assert len(written) >= 5
    assert [
        (name, secret) for name, content in written.items() for secret in proofs | passwords if secret in content
    ] == []


WRONG_PROFILES: dict[str, dict[str, Any]] = {
    "a password that is a number": {"grid": {"password": 47114711}},
    "a password that is a list": {"urban": {"password": ["sEcret-47"]}},
    "a password that is too long": {"urban": {"password": "sEcret-47" * 30}},
    "a store that is none": {"bridge": {"store": "postgres://duijie:sEcret-47@db/duijie"}},
    "a store of another kind": {"bridge": {"store": 47114711}},
}


@pytest.mark.parametrize("what", WRONG_PROFILES)
def test_a_profile_that_is_wrong_is_told_without_its_secrets(what: str, tmp_path: Path) -> None:
    mapping = profile_to_mapping(base_profile())
    for section, changes in WRONG_PROFILES[what].items():
        mapping[section] |= changes
    path = tmp_path / "city.yaml"
    path.write_text(json.dumps(mapping, ensure_ascii=False), encoding="utf-8")
    for load in (lambda: profile_from_mapping(mapping), lambda: load_profile(path)):
        with pytest.raises(ProfileInvalid) as caught:
            load()
        said = f"{caught.value}{caught.value.problems!r}"
        assert "sEcret" not in said
        assert "47114711" not in said


def test_a_store_address_that_is_none_is_told_without_its_password() -> None:
    for url in ("postgresql+nothing://duijie:sEcret-47@db/duijie", "postgresql://duijie:sEcret-47@[db/duijie"):
        for opens in (SqlStore, Claim):
            try:
                opens(url)
            except Exception as error:
                chain = [error, error.__cause__]
                assert all("sEcret" not in f"{each}{each!r}" for each in chain)


def test_a_port_that_is_taken_is_told_without_the_account() -> None:
    profile = base_profile()
    opened = _listening("http://127.0.0.1:0/", "x")
    taken = replace(profile.grid, endpoint=f"http://127.0.0.1:{opened.getsockname()[1]}/soap")
    process = simulator_process(
        Side.GRID,
        replace(profile, grid=taken),
        seed=1,
        quirks=Quirkiness(),
        control_port=None,
        store=None,
        link="http://127.0.0.1:1/",
        started_at=NOW,
    )
    with pytest.raises(Exception, match="cannot listen") as caught:
        process.start()
    opened.close()
    assert profile.grid.password not in f"{caught.value!r}"
