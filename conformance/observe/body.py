"""From the body of an HTTP message, in whatever form it travelled or was recorded, to one envelope in UTF-8.

This is for reading traffic of strangers, and so it asks for little: of a multipart message (MTOM) only the part with the envelope
must be whole, because recorders damage the binary ones and the trace has no use for them. It shares no code with the
readers of those who are judged.
"""

import base64
import quopri
import re
import zlib
from email.message import Message
from email.parser import HeaderParser

#: Bytes to which a compressed body may unfold; what goes beyond is no message.
UNFOLDED_BYTES_MAX = 256 * 1024 * 1024

_GZIP = b"\x1f\x8b"
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*\?>")
#: Old Java writes a rare character as two references, one for each half of its surrogate pair. In CDATA they are no references.
_HALVES = re.compile(
    r"<!\[CDATA\[.*?\]\]>"
    r"|&#(x[Dd][89ABab][0-9A-Fa-f]{2}|5529[6-9]|55[3-9]\d\d|56[0-2]\d\d|563[01]\d);&#(x[Dd][C-Fc-f][0-9A-Fa-f]{2}|5[67]\d{3});",
    re.DOTALL,
)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


class BodyUnreadable(Exception):
    """No envelope can be made out; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)


def envelope_in(body: bytes, content_type: str | None = None, content_encoding: str | None = None) -> bytes:
    """The envelope in UTF-8 and without a declaration; raises `BodyUnreadable`."""
    body = _unfolded(body, content_encoding or "")
    described = Message()
    described["Content-Type"] = " ".join(
        (content_type or "text/xml").encode("ascii", "replace").decode("ascii").split()
    )
    opening = body.lstrip()[:2]
    if described.get_content_maintype() == "multipart" or opening == b"--":
        body, described = _root_part(body, described)
    return _as_text(body, described.get_content_charset()).encode("utf-8", "replace")


def wrapping_of(body: bytes, content_type: str | None, content_encoding: str | None) -> tuple[str, ...]:
    """What `envelope_in` takes off such a body, outermost first: `gzip` or `deflate`, and `mtom`."""
    coding = (content_encoding or "").strip().lower()
    folded = ("gzip",) if body.startswith(_GZIP) else ("deflate",) if coding == "deflate" else ()
    parts = ("mtom",) if (content_type or "").strip().lower().startswith("multipart/") else ()
    return (*folded, *parts)


def _unfolded(body: bytes, encoding: str) -> bytes:
    # A recorder may have unfolded it already and left the header, so the bytes themselves are asked.
    if body.startswith(_GZIP):
        windows: tuple[int, ...] = (31,)
    elif "deflate" in encoding.lower() and not body.lstrip().startswith(b"<"):
        windows = (15, -15)
    else:
        return body
    for window in windows:
        unfolding = zlib.decompressobj(wbits=window)
        try:
            found = unfolding.decompress(body, UNFOLDED_BYTES_MAX)
        except zlib.error:
            continue
        if unfolding.unconsumed_tail:
            raise BodyUnreadable("解压后过大", "it unfolds to too much")
        if unfolding.eof:
            return found
    raise BodyUnreadable("压缩内容不完整或已损坏", "its compression is cut off or damaged")


def _root_part(body: bytes, described: Message) -> tuple[bytes, Message]:
    boundary = described.get_boundary()
    # A recorder may have kept the parts and lost the header that names the line between them.
    line = f"--{boundary}".encode("latin-1", "replace") if boundary else body.lstrip().split(b"\n", 1)[0].strip()
    start = described.get_param("start")
    wanted = str(start).strip("<> ") if start else None
    for piece in body.split(line)[1:]:
        if piece.startswith(b"--"):
            break
        blank = _BLANK_LINE.search(piece)
        if blank is None:
            continue
        about = HeaderParser().parsestr(piece[: blank.start()].decode("latin-1").strip())
        if wanted is None or str(about.get("Content-ID", "")).strip("<> ") == wanted:
            content = piece[blank.end() :].rstrip(b"\r\n")
            return _transferred(content, str(about.get("Content-Transfer-Encoding", "")).strip().lower()), about
    raise BodyUnreadable("multipart 报文中找不到信封部分", "the multipart message lacks the part with the envelope")


def _transferred(content: bytes, coding: str) -> bytes:
    try:
        if coding == "base64":
            return base64.b64decode(content)
    except ValueError:
        raise BodyUnreadable("信封部分不是有效的 base64", "the part with the envelope is not valid base64") from None
    return quopri.decodestring(content) if coding == "quoted-printable" else content


def _as_text(data: bytes, charset: str | None) -> str:
    text = _decoded(data, charset).lstrip("\ufeff \t\r\n")
    return _HALVES.sub(_joined, _DECLARATION.sub("", text))


def _decoded(data: bytes, charset: str | None) -> str:
    """The text by what it is rather than by what it is called: labels of Chinese text are often wrong.

    Chinese text in another character set hardly ever passes for UTF-8, so that is tried first; `gb2312` and `gbk` are read as
    GB18030, which contains both.
    """
    for mark, wide in _WIDE.items():
        if data.startswith(mark):
            return data.decode(wide, "replace")
    declared = _DECLARED.match(data[:200])
    labels = [charset, declared[1].decode("ascii") if declared else None]
    # Latin-1 fits any bytes and is a default of HTTP that says nothing of the text.
    for name in (
        "utf-8",
        *(label for label in labels if label and not label.lower().startswith(("iso-", "latin"))),
        "gb18030",
    ):
        try:
            return data.decode("gb18030" if name.lower().startswith(("gb", "x-gb", "cp936", "ms936")) else name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", "replace")


def _joined(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    high, low = (int(half[1:], 16) if half.startswith("x") else int(half) for half in found.groups())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)) if 0xDC00 <= low < 0xE000 else found[0]
