"""Whatever the platforms, the network and the clock do, some things always hold."""

from dataclasses import replace

import sample_forms as sample
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from bridge.core.effects import GiveReceipt, Record, Send
from bridge.core.engine import Engine
from bridge.core.exchange import Exchange
from bridge.core.inputs import (
    DocumentReceived,
    OperatorDecided,
    ReceiptReceived,
    SendRefused,
    SendSucceeded,
    SendUnanswered,
    TimerFired,
)
from bridge.rules.delivery import FINAL_STATES, DeliveryState
from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import DeliveryChoices
from bridge.vocabulary.stages import FINAL_STAGES

T = FormType
TASKS = (sample.TASK, "T20260303-000009")
CHANGES = {
    T.FILING_RESULT: {"filing_ordinal": (1, 2), "task_number": TASKS},
    T.DISPATCH: {"task_number": TASKS},
    T.STAGE_PROGRESS: {"task_number": TASKS},
    T.RETURN_NOTICE: {"decision": tuple(Decision), "task_number": TASKS},
    T.VERIFICATION_REQUEST: {"round": (1, 2, 3, 4), "task_number": TASKS},
    T.VERIFICATION_RESULT: {"round": (1, 2, 3, 4), "outcome": tuple(VerificationOutcome), "task_number": TASKS},
    T.REJECTION: {"ordinal": (1, 2, 3, 4), "cause": tuple(RejectionCause), "task_number": TASKS},
    T.FALSE_REPORT_ANSWER: {"confirmed": (True, False)},
    T.CLOSING: {"kind": tuple(ClosingKind), "task_number": TASKS},
    T.HAND_OVER: {"description": ("一", "二")},
}


@st.composite
def forms(draw, direction):
    kind = draw(st.sampled_from(FORMS_BY_DIRECTION[direction]))
    if kind is T.FILING_RESULT and draw(st.integers(0, 5)) == 0:
        return sample.declined(draw(st.sampled_from(DeclineReason)), original_case_number=sample.OTHER_CASE)
    changes = {name: draw(st.sampled_from(values)) for name, values in CHANGES.get(kind, {}).items()}
    return sample.form(kind, **changes)


#: Limits so near that they come between the steps, and gaps that differ.
PROFILE = replace(
    sample.PROFILE,
    delivery=DeliveryChoices(retry_jitter=0.5, retry_seed=7, warn_after_seconds=400, park_after_seconds=6000),
)


