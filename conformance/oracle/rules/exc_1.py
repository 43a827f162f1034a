"""EXC-1: a duplicate has the same words and the same photos as a case received before."""

import unicodedata
from collections.abc import Iterator

from bridge.vocabulary.profile import Choices, Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace


@clause(
    "EXC-1",
    zh="描述与照片都与先前案卷相同者为重复案卷,不予立案并告知原案卷号;只有其一相同者不是重复",
    en="a case with the description and the photos of one received before is declined with the original's number; one of the two is no duplicate",
    across_cases=True,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Compares the hand-overs that the urban side accepted with each other, and its filing results with the outcome."""
    if trace.queries() and any(q.cases for q in trace.queries()):
        return  # cases taken by query stand in no form of the trace, so equal ones may be out of sight
    results: dict[str, Sending] = {}
    for sending in trace.sendings():
        if sending.form_type == "filingResult" and sending.sender == "urban":
            results.setdefault(sending.case_number, sending)
    received = sorted(
        (s for s in trace.sendings(injected=True) if s.form_type == "handOver" and s.to == "urban" and s.accepted),
        # Not by the receipts: those of two cases that came one right after the other may change places on their way back.
        key=lambda s: s.arrived_n,
    )
    before: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for hand_over in received:
        key = _content(hand_over, profile.choices)
        group = before.setdefault(key, []) if key else []
        originals = [
            number
            for number in group
            if number != hand_over.case_number
            and (profile.choices.duplicate_scope_includes_declined or not _declined(results.get(number)))
        ]
        result = results.get(hand_over.case_number)
        yield from _check(trace, hand_over, result, originals)
        group.append(hand_over.case_number)


def _check(trace: Trace, hand_over: Sending, result: Sending | None, originals: list[str]) -> Iterator[Finding]:
    duplicate = _declined(result) and result is not None and result.form.get("declineReason") == "duplicate"
    records = (hand_over.n, *((result.n,) if result else ()))
    number = hand_over.case_number
    if (
        duplicate
        and result is not None
        and result.form.get("originalCaseNumber") not in originals
        and _earlier(trace, result)
    ):
        return
    if not originals:
        if duplicate:
            yield Violation(
                f"案卷 {number} 与先前案卷并不相同,却按重复退回",
                f"case {number} equals none before it and was declined as a duplicate",
                records,
                "urban",
            )
        elif result is not None:
            yield Seen(records)
        return
    if result is None:
        if trace.at_rest:
            yield Violation(
                f"重复案卷 {number} 没有被当即告知",
                f"nobody was told at once that case {number} is a duplicate",
                records,
                "urban",
            )
    elif not duplicate:
        yield Violation(
            f"案卷 {number} 与 {originals[0]} 相同,却未按重复退回",
            f"case {number} equals {originals[0]} and was not declined as a duplicate",
            records,
            "urban",
        )
    elif result.form.get("originalCaseNumber") not in originals:
        yield Violation(
            f"重复案卷 {number} 的原案卷号写成了 {result.form.get('originalCaseNumber')}",
            f"the original of case {number} is given as {result.form.get('originalCaseNumber')}",
            records,
            "urban",
        )
    else:
        yield Seen(records)


def _earlier(trace: Trace, result: Sending) -> bool:
    """Tell whether the original that is named was handed over before the recording began, so that nobody can compare."""
    named = str(result.form.get("originalCaseNumber") or "")
    return trace.recording is not None and bool(named) and named not in trace.transferred()


def _declined(result: Sending | None) -> bool:
    return result is not None and result.form.get("outcome") == "declined"


def _content(hand_over: Sending, choices: Choices) -> tuple[str, tuple[str, ...]] | None:
    """What two duplicates have in common; None when the city's choices let this one never be a duplicate."""
    text = str(hand_over.form.get("description") or "")
    if choices.fold_description:
        text = " ".join(unicodedata.normalize("NFC", text).split())
    photos = sorted(
        str(a.get("sha256")) for a in hand_over.form.get("attachments") or [] if a.get("kind") != "document"
    )
    if not photos and not choices.no_photos_are_same_photos:
        return None
    return text, tuple(photos)
