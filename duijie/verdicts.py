"""Tells people and programs what a trace came to: every clause with its verdict, and for each breach the messages that disagree.

`duijie judge` and `duijie observe` share it. It decides nothing: what is kept and what is broken, the oracle has said.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.clauses import Clause, clauses
from conformance.oracle.clause import Needs, Violation, all_rules
from conformance.oracle.judge import Judgement, Verdict
from conformance.oracle.trace import Record
from conformance.scenario.wording import Wording
from duijie.console_text import Language, say
from duijie.exits import Exit
from duijie.explain import SEEN_BY_ZH
from duijie.narrate import message_line

#: Breaches of one clause that are told one by one; `--json` has them all.
BREACHES_TOLD = 5
#: Columns of a table that is written to a file or a pipe.
WIDTH_OF_FILES = 200
#: Messages of one breach that are told.
MESSAGES_TOLD = 6
#: What a recording from the wire is enough to see.
_ON_THE_WIRE = {"wire", "query"}

_STYLE = {Judgement.PASS: "green", Judgement.FAIL: "bold red", Judgement.NOT_SEEN: "dim"}


def plain_console() -> Console:
    """A console that fits the terminal, and breaks no line of a table where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_OF_FILES)


def exit_code(verdicts: Iterable[Verdict], *, unreadable: bool) -> Exit:
    """How a command ends that judged this: a breach outweighs everything, and what could not be read outweighs a pass."""
    outcomes = {verdict.outcome for verdict in verdicts}
    if Judgement.FAIL in outcomes:
        return Exit.FAILED
    return Exit.OK if Judgement.PASS in outcomes and not unreadable else Exit.INCONCLUSIVE


def tell_table(console: Console, verdicts: Sequence[Verdict], language: Language) -> None:
    """Every clause in a line: kept, broken, not seen, or nothing that the wire can show."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        say(language, "条款", "clause"),
        say(language, "结论", "verdict"),
        say(language, "说明", "what was seen"),
    ):
        table.add_column(title, overflow="fold")
    by_clause = {verdict.clause: verdict for verdict in verdicts}
    for clause in clauses().values():
        verdict = by_clause.get(clause.id)
        outcome = Judgement.NOT_SEEN if verdict is None else verdict.outcome
        style = _STYLE[outcome]
        table.add_row(
            Text(clause.id, style),
            Text(_word(outcome, language), style),
            Text(remark(clause, verdict, language), style),
        )
    console.print(table)


def remark(clause: Clause, verdict: Verdict | None, language: Language) -> str:
    """What a line of the table says beside the verdict."""
    if verdict is None and _ON_THE_WIRE.intersection(clause.seen_by):
        return say(language, "评判不含此条", "the judge has no rule for it")
    if verdict is None or (verdict.outcome is Judgement.NOT_SEEN and not seen_on_the_wire(clause.id)):
        seen_by = say(language, "、", ", ").join(_seen_by(clause, language))
        return say(
            language, f"单凭报文看不出(须从{seen_by}看)", f"the wire alone cannot show it (it shows in {seen_by})"
        )
    if verdict.outcome is Judgement.FAIL:
        times = len(verdict.violations)
        blamed = _blamed(verdict, language)
        return say(
            language, f"{times} 处违反,责任方:{blamed}", f"broken {times} time{'' if times == 1 else 's'}, by {blamed}"
        )
    if verdict.outcome is Judgement.NOT_SEEN:
        return say(language, "记录未涉及", "the recording does not come to it")
    kept = say(language, f"{verdict.kept} 处相符", f"kept {verdict.kept} time{'' if verdict.kept == 1 else 's'}")
    elsewhere = [word for word in clause.seen_by if word not in _ON_THE_WIRE]
    if not elsewhere or not seen_on_the_wire(clause.id):
        return kept
    words = say(language, "、", ", ").join(_seen_by(clause, language, only=elsewhere))
    return kept + say(
        language, f",以报文所见为限(另可从{words}看)", f", as far as the wire shows ({words} would show more)"
    )


def seen_on_the_wire(clause_id: str) -> bool:
    """Tell whether the oracle can find this clause in nothing but messages."""
    return any(rule.clause == clause_id and rule.needs is not Needs.PARTIES for rule in all_rules())


class Messages:
    """The messages of a trace, by the numbers of their records; with `keep` only those of so many of the last."""

    def __init__(self, records: Iterable[Record] = (), *, keep: int | None = None):
        self._keep = keep
        self._by_number: dict[int, Record] = {}
        self._calls: dict[int, Record] = {}
        self._answers: dict[int, Record] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take in one more record."""
        self._by_number[int(record["n"])] = record
        if record.get("type") in ("call", "answer"):
            (self._calls if record["type"] == "call" else self._answers)[int(record["call"])] = record
        if self._keep is not None and len(self._by_number) > self._keep:
            oldest = self._by_number.pop(next(iter(self._by_number)))
            if oldest.get("type") == "answer":
                self._calls.pop(int(oldest["call"]), None)
                self._answers.pop(int(oldest["call"]), None)

    def take_over(self, messages: Iterable[tuple[Record, Record | None]]) -> None:
        """Take in calls with their answers."""
        for record in (each for message in messages for each in message if each is not None):
            self.add(record)

    def behind(self, numbers: Iterable[int]) -> list[tuple[Record, Record | None]]:
        """The calls behind record numbers, each with its answer; the number of an answer stands for its call."""
        records = [self._by_number[n] for n in numbers if n in self._by_number]
        wanted = dict.fromkeys(int(record["call"]) for record in records if "call" in record)
        return [(self._calls[call], self._answers.get(call)) for call in wanted if call in self._calls]


