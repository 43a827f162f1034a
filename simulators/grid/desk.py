"""Who may do what, and when: one row for each act, to be read aloud (GRID-3 … GRID-6).

«An accept-and-dispatch seat, at its own level and in its own territory, may dispatch an accepted case to a
department» is the row `dispatcher.dispatch`. An act without a row is unknown; a row that does not fit refuses the
act with the reason, and nothing changes.

The nine roles (GRID-4) are two classes at four levels each and one more: accept-and-dispatch (受理派遣) and
handling (处理) for city, district, street and community, and verification (核查), which is the grid worker. Around them
stand the **workstation**, which is the accept-and-dispatch seat that holds the case; the **virtual role**, which does
nothing but hand over (GRID-6); and the reporter, who is no account but whoever reported.

Not to be read off the table, because they hang on one case's history: which level holds the case, whether the case
belongs to a city-appearance department, whether the urban platform has filed it (EXC-2), and whether a form
or an application waits.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.vocabulary.stages import GridState
from simulators.city.seats import Account, Level
from simulators.grid.casebook import GridCase


class Seat(StrEnum):
    """Who acts; the value is the first half of an act's name."""

    #: 网格员: reports, keeps the books of the cell, verifies.
    WORKER = "worker"
    #: 受理派遣.
    DISPATCHER = "dispatcher"
    #: 处理.
    HANDLER = "handler"
    #: 工作站: the accept-and-dispatch seat that holds the case.
    WORKSTATION = "workstation"
    #: 举报人.
    REPORTER = "reporter"


class RoleClass(StrEnum):
    """The three classes of the nine roles (GRID-4)."""

    #: 受理派遣类.
    ACCEPT_AND_DISPATCH = "accept_and_dispatch"
    #: 处理类.
    HANDLING = "handling"
    #: 核查类.
    VERIFICATION = "verification"


#: The nine roles: class, level, and the role that accounts of it have.
NINE_ROLES: tuple[tuple[RoleClass, Level, str], ...] = (
    *((RoleClass.ACCEPT_AND_DISPATCH, level, "dispatcher") for level in Level),
    *((RoleClass.HANDLING, level, "handler") for level in Level),
    (RoleClass.VERIFICATION, Level.COMMUNITY, "worker"),
)

#: The account of the virtual role (GRID-6).
VIRTUAL = "virtual"

#: Which accounts may sit in each seat; the reporter needs none.
ACCOUNTS_OF: dict[Seat, frozenset[str]] = {
    Seat.WORKER: frozenset({"worker"}),
    Seat.DISPATCHER: frozenset({"dispatcher"}),
    Seat.HANDLER: frozenset({"handler"}),
    Seat.WORKSTATION: frozenset({"dispatcher"}),
}


class Belongs(StrEnum):
    """Whose case the act is for."""

    #: Not handed over: in the grid side's own loop.
    OWN = "own"
    #: Handed over to the urban platform.
    TRANSFERRED = "transferred"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Row:
    """One act: its seat, the cases it is for, and what it is called."""

    act: str
    #: Whose case; None when the act is about no case.
    belongs: Belongs | None
    states: frozenset[GridState]
    zh: str
    en: str
    #: Parameters that must be given, beside `case`.
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    #: Other accounts that may act, beside those of the seat.
    also: frozenset[str] = frozenset()
    #: True when an attempt after filing is an attempt to be rid of a filed case (EXC-2).
    rids: bool = False

    @property
    def seat(self) -> Seat:
        """Who may do it."""
        return Seat(self.act.partition(".")[0])


_ANY = frozenset(GridState)
_S = GridState
_LIVE = frozenset({_S.HANDED_OVER, _S.AWAITING_VERIFICATION, _S.VERIFIED, _S.VERIFICATION_FAILED})
_UNHANDLED = frozenset({_S.REPORTED, _S.ACCEPTED, _S.DISPATCHED, _S.IN_HANDLING})

