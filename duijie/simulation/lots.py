"""Everything that is left to chance, drawn from the seed and from what is asked, never from the order of asking.

A case that is left out, or a message more, so changes nothing for the others; and nothing hangs on how a version of Python
turns numbers into other numbers: the lots are pieces of a SHA-256 digest, and only whole numbers are reckoned with.
"""

from collections.abc import Sequence
from hashlib import sha256


def derived_seed(*of: int | str) -> int:
    """A seed of its own for each thing that is named; 48 bits, so that every reader of JSON and YAML can hold it."""
    return int.from_bytes(_digest(*of)[:6])


def lots(seed: int, *question: int | str) -> tuple[int, int, int, int]:
    """Four numbers below 2**64 for one question."""
    digest = _digest(seed, *question)
    return (
        int.from_bytes(digest[:8]),
        int.from_bytes(digest[8:16]),
        int.from_bytes(digest[16:24]),
        int.from_bytes(digest[24:]),
    )


def _digest(*of: int | str) -> bytes:
    return sha256("/".join(map(str, of)).encode()).digest()


def below(lot: int, end: int) -> int:
    """A number from 0 up to `end`, itself left out."""
    return lot * end >> 64


def weighted(lot: int, weights: Sequence[int]) -> int:
    """The place of one of the weights, the heavier the likelier."""
    left = below(lot, sum(weights))
    for place, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return place
    raise ValueError("no weight is above zero")


#: Shares of all, in a thousand, that lie below each of the four numbers of an `after`.
_SHARES = (0, 500, 900, 1000)


def between(lot: int, quantiles: Sequence[int]) -> int:
    """A number along four: the least, the one that half of all lie below, nine in ten, and the greatest."""
    thousandth, rest = divmod(lot * 1000, 1 << 64)
    for place in range(1, len(_SHARES)):
        low, high = _SHARES[place - 1], _SHARES[place]
        if thousandth < high:
            start, end = quantiles[place - 1], quantiles[place]
            return start + (end - start) * ((thousandth - low << 64) + rest) // (high - low << 64)
    return quantiles[-1]
