"""SOAP 1.1 envelopes: from bytes to a safe tree, and from a body to bytes.

Opening is hardened in this order: weight, character set, amount of markup, document type, depth. What passes is a
tree without DTD, entities, comments or processing instructions, in which nothing was fetched from anywhere.

Old clients label Chinese text in odd ways. The bytes are read by what the message says of itself: byte order mark,
then HTTP's charset and the XML declaration. When those two differ, the one that decodes strictly wins, UTF-8 first,
because other text hardly ever passes for UTF-8. `gb2312` and `gbk` are read as GB18030, which contains both.
Bytes that are no UTF-8, although every label says so or there is none, are read as GB2312 when they are that without
an exception: damaged UTF-8 never is. Old Java writes rare characters as two references, one for each half of a
surrogate pair; the halves are joined.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import cast

from lxml import etree

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PasswordType
from bridge.wire.faults import Malformed, SoapCode, fault, refused
from bridge.wire.tokens import Token

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
EXCHANGE = "urn:duijie:exchange:1.0"
MESSAGE_HEADER = f"{{{EXCHANGE}}}messageHeader"
BODY = f"{{{SOAP}}}Body"
FAULT = f"{{{SOAP}}}Fault"

_ENVELOPE = f"{{{SOAP}}}Envelope"
_HEADER = f"{{{SOAP}}}Header"
_MUST_UNDERSTAND = f"{{{SOAP}}}mustUnderstand"
_ACTOR = f"{{{SOAP}}}actor"
_NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
_SOAP_12 = "{http://www.w3.org/2003/05/soap-envelope}Envelope"

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_SECURITY = f"{{{_WSSE}}}Security"
_USERNAME_TOKEN = f"{{{_WSSE}}}UsernameToken"
_TIMESTAMP = f"{{{_WSU}}}Timestamp"
_EXPIRES = f"{{{_WSU}}}Expires"
_USERNAME = f"{{{_WSSE}}}Username"
_PASSWORD = f"{{{_WSSE}}}Password"
_NONCE = f"{{{_WSSE}}}Nonce"
_CREATED = f"{{{_WSU}}}Created"
_TOKEN_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"  # noqa: S105 - a name
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_PASSWORD_TEXT = f"{_TOKEN_PROFILE}#PasswordText"
_PASSWORD_DIGEST = f"{_TOKEN_PROFILE}#PasswordDigest"
_PASSWORD_TYPES = {_PASSWORD_TEXT: PasswordType.TEXT, _PASSWORD_DIGEST: PasswordType.DIGEST}

#: Elements nested deeper than this are nothing the contract knows; its own forms reach seven.
DEPTH = 32
#: Tags and attributes of a request, end tags included. A form with twenty attachments has some five hundred.
REQUEST_MARKUP = 20_000
#: The same for a response, which may hold a page of two hundred cases.
RESPONSE_MARKUP = 400_000
#: References such as `&#22403;` for each tag or attribute that is allowed: old clients write all their Chinese so.
REFERENCES_PER_MARKUP = 5
#: libxml2 refuses longer texts unless told otherwise, so only messages beyond this weight pay for the other parser.
_LONG_TEXT = 10_000_000
#: What libxml2 allows a name when it is not told otherwise; the other parser would allow a hundred times a message.
_NAME = 50_000


def _parser(*, huge: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=huge,
    )


_PARSER = _parser(huge=False)
_PARSER_FOR_LONG_TEXTS = _parser(huge=True)
_too_deep = etree.XPath("boolean(" + "/*" * (DEPTH + 1) + ")")


def namespace(side: Side) -> str:
    """The namespace of the messages that the platform on `side` serves."""
    return f"urn:duijie:{side.value}:1.0"


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope that has been opened: its tree, the header blocks of interest, and the one element in the body."""

    root: etree._Element
    message_header: etree._Element | None
    content: etree._Element
    token: Token | None


# -- character sets ---------------------------------------------------------------------------------------------------

