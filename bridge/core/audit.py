"""What people did at the bridge: who, when, what, why, and what changed. Append-only, each line sealed onto the one before.

The seal is a SHA-256 over the line and the seal of the line before it. Whoever alters, inserts or takes out a line breaks every seal
from there on, and `first_broken` finds the place. It does not keep a person who may write to the store from sealing the whole book
anew, or from cutting off its end: whoever wants that shown notes the last seal elsewhere, such as in the shift's log.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from bridge.vocabulary.times import in_shanghai

#: What the first line is sealed onto.
BEGINNING = ""

#: The outcome of an act that was carried out; any other outcome is the code of the refusal.
DONE = "done"


class AuditEntry(NamedTuple):
    """One act of a person, granted or refused."""

    at: datetime
    #: Who; as given, for the bridge keeps no accounts of people.
    operator: str
    #: `park`, `release`, `resend`, `abandon`, or whatever was tried.
    act: str
    case_number: str | None
    message_id: str | None
    reason: str
    #: `done`, or the code of the refusal.
    outcome: str
    #: The form's state before and after; None when no form was found.
    before: str | None = None
    after: str | None = None


class SealedEntry(NamedTuple):
    """A line of the book with its place, from 1, and its seal."""

    position: int
    entry: AuditEntry
    seal: str


def seal(before: str, entry: AuditEntry) -> str:
    """The seal of a line that stands behind the line with the seal `before`."""
    said = [before, in_shanghai(entry.at).isoformat(), *entry[1:]]
    return sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def first_broken(entries: Iterable[SealedEntry]) -> int | None:
    """The position of the first line whose seal does not fit it and the line before; None when the whole book is intact.

    `entries` is the whole book, in order.
    """
    before = BEGINNING
    for each in entries:
        if each.seal != seal(before, each.entry):
            return each.position
        before = each.seal
    return None
