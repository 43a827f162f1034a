"""The virtual stage keeps what the stage protocol promises, and the network does what it is told."""

from dataclasses import replace
from datetime import timedelta
from time import process_time

import pytest

from bridge.vocabulary.calls import Answered, Faulted
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CaseQuery
from bridge.vocabulary.parties import Party, Side
from bridge.vocabulary.profile import PasswordType, Profile, ReceiptMode
from conformance.scenario import forge
from conformance.scenario.faults import CUT, RESTORE, FaultRule, FaultWhat, Hop
from conformance.scenario.judged import judged
from conformance.scenario.load import loads_scenario
from conformance.scenario.profile import PARTY_KEYS, apply_settings, base_profile
from conformance.scenario.runner import play
from conformance.scenario.stage import SETTLE_WINDOW, START, Stage, StageRefused
from conformance.scenario.steps import Quirkiness, Wiring
from duijie.virtual import VirtualStage

WIRINGS = pytest.mark.parametrize("wiring", list(Wiring))


def stage(
    wiring: Wiring = Wiring.BRIDGED, profile: Profile | None = None, seed: int = 0, **kinds: Quirkiness
) -> VirtualStage:
    return VirtualStage(profile or base_profile(), wiring, seed, kinds.get("quirks", Quirkiness()))


def reported(pair: Stage, description: str = "路边垃圾") -> str:
    params = {"category": "01", "subcategory": "02", "description": description, "photos": ["roadside"]}
    number = str(pair.act(Party.GRID, "worker.report", params)["case"])
    pair.settle()
    return number


def handed_over(pair: Stage, description: str = "路边垃圾") -> str:
    number = reported(pair, description)
    pair.act(Party.GRID, "workstation.hand_over", {"case": number})
    pair.settle()
    return number


def lose(what: FaultWhat = FaultWhat.FORM, kind: str = "lose", **values: object) -> FaultRule:
    return FaultRule(**({"kind": kind, "what": what, "of": FormType.HAND_OVER} | values))  # type: ignore[arg-type]


def outcomes(pair: Stage) -> list[str]:
    return [record["outcome"] for record in pair.trace.of_type("answer")]


@WIRINGS
def test_nothing_moves_before_the_stage_settles(wiring: Wiring) -> None:
    pair = stage(wiring)
    number = reported(pair)
    pair.act(Party.GRID, "workstation.hand_over", {"case": number})
    assert pair.trace.of_type("call") == []
    pair.settle()
    assert pair.trace.of_type("call") != []
    assert pair.now == START


@WIRINGS
def test_a_settled_stage_has_every_call_answered(wiring: Wiring) -> None:
    pair = stage(wiring)
    handed_over(pair)
    assert len(pair.trace.of_type("call")) == len(pair.trace.of_type("answer"))


def test_settling_fires_near_timers_and_leaves_far_ones() -> None:
    pair = stage()
    pair.fault(lose())
    handed_over(pair)
    due = pair.next_timer()
    assert due is not None
    assert due > START + SETTLE_WINDOW
    assert pair.now <= START + SETTLE_WINDOW


def test_the_clock_never_goes_back_and_timers_fire_on_its_way() -> None:
    pair = stage()
    pair.fault(lose())
    number = handed_over(pair)
    pair.advance(START + timedelta(minutes=20))
    assert pair.now >= START + timedelta(minutes=20)
    pair.advance(START)
    assert pair.now >= START + timedelta(minutes=20)
    assert pair.ask(Party.URBAN, "case", {"case": number})["status"] == "received"


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        (lose(), "unanswered"),
        (lose(FaultWhat.ANSWER), "lost"),
        (lose(kind=CUT, party=Party.URBAN), "not_reached"),
        (lose(kind="crash"), "lost"),
        (lose(kind="delay", seconds=600), "unanswered"),
    ],
)
@WIRINGS
def test_a_message_meets_its_fate_and_the_case_arrives_once_all_the_same(
    wiring: Wiring, rule: FaultRule, seen: str
) -> None:
    pair = stage(wiring)
    pair.fault(rule)
    number = handed_over(pair)
    assert seen in outcomes(pair) or pair.trace.of_type(seen)
    pair.fault(FaultRule(kind=RESTORE, party=Party.URBAN))
    pair.advance(START + timedelta(hours=1))
    assert pair.ask(Party.GRID, "forms", {"case": number})[0]["state"] == "confirmed"
    assert len(pair.ask(Party.URBAN, "cases", {})) == 1


@WIRINGS
def test_a_repeated_message_is_marked_as_the_network_s_and_has_no_second_effect(wiring: Wiring) -> None:
    pair = stage(wiring)
    pair.fault(lose(kind="repeat"))
    handed_over(pair)
    assert [
        r.get("by_network")
        for r in pair.trace.of_type("call")
        if r["form_type"] == "handOver" and r["to"] == "urban" and "form" in r
    ] == [None, True]
    assert len(pair.ask(Party.URBAN, "cases", {})) == 1