_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "euc-cn": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "windows-936": "gb18030",
    "gb18030": "gb18030",
    # HTTP's old default, which says nothing of the text; taken at its word it would turn Chinese into rubbish.
    "iso-8859-1": "utf-8",
    "latin1": "utf-8",
    "latin-1": "utf-8",
}
_UTF_16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_16_OPENINGS = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)
_DECLARATION = re.compile(rb"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def charset_labels(data: bytes, content_type: str | None) -> list[str]:
    """What a message says of its character set, in lower case: HTTP first, then the XML declaration."""
    said = _CHARSET.search(content_type) if content_type else None
    declared = _DECLARATION.match(data, 0, 200)
    names = [said[1].lower()] if said else []
    if declared:
        names.append(declared[1].decode("ascii").lower())
    return names


def as_utf8(data: bytes, content_type: str | None) -> bytes:
    """The document as UTF-8 bytes, in whatever character set it came; the declaration inside it no longer counts."""
    if data[:3] == b"\xef\xbb\xbf":
        return data[3:]
    wide = _UTF_16_MARKS.get(data[:2])
    if wide is not None:
        return _decoded(data[2:], (wide,))
    wide = _UTF_16_OPENINGS.get(data[:2])
    if wide is not None:
        return _decoded(data, (wide,))
    names = charset_labels(data, content_type)
    # Bytes that open with a plain `<` are not UTF-16, whatever they are called.
    codecs = ["utf-8" if codec.startswith("utf-16") else codec for name in names if (codec := _CODECS.get(name))]
    if names and not codecs:
        raise refused(
            ErrorCode.SCHEMA_INVALID,
            None,
            f"不支持的字符集:{names[0][:40]}",
            f"The character set is not supported: {names[0][:40]}",
        )
    if not codecs or set(codecs) == {"utf-8"}:
        return _decoded(data, ("utf-8", "gb2312"))
    return _decoded(data, sorted(codecs, key=lambda codec: codec != "utf-8"))


def _decoded(data: bytes, codecs: "list[str] | tuple[str, ...]") -> bytes:
    for codec in codecs:
        try:
            text = data.decode(codec)
            return data if codec == "utf-8" else text.encode("utf-8")
        except UnicodeError:
            continue
    raise refused(
        ErrorCode.SCHEMA_INVALID,
        None,
        "报文内容与所声明的字符集不符",
        "The bytes of the message do not fit the character set that it names",
    )


# -- references to halves of a character ------------------------------------------------------------------------------

_HALF = re.compile(rb"&#(?:x[dD][89a-fA-F][0-9a-fA-F]{2}|5[5-7][0-9]{3});")
_PAIR = re.compile(
    rb"<!--|<!\[CDATA\[|"
    rb"&#(?:x([dD][89abAB][0-9a-fA-F]{2})|(5[56][0-9]{3}));&#(?:x([dD][c-fC-F][0-9a-fA-F]{2})|(5[67][0-9]{3}));"
)
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}


def has_halves(data: bytes) -> bool:
    """Whether a character of the document is written as two references."""
    return _joined(data) != data


def _joined(data: bytes) -> bytes:
    """The document with the two halves of each surrogate pair as one reference; what only looks like one is left alone."""
    if _HALF.search(data) is None:
        return data
    pieces: list[bytes] = []
    kept = at = 0
    while (found := _PAIR.search(data, at)) is not None:
        closing = _ENDS.get(found[0])
        if closing is not None:
            at = data.find(closing, found.end())
            if at < 0:
                break
            continue
        at = found.end()
        high = int(found[1], 16) if found[1] else int(found[2])
        low = int(found[3], 16) if found[3] else int(found[4])
        if 0xD800 <= high < 0xDC00 <= low < 0xE000:
            pieces += (data[kept : found.start()], b"&#%d;" % (0x10000 + (high - 0xD800 << 10) + (low - 0xDC00)))
            kept = at
    return b"".join((*pieces, data[kept:]))


# -- opening ----------------------------------------------------------------------------------------------------------


