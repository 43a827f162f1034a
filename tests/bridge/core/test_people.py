"""What people may do with a form, and the book in which all of it stands (RCPT-5)."""

from datetime import timedelta

import pytest
import sample_forms as sample
from crossing import NO_ANSWER, Crossing

from bridge.core.audit import AuditEntry, SealedEntry, first_broken, seal
from bridge.core.desk import ACTS, Desk, DeskRefused
from bridge.core.exchange import DeliveryState
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side

T, D = FormType, DeliveryState
GRID, URBAN = Side.GRID, Side.URBAN


@pytest.fixture
def crossing():
    return Crossing()


@pytest.fixture
def sent(crossing):
    return crossing.writes(GRID, sample.form(T.HAND_OVER))


@pytest.fixture
def desk(crossing):
    return Desk(crossing.shell)


def does(crossing, desk, act, by="王值班", reason="对方已恢复", **named):
    said = {"case": sample.CASE, "reason": reason, **named}
    done = desk.act(f"bridge.{act}", said, crossing.now, by)
    crossing.carry()
    return done


class TestParking:
    @pytest.mark.parametrize("ended", [False, True])
    def test_a_form_under_way_is_stopped_and_its_contact_told(self, crossing, desk, sent, ended):
        if ended:
            crossing.ends(sent, NO_ANSWER)
        assert does(crossing, desk, "park") == {"message_id": sent, "state": "parked"}
        assert crossing.notices() == [("parked", "started", "operator_company")]
        crossing.passes(1_000_000)
        assert crossing.attempts_of(sent) == [1]

    def test_the_call_that_was_under_way_changes_nothing_when_it_ends(self, crossing, desk, sent):
        does(crossing, desk, "park")
        message = crossing._messages[sent]
        crossing.ends(sent, Answered(receipt=sample.receipt_for(message)))
        assert crossing.delivery(sent).state is D.PARKED
        assert desk.ask("receipts_kept", {}, crossing.now)[0]["reason"] == "parked"

    def test_released_it_goes_on_with_the_attempts_that_it_had_left(self, crossing, desk, sent):
        crossing.ends(sent, NO_ANSWER)
        does(crossing, desk, "park")
        does(crossing, desk, "release")
        assert crossing.attempts_of(sent) == [1, 2]
        crossing.ends(sent, NO_ANSWER)
        assert crossing.delivery(sent).state is D.IN_DOUBT
        crossing.gives(sent)
        assert crossing.notices()[-1] == ("parked", "over", "operator_company")

    def test_the_end_of_a_call_from_before_says_nothing_about_the_one_after(self, crossing, desk, sent):
        first = crossing._on_the_way[sent]
        does(crossing, desk, "park")
        does(crossing, desk, "release")
        assert crossing._on_the_way[sent] != first
        crossing.shell.send_ended(first, NO_ANSWER, at=crossing.now)
        assert crossing.delivery(sent).state is D.RESENDING
        assert crossing.journal(sent)[-1] == "sending.moot"

    def test_a_form_that_waits_for_its_turn_cannot_be_parked(self, crossing, desk, sent):
        behind = crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        with pytest.raises(DeskRefused, match="waiting"):
            does(crossing, desk, "park", message=behind)


class TestResending:
    def test_a_form_that_waits_goes_out_now_under_its_own_id(self, crossing, desk, sent):
        crossing.acknowledges(sent)
        assert does(crossing, desk, "resend")["message_id"] == sent
        assert crossing.attempts_of(sent) == [1, 2]
        assert {item for _, item, _ in crossing.sent} == {sent}

    def test_what_is_decided_is_not_sent_again(self, crossing, desk, sent):
        crossing.acknowledges(sent)
        crossing.gives(sent)
        with pytest.raises(DeskRefused, match="confirmed"):
            does(crossing, desk, "resend", message=sent)
        assert crossing.attempts_of(sent) == [1]


class TestAsking:
    def test_the_list_shows_what_waits_with_its_age_and_its_trouble(self, crossing, desk, sent):
        crossing.ends(sent, NO_ANSWER)
        other = crossing.writes(GRID, sample.form(T.HAND_OVER, sample.OTHER_CASE))
        crossing.now += timedelta(seconds=90)
        (first, second) = desk.ask("under_way", {}, crossing.now)
        assert (first["message_id"], first["age_seconds"], first["trouble"]) == (sent, 90, "unanswered")
        assert (second["message_id"], second["state"]) == (other, "sending")

    @pytest.mark.parametrize(
        ("params", "found"),
        [
            ({"state": "in_doubt"}, 1),
            ({"state": "parked"}, 0),
            ({"platform": "urban"}, 1),
            ({"platform": "grid"}, 0),
            ({"case": sample.CASE, "type": "handOver"}, 1),
            ({"type": "dispatch"}, 0),
            ({"older_than": "90"}, 1),
            ({"older_than": "91"}, 0),
        ],
    )
    def test_the_list_can_be_narrowed(self, crossing, desk, sent, params, found):
        crossing.ends(sent, NO_ANSWER)
        assert len(desk.ask("under_way", params, crossing.now + timedelta(seconds=90))) == found

    def test_one_form_is_shown_with_all_that_was_written_of_it(self, crossing, desk, sent):
        crossing.writes(GRID, sample.form(T.SUPPLEMENT))
        crossing.ends(sent, NO_ANSWER)
        shown = desk.ask("form", {"message": sent}, crossing.now)
        assert [entry["what"] for entry in shown["journal"]] == ["form.admitted", "sending.unanswered"]
        with pytest.raises(DeskRefused, match="no message"):
            desk.ask("form", {"message": "urn:uuid:nothing"}, crossing.now)


