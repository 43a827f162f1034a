"""The WSDL that spyne serves and the contract kept by hand say the same (XCHG-1)."""

import logging
import re
import warnings

import pytest
import xmlschema
from lxml import etree
from wsdl_normal import normal
from xmlschema.extras.wsdl import Wsdl11Document
from zeep import Client

import contracts
from bridge.vocabulary.parties import Side
from simulators.grid.service import soap_front as grid_front
from simulators.urban.service import soap_front as urban_front

SIDES = list(Side)
ADDRESS = "http://10.1.2.3:8100/somewhere"


def served(side: Side, profile) -> bytes:
    front = grid_front if side is Side.GRID else urban_front
    return front(profile, reception=None, address=ADDRESS).wsdl


def contract(side: Side) -> dict:
    path = contracts.path(f"{side.value}.wsdl")
    return normal(etree.parse(path).getroot(), path.parent)


@pytest.mark.parametrize("side", SIDES)
def test_the_served_wsdl_says_what_the_contract_says(side, profile):
    said, meant = normal(etree.fromstring(served(side, profile))), contract(side)
    for part in meant:
        assert meant[part] == said[part], part
    assert meant == said


@pytest.mark.parametrize("side", SIDES)
def test_the_comparison_sees_the_whole_contract(side):
    meant = contract(side)
    assert len(meant["types"]) > 70
    assert set(meant["port types"][f"{side.value.title()}Exchange"]) == {"DeliverForm", "DeliverReceipt", "QueryCases"}
    assert len(meant["messages"]) == 8


PLANTED = {
    "a facet": (rb'<xs:pattern value="T\[0-9\]\{8\}', b'<xs:pattern value="T[0-9]{7}'),
    "a length": (rb'<xs:maxLength value="2000"/>', b'<xs:maxLength value="2001"/>'),
    "a range": (rb'<xs:maxInclusive value="8388608"/>', b'<xs:maxInclusive value="8388609"/>'),
    "a base type": (rb'(name="Attempt">\s*<xs:restriction base="xs:)int', rb"\1long"),
    "an enumeration value": (rb'<xs:enumeration value="lapsed"/>', b""),
    "an occurrence": (rb'(name="reporterPhone"[^>]*) minOccurs="0"', rb"\1"),
    "many become one": (rb'(name="cases"[^>]*) maxOccurs="unbounded"', rb"\1"),
    "a nillable": (rb'(name="disposalResult")', rb'\1 nillable="true"'),
    "an order": (rb"(<xs:element name=\"messageZh\"[^>]*/>)(<xs:element name=\"messageEn\"[^>]*/>)", rb"\2\1"),
    "an element's name": (rb'name="filingOrdinal"', b'name="filingNumber"'),
    "an element's type": (rb'(name="originalCaseNumber" type="[a-z0-9]+:)CaseNumber', rb"\1TaskNumber"),
    "a choice becomes a sequence": (rb"xs:choice", b"xs:sequence"),
    "an action": (rb'soapAction="[^"]*:QueryCases"', b'soapAction="QueryCases"'),
    "a header": (rb"<[a-z0-9]+:header [^>]*/>", b""),
    "a declared fault": (rb'<wsdl:fault name="ExchangeFault" message="tns:ExchangeFault"/>', b""),
    "a message part": (rb'part name="parameters"', b'part name="body"'),
    "a namespace": (rb'targetNamespace="urn:duijie:exchange:1.0"', b'targetNamespace="urn:duijie:exchange:1.1"'),
}


@pytest.mark.parametrize("difference", PLANTED)
def test_a_planted_difference_is_found(difference, profile):
    pattern, replacement = PLANTED[difference]
    changed, count = re.subn(pattern, replacement, served(Side.URBAN, profile))
    assert count, "the plant did not take"
    assert contract(Side.URBAN) != normal(etree.fromstring(changed))


@pytest.mark.parametrize("side", SIDES)
def test_the_address_is_the_configured_one_whatever_the_host_header_says(side, profile):
    front = (grid_front if side is Side.GRID else urban_front)(profile, reception=None, address=ADDRESS)
    environ = {"REQUEST_METHOD": "GET", "QUERY_STRING": "wsdl", "HTTP_HOST": "evil.example", "PATH_INFO": "/"}
    body = b"".join(front(environ, lambda status, headers: None))
    assert b"evil.example" not in body
    assert f'location="{ADDRESS}"'.encode() in body


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("which", ["contract", "served"])
def test_zeep_loads_it_without_a_warning(side, which, profile, tmp_path, caplog):
    path = contracts.path(f"{side.value}.wsdl")
    if which == "served":
        path = tmp_path / "served.wsdl"
        path.write_bytes(served(side, profile))
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        client = Client(str(path))
    assert not caplog.records
    assert "DeliverForm" in dir(client.service)


@pytest.mark.parametrize("side", SIDES)
def test_the_served_wsdl_passes_the_wsdl_check(side, profile, tmp_path):
    path = tmp_path / "served.wsdl"
    path.write_bytes(served(side, profile))
    document = Wsdl11Document(str(path), cls=xmlschema.XMLSchema10)
    assert document.namespaces


@pytest.mark.parametrize("side", SIDES)
def test_soap_1_2_is_not_mentioned(side, profile):
    assert b"soap12" not in served(side, profile)
    assert b"wsdl/soap12/" not in served(side, profile)
