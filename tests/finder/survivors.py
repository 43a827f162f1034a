"""Why a defect that no machine finds is none that a machine should find.

A reason is for a place: a module and the function or table in it, with what the change must hold where that matters.
"""

from typing import NamedTuple


class Reason(NamedTuple):
    """A place, and why what is wrong there shows nowhere."""

    module: str
    within: str
    #: What the change must hold; everything at that place without it.
    change: str
    zh: str
    en: str


_EQUAL = "等价:结果相同", "equivalent: the outcome is the same"
_WORDS = "只影响给人看的文字", "only words for people change"
_POISON = (
    "只在数据读不出时到达;由 tests/bridge/core/test_poison.py 覆盖",
    "only comes to pass where data cannot be read; tests/bridge/core/test_poison.py does that",
)

REASONS: tuple[Reason, ...] = (
    Reason("bridge.core.desk", "_unreadable", "", *_POISON),
    Reason("bridge.core.desk", "Desk._shown", "", *_POISON),
    Reason(
        "bridge.core.desk",
        "(BY_LENGTH, REASON_LENGTH)",
        "",
        "只决定名字和理由截到多长",
        "only how long a name and a reason may be",
    ),
    Reason(
        "bridge.core.desk",
        "Desk._cases",
        "1",
        "等价:日志分页读取的起点,案卷照样读全",
        "equivalent: where the next page of the journal begins; every case is read all the same",
    ),
    Reason(
        "bridge.core.desk",
        "Desk._audit",
        "",
        "只在审计簿被改动时到达;由 tests/duijie/test_audit.py 覆盖",
        "only comes to pass where the audit was tampered with; tests/duijie/test_audit.py does that",
    ),
)


def reason_for(module: str, within: str, change: str = "") -> str | None:
    """Why it is not found, in Chinese and English; None where nobody knows."""
    for reason in REASONS:
        if (reason.module, reason.within) == (module, within) and reason.change in change:
            return f"{reason.zh} · {reason.en}"
    return None
