"""The bridge held against the model: whatever comes in comes to both, and both must answer, send, give, keep and tell alike."""

import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import sample_forms as sample
from bench import Bridge, ShellMaker
from bridge_model import DECIDED, BridgeModel, Form, Told
from facts import Broken, holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from bridge.core.audit import AuditEntry, first_broken
from bridge.core.shell import Verdict, open_shell
from bridge.vocabulary.calls import Answered, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Fault, FormMessage, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices, DeliveryChoices, Profile, ReceiptMode

#: Limits and gaps so near that they come between the steps.
_DELIVERY = DeliveryChoices(
    receipt_timeout_seconds=300, retry_gaps_seconds=(60, 240), retry_jitter=0, max_attempts=3, warn_after_seconds=0
)
_IMPATIENT = replace(_DELIVERY, warn_after_seconds=400, park_after_seconds=900)
_STRICT = Choices(max_rejections=1, counter_restarts_on_refiling=False, grid_confirms_false_report=False)


def _profile(
    delivery: DeliveryChoices, choices: Choices | None = None, receipts: ReceiptMode = ReceiptMode.CALL
) -> Profile:
    profile = replace(sample.PROFILE, delivery=delivery, choices=choices or Choices())
    return replace(profile, bridge=replace(profile.bridge, receipts=receipts))


#: What the integration profile says.
PROFILES = {
    "calls": _profile(_DELIVERY),
    "impatient": _profile(_IMPATIENT),
    "responses": _profile(_DELIVERY, receipts=ReceiptMode.RESPONSE),
    "strict": _profile(replace(_DELIVERY, warn_after_seconds=200), _STRICT),
}
profile_names = st.sampled_from(sorted(PROFILES))


def fault(code: ErrorCode) -> Fault:
    """A fault with this code."""
    return Fault(code=code, field=None, message_zh="不行", message_en="no")


