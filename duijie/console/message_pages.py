"""One message as it crossed: its fields, its envelope, and how it differs from another one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from flask import Flask, abort, request
from lxml import etree

from conformance.observe.envelope import pretty
from conformance.oracle.trace import Record
from duijie.console.lane import Book
from duijie.console.pages import Pages

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
#: Other messages that one can be held against.
KIN_MAX = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line of two envelopes side by side; None where one of them has none. `same` is False where they differ."""

    left: str | None
    right: str | None
    same: bool


def beside(left: Sequence[str], right: Sequence[str]) -> Iterator[Line]:
    """Two texts side by side, line by line."""
    for what, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            for one in left[a:b]:
                yield Line(one, one, same=True)
            continue
        for number in range(max(b - a, d - c)):
            yield Line(
                left[a + number] if a + number < b else None,
                right[c + number] if c + number < d else None,
                same=False,
            )


def meant(envelope: str) -> list[str]:
    """An envelope line by line as it is meant: elements by their own names, whatever prefixes the sender chose, attributes in order.

    Text that is no XML stays as it is.
    """
    try:
        root = etree.fromstring(envelope.encode(), _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return envelope.splitlines()
    return list(_told(root, 0))


def _told(element: etree._Element, depth: int) -> Iterator[str]:
    name = etree.QName(element).localname
    attributes = sorted((str(key), str(value)) for key, value in element.attrib.items())
    told = "".join(f' {etree.QName(key).localname}="{value}"' for key, value in attributes)
    margin, text = "  " * depth, (element.text or "").strip()
    children = list(element.iterchildren(etree.Element))
    if not children:
        yield f"{margin}<{name}{told}>{text}</{name}>"
        return
    yield f"{margin}<{name}{told}>{text}"
    for child in children:
        yield from _told(child, depth + 1)
    yield f"{margin}</{name}>"


def message_pages(app: Flask, at: Pages, book: Book) -> None:
    """The page of a message."""

    @app.get("/message/<int:number>")
    def message(number: int) -> Any:
        records = at.shown.records()
        call = records[number - 1] if 0 < number <= len(records) else None
        if call is None or call["type"] != "call":
            abort(404)
        book.follow(records)
        answer = book.answer(call)
        kin = [each for each in _kin(book, call) if each is not call][-KIN_MAX:]
        wanted = request.args.get("with", type=int)
        other = next((each for each in kin if each["n"] == wanted), None)
        raw = "raw" in request.args
        to_lines = _lines if raw else _meant
        return at.page(
            "message.html",
            call=call,
            answer=answer,
            what=at.said(),
            envelope=_lines(at, call),
            answered=_lines(at, answer) if answer is not None else [],
            kin=kin,
            other=other,
            raw=raw,
            lines=list(beside(to_lines(at, call), to_lines(at, other))) if other is not None else [],
        )


def _lines(at: Pages, record: Record) -> list[str]:
    text = at.shown.envelope(record["n"])
    return [] if text is None else pretty(text).splitlines()


def _meant(at: Pages, record: Record) -> list[str]:
    text = at.shown.envelope(record["n"])
    return [] if text is None else meant(text)


def _kin(book: Book, call: Mapping[str, Any]) -> list[Record]:
    """The sendings that say the same thing on another hop or once more, and others of this kind for the case."""
    about = ("operation", "form_type")
    return [
        each
        for each in book.calls(str(call.get("case_number")))
        if all(each.get(name) == call.get(name) for name in about)
    ]
