"""A proxy on the way shows its own page in place of an answer."""

from collections.abc import Mapping
from http import HTTPStatus

from conformance.scenario.faults.fault import Fault, FaultWhat, Reply, Ruin, announce

#: What a proxy says that did not hear from the server behind it.
DEFAULT_STATUS = 502
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{status} {reason}</title></head>\n"
    "<body><center><h1>{status} {reason}</h1></center><hr><center>nginx</center></body></html>\n"
)


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    status = HTTPStatus(params.get("status", DEFAULT_STATUS))
    page = _PAGE.format(status=status.value, reason=status.phrase).encode()
    return Ruin((Reply(status.value, status.phrase, (("Content-Type", "text/html"),), page).whole(),))


announce(
    Fault(
        name="proxy_page",
        zh="代理以网页作答",
        en="a proxy answers with a page of its own",
        means_zh="报文(或应答)不达;代理给出 text/html 网页,状态码为 `status`(默认 502)",
        means_en="the message, or its answer, does not come through; a proxy gives a `text/html` page with the status `status` (502 by default)",
        told_zh="代理网页",
        told_en="a proxy's page came instead",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        params={"status": "page_status"},
        ruin=_ruin,
    )
)
