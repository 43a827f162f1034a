"""What comes of acts and of forms, as the clauses have it; small enough to be trusted.

Each side of a case has a view of its own, and forms carry news from one to the other in their order (RCPT-4):

    grid's view ──form──► urban's view          a form that the network holds back keeps those behind it waiting;
    grid's view ◄──form── urban's view          once everything has arrived (`rest`), both views must agree

While a form is held back, its sender goes on by what it knows. `Life.unsure` names the sides of which nobody could say whether
something has reached them; nothing is expected of those until the next rest.

The model is written from the clauses and from nothing else: it has never seen the bridge's rules, the simulators or the oracle
(`tox -e layers`). `tables` says when an act may be done, and when it must be refused. What the clauses leave open is in neither, and is
never tried.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.vocabulary.forms import FormType
from bridge.vocabulary.parties import Side
from conformance.explore.life import (
    ASSIGNMENT,
    CLOSING,
    DISPOSAL,
    DISTRICT_VERIFICATION,
    FAR,
    FARTHER,
    FILING,
    GRID,
    NOT_PASSED,
    URBAN,
    Content,
    Form,
    GridView,
    Kind,
    Life,
    Mishap,
    Rules,
    UrbanView,
)


class Model:
    """All cases of a story."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self.lives: dict[str, Life] = {}
        #: Cases in the order in which the urban side received them, by content (EXC-1).
        self._received: dict[Content, list[str]] = {}
        #: Every form so far, in the order of their posting.
        self._posted: list[Form] = []

    def report(self, name: str, kind: Kind, content: Content) -> Life:
        """A case comes into being."""
        life = Life(name, kind, content)
        if kind is Kind.NATIVE:
            life.urban.at = "received"
        self.lives[name] = life
        return life

    def do(self, life: Life, does: "Deed") -> None:
        """An act is done, with all that follows of it at once."""
        does(Hand(self, life))

    def post(self, life: Life, form: Form) -> None:
        """A form leaves."""
        life.posted[form.type] += 1
        self._posted.append(form)
        mishap = life.spoiled.pop(form.to, None)
        if form.to in life.held or mishap in (Mishap.LOST, Mishap.OPEN):
            life.under_way[form.to].append(form)
            if life.held.setdefault(form.to, mishap or Mishap.OPEN) is not Mishap.LOST:
                # It may get through at any moment, and what it brings about may come back.
                life.unsure |= {form.to, GRID}
            return
        if mishap is Mishap.STRUCK:
            life.spoiled[form.to.other] = Mishap.OPEN
        self._arrive(life, form)
        if mishap in (Mishap.UNHEARD, Mishap.STRUCK):
            life.spoiled.clear()
            life.held[form.to] = mishap

    def rest(self) -> None:
        """Time enough passes for everything to be sent again and to be heard."""
        for life in self.lives.values():
            life.held.clear()
            life.spoiled.clear()
            while any(life.under_way.values()):
                for queue in life.under_way.values():
                    if queue:
                        self._arrive(life, queue.popleft())
            life.unsure.clear()

    def original_of(self, life: Life) -> str | None:
        """The first case received with the same words and photos."""
        for name in self._received.get(life.content, ()):
            if self.rules.declined_count_as_received or self.lives[name].urban.at != "declined":
                return name
        return None

    def rehearse(self, name: str, does: "Deed") -> list[tuple[Side, FormType]]:
        """Do the act, for a copy that is thrown away: the first form that it brings about in each direction."""
        self._posted.clear()
        self.do(self.lives[name], does)
        first: dict[Side, FormType] = {}
        for form in self._posted:
            first.setdefault(form.to, form.type)
        return list(first.items())

    def _arrive(self, life: Life, form: Form) -> None:
        _TAKES[form.type](Hand(self, life), form)

    def receive(self, life: Life) -> None:
        """The urban side has received the case."""
        self._received.setdefault(life.content, []).append(life.name)


@dataclass(frozen=True, slots=True)
class Hand:
    """What an act or an arriving form may touch."""

    model: Model
    life: Life

    @property
    def grid(self) -> GridView:
        """What the grid side knows."""
        return self.life.grid

    @property
    def urban(self) -> UrbanView:
        """What the urban side knows."""
        return self.life.urban

    def tell(self, to: Side, form_type: FormType, says: str = "") -> None:
        """Post a form, unless the case never leaves its own platform (GRID-6, URBAN-3)."""
        if self.life.kind is Kind.TRANSFERRED:
            self.model.post(self.life, Form(form_type, to, says))


#: What comes of an act.
Deed = Callable[[Hand], None]


# ── what comes of acts ──────────────────────────────────────────────────────────────────────────────


def nothing(hand: Hand) -> None:
    """Nothing that anybody could see."""


def grid_goes(at: str) -> Deed:
    """GRID-5: a step of the grid side's own loop."""

    def do(hand: Hand) -> None:
        hand.grid.at = at

    return do


