"""What is not over yet, found without looking through everything that is."""

from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class Remaining(Generic[_Thing]):
    """The values of a growing dictionary that are not over, in the order of their coming; what is over once stays so.

    Each value is looked at until it is over and never again, so that a million closed cases cost nothing.
    """

    def __init__(self, everything: dict[str, _Thing], over: Callable[[_Thing], bool]):
        self._everything = everything
        self._over = over
        self._seen = 0
        self._left: dict[str, _Thing] = {}

    def values(self) -> list[_Thing]:
        """Give those that are left now."""
        new = list(islice(reversed(self._everything.items()), len(self._everything) - self._seen))
        self._seen += len(new)
        self._left.update(reversed(new))
        for key in [key for key, value in self._left.items() if self._over(value)]:
            del self._left[key]
        return list(self._left.values())
