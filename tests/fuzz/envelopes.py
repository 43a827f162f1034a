"""Requests to try: a grammar over envelopes, and bytes of good ones changed without any sense of what they mean.

    envelope()   a message of the contract, in which some members are absent, empty, doubled, strange or in another order,
                 under other prefixes, with another token, in another character set, packed in another way
    mutation()   the bytes of a good request with a few places flipped, cut, doubled, spliced or pointed

Both are Hypothesis strategies, so that what fails is made small and repeated.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from awkward import CPP, INCLUDE, JAVA, REQUESTS, SAMPLES, cpp, java, php
from hypothesis import strategies as st
from wsgi_requests import XML, Request

import contracts
from bridge.vocabulary.parties import Side

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PROFILE_URI = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
PASSWORD = "sample-password"


@cache
def samples(side: Side) -> tuple[str, ...]:
    """The texts of every request of the contract's samples that `side` serves, without their declaration."""
    return tuple(
        path.read_text(encoding="utf-8").partition("?>")[2].lstrip()
        for path in sorted(contracts.SAMPLES.glob(f"{side.value}-*.xml"))
        if "Response" not in path.name and "fault" not in path.name
    )


def _likely(side: Side) -> tuple[str, ...]:
    """Forms that fit a case at its beginning: the more there are, the more of the others find a stage that they fit."""
    name = {Side.URBAN: "handOver", Side.GRID: "contactNotice"}[side]
    return tuple(text for text in samples(side) if f":{name}>" in text)


# -- members ----------------------------------------------------------------------------------------------------------

_LEAF = re.compile(r"<ex:(\w+)>([^<]*)</ex:\1>")

#: What stands in a member in place of what should.
VALUES = (
    *("", " ", "x", "0", "-1", "1e999", "INF", "true ", "２", "99999999999999999999", "路边㛃𠮷", "a" * 5000, "]]&gt;"),
    *("2026-03-02T09:05:00", "2026-03-02 09:05:00", "2026-03-02T09:05:00+0800", "2026-03-02T09:05:00.1234567Z"),
    *("2026-03-01T24:00:00", "9999-12-31T24:00:00", "0001-01-01T00:00:00+14:00", "-0001-01-01T00:00:00", "2026-02-30"),
    *(
        "&#55362;&#57271;",
        "&#xD842;",
        "&#x0;",
        "&lt;x/&gt;",
        "<![CDATA[&#55362;&#57271;]]>",
        "a<!-- x -->b",
        "a<?x y?>b",
    ),
    *("340202-20260302-000001", "340202-20260302-000002", "urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000001"),
    *("<ex:x/>", "handOver", "1.1", "2.0", "iVBO====", "iVBO!w0K", "\r\n", "\u3000", "\u200b", "\ufeff"),
)

#: A member, whole, is replaced by what one of these makes of its name and value.
MEMBERS: dict[str, Callable[[str, str], str]] = {
    "absent": lambda name, value: "",
    "empty": lambda name, value: f"<ex:{name}/>",
    "nil": lambda name, value: f'<ex:{name} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
    "doubled": lambda name, value: f"<ex:{name}>{value}</ex:{name}>" * 2,
    "doubled, another value": lambda name, value: f"<ex:{name}>{value}</ex:{name}><ex:{name}>x</ex:{name}>",
    "without namespace": lambda name, value: f'<{name} xmlns="">{value}</{name}>',
    "another namespace": lambda name, value: f'<u:{name} xmlns:u="urn:u">{value}</u:{name}>',
    "an unknown one before": lambda name, value: f"<ex:colour>red</ex:colour><ex:{name}>{value}</ex:{name}>",
    "an attribute": lambda name, value: f'<ex:{name} colour="red">{value}</ex:{name}>',
    "another type": lambda name, value: (
        f'<ex:{name} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xsi:type="xs:string">{value}</ex:{name}>'
    ),
    "in CDATA": lambda name, value: f"<ex:{name}><![CDATA[{value}]]></ex:{name}>",
    "in references": lambda name, value: f"<ex:{name}>{''.join(f'&#{ord(c)};' for c in value)}</ex:{name}>",
    "blanks around": lambda name, value: f"<ex:{name}> \r\n\t{value} </ex:{name}>",
    "split": lambda name, value: f"<ex:{name}>{value[:2]}<!-- -->{value[2:]}</ex:{name}>",
}