def hand_over(hand: Hand) -> None:
    """GRID-6, XCHG-2."""
    hand.grid.at, hand.grid.handed_over = "handed_over", True
    if hand.model.rules.by_query:
        # It lies there until somebody asks for it.
        hand.life.spoiled[URBAN] = Mishap.LOST
    hand.tell(URBAN, FormType.HAND_OVER)


def withdraw(hand: Hand) -> None:
    """EXC-2: before filing the grid side may take the case back; the urban side has the last word."""
    hand.grid.withdrawing = True
    hand.tell(URBAN, FormType.WITHDRAWAL)


def told(form_type: FormType, to: Side) -> Deed:
    """XCHG-3: a form that says something and moves nothing here."""

    def do(hand: Hand) -> None:
        hand.tell(to, form_type)

    return do


def notify(hand: Hand) -> None:
    """CONT-2: the urban side's contact is told that a matter begins, or is over."""
    hand.grid.told = not hand.grid.told
    hand.tell(URBAN, FormType.CONTACT_NOTICE)


def tell(hand: Hand) -> None:
    """CONT-2: the same to the grid side's contact."""
    hand.urban.told = not hand.urban.told
    hand.tell(GRID, FormType.CONTACT_NOTICE)


def verified(passed: bool) -> Deed:
    """GRID-3, GRID-5, INT-4: the grid worker has looked."""

    def do(hand: Hand) -> None:
        transferred = hand.life.kind is Kind.TRANSFERRED
        hand.grid.at = "verified" if passed else "verification_failed" if transferred else "in_handling"
        hand.tell(URBAN, FormType.VERIFICATION_RESULT, "passed" if passed else "")

    return do


def reject(hand: Hand) -> None:
    """INT-7: back to disposal."""
    hand.grid.rejections += 1
    hand.grid.at = "handed_over"
    hand.tell(URBAN, FormType.REJECTION)


def dissatisfied(hand: Hand) -> None:
    """INT-7, and GRID-5 for a case of the grid side's own."""
    if hand.life.kind is Kind.TRANSFERRED:
        reject(hand)
    else:
        hand.grid.at = "in_handling"


def close(hand: Hand) -> None:
    """INT-6: the grid side closes and tells the urban side to."""
    hand.grid.at = "closed"
    hand.tell(URBAN, FormType.CLOSING)


def answered(confirmed: bool) -> Deed:
    """EXC-3: the grid side confirms a false report, or does not."""

    def do(hand: Hand) -> None:
        hand.grid.asked = False
        hand.tell(URBAN, FormType.FALSE_REPORT_ANSWER, "confirmed" if confirmed else "")

    return do


def file(hand: Hand) -> None:
    """INT-1, INT-8."""
    hand.urban.at = FILING
    hand.urban.filing += 1
    hand.tell(GRID, FormType.FILING_RESULT)


def decline(hand: Hand) -> None:
    """URBAN-4, EXC-1."""
    hand.urban.at = "declined"
    hand.tell(GRID, FormType.FILING_RESULT, "declined")


def dispatch(hand: Hand) -> None:
    """URBAN-2: to the case's own district."""
    hand.urban.at, hand.urban.place = ASSIGNMENT, None
    hand.tell(GRID, FormType.DISPATCH)


def dispatch_elsewhere(hand: Hand) -> None:
    """EXC-4: to another one."""
    dispatch(hand)
    hand.urban.place = FAR


def start_disposal(hand: Hand) -> None:
    """URBAN-2, INT-7, EXC-5: a department has the case, with a limit of its own."""
    hand.urban.at, hand.urban.passed = DISPOSAL, False
    hand.tell(GRID, FormType.STAGE_PROGRESS, DISPOSAL)


def dispose(hand: Hand) -> None:
    """INT-4: the grid side is asked to verify."""
    hand.urban.at = DISTRICT_VERIFICATION
    hand.urban.overtaken |= hand.urban.waiting
    hand.tell(GRID, FormType.VERIFICATION_REQUEST)


NOTICES = {
    "extension": FormType.EXTENSION_NOTICE,
    "return": FormType.RETURN_NOTICE,
    "transfer": FormType.TRANSFER_NOTICE,
}


def apply(application: str) -> Deed:
    """URBAN-4, EXC-5: an application is put up for its decision."""

    def do(hand: Hand) -> None:
        hand.urban.waiting.add(application)
        hand.tell(GRID, NOTICES[application])

    return do


def decide(application: str, grant: bool) -> Deed:
    """URBAN-4, EXC-5: it is granted or refused."""

    def do(hand: Hand) -> None:
        hand.urban.waiting.discard(application)
        hand.tell(GRID, NOTICES[application], "granted" if grant else "")
        if not grant or application == "extension":
            return
        # What the others applied for in the old place is overtaken.
        hand.urban.overtaken |= hand.urban.waiting
        if application == "return":
            hand.urban.at, hand.urban.place = FILING, None
        else:
            hand.urban.place = FARTHER if hand.urban.place != FARTHER else FAR
            start_disposal(hand)

    return do


def apply_false_report(hand: Hand) -> None:
    """EXC-3: for the city verifier to decide."""
    hand.urban.false_report = "applied"


