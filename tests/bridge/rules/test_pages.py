"""The pages that show the tables are made from the tables."""

from pathlib import Path

import pytest

from bridge.rules.delivery import Action, DeliveryState, Happening
from bridge.rules.pages import (
    ACTION_EN,
    HAPPENING_EN,
    MISPLACED_TOLD,
    SAYS_TOLD,
    STAGE_ZH,
    STANDING_TOLD,
    STATE_ZH,
    delivery_page,
    lifecycle_page,
)
from bridge.rules.receipts import Misplaced, ReceiptStanding, Says
from bridge.vocabulary.stages import ExchangeStage

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("name", "page"), [("lifecycle.md", lifecycle_page), ("delivery.md", delivery_page)])
def test_the_page_is_current(name, page):
    assert (DOCS / name).read_text(encoding="utf-8") == page(), "run: python -m bridge.rules.pages docs"


@pytest.mark.parametrize(
    ("words", "meanings"),
    [
        (ExchangeStage, STAGE_ZH),
        (DeliveryState, STATE_ZH),
        (Happening, HAPPENING_EN),
        (Action, ACTION_EN),
        (ReceiptStanding, STANDING_TOLD),
        (Says, SAYS_TOLD),
        (Misplaced, MISPLACED_TOLD),
    ],
    ids=["stages", "states", "happenings", "actions", "standings", "what receipts say", "misplaced"],
)
def test_every_word_of_a_table_has_its_meaning_on_the_page(words, meanings):
    assert set(words) == set(meanings)
