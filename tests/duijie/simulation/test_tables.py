"""The tables of the simulation: they load, they add up, and a slip in one is told where it is made."""

import pytest

from bridge.vocabulary.parties import Side
from duijie.simulation import tables
from duijie.simulation.tables import TableWrong, city_table, customs, weathers
from simulators.grid.desk import TABLE as GRID_ACTS
from simulators.urban.desk import TABLE as URBAN_ACTS

GOOD = {"hours": "any", "after": [1, 2, 3, 4], "choices": [{"share": 1000, "act": "operator.file"}]}


def test_every_act_of_the_people_is_an_act_of_a_desk():
    acts = {choice.act for custom in customs().values() for choice in custom.choices if choice.act}
    assert acts <= {*GRID_ACTS, *URBAN_ACTS, "bridge.release"}


def test_every_trait_of_the_people_is_a_trait_of_the_city():
    assert {trait for _, trait in customs()} <= {"", *city_table().traits}


def test_categories_that_people_report_are_the_urban_platform_s():
    from simulators.city.categories import categories

    assert all(categories()[key].urban for key in city_table().categories), Side.URBAN


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"choices": [{"share": 999, "act": "operator.file"}]}, "add up"),
        ({"after": [1, 3, 2, 4]}, "four numbers that grow"),
        ({"after": [1, 2, 3]}, "four numbers that grow"),
        ({"hours": "nights"}, "neither office nor any"),
    ],
    ids=["shares", "order", "too few", "hours"],
)
def test_a_slip_in_the_table_of_people_is_told(wrong, said):
    with pytest.raises(TableWrong, match=said):
        tables._custom("to_file", GOOD | wrong)


def test_weathers_come_from_mild_to_bad():
    assert list(weathers()) == ["none", "calm", "city", "storm"]
    assert [sum(each.shares.values()) for each in weathers().values()] == sorted(
        sum(each.shares.values()) for each in weathers().values()
    )


def test_a_city_has_two_faults_in_a_hundred_messages():
    assert sum(weathers()["city"].shares.values()) == pytest.approx(2)
