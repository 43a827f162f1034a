"""EXC-3: a false report needs a photo from the spot and a reason, and closes on both sides."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Record, Trace


@clause(
    "EXC-3",
    zh="举报不属实须附现场照片和理由,经告知网格平台后两边按举报不属实结案",
    en="a false report needs a photo from the spot and a reason; the grid side is told and both sides close it as false report",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Applications, the acts behind them, and the closings that follow."""
    for act in trace.acts("department.apply_false_report"):
        bare = not act.params.get("photos") or not str(act.params.get("reason") or "").strip()
        if bare and act.done:
            yield Violation(
                "没有照片或理由的不属实申请被受理",
                "a false report without photo or reason was taken",
                (act.n,),
                act.party,
            )
        elif bare:
            yield Seen((act.n,))
    for link, _, forms in trace.strands():
        blame = "urban" if "urban" in link else "bridge"
        for form in forms:
            if form.form_type == "falseReportApplication":
                if _supported(form.form):
                    yield Seen((form.n,))
                else:
                    yield Violation(
                        "不属实申请缺少现场照片或理由",
                        "a false-report application lacks its photo or its reason",
                        (form.n,),
                        blame,
                    )
            elif form.form_type == "closing" and form.form.get("kind") == "false_report":
                task = form.form.get("taskNumber")
                told = [f for f in forms if f.n < form.n and f.form.get("taskNumber") == task]
                answers = [f for f in told if f.form_type == "falseReportAnswer"]
                agreed = bool(answers) and bool(answers[-1].form.get("confirmed"))
                applied = any(f.form_type == "falseReportApplication" for f in told)
                if applied and (agreed or not profile.choices.grid_confirms_false_report):
                    yield Seen((form.n,))
                else:
                    yield Violation(
                        "未经网格平台确认即按不属实结案",
                        "closed as a false report without the grid side's confirmation",
                        (form.n,),
                        blame,
                    )


def _supported(form: Record) -> bool:
    photos = [a for a in form.get("attachments") or [] if a.get("kind") == "on_site"]
    return bool(photos) and bool(str(form.get("reason") or "").strip())
