"""Post, people who look after it, queries and determinism (XCHG-2, RCPT-1 … RCPT-6, CONT-2)."""

import json
from datetime import timedelta

import pytest
from grid_world import CELL, NEXT_CELL, OWN, START, World, answer_lost, lost, not_reached, profile
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Fault
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices, DeliveryChoices, HandOverMode, ReceiptMode
from bridge.vocabulary.stages import HandedOverState
from simulators.exchange.errors import AskRefused
from simulators.exchange.quirks import Quirks

UNKNOWN_CODE = Fault(
    code=ErrorCode.CODE_UNKNOWN, field="form/handOver/category", message_zh="代码不存在。", message_en="No such code."
)


def to_urban(ending):
    """The network does this to calls of the grid side only."""
    return lambda call: ending(call) if call.to is Side.URBAN else None


# ── delivery ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("urban", list(ReceiptMode))
@pytest.mark.parametrize("grid", list(ReceiptMode))
def test_a_whole_life_with_receipts_given_either_way(grid, urban):
    world = World(profile(grid=grid, urban=urban))
    case = world.closed()
    assert world.state(case) == "closed"
    assert {f["state"] for f in world.ask("forms", case=case)} == {"confirmed"}


@pytest.mark.parametrize("ending", [lost, not_reached, answer_lost])
def test_a_hand_over_in_trouble_is_sent_again_and_happens_once_RCPT_5(ending):
    world = World(profile(urban=ReceiptMode.RESPONSE))
    world.network = to_urban(ending)
    case = world.handed_over()
    world.network = lambda call: None
    world.advance(timedelta(hours=1))
    assert world.taken(case) == [FormType.HAND_OVER]
    assert world.sending(case, FormType.HAND_OVER)["state"] == "confirmed"


def test_a_parked_form_is_told_looked_after_and_told_to_be_over_RCPT_5_CONT_2():
    world = World(profile(delivery=DeliveryChoices(max_attempts=2)))
    world.network = to_urban(not_reached)
    case = world.handed_over()
    assert world.refusal("workstation.resend", case) == "not_waiting"
    world.advance(timedelta(hours=1))

    assert [f["case_number"] for f in world.ask("parked")] == [case]
    assert [line["acts"] for line in world.ask("worklist", role="workstation")] == [
        ["workstation.resend", "workstation.give_up"]
    ]
    assert [(n["kind"], n["phase"], n["duty"]) for n in world.ask("notices")] == [("parked", "started", "grid_side")]
    before = world.sending(case, FormType.HAND_OVER)["message_id"]
    world.network = lambda call: None
    assert world.act("workstation.resend", case)["message_id"] == before
    assert [(n["kind"], n["phase"]) for n in world.ask("notices")] == [("parked", "started"), ("parked", "over")]
    assert world.taken(case) == [FormType.HAND_OVER]


def test_a_form_that_is_given_up_lets_the_next_one_go_RCPT_4():
    world = World(profile(delivery=DeliveryChoices(max_attempts=1)))
    case = world.filed()
    world.network = to_urban(not_reached)
    world.act("workstation.supplement", case, note="第一条")
    world.act("workstation.supplement", case, note="第二条")
    world.advance(timedelta(hours=1))
    world.network = lambda call: None
    assert world.refusal("workstation.give_up", case, form_type="closing") == "not_waiting"
    world.act("workstation.give_up", case, reason="已口头告知")
    assert [f.note for f in world.forms if f.form_type is FormType.SUPPLEMENT] == ["第二条"]
    assert [line["what"] for line in world.case(case)["history"]][-1] == "gave_up"


def test_a_refused_form_is_repaired_and_sent_anew_RCPT_2():
    world = World()
    world.objection = lambda form: UNKNOWN_CODE if getattr(form, "category", "01") == "92" else None
    case = world.handed_over(category="92", subcategory="01", department=f"CA-{OWN}")
    first = world.sending(case, FormType.HAND_OVER)
    assert (first["state"], first["code"], first["field"]) == ("refused", "CODE_UNKNOWN", "form/handOver/category")
    assert [line["acts"] for line in world.ask("worklist", role="workstation")] == [["workstation.repair"]]
    assert [(n["kind"], n["phase"]) for n in world.ask("notices")] == [("system_fault", "started")]

    assert world.refusal("workstation.repair", case, changes={"colour": "red"}) == "bad_value"
    assert world.refusal("workstation.repair", case, changes={"case_number": "x"}) == "bad_value"
    assert world.refusal("workstation.repair", case, changes={}) == "bad_value"
    world.act("workstation.repair", case, changes={"category": "01", "subcategory": "02"})

    second = world.sending(case, FormType.HAND_OVER)
    assert (second["state"], second["message_id"] != first["message_id"]) == ("confirmed", True)
    assert world.last(FormType.HAND_OVER).category == "01"
    assert [(n["kind"], n["phase"]) for n in world.ask("notices")][-1] == ("system_fault", "over")
    assert world.refusal("workstation.repair", case, changes={"category": "02"}) == "not_waiting"


