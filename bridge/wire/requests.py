"""Requests: what is asked of a platform, from bytes and to bytes.

A request is read in one go: opened and hardened (`envelope`), validated (`schema`), read (`forms`, `receipts`, `queries`), and
then held against itself: the header and what it heads must name the same case and form type. Who may call, and whether
the sender is the right one, is decided by whoever asked for the reading.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from lxml import etree

from bridge.vocabulary.calls import Message
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import (
    Fault,
    FormMessage,
    Header,
    Operation,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits
from bridge.vocabulary.times import SHANGHAI
from bridge.wire import schema
from bridge.wire.envelope import (
    EXCHANGE,
    REQUEST_MARKUP,
    Opened,
    build_envelope,
    build_token,
    namespace,
    open_envelope,
)
from bridge.wire.faults import Malformed, fault, refused
from bridge.wire.forms import (
    Problems,
    camel,
    overweight,
    read_form,
    read_moment,
    read_text,
    write_form,
    writer,
)
from bridge.wire.multipart import unpacked
from bridge.wire.queries import read_query, write_query
from bridge.wire.receipts import read_receipt, write_receipt
from bridge.wire.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that follows the contract."""

    operation: Operation
    message: Message
    #: Who says to be calling; not verified here.
    token: Token | None


_OPERATIONS = {side: {f"{{{namespace(side)}}}{operation.value}": operation for operation in Operation} for side in Side}


def soap_action(side: Side, operation: Operation) -> str:
    """The SOAPAction of an operation, without quotes."""
    return f"{namespace(side)}:{operation.value}"


def operation_of(message: Message) -> Operation:
    """The operation that carries a message."""
    if isinstance(message, FormMessage):
        return Operation.DELIVER_FORM
    return Operation.DELIVER_RECEIPT if isinstance(message, ReceiptMessage) else Operation.QUERY_CASES


# -- reading ----------------------------------------------------------------------------------------------------------


def parse_request(data: bytes, content_type: str | None, side: Side, limits: Limits) -> Request:
    """Read a request to the platform on `side`; raises `Malformed` with everything that is wrong with it."""
    data, content_type = unpacked(data, content_type, limits.message_bytes)
    if len(data) > limits.message_bytes:
        raise refused(
            ErrorCode.LIMIT_EXCEEDED,
            None,
            f"报文 {len(data)} 字节,限 {limits.message_bytes} 字节",
            f"The message has {len(data)} bytes, the limit is {limits.message_bytes}",
        )
    opened = open_envelope(data, content_type, markup=REQUEST_MARKUP)
    operation = _OPERATIONS[side].get(opened.content.tag)
    if operation is None:
        name = etree.QName(opened.content).localname[:60]
        raise Malformed(
            [
                fault(
                    ErrorCode.SCHEMA_INVALID,
                    None,
                    f"本接口没有操作 {name},或命名空间不符",
                    f"This interface has no operation {name}, or its namespace differs",
                )
            ],
            token=opened.token,
        )
    if opened.message_header is None:
        problems = [fault(ErrorCode.REQUIRED_MISSING, "messageHeader", "缺少报文头", "The message header is missing")]
        raise Malformed(problems, token=opened.token, operation=operation)
    if not schema.is_valid(opened.root, side):
        _check_version(opened, operation)
        raise _malformed(opened, side, operation, schema.faults_of(opened.root, side))
    message, problems = _read(opened, operation, limits)
    if problems or message is None:
        raise _malformed(opened, side, operation, problems)
    return Request(operation=operation, message=message, token=opened.token)


_VERSION = f"{{{EXCHANGE}}}contractVersion"


def _check_version(opened: Opened, operation: Operation) -> None:
    """Another main version is another contract: nothing else of the message can be trusted to mean what it says."""
    element = None if opened.message_header is None else opened.message_header.find(_VERSION)
    version = "" if element is None else (element.text or "")
    if version and not schema.pattern("ContractVersion").fullmatch(version):
        told = fault(
            ErrorCode.VERSION_UNSUPPORTED,
            "messageHeader/contractVersion",
            f"不支持接口规范版本 {version[:20]}",
            f"Contract version {version[:20]} is not supported",
        )
        raise Malformed([told], token=opened.token, operation=operation)


def _malformed(opened: Opened, side: Side, operation: Operation, faults: "Problems | tuple[Fault, ...]") -> Malformed:
    header = _readable_header(opened, side) if operation is Operation.DELIVER_FORM else None
    return Malformed(faults, header=header, token=opened.token, operation=operation)


#: Stands for a moment of sending that a refused form does not say readably.
_UNKNOWN_MOMENT = datetime(1970, 1, 1, tzinfo=SHANGHAI)

_FORM_TYPES = {form_type.value: form_type for form_type in FormType}
_HEADER_FIELDS: dict[str, tuple[str, Callable[[etree._Element, Problems], Any]]] = {
    f"{{{EXCHANGE}}}{camel(name)}": (name, read)
    for name, read in {
        "message_id": read_text,
        "sender": read_text,
        "recipient": read_text,
        "case_number": read_text,
        "form_type": lambda element, _: _FORM_TYPES[element.text or ""],
        "attempt": lambda element, _: int(element.text or ""),
        "sent_at": read_moment,
        "contract_version": read_text,
    }.items()
}


