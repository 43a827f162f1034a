"""What crosses a tap is passed on as it is and recorded; what is spoiled on command leaves every real client in doubt and in no worse state."""

import gzip
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from raw_http import FRAMINGS, call_over_socket

import contracts
from bridge.transports.client import PlatformClient as BridgeClient
from bridge.transports.clock import SteeredClock
from bridge.vocabulary.calls import Answered, Call, Ending, Unanswered
from bridge.vocabulary.forms import FormType, Withdrawal
from bridge.vocabulary.messages import FormMessage, Header
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.times import SHANGHAI
from conformance.oracle.trace import Trace
from conformance.scenario.faults import FaultPlan, FaultRule, FaultWhat, faults
from conformance.scenario.profile import base_profile
from duijie import taps
from duijie.taps import Tap, Wire
from simulators.exchange.client import PlatformClient as ZeepClient
from simulators.exchange.client import wsdl_path

NOW = datetime(2026, 3, 2, 9, tzinfo=SHANGHAI)
CASE, OTHER = "340202-20260302-000001", "340202-20260302-000002"
PATIENCE = 10.0
CONFIRMED = (contracts.SAMPLES / "urban-DeliverFormResponse-confirmed.xml").read_bytes()
HAND_OVER = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_bytes()


def withdrawal(number: int = 1, case: str = CASE) -> FormMessage:
    header = Header(
        message_id=f"urn:uuid:00000000-0000-4000-8000-{number:012}",
        sender="wuhu-grid",
        recipient="wuhu-urban",
        case_number=case,
        form_type=FormType.WITHDRAWAL,
        attempt=1,
        sent_at=NOW,
    )
    return FormMessage(header=header, form=Withdrawal(case_number=case, reason="误报", withdrawn_at=NOW))


