"""A harmless call: the query of handed-over cases, written by hand, in any encoding and with any password.

It changes nothing wherever it arrives, so a system can be asked for an answer before anything is judged.
"""

import codecs
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha1
from xml.sax.saxutils import escape

from bridge.vocabulary.messages import CONTRACT_VERSION, CaseQuery, Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType, PlatformProfile

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_TOKEN_PROFILE = f"{_WSS}-username-token-profile-1.0"
_BASE64 = f"{_WSS}-soap-message-security-1.0#Base64Binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks whom, under which account and at what moment of the asked system's clock."""

    caller: PlatformProfile
    #: The platform whose contract the asked service keeps; a bridge may stand in its place.
    serves: Side
    recipient: str
    now: datetime
    #: `urn:uuid:` and a UUID.
    message_id: str
    nonce: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Writing:
    """In which bytes an envelope is written."""

    label: str
    codec: str
    mark: bytes = b""


#: The ways of writing that a liberal reader takes; the first one is the contract's.
WRITINGS = (
    Writing("UTF-8", "utf-8"),
    Writing("UTF-8 + BOM", "utf-8", codecs.BOM_UTF8),
    Writing("GB18030", "gb18030"),
    Writing("GBK", "gbk"),
)


def query_envelope(asking: Asking, query: CaseQuery, writing: Writing = WRITINGS[0]) -> bytes:
    """The request's body."""
    service = f"urn:duijie:{asking.serves}:{CONTRACT_VERSION}"
    text = f"""<?xml version="1.0" encoding="{writing.codec.upper()}"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ex="urn:duijie:exchange:{CONTRACT_VERSION}">
  <soap:Header>
    <wsse:Security xmlns:wsse="{_WSS}-wssecurity-secext-1.0.xsd" xmlns:wsu="{_WSS}-wssecurity-utility-1.0.xsd" soap:mustUnderstand="1">
      {_token(asking)}
    </wsse:Security>
    <ex:messageHeader>
      <ex:messageId>{escape(asking.message_id)}</ex:messageId>
      <ex:sender>{escape(asking.caller.code)}</ex:sender>
      <ex:recipient>{escape(asking.recipient)}</ex:recipient>
      <ex:sentAt>{asking.now.isoformat(timespec="seconds")}</ex:sentAt>
      <ex:contractVersion>{CONTRACT_VERSION}</ex:contractVersion>
    </ex:messageHeader>
  </soap:Header>
  <soap:Body>
    <s:QueryCases xmlns:s="{service}">{_asked(query)}</s:QueryCases>
  </soap:Body>
</soap:Envelope>
"""
    # A character that the encoding lacks, in an account's name, is written as XML can always write it.
    return writing.mark + text.encode(writing.codec, "xmlcharrefreplace")


def query_headers(serves: Side, writing: Writing = WRITINGS[0]) -> Mapping[str, str]:
    """The HTTP headers that go with it."""
    action = f"urn:duijie:{serves}:{CONTRACT_VERSION}:{Operation.QUERY_CASES}"
    return {"Content-Type": f"text/xml; charset={writing.codec}", "SOAPAction": f'"{action}"'}


def _token(asking: Asking) -> str:
    name = f"<wsse:Username>{escape(asking.caller.username)}</wsse:Username>"
    password = asking.caller.password
    if asking.caller.password_type is PasswordType.TEXT:
        kind = f"{_TOKEN_PROFILE}#PasswordText"
        return f'<wsse:UsernameToken>{name}<wsse:Password Type="{kind}">{escape(password)}</wsse:Password></wsse:UsernameToken>'
    created = asking.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # SHA-1 is what the UsernameToken profile prescribes.
    digest = b64encode(sha1(asking.nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324
    return (
        f'<wsse:UsernameToken>{name}<wsse:Password Type="{_TOKEN_PROFILE}#PasswordDigest">{digest}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{_BASE64}">{b64encode(asking.nonce).decode()}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken>"
    )


def _asked(query: CaseQuery) -> str:
    said = [
        ("since", None if query.since is None else query.since.isoformat(timespec="seconds")),
        ("state", query.state),
        ("cursor", query.cursor),
        ("pageSize", str(query.page_size)),
    ]
    return "".join(f"<s:{name}>{escape(value)}</s:{name}>" for name, value in said if value is not None)
