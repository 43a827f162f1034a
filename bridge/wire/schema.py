"""The contract's schema, compiled once, and what it says of a message in the fields' own words.

One schema per side covers the whole envelope, so that a message is validated in one walk. The first question is only
whether it is valid; what is wrong with a message is worked out afterwards, for the few that are not.
"""

import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

from lxml import etree

import contracts
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.wire.envelope import SOAP, field_path, namespace
from bridge.wire.faults import FAULTS_TOLD, fault

_XS = "http://www.w3.org/2001/XMLSchema"

#: Around the contract: any header block (the contract's own are checked, others pass), and one element of the side in the body.
_ENVELOPE_SCHEMA = """
<xs:schema xmlns:xs="{xs}" targetNamespace="{soap}" elementFormDefault="qualified">
  <xs:import namespace="{side}" schemaLocation="{file}"/>
  <xs:element name="Envelope">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Header" minOccurs="0">
          <xs:complexType>
            <xs:sequence><xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
            <xs:anyAttribute processContents="lax"/>
          </xs:complexType>
        </xs:element>
        <xs:element name="Body">
          <xs:complexType>
            <xs:sequence><xs:any namespace="{side}" processContents="strict"/></xs:sequence>
            <xs:anyAttribute processContents="lax"/>
          </xs:complexType>
        </xs:element>
      </xs:sequence>
      <xs:anyAttribute processContents="lax"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""

_PARSER = etree.XMLParser(no_network=True, resolve_entities=False)


def _compile(side: Side) -> etree.XMLSchema:
    file = contracts.path(f"{side.value}.xsd")
    text = _ENVELOPE_SCHEMA.format(xs=_XS, soap=SOAP, side=namespace(side), file=file.name)
    return etree.XMLSchema(etree.fromstring(text, _PARSER, base_url=str(file.with_name("envelope.xsd"))))


_ENVELOPES = {side: _compile(side) for side in Side}
_EXCHANGE = etree.XMLSchema(etree.parse(str(contracts.path("exchange.xsd")), _PARSER))

# A compiled schema keeps the errors of its last validation, so two threads must not ask one schema for reasons at a
# time. The yes-or-no answer above has no such limit.
_reasons = threading.Lock()


@cache
def _explaining(side: Side) -> etree.XMLSchema:
    return _compile(side)


def is_valid(root: etree._Element, side: Side) -> bool:
    """Tell whether an envelope follows the contract of `side`.

    Blanks around a number, a truth value or a moment do not count in XML Schema; libxml2 counts them. An envelope that
    has such blanks loses them here. A moment with a blank for the T, or a zone without the colon, says plainly
    what it means and is spelled as the schema has it.
    """
    schema = _ENVELOPES[side]
    return schema(root) or (_respell(root) and schema(root))


def _respell(root: etree._Element) -> bool:
    """Spell values as the schema has them where only one meaning is possible; false when there are none."""
    found = False
    for element in root.iter(_elements_of(_COLLAPSING_TYPES)):
        text = element.text or ""
        if len(element) == 0 and text != text.strip(_BLANKS):
            element.text = text.strip(_BLANKS)
            found = True
    for element in root.iter(_elements_of(_MOMENT_TYPES)):
        moment = _MOMENT.fullmatch(element.text or "")
        if len(element) == 0 and moment is not None:
            day, clock, zone = moment.groups(default="")
            respelled = f"{day}T{clock}{zone[:3]}:{zone[-2:]}" if len(zone) > 1 else f"{day}T{clock}{zone}"
            found = found or respelled != element.text
            element.text = respelled
    return found


def moments_in(root: etree._Element) -> Iterator[etree._Element]:
    """The elements of a message that hold a moment."""
    return (element for element in root.iter(_elements_of(_MOMENT_TYPES)) if len(element) == 0)


_BLANKS = " \t\r\n"
_MOMENT_TYPES = frozenset({"xs:dateTime"})
_COLLAPSING_TYPES = frozenset({"xs:int", "xs:double", "xs:boolean"}) | _MOMENT_TYPES
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:?\d\d)?", re.ASCII)


@cache
def _elements_of(built_in: frozenset[str]) -> tuple[str, ...]:
    """The elements whose values are of these types or of ones made from them, by their names in any namespace."""
    trees = [etree.parse(str(contracts.path(name)), _PARSER) for name in contracts.NAMES if name.endswith(".xsd")]
    types = set(built_in)
    for item in trees[0].iter(f"{{{_XS}}}simpleType"):
        restriction = item.find(f"{{{_XS}}}restriction")
        if restriction is not None and restriction.get("base") in built_in:
            types.add(f"ex:{item.get('name')}")
    return tuple(
        f"{{*}}{item.get('name')}"
        for tree in trees
        for item in tree.iter(f"{{{_XS}}}element")
        if item.get("type") in types
    )


def is_valid_fault(detail: etree._Element) -> bool:
    """Tell whether an element is the contract's typed fault."""
    return _EXCHANGE(detail)


