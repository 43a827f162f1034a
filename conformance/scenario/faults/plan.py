"""Picks the message that a fault is meant for.

A rule names a message in business words: the receipt of the second dispatch of a case. `FaultPlan` is told of every
call in order, by the virtual network or by the proxies of a live pair, and says what becomes of it. The same plan on
both gives the same fate to the same message.

    form            the form itself; by default on the hop into the platform that it is for
    receipt         its receipt; by default on the hop out of the platform that gives it. Where that platform gives receipts
                    in the response, the response is what is hit
    answer          whatever answers the call that carried the form, on the hop of the form
    receipt_answer  whatever answers the call that carried the receipt, on the hop of the receipt

Ordinals count the distinct forms (by message id) of that type and case in the order in which they are first sent.
A rule without `attempt` acts once, on the next message that fits; `attempt: 2` waits for the second sending of that
very message over that hop; `attempt: every` goes on for ever.

Noise draws for each message from its seed and from what the message *is*: case, form, ordinal, hop and sending, never from
ids or from the order of arrival. So it hits the same messages on every stage and in every run.
"""

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256

from bridge.vocabulary.calls import Answered, Ending, Message
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import FormMessage, ReceiptMessage
from bridge.vocabulary.parties import Party
from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, Reply, Ruin, fault
from conformance.scenario.faults.rule import CUT, RESTORE, FaultRule, Hop, Noise


@dataclass(frozen=True, slots=True)
class Decision:
    """The fate of one call, and the rule that brought it about."""

    fate: Fate
    rule: FaultRule | None = None

    @property
    def seconds(self) -> int:
        """How long the message is held back."""
        return 0 if self.rule is None else self.rule.seconds

    @property
    def kind(self) -> str | None:
        """The name of the fault that was met."""
        return None if self.rule is None else self.rule.kind

    @property
    def fault(self) -> Fault | None:
        """The fault that was met."""
        return None if self.rule is None else fault(self.rule.kind)

    def ruin(self, reply: Reply | None) -> Ruin:
        """What the caller sees; only for a decision that came of a rule."""
        if self.rule is None:
            raise ValueError("nothing spoils this answer")
        return fault(self.rule.kind).ruin(reply, self.rule.params)


_PASS = Decision(Fate.PASS)


