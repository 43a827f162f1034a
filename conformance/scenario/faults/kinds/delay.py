"""The message comes late, when its sender no longer waits."""

from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, announce

announce(
    Fault(
        name="delay",
        zh="网络迟滞",
        en="the network delays",
        means_zh="呼叫方的连接断开,报文过 `for` 时长之后才到,其应答无人接收;迟到的应答即丢失的应答",
        means_en="the caller's connection breaks; the message arrives after the time `for`, and nobody hears its answer. "
        "A late answer is a lost one",
        told_zh="途中滞留",
        told_en="held back on the way",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT, FaultWhat.ANSWER, FaultWhat.RECEIPT_ANSWER),
        fate=Fate.DELAY,
        params={"for": "duration!"},
    )
)
