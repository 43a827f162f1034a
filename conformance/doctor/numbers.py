"""Case numbers that a run is going to use: none of them may be on the system's books already."""

import re
from collections.abc import Collection, Iterable
from datetime import date

_NUMBER = re.compile(r"^[0-9]{6}-([0-9]{8})-([0-9]{6})$")


def taken(on_the_books: Iterable[str], serials: Collection[int], since: date) -> tuple[str, ...]:
    """Those of the case numbers on the books that the run would give out too: of its days (`since` and later), with its serials."""
    found = []
    for number in on_the_books:
        parts = _NUMBER.match(number)
        if parts is not None and parts[1] >= since.strftime("%Y%m%d") and int(parts[2]) in serials:
            found.append(number)
    return tuple(sorted(found))
