"""Envelopes that are kept hold no secret and no photo, and are otherwise what came, to the letter."""

import base64
from hashlib import sha256

import pytest

import contracts
from conformance.observe.envelope import CHARACTERS_MAX, HIDDEN, kept, pretty, rewritten

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SECRET = "tops3cret-Value"


def envelope(header: str = "", body: str = "<x/>") -> str:
    return f"<s:Envelope xmlns:s='{SOAP}' xmlns:w=\"{WSSE}\"><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"


def test_what_is_no_secret_stays_to_the_letter():
    text = envelope(
        "<w:Security><w:Username>grid</w:Username></w:Security>", "<q:a  b = '1>2'/>\n<q:c><![CDATA[<]]></q:c >"
    )
    text = text.replace("<s:Body", "<s:Body xmlns:q='u:q'")
    assert kept(text.encode()) == text


@pytest.mark.parametrize(
    "header",
    [
        f"<w:Security><w:UsernameToken><w:Password>{SECRET}</w:Password></w:UsernameToken></w:Security>",
        f"<w:Security><w:UsernameToken><w:Password><![CDATA[{SECRET}]]></w:Password></w:UsernameToken></w:Security>",
        f"<w:Security><w:UsernameToken><w:Password>{SECRET}<x/></w:Password></w:UsernameToken></w:Security>",
        f"<w:Security><w:UsernameToken>{SECRET}<w:Username>grid</w:Username></w:UsernameToken></w:Security>",
        f"<w:Security><w:UsernameToken><w:Nonce>{SECRET}</w:Nonce></w:UsernameToken></w:Security>",
        f"<w:Security><w:Password><w:Username>{SECRET}</w:Username></w:Password></w:Security>",
        f"<w:Security><w:Username><x>{SECRET}</x></w:Username></w:Security>",
        f"<w:Security><w:BinarySecurityToken a='b'>{SECRET}</w:BinarySecurityToken></w:Security>",
        f"<Security><anything><at><all>{SECRET}</all></at></anything></Security>",
        f'<w:Security><w:Token password = "{SECRET}"/></w:Security>',
        f"<Auth><UserName>grid</UserName><PassWord>{SECRET}</PassWord></Auth>",
        f"<Auth passwd='{SECRET}'/>",
        f"<!-- {SECRET} --><w:Security/>",
        f"<?note {SECRET}?><w:Security/>",
    ],
)
def test_no_secret_is_kept_wherever_it_stands(header):
    found = kept(envelope(header).encode())
    assert found is not None
    assert SECRET not in found
    assert found.startswith("<s:Envelope")


def test_a_password_in_the_body_is_not_kept_either():
    assert SECRET not in kept(envelope(body=f"<login><userPassword>{SECRET}</userPassword></login>").encode())


@pytest.mark.parametrize(
    "text",
    [
        f"<a><Password>{SECRET}",
        f"no xml {SECRET}",
        f'<!DOCTYPE a [<!ENTITY e "{SECRET}">]><a>&e;</a>',
        "",
    ],
)
def test_what_nobody_can_take_apart_is_not_kept(text):
    assert kept(text.encode()) is None


def test_a_photo_becomes_its_size_and_digest():
    photo = b"\x89PNG" * 4000
    body = f"<form><attachments><name>a.png</name><content>{base64.b64encode(photo).decode()}</content></attachments></form>"
    found = kept(envelope(body=body).encode())
    assert f"<content>‹16000 bytes, SHA-256 {sha256(photo).hexdigest()}›</content>" in found
    assert "<name>a.png</name>" in found


def test_content_that_is_no_base64_is_not_kept():
    body = "<form><attachments><content>*** not base64 ***</content></attachments></form>"
    assert "‹18 characters that are no base64›" in kept(envelope(body=body).encode())


def test_an_envelope_without_end_is_cut():
    found = kept(envelope(body=f"<x>{'字' * 2 * CHARACTERS_MAX}</x>").encode())
    assert len(found) == CHARACTERS_MAX + 1


@pytest.mark.parametrize("sample", sorted(contracts.SAMPLES.glob("*.xml")), ids=lambda path: path.name)
def test_the_contracts_samples_are_kept_without_their_password(sample):
    found, came = kept(sample.read_bytes()), sample.read_text(encoding="utf-8")
    assert "sample-password" not in found
    assert found.count(HIDDEN) == came.count("</wsse:Password>") + came.count("</wsse:Nonce>")


def test_a_replacement_takes_the_place_of_the_whole_content():
    text = "<a><b>1</b><b>2</b><c/></a>"
    assert rewritten(text, lambda path, content, _: "9" if content == "2" else None) == "<a><b>1</b><b>9</b><c/></a>"


def test_an_envelope_is_shown_with_an_element_on_each_line():
    assert pretty("<a><b>1</b><c><d/></c></a>").splitlines() == [
        "<a>",
        "  <b>1</b>",
        "  <c>",
        "    <d/>",
        "  </c>",
        "</a>",
    ]
    assert pretty("no xml") == "no xml"
