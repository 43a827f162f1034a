"""Small real photos without a camera: the same name gives the same bytes on every machine and Python.

The picture is written by hand as a PNG with stored (uncompressed) blocks, because the bytes of a
compressor may differ from version to version, and cases are compared by the digests of their photos (EXC-1).
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache
from hashlib import sha256
from struct import pack
from typing import Any
from zlib import adler32, crc32

from bridge.vocabulary.codes import PhotoKind
from bridge.vocabulary.forms import Attachment

WIDTH, HEIGHT = 48, 32
#: The most bytes of one photo that somebody has taken; the contract's own bound stands in the profile.
TAKEN_BYTES_MAX = 8 * 1024 * 1024
#: How a file of each kind of picture begins, and how its name ends.
_KINDS = ((b"\xff\xd8\xff", "image/jpeg", ".jpg"), (b"\x89PNG\r\n\x1a\n", "image/png", ".png"))
#: Longest short name; `.png` follows on the wire, where a name has at most 120 characters.
NAME_LENGTH_MAX = 100


@lru_cache(maxsize=4096)
def photo(name: str) -> bytes:
    """Draw the photo of this name: a sky, a street, and some things that stand on it."""
    draw = sha256(name.encode()).digest()
    pixels = bytearray()
    horizon = 8 + draw[0] % 8
    for row in range(HEIGHT):
        pixels.append(0)  # PNG filter «none» at the head of each line
        pixels.extend([0 if row < horizon else 1] * WIDTH)
    for thing in range(4):
        left, top, size, colour = (draw[4 * thing + offset] for offset in range(1, 5))
        left, top, size = left % (WIDTH - 9), horizon + top % (HEIGHT - horizon - 6), 3 + size % 6
        for row in range(top, min(top + size, HEIGHT)):
            start = row * (WIDTH + 1) + 1 + left
            pixels[start : start + size] = bytes([2 + colour % 4]) * size
    palette = bytearray()
    for colour in range(6):
        palette.extend(draw[17 + 2 * colour : 20 + 2 * colour])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body)
        for kind, body in (
            (b"IHDR", pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)),
            (b"PLTE", bytes(palette)),
            (b"IDAT", _stored(bytes(pixels))),
            (b"IEND", b""),
        )
    )


@lru_cache(maxsize=4096)
def attachment(name: str, kind: PhotoKind) -> Attachment:
    """Make the photo of this name an attachment, its content inline."""
    content = photo(name)
    return Attachment(
        name=f"{name}.png",
        media_type="image/png",
        size=len(content),
        sha256=sha256(content).hexdigest(),
        kind=kind,
        content=content,
    )


def taken(name: str, content: bytes, kind: PhotoKind) -> Attachment | None:
    """Make a photo that somebody has taken an attachment; None when its bytes are neither a JPEG nor a PNG.

    The name gets the ending of what the bytes are, whatever it was called before.
    """
    for begins, media_type, ending in _KINDS:
        if content.startswith(begins):
            stem = name.rsplit(".", 1)[0] if name.lower().endswith((".jpg", ".jpeg", ".png")) else name
            return Attachment(
                name=f"{stem or name}{ending}",
                media_type=media_type,
                size=len(content),
                sha256=sha256(content).hexdigest(),
                kind=kind,
                content=content,
            )
    return None


def attachments_in(books: Any) -> Iterator[Attachment]:
    """Every photo and document that stands anywhere in a case's books."""
    if isinstance(books, Attachment):
        yield books
    elif isinstance(books, list | tuple):
        for each in books:
            yield from attachments_in(each)
    elif is_dataclass(books):
        for item in fields(books):
            yield from attachments_in(getattr(books, item.name))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", crc32(kind + body))


def _stored(data: bytes) -> bytes:
    """Wrap the data as a zlib stream of one stored block; good for less than 64 KiB."""
    return b"\x78\x01\x01" + pack("<HH", len(data), len(data) ^ 0xFFFF) + data + pack(">I", adler32(data))
