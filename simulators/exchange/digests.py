r"""One name for a form's content, so that books can be held against each other.

The bridge has a reading of its own of the same definition, so that one mistake cannot hide in both books. Written down
as text, field by field in the contract's order:

    handOver                             the form's type
    \ncase_number=24:340202-20260302-000001   a field: its name, the length of its text, its text
    \nposition=\nx=5:118.5\ny=4:31.3\n.     a field with fields of its own, ended by a dot
    \n.                                  the form's own end

A field that is absent is left out, one with several values is written several times. Moments are in UTC, without a length. The bytes of an
attachment are left out, because its own digest stands for them. SHA-256 over all this in UTF-8.
"""

import hashlib
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bridge.vocabulary.forms import Form


def digest(form: Form) -> str:
    """Name the content of a form, as hexadecimal digits."""
    pieces = [form.form_type.value]
    kind: Any = type(form)
    _write(form, _names(kind) or (), pieces)
    return hashlib.sha256("".join(pieces).encode()).hexdigest()


@cache
def _names(kind: Any) -> tuple[tuple[str, str], ...] | None:
    """The fields of a class, each with what is written in front of it; None for a value that has none."""
    return tuple((item.name, f"\n{item.name}=") for item in fields(kind)) if is_dataclass(kind) else None


def _write(value: Any, names: tuple[tuple[str, str], ...], pieces: list[str]) -> None:
    for name, head in names:
        content = getattr(value, name)
        if content is None:
            continue
        for one in content if type(content) is tuple else (content,):
            kind: Any = type(one)
            if kind is str:
                pieces.append(f"{head}{len(one)}:{one}")
            elif kind is datetime:
                pieces.append(f"{head}{one.astimezone(UTC).isoformat()}")
            elif kind is bytes or one is None:
                continue
            elif (inner := _names(kind)) is not None:
                pieces.append(head)
                _write(one, inner, pieces)
            else:
                text = str(one)
                pieces.append(f"{head}{len(text)}:{text}")
    pieces.append("\n.")
