"""Who may do what, and when: one row for each act, to be read aloud (URBAN-1, URBAN-2, URBAN-4).

«The district's command centre, at district level and only for cases dispatched to it, may assign an open case that stands
at district assignment» is the row `district.assign`. An act without a row is unknown; a row that does not fit refuses the act
with the reason, and nothing changes.

Not to be read off the table, because they hang on one case's history: whether an application of the kind is waiting, whether a
case came from the grid platform (its verification is hidden from the people here, INT-4), and the photos and reasons an act needs.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.vocabulary.stages import UrbanStage
from simulators.city.seats import Account, Level


class Role(StrEnum):
    """The seats of the urban platform; the value is the first half of an act's name."""

    #: 采集员.
    COLLECTOR = "collector"
    #: 热线受理员 and the other ways in: video, sensors, media, leadership.
    INTAKE = "intake"
    #: 坐席员: completes the data, files, declines.
    OPERATOR = "operator"
    #: 监督考核中心派遣员.
    SUPERVISION = "supervision"
    #: 区指挥中心.
    DISTRICT = "district"
    #: 处置部门 (of a district, or a street office).
    DEPARTMENT = "department"
    #: 市局: decides what crosses districts.
    CITY = "city"
    #: 区核查员.
    DISTRICT_VERIFIER = "district_verifier"
    #: 市核查员.
    CITY_VERIFIER = "city_verifier"
    #: 结案员.
    CLOSER = "closer"
    #: 交换岗: looks after parked and refused forms.
    EXCHANGE = "exchange"


#: Seats that do the same work at different levels: the wrong one of a group is refused for its level, any other for its role.
SAME_WORK: tuple[frozenset[Role], ...] = (
    frozenset({Role.DISTRICT_VERIFIER, Role.CITY_VERIFIER}),
    frozenset({Role.SUPERVISION, Role.DISTRICT, Role.CITY}),
    frozenset({Role.COLLECTOR, Role.INTAKE}),
)


class CaseStatus(StrEnum):
    """What a case is on this platform, apart from the stage it stands at."""

    #: 待立案.
    RECEIVED = "received"
    #: 已立案,办理中.
    OPEN = "open"
    #: 已结案.
    CLOSED = "closed"
    #: 举报不属实结案.
    CLOSED_FALSE_REPORT = "closed_false_report"
    #: 不予立案.
    DECLINED = "declined"
    #: 已撤回.
    WITHDRAWN = "withdrawn"


#: Nothing leads out of these.
ENDED = frozenset({CaseStatus.CLOSED, CaseStatus.CLOSED_FALSE_REPORT, CaseStatus.DECLINED, CaseStatus.WITHDRAWN})

_ANYWHERE = frozenset(UrbanStage)
_FILING = frozenset({UrbanStage.FILING_AND_DISPATCH})
_ASSIGNMENT = frozenset({UrbanStage.DISTRICT_ASSIGNMENT})
_DISPOSAL = frozenset({UrbanStage.DEPARTMENT_DISPOSAL})
_BEFORE_VERIFICATION = _ASSIGNMENT | _DISPOSAL


@dataclass(frozen=True, slots=True)
class Row:
    """One act: its seat and level, the cases it is for, and what it is called."""

    act: str
    levels: frozenset[Level]
    #: The status the case must have; None when any will do, or when the act opens a case or is about none.
    status: CaseStatus | None
    stages: frozenset[UrbanStage]
    zh: str
    en: str
    #: Parameters that must be given, beside `case`.
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    #: True when an attempt after filing is an attempt to be rid of a filed case (EXC-2).
    ends_unfiled: bool = False
    #: Whether it is done to one case that exists.
    about_a_case: bool = True

    @property
    def role(self) -> Role:
        """The seat that may do it."""
        return Role(self.act.partition(".")[0])


_CITY = frozenset({Level.CITY})
_DISTRICT = frozenset({Level.DISTRICT})
_DEPARTMENT = frozenset({Level.CITY, Level.DISTRICT, Level.STREET})
_REPORT_FIELDS = (
    "kind",
    "photos",
    "address",
    "district",
    "community",
    "cell",
    "component_code",
    "grade",
    "reporter_name",
)
_R, _O = CaseStatus.RECEIVED, CaseStatus.OPEN

