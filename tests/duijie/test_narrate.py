"""A run is told so that people can read it and programs can parse it."""

import io
import json
import re
import shlex
import sys
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

import duijie
from bridge.vocabulary.codes import ErrorCode
from conformance.reports.diagram import arrows, mermaid, svg
from conformance.scenario.events import Run
from conformance.scenario.load import loads_scenario
from conformance.scenario.runner import play
from conformance.scenario.steps import Wiring
from conformance.scenario.wording import Wording
from conformance.scenario.words import REFUSALS
from duijie.narrate import JsonLines, Timeline, repeat_command
from duijie.virtual import VirtualStage

HEAD = 'format: "1.0"\ntitle: {zh: 回执丢失, en: A lost receipt}\nclauses: [RCPT-5]\nsteps:\n'
GOOD = loads_scenario(
    HEAD
    + "  - given: {case: c1, at: handed_over}\n  - network.lose: receipt of filingResult #1\n  - operator.file: c1\n"
    "  - refused: {workstation.withdraw: {case: c1, reason: 误报}, because: already_filed}\n  - party.restart: bridge\n"
    "  - clock.advance: 10 minutes\n  - expect.receipt: {case: c1, of: filingResult, outcome: confirmed}\n",
    "scenarios/x/good.yaml",
)
BAD_TEXT = HEAD + "  - given: {case: c1, at: filed}\n  - expect: {case: c1, grid: {state: closed}}\n"
BAD = loads_scenario(BAD_TEXT, "scenarios/x/bad.yaml")


def told(scenario_is_good: bool, language: str, *, brief: bool = False) -> str:
    out = io.StringIO()
    scenario = GOOD if scenario_is_good else BAD
    play(
        scenario,
        Wiring.BRIDGED,
        VirtualStage,
        listeners=[Timeline(Console(file=out, width=200), language, brief=brief)],
    )
    return out.getvalue()


@pytest.fixture(scope="module")
def run() -> Run:
    return play(GOOD, Wiring.BRIDGED, VirtualStage)


def test_the_timeline_says_who_did_what_which_form_and_which_receipt() -> None:
    text = told(True, "zh")
    assert "回执丢失" in text
    assert "RCPT-5" in text
    assert "03-02 09:00:00  坐席员立案 c1" in text
    assert "城管平台 → 对接桥  立案结果 c1(结果 立案" in text
    assert "回执:立案结果 c1 已到达业务系统" in text
    assert "⚡ 网络丢失第 1 份立案结果的回执" in text
    assert "第 2 次发送" in text
    assert "被拒绝:已立案,不允许注销(already_filed)" in text
    assert "对接桥停机并重启" in text
    assert "✓" in text


def test_the_english_timeline_holds_chinese_only_where_people_wrote_it() -> None:
    text = told(True, "en")
    assert "the operator files the case (c1)" in text
    assert "urban platform → bridge  filing result c1" in text
    without_quoted = re.sub("误报|路边有暴露垃圾", "", text)
    assert not re.search("[一-鿿]", without_quoted), without_quoted


def test_names_of_photos_and_what_people_wrote_stay_as_they_are() -> None:
    record = {
        "act": "worker.verify",
        "params": {"case": "n1", "outcome": "passed", "note": "closed", "photos": ["verified", "closed"]},
    }
    assert Wording("zh", {"c1": "n1"}).act(record) == "网格员现场核查 c1:结果 通过,说明 closed,照片 verified、closed"


@pytest.mark.parametrize(
    ("key", "value", "zh", "en"),
    [
        ("ordinal", 4, "第 4 次", "no. 4"),
        ("filing_ordinal", 2, "第 2 次立案", "filing 2"),
        ("filing_ordinal", {"at_least": 2}, "第几次立案 至少 2", "filing at least 2"),
        ("role", "city_verifier", "角色 市核查员", "role city verifier"),
        ("taskNumber", {"other_than": "task"}, "任务号 不同于所记的 task", "task other than the remembered task"),
    ],
)
def test_a_value_is_said_as_people_say_it(key, value, zh, en) -> None:
    assert Wording("zh").field(key, value) == zh
    assert Wording("en").field(key, value) == en


@pytest.mark.parametrize("code", [*ErrorCode, *REFUSALS])
def test_every_code_is_told_with_its_meaning_in_both_languages(code) -> None:
    assert re.fullmatch(rf"[^A-Za-z]+\({code}\)", Wording("zh").code(code))
    assert re.fullmatch(rf"[a-z', -]+ \({code}\)", Wording("en").code(code))


def timeline(steps: str, language: str) -> str:
    out = io.StringIO()
    play(
        loads_scenario(HEAD + steps, "scenarios/x/net.yaml"),
        Wiring.DIRECT,
        VirtualStage,
        listeners=[Timeline(Console(file=out, width=200), language)],
    )
    return out.getvalue()


