"""A zeep client for either side's service: makes a machine's calls and says how each one ended.

How a call ends decides what its sender may believe (RCPT-5), so every way is put in its place:

| what happened                                                        | ending     |
|----------------------------------------------------------------------|------------|
| the response is as the contract says                                 | Answered   |
| a SOAP fault with the contract's typed detail, whatever the status   | Faulted    |
| no connection: refused, name unknown, time-out while connecting      | NotReached |
| time-out, cut connection, HTML, an untyped fault, an unreadable page | Unanswered |

A proxy's error page is not a refusal: only the typed detail is.
"""

# zeep has types in part: its constructors have none.
# mypy: disallow-untyped-calls=False

import logging
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lxml import etree
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from zeep import Client, Settings
from zeep.exceptions import Fault as ZeepFault
from zeep.plugins import Plugin
from zeep.transports import Transport
from zeep.wsdl import Document
from zeep.wsse.username import UsernameToken

import contracts
from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import Attachment
from bridge.vocabulary.messages import CasePage, Fault, FormMessage, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType, Tls
from bridge.vocabulary.times import in_shanghai
from simulators.exchange import incoming
from simulators.exchange.patience import Caller, Response, TooLate
from simulators.exchange.prefixes import ENVELOPE, PrefixChoice, with_prefixes
from simulators.exchange.security import real_time
from simulators.exchange.tls import calling

_EXCHANGE = "urn:duijie:exchange:1.0"

# zeep logs whole messages at DEBUG: personal data, and passwords.
logging.getLogger("zeep.transports").setLevel(logging.INFO)

#: Seconds to wait for a connection, and then for the answer.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0

#: A page may hold two hundred cases with their photos.
PAGE_BYTES = 256 * 1024 * 1024


def wsdl_path(side: Side) -> Path:
    """Say where the contract of a side's service lies; it is loaded from there, never from the network."""
    return contracts.path(f"{side.value}.wsdl")


@cache
def _document(path: Path) -> Document:
    # The parsed contract is the same for every client and thread.
    return Document(str(path), Transport(), settings=_settings())  # type: ignore[arg-type]  # zeep means an instance


_loading = threading.Lock()


def preload(side: Side) -> None:
    """Read the contract of a side's service ahead of the first call."""
    with _loading:
        _document(wsdl_path(side))


def _settings() -> Settings:
    return Settings(xml_huge_tree=True, forbid_dtd=True, raw_response=True)