TABLE: dict[str, Row] = {
    row.act: row
    for row in (
        # URBAN-3, GEN-1: native cases.
        Row(
            "collector.report",
            frozenset({Level.COMMUNITY}),
            None,
            _ANYWHERE,
            "上报",
            "report",
            ("category", "subcategory", "description"),
            ("source", *_REPORT_FIELDS),
            about_a_case=False,
        ),
        Row(
            "intake.report",
            _CITY,
            None,
            _ANYWHERE,
            "登记问题",
            "register a report",
            ("source", "category", "subcategory", "description"),
            _REPORT_FIELDS,
            about_a_case=False,
        ),
        # Stage 2, first half.
        Row(
            "operator.complete",
            _CITY,
            _R,
            _FILING,
            "完善案卷信息",
            "complete the case's data",
            optional=("address", "description", "category", "subcategory", "grade", "kind", "component_code", "note"),
        ),
        Row("operator.file", _CITY, _R, _FILING, "立案", "file"),
        Row(
            "operator.decline",
            _CITY,
            _R,
            _FILING,
            "不予立案",
            "decline filing",
            ("reason_code", "reason"),
            ends_unfiled=True,
        ),
        Row(
            "operator.query", _CITY, None, _ANYWHERE, "查询移交案卷", "query the handed-over cases", about_a_case=False
        ),
        # Stage 2, second half.
        Row("supervision.dispatch", _CITY, _O, _FILING, "派遣", "dispatch", optional=("district",)),
        Row(
            "supervision.decide_return",
            _CITY,
            _O,
            _ASSIGNMENT,
            "审批退办",
            "decide on a return",
            ("grant",),
            ("reason",),
        ),
        # Stage 3.
        Row("district.assign", _DISTRICT, _O, _ASSIGNMENT, "分派", "assign", optional=("department",)),
        Row("district.send_back", _DISTRICT, _O, _ASSIGNMENT, "申请退办", "send back", ("reason",)),
        Row(
            "district.apply_transfer",
            _DISTRICT,
            _O,
            _BEFORE_VERIFICATION,
            "申请转办",
            "apply for a transfer",
            ("to_district", "reason"),
            ("to_department",),
        ),
        Row(
            "city.decide_transfer",
            _CITY,
            _O,
            _BEFORE_VERIFICATION,
            "审批转办",
            "decide on a transfer",
            ("grant",),
            ("reason",),
        ),
        # Stage 4.
        Row("department.dispose", _DEPARTMENT, _O, _DISPOSAL, "处置反馈", "report disposal", ("result",), ("photos",)),
        Row(
            "department.apply_extension",
            _DEPARTMENT,
            _O,
            _DISPOSAL,
            "申请延期",
            "apply for an extension",
            ("reason",),
            ("hours",),
        ),
        Row(
            "district.decide_extension",
            _DISTRICT,
            _O,
            _DISPOSAL,
            "审批延期",
            "decide on an extension",
            ("grant",),
            ("reason",),
        ),
        Row(
            "department.apply_false_report",
            _DEPARTMENT,
            _O,
            _DISPOSAL,
            "申请举报不属实",
            "apply for closing as a false report",
            ("reason", "photos"),
        ),
        Row(
            "city_verifier.decide_false_report",
            _CITY,
            _O,
            _DISPOSAL,
            "审批举报不属实",
            "decide on a false report",
            ("grant",),
            ("reason",),
        ),
        # Stages 5 to 7, native cases only.
        Row(
            "district_verifier.verify",
            _DISTRICT,
            _O,
            frozenset({UrbanStage.DISTRICT_VERIFICATION}),
            "区核查",
            "verify for the district",
            ("outcome",),
            ("note", "photos"),
        ),
        Row(
            "city_verifier.verify",
            _CITY,
            _O,
            frozenset({UrbanStage.CITY_VERIFICATION}),
            "市核查",
            "verify for the city",
            ("outcome",),
            ("note", "photos"),
        ),
        Row("closer.close", _CITY, _O, frozenset({UrbanStage.CLOSING}), "结案", "close", optional=("note",)),
        # The exchange seat works on forms, in whatever state their case is (RCPT-2, RCPT-5, CONT-2).
        Row("exchange.resend", _CITY, None, _ANYWHERE, "原样重发", "send again", optional=("form_type",)),
        Row("exchange.give_up", _CITY, None, _ANYWHERE, "终止发送", "give up", optional=("form_type", "reason")),
        Row("exchange.repair", _CITY, None, _ANYWHERE, "修正后重发", "repair", ("changes",), ("form_type",)),
        Row(
            "exchange.tell",
            _CITY,
            None,
            _ANYWHERE,
            "通知对方联系人",
            "tell the other contact",
            ("kind", "text"),
            ("phase", "related"),
        ),
        # EXC-2: refused to everybody, whatever the stage; the rows exist so that the refusal has its reason.
        *(
            Row(
                f"{role}.cancel",
                levels,
                _R,
                frozenset(),
                "注销",
                "cancel",
                ("reason",),
                ends_unfiled=True,
            )
            for role, levels in (
                (Role.OPERATOR, _CITY),
                (Role.SUPERVISION, _CITY),
                (Role.DISTRICT, _DISTRICT),
                (Role.DEPARTMENT, _DEPARTMENT),
                (Role.CITY, _CITY),
            )
        ),
    )
}

