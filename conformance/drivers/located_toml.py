"""Where the keys of a TOML file stand: the standard reader gives values alone, and a mistake is shown with its line.

Only texts that `tomllib` has read without a complaint are looked at, so this walks along and checks nothing. What stands inside an
inline table or an array has the place of its key.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from located_yaml import Located, Path, Position

_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*(\.?)""")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)


def places(text: str) -> dict[Path, Position]:
    """The position of every key and table header, by its path; an item of an array of tables has its number in the path."""
    found: dict[Path, Position] = {(): Position(1, 1)}
    counts: dict[Path, int] = {}
    section: Path = ()
    at = 0
    while at < len(text):
        rest = re.compile(r"[ \t\r\n]*(#[^\n]*)?").match(text, at)
        if rest is not None and rest.end() > at:
            at = rest.end()
            continue
        begin = at
        several = text.startswith("[[", at)
        if text.startswith("[", at):
            parts, at = _key(text, at + (2 if several else 1))
            section = _within(parts, counts, several=several)
            _note(found, section, _position(text, begin))
            at += 2 if several else 1
        else:
            parts, at = _key(text, at)
            _note(found, (*section, *parts), _position(text, begin))
            at = _behind_value(text, at + 1)
    return found


def located(table: Mapping[str, Any], section: str, known: Mapping[Path, Position], name: str) -> Located:
    """One table of a file as a document of its own, whose mistakes are told with the places of the file called `name`."""
    inside = {path[1:]: position for path, position in known.items() if path[:1] == (section,)}
    inside.setdefault((), Position(1, 1))
    return Located(_plain(table), name, inside, inside)


def nearest(known: Mapping[Path, Position], path: Path) -> Position:
    """Where `path` stands, or what it stands in."""
    while path not in known:
        path = path[:-1]
    return known[path]


def _plain(value: Any) -> Any:
    """Values as a YAML file would have them: a day and a time of day are texts."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, time):
        return value.isoformat("minutes")
    return value.isoformat() if isinstance(value, date) else value


def _key(text: str, at: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    more = "."
    while more and (found := _KEY.match(text, at)) is not None:
        parts.append(next(part for part in found.groups()[:3] if part is not None))
        more, at = found[4], found.end()
    return tuple(parts), at


def _within(parts: tuple[str, ...], counts: dict[Path, int], *, several: bool) -> Path:
    path: Path = ()
    for depth, part in enumerate(parts, 1):
        path = (*path, part)
        if several and depth == len(parts):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _note(found: dict[Path, Position], path: Path, position: Position) -> None:
    """The place of a key, and of what it stands in where that has no header of its own."""
    found[path] = position
    for depth in range(1, len(path)):
        found.setdefault(path[:depth], position)


def _behind_value(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter in "\"'" and (string := _STRING.match(text, at)) is not None:
            at = string.end()
        elif letter == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif letter == "\n" and depth == 0:
            return at
        else:
            depth += (letter in "[{") - (letter in "]}")
            at += 1
    return at


def _position(text: str, at: int) -> Position:
    return Position(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
