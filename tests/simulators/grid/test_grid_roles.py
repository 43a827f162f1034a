"""Who may do what on the grid platform, and how everybody else is refused (GRID-2 … GRID-6)."""

import pytest
from grid_world import CELL, NEXT_CELL, OTHER, OWN, TOWN, World

from bridge.vocabulary.parties import Side
from simulators.city.seats import Level
from simulators.grid.desk import ACCOUNTS_OF, NINE_ROLES, TABLE, Belongs, RoleClass, Seat

COMMUNITY, STREET = CELL[:12], CELL[:9]

#: One account of every role, all of whose territories hold the first cell.
EVERY_ROLE = [
    *(f"{role}-{territory}" for role in ("dispatcher", "handler") for territory in ("3402", OWN, STREET, COMMUNITY)),
    f"worker-{CELL}",
    f"virtual-{OWN}",
]


def test_there_are_nine_roles_in_three_classes_GRID_4():
    assert len(NINE_ROLES) == 9
    by_class = {c: [level for k, level, _ in NINE_ROLES if k is c] for c in RoleClass}
    assert by_class[RoleClass.ACCEPT_AND_DISPATCH] == list(Level)
    assert by_class[RoleClass.HANDLING] == list(Level)
    assert by_class[RoleClass.VERIFICATION] == [Level.COMMUNITY]


def test_each_of_the_nine_roles_has_a_person_for_every_cell_GRID_4():
    for _, level, role in NINE_ROLES:
        assert TOWN.seat(Side.GRID, role, level, CELL) is not None


def is_the_roles_own(account: str, act: str) -> bool:
    row, role = TABLE[act], account.partition("-")[0]
    # The worker reported the case of these tests, and so may speak as its reporter.
    return role in ACCOUNTS_OF.get(row.seat, frozenset()) | row.also or (row.seat is Seat.REPORTER and role == "worker")


@pytest.mark.parametrize(
    ("account", "act"),
    [(account, act) for account in EVERY_ROLE for act in sorted(TABLE) if not is_the_roles_own(account, act)],
)
def test_an_act_is_refused_to_every_role_that_it_does_not_belong_to_GRID_4(account, act):
    world = World()
    params = {"cell": CELL} if TABLE[act].belongs is None else {"case": world.handed_over()}
    assert world.refusal(act, by=account, **params) == "not_your_role"


@pytest.mark.parametrize("level", list(Level))
def test_a_case_is_accepted_and_dispatched_at_each_of_four_levels_GRID_4(level):
    world = World()
    case = world.dispute()
    account = TOWN.seat(Side.GRID, "dispatcher", level, CELL)
    handler = TOWN.seat(Side.GRID, "handler", level, CELL)

    world.act("dispatcher.accept", case, by=account.name)
    world.act("dispatcher.dispatch", case, by=account.name, department=f"PS-{OWN}")
    world.act("handler.handle", case, by=handler.name, result="已调解")

    assert world.case(case)["level"] == level
    assert world.state(case) == "awaiting_verification"


@pytest.mark.parametrize("level", list(Level))
def test_the_level_alone_finds_the_account_that_acts(level):
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case, level=level.value)
    assert world.case(case)["history"][-1]["who"] == TOWN.seat(Side.GRID, "dispatcher", level, CELL).name


def test_a_case_accepted_at_one_level_is_not_for_another_GRID_4():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case, level="district")

    assert world.refusal("dispatcher.dispatch", case, department=f"PS-{OWN}", level="city") == "not_your_level"
    assert world.refusal("dispatcher.dispatch", case, by="dispatcher-3402", department=f"PS-{OWN}") == "not_your_level"
    world.act("dispatcher.dispatch", case, department=f"PS-{OWN}")
    assert world.refusal("handler.handle", case, by=f"handler-{COMMUNITY}", result="好") == "not_your_level"
    world.act("handler.handle", case, by=f"handler-{OWN}", result="好")


def test_an_account_does_not_act_at_a_level_that_it_does_not_have_GRID_4():
    world = World()
    case = world.dispute()
    assert world.refusal("dispatcher.accept", case, by=f"dispatcher-{OWN}", level="city") == "not_your_level"


@pytest.mark.parametrize(
    "account",
    [f"dispatcher-{OTHER}", f"dispatcher-{OWN}002", f"dispatcher-{STREET}002"],
    ids=["district", "street", "community"],
)
def test_a_dispatcher_of_another_territory_is_refused_GRID_4(account):
    world = World()
    assert world.refusal("dispatcher.accept", world.dispute(), by=account) == "not_your_territory"


def test_a_handler_of_another_territory_is_refused_GRID_4():
    world = World()
    case = world.dispute()
    world.act("dispatcher.accept", case, level="district")
    world.act("dispatcher.dispatch", case, department=f"PS-{OWN}")
    assert world.refusal("handler.handle", case, by=f"handler-{OTHER}", result="好") == "not_your_territory"


def test_a_worker_reports_and_verifies_in_the_own_cell_only_GRID_1():
    world = World()
    assert world.refusal("worker.report", by=f"worker-{NEXT_CELL}", category="01", subcategory="02", description="x", cell=CELL) == "not_your_territory"  # fmt: skip
    own = world.own_awaiting()
    assert world.refusal("worker.verify", own, by=f"worker-{NEXT_CELL}", outcome="passed") == "not_your_territory"
    transferred = world.awaiting()
    assert (
        world.refusal("worker.verify", transferred, by=f"worker-{NEXT_CELL}", outcome="passed") == "not_your_territory"
    )
    world.act("worker.verify", transferred, by=f"worker-{CELL}", outcome="passed")


