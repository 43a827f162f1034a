"""Many cases with few words and few photos: which of them repeat another, by everything that EXC-1 lets matter and nothing else."""

import unicodedata
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import sample_forms as sample
from bench import Bridge, ShellMaker
from facts import holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bridge.core.shell import open_shell
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.codes import DeclineReason, ErrorCode, PhotoKind
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import FormMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Choices

#: The same words in several spellings, and others.
DESCRIPTIONS = ("café 旁垃圾", "cafe\u0301 旁垃圾", " café  旁垃圾\n", "café旁垃圾", "路灯不亮")
_NEAR, _FAR, _NOTE = sample.photo("near"), sample.photo("far"), sample.photo("note", PhotoKind.DOCUMENT)
#: The same photos in another order, with a document beside them, one of them twice, fewer, none.
PHOTOS = ((_NEAR, _FAR), (_FAR, _NEAR), (_NEAR, _FAR, _NOTE), (_NEAR, _NEAR, _FAR), (_NEAR,), (), (_NOTE,))
CHOICES = (
    Choices(),
    Choices(fold_description=False),
    Choices(no_photos_are_same_photos=False),
    Choices(duplicate_scope_includes_declined=False),
)
FACT = "equal words and equal photos, and only these, make a duplicate"


@dataclass(eq=False)
class Reported:
    """One case, as far as it matters here."""

    number: str
    message: FormMessage
    content: tuple[str, tuple[str, ...]] | None
    #: `under_way`, `received`, `refused`, `filed` or `declined`.
    state: str = "under_way"
    #: What its own contact was told of it.
    told: tuple[str, str] | None = None


class Duplicates(RuleBasedStateMachine):
    """Hand-overs and what is made of them."""

    make: ClassVar[ShellMaker] = open_shell

    @initialize(choices=st.sampled_from(CHOICES))
    def nothing_was_received_yet(self, choices: Choices) -> None:
        self.choices = choices
        self.bridge = Bridge(replace(sample.PROFILE, choices=choices), type(self).make)
        self.reported: list[Reported] = []
        self.count = 0

    # ── the truth table ──

    def content_of(self, description: str, photos: Any) -> tuple[str, tuple[str, ...]] | None:
        """What two equal reports have in common; None for one that equals no other."""
        words = (
            " ".join(unicodedata.normalize("NFC", description).split())
            if self.choices.fold_description
            else description
        )
        digests = sorted(photo.sha256 for photo in photos if photo.kind is not PhotoKind.DOCUMENT)
        return (words, tuple(digests)) if digests or self.choices.no_photos_are_same_photos else None

    def originals_of(self, one: Reported) -> list[str]:
        """The cases received before with equal content, as far as they count."""
        before = self.reported[: self.reported.index(one)]
        counting = {"received", "filed"} | ({"declined"} if self.choices.duplicate_scope_includes_declined else set())
        return [
            each.number
            for each in before
            if one.content is not None and each.content == one.content and each.state in counting
        ]

    # ── what platforms do ──

    @rule(
        description=st.sampled_from(DESCRIPTIONS),
        photos=st.sampled_from(PHOTOS),
        how=st.sampled_from(("received", "received", "received", "refused", "under_way")),
    )
    def a_case_is_handed_over(self, description: str, photos: Any, how: str) -> None:
        number = f"340202-20260302-{len(self.reported) + 1:06}"
        form = sample.form(FormType.HAND_OVER, number, description=description, attachments=photos)
        one = Reported(number, self.sends(Side.GRID, form), self.content_of(description, photos))
        self.reported.append(one)
        self.hold_noted(one)
        if how != "under_way":
            self.is_answered(one, how)

    @precondition(lambda self: self.in_state("under_way"))
    @rule(pick=st.integers(0, 9), how=st.sampled_from(("received", "refused")))
    def a_hand_over_is_receipted_late(self, pick: int, how: str) -> None:
        waiting = self.in_state("under_way")
        self.is_answered(waiting[pick % len(waiting)], how)

    @precondition(lambda self: self.reported)
    @rule(pick=st.integers(0, 9))
    def the_same_sending_comes_again(self, pick: int) -> None:
        """RCPT-6: that is no duplicate."""
        one = self.reported[pick % len(self.reported)]
        before = len(self.bridge.ask("notices"))
        self.bridge.form_comes(Side.GRID, one.message)
        holds(FACT, before, len(self.bridge.ask("notices")))

    @precondition(lambda self: self.in_state("received"))
    @rule(pick=st.integers(0, 9))
    def the_urban_side_files(self, pick: int) -> None:
        """Where the case repeats another, whoever looks after the operators is told."""
        one = self.of("received", pick)
        originals = self.originals_of(one)
        self.bridge.new_notices()
        self.arrives(
            Side.URBAN, sample.form(FormType.FILING_RESULT, one.number, task_number=f"T20260302-{self.count:06}")
        )
        one.state = "filed"
        seen = self.bridge.ask("notices")[-1] if self.bridge.new_notices() else None
        told = (
            None
            if seen is None
            else (seen["duty"], seen["kind"], seen["phase"], seen["related_case_number"] in originals)
        )
        holds(FACT, ("operator_company", "duplicate", "started", True) if originals else None, told)

    @precondition(lambda self: self.in_state("received"))
    @rule(pick=st.integers(0, 9), why=st.sampled_from(DeclineReason))
    def the_urban_side_declines(self, pick: int, why: DeclineReason) -> None:
        """A duplicate is told of at once, to the grid side (EXC-1), and is over with the case."""
        one = self.of("received", pick)
        duplicate = why is DeclineReason.DUPLICATE
        self.bridge.new_notices()
        self.arrives(
            Side.URBAN,
            sample.declined(why, one.number, original_case_number=self.reported[0].number if duplicate else None),
        )
        one.state = "declined"
        expected = [("grid_side", "duplicate", phase, one.number) for phase in ("started", "over")] if duplicate else []
        holds(FACT, expected, self.bridge.new_notices())

    @rule()
    def the_bridge_restarts(self) -> None:
        self.bridge.restart()

    # ── how ──

    def sends(self, side: Side, form: Any) -> FormMessage:
        """A form comes."""
        self.count += 1
        message = sample.message(side, form, self.count, self.bridge.now)
        self.bridge.form_comes(side, message)
        return message

    def arrives(self, side: Side, form: Any) -> None:
        """A form comes and is confirmed."""
        message = self.sends(side, form)
        self.bridge.sending_ends(message.header.message_id, Answered(receipt=sample.receipt_for(message)))

    def is_answered(self, one: Reported, how: str) -> None:
        """The hand-over gets its receipt."""
        code = ErrorCode.SCHEMA_INVALID if how == "refused" else None
        one.state = how
        self.bridge.sending_ends(
            one.message.header.message_id, Answered(receipt=sample.receipt_for(one.message, code=code))
        )

    def hold_noted(self, one: Reported) -> None:
        """The journal names an equal case as soon as the hand-over comes."""
        noted = [
            each["detail"]
            for each in self.bridge.ask("journal", case=one.number)
            if each["what"] == "form.same_content"
        ]
        named = [number for number in self.originals_of(one) if any(number in each for each in noted)]
        holds(FACT, bool(self.originals_of(one)), bool(noted))
        holds(FACT, bool(noted), bool(named))

    def in_state(self, state: str) -> list[Reported]:
        """The cases that stand there."""
        return [each for each in getattr(self, "reported", ()) if each.state == state]

    def of(self, state: str, pick: int) -> Reported:
        """One of them."""
        found = self.in_state(state)
        return found[pick % len(found)]
