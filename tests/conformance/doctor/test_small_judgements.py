"""What clocks, numbers, answers and declarations mean before a run."""

from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from hashlib import sha1
from pathlib import Path

import pytest
from lxml import etree

import contracts
from bridge.vocabulary.messages import CaseQuery, QueryMessage
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import PasswordType, PlatformProfile
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.catalogue import checks
from conformance.doctor.answers import Answer, in_encodings, with_a_wrong_password, with_the_right_password
from conformance.doctor.clock import date_of, judged, skew
from conformance.doctor.declared import Known, against_the_driver, in_the_file, patterns_without_checks
from conformance.doctor.finding import Finding, Level, Topic, finding_record
from conformance.doctor.numbers import taken
from conformance.doctor.query import WRITINGS, Asking, query_envelope, query_headers
from conformance.drivers.sut import SystemUnderTest
from conformance.observe.body import envelope_in
from conformance.observe.soap import read_request
from duijie.library import library_folder

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
SECOND = timedelta(seconds=1)


# --- clocks


def test_a_clock_that_was_read_while_we_asked_is_not_apart():
    assert skew(NOW, NOW - SECOND, NOW + SECOND) == timedelta()
    assert skew(NOW + 60 * SECOND, NOW - SECOND, NOW) == 60 * SECOND
    assert skew(NOW - 60 * SECOND, NOW, NOW + SECOND) == -60 * SECOND


@pytest.mark.parametrize(
    ("seconds", "level", "said"),
    [
        (0, Level.OK, "agrees"),
        (-1, Level.OK, "agrees"),
        (150, Level.OK, "150 s ahead of ours"),
        (151, Level.WARNING, "151 s ahead of ours"),
        (-300, Level.WARNING, "300 s behind ours"),
        (-301, Level.FAILURE, "301 s behind ours"),
        (3600, Level.FAILURE, "300 s are allowed"),
    ],
)
def test_a_clock_is_judged_by_how_fresh_a_token_must_be(seconds, level, said):
    finding = judged(timedelta(seconds=seconds), 300)
    assert (finding.level, finding.topic) == (level, Topic.CLOCK)
    assert said in finding.said.en


def test_the_date_of_an_answer_is_read_where_there_is_one():
    assert date_of("Mon, 02 Mar 2026 01:00:00 GMT") == NOW
    assert date_of(None) is None
    assert date_of("yesterday") is None


# --- case numbers


def test_only_numbers_of_the_runs_days_and_serials_are_in_its_way():
    books = ["340202-20260302-000041", "340202-20260301-000041", "340202-20260302-000081", "T20260302", ""]
    assert taken(books, frozenset(range(41, 81)), date(2026, 3, 2)) == ("340202-20260302-000041",)


# --- the query


def asking(**changed) -> Asking:
    account = {"code": "wuhu-grid", "endpoint": "http://x", "username": "网格<&>", "password": "口令"} | changed
    return Asking(
        caller=PlatformProfile(**account),
        serves=Side.URBAN,
        recipient="wuhu-urban",
        now=NOW,
        message_id="urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000018",
        nonce=b"0123456789abcdef",
    )


@pytest.mark.parametrize("writing", WRITINGS, ids=lambda writing: writing.label)
def test_the_query_says_the_same_in_every_encoding(writing):
    query = CaseQuery(since=NOW, cursor="a<b", page_size=7)
    sent = query_envelope(asking(), query, writing)
    assert sent.startswith(writing.mark)
    assert writing.codec in query_headers(Side.URBAN, writing)["Content-Type"]
    message = read_request(envelope_in(sent))
    assert isinstance(message, QueryMessage)
    assert message.query == query
    assert (message.header.sender, message.header.recipient) == ("wuhu-grid", "wuhu-urban")
    assert etree.fromstring(sent).findtext(".//{*}Username") == "网格<&>"


def test_the_query_is_as_the_contracts_schema_has_it():
    schema = etree.XMLSchema(etree.parse(contracts.path("urban.xsd")))
    body = etree.fromstring(query_envelope(asking(), CaseQuery(since=NOW, page_size=1))).find(".//{*}QueryCases")
    schema.assertValid(body)


def test_a_digest_proves_the_password_and_a_text_shows_it():
    token = etree.fromstring(query_envelope(asking(), CaseQuery()))
    created = token.findtext(".//{*}Created")
    assert created == NOW.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    nonce = b64decode(token.findtext(".//{*}Nonce"))
    assert b64decode(token.findtext(".//{*}Password")) == sha1(nonce + created.encode() + "口令".encode()).digest()
    plain = etree.fromstring(query_envelope(asking(password_type=PasswordType.TEXT), CaseQuery()))
    assert plain.findtext(".//{*}Password") == "口令"


# --- answers


def sample(name: str) -> bytes:
    return (contracts.SAMPLES / f"urban-{name}.xml").read_bytes()


PAGE = Answer(200, "text/xml; charset=utf-8", sample("QueryCasesResponse"))
REFUSED = Answer(500, "text/xml", sample("fault-client"))
BUSY = Answer(500, "text/xml", sample("fault-server"))
WRONG_PARTY = Answer(500, "text/xml", sample("fault-client").replace(b"NOT_AUTHENTICATED", b"WRONG_PARTY"))
HTML = Answer(200, "text/html", b"<html>welcome</html>")
FORBIDDEN = Answer(401, "text/html", b"")


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        (PAGE, Level.OK, "a query of grid is answered"),
        (REFUSED, Level.FAILURE, "not accepted: NOT_AUTHENTICATED"),
        (FORBIDDEN, Level.FAILURE, "not accepted: HTTP 401"),
        (WRONG_PARTY, Level.FAILURE, "the party codes do not fit"),
        (BUSY, Level.WARNING, "did not get a page of cases"),
        (HTML, Level.FAILURE, "no SOAP service"),
        (Answer(404, "text/plain", b"not here"), Level.FAILURE, "no SOAP service: HTTP 404"),
    ],
)
def test_the_right_password_should_be_answered(answer, level, said):
    finding = with_the_right_password(answer, "grid")
    assert finding.level is level
    assert said in finding.said.en


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (PAGE, Level.FAILURE),
        (REFUSED, Level.OK),
        (FORBIDDEN, Level.OK),
        (BUSY, Level.WARNING),
        (HTML, Level.WARNING),
    ],
)
def test_a_wrong_password_should_be_refused(answer, level):
    assert with_a_wrong_password(answer, "grid").level is level