@cache
def pattern(simple_type: str) -> re.Pattern[str]:
    """The pattern that the contract gives for a simple type, to read single values of a message that is not valid as a whole."""
    schema = etree.parse(str(contracts.path("exchange.xsd")), _PARSER)
    facet = schema.find(f".//{{{_XS}}}simpleType[@name='{simple_type}']//{{{_XS}}}pattern")
    if facet is None:
        raise KeyError(simple_type)
    return re.compile(str(facet.get("value")))


def faults_of(root: etree._Element, side: Side) -> tuple[Fault, ...]:
    """Everything the schema finds wrong with an envelope, one fault a place."""
    found: dict[str | None, Fault] = {}
    with _reasons:
        schema = _explaining(side)
        schema(root)
        reasons = [(entry.type_name, entry.path, entry.message) for entry in cast(Any, schema).error_log]
    for kind, path, message in reasons:
        told = _explain(kind, _locate(root, path), message or "")
        found.setdefault(told.field, told)
        if len(found) == FAULTS_TOLD:
            break
    return tuple(found.values())


_STEP = re.compile(r"(?:([^:\[\]]+):)?([^:\[\]]+)(?:\[(\d+)\])?")


def _locate(root: etree._Element, path: str | None) -> etree._Element | None:
    """The element at libxml2's own kind of path, in which elements of a default namespace are `*`."""
    node = root
    for step in (path or "").strip("/").split("/")[1:]:
        match = _STEP.fullmatch(step)
        if match is None:
            return node
        prefix, name, ordinal = match.groups()
        same = [
            child for child in node if name == "*" or (etree.QName(child).localname == name and child.prefix == prefix)
        ]
        position = int(ordinal or 1)
        if position > len(same):
            return node
        node = same[position - 1]
    return node


_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*?) \)")
_NUMBERS = re.compile(r"'(-?\d+(?:\.\d+)?)'")
_ATOMIC = re.compile(r"atomic type '(?:xs:)?([^']+)'")

#: What a value of a built-in type is called, for people.
_KINDS = {
    "xs:dateTime": ("日期时间", "a date and time such as 2026-03-02T09:00:00+08:00"),
    "xs:boolean": ("true 或 false", "true or false"),
    "xs:int": ("整数", "a whole number"),
    "xs:double": ("数值", "a number"),
}


def _explain(kind: str, node: etree._Element | None, message: str) -> Fault:
    place = field_path(node) if node is not None else None
    return _EXPLANATIONS.get(kind, _other)(place or None, node, message)


def _other(place: str | None, _node: etree._Element | None, _message: str) -> Fault:
    return fault(ErrorCode.SCHEMA_INVALID, place, "此处不符合接口规范", "This does not follow the contract")


def _enumeration(place: str | None, node: etree._Element | None, _message: str) -> Fault:
    value = (node.text or "")[:40] if node is not None else ""
    return fault(
        ErrorCode.CODE_UNKNOWN, place, f"代码值“{value}”不在代码表内", f"The value '{value}' is not in its code list"
    )


def _pattern(place: str | None, _node: etree._Element | None, _message: str) -> Fault:
    return fault(
        ErrorCode.SCHEMA_INVALID,
        place,
        "格式不符合接口规范",
        "The value does not have the form that the contract asks for",
    )


def _length(place: str | None, node: etree._Element | None, message: str) -> Fault:
    numbers = _NUMBERS.findall(message)
    given, allowed = (numbers[-2], numbers[-1]) if len(numbers) > 1 else ("?", "?")
    if given == "0":
        return fault(ErrorCode.REQUIRED_MISSING, place, "内容不能为空", "The value must not be empty")
    return fault(
        ErrorCode.SCHEMA_INVALID,
        place,
        f"长度为 {given} 字,限 {allowed} 字",
        f"The value has {given} characters, the limit is {allowed}",
    )


