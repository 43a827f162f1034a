"""What the network is told to do: a fault for one message, a line cut, or background noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from conformance.scenario.faults.fault import FaultWhat

#: Not faults of a message but of every line of a party: no connection to or from it, until it is restored.
CUT = "cut"
RESTORE = "restore"


class Hop(StrEnum):
    """Where on its own way the message is hit; without a bridge there is one hop and it is both."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One thing that the network is to do."""

    #: The name of a fault, `cut` or `restore`.
    kind: str
    what: FaultWhat = FaultWhat.FORM
    #: None only for `cut` and `restore`.
    of: FormType | None = None
    nth: int = 1
    #: The case number; None for the first case that fits.
    case: str | None = None
    #: None for the default hop of `what`.
    hop: Hop | None = None
    #: Which sending of the message; None for the next one.
    attempt: int | None = None
    #: True when the rule is not used up.
    every: bool = False
    #: How long a delay lasts.
    seconds: int = 0
    #: What else the fault wants to know, such as the status of a proxy's page.
    params: Mapping[str, int] = field(default_factory=dict)
    #: Who is cut off.
    party: Party | None = None

    @property
    def where(self) -> Hop:
        """The hop on which the rule acts."""
        if self.hop is not None:
            return self.hop
        return Hop.FIRST if self.what in (FaultWhat.RECEIPT, FaultWhat.RECEIPT_ANSWER) else Hop.LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Faults that any message may meet, as the seed has it; without shares the network is calm again."""

    seed: int = 0
    #: For each fault by name, how many in a hundred messages meet it on each hop.
    shares: Mapping[str, float] = field(default_factory=dict)
    #: The longest that a message is held back.
    up_to_seconds: int = 600


def rule_record(rule: FaultRule | Noise) -> dict[str, Any]:
    """A rule as the trace keeps it: what it says, without what it leaves open."""
    kind = {"kind": "noise" if rule.shares else "calm"} if isinstance(rule, Noise) else {}
    said = ((item.name, getattr(rule, item.name)) for item in fields(rule))
    return kind | {name: value for name, value in said if value not in (None, False, 0, {})}
