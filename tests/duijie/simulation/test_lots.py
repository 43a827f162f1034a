"""Everything that is drawn: from the seed and the question alone, in whole numbers."""

import pytest

from duijie.simulation.lots import below, between, derived_seed, lots, weighted

LAST = (1 << 64) - 1


def test_the_same_question_has_the_same_lots_on_every_machine():
    assert lots(7, "report", 3) == (
        3834860903311426405,
        8238639706747180814,
        12988651588000952491,
        9129451074007044558,
    )


def test_another_question_has_other_lots():
    assert lots(7, "report", 3) != lots(7, "report", 4)


def test_a_derived_seed_fits_into_the_numbers_of_every_json_reader():
    assert 0 <= derived_seed(1, "340202", 0) < 2**53


@pytest.mark.parametrize(("lot", "drawn"), [(0, 0), (1 << 63, 5), (LAST, 9)])
def test_a_number_below_ten_is_never_ten(lot: int, drawn: int):
    assert below(lot, 10) == drawn


def test_a_weight_of_nothing_is_never_drawn():
    assert {weighted(below(LAST, step + 1), (0, 3, 0, 1)) for step in range(100)} <= {1, 3}


def test_weights_are_drawn_by_their_share():
    drawn = [weighted(lots(1, "weight", number)[0], (1, 3)) for number in range(4000)]
    assert 900 < drawn.count(0) < 1100


@pytest.mark.parametrize(
    ("lot", "number"),
    [(0, 10), (1 << 63, 20), (LAST, 99)],
    ids=["the least", "half of them lie below the second", "the most is never passed"],
)
def test_a_number_along_four(lot: int, number: int):
    assert between(lot, (10, 20, 60, 100)) == number


def test_nine_in_ten_lie_below_the_third():
    drawn = [between(lots(2, "wait", number)[0], (10, 20, 60, 100)) for number in range(4000)]
    assert 3500 < sum(each < 60 for each in drawn) < 3700
