"""What is written down comes back: values, inputs, and a machine after a crash (RCPT-5, RCPT-6)."""

import json
import sqlite3
from datetime import timedelta

import pytest
from conftest import NOW, ScriptedMachine, attachment, form_message, hand_over, make_profile, receipt_for

from bridge.vocabulary.calls import Answered, Call, Faulted, NotReached, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    HandedOverCase,
    QueryHeader,
    QueryMessage,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.stages import HandedOverState
from simulators.exchange.errors import ActRefused
from simulators.exchange.logbook import Entry, Keeper, Logbook, LogbookUnavailable, LogbookUnusable
from simulators.exchange.plain import from_plain, to_plain

CASE = "340202-20260302-000001"
FAULT = Fault(
    code=ErrorCode.SCHEMA_INVALID, field="form/handOver/category", message_zh="不符合。", message_en="Not so."
)
QUERY = QueryMessage(
    header=QueryHeader(message_id="urn:uuid:1", sender="a", recipient="b", sent_at=NOW),
    query=CaseQuery(since=NOW, state=HandedOverState.CLOSED),
)
VALUES = [
    form_message(),
    form_message(hand_over(attachments=(attachment(b""),), position=None, reporter_phone="0553-1")),
    ReceiptMessage(header=form_message().header, receipt=receipt_for(form_message(), FAULT)),
    QUERY,
    Answered(receipt=receipt_for(form_message())),
    Answered(
        page=CasePage(
            cases=(HandedOverCase(message_id="urn:uuid:2", state=HandedOverState.FILED, hand_over=hand_over()),),
            next_cursor="x",
            more=True,
        )
    ),
    Answered(),
    Faulted(fault=FAULT),
    Faulted(fault=Fault(code=ErrorCode.BUSY, field=None, message_zh="忙。", message_en="Busy.")),
    NotReached(detail="no connection"),
    Unanswered(detail="cut"),
    Call(key=3, to=Side.URBAN, message=form_message()),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_survives_json(value):
    assert from_plain(json.loads(json.dumps(to_plain(value)))) == value


@pytest.mark.parametrize("kept", ["in memory", "in a file"])
def test_entries_come_back_in_their_order(kept, tmp_path):
    book = Logbook(tmp_path / "book.db" if kept == "in a file" else None, "grid seed 1")
    entries = [
        Entry("received", NOW, {"message": form_message()}),
        Entry(
            "act", NOW + timedelta(seconds=1), {"name": "post", "params": {"case": CASE, "photos": ["a"]}, "by": None}
        ),
        Entry("ended", NOW + timedelta(seconds=2), {"key": 1, "ending": Unanswered(detail="x")}),
    ]
    for entry in entries:
        book.append(entry)
    assert list(book.entries()) == entries
    book.close()


def test_a_file_of_another_owner_is_refused_with_a_sentence(tmp_path):
    Logbook(tmp_path / "book.db", "grid seed 1").close()
    with pytest.raises(LogbookUnusable) as refused:
        Logbook(tmp_path / "book.db", "urban seed 1")
    assert "grid seed 1" in refused.value.message_zh
    assert "grid seed 1" in refused.value.message_en


@pytest.mark.parametrize("what", ["a folder that is not there", "a file that is no database"])
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence(what, tmp_path):
    path = tmp_path / "nowhere" / "book.db"
    if what == "a file that is no database":
        path = tmp_path / "book.db"
        path.write_text("this is a letter, not a database" * 100)
    with pytest.raises(LogbookUnusable, match="cannot be used"):
        Logbook(path, "grid seed 1")


def keeper(book: Logbook, side: Side = Side.GRID, machines: list | None = None) -> Keeper:
    def make() -> ScriptedMachine:
        machine = ScriptedMachine(side, make_profile())
        if machines is not None:
            machines.append(machine)
        return machine

    return Keeper(make, book)


def test_a_machine_comes_back_from_its_file(tmp_path):
    first = keeper(Logbook(tmp_path / "book.db", "x"))
    first.act("post", {"case": CASE}, NOW)
    (call,) = first.take_calls()
    first.begin(call.key, NOW)
    first.end(call.key, Answered(receipt=receipt_for(call.message)), NOW)
    with pytest.raises(ActRefused):
        first.act("forbidden", {}, NOW)

    second = keeper(Logbook(tmp_path / "book.db", "x"))
    assert second.ask("forms", {}, NOW) == [{"case": CASE, "state": "confirmed", "attempts": 1}]
    assert second.take_calls() == []
    assert second.count == first.count


def test_a_call_that_was_not_begun_is_made_after_the_restart():
    book = Logbook()
    first = keeper(book)
    first.act("post", {"case": CASE}, NOW)
    (call,) = first.take_calls()

    second = keeper(book)
    second.end_broken_off(NOW)
    assert second.take_calls() == [call]


def test_a_call_that_was_begun_is_in_doubt_after_the_restart():
    """RCPT-5: nobody knows whether it arrived, so nobody guesses; the same form goes out again with the same id."""
    book = Logbook()
    first = keeper(book)
    first.act("post", {"case": CASE}, NOW)
    (call,) = first.take_calls()
    first.begin(call.key, NOW)

    second = keeper(book)
    assert second.take_calls() == []
    second.end_broken_off(NOW + timedelta(minutes=1))
    assert second.ask("forms", {}, NOW)[0]["state"] == "in_doubt"
    while second.take_calls() == []:
        second.wake(second.next_due())
    assert second.ask("forms", {}, NOW)[0]["attempts"] == 2


def test_a_machine_is_told_of_each_restart_and_lives_through_it_again_in_its_place():
    book, machines = Logbook(), []
    keeper(book, machines=machines).restarted(NOW)
    assert machines[0].restarts == [], "a first start is no restart"

    first = keeper(book, machines=machines)
    first.act("post", {"case": CASE}, NOW)
    keeper(book, machines=machines).restarted(NOW + timedelta(minutes=1))
    third = keeper(book, machines=machines)
    third.restarted(NOW + timedelta(minutes=2))

    assert machines[-1].restarts == [NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)]


