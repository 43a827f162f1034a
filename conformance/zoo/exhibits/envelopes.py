"""Wrong envelopes and wrong contents (XCHG-1, XCHG-3, GEN-1, GEN-4)."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from bridge.core.effects import Effect, Send
from bridge.core.engine import Engine
from bridge.core.exchange import Delivery, Exchange
from bridge.vocabulary.calls import Call
from bridge.vocabulary.codes import CaseKind, CaseSource
from bridge.vocabulary.forms import Attachment, Form, HandOver, StageProgress, Supplement, VerificationRequest
from bridge.vocabulary.messages import FormMessage, Header, QueryMessage, ReceiptMessage
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import UrbanStage
from conformance.zoo.bases import AlteringMailroom, WrongBridge
from conformance.zoo.member import member
from simulators.exchange.ids import IdSource
from simulators.exchange.mailroom import Mailroom, Sending
from simulators.exchange.quirks import Quirks
from simulators.grid.platform import GridPlatform
from simulators.urban.platform import UrbanPlatform

# ── XCHG-1: one model of header, form, receipt and fault in both directions ─────────────────────────


class _OtherHeaders(Mailroom):
    def headed(self, header: Header) -> Header:
        """The header as it is written."""
        raise NotImplementedError

    def outgoing(self) -> list[Call]:
        return [
            call
            if isinstance(call.message, QueryMessage)
            else replace(call, message=replace(call.message, header=self.headed(call.message.header)))
            for call in super().outgoing()
        ]


class _MixesUpParties(_OtherHeaders):
    def headed(self, header: Header) -> Header:
        return replace(header, sender=header.recipient, recipient=header.sender)


@member(
    "urban-mixes-up-sender-and-recipient",
    clause="XCHG-1",
    zh="报文头的发送方与接收方写反",
    en="writes sender and recipient of the header the wrong way round",
)
class UrbanMixesUpParties(UrbanPlatform):
    mailroom_type = _MixesUpParties


class _CapitalLetters(_OtherHeaders):
    def headed(self, header: Header) -> Header:
        return replace(header, sender=header.sender.upper(), recipient=header.recipient.upper())


@member(
    "grid-writes-codes-in-capitals",
    clause="XCHG-1",
    zh="报文头的平台代码大小写与约定不符",
    en="writes the party codes of the header in capitals",
)
class GridWritesCapitals(GridPlatform):
    mailroom_type = _CapitalLetters


class _Capitalised(IdSource):
    def __init__(self, source: IdSource):
        self._source = source

    def message_id(self) -> str:
        return self._source.message_id().removeprefix("urn:uuid:").upper()


class _OwnKindOfId(Mailroom):
    def __init__(self, side: Side, profile: Profile, ids: IdSource, quirks: Quirks):
        super().__init__(side, profile, _Capitalised(ids), quirks)


@member(
    "urban-writes-ids-of-its-own-form",
    clause="XCHG-1",
    zh="报文标识不按 urn:uuid: 加小写的格式写",
    en="writes message ids in a form of its own: no urn:uuid:, capital letters",
)
class UrbanWritesOwnIds(UrbanPlatform):
    mailroom_type = _OwnKindOfId


#: What a careless vendor fills in where the case number belongs.
_NO_CASE = "340200-20000101-000000"


class _ConstantCase(Mailroom):
    def outgoing(self) -> list[Call]:
        return [
            replace(call, message=replace(call.message, header=replace(call.message.header, case_number=_NO_CASE)))
            if isinstance(call.message, ReceiptMessage)
            else call
            for call in super().outgoing()
        ]


@member(
    "grid-fills-receipt-headers-carelessly",
    clause="XCHG-1",
    zh="回执的报文头里案卷号填固定值",
    en="fills a constant in for the case number in the headers of its receipts",
)
class GridFillsHeadersCarelessly(GridPlatform):
    mailroom_type = _ConstantCase


class _OtherMessages(Engine):
    """Relays something else than it was given."""

    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        """What goes on to the recipient."""
        raise NotImplementedError

    def _send(self, exchange: Exchange, delivery: Delivery, effects: list[Effect], at: datetime) -> None:
        super()._send(exchange, delivery, effects, at)
        sent = effects[-1]
        if isinstance(sent, Send):
            effects[-1] = sent._replace(message=self.relayed(sent.message, delivery.direction))


class _SignsAsBridge(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        return replace(message, header=replace(message.header, sender="bridge"))


@member(
    "bridge-signs-as-the-sender",
    clause="XCHG-1",
    zh="转发时把报文头的发送方改成桥自己",
    en="writes itself as the sender into the header of what it relays",
)
class BridgeSignsAsSender(WrongBridge):
    engine_type = _SignsAsBridge


class _Asymmetric(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        if direction is Direction.TO_URBAN:
            return message
        return replace(message, header=replace(message.header, sender=message.header.recipient))


@member(
    "bridge-mirrors-one-way-only",
    clause="XCHG-1",
    zh="只有一个方向的报文头按约定写,另一个方向写错发送方",
    en="keeps to the envelope in one direction and writes the wrong sender in the other",
)
class BridgeMirrorsOneWayOnly(WrongBridge):
    engine_type = _Asymmetric


class _StripsAttachments(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        if not getattr(message.form, "attachments", ()):
            return message
        changes: dict[str, Any] = {"attachments": ()}
        return replace(message, form=replace(message.form, **changes))


@member(
    "bridge-drops-attachments",
    clause="XCHG-1",
    zh="转发时丢掉附件",
    en="loses the attachments on the way",
)
class BridgeDropsAttachments(WrongBridge):
    engine_type = _StripsAttachments


class _Recompresses(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        attachments: tuple[Attachment, ...] = getattr(message.form, "attachments", ())
        if not attachments:
            return message
        changes: dict[str, Any] = {"attachments": tuple(_smaller(each) for each in attachments)}
        return replace(message, form=replace(message.form, **changes))


def _smaller(photo: Attachment) -> Attachment:
    if photo.content is None:
        return photo
    content = photo.content[: max(1, len(photo.content) // 2)]
    return replace(photo, content=content, size=len(content), sha256=sha256(content).hexdigest())


@member(
    "bridge-shrinks-photos",
    clause="XCHG-1",
    zh="转发时压缩照片,摘要与原件不同",
    en="makes photos smaller on the way, so that they are others for the recipient",
)
class BridgeShrinksPhotos(WrongBridge):
    engine_type = _Recompresses


class _ShortensWords(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        form = message.form
        return (
            replace(message, form=replace(form, description=form.description[:4]))
            if isinstance(form, HandOver)
            else message
        )


@member(
    "bridge-cuts-descriptions-short",
    clause="XCHG-1",
    zh="转发时把问题描述截短",
    en="cuts the description of a case short on the way",
)
class BridgeCutsDescriptions(WrongBridge):
    engine_type = _ShortensWords


class _FromElsewhere(_OtherMessages):
    def relayed(self, message: FormMessage, direction: Direction) -> FormMessage:
        form = message.form
        return (
            replace(message, form=replace(form, source=CaseSource.GRID_PLATFORM))
            if isinstance(form, HandOver)
            else message
        )


@member(
    "bridge-rewrites-the-source",
    clause="XCHG-1",
    zh="转发移交时把来源一律改成网格平台",
    en="relays every hand-over with the grid platform as its source",
)
class BridgeRewritesTheSource(WrongBridge):
    engine_type = _FromElsewhere


# ── XCHG-3: each form belongs to one case and holds what its kind needs ─────────────────────────────


class _NoLimit(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        if isinstance(form, StageProgress) and form.stage is UrbanStage.DEPARTMENT_DISPOSAL:
            return replace(form, disposal_due_at=None)
        return form


@member(
    "urban-tells-disposal-without-its-limit",
    clause="XCHG-3",
    zh="进入处置的进度不写处置时限",
    en="tells that disposal has begun without saying when it is due",
)
class UrbanTellsNoLimit(UrbanPlatform):
    mailroom_type = _NoLimit


class _OneIdACase(Mailroom):
    def _enter(self, form: Form, now: datetime, push: bool) -> Sending:
        known = self._by_case.get(form.case_number)
        sending = super()._enter(form, now, push)
        if known and len(known) > 1:
            first = known[0]
            known.pop()
            del self._sendings[sending.message_id]
            sending.message_id = first
            known.append(first)
            self._sendings[first] = sending
        return sending


@member(
    "urban-uses-one-id-for-all-forms-of-a-case",
    clause="XCHG-3",
    zh="同一案卷的表单共用一个报文标识",
    en="uses one message id for all forms of a case",
)
class UrbanUsesOneId(UrbanPlatform):
    mailroom_type = _OneIdACase


class _NoPhotos(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        changes: dict[str, Any] = {"attachments": ()}
        return replace(form, **changes) if isinstance(form, HandOver | Supplement) else form


@member(
    "grid-leaves-photos-at-home",
    clause="XCHG-3",
    zh="移交和补充都不附照片",
    en="hands over and supplements without the photos that were taken",
)
class GridLeavesPhotosAtHome(GridPlatform):
    mailroom_type = _NoPhotos


class _NoDisposalPhotos(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, attachments=()) if isinstance(form, VerificationRequest) else form


@member(
    "urban-asks-for-verification-without-photos",
    clause="XCHG-3",
    zh="核查请求不附处置照片",
    en="asks for verification without the photos of the disposal",
)
class UrbanAsksWithoutPhotos(UrbanPlatform):
    mailroom_type = _NoDisposalPhotos


class _WrongDigest(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        photos: tuple[Attachment, ...] = getattr(form, "attachments", ())
        if not photos:
            return form
        changes: dict[str, Any] = {"attachments": tuple(replace(a, sha256="0" * 64) for a in photos)}
        return replace(form, **changes)


@member(
    "grid-writes-no-true-digest",
    clause="XCHG-3",
    zh="附件摘要填零,与内容不符",
    en="fills zeros in for the digests of its attachments",
)
class GridWritesNoTrueDigest(GridPlatform):
    mailroom_type = _WrongDigest


class _LosesSupplements(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return None if isinstance(form, Supplement) else form


@member(
    "grid-keeps-supplements-at-home",
    clause="XCHG-3",
    zh="补充信息只存网格平台,不发给城管平台",
    en="keeps what is added to a case at home and never sends it",
)
class GridKeepsSupplements(GridPlatform):
    mailroom_type = _LosesSupplements


# ── GEN-1, GEN-4: sources and kinds ─────────────────────────────────────────────────────────────────


class _AlwaysTheWorker(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, source=CaseSource.GRID_PLATFORM) if isinstance(form, HandOver) else form


@member(
    "grid-calls-every-source-its-own",
    clause="GEN-1",
    zh="移交的来源一律写网格平台,热线、媒体等都看不出来",
    en="gives itself as the source of every case that it hands over, whoever reported it",
)
class GridCallsEverySourceItsOwn(GridPlatform):
    mailroom_type = _AlwaysTheWorker


class _EventsWithCodes(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        if isinstance(form, HandOver) and form.kind is CaseKind.EVENT:
            return replace(form, component_code=f"{form.district}{form.category}{form.subcategory}000001")
        return form


@member(
    "grid-gives-events-a-component-code",
    clause="GEN-4",
    zh="事件也带部件标识码",
    en="gives events a component code",
)
class GridGivesEventsACode(GridPlatform):
    mailroom_type = _EventsWithCodes


class _LosesCodes(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        return replace(form, component_code=None) if isinstance(form, HandOver) else form


@member(
    "grid-loses-the-component-code",
    clause="GEN-4",
    zh="部件案卷移交时丢掉部件标识码",
    en="hands a component over without its code",
)
class GridLosesTheCode(GridPlatform):
    mailroom_type = _LosesCodes


class _ShortCodes(AlteringMailroom):
    def altered(self, form: Form) -> Form | None:
        if isinstance(form, HandOver) and form.component_code is not None:
            return replace(form, component_code=form.component_code[-6:])
        return form


@member(
    "grid-cuts-component-codes-short",
    clause="GEN-4",
    zh="部件标识码只写后六位",
    en="writes the last six digits of a component code only",
)
class GridCutsCodesShort(GridPlatform):
    mailroom_type = _ShortCodes
