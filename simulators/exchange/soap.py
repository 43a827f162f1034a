"""SOAP for both simulators: spyne objects to vocabulary values and back, and everything around the call.

    bytes ─► SoapFront ─► RequestProtocol ─► service (grid, urban) ─► Reception ─► machine
             whatever     who calls, is the   unpack, call, pack       the process
             comes in,    header whole, is
             SOAP goes    the body as the
             out          contract says

What comes in is made one plain XML document first (`incoming`). spyne alone would let much through or down: it never checks headers, ignores WS-Security and
`mustUnderstand`, answers undecodable bytes with something that is not SOAP, writes typed faults that
are not valid SOAP 1.1, and logs requests whole. Each of these is taken over below, at the place where
spyne allows it.

A form whose envelope can be read but whose body is not as the contract says gets an error receipt, so
that it has its one effective receipt like every other form (RCPT-1); all else that cannot be taken
gets the typed fault, which says that nothing was done.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Any, Protocol, TypeVar, get_type_hints

import simulators.exchange.spyne_shim  # noqa: F401 - spyne cannot be imported before it

# isort: split
import spyne.const
from lxml import etree
from spyne import Application
from spyne import ByteArray as SpyneBytes
from spyne import DateTime as SpyneDateTime
from spyne import Fault as SpyneFault
from spyne.interface import InterfaceDocuments
from spyne.interface.wsdl import Wsdl11
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

from bridge.vocabulary.calls import Answered, Faulted, Message
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FORM_CLASSES, FORMS_BY_DIRECTION, Form
from bridge.vocabulary.liberties import Liberties, Liberty
from bridge.vocabulary.messages import CaseQuery, Fault, Header, Operation, QueryHeader, Receipt
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.times import in_shanghai
from simulators.exchange import incoming, liberties, security
from simulators.exchange.prefixes import ENVELOPE, PrefixChoice, with_prefixes
from simulators.exchange.types import EXCHANGE, MessageHeader, camel, shared, unwrapped

log = logging.getLogger(__name__)
# spyne logs whole requests when it cannot read them, and texts of forms in its faults: personal data.
logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)
# spyne has all of the process's garbage collected while a caller waits. It keeps no files open here.
spyne.const.MIN_GC_INTERVAL = float("inf")

_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_WSDL_SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
_XSD = "http://www.w3.org/2001/XMLSchema"
_HEADER_ELEMENT = f"{{{EXCHANGE}}}messageHeader"
_TEXT_XML = "text/xml; charset=utf-8"

StartResponse = Callable[..., Any]
WsgiCallable = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Reception(Protocol):
    """Who answers the calls: the process around a machine."""

    def received(self, message: Message) -> Answered | Faulted:
        """Take a message that is as the contract says."""

    def unreadable(self, header: Header, fault: Fault, digest: str) -> Answered | Faulted:
        """Take note of a form with a good header and a body that is not as the contract says; `digest` identifies the body."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All in which one service differs from another of the same side: spyne's application is made once for all of them."""

    reception: Reception
    guard: security.Guard
    prefixes: PrefixChoice | None = None
    mode: Liberties = Liberties.TAKE


#: Where a request's environment names the desk that it came to.
_DESK = "duijie.desk"


def desk(ctx: Any) -> Desk:
    """Say at which desk the call of this spyne context is."""
    found: Desk = ctx.transport.req_env[_DESK]
    return found


# ── values ──────────────────────────────────────────────────────────────────────────────────────────

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    wire: str
    many: bool
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_FIELDS: dict[Any, tuple[_Field, ...]] = {}


def _fields(cls: Any) -> tuple[_Field, ...]:
    """Say how each field of a vocabulary class is read from and written to spyne's objects; worked out once."""
    found = _FIELDS.get(cls)
    if found is None:
        found = _FIELDS[cls] = tuple(_worked_out(cls))
    return found


def _worked_out(cls: Any) -> Iterator[_Field]:
    hints = get_type_hints(cls)
    for item in fields(cls):
        kind, _, many = unwrapped(hints[item.name])
        read, write = _conversion(kind)
        yield _Field(item.name, camel(item.name), many, read, write)


