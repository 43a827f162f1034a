"""What the clauses allow a form to do to a case, small enough to be trusted; it has never seen the bridge's rules.

A *word* is a form with what it says where that matters: `rejection/within`, `closing/normal`. `LAW` is read aloud as «a case that is
*stage* takes *word* and is then *stage*»; `NEWS` has the words that it takes and that leave it where it is.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bridge.vocabulary.codes import ClosingKind, DeclineReason, PhotoKind
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, Form, FormType
from bridge.vocabulary.parties import Direction, Side
from bridge.vocabulary.profile import Choices


class View(NamedTuple):
    """What both sides agree on about a case."""

    stage: str = "unknown"
    task: str | None = None
    filing: int = 0
    #: Within the present filing (INT-8).
    rejections: int = 0


ENDED = ("withdrawn", "declined", "closed", "closed_false_report")
_NEVER_FILED = ("unknown", "handed_over", "withdrawn", "declined")

LAW: dict[str, dict[str, str]] = {
    "unknown": {"handOver": "handed_over"},
    # EXC-2: only before filing can a case be withdrawn.
    "handed_over": {"withdrawal": "withdrawn", "filingResult/filed": "filed", "filingResult/declined": "declined"},
    "filed": {"dispatch": "in_disposal"},
    "in_disposal": {
        "returnNotice/granted": "filed",
        "verificationRequest": "awaiting_verification",
        "falseReportApplication": "false_report_applied",
    },
    "awaiting_verification": {
        "verificationResult/passed": "verified_passed",
        "verificationResult/not_passed": "verified_not_passed",
    },
    # INT-6, INT-7, INT-8.
    "verified_passed": {
        "closing/normal": "closed",
        "rejection/within": "in_disposal",
        "rejection/beyond": "overdue_not_disposed",
    },
    "verified_not_passed": {"rejection/within": "in_disposal", "rejection/beyond": "overdue_not_disposed"},
    "overdue_not_disposed": {"filingResult/filed": "filed"},
    # EXC-3: both sides close, after the grid side was asked, or told where it is not asked.
    "false_report_applied": {
        "falseReportAnswer/confirmed": "false_report_confirmed",
        "falseReportAnswer/denied": "in_disposal",
        "closing/unasked": "closed_false_report",
    },
    "false_report_confirmed": {"closing/false_report": "closed_false_report", "closing/unasked": "closed_false_report"},
}

_TALK = ("supplement", "contactNotice")
_OVERTAKEN = ("extensionNotice/lapsed", "returnNotice/lapsed", "transferNotice/lapsed")
_APPLIED = ("extensionNotice/applied", "returnNotice/applied", "transferNotice/applied")
_LATE_NEWS = (
    "stageProgress",
    "extensionNotice/granted",
    "extensionNotice/refused",
    "returnNotice/refused",
    "transferNotice/granted",
    "transferNotice/refused",
    *_OVERTAKEN,
)
NEWS: dict[str, tuple[str, ...]] = {
    "handed_over": _TALK,
    **dict.fromkeys(
        (
            "filed",
            "awaiting_verification",
            "verified_passed",
            "verified_not_passed",
            "overdue_not_disposed",
            "false_report_confirmed",
        ),
        (*_TALK, *_LATE_NEWS),
    ),
    # Only while a department has the case can anybody apply for more time or another place.
    **dict.fromkeys(("in_disposal", "false_report_applied"), (*_TALK, *_LATE_NEWS, *_APPLIED)),
    "withdrawn": ("contactNotice",),
    "declined": ("contactNotice",),
    # What was decided or entered before the closing may wait for its turn until after it.
    "closed": ("contactNotice", *_LATE_NEWS),
    "closed_false_report": ("contactNotice", *_OVERTAKEN),
}

#: What a form says that matters, by its type: the name of the field.
_SAYS = {
    FormType.FILING_RESULT: "outcome",
    FormType.EXTENSION_NOTICE: "decision",
    FormType.RETURN_NOTICE: "decision",
    FormType.TRANSFER_NOTICE: "decision",
    FormType.VERIFICATION_RESULT: "outcome",
}
_OF_THE_CASE = (FormType.HAND_OVER, FormType.SUPPLEMENT, FormType.WITHDRAWAL, FormType.CONTACT_NOTICE)


def word_of(form: Any, choices: Choices) -> str:
    """The form with what it says."""
    kind = form.form_type
    if kind in _SAYS:
        return f"{kind.value}/{getattr(form, _SAYS[kind]).value}"
    if kind is FormType.REJECTION:
        return "rejection/within" if form.ordinal <= choices.max_rejections else "rejection/beyond"
    if kind is FormType.FALSE_REPORT_ANSWER:
        return "falseReportAnswer/confirmed" if form.confirmed else "falseReportAnswer/denied"
    if kind is FormType.CLOSING:
        if form.kind is ClosingKind.NORMAL:
            return "closing/normal"
        return "closing/false_report" if choices.grid_confirms_false_report else "closing/unasked"
    return str(kind.value)


def after(view: View, form: Any, choices: Choices) -> View | None:
    """The case once the form has been taken; None where it has no place."""
    word = word_of(form, choices)
    if word in NEWS.get(view.stage, ()):
        return view
    stage = LAW.get(view.stage, {}).get(word)
    if stage is None:
        return None
    if word == "filingResult/filed":
        counted = 0 if choices.counter_restarts_on_refiling else view.rejections
        return View(stage, form.task_number, form.filing_ordinal, counted)
    if form.form_type is FormType.REJECTION:
        return view._replace(stage=stage, rejections=view.rejections + 1)
    return view._replace(stage=stage)


def wherever_it_may_be(view: View, own: Sequence[Form], other: Sequence[Form], choices: Choices) -> list[View]:
    """Every place of the case that the forms under way can lead to: each of them taken or not, the two directions in any order."""
    #: A place of the case, and how many forms of each direction have been decided on the way to it.
    found = [(view, 0, 0)]
    for here, i, j in found:
        ways = [(here, i + 1, j), (after(here, own[i], choices), i + 1, j)] if i < len(own) else []
        ways += [(here, i, j + 1), (after(here, other[j], choices), i, j + 1)] if j < len(other) else []
        found += [(each, *decided) for each, *decided in ways if each is not None and (each, *decided) not in found]
    return list(dict.fromkeys(each for each, _, _ in found))


def refused_for(
    form: Any, sender: Side, views: Sequence[View], choices: Choices, hand_over: str | None
) -> frozenset[str]:
    """The codes with which the form may be refused; empty where it must be let through, because it is in place somewhere.

    `hand_over` is `same` or `other` for a hand-over of a case that was handed over before.
    """
    if form.form_type not in FORMS_BY_DIRECTION[Direction.from_sender(sender)]:
        return frozenset({"SCHEMA_INVALID"})
    if hand_over == "other":
        return frozenset({"CASE_NUMBER_TAKEN"})
    if hand_over == "same":
        return frozenset({"CASE_ENDED" if views[0].stage in ENDED else "OUT_OF_SEQUENCE"})
    found = [wrong_here(form, sender, view, choices) for view in views]
    if None in found:
        return frozenset({"REQUIRED_MISSING"}) if lacks_something(form) else frozenset()
    # Where it would be in its place but for a number, the number is what is to be repaired.
    numbers = frozenset(each[0] for each in found if each and each[1])
    return numbers or frozenset(each[0] for each in found[:1] if each)


def wrong_here(form: Any, sender: Side, view: View, choices: Choices) -> tuple[str, bool] | None:
    """What is wrong with the form in one place of the case, and whether that is a number alone."""
    word = word_of(form, choices)
    normal = word == "closing/normal"
    if after(view, form, choices) is None or (
        form.form_type is FormType.CLOSING and normal is not (sender is Side.GRID)
    ):
        return _no_place(word, view), False
    if form.form_type is FormType.FILING_RESULT:
        if form.filing_ordinal != view.filing + 1:
            return "OUT_OF_SEQUENCE", True
        # INT-8: under a new task number.
        same = word == "filingResult/filed" and form.task_number is not None and form.task_number == view.task
        return ("TASK_NUMBER_MISMATCH", True) if same else None
    if form.form_type not in _OF_THE_CASE and word not in _OVERTAKEN and form.task_number != view.task:
        return "TASK_NUMBER_MISMATCH", True
    due = view.rejections + 1
    if form.form_type is FormType.REJECTION:
        # INT-7: after a passed verification only a dissatisfied reporter leads to a rejection.
        unfounded = view.stage == "verified_passed" and form.cause.value == "not_passed"
        return ("OUT_OF_SEQUENCE", True) if form.ordinal != due or unfounded else None
    counted = choices.counter_restarts_on_refiling
    if (
        form.form_type in (FormType.VERIFICATION_REQUEST, FormType.VERIFICATION_RESULT)
        and counted
        and form.round != due
    ):
        return "OUT_OF_SEQUENCE", True
    return None


def _no_place(word: str, view: View) -> str:
    if view.stage == "unknown":
        return "CASE_UNKNOWN"
    if word == "withdrawal" and view.stage not in _NEVER_FILED:
        return "CASE_ALREADY_FILED"
    return "CASE_ENDED" if view.stage in ENDED else "OUT_OF_SEQUENCE"


def lacks_something(form: Any) -> bool:
    """Whether the form leaves out what its clause wants (URBAN-4, EXC-1, EXC-3, INT-2)."""
    kind = form.form_type
    if kind is FormType.FILING_RESULT:
        if form.outcome.value == "filed":
            return form.task_number is None
        unnamed = form.decline_reason is DeclineReason.DUPLICATE and form.original_case_number is None
        return form.decline_reason is None or not (form.reason or "").strip() or unnamed
    if kind is FormType.FALSE_REPORT_APPLICATION:
        on_site = any(each.kind is PhotoKind.ON_SITE for each in form.attachments)
        return not on_site or not form.reason.strip()
    if kind is FormType.STAGE_PROGRESS:
        return form.stage.value == "department_disposal" and form.disposal_due_at is None
    if kind in (FormType.EXTENSION_NOTICE, FormType.TRANSFER_NOTICE):
        return form.decision.value == "granted" and form.disposal_due_at is None
    return False
