"""What contact persons are told, each matter once when it starts and once when it is over (CONT-2).

An open matter stands in `Exchange.open_matters` under a key of three parts, `kind:variant:subject`; the key alone is
enough to tell later, to the same person, that the matter is over.

| matter | who is told | starts | is over |
|---|---|---|---|
| receipt overdue from the grid side | grid side | the form is on its way for long, repetition goes on | receipted, or ended by an operator |
| receipt overdue from the urban side | operator company | the same | the same |
| parked form to the grid side | grid side | attempts or time used up, or an operator stops it | receipted after release, or ended by an operator |
| parked form to the urban side | operator company | the same | the same |
| case declined as a duplicate (EXC-1) | grid side | the urban side's result crosses | the case has ended |
| case filed although an equal one was received before | operator company | the filing crosses | the case has ended |
| filing rejected once too often (INT-8) | operator company | the rejection is confirmed | the case has ended |
| platform not reachable | city information office | a connection fails | a call is answered again |
| platform does not accept the bridge's account | city information office | a call is faulted for it | a call is answered otherwise |
| cases of a query's page cannot be taken | city information office | the first such page | every such page was taken whole |
| an address is locked out after wrong passwords | city information office | the lock begins | the lock ends |
| the engine stumbles over a form | city information office | the form is set aside | a person takes it up |
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bridge.core.effects import Notify
from bridge.core.exchange import Exchange
from bridge.vocabulary.codes import ContactDuty, NoticeKind, NoticePhase
from bridge.vocabulary.parties import Direction, Side


class _Matter(NamedTuple):
    duty: ContactDuty
    started_zh: str
    started_en: str
    over_zh: str
    over_en: str


_MATTERS: dict[str, _Matter] = {
    "receipt_overdue:to_grid": _Matter(
        ContactDuty.GRID_SIDE,
        "案卷 {case} 发往网格平台的表单久无回执,仍在重发(报文 {subject})",
        "a form of case {case} for the grid platform has had no receipt for long and is being repeated (message {subject})",
        "案卷 {case} 的逾期回执已有结果(报文 {subject})",
        "the overdue receipt of case {case} is settled (message {subject})",
    ),
    "receipt_overdue:to_urban": _Matter(
        ContactDuty.OPERATOR_COMPANY,
        "案卷 {case} 发往城管平台的表单久无回执,仍在重发(报文 {subject})",
        "a form of case {case} for the urban platform has had no receipt for long and is being repeated (message {subject})",
        "案卷 {case} 的逾期回执已有结果(报文 {subject})",
        "the overdue receipt of case {case} is settled (message {subject})",
    ),
    "parked:to_grid": _Matter(
        ContactDuty.GRID_SIDE,
        "案卷 {case} 发往网格平台的表单已挂起,请人工处理(报文 {subject})",
        "a form of case {case} for the grid platform is parked and waits for a person (message {subject})",
        "案卷 {case} 挂起的表单已处理(报文 {subject})",
        "the parked form of case {case} is settled (message {subject})",
    ),
    "parked:to_urban": _Matter(
        ContactDuty.OPERATOR_COMPANY,
        "案卷 {case} 发往城管平台的表单已挂起,请人工处理(报文 {subject})",
        "a form of case {case} for the urban platform is parked and waits for a person (message {subject})",
        "案卷 {case} 挂起的表单已处理(报文 {subject})",
        "the parked form of case {case} is settled (message {subject})",
    ),
    "duplicate:declined": _Matter(
        ContactDuty.GRID_SIDE,
        "案卷 {case} 与 {subject} 重复,城管平台不予立案",
        "case {case} repeats {subject}; the urban platform does not file it",
        "重复案卷 {case} 已结束",
        "the duplicate case {case} has ended",
    ),
    "duplicate:filed": _Matter(
        ContactDuty.OPERATOR_COMPANY,
        "案卷 {case} 与先收到的 {subject} 描述和照片相同,却已立案",
        "case {case} was filed although {subject} was received before with equal description and photos",
        "与 {subject} 内容相同的案卷 {case} 已结束",
        "case {case}, equal to {subject}, has ended",
    ),
    "repeated_rejection:filing": _Matter(
        ContactDuty.OPERATOR_COMPANY,
        "案卷 {case} 的立案 {subject} 驳回次数超过上限,记为超时未处置,须重新立案",
        "filing {subject} of case {case} was rejected once too often; it is overdue and must be filed again",
        "多次驳回的案卷 {case} 已结束",
        "the repeatedly rejected case {case} has ended",
    ),
}

_CASE_MATTERS = ("duplicate:", "repeated_rejection:")


def parked_key(direction: Direction, message_id: str) -> str:
    """The matter of one parked form."""
    return f"parked:{direction.value}:{message_id}"


def overdue_key(direction: Direction, message_id: str) -> str:
    """The matter of one form's overdue receipt."""
    return f"receipt_overdue:{direction.value}:{message_id}"


def open_matter(exchange: Exchange, key: str, at: datetime, related: str | None = None) -> Notify | None:
    """Open the matter and say what to tell; None when the contact was told already."""
    if key in exchange.open_matters:
        return None
    exchange.open_matters.add(key)
    return _notice(exchange.case_number, key, NoticePhase.STARTED, at, related)


def end_matter(exchange: Exchange, key: str, at: datetime) -> Notify | None:
    """End the matter and say what to tell; None when it was not open."""
    if key not in exchange.open_matters:
        return None
    exchange.open_matters.discard(key)
    return _notice(exchange.case_number, key, NoticePhase.OVER, at, None)


