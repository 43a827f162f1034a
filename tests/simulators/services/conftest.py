"""A small pair of profiles and a scripted machine, so that the shells can be tried without the platforms."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

import pytest

from bridge.vocabulary.calls import Answered, Call, Faulted, Message
from bridge.vocabulary.codes import CaseGrade, CaseKind, CaseSource, CoordinateSystem, PhotoKind, ReceiptOutcome
from bridge.vocabulary.forms import Attachment, HandOver, Position
from bridge.vocabulary.messages import (
    CasePage,
    CaseQuery,
    Fault,
    FormMessage,
    Header,
    QueryMessage,
    Receipt,
    ReceiptMessage,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import PlatformProfile, Profile, ReceiptMode
from bridge.vocabulary.times import SHANGHAI
from duijie.processes import free_port
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import Mailroom
from simulators.exchange.quirks import Quirks
from simulators.process import SimulatorProcess, SteeredClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff" * 20


@pytest.fixture
def profile() -> Profile:
    return make_profile()


def make_profile(grid: str = "http://127.0.0.1:1/soap", urban: str = "http://127.0.0.1:2/soap") -> Profile:
    return Profile(
        name="test pair",
        grid=PlatformProfile(code="wuhu-grid", endpoint=grid, username="grid-account", password="grid-secret"),
        urban=PlatformProfile(code="wuhu-urban", endpoint=urban, username="urban-account", password="城管-secret"),
    )


def attachment(content: bytes | None = PICTURE, **changed) -> Attachment:
    told = {
        "name": "路边.png",
        "media_type": "image/png",
        "size": len(content or b""),
        "sha256": sha256(content or b"").hexdigest(),
        "kind": PhotoKind.REPORT,
        "content": content,
    }
    return Attachment(**(told | changed))


def hand_over(**changed) -> HandOver:
    told = {
        "case_number": "340202-20260302-000001",
        "source": CaseSource.GRID_PLATFORM,
        "kind": CaseKind.EVENT,
        "category": "01",
        "subcategory": "02",
        "grade": CaseGrade.ORDINARY,
        "description": "路边有 <垃圾> & 杂物, 𠮷野家门口",
        "address": "北京西路 1 号",
        "district": "340202",
        "street": "340202001",
        "community": "340202001001",
        "cell": "340202001001001",
        "reported_at": NOW,
        "reporter_name": "张三",
        "handed_over_at": NOW,
        "handed_over_by": "虚拟账号",
        "position": Position(x=118.25, y=31.5, system=CoordinateSystem.CGCS2000),
        "attachments": (attachment(), attachment(None, reference="https://photos.example/1", size=9, sha256="0" * 64)),
    }
    return HandOver(**(told | changed))


def form_message(form=None, **changed) -> FormMessage:
    form = form or hand_over()
    told = {
        "message_id": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "sender": "wuhu-grid",
        "recipient": "wuhu-urban",
        "case_number": form.case_number,
        "form_type": form.form_type,
        "attempt": 1,
        "sent_at": NOW,
    }
    return FormMessage(header=Header(**(told | changed)), form=form)


def receipt_for(message: FormMessage, fault: Fault | None = None) -> Receipt:
    return receipt_to(message.header, fault)


def receipt_to(header: Header, fault: Fault | None = None) -> Receipt:
    return Receipt(
        case_number=header.case_number,
        form_message_id=header.message_id,
        form_type=header.form_type,
        outcome=ReceiptOutcome.CONFIRMED if fault is None else ReceiptOutcome.ERROR,
        decided_at=NOW,
        fault=fault,
    )


@dataclass
class ScriptedReception:
    """Answers what it is told to answer, and remembers what came."""

    answer: Callable[[Message], Answered | Faulted] = lambda message: Answered()
    came: list = field(default_factory=list)
    unread: list = field(default_factory=list)

    def received(self, message: Message) -> Answered | Faulted:
        self.came.append(message)
        return self.answer(message)

    def unreadable(self, header: Header, fault: Fault, digest: str) -> Answered | Faulted:
        self.unread.append((header, fault, digest))
        return Answered(receipt=receipt_to(header, fault))


class ScriptedMachine:
    """A platform with nothing but its post: `post` sends a hand-over, whatever comes in is confirmed."""

    def __init__(self, side: Side, profile: Profile, quirks: Quirks | None = None):
        self.side = side
        self._post = Mailroom(side, profile, IdSource(side, 7), quirks or Quirks())
        self.arrived: list[str] = []
        self.fail_on: str | None = None
        self.restarts: list[datetime] = []
        #: What it was told of locks at its door.
        self.doors: list[tuple[str, str]] = []

    def locked_out(self, source: str, until: datetime, now: datetime) -> None:
        self.doors.append(("locked", source))

    def heard_again(self, source: str, now: datetime) -> None:
        self.doors.append(("heard", source))

    def call_received(self, message: Message, now: datetime) -> Answered | Faulted:
        if isinstance(message, ReceiptMessage):
            return self._post.receipt_arrived(message, now)
        if isinstance(message, QueryMessage):
            return Answered(page=CasePage(cases=(), next_cursor="end", more=False))
        return self._post.form_arrived(message, now, self._decide)

    def _decide(self, form) -> Fault | None:
        self.arrived.append(form.case_number)
        if form.case_number == self.fail_on:
            raise ZeroDivisionError
        return None

    def call_ended(self, key: int, ending, now: datetime) -> None:
        self._post.call_ended(key, ending, now)

    def outgoing(self) -> list[Call]:
        return self._post.outgoing()

    def next_due(self) -> datetime | None:
        return self._post.next_due()

    def wake(self, now: datetime) -> None:
        self._post.wake(now)

    def restarted(self, now: datetime) -> None:
        self.restarts.append(now)

    def act(self, name: str, params, now: datetime, by: str | None = None) -> dict:
        if name == "post":
            form = hand_over(case_number=params["case"], handed_over_at=now)
            return {"message_id": self._post.post(form, now), "by": by}
        if name == "query":
            self._post.query(CaseQuery(), now)
            return {}
        if name == "break":
            raise ZeroDivisionError
        if name == "forbidden":
            raise ActRefused("not_your_role", "不是你的岗位。", "Not your role.")
        raise ActRefused("unknown_act", "没有这项操作。", "No such act.")

    def ask(self, name: str, params, now: datetime):
        if name == "forms":
            return [
                {"case": sending.case_number, "state": sending.state.value, "attempts": sending.attempts}
                for sending in self._post.sendings()
            ]
        if name == "arrived":
            return list(self.arrived)
        if name == "receipts_kept":
            return [{"case": kept.receipt.case_number, "as": kept.kept_as.value} for kept in self._post.kept_receipts()]
        raise AskRefused("unknown_ask", "没有这项查询。", "No such question.")


@dataclass
class Pair:
    """Two processes that call each other directly."""

    profile: Profile
    grid: SimulatorProcess
    urban: SimulatorProcess

    def settle(self) -> None:
        """Return when neither has had anything to do for two looks in a row."""
        seen = None
        for _ in range(2000):
            now_seen = (self.grid.inputs, self.urban.inputs)
            if self.grid.quiet and self.urban.quiet and seen == now_seen:
                return
            seen = now_seen
            threading.Event().wait(0.005)
        raise AssertionError("the pair did not come to rest")


@contextmanager
def running_pair(
    make=ScriptedMachine, *, quirks=None, stores=(None, None), receipts="call", urban_link=None, grid_link=None
) -> Iterator[Pair]:
    profile = make_profile(*(f"http://127.0.0.1:{free_port()}/soap" for _ in range(2)))
    mode = ReceiptMode(receipts)
    profile = replace(profile, grid=replace(profile.grid, receipts=mode), urban=replace(profile.urban, receipts=mode))
    pair = Pair(
        profile, *(process(side, profile, make, quirks, store) for side, store in zip(Side, stores, strict=True))
    )
    pair.grid.start()
    try:
        pair.urban.start()
        yield pair
    finally:
        pair.grid.stop()
        pair.urban.stop()


def process(side: Side, profile: Profile, make=ScriptedMachine, quirks=None, store=None, **options) -> SimulatorProcess:
    quirks = quirks or Quirks()
    maker = None if make is None else (lambda: make(side, profile, quirks))
    return SimulatorProcess(
        side, profile, 7, quirks, clock=SteeredClock(NOW), store_path=store, make_machine=maker, **options
    )