def _range(place: str | None, node: etree._Element | None, message: str) -> Fault:
    allowed = (_NUMBERS.findall(message) or ["?"])[-1]
    # The only magnitude that is a limit on weight.
    weight = node is not None and etree.QName(node).localname == "size"
    return fault(
        ErrorCode.LIMIT_EXCEEDED if weight else ErrorCode.SCHEMA_INVALID,
        place,
        f"数值超出允许范围,界限为 {allowed}",
        f"The value is out of range, the bound is {allowed}",
    )


def _data_type(place: str | None, node: etree._Element | None, message: str) -> Fault:
    if node is not None and etree.QName(node).localname == "content":
        return fault(
            ErrorCode.ATTACHMENT_INVALID,
            place,
            "附件内容不是有效的 base64",
            "The content of the attachment is not valid base64",
        )
    named = _ATOMIC.search(message)
    zh, en = _KINDS.get(
        f"xs:{named[1]}" if named else "", ("接口规范要求的类型", "of the type that the contract asks for")
    )
    return fault(ErrorCode.SCHEMA_INVALID, place, f"内容不是{zh}", f"The value is not {en}")


def _inside(place: str | None, node: etree._Element | None, message: str) -> Fault:
    """Elements where only a value may stand."""
    if node is not None and etree.QName(node).localname == "content":
        return fault(
            ErrorCode.ATTACHMENT_INVALID,
            place,
            "附件内容应为 base64,或引用本报文中尚未被引用的一个部分",
            "The content must be base64, or refer to a part of this message to which nothing else refers",
        )
    return _other(place, node, message)


def _content(place: str | None, node: etree._Element | None, message: str) -> Fault:
    """Something is missing, or something stands where it does not belong."""
    listed = _EXPECTED.search(message)
    expected = [name.rpartition("}")[2] for name in listed[1].split(", ")] if listed else []
    if node is None:
        return _other(place, node, message)
    if "Missing child element" in message:
        return _missing(place, expected)
    parent = node.getparent()
    if parent is not None and expected and _is_ahead(node, expected[-1]):
        return _missing(field_path(parent), expected)
    return fault(
        ErrorCode.SCHEMA_INVALID,
        place,
        "此处不应出现该元素" + (f",应为 {'、'.join(expected[:8])}" if expected else ""),
        "This element does not belong here" + (f"; expected is {', '.join(expected[:8])}" if expected else ""),
    )


def _missing(place: str | None, expected: list[str]) -> Fault:
    """What is expected inside `place` is not there: of a choice any, of a sequence the last one named, since what may be absent comes before it."""
    steps = [place] if place else []
    if expected and expected[-1] not in _names_in("choice"):
        steps.append(expected[-1])
    return fault(ErrorCode.REQUIRED_MISSING, "/".join(steps) or None, "必填内容缺失", "Something required is missing")


def _is_ahead(node: etree._Element, expected: str) -> bool:
    """Tell whether the element would be right if only `expected` stood before it, and `expected` stands nowhere."""
    name = etree.QName(node).localname
    if node.tag == name or any(etree.QName(sibling).localname == expected for sibling in node.itersiblings()):
        return False
    return any(
        expected in names and name in names and names.index(expected) < names.index(name)
        for names in _groups("sequence")
    )


def _names_in(kind: str) -> frozenset[str]:
    return frozenset(name for names in _groups(kind) for name in names)


@cache
def _groups(kind: str) -> tuple[tuple[str, ...], ...]:
    """The element names of each `sequence` or `choice` in the contract, in their order."""
    groups = []
    for file in contracts.NAMES:
        if file.endswith(".xsd"):
            for group in etree.parse(str(contracts.path(file)), _PARSER).iter(f"{{{_XS}}}{kind}"):
                groups.append(tuple(str(item.get("name")) for item in group.iter(f"{{{_XS}}}element")))
    return tuple(groups)


_EXPLANATIONS: dict[str, Callable[[str | None, etree._Element | None, str], Fault]] = {
    "SCHEMAV_CVC_ENUMERATION_VALID": _enumeration,
    "SCHEMAV_CVC_PATTERN_VALID": _pattern,
    "SCHEMAV_CVC_MINLENGTH_VALID": _length,
    "SCHEMAV_CVC_MAXLENGTH_VALID": _length,
    "SCHEMAV_CVC_MININCLUSIVE_VALID": _range,
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": _range,
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": _data_type,
    "SCHEMAV_CVC_TYPE_3_1_2": _inside,
    "SCHEMAV_ELEMENT_CONTENT": _content,
}
