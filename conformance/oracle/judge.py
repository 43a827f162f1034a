"""Judge a finished trace, clause by clause."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Rule, Seen, Violation, all_rules
from conformance.oracle.extent import Extents
from conformance.oracle.trace import Trace


class Judgement(StrEnum):
    """What the trace says about a clause."""

    #: It came into play and was kept.
    PASS = "pass"  # noqa: S105 -- a word of the report, no secret
    #: It was broken.
    FAIL = "fail"
    #: The trace does not show it.
    NOT_SEEN = "not_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the trace says about one clause."""

    clause: str
    outcome: Judgement
    expected_zh: str
    expected_en: str
    seen_zh: str
    seen_en: str
    #: Numbers of the records that disagree; of those that agree when it passed.
    records: tuple[int, ...]
    #: grid, urban, bridge or network; None when nobody is to blame or nobody in particular.
    blame: str | None
    #: Each breach by itself: `seen`, `records` and `blame` of this verdict put them together.
    violations: tuple[Violation, ...] = ()
    #: How often it was kept.
    kept: int = 0

    @property
    def failed(self) -> bool:
        """True when the clause was broken."""
        return self.outcome is Judgement.FAIL


def judge(trace: Trace, profile: Profile) -> tuple[Verdict, ...]:
    """One verdict for every clause that the oracle knows, in the order of their ids."""
    extents = Extents(trace)
    return tuple(verdict(rule, rule.read(extents.for_rule(rule), profile)) for rule in all_rules())


def verdict(rule: Rule, found: Iterable[Finding], *, kept_before: int = 0) -> Verdict:
    """What these findings of a rule come to, beside those times that it was kept and nobody remembers one by one."""
    findings = list(found)
    violations = [f for f in findings if isinstance(f, Violation)]
    kept = [f for f in findings if isinstance(f, Seen)]
    times = len(kept) + kept_before
    if violations:
        outcome, zh, en = (
            Judgement.FAIL,
            ";".join(v.zh for v in violations),
            "; ".join(v.en for v in violations),
        )
        records = {n for v in violations for n in v.records}
    elif times:
        outcome, zh, en = Judgement.PASS, f"{times} 处相符", f"kept {times} times"
        records = {n for s in kept for n in s.records}
    else:
        outcome, zh, en, records = Judgement.NOT_SEEN, "本次记录未涉及", "the trace does not show it", set()
    return Verdict(
        clause=rule.clause,
        outcome=outcome,
        expected_zh=rule.expected_zh,
        expected_en=rule.expected_en,
        seen_zh=zh,
        seen_en=en,
        records=tuple(sorted(records)),
        blame=next((v.blame for v in violations if v.blame), None),
        violations=tuple(violations),
        kept=times,
    )
