"""The short form of a fault's target: `receipt of dispatch #2 of c1 attempt 2 first hop`."""

import re
from typing import Any

from bridge.vocabulary.forms import FormType

_TARGET = re.compile(
    r"(?:(?P<what>answer of receipt|receipt|answer) of )?(?P<of>[a-zA-Z]+)(?: (?:#|no\. ?)?(?P<nth>[0-9]+))?"
    r"(?: of (?P<case>[A-Za-z0-9][A-Za-z0-9_-]{0,39}))?(?: (?:attempt (?P<attempt>[0-9]+)|(?P<every>every) attempt))?"
    r"(?: (?P<hop>first|last) hop)?"
)

#: Where the long form has a word of its own.
_WHAT = {"answer of receipt": "receipt_answer"}


class TargetInvalid(ValueError):
    """A target that names no message."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


def read_target(text: str) -> dict[str, Any]:
    """The target's parts under the names of the long form; raises `TargetInvalid`."""
    match = _TARGET.fullmatch(text.strip())
    if match is None:
        raise TargetInvalid(
            f"看不懂“{text}”,应写作 receipt of dispatch #2 of c1 之类",
            f"'{text}' names no message; write it like receipt of dispatch #2 of c1",
        )
    parts: dict[str, Any] = {"what": _WHAT.get(match["what"], match["what"] or "form"), "of": match["of"]}
    if match["of"] not in {form_type.value for form_type in FormType}:
        listed = ", ".join(form_type.value for form_type in FormType)
        raise TargetInvalid(
            f"没有名为“{match['of']}”的表单;可用:{listed}", f"there is no form '{match['of']}'; known are {listed}"
        )
    if match["nth"] is None:
        raise TargetInvalid(f"须说明第几份,如 {text} #1", f"which one is meant must be said, for example {text} #1")
    parts["nth"] = int(match["nth"])
    if parts["nth"] < 1:
        raise TargetInvalid("序号从 1 起", "ordinals count from 1")
    if match["case"]:
        parts["case"] = match["case"]
    if match["every"]:
        parts["attempt"] = "every"
    elif match["attempt"]:
        parts["attempt"] = int(match["attempt"])
    if match["hop"]:
        parts["hop"] = match["hop"]
    return parts
