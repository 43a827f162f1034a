"""Requests and replies as real systems send them, each written once, for the bridge and for both simulators.

A row makes raw bytes of the contract's own sample envelopes; `outcome` says how a careful receiver takes them.
"""

import base64
import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import contracts
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.liberties import Liberties, Liberty
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PlatformProfile, Profile
from bridge.vocabulary.times import SHANGHAI

XML = "text/xml; charset=utf-8"
#: In neither GB 2312 nor GBK; the second is beyond the first 65,536 characters.
RARE = "㛃𠮷"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'

#: The two accounts that the samples of the contract are written by.
PROFILE = Profile(
    name="samples",
    grid=PlatformProfile(
        code="wuhu-grid", endpoint="http://127.0.0.1:1/", username="wuhu-grid", password="sample-password"
    ),
    urban=PlatformProfile(
        code="wuhu-urban", endpoint="http://127.0.0.1:2/", username="wuhu-urban", password="sample-password"
    ),
)


def ageless(envelope: str) -> str:
    """The envelope with its password as text: a digest would be fresh for minutes, and good for one spelling of the message."""
    plain = re.sub(r"<wsse:Nonce.*?</wsse:Nonce>|<wsu:Created.*?</wsu:Created>", "", envelope, flags=re.DOTALL)
    return re.sub(
        r"#PasswordDigest(\"[^>]*>)[^<]*", lambda found: f"#PasswordText{found[1]}{PROFILE.grid.password}", plain
    )


@dataclass(frozen=True)
class Sample:
    """A form of the contract's samples, with a photo in it, and the parts of it that rows change."""

    side: Side
    form: str
    #: A field of Chinese text, and a field that holds a moment, by their names on the wire and in the vocabulary.
    words: tuple[str, str]
    moment: tuple[str, str]

    @property
    def text(self) -> str:
        """The envelope without its declaration, under a password that does not age."""
        name = f"{self.side.value}-DeliverForm-{self.form}.xml"
        return ageless((contracts.SAMPLES / name).read_text(encoding="utf-8")).partition("?>")[2].lstrip()

    def value(self, tag: str, text: str | None = None) -> str:
        found = re.search(f"<ex:{tag}>([^<]*)</ex:{tag}>", text or self.text)
        assert found, tag
        return found[1]

    def having(self, tag: str, value: str) -> str:
        """The envelope with another value for a field."""
        return self.with_element(tag, f"<ex:{tag}>{value}</ex:{tag}>")

    def with_element(self, tag: str, element: str) -> str:
        """The envelope with something else in the place of an element."""
        head, body, rest = self.text.partition("<soap:Body>")
        changed, count = re.subn(f"<ex:{tag}>[^<]*</ex:{tag}>", lambda _: element, rest, count=1)
        assert count == 1, tag
        return head + body + changed

    def speaking(self, words: str = f"路边{RARE}") -> str:
        return self.having(self.words[0], words)

    @property
    def photo(self) -> bytes:
        return base64.b64decode(self.value("content"))

    def field(self, *steps: str) -> str:
        return "/".join(("form", self.form, *steps))


SAMPLES = {
    Side.URBAN: Sample(Side.URBAN, "handOver", ("description", "description"), ("reportedAt", "reported_at")),
    Side.GRID: Sample(
        Side.GRID, "verificationRequest", ("disposalResult", "disposal_result"), ("disposedAt", "disposed_at")
    ),
}


@dataclass(frozen=True)
class Raw:
    """An HTTP request or reply."""

    body: bytes
    content_type: str | None = XML
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Taken:
    """The form of the sample arrives, except for these values; `words` and `moment` are those of the sample's own fields."""

    words: str | None = None
    moment: datetime | None = None
    others: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Faulted:
    """The typed fault, with one of the codes; nothing was done."""

    codes: tuple[ErrorCode, ...] = (ErrorCode.SCHEMA_INVALID,)
    soap_code: str = "Client"
    field: str = ""


@dataclass(frozen=True)
class Receipted:
    """An error receipt that names the field; nothing was done."""

    field: Callable[[Sample], str]
    codes: tuple[ErrorCode, ...] = (ErrorCode.SCHEMA_INVALID,)


