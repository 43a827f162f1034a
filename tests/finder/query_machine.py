"""Cases arrive, move and are handed over again while the urban side turns the pages of its query (XCHG-2), and the bridge those of its own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import sample_forms as sample
from bench import Bridge, ShellMaker
from facts import holds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.core.shell import open_shell
from bridge.vocabulary.calls import Answered
from bridge.vocabulary.codes import ErrorCode
from bridge.vocabulary.forms import FormType
from bridge.vocabulary.messages import CaseQuery, Fault, FormMessage
from bridge.vocabulary.parties import Side
from bridge.vocabulary.stages import HandedOverState

ONCE = "a query shows every handed-over case once, in its order"
STATE = "a query shows each case in its present state"
TOLD = "a contact is told once when a matter begins and once when it is over"
_WAY = {
    "handed_over": (FormType.FILING_RESULT, FormType.WITHDRAWAL),
    "filed": (FormType.DISPATCH,),
    "in_disposal": (FormType.VERIFICATION_REQUEST,),
    "awaiting_verification": (FormType.VERIFICATION_RESULT,),
    "verified_passed": (FormType.CLOSING,),
}
_NEXT = {
    FormType.FILING_RESULT: "filed",
    FormType.WITHDRAWAL: "withdrawn",
    FormType.DISPATCH: "in_disposal",
    FormType.VERIFICATION_REQUEST: "awaiting_verification",
    FormType.VERIFICATION_RESULT: "verified_passed",
    FormType.CLOSING: "closed",
}
_ENDED = ("withdrawn", "declined", "closed")
_BY_GRID = (FormType.WITHDRAWAL, FormType.VERIFICATION_RESULT, FormType.CLOSING)


@dataclass(eq=False)
class HandedOver:
    """A case that the grid side handed over."""

    number: str
    message: FormMessage
    stage: str = "unknown"

    @property
    def state(self) -> str:
        """What a query says of it."""
        if self.stage in _ENDED:
            return self.stage
        return "handed_over" if self.stage in ("unknown", "handed_over") else "filed"


class Query(RuleBasedStateMachine):
    """The pages."""

    make: ClassVar[ShellMaker] = open_shell

    @initialize()
    def nothing_was_handed_over(self) -> None:
        self.bridge = Bridge(sample.PROFILE, type(self).make)
        self.cases: list[HandedOver] = []
        self.count = 0
        #: The query under way: what it asks for, the cursor, the cases that stood when it began, and those that it showed.
        self.asking: tuple[CaseQuery, list[str], list[str]] | None = None
        #: Pages of the bridge's own queries with cases that could not be taken.
        self.left: dict[str, str] = {}
        self.since = ""

    # ── cases ──

    @rule(arrives=st.booleans())
    def a_case_is_handed_over(self, arrives: bool) -> None:
        number = f"340202-20260302-{self.count + 1:06}"
        self.hand_over(
            HandedOver(number, self.message(Side.GRID, FormType.HAND_OVER, number)), "confirmed" if arrives else ""
        )

    @rule()
    def a_hand_over_is_refused_and_sent_anew(self) -> None:
        """It stands at its last place only."""
        number = f"340202-20260302-{self.count + 1:06}"
        self.hand_over(HandedOver(number, self.message(Side.GRID, FormType.HAND_OVER, number)), "refused")
        self.cases.pop()
        self.hand_over(HandedOver(number, self.message(Side.GRID, FormType.HAND_OVER, number)), "confirmed")

    @rule()
    def a_hand_over_is_refused(self) -> None:
        number = f"340202-20260302-{self.count + 1:06}"
        self.hand_over(HandedOver(number, self.message(Side.GRID, FormType.HAND_OVER, number)), "refused")
        self.cases.pop()

    @precondition(lambda self: self.open_cases())
    @rule(pick=st.integers(0, 9), way=st.integers(0, 1))
    def a_case_goes_on(self, pick: int, way: int) -> None:
        self.goes_on(self.open_cases()[pick % len(self.open_cases())], way)

    @precondition(lambda self: self.open_cases())
    @rule(pick=st.integers(0, 9))
    def a_case_is_closed(self, pick: int) -> None:
        case = self.open_cases()[pick % len(self.open_cases())]
        while case.stage not in _ENDED:
            self.goes_on(case, 0)

    @precondition(lambda self: self.in_stage("handed_over"))
    @rule(pick=st.integers(0, 9))
    def a_case_is_declined(self, pick: int) -> None:
        case = self.in_stage("handed_over")[pick % len(self.in_stage("handed_over"))]
        self.count += 1
        message = sample.message(Side.URBAN, sample.declined(case_number=case.number), self.count, self.bridge.now)
        self.arrives(Side.URBAN, message)
        case.stage = "declined"

    @rule(minutes=st.sampled_from((1, 10)))
    def time_goes_by(self, minutes: int) -> None:
        self.bridge.time_passes(timedelta(minutes=minutes))

    @rule()
    def the_bridge_restarts(self) -> None:
        self.bridge.restart()

    # ── the urban side asks ──

    @rule(size=st.sampled_from((1, 2, 3, 500)))
    def a_query_begins(self, size: int) -> None:
        self.ask_anew(size)

    def ask_anew(self, size: int) -> None:
        """From the first page."""
        self.asking = (CaseQuery(page_size=size), [each.number for each in self.cases], [])

    @precondition(lambda self: getattr(self, "asking", None))
    @rule()
    def a_page_is_asked_for(self) -> None:
        """Whatever happens between the pages, each case that stood at the beginning comes once, and none comes twice."""
        self.turn_page()

    def turn_page(self) -> None:
        """One page, and what must be true of it."""
        query, standing, shown = self.asking or (CaseQuery(), [], [])
        page = self.bridge.query(Side.URBAN, query)
        assert not isinstance(page, Fault)
        shown += [each.hand_over.case_number for each in page.cases]
        holds(ONCE, sorted(set(shown)), sorted(shown))
        for each in page.cases:
            case = next(case for case in self.cases if case.number == each.hand_over.case_number)
            holds(STATE, case.state, each.state.value)
            holds(ONCE, case.message.header.message_id, each.message_id)
            holds(ONCE, case.message.form, each.hand_over)
        self.asking = (CaseQuery(page_size=query.page_size, cursor=page.next_cursor), standing, shown)
        if not page.more:
            order = [case.number for case in self.cases]
            holds(ONCE, sorted(shown, key=order.index), shown)
            holds(ONCE, [], [number for number in standing if number not in shown])
            self.asking = None

    @rule(size=st.sampled_from((1, 2, 3)))
    def every_page_is_turned(self, size: int) -> None:
        self.ask_anew(size)
        while self.asking is not None:
            self.turn_page()

    @rule(state=st.sampled_from(HandedOverState))
    def cases_in_a_state_are_asked_for(self, state: HandedOverState) -> None:
        page = self.bridge.query(Side.URBAN, CaseQuery(state=state, page_size=200))
        assert not isinstance(page, Fault)
        holds(
            STATE,
            [each.number for each in self.cases if each.state == state.value],
            [each.hand_over.case_number for each in page.cases],
        )

    @precondition(lambda self: getattr(self, "cases", None))
    @rule(pick=st.integers(0, 9), later=st.sampled_from((0, 1)))
    def cases_since_a_moment_are_asked_for(self, pick: int, later: int) -> None:
        since = self.cases[pick % len(self.cases)].message.form.handed_over_at + timedelta(seconds=later)
        page = self.bridge.query(Side.URBAN, CaseQuery(since=since, page_size=200))
        assert not isinstance(page, Fault)
        wanted = [each.number for each in self.cases if each.message.form.handed_over_at >= since]
        holds(ONCE, wanted, [each.hand_over.case_number for each in page.cases])

    @rule(cursor=st.sampled_from(("x", "-1", "999999")))
    def a_cursor_that_was_never_given_is_refused(self, cursor: str) -> None:
        answer = self.bridge.query(Side.URBAN, CaseQuery(cursor=cursor))
        holds(ONCE, "CURSOR_INVALID", answer.code.value if isinstance(answer, Fault) else "a page")

    # ── the bridge asks the grid side ──

    @rule(
        cursor=st.sampled_from(("", "10", "20")),
        left=st.sampled_from(((), ("340202-20260302-000777",), ("340202-20260302-000888",))),
    )
    def a_page_of_its_own_is_taken(self, cursor: str, left: tuple[str, ...]) -> None:
        """Cases that could not be taken are asked for again, each page in its turn, and the contact is told once."""
        before = bool(self.left)
        self.left.pop(cursor, None)
        if left:
            self.left[cursor] = left[0]
            self.since = self.since if before else left[0]
        self.bridge.new_notices()
        self.bridge.shell.page_taken(cursor, left, at=self.bridge.now)
        told = []
        if bool(self.left) is not before:
            told = [("city_information_office", "system_fault", "started" if left else "over", self.since)]
        holds(TOLD, told, self.bridge.new_notices())

    @invariant()
    def pages_with_cases_left_are_asked_for_again(self) -> None:
        if hasattr(self, "bridge"):
            holds(ONCE, list(self.left), self.bridge.shell.incomplete_pages())

    # ── how ──

    def message(self, side: Side, kind: FormType, number: str) -> FormMessage:
        """A form of the plain life of a case."""
        self.count += 1
        changes: dict[str, Any] = {"handed_over_at": self.bridge.now} if kind is FormType.HAND_OVER else {}
        return sample.message(side, sample.form(kind, number, **changes), self.count, self.bridge.now)

    def hand_over(self, case: HandedOver, how: str) -> None:
        """The hand-over comes, and perhaps its receipt."""
        self.cases.append(case)
        self.bridge.form_comes(Side.GRID, case.message, by_query=self.count % 2 == 0)
        if how:
            code = ErrorCode.SCHEMA_INVALID if how == "refused" else None
            receipt = sample.receipt_for(case.message, self.bridge.now, code)
            self.bridge.sending_ends(case.message.header.message_id, Answered(receipt=receipt))
            case.stage = "handed_over" if code is None else "unknown"

    def goes_on(self, case: HandedOver, way: int) -> None:
        """The next form of its life comes and is confirmed."""
        kinds = _WAY[case.stage]
        kind = kinds[way % len(kinds)]
        self.arrives(*self.written(kind, case))
        case.stage = _NEXT[kind]

    def written(self, kind: FormType, case: HandedOver) -> tuple[Side, FormMessage]:
        """A form, by the side that writes it."""
        side = Side.GRID if kind in _BY_GRID else Side.URBAN
        return side, self.message(side, kind, case.number)

    def arrives(self, side: Side, message: FormMessage) -> None:
        """A form comes and is confirmed."""
        self.bridge.form_comes(side, message)
        self.bridge.sending_ends(
            message.header.message_id, Answered(receipt=sample.receipt_for(message, self.bridge.now))
        )

    def open_cases(self) -> list[HandedOver]:
        """The cases that can go on."""
        return [case for case in getattr(self, "cases", ()) if case.stage in _WAY]

    def in_stage(self, stage: str) -> list[HandedOver]:
        """The cases in this stage."""
        return [case for case in getattr(self, "cases", ()) if case.stage == stage]