class AgainstTheModel(RuleBasedStateMachine):
    """What machines that hold the bridge against the model have in common."""

    #: Makes the bridge's shell; a planted defect is another maker.
    make: ClassVar[ShellMaker] = open_shell

    def begin(self, name: str) -> None:
        """Open the bridge under a profile, and the model beside it."""
        self.profile = profile = PROFILES[name]
        self.bridge, self.model = Bridge(profile, type(self).make), BridgeModel(profile)
        self.count = 0
        self._decided: dict[str, tuple[Any, ...]] = {}
        self._ended: dict[str, Any] = {}
        self._acts: list[str] = []
        self._looked: dict[str, Any] = {}

    # ── both are told ──

    def write(self, side: Side, form: Any, *, by_query: bool = False, **header: Any) -> FormMessage:
        """A platform writes a new form."""
        self.count += 1
        message = sample.message(side, form, self.count, self.bridge.now, **header)
        self.form_comes(side, message, by_query=by_query)
        return message

    def form_comes(self, side: Side, message: FormMessage, *, by_query: bool = False) -> None:
        """A form comes, for the first time or again."""
        codes = {self.profile.platform(each).code: each for each in Side}
        header = message.header
        ours = (codes.get(header.sender), codes.get(header.recipient)) == (side, side.other)
        known = header.message_id in {form.id for form in self.model.forms()}
        self._expect()
        self.model.form_comes(side, message, self.bridge.now, by_query=by_query, ours=ours)
        verdict = self.bridge.form_comes(side, message, by_query=by_query)
        self._hold_answer(verdict, header.message_id, side, known)
        self._agree()

    def _hold_answer(self, verdict: Verdict, message_id: str, side: Side, known: bool) -> None:
        fact = "a form is let through or refused with the code of what is wrong with it"
        expected = self.model.told.answer
        if expected[:1] == ("refused",):
            code = self._code_of(message_id, verdict)
            if code not in expected[1:]:
                raise Broken(fact, expected[1:], code)
            self.model.refused_with(message_id, code, side)
            expected = self.model.told.answer
        self.hold_answer(
            expected, verdict, "a repeated form gets the receipt that it got, and nothing else" if known else fact
        )

    def hold_answer(
        self,
        expected: tuple[str, ...],
        verdict: Verdict,
        fact: str = "a form is let through or refused with the code of what is wrong with it",
    ) -> None:
        """The call is answered as the model says."""
        seen: tuple[str, ...] = ()
        if verdict.fault is not None:
            seen = ("fault", verdict.fault.code.value)
        elif verdict.receipt is not None:
            code_of = verdict.receipt.fault
            seen = ("receipt", verdict.receipt.outcome.value, str(None if code_of is None else code_of.code.value))
        holds(fact, expected, seen)

    def _code_of(self, message_id: str, verdict: Verdict) -> str:
        if verdict.receipt is not None and verdict.receipt.fault is not None:
            return str(verdict.receipt.fault.code.value)
        given = [code for _, of, _, code in self.bridge.given if of == message_id]
        return str(given[-1] if given else None)

    def receipt_comes(self, side: Side, receipt: Receipt) -> None:
        """A receipt comes as a call of its own."""
        self.count += 1
        self._expect()
        self.model.receipt_comes(side, receipt, self.bridge.now)
        self.bridge.receipt_comes(side, receipt, self.count)
        self._agree()

    def sending_ends(
        self, message_id: str, how: str, code: ErrorCode | None = None, receipt: Receipt | None = None
    ) -> None:
        """The oldest sending of the form that has not ended ends: `acknowledged`, `not_taken`, `unanswered` or `faulted`."""
        endings: dict[str, Ending] = {
            "acknowledged": Answered(receipt=receipt),
            "not_taken": NotReached(detail="no connection"),
            "unanswered": Unanswered(detail="cut"),
        }
        form = next(form for form in self.model.forms() if form.id == message_id)
        self._expect()
        attempt = self.bridge.sending_ends(message_id, Faulted(fault=fault(code)) if code else endings[how])
        self.model.call_ended(form.to, form.message.form.case_number, how, code)
        own = receipt is not None and receipt.form_message_id == message_id
        own = own and receipt is not None and receipt.case_number == form.message.form.case_number
        if not own:
            self.model.sending_ends(form, attempt, how, code, self.bridge.now)
        if receipt is not None:
            self.model.receipt_comes(form.to, receipt, self.bridge.now, misplaced=not own)
        self._agree()

    def time_passes(self, by: timedelta) -> None:
        """The clock moves on."""
        self._expect()
        fired = self.bridge.time_passes(by)
        holds("what is sent, when, and under which attempt", self.model.time_is(self.bridge.now), fired)
        self._agree()

    def clock_goes_back(self, by: timedelta) -> None:
        """The clock is set back."""
        self._expect()
        self.bridge.clock_goes_back(by)
        self.model.clock_goes_back(by)
        self._agree()

    def person_acts(self, message_id: str, act: str) -> None:
        """A person acts on a form."""
        form = next(form for form in self.model.forms() if form.id == message_id)
        self._expect()
        done = self.model.person_acts(form, act, self.bridge.now)
        params = {"case": form.message.form.case_number, "message": message_id, "reason": "说明"}
        seen = self.bridge.person_acts(act, params)
        self._acts.append("done" if done else "wrong_state")
        holds("each form stands where its sendings and receipts say", form.state if done else "wrong_state", seen)
        self._agree()

    def restarts(self) -> None:
        """The bridge is stopped and started again; nothing is sent or given for it."""
        self._expect()
        self.bridge.restart()
        self.model.restarts()
        self._agree()

    # ── and must agree ──

    def _expect(self) -> None:
        self._looked = {}
        self.model.told = Told()
        for seen in (self.bridge.sent, self.bridge.given, self.bridge.messages, self.bridge.receipts):
            seen.clear()

    def _agree(self) -> None:
        told, seen = self.model.told, self.bridge
        self._receipts_given()
        holds("what is sent, when, and under which attempt", sorted(told.sent), sorted(seen.sent))
        holds("a form's sender is given its one receipt", Counter(told.given), Counter(seen.given))
        self._hold_contents()
        holds("a receipt that does not count is kept with its reason", told.kept, seen.new_kept())
        holds(
            "a contact is told once when a matter begins and once when it is over",
            Counter(told.notices),
            Counter(seen.new_notices()),
        )

    def _hold_contents(self) -> None:
        """Nothing that crosses is altered."""
        forms = {form.id: form for form in self.model.forms()}
        for message in self.bridge.messages:
            form = forms[message.header.message_id]
            attempt = {"attempt": form.tries, "sent_at": self.bridge.now}
            unaltered = replace(form.message, header=replace(form.message.header, **attempt))
            holds(
                "the recipient gets what the sender wrote, under the sender's name and message id", unaltered, message
            )
        for receipt in self.bridge.receipts:
            own = forms.get(receipt.form_message_id)
            if own is not None and own.receipt is not None:
                holds("the sender gets the receipt as the recipient gave it", own.receipt, receipt)

    def _receipts_given(self) -> None:
        """The calls with the receipts that the model expects have ended as all such calls end now."""
        if self.bridge.callers_wait:
            return
        how, code = _how(self.bridge.receipt_calls_end)
        for to, message_id, _, _ in list(self.model.told.given):
            form = next((form for form in self.model.forms() if form.id == message_id), None)
            if form is not None:
                self.model.call_ended(Side(to), form.message.form.case_number, how, code)
                if how != "acknowledged":
                    self.model.receipt_not_given(form, code, self.bridge.now)

    # ── facts that hold at any time ──

    @invariant()
    def the_case_stands_where_the_confirmed_forms_say(self) -> None:
        for number, case in self.cases():
            said = self.said(number)
            view = case.view
            holds("the case stands where the confirmed forms say", view.stage, said["stage"])
            counts = (said["task_number"], said["filing_ordinal"], said["rejections"])
            holds("rejections, filings and task numbers are counted alike", view[1:], counts)
            holds(
                "a contact is told once when a matter begins and once when it is over",
                sorted(case.matters),
                said["open_matters"],
            )

    @invariant()
    def each_form_stands_where_its_sendings_and_receipts_say(self) -> None:
        for number, case in self.cases():
            said = self.said(number)
            holds(
                "each form stands where its sendings and receipts say",
                [self._shown(f) for f in case.forms.values()],
                [_seen(each) for each in said["deliveries"]],
            )
            holds(
                "each form stands where its sendings and receipts say",
                sum(f.state == "parked" for f in case.forms.values()),
                said["parked"],
            )

    def _shown(self, form: Form) -> dict[str, Any]:
        due = self.model.due_at(form)
        outcome, code = form.told or (None, None)
        return {
            "message_id": form.id,
            "form_type": form.message.form.form_type.value,
            "platform": form.to.value,
            "ordinal": form.ordinal,
            "state": form.state,
            "attempts": form.tries,
            "on_its_way_since": None if form.since is None else form.since.isoformat(),
            "due_at": None if due is None else due.isoformat(),
            "trouble": form.trouble,
            "receipt": outcome,
            "code": code,
        }

    @invariant()
    def rcpt_1_a_decided_form_has_one_receipt_that_never_changes(self) -> None:
        for number, _ in self.cases():
            for each in self.said(number)["deliveries"]:
                fact = "a form that is decided has one receipt, and it never changes"
                holds(fact, each["state"] in DECIDED, each["receipt"] is not None)
                if each["receipt"] is not None:
                    decided = (each["state"], each["receipt"], each["code"])
                    holds(fact, self._decided.setdefault(each["message_id"], decided), decided)

    @invariant()
    def rcpt_4_a_case_waits_for_one_form_of_a_direction_at_most(self) -> None:
        for number, _ in self.cases():
            for platform in ("grid", "urban"):
                open_forms = [
                    each["state"] != "waiting"
                    for each in self.said(number)["deliveries"]
                    if each["platform"] == platform and each["receipt"] is None
                ]
                holds(
                    "a case waits for one form of a direction at most",
                    [True][: len(open_forms)] + [False] * (len(open_forms) - 1),
                    open_forms,
                )

    @invariant()
    def int_6_an_ended_case_stays_as_it_ended(self) -> None:
        for number, case in self.cases():
            stage = self.said(number)["stage"]
            if stage in ("closed", "closed_false_report", "withdrawn", "declined"):
                holds("an ended case stays as it ended", self._ended.setdefault(number, stage), stage)
            if stage == "withdrawn":
                holds("a case that was filed is never withdrawn", 0, case.view.filing)

    @invariant()
    def int_8_no_filing_has_more_rejections_than_it_may(self) -> None:
        choices = self.profile.choices
        for number, _ in self.cases():
            said = self.said(number)
            most = choices.max_rejections + 1
            if choices.counter_restarts_on_refiling and not 0 <= said["rejections"] <= most:
                raise Broken(
                    "no filing has more rejections than it may, and a new one has a new task number",
                    most,
                    said["rejections"],
                )

    def hold_seals(self) -> None:
        """Whatever is changed in the audit shows, at its line."""
        book = list(self.bridge.store.read_audit())
        holds(_AUDIT, None, first_broken(book))
        for each in book[-1:]:
            for name in AuditEntry._fields[1:]:
                forged = each._replace(entry=each.entry._replace(**{name: "another"}))
                holds(_AUDIT, each.position, first_broken([*book[:-1], forged]))

    def hold_lists(self) -> None:
        """Every form under way is on the list, and every parked one waits for a person."""
        fact = "the list of forms under way is complete"
        under_way = [form for form in self.model.forms() if form.state not in DECIDED]
        for asked, form_fits in (
            ({}, lambda form: True),
            ({"case": sample.CASE}, lambda form: form.message.form.case_number == sample.CASE),
            ({"state": "in_doubt"}, lambda form: form.state == "in_doubt"),
            ({"platform": "urban"}, lambda form: form.to is Side.URBAN),
            ({"type": "supplement"}, lambda form: form.message.form.form_type.value == "supplement"),
            ({"older_than": 300}, lambda form: self.bridge.now - form.came_at >= timedelta(seconds=300)),
        ):
            expected = sorted(form.id for form in under_way if form_fits(form))
            holds(fact, expected, sorted(each["message_id"] for each in self.bridge.ask("under_way", **asked)))
        parked = sorted(form.id for form in under_way if form.state == "parked")
        holds(fact, parked, sorted(each["message_id"] for each in self.bridge.ask("parked")))
        sendings = [self._sending(item.effect) for items in self.bridge.on_the_way.values() for item in items]
        outbox = [tuple(each[name] for name in _SENDING) for each in self.bridge.ask("outbox")]
        holds("what is sent, when, and under which attempt", sorted(sendings), sorted(outbox))

    @staticmethod
    def _sending(effect: Any) -> tuple[str, ...]:
        header = effect.message.header
        return "form", effect.to.value, header.case_number, header.message_id, header.form_type.value

    def teardown(self) -> None:
        """At the end the books are read once more, as a person would read them."""
        if not hasattr(self, "model") or sys.exc_info()[0] is not None:
            return
        self.hold_lists()
        self.hold_seals()
        journal = self.bridge.ask("journal")
        listed = {each["case_number"]: each for each in self.bridge.ask("cases")}
        for number, _ in self.cases():
            holds("the list of forms under way is complete", self.bridge.ask("case", case=number), listed.get(number))
            kept = [each for each in self.bridge.ask("receipts_kept") if each["case_number"] == number]
            holds(
                "a receipt that does not count is kept with its reason",
                kept,
                self.bridge.ask("receipts_kept", case=number),
            )
            for shown in listed[number]["deliveries"]:
                alone = self.bridge.ask("form", message=shown["message_id"])
                holds("each form stands where its sendings and receipts say", _seen(shown), _seen(alone))
                own = [each for each in kept if each["form_message_id"] == shown["message_id"]]
                holds("a receipt that does not count is kept with its reason", own, alone["receipts_kept"])
                lines = [
                    each
                    for each in journal
                    if (each["case_number"], each["message_id"]) == (number, alone["message_id"])
                ]
                holds("every envelope stands in the journal", lines, alone["journal"])
        noted = Counter(each["what"] for each in journal)
        proved = (self.model.anomalies, self.model.proved)
        holds(
            "the case stands where the confirmed forms say",
            proved,
            (noted["lifecycle.anomaly"], noted["lifecycle.proved"]),
        )
        envelopes = Counter(each["what"] for each in journal if each["bytes"])
        holds("every envelope stands in the journal", +self.bridge.envelopes, envelopes)

    @invariant()
    def what_people_did_stands_in_the_audit(self) -> None:
        if hasattr(self, "model"):
            audit = self.bridge.ask("audit")
            holds(
                "what a person did stands in the audit",
                (self._acts, True),
                ([each["outcome"] for each in audit], all(each["intact"] for each in audit)),
            )

    def said(self, number: str) -> Any:
        """What the desk says of a case, asked once after each input."""
        if number not in self._looked:
            self._looked[number] = self.bridge.ask("case", case=number)
        return self._looked[number]

    def cases(self) -> list[tuple[str, Any]]:
        """The cases of which the bridge must know."""
        return list(self.model.cases.items()) if hasattr(self, "model") else []


_AUDIT = "what a person did stands in the audit"
#: What the desk says of a sending.
_SENDING = ("what", "to", "case_number", "form_message_id", "form_type")
_COMPARED = (
    *("message_id", "form_type", "platform", "ordinal", "state", "attempts"),
    *("on_its_way_since", "due_at", "trouble", "receipt", "code"),
)


def _seen(delivery: dict[str, Any]) -> dict[str, Any]:
    return {name: delivery[name] for name in _COMPARED}


def _how(ending: Ending) -> tuple[str, ErrorCode | None]:
    if isinstance(ending, Faulted):
        return "faulted", ending.fault.code
    if isinstance(ending, NotReached):
        return "not_taken", None
    return ("acknowledged" if isinstance(ending, Answered) else "unanswered"), None
