"""The pytest plug-in: what a vendor's own tests get from it, and that it is not in anybody's way."""

import multiprocessing
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

# Imported here, so that runs of pytest inside this process find them there.
import duijie.pytest_checks
import duijie.pytest_parties
from conformance.checks.result import Blame, Result, Text, Verdict
from conformance.checks.session import Session
from conformance.oracle.judge import Judgement
from conformance.scenario import runner
from duijie.profiles_io import EXAMPLE

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
NOTHING = Text("", "")


@pytest.fixture(autouse=True)
def _in_english(monkeypatch):
    monkeypatch.setenv("DUIJIE_LANG", "en")


@pytest.fixture
def verdict_of(monkeypatch):
    """Lets every check come to a verdict of our choice."""

    def choose(verdict: Verdict) -> None:
        def one(self: Session, check):
            blame = None if verdict is Verdict.PASS else Blame.SYSTEM
            told = Text("原因", "the reason") if blame else NOTHING
            return Result(
                check=check,
                verdict=verdict,
                reason=told,
                blame=blame,
                clause="INT-6" if verdict is Verdict.FAIL else "",
                expected="open" if verdict is Verdict.FAIL else None,
                received={"status": "closed"} if verdict is Verdict.FAIL else None,
                next_step=Text("下一步骤", "look there first"),
                repeat_command=f"duijie conform urban --only {check.id}",
            )

        monkeypatch.setattr(Session, "one", one)

    return choose


CHECKS = ("--duijie-sut", "builtin-virtual:urban", "-k", "INT-6-01")


def test_each_check_is_a_test_named_by_its_permanent_id(pytester):
    found = pytester.runpytest_inprocess(*CHECKS[:2], "-k", "INT-6-0", "--collect-only", "-q")
    assert found.ret == pytest.ExitCode.OK
    names = [line for line in found.outlines if line.startswith("duijie::")]
    assert "duijie::INT-6-01/urban" in names
    assert all(re.fullmatch(r"duijie::INT-6-0\d/urban", name) for name in names)


def test_our_own_platform_passes_beside_a_vendors_own_tests(pytester):
    pytester.makepyfile("def test_INT_6_01(): pass")
    found = pytester.runpytest_inprocess(*CHECKS[:2], "-k", "INT-6-01 or INT_6_01", "-v")
    found.assert_outcomes(passed=2, deselected=len(plan_checks()) - 1)
    found.stdout.fnmatch_lines(["duijie: urban builtin-virtual * seed 1", "duijie::INT-6-01/urban *PASSED*"])


def plan_checks():
    return duijie.pytest_checks.checks(ROOT / "scenarios", duijie.pytest_checks.Party.URBAN)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.PASS, "passed"),
        (Verdict.FAIL, "failed"),
        (Verdict.INCONCLUSIVE, "skipped"),
        (Verdict.NOT_APPLICABLE, "skipped"),
        (Verdict.CONFIG, "errors"),
        (Verdict.SUITE_ERROR, "errors"),
    ],
)
def test_each_verdict_is_told_in_the_words_of_pytest(pytester, verdict_of, verdict, outcome):
    verdict_of(verdict)
    found = pytester.runpytest_inprocess(*CHECKS, "-rs")
    assert found.parseoutcomes()[outcome] == 1
    if verdict is not Verdict.PASS:
        assert "the reason" in found.stdout.str()


def test_a_failure_tells_blame_clause_both_values_the_next_step_and_the_command(pytester, verdict_of):
    verdict_of(Verdict.FAIL)
    found = pytester.runpytest_inprocess(*CHECKS)
    found.stdout.fnmatch_lines(
        [
            "*INT-6-01/urban*",
            "[[]system under test[]] INT-6: the reason",
            "why: INT-6 *",
            "expected: open",
            'received: {"status": "closed"}',
            "next step: look there first",
            "repeat: duijie conform urban --only INT-6-01/urban",
        ]
    )
    assert "pytest_checks.py" not in found.stdout.str()


