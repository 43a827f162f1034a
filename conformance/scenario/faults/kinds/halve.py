"""The line breaks in the middle of the message, or of its answer."""

from collections.abc import Mapping

from conformance.scenario.faults.fault import BROKEN_OFF, Fault, FaultWhat, Reply, Ruin, announce


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    if reply is None:
        return BROKEN_OFF
    # Closed in order, because a reset may take the half with it that has come already.
    whole = reply.whole()
    return Ruin((whole[: len(whole) - (len(reply.body) + 1) // 2],))


def _arriving(request: bytes) -> bytes:
    return request[: len(request) // 2]


announce(
    Fault(
        name="halve",
        zh="网络只送到一半",
        en="the network brings one half",
        means_zh="线路在报文中途断开:接收方只收到请求正文的一半,不得办理;应答则只来一半正文,与 Content-Length 不符",
        means_en="the line breaks midway: one half of the request's body reaches the receiver, who must do nothing about it; of an answer, "
        "one half of the body comes, less than its Content-Length",
        told_zh="只到一半",
        told_en="one half came",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
        arriving=_arriving,
    )
)