def open_envelope(data: bytes, content_type: str | None, *, markup: int) -> Opened:
    """Open an envelope of the contract; raises `Malformed` for anything else."""
    root = tree(data, content_type, markup)
    if root.tag != _ENVELOPE:
        if root.tag == _SOAP_12:
            raise Malformed(
                [
                    fault(
                        ErrorCode.VERSION_UNSUPPORTED,
                        None,
                        "本接口使用 SOAP 1.1,收到的是 SOAP 1.2 报文",
                        "This interface speaks SOAP 1.1; the envelope is SOAP 1.2",
                    )
                ],
                soap_code=SoapCode.VERSION_MISMATCH,
            )
        raise refused(
            ErrorCode.SCHEMA_INVALID, None, "报文不是 SOAP 1.1 信封", "The message is not a SOAP 1.1 envelope"
        )
    header: etree._Element | None = None
    body: etree._Element | None = None
    for child in root:
        if child.tag == BODY and body is None:
            body = child
        elif child.tag == _HEADER and header is None and body is None:
            header = child
        else:
            raise refused(
                ErrorCode.SCHEMA_INVALID,
                None,
                "SOAP 信封只能依次包含一个 Header 和一个 Body",
                "A SOAP envelope holds one Header and one Body, in this order",
            )
    if body is None or len(body) != 1:
        raise refused(
            ErrorCode.SCHEMA_INVALID, None, "SOAP Body 应恰有一个元素", "The SOAP Body must hold exactly one element"
        )
    if any(_has_words(holder) for holder in (root, header, body) if holder is not None):
        raise refused(
            ErrorCode.SCHEMA_INVALID,
            None,
            "SOAP 信封的元素之间不得有文字",
            "There must be no words between the elements of a SOAP envelope",
        )
    if header is None:
        return Opened(root, None, body[0], None)
    return Opened(root, *_blocks(header, body[0]))


def _has_words(holder: etree._Element) -> bool:
    return bool((holder.text or "").strip()) or any((child.tail or "").strip() for child in holder)


