"""Wrong seats, wrong books and wrong notices (URBAN-1, CONT-1, CONT-2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge.core.effects import GiveReceipt, Notify, Send
from bridge.core.engine import Engine, Step
from bridge.core.exchange import Exchange
from bridge.core.inputs import TimerFired
from bridge.core.notices import Trouble, open_matter, parked_key, platform_trouble
from bridge.core.ports import UnitOfWork
from bridge.vocabulary.calls import Ending, NotReached
from bridge.vocabulary.codes import ContactDuty, NoticeKind, NoticePhase
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Contact
from conformance.zoo.bases import ReticentBoard, WrongBridge
from conformance.zoo.member import member
from simulators.city.seats import Account
from simulators.exchange.mailroom import Mailroom, Sending
from simulators.exchange.notices import NoticeBoard
from simulators.exchange.params import Params
from simulators.grid.platform import GridPlatform
from simulators.urban import people
from simulators.urban.cases import UrbanCase
from simulators.urban.desk import Role, Row
from simulators.urban.places import Places
from simulators.urban.platform import UrbanPlatform

# ── URBAN-1: four territorial levels ────────────────────────────────────────────────────────────────


class _CoversAll(Places):
    @staticmethod
    def covers(account: Account, case: UrbanCase) -> bool:
        return True


@member(
    "urban-ignores-territories",
    clause="URBAN-1",
    zh="不核对辖区,别的区也能办理",
    en="does not look at territories: another district may act",
)
class UrbanIgnoresTerritories(UrbanPlatform):
    places_type = _CoversAll


class _AnySeat(people.People):
    def _seat(self, row: Row, by: str | None, case: UrbanCase | None) -> Account:
        known = by is not None and self._places.account(by) is not None
        return super()._seat(row, None if known else by, case)


@member(
    "urban-ignores-seats",
    clause="URBAN-1",
    zh="不核对岗位和层级,谁都能办理",
    en="does not look at seats and levels: anybody may do anybody's work",
)
class UrbanIgnoresSeats(UrbanPlatform):
    people_type = _AnySeat


class _CollectorsEverywhere(Places):
    def account(self, name: str) -> Account | None:
        found = super().account(name)
        if found is None or found.role != Role.COLLECTOR:
            return found
        return replace(found, territory="")


@member(
    "urban-lets-collectors-report-anywhere",
    clause="URBAN-1",
    zh="采集员可以在别的社区上报",
    en="lets a collector report in another community",
)
class UrbanLetsCollectorsReportAnywhere(UrbanPlatform):
    places_type = _CollectorsEverywhere


# ── CONT-1: one named person for each seat ──────────────────────────────────────────────────────────


@member(
    "grid-leaves-a-seat-of-the-book-empty",
    clause="CONT-1",
    zh="联系人名册缺一个席位",
    en="leaves one seat of the contact book without a person",
)
class GridLeavesASeatEmpty(GridPlatform):
    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        answer = super().ask(name, params, now)
        return answer[:-1] if name == "contacts" else answer


@member(
    "urban-puts-two-people-into-one-seat",
    clause="CONT-1",
    zh="同一席位登记了两名联系人",
    en="has two persons in one seat of the contact book",
)
class UrbanPutsTwoIntoOneSeat(UrbanPlatform):
    def ask(self, name: str, params: Mapping[str, Any], now: datetime) -> Any:
        answer = super().ask(name, params, now)
        return [*answer, {**answer[0], "name": "另一人"}] if name == "contacts" else answer


# ── CONT-2: told once when it starts, once when it is over ──────────────────────────────────────────


class _Silent(ReticentBoard):
    def tells(self, kind: NoticeKind) -> bool:
        return False


@member(
    "urban-tells-no-contact",
    clause="CONT-2",
    zh="挂起、重复、多次驳回都不通知联系人",
    en="tells no contact person of anything",
)
class UrbanTellsNoContact(UrbanPlatform):
    board_type = _Silent


class _RepeatsItself(people.People):
    def _tell(self, row: Row, case: UrbanCase, account: Account, given: Params, now: datetime) -> None:
        matter = (given.code("kind", NoticeKind), case.case_number)
        is_told = given.code("phase", NoticePhase, NoticePhase.STARTED) is NoticePhase.OVER
        self._told_far = self._told_far | {matter} if is_told else self._told_far - {matter}
        super()._tell(row, case, account, given, now)


@member(
    "urban-tells-the-same-matter-again",
    clause="CONT-2",
    zh="已告知网格方的事项可以再告知一遍",
    en="lets its people tell the grid side once more what it was told already",
)
class UrbanTellsAgain(UrbanPlatform):
    people_type = _RepeatsItself


class _NeverOver(NoticeBoard):
    def over(self, kind: NoticeKind, subject: str, now: datetime) -> None:
        """Tell nobody."""


@member(
    "grid-never-says-that-it-is-over",
    clause="CONT-2",
    zh="事项解除后不再通知",
    en="tells when a matter starts and never that it is over",
)
class GridNeverSaysOver(GridPlatform):
    board_type = _NeverOver


class _TellsAgain(NoticeBoard):
    def started(self, kind: NoticeKind, subject: str, *matter: Any, **more: Any) -> None:
        self._open.pop((kind, subject), None)
        super().started(kind, subject, *matter, **more)


class _TellsEachTime(Mailroom):
    def _sending_due(self, sending: Sending, now: datetime) -> None:
        super()._sending_due(sending, now)
        self._tell(sending, NoticeKind.PARKED, NoticePhase.STARTED, "发送未果", "was not answered")


@member(
    "grid-tells-of-each-attempt",
    clause="CONT-2",
    zh="每次重发都通知联系人一遍",
    en="tells the contact person of every single attempt",
)
class GridTellsOfEachAttempt(GridPlatform):
    mailroom_type = _TellsEachTime
    board_type = _TellsAgain


class _OneOffice(NoticeBoard):
    def __init__(self, side: Side, contacts: Iterable[Contact], duty_for: Mapping[NoticeKind, ContactDuty]):
        super().__init__(side, contacts, dict.fromkeys(duty_for, ContactDuty.CITY_INFORMATION_OFFICE))


@member(
    "urban-tells-one-office-everything",
    clause="CONT-2",
    zh="不分事项,一律通知市信息办",
    en="tells the city information office of everything, whosever business it is",
)
class UrbanTellsOneOffice(UrbanPlatform):
    board_type = _OneOffice


class _TellsEveryRetry(Engine):
    def _timer(self, exchange: Exchange | None, fired: TimerFired) -> Step:
        step = super()._timer(exchange, fired)
        delivery = None if exchange is None else exchange.deliveries.get(fired.message_id)
        if step.accepted and exchange is not None and delivery is not None:
            key = parked_key(delivery.direction, delivery.message_id)
            exchange.open_matters.discard(key)
            notice = open_matter(exchange, key, fired.at)
            if notice is not None:
                step.effects.append(notice)
        return step


@member(
    "bridge-tells-of-each-attempt",
    clause="CONT-2",
    zh="每次重发都通知联系人一遍",
    en="tells the contact person of every single attempt",
)
class BridgeTellsOfEachAttempt(WrongBridge):
    engine_type = _TellsEveryRetry


class _Untold(WrongBridge):
    def silent(self, notice: Notify) -> bool:
        """Whether this is told to nobody."""
        raise NotImplementedError

    def _keep(self, work: UnitOfWork, step: Step, at: datetime, also_send: Sequence[Send | GiveReceipt] = ()) -> None:
        step.effects = [each for each in step.effects if not (isinstance(each, Notify) and self.silent(each))]
        super()._keep(work, step, at, also_send)


@member(
    "bridge-tells-nobody-of-parked-forms",
    clause="CONT-2",
    zh="表单挂起后不通知联系人",
    en="tells nobody that a form is parked",
)
class BridgeTellsNobodyOfParked(_Untold):
    def silent(self, notice: Notify) -> bool:
        return notice.kind is NoticeKind.PARKED


@member(
    "bridge-never-says-that-it-is-over",
    clause="CONT-2",
    zh="事项解除后不再通知",
    en="tells when a matter starts and never that it is over",
)
class BridgeNeverSaysOver(_Untold):
    def silent(self, notice: Notify) -> bool:
        return notice.phase is NoticePhase.OVER


@member(
    "bridge-tells-nobody-of-too-many-rejections",
    clause="CONT-2",
    zh="驳回超过次数不通知联系人",
    en="tells nobody that a filing was rejected once too often",
)
class BridgeTellsNobodyOfRejections(_Untold):
    def silent(self, notice: Notify) -> bool:
        return notice.kind is NoticeKind.REPEATED_REJECTION


@member(
    "bridge-tells-of-each-failed-call",
    clause="CONT-2",
    zh="平台断开期间,每次呼叫失败都通知一遍",
    en="tells of every failed call while a platform is away",
)
class BridgeTellsOfEachFailedCall(WrongBridge):
    def _troubles(
        self, work: UnitOfWork, effect: Send | GiveReceipt, ending: Ending, at: datetime
    ) -> dict[Trouble, Notify]:
        notices = super()._troubles(work, effect, ending, at)
        if isinstance(ending, NotReached):
            form = effect.message.form if isinstance(effect, Send) else effect.receipt
            notice = platform_trouble(Trouble.UNREACHABLE, effect.to, NoticePhase.STARTED, form.case_number, at)
            notices[Trouble.UNREACHABLE] = notice
        return notices
