"""Wrong answers to a query, and wrong ways of taking what one brings (XCHG-2)."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bridge.core.shell import Verdict
from bridge.vocabulary.calls import Answered, Faulted, Message
from bridge.vocabulary.messages import CasePage, CaseQuery, Fault, FormMessage, HandedOverCase, QueryMessage
from bridge.vocabulary.parties import Side
from conformance.zoo.bases import WrongBridge
from conformance.zoo.member import member
from simulators.exchange.mailroom import Decide, Mailroom, QueryEnded
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform


class _AnswersOtherwise(GridPlatform):
    """Bends the query that it is asked, or the page that it gives."""

    def asked(self, query: CaseQuery) -> CaseQuery:
        """The query as it is understood."""
        return query

    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        """The page as it is given."""
        return page

    def _answer_query(self, message: QueryMessage) -> Answered | Faulted:
        answer = super()._answer_query(replace(message, query=self.asked(message.query)))
        if isinstance(answer, Answered) and answer.page is not None:
            return Answered(page=self.given(message.query, answer.page))
        return answer


@member(
    "grid-ignores-since",
    clause="XCHG-2",
    zh="查询不理会“自何时起”",
    en="pays no attention to the moment since which a query asks",
)
class GridIgnoresSince(_AnswersOtherwise):
    def asked(self, query: CaseQuery) -> CaseQuery:
        return replace(query, since=None)


@member(
    "grid-ignores-the-state-asked-for",
    clause="XCHG-2",
    zh="按状态查询时不理会状态",
    en="pays no attention to the state that a query asks for",
)
class GridIgnoresTheState(_AnswersOtherwise):
    def asked(self, query: CaseQuery) -> CaseQuery:
        return replace(query, state=None)


@member(
    "grid-loses-a-case-between-pages",
    clause="XCHG-2",
    zh="翻页时游标多走一位,页与页之间漏掉一个案卷",
    en="lets its cursor run one too far: a case is lost between two pages",
)
class GridLosesACaseBetweenPages(_AnswersOtherwise):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(page, next_cursor=str(int(page.next_cursor) + 1)) if page.more else page


@member(
    "grid-repeats-a-case-between-pages",
    clause="XCHG-2",
    zh="翻页时游标少走一位,上一页的末条又出现在下一页",
    en="lets its cursor fall one short: the last case of a page stands on the next one again",
)
class GridRepeatsACaseBetweenPages(_AnswersOtherwise):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        if not page.more or int(page.next_cursor) <= int(query.cursor or 0) + 1:
            return page
        return replace(page, next_cursor=str(int(page.next_cursor) - 1))


@member(
    "grid-repeats-a-page-when-cases-arrive",
    clause="XCHG-2",
    zh="游标从末尾数起,翻页途中有新案卷移交,上一页的案卷就再次出现",
    en="counts its cursor from the end of the list: a case handed over between two pages brings the last one's cases again",
)
class GridRepeatsAPageWhenCasesArrive(GridPlatform):
    def _answer_query(self, message: QueryMessage) -> Answered | Faulted:
        size, query = len(self._casework.handed_over), message.query
        if query.cursor is not None and query.cursor.isdecimal() and int(query.cursor) <= size:
            message = replace(message, query=replace(query, cursor=str(size - int(query.cursor))))
        answer = super()._answer_query(message)
        if isinstance(answer, Answered) and answer.page is not None:
            return Answered(page=replace(answer.page, next_cursor=str(size - int(answer.page.next_cursor))))
        return answer


@member(
    "grid-forgets-that-there-is-more",
    clause="XCHG-2",
    zh="一页放不下时不说还有后续,余下案卷无人来取",
    en="does not say that more cases stand behind a page",
)
class GridForgetsThatThereIsMore(_AnswersOtherwise):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(page, more=False)


@member(
    "grid-shows-a-hand-over-under-another-id",
    clause="XCHG-2",
    zh="同一次移交,查询给出的报文标识与推送的不同",
    en="shows a hand-over in a query under another message id than it pushes it with",
)
class GridShowsAnotherId(_AnswersOtherwise):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(page, cases=tuple(_under_another_id(each) for each in page.cases))


def _under_another_id(case: HandedOverCase) -> HandedOverCase:
    return replace(case, message_id=f"urn:uuid:{uuid5(NAMESPACE_URL, f'{case.message_id}/query')}")


@member(
    "grid-hides-ended-cases",
    clause="XCHG-2",
    zh="已结案的移交案卷从查询中消失",
    en="lets a handed-over case vanish from queries when it has ended",
)
class GridHidesEndedCases(_AnswersOtherwise):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(
            page, cases=tuple(each for each in page.cases if not self._cases[each.hand_over.case_number].ended)
        )


@member(
    "grid-invents-cursors",
    clause="XCHG-2",
    zh="从未给出过的游标也接受,当作从头查询",
    en="takes a cursor that it never gave out, and begins at the front",
)
class GridInventsCursors(GridPlatform):
    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        if isinstance(message, QueryMessage) and not (message.query.cursor or "0").isdecimal():
            message = replace(message, query=replace(message.query, cursor=None))
        return super().call_received(message, now)


class _TakesTwice(Mailroom):
    def take_page(self, page: CasePage, now: datetime, decide: Decide) -> list[HandedOverCase]:
        return super().take_page(replace(page, cases=tuple(_under_another_id(c) for c in page.cases)), now, decide)


@member(
    "urban-takes-a-queried-case-for-another",
    clause="XCHG-2",
    zh="查询得来的移交不认原报文标识,推送过的案卷再收一遍",
    en="takes a case that a query brings under an id of its own making, pushed before or not",
)
class UrbanTakesAQueriedCaseForAnother(UrbanPlatform):
    mailroom_type = _TakesTwice

    def _query_ended(self, event: QueryEnded, now: datetime) -> None:
        if event.page is not None:
            for item in event.page.cases:
                known = self._cases.get(item.hand_over.case_number)
                if known is not None and not known.ended:
                    self._cases[f"{known.case_number}/{len(self._cases)}"] = known
        super()._query_ended(event, now)


@member(
    "urban-takes-the-first-page-only",
    clause="XCHG-2",
    zh="查询只收第一页,不翻页",
    en="takes the first page of a query and never asks for the next",
)
class UrbanTakesTheFirstPageOnly(UrbanPlatform):
    def _query_ended(self, event: QueryEnded, now: datetime) -> None:
        page = event.page
        if page is not None and page.more:
            # The place is lost as well: the next query begins at the front again.
            event = replace(event, page=replace(page, more=False, next_cursor=""))
            super()._query_ended(event, now)
            self._query_cursor = None
        else:
            super()._query_ended(event, now)


@member(
    "urban-loses-cases-in-paging",
    clause="XCHG-2",
    zh="收取查询页时每页只收一个案卷,其余丢失",
    en="takes one case of each page that a query brings and loses the others",
)
class UrbanLosesCasesInPaging(UrbanPlatform):
    def _query_ended(self, event: QueryEnded, now: datetime) -> None:
        page = event.page
        if page is not None:
            event = replace(event, page=replace(page, cases=page.cases[:1]))
        super()._query_ended(event, now)


class _ReceiptsNothingQueried(Mailroom):
    def take_page(self, page: CasePage, now: datetime, decide: Decide) -> list[HandedOverCase]:
        planned = len(self._calls)
        taken = super().take_page(page, now, decide)
        del self._calls[planned:]
        for item in taken:
            self._arrivals[item.message_id].due_at = None
        return taken


@member(
    "urban-gives-no-receipt-for-what-it-queried",
    clause="XCHG-2",
    zh="查询得来的移交不给回执",
    en="gives no receipt for hand-overs that it collected by query",
)
class UrbanGivesNoReceiptForQueried(UrbanPlatform):
    mailroom_type = _ReceiptsNothingQueried


class _BendingBridge(WrongBridge):
    """Bends the query that it is asked, or the page that it gives."""

    def asked(self, query: CaseQuery) -> CaseQuery:
        """The query as it is understood."""
        return query

    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        """The page as it is given."""
        return page

    def query(self, side: Side, query: CaseQuery) -> CasePage | Fault:
        page = super().query(side, self.asked(query))
        return self.given(query, page) if isinstance(page, CasePage) else page


@member(
    "bridge-loses-a-case-between-pages",
    clause="XCHG-2",
    zh="翻页时游标多走一位,页与页之间漏掉一个案卷",
    en="lets its cursor run one too far: a case is lost between two pages",
)
class BridgeLosesACaseBetweenPages(_BendingBridge):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(page, next_cursor=str(int(page.next_cursor) + 1)) if page.more else page


@member(
    "bridge-ignores-the-state-asked-for",
    clause="XCHG-2",
    zh="按状态查询时不理会状态",
    en="pays no attention to the state that a query asks for",
)
class BridgeIgnoresTheState(_BendingBridge):
    def asked(self, query: CaseQuery) -> CaseQuery:
        return replace(query, state=None)


@member(
    "bridge-ignores-since",
    clause="XCHG-2",
    zh="查询不理会“自何时起”",
    en="pays no attention to the moment since which a query asks",
)
class BridgeIgnoresSince(_BendingBridge):
    def asked(self, query: CaseQuery) -> CaseQuery:
        return replace(query, since=None)


@member(
    "bridge-shows-a-hand-over-under-another-id",
    clause="XCHG-2",
    zh="同一次移交,查询给出的报文标识与转发的不同",
    en="shows a hand-over in a query under another message id than it relays it with",
)
class BridgeShowsAnotherId(_BendingBridge):
    def given(self, query: CaseQuery, page: CasePage) -> CasePage:
        return replace(page, cases=tuple(_under_another_id(each) for each in page.cases))


@member(
    "bridge-takes-a-queried-case-for-another",
    clause="XCHG-2",
    zh="查询得来的移交以自造的报文标识转发,与推送来的成了两份",
    en="relays what a query brings under a message id of its own making",
)
class BridgeTakesAQueriedCaseForAnother(WrongBridge):
    def receive_form(
        self, side: Side, message: FormMessage, *content: Any, by_query: bool = False, **more: Any
    ) -> Verdict:
        if by_query:
            id_ = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{message.header.message_id}/query')}"
            message = replace(message, header=replace(message.header, message_id=id_))
        return super().receive_form(side, message, *content, by_query=by_query, **more)
