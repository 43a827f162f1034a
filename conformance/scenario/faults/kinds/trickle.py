"""The answer comes byte by byte. Each comes in good time, and all together they take longer than anybody should wait."""

from collections.abc import Mapping

from conformance.scenario.faults.fault import Fault, FaultWhat, Reply, Ruin, announce

#: Real seconds between two bytes: below every client's time limit for one reading. A small answer takes minutes.
PAUSE_SECONDS = 0.2


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    whole = b"" if reply is None else reply.whole()
    # Never quite all of it: whoever waits that long has not been answered either.
    return Ruin(tuple(whole[at : at + 1] for at in range(len(whole) - 1)), pause_seconds=PAUSE_SECONDS, resets=True)


announce(
    Fault(
        name="trickle",
        zh="应答一滴一滴地来",
        en="the answer trickles in",
        means_zh="报文到达;应答逐字节而来,每个字节都不算慢,合起来慢过呼叫方的耐心",
        means_en="the message arrives; its answer comes byte by byte, each in good time and all together more slowly than the caller waits",
        told_zh="应答滴漏,过时未完",
        told_en="the answer trickled too slowly",
        hits=(FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
        starves=True,
    )
)
