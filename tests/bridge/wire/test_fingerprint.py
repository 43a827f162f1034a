"""Equal content has an equal fingerprint, however it was written; any difference in content shows (RCPT-6)."""

import dataclasses
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import forms, forms_by_type

import contracts
from bridge import wire
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Limits
from simulators.exchange.digests import digest

SAMPLE = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_text(encoding="utf-8")
any_form = st.sampled_from(Direction).flatmap(forms)


def read(text: str, encoding: str = "utf-8"):
    return wire.parse_request(text.encode(encoding), None, Side.URBAN, Limits()).message.form


def test_prefixes_blanks_zones_and_character_sets_do_not_count():
    first = wire.fingerprint(read(SAMPLE))
    other = SAMPLE.replace("ex:", "e:").replace("xmlns:ex=", "xmlns:e=").replace("\n", "\n\t")
    other = other.replace("2026-03-02T09:05:00+08:00", "2026-03-02T01:05:00Z").replace("118.3612", "1.183612E2")
    other = other.replace('encoding="UTF-8"', 'encoding="GBK"')
    assert other != SAMPLE
    assert first == wire.fingerprint(read(other, "gbk"))


def test_the_hop_and_the_attempt_do_not_count():
    other = SAMPLE.replace(":attempt>1<", ":attempt>4<").replace("2026-03-02T09:20:05", "2026-03-02T09:29:05")
    assert wire.fingerprint(read(SAMPLE)) == wire.fingerprint(read(other))


def test_it_is_the_same_in_every_process_and_release():
    assert wire.fingerprint(read(SAMPLE)) == "606ee0ac08f9acb063d475a93a287d6b5ecb9c66582e8fdf4614a8aaab3da255"


@given(any_form)
def test_the_same_content_in_other_words_for_its_moments_is_the_same(form):
    in_utc = {
        field.name: value.astimezone(UTC)
        for field in dataclasses.fields(form)
        if hasattr(value := getattr(form, field.name), "astimezone")
    }
    assert wire.fingerprint(form) == wire.fingerprint(dataclasses.replace(form, **in_utc))


@pytest.mark.parametrize("form_type", FormType)
@settings(max_examples=20)
@given(data=st.data())
def test_any_other_content_is_another_fingerprint(form_type, data):
    one, two = data.draw(forms_by_type[form_type]), data.draw(forms_by_type[form_type])
    assert (one == two) == (wire.fingerprint(one) == wire.fingerprint(two))


@pytest.mark.parametrize("form_type", FormType)
@settings(max_examples=20)
@given(data=st.data())
def test_a_change_of_any_single_field_shows(form_type, data):
    one, two = data.draw(forms_by_type[form_type]), data.draw(forms_by_type[form_type])
    for field in dataclasses.fields(one):
        changed = dataclasses.replace(one, **{field.name: getattr(two, field.name)})
        assert (changed == one) == (wire.fingerprint(changed) == wire.fingerprint(one)), field.name


def test_a_text_cannot_pass_for_the_fields_after_it():
    form = read(SAMPLE)
    one = dataclasses.replace(form, description="a\naddress=1:b", address="c")
    two = dataclasses.replace(form, description="a", address="b\naddress=1:c")
    assert wire.fingerprint(one) != wire.fingerprint(two)


@given(any_form)
@settings(max_examples=200)
def test_the_simulators_name_a_form_by_the_same_digest_from_a_reading_of_their_own(form):
    """The audit of the books holds one against the other (`conformance.ledger`)."""
    assert wire.fingerprint(form) == digest(form)
