"""The urban platform on the wire: error receipts, queries both ways, parked and refused forms, notices (XCHG-2, RCPT, CONT-2)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from urban_world import OTHER, OWN, World, answer_lost, lost, not_reached, profile

from bridge.vocabulary.calls import Answered, Call, Ending, Faulted, Unanswered
from bridge.vocabulary.codes import CaseKind, ErrorCode, NoticeKind, NoticePhase, ReceiptOutcome, VerificationOutcome
from bridge.vocabulary.forms import ContactNotice, Form, FormType, Rejection, VerificationResult
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    HandedOverCase,
    Header,
    QueryHeader,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.profile import Choices, DeliveryChoices, HandOverMode, ReceiptMode
from bridge.vocabulary.stages import HandedOverState
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.mailroom import SendingState
from simulators.exchange.quirks import Quirks


def fault_of(receipt: Receipt | None) -> Fault:
    assert receipt is not None
    assert receipt.fault is not None
    assert receipt.fault.message_zh
    assert receipt.fault.message_en
    return receipt.fault


# ── inadmissible forms get an error receipt and change nothing (RCPT-1, RCPT-2) ─────────────────


def test_a_form_for_an_unknown_case() -> None:
    world = World()
    assert fault_of(world.supplement("340202-20260302-000009")).code is ErrorCode.CASE_UNKNOWN


def test_a_native_case_is_unknown_to_the_grid_side() -> None:
    world = World()
    native = world.native()
    assert fault_of(world.supplement(native)).code is ErrorCode.CASE_UNKNOWN


def test_a_form_for_a_case_that_is_over() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    world.verify(case)
    world.close(case)
    assert fault_of(world.supplement(case)).code is ErrorCode.CASE_ENDED
    assert fault_of(world.reject(case)).code is ErrorCode.CASE_ENDED


def test_a_form_under_the_task_number_of_another_filing() -> None:
    world = World()
    case = world.to_verification(world.hand_over())
    form = VerificationResult(
        case_number=case,
        task_number="T20260302-000099",
        round=1,
        outcome=VerificationOutcome.PASSED,
        verifier="李强",
        verified_at=world.now,
    )
    fault = fault_of(world.send(form))
    assert (fault.code, fault.field) == (ErrorCode.TASK_NUMBER_MISMATCH, "form/verificationResult/taskNumber")
    assert world.case(case)["stage"] == "district_verification"


@pytest.mark.parametrize("point", ["received", "filed", "disposal"])
def test_a_verification_that_nobody_asked_for_is_out_of_sequence(point: str) -> None:
    world = World()
    case = world.hand_over()
    if point == "filed":
        world.to_filed(case)
    if point == "disposal":
        world.to_disposal(case)
    before = world.case(case)
    assert fault_of(world.verify(case)).code is ErrorCode.OUT_OF_SEQUENCE
    assert world.case(case) == before


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"category": "77"}, ErrorCode.CODE_UNKNOWN, "form/handOver/category"),
        ({"category": "91"}, ErrorCode.CODE_UNKNOWN, "form/handOver/category"),
        ({"subcategory": "98"}, ErrorCode.CODE_UNKNOWN, "form/handOver/subcategory"),
        ({"kind": CaseKind.COMPONENT, "category": "06"}, ErrorCode.CODE_UNKNOWN, "form/handOver/category"),
        ({"district": "110101"}, ErrorCode.CODE_UNKNOWN, "form/handOver/district"),
        ({"description": " "}, ErrorCode.REQUIRED_MISSING, "form/handOver/description"),
        ({"address": ""}, ErrorCode.REQUIRED_MISSING, "form/handOver/address"),
    ],
)
def test_a_hand_over_that_no_table_knows_names_the_field(
    changes: dict[str, object], code: ErrorCode, field: str
) -> None:
    world = World()
    fault = fault_of(world.send(world.form_of_case(**changes)))
    assert (fault.code, fault.field) == (code, field)
    assert world.ask("cases") == []


def test_a_case_number_names_one_case_for_ever() -> None:
    world = World()
    case = world.hand_over()
    first = world.case(case)
    other = world.form_of_case(case, description="别的事")
    assert fault_of(world.send(other)).code is ErrorCode.CASE_NUMBER_TAKEN
    again = world.form_of_case(case)
    assert fault_of(world.send(replace(again, handed_over_at=world.now + timedelta(hours=1)))).code is (
        ErrorCode.OUT_OF_SEQUENCE
    )
    world.withdraw(case)
    assert fault_of(world.send(again)).code is ErrorCode.CASE_ENDED
    assert world.case(case)["received_at"] == first["received_at"]


def test_a_form_that_needs_an_unknown_calendar_is_left_to_be_repeated() -> None:
    """A retryable error is a fault, never a receipt."""
    world = World(profile(delivery=DeliveryChoices(max_attempts=1)))
    case = world.to_verification(world.hand_over())
    world.verify(case, "not_passed")
    world.now = datetime(2100, 3, 1, 9, 0, tzinfo=SHANGHAI)
    before = world.case(case)
    assert world.reject(case) is None
    (parked,) = world.grid.parked()
    assert parked.fault is not None
    assert parked.fault.code is ErrorCode.INTERNAL
    assert world.case(case) == before


def test_a_supplement_adds_words_and_photos_and_moves_nothing() -> None:
    world = World()
    case = world.to_disposal(world.hand_over())
    world.supplement(case)
    seen = world.case(case)
    assert (seen["notes"], seen["stage"]) == (["更靠近路口"], "department_disposal")


# ── repeated and lost messages (RCPT-5, RCPT-6) ─────────────────────────────────────────────────


@pytest.mark.parametrize("mode", list(ReceiptMode))
@pytest.mark.parametrize("way", [lost, answer_lost, not_reached], ids=["lost", "answer lost", "not reached"])
@pytest.mark.parametrize("ordinal", [1, 4])
def test_a_rejection_that_got_lost_on_its_way_counts_once(mode: ReceiptMode, way: object, ordinal: int) -> None:
    """RCPT-6, INT-8: also where the fourth one files the case again."""
    world = World(profile(urban=mode, grid=mode))
    case = world.rejected(world.to_disposal(world.hand_over()), ordinal - 1)
    world.act("department.dispose", case, result="已清理")
    world.verify(case, "not_passed")
    trouble = [way]

    def network(call: Call) -> tuple[Ending, bool] | None:
        form = getattr(call.message, "form", None)
        return trouble.pop()(call) if trouble and isinstance(form, Rejection) else None  # type: ignore[operator]

    world.network = network
    world.reject(case)
    world.advance(timedelta(minutes=10))
    seen = world.case(case)
    expected = (1, 1, "department_disposal") if ordinal == 1 else (2, 0, "district_assignment")
    assert (seen["filing_ordinal"], seen["rejections"], seen["stage"]) == expected
    assert len(seen["filings"]) == expected[0]


def test_a_form_whose_receipt_got_lost_is_sent_again_and_taken_once() -> None:
    """RCPT-5."""
    world = World()
    case = world.hand_over()
    trouble = [1]

    def network(call: Call) -> tuple[Ending, bool] | None:
        is_receipt = isinstance(call.message, ReceiptMessage)
        return (Unanswered(detail="cut"), False) if is_receipt and trouble and trouble.pop() else None

    world.network = network
    world.to_dispatched(case)
    assert world.taken(case) == [FormType.FILING_RESULT]
    world.advance(timedelta(minutes=10))
    assert world.taken(case) == [FormType.FILING_RESULT, FormType.DISPATCH]
    assert [form["attempts"] for form in world.ask("forms", case=case)] == [2, 1]


def test_a_form_that_nobody_takes_is_parked_a_contact_told_and_a_person_sends_it_on() -> None:
    """RCPT-5, CONT-2."""
    world = World()
    case = world.hand_over()
    world.network = lambda call: not_reached(call) if hasattr(call.message, "form") else None
    world.to_dispatched(case)
    world.advance(timedelta(days=1))
    assert [form["state"] for form in world.ask("forms", case=case)] == ["parked", "waiting"]
    assert [form["form_type"] for form in world.ask("parked")] == ["filingResult"]
    assert world.ask("worklist", role="exchange")[0]["case_number"] == case

    world.network = lambda call: None
    world.act("exchange.resend", case)
    assert [form["state"] for form in world.ask("forms", case=case)] == ["confirmed", "confirmed"]
    notices = [(n["kind"], n["phase"]) for n in world.ask("notices")]
    matters = ("receipt_overdue", "parked")
    assert notices == [*((kind, "started") for kind in matters), *((kind, "over") for kind in matters)]
    assert {n["duty"] for n in world.ask("notices")} == {"city_bureau"}


def test_a_person_gives_a_parked_form_up() -> None:
    world = World()
    case = world.hand_over()
    world.network = lambda call: not_reached(call) if hasattr(call.message, "form") else None
    world.to_filed(case)
    world.advance(timedelta(days=1))
    world.act("exchange.give_up", case, reason="已电话告知")
    assert [form["state"] for form in world.ask("forms", case=case)] == ["given_up"]
    assert world.refusal("exchange.give_up", case) == "not_waiting"


def objecting(to: FormType) -> object:
    fault = Fault(code=ErrorCode.CODE_UNKNOWN, field="form/dispatch/district", message_zh="错", message_en="wrong")

    def objection(form: Form) -> Fault | None:
        wrong = form.form_type is to and getattr(form, "district", None) == OTHER
        return fault if wrong else None

    return objection


def test_a_refused_form_is_repaired_by_a_person_under_a_new_id() -> None:
    """RCPT-2, CONT-2."""
    world = World()
    world.objection = objecting(FormType.DISPATCH)  # type: ignore[assignment]
    case = world.to_filed(world.hand_over())
    world.act("supervision.dispatch", case, district=OTHER)
    (refused,) = world.ask("refused")
    assert (refused["form_type"], refused["code"], refused["field"]) == (
        "dispatch",
        "CODE_UNKNOWN",
        "form/dispatch/district",
    )
    assert world.refusal("exchange.repair", case, changes={"colour": "red"}) == "bad_value"
    world.act("exchange.repair", case, changes={"district": OWN})
    assert world.last(FormType.DISPATCH).district == OWN
    assert world.ask("refused") == []
    assert [(n["kind"], n["phase"], n["duty"]) for n in world.ask("notices")] == [
        ("system_fault", "started", "platform_vendor"),
        ("system_fault", "over", "platform_vendor"),
    ]


def test_the_exchange_seat_alone_looks_after_forms() -> None:
    world = World()
    case = world.hand_over()
    assert world.refusal("exchange.resend", case, by="operator-3402") == "not_your_role"
    assert world.refusal("exchange.resend", case, by="nobody") == "no_such_person"
    assert world.refusal("exchange.resend", "340202-20260302-000099") == "unknown_case"


def test_a_receipt_for_nothing_is_kept_and_shown() -> None:
    """RCPT-3."""
    world = World()
    case = world.to_filed(world.hand_over())
    before = world.case(case)
    stray = Receipt(
        case_number=case,
        form_message_id="urn:uuid:00000000-0000-4000-8000-000000000000",
        form_type=FormType.DISPATCH,
        outcome=ReceiptOutcome.CONFIRMED,
        decided_at=world.now,
    )
    header = replace(as_header(world), case_number=case, form_type=FormType.DISPATCH)
    assert world.urban.call_received(ReceiptMessage(header=header, receipt=stray), world.now) == Answered()
    assert [kept["kept_as"] for kept in world.ask("receipts_kept")] == ["effective", "stray"]
    assert world.case(case) == before


def as_header(world: World) -> Header:
    world.grid.post(world.form_of_case(), world.now)
    message = world.grid.outgoing()[0].message
    assert isinstance(message, FormMessage)
    return message.header


# ── contact persons (CONT-1, CONT-2) ────────────────────────────────────────────────────────────


def test_the_contact_book_seats_every_duty() -> None:
    """CONT-1."""
    contacts = World().ask("contacts")
    assert len({c["duty"] for c in contacts}) == 7
    assert all(c["name"] for c in contacts)


def test_what_the_grid_sides_contact_tells_is_recorded_even_after_the_case_is_over() -> None:
    world = World()
    case = world.hand_over()
    world.withdraw(case)
    notice = ContactNotice(
        case_number=case,
        kind=NoticeKind.SYSTEM_FAULT,
        phase=NoticePhase.STARTED,
        text="系统维护",
        noticed_at=world.now,
        contact_name="赵敏",
    )
    receipt = world.send(notice)
    assert receipt is not None
    assert receipt.fault is None
    (told,) = world.ask("notices")
    assert (told["told_by"], told["text_zh"], told["kind"]) == ("grid", "系统维护", "system_fault")


def test_a_contact_here_tells_the_grid_sides() -> None:
    world = World()
    case = world.hand_over()
    world.act("exchange.tell", case, kind="system_fault", text="今晚升级")
    notice = world.last(FormType.CONTACT_NOTICE)
    assert (notice.kind, notice.phase, notice.text) == (NoticeKind.SYSTEM_FAULT, NoticePhase.STARTED, "今晚升级")
    assert world.refusal("exchange.tell", world.native(), kind="system_fault", text="x") == "wrong_state"


def test_a_contact_here_tells_once_when_it_starts_and_once_when_it_is_over() -> None:
    """CONT-2."""
    world = World()
    case = world.hand_over()
    assert world.refusal("exchange.tell", case, kind="system_fault", phase="over", text="已恢复") == "wrong_state"
    world.act("exchange.tell", case, kind="system_fault", text="今晚升级")
    assert world.refusal("exchange.tell", case, kind="system_fault", text="再说一遍") == "wrong_state"
    world.act("exchange.tell", case, kind="parked", text="一份表单挂起")
    world.act("exchange.tell", case, kind="system_fault", phase="over", text="已恢复")
    world.act("exchange.tell", case, kind="system_fault", text="明晚再次升级")


# ── queries (XCHG-2) ────────────────────────────────────────────────────────────────────────────


def shown_in_pages(world: World, items: list[HandedOverCase], size: int) -> None:
    """Let the grid side answer queries with these cases, page by page."""

    def pages(query: CaseQuery) -> CasePage:
        start = int(query.cursor or 0)
        end = min(start + size, len(items))
        return CasePage(cases=tuple(items[start:end]), next_cursor=str(end), more=end < len(items))

    world.pages = pages


def item(world: World, number: int, **changes: object) -> HandedOverCase:
    case = f"{OWN}-20260302-{number:06d}"
    form = world.form_of_case(case, **changes)
    message_id = world.grid.post(form, world.now, push=False)
    return world.shown(form, message_id)


def test_cases_are_taken_by_query_page_by_page_and_receipted_by_call() -> None:
    world = World(profile(urban=ReceiptMode.RESPONSE))
    shown_in_pages(world, [item(world, n) for n in range(1, 8)], 3)
    world.act("operator.query")
    assert len(world.ask("cases")) == 7
    assert [s.confirmed for s in world.settled] == [True] * 7


def test_each_case_is_taken_once_whether_pushed_queried_or_both() -> None:
    world = World()
    pushed = world.form_of_case()
    message_id = world.grid.post(pushed, world.now)
    world.settle()
    items = [world.shown(pushed, message_id), item(world, 50)]
    shown_in_pages(world, items, 10)
    world.act("operator.query")
    world.act("operator.query")
    assert len(world.ask("cases")) == 2
    assert len([line for line in world.ask("journal") if line["what"] == "form.by_query"]) == 1
    history = world.case(pushed.case_number)["history"]
    assert [line["what"] for line in history] == ["received"]


def test_a_case_taken_by_query_and_pushed_afterwards_gets_its_receipt_again() -> None:
    world = World()
    form = world.form_of_case()
    message_id = world.grid.post(form, world.now)
    world.network = lambda call: lost(call) if hasattr(call.message, "form") else None
    world.settle()
    shown_in_pages(world, [world.shown(form, message_id)], 10)
    world.act("operator.query")
    sending = world.grid.sending(message_id)
    assert sending is not None
    assert sending.state is SendingState.CONFIRMED
    assert len(world.ask("cases")) == 1


def test_the_next_query_goes_on_where_the_last_one_ended() -> None:
    world = World()
    items = [item(world, 1), item(world, 2)]
    asked: list[CaseQuery] = []
    shown_in_pages(world, items, 1)
    answer = world.pages

    def pages(query: CaseQuery) -> CasePage | Fault:
        asked.append(query)
        return answer(query)

    world.pages = pages
    world.act("operator.query")
    items.append(item(world, 3))
    world.act("operator.query")
    assert [query.cursor for query in asked] == [None, "1", "2"]
    assert all(query.state is HandedOverState.HANDED_OVER for query in asked)
    assert len(world.ask("cases")) == 3


def test_a_cursor_that_the_far_end_forgot_starts_the_query_anew() -> None:
    world = World()
    items = [item(world, 1)]
    shown_in_pages(world, items, 5)
    world.act("operator.query")
    items.append(item(world, 2))
    answer, old = world.pages, ["1"]
    fault = Fault(code=ErrorCode.CURSOR_INVALID, field="query/cursor", message_zh="无效", message_en="invalid")

    def pages(query: CaseQuery) -> CasePage | Fault:
        if query.cursor is None:
            old.clear()
        return fault if query.cursor in old else answer(query)

    world.pages = pages
    world.act("operator.query")
    assert len(world.ask("cases")) == 2


def test_where_the_city_queries_the_platform_asks_by_itself() -> None:
    """XCHG-2, choice hand_over."""
    world = World(profile(choices=Choices(hand_over=HandOverMode.QUERY)))
    items = [item(world, 1)]
    shown_in_pages(world, items, 5)
    world.advance(timedelta(seconds=1))
    assert len(world.ask("cases")) == 1
    items.append(item(world, 2))
    world.advance(timedelta(seconds=298))
    assert len(world.ask("cases")) == 1
    world.advance(timedelta(seconds=2))
    assert len(world.ask("cases")) == 2


def test_a_duplicate_that_came_by_query_is_found_too() -> None:
    """EXC-1, XCHG-2."""
    world = World()
    original = world.hand_over(description="垃圾")
    shown_in_pages(world, [item(world, 60, description="垃圾")], 5)
    world.act("operator.query")
    assert world.case(f"{OWN}-20260302-000060")["original_case_number"] == original


def query(world: World, **changes: object) -> CasePage | Fault:
    header = QueryHeader(
        message_id="urn:uuid:00000000-0000-4000-8000-000000000001",
        sender="wuhu-grid",
        recipient="wuhu-urban",
        sent_at=world.now,
    )
    message = QueryMessage(header=header, query=CaseQuery(**changes))  # type: ignore[arg-type]
    answer = world.urban.call_received(message, world.now)
    if isinstance(answer, Faulted):
        return answer.fault
    assert answer.page is not None
    return answer.page


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(seed=4, calm=False)], ids=["calm", "awkward"])
def test_the_grid_side_reads_page_by_page_without_gap_or_repetition_while_cases_arrive(quirks: Quirks) -> None:
    world = World(quirks=quirks)
    cases = [world.hand_over() if quirks.calm else push(world) for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(20):
        page = query(world, cursor=cursor, page_size=2)
        assert isinstance(page, CasePage)
        seen += [item.hand_over.case_number for item in page.cases]
        cursor = page.next_cursor
        if len(cases) < 7:
            cases.append(push(world))
        if not page.more and len(seen) == 7:
            break
    assert seen == cases


def push(world: World) -> str:
    form = world.form_of_case()
    world.grid.post(form, world.now)
    world.settle()
    return form.case_number


def test_the_grid_side_asks_by_state_and_since_a_moment() -> None:
    world = World()
    filed = world.to_filed(world.hand_over())
    world.now += timedelta(hours=1)
    received = world.hand_over()

    def numbers(**changes: object) -> list[str]:
        page = query(world, **changes)
        assert isinstance(page, CasePage)
        return [item.hand_over.case_number for item in page.cases]

    assert numbers(state=HandedOverState.FILED) == [filed]
    assert numbers(state=HandedOverState.HANDED_OVER) == [received]
    assert numbers(since=world.now) == [received]
    assert numbers(state=HandedOverState.CLOSED) == []


@pytest.mark.parametrize("cursor", ["99", "x", "-1", "²"])
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str) -> None:
    answer = query(World(), cursor=cursor)
    assert isinstance(answer, Fault)
    assert answer.code is ErrorCode.CURSOR_INVALID


# ── the same again (determinism), and quirks ────────────────────────────────────────────────────


def life(seed: int, quirks: Quirks) -> tuple[object, ...]:
    world = World(seed=seed, quirks=quirks)
    case = push(world)
    world.advance(timedelta(seconds=30))
    world.to_verification(case)
    world.advance(timedelta(seconds=30))
    world.verify(case)
    world.advance(timedelta(seconds=30))
    world.close(case)
    world.advance(timedelta(seconds=30))
    return world.case(case), world.ask("journal"), world.ask("forms", case=case), world.forms


@pytest.mark.parametrize("calm", [True, False])
def test_the_same_seed_and_the_same_inputs_give_the_same_everything(calm: bool) -> None:
    assert life(1, Quirks(5, calm)) == life(1, Quirks(5, calm))
    assert life(1, Quirks(5, calm)) != life(2, Quirks(5, calm))


def test_an_awkward_platform_comes_to_the_same_end() -> None:
    for seed in range(5):
        case = life(1, Quirks(seed, calm=False))[0]
        assert isinstance(case, dict)
        assert case["status"] == "closed"


def test_optional_fields_are_sometimes_absent_when_it_is_not_calm() -> None:
    """Quirk optional_fields."""
    notes = set()
    for seed in range(8):
        world = World(quirks=Quirks(seed, calm=False))
        case = push(world)
        world.advance(timedelta(seconds=30))
        world.to_disposal(case)
        world.advance(timedelta(seconds=60))
        notes.add(world.last(FormType.STAGE_PROGRESS).note is None)
    assert notes == {True, False}
