"""The places of the town: districts with their real codes, and streets, communities and cells made up inside them (GRID-1).

A cell is a half-open rectangle in whole metres. Each place is cut into the places below it, so the
cells of a town leave no gap and never overlap, whatever the seed.
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

#: What the codes of all places in the city begin with.
CITY = "3402"
CITY_CODE = "340200"
CITY_NAME = "芜湖市"

#: District codes of GB/T 2260 (mark B); the first one is where a case is reported when nobody says otherwise.
DISTRICTS: tuple[tuple[str, str], ...] = (
    ("340202", "镜湖区"),
    ("340207", "鸠江区"),
    ("340209", "弋江区"),
    ("340210", "湾沚区"),
    ("340212", "繁昌区"),
    ("340223", "南陵县"),
    ("340281", "无为市"),
)

#: Side of an average cell in metres, and where the town lies in the coordinate system's grid.
_CELL_SIDE = 240
_ORIGIN = (400_000, 3_460_000)

_STREET_NAMES = ("赭山", "中江", "大桥", "清水", "万春", "龙山", "官陡", "澛港", "火龙", "石硊", "白马", "春谷")
_COMMUNITY_NAMES = ("滨江", "柳园", "望江", "花园", "团结", "平安", "新塘", "东湖", "桂花", "杏园", "朝阳", "联盟")
_COMMUNITY_SUFFIXES = ("", "东", "西", "南", "北")


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Whole metres; the left and the lower edge belong to it, the right and the upper one to the neighbour."""

    left: int
    bottom: int
    right: int
    top: int

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies in it."""
        return self.left <= x < self.right and self.bottom <= y < self.top

    def overlaps(self, other: "Rectangle") -> bool:
        """Whether the two have a point in common."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    @property
    def area(self) -> int:
        """Square metres."""
        return (self.right - self.left) * (self.top - self.bottom)

    def columns(self, count: int, random: Random) -> "list[Rectangle]":
        """Cut it from left to right."""
        return [Rectangle(a, self.bottom, b, self.top) for a, b in _cuts(self.left, self.right, count, random)]

    def rows(self, count: int, random: Random) -> "list[Rectangle]":
        """Cut it from bottom to top."""
        return [Rectangle(self.left, a, self.right, b) for a, b in _cuts(self.bottom, self.top, count, random)]


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """区、县、市: six digits."""

    code: str
    name: str
    area: Rectangle


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """街道: nine digits."""

    code: str
    name: str
    area: Rectangle


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """社区: twelve digits."""

    code: str
    name: str
    area: Rectangle


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """单元网格: fifteen digits, about 300 households, one responsible worker (GRID-1)."""

    code: str
    name: str
    area: Rectangle
    #: Households that live in it.
    households: int
    #: Account of its one responsible grid worker.
    worker: str
    address: str

    @property
    def district(self) -> str:
        """Code of its district."""
        return self.code[:6]

    @property
    def street(self) -> str:
        """Code of its street."""
        return self.code[:9]

    @property
    def community(self) -> str:
        """Code of its community."""
        return self.code[:12]

    @property
    def centre(self) -> tuple[float, float]:
        """A point well inside it."""
        area = self.area
        return (area.left + area.right) / 2, (area.bottom + area.top) / 2


@dataclass(frozen=True, slots=True)
class Size:
    """How many places there are in each place above."""

    streets: int
    communities: int
    cells: int


SIZES: dict[str, Size] = {"small": Size(2, 2, 2), "medium": Size(4, 5, 5), "city": Size(8, 8, 8)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Every place of the town, in the order of the codes."""

    area: Rectangle
    districts: tuple[District, ...]
    streets: tuple[Street, ...]
    communities: tuple[Community, ...]
    cells: tuple[Cell, ...]


def lay_out(random: Random, size: Size) -> Places:
    """Cut the city into districts, those into streets, communities and cells."""
    left, bottom = _ORIGIN
    whole = Rectangle(
        left,
        bottom,
        left + len(DISTRICTS) * size.communities * _CELL_SIDE,
        bottom + size.streets * size.cells * _CELL_SIDE,
    )
    districts, streets, communities, cells = [], [], [], []
    for (district_code, district_name), district_area in zip(
        DISTRICTS, whole.columns(len(DISTRICTS), random), strict=True
    ):
        districts.append(District(code=district_code, name=district_name, area=district_area))
        street_names = random.sample(_STREET_NAMES, size.streets)
        for s, street_area in enumerate(district_area.rows(size.streets, random), 1):
            street = Street(
                code=f"{district_code}{s:03}", name=f"{district_name}{street_names[s - 1]}街道", area=street_area
            )
            streets.append(street)
            community_names = random.sample(_COMMUNITY_NAMES, size.communities)
            for c, community_area in enumerate(street_area.columns(size.communities, random), 1):
                name = community_names[c - 1] + random.choice(_COMMUNITY_SUFFIXES) + "社区"
                community = Community(code=f"{street.code}{c:03}", name=name, area=community_area)
                communities.append(community)
                for n, cell_area in enumerate(community_area.rows(size.cells, random), 1):
                    code = f"{community.code}{n:03}"
                    cells.append(
                        Cell(
                            code=code,
                            name=f"{name}第{n}网格",
                            area=cell_area,
                            households=random.randint(270, 330),
                            worker=f"worker-{code}",
                            address=f"{CITY_NAME}{street.name}{name}{random.randint(1, 199)}号",
                        )
                    )
    return Places(
        area=whole,
        districts=tuple(districts),
        streets=tuple(streets),
        communities=tuple(communities),
        cells=tuple(cells),
    )


def _cuts(low: int, high: int, count: int, random: Random) -> list[tuple[int, int]]:
    """Cut a length into uneven whole pieces, none of them less than half the average."""
    step = (high - low) / count
    inner = [round(low + step * (i + random.uniform(-0.25, 0.25))) for i in range(1, count)]
    return list(pairwise([low, *inner, high]))
