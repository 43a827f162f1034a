"""Ways of writing a message: what is to be taken says the same, whoever wrote it, and what is not, does not."""

import gzip

import pytest
from lxml import etree

import contracts
from conformance.scenario.written import ENVELOPE, WRITINGS

SAMPLE = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_bytes()
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:duijie:urban:1.0:DeliverForm"'}
TAKEN = [name for name, writing in WRITINGS.items() if writing.refused_as is None]


def sent(name: str) -> tuple[bytes, dict[str, str]]:
    body, headers = WRITINGS[name].apply(SAMPLE, dict(HEADERS))
    return body if isinstance(body, bytes) else b"".join(body), headers


def read(body: bytes, headers: dict[str, str]) -> etree._Element:
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    charset = headers["Content-Type"].partition("charset=")[2]
    if charset.startswith("GB"):
        return etree.fromstring(body.decode("gb18030").partition("?>")[2] or body.decode("gb18030"))
    return etree.fromstring(body)


def said(root: etree._Element) -> list[tuple[str, str]]:
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    return [(element.tag, "" if len(element) else (element.text or "").removesuffix("+08:00")) for element in elements]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_to_be_taken_says_the_same(name: str) -> None:
    assert said(read(*sent(name))) == said(etree.fromstring(SAMPLE))


@pytest.mark.parametrize("name", TAKEN)
def test_each_way_of_writing_is_another(name: str) -> None:
    body, headers = WRITINGS[name].apply(SAMPLE, dict(HEADERS))
    assert not isinstance(body, bytes) or (body, headers) != (SAMPLE, HEADERS)


def test_prefixes_are_others_or_none() -> None:
    assert b"<SOAP-ENV:Envelope" in sent("other_prefixes")[0]
    assert b"soap:" not in sent("other_prefixes")[0]
    assert b"<Envelope xmlns=" in sent("default_namespaces")[0]


def test_words_stand_in_cdata_and_in_references() -> None:
    assert b"<![CDATA[" in sent("cdata")[0]
    assert sent("references")[0].isascii()


def test_moments_lose_their_zone_and_a_token_keeps_its_own() -> None:
    body = sent("moments_without_zone")[0]
    assert b"+08:00<" in SAMPLE
    assert b"+08:00<" not in body
    assert SAMPLE.count(b"Z<") == body.count(b"Z<")


def test_what_is_to_be_refused_is_no_message_of_the_contract() -> None:
    assert etree.fromstring(sent("soap12")[0]).tag != f"{{{ENVELOPE}}}Envelope"
    assert b"<!DOCTYPE" in sent("doctype")[0]
    assert b"mustUnderstand" in sent("strange_header")[0].partition(b"urn:example:routing")[2]
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(sent("torn")[0])
