"""The urban side's own types: the forms that may be delivered to it, and the wrappers of its operations."""

import simulators.exchange.spyne_shim  # noqa: F401 - spyne cannot be imported before it

# isort: split
from spyne import ComplexModel

from bridge.vocabulary.messages import CasePage, CaseQuery, Receipt
from bridge.vocabulary.parties import Direction
from simulators.exchange.types import URBAN, element, elements, form_choice, model, shared

#: Exactly one of the forms that are written for the urban-management platform.
InboundForm = model("InboundForm", URBAN, form_choice(Direction.TO_URBAN))


class DeliverForm(ComplexModel):
    """What `DeliverForm` is called with."""

    __namespace__ = URBAN
    form = element(InboundForm, min_occurs=1)


class DeliverFormResponse(ComplexModel):
    """What `DeliverForm` answers: the receipt, or nothing, which is an acknowledgement."""

    __namespace__ = URBAN
    receipt = element(shared(Receipt), min_occurs=0)


class DeliverReceipt(ComplexModel):
    """What `DeliverReceipt` is called with."""

    __namespace__ = URBAN
    receipt = element(shared(Receipt), min_occurs=1)


class DeliverReceiptResponse(ComplexModel):
    """What `DeliverReceipt` answers: nothing."""

    __namespace__ = URBAN


QueryCases = model("QueryCases", URBAN, elements(CaseQuery))
QueryCasesResponse = model("QueryCasesResponse", URBAN, elements(CasePage))
