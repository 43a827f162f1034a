"""No message that something stumbles over blocks another case: it is set aside, told, and everybody else goes on (RCPT-4)."""

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, Crossing

from bridge.core.desk import Desk
from bridge.core.errors import OperatorMistake, StoreUnavailable
from bridge.core.exchange import DeliveryState
from bridge.core.inputs import SendUnanswered, TimerFired
from bridge.core.shell import Shell
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side

T, D = FormType, DeliveryState
GRID, URBAN = Side.GRID, Side.URBAN
TOLD = ("system_fault", "started", "city_information_office")
TAKEN_UP = ("system_fault", "over", "city_information_office")


class Poison(Exception):
    """What the engine raises over the poisonous case; the text stands for somebody's data."""


@pytest.fixture
def crossing():
    return Crossing()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def poisoned(crossing, heard, monkeypatch):
    """The engine stumbles over everything that a clock or a call says about the first case, half way through its work."""
    engine = crossing.shell.engine
    crossing.shell = Shell(engine, crossing.store, sample.PROFILE, lambda *what: heard.append(what))
    stepped = engine.step

    def step(exchange, taken):
        step = stepped(exchange, taken)
        if isinstance(taken, TimerFired | SendUnanswered) and taken.case_number == sample.CASE:
            raise Poison("张三")
        return step

    monkeypatch.setattr(engine, "step", step)
    return crossing


def test_a_timer_that_makes_the_engine_raise_does_not_stop_the_timers_of_others(poisoned, heard):
    bad = poisoned.writes(GRID, sample.form(T.HAND_OVER))
    good = poisoned.writes(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
    for each in (bad, good):
        poisoned.acknowledges(each)
    poisoned.passes(300)
    poisoned.passes(60)
    assert poisoned.attempts_of(good) == [1, 2]
    assert poisoned.delivery(bad).state is D.PARKED
    assert poisoned.store.parked() == [(sample.CASE, bad)]
    assert [(case, message) for case, message, _ in heard] == [(sample.CASE, bad)]
    assert poisoned.notices() == [TOLD]


def test_what_the_engine_had_done_when_it_raised_is_undone_but_for_the_parking(poisoned):
    bad = poisoned.writes(GRID, sample.form(T.HAND_OVER))
    poisoned.acknowledges(bad)
    before = poisoned.delivery(bad)
    poisoned.passes(300)
    after = poisoned.delivery(bad)
    assert (after.attempts, after.trouble) == (before.attempts, before.trouble)
    assert poisoned.store.next_due() is None


def test_an_ending_that_makes_the_engine_raise_is_not_sent_for_ever(poisoned):
    bad = poisoned.writes(GRID, sample.form(T.HAND_OVER))
    poisoned.ends(bad, NO_ANSWER)
    assert list(poisoned.store.outbox()) == []
    assert poisoned.delivery(bad).state is D.PARKED
    assert "form.set_aside" in poisoned.journal(bad)
    poisoned.passes(1_000_000)
    assert poisoned.attempts_of(bad) == [1]


def test_nothing_of_what_was_raised_is_written_down_but_its_type(poisoned):
    poisoned.ends(poisoned.writes(GRID, sample.form(T.HAND_OVER)), NO_ANSWER)
    said = [entry.detail for _, entry in poisoned.store.read_journal(sample.CASE) if entry.what == "form.set_aside"]
    assert said == ["Poison"]


def test_it_holds_back_its_own_case_and_direction_alone(poisoned):
    bad = poisoned.writes(GRID, sample.form(T.HAND_OVER))
    behind = poisoned.writes(GRID, sample.form(T.SUPPLEMENT))
    poisoned.ends(bad, NO_ANSWER)
    elsewhere = poisoned.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
    assert poisoned.attempts_of(behind) == []
    assert poisoned.codes_of(elsewhere) == [None]


def test_a_person_takes_it_up_and_the_matter_is_over_until_it_happens_again(poisoned):
    bad = poisoned.writes(GRID, sample.form(T.HAND_OVER))
    poisoned.ends(bad, NO_ANSWER)
    poisoned.shell.operator(sample.CASE, bad, "release", operator="li", reason="程序已更新", at=poisoned.now)
    poisoned.carry()
    assert poisoned.notices() == [TOLD, TAKEN_UP]
    assert poisoned.attempts_of(bad) == [1, 2]
    poisoned.ends(bad, NO_ANSWER)
    assert poisoned.notices() == [TOLD, TAKEN_UP, TOLD]


def test_an_act_over_which_the_engine_stumbles_is_refused_and_stands_in_the_book(crossing, monkeypatch):
    sent = crossing.writes(GRID, sample.form(T.HAND_OVER))

    def step(exchange, taken):
        raise Poison("张三")

    monkeypatch.setattr(crossing.shell.engine, "step", step)
    with pytest.raises(OperatorMistake, match="stumbled"):
        crossing.shell.operator(sample.CASE, sent, "park", operator="li", reason="检修", at=crossing.now)
    (entry,) = crossing.store.read_audit()
    assert (entry.entry.act, entry.entry.outcome) == ("park", "stumbled")
    assert crossing.delivery(sent).state is D.SENDING


def test_a_store_that_is_unavailable_is_no_forms_fault(crossing, monkeypatch):
    sent = crossing.writes(GRID, sample.form(T.HAND_OVER))
    crossing.acknowledges(sent)

    def step(exchange, taken):
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(crossing.shell.engine, "step", step)
    with pytest.raises(StoreUnavailable):
        crossing.passes(300)
    assert crossing.delivery(sent).state is D.AWAITING_RECEIPT


def test_a_form_that_cannot_be_read_is_listed_by_its_names(crossing, monkeypatch):
    bad = crossing.writes(GRID, sample.form(T.HAND_OVER))
    good = crossing.writes(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
    read = crossing.store.read_exchange

    def read_exchange(case_number):
        if case_number == sample.CASE:
            raise Poison("张三")
        return read(case_number)

    monkeypatch.setattr(crossing.store, "read_exchange", read_exchange)
    listed = Desk(crossing.shell).ask("under_way", {}, crossing.now)
    assert {each["message_id"]: each["trouble"] for each in listed} == {bad: "unreadable: Poison", good: ""}


def test_a_huge_backlog_of_one_case_goes_out_one_by_one_and_others_pass_it(crossing):
    crossing.crosses(GRID, sample.form(T.HAND_OVER))
    backlog = [crossing.writes(GRID, sample.form(T.SUPPLEMENT, note=f"补充 {number}")) for number in range(300)]
    elsewhere = crossing.crosses(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
    assert crossing.codes_of(elsewhere) == [None]
    assert [crossing.attempts_of(each) for each in backlog[:3]] == [[1], [], []]
    assert len(crossing.store.outbox(limit=1000)) == 1
