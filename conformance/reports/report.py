"""A finished run of the suite, as every report is made from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.checks.result import Result, Verdict
from conformance.checks.standing import Entry
from conformance.doctor.finding import Finding, finding_record
from conformance.reports.plain import entry_record, result_record

#: The version of the JSON report.
FORMAT = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was judged, how, and what came of it."""

    #: Stands in every file of one run.
    run_id: str
    role: Party
    system: str
    #: Version of the suite.
    suite: str
    seed: int
    started_at: datetime
    #: SHA-256 of the integration profile without its secrets, so that two runs can be told to have had the same one.
    profile_fingerprint: str
    results: Sequence[Result]
    #: What was found when the set-up was looked at.
    doctor: Sequence[Finding] = ()
    #: How the entries of the file of known failures stand.
    known_failures: Sequence[Entry] = ()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many results of each verdict."""
        counted = Counter(result.verdict for result in self.results)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def by_clause(self) -> Mapping[str, Sequence[Result]]:
        """The results under the clause that each check is filed under, in the order of the clauses."""
        found: dict[str, list[Result]] = {}
        for result in sorted(self.results, key=lambda each: each.check.id):
            found.setdefault(result.check.clause, []).append(result)
        return found

    @property
    def failures_first(self) -> Sequence[Result]:
        """What a reader has to see comes first."""
        order = (Verdict.FAIL, Verdict.CONFIG, Verdict.SUITE_ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)
        rank = {verdict: place for place, verdict in enumerate(order)}
        return sorted(self.results, key=lambda each: (rank.get(each.verdict, len(order)), each.check.id))


def report_record(report: Report) -> dict[str, Any]:
    """The whole report as JSON-able values; `conformance/reports/report.schema.json` says what they look like."""
    return {
        "format": FORMAT,
        "run": report.run_id,
        "role": report.role.value,
        "system": report.system,
        "suite": report.suite,
        "seed": report.seed,
        "started_at": report.started_at.isoformat(timespec="seconds"),
        "profile_fingerprint": report.profile_fingerprint,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "doctor": [finding_record(finding) for finding in report.doctor],
        "known_failures": [entry_record(entry) for entry in report.known_failures],
        "results": [result_record(result) for result in report.results],
    }
