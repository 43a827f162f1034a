"""The bridge's own desk: what a person may ask it and do at it, as JSON-able values.

The control port, the command line and virtual time all answer through this one module, so that a question has one answer.

    asks   case {case} · cases · under_way {case?, state?, platform?, type?, older_than?} · parked · form {message} ·
           receipts_kept {case?} · outbox · notices · journal {case?, after?, limit?} · audit
    acts   bridge.park · bridge.release · bridge.resend · bridge.abandon {case, reason, message? | type?}

Every act bears the name of a person and a reason, and stands in the audit, refused ones too.

Nothing here shows what a form says: ids, types and states only, never names, phones, words or photos.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.core.audit import AuditEntry, SealedEntry, first_broken
from bridge.core.effects import KeepReceipt, Notify, Send
from bridge.core.engine import OPERATOR_ACTS
from bridge.core.errors import BridgeError, OperatorMistake, StoreUnavailable
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.ports import JournalEntry, OutboxItem
from bridge.core.shell import Shell
from bridge.rules.delivery import DELIVERY
from bridge.vocabulary.messages import Header, Receipt

#: Entries of the journal in one answer, unless asked for fewer.
JOURNAL_MAX = 100_000

#: Sendings in one answer; an outbox holds what is under way just now.
OUTBOX_MAX = 100_000

#: What a person can do, and in which states of the form, straight from the delivery table.
ACTS: dict[str, frozenset[DeliveryState]] = {
    f"bridge.{act}": frozenset(state for state, row in DELIVERY.items() if happening in row)
    for act, happening in OPERATOR_ACTS.items()
}
#: A name of a person, and what somebody gives as a reason.
BY_LENGTH, REASON_LENGTH = 100, 500


class DeskRefused(BridgeError):
    """A question or an act that the desk refuses, with a code and a sentence in each language."""

    def __init__(self, code: str, message_zh: str, message_en: str):
        self.code, self.message_zh, self.message_en = code, message_zh, message_en
        super().__init__(message_en)


class Desk:
    """The desk over one shell."""

    def __init__(self, shell: Shell):
        self._shell = shell
        self._store = shell.store
        self._answers: dict[str, Callable[[Mapping[str, Any], datetime], Any]] = {
            "case": self._case,
            "cases": self._cases,
            "under_way": self._under_way,
            "parked": self._parked,
            "outbox": self._outbox,
            "form": self._form,
            "receipts_kept": self._receipts_kept,
            "notices": self._notices,
            "journal": self._journal,
            "audit": self._audit,
        }

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """Answer a question; raises `DeskRefused`."""
        answer = self._answers.get(name)
        if answer is None:
            raise DeskRefused("unknown_ask", f"对接桥不答“{name}”", f"the bridge does not answer '{name}'")
        return answer(params, now)

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Let a person decide on a form; what they did, or tried, stands in the audit (RCPT-5). Raises `DeskRefused`.

        The form is the one with the id `message`, or the case's first (of a `type`, when given) that the act fits.
        """
        operator, reason = _said(by, BY_LENGTH), _said(params.get("reason"), REASON_LENGTH)
        try:
            if name not in ACTS:
                raise DeskRefused("unknown_act", f"对接桥没有“{name}”这项操作", f"the bridge has no act '{name}'")
            if not operator:
                raise DeskRefused("by_required", "必须写明操作人(by)", "the name of whoever acts is needed (by)")
            if not reason:
                raise DeskRefused("reason_required", "必须填写理由(reason)", "a reason is needed")
            case_number, message_id = self._form_for(name, params)
        except DeskRefused as refused:
            self._shell.operator_refused(
                AuditEntry(
                    at=now,
                    operator=operator,
                    act=_said(name, BY_LENGTH).removeprefix("bridge."),
                    case_number=_said(params.get("case"), BY_LENGTH) or None,
                    message_id=_said(params.get("message"), BY_LENGTH) or None,
                    reason=reason,
                    outcome=refused.code,
                )
            )
            raise
        try:
            act = name.removeprefix("bridge.")
            state = self._shell.operator(case_number, message_id, act, operator=operator, reason=reason, at=now)
        except OperatorMistake as mistake:
            raise DeskRefused("wrong_state", f"当前状态不允许此操作:{mistake}", str(mistake)) from None
        return {"message_id": message_id, "state": state}

    def _form_for(self, name: str, params: Mapping[str, Any]) -> tuple[str, str]:
        case_number, message, wanted = str(params.get("case")), params.get("message"), params.get("type")
        exchange = self._store.read_exchange(case_number)
        held = () if exchange is None else exchange.deliveries.values()
        if message is not None:
            if exchange is None or message not in exchange.deliveries:
                raise DeskRefused(
                    "unknown_form",
                    f"案卷 {case_number} 没有报文 {message}",
                    f"case {case_number} has no message {message}",
                )
            return case_number, str(message)
        fitting = [d for d in held if d.state in ACTS[name] and wanted in (None, d.form_type)]
        if not fitting:
            act = name.removeprefix("bridge.")
            raise DeskRefused(
                "not_waiting",
                f"案卷 {case_number} 没有可以 {act} 的表单",
                f"case {case_number} has no form that could be told to {act}",
            )
        return case_number, fitting[0].message_id

    def _case(self, params: Mapping[str, Any], now: datetime) -> Any:
        case_number = str(params.get("case"))
        exchange = self._store.read_exchange(case_number)
        if exchange is None:
            raise DeskRefused("unknown_case", f"对接桥没有案卷 {case_number}", f"the bridge has no case {case_number}")
        return _case(exchange, now)

    def _cases(self, _: Mapping[str, Any], now: datetime) -> Any:
        numbers: dict[str, None] = {}
        after = 0
        while entries := self._store.read_journal(after=after, limit=JOURNAL_MAX):
            numbers |= dict.fromkeys(entry.case_number for _, entry in entries if entry.case_number)
            after = entries[-1][0]
        found = (self._store.read_exchange(number) for number in numbers)
        return [_case(exchange, now) for exchange in found if exchange is not None]

    def _parked(self, _: Mapping[str, Any], now: datetime) -> Any:
        return self._shown(self._store.parked(), now)

    def _under_way(self, params: Mapping[str, Any], now: datetime) -> Any:
        wanted = {name: params.get(name) for name in ("case", "state", "platform", "type")}
        older_than = _number(params, "older_than", 0)
        names = {"case": "case_number", "type": "form_type"}
        return [
            each
            for each in self._shown(self._store.under_way(), now)
            if all(value in (None, each[names.get(name, name)]) for name, value in wanted.items())
            and each["age_seconds"] >= older_than
        ]

    def _outbox(self, _: Mapping[str, Any], __: datetime) -> Any:
        return [_sending(item) for item in self._store.outbox(limit=OUTBOX_MAX)]

    def _shown(self, named: Sequence[tuple[str, str]], now: datetime) -> list[dict[str, Any]]:
        """The deliveries as a list shows them. One that cannot be read is shown by its names: it is the one to look after."""
        found = []
        for case_number, message_id in named:
            try:
                exchange = self._store.read_exchange(case_number)
            except StoreUnavailable:
                raise
            except Exception as error:
                found.append(_unreadable(case_number, message_id, error))
                continue
            if exchange is not None and message_id in exchange.deliveries:
                found.append(_delivery(exchange.deliveries[message_id], now))
        return found

    def _form(self, params: Mapping[str, Any], now: datetime) -> Any:
        """One form with everything that was written down of it."""
        message_id = str(params.get("message"))
        with self._store.begin() as work:
            case_number = work.case_of_message(message_id)
        exchange = None if case_number is None else self._store.read_exchange(case_number)
        if case_number is None or exchange is None:
            raise DeskRefused("unknown_form", f"对接桥没有报文 {message_id}", f"the bridge has no message {message_id}")
        entries = self._store.read_journal(case_number, 0, JOURNAL_MAX)
        return {
            **_delivery(exchange.deliveries[message_id], now),
            "journal": [{"n": n, **_entry(entry)} for n, entry in entries if entry.message_id == message_id],
            "receipts_kept": [
                _kept(each)
                for each in self._store.read_kept_receipts(case_number)
                if each.receipt.form_message_id == message_id
            ],
        }

    def _receipts_kept(self, params: Mapping[str, Any], _: datetime) -> Any:
        case = params.get("case")
        return [
            _kept(each) for each in self._store.read_kept_receipts(None if case is None else str(case), JOURNAL_MAX)
        ]

    def _audit(self, _: Mapping[str, Any], __: datetime) -> Any:
        book = self._store.read_audit()
        broken = first_broken(book)
        return [_audited(each, intact=broken is None or each.position < broken) for each in book]

    def _notices(self, _: Mapping[str, Any], __: datetime) -> Any:
        return [_notice(each) for each in self._store.read_notices()]

    def _journal(self, params: Mapping[str, Any], _: datetime) -> Any:
        case = params.get("case")
        entries = self._store.read_journal(
            None if case is None else str(case), _number(params, "after", 0), _number(params, "limit", JOURNAL_MAX)
        )
        return [{"n": position, **_entry(entry)} for position, entry in entries]


