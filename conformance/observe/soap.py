"""Reads envelopes for the record: the judge's own reading of the contract.

The judge must not read the wire with the codec of what it judges, so this module walks the XML by itself, generically over the
vocabulary's field types. It knows nothing of schemas. `read_request` and `read_response` give values of the vocabulary, and nothing for
what does not fit it. `hear_request` and `hear_response` are for traffic of strangers: they give what stands there as a record, with
what does not fit put beside it, because a form without its number is a finding and no reason to look away.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from lxml import etree

from bridge.vocabulary.calls import Answered, Ending, Faulted, Message, Unanswered
from bridge.vocabulary.forms import FORM_CLASSES, Attachment, FormType
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    Operation,
    QueryHeader,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.times import in_shanghai
from conformance.oracle.trace import Outcome, Record, camel, plain

# A comment in the middle of a text would hide the rest of it.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True
)
_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_T = TypeVar("_T")


class _Unreadable(Exception):
    """What stands there does not fit the vocabulary."""


def read_request(envelope: bytes) -> Message | None:
    """The message that a request envelope carries, or None when it cannot be read as one."""
    content, header = _open(envelope)
    if content is None or header is None:
        return None
    try:
        operation = Operation(_local(content))
        if operation is Operation.QUERY_CASES:
            return QueryMessage(header=_build(header, QueryHeader), query=_build(content, CaseQuery))
        if operation is Operation.DELIVER_RECEIPT:
            receipt = _build(_wanted(content, "receipt"), Receipt)
            return ReceiptMessage(header=_build(header, Header), receipt=receipt)
        chosen = next(_children(_wanted(content, "form")), None)
        if chosen is None:
            return None
        form = _build(chosen, FORM_CLASSES[FormType(_local(chosen))])
        return FormMessage(header=_build(header, Header), form=form)
    except (_Unreadable, ValueError):
        return None


def served_side(envelope: bytes) -> Side | None:
    """The platform whose service a request is for, by the namespace of what it asks; None when it is neither's."""
    content, _ = _open(envelope)
    contract = None if content is None else _CONTRACT.match(etree.QName(content).namespace or "")
    return None if contract is None else Side(contract[1])


def read_response(envelope: bytes) -> Ending:
    """How a call ended, from the response's envelope; `Unanswered` when it is no answer in the contract's terms."""
    content, _ = _open(envelope)
    if content is None:
        return Unanswered(detail="the response is no SOAP 1.1 envelope")
    try:
        if content.tag == f"{_ENVELOPE}Fault":
            detail = content.find("detail")
            typed = None if detail is None else next(_children(detail), None)
            if typed is None or _local(typed) != "exchangeFault":
                return Unanswered(detail=f"an untyped fault: {content.findtext('faultstring')}")
            return Faulted(fault=_build(typed, Fault))
        if _local(content) == "QueryCasesResponse":
            page = CasePage(
                cases=tuple(_build(item, HandedOverCase) for item in _children(content) if _local(item) == "cases"),
                next_cursor=_wanted(content, "nextCursor").text or "",
                more=(_wanted(content, "more").text or "").strip() in {"true", "1"},
            )
            return Answered(page=page)
        receipt = next((child for child in _children(content) if _local(child) == "receipt"), None)
        return Answered(receipt=None if receipt is None else _build(receipt, Receipt))
    except (_Unreadable, ValueError) as error:
        return Unanswered(detail=f"the response does not fit the contract: {error}")


