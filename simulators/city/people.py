"""Who lives in a cell and what stands there: buildings, households, people, components, organisations (GRID-2, GEN-4).

A cell's life depends on the seed and the cell's code alone and is made when somebody looks, so a
large town costs nothing for the cells that nobody visits. A few households stand for the many.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from faker.factory import Factory

from bridge.vocabulary.codes import CaseKind
from simulators.city.categories import Category, categories
from simulators.city.places import Cell

_ESTATES = ("翠竹苑", "江景花园", "绿地新村", "长江小区", "锦绣家园", "凤凰城", "桃园里", "书香门第")
_SERVICES = (
    ("便民超市", "retail"),
    ("社区卫生服务站", "health"),
    ("物业服务中心", "property management"),
    ("养老服务站", "care for the elderly"),
    ("早餐店", "food"),
    ("快递驿站", "parcels"),
)
#: Serials that each cell has to itself within one component class of its district.
_SERIALS_PER_CELL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """房屋."""

    id: str
    cell: str
    name: str
    address: str
    floors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """住户: in one building."""

    id: str
    cell: str
    building: str
    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """居民: in one household."""

    id: str
    cell: str
    household: str
    name: str
    phone: str
    birth_year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedComponent:
    """部件: a thing that stands in the cell, under a sixteen-digit code."""

    code: str
    cell: str
    category: str
    subcategory: str
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOrganisation:
    """服务机构."""

    id: str
    cell: str
    name: str
    service: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLife:
    """Everything that a cell holds."""

    buildings: tuple[Building, ...]
    households: tuple[Household, ...]
    people: tuple[Resident, ...]
    components: tuple[ManagedComponent, ...]
    organisations: tuple[ServiceOrganisation, ...]


class Naming(Protocol):
    """Gives people names and numbers."""

    def person(self) -> str:
        """Say a name."""

    def phone(self) -> str:
        """Say a mobile number."""


class PlainNames:
    """Names that say no more than which person of the town it is."""

    _SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"

    def __init__(self) -> None:
        self._people = 0

    def person(self) -> str:
        """Say the next name."""
        self._people += 1
        return f"{self._SURNAMES[self._people % len(self._SURNAMES)]}某{self._people}"

    def phone(self) -> str:
        """Say a number that belongs to nobody."""
        return f"0553-{self._people:07}"


class Names:
    """Chinese names and phone numbers from one seed; no state is shared with anybody."""

    def __init__(self, seed: str):
        # Faker's generators get their methods at run time, so no type knows them.
        self._faker: Any = Factory.create("zh_CN", providers=["faker.providers.person", "faker.providers.phone_number"])
        self._faker.seed_instance(seed)

    def person(self) -> str:
        """Say a name."""
        return str(self._faker.name())

    def phone(self) -> str:
        """Say a mobile number."""
        return str(self._faker.phone_number())


def populate(cell: Cell, index_in_district: int, seed: int) -> CellLife:
    """Fill a cell. `index_in_district` keeps the serials of components apart."""
    random = Random(f"{seed}:{cell.code}")  # noqa: S311 - repeatable on purpose, nothing secret hangs on it
    names = Names(f"{seed}:{cell.code}")
    estate = random.choice(_ESTATES)
    buildings: list[Building] = []
    households: list[Household] = []
    people: list[Resident] = []
    for b in range(1, 3):
        building = Building(
            id=f"B{cell.code}{b:02}",
            cell=cell.code,
            name=f"{estate}{b}栋",
            address=f"{cell.address}{estate}{b}栋",
            floors=random.randint(5, 18),
        )
        buildings.append(building)
        for h in range(1, random.randint(2, 4)):
            household = Household(
                id=f"H{building.id[1:]}{h:02}",
                cell=cell.code,
                building=building.id,
                room=f"{random.randint(1, building.floors)}{random.randint(1, 4):02}",
            )
            households.append(household)
            people.extend(
                Resident(
                    id=f"P{household.id[1:]}{p:02}",
                    cell=cell.code,
                    household=household.id,
                    name=names.person(),
                    phone=names.phone(),
                    birth_year=random.randint(1935, 2018),
                )
                for p in range(1, random.randint(2, 5))
            )
    return CellLife(
        buildings=tuple(buildings),
        households=tuple(households),
        people=tuple(people),
        components=tuple(_components(cell, index_in_district, random)),
        organisations=tuple(
            ServiceOrganisation(
                id=f"S{cell.code}{n:02}", cell=cell.code, name=f"{estate}{name}", service=service, phone=names.phone()
            )
            for n, (name, service) in enumerate(random.sample(_SERVICES, 2), 1)
        ),
    )


def _components(cell: Cell, index_in_district: int, random: Random) -> list[ManagedComponent]:
    kinds: list[Category] = [c for c in categories().values() if c.kind is CaseKind.COMPONENT]
    area = cell.area
    return [
        ManagedComponent(
            code=f"{cell.district}{kind.category}{kind.subcategory}{index_in_district * _SERIALS_PER_CELL + n:06}",
            cell=cell.code,
            category=kind.category,
            subcategory=kind.subcategory,
            name=f"{cell.name}{kind.zh}",
            x=float(random.randrange(area.left, area.right)),
            y=float(random.randrange(area.bottom, area.top)),
        )
        for n, kind in enumerate(random.sample(kinds, 5), 1)
    ]
