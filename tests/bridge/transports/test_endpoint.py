"""The endpoint answers in SOAP whatever comes in, and only the right platform gets further than the door."""

import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from lxml import etree
from sample_forms import CASE, MONDAY, PROFILE, form, message, message_id, photo, receipt_for

from bridge.core.engine import Engine
from bridge.core.errors import StoreUnavailable
from bridge.core.shell import Shell
from bridge.stores.memory import MemoryStore
from bridge.transports.clock import Clock, SteeredClock
from bridge.transports.door import Door
from bridge.transports.endpoint import Endpoint
from bridge.vocabulary.calls import Answered, Faulted, Message
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    Header,
    Operation,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits, Profile
from bridge.wire import Token, build_request, operation_of, parse_response

ADDRESS = "http://bridge.example/exchange"
TYPE = "text/xml; charset=utf-8"
HAND_OVER = message(Side.GRID, form(FormType.HAND_OVER, attachments=(photo("路边"),)), 1)
QUERY = QueryMessage(
    header=QueryHeader(message_id=message_id(7), sender="wuhu-urban", recipient="wuhu-grid", sent_at=MONDAY),
    query=CaseQuery(page_size=10),
)


class Reception:
    """A desk that notes what it is brought."""

    def __init__(self) -> None:
        self.brought: list[tuple[str, Side, object]] = []
        self.raw: list[bytes] = []
        self.given: list[tuple[Side, str | None, bytes]] = []
        self.answer: Answered | Faulted = Answered()
        self.error: Exception | None = None
        self.ready = True

    def _note(self, what: str, caller: Side, message: object, raw: bytes) -> Answered | Faulted:
        self.brought.append((what, caller, message))
        self.raw.append(raw)
        if self.error:
            raise self.error
        return self.answer

    def form_received(self, caller: Side, message: FormMessage, raw: bytes) -> Answered | Faulted:
        return self._note("form", caller, message, raw)

    def form_refused(self, caller: Side, header: Header, faults: Sequence[Fault], raw: bytes) -> Answered | Faulted:
        return self._note("refused", caller, (header, faults), raw)

    def receipt_received(self, caller: Side, message: ReceiptMessage, raw: bytes) -> Answered | Faulted:
        return self._note("receipt", caller, message, raw)

    def query_received(self, caller: Side, message: QueryMessage, raw: bytes) -> Answered | Faulted:
        self._note("query", caller, message, raw)
        return Answered(page=CasePage(cases=(), next_cursor="0", more=False))

    def answered(self, caller: Side, message: Header | None, answer: bytes) -> None:
        self.given.append((caller, message.message_id if message else None, answer))

    def is_ready(self) -> bool:
        return self.ready


class Reply(NamedTuple):
    status: int
    content_type: str
    body: bytes

    def ending(self, serves: Side = Side.URBAN, operation: Operation = Operation.DELIVER_FORM) -> Any:
        return parse_response(self.body, self.content_type, self.status, serves, operation)


@pytest.fixture
def desk() -> Reception:
    return Reception()


@pytest.fixture
def endpoint(desk: Reception) -> Endpoint:
    return endpoint_of(PROFILE, desk, ADDRESS)


def endpoint_of(profile: Profile, desk: Reception, address: str, clock: Clock | None = None) -> Endpoint:
    shell = Shell(Engine(profile), MemoryStore(), profile)
    return Endpoint(profile, desk, address, Door(profile, clock or SteeredClock(MONDAY), shell, lambda *_: None))


def ask(
    endpoint: Endpoint, path: str, body: bytes = b"", *, method: str = "POST", query: str = "", **headers: str
) -> Reply:
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/exchange{path}",
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.pop("content_type", TYPE),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "evil.example",
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    content = b"".join(endpoint(environ, lambda status, lines: started.extend((status, dict(lines)))))
    assert started[1]["Content-Length"] == str(len(content)) or method == "HEAD"
    return Reply(int(started[0][:3]), started[1]["Content-Type"], content)


GRID = Token.with_text("grid", "g")
URBAN = Token.with_text("urban", "u")


def to_urban(given: Message = HAND_OVER, token: Token | None = GRID) -> bytes:
    return build_request(given, Side.URBAN, token)


# The right way


def test_a_form_reaches_the_desk_with_its_caller(endpoint: Endpoint, desk: Reception) -> None:
    reply = ask(endpoint, "/urban", to_urban())
    assert (200, TYPE, Answered()) == (reply.status, reply.content_type, reply.ending())
    assert desk.brought == [("form", Side.GRID, HAND_OVER)]


def test_a_receipt_in_the_answer_stands_in_the_response(endpoint: Endpoint, desk: Reception) -> None:
    desk.answer = Answered(receipt=receipt_for(HAND_OVER))
    assert desk.answer == ask(endpoint, "/urban", to_urban()).ending()


