"""The urban-management platform as a pure machine: seven stages, and the exchange with the grid platform.

    collector report → filing and dispatch → district assignment → department disposal
        → district verification → city verification → closing                       (URBAN-2)

Native cases run all of it here (URBAN-3). A transferred case comes in as a hand-over form, and at district verification it
is sent to the grid platform: its people verify, and both verification stages here complete by themselves (INT-4, INT-5).

What happens to a case is `casework`; people cause it through `people` by the table in `desk`, the grid platform's forms
through `arrivals`. Here are the shells' side of it, the queries both ways, and what can be asked.

Every moment comes in with the call; nothing here reads a clock or does I/O.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Message
from bridge.vocabulary.codes import (
    DeclineReason,
    ErrorCode,
    NoticeKind,
    NoticePhase,
)
from bridge.vocabulary.forms import (
    FilingResult,
)
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import HandOverMode, Profile
from bridge.vocabulary.stages import HandedOverState
from bridge.vocabulary.times import SHANGHAI, in_shanghai
from simulators.city.town import Town
from simulators.exchange import views as shared_views
from simulators.exchange.errors import AskRefused
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import MailNotice, Mailroom, QueryEnded, Settled
from simulators.exchange.notices import Notice, NoticeBoard
from simulators.exchange.quirks import Quirks
from simulators.urban import assessment, views
from simulators.urban.arrivals import Arrivals
from simulators.urban.cases import (
    UrbanCase,
)
from simulators.urban.casework import Casework, log, present
from simulators.urban.desk import (
    CaseStatus,
)
from simulators.urban.notices import DUTY_FOR
from simulators.urban.people import People
from simulators.urban.places import Places

#: The first query is due at once, whatever the clock says when the machine is first asked (XCHG-2).
_AT_ONCE = datetime(2000, 1, 1, tzinfo=SHANGHAI)
_QUERY_PAGE_SIZE = 50

_STATE_ON_THE_WIRE: dict[CaseStatus, HandedOverState] = {
    CaseStatus.RECEIVED: HandedOverState.HANDED_OVER,
    CaseStatus.OPEN: HandedOverState.FILED,
    CaseStatus.DECLINED: HandedOverState.DECLINED,
    CaseStatus.WITHDRAWN: HandedOverState.WITHDRAWN,
    CaseStatus.CLOSED: HandedOverState.CLOSED,
    CaseStatus.CLOSED_FALSE_REPORT: HandedOverState.CLOSED_FALSE_REPORT,
}


class UrbanPlatform:
    """The machine. Its shells call `call_received`, `call_ended`, `outgoing`, `next_due`, `wake`; people `act` and `ask`.

    The same arguments and the same inputs in the same order give the same everything.
    """

    side = Side.URBAN

    #: What the platform is built of; a platform that differs in one part names another one here.
    mailroom_type: type[Mailroom] = Mailroom
    board_type: type[NoticeBoard] = NoticeBoard
    places_type: type[Places] = Places
    casework_type: type[Casework] = Casework
    people_type: type[People] = People
    arrivals_type: type[Arrivals] = Arrivals

    def __init__(self, profile: Profile, town: Town, seed: int, quirks: Quirks):
        self._profile = profile
        self._quirks = quirks
        self._places = self.places_type(town)
        self._board = self.board_type(Side.URBAN, profile.contacts or self._places.contacts, DUTY_FOR)
        self._mailroom = self.mailroom_type(Side.URBAN, profile, IdSource(Side.URBAN, seed), quirks)
        self._casework = self.casework_type(profile, self._places, self._board, self._mailroom, quirks)
        self._arrivals = self.arrivals_type(self._casework, profile.choices)
        self._people = self.people_type(self._casework)
        self._cases = self._casework.cases
        self._query_cursor: str | None = None
        self._query_under_way = False
        self._query_due = _AT_ONCE if profile.choices.hand_over is HandOverMode.QUERY else None

    @property
    def cases(self) -> Mapping[str, UrbanCase]:
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
            message_id = message.header.message_id
            answer = self._mailroom.form_arrived(
                message, now, lambda form: self._arrivals.decide(form, message_id, now)
            )
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
        dues = [due for due in (self._mailroom.next_due(), self._query_due) if due is not None]
        return min(dues, default=None)

    def wake(self, now: datetime) -> None:
        """Do what is due."""
        self._mailroom.wake(now)
        if self._query_due is not None and self._query_due <= now:
            self._query_due = now + timedelta(seconds=self._profile.delivery.query_interval_seconds)
            self._start_query(now)
        self._digest(now)

    def restarted(self, now: datetime) -> None:
        """Learn that the process went down and is up again. Everything is written down here, so nothing is to be done."""

    # ── what people do ──────────────────────────────────────────────────────────────────────────

    def act(self, name: str, params: Mapping[str, Any], now: datetime, by: str | None = None) -> dict[str, Any]:
        """Do one act of the desk's table, or refuse it with the reason and change nothing."""
        if name == "operator.query":
            answer = self._people.query(params, by)
            self._start_query(now)
        else:
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
                elif isinstance(event, QueryEnded):
                    self._query_ended(event, now)
                else:
                    self._form_parked(event, now)

    def _form_settled(self, event: Settled, now: datetime) -> None:
        form = event.form
        subject = self._people.first_of_line.get(event.message_id, event.message_id)
        if event.confirmed:
            if isinstance(form, FilingResult) and form.decline_reason is DeclineReason.DUPLICATE:
                self._board.over(NoticeKind.DUPLICATE, form.case_number, now)
            self._board.over(NoticeKind.SYSTEM_FAULT, subject, now)
            return
        fault = event.fault
        code, zh, en = ("", "", "") if fault is None else (fault.code.value, fault.message_zh, fault.message_en)
        log(self._cases[form.case_number], now, Side.GRID, Side.GRID, "form_refused", f"{form.form_type} {code}")
        self._board.started(
            NoticeKind.SYSTEM_FAULT,
            subject,
            form.case_number,
            f"案卷 {form.case_number} 的 {form.form_type} 被对方退回({code}):{zh}",
            f"{form.form_type} of case {form.case_number} was refused ({code}): {en}",
            now,
        )

    def _form_parked(self, event: MailNotice, now: datetime) -> None:
        if event.phase is NoticePhase.STARTED:
            self._board.started(event.kind, event.message_id, event.case_number, event.text_zh, event.text_en, now)
        else:
            self._board.over(event.kind, event.message_id, now)

    # ── queries, both ways (XCHG-2) ─────────────────────────────────────────────────────────────

    def _start_query(self, now: datetime) -> None:
        if self._query_under_way:
            return
        self._query_under_way = True
        self._mailroom.query(
            CaseQuery(state=HandedOverState.HANDED_OVER, cursor=self._query_cursor, page_size=_QUERY_PAGE_SIZE), now
        )

    def _query_ended(self, event: QueryEnded, now: datetime) -> None:
        self._query_under_way = False
        page = event.page
        if page is None:
            if (
                event.query.cursor is not None
                and event.fault is not None
                and event.fault.code is ErrorCode.CURSOR_INVALID
            ):
                # The far end forgot its cursors; what was taken before is known and is not taken twice.
                self._query_cursor = None
                self._start_query(now)
            return
        ids = {item.hand_over.case_number: item.message_id for item in page.cases}
        self._mailroom.take_page(page, now, lambda form: self._arrivals.decide(form, ids[form.case_number], now))
        if page.next_cursor != self._query_cursor:
            self._query_cursor = page.next_cursor
            if page.more:
                self._start_query(now)

    def _answer_query(self, message: QueryMessage) -> Answered | Faulted:
        """List the cases that were handed over to us, as they stand on our books."""
        if (fault := self._mailroom.envelope_fault(message.header)) is not None:
            return Faulted(fault=fault)
        query = message.query
        start = 0
        if query.cursor is not None:
            if not query.cursor.isdecimal() or int(query.cursor) > len(self._arrivals.received):
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
        for position, (message_id, case) in enumerate(self._arrivals.received[start:], start):
            if not self._matches(query, case):
                continue
            if len(found) == size:
                return Answered(page=CasePage(cases=tuple(found), next_cursor=str(end), more=True))
            found.append(
                HandedOverCase(
                    message_id=message_id, state=_STATE_ON_THE_WIRE[case.status], hand_over=present(case.hand_over)
                )
            )
            end = position + 1
        return Answered(page=CasePage(cases=tuple(found), next_cursor=str(len(self._arrivals.received)), more=False))

    @staticmethod
    def _matches(query: CaseQuery, case: UrbanCase) -> bool:
        state = _STATE_ON_THE_WIRE[case.status]
        since = query.since
        return (query.state is None or state is query.state) and (
            since is None or present(case.hand_over).handed_over_at >= since
        )

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
            status = given.get("status")
            return [
                views.summary(c)
                for c in shared_views.listed(self._cases, given, lambda c: status is None or c.status == status)
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
            return [shared_views.account(a) for a in self._places.accounts]
        if name == "departments":
            return [shared_views.department(d) for d in self._places.departments.values()]
        if name == "assessment":
            return self._assessment(given, now)
        if name == "parked":
            return [shared_views.sending(s) for s in self._mailroom.parked()]
        if name == "refused":
            return [shared_views.sending(s) for s in self._mailroom.refused()]
        if name == "receipts_kept":
            return [shared_views.kept(k) for k in self._mailroom.kept_receipts()]
        raise AskRefused(
            "unknown_ask", f"城管平台没有「{name}」这项查询。", f"The urban platform has no question «{name}»."
        )

    def _asked_case(self, given: Mapping[str, Any]) -> UrbanCase:
        case = self._cases.get(str(given.get("case")))
        if case is None:
            raise AskRefused(
                "unknown_case", f"没有案卷 {given.get('case')}。", f"There is no case {given.get('case')}."
            )
        return case

    def _assessment(self, given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        month = str(given.get("month", in_shanghai(now).strftime("%Y-%m")))
        try:
            period = assessment.Period.of_month(month)
        except ValueError:
            raise AskRefused(
                "bad_value", f"月份应写作 2026-03,收到 {month}。", f"A month is like 2026-03, not {month}."
            ) from None
        return assessment.report(list(self._cases.values()), period, now)
