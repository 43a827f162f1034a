"""GEN-4: components and events are two kinds, with their own codes."""

import re
from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace

_CODE = re.compile(r"[0-9]{2}")
_COMPONENT = re.compile(r"[0-9]{16}")


@clause(
    "GEN-4",
    zh="部件与事件分两类,各有大类小类;部件标识码十六位,只用于部件",
    en="components and events are two kinds with their own categories; a component code has sixteen digits and belongs to components only",
    needs=Needs.MESSAGE,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each hand-over's kind, categories and component code."""
    for sending in trace.sendings():
        if sending.form_type != "handOver":
            continue
        form, code = sending.form, sending.form.get("componentCode")
        sound = (
            form.get("kind") in ("component", "event")
            and _CODE.fullmatch(str(form.get("category")))
            and _CODE.fullmatch(str(form.get("subcategory")))
            and (code is None or (form.get("kind") == "component" and _COMPONENT.fullmatch(str(code))))
        )
        if sound:
            yield Seen((sending.n,))
        else:
            yield Violation(
                "问题类型、大类小类或部件标识码不合规则",
                "kind, categories or component code do not go together",
                (sending.n,),
                sending.sender,
            )