def test_a_receipt_reaches_the_desk_from_the_other_platform(endpoint: Endpoint, desk: Reception) -> None:
    header = replace(HAND_OVER.header, sender="wuhu-urban", recipient="wuhu-grid", message_id=message_id(9))
    given = ReceiptMessage(header=header, receipt=receipt_for(HAND_OVER))
    reply = ask(endpoint, "/grid", build_request(given, Side.GRID, URBAN))
    assert Answered() == reply.ending(Side.GRID, Operation.DELIVER_RECEIPT)
    assert [("receipt", Side.URBAN, given)] == desk.brought


def test_a_query_is_answered_with_a_page(endpoint: Endpoint) -> None:
    reply = ask(endpoint, "/grid", build_request(QUERY, Side.GRID, URBAN))
    page = reply.ending(Side.GRID, operation_of(QUERY)).page
    assert CasePage(cases=(), next_cursor="0", more=False) == page


def test_a_digest_is_as_good_as_the_password(endpoint: Endpoint) -> None:
    token = Token.with_digest("grid", "g", nonce=b"0123456789abcdef", created_at=MONDAY)
    body = to_urban(token=token)
    assert Answered() == ask(endpoint, "/urban", body).ending()
    # The same envelope once more is a repetition, which the exchange knows by its message id.
    assert Answered() == ask(endpoint, "/urban/", body).ending()


def test_a_gzip_body_is_unfolded(endpoint: Endpoint, desk: Reception) -> None:
    reply = ask(endpoint, "/urban", gzip.compress(to_urban()), content_encoding="gzip")
    assert Answered() == reply.ending()
    assert [brought for _, _, brought in desk.brought] == [HAND_OVER]


def test_the_desk_sees_the_envelope_without_the_password(endpoint: Endpoint, desk: Reception) -> None:
    ask(endpoint, "/urban", build_request(HAND_OVER, Side.URBAN, Token.with_text("grid", "g")))
    assert b">g</wsse:Password>" not in desk.raw[0]
    assert CASE.encode() in desk.raw[0]


def test_the_answer_is_noted_with_what_it_answers(endpoint: Endpoint, desk: Reception) -> None:
    reply = ask(endpoint, "/urban", to_urban())
    assert [(Side.GRID, HAND_OVER.header.message_id, reply.body)] == desk.given


# At the door


@pytest.mark.parametrize(
    "token",
    [
        None,
        Token.with_text("grid", "wrong"),
        Token.with_text("urban", "u"),
        Token.with_text("grid", "u"),
        Token.with_text("nobody", "g"),
        Token.with_digest("grid", "wrong", nonce=b"0123456789abcdef", created_at=MONDAY),
        replace(
            Token.with_digest("grid", "g", nonce=b"0123456789abcdef", created_at=MONDAY), created="2020-01-01T00:00:00Z"
        ),
    ],
    ids=[
        "none",
        "wrong password",
        "the other platform",
        "mixed",
        "unknown",
        "wrong digest",
        "digest of another moment",
    ],
)
@pytest.mark.parametrize("broken", [False, True], ids=["good form", "bad form"])
def test_a_caller_who_is_not_the_platform_gets_a_fault_and_no_further(
    endpoint: Endpoint, desk: Reception, token: Token | None, broken: bool
) -> None:
    body = to_urban(token=token)
    if broken:
        body = re.sub(rb"<ex:category>..</ex:category>", b"<ex:category>9</ex:category>", body)
    reply = ask(endpoint, "/urban", body)
    assert reply.status == 500
    assert reply.ending().fault.code is ErrorCode.NOT_AUTHENTICATED
    assert not desk.brought
    assert not desk.given


def test_the_grid_platform_has_no_business_at_the_door_of_the_urban_one(endpoint: Endpoint) -> None:
    reply = ask(endpoint, "/grid", build_request(QUERY, Side.GRID, GRID))
    assert reply.ending(Side.GRID, Operation.QUERY_CASES).fault.code is ErrorCode.NOT_AUTHENTICATED


def test_a_query_in_the_name_of_somebody_else_is_refused(endpoint: Endpoint, desk: Reception) -> None:
    given = replace(QUERY, header=replace(QUERY.header, sender="elsewhere"))
    reply = ask(endpoint, "/grid", build_request(given, Side.GRID, URBAN))
    assert reply.ending(Side.GRID, Operation.QUERY_CASES).fault.code is ErrorCode.WRONG_PARTY
    assert not desk.brought


# Forms that are not right


def test_a_bad_form_whose_header_can_be_read_goes_to_the_desk_for_an_error_receipt(
    endpoint: Endpoint, desk: Reception
) -> None:
    body = to_urban().replace(b"<ex:category>01<", b"<ex:category>1<")
    assert body != to_urban()
    assert Answered() == ask(endpoint, "/urban", body).ending()
    ((what, caller, (header, faults)),) = desk.brought  # type: ignore[misc]
    assert (what, caller, header.message_id) == ("refused", Side.GRID, message_id(1))
    assert [fault.code for fault in faults] == [ErrorCode.SCHEMA_INVALID]


