"""Code lists that travel on the wire. Sources: domain.md facts; marks are kept in the data files."""

from enum import StrEnum


class CaseKind(StrEnum):
    """问题类型: the two kinds of managed objects (GEN-4)."""

    #: 部件.
    COMPONENT = "component"
    #: 事件.
    EVENT = "event"


class CaseSource(StrEnum):
    """问题来源: where a case came from (GEN-1)."""

    #: 监督员(采集员)上报.
    COLLECTOR = "collector"
    #: 网格平台(社管平台)转入.
    GRID_PLATFORM = "grid_platform"
    #: 公众热线(12319、12345).
    HOTLINE = "hotline"
    #: 网站、APP、微信举报.
    PUBLIC_REPORT = "public_report"
    #: 视频监控.
    VIDEO = "video"
    #: 传感器及智能设备.
    SENSOR = "sensor"
    #: 媒体曝光.
    MEDIA = "media"
    #: 领导批示.
    LEADERSHIP = "leadership"
    #: 其他平台(部门转办).
    OTHER_PLATFORM = "other_platform"
    #: 城市巡查.
    PATROL = "patrol"


class CaseGrade(StrEnum):
    """问题等级: how quickly the limits run."""

    #: 一般.
    ORDINARY = "ordinary"
    #: 紧急.
    URGENT = "urgent"


class CoordinateSystem(StrEnum):
    """坐标系."""

    #: 2000 国家大地坐标系.
    CGCS2000 = "CGCS2000"
    #: WGS-84.
    WGS84 = "WGS84"
    #: 地方坐标系.
    LOCAL = "LOCAL"


class PhotoKind(StrEnum):
    """What an attachment shows (INT-5, EXC-3)."""

    #: 上报照片.
    REPORT = "report"
    #: 处置照片.
    DISPOSAL = "disposal"
    #: 核查照片.
    VERIFICATION = "verification"
    #: 现场照片 (举报不属实).
    ON_SITE = "on_site"
    #: 文档: not a photo.
    DOCUMENT = "document"


class FilingOutcome(StrEnum):
    """立案结果."""

    #: 立案.
    FILED = "filed"
    #: 不予立案.
    DECLINED = "declined"


class DeclineReason(StrEnum):
    """不予立案原因 (EXC-1, URBAN-4)."""

    #: 重复案卷: same description and same photos as a case received before.
    DUPLICATE = "duplicate"
    #: 不属于城市管理范围.
    NOT_IN_SCOPE = "not_in_scope"
    #: 描述或位置不清.
    UNCLEAR = "unclear"
    #: 不符合立案条件.
    CONDITION_NOT_MET = "condition_not_met"


class Decision(StrEnum):
    """Where an application stands (URBAN-4, EXC-5)."""

    #: 已申请.
    APPLIED = "applied"
    #: 同意.
    GRANTED = "granted"
    #: 不同意.
    REFUSED = "refused"
    #: 失效: overtaken, for example by a refiling (INT-8), before anybody decided.
    LAPSED = "lapsed"


class VerificationOutcome(StrEnum):
    """核查结果."""

    #: 通过.
    PASSED = "passed"
    #: 不通过.
    NOT_PASSED = "not_passed"


class RejectionCause(StrEnum):
    """驳回原因 (INT-7)."""

    #: 核查不通过.
    NOT_PASSED = "not_passed"
    #: 举报人不满意.
    REPORTER_DISSATISFIED = "reporter_dissatisfied"


class ClosingKind(StrEnum):
    """结案方式."""

    #: 正常结案.
    NORMAL = "normal"
    #: 举报不属实结案 (EXC-3).
    FALSE_REPORT = "false_report"


class NoticeKind(StrEnum):
    """What a contact person is told about (CONT-2)."""

    #: 重复案卷 (EXC-1).
    DUPLICATE = "duplicate"
    #: 回执逾期,仍在重发 (RCPT-5).
    RECEIPT_OVERDUE = "receipt_overdue"
    #: 报文挂起待人工处理 (RCPT-5).
    PARKED = "parked"
    #: 多次驳回 (INT-8).
    REPEATED_REJECTION = "repeated_rejection"
    #: 系统故障.
    SYSTEM_FAULT = "system_fault"


class NoticePhase(StrEnum):
    """A notice is given once when a matter starts and once when it is over (CONT-2)."""

    #: 发生.
    STARTED = "started"
    #: 解除.
    OVER = "over"


