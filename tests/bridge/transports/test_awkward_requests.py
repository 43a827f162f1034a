"""The bridge takes what real systems send where its meaning is plain, and refuses the rest in SOAP with nothing done."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from awkward import (
    LIBERTIES,
    PROFILE,
    READABLE,
    REPLIES,
    REQUESTS,
    SAMPLES,
    Faulted,
    Raw,
    Receipted,
    Taken,
    ageless,
    strictly,
    with_action,
)
from lxml import etree
from raw_http import FRAMINGS, call_over_socket
from test_client import ending_with
from test_endpoint import Reception, Reply, ask, endpoint_of

import contracts
from bridge.transports.server import HttpServer
from bridge.vocabulary import calls
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import Liberties
from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile

EXCHANGE = "{urn:duijie:exchange:1.0}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"


@pytest.fixture
def desk() -> Reception:
    return Reception()


def asked(desk: Reception, side: Side, raw: Raw, profile: Profile = PROFILE) -> Reply:
    headers = {name.lower().replace("-", "_"): value for name, value in raw.headers.items()}
    endpoint = endpoint_of(profile, desk, "http://bridge.example/exchange")
    return ask(endpoint, f"/{side.value}", raw.body, content_type=raw.content_type or "", **headers)


def the_form(desk: Reception) -> Any:
    ((what, _, message),) = desk.brought
    assert what == "form", desk.brought
    assert isinstance(message, FormMessage)
    return message.form


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_of_a_real_system_ends_as_a_careful_receiver_ends_it(name: str, side: Side, desk: Reception) -> None:
    sample, row = SAMPLES[side], REQUESTS[name]
    reply = asked(desk, side, row.make(sample))
    assert reply.content_type.startswith("text/xml")
    outcome = row.outcome
    if isinstance(outcome, Taken):
        plain = Reception()
        asked(plain, side, Raw(sample.text.encode()))
        changed = dict(outcome.others)
        if outcome.words is not None:
            changed[sample.words[1]] = outcome.words
        if outcome.moment is not None:
            changed[sample.moment[1]] = outcome.moment
        assert reply.status == 200, reply.body.decode()
        assert the_form(desk) == replace(the_form(plain), **changed)
        assert b"sample-password" not in desk.raw[0]
    elif isinstance(outcome, Receipted):
        ((what, _, (_, faults)),) = desk.brought  # type: ignore[misc]
        assert what == "refused"
        assert faults[0].code in outcome.codes
        assert (faults[0].field or "").startswith(outcome.field(sample))
        assert faults[0].message_zh
        assert faults[0].message_en
    else:
        assert reply.status == 500
        assert desk.brought == desk.given == []
        assert_says(reply.body, outcome)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", READABLE)
def test_strict_reading_refuses_what_is_overlooked_otherwise_and_names_each(
    name: str, side: Side, desk: Reception
) -> None:
    sample = SAMPLES[side]
    asked(desk, side, with_action(name, sample), strictly(Liberties.REFUSE))
    if name not in LIBERTIES:
        the_form(desk)
        return
    ((what, _, (header, faults)),) = desk.brought  # type: ignore[misc]
    assert what == "refused"
    assert header.message_id == sample.value("messageId")
    assert {fault.message_en.partition("(")[2].partition(")")[0] for fault in faults} == LIBERTIES[name]
    fields = {fault.field for fault in faults if "moment" in fault.message_en.partition(")")[0]}
    assert fields <= {sample.field(sample.moment[0]), "messageHeader/sentAt"}
    assert {fault.code for fault in faults} == {ErrorCode.SCHEMA_INVALID}


@pytest.mark.parametrize("name", READABLE)
def test_what_is_overlooked_is_reported_where_a_city_asks_for_it(
    name: str, desk: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="duijie.bridge")
    asked(desk, Side.URBAN, with_action(name, SAMPLES[Side.URBAN]), strictly(Liberties.REPORT))
    the_form(desk)
    said = [record.fields for record in caplog.records if record.message == "liberty.taken"]
    assert {each["liberty"] for each in said} == LIBERTIES.get(name, set())


def test_strict_reading_tells_strangers_nothing_of_it(desk: Reception) -> None:
    raw = REQUESTS["a password of somebody else"].make(SAMPLES[Side.URBAN])
    reply = asked(desk, Side.URBAN, raw, strictly(Liberties.REFUSE))
    assert_says(reply.body, Faulted((ErrorCode.NOT_AUTHENTICATED,)))


def test_strict_reading_refuses_a_query_with_a_fault_that_names_each_liberty(desk: Reception) -> None:
    query = ageless((contracts.SAMPLES / "urban-QueryCases.xml").read_text(encoding="utf-8"))
    reply = asked(desk, Side.URBAN, Raw(query.encode(), "text/plain; charset=utf-8"), strictly(Liberties.REFUSE))
    assert_says(reply.body, Faulted())
    assert b"content_type" in reply.body
    assert b"soap_action" in reply.body
    assert desk.brought == []


def assert_says(body: bytes, outcome: Faulted) -> None:
    fault = etree.fromstring(body).find(f"{SOAP}Body/{SOAP}Fault")
    assert fault is not None
    assert (fault.findtext("faultcode") or "").rpartition(":")[2] == outcome.soap_code
    told = fault.find(f"detail/{EXCHANGE}exchangeFault")
    assert told is not None
    assert told.findtext(f"{EXCHANGE}code") in outcome.codes
    assert outcome.field in (told.findtext(f"{EXCHANGE}field") or "")
    assert any("一" <= one <= "鿿" for one in told.findtext(f"{EXCHANGE}messageZh") or "")
    assert (told.findtext(f"{EXCHANGE}messageEn") or "").isascii()


@pytest.fixture
def port(desk: Reception) -> Iterator[int]:
    endpoint = endpoint_of(PROFILE, desk, "http://bridge.example")
    server = HttpServer(endpoint, "127.0.0.1", 0, threads=1, body_bytes=1 << 20, refusal=endpoint.refusal)
    server.start()
    yield server.port
    server.stop()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_request_arrives_however_http_frames_it(framing: str, port: int, desk: Reception) -> None:
    sample = SAMPLES[Side.URBAN]
    status, body = call_over_socket(port, "/urban", FRAMINGS[framing](sample.text.encode()))
    assert status == 200, body
    assert the_form(desk).attachments[0].content == sample.photo


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_of_a_real_system_ends_the_call_as_it_should(name: str) -> None:
    raw, outcome = REPLIES[name]
    lines = {**raw.headers, "Content-Length": str(len(raw.body)), "Connection": "close"}
    if raw.content_type is not None:
        lines["Content-Type"] = raw.content_type
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    ending = ending_with(f"HTTP/1.1 {raw.status} Said\r\n{head}\r\n".encode() + raw.body)
    if outcome == "receipt":
        assert isinstance(ending, calls.Answered), ending
        assert ending.receipt is not None
        assert ending.receipt.fault is not None
        assert ending.receipt.fault.message_zh == "当前环节不接受此表单"
    elif outcome == "fault":
        assert isinstance(ending, calls.Faulted), ending
        assert ending.fault.message_zh == "身份验证失败"
    else:
        assert isinstance(ending, calls.Unanswered), ending


def test_what_came_in_parts_is_bound_by_the_limit_of_the_whole(desk: Reception) -> None:
    raw = REQUESTS["MTOM as Java writes it"].make(SAMPLES[Side.URBAN])
    small = replace(PROFILE, limits=replace(PROFILE.limits, message_bytes=len(raw.body) - 300))
    endpoint = endpoint_of(small, desk, "http://bridge.example/exchange")
    reply = ask(endpoint, "/urban", raw.body, content_type=raw.content_type)
    assert_says(reply.body, Faulted((ErrorCode.LIMIT_EXCEEDED,)))
    assert desk.brought == []
