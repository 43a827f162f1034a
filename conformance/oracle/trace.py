"""The trace: one numbered record for everything seen on the wire or done by somebody, and views of it.

A trace is the only thing that the judge knows of a run. Its records are JSON-able dictionaries, so that a trace can be
kept as JSON lines, come from elsewhere, and be judged again. Whoever runs something appends with the methods named
after the kinds of record; whoever judges reads through `sendings`, `acts`, `facts` and the other views, which put up
with missing pieces, because a trace from a foreign platform has some.
"""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from types import NoneType
from typing import Any

from bridge.vocabulary.calls import Answered, Ending, Faulted, Message, NotReached
from bridge.vocabulary.forms import Attachment, Form
from bridge.vocabulary.messages import CasePage, FormMessage, Header, Operation, ReceiptMessage
from bridge.vocabulary.parties import Direction

Record = dict[str, Any]

#: The version of the format that `Trace.to_lines` writes; docs/trace.md describes it.
FORMAT_VERSION = "1.0"

#: Codes after which a sender sends the same again: the refusal says nothing about the form itself.
RETRYABLE = frozenset({"BUSY", "INTERNAL"})


class Outcome(StrEnum):
    """How a call ended, as seen by the caller."""

    #: The response held no receipt.
    ACKNOWLEDGED = "acknowledged"
    #: The response held the receipt.
    RECEIPT = "receipt"
    #: The response held a page of handed-over cases.
    PAGE = "page"
    #: The response was the typed fault.
    FAULT = "fault"
    #: An answer was given, but the caller never saw it; the record's `given` holds it.
    LOST = "lost"
    #: The call surely did not arrive.
    NOT_REACHED = "not_reached"
    #: The caller does not know whether the call arrived.
    UNANSWERED = "unanswered"


# --- values to JSON ---------------------------------------------------------------------------------------------


def camel(name: str) -> str:
    """`case_number` as `caseNumber`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def plain(value: object) -> Any:
    """A value of the vocabulary as JSON: camelCase names, absent fields left out, attachments without content."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    write = _WRITERS.get(kind)
    if write is None:
        write = _WRITERS[kind] = _writer(kind)
    return write(value)


#: Most of what a trace holds.
_AS_THEY_ARE = frozenset({str, int, bool, NoneType})
#: How the values of each other class are written. A trace is full of them, so it is found out once.
_WRITERS: dict[type, Callable[[Any], Any]] = {}


def _writer(kind: type) -> Callable[[Any], Any]:
    if issubclass(kind, StrEnum):
        # What `value` reads, without the detour of a property: a trace is full of them.
        return attrgetter("_value_")
    if issubclass(kind, datetime):
        return datetime.isoformat
    if is_dataclass(kind):
        return _fields_writer(kind)
    if issubclass(kind, Mapping):
        return lambda value: {str(key): plain(item) for key, item in value.items()}
    if issubclass(kind, list | tuple | set | frozenset):
        return lambda value: [plain(item) for item in value]
    if issubclass(kind, str | int | float | bool | NoneType):
        return lambda value: value
    return str


def _fields_writer(kind: Any) -> Callable[[Any], Any]:
    left_out = {"content"} if issubclass(kind, Attachment) else set()
    names = [(f.name, camel(f.name)) for f in fields(kind) if f.name not in left_out]

    def write(value: Any) -> dict[str, Any]:
        written = {}
        for name, shown in names:
            item = getattr(value, name)
            if item is not None and item != ():
                written[shown] = plain(item)
        return written

    return write


def form_fields(form: Form) -> dict[str, Any]:
    """The form's fields under their names on the wire; attachments keep their digest and lose their content."""
    result: dict[str, Any] = plain(form)
    return result


