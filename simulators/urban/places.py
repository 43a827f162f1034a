"""The town as the urban platform sees it: districts, departments, categories with their limits, and who sits where."""

from datetime import datetime
from functools import cache

from bridge.vocabulary.codes import CaseKind, CaseSource
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Contact
from simulators.city.categories import categories, category
from simulators.city.seats import CITY_APPEARANCE, Account, Department, Level
from simulators.city.town import Town
from simulators.exchange.errors import ActRefused
from simulators.exchange.params import Params
from simulators.urban.cases import CaseData, UrbanCase
from simulators.urban.desk import Role
from simulators.urban.limits import Limit, LimitUnit

#: Digits of a district's, a street's and a community's code.
_DISTRICT, _STREET, _COMMUNITY = 6, 9, 12


@cache
def _main_categories() -> frozenset[tuple[CaseKind, str]]:
    """List the main categories of the urban platform's catalogue."""
    return frozenset((row.kind, row.category) for row in categories().values() if row.urban)


def unknown_category_field(kind: CaseKind, main: str, sub: str) -> str | None:
    """Say which of the two codes the urban catalogue does not have; None when it has both (MUNI-2)."""
    if (kind, main) not in _main_categories():
        return "category"
    return None if (kind, main, sub) in categories() else "subcategory"


def limit_of(data: CaseData) -> Limit:
    """Return the disposal limit of a case's category (INT-2)."""
    row = categories()[data.kind, data.category, data.subcategory]
    return Limit(row.limit_amount, LimitUnit(row.limit_unit))


class Places:
    """Districts, departments and seats of one town. Every look-up that an act makes refuses what is not there."""

    def __init__(self, town: Town):
        self._town = town
        self.districts = town.districts
        self.contacts: tuple[Contact, ...] = tuple(town.contacts.values())
        #: The departments on the urban platform's books.
        self.departments: dict[str, Department] = {
            d.code: d for d in town.departments.values() if Side.URBAN in d.platforms
        }
        self.accounts: tuple[Account, ...] = tuple(a for a in town.accounts.values() if a.platform is Side.URBAN)
        self._by_name = {account.name: account for account in self.accounts}
        self._by_place: dict[tuple[str, str], Account] = {}
        self._first: dict[str, Account] = {}
        for account in self.accounts:
            self._by_place[account.role, account.department or account.territory] = account
            self._first.setdefault(account.role, account)

    # ── seats ───────────────────────────────────────────────────────────────────────────────────

    def account(self, name: str) -> Account | None:
        """Return the seat of this name."""
        return self._by_name.get(name)

    def natural(self, role: Role, case: UrbanCase | None) -> Account:
        """Return the seat that a case lies with by its territory or department; the first of its kind when there is none."""
        place = None
        if case is not None and role is Role.DEPARTMENT:
            place = case.department
        elif case is not None and role in {Role.DISTRICT, Role.DISTRICT_VERIFIER}:
            place = case.district or case.data.district
        found = None if place is None else self._by_place.get((role, place))
        return found or self._first[role]

    def natural_at(self, role: Role, community: str) -> Account:
        """Return the seat that a report from this community lies with."""
        return self._by_place.get((role, community)) or self._first[role]

    @staticmethod
    def covers(account: Account, case: UrbanCase) -> bool:
        """Whether the case lies in the seat's territory or department (URBAN-1)."""
        if account.department is not None:
            return case.department == account.department
        if account.level is Level.CITY:
            return True
        return account.covers(case.district or "")

    # ── places ──────────────────────────────────────────────────────────────────────────────────

    def need_district(self, code: str, name: str) -> None:
        """Refuse a district that is not in the table."""
        if code not in self.districts:
            raise ActRefused("bad_value", f"参数 {name}:没有行政区 {code}。", f"{name}: there is no district {code}.")

    def need_department(self, code: str, district: str, name: str) -> None:
        """Refuse a department that does not work in the district: its own, its street offices', the city's."""
        department = self.departments.get(code)
        if department is None or not (
            department.territory.startswith(district) or district.startswith(department.territory)
        ):
            raise ActRefused(
                "bad_value",
                f"参数 {name}:行政区 {district} 没有部门 {code}。",
                f"{name}: district {district} has no department {code}.",
            )

    def default_department(self, district: str, data: CaseData) -> str:
        """Return the department of the district that usually disposes of such a case."""
        row = category(data.kind, data.category, data.subcategory)
        code = f"{CITY_APPEARANCE if row is None else row.department}-{district}"
        return code if code in self.departments else f"{CITY_APPEARANCE}-{district}"

    def located(self, given: Params, source: CaseSource, kind: CaseKind, now: datetime) -> CaseData:
        """Read a native report: its place is the given cell, community or district, else the town's first community."""
        asked = given.text("cell", given.text("community", given.text("district", "")))
        community = next((c for c in self._town.communities if c.startswith(asked[:_COMMUNITY])), None)
        if community is None:
            raise ActRefused(
                "bad_value", f"本市没有 {asked} 这一区域。", f"There is no such place as {asked} in this town."
            )
        return CaseData(
            source=source,
            kind=kind,
            category=given.text("category"),
            subcategory=given.text("subcategory"),
            grade=given.grade(),
            description=given.text("description"),
            address=given.text("address", self._town.name_of(community)),
            district=community[:_DISTRICT],
            street=community[:_STREET],
            community=community,
            cell=given.text("cell", f"{community}001"),
            reported_at=now,
            reporter_name=given.text("reporter_name", "市民"),
            component_code=given.text("component_code", "") or None,
        )