def known(pytester, until="2999-01-01", message=""):
    told = f"- {{check: INT-6-01/urban, reason: defect 42, owner: Wang, until: {until}{message}}}"
    (pytester.path / "known.yaml").write_text(told, encoding="utf-8")
    return (*CHECKS, "--duijie-known-failures", "known.yaml", "-rs")


def test_a_known_failure_is_skipped_with_its_reason(pytester, verdict_of):
    verdict_of(Verdict.FAIL)
    found = pytester.runpytest_inprocess(*known(pytester))
    assert found.parseoutcomes()["skipped"] == 1
    found.stdout.fnmatch_lines(["*known failure: defect 42 (owner Wang, until 2999-01-01)"])


@pytest.mark.parametrize(
    ("verdict", "told", "said"),
    [
        (Verdict.PASS, {}, "is gone: remove the entry"),
        (Verdict.FAIL, {"message": ", message: something else"}, "fails differently"),
        (Verdict.FAIL, {"until": "2020-01-01"}, "has expired on 2020-01-01"),
    ],
    ids=["gone", "different", "expired"],
)
def test_a_known_failure_that_is_one_no_longer_fails(pytester, verdict_of, verdict, told, said):
    verdict_of(verdict)
    found = pytester.runpytest_inprocess(*known(pytester, **told))
    assert found.parseoutcomes()["failed"] == 1
    assert said in found.stdout.str()


def entries(pytester, *meant):
    told = "".join(f"- {{check: {each}, reason: old, owner: Wang, until: 2999-01-01}}\n" for each in meant)
    (pytester.path / "known.yaml").write_text(told, encoding="utf-8")
    return ("--duijie-sut", "builtin-virtual:urban", "--duijie-known-failures", "known.yaml")


def test_an_entry_that_meant_no_check_of_the_whole_suite_fails_at_the_end(pytester, verdict_of):
    verdict_of(Verdict.PASS)
    found = pytester.runpytest_inprocess(*entries(pytester, "RCPT-3-01/grid"))
    assert found.parseoutcomes()["failed"] == 1
    found.stdout.fnmatch_lines(["*known-failures*", "RCPT-3-01/grid: none of the checks*remove the entry"])


def test_an_entry_that_meant_none_of_the_checks_that_were_chosen_is_left_alone(pytester, verdict_of):
    verdict_of(Verdict.PASS)
    found = pytester.runpytest_inprocess(*entries(pytester, "RCPT-3-01/grid"), "-k", "INT-6-01 or known-failures")
    found.assert_outcomes(passed=2, deselected=found.parseoutcomes()["deselected"])


def test_an_entry_that_means_several_checks_of_which_none_fails_is_told_once(pytester, verdict_of):
    verdict_of(Verdict.PASS)
    found = pytester.runpytest_inprocess(*entries(pytester, "INT-6-*"))
    assert found.parseoutcomes()["failed"] == 1
    assert found.stdout.str().count("is gone: remove the entry") == 1


def test_workers_that_share_the_checks_leave_it_to_a_single_one(pytester):
    found = pytester.runpytest_subprocess(
        "-n", "2", "-rs", *entries(pytester, "RCPT-3-01/grid"), "-k", "INT-6-01 or known-failures"
    )
    found.assert_outcomes(passed=1, skipped=1)


SUT = """
format = "1.0"
[system]
role = "{role}"
name = "x"
[driver]
{driver}
[suite]
checks = ["{role}-free", "INT-6-0*"]
"""


def system(pytester, role="grid", driver='kind = "builtin"'):
    (pytester.path / "sut.toml").write_text(SUT.format(role=role, driver=driver), encoding="utf-8")
    return "sut.toml"


