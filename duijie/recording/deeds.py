"""What people did: as the trace says, or, where nobody wrote it down, as the forms on the wire give it away.

A form is sent because somebody did something. `_GIVEN_AWAY` says what, form by form; where a platform sends a form by itself (a
second filing, the entry into a stage) nobody did anything. What leaves no form is lost: who it was, acts that were refused, accepting a
report, completing its data, a reporter who was satisfied, cases of a platform's own. Of photos only the digests are known: the
same digest becomes the same photo.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.oracle.trace import Record, Sending, Trace, moment

Params = dict[str, Any]
#: How a story names photos.
_SHORT_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Somebody did something, or tried to."""

    #: Number of the record that says so or gives it away.
    n: int
    at: datetime
    party: Party
    act: str
    #: Without the case.
    params: Mapping[str, Any]
    case_number: str | None
    by: str | None = None
    #: Why it was refused; None when it was done, or nobody knows.
    code: str | None = None

    @property
    def opens(self) -> bool:
        """Whether a case comes of it."""
        return self.act.endswith(".report")


def deeds(trace: Trace) -> tuple[list[Deed], bool]:
    """What was done, in order, and whether it had to be inferred from the forms."""
    if trace.of_type("act"):
        return list(_said(trace)), False
    return _given_away(trace), True


def _said(trace: Trace) -> Iterator[Deed]:
    for act in trace.acts():
        params = {name: value for name, value in act.params.items() if name != "case"}
        if isinstance(params.get("photos"), list | tuple):
            # A story tells photos by name; the bytes of one that was taken stay behind.
            params["photos"] = [_short_name(each) for each in params["photos"]]
        yield Deed(
            n=act.n,
            at=act.at,
            party=Party(act.party),
            act=act.name,
            params=params,
            case_number=act.case_number,
            by=act.by,
            code=act.code,
        )


def _short_name(photo: Any) -> str:
    name = str(photo["name"]) if isinstance(photo, Mapping) else str(photo)
    stem = name.rsplit(".", 1)[0].lower()
    return stem if _SHORT_NAME.fullmatch(stem) else f"photo-{sha256(name.encode()).hexdigest()[:8]}"


def _given_away(trace: Trace) -> list[Deed]:
    sent = [each for each in trace.sendings() if each.sender != Party.BRIDGE]
    before: dict[str, Sending] = {}
    found: list[Deed] = []
    for sending in sorted(sent, key=lambda each: each.n):
        rules = _FROM_GRID if sending.sender == Party.GRID else _FROM_URBAN
        rule = rules.get(sending.form_type)
        last = before.get(sending.case_number)
        for act, params in () if rule is None else rule(sending.form, last):
            found.append(
                Deed(
                    n=sending.n,
                    at=_moment(act, sending),
                    party=Party(sending.sender),
                    act=act,
                    params=params,
                    case_number=sending.case_number,
                )
            )
        if sending.sender == Party.URBAN:
            before[sending.case_number] = sending
    return sorted(found, key=lambda each: each.at)


def _moment(act: str, sending: Sending) -> datetime:
    """When it was done. A form may have waited long for the earlier ones of its case; what it says itself is nearer the truth."""
    names = ("reportedAt",) if act == "worker.report" else () if act in _LATER else _MOMENTS
    said = (moment(sending.form.get(name)) for name in names)
    return next((at for at in said if at is not None), sending.at)


#: Fields that say when somebody did what a form tells; each form has one of them at the most.
_MOMENTS = (
    "handedOverAt",
    "supplementedAt",
    "withdrawnAt",
    "decidedAt",
    "dispatchedAt",
    "enteredAt",
    "disposedAt",
    "verifiedAt",
    "rejectedAt",
    "noticedAt",
    "appliedAt",
    "answeredAt",
    "closedAt",
)
#: What is done after the moment that the form tells.
_LATER = frozenset({"city_verifier.decide_false_report"})


# ── what each form gives away ───────────────────────────────────────────────────────────────────────

