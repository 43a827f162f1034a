"""The page on the finder says what was measured, and nothing survives on it without a reason."""

from pathlib import Path

from machines import MACHINES
from page import page

PAGE = Path(__file__).parents[2] / "docs" / "finder.md"

FOUND = {"machine": "delivery", "clause": "RCPT-1", "fact": "a form's sender is given its one receipt"}
NOT_FOUND = {"machine": "", "clause": "", "fact": ""}
MET = [
    {"member": "bridge-forgets-receipts", "breaks": "RCPT-1", **FOUND},
    {"member": "grid-lets-cells-overlap", "breaks": "GRID-1", **NOT_FOUND},
]
FATES = [
    {"module": "bridge.rules.retries", "within": "gap_after", "told": "one more: `1` → `2`", **FOUND},
    {"module": "bridge.core.notices", "within": "door_lock", "told": "another member", **NOT_FOUND},
]


def test_the_page_counts_what_was_found_and_explains_what_was_not():
    made = page(MET, FATES)
    assert "1 of 2 are found, 1 of the 1 bridges" in made
    assert "| `bridge.rules.retries` | 1 | 1 |" in made
    assert "only words for people change" in made
    assert "not explained" not in made


def test_a_survivor_without_a_reason_stands_out():
    assert "not explained" in page(MET, [{**FATES[0], **NOT_FOUND}])


def test_the_page_in_the_documents_is_complete():
    told = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{machine.name}` |" in told for machine in MACHINES)
    assert "not explained" not in told
