"""What is wrong with a request is said by code, place and sentence, all at once where the schema allows it."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest

import contracts
from bridge import wire
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits

LIMITS = Limits()
SAMPLE = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_text(encoding="utf-8")
MESSAGE_ID = "urn:uuid:6f1c2a10-3b7d-4e58-9a41-000000000001"
CASE = "340202-20260302-000001"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def refusal(
    text: str | bytes, side: Side = Side.URBAN, limits: Limits = LIMITS, content_type: str | None = None
) -> wire.Malformed:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(wire.Malformed) as caught:
        wire.parse_request(data, content_type, side, limits)
    return caught.value


def told(error: wire.Malformed) -> list[tuple[ErrorCode, str | None]]:
    return [(fault.code, fault.field) for fault in error.faults]


def without(element: str, text: str = SAMPLE) -> str:
    changed = re.sub(rf"<(\w+:{element})>.*?</\1>\s*", "", text, count=1, flags=re.DOTALL)
    assert changed != text
    return changed


def changed(old: str, new: str, text: str = SAMPLE) -> str:
    assert old in text
    return text.replace(old, new, 1)


FORM = "form/handOver"
SCHEMA, CODE, MISSING = ErrorCode.SCHEMA_INVALID, ErrorCode.CODE_UNKNOWN, ErrorCode.REQUIRED_MISSING
ATTACHMENT, LIMIT = ErrorCode.ATTACHMENT_INVALID, ErrorCode.LIMIT_EXCEEDED

FIELDS = {
    "a value outside its code list": (changed(">event<", ">happening<"), CODE, f"{FORM}/kind"),
    "a code of the wrong shape": (changed(":district>340202<", ":district>34020<"), SCHEMA, f"{FORM}/district"),
    "a required field left out": (without("category"), MISSING, f"{FORM}/category"),
    "the last required field left out": (without("handedOverBy"), MISSING, f"{FORM}/handedOverBy"),
    "an empty text": (re.sub(r"(:address>)[^<]*", r"\1", SAMPLE, count=1), MISSING, f"{FORM}/address"),
    "a text that is too long": (changed(">王秀兰<", f">{'王' * 61}<"), SCHEMA, f"{FORM}/reporterName"),
    "an unknown field": (changed("<ex:grade>", "<ex:colour>red</ex:colour><ex:grade>"), SCHEMA, f"{FORM}/colour"),
    "a field out of order": (
        changed("<ex:grade>", "<ex:address>x</ex:address><ex:grade>"),
        SCHEMA,
        f"{FORM}/address[1]",
    ),
    "a field without namespace": (
        changed("<ex:grade>ordinary</ex:grade>", "<grade>ordinary</grade>"),
        SCHEMA,
        f"{FORM}/grade",
    ),
    "nil for an absent field": (
        changed("<ex:grade>ordinary<", f'<ex:grade {XSI} xsi:nil="true"><'),
        SCHEMA,
        f"{FORM}/grade",
    ),
    "another type by xsi:type": (
        changed("<ex:grade>", f'<ex:grade {XSI} xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">'),
        SCHEMA,
        f"{FORM}/grade",
    ),
    "an element inside a text": (changed(">ordinary<", "><ex:b>ordinary</ex:b><"), SCHEMA, f"{FORM}/grade"),
    "no date": (changed("2026-03-02T09:05:00+08:00", "2026-03-02 09:05"), SCHEMA, f"{FORM}/reportedAt"),
    "a moment beyond the calendar": (
        changed("2026-03-02T09:05:00+08:00", "12026-03-02T09:05:00Z"),
        SCHEMA,
        f"{FORM}/reportedAt",
    ),
    "a moment that leaves the calendar in Shanghai": (
        changed("2026-03-02T09:05:00+08:00", "9999-12-31T23:00:00Z"),
        SCHEMA,
        f"{FORM}/reportedAt",
    ),
    "not a number": (changed(">118.3612<", ">NaN<"), SCHEMA, f"{FORM}/position/x"),
    "a size that does not match": (changed(":size>74<", ":size>75<"), ATTACHMENT, f"{FORM}/attachments/size"),
    "a digest that does not match": (
        re.sub(r"(:sha256>)[0-9a-f]{64}", rf"\g<1>{'0' * 64}", SAMPLE, count=1),
        ATTACHMENT,
        f"{FORM}/attachments/sha256",
    ),
    "a stray character in base64": (changed("iVBORw0", "iV*BORw0"), ATTACHMENT, f"{FORM}/attachments/content"),
    "base64 cut short": (changed("RK5CYII=", "RK5CYI"), ATTACHMENT, f"{FORM}/attachments/content"),
    "neither content nor reference": (without("content"), MISSING, f"{FORM}/attachments"),
    "a size beyond the contract": (changed(":size>74<", ":size>9000000<"), LIMIT, f"{FORM}/attachments/size"),
    "header and form name different cases": (
        changed(f":caseNumber>{CASE}<", ":caseNumber>340202-20260302-000002<"),
        ErrorCode.CASE_NUMBER_MISMATCH,
        f"{FORM}/caseNumber",
    ),
    "header and form have different types": (changed(":formType>handOver<", ":formType>supplement<"), SCHEMA, FORM),
    "a header without case number": (without("caseNumber"), MISSING, "messageHeader/caseNumber"),
    "a header without form type": (without("formType"), MISSING, "messageHeader/formType"),
    "a header without moment": (without("sentAt"), MISSING, "messageHeader/sentAt"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_bad_form_is_refused_with_code_and_place_and_can_be_answered_with_a_receipt(case):
    text, code, place = FIELDS[case]
    error = refusal(text)
    assert (code, place) in told(error)
    assert error.operation is Operation.DELIVER_FORM
    assert error.token is not None
    assert error.token.username == "wuhu-grid"
    assert error.header is not None
    assert (error.header.message_id, error.header.form_type) == (MESSAGE_ID, FormType.HAND_OVER)
    assert error.header.case_number == CASE
    assert (error.header.sender, error.header.recipient) == ("wuhu-grid", "wuhu-urban")
    for fault in error.faults:
        assert re.search(r"[\u4e00-\u9fff]", fault.message_zh)
        assert not re.search(r"[\u4e00-\u9fff]", fault.message_en)


def test_a_single_mistake_is_told_once():
    assert told(refusal(FIELDS["a value outside its code list"][0])) == [(CODE, f"{FORM}/kind")]
    assert told(refusal(FIELDS["nil for an absent field"][0])) == [(SCHEMA, f"{FORM}/grade")]


def test_all_mistakes_are_told_at_once():
    text = changed(">event<", ">happening<")
    text = changed(":district>340202<", ":district>34020<", text)
    text = changed(":attempt>1<", ":attempt>0<", text)
    assert told(refusal(text)) == [
        (SCHEMA, "messageHeader/attempt"),
        (CODE, f"{FORM}/kind"),
        (SCHEMA, f"{FORM}/district"),
    ]


def test_the_value_outside_its_code_list_is_named():
    (fault,) = refusal(changed(">event<", ">happening<")).faults
    assert "happening" in fault.message_zh
    assert "happening" in fault.message_en


def test_mistakes_are_found_with_a_default_namespace_too():
    text = SAMPLE.replace("<ex:category>01</ex:category>", '<category xmlns="urn:duijie:exchange:1.0">0</category>')
    assert told(refusal(text)) == [(SCHEMA, f"{FORM}/category")]


def test_one_of_several_attachments_is_named_by_its_position():
    attachment = re.search(r"<ex:attachments>.*?</ex:attachments>", SAMPLE, re.DOTALL)[0]
    text = SAMPLE.replace(attachment, attachment + attachment.replace(":size>74<", ":size>75<"))
    assert told(refusal(text)) == [(ATTACHMENT, f"{FORM}/attachments[2]/size")]


def test_a_receipt_names_the_forms_own_case_when_the_header_names_another():
    error = refusal(changed(f":caseNumber>{CASE}<", ":caseNumber>340202-20260302-000002<"))
    assert error.header.case_number == CASE


@pytest.mark.parametrize("lost", ["messageId", "sender", "recipient"])
def test_without_message_id_or_parties_no_receipt_is_possible(lost):
    error = refusal(without(lost))
    assert error.header is None
    assert (MISSING, f"messageHeader/{lost}") in told(error)


def test_a_case_number_of_the_wrong_shape_on_both_places_makes_a_receipt_impossible():
    assert refusal(SAMPLE.replace(CASE, "U340202-20260302-000001")).header is None


def test_an_unknown_form_is_refused_by_its_headers_type():
    error = refusal(SAMPLE.replace("urban:handOver", "urban:handUnder"))
    assert told(error) == [(SCHEMA, "form/handUnder")]
    assert error.header.form_type is FormType.HAND_OVER


def test_a_form_of_the_other_direction_is_refused_as_what_it_is():
    text = (contracts.SAMPLES / "grid-DeliverForm-dispatch.xml").read_text(encoding="utf-8")
    error = refusal(text.replace("urn:duijie:grid:1.0", "urn:duijie:urban:1.0"))
    assert told(error) == [(SCHEMA, "form/dispatch")]
    assert error.header.form_type is FormType.DISPATCH


def test_a_message_for_the_other_side_is_refused_before_its_content_is_looked_at():
    error = refusal(SAMPLE, Side.GRID)
    assert told(error) == [(SCHEMA, None)]
    assert error.header is None


def test_another_main_version_is_refused_as_a_version():
    error = refusal(changed(":contractVersion>1.0<", ":contractVersion>2.0<"))
    assert told(error) == [(ErrorCode.VERSION_UNSUPPORTED, "messageHeader/contractVersion")]
    assert error.header is None


def test_a_later_minor_version_is_read():
    text = changed(":contractVersion>1.0<", ":contractVersion>1.7<")
    request = wire.parse_request(text.encode(), None, Side.URBAN, LIMITS)
    assert request.message.header.contract_version == "1.7"


def test_a_header_without_attempt_is_a_first_sending():
    request = wire.parse_request(without("attempt").encode(), None, Side.URBAN, LIMITS)
    assert request.message.header.attempt == 1


def test_a_message_without_header_is_refused():
    assert told(refusal(without("messageHeader"))) == [(MISSING, "messageHeader")]
    assert told(refusal(re.sub(r"<soap:Header>.*</soap:Header>", "", SAMPLE, flags=re.DOTALL))) == [
        (MISSING, "messageHeader")
    ]


def test_two_headers_are_refused():
    header = re.search(r"<ex:messageHeader>.*?</ex:messageHeader>", SAMPLE, re.DOTALL)[0]
    assert told(refusal(SAMPLE.replace(header, header * 2))) == [(SCHEMA, "messageHeader")]


def test_too_many_attachments_are_refused():
    attachment = re.search(r"<ex:attachments>.*?</ex:attachments>", SAMPLE, re.DOTALL)[0]
    limits = replace(LIMITS, attachments_per_form=2)
    wire.parse_request(SAMPLE.replace(attachment, attachment * 2).encode(), None, Side.URBAN, limits)
    error = refusal(SAMPLE.replace(attachment, attachment * 3), limits=limits)
    assert told(error) == [(LIMIT, f"{FORM}/attachments")]
    assert error.header is not None


def test_an_attachment_at_the_profiles_limit_is_taken_and_one_byte_more_is_not():
    wire.parse_request(SAMPLE.encode(), None, Side.URBAN, replace(LIMITS, attachment_bytes=74))
    assert told(refusal(SAMPLE, limits=replace(LIMITS, attachment_bytes=73))) == [(LIMIT, f"{FORM}/attachments/size")]


def test_a_message_at_the_profiles_limit_is_taken_and_one_byte_more_is_not():
    size = len(SAMPLE.encode())
    wire.parse_request(SAMPLE.encode(), None, Side.URBAN, replace(LIMITS, message_bytes=size))
    assert told(refusal(SAMPLE, limits=replace(LIMITS, message_bytes=size - 1))) == [(LIMIT, None)]


def with_content(content: bytes) -> str:
    attachment = re.search(r"<ex:size>.*?</ex:content>", SAMPLE, re.DOTALL)[0]
    return SAMPLE.replace(
        attachment,
        f"<ex:size>{len(content)}</ex:size><ex:sha256>{hashlib.sha256(content).hexdigest()}</ex:sha256>"
        f"<ex:kind>report</ex:kind><ex:content>{base64.b64encode(content).decode()}</ex:content>",
    )


@pytest.mark.parametrize("content", [b"", bytes(8 * 1024 * 1024)], ids=["empty", "the contract's largest"])
def test_an_attachment_of_any_size_of_the_contract_is_taken(content):
    request = wire.parse_request(with_content(content).encode(), None, Side.URBAN, LIMITS)
    assert request.message.form.attachments[0].content == content


def test_base64_in_lines_is_taken():
    lined = re.sub(r"(:content>)([^<]{20})", r"\1\n  \2\r\n\t ", SAMPLE, count=1)
    assert wire.parse_request(lined.encode(), None, Side.URBAN, LIMITS).message.form.attachments[0].size == 74


def test_blanks_around_numbers_and_moments_do_not_count_and_around_texts_and_codes_they_do():
    text = SAMPLE
    for value in ("2026-03-02T09:05:00+08:00", "74", "118.3612", "1"):
        text = changed(f">{value}<", f">\n    {value}\n  <", text)
    message = wire.parse_request(text.encode(), None, Side.URBAN, LIMITS).message
    assert message == wire.parse_request(SAMPLE.encode(), None, Side.URBAN, LIMITS).message
    named = wire.parse_request(changed(">王秀兰<", "> 王秀兰<").encode(), None, Side.URBAN, LIMITS)
    assert named.message.form.reporter_name == " 王秀兰"
    assert told(refusal(changed(">event<", "> event<"))) == [(CODE, f"{FORM}/kind")]


RECEIPT = (contracts.SAMPLES / "grid-DeliverReceipt-error.xml").read_text(encoding="utf-8")


def test_an_error_receipt_without_a_fault_is_refused_and_so_is_a_confirmation_with_one():
    assert told(refusal(without("fault", RECEIPT), Side.GRID)) == [(MISSING, "receipt/fault")]
    assert told(refusal(changed(":outcome>error<", ":outcome>confirmed<", RECEIPT), Side.GRID)) == [
        (SCHEMA, "receipt/fault")
    ]


def test_a_receipt_whose_header_names_another_case_or_type_is_refused_and_never_receipted_itself():
    error = refusal(changed(f":caseNumber>{CASE}<", ":caseNumber>340202-20260302-000002<", RECEIPT), Side.GRID)
    assert told(error) == [(ErrorCode.CASE_NUMBER_MISMATCH, "receipt/caseNumber")]
    assert (error.header, error.operation) == (None, Operation.DELIVER_RECEIPT)
    error = refusal(changed(":formType>handOver<", ":formType>closing<", RECEIPT), Side.GRID)
    assert told(error) == [(SCHEMA, "receipt/formType")]


def test_a_query_without_page_size_is_refused():
    text = (contracts.SAMPLES / "grid-QueryCases.xml").read_text(encoding="utf-8")
    assert told(refusal(without("pageSize", text), Side.GRID)) == [(MISSING, "pageSize")]


def test_a_query_whose_header_names_a_case_is_a_query_all_the_same():
    text = (contracts.SAMPLES / "grid-QueryCases.xml").read_text(encoding="utf-8")
    named = changed("<ex:sentAt>", f"<ex:caseNumber>{CASE}</ex:caseNumber><ex:sentAt>", text)
    assert wire.parse_request(named.encode(), None, Side.GRID, LIMITS) == wire.parse_request(
        text.encode(), None, Side.GRID, LIMITS
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-02T09:05:00", "2026-03-02T09:05:00+08:00"),
        ("2026-03-02T01:05:00Z", "2026-03-02T09:05:00+08:00"),
        ("2026-03-01T24:00:00", "2026-03-02T00:00:00+08:00"),
        ("2026-03-02T09:05:00.1234567", "2026-03-02T09:05:00.123456+08:00"),
        (" 2026-03-02T09:05:00+08:00\n", "2026-03-02T09:05:00+08:00"),
        ("2026-03-02T09:05:00+0800", "2026-03-02T09:05:00+08:00"),
        ("2026-03-02 09:05:00", "2026-03-02T09:05:00+08:00"),
    ],
)
def test_a_moment_without_zone_is_in_shanghai_and_other_zones_are_carried_over(written, meant):
    text = changed(":reportedAt>2026-03-02T09:05:00+08:00<", f":reportedAt>{written}<")
    assert wire.parse_request(text.encode(), None, Side.URBAN, LIMITS).message.form.reported_at.isoformat() == meant


def test_a_message_with_very_many_mistakes_is_told_about_the_first_twenty():
    attachment = re.search(r"<ex:attachments>.*?</ex:attachments>", SAMPLE, re.DOTALL)[0]
    error = refusal(SAMPLE.replace(attachment, attachment.replace(":kind>report<", ":kind>selfie<") * 30))
    assert len(error.faults) == 20
