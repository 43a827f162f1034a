"""Foreign stacks, built from the contract alone, talk to our parties as the pages for vendors say (XCHG-1).

Each page under docs/clients is followed to the letter, once; what crossed the wire is recorded on every hop and looked at afterwards.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from basic_profile import MESSAGE_RULES, Sent
from exchanges_seen import SEEN
from recorder import Exchange
from second_engine import envelope_errors
from steps import ROOT, Step, Walk, steps

from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode, ReceiptOutcome
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import FormMessage, ReceiptMessage
from bridge.vocabulary.parties import Party
from conformance.observe.soap import read_request, read_response
from duijie.pair import Remote

pytestmark = [pytest.mark.foreign, pytest.mark.live]

PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "clients").glob("*.md"))}
#: How each stack names itself on the wire.
AGENTS = {"java": "JAX-WS RI", "node": "node-soap", "php": "PHP-SOAP"}
#: Runs of the client on each page that go to their end: to the simulator, and through the bridge.
CLIENT_RUNS = {"java": 3, "node": 2, "php": 2}
PEERS = ("node", "php")
#: The forms of the two lives that each peer's page has.
LIVES = {
    "handOver": 2,
    "filingResult": 3,
    "dispatch": 3,
    "stageProgress": 8,
    "verificationRequest": 6,
    "verificationResult": 6,
    "rejection": 4,
    "closing": 2,
}
#: Seconds for what is under way to arrive.
PATIENCE = 30.0
PHOTO = (ROOT / "examples" / "roadside.png").read_bytes()


@dataclass
class Walked:
    """A page that was followed to its end, and the books of our parties as they stood then."""

    name: str
    calls: list[Exchange]
    grid_cases: list[dict] = field(default_factory=list)
    bridge_cases: list[dict] = field(default_factory=list)
    parked: list = field(default_factory=list)

    @property
    def foreign(self) -> list[Exchange]:
        """Exchanges that the foreign stack began."""
        return [call for call in self.calls if AGENTS[self.name] in call.request_headers.get("user-agent", "")]

    @property
    def brought(self) -> list[Exchange]:
        """Exchanges that the bridge began with the foreign stack, which it took for the urban platform: all that belong to the grid's cases."""
        from_bridge = [
            call for call in self.calls if call.hop == "8102" and "duijie" in call.request_headers["user-agent"]
        ]
        ours = numbers(self.grid_cases)
        return [call for call in from_bridge if read_request(call.request).header.case_number in ours]


def walked_to_the_end(name: str, walk: Walk) -> Walked:
    if name not in PEERS:
        return Walked(name, walk.calls)
    grid, bridge = walk.control(Party.GRID, 8111), walk.control(Party.BRIDGE, 8110)
    try:
        # The grid platform has closed its cases; the last forms and receipts may still be on their way.
        wait_until(lambda: Counter(map(form_type, received(crossed(books(bridge), books(grid))))) == LIVES)
        return Walked(
            name,
            walk.calls,
            grid_cases=books(grid),
            bridge_cases=books(bridge),
            parked=[*grid.ask("parked", {}), *bridge.ask("parked", {})],
        )
    finally:
        grid.close()
        bridge.close()


def books(party: Remote) -> list[dict]:
    return [party.ask("case", {"case": each["case_number"]}) for each in party.ask("cases", {})]


def crossed(bridge_cases: list[dict], grid_cases: list[dict]) -> list[dict]:
    """The bridge's view of the grid platform's cases; it has those of the clients too."""
    return [case for case in bridge_cases if case["case_number"] in numbers(grid_cases)]


def received(cases: list[dict]) -> list[dict]:
    """All forms of these cases whose receipt is known."""
    return [delivery for case in cases for delivery in case["deliveries"] if delivery["receipt"] is not None]


def form_type(delivery: dict) -> str:
    return delivery["form_type"]


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a while; what is then not as it should be shows in the books."""
    deadline = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.fixture(scope="module", params=PAGES)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    walk = Walk(tmp_path_factory.mktemp(request.param))
    try:
        walk.follow(PAGES[request.param])
        seen = walked_to_the_end(request.param, walk)
    finally:
        walk.end()
    SEEN[request.param] = tally(seen)
    return seen


@pytest.fixture(scope="module", params=PEERS)
def walked_with_receipts_by_call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The part of the page in which the foreign stack is the urban platform, with every receipt a call of its own."""
    every = steps(PAGES[request.param])
    stop = next(index for index, step in enumerate(every) if step.kind == "stop")
    before = [step for step in every[:stop] if step.kind == "run" and "client" not in step.text]
    bridge = [step for step in every[:stop] if step.kind == "serve" and step.port == 8100]
    undone = Step("run", None, "sed -i 's/receipts: response/receipts: call/' city.yaml")
    walk = Walk(tmp_path_factory.mktemp(f"{request.param}-call"), {"DUIJIE_RECEIPTS": "call"})
    try:
        for step in (*before, undone, *bridge, *every[stop + 1 :]):
            walk.do(step)
        seen = walked_to_the_end(request.param, walk)
    finally:
        walk.end()
    SEEN[f"{request.param}, receipts by call"] = tally(seen)
    return seen


def tally(seen: Walked) -> "Counter[str]":
    return Counter(
        exchanges=len(seen.foreign) + len(seen.brought),
        handed_over=sum(is_confirmed_hand_over(call) for call in clients_calls(seen)),
        closed=sum(case["state"] == "closed" for case in seen.grid_cases),
    )


# ── the clients ─────────────────────────────────────────────────────────────────────────────────────


def is_confirmed_hand_over(call: Exchange) -> bool:
    ending = read_response(call.response)
    if not isinstance(ending, Answered) or ending.receipt is None:
        return False
    return (ending.receipt.form_type, ending.receipt.outcome) == (FormType.HAND_OVER, ReceiptOutcome.CONFIRMED)


