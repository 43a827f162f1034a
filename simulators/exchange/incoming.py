"""What comes in over HTTP, as one plain XML document, before spyne or zeep see it.

    gzip ─► multipart (MTOM) ─► character set ─► halves of characters ─► XML without DTD

Real systems compress, send attachments beside the envelope, mislabel Chinese text and write rare characters as two
halves. All of that can be read without doubt, and spyne and zeep each fail over some of it. What cannot be read
is `Unreadable`, with the fault that says so.
"""

import binascii
import codecs
import re
import zlib
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault

PLAIN_XML = "text/xml; charset=utf-8"
_CONTENT = "{urn:duijie:exchange:1.0}content"


class Unreadable(Exception):
    """What came in is no XML document."""

    def __init__(self, zh: str, en: str, code: ErrorCode = ErrorCode.SCHEMA_INVALID):
        self.fault = Fault(code=code, field=None, message_zh=zh, message_en=en)
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much there may be in a document, beside its weight."""

    #: Tags and attributes, end tags included.
    markup: int
    #: References to characters.
    references: int
    #: Elements in elements; the contract's own reach seven.
    depth: int = 32


#: A form with twenty attachments has some five hundred tags and attributes.
REQUEST = Bounds(markup=20_000, references=100_000)
#: A page may hold two hundred cases.
ANSWER = Bounds(markup=400_000, references=2_000_000)


def _too_large(limit: int) -> Unreadable:
    return Unreadable(
        f"报文展开后超过 {limit} 字节。",
        f"The message is larger than {limit} bytes once it is unpacked.",
        ErrorCode.LIMIT_EXCEEDED,
    )


def uncompressed(body: bytes, coding: str, limit: int) -> bytes:
    """Undo a Content-Encoding; what would unfold beyond the limit is not unfolded."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise Unreadable(f"不支持内容编码 {coding[:40]}。", f"Content-Encoding {coding[:40]} is not supported.")
    gunzip = zlib.decompressobj(wbits=31)
    try:
        content = gunzip.decompress(body, limit + 1)
    except zlib.error:
        content = b""
    if len(content) > limit:
        raise _too_large(limit)
    if not gunzip.eof or gunzip.unused_data:
        raise Unreadable("gzip 内容损坏。", "The gzip content is damaged.")
    return content


# ── multipart ───────────────────────────────────────────────────────────────────────────────────────

_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_PARTS_MAX = 64
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class _Part:
    headers: dict[str, str]
    content: bytes

    @property
    def id(self) -> str:
        return self.headers.get("content-id", "").strip("<> ")


def _parameter(header: str, name: str) -> str | None:
    found = re.search(rf""";\s*{name}\s*=\s*(?:"([^"]*)"|([^\s;"]+))""", header, re.IGNORECASE)
    return None if found is None else found[1] or found[2]


def _torn(zh: str, en: str) -> Unreadable:
    return Unreadable(f"multipart 报文{zh}。", f"The multipart message {en}.")


