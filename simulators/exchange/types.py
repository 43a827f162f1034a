"""The contract's shared types for spyne, made from the vocabulary.

A form's fields, their order and whether one may be absent are said once, by the vocabulary's
dataclasses; what the contract adds are the facets, in the table `FACETS` below. `contracts/` is the
truth that this must agree with, and a test proves that the WSDL served from here says the same.

Absent and nil mean the same to everybody, so nothing is nillable and an absent field is left out.
"""

import types as python_types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import simulators.exchange.spyne_shim  # noqa: F401 - spyne cannot be imported before it

# isort: split
from spyne import Boolean, ByteArray, ComplexModel, DateTime, Double, Integer32, Unicode

from bridge.vocabulary.forms import FORM_CLASSES, FORMS_BY_DIRECTION, Attachment
from bridge.vocabulary.messages import Fault, Header
from bridge.vocabulary.parties import Direction

EXCHANGE = "urn:duijie:exchange:1.0"
GRID = "urn:duijie:grid:1.0"
URBAN = "urn:duijie:urban:1.0"

_NEVER_NIL = {"nillable": False, "nullable": False}


@dataclass(frozen=True, slots=True)
class Simple:
    """A named simple type of the contract."""

    name: str
    base: Any = Unicode
    facets: Mapping[str, Any] = field(default_factory=dict)

    def element(self, **occurrence: Any) -> Any:
        """Give the spyne type of an element of this type."""
        return self.base(type_name=self.name, __namespace__=EXCHANGE, **_NEVER_NIL, **occurrence, **self.facets)


def _pattern(name: str, pattern: str) -> Simple:
    return Simple(name, facets={"pattern": pattern})


def _text(name: str, longest: int) -> Simple:
    return Simple(name, facets={"min_len": 1, "max_len": longest})


def _number(name: str, least: int, most: int) -> Simple:
    return Simple(name, Integer32, {"ge": least, "le": most})