STAGE_NAMES: dict[UrbanStage, str] = {
    UrbanStage.COLLECTOR_REPORT: "采集员上报",
    UrbanStage.FILING_AND_DISPATCH: "立案派遣",
    UrbanStage.DISTRICT_ASSIGNMENT: "区指挥中心分派",
    UrbanStage.DEPARTMENT_DISPOSAL: "部门处置",
    UrbanStage.DISTRICT_VERIFICATION: "区核查",
    UrbanStage.CITY_VERIFICATION: "市核查",
    UrbanStage.CLOSING: "结案",
}
STATUS_NAMES: dict[CaseStatus, str] = {
    CaseStatus.RECEIVED: "待立案",
    CaseStatus.OPEN: "办理中",
    CaseStatus.CLOSED: "已结案",
    CaseStatus.CLOSED_FALSE_REPORT: "举报不属实结案",
    CaseStatus.DECLINED: "不予立案",
    CaseStatus.WITHDRAWN: "已撤回",
}


def refusal_of_seat(row: Row, account: Account) -> tuple[str, str, str] | None:
    """Say why this seat may not do the act whatever the case: code, Chinese and English sentence; None when it may."""
    if account.role != row.role:
        if any({account.role, row.role.value} <= group for group in SAME_WORK):
            return (
                "not_your_level",
                f"「{row.zh}」由 {row.role} 岗办理,{account.name} 的层级不符。",
                f"«{row.en}» belongs to the {row.role} seat; {account.name} sits at another level.",
            )
        return (
            "not_your_role",
            f"「{row.zh}」由 {row.role} 岗办理,{account.name} 是 {account.role} 岗。",
            f"«{row.en}» belongs to the {row.role} seat; {account.name} is {account.role}.",
        )
    if account.level not in row.levels:
        return (
            "not_your_level",
            f"「{row.zh}」不在 {account.name} 的层级办理。",
            f"«{row.en}» is not done at the level of {account.name}.",
        )
    return None


def refusal_of_state(row: Row, status: CaseStatus, stage: UrbanStage) -> tuple[str, str, str] | None:
    """Say why the act does not fit a case standing there; None when it does."""
    if row.ends_unfiled and status in {CaseStatus.OPEN, CaseStatus.CLOSED, CaseStatus.CLOSED_FALSE_REPORT}:
        return (
            "already_filed",
            "案卷已立案,不允许注销。",
            "The case has been filed; a filed case cannot be cancelled.",
        )
    if not row.stages:
        return (
            "wrong_state",
            "未立案的案卷不能注销;不应立案的请办理「不予立案」。",
            "A case that is not filed is not cancelled: decline filing it instead.",
        )
    if row.status is None:
        return None
    if status is not row.status or stage not in row.stages:
        return (
            "wrong_state",
            f"案卷{STATUS_NAMES[status]},处于「{STAGE_NAMES[stage]}」,不能办理「{row.zh}」。",
            f"The case is {status} at {stage}: «{row.en}» does not fit.",
        )
    return None