def _conversion(kind: type) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if is_dataclass(kind):
        return lambda found: to_value(found, kind), to_model
    if kind is datetime:
        return in_shanghai, _same
    if kind is bytes:
        return b"".join, lambda content: [content]
    if issubclass(kind, StrEnum):
        return kind, lambda member: member.value
    return _same, _same


def to_value(model: Any, cls: type[T]) -> T:
    """Make a vocabulary value of the spyne object that stands for it."""
    found: dict[str, Any] = {}
    for item in _fields(cls):
        content = getattr(model, item.wire)
        if item.many:
            found[item.name] = tuple(item.read(one) for one in content or ())
        elif content is not None:
            found[item.name] = item.read(content)
        else:
            found[item.name] = None
    return cls(**found)


def form_of(inbound: Any, direction: Direction) -> Form:
    """Make the form of a choice in which exactly one is given."""
    form_type = next(known for known in FORMS_BY_DIRECTION[direction] if getattr(inbound, known.value) is not None)
    return to_value(getattr(inbound, form_type.value), FORM_CLASSES[form_type])


def to_model(value: Any, model: Any = None) -> Any:
    """Make the spyne object of a vocabulary value; `model` is its class where the value alone does not say."""
    made = (model or shared(type(value)))()
    for item in _fields(type(value)):
        content = getattr(value, item.name)
        if content is not None:
            setattr(made, item.wire, [item.write(one) for one in content] if item.many else item.write(content))
    return made


# ── faults ──────────────────────────────────────────────────────────────────────────────────────────

#: Ours, hence `soap:Server`: the same message may be taken later.
_OUR_FAULTS = frozenset({ErrorCode.BUSY, ErrorCode.INTERNAL})


class Refusal(SpyneFault):
    """A call that was refused, with the contract's typed fault."""

    def __init__(self, fault: Fault, soap_code: str | None = None):
        self.fault = fault
        super().__init__(
            soap_code or ("Server" if fault.code in _OUR_FAULTS else "Client"),
            f"{fault.message_zh} / {fault.message_en}",
        )


def refusal(code: ErrorCode, where: str | None, zh: str, en: str, soap_code: str | None = None) -> Refusal:
    """Make a refusal from its parts."""
    return Refusal(Fault(code=code, field=where, message_zh=zh, message_en=en), soap_code)


def _typed(fault: SpyneFault) -> Refusal:
    """Give a fault that spyne itself raised the contract's shape."""
    if isinstance(fault, Refusal):
        return fault
    if fault.faultcode.startswith("Client"):
        return refusal(
            ErrorCode.SCHEMA_INVALID,
            None,
            "报文不是本服务的操作,或不符合接口规范。",
            "The message is no operation of this service, or not as the contract says.",
        )
    return _internal()


def _internal() -> Refusal:
    return refusal(
        ErrorCode.INTERNAL,
        None,
        "系统内部错误,本次调用未产生任何影响,请稍后原样重发。",
        "Internal error; the call had no effect, please repeat it unchanged later.",
    )


def _fault_element(fault: SpyneFault, prefix: str) -> etree._Element:
    typed = _typed(fault)
    element = etree.Element(f"{{{ENVELOPE}}}Fault")
    etree.SubElement(element, "faultcode").text = f"{prefix}:{typed.faultcode}"
    etree.SubElement(element, "faultstring").text = _writable(typed.faultstring)
    detail = etree.SubElement(element, "detail")
    block = etree.SubElement(detail, f"{{{EXCHANGE}}}exchangeFault", nsmap={"ex": EXCHANGE})
    for item in _fields(Fault):
        content = getattr(typed.fault, item.name)
        if content is not None:
            etree.SubElement(block, f"{{{EXCHANGE}}}{item.wire}").text = _writable(content)
    return element


#: What XML 1.0 cannot hold: a name that a caller made up, such as a Content-Encoding, may hold it.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def _fault_envelope(fault: SpyneFault) -> bytes:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
    etree.SubElement(envelope, f"{{{ENVELOPE}}}Body").append(_fault_element(fault, "soap"))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def only_tls() -> bytes:
    """Give the answer to a call without TLS where TLS is spoken: it is the caller's address that is wrong, no message."""
    return _fault_envelope(
        refusal(ErrorCode.NOT_AUTHORISED, None, "此地址只接受 https 呼叫。", "Calls to this address are made by https.")
    )


