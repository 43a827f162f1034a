"""Both simulators take what real systems send where its meaning is plain, and refuse the rest in SOAP with nothing done."""

from dataclasses import replace
from functools import cache

import pytest
from awkward import (
    LIBERTIES,
    PROFILE,
    READABLE,
    REPLIES,
    REQUESTS,
    SAMPLES,
    Raw,
    Receipted,
    Sample,
    Taken,
    strictly,
    with_action,
)
from conftest import NOW, ScriptedMachine, form_message, receipt_to
from lxml import etree
from raw_http import FRAMINGS, call_over_socket
from test_soap_service import EXCHANGE, Reply, assert_typed_fault, send
from test_zeep_client import make, raw_server

from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import Liberties, Liberty
from bridge.vocabulary.parties import Side
from simulators.grid.service import soap_front as grid_front
from simulators.process import HttpServer, _listening
from simulators.urban.service import soap_front as urban_front


class Platform:
    """A reception with a machine behind it, which checks attachments as the real ones do; keeps what reached either."""

    def __init__(self, side: Side):
        self.side = side
        self.empty()

    def empty(self) -> None:
        self.machine = ScriptedMachine(self.side, PROFILE)
        self.came: list = []
        self.refused: list = []

    def received(self, message):
        self.came.append(message)
        return self.machine.call_received(message, NOW)

    def unreadable(self, header, fault, digest):
        self.refused.append(header)
        return Answered(receipt=receipt_to(header, fault))


@cache
def served(side: Side, mode: Liberties = Liberties.TAKE):
    platform = Platform(side)
    maker = {Side.GRID: grid_front, Side.URBAN: urban_front}[side]
    return platform, maker(strictly(mode), platform, address="http://127.0.0.1:2/soap")


def asked(side: Side, raw: Raw, mode: Liberties = Liberties.TAKE) -> tuple[Platform, Reply]:
    platform, front = served(side, mode)
    platform.empty()
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in raw.headers.items()}
    return platform, send(front, raw.body, raw.content_type or "", **headers)


@cache
def plain_form(side: Side):
    platform, _ = asked(side, Raw(SAMPLES[side].text.encode()))
    (message,) = platform.came
    return message.form


def expected_form(sample: Sample, outcome: Taken):
    changed = dict(outcome.others)
    if outcome.words is not None:
        changed[sample.words[1]] = outcome.words
    if outcome.moment is not None:
        changed[sample.moment[1]] = outcome.moment
    return replace(plain_form(sample.side), **changed)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_of_a_real_system_ends_as_a_careful_receiver_ends_it(name, side):
    sample, row = SAMPLES[side], REQUESTS[name]
    expected = expected_form(sample, row.outcome) if isinstance(row.outcome, Taken) else None
    platform, reply = asked(side, row.make(sample))
    assert reply.headers["Content-Type"].startswith("text/xml")
    if expected is not None:
        assert reply.status == 200, reply.body.decode()
        assert [message.form for message in platform.came] == [expected]
        assert platform.machine.arrived == [expected.case_number]
        return
    assert platform.machine.arrived == []
    if isinstance(row.outcome, Receipted):
        receipt = error_receipt(side, platform, reply)
        assert receipt.findtext(f".//{EXCHANGE}code") in row.outcome.codes
        # Parts of a list are numbered by some and not by others.
        where = (receipt.findtext(f".//{EXCHANGE}field") or "").replace("[1]", "")
        assert where.startswith(row.outcome.field(sample))
    else:
        assert reply.status == 500
        assert platform.came == platform.refused == []
        assert_typed_fault(reply)
        assert reply.code in row.outcome.codes
        assert reply.fault.findtext("faultcode").rpartition(":")[2] == row.outcome.soap_code
        assert row.outcome.field in (reply.field or "")
    assert any("一" <= one <= "鿿" for one in reply.root.findtext(f".//{EXCHANGE}messageZh"))
    assert reply.root.findtext(f".//{EXCHANGE}messageEn")


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("name", READABLE)
def test_strict_reading_refuses_what_is_overlooked_otherwise_and_names_each(name, side):
    sample = SAMPLES[side]
    platform, reply = asked(side, with_action(name, sample), Liberties.REFUSE)
    assert reply.status == 200
    if name not in LIBERTIES:
        assert len(platform.came) == 1
        return
    assert platform.machine.arrived == []
    receipt = error_receipt(side, platform, reply)
    said = receipt.findtext(f".//{EXCHANGE}messageEn")
    assert {each for each in Liberty if f"({each.value}" in said} == LIBERTIES[name]
    where = receipt.findtext(f".//{EXCHANGE}field")
    assert where is None or where in (sample.field(sample.moment[0]), "header/sentAt")


