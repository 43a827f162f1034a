"""The made-up town: its cells, its people, its seats."""

import re
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bridge.vocabulary.codes import CaseKind, ContactDuty, PhotoKind
from bridge.vocabulary.parties import Side
from simulators.city.categories import categories, category
from simulators.city.photos import attachment, photo
from simulators.city.places import DISTRICTS
from simulators.city.seats import Level
from simulators.city.town import Town

seeds = st.integers(min_value=0, max_value=2**32)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_cells_leave_no_gap_and_never_overlap_GRID_1(seed):
    town = Town.build(seed)
    cells = town.places.cells
    assert sum(cell.area.area for cell in cells) == town.places.area.area
    assert not any(a.area.overlaps(b.area) for n, a in enumerate(cells) for b in cells[n + 1 :])
    assert all(cell.area.area > 0 for cell in cells)


@settings(max_examples=20, deadline=None)
@given(seeds, st.data())
def test_every_point_of_the_town_lies_in_exactly_one_cell_GRID_1(seed, data):
    town = Town.build(seed)
    area = town.places.area
    x = data.draw(st.integers(area.left, area.right - 1))
    y = data.draw(st.integers(area.bottom, area.top - 1))
    assert [town.cell_at(x, y)] == [cell for cell in town.places.cells if cell.area.contains(x, y)]


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_a_cell_has_a_unique_code_one_worker_and_about_300_households_GRID_1(seed):
    town = Town.build(seed)
    workers = [a for a in town.accounts.values() if a.role == "worker"]
    assert len(town.cells) == len(town.places.cells)
    assert sorted(a.territory for a in workers) == sorted(town.cells)
    for cell in town.places.cells:
        assert re.fullmatch(r"[0-9]{15}", cell.code)
        assert cell.district in dict(DISTRICTS)
        assert cell.street in town.streets
        assert cell.community in town.communities
        assert 250 <= cell.households <= 350
        assert town.accounts[cell.worker].territory == cell.code
        assert town.cell_at(*cell.centre) is cell


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_people_live_in_households_and_households_in_buildings_of_the_same_cell_GRID_2(seed):
    town = Town.build(seed)
    component_codes = []
    for cell in town.cells:
        life = town.life(cell)
        buildings = {b.id for b in life.buildings}
        households = {h.id for h in life.households}
        assert {h.building for h in life.households} <= buildings
        assert {p.household for p in life.people} == households
        assert all(thing.cell == cell for group in (life.buildings, life.households, life.people) for thing in group)
        assert life.organisations
        for component in life.components:
            assert town.cells[cell].area.contains(component.x, component.y)
            assert category(CaseKind.COMPONENT, component.category, component.subcategory) is not None
            assert component.code[6:10] == component.category + component.subcategory
        component_codes.extend(c.code for c in life.components)
    assert all(re.fullmatch(r"[0-9]{16}", code) for code in component_codes)
    assert len(set(component_codes)) == len(component_codes)


def test_the_same_seed_builds_the_same_town_whatever_is_looked_at_first():
    one, other = Town.build(7), Town.build(7)
    last = one.places.cells[-1].code
    one.life(one.first_cell.code)
    assert one.life(last) == other.life(last)
    assert one.places == other.places
    assert one.accounts == other.accounts
    assert one.contacts == other.contacts


def test_another_seed_builds_another_town():
    assert Town.build(7).accounts != Town.build(8).accounts


@pytest.mark.parametrize(("size", "cells"), [("small", 56), ("medium", 700), ("city", 3584)])
def test_a_town_has_a_size(size, cells):
    assert len(Town.build(1, size).cells) == cells


def test_an_unknown_size_is_refused_with_the_sizes_there_are():
    with pytest.raises(ValueError, match="small, medium, city"):
        Town.build(1, "huge")


def test_a_city_appearance_department_sits_in_every_district_on_both_sides_GRID_6():
    town = Town.build(1)
    for district in town.districts:
        department = town.departments[f"CA-{district}"]
        assert department.city_appearance
        assert department.platforms == frozenset(Side)
        assert town.accounts[f"virtual-{district}"].department == department.code


def test_some_departments_are_only_on_the_grid_side():
    town = Town.build(1)
    assert town.departments["CV-340202"].platforms == frozenset({Side.GRID})
    assert not town.departments["CV-340202"].city_appearance


def test_grid_roles_sit_at_four_levels_and_workers_in_their_cells_GRID_4():
    town = Town.build(1)
    seats = {(a.role, a.level) for a in town.accounts.values() if a.platform is Side.GRID and a.role != "virtual"}
    assert seats == {(role, level) for role in ("dispatcher", "handler") for level in Level} | {
        ("worker", Level.COMMUNITY)
    }
    assert len(seats) == 9


@pytest.mark.parametrize("level", list(Level))
def test_every_cell_has_a_seat_of_each_class_at_each_level_GRID_4(level):
    town = Town.build(1)
    for cell in town.cells:
        for role in ("dispatcher", "handler"):
            seat = town.seat(Side.GRID, role, level, cell)
            assert seat is not None
            assert seat.level is level
            assert seat.covers(cell)


def test_urban_seats_are_found_by_district_and_by_department_URBAN_1():
    town = Town.build(1)
    assert town.seat(Side.URBAN, "district", Level.DISTRICT, "340207").name == "district-340207"
    assert town.seat(Side.URBAN, "department", Level.DISTRICT, "340202", "MU-340207").name == "department-MU-340207"
    assert town.seat(Side.URBAN, "supervision", Level.CITY, "340281").name == "supervision-3402"
    assert town.seat(Side.URBAN, "department", Level.DISTRICT, "340202", "CV-340202") is None


def test_the_contact_book_seats_a_named_person_at_each_of_seven_duties_CONT_1():
    contacts = Town.build(1).contacts
    assert set(contacts) == set(ContactDuty)
    assert len(contacts) == 7
    assert all(contact.name for contact in contacts.values())


@given(st.text(min_size=1, max_size=40))
def test_a_photo_is_a_real_image_and_the_same_name_gives_the_same_bytes(name):
    image = Image.open(BytesIO(photo(name)))
    image.load()
    assert image.format == "PNG"
    assert photo.__wrapped__(name) == photo(name)


def test_a_photo_has_the_same_digest_everywhere():
    """Pinned: cases are compared by these digests, so a change would change old recordings."""
    item = attachment("roadside", PhotoKind.REPORT)
    assert (item.name, item.media_type, item.size) == ("roadside.png", "image/png", 1666)
    assert item.sha256 == "ef88f513865547ae3c5c1eeffa37b95a22b0fe50756005f597aba529ad451356"
    assert attachment("drain", PhotoKind.REPORT).sha256 != item.sha256


def test_every_category_row_has_a_limit_and_a_department_GEN_4():
    town = Town.build(1)
    for row in categories().values():
        assert row.limit_amount > 0
        assert row.limit_unit in {"urgent_hour", "working_hour", "working_day", "calendar_day"}
        assert f"{row.department}-340202" in town.departments
        assert re.fullmatch("[0-9]{2}", row.category)
        assert re.fullmatch("[0-9]{2}", row.subcategory)


def test_rubbish_left_in_the_open_has_four_working_hours():
    row = category(CaseKind.EVENT, "01", "02")
    assert (row.zh, row.limit_amount, row.limit_unit) == ("暴露垃圾", 4, "working_hour")


def test_disputes_are_the_grid_sides_own_categories_GRID_3():
    assert category(CaseKind.EVENT, "92", "01").urban is False
    assert category(CaseKind.EVENT, "09", "99") is None
