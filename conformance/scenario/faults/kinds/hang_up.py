"""The connection is closed in order before the first byte of an answer.

Clients that keep connections take this for a connection that had grown old, and some send the same again by themselves.
"""

from collections.abc import Mapping

from conformance.scenario.faults.fault import Fault, FaultWhat, Reply, Ruin, announce


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    return Ruin()


announce(
    Fault(
        name="hang_up",
        zh="网络接通后挂断",
        en="the network hangs up",
        means_zh="报文(或应答)不达;连接在应答第一个字节之前正常关闭",
        means_en="the message, or its answer, does not come through; the connection is closed in order before the first byte of an answer",
        told_zh="未答即挂断",
        told_en="hung up before the answer",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
    )
)
