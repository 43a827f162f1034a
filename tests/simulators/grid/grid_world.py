"""The grid platform with a far end that a test plays: an honest mailroom on the urban side, without a network between."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    FilingOutcome,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    ReceiptOutcome,
)
from bridge.vocabulary.forms import (
    Closing,
    ContactNotice,
    Dispatch,
    ExtensionNotice,
    FalseReportApplication,
    FilingResult,
    Form,
    FormType,
    ReturnNotice,
    StageProgress,
    TransferNotice,
    VerificationRequest,
)
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    Header,
    QueryHeader,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices, DeliveryChoices, PlatformProfile, Profile, ReceiptMode
from bridge.vocabulary.stages import UrbanStage
from bridge.vocabulary.times import SHANGHAI
from simulators.city import Town
from simulators.city.photos import attachment
from simulators.exchange.errors import ActRefused
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import Mailroom
from simulators.exchange.quirks import Quirks
from simulators.grid.platform import GridPlatform

START = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
TOWN = Town.build(1)
CELL = TOWN.first_cell.code
NEXT_CELL = TOWN.places.cells[1].code
OWN, OTHER = "340202", "340207"


def profile(
    *,
    choices: Choices | None = None,
    delivery: DeliveryChoices | None = None,
    urban: ReceiptMode = ReceiptMode.CALL,
    grid: ReceiptMode = ReceiptMode.CALL,
) -> Profile:
    def party(code: str, receipts: ReceiptMode) -> PlatformProfile:
        return PlatformProfile(code=code, endpoint="http://nowhere", username=code, password="", receipts=receipts)

    return Profile(
        name="test",
        grid=party("wuhu-grid", grid),
        urban=party("wuhu-urban", urban),
        choices=choices or Choices(),
        delivery=delivery or DeliveryChoices(),
    )


class World:
    """One grid platform, one urban mailroom, one clock."""

    def __init__(self, settings: Profile | None = None, *, seed: int = 1, quirks: Quirks | None = None):
        self.profile = settings or profile()
        self.now = START
        self.grid = GridPlatform(self.profile, TOWN, seed, quirks or Quirks())
        self.urban = Mailroom(Side.URBAN, self.profile, IdSource(Side.URBAN, seed), Quirks())
        #: Every form that the urban side took, in order.
        self.forms: list[Form] = []
        #: What the urban side objects to, if anything.
        self.objection: Callable[[Form], Fault | None] = lambda form: None
        #: What the network does to a call: nothing (None), or an ending; the flag says whether it got there.
        self.network: Callable[[Call], tuple[Ending, bool] | None] = lambda call: None

    # ── running ─────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> "World":
        while calls := [*self.grid.outgoing(), *self.urban.outgoing()]:
            for call in calls:
                self._carry(call)
        return self

    def advance(self, by: timedelta) -> "World":
        """Let time pass, and everything that is due in it happen when it is due."""
        until = self.now + by
        self.settle()
        while True:
            dues = [due for due in (self.grid.next_due(), self.urban.next_due()) if due is not None and due <= until]
            if not dues:
                break
            self.now = max(self.now, min(dues))
            self.grid.wake(self.now)
            self.urban.wake(self.now)
            self.settle()
        self.now = until
        return self

    def _carry(self, call: Call) -> None:
        to_grid = call.to is Side.GRID
        what = self.network(call)
        answer: Ending
        if what is None or what[1]:
            answer = self.grid.call_received(call.message, self.now) if to_grid else self._urban_takes(call)
        if what is not None:
            answer = what[0]
        if to_grid:
            self.urban.call_ended(call.key, answer, self.now)
        else:
            self.grid.call_ended(call.key, answer, self.now)

    def _urban_takes(self, call: Call) -> Answered | Faulted:
        message = call.message
        if hasattr(message, "form"):
            return self.urban.form_arrived(message, self.now, self._urban_decides)
        return self.urban.receipt_arrived(message, self.now)

    def _urban_decides(self, form: Form) -> Fault | None:
        fault = self.objection(form)
        if fault is None:
            self.forms.append(form)
        return fault

    # ── the urban side ──────────────────────────────────────────────────────────────────────────

    def send(self, form: Form) -> Receipt:
        """Let the urban side send a form, and say the receipt that came of it."""
        message_id = self.urban.post(form, self.now)
        self.settle()
        sending = self.urban.sending(message_id)
        assert sending is not None
        if sending.receipt is None:
            # A platform that is not calm takes its time, though never as long as this.
            self.advance(timedelta(seconds=30))
        assert sending.receipt is not None
        return sending.receipt

    def task(self, case: str) -> str:
        return str(self.case(case)["task_number"])

    def file(self, case: str, task: str = "T20260302-000001", ordinal: int = 1) -> Receipt:
        return self.send(
            FilingResult(
                case_number=case,
                outcome=FilingOutcome.FILED,
                decided_at=self.now,
                decided_by="坐席员",
                filing_ordinal=ordinal,
                task_number=task,
            )
        )

    def decline(
        self,
        case: str,
        reason: DeclineReason | None = DeclineReason.UNCLEAR,
        original: str | None = None,
        words: str | None = "位置不清",
    ) -> Receipt:
        return self.send(
            FilingResult(
                case_number=case,
                outcome=FilingOutcome.DECLINED,
                decided_at=self.now,
                decided_by="坐席员",
                filing_ordinal=1,
                decline_reason=reason,
                reason=words,
                original_case_number=original,
            )
        )

    def dispatch(self, case: str, district: str = OWN, task: str | None = None) -> Receipt:
        return self.send(
            Dispatch(
                case_number=case,
                task_number=task or self.task(case),
                district=district,
                dispatched_at=self.now,
                dispatched_by="派遣员",
            )
        )

    def progress(
        self,
        case: str,
        stage: UrbanStage = UrbanStage.DEPARTMENT_DISPOSAL,
        due: datetime | None = None,
        task: str | None = None,
    ) -> Receipt:
        if stage is UrbanStage.DEPARTMENT_DISPOSAL and due is None:
            due = self.now + timedelta(hours=4)
        return self.send(
            StageProgress(
                case_number=case,
                task_number=task or self.task(case),
                stage=stage,
                entered_at=self.now,
                handler="李强",
                department=f"CA-{OWN}",
                disposal_due_at=due,
            )
        )

    def ask_to_verify(self, case: str, round_: int | None = None) -> Receipt:
        return self.send(
            VerificationRequest(
                case_number=case,
                task_number=self.task(case),
                round=round_ or self.case(case)["rejections"] + 1,
                disposal_result="已清理",
                disposed_at=self.now,
                district=OWN,
                department=f"CA-{OWN}",
                attachments=(attachment("after", PhotoKind.DISPOSAL),),
            )
        )

    def apply_false_report(
        self,
        case: str,
        photos: tuple[tuple[str, PhotoKind], ...] = (("empty", PhotoKind.ON_SITE),),
        reason: str = "现场无此问题",
    ) -> Receipt:
        return self.send(
            FalseReportApplication(
                case_number=case,
                task_number=self.task(case),
                reason=reason,
                department=f"CA-{OWN}",
                applied_at=self.now,
                attachments=tuple(attachment(name, kind) for name, kind in photos),
            )
        )

    def close_from_urban(self, case: str, kind: ClosingKind = ClosingKind.FALSE_REPORT) -> Receipt:
        return self.send(
            Closing(case_number=case, task_number=self.task(case), kind=kind, closed_at=self.now, closed_by="结案员")
        )

    def extension(self, case: str, decision: Decision, due: datetime | None = None, task: str | None = None) -> Receipt:
        return self.send(
            ExtensionNotice(
                case_number=case,
                task_number=task or self.task(case),
                decision=decision,
                reason="需要设备",
                department=f"CA-{OWN}",
                noticed_at=self.now,
                disposal_due_at=due,
            )
        )

    def send_back(self, case: str, decision: Decision) -> Receipt:
        return self.send(
            ReturnNotice(
                case_number=case,
                task_number=self.task(case),
                decision=decision,
                reason="不属本区",
                district=OWN,
                noticed_at=self.now,
            )
        )

    def transfer(self, case: str, decision: Decision, due: datetime | None = None) -> Receipt:
        return self.send(
            TransferNotice(
                case_number=case,
                task_number=self.task(case),
                decision=decision,
                reason="属鸠江区",
                from_district=OWN,
                to_district=OTHER,
                to_department=f"CA-{OTHER}",
                noticed_at=self.now,
                disposal_due_at=due,
            )
        )

    def tell(
        self, case: str, kind: NoticeKind = NoticeKind.SYSTEM_FAULT, phase: NoticePhase = NoticePhase.STARTED
    ) -> Receipt:
        return self.send(
            ContactNotice(
                case_number=case, kind=kind, phase=phase, text="请知悉", noticed_at=self.now, contact_name="周静"
            )
        )

    def receipt(
        self, case: str, message_id: str, code: Fault | None = None, form: FormType = FormType.HAND_OVER
    ) -> None:
        """Give a receipt that nobody may be waiting for."""
        receipt = Receipt(
            case_number=case,
            form_message_id=message_id,
            form_type=form,
            outcome=ReceiptOutcome.CONFIRMED if code is None else ReceiptOutcome.ERROR,
            decided_at=self.now,
            fault=code,
        )
        header = Header(
            message_id=f"urn:uuid:{uuid4()}",
            sender="wuhu-urban",
            recipient="wuhu-grid",
            case_number=case,
            form_type=form,
            attempt=1,
            sent_at=self.now,
        )
        assert self.grid.call_received(ReceiptMessage(header=header, receipt=receipt), self.now) == Answered()
        self.settle()

    def query(self, *, sender: str = "wuhu-urban", **what: Any) -> CasePage | Fault:
        header = QueryHeader(message_id=f"urn:uuid:{uuid4()}", sender=sender, recipient="wuhu-grid", sent_at=self.now)
        answer = self.grid.call_received(QueryMessage(header=header, query=CaseQuery(**what)), self.now)
        if isinstance(answer, Faulted):
            return answer.fault
        assert answer.page is not None
        return answer.page

    # ── the grid side's people ──────────────────────────────────────────────────────────────────

    def act(self, name: str, /, case: str | None = None, by: str | None = None, **params: Any) -> dict[str, Any]:
        given = params if case is None else {"case": case, **params}
        result = self.grid.act(name, given, self.now, by)
        self.settle()
        return result

    def refusal(self, name: str, /, case: str | None = None, by: str | None = None, **params: Any) -> str:
        """The code with which an act is refused; and that it is said in both languages and changed nothing."""
        before = self.everything()
        with pytest.raises(ActRefused) as caught:
            self.act(name, case, by, **params)
        assert caught.value.message_zh
        assert caught.value.message_en
        assert self.everything() == before
        return caught.value.code

    def everything(self) -> list[Any]:
        """Whatever the platform shows of its state."""
        cases = [line["case_number"] for line in self.ask("cases")]
        return [self.ask(name) for name in ("cases", "journal", "notices", "people")] + [self.case(c) for c in cases]

    def ask(self, name: str, **params: Any) -> Any:
        return self.grid.ask(name, params, self.now)

    def case(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.grid.ask("case", {"case": number}, self.now)
        return answer

    def state(self, number: str) -> str:
        return str(self.case(number)["state"])

    # ── short ways to a point of a case's life ──────────────────────────────────────────────────

    def report(self, by: str | None = None, **params: Any) -> str:
        given = {"category": "01", "subcategory": "02", "description": "路边垃圾堆放", "photos": ["roadside"], **params}
        return str(self.act("worker.report", by=by, **given)["case"])

    def dispute(self, **params: Any) -> str:
        """A case that stays on the grid platform."""
        return self.report(category="92", subcategory="01", description="邻里纠纷", **params)

    def own_awaiting(self) -> str:
        case = self.dispute()
        self.act("dispatcher.accept", case)
        self.act("dispatcher.dispatch", case, department=f"PS-{OWN}")
        self.act("handler.handle", case, result="已调解")
        return case

    def handed_over(self, **params: Any) -> str:
        case = self.report(**params)
        self.act("workstation.hand_over", case)
        return case

    def filed(self, **params: Any) -> str:
        case = self.handed_over(**params)
        assert self.file(case, f"T20260302-{len(self.ask('cases')):06}").fault is None
        return case

    def in_disposal(self) -> str:
        case = self.filed()
        assert self.dispatch(case).fault is None
        assert self.progress(case).fault is None
        return case

    def awaiting(self) -> str:
        case = self.in_disposal()
        assert self.ask_to_verify(case).fault is None
        return case

    def verified(self) -> str:
        case = self.awaiting()
        self.act("worker.verify", case, outcome="passed", photos=["clean"])
        return case

    def failed(self) -> str:
        case = self.awaiting()
        self.act("worker.verify", case, outcome="not_passed", note="仍有垃圾")
        return case

    def closed(self) -> str:
        case = self.verified()
        self.act("workstation.close", case)
        return case

    def reject_again(self, case: str) -> None:
        """From disposal: asked, not passed, rejected."""
        assert self.ask_to_verify(case).fault is None
        self.act("worker.verify", case, outcome="not_passed")
        self.act("workstation.reject", case)

    def taken(self, case: str) -> list[FormType]:
        """The types of the forms that the urban side has of this case."""
        return [form.form_type for form in self.forms if form.case_number == case]

    def last(self, form_type: FormType) -> Any:
        return next(form for form in reversed(self.forms) if form.form_type is form_type)

    def sending(self, case: str, form_type: FormType) -> dict[str, Any]:
        """The last form of this type that we sent."""
        found = [f for f in self.ask("forms", case=case) if f["form_type"] == form_type]
        answer: dict[str, Any] = found[-1]
        return answer


def lost(call: Call) -> tuple[Ending, bool]:
    """The call never arrived and nobody knows."""
    return Unanswered(detail="timeout"), False


def answer_lost(call: Call) -> tuple[Ending, bool]:
    """The call arrived, its answer got lost."""
    return Unanswered(detail="timeout"), True


def not_reached(call: Call) -> tuple[Ending, bool]:
    """The call surely did not arrive."""
    return NotReached(detail="connection refused"), False
