"""Whom the urban platform tells of what (CONT-1, CONT-2)."""

from bridge.vocabulary.codes import ContactDuty, NoticeKind

#: Whose business each kind of notice is on this side.
DUTY_FOR: dict[NoticeKind, ContactDuty] = {
    NoticeKind.DUPLICATE: ContactDuty.GRID_SIDE,
    NoticeKind.RECEIPT_OVERDUE: ContactDuty.CITY_BUREAU,
    NoticeKind.PARKED: ContactDuty.CITY_BUREAU,
    NoticeKind.REPEATED_REJECTION: ContactDuty.OPERATOR_COMPANY,
    NoticeKind.SYSTEM_FAULT: ContactDuty.PLATFORM_VENDOR,
}
