"""A result as JSON-able values, the form that every other report is made from."""

from typing import Any

from conformance.checks.known import KnownFailure
from conformance.checks.result import Result
from conformance.checks.standing import Entry
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
        "known": None if result.known is None else _known_record(result.known),
        "attestations": [
            {"asked": each.asked, "said": each.said, "at": each.at.isoformat(timespec="seconds"), "by": each.by}
            for each in result.attestations
        ],
        "notes": [{"zh": note.zh, "en": note.en} for note in result.notes],
        "seconds": round(result.seconds, 3),
    }


def entry_record(entry: Entry) -> dict[str, Any]:
    """One known failure and how it stands after the run."""
    return {
        **_known_record(entry.known),
        "standing": entry.standing.value,
        "red": entry.is_red,
        "checks": list(entry.checks),
        "text": {"zh": entry.text.zh, "en": entry.text.en},
    }


def _known_record(known: KnownFailure) -> dict[str, Any]:
    return {
        "check": known.check,
        "reason": known.reason,
        "owner": known.owner,
        "until": known.until.isoformat(),
        "message": known.message,
    }
