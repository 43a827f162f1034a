"""The messages that disagree, in the page: each whole, and of two that should be alike the difference."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from conformance.observe.envelope import pretty
from conformance.oracle.trace import Record, Trace, plain
from conformance.reports.bilingual import both
from conformance.reports.diagram import arrows
from conformance.scenario.wording import Wording

#: Characters that are shown of one message; the trace has it whole.
CHARACTERS_MAX = 40_000
#: Differences that are shown of one check.
_DIFFERENCES_MAX = 3
#: Lines around a difference.
_AROUND = 3

#: What stands in the record beside the message, or is shown by itself.
_BESIDE = frozenset({"envelope", "n"})


def anchor_of(check_id: str, record: Record) -> str:
    """Where in the page a message of a check stands."""
    return f"{check_id}:{record['n']}"


def messages(check_id: str, trace: Trace, cases: Mapping[str, str], shown: Sequence[Record]) -> Iterator[str]:
    """Every one of these records: its envelope where there is one, and how the judge read it."""
    lines = {language: _lines_of(trace, cases, language) for language in ("zh", "en")}
    answers = {record["call"]: record for record in trace.of_type("answer")}
    numbers = {record["n"] for record in shown}
    for record in shown:
        text = both(_line(record, lines["zh"], Wording("zh", cases)), _line(record, lines["en"], Wording("en", cases)))
        yield f'<details class="msg" id="{escape(anchor_of(check_id, record))}" open><summary>#{record["n"]} {text}</summary>'
        yield from _whole(record)
        answer = answers.get(record["call"]) if record["type"] == "call" else None
        if answer is not None and answer["n"] not in numbers:
            yield f"<p class=sub>{both('对它的应答', 'the answer to it')} #{answer['n']}</p>"
            yield from _whole(answer)
        yield "</details>"


def differences(shown: Sequence[Record]) -> Iterator[str]:
    """The difference between each two that follow each other and are of the same kind."""
    kinds: dict[str, list[Record]] = {}
    for record in shown:
        kinds.setdefault(_kind(record), []).append(record)
    pairs = [pair for alike in kinds.values() for pair in pairwise(alike)]
    for one, other in pairs[:_DIFFERENCES_MAX]:
        title = both(f"#{one['n']} 与 #{other['n']} 的差异", f"#{one['n']} against #{other['n']}")
        yield f"<details class=msg open><summary>{title}</summary>"
        told = list(difflib.unified_diff(text_of(one), text_of(other), lineterm="", n=_AROUND))[2:]
        if told:
            yield f"<pre class=diff>{''.join(map(_diff_line, told))}</pre>"
        else:
            yield f"<p>{both('两者逐字相同', 'the two are the same to the letter')}</p>"
        yield "</details>"


def text_of(record: Record) -> list[str]:
    """A message as lines that can be read and compared: its envelope, or else its fields."""
    if "envelope" in record:
        return pretty(record["envelope"]).splitlines()
    return _fields(record).splitlines()


def columns(expected: object, received: object) -> str:
    """Expected beside received, with the lines in which they differ marked."""
    one, other = _value(expected), _value(received)
    several = "\n" in one and "\n" in other
    left = _marked(one, other) if several else escape(one)
    right = _marked(other, one) if several else escape(other)
    return (
        f'<div class="two"><div class=exp><b>{both("期望", "expected")}</b><pre>{_text(expected, left)}</pre></div>'
        f"<div class=rec><b>{both('实际', 'received')}</b><pre>{_text(received, right)}</pre></div></div>"
    )


def _text(value: object, shown: str) -> str:
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return both(str(value["zh"]), str(value["en"]))
    return shown


def _value(value: object) -> str:
    return _cut(value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False, indent=1))


def _marked(text: str, other: str) -> str:
    known = {line.rstrip(",") for line in other.splitlines()}
    return "\n".join(
        escape(line) if line.rstrip(",") in known else f"<mark>{escape(line)}</mark>" for line in text.splitlines()
    )


def _kind(record: Record) -> str:
    part = record.get("receipt") or (record.get("given") or {}).get("receipt") or {}
    said = (record.get("form_type"), record.get("ask"), record.get("act"), part.get("formType"), part.get("caseNumber"))
    return json.dumps([record["type"], record.get("operation"), *said])


def _whole(record: Record) -> Iterator[str]:
    fields = f"<pre>{escape(_cut(_fields(record)))}</pre>"
    if "envelope" not in record:
        yield fields
        return
    yield f"<pre class=xml>{escape(_cut(pretty(record['envelope'])))}</pre>"
    yield f"<details class=fields><summary>{both('评判者读到的内容', 'as the judge read it')}</summary>{fields}</details>"


def _fields(record: Record) -> str:
    return json.dumps(
        {key: plain(value) for key, value in record.items() if key not in _BESIDE}, ensure_ascii=False, indent=1
    )


def _lines_of(trace: Trace, cases: Mapping[str, str], language: str) -> dict[int, str]:
    said = Wording(language, cases)
    return {
        arrow.n: f"{arrow.time} {said.party(arrow.sender)}"
        + (f" → {said.party(arrow.to)}" if arrow.to != arrow.sender else "")
        + f": {arrow.text}"
        for arrow in arrows(trace, cases, language)
    }


def _line(record: Record, lines: Mapping[int, str], said: Wording) -> str:
    if record["n"] in lines:
        return lines[record["n"]]
    time = said.time(record)[6:] if "at" in record else ""
    kinds = {
        "answer": said.pick("应答", "answer"),
        "fact": said.pick("询问状态的回答", "what a party said of itself"),
        "notice": said.pick("通知", "notice"),
        "unread": said.pick("无法读取的内容", "something unreadable"),
    }
    party = f"{said.party(record['party'])} " if "party" in record else ""
    about = record.get("ask") or record.get("outcome") or ""
    return f"{time} {party}{kinds.get(record['type'], record['type'])} {about}".rstrip()


def _diff_line(line: str) -> str:
    kind = {"+": "ins", "-": "del", "@": "at"}.get(line[0], "")
    return f'<span class="{kind}">{escape(line)}\n</span>' if kind else f"{escape(line)}\n"


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS_MAX else text[: CHARACTERS_MAX - 1] + "…"


def has_envelopes(records: Iterable[Record]) -> bool:
    """Whether anything of this went over a line."""
    return any("envelope" in record for record in records)