class OneCase(RuleBasedStateMachine):
    """One case between two platforms that write anything at any time."""

    written = Bundle("written")

    def __init__(self):
        super().__init__()
        self.engine = Engine(PROFILE)
        self.exchange: Exchange | None = None
        self.now = sample.MONDAY
        self.count = 0
        self.messages = {}
        self.given = {}
        self.ended_at = None
        self.decided = {}

    def step(self, taken):
        step = self.engine.step(self.exchange, taken)
        assert any(isinstance(each, Record) for each in step.effects)
        assert step.changed or not step.accepted
        for effect in step.effects:
            if isinstance(effect, GiveReceipt):
                assert effect.receipt.form_message_id not in self.given
                self.given[effect.receipt.form_message_id] = effect.receipt
                assert effect.receipt.case_number == sample.CASE
            if isinstance(effect, Send):
                delivery = step.exchange.deliveries[effect.message.header.message_id]
                assert effect.message.header.attempt == delivery.attempts
                assert delivery.state in (DeliveryState.SENDING, DeliveryState.RESENDING)
        if step.receipt is not None:
            known = self.given.setdefault(step.receipt.form_message_id, step.receipt)
            assert step.receipt == known
        self.exchange = step.exchange or self.exchange
        return step

    @initialize(
        stage=st.sampled_from(("unknown", "handed_over", "in_disposal", "awaiting_verification", "verified_passed"))
    )
    def the_case_has_come_so_far(self, stage):
        for side, form in sample.way_to(stage) if stage != "unknown" else ():
            self.count += 1
            message = sample.message(side, form, self.count, self.now)
            self.messages[message.header.message_id] = (side, message)
            fingerprint = sample.fingerprint(form)
            self.step(DocumentReceived(side=side, message=message, fingerprint=fingerprint, at=self.now))
            self.step(ReceiptReceived(side=side.other, receipt=sample.receipt_for(message), at=self.now))

    @rule(target=written, data=st.data(), side=st.sampled_from(Side), steadily=st.booleans())
    def a_platform_writes(self, data, side, steadily):
        direction = Direction.from_sender(side)
        form = data.draw(forms(direction))
        self.count += 1
        message = sample.message(side, form, self.count, self.now)
        self.messages[message.header.message_id] = (side, message)
        step = self.step(
            DocumentReceived(side=side, message=message, fingerprint=sample.fingerprint(form), at=self.now)
        )
        if steadily and step.accepted:
            # Let most forms arrive, or cases hardly ever get anywhere.
            self.step(ReceiptReceived(side=side.other, receipt=sample.receipt_for(message), at=self.now))
        return message.header.message_id if step.exchange is not None else multiple()

    @rule(message_id=written)
    def a_platform_repeats(self, message_id):
        side, message = self.messages[message_id]
        before = self.exchange.deliveries[message_id].attempts
        self.step(
            DocumentReceived(side=side, message=message, fingerprint=sample.fingerprint(message.form), at=self.now)
        )
        assert self.exchange.deliveries[message_id].attempts == before

    @rule(message_id=written, code=st.none() | st.sampled_from(ErrorCode), side=st.sampled_from(Side))
    def a_receipt_comes(self, message_id, code, side):
        receipt = sample.receipt_for(self.messages[message_id][1], self.now, code)
        self.step(ReceiptReceived(side=side, receipt=receipt, at=self.now))

    @rule(message_id=written, how=st.integers(0, 3), code=st.sampled_from(ErrorCode))
    def a_sending_ends(self, message_id, how, code):
        fault = Fault(code=code, field=None, message_zh="不行", message_en="no")
        attempt = self.exchange.deliveries[message_id].attempts
        named = {"case_number": sample.CASE, "message_id": message_id, "attempt": attempt, "at": self.now}
        endings = (
            SendSucceeded(**named),
            SendRefused(**named),
            SendRefused(**named, fault=fault),
            SendUnanswered(**named, detail="cut"),
        )
        self.step(endings[how])

    @rule()
    def the_next_timer_fires(self):
        due = [each for each in (self.exchange.deliveries.values() if self.exchange else ()) if each.due_at]
        if due:
            first = min(due, key=lambda each: each.due_at)
            self.now = max(self.now, first.due_at)
            step = self.step(TimerFired(case_number=sample.CASE, message_id=first.message_id, at=self.now))
            assert step.accepted

    @rule(message_id=written, act=st.sampled_from(("park", "release", "resend", "abandon", "sing")))
    def an_operator_acts(self, message_id, act):
        decided = {"operator": "li", "reason": "说明", "at": self.now}
        self.step(OperatorDecided(case_number=sample.CASE, message_id=message_id, act=act, **decided))

    @invariant()
    def at_most_one_form_of_a_direction_is_beyond_waiting(self):
        for direction in Direction:
            under_way = [each for each in self.deliveries() if each.direction is direction and each.is_under_way]
            beyond = [each for each in under_way if each.state is not DeliveryState.WAITING]
            assert len(beyond) == min(1, len(under_way)), "the first one goes, the others wait"
            assert beyond == under_way[:1]

    @invariant()
    def a_receipt_is_given_exactly_when_the_form_is_decided_and_never_changes(self):
        for each in self.deliveries():
            assert (each.state in FINAL_STATES) == (each.receipt is not None) == (each.message_id in self.given)
            if each.receipt is not None:
                assert self.decided.setdefault(each.message_id, (each.state, each.receipt)) == (
                    each.state,
                    each.receipt,
                )

    @invariant()
    def a_timer_runs_exactly_where_one_is_waited_for(self):
        timed = (DeliveryState.AWAITING_RECEIPT, DeliveryState.IN_DOUBT, DeliveryState.TO_REPEAT)
        assert all((each.due_at is not None) == (each.state in timed) for each in self.deliveries())
        assert all((each.next_step_at is not None) == (each.state in timed) for each in self.deliveries())
        assert all(each.due_at <= each.next_step_at for each in self.deliveries() if each.due_at is not None)

    @invariant()
    def only_a_form_under_way_is_a_matter_of_an_overdue_receipt(self):
        for each in self.deliveries():
            key = f"receipt_overdue:{each.direction}:{each.message_id}"
            assert each.is_under_way or key not in self.exchange.open_matters

    @invariant()
    def what_does_not_count_as_an_attempt_was_one(self):
        assert all(0 <= each.uncounted <= each.attempts for each in self.deliveries())

    @invariant()
    def every_parked_form_is_an_open_matter_until_it_is_decided(self):
        for each in self.deliveries():
            key = f"parked:{each.direction}:{each.message_id}"
            is_open = self.exchange is not None and key in self.exchange.open_matters
            assert is_open or each.state is not DeliveryState.PARKED
            assert not is_open or each.is_under_way

    @invariant()
    def an_ended_case_stays_ended(self):
        if self.exchange is not None:
            if self.ended_at is not None:
                assert self.exchange.stage is self.ended_at
            elif self.exchange.stage in FINAL_STAGES:
                self.ended_at = self.exchange.stage

    @invariant()
    def rejections_stay_within_what_a_filing_can_have(self):
        if self.exchange is not None:
            assert 0 <= self.exchange.rejections <= 4
            assert self.exchange.filing_ordinal in (0, 1, 2)

    def deliveries(self):
        return list(self.exchange.deliveries.values()) if self.exchange is not None else []


TestOneCase = OneCase.TestCase
TestOneCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, print_blob=True
)
