"""A sequence diagram of the messages that really crossed in a run: as Mermaid text, and drawn as SVG without any library."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from conformance.oracle.trace import Record, Trace
from conformance.scenario.wording import Wording

#: The lanes from left to right.
_LANES = ("grid", "bridge", "urban")

_LANE_WIDTH = 520
_LEFT = 130
_TOP = 70
_ROW = 30
_FONT = "font-family:'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif"


@dataclass(frozen=True, slots=True)
class Arrow:
    """One line of the diagram: a message between two lanes, or (with `to` equal to `sender`) a note at one."""

    sender: str
    to: str
    text: str
    time: str
    #: form, receipt, lost, act, refused or network.
    kind: str
    #: Number of the record that it stands for.
    n: int = 0


def arrows(trace: Trace, cases: Mapping[str, str], language: str = "zh") -> list[Arrow]:
    """What the diagram shows, in order: acts, forms, receipts, and what the network did to them."""
    said = Wording(language, cases)
    answers = {record["call"]: record for record in trace.of_type("answer")}
    found: list[Arrow] = []
    for record in trace:
        kind, time = record["type"], said.time(record)[6:] if "at" in record else ""
        if kind == "act":
            done = record["outcome"] == "done"
            refused = said.pick("被拒绝:", "refused: ") + said.code(record.get("code"))
            text = said.act(record) + ("" if done else f" — {refused}")
            found.append(Arrow(record["party"], record["party"], text, time, "act" if done else "refused", record["n"]))
        elif kind == "restart":
            found.append(
                Arrow(
                    record["party"],
                    record["party"],
                    said.pick("停机并重启", "stop and start"),
                    time,
                    "network",
                    record["n"],
                )
            )
        elif kind == "not_reached":
            name = said.label("forms", record["form_type"]) if "form_type" in record else said.pick("查询", "query")
            text = f"{name} — {said.pick('无法连接', 'no connection')}"
            found.append(Arrow(record["from"], record["to"], text, time, "lost", record["n"]))
        elif kind == "call":
            found.append(_message(record, answers.get(record["call"]), said, time))
        elif kind == "answer":
            back = _answer(record, trace, said, time)
            if back is not None:
                found.append(back)
    return found


def _message(call: Record, answer: Record | None, said: Wording, time: str) -> Arrow:
    operation = call.get("operation")
    if operation == "DeliverForm":
        text, kind = said.form(call), "form"
    elif operation == "DeliverReceipt":
        receipt = call.get("receipt") or {}
        name = said.label("forms", receipt.get("formType"))
        text, kind = said.pick(f"回执:{name} ", f"receipt: {name} ") + said.receipt(receipt), "receipt"
    else:
        text, kind = said.pick("查询移交案卷", "query"), "form"
    if int(call.get("attempt") or 1) > 1:
        text += said.pick(f" [第 {call['attempt']} 次发送]", f" [sending {call['attempt']}]")
    outcome = None if answer is None else answer.get("outcome")
    if outcome in ("unanswered", "not_reached"):
        kind = "lost"
        why = said.network(answer or {})
        text += f" — {why}" if why else ""
    return Arrow(str(call.get("from")), str(call.get("to")), text, time, kind, call["n"])


def _answer(record: Record, trace: Trace, said: Wording, time: str) -> Arrow | None:
    """The way back is drawn when it says something: a receipt, a fault, or a loss."""
    given = record.get("given") or {}
    spoilt = record.get("outcome") == "lost" and "network" in record
    if record.get("outcome") not in ("receipt", "fault", "page") and not given.get("receipt") and not spoilt:
        return None
    call = next(r for r in trace.of_type("call") if r["call"] == record["call"])
    lost = record.get("outcome") == "lost"
    text = said.answer({**record, **given, "network": None} if lost else record)
    why = said.network(record)
    text += f" — {why}" if why else ""
    return Arrow(str(call.get("to")), str(call.get("from")), text, time, "lost" if lost else "receipt", record["n"])


def lanes_of(shown: list[Arrow]) -> list[str]:
    """The parties that have a lane, from left to right."""
    present = {lane for arrow in shown for lane in (arrow.sender, arrow.to)} | {"grid", "urban"}
    return [lane for lane in _LANES if lane in present]


def mermaid(
    trace: Trace, cases: Mapping[str, str], title: str, language: str = "zh", failure: str | None = None
) -> str:
    """The diagram as Mermaid text; `failure` says what did not hold."""
    said = Wording(language, cases)
    shown = arrows(trace, cases, language)
    lines = ["---", f"title: {_plain(title)}", "---", "sequenceDiagram"]
    lines += [f"    participant {lane} as {said.party(lane)}" for lane in lanes_of(shown)]
    for arrow in shown:
        text = _plain(f"{arrow.time} {arrow.text}")
        if arrow.sender == arrow.to:
            lines.append(f"    Note over {arrow.sender}: {text}")
        else:
            line = {"form": "->>", "receipt": "-->>", "lost": "-x"}[arrow.kind]
            lines.append(f"    {arrow.sender}{line}{arrow.to}: {text}")
    if failure is not None:
        lanes = lanes_of(shown)
        lines.append(f"    Note over {lanes[0]},{lanes[-1]}: {_plain(f'✗ {failure}')}")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that Mermaid takes for nothing else: semicolons and hashes have a meaning there."""
    return " ".join(text.replace(";", ";").replace("#", "#35;").split())


