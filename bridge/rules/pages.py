"""The two tables as pages for people: `docs/lifecycle.md` and `docs/delivery.md`, drawn from the tables themselves.

`python -m bridge.rules.pages DOCS` writes both; a test keeps them current.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from bridge.rules.delivery import DELIVERY, FINAL_STATES, TIMER_MEANS, Action, DeliveryState, Happening
from bridge.rules.lifecycle import MOVES, TELLING, Move
from bridge.rules.receipts import MISPLACED, RECEIPTS, Misplaced, ReceiptStanding, Says, Standing
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.stages import FINAL_STAGES, ExchangeStage

STAGE_ZH: dict[ExchangeStage, str] = {
    ExchangeStage.UNKNOWN: "未移交",
    ExchangeStage.HANDED_OVER: "已移交",
    ExchangeStage.WITHDRAWN: "已撤回",
    ExchangeStage.DECLINED: "不予立案",
    ExchangeStage.FILED: "已立案",
    ExchangeStage.IN_DISPOSAL: "已派遣",
    ExchangeStage.AWAITING_VERIFICATION: "待核查",
    ExchangeStage.VERIFIED_PASSED: "核查通过",
    ExchangeStage.VERIFIED_NOT_PASSED: "核查不通过",
    ExchangeStage.OVERDUE_NOT_DISPOSED: "超时未处置",
    ExchangeStage.FALSE_REPORT_APPLIED: "举报不属实申请",
    ExchangeStage.FALSE_REPORT_CONFIRMED: "举报不属实已确认",
    ExchangeStage.CLOSED: "已结案",
    ExchangeStage.CLOSED_FALSE_REPORT: "举报不属实结案",
}

STATE_ZH: dict[DeliveryState, str] = {
    DeliveryState.WAITING: "排队",
    DeliveryState.SENDING: "发送中",
    DeliveryState.RESENDING: "重发中",
    DeliveryState.AWAITING_RECEIPT: "待回执",
    DeliveryState.IN_DOUBT: "存疑",
    DeliveryState.TO_REPEAT: "待重发",
    DeliveryState.PARKED: "挂起",
    DeliveryState.CONFIRMED: "已确认",
    DeliveryState.REFUSED: "已退回",
    DeliveryState.ABANDONED: "人工终止",
}

HAPPENING_EN: dict[Happening, str] = {
    Happening.ITS_TURN: "no earlier form of its case and direction is under way",
    Happening.ACKNOWLEDGED: "the recipient acknowledges",
    Happening.NOT_TAKEN: "no connection, or a fault that asks for the same again",
    Happening.UNANSWERED: "nobody knows whether the sending arrived",
    Happening.CUT_OFF: "the bridge went down before the sending ended",
    Happening.FAULTED: "a fault refuses the form",
    Happening.SHUT_OUT: "a fault does not accept the bridge's account",
    Happening.OVERDUE: "the receipt is overdue",
    Happening.GAP_OVER: "the gap is over",
    Happening.ATTEMPTS_USED_UP: "the attempts are used up",
    Happening.TIME_USED_UP: "the time is used up, where the profile limits it",
    Happening.RECEIPT_CONFIRMS: "a receipt confirms",
    Happening.RECEIPT_REFUSES: "a receipt is an error",
    Happening.HELD: "an operator parks it",
    Happening.RELEASED: "an operator releases it",
    Happening.RESENT: "an operator has it sent now",
    Happening.ABANDONED: "an operator ends it",
}

ACTION_EN: dict[Action, str] = {
    Action.SEND: "send, same message id, attempt one higher",
    Action.GO_ON: "nothing more: the outbox has the sending made again, same message id, same attempt",
    Action.AWAIT_RECEIPT: "set the timer for the receipt",
    Action.WAIT_FOR_GAP: "set the timer for the gap, unless the attempts are used up",
    Action.WAIT_FOR_ACCOUNT: "set the timer for the gap; the sending does not count as an attempt",
    Action.TELL_CONTACT: "tell the contact person",
    Action.HAND_RECEIPT_ON: "hand the receipt on to the sender, unchanged",
    Action.ANSWER_WITH_ERROR: "give the sender an error receipt",
}

STANDING_TOLD: dict[ReceiptStanding, str] = {
    ReceiptStanding.EFFECTIVE: "**有效 effective**",
    ReceiptStanding.REPEATED: "重复 repeated",
    ReceiptStanding.LATE: "迟到 late",
    ReceiptStanding.CONTRADICTORY: "矛盾 contradictory",
    ReceiptStanding.STRAY: "无主 stray",
}

SAYS_TOLD: dict[Says, str] = {
    Says.CONFIRMS: "确认 it confirms",
    Says.REFUSES: "出错 it is an error",
    Says.REFUSES_OTHERWISE: "另一差错 an error with another code than the effective one",
}

MISPLACED_TOLD: dict[Misplaced, str] = {
    Misplaced.OTHER_RESPONSE: "出现在另一表单的应答中 it stood in the response to another form",
    Misplaced.UNKNOWN_CASE: "案卷不存在 nothing of its case has ever crossed",
    Misplaced.UNKNOWN_FORM: "案卷没有此报文 the case has no form with that message id",
    Misplaced.OTHER_CASE: "表单属另一案卷 the message id belongs to a form of another case",
    Misplaced.WRONG_SIDE: "来自发送方 it comes from the form's own sender",
    Misplaced.OTHER_FORM_TYPE: "表单是另一类型 it names another form type",
    Misplaced.NEVER_SENT: "表单未经发送即被退回 the form was refused at the door",
}

_MADE = "Made from `{module}` by `python -m bridge.rules.pages docs`; a test keeps it current."
_ARROWS = {
    (Direction.TO_URBAN,): "grid → urban",
    (Direction.TO_GRID,): "urban → grid",
    (Direction.TO_URBAN, Direction.TO_GRID): "both ways",
}


def lifecycle_page() -> str:
    """`docs/lifecycle.md`."""
    lines = [
        "# 案卷在对接中的环节 · A case's life in the exchange",
        "",
        _MADE.format(module="bridge/rules/lifecycle.py"),
        "",
        "The view moves when the recipient **confirms** a form. A form that is in neither table below is refused at the",
        "bridge, if it is legal in none of the stages that the forms still under way can lead to.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> unknown",
    ]
    for stage, moves in MOVES.items():
        for move, after in moves.items():
            lines.append(f"    {stage} --> {after}: {move}")
        if stage in FINAL_STAGES:
            lines.append(f"    {stage} --> [*]")
    lines += ["```", "", "## Forms that move the case", "", "| stage | form | way | next stage |", "|---|---|---|---|"]
    for stage, moves in MOVES.items():
        for move, after in moves.items():
            lines.append(f"| {_stage(stage)} | `{move}` | {_ARROWS[move.directions]} | {_stage(after)} |")
        if not moves:
            lines.append(f"| {_stage(stage)} | – | – | final |")
    lines += ["", "## Forms that tell and move nothing", "", "| stage | forms |", "|---|---|"]
    for stage, telling in TELLING.items():
        lines.append(f"| {_stage(stage)} | {_listed(telling)} |")
    lines += [
        "",
        "## What refuses a form that is out of sequence",
        "",
        "| situation | code |",
        "|---|---|",
        "| nothing was handed over under this case number | `CASE_UNKNOWN` |",
        "| a hand-over under a number that stands for another content | `CASE_NUMBER_TAKEN` |",
        "| a withdrawal once the case is filed, also after it has ended (EXC-2) | `CASE_ALREADY_FILED` |",
        "| anything else once the case has ended | `CASE_ENDED` |",
        "| the task number is not that of the current filing | `TASK_NUMBER_MISMATCH` |",
        "| ordinal of a rejection, round of a verification or ordinal of a filing miscounted | `OUT_OF_SEQUENCE` |",
        "| any other form in a stage that does not take it | `OUT_OF_SEQUENCE` |",
        "",
    ]
    return "\n".join(lines)


def delivery_page() -> str:
    """`docs/delivery.md`."""
    lines = [
        "# 表单的传递 · How one form comes to its one receipt",
        "",
        _MADE.format(module="bridge/rules/delivery.py"),
        "",
        "One form per case and direction is under way at a time; later ones wait (RCPT-4). A form that the bridge refuses at",
        "the door starts, and stays, in `refused`. What is not in the table changes nothing and is recorded.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> waiting",
    ]
    for state, row in DELIVERY.items():
        for happening, (after, _) in row.items():
            lines.append(f"    {state} --> {after}: {happening}")
        if state in FINAL_STATES:
            lines.append(f"    {state} --> [*]")
    lines += ["```", "", "| state | what happens | next state | the bridge does |", "|---|---|---|---|"]
    for state, row in DELIVERY.items():
        for happening, (after, action) in row.items():
            told = f"{HAPPENING_EN[happening]} (`{happening}`)"
            lines.append(f"| {_state(state)} | {told} | {_state(after)} | {ACTION_EN[action]} |")
        if not row:
            lines.append(f"| {_state(state)} | – | final | – |")
    lines += ["", "| state | what its timer means |", "|---|---|"]
    for state, happening in TIMER_MEANS.items():
        lines.append(f"| {_state(state)} | {HAPPENING_EN[happening]} |")
    lines += [
        "",
        "The same timer also brings the two limits of the profile: the warning (`delivery.warn_after_seconds`), which moves nothing,",
        "and the end (`delivery.park_after_seconds`), which is `time_used_up`.",
        "",
        "## 哪一份回执算数 · Which receipt counts",
        "",
        "Made from `bridge/rules/receipts.py`. A receipt may come in the response to its own form or as a call of its own; both are weighed alike.",
        "Exactly one is effective. Every other one changes nothing, stands in the journal as `receipt.<standing>`, and is shown with its reason by",
        "`/asks/receipts_kept` of the control port.",
        "",
        "| the form is | " + " | ".join(SAYS_TOLD[says] for says in Says) + " |",
        "|---|" + "---|" * len(Says),
    ]
    for state, cells in RECEIPTS.items():
        lines.append(f"| {_state(state)} | " + " | ".join(_standing(cells[says]) for says in Says) + " |")
    lines += [
        "",
        "A receipt that meets no form of its own is told by the first of these that holds:",
        "",
        "| what is wrong | what it is |",
        "|---|---|",
    ]
    for misplaced, standing in MISPLACED.items():
        lines.append(f"| {MISPLACED_TOLD[misplaced]} | {_standing(standing)} |")
    lines.append("")
    return "\n".join(lines)


def _standing(standing: Standing) -> str:
    return f"{STANDING_TOLD[standing.standing]} `{standing.reason}`"


def _stage(stage: ExchangeStage) -> str:
    return f"{STAGE_ZH[stage]} `{stage}`"


def _state(state: DeliveryState) -> str:
    return f"{STATE_ZH[state]} `{state}`"


def _listed(moves: Iterable[Move]) -> str:
    inside = set(moves)
    return ", ".join(f"`{each}`" for each in Move if each in inside) or "–"


if __name__ == "__main__":
    docs = Path(sys.argv[1])
    (docs / "lifecycle.md").write_text(lifecycle_page(), encoding="utf-8")
    (docs / "delivery.md").write_text(delivery_page(), encoding="utf-8")
