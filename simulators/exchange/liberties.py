"""What a platform overlooks in a request, when it is asked to say so (`choices.liberties`).

Each question is put to what came in, before anything was made plain.
"""

import codecs
import re
from collections.abc import Iterator

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import SAID, Liberty
from bridge.vocabulary.messages import Fault
from simulators.exchange import incoming

#: Where the front leaves what it overlooked, for whoever reads the rest of the message.
OVERLOOKED = "duijie.overlooked"

_XML_TYPE = re.compile(r"\s*text/xml\s*(?:;|\Z)", re.IGNORECASE)
_PLAIN_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_WITH_ZONE = re.compile(r".*(Z|[+-]\d\d:?\d\d)", re.DOTALL)


def in_transport(body: bytes, content_type: str, coding: str) -> list[Liberty]:
    """Name the liberties in how a message travelled; `body` is decompressed already."""
    overlooked = [Liberty.COMPRESSED] if coding.strip().lower() not in ("", "identity") else []
    envelope, own_type = incoming.envelope_part(body, content_type)
    if (envelope, own_type) != (body, content_type):
        overlooked.append(Liberty.MULTIPART)
    elif _XML_TYPE.match(content_type) is None:
        overlooked.append(Liberty.CONTENT_TYPE)
    return overlooked + list(_in_text(envelope, own_type))


def _in_text(envelope: bytes, content_type: str) -> Iterator[Liberty]:
    labels = incoming.labels(envelope, content_type)
    text = incoming.decoded(envelope, content_type)
    if text[:1].isspace() and text.lstrip().startswith("<?xml"):
        yield Liberty.LEADING_BLANKS
    if incoming.joined(text) != text:
        yield Liberty.HALF_REFERENCES
    if envelope.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    wide = b"\0" in envelope[:2]
    if not wide and (_reads(envelope, "utf-8") != text or any(not _is_universal(label) for label in labels)):
        yield Liberty.OTHER_CHARSET
    if wide or any(_reads(envelope, label) != text for label in labels or ["utf-8"]):
        yield Liberty.CHARSET_LABEL


def _is_universal(label: str) -> bool:
    return label.lower().replace("_", "-").startswith(("utf-8", "utf8", "utf-16"))


def _reads(envelope: bytes, label: str) -> str | None:
    try:
        return envelope.decode(label)
    except (LookupError, UnicodeError):
        return None


def in_moments(elements: Iterator[etree._Element]) -> Iterator[tuple[Liberty, etree._Element]]:
    """Name the liberties in moments as they were written."""
    for element in elements:
        text = (element.text or "").strip()
        if _PLAIN_MOMENT.fullmatch(text) is None:
            yield Liberty.MOMENT_SPELLING, element
        if _WITH_ZONE.fullmatch(text) is None:
            yield Liberty.MOMENT_WITHOUT_ZONE, element


def refusal(overlooked: list[tuple[Liberty, str | None]]) -> Fault:
    """Refuse a message for all that would have been overlooked; the field is the first that has one."""
    places = [place for _, place in overlooked if place]
    told = [(*SAID[liberty], liberty.value, place) for liberty, place in overlooked]
    zh = ";".join(f"{zh}({place or name})" for zh, _, name, place in told)
    en = "; ".join(f"{en} ({name}{f', {place}' if place else ''})" for _, en, name, place in told)
    return Fault(
        code=ErrorCode.SCHEMA_INVALID,
        field=places[0] if places else None,
        message_zh=f"严格模式:{zh}。"[:500],
        message_en=f"Strict reading: {en}."[:500],
    )