def tell_breaches(console: Console, verdicts: Iterable[Verdict], messages: Messages, language: Language) -> None:
    """Each breach: what the clause expects beside what was seen, who is to blame, and the messages that disagree."""
    for verdict in verdicts:
        if not verdict.failed:
            continue
        console.print()
        console.print(Text(f"✗ {verdict.clause}", "bold red"))
        expected = verdict.expected_zh if language == "zh" else verdict.expected_en
        for violation in verdict.violations[:BREACHES_TOLD]:
            console.print(Text(f"  {say(language, '期望', 'expected')}: {expected}"))
            tell_breach(console, violation, messages, language)
        more = len(verdict.violations) - BREACHES_TOLD
        if more > 0:
            told = say(language, f"另有 {more} 处,--json 列出全部", f"and {more} more; --json lists them all")
            console.print(Text(f"  {told}"))


def tell_breach(console: Console, violation: Violation, messages: Messages, language: Language) -> None:
    """What was seen, who is to blame, and the messages that disagree."""
    seen = violation.zh if language == "zh" else violation.en
    console.print(Text(f"  {say(language, '所见', 'seen')}: {seen}", "red"))
    console.print(Text(f"  {say(language, '责任方', 'blame')}: {party(violation.blame, language)}"))
    said = Wording(language)
    shown = messages.behind(violation.records)
    for call, answer in shown[:MESSAGES_TOLD]:
        where = _place(call)
        line = f"    {said.time(call)}  {message_line(call, answer, said)}{where and f'  ({where})'}"
        console.print(Text(line), soft_wrap=True)
    more = len(shown) - MESSAGES_TOLD
    if more > 0:
        console.print(Text("    " + say(language, f"另有 {more} 条报文", f"and {more} more messages")))


def as_json(verdicts: Iterable[Verdict], messages: Messages) -> list[dict[str, Any]]:
    """Every clause as JSON, each breach with its messages."""
    by_clause = {verdict.clause: verdict for verdict in verdicts}
    return [_clause_json(clause, by_clause.get(clause.id), messages) for clause in clauses().values()]


def _clause_json(clause: Clause, verdict: Verdict | None, messages: Messages) -> dict[str, Any]:
    found: dict[str, Any] = {"clause": clause.id, "seen_on_the_wire": seen_on_the_wire(clause.id)}
    if verdict is None:
        return found | {"outcome": Judgement.NOT_SEEN.value, "kept": 0, "breaches": []}
    return found | {
        "outcome": verdict.outcome.value,
        "kept": verdict.kept,
        "expected_zh": verdict.expected_zh,
        "expected_en": verdict.expected_en,
        "breaches": [breach_as_json(violation, messages) for violation in verdict.violations],
    }


def breach_as_json(violation: Violation, messages: Messages) -> dict[str, Any]:
    """A breach as JSON, with its messages."""
    return {
        "seen_zh": violation.zh,
        "seen_en": violation.en,
        "blame": violation.blame,
        "messages": [{"call": call, "answer": answer} for call, answer in messages.behind(violation.records)],
    }


def party(name: str | None, language: Language) -> str:
    """A party's name; a word for nobody in particular."""
    if name is None:
        return say(language, "无法归于一方", "nobody in particular")
    return Wording(language).party(name)


def _blamed(verdict: Verdict, language: Language) -> str:
    names = dict.fromkeys(violation.blame for violation in verdict.violations)
    return say(language, "、", ", ").join(party(name, language) for name in names)


def _word(outcome: Judgement, language: Language) -> str:
    zh, en = {
        Judgement.PASS: ("相符", "kept"),
        Judgement.FAIL: ("违反", "broken"),
        Judgement.NOT_SEEN: ("未见", "not seen"),
    }[outcome]
    return say(language, zh, en)


def _seen_by(clause: Clause, language: Language, only: Sequence[str] | None = None) -> list[str]:
    words = clause.seen_by if only is None else only
    return [SEEN_BY_ZH.get(word, word) for word in words] if language == "zh" else list(words)


def _place(call: Record) -> str:
    source = call.get("source") or {}
    return f"{source['file']}#{source['entry']}" if "file" in source else ""
