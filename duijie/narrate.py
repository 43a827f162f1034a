"""Tells a run as a timeline that a city official can read, or as JSON lines for programs. It listens and decides nothing."""

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from conformance.clauses import clauses
from conformance.oracle.judge import Judgement
from conformance.oracle.trace import Record, plain
from conformance.scenario.events import (
    Event,
    ExpectationFailed,
    Failure,
    Outcome,
    Recorded,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from conformance.scenario.judged import judged
from conformance.scenario.steps import Step, Wiring
from conformance.scenario.wording import Wording

#: Messages shown after a failure.
LAST_MESSAGES = 8

_STYLES = {"done": "bold", "refused": "yellow", "message": "", "network": "magenta", "good": "green", "bad": "bold red"}


class Timeline:
    """Listens to runs and prints them; in colour on a terminal, plain elsewhere."""

    def __init__(self, console: Console, language: str = "zh", *, brief: bool = False):
        self._console = console
        self._language = language
        #: True to print one line a run, and more only when it fails.
        self._brief = brief
        self._said = Wording(language)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, RunStarted):
            self._said = Wording(self._language)
        else:
            self._said.names = {number: name for name, number in event.run.cases.items()}
        if isinstance(event, RunFinished):
            self._finished(event.run)
        elif isinstance(event, ExpectationFailed):
            self._failed(event.run, event.failure)
        elif self._brief:
            return
        elif isinstance(event, RunStarted):
            self._started(event.run)
        elif isinstance(event, Recorded):
            self._records(event.records)
        elif isinstance(event, StepFinished):
            self._looked(event.run, event.step)

    def _print(self, text: str, style: str = "message", indent: int = 0) -> None:
        self._console.print(Text(" " * indent + text, style=_STYLES[style]), soft_wrap=True)

    def _started(self, run: Run) -> None:
        scenario = run.scenario
        self._print("")
        self._print(f"■ {scenario.title(self._language)}", "done")
        self._print(f"{scenario.id} · {_setting(run, self._said)}", indent=2)
        for clause_id in scenario.clauses:
            self._print(f"{clause_id} {clauses()[clause_id].sentence(self._language)}", indent=2)

    def _records(self, records: tuple[Record, ...]) -> None:
        said = self._said
        answers = {r["call"]: r for r in records if r["type"] == "answer"}
        calls = {r["call"] for r in records if r["type"] == "call"}
        for record in records:
            kind, time = record["type"], said.time(record)
            if kind == "act":
                if record["outcome"] == "done":
                    self._print(f"{time}  {said.act(record)}", "done")
                else:
                    why = said.pick("被拒绝", "refused")
                    self._print(
                        f"{time}  {said.act(record)} —— {why}{said.pick(':', ': ')}{said.code(record.get('code'))}",
                        "refused",
                    )
            elif kind == "call":
                self._print(f"{time}    {message_line(record, answers.get(record['call']), said)}")
            elif kind == "answer" and record["call"] not in calls:
                self._print(f"{time}    ↩ {said.answer(record)}")
            elif kind == "not_reached":
                self._print(f"{time}    {message_line(record, None, said)}  ✗ {said.pick('无法连接', 'no connection')}")
            elif kind == "unread":
                self._print(f"{time}    {unread_line(record, said)}")
            elif kind == "fault_rule":
                self._print(f"{time}  ⚡ {said.rule(record)}", "network")
            elif kind == "clock":
                self._print(f"{time}  ⏱ {said.pick('时间推进至此', 'the clock has come here')}", "network")
            elif kind == "restart":
                party = said.party(record["party"])
                self._print(
                    f"{time}  ↻ {said.pick(f'{party}停机并重启', f'the {party} stopped and started again')}", "network"
                )

    def _looked(self, run: Run, step: Step) -> None:
        if not step.word.name.startswith("expect"):
            return
        if run.wiring is Wiring.DIRECT and "bridge" in step.params:
            # Nobody looked at a bridge that is not there.
            step = replace(step, params={key: value for key, value in step.params.items() if key != "bridge"})
        self._print(f"✓ {self._said.step(step)}", "good", 16)

    def _failed(self, run: Run, failure: Failure) -> None:
        said = self._said
        if self._brief:
            self._started(run)
        if failure.step is not None:
            where = f"{run.scenario.path}:{failure.step.line}:{failure.step.column}"
            self._print(f"✗ {where} {said.step(failure.step)}", "bad")
        self._print(failure.sentence(self._language), "bad", 2)
        self._print(f"{said.pick('期望', 'expected')}: {_short(failure.expected)}", indent=2)
        self._print(f"{said.pick('所见', 'seen')}: {_short(failure.seen)}", indent=2)

    def _finished(self, run: Run) -> None:
        said = self._said
        if run.outcome is Outcome.PASS:
            kept = [v.clause for v in run.verdicts if v.outcome is Judgement.PASS]
            count = said.pick(f"评判 {len(kept)} 条条款,均相符", f"{len(kept)} clauses judged, all kept")
            tail = f" · {count}" if not self._brief else ""
            self._print(f"✓ {run.scenario.id} · {_setting(run, said)}{tail}", "good")
            return
        if run.error is not None:
            self._print(f"✗ {said.pick('运行中断', 'the run broke')}: {run.error}", "bad")
            self._print(run.error_detail.rstrip(), indent=2)
        messages = run.last_messages(2 * LAST_MESSAGES)
        answers = {r["call"]: r for r in messages if r["type"] == "answer"}
        calls = [r for r in messages if r["type"] == "call"][-LAST_MESSAGES:]
        if calls:
            self._print(said.pick("最后的报文:", "the last messages:"), indent=2)
        for record in calls:
            line = message_line(record, answers.get(record["call"]), said)
            self._print(f"{said.time(record)}  {line}", indent=4)
        self._print(f"✗ {run.scenario.id} · {_setting(run, said)}", "bad")
        self._print(f"{said.pick('重现', 'repeat with')}: {repeat_command(run)}", indent=2)


