"""Which optional fields the urban platform leaves out of its forms when it is not calm."""

from dataclasses import replace
from typing import Any

from bridge.vocabulary.forms import Closing, Form, StageProgress
from simulators.exchange.quirks import Quirks

#: Fields that say something helpful and are not needed to understand the form.
_OPTIONAL: dict[type[Form], tuple[str, ...]] = {StageProgress: ("note",), Closing: ("note",)}


def dressed(form: Form, quirks: Quirks, key: str) -> Form:
    """Return the form as it goes out: some optional fields absent, as the quirk `optional_fields` has it."""
    absent: dict[str, Any] = {
        name: None
        for name in _OPTIONAL.get(type(form), ())
        if not quirks.keeps_optional(f"{form.form_type}/{name}", key)
    }
    return replace(form, **absent) if absent else form