def _parts(body: bytes, boundary: str) -> list[_Part]:
    line = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("latin-1", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    parts: list[_Part] = []
    opened: int | None = None
    for found in line.finditer(body):
        if opened is not None:
            parts.append(_part(body[opened : found.start()]))
        if found[1]:
            return parts
        if len(parts) == _PARTS_MAX:
            raise Unreadable(
                f"multipart 报文多于 {_PARTS_MAX} 个部分。",
                f"The multipart message has more than {_PARTS_MAX} parts.",
                ErrorCode.LIMIT_EXCEEDED,
            )
        opened = found.end()
    raise _torn("不完整", "is cut off, or its boundary is not there")


def _part(block: bytes) -> _Part:
    # The line break behind the boundary comes first; a part without headers goes on with an empty line.
    end = _BLANK_LINE.search(block, 0, 8192)
    if end is None:
        raise _torn("有一个部分没有头", "has a part without headers")
    unfolded = re.sub(r"\r?\n[ \t]+", " ", block[: end.start()].decode("latin-1"))
    named = (line.partition(":") for line in unfolded.splitlines() if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    return _Part(headers, _transferred(block[end.end() :], headers.get("content-transfer-encoding", "binary").lower()))


def _transferred(content: bytes, coding: str) -> bytes:
    if coding in ("binary", "8bit", "7bit"):
        return content
    if coding == "quoted-printable":
        return binascii.a2b_qp(content)
    if coding == "base64":
        try:
            return strict_base64(content.decode("latin-1"))
        except ValueError:
            raise _torn("有一个部分不是有效的 base64", "has a part that is no base64") from None
    raise _torn("有一个部分的传输编码不受支持", "has a part in an unknown transfer encoding")


def strict_base64(text: str) -> bytes:
    """Read base64 in which nothing but white space is passed over; raises `ValueError`."""
    return binascii.a2b_base64("".join(text.split()), strict_mode=True)


def envelope_part(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Find the envelope as it came, and what is said of it."""
    if not content_type.strip().lower().startswith("multipart/"):
        return body, content_type
    _, envelope = _split(body, content_type)
    return envelope.content, envelope.headers.get("content-type", "")


def _split(body: bytes, content_type: str) -> tuple[list[_Part], _Part]:
    boundary = _parameter(content_type, "boundary")
    if not boundary or not content_type.strip().lower().startswith("multipart/related"):
        raise _torn("应为 multipart/related 并带 boundary", "must be multipart/related and name its boundary")
    parts = _parts(body, boundary)
    start = (_parameter(content_type, "start") or "").strip("<>")
    envelope = next((part for part in parts if not start or part.id == start), None)
    if envelope is None:
        raise _torn("没有起始部分", "lacks the part that it starts with")
    return parts, envelope


def unpacked(body: bytes, content_type: str, limit: int, bounds: Bounds = REQUEST) -> tuple[bytes, str]:
    """Put the parts of a multipart message in their places, in base64; any other message stays as it is."""
    if not content_type.strip().lower().startswith("multipart/"):
        return body, content_type
    parts, envelope = _split(body, content_type)
    beside = {part.id: part.content for part in parts if part is not envelope}
    if len(beside) != len(parts) - 1:
        raise _torn("有两个部分标识相同", "has two parts of one name")
    if len(envelope.content) + sum(4 * len(content) // 3 for content in beside.values()) > limit:
        raise _too_large(limit)
    root = parse(envelope.content, envelope.headers.get("content-type", ""), bounds)
    # An Include that cannot be followed stays, and the schema will refuse it where it stands.
    dangling = [include for include in [*root.iter(_INCLUDE)] if not _follow(include, beside)]
    if beside and not dangling:
        raise Unreadable(
            f"有 {len(beside)} 个部分未被报文引用。",
            f"The message does not refer to {len(beside)} of its parts.",
            ErrorCode.ATTACHMENT_INVALID,
        )
    return etree.tostring(root, encoding="utf-8"), PLAIN_XML


def _follow(include: etree._Element, beside: dict[str, bytes]) -> bool:
    holder = include.getparent()
    if (
        holder is None
        or holder.tag != _CONTENT
        or ((holder.text or "") + (include.tail or "")).strip()
        or len(holder) > 1
    ):
        return False
    scheme, _, name = (include.get("href") or "").strip().partition(":")
    content = beside.pop(unquote(name), None) if scheme == "cid" else None
    if content is None:
        return False
    holder.remove(include)
    holder.text = b64encode(content).decode("ascii")
    return True


# ── character sets ──────────────────────────────────────────────────────────────────────────────────

#: One that is spelled otherwise stays where it is, and the parser will refuse it.
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(["'])1\.\d+\1(\s+encoding\s*=\s*(["'])[A-Za-z][\w.-]*\3)?"""
    r"""(\s+standalone\s*=\s*(["'])(yes|no)\5)?\s*\?>""",
    re.ASCII,
)
_DECLARED_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]+)""", re.IGNORECASE)
_BEFORE_ROOT = re.compile(r"\s*(?:<!--.*?-->\s*|<\?.*?\?>\s*)*", re.DOTALL)
#: How a text that is wide begins: with a byte order mark, or with `<` in two bytes.
_OPENINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}


def labels(body: bytes, content_type: str) -> list[str]:
    """List what is said of a message's character set: by HTTP, then by the document."""
    declared = _DECLARED_ENCODING.match(body)
    said = _CHARSET.search(content_type)
    found = [said[1]] if said is not None else []
    return found if declared is None else [*found, declared[1].decode()]


def decoded(body: bytes, content_type: str) -> str:
    """Decode a message, whichever of Content-Type and XML declaration tells the truth about it.

    Old clients write GBK under a utf-8 label. UTF-8 is tried first, because other bytes hardly ever happen
    to be valid UTF-8; what is called GB2312 or GBK is read as GB18030, which holds them and the rare names.
    When no label fits, strict GB2312 is the last that counts: damaged UTF-8 is none.
    """
    for opening, encoding in _OPENINGS.items():
        if body.startswith(opening):
            return _first_fit(body, [encoding])
    said = labels(body, content_type)
    # What does not open like UTF-16 is none, whatever it is called.
    known = ["utf-8" if name == "utf-16" else name for name in map(_codec, said) if name is not None]
    if said and not known:
        raise Unreadable(f"不支持字符集 {said[0][:40]}。", f"Character set {said[0][:40]} is not supported.")
    names = sorted(known, key=lambda name: name != "utf-8")
    return _first_fit(body, names if set(names) - {"utf-8"} else ["utf-8", "gb2312"])


