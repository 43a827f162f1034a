"""Small real photos without a camera: the same name gives the same bytes on every machine and Python.

The picture is written by hand as a PNG with stored (uncompressed) blocks, because the bytes of a
compressor may differ from version to version, and cases are compared by the digests of their photos (EXC-1).
"""

from functools import lru_cache
from hashlib import sha256
from struct import pack
from zlib import adler32, crc32

from bridge.vocabulary.codes import PhotoKind
from bridge.vocabulary.forms import Attachment

WIDTH, HEIGHT = 48, 32
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


def _chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", crc32(kind + body))


def _stored(data: bytes) -> bytes:
    """Wrap the data as a zlib stream of one stored block; good for less than 64 KiB."""
    return b"\x78\x01\x01" + pack("<HH", len(data), len(data) ^ 0xFFFF) + data + pack(">I", adler32(data))