def test_a_delayed_message_arrives_at_its_moment_although_its_sender_gave_up() -> None:
    day = 86400
    pair = stage(
        profile=apply_settings(
            {
                "delivery.receipt_timeout_seconds": day,
                "delivery.retry_gaps_seconds": (day,),
                "security.clock_skew_seconds": 600,
            }
        )
    )
    pair.fault(lose(kind="delay", seconds=600))
    number = handed_over(pair)
    pair.advance(START + timedelta(minutes=9))
    with pytest.raises(StageRefused):
        pair.ask(Party.URBAN, "case", {"case": number})
    pair.advance(START + timedelta(minutes=11))
    assert pair.ask(Party.URBAN, "case", {"case": number})["status"] == "received"


@pytest.mark.parametrize("password_type", list(PasswordType))
def test_a_delayed_message_under_a_stale_digest_is_turned_away_at_the_door(password_type: PasswordType) -> None:
    day = 86400
    profile = apply_settings({"delivery.receipt_timeout_seconds": day, "delivery.retry_gaps_seconds": (day,)})
    profile = replace(profile, grid=replace(profile.grid, password_type=password_type))
    pair = stage(profile=profile)
    pair.fault(lose(kind="delay", seconds=301))
    number = handed_over(pair)
    pair.advance(START + timedelta(minutes=9))
    if password_type is PasswordType.TEXT:
        assert pair.ask(Party.URBAN, "case", {"case": number})["status"] == "received"
        return
    with pytest.raises(StageRefused):
        pair.ask(Party.URBAN, "case", {"case": number})
    assert pair.trace.of_type("answer")[-1]["given"]["fault"]["code"] == ErrorCode.NOT_AUTHENTICATED


def test_the_bridge_holds_its_caller_for_the_first_relay_when_it_answers_with_receipts() -> None:
    pair = stage(profile=apply_settings(dict.fromkeys(PARTY_KEYS, ReceiptMode.RESPONSE)))
    handed_over(pair)
    assert outcomes(pair) == ["receipt", "receipt"]
    assert pair.trace.receipt_calls() == []


def test_a_caller_that_the_bridge_holds_is_acknowledged_when_the_relay_fails() -> None:
    pair = stage(
        profile=apply_settings({"urban.receipts": ReceiptMode.RESPONSE, "bridge.receipts": ReceiptMode.RESPONSE})
    )
    pair.fault(lose())
    number = handed_over(pair)
    assert outcomes(pair) == ["unanswered", "acknowledged"]
    pair.advance(START + timedelta(hours=1))
    assert pair.ask(Party.GRID, "forms", {"case": number})[0]["state"] == "confirmed"


def test_a_bridge_that_stops_while_it_holds_a_caller_relays_after_its_start() -> None:
    pair = stage(profile=apply_settings(dict.fromkeys(PARTY_KEYS, ReceiptMode.RESPONSE)))
    pair.fault(lose(kind="crash", hop=Hop.FIRST))
    number = handed_over(pair)
    assert outcomes(pair)[0] == "unanswered"
    assert pair.ask(Party.URBAN, "case", {"case": number})["status"] == "received"
    pair.advance(START + timedelta(hours=1))
    assert pair.ask(Party.GRID, "forms", {"case": number})[0]["state"] == "confirmed"
    assert len(pair.ask(Party.URBAN, "cases", {})) == 1


def test_a_restarted_bridge_goes_on_from_its_store() -> None:
    pair = stage()
    pair.fault(lose(kind=CUT, party=Party.URBAN))
    number = handed_over(pair)
    pair.restart(Party.BRIDGE)
    pair.fault(FaultRule(kind=RESTORE, party=Party.URBAN))
    pair.advance(START + timedelta(hours=1))
    assert pair.ask(Party.BRIDGE, "case", {"case": number})["stage"] == "handed_over"
    assert pair.trace.of_type("restart") != []


def test_a_parked_form_is_released_or_abandoned_by_the_bridge_s_operator() -> None:
    for act, state in (("bridge.release", "confirmed"), ("bridge.abandon", "abandoned")):
        pair = stage(profile=apply_settings({"delivery.max_attempts": 1}))
        pair.fault(lose())
        number = handed_over(pair)
        pair.advance(START + timedelta(hours=1))
        assert [form["state"] for form in pair.ask(Party.BRIDGE, "parked", {})] == ["parked"]
        pair.act(Party.BRIDGE, act, {"case": number, "reason": "已电话核实"}, "wang")
        pair.settle()
        assert pair.ask(Party.BRIDGE, "case", {"case": number})["deliveries"][0]["state"] == state
        with pytest.raises(StageRefused) as refused:
            pair.act(Party.BRIDGE, act, {"case": number, "reason": "再来一次"}, "wang")
        assert refused.value.code == "not_waiting"


