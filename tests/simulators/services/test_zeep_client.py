"""The zeep client: what goes over comes out the same, and every way a call can end is told apart (RCPT-5)."""

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from conftest import NOW, ScriptedReception, attachment, form_message, free_port, hand_over, make_profile, receipt_for
from lxml import etree

import contracts
from bridge.vocabulary.calls import Answered, Call, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    HandedOverCase,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType
from bridge.vocabulary.stages import HandedOverState
from simulators.exchange.client import PlatformClient, wsdl_path
from simulators.exchange.prefixes import ENVELOPE, with_prefixes
from simulators.process import HttpServer, _listening
from simulators.urban.service import soap_front


@contextmanager
def serving(app):
    opened = _listening("http://127.0.0.1:0", "test")
    port = opened.getsockname()[1]
    server = HttpServer(app, opened, 64 * 1024 * 1024)
    try:
        yield f"http://127.0.0.1:{port}/soap"
    finally:
        server.close()


@pytest.fixture(scope="module")
def served():
    """One service for all tests, and its reception."""
    reception = ScriptedReception()
    with serving(soap_front(make_profile(), reception, address="http://x/")) as base:
        yield base, reception


@pytest.fixture
def reception(served) -> ScriptedReception:
    _, reception = served
    reception.came.clear()
    reception.answer = lambda message: Answered()
    return reception


@pytest.fixture
def address(served, reception):
    return served[0]


def client(address: str, **options) -> PlatformClient:
    told = {"username": "grid-account", "password": "grid-secret"} | options
    return PlatformClient(wsdl_path(Side.URBAN), address, **told)


def make(address: str, message, **options):
    return client(address, **options).make(Call(key=1, to=Side.URBAN, message=message))


QUERY = QueryMessage(
    header=QueryHeader(
        message_id="urn:uuid:00000000-0000-4000-8000-000000000009",
        sender="wuhu-grid",
        recipient="wuhu-urban",
        sent_at=NOW,
    ),
    query=CaseQuery(since=NOW, state=HandedOverState.FILED, cursor="after 7", page_size=20),
)


def test_a_form_arrives_as_it_was_sent(address, reception):
    message = form_message()
    assert make(address, message) == Answered()
    assert reception.came == [message]


def test_a_large_photo_arrives_as_it_was_sent(address, reception):
    message = form_message(hand_over(attachments=(attachment(bytes(range(256)) * 32 * 1024),)))
    assert make(address, message) == Answered()
    assert reception.came == [message]


def test_an_empty_attachment_comes_back_in_a_page(address, reception):
    shown = HandedOverCase(
        message_id=QUERY.header.message_id,
        state=HandedOverState.HANDED_OVER,
        hand_over=hand_over(attachments=(attachment(b""), attachment())),
    )
    page = CasePage(cases=(shown,), next_cursor="after 8", more=True)
    reception.answer = lambda message: Answered(page=page)
    assert make(address, QUERY) == Answered(page=page)
    assert reception.came == [QUERY]


def test_an_empty_page_is_a_page(address, reception):
    page = CasePage(cases=(), next_cursor="start", more=False)
    reception.answer = lambda message: Answered(page=page)
    assert make(address, replace(QUERY, query=CaseQuery())) == Answered(page=page)


def test_a_receipt_in_the_response_is_read(address, reception):
    message = form_message()
    receipt = receipt_for(
        message, Fault(code=ErrorCode.CASE_ENDED, field=None, message_zh="已结案。", message_en="Ended.")
    )
    reception.answer = lambda message: Answered(receipt=receipt)
    assert make(address, message) == Answered(receipt=receipt)


def test_a_receipt_as_a_call_arrives_as_it_was_sent(address, reception):
    fault = Fault(
        code=ErrorCode.CODE_UNKNOWN, field="form/handOver/category", message_zh="未知大类。", message_en="No such."
    )
    message = ReceiptMessage(header=form_message().header, receipt=receipt_for(form_message(), fault))
    assert make(address, message) == Answered()
    assert reception.came == [message]