# --- views ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that carried a form."""

    #: Number of the call's record.
    n: int
    at: datetime
    #: What the header says; 0 when it said nothing.
    number: int
    #: None while the call has no answer in the trace.
    outcome: Outcome | None
    #: Number of the answer's record; 0 without one.
    answer_n: int
    answered_at: datetime | None
    fault: Record | None
    #: True when the network, and not the sender, made this call (a repetition).
    by_network: bool
    form: Record
    #: True when the answer that was given, seen or lost, only acknowledged.
    acknowledged: bool

    @property
    def undisturbed(self) -> bool:
        """True when the far end surely got the form and its answer came back."""
        return self.outcome in (Outcome.ACKNOWLEDGED, Outcome.RECEIPT) or (
            self.outcome is Outcome.FAULT and (self.fault or {}).get("code") not in RETRYABLE
        )


@dataclass(frozen=True, slots=True)
class GivenReceipt:
    """One receipt on its way back to the sender of the form."""

    #: Number of the record that brings it: the answer, or the call of its own.
    n: int
    at: datetime
    receipt: Record
    #: False when the sender of the form did not see it, or nobody knows whether it did.
    heard: bool
    #: True when it travelled as a call of its own.
    own_call: bool
    #: True when a test forged it.
    injected: bool

    @property
    def outcome(self) -> str:
        """`confirmed` or `error`."""
        return str(self.receipt.get("outcome", ""))

    @property
    def code(self) -> str | None:
        """The error code, for an error."""
        code = (self.receipt.get("fault") or {}).get("code")
        return None if code is None else str(code)

    @property
    def content(self) -> str:
        """What the receipt says, for comparing two of them."""
        return json.dumps(self.receipt, sort_keys=True, ensure_ascii=False)


@dataclass(slots=True)
class Sending:
    """One form over one hop: every call that carried it, and every receipt that answered it."""

    sender: str
    to: str
    message_id: str
    case_number: str
    form_type: str
    form: Record
    attempts: list[Attempt] = field(default_factory=list)
    receipts: list[GivenReceipt] = field(default_factory=list)
    #: True when a test forged the form.
    injected: bool = False

    @property
    def direction(self) -> Direction | None:
        """Which way the form travels; None when the trace does not say who is who."""
        if self.sender == "grid" or self.to == "urban":
            return Direction.TO_URBAN
        if self.sender == "urban" or self.to == "grid":
            return Direction.TO_GRID
        return None

    @property
    def n(self) -> int:
        """Number of the record that first carried the form."""
        return self.attempts[0].n

    @property
    def at(self) -> datetime:
        """When the form was first sent over this hop."""
        return self.attempts[0].at

    @property
    def effective(self) -> GivenReceipt | None:
        """The first receipt that the sender saw: the one that counts (RCPT-1)."""
        return next((r for r in self.receipts if r.heard), None)

    @property
    def confirmed(self) -> bool:
        """True when the effective receipt confirms arrival."""
        effective = self.effective
        return effective is not None and effective.outcome == "confirmed"

    @property
    def accepted(self) -> bool:
        """True when the recipient confirmed it, whether or not the sender came to know."""
        return any(r.outcome == "confirmed" and not r.injected for r in self.receipts)

    @property
    def answered_n(self) -> int:
        """Record number at which the recipient first spoke on the form; the form's own number when it never did."""
        return min((r.n for r in self.receipts if not r.injected), default=self.n)

    @property
    def arrived_n(self) -> int:
        """Record number at which the recipient first gave a sign of having taken the form, be it that it only acknowledged it."""
        return min((a.answer_n for a in self.attempts if a.acknowledged), default=self.answered_n)

    @property
    def refused_for_good(self) -> Attempt | None:
        """The attempt that the recipient refused with a typed fault which a repetition would not change."""
        return next(
            (a for a in self.attempts if a.outcome is Outcome.FAULT and (a.fault or {}).get("code") not in RETRYABLE),
            None,
        )

    @property
    def disturbed(self) -> bool:
        """True when something on the way, or a refusal for now, explains a missing receipt."""
        own = [a for a in self.attempts if not a.by_network]
        return not all(a.undisturbed for a in own) or any(not r.heard for r in self.receipts)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did, or tried to."""

    n: int
    at: datetime
    party: str
    name: str
    by: str | None
    params: Record
    done: bool
    code: str | None
    result: Any

    @property
    def case_number(self) -> str | None:
        """The case acted on; for a report the one that came of it."""
        value = self.params.get("case")
        if value is None and isinstance(self.result, dict):
            value = self.result.get("case")
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a party said of its own state when asked."""

    n: int
    at: datetime
    party: str
    ask: str
    params: Record
    answer: Any


