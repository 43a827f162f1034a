"""URBAN-2: the stages come in their order."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace


@clause(
    "URBAN-2",
    zh="立案派遣、区分派、部门处置、核查、结案依次进行,不跳过任何环节",
    en="filing and dispatch, assignment, disposal, verification and closing follow each other and none is skipped",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Asks each form of the urban side for the one that must have gone before, task number by task number."""
    for link, _, forms in trace.strands():
        blame = "urban" if "urban" in link else "bridge"
        for form in forms:
            missing = _missing(form, [f for f in forms if f.n < form.n])
            if missing is None:
                continue
            if missing:
                yield Violation(
                    f"{_name(form)} 之前没有 {missing}",
                    f"{_name(form)} came without {missing} before it",
                    (form.n,),
                    blame,
                )
            else:
                yield Seen((form.n,))


def _name(form: Sending) -> str:
    stage = form.form.get("stage")
    return f"{form.form_type} {stage}" if stage else form.form_type


def _missing(form: Sending, before: list[Sending]) -> str | None:
    """What should have gone before and did not; "" when all is there, None when the form needs nothing."""
    task = form.form.get("taskNumber")
    of_task = [f for f in before if f.form.get("taskNumber") == task]

    def has(form_type: str, **values: str) -> bool:
        return any(f.form_type == form_type and all(f.form.get(k) == v for k, v in values.items()) for f in of_task)

    needs: list[tuple[bool, str]]
    if form.form_type == "dispatch":
        needs = [(has("filingResult", outcome="filed"), "filingResult filed")]
    elif form.form_type == "stageProgress" and form.form.get("stage") == "department_disposal":
        needs = [(has("dispatch"), "dispatch")]
    elif form.form_type == "stageProgress" and form.form.get("stage") == "closing":
        needs = [(has("verificationResult", outcome="passed"), "verificationResult passed")]
    elif form.form_type == "verificationRequest":
        last = max((f.n for f in of_task if f.form_type == "rejection" and f.accepted), default=0)
        disposal = [
            f
            for f in of_task
            if f.form_type == "stageProgress" and f.form.get("stage") == "department_disposal" and f.n > last
        ]
        needs = [(bool(disposal), "stageProgress department_disposal")]
    else:
        return None
    return ", ".join(name for there, name in needs if not there)
