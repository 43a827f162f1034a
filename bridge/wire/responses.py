"""Responses: how a call ended, from bytes and to bytes.

Reading never guesses. Only the contract's own response is an answer, and only its typed fault is a refusal; a proxy's
error page, an untyped fault or a torn document leaves open whether the call had an effect, hence `Unanswered` (RCPT-5).
"""

import re

from lxml import etree

from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault, Operation
from bridge.vocabulary.parties import Side
from bridge.wire import schema
from bridge.wire.envelope import (
    EXCHANGE,
    FAULT,
    RESPONSE_MARKUP,
    build_envelope,
    escaped,
    namespace,
    open_envelope,
)
from bridge.wire.faults import Malformed, SoapCode, soap_code_for
from bridge.wire.forms import Problems
from bridge.wire.multipart import unpacked
from bridge.wire.queries import read_page, write_page
from bridge.wire.receipts import read_fault, read_receipt, write_fault, write_receipt

#: A page of two hundred cases with photos may weigh more than a form; anything beyond this is not read at all.
RESPONSE_BYTES = 256 * 1024 * 1024

_TYPED_FAULT = f"{{{EXCHANGE}}}exchangeFault"


def parse_response(
    data: bytes, content_type: str | None, status: int, side: Side, operation: Operation
) -> Answered | Faulted | Unanswered:
    """How the call of an operation of `side` ended, by what came back."""
    if len(data) > RESPONSE_BYTES:
        return _unanswered(status, content_type, "the answer is too long to be read", "应答过长,未读取")
    try:
        data, content_type = unpacked(data, content_type, RESPONSE_BYTES, markup=RESPONSE_MARKUP)
        opened = open_envelope(data, content_type, markup=RESPONSE_MARKUP)
    except Malformed as error:
        told = error.faults[0]
        return _unanswered(status, content_type, told.message_en, told.message_zh)
    if opened.content.tag == FAULT:
        return _read_soap_fault(opened.content, status, content_type)
    if opened.content.tag != f"{{{namespace(side)}}}{operation.value}Response":
        name = etree.QName(opened.content).localname[:60]
        return _unanswered(
            status, content_type, f"{name} does not answer {operation.value}", f"{name} 不是 {operation.value} 的应答"
        )
    if not 200 <= status < 300:
        return _unanswered(status, content_type, "an answer under an error status", "应答内容与 HTTP 状态矛盾")
    problems: Problems = []
    if operation is Operation.QUERY_CASES:
        found = read_page(opened.content, lambda: schema.is_valid(opened.root, side))
        if found is not None:
            page, unreadable = found
            return Answered(page=page, unreadable=unreadable)
        problems.extend(schema.faults_of(opened.root, side))
    elif schema.is_valid(opened.root, side):
        answered = _read(opened.content, operation, problems)
        if not problems:
            return answered
    else:
        problems.extend(schema.faults_of(opened.root, side))
    return _unanswered(
        status,
        content_type,
        "; ".join(f"{told.field or ''}: {told.message_en}" for told in problems[:3]),
        ";".join(f"{told.field or ''}:{told.message_zh}" for told in problems[:3]),
    )


def _read(content: etree._Element, operation: Operation, problems: Problems) -> Answered:
    if operation is Operation.DELIVER_FORM and len(content):
        return Answered(receipt=read_receipt(content[0], problems))
    return Answered()


def _read_soap_fault(element: etree._Element, status: int, content_type: str | None) -> Faulted | Unanswered:
    detail = element.find("detail")
    typed = None if detail is None else detail.find(_TYPED_FAULT)
    if typed is None or not schema.is_valid_fault(typed):
        words = " ".join((element.findtext("faultstring") or "").split())[:200]
        return _unanswered(
            status, content_type, f"an untyped SOAP fault: {words}", f"不带约定内容的 SOAP Fault:{words}"
        )
    return Faulted(fault=read_fault(typed, []))


def _unanswered(status: int, content_type: str | None, en: str, zh: str) -> Unanswered:
    kind = re.sub(r"[^\w./+-].*", "", content_type or "") or "-"
    return Unanswered(detail=f"HTTP {status} {kind[:60]}: {en} / {zh}")


def build_response(operation: Operation, side: Side, answered: Answered) -> bytes:
    """The response of an operation that `side` serves."""
    name = f"{operation.value}Response"
    out = [f"<m:{name}>"]
    if operation is Operation.QUERY_CASES:
        if answered.page is None:
            raise ValueError("the answer to a query holds a page")
        write_page(answered.page, out)
    elif operation is Operation.DELIVER_FORM and answered.receipt is not None:
        write_receipt(answered.receipt, out)
    out.append(f"</m:{name}>")
    return build_envelope(side, "".join(out))


def build_fault(fault: Fault, side: Side, soap_code: SoapCode | None = None) -> bytes:
    """The typed fault as an answer of `side`; the SOAP code follows from the error unless the envelope itself was at fault."""
    code = soap_code or soap_code_for(fault.code)
    words = escaped(f"{fault.message_zh} / {fault.message_en}")
    out = [
        f"<soap:Fault><faultcode>soap:{code.value}</faultcode><faultstring>{words}</faultstring>"
        f"<faultactor>{namespace(side)}</faultactor><detail>"
    ]
    write_fault(fault, out)
    out.append("</detail></soap:Fault>")
    return build_envelope(side, "".join(out))


def build_faults(error: Malformed, side: Side) -> bytes:
    """The answer to a message that was refused while it was read: its first fault, the number of the others in its sentences."""
    first, *others = error.faults
    if others:
        places = ", ".join(told.field or told.code.value for told in others)
        first = Fault(
            code=first.code,
            field=first.field,
            message_zh=f"{first.message_zh};另有 {len(others)} 处:{places}",
            message_en=f"{first.message_en}; and {len(others)} more: {places}",
        )
    code = error.soap_code if error.soap_code is not SoapCode.CLIENT else soap_code_for(ErrorCode(first.code))
    return build_fault(first, side, code)
