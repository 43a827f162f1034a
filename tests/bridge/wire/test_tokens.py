"""Who calls is read from WS-Security, as text or as digest, and never from two places at once."""

import re
from datetime import UTC, datetime

import pytest
from lxml import etree
from zeep.wsse.username import UsernameToken

import contracts
from bridge import wire
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits, PasswordType

TEXT = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_text(encoding="utf-8")
DIGEST = (contracts.SAMPLES / "grid-DeliverForm-dispatch.xml").read_text(encoding="utf-8")
SECURITY = re.search(r"<wsse:Security .*</wsse:Security>", TEXT, re.DOTALL)[0]
MOMENT = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def token_of(text: str) -> wire.Token | None:
    side = Side.URBAN if "urban:DeliverForm" in text else Side.GRID
    return wire.parse_request(text.encode(), None, side, Limits()).token


def test_a_text_token_is_read():
    token = token_of(TEXT)
    assert (token.username, token.password_type) == ("wuhu-grid", PasswordType.TEXT)
    assert token.matches("sample-password")
    assert not token.matches("another")


def test_a_digest_token_is_read_and_proves_the_password():
    token = token_of(DIGEST)
    assert (token.username, token.password_type, token.nonce) == (
        "wuhu-urban",
        PasswordType.DIGEST,
        b"sample-nonce-16b",
    )
    assert token.created_at is not None
    assert token.matches("sample-password")
    assert not token.matches("another")


def test_the_digest_is_that_of_the_standard():
    token = wire.Token.with_digest("u", "密码", nonce=b"abc", created_at=MOMENT)
    assert token.created == "2026-03-02T01:02:03.000Z"
    # printf 'abc2026-03-02T01:02:03.000Z密码' | openssl dgst -sha1 -binary | base64
    assert token.password == "flQwWWBS6j0buc3LaBj61+DZat0="
    assert token.created_at == MOMENT


@pytest.mark.parametrize("use_digest", [True, False])
def test_a_token_that_zeep_wrote_is_read(use_digest):
    envelope = etree.fromstring(TEXT.replace(SECURITY, "").encode())
    signed, _ = UsernameToken("wuhu-grid", "密码", use_digest=use_digest).apply(envelope, {})
    token = token_of(etree.tostring(signed, encoding="unicode"))
    assert token.username == "wuhu-grid"
    assert token.matches("密码")


def test_a_password_without_a_type_is_a_text():
    assert token_of(re.sub(r'(<wsse:Password) Type="[^"]*"', r"\1", TEXT)).password_type is PasswordType.TEXT


def test_a_message_without_security_has_no_token():
    assert token_of(re.sub(r"<wsse:Security.*</wsse:Security>", "", TEXT, flags=re.DOTALL)) is None


def test_a_token_for_another_actor_is_not_for_us():
    assert token_of(TEXT.replace("<wsse:Security ", '<wsse:Security soap:actor="urn:proxy" ')) is None


USERNAME_TOKEN = re.search(r"<wsse:UsernameToken>.*</wsse:UsernameToken>", TEXT, re.DOTALL)[0]
USERNAME = "<wsse:Username>wuhu-grid</wsse:Username>"

DOUBTFUL = {
    "two tokens in one block": TEXT.replace(USERNAME_TOKEN, USERNAME_TOKEN * 2),
    "two security blocks": TEXT.replace(SECURITY, SECURITY * 2),
    "two usernames in one token": TEXT.replace(USERNAME, USERNAME + USERNAME.replace("grid", "urban")),
    "no username": TEXT.replace(USERNAME, ""),
    "an empty username": TEXT.replace(USERNAME, "<wsse:Username/>"),
    "no password": re.sub(r"<wsse:Password.*?</wsse:Password>", "", TEXT),
    "an unknown kind of password": TEXT.replace("#PasswordText", "#PasswordHash"),
    "a digest without nonce": re.sub(r"<wsse:Nonce.*?</wsse:Nonce>", "", DIGEST),
    "a digest with a broken nonce": re.sub(r"(<wsse:Nonce[^>]*>)[^<]*", r"\1*", DIGEST),
    "a digest without moment": re.sub(r"<wsu:Created.*?</wsu:Created>", "", DIGEST),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubtful_token_is_refused_as_not_authenticated(case):
    text = DOUBTFUL[case]
    side = Side.URBAN if "urban:DeliverForm" in text else Side.GRID
    with pytest.raises(wire.Malformed) as caught:
        wire.parse_request(text.encode(), None, side, Limits())
    assert [fault.code for fault in caught.value.faults] == [ErrorCode.NOT_AUTHENTICATED]
    assert caught.value.header is None


@pytest.mark.parametrize("written", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
def test_a_moment_of_creation_that_is_none_is_none(written):
    token = wire.Token(username="u", password="p", password_type=PasswordType.DIGEST, nonce=b"n", created=written)
    assert token.created_at is None


def test_the_password_shows_neither_in_the_tokens_words_nor_in_the_journal():
    token = wire.Token.with_text("u", "hidden-password")
    assert "hidden-password" not in repr(token)
    for encoding in ("utf-8", "gb18030", "utf-16", "utf-16-be"):
        envelope = wire.without_credentials(TEXT.encode(encoding))
        assert "sample-password" not in envelope.decode(encoding)
        assert "王秀兰" in envelope.decode(encoding)
    hidden = TEXT.replace("sample-password", "<![CDATA[sample-password]]>")
    assert b"sample-password" not in wire.without_credentials(hidden.encode())


def test_blanking_leaves_a_readable_envelope_and_everything_else_in_place():
    blanked = wire.without_credentials(TEXT.encode())
    assert blanked == TEXT.replace("sample-password", "***").encode()
    assert token_of(blanked.decode()).username == "wuhu-grid"
