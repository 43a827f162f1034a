"""A WSDL that a system offers is held against the contract by what its messages look like, however it is written."""

import re

import pytest

import contracts
from bridge.vocabulary.parties import Side
from conformance.doctor.wsdl import NoWsdl, contract_of, differences, read_wsdl
from duijie.profiles_io import read_profile
from simulators.urban.service import soap_front


@pytest.fixture(scope="module")
def served() -> bytes:
    """As spyne writes it: schemas inline, other prefixes, named types for wrappers."""
    return soap_front(read_profile(None), reception=None, address="http://x/soap").wsdl


def found(document: bytes, load=lambda address: None) -> list[tuple[bool, str]]:
    theirs = read_wsdl(document, "http://x/soap?wsdl", load)
    return [(each.grave, each.said.en) for each in differences(contract_of(Side.URBAN), theirs)]


def changed(document: bytes, pattern: bytes, new: bytes) -> bytes:
    text, count = re.subn(pattern, new, document, flags=re.DOTALL)
    assert count, "the plant did not take"
    return text


def test_the_same_contract_written_otherwise_is_the_same(served):
    assert found(served) == []


@pytest.mark.parametrize("side", list(Side))
def test_the_contract_is_like_itself(side):
    assert differences(contract_of(side), contract_of(side)) == []


PLANTED = {
    "a facet": (
        rb'<xs:maxLength value="2000"/>',
        b'<xs:maxLength value="1999"/>',
        "handOver/description has maxLength 1999",
    ),
    "a code": (rb'<xs:enumeration value="grid_platform"/>', b"", "handOver/source lacks the codes grid_platform"),
    "a further code": (
        rb'(<xs:enumeration value="grid_platform"/>)',
        rb'\1<xs:enumeration value="drone"/>',
        "has the codes drone",
    ),
    "an element's name": (rb'name="reporterName"', b'name="reporter"', "handOver/reporterName is missing"),
    "one that must be there": (
        rb'(name="reporterPhone"[^>]*) minOccurs="0"',
        rb"\1",
        "handOver/reporterPhone may be left out; here it must be there",
    ),
    "one that may be missing": (
        rb'(name="reporterName")',
        rb'minOccurs="0" \1',
        "handOver/reporterName must be there; here it may be left out",
    ),
    "many become one": (
        rb'(name="cases"[^>]*) maxOccurs="unbounded"',
        rb"\1",
        "QueryCasesResponse/cases may be repeated in the contract",
    ),
    "a base type": (
        rb'(name="PageSize">\s*<xs:restriction base="xs:)int',
        rb"\1long",
        "QueryCases/pageSize is of the type long",
    ),
    "an action": (
        rb'soapAction="[^"]*:QueryCases"',
        b'soapAction="QueryCases"',
        "the SOAPAction of QueryCases is 'QueryCases'",
    ),
    "a header": (rb"<[a-z0-9]+:header [^>]*/>", b"", "DeliverForm does not declare the header messageHeader"),
}


@pytest.mark.parametrize("difference", PLANTED)
def test_a_difference_is_listed_and_left_to_the_checks(served, difference):
    pattern, new, said = PLANTED[difference]
    listed = found(changed(served, pattern, new))
    assert [each for each in listed if said in each[1] and not each[0]], listed
    assert not any(grave for grave, _ in listed)


GRAVE = {
    "an operation": (
        rb'<wsdl:operation name="QueryCases".*?</wsdl:operation>',
        b"",
        "the operation QueryCases is missing",
    ),
    "another contract": (
        rb"urn:duijie:urban:1.0",
        b"urn:duijie:urban:2.0",
        "the request of DeliverForm is the element",
    ),
    "a style": (rb'style="document"', b'style="rpc"', "is bound as rpc; the contract has document"),
}


@pytest.mark.parametrize("difference", GRAVE)
def test_what_no_caller_can_begin_with_is_grave(served, difference):
    pattern, new, said = GRAVE[difference]
    listed = found(changed(served, pattern, new))
    assert listed[0][0]
    assert any(said in text and grave for grave, text in listed)


def test_what_differs_in_a_type_is_said_once(served):
    listed = found(changed(served, rb'<xs:maxInclusive value="8388608"/>', b'<xs:maxInclusive value="9"/>'))
    assert len(listed) == 1


def test_parts_are_read_from_where_the_description_says():
    asked = []

    def load(address):
        asked.append(address)
        return contracts.path(address.rpartition("/")[2]).read_bytes()

    assert found(contracts.path("urban.wsdl").read_bytes(), load) == []
    assert sorted(asked) == ["http://x/exchange.xsd", "http://x/urban.xsd"]


def test_a_part_that_cannot_be_had_is_named_and_nothing_else_follows_from_it():
    description = read_wsdl(contracts.path("urban.wsdl").read_bytes(), "http://x/soap?wsdl", lambda address: None)
    assert sorted(description.missing) == ["http://x/exchange.xsd", "http://x/urban.xsd"]
    assert differences(contract_of(Side.URBAN), description) == []


@pytest.mark.parametrize(
    "document",
    [b"", b"<html/>", b"not XML", b'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'],
    ids=["nothing", "a page", "no XML", "nothing in it"],
)
def test_what_is_no_wsdl_is_said_to_be_none(document):
    with pytest.raises(NoWsdl):
        found(document)


def test_an_extended_type_has_its_base_in_it(served):
    split = changed(
        served,
        rb'(<xs:complexType name="MessageHeader">\s*)(<xs:sequence>\s*<xs:element name="messageId"[^>]*/>)(.*?</xs:sequence>)',
        rb'<xs:complexType name="Base">\2</xs:sequence></xs:complexType>\1<xs:complexContent>'
        rb'<xs:extension base="tns0:Base"><xs:sequence>\3</xs:extension></xs:complexContent>',
    )
    prefix = re.search(rb'xmlns:(\w+)="urn:duijie:exchange:1.0"', served)
    assert prefix is not None
    assert found(split.replace(b"tns0:", prefix[1] + b":")) == []