@st.composite
def _members(draw: st.DrawFn, text: str) -> str:
    for _ in range(draw(st.integers(0, 3))):
        found = list(_LEAF.finditer(text))
        if not found:
            break
        one = found[draw(st.integers(0, len(found) - 1))]
        name, value = one[1], one[2]
        if draw(st.booleans()):
            written = MEMBERS[draw(st.sampled_from(sorted(MEMBERS)))](name, value)
        elif draw(st.booleans()):
            written = f"<ex:{name}>{draw(st.sampled_from(VALUES))}</ex:{name}>"
        else:
            other = found[draw(st.integers(0, len(found) - 1))]
            if one.start() == other.start():
                continue
            first, second = sorted((one, other), key=lambda each: each.start())
            text = (
                text[: first.start()] + second[0] + text[first.end() : second.start()] + first[0] + text[second.end() :]
            )
            continue
        text = text[: one.start()] + written + text[one.end() :]
    return text


# -- identity ---------------------------------------------------------------------------------------------------------


def _renamed(text: str, message: int, case: int) -> str:
    """The same message under another id and, for half of them, of another case."""
    text = re.sub(r"(<ex:messageId>urn:uuid:6f1c2a10-3b7d-4e58-9a41-)\d{12}", rf"\g<1>{message:012}", text)
    return text if case == 0 else text.replace("340202-20260302-000001", f"340202-20260302-{case:06}")


# -- headers ----------------------------------------------------------------------------------------------------------

_SECURITY = re.compile(r"<wsse:Security.*</wsse:Security>", re.DOTALL)


def _digest_token(text: str) -> str:
    user = re.search(r"<wsse:Username>([^<]*)<", text)
    nonce, created = b"0123456789abcdef", "2026-03-02T01:20:05Z"
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + PASSWORD.encode()).digest()).decode()
    token = (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" soap:mustUnderstand="1"><wsse:UsernameToken>'
        f"<wsse:Username>{user[1] if user else ''}</wsse:Username>"
        f'<wsse:Password Type="{PROFILE_URI}#PasswordDigest">{digest}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce><wsu:Created>{created}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )
    return _SECURITY.sub(lambda _: token, text)


def _before_header(block: str) -> Callable[[str], str]:
    return lambda text: text.replace("<ex:messageHeader>", block + "<ex:messageHeader>", 1)


HEADERS: dict[str, Callable[[str], str]] = {
    "a digest": _digest_token,
    "no token": lambda text: _SECURITY.sub("", text),
    "two tokens": lambda text: _SECURITY.sub(r"\g<0>\g<0>", text),
    "somebody else": lambda text: text.replace(PASSWORD, "guess"),
    "a token without password": lambda text: re.sub(r"<wsse:Password.*</wsse:Password>", "", text),
    "a must": _before_header('<x:r xmlns:x="urn:x" soap:mustUnderstand="1"/>'),
    "a must for others": _before_header('<x:r xmlns:x="urn:x" soap:mustUnderstand="1" soap:actor="urn:y"/>'),
    "a may": _before_header('<x:r xmlns:x="urn:x"><x:a b="c">d</x:a></x:r>'),
    "two message headers": lambda text: re.sub(
        r"<ex:messageHeader>.*</ex:messageHeader>", r"\g<0>\g<0>", text, flags=re.DOTALL
    ),
    "no message header": lambda text: re.sub(r"<ex:messageHeader>.*</ex:messageHeader>", "", text, flags=re.DOTALL),
    "no header": lambda text: re.sub(r"<soap:Header>.*</soap:Header>", "", text, flags=re.DOTALL),
    "two headers": lambda text: re.sub(r"<soap:Header>.*</soap:Header>", r"\g<0>\g<0>", text, flags=re.DOTALL),
    "the header behind": lambda text: re.sub(
        r"(<soap:Header>.*</soap:Header>)(.*)(</soap:Envelope>)", r"\2\1\3", text, flags=re.DOTALL
    ),
    "two bodies": lambda text: re.sub(r"<soap:Body>.*</soap:Body>", r"\g<0>\g<0>", text, flags=re.DOTALL),
    "two in the body": lambda text: re.sub(
        r"<soap:Body>(.*)</soap:Body>", r"<soap:Body>\1\1</soap:Body>", text, flags=re.DOTALL
    ),
    "an empty body": lambda text: re.sub(r"<soap:Body>.*</soap:Body>", "<soap:Body/>", text, flags=re.DOTALL),
    "words in the body": lambda text: text.replace("<soap:Body>", "<soap:Body>words", 1),
    "SOAP 1.2": lambda text: text.replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    ),
    "the other side's operation": lambda text: text.replace("urn:duijie:urban:1.0", "urn:duijie:grid:1.0"),
    "an unknown operation": lambda text: re.sub(r"(:|/)(DeliverForm|DeliverReceipt|QueryCases)\b", r"\1Other", text),
    "encoding style": lambda text: text.replace("<soap:Body>", '<soap:Body soap:encodingStyle="urn:x">', 1),
    "a schema to fetch": lambda text: text.replace(
        "<soap:Envelope ",
        '<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:duijie:exchange:1.0 http://192.0.2.1/" ',
        1,
    ),
}


