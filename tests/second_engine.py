"""Another implementation of XML Schema than the bridge's and the simulators', with the schemas of SOAP and of WSDL that it brings along."""

from functools import cache
from pathlib import Path

import xmlschema
from lxml import etree

import contracts
from bridge.vocabulary.parties import Side

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_BUNDLED = Path(xmlschema.__file__).parent / "schemas" / "WSDL"
_CONTRACT = ("urn:duijie:exchange:1.0", *(f"urn:duijie:{side.value}:1.0" for side in Side))


@cache
def envelope_schema() -> xmlschema.XMLSchema10:
    """SOAP's envelope, and within it whatever the contract declares."""
    schema = xmlschema.XMLSchema10(str(_BUNDLED / "soap-envelope.xsd"), build=False)
    for side in Side:
        schema.import_schema(f"urn:duijie:{side.value}:1.0", str(contracts.path(f"{side.value}.xsd")))
    schema.build()
    return schema


@cache
def wsdl_schema() -> xmlschema.XMLSchema10:
    """WSDL 1.1 with its binding to SOAP."""
    schema = xmlschema.XMLSchema10(str(_BUNDLED / "wsdl.xsd"), build=False)
    schema.import_schema("http://schemas.xmlsoap.org/wsdl/soap/", str(_BUNDLED / "wsdl-soap.xsd"))
    schema.build()
    return schema


def envelope_errors(envelope: bytes) -> list[str]:
    """What is wrong with an envelope: with SOAP's own parts, and with the contract's in header, body and fault."""
    root = etree.fromstring(envelope)
    errors = [f"{error.path}: {error.reason}" for error in envelope_schema().iter_errors(root)]
    # The schema of SOAP lets unknown content pass; the contract knows all that may stand there.
    return errors + [f"{element.tag} is not the contract's" for element in _content(root) if not _is_declared(element)]


def wsdl_errors(wsdl: etree._Element) -> list[str]:
    """What is wrong with a WSDL."""
    return [f"{error.path}: {error.reason}" for error in wsdl_schema().iter_errors(wsdl)]


def _content(root: etree._Element) -> list[etree._Element]:
    """The blocks of the body; of a fault, what is in its detail."""
    content = root.findall(f"{{{ENVELOPE}}}Body/*")
    if [element.tag for element in content] == [f"{{{ENVELOPE}}}Fault"]:
        return content[0].findall("detail/*")
    return content


def _is_declared(element: etree._Element) -> bool:
    namespace = etree.QName(element).namespace
    return namespace in _CONTRACT and element.tag in envelope_schema().maps.elements
