"""Tools that vendors use take the contract without a complaint, and the samples follow it."""

import logging
import warnings

import pytest
import xmlschema
import zeep
from lxml import etree
from xmlschema.extras.wsdl import Wsdl11Document

import contracts
from bridge import wire
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.forms import FORMS_BY_DIRECTION
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Limits

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
SOAP_WSDL = "{http://schemas.xmlsoap.org/wsdl/soap/}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SAMPLES = sorted(path.name for path in contracts.SAMPLES.glob("*.xml"))


@pytest.mark.parametrize("side", Side)
def test_zeep_loads_the_wsdl_and_says_nothing(side, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        client = zeep.Client(str(contracts.path(f"{side.value}.wsdl")))
        operations = client.service._operations
    assert [operation.value for operation in Operation] == sorted(operations)
    assert caplog.records == []


@pytest.mark.parametrize("side", Side)
def test_xmlschema_accepts_the_wsdl(side):
    document = Wsdl11Document(str(contracts.path(f"{side.value}.wsdl")))
    namespace = f"urn:duijie:{side.value}:1.0"
    (port_type,) = document.port_types.values()
    assert {operation.value for operation in Operation} == {name for name, *_ in port_type.operations}
    (binding,) = document.bindings.values()
    assert binding.name.startswith(f"{{{namespace}}}")


@pytest.mark.parametrize("side", Side)
def test_every_operation_is_document_literal_with_its_header_action_and_fault(side):
    root = etree.parse(contracts.path(f"{side.value}.wsdl")).getroot()
    binding = root.find(f"{WSDL}binding")
    assert binding.find(f"{SOAP_WSDL}binding").get("style") == "document"
    for operation in Operation:
        bound = binding.find(f"{WSDL}operation[@name='{operation.value}']")
        assert wire.soap_action(side, operation) == bound.find(f"{SOAP_WSDL}operation").get("soapAction")
        header = bound.find(f"{WSDL}input/{SOAP_WSDL}header")
        assert (header.get("part"), header.get("use")) == ("messageHeader", "literal")
        assert {item.get("use") for item in bound.iter(f"{SOAP_WSDL}body", f"{SOAP_WSDL}fault")} == {"literal"}
        assert bound.find(f"{WSDL}fault/{SOAP_WSDL}fault").get("name") == "ExchangeFault"


def test_there_is_a_sample_of_every_message():
    wanted = set()
    for direction, types in FORMS_BY_DIRECTION.items():
        wanted |= {f"{direction.recipient.value}-DeliverForm-{form_type.value}.xml" for form_type in types}
    for side in Side:
        wanted |= {
            f"{side.value}-{name}.xml"
            for name in (
                "DeliverFormResponse-acknowledged",
                "DeliverFormResponse-confirmed",
                "DeliverFormResponse-error",
                "DeliverReceipt-confirmed",
                "DeliverReceipt-error",
                "DeliverReceiptResponse",
                "QueryCases",
                "QueryCasesResponse",
                "fault-client",
                "fault-server",
            )
        }
    assert wanted == set(SAMPLES)


@pytest.fixture(scope="module")
def schemas():
    """An implementation of XML Schema that is not the bridge's."""
    return {side.value: xmlschema.XMLSchema(str(contracts.path(f"{side.value}.xsd"))) for side in Side}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_valid_to_another_schema_processor(name, schemas):
    schema = schemas[name.partition("-")[0]]
    root = etree.parse(contracts.SAMPLES / name).getroot()
    content = root.find(f"{SOAP}Body")[0]
    blocks = root.findall(f"{SOAP}Header/{{urn:duijie:exchange:1.0}}messageHeader")
    if content.tag == f"{SOAP}Fault":
        content = content.find("detail")[0]
    for part in (content, *blocks):
        schema.validate(part)
    assert len(blocks) == (0 if "Response" in name or "fault" in name else 1)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read_by_the_bridge(name):
    side_name, operation, *rest = name.removesuffix(".xml").split("-")
    side = Side(side_name)
    data = (contracts.SAMPLES / name).read_bytes()
    if operation == "fault":
        ending = wire.parse_response(data, "text/xml", 500, side, Operation.DELIVER_FORM)
        assert isinstance(ending, Faulted)
    elif operation.endswith("Response"):
        asked = Operation(operation.removesuffix("Response"))
        ending = wire.parse_response(data, "text/xml", 200, side, asked)
        assert isinstance(ending, Answered)
        if rest:
            assert (rest[0] == "acknowledged") == (ending.receipt is None)
    else:
        request = wire.parse_request(data, "text/xml; charset=utf-8", side, Limits())
        assert request.operation.value == operation
        assert request.token is not None
        assert request.token.matches("sample-password")
        if request.operation is Operation.DELIVER_FORM:
            assert rest[0] == request.message.form.form_type.value
            assert request.message.form.form_type in FORMS_BY_DIRECTION[Direction.from_sender(side.other)]


def test_a_name_that_is_none_of_the_contracts_is_refused():
    with pytest.raises(KeyError):
        contracts.path("../pyproject.toml")