def not_http(status: int) -> bytes:
    """Give the answer to what came and was no HTTP request, or one too heavy (413)."""
    if status == 413:
        return _fault_envelope(
            refusal(ErrorCode.LIMIT_EXCEEDED, None, "请求超过大小限额。", "The request is heavier than allowed.")
        )
    return _fault_envelope(_unreadable("HTTP 请求不可读。", "The HTTP request cannot be read."))


def _unreadable(zh: str, en: str) -> Refusal:
    return refusal(ErrorCode.SCHEMA_INVALID, None, zh, en)


# ── the protocol ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a call besides its body; stands in spyne's context as `udc`."""

    header: Header | QueryHeader
    #: What is wrong with the form in the body, if something is.
    fault: Fault | None = None
    #: SHA-256 of what the body holds, when something is wrong with it.
    digest: str = ""


#: Names of the errors of the schema validator that mean more than «not as the contract says».
_CODE_BY_SCHEMA_ERROR = {"SCHEMAV_CVC_ENUMERATION_VALID": ErrorCode.CODE_UNKNOWN}


class RequestProtocol(Soap11):
    """SOAP 1.1 requests as the contract means them: header validated, caller known, body as the schema says."""

    def __init__(self) -> None:
        super().__init__(validator="lxml", parse_xsi_type=False)
        self.deserialization_handlers[SpyneBytes] = _content
        self._from_unicode_handlers[SpyneDateTime] = lambda _cls, text: moment(text)

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Read the request; spyne's own reading would log it whole when it fails."""
        body = b"".join(ctx.in_string)
        ctx.udc = sha256(body).hexdigest()
        try:
            ctx.in_document = incoming.parse(body, ctx.transport.get_request_content_type() or "")
        except incoming.Unreadable as error:
            raise Refusal(error.fault) from None

    def decompose_incoming_envelope(self, ctx: Any, message: Any = Soap11.REQUEST) -> None:
        """Find header and body, check both, and know the operation."""
        root = ctx.in_document
        name = etree.QName(root)
        if name.localname == "Envelope" and name.namespace != ENVELOPE:
            raise refusal(
                ErrorCode.VERSION_UNSUPPORTED,
                None,
                "只支持 SOAP 1.1。",
                "Only SOAP 1.1 is spoken here.",
                soap_code="VersionMismatch",
            )
        head, content = _head_and_content(root)
        overlooked = [] if desk(ctx).mode is Liberties.TAKE else self._overlooked(ctx, root, content)
        _respell_moments(root)
        operation = next((known for known in Operation if content.tag == f"{{{self.app.tns}}}{known.value}"), None)
        block = self._header_block(ctx, head, operation)
        if operation is None:
            raise _unreadable("报文体不是本服务的操作。", "The content of the body is no operation of this service.")
        header = self._header(ctx, block, operation)
        fault = self._schema_fault(content)
        if overlooked and fault is None:
            fault = self._report(overlooked, desk(ctx).mode)
        ctx.udc = Envelope(header) if fault is None else self._with_bad_body(header, fault, content)
        ctx.in_header_doc = None
        ctx.in_body_doc = content
        ctx.method_request_string = content.tag

    def _overlooked(self, ctx: Any, root: etree._Element, content: etree._Element) -> list[tuple[Liberty, str | None]]:
        environ = ctx.transport.req_env
        found: list[tuple[Liberty, str | None]] = [(each, None) for each in environ.get(liberties.OVERLOOKED, ())]
        name = etree.QName(content)
        if environ.get("HTTP_SOAPACTION") != f'"{name.namespace}:{name.localname}"':
            found.append((Liberty.SOAP_ACTION, None))
        places = [(content, "")] + [(header, "header/") for header in root.iter(_HEADER_ELEMENT)]
        for part, prefix in places:
            for liberty, node in liberties.in_moments(_moments_in(part)):
                found.append((liberty, prefix + _path_below(part, node)))
        return found

    @staticmethod
    def _report(overlooked: list[tuple[Liberty, str | None]], mode: Liberties) -> Fault | None:
        for liberty, place in overlooked:
            log.info("overlooked: %s at %s", liberty.value, place or "the message")
        return liberties.refusal(overlooked) if mode is Liberties.REFUSE else None

    def deserialize(self, ctx: Any, message: Any) -> None:
        """Make objects of the body; of a body that is not as the contract says nothing is made."""
        ctx.in_object = None
        if ctx.udc.fault is None:
            try:
                ctx.in_object = self.from_element(ctx, ctx.descriptor.in_message, ctx.in_body_doc)
            except _NotBase64 as error:
                fault = _not_base64(_path_below(ctx.in_body_doc, error.element))
                ctx.udc = self._with_bad_body(ctx.udc.header, fault, ctx.in_body_doc)
            except (ValueError, OverflowError):
                ctx.udc = self._with_bad_body(ctx.udc.header, _not_representable("form"), ctx.in_body_doc)

    def _with_bad_body(self, header: Header | QueryHeader, fault: Fault, body: etree._Element) -> Envelope:
        """A form whose sender can be told gets an error receipt; everything else is refused at once."""
        if not isinstance(header, Header) or etree.QName(body).localname != Operation.DELIVER_FORM:
            raise Refusal(fault)
        return Envelope(header, fault, _digest_of(body))

    def _header_block(self, ctx: Any, header: etree._Element | None, operation: Operation | None) -> etree._Element:
        blocks = (
            [] if header is None else [child for child in header if isinstance(child.tag, str) and _is_for_us(child)]
        )
        for block in blocks:
            strange = _not_understood(block)
            if strange is not None and _must_be_understood(block):
                raise refusal(
                    ErrorCode.SCHEMA_INVALID,
                    f"header/{strange}",
                    f"不认识必须理解的报文头 {strange}。",
                    f"Header block {strange} must be understood and is not known here.",
                    soap_code="MustUnderstand",
                )
        refused = desk(ctx).guard.refusal(
            security.Call(
                blocks=[block for block in blocks if block.tag == security.SECURITY],
                environ=ctx.transport.req_env,
                content=ctx.udc,
                is_query=operation is Operation.QUERY_CASES,
            )
        )
        if refused is not None:
            log.warning("a caller was refused: %s at %s", refused.code, refused.field)
            raise Refusal(refused)
        found = [block for block in blocks if block.tag == _HEADER_ELEMENT]
        if len(found) != 1:
            raise refusal(
                ErrorCode.SCHEMA_INVALID,
                "header/messageHeader",
                "报文头 messageHeader 应恰有一个。",
                "There must be exactly one messageHeader.",
            )
        return found[0]

    def _header(self, ctx: Any, block: etree._Element, operation: Operation) -> Header | QueryHeader:
        if (fault := self._schema_fault(block)) is not None:
            raise Refusal(fault)
        try:
            model = self.from_element(ctx, MessageHeader, block)
        except (ValueError, OverflowError):
            raise Refusal(_not_representable("header")) from None
        if operation is Operation.QUERY_CASES:
            return to_value(model, QueryHeader)
        for needed in ("caseNumber", "formType"):
            if getattr(model, needed) is None:
                raise refusal(
                    ErrorCode.REQUIRED_MISSING,
                    f"header/{needed}",
                    f"报文头缺少 {needed}。",
                    f"The header lacks {needed}.",
                )
        if model.attempt is None:
            model.attempt = 1
        return to_value(model, Header)

    def _schema_fault(self, element: etree._Element) -> Fault | None:
        if self.validation_schema.validate(element):
            return None
        error = self.validation_schema.error_log[0]
        where = _field_path(element, error.path)[:200]
        if where.endswith("/content"):
            return _not_base64(where)
        code = _CODE_BY_SCHEMA_ERROR.get(error.type_name, ErrorCode.SCHEMA_INVALID)
        return Fault(
            code=code,
            field=where,
            message_zh=(
                f"{where} 的取值不在代码表内。" if code is ErrorCode.CODE_UNKNOWN else f"{where} 不符合接口规范。"
            ),
            message_en=_NAMESPACE.sub("", error.message)[:500],
        )