@pytest.mark.parametrize(
    ("fault", "told_zh", "told_en"),
    [
        (
            "network.halve: answer of filingResult 1",
            ("⚡ 网络只送到一半第 1 份立案结果的应答", "↩ 应答丢失(只到一半)"),
            ("⚡ the network brings one half the answer of filing result #1", "↩ answer lost (one half came)"),
        ),
        (
            "network.proxy_page: {of: filingResult, status: 503}",
            ("⚡ 代理以网页作答第 1 份立案结果 status 503", "↩ 没有应答(代理网页)"),
            ("filing result #1 status 503", "↩ no answer (a proxy's page came instead)"),
        ),
        (
            "network.trickle: answer of receipt of filingResult 1",
            ("第 1 份立案结果的回执的应答", "↩ 应答丢失(应答滴漏,过时未完)"),
            ("the answer to the receipt of filing result #1", "↩ answer lost (the answer trickled too slowly)"),
        ),
        (
            "network.noise: {seed: 4, lose: 100%}",
            ("⚡ 网络嘈杂(种子 4):途中丢失 100%", "途中丢失)"),
            ("⚡ the network is noisy (seed 4): lose 100%", "lost on the way)"),
        ),
    ],
    ids=["half", "page", "trickle", "noise"],
)
def test_the_timeline_tells_what_the_network_was_told_and_what_it_did(fault, told_zh, told_en) -> None:
    steps = f"  - given: {{case: c1, at: handed_over}}\n  - {fault}\n  - operator.file: c1\n  - expect: {{case: c1, grid: {{state: handed_over}}}}\n"
    for language, told in (("zh", told_zh), ("en", told_en)):
        text = timeline(steps, language)
        for words in told:
            assert words in text, text


def test_a_message_that_comes_late_or_twice_says_why() -> None:
    for fault, words in (("repeat", "[made by the network]"), ("reorder", "[held until another has passed]")):
        steps = (
            "  - given: {case: c1, at: handed_over}\n  - given: {case: c2, at: handed_over}\n"
            f"  - network.{fault}: filingResult 1 of c1\n  - operator.file: c1\n  - operator.file: c2\n"
            "  - expect: {case: c1, grid: {filing_ordinal: 1}}\n"
        )
        assert words in timeline(steps, "en")


def test_the_diagram_says_what_the_network_did() -> None:
    scenario = loads_scenario(
        HEAD
        + "  - given: {case: c1, at: handed_over}\n  - network.tear: answer of filingResult 1\n  - operator.file: c1\n"
        "  - expect: {case: c1, grid: {filing_ordinal: 1}}\n  - network.silence: dispatch 1\n  - supervision.dispatch: c1\n"
        "  - expect.form: {case: c1, type: dispatch, count: 0}\n"
    )
    played = play(scenario, Wiring.DIRECT, VirtualStage)
    drawn = [arrow.text for arrow in arrows(played.trace, played.cases, "en")]
    assert any("answer was torn off" in text for text in drawn), drawn


def test_the_number_of_a_new_case_is_told_once_beside_its_name(run: Run) -> None:
    assert told(True, "zh").count(f"案卷号 {run.cases['c1']}") == 1


@pytest.mark.parametrize("path", ["my stories/第一个.yaml", "x/a$b.yaml"])
def test_the_repeat_command_can_be_pasted_whatever_the_file_is_called(path: str) -> None:
    run = Run(scenario=loads_scenario(BAD_TEXT, path), wiring=Wiring.DIRECT, stage="virtual", seed=0)
    assert shlex.split(repeat_command(run)) == ["duijie", "replay", path, "--wiring", "direct", "--seed", "0"]


def test_the_repeat_command_starts_duijie_as_it_was_started(run: Run, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/duijie", "replay"])
    assert repeat_command(run).startswith(".venv/bin/duijie replay ")
    monkeypatch.setattr("sys.argv", [str(Path(duijie.__file__).with_name("__main__.py"))])
    assert repeat_command(run).startswith(f"{sys.executable} -m duijie replay ")


def test_without_a_terminal_there_are_no_escape_sequences() -> None:
    assert "\x1b" not in told(True, "zh")
    assert "\x1b" not in told(False, "zh")


@pytest.mark.parametrize("brief", [True, False])
def test_a_failure_shows_expectation_what_was_seen_last_messages_and_the_command(brief: bool) -> None:
    text = told(False, "en", brief=brief)
    assert "scenarios/x/bad.yaml:6:5" in text
    assert "state: expected closed, seen handed_over" in text
    assert "the last messages:" in text
    assert text.count(" → ") >= 4
    assert "duijie replay scenarios/x/bad.yaml --wiring bridged --seed 0" in text


def test_a_brief_timeline_is_one_line_for_a_run_that_passes() -> None:
    assert len(told(True, "zh", brief=True).strip().splitlines()) == 1


def test_json_lines_hold_every_record_and_the_end() -> None:
    lines: list[str] = []
    run = play(GOOD, Wiring.BRIDGED, VirtualStage, listeners=[JsonLines(lines.append)])
    events = [json.loads(line) for line in lines]
    assert events[0]["event"] == "run_started"
    assert [e["record"] for e in events if e["event"] == "record"] == run.trace.records
    assert events[-1]["event"] == "run_finished"
    assert events[-1]["outcome"] == "pass"
    assert events[-1]["verdicts"]["RCPT-5"] == "pass"
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)