class Service:
    """A far end that notes what came whole and answers each with a receipt."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.torn = threading.Event()
        #: Cleared, it keeps the callers; `holding` tells that one is kept.
        self.hold = threading.Event()
        self.hold.set()
        self.holding = threading.Event()
        self.answer: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": "text/xml; charset=utf-8"}, CONFIRMED)


@contextmanager
def tapped(
    plan: FaultPlan | None = None, now: Any = None, *, envelopes: bool = False
) -> Iterator[tuple[Service, Wire, Tap]]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                service.torn.set()
                self.close_connection = True
                return
            service.came.append((dict(self.headers.items()), body))
            if not service.hold.is_set():
                service.holding.set()
                service.hold.wait(PATIENCE)
            self._answer()

        def do_GET(self) -> None:
            service.came.append((dict(self.headers.items()), self.path.encode()))
            self._answer()

        def _answer(self) -> None:
            status, headers, body = service.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    wire = Wire(Trace(), plan or FaultPlan(), now or (lambda: NOW), envelopes=envelopes)
    try:
        yield service, wire, wire.open(Party.GRID, Party.URBAN, f"http://127.0.0.1:{server.server_port}/soap")
    finally:
        wire.close()
        server.shutdown()
        server.server_close()


#: Seconds that a client waits: long, so that a busy machine starves nobody, except where somebody is to wait in vain.
WAITS, WAITS_IN_VAIN = 20.0, 2.5


class OfTheBridge:
    def __init__(self, address: str, seconds: float = WAITS):
        profile = base_profile()
        profile = replace(profile, urban=replace(profile.urban, endpoint=address))
        self._client = BridgeClient(profile, SteeredClock(NOW), answer_seconds=seconds)

    def send(self, message: FormMessage) -> Ending:
        return self._client.deliver(Side.URBAN, message).ending


class OfTheSimulators:
    def __init__(self, address: str, seconds: float = WAITS):
        self._client = ZeepClient(wsdl_path(Side.URBAN), address, "grid", "secret", answer_seconds=seconds)

    def send(self, message: FormMessage) -> Ending:
        return self._client.make(Call(key=1, to=Side.URBAN, message=message))


CLIENTS = pytest.mark.parametrize("kind", [OfTheBridge, OfTheSimulators], ids=["bridge", "simulators"])
SPOILT = [
    (name, what, status)
    for name, fault in faults().items()
    for what in fault.hits
    if name not in ("repeat", "delay", "reorder", "crash") and what in (FaultWhat.FORM, FaultWhat.ANSWER)
    for status in ((200, 403, 502) if name == "proxy_page" else (None,))
]


def at_rest(wire: Wire) -> None:
    done = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if wire.quiet:
            return
        done.wait(0.01)
    raise AssertionError("the tap is still busy with a caller that is gone")


@CLIENTS
@pytest.mark.parametrize(("name", "what", "status"), SPOILT)
def test_a_client_that_is_given_a_ruin_is_in_doubt_and_goes_on(
    kind: Any, name: str, what: FaultWhat, status: int | None
) -> None:
    plan = FaultPlan()
    params = {} if status is None else {"status": status}
    plan.add(FaultRule(kind=name, what=what, of=FormType.WITHDRAWAL, nth=2, params=params))
    with tapped(plan) as (service, wire, tap):
        client = kind(tap.address, WAITS_IN_VAIN if faults()[name].starves else WAITS)
        assert isinstance(client.send(withdrawal(1)), Answered)
        assert isinstance(client.send(withdrawal(2)), Unanswered)
        assert isinstance(client.send(withdrawal(3)), Answered)
        at_rest(wire)
        # Exactly once, whatever the client's own ideas about sending again may be.
        arrived = [b"000000000002" in body for _, body in service.came].count(True)
        assert arrived == (1 if what is FaultWhat.ANSWER else 0)
        if (name, what) == ("halve", FaultWhat.FORM):
            assert service.torn.wait(PATIENCE)
        spoilt = [r for r in wire.trace.of_type("answer") if r.get("network")]
        assert [(r["network"], r["outcome"]) for r in spoilt] == [
            (name, "lost" if what is FaultWhat.ANSWER else "unanswered")
        ]


@CLIENTS
def test_a_repeated_form_arrives_twice_and_its_sender_sees_the_first_answer(kind: Any) -> None:
    plan = FaultPlan()
    plan.add(FaultRule(kind="repeat", of=FormType.WITHDRAWAL))
    with tapped(plan) as (service, wire, tap):
        assert isinstance(kind(tap.address).send(withdrawal()), Answered)
        assert len(service.came) == 2
        assert [r.get("network") for r in wire.trace.of_type("call")] == [None, "repeat"]


def test_a_receipt_in_the_response_that_the_network_repeats_brings_the_form_twice() -> None:
    plan = FaultPlan()
    plan.add(FaultRule(kind="repeat", what=FaultWhat.RECEIPT, of=FormType.HAND_OVER))
    with tapped(plan) as (service, wire, tap):
        post(tap, HAND_OVER)
        assert len(service.came) == 2
        assert [r["outcome"] for r in wire.trace.of_type("answer")] == ["receipt", "lost"]


def test_a_form_that_changes_places_arrives_right_after_the_one_that_overtakes_it() -> None:
    plan = FaultPlan()
    plan.add(FaultRule(kind="reorder", of=FormType.WITHDRAWAL, case=CASE, seconds=600))
    with tapped(plan) as (service, wire, tap):
        client = OfTheBridge(tap.address)
        assert isinstance(client.send(withdrawal(1)), Unanswered)
        # Its own repetition does not overtake it.
        assert isinstance(client.send(withdrawal(1)), Answered)
        assert len(service.came) == 1
        assert isinstance(client.send(withdrawal(2, OTHER)), Answered)
        at_rest(wire)
        assert [b"000000000002" in body for _, body in service.came] == [False, True, False]
        assert wire.next_due is None


def test_what_left_before_a_message_does_not_overtake_it_however_late_it_is_answered() -> None:
    """A receipt may leave while the form that it is for is still being answered."""
    plan = FaultPlan()
    plan.add(FaultRule(kind="reorder", of=FormType.WITHDRAWAL, case=CASE, seconds=600))
    with tapped(plan) as (service, wire, tap):
        earlier = threading.Thread(target=OfTheBridge(tap.address).send, args=(withdrawal(2, OTHER),))
        service.hold.clear()
        earlier.start()
        assert service.holding.wait(PATIENCE)
        assert isinstance(OfTheBridge(tap.address).send(withdrawal(1)), Unanswered)
        service.hold.set()
        earlier.join(PATIENCE)
        at_rest(wire)
        assert len(service.came) == 1
        assert wire.held == 1


def test_a_form_that_nobody_overtakes_arrives_at_its_moment() -> None:
    plan = FaultPlan()
    plan.add(FaultRule(kind="reorder", of=FormType.WITHDRAWAL, seconds=600))
    clock = [NOW]
    with tapped(plan, now=lambda: clock[0]) as (service, wire, tap):
        OfTheBridge(tap.address).send(withdrawal())
        assert wire.next_due == NOW + timedelta(minutes=10)
        clock[0] += timedelta(minutes=10)
        wire.release_due()
        assert len(service.came) == 1


# ── nothing is changed on the way ──


def post(tap: Tap, body: bytes, **headers: str) -> http.client.HTTPResponse:
    host, port = tap.address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    connection.request("POST", "/deeper?x=1", body, {"Content-Type": "text/xml; charset=utf-8"} | headers)
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    return response


def test_headers_and_bytes_cross_as_they_are_both_ways() -> None:
    with tapped() as (service, _, tap):
        squeezed = gzip.compress(CONFIRMED)
        service.answer = (200, {"Content-Type": "text/xml", "Content-Encoding": "gzip", "X-Node": "7"}, squeezed)
        response = post(tap, gzip.compress(HAND_OVER), **{"Content-Encoding": "gzip", "Authorization": "Basic eA=="})
        (headers, body), *_ = service.came
        assert (headers["Content-Encoding"], headers["Authorization"]) == ("gzip", "Basic eA==")
        assert gzip.decompress(body) == HAND_OVER
        assert (response.getheader("Content-Encoding"), response.getheader("X-Node")) == ("gzip", "7")
        assert response.body == squeezed  # type: ignore[attr-defined]


def test_what_is_compressed_is_recorded_as_what_it_is() -> None:
    with tapped() as (service, wire, tap):
        service.answer = (200, {"Content-Type": "text/xml", "Content-Encoding": "gzip"}, gzip.compress(CONFIRMED))
        post(tap, gzip.compress(HAND_OVER), **{"Content-Encoding": "gzip"})
        (call,), (answer,) = wire.trace.of_type("call"), wire.trace.of_type("answer")
        assert (call["form_type"], call["packed"]) == ("handOver", ["gzip"])
        assert (answer["outcome"], answer["packed"]) == ("receipt", ["gzip"])


def test_a_form_with_its_photo_beside_it_is_recorded_as_what_it_is_and_crosses_byte_for_byte() -> None:
    begin, end = HAND_OVER.index(b"<ex:content>") + len(b"<ex:content>"), HAND_OVER.index(b"</ex:content>")
    include = b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:photo"/>'
    body = (
        b"--cut\r\nContent-Type: application/xop+xml; charset=utf-8\r\nContent-ID: <root>\r\n\r\n"
        + HAND_OVER[:begin]
        + include
        + HAND_OVER[end:]
        + b"\r\n--cut\r\nContent-Type: image/png\r\nContent-ID: <photo>\r\n\r\n"
        + bytes(range(256))
        + b"\r\n--cut--\r\n"
    )
    mtom = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary=cut'
    plan = FaultPlan()
    plan.add(FaultRule(kind="mislabel", what=FaultWhat.ANSWER, of=FormType.HAND_OVER))
    with tapped(plan) as (service, wire, tap):
        post(tap, body, **{"Content-Type": mtom})
        ((headers, came),) = service.came
        assert (came, headers["Content-Type"]) == (body, mtom)
        (call,), (answer,) = wire.trace.of_type("call"), wire.trace.of_type("answer")
        assert (call["form_type"], call["packed"], answer["network"]) == ("handOver", ["mtom"], "mislabel")


def test_a_compressed_form_meets_its_fate_like_any_other() -> None:
    plan = FaultPlan()
    plan.add(FaultRule(kind="proxy_page", of=FormType.HAND_OVER))
    with tapped(plan) as (service, _, tap):
        assert post(tap, gzip.compress(HAND_OVER), **{"Content-Encoding": "gzip"}).status == 502
        assert service.came == []


@pytest.mark.parametrize("framing", FRAMINGS)
def test_every_framing_of_http_is_taken(framing: str) -> None:
    with tapped() as (service, wire, tap):
        status, body = call_over_socket(int(tap.address.rpartition(":")[2]), "/", FRAMINGS[framing](HAND_OVER))
        assert (status, body) == (200, CONFIRMED)
        assert [body for _, body in service.came] == [HAND_OVER]
        assert len(wire.trace.of_type("call")) == 1


def test_a_request_that_breaks_off_goes_no_further() -> None:
    with tapped() as (service, wire, tap):
        (whole,) = FRAMINGS["chunked"](HAND_OVER)
        connection = http.client.HTTPConnection(*_place(tap), timeout=PATIENCE)
        connection.connect()
        connection.sock.sendall(whole.replace(b"{path}", b"/")[:-300])
        connection.close()
        at_rest(wire)
        assert (service.came, wire.trace.records) == ([], [])


def _place(tap: Tap) -> tuple[str, int]:
    host, _, port = tap.address.removeprefix("http://").partition(":")
    return host, int(port)


def test_the_contract_can_be_asked_for_through_a_tap() -> None:
    with tapped() as (service, wire, tap):
        for asked, path in (
            ("/?wsdl", b"/soap?wsdl"),
            ("/xsd/exchange.xsd", b"/soap/xsd/exchange.xsd"),
            ("/", b"/soap"),
        ):
            connection = http.client.HTTPConnection(*_place(tap), timeout=PATIENCE)
            connection.request("GET", asked)
            assert connection.getresponse().read() == CONFIRMED
            assert service.came.pop()[1] == path
        assert wire.trace.records == []


def test_what_is_no_message_of_the_contract_crosses_and_is_noted() -> None:
    with tapped() as (service, wire, tap):
        assert post(tap, b"<hello/>").status == 200
        assert service.came[0][1] == b"<hello/>"
        (noted,) = wire.trace.records
        assert {key: noted[key] for key in ("type", "from", "to", "detail")} == {
            "type": "unread",
            "from": "grid",
            "to": "urban",
            "detail": "8 bytes, HTTP 200",
        }


def test_an_envelope_is_kept_where_that_is_asked_for():
    with tapped(envelopes=True) as (_, wire, tap):
        OfTheBridge(tap.address).send(withdrawal())
    wire.trace.keep_envelopes(wire.trace.enveloped)
    call, answer = wire.trace.records
    assert "<" in call["envelope"]
    assert "误报" in call["envelope"]
    assert "grid-of-the-scenario" not in call["envelope"]
    assert answer["envelope"].endswith("Envelope>\n")


@pytest.mark.parametrize(("large", "masked_at_once"), [(0, 2), (64 * 1024, 0)])
def test_only_a_large_envelope_is_masked_before_somebody_reads_it(monkeypatch, large, masked_at_once):
    masked = []
    mask = taps.kept
    monkeypatch.setattr(taps, "LARGE_BYTES", large)
    monkeypatch.setattr(taps, "kept", lambda envelope: masked.append(envelope) or mask(envelope))
    with tapped(envelopes=True) as (_, wire, tap):
        OfTheBridge(tap.address).send(withdrawal())
        assert len(masked) == masked_at_once
    assert "误报" in (wire.trace.envelope(1) or "")
    assert wire.trace.envelope(99) is None


def test_no_envelope_is_kept_unless_asked_for():
    with tapped() as (_, wire, tap):
        OfTheBridge(tap.address).send(withdrawal())
    assert wire.trace.enveloped == []