def tree(data: bytes, content_type: str | None, markup: int) -> etree._Element:
    """The root of a document that is safe to look at; raises `Malformed` for what is not."""
    data = as_utf8(data, content_type)
    if data[:1] != b"<":
        data = data.lstrip(b" \t\r\n")
    if data.count(b"<") + data.count(b"=") > markup or data.count(b"&") > REFERENCES_PER_MARKUP * markup:
        raise refused(
            ErrorCode.LIMIT_EXCEEDED,
            None,
            "报文的元素、属性或字符引用过多",
            "The message has too many elements, attributes or references",
        )
    if _has_document_type(data):
        raise refused(
            ErrorCode.SCHEMA_INVALID,
            None,
            "报文不得包含 DOCTYPE",
            "A message must not have a document type declaration",
        )
    data = _joined(data)
    is_long = len(data) >= _LONG_TEXT
    try:
        root = etree.fromstring(data, _PARSER_FOR_LONG_TEXTS if is_long else _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        where = getattr(error, "position", None) or (0, 0)
        if _HALF.search(data):
            raise refused(
                ErrorCode.SCHEMA_INVALID,
                None,
                f"字符引用只是代理对的一半,不是字符(第 {where[0]} 行第 {where[1]} 列)",
                f"A reference names half of a surrogate pair, which is no character (line {where[0]}, column {where[1]})",
            ) from None
        raise refused(
            ErrorCode.SCHEMA_INVALID,
            None,
            f"报文不是格式良好的 XML(第 {where[0]} 行第 {where[1]} 列)",
            f"The message is not well-formed XML (line {where[0]}, column {where[1]})",
        ) from None
    if _too_deep(root):
        raise refused(
            ErrorCode.LIMIT_EXCEEDED, None, "报文的元素嵌套过深", "The elements of the message are nested too deeply"
        )
    if is_long and any(len(str(name)) > _NAME for item in root.iter() for name in (item.tag, *item.attrib)):
        raise refused(
            ErrorCode.LIMIT_EXCEEDED, None, "报文中有过长的名称", "A name in the message is longer than any may be"
        )
    return root


def _has_document_type(data: bytes) -> bool:
    """Look through what may stand before the root element."""
    at = 0
    while True:
        while data[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
            at += 1
        if data.startswith(b"<?", at):
            end, width = data.find(b"?>", at), 2
        elif data.startswith(b"<!--", at):
            end, width = data.find(b"-->", at + 4), 3
        else:
            return data.startswith(b"<!DOCTYPE", at)
        if end < 0:
            return False
        at = end + width


def _blocks(
    header: etree._Element, content: etree._Element
) -> tuple[etree._Element | None, etree._Element, Token | None]:
    """Sort the header blocks; a block that must be understood and is not stops the message."""
    message_header: etree._Element | None = None
    security: etree._Element | None = None
    for block in header:
        for_us = True
        demanded = False
        if block.attrib:
            # These two belong to SOAP, not to the block, so the contract's schema does not know them.
            demanded = block.attrib.pop(_MUST_UNDERSTAND, "0").strip() in {"1", "true"}
            for_us = block.attrib.pop(_ACTOR, "").strip() in {"", _NEXT_ACTOR}
        if not for_us:
            continue
        if block.tag == MESSAGE_HEADER:
            if message_header is not None:
                raise refused(
                    ErrorCode.SCHEMA_INVALID, "messageHeader", "报文头重复", "There is more than one message header"
                )
            message_header = block
        elif block.tag == _SECURITY:
            if security is not None:
                raise _no_token("Security", "安全头 Security 重复", "There is more than one Security header")
            security = block
            if demanded:
                _understand(security)
        elif demanded:
            raise _not_understood(etree.QName(block).localname)
    return message_header, content, None if security is None else _token(security)


def _not_understood(name: str) -> Malformed:
    told = fault(
        ErrorCode.SCHEMA_INVALID,
        name,
        f"不认识必须处理的头块 {name[:60]}",
        f"The header block {name[:60]} must be understood and is not known here",
    )
    return Malformed([told], soap_code=SoapCode.MUST_UNDERSTAND)


def _understand(security: etree._Element) -> None:
    """Stop at what a Security header demands and nobody here would check, such as a signature."""
    for child in security:
        if child.tag not in (_USERNAME_TOKEN, _TIMESTAMP):
            raise _not_understood(f"Security/{etree.QName(child).localname}")


def _no_token(place: str, zh: str, en: str) -> Malformed:
    return refused(ErrorCode.NOT_AUTHENTICATED, place, zh, en)


_TOKEN_PLACE = "Security/UsernameToken"  # noqa: S105 - a place


def _token(security: etree._Element) -> Token | None:
    tokens = [child for child in security if child.tag == _USERNAME_TOKEN]
    if not tokens:
        return None
    parts = {part.tag: part for part in tokens[0]}
    # A part that stands twice would leave two readings of one token.
    if len(tokens) > 1 or len(parts) != len(tokens[0]):
        raise _no_token(_TOKEN_PLACE, "身份令牌或其中的内容重复", "The UsernameToken, or a part of it, stands twice")
    username, password = parts.get(_USERNAME), parts.get(_PASSWORD)
    if username is None or not username.text or password is None:
        raise _no_token(_TOKEN_PLACE, "身份令牌缺少账号或口令", "The UsernameToken lacks a Username or a Password")
    kind = _PASSWORD_TYPES.get(password.get("Type", _PASSWORD_TEXT).strip())
    if kind is None:
        raise _no_token(
            f"{_TOKEN_PLACE}/Password",
            "口令的 Type 应为规范所定的 #PasswordText 或 #PasswordDigest 地址",
            "Type of the Password should be the standard's URI that ends in #PasswordText or #PasswordDigest",
        )
    nonce, created = _salt(parts.get(_NONCE)), parts.get(_CREATED)
    if kind is PasswordType.DIGEST and (nonce is None or created is None or not created.text):
        raise _no_token(
            _TOKEN_PLACE,
            "摘要口令须带 Nonce(base64)和 Created",
            "A password digest needs a Nonce in base64 and a Created",
        )
    return Token(
        username=username.text,
        password=password.text or "",
        password_type=kind,
        nonce=nonce,
        created=None if created is None else created.text,
        expires=security.findtext(f"{_TIMESTAMP}/{_EXPIRES}"),
    )


def _salt(nonce: etree._Element | None) -> bytes | None:
    if nonce is None or nonce.get("EncodingType", _BASE64).strip() != _BASE64:
        return None
    try:
        return binascii.a2b_base64((nonce.text or "").strip(), strict_mode=True) or None
    except ValueError:
        return None


def field_path(element: etree._Element) -> str:
    """Where an element stands, as faults name it: `form/handOver/attachments[2]/sha256`, `messageHeader/caseNumber`."""
    steps: list[str] = []
    node: etree._Element | None = element
    while node is not None:
        parent = node.getparent()
        if parent is None:
            break
        if parent.tag == BODY:
            # The wrapper in the body is the operation, which everybody knows already.
            break
        name = etree.QName(node).localname
        same = [sibling for sibling in parent if sibling.tag == node.tag]
        steps.append(f"{name}[{same.index(node) + 1}]" if len(same) > 1 else name)
        if parent.tag == _HEADER:
            break
        node = cast("etree._Element | None", parent)
    return "/".join(reversed(steps))


# -- building ---------------------------------------------------------------------------------------------------------

#: What XML 1.0 cannot hold even as a reference, and what must be written as one.
_AWKWARD = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def escaped(text: str) -> str:
    """The text as XML character data; a character that XML cannot hold becomes U+FFFD, so that a sentence always gets out."""
    if _AWKWARD.search(text) is None:
        return text
    return _AWKWARD.sub(lambda match: _REFERENCES.get(match[0], "\ufffd"), text)


_OPENINGS = {
    side: f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{SOAP}" xmlns:ex="{EXCHANGE}" xmlns:m="{namespace(side)}">'
    for side in Side
}


def build_envelope(side: Side, body: str, header: str = "") -> bytes:
    """The envelope around a body in which `soap`, `ex` and `m` (the side's own namespace) are declared."""
    opened = f"{_OPENINGS[side]}<soap:Header>{header}</soap:Header>" if header else _OPENINGS[side]
    return f"{opened}<soap:Body>{body}</soap:Body></soap:Envelope>".encode()


def build_token(token: Token) -> str:
    """The WS-Security header block for a token."""
    kind = _PASSWORD_DIGEST if token.password_type is PasswordType.DIGEST else _PASSWORD_TEXT
    parts = [
        f'<wsse:Security xmlns:wsse="{_WSSE}" soap:mustUnderstand="1"><wsse:UsernameToken>',
        f"<wsse:Username>{escaped(token.username)}</wsse:Username>",
        f'<wsse:Password Type="{kind}">{escaped(token.password)}</wsse:Password>',
    ]
    if token.nonce is not None:
        nonce = base64.b64encode(token.nonce).decode()
        parts.append(f'<wsse:Nonce EncodingType="{_BASE64}">{nonce}</wsse:Nonce>')
    if token.created is not None:
        parts.append(f'<wsu:Created xmlns:wsu="{_WSU}">{escaped(token.created)}</wsu:Created>')
    parts.append("</wsse:UsernameToken></wsse:Security>")
    return "".join(parts)


#: Any prefix, in any script: a name may be written in Chinese.
_SECRET_OPENS = re.compile(rb"<(?:[^<>\s:/]+:)?(Password|Nonce)(?=[\s>])[^>]*>")
_SECRET_CLOSES = {name: re.compile(rb"</(?:[^<>\s:/]+:)?" + name + rb"\s*>") for name in (b"Password", b"Nonce")}


def without_credentials(data: bytes) -> bytes:
    """The same envelope with password, digest and nonce blanked, for the journal."""
    codec = _UTF_16_MARKS.get(data[:2]) or _UTF_16_OPENINGS.get(data[:2])
    if codec is None:
        return _blanked(data)
    return _blanked(data.decode(codec, "replace").encode()).decode().encode(codec)


def _blanked(data: bytes) -> bytes:
    pieces: list[bytes] = []
    kept = 0
    closing = dict(_SECRET_CLOSES)
    at = 0
    # Two searches and not one pattern over both ends: where nothing closes, that one would look to the end from each opening.
    while closing and (opens := _SECRET_OPENS.search(data, at)):
        at = opens.end()
        closes = closing[opens[1]].search(data, at) if opens[1] in closing else None
        if closes is None:
            closing.pop(opens[1], None)
            continue
        pieces += (data[kept:at], b"***", closes[0])
        kept = at = closes.end()
    return b"".join((*pieces, data[kept:]))
