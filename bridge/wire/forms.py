"""Forms and their parts: elements to values and values to elements.

The vocabulary's dataclasses say what there is; from each of them a reader and a writer are made once, at import. A reader
expects an element that the contract's schema has passed, so it checks only what a schema cannot: moments beyond the
calendar, strict base64, and that an attachment's size and digest are those of its content (XCHG-3).
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FORM_CLASSES, Attachment, Form, FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import Limits
from bridge.vocabulary.times import SHANGHAI, in_shanghai
from bridge.wire.envelope import EXCHANGE, escaped, field_path
from bridge.wire.faults import fault

T = TypeVar("T")
#: Faults found while reading; the value that is read beside them is not used.
Problems = list[Fault]
Reader = Callable[[etree._Element, Problems], T]
Writer = Callable[[T, list[str]], None]


def camel(name: str) -> str:
    """Spell a field's name as on the wire."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def unwrapped(hint: Any) -> tuple[Any, bool]:
    """The type of one value of a field, and whether there may be several of it."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    if isinstance(hint, UnionType):
        return next(option for option in get_args(hint) if option is not type(None)), False
    return hint, False


# -- reading ----------------------------------------------------------------------------------------------------------


def read_text(element: etree._Element, _problems: Problems) -> str:
    """The text of an element."""
    return element.text or ""


def read_moment(element: etree._Element, problems: Problems) -> datetime | None:
    """The moment in an element; without a zone it is Asia/Shanghai."""
    text = (element.text or "").strip()
    try:
        if "T24:" in text:
            # XML Schema's other name for the midnight that ends a day.
            return in_shanghai(datetime.fromisoformat(text.replace("T24:", "T00:"))) + timedelta(days=1)
        return in_shanghai(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        problems.append(
            fault(
                ErrorCode.SCHEMA_INVALID,
                field_path(element),
                "时间超出可处理的范围",
                "The moment is beyond the calendar",
            )
        )
        return None


#: Old stacks break base64 into lines; the white space of XML is all that may stand in it.
_WITHOUT_LINE_BREAKS = {ord(space): None for space in " \t\r\n"}


def read_octets(element: etree._Element, problems: Problems) -> bytes | None:
    """The bytes in an element, strictly: a stray character is a fault, never skipped."""
    text = element.text or ""
    try:
        return binascii.a2b_base64(text.translate(_WITHOUT_LINE_BREAKS), strict_mode=True)
    except ValueError:
        problems.append(
            fault(
                ErrorCode.ATTACHMENT_INVALID,
                field_path(element),
                "附件内容不是有效的 base64",
                "The content of the attachment is not valid base64",
            )
        )
        return None


def _read_integer(element: etree._Element, _problems: Problems) -> int:
    return int(element.text or "")


def _read_number(element: etree._Element, _problems: Problems) -> float:
    return float(element.text or "")


def _read_truth(element: etree._Element, _problems: Problems) -> bool:
    return (element.text or "").strip() in {"true", "1"}


def _code_reader(codes: type[Enum]) -> Reader[Enum]:
    members = {member.value: member for member in codes}

    def read(element: etree._Element, _problems: Problems) -> Enum:
        return members[element.text]

    return read


_READERS: dict[type, Reader[Any]] = {
    str: read_text,
    int: _read_integer,
    float: _read_number,
    bool: _read_truth,
    datetime: read_moment,
    bytes: read_octets,
}


def reader(cls: type[T]) -> Reader[T]:
    """Make the reader of a vocabulary class."""
    types = get_type_hints(cls)
    table: dict[str, tuple[str, Reader[Any], bool]] = {}
    absent: dict[str, Any] = {}
    for item in fields(cast(Any, cls)):
        kind, many = unwrapped(types[item.name])
        if isinstance(types[item.name], UnionType) and item.default is MISSING:
            absent[item.name] = None
        table[f"{{{EXCHANGE}}}{camel(item.name)}"] = (item.name, _reader_of(kind), many)

    def read(element: etree._Element, problems: Problems) -> T:
        values = absent.copy()
        for child in element:
            name, convert, many = table[child.tag]
            if many:
                values[name] = (*values.get(name, ()), convert(child, problems))
            else:
                values[name] = convert(child, problems)
        return cls(**values)

    return read


def _reader_of(kind: Any) -> Reader[Any]:
    if kind is Attachment:
        return _read_attachment
    if is_dataclass(kind):
        return reader(cast(type, kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _code_reader(kind)
    return _READERS[kind]


_read_attachment_fields = reader(Attachment)


def _read_attachment(element: etree._Element, problems: Problems) -> Attachment:
    attachment = _read_attachment_fields(element, problems)
    content = attachment.content
    if content is not None:
        if len(content) != attachment.size:
            problems.append(
                fault(
                    ErrorCode.ATTACHMENT_INVALID,
                    f"{field_path(element)}/size",
                    f"附件实际 {len(content)} 字节,与所填大小不符",
                    f"The attachment has {len(content)} bytes, not the size that it states",
                )
            )
        if hashlib.sha256(content).hexdigest() != attachment.sha256:
            problems.append(
                fault(
                    ErrorCode.ATTACHMENT_INVALID,
                    f"{field_path(element)}/sha256",
                    "附件摘要与内容不符",
                    "The digest is not that of the attachment's content",
                )
            )
    return attachment


_FORM_READERS: dict[str, Reader[Form]] = {form_type.value: reader(cls) for form_type, cls in FORM_CLASSES.items()}


def read_form(element: etree._Element, problems: Problems) -> Form:
    """The form in an element that is named by its form type, in the namespace of either side."""
    return _FORM_READERS[element.tag.rpartition("}")[2]](element, problems)


def overweight(form: Form, limits: Limits) -> Problems:
    """The attachments of a form that exceed the profile's limits."""
    attachments: tuple[Attachment, ...] = getattr(form, "attachments", ())
    place = f"form/{form.form_type.value}/attachments"
    problems: Problems = []
    if len(attachments) > limits.attachments_per_form:
        problems.append(
            fault(
                ErrorCode.LIMIT_EXCEEDED,
                place,
                f"附件 {len(attachments)} 个,限 {limits.attachments_per_form} 个",
                f"The form has {len(attachments)} attachments, the limit is {limits.attachments_per_form}",
            )
        )
    for position, attachment in enumerate(attachments, start=1):
        if attachment.size > limits.attachment_bytes:
            problems.append(
                fault(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"{place}[{position}]/size" if len(attachments) > 1 else f"{place}/size",
                    f"附件 {attachment.size} 字节,限 {limits.attachment_bytes} 字节",
                    f"The attachment has {attachment.size} bytes, the limit is {limits.attachment_bytes}",
                )
            )
    return problems


