"""A result as JSON-able values, the form that every other report is made from."""

from typing import Any

from conformance.checks.result import Result
from conformance.oracle.trace import plain


def result_record(result: Result) -> dict[str, Any]:
    """One check and what came of it."""
    check = result.check
    return {
        "id": check.id,
        "clause": check.clause,
        "clauses": list(check.scenario.clauses),
        "scenario": check.scenario.id,
        "title": {"zh": check.title("zh"), "en": check.title("en")},
        "verdict": result.verdict.value,
        "blame": result.blame.value if result.blame is not None else None,
        "broken_clause": result.clause or None,
        "reason": {"zh": result.reason.zh, "en": result.reason.en},
        "expected": plain(result.expected),
        "received": plain(result.received),
        "evidence": [record["n"] for record in result.evidence],
        "next_step": {"zh": result.next_step.zh, "en": result.next_step.en},
        "repeat": result.repeat_command,
        "known": result.known,
        "notes": [{"zh": note.zh, "en": note.en} for note in result.notes],
        "seconds": round(result.seconds, 3),
    }
