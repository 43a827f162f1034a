"""JUnit XML: a suite for each clause, a case for each check, so that build servers show what failed and why."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.checks.result import BLAMES, Result, Verdict
from conformance.checks.standing import Entry
from conformance.doctor.finding import TOPICS, Finding, Level
from conformance.reports.report import Report

#: How build servers understand each verdict that is not a pass.
_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.CONFIG: "error",
    Verdict.SUITE_ERROR: "error",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def junit(report: Report, language: str) -> str:
    """The report as JUnit XML. A known failure counts as skipped, with its reason; an entry that is wrong by now is a failure of its own, and what the doctor found amiss an error."""
    alone = [entry for entry in report.known_failures if entry.stands_alone]
    amiss = [finding for finding in report.doctor if finding.level is Level.FAILURE]
    root = Element(
        "testsuites",
        name=f"duijie conform {report.role}",
        tests=str(len(report.results) + len(alone) + len(amiss)),
        failures=str(_count(report.results, "failure") + len(alone)),
        errors=str(_count(report.results, "error") + len(amiss)),
        skipped=str(_count(report.results, "skipped")),
    )
    for clause, results in report.by_clause.items():
        suite = SubElement(
            root,
            "testsuite",
            name=clause,
            tests=str(len(results)),
            failures=str(_count(results, "failure")),
            errors=str(_count(results, "error")),
            skipped=str(_count(results, "skipped")),
            time=f"{sum(result.seconds for result in results):.3f}",
            timestamp=report.started_at.isoformat(timespec="seconds"),
        )
        properties = SubElement(suite, "properties")
        for name, value in (("system", report.system), ("run", report.run_id), ("seed", str(report.seed))):
            SubElement(properties, "property", name=name, value=value)
        for result in results:
            _case(suite, report, result, language)
    if amiss:
        _findings(root, report, amiss, language)
    if alone:
        _entries(root, report, alone, language)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _findings(root: Element, report: Report, amiss: Sequence[Finding], language: str) -> None:
    """What keeps the checks from being run: a build server that saw no case at all would take the run for a good one."""
    number = str(len(amiss))
    suite = SubElement(root, "testsuite", name="doctor", tests=number, failures="0", errors=number, skipped="0")
    for finding in amiss:
        topic = TOPICS[finding.topic].of(language)
        case = SubElement(suite, "testcase", classname=f"{_printable(report.system)}.doctor", name=topic)
        found = SubElement(case, "error", message=_printable(finding.said.of(language)), type=Verdict.CONFIG.value)
        lines = (*finding.details, finding.next_step)
        found.text = _printable("\n".join(text for line in lines if (text := line.of(language))))


def _entries(root: Element, report: Report, alone: Sequence[Entry], language: str) -> None:
    """Entries of the file of known failures that fail the build although no check does."""
    number = str(len(alone))
    suite = SubElement(root, "testsuite", name="known-failures", tests=number, failures=number, errors="0", skipped="0")
    for entry in alone:
        case = SubElement(
            suite, "testcase", classname=f"{_printable(report.system)}.known-failures", name=entry.known.check
        )
        found = SubElement(case, "failure", message=_printable(entry.text.of(language)), type=entry.standing.value)
        found.text = _printable(entry.known.told(language))


def _case(suite: Element, report: Report, result: Result, language: str) -> None:
    check = result.check
    case = SubElement(
        suite,
        "testcase",
        # The system's name stands in every case: two systems in one build must not be taken for each other.
        classname=f"{_printable(report.system)}.{check.clause}",
        name=f"{check.id} {check.title(language)}",
        time=f"{result.seconds:.3f}",
    )
    element = _element(result)
    if element is None:
        return
    blame = BLAMES[result.blame].of(language) if result.blame is not None else ""
    message = f"[{blame}] {result.reason.of(language)}".strip()
    if result.known is not None:
        message = f"{'已知问题' if language == 'zh' else 'known failure'}: {result.known.told(language)} · {message}"
    found = SubElement(case, element, message=_printable(message))
    if element != "skipped":
        found.set("type", result.clause or result.verdict.value)
    lines = [
        *(note.of(language) for note in result.notes),
        f"expected: {result.expected}" if result.expected is not None else "",
        f"received: {result.received}" if result.received is not None else "",
        result.next_step.of(language),
        result.repeat_command,
    ]
    found.text = _printable("\n".join(line for line in lines if line))


def _element(result: Result) -> str | None:
    if result.known is not None:
        return "skipped"
    return _ELEMENTS.get(result.verdict)


def _count(results: Iterable[Result], element: str) -> int:
    return sum(_element(result) == element for result in results)


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold; foreign systems send them."""
    return "".join(
        letter
        if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff"
        else "\ufffd"
        for letter in text
    )
