"""EXC-5: after a granted transfer the new place disposes of the case, within a new limit."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace, moment


@clause(
    "EXC-5",
    zh="转办经市级同意后由新的区或部门处置,时限在新处重新计算",
    en="after a granted transfer another district or department disposes of the case, and the limit restarts there",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each notice of a transfer, and whether the request for verification comes from where the case was sent."""
    for link, _, forms in trace.strands():
        blame = "urban" if "urban" in link else "bridge"
        place: object = None
        moved = False
        for form in forms:
            if form.form_type == "dispatch":
                place, moved = form.form.get("district"), False
            elif form.form_type == "transferNotice":
                trouble = _trouble(form, profile)
                if trouble:
                    yield Violation(*trouble, (form.n,), blame)
                else:
                    yield Seen((form.n,))
                if form.form.get("decision") == "granted":
                    place, moved = form.form.get("toDistrict"), True
            elif form.form_type == "verificationRequest" and place:
                if form.form.get("district") != place:
                    yield Violation(
                        f"处置区为 {form.form.get('district')},案卷却在 {place}",
                        f"disposed of in {form.form.get('district')} although the case lies with {place}",
                        (form.n,),
                        blame,
                    )
                elif moved:
                    yield Seen((form.n,))


def _trouble(form: Sending, profile: Profile) -> tuple[str, str] | None:
    if form.form.get("decision") != "granted":
        return None
    due, at = moment(form.form.get("disposalDueAt")), moment(form.form.get("noticedAt"))
    if profile.choices.restart_on_transfer and due and at and due <= at:
        return "转办后时限没有重新计算", "the limit did not restart with the transfer"
    return None