# -- attachments ------------------------------------------------------------------------------------------------------

_ATTACHMENT = re.compile(r"<ex:attachments>.*?</ex:attachments>", re.DOTALL)
_CONTENT = re.compile(r"<ex:content>([^<]*)</ex:content>")


def _content(make: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: _CONTENT.sub(lambda found: make(found[1]), text, count=1)


ATTACHMENTS: dict[str, Callable[[str], str]] = {
    "a wrong digest": lambda text: re.sub(r"<ex:sha256>[^<]*<", f"<ex:sha256>{'0' * 64}<", text, count=1),
    "a digest in capitals": lambda text: re.sub(
        r"<ex:sha256>([^<]*)<", lambda f: f"<ex:sha256>{f[1].upper()}<", text, count=1
    ),
    "a wrong size": lambda text: re.sub(r"<ex:size>[^<]*<", "<ex:size>75<", text, count=1),
    "a huge size": lambda text: re.sub(r"<ex:size>[^<]*<", "<ex:size>9999999999<", text, count=1),
    "base64 in lines": _content(lambda found: f"<ex:content>\r\n {found[:40]}\n\t{found[40:]}</ex:content>"),
    "a stray character": _content(lambda found: f"<ex:content>{found[:8]}!{found[8:]}</ex:content>"),
    "no padding": _content(lambda found: f"<ex:content>{found.rstrip('=')}</ex:content>"),
    "padding inside": _content(lambda found: f"<ex:content>{found[:4]}===={found[4:]}</ex:content>"),
    "content twice": _content(lambda found: f"<ex:content>{found}</ex:content>" * 2),
    "a reference": _content(lambda found: "<ex:reference>photo-1</ex:reference>"),
    "both": _content(lambda found: f"<ex:content>{found}</ex:content><ex:reference>photo-1</ex:reference>"),
    "neither": _content(lambda found: ""),
    "no content": _content(lambda found: "<ex:content/>"),
    "an include": _content(lambda found: f"<ex:content>{INCLUDE.format('photo')}</ex:content>"),
    "many": lambda text: _ATTACHMENT.sub(lambda found: found[0] * 25, text, count=1),
    "none": lambda text: _ATTACHMENT.sub("", text),
}


# -- prefixes and the prolog ------------------------------------------------------------------------------------------


def _prefixed(text: str, prefixes: dict[str, str]) -> str:
    for old, new in prefixes.items():
        text = re.sub(rf"(?<=[</ ]){old}:", f"{new}:", text).replace(f"xmlns:{old}=", f"xmlns:{new}=")
    return text


PREFIXES = (
    {},
    {"soap": "SOAP-ENV", "ex": "ns1"},
    {"soap": "s", "ex": "xs", "urban": "ex2", "grid": "ex2"},
    {"ex": "路"},
    {"ex": "xmlish"},
)
PROLOGS = (
    "",
    "",
    "",
    "\r\n",
    "<!-- hello -->",
    "<?x y?>\n",
    "<!DOCTYPE x>",
    '<!DOCTYPE x [<!ENTITY a "b">]>',
    "\ufeff",
    "\0",
)
CHARSETS = (
    "utf-8",
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "gbk",
    "gb18030",
    "gb2312",
    "utf-32",
    "latin-1",
)
LABELS = (None, None, "utf-8", "UTF-16", "GBK", "gb2312", "GB18030", "ISO-8859-1", "us-ascii", "klingon", "'")
KINDS = (
    "text/xml",
    "text/xml",
    "text/xml",
    "application/xml",
    "text/plain",
    "application/soap+xml",
    "text/html",
    ";",
    "",
)
CODINGS = (
    None,
    None,
    None,
    "gzip",
    "x-gzip",
    "gzip twice",
    "gzip cut",
    "gzip false",
    "two members",
    "br",
    "identity",
    "\x01",
)
ACTIONS = (
    None,
    None,
    '""',
    '"urn:duijie:urban:1.0:DeliverForm"',
    "urn:duijie:grid:1.0:QueryCases",
    '"urn:other"',
    "\xff",
)
METHODS = ("POST",) * 30 + ("GET", "PUT", "HEAD", "OPTIONS")


def _coded(body: bytes, coding: str | None) -> tuple[bytes, dict[str, str]]:
    match coding:
        case None:
            return body, {}
        case "gzip" | "x-gzip":
            return gzip.compress(body, 1), {"Content-Encoding": coding}
        case "gzip twice":
            return gzip.compress(gzip.compress(body, 1), 1), {"Content-Encoding": "gzip"}
        case "gzip cut":
            return gzip.compress(body, 1)[:-9], {"Content-Encoding": "gzip"}
        case "gzip false":
            return body, {"Content-Encoding": "gzip"}
        case "two members":
            return gzip.compress(body[:100], 1) + gzip.compress(body[100:], 1), {"Content-Encoding": "gzip"}
    return body, {"Content-Encoding": coding}


def _packed(text: str, how: str, photo: bytes) -> tuple[bytes, str]:
    if how == "java":
        return java(text, ("photo", photo)), JAVA
    if how == "cpp":
        return cpp(text, ("photo", photo)), CPP
    if how == "php":
        return php(
            text.encode("gbk", "xmlcharrefreplace").decode("gbk"), photo
        ), "multipart/related; boundary=x; type=text/xml"
    return java(text), JAVA


_PHOTO = base64.b64decode(SAMPLES[Side.URBAN].value("content"))

#: In what a message is strange; one or two of these at a time, or everything would be refused for its first reason.
STRANGE = ("members", "members", "header", "attachments", "prefixes", "packing", "bytes", "http")


@st.composite
def envelope(draw: st.DrawFn, side: Side) -> Request:
    """A message of the contract, with things done to it that somebody's software might do."""
    strange = draw(st.sets(st.sampled_from(STRANGE), max_size=2))
    text = draw(st.sampled_from(samples(side) + _likely(side) * 10))
    text = _renamed(text, draw(st.integers(20, 80)), draw(st.integers(0, 9)))
    if "members" in strange:
        text = draw(_members(text))
    if "header" in strange:
        text = HEADERS[draw(st.sampled_from(sorted(HEADERS)))](text)
    if "attachments" in strange:
        text = ATTACHMENTS[draw(st.sampled_from(sorted(ATTACHMENTS)))](text)
    if "prefixes" in strange:
        text = _prefixed(text, draw(st.sampled_from(PREFIXES)))
    if "packing" in strange:
        body, kind = draw(_packing(text))
    elif "bytes" in strange:
        body, kind = draw(_characters(text))
    else:
        body, kind = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode("utf-8", "replace"), XML
    method, headers = "POST", {}
    if "http" in strange:
        method = draw(st.sampled_from(METHODS))
        action, coding = draw(st.sampled_from(ACTIONS)), draw(st.sampled_from(CODINGS))
        body, headers = _coded(body, coding)
        headers |= {} if action is None else {"SOAPAction": action}
    return Request(body, kind or None, headers, method)


@st.composite
def _packing(draw: st.DrawFn, text: str) -> tuple[bytes, str]:
    if draw(st.booleans()):
        text = ATTACHMENTS["an include"](text)
    body, kind = _packed(text, draw(st.sampled_from(("java", "cpp", "php", "bare"))), _PHOTO)
    spoiled = (
        kind.replace("boundary", "bound"),
        kind.replace("uuid:8f1c", "other"),
        "multipart/mixed",
        kind + "; start=x",
    )
    return body, draw(st.sampled_from((kind, kind, kind, *spoiled)))


@st.composite
def _characters(draw: st.DrawFn, text: str) -> tuple[bytes, str]:
    charset = draw(st.sampled_from(CHARSETS))
    own = charset.removesuffix("-sig")
    declared, label = draw(st.sampled_from((own, own, *LABELS))), draw(st.sampled_from((own, own, *LABELS)))
    prolog = draw(st.sampled_from(PROLOGS))
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    text = prolog + declaration + text if prolog.isspace() else declaration + prolog + text
    kind = draw(st.sampled_from(KINDS)) + (f"; charset={label}" if label else "")
    return text.encode(charset, "xmlcharrefreplace"), kind


# -- bytes ------------------------------------------------------------------------------------------------------------

POINTED = (
    *(
        b"<",
        b">",
        b"&",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"-->",
        b"<?",
        b"?>",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"'",
        b'"',
    ),
    *(b"&#x0;", b"&#55362;", b"&#57271;", b"&lt;", b"&x;", b"24:00:00", b"+0800", b"-", b"=", b"\x80", b"\xe3\x80\x80"),
    *(b"</ex:form>", b"<ex:x/>", b"xmlns:ex=''", b"<!DOCTYPE x>", b"\r\n\r\n", b"\r\n--uuid:8f1c", b"--", b"cid:"),
    *(b"Content-Transfer-Encoding: base64\r\n", b" soap:mustUnderstand='1'", b" xsi:nil='true'", b"\x1f\x8b\x08"),
)


@cache
def good(side: Side) -> tuple[Request, ...]:
    """What mutation begins with: the samples, and those awkward requests that are taken."""
    plain = [Request(text.encode(), XML) for text in samples(side)]
    rows = [row.make(SAMPLES[side]) for row in REQUESTS.values()]
    return (*plain, *(Request(raw.body, raw.content_type, raw.headers) for raw in rows if 0 < len(raw.body) < 20_000))


_ACTS = st.lists(
    st.tuples(
        st.sampled_from(("flip", "set", "cut", "double", "splice", "point", "flip", "set", "tear")),
        st.integers(0, 2**31),
        st.integers(0, 40),
        # Where: anywhere, or inside a value, where the message has the best chance to stay one.
        st.booleans(),
    ),
    min_size=0,
    max_size=3,
)
_VALUE = re.compile(rb">([^<>\s][^<>]*)<")


def _mutated(data: bytearray, acts: list[tuple[str, int, int, bool]], side: Side) -> None:
    for act, where, much, inside in acts:
        at = where % (len(data) + 1)
        values = list(_VALUE.finditer(data)) if inside else []
        if values:
            value = values[where % len(values)]
            at, much = value.start(1) + where // 64 % len(value[1]), much % (len(value[1]) + 1)
        match act:
            case "flip" if at < len(data):
                data[at] ^= 1 << much % 8
            case "set" if at < len(data):
                data[at] = where >> 8 & 0xFF
            case "cut":
                del data[at : at + much]
            case "double":
                data[at:at] = data[at : at + much * 4]
            case "splice":
                other = good(side)[where % len(good(side))].body
                begin = where // 7 % (len(other) + 1)
                data[at : at + much] = other[begin : begin + much * 8]
            case "point":
                data[at:at] = POINTED[where % len(POINTED)]
            case "tear":
                del data[at:]


@st.composite
def mutation(draw: st.DrawFn, side: Side) -> Request:
    """A good request whose bytes were changed without any sense of what they mean."""
    base = draw(st.sampled_from(good(side)))
    acts = draw(_ACTS)
    packed = base.headers.get("Content-Encoding", "").lower().endswith("gzip") and draw(st.booleans())
    try:
        data = bytearray(gzip.decompress(base.body) if packed else base.body)
    except (OSError, EOFError):
        packed, data = False, bytearray(base.body)
    # Another id, so that what is still good is not taken for a repetition.
    name = b"%012d" % draw(st.integers(20, 80))
    data[:] = re.sub(rb"(9a41-)\d{12}", rb"\g<1>" + name, bytes(data), count=1)
    _mutated(data, acts, side)
    return Request(gzip.compress(bytes(data), 1) if packed else bytes(data), base.content_type, base.headers)


def any_request(kind: str, side: Side) -> "st.SearchStrategy[Any]":
    """The strategy of this name."""
    return {"grammar": envelope, "bytes": mutation}[kind](side)