def _number(params: Mapping[str, Any], name: str, default: int) -> int:
    value = str(params.get(name, default))
    if not (value.isascii() and value.isdecimal()):
        raise DeskRefused("bad_value", f"{name} 应为非负整数,不是“{value}”", f"{name} is a whole number, not '{value}'")
    return int(value)


def _case(exchange: Exchange, now: datetime) -> dict[str, Any]:
    deliveries = [_delivery(each, now) for each in exchange.deliveries.values()]
    return {
        "case_number": exchange.case_number,
        "stage": exchange.stage.value,
        "task_number": exchange.task_number,
        "filing_ordinal": exchange.filing_ordinal,
        "rejections": exchange.rejections,
        "first_seen_at": _iso(exchange.first_seen_at),
        "changed_at": _iso(exchange.changed_at),
        "open_matters": sorted(exchange.open_matters),
        "deliveries": deliveries,
        "parked": sum(each["state"] == DeliveryState.PARKED for each in deliveries),
    }


def _delivery(delivery: Delivery, now: datetime) -> dict[str, Any]:
    receipt = delivery.receipt
    return {
        "case_number": delivery.form.case_number,
        "message_id": delivery.message_id,
        "direction": delivery.direction.value,
        "platform": delivery.direction.recipient.value,
        "form_type": delivery.form_type.value,
        "ordinal": delivery.ordinal,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "fingerprint": delivery.fingerprint,
        "admitted_at": _iso(delivery.admitted_at),
        "age_seconds": max(0, int((now - delivery.admitted_at).total_seconds())),
        "on_its_way_since": _iso(delivery.on_its_way_since),
        "due_at": _iso(delivery.due_at),
        "trouble": delivery.trouble,
        "receipt": None if receipt is None else receipt.outcome.value,
        "code": None if receipt is None or receipt.fault is None else receipt.fault.code.value,
    }