@pytest.mark.parametrize("name", READABLE)
def test_what_is_overlooked_is_reported_where_a_city_asks_for_it(name, caplog):
    caplog.set_level("INFO", logger="simulators.exchange.soap")
    platform, _ = asked(Side.URBAN, with_action(name, SAMPLES[Side.URBAN]), Liberties.REPORT)
    assert len(platform.came) == 1
    said = {record.args[0] for record in caplog.records if record.msg.startswith("overlooked")}
    assert said == LIBERTIES.get(name, set())


def error_receipt(side: Side, platform: Platform, reply: Reply) -> etree._Element:
    """The error receipt in the answer, or, of a machine that gives receipts as calls, in its first call."""
    assert reply.status == 200
    receipt = reply.root.find(f".//{{urn:duijie:{side.value}:1.0}}receipt")
    if receipt is None:
        (call,) = platform.machine.outgoing()
        receipt = etree.Element("receipt")
        etree.SubElement(receipt, f"{EXCHANGE}outcome").text = call.message.receipt.outcome
        etree.SubElement(receipt, f"{EXCHANGE}code").text = call.message.receipt.fault.code
        etree.SubElement(receipt, f"{EXCHANGE}field").text = call.message.receipt.fault.field
        etree.SubElement(reply.root, f"{EXCHANGE}messageZh").text = call.message.receipt.fault.message_zh
        etree.SubElement(reply.root, f"{EXCHANGE}messageEn").text = call.message.receipt.fault.message_en
    assert receipt.findtext(f"{EXCHANGE}outcome") == "error"
    return receipt


def test_what_came_in_parts_is_bound_by_the_limit_of_the_whole(profile):
    sample = SAMPLES[Side.URBAN]
    raw = REQUESTS["MTOM as Java writes it"].make(sample)
    platform = Platform(Side.URBAN)
    small = replace(PROFILE, limits=replace(PROFILE.limits, message_bytes=len(raw.body) - 300))
    reply = send(urban_front(small, platform, address="http://x/"), raw.body, raw.content_type)
    assert_typed_fault(reply, ErrorCode.LIMIT_EXCEEDED)
    assert platform.came == []


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("side", list(Side))
def test_a_request_arrives_however_http_frames_it(framing, side):
    sample = SAMPLES[side]
    platform, front = served(side)
    platform.empty()
    opened = _listening("http://127.0.0.1:0", "test")
    port = opened.getsockname()[1]
    server = HttpServer(front, opened, 1 << 20)
    try:
        status, body = call_over_socket(port, "/soap", FRAMINGS[framing](sample.text.encode()))
    finally:
        server.close()
    assert status == 200, body
    assert [message.form.attachments[0].content for message in platform.came] == [sample.photo]


def saying(raw: Raw):
    lines = {**raw.headers, "Content-Length": str(len(raw.body)), "Connection": "close"}
    if raw.content_type is not None:
        lines["Content-Type"] = raw.content_type
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())

    def handle(connection):
        came = b""
        while b"Envelope>" not in came and (piece := connection.recv(65536)):
            came += piece
        connection.sendall(f"HTTP/1.1 {raw.status} Said\r\n{head}\r\n".encode() + raw.body)

    return handle


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_of_a_real_system_ends_the_call_as_it_should(name):
    raw, outcome = REPLIES[name]
    with raw_server(saying(raw)) as base:
        ending = make(base, form_message())
    if outcome == "receipt":
        assert isinstance(ending, Answered), ending
        assert ending.receipt.fault.message_zh == "当前环节不接受此表单"
    elif outcome == "fault":
        assert isinstance(ending, Faulted), ending
        assert ending.fault.message_zh == "身份验证失败"
    else:
        assert isinstance(ending, Unanswered), ending