def end_case_matters(exchange: Exchange, at: datetime) -> list[Notify]:
    """End every matter that the end of the case settles; parked forms stay open, they still wait for a person."""
    # Sorted, because the order of a set differs from one run to the next and the effects must not.
    keys = sorted(each for each in exchange.open_matters if each.startswith(_CASE_MATTERS))
    return [notice for key in keys if (notice := end_matter(exchange, key, at)) is not None]


def _notice(case_number: str, key: str, phase: NoticePhase, at: datetime, related: str | None) -> Notify:
    kind, variant, subject = key.split(":", 2)
    matter = _MATTERS[f"{kind}:{variant}"]
    started = phase is NoticePhase.STARTED
    related = subject if kind == NoticeKind.DUPLICATE else related
    return Notify(
        duty=matter.duty,
        kind=NoticeKind(kind),
        phase=phase,
        case_number=case_number,
        text_zh=(matter.started_zh if started else matter.over_zh).format(case=case_number, subject=subject),
        text_en=(matter.started_en if started else matter.over_en).format(case=case_number, subject=subject),
        at=at,
        related_case_number=related,
    )


class Trouble(StrEnum):
    """What can be wrong with a whole platform, each told once when it starts and once when it is over."""

    #: 无法连接.
    UNREACHABLE = "unreachable"
    #: 对方不接受对接桥的账号.
    SHUT_OUT = "shut_out"


#: Sentences for the start and the end of a platform's trouble, in Chinese and English.
_TROUBLES: dict[Trouble, tuple[tuple[str, str], tuple[str, str]]] = {
    Trouble.UNREACHABLE: (
        ("无法连接{zh}", "the {side} platform cannot be reached"),
        ("{zh}已恢复连接", "the {side} platform answers again"),
    ),
    Trouble.SHUT_OUT: (
        (
            "{zh}不接受对接桥的账号,发往该平台的表单都在等待",
            "the {side} platform does not accept the bridge's account; every form for it waits",
        ),
        ("{zh}已接受对接桥的账号", "the {side} platform accepts the bridge's account again"),
    ),
}


def platform_trouble(trouble: Trouble, side: Side, phase: NoticePhase, case_number: str, at: datetime) -> Notify:
    """The start or the end of a platform's trouble; `case_number` is the case on which it showed."""
    names = {"zh": "网格平台" if side is Side.GRID else "城管平台", "side": side.value}
    zh, en = _TROUBLES[trouble][0 if phase is NoticePhase.STARTED else 1]
    return _system_fault(phase, case_number, zh.format(**names), en.format(**names), at)


def form_set_aside(phase: NoticePhase, case_number: str, message_id: str, at: datetime) -> Notify:
    """The engine stumbled over a form, which is parked so that nothing else waits for it; or a person has taken it up."""
    if phase is NoticePhase.STARTED:
        zh = f"处理案卷 {case_number} 的表单时对接桥内部出错,该表单已挂起,其他案卷不受影响(报文 {message_id})"
        en = f"the bridge stumbled over a form of case {case_number}; it is parked, other cases go on (message {message_id})"
    else:
        zh = f"案卷 {case_number} 出错的表单已有人处理(报文 {message_id})"
        en = f"a person has taken up the form of case {case_number} over which the bridge stumbled (message {message_id})"
    return _system_fault(phase, case_number, zh, en, at)


def page_incomplete(phase: NoticePhase, case_number: str, at: datetime) -> Notify:
    """Cases that a query to the grid platform showed could not be taken, while the others were; or all have been taken since."""
    if phase is NoticePhase.STARTED:
        zh = f"查询所得的案卷有读不出或收不下的,其余照收,将再次查询(案卷 {case_number or '不详'})"
        en = f"cases that a query showed could not be taken; the others were, and it will ask again (case {case_number or 'not known'})"
    else:
        zh, en = "查询所得的案卷已全部收下", "every case that a query showed has been taken"
    return _system_fault(phase, case_number, zh, en, at)


class Lock(NamedTuple):
    """Callers that are kept out for a while, because wrong passwords came for this platform's account."""

    #: The platform whose account was tried.
    side: Side
    #: The one address that is locked out; None for every address from which no right call has come.
    source: str | None
    until: datetime


def door_lock(phase: NoticePhase, lock: Lock, at: datetime) -> Notify:
    """A lock begins or ends; it belongs to no case."""
    zh_side = "网格平台" if lock.side is Side.GRID else "城管平台"
    zh_source = f"地址 {lock.source}" if lock.source else "一切未曾正确呼叫过的地址"
    en_source = f"the address {lock.source}" if lock.source else "every address without a right call"
    if phase is NoticePhase.STARTED:
        until = lock.until.strftime("%Y-%m-%d %H:%M:%S")
        zh = f"以{zh_side}账号呼叫时口令多次错误,{zh_source}锁定至 {until}"
        en = f"after wrong passwords for the {lock.side.value} platform's account {en_source} is locked out until {until}"
    else:
        zh = f"{zh_source}对{zh_side}账号的锁定已解除"
        en = f"{en_source} is no longer locked out from the {lock.side.value} platform's account"
    return _system_fault(phase, "", zh, en, at)


def _system_fault(phase: NoticePhase, case_number: str, zh: str, en: str, at: datetime) -> Notify:
    return Notify(
        duty=ContactDuty.CITY_INFORMATION_OFFICE,
        kind=NoticeKind.SYSTEM_FAULT,
        phase=phase,
        case_number=case_number,
        text_zh=zh,
        text_en=en,
        at=at,
    )