def test_the_file_says_the_role_and_which_checks(pytester):
    found = pytester.runpytest_inprocess("--duijie-sut", system(pytester), "--collect-only", "-q")
    names = [line for line in found.outlines if line.startswith("duijie::")]
    assert names
    assert all(name.startswith("duijie::INT-6-0") and name.endswith("/grid") for name in names)


def test_a_system_that_is_not_there_is_an_error_of_configuration_and_no_failure(pytester):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        driver = f'kind = "control"\naddress = "http://127.0.0.1:{taken.getsockname()[1]}"'
        found = pytester.runpytest_inprocess("--duijie-sut", system(pytester, driver=driver), "-k", "INT-6-01")
    assert found.parseoutcomes()["errors"] == 1
    found.stdout.fnmatch_lines(["configuration: *"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--duijie-sut", "builtin:tram"], "*builtin:grid, builtin:urban or builtin:bridge, not builtin:tram"),
        (["--duijie-sut", "nothing.toml"], "*nothing.toml:1: cannot be read*"),
        (["--duijie-sut", "builtin:urban", "--duijie-seed", "x"], "*--duijie-seed is a whole number, not x"),
        (["--duijie-sut", "builtin:urban", "--duijie-known-failures", "nothing.yaml"], "*nothing.yaml*"),
    ],
)
def test_a_mistake_of_the_user_is_one_sentence(pytester, arguments, said):
    found = pytester.runpytest_inprocess(*arguments)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([said])


def test_the_ini_file_asks_for_checks_unless_tests_are_named(pytester):
    pytester.makeini("[pytest]\nduijie_sut = sut.toml\n")
    system(pytester)
    named = pytester.makepyfile(test_own="def test_own(): pass")
    assert "duijie::INT-6-01/grid" in pytester.runpytest_inprocess("--collect-only", "-q").stdout.str()
    assert "duijie::" not in pytester.runpytest_inprocess(named, "--collect-only", "-q").stdout.str()
    assert "duijie::" not in pytester.runpytest_inprocess("--duijie-sut=", "--collect-only", "-q").stdout.str()


def test_workers_judge_what_their_controller_was_told(pytester):
    pytester.makeini("[pytest]\nduijie_sut = sut.toml\n")
    system(pytester)
    found = pytester.runpytest_subprocess("-n", "2", "-k", "INT-6-01 or INT-6-02", "--collect-only")
    assert found.ret == pytest.ExitCode.OK
    found = pytester.runpytest_subprocess("-n", "2", *CHECKS[:2], "-k", "INT-6-01 or INT-6-02")
    found.assert_outcomes(passed=2)


def test_one_system_is_not_judged_by_several_workers_at_a_time(pytester):
    file = system(pytester, driver='kind = "control"\naddress = "http://127.0.0.1:9"')
    found = pytester.runpytest_inprocess("--duijie-sut", file, "-n", "2")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["*--dist loadgroup*"])