def _read(opened: Opened, operation: Operation, limits: Limits) -> tuple[Message | None, Problems]:
    problems: Problems = []
    values: dict[str, Any] = {}
    for child in cast("etree._Element", opened.message_header):
        name, read = _HEADER_FIELDS[child.tag]
        values[name] = read(child, problems)
    content = opened.content
    if operation is Operation.QUERY_CASES:
        for name in ("case_number", "form_type", "attempt"):
            values.pop(name, None)
        return QueryMessage(header=QueryHeader(**values), query=read_query(content, problems)), problems
    # Optional in the schema only because queries have the same header.
    for name in ("case_number", "form_type"):
        if name not in values:
            place = f"messageHeader/{camel(name)}"
            problems.append(fault(ErrorCode.REQUIRED_MISSING, place, "必填内容缺失", "Something required is missing"))
            values[name] = None
    values.setdefault("attempt", 1)
    header = Header(**values)
    if operation is Operation.DELIVER_RECEIPT:
        receipt = read_receipt(content[0], problems)
        _compare(header, receipt.case_number, receipt.form_type, "receipt/caseNumber", "receipt/formType", problems)
        return ReceiptMessage(header=header, receipt=receipt), problems
    form = read_form(content[0][0], problems)
    place = f"form/{form.form_type.value}"
    _compare(header, form.case_number, form.form_type, f"{place}/caseNumber", place, problems)
    problems += overweight(form, limits)
    return FormMessage(header=header, form=form), problems


def _compare(
    header: Header, case_number: str, form_type: FormType, case_place: str, type_place: str, problems: Problems
) -> None:
    """Hold the header against what it heads."""
    if header.case_number is not None and header.case_number != case_number:
        problems.append(
            fault(
                ErrorCode.CASE_NUMBER_MISMATCH,
                case_place,
                f"案卷号 {case_number} 与报文头的 {header.case_number} 不一致",
                f"The case number {case_number} is not the header's {header.case_number}",
            )
        )
    if header.form_type is not None and header.form_type is not form_type:
        problems.append(
            fault(
                ErrorCode.SCHEMA_INVALID,
                type_place,
                f"表单类型 {form_type.value} 与报文头的 {header.form_type.value} 不一致",
                f"The form type {form_type.value} is not the header's {header.form_type.value}",
            )
        )


def _readable_header(opened: Opened, side: Side) -> Header | None:
    """The header of a form that is refused, as far as an error receipt needs it; None when that cannot be read."""
    texts = {child.tag: (child.text or "") for child in cast("etree._Element", opened.message_header)}
    form = next((child for wrapper in opened.content for child in wrapper), None)
    form_name = "" if form is None else form.tag.removeprefix(f"{{{namespace(side)}}}")
    own_number = None if form is None else form.findtext(f"{{{EXCHANGE}}}caseNumber")

    def well_formed(simple_type: str, *candidates: str | None) -> str | None:
        pattern = schema.pattern(simple_type)
        return next((text for text in candidates if text and pattern.fullmatch(text)), None)

    def text(name: str) -> str:
        return texts.get(f"{{{EXCHANGE}}}{name}", "")

    message_id = well_formed("MessageId", text("messageId"))
    sender = well_formed("PartyCode", text("sender"))
    recipient = well_formed("PartyCode", text("recipient"))
    case_number = well_formed("CaseNumber", own_number, text("caseNumber"))
    form_type = _FORM_TYPES.get(form_name) or _FORM_TYPES.get(text("formType"))
    if message_id is None or sender is None or recipient is None or case_number is None or form_type is None:
        return None
    attempt = text("attempt")
    return Header(
        message_id=message_id,
        sender=sender,
        recipient=recipient,
        case_number=case_number,
        form_type=form_type,
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and 0 < len(attempt) < 4 else 1,
        sent_at=_sent_at(opened),
    )


def _sent_at(opened: Opened) -> datetime:
    """When the refused form was sent, as far as its header says it readably."""
    found = cast("etree._Element", opened.message_header).find(f"{{{EXCHANGE}}}sentAt")
    moment = None if found is None else read_moment(found, [])
    return moment or _UNKNOWN_MOMENT


# -- building ---------------------------------------------------------------------------------------------------------

_write_header = writer(Header)
_write_query_header = writer(QueryHeader)


def build_request(message: Message, side: Side, token: Token | None) -> bytes:
    """The request that brings a message to the platform on `side`."""
    head: list[str] = [build_token(token)] if token is not None else []
    head.append("<ex:messageHeader>")
    body: list[str] = []
    operation = operation_of(message).value
    body.append(f"<m:{operation}>")
    if isinstance(message, QueryMessage):
        _write_query_header(message.header, head)
        write_query(message.query, body)
    else:
        _write_header(message.header, head)
        if isinstance(message, ReceiptMessage):
            write_receipt(message.receipt, body)
        else:
            body.append("<m:form>")
            write_form(message.form, body)
            body.append("</m:form>")
    head.append("</ex:messageHeader>")
    body.append(f"</m:{operation}>")
    return build_envelope(side, "".join(body), "".join(head))