class AnswerProtocol(Soap11):
    """SOAP 1.1 answers: typed faults that are valid SOAP, and other prefixes when the quirk says so."""

    def __init__(self) -> None:
        super().__init__()
        self.serialization_handlers[SpyneFault] = self._fault_to_parent

    def serialize(self, ctx: Any, message: Any) -> None:
        """Write the answer."""
        super().serialize(ctx, message)
        if (prefixes := desk(ctx).prefixes) is not None:
            ctx.out_document = with_prefixes(ctx.out_document, prefixes)

    def _fault_to_parent(
        self, ctx: Any, cls: Any, inst: SpyneFault, parent: etree._Element, ns: str, *_args: Any, **_kwargs: Any
    ) -> None:
        parent.append(_fault_element(inst, self.soap_env))


def _not_representable(where: str) -> Fault:
    """What the schema allows and Python has no value for, such as a moment in the year 12000."""
    return Fault(
        code=ErrorCode.SCHEMA_INVALID,
        field=where,
        message_zh="报文中有本系统无法表示的数值。",
        message_en="The message holds a value that this system cannot represent.",
    )


class _NotBase64(ValueError):
    """An element holds something else than base64."""

    def __init__(self, element: etree._Element):
        self.element = element
        super().__init__("not base64")


def _content(_ctx: Any, _cls: Any, element: etree._Element) -> tuple[bytes]:
    """Read base64 strictly; the schema validator passes over stray characters, and the content would be another."""
    try:
        return (incoming.strict_base64(element.text or ""),)
    except ValueError:
        raise _NotBase64(element) from None


