"""Which optional fields the grid platform leaves out of its forms when it is not calm."""

from dataclasses import replace
from typing import Any, TypeVar

from bridge.vocabulary.forms import Closing, Form, HandOver, VerificationResult
from simulators.exchange.quirks import Quirks

_F = TypeVar("_F", bound=Form)

#: Fields that say something helpful and are not needed to understand the form.
_OPTIONAL: dict[type[Any], tuple[str, ...]] = {
    HandOver: ("reporter_phone", "position"),
    VerificationResult: ("note",),
    Closing: ("note",),
}


def dressed(form: _F, quirks: Quirks) -> _F:
    """Return the form as it goes out: some optional fields absent, as the quirk `optional_fields` has it."""
    absent: dict[str, Any] = {
        name: None
        for name in _OPTIONAL.get(type(form), ())
        if not quirks.keeps_optional(f"{form.form_type}/{name}", form.case_number)
    }
    return replace(form, **absent) if absent else form
