"""Correct a refused form: the same form with some fields changed by a person (RCPT-2)."""

import types
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from bridge.vocabulary.forms import Form
from bridge.vocabulary.times import in_shanghai


class RepairMistake(ValueError):
    """A change that names no field of the form, or gives it a value of the wrong kind."""

    def __init__(self, field: str, message_zh: str, message_en: str):
        self.field = field
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(message_en)


def corrected(form: Form, changes: Mapping[str, Any]) -> Form:
    """Return the form with these fields changed; names in snake case, values as JSON gives them.

    The case number cannot be changed: a form belongs to its case for ever.
    """
    hints = get_type_hints(type(form))
    changeable = {f.name for f in fields(form)} - {"case_number", "attachments"}
    values = {}
    for name, value in changes.items():
        if name not in changeable:
            raise RepairMistake(
                name,
                f"{form.form_type} 没有可修正的字段 {name};可修正:{'、'.join(sorted(changeable))}。",
                f"{form.form_type} has no field {name} to correct; it has {', '.join(sorted(changeable))}.",
            )
        values[name] = _as(hints[name], name, value)
    return replace(form, **values)


def _as(hint: Any, name: str, value: Any) -> Any:
    """Read a JSON value as the field's type."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    (wanted,) = (option for option in options if option is not type(None))
    if wanted is datetime and isinstance(value, str):
        try:
            return in_shanghai(datetime.fromisoformat(value))
        except ValueError:
            raise _wrong(name, value) from None
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        try:
            return wanted(value)
        except ValueError:
            raise _wrong(name, value) from None
    # bool is an int for Python, not for a form.
    if wanted in (str, int, bool) and type(value) is wanted:
        return value
    raise _wrong(name, value)


def _wrong(name: str, value: Any) -> RepairMistake:
    return RepairMistake(name, f"字段 {name} 不能取值 {value!r}。", f"{value!r} is no value for the field {name}.")
