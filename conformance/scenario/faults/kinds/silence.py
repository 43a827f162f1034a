"""The connection stays open and nothing comes."""

from collections.abc import Mapping

from conformance.scenario.faults.fault import Fault, FaultWhat, Reply, Ruin, announce


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    return Ruin(stays=True, resets=True)


announce(
    Fault(
        name="silence",
        zh="网络无声",
        en="the network is silent",
        means_zh="报文(或应答)不达;连接一直开着,什么也不来,直到呼叫方不再等待",
        means_en="the message, or its answer, does not come through; the connection stays open and brings nothing until the caller gives up",
        told_zh="久候无应答",
        told_en="waited in vain",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
        starves=True,
    )
)
