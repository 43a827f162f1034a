"""The liberties that reading a request takes: how it differs from what the contract would have written.

Looked for after a message was read, in what came in, and only where the profile asks (`choices.liberties`): the common way stays
as short as it is.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import SAID, Liberty
from bridge.vocabulary.messages import Fault, Operation
from bridge.vocabulary.parties import Side
from bridge.wire.envelope import REQUEST_MARKUP, charset_labels, field_path, has_halves, tree
from bridge.wire.faults import FAULTS_TOLD, fault
from bridge.wire.multipart import envelope_in, is_multipart, unpacked
from bridge.wire.requests import soap_action
from bridge.wire.schema import moments_in


class Found(NamedTuple):
    """A liberty, and the field in which it was taken; None for the message as a whole."""

    liberty: Liberty
    field: str | None = None

    @property
    def fault(self) -> Fault:
        """The refusal of a message for this liberty."""
        zh, en = SAID[self.liberty]
        return fault(
            ErrorCode.SCHEMA_INVALID, self.field, f"严格模式:{zh}", f"Strict reading ({self.liberty.value}): {en}"
        )


def whole_refusal(liberties: Sequence[Found]) -> Fault:
    """One fault that names them all, for what is not answered with an error receipt."""
    faults = [found.fault for found in liberties]
    return fault(
        ErrorCode.SCHEMA_INVALID,
        next((each.field for each in faults if each.field), None),
        ";".join(each.message_zh for each in faults),
        "; ".join(each.message_en for each in faults),
    )


def liberties_of(
    data: bytes,
    content_type: str | None,
    side: Side,
    operation: Operation,
    *,
    encoding: str = "",
    action: str | None = None,
    limit: int,
) -> tuple[Found, ...]:
    """The liberties taken in reading a request to `side` that could be read; `data` is what came in, decompressed."""
    found = dict.fromkeys(_all(data, content_type, side, operation, encoding, action, limit))
    return tuple(found)[:FAULTS_TOLD]


def _all(
    data: bytes,
    content_type: str | None,
    side: Side,
    operation: Operation,
    encoding: str,
    action: str | None,
    limit: int,
) -> Iterator[Found]:
    if encoding.strip().lower() not in ("", "identity"):
        yield Found(Liberty.COMPRESSED)
    if action != f'"{soap_action(side, operation)}"':
        yield Found(Liberty.SOAP_ACTION)
    parted = is_multipart(content_type)
    if parted:
        yield Found(Liberty.MULTIPART)
    elif (content_type or "").partition(";")[0].strip().lower() != "text/xml":
        yield Found(Liberty.CONTENT_TYPE)
    envelope, kind = envelope_in(data, content_type)
    yield from map(Found, _of_charset(envelope, kind))
    whole, kind = unpacked(data, content_type, limit)
    for element in moments_in(tree(whole, kind, REQUEST_MARKUP)):
        yield from (Found(liberty, field_path(element)) for liberty in _of_moment(element.text or ""))


#: The labels that stand for the two character sets that every reader of XML knows.
_UNIVERSAL = {"utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _of_charset(data: bytes, content_type: str | None) -> Iterator[Liberty]:
    if data[:1].isspace() and data.lstrip().startswith(b"<?xml"):
        yield Liberty.LEADING_BLANKS
    if has_halves(data):
        yield Liberty.HALF_REFERENCES
    if data.startswith(_MARKS):
        return
    labels = charset_labels(data, content_type)
    is_wide = data[:2] in (b"<\0", b"\0<")
    if not is_wide and (any(label not in _UNIVERSAL for label in labels) or not _decodes(data, "utf-8")):
        yield Liberty.OTHER_CHARSET
    # UTF-16 without a mark leaves the order of its bytes to be guessed, whatever it is called.
    if is_wide or not all(_decodes(data, _UNIVERSAL.get(label, label)) for label in labels or ["utf-8"]):
        yield Liberty.CHARSET_LABEL


def _decodes(data: bytes, codec: str) -> bool:
    # Any bytes are ISO 8859-1, so it says nothing where there is more than ASCII.
    codec = "ascii" if codec.replace("_", "-") in ("iso-8859-1", "latin1", "latin-1") else codec
    if codec.startswith("utf-16"):
        return False
    try:
        data.decode(codec)
    except (UnicodeError, LookupError):
        return False
    return True


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def _of_moment(text: str) -> Iterator[Liberty]:
    moment = text.strip()
    if _MOMENT.fullmatch(moment) is None:
        yield Liberty.MOMENT_SPELLING
    if _ZONE.search(moment) is None:
        yield Liberty.MOMENT_WITHOUT_ZONE