def clients_calls(walked: Walked) -> list[Exchange]:
    """What the client did; the foreign urban platform calls the bridge at /grid."""
    return [call for call in walked.foreign if not call.path.endswith("/grid")]


def test_a_case_with_its_photo_is_handed_over_and_confirmed(walked):
    confirmed = [call for call in clients_calls(walked) if is_confirmed_hand_over(call)]
    assert len(confirmed) == CLIENT_RUNS[walked.name]
    assert {call.hop for call in confirmed} == {"8100", "8102"}
    digest = sha256(PHOTO).hexdigest().encode()
    assert all(digest in call.request for call in confirmed)


def test_what_was_handed_over_is_found_by_query_with_the_photo_as_it_was(walked):
    pages = [
        ending.page
        for call in clients_calls(walked)
        if isinstance(ending := read_response(call.response), Answered) and ending.page is not None
    ]
    assert len(pages) >= CLIENT_RUNS[walked.name]
    photos = {each.content for page in pages for case in page.cases for each in case.hand_over.attachments}
    assert photos == {PHOTO}


def test_a_bad_form_gets_an_error_receipt_that_names_the_field(walked):
    refused = [
        ending.receipt.fault
        for call in clients_calls(walked)
        if isinstance(ending := read_response(call.response), Answered) and ending.receipt and ending.receipt.fault
    ]
    assert len(refused) == CLIENT_RUNS[walked.name]
    assert {fault.code for fault in refused} <= {ErrorCode.CODE_UNKNOWN, ErrorCode.SCHEMA_INVALID}
    assert {fault.field for fault in refused} <= {"form/handOver/grade", "form/handOver/category"}


def test_a_wrong_password_gets_the_typed_fault_under_status_500(walked):
    faulted = [call for call in clients_calls(walked) if isinstance(read_response(call.response), Faulted)]
    assert len(faulted) == CLIENT_RUNS[walked.name]
    for call in faulted:
        assert call.status == 500
        assert read_response(call.response).fault.code == ErrorCode.NOT_AUTHENTICATED


def test_tokens_come_as_digest_and_as_text(walked):
    kinds = {kind for call in clients_calls(walked) for kind in re.findall(rb"#Password(Text|Digest)", call.request)}
    assert kinds == {b"Text", b"Digest"}


@pytest.mark.parametrize("walked", ["java"], indirect=True)
def test_metro_sends_the_photo_as_a_part_of_its_own_to_simulator_and_bridge(walked):
    parts = [call for call in walked.foreign if call.request_headers["content-type"].startswith("multipart/related")]
    photos = [call for call in parts if PHOTO in call.request]
    assert {call.hop for call in photos} == {"8100", "8102"}
    assert all(b"xop:Include" in call.request for call in photos)


# ── the wire ────────────────────────────────────────────────────────────────────────────────────────


def test_what_our_parties_said_keeps_the_basic_profile(walked):
    """Rule by rule, and by a second engine (tests/basic_profile.py)."""
    said = [Sent(call, is_request=False) for call in walked.calls if call not in walked.brought]
    said += [Sent(call, is_request=True) for call in walked.calls if call not in walked.foreign]
    broken = [violation for sent in said for rule in MESSAGE_RULES.values() for violation in rule.violations(sent)]
    assert broken == []


def test_what_the_foreign_stack_said_is_as_the_contract_has_it(walked):
    # Parts of MTOM are no envelope, and the bad form is bad on purpose.
    plain = [call for call in walked.foreign if call.request_headers["content-type"].startswith("text/xml")]
    said = [call.request for call in plain if not is_refused(call)] + [call.response for call in walked.brought]
    assert [error for envelope in said for error in envelope_errors(envelope)] == []


def is_refused(call: Exchange) -> bool:
    ending = read_response(call.response)
    return isinstance(ending, Answered) and ending.receipt is not None and ending.receipt.fault is not None


# ── the peers ───────────────────────────────────────────────────────────────────────────────────────


def assert_whole_lives(walked: Walked) -> None:
    """A plain life, and one with four rejections, the last of which leads to a new filing (INT-8), closed on all sides."""
    assert sorted(case["filing_ordinal"] for case in walked.grid_cases) == [1, 2]
    assert {case["state"] for case in walked.grid_cases} == {"closed"}
    cases = crossed(walked.bridge_cases, walked.grid_cases)
    assert {case["stage"] for case in cases} == {"closed"}
    forms = received(cases)
    assert Counter(map(form_type, forms)) == LIVES
    assert {form["state"] for form in forms} == {"confirmed"}
    # Nothing had to be sent a second time.
    assert {form["attempts"] for form in forms} == {1}
    assert walked.parked == []


def numbers(cases: list[dict]) -> set[str]:
    return {case["case_number"] for case in cases}


@pytest.mark.parametrize("walked", PEERS, indirect=True)
def test_a_foreign_urban_platform_completes_whole_lives_behind_the_bridge(walked):
    assert_whole_lives(walked)
    brought = Counter(type(read_request(call.request)) for call in walked.brought)
    # Forms of the grid platform; receipts come back in the responses.
    assert brought == {FormMessage: 14}


def test_it_does_so_when_every_receipt_is_a_call_of_its_own(walked_with_receipts_by_call):
    assert_whole_lives(walked_with_receipts_by_call)
    brought = Counter(type(read_request(call.request)) for call in walked_with_receipts_by_call.brought)
    given = Counter(type(read_request(call.request)) for call in walked_with_receipts_by_call.foreign)
    assert brought == {FormMessage: 14, ReceiptMessage: 20}
    assert given == {FormMessage: 20, ReceiptMessage: 14}
