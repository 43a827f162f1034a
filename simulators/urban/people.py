"""What people do: each act finds its row, its seat and its case, and is carried out or refused with the reason.

The table is `simulators.urban.desk`. What the table cannot say stands here: applications that wait, reasons and photos, and
that the verification and closing of transferred cases belong to the grid side (INT-4, INT-6).

Applications that nobody decided yet survive disposal and verification, can be decided when the case is back in disposal, and
lapse when the filing ends or the case moves to another place. While a false report is under way, here or on the grid side, the
department cannot report disposal.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.codes import (
    CaseKind,
    CaseSource,
    Decision,
    DeclineReason,
    NoticeKind,
    NoticePhase,
    PhotoKind,
    VerificationOutcome,
)
from bridge.vocabulary.forms import (
    ContactNotice,
    FalseReportApplication,
    FormType,
    VerificationRequest,
)
from bridge.vocabulary.stages import UrbanStage
from simulators.city.seats import Account
from simulators.exchange import views as shared_views
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.params import Params
from simulators.exchange.remaining import Remaining
from simulators.exchange.repairs import RepairMistake, corrected
from simulators.urban import views
from simulators.urban.calendar import CalendarUnknown
from simulators.urban.cases import (
    Application,
    ApplicationKind,
    CaseData,
    DisposalEnd,
    FilingEnd,
    Origin,
    UrbanCase,
)
from simulators.urban.casework import Casework, day_of, log, present, task_of
from simulators.urban.desk import (
    TABLE,
    CaseStatus,
    Role,
    Row,
    refusal_of_seat,
    refusal_of_state,
)
from simulators.urban.notices import DUTY_FOR
from simulators.urban.places import unknown_category_field


class People:
    """The seats at work."""

    def __init__(self, casework: Casework):
        self._casework = casework
        self._places = casework.places
        self._board = casework.board
        self._mailroom = casework.mailroom
        self._choices = casework.choices
        self._remaining = Remaining(casework.cases, lambda case: case.ended)
        #: For a corrected form, the first form of its line (RCPT-2).
        self.first_of_line: dict[str, str] = {}
        #: Matters that the grid side's contact was told the start of.
        self._told_far: set[tuple[NoticeKind, str]] = set()
        self._acts: dict[str, Callable[[Row, UrbanCase, Account, Params, datetime], dict[str, Any] | None]] = {
            "operator.complete": self._complete,
            "operator.file": self._file_act,
            "operator.decline": self._decline_act,
            "supervision.dispatch": self._dispatch_act,
            "supervision.decide_return": self._decide_return,
            "district.assign": self._assign,
            "district.send_back": self._send_back,
            "district.apply_transfer": self._apply_transfer,
            "city.decide_transfer": self._decide_transfer,
            "department.dispose": self._dispose,
            "department.apply_extension": self._apply_extension,
            "district.decide_extension": self._decide_extension,
            "department.apply_false_report": self._apply_false_report,
            "city_verifier.decide_false_report": self._decide_false_report,
            "district_verifier.verify": self._verify_act,
            "city_verifier.verify": self._verify_act,
            "closer.close": self._close_act,
            "exchange.resend": self._exchange_act,
            "exchange.give_up": self._exchange_act,
            "exchange.repair": self._exchange_act,
            "exchange.tell": self._tell,
        }

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None) -> dict[str, Any]:
        """Do one act, or refuse it with the reason and change nothing."""
        row = TABLE.get(name)
        if row is None:
            raise ActRefused(
                "unknown_act", f"城管平台没有「{name}」这项操作。", f"The urban platform has no act «{name}»."
            )
        try:
            return self._act(row, Params(name, params), now, by)
        except CalendarUnknown as unknown:
            raise ActRefused("bad_value", unknown.message_zh, unknown.message_en) from unknown

    def query(self, params: Mapping[str, Any], by: str | None) -> dict[str, Any]:
        """Make sure that this person may have the grid platform queried now (XCHG-2)."""
        row = TABLE["operator.query"]
        Params(row.act, params).allow()
        self._seat(row, by, None)
        return {"asked": True}

    def _act(self, row: Row, given: Params, now: datetime, by: str | None) -> dict[str, Any]:
        given.allow(("case",) if row.about_a_case else (), row.required, row.optional)
        if row.act.endswith(".report"):
            return self._report(row, given, now, by)
        case = self._case(given.text("case"))
        account = self._seat(row, by, case)
        self._refuse_hidden(row, case)
        if (refusal := refusal_of_state(row, case.status, case.stage)) is not None:
            raise ActRefused(*refusal)
        given.require(row.required)
        more = self._acts[row.act](row, case, account, given, now)
        return {"case": case.case_number, "status": case.status.value, "stage": case.stage.value, **(more or {})}

    def _case(self, case_number: str) -> UrbanCase:
        case = self._casework.cases.get(case_number)
        if case is None:
            raise ActRefused("unknown_case", f"没有案卷 {case_number}。", f"There is no case {case_number}.")
        return case

    def _seat(self, row: Row, by: str | None, case: UrbanCase | None) -> Account:
        """Find the account that acts and make sure that it may: seat, level, territory."""
        if by is None:
            return self._places.natural(row.role, case)
        account = self._places.account(by)
        if account is None:
            raise ActRefused("no_such_person", f"没有账号 {by}。", f"There is no account {by}.")
        if (refusal := refusal_of_seat(row, account)) is not None:
            raise ActRefused(*refusal)
        if case is not None and not self._places.covers(account, case):
            raise ActRefused(
                "not_your_territory",
                f"案卷 {case.case_number} 不在 {account.name} 的辖区或部门。",
                f"Case {case.case_number} is outside the territory or department of {account.name}.",
            )
        return account

    @staticmethod
    def _refuse_hidden(row: Row, case: UrbanCase) -> None:
        """Keep the people here from what the grid side does for transferred cases (INT-4, INT-6)."""
        if case.transferred and (row.act.endswith(".verify") or row.role is Role.CLOSER):
            raise ActRefused(
                "hidden",
                "移交案卷由网格平台核查和结案,本平台人员不办理。",
                "A transferred case is verified and closed by the grid platform; this act is not offered here.",
            )

    def _report(self, row: Row, given: Params, now: datetime, by: str | None) -> dict[str, Any]:
        given.require(row.required)
        source = given.code("source", CaseSource, CaseSource.COLLECTOR if row.role is Role.COLLECTOR else None)
        kind = given.code("kind", CaseKind, CaseKind.EVENT)
        data = self._places.located(given, source, kind, now)
        _known_category(data)
        account = self._places.account(by) if by is not None else self._places.natural_at(row.role, data.community)
        if account is None:
            raise ActRefused("no_such_person", f"没有账号 {by}。", f"There is no account {by}.")
        if (refusal := refusal_of_seat(row, account)) is not None:
            raise ActRefused(*refusal)
        if not data.community.startswith(account.territory):
            raise ActRefused(
                "not_your_territory",
                f"{data.community} 不在 {account.name} 的辖区。",
                f"{data.community} is outside the territory of {account.name}.",
            )
        photos = given.photos(PhotoKind.REPORT)
        number = self._casework.next_number(f"U{data.district}-{day_of(now)}")
        case = UrbanCase(
            case_number=number,
            origin=Origin.NATIVE,
            data=data,
            photos=photos,
            received_at=now,
        )
        self._casework.cases[number] = case
        self._casework.receive(case, account.name, row.role.value, now)
        return {"case": number, "status": case.status.value, "stage": case.stage.value}

    def _complete(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        changes: dict[str, Any] = {
            name: given.text(name)
            for name in ("address", "description", "category", "subcategory", "component_code")
            if name in given
        }
        if "kind" in given:
            changes["kind"] = given.code("kind", CaseKind)
        if "grade" in given:
            changes["grade"] = given.grade()
        data = replace(case.data, **changes)
        _known_category(data)
        case.data = data
        if "note" in given:
            case.notes.append(given.text("note"))
        log(case, now, account.name, row.role, "completed", "、".join(changes))

    def _file_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        filing = self._casework.file(case, account.name, now)
        log(case, now, account.name, row.role, "filed", filing.task_number)
        return {"task_number": filing.task_number}

    def _decline_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        reason_code = given.code("reason_code", DeclineReason)
        if reason_code is DeclineReason.DUPLICATE:
            raise ActRefused(
                "bad_value", "重复案卷由系统自动判定。", "Duplicates are found by the system; choose another reason."
            )
        self._casework.decline(case, account.name, row.role, reason_code, given.reason(), None, now)

    def _dispatch_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        district = given.text("district", case.data.district)
        self._places.need_district(district, "district")
        self._casework.dispatch(case, district, account.name, now)
        log(case, now, account.name, row.role, "dispatched", district)

    def _assign(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> dict[str, Any]:
        if case.pending(ApplicationKind.RETURN) is not None:
            raise ActRefused(
                "wrong_state",
                "退办申请尚未审批,不能分派。",
                "A return is waiting for its decision; the case cannot be assigned.",
            )
        district = present(case.district)
        department = given.text("department", self._places.default_department(district, case.data))
        self._places.need_department(department, district, "department")
        due = self._casework.due(case, now)
        self._casework.leave(case, now, account.name, "assigned", note=department)
        log(case, now, account.name, row.role, "assigned", department)
        self._casework.start_disposal(case, district, department, due, now)
        return {"disposal_due_at": shared_views.moment(due)}

    def _send_back(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        self._casework.apply(case, ApplicationKind.RETURN, account, row, given.reason(), now, present(case.district))

    def _decide_return(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        application = _waiting(case, ApplicationKind.RETURN)
        self._casework.settle(case, application, given.flag("grant"), account, row, given.text("reason", ""), now)
        if application.decision is Decision.GRANTED:
            self._casework.lapse(case, now)
            self._casework.leave(case, now, account.name, "sent_back", note=application.reason)
            case.district = None
            self._casework.enter(case, UrbanStage.FILING_AND_DISPATCH, now)

    def _apply_transfer(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        _no_false_report(case)
        district = given.text("to_district")
        self._places.need_district(district, "to_district")
        department = given.text("to_department", self._places.default_department(district, case.data))
        self._places.need_department(department, district, "to_department")
        if (district, department) == (case.district, case.department):
            raise ActRefused("bad_value", "案卷已在该部门。", "The case is with that department already.")
        reason = given.reason()
        self._casework.apply(
            case,
            ApplicationKind.TRANSFER,
            account,
            row,
            reason,
            now,
            present(case.district),
            to_district=district,
            to_department=department,
        )

    def _decide_transfer(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        application = _waiting(case, ApplicationKind.TRANSFER)
        grant = given.flag("grant")
        reason = given.text("reason", "")
        if not grant:
            self._casework.settle(case, application, grant, account, row, reason, now)
            return
        _no_false_report(case)
        restart = self._choices.restart_on_transfer or case.disposal_due_at is None
        due = self._casework.due(case, now) if restart else present(case.disposal_due_at)
        since = now if restart else case.disposal_started_at
        self._casework.settle(case, application, grant, account, row, reason, now, due=due)
        self._casework.lapse(case, now)
        self._casework.end_disposal(case, DisposalEnd.TRANSFERRED, now)
        self._casework.leave(case, now, account.name, "transferred", note=application.reason)
        self._casework.start_disposal(
            case, present(application.to_district), present(application.to_department), due, now, since=since
        )

    def _dispose(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        _no_false_report(case)
        result = given.text("result")
        photos = given.photos(PhotoKind.DISPOSAL)
        self._casework.end_disposal(case, DisposalEnd.DISPOSED, now)
        self._casework.leave(case, now, account.name, result, photos=photos)
        log(case, now, account.name, row.role, "disposed", result)
        self._casework.enter(case, UrbanStage.DISTRICT_VERIFICATION, now)
        self._casework.send(
            case,
            VerificationRequest(
                case_number=case.case_number,
                task_number=task_of(case),
                round=case.round,
                disposal_result=result,
                disposed_at=now,
                district=present(case.district),
                department=present(case.department),
                attachments=photos,
            ),
            now,
        )

    def _apply_extension(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        hours = given.whole("hours", 8)
        self._casework.apply(
            case, ApplicationKind.EXTENSION, account, row, given.reason(), now, present(case.department), hours=hours
        )

    def _decide_extension(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        application = _waiting(case, ApplicationKind.EXTENSION)
        grant, reason = given.flag("grant"), given.text("reason", "")
        due = None
        if grant:
            due = self._casework.calendar.add(present(case.disposal_due_at), timedelta(hours=application.hours or 0))
            case.disposal_due_at = due
            case.disposals[-1].extended.append((now, due))
        self._casework.settle(case, application, grant, account, row, reason, now, due=due)

    def _apply_false_report(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        reason = given.reason()
        photos = given.photos(PhotoKind.ON_SITE)
        if not photos:
            raise ActRefused(
                "photo_required",
                "举报不属实必须附至少一张现场照片。",
                "A false report needs at least one photo taken on site.",
            )
        if case.false_report is not None:
            raise ActRefused(
                "duplicate_application",
                "举报不属实申请正在办理,请等待结果。",
                "A false-report application is under way already; wait for its outcome.",
            )
        self._casework.apply(
            case, ApplicationKind.FALSE_REPORT, account, row, reason, now, present(case.department), photos=photos
        )

    def _decide_false_report(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        application = _waiting(case, ApplicationKind.FALSE_REPORT)
        grant = given.flag("grant")
        self._casework.settle(case, application, grant, account, row, given.text("reason", ""), now)
        if not grant:
            return
        self._casework.send(
            case,
            FalseReportApplication(
                case_number=case.case_number,
                task_number=task_of(case),
                reason=application.reason,
                department=application.place,
                applied_at=application.at,
                attachments=application.photos,
            ),
            now,
        )
        if case.transferred and self._choices.grid_confirms_false_report:
            application.awaits_grid = True
        else:
            self._casework.close_as_false(case, account.name, now)

    def _verify_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        outcome = given.code("outcome", VerificationOutcome)
        note = given.text("note", "") or None
        photos = given.photos(PhotoKind.VERIFICATION)
        self._casework.leave(case, now, account.name, outcome.value, note=note, photos=photos)
        log(case, now, account.name, row.role, "verified", outcome)
        case.verification = outcome
        if outcome is VerificationOutcome.NOT_PASSED:
            self._casework.reject(case, note or "", now)
        elif row.role is Role.DISTRICT_VERIFIER:
            self._casework.enter(case, UrbanStage.CITY_VERIFICATION, now)
        else:
            self._casework.enter(case, UrbanStage.CLOSING, now)

    def _close_act(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        log(case, now, account.name, row.role, "closed", given.text("note", ""))
        self._casework.end(case, CaseStatus.CLOSED, FilingEnd.CLOSED, account.name, now)

    def _exchange_act(
        self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime
    ) -> dict[str, Any]:
        number = case.case_number
        verb = row.act.partition(".")[2]
        wanted = given.code("form_type", FormType) if "form_type" in given else None
        waiting = self._mailroom.refused(number) if verb == "repair" else self._mailroom.parked(number)
        sending = next((s for s in waiting if wanted is None or s.form_type is wanted), None)
        if sending is None:
            raise ActRefused(
                "not_waiting", "该案卷没有等待处理的表单。", "No form of this case waits for the exchange seat."
            )
        message_id = sending.message_id
        if verb == "resend":
            self._mailroom.resend(message_id, now)
        elif verb == "give_up":
            self._mailroom.give_up(message_id, now, given.text("reason", ""))
        else:
            try:
                form = corrected(sending.form, given.mapping("changes"))
            except RepairMistake as mistake:
                raise ActRefused("bad_value", mistake.message_zh, mistake.message_en) from mistake
            first = self.first_of_line.get(message_id, message_id)
            message_id = self._mailroom.repair(message_id, form, now)
            self.first_of_line[message_id] = first
        log(case, now, account.name, row.role, verb, sending.form_type)
        return {"form_type": sending.form_type.value, "message_id": message_id}

    def _tell(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        """Let a contact person here tell the grid side's (CONT-2)."""
        kind, phase = given.code("kind", NoticeKind), given.code("phase", NoticePhase, NoticePhase.STARTED)
        form = ContactNotice(
            case_number=case.case_number,
            kind=kind,
            phase=phase,
            text=given.text("text"),
            noticed_at=now,
            contact_name=self._board.name(DUTY_FOR[kind]),
            related_case_number=given.text("related", "") or None,
        )
        if not case.transferred:
            raise ActRefused(
                "wrong_state", "自有案卷与网格平台无关。", "The grid platform knows nothing of this native case."
            )
        matter = (kind, case.case_number)
        if (phase is NoticePhase.STARTED) is (matter in self._told_far):
            raise ActRefused(
                "wrong_state",
                "该事项的发生或解除已通知过。",
                "That this matter has started, or is over, has been told.",
            )
        self._told_far ^= {matter}
        self._casework.send(case, form, now)
        log(case, now, account.name, row.role, "told", form.text)

    def worklist(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """List what waits for a seat; the verification of transferred cases is on no list (INT-4)."""
        try:
            role = Role(str(given.get("role")))
        except ValueError:
            raise AskRefused(
                "bad_value", f"没有岗位 {given.get('role')}。", f"There is no seat {given.get('role')}."
            ) from None
        account = None
        if given.get("account") is not None:
            account = self._places.account(str(given["account"]))
            if account is None or account.role != role:
                raise AskRefused(
                    "no_such_person",
                    f"{role} 岗没有账号 {given['account']}。",
                    f"The {role} seat has no account {given['account']}.",
                )
        if role is Role.EXCHANGE:
            waiting = (*self._mailroom.parked(given.get("case")), *self._mailroom.refused(given.get("case")))
            return shared_views.first_of((shared_views.sending(s) for s in waiting), given)
        return shared_views.first_of(self._waiting_for(role, account, given.get("case")), given)

    def _waiting_for(self, role: Role, account: Account | None, number: Any) -> Iterator[dict[str, Any]]:
        # Most cases wait for somebody else, which their status and stage say already.
        at: dict[tuple[CaseStatus, UrbanStage], list[Row]] = {}
        for row in TABLE.values():
            if row.role is role and row.status is not None:
                for stage in row.stages:
                    at.setdefault((row.status, stage), []).append(row)
        known = self._casework.cases.get(number) if number is not None else None
        for case in self._remaining.values() if number is None else [known]:
            if case is None or case.ended:
                continue
            rows = at.get((case.status, case.stage), ())
            if not rows or (account is not None and not self._places.covers(account, case)):
                continue
            acts = [row.act for row in rows if _offered(row, case)]
            if acts:
                yield {**views.summary(case), "acts": acts}

    def may(self, case: UrbanCase, given: Mapping[str, Any]) -> list[str]:
        """List the acts that an account may do with a case as it stands: those that neither seat, place nor state refuses."""
        account = self._places.account(str(given.get("account")))
        if account is None:
            raise AskRefused(
                "no_such_person",
                f"没有账号 {given.get('account')}。",
                f"There is no account {given.get('account')}.",
            )
        return [row.act for row in TABLE.values() if row.about_a_case and self._open_to(row, case, account)]

    def _open_to(self, row: Row, case: UrbanCase, account: Account) -> bool:
        try:
            self._seat(row, account.name, case)
        except ActRefused:
            return False
        if row.role is not Role.EXCHANGE:
            return _offered(row, case)
        waiting = {
            "exchange.resend": self._mailroom.parked,
            "exchange.give_up": self._mailroom.parked,
            "exchange.repair": self._mailroom.refused,
        }.get(row.act)
        return case.transferred if waiting is None else bool(waiting(case.case_number))


def _waiting(case: UrbanCase, kind: ApplicationKind) -> Application:
    application = case.pending(kind)
    if application is None:
        raise ActRefused("not_waiting", "没有待审批的此类申请。", "No application of this kind waits for a decision.")
    return application


def _no_false_report(case: UrbanCase) -> None:
    if case.false_report is not None:
        raise ActRefused(
            "wrong_state",
            "举报不属实申请正在办理,请等待结果。",
            "A false-report application is under way; wait for its outcome.",
        )


def _known_category(data: CaseData) -> None:
    field = unknown_category_field(data.kind, data.category, data.subcategory)
    if field is not None:
        raise ActRefused(
            "bad_value",
            f"分类代码表中没有 {data.category}/{data.subcategory}。",
            f"The table of categories has no {data.category}/{data.subcategory}.",
        )


def _offered(row: Row, case: UrbanCase) -> bool:
    """Whether an act stands on the work list of its seat for this case."""
    if refusal_of_state(row, case.status, case.stage) is not None:
        return False
    if case.transferred and (row.act.endswith(".verify") or row.role is Role.CLOSER):
        return False
    if row.act == "district.assign" and case.pending(ApplicationKind.RETURN) is not None:
        return False
    if row.act == "department.dispose" and case.false_report is not None:
        return False
    verb = row.act.partition(".")[2]
    kind = verb.removeprefix("decide_")
    return not verb.startswith("decide_") or case.pending(ApplicationKind(kind)) is not None
