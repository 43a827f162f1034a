"""One case and what both platforms write of it: in place, out of place, miscounted, incomplete; most of it arrives at once."""

from typing import Any

import sample_forms as sample
from against_the_model import AgainstTheModel, fault, profile_names
from bridge_model import DECIDED
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from law import LAW, NEWS, View, after

from bridge.vocabulary.codes import (
    ClosingKind,
    Decision,
    DeclineReason,
    ErrorCode,
    FilingOutcome,
    PhotoKind,
    RejectionCause,
    VerificationOutcome,
)
from bridge.vocabulary.forms import FORMS_BY_DIRECTION, FormType
from bridge.vocabulary.parties import Direction, Side

T = FormType
#: A form by its word; `beyond` and `within` hang on the ordinal.
_WORDS: dict[str, dict[str, Any]] = {
    "filingResult/filed": {},
    "filingResult/declined": {
        "outcome": FilingOutcome.DECLINED,
        "task_number": None,
        "decline_reason": DeclineReason.NOT_IN_SCOPE,
        "reason": "不属城市管理",
    },
    "filingResult/duplicate": {
        "outcome": FilingOutcome.DECLINED,
        "task_number": None,
        "decline_reason": DeclineReason.DUPLICATE,
        "reason": "重复",
        "original_case_number": sample.OTHER_CASE,
    },
    **{
        f"{kind}/{decision.value}": {"decision": decision, **due}
        for kind in ("extensionNotice", "transferNotice", "returnNotice")
        for decision in Decision
        for due in [
            {"disposal_due_at": sample.MONDAY} if decision is Decision.GRANTED and kind != "returnNotice" else {}
        ]
    },
    "verificationResult/passed": {},
    "verificationResult/not_passed": {"outcome": VerificationOutcome.NOT_PASSED},
    "rejection/within": {},
    "rejection/beyond": {},
    "falseReportAnswer/confirmed": {},
    "falseReportAnswer/denied": {"confirmed": False},
    "closing/normal": {},
    "closing/false_report": {"kind": ClosingKind.FALSE_REPORT},
    "closing/unasked": {"kind": ClosingKind.FALSE_REPORT},
}
_BY_GRID = {kind.value for kind in FORMS_BY_DIRECTION[Direction.TO_URBAN]}
#: What a form leaves out, by its word.
_INCOMPLETE: dict[str, tuple[dict[str, Any], ...]] = {
    "filingResult/filed": ({"task_number": None},),
    "filingResult/declined": ({"decline_reason": None}, {"reason": None}, {"reason": " "}),
    "filingResult/duplicate": ({"original_case_number": None},),
    "falseReportApplication": (
        {"attachments": ()},
        {"attachments": (sample.photo("again", PhotoKind.DISPOSAL),)},
        {"reason": " "},
    ),
    "stageProgress": ({"disposal_due_at": None},),
    "extensionNotice/granted": ({"disposal_due_at": None},),
    "transferNotice/granted": ({"disposal_due_at": None},),
}
_ALL_WORDS = sorted(
    {*_WORDS, *(each for row in LAW.values() for each in row), *(each for row in NEWS.values() for each in row)}
)
_OFTEN = 3
_TASKS = ("T20260302-000001", "T20260302-000002", "T20260303-000009")
_BEFORE_REJECTION = ("unknown", "handed_over", "withdrawn", "declined")
_TO_VERIFICATION = ("handOver", "filingResult/filed", "dispatch", "verificationRequest")
_REJECTED = ("verificationResult/passed", "rejection/within", "verificationRequest")


def writer_of(word: str) -> Side:
    """Who writes it."""
    kind = word.partition("/")[0]
    if kind == "closing":
        return Side.GRID if word == "closing/normal" else Side.URBAN
    return Side.GRID if kind in _BY_GRID else Side.URBAN


def written(word: str, view: View, **changes: Any) -> Any:
    """The form as it should be written when the case stands so."""
    kind = FormType(word.partition("/")[0])
    numbers: dict[str, Any] = {"task_number": view.task or sample.TASK}
    if kind is T.FILING_RESULT:
        numbers = {"filing_ordinal": view.filing + 1, "task_number": f"T20260302-{view.filing + 1:06}"}
    elif kind is T.REJECTION:
        numbers["ordinal"] = view.rejections + 1
    elif kind in (T.VERIFICATION_REQUEST, T.VERIFICATION_RESULT):
        numbers["round"] = min(view.rejections + 1, 9)
    elif kind in (T.HAND_OVER, T.SUPPLEMENT, T.WITHDRAWAL, T.CONTACT_NOTICE):
        numbers = {}
    return sample.form(kind, **(numbers | _WORDS.get(word, {}) | changes))


