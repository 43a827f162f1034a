"""Multipart messages: MTOM, in which Java and C++ stacks send attachments as they are instead of in base64.

    multipart/related
      root part     the envelope; where bytes belong stands <xop:Include href="cid:…"/>
      other parts   the bytes

What comes out is the same envelope with every attachment in base64 at its place, so that nobody behind this door
knows two kinds of message. A part stands in for one `content`, once; an Include that names no such part is left where
it is and refused by the schema, at its place. A part that nothing refers to is refused, because dropping it
would lose some of the message.
"""

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.wire.envelope import EXCHANGE, REQUEST_MARKUP, tree
from bridge.wire.faults import Malformed, refused

#: An envelope and its attachments; nobody sends more.
PARTS = 64
#: The lines in front of a part's content, in bytes.
_HEAD_BYTES = 8192

_XML = "text/xml; charset=utf-8"
_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_CONTENT = f"{{{EXCHANGE}}}content"
_BOUNDARY = re.compile(r"""\bboundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))""", re.IGNORECASE)
_START = re.compile(r"""\bstart\s*=\s*(?:"([^"]{1,500})"|([^\s;"]{1,500}))""", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class _Part(NamedTuple):
    head: dict[str, str]
    content: bytes

    @property
    def name(self) -> str:
        return self.head.get("content-id", "").strip().removeprefix("<").removesuffix(">")


def unpacked(
    data: bytes, content_type: str | None, limit: int, *, markup: int = REQUEST_MARKUP
) -> tuple[bytes, str | None]:
    """The message as one XML document of at most `limit` bytes, and its content type; a message that is one already stays as it is."""
    if content_type is None or not is_multipart(content_type):
        return data, content_type
    parts, root_part = _opened(data, content_type)
    others = {part.name: part for part in parts if part is not root_part}
    if len(others) < len(parts) - 1:
        raise _damaged("有两个部分的 Content-ID 相同", "two parts have the same Content-ID")
    contents = {name: _decoded(part) for name, part in others.items()}
    envelope = _decoded(root_part)
    if len(envelope) + sum(len(content) for content in contents.values()) * 4 // 3 > limit:
        raise refused(
            ErrorCode.LIMIT_EXCEEDED,
            None,
            f"报文连同附件超过 {limit} 字节的限额",
            f"The message and its attachments exceed the limit of {limit} bytes",
        )
    root = tree(envelope, root_part.head.get("content-type"), markup)
    if _put_in(root, contents) and contents:
        raise refused(
            ErrorCode.ATTACHMENT_INVALID,
            None,
            f"报文未引用其中的 {len(contents)} 个部分",
            f"The message does not refer to {len(contents)} of its parts",
        )
    return etree.tostring(root, encoding="utf-8"), _XML


def is_multipart(content_type: str | None) -> bool:
    """Whether a message comes in parts."""
    return (content_type or "").lstrip().lower().startswith("multipart/")


def envelope_in(data: bytes, content_type: str | None) -> tuple[bytes, str | None]:
    """The document with the envelope as it came, and its own content type."""
    if content_type is None or not is_multipart(content_type):
        return data, content_type
    _, part = _opened(data, content_type)
    return _decoded(part), part.head.get("content-type")


def _opened(data: bytes, content_type: str) -> tuple[list[_Part], _Part]:
    """All parts, and the one with the envelope."""
    boundary = _BOUNDARY.search(content_type)
    if not content_type.lstrip().lower().startswith("multipart/related") or boundary is None:
        raise refused(
            ErrorCode.SCHEMA_INVALID,
            None,
            "multipart 报文应为 multipart/related 并带 boundary",
            "A multipart message must be multipart/related and name its boundary",
        )
    parts = _parts(data, (boundary[1] or boundary[2]).encode("latin-1", "replace"))
    return parts, _root(parts, content_type)


def _put_in(root: etree._Element, contents: dict[str, bytes]) -> bool:
    """Put the parts where the Includes stand, and take them out of `contents`; false when an Include had to stay."""
    done = True
    for include in list(root.iter(_INCLUDE)):
        place = include.getparent()
        scheme, _, name = (include.get("href") or "").strip().partition(":")
        name = unquote(name)
        alone = (
            place is not None
            and place.tag == _CONTENT
            and len(place) == 1
            and not ((place.text or "") + (include.tail or "")).strip()
        )
        if place is None or not alone or scheme != "cid" or name not in contents:
            done = False
            continue
        place.remove(include)
        place.text = base64.b64encode(contents.pop(name)).decode("ascii")
    return done


def _parts(data: bytes, boundary: bytes) -> list[_Part]:
    delimiter = b"--" + boundary
    at = 0 if data.startswith(delimiter) else data.find(b"\n" + delimiter) + 1
    if at == 0 and not data.startswith(delimiter):
        raise _damaged("找不到分界线", "its boundary is nowhere to be found")
    parts: list[_Part] = []
    while not data.startswith(b"--", at + len(delimiter)):
        start = data.find(b"\n", at + len(delimiter)) + 1
        end = data.find(b"\n" + delimiter, start - 1) if start else -1
        if end < 0 or data[at + len(delimiter) : start].strip():
            raise _damaged("分界线不完整", "it is cut off")
        if len(parts) == PARTS:
            raise refused(
                ErrorCode.LIMIT_EXCEEDED,
                None,
                f"multipart 报文超过 {PARTS} 个部分",
                f"The multipart message has more than {PARTS} parts",
            )
        # The line break in front of a boundary belongs to the boundary.
        parts.append(_part(data[start : end - 1 if data[end - 1 : end] == b"\r" else end]))
        at = end + 1
    if not parts:
        raise _damaged("没有任何部分", "it has no parts")
    return parts


def _part(data: bytes) -> _Part:
    for no_head in (b"\r\n", b"\n"):
        if data.startswith(no_head):
            return _Part({}, data[len(no_head) :])
    end = _HEAD_END.search(data, 0, _HEAD_BYTES)
    if end is None:
        raise _damaged("某个部分没有头", "a part has no head")
    # A line that opens with a blank carries on the one above.
    lines = re.sub(rb"\r?\n[ \t]+", b" ", data[: end.start()]).decode("latin-1").splitlines()
    head = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return _Part(head, data[end.end() :])


def _root(parts: list[_Part], content_type: str) -> _Part:
    """The part that holds the envelope: the one that is named as the start, else the first."""
    start = _START.search(content_type)
    if start is None:
        return parts[0]
    name = (start[1] or start[2]).removeprefix("<").removesuffix(">")
    for part in parts:
        if part.name == name:
            return part
    raise _damaged("找不到 start 所指的部分", "the part named as its start is not there")


def _decoded(part: _Part) -> bytes:
    coding = part.head.get("content-transfer-encoding", "binary").lower()
    if coding in {"binary", "8bit", "7bit"}:
        return part.content
    if coding == "quoted-printable":
        return binascii.a2b_qp(part.content)
    if coding == "base64":
        try:
            return binascii.a2b_base64(part.content.translate(None, b" \t\r\n"), strict_mode=True)
        except ValueError:
            raise _damaged("某个部分不是有效的 base64", "a part is not valid base64") from None
    raise _damaged("某个部分的传输编码不受支持", "the transfer encoding of a part is not supported")


def _damaged(zh: str, en: str) -> Malformed:
    return refused(
        ErrorCode.SCHEMA_INVALID, None, f"multipart 报文无法读取:{zh}", f"The multipart message cannot be read: {en}"
    )
