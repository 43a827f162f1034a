"""The town's cells, to choose from by name or on a map."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: So many cells fit on a map that one can still touch with a thumb.
CELLS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Spot:
    """One cell on the map, in metres from its left upper corner."""

    code: str
    name: str
    district: str
    x: int
    y: int
    width: int
    height: int
    #: Number of its district, for its colour.
    colour: int


@dataclass(frozen=True, slots=True)
class TownMap:
    """The cells as a picture of this size, in metres."""

    width: int
    height: int
    spots: tuple[Spot, ...]


def town_map(cells: Iterable[Mapping[str, Any]]) -> TownMap | None:
    """The map of these cells, as the platform tells of them; None when there are none, or too many to be touched."""
    found = list(cells)
    if not found or len(found) > CELLS_MAX:
        return None
    left, right = min(c["bounds"][0] for c in found), max(c["bounds"][2] for c in found)
    bottom, top = min(c["bounds"][1] for c in found), max(c["bounds"][3] for c in found)
    districts = {code: number for number, code in enumerate(sorted({c["district"] for c in found}))}
    spots = []
    for cell in found:
        west, south, east, north = cell["bounds"]
        spots.append(
            Spot(
                code=cell["code"],
                name=cell["name"],
                district=cell["district"],
                x=west - left,
                y=top - north,
                width=east - west,
                height=north - south,
                colour=districts[cell["district"]] % 7,
            )
        )
    return TownMap(right - left, top - bottom, tuple(spots))