TABLE: dict[str, Row] = {
    row.act: row
    for row in (
        # GRID-3, GEN-1.
        Row(
            "worker.report",
            None,
            _ANY,
            "上报",
            "report",
            ("category", "subcategory", "description"),
            (
                "kind",
                "photos",
                "address",
                "cell",
                "component_code",
                "grade",
                "source",
                "reporter_name",
                "reporter_phone",
                "department",
            ),
        ),
        # GRID-2: the books of the cell.
        Row(
            "worker.upkeep_person",
            None,
            _ANY,
            "维护人口信息",
            "keep a person's record",
            ("cell",),
            ("id", "name", "phone", "birth_year", "household"),
        ),
        Row(
            "worker.upkeep_household",
            None,
            _ANY,
            "维护住户信息",
            "keep a household's record",
            ("cell",),
            ("id", "building", "room"),
        ),
        Row(
            "worker.upkeep_building",
            None,
            _ANY,
            "维护房屋信息",
            "keep a building's record",
            ("cell",),
            ("id", "name", "address", "floors"),
        ),
        # GRID-5: the own closed loop.
        Row("dispatcher.accept", Belongs.OWN, frozenset({_S.REPORTED}), "受理", "accept", optional=("level",)),
        Row(
            "dispatcher.dispatch",
            Belongs.OWN,
            frozenset({_S.ACCEPTED}),
            "派遣",
            "dispatch",
            ("department",),
            ("level",),
        ),
        Row(
            "handler.handle",
            Belongs.OWN,
            frozenset({_S.DISPATCHED, _S.IN_HANDLING}),
            "处理反馈",
            "report the handling",
            ("result",),
            ("photos",),
        ),
        Row("dispatcher.close", Belongs.OWN, frozenset({_S.VERIFIED}), "结案", "close"),
        # GRID-3, INT-4: verification, of own and of transferred cases.
        Row(
            "worker.verify",
            Belongs.EITHER,
            frozenset({_S.AWAITING_VERIFICATION}),
            "核查",
            "verify",
            ("outcome",),
            ("note", "photos"),
        ),
        Row("reporter.satisfied", Belongs.EITHER, frozenset({_S.VERIFIED}), "表示满意", "be satisfied"),
        Row(
            "reporter.dissatisfied",
            Belongs.EITHER,
            frozenset({_S.VERIFIED}),
            "表示不满意",
            "be dissatisfied",
            optional=("reason",),
        ),
        # GRID-6.
        Row(
            "workstation.hand_over",
            Belongs.OWN,
            frozenset({_S.REPORTED, _S.ACCEPTED}),
            "移交城管",
            "hand over",
            also=frozenset({VIRTUAL}),
        ),
        Row(
            "workstation.supplement",
            Belongs.TRANSFERRED,
            _LIVE,
            "补充信息",
            "add information",
            ("note",),
            ("photos",),
        ),
        Row("workstation.close", Belongs.TRANSFERRED, frozenset({_S.VERIFIED}), "结案", "close"),
        Row(
            "workstation.reject",
            Belongs.TRANSFERRED,
            frozenset({_S.VERIFICATION_FAILED}),
            "驳回",
            "reject",
            optional=("reason",),
        ),
        Row(
            "workstation.answer_false_report",
            Belongs.TRANSFERRED,
            frozenset({_S.HANDED_OVER}),
            "答复举报不属实申请",
            "answer a false-report application",
            ("confirmed",),
            ("reason",),
        ),
        Row(
            "workstation.notify",
            Belongs.TRANSFERRED,
            _ANY,
            "通知对方联系人",
            "tell the other side's contact",
            ("kind", "text"),
            ("phase", "related_case"),
        ),
        # EXC-2: taking a case back, and trying to.
        Row(
            "workstation.withdraw",
            Belongs.TRANSFERRED,
            frozenset({_S.HANDED_OVER}),
            "撤回",
            "withdraw",
            ("reason",),
            rids=True,
        ),
        Row(
            "workstation.force_withdraw",
            Belongs.TRANSFERRED,
            _ANY,
            "坚持撤回",
            "insist on a withdrawal",
            ("reason",),
        ),
        Row("workstation.cancel", Belongs.OWN, _UNHANDLED, "注销", "cancel", ("reason",), rids=True),
        # RCPT-2, RCPT-5: forms that wait for a person, in whatever state their case is.
        Row("workstation.resend", Belongs.TRANSFERRED, _ANY, "原样重发", "send again", optional=("form_type",)),
        Row(
            "workstation.give_up",
            Belongs.TRANSFERRED,
            _ANY,
            "终止发送",
            "give up",
            optional=("form_type", "reason"),
        ),
        Row(
            "workstation.repair",
            Belongs.TRANSFERRED,
            _ANY,
            "修正后重发",
            "repair",
            ("changes",),
            ("form_type",),
        ),
    )
}