def test_json_lines_tell_a_failure_in_both_languages() -> None:
    lines: list[str] = []
    play(BAD, Wiring.BRIDGED, VirtualStage, listeners=[JsonLines(lines.append)])
    (failed,) = [json.loads(line) for line in lines if json.loads(line)["event"] == "failed"]
    assert failed["step"] == 2
    assert failed["message_zh"] != failed["message_en"]


def test_the_diagram_shows_the_real_messages_in_order(run: Run) -> None:
    shown = arrows(run.trace, run.cases)
    calls = run.trace.of_type("call")
    assert len([a for a in shown if a.sender != a.to]) >= len(calls)
    assert any(a.kind == "lost" for a in shown)
    assert any(a.kind == "refused" for a in shown)


def test_the_svg_is_well_formed_with_a_lane_for_each_party(run: Run) -> None:
    drawn = svg(run.trace, run.cases, "回执 <丢失> & 重发")
    root = ElementTree.fromstring(drawn)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"网格平台", "对接桥", "城管平台", "回执 <丢失> & 重发"} <= texts


def test_without_a_bridge_there_is_no_lane_for_it() -> None:
    run = play(BAD, Wiring.DIRECT, VirtualStage)
    assert "对接桥" not in svg(run.trace, run.cases, "直连")


def test_a_diagram_shows_what_did_not_hold() -> None:
    run = play(BAD, Wiring.BRIDGED, VirtualStage)
    failure = run.failure.zh
    assert escape(failure) in svg(run.trace, run.cases, "不成立", failure=failure)
    assert failure in mermaid(run.trace, run.cases, "不成立", failure=failure)


def test_every_text_of_a_diagram_stays_within_its_picture(run: Run) -> None:
    root = ElementTree.fromstring(svg(run.trace, run.cases, "回执丢失"))
    width = float(root.get("width"))
    for element in root.iter("{http://www.w3.org/2000/svg}text"):
        shown = "".join(element.itertext()) if not len(element) else element[0].tail or ""
        size = float(re.search(r"font-size:([\d.]+)px", element.get("style"))[1])
        length = sum(size if ord(c) > 0x2E7F else size * 0.62 for c in shown)
        begin = float(element.get("x")) - {"middle": length / 2, "end": length}.get(element.get("text-anchor"), 0)
        assert 0 <= begin <= begin + length <= width, shown


def test_the_mermaid_text_names_lanes_and_breaks_no_line(run: Run) -> None:
    text = mermaid(run.trace, run.cases, "回执丢失; 重发")
    lines = text.splitlines()
    assert lines[3] == "sequenceDiagram"
    assert "    participant grid as 网格平台" in lines
    assert all(re.match(r"    (participant|Note over|\w+(->>|-->>|-x)\w+:)", line) for line in lines[4:])
    assert ";" not in "".join(lines[4:]).replace("#35;", "")


@pytest.mark.parametrize(
    ("step", "zh", "en"),
    [
        ("clock.advance: 10 minutes", "时间推进:10 minutes", "time passes: 10 minutes"),
        (
            "refused: {workstation.withdraw: {case: c1, reason: 误报}, because: already_filed}",
            "应被拒绝:工作站申请撤回 c1:理由 误报,原因 已立案,不允许注销(already_filed)",
            "an act is refused: the workstation withdraws the case (c1): reason 误报, "
            "because filed already and not to be cancelled (already_filed)",
        ),
        (
            "expect.worklist: {party: urban, role: city_verifier, case: c1, listed: false}",
            "应在待办列表 c1:平台 城管平台,角色 市核查员,在列 否",
            "on a work list (c1): party urban platform, role city verifier, listed no",
        ),
        (
            "expect.count: {party: urban, of: cases, count: 3}",
            "应有数量:平台 城管平台,案卷,数量 3",
            "a party counts: party urban platform, cases, count 3",
        ),
    ],
)
def test_a_step_is_told_in_words(step: str, zh: str, en: str) -> None:
    scenario = loads_scenario(BAD_TEXT + f"  - {step}\n", "scenarios/x/step.yaml")
    assert Wording("zh").step(scenario.steps[-1]) == zh
    assert Wording("en").step(scenario.steps[-1]) == en
