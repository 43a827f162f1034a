"""Vocabulary values as plain data for JSON, and back, without loss.

A value says what it is under `is`; everything else stands under the names of its fields. What a
field may hold is read off the vocabulary's own types, so nothing needs to be listed twice.
"""

import types
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

from bridge.vocabulary import calls, forms, messages

_CLASSES: dict[str, Any] = {
    name: found
    for module in (calls, forms, messages)
    for name, found in vars(module).items()
    if isinstance(found, type) and is_dataclass(found)
}


def to_plain(value: Any) -> Any:
    """Make plain data of a value."""
    if is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, Any] = {"is": type(value).__name__}
        for item in fields(value):
            content = getattr(value, item.name)
            if content is not None:
                plain[item.name] = to_plain(content)
        return plain
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    return value


def from_plain(plain: Any) -> Any:
    """Make the value of which `to_plain` made this data."""
    cls = _CLASSES[plain["is"]]
    readers = _readers(cls)
    return cls(
        **{name: readers[name](content) for name, content in plain.items() if name != "is"} | _absent(cls, plain)
    )


def _absent(cls: Any, plain: dict[str, Any]) -> dict[str, Any]:
    """What was left out was None; a field without a default must still be given."""
    return {item.name: None for item in fields(cls) if item.name not in plain}


_READERS: dict[Any, dict[str, Callable[[Any], Any]]] = {}


def _readers(cls: Any) -> dict[str, Callable[[Any], Any]]:
    if cls not in _READERS:
        hints = get_type_hints(cls)
        _READERS[cls] = {item.name: _reader(hints[item.name]) for item in fields(cls)}
    return _READERS[cls]


def _reader(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) is tuple:
        one = _reader(get_args(hint)[0])
        return lambda content: tuple(one(item) for item in content)
    if isinstance(hint, types.UnionType):
        hint = next(option for option in get_args(hint) if option is not type(None))
    if is_dataclass(hint):
        return from_plain
    if hint is datetime:
        return datetime.fromisoformat
    if hint is bytes:
        return b64decode
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return lambda content: content