def _not_base64(where: str) -> Fault:
    return Fault(
        code=ErrorCode.ATTACHMENT_INVALID,
        field=where,
        message_zh=f"{where} 应为 base64,或引用报文中尚未被引用的一个部分。",
        message_en=f"{where} must be base64, or refer to a part of the message to which nothing else refers.",
    )


def _head_and_content(root: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """Find the header, if there is one, and the one element in the body; two of a kind would leave two readings."""
    parts = [child.tag for child in root]
    if root.tag != f"{{{ENVELOPE}}}Envelope" or parts not in ([_HEAD, _BODY], [_BODY]):
        raise _unreadable(
            "报文不是 SOAP 信封;信封依次包含至多一个 Header 和恰好一个 Body。",
            "The message is no SOAP envelope, which holds one Header at the most and then one Body.",
        )
    head, body = root[0] if len(root) > 1 else None, root[-1]
    if len(body) != 1:
        raise _unreadable("信封的 Body 应恰有一个元素。", "The Body of the envelope must hold exactly one element.")
    for holder in (root, body) if head is None else (root, head, body):
        if "".join([holder.text or "", *(child.tail or "" for child in holder)]).strip():
            raise _unreadable(
                "信封的元素之间不得有文字。", "There must be no words between the elements of an envelope."
            )
    return head, body[0]


_HEAD, _BODY = f"{{{ENVELOPE}}}Header", f"{{{ENVELOPE}}}Body"

_NAMESPACE = re.compile(r"\{urn:duijie:[a-z]+:1\.0\}")


#: What may stand as the actor of a block that is meant for whoever gets the message.
_OURS = ("", "http://schemas.xmlsoap.org/soap/actor/next")


def _must_be_understood(block: etree._Element) -> bool:
    return block.get(f"{{{ENVELOPE}}}mustUnderstand", "").strip() in ("1", "true")


def _is_for_us(block: etree._Element) -> bool:
    """Whether a block is meant for whoever takes the message, and not for somebody on its way (SOAP 1.1, 4.2.2)."""
    return block.get(f"{{{ENVELOPE}}}actor", "").strip() in _OURS


def _not_understood(block: etree._Element) -> str | None:
    """Name what is not known here: the block, or what stands in a Security header and nobody would check; None when all is."""
    if block.tag == security.SECURITY:
        return next(
            (f"Security/{etree.QName(part).localname}" for part in block if part.tag not in security.KNOWN_PARTS), None
        )
    return None if block.tag == _HEADER_ELEMENT else etree.QName(block).localname


def _digest_of(body: etree._Element) -> str:
    """Tell bodies apart by what they hold; the prefixes do not matter."""
    # libxml2's canonical form gives up where a message declares thousands of prefixes.
    said = sha256()
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if event == "start":
            words = [element.tag, *(f"{name}={value}" for name, value in sorted(element.attrib.items())), element.text]
        else:
            words = ["/", "" if element is body else element.tail]
        said.update("\0".join(str(word or "") for word in words).encode())
        said.update(b"\0\0")
    return said.hexdigest()


_STEP = re.compile(r"(?:(?P<prefix>[^:\[\]]+):)?(?P<name>[^:\[\]]+)(?:\[(?P<place>\d+)\])?")


def _field_path(element: etree._Element, path: str) -> str:
    """Turn the validator's path into the field's, such as `form/handOver/category`."""
    # Not by XPath: it would need every prefix of a message that may have thousands.
    node = element
    for step in path.strip("/").split("/")[1:]:
        said = _STEP.fullmatch(step)
        if said is None:
            break
        # The validator writes `*` for a name without a prefix, and counts all siblings then.
        alike = [
            child
            for child in node
            if said["name"] == "*" or (etree.QName(child).localname, child.prefix) == (said["name"], said["prefix"])
        ]
        place = int(said["place"] or 1)
        if place > len(alike):
            break
        node = alike[place - 1]
    return _path_below(element, node)


def _path_below(element: etree._Element, node: etree._Element | None) -> str:
    steps = []
    while node is not None and node is not element:
        steps.append(etree.QName(node).localname)
        node = node.getparent()
    return "/".join(reversed(steps)) or etree.QName(element).localname


def _moments() -> frozenset[str]:
    classes: tuple[Any, ...] = (Header, Receipt, CaseQuery, *FORM_CLASSES.values())
    return frozenset(
        camel(name) for cls in classes for name, hint in get_type_hints(cls).items() if unwrapped(hint)[0] is datetime
    )


#: Names of the elements that hold a moment.
_MOMENTS = _moments()
_SPELLED_OTHERWISE = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d):?(\d\d)|(Z?))\s*", re.ASCII
)