def _sending(item: OutboxItem) -> dict[str, Any]:
    effect = item.effect
    about: Header | Receipt
    if isinstance(effect, Send):
        what, about, message_id = "form", effect.message.header, effect.message.header.message_id
    else:
        what, about, message_id = "receipt", effect.receipt, effect.receipt.form_message_id
    return {
        "key": item.key,
        "what": what,
        "to": effect.to.value,
        "case_number": about.case_number,
        "form_message_id": message_id,
        "form_type": about.form_type.value,
        "committed_at": _iso(item.committed_at),
    }


def _unreadable(case_number: str, message_id: str, error: Exception) -> dict[str, Any]:
    empty = dict.fromkeys(("direction", "platform", "form_type", "state", "admitted_at", "due_at", "receipt", "code"))
    named = {"case_number": case_number, "message_id": message_id}
    return {**empty, **named, "attempts": 0, "age_seconds": 0, "trouble": f"unreadable: {type(error).__name__}"}


def _kept(kept: KeepReceipt) -> dict[str, Any]:
    receipt = kept.receipt
    return {
        "at": _iso(kept.at),
        "kept_as": kept.standing,
        "reason": kept.reason,
        "given_by": kept.given_by.value,
        "case_number": receipt.case_number,
        "form_message_id": receipt.form_message_id,
        "form_type": receipt.form_type.value,
        "outcome": receipt.outcome.value,
        "code": None if receipt.fault is None else receipt.fault.code.value,
    }


def _audited(each: SealedEntry, *, intact: bool) -> dict[str, Any]:
    entry = each.entry
    return {"n": each.position, **entry._asdict(), "at": _iso(entry.at), "seal": each.seal, "intact": intact}


def _said(value: Any, length: int) -> str:
    """What somebody said, as one line of text that fits the book."""
    if not isinstance(value, str):
        return ""
    printable = "".join(sign if sign.isprintable() else " " for sign in value)
    return " ".join(printable.split())[:length]


def _notice(notice: Notify) -> dict[str, Any]:
    return {
        "duty": notice.duty.value,
        "kind": notice.kind.value,
        "phase": notice.phase.value,
        "case_number": notice.case_number,
        "text_zh": notice.text_zh,
        "text_en": notice.text_en,
        "at": _iso(notice.at),
        "related_case_number": notice.related_case_number,
    }


def _entry(entry: JournalEntry) -> dict[str, Any]:
    return {
        "at": _iso(entry.at),
        "what": entry.what,
        "case_number": entry.case_number,
        "message_id": entry.message_id,
        "party": None if entry.party is None else entry.party.value,
        "detail": entry.detail,
        "bytes": 0 if entry.envelope is None else len(entry.envelope),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
