"""When two cases are the same matter reported twice: equal description and equal photos (EXC-1).

One of the two equal is not a duplicate. A repeated *sending* (same message id) is not a duplicate either; that is
decided by message id and fingerprint in the engine (RCPT-6).
"""

import hashlib
import unicodedata

from bridge.vocabulary.codes import PhotoKind
from bridge.vocabulary.forms import HandOver
from bridge.vocabulary.profile import Choices


def folded(description: str, choices: Choices) -> str:
    """The description as it is compared: NFC, white space at the rim gone and inside as single blanks."""
    if not choices.fold_description:
        return description
    return " ".join(unicodedata.normalize("NFC", description).split())


def photo_digests(form: HandOver) -> tuple[str, ...]:
    """The photos as a multiset: digests in sorted order. Documents are not photos."""
    return tuple(sorted(each.sha256 for each in form.attachments if each.kind is not PhotoKind.DOCUMENT))


def content_key(form: HandOver, choices: Choices) -> str | None:
    """Equal for two hand-overs exactly when EXC-1 calls their content the same; None when this one equals no other."""
    photos = photo_digests(form)
    if not photos and not choices.no_photos_are_same_photos:
        return None
    digest = hashlib.sha256(folded(form.description, choices).encode("utf-8", "surrogatepass"))
    for photo in photos:
        # A NUL cannot stand in a description that came through XML, so it parts the fields for certain.
        digest.update(b"\0")
        digest.update(photo.encode())
    return digest.hexdigest()
