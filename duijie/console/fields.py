"""What a person fills in for an act: the fields of its form, and the parameters that the answers make."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duijie.console import names
from duijie.console.names import Choice
from simulators.openapi import PARAMETERS, Act

#: What stands between the parts of a list: a comma of either width, or the mark for enumerations. Escaped, because they look alike.
_COMMAS = re.compile("[,\uff0c\u3001]")
#: Fields that hold more than a line.
_LONG = frozenset({"description", "reason", "note", "result", "text"})


class NotAnAnswer(ValueError):
    """What was written into a field cannot be its value."""

    def __init__(self, name: str, zh: str, en: str):
        self.name, self.zh, self.en = name, zh, en
        super().__init__(en)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    zh: str
    en: str
    #: text, long, number, choice, named, yes_no, list, photos, cell or object.
    kind: str
    required: bool
    choices: tuple[str, ...] = ()
    #: Choices that come from the city's tables, with their names.
    named: tuple[Choice, ...] = ()


def parts(text: str) -> list[str]:
    """The parts of a list that somebody wrote into one field."""
    return [part.strip() for part in _COMMAS.split(text) if part.strip()]


def fields(act: Act) -> tuple[Field, ...]:
    """The fields of an act, those that must be filled in first; the case is no field, it is known."""
    named = [(name, True) for name in act.required] + [(name, False) for name in act.optional]
    return tuple(_field(act, name, required) for name, required in named if name != "case")


def _field(act: Act, name: str, required: bool) -> Field:
    schema, zh, en = PARAMETERS.get(f"{act.name}.{name}") or PARAMETERS[name]
    kind = {"integer": "number", "boolean": "yes_no", "array": "list", "object": "object"}.get(
        schema.get("type", ""), "long" if name in _LONG else "text"
    )
    if name == "photos":
        kind = "photos"
    elif name == "cell":
        kind = "cell"
    choices = tuple(schema.get("enum", ()))
    named = names.choices(name)
    return Field(name, zh, en, "named" if named else "choice" if choices else kind, required, choices, named)


def params(act: Act, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that a filled-in form makes; empty fields are left out. Raises `NotAnAnswer`."""
    return {field.name: _value(field, text) for field in fields(act) if (text := given.get(field.name, "").strip())} | (
        {"case": given["case"]} if given.get("case") else {}
    )


def _value(field: Field, text: str) -> Any:
    if field.kind == "number":
        if not text.lstrip("-").isdecimal():
            raise NotAnAnswer(
                field.name, f"{field.zh}应为整数,不是 {text}", f"{field.en} is a whole number, not {text}"
            )
        return int(text)
    if field.kind == "yes_no":
        return text == "yes"
    if field.kind in ("list", "photos"):
        return parts(text)
    if field.kind == "object":
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NotAnAnswer(
                field.name,
                f'{field.zh}应为 JSON 对象,如 {{"address": "中山路 1 号"}}',
                f'{field.en} is a JSON object, such as {{"address": "1 Zhongshan Road"}}',
            )
        return found
    return text
