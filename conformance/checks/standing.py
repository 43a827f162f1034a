"""What became of known failures in a run: which failures they excuse, and which entries are wrong by now.

covers      a check failed as known; told, and no failure of the build
gone        every check that the entry means was run and none failed; red, because an entry that stays would excuse the next defect
different   a check failed, but said something else than the entry's `message`; red
expired     a check failed after the entry's last day, so it counts again; red
unused      the entry meant no check of this run; red when the whole suite was run
open        nothing can be said: a check of it was left out or came to no end, or another entry covers its failure; told

Only a failure is excused: a mistake in the set-up, an error of the suite and what is inconclusive stay what they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from conformance.checks.check import Check
from conformance.checks.known import KnownFailure
from conformance.checks.result import Result, Text, Verdict


class Standing(StrEnum):
    """How an entry stands after a run; see the head of the file."""

    COVERS = "covers"
    GONE = "gone"
    DIFFERENT = "different"
    EXPIRED = "expired"
    UNUSED = "unused"
    OPEN = "open"


#: What each is called in tables.
STANDINGS = {
    Standing.COVERS: Text("仍然存在", "still there"),
    Standing.GONE: Text("已不再出现", "gone"),
    Standing.DIFFERENT: Text("失败方式不同", "fails differently"),
    Standing.EXPIRED: Text("已到期", "expired"),
    Standing.UNUSED: Text("未用到", "not used"),
    Standing.OPEN: Text("未能确定", "open"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One known failure and how it stands after a run."""

    known: KnownFailure
    standing: Standing
    #: True when the build must not be green because of it.
    is_red: bool
    #: The checks that say so, by id.
    checks: tuple[str, ...] = ()
    text: Text

    @property
    def stands_alone(self) -> bool:
        """True when no red check tells of it already."""
        return self.is_red and self.standing in (Standing.GONE, Standing.UNUSED)


def with_known(result: Result, entries: Iterable[KnownFailure], today: date) -> Result:
    """The result, marked when its failure is known, and with a word when an entry means it and does not excuse it."""
    if result.verdict is not Verdict.FAIL:
        return result
    meant = [entry for entry in entries if entry.means(result.check)]
    current = [entry for entry in meant if entry.counts_on(today)]
    excuse = next((entry for entry in current if _recognises(entry, result)), None)
    if excuse is not None:
        return replace(result, known=excuse)
    notes = [_differently(entry, result) for entry in current]
    notes += [_expired(entry) for entry in meant if entry not in current]
    return replace(result, notes=(*result.notes, *notes))


def standings(
    entries: Iterable[KnownFailure], results: Sequence[Result], planned_for: Sequence[Check], today: date
) -> tuple[Entry, ...]:
    """How the entries of the file stand after a run whose results `with_known` has marked; `planned_for` is the whole suite for the system."""
    whole = len(results) == len(planned_for)
    return tuple(_entry(known, results, planned_for, today, whole=whole) for known in entries)


def _entry(
    known: KnownFailure, results: Sequence[Result], planned_for: Sequence[Check], today: date, *, whole: bool
) -> Entry:
    seen = [result for result in results if known.means(result.check)]
    failed = [result for result in seen if result.verdict is Verdict.FAIL]
    unexcused = [result for result in failed if result.known is None]
    excused = [result for result in failed if result.known == known]

    def entry(standing: Standing, about: Iterable[Result], text: Text, *, is_red: bool = True) -> Entry:
        ids = tuple(result.check.id for result in about)
        return Entry(known=known, standing=standing, is_red=is_red, checks=ids, text=text)

    if not seen:
        zh, en = f"{known.check}:本次没有做它所指的检查", f"{known.check}: none of the checks that it means was run"
        if whole:
            zh, en = f"{zh},请删去此条", f"{en}; remove the entry"
        return entry(Standing.UNUSED, (), Text(zh, en), is_red=whole)
    if unexcused and not known.counts_on(today):
        return entry(Standing.EXPIRED, unexcused, _expired(known))
    if unexcused:
        return entry(Standing.DIFFERENT, unexcused, _differently(known, unexcused[0]))
    if excused:
        text = Text(f"{known.check}:{known.told('zh')}", f"{known.check}: {known.told('en')}")
        return entry(Standing.COVERS, excused, text, is_red=False)
    passed = [result for result in seen if result.verdict is Verdict.PASS]
    settled = all(result.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) for result in seen)
    if passed and settled and len(seen) == sum(known.means(check) for check in planned_for):
        return entry(Standing.GONE, passed, _gone(known))
    zh = f"{known.check}:本次未能确定它是否仍然存在"
    en = f"{known.check}: this run cannot tell whether it is gone"
    return entry(Standing.OPEN, seen, Text(zh, en), is_red=False)


def _recognises(entry: KnownFailure, result: Result) -> bool:
    return entry.recognises(result.reason.zh, result.reason.en)


def _gone(entry: KnownFailure) -> Text:
    return Text(
        f"{entry.check}:已知问题“{entry.reason}”已不再出现,请删去此条",
        f"{entry.check}: the known failure “{entry.reason}” is gone: remove the entry",
    )


def _differently(entry: KnownFailure, result: Result) -> Text:
    return Text(
        f"{entry.check}:失败方式与已知问题“{entry.reason}”不同:应含“{entry.message}”,实为“{result.reason.zh}”",
        f"{entry.check}: fails differently from the known failure “{entry.reason}”: expected “{entry.message}”, received “{result.reason.en}”",
    )


def _expired(entry: KnownFailure) -> Text:
    return Text(
        f"{entry.check}:已知问题“{entry.reason}”已于 {entry.until} 到期,重新计入(负责人 {entry.owner})",
        f"{entry.check}: the known failure “{entry.reason}” has expired on {entry.until} and counts again (owner {entry.owner})",
    )