def test_the_workstation_of_another_territory_does_not_hand_over_GRID_6():
    world = World()
    assert world.refusal("workstation.hand_over", world.report(), by=f"dispatcher-{OTHER}") == "not_your_territory"


def test_the_virtual_account_hands_over_and_does_nothing_else_GRID_6():
    world = World()
    case = world.report()
    assert world.refusal("dispatcher.accept", case, by=f"virtual-{OWN}") == "not_your_role"
    assert world.refusal("workstation.hand_over", case, by=f"virtual-{OTHER}") == "not_your_territory"
    world.act("workstation.hand_over", case, by=f"virtual-{OWN}")
    assert world.refusal("workstation.supplement", case, by=f"virtual-{OWN}", note="x") == "not_your_role"


def test_only_the_one_who_reported_says_whether_they_are_satisfied():
    world = World()
    case = world.report(reporter_name="王大爷")
    world.act("workstation.hand_over", case)
    world.file(case)
    world.dispatch(case)
    world.ask_to_verify(case)
    world.act("worker.verify", case, outcome="passed")

    assert world.refusal("reporter.dissatisfied", case, by=f"dispatcher-{OWN}") == "not_your_role"
    assert world.refusal("reporter.dissatisfied", case, by="李大妈") == "no_such_person"
    world.act("reporter.satisfied", case, by="王大爷")
    assert world.case(case)["satisfied"] is True


def test_an_account_that_does_not_exist_is_refused():
    world = World()
    assert world.refusal("dispatcher.accept", world.dispute(), by="nobody") == "no_such_person"
    assert world.refusal("worker.report", by="operator-3402", category="01", subcategory="02", description="x") == "no_such_person"  # fmt: skip


def test_an_act_that_does_not_exist_is_refused():
    world = World()
    assert world.refusal("worker.dance") == "unknown_act"
    assert world.refusal("operator.file", world.handed_over()) == "unknown_act"


def test_a_case_that_does_not_exist_is_refused():
    world = World()
    assert world.refusal("dispatcher.accept", "340202-20260302-999999") == "unknown_case"


@pytest.mark.parametrize("act", sorted(name for name, row in TABLE.items() if row.belongs is not None))
def test_an_act_with_a_parameter_that_it_does_not_have_is_refused(act):
    world = World()
    assert world.refusal(act, world.handed_over(), wish="a pony") == "bad_value"


def test_every_row_of_the_desk_names_a_seat_and_has_words_in_both_languages():
    for row in TABLE.values():
        assert row.seat in Seat
        assert row.zh
        assert row.en
        assert row.belongs is None or row.belongs in Belongs


@pytest.mark.parametrize(
    ("book", "values"),
    [
        ("person", {"name": "沈梅", "phone": "0553-5551234", "birth_year": 1980}),
        ("household", {"room": "1203"}),
        ("building", {"name": "甲栋", "floors": 6}),
    ],
)
def test_a_worker_keeps_the_books_of_the_own_cell_only_GRID_2(book, values):
    world = World()
    books = {"person": "people", "household": "households", "building": "buildings"}
    first = world.ask("people", cell=CELL)[books[book]][0]

    changed = world.act(f"worker.upkeep_{book}", cell=CELL, id=first["id"], **values)
    assert changed == {"id": first["id"]}
    kept = world.ask("people", cell=CELL)[books[book]][0]
    assert {name: kept[name] for name in values} == values
    assert kept["kept_by"] == f"worker-{CELL}"
    assert (
        world.refusal(f"worker.upkeep_{book}", by=f"worker-{NEXT_CELL}", cell=CELL, id=first["id"], **values)
        == "not_your_territory"
    )


def test_a_cell_shows_who_lives_and_what_stands_and_serves_there_GRID_2():
    shown = World().ask("people", cell=CELL)
    for book in ("people", "households", "buildings", "components", "organisations"):
        assert shown[book], book


def test_a_worker_enters_a_new_building_household_and_person_GRID_2():
    world = World()
    building = world.act("worker.upkeep_building", cell=CELL, name="新楼")["id"]
    household = world.act("worker.upkeep_household", cell=CELL, building=building, room="101")["id"]
    person = world.act("worker.upkeep_person", cell=CELL, household=household, name="新居民")["id"]

    assert person in {p["id"] for p in world.ask("people", cell=CELL)["people"]}


@pytest.mark.parametrize(
    ("book", "values"),
    [
        ("person", {"name": "沈梅"}),
        ("person", {"name": "沈梅", "household": "nowhere"}),
        ("person", {"id": "P0", "name": "沈梅"}),
        ("person", {"name": 7, "household": "x"}),
        ("household", {"room": "1"}),
        ("building", {"floors": "six", "name": "甲"}),
        ("building", {"name": " "}),
    ],
    ids=[
        "no household",
        "unknown household",
        "unknown id",
        "name is no text",
        "no building",
        "floors no number",
        "blank",
    ],
)
def test_a_record_that_makes_no_sense_is_refused_GRID_2(book, values):
    assert World().refusal(f"worker.upkeep_{book}", cell=CELL, **values) == "bad_value"


def test_a_change_without_content_is_refused_GRID_2():
    world = World()
    first = world.ask("people", cell=CELL)["people"][0]["id"]
    assert world.refusal("worker.upkeep_person", cell=CELL, id=first) == "bad_value"