class FaultPlan:
    """Says what becomes of each call. Ask `of_call` once when a call leaves, then `of_answer` once when it is answered."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._noise = Noise()
        self._cut: set[Party] = set()
        #: Message ids of each case's forms by type, in order of first sending.
        self._forms: dict[tuple[str, FormType], list[str]] = defaultdict(list)
        #: How often a message went over a hop: (what, form's message id, mover, receiver).
        self._seen: dict[tuple[FaultWhat, str, Party, Party], int] = defaultdict(int)

    def add(self, rule: FaultRule | Noise) -> None:
        """Take a rule on; noise takes the place of the noise before."""
        if isinstance(rule, Noise):
            self._noise = rule
        elif rule.kind == CUT and rule.party is not None:
            self._cut.add(rule.party)
        elif rule.kind == RESTORE and rule.party is not None:
            self._cut.discard(rule.party)
        else:
            self._rules.append(rule)

    @property
    def pending(self) -> tuple[FaultRule, ...]:
        """Rules that have not acted yet, and those that go on for ever."""
        return tuple(self._rules)

    def is_cut(self, sender: Party, to: Party) -> bool:
        """Whether there is no connection between the two just now."""
        return bool(self._cut & {sender, to})

    def of_call(self, sender: Party, to: Party, message: Message) -> Decision:
        """The fate of a call that leaves now."""
        if self.is_cut(sender, to):
            # Without a connection nothing leaves: a proxy would never hear of it, so it counts for no ordinal.
            return Decision(Fate.NOT_REACHED)
        if isinstance(message, FormMessage):
            known = self._forms[(message.form.case_number, message.form.form_type)]
            if message.header.message_id not in known:
                known.append(message.header.message_id)
            key = (message.form.case_number, message.form.form_type, message.header.message_id)
            return self._decide(FaultWhat.FORM, FaultWhat.ANSWER, key, sender, to)
        if isinstance(message, ReceiptMessage):
            receipt = message.receipt
            key = (receipt.case_number, receipt.form_type, receipt.form_message_id)
            return self._decide(FaultWhat.RECEIPT, FaultWhat.RECEIPT_ANSWER, key, sender, to)
        return _PASS

    def of_answer(self, sender: Party, to: Party, message: Message, ending: Ending) -> Decision:
        """The fate of the answer that `to` has just given to `sender`'s call."""
        if not (isinstance(message, FormMessage) and isinstance(ending, Answered) and ending.receipt is not None):
            return _PASS
        receipt = ending.receipt
        key = (receipt.case_number, receipt.form_type, receipt.form_message_id)
        rule = self._match(FaultWhat.RECEIPT, key, to, sender)
        return _PASS if rule is None else Decision(fault(rule.kind).fate_of(FaultWhat.ANSWER), rule)

    def _decide(
        self, itself: FaultWhat, answer: FaultWhat, key: tuple[str, FormType, str], sender: Party, to: Party
    ) -> Decision:
        for what in (itself, answer):
            rule = self._match(what, key, sender, to)
            if rule is not None:
                return Decision(fault(rule.kind).fate_of(what), rule)
        return self._drawn(itself, answer, key, sender, to)

    def _match(
        self, what: FaultWhat, key: tuple[str, FormType, str], mover: Party, receiver: Party
    ) -> FaultRule | None:
        case_number, form_type, message_id = key
        self._seen[(what, message_id, mover, receiver)] += 1
        if not self._rules:
            return None
        attempt = self._seen[(what, message_id, mover, receiver)]
        ordinal = self._ordinal(key)
        hops = {hop for hop, end in ((Hop.FIRST, mover), (Hop.LAST, receiver)) if end is not Party.BRIDGE}
        for rule in self._rules:
            if (
                rule.what is what
                and rule.of is form_type
                and rule.nth == ordinal
                and rule.case in (None, case_number)
                and rule.where in hops
                and rule.attempt in (None, attempt)
            ):
                if not rule.every:
                    self._rules.remove(rule)
                return rule
        return None

    def _ordinal(self, key: tuple[str, FormType, str]) -> int:
        case_number, form_type, message_id = key
        known = self._forms.get((case_number, form_type), [])
        return known.index(message_id) + 1 if message_id in known else 0

    def _drawn(
        self, itself: FaultWhat, answer: FaultWhat, key: tuple[str, FormType, str], sender: Party, to: Party
    ) -> Decision:
        """What the noise does to this message, which no rule has named."""
        noise = self._noise
        if not noise.shares:
            return _PASS
        case_number, form_type, message_id = key
        attempt = self._seen[(itself, message_id, sender, to)]
        identity = f"{noise.seed}/{case_number}/{form_type}/{self._ordinal(key)}/{itself}/{sender}/{to}/{attempt}"
        drawn, side, wait = _fractions(identity)
        drawn *= 100
        for name, share in noise.shares.items():
            drawn -= share
            if drawn < 0:
                met = fault(name)
                possible = [what for what in (itself, answer) if what in met.hits]
                what = possible[int(side * len(possible))]
                rule = FaultRule(
                    kind=name,
                    what=what,
                    of=form_type,
                    nth=self._ordinal(key),
                    case=case_number,
                    seconds=1 + int(wait * noise.up_to_seconds),
                )
                return Decision(met.fate_of(what), rule)
        return _PASS


def _fractions(identity: str) -> tuple[float, float, float]:
    """Three numbers from 0 up to 1 that hang on nothing but the text."""
    digest = sha256(identity.encode()).digest()
    first, second, third = (int.from_bytes(digest[at : at + 8], "big") / 2**64 for at in (0, 8, 16))
    return first, second, third


def is_overtaken(held: tuple[Party, Party, Message], passing: tuple[Party, Party, Message]) -> bool:
    """Whether a message that is held back is overtaken by this one, which left after it.

    It is by a form or a receipt on the same line, in either direction, that belongs to another case or goes the other way.
    The next form of its own case and direction waits for its receipt (RCPT-4), so it could never be that.
    """
    (sender, to, message), (other_sender, other_to, other) = held, passing
    if {sender, to} != {other_sender, other_to} or not isinstance(other, FormMessage | ReceiptMessage):
        return False
    return other_sender is not sender or _case_of(other) != _case_of(message)


def _case_of(message: Message) -> str | None:
    if isinstance(message, FormMessage):
        return message.form.case_number
    return message.receipt.case_number if isinstance(message, ReceiptMessage) else None