@dataclass(frozen=True, slots=True)
class Query:
    """One query of handed-over cases and the page that came back; `cases` is None when none did."""

    n: int
    at: datetime
    sender: str
    to: str
    query: Record
    outcome: Outcome | None
    cases: list[Record] | None
    next_cursor: str | None
    more: bool
    answer_n: int


# --- the trace --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is known of a trace that was listened to on the wire: nobody can tell what went before it or would have come after it."""

    #: The hops that were listened to, each as sender and receiver of its calls.
    hops: frozenset[tuple[str, str]]
    #: The listeners heard everything until then.
    until: datetime
    #: A case about which nothing was said for so long waits for people, no longer for machines.
    quiet_after: timedelta


#: Gives an envelope as it may be kept, or None when it may not be; to make it so costs more than to carry it, and few are ever read.
Shown = Callable[[], str | None]


class Trace:
    """Everything that was seen and done in one run, in order."""

    def __init__(self, records: Iterable[Record] = (), *, at_rest: bool = True, recording: Recording | None = None):
        self.records: list[Record] = list(records)
        #: False when the run was cut short: then nothing is asked about what was still to come.
        self.at_rest = at_rest
        #: None when the trace holds everything from the first moment on, as that of a run does.
        self.recording = recording
        self._sendings: tuple[int, list[Sending]] = (0, [])
        self._by_type: tuple[int, dict[str, list[Record]]] = (0, {})
        self._strands: tuple[int, list[tuple[str, str, list[Sending]]]] = (0, [])
        self._last_said: tuple[int, dict[str, datetime]] = (0, {})
        #: The moment of the last record, and how it is written.
        self._at: tuple[datetime | None, str] = (None, "")
        self._acts: tuple[int, list[Act]] = (0, [])
        #: What shows the envelopes of records, by their number.
        self._enclosed: dict[int, Shown] = {}
        #: The most envelopes that are at hand at a time, the latest; None for all.
        self.enclosed_max: int | None = None
        #: The number of the last call; None until somebody adds another one.
        self._calls: int | None = None

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def append(self, type_: str, at: datetime, **values: Any) -> Record:
        """Append a record of any kind; values that are None are left out."""
        record: Record = self._begin(type_, at)
        record |= {key: self.plain(value) for key, value in values.items() if value is not None}
        self.keep(record, at)
        return record

    def _begin(self, type_: str, at: datetime) -> Record:
        """What every record says first."""
        if at is not self._at[0]:
            self._at = at, at.isoformat()
        return {"n": len(self) + 1, "at": self._at[1], "type": type_}

    def plain(self, value: object) -> Any:
        """A value as records have it; for traces that know a quicker way."""
        return plain(value)

    def keep(self, record: Record, at: datetime) -> None:
        """Take in a record that is whole; for traces that do something else with it than to remember it."""
        self.records.append(record)

    def call(
        self,
        sender: str,
        to: str,
        message: Message,
        at: datetime,
        *,
        injected: bool = False,
        by_network: bool = False,
        network: str | None = None,
        packed: Sequence[str] = (),
        envelope: Shown | None = None,
    ) -> int:
        """A call leaves `sender` for `to`; gives the number under which its answer is recorded.

        `injected` marks what a test forged; `by_network` what the network brings late or twice, with `network` for the fault
        that made it; `packed` says how the envelope was wrapped, outermost first; `envelope` shows the envelope itself (`enclose`).
        """
        if self._calls is None:
            self._calls = max((int(r.get("call", 0)) for r in self.records if r.get("type") == "call"), default=0)
        self._calls += 1
        header = message.header
        record = self._begin("call", at)
        record["call"] = self._calls
        if isinstance(message, FormMessage):
            record["operation"], record["form"] = Operation.DELIVER_FORM.value, self.plain(message.form)
        elif isinstance(message, ReceiptMessage):
            record["operation"], record["receipt"] = Operation.DELIVER_RECEIPT.value, self.plain(message.receipt)
        else:
            record["operation"], record["query"] = Operation.QUERY_CASES.value, self.plain(message.query)
        if isinstance(header, Header):
            record["attempt"], record["case_number"] = header.attempt, header.case_number
            record["form_type"] = plain(header.form_type)
        record |= {
            "message_id": header.message_id,
            "sent_at": header.sent_at.isoformat(),
            "contract_version": header.contract_version,
            "header_sender": header.sender,
            "header_recipient": header.recipient,
            "from": str(sender),
            "to": str(to),
        }
        more: Record = {"injected": injected or None, "by_network": by_network or None, "network": network}
        more["packed"] = list(packed) or None
        record |= {key: value for key, value in more.items() if value is not None}
        self.keep(record, at)
        if envelope is not None:
            self.enclose(record, envelope)
        return self._calls

    def answer(
        self,
        call: int,
        ending: Ending,
        at: datetime,
        *,
        given: Ending | None = None,
        network: str | None = None,
        packed: Sequence[str] = (),
        envelope: Shown | None = None,
    ) -> Record:
        """The call ended for its caller; `given` is the answer that was given and lost on the way back.

        `network` is the fault that the call or its answer met; `packed` says how the answer was wrapped, outermost first; `envelope` shows
        the answer's envelope (`enclose`).
        """
        values: Record = {"call": call, "network": network, "packed": list(packed) or None}
        if given is not None:
            record = self.append("answer", at, **values, outcome=Outcome.LOST, given=_ending(given))
        else:
            record = self.append("answer", at, **values, **_ending(ending))
        if envelope is not None:
            self.enclose(record, envelope)
        return record

    def not_reached(self, sender: str, to: str, message: Message, at: datetime) -> Record:
        """A call without a connection was never on the wire; it is noted beside the calls, for people."""
        header = message.header
        values: Record = {"from": str(sender), "to": str(to), "message_id": header.message_id}
        if isinstance(header, Header):
            values |= {"case_number": header.case_number, "form_type": header.form_type}
        return self.append("not_reached", at, **values)

    def unread(self, at: datetime, **what: Any) -> Record:
        """Something crossed that is no message in the contract's terms; it is noted beside the calls, for people."""
        return self.append("unread", at, **what)

    def act(
        self,
        party: str,
        name: str,
        params: Mapping[str, Any],
        at: datetime,
        *,
        by: str | None = None,
        result: Any = None,
        code: str | None = None,
    ) -> Record:
        """Somebody did something; with `code` it was refused."""
        outcome = "done" if code is None else "refused"
        return self.append(
            "act", at, party=str(party), act=name, by=by, params=dict(params), outcome=outcome, code=code, result=result
        )

    def fact(self, party: str, ask: str, params: Mapping[str, Any], answer: Any, at: datetime) -> Record:
        """A party was asked about its state and said `answer`."""
        return self.append("fact", at, party=str(party), ask=ask, params=dict(params), answer=answer)

    def clock(self, to: datetime) -> Record:
        """The clock was moved."""
        return self.append("clock", to, to=to)

    def restart(self, party: str, at: datetime) -> Record:
        """A party was stopped and started again from what it had kept."""
        return self.append("restart", at, party=str(party))

    def fault_rule(self, at: datetime, **rule: Any) -> Record:
        """The network was told to misbehave."""
        return self.append("fault_rule", at, rule=rule)

    def notice(self, party: str, at: datetime, **notice: Any) -> Record:
        """A contact person was told something."""
        return self.append("notice", at, party=str(party), notice=notice)

    def enclose(self, record: Record, envelope: Shown) -> None:
        """Have the envelope with which a record crossed at hand until `keep_envelopes` says whether anybody will read it."""
        self._enclosed[record["n"]] = envelope
        if self.enclosed_max is not None and len(self._enclosed) > self.enclosed_max:
            del self._enclosed[next(iter(self._enclosed))]

    def envelope(self, number: int) -> str | None:
        """The envelope with which a record crossed, as it may be shown; None when there is none at hand (any more)."""
        shown = self._enclosed.get(number)
        if shown is not None:
            return shown()
        kept: str | None = self.records[number - 1].get("envelope") if 0 < number <= len(self.records) else None
        return kept

    @property
    def enveloped(self) -> list[int]:
        """The numbers of the records whose envelopes are kept or at hand, in order."""
        return [record["n"] for record in self.records if "envelope" in record or record["n"] in self._enclosed]

    def keep_envelopes(self, numbers: Container[int]) -> None:
        """Write the envelopes of these records into them and let go of all others, which weigh more than all else in a trace."""
        for record in self.records:
            number = record["n"]
            if number not in numbers:
                record.pop("envelope", None)
            elif number in self._enclosed:
                shown = self._enclosed[number]()
                if shown is not None:
                    record["envelope"] = shown
        self._enclosed.clear()

    # -- JSON lines --

    def to_lines(self) -> str:
        """The trace of a run as JSON lines; the first says the format, the last whether the run came to rest."""
        lines = [head_line(), *map(as_line, self.records), end_line(self.at_rest)]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_lines(cls, text: str) -> "Trace":
        """A trace kept by `to_lines`; without an end line it counts as cut short."""
        records, at_rest = [], False
        for line in text.splitlines():
            if not line.strip():
                continue
            record = json.loads(line)
            if record.get("type") == "end":
                at_rest = bool(record.get("at_rest", False))
            elif record.get("type") != "trace":
                records.append(record)
        return cls(records, at_rest=at_rest)

    # -- views --

    @property
    def end_at(self) -> datetime | None:
        """The moment of the last record."""
        return max((when(r) for r in self.records if "at" in r), default=None)

    @property
    def bridged(self) -> bool:
        """True when a bridge took part in a call."""
        return any("bridge" in (r.get("from"), r.get("to")) for r in self.of_type("call"))

    def of_type(self, type_: str) -> list[Record]:
        """The records of one kind."""
        if self._by_type[0] != len(self.records):
            sorted_out: dict[str, list[Record]] = {}
            for record in self.records:
                sorted_out.setdefault(str(record.get("type")), []).append(record)
            self._by_type = len(self.records), sorted_out
        return list(self._by_type[1].get(type_, ()))

    def rested(self, case_number: str) -> bool:
        """Tell whether machines have nothing more to say on a case: the run came to rest, or the case fell silent long ago."""
        if self.at_rest or self.recording is None:
            return self.at_rest
        if self._last_said[0] != len(self.records):
            last: dict[str, datetime] = {}
            for record in self.of_type("call"):
                for number in cases_of(record):
                    last[number] = when(record)
            # What could not be read may have been about any case.
            deaf_until = max((when(r) for r in self.of_type("unread") if "at" in r), default=None)
            heard = {number: at for number, at in last.items() if deaf_until is None or at > deaf_until}
            self._last_said = len(self.records), heard
        said_at = self._last_said[1].get(case_number)
        return said_at is not None and self.recording.until - said_at > self.recording.quiet_after

    def sendings(self, *, injected: bool = False) -> list[Sending]:
        """Every form over every hop in the order of first sending; forged ones only when asked for."""
        if self._sendings[0] != len(self.records):
            self._sendings = len(self.records), self._read_sendings()
        return [s for s in self._sendings[1] if injected or not s.injected]

    def _read_sendings(self) -> list[Sending]:
        answers = {r.get("call"): r for r in self.of_type("answer")}
        found: dict[tuple[str, str, str, bool], Sending] = {}
        for record in self.of_type("call"):
            if record.get("operation") != Operation.DELIVER_FORM:
                continue
            form = record.get("form") or {}
            # What a test forges under a known id is no attempt of the sender's.
            key = (*_hop(record), str(record.get("message_id", "")), bool(record.get("injected")))
            sending = found.get(key)
            if sending is None:
                case_number = str(form.get("caseNumber") or record.get("case_number") or "")
                sending = Sending(*key[:3], case_number, str(record.get("form_type", "")), form)
                sending.injected = key[3]
                found[key] = sending
            answer = answers.get(record.get("call"), {})
            sending.attempts.append(_attempt(record, form, answer))
            receipt = answer.get("receipt") or (answer.get("given") or {}).get("receipt")
            if receipt:
                heard = answer.get("outcome") == Outcome.RECEIPT
                sending.receipts.append(_given(answer, receipt, heard=heard, own_call=False))
        for record in self.of_type("call"):
            receipt = record.get("receipt") or {}
            if record.get("operation") != Operation.DELIVER_RECEIPT:
                continue
            back = (*_hop(record)[::-1], str(receipt.get("formMessageId", "")))
            sending = found.get((*back, False)) or found.get((*back, True))
            if sending is None or sending.case_number != receipt.get("caseNumber") or record["n"] < sending.n:
                continue
            outcome = answers.get(record.get("call"), {}).get("outcome")
            # A recorder may have lost the answer to it.
            heard = outcome in (Outcome.ACKNOWLEDGED, Outcome.LOST) or (outcome is None and self.recording is not None)
            given = _given(record, receipt, heard=heard, own_call=True)
            sending.receipts.append(given)
        for sending in found.values():
            sending.receipts.sort(key=lambda r: r.n)
        return list(found.values())

    def links(self) -> dict[str, list[Sending]]:
        """The sendings of each pair of parties that talk to each other, both directions together, as `bridge-grid`."""
        found: dict[str, list[Sending]] = {}
        for sending in self.sendings():
            found.setdefault("-".join(sorted((sending.sender, sending.to))), []).append(sending)
        return found

    def strands(self) -> Iterator[tuple[str, str, list[Sending]]]:
        """One strand per link and case: its forms in both directions, in the order in which they were first sent."""
        if self._strands[0] != len(self.records):
            self._strands = len(self.records), list(self._read_strands())
        return iter(self._strands[1])

    def _read_strands(self) -> Iterator[tuple[str, str, list[Sending]]]:
        for link, sendings in self.links().items():
            cases: dict[str, list[Sending]] = {}
            for sending in sendings:
                cases.setdefault(sending.case_number, []).append(sending)
            for case_number, forms in cases.items():
                yield link, case_number, sorted(forms, key=lambda s: s.n)

    def transferred(self) -> set[str]:
        """The cases that the grid side handed over, pushed or shown in a query."""
        return self.shown() | {s.case_number for s in self.sendings() if s.form_type == "handOver"}

    def shown(self) -> set[str]:
        """The cases that stood in the page of a query."""
        return {str(c.get("caseNumber")) for q in self.queries() for c in q.cases or []}

    def receipt_calls(self) -> list[Record]:
        """The calls that carried a receipt of their own."""
        return [r for r in self.of_type("call") if r.get("operation") == Operation.DELIVER_RECEIPT]

    def queries(self) -> list[Query]:
        """Every query and its page."""
        answers = {r.get("call"): r for r in self.of_type("answer")}
        found = []
        for record in self.of_type("call"):
            if record.get("operation") != Operation.QUERY_CASES:
                continue
            answer = answers.get(record.get("call"), {})
            outcome = answer.get("outcome")
            found.append(
                Query(
                    n=int(record["n"]),
                    at=when(record),
                    sender=str(record.get("from", "")),
                    to=str(record.get("to", "")),
                    query=record.get("query") or {},
                    outcome=Outcome(outcome) if outcome else None,
                    cases=answer.get("cases"),
                    next_cursor=answer.get("next_cursor"),
                    more=bool(answer.get("more", False)),
                    answer_n=int(answer.get("n", 0)),
                )
            )
        return found

    def acts(self, *names: str) -> list[Act]:
        """What people did, of these names or all."""
        if self._acts[0] != len(self.records):
            self._acts = len(self.records), list(map(_act, self.of_type("act")))
        return [act for act in self._acts[1] if not names or act.name in names]

    def facts(self, party: str | None = None, ask: str | None = None) -> list[Fact]:
        """What parties said of themselves."""
        return [
            Fact(
                n=int(r["n"]),
                at=when(r),
                party=str(r.get("party", "")),
                ask=str(r.get("ask", "")),
                params=r.get("params") or {},
                answer=r.get("answer"),
            )
            for r in self.of_type("fact")
            if party in (None, r.get("party")) and ask in (None, r.get("ask"))
        ]

    def last_fact(self, party: str, case_number: str) -> Fact | None:
        """The last thing that a platform said about a case."""
        found = [f for f in self.facts(party, "case") if f.params.get("case") == case_number]
        return found[-1] if found else None

    def case_numbers(self) -> list[str]:
        """Every case that a form is about, in order of appearance."""
        return list(dict.fromkeys(s.case_number for s in self.sendings(injected=True) if s.case_number))