# -- writing ----------------------------------------------------------------------------------------------------------


def moment_text(moment: datetime) -> str:
    """A moment as on the wire: Asia/Shanghai, with its zone."""
    return (moment if moment.tzinfo is SHANGHAI else in_shanghai(moment)).isoformat()


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: escaped,
    int: str,
    float: repr,
    bool: lambda value: "true" if value else "false",
    datetime: moment_text,
    bytes: lambda value: base64.b64encode(value).decode("ascii"),
}


def writer(cls: type[T]) -> Writer[T]:
    """Make the writer of a vocabulary class: it appends the child elements, in the contract's order, to a list of pieces."""
    types = get_type_hints(cls)
    steps: list[tuple[str, bool, Writer[Any]]] = []
    for item in fields(cast(Any, cls)):
        kind, many = unwrapped(types[item.name])
        steps.append((item.name, many, element_writer(f"ex:{camel(item.name)}", kind)))

    def write(value: T, out: list[str]) -> None:
        for name, many, put in steps:
            part = getattr(value, name)
            if part is None:
                continue
            if many:
                for one in part:
                    put(one, out)
            else:
                put(part, out)

    return write


def element_writer(tag: str, kind: Any) -> Writer[Any]:
    """Make the writer of one element that holds a value of this type."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    if is_dataclass(kind):
        write_inside: Writer[Any] = writer(cast(type, kind))

        def write_parts(value: Any, out: list[str]) -> None:
            out.append(opening)
            write_inside(value, out)
            out.append(closing)

        return write_parts
    render = str if isinstance(kind, type) and issubclass(kind, Enum) else _TEXTS[kind]

    def write_text(value: Any, out: list[str]) -> None:
        out.append(f"{opening}{render(value)}{closing}")

    return write_text


_FORM_WRITERS: dict[FormType, Writer[Any]] = {
    form_type: element_writer(f"m:{form_type.value}", cls) for form_type, cls in FORM_CLASSES.items()
}


def write_form(form: Form, out: list[str]) -> None:
    """Append the form's element, named by its type, in the namespace of the side that receives it."""
    _FORM_WRITERS[form.form_type](form, out)