def _moments_in(root: etree._Element) -> Iterator[etree._Element]:
    return root.iter(*(f"{{*}}{name}" for name in _MOMENTS))


def _respell_moments(root: etree._Element) -> None:
    """Spell moments as the schema has them where they only lack the T or the colon of the zone."""
    for element in _moments_in(root):
        found = _SPELLED_OTHERWISE.fullmatch(element.text or "")
        if found is not None:
            day, clock, hours, minutes, universal = found.groups()
            element.text = f"{day}T{clock}{universal}" if hours is None else f"{day}T{clock}{hours}:{minutes}"


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def moment(text: str) -> datetime:
    """Read an `xs:dateTime`: without a zone it is Asia/Shanghai's, more digits than microseconds are cut, 24:00 is midnight."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    day, clock, fraction, zone = found.groups()
    at_midnight = clock == "24:00:00"
    read = datetime.fromisoformat(f"{day}T{'00:00:00' if at_midnight else clock}{(fraction or '')[:7]}{zone or ''}")
    return in_shanghai(read + timedelta(days=1) if at_midnight else read)


# ── the WSDL ────────────────────────────────────────────────────────────────────────────────────────


def _wsdl(name: str) -> str:
    return f"{{{_WSDL}}}{name}"


def _soap(name: str) -> str:
    return f"{{{_WSDL_SOAP}}}{name}"


def _xsd(name: str) -> str:
    return f"{{{_XSD}}}{name}"


class _ContractWsdl(Wsdl11):
    """spyne's WSDL, with what spyne cannot say added and what it says too much taken away."""

    def __init__(self, interface: Any):
        super().__init__(interface)
        self.event_manager.add_listener("wsdl_document_built", lambda _self: self._finish())

    def build_schema_nodes(self, with_schema_location: bool = False) -> None:
        super().build_schema_nodes(with_schema_location)
        wrappers = {name for known in Operation for name in (known.value, f"{known.value}Response")}
        for schema in self.schema_dict.values():
            # Every complex type gets an element from spyne; the contract has elements for messages alone.
            for element in schema.findall(_xsd("element")):
                if schema.get("targetNamespace") == EXCHANGE or element.get("name") not in wrappers:
                    schema.remove(element)
            # Optional for spyne's writer, which would else write empty ones; in a choice one must be there.
            for element in schema.iterfind(f".//{_xsd('choice')}/{_xsd('element')}"):
                element.attrib.pop("minOccurs", None)
        prefix = self.interface.get_namespace_prefix(EXCHANGE)
        for name, kind in (("messageHeader", "MessageHeader"), ("exchangeFault", "ExchangeFault")):
            etree.SubElement(self.schema_dict[prefix], _xsd("element"), name=name, type=f"{prefix}:{kind}")

    def _finish(self) -> None:
        root = self.root_elt
        types = root.find(_wsdl("types"))
        # Some readers want a schema before the ones that import it.
        types.insert(0, types.find(f"{_xsd('schema')}[@targetNamespace='{EXCHANGE}']"))
        name = self.interface.get_name()
        root.find(_wsdl("binding")).set("name", f"{name}Soap")
        service = root.find(_wsdl("service"))
        service.set("name", f"{name}Service")
        service.find(_wsdl("port")).set("name", f"{name}Port")
        service.find(_wsdl("port")).set("binding", f"tns:{name}Soap")
        for part in root.iterfind(f"{_wsdl('message')}/{_wsdl('part')}"):
            if part.getparent().get("name") != "MessageHeader":
                part.set("name", "parameters")
        exchange = self.interface.get_namespace_prefix(EXCHANGE)
        fault = etree.Element(_wsdl("message"), name="ExchangeFault")
        etree.SubElement(fault, _wsdl("part"), name="fault", element=f"{exchange}:exchangeFault")
        root.insert(root.index(root.find(_wsdl("portType"))), fault)
        for operation in root.iterfind(f"{_wsdl('portType')}/{_wsdl('operation')}"):
            del operation.attrib["parameterOrder"]
            etree.SubElement(operation, _wsdl("fault"), name="ExchangeFault", message="tns:ExchangeFault")
        for operation in root.iterfind(f"{_wsdl('binding')}/{_wsdl('operation')}"):
            operation.find(_soap("operation")).set("soapAction", f"{self.interface.tns}:{operation.get('name')}")
            header = operation.find(f"{_wsdl('input')}/{_soap('header')}")
            # The message is the WSDL's own, whatever namespace its element is from.
            header.set("message", "tns:MessageHeader")
            header.set("part", "messageHeader")
            bound = etree.SubElement(operation, _wsdl("fault"), name="ExchangeFault")
            etree.SubElement(bound, _soap("fault"), name="ExchangeFault", use="literal")
        # SOAP 1.2 among the declared namespaces makes some generators speak it.
        etree.cleanup_namespaces(root, keep_ns_prefixes=["tns", "xs", exchange])


