"""What the network and the machines did, read off the marks that the trace keeps, as faults that can be told again.

Noise has no place in it: each message that met something gets a rule of its own, by case, form, ordinal, hop and sending. A message that
was held back and never came is taken for lost.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Outcome, Record, Trace, when
from conformance.scenario.faults import CUT, RESTORE, FaultRule, FaultWhat, Hop, faults

_CRASH, _REPEAT, _LOSE = "crash", "repeat", "lose"
_SECOND = timedelta(seconds=1)
#: Seconds that are added where something else than time let a message go.
_NEVER_MIND = 600
#: How long an answer was held back is nowhere to be seen; its caller had given up by then.
_UNSEEN = 60
_HELD_BACK = frozenset({"delay", "reorder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Something that happened to a line or a machine at a moment: a line cut or restored, a restart."""

    n: int
    at: datetime
    #: `cut`, `restore` or `restart`.
    what: str
    party: Party


def turns(trace: Trace) -> Iterator[Turn]:
    """Lines cut and restored, and restarts that were nobody's answer to a message."""
    records = trace.records
    for place, record in enumerate(records):
        if record.get("type") == "restart":
            near = (*records[max(0, place - 1) : place], *records[place + 1 : place + 2])
            if not any(each.get("type") == "answer" and each.get("network") == _CRASH for each in near):
                yield Turn(n=int(record["n"]), at=when(record), what="restart", party=Party(record["party"]))
        elif record.get("type") == "fault_rule":
            rule = record.get("rule") or {}
            if rule.get("kind") in (CUT, RESTORE):
                yield Turn(n=int(record["n"]), at=when(record), what=rule["kind"], party=Party(rule["party"]))


def met(trace: Trace) -> dict[str, list[FaultRule]]:
    """What messages met, by the case that they are about."""
    found: dict[str, list[FaultRule]] = defaultdict(list)
    answers = {record.get("call"): record for record in trace.of_type("answer")}
    ordinals: dict[tuple[str, str], list[str]] = defaultdict(list)
    sent: Counter[tuple[str, str, str, bool]] = Counter()
    again = _by_network(trace)
    known = faults()
    for record in trace.of_type("call"):
        receipt = record.get("receipt")
        if record.get("injected") or record.get("by_network") or "form_type" not in record:
            continue
        number, form_type = str(record.get("case_number")), str(record["form_type"])
        message_id = str((receipt or {}).get("formMessageId") or record.get("message_id"))
        if receipt is None and message_id not in ordinals[number, form_type]:
            ordinals[number, form_type].append(message_id)
        hop = (message_id, str(record["from"]), str(record["to"]), receipt is not None)
        sent[hop] += 1
        answer = answers.get(record.get("call")) or {}
        later = again.get((str(record.get("message_id")), str(record["from"]), str(record["to"])), [])
        kind, what, seconds = _what(record, answer, later)
        if kind not in known or message_id not in ordinals[number, form_type]:
            continue
        found[number].append(
            FaultRule(
                kind=kind,
                what=what,
                of=FormType(form_type),
                nth=ordinals[number, form_type].index(message_id) + 1,
                case=number,
                hop=_hop(record),
                attempt=sent[hop],
                seconds=seconds,
            )
        )
    return found


def _by_network(trace: Trace) -> dict[tuple[str, str, str], list[Record]]:
    found: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in trace.of_type("call"):
        if record.get("by_network"):
            found[str(record.get("message_id")), str(record["from"]), str(record["to"])].append(record)
    return found


def _what(record: Record, answer: Record, later: list[Record]) -> tuple[str, FaultWhat, int]:
    """The fault that a call met, what it hit, and how long it held it back; no name when it met none."""
    receipt = "receipt" in record
    itself, reply = (FaultWhat.RECEIPT, FaultWhat.RECEIPT_ANSWER) if receipt else (FaultWhat.FORM, FaultWhat.ANSWER)
    kind = str(answer.get("network") or "")
    if kind == _CRASH:
        return kind, FaultWhat.FORM, 0
    if kind:
        hit = reply if answer.get("outcome") == Outcome.LOST else itself
        if kind in _HELD_BACK and hit is itself:
            came = next((each for each in later if each["n"] > record["n"] and each.get("network") == kind), None)
            if came is None:
                return _LOSE, itself, 0
            return kind, itself, _held_back(when(came) - when(record))
        return kind, hit, _UNSEEN if kind in _HELD_BACK else 0
    if any(each["n"] > record["n"] and each["at"] == record["at"] and each.get("network") == _REPEAT for each in later):
        return _REPEAT, itself, 0
    return "", itself, 0


def _held_back(wait: timedelta) -> int:
    """How long a message is held back at the most; one that came in the midst of a second was overtaken before that."""
    seconds = -(-wait // _SECOND)
    return max(1, seconds) if wait == seconds * _SECOND else seconds + _NEVER_MIND


def _hop(record: Record) -> Hop | None:
    """On which part of its own way the message was; nothing where there is one part only."""
    if Party.BRIDGE not in (record["from"], record["to"]):
        return None
    return Hop.FIRST if record["to"] == Party.BRIDGE else Hop.LAST
