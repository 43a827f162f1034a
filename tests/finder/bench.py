"""A bridge on a bench: a machine plays both platforms, the clock and the people, and sees everything that the bridge wants done."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import sample_forms as sample

from bridge.core.desk import Desk, DeskRefused
from bridge.core.effects import Send
from bridge.core.ports import OutboxItem, Store
from bridge.core.shell import Shell, Verdict
from bridge.stores.memory import MemoryStore
from bridge.vocabulary.calls import Answered, Ending
from bridge.vocabulary.messages import CasePage, CaseQuery, Fault, FormMessage, Header, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile

#: What the desk says of a receipt that was kept.
_KEPT = ("form_message_id", "kept_as", "reason", "given_by", "form_type", "outcome", "code")
ShellMaker = Callable[[Profile, Store], Shell]


class Bridge:
    """One bridge over its store."""

    def __init__(self, profile: Profile, make: ShellMaker, store: Store | None = None):
        self.profile, self._make = profile, make
        self.store: Store = store or MemoryStore()
        self.now = sample.MONDAY
        self.restart()
        #: Sendings that were begun and have not ended, by the form's message id, the oldest first.
        self.on_the_way: dict[str, list[OutboxItem]] = defaultdict(list)
        #: How calls with receipts end.
        self.receipt_calls_end: Ending = Answered()
        #: Whether receipts are given in responses that are still open, instead of calls of their own.
        self.callers_wait = False
        #: The envelopes that crossed, as the journal should have them.
        self.envelopes: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._notices = self._kept = 0
        self.sent: list[tuple[str, str, int]] = []
        self.given: list[tuple[str, str, str, str | None]] = []
        #: The same, as they are.
        self.messages: list[FormMessage] = []
        self.receipts: list[Receipt] = []

    def restart(self) -> None:
        """The process ends and another begins over the same store."""
        self.shell = self._make(self.profile, self.store)
        self.desk = Desk(self.shell)

    # ── what comes in ──

    def form_comes(self, side: Side, message: FormMessage, *, by_query: bool = False) -> Verdict:
        """A platform sends a form, or a query shows one."""
        verdict = self.shell.receive_form(
            side, message, sample.fingerprint(message.form), at=self.now, by_query=by_query, raw=b"<form/>"
        )
        self.envelopes["envelope.in"] += 1
        self._carry()
        return verdict

    def unreadable_form_comes(self, side: Side, header: Header, fault: Fault) -> Verdict:
        """A form comes of which no more than the header can be read."""
        verdict = self.shell.refuse_form(side, header, [fault], at=self.now, raw=b"<form/>")
        self.envelopes["envelope.in"] += 1
        self._carry()
        return verdict

    def receipt_comes(self, side: Side, receipt: Receipt, number: int, *, sender: str | None = None) -> Verdict:
        """A platform gives a receipt as a call of its own."""
        header = Header(
            message_id=sample.message_id(900_000 + number),
            sender=sender or self.profile.platform(side).code,
            recipient=self.profile.platform(side.other).code,
            case_number=receipt.case_number,
            form_type=receipt.form_type,
            attempt=1,
            sent_at=self.now,
        )
        message = ReceiptMessage(header=header, receipt=receipt)
        verdict = self.shell.receive_receipt(side, message, at=self.now, raw=b"<receipt/>")
        self.envelopes["envelope.in"] += verdict.fault is None
        self._carry()
        return verdict

    def sending_ends(self, message_id: str, ending: Ending) -> int:
        """The oldest sending of the form ends so; gives its attempt."""
        item = self.on_the_way[message_id].pop(0)
        self._ends(item, ending)
        self._carry()
        effect = item.effect
        return effect.message.header.attempt if isinstance(effect, Send) else 0

    def time_passes(self, by: timedelta) -> int:
        """The clock moves on, and what is due is done; how much that is."""
        self.now += by
        fired = self.shell.fire_due(self.now)
        self._carry()
        return fired

    def clock_goes_back(self, by: timedelta) -> None:
        """The clock is set back."""
        self.now -= by
        self.shell.clock_set_back(by, self.now)
        self._carry()

    def person_acts(self, act: str, params: Mapping[str, Any], by: str | None = "li") -> str:
        """A person acts at the desk: the state that it leads to, or the code of its refusal."""
        try:
            return str(self.desk.act(f"bridge.{act}", params, self.now, by)["state"])
        except DeskRefused as refused:
            return refused.code
        finally:
            self._carry()

    def query(self, side: Side, query: CaseQuery) -> CasePage | Fault:
        """A platform asks for the handed-over cases."""
        return self.shell.query(side, query)

    # ── what is seen of it ──

    def ask(self, name: str, **params: Any) -> Any:
        """What the desk says."""
        return self.desk.ask(name, params, self.now)

    def new_notices(self) -> list[tuple[str, ...]]:
        """Who was told what since the last look."""
        notices = self.ask("notices")
        fresh, self._notices = notices[self._notices :], len(notices)
        return [(each["duty"], each["kind"], each["phase"], each["case_number"]) for each in fresh]

    def new_kept(self) -> list[tuple[str | None, ...]]:
        """The receipts that were kept since the last look, and why."""
        kept = self.ask("receipts_kept")
        fresh, self._kept = kept[self._kept :], len(kept)
        return [tuple(each[name] for name in _KEPT) for each in fresh]

    def _carry(self) -> None:
        """Take what is committed: receipts are given at once, forms are on their way until a machine ends their sending."""
        while fresh := [item for item in self.store.outbox(limit=10_000) if item.key not in self._seen]:
            for item in fresh:
                self._seen.add(item.key)
                effect = item.effect
                if isinstance(effect, Send):
                    header = effect.message.header
                    self.on_the_way[header.message_id].append(item)
                    self.sent.append((effect.to.value, header.message_id, header.attempt))
                    self.messages.append(effect.message)
                else:
                    receipt = effect.receipt
                    code = None if receipt.fault is None else receipt.fault.code.value
                    self.receipts.append(receipt)
                    self.given.append((effect.to.value, receipt.form_message_id, receipt.outcome.value, code))
                    if not (self.callers_wait and self.shell.take_receipt(receipt.form_message_id, at=self.now)):
                        self._ends(item, self.receipt_calls_end)

    def _ends(self, item: OutboxItem, ending: Ending) -> None:
        answered = isinstance(ending, Answered)
        self.shell.send_ended(item, ending, at=self.now, sent=b"<call/>", answer=b"<answer/>" if answered else None)
        self.envelopes["envelope.out"] += 1
        self.envelopes["answer.in"] += answered