def head_line(**more: Any) -> str:
    """The first line of a run's trace; `more` is what else is said of the run."""
    return json.dumps({"type": "trace", "version": FORMAT_VERSION, "source": "run"} | more)


def end_line(at_rest: bool) -> str:
    """The last line of a trace."""
    return json.dumps({"type": "end", "at_rest": at_rest})


def as_line(record: Record) -> str:
    """A record as the trace is written down."""
    return _ENCODE(record)


#: Made once: a trace has many lines.
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def cases_of(call: Record) -> list[str]:
    """The cases that a call names: in its header, and in its form or receipt where that says another."""
    said = [call.get("case_number"), *((call.get(part) or {}).get("caseNumber") for part in ("form", "receipt"))]
    return list(dict.fromkeys(str(number) for number in said if number))


def when(record: Record) -> datetime:
    """The moment of a record."""
    return datetime.fromisoformat(str(record["at"]))


def moment(value: object) -> datetime | None:
    """A moment out of a form's field, None when it is missing or not one."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _act(record: Record) -> Act:
    return Act(
        n=int(record["n"]),
        at=when(record),
        party=str(record.get("party", "")),
        name=str(record.get("act", "")),
        by=record.get("by"),
        params=record.get("params") or {},
        done=record.get("outcome") == "done",
        code=record.get("code"),
        result=record.get("result"),
    )


def _hop(record: Record) -> tuple[str, str]:
    return str(record.get("from", "")), str(record.get("to", ""))


def _attempt(record: Record, form: Record, answer: Record) -> Attempt:
    outcome = answer.get("outcome")
    return Attempt(
        n=int(record["n"]),
        at=when(record),
        number=int(record.get("attempt") or 0),
        outcome=Outcome(outcome) if outcome else None,
        answer_n=int(answer.get("n", 0)),
        answered_at=when(answer) if answer else None,
        fault=answer.get("fault"),
        by_network=bool(record.get("by_network")),
        form=form,
        acknowledged=Outcome.ACKNOWLEDGED in (outcome, (answer.get("given") or {}).get("outcome")),
    )


def _given(record: Record, receipt: Record, *, heard: bool, own_call: bool) -> GivenReceipt:
    return GivenReceipt(
        n=int(record["n"]),
        at=when(record),
        receipt=receipt,
        heard=heard,
        own_call=own_call,
        injected=bool(record.get("injected")),
    )


def _ending(ending: Ending) -> Record:
    """An ending as the fields of an answer record."""
    if isinstance(ending, Answered):
        if ending.page is not None:
            return {"outcome": Outcome.PAGE} | _page(ending.page)
        if ending.receipt is not None:
            return {"outcome": Outcome.RECEIPT, "receipt": ending.receipt}
        return {"outcome": Outcome.ACKNOWLEDGED}
    if isinstance(ending, Faulted):
        return {"outcome": Outcome.FAULT, "fault": ending.fault}
    outcome = Outcome.NOT_REACHED if isinstance(ending, NotReached) else Outcome.UNANSWERED
    return {"outcome": outcome, "detail": ending.detail}


def _page(page: CasePage) -> Record:
    cases = [
        {"messageId": c.message_id, "state": c.state.value, "caseNumber": c.hand_over.case_number} for c in page.cases
    ]
    return {"cases": cases, "next_cursor": page.next_cursor, "more": page.more}
