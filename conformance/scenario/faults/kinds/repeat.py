"""The message arrives twice."""

from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, announce

announce(
    Fault(
        name="repeat",
        zh="网络重复送达",
        en="the network delivers twice",
        means_zh="报文到达两次;呼叫方看到第一次的应答",
        means_en="the message arrives twice; the caller sees the first answer",
        told_zh="网络重送",
        told_en="made by the network",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        fate=Fate.REPEAT,
    )
)