def test_later_forms_of_a_case_wait_for_the_earlier_ones_receipt_RCPT_4():
    world = World()
    world.network = to_urban(lost)
    case, other = world.handed_over(), world.report()
    world.act("workstation.supplement", case, note="x")
    assert world.sending(case, FormType.SUPPLEMENT)["state"] == "waiting"
    world.network = lambda call: None
    world.act("workstation.hand_over", other)
    assert world.taken(other) == [FormType.HAND_OVER]


def test_receipts_that_nobody_waits_for_are_kept_and_change_nothing_RCPT_3():
    world = World()
    case = world.filed()
    message_id = world.sending(case, FormType.HAND_OVER)["message_id"]
    before = world.case(case)
    world.receipt(case, message_id)
    world.receipt(case, message_id, UNKNOWN_CODE)
    world.receipt("340202-20260302-009999", message_id)
    assert [k["kept_as"] for k in world.ask("receipts_kept")][-3:] == ["repeated", "contradictory", "stray"]
    assert world.case(case) == before


def test_a_refused_form_never_becomes_confirmed_RCPT_3():
    world = World()
    world.objection = lambda form: UNKNOWN_CODE
    case = world.handed_over()
    message_id = world.sending(case, FormType.HAND_OVER)["message_id"]
    world.receipt(case, message_id)
    assert world.sending(case, FormType.HAND_OVER)["state"] == "refused"
    assert world.ask("receipts_kept")[-1]["kept_as"] == "contradictory"


def test_a_repeated_form_has_no_second_effect_RCPT_6():
    world = World()
    case = world.filed()
    world.dispatch(case)
    kept: list = []
    world.network = lambda call: kept.append(call)
    world.progress(case)
    world.network = lambda call: None
    message = next(c.message for c in kept if hasattr(c.message, "form"))
    before = world.case(case)
    world.grid.call_received(message, world.now + timedelta(hours=1))
    assert world.case(case) == before


def test_the_journal_holds_every_message_both_ways():
    world = World()
    case = world.closed()
    lines = world.ask("journal", case=case)
    assert {line["what"] for line in lines} >= {
        "form.posted",
        "form.out",
        "form.in",
        "receipt.out",
        "receipt.effective",
    }
    assert {line["case_number"] for line in lines} == {case}


# ── queries ─────────────────────────────────────────────────────────────────────────────────────────


def numbers(page):
    return [item.hand_over.case_number for item in page.cases]


def test_a_query_lists_the_cases_handed_over_and_no_others_XCHG_2():
    world = World()
    world.dispute()
    world.report()
    first, second = world.handed_over(), world.filed()
    page = world.query()
    assert numbers(page) == [first, second]
    assert [item.state for item in page.cases] == [HandedOverState.HANDED_OVER, HandedOverState.FILED]
    assert page.cases[0].message_id == world.sending(first, FormType.HAND_OVER)["message_id"]
    assert page.more is False


def test_a_query_asks_by_state_and_since_a_moment_XCHG_2():
    world = World()
    early = world.closed()
    world.advance(timedelta(hours=2))
    late = world.handed_over()
    assert numbers(world.query(state=HandedOverState.CLOSED)) == [early]
    assert numbers(world.query(state=HandedOverState.HANDED_OVER)) == [late]
    assert numbers(world.query(since=START + timedelta(hours=1))) == [late]
    assert numbers(world.query(since=START + timedelta(hours=2))) == [late]


@pytest.mark.parametrize("cursor", ["not-a-cursor", "-1", "99", "1.5", "１"])
def test_a_cursor_that_nobody_gave_is_a_fault_XCHG_2(cursor):
    world = World()
    world.handed_over()
    assert world.query(cursor=cursor).code is ErrorCode.CURSOR_INVALID


def test_a_query_from_somebody_else_is_a_fault():
    assert World().query(sender="somebody").code is ErrorCode.WRONG_PARTY


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), max_size=12),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_cursor_misses_and_repeats_nothing_while_cases_arrive_XCHG_2(arrivals, size, calm):
    """Between two pages any number of cases is handed over; in the end each was listed once, in order."""
    world = World(quirks=Quirks(seed=size, calm=calm))
    expected, listed, cursor = [world.handed_over()], [], None
    for arriving in arrivals:
        page = world.query(cursor=cursor, page_size=size)
        assert len(page.cases) <= size
        listed += numbers(page)
        cursor = page.next_cursor
        expected += [world.handed_over() for _ in range(arriving)]
    more = True
    while more:
        assert len(listed) <= len(expected)
        page = world.query(cursor=cursor, page_size=size)
        listed += numbers(page)
        cursor, more = page.next_cursor, page.more
    assert listed == expected
    assert numbers(world.query(cursor=cursor, page_size=size)) == []


