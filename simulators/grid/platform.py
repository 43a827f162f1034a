"""The grid platform as a pure machine: its people, its cases, and what it hands to the urban platform and hears from it.

    reported → accepted → dispatched → in_handling → awaiting_verification → verified → closed      (own loop, GRID-5)
        │          │                        ↑────────── not handled ──┘
        └──────────┴→ handed_over → awaiting_verification → verified → closed           (through the virtual account, GRID-6)
                        ↑   │ │ └→ declined, withdrawn, closed_false_report  │
                        │   │ └── filed again after the rejection too many   │
                        └───┴─── rejected ── verification_failed ←───────────┴── or the reporter is dissatisfied (INT-7)

Who may do what is `desk.TABLE`, done by `people`; which forms are taken is `admission`, what they do is `arrivals`. Sending,
receipts and repetitions are the mailroom's. Here are the shells' side of it, the query, and what can be asked.

Worth knowing:

- A rejection counts from the moment the workstation makes it, and so does the way back to the urban platform; that it was
  taken over there is the form's business and shows in `forms`.
- A withdrawal changes nothing until its receipt says that the urban platform took it (EXC-2).
- A duplicate is told to the contact at once and is over when the case that it repeats has ended, at once if it has.

Nothing here reads a clock, draws an unseeded number, or does I/O.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from re import fullmatch
from typing import Any

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Message
from bridge.vocabulary.codes import (
    ErrorCode,
    NoticeKind,
    NoticePhase,
    Remedy,
    remedy_for,
)
from bridge.vocabulary.forms import (
    Withdrawal,
)
from bridge.vocabulary.messages import (
    CasePage,
    Fault,
    FormMessage,
    HandedOverCase,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import GridState
from simulators.city.town import Town
from simulators.exchange import views as shared_views
from simulators.exchange.errors import AskRefused
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import MailNotice, Mailroom, Settled
from simulators.exchange.notices import Notice, NoticeBoard
from simulators.exchange.quirks import Quirks
from simulators.grid import views
from simulators.grid.arrivals import Arrivals
from simulators.grid.casebook import (
    GridCase,
)
from simulators.grid.casework import DUTY_FOR, Casework, heard
from simulators.grid.people import People
from simulators.grid.registry import Book


class GridPlatform:
    """The machine. Its shells call `call_received`, `call_ended`, `outgoing`, `next_due`, `wake`; people `act` and `ask`.

    The same arguments and the same inputs in the same order give the same everything.
    """

    side = Side.GRID

    #: What the platform is built of; a platform that differs in one part names another one here.
    mailroom_type: type[Mailroom] = Mailroom
    board_type: type[NoticeBoard] = NoticeBoard
    casework_type: type[Casework] = Casework
    people_type: type[People] = People
    arrivals_type: type[Arrivals] = Arrivals

    def __init__(self, profile: Profile, town: Town, seed: int, quirks: Quirks, first_serial: int = 1):
        self._profile = profile
        self._town = town
        self._quirks = quirks
        self._mailroom = self.mailroom_type(Side.GRID, profile, IdSource(Side.GRID, seed), quirks)
        self._board = self.board_type(Side.GRID, profile.contacts or town.contacts.values(), DUTY_FOR)
        self._casework = self.casework_type(profile, town, self._board, self._mailroom, quirks, first_serial)
        self._people = self.people_type(self._casework)
        self._arrivals = self.arrivals_type(self._casework)
        self._cases = self._casework.cases

    @property
    def cases(self) -> Mapping[str, GridCase]:
        """Every case on the books, in the order in which they came; to be looked at."""
        return self._cases

    @property
    def notices(self) -> Sequence[Notice]:
        """Everything that contact persons were told, oldest first."""
        return self._board.told

    # ── for the shells ──────────────────────────────────────────────────────────────────────────

    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        """Take a form, a receipt or a query that somebody sends us."""
        if isinstance(message, FormMessage):
            answer = self._mailroom.form_arrived(message, now, lambda form: self._arrivals.decide(form, now))
        elif isinstance(message, ReceiptMessage):
            answer = self._mailroom.receipt_arrived(message, now)
        else:
            answer = self._answer_query(message)
        self._digest(now)
        return answer

    def call_ended(self, key: int, ending: Ending, now: datetime) -> None:
        """Learn how one of our calls ended."""
        self._mailroom.call_ended(key, ending, now)
        self._digest(now)

    def outgoing(self) -> list[Call]:
        """Hand out the calls to make now, in order, each once."""
        return self._mailroom.outgoing()

    def next_due(self) -> datetime | None:
        """Say when to wake us next."""
        return self._mailroom.next_due()

    def wake(self, now: datetime) -> None:
        """Do what is due."""
        self._mailroom.wake(now)
        self._digest(now)

    def restarted(self, now: datetime) -> None:
        """Learn that the process went down and is up again. Everything is written down here, so nothing is to be done."""

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Do one act of the desk's table, or refuse it with the reason and change nothing."""
        answer = self._people.act(name, params, now, by)
        self._digest(now)
        return answer

    # ── what became of our own forms ────────────────────────────────────────────────────────────

    def _digest(self, now: datetime) -> None:
        """Act on everything that the mailroom has to tell, in order."""
        while events := self._mailroom.events():
            for event in events:
                if isinstance(event, Settled):
                    self._form_settled(event, now)
                elif isinstance(event, MailNotice):
                    self._form_parked(event, now)

    def _form_settled(self, event: Settled, now: datetime) -> None:
        form, case = event.form, self._cases[event.form.case_number]
        subject = self._casework.first_of_line.get(event.message_id, event.message_id)
        if event.confirmed:
            self._board.over(NoticeKind.SYSTEM_FAULT, subject, now)
            if isinstance(form, Withdrawal):
                self._withdrawal_taken(case, form, now)
            return
        fault = event.fault
        if fault is None:
            return
        heard(case, now, "form_refused", f"{form.form_type} {fault.code}")
        if remedy_for(fault.code) is Remedy.REPAIR:
            self._board.started(
                NoticeKind.SYSTEM_FAULT,
                subject,
                case.case_number,
                f"案卷 {case.case_number} 的 {form.form_type} 被对方退回({fault.code}):{fault.message_zh}",
                f"{form.form_type} of case {case.case_number} was refused ({fault.code}): {fault.message_en}",
                now,
            )

    def _withdrawal_taken(self, case: GridCase, form: Withdrawal, now: datetime) -> None:
        if case.filed or case.ended:
            # An honest urban platform refuses this (EXC-2); a filed case does not vanish because one did not.
            heard(case, now, "withdrawal_taken_too_late", form.reason)
            return
        heard(case, now, "withdrawn", form.reason)
        self._casework.end(case, GridState.WITHDRAWN, now)

    def _form_parked(self, event: MailNotice, now: datetime) -> None:
        if event.phase is NoticePhase.STARTED:
            self._board.started(event.kind, event.message_id, event.case_number, event.text_zh, event.text_en, now)
        else:
            self._board.over(event.kind, event.message_id, now)

    # ── queries (XCHG-2) ────────────────────────────────────────────────────────────────────────

    def _answer_query(self, message: QueryMessage) -> Answered | Faulted:
        """List the cases that were handed over, in hand-over order.

        The cursor is the number of hand-overs that lie behind it. New ones go to the end, so it stays valid.
        """
        if (fault := self._mailroom.envelope_fault(message.header)) is not None:
            return Faulted(fault=fault)
        query = message.query
        start = 0
        if query.cursor is not None:
            if not fullmatch("[0-9]{1,9}", query.cursor) or int(query.cursor) > len(self._casework.handed_over):
                return Faulted(
                    fault=Fault(
                        code=ErrorCode.CURSOR_INVALID,
                        field="query/cursor",
                        message_zh="查询游标无效。",
                        message_en="This cursor was never given out here.",
                    )
                )
            start = int(query.cursor)
        asked = max(1, min(query.page_size, self._profile.limits.page_size))
        size = self._quirks.page_size(asked, message.header.message_id)
        found: list[HandedOverCase] = []
        end = start
        for position in range(start, len(self._casework.handed_over)):
            message_id, case = self._casework.handed_over[position]
            hand_over = case.hand_over
            if hand_over is None or message_id != case.hand_over_id:
                # A corrected form has taken its place further on.
                continue
            if query.state is not None and case.wire_state is not query.state:
                continue
            if query.since is not None and hand_over.handed_over_at < query.since:
                continue
            if len(found) == size:
                return Answered(page=CasePage(cases=tuple(found), next_cursor=str(end), more=True))
            found.append(HandedOverCase(message_id=message_id, state=case.wire_state, hand_over=hand_over))
            end = position + 1
        return Answered(page=CasePage(cases=tuple(found), next_cursor=str(len(self._casework.handed_over)), more=False))

    # ── who is kept out ─────────────────────────────────────────────────────────────────────────

    def locked_out(self, source: str, until: datetime, now: datetime) -> None:
        """Callers from an address are not heard for a while, because wrong passwords came from there."""
        self._board.locked_out(source, until, now)

    def heard_again(self, source: str, now: datetime) -> None:
        """Such a lock is over."""
        self._board.heard_again(source, now)

    # ── what people can see ─────────────────────────────────────────────────────────────────────

    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        """Answer a question about our state, as JSON knows values."""
        given = dict(params)
        if name == "case":
            return views.case(self._asked_case(given))
        if name == "cases":
            state, cell = given.get("state"), given.get("cell")
            return [
                views.summary(c)
                for c in shared_views.listed(
                    self._cases, given, lambda c: state in (None, c.state) and cell in (None, c.cell.code)
                )
            ]
        if name == "worklist":
            return self._people.worklist(given)
        if name == "may":
            return self._people.may(self._asked_case(given), given)
        if name == "photo":
            about = self._asked_case(given)
            return shared_views.photo_in(about, about.case_number, given)
        if name == "notices":
            return [shared_views.notice(n) for n in self._board.told]
        if name == "contacts":
            return [shared_views.contact(c) for c in self._board.contacts.values()]
        if name == "journal":
            return [shared_views.journal_line(line) for line in self._mailroom.journal(given.get("case"))]
        if name == "forms":
            case = self._asked_case(given).case_number if "case" in given else None
            return [shared_views.sending(s) for s in self._mailroom.sendings(case)]
        if name == "forms_received":
            return [shared_views.arrival(a) for a in self._mailroom.arrivals(given.get("case"))]
        if name == "accounts":
            return [shared_views.account(a) for a in self._casework.accounts.values()]
        if name == "departments":
            return [shared_views.department(d) for d in self._town.departments.values() if Side.GRID in d.platforms]
        if name == "cells":
            return [views.cell(c, self._town) for c in self._town.places.cells]
        if name == "people":
            return self._living_in(given)
        if name == "parked":
            return [shared_views.sending(s) for s in self._mailroom.parked()]
        if name == "refused":
            return [shared_views.sending(s) for s in self._mailroom.refused()]
        if name == "receipts_kept":
            return [shared_views.kept(k) for k in self._mailroom.kept_receipts()]
        raise AskRefused(
            "unknown_ask", f"网格平台没有「{name}」这项查询。", f"The grid platform has no question «{name}»."
        )

    def _asked_case(self, given: Mapping[str, Any]) -> GridCase:
        case = self._cases.get(str(given.get("case")))
        if case is None:
            raise AskRefused(
                "unknown_case", f"没有案卷 {given.get('case')}。", f"There is no case {given.get('case')}."
            )
        return case

    def _living_in(self, given: Mapping[str, Any]) -> dict[str, Any]:
        code = str(given.get("cell", self._town.first_cell.code))
        if code not in self._town.cells:
            raise AskRefused("bad_value", f"没有网格 {code}。", f"There is no cell {code}.")
        books = self._people.registry.cell(code)
        life = self._town.life(code)
        return {
            "cell": code,
            "people": list(map(dict, books[Book.PERSON].values())),
            "households": list(map(dict, books[Book.HOUSEHOLD].values())),
            "buildings": list(map(dict, books[Book.BUILDING].values())),
            "components": [
                {"code": c.code, "name": c.name, "category": c.category, "subcategory": c.subcategory}
                for c in life.components
            ],
            "organisations": [
                {"id": o.id, "name": o.name, "service": o.service, "phone": o.phone} for o in life.organisations
            ],
        }
