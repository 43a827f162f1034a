"""Reading a scenario: short forms, settings, ids, and every problem at once."""

from pathlib import Path

import pytest

from bridge.vocabulary.profile import ReceiptMode
from conformance.scenario.load import load_all, load_scenario, loads_scenario
from conformance.scenario.steps import Scenario, Wiring
from conformance.scenario.target import TargetInvalid, read_target
from located_yaml import DocumentInvalid

HEAD = 'format: "1.0"\ntitle: {zh: 标题, en: A title}\nclauses: [INT-6]\n'
END = "  - expect: {case: c1, grid: {state: closed}}\n"


def story(steps: str, extra: str = "") -> Scenario:
    return loads_scenario(f"{HEAD}{extra}steps:\n  - given: {{case: c1, at: closed}}\n{steps}{END}")


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(DocumentInvalid) as refused:
        loads_scenario(text)
    return [(p.line, p.column, p.message_en) for p in refused.value.problems]


def test_a_bare_name_stands_for_the_case() -> None:
    assert story("  - workstation.close: c1\n").steps[1].params == {"case": "c1"}


def test_a_word_without_parameters_may_stand_alone() -> None:
    for step in ("  - operator.query\n", "  - operator.query:\n", "  - operator.query: {}\n"):
        assert story(step).steps[1].params == {}


@pytest.mark.parametrize(
    "written",
    [
        "receipt of rejection #3",
        '"receipt of rejection #3"',
        "receipt of rejection no. 3",
        "receipt of rejection 3",
        "receipt of rejection #3   # the third one",
    ],
)
def test_the_ordinal_that_yaml_takes_for_a_comment_is_not_lost(written: str) -> None:
    assert story(f"  - network.lose: {written}\n").steps[1].params == {"what": "receipt", "of": "rejection", "nth": 3}


def test_an_ordinal_is_never_guessed() -> None:
    (problem,) = problems(
        HEAD + "steps:\n  - given: {case: c1, at: closed}\n  - network.lose: dispatch # all of them\n" + END
    )
    assert problem[:2] == (6, 19)


def test_a_target_names_case_attempt_and_hop() -> None:
    assert read_target("receipt of dispatch #2 of c1 attempt 3 last hop") == {
        "what": "receipt",
        "of": "dispatch",
        "nth": 2,
        "case": "c1",
        "attempt": 3,
        "hop": "last",
    }
    assert read_target("handOver #1 every attempt")["attempt"] == "every"
    with pytest.raises(TargetInvalid):
        read_target("the second dispatch")


def test_settings_are_laid_over_the_profile_and_keep_their_types() -> None:
    profile = story(
        "", "profile: {choices.max_rejections: 1, urban.receipts: response, delivery.retry_gaps_seconds: [5, 10]}\n"
    ).profile
    assert profile.choices.max_rejections == 1
    assert profile.urban.receipts is ReceiptMode.RESPONSE
    assert profile.delivery.retry_gaps_seconds == (5, 10)


def test_a_story_that_needs_the_bridge_is_played_with_it_alone() -> None:
    assert story("").wirings == (Wiring.BRIDGED, Wiring.DIRECT)
    assert story("  - party.restart: bridge\n").wirings == (Wiring.BRIDGED,)
    assert story("  - expect: {case: c1, bridge: {stage: closed}}\n").wirings == (Wiring.BRIDGED,)


def test_what_is_expected_of_the_bridge_beside_the_platforms_leaves_both_wirings() -> None:
    step = "  - expect: {case: c1, urban: {status: closed}, bridge: {stage: closed}}\n"
    assert len(story(step).wirings) == 2


def test_everything_wrong_is_said_at_once_and_in_order() -> None:
    found = problems(
        'format: "1.0"\ntitle: {zh: 标题}\nclauses: [INT-99]\nsteps:\n'
        "  - given: {case: c1, at: clsed}\n  - workstation.clos: c1\n  - expect: {case: c1, grid: {stat: closed}}\n"
    )
    assert [line for line, _, _ in found] == [2, 3, 5, 6, 7]


def test_a_case_whose_introduction_is_faulty_is_not_called_unknown_too() -> None:
    found = problems(HEAD + "steps:\n  - given: {case: c1, at: nowhere}\n" + END)
    assert len(found) == 1


def test_the_id_is_the_path_below_the_library(tmp_path: Path) -> None:
    path = tmp_path / "scenarios" / "topic" / "what-happens.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD + "steps:\n  - given: {case: c1, at: closed}\n" + END, encoding="utf-8")
    assert load_scenario(path).id == "topic/what-happens"
    assert load_scenario(path, tmp_path).id == "scenarios/topic/what-happens"


def test_one_bad_file_means_that_none_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(HEAD + "steps:\n  - given: {case: c1, at: closed}\n" + END, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("format: 1\n", encoding="utf-8")
    with pytest.raises(DocumentInvalid) as refused:
        load_all([tmp_path])
    assert {Path(p.path).name for p in refused.value.problems} == {"bad.yaml"}


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert "a scenario file is a mapping" in problems(text)[0][2]