STATE_NAMES: dict[GridState, str] = {
    _S.REPORTED: "已上报",
    _S.ACCEPTED: "已受理",
    _S.DISPATCHED: "已派遣",
    _S.IN_HANDLING: "处理中",
    _S.AWAITING_VERIFICATION: "待核查",
    _S.VERIFIED: "核查通过待结案",
    _S.VERIFICATION_FAILED: "核查不通过待驳回",
    _S.HANDED_OVER: "已移交城管",
    _S.DECLINED: "城管不予立案",
    _S.WITHDRAWN: "已撤回",
    _S.CLOSED: "已结案",
    _S.CLOSED_FALSE_REPORT: "举报不属实结案",
}

Refusal = tuple[str, str, str]


def refusal_of_role(row: Row, account: Account) -> Refusal | None:
    """Say why an account of this role may not do the act whatever the case: code, Chinese and English; None when it may."""
    if account.role in ACCOUNTS_OF.get(row.seat, frozenset()) | row.also:
        return None
    return (
        "not_your_role",
        f"「{row.zh}」由 {row.seat} 岗办理,{account.name} 是 {account.role} 岗。",
        f"«{row.en}» belongs to the {row.seat} seat; {account.name} is {account.role}.",
    )


def refusal_of_place(row: Row, account: Account, place: str) -> Refusal | None:
    """Say why the account may not act there; None when the place lies in its territory."""
    if account.covers(place):
        return None
    return (
        "not_your_territory",
        f"网格 {place} 不在 {account.name} 的辖区,不能办理「{row.zh}」。",
        f"Cell {place} is outside the territory of {account.name}: «{row.en}» is not for it.",
    )


def refusal_of_level(row: Row, account: Account, wanted: Level | None) -> Refusal | None:
    """Say why the account's level does not fit; None when it does, or when no level is wanted (GRID-4)."""
    if wanted is None or account.level is wanted or account.role in row.also or row.seat is Seat.WORKER:
        return None
    return (
        "not_your_level",
        f"「{row.zh}」应由 {wanted} 级办理,{account.name} 是 {account.level} 级。",
        f"«{row.en}» is for the {wanted} level; {account.name} sits at {account.level} level.",
    )


def refusal_of_state(row: Row, case: GridCase) -> Refusal | None:
    """Say why the act does not fit the case as it stands; None when it does."""
    if row.rids and case.filed:
        return (
            "already_filed",
            f"案卷 {case.case_number} 已立案,不允许注销或撤回。",
            f"Case {case.case_number} has been filed; a filed case cannot be cancelled or withdrawn.",
        )
    if row.belongs is Belongs.OWN and case.handed_over:
        other = ";需收回时请办理「撤回」" if row.rids and not case.ended else ""
        other_en = ": withdraw it instead" if row.rids and not case.ended else ""
        return (
            "wrong_state",
            f"案卷已移交城管,不在本平台办理「{row.zh}」{other}。",
            f"The case has been handed over; «{row.en}» is not done here{other_en}.",
        )
    if row.belongs is Belongs.TRANSFERRED and not case.handed_over:
        return (
            "wrong_state",
            f"案卷未移交城管,不能办理「{row.zh}」。",
            f"The case has not been handed over: «{row.en}» does not fit.",
        )
    if case.state not in row.states:
        return (
            "wrong_state",
            f"案卷{STATE_NAMES[case.state]},不能办理「{row.zh}」。",
            f"The case is {case.state.replace('_', ' ')}: «{row.en}» does not fit.",
        )
    return None
