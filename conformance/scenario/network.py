"""From the words about the network to the rules that its plan understands."""

from collections.abc import Callable, Mapping
from typing import Any

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from conformance.scenario.clock import read_duration
from conformance.scenario.faults import FaultRule, FaultWhat, Hop, Noise, faults

#: How long a message waits to be overtaken, and the longest that noise holds one back, where the story does not say.
HELD_BACK_SECONDS = 600


def read_share(text: str) -> float:
    """`2%` as 2.0."""
    return float(text.removesuffix("%"))


def read_rule(word: str, params: Mapping[str, Any], case_number: Callable[[str], str]) -> FaultRule | Noise:
    """The rule that a checked step says; `case_number` turns the name of a case into its number."""
    kind = word.removeprefix("network.")
    if kind == "calm":
        return Noise()
    if kind == "noise":
        shares = {name: read_share(params[name]) for name in faults() if name in params}
        longest = _seconds(params["up_to"]) if "up_to" in params else HELD_BACK_SECONDS
        return Noise(seed=params["seed"], shares=shares, up_to_seconds=longest)
    if "party" in params:
        return FaultRule(kind=kind, party=Party(params["party"]))
    fault, attempt = faults()[kind], params.get("attempt")
    return FaultRule(
        kind=kind,
        what=FaultWhat(params.get("what", fault.hits[0])),
        of=FormType(params["of"]),
        nth=params.get("nth", 1),
        case=case_number(params["case"]) if "case" in params else None,
        hop=Hop(params["hop"]) if "hop" in params else None,
        attempt=attempt if isinstance(attempt, int) else None,
        every=attempt == "every",
        seconds=_seconds(params["for"]) if "for" in params else HELD_BACK_SECONDS if "for" in fault.params else 0,
        params={name: params[name] for name in fault.params if name in params and name != "for"},
    )


def _seconds(text: str) -> int:
    return int(read_duration(text).total_seconds())
