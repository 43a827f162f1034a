"""One check against one system: what is said of it, and on whose side the reason lies."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.profile import Profile
from conformance.checks.catalogue import checks
from conformance.checks.check import Check
from conformance.checks.result import BLAMES, MEANINGS, VERDICTS, Blame, Result, Verdict
from conformance.checks.session import Session
from conformance.drivers.driver import Capabilities
from conformance.scenario.load import loads_scenario
from conformance.scenario.profile import base_profile
from conformance.scenario.stage import NotOffered, StageMaker, StageRefused, StageUnusable
from duijie.benches import EVERYTHING
from duijie.virtual import VirtualStage

LIBRARY = Path(__file__).parents[3] / "scenarios"

STORY = """
format: "1.0"
title: {zh: 标题, en: A title}
clauses: [INT-1]
check: {id: INT-1-90, judges: [urban]}
steps:
  - given: {case: c1, at: filed}
  - expect: {case: c1, urban: {status: open}}
"""
CHECK = Check(loads_scenario(STORY), Party.URBAN)


class TestBench:
    """Our own pair in virtual time, with something amiss."""

    __test__ = False
    title = "the system 1.0"
    source = "sut.toml"
    at_once = 1
    usual_seconds = 0.02

    def __init__(self, amiss: type[VirtualStage] = VirtualStage, can: Capabilities = EVERYTHING):
        self.profile: Profile = base_profile()
        self.capabilities = can
        self._stage = amiss

    def stage(self, check: Check) -> StageMaker:
        return self._stage


def amiss(**methods: Callable[..., Any]) -> type[VirtualStage]:
    return type("Amiss", (VirtualStage,), methods)


def raising(party: Party, error: Exception, method: str) -> type[VirtualStage]:
    """A stage on which everything that this party is asked, or told to do, ends so."""

    def instead(self: VirtualStage, to: Party, *args: Any, **more: Any) -> Any:
        if to is party:
            raise error
        return getattr(super(stage, self), method)(to, *args, **more)

    stage = amiss(**{method: instead})
    return stage


def ran(stage: type[VirtualStage] = VirtualStage, check: Check = CHECK, can: Capabilities = EVERYTHING) -> Result:
    return Session(TestBench(stage, can), seed=1).one(check)


@pytest.mark.parametrize("check", checks(LIBRARY), ids=lambda check: check.id)
def test_our_own_parties_pass_every_check(check: Check) -> None:
    result = ran(check=check)
    assert result.verdict is Verdict.PASS, (result.reason, result.repeat_command)


def test_a_system_that_does_as_it_must_passes() -> None:
    result = ran()
    assert result.verdict is Verdict.PASS
    assert result.blame is None
    assert not result.is_red


def test_an_unmet_expectation_is_a_failure_of_the_system() -> None:
    def ask(self: VirtualStage, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        answer = VirtualStage.ask(self, party, name, params)
        return answer | {"status": "received"} if party is Party.URBAN and name == "case" else answer

    result = ran(amiss(ask=ask))
    assert (result.verdict, result.blame, result.clause) == (Verdict.FAIL, Blame.SYSTEM, "INT-1")
    assert (result.expected, result.received) == ("open", "received")
    assert result.evidence
    assert result.next_step.zh
    assert result.next_step.en
    assert result.repeat_command == "duijie conform urban --sut sut.toml --only INT-1-90/urban --seed 1"


def test_an_act_that_the_system_refuses_although_it_may_not_is_a_failure() -> None:
    result = ran(raising(Party.URBAN, StageRefused("wrong_state", "状态不符", "wrong state"), "act"))
    assert result.verdict is Verdict.FAIL
    assert "wrong_state" in result.reason.en


def _untold(*keys: str) -> type[VirtualStage]:
    """A stage on which the urban side does not tell these of a case."""

    def ask(self: VirtualStage, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        answer = VirtualStage.ask(self, party, name, params)
        if party is not Party.URBAN or name != "case":
            return answer
        return {key: value for key, value in answer.items() if key not in keys}

    return amiss(ask=ask)


def test_what_a_system_does_not_tell_of_a_case_is_inconclusive_and_never_a_failure() -> None:
    result = ran(_untold("status"))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "urban/case.status" in result.reason.en


def test_what_cannot_be_remembered_is_inconclusive() -> None:
    remembers = STORY + "  - remember: {as: due, party: urban, case: c1, field: disposal_due_at}\n"
    result = ran(_untold("disposal_due_at"), Check(loads_scenario(remembers), Party.URBAN))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "disposal_due_at" in result.reason.en


def test_what_a_system_tells_of_a_case_is_compared_although_it_does_not_tell_all() -> None:
    more = STORY.replace("{status: open}", "{status: received, filing_ordinal: 1}")
    result = ran(_untold("filing_ordinal"), Check(loads_scenario(more), Party.URBAN))
    assert (result.verdict, result.expected) == (Verdict.FAIL, "received")


def test_forms_are_counted_that_say_what_is_asked_for() -> None:
    """How many notices of progress a platform gives beside is its own matter."""
    counts = "  - expect.form: {{case: c1, type: filingResult, fields: {{outcome: {outcome}}}, count: {count}}}\n"
    asked = (STORY + counts.format(outcome="filed", count=1), STORY + counts.format(outcome="declined", count=0))
    assert [ran(check=Check(loads_scenario(text), Party.URBAN)).verdict for text in asked] == [Verdict.PASS] * 2
    wrong = Check(loads_scenario(STORY + counts.format(outcome="declined", count=1)), Party.URBAN)
    assert ran(check=wrong).verdict is Verdict.FAIL


def test_what_is_missing_is_named() -> None:
    counts = STORY + "  - expect.count: {party: urban, of: contacts, count: 7}\n"

    def ask(self: VirtualStage, party: Party, name: str, params: Mapping[str, Any]) -> Any:
        if name == "contacts":
            raise NotOffered("不提供", "not offered")
        return VirtualStage.ask(self, party, name, params)

    result = ran(amiss(ask=ask), Check(loads_scenario(counts), Party.URBAN))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.reason.en == "could not be observed: urban/contacts"


@pytest.mark.parametrize(
    ("said", "verdict"), [("not_your_level", Verdict.PASS), ("wrong_state", Verdict.FAIL)], ids=["who", "when"]
)
def test_who_may_not_act_is_told_by_role_level_or_territory(said: str, verdict: Verdict) -> None:
    """Which of the three a system looks at first is its own matter."""
    tries = "  - refused: {operator.decline: {case: c1, reason_code: unclear, reason: 反悔}, because: not_your_role}\n"

    def act(self: VirtualStage, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> Any:
        if name == "operator.decline":
            raise StageRefused(said, "不可", "no")
        return VirtualStage.act(self, party, name, params, by)

    assert ran(amiss(act=act), Check(loads_scenario(STORY + tries), Party.URBAN)).verdict is verdict


def test_what_nobody_can_observe_is_inconclusive_and_never_a_failure() -> None:
    result = ran(raising(Party.URBAN, NotOffered("不提供", "not offered"), "ask"))
    assert (result.verdict, result.blame) == (Verdict.INCONCLUSIVE, Blame.CONFIGURATION)
    assert "urban/case" in result.reason.en
    assert not result.is_red


def test_a_look_at_one_of_two_parties_is_enough() -> None:
    both = loads_scenario(STORY.replace("urban: {status: open}", "urban: {status: open}, grid: {state: handed_over}"))
    result = ran(raising(Party.URBAN, NotOffered("不提供", "not offered"), "ask"), Check(both, Party.URBAN))
    assert result.verdict is Verdict.PASS


def test_an_act_that_is_not_offered_is_inconclusive() -> None:
    result = ran(raising(Party.URBAN, NotOffered("不提供", "not offered"), "act"))
    assert result.verdict is Verdict.INCONCLUSIVE


def test_a_driver_that_breaks_is_a_matter_of_the_set_up() -> None:
    result = ran(raising(Party.URBAN, StageUnusable("断了", "broken"), "act"))
    assert (result.verdict, result.blame) == (Verdict.CONFIG, Blame.CONFIGURATION)
    assert result.is_red


def test_an_error_of_ours_says_nothing_of_the_system() -> None:
    result = ran(raising(Party.URBAN, ValueError("oh"), "act"))
    assert (result.verdict, result.blame) == (Verdict.SUITE_ERROR, Blame.SUITE)
    assert result.is_red


def test_a_refusal_in_the_systems_own_words_is_a_refusal() -> None:
    refused = (
        STORY
        + "  - refused: {operator.decline: {case: c1, reason_code: unclear, reason: 反悔}, because: already_filed}\n"
    )

    def act(self: VirtualStage, party: Party, name: str, params: Mapping[str, Any], by: str | None = None) -> Any:
        try:
            return VirtualStage.act(self, party, name, params, by)
        except StageRefused as said:
            raise StageRefused("E42", said.zh, said.en, own_words=foreign) from None

    check = Check(loads_scenario(refused), Party.URBAN)
    foreign = True
    assert ran(amiss(act=act), check).verdict is Verdict.PASS
    foreign = False
    assert ran(amiss(act=act), check).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("can", "verdict", "said"),
    [
        ({"acts": ("department.*",)}, Verdict.INCONCLUSIVE, "operator.file"),
        ({"unsupported": ("operator.file",)}, Verdict.NOT_APPLICABLE, "operator.file"),
        ({"unsupported": ("INT-1",)}, Verdict.NOT_APPLICABLE, "INT-1"),
        ({"unsupported": ("INT-1-90/*",)}, Verdict.NOT_APPLICABLE, "INT-1-90/urban"),
    ],
)
def test_what_is_known_beforehand_to_be_missing_is_not_run(can: dict[str, Any], verdict: Verdict, said: str) -> None:
    result = ran(amiss(__init__=None), can=replace(EVERYTHING, **can))  # type: ignore[dict-item]
    assert result.verdict is verdict
    assert said in result.reason.en
    assert result.run is None


def test_a_setting_that_the_system_does_not_run_with_is_named() -> None:
    story = STORY.replace("steps:", "profile: {choices.max_rejections: 2}\nsteps:")
    check = Check(loads_scenario(story), Party.URBAN)
    result = ran(check=check, can=replace(EVERYTHING, reset=False))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "choices.max_rejections = 2" in result.reason.en
    assert "choices.max_rejections" in result.next_step.en


@pytest.mark.parametrize("missing", ["reset", "steered_clock"])
def test_a_check_of_fixed_days_waits_for_a_system_that_can_start_afresh(missing: str) -> None:
    story = STORY.replace("{status: open}", "{disposal_due_at: {moment: 2026-03-02 15:30}}")
    result = ran(check=Check(loads_scenario(story), Party.URBAN), can=replace(EVERYTHING, **{missing: False}))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.run is None


def test_a_setting_of_another_party_is_no_hindrance() -> None:
    story = STORY.replace("steps:", "profile: {grid.receipts: response}\nsteps:")
    assert (
        ran(check=Check(loads_scenario(story), Party.URBAN), can=replace(EVERYTHING, reset=False)).verdict
        is Verdict.PASS
    )


def test_every_verdict_and_blame_has_its_words() -> None:
    assert set(VERDICTS) == set(MEANINGS) == set(Verdict)
    assert set(BLAMES) == set(Blame)
