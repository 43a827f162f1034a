"""Forged forms, receipts and queries: whole messages made from what little a scenario says."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_URL, uuid5

from bridge.vocabulary.codes import ErrorCode, PhotoKind, ReceiptOutcome
from bridge.vocabulary.forms import FORM_CLASSES, Attachment, Form, FormType
from bridge.vocabulary.messages import (
    CaseQuery,
    Fault,
    FormMessage,
    Header,
    QueryHeader,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.times import in_shanghai
from conformance.oracle.trace import camel

#: Something plausible for each field that a scenario leaves out.
_PLAUSIBLE: dict[str, Any] = {
    "task_number": "T20260302-000001",
    "category": "01",
    "subcategory": "02",
    "description": "伪造的案卷",
    "address": "中山路 1 号",
    "district": "340202",
    "street": "340202001",
    "community": "340202001001",
    "cell": "340202001001001",
    "from_district": "340202",
    "to_district": "340207",
    "department": "CA-340202",
    "to_department": "CA-340207",
}


def message_id(seed: str) -> str:
    """A message id that follows from the seed."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, seed)}"


class FieldInvalid(ValueError):
    """A value that the form's field cannot take."""


def build_form(
    form_type: FormType, case_number: str, given: Mapping[str, Any], now: datetime, like: Mapping[str, Any] | None
) -> Form:
    """A form with these fields (wire names); the others as in `like`, or plausible."""
    cls = FORM_CLASSES[form_type]
    hints = get_type_hints(cls)
    values: dict[str, Any] = {"case_number": case_number}
    for item in fields(cls):
        name = camel(item.name)
        source = given if name in given else like or {}
        if name in source:
            values[item.name] = _read(hints[item.name], source[name], item.name)
        elif item.name not in values and item.default is MISSING and item.default_factory is MISSING:
            values[item.name] = _plausible(item.name, hints[item.name], now)
    return cls(**values)


def _plausible(name: str, kind: Any, now: datetime) -> Any:
    if name in _PLAUSIBLE:
        return _PLAUSIBLE[name]
    if kind is datetime:
        return now
    if kind is bool:
        return True
    if kind is int:
        return 1
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return "伪造"


def _read(kind: Any, value: Any, name: str) -> Any:
    if isinstance(kind, UnionType):
        if value is None:
            return None
        kind = next(option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_attachment(item) for item in value)
    try:
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, Mapping):
            hints = get_type_hints(kind)
            return kind(**{f.name: _read(hints[f.name], value[camel(f.name)], f.name) for f in fields(kind)})
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
        if kind is datetime:
            return in_shanghai(datetime.fromisoformat(str(value)))
        return kind(value) if kind in (str, int, float, bool) else value
    except (ValueError, TypeError, KeyError) as error:
        raise FieldInvalid(f"{name}: {error}") from None


def _attachment(item: Any) -> Attachment:
    if isinstance(item, Mapping):
        hints = get_type_hints(Attachment)
        return Attachment(
            **{
                f.name: _read(hints[f.name], item[camel(f.name)], f.name)
                for f in fields(Attachment)
                if camel(f.name) in item
            }
        )
    content = _dot(str(item))
    return Attachment(
        name=f"{item}.png",
        media_type="image/png",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        kind=PhotoKind.REPORT,
        content=content,
    )


def _dot(name: str) -> bytes:
    """A PNG of one pixel whose colour follows from the name."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = b"\0" + sha256(name.encode()).digest()[:3]
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixel)) + chunk(b"IEND", b"")


def form_message(
    profile: Profile,
    pretending: Side,
    form: Form,
    id_: str,
    now: datetime,
    *,
    sender: str | None = None,
    recipient: str | None = None,
    case_number: str | None = None,
) -> FormMessage:
    """A form under a header as the platform on `pretending` would write it, unless the header is falsified too."""
    header = Header(
        message_id=id_,
        sender=sender or profile.platform(pretending).code,
        recipient=recipient or profile.platform(pretending.other).code,
        case_number=case_number or form.case_number,
        form_type=form.form_type,
        attempt=1,
        sent_at=now,
    )
    return FormMessage(header=header, form=form)


def receipt_message(
    profile: Profile,
    pretending: Side,
    id_: str,
    now: datetime,
    *,
    case_number: str,
    form_message_id: str,
    form_type: FormType,
    code: ErrorCode | None,
) -> ReceiptMessage:
    """A receipt as the platform on `pretending` would give it; with a code it is an error."""
    fault = None
    if code is not None:
        fault = Fault(
            code=code, field=None, message_zh=f"伪造的错误回执 {code}", message_en=f"a forged error receipt, {code}"
        )
    receipt = Receipt(
        case_number=case_number,
        form_message_id=form_message_id,
        form_type=form_type,
        outcome=ReceiptOutcome.CONFIRMED if fault is None else ReceiptOutcome.ERROR,
        decided_at=now,
        fault=fault,
    )
    header = Header(
        message_id=id_,
        sender=profile.platform(pretending).code,
        recipient=profile.platform(pretending.other).code,
        case_number=case_number,
        form_type=form_type,
        attempt=1,
        sent_at=now,
    )
    return ReceiptMessage(header=header, receipt=receipt)


def query_message(profile: Profile, pretending: Side, id_: str, now: datetime, query: CaseQuery) -> QueryMessage:
    """A query as the platform on `pretending` would ask it."""
    header = QueryHeader(
        message_id=id_,
        sender=profile.platform(pretending).code,
        recipient=profile.platform(pretending.other).code,
        sent_at=now,
    )
    return QueryMessage(header=header, query=query)
