"""A source of message ids that says the same ids again for the same seed."""

from random import Random
from uuid import UUID

from bridge.vocabulary.parties import Side


class IdSource:
    """Message ids `urn:uuid:…`, lower case, all different; determined by the side and the seed alone."""

    def __init__(self, side: Side, seed: int):
        # The side is part of the seed so that two platforms of one pair never write the same id.
        self._random = Random(f"{side.value}:{seed}")  # noqa: S311 - repeatable on purpose, nothing secret hangs on it

    def message_id(self) -> str:
        """Say the next message id."""
        return f"urn:uuid:{UUID(int=self._random.getrandbits(128), version=4)}"