def repeat_command(run: Run) -> str:
    """The command that plays a run again, started as this one was: also where `duijie` is not on the path."""
    return run.told_by or run.repeat_command.replace("duijie", _program(), 1)


def _program() -> str:
    started = Path(sys.argv[0])
    if started.parent == Path(__file__).parent:
        return f"{shlex.quote(sys.executable)} -m duijie"
    if started.name != "duijie" or shutil.which("duijie") == str(started):
        return "duijie"
    return shlex.quote(str(started))


def unread_line(record: Record, said: Wording) -> str:
    """Something that crossed and is no message of the contract, in a line."""
    way = f"{said.party(record['from'])} → {said.party(record['to'])}  " if "from" in record else ""
    what = said.pick("契约之外的内容", "something that is no message of the contract")
    return f"{way}{what}{said.pick('(', ' (')}{record.get('detail', '')}{said.pick(')', ')')}"


def message_line(call: Record, answer: Record | None, said: Wording) -> str:
    """One message and how its call ended, in a line."""
    way = f"{said.party(call.get('from'))} → {said.party(call.get('to'))}"
    operation = call.get("operation")
    if operation == "DeliverForm":
        what = said.form(call)
    elif operation == "DeliverReceipt":
        receipt = call.get("receipt") or {}
        name = said.label("forms", receipt.get("formType"))
        what = said.pick(
            f"回执:{name} {said.case(call.get('case_number'))} {said.receipt(receipt)}",
            f"receipt for {name} {said.case(call.get('case_number'))}: {said.receipt(receipt)}",
        )
    elif call.get("form_type"):
        what = f"{said.label('forms', call['form_type'])} {said.case(call.get('case_number'))}"
    else:
        what = said.pick("查询移交案卷", "query for handed-over cases")
    marks = []
    if int(call.get("attempt") or 1) > 1:
        marks.append(said.pick(f"第 {call['attempt']} 次发送", f"sending {call['attempt']}"))
    if call.get("by_network"):
        marks.append(said.network(call) or said.pick("网络重送", "made by the network"))
    if call.get("injected"):
        marks.append(said.pick("伪造", "forged"))
    marks += call.get("packed") or []
    marked = f" [{said.pick(',', ', ').join(marks)}]" if marks else ""
    return f"{way}  {what}{marked}{said.clauses(call)}" + (f"  ↩ {said.answer(answer)}" if answer is not None else "")


def _setting(run: Run, said: Wording) -> str:
    wiring = said.pick("经对接桥", "bridged") if run.wiring is Wiring.BRIDGED else said.pick("直连", "direct")
    stage = said.pick("虚拟时间", "virtual") if run.stage == "virtual" else said.pick("真实报文", "live")
    return f"{wiring} · {stage} · {said.pick('种子', 'seed')} {run.seed}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= 300 else text[:299] + "…"


class JsonLines:
    """Listens to runs and writes one JSON object a line."""

    def __init__(self, write: Callable[[str], object], language: str = "zh"):
        self._write = write
        self._language = language

    def __call__(self, event: Event) -> None:
        """Take one event."""
        run = event.run
        about = {"scenario": run.scenario.id, "wiring": run.wiring.value, "stage": run.stage}
        if isinstance(event, RunStarted):
            self._line(
                "run_started",
                about,
                title=run.scenario.title(self._language),
                clauses=run.scenario.clauses,
                seed=run.seed,
            )
        elif isinstance(event, StepStarted):
            self._line("step", about, number=event.step.number, word=event.step.word.name, line=event.step.line)
        elif isinstance(event, Recorded):
            for record in event.records:
                self._line("record", about, record=record)
        elif isinstance(event, ExpectationFailed):
            self._line("failed", about, **failure_record(event.failure))
        elif isinstance(event, RunFinished):
            self._line(
                "run_finished",
                about,
                outcome=run.outcome.value,
                error=run.error,
                cases=run.cases,
                verdicts={v.clause: v.outcome.value for v in run.verdicts},
                judged=judged(run.trace, run.verdicts),
                repeat=repeat_command(run),
            )

    def _line(self, event: str, about: Mapping[str, Any], **values: Any) -> None:
        record = {"event": event, **about} | {key: plain(value) for key, value in values.items() if value is not None}
        self._write(json.dumps(record, ensure_ascii=False) + "\n")


def failure_record(failure: Failure) -> dict[str, Any]:
    """A failure as JSON."""
    step = failure.step
    return {
        "step": None if step is None else step.number,
        "line": None if step is None else step.line,
        "message_zh": failure.zh,
        "message_en": failure.en,
        "expected": failure.expected,
        "seen": failure.seen,
    }