def decide_false_report(grant: bool) -> Deed:
    """EXC-3: and the grid side is told, or asked where the profile has it so."""

    def do(hand: Hand) -> None:
        hand.urban.false_report = None
        if not grant:
            return
        hand.tell(GRID, FormType.FALSE_REPORT_APPLICATION)
        if hand.life.kind is Kind.TRANSFERRED and hand.model.rules.grid_confirms_false_report:
            hand.urban.false_report = "asked"
        else:
            close_as_false(hand)

    return do


def close_as_false(hand: Hand) -> None:
    """EXC-3: the urban side closes and tells the grid side."""
    hand.urban.at, hand.urban.false_report = "closed_false_report", None
    hand.tell(GRID, FormType.CLOSING)


def native_verified(to: str) -> Deed:
    """URBAN-2, URBAN-3: the urban side verifies its own cases."""

    def do(hand: Hand) -> None:
        hand.urban.at = to
        if to == DISPOSAL:
            hand.urban.rejections += 1
            hand.urban.counted += 1

    return do


def urban_closes(hand: Hand) -> None:
    """URBAN-2: the last of the seven stages of an own case."""
    hand.urban.at = "closed"


# ── what comes of forms ─────────────────────────────────────────────────────────────────────────────


def _take_hand_over(hand: Hand, form: Form) -> None:
    original = hand.model.original_of(hand.life)
    hand.model.receive(hand.life)
    hand.urban.at = "received"
    if original is not None:
        hand.urban.original = original
        decline(hand)


def _take_withdrawal(hand: Hand, form: Form) -> None:
    hand.grid.withdrawing = False
    if hand.urban.at == "received":
        # Filed is filed (EXC-2); before that the grid side may take it back.
        hand.urban.at = hand.grid.at = "withdrawn"


def _take_filing_result(hand: Hand, form: Form) -> None:
    if form.says == "declined":
        hand.grid.at = "declined"
        return
    hand.grid.filing += 1
    hand.grid.stage = FILING
    if hand.grid.filing > 1 and hand.model.rules.counter_restarts:
        hand.grid.rejections = 0


def _take_dispatch(hand: Hand, form: Form) -> None:
    hand.grid.stage = ASSIGNMENT


def _take_progress(hand: Hand, form: Form) -> None:
    hand.grid.stage = form.says


def _take_request(hand: Hand, form: Form) -> None:
    hand.grid.at, hand.grid.stage = "awaiting_verification", DISTRICT_VERIFICATION


def _take_return(hand: Hand, form: Form) -> None:
    if form.says == "granted":
        hand.grid.stage = FILING


def _take_result(hand: Hand, form: Form) -> None:
    if form.says == "passed":
        hand.urban.at, hand.urban.passed = CLOSING, True
        hand.tell(GRID, FormType.STAGE_PROGRESS, CLOSING)
    else:
        hand.urban.at = NOT_PASSED


def _take_rejection(hand: Hand, form: Form) -> None:
    """INT-7, and INT-8 where it is one too many."""
    hand.urban.rejections += 1
    hand.urban.counted += 1
    if hand.urban.counted <= hand.model.rules.max_rejections:
        start_disposal(hand)
        return
    place = hand.urban.place
    for application in sorted(hand.urban.waiting):
        hand.tell(GRID, NOTICES[application])
    hand.urban.waiting.clear()
    hand.urban.overtaken.clear()
    hand.urban.rejections = 0
    if hand.model.rules.counter_restarts:
        hand.urban.counted = 0
    file(hand)
    dispatch(hand)
    hand.urban.place = place


def _take_closing(hand: Hand, form: Form) -> None:
    if form.to is URBAN:
        hand.urban.at = "closed"
    else:
        hand.grid.at = "closed_false_report"


def _take_application(hand: Hand, form: Form) -> None:
    hand.grid.asked = hand.model.rules.grid_confirms_false_report


def _take_answer(hand: Hand, form: Form) -> None:
    hand.urban.false_report = None
    if form.says == "confirmed":
        close_as_false(hand)


def _take_note(hand: Hand, form: Form) -> None:
    """It says something and moves nothing."""


_TAKES: Mapping[FormType, Callable[[Hand, Form], None]] = {
    FormType.HAND_OVER: _take_hand_over,
    FormType.SUPPLEMENT: _take_note,
    FormType.WITHDRAWAL: _take_withdrawal,
    FormType.FILING_RESULT: _take_filing_result,
    FormType.DISPATCH: _take_dispatch,
    FormType.STAGE_PROGRESS: _take_progress,
    FormType.EXTENSION_NOTICE: _take_note,
    FormType.RETURN_NOTICE: _take_return,
    FormType.TRANSFER_NOTICE: _take_note,
    FormType.VERIFICATION_REQUEST: _take_request,
    FormType.VERIFICATION_RESULT: _take_result,
    FormType.REJECTION: _take_rejection,
    FormType.CLOSING: _take_closing,
    FormType.FALSE_REPORT_APPLICATION: _take_application,
    FormType.FALSE_REPORT_ANSWER: _take_answer,
    FormType.CONTACT_NOTICE: _take_note,
}
