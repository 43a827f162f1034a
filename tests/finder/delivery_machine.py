"""One or two cases whose forms are always in place: what becomes of them hangs on the network, the receipts, the clock and people alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sample_forms as sample
from against_the_model import AgainstTheModel, fault, profile_names
from bridge_model import DECIDED, ON_ITS_WAY
from facts import holds
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bridge.vocabulary.calls import Answered, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side

CASES = (sample.CASE, sample.OTHER_CASE)
sides = st.sampled_from(Side)
which = st.integers(0, 3)
_PERMANENT = (ErrorCode.CASE_ENDED, ErrorCode.SCHEMA_INVALID, ErrorCode.REQUIRED_MISSING)
_PASSING = (ErrorCode.BUSY, ErrorCode.INTERNAL)
_ACCOUNT = (ErrorCode.NOT_AUTHENTICATED, ErrorCode.WRONG_PARTY)
codes = st.sampled_from((*_PERMANENT, *_PASSING, *_ACCOUNT))

#: Where a form must stand for an act of a person.
FITS = {
    "park": ON_ITS_WAY,
    "release": ("parked",),
    "resend": ("awaiting_receipt", "in_doubt", "to_repeat"),
    "abandon": ("parked",),
}
#: What can happen to a form: how a sending ends, and what people do.
_EVENTS = (
    *("acknowledged", "unanswered", "unanswered", "not_taken"),
    *(ErrorCode.BUSY, ErrorCode.CASE_ENDED, ErrorCode.NOT_AUTHENTICATED),
    *("resend", "park", "release"),
)
#: Until a form is sent again: the receipt is overdue, a warning, the gap.
_WAITS_MAX = 4
_WELL = {"case": sample.CASE, "reason": "说明"}
#: What a person can do wrong at the desk, by the code of the refusal: the act, what is said, and who says it.
MISTAKES: dict[str, tuple[str, dict[str, str], str | None]] = {
    "unknown_act": ("sing", _WELL, "li"),
    "by_required": ("park", _WELL, " "),
    "reason_required": ("park", _WELL | {"reason": "\t"}, "li"),
    "unknown_form": ("park", _WELL | {"message": sample.message_id(800_001)}, "li"),
    "not_waiting": ("park", _WELL | {"case": "340202-20260302-000777"}, "li"),
}


class Delivery(AgainstTheModel):
    """Forms on their way."""

    @initialize(profile=profile_names, by_query=st.booleans())
    def two_cases_are_handed_over(self, profile: str, by_query: bool) -> None:
        self.begin(profile)
        for number, case in enumerate(CASES):
            hand_over = sample.form(FormType.HAND_OVER, case, description=f"路边垃圾{number}")
            message = self.write(Side.GRID, hand_over, by_query=by_query)
            if number == 0:
                self.sending_ends(message.header.message_id, "acknowledged", receipt=sample.receipt_for(message))

    # ── forms ──

    @rule(side=sides, case=st.sampled_from(CASES), by_query=st.booleans())
    def a_platform_writes_news(self, side: Side, case: str, by_query: bool) -> None:
        kind = FormType.CONTACT_NOTICE
        changes: dict[str, Any] = {"text": f"第{self.count}条"}
        if side is Side.GRID and by_query:
            kind, changes = FormType.SUPPLEMENT, {"note": f"第{self.count}条"}
        self.write(side, sample.form(kind, case, **changes))

    @rule(of=which, side=st.sampled_from((None, *Side)), by_query=st.booleans())
    def a_form_comes_again(self, of: int, side: Side | None, by_query: bool) -> None:
        form = self.some(of)
        self.form_comes(side or form.sender, form.message, by_query=by_query and form.by_query)

    @rule(of=which)
    def a_message_id_is_used_for_something_else(self, of: int) -> None:
        form = self.some(of)
        other = sample.form(FormType.CONTACT_NOTICE, form.message.form.case_number, text=f"另{self.count}")
        header = replace(form.message.header, form_type=FormType.CONTACT_NOTICE)
        self.count += 1
        self.form_comes(form.sender, replace(form.message, header=header, form=other))

    @rule(side=sides, whose=st.sampled_from(("sender", "recipient")))
    def a_form_names_another_party(self, side: Side, whose: str) -> None:
        self.write(side, sample.form(FormType.CONTACT_NOTICE), **{whose: "somebody-else"})

    # ── how sendings end ──

    @precondition(lambda self: self.on_the_way())
    @rule(of=which, how=st.sampled_from(("acknowledged", "acknowledged", "not_taken", "unanswered")))
    def a_sending_ends(self, of: int, how: str) -> None:
        self.sending_ends(self.one_on_the_way(of), how)

    @precondition(lambda self: self.on_the_way())
    @rule(of=which, code=codes)
    def a_sending_is_faulted(self, of: int, code: ErrorCode) -> None:
        self.sending_ends(self.one_on_the_way(of), "faulted", code)

    @precondition(lambda self: self.on_the_way())
    @rule(of=which, times=st.integers(2, 4), code=st.sampled_from(_ACCOUNT))
    def the_account_is_not_accepted_for_long(self, of: int, times: int, code: ErrorCode) -> None:
        """That says nothing about the form, and never uses up its attempts."""
        message_id = self.one_on_the_way(of)
        for _ in range(times):
            if self.bridge.on_the_way[message_id]:
                self.sending_ends(message_id, "faulted", code)
                self.the_clock_goes_on_to_what_is_due()

    @precondition(lambda self: self.open_forms())
    @rule(of=which, events=st.lists(st.sampled_from(_EVENTS), min_size=2, max_size=6))
    def one_form_has_a_hard_time(self, of: int, events: list[str | ErrorCode]) -> None:
        """One thing after the other happens to it: its sendings end badly, people step in, time goes by."""
        form = self.open_forms()[-1 - of % len(self.open_forms())]
        for event in events:
            if form.state in DECIDED:
                return
            if event in FITS:
                self.person_acts(form.id, str(event))
                continue
            for _ in range(_WAITS_MAX):
                due = self.model.due_at(form)
                if self.bridge.on_the_way[form.id] or due is None:
                    break
                self.time_passes(max(due - self.bridge.now, timedelta(0)))
            if self.bridge.on_the_way[form.id]:
                code = event if isinstance(event, ErrorCode) else None
                self.sending_ends(form.id, "faulted" if code else str(event), code)

    @precondition(lambda self: self.on_the_way())
    @rule(of=which, code=st.none() | codes)
    def the_response_holds_the_receipt(self, of: int, code: ErrorCode | None) -> None:
        message_id = self.one_on_the_way(of)
        message = next(form.message for form in self.model.forms() if form.id == message_id)
        receipt = sample.receipt_for(message, self.bridge.now, code)
        self.sending_ends(message_id, "acknowledged", receipt=receipt)

    @precondition(lambda self: self.on_the_way())
    @rule(of=which, other=which)
    def the_response_holds_the_receipt_of_another_form(self, of: int, other: int) -> None:
        receipt = sample.receipt_for(self.some(other).message, self.bridge.now)
        self.sending_ends(self.one_on_the_way(of), "acknowledged", receipt=receipt)

    # ── receipts that come by themselves ──

    @precondition(lambda self: self.open_forms())
    @rule(of=which, code=st.none() | codes)
    def the_recipient_gives_the_receipt(self, of: int, code: ErrorCode | None) -> None:
        open_forms = self.open_forms()
        form = open_forms[of % len(open_forms)]
        self.receipt_comes(form.to, sample.receipt_for(form.message, self.bridge.now, code))

    @rule(of=which, code=st.none() | codes, side=sides)
    def any_receipt_comes(self, of: int, code: ErrorCode | None, side: Side) -> None:
        self.receipt_comes(side, sample.receipt_for(self.some(of).message, self.bridge.now, code))

    @precondition(lambda self: self.decided())
    @rule(of=which, state=st.sampled_from(DECIDED))
    def receipts_come_for_a_form_that_is_decided(self, of: int, state: str) -> None:
        """Whatever they say: the same again, the opposite, another error."""
        decided = [form for form in self.decided() if form.state == state] or self.decided()
        form = decided[of % len(decided)]
        told = form.told[1] if form.told is not None else None
        for code in (None, ErrorCode.CASE_ENDED, ErrorCode.BUSY, None if told is None else ErrorCode(told)):
            self.receipt_comes(form.to, sample.receipt_for(form.message, self.bridge.now, code))

    @rule(of=which, wrong=st.sampled_from(("case", "other case", "form", "type")), side=sides)
    def a_receipt_meets_no_form_of_its_own(self, of: int, wrong: str, side: Side) -> None:
        receipt = sample.receipt_for(self.some(of).message, self.bridge.now)
        changes: dict[str, Any] = {
            "case": {"case_number": "340202-20260302-000099"},
            "other case": {"case_number": next(each for each in CASES if each != receipt.case_number)},
            "form": {"form_message_id": sample.message_id(800_000)},
            "type": {"form_type": FormType.CLOSING},
        }[wrong]
        self.receipt_comes(side, replace(receipt, **changes))

    @rule(
        how=st.sampled_from(
            (
                Answered(),
                Answered(),
                NotReached(detail="no"),
                Unanswered(detail="cut"),
                *(
                    Faulted(fault=fault(code))
                    for code in (ErrorCode.BUSY, ErrorCode.NOT_AUTHENTICATED, ErrorCode.CASE_ENDED)
                ),
            )
        )
    )
    def calls_with_receipts_end_so_from_now_on(self, how: Any) -> None:
        self.bridge.receipt_calls_end = how

    # ── time, people, restarts ──

    @rule(seconds=st.sampled_from((1, 59, 60, 240, 300, 400, 900)))
    def time_goes_by(self, seconds: int) -> None:
        self.time_passes(timedelta(seconds=seconds))

    @rule()
    def the_clock_reaches_what_is_due(self) -> None:
        self.the_clock_goes_on_to_what_is_due()

    def the_clock_goes_on_to_what_is_due(self) -> None:
        """To the next moment at which something is to be done."""
        due = [moment for form in self.model.forms() if (moment := self.model.due_at(form)) is not None]
        if due:
            self.time_passes(max(min(due) - self.bridge.now, timedelta(0)))

    @rule()
    def the_clock_stops_just_before_what_is_due(self) -> None:
        due = [moment for form in self.model.forms() if (moment := self.model.due_at(form)) is not None]
        if due:
            self.time_passes(max(min(due) - self.bridge.now - timedelta(milliseconds=1), timedelta(0)))

    @rule(seconds=st.sampled_from((1, 120)))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.clock_goes_back(timedelta(seconds=seconds))

    @rule(of=which, act=st.sampled_from(("park", "release", "resend", "abandon")))
    def a_person_acts(self, of: int, act: str) -> None:
        self.person_acts(self.some(of).id, act)

    @precondition(lambda self: self.parked())
    @rule(of=which, act=st.sampled_from(("release", "abandon")))
    def a_person_takes_up_what_is_parked(self, of: int, act: str) -> None:
        self.person_acts(self.parked()[of % len(self.parked())].id, act)

    @rule(
        act=st.sampled_from(("park", "release", "resend", "abandon")),
        case=st.sampled_from(CASES),
        kind=st.sampled_from((None, FormType.CONTACT_NOTICE, FormType.HAND_OVER)),
    )
    def a_person_names_the_case_alone(self, act: str, case: str, kind: FormType | None) -> None:
        """The act is for the first of the case's forms that it fits."""
        fitting = [
            form
            for form in self.model.cases[case].forms.values()
            if form.state in FITS[act] and kind in (None, form.message.form.form_type)
        ]
        self._expect()
        for form in fitting[:1]:
            self.model.person_acts(form, act, self.bridge.now)
        params = {"case": case, "reason": "说明"} | ({} if kind is None else {"type": kind.value})
        seen = self.bridge.person_acts(act, params)
        self._acts.append("done" if fitting else "not_waiting")
        holds("a person is told why an act is refused", fitting[0].state if fitting else "not_waiting", seen)
        self._agree()

    @rule(wrong=st.sampled_from(sorted(MISTAKES)))
    def a_person_makes_a_mistake(self, wrong: str) -> None:
        """It is refused with its code, and stands in the audit all the same."""
        act, params, by = MISTAKES[wrong]
        self._expect()
        holds("a person is told why an act is refused", wrong, self.bridge.person_acts(act, params, by))
        self._acts.append(wrong)
        self._agree()

    @rule(wait=st.booleans())
    def callers_wait_for_their_receipts_from_now_on(self, wait: bool) -> None:
        self.bridge.callers_wait = wait

    @rule()
    def the_bridge_restarts(self) -> None:
        self.restarts()

    # ── which one ──

    def some(self, of: int) -> Any:
        """A form, of the last ones and those under way rather than of the first."""
        forms = list(self.model.forms())
        return forms[-1 - of % len(forms)]

    def decided(self) -> list[Any]:
        """The forms that nothing changes any more."""
        return [form for form in self.model.forms() if form.state in DECIDED]

    def parked(self) -> list[Any]:
        """The forms that wait for a person."""
        return [form for form in self.model.forms() if form.state == "parked"]

    def on_the_way(self) -> list[str]:
        """The forms with a sending that has not ended."""
        return sorted(name for name, items in self.bridge.on_the_way.items() if items)

    def one_on_the_way(self, of: int) -> str:
        """One of them."""
        waiting = self.on_the_way()
        return waiting[of % len(waiting)]

    def open_forms(self) -> list[Any]:
        """The forms whose receipt can still decide them."""
        return [form for form in self.model.forms() if form.state not in DECIDED]
