"""The city cut into worlds: every case in one of them, none too large, whatever is left out elsewhere."""

import pytest

from duijie.simulation.tables import city_table
from duijie.simulation.worlds import births, worlds


@pytest.mark.parametrize("cases", [1, 6, 7, 999, 12_345, 100_000])
def test_every_case_lives_in_exactly_one_world(cases: int):
    assert sum(world.cases for world in worlds(cases)) == cases


def test_no_world_is_larger_than_the_table_says():
    assert max(world.cases for world in worlds(100_000)) <= city_table().cases_in_a_world


def test_a_district_has_its_share():
    small = [world for world in worlds(1000) if world.district == "340202"]
    assert sum(world.cases for world in small) == 260


def test_what_is_reported_hangs_on_the_seed_and_the_world_alone():
    world = worlds(1000)[0]
    assert list(births(world, 30, 5)) == list(births(world, 30, 5))
    assert list(births(world, 30, 5)) != list(births(world, 30, 6))


def test_people_report_by_day():
    hours = {birth.at.hour for birth in births(worlds(1000)[0], 30, 5)}
    assert hours <= set(range(7, 21))