def test_what_the_bridge_does_not_know_or_do_is_refused_in_both_languages() -> None:
    pair = stage()
    for party, name in ((Party.BRIDGE, "bridge.dance"), (Party.GRID, "worker.dance"), (Party.URBAN, "operator.dance")):
        with pytest.raises(StageRefused) as refused:
            pair.act(party, name, {})
        assert refused.value.code == "unknown_act"
        assert refused.value.zh != refused.value.en
    for question in ("case", "nonsense"):
        with pytest.raises(StageRefused):
            pair.ask(Party.BRIDGE, question, {"case": "nobody"})
    with pytest.raises(StageRefused):
        stage(Wiring.DIRECT).ask(Party.BRIDGE, "cases", {})


def test_refused_acts_are_on_record_and_refused_questions_are_not() -> None:
    pair = stage()
    with pytest.raises(StageRefused):
        pair.act(Party.GRID, "workstation.close", {"case": "nobody"})
    with pytest.raises(StageRefused):
        pair.ask(Party.GRID, "case", {"case": "nobody"})
    assert [record["type"] for record in pair.trace] == ["act"]
    assert pair.trace.of_type("act")[0]["outcome"] == "refused"


@WIRINGS
def test_a_forged_query_is_answered_and_marked(wiring: Wiring) -> None:
    pair = stage(wiring)
    number = handed_over(pair)
    message = forge.query_message(pair.profile, Side.URBAN, forge.message_id("q"), pair.now, CaseQuery())
    ending = pair.inject(message, Party.GRID, Side.URBAN)
    assert isinstance(ending, Answered)
    assert ending.page is not None
    assert [case.hand_over.case_number for case in ending.page.cases] == [number]
    assert pair.trace.of_type("call")[-1]["injected"] is True


def test_a_forged_form_for_the_bridge_is_held_and_answered_like_any_other() -> None:
    pair = stage(
        profile=apply_settings({"urban.receipts": ReceiptMode.RESPONSE, "bridge.receipts": ReceiptMode.RESPONSE})
    )
    form = forge.build_form(FormType.HAND_OVER, "340202-20260302-000077", {}, pair.now, None)
    message = forge.form_message(pair.profile, Side.GRID, form, forge.message_id("f"), pair.now)
    ending = pair.inject(message, Party.BRIDGE, Side.GRID)
    assert isinstance(ending, Answered)
    assert ending.receipt is not None


def test_a_forged_sender_is_refused_with_a_fault() -> None:
    pair = stage()
    number = handed_over(pair)
    form = forge.build_form(FormType.WITHDRAWAL, number, {"reason": "误报"}, pair.now, None)
    message = forge.form_message(pair.profile, Side.GRID, form, forge.message_id("f"), pair.now, sender="stranger")
    assert isinstance(pair.inject(message, Party.BRIDGE, Side.GRID), Faulted)


STORY = loads_scenario(
    'format: "1.0"\ntitle: {zh: 标题, en: A title}\nclauses: [INT-1]\nquirks: {seed: 3}\nsteps:\n'
    "  - given: {case: c1, at: handed_over}\n  - network.lose: receipt of filingResult #1\n  - operator.file: c1\n"
    "  - clock.advance: 10 minutes\n  - expect: {case: c1, urban: {status: open}}\n"
)


@WIRINGS
def test_the_same_seed_gives_the_same_trace_to_the_letter(wiring: Wiring) -> None:
    first, second = (play(STORY, wiring, VirtualStage, seed=5) for _ in range(2))
    assert first.trace.to_lines() == second.trace.to_lines()


@WIRINGS
def test_the_judged_trace_holds_no_ids_no_moments_and_no_seed(wiring: Wiring) -> None:
    first, second = (play(STORY, wiring, VirtualStage, seed=seed) for seed in (5, 6))
    assert first.trace.to_lines() != second.trace.to_lines()
    assert judged(first.trace, first.verdicts) == judged(second.trace, second.verdicts)


def test_a_story_takes_milliseconds() -> None:
    """A whole case's life stays far below a second even on a busy machine."""
    begin = process_time()
    for _ in range(10):
        play(STORY, Wiring.BRIDGED, VirtualStage)
    assert process_time() - begin < 5


def test_the_first_hop_is_the_one_into_the_bridge() -> None:
    pair = stage()
    pair.fault(lose(hop=Hop.FIRST))
    handed_over(pair)
    assert [(r["from"], r["to"]) for r in pair.trace.of_type("call")] == [("grid", "bridge")]