def test_nothing_of_the_product_is_imported_until_it_is_asked_for(pytester):
    pytester.makepyfile(
        """
        import sys, threading

        def test_clean():
            heavy = {"bridge", "simulators", "conformance", "located_yaml", "lxml", "zeep", "spyne", "flask", "yaml"}
            assert heavy.isdisjoint(sys.modules)
            assert [name for name in sys.modules if name.startswith("duijie")] == ["duijie", "duijie.pytest_plugin"]
            assert threading.active_count() == 1
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)


@pytest.mark.live
def test_the_example_of_the_page_runs_and_leaves_no_process(pytester):
    page = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(# test_exchange\.py\n.*?)```", page, re.DOTALL)
    pytester.makepyfile(test_exchange=example)
    before = set(multiprocessing.active_children())
    pytester.runpytest_inprocess().assert_outcomes(passed=3)
    assert set(multiprocessing.active_children()) <= before


STORY = """
def test_story(duijie_pair):
    duijie_pair.given("c1", at="filed")
    duijie_pair.expect(case="c1", urban={"status": "STATUS"})
"""


@pytest.mark.live
def test_a_story_that_fails_is_told_as_a_timeline(pytester):
    pytester.makepyfile(test_own=STORY.replace("STATUS", "closed"))
    found = pytester.runpytest_inprocess()
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            ">*duijie_pair.expect(*",
            "*the operator files*",
            "*test_own.py:3:1 *",
            "*expected: closed",
            "*repeat with: pytest test_own.py::test_story",
        ]
    )
    assert "telling.py" not in found.stdout.str()


@pytest.mark.live
def test_a_test_that_passes_is_judged_by_the_clauses_as_well(pytester, monkeypatch):
    judge = runner.judge

    def stern(trace, profile):
        first, *others = judge(trace, profile)
        return [replace(first, outcome=Judgement.FAIL, seen_en="not kept"), *others]

    monkeypatch.setattr(runner, "judge", stern)
    pytester.makepyfile(test_own=STORY.replace("STATUS", "open"))
    found = pytester.runpytest_inprocess()
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["the test passed, but a clause was broken:", "*was broken: not kept*"])


@pytest.mark.live
def test_steps_that_make_no_sense_are_mistakes_of_the_test(pytester):
    pytester.makepyfile(
        test_own="""
        import pytest
        from located_yaml import DocumentInvalid

        def test_own(duijie_pair):
            with pytest.raises(DocumentInvalid, match="no word 'operator.fil'"):
                duijie_pair.act("operator.fil", case="c1")
            with pytest.raises(DocumentInvalid, match="c9"):
                duijie_pair.act("operator.file", case="c9")
            with pytest.raises(DocumentInvalid, match="needs a bridge"):
                duijie_pair.step("party.restart", party="bridge")
            done = duijie_pair.act(
                "worker.report", as_="c1", category="01", subcategory="02", description="x", photos=["a"]
            )
            assert duijie_pair.number("c1") == done["case"]
            assert duijie_pair.judge().passed
            with pytest.raises(RuntimeError, match="judged already"):
                duijie_pair.advance("1 day")
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.live
def test_a_simulator_runs_with_the_profile_of_the_vendor(pytester):
    ours = EXAMPLE.read_text(encoding="utf-8")
    for word, own in (("127.0.0.1:8101/soap", "127.0.0.1:18455/ours"), ("username: grid", "username: us")):
        ours = ours.replace(word, own)
    (pytester.path / "ours.yaml").write_text(ours, encoding="utf-8")
    pytester.makepyfile(
        test_own="""
        import httpx, pytest
        from pathlib import Path

        @pytest.fixture
        def duijie_profile():
            return Path("ours.yaml")

        def test_own(duijie_urban):
            assert duijie_urban.calls == "http://127.0.0.1:18455/ours"
            assert duijie_urban.account == ("us", "grid-demo")
            assert duijie_urban.ask("cases") == []
            token = {"Authorization": f"Bearer {duijie_urban.control_token}"}
            asked = httpx.get(f"{duijie_urban.control_address}/asks/cases", headers=token, trust_env=False)
            assert asked.json() == []
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_scenario_that_does_not_hold_fails_with_its_timeline(pytester):
    failing = sorted((ROOT / "scenarios" / "selftest" / "valid_fail").glob("*.yaml"))[0]
    (pytester.path / "ours.yaml").write_text(failing.read_text(encoding="utf-8"), encoding="utf-8")
    pytester.makepyfile(
        test_own="""
        def test_own(duijie_scenario):
            duijie_scenario("ours.yaml")

        def test_missing(duijie_scenario):
            duijie_scenario("nowhere.yaml")
        """
    )
    found = pytester.runpytest_inprocess()
    found.assert_outcomes(failed=2)
    found.stdout.fnmatch_lines(["*repeat with: duijie replay *ours.yaml*", "*there is no scenario nowhere.yaml*"])