@dataclass(frozen=True)
class Row:
    make: Callable[[Sample], Raw]
    outcome: Taken | Faulted | Receipted


def declared(encoding: str, text: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'


# -- multipart, as stacks write it ------------------------------------------------------------------------------------

INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'
JAVA = (
    'multipart/related; start="<rootpart*8f1c@example.jaxws.sun.com>"; type="application/xop+xml"; '
    'boundary="uuid:8f1c"; start-info="text/xml"'
)
CPP = (
    'multipart/related; charset=utf-8; boundary="==gSOAP+x/=="; type="application/xop+xml"; start="<SOAP-ENV:Envelope>"; '
    'start-info="text/xml"'
)


def with_include(sample: Sample, cid: str) -> str:
    return sample.having("content", INCLUDE.format(cid))


def java(root: str, *parts: tuple[str, bytes], root_head: str = "") -> bytes:
    """A message as Metro and CXF write it."""
    written = [
        "--uuid:8f1c\r\nContent-Id: <rootpart*8f1c@example.jaxws.sun.com>\r\n"
        'Content-Type: application/xop+xml;charset=utf-8;type="text/xml"\r\n'
        f"Content-Transfer-Encoding: binary\r\n{root_head}\r\n".encode()
        + declared("UTF-8", root).encode()
    ]
    written += [
        f"\r\n--uuid:8f1c\r\nContent-Id: <{name}>\r\nContent-Type: image/png\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n".encode()
        + content
        for name, content in parts
    ]
    return b"".join(written) + b"\r\n--uuid:8f1c--"


def cpp(root: str, *parts: tuple[str, bytes]) -> bytes:
    """A message as gSOAP writes it: folded heads, a preamble, and an end with a line break."""
    mark = b"--==gSOAP+x/=="
    written = [
        b"\r\n" + mark + b'\r\nContent-Type: application/xop+xml;\r\n\tcharset=utf-8; type="text/xml"\r\n'
        b"Content-Transfer-Encoding: binary\r\nContent-ID: <SOAP-ENV:Envelope>\r\n\r\n"
        + declared("UTF-8", root).encode()
    ]
    written += [
        b"\r\n"
        + mark
        + f"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{name}>\r\n\r\n".encode()
        + content
        for name, content in parts
    ]
    return b"".join(written) + b"\r\n" + mark + b"--\r\n"


def php(root: str, content: bytes) -> bytes:
    """A message without a start, in which the photo travels in base64, with bare line feeds."""
    return (
        b"--x\nContent-Type: text/xml; charset=gbk\nContent-Transfer-Encoding: 8bit\n\n"
        + declared("GBK", root).encode("gbk")
        + b"\n--x\nContent-ID: <photo>\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(content)
        + b"--x--\n"
    )


PHOTO = "5b1f%40example.jaxws.sun.com", "5b1f@example.jaxws.sun.com"
NOT_TAKEN = (ErrorCode.SCHEMA_INVALID,)
EMPTY = (ErrorCode.SCHEMA_INVALID, ErrorCode.REQUIRED_MISSING)
NO_ATTACHMENT = (ErrorCode.ATTACHMENT_INVALID,)
SPOKEN = Taken(words=f"路边{RARE}")
PLAIN = Taken()


def row(make: Callable[[Sample], str | bytes | Raw], outcome: Taken | Faulted | Receipted, **how: object) -> Row:
    def made(sample: Sample) -> Raw:
        written = make(sample)
        if isinstance(written, Raw):
            return written
        return Raw(written.encode() if isinstance(written, str) else written, **how)  # type: ignore[arg-type]

    return Row(made, outcome)


def at(text: str) -> Callable[[Sample], str]:
    return lambda sample: sample.having(sample.moment[0], text)


def morning(hour: int = 9, minute: int = 5, microsecond: int = 0, day: int = 2) -> Taken:
    return Taken(moment=datetime(2026, 3, day, hour, minute, 0, microsecond, tzinfo=SHANGHAI))


def references(text: str) -> str:
    """The text with every character beyond ASCII as old Java writes it: by the halves that it has in memory."""

    def written(character: str) -> str:
        wide = character.encode("utf-16-be")
        return "".join(f"&#{int.from_bytes(wide[at : at + 2])};" for at in range(0, len(wide), 2))

    return "".join(one if one.isascii() else written(one) for one in text)


WORDS = "路边生活垃圾约两平方米"
ONE_ATTACHMENT = re.compile(r"\s*<ex:attachments>.*</ex:attachments>", re.DOTALL)

REQUESTS: dict[str, Row] = {
    # Character sets
    "UTF-8": row(lambda s: s.speaking(), SPOKEN),
    "UTF-8 with a byte order mark": row(lambda s: b"\xef\xbb\xbf" + declared("utf-8", s.speaking()).encode(), SPOKEN),
    "UTF-16 with a byte order mark": row(
        lambda s: declared("UTF-16", s.speaking()).encode("utf-16"), SPOKEN, content_type="text/xml; charset=utf-16"
    ),
    "UTF-16 big end first, without a mark": row(
        lambda s: declared("UTF-16", s.speaking()).encode("utf-16-be"), SPOKEN, content_type="text/xml"
    ),
    "CDATA": row(lambda s: s.speaking(f"<![CDATA[路边{RARE}]]>"), SPOKEN),
    "CDATA that only looks like references": row(
        lambda s: s.speaking("<![CDATA[&#55362;&#57271;]]>"), Taken(words="&#55362;&#57271;")
    ),
    "comments": row(lambda s: "<!-- hello -->" + s.speaking(f"路边<!-- <&#55362;> -->{RARE}"), SPOKEN),
    "a quoted charset": row(lambda s: s.speaking(), SPOKEN, content_type='text/xml; charset="utf-8"'),
    "GBK with the matching Content-Type": row(
        lambda s: declared("GBK", s.speaking(WORDS)).encode("gbk"), Taken(WORDS), content_type="text/xml; charset=GBK"
    ),
    "GB2312 with the matching Content-Type": row(
        lambda s: declared("GB2312", s.speaking(WORDS)).encode("gb2312"),
        Taken(WORDS),
        content_type="text/xml; charset=gb2312",
    ),
    "GB18030 with the matching Content-Type": row(
        lambda s: declared("GB18030", s.speaking()).encode("gb18030"), SPOKEN, content_type="text/xml; charset=GB18030"
    ),
    "GBK declared, utf-8 in the Content-Type": row(
        lambda s: declared("GBK", s.speaking(WORDS)).encode("gbk"), Taken(WORDS)
    ),
    "GBK in the Content-Type, UTF-8 declared": row(
        lambda s: declared("UTF-8", s.speaking(WORDS)).encode("gbk"), Taken(WORDS), content_type="text/xml; charset=gbk"
    ),
    "rare names under a gb2312 label": row(
        lambda s: declared("gb2312", s.speaking("朱镕基路" + RARE)).encode("gb18030"),
        Taken("朱镕基路" + RARE),
        content_type="text/xml; charset=gb2312",
    ),
    "GBK bytes declared UTF-8, no charset": row(
        lambda s: declared("UTF-8", s.speaking(WORDS)).encode("gbk"), Taken(WORDS), content_type="text/xml"
    ),
    "GBK bytes without a word": row(lambda s: s.speaking(WORDS).encode("gbk"), Taken(WORDS), content_type=None),
    "GBK bytes called ISO-8859-1": row(
        lambda s: s.speaking(WORDS).encode("gbk"), Taken(WORDS), content_type="text/xml; charset=ISO-8859-1"
    ),
    "GBK bytes called latin-1": row(
        lambda s: s.speaking(WORDS).encode("gbk"), Taken(WORDS), content_type="text/xml; charset=latin-1"
    ),
    "UTF-8 bytes called UTF-16 and GBK": row(
        lambda s: declared("GBK", s.speaking()), SPOKEN, content_type="text/xml; charset=UTF-16"
    ),
    "rare names called ISO-8859-1": row(
        lambda s: s.speaking("朱镕基路").encode("gbk"), Faulted(), content_type="text/xml; charset=ISO-8859-1"
    ),
    "damaged UTF-8": row(lambda s: s.speaking(WORDS).encode().replace("垃".encode(), b"\xe5\x9e"), Faulted()),
    "rare names under no label that fits": row(lambda s: s.speaking().encode("gb18030"), Faulted()),
    "an unknown charset": row(lambda s: s.text, Faulted(), content_type="text/xml; charset=klingon"),
    "numeric references for all Chinese text": row(
        lambda s: declared("us-ascii", s.speaking(WORDS)).encode("ascii", "xmlcharrefreplace"), Taken(WORDS)
    ),
    "references to the halves of rare characters": row(lambda s: s.speaking(references(f"路边{RARE}")), SPOKEN),
    "hexadecimal references to the halves": row(lambda s: s.speaking("路边㛃&#xD842;&#xdfb7;"), SPOKEN),
    "a reference to one half alone": row(lambda s: s.speaking("路边&#55362;"), Faulted()),
    "halves the wrong way round": row(lambda s: s.speaking("&#57271;&#55362;"), Faulted()),
    "a control character": row(lambda s: s.speaking("路边\x08"), Faulted()),
    # The document
    "a blank line before the declaration": row(lambda s: "\r\n" + declared("UTF-8", s.text), PLAIN),
    "a DOCTYPE": row(lambda s: '<!DOCTYPE x [<!ENTITY a "b">]>' + s.text, Faulted()),
    "an empty body": row(
        lambda s: re.sub(r"<soap:Body>.*</soap:Body>", "<soap:Body/>", s.text, flags=re.DOTALL), Faulted()
    ),
    "an empty POST": row(lambda s: b"", Faulted()),
    "an empty POST without a type": row(lambda s: b"", Faulted(), content_type=None),
    "a declaration that is none": row(lambda s: '<?xml encoding="UTF-8" version="1.0"?>' + s.text, Faulted()),
    "two bodies": row(lambda s: re.sub("<soap:Body>.*</soap:Body>", r"\g<0>\g<0>", s.text, flags=re.DOTALL), Faulted()),
    "two headers": row(
        lambda s: re.sub("<soap:Header>.*</soap:Header>", r"\g<0>\g<0>", s.text, flags=re.DOTALL), Faulted()
    ),
    "the header behind the body": row(
        lambda s: re.sub("(<soap:Header>.*</soap:Header>)(.*)(?=</soap:Envelope>)", r"\2\1", s.text, flags=re.DOTALL),
        Faulted(),
    ),
    "two operations in the body": row(
        lambda s: re.sub("(?<=<soap:Body>)(.*)(?=</soap:Body>)", r"\1\1", s.text, flags=re.DOTALL), Faulted()
    ),
    "words beside the operation": row(lambda s: s.text.replace("<soap:Body>", "<soap:Body>hello"), Faulted()),
    "words beside the body": row(lambda s: s.text.replace("<soap:Body>", "hello<soap:Body>"), Faulted()),
    "a SOAP 1.2 envelope": row(
        lambda s: s.text.replace(
            "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
        ),
        Faulted((ErrorCode.VERSION_UNSUPPORTED,), "VersionMismatch"),
        content_type="application/soap+xml; charset=utf-8",
    ),
    "other prefixes": row(
        lambda s: (
            re.sub(r"(?<=[</ ])(soap|ex|urban|grid):", r"q-\1:", s.text)
            .replace("xmlns:", "xmlns:q-")
            .replace("xmlns:q-ws", "xmlns:ws")
        ),
        PLAIN,
    ),
    "a default namespace": row(
        lambda s: re.sub(f"(</?){s.side.value}:", r"\1", s.text).replace(f"xmlns:{s.side.value}=", "xmlns="), PLAIN
    ),
    # HTTP
    "no SOAPAction": row(lambda s: s.text, PLAIN),
    "an empty SOAPAction": row(lambda s: s.text, PLAIN, headers={"SOAPAction": '""'}),
    "an unquoted SOAPAction": row(
        lambda s: Raw(s.text.encode(), headers={"SOAPAction": f"urn:duijie:{s.side.value}:1.0:DeliverForm"}), PLAIN
    ),
    "a wrong SOAPAction": row(lambda s: s.text, PLAIN, headers={"SOAPAction": '"urn:other:QueryCases"'}),
    "application/xml": row(lambda s: s.text, PLAIN, content_type="application/xml"),
    "text/plain": row(lambda s: s.text, PLAIN, content_type="text/plain; charset=utf-8"),
    "no Content-Type": row(lambda s: s.text, PLAIN, content_type=None),
    "gzip": row(lambda s: gzip.compress(s.speaking().encode()), SPOKEN, headers={"Content-Encoding": "gzip"}),
    "gzip by its old name": row(
        lambda s: gzip.compress(s.speaking().encode()), SPOKEN, headers={"Content-Encoding": "X-GZIP"}
    ),
    "gzip that is cut off": row(
        lambda s: gzip.compress(s.text.encode())[:-9], Faulted(), headers={"Content-Encoding": "gzip"}
    ),
    "gzip that is none": row(lambda s: s.text, Faulted(), headers={"Content-Encoding": "gzip"}),
    "gzip that unfolds beyond the limit": row(
        lambda s: gzip.compress(b" " * (PROFILE.limits.message_bytes + 1)),
        Faulted((ErrorCode.LIMIT_EXCEEDED,)),
        headers={"Content-Encoding": "gzip"},
    ),
    "an unknown compression": row(lambda s: s.text, Faulted(), headers={"Content-Encoding": "br"}),
    "a compression with a control character": row(lambda s: s.text, Faulted(), headers={"Content-Encoding": "\x01"}),
    # Moments
    "a moment without a zone": row(at("2026-03-02T09:05:00"), morning()),
    "a zone without a colon": row(at("2026-03-02T09:05:00+0800"), morning()),
    "another zone without a colon": row(at("2026-03-01T20:05:00-0500"), morning()),
    "universal time": row(at("2026-03-02T01:05:00Z"), morning()),
    "a blank for the T": row(at("2026-03-02 09:05:00"), morning()),
    "a fraction of seven digits": row(at("2026-03-02T09:05:00.1234567+08:00"), morning(microsecond=123456)),
    "a fraction of seven digits and no colon": row(at("2026-03-02T09:05:00.1234567+0800"), morning(microsecond=123456)),
    "24:00:00": row(at("2026-03-01T24:00:00+08:00"), morning(0, 0)),
    "a moment without seconds": row(at("2026-03-02T09:05+08:00"), Receipted(lambda s: s.field(s.moment[0]))),
    "a day that is none": row(at("2026-02-30T09:05:00+08:00"), Receipted(lambda s: s.field(s.moment[0]))),
    "no attempt in the header": row(lambda s: re.sub("<ex:attempt>.*</ex:attempt>", "", s.text), PLAIN),
    "a zone without a colon in the header": row(
        lambda s: s.text.replace(s.value("sentAt"), s.value("sentAt").replace("+08:00", "+0800")), PLAIN
    ),
    # Elements
    "an unknown extra element": row(
        lambda s: s.with_element(s.words[0], f"<ex:{s.words[0]}>{WORDS}</ex:{s.words[0]}><ex:colour>red</ex:colour>"),
        Receipted(lambda s: s.field("colour")),
    ),
    "children without namespace": row(
        lambda s: s.with_element(s.words[0], f'<{s.words[0]} xmlns="">{WORDS}</{s.words[0]}>'),
        Receipted(lambda s: s.field(s.words[0])),
    ),
    "an optional element that is absent": row(
        lambda s: ONE_ATTACHMENT.sub("", s.text), Taken(others={"attachments": ()})
    ),
    "an optional element that is empty": row(
        lambda s: ONE_ATTACHMENT.sub("<ex:attachments/>", s.text),
        Receipted(lambda s: s.field("attachments"), EMPTY),
    ),
    "a text that is empty": row(lambda s: s.speaking(""), Receipted(lambda s: s.field(s.words[0]), EMPTY)),
    "a nil item in an array": row(
        lambda s: ONE_ATTACHMENT.sub(f"<ex:attachments {XSI}/>", s.text),
        Receipted(lambda s: s.field("attachments"), EMPTY),
    ),
    # Attachments
    "base64 in lines": row(
        lambda s: s.having("content", base64.encodebytes(s.photo).decode().replace("\n", "\r\n  ")), PLAIN
    ),
    "base64 with a stray character": row(
        lambda s: s.having("content", "iVBO!" + s.value("content")[4:]),
        Receipted(lambda s: s.field("attachments", "content"), NO_ATTACHMENT),
    ),
    "base64 with characters of URLs": row(
        lambda s: s.having("content", s.value("content").replace("+", "-").replace("/", "_")),
        Receipted(lambda s: s.field("attachments", "content"), NO_ATTACHMENT),
    ),
    "base64 without its padding": row(
        lambda s: s.having("content", s.value("content").rstrip("=")),
        Receipted(lambda s: s.field("attachments", "content"), NO_ATTACHMENT),
    ),
    "a wrong digest": row(
        lambda s: s.having("sha256", "0" * 64), Receipted(lambda s: s.field("attachments"), NO_ATTACHMENT)
    ),
    "a wrong size": row(lambda s: s.having("size", "75"), Receipted(lambda s: s.field("attachments"), NO_ATTACHMENT)),
    # MTOM
    "MTOM as Java writes it": row(
        lambda s: java(with_include(s, PHOTO[0]), (PHOTO[1], s.photo)), PLAIN, content_type=JAVA
    ),
    "MTOM as C++ writes it": row(lambda s: cpp(with_include(s, "id1"), ("id1", s.photo)), PLAIN, content_type=CPP),
    "MTOM with its text inline": row(lambda s: java(s.speaking()), SPOKEN, content_type=JAVA),
    "multipart in GBK with the photo in base64": row(
        lambda s: php(s.having("content", INCLUDE.format("photo")).replace(s.value(s.words[0]), WORDS), s.photo),
        Taken(WORDS),
        content_type="multipart/related; boundary=x; type=text/xml",
    ),
    "MTOM in gzip": row(
        lambda s: gzip.compress(java(with_include(s, PHOTO[0]), (PHOTO[1], s.photo))),
        PLAIN,
        content_type=JAVA,
        headers={"Content-Encoding": "gzip"},
    ),
    "MTOM with a SOAP 1.2 envelope": row(
        lambda s: java(
            s.text.replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
        ),
        Faulted((ErrorCode.VERSION_UNSUPPORTED,), "VersionMismatch"),
        content_type=JAVA,
    ),
    "MTOM with a damaged photo": row(
        lambda s: java(with_include(s, "p"), ("p", s.photo[:-1] + b"?")),
        Receipted(lambda s: s.field("attachments"), NO_ATTACHMENT),
        content_type=JAVA,
    ),
    "MTOM that lacks a part": row(
        lambda s: java(with_include(s, "p")),
        Receipted(lambda s: s.field("attachments", "content"), NO_ATTACHMENT),
        content_type=JAVA,
    ),
    "MTOM with binary where text belongs": row(
        lambda s: java(s.speaking(INCLUDE.format("p")), ("p", s.photo)),
        Receipted(lambda s: s.field(s.words[0])),
        content_type=JAVA,
    ),
    "MTOM with a part that nothing refers to": row(
        lambda s: java(s.text, ("p", s.photo)), Faulted(NO_ATTACHMENT), content_type=JAVA
    ),
    "MTOM with two parts of one name": row(
        lambda s: java(with_include(s, "p"), ("p", s.photo), ("p", b"other")), Faulted(), content_type=JAVA
    ),
    "MTOM that is cut off": row(
        lambda s: java(with_include(s, "p"), ("p", s.photo))[:-20], Faulted(), content_type=JAVA
    ),
    "MTOM with a start that is not there": row(
        lambda s: java(s.text), Faulted(), content_type=JAVA.replace("rootpart", "other")
    ),
    "MTOM with too many parts": row(
        lambda s: java(with_include(s, "0"), *((str(n), b"") for n in range(70))),
        Faulted((ErrorCode.LIMIT_EXCEEDED,)),
        content_type=JAVA,
    ),
    "a form as browsers post it": row(
        lambda s: java(s.text), Faulted(), content_type="multipart/form-data; boundary=uuid:8f1c"
    ),
    "MTOM whose Include names no scheme": row(
        lambda s: java(with_include(s, "p").replace("cid:", ""), ("p", s.photo)),
        Receipted(lambda s: s.field("attachments", "content"), NO_ATTACHMENT),
        content_type=JAVA,
    ),
    # Who calls
    "a token that must be understood": row(lambda s: s.text, PLAIN),
    "a password of somebody else": row(
        lambda s: re.sub(r"(<wsse:Password [^>]*>)[^<]*", r"\1guess", s.text),
        Faulted((ErrorCode.NOT_AUTHENTICATED,), field="Security"),
    ),
    "a password type by half its name": row(
        lambda s: re.sub('Type="[^"]*#', 'Type="', s.text),
        Faulted((ErrorCode.NOT_AUTHENTICATED,), field="Security"),
    ),
    "no token": row(
        lambda s: re.sub(r"<wsse:Security.*</wsse:Security>", "", s.text, flags=re.DOTALL),
        Faulted((ErrorCode.NOT_AUTHENTICATED,), field="Security"),
    ),
    "two tokens": row(
        lambda s: re.sub(r"<wsse:Security.*</wsse:Security>", r"\g<0>\g<0>", s.text, flags=re.DOTALL),
        Faulted((ErrorCode.NOT_AUTHENTICATED,), field="Security"),
    ),
    "a header that somebody else must understand": row(
        lambda s: s.text.replace(
            "</soap:Header>", '<x:R xmlns:x="urn:x" soap:mustUnderstand="1" soap:actor="urn:y"/></soap:Header>'
        ),
        PLAIN,
    ),
    "another header that must be understood": row(
        lambda s: s.text.replace("</soap:Header>", '<x:Route xmlns:x="urn:x" soap:mustUnderstand="1"/></soap:Header>'),
        Faulted(soap_code="MustUnderstand", field="Route"),
    ),
}

_L = Liberty
_GUESSED = {_L.OTHER_CHARSET, _L.CHARSET_LABEL}
#: The liberties that reading each of the requests above takes, which strict reading refuses; the others that are taken need none.
LIBERTIES: dict[str, set[Liberty]] = {
    "UTF-16 big end first, without a mark": {_L.CHARSET_LABEL},
    "GBK with the matching Content-Type": {_L.OTHER_CHARSET},
    "GB2312 with the matching Content-Type": {_L.OTHER_CHARSET},
    "GB18030 with the matching Content-Type": {_L.OTHER_CHARSET},
    "GBK declared, utf-8 in the Content-Type": _GUESSED,
    "GBK in the Content-Type, UTF-8 declared": _GUESSED,
    "rare names under a gb2312 label": _GUESSED,
    "GBK bytes declared UTF-8, no charset": _GUESSED,
    "GBK bytes without a word": _GUESSED | {_L.CONTENT_TYPE},
    "GBK bytes called ISO-8859-1": _GUESSED,
    "GBK bytes called latin-1": _GUESSED,
    "UTF-8 bytes called UTF-16 and GBK": _GUESSED,
    "numeric references for all Chinese text": {_L.OTHER_CHARSET},
    "references to the halves of rare characters": {_L.HALF_REFERENCES},
    "hexadecimal references to the halves": {_L.HALF_REFERENCES},
    "a blank line before the declaration": {_L.LEADING_BLANKS},
    "no SOAPAction": {_L.SOAP_ACTION},
    "an empty SOAPAction": {_L.SOAP_ACTION},
    "an unquoted SOAPAction": {_L.SOAP_ACTION},
    "a wrong SOAPAction": {_L.SOAP_ACTION},
    "application/xml": {_L.CONTENT_TYPE},
    "text/plain": {_L.CONTENT_TYPE},
    "no Content-Type": {_L.CONTENT_TYPE},
    "gzip": {_L.COMPRESSED},
    "gzip by its old name": {_L.COMPRESSED},
    "a moment without a zone": {_L.MOMENT_WITHOUT_ZONE},
    "a zone without a colon": {_L.MOMENT_SPELLING},
    "another zone without a colon": {_L.MOMENT_SPELLING},
    "a blank for the T": {_L.MOMENT_SPELLING, _L.MOMENT_WITHOUT_ZONE},
    "a fraction of seven digits and no colon": {_L.MOMENT_SPELLING},
    "a zone without a colon in the header": {_L.MOMENT_SPELLING},
    "MTOM as Java writes it": {_L.MULTIPART},
    "MTOM as C++ writes it": {_L.MULTIPART},
    "MTOM with its text inline": {_L.MULTIPART},
    "multipart in GBK with the photo in base64": {_L.MULTIPART, _L.OTHER_CHARSET},
    "MTOM in gzip": {_L.COMPRESSED, _L.MULTIPART},
}
READABLE = [name for name, row in REQUESTS.items() if isinstance(row.outcome, Taken)]


def strictly(mode: Liberties) -> Profile:
    """The samples' profile, with readers that report or refuse what they would otherwise overlook."""
    return replace(PROFILE, choices=replace(PROFILE.choices, liberties=mode))


def with_action(name: str, sample: Sample) -> Raw:
    """The request of a row, under the SOAPAction that the contract gives it unless the row is about just that."""
    raw = REQUESTS[name].make(sample)
    if "SOAPAction" in name:
        return raw
    return replace(raw, headers={"SOAPAction": f'"urn:duijie:{sample.side.value}:1.0:DeliverForm"', **raw.headers})


# -- replies ----------------------------------------------------------------------------------------------------------


def reply(name: str) -> str:
    return (contracts.SAMPLES / f"urban-{name}.xml").read_text(encoding="utf-8").partition("?>")[2].lstrip()


RECEIPT = reply("DeliverFormResponse-error")
FAULT = reply("fault-client")
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"

#: A reply to a hand-over, and whether it is a receipt, a refusal, or leaves open what became of the call.
REPLIES: dict[str, tuple[Raw, str]] = {
    "plain": (Raw(RECEIPT.encode()), "receipt"),
    "GBK declared in the XML": (Raw(declared("GBK", RECEIPT).encode("gbk"), "text/xml"), "receipt"),
    "GBK declared, utf-8 in the Content-Type": (Raw(declared("GBK", RECEIPT).encode("gbk")), "receipt"),
    "GBK named only in the Content-Type": (Raw(RECEIPT.encode("gbk"), "text/xml; charset=GBK"), "receipt"),
    "GBK bytes labelled UTF-8": (Raw(declared("UTF-8", RECEIPT).encode("gbk")), "receipt"),
    "a byte order mark": (Raw(b"\xef\xbb\xbf" + declared("UTF-8", RECEIPT).encode()), "receipt"),
    "gzip": (Raw(gzip.compress(RECEIPT.encode()), headers={"Content-Encoding": "gzip"}), "receipt"),
    "a blank line before the declaration": (Raw(("\r\n" + declared("UTF-8", RECEIPT)).encode()), "receipt"),
    "text/plain": (Raw(RECEIPT.encode(), "text/plain; charset=utf-8"), "receipt"),
    "MTOM with inline text": (Raw(java(RECEIPT), JAVA), "receipt"),
    "the typed fault": (Raw(FAULT.encode(), status=500), "fault"),
    "the typed fault with HTTP 200": (Raw(FAULT.encode()), "fault"),
    "the typed fault with HTTP 400": (Raw(FAULT.encode(), status=400), "fault"),
    "the typed fault in MTOM": (Raw(java(FAULT), JAVA, status=500), "fault"),
    "an empty 202": (Raw(b"", None, status=202), "open"),
    "an empty 200": (Raw(b""), "open"),
    "control characters": (Raw(RECEIPT.replace("不接受", "\x08").encode()), "open"),
    "a truncated body": (Raw(RECEIPT.encode()[:-40]), "open"),
    "HTML with 200": (Raw(PAGE, "text/html"), "open"),
    "HTML with 502": (Raw(PAGE, "text/html", status=502), "open"),
    "a receipt under 502": (Raw(RECEIPT.encode(), status=502), "open"),
    "an untyped fault": (Raw(re.sub(r"<detail>.*</detail>", "", FAULT, flags=re.DOTALL).encode(), status=500), "open"),
    "MTOM that is cut off": (Raw(java(RECEIPT)[:-30], JAVA), "open"),
}
