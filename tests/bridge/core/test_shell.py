"""The shell makes one input one transaction; what only it knows is told to the engine and to the contacts."""

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, NO_CONNECTION, Crossing, at_stage
from test_deliveries import RESPONSE

from bridge.core.engine import Engine
from bridge.core.shell import Shell
from bridge.stores.memory import MemoryStore
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CasePage, CaseQuery, Fault
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.stages import ExchangeStage, HandedOverState

T, E = FormType, ErrorCode
GRID, URBAN = Side.GRID, Side.URBAN
UNREADABLE = [
    Fault(code=E.CODE_UNKNOWN, field="form/handOver/category", message_zh="大类未知", message_en="category unknown"),
    Fault(code=E.SCHEMA_INVALID, field="form/handOver/address", message_zh="缺地址", message_en="no address"),
]


def numbered(serial):
    return f"340202-20260302-{serial:06d}"


class TestReachability:
    def test_a_platform_out_of_reach_is_told_once_and_once_when_it_answers_again(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.ends(message_id, NO_CONNECTION)
        crossing.passes(60)
        crossing.ends(message_id, NO_CONNECTION)
        started = [("system_fault", "started", "city_information_office")]
        assert crossing.notices() == started
        crossing.passes(300)
        crossing.ends(message_id, NO_ANSWER)
        assert crossing.notices() == started
        crossing.passes(900)
        crossing.acknowledges(message_id)
        assert crossing.notices() == [*started, ("system_fault", "over", "city_information_office")]

    def test_a_restarted_bridge_remembers_who_is_out_of_reach(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        crossing.ends(message_id, NO_CONNECTION)
        crossing.goes_down()
        crossing.passes(60)
        crossing.ends(message_id, NO_CONNECTION)
        crossing.passes(300)
        crossing.acknowledges(message_id)
        assert [phase for _, phase, _ in crossing.notices()] == ["started", "over"]

    def test_calls_that_end_at_the_same_time_tell_it_once(self):
        crossing = Crossing()
        for serial in (1, 2):
            message_id = crossing.writes(GRID, sample.form(T.HAND_OVER, case_number=numbered(serial)))
            crossing.ends(message_id, NO_CONNECTION)
        crossing.passes(60)
        first, second = crossing.store.outbox()
        begin = crossing.store.begin

        def begin_after_the_other():
            crossing.store.begin = begin
            crossing.shell.send_ended(second, Answered(), at=crossing.now)
            return begin()

        crossing.store.begin = begin_after_the_other
        crossing.shell.send_ended(first, Answered(), at=crossing.now)
        assert [phase for _, phase, _ in crossing.notices()] == ["started", "over"]

    def test_both_notices_are_about_the_case_on_which_it_was_noticed(self):
        crossing = Crossing()
        for serial in (1, 2):
            message_id = crossing.writes(GRID, sample.form(T.HAND_OVER, case_number=numbered(serial)))
            crossing.ends(message_id, NO_CONNECTION)
        crossing.passes(60)
        _, second = crossing.store.outbox()
        crossing.shell.send_ended(second, Answered(), at=crossing.now)
        assert {notice.case_number for notice in crossing.store.read_notices()} == {numbered(1)}


class TestUnreadableForms:
    header = sample.message(GRID, sample.form(T.HAND_OVER), 1).header

    def test_the_writer_gets_an_error_receipt_as_a_call_that_says_everything(self):
        crossing = Crossing()
        verdict = crossing.shell.refuse_form(GRID, self.header, UNREADABLE, at=crossing.now, raw=b"<x/>")
        crossing.carry()
        assert (verdict.receipt, verdict.fault) == (None, None)
        ((to, receipt),) = crossing.given
        assert (to, receipt.form_message_id, receipt.case_number) == (GRID, self.header.message_id, sample.CASE)
        assert receipt.fault is not None
        assert receipt.fault.message_en == "category unknown; no address"
        assert crossing.journal() == ["envelope.in", "form.refused", "receipt.given"]

    def test_or_in_the_response(self):
        crossing = Crossing(RESPONSE)
        verdict = crossing.shell.refuse_form(GRID, self.header, UNREADABLE, at=crossing.now)
        assert verdict.receipt is not None
        assert verdict.answer == Answered(receipt=verdict.receipt)
        assert crossing.store.outbox() == []

    def test_under_the_id_of_a_form_on_the_books_it_is_a_reused_id(self):
        crossing = Crossing()
        crossing.writes(GRID, sample.form(T.HAND_OVER))
        verdict = crossing.shell.refuse_form(GRID, self.header, UNREADABLE, at=crossing.now)
        assert isinstance(verdict.answer, Faulted)
        assert verdict.answer.fault.code is E.MESSAGE_ID_REUSED


class TestReceiptsOnTheOutbox:
    def test_a_waiting_receipt_can_be_given_in_the_open_response_instead(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
        (item,) = crossing.store.outbox()
        crossing.shell.send_ended(item, sample.answer_for(message), at=crossing.now)

        receipt = crossing.shell.take_receipt(message_id, at=crossing.now)
        assert receipt == crossing.delivery(message_id).receipt
        assert crossing.store.outbox() == []
        assert crossing.shell.take_receipt(message_id, at=crossing.now) is None

    @pytest.mark.parametrize("ending", [NO_ANSWER, NO_CONNECTION, Faulted(fault=UNREADABLE[0])])
    def test_a_receipt_that_could_not_be_given_is_given_when_its_form_is_repeated(self, ending):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        (item,) = crossing.store.outbox()
        message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
        crossing.shell.send_ended(item, sample.answer_for(message), at=crossing.now)
        (item,) = crossing.store.outbox()
        crossing.shell.send_ended(item, ending, at=crossing.now)
        assert crossing.journal(message_id)[-1] == "receipt.not_given"
        assert crossing.given == []
        crossing.repeats(message_id)
        assert crossing.codes_of(message_id) == [None]

    def test_a_receipt_from_another_party_is_faulted(self):
        crossing = Crossing()
        message_id = crossing.writes(GRID, sample.form(T.HAND_OVER))
        message = sample.message(GRID, sample.form(T.HAND_OVER), 1)
        receipt = sample.receipt_message(message.header, sample.receipt_for(message))
        verdict = crossing.shell.receive_receipt(URBAN, receipt, at=crossing.now)
        assert verdict.fault is not None
        assert verdict.fault.code is E.WRONG_PARTY
        assert crossing.receipts_of(message_id) == []


class TestJournal:
    def test_keeps_every_envelope_with_its_bytes_and_its_far_end(self):
        store = MemoryStore()
        shell = Shell(Engine(sample.PROFILE), store, sample.PROFILE)
        form = sample.form(T.HAND_OVER)
        message = sample.message(GRID, form, 1)
        shell.receive_form(GRID, message, "f", at=sample.MONDAY, raw=b"<in/>")
        (item,) = store.outbox()
        shell.send_ended(item, sample.answer_for(message), at=sample.MONDAY, sent=b"<out/>", answer=b"<answer/>")
        (item,) = store.outbox()
        receipt = sample.receipt_message(sample.message(URBAN, form, 2).header, sample.receipt_for(message))
        shell.receive_receipt(URBAN, receipt, at=sample.MONDAY, raw=b"<receipt/>")

        envelopes = [(each.what, each.party, each.envelope) for _, each in store.read_journal() if each.envelope]
        assert envelopes == [
            ("envelope.in", Party.GRID, b"<in/>"),
            ("envelope.out", Party.URBAN, b"<out/>"),
            ("answer.in", Party.URBAN, b"<answer/>"),
            ("envelope.in", Party.URBAN, b"<receipt/>"),
        ]

    def test_every_input_leaves_a_line_that_says_what_it_did_or_why_nothing(self):
        crossing = at_stage("handed_over")
        length = len(crossing.store.read_journal())
        for act in (
            lambda: crossing.writes(URBAN, sample.form(T.FILING_RESULT)),
            lambda: crossing.repeats(sample.message_id(2)),
            lambda: crossing.acknowledges(sample.message_id(2)),
            lambda: crossing.passes(300),
            lambda: crossing.gives(sample.message_id(2)),
            lambda: crossing.gives(sample.message_id(2)),
        ):
            act()
            assert len(crossing.store.read_journal()) > length
            length = len(crossing.store.read_journal())

    def test_can_be_left_out_for_long_simulations(self):
        store = MemoryStore(keep_journal=False)
        shell = Shell(Engine(sample.PROFILE), store, sample.PROFILE)
        shell.receive_form(GRID, sample.message(GRID, sample.form(T.HAND_OVER), 1), "f", at=sample.MONDAY)
        assert store.read_journal() == []
        assert len(store.outbox()) == 1


class TestQuery:
    def hand_over(self, crossing, serial, **changes):
        crossing.crosses(GRID, sample.form(T.HAND_OVER, numbered(serial), **changes))

    def pages(self, crossing, size=2, **query):
        cursor, numbers = None, []
        for _ in range(20):
            page = crossing.shell.query(URBAN, CaseQuery(cursor=cursor, page_size=size, **query))
            assert isinstance(page, CasePage)
            numbers.append([case.hand_over.case_number for case in page.cases])
            cursor = page.next_cursor
            if not page.more:
                break
        return numbers

    def test_lists_cases_page_by_page_in_their_order(self):
        crossing = Crossing()
        for serial in range(1, 6):
            self.hand_over(crossing, serial)
        assert self.pages(crossing) == [[numbered(1), numbered(2)], [numbered(3), numbered(4)], [numbered(5)]]

    def test_the_last_cursor_shows_only_what_arrived_since(self):
        crossing = Crossing()
        self.hand_over(crossing, 1)
        first = crossing.shell.query(URBAN, CaseQuery())
        assert isinstance(first, CasePage)
        self.hand_over(crossing, 2)
        second = crossing.shell.query(URBAN, CaseQuery(cursor=first.next_cursor))
        assert isinstance(second, CasePage)
        assert [case.hand_over.case_number for case in second.cases] == [numbered(2)]

    def test_tells_states_and_chooses_by_them(self):
        crossing = at_stage("filed")
        crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        assert self.pages(crossing, state=HandedOverState.FILED) == [[sample.CASE]]
        assert self.pages(crossing, state=HandedOverState.HANDED_OVER) == [[sample.OTHER_CASE]]
        assert self.pages(crossing, state=HandedOverState.CLOSED) == [[]]

    def test_chooses_by_the_moment_of_the_hand_over(self):
        crossing = Crossing()
        later = sample.MONDAY.replace(hour=15)
        self.hand_over(crossing, 1)
        self.hand_over(crossing, 2, handed_over_at=later)
        assert self.pages(crossing, since=later) == [[numbered(2)]]
        assert self.pages(crossing, since=sample.MONDAY) == [[numbered(1), numbered(2)]]

    def test_a_refused_hand_over_is_not_listed_and_its_repair_is_not_missed(self):
        crossing = Crossing()
        crossing.crosses(GRID, sample.form(T.HAND_OVER, numbered(1)), code=E.CODE_UNKNOWN)
        self.hand_over(crossing, 2)
        page = crossing.shell.query(URBAN, CaseQuery())
        assert isinstance(page, CasePage)
        assert [case.hand_over.case_number for case in page.cases] == [numbered(2)]
        self.hand_over(crossing, 1, category="03")
        page = crossing.shell.query(URBAN, CaseQuery(cursor=page.next_cursor))
        assert isinstance(page, CasePage)
        assert [case.hand_over.case_number for case in page.cases] == [numbered(1)]
        assert self.pages(crossing) == [[numbered(2), numbered(1)]]

    @pytest.mark.parametrize("cursor", ["", "x", "-1", "01", "99", "１", "1 "])
    def test_a_cursor_that_was_never_given_is_a_fault(self, cursor):
        crossing = at_stage("handed_over")
        fault = crossing.shell.query(URBAN, CaseQuery(cursor=cursor))
        assert isinstance(fault, Fault)
        assert fault.code is E.CURSOR_INVALID

    def test_no_page_is_longer_than_the_city_allows(self):
        crossing = Crossing()
        for serial in range(1, 203):
            self.hand_over(crossing, serial)
        page = crossing.shell.query(URBAN, CaseQuery(page_size=100_000))
        assert isinstance(page, CasePage)
        assert (len(page.cases), page.more) == (200, True)


class TestMemoryStore:
    def test_an_exception_undoes_the_whole_unit_of_work(self):
        crossing = at_stage("handed_over")
        crossing.writes(URBAN, sample.form(T.FILING_RESULT))
        before = crossing.exchange
        journal, outbox = crossing.store.read_journal(), crossing.store.outbox()

        def spoil():
            with crossing.store.begin() as work:
                exchange = work.exchange(sample.CASE)
                exchange.stage = ExchangeStage.CLOSED
                exchange.open_matters.add("parked:to_grid:x")
                first, second = exchange.deliveries.values()
                second.attempts = 9
                second.due_at = sample.MONDAY
                exchange.deliveries["new"] = first
                work.save(exchange)
                work.finish(outbox[0].key)
                work.set_value("a", "b")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            spoil()
        assert crossing.exchange == before
        assert (crossing.store.read_journal(), crossing.store.outbox()) == (journal, outbox)
        assert crossing.store.next_due() is None
        with crossing.store.begin() as work:
            assert work.get_value("a") is None

    def test_reading_gives_a_copy(self):
        crossing = at_stage("filed")
        looked_at = crossing.exchange
        looked_at.stage = ExchangeStage.CLOSED
        looked_at.deliveries.clear()
        assert crossing.stage is ExchangeStage.FILED
        assert len(crossing.exchange.deliveries) == 2

    def test_timers_come_soonest_first_and_only_while_they_run(self):
        crossing = Crossing()
        ids = [crossing.writes(GRID, sample.form(T.HAND_OVER, numbered(serial))) for serial in (1, 2, 3)]
        for message_id in reversed(ids):
            crossing.acknowledges(message_id)
            crossing.now = crossing.now.replace(second=crossing.now.second + 1)
        due = crossing.store.due_timers(crossing.now.replace(hour=10))
        assert [message_id for _, message_id, _ in due] == list(reversed(ids))
        assert crossing.store.due_timers(crossing.now.replace(hour=10), limit=1) == due[:1]
        crossing.gives(ids[2])
        assert crossing.store.next_due() == due[1][2]
