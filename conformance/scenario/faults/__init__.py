"""What the network does to messages, as values and as the logic that picks the message. No I/O.

    fault.py   what a fault is: what becomes of the message, the same on every stage, and what the caller's client then sees
    kinds/     one fault, one file; a new file there is a new word of scenarios, of `duijie network` and of the timeline
    rule.py    which message a fault is meant for, in business words; and background noise
    plan.py    told of every call in order, it says what becomes of it

The virtual network and the proxies of a live pair ask the same plan, so the same message meets the same fate on both.
"""

from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, Reply, Ruin, fault, faults
from conformance.scenario.faults.plan import Decision, FaultPlan, is_overtaken
from conformance.scenario.faults.rule import CUT, RESTORE, FaultRule, Hop, Noise, rule_record

__all__ = [
    "CUT",
    "RESTORE",
    "Decision",
    "Fate",
    "Fault",
    "FaultPlan",
    "FaultRule",
    "FaultWhat",
    "Hop",
    "Noise",
    "Reply",
    "Ruin",
    "fault",
    "faults",
    "is_overtaken",
    "rule_record",
]