class CaseLife(AgainstTheModel):
    """One case."""

    @initialize(
        profile=profile_names,
        stage=st.sampled_from(sorted({"unknown", *LAW, *NEWS})),
        rejections=st.integers(0, 4),
    )
    def a_case_stands_at(self, profile: str, stage: str, rejections: int) -> None:
        """By forms that all arrived, after so many rejections of its filing."""
        self.begin(profile)
        if rejections and stage not in _BEFORE_REJECTION:
            for word in (
                *_TO_VERIFICATION,
                *(_REJECTED * (rejections - 1)),
                "verificationResult/passed",
                "rejection/within",
            ):
                if self.view.stage == "overdue_not_disposed" and word == "verificationRequest":
                    break
                self.arrives(word)
        self.is_led_to(stage)

    def is_led_to(self, stage: str) -> None:
        """By the shortest way from where it stands; nowhere, where none leads there."""
        ways: list[tuple[str, ...]] = [()]
        views, seen = [self.view], {self.view.stage}
        while ways:
            way, view = ways.pop(0), views.pop(0)
            if view.stage == stage:
                for word in way:
                    self.arrives(word)
                return
            for word in LAW.get(view.stage, {}):
                further = after(view, written(word, view), self.profile.choices)
                if further is not None and further.stage not in seen:
                    seen.add(further.stage)
                    ways.append((*way, word))
                    views.append(further)

    @property
    def view(self) -> View:
        """Where the case stands."""
        case = self.model.cases.get(sample.CASE)
        return View() if case is None else case.view

    # ── what is in its place ──

    @precondition(lambda self: LAW.get(self.view.stage))
    @rule(pick=st.integers(0, 9))
    def the_case_goes_on(self, pick: int) -> None:
        self.arrives(self.pick(self.leading_on(), pick))

    @precondition(lambda self: LAW.get(self.view.stage))
    @rule(pick=st.integers(0, 9))
    def the_case_goes_further_on(self, pick: int) -> None:
        for _ in range(_OFTEN):
            if LAW.get(self.view.stage):
                self.arrives(self.pick(self.leading_on(), pick))

    @precondition(lambda self: self.view.stage in ("verified_passed", "verified_not_passed"))
    @rule(cause=st.sampled_from(RejectionCause))
    def the_grid_side_rejects(self, cause: RejectionCause) -> None:
        self.arrives("rejection/within", cause=cause)

    @precondition(lambda self: NEWS.get(self.view.stage))
    @rule(pick=st.integers(0, 99))
    def somebody_tells_something(self, pick: int) -> None:
        self.arrives(self.pick(list(NEWS[self.view.stage]), pick))

    # ── what may not be ──

    @rule(word=st.sampled_from(_ALL_WORDS))
    def somebody_writes_anything(self, word: str) -> None:
        self.write(writer_of(word), written(word, self.view))

    @rule(word=st.sampled_from(_ALL_WORDS), side=st.sampled_from(Side))
    def the_wrong_side_writes(self, word: str, side: Side) -> None:
        self.write(side, written(word, self.view))

    @precondition(lambda self: self.leading_on() or NEWS.get(self.view.stage))
    @rule(pick=st.integers(0, 99), leading=st.booleans())
    def everything_that_can_be_wrong_with_a_form_is(self, pick: int, leading: bool) -> None:
        """One form after the other that would be in its place but for one thing."""
        words = self.leading_on() if leading else []
        word = self.pick(words or [*self.leading_on(), *NEWS.get(self.view.stage, ())], pick)
        right = written(word, self.view)
        wrong = [
            {number: max(0, getattr(right, number) + by)}
            for number in ("filing_ordinal", "ordinal", "round")
            for by in (-1, 1)
            if hasattr(right, number)
        ]
        wrong += [{"task_number": other} for other in _TASKS if hasattr(right, "task_number")]
        wrong += _INCOMPLETE.get(word, ())
        for changes in wrong:
            self.write(writer_of(word), written(word, self.view, **changes))

    @rule(word=st.sampled_from(sorted(_INCOMPLETE)), pick=st.integers(0, 2))
    def somebody_leaves_something_out(self, word: str, pick: int) -> None:
        self.write(writer_of(word), written(word, self.view, **self.pick(_INCOMPLETE[word], pick)))

    @rule(word=st.sampled_from(_ALL_WORDS), what=st.sampled_from(("case_number", "form_type")))
    def the_header_says_something_else(self, word: str, what: str) -> None:
        values: dict[str, Any] = {"case_number": sample.OTHER_CASE, "form_type": T.CONTACT_NOTICE}
        self.write(writer_of(word), written(word, self.view), **{what: values[what]})

    @rule(description=st.sampled_from(("路边垃圾堆放", "别处的垃圾")))
    def the_case_is_handed_over_again(self, description: str) -> None:
        self.write(Side.GRID, written("handOver", self.view, description=description))

    # ── forms that do not arrive at once ──

    @precondition(lambda self: self.leading_on())
    @rule(pick=st.integers(0, 9), how=st.sampled_from(("acknowledged", "unanswered")))
    def a_form_stays_on_its_way(self, pick: int, how: str) -> None:
        word = self.pick(self.leading_on(), pick)
        message = self.write(writer_of(word), written(word, self.view))
        if self.bridge.on_the_way[message.header.message_id]:
            self.sending_ends(message.header.message_id, how)

    @precondition(lambda self: self.leading_on())
    @rule(
        pick=st.integers(0, 9),
        next_pick=st.integers(0, 9),
        arrives=st.booleans(),
        code=st.none() | st.just(ErrorCode.OUT_OF_SEQUENCE),
    )
    def a_form_is_answered_before_its_receipt_is_here(
        self, pick: int, next_pick: int, arrives: bool, code: ErrorCode | None
    ) -> None:
        """What the answer builds on has arrived, whatever its own receipt says later."""
        word = self.pick(self.leading_on(), pick)
        first = self.write(writer_of(word), written(word, self.view))
        message_id = first.header.message_id
        view = after(self.view, first.form, self.profile.choices)
        if not self.bridge.on_the_way[message_id] or view is None or not LAW.get(view.stage):
            return
        self.sending_ends(message_id, "unanswered")
        follows = self.pick(sorted(LAW[view.stage]), next_pick)
        answer = self.write(writer_of(follows), written(follows, view))
        if arrives and self.bridge.on_the_way[answer.header.message_id]:
            receipt = sample.receipt_for(answer, self.bridge.now)
            self.sending_ends(answer.header.message_id, "acknowledged", receipt=receipt)
        self.receipt_comes(writer_of(word).other, sample.receipt_for(first, self.bridge.now, code))

    @precondition(lambda self: self.pending())
    @rule(pick=st.integers(0, 9), data=st.data())
    def the_other_side_builds_on_what_is_on_its_way(self, pick: int, data: st.DataObject) -> None:
        """The far side has got a form, and answers it before its receipt is here."""
        pending = self.pick(self.pending(), pick)
        view = after(self.view, pending.message.form, self.profile.choices)
        if view is not None and LAW.get(view.stage):
            word = data.draw(st.sampled_from(sorted(LAW[view.stage])))
            message = self.write(writer_of(word), written(word, view))
            if data.draw(st.booleans()) and self.bridge.on_the_way[message.header.message_id]:
                receipt = sample.receipt_for(message, self.bridge.now)
                self.sending_ends(message.header.message_id, "acknowledged", receipt=receipt)

    @precondition(lambda self: self.open_forms())
    @rule(pick=st.integers(0, 9), code=st.sampled_from((None, None, ErrorCode.OUT_OF_SEQUENCE)))
    def a_receipt_comes_after_all(self, pick: int, code: ErrorCode | None) -> None:
        form = self.pick(self.open_forms(), pick)
        self.receipt_comes(form.to, sample.receipt_for(form.message, self.bridge.now, code))

    @precondition(lambda self: self.open_forms())
    @rule(pick=st.integers(0, 9), act=st.sampled_from(("park", "abandon")))
    def a_person_acts(self, pick: int, act: str) -> None:
        self.person_acts(self.pick(self.open_forms(), pick).id, act)

    @rule()
    def a_form_cannot_be_read(self) -> None:
        """Its header can: it gets an error receipt all the same (RCPT-1)."""
        self.count += 1
        header = sample.message(Side.GRID, sample.form(T.SUPPLEMENT), 700_000 + self.count, self.bridge.now).header
        self._expect()
        verdict = self.bridge.unreadable_form_comes(Side.GRID, header, fault(ErrorCode.CODE_UNKNOWN))
        told = ("receipt", "error", "CODE_UNKNOWN") if self.model.in_response else ()
        if not self.model.in_response:
            self.model.told.given.append(("grid", header.message_id, "error", "CODE_UNKNOWN"))
        self.hold_answer(told, verdict)
        self._agree()

    # ── how they choose ──

    def arrives(self, word: str, **changes: Any) -> None:
        """A form is written as it should be, and the recipient confirms it."""
        message = self.write(writer_of(word), written(word, self.view, **changes))
        if self.bridge.on_the_way[message.header.message_id]:
            receipt = sample.receipt_for(message, self.bridge.now)
            self.sending_ends(message.header.message_id, "acknowledged", receipt=receipt)

    def leading_on(self) -> list[str]:
        """What the case can be told next."""
        words = list(LAW.get(self.view.stage, {}))
        return [*words, "filingResult/duplicate"] if "filingResult/declined" in words else words

    def pending(self) -> list[Any]:
        """Forms that may have arrived."""
        return [form for form in self.open_forms() if form.state in ("sending", "awaiting_receipt", "in_doubt")]

    def open_forms(self) -> list[Any]:
        """Forms that are not decided."""
        return [form for form in self.model.forms() if form.state not in DECIDED]

    @staticmethod
    def pick(choice: Any, number: int) -> Any:
        """One of them."""
        return choice[number % len(choice)]