def test_a_form_that_is_not_as_the_contract_says_keeps_its_receipt_for_ever(tmp_path):
    header = form_message().header
    first = keeper(Logbook(tmp_path / "book.db", "x"), Side.URBAN)
    answer = first.unreadable(header, FAULT, "digest 1", NOW)
    assert answer.receipt.fault == FAULT

    second = keeper(Logbook(tmp_path / "book.db", "x"), Side.URBAN)
    assert second.unreadable(header, FAULT, "digest 1", NOW + timedelta(hours=1)) == answer


@pytest.mark.parametrize("order", ["bad then other bad", "bad then good", "good then bad"])
def test_one_message_id_stands_for_one_content(order):
    kept = keeper(Logbook(), Side.URBAN)
    message = form_message()
    if order == "good then bad":
        kept.call_received(message, NOW)
    else:
        kept.unreadable(message.header, FAULT, "digest 1", NOW)
    if order == "bad then good":
        answer = kept.call_received(message, NOW)
    else:
        answer = kept.unreadable(message.header, FAULT, "digest 2", NOW)
    assert isinstance(answer, Faulted)
    assert answer.fault.code is ErrorCode.MESSAGE_ID_REUSED


def test_an_error_in_the_machine_leaves_no_trace():
    """A fault says that nothing was done, so a half-done input is undone."""
    machines: list[ScriptedMachine] = []
    kept = keeper(Logbook(), Side.URBAN, machines)
    kept.call_received(form_message(), NOW)
    other = "340202-20260302-000002"
    machines[-1].fail_on = other
    bad = form_message(hand_over(case_number=other), message_id="urn:uuid:00000000-0000-4000-8000-000000000002")
    with pytest.raises(ZeroDivisionError):
        kept.call_received(bad, NOW)
    assert kept.ask("arrived", {}, NOW) == [CASE]
    assert kept.call_received(bad, NOW) == Answered()
    assert kept.ask("arrived", {}, NOW) == [CASE, other]


def test_calls_in_other_hands_are_not_handed_out_again_after_an_error():
    kept = keeper(Logbook())
    kept.act("post", {"case": CASE}, NOW)
    (call,) = kept.take_calls()
    kept.act("post", {"case": "340202-20260302-000002"}, NOW)
    with pytest.raises(ZeroDivisionError):
        kept.act("break", {}, NOW)
    assert [waiting.key for waiting in kept.take_calls()] == [call.key + 1]


def test_time_never_goes_back_for_a_machine():
    kept = keeper(Logbook())
    kept.act("post", {"case": CASE}, NOW)
    kept.wake(NOW - timedelta(hours=1))
    assert kept.latest == NOW


