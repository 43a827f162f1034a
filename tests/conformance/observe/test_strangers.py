"""The judge's reader of strangers' traffic: what fits the vocabulary is read the same, what does not is put beside it."""

import gzip
import re
import zlib
from datetime import datetime
from pathlib import Path

import pytest
from awkward import CPP, INCLUDE, JAVA, REQUESTS, SAMPLES, Taken, cpp, java

from bridge.vocabulary.parties import Side
from bridge.vocabulary.times import SHANGHAI
from conformance.observe.body import BodyUnreadable, envelope_in
from conformance.observe.soap import hear_request, hear_response, read_request, read_response
from conformance.oracle.trace import Trace

CONTRACT_SAMPLES = Path(__file__).parents[3] / "contracts" / "samples"
REQUEST_SAMPLES = sorted(
    p for p in CONTRACT_SAMPLES.glob("*.xml") if "Response" not in p.name and "fault" not in p.name
)
RESPONSE_SAMPLES = sorted(p for p in CONTRACT_SAMPLES.glob("*.xml") if p not in REQUEST_SAMPLES)
AT = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
HAND_OVER = (CONTRACT_SAMPLES / "urban-DeliverForm-handOver.xml").read_bytes()


def heard(envelope: bytes):
    found = hear_request(envelope)
    assert found is not None
    return found.values


@pytest.mark.parametrize("path", REQUEST_SAMPLES, ids=lambda path: path.stem)
def test_what_fits_the_vocabulary_is_recorded_as_a_run_records_it(path):
    message = read_request(path.read_bytes())
    assert message is not None
    trace = Trace()
    trace.call("grid", "urban", message, AT)
    (record,) = trace

    found = hear_request(path.read_bytes())

    assert found is not None
    assert found.values == {k: v for k, v in record.items() if k not in ("n", "at", "type", "call", "from", "to")}
    assert found.serves is Side(path.name.partition("-")[0])


@pytest.mark.parametrize("path", RESPONSE_SAMPLES, ids=lambda path: path.stem)
def test_an_answer_that_fits_is_recorded_as_a_run_records_it(path):
    trace = Trace()
    trace.answer(1, read_response(path.read_bytes()), AT)

    assert hear_response(path.read_bytes()) == {
        k: v for k, v in trace.records[0].items() if k not in ("n", "at", "type", "call")
    }


def test_what_does_not_fit_stands_beside_the_form_with_its_path():
    text = (CONTRACT_SAMPLES / "urban-DeliverForm-rejection.xml").read_text(encoding="utf-8")
    odd = re.sub(r"<ex:ordinal>\d+<", "<ex:ordinal>第一次<", text)
    odd = re.sub(r"<ex:cause>\w+<", "<ex:cause>because<", odd)

    values = heard(odd.encode())

    assert values["unfit"] == [
        {"field": "form/rejection/ordinal", "value": "第一次"},
        {"field": "form/rejection/cause", "value": "because"},
    ]
    assert "ordinal" not in values["form"]
    assert values["form"]["cause"] == "because"


def test_a_form_without_a_field_is_still_heard():
    odd = re.sub(rb"<ex:address>[^<]*</ex:address>", b"", HAND_OVER)

    assert read_request(odd) is None
    assert "address" not in heard(odd)["form"]
    assert heard(odd)["form"]["description"]


def test_a_form_that_the_contract_does_not_know_is_heard_under_its_name():
    odd = HAND_OVER.replace(b"handOver>", b"takeOver>")

    values = heard(odd)

    assert values["form_type"] == "takeOver"
    assert values["unfit"][0] == {"field": "header/formType", "value": "handOver"}


@pytest.mark.parametrize(
    "envelope",
    [
        b"<html/>",
        b"<weather/>",
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><DeliverForm/></s:Body></s:Envelope>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
    ],
)
def test_other_traffic_is_none_of_ours(envelope):
    assert hear_request(envelope) is None


def test_a_comment_in_a_text_does_not_hide_the_rest_of_it():
    odd = HAND_OVER.replace(b"<ex:address>", "<ex:address>前<!-- x -->后".encode())

    assert heard(odd)["form"]["address"].startswith("前后")


#: Requests as real systems send them, of which a careful receiver takes the form.
TAKEN = {name: row for name, row in REQUESTS.items() if isinstance(row.outcome, Taken)}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("side", SAMPLES)
def test_what_a_careful_receiver_takes_the_judge_hears_too(name, side):
    sample, row = SAMPLES[side], TAKEN[name]
    raw = row.make(sample)

    values = heard(envelope_in(raw.body, raw.content_type, raw.headers.get("Content-Encoding")))

    field, _ = sample.words
    expected = sample.value(field) if row.outcome.words is None else row.outcome.words
    assert values["form"][field] == expected


def test_compressed_bodies_are_unfolded_whatever_their_header_says():
    assert envelope_in(gzip.compress(HAND_OVER)) == envelope_in(HAND_OVER, None, "gzip")
    assert envelope_in(zlib.compress(HAND_OVER), None, "deflate") == envelope_in(HAND_OVER)


def test_a_damaged_compression_is_said_to_be_so():
    with pytest.raises(BodyUnreadable):
        envelope_in(gzip.compress(HAND_OVER)[:-20])


@pytest.mark.parametrize(("write", "kind"), [(java, JAVA), (cpp, CPP)])
def test_of_a_message_in_parts_only_the_envelope_must_be_whole(write, kind):
    sample = SAMPLES[Side.URBAN]
    body = write(sample.having("content", INCLUDE.format("photo")), ("photo", b"damaged \xff\xfe"))

    found = heard(envelope_in(body, kind))
    without_a_header = heard(envelope_in(body[body.index(b"--") :], None))

    assert found["form"]["attachments"][0]["sha256"] == sample.value("sha256")
    assert without_a_header["form"] == found["form"]
