"""The cases on the grid platform's books, and what every part of the platform does with one: send, end, note."""

from datetime import datetime
from typing import TypeVar

from bridge.vocabulary.codes import (
    ContactDuty,
    NoticeKind,
)
from bridge.vocabulary.forms import (
    Form,
)
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.vocabulary.stages import GridState
from bridge.vocabulary.times import in_shanghai
from simulators.city.seats import Account
from simulators.city.town import Town
from simulators.exchange.mailroom import Mailroom, Sending
from simulators.exchange.notices import NoticeBoard
from simulators.exchange.quirks import Quirks
from simulators.grid.casebook import (
    GridCase,
    HistoryLine,
)
from simulators.grid.quirks import dressed

_T = TypeVar("_T")

#: Whose business each kind of notice is on this side (CONT-1, CONT-2).
DUTY_FOR: dict[NoticeKind, ContactDuty] = {
    NoticeKind.DUPLICATE: ContactDuty.GRID_SIDE,
    NoticeKind.RECEIPT_OVERDUE: ContactDuty.GRID_SIDE,
    NoticeKind.PARKED: ContactDuty.GRID_SIDE,
    NoticeKind.REPEATED_REJECTION: ContactDuty.GRID_SIDE,
    NoticeKind.SYSTEM_FAULT: ContactDuty.CITY_INFORMATION_OFFICE,
}


class Casework:
    """The cases, the post that belongs to them, and the contact persons to tell. People and arrivals share it."""

    def __init__(
        self,
        profile: Profile,
        town: Town,
        board: NoticeBoard,
        mailroom: Mailroom,
        quirks: Quirks,
        first_serial: int = 1,
    ):
        self.choices = profile.choices
        self.town = town
        self.board = board
        self.mailroom = mailroom
        self.quirks = quirks
        #: Every case, in the order in which they were reported.
        self.cases: dict[str, GridCase] = {}
        #: The accounts of this platform, by name.
        self.accounts: dict[str, Account] = {a.name: a for a in town.accounts.values() if a.platform is Side.GRID}
        #: Hand-overs in their order, as (message id, case); the query cursor counts these (XCHG-2).
        self.handed_over: list[tuple[str, GridCase]] = []
        #: Duplicates by the case that they repeat, for as long as that one is open (EXC-1).
        self.repeats_of: dict[str, list[str]] = {}
        #: For a corrected form, the first form of its line (RCPT-2).
        self.first_of_line: dict[str, str] = {}
        #: Serials given out for each district and day; another first one keeps clear of numbers that others know already.
        self._serials: dict[str, int] = {}
        self._before_first = first_serial - 1

    def end(self, case: GridCase, state: GridState, now: datetime) -> None:
        """End a case, and every matter of it that its end settles."""
        case.state, case.closed_at = state, now
        self.board.over(NoticeKind.REPEATED_REJECTION, case.case_number, now)
        self.end_repeats(case.case_number, now)

    def end_repeats(self, original: str | None, now: datetime) -> None:
        """Tell that the duplicates of a case are over (EXC-1)."""
        for number in self.repeats_of.pop(original or "", ()):
            self.board.over(NoticeKind.DUPLICATE, number, now)

    def send(self, form: Form, now: datetime) -> None:
        """Give a form to the post."""
        self.mailroom.post(dressed(form, self.quirks), now)

    def sendings(self, case: GridCase) -> list[Sending]:
        """Look up our forms of a case, in the order in which they were posted."""
        return self.mailroom.sendings(case.case_number)

    def next_number(self, district: str, now: datetime) -> str:
        """Give out a case number: district, day, serial."""
        stem = f"{district}-{in_shanghai(now):%Y%m%d}"
        self._serials[stem] = self._serials.get(stem, self._before_first) + 1
        return f"{stem}-{self._serials[stem]:06}"


def log(case: GridCase, now: datetime, who: str, role: str, what: str, detail: str = "") -> None:
    """Note who did what and when (GEN-3)."""
    case.history.append(HistoryLine(at=now, who=who, role=str(role), what=what, detail=str(detail)))


def heard(case: GridCase, now: datetime, what: str, detail: str = "") -> None:
    """Note what the urban platform said."""
    log(case, now, Side.URBAN, Side.URBAN, what, detail)


def present(value: _T | None) -> _T:
    """Return a value that the state of the case says is there."""
    if value is None:
        raise AssertionError("the state of the case promised a value that is not there")
    return value
