"""Who takes part: the two platforms, the bridge between them, and the two directions of a form."""

from enum import StrEnum


class Side(StrEnum):
    """One of the two platforms (clauses, «Words»)."""

    #: 网格平台 (社管平台): grid workers report and verify (GRID-1 … GRID-6).
    GRID = "grid"
    #: 数字城管平台: seven stages from collector report to closing (URBAN-1 … URBAN-4).
    URBAN = "urban"

    @property
    def other(self) -> "Side":
        """The platform at the far end."""
        return Side.URBAN if self is Side.GRID else Side.GRID

    @property
    def party(self) -> "Party":
        """The platform as an end of a link."""
        return Party.GRID if self is Side.GRID else Party.URBAN


class Party(StrEnum):
    """An end of a link: either platform, or the bridge between them."""

    GRID = "grid"
    URBAN = "urban"
    BRIDGE = "bridge"


class Direction(StrEnum):
    """Which way a form travels; receipts travel the other way (XCHG-1)."""

    #: 网格平台 → 城管平台.
    TO_URBAN = "to_urban"
    #: 城管平台 → 网格平台.
    TO_GRID = "to_grid"

    @property
    def sender(self) -> Side:
        """The platform that wrote the form."""
        return Side.GRID if self is Direction.TO_URBAN else Side.URBAN

    @property
    def recipient(self) -> Side:
        """The platform that the form is for."""
        return self.sender.other

    @property
    def reverse(self) -> "Direction":
        """The direction that the receipts of these forms take."""
        return Direction.TO_GRID if self is Direction.TO_URBAN else Direction.TO_URBAN

    @classmethod
    def from_sender(cls, side: Side) -> "Direction":
        """The direction of forms that `side` writes."""
        return cls.TO_URBAN if side is Side.GRID else cls.TO_GRID