def svg(trace: Trace, cases: Mapping[str, str], title: str, language: str = "zh", failure: str | None = None) -> str:
    """The diagram as a self-contained SVG document; `failure` says what did not hold, under the last message."""
    said = Wording(language, cases)
    shown = arrows(trace, cases, language)
    lanes = lanes_of(shown)
    x = {lane: _LEFT + 110 + index * _LANE_WIDTH for index, lane in enumerate(lanes)}
    width = x[lanes[-1]] + 110
    height = _TOP + 60 + _ROW * (len(shown) + (1 if failure is None else 3))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        # A tip for each colour: not every viewer lets a tip take the colour of its line.
        "<defs>"
        + "".join(
            f'<marker id="tip-{kind}" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
            f'<path d="M0,0 L9,4 L0,8 z" fill="{colour}"/></marker>'
            for kind, colour in COLOURS.items()
        )
        + "</defs>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="28" style="{_FONT};font-size:17px;font-weight:bold" fill="#1c2733">{escape(title)}</text>',
    ]
    for lane in lanes:
        parts.append(
            f'<line x1="{x[lane]}" y1="{_TOP + 14}" x2="{x[lane]}" y2="{height - 16}" stroke="#9fb0c3" stroke-dasharray="4 4"/>'
            f'<rect x="{x[lane] - 70}" y="{_TOP - 18}" width="140" height="30" rx="6" fill="#e8eff7" stroke="#4a6785"/>'
            f'<text x="{x[lane]}" y="{_TOP + 2}" text-anchor="middle" style="{_FONT};font-size:14px" fill="#1c2733">{escape(said.party(lane))}</text>'
        )
    for index, arrow in enumerate(shown):
        parts.append(_drawn(arrow, x, _TOP + 50 + _ROW * index))
    if failure is not None:
        parts.append(_failed(failure, _LEFT, _TOP + 50 + _ROW * len(shown), width - _LEFT - 30))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _failed(failure: str, x: int, y: int, width: int) -> str:
    return (
        f'<rect x="{x}" y="{y - 8}" width="{width}" height="36" rx="6" fill="#fdecea" stroke="{COLOURS["lost"]}"/>'
        f"{_cross(x + 18, y + 10)}"
        f'<text x="{x + 34}" y="{y + 15}" style="{_FONT};font-size:13px;font-weight:bold" fill="{COLOURS["lost"]}">'
        f"<title>{escape(failure)}</title>{escape(cut(failure, (width - 50) // 14))}</text>"
    )


def _cross(x: int, y: int) -> str:
    """Drawn, because not every font has the sign."""
    return (
        f'<path d="M{x - 5},{y - 5} L{x + 5},{y + 5} M{x - 5},{y + 5} L{x + 5},{y - 5}" '
        f'stroke="{COLOURS["lost"]}" stroke-width="2.4" fill="none"/>'
    )


#: By the kind of an arrow.
COLOURS = {
    "form": "#1f5fa8",
    "receipt": "#4f8a4f",
    "lost": "#c0392b",
    "act": "#1c2733",
    "refused": "#b36b00",
    "network": "#7d3c98",
}


def _drawn(arrow: Arrow, x: Mapping[str, int], y: int) -> str:
    colour = COLOURS[arrow.kind]
    time = f'<text x="14" y="{y + 4}" style="{_FONT};font-size:11px" fill="#7a8896">{escape(arrow.time)}</text>'
    if arrow.sender == arrow.to:
        at = x[arrow.sender]
        # What happens at the last lane is written to its left, where there is room.
        last = at == max(x.values())
        place = f'x="{at - 10}" text-anchor="end"' if last else f'x="{at + 10}"'
        room = (max(x.values()) - min(x.values()) if last or at == min(x.values()) else _LANE_WIDTH) // 13
        return (
            f'{time}<circle cx="{at}" cy="{y}" r="4" fill="{colour}"/>'
            f'<text {place} y="{y + 4}" style="{_FONT};font-size:12px;font-weight:bold" fill="{colour}">'
            f"<title>{escape(arrow.text)}</title>{escape(cut(arrow.text, room))}</text>"
        )
    begin, end = x[arrow.sender], x[arrow.to]
    tip = end - 4 if end > begin else end + 4
    cross = ""
    if arrow.kind == "lost":
        tip = begin + (end - begin) * 9 // 10
        cross = _cross(tip + (9 if end > begin else -9), y)
    dash = ' stroke-dasharray="6 4"' if arrow.kind in ("receipt", "lost") else ""
    middle = (begin + end) // 2
    room = (abs(end - begin) - 30) // 12
    return (
        f'{time}<line x1="{begin}" y1="{y}" x2="{tip}" y2="{y}" stroke="{colour}" stroke-width="1.6"{dash} marker-end="url(#tip-{arrow.kind})"/>{cross}'
        f'<text x="{middle}" y="{y - 5}" text-anchor="middle" style="{_FONT};font-size:11.5px" fill="{colour}">'
        f"<title>{escape(arrow.text)}</title>{escape(cut(arrow.text, room))}</text>"
    )


def cut(text: str, longest: int) -> str:
    """As much of a text as has room, counting a Chinese character for one and a Latin one for half."""
    room = float(longest)
    for index, character in enumerate(text):
        room -= 1.0 if ord(character) > 0x2E7F else 0.55
        if room < 0:
            return text[:index] + "…"
    return text
