"""The answer says that it is shorter than it is."""

from collections.abc import Mapping

from conformance.scenario.faults.fault import BROKEN_OFF, Fault, FaultWhat, Reply, Ruin, announce


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    if reply is None:
        return BROKEN_OFF
    return Ruin((reply.head(("Content-Length", str(len(reply.body) // 2))) + reply.body,))


announce(
    Fault(
        name="mislabel",
        zh="应答长度标错",
        en="the answer's length is told wrongly",
        means_zh="报文到达;应答的 Content-Length 只及正文一半,呼叫方读到的是残缺的 XML",
        means_en="the message arrives; the answer's Content-Length is half of its body's, so that the caller reads a torn piece of XML",
        told_zh="应答长度标错",
        told_en="the answer's length was wrong",
        hits=(FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
    )
)
