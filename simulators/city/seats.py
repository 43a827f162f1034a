"""Departments, accounts and the contact book of a town (GRID-4, URBAN-1, GEN-5, CONT-1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Contact
from simulators.city.people import Naming
from simulators.city.places import CITY, CITY_CODE, CITY_NAME, Places


class Level(StrEnum):
    """The four levels; each has a territory of its own."""

    #: 市.
    CITY = "city"
    #: 区.
    DISTRICT = "district"
    #: 街道.
    STREET = "street"
    #: 社区.
    COMMUNITY = "community"


#: How much of a place's code names the territory of each level.
TERRITORY_DIGITS: dict[Level, int] = {Level.CITY: 4, Level.DISTRICT: 6, Level.STREET: 9, Level.COMMUNITY: 12}

#: First half of the city-appearance department's code (市容); the rest is its district.
CITY_APPEARANCE = "CA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department of the shared directory (GEN-5)."""

    code: str
    name: str
    level: Level
    #: Beginning of the codes of the places that it works in.
    territory: str
    #: On whose books it stands; cases of departments that only the grid platform knows never leave it (GRID-6).
    platforms: frozenset[Side]

    @property
    def city_appearance(self) -> bool:
        """Whether cases of this department are handed over to the urban platform (GRID-6)."""
        return self.code.startswith(f"{CITY_APPEARANCE}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A seat: one person's role, level and territory on one platform."""

    name: str
    #: The person who sits there.
    person: str
    platform: Side
    #: First half of the names of the acts that the seat may do, such as `dispatcher` or `district_verifier`.
    role: str
    level: Level
    #: Beginning of the codes of the places that it may act for.
    territory: str
    #: The department that it belongs to, when it belongs to one.
    department: str | None = None

    def covers(self, place: str) -> bool:
        """Whether a place, named by its code, lies in the territory."""
        return place.startswith(self.territory)


_BOTH = frozenset(Side)
_GRID = frozenset({Side.GRID})
_URBAN = frozenset({Side.URBAN})

#: What each district has: first half of the code, name, on whose books.
_DISTRICT_DEPARTMENTS: tuple[tuple[str, str, frozenset[Side]], ...] = (
    (CITY_APPEARANCE, "城市管理局", _BOTH),
    ("MU", "市政设施管理处", _URBAN),
    ("GR", "园林绿化管理处", _URBAN),
    ("WA", "水务局", _URBAN),
    ("CV", "民政局", _GRID),
    ("PS", "综治办公室", _GRID),
)

#: The roles of the urban platform's city-wide seats and of its district seats.
_URBAN_CITY_SEATS = ("intake", "operator", "supervision", "city", "city_verifier", "closer", "exchange")
_URBAN_DISTRICT_SEATS = ("district", "district_verifier")


def departments(places: Places) -> Iterator[Department]:
    """List the departments: those of each district, and every street office."""
    for district in places.districts:
        for short, name, platforms in _DISTRICT_DEPARTMENTS:
            yield Department(
                code=f"{short}-{district.code}",
                name=f"{district.name}{name}",
                level=Level.DISTRICT,
                territory=district.code,
                platforms=platforms,
            )
    for street in places.streets:
        yield Department(
            code=f"ST-{street.code}",
            name=f"{street.name}办事处",
            level=Level.STREET,
            territory=street.code,
            platforms=_BOTH,
        )
    yield Department(
        code=f"HD-{CITY_CODE}", name=f"{CITY_NAME}公用事业处", level=Level.CITY, territory=CITY, platforms=_BOTH
    )


def accounts(places: Places, all_departments: tuple[Department, ...], names: Naming) -> Iterator[Account]:
    """List the seats of both platforms."""
    yield from _grid_accounts(places, names)
    yield from _urban_accounts(places, all_departments, names)


def _grid_accounts(places: Places, names: Naming) -> Iterator[Account]:
    """Two classes of role at four levels, the grid workers who verify, and a virtual seat for each city-appearance department."""
    for level, territory in _territories(places):
        for role in ("dispatcher", "handler"):
            yield Account(
                name=f"{role}-{territory}",
                person=names.person(),
                platform=Side.GRID,
                role=role,
                level=level,
                territory=territory,
            )
    for cell in places.cells:
        yield Account(
            name=cell.worker,
            person=names.person(),
            platform=Side.GRID,
            role="worker",
            level=Level.COMMUNITY,
            territory=cell.code,
        )
    for district in places.districts:
        yield Account(
            name=f"virtual-{district.code}",
            person=f"{district.name}城管虚拟账号",
            platform=Side.GRID,
            role="virtual",
            level=Level.DISTRICT,
            territory=district.code,
            department=f"{CITY_APPEARANCE}-{district.code}",
        )


def _urban_accounts(places: Places, all_departments: tuple[Department, ...], names: Naming) -> Iterator[Account]:
    def seat(role: str, level: Level, territory: str, department: str | None = None) -> Account:
        return Account(
            name=f"{role}-{department or territory}",
            person=names.person(),
            platform=Side.URBAN,
            role=role,
            level=level,
            territory=territory,
            department=department,
        )

    for role in _URBAN_CITY_SEATS:
        yield seat(role, Level.CITY, CITY)
    for district in places.districts:
        for role in _URBAN_DISTRICT_SEATS:
            yield seat(role, Level.DISTRICT, district.code)
    for department in all_departments:
        if Side.URBAN in department.platforms:
            yield seat("department", department.level, department.territory, department.code)
    for community in places.communities:
        yield seat("collector", Level.COMMUNITY, community.code)


def _territories(places: Places) -> Iterator[tuple[Level, str]]:
    yield Level.CITY, CITY
    for level, group in (
        (Level.DISTRICT, places.districts),
        (Level.STREET, places.streets),
        (Level.COMMUNITY, places.communities),
    ):
        for place in group:
            yield level, place.code


def contact_book(names: Naming) -> tuple[Contact, ...]:
    """Seat a named person at each of the seven duties (CONT-1)."""
    return tuple(Contact(duty=duty, name=names.person(), phone=names.phone()) for duty in ContactDuty)
