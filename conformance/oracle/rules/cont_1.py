"""CONT-1: the contact book names one person for each seat."""

from collections.abc import Iterator

from bridge.vocabulary.codes import ContactDuty
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace


@clause(
    "CONT-1",
    zh="联系人名册每个席位有且只有一名具名联系人",
    en="the contact book names exactly one person for each seat",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads what a party says of its contact book."""
    for fact in trace.facts(ask="contacts"):
        entries = [e for e in fact.answer if isinstance(e, dict)] if isinstance(fact.answer, list) else []
        duties = [e.get("duty") for e in entries if str(e.get("name") or "").strip()]
        wrong = [duty.value for duty in ContactDuty if duties.count(duty.value) != 1]
        if wrong:
            yield Violation(
                f"席位 {'、'.join(wrong)} 不是恰有一名联系人",
                f"{', '.join(wrong)} has not exactly one person",
                (fact.n,),
                fact.party,
            )
        else:
            yield Seen((fact.n,))
