"""What a bridge does with forms, receipts, failed calls and time, as the clauses have it; it has never seen the bridge's rules.

    said (an input)  ──►  BridgeModel  ──►  Told: how the call is answered, what is sent, given, kept and whom it tells

A form is *waiting* for those before it (RCPT-4), *sending* or *resending*, then *awaiting_receipt*, *in_doubt* (it may have arrived) or
*to_repeat* (it has not), until a receipt decides it or a person must (*parked*).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from law import ENDED, View, after, refused_for, wherever_it_may_be

from bridge.vocabulary.codes import ACCOUNT_NOT_ACCEPTED, DeclineReason, ErrorCode, Remedy, remedy_for
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import FormMessage, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile, ReceiptMode

ON_ITS_WAY = ("sending", "resending", "awaiting_receipt", "in_doubt", "to_repeat")
MAY_HAVE_ARRIVED = ("sending", "resending", "awaiting_receipt", "in_doubt", "parked")
DECIDED = ("confirmed", "refused", "abandoned")
#: What is said of a receipt that meets a form in one of these, whatever the receipt says.
_STANDING = {
    "waiting": ("stray", "not_sent_yet"),
    "parked": ("late", "parked"),
    "abandoned": ("late", "abandoned"),
    **dict.fromkeys(ON_ITS_WAY, ("effective", "awaited")),
}
#: Whom a matter of a form, or of a case, is for (CONT-1, CONT-2).
_FORM_DUTY = {Side.GRID: "grid_side", Side.URBAN: "operator_company"}
_CASE_DUTY = {"declined": "grid_side", "filed": "operator_company", "filing": "operator_company"}


@dataclass(eq=False)
class Form:
    """A form that came to the bridge."""

    message: FormMessage
    sender: Side
    ordinal: int
    came_at: datetime
    by_query: bool = False
    state: str = "waiting"
    tries: int = 0
    #: The try that the bridge did not live to see the end of.
    cut_off: int = 0
    #: Tries that do not count, because the account was not accepted.
    uncounted: int = 0
    since: datetime | None = None
    step_at: datetime | None = None
    trouble: str = ""
    #: Outcome and code of what its sender was told.
    told: tuple[str, str | None] | None = None
    #: The recipient's own receipt, where it decided the form.
    receipt: Receipt | None = None
    applied: bool = False
    not_given: int = 0

    @property
    def id(self) -> str:
        """Its message id."""
        return self.message.header.message_id

    @property
    def to(self) -> Side:
        """Its recipient."""
        return self.sender.other


@dataclass(eq=False)
class Case:
    """A case of which something came."""

    number: str
    view: View = field(default_factory=View)
    forms: dict[str, Form] = field(default_factory=dict)
    matters: set[str] = field(default_factory=set)


@dataclass
class Told:
    """Everything that an input brings about."""

    #: `receipt CODE`, `fault CODE`, or empty for an acknowledgement.
    answer: tuple[str, ...] = ()
    sent: list[tuple[str, str, int]] = field(default_factory=list)
    given: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    notices: list[tuple[str, ...]] = field(default_factory=list)
    kept: list[tuple[str | None, ...]] = field(default_factory=list)


class BridgeModel:
    """All cases."""

    def __init__(self, profile: Profile):
        self._choices, self._times = profile.choices, profile.delivery
        self.in_response = profile.bridge.receipts is ReceiptMode.RESPONSE
        self.cases: dict[str, Case] = {}
        #: What is wrong with a platform as a whole, and the case on which it showed.
        self.troubles: dict[tuple[str, Side], str] = {}
        self.told = Told()
        #: Confirmed forms that have no place where the case stands, and forms that a later one proved to have arrived.
        self.anomalies = self.proved = 0

    # ── forms ──

    def form_comes(self, side: Side, message: FormMessage, now: datetime, *, by_query: bool, ours: bool = True) -> None:
        """A platform sends a form. `ours` is False where the header names other parties than those of the link."""
        form, number = message.form, message.form.case_number
        if not ours:
            self.told.answer = ("fault", "WRONG_PARTY")
            return
        holder = next((c for c in self.cases.values() if message.header.message_id in c.forms), None)
        known = None if holder is None else holder.forms[message.header.message_id]
        if known is not None:
            if known.message.form == form and known.sender is side:
                # RCPT-6: no second effect, and the same receipt as before.
                if known.told is not None and not by_query:
                    self._answer(known, side, by_query)
            else:
                self.told.answer = ("fault", "MESSAGE_ID_REUSED")
            return
        case = self.cases.setdefault(number, Case(number))
        came = Form(message, side, len(case.forms) + 1, now, by_query)
        codes = self._refusals(case, came)
        case.forms[came.id] = came
        if codes:
            self.told.answer = ("refused", *sorted(codes))
            came.state = "refused"
            return
        if getattr(form, "decline_reason", None) is DeclineReason.DUPLICATE:
            self._matter(case, f"duplicate:declined:{getattr(form, 'original_case_number', None)}")
        if self._first(case, side) is came:
            self._send(came, now)

    def refused_with(self, message_id: str, code: str, side: Side) -> None:
        """Which of the codes that may be the form was refused with."""
        form = self._form(message_id)
        form.told = ("error", code)
        self.told.answer = ()
        self._answer(form, side, form.by_query)

    def _answer(self, form: Form, side: Side, by_query: bool) -> None:
        outcome, code = form.told or ("", None)
        if self.in_response and not by_query:
            self.told.answer = ("receipt", outcome, str(code))
        else:
            self.told.given.append((side.value, form.id, outcome, code))

    def _refusals(self, case: Case, came: Form) -> frozenset[str]:
        header, form = came.message.header, came.message.form
        if header.case_number != form.case_number:
            return frozenset({"CASE_NUMBER_MISMATCH"})
        if header.form_type is not form.form_type:
            return frozenset({"SCHEMA_INVALID"})
        hand_over = None
        if form.form_type is FormType.HAND_OVER:
            before = [
                each.message.form
                for each in case.forms.values()
                if each.message.form.form_type is FormType.HAND_OVER and each.state not in ("refused", "abandoned")
            ]
            hand_over = None if not before else "same" if before[-1] == form else "other"
        open_forms = [each for each in case.forms.values() if each.state not in DECIDED and not each.applied]
        own = [each.message.form for each in open_forms if each.sender is came.sender]
        other = [
            each.message.form
            for each in open_forms
            if each.sender is not came.sender and each.state in MAY_HAVE_ARRIVED
        ]
        views = wherever_it_may_be(case.view, own, other, self._choices)
        return refused_for(form, came.sender, views, self._choices, hand_over)

    def _first(self, case: Case, side: Side) -> Form | None:
        """The form of this sender whose turn it is (RCPT-4)."""
        return next((f for f in case.forms.values() if f.sender is side and f.state not in DECIDED), None)

    # ── sendings and their ends ──

    def _send(self, form: Form, now: datetime) -> None:
        again = form.state in ("in_doubt", "awaiting_receipt", "parked")
        form.state = "resending" if again else "sending"
        form.tries += 1
        form.step_at = None
        form.since = form.since or now
        self.told.sent.append((form.to.value, form.id, form.tries))

    def sending_ends(self, form: Form, attempt: int, how: str, code: ErrorCode | None, now: datetime) -> None:
        """A sending is over: `acknowledged`, `not_taken`, `unanswered`, or `faulted` with a code."""
        if form.state not in ("sending", "resending") or attempt != form.tries:
            return
        maybe = form.state == "resending" or form.cut_off == attempt
        if how == "acknowledged":
            form.state, form.trouble = "awaiting_receipt", ""
            form.step_at = now + timedelta(seconds=self._times.receipt_timeout_seconds)
            return
        form.trouble = how if code is None else code.value
        if code is not None and code in ACCOUNT_NOT_ACCEPTED:
            form.state = "in_doubt" if maybe else "to_repeat"
            form.uncounted += 1
            form.since = None
            form.step_at = now + self._gap(form.tries)
        elif code is None or remedy_for(code) is Remedy.RETRY:
            if code is not None:
                how = "not_taken"
            form.state = "in_doubt" if maybe or how == "unanswered" else "to_repeat"
            self._wait_or_park(form, now)
        elif maybe:
            # An earlier sending may have arrived, so that nobody knows (RCPT-5).
            self._park(form)
        else:
            self._decide(form, "refused", ("error", code.value), now)

    def _gap(self, tries: int) -> timedelta:
        gaps = self._times.retry_gaps_seconds
        return timedelta(seconds=gaps[min(tries, len(gaps)) - 1])

    def _wait_or_park(self, form: Form, now: datetime) -> None:
        if form.tries - form.uncounted >= self._times.max_attempts:
            self._park(form)
        else:
            form.step_at = now + self._gap(form.tries)

    def _park(self, form: Form) -> None:
        form.state, form.step_at = "parked", None
        self._matter(self._case(form), f"parked:to_{form.to.value}:{form.id}")

    def _decide(self, form: Form, state: str, told: tuple[str, str | None], now: datetime) -> None:
        form.state, form.told, form.trouble, form.step_at = state, told, "", None
        self.told.given.append((form.sender.value, form.id, *told))
        case = self._case(form)
        for kind in ("receipt_overdue", "parked"):
            self._settled(case, f"{kind}:to_{form.to.value}:{form.id}")
        following = self._first(case, form.sender)
        if following is not None and following.state == "waiting":
            self._send(following, now)

    def restarts(self) -> None:
        """The bridge went down and came back: what it was about to send may have arrived before (RCPT-5)."""
        for form in self.forms():
            if form.state == "sending":
                form.cut_off = form.tries

    # ── receipts ──

    def receipt_comes(self, side: Side, receipt: Receipt, now: datetime, *, misplaced: bool = False) -> None:
        """A receipt comes; `misplaced` in the response to another form than the one it names."""
        standing = self._standing(side, receipt, misplaced)
        if standing != ("effective", "awaited"):
            code = None if receipt.fault is None else receipt.fault.code.value
            about = (side.value, receipt.form_type.value, receipt.outcome.value, code)
            self.told.kept.append((receipt.form_message_id, *standing, *about))
            return
        form = self._form(receipt.form_message_id)
        case = self._case(form)
        form.receipt = receipt
        code = None if receipt.fault is None else receipt.fault.code.value
        if receipt.outcome.value == "error":
            # What a later form proved is refused all the same.
            self.anomalies += form.applied
            self._decide(form, "refused", ("error", code), now)
            return
        self._decide(form, "confirmed", ("confirmed", None), now)
        self._apply(case, form)

    def _standing(self, side: Side, receipt: Receipt, misplaced: bool) -> tuple[str, str]:
        case = self.cases.get(receipt.case_number)
        form = None if case is None else case.forms.get(receipt.form_message_id)
        if misplaced:
            return "stray", "other_response"
        if form is None:
            if any(receipt.form_message_id in each.forms for each in self.cases.values()):
                return "stray", "other_case"
            return "stray", "unknown_case" if case is None else "unknown_form"
        if side is form.sender:
            return "stray", "wrong_side"
        if receipt.form_type is not form.message.form.form_type:
            return "stray", "other_form_type"
        if form.state == "refused" and not form.tries:
            return "stray", "never_sent"
        if form.state in _STANDING:
            return _STANDING[form.state]
        confirms = receipt.outcome.value == "confirmed"
        code = None if receipt.fault is None else receipt.fault.code.value
        if form.state == "confirmed":
            return ("repeated", "duplicate") if confirms else ("contradictory", "error_after_confirmation")
        if confirms:
            return "contradictory", "confirmation_after_error"
        same = form.told is not None and form.told[1] == code
        return ("repeated", "duplicate") if same else ("contradictory", "another_error")

    def _apply(self, case: Case, form: Form) -> None:
        """The case moves as far as the confirmed form says; it proves what of the other side it builds on."""
        if form.applied:
            return
        filing = case.view.filing
        pending = [
            each
            for each in case.forms.values()
            if each.sender is not form.sender and not each.applied and each.state in MAY_HAVE_ARRIVED
        ]
        moved = after(case.view, form.message.form, self._choices)
        view, proved = case.view, []
        for each in pending:
            if moved is not None:
                break
            further = after(view, each.message.form, self._choices)
            if further is not None:
                view = further
                proved.append(each)
                moved = after(view, form.message.form, self._choices)
        if moved is None:
            self.anomalies += 1
            return
        case.view = moved
        self.proved += len(proved)
        for each in (*proved, form):
            each.applied = True
            written: Any = each.message.form
            if written.form_type is FormType.REJECTION and written.ordinal > self._choices.max_rejections:
                self._matter(case, f"repeated_rejection:filing:{filing}")
        if case.view.stage in ENDED:
            for key in sorted(case.matters):
                if key.startswith(("duplicate", "repeated_rejection")):
                    self._settled(case, key)

    def receipt_not_given(self, form: Form, code: ErrorCode | None, now: datetime) -> None:
        """A call with a receipt failed; only where a query showed the form does nobody ask for it again (XCHG-2)."""
        hopeless = code is not None and code not in ACCOUNT_NOT_ACCEPTED and remedy_for(code) is not Remedy.RETRY
        if form.by_query and form.told is not None and not hopeless:
            form.not_given += 1
            form.step_at = now + self._gap(form.not_given)

    # ── time and people ──

    def due_at(self, form: Form) -> datetime | None:
        """When something is to be done about the form: the next step, the warning, or the end."""
        if form.step_at is None or form.state in DECIDED or form.since is None:
            return form.step_at
        due = form.step_at
        warn, park = self._limit(self._times.warn_after_seconds), self._limit(self._times.park_after_seconds)
        if park is not None:
            due = min(due, form.since + park)
        if warn is not None and form.since + warn < due and self._overdue_key(form) not in self._case(form).matters:
            return form.since + warn
        return due

    def time_is(self, now: datetime) -> int:
        """Everything that is due by now is done; how much that is."""
        fired = 0
        for form in [form for case in self.cases.values() for form in case.forms.values()]:
            due = self.due_at(form)
            if due is not None and due <= now:
                fired += 1
                self._fires(form, now)
        return fired

    def _fires(self, form: Form, now: datetime) -> None:
        step_at, form.step_at = form.step_at, None
        if form.state in DECIDED:
            outcome, code = form.told or ("", None)
            self.told.given.append((form.sender.value, form.id, outcome, code))
            return
        if self._past(form, self._times.warn_after_seconds, now):
            self._matter(self._case(form), self._overdue_key(form))
        if self._past(form, self._times.park_after_seconds, now):
            self._park(form)
        elif step_at is not None and now < step_at:
            form.step_at = step_at
        elif form.state == "awaiting_receipt":
            form.state, form.trouble = "in_doubt", "overdue"
            self._wait_or_park(form, now)
        else:
            self._send(form, now)

    def clock_goes_back(self, by: timedelta) -> None:
        """What was to come comes as much earlier."""
        for case in self.cases.values():
            for form in case.forms.values():
                if form.step_at is not None:
                    form.step_at -= by
                    form.since = None if form.since is None else form.since - by

    def person_acts(self, form: Form, act: str, now: datetime) -> bool:
        """A person parks, releases, resends or abandons; whether that can be done."""
        if act == "park" and form.state in ON_ITS_WAY:
            form.trouble = "held"
            self._park(form)
        elif act == "release" and form.state == "parked":
            form.since = None
            self._send(form, now)
        elif act == "resend" and form.state in ("awaiting_receipt", "in_doubt", "to_repeat"):
            self._send(form, now)
        elif act == "abandon" and form.state == "parked":
            self._decide(form, "abandoned", ("error", "DELIVERY_ABANDONED"), now)
        else:
            return False
        return True

    # ── platforms as a whole ──

    def call_ended(self, to: Side, number: str, how: str, code: ErrorCode | None) -> None:
        """Whether the platform can be reached and takes the account; told once when it begins and once when it is over."""
        answered = how in ("acknowledged", "receipt") or code is not None
        shut_out = code is not None and code in ACCOUNT_NOT_ACCEPTED
        for trouble, begins, over in (
            ("unreachable", how == "not_taken" and code is None, answered),
            ("shut_out", shut_out, answered and not shut_out),
        ):
            if begins and (trouble, to) not in self.troubles:
                self.troubles[trouble, to] = number
                self._tell("city_information_office", "system_fault", "started", number)
            elif over and (trouble, to) in self.troubles:
                self._tell("city_information_office", "system_fault", "over", self.troubles.pop((trouble, to)))

    # ── small change ──

    def forms(self) -> Iterable[Form]:
        """Every form of every case."""
        return (form for case in self.cases.values() for form in case.forms.values())

    def _form(self, message_id: str) -> Form:
        return next(form for form in self.forms() if form.id == message_id)

    def _case(self, form: Form) -> Case:
        return self.cases[form.message.form.case_number]

    def _overdue_key(self, form: Form) -> str:
        return f"receipt_overdue:to_{form.to.value}:{form.id}"

    @staticmethod
    def _limit(seconds: int) -> timedelta | None:
        return timedelta(seconds=seconds) if seconds else None

    def _past(self, form: Form, seconds: int, now: datetime) -> bool:
        return bool(seconds) and form.since is not None and now >= form.since + timedelta(seconds=seconds)

    def _matter(self, case: Case, key: str) -> None:
        if key not in case.matters:
            case.matters.add(key)
            self._tell(self._duty(key), key.partition(":")[0], "started", case.number)

    def _settled(self, case: Case, key: str) -> None:
        if key in case.matters:
            case.matters.discard(key)
            self._tell(self._duty(key), key.partition(":")[0], "over", case.number)

    @staticmethod
    def _duty(key: str) -> str:
        about = key.split(":")[1]
        return _CASE_DUTY.get(about) or _FORM_DUTY[Side(about.removeprefix("to_"))]

    def _tell(self, duty: str, kind: str, phase: str, number: str) -> None:
        self.told.notices.append((duty, kind, phase, number))
