"""The message, or what answers it, vanishes on the way."""

from conformance.scenario.faults.fault import Fault, FaultWhat, announce

announce(
    Fault(
        name="lose",
        zh="网络丢失",
        en="the network loses",
        means_zh="报文(或应答)在途中消失;呼叫方的连接在应答第一个字节之前被重置",
        means_en="the message, or its answer, vanishes; the caller's connection is reset before the first byte of an answer",
        told_zh="途中丢失",
        told_en="lost on the way",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
    )
)
