"""Only the contract's own answer is an answer and only its typed fault a refusal; everything else leaves the outcome open."""

from datetime import datetime

import pytest

import contracts
from bridge import wire
from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CaseQuery, Fault, Operation, Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.times import SHANGHAI

XML = "text/xml; charset=utf-8"
BUSY = Fault(code=ErrorCode.BUSY, field=None, message_zh="忙", message_en="busy")


def sample(name: str) -> str:
    return (contracts.SAMPLES / f"{name}.xml").read_text(encoding="utf-8")


def ending(
    data: str | bytes, status: int = 200, operation: Operation = Operation.DELIVER_FORM, content_type: str | None = XML
):
    return wire.parse_response(
        data.encode() if isinstance(data, str) else data, content_type, status, Side.URBAN, operation
    )


UNTYPED = '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault><faultcode>soap:{}</faultcode><faultstring>NullPointerException</faultstring></soap:Fault></soap:Body></soap:Envelope>'
CONFIRMED = sample("urban-DeliverFormResponse-confirmed")
FAULT = sample("urban-fault-server")

OPEN = {
    "an error page under an error status": ("<html><body>502 Bad Gateway</body></html>", 502, "text/html"),
    "an error page under 200": ("<html><body>Login</body></html>", 200, "text/html"),
    "an error page that is no XML": ("<html><p>oops<br></html>", 503, "text/html; charset=gbk"),
    "nothing": ("", 202, None),
    "JSON": ('{"ok": true}', 200, "application/json"),
    "a torn answer": (CONFIRMED[:-60], 200, XML),
    "an untyped fault of theirs": (UNTYPED.format("Server"), 500, XML),
    "an untyped fault of ours": (UNTYPED.format("Client"), 500, XML),
    "a typed fault with an unknown code": (FAULT.replace(">BUSY<", ">TIRED<"), 500, XML),
    "the answer to another operation": (sample("urban-DeliverReceiptResponse"), 200, XML),
    "the answer of the other side": (sample("grid-DeliverFormResponse-confirmed"), 200, XML),
    "a request": (sample("urban-DeliverForm-handOver"), 200, XML),
    "a receipt under an error status": (CONFIRMED, 500, XML),
    "a receipt that does not follow the contract": (CONFIRMED.replace(">confirmed<", ">maybe<"), 200, XML),
    "a receipt that says error and not which": (CONFIRMED.replace(">confirmed<", ">error<"), 200, XML),
    "a SOAP 1.2 answer": (
        CONFIRMED.replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
        200,
        XML,
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_is_no_answer_of_the_contract_leaves_the_outcome_open(case):
    data, status, content_type = OPEN[case]
    ended = ending(data, status, content_type=content_type)
    assert isinstance(ended, Unanswered)
    assert f"HTTP {status}" in ended.detail


def test_the_detail_says_what_came_back():
    assert "text/html" in ending("<html/>", 502, content_type="text/html").detail
    assert "NullPointerException" in ending(UNTYPED.format("Server"), 500).detail
    assert "receipt/outcome" in ending(CONFIRMED.replace(">confirmed<", ">maybe<")).detail


@pytest.mark.parametrize("content_type", [XML, "text/plain", None, "application/xml"])
def test_an_answer_counts_whatever_its_content_type_is_called(content_type):
    assert isinstance(ending(CONFIRMED, content_type=content_type), Answered)


@pytest.mark.parametrize("status", [200, 500])
def test_a_typed_fault_is_a_refusal_under_either_status(status):
    assert ending(FAULT, status).fault.code is ErrorCode.BUSY


def test_the_soap_code_says_whose_fault_it_was():
    theirs = Fault(code=ErrorCode.CODE_UNKNOWN, field="form/handOver/kind", message_zh="错", message_en="wrong")
    assert b"<faultcode>soap:Server</faultcode>" in wire.build_fault(BUSY, Side.GRID)
    assert b"<faultcode>soap:Client</faultcode>" in wire.build_fault(theirs, Side.GRID)


def test_a_fault_with_sentences_longer_than_the_contract_allows_still_gets_out():
    long = Fault(code=ErrorCode.INTERNAL, field="f" * 300, message_zh="长" * 900, message_en="")
    ended = ending(wire.build_fault(long, Side.URBAN), 500)
    assert ended == Faulted(
        fault=Fault(code=ErrorCode.INTERNAL, field="f" * 200, message_zh="长" * 500, message_en="INTERNAL")
    )


def test_a_receipt_with_such_a_fault_still_gets_out_and_characters_that_xml_cannot_hold_are_replaced():
    receipt = Receipt(
        case_number="340202-20260302-000001",
        form_message_id="urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000001",
        form_type=FormType.HAND_OVER,
        outcome=ReceiptOutcome.ERROR,
        decided_at=datetime(2026, 3, 2, 9, tzinfo=SHANGHAI),
        fault=Fault(code=ErrorCode.INTERNAL, field="", message_zh="a\x00b\ud800c", message_en="x" * 501),
    )
    data = wire.build_response(Operation.DELIVER_FORM, Side.URBAN, Answered(receipt=receipt))
    fault = ending(data).receipt.fault
    assert (fault.field, fault.message_zh, fault.message_en) == (None, "a\ufffdb\ufffdc", "x" * 500)


def test_the_answer_to_a_message_with_several_mistakes_names_them_all():
    first = Fault(code=ErrorCode.CODE_UNKNOWN, field="form/handOver/kind", message_zh="错", message_en="wrong")
    second = Fault(code=ErrorCode.SCHEMA_INVALID, field="form/handOver/cell", message_zh="错", message_en="wrong")
    fault = ending(wire.build_faults(wire.Malformed([first, second]), Side.URBAN), 500).fault
    assert (fault.code, fault.field) == (ErrorCode.CODE_UNKNOWN, "form/handOver/kind")
    assert "form/handOver/cell" in fault.message_zh
    assert "form/handOver/cell" in fault.message_en


def test_a_query_is_never_answered_without_a_page():
    with pytest.raises(ValueError, match="page"):
        wire.build_response(Operation.QUERY_CASES, Side.GRID, Answered())


@pytest.mark.parametrize(
    ("whole", "broken"),
    [(">74<", ">75<"), (">event<", ">happening<"), ("<ex:district>340202", "<ex:district>here")],
    ids=["unsound photo", "unknown code", "bad district"],
)
def test_a_case_that_cannot_be_read_is_named_not_taken_in_part_and_keeps_no_other_from_being_taken(whole, broken):
    page = sample("urban-QueryCasesResponse")
    case = page[page.index("<urban:cases>") : page.index("</urban:cases>") + len("</urban:cases>")]
    assert whole in case
    first, bad, last = (case.replace("-000001", f"-00000{number}") for number in (1, 2, 3))
    bad = bad.replace(whole, broken)
    ended = ending(page.replace(case, first + bad + last), operation=Operation.QUERY_CASES)
    assert [each.hand_over.case_number[-1] for each in ended.page.cases] == ["1", "3"]
    assert ended.unreadable == ("340202-20260302-000002",)
    assert ended.page.next_cursor == ending(page, operation=Operation.QUERY_CASES).page.next_cursor


def test_a_case_without_a_number_is_missed_all_the_same():
    page = sample("urban-QueryCasesResponse")
    start, end = page.index("<ex:handOver>"), page.index("</ex:handOver>") + len("</ex:handOver>")
    ended = ending(page[:start] + page[end:], operation=Operation.QUERY_CASES)
    assert (ended.page.cases, ended.unreadable) == ((), ("",))


def test_a_page_without_its_cursor_is_none():
    page = sample("urban-QueryCasesResponse")
    start, end = page.index("<urban:nextCursor>"), page.index("</urban:nextCursor>") + len("</urban:nextCursor>")
    ended = ending(page[:start] + page[end:], operation=Operation.QUERY_CASES)
    assert isinstance(ended, Unanswered)
    assert "nextCursor" in ended.detail


def test_a_full_page_is_read():
    page = sample("urban-QueryCasesResponse")
    case = page[page.index("<urban:cases>") : page.index("</urban:cases>") + len("</urban:cases>")]
    ended = ending(page.replace(case, case * 200), operation=Operation.QUERY_CASES)
    assert len(ended.page.cases) == CaseQuery(page_size=200).page_size
