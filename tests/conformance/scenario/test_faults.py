"""Which message a fault hits: by ordinal, attempt and hop, the same for the virtual network and the live proxies."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from bridge.vocabulary.calls import Answered, Ending
from bridge.vocabulary.codes import ReceiptOutcome
from bridge.vocabulary.forms import FormType, Withdrawal
from bridge.vocabulary.messages import FormMessage, Header, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.scenario.faults import (
    CUT,
    RESTORE,
    Fate,
    Fault,
    FaultPlan,
    FaultRule,
    FaultWhat,
    Hop,
    Noise,
    Reply,
    fault,
    faults,
    is_overtaken,
    kinds,
    rule_record,
)
from conformance.scenario.load import loads_scenario
from conformance.scenario.words import catalogue
from located_yaml import DocumentInvalid

NOW = datetime(2026, 3, 2, 9, tzinfo=SHANGHAI)
CASE, OTHER = "340202-20260302-000001", "340202-20260302-000002"
GRID, BRIDGE, URBAN = Party.GRID, Party.BRIDGE, Party.URBAN


def form(id_: str = "urn:uuid:1", case: str = CASE) -> FormMessage:
    header = Header(
        message_id=id_,
        sender="g",
        recipient="u",
        case_number=case,
        form_type=FormType.WITHDRAWAL,
        attempt=1,
        sent_at=NOW,
    )
    return FormMessage(header=header, form=Withdrawal(case_number=case, reason="误报", withdrawn_at=NOW))


def receipt(id_: str = "urn:uuid:1", case: str = CASE) -> Receipt:
    return Receipt(
        case_number=case,
        form_message_id=id_,
        form_type=FormType.WITHDRAWAL,
        outcome=ReceiptOutcome.CONFIRMED,
        decided_at=NOW,
    )


def receipt_call(id_: str = "urn:uuid:1", case: str = CASE) -> ReceiptMessage:
    return ReceiptMessage(header=form(id_, case).header, receipt=receipt(id_, case))


def plan(**rule: object) -> FaultPlan:
    made = FaultPlan()
    made.add(FaultRule(**({"kind": "lose", "of": FormType.WITHDRAWAL} | rule)))  # type: ignore[arg-type]
    return made


def test_a_form_is_lost_once_on_the_hop_into_its_recipient() -> None:
    net = plan()
    assert net.of_call(GRID, BRIDGE, form()).fate is Fate.PASS
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.LOSE
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.PASS
    assert net.pending == ()


def test_the_first_hop_can_be_chosen() -> None:
    net = plan(hop=Hop.FIRST)
    assert net.of_call(GRID, BRIDGE, form()).fate is Fate.LOSE
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.PASS


def test_without_a_bridge_the_one_hop_is_both() -> None:
    assert plan(hop=Hop.FIRST).of_call(GRID, URBAN, form()).fate is Fate.LOSE
    assert plan(hop=Hop.LAST).of_call(GRID, URBAN, form()).fate is Fate.LOSE


def test_ordinals_count_distinct_forms_and_not_sendings() -> None:
    net = plan(nth=2)
    for _ in range(3):
        assert net.of_call(GRID, URBAN, form("urn:uuid:1")).fate is Fate.PASS
    assert net.of_call(GRID, URBAN, form("urn:uuid:2")).fate is Fate.LOSE


def test_ordinals_count_for_each_case() -> None:
    net = plan(nth=2, case=CASE)
    net.of_call(GRID, URBAN, form("urn:uuid:1", OTHER))
    assert net.of_call(GRID, URBAN, form("urn:uuid:2", OTHER)).fate is Fate.PASS
    net.of_call(GRID, URBAN, form("urn:uuid:3"))
    assert net.of_call(GRID, URBAN, form("urn:uuid:4")).fate is Fate.LOSE


def test_an_attempt_is_counted_on_its_own_hop() -> None:
    net = plan(attempt=2)
    net.of_call(GRID, BRIDGE, form())
    net.of_call(GRID, BRIDGE, form())
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.PASS
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.LOSE
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.PASS


def test_every_attempt_goes_on_for_ever() -> None:
    net = plan(every=True)
    assert {net.of_call(GRID, URBAN, form()).fate for _ in range(9)} == {Fate.LOSE}


def test_a_receipt_of_its_own_is_lost_on_the_hop_out_of_its_giver() -> None:
    net = plan(what=FaultWhat.RECEIPT)
    net.of_call(GRID, BRIDGE, form())
    net.of_call(BRIDGE, URBAN, form())
    assert net.of_call(URBAN, BRIDGE, receipt_call()).fate is Fate.LOSE
    assert net.of_call(BRIDGE, GRID, receipt_call()).fate is Fate.PASS


def test_a_receipt_in_the_response_is_lost_with_the_response() -> None:
    net = plan(what=FaultWhat.RECEIPT)
    assert net.of_call(GRID, URBAN, form()).fate is Fate.PASS
    assert net.of_answer(GRID, URBAN, form(), Answered(receipt=receipt())).fate is Fate.LOSE_ANSWER


@pytest.mark.parametrize("ending", [Answered(), Answered(receipt=receipt("urn:uuid:9"))])
def test_an_answer_without_the_receipt_is_left_alone(ending: Ending) -> None:
    net = plan(what=FaultWhat.RECEIPT)
    net.of_call(GRID, URBAN, form())
    assert net.of_answer(GRID, URBAN, form(), ending).fate is Fate.PASS


def test_a_delayed_receipt_in_a_response_is_a_lost_one() -> None:
    net = plan(what=FaultWhat.RECEIPT, kind="delay", seconds=60)
    net.of_call(GRID, URBAN, form())
    assert net.of_answer(GRID, URBAN, form(), Answered(receipt=receipt())).fate is Fate.LOSE_ANSWER


def test_the_answer_to_a_form_is_lost_whatever_it_holds() -> None:
    assert plan(what=FaultWhat.ANSWER).of_call(GRID, URBAN, form()).fate is Fate.LOSE_ANSWER


@pytest.mark.parametrize(("kind", "fate"), [("repeat", Fate.REPEAT), ("delay", Fate.DELAY), ("crash", Fate.CRASH)])
def test_each_kind_has_its_fate(kind: str, fate: Fate) -> None:
    decision = plan(kind=kind, seconds=600).of_call(GRID, URBAN, form())
    assert (decision.fate, decision.seconds) == (fate, 600)


ALL = pytest.mark.parametrize("met", faults().values(), ids=lambda met: met.name)


def test_a_file_is_all_that_a_fault_needs() -> None:
    files = {path.stem for path in Path(kinds.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == set(faults())
    assert {f"network.{name}" for name in files} <= set(catalogue())
    noisy = {name for name, met in faults().items() if met.noisy}
    assert noisy | {"seed", "up_to"} == set(catalogue()["network.noise"].params)


@ALL
def test_a_fault_says_in_both_languages_what_it_is_and_does(met: Fault) -> None:
    for zh, en in ((met.zh, met.en), (met.means_zh, met.means_en), (met.told_zh, met.told_en)):
        assert re.search("[一-鿿]", zh)
        assert not re.search("[一-鿿]", en)


@ALL
def test_whatever_happens_to_an_answer_the_message_has_arrived(met: Fault) -> None:
    for what in {FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER} & set(met.hits):
        assert met.fate_of(what) in (Fate.LOSE_ANSWER, Fate.REPEAT)


@ALL
def test_a_fault_hits_each_message_that_it_can_hit_and_no_other(met: Fault) -> None:
    for what in met.hits:
        net = plan(kind=met.name, what=what, seconds=600, hop=Hop.FIRST)
        of_form = net.of_call(GRID, URBAN, form())
        of_receipt = net.of_call(URBAN, GRID, receipt_call())
        hit, other = (of_form, of_receipt) if what in (FaultWhat.FORM, FaultWhat.ANSWER) else (of_receipt, of_form)
        assert (hit.fate, hit.kind) == (met.fate_of(what), met.name)
        assert other.fate is Fate.PASS
        assert net.pending == ()


# ── what the caller sees ──

ANSWER = Reply(
    200, "OK", (("Content-Type", "text/xml; charset=utf-8"), ("X-Served-By", "urban")), b"<a>" + b"x" * 90 + b"</a>"
)


def sent(name: str, reply: Reply | None = ANSWER, **params: int) -> bytes:
    return b"".join(fault(name).ruin(reply, params).pieces)


@ALL
def test_no_ruin_of_an_answer_is_the_answer(met: Fault) -> None:
    if met.fate is not Fate.REPEAT:
        assert sent(met.name) != ANSWER.whole()
        assert ANSWER.whole().startswith(sent(met.name)) or met.name in ("mislabel", "tear", "proxy_page")


@ALL
def test_where_nothing_was_answered_nothing_of_an_answer_can_be_seen(met: Fault) -> None:
    assert b"<a>" not in sent(met.name, None)


def test_each_ruin_is_what_it_says() -> None:
    assert sent("lose") == sent("hang_up") == sent("silence") == b""
    assert (fault("lose").ruin(None, {}).resets, fault("hang_up").ruin(None, {}).resets) == (True, False)
    assert fault("silence").ruin(None, {}).stays
    head, _, body = sent("halve").partition(b"\r\n\r\n")
    assert (b"Content-Length: 97" in head, body) == (True, ANSWER.body[:48])
    head, _, body = sent("mislabel").partition(b"\r\n\r\n")
    assert (b"Content-Length: 48" in head, body) == (True, ANSWER.body)
    head, _, body = sent("tear").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body.startswith(b"30\r\n" + ANSWER.body[:48] + b"\r\n31\r\n")
    assert not body.endswith(b"0\r\n\r\n")
    drops = fault("trickle").ruin(ANSWER, {})
    assert {len(piece) for piece in drops.pieces} == {1}
    assert b"".join(drops.pieces) == ANSWER.whole()[:-1]
    assert drops.pause_seconds * len(drops.pieces) > 30


@pytest.mark.parametrize("status", [None, 200, 404, 503])
def test_a_proxy_s_page_is_whole_and_html(status: int | None) -> None:
    page = sent("proxy_page", ANSWER, **({} if status is None else {"status": status}))
    head, _, body = page.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status or 502} ".encode())
    assert b"Content-Type: text/html" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"X-Served-By" not in head


def test_one_half_of_a_request_is_the_first_half() -> None:
    arriving = fault("halve").arriving
    assert arriving is not None
    assert arriving(b"0123456789") == b"01234"


# ── changing places ──


def test_a_held_message_is_overtaken_by_another_case_or_the_other_way_and_by_nothing_else() -> None:
    held = (BRIDGE, URBAN, form("urn:uuid:1", CASE))
    assert is_overtaken(held, (BRIDGE, URBAN, form("urn:uuid:2", OTHER)))
    assert is_overtaken(held, (URBAN, BRIDGE, form("urn:uuid:2", CASE)))
    assert is_overtaken(held, (URBAN, BRIDGE, receipt_call("urn:uuid:3", CASE)))
    assert not is_overtaken(held, (BRIDGE, URBAN, form("urn:uuid:1", CASE)))
    assert not is_overtaken(held, (BRIDGE, URBAN, form("urn:uuid:2", CASE)))
    assert not is_overtaken(held, (GRID, BRIDGE, form("urn:uuid:2", OTHER)))


# ── noise ──


def noisy(seed: int = 7, **shares: float) -> FaultPlan:
    made = FaultPlan()
    made.add(Noise(seed=seed, shares=shares))
    return made


def fates(net: FaultPlan, numbers: list[int]) -> dict[int, tuple[Fate, int]]:
    found = {}
    for number in numbers:
        decision = net.of_call(GRID, BRIDGE, form(f"urn:uuid:{number}", f"340202-20260302-{number:06}"))
        found[number] = (decision.fate, decision.seconds)
    return found


def test_noise_hangs_on_what_a_message_is_and_not_on_ids_or_the_order_of_arrival() -> None:
    numbers = list(range(300))
    there = fates(noisy(lose=10, delay=10), numbers)
    assert there == fates(noisy(lose=10, delay=10), numbers[::-1])
    renamed = noisy(lose=10, delay=10)
    for number in numbers:
        decision = renamed.of_call(GRID, BRIDGE, form(f"urn:uuid:other-{number}", f"340202-20260302-{number:06}"))
        assert (decision.fate, decision.seconds) == there[number]
    assert there != fates(noisy(8, lose=10, delay=10), numbers)


def test_noise_hits_as_many_as_it_says() -> None:
    found = [fate for fate, _ in fates(noisy(lose=10, repeat=5), list(range(4000))).values()]
    hit = {fate: found.count(fate) / 40 for fate in set(found)}
    assert hit[Fate.LOSE] + hit[Fate.LOSE_ANSWER] == pytest.approx(10, abs=2)
    assert hit[Fate.REPEAT] == pytest.approx(5, abs=1.5)
    assert hit[Fate.LOSE] == pytest.approx(hit[Fate.LOSE_ANSWER], abs=2)


def test_each_sending_and_each_hop_draws_anew() -> None:
    net = noisy(lose=50)
    assert {net.of_call(GRID, BRIDGE, form()).fate for _ in range(40)} == {Fate.PASS, Fate.LOSE, Fate.LOSE_ANSWER}
    one, other = noisy(lose=50), noisy(lose=50)
    here = [one.of_call(GRID, BRIDGE, form()).fate for _ in range(40)]
    assert here != [other.of_call(BRIDGE, URBAN, form()).fate for _ in range(40)]


def test_a_rule_comes_before_the_noise_and_calm_ends_it() -> None:
    net = noisy(lose=100)
    net.add(FaultRule(kind="repeat", of=FormType.WITHDRAWAL, hop=Hop.FIRST))
    assert net.of_call(GRID, BRIDGE, form()).fate is Fate.REPEAT
    assert net.of_call(GRID, BRIDGE, form()).fate in (Fate.LOSE, Fate.LOSE_ANSWER)
    net.add(Noise())
    assert net.of_call(GRID, BRIDGE, form()).fate is Fate.PASS


def test_noise_holds_a_message_back_no_longer_than_it_says() -> None:
    net = FaultPlan()
    net.add(Noise(seed=1, shares={"delay": 100}, up_to_seconds=90))
    waits = [decision.seconds for _ in range(200) if (decision := net.of_call(GRID, BRIDGE, form())).fate is Fate.DELAY]
    assert min(waits) >= 1
    assert 60 < max(waits) <= 90


def test_what_the_network_was_told_is_on_record() -> None:
    assert rule_record(Noise(seed=3, shares={"lose": 2.0})) == {
        "kind": "noise",
        "seed": 3,
        "shares": {"lose": 2.0},
        "up_to_seconds": 600,
    }
    assert rule_record(Noise())["kind"] == "calm"
    assert rule_record(FaultRule(kind="lose", of=FormType.DISPATCH)) == {
        "kind": "lose",
        "what": "form",
        "of": "dispatch",
        "nth": 1,
    }


# ── in a scenario ──


def story(step: str, setting: str = "") -> object:
    head = 'format: "1.0"\ntitle: {zh: 标题, en: A title}\nclauses: [RCPT-5]\n'
    return loads_scenario(
        f"{head}{setting}steps:\n  - given: {{case: c1, at: filed}}\n  - {step}\n  - expect.parked: {{party: grid, case: c1, count: 0}}\n"
    )


def test_a_story_in_which_somebody_waits_in_vain_shortens_everybody_s_patience() -> None:
    def patience(step: str, setting: str = "") -> int:
        return story(step, setting).profile.delivery.answer_timeout_seconds  # type: ignore[attr-defined,no-any-return]

    assert patience('network.lose: "dispatch #1"') == 30
    assert patience('network.trickle: "answer of dispatch #1"') == 4
    assert patience("network.noise: {seed: 1, silence: 2%}") == 4
    assert patience('network.silence: "dispatch #1"', "profile: {delivery.answer_timeout_seconds: 5}\n") == 5


@pytest.mark.parametrize("step", ['network.trickle: "dispatch #1"', "network.tear: {what: receipt, of: dispatch}"])
def test_a_fault_of_answers_is_not_told_of_forms(step: str) -> None:
    with pytest.raises(DocumentInvalid, match="cannot happen to"):
        story(step)


def test_a_party_that_is_cut_off_is_reached_by_nobody_until_it_is_restored() -> None:
    net = FaultPlan()
    net.add(FaultRule(kind=CUT, party=URBAN))
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.NOT_REACHED
    assert net.of_call(URBAN, BRIDGE, receipt_call()).fate is Fate.NOT_REACHED
    assert net.of_call(GRID, BRIDGE, form()).fate is Fate.PASS
    net.add(FaultRule(kind=RESTORE, party=URBAN))
    assert net.of_call(BRIDGE, URBAN, form()).fate is Fate.PASS


def test_a_form_that_never_left_counts_for_no_ordinal() -> None:
    net = plan(nth=1)
    net.add(FaultRule(kind=CUT, party=URBAN))
    net.of_call(GRID, URBAN, form("urn:uuid:1"))
    net.add(FaultRule(kind=RESTORE, party=URBAN))
    assert net.of_call(GRID, URBAN, form("urn:uuid:2")).fate is Fate.LOSE
