"""Ways in which real systems write one and the same SOAP message, for `form.inject … written:`.

Each takes the envelope as UTF-8 and the HTTP headers of the call, and gives both as such a system would send them. The first group is what a
careful reader takes (XCHG-1: the same data, whoever's SOAP stack wrote it); the second is what must be turned away whole.
In virtual time nothing is written, and all of them are the same.
"""

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from bridge.vocabulary.codes import ErrorCode

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_SOAP12 = "http://www.w3.org/2003/05/soap-envelope"

#: What is sent: bytes, or pieces of them that make HTTP chunks, with the headers.
Sent = tuple[bytes | Iterator[bytes], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Writing:
    """One way of writing."""

    zh: str
    en: str
    apply: Callable[[bytes, dict[str, str]], Sent]
    #: The typed fault of what must be refused; None for what is to be taken.
    refused_as: ErrorCode | None = None


def _typed(headers: Mapping[str, str], content_type: str) -> dict[str, str]:
    return {**headers, "Content-Type": content_type}


def _in_charset(name: str, codec: str, *, declared: bool) -> Callable[[bytes, dict[str, str]], Sent]:
    def write(envelope: bytes, headers: dict[str, str]) -> Sent:
        text = _bare(envelope)
        head = f'<?xml version="1.0" encoding="{name}"?>' if declared else ""
        return (head + text).encode(codec), _typed(headers, f"text/xml; charset={name}")

    return write


def _bare(envelope: bytes) -> str:
    """The envelope as text without its declaration."""
    return etree.tostring(etree.fromstring(envelope), encoding="unicode")


def _with_mark(envelope: bytes, headers: dict[str, str]) -> Sent:
    return b"\xef\xbb\xbf" + _bare(envelope).encode(), headers


def _prefixed(names: Mapping[str, str] | None) -> Callable[[bytes, dict[str, str]], Sent]:
    """Other prefixes than ours, or with None a default namespace in every element."""

    def write(envelope: bytes, headers: dict[str, str]) -> Sent:
        root = etree.fromstring(envelope)
        return etree.tostring(_renamed(root, names)), headers

    return write


def _renamed(element: etree._Element, names: Mapping[str, str] | None) -> etree._Element:
    tag = etree.QName(element)
    space = tag.namespace or ""
    prefix = None if names is None else names.get(space, f"v{len(space)}")
    foreign = sorted({str(etree.QName(name).namespace) for name in map(str, element.attrib) if name.startswith("{")})
    spaces: Any = {f"a{place}": name for place, name in enumerate(foreign)}
    spaces[prefix] = space
    made = etree.Element(f"{{{space}}}{tag.localname}", nsmap=spaces)
    for name, value in element.attrib.items():
        made.set(name, value)
    made.text, made.tail = element.text, element.tail
    made.extend(_renamed(child, names) for child in element if isinstance(child.tag, str))
    return made


def _action(value: str | None) -> Callable[[bytes, dict[str, str]], Sent]:
    def write(envelope: bytes, headers: dict[str, str]) -> Sent:
        said = headers.get("SOAPAction", "").strip('"') if value is None else value
        return envelope, {**headers, "SOAPAction": said}

    return write


def _gzipped(envelope: bytes, headers: dict[str, str]) -> Sent:
    return gzip.compress(envelope, mtime=0), {**headers, "Content-Encoding": "gzip"}


def _chunked(envelope: bytes, headers: dict[str, str]) -> Sent:
    size = 700
    return (envelope[start : start + size] for start in range(0, len(envelope), size)), headers


def _indented(envelope: bytes, headers: dict[str, str]) -> Sent:
    root = etree.fromstring(envelope)
    etree.indent(root, "\t")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8"), headers


def _in_cdata(envelope: bytes, headers: dict[str, str]) -> Sent:
    def wrap(found: re.Match[str]) -> str:
        return f"><![CDATA[{found[1]}]]><"

    return re.sub(r">([^<>&]*[\u4e00-\u9fff][^<>&]*)<", wrap, _bare(envelope)).encode(), headers


def _in_references(envelope: bytes, headers: dict[str, str]) -> Sent:
    return etree.tostring(etree.fromstring(envelope), encoding="US-ASCII"), _typed(headers, "text/xml")


def _commented(envelope: bytes, headers: dict[str, str]) -> Sent:
    text = re.sub(r"(<[\w.:-]*Body\b[^>]*>)", r"<!-- 案卷 -->\1<!-- case -->", _bare(envelope))
    return text.encode(), headers


def _without_zones(envelope: bytes, headers: dict[str, str]) -> Sent:
    # Moments of the envelope's header and form; a token's Created stands in universal time and stays.
    return re.sub(r"(>\d{4}-\d\d-\d\dT[\d:.]+)\+08:00<", r"\1<", _bare(envelope)).encode(), headers


def _soap12(envelope: bytes, headers: dict[str, str]) -> Sent:
    return envelope.replace(ENVELOPE.encode(), _SOAP12.encode()), _typed(headers, "application/soap+xml; charset=utf-8")


def _with_doctype(envelope: bytes, headers: dict[str, str]) -> Sent:
    return b'<!DOCTYPE e [<!ENTITY a "b">]>' + _bare(envelope).encode(), headers


def _with_strange_header(envelope: bytes, headers: dict[str, str]) -> Sent:
    root = etree.fromstring(envelope)
    head = root.find(f"{{{ENVELOPE}}}Header")
    if head is not None:
        strange = etree.SubElement(head, "{urn:example:routing}route", nsmap={"r": "urn:example:routing"})
        strange.set(f"{{{ENVELOPE}}}mustUnderstand", "1")
        strange.text = "north"
    return etree.tostring(root), headers


def _torn(envelope: bytes, headers: dict[str, str]) -> Sent:
    return envelope[: len(envelope) * 2 // 3], headers


_OTHERS = {ENVELOPE: "SOAP-ENV"}

#: By the name that a scenario writes.
WRITINGS: Mapping[str, Writing] = {
    "gb18030": Writing("GB18030 编码", "in GB18030", _in_charset("GB18030", "gb18030", declared=True)),
    "gb2312_label": Writing(
        "HTTP 头标 GB2312,无 XML 声明",
        "labelled GB2312 in the HTTP header alone",
        _in_charset("GB2312", "gb18030", declared=False),
    ),
    "utf16": Writing("UTF-16 编码", "in UTF-16", _in_charset("UTF-16", "utf-16", declared=True)),
    "byte_order_mark": Writing("带字节序标记的 UTF-8", "in UTF-8 with a byte order mark", _with_mark),
    "other_prefixes": Writing("别的命名空间前缀", "with other prefixes", _prefixed(_OTHERS)),
    "default_namespaces": Writing("不用前缀", "without prefixes", _prefixed(None)),
    "unquoted_action": Writing("SOAPAction 不带引号", "with an unquoted SOAPAction", _action(None)),
    "empty_action": Writing("SOAPAction 为空", "with an empty SOAPAction", _action('""')),
    "gzip": Writing("gzip 压缩", "in gzip", _gzipped),
    "chunked": Writing("分块传输", "in chunks", _chunked),
    "indented": Writing("换行缩进", "indented", _indented),
    "cdata": Writing("文字放在 CDATA 中", "with its text in CDATA", _in_cdata),
    "references": Writing("汉字写成字符引用", "with Chinese text as character references", _in_references),
    "comments": Writing("夹有注释", "with comments", _commented),
    "moments_without_zone": Writing("时间不带时区", "with moments that name no zone", _without_zones),
    "soap12": Writing("SOAP 1.2 信封", "in a SOAP 1.2 envelope", _soap12, refused_as=ErrorCode.VERSION_UNSUPPORTED),
    "doctype": Writing("带 DOCTYPE", "with a DOCTYPE", _with_doctype, refused_as=ErrorCode.SCHEMA_INVALID),
    "strange_header": Writing(
        "带必须理解的陌生报文头",
        "with a strange header that must be understood",
        _with_strange_header,
        refused_as=ErrorCode.SCHEMA_INVALID,
    ),
    "torn": Writing("只有前三分之二", "two thirds of it", _torn, refused_as=ErrorCode.SCHEMA_INVALID),
}
