"""What every store promises, whatever it keeps things in. Each store's test file runs these on its own."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sample_forms import CASE, MONDAY, OTHER_CASE, fingerprint, form, message, message_id, photo, receipt_for

from bridge.core.audit import AuditEntry, first_broken
from bridge.core.effects import GiveReceipt, KeepReceipt, Notify, Send
from bridge.core.errors import CursorInvalid
from bridge.core.exchange import Delivery, DeliveryState, Exchange
from bridge.core.ports import JournalEntry, Store
from bridge.vocabulary.codes import ContactDuty, ErrorCode, NoticeKind, NoticePhase, PhotoKind
from bridge.vocabulary.forms import Form, FormType, HandOver
from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Direction, Party, Side
from bridge.vocabulary.stages import ExchangeStage, HandedOverState

MINUTE = timedelta(minutes=1)


def delivery(written: Form, number: int, side: Side = Side.GRID, **changes: object) -> Delivery:
    values: dict[str, object] = {
        "message_id": message_id(number),
        "direction": Direction.from_sender(side),
        "form": written,
        "fingerprint": fingerprint(written),
        "header": message(side, written, number).header,
        "admitted_at": MONDAY,
        "ordinal": 1,
    }
    return Delivery(**(values | changes))  # type: ignore[arg-type]


def exchange_of(*deliveries: Delivery, case_number: str = CASE, **changes: object) -> Exchange:
    return Exchange(
        case_number=case_number,
        deliveries={each.message_id: each for each in deliveries},
        **changes,  # type: ignore[arg-type]
    )


def hand_over(store: Store, serial: int, minute: int = 0, stage: ExchangeStage = ExchangeStage.HANDED_OVER) -> str:
    """Keep a case that was handed over `minute` minutes past nine; its number is given back."""
    case_number = f"340202-20260302-{serial:06d}"
    written = form(FormType.HAND_OVER, case_number, handed_over_at=MONDAY + minute * MINUTE)
    with store.begin() as work:
        exchange = exchange_of(delivery(written, serial), case_number=case_number, stage=stage)
        exchange.sequence = work.next_sequence()
        work.save(exchange)
    return case_number


def numbers(page: object) -> list[str]:
    return [each.hand_over.case_number for each in page.cases]  # type: ignore[attr-defined]


class Mishap(Exception):
    """Something that goes wrong within a unit of work."""


class StoreContract:
    """The contract; a subclass gives the fixture `store`."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        raise NotImplementedError

    def test_a_case_nobody_saved_is_not_there(self, store: Store) -> None:
        with store.begin() as work:
            assert work.exchange(CASE) is None
        assert store.read_exchange(CASE) is None

    @pytest.mark.parametrize("kind", list(FormType))
    def test_every_form_comes_back_as_it_was(self, store: Store, kind: FormType) -> None:
        side = Side.GRID if kind is FormType.HAND_OVER else Side.URBAN
        exchange = exchange_of(delivery(form(kind), 1, side))
        with store.begin() as work:
            work.save(exchange)
        assert exchange == store.read_exchange(CASE)

    def test_a_case_comes_back_with_all_that_is_known_of_it(self, store: Store) -> None:
        given = form(
            FormType.HAND_OVER,
            attachments=(photo("a"), photo("b", PhotoKind.DOCUMENT), photo("a")),
            description="路边垃圾\U00020000 <&> \u00a0'\"",
        )
        refused = receipt_for(message(Side.GRID, given, 1), code=ErrorCode.CODE_UNKNOWN)
        exchange = exchange_of(
            delivery(given, 1, state=DeliveryState.REFUSED, attempts=3, receipt=refused, applied=True),
            delivery(form(FormType.SUPPLEMENT), 2, ordinal=2, due_at=MONDAY + MINUTE),
            delivery(form(FormType.DISPATCH), 3, Side.URBAN, ordinal=3, state=DeliveryState.PARKED),
            stage=ExchangeStage.IN_DISPOSAL,
            task_number="T20260302-000001",
            filing_ordinal=2,
            rejections=1,
            sequence=7,
            first_seen_at=MONDAY,
            changed_at=MONDAY + timedelta(microseconds=1),
            open_matters={"parked:1", "重复"},
        )
        with store.begin() as work:
            work.save(exchange)
        assert exchange == store.read_exchange(CASE)

    def test_deliveries_come_back_in_the_order_of_admission(self, store: Store) -> None:
        exchange = exchange_of(*(delivery(form(FormType.SUPPLEMENT), 9 - n, ordinal=n) for n in range(1, 9)))
        with store.begin() as work:
            work.save(exchange)
        found = store.read_exchange(CASE)
        assert found is not None
        assert [message_id(9 - n) for n in range(1, 9)] == list(found.deliveries)

    def test_a_changed_case_is_kept_as_it_is_now(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
        with store.begin() as work:
            exchange = work.exchange(CASE)
            assert exchange is not None
            exchange.stage = ExchangeStage.HANDED_OVER
            exchange.deliveries[message_id(1)].state = DeliveryState.SENDING
            exchange.deliveries[message_id(1)].due_at = MONDAY
            exchange.deliveries[message_id(2)] = delivery(form(FormType.SUPPLEMENT), 2, ordinal=2)
            work.save(exchange)
        found = store.read_exchange(CASE)
        assert found is not None
        assert found.stage is ExchangeStage.HANDED_OVER
        assert [each.state for each in found.deliveries.values()] == [DeliveryState.SENDING, DeliveryState.WAITING]
        assert found.deliveries[message_id(1)].due_at == MONDAY

    def test_a_unit_of_work_sees_what_it_saved(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
            found = work.exchange(CASE)
            assert found is not None
            assert [message_id(1)] == list(found.deliveries)
            assert work.case_of_message(message_id(1)) == CASE

    def test_a_unit_of_work_that_fails_keeps_nothing_of_anything(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
        before = store.read_exchange(CASE)
        sent = message(Side.GRID, form(FormType.HAND_OVER), 1)

        def fail() -> None:
            with store.begin() as work:
                exchange = work.exchange(CASE)
                assert exchange is not None
                exchange.stage = ExchangeStage.HANDED_OVER
                exchange.open_matters.add("parked:1")
                exchange.deliveries[message_id(1)].state = DeliveryState.PARKED
                exchange.deliveries[message_id(1)].due_at = MONDAY
                exchange.deliveries[message_id(2)] = delivery(form(FormType.SUPPLEMENT), 2, ordinal=2)
                work.save(exchange)
                work.save(exchange_of(delivery(form(FormType.HAND_OVER, OTHER_CASE), 3), case_number=OTHER_CASE))
                work.enqueue([Send(to=Side.URBAN, message=sent)], MONDAY)
                work.journal([JournalEntry(at=MONDAY, what="x", case_number=CASE, message_id=None)])
                work.notice([notice()])
                work.set_value("a", "1")
                work.remember_content("k", CASE)
                raise Mishap

        with pytest.raises(Mishap):
            fail()
        assert before == store.read_exchange(CASE)
        assert store.read_exchange(OTHER_CASE) is None
        assert not store.outbox()
        assert not store.read_journal()
        assert not store.read_notices()
        assert not store.parked()
        assert store.next_due() is None
        with store.begin() as work:
            assert work.get_value("a") is None
            assert not list(work.cases_with_content("k", OTHER_CASE))
            assert work.case_of_message(message_id(2)) is None
            assert work.case_of_message(message_id(3)) is None

    def test_what_is_only_looked_at_does_not_change(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
        looked_at = store.read_exchange(CASE)
        assert looked_at is not None
        looked_at.stage = ExchangeStage.CLOSED
        looked_at.open_matters.add("x")
        looked_at.deliveries[message_id(1)].state = DeliveryState.PARKED
        found = store.read_exchange(CASE)
        assert found is not None
        assert found.stage is ExchangeStage.UNKNOWN
        assert not found.open_matters
        assert found.deliveries[message_id(1)].state is DeliveryState.WAITING

    def test_a_message_id_leads_to_its_case(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1)))
        with store.begin() as work:
            assert work.case_of_message(message_id(1)) == CASE
            assert work.case_of_message(message_id(2)) is None

    def test_cases_with_equal_content_are_found_in_their_order_and_never_the_case_itself(self, store: Store) -> None:
        with store.begin() as work:
            work.remember_content("k", OTHER_CASE)
            work.remember_content("k", OTHER_CASE)
        with store.begin() as work:
            work.remember_content("k", CASE)
            assert list(work.cases_with_content("k", CASE)) == [OTHER_CASE]
            assert list(work.cases_with_content("k", OTHER_CASE)) == [CASE]
            assert list(work.cases_with_content("k", "another")) == [OTHER_CASE, CASE]
            assert list(work.cases_with_content("l", CASE)) == []

    def test_positions_of_hand_overs_grow(self, store: Store) -> None:
        with store.begin() as work:
            first, second = work.next_sequence(), work.next_sequence()
        with store.begin() as work:
            assert first < second < work.next_sequence()

    # The outbox

    def test_sendings_wait_in_order_until_they_are_carried_out(self, store: Store) -> None:
        sent = message(Side.GRID, form(FormType.HAND_OVER, attachments=(photo("a"),)), 1, attempt=4)
        stray = message(Side.URBAN, form(FormType.DISPATCH), 2)
        effects = [
            Send(to=Side.URBAN, message=sent),
            GiveReceipt(to=Side.GRID, receipt=receipt_for(sent, code=ErrorCode.CASE_UNKNOWN)),
            Send(to=Side.GRID, message=stray),
        ]
        with store.begin() as work:
            work.save(exchange_of(delivery(sent.form, 1)))
            work.enqueue(effects[:2], MONDAY)
        with store.begin() as work:
            work.enqueue(effects[2:], MONDAY + MINUTE)
        waiting = store.outbox()
        assert effects == [item.effect for item in waiting]
        assert [item.committed_at for item in waiting] == [MONDAY, MONDAY, MONDAY + MINUTE]
        assert [waiting[0]] == list(store.outbox(limit=1))
        assert store.last_in_outbox() == waiting[-1].key
        with store.begin() as work:
            work.finish(waiting[0].key)
        assert effects[1:] == [item.effect for item in store.outbox()]

    def test_the_key_of_a_sending_is_never_given_again(self, store: Store) -> None:
        sent = Send(to=Side.URBAN, message=message(Side.GRID, form(FormType.HAND_OVER), 1))
        keys = []
        for _ in range(3):
            with store.begin() as work:
                work.enqueue([sent], MONDAY)
            keys.append(store.outbox()[0].key)
            with store.begin() as work:
                work.finish(keys[-1])
            assert store.last_in_outbox() == 0
        assert len(set(keys)) == 3

    def test_finishing_what_is_finished_changes_nothing(self, store: Store) -> None:
        with store.begin() as work:
            work.finish(77)
        assert not store.outbox()

    # Timers and people

    def test_timers_come_soonest_first_and_only_when_due(self, store: Store) -> None:
        with store.begin() as work:
            work.save(
                exchange_of(
                    delivery(form(FormType.HAND_OVER), 1, due_at=MONDAY + 2 * MINUTE),
                    delivery(form(FormType.SUPPLEMENT), 2, ordinal=2, due_at=MONDAY + MINUTE),
                    delivery(form(FormType.SUPPLEMENT), 3, ordinal=3, due_at=MONDAY + 3 * MINUTE),
                    delivery(form(FormType.SUPPLEMENT), 4, ordinal=4),
                )
            )
        assert store.next_due() == MONDAY + MINUTE
        assert not store.due_timers(MONDAY)
        due = [(CASE, message_id(2), MONDAY + MINUTE), (CASE, message_id(1), MONDAY + 2 * MINUTE)]
        assert due == list(store.due_timers(MONDAY + 2 * MINUTE))
        assert due[:1] == list(store.due_timers(MONDAY + 2 * MINUTE, limit=1))

    def test_a_timer_that_is_taken_away_is_no_longer_due(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1, due_at=MONDAY)))
        with store.begin() as work:
            exchange = work.exchange(CASE)
            assert exchange is not None
            exchange.deliveries[message_id(1)].due_at = None
            work.save(exchange)
        assert store.next_due() is None
        assert not store.due_timers(MONDAY + MINUTE)

    def test_moments_keep_their_instant_in_any_zone(self, store: Store) -> None:
        due_at = datetime(2026, 3, 2, 1, 0, 0, 123456, tzinfo=UTC)
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1, due_at=due_at)))
        found = store.next_due()
        assert found is not None
        assert found == due_at
        assert found.tzinfo is not None

    def test_parked_deliveries_are_listed_until_they_are_not_parked(self, store: Store) -> None:
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1, state=DeliveryState.PARKED)))
        assert [(CASE, message_id(1))] == list(store.parked())
        with store.begin() as work:
            exchange = work.exchange(CASE)
            assert exchange is not None
            exchange.deliveries[message_id(1)].state = DeliveryState.SENDING
            work.save(exchange)
        assert not store.parked()

    # Journal, notices, values

    def test_what_is_under_way_is_listed_in_order_of_admission_until_it_is_decided(self, store: Store) -> None:
        late = delivery(form(FormType.HAND_OVER), 1, admitted_at=MONDAY + MINUTE)
        early = delivery(form(FormType.HAND_OVER, OTHER_CASE), 2, state=DeliveryState.PARKED)
        decided = delivery(form(FormType.SUPPLEMENT), 3, state=DeliveryState.CONFIRMED, ordinal=2)
        with store.begin() as work:
            work.save(exchange_of(late, decided))
            work.save(exchange_of(early, case_number=OTHER_CASE))
        assert list(store.under_way()) == [(OTHER_CASE, message_id(2)), (CASE, message_id(1))]

    def test_where_a_form_stands_comes_back_with_its_limits_and_troubles(self, store: Store) -> None:
        standing = {
            "next_step_at": MONDAY + 2 * MINUTE,
            "due_at": MONDAY + MINUTE,
            "on_its_way_since": MONDAY,
            "uncounted": 2,
            "trouble": "unanswered",
        }
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1, **standing)))
        found = store.read_exchange(CASE)
        assert found is not None
        assert standing == {name: getattr(found.deliveries[message_id(1)], name) for name in standing}

    @pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.AWAITING_RECEIPT, DeliveryState.CONFIRMED])
    def test_a_form_that_is_set_aside_is_parked_unless_it_is_decided(self, store: Store, state: DeliveryState) -> None:
        due_at = MONDAY if state is DeliveryState.AWAITING_RECEIPT else None
        with store.begin() as work:
            work.save(exchange_of(delivery(form(FormType.HAND_OVER), 1, state=state, due_at=due_at)))
        with store.begin() as work:
            work.set_aside(message_id(1))
            work.set_aside(message_id(2))
        decided = state is DeliveryState.CONFIRMED
        assert list(store.parked()) == ([] if decided else [(CASE, message_id(1))])
        assert store.next_due() is None
        found = store.read_exchange(CASE)
        assert found is not None
        assert found.deliveries[message_id(1)].state is (state if decided else DeliveryState.PARKED)

    def test_receipts_that_changed_nothing_are_kept_in_order(self, store: Store) -> None:
        sent = message(Side.GRID, form(FormType.HAND_OVER), 1)
        elsewhere = message(Side.GRID, form(FormType.HAND_OVER, OTHER_CASE), 2)
        kept = [
            KeepReceipt(Side.URBAN, receipt_for(sent), "repeated", "duplicate", MONDAY),
            KeepReceipt(Side.URBAN, receipt_for(elsewhere), "stray", "unknown_case", MONDAY + MINUTE),
            KeepReceipt(
                Side.GRID, receipt_for(sent, code=ErrorCode.CASE_ENDED), "stray", "wrong_side", MONDAY + 2 * MINUTE
            ),
        ]
        with store.begin() as work:
            work.keep_receipts(kept[:2])
            work.keep_receipts(kept[2:])
        assert list(store.read_kept_receipts()) == kept
        assert list(store.read_kept_receipts(limit=2)) == kept[1:]
        assert list(store.read_kept_receipts(CASE)) == [kept[0], kept[2]]

    def test_what_people_did_is_kept_in_order_and_each_line_is_sealed_onto_the_one_before(self, store: Store) -> None:
        said = AuditEntry(MONDAY, "王值班", "release", CASE, message_id(1), "检修完毕", "done", "parked", "resending")
        refused = AuditEntry(MONDAY.astimezone(UTC) + MINUTE, "", "dance", None, None, "", "unknown_act")
        with store.begin() as work:
            work.audit(said)
            work.audit(refused)
        with suppress(Mishap), store.begin() as work:
            work.audit(said)
            raise Mishap
        with store.begin() as work:
            work.audit(said)
        book = store.read_audit()
        assert [each.entry for each in book] == [said, refused, said]
        assert [each.position for each in book] == sorted({each.position for each in book})
        assert first_broken(book) is None
        assert len({each.seal for each in book}) == 3

    def test_the_journal_keeps_bytes_and_order(self, store: Store) -> None:
        entries = [
            JournalEntry(
                at=MONDAY,
                what="envelope.in",
                case_number=CASE,
                message_id=message_id(1),
                party=Party.GRID,
                envelope=b"\x00\xff<x/>",
            ),
            JournalEntry(at=MONDAY, what="form.admitted", case_number=CASE, message_id=message_id(1), detail="移交"),
            JournalEntry(at=MONDAY + MINUTE, what="other", case_number=None, message_id=None),
        ]
        with store.begin() as work:
            work.journal(entries[:2])
        with store.begin() as work:
            work.journal(entries[2:])
        kept = store.read_journal()
        assert entries == [entry for _, entry in kept]
        positions = [position for position, _ in kept]
        assert positions == sorted(set(positions))
        assert entries[:2] == [entry for _, entry in store.read_journal(CASE)]
        assert entries[1:2] == [entry for _, entry in store.read_journal(CASE, after=positions[0])]
        assert entries[:1] == [entry for _, entry in store.read_journal(limit=1)]

    def test_notices_are_kept_in_order(self, store: Store) -> None:
        told = [notice(), notice(phase=NoticePhase.OVER, related_case_number=OTHER_CASE)]
        with store.begin() as work:
            work.notice(told)
        assert told == list(store.read_notices())
        assert told[:1] == list(store.read_notices(limit=1))

    def test_small_values_are_kept_and_replaced(self, store: Store) -> None:
        with store.begin() as work:
            assert work.get_value("cursor") is None
            work.set_value("cursor", "7")
            assert work.get_value("cursor") == "7"
        with store.begin() as work:
            work.set_value("cursor", "")
        with store.begin() as work:
            assert work.get_value("cursor") == ""

    # The query of handed-over cases

    def test_handed_over_cases_are_paged_in_their_order(self, store: Store) -> None:
        all_of_them = [hand_over(store, serial) for serial in (3, 1, 2)]
        first = store.cases(CaseQuery(page_size=2))
        assert all_of_them[:2] == numbers(first)
        assert first.more
        second = store.cases(CaseQuery(page_size=2, cursor=first.next_cursor))
        assert all_of_them[2:] == numbers(second)
        assert not second.more

    def test_a_cursor_stays_good_as_cases_arrive(self, store: Store) -> None:
        nothing = store.cases(CaseQuery())
        assert not nothing.cases
        hand_over(store, 1)
        page = store.cases(CaseQuery(cursor=nothing.next_cursor))
        assert [f"340202-20260302-{1:06d}"] == numbers(page)
        hand_over(store, 2)
        page = store.cases(CaseQuery(cursor=page.next_cursor))
        assert [f"340202-20260302-{2:06d}"] == numbers(page)
        assert not store.cases(CaseQuery(cursor=page.next_cursor)).cases

    def test_a_page_shows_the_form_its_id_and_where_the_case_stands(self, store: Store) -> None:
        hand_over(store, 5, stage=ExchangeStage.IN_DISPOSAL)
        shown = store.cases(CaseQuery()).cases[0]
        assert message_id(5) == shown.message_id
        assert shown.state is HandedOverState.FILED
        assert isinstance(shown.hand_over, HandOver)

    def test_cases_are_found_by_moment_and_state(self, store: Store) -> None:
        early = hand_over(store, 1, minute=0, stage=ExchangeStage.CLOSED)
        late = hand_over(store, 2, minute=10)
        assert [late] == numbers(store.cases(CaseQuery(since=MONDAY + 10 * MINUTE)))
        assert [early, late] == numbers(store.cases(CaseQuery(since=MONDAY)))
        assert [early] == numbers(store.cases(CaseQuery(state=HandedOverState.CLOSED)))

    def test_a_case_that_matches_later_is_not_missed(self, store: Store) -> None:
        case_number = hand_over(store, 1)
        page = store.cases(CaseQuery(state=HandedOverState.CLOSED))
        assert not page.cases
        with store.begin() as work:
            exchange = work.exchange(case_number)
            assert exchange is not None
            exchange.stage = ExchangeStage.CLOSED
            work.save(exchange)
        assert [case_number] == numbers(store.cases(CaseQuery(state=HandedOverState.CLOSED, cursor=page.next_cursor)))

    def test_a_hand_over_that_was_refused_is_not_shown_and_its_repair_is(self, store: Store) -> None:
        case_number = hand_over(store, 1)
        with store.begin() as work:
            exchange = work.exchange(case_number)
            assert exchange is not None
            exchange.deliveries[message_id(1)].state = DeliveryState.REFUSED
            work.save(exchange)
        assert not store.cases(CaseQuery()).cases
        with store.begin() as work:
            exchange = work.exchange(case_number)
            assert exchange is not None
            repaired = form(FormType.HAND_OVER, case_number, address="另一处")
            exchange.deliveries[message_id(2)] = delivery(repaired, 2, ordinal=2)
            exchange.sequence = work.next_sequence()
            work.save(exchange)
        assert [message_id(2)] == [each.message_id for each in store.cases(CaseQuery()).cases]

    @pytest.mark.parametrize("cursor", ["", "x", "-1", "01", "+1", "1.0", "2", "9" * 30, "٣", "1 "])
    def test_a_cursor_that_was_never_given_is_refused(self, store: Store, cursor: str) -> None:
        hand_over(store, 1)
        with pytest.raises(CursorInvalid):
            store.cases(CaseQuery(cursor=cursor))

    # Several at once

    def test_units_of_work_do_not_overlap(self, store: Store) -> None:
        """Each of four threads counts to ten in one value; forty is only reached when nobody overlaps."""

        def count() -> None:
            for _ in range(10):
                with store.begin() as work:
                    work.set_value("count", str(int(work.get_value("count") or "0") + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.begin() as work:
            assert work.get_value("count") == "40"

    def test_one_that_fails_among_many_takes_none_of_them_with_it(self, store: Store) -> None:
        """Eight threads hand cases over as fast as they can, and every third unit of work fails at its very end."""

        def hand_many_over(first: int) -> None:
            for serial in range(first, first + 6):
                fails = serial % 3 == 0
                with suppress(Broken), store.begin() as work:
                    written = form(FormType.HAND_OVER, f"340202-20260302-{serial:06}")
                    work.save(exchange_of(delivery(written, serial), case_number=written.case_number))
                    work.enqueue([Send(to=Side.URBAN, message=message(Side.GRID, written, serial))], MONDAY)
                    if fails:
                        raise Broken

        threads = [threading.Thread(target=hand_many_over, args=(first,)) for first in range(1, 49, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = {serial for serial in range(1, 49) if serial % 3}
        with store.begin() as work:
            known = {serial for serial in range(1, 49) if work.case_of_message(message_id(serial)) is not None}
        assert kept == known
        assert sorted(message_id(serial) for serial in kept) == sorted(
            item.effect.message.header.message_id for item in store.outbox() if isinstance(item.effect, Send)
        )

    def test_the_last_moment_is_that_of_the_last_line_even_where_the_clock_went_back(self, store: Store) -> None:
        assert store.last_moment() is None
        for minute in (0, 9, 4):
            with store.begin() as work:
                work.journal([JournalEntry(MONDAY + minute * MINUTE, "x", None, None)])
        assert store.last_moment() == MONDAY + 4 * MINUTE

    def test_a_store_that_works_can_be_written(self, store: Store) -> None:
        assert store.can_write()
        assert store.can_write()

    def test_a_sending_is_taken_off_the_outbox_once(self, store: Store) -> None:
        with store.begin() as work:
            work.enqueue([Send(to=Side.URBAN, message=message(Side.GRID, form(FormType.HAND_OVER), 1))], MONDAY)
        (item,) = store.outbox()
        with store.begin() as work:
            assert work.finish(item.key)
            assert not work.finish(item.key)
        with store.begin() as work:
            assert not work.finish(item.key)


class Broken(Exception):
    """What a unit of work fails with here."""


def notice(phase: NoticePhase = NoticePhase.STARTED, related_case_number: str | None = None) -> Notify:
    return Notify(
        duty=ContactDuty.GRID_SIDE,
        kind=NoticeKind.DUPLICATE,
        phase=phase,
        case_number=CASE,
        text_zh="重复案卷",
        text_en="duplicate case",
        at=MONDAY,
        related_case_number=related_case_number,
    )