def test_what_cannot_be_written_down_did_not_happen(tmp_path):
    book = Logbook(tmp_path / "book.db", "x")
    kept = keeper(book, Side.URBAN)
    kept.call_received(form_message(), NOW)
    with sqlite3.connect(tmp_path / "book.db") as other:
        other.execute("DROP TABLE entry")
        other.execute(
            "CREATE TABLE entry (number INTEGER PRIMARY KEY, kind TEXT, at TEXT, content TEXT CHECK (content = ''))"
        )
    with pytest.raises(LogbookUnavailable):
        kept.call_received(form_message(message_id="urn:uuid:00000000-0000-4000-8000-000000000002"), NOW)
    assert kept.count == 0


class Failing(Logbook):
    """A logbook on a disk that is full when it is told so."""

    full = False
    written = 0

    def append(self, entry):
        self._check()
        super().append(entry)
        self.written += 1

    def try_out(self):
        self._check()
        super().try_out()

    def _check(self):
        if self.full:
            raise LogbookUnavailable("database or disk is full")


def counting(book, side=Side.URBAN):
    made = []

    def make():
        made.append(ScriptedMachine(side, make_profile()))
        return made[-1]

    return Keeper(make, book), made


def test_while_nothing_can_be_written_the_machine_stays_where_the_logbook_ends():
    book = Failing()
    kept, made = counting(book)
    kept.call_received(form_message(), NOW)
    book.full = True
    for number in range(2, 7):
        with pytest.raises(LogbookUnavailable):
            kept.call_received(form_message(message_id=f"urn:uuid:00000000-0000-4000-8000-00000000000{number}"), NOW)
    assert kept.count == len(list(book.entries())) == 1
    assert kept.ask("arrived", {}, NOW) == [CASE]
    assert len(made) == 2, "it was taken through the list once, and not for every refused input"
    book.full = False
    kept.call_received(form_message(message_id="urn:uuid:00000000-0000-4000-8000-000000000002"), NOW)
    assert kept.ask("arrived", {}, NOW) == [CASE, CASE]
    assert kept.count == len(list(book.entries())) == 2


def test_a_machine_that_could_not_be_brought_back_is_brought_back_before_anything_else():
    class Unreadable(Failing):
        blind = False

        def _entries(self):
            if self.blind:
                raise sqlite3.OperationalError("disk I/O error")
            yield from super()._entries()

    book = Unreadable()
    kept, _ = counting(book)
    kept.call_received(form_message(), NOW)
    book.full = book.blind = True
    with pytest.raises(LogbookUnavailable):
        kept.call_received(form_message(message_id="urn:uuid:00000000-0000-4000-8000-000000000002"), NOW)
    with pytest.raises(LogbookUnavailable):
        kept.ask("arrived", {}, NOW)
    assert kept.next_due() < NOW, "somebody is to try again"
    book.blind = False
    assert kept.ask("arrived", {}, NOW) == [CASE]
    book.full = False
    kept.call_received(form_message(message_id="urn:uuid:00000000-0000-4000-8000-000000000003"), NOW)
    assert kept.ask("arrived", {}, NOW) == [CASE, CASE]


def test_calls_that_were_handed_out_stay_with_their_maker_however_often_writing_fails():
    book = Failing()
    kept, _ = counting(book, Side.GRID)
    kept.act("post", {"case": CASE}, NOW)
    (call,) = kept.take_calls()
    book.full = True
    for _ in range(3):
        with pytest.raises(LogbookUnavailable):
            kept.begin(call.key, NOW)
    book.full = False
    kept.begin(call.key, NOW)
    assert kept.take_calls() == []
    kept.end(call.key, Answered(receipt=receipt_for(call.message)), NOW)
    assert kept.ask("forms", {}, NOW)[0]["state"] == "confirmed"


def test_a_locked_file_is_told_as_such_and_waited_for_a_moment_only(tmp_path, monkeypatch):
    monkeypatch.setattr("simulators.exchange.logbook.LOCKED_SECONDS", 0.05)
    kept, _ = counting(Logbook(tmp_path / "book.db", "x"))
    other = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogbookUnavailable, match="locked"):
        kept.call_received(form_message(), NOW)
    other.execute("COMMIT")
    assert kept.ask("arrived", {}, NOW) == []
    kept.call_received(form_message(), NOW)
    other.close()
