"""A case as the figures know it, and the casebook: one JSON line a case, the whole life of it.

A casebook is what statistics of any later day can be made from again. Every moment is ISO 8601 with its zone, codes are those of the wire.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bridge.vocabulary.times import SHANGHAI

#: Where a case came into the urban platform.
NATIVE, TRANSFERRED = "native", "transferred"


@dataclass(slots=True)
class Filing:
    """One filing under its task number (INT-8)."""

    task: str
    at: datetime
    by: str
    #: First dispatch, and where to.
    dispatched_at: datetime | None = None
    district: str = ""
    #: Given up as overdue-not-disposed (INT-8).
    given_up_at: datetime | None = None


@dataclass(slots=True)
class Return:
    """A district's return that was granted (URBAN-4)."""

    at: datetime
    district: str
    task: str


@dataclass(slots=True)
class Stretch:
    """One department's stretch of disposal (EXC-5)."""

    district: str
    department: str
    started_at: datetime
    due_at: datetime
    task: str
    #: Begun by a rejection.
    rework: bool = False
    ended_at: datetime | None = None
    #: `disposed`, `transferred`, `false_report` or `given_up`.
    ending: str = ""
    #: Each extension that was granted, and the limit that it gave (URBAN-4).
    extensions: list[tuple[datetime, datetime]] = field(default_factory=list)
    #: The filing was given up after it (INT-8).
    given_up_at: datetime | None = None

    def due_as_of(self, moment: datetime) -> datetime:
        """The limit as it stood then: an extension that was granted later had not moved it."""
        due = self.due_at
        for granted, extended in self.extensions:
            if granted < moment:
                due = extended
        return due


@dataclass(slots=True)
class Verification:
    """What a verification found (INT-5)."""

    at: datetime
    passed: bool
    #: When the disposal that it looked at was reported; None when nobody said.
    asked_at: datetime | None = None


@dataclass(slots=True)
class Case:
    """One case, as far as its record goes."""

    number: str
    origin: str
    received_at: datetime
    source: str = ""
    kind: str = ""
    category: str = ""
    subcategory: str = ""
    grade: str = ""
    #: The case's own district and street.
    district: str = ""
    street: str = ""
    filings: list[Filing] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    disposals: list[Stretch] = field(default_factory=list)
    verifications: list[Verification] = field(default_factory=list)
    rejections: list[datetime] = field(default_factory=list)
    declined_at: datetime | None = None
    declined_by: str = ""
    decline_reason: str = ""
    withdrawn_at: datetime | None = None
    closed_at: datetime | None = None
    #: `normal` or `false_report`.
    closing: str = ""

    @property
    def ended_at(self) -> datetime | None:
        """When nothing more could happen to it."""
        return self.closed_at or self.declined_at or self.withdrawn_at


def to_line(case: Case) -> dict[str, Any]:
    """The case as a line of a casebook; what is empty is left out."""
    line: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name in _PLAIN
        if (value := getattr(case, name))
    }
    for name, row_of in _ROWS.items():
        rows = [row_of(row) for row in getattr(case, name)]
        if rows:
            line[name] = rows
    return line


def from_line(line: dict[str, Any]) -> Case:
    """The case that a line of a casebook tells; KeyError, TypeError or ValueError when it tells none."""
    said = line.get
    case = Case(
        line["number"],
        line["origin"],
        moment(line["received_at"]),
        said("source", ""),
        said("kind", ""),
        said("category", ""),
        said("subcategory", ""),
        said("grade", ""),
        said("district", ""),
        said("street", ""),
        declined_at=_maybe(said("declined_at")),
        declined_by=said("declined_by", ""),
        decline_reason=said("decline_reason", ""),
        withdrawn_at=_maybe(said("withdrawn_at")),
        closed_at=_maybe(said("closed_at")),
        closing=said("closing", ""),
    )
    if case.origin not in (NATIVE, TRANSFERRED):
        raise ValueError(case.origin)
    case.filings = [
        Filing(
            row["task"],
            moment(row["at"]),
            row["by"],
            _maybe(row.get("dispatched_at")),
            row.get("district", ""),
            _maybe(row.get("given_up_at")),
        )
        for row in line.get("filings", ())
    ]
    case.returns = [Return(moment(row["at"]), row["district"], row["task"]) for row in line.get("returns", ())]
    case.disposals = [
        Stretch(
            row["district"],
            row["department"],
            moment(row["started_at"]),
            moment(row["due_at"]),
            row["task"],
            row.get("rework", False),
            _maybe(row.get("ended_at")),
            row.get("ending", ""),
            [(moment(granted), moment(due)) for granted, due in row.get("extensions", ())],
            _maybe(row.get("given_up_at")),
        )
        for row in line.get("disposals", ())
    ]
    case.verifications = [
        Verification(moment(row["at"]), row["passed"], _maybe(row.get("asked_at")))
        for row in line.get("verifications", ())
    ]
    case.rejections = [moment(text) for text in line.get("rejections", ())]
    return case


def moment(text: str) -> datetime:
    """A moment of a file; without a zone it is in Asia/Shanghai."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo is not None else read.replace(tzinfo=SHANGHAI)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def _told(row: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        value = getattr(row, name)
        if isinstance(value, datetime):
            yield name, value.isoformat()
        elif value not in (None, "", [], False) or name == "passed":
            yield name, value


def _stretch_row(row: Stretch) -> dict[str, Any]:
    told = dict(_told(row, (n for n in Stretch.__slots__ if n != "extensions")))
    if row.extensions:
        told["extensions"] = [[granted.isoformat(), due.isoformat()] for granted, due in row.extensions]
    return told


_WORDS = ("source", "kind", "category", "subcategory", "grade", "district", "street", "declined_by", "decline_reason", "closing")  # fmt: skip
_MOMENTS = ("declined_at", "withdrawn_at", "closed_at")
_PLAIN = ("number", "origin", "received_at", *_WORDS, *_MOMENTS)
_ROWS: dict[str, Any] = {
    "filings": lambda row: dict(_told(row, Filing.__slots__)),
    "returns": lambda row: dict(_told(row, Return.__slots__)),
    "disposals": _stretch_row,
    "verifications": lambda row: dict(_told(row, Verification.__slots__)),
    "rejections": datetime.isoformat,
}
