"""Which cases are the same case reported twice (EXC-1)."""

from unicodedata import normalize

from bridge.vocabulary.codes import PhotoKind
from bridge.vocabulary.forms import HandOver
from bridge.vocabulary.profile import Choices

ContentKey = tuple[str, tuple[str, ...]]


def content_key(form: HandOver, choices: Choices) -> ContentKey | None:
    """Return what two hand-overs must have in common to be duplicates; None when this one can have none.

    The description, folded when the city chose so, and the photos as a multiset of content digests, so that their
    order and names mean nothing. Documents are not photos.
    """
    photos = tuple(sorted(a.sha256 for a in form.attachments if a.kind is not PhotoKind.DOCUMENT))
    if not photos and not choices.no_photos_are_same_photos:
        return None
    description = form.description
    if choices.fold_description:
        description = " ".join(normalize("NFC", description).split())
    return description, photos


class ReceivedCases:
    """The cases received in this integration, by content, in the order in which they came."""

    def __init__(self, choices: Choices):
        self._choices = choices
        self._by_content: dict[ContentKey, list[str]] = {}

    def same_as(self, form: HandOver) -> list[str]:
        """Return the cases received before with the same description and the same photos, the oldest first."""
        key = content_key(form, self._choices)
        return [] if key is None else self._by_content.get(key, [])

    def remember(self, form: HandOver) -> None:
        """Note a received case."""
        key = content_key(form, self._choices)
        if key is not None:
            self._by_content.setdefault(key, []).append(form.case_number)