class _Documents(InterfaceDocuments):
    def __init__(self, interface: Any):
        super().__init__(interface)
        self.wsdl11 = _ContractWsdl(interface)


# ── the WSGI application ────────────────────────────────────────────────────────────────────────────


class SoapFront:
    """A WSGI application that answers whatever comes in with SOAP, and GET with its WSDL."""

    def __init__(self, inner: Any, wsdl: bytes, bytes_max: int, served_at: Desk):
        self._desk = served_at
        self._inner = inner
        self.wsdl = wsdl
        self._bytes_max = bytes_max

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        try:
            return self._serve(environ, start_response)
        except SpyneFault as fault:
            return _answer(start_response, "500 Internal Server Error", _fault_envelope(fault))
        except incoming.Unreadable as error:
            return _answer(start_response, "500 Internal Server Error", _fault_envelope(Refusal(error.fault)))
        except Exception:
            log.exception("a call ended in an error of ours")
            return _answer(start_response, "500 Internal Server Error", _fault_envelope(_internal()))

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"].upper()
        if method == "GET" and environ.get("QUERY_STRING", "").lower().startswith("wsdl"):
            return _answer(start_response, "200 OK", self.wsdl)
        if method != "POST":
            fault = _unreadable("请用 POST 调用,或用 GET ?wsdl 取得接口描述。", "POST a call, or GET ?wsdl.")
            return _answer(start_response, "405 Method Not Allowed", _fault_envelope(fault), ("Allow", "GET, POST"))
        body = environ["wsgi.input"].read(self._bytes_max + 1)
        if len(body) > self._bytes_max:
            raise refusal(
                ErrorCode.LIMIT_EXCEEDED,
                None,
                f"报文超过 {self._bytes_max} 字节。",
                f"The message is larger than {self._bytes_max} bytes.",
            )
        coding, content_type = environ.get("HTTP_CONTENT_ENCODING", ""), environ.get("CONTENT_TYPE", "")
        whole = incoming.uncompressed(body, coding, self._bytes_max)
        body, plain_type = incoming.unpacked(whole, content_type, self._bytes_max)
        if self._desk.mode is not Liberties.TAKE:
            environ = {**environ, liberties.OVERLOOKED: liberties.in_transport(whole, content_type, coding)}
        plain = {
            "wsgi.input": _Once(body),
            "CONTENT_TYPE": plain_type,
            "CONTENT_LENGTH": str(len(body)),
            _DESK: self._desk,
        }
        return list(self._inner(environ | plain, start_response))


