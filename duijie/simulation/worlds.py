"""The city cut into worlds that never meet, and what is reported in each.

Cases of different districts have nothing to do with each other, and a district with very many cases is cut further, so that a world
holds at most `cases_in_a_world` of them. What a world is follows from the number of cases, the days and the seed alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bridge.vocabulary.codes import CaseKind
from bridge.vocabulary.times import SHANGHAI
from conformance.scenario.stage import START
from duijie.simulation.lots import below, derived_seed, lots, weighted
from duijie.simulation.tables import THOUSAND, CityTable, city_table

#: People begin to report on the day after the stages begin.
FIRST_DAY: date = START.date() + timedelta(days=1)
#: Serials that each world of a district has to itself on a day, so that no case number is given twice in the city.
SERIALS_OF_A_WORLD = 1_000
#: A case number has six digits for its serial.
_WORLDS_OF_A_DISTRICT = 10**6 // SERIALS_OF_A_WORLD
#: More cases have no numbers to go by.
CASES_MAX = 1_500_000


@dataclass(frozen=True, slots=True, order=True)
class World:
    """Part of a district with its share of the cases."""

    district: str
    index: int
    #: How many things are reported in it, those that are reported again not counted.
    cases: int

    @property
    def key(self) -> str:
        """The name by which it is asked for: `340202-0`."""
        return f"{self.district}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """One thing that somebody will report, settled before anything happens."""

    ordinal: int
    at: datetime
    cell: int
    kind: CaseKind
    category: str
    subcategory: str
    trait: str
    asked: bool


def worlds(cases: int) -> list[World]:
    """The worlds of a city with so many cases, in their fixed order."""
    table = city_table()
    limit = min(table.cases_in_a_world, SERIALS_OF_A_WORLD // 2)
    found = []
    for district, count in _apportioned(cases, table).items():
        pieces = -(-count // limit)
        if pieces > _WORLDS_OF_A_DISTRICT:
            raise ValueError(f"more than {_WORLDS_OF_A_DISTRICT} worlds in district {district}")
        for index in range(pieces):
            found.append(World(district, index, count * (index + 1) // pieces - count * index // pieces))
    return found


def _apportioned(cases: int, table: CityTable) -> dict[str, int]:
    """Give each district its share of the cases, to the last one."""
    total = sum(table.districts.values())
    shares = {code: cases * weight // total for code, weight in table.districts.items()}
    remainders = sorted(table.districts, key=lambda code: (-(cases * table.districts[code] % total), code))
    for code in remainders[: cases - sum(shares.values())]:
        shares[code] += 1
    return shares


def seed_of(world: World, seed: int) -> int:
    """The seed of everything in one world."""
    return derived_seed(seed, world.district, world.index)


def births(world: World, days: int, seed: int) -> Iterator[Birth]:
    """What will be reported in a world, by ordinal."""
    table = city_table()
    own = seed_of(world, seed)
    kinds, kind_weights = list(table.categories), list(table.categories.values())
    dates = [FIRST_DAY + timedelta(days=day) for day in range(days)]
    day_weights = [table.months[day.month - 1] * table.weekdays[day.weekday()] for day in dates]
    for ordinal in range(world.cases):
        day, hour, second, cell = lots(own, "report", ordinal)
        kind, trait, asked, _ = lots(own, "what", ordinal)
        place = weighted(hour, table.hours)
        found = kinds[weighted(kind, kind_weights)]
        yield Birth(
            ordinal=ordinal,
            at=datetime.combine(dates[weighted(day, day_weights)], time(place), SHANGHAI)
            + timedelta(seconds=below(second, 3600)),
            cell=cell,
            kind=found[0],
            category=found[1],
            subcategory=found[2],
            trait=_trait(trait, table),
            asked=below(asked, THOUSAND) < table.asked_of_a_thousand,
        )


def _trait(lot: int, table: CityTable) -> str:
    left = below(lot, THOUSAND)
    for name, share in table.traits.items():
        left -= share
        if left < 0:
            return name
    return ""