class TestTheBook:
    def test_every_act_stands_in_it_with_who_why_and_what_changed(self, crossing, desk, sent):
        does(crossing, desk, "park", by="王值班", reason="对方停机检修")
        does(crossing, desk, "release", by="李主任", reason="检修完毕")
        book = desk.ask("audit", {}, crossing.now)
        assert [(e["n"], e["operator"], e["act"], e["reason"], e["before"], e["after"]) for e in book] == [
            (1, "王值班", "park", "对方停机检修", "sending", "parked"),
            (2, "李主任", "release", "检修完毕", "parked", "resending"),
        ]
        assert {(e["case_number"], e["message_id"], e["outcome"]) for e in book} == {(sample.CASE, sent, "done")}
        assert all(e["intact"] for e in book)

    @pytest.mark.parametrize(
        ("act", "by", "named", "code"),
        [
            ("dance", "王", {}, "unknown_act"),
            ("park", None, {}, "by_required"),
            ("park", "  ", {}, "by_required"),
            ("park", "王", {"reason": " "}, "reason_required"),
            ("park", "王", {"reason": 5}, "reason_required"),
            ("release", "王", {}, "not_waiting"),
            ("park", "王", {"type": "closing"}, "not_waiting"),
            ("park", "王", {"message": "urn:uuid:nothing"}, "unknown_form"),
            ("park", "王", {"case": sample.OTHER_CASE}, "not_waiting"),
        ],
    )
    def test_so_does_an_act_that_is_refused_and_it_changes_nothing_else(
        self, crossing, desk, sent, act, by, named, code
    ):
        before = crossing.exchange
        with pytest.raises(DeskRefused) as refused:
            does(crossing, desk, act, by=by, **named)
        assert refused.value.code == code
        assert [(e["act"], e["outcome"]) for e in desk.ask("audit", {}, crossing.now)] == [(act, code)]
        assert crossing.exchange == before

    def test_an_act_that_does_not_fit_the_form_stands_in_it_too(self, crossing, desk, sent):
        with pytest.raises(DeskRefused):
            does(crossing, desk, "abandon", message=sent)
        (entry,) = desk.ask("audit", {}, crossing.now)
        assert (entry["outcome"], entry["before"], entry["after"]) == ("wrong_state", "sending", "sending")

    def test_the_acts_fit_exactly_where_the_delivery_table_says(self):
        waiting = {D.AWAITING_RECEIPT, D.IN_DOUBT, D.TO_REPEAT}
        assert {
            "bridge.park": waiting | {D.SENDING, D.RESENDING},
            "bridge.release": {D.PARKED},
            "bridge.resend": waiting,
            "bridge.abandon": {D.PARKED},
        } == ACTS


def _book(count: int) -> list[SealedEntry]:
    book: list[SealedEntry] = []
    for number in range(1, count + 1):
        entry = AuditEntry(
            at=sample.MONDAY,
            operator="王",
            act="park",
            case_number=sample.CASE,
            message_id=sample.message_id(number),
            reason="检修",
            outcome="done",
            before="sending",
            after="parked",
        )
        book.append(SealedEntry(number, entry, seal(book[-1].seal if book else "", entry)))
    return book


class TestTheSeals:
    def test_a_book_that_nobody_touched_is_intact(self):
        assert first_broken(_book(4)) is None
        assert first_broken([]) is None

    @pytest.mark.parametrize("field", [name for name in AuditEntry._fields if name != "at"])
    def test_a_line_that_was_altered_is_found(self, field):
        book = _book(4)
        book[1] = book[1]._replace(entry=book[1].entry._replace(**{field: "李"}))
        assert first_broken(book) == 2

    def test_so_is_a_line_with_another_moment(self):
        book = _book(4)
        book[2] = book[2]._replace(entry=book[2].entry._replace(at=sample.MONDAY + timedelta(seconds=1)))
        assert first_broken(book) == 3

    def test_so_is_a_line_that_was_taken_out_or_put_in_or_moved(self):
        book = _book(4)
        assert first_broken([book[0], *book[2:]]) == 3
        assert first_broken([*book[:2], book[1], *book[2:]]) == 2
        assert first_broken([book[1], book[0], *book[2:]]) == 2
