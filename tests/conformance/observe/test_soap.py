"""The judge's own reader understands every sample of the contract, and never breaks on what is none."""

from pathlib import Path

import pytest

from bridge.vocabulary.calls import Answered, Faulted, Unanswered
from bridge.vocabulary.messages import FormMessage, QueryMessage, ReceiptMessage
from conformance.observe.soap import read_request, read_response

SAMPLES = sorted((Path(__file__).parents[3] / "contracts" / "samples").rglob("*.xml"))


def is_response(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "Response" in text or "Fault>" in text


@pytest.mark.parametrize("path", [p for p in SAMPLES if not is_response(p)], ids=lambda p: p.stem)
def test_every_sample_request_is_read(path):
    message = read_request(path.read_bytes())

    assert isinstance(message, FormMessage | ReceiptMessage | QueryMessage)


@pytest.mark.parametrize("path", [p for p in SAMPLES if is_response(p)], ids=lambda p: p.stem)
def test_every_sample_response_is_read(path):
    assert isinstance(read_response(path.read_bytes()), Answered | Faulted)


@pytest.mark.parametrize("junk", [b"", b"<html>", b"<html/>", b"\xff\xfe\x00", b"<a>" * 1000])
def test_what_is_no_envelope_is_said_to_be_none(junk):
    assert read_request(junk) is None
    assert isinstance(read_response(junk), Unanswered)
