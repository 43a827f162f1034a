"""The message changes places with the next one."""

from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, announce

announce(
    Fault(
        name="reorder",
        zh="网络乱序",
        en="the network changes the order",
        means_zh="呼叫方的连接断开,报文滞留;同一线路上另一案卷的、或反方向的下一份表单或回执到达之后它才到"
        "(至迟过 `for` 时长,默认 10 分钟),其应答无人接收",
        means_en="the caller's connection breaks and the message is held; it arrives right after the next form or receipt on the same "
        "line that belongs to another case or goes the other way (after the time `for` at the latest, 10 minutes by default), and nobody "
        "hears its answer",
        told_zh="途中被后者赶超",
        told_en="held until another has passed",
        hits=(FaultWhat.FORM, FaultWhat.RECEIPT),
        fate=Fate.REORDER,
        params={"for": "duration"},
    )
)
