"""The schema and the vocabulary say the same, and the schema says it in Chinese and in English."""

import dataclasses
import re
import typing
from datetime import datetime
from enum import Enum
from types import UnionType

import pytest
from lxml import etree

import contracts
from bridge.vocabulary import codes, forms, messages, stages
from bridge.vocabulary.forms import FORM_CLASSES, FORMS_BY_DIRECTION
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Direction, Side

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

SCHEMAS = {name: etree.parse(contracts.path(name)) for name in contracts.NAMES if name.endswith(".xsd")}
EXCHANGE = SCHEMAS["exchange.xsd"]

CLASSES = {
    "MessageHeader": messages.Header,
    "ExchangeFault": messages.Fault,
    **{
        cls.__name__: cls
        for cls in (
            *FORM_CLASSES.values(),
            forms.Attachment,
            forms.Position,
            messages.Receipt,
            messages.HandedOverCase,
        )
    },
}
NAMES = {cls: name for name, cls in CLASSES.items()}
#: A query has the same header block and leaves these out.
ABSENT_IN_QUERIES = {"caseNumber", "formType", "attempt"}

ENUMERATIONS = {
    "CaseKind": codes.CaseKind,
    "CaseSource": codes.CaseSource,
    "CaseGrade": codes.CaseGrade,
    "CoordinateSystem": codes.CoordinateSystem,
    "PhotoKind": codes.PhotoKind,
    "FilingOutcome": codes.FilingOutcome,
    "DeclineReason": codes.DeclineReason,
    "Decision": codes.Decision,
    "VerificationOutcome": codes.VerificationOutcome,
    "RejectionCause": codes.RejectionCause,
    "ClosingKind": codes.ClosingKind,
    "NoticeKind": codes.NoticeKind,
    "NoticePhase": codes.NoticePhase,
    "ReceiptOutcome": codes.ReceiptOutcome,
    "ErrorCode": codes.ErrorCode,
    "FormType": forms.FormType,
    "UrbanStage": stages.UrbanStage,
    "HandedOverState": stages.HandedOverState,
}

#: What the contract promises of single values: facet by facet, in the order of the schema.
FACETS = {
    "MessageId": {"pattern": "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"},
    "PartyCode": {"pattern": "[a-z0-9-]{1,40}"},
    "CaseNumber": {"pattern": "[0-9]{6}-[0-9]{8}-[0-9]{6}"},
    "TaskNumber": {"pattern": "T[0-9]{8}-[0-9]{6}"},
    "ContractVersion": {"pattern": r"1\.[0-9]+"},
    "Attempt": {"minInclusive": "1", "maxInclusive": "999"},
    "DistrictCode": {"pattern": "[0-9]{6}"},
    "StreetCode": {"pattern": "[0-9]{9}"},
    "CommunityCode": {"pattern": "[0-9]{12}"},
    "CellCode": {"pattern": "[0-9]{15}"},
    "ComponentCode": {"pattern": "[0-9]{16}"},
    "CategoryCode": {"pattern": "[0-9]{2}"},
    "SubcategoryCode": {"pattern": "[0-9]{2}"},
    "DepartmentCode": {"pattern": "[A-Z0-9-]{1,20}"},
    "Description": {"minLength": "1", "maxLength": "2000"},
    "Address": {"minLength": "1", "maxLength": "200"},
    "PersonName": {"minLength": "1", "maxLength": "60"},
    "Sentence": {"minLength": "1", "maxLength": "500"},
    "Phone": {"pattern": "[0-9+ -]{5,20}"},
    "AttachmentName": {"minLength": "1", "maxLength": "120"},
    "MediaType": {"minLength": "1", "maxLength": "100"},
    "Size": {"minInclusive": "0", "maxInclusive": "8388608"},
    "Sha256": {"pattern": "[0-9a-f]{64}"},
    "Reference": {"minLength": "1", "maxLength": "500"},
    "Coordinate": {"minInclusive": "-100000000", "maxInclusive": "100000000"},
    "Round": {"minInclusive": "1", "maxInclusive": "9"},
    "Ordinal": {"minInclusive": "1", "maxInclusive": "99"},
    "FieldPath": {"minLength": "1", "maxLength": "200"},
    "Cursor": {"minLength": "1", "maxLength": "200"},
    "PageSize": {"minInclusive": "1", "maxInclusive": "200"},
}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def simple_types() -> dict[str, etree._Element]:
    return {item.get("name"): item for item in EXCHANGE.iter(f"{XS}simpleType")}


def elements_of(complex_type: etree._Element) -> list[tuple[str, str, bool, bool]]:
    """Name, type, may it be absent, may there be several."""
    found = []
    for item in complex_type.iter(f"{XS}element"):
        in_choice = item.getparent().tag == f"{XS}choice"
        found.append(
            (
                item.get("name"),
                item.get("type").removeprefix("ex:"),
                in_choice or item.get("minOccurs") == "0",
                item.get("maxOccurs") == "unbounded",
            )
        )
    return found


def fields_of(name: str, cls: type) -> list[tuple[str, type, bool, bool]]:
    found = []
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        kind = hints[item.name]
        many = typing.get_origin(kind) is tuple
        absent = many or isinstance(kind, UnionType)
        if many:
            kind = typing.get_args(kind)[0]
        elif absent:
            kind = next(each for each in typing.get_args(kind) if each is not type(None))
        element = camel(item.name)
        found.append((element, kind, absent or (name == "MessageHeader" and element in ABSENT_IN_QUERIES), many))
    return found


