"""Whatever comes in, SOAP goes out, a refused message changes nothing, and a taken one is read by everybody alike.

In the ordinary run a few hundred inputs a door; `tox -e fuzz` tries at least 100,000 and prints how many, from which seed.
One round is a test of its own, so that the one command which repeats a failure takes seconds; it makes the example small too:

    FUZZ_INPUTS=100000 FUZZ_SEED=1 FUZZ_SHRINK=1 pytest 'tests/fuzz/test_fuzz.py::…[bridge-urban-grammar-17]'
"""

import os
import time
from pathlib import Path

import pytest
import readers
from envelopes import any_request
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from parties import DOORS, PARTIES, SMALL, Bridge, Party
from tally import TALLY
from wsgi_requests import Request

from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Side

#: Inputs in all; none asked for is the short run of the ordinary tests.
INPUTS = int(os.environ.get("FUZZ_INPUTS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
#: Seconds after which no further round is begun; 0 for no limit. What was not tried is skipped, and not counted.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
#: Making a failing example small can take minutes, so it is done when somebody looks at one.
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("FUZZ_SHRINK") else (Phase.generate,)

BEGAN = time.monotonic()
KINDS = ("grammar", "bytes")
#: One example is a few requests to one party, so that what comes first can matter to what comes later.
REQUESTS = 8
EXAMPLES = 100 if INPUTS else 15
ROUNDS = -(-INPUTS // (len(DOORS) * len(KINDS) * EXAMPLES * REQUESTS)) or 1

#: Resident memory may grow by so much after the first rounds of a process; what a message leaves behind would be far more.
GROWTH_BYTES = 64 * 1024 * 1024
WARM_ROUNDS = 4


def tried(party: Party, side: Side, request: Request) -> str:
    """Bring one request to a party, check what must hold, and say what became of it."""
    before = party.books()
    outcome = party.call(side, request)
    if request.method != "POST" and not outcome.reply.is_soap:
        assert party.books() == before
        return "looks"
    readers.assert_soap(outcome.reply)
    if outcome.refused or not isinstance(outcome.message, FormMessage):
        assert party.books() == before, (outcome, request)
        word = "refused" if outcome.refused else "answered"
    else:
        assert party.held(outcome.message), outcome.message
        # The other implementation knows nothing of the one that took it.
        other = readers.by_simulator if isinstance(party, Bridge) else readers.by_bridge
        reading, _ = other(side, request)
        assert reading.taken in ([], [outcome.message]), (reading.taken, outcome.message)
        word = "taken" if reading.taken else "taken by one reader alone"
    party.settle()
    return word


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "side"), DOORS)
def test_whatever_comes_in_soap_goes_out_and_a_refusal_changes_nothing(
    name: str, side: Side, kind: str, number: int
) -> None:
    if SECONDS and time.monotonic() - BEGAN > SECONDS:
        pytest.skip(f"the {SECONDS} seconds are over")

    @seed(f"{SEED}/{name}/{side}/{kind}/{number}")
    @settings(
        max_examples=EXAMPLES,
        derandomize=False,
        database=None,
        deadline=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(any_request(kind, side), min_size=REQUESTS, max_size=REQUESTS))
    def round_of_inputs(requests: list[Request]) -> None:
        party = PARTIES[name](SMALL)
        try:
            for request in requests:
                TALLY[tried(party, side, request)] += 1
        finally:
            party.close()

    round_of_inputs()
    assert_memory_is_bounded()


_first: dict[str, int] = {}


def assert_memory_is_bounded() -> None:
    """Compare with this process's memory after its first rounds."""
    here = Path("/proc/self/statm")
    if not here.exists():
        return
    resident = int(here.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    _first["rounds"] = _first.get("rounds", 0) + 1
    if _first["rounds"] <= WARM_ROUNDS:
        _first["bytes"] = resident
    assert resident - _first["bytes"] < GROWTH_BYTES
