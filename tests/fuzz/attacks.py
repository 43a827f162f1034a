"""Requests that mean harm, each written once, for the bridge and for both simulators.

An attack makes a request that fills the bounds it is given: `weight` bytes at the door, about. `told` says with which codes
it is refused; None where it may as well be taken, because its harm was to lie elsewhere.
"""

import base64
import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from awkward import INCLUDE, JAVA, Sample, declared, java, with_include
from wsgi_requests import XML, Request

INVALID = frozenset({"SCHEMA_INVALID"})
LIMIT = frozenset({"LIMIT_EXCEEDED"})
EITHER = INVALID | LIMIT
ATTACHMENT = frozenset({"ATTACHMENT_INVALID", "LIMIT_EXCEEDED"})


@dataclass(frozen=True)
class Attack:
    """One way to do harm."""

    make: Callable[[Sample, int], Request]
    #: The codes with which it is refused.
    told: frozenset[str] = EITHER
    #: Whether the body names a `{file}` and an address `{http}` that nobody may look at.
    fetches: bool = False

    def request(self, sample: Sample, weight: int, *, file: str = "", http: str = "") -> Request:
        """The request, with the places that it wants fetched."""
        request = self.make(sample, weight)
        if not self.fetches:
            return request
        return replace(request, body=request.body.replace(b"{file}", file.encode()).replace(b"{http}", http.encode()))


def attack(
    make: Callable[[Sample, int], "str | bytes | Request"], told: frozenset[str] = EITHER, *, fetches: bool = False
) -> Attack:
    def made(sample: Sample, weight: int) -> Request:
        written = make(sample, weight)
        if isinstance(written, Request):
            return written
        return Request(written.encode() if isinstance(written, str) else written, XML)

    return Attack(made, told, fetches)


# -- parts ------------------------------------------------------------------------------------------------------------


def prolog(text: str) -> Callable[[Sample, int], str]:
    """A document type before the envelope."""
    return lambda s, _: declared("UTF-8", text + s.speaking("&a;"))


def in_header(make: Callable[[int], str]) -> Callable[[Sample, int], str]:
    """A block in the header, where the contract does not look."""
    return lambda s, weight: s.text.replace("</soap:Header>", make(weight - len(s.text.encode())) + "</soap:Header>", 1)


def in_words(make: Callable[[int], str]) -> Callable[[Sample, int], str]:
    """Something in the place of the description."""
    return lambda s, weight: s.speaking(make(weight - len(s.text.encode())))


def on_root(make: Callable[[int], str]) -> Callable[[Sample, int], str]:
    """Attributes of the envelope."""
    return lambda s, weight: s.text.replace(
        "<soap:Envelope ", f"<soap:Envelope {make(weight - len(s.text.encode()))} ", 1
    )


def before(make: Callable[[int], str]) -> Callable[[Sample, int], str]:
    """Something before the root element."""
    return lambda s, weight: make(weight - len(s.text.encode())) + s.text