def test_encodings_that_are_not_read_are_named_and_left_to_the_checks():
    assert in_encodings([("UTF-8", PAGE), ("GBK", PAGE)]).level is Level.OK
    finding = in_encodings([("UTF-8", PAGE), ("GBK", HTML)])
    assert finding.level is Level.WARNING
    assert [detail.en for detail in finding.details] == ["GBK: HTTP 200, an answer that is not SOAP"]


@pytest.mark.parametrize(
    ("content_type", "body", "encoding"),
    [
        ("text/xml; charset=GBK", b"<x/>", "GBK"),
        ("text/xml", b'<?xml version="1.0" encoding="gb18030"?><x/>', "GB18030"),
        ("", b"\xef\xbb\xbf<x/>", "UTF-8"),
    ],
)
def test_the_encoding_of_an_answer_is_told(content_type, body, encoding):
    assert Answer(200, content_type, body).encoding == encoding


# --- declarations


KNOWN = Known(checks=checks(library_folder()), asks=frozenset({"case", "forms"}))


def sut(**declared) -> SystemUnderTest:
    suite = {key: declared.pop(key) for key in ("checks", "skip") if key in declared}
    return SystemUnderTest(path=Path("sut.toml"), role=Party.URBAN, name="x", declared=declared, **suite)


def said(remarks) -> list[tuple[bool, str]]:
    return [(remark.wrong, remark.said.en) for remark in remarks]


@pytest.mark.parametrize("name", ["EXC-5", "operator.file", "operator.*", "case", "RCPT-1-01/urban", "RCPT-*"])
def test_what_a_system_does_not_have_may_be_anything_that_is_known(name):
    assert in_the_file(sut(unsupported=[name]), KNOWN) == []


def test_what_means_nothing_cannot_be_unsupported():
    (only,) = said(in_the_file(sut(unsupported=["operator.fil"]), KNOWN))
    assert only == (
        True,
        "sut.toml:1: capabilities.unsupported: nothing is called operator.fil; did you mean 'operator.file'?",
    )


def test_an_act_that_nobody_knows_is_told_and_no_more():
    ((wrong, text),) = said(in_the_file(sut(acts=["operator.*", "operator.fill"]), KNOWN))
    assert not wrong
    assert "operator.fill; did you mean 'operator.file'" in text


def test_the_same_cannot_be_declared_and_denied():
    ((wrong, text),) = said(in_the_file(sut(acts=["operator.*"], unsupported=["operator.*"]), KNOWN))
    assert wrong
    assert "stands both under acts and under unsupported" in text


@pytest.mark.parametrize(
    ("declared", "told", "text"),
    [
        ({"acts": ["district.*"]}, {"acts": ["operator.*"]}, "district.* is declared, and the driver says"),
        ({"asks": ["forms"]}, {"asks": ("case",)}, "forms is declared, and the driver says"),
        ({"restart": True}, {"restart": False}, "restart = true is declared"),
        ({}, {"acts": "operator.*"}, "the driver tells acts as 'operator.*'; it should be a list of names"),
        ({}, {"tells_quiet": "yes"}, "tells_quiet as 'yes'; it should be true or false"),
    ],
)
def test_what_the_driver_denies_is_a_contradiction(declared, told, text):
    ((wrong, found),) = said(against_the_driver(sut(**declared), told, KNOWN))
    assert wrong
    assert text in found


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"acts": ["operator.*"]}, {"acts": ["operator.file"]}),
        ({"acts": ["*"]}, {"acts": ["operator.file"]}),
        ({"restart": True}, {}),
        ({"steered_clock": False}, {"steered_clock": True}),
        ({}, {"acts": ["*"], "asks": ["*"]}),
    ],
)
def test_what_the_driver_has_or_does_not_speak_of_is_none(declared, told):
    assert against_the_driver(sut(**declared), told, KNOWN) == []


def test_an_act_of_the_drivers_that_no_check_uses_is_told():
    ((wrong, text),) = said(against_the_driver(sut(), {"acts": ["operator.phone"]}, KNOWN))
    assert not wrong
    assert "operator.phone, which no check uses" in text


def test_an_entry_of_the_suite_that_means_no_check_is_wrong():
    everything = [check for check in KNOWN.checks if check.judges is Party.URBAN]
    remarks = patterns_without_checks(sut(checks=("INT-6", "INT-66"), skip=("RCPT-1-01/grid",)), everything)
    assert said(remarks) == [
        (True, "sut.toml:1: INT-66 in suite.checks means no check"),
        (True, "sut.toml:1: RCPT-1-01/grid in suite.skip means no check"),
    ]


def test_a_finding_is_a_record_in_both_languages():
    record = finding_record(judged(timedelta(seconds=400), 300))
    assert (record["topic"], record["level"]) == ("clock", "failure")
    assert all(record[key][language] for key in ("said", "next_step") for language in ("zh", "en"))
    assert isinstance(judged(timedelta(), 300), Finding)
