"""Wrong ideas of when two cases are the same (EXC-1)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from unicodedata import normalize

from bridge.core.effects import GiveReceipt, Notify, Send
from bridge.core.engine import Step
from bridge.core.exchange import Exchange
from bridge.core.ports import UnitOfWork
from bridge.rules.duplicates import content_key as content_key_of
from bridge.vocabulary.codes import DeclineReason, NoticeKind, PhotoKind
from bridge.vocabulary.forms import FilingResult, Form, HandOver
from bridge.vocabulary.messages import Receipt
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices
from conformance.zoo.bases import AlteringMailroom, ReticentBoard, WrongBridge
from conformance.zoo.member import member
from simulators.grid.platform import GridPlatform
from simulators.urban import arrivals
from simulators.urban.cases import UrbanCase
from simulators.urban.casework import Casework
from simulators.urban.desk import CaseStatus
from simulators.urban.duplicates import ContentKey, ReceivedCases, content_key
from simulators.urban.platform import UrbanPlatform


class _Received(ReceivedCases):
    """Compares hand-overs by a key of its own."""

    def key(self, form: HandOver) -> ContentKey | None:
        """What two duplicates have in common here."""
        return content_key(form, self._choices)

    def same_as(self, form: HandOver) -> list[str]:
        key = self.key(form)
        return [] if key is None else self._by_content.get(key, [])

    def remember(self, form: HandOver) -> None:
        key = self.key(form)
        if key is not None:
            self._by_content.setdefault(key, []).append(form.case_number)


class _Comparing(arrivals.Arrivals):
    received_type: type[_Received] = _Received

    def __init__(self, casework: Casework, choices: Choices):
        super().__init__(casework, choices)
        self._by_content = self.received_type(choices)


def _photos(form: HandOver) -> list[str]:
    return [a.sha256 for a in form.attachments if a.kind is not PhotoKind.DOCUMENT]


class _ByWords(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        return " ".join(normalize("NFC", form.description).split()), ()


class _ComparingWords(_Comparing):
    received_type = _ByWords


@member(
    "urban-compares-descriptions-only",
    clause="EXC-1",
    zh="查重只比描述,不比照片",
    en="compares descriptions only, never photos",
)
class UrbanComparesDescriptionsOnly(UrbanPlatform):
    arrivals_type = _ComparingWords


class _ByPhotos(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        photos = tuple(sorted(_photos(form)))
        return ("", photos) if photos else content_key(form, self._choices)


class _ComparingPhotos(_Comparing):
    received_type = _ByPhotos


@member(
    "urban-compares-photos-only",
    clause="EXC-1",
    zh="查重只比照片,不比描述",
    en="compares photos only, never descriptions",
)
class UrbanComparesPhotosOnly(UrbanPlatform):
    arrivals_type = _ComparingPhotos


class _ByOrderedPhotos(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        key = content_key(form, self._choices)
        return None if key is None else (key[0], tuple(_photos(form)))


class _ComparingOrderedPhotos(_Comparing):
    received_type = _ByOrderedPhotos


@member(
    "urban-compares-photos-in-their-order",
    clause="EXC-1",
    zh="照片逐张按顺序比,顺序不同就算不同",
    en="compares photos one by one: the same in another order are others",
)
class UrbanComparesPhotosInOrder(UrbanPlatform):
    arrivals_type = _ComparingOrderedPhotos


class _ByPhotoSet(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        key = content_key(form, self._choices)
        return None if key is None else (key[0], tuple(sorted(set(key[1]))))


class _ComparingPhotoSets(_Comparing):
    received_type = _ByPhotoSet


@member(
    "urban-compares-photos-as-a-set",
    clause="EXC-1",
    zh="同一张照片出现两次也只算一次",
    en="counts a photo that stands there twice as one",
)
class UrbanComparesPhotosAsASet(UrbanPlatform):
    arrivals_type = _ComparingPhotoSets


class _ToTheLetter(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        key = content_key(form, self._choices)
        return None if key is None else (normalize("NFC", form.description), key[1])


class _ComparingLetters(_Comparing):
    received_type = _ToTheLetter


@member(
    "urban-minds-white-space",
    clause="EXC-1",
    zh="描述的空白不归一,多一个空格就算不同",
    en="does not fold white space: one blank more makes another description",
)
class UrbanMindsWhiteSpace(UrbanPlatform):
    arrivals_type = _ComparingLetters


class _ToTheByte(_Received):
    def key(self, form: HandOver) -> ContentKey | None:
        key = content_key(form, self._choices)
        return None if key is None else (" ".join(form.description.split()), key[1])


class _ComparingBytes(_Comparing):
    received_type = _ToTheByte


@member(
    "urban-minds-how-a-letter-is-composed",
    clause="EXC-1",
    zh="描述不做 Unicode 规范化,同一个字的两种写法算不同",
    en="compares without Unicode normalisation: a letter written in two ways is two letters",
)
class UrbanMindsComposition(UrbanPlatform):
    arrivals_type = _ComparingBytes


class _OfOpenCases(_Comparing):
    forgotten: frozenset[CaseStatus] = frozenset()

    def _original_of(self, form: HandOver) -> UrbanCase | None:
        for number in self._by_content.same_as(form):
            case = self._casework.cases[number]
            if case.status not in self.forgotten:
                return case
        return None


class _ForgetsDeclined(_OfOpenCases):
    forgotten = frozenset({CaseStatus.DECLINED})


@member(
    "urban-forgets-declined-cases",
    clause="EXC-1",
    zh="不予立案的案卷不参与查重",
    en="leaves declined cases out of what a duplicate may repeat",
)
class UrbanForgetsDeclinedCases(UrbanPlatform):
    arrivals_type = _ForgetsDeclined


class _ForgetsClosed(_OfOpenCases):
    forgotten = frozenset({CaseStatus.CLOSED, CaseStatus.CLOSED_FALSE_REPORT})


@member(
    "urban-forgets-closed-cases",
    clause="EXC-1",
    zh="已结案的案卷不参与查重",
    en="leaves closed cases out of what a duplicate may repeat",
)
class UrbanForgetsClosedCases(UrbanPlatform):
    arrivals_type = _ForgetsClosed


class _NamesTheLast(_Comparing):
    def _original_of(self, form: HandOver) -> UrbanCase | None:
        found = self._by_content.same_as(form)
        return self._casework.cases[found[-1]] if found else None


@member(
    "urban-names-the-last-case-as-the-original",
    clause="EXC-1",
    zh="原案卷号写成最近的一份,而不是最早的一份",
    en="names the latest equal case as the original, not the first",
)
class UrbanNamesTheLast(UrbanPlatform):
    arrivals_type = _NamesTheLast


class _SeesNoDuplicates(_Comparing):
    def _original_of(self, form: HandOver) -> UrbanCase | None:
        return None


@member(
    "urban-files-duplicates",
    clause="EXC-1",
    zh="从不查重,重复案卷照样受理",
    en="never looks for duplicates",
)
class UrbanFilesDuplicates(UrbanPlatform):
    arrivals_type = _SeesNoDuplicates


class _TakesNativeForReceived(_Comparing):
    def _original_of(self, form: HandOver) -> UrbanCase | None:
        photos = tuple(sorted(_photos(form)))
        for case in self._casework.cases.values():
            theirs = tuple(sorted(a.sha256 for a in case.photos))
            if not case.transferred and (case.data.description, theirs) == (form.description, photos):
                return case
        return super()._original_of(form)


@member(
    "urban-takes-native-cases-for-received-ones",
    clause="EXC-1",
    zh="把城管自有案卷也算作“先前收到的案卷”",
    en="counts its native cases among those received before",
)
class UrbanTakesNativeForReceived(UrbanPlatform):
    arrivals_type = _TakesNativeForReceived


class _UnnamedOriginal(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        if isinstance(form, FilingResult) and form.decline_reason is DeclineReason.DUPLICATE:
            return replace(form, original_case_number=None)
        return form


@member(
    "urban-declines-a-duplicate-without-the-original",
    clause="EXC-1",
    zh="重复案卷不予立案时不写原案卷号",
    en="declines a duplicate without saying of which case",
)
class UrbanDeclinesWithoutTheOriginal(UrbanPlatform):
    mailroom_type = _UnnamedOriginal


class _ForAnotherReason(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        if isinstance(form, FilingResult) and form.decline_reason is DeclineReason.DUPLICATE:
            return replace(form, decline_reason=DeclineReason.NOT_IN_SCOPE, original_case_number=None)
        return form


@member(
    "urban-declines-a-duplicate-for-another-reason",
    clause="EXC-1",
    zh="重复案卷按“不属城管范围”不予立案,对方无从得知是重复",
    en="declines a duplicate as out of scope, so that nobody learns that it is one",
)
class UrbanDeclinesForAnotherReason(UrbanPlatform):
    mailroom_type = _ForAnotherReason


class _SilentOnDuplicates(ReticentBoard):
    def tells(self, kind: NoticeKind) -> bool:
        return kind is not NoticeKind.DUPLICATE


@member(
    "grid-tells-nobody-of-a-duplicate",
    clause="EXC-1",
    zh="案卷被判重复后不通知网格联系人",
    en="does not tell its contact person that a case was a duplicate",
)
class GridTellsNobodyOfADuplicate(GridPlatform):
    board_type = _SilentOnDuplicates


@member(
    "bridge-tells-nobody-of-a-duplicate",
    clause="EXC-1",
    zh="重复案卷经过桥时不通知任何联系人",
    en="tells no contact person when a duplicate crosses",
)
class BridgeTellsNobodyOfADuplicate(WrongBridge):
    def _keep(self, work: UnitOfWork, step: Step, at: datetime, also_send: Sequence[Send | GiveReceipt] = ()) -> None:
        step.effects = [e for e in step.effects if not (isinstance(e, Notify) and e.kind is NoticeKind.DUPLICATE)]
        super()._keep(work, step, at, also_send)


@member(
    "bridge-compares-descriptions-only",
    clause="EXC-1",
    zh="桥查重只比描述,误报“重复案卷却已立案”",
    en="compares descriptions only, and tells of duplicates that are none",
)
class BridgeComparesDescriptionsOnly(WrongBridge):
    def _key(self, form: HandOver) -> str | None:
        return content_key_of(replace(form, attachments=()), replace(self._choices, no_photos_are_same_photos=True))

    def _same_content_case(
        self, work: UnitOfWork, exchange: Exchange | None, form: HandOver, content_key: str | None
    ) -> str | None:
        return super()._same_content_case(work, exchange, form, self._key(form))

    def _take_receipt(
        self, work: UnitOfWork, side: Side, receipt: Receipt, at: datetime, *, in_other_response: bool = False
    ) -> None:
        super()._take_receipt(work, side, receipt, at, in_other_response=in_other_response)
        exchange = work.exchange(receipt.case_number)
        delivery = None if exchange is None else exchange.deliveries.get(receipt.form_message_id)
        if delivery is not None and isinstance(delivery.form, HandOver) and (key := self._key(delivery.form)):
            work.remember_content(key, receipt.case_number)
