"""The recorded messages held against those of the rerun: which form is missing or new, which field, receipt or attempt differs.

A form is known by its hop, case, type and place among its like. Ids, case numbers and task numbers are other ones in another run: the first pair that meets
is taken for the same, and from then on it has to stay so. Moments may differ by a minute. Names of people are made up, and left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from conformance.oracle.trace import Record, Sending, Trace, moment
from duijie.recording.rerun import Rerun

_APART = timedelta(minutes=1)
#: Fields that hold the name of a made-up person or account.
_NAMES = frozenset(
    {
        "handedOverBy",
        "reporterName",
        "reporterPhone",
        "decidedBy",
        "dispatchedBy",
        "handler",
        "verifier",
        "closedBy",
        "contactName",
    }
)
_NUMBERS = frozenset({"caseNumber", "taskNumber", "originalCaseNumber", "relatedCaseNumber"})
#: What hangs on the place, where a case could not be reported in its own.
_PLACES = frozenset({"cell", "community", "street", "district", "address", "position", "department", "fromDistrict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was recorded."""

    #: form_missing, form_new, field, receipt, attempts or act.
    kind: str
    case_number: str | None
    #: Such as `dispatch #1 urban>bridge`, or the act's name.
    what: str
    #: Number of the record in the journal; of the rerun's for a form that is new.
    n: int
    field: str | None = None
    recorded: Any = None
    replayed: Any = None

    def as_json(self) -> dict[str, Any]:
        """The difference as `--json` writes it."""
        return asdict(self)


def differences(recorded: Trace, again: Rerun) -> Iterator[Difference]:
    """Everything that differs, message by message in the order of the journal."""
    for unlike in again.unlike:
        yield Difference(
            kind="act",
            case_number=unlike.deed.case_number,
            what=unlike.deed.act,
            n=unlike.deed.n,
            recorded=unlike.deed.code or "done",
            replayed=unlike.code or "done",
        )
    pairs = _Pairs(again.numbers)
    olds, news = _by_place(recorded, again.numbers), _by_place(again.trace, {})
    for place, old in olds.items():
        new = news.pop(place, None)
        if new is None:
            yield Difference(kind="form_missing", case_number=old.case_number, what=_name(place), n=old.n)
            continue
        loose = again.inferred, old.case_number in again.elsewhere
        for field, was, now in _fields(old.form, new.form, pairs, *loose):
            yield Difference(
                kind="field",
                case_number=old.case_number,
                what=_name(place),
                n=old.n,
                field=field,
                recorded=was,
                replayed=now,
            )
        yield from _ends(old, new, place)
    for place, new in news.items():
        yield Difference(kind="form_new", case_number=new.case_number, what=_name(place), n=new.n)


_Place = tuple[str, str, str, str, int]


def _by_place(trace: Trace, numbers: Mapping[str, str]) -> dict[_Place, Sending]:
    found: dict[_Place, Sending] = {}
    counts: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for sending in sorted(trace.sendings(), key=lambda each: each.n):
        number = numbers.get(sending.case_number, sending.case_number)
        key = (sending.sender, sending.to, number, sending.form_type)
        counts[key] += 1
        found[(*key, counts[key])] = sending
    return found


def _name(place: _Place) -> str:
    sender, to, _, form_type, nth = place
    return f"{form_type} #{nth} {sender}>{to}"


def _ends(old: Sending, new: Sending, place: _Place) -> Iterator[Difference]:
    for kind, was, now in (
        ("receipt", _receipt(old), _receipt(new)),
        ("attempts", len(old.attempts), len(new.attempts)),
    ):
        if was != now:
            yield Difference(
                kind=kind, case_number=old.case_number, what=_name(place), n=old.n, recorded=was, replayed=now
            )


def _receipt(sending: Sending) -> str | None:
    effective = sending.effective
    return None if effective is None else f"{effective.outcome} {effective.code or ''}".strip()


class _Pairs:
    """Numbers of the journal and of the rerun that stand for the same thing."""

    def __init__(self, known: Mapping[str, str]):
        self._known = dict(known)

    def same(self, was: Any, now: Any) -> bool:
        return self._known.setdefault(str(was), str(now)) == str(now)


def _fields(old: Record, new: Record, pairs: _Pairs, inferred: bool, elsewhere: bool) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if name in _NAMES or (elsewhere and name in _PLACES):
            continue
        if name in _NUMBERS and was is not None and now is not None:
            if not pairs.same(was, now):
                yield name, was, now
        elif name == "attachments":
            was, now = (_attachments(each, inferred) for each in (was, now))
            if was != now:
                yield name, was, now
        elif was != now and not _close(was, now):
            yield name, was, now


def _attachments(given: Any, inferred: bool) -> list[Any]:
    return [each.get("kind") if inferred else [each.get("kind"), each.get("sha256")] for each in given or []]


def _close(was: Any, now: Any) -> bool:
    if not isinstance(was, str) or not isinstance(now, str):
        return False
    first, second = moment(was), moment(now)
    if first is None or second is None or (first.tzinfo is None) != (second.tzinfo is None):
        return False
    return abs(first - second) <= _APART
