"""Photos from a browser: looked at, made small, and rid of all but the picture, before a platform gets them."""

import base64
import io
from collections.abc import Iterable
from typing import Any, Protocol

from PIL import Image, ImageOps, UnidentifiedImageError

from duijie.console.fields import NotAnAnswer

#: Photos with one act.
PHOTOS_MAX = 6
#: Pixels of the longer side; a phone's photo is made as small as this.
SIDE_MAX = 1600
#: More pixels than any camera takes: a small file can unpack to more than there is memory.
PIXELS_MAX = 60_000_000
_QUALITY = 85
_FORMATS = ("JPEG", "PNG")


class Upload(Protocol):
    """A file that came with a form."""

    filename: str | None

    def read(self) -> bytes:
        """Its bytes."""


def taken(uploads: Iterable[Upload]) -> list[dict[str, Any]]:
    """The photos as acts take them. Raises `NotAnAnswer` for what is no photo, or too many of them.

    Each is written anew as a JPEG: what a camera wrote beside the picture, such as the place where its owner lives, and whatever else
    stood in the file, does not go along.
    """
    files = [each for each in uploads if each.filename]
    if len(files) > PHOTOS_MAX:
        raise NotAnAnswer(
            "photos",
            f"一次最多 {PHOTOS_MAX} 张照片,收到 {len(files)} 张",
            f"{PHOTOS_MAX} photos at most, not {len(files)}",
        )
    return [_photo(str(each.filename), each.read()) for each in files]


def _photo(filename: str, data: bytes) -> dict[str, Any]:
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise NotAnAnswer(
                    "photos",
                    f"照片 {name} 有 {image.width}×{image.height} 像素,过大",
                    f"the photo {name} has {image.width}×{image.height} pixels, which is too many",
                )
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((SIDE_MAX, SIDE_MAX))
            out = io.BytesIO()
            upright.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    except NotAnAnswer:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NotAnAnswer(
            "photos", f"{name} 不是可读的 JPEG 或 PNG 照片", f"{name} is no photo in JPEG or PNG that can be read"
        ) from None
    return {"name": name[-100:], "content": base64.b64encode(out.getvalue()).decode("ascii")}
