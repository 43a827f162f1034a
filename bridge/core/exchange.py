"""The aggregate: everything the bridge remembers about one case. One transaction touches one of these."""

from dataclasses import dataclass, field
from datetime import datetime

from bridge.rules.delivery import FINAL_STATES
from bridge.rules.delivery import DeliveryState as DeliveryState
from bridge.rules.lifecycle import handed_over_state
from bridge.vocabulary.forms import Form, FormType, HandOver
from bridge.vocabulary.messages import HandedOverCase, Header, Receipt
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.stages import ExchangeStage


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One admitted form and its sendings to the recipient."""

    message_id: str
    direction: Direction
    form: Form
    #: SHA-256 over the canonical content of the form; tells a repetition from a reused id (RCPT-6).
    fingerprint: str
    #: The header as the sender gave it on the first arrival.
    header: Header
    admitted_at: datetime
    #: Order of admission within the case, from 1.
    ordinal: int
    state: DeliveryState = DeliveryState.WAITING
    #: Sendings begun so far.
    attempts: int = 0
    #: When the next timer of this delivery is due: the next step, the warning or the limit, whichever comes first.
    due_at: datetime | None = None
    #: When the receipt is overdue or the gap is over (`bridge.rules.delivery.TIMER_MEANS`).
    next_step_at: datetime | None = None
    #: When the first sending began, or the first after a person released the form or the account was accepted again.
    on_its_way_since: datetime | None = None
    #: Sendings that do not count as attempts, because the recipient did not accept the bridge's account.
    uncounted: int = 0
    #: What went wrong last, in one word; empty while nothing is wrong.
    trouble: str = ""
    #: The one effective receipt, once there is one.
    receipt: Receipt | None = None
    #: True when the lifecycle has taken this form into account.
    applied: bool = False
    #: True when a query showed the form: its sender does not send it, and so does not ask for its receipt again (XCHG-2).
    by_query: bool = False
    #: Calls with the receipt of such a form that were not answered.
    receipts_not_given: int = 0

    @property
    def form_type(self) -> FormType:
        """The form's type."""
        return self.form.form_type

    @property
    def is_under_way(self) -> bool:
        """True until the form has its effective receipt or an operator has ended it."""
        return self.state not in FINAL_STATES


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One case as the bridge knows it."""

    case_number: str
    stage: ExchangeStage = ExchangeStage.UNKNOWN
    task_number: str | None = None
    filing_ordinal: int = 0
    #: Confirmed rejections within the current filing (INT-8).
    rejections: int = 0
    #: By message id, in order of admission.
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    #: Position of the last admitted hand-over in the order of all hand-overs; the query cursor counts these.
    sequence: int | None = None
    first_seen_at: datetime | None = None
    changed_at: datetime | None = None
    #: Open matters that a contact was told about and not yet told the end of, as `kind:subject`.
    open_matters: set[str] = field(default_factory=set)

    def handed_over(self) -> HandedOverCase | None:
        """What a query shows of this case (XCHG-2); None while no hand-over of it stands."""
        if self.sequence is None:
            return None
        for delivery in self.deliveries.values():
            form = delivery.form
            if isinstance(form, HandOver) and delivery.state not in _FAILED:
                return HandedOverCase(
                    message_id=delivery.message_id,
                    state=handed_over_state(self.stage),
                    hand_over=form,
                )
        return None


_FAILED = frozenset({DeliveryState.REFUSED, DeliveryState.ABANDONED})
