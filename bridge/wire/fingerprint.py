"""What makes two sendings the same sending (RCPT-6)."""

import hashlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_type_hints

from bridge.vocabulary.forms import FORM_CLASSES, Form, FormType
from bridge.wire.forms import unwrapped

_Canonical = Callable[[Any, list[str]], None]


def fingerprint(form: Form) -> str:
    """SHA-256 over the content of a form, as hexadecimal digits (RCPT-6).

    Equal for equal content, whatever prefixes, zones, character sets or blanks it was written with on the wire. An
    attachment counts by its own digest, which the reader has held against its content.
    """
    pieces = [form.form_type.value]
    _FORMS[form.form_type](form, pieces)
    return hashlib.sha256("".join(pieces).encode()).hexdigest()


def _canonical(cls: type) -> _Canonical:
    types = get_type_hints(cls)
    steps: list[tuple[str, bool, _Canonical]] = []
    for item in fields(cast(Any, cls)):
        kind, many = unwrapped(types[item.name])
        # The digest stands for the content.
        if kind is not bytes:
            steps.append(
                (item.name, many, _canonical(cast(type, kind)) if is_dataclass(kind) else _TEXTS.get(kind, _text))
            )

    def append(value: Any, pieces: list[str]) -> None:
        for name, many, put in steps:
            part = getattr(value, name)
            for one in part if many else () if part is None else (part,):
                pieces.append(f"\n{name}=")
                put(one, pieces)
        pieces.append("\n.")

    return append


def _text(value: Any, pieces: list[str]) -> None:
    # The length in front keeps a text from passing for the fields after it.
    text = str(value)
    pieces.append(f"{len(text)}:{text}")


def _moment(value: datetime, pieces: list[str]) -> None:
    pieces.append(value.astimezone(UTC).isoformat())


_TEXTS: dict[Any, _Canonical] = {datetime: _moment}
_FORMS: dict[FormType, _Canonical] = {form_type: _canonical(cls) for form_type, cls in FORM_CLASSES.items()}
