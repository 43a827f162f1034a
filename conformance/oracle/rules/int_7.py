"""INT-7: a rejection leads back to disposal, with a fresh limit."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import chinese_calendar

from bridge.vocabulary.profile import Profile, WorkingTime
from bridge.vocabulary.times import in_shanghai
from conformance.oracle.clause import Finding, Seen, Violation, clause
from conformance.oracle.trace import Sending, Trace, moment


@clause(
    "INT-7",
    zh="核查不通过或举报人不满意时两个平台都驳回,案卷回到处置,处置时限自驳回起重新计算",
    en="not passed, or a dissatisfied reporter: both platforms reject, the case returns to disposal and its limit starts afresh from the rejection",
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each accepted rejection: what went before it, and the entry into disposal after it."""
    for link, _, forms in trace.strands():
        for form in forms:
            if form.form_type == "rejection" and form.accepted:
                yield from _cause(link, form, forms)
                if int(form.form.get("ordinal") or 0) <= profile.choices.max_rejections:
                    yield from _back_to_disposal(trace, link, form, forms, profile)


def _cause(link: str, rejection: Sending, forms: list[Sending]) -> Iterator[Finding]:
    task = rejection.form.get("taskNumber")
    results = [
        f
        for f in forms
        if f.form_type == "verificationResult" and f.n < rejection.n and f.form.get("taskNumber") == task
    ]
    outcome = results[-1].form.get("outcome") if results else None
    cause = rejection.form.get("cause")
    fits = {"not_passed": outcome == "not_passed", "reporter_dissatisfied": outcome == "passed"}.get(str(cause), False)
    if fits:
        yield Seen((results[-1].n, rejection.n))
    else:
        yield Violation(
            f"驳回原因 {cause} 与核查结果 {outcome} 不符",
            f"a rejection for {cause} follows a verification that says {outcome}",
            (rejection.n,),
            "grid" if "grid" in link else "bridge",
        )


def _back_to_disposal(
    trace: Trace, link: str, rejection: Sending, forms: list[Sending], profile: Profile
) -> Iterator[Finding]:
    task, blame = rejection.form.get("taskNumber"), "urban" if "urban" in link else "bridge"
    entries = [
        f
        for f in forms
        if f.form_type == "stageProgress"
        and f.form.get("stage") == "department_disposal"
        and f.form.get("taskNumber") == task
    ]
    after = [f for f in entries if f.n > rejection.n]
    before = [f for f in entries if f.n < rejection.n]
    if not after:
        if trace.at_rest and not lane_blocked(forms, rejection):
            yield Violation(
                "驳回之后案卷没有回到处置", "nothing returned to disposal after a rejection", (rejection.n,), blame
            )
        return
    entered, due = moment(after[0].form.get("enteredAt")), moment(after[0].form.get("disposalDueAt"))
    rejected = moment(rejection.form.get("rejectedAt"))
    if entered is None or due is None or rejected is None:
        return
    records = (rejection.n, after[0].n)
    # Two platforms, two clocks, and one of them may write whole seconds.
    if rejected - entered > timedelta(seconds=profile.security.clock_skew_seconds):
        yield Violation("回到处置的时刻早于驳回", "disposal was entered again before the rejection", records, blame)
    elif due <= rejected:
        yield Violation("驳回后的处置时限不晚于驳回时刻", "the limit after a rejection lies before it", records, blame)
    elif before and _stood_still(before[-1], due, rejected, profile.working_time):
        yield Violation(
            "驳回后处置时限没有重新计算", "the limit did not start afresh from the rejection", records, blame
        )
    else:
        yield Seen(records)


def lane_blocked(forms: list[Sending], after: Sending) -> bool:
    """Tell whether the urban side's next form could not go out: an earlier one, or the rejection's own way on, is not at its end."""
    return any(
        f.effective is None and f.refused_for_good is None and (f.direction != after.direction or f.n <= after.n)
        for f in forms
    )


def _stood_still(before: Sending, due: datetime, rejected: datetime, working: WorkingTime) -> bool:
    """Tell whether the limit is the old one although working time went by between the two starts."""
    old_due, old_start = moment(before.form.get("disposalDueAt")), moment(before.form.get("enteredAt"))
    if old_due != due or old_start is None:
        return False
    return working_time_passed(in_shanghai(old_start), in_shanghai(rejected), working)


def working_time_passed(start: datetime, end: datetime, working: WorkingTime) -> bool:
    """Tell whether a moment of working time lies between the two; False where the calendar does not know."""
    day = start.date()
    while day <= end.date():
        if _is_workday(day, working):
            for opens, closes in working.hours_on(day):
                begin = max(start, datetime.combine(day, opens, start.tzinfo))
                if begin < min(end, datetime.combine(day, closes, start.tzinfo)):
                    return True
        day += timedelta(days=1)
    return False


def _is_workday(day: date, working: WorkingTime) -> bool:
    if day in working.extra_workdays:
        return True
    if day in working.extra_holidays:
        return False
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return False
