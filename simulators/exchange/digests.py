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
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.vocabulary.forms import Form


def digest(form: Form) -> str:
    """Name the content of a form, as hexadecimal digits."""
    return hashlib.sha256(f"{form.form_type.value}{''.join(_members(form))}".encode()).hexdigest()


def _members(value: Any) -> Iterator[str]:
    for item in fields(value):
        content = getattr(value, item.name)
        for one in content if isinstance(content, tuple) else (content,):
            if one is None or isinstance(one, bytes):
                continue
            yield f"\n{item.name}="
            if is_dataclass(one):
                yield from _members(one)
            elif isinstance(one, datetime):
                yield one.astimezone(UTC).isoformat()
            else:
                text = str(one)
                yield f"{len(text)}:{text}"
    yield "\n."
