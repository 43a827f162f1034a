"""Contact persons are told once when a matter starts and once when it is over, and every notice is recorded (CONT-1, CONT-2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.vocabulary.codes import ContactDuty, NoticeKind, NoticePhase
from bridge.vocabulary.forms import ContactNotice
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A contact person was told, or told us."""

    at: datetime
    kind: NoticeKind
    phase: NoticePhase
    #: Empty where the matter is no case's.
    case_number: str
    #: What the matter is about: the case itself, or the message id of a form; the same in both notices of a matter.
    subject: str
    duty: ContactDuty
    contact: str
    text_zh: str
    text_en: str
    #: The side that told; the far one for a contact notice that came in.
    told_by: Side
    related_case_number: str | None = None


class NoticeBoard:
    """One platform's contact book, the matters that are open, and everything that was told.

    `duty_for` says whose business each kind of notice is on this side.
    """

    def __init__(self, side: Side, contacts: Iterable[Contact], duty_for: Mapping[NoticeKind, ContactDuty]):
        self.side = side
        self.contacts = {contact.duty: contact for contact in contacts}
        self.told: list[Notice] = []
        self._duty_for = duty_for
        #: The notice that started each open matter.
        self._open: dict[tuple[NoticeKind, str], Notice] = {}

    def started(
        self,
        kind: NoticeKind,
        subject: str,
        case_number: str,
        zh: str,
        en: str,
        now: datetime,
        *,
        related: str | None = None,
    ) -> None:
        """Tell that a matter has started, unless it is open already."""
        if (kind, subject) in self._open:
            return
        duty = self._duty_for[kind]
        notice = Notice(
            at=now,
            kind=kind,
            phase=NoticePhase.STARTED,
            case_number=case_number,
            subject=subject,
            duty=duty,
            contact=self.name(duty),
            text_zh=zh,
            text_en=en,
            told_by=self.side,
            related_case_number=related,
        )
        self._open[kind, subject] = notice
        self.told.append(notice)

    def over(self, kind: NoticeKind, subject: str, now: datetime) -> None:
        """Tell that a matter is over, if it was open."""
        start = self._open.pop((kind, subject), None)
        if start is None:
            return
        self.told.append(
            Notice(
                at=now,
                kind=kind,
                phase=NoticePhase.OVER,
                case_number=start.case_number,
                subject=subject,
                duty=start.duty,
                contact=start.contact,
                text_zh=f"案卷 {start.case_number}:事项已解除。" if start.case_number else f"已解除:{start.text_zh}",
                text_en=f"Case {start.case_number}: the matter is over."
                if start.case_number
                else f"It is over: {start.text_en}",
                told_by=self.side,
                related_case_number=start.related_case_number,
            )
        )

    def locked_out(self, source: str, until: datetime, now: datetime) -> None:
        """Tell that callers from an address are not heard for a while."""
        moment = until.strftime("%Y-%m-%d %H:%M:%S")
        self.started(
            NoticeKind.SYSTEM_FAULT,
            f"locked:{source}",
            "",
            f"地址 {source} 口令多次错误,锁定至 {moment}。",
            f"Wrong passwords came from {source}; it is locked out until {moment}.",
            now,
        )

    def heard_again(self, source: str, now: datetime) -> None:
        """Tell that such a lock is over."""
        self.over(NoticeKind.SYSTEM_FAULT, f"locked:{source}", now)

    def came_in(self, form: ContactNotice, now: datetime) -> None:
        """Record what the far side's contact person told us, unless our own has been told of the matter already."""
        matter = (form.kind, form.case_number)
        if matter in self._open:
            if form.phase is NoticePhase.OVER:
                self.over(*matter, now)
            return
        duty = self._duty_for[form.kind]
        self.told.append(
            Notice(
                at=now,
                kind=form.kind,
                phase=form.phase,
                case_number=form.case_number,
                subject=f"{self.side.other}:{form.case_number}",
                duty=duty,
                contact=self.name(duty),
                text_zh=form.text,
                text_en=form.text,
                told_by=self.side.other,
                related_case_number=form.related_case_number,
            )
        )

    def name(self, duty: ContactDuty) -> str:
        """Say the name of the person on a duty."""
        contact = self.contacts.get(duty)
        return duty.value if contact is None else contact.name