_Rule = Callable[[Record, Sending | None], list[tuple[str, Params]]]


def _photos(form: Record) -> Params:
    names = [f"photo-{str(each.get('sha256'))[:12]}" for each in form.get("attachments") or []]
    return {"photos": names} if names else {}


def _only(form: Record, **names: str) -> Params:
    return {name: form[field] for name, field in names.items() if form.get(field) is not None}


def _handed_over(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
    report = _only(
        form,
        kind="kind",
        category="category",
        subcategory="subcategory",
        grade="grade",
        source="source",
        description="description",
        address="address",
        cell="cell",
        component_code="componentCode",
        reporter_name="reporterName",
    )
    return [("worker.report", report | _photos(form)), ("workstation.hand_over", {})]


def _filed(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
    if form.get("outcome") == "filed":
        # A second filing happens by itself (INT-8).
        return [("operator.file", {})] if form.get("filingOrdinal") == 1 else []
    if form.get("declineReason") == "duplicate":
        return []
    return [("operator.decline", _only(form, reason_code="declineReason", reason="reason"))]


def _dispatched(form: Record, before: Sending | None) -> list[tuple[str, Params]]:
    again = before is not None and before.form_type == "filingResult" and before.form.get("filingOrdinal") != 1
    return [] if again else [("supervision.dispatch", _only(form, district="district"))]


def _entered(form: Record, before: Sending | None) -> list[tuple[str, Params]]:
    assigned = before is not None and (
        before.form_type == "dispatch"
        or (before.form_type == "returnNotice" and before.form.get("decision") != "granted")
    )
    if form.get("stage") != "department_disposal" or not assigned:
        return []
    return [("district.assign", _only(form, department="department"))]


def _decided(applies: str, decides: str, **names: str) -> _Rule:
    """An application, then its decision; one that lapses is nobody's."""

    def rule(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
        decision = form.get("decision")
        if decision == "applied":
            return [(applies, _only(form, reason="reason", **names))]
        return [(decides, {"grant": decision == "granted"})] if decision in ("granted", "refused") else []

    return rule


def _false_report(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
    return [
        ("department.apply_false_report", _only(form, reason="reason") | _photos(form)),
        ("city_verifier.decide_false_report", {"grant": True}),
    ]


def _one(act: str, *, photos: bool = False, **names: str) -> _Rule:
    def rule(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
        return [(act, _only(form, **names) | (_photos(form) if photos else {}))]

    return rule


def _rejected(form: Record, _: Sending | None) -> list[tuple[str, Params]]:
    act = "reporter.dissatisfied" if form.get("cause") == "reporter_dissatisfied" else "workstation.reject"
    return [(act, _only(form, reason="reason"))]


_FROM_GRID: Mapping[str, _Rule] = {
    "handOver": _handed_over,
    "supplement": _one("workstation.supplement", photos=True, note="note"),
    "withdrawal": _one("workstation.withdraw", reason="reason"),
    "verificationResult": _one("worker.verify", photos=True, outcome="outcome", note="note"),
    "rejection": _rejected,
    "falseReportAnswer": _one("workstation.answer_false_report", confirmed="confirmed", reason="reason"),
    "closing": _one("workstation.close"),
    "contactNotice": _one("workstation.notify", kind="kind", phase="phase", text="text"),
}
_FROM_URBAN: Mapping[str, _Rule] = {
    "filingResult": _filed,
    "dispatch": _dispatched,
    "stageProgress": _entered,
    "verificationRequest": _one("department.dispose", photos=True, result="disposalResult"),
    "returnNotice": _decided("district.send_back", "supervision.decide_return"),
    "extensionNotice": _decided("department.apply_extension", "district.decide_extension"),
    "transferNotice": _decided(
        "district.apply_transfer", "city.decide_transfer", to_district="toDistrict", to_department="toDepartment"
    ),
    "falseReportApplication": _false_report,
    "contactNotice": _one("exchange.tell", kind="kind", phase="phase", text="text"),
}
