"""Statistics from what crossed the wire, from the platform's books, and the platform's own assessment: three ways to the same numbers."""

from datetime import datetime, timedelta

import pytest
from test_urban_with_grid import Walk

from bridge.vocabulary.calls import Answered, Call, Ending
from bridge.vocabulary.messages import FormMessage, ReceiptMessage
from conformance.oracle.trace import form_fields
from duijie.figures.books import case_from_books
from duijie.figures.cases import Case
from duijie.figures.forms import FormHeard, Heard, ReceiptHeard, cases_from
from duijie.figures.period import Period
from duijie.figures.sections import SECTIONS
from duijie.figures.tally import Figures, KeptLists, tally
from simulators.grid.platform import GridPlatform
from simulators.urban import assessment
from simulators.urban.platform import UrbanPlatform

YEAR = Period.read("2026")
DISPOSAL = ("due", "on_time", "late", "not_disposed")
ASSESSED = ("received", "filed", "declined", "closed", "refiled", "returned", *DISPOSAL)
#: What only the hand-over form tells: whose report it was, and when the case came.
FROM_THE_FORM = frozenset({"by_public", "by_collector", "filed_in_time", "filing_in_time_rate"})


class Listened(Walk):
    """A random walk of both platforms with a listener on the line."""

    def __init__(self, seed: int):
        super().__init__(seed)
        self.heard: list[Heard] = []

    def carry(self, call: Call, to: GridPlatform | UrbanPlatform) -> Ending:
        message = call.message
        if isinstance(message, FormMessage):
            fields = form_fields(message.form)
            self.heard.append(FormHeard(message.header.message_id, message.form.form_type.value, fields))
        ending = super().carry(call, to)
        receipt = message.receipt if isinstance(message, ReceiptMessage) else getattr(ending, "receipt", None)
        if receipt is not None and (isinstance(message, ReceiptMessage) or isinstance(ending, Answered)):
            self.heard.append(ReceiptHeard(receipt.form_message_id, receipt.outcome.value == "confirmed"))
        return ending


def figures_of(cases: list[Case]) -> Figures:
    def never(step: str, case: Case, start: datetime) -> datetime:
        return start + timedelta(hours=1)

    return tally(cases, YEAR, SECTIONS, never, str, KeptLists())


def books(urban: UrbanPlatform, now: datetime) -> list[Case]:
    return [
        case_from_books(urban.ask("case", {"case": row["case_number"]}, now)) for row in urban.ask("cases", {}, now)
    ]


WALKS = pytest.mark.parametrize("seed", range(12))


def walked(seed: int) -> Listened:
    walk = Listened(seed)
    walk.wander(150)
    walk.come_to_rest()
    assert walk.now < YEAR.end
    return walk


@WALKS
def test_the_books_give_what_the_platform_assesses(seed: int) -> None:
    walk = walked(seed)
    ours = figures_of(books(walk.urban, walk.now))
    theirs = assessment.report(list(walk.urban._cases.values()), YEAR, YEAR.end)["all"]
    told = {name: theirs[name]["count"] for name in ASSESSED}
    assert {name: ours.table("evaluation_all").total[name] for name in ASSESSED} == told
    places = {key[1]: row for key, row in ours.table("stat2").rows.items() if row["due"]}
    assert {
        name: {figure: row[figure]["count"] for figure in DISPOSAL}
        for name, row in theirs["by_department"].items()
        if row["due"]["count"]
    } == {name: {figure: row[figure] for figure in DISPOSAL} for name, row in places.items()}


@WALKS
def test_the_wire_gives_what_the_books_give(seed: int) -> None:
    """Whatever was lost, repeated and refused on the way; a case that was taken by query shows when its first form crosses."""
    walk = walked(seed)
    crossed = list(cases_from(walk.heard))
    known = {case.number for case in crossed}
    own = [case for case in books(walk.urban, walk.now) if case.number in known]
    by_query = not any(isinstance(item, FormHeard) and item.form_type == "handOver" for item in walk.heard)
    assert by_query or len(own) == len(books(walk.urban, walk.now)) == len(crossed)
    wire, theirs = figures_of(crossed), figures_of(own)
    for section in ("stat1", "stat2", "stat3", "stat3_districts", "evaluation_all"):
        shown = [name for name in theirs.table(section).section.indicators if not by_query or name not in FROM_THE_FORM]
        assert {name: wire.table(section).total[name] for name in shown} == {
            name: theirs.table(section).total[name] for name in shown
        }, section
