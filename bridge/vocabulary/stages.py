"""Where a case is: the seven stages of the urban platform and the exchange's own view."""

from enum import StrEnum


class UrbanStage(StrEnum):
    """The seven stages of the urban platform, in their order (URBAN-2)."""

    #: 采集员上报: a collector, or another source, has reported the case.
    COLLECTOR_REPORT = "collector_report"
    #: 监督考核中心立案派遣: the supervision centre files the case and dispatches it.
    FILING_AND_DISPATCH = "filing_and_dispatch"
    #: 区指挥中心分派: the district command centre assigns a department.
    DISTRICT_ASSIGNMENT = "district_assignment"
    #: 部门处置: the department disposes of it.
    DEPARTMENT_DISPOSAL = "department_disposal"
    #: 区核查: the district verifies; completed automatically for transferred cases (INT-5).
    DISTRICT_VERIFICATION = "district_verification"
    #: 市核查: the city verifies; completed automatically for transferred cases (INT-5).
    CITY_VERIFICATION = "city_verification"
    #: 结案: closing.
    CLOSING = "closing"


class ExchangeStage(StrEnum):
    """What the exchange knows of a case from the forms that crossed it."""

    #: 未移交: nothing has crossed yet.
    UNKNOWN = "unknown"
    #: 已移交: the grid platform has handed the case over (GRID-6).
    HANDED_OVER = "handed_over"
    #: 已撤回: withdrawn before filing (EXC-2). Final.
    WITHDRAWN = "withdrawn"
    #: 不予立案: the urban platform declined to file it (EXC-1, URBAN-4). Final.
    DECLINED = "declined"
    #: 已立案: filed, with a task number.
    FILED = "filed"
    #: 已派遣: dispatched to a district; under way to disposal, or in it (URBAN-2).
    IN_DISPOSAL = "in_disposal"
    #: 待核查: disposal is done, the grid side has been asked to verify (INT-4).
    AWAITING_VERIFICATION = "awaiting_verification"
    #: 核查通过: verified as passed, the closing is to come (INT-6).
    VERIFIED_PASSED = "verified_passed"
    #: 核查不通过: verified as not passed, the rejection is to come (INT-7).
    VERIFIED_NOT_PASSED = "verified_not_passed"
    #: 超时未处置: rejected once too often; the urban platform must file it again (INT-8).
    OVERDUE_NOT_DISPOSED = "overdue_not_disposed"
    #: 举报不属实申请: disposal has applied to close the case as a false report (EXC-3).
    FALSE_REPORT_APPLIED = "false_report_applied"
    #: 举报不属实已确认: the grid side has confirmed the false report, the closing is to come.
    FALSE_REPORT_CONFIRMED = "false_report_confirmed"
    #: 已结案: closed on both sides (INT-6). Final.
    CLOSED = "closed"
    #: 举报不属实结案: closed on both sides as a false report (EXC-3). Final.
    CLOSED_FALSE_REPORT = "closed_false_report"


#: Stages that nothing leads out of.
FINAL_STAGES = frozenset(
    {
        ExchangeStage.WITHDRAWN,
        ExchangeStage.DECLINED,
        ExchangeStage.CLOSED,
        ExchangeStage.CLOSED_FALSE_REPORT,
    }
)


class HandedOverState(StrEnum):
    """What a query says of a handed-over case (XCHG-2); the same words on both sides."""

    #: 已移交,未立案.
    HANDED_OVER = "handed_over"
    #: 已立案,办理中.
    FILED = "filed"
    #: 不予立案.
    DECLINED = "declined"
    #: 已撤回.
    WITHDRAWN = "withdrawn"
    #: 已结案.
    CLOSED = "closed"
    #: 举报不属实结案.
    CLOSED_FALSE_REPORT = "closed_false_report"


class GridState(StrEnum):
    """Where a case stands on the grid platform (GRID-5, GRID-6)."""

    #: 已上报.
    REPORTED = "reported"
    #: 已受理.
    ACCEPTED = "accepted"
    #: 已派遣: to one of the grid side's own handlers.
    DISPATCHED = "dispatched"
    #: 处理中: in the grid side's own handling, or handed back to it.
    IN_HANDLING = "in_handling"
    #: 待核查: the grid worker is to verify.
    AWAITING_VERIFICATION = "awaiting_verification"
    #: 核查通过待结案.
    VERIFIED = "verified"
    #: 核查不通过待驳回: verified as not passed, the workstation is to review and reject.
    VERIFICATION_FAILED = "verification_failed"
    #: 已移交城管: the virtual account has handed it over; the urban platform works on it.
    HANDED_OVER = "handed_over"
    #: 城管不予立案.
    DECLINED = "declined"
    #: 已撤回.
    WITHDRAWN = "withdrawn"
    #: 已结案.
    CLOSED = "closed"
    #: 举报不属实结案.
    CLOSED_FALSE_REPORT = "closed_false_report"
