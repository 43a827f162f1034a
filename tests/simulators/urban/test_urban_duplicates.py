"""EXC-1: the same description and the same photos as a case received before."""

import pytest
from urban_world import World, profile

from bridge.vocabulary.codes import DeclineReason, ErrorCode, FilingOutcome, PhotoKind
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.profile import Choices
from simulators.city.photos import attachment

TEXT = "路边 垃圾堆放"


@pytest.mark.parametrize(
    ("first", "second", "duplicate"),
    [
        ((TEXT, ("a", "b")), (TEXT, ("a", "b")), True),
        ((TEXT, ("a", "b")), (TEXT, ("b", "a")), True),
        ((TEXT, ("a", "b")), ("别处垃圾", ("a", "b")), False),
        ((TEXT, ("a", "b")), (TEXT, ("a", "c")), False),
        ((TEXT, ("a", "b")), (TEXT, ("a",)), False),
        ((TEXT, ("a", "a")), (TEXT, ("a",)), False),
        ((TEXT, ("a",)), (TEXT, ()), False),
        ((TEXT, ()), (TEXT, ()), True),
        ((TEXT, ()), ("别处垃圾", ()), False),
        ((TEXT, ("a",)), ("  路边\u3000垃圾堆放\n", ("a",)), True),
        (("e\u0301cole", ("a",)), ("\u00e9cole", ("a",)), True),
        ((TEXT, ("a",)), ("路边垃圾堆放", ("a",)), False),
    ],
    ids=[
        "both the same",
        "photos in another order",
        "same photos, other description",
        "same description, other photo",
        "same description, one photo less",
        "the same photo twice is not once",
        "photos on one side only",
        "no photos on both sides",
        "no photos, other description",
        "other white space",
        "other Unicode composition",
        "a blank gone is another text",
    ],
)
def test_only_the_same_description_with_the_same_photos_is_a_duplicate(
    first: tuple[str, tuple[str, ...]], second: tuple[str, tuple[str, ...]], duplicate: bool
) -> None:
    world = World()
    original = world.hand_over(description=first[0], photos=first[1])
    other = world.hand_over(description=second[0], photos=second[1])
    seen = world.case(other)
    assert seen["status"] == ("declined" if duplicate else "received")
    assert seen["original_case_number"] == (original if duplicate else None)


def test_a_duplicate_is_declined_at_once_with_the_number_of_the_original() -> None:
    world = World()
    original = world.hand_over(description=TEXT)
    world.to_filed(original)
    other = world.hand_over(description=TEXT)

    result = world.last(FormType.FILING_RESULT)
    assert (result.case_number, result.outcome, result.decline_reason) == (
        other,
        FilingOutcome.DECLINED,
        DeclineReason.DUPLICATE,
    )
    assert (result.original_case_number, result.task_number, result.filing_ordinal) == (original, None, 1)
    assert original in result.reason
    assert world.case(original)["status"] == "open"


def test_the_contact_of_the_grid_side_is_told_at_once_and_when_the_news_has_arrived() -> None:
    """EXC-1, CONT-2."""
    world = World()
    original = world.hand_over(description=TEXT)
    other = world.hand_over(description=TEXT)
    notices = [n for n in world.ask("notices") if n["kind"] == "duplicate"]
    assert [(n["phase"], n["duty"], n["case_number"], n["related_case_number"]) for n in notices] == [
        ("started", "grid_side", other, original),
        ("over", "grid_side", other, original),
    ]


def test_the_original_is_the_first_of_all_and_a_declined_duplicate_counts_too() -> None:
    world = World()
    original = world.hand_over(description=TEXT)
    world.hand_over(description=TEXT)
    third = world.hand_over(description=TEXT)
    assert world.case(third)["original_case_number"] == original


def test_a_case_like_one_that_was_declined_is_a_duplicate() -> None:
    world = World()
    declined = world.hand_over(description=TEXT)
    world.act("operator.decline", declined, reason_code="unclear", reason="位置不清")
    assert world.case(world.hand_over(description=TEXT))["original_case_number"] == declined


def test_a_city_may_leave_declined_cases_out() -> None:
    world = World(profile(choices=Choices(duplicate_scope_includes_declined=False)))
    declined = world.hand_over(description=TEXT)
    world.act("operator.decline", declined, reason_code="unclear", reason="位置不清")
    again = world.hand_over(description=TEXT)
    assert world.case(again)["status"] == "received"
    assert world.case(world.hand_over(description=TEXT))["original_case_number"] == again


def test_a_city_may_say_that_no_photos_are_not_the_same_photos() -> None:
    world = World(profile(choices=Choices(no_photos_are_same_photos=False)))
    world.hand_over(description=TEXT, photos=())
    assert world.case(world.hand_over(description=TEXT, photos=()))["status"] == "received"


def test_a_city_may_compare_descriptions_to_the_letter() -> None:
    world = World(profile(choices=Choices(fold_description=False)))
    world.hand_over(description=TEXT)
    assert world.case(world.hand_over(description=TEXT + " "))["status"] == "received"


def test_documents_are_not_photos() -> None:
    world = World()
    world.hand_over(description=TEXT, attachments=(attachment("a", PhotoKind.REPORT),))
    with_sheet = (attachment("a", PhotoKind.REPORT), attachment("sheet", PhotoKind.DOCUMENT))
    assert world.case(world.hand_over(description=TEXT, attachments=with_sheet))["status"] == "declined"


def test_a_case_like_a_withdrawn_one_is_a_duplicate() -> None:
    world = World()
    withdrawn = world.hand_over(description=TEXT)
    world.withdraw(withdrawn)
    assert world.case(world.hand_over(description=TEXT))["original_case_number"] == withdrawn


def test_a_case_whose_first_sending_failed_is_no_duplicate_of_itself() -> None:
    """A refused hand-over was never received; corrected, it is taken."""
    world = World()
    form = world.form_of_case(description=TEXT, category="77")
    receipt = world.send(form)
    assert receipt is not None
    assert isinstance(receipt.fault, Fault)
    assert receipt.fault.code is ErrorCode.CODE_UNKNOWN
    world.hand_over(form.case_number, description=TEXT)
    assert world.case(form.case_number)["status"] == "received"


def test_native_cases_are_no_part_of_the_comparison() -> None:
    world = World()
    world.native(description=TEXT, photos=["roadside"])
    assert world.case(world.hand_over(description=TEXT))["status"] == "received"


def test_nobody_declines_as_a_duplicate_by_hand() -> None:
    world = World()
    case = world.hand_over()
    assert world.refusal("operator.decline", case, reason_code="duplicate", reason="重复") == "bad_value"
