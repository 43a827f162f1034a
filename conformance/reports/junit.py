"""JUnit XML: a suite for each clause, a case for each check, so that build servers show what failed and why."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from conformance.checks.result import BLAMES, Result, Verdict
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
    """The report as JUnit XML. A known failure counts as skipped, with its reason."""
    root = Element("testsuites", name=f"duijie conform {report.role}", tests=str(len(report.results)))
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
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


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
    found = SubElement(case, element, message=_printable(f"[{blame}] {result.reason.of(language)}".strip()))
    if element != "skipped":
        found.set("type", result.clause or result.verdict.value)
    lines = [
        result.known or "",
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


def _count(results: object, element: str) -> int:
    return sum(_element(result) == element for result in results)  # type: ignore[attr-defined]


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold; foreign systems send them."""
    return "".join(
        letter
        if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" or letter > "\uffff"
        else "\ufffd"
        for letter in text
    )
