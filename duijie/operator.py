"""`duijie operator`: what a person on duty asks the bridge and does at it, over its control port.

The bridge decides whether an act fits and keeps the book of all acts; here is only the asking, the choosing and the telling.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

import httpx

from bridge.core.desk import ACTS
from bridge.rules.delivery import FINAL_STATES, DeliveryState
from bridge.rules.pages import STATE_ZH
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from conformance.drivers.control import whom_to_trust
from conformance.scenario.wording import Wording
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake

#: A bridge answers its control port at once, or is in trouble.
ANSWER_SECONDS = 30.0

_AGE = re.compile(r"(\d+)\s*([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ACT_ZH = {"park": "挂起", "release": "放行", "resend": "重发", "abandon": "终止"}
_PLATFORM_ZH = {Side.GRID: "网格平台", Side.URBAN: "城管平台"}

#: The words that a filter can take.
_WORDS: dict[str, list[str]] = {
    "state": [state.value for state in DeliveryState if state not in FINAL_STATES],
    "platform": [side.value for side in Side],
    "type": [kind.value for kind in FormType],
}

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Where:
    """The bridge's control port, and how to speak."""

    address: str
    token: str | None
    json: bool
    language: Language


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which forms: these message ids, or all that fit every filter."""

    messages: tuple[str, ...] = ()
    state: str | None = None
    platform: str | None = None
    case: str | None = None
    type: str | None = None
    older_than: str | None = None

    def params(self) -> dict[str, str]:
        """The filters as the control port takes them; raises `UserMistake` for a value that nothing can have."""
        found = {}
        for name in ("state", "platform", "case", "type"):
            value = getattr(self, name)
            if value is None:
                continue
            if name in _WORDS and value not in _WORDS[name]:
                words = ", ".join(_WORDS[name])
                raise UserMistake(f"--{name} 应为:{words}", f"--{name} is one of: {words}")
            found[name] = str(value)
        if self.older_than is not None:
            found["older_than"] = str(_seconds(self.older_than))
        return found


class BridgeDesk:
    """The bridge behind its control port."""

    def __init__(self, where: Where):
        if not re.match(r"https?://\S+$", where.address):
            raise UserMistake(
                f"--control 应为地址,如 http://127.0.0.1:8200,不是 {where.address}",
                f"--control is an address such as http://127.0.0.1:8200, not {where.address}",
            )
        self._where = where
        headers = {"Authorization": f"Bearer {where.token}"} if where.token else {}
        try:
            # A proxy that is set for the machine is not meant for these calls.
            self._http = httpx.Client(
                base_url=where.address,
                timeout=ANSWER_SECONDS,
                verify=whom_to_trust(where.address),
                trust_env=False,
                headers=headers,
            )
        except (ValueError, httpx.InvalidURL):
            raise self._silent() from None

    def __enter__(self) -> "BridgeDesk":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, name: str, params: dict[str, str] | None = None) -> Any:
        """The answer to a question; raises `UserMistake`."""
        status, said = self._call("GET", f"/asks/{name}", params=params)
        if status >= 400:
            raise UserMistake(str(said.get("message_zh")), str(said.get("message_en")))
        return said

    def act(self, act: str, form: Row, by: str, reason: str) -> Row:
        """Act on one form. Gives back what came of it: `outcome` is `done` or the code of the refusal."""
        body = {"case": form["case_number"], "message": form["message_id"], "by": by, "reason": reason}
        status, said = self._call("POST", f"/acts/bridge.{act}", json=body)
        told = {"act": act, "case_number": form["case_number"], "message_id": form["message_id"]}
        if status >= 400:
            refused = {name: said.get(name) for name in ("message_zh", "message_en")}
            return {**told, "outcome": str(said.get("code")), **refused}
        return {**told, "outcome": "done", "state": said.get("state")}

    def _call(self, method: str, path: str, **content: Any) -> tuple[int, Any]:
        try:
            response = self._http.request(method, path, **content)
            said = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, UnicodeError):
            raise self._silent() from None
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise UserMistake(
                f"{self._where.address} 不接受此令牌,请用 --token 或 DUIJIE_CONTROL_TOKEN",
                f"{self._where.address} does not accept the token; give it by --token or DUIJIE_CONTROL_TOKEN",
            )
        if not isinstance(said, dict | list):
            raise self._silent()
        return response.status_code, said

    def _silent(self) -> UserMistake:
        address = self._where.address
        return UserMistake(
            f"{address} 没有对接桥的控制端口在应答", f"nothing answers as a bridge's control port at {address}"
        )


def run_list(where: Where, chosen: Chosen) -> Exit:
    """Print the forms under way, the oldest first."""
    params = chosen.params()
    with BridgeDesk(where) as desk:
        forms = desk.ask("under_way", params)
    _tell(where, forms, lambda: _listing(forms, where.language))
    return Exit.OK


def run_show(where: Where, named: str) -> Exit:
    """Print one form by its message id, or all forms of a case by its number."""
    with BridgeDesk(where) as desk:
        if named.startswith("urn:"):
            forms = [desk.ask("form", {"message": named})]
        else:
            numbers = [form["message_id"] for form in desk.ask("case", {"case": named})["deliveries"]]
            forms = [desk.ask("form", {"message": each}) for each in numbers]
    _tell(where, forms, lambda: [line for form in forms for line in _story(form, where.language)])
    return Exit.OK


def run_act(
    where: Where,
    act: str,
    chosen: Chosen,
    *,
    by: str,
    reason: str,
    sure: Callable[[str], bool],
) -> Exit:
    """Act on the chosen forms, one by one; FAILED when one of the acts was refused. `sure` is asked before many at once."""
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise UserMistake("--by 和 --reason 不能为空", "--by and --reason must say something")
    params = chosen.params()
    if bool(chosen.messages) == bool(params):
        raise UserMistake("请给出报文标识,或给出筛选条件(二者取一)", "name message ids or give filters, one of the two")
    with BridgeDesk(where) as desk:
        if chosen.messages:
            forms = [desk.ask("form", {"message": each}) for each in dict.fromkeys(chosen.messages)]
        else:
            fitting = ACTS[f"bridge.{act}"]
            forms = [each for each in desk.ask("under_way", params) if each["state"] in fitting]
            if forms and not sure(_question(act, forms, where)):
                raise UserMistake("未执行任何操作", "nothing was done")
        done = []
        for form in forms:
            done.append(desk.act(act, form, by, reason))
            if where.json:
                _line(done[-1])
            else:
                _print([_outcome(done[-1], where.language)])
    if not where.json and not forms:
        _print([say(where.language, "没有符合条件的表单", "no form fits")])
    return Exit.OK if all(each["outcome"] == "done" for each in done) else Exit.FAILED


def run_receipts(where: Where, case: str | None) -> Exit:
    """Print the receipts that changed nothing, with their reasons."""
    with BridgeDesk(where) as desk:
        kept = desk.ask("receipts_kept", {} if case is None else {"case": case})
    columns = ("at", "given_by", "outcome", "code", "kept_as", "reason", "case_number", "form_message_id")
    heads = {
        "at": ("时间", "at"),
        "given_by": ("来自", "from"),
        "outcome": ("回执", "receipt"),
        "code": ("代码", "code"),
        "kept_as": ("认定", "kept as"),
        "reason": ("原因", "because"),
        "case_number": ("案卷", "case"),
        "form_message_id": ("报文", "form"),
    }
    _tell(where, kept, lambda: _table(kept, columns, heads, where.language))
    return Exit.OK


def run_audit(where: Where) -> Exit:
    """Print everything that people did, in order, and whether the book is intact; FAILED when it is not."""
    with BridgeDesk(where) as desk:
        book = desk.ask("audit")
    intact = all(each["intact"] for each in book)
    columns = ("n", "at", "operator", "act", "outcome", "before", "after", "case_number", "message_id", "reason")
    heads = {
        "n": ("序", "n"),
        "at": ("时间", "at"),
        "operator": ("操作人", "operator"),
        "act": ("操作", "act"),
        "outcome": ("结果", "outcome"),
        "before": ("之前", "before"),
        "after": ("之后", "after"),
        "case_number": ("案卷", "case"),
        "message_id": ("报文", "form"),
        "reason": ("理由", "reason"),
    }
    _tell(where, book, lambda: [*_table(book, columns, heads, where.language), _verdict(book, where.language)])
    return Exit.OK if intact else Exit.FAILED


def _verdict(book: Sequence[Row], language: Language) -> str:
    broken = next((each["n"] for each in book if not each["intact"]), None)
    if broken is not None:
        return say(
            language, f"自第 {broken} 行起封签不符,记录被改动过", f"altered: the seals do not fit from line {broken} on"
        )
    last = book[-1]["seal"] if book else "-"
    return say(language, f"{len(book)} 行,封签完好,末签 {last}", f"{len(book)} lines, seals intact, the last is {last}")


# ── how it is told ────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(where: Where, rows: Iterable[Row], lines: Callable[[], list[str]]) -> None:
    if where.json:
        for row in rows:
            _line(row)
    else:
        _print(lines())


def _line(row: Row) -> None:
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line.rstrip() + "\n")


def _listing(forms: Sequence[Row], language: Language) -> list[str]:
    columns = ("age", "state", "platform", "form_type", "attempts", "trouble", "due_at", "case_number", "message_id")
    heads = {
        "age": ("已历时", "age"),
        "state": ("状态", "state"),
        "platform": ("发往", "to"),
        "form_type": ("表单", "form"),
        "attempts": ("次数", "sent"),
        "trouble": ("原因", "trouble"),
        "due_at": ("下一步", "next"),
        "case_number": ("案卷", "case"),
        "message_id": ("报文", "message"),
    }
    rows = [
        {
            **form,
            "age": _age(form["age_seconds"]),
            "state": _state(form["state"], language),
            "platform": _platform(form["platform"], language),
            "form_type": _form(form["form_type"], language),
        }
        for form in forms
    ]
    total = say(language, f"在途 {len(forms)} 份", f"{len(forms)} under way")
    return [*_table(rows, columns, heads, language), total]


def _story(form: Row, language: Language) -> list[str]:
    title = _form(form["form_type"], language)
    head = f"{title}  {form['message_id']}  {form['case_number']}"
    state = _state(form["state"], language)
    told = [
        (("状态", "state"), state + (f" ({form['trouble']})" if form["trouble"] else "")),
        (("发往", "to"), _platform(form["platform"], language)),
        (("发送次数", "sent"), str(form["attempts"])),
        (("受理", "admitted"), f"{form['admitted_at']}  {_age(form['age_seconds'])}"),
        (("下一步", "next"), form["due_at"]),
        (("回执", "receipt"), " ".join(str(each) for each in (form["receipt"], form["code"]) if each)),
    ]
    lines = [head, *(f"  {say(language, *name)}: {value}" for name, value in told if value)]
    lines += [f"  {each['at']}  {each['what']}  {each['detail']}" for each in form["journal"]]
    lines += [
        f"  {each['at']}  {say(language, '未生效的回执', 'a receipt without effect')}: "
        f"{each['outcome']} {each['kept_as']} ({each['reason']})"
        for each in form["receipts_kept"]
    ]
    return [*lines, ""]


def _outcome(done: Row, language: Language) -> str:
    what = say(language, _ACT_ZH[done["act"]], done["act"])
    about = f"{done['case_number']}  {done['message_id']}"
    if done["outcome"] == "done":
        return f"✓ {what}  {about}  → {_state(done['state'], language)}"
    return f"✗ {what}  {about}  {done['outcome']}: {say(language, str(done['message_zh']), str(done['message_en']))}"


def _question(act: str, forms: Sequence[Row], where: Where) -> str:
    platforms = ", ".join(sorted({_platform(each["platform"], where.language) for each in forms}))
    cases = len({each["case_number"] for each in forms})
    return say(
        where.language,
        f"对 {cases} 件案卷的 {len(forms)} 份表单(发往 {platforms})执行“{_ACT_ZH[act]}”?",
        f"{act} {len(forms)} forms of {cases} cases (to {platforms})?",
    )


def _state(state: str | None, language: Language) -> str:
    if state is None:
        return "?"
    return say(language, STATE_ZH[DeliveryState(state)], state)


def _platform(platform: str | None, language: Language) -> str:
    return "?" if platform is None else say(language, _PLATFORM_ZH[Side(platform)], platform)


def _form(form_type: str | None, language: Language) -> str:
    return "?" if form_type is None else Wording(language).label("forms", form_type)


def _age(seconds: int) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _seconds(age: str) -> int:
    found = _AGE.fullmatch(age.strip())
    if found is None:
        raise UserMistake(
            f"--older-than 应如 90、30m、2h、1d,不是 {age}", f"--older-than is like 90, 30m, 2h, 1d, not {age}"
        )
    return int(found[1]) * _SECONDS[found[2]]


def _table(
    rows: Sequence[Row], columns: Sequence[str], heads: dict[str, tuple[str, str]], language: Language
) -> list[str]:
    """Columns under their heads, as wide as what stands in them; a Chinese sign takes two places."""
    if not rows:
        return []
    cells = [[say(language, *heads[name]) for name in columns]]
    cells += [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
