"""Ids, quirks and repairs: repeatable, and within the rules."""

import re
from datetime import datetime, timedelta

import pytest

from bridge.vocabulary.codes import FilingOutcome
from bridge.vocabulary.forms import FilingResult, Rejection
from bridge.vocabulary.parties import Side
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.ids import IdSource
from simulators.exchange.quirks import RECEIPT_DELAY_SECONDS_MAX, Quirks
from simulators.exchange.repairs import RepairMistake, corrected

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)


def test_message_ids_have_the_contracts_form_and_repeat_with_the_seed() -> None:
    source, again = IdSource(Side.GRID, 7), IdSource(Side.GRID, 7)
    ids = [source.message_id() for _ in range(100)]
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", i) for i in ids)
    assert len(set(ids)) == 100
    assert ids == [again.message_id() for _ in range(100)]


def test_the_two_sides_and_other_seeds_write_other_ids() -> None:
    firsts = {IdSource(side, seed).message_id() for side in Side for seed in range(5)}
    assert len(firsts) == 10


def test_a_calm_platform_has_no_quirks() -> None:
    calm = Quirks(seed=5, calm=True)
    assert calm.receipt_delay("m", "c") == timedelta(0)
    assert calm.page_size(50, "m") == 50
    assert calm.keeps_optional("note", "m")
    assert calm.prefix("urn:x", "m") is None


def test_quirks_vary_within_the_rules_and_repeat_with_the_seed() -> None:
    quirks, again = Quirks(seed=5, calm=False), Quirks(seed=5, calm=False)
    delays = [quirks.receipt_delay(f"m{n}", f"c{n}") for n in range(200)]
    assert all(timedelta(0) <= d <= timedelta(seconds=RECEIPT_DELAY_SECONDS_MAX) for d in delays)
    assert len(set(delays)) > 10
    assert delays == [again.receipt_delay(f"m{n}", f"c{n}") for n in range(200)]
    sizes = {quirks.page_size(10, str(n)) for n in range(200)}
    assert sizes == set(range(1, 11))
    assert {quirks.keeps_optional("note", str(n)) for n in range(50)} == {True, False}
    assert len({quirks.prefix("urn:x", str(n)) for n in range(50)}) > 1


REJECTION = {
    "case_number": "340202-20260302-000001",
    "task_number": "T20260302-000001",
    "ordinal": 9,
    "reason": "未处理到位",
    "rejected_at": NOW,
}


def test_a_person_corrects_fields_with_values_as_json_gives_them() -> None:
    form = Rejection(cause="not_passed", **REJECTION)  # type: ignore[arg-type]
    repaired = corrected(
        form, {"ordinal": 1, "cause": "reporter_dissatisfied", "rejected_at": "2026-03-02T10:00:00", "reason": "改"}
    )
    assert isinstance(repaired, Rejection)
    assert (repaired.ordinal, repaired.cause.value, repaired.reason) == (1, "reporter_dissatisfied", "改")
    assert repaired.rejected_at == NOW + timedelta(hours=1)
    assert form.ordinal == 9


def test_an_optional_field_can_be_emptied() -> None:
    form = FilingResult(
        case_number="340202-20260302-000001",
        outcome=FilingOutcome.FILED,
        decided_at=NOW,
        decided_by="x",
        filing_ordinal=1,
        task_number="T20260302-000001",
        reason="多余",
    )
    repaired = corrected(form, {"reason": None})
    assert isinstance(repaired, FilingResult)
    assert repaired.reason is None


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"case_number": "x"},
        {"ordinal": "1"},
        {"ordinal": True},
        {"cause": "bored"},
        {"rejected_at": "yesterday"},
        {"reason": None},
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_with_the_field(changes: dict[str, object]) -> None:
    form = Rejection(cause="not_passed", **REJECTION)  # type: ignore[arg-type]
    with pytest.raises(RepairMistake) as caught:
        corrected(form, changes)
    assert caught.value.field in changes
