"""What became of the inputs of this process."""

from collections import Counter

TALLY: Counter[str] = Counter()