def _open(envelope: bytes) -> tuple[etree._Element | None, etree._Element | None]:
    """The first element of the body, and the message header, where there are such."""
    try:
        root = etree.fromstring(envelope, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return None, None
    body = root.find(f"{_ENVELOPE}Body")
    if root.tag != f"{_ENVELOPE}Envelope" or body is None:
        return None, None
    header = root.find(f"{_ENVELOPE}Header")
    block = None
    if header is not None:
        block = next((child for child in _children(header) if _local(child) == "messageHeader"), None)
    return next(_children(body), None), block


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _children(element: etree._Element) -> Any:
    return (child for child in element if isinstance(child.tag, str))


def _wanted(element: etree._Element, name: str) -> etree._Element:
    found = next((child for child in _children(element) if _local(child) == name), None)
    if found is None:
        raise _Unreadable(f"{_local(element)} lacks {name}")
    return cast(etree._Element, found)


_FIELDS: dict[type, dict[str, tuple[str, Any]]] = {}


def _fields(cls: type) -> dict[str, tuple[str, Any]]:
    """Wire name to (field name, type) of a vocabulary class; worked out once."""
    known = _FIELDS.get(cls)
    if known is None:
        types = get_type_hints(cls)
        known = {camel(item.name): (item.name, types[item.name]) for item in fields(cls)}
        _FIELDS[cls] = known
    return known


def _build(element: etree._Element, cls: type[_T]) -> _T:
    """A vocabulary value from an element; raises `_Unreadable` when something required is missing or of the wrong kind."""
    known = _fields(cls)
    values: dict[str, Any] = {name: None for name, kind in known.values() if type(None) in get_args(kind)}
    for child in _children(element):
        if _local(child) not in known:
            continue
        name, kind = known[_local(child)]
        if get_origin(kind) is tuple:
            values[name] = (*values.get(name, ()), _value(child, get_args(kind)[0]))
        else:
            values[name] = _value(child, kind)
    try:
        return cls(**values)
    except TypeError as error:
        raise _Unreadable(str(error)) from None


def _moment(text: str) -> datetime:
    return in_shanghai(datetime.fromisoformat(text))


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise _Unreadable(str(error)) from None


_READERS: dict[type, Callable[[str], Any]] = {
    bool: lambda text: text in {"true", "1"},
    int: int,
    float: float,
    datetime: _moment,
    bytes: _octets,
}


def _value(element: etree._Element, kind: Any) -> Any:
    if isinstance(kind, UnionType):
        kind = next(option for option in get_args(kind) if option is not type(None))
    if is_dataclass(kind):
        return _build(element, cast(type, kind))
    if kind is str:
        return element.text or ""
    text = (element.text or "").strip()
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(text)
    return _READERS[kind](text)


# --- traffic of strangers ---------------------------------------------------------------------------------------

_CONTRACT = re.compile(r"urn:duijie:(grid|urban):")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
#: The header's fields in a call's record, where they are not called as in the vocabulary.
_HEADER_NAMES = {"sender": "header_sender", "recipient": "header_recipient"}


@dataclass(frozen=True, slots=True)
class Heard:
    """A request as a call's record says it, whether or not it fits the vocabulary; what does not fit stands under `unfit`."""

    values: Record
    #: The platform whose contract the operation is of, by its namespace; a bridge may stand in its place.
    serves: Side | None


def hear_request(envelope: bytes) -> Heard | None:
    """What a request says; None when it is no message of the exchange."""
    content, header = _open(envelope)
    if content is None or _local(content) not in {operation.value for operation in Operation}:
        return None
    contract = _CONTRACT.match(etree.QName(content).namespace or "")
    if contract is None and header is None:
        return None
    operation, unfit = Operation(_local(content)), _Unfit()
    values: Record = {"operation": operation.value}
    if header is not None:
        known = QueryHeader if operation is Operation.QUERY_CASES else Header
        for name, value in _loosely(header, known, unfit.below("header")).items():
            field = _fields(known)[name][0]
            values[_HEADER_NAMES.get(field, field)] = value
    if operation is Operation.QUERY_CASES:
        values["query"] = {"pageSize": CaseQuery().page_size} | _loosely(content, CaseQuery, unfit.below("query"))
    elif operation is Operation.DELIVER_RECEIPT:
        values["receipt"] = _loosely(_first(content, "receipt"), Receipt, unfit.below("receipt"))
    else:
        _hear_form(content, values, unfit)
    if unfit.found:
        values["unfit"] = unfit.found
    return Heard(values, None if contract is None else Side(contract[1]))


def hear_response(envelope: bytes) -> Record:
    """How a call ended, as an answer's record says it; `unanswered` when this is no answer in the contract's terms."""
    content, _ = _open(envelope)
    if content is None:
        return {"outcome": Outcome.UNANSWERED.value, "detail": "the response is no SOAP 1.1 envelope"}
    unfit = _Unfit()
    if content.tag == f"{_ENVELOPE}Fault":
        detail = content.find("detail")
        typed = None if detail is None else _first(detail, "exchangeFault")
        if typed is None:
            return {
                "outcome": Outcome.UNANSWERED.value,
                "detail": f"an untyped fault: {content.findtext('faultstring')}",
            }
        values: Record = {"outcome": Outcome.FAULT.value, "fault": _loosely(typed, Fault, unfit.below("fault"))}
    elif _local(content) == "QueryCasesResponse":
        page = _loosely(content, CasePage, unfit.below("page"))
        cases = [
            {"messageId": case.get("messageId"), "state": case.get("state"), "caseNumber": _number_of(case)}
            for case in page.get("cases", [])
        ]
        values = {"outcome": Outcome.PAGE.value, "cases": cases}
        values |= {"next_cursor": page.get("nextCursor", ""), "more": page.get("more", False)}
    elif _local(content) in ("DeliverFormResponse", "DeliverReceiptResponse"):
        receipt = _first(content, "receipt")
        values = {"outcome": Outcome.ACKNOWLEDGED.value}
        if receipt is not None:
            said = _loosely(receipt, Receipt, unfit.below("receipt"))
            values = {"outcome": Outcome.RECEIPT.value, "receipt": said}
    else:
        return {"outcome": Outcome.UNANSWERED.value, "detail": f"the response is a {_local(content)}"}
    if unfit.found:
        values["unfit"] = unfit.found
    return values


class _Unfit:
    """Collects what does not fit the vocabulary, each with its path."""

    def __init__(self, path: str = "", found: list[Record] | None = None):
        self.path = path
        self.found: list[Record] = [] if found is None else found

    def below(self, name: str) -> "_Unfit":
        return _Unfit(f"{self.path}/{name}" if self.path else name, self.found)

    def add(self, value: str) -> None:
        self.found.append({"field": self.path, "value": value})


def _hear_form(content: etree._Element, values: Record, unfit: _Unfit) -> None:
    holder = _first(content, "form")
    chosen = None if holder is None else next(_children(holder), None)
    if chosen is None:
        values["form"] = {}
        return
    name = _local(chosen)
    if name in {form_type.value for form_type in FormType}:
        values["form"] = _loosely(chosen, FORM_CLASSES[FormType(name)], unfit.below("form").below(name))
    else:
        values["form"] = {_local(child): child.text or "" for child in _children(chosen) if not len(child)}
    if values.get("form_type", name) != name:
        unfit.below("header").below("formType").add(str(values["form_type"]))
    # The form is what it is, whatever its header says.
    values["form_type"] = name


def _number_of(case: Record) -> object:
    return (case.get("handOver") or {}).get("caseNumber")


def _first(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in _children(element) if _local(child) == name), None)


def _loosely(element: etree._Element | None, cls: type, unfit: _Unfit) -> Record:
    """The fields of a vocabulary class that stand in an element, as the trace writes them; contents of attachments are left out."""
    found: Record = {}
    known = _fields(cls)
    for child in () if element is None else _children(element):
        name = _local(child)
        if name not in known or (cls is Attachment and name == "content") or child.get(_NIL) in ("true", "1"):
            continue
        kind = known[name][1]
        several = get_origin(kind) is tuple
        value = _loose_value(child, get_args(kind)[0] if several else kind, unfit.below(name))
        if several:
            found.setdefault(name, []).append(value)
        elif value is not None:
            found[name] = value
    return found


def _loose_value(element: etree._Element, kind: Any, unfit: _Unfit) -> Any:
    if isinstance(kind, UnionType):
        kind = next(option for option in get_args(kind) if option is not type(None))
    if is_dataclass(kind):
        return _loosely(element, cast(type, kind), unfit)
    try:
        return plain(_value(element, kind))
    except (_Unreadable, ValueError):
        text = (element.text or "").strip()
        unfit.add(text)
        # A number that is none would break whoever counts with it; a word or a moment can stand as it is.
        return None if kind in (int, float, bool) else text
