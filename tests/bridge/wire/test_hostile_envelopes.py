"""Envelopes that are no SOAP 1.1, or that mean harm, are refused before anything of them is read, fetched or expanded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import contracts
from bridge import wire
from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.messages import Operation
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits

LIMITS = Limits()
SAMPLES = {path.name: path.read_bytes() for path in sorted(contracts.SAMPLES.glob("*.xml"))}
SAMPLE = SAMPLES["urban-DeliverForm-handOver.xml"].decode()
BARE = SAMPLE.partition("?>")[2].lstrip()


def refusal(text: str | bytes, content_type: str | None = None) -> wire.Malformed:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(wire.Malformed) as caught:
        wire.parse_request(data, content_type, Side.URBAN, LIMITS)
    return caught.value


def test_a_soap_1_2_envelope_is_a_version_mismatch():
    error = refusal(
        SAMPLE.replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    )
    assert error.soap_code is wire.SoapCode.VERSION_MISMATCH
    assert error.faults[0].code is ErrorCode.VERSION_UNSUPPORTED
    assert b"<faultcode>soap:VersionMismatch</faultcode>" in wire.build_faults(error, Side.URBAN)


def with_block(block: str) -> str:
    return SAMPLE.replace("<ex:messageHeader>", f"{block}<ex:messageHeader>", 1)


@pytest.mark.parametrize("actor", ["", ' soap:actor="http://schemas.xmlsoap.org/soap/actor/next"'])
def test_an_unknown_block_that_must_be_understood_stops_the_message(actor):
    error = refusal(with_block(f'<t:transaction xmlns:t="urn:t" soap:mustUnderstand="1"{actor}/>'))
    assert error.soap_code is wire.SoapCode.MUST_UNDERSTAND
    assert "transaction" in error.faults[0].message_en
    assert b"<faultcode>soap:MustUnderstand</faultcode>" in wire.build_faults(error, Side.URBAN)


@pytest.mark.parametrize(
    "block",
    [
        '<t:transaction xmlns:t="urn:t"/>',
        '<t:transaction xmlns:t="urn:t" soap:mustUnderstand="0"/>',
        '<t:transaction xmlns:t="urn:t" soap:mustUnderstand="1" soap:actor="urn:somebody-else"/>',
        '<a:Action xmlns:a="http://www.w3.org/2005/08/addressing">urn:x</a:Action>',
    ],
)
def test_blocks_that_need_not_be_understood_are_passed_over(block):
    wire.parse_request(with_block(block).encode(), None, Side.URBAN, LIMITS)


def test_the_contracts_own_block_may_demand_to_be_understood():
    text = SAMPLE.replace("<ex:messageHeader>", '<ex:messageHeader soap:mustUnderstand="1" soap:actor="">')
    wire.parse_request(text.encode(), None, Side.URBAN, LIMITS)


DOCTYPES = {
    "a doctype": "<!DOCTYPE x>",
    "entities in entities": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    "an external subset": '<!DOCTYPE x SYSTEM "http://192.0.2.1/evil.dtd">',
    "a file as entity": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    "a doctype behind a comment": "<!-- x --><?y?>\n<!DOCTYPE x>",
}


@pytest.mark.parametrize("case", DOCTYPES)
def test_a_document_type_is_refused(case):
    for encoding in ("utf-8", "utf-16", "gb18030"):
        declared = f'<?xml version="1.0" encoding="{encoding}"?>{DOCTYPES[case]}{BARE}'
        (fault,) = refusal(declared.encode(encoding)).faults
        assert "document type" in fault.message_en


def test_the_word_doctype_inside_a_text_is_a_text():
    text = SAMPLE.replace("有异味", "<![CDATA[<!DOCTYPE x>]]>")
    form = wire.parse_request(text.encode(), None, Side.URBAN, LIMITS).message.form
    assert form.description.endswith("<!DOCTYPE x>")


def test_comments_and_processing_instructions_inside_a_text_do_not_cut_it():
    text = SAMPLE.replace("有异味", "有<!-- x -->异<?y z?>味")
    assert wire.parse_request(text.encode(), None, Side.URBAN, LIMITS).message.form.description.endswith("有异味")


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("nothing", ""),
        ("blanks", " \n"),
        ("no XML", "case=1&form=2"),
        ("torn", SAMPLE[:1500]),
        ("an HTML page", "<html><body>502</body></html>"),
        ("an undefined entity", SAMPLE.replace("有异味", "&eacute;")),
        ("half of a pair of surrogates", SAMPLE.replace("有异味", "&#55357;")),
        ("the halves of a pair the wrong way round", SAMPLE.replace("有异味", "&#56832;&#55357;")),
        ("a control character", SAMPLE.replace("有异味", "\x08")),
        ("no body", BARE[: BARE.index("<soap:Body>")] + "</soap:Envelope>"),
        ("an empty body", BARE[: BARE.index("<soap:Body>")] + "<soap:Body/></soap:Envelope>"),
        ("two bodies", BARE.replace("</soap:Envelope>", "<soap:Body/></soap:Envelope>")),
        ("something behind the body", BARE.replace("</soap:Envelope>", "<x/></soap:Envelope>")),
    ],
)
def test_what_is_no_envelope_is_refused_as_invalid(case, text):
    error = refusal(text)
    assert [fault.code for fault in error.faults] == [ErrorCode.SCHEMA_INVALID]
    assert error.header is None


def test_a_multipart_message_that_is_cut_off_is_refused_with_the_reason():
    (fault,) = refusal("--x\r\n", "multipart/related; boundary=x").faults
    assert "cut off" in fault.message_en


def test_a_flood_of_elements_or_attributes_is_refused_unparsed():
    attributes = " ".join(f"b{number}=''" for number in range(30_000))
    for flood in ("<a/>" * 30_000, f"<a {attributes}/>"):
        (fault,) = refusal(with_block(flood)).faults
        assert (fault.code, "too many" in fault.message_en) == (ErrorCode.LIMIT_EXCEEDED, True)


@pytest.mark.parametrize("depth", [40, 5000])
def test_a_deep_nest_is_refused(depth):
    (fault,) = refusal(with_block("<a>" * depth + "</a>" * depth)).faults
    assert fault.code in {ErrorCode.LIMIT_EXCEEDED, ErrorCode.SCHEMA_INVALID}


def test_a_schema_that_the_message_recommends_is_not_fetched(tmp_path):
    lenient = tmp_path / "lenient.xsd"
    lenient.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    hint = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:duijie:exchange:1.0 {lenient.as_uri()}"'
    text = SAMPLE.replace("<soap:Envelope ", f"<soap:Envelope {hint} ", 1).replace(">event<", ">happening<")
    assert refusal(text).faults[0].code is ErrorCode.CODE_UNKNOWN


# -- whatever comes in ------------------------------------------------------------------------------------------------


@st.composite
def mutilated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample with a few bytes changed, left out, doubled or swapped for something pointed."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    data = bytearray(SAMPLES[name])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(("set", "cut", "double", "point", "tear"))):
            case "set":
                data[at : at + 1] = draw(st.binary(max_size=3))
            case "cut":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length]
            case "point":
                data[at:at] = draw(
                    st.sampled_from(
                        (
                            b"<",
                            b">",
                            b"&",
                            b"]]>",
                            b"<![CDATA[",
                            b"<!--",
                            b"\0",
                            b"\xff\xfe",
                            b"&#x0;",
                            b"24:00:00",
                            b"-",
                            b"</ex:form>",
                            b"\xe3\x80\x80",
                        )
                    )
                )
            case "tear":
                del data[at:]
    return name, bytes(data)


content_types = st.sampled_from(
    (
        None,
        "",
        "text/xml",
        "text/xml; charset=utf-8",
        "text/xml; charset=gbk",
        "text/xml;charset=UTF-16",
        'text/xml; charset="x-unknown"',
        "text/html",
        ";;charset==",
    )
)


def read_somehow(name: str, data: bytes, content_type: str | None) -> None:
    side = Side(name.partition("-")[0])
    refused = None
    try:
        wire.parse_request(data, content_type, side, LIMITS)
    except wire.Malformed as error:
        refused = error
    if refused is not None:
        answer = wire.build_faults(refused, side)
        ending = wire.parse_response(answer, "text/xml; charset=utf-8", 500, side, Operation.DELIVER_FORM)
        assert isinstance(ending, Faulted)
        assert ending.fault.code is refused.faults[0].code
    for operation in Operation:
        ending = wire.parse_response(data, content_type, 200, side, operation)
        assert isinstance(ending, Answered | Faulted | Unanswered)
    wire.without_credentials(data)


@settings(max_examples=600)
@given(mutilated(), content_types)
def test_a_mutilated_message_is_read_or_refused_and_nothing_else_happens(message, content_type):
    read_somehow(*message, content_type)


@settings(max_examples=300)
@given(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=200), content_types)
def test_any_bytes_are_refused_and_nothing_else_happens(name, data, content_type):
    read_somehow(name, data, content_type)


values = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30),
    st.sampled_from(
        (
            "-0001-01-01T00:00:00",
            "2026-02-30T00:00:00",
            "9999-12-31T24:00:00",
            "INF",
            "1e999",
            "２",
            "true ",
            "+5",
            "==",
            "=",
        )
    ),
)


@settings(max_examples=400)
@given(name=st.sampled_from(sorted(SAMPLES)), which=st.integers(0, 60), value=values)
def test_any_value_in_any_field_is_read_or_refused_and_nothing_else_happens(name, which, value):
    root = etree.fromstring(SAMPLES[name])
    leaves = [item for item in root.iter() if len(item) == 0]
    leaf = leaves[which % len(leaves)]
    leaf.text = value
    read_somehow(name, etree.tostring(root), None)
