"""Where a report's cases come from: a casebook, traces, the bridge's journal, or the urban platform's books over its control port.

Files are told apart by their first line. Everything is read one line at a time, so that a year fits as well as a day.

    casebook   {"type": "casebook", "version": "1.0"}, then one case a line; what `--keep` writes
    trace      {"type": "trace", …}, docs/trace.md: the cases that crossed the wire
    journal    the URL of the bridge's store: the same, from the envelopes that the bridge kept
    books      the control port of the urban platform: its own cases too
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from bridge.stores.sql import SqlStore, StoreNotOpened
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.messages import FormMessage, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Party
from conformance.observe.soap import read_request, read_response
from conformance.oracle.trace import form_fields
from duijie.audit import asking
from duijie.exits import UserMistake
from duijie.figures.books import case_from_books
from duijie.figures.cases import Case, from_line, moment, to_line
from duijie.figures.forms import FormHeard, Heard, ReceiptHeard, cases_from
from duijie.pair import Remote
from duijie.serve import TOKEN_VARIABLE, given_token

CASEBOOK_HEAD = {"type": "casebook", "version": "1.0"}
#: Entries of a journal that are read at one time.
_PAGE = 2_000


def cases_of(sources: Iterable[str], known_until: datetime | None = None) -> Iterator[Case]:
    """The cases of files and stores; what was recorded after `known_until` is not looked at."""
    files = [source for source in sources if "://" not in source]
    kinds = {name: _kind(name) for name in files}
    for name in files:
        if kinds[name] == "casebook":
            yield from _casebook(name)
    traces = [name for name in files if kinds[name] == "trace"]
    if traces:
        yield from cases_from(_heard_in_traces(traces, known_until))
    for source in sources:
        if "://" in source:
            yield from cases_from(_heard_in_journal(source, known_until))


def cases_in_books(port: int) -> Iterator[Case]:
    """The cases of the urban platform that answers at this control port."""
    token = given_token()
    if token is None:
        raise UserMistake(
            f"控制端口须凭令牌访问,请设置环境变量 {TOKEN_VARIABLE}",
            f"control ports are opened by a token: set the environment variable {TOKEN_VARIABLE}",
        )
    remote = Remote(Party.URBAN, port, token)
    try:
        ask = asking(remote)
        for row in ask("cases", {}):
            answer = ask("case", {"case": row["case_number"]})
            try:
                yield case_from_books(answer)
            except KeyError as lacking:
                raise UserMistake(
                    f"{remote.address} 的案卷应答中没有 {lacking.args[0]},无法统计",
                    f"the answers of {remote.address} lack {lacking.args[0]}, so there is nothing to count by",
                ) from None
    finally:
        remote.close()


@contextmanager
def kept(cases: Iterable[Case], path: Path | None) -> Iterator[Iterator[Case]]:
    """The same cases, each written into a new casebook on its way."""
    if path is None:
        yield iter(cases)
        return
    try:
        with path.open("x", encoding="utf-8") as out:
            yield _written(cases, out)
    except FileExistsError:
        raise UserMistake(f"{path} 已存在,未改动", f"{path} is there already and was left alone") from None
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error


def _written(cases: Iterable[Case], out: TextIO) -> Iterator[Case]:
    out.write(json.dumps(CASEBOOK_HEAD) + "\n")
    for case in cases:
        out.write(json.dumps(to_line(case), ensure_ascii=False) + "\n")
        yield case


def _kind(name: str) -> str:
    with _opened(name) as lines:
        first = next((line for line in lines if line.strip()), "")
    try:
        kind = json.loads(first).get("type")
    except (ValueError, AttributeError):
        kind = None
    if kind not in ("casebook", "trace"):
        raise UserMistake(
            f"{name}:1:首行既不是案卷簿也不是轨迹的文件头",
            f"{name}:1: the first line heads neither a casebook nor a trace",
        )
    return str(kind)


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    try:
        with Path(name).open(encoding="utf-8") as lines:
            yield lines
    except OSError as error:
        raise UserMistake(f"无法读取 {name}:{error.strerror}", f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserMistake(f"{name} 不是 UTF-8 文本", f"{name} is no UTF-8 text") from None


def _casebook(name: str) -> Iterator[Case]:
    with _opened(name) as lines:
        for number, line in enumerate(lines, 1):
            if number == 1 or not line.strip():
                continue
            try:
                yield from_line(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UserMistake(
                    f"{name}:{number}:不是案卷簿的一行({error!r})",
                    f"{name}:{number}: no line of a casebook ({error!r})",
                ) from None


def _heard_in_traces(names: Iterable[str], known_until: datetime | None) -> Iterator[Heard]:
    for name in names:
        with _opened(name) as lines:
            for number, line in enumerate(lines, 1):
                if '"form"' in line or '"receipt"' in line:
                    yield from _heard_in_record(_record(name, number, line), known_until)


def _record(name: str, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        raise UserMistake(f"{name}:{number}:不是 JSON", f"{name}:{number}: no JSON") from None
    return record if isinstance(record, dict) else {}


def _heard_in_record(record: dict[str, Any], known_until: datetime | None) -> Iterator[Heard]:
    if known_until is not None and "at" in record and moment(record["at"]) > known_until:
        return
    if record.get("type") == "call" and isinstance(record.get("form"), dict):
        yield FormHeard(str(record.get("message_id")), str(record.get("form_type")), record["form"])
    receipt = record.get("receipt")
    if isinstance(receipt, dict) and record.get("type") in ("call", "answer"):
        yield ReceiptHeard(str(receipt.get("formMessageId")), receipt.get("outcome") == "confirmed")


def _heard_in_journal(url: str, known_until: datetime | None) -> Iterator[Heard]:
    try:
        store = SqlStore(url)
    except StoreNotOpened as closed:
        raise UserMistake(closed.message_zh, closed.message_en) from None
    after = 0
    while page := store.read_journal(after=after, limit=_PAGE):
        after = page[-1][0]
        for _, entry in page:
            if entry.envelope is not None and (known_until is None or entry.at <= known_until):
                yield from _heard_in_envelope(entry.what, entry.envelope)


def _heard_in_envelope(what: str, envelope: bytes) -> Iterator[Heard]:
    if what.startswith("answer"):
        ending = read_response(envelope)
        if isinstance(ending, Answered) and ending.receipt is not None:
            yield _receipt(ending.receipt)
        return
    message = read_request(envelope)
    if isinstance(message, FormMessage):
        form = message.form
        yield FormHeard(message.header.message_id, form.form_type.value, form_fields(form))
    elif isinstance(message, ReceiptMessage):
        yield _receipt(message.receipt)


def _receipt(receipt: Receipt) -> ReceiptHeard:
    return ReceiptHeard(receipt.form_message_id, receipt.outcome.value == "confirmed")
