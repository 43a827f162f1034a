"""URBAN-4: declining, sending back and asking for more time need a reason, and a decision needs an application."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace

_NOTICES = ("extensionNotice", "returnNotice", "transferNotice")


@clause(
    "URBAN-4",
    zh="不予立案、退办、延期均须有理由,先申请后批复",
    en="declining, sending back and extending each need a reason, and are asked for before they are decided",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads declined filings and notices of applications on each link."""
    for link, _, forms in trace.strands():
        blame = "urban" if "urban" in link else "bridge"
        open_: dict[str, bool] = {}
        for form in forms:
            declined = form.form_type == "filingResult" and form.form.get("outcome") == "declined"
            if not declined and form.form_type not in _NOTICES:
                continue
            trouble = _trouble(form, open_)
            if trouble:
                yield Violation(f"{form.form_type}:{trouble[0]}", f"{form.form_type} {trouble[1]}", (form.n,), blame)
            else:
                yield Seen((form.n,))


def _trouble(form: Sending, open_: dict[str, bool]) -> tuple[str, str] | None:
    if not str(form.form.get("reason") or "").strip():
        return "没有理由", "gives no reason"
    if form.form_type == "filingResult":
        return None
    if form.form.get("decision") == "applied":
        open_[form.form_type] = True
        return None
    if not open_.pop(form.form_type, False):
        return "没有在先的申请", "decides what nobody applied for"
    return None