def test_a_bad_form_in_the_name_of_somebody_else_gets_a_fault(endpoint: Endpoint, desk: Reception) -> None:
    body = to_urban().replace(b"<ex:category>01<", b"<ex:category>1<").replace(b">wuhu-grid<", b">elsewhere<")
    assert ask(endpoint, "/urban", body).ending().fault.code is ErrorCode.WRONG_PARTY
    assert not desk.brought


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<html><body>proxy</body></html>",
        to_urban()[:-30],
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + to_urban(),
        to_urban().replace(b"urn:uuid:", b"urn:no:"),
        to_urban().replace(b"messageHeader", b"otherHeader"),
        b"\x00\x01\x02\xff\xfe",
        "路".encode("gbk"),
    ],
    ids=["empty", "text", "html", "torn", "doctype", "no id", "no header", "binary", "not utf-8"],
)
def test_what_is_no_message_gets_a_typed_fault(endpoint: Endpoint, desk: Reception, body: bytes) -> None:
    reply = ask(endpoint, "/urban", body)
    assert reply.status == 500
    assert reply.content_type == TYPE
    assert isinstance(reply.ending(), Faulted)
    assert not desk.brought


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(to_urban())[:-20], gzip.compress(to_urban()) + b"x"])
def test_a_damaged_gzip_body_gets_a_fault(endpoint: Endpoint, desk: Reception, body: bytes) -> None:
    reply = ask(endpoint, "/urban", body, content_encoding="gzip")
    assert reply.ending().fault.code is ErrorCode.SCHEMA_INVALID
    assert not desk.brought


def test_a_gzip_bomb_is_refused_before_it_unfolds(desk: Reception) -> None:
    small = replace(PROFILE, limits=Limits(message_bytes=100_000))
    bomb = gzip.compress(b"<" * 20_000_000)
    assert len(bomb) < 100_000
    reply = ask(endpoint_of(small, desk, ADDRESS), "/urban", bomb, content_encoding="gzip")
    assert reply.ending().fault.code is ErrorCode.LIMIT_EXCEEDED


def test_an_unknown_encoding_gets_a_fault(endpoint: Endpoint) -> None:
    assert ask(endpoint, "/urban", to_urban(), content_encoding="br").ending().fault.code is ErrorCode.SCHEMA_INVALID


# Trouble at home


@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreUnavailable("database is locked"), ErrorCode.BUSY), (KeyError("某某人"), ErrorCode.INTERNAL)],
)
def test_trouble_of_ours_is_a_server_fault_that_asks_for_the_same_again(
    endpoint: Endpoint, desk: Reception, caplog: pytest.LogCaptureFixture, error: Exception, code: ErrorCode
) -> None:
    desk.error = error
    reply = ask(endpoint, "/urban", to_urban())
    assert reply.ending().fault.code is code
    assert b"<faultcode>soap:Server</faultcode>" in reply.body
    assert "某某人" not in caplog.text


# Elsewhere


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/elsewhere", 404), ("POST", "", 404), ("PUT", "/urban", 405), ("DELETE", "/grid", 405)],
)
def test_a_call_to_nowhere_gets_soap_too(endpoint: Endpoint, method: str, path: str, status: int) -> None:
    reply = ask(endpoint, path, to_urban(), method=method)
    assert (status, TYPE) == (reply.status, reply.content_type)
    assert b"exchangeFault" in reply.body


@pytest.mark.parametrize("side", list(Side))
def test_the_contract_is_served_with_the_configured_address_and_never_the_callers(
    endpoint: Endpoint, side: Side
) -> None:
    reply = ask(endpoint, f"/{side.value}", method="GET", query="wsdl")
    assert reply.status == 200
    tree = etree.fromstring(reply.body)
    places = tree.xpath("//@location | //@schemaLocation")
    own = f"{ADDRESS}/{side.value}"
    assert sorted({f"{own}?xsd=exchange.xsd", f"{own}?xsd={side.value}.xsd", own}) == sorted(places)
    assert b"evil.example" not in reply.body
    for name in ("exchange.xsd", f"{side.value}.xsd"):
        schema = ask(endpoint, f"/{side.value}", method="GET", query=f"xsd={name}")
        assert schema.status == 200
        assert etree.fromstring(schema.body).tag.endswith("}schema")


@pytest.mark.parametrize("query", ["xsd=../pyproject.toml", "xsd=", "xsd=/etc/passwd"])
def test_only_the_contracts_own_files_are_served(endpoint: Endpoint, query: str) -> None:
    reply = ask(endpoint, "/urban", method="GET", query=query)
    assert b'"wsdl"' in reply.body


def test_health_is_of_the_process_and_readiness_of_the_store(endpoint: Endpoint, desk: Reception) -> None:
    assert [ask(endpoint, path, method="GET").status for path in ("/health", "/ready")] == [200, 200]
    desk.ready = False
    assert [ask(endpoint, path, method="GET").status for path in ("/health", "/ready")] == [200, 503]
    assert ask(endpoint, "/nothing", method="GET").status == 404


def test_a_head_request_has_no_body(endpoint: Endpoint) -> None:
    assert ask(endpoint, "/health", method="HEAD").body == b""