#: The character sets that are read, by Python's names, and how.
_READ_AS = {
    "utf-8": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    # HTTP's old default says nothing; read as what it means, any bytes would make a text.
    "iso8859-1": "utf-8",
}


def _codec(label: str) -> str | None:
    try:
        return _READ_AS.get(codecs.lookup(label.lower().removeprefix("x-")).name)
    except LookupError:
        return None


def _first_fit(body: bytes, names: list[str]) -> str:
    for name in names:
        try:
            return body.decode(name)
        except UnicodeError:
            continue
    raise Unreadable("报文字节与所声明的字符集不符。", "The bytes are not in the character set that the message names.")


# ── halves of characters ────────────────────────────────────────────────────────────────────────────

_HIGH = r"&#(?:x([Dd][89ABab][0-9A-Fa-f]{2})|(5[56][0-9]{3}));"
_LOW = r"&#(?:x([Dd][C-Fc-f][0-9A-Fa-f]{2})|(5[67][0-9]{3}));"
#: A comment or CDATA section that never ends takes all the rest, so that a flood of them costs one look each.
_HALVES = re.compile(
    rf"<!--(?:.*?-->|.*)|<!\[CDATA\[(?:.*?\]\]>|.*)|{_HIGH}{_LOW}",
    re.DOTALL,
)


def joined(text: str) -> str:
    """Make one reference of the two that some clients write for one rare character."""
    return _HALVES.sub(_whole, text)


def _whole(found: re.Match[str]) -> str:
    if found[0].startswith("<"):
        return found[0]
    high, low = (int(hexa, 16) if hexa else int(plain) for hexa, plain in (found.group(1, 2), found.group(3, 4)))
    if not 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return found[0]
    return f"&#{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)};"


# ── XML ─────────────────────────────────────────────────────────────────────────────────────────────


def document(body: bytes, content_type: str, bounds: Bounds = REQUEST) -> bytes:
    """Give the document in UTF-8, without a declaration, and with whole characters alone."""
    if not body.strip():
        raise Unreadable("报文为空。", "The message is empty.")
    text = decoded(body, content_type).lstrip()
    # Before anything else looks at the text: what follows takes a step for each of these.
    if text.count("<") + text.count("=") > bounds.markup or text.count("&") > bounds.references:
        raise Unreadable(
            "报文的元素、属性或字符引用过多。",
            "The message has too many elements, attributes or references.",
            ErrorCode.LIMIT_EXCEEDED,
        )
    if (declaration := _DECLARATION.match(text)) is not None:
        text = text[declaration.end() :]
    start = _BEFORE_ROOT.match(text)
    if start is not None and text.startswith("<!DOCTYPE", start.end()):
        raise Unreadable("报文不得包含 DOCTYPE。", "A message must not hold a DOCTYPE.")
    if re.search(_HIGH, text) is not None:
        text = _HALVES.sub(_whole, text)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unreadable("报文含有不成对的代理字符。", "The message holds half a character.") from None


def parse(body: bytes, content_type: str, bounds: Bounds = REQUEST) -> etree._Element:
    """Read a message's XML: any common Chinese encoding, no DTD, no entities, nothing fetched."""
    plain = document(body, content_type, bounds)
    # `huge_tree` lifts the limit of ten million characters a text node: an attachment may be larger in base64. It lifts
    # others too, so only a message that is that large is read so; its size as a whole is limited before we get here.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=len(plain) >= 10_000_000,
    )
    try:
        root = etree.fromstring(plain, parser)
    except etree.XMLSyntaxError as error:
        where = f"{error.lineno}:{error.offset}"
        raise Unreadable(f"报文不是合法的 XML({where})。", f"The message is not well-formed XML ({where}).") from None
    _hold_to(bounds, root)
    return root


#: As long as libxml2 lets a name be in messages that are not large.
_NAME_MAX = 50_000


def _hold_to(bounds: Bounds, root: etree._Element) -> None:
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > bounds.depth:
            raise Unreadable(
                f"报文的元素嵌套超过 {bounds.depth} 层。",
                f"The elements of the message are nested more than {bounds.depth} deep.",
                ErrorCode.LIMIT_EXCEEDED,
            )
        if max(map(len, map(str, (element.tag, *element.attrib)))) > _NAME_MAX:
            raise Unreadable(
                f"报文中有长于 {_NAME_MAX} 的名称。",
                f"The message has a name longer than {_NAME_MAX}.",
                ErrorCode.LIMIT_EXCEEDED,
            )
