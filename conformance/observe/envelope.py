"""Envelopes as they may be shown and kept: as they came, but for what opens doors and for the bytes of photos.

A report is handed from house to house, so nothing that stands in a Security block is kept beside the account's name and the moments, nor
anything anywhere that is called a password, a token, a nonce or a signature; the content of an attachment becomes its size and SHA-256. All
else stays to the letter, with its prefixes and its quotes, because that may be what is wrong with it. Text that is no XML, or that brings a
DOCTYPE, is not kept at all: nobody can say what stands where in it.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from xml.parsers import expat

from lxml import etree

#: Characters of one envelope that are kept.
CHARACTERS_MAX = 64 * 1024
#: Stands in the place of what may not be kept.
HIDDEN = "‹hidden›"

#: What may stay of a Security block: who calls, and when.
_OF_SECURITY = frozenset({"Username", "Created", "Expires"})
_IN_SECURITY = frozenset({"Security", "UsernameToken", "Timestamp"})
_SECRET = re.compile(r"passw|secret|token$|nonce|signature|digest|cipher|credential|apikey|pwd", re.IGNORECASE)
_START_TAG = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")
_ATTRIBUTE = re.compile(rb"([^\s=<>\"'/]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")

#: Gives what is to stand in the place of an element's content, None for what stands there: its path of local names from the root, its
#: content as it came, and whether the content is text alone.
Change = Callable[[tuple[str, ...], str, bool], str | None]


def kept(envelope: bytes) -> str | None:
    """An envelope in UTF-8 as it may be kept; None when it may not be."""
    text = rewritten(envelope.decode("utf-8", "replace"), _as_may_be)
    if text is None or len(text) <= CHARACTERS_MAX:
        return text
    return text[:CHARACTERS_MAX] + "…"


def pretty(envelope: str) -> str:
    """The envelope with each element on a line of its own, to be read and compared; text that is no XML stays as it is."""
    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(envelope.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return envelope
    return etree.tostring(root, pretty_print=True, encoding="unicode").rstrip("\n")


def rewritten(text: str, change: Change) -> str | None:
    """The text with some contents replaced and everything else to the letter; None when it is no XML, or has a DOCTYPE."""
    data = text.encode("utf-8", "replace")
    walk = _Walk(data, change)
    try:
        walk.parser.Parse(data, True)
    except (expat.ExpatError, _NotWanted):
        return None
    pieces, at = [], 0
    for begin, end, instead in sorted(walk.edits):
        pieces += [data[at:begin], instead]
        at = end
    return b"".join([*pieces, data[at:]]).decode("utf-8", "replace")


class _NotWanted(Exception):
    """A DOCTYPE: it could give any word another meaning."""


@dataclass(slots=True)
class _Open:
    """An element whose end has not come yet."""

    name: str
    #: Where its content begins.
    begin: int
    #: How many replacements there were before it.
    edits: int
    has_children: bool = False
    #: True when words stand beside its children.
    has_words: bool = False


@dataclass(slots=True)
class _Walk:
    """One way through a document."""

    data: bytes
    change: Change
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    parser: "expat.XMLParserType" = field(init=False)

    def __post_init__(self) -> None:
        # The name overrides what the document says of itself: it has been decoded already.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words
        self.parser.CommentHandler = lambda _: self._aside(b"-->", b"<!-- " + HIDDEN.encode() + b" -->")
        self.parser.ProcessingInstructionHandler = lambda *_: self._aside(b"?>", b"")

    def _doctype(self, *_: object) -> None:
        raise _NotWanted

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self.stack:
            self.stack[-1].has_children = True
        at = self.parser.CurrentByteIndex
        tag = _START_TAG.match(self.data, at)
        if tag is None:
            raise _NotWanted
        if any(_SECRET.search(_local(each)) for each in attributes):
            for found in _ATTRIBUTE.finditer(self.data, at, tag.end()):
                if _SECRET.search(_local(found[1].decode())):
                    self.edits.append((found.start(3), found.end(3), f'"{HIDDEN}"'.encode()))
        self.stack.append(_Open(_local(name), tag.end(), len(self.edits)))

    def _end(self, _: str) -> None:
        end = self.parser.CurrentByteIndex
        element = self.stack[-1]
        if end >= element.begin:
            content = self.data[element.begin : end].decode()
            path = tuple(each.name for each in self.stack)
            if element.has_words or not element.has_children:
                instead = self.change(path, content, not element.has_children)
                if instead is not None:
                    # What was replaced inside goes with the rest of it.
                    del self.edits[element.edits :]
                    self.edits.append((element.begin, end, instead.encode()))
        self.stack.pop()

    def _words(self, words: str) -> None:
        if self.stack and words.strip():
            self.stack[-1].has_words = True

    def _aside(self, end: bytes, instead: bytes) -> None:
        """Comments and instructions beside the header's blocks are nobody's to read."""
        if any(each.name == "Header" for each in self.stack):
            begin = self.parser.CurrentByteIndex
            self.edits.append((begin, self.data.index(end, begin) + len(end), instead))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _as_may_be(path: tuple[str, ...], content: str, is_text: bool) -> str | None:
    if not content.strip():
        return None
    if "Security" in path:
        inside = path[path.index("Security") : -1]
        return None if is_text and path[-1] in _OF_SECURITY and _IN_SECURITY.issuperset(inside) else HIDDEN
    if any(_SECRET.search(name) for name in path):
        return HIDDEN
    if path[-1] == "content" and "attachments" in path:
        return _shortened(content)
    return None


def _shortened(content: str) -> str:
    """Size and digest of a photo in the place of its bytes."""
    try:
        content_bytes = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return f"‹{len(content)} characters that are no base64›"
    return f"‹{len(content_bytes)} bytes, SHA-256 {sha256(content_bytes).hexdigest()}›"
