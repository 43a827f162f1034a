"""Same description and same photos make a duplicate; one of the two does not (EXC-1)."""

from dataclasses import replace

import pytest
import sample_forms as sample

from bridge.rules.duplicates import content_key
from bridge.vocabulary.codes import PhotoKind
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.profile import Choices

FIRST, SECOND = sample.photo("first"), sample.photo("second")


def key(choices=None, **changes):
    values = {"description": "路边垃圾堆放", "attachments": (FIRST, SECOND)}
    return content_key(sample.form(FormType.HAND_OVER, **(values | changes)), choices or Choices())


@pytest.mark.parametrize(
    "changes",
    [
        {"attachments": (SECOND, FIRST)},
        {"description": "  路边垃圾堆放\n"},
        {"attachments": (replace(FIRST, name="renamed.png"), SECOND)},
        {"attachments": (FIRST, SECOND, sample.photo("letter", PhotoKind.DOCUMENT))},
        {"case_number": sample.OTHER_CASE, "address": "别处", "reporter_name": "张三"},
    ],
    ids=["other order", "white space at the rim", "renamed photo", "a document beside", "everything else differs"],
)
def test_is_a_duplicate(changes):
    assert key(**changes) == key()


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "路边垃圾堆放。"},
        {"attachments": (FIRST,)},
        {"attachments": (FIRST, SECOND, SECOND)},
        {"attachments": (FIRST, sample.photo("third"))},
        {"attachments": ()},
    ],
    ids=["other words", "a photo less", "a photo twice", "another photo", "no photos"],
)
def test_is_not_a_duplicate(changes):
    assert key(**changes) != key()


def test_composed_and_decomposed_letters_are_the_same_unless_the_city_compares_as_written():
    as_written = Choices(fold_description=False)
    assert key(description="caf\u00e9  路") == key(description="cafe\u0301 路")
    assert key(as_written, description="caf\u00e9") != key(as_written, description="cafe\u0301")


def test_two_cases_without_photos_have_the_same_photos_unless_the_city_says_otherwise():
    assert key(attachments=()) is not None
    assert key(attachments=()) == key(attachments=())
    assert key(Choices(no_photos_are_same_photos=False), attachments=()) is None


def test_a_description_cannot_pass_for_a_photo():
    assert key(description="a", attachments=(FIRST,)) != key(description="a" + FIRST.sha256, attachments=())
