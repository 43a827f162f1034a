"""The vocabulary's dataclasses as plain values that JSON can hold, and back: every field, by its own name.

What is kept must be readable years later, so nothing is pickled and nothing depends on class
layout: a field that is missing in an old text takes its default, one that is unknown is a mistake.
The converters of a class are put together once and kept.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from bridge.vocabulary.forms import FORM_CLASSES, Form, FormType

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]

#: Stands beside a form's fields and says which form it is.
FORM_TAG = "form_type"

_FORM_MEMBERS = frozenset(get_args(Form))


def to_plain(kind: Any, value: Any) -> Any:
    """`value`, of the type `kind`, as dicts, lists, texts, numbers, booleans and None."""
    return _converters(kind)[0](value)


def from_plain(kind: Any, plain: Any) -> Any:
    """The value of the type `kind` that `to_plain` made `plain` from."""
    return _converters(kind)[1](plain)


def fields_to_plain(kind: type, names: Iterable[str], value: Any) -> dict[str, Any]:
    """Some fields of a dataclass value."""
    hints = _hints(kind)
    return {name: to_plain(hints[name], getattr(value, name)) for name in names}


def fields_from_plain(kind: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields that `fields_to_plain` gave."""
    hints = _hints(kind)
    return {name: from_plain(hints[name], item) for name, item in plain.items()}


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _converters(kind: Any) -> tuple[Encode, Decode]:
    if kind in (str, int, bool, NoneType):
        return _same, _same
    if kind is float:
        # A whole number written by hand or by another JSON writer is a float all the same.
        return _same, float
    if kind is datetime:
        return datetime.isoformat, datetime.fromisoformat
    if kind is date:
        return date.isoformat, date.fromisoformat
    if kind is time:
        return _time_text, time.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_value, kind
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is dict:
        return _dict(arguments[1])
    if origin is set:
        return sorted, set
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind)
    raise TypeError(f"{kind!r} has no plain form")


def _same(value: Any) -> Any:
    return value


def _enum_value(value: Enum) -> Any:
    return value.value


def _time_text(value: time) -> str:
    return value.isoformat("minutes" if not value.second and not value.microsecond else "auto")


def _union(members: tuple[Any, ...]) -> tuple[Encode, Decode]:
    if frozenset(members) == _FORM_MEMBERS:
        return _form_to_plain, _form_from_plain
    inner = [member for member in members if member is not NoneType]
    if len(inner) != 1 or len(members) != 2:
        raise TypeError(f"only `X | None` and the forms have a plain form, not {members!r}")
    encode, decode = _converters(inner[0])
    return (
        lambda value: None if value is None else encode(value),
        lambda plain: None if plain is None else decode(plain),
    )


def _form_to_plain(form: Form) -> dict[str, Any]:
    kind: Any = type(form)
    plain: dict[str, Any] = _converters(kind)[0](form)
    return {FORM_TAG: form.form_type.value, **plain}


def _form_from_plain(plain: Mapping[str, Any]) -> Form:
    rest = dict(plain)
    kind: Any = FORM_CLASSES[FormType(rest.pop(FORM_TAG))]
    form: Form = _converters(kind)[1](rest)
    return form


def _tuple(arguments: tuple[Any, ...]) -> tuple[Encode, Decode]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        encode, decode = _converters(arguments[0])
        return (
            lambda values: [encode(value) for value in values],
            lambda plain: tuple(decode(item) for item in plain),
        )
    parts = [_converters(argument) for argument in arguments]
    return (
        lambda values: [part[0](value) for part, value in zip(parts, values, strict=True)],
        lambda plain: tuple(part[1](item) for part, item in zip(parts, plain, strict=True)),
    )


def _dict(kind: Any) -> tuple[Encode, Decode]:
    encode, decode = _converters(kind)
    return (
        lambda values: {key: encode(value) for key, value in values.items()},
        lambda plain: {key: decode(item) for key, item in plain.items()},
    )


def _dataclass(kind: type) -> tuple[Encode, Decode]:
    hints = _hints(kind)
    # Bytes never stand in JSON; whoever keeps them keeps them apart.
    names = [f.name for f in fields(kind) if bytes not in (hints[f.name], *get_args(hints[f.name]))]
    known = frozenset(names)
    parts = {name: _converters(hints[name]) for name in names}
    encoders = [(name, part[0]) for name, part in parts.items()]
    decoders = {name: part[1] for name, part in parts.items()}
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]

    def encode(value: Any) -> dict[str, Any]:
        return {name: convert(getattr(value, name)) for name, convert in encoders}

    def decode(plain: Mapping[str, Any]) -> Any:
        if not known.issuperset(plain):
            raise ValueError(f"{kind.__name__} has no {sorted(set(plain) - known)}")
        missing = [name for name in needed if name not in plain]
        if missing:
            raise ValueError(f"{kind.__name__} lacks {missing}")
        return kind(**{name: decoders[name](item) for name, item in plain.items()})

    return encode, decode