def schema_type_fits(schema_type: str, kind: type) -> bool:
    """Whether a value of the Python type is what the schema type describes."""
    if dataclasses.is_dataclass(kind):
        return schema_type == NAMES[kind]
    if issubclass(kind, Enum):
        return schema_type == kind.__name__
    base = schema_type
    if schema_type in simple_types():
        base = simple_types()[schema_type].find(f"{XS}restriction").get("base")
    wanted = {str: "string", int: "int", float: "double", bool: "boolean", bytes: "base64Binary", datetime: "dateTime"}
    return base == f"xs:{wanted[kind]}"


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_the_vocabulary_and_its_type_in_the_schema_agree(name):
    complex_type = next(item for item in EXCHANGE.iter(f"{XS}complexType") if item.get("name") == name)
    said = elements_of(complex_type)
    meant = fields_of(name, CLASSES[name])
    assert [(field, absent, many) for field, _, absent, many in meant] == [
        (field, absent, many) for field, _, absent, many in said
    ]
    misfits = [
        field
        for (field, kind, *_), (_, schema_type, *_) in zip(meant, said, strict=True)
        if not schema_type_fits(schema_type, kind)
    ]
    assert misfits == []


def test_the_schema_has_no_type_that_the_vocabulary_does_not_know():
    assert CLASSES.keys() == {item.get("name") for item in EXCHANGE.iter(f"{XS}complexType")}


def test_every_code_list_has_exactly_the_vocabularys_values_in_their_order():
    said = {
        name: [value.get("value") for value in item.iter(f"{XS}enumeration")]
        for name, item in simple_types().items()
        if item.find(f".//{XS}enumeration") is not None
    }
    assert {name: [member.value for member in cls] for name, cls in ENUMERATIONS.items()} == said


def test_every_other_simple_type_has_the_promised_facets():
    said = {
        name: {etree.QName(facet).localname: facet.get("value") for facet in item.find(f"{XS}restriction")}
        for name, item in simple_types().items()
        if name not in ENUMERATIONS
    }
    assert said == FACETS


@pytest.mark.parametrize("direction", Direction)
def test_each_side_receives_the_forms_of_its_direction(direction):
    tree = SCHEMAS[f"{direction.recipient.value}.xsd"]
    choice = tree.find(f".//{XS}complexType[@name='InboundForm']/{XS}choice")
    said = [(item.get("name"), item.get("type")) for item in choice]
    assert [
        (form_type.value, f"ex:{FORM_CLASSES[form_type].__name__}") for form_type in FORMS_BY_DIRECTION[direction]
    ] == said


def test_the_two_sides_mirror_each_other():
    def messages_of(side: Side) -> dict[str, list[tuple[str, str, bool, bool]]]:
        wrappers = SCHEMAS[f"{side.value}.xsd"].getroot().findall(f"{XS}element")
        return {
            item.get("name"): [
                (name, kind.replace(f"{side.value}:", "side:"), absent, many)
                for name, kind, absent, many in elements_of(item.find(f"{XS}complexType"))
            ]
            for item in wrappers
        }

    assert messages_of(Side.GRID) == messages_of(Side.URBAN)
    assert messages_of(Side.GRID).keys() == {
        name for operation in Operation for name in (operation.value, f"{operation.value}Response")
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_nothing_is_nillable_and_everything_is_qualified(name):
    tree = SCHEMAS[name]
    assert tree.getroot().get("elementFormDefault") == "qualified"
    assert tree.xpath("//*[@nillable]") == []


def documentation(item: etree._Element) -> dict[str, str]:
    found = item.findall(f"{XS}annotation/{XS}documentation")
    return {each.get(LANGUAGE): " ".join((each.text or "").split()) for each in found}


def is_chinese(text: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", text) is not None


def is_english(text: str) -> bool:
    return re.search(r"[A-Za-z]{2}", text) is not None and not is_chinese(text)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_element_type_and_code_value_is_explained_in_both_languages(name):
    tree = SCHEMAS[name]
    missing = []
    for kind in ("element", "complexType", "simpleType", "enumeration"):
        for item in tree.iter(f"{XS}{kind}"):
            if kind == "complexType" and item.get("name") is None:
                continue  # explained at the element that it belongs to
            told = documentation(item)
            if told.keys() != {"zh", "en"} or not is_chinese(told["zh"]) or not is_english(told["en"]):
                missing.append((kind, item.get("name") or item.get("value"), item.sourceline))
    assert missing == []


@pytest.mark.parametrize("side", Side)
def test_service_port_type_and_every_operation_are_explained_in_both_languages(side):
    root = etree.parse(contracts.path(f"{side.value}.wsdl")).getroot()
    port_type = root.find(f"{WSDL}portType")
    explained = [root, root.find(f"{WSDL}service"), port_type, *port_type.findall(f"{WSDL}operation")]
    assert len(explained) == 3 + len(Operation)
    for item in explained:
        lines = [line.strip() for line in item.findtext(f"{WSDL}documentation").strip().splitlines()]
        assert is_chinese(lines[0]), item.get("name")
        assert is_english(lines[1]), item.get("name")