MESSAGE_ID = _pattern("MessageId", "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PARTY_CODE = _pattern("PartyCode", "[a-z0-9-]{1,40}")
CASE_NUMBER = _pattern("CaseNumber", "[0-9]{6}-[0-9]{8}-[0-9]{6}")
TASK_NUMBER = _pattern("TaskNumber", "T[0-9]{8}-[0-9]{6}")
DISTRICT = _pattern("DistrictCode", "[0-9]{6}")
DEPARTMENT = _pattern("DepartmentCode", "[A-Z0-9-]{1,20}")
PERSON_NAME = _text("PersonName", 60)
SENTENCE = _text("Sentence", 500)
ORDINAL = _number("Ordinal", 1, 99)
COORDINATE = Simple("Coordinate", Double, {"ge": -100000000, "le": 100000000})

#: The simple type of each field, by `Class.field` where a name means different things, else by `field`.
FACETS: dict[str, Simple] = {
    "message_id": MESSAGE_ID,
    "form_message_id": MESSAGE_ID,
    "sender": PARTY_CODE,
    "recipient": PARTY_CODE,
    "case_number": CASE_NUMBER,
    "original_case_number": CASE_NUMBER,
    "related_case_number": CASE_NUMBER,
    "task_number": TASK_NUMBER,
    "attempt": _number("Attempt", 1, 999),
    "contract_version": _pattern("ContractVersion", r"1\.[0-9]+"),
    "category": _pattern("CategoryCode", "[0-9]{2}"),
    "subcategory": _pattern("SubcategoryCode", "[0-9]{2}"),
    "description": _text("Description", 2000),
    "address": _text("Address", 200),
    "district": DISTRICT,
    "from_district": DISTRICT,
    "to_district": DISTRICT,
    "street": _pattern("StreetCode", "[0-9]{9}"),
    "community": _pattern("CommunityCode", "[0-9]{12}"),
    "cell": _pattern("CellCode", "[0-9]{15}"),
    "component_code": _pattern("ComponentCode", "[0-9]{16}"),
    "department": DEPARTMENT,
    "to_department": DEPARTMENT,
    "reporter_name": PERSON_NAME,
    "reporter_phone": _pattern("Phone", "[0-9+ -]{5,20}"),
    "handed_over_by": PERSON_NAME,
    "decided_by": PERSON_NAME,
    "dispatched_by": PERSON_NAME,
    "closed_by": PERSON_NAME,
    "handler": PERSON_NAME,
    "verifier": PERSON_NAME,
    "contact_name": PERSON_NAME,
    "reason": SENTENCE,
    "note": SENTENCE,
    "text": SENTENCE,
    "disposal_result": SENTENCE,
    "filing_ordinal": ORDINAL,
    "ordinal": ORDINAL,
    "round": _number("Round", 1, 9),
    "Attachment.name": _text("AttachmentName", 120),
    "media_type": _text("MediaType", 100),
    "size": _number("Size", 0, 8388608),
    "sha256": _pattern("Sha256", "[0-9a-f]{64}"),
    "reference": _text("Reference", 500),
    "Fault.field": _text("FieldPath", 200),
    "message_zh": SENTENCE,
    "message_en": SENTENCE,
    "x": COORDINATE,
    "y": COORDINATE,
    "page_size": _number("PageSize", 1, 200),
    "cursor": _text("Cursor", 200),
    "next_cursor": _text("Cursor", 200),
}

_PLAIN: dict[type, Any] = {bool: Boolean, datetime: DateTime, bytes: ByteArray}

#: Fields of which exactly one is there; they stand last in their class.
_CHOICES: dict[type, tuple[str, ...]] = {Attachment: ("content", "reference")}

#: Names on the wire where they are not the dataclass's name.
_NAMES: dict[type, str] = {Header: "MessageHeader", Fault: "ExchangeFault"}

#: Fields of the header that a query does not fill.
_OPTIONAL_IN_HEADER = frozenset({"case_number", "form_type", "attempt"})


def camel(name: str) -> str:
    """Spell a field's name as on the wire."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def unwrapped(hint: Any) -> tuple[Any, bool, bool]:
    """Take a field's type apart: the type of one value, whether it may be absent, whether it may be many."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True, True
    if isinstance(hint, python_types.UnionType):
        inner = [option for option in get_args(hint) if option is not type(None)]
        return inner[0], True, False
    return hint, False, False


def elements(cls: type) -> list[tuple[str, Any]]:
    """List the elements of a vocabulary class, in the contract's order, with their spyne types."""
    hints = get_type_hints(cls)
    listed = []
    for item in fields(cls):
        kind, absent, many = unwrapped(hints[item.name])
        occurrence: dict[str, Any] = {"min_occurs": 1}
        if absent or (cls is Header and item.name in _OPTIONAL_IN_HEADER):
            occurrence["min_occurs"] = 0
        if many:
            occurrence["max_occurs"] = "unbounded"
        if item.name in _CHOICES.get(cls, ()):
            occurrence["xml_choice_group"] = "one"
        listed.append((camel(item.name), _element(cls, item.name, kind, occurrence)))
    return listed


def _element(cls: type, name: str, kind: Any, occurrence: dict[str, Any]) -> Any:
    if kind in _PLAIN:
        return _PLAIN[kind](**_NEVER_NIL, **occurrence)
    if issubclass(kind, StrEnum):
        return Simple(kind.__name__, facets={"values": [value.value for value in kind]}).element(**occurrence)
    if kind in (str, int, float):
        return (FACETS.get(f"{cls.__name__}.{name}") or FACETS[name]).element(**occurrence)
    return element(shared(kind), **occurrence)


def element(of: Any, **occurrence: Any) -> Any:
    """Give the type of an element whose content is a complex type."""
    return of.customize(**_NEVER_NIL, **occurrence)


def form_choice(direction: Direction) -> list[tuple[str, Any]]:
    """List the elements of a choice of exactly one of the forms of a direction."""
    return [
        (form_type.value, element(shared(FORM_CLASSES[form_type]), min_occurs=0, xml_choice_group="one"))
        for form_type in FORMS_BY_DIRECTION[direction]
    ]


def model(name: str, namespace: str, listed: list[tuple[str, Any]]) -> Any:
    """Make a spyne class for a complex type of the contract."""
    return type(
        name,
        (ComplexModel,),
        {"__namespace__": namespace, "__type_name__": name, "_type_info": listed, "__module__": __name__},
    )


_SHARED: dict[Any, Any] = {}


def shared(cls: Any) -> Any:
    """Give the spyne class of a vocabulary class; always the same one."""
    if cls not in _SHARED:
        _SHARED[cls] = model(_NAMES.get(cls, cls.__name__), EXCHANGE, elements(cls))
    return _SHARED[cls]


#: The envelope header block; its element is spelled with a small first letter, as every element is.
MessageHeader = shared(Header).customize(sub_name="messageHeader", nillable=False)
