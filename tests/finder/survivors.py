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


_WORDS = "只影响给人看的文字", "only words for people change"
_POISON = (
    "只在引擎或存储出错时到达;由 tests/bridge/core/test_poison.py 覆盖",
    "only comes to pass where the engine or the store stumbles; tests/bridge/core/test_poison.py does that",
)
_SOONER = "等价:只省去多余的工作", "equivalent: it only saves work that changes nothing"
_EQUAL_CELLS = (
    "等价:没有有效的错误回执时,表中两格相同",
    "equivalent: without an effective error the two cells of the table are the same",
)
_FORGED = (
    "诚实的对方不会发出这样的表单,须伪造报文才看得出:由检查发现",
    "an honest partner never writes such a form; it takes a forged message to see it, which checks send",
)

REASONS: tuple[Reason, ...] = (
    Reason("zoo", "urban-takes-any-cause-of-rejection", "", *_FORGED),
    Reason("zoo", "grid-takes-a-refiling-at-any-time", "", *_FORGED),
    Reason("zoo", "urban-takes-any-ordinal-of-rejection", "", *_FORGED),
    Reason(
        "zoo",
        "urban-records-no-overdue-filing",
        "",
        "模型不问这一项记录:由检查发现",
        "the model does not ask for this record: checks do",
    ),
    Reason("bridge.core.desk", "_unreadable", "", *_POISON),
    Reason("bridge.core.desk", "Desk._shown", "", *_POISON),
    Reason("bridge.core.shell", "Shell._set_aside", "", *_POISON),
    Reason("bridge.core.shell", "Shell._decide", "set_aside", *_POISON),
    Reason("bridge.core.shell", "Shell.operator", "", *_POISON),
    Reason("bridge.core.shell", "_set_aside_key", "", *_POISON),
    Reason("bridge.core.notices", "form_set_aside", "", *_POISON),
    Reason("bridge.core.notices", "_notice", "started", *_WORDS),
    Reason("bridge.core.notices", "_notice", "STARTED", *_WORDS),
    Reason("bridge.core.notices", "door_lock", "", *_WORDS),
    Reason("bridge.core.notices", "platform_trouble", "", *_WORDS),
    Reason("bridge.core.notices", "page_incomplete", "", *_WORDS),
    Reason("bridge.rules.admission", "as_one", "", *_WORDS),
    Reason("bridge.rules.admission", "_check_filing", "`1`", *_WORDS),
    Reason("bridge.rules.admission", "_check_rejection", "`1`", *_WORDS),
    Reason("bridge.rules.admission", "_check_round", "`1`", *_WORDS),
    Reason("bridge.rules.receipts", "what_it_says", "Says.REFUSES", *_EQUAL_CELLS),
    Reason("bridge.core.shell", "Shell._troubles", "continue", *_SOONER),
    Reason(
        "bridge.core.shell",
        "Shell.token_used",
        "_forget_tokens_at",
        "只决定过期令牌多久清一次",
        "only how often expired tokens are forgotten",
    ),
    Reason(
        "bridge.core.shell",
        "_FORGET_TOKENS_EVERY",
        "",
        "只决定过期令牌多久清一次",
        "only how often expired tokens are forgotten",
    ),
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
    Reason(
        "bridge.core.errors",
        "MessageRefused.__init__",
        "",
        "只由读报文的一侧使用;由 tests/bridge/wire 覆盖",
        "only the reader of messages uses it; tests/bridge/wire does",
    ),
)


def reason_for(module: str, within: str, change: str = "") -> str | None:
    """Why it is not found, in Chinese and English; None where nobody knows."""
    for reason in REASONS:
        if (reason.module, reason.within) == (module, within) and reason.change in change:
            return f"{reason.zh} · {reason.en}"
    return None
