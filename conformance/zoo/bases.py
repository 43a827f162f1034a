"""What members are made from: places at which the right machines can be bent without being copied."""

from datetime import datetime
from typing import Any

from bridge.core.engine import Engine, Step
from bridge.core.exchange import Exchange
from bridge.core.inputs import DocumentReceived
from bridge.core.ports import Store
from bridge.core.shell import Shell, Stumble
from bridge.vocabulary.codes import NoticeKind
from bridge.vocabulary.forms import Form
from bridge.vocabulary.messages import Receipt, ReceiptMessage
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import ExchangeStage
from simulators.exchange.mailroom import Mailroom, Sending
from simulators.exchange.notices import NoticeBoard


class AlteringMailroom(Mailroom):
    """Sends other forms than the platform wrote, or none."""

    def altered(self, form: Form) -> Form | None:
        """What goes out instead; None for nothing."""
        raise NotImplementedError

    def post(self, form: Form, now: datetime, *, push: bool = True) -> str:
        """Queue what is to go out instead."""
        instead = self.altered(form)
        return self._ids.message_id() if instead is None else super().post(instead, now, push=push)


class RereadingMailroom(Mailroom):
    """Takes a receipt for another than it is."""

    def reread(self, receipt: Receipt, message: ReceiptMessage | None) -> Receipt:
        """What the receipt is taken for; `message` is None when it stood in a response."""
        raise NotImplementedError

    def _receipt(
        self,
        receipt: Receipt,
        now: datetime,
        message: ReceiptMessage | None,
        in_response_to: Sending | None = None,
    ) -> None:
        super()._receipt(self.reread(receipt, message), now, message, in_response_to)


class ReticentBoard(NoticeBoard):
    """Tells of some matters and not of others."""

    def tells(self, kind: NoticeKind) -> bool:
        """Whether it tells that a matter of this kind has started."""
        raise NotImplementedError

    def started(self, kind: NoticeKind, *matter: Any, **more: Any) -> None:
        """Tell that a matter has started, or keep it quiet."""
        if self.tells(kind):
            super().started(kind, *matter, **more)


class AdmittingEngine(Engine):
    """Admits one kind of form as if the case stood where that form is welcome."""

    stage: ExchangeStage
    form_type: type[Any]

    def applies(self, exchange: Exchange, form: Form) -> bool:
        """Whether this form is admitted out of place."""
        return isinstance(form, self.form_type)

    def _document(self, exchange: Exchange | None, seen: DocumentReceived) -> Step:
        if exchange is None or not self.applies(exchange, seen.message.form):
            return super()._document(exchange, seen)
        kept, exchange.stage = exchange.stage, self.stage
        step = super()._document(exchange, seen)
        exchange.stage = kept
        return step


class WrongBridge(Shell):
    """The bridge's shell over an engine that may be another one."""

    engine_type: type[Engine] = Engine

    def __init__(self, profile: Profile, store: Store, stumbled: Stumble | None = None):
        # A member has a defect; one that raises is a mistake in the zoo, and nobody is to take it for a kill.
        super().__init__(self.engine_type(profile), store, profile, _raise)
        self.opened()

    def opened(self) -> None:
        """Set up what the defect needs; called at the start and again after a restart."""


def _raise(case_number: str, message_id: str, error: Exception) -> None:
    raise error
