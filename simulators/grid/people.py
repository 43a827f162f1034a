"""The grid platform's people at work: every act of the desk's table, and what waits for whom (GRID-2 … GRID-6, INT-5 … INT-7, EXC-2, EXC-3)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from re import fullmatch
from typing import Any

from bridge.vocabulary.codes import (
    CaseGrade,
    CaseKind,
    CaseSource,
    ClosingKind,
    ContactDuty,
    CoordinateSystem,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    RejectionCause,
    Remedy,
    VerificationOutcome,
    remedy_for,
)
from bridge.vocabulary.forms import (
    Closing,
    ContactNotice,
    FalseReportAnswer,
    FormType,
    HandOver,
    Position,
    Rejection,
    Supplement,
    VerificationResult,
    Withdrawal,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import HandOverMode
from bridge.vocabulary.stages import GridState
from simulators.city.categories import category
from simulators.city.places import Cell
from simulators.city.seats import CITY_APPEARANCE, Account, Level
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.mailroom import MailMistake, Sending, SendingState
from simulators.exchange.params import Params
from simulators.exchange.remaining import Remaining
from simulators.exchange.repairs import RepairMistake, corrected
from simulators.exchange.views import first_of
from simulators.grid import views
from simulators.grid.casebook import (
    FalseReportState,
    GridCase,
    RejectionLine,
    Verification,
)
from simulators.grid.casework import Casework, log, present
from simulators.grid.desk import (
    TABLE,
    VIRTUAL,
    Belongs,
    Refusal,
    Row,
    Seat,
    refusal_of_level,
    refusal_of_place,
    refusal_of_role,
    refusal_of_state,
)
from simulators.grid.quirks import dressed
from simulators.grid.registry import Book, Registry

#: The contract's longest name of a person and longest sentence.
_PERSON_NAME_MAX = 60
_SENTENCE_MAX = 500

#: Acts that nothing refuses but that there is nothing to do with until something waits for them.
_WHEN_WAITED_FOR = frozenset(
    {
        "dispatcher.dispatch",
        "workstation.hand_over",
        "workstation.answer_false_report",
        "workstation.resend",
        "workstation.give_up",
        "workstation.repair",
    }
)
#: Acts on forms that wait for a person, in whatever state their case is (RCPT-2, RCPT-5).
_ABOUT_FORMS = frozenset({"workstation.resend", "workstation.give_up", "workstation.repair"})
#: A withdrawal in one of these has been answered, or will not be.
_DONE = frozenset({SendingState.CONFIRMED, SendingState.REFUSED, SendingState.GIVEN_UP})


class People:
    """The seats at work. An act that is refused has changed nothing."""

    def __init__(self, casework: Casework):
        self._casework = casework
        self.registry = Registry(casework.town)
        self._remaining = Remaining(casework.cases, lambda case: case.ended and not case.awaits_false_report_answer)
        #: Matters that we told the other side's contact the start of.
        self._told_far: set[tuple[NoticeKind, str]] = set()
        self._acts: dict[str, Callable[[Row, GridCase, Account, Params, datetime], dict[str, Any] | None]] = {
            "dispatcher.accept": self._accept,
            "dispatcher.dispatch": self._dispatch,
            "handler.handle": self._handle,
            "dispatcher.close": self._close_own,
            "worker.verify": self._verify,
            "workstation.hand_over": self._hand_over,
            "workstation.supplement": self._supplement,
            "workstation.close": self._close,
            "workstation.reject": self._reject,
            "workstation.answer_false_report": self._answer_false_report,
            "workstation.notify": self._notify_far,
            "workstation.withdraw": self._withdraw,
            "workstation.force_withdraw": self._force_withdraw,
            "workstation.cancel": self._cancel,
            "workstation.resend": self._resend,
            "workstation.give_up": self._give_up,
            "workstation.repair": self._repair,
        }

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Do one act of the desk's table, or refuse it with the reason and change nothing."""
        row = TABLE.get(name)
        if row is None:
            raise ActRefused(
                "unknown_act", f"网格平台没有「{name}」这项操作。", f"The grid platform has no act «{name}»."
            )
        given = Params(name, params)
        given.allow(() if row.belongs is None else ("case",), row.required, row.optional)
        if row.belongs is None:
            return self._in_a_cell(row, given, params, now, by)
        return self._on_a_case(row, given, now, by)

    def _in_a_cell(
        self, row: Row, given: Params, params: Mapping[str, Any], now: datetime, by: str | None
    ) -> dict[str, Any]:
        cell = self._cell(given)
        account = self._account(row, by) if by is not None else self._casework.accounts[cell.worker]
        _refuse(refusal_of_place(row, account, cell.code))
        given.require(row.required)
        if row.act == "worker.report":
            return self._report(cell, account, given, now)
        book = Book(row.act.removeprefix("worker.upkeep_"))
        values = {name: params[name] for name in row.optional if name != "id" and name in given}
        record_id = given.text("id") if "id" in given else None
        return {"id": self.registry.keep(book, cell.code, record_id, values, account.name, now)}

    def _on_a_case(self, row: Row, given: Params, now: datetime, by: str | None) -> dict[str, Any]:
        number = given.text("case")
        case = self._casework.cases.get(number)
        if case is None:
            raise ActRefused("unknown_case", f"没有案卷 {number}。", f"There is no case {number}.")
        more = None
        if row.seat is Seat.REPORTER:
            self._refuse_stranger(row, case, by)
            _refuse(refusal_of_state(row, case))
            self._heard_reporter(row, case, given, now)
        else:
            account = self._seated(row, case, given, by)
            _refuse(refusal_of_state(row, case))
            given.require(row.required)
            more = self._acts[row.act](row, case, account, given, now)
        return {"case": case.case_number, "state": case.state.value, **(more or {})}

    def _account(self, row: Row, by: str) -> Account:
        account = self._casework.accounts.get(by)
        if account is None:
            raise ActRefused("no_such_person", f"没有账号 {by}。", f"There is no account {by}.")
        _refuse(refusal_of_role(row, account))
        return account

    def _seated(self, row: Row, case: GridCase, given: Params, by: str | None) -> Account:
        """Find the account that acts, and make sure of its role, level and territory (GRID-4)."""
        asked = given.code("level", Level) if "level" in given else None
        if by is None:
            account = self._natural(row.seat, case, asked or case.level or Level.COMMUNITY)
        else:
            account = self._account(row, by)
            _refuse(refusal_of_place(row, account, case.cell.code))
            _refuse(refusal_of_level(row, account, asked))
        _refuse(refusal_of_level(row, account, case.level))
        if account.role == VIRTUAL and account.department != case.department:
            raise ActRefused(
                "not_your_role",
                f"{account.name} 只移交 {account.department} 的案卷。",
                f"{account.name} hands over cases of {account.department} only.",
            )
        return account

    def _natural(self, seat: Seat, case: GridCase, level: Level) -> Account:
        """Find the account that a case lies with when nobody says who acts."""
        if seat is Seat.WORKER:
            return self._casework.accounts[case.cell.worker]
        role = "handler" if seat is Seat.HANDLER else "dispatcher"
        return present(self._casework.town.seat(Side.GRID, role, level, case.cell.code))

    def _refuse_stranger(self, row: Row, case: GridCase, by: str | None) -> None:
        """Only whoever reported may say whether they are satisfied."""
        if by is None or by in {case.reporter_name, case.reported_by}:
            return
        if by in self._casework.accounts:
            raise ActRefused(
                "not_your_role",
                f"「{row.zh}」由举报人本人办理,不由 {by} 办理。",
                f"«{row.en}» is for the reporter, not for {by}.",
            )
        raise ActRefused("no_such_person", f"{by} 不是本案举报人。", f"{by} is not the one who reported this case.")

    # GRID-3: reporting.

    def _cell(self, given: Params) -> Cell:
        code = given.text("cell", self._casework.town.first_cell.code)
        cell = self._casework.town.cells.get(code)
        if cell is None:
            raise ActRefused("bad_value", f"没有网格 {code}。", f"There is no cell {code}.")
        return cell

    def _report(self, cell: Cell, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        kind = given.code("kind", CaseKind, CaseKind.EVENT)
        main, sub = given.text("category"), given.text("subcategory")
        row = category(kind, main, sub)
        if row is None:
            raise ActRefused(
                "bad_value", f"分类代码表中没有 {kind} {main}/{sub}。", f"The catalogue has no {kind} {main}/{sub}."
            )
        component_code = given.text("component_code") if "component_code" in given else None
        if component_code is not None and not fullmatch(rf"[0-9]{{6}}{main}{sub}[0-9]{{6}}", component_code):
            raise ActRefused(
                "bad_value",
                f"部件标识码 {component_code} 与分类 {main}/{sub} 不符。",
                f"Component code {component_code} does not go with {main}/{sub}.",
            )
        if component_code is not None and kind is not CaseKind.COMPONENT:
            raise ActRefused("bad_value", "事件没有部件标识码。", "An event has no component code.")
        short = row.department if not row.urban else CITY_APPEARANCE
        department = given.text("department", f"{short}-{cell.district}")
        self._need_department(department)
        case = GridCase(
            case_number=self._casework.next_number(cell.district, now),
            source=given.code("source", CaseSource, CaseSource.GRID_PLATFORM),
            kind=kind,
            category=main,
            subcategory=sub,
            grade=given.code("grade", CaseGrade, CaseGrade.ORDINARY),
            description=given.text("description"),
            address=given.text("address", cell.address),
            cell=cell,
            department=department,
            reported_at=now,
            reported_by=account.name,
            reporter_name=_short(given.text("reporter_name", account.person), "reporter_name", _PERSON_NAME_MAX),
            reporter_phone=_phone(given),
            component_code=component_code,
            photos=given.photos(PhotoKind.REPORT),
        )
        self._casework.cases[case.case_number] = case
        log(case, now, account.name, Seat.WORKER, "reported", case.description)
        return {"case": case.case_number, "state": case.state.value}

    def _need_department(self, code: str) -> None:
        department = self._casework.town.departments.get(code)
        if department is None or Side.GRID not in department.platforms:
            raise ActRefused("bad_value", f"网格平台没有部门 {code}。", f"The grid platform has no department {code}.")

    # GRID-5: the own closed loop.

    def _accept(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        case.level = account.level
        case.state = GridState.ACCEPTED
        log(case, now, account.name, row.seat, "accepted", account.level.value)

    def _dispatch(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        code = given.text("department")
        self._need_department(code)
        department = self._casework.town.departments[code]
        if department.city_appearance:
            raise ActRefused(
                "wrong_department",
                "市容部门的案卷由工作站经虚拟账号移交城管,不在本平台派遣。",
                "A city-appearance department's case is handed over by the workstation, not dispatched here.",
            )
        if not case.cell.code.startswith(department.territory):
            raise ActRefused(
                "wrong_department",
                f"{department.name} 不管辖网格 {case.cell.code}。",
                f"{department.code} does not work in cell {case.cell.code}.",
            )
        case.department = code
        case.state = GridState.DISPATCHED
        log(case, now, account.name, row.seat, "dispatched", code)

    def _handle(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        result = given.text("result")
        photos = given.photos(PhotoKind.DISPOSAL)
        case.verifications.append(
            Verification(
                round=len(case.verifications) + 1, requested_at=now, disposal_result=result, disposal_photos=photos
            )
        )
        case.state = GridState.AWAITING_VERIFICATION
        log(case, now, account.name, row.seat, "handled", result)

    def _close_own(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        self._casework.end(case, GridState.CLOSED, now)
        log(case, now, account.name, row.seat, "closed")

    # Verification, of both kinds of case (GRID-3, INT-4).

    def _verify(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        outcome = given.code("outcome", VerificationOutcome)
        note = given.text("note") if "note" in given else None
        photos = given.photos(PhotoKind.VERIFICATION)
        round_ = present(case.verification)
        round_.outcome, round_.verifier, round_.verified_at = outcome, account.person, now
        round_.note, round_.photos = note, photos
        passed = outcome is VerificationOutcome.PASSED
        if case.handed_over:
            case.state = GridState.VERIFIED if passed else GridState.VERIFICATION_FAILED
            self._casework.send(
                VerificationResult(
                    case_number=case.case_number,
                    task_number=present(case.task_number),
                    round=round_.round,
                    outcome=outcome,
                    verifier=account.person,
                    verified_at=now,
                    note=note,
                    attachments=photos,
                ),
                now,
            )
        else:
            case.state = GridState.VERIFIED if passed else GridState.IN_HANDLING
        log(case, now, account.name, row.seat, f"verified_{outcome}", note or "")

    def _heard_reporter(self, row: Row, case: GridCase, given: Params, now: datetime) -> None:
        """Record what the reporter says; a dissatisfied one sends the case back (INT-7)."""
        reason = given.text("reason", "").strip()
        case.satisfied = row.act == "reporter.satisfied"
        log(case, now, case.reporter_name, row.seat, "satisfied" if case.satisfied else "dissatisfied", reason)
        if case.satisfied:
            return
        if case.handed_over:
            self._send_rejection(case, RejectionCause.REPORTER_DISSATISFIED, reason or "举报人对处置结果不满意", now)
        else:
            case.state = GridState.IN_HANDLING

    # GRID-6: handing over.

    def _hand_over(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        department = self._casework.town.departments[case.department]
        if not department.city_appearance:
            raise ActRefused(
                "wrong_department",
                f"案卷属于{department.name},不是市容部门,不移交城管。",
                f"The case belongs to {department.code}, not to a city-appearance department: it does not leave here.",
            )
        if case.state is GridState.REPORTED and account.role != VIRTUAL:
            self._accept(row, case, account, given, now)
        virtual = present(self._casework.town.seat(Side.GRID, VIRTUAL, Level.DISTRICT, case.cell.code, case.department))
        x, y = case.cell.centre
        form = HandOver(
            case_number=case.case_number,
            source=case.source,
            kind=case.kind,
            category=case.category,
            subcategory=case.subcategory,
            grade=case.grade,
            description=case.description,
            address=case.address,
            district=case.cell.district,
            street=case.cell.street,
            community=case.cell.community,
            cell=case.cell.code,
            reported_at=case.reported_at,
            reporter_name=case.reporter_name,
            handed_over_at=now,
            handed_over_by=virtual.name,
            reporter_phone=case.reporter_phone,
            component_code=case.component_code,
            position=Position(x=x, y=y, system=CoordinateSystem.CGCS2000),
            attachments=case.photos,
        )
        case.hand_over = dressed(form, self._casework.quirks)
        push = self._casework.choices.hand_over is HandOverMode.PUSH
        case.hand_over_id = self._casework.mailroom.post(case.hand_over, now, push=push)
        self._casework.handed_over.append((case.hand_over_id, case))
        case.state = GridState.HANDED_OVER
        log(case, now, virtual.name, VIRTUAL, "handed_over", account.name)
        return {"message_id": case.hand_over_id}

    def _supplement(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        note = given.text("note")
        photos = given.photos(PhotoKind.REPORT)
        case.notes.append(note)
        self._casework.send(
            Supplement(case_number=case.case_number, note=note, supplemented_at=now, attachments=photos), now
        )
        log(case, now, account.name, row.seat, "supplemented", note)

    # INT-6, INT-7: closing and rejecting what was verified.

    def _close(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        self._casework.send(
            Closing(
                case_number=case.case_number,
                task_number=present(case.task_number),
                kind=ClosingKind.NORMAL,
                closed_at=now,
                closed_by=account.person,
                note="核查通过,结案",
            ),
            now,
        )
        log(case, now, account.name, row.seat, "closed")
        self._casework.end(case, GridState.CLOSED, now)

    def _reject(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        found = present(case.verification).note
        reason = given.reason() if "reason" in given else found or "核查不通过"
        log(case, now, account.name, row.seat, "rejected", reason)
        return self._send_rejection(case, RejectionCause.NOT_PASSED, reason, now)

    def _send_rejection(self, case: GridCase, cause: RejectionCause, reason: str, now: datetime) -> dict[str, Any]:
        case.rejections += 1
        case.rejected.append(
            RejectionLine(
                at=now, filing_ordinal=case.filing_ordinal, ordinal=case.rejections, cause=cause, reason=reason
            )
        )
        case.state = GridState.HANDED_OVER
        self._casework.send(
            Rejection(
                case_number=case.case_number,
                task_number=present(case.task_number),
                ordinal=case.rejections,
                cause=cause,
                reason=reason,
                rejected_at=now,
                attachments=present(case.verification).photos,
            ),
            now,
        )
        if case.rejections > self._casework.choices.max_rejections:
            case.overdue_not_disposed = True
            self._casework.board.started(
                NoticeKind.REPEATED_REJECTION,
                case.case_number,
                case.case_number,
                f"案卷 {case.case_number} 第 {case.rejections} 次被驳回,应重新立案。",
                f"Case {case.case_number} has been rejected {case.rejections} times and is to be filed again.",
                now,
            )
        return {"ordinal": case.rejections}

    # EXC-3: false reports.

    def _answer_false_report(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        if not case.awaits_false_report_answer:
            raise ActRefused("not_waiting", "没有待答复的举报不属实申请。", "No false-report application waits.")
        confirmed = given.flag("confirmed")
        default = "经核实,举报不属实。" if confirmed else "经核实,举报属实,请继续处置。"
        reason = given.reason() if "reason" in given else default
        report = present(case.false_report)
        report.state = FalseReportState.CONFIRMED if confirmed else FalseReportState.DENIED
        report.answer_reason, report.answered_at = reason, now
        self._casework.send(
            FalseReportAnswer(
                case_number=case.case_number,
                task_number=present(case.task_number),
                confirmed=confirmed,
                reason=reason,
                answered_at=now,
            ),
            now,
        )
        log(case, now, account.name, row.seat, f"false_report_{report.state}", reason)

    # EXC-2: taking a case back.

    def _withdraw(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        reason = given.reason()
        if any(s.form_type is FormType.WITHDRAWAL and s.state not in _DONE for s in self._casework.sendings(case)):
            raise ActRefused(
                "duplicate_application", "已有撤回等待答复。", "A withdrawal is already waiting for its answer."
            )
        self._send_withdrawal(row, case, account, reason, now)

    def _force_withdraw(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        self._send_withdrawal(row, case, account, given.reason(), now)

    def _send_withdrawal(self, row: Row, case: GridCase, account: Account, reason: str, now: datetime) -> None:
        self._casework.send(Withdrawal(case_number=case.case_number, reason=reason, withdrawn_at=now), now)
        log(case, now, account.name, row.seat, "asked_withdrawal", reason)

    def _cancel(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        reason = given.reason()
        case.cancelled = True
        log(case, now, account.name, row.seat, "cancelled", reason)
        self._casework.end(case, GridState.CLOSED, now)

    # XCHG-3: a word to the other side's contact.

    def _notify_far(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> None:
        kind, phase = given.code("kind", NoticeKind), given.code("phase", NoticePhase, NoticePhase.STARTED)
        related = given.text("related_case") if "related_case" in given else None
        if related is not None and related not in self._casework.cases:
            raise ActRefused("unknown_case", f"没有案卷 {related}。", f"There is no case {related}.")
        text = _short(given.text("text"), "text", _SENTENCE_MAX)
        matter = (kind, case.case_number)
        if (phase is NoticePhase.STARTED) is (matter in self._told_far):
            raise ActRefused(
                "wrong_state",
                "该事项的发生或解除已通知过。",
                "That this matter has started, or is over, has been told.",
            )
        self._told_far ^= {matter}
        self._casework.send(
            ContactNotice(
                case_number=case.case_number,
                kind=kind,
                phase=phase,
                text=text,
                noticed_at=now,
                contact_name=self._casework.board.name(ContactDuty.GRID_SIDE),
                related_case_number=related,
            ),
            now,
        )
        log(case, now, account.name, row.seat, "told_far_side", text)

    # RCPT-2, RCPT-5: parked and refused forms.

    def _waiting_form(self, waiting: list[Sending], given: Params) -> Sending:
        wanted = given.code("form_type", FormType) if "form_type" in given else None
        found = next((s for s in waiting if wanted is None or s.form_type is wanted), None)
        if found is None:
            raise ActRefused("not_waiting", "该案卷没有等待处理的表单。", "No form of this case waits for a person.")
        return found

    def _resend(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        sending = self._waiting_form(self._casework.mailroom.parked(case.case_number), given)
        self._casework.mailroom.resend(sending.message_id, now)
        log(case, now, account.name, row.seat, "resent", sending.form_type)
        return {"form_type": sending.form_type.value, "message_id": sending.message_id}

    def _give_up(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        sending = self._waiting_form(self._casework.mailroom.parked(case.case_number), given)
        reason = given.text("reason", "")
        self._casework.mailroom.give_up(sending.message_id, now, reason)
        log(case, now, account.name, row.seat, "gave_up", f"{sending.form_type} {reason}".strip())
        return {"form_type": sending.form_type.value, "message_id": sending.message_id}

    def _repair(self, row: Row, case: GridCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        sending = self._waiting_form(self._casework.mailroom.refused(case.case_number), given)
        try:
            form = corrected(sending.form, given.mapping("changes"))
            message_id = self._casework.mailroom.repair(sending.message_id, form, now)
        except (MailMistake, RepairMistake) as mistake:
            raise ActRefused("bad_value", mistake.message_zh, mistake.message_en) from mistake
        self._casework.first_of_line[message_id] = self._casework.first_of_line.get(
            sending.message_id, sending.message_id
        )
        if isinstance(form, HandOver):
            # A new sending takes a new place, so that a taker whose cursor has passed the old one sees it (XCHG-2).
            case.hand_over, case.hand_over_id = form, message_id
            self._casework.handed_over.append((message_id, case))
        log(case, now, account.name, row.seat, "repaired", sending.form_type)
        return {"form_type": sending.form_type.value, "message_id": message_id}

    def worklist(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List the cases that wait for a seat, with the acts that it may do."""
        try:
            seat = Seat(str(given.get("role")))
            level = None if given.get("level") is None else Level(str(given["level"]))
        except ValueError:
            raise AskRefused(
                "bad_value",
                f"没有岗位 {given.get('role')} 或层级 {given.get('level')}。",
                f"There is no seat {given.get('role')} or no level {given.get('level')}.",
            ) from None
        account = None
        if given.get("account") is not None:
            account = self._casework.accounts.get(str(given["account"]))
            if account is None or any(refusal_of_role(row, account) for row in TABLE.values() if row.seat is seat):
                raise AskRefused(
                    "no_such_person",
                    f"{seat} 岗没有账号 {given['account']}。",
                    f"The {seat} seat has no account {given['account']}.",
                )
            level = level or account.level
        rows = [row for row in TABLE.values() if row.seat is seat and row.belongs is not None]
        return first_of(self._waiting_for(seat, rows, level, account, given.get("case")), given)

    def _waiting_for(
        self, seat: Seat, rows: list[Row], level: Level | None, account: Account | None, number: Any
    ) -> Iterator[dict[str, Any]]:
        # Most cases wait for somebody else, which their state says already.
        at = {
            state: [
                row
                for row in rows
                if row.act == "workstation.answer_false_report"
                or (state in row.states and row.states != frozenset(GridState))
            ]
            for state in GridState
        }
        about_forms = [row for row in rows if row.act in _ABOUT_FORMS]
        mailroom = self._casework.mailroom
        waiting = (*mailroom.parked(number), *mailroom.refused(number)) if about_forms else ()
        with_forms = {sending.case_number for sending in waiting}
        for case in self._unended(with_forms, number):
            here = at[case.state] + about_forms if case.case_number in with_forms else at[case.state]
            if not here:
                continue
            if account is not None and not account.covers(case.cell.code):
                continue
            if level is not None and seat is not Seat.WORKER and case.level not in {None, level}:
                continue
            acts = [row.act for row in here if self._waits_for(row, case)]
            if acts:
                yield {**views.summary(case), "acts": acts}

    def _unended(self, with_forms: set[str], number: Any) -> Iterable[GridCase]:
        """The cases in which something can wait: those that have not ended, and those with forms that wait."""
        cases = self._casework.cases
        if number is not None:
            return [cases[number]] if number in cases else []
        left = {case.case_number: case for case in self._remaining.values()}
        left |= {name: cases[name] for name in sorted(with_forms - left.keys())}
        return left.values()

    def may(self, case: GridCase, given: Mapping[str, Any]) -> list[str]:
        """List the acts that an account may do with a case as it stands: those that neither role, place, level nor state refuses."""
        account = self._casework.accounts.get(str(given.get("account")))
        if account is None:
            raise AskRefused(
                "no_such_person",
                f"没有账号 {given.get('account')}。",
                f"There is no account {given.get('account')}.",
            )
        return [row.act for row in TABLE.values() if row.belongs is not None and self._open_to(row, case, account)]

    def _open_to(self, row: Row, case: GridCase, account: Account) -> bool:
        try:
            if row.seat is Seat.REPORTER:
                self._refuse_stranger(row, case, account.name)
            else:
                self._seated(row, case, Params(row.act, {}), account.name)
            _refuse(refusal_of_state(row, case))
        except ActRefused:
            return False
        return row.act not in _WHEN_WAITED_FOR or self._waits_for(row, case)

    def _waits_for(self, row: Row, case: GridCase) -> bool:
        """Tell whether the act is the next thing to do, and not merely allowed."""
        if row.act in {"workstation.resend", "workstation.give_up"}:
            return bool(self._casework.mailroom.parked(case.case_number))
        if row.act == "workstation.repair":
            return any(
                s.fault is not None and remedy_for(s.fault.code) is Remedy.REPAIR
                for s in self._casework.mailroom.refused(case.case_number)
            )
        if row.act == "workstation.answer_false_report":
            return case.awaits_false_report_answer
        if row.rids or row.states == frozenset(GridState) or row.act == "workstation.supplement":
            return False
        if row.act == "workstation.hand_over" and not self._casework.town.departments[case.department].city_appearance:
            return False
        if row.act == "dispatcher.dispatch" and self._casework.town.departments[case.department].city_appearance:
            return False
        if row.belongs is not Belongs.EITHER and case.handed_over is not (row.belongs is Belongs.TRANSFERRED):
            return False
        return case.state in row.states


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise ActRefused(*refusal)


def _short(text: str, name: str, longest: int) -> str:
    if len(text) > longest:
        raise ActRefused(
            "bad_value", f"参数 {name} 最多 {longest} 字。", f"The parameter {name} holds at most {longest} characters."
        )
    return text


def _phone(given: Params) -> str | None:
    if "reporter_phone" not in given:
        return None
    phone = given.text("reporter_phone")
    if not fullmatch("[0-9+ -]{5,20}", phone):
        raise ActRefused("bad_value", f"电话号码 {phone} 无效。", f"{phone} is no phone number.")
    return phone
