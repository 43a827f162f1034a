"""The codes by which traffic calls the platforms, for judging a city that gave no profile of its own."""

from collections import Counter
from dataclasses import replace

from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Profile
from conformance.oracle.trace import Record


class Codes:
    """Counts what messages call each platform; what most call it, it is called."""

    def __init__(self) -> None:
        self._named: dict[Side, Counter[str]] = {side: Counter() for side in Side}

    def add(self, call: Record) -> None:
        """Count the codes of one call's header."""
        direction = _direction(call)
        if direction is None:
            return
        for side, key in ((direction.sender, "header_sender"), (direction.recipient, "header_recipient")):
            if call.get(key):
                self._named[side][str(call[key])] += 1

    def put_into(self, profile: Profile) -> Profile:
        """The profile with these codes where there are any."""
        grid, urban = (
            self._named[side].most_common(1)[0][0] if self._named[side] else profile.platform(side).code
            for side in (Side.GRID, Side.URBAN)
        )
        return replace(profile, grid=replace(profile.grid, code=grid), urban=replace(profile.urban, code=urban))


def _direction(call: Record) -> Direction | None:
    if call.get("from") == "grid" or call.get("to") == "urban":
        return Direction.TO_URBAN
    if call.get("from") == "urban" or call.get("to") == "grid":
        return Direction.TO_GRID
    return None
