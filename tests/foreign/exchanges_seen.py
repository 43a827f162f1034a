"""How much foreign stacks have done in this run."""

from collections import Counter

#: By what was followed: exchanges with the foreign stack, cases handed over by its client, cases closed behind it.
SEEN: "dict[str, Counter[str]]" = {}

#: How many checks of the foreign system under test came to which verdict.
JUDGED: "Counter[str]" = Counter()
