"""The town as a whole: built once from a seed, then only read. Both platforms and all tools share it."""

from functools import lru_cache
from random import Random

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Contact
from simulators.city.people import CellLife, Names, Naming, PlainNames, populate
from simulators.city.places import SIZES, Cell, Community, District, Places, Street, lay_out
from simulators.city.seats import (
    TERRITORY_DIGITS,
    Account,
    Department,
    Level,
    accounts,
    contact_book,
    departments,
)


class Town:
    """Places, people, departments and seats of one town. Use `Town.build`; the same seed and size give the same town."""

    def __init__(
        self,
        seed: int,
        places: Places,
        all_departments: tuple[Department, ...],
        all_accounts: tuple[Account, ...],
        contacts: tuple[Contact, ...],
    ):
        self.seed = seed
        self.places = places
        self.districts: dict[str, District] = {d.code: d for d in places.districts}
        self.streets: dict[str, Street] = {s.code: s for s in places.streets}
        self.communities: dict[str, Community] = {c.code: c for c in places.communities}
        self.cells: dict[str, Cell] = {c.code: c for c in places.cells}
        #: The cell in which a case is reported when nobody says otherwise.
        self.first_cell: Cell = places.cells[0]
        self.departments: dict[str, Department] = {d.code: d for d in all_departments}
        self.accounts: dict[str, Account] = {a.name: a for a in all_accounts}
        #: The contact book (CONT-1).
        self.contacts: dict[ContactDuty, Contact] = {c.duty: c for c in contacts}
        self._seats: dict[tuple[Side, str, str, str | None], Account] = {}
        for account in all_accounts:
            self._seats[account.platform, account.role, account.territory, account.department] = account
        self._index_in_district: dict[str, int] = {}
        counts: dict[str, int] = {}
        for cell in places.cells:
            self._index_in_district[cell.code] = counts.get(cell.district, 0)
            counts[cell.district] = counts.get(cell.district, 0) + 1
        self._lives: dict[str, CellLife] = {}

    @classmethod
    @lru_cache(maxsize=8)
    def build(cls, seed: int, size: str = "small") -> "Town":
        """Build the town of this seed; `size` is `small`, `medium` or `city`. A town never changes, so it is built once."""
        return cls._built(seed, size, Names(f"seats:{seed}"))

    @classmethod
    @lru_cache(maxsize=8)
    def plain(cls, seed: int, size: str = "small") -> "Town":
        """Build a town whose seats have plain names, the same with every release of Faker."""
        return cls._built(seed, size, PlainNames())

    @classmethod
    def _built(cls, seed: int, size: str, names: Naming) -> "Town":
        if size not in SIZES:
            raise ValueError(f"没有「{size}」这种规模的城镇 / no town size {size!r}; there are {', '.join(SIZES)}")
        places = lay_out(Random(f"places:{seed}"), SIZES[size])  # noqa: S311 - repeatable on purpose
        contacts = contact_book(names)
        all_departments = tuple(departments(places))
        return cls(seed, places, all_departments, tuple(accounts(places, all_departments, names)), contacts)

    def life(self, cell: str) -> CellLife:
        """Say who lives in a cell and what stands there (GRID-2)."""
        found = self._lives.get(cell)
        if found is None:
            found = self._lives[cell] = populate(self.cells[cell], self._index_in_district[cell], self.seed)
        return found

    def cell_at(self, x: float, y: float) -> Cell | None:
        """Find the one cell that a point lies in; None outside the town."""
        community = next((c for c in self.places.communities if c.area.contains(x, y)), None)
        if community is None:
            return None
        return next(c for c in self.places.cells if c.code.startswith(community.code) and c.area.contains(x, y))

    def seat(
        self, platform: Side, role: str, level: Level, place: str, department: str | None = None
    ) -> Account | None:
        """Find the account of this role and level whose territory holds the place; with a department, the one that belongs to it."""
        if role == "worker":
            territory = place
        elif department is not None and department in self.departments:
            territory = self.departments[department].territory
        else:
            territory = place[: TERRITORY_DIGITS[level]]
        return self._seats.get((platform, role, territory, department))

    def name_of(self, place: str) -> str:
        """Say the name of a district, street, community or cell; the code itself when it is none."""
        for group in (self.districts, self.streets, self.communities, self.cells):
            if place in group:
                return group[place].name
        return place
