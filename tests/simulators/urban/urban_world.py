"""The urban platform with a far end that a test plays: an honest mailroom on the grid side, without a network between."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    ClosingKind,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import (
    Closing,
    FalseReportAnswer,
    Form,
    FormType,
    HandOver,
    Rejection,
    Supplement,
    VerificationResult,
    Withdrawal,
)
from bridge.vocabulary.messages import CasePage, Fault, HandedOverCase, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices, DeliveryChoices, PlatformProfile, Profile, ReceiptMode
from bridge.vocabulary.stages import HandedOverState
from bridge.vocabulary.times import SHANGHAI
from simulators.city.photos import attachment
from simulators.city.town import Town
from simulators.exchange.errors import ActRefused
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import Mailroom, Settled
from simulators.exchange.quirks import Quirks
from simulators.urban.platform import UrbanPlatform

START = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
TOWN = Town.build(1)
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
    """One urban platform, one grid mailroom, one clock."""

    def __init__(self, settings: Profile | None = None, *, seed: int = 1, quirks: Quirks | None = None):
        self.profile = settings or profile()
        self.now = START
        self.urban = UrbanPlatform(self.profile, TOWN, seed, quirks or Quirks())
        self.grid = Mailroom(Side.GRID, self.profile, IdSource(Side.GRID, seed), Quirks())
        #: Every form that the grid side took, in order.
        self.forms: list[Form] = []
        #: The effective outcomes of the grid side's own forms.
        self.settled: list[Settled] = []
        #: What the grid side objects to, if anything.
        self.objection: Callable[[Form], Fault | None] = lambda form: None
        #: What the network does to a call: nothing (None), or an ending; `arrives` says whether it got there.
        self.network: Callable[[Call], tuple[Ending, bool] | None] = lambda call: None
        #: The cases that the grid side shows to a query, all on one page or as the test has it.
        self.pages: Callable[[Any], CasePage | Fault] = lambda query: CasePage(cases=(), next_cursor="0", more=False)
        self._serial = 0

    # ── running ─────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> "World":
        while calls := [*self.urban.outgoing(), *self.grid.outgoing()]:
            for call in calls:
                self._carry(call)
        return self

    def advance(self, by: timedelta) -> "World":
        """Let time pass, and everything that is due in it happen when it is due."""
        until = self.now + by
        self.settle()
        while True:
            dues = [due for due in (self.urban.next_due(), self.grid.next_due()) if due is not None and due <= until]
            if not dues:
                break
            self.now = max(self.now, min(dues))
            self.urban.wake(self.now)
            self.grid.wake(self.now)
            self.settle()
        self.now = until
        return self

    def _carry(self, call: Call) -> None:
        to_urban = call.to is Side.URBAN
        what = self.network(call)
        answer: Ending
        if what is None or what[1]:
            answer = self.urban.call_received(call.message, self.now) if to_urban else self._grid_takes(call)
        if what is not None:
            answer = what[0]
        if to_urban:
            self.grid.call_ended(call.key, answer, self.now)
        else:
            self.urban.call_ended(call.key, answer, self.now)
        self.settled += [event for event in self.grid.events() if isinstance(event, Settled)]

    def _grid_takes(self, call: Call) -> Answered | Faulted:
        message = call.message
        if hasattr(message, "form"):
            return self.grid.form_arrived(message, self.now, self._grid_decides)
        if hasattr(message, "receipt"):
            return self.grid.receipt_arrived(message, self.now)
        page = self.pages(message.query)
        return Faulted(fault=page) if isinstance(page, Fault) else Answered(page=page)

    def _grid_decides(self, form: Form) -> Fault | None:
        fault = self.objection(form)
        if fault is None:
            self.forms.append(form)
        return fault

    # ── the grid side ───────────────────────────────────────────────────────────────────────────

    def send(self, form: Form) -> Receipt | None:
        """Let the grid side send a form; the effective receipt, if there was one by the time all is quiet."""
        message_id = self.grid.post(form, self.now)
        self.settle()
        sending = self.grid.sending(message_id)
        assert sending is not None
        return sending.receipt

    def form_of_case(self, number: str | None = None, **changes: Any) -> HandOver:
        if number is None:
            self._serial += 1
            number = f"{OWN}-20260302-{self._serial:06d}"
        photos = changes.pop("photos", ("roadside",))
        values: dict[str, Any] = {
            "case_number": number,
            "source": CaseSource.GRID_PLATFORM,
            "kind": CaseKind.EVENT,
            "category": "01",
            "subcategory": "02",
            "grade": CaseGrade.ORDINARY,
            "description": f"路边垃圾堆放 {number}",
            "address": "中山路 1 号",
            "district": OWN,
            "street": f"{OWN}001",
            "community": f"{OWN}001001",
            "cell": f"{OWN}001001001",
            "reported_at": self.now,
            "reporter_name": "王芳",
            "handed_over_at": self.now,
            "handed_over_by": f"virtual-{OWN}",
            "attachments": tuple(attachment(name, PhotoKind.REPORT) for name in photos),
        }
        return HandOver(**{**values, **changes})

    def hand_over(self, number: str | None = None, **changes: Any) -> str:
        form = self.form_of_case(number, **changes)
        receipt = self.send(form)
        assert receipt is not None
        assert receipt.fault is None
        return form.case_number

    def task(self, case: str) -> str:
        return str(self.case(case)["task_number"])

    def verify(
        self, case: str, outcome: str = "passed", round_: int | None = None, photos: tuple[str, ...] = ("seen",)
    ) -> Receipt | None:
        return self.send(
            VerificationResult(
                case_number=case,
                task_number=self.task(case),
                round=round_ or self.case(case)["rejections"] + 1,
                outcome=VerificationOutcome(outcome),
                verifier="李强",
                verified_at=self.now,
                note="到场查看",
                attachments=tuple(attachment(name, PhotoKind.VERIFICATION) for name in photos),
            )
        )

    def reject(
        self, case: str, ordinal: int | None = None, cause: RejectionCause = RejectionCause.NOT_PASSED
    ) -> Receipt | None:
        return self.send(
            Rejection(
                case_number=case,
                task_number=self.task(case),
                ordinal=ordinal or self.case(case)["rejections"] + 1,
                cause=cause,
                reason="未处理到位",
                rejected_at=self.now,
            )
        )

    def close(self, case: str) -> Receipt | None:
        return self.send(
            Closing(
                case_number=case,
                task_number=self.task(case),
                kind=ClosingKind.NORMAL,
                closed_at=self.now,
                closed_by="工作站",
            )
        )

    def withdraw(self, case: str) -> Receipt | None:
        return self.send(Withdrawal(case_number=case, reason="误报", withdrawn_at=self.now))

    def supplement(self, case: str) -> Receipt | None:
        return self.send(Supplement(case_number=case, note="更靠近路口", supplemented_at=self.now))

    def answer_false_report(self, case: str, confirmed: bool) -> Receipt | None:
        return self.send(
            FalseReportAnswer(
                case_number=case,
                task_number=self.task(case),
                confirmed=confirmed,
                reason="已核实",
                answered_at=self.now,
            )
        )

    # ── the urban side's people ─────────────────────────────────────────────────────────────────

    def act(self, name: str, case: str | None = None, by: str | None = None, **params: Any) -> dict[str, Any]:
        given = params if case is None else {"case": case, **params}
        result = self.urban.act(name, given, self.now, by)
        self.settle()
        return result

    def refusal(self, name: str, case: str | None = None, by: str | None = None, **params: Any) -> str:
        """The code with which an act is refused; and that it is said in both languages and changed nothing."""
        before = self.ask("cases"), self.ask("journal")
        with pytest.raises(ActRefused) as caught:
            self.act(name, case, by, **params)
        assert caught.value.message_zh
        assert caught.value.message_en
        assert (self.ask("cases"), self.ask("journal")) == before
        return caught.value.code

    def ask(self, name: str, **params: Any) -> Any:
        return self.urban.ask(name, params, self.now)

    def case(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.urban.ask("case", {"case": number}, self.now)
        return answer

    # ── short ways to a point of a case's life ──────────────────────────────────────────────────

    def to_filed(self, case: str) -> str:
        self.act("operator.file", case)
        return case

    def to_dispatched(self, case: str) -> str:
        self.to_filed(case)
        self.act("supervision.dispatch", case)
        return case

    def to_disposal(self, case: str) -> str:
        self.to_dispatched(case)
        self.act("district.assign", case)
        return case

    def to_verification(self, case: str) -> str:
        self.to_disposal(case)
        self.act("department.dispose", case, result="已清理", photos=["after"])
        return case

    def rejected(self, case: str, times: int) -> str:
        """From disposal: disposed of, not passed and rejected, so many times."""
        for _ in range(times):
            self.act("department.dispose", case, result="已清理", photos=["after"])
            assert self.verify(case, "not_passed") is not None
            assert self.reject(case) is not None
        return case

    def native(self, **params: Any) -> str:
        given = {"category": "01", "subcategory": "02", "description": "占道堆物", **params}
        return str(self.act("collector.report", **given)["case"])

    def taken(self, case: str) -> list[FormType]:
        """The types of the forms that the grid side has of this case."""
        return [form.form_type for form in self.forms if form.case_number == case]

    def last(self, form_type: FormType) -> Any:
        return next(form for form in reversed(self.forms) if form.form_type is form_type)

    def shown(self, form: HandOver, message_id: str) -> HandedOverCase:
        return HandedOverCase(message_id=message_id, state=HandedOverState.HANDED_OVER, hand_over=form)


def lost(call: Call) -> tuple[Ending, bool]:
    """The call never arrived and nobody knows."""
    return Unanswered(detail="timeout"), False


def answer_lost(call: Call) -> tuple[Ending, bool]:
    """The call arrived, its answer got lost."""
    return Unanswered(detail="timeout"), True


def not_reached(call: Call) -> tuple[Ending, bool]:
    """The call surely did not arrive."""
    return NotReached(detail="connection refused"), False