#: Takes the bytes and HTTP headers of a call and gives what is sent in their place; the bytes may come in pieces.
Rewrite = Callable[[bytes, dict[str, str]], tuple[bytes | Iterator[bytes], dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request or a response as it crossed, and what its headers say of it."""

    content: bytes
    content_type: str | None
    content_encoding: str | None = None


class PlatformClient:
    """Calls one service. Threads may share it; each gets a connection of its own."""

    def __init__(
        self,
        wsdl: Path,
        address: str,
        username: str,
        password: str,
        password_type: PasswordType = PasswordType.DIGEST,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        prefixes: PrefixChoice | None = None,
        now: Callable[[], datetime] = real_time,
        tls: Tls | None = None,
        rewrite: Rewrite | None = None,
        overheard: Callable[[Body], None] | None = None,
    ):
        #: Told of each request and of its response.
        self._overheard = overheard
        self._tls = tls or Tls()
        self._rewrite = rewrite
        self._now = now
        self._wsdl = wsdl
        self._address = address
        self._username = username
        self._password = password
        self._digest = password_type is PasswordType.DIGEST
        self._answer_seconds = answer_seconds
        self._prefixes = prefixes
        self._own = threading.local()

    def make(self, call: Call) -> Ending:
        """Make the call and say how it ended."""
        client, service = self._connected()
        message = call.message
        if isinstance(message, FormMessage):
            content = {"form": {message.form.form_type.value: to_wire(message.form)}}
        elif isinstance(message, ReceiptMessage):
            content = {"receipt": to_wire(message.receipt)}
        else:
            content = to_wire(message.query)
        header = {"messageHeader": to_wire(message.header)}
        name = call.operation.value
        try:
            response = service[name](**content, _soapheaders=header)
        except (TooLate, HTTPError, OSError) as error:
            return _not_answered(error)
        return self._read(client, service, name, response)

    def _read(self, client: Client, service: Any, name: str, response: Response) -> Ending:
        if not response.content:
            return Unanswered(detail=f"HTTP {response.status_code} without an answer")
        binding = service._binding
        try:
            _make_plain(response)
            body = binding.process_reply(client, binding.get(name), response)
        except ZeepFault as found:
            fault = _typed_fault(found.detail)
            if fault is not None:
                return Faulted(fault=fault)
            return Unanswered(detail=f"HTTP {response.status_code} with a fault that is not the contract's")
        except Exception as error:
            # Whatever an unreadable answer does to the reader, it says nothing about what the far end did.
            return Unanswered(detail=f"HTTP {response.status_code}, unreadable answer ({type(error).__name__})")
        try:
            if name == "QueryCases":
                return Answered(page=from_wire(body, CasePage))
            if name == "DeliverForm" and body is not None:
                return Answered(receipt=from_wire(body, Receipt))
        except (ValueError, TypeError, AttributeError) as error:
            return Unanswered(detail=f"answer outside the contract ({error})"[:200])
        return Answered()

    def _connected(self) -> tuple[Client, Any]:
        if not hasattr(self._own, "client"):
            with _loading:
                document = _document(self._wsdl)
            caller = Caller(
                connect_seconds=CONNECT_SECONDS,
                answer_seconds=self._answer_seconds,
                context=calling(self._tls) if self._address.lower().startswith("https:") else None,
            )
            transport = _PrefixTransport(
                caller=caller,
                prefixes=self._prefixes,
                rewrite=self._rewrite,
                overheard=self._overheard,
            )
            token = _TimelyToken(self._now, self._username, self._password, use_digest=self._digest)
            client = Client(
                document, wsse=token, transport=transport, plugins=[_OnlyOurAnswers()], settings=_settings()
            )
            binding = next(iter(document.bindings))
            self._own.client = client
            self._own.service = client.create_service(binding, self._address)
        return self._own.client, self._own.service


def _make_plain(response: Response) -> None:
    """Put a plain XML document in the place of what came, which zeep might not be able to read."""
    body, content_type = incoming.unpacked(
        response.content, response.headers.get("Content-Type", ""), PAGE_BYTES, incoming.ANSWER
    )
    response.content = incoming.document(body, content_type, incoming.ANSWER)
    response.headers["Content-Type"] = incoming.PLAIN_XML


class _TimelyToken(UsernameToken):
    """A token that is made anew for each call, at the time of the caller's own clock and with a nonce of its own."""

    def __init__(self, now: Callable[[], datetime], username: str, password: str, *, use_digest: bool):
        super().__init__(username, password, use_digest=use_digest, zulu_timestamp=True)
        self._now = now

    def apply(self, envelope: etree._Element, headers: Any) -> Any:
        self.created = self._now().astimezone(UTC)
        return super().apply(envelope, headers)


class _OnlyOurAnswers(Plugin):
    """Refuses an envelope that holds another answer; zeep would take it for one that holds nothing."""

    def ingress(self, envelope: etree._Element, http_headers: Any, operation: Any) -> tuple[etree._Element, Any]:
        content = envelope.find(f"{{{ENVELOPE}}}Body/*")
        expected = f"{{{operation.binding.name.namespace}}}{operation.name}Response"
        if content is None or content.tag not in (expected, f"{{{ENVELOPE}}}Fault"):
            raise ValueError("not the answer to this call")
        return envelope, http_headers


class _PrefixTransport(Transport):
    def __init__(
        self,
        *,
        caller: Caller,
        prefixes: PrefixChoice | None,
        rewrite: Rewrite | None,
        overheard: Callable[[Body], None] | None,
    ):
        # The session that zeep makes for itself would fetch contracts, which lie here already.
        super().__init__()
        self._caller = caller
        self._prefixes = prefixes
        self._rewrite = rewrite
        self._overheard = overheard

    def post_xml(self, address: str, envelope: etree._Element, headers: dict[str, str]) -> Any:
        if self._prefixes is not None:
            envelope = with_prefixes(envelope, self._prefixes)
        return super().post_xml(address, envelope, headers)

    def post(self, address: str, message: Any, headers: dict[str, str]) -> Any:
        if self._rewrite is not None:
            message, headers = self._rewrite(message, dict(headers))
        if self._overheard is None:
            return self._caller.post(address, message, headers)
        if isinstance(message, bytes):
            self._overhear(message, headers)
        else:
            pieces = list(message)
            self._overhear(b"".join(pieces), headers)
            # An iterator, not a list, is what goes out in chunks.
            message = iter(pieces)
        response = self._caller.post(address, message, headers)
        self._overhear(response.content, response.headers)
        return response

    def _overhear(self, content: bytes, headers: Mapping[str, str]) -> None:
        if self._overheard is not None:
            told = {name.lower(): value for name, value in headers.items()}
            self._overheard(Body(content, told.get("content-type"), told.get("content-encoding")))


#: What OpenSSL says when either end does not accept the other's certificate; nothing of a message has been taken then.
_NO_HANDSHAKE = (
    "CERTIFICATE_VERIFY_FAILED",
    "CERTIFICATE_REQUIRED",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


def _not_answered(error: Exception) -> NotReached | Unanswered:
    """Tell a call that surely did not arrive from one of which nobody knows."""
    if any(words in str(error) for words in _NO_HANDSHAKE):
        return NotReached(detail="no TLS connection: a certificate was refused")
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return NotReached(detail="no connection")
    if isinstance(error, TooLate):
        return Unanswered(detail="no answer in time")
    return Unanswered(detail=f"connection broken off ({type(error).__name__})")


def _typed_fault(detail: Any) -> Fault | None:
    block = detail.find(f"{{{_EXCHANGE}}}exchangeFault") if isinstance(detail, etree._Element) else None
    if block is None:
        return None
    said = {etree.QName(child).localname: child.text or "" for child in block.iterchildren(etree.Element)}
    try:
        code = ErrorCode(said["code"])
    except (KeyError, ValueError):
        return None
    return Fault(
        code=code,
        field=said.get("field"),
        message_zh=said.get("messageZh", ""),
        message_en=said.get("messageEn", ""),
    )


# ── vocabulary values and zeep's ────────────────────────────────────────────────────────────────────

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    wire: str
    many: bool
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_FIELDS: dict[Any, tuple[_Field, ...]] = {}


def _fields(cls: Any) -> tuple[_Field, ...]:
    found = _FIELDS.get(cls)
    if found is None:
        found = _FIELDS[cls] = tuple(_worked_out(cls))
    return found


def _worked_out(cls: Any) -> Iterator[_Field]:
    hints = get_type_hints(cls)
    for item in fields(cls):
        kind = hints[item.name]
        many = get_origin(kind) is tuple
        if many or isinstance(kind, types.UnionType):
            kind = get_args(kind)[0]
        head, *rest = item.name.split("_")
        wire = head + "".join(part.capitalize() for part in rest)
        yield _Field(item.name, wire, many, *_conversion(kind))


def _conversion(kind: type) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if is_dataclass(kind):
        return to_wire, lambda found: from_wire(found, kind)
    if issubclass(kind, StrEnum):
        return lambda member: member.value, kind
    if kind is datetime:
        return _same, in_shanghai
    return _same, _same


def to_wire(value: Any) -> dict[str, Any]:
    """Spell a vocabulary value for zeep: names of the wire, absent fields left out."""
    spelled: dict[str, Any] = {}
    for item in _fields(type(value)):
        content = getattr(value, item.name)
        if content is None or content == ():
            continue
        spelled[item.wire] = [item.write(one) for one in content] if item.many else item.write(content)
    return spelled


def from_wire(found: Any, cls: type[T]) -> T:
    """Make a vocabulary value of what zeep has read; raises `ValueError` for a value that the contract does not know."""
    values: dict[str, Any] = {}
    for item in _fields(cls):
        content = getattr(found, item.wire)
        if item.many:
            values[item.name] = tuple(item.read(one) for one in content or ())
        else:
            values[item.name] = None if content is None else item.read(content)
    if cls is Attachment and values["content"] is None and values["reference"] is None:
        # One of the two is always there; zeep reads an empty element as None.
        values["content"] = b""
    return cls(**values)
