"""The grid platform's SOAP service: unpack, call the reception, pack."""

from typing import Any

import simulators.exchange.spyne_shim  # noqa: F401 - spyne cannot be imported before it

# isort: split
from spyne import Service, rpc

from bridge.vocabulary.calls import Answered, Message
from bridge.vocabulary.messages import CaseQuery, FormMessage, Operation, QueryMessage, Receipt, ReceiptMessage
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.profile import Profile
from simulators.exchange.prefixes import PrefixChoice
from simulators.exchange.security import Guard, real_time
from simulators.exchange.soap import (
    Reception,
    SoapFront,
    answered,
    desk,
    form_of,
    front,
    made_once,
    names,
    to_model,
    to_value,
)
from simulators.exchange.types import GRID, MessageHeader
from simulators.grid.types import (
    DeliverForm,
    DeliverFormResponse,
    DeliverReceipt,
    DeliverReceiptResponse,
    QueryCases,
    QueryCasesResponse,
)


class GridService(Service):
    """The three operations that the grid platform offers (XCHG-1)."""

    __in_header__ = MessageHeader

    @rpc(DeliverForm, _returns=DeliverFormResponse, _body_style="bare", **names(Operation.DELIVER_FORM))
    def deliver_form(ctx: Any, request: Any) -> Any:  # noqa: N805 - spyne passes its context, there is no self
        """传递业务表单 / Deliver a business form."""
        envelope = ctx.udc
        if envelope.fault is not None:
            answer = answered(desk(ctx).reception.unreadable(envelope.header, envelope.fault, envelope.digest))
        else:
            answer = _call(ctx, FormMessage(header=envelope.header, form=form_of(request.form, Direction.TO_GRID)))
        receipt = answer.receipt
        return DeliverFormResponse(receipt=None if receipt is None else to_model(receipt))

    @rpc(DeliverReceipt, _returns=DeliverReceiptResponse, _body_style="bare", **names(Operation.DELIVER_RECEIPT))
    def deliver_receipt(ctx: Any, request: Any) -> Any:  # noqa: N805
        """传递业务回执 / Deliver a business receipt."""
        _call(ctx, ReceiptMessage(header=ctx.udc.header, receipt=to_value(request.receipt, Receipt)))
        return DeliverReceiptResponse()

    @rpc(QueryCases, _returns=QueryCasesResponse, _body_style="bare", **names(Operation.QUERY_CASES))
    def query_cases(ctx: Any, request: Any) -> Any:  # noqa: N805
        """查询移交案卷 / Query the cases handed over."""
        answer = _call(ctx, QueryMessage(header=ctx.udc.header, query=to_value(request, CaseQuery)))
        return to_model(answer.page, QueryCasesResponse)


def _call(ctx: Any, message: Message) -> Answered:
    return answered(desk(ctx).reception.received(message))


_SERVICE = (GridService, GRID, "GridExchange")


def preload() -> None:
    """Make ahead of need what every SOAP service of this side shares."""
    made_once(*_SERVICE)


def soap_front(
    profile: Profile,
    reception: Reception,
    *,
    address: str,
    prefixes: PrefixChoice | None = None,
    guard: Guard | None = None,
) -> SoapFront:
    """Make the WSGI application; its one caller is the account of the other platform.

    Without a guard that keeps books, what it knows of tokens and wrong passwords ends with the application.
    """
    return front(
        *_SERVICE,
        guard=guard or Guard(profile.urban, profile.security, real_time),
        address=address,
        reception=reception,
        bytes_max=profile.limits.message_bytes,
        prefixes=prefixes,
        mode=profile.choices.liberties,
    )
