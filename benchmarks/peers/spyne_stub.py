"""A plain spyne service of the contract's `DeliverForm`: it validates, confirms, and keeps nothing."""

import sys
from datetime import datetime
from typing import Any

import simulators.exchange.spyne_shim  # noqa: F401 - spyne cannot be imported before it

# isort: split
from spyne import Application, Service, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

from bridge.vocabulary.codes import ReceiptOutcome
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import Operation, Receipt
from bridge.vocabulary.times import SHANGHAI
from simulators.exchange.soap import names, to_model
from simulators.exchange.types import EXCHANGE, URBAN
from simulators.urban.types import DeliverForm, DeliverFormResponse


class StubService(Service):
    """Confirms every form."""

    @rpc(DeliverForm, _returns=DeliverFormResponse, _body_style="bare", **names(Operation.DELIVER_FORM))
    def deliver_form(ctx: Any, request: Any) -> Any:  # noqa: N805 - spyne passes its context, there is no self
        """Confirm a form."""
        header = {element.tag: element.text for block in ctx.in_header_doc for element in block}
        receipt = Receipt(
            case_number=header[f"{{{EXCHANGE}}}caseNumber"],
            form_message_id=header[f"{{{EXCHANGE}}}messageId"],
            form_type=FormType(header[f"{{{EXCHANGE}}}formType"]),
            outcome=ReceiptOutcome.CONFIRMED,
            decided_at=datetime.now(SHANGHAI),
        )
        return DeliverFormResponse(receipt=to_model(receipt))


application = WsgiApplication(
    Application([StubService], URBAN, in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
)

if __name__ == "__main__":
    import waitress

    waitress.serve(application, host="127.0.0.1", port=int(sys.argv[1]), threads=8, ident=None)