def test_in_query_mode_nothing_is_pushed_and_the_receipt_comes_by_a_call_XCHG_2():
    world = World(profile(choices=Choices(hand_over=HandOverMode.QUERY)))
    case = world.handed_over()
    assert world.forms == []
    assert world.sending(case, FormType.HAND_OVER)["state"] == "offered"
    world.act("workstation.supplement", case, note="x")

    taken = world.urban.take_page(world.query(), world.now, lambda form: None)
    world.settle()

    assert [item.hand_over.case_number for item in taken] == [case]
    assert world.sending(case, FormType.HAND_OVER)["state"] == "confirmed"
    assert world.taken(case) == [FormType.SUPPLEMENT]


def test_a_corrected_hand_over_stands_at_the_end_of_the_list_and_the_refused_one_nowhere_XCHG_2():
    world = World(profile(choices=Choices(hand_over=HandOverMode.QUERY)))
    wrong, other = world.handed_over(), world.handed_over()
    page = world.query()
    world.urban.take_page(page, world.now, lambda form: UNKNOWN_CODE if form.case_number == wrong else None)
    world.settle()
    world.act("workstation.repair", wrong, changes={"category": "01"})
    assert numbers(world.query(cursor=page.next_cursor)) == [wrong]
    assert numbers(world.query()) == [other, wrong]


# ── the machine ─────────────────────────────────────────────────────────────────────────────────────


def a_busy_day(seed: int) -> list:
    world = World(seed=seed, quirks=Quirks(seed=seed, calm=False))
    world.network = lambda call: None if len(world.forms) % 3 else (lost(call) if call.to is Side.URBAN else None)
    cases = [world.handed_over(reporter_phone="0553-3832111"), world.own_awaiting()]
    world.advance(timedelta(hours=1))
    world.network = lambda call: None
    world.advance(timedelta(hours=2))
    world.file(cases[0])
    world.advance(timedelta(minutes=1))
    return [world.everything(), world.ask("forms", case=cases[0]), [(f.form_type, f) for f in world.forms]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_inputs_give_the_same_everything(seed):
    assert a_busy_day(seed) == a_busy_day(seed)


def test_another_seed_writes_other_message_ids():
    assert a_busy_day(1)[1][0]["message_id"] != a_busy_day(2)[1][0]["message_id"]


def test_optional_fields_come_and_go_when_the_platform_is_not_calm():
    world = World(quirks=Quirks(seed=1, calm=False))
    for _ in range(20):
        world.handed_over(reporter_phone="0553-3832111")
    world.advance(timedelta(minutes=5))
    assert {form.position is None for form in world.forms} == {True, False}
    assert {form.reporter_phone is None for form in world.forms} == {True, False}


def test_the_books_show_cells_accounts_and_departments_of_this_platform_only():
    world = World()
    cells = {c["code"]: c for c in world.ask("cells")}
    assert cells[CELL]["worker"] == f"worker-{CELL}"
    assert {code for code, cell in cells.items() if cell["worker"] != f"worker-{code}"} == set()
    assert cells[NEXT_CELL]["worker_name"]
    assert {a["role"] for a in world.ask("accounts")} == {"dispatcher", "handler", "worker", "virtual"}
    assert {d["code"][:3] for d in world.ask("departments")} == {"CA-", "CV-", "PS-", "ST-", "HD-"}


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("weather", {}, "unknown_ask"),
        ("case", {"case": "x"}, "unknown_case"),
        ("case", {}, "unknown_case"),
        ("forms", {"case": "x"}, "unknown_case"),
        ("people", {"cell": "x"}, "bad_value"),
        ("worklist", {}, "bad_value"),
        ("worklist", {"role": "king"}, "bad_value"),
        ("worklist", {"role": "worker", "level": "moon"}, "bad_value"),
        ("worklist", {"role": "worker", "account": "nobody"}, "no_such_person"),
        ("worklist", {"role": "worker", "account": "dispatcher-3402"}, "no_such_person"),
    ],
)
def test_a_question_without_an_answer_is_refused_in_both_languages(name, params, code):
    with pytest.raises(AskRefused) as caught:
        World().ask(name, **params)
    assert caught.value.code == code
    assert caught.value.message_zh
    assert caught.value.message_en


def test_answers_are_plain_json_values():
    world = World()
    case = world.in_disposal()
    world.apply_false_report(case)
    world.reject_again(world.in_disposal())
    for name, params in (
        *((n, {}) for n in ("cases", "notices", "contacts", "journal", "accounts", "departments", "cells", "people")),
        *((n, {}) for n in ("parked", "refused", "receipts_kept")),
        ("case", {"case": case}),
        ("forms", {"case": case}),
        ("worklist", {"role": "workstation"}),
    ):
        answer = world.ask(name, **params)
        assert json.loads(json.dumps(answer, ensure_ascii=False)) == answer