class ContactDuty(StrEnum):
    """The seats of the contact book (CONT-1)."""

    #: 第一采集公司案卷联系人.
    COLLECTION_COMPANY_1 = "collection_company_1"
    #: 第二采集公司案卷联系人.
    COLLECTION_COMPANY_2 = "collection_company_2"
    #: 坐席员公司案卷联系人.
    OPERATOR_COMPANY = "operator_company"
    #: 社管平台案卷联系人.
    GRID_SIDE = "grid_side"
    #: 市城管局系统、网络、制度联系人.
    CITY_BUREAU = "city_bureau"
    #: 地理信息及平台厂商联系人.
    PLATFORM_VENDOR = "platform_vendor"
    #: 市信息办联系人.
    CITY_INFORMATION_OFFICE = "city_information_office"


class ReceiptOutcome(StrEnum):
    """回执结果 (RCPT-2)."""

    #: 已到达业务系统.
    CONFIRMED = "confirmed"
    #: 出错.
    ERROR = "error"


class Remedy(StrEnum):
    """What the sender of a faulty form does next (RCPT-2)."""

    #: 修正后重发 (new message id).
    REPAIR = "repair"
    #: 原样重发 (same message id).
    RETRY = "retry"
    #: 挂起,交人工处理.
    PARK = "park"


class ErrorCode(StrEnum):
    """Why a form was refused, in an error receipt or a typed fault (RCPT-2)."""

    #: 报文不符合接口规范.
    SCHEMA_INVALID = "SCHEMA_INVALID"
    #: 代码值不在代码表内 (MUNI-2).
    CODE_UNKNOWN = "CODE_UNKNOWN"
    #: 必填内容缺失, for example a false report without a photo (EXC-3).
    REQUIRED_MISSING = "REQUIRED_MISSING"
    #: 附件摘要、大小或编码不符.
    ATTACHMENT_INVALID = "ATTACHMENT_INVALID"
    #: 附件或报文超出限额.
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    #: 案卷号不存在.
    CASE_UNKNOWN = "CASE_UNKNOWN"
    #: 案卷号已被另一案卷使用.
    CASE_NUMBER_TAKEN = "CASE_NUMBER_TAKEN"
    #: 当前环节不接受此表单.
    OUT_OF_SEQUENCE = "OUT_OF_SEQUENCE"
    #: 立案后不允许注销 (EXC-2).
    CASE_ALREADY_FILED = "CASE_ALREADY_FILED"
    #: 案卷已结束.
    CASE_ENDED = "CASE_ENDED"
    #: 任务号与当前立案不符.
    TASK_NUMBER_MISMATCH = "TASK_NUMBER_MISMATCH"
    #: 报文头与表单的案卷号不一致.
    CASE_NUMBER_MISMATCH = "CASE_NUMBER_MISMATCH"
    #: 报文标识重复而内容不同.
    MESSAGE_ID_REUSED = "MESSAGE_ID_REUSED"
    #: 接收方或发送方代码不符.
    WRONG_PARTY = "WRONG_PARTY"
    #: 身份验证失败.
    NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
    #: 口令多次错误,暂时锁定.
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    #: 无权调用.
    NOT_AUTHORISED = "NOT_AUTHORISED"
    #: 版本不支持.
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    #: 传递由中间方的操作员终止,是否到达不明.
    DELIVERY_ABANDONED = "DELIVERY_ABANDONED"
    #: 查询游标无效.
    CURSOR_INVALID = "CURSOR_INVALID"
    #: 暂时无法受理,请稍后原样重发.
    BUSY = "BUSY"
    #: 系统内部错误.
    INTERNAL = "INTERNAL"


#: What the sender does after each error; everything that is not listed is for a person.
REMEDIES: dict[ErrorCode, Remedy] = {
    ErrorCode.SCHEMA_INVALID: Remedy.REPAIR,
    ErrorCode.CODE_UNKNOWN: Remedy.REPAIR,
    ErrorCode.REQUIRED_MISSING: Remedy.REPAIR,
    ErrorCode.ATTACHMENT_INVALID: Remedy.REPAIR,
    ErrorCode.LIMIT_EXCEEDED: Remedy.REPAIR,
    ErrorCode.CASE_NUMBER_MISMATCH: Remedy.REPAIR,
    ErrorCode.TASK_NUMBER_MISMATCH: Remedy.REPAIR,
    ErrorCode.BUSY: Remedy.RETRY,
    ErrorCode.INTERNAL: Remedy.RETRY,
}


#: The far end does not accept the caller: its account, its rights or its party code. That says nothing about the form.
ACCOUNT_NOT_ACCEPTED = frozenset(
    {ErrorCode.NOT_AUTHENTICATED, ErrorCode.ACCOUNT_LOCKED, ErrorCode.NOT_AUTHORISED, ErrorCode.WRONG_PARTY}
)


def remedy_for(code: ErrorCode) -> Remedy:
    """What the sender of a form refused with `code` should do (RCPT-2)."""
    return REMEDIES.get(code, Remedy.PARK)
