"""What is written is read back as the same value, on both sides, and follows the contract."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    faults,
    form_messages,
    forms_by_type,
    headers,
    moments,
    pages,
    query_messages,
    receipt_messages,
    receipts,
)

from bridge import wire
from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.forms import FORMS_BY_DIRECTION
from bridge.vocabulary.messages import FormMessage, Operation
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Limits

LIMITS = Limits()
XML = "text/xml; charset=utf-8"

tokens = st.none() | st.one_of(
    st.builds(wire.Token.with_text, st.just("网格 & <平台>"), st.text("密码&<abc", min_size=1)),
    st.builds(
        wire.Token.with_digest,
        st.just("wuhu-grid"),
        st.text("密码&<abc"),
        nonce=st.binary(min_size=1, max_size=20),
        created_at=moments,
    ),
)


@pytest.mark.parametrize("direction", Direction)
@given(data=st.data(), token=tokens)
def test_a_form_arrives_as_it_was_sent(direction, data, token):
    message = data.draw(form_messages(direction))
    envelope = wire.build_request(message, direction.recipient, token)
    request = wire.parse_request(envelope, XML, direction.recipient, LIMITS)
    assert request == wire.Request(operation=Operation.DELIVER_FORM, message=message, token=token)


@pytest.mark.parametrize(
    ("direction", "form_type"),
    [(direction, form_type) for direction, types in FORMS_BY_DIRECTION.items() for form_type in types],
)
@settings(max_examples=40)
@given(data=st.data())
def test_each_form_of_each_direction_arrives_as_it_was_sent(direction, form_type, data):
    form = data.draw(forms_by_type[form_type])
    header = data.draw(headers(form.case_number, form_type))
    message = FormMessage(header=header, form=form)
    envelope = wire.build_request(message, direction.recipient, None)
    assert message == wire.parse_request(envelope, None, direction.recipient, LIMITS).message


@given(side=st.sampled_from(Side), message=receipt_messages)
def test_a_receipt_as_a_call_arrives_as_it_was_sent(side, message):
    request = wire.parse_request(wire.build_request(message, side, None), XML, side, LIMITS)
    assert (request.operation, request.message) == (Operation.DELIVER_RECEIPT, message)


@given(side=st.sampled_from(Side), message=query_messages)
def test_a_query_arrives_as_it_was_sent(side, message):
    request = wire.parse_request(wire.build_request(message, side, None), XML, side, LIMITS)
    assert (request.operation, request.message) == (Operation.QUERY_CASES, message)


@given(side=st.sampled_from(Side), receipt=st.none() | receipts())
def test_the_answer_to_a_form_arrives_as_it_was_given(side, receipt):
    answered = Answered(receipt=receipt)
    data = wire.build_response(Operation.DELIVER_FORM, side, answered)
    assert answered == wire.parse_response(data, XML, 200, side, Operation.DELIVER_FORM)


@given(side=st.sampled_from(Side), page=pages)
def test_a_page_arrives_as_it_was_given(side, page):
    answered = Answered(page=page)
    data = wire.build_response(Operation.QUERY_CASES, side, answered)
    assert answered == wire.parse_response(data, XML, 200, side, Operation.QUERY_CASES)


@pytest.mark.parametrize("side", Side)
def test_the_answer_to_a_receipt_is_empty(side):
    data = wire.build_response(Operation.DELIVER_RECEIPT, side, Answered())
    assert Answered() == wire.parse_response(data, XML, 200, side, Operation.DELIVER_RECEIPT)


@given(side=st.sampled_from(Side), fault=faults, status=st.sampled_from((200, 500)))
def test_a_fault_arrives_as_it_was_given_under_either_status(side, fault, status):
    data = wire.build_fault(fault, side)
    assert Faulted(fault=fault) == wire.parse_response(data, XML, status, side, Operation.DELIVER_FORM)
