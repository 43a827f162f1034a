"""The receiver stops after it took the message and before it answers. No fault of the line, but it looks like one to the caller."""

from conformance.scenario.faults.fault import Fate, Fault, FaultWhat, announce

announce(
    Fault(
        name="crash",
        zh="收到后未及答复即停机重启",
        en="the receiver stops before it answers and starts again",
        means_zh="接收方收下表单之后、答复或告知任何人之前停机,随后重新启动",
        means_en="the receiver stops after it took the form, before it answers or tells anybody, and starts again",
        told_zh="接收方停机",
        told_en="the receiver stopped",
        hits=(FaultWhat.FORM,),
        fate=Fate.CRASH,
        noisy=False,
    )
)
