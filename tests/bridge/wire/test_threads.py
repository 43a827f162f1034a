"""Messages are read side by side; what is wrong with one is never told about another."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import contracts
from bridge import wire
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Limits

SAMPLE = (contracts.SAMPLES / "urban-DeliverForm-handOver.xml").read_text(encoding="utf-8")
MISTAKES = [
    (SAMPLE, None),
    (SAMPLE.replace(">event<", ">x<"), "form/handOver/kind"),
    (SAMPLE.replace(">ordinary<", ">x<"), "form/handOver/grade"),
    (SAMPLE.replace(">340202001<", ">x<"), "form/handOver/street"),
]


def place_of_mistake(text: str) -> str | None:
    try:
        wire.parse_request(text.encode(), None, Side.URBAN, Limits())
    except wire.Malformed as error:
        return ",".join(str(fault.field) for fault in error.faults)
    return None


@pytest.mark.parametrize("workers", [8])
def test_readers_in_many_threads_do_not_mix_their_reasons(workers):
    work = MISTAKES * 100
    with ThreadPoolExecutor(workers) as pool:
        assert [place for _, place in work] == list(pool.map(place_of_mistake, [text for text, _ in work]))
