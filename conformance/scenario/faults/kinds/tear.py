"""An answer in chunks ends before its last chunk."""

from collections.abc import Mapping

from conformance.scenario.faults.fault import BROKEN_OFF, Fault, FaultWhat, Reply, Ruin, announce


def _ruin(reply: Reply | None, params: Mapping[str, int]) -> Ruin:
    if reply is None:
        return BROKEN_OFF
    half = len(reply.body) // 2
    first, second = reply.body[:half], reply.body[half:]
    # One chunk whole, one that breaks off in its middle; the last one, which is empty, never comes.
    chunks = _chunk(first) + _chunk(second)[: len(second) // 2 + 2]
    return Ruin((reply.head(("Transfer-Encoding", "chunked")) + chunks,))


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n" if content else b""


announce(
    Fault(
        name="tear",
        zh="分块应答中断",
        en="an answer in chunks is torn off",
        means_zh="报文到达;应答以 chunked 方式传来,半途连接即关闭",
        means_en="the message arrives; its answer comes in chunks, and the connection ends midway",
        told_zh="分块应答中断",
        told_en="the answer was torn off",
        hits=(FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        ruin=_ruin,
    )
)