def repeated(piece: str) -> Callable[[int], str]:
    return lambda room: piece * (room // len(piece.encode()))


def numbered(piece: str) -> Callable[[int], str]:
    """Pieces that differ by their number."""
    return lambda room: "".join(piece.format(n=n) for n in range(room // (len(piece) + 5)))


def nested(depth: int) -> Callable[[int], str]:
    return lambda room: "<a>" * min(depth, room // 7) + "</a>" * min(depth, room // 7)


def _laughs() -> str:
    lines = ['<!ENTITY l0 "lol">'] + [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    return f'<!DOCTYPE x [{"".join(lines)}<!ENTITY a "&l9;">]>'


def zeros(size: int) -> bytes:
    """A gzip stream that unfolds to so many blanks, made without ever holding them."""
    packer = zlib.compressobj(9, wbits=31)
    piece = b" " * (1 << 20)
    return b"".join([*(packer.compress(piece) for _ in range(size >> 20)), packer.flush()])


def zipped(make: Callable[[Sample, int], bytes]) -> Callable[[Sample, int], Request]:
    return lambda s, weight: Request(make(s, weight), XML, {"Content-Encoding": "gzip"})


def multipart(make: Callable[[Sample, int], bytes], kind: str = JAVA) -> Callable[[Sample, int], Request]:
    return lambda s, weight: Request(make(s, weight), kind)


def _attachment(sample: Sample) -> str:
    found = re.search(r"<ex:attachments>.*?</ex:attachments>", sample.text, re.DOTALL)
    assert found
    return found[0]


def with_attachments(make: Callable[[str, int], str]) -> Callable[[Sample, int], str]:
    def made(sample: Sample, weight: int) -> str:
        one = _attachment(sample)
        return sample.text.replace(one, make(one, weight - len(sample.text.encode()) + len(one)), 1)

    return made


def _content(one: str, content: str) -> str:
    return re.sub("<ex:content>[^<]*<", lambda _: f"<ex:content>{content}<", one)


def _part(name: str, content: bytes, head: str = "") -> bytes:
    return f"\r\n--uuid:8f1c\r\nContent-Id: <{name}>\r\n{head}\r\n".encode() + content


def _open_multipart(sample: Sample, rest: bytes) -> bytes:
    return java(with_include(sample, "p")).removesuffix(b"\r\n--uuid:8f1c--") + rest + b"\r\n--uuid:8f1c--"


# -- attacks ----------------------------------------------------------------------------------------------------------

ATTACKS: dict[str, Attack] = {
    # Entities and document types
    "a billion laughs": attack(prolog(_laughs()), INVALID),
    "an entity repeated without end": attack(
        lambda s, weight: f'<!DOCTYPE x [<!ENTITY a "{"a" * (weight // 3)}">]>' + s.speaking("&a;" * (weight // 9))
    ),
    "an entity from a file": attack(prolog('<!DOCTYPE x [<!ENTITY a SYSTEM "{file}">]>'), INVALID, fetches=True),
    "an entity from the network": attack(prolog('<!DOCTYPE x [<!ENTITY a SYSTEM "{http}">]>'), INVALID, fetches=True),
    "a parameter entity": attack(prolog('<!DOCTYPE x [<!ENTITY % a SYSTEM "{http}"> %a;]>'), INVALID, fetches=True),
    "a document type from the network": attack(prolog('<!DOCTYPE x SYSTEM "{http}">'), INVALID, fetches=True),
    "a public document type": attack(prolog('<!DOCTYPE x PUBLIC "-//X//X" "{http}">'), INVALID, fetches=True),
    "a document type in UTF-16": attack(
        lambda s, _: declared("UTF-16", _laughs() + s.speaking("&a;")).encode("utf-16"), INVALID
    ),
    "a document type behind comments": attack(
        lambda s, weight: "<!-- -->" * (weight // 16) + _laughs() + s.speaking("&a;")
    ),
    "an entity of nobody": attack(in_words(lambda _: "&a;"), INVALID),
    # Depth
    "a nest a little too deep": attack(in_header(nested(40))),
    "a nest of five thousand": attack(in_header(nested(5_000))),
    "a nest without end": attack(in_header(nested(10**9))),
    "a nest in the form": attack(in_words(nested(10**9))),
    "a nest that never closes": attack(in_header(lambda room: "<a>" * (room // 3))),
    # Width
    "a flood of elements": attack(in_header(repeated("<a/>"))),
    "a flood of elements of many names": attack(in_header(numbered("<a{n}/>"))),
    "a flood of members in the form": attack(in_words(repeated("<ex:x/>"))),
    "a flood of attributes": attack(on_root(numbered("a{n}='' "))),
    "attributes just below the bound": attack(
        on_root(lambda room: numbered("a{n}='' ")(min(room, 200_000))), frozenset()
    ),
    "a flood of namespaces": attack(on_root(numbered("xmlns:n{n}='urn:{n}' "))),
    "namespaces just below the bound": attack(
        lambda s, weight: (
            s.speaking("")
            .replace("<soap:Envelope ", "<soap:Envelope " + "".join(f"xmlns:n{n}='u{n}' " for n in range(9_000)), 1)
            .replace("</soap:Header>", "".join(f"<n{n}:a/>" for n in range(9_000)) + "</soap:Header>", 1)
        ),
        frozenset({"SCHEMA_INVALID", "REQUIRED_MISSING"}),
    ),
    "namespaces and members just below the bound": attack(
        lambda s, weight: s.speaking("<ex:x/>" * 8_000).replace(
            "<soap:Envelope ", "<soap:Envelope " + "".join(f"xmlns:n{n}='u{n}' " for n in range(9_000)), 1
        ),
        INVALID,
    ),
    "a namespace anew on each element": attack(
        in_header(lambda room: "".join(f"<a xmlns='urn:{n}'/>" for n in range(min(room // 24, 6_000)))), frozenset()
    ),
    "an attribute without end": attack(on_root(lambda room: f"a='{'a' * (room - 10)}'"), frozenset()),
    "a name without end": attack(in_header(lambda room: f"<{'a' * (room - 20)}/>")),
    "an attribute's name without end": attack(on_root(lambda room: f"{'a' * (room - 20)}=''")),
    "a namespace without end": attack(on_root(lambda room: f"xmlns:a='urn:{'a' * (room - 30)}'"), frozenset()),
    # Texts
    "a text without end": attack(in_words(lambda room: "垃" * (room // 3)), INVALID),
    "a text without end in the header": attack(in_header(lambda room: f"<a>{'a' * (room - 10)}</a>"), frozenset()),
    "blanks without end": attack(in_header(lambda room: " " * room), frozenset()),
    "blanks before the root": attack(before(lambda room: " " * room), frozenset()),
    "references without end": attack(in_words(repeated("&#22403;"))),
    "halves of characters without end": attack(in_words(repeated("&#55362;&#57271;"))),
    "halves that never match": attack(in_words(repeated("&#55362;"))),
    "CDATA without end": attack(in_words(repeated("<![CDATA[x]]>"))),
    "comments without end": attack(in_words(repeated("<!---->"))),
    "comments before the root": attack(before(repeated("<!---->"))),
    "comments that never close": attack(in_header(repeated("<!-- &#55362;"))),
    "instructions without end": attack(in_words(repeated("<?x?>"))),
    "instructions before the root": attack(before(repeated("<?x?>"))),
    "passwords that never close": attack(
        in_header(lambda room: f"<!--{'<Password>' * min(room // 20, 15_000)}{' ' * (room // 2)}-->"), frozenset()
    ),
    # What a parser might be asked to fetch or to believe
    "an inclusion": attack(
        in_words(lambda _: '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{file}"/>'),
        INVALID,
        fetches=True,
    ),
    "a schema of the sender's own": attack(
        lambda s, _: s.speaking("").replace(
            "<soap:Envelope ",
            '<soap:Envelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xsi:schemaLocation="urn:duijie:exchange:1.0 {http} urn:duijie:urban:1.0 {file}" xsi:noNamespaceSchemaLocation="{http}" ',
            1,
        ),
        frozenset({"SCHEMA_INVALID", "REQUIRED_MISSING"}),
        fetches=True,
    ),
    "a style sheet": attack(before(lambda _: '<?xml-stylesheet href="{http}"?>'), frozenset(), fetches=True),
    "a base elsewhere": attack(on_root(lambda _: 'xml:base="{http}"'), frozenset(), fetches=True),
    "another type for a value": attack(
        lambda s, _: s.with_element(
            s.words[0],
            f'<ex:{s.words[0]} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">{"a" * 9_000}</ex:{s.words[0]}>',
        ),
        INVALID,
    ),
    "another type for a number": attack(
        lambda s, _: s.text.replace(
            "<ex:size>",
            '<ex:size xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">',
        ),
        INVALID,
    ),
    # gzip
    "a zip bomb": attack(zipped(lambda s, weight: zeros(weight * 200)), LIMIT),
    "a zip bomb in a zip bomb": attack(zipped(lambda s, weight: gzip.compress(zeros(weight * 200)))),
    "a zip bomb in many members": attack(zipped(lambda s, weight: zeros(weight // 2) * 200)),
    "many empty members": attack(zipped(lambda s, weight: gzip.compress(b"") * (weight // 20))),
    "a member behind the message": attack(
        zipped(lambda s, weight: gzip.compress(s.text.encode()) + zeros(weight * 20))
    ),
    "a name without end in the gzip head": attack(
        zipped(lambda s, weight: b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"a" * (weight - 20)), INVALID
    ),
    "a zip bomb that is cut off": attack(zipped(lambda s, weight: zeros(weight * 200)[:-8])),
    # multipart
    "parts without number": attack(
        multipart(lambda s, weight: _open_multipart(s, b"\r\n--uuid:8f1c\r\n\r\n" * (weight // 20))), LIMIT
    ),
    "boundaries without content": attack(
        multipart(lambda s, weight: b"--uuid:8f1c\r\n" * (weight // 13)),
    ),
    "a part's head without end": attack(
        multipart(lambda s, weight: _open_multipart(s, _part("p", b"", f"X: {'a' * (weight // 2)}\r\n"))), INVALID
    ),
    "head lines without end": attack(
        multipart(lambda s, weight: _open_multipart(s, _part("p", b"", "X: a\r\n" * (weight // 12)))), INVALID
    ),
    "folded lines without end": attack(
        multipart(lambda s, weight: _open_multipart(s, _part("p", b"", "X: a\r\n" + " \r\n" * (weight // 6)))), INVALID
    ),
    "a boundary that is everywhere": attack(
        multipart(lambda s, weight: b"\n--" * (weight // 3), 'multipart/related; boundary="-"')
    ),
    "almost boundaries": attack(
        multipart(lambda s, weight: _open_multipart(s, _part("p", b"\r\n--uuid:8f1" * (weight // 12)))), ATTACHMENT
    ),
    "includes without number": attack(
        multipart(
            lambda s, weight: java(
                s.having("content", INCLUDE.format("p") * min(weight // 90, 4_000)), ("p", b"a" * (weight // 4))
            )
        ),
        ATTACHMENT | INVALID,
    ),
    "one part for many attachments": attack(
        multipart(
            lambda s, weight: java(
                with_attachments(lambda one, _: _content(one, INCLUDE.format("p")) * 20)(s, weight),
                ("p", b"a" * (weight // 4)),
            )
        ),
        ATTACHMENT | INVALID,
    ),
    "a part beyond the limit of the whole": attack(
        multipart(lambda s, weight: java(with_include(s, "p"), ("p", b"a" * (weight - 2_000)))), LIMIT | ATTACHMENT
    ),
    "quoted-printable without end": attack(
        multipart(
            lambda s, weight: _open_multipart(
                s, _part("p", b"=\r\n" * (weight // 6), "Content-Transfer-Encoding: quoted-printable\r\n")
            )
        ),
        ATTACHMENT,
    ),
    "a document type in a part": attack(multipart(lambda s, _: java(_laughs() + s.speaking("&a;"))), INVALID),
    "a multipart in a multipart": attack(multipart(lambda s, _: java(java(s.text).decode())), INVALID),
    # Attachments
    "attachments without number": attack(
        with_attachments(lambda one, room: one * (room // len(one.encode()))), LIMIT | INVALID
    ),
    "a few attachments too many": attack(with_attachments(lambda one, _: one * 21), LIMIT),
    "an attachment beyond its limit": attack(
        with_attachments(lambda one, room: _content(one, "A" * ((room - 1_000) // 4 * 4))), LIMIT | ATTACHMENT | INVALID
    ),
    "an attachment that says it is small": attack(
        with_attachments(lambda one, room: _content(one, "A" * (min(room, 4_000_000) // 8 * 4))), ATTACHMENT
    ),
    "an attachment that says it is huge": attack(
        with_attachments(lambda one, _: re.sub("<ex:size>[^<]*<", "<ex:size>2147483647<", one)),
        LIMIT | INVALID | ATTACHMENT,
    ),
    "an attachment that says it is less than nothing": attack(
        with_attachments(lambda one, _: re.sub("<ex:size>[^<]*<", "<ex:size>-1<", one)), LIMIT | INVALID
    ),
    "blanks in an attachment": attack(
        with_attachments(lambda one, room: _content(one, " \n" * ((room - 1_000) // 2))),
        ATTACHMENT | INVALID | frozenset({"REQUIRED_MISSING"}),
    ),
    "an attachment of a picture that unfolds": attack(
        lambda s, _: s.having("content", base64.b64encode(zeros(50 << 20)).decode()), ATTACHMENT
    ),
    # Lines of HTTP
    "a Content-Type without end": attack(
        lambda s, weight: Request(s.text.encode(), "text/xml; charset" + " charset=" * 20_000 + "utf-8"), INVALID
    ),
    "a boundary without end": attack(
        lambda s, weight: Request(java(s.text), f'multipart/related; boundary="{"a" * 100_000}"'), INVALID
    ),
    "a start without end": attack(
        lambda s, weight: Request(java(s.text), f'{JAVA}; start="{"<" * 100_000}"'), frozenset()
    ),
    "a Content-Encoding without end": attack(
        lambda s, weight: Request(s.text.encode(), XML, {"Content-Encoding": "gzip," * 20_000}), INVALID
    ),
}