def test_the_typed_fault_is_the_fault(address, reception):
    fault = Fault(code=ErrorCode.MESSAGE_ID_REUSED, field="header/messageId", message_zh="重复。", message_en="Reused.")
    reception.answer = lambda message: Faulted(fault=fault)
    assert make(address, form_message()) == Faulted(fault=fault)


@pytest.mark.parametrize("password_type", PasswordType)
def test_both_kinds_of_password_are_taken(address, password_type):
    assert make(address, form_message(), password_type=password_type) == Answered()


@pytest.mark.parametrize("password_type", PasswordType)
def test_a_wrong_password_is_a_typed_fault(address, reception, password_type):
    ending = make(address, form_message(), password="guess", password_type=password_type)
    assert isinstance(ending, Faulted)
    assert ending.fault.code is ErrorCode.NOT_AUTHENTICATED
    assert reception.came == []


def test_one_client_serves_several_threads(address, reception):
    shared = client(address)
    messages = [form_message(message_id=f"urn:uuid:00000000-0000-4000-8000-{number:012}") for number in range(24)]
    endings = []

    def run(part):
        endings.extend(shared.make(Call(key=1, to=Side.URBAN, message=message)) for message in part)

    threads = [threading.Thread(target=run, args=(messages[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endings == [Answered()] * 24
    assert sorted(m.header.message_id for m in reception.came) == [m.header.message_id for m in messages]


def test_other_prefixes_on_the_way_change_nothing(address, reception):
    message = form_message()
    assert make(address, message, prefixes=lambda namespace: "q") == Answered()
    assert reception.came == [message]


def test_prefixes_are_never_shared_by_two_namespaces():
    sample = etree.parse(contracts.SAMPLES / "grid-fault-client.xml").getroot()
    written = with_prefixes(sample, lambda namespace: "n")
    assert etree.tostring(written).count(b"xmlns:") == len({etree.QName(e).namespace for e in sample.iter()} - {None})
    assert written.find(".//faultcode").text.partition(":")[0] == next(
        p for p, u in written.nsmap.items() if u == ENVELOPE
    )


def test_nobody_listening_is_not_reached():
    assert isinstance(make(f"http://127.0.0.1:{free_port()}/soap", form_message()), NotReached)


def test_an_unknown_host_is_not_reached():
    assert isinstance(make("http://no-such-host.invalid/soap", form_message()), NotReached)


@contextmanager
def raw_server(handle):
    """Answers one connection after another with whatever `handle` writes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def run():
            listening.settimeout(0.05)
            while not done.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    handle(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/soap"
        finally:
            done.set()
            thread.join()


def answering(status: str, content_type: str, body: bytes):
    def handle(connection):
        connection.recv(65536)
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return handle


SOAP = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'
UNTYPED = SOAP % "<s:Fault><faultcode>s:Server</faultcode><faultstring>boom</faultstring></s:Fault>"
OTHER_DETAIL = SOAP % (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail><x>no</x></detail></s:Fault>"
)
UNKNOWN_CODE = SOAP % (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail>"
    '<e:exchangeFault xmlns:e="urn:duijie:exchange:1.0"><e:code>WHATEVER</e:code></e:exchangeFault></detail></s:Fault>'
)
BAD_RECEIPT = SOAP % (
    '<u:DeliverFormResponse xmlns:u="urn:duijie:urban:1.0" xmlns:e="urn:duijie:exchange:1.0"><u:receipt>'
    "<e:caseNumber>340202-20260302-000001</e:caseNumber><e:formMessageId>x</e:formMessageId><e:formType>handOver</e:formType>"
    "<e:outcome>maybe</e:outcome><e:decidedAt>2026-03-02T09:00:00+08:00</e:decidedAt></u:receipt></u:DeliverFormResponse>"
)
SILENCE = {
    "a proxy's page with 502": answering("502 Bad Gateway", "text/html", b"<html><body>Bad Gateway</body></html>"),
    "a page with 200": answering("200 OK", "text/html", b"<html><body><p>Welcome</p></body></html>"),
    "a page that is no XML": answering("200 OK", "text/html", b"<html><br><p>Welcome"),
    "an empty 200": answering("200 OK", "text/xml", b""),
    "an empty 202": answering("202 Accepted", "text/xml", b""),
    "an empty 500": answering("500 Internal Server Error", "text/xml", b""),
    "an untyped fault": answering("500 Internal Server Error", "text/xml", UNTYPED.encode()),
    "a fault with another detail": answering("500 Internal Server Error", "text/xml", OTHER_DETAIL.encode()),
    "a fault with an unknown code": answering("200 OK", "text/xml", UNKNOWN_CODE.encode()),
    "a receipt with an unknown outcome": answering("200 OK", "text/xml", BAD_RECEIPT.encode()),
    "another answer": answering("200 OK", "text/xml", (SOAP % '<u:Hello xmlns:u="urn:x"/>').encode()),
    "half an answer": lambda connection: (
        connection.recv(65536),
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4000\r\n\r\n<s:Env"),
    ),
    "a cut connection": lambda connection: connection.recv(65536),
    "a DOCTYPE": answering("200 OK", "text/xml", b'<!DOCTYPE s [<!ENTITY a "b">]>' + (SOAP % "").encode()),
}


@pytest.mark.parametrize("what", SILENCE)
def test_what_is_no_answer_of_the_contract_leaves_the_call_in_doubt(what):
    with raw_server(SILENCE[what]) as base:
        assert isinstance(make(base, form_message()), Unanswered)


def test_an_answer_that_does_not_come_in_time_leaves_the_call_in_doubt():
    release = threading.Event()
    with raw_server(lambda connection: (connection.recv(65536), release.wait(5))) as base:
        ending = make(base, form_message(), answer_seconds=0.2)
        release.set()
    assert ending == Unanswered(detail="no answer in time")


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Drip: ", b""],
    ids=["body", "header", "status line"],
)
def test_an_answer_that_drips_is_not_waited_for_endlessly(beginning):
    """Each byte comes in time; the whole answer does not."""
    left = threading.Event()

    def drip(connection):
        connection.recv(65536)
        connection.sendall(beginning)
        for _ in range(400):
            try:
                connection.sendall(b"H")
            except OSError:
                left.set()
                return
            left.wait(0.05)

    with raw_server(drip) as base:
        assert make(base, form_message(), answer_seconds=0.3) == Unanswered(detail="no answer in time")
        assert left.wait(10), "the caller went on waiting"


def test_a_typed_fault_counts_whatever_the_status():
    body = (contracts.SAMPLES / "urban-fault-client.xml").read_bytes()
    for status in ("200 OK", "400 Bad Request", "503 Service Unavailable"):
        with raw_server(answering(status, "text/xml; charset=utf-8", body)) as base:
            assert isinstance(make(base, form_message()), Faulted)


def test_the_contract_is_read_without_the_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for side in Side:
        PlatformClient(wsdl_path(side), "http://127.0.0.1:1/", "a", "b")._connected()


def test_both_contracts_are_read_quickly():
    from simulators.exchange.client import _document

    _document.cache_clear()
    start = time.perf_counter()
    for side in Side:
        _document(wsdl_path(side))
    # A tenth of a second on a slow machine; the bound only notices when something is loaded twice or from afar.
    assert time.perf_counter() - start < 2


def test_a_far_end_that_was_restarted_is_called_again(profile):
    """A connection kept open from before must not turn into a call in doubt."""
    port = free_port()
    shared = client(f"http://127.0.0.1:{port}/soap")
    for _ in range(2):
        opened = _listening(f"http://127.0.0.1:{port}", "test")
        server = HttpServer(soap_front(profile, ScriptedReception(), address="http://x/"), opened, 1 << 20)
        try:
            assert shared.make(Call(key=1, to=Side.URBAN, message=form_message())) == Answered()
        finally:
            server.close()
