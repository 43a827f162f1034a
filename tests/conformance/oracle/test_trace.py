from datetime import timedelta

from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.codes import ErrorCode, PhotoKind, ReceiptOutcome
from bridge.vocabulary.forms import Attachment, FormType, Supplement
from bridge.vocabulary.messages import Fault, FormMessage, Header, Receipt, ReceiptMessage
from conformance.oracle.trace import Outcome, Trace, form_fields

from .stories import CASE, START, Story, uuid

FORM = Supplement(
    case_number=CASE,
    note="补一张照片",
    supplemented_at=START,
    attachments=(
        Attachment(
            name="a.png", media_type="image/png", size=3, sha256="0" * 64, kind=PhotoKind.REPORT, content=b"abc"
        ),
    ),
)
HEADER = Header(
    message_id=uuid(1),
    sender="wuhu-grid",
    recipient="wuhu-urban",
    case_number=CASE,
    form_type=FormType.SUPPLEMENT,
    attempt=1,
    sent_at=START,
)
RECEIPT = Receipt(
    case_number=CASE,
    form_message_id=uuid(1),
    form_type=FormType.SUPPLEMENT,
    outcome=ReceiptOutcome.CONFIRMED,
    decided_at=START,
)


def test_a_form_is_kept_under_its_wire_names_without_the_content_of_its_attachments():
    fields = form_fields(FORM)

    assert fields["caseNumber"] == CASE
    assert fields["supplementedAt"] == "2026-03-02T09:00:00+08:00"
    assert fields["attachments"] == [
        {"name": "a.png", "mediaType": "image/png", "size": 3, "sha256": "0" * 64, "kind": "report"}
    ]


def test_a_trace_survives_being_written_down_and_read_again():
    trace = Trace()
    call = trace.call("grid", "urban", FormMessage(header=HEADER, form=FORM), START)
    trace.answer(call, Answered(receipt=RECEIPT), START)
    trace.act("grid", "worker.report", {"category": "01"}, START, result={"case": CASE})
    trace.fact("urban", "case", {"case": CASE}, {"stage": "closing"}, START)
    trace.clock(START + timedelta(hours=1))
    trace.restart("bridge", START)
    trace.fault_rule(START, lose="receipt")
    trace.notice("grid", START, kind="duplicate", phase="started")

    again = Trace.from_lines(trace.to_lines())

    assert again.records == trace.records
    assert [r["n"] for r in again] == list(range(1, 9))
    assert again.at_rest


def test_a_trace_without_its_last_line_counts_as_cut_short():
    assert not Trace.from_lines(Story().until_disposal().trace.to_lines().rpartition('{"at_rest"')[0]).at_rest


def test_calls_continue_their_numbers_after_a_trace_was_read_again():
    trace = Trace()
    message = FormMessage(header=HEADER, form=FORM)
    first = trace.call("grid", "urban", message, START)

    assert first + 1 == Trace.from_lines(trace.to_lines()).call("grid", "urban", message, START)


def test_a_receipt_in_the_response_and_one_as_a_call_of_its_own_both_find_their_form():
    trace = Trace()
    message = FormMessage(header=HEADER, form=FORM)
    trace.answer(trace.call("grid", "bridge", message, START), Answered(), START)
    trace.answer(trace.call("bridge", "urban", message, START), Answered(receipt=RECEIPT), START)
    back = trace.call("bridge", "grid", ReceiptMessage(header=HEADER, receipt=RECEIPT), START)
    trace.answer(back, Answered(), START)

    near, far = trace.sendings()

    assert near.confirmed
    assert far.confirmed
    assert near.effective is not None
    assert near.effective.own_call
    assert far.effective is not None
    assert not far.effective.own_call


def test_a_lost_answer_is_given_but_not_heard():
    trace = Trace()
    call = trace.call("grid", "urban", FormMessage(header=HEADER, form=FORM), START)
    trace.answer(call, Unanswered(detail="lost"), START, given=Answered(receipt=RECEIPT))

    (sending,) = trace.sendings()

    assert sending.effective is None
    assert sending.accepted
    assert sending.attempts[0].outcome is Outcome.LOST


def test_a_fault_is_kept_with_its_code():
    trace = Trace()
    call = trace.call("grid", "urban", FormMessage(header=HEADER, form=FORM), START)
    fault = Fault(code=ErrorCode.BUSY, field=None, message_zh="忙", message_en="busy")
    trace.answer(call, Faulted(fault=fault), START)

    (sending,) = trace.sendings()

    assert (sending.attempts[0].fault or {})["code"] == "BUSY"
    assert sending.refused_for_good is None


def test_missing_pieces_do_not_stop_the_reading():
    trace = Trace(
        [
            {"n": 1, "at": START.isoformat(), "type": "call", "operation": "DeliverForm"},
            {"n": 2, "at": START.isoformat(), "type": "answer"},
            {"n": 3, "at": START.isoformat(), "type": "call", "operation": "DeliverReceipt"},
            {"n": 4, "at": START.isoformat(), "type": "act"},
            {"n": 5, "at": START.isoformat(), "type": "fact"},
        ]
    )

    assert len(trace.sendings()) == 1
    assert trace.acts()[0].case_number is None
    assert trace.facts()[0].answer is None


def test_envelopes_are_let_go_of_but_for_those_that_are_named():
    trace = Trace([{"n": 1, "type": "call", "envelope": "<a/>"}, {"n": 2, "type": "answer", "envelope": "<b/>"}])
    trace.keep_envelopes({2})
    assert [record.get("envelope") for record in trace] == [None, "<b/>"]


def test_an_envelope_is_made_fit_to_be_read_only_when_it_is_named():
    trace = Trace()
    shown = []

    def shows(envelope):
        def show():
            shown.append(envelope)
            return envelope

        return show

    for envelope in ("<a/>", None, "<c/>"):
        record = trace.unread(START)
        trace.enclose(record, shows(envelope))
    trace.unread(START)
    assert trace.enveloped == [1, 2, 3]
    assert shown == []

    trace.keep_envelopes({2, 3})

    assert shown == [None, "<c/>"]
    assert [record.get("envelope") for record in trace] == [None, None, "<c/>", None]
    assert trace.enveloped == [3]


def test_of_very_many_envelopes_the_latest_are_at_hand():
    trace = Trace()
    trace.enclosed_max = 2
    for number in range(1, 4):
        trace.enclose(trace.unread(START), lambda number=number: f"<a{number}/>")
    assert [trace.envelope(number) for number in (1, 2, 3)] == [None, "<a2/>", "<a3/>"]