class _Once:
    """The request's body, read already."""

    def __init__(self, body: bytes):
        self._rest = memoryview(body)

    def read(self, size: int = -1) -> bytes:
        cut = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:cut], self._rest[cut:]
        return bytes(taken)


def _answer(start_response: StartResponse, status: str, body: bytes, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", _TEXT_XML), ("Content-Length", str(len(body))), *headers])
    return [body]


def front(
    service: Any,
    namespace: str,
    name: str,
    *,
    guard: security.Guard,
    address: str,
    reception: Reception,
    bytes_max: int,
    prefixes: PrefixChoice | None = None,
    mode: Liberties = Liberties.TAKE,
) -> SoapFront:
    """Make the WSGI application of one side's SOAP service; `address` is what its WSDL says."""
    application, document = made_once(service, namespace, name)
    # The limit counts bytes that came in; what they hold once unpacked is measured before spyne sees it.
    wsgi = WsgiApplication(application, max_content_length=bytes_max)
    return SoapFront(wsgi, _at(address, document), bytes_max, Desk(reception, guard, prefixes, mode))


@cache
def made_once(service: Any, namespace: str, name: str) -> tuple[Application, bytes]:
    """Spyne's application for one side, and its WSDL without an address: they take long to make and are the same for every desk."""
    application = Application(
        [service],
        tns=namespace,
        name=name,
        # The whole shared schema, also the forms of the other direction: the contract has one for both sides.
        classes=(shared(Fault), *map(shared, FORM_CLASSES.values())),
        in_protocol=RequestProtocol(),
        out_protocol=AnswerProtocol(),
        documents_container=_Documents,
    )
    wsdl = WsgiApplication(application).doc.wsdl11
    wsdl.build_interface_document(_NOWHERE)
    return application, wsdl.get_interface_document()


#: Stands in the WSDL until an address is known.
_NOWHERE = "urn:duijie:nowhere"


def _at(address: str, document: bytes) -> bytes:
    root = etree.fromstring(document)
    for place in root.iter(_soap("address")):
        place.set("location", address)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def names(operation: Operation) -> dict[str, str]:
    """Name an operation and its messages as in the contract; spyne would take the function's name for some of them."""
    return {"_operation_name": operation.value, "_out_message_name": f"{operation.value}Response"}


def answered(answer: Answered | Faulted) -> Answered:
    """Give the answer of the reception, or raise the fault that it is."""
    if isinstance(answer, Faulted):
        raise Refusal(answer.fault)
    return answer
