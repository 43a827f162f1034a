"""Brings a WSDL with its schemas into a form in which two of them can be compared.

What the two may do differently without meaning anything different is levelled: schemas inline or in
files, wrappers as named or anonymous types, a choice alone in a sequence, prefixes, documentation.
"""

from decimal import Decimal
from pathlib import Path

from lxml import etree

XSD = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = "{http://schemas.xmlsoap.org/wsdl/soap/}"
_NUMBERS = {"minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "minLength", "maxLength", "length"}


def normal(root, folder: Path | None = None) -> dict:
    """Everything that a client or a server would act on, as plain values."""
    schemas = _schemas(root, folder)
    target = root.get("targetNamespace")
    elements = {
        f"{{{schema.get('targetNamespace')}}}{node.get('name')}": node
        for schema in schemas
        for node in schema.findall(f"{XSD}element")
    }
    types = {
        f"{{{schema.get('targetNamespace')}}}{node.get('name')}": node
        for schema in schemas
        for node in schema
        if node.tag in (f"{XSD}complexType", f"{XSD}simpleType")
    }
    return {
        "namespace": target,
        "elements": {name: _element_content(node, types) for name, node in elements.items()},
        "types": {name: _type(node) for name, node in types.items() if name not in elements},
        "messages": {
            message.get("name"): [
                (part.get("name"), _qname(part, "element")) for part in message.findall(f"{WSDL}part")
            ]
            for message in root.findall(f"{WSDL}message")
        },
        "port types": {
            port.get("name"): {
                operation.get("name"): _operation(operation) for operation in port.findall(f"{WSDL}operation")
            }
            for port in root.findall(f"{WSDL}portType")
        },
        "bindings": {binding.get("name"): _binding(binding) for binding in root.findall(f"{WSDL}binding")},
        "services": {
            service.get("name"): [
                (port.get("name"), _qname(port, "binding")) for port in service.findall(f"{WSDL}port")
            ]
            for service in root.findall(f"{WSDL}service")
        },
    }


def _schemas(root, folder: Path | None) -> list:
    found = {}
    waiting = [(schema, folder) for schema in root.iterfind(f"{WSDL}types/{XSD}schema")]
    while waiting:
        schema, where = waiting.pop()
        namespace = schema.get("targetNamespace")
        if namespace is not None:
            if namespace in found:
                continue
            assert schema.get("elementFormDefault") == "qualified"
            found[namespace] = schema
        for wanted in schema.iterfind(f"{XSD}import"):
            location = wanted.get("schemaLocation")
            if location is not None and where is not None:
                waiting.append((etree.parse(where / location).getroot(), where))
    return list(found.values())


def _qname(node, attribute: str) -> str | None:
    value = node.get(attribute)
    if value is None:
        return None
    prefix, _, name = value.rpartition(":")
    return f"{{{node.nsmap[prefix or None]}}}{name}"


def _occurrence(node) -> tuple[str, str]:
    return node.get("minOccurs", "1"), node.get("maxOccurs", "1")


def _element_content(node, types: dict):
    """A message element; a named type of the same name is the element's own."""
    inline = node.find(f"{XSD}complexType")
    own = _qname(node, "type")
    if inline is None and own in types and own.rpartition("}")[2] == node.get("name"):
        inline = types[own]
    return _type(inline) if inline is not None else ("is a", own, node.get("nillable", "false"))


def _type(node):
    if node.tag == f"{XSD}simpleType":
        restriction = node.find(f"{XSD}restriction")
        facets = []
        for facet in restriction.iterchildren(etree.Element):
            name = etree.QName(facet).localname
            if name != "annotation":
                value = facet.get("value")
                facets.append((name, Decimal(value).normalize() if name in _NUMBERS else value))
        return "simple", _qname(restriction, "base"), facets
    assert node.get("abstract", "false") == node.get("mixed", "false") == "false"
    return "complex", _attributes(node), _particles(node)


def _attributes(node) -> list:
    return sorted(
        (a.get("name"), _qname(a, "type"), a.get("use", "optional")) for a in node.iterfind(f"{XSD}attribute")
    )


def _particles(node) -> list:
    listed = []
    for child in node.iterchildren(etree.Element):
        name = etree.QName(child).localname
        if name in ("sequence", "choice", "all"):
            inner = _particles(child)
            if not inner:
                continue
            listed.append((name, _occurrence(child), inner))
        elif name == "element":
            said = {key: child.get(key) for key in ("default", "fixed") if child.get(key) is not None}
            assert child.find(f"{XSD}simpleType") is None, "an anonymous simple type is not expected"
            listed.append(
                (
                    "element",
                    child.get("name"),
                    _qname(child, "type"),
                    _occurrence(child),
                    child.get("nillable", "false"),
                    said,
                )
            )
        elif name in ("any", "group", "complexContent", "simpleContent"):
            listed.append((name, dict(child.attrib), _particles(child)))
    if len(listed) == 1 and listed[0][0] == "sequence" and node.tag == f"{XSD}complexType":
        _, occurrence, inner = listed[0]
        if occurrence == ("1", "1") and len(inner) == 1 and inner[0][0] == "choice":
            return inner
    return listed


def _operation(node) -> dict:
    return {
        "in": [_qname(part, "message") for part in node.findall(f"{WSDL}input")],
        "out": [_qname(part, "message") for part in node.findall(f"{WSDL}output")],
        "faults": [(part.get("name"), _qname(part, "message")) for part in node.findall(f"{WSDL}fault")],
        "parameter order": node.get("parameterOrder"),
    }


def _binding(node) -> dict:
    soap = node.find(f"{SOAP}binding")
    return {
        "type": _qname(node, "type"),
        "style": soap.get("style", "document"),
        "transport": soap.get("transport"),
        "operations": {
            operation.get("name"): {
                "action": operation.find(f"{SOAP}operation").get("soapAction"),
                "style": operation.find(f"{SOAP}operation").get("style", "document"),
                "in": _bound(operation.find(f"{WSDL}input")),
                "out": _bound(operation.find(f"{WSDL}output")),
                "faults": [
                    (fault.get("name"), fault.find(f"{SOAP}fault").get("name"), fault.find(f"{SOAP}fault").get("use"))
                    for fault in operation.findall(f"{WSDL}fault")
                ],
            }
            for operation in node.findall(f"{WSDL}operation")
        },
    }


def _bound(node) -> list:
    return sorted(
        (etree.QName(part).localname, _qname(part, "message") or "", part.get("part", ""), part.get("use", ""))
        for part in node.iterchildren(etree.Element)
    )
