"""STAT-4: figures of random city histories against a recount that reads nothing but a list of facts."""

import json
from collections import Counter
from datetime import datetime, timedelta

import pytest
from city_histories import Fact, Life, city, on_the_wire
from hypothesis import given, settings
from hypothesis import strategies as st

from duijie.figures.cases import NATIVE, Case, from_line, to_line
from duijie.figures.forms import FormHeard, ReceiptHeard, cases_from
from duijie.figures.period import Period
from duijie.figures.sections import SECTIONS, Edition, Level, Scope, sections_for
from duijie.figures.tally import Figures, KeptLists, slips, tally

MONTHS = [Period.read(text) for text in ("2026-01", "2026-02", "2026-03", "2026-Q1", "2026")]
HISTORIES = st.builds(city, st.integers(0, 2**32), st.integers(1, 12))


def deadline(step: str, case: Case, start: datetime) -> datetime:
    return start + timedelta(hours={"filing": 4, "dispatch": 2, "verification": 24}[step])


def company(operator: str) -> str:
    return {"": "nobody", "operator-1": "A", "operator-2": "B"}.get(operator, "automatic")


def counted(cases: list[Case], period: Period) -> tuple[Figures, KeptLists]:
    lists = KeptLists()
    return tally(cases, period, SECTIONS, deadline, company, lists), lists


def recount(facts: list[Fact], period: Period) -> Counter[tuple[str, str, str]]:
    """Count by hand: (what, district, department) in the period, as of its end."""
    counts: Counter[tuple[str, str, str]] = Counter()
    past = [fact for fact in facts if fact.at < period.end]
    by_case: dict[str, list[Fact]] = {}
    for fact in past:
        by_case.setdefault(fact.case, []).append(fact)
    for story in by_case.values():
        for index, fact in enumerate(story):
            if fact.at >= period.start:
                counts[fact.what, fact.district, fact.department] += 1
            if fact.what == "assigned":
                later = story[index + 1 :]
                following = next((n for n, f in enumerate(later) if f.what == "assigned"), len(later))
                stretch = later[:following]
                due = [f.due for f in stretch if f.what == "extended"][-1:] or [fact.due]
                assert due[0] is not None
                ends = [f for f in stretch if f.what in ("disposed", "transferred", "closed_as_false")]
                if not period.start <= due[0] < period.end or (ends and ends[0].what != "disposed"):
                    continue
                place = (fact.district, fact.department)
                counts["due", *place] += 1
                if not ends or any(f.what == "given_up" for f in stretch):
                    counts["not disposed", *place] += 1
                elif ends[0].at <= due[0]:
                    counts["on time", *place] += 1
                else:
                    counts["late", *place] += 1
    return counts


#: Indicator → what the recount calls it, where both are counted by department.
BY_DEPARTMENT = {
    "due": "due", "on_time": "on time", "late": "late", "not_disposed": "not disposed", "disposed": "disposed",
    "rework": "rework", "extended": "extended", "transferred_on": "transferred", "given_up": "given_up",
}  # fmt: skip
#: Where they are counted for the city as a whole.
IN_ALL = {
    "received": ("received",), "declined": ("declined",), "filed": ("filed",), "closed": ("closed",),
    "closed_as_false": ("closed_as_false",), "rejected": ("rejected",), "verified": ("verified", "not_passed"),
    "not_passed": ("not_passed",),
}  # fmt: skip


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(MONTHS), st.integers(0, 2**32))
def test_the_figures_are_those_of_a_recount_by_hand(lives: list[Life], period: Period, seed: int) -> None:
    """Over month borders, with repeated and refused forms, transfers, returns, extensions, rejections and refilings."""
    figures, _ = counted(list(cases_from(on_the_wire(lives, seed))), period)
    by_hand = recount([fact for life in lives for fact in life.facts], period)
    departments = figures.table("stat2")
    for indicator, what in BY_DEPARTMENT.items():
        ours = {key: counts[indicator] for key, counts in departments.rows.items() if counts[indicator]}
        assert ours == {key[1:]: n for key, n in by_hand.items() if key[0] == what}, indicator
    total = figures.table("evaluation_all").total
    for indicator, whats in IN_ALL.items():
        assert total[indicator] == sum(n for key, n in by_hand.items() if key[0] in whats), indicator


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(MONTHS), st.integers(0, 2**32))
def test_everything_adds_up_STAT_4(lives: list[Life], period: Period, seed: int) -> None:
    figures, lists = counted(list(cases_from(on_the_wire(lives, seed))), period)
    assert list(slips(figures)) == []
    assert figures.cases == len(lives)
    assert {name: len(lines) for name, lines in lists.lines.items()} == dict(figures.listed)


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(MONTHS), st.integers(0, 2**32))
def test_every_number_is_the_length_of_its_list_STAT_4(lives: list[Life], period: Period, seed: int) -> None:
    figures, lists = counted(list(cases_from(on_the_wire(lives, seed))), period)
    for table in figures.tables:
        for indicator in table.section.indicators:
            lines = [line for line in lists.lines.get(indicator, []) if table.section.scope.holds(line[0].origin)]
            assert table.total[indicator] == len(lines)


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(MONTHS[:3]), st.integers(0, 2**32))
def test_what_happened_later_changes_no_figure_of_the_period_STAT_4(
    lives: list[Life], period: Period, seed: int
) -> None:
    """The month's figures made on its last night are those made a year later."""
    later, _ = counted(list(cases_from(on_the_wire(lives, seed))), period)
    for life in lives:
        known = sum(fact_form_at(form.fields) < period.end for form in life.forms)
        life.forms = life.forms[:known]
    that_night, _ = counted(list(cases_from(on_the_wire([life for life in lives if life.forms], seed))), period)
    for then, now in zip(that_night.tables, later.tables, strict=True):
        shown = set(now.section.indicators)
        assert {name: then.total[name] for name in shown} == {name: now.total[name] for name in shown}
        assert {k: {n: c for n, c in row.items() if n in shown and c} for k, row in then.rows.items()} == {
            k: {n: c for n, c in row.items() if n in shown and c} for k, row in now.rows.items()
        }


def fact_form_at(fields: dict[str, object]) -> datetime:
    return datetime.fromisoformat(next(str(v) for k, v in fields.items() if k.endswith("At") and k != "disposalDueAt"))


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(MONTHS), st.integers(0, 2**32))
def test_cases_handed_over_are_left_out_of_the_assessment_and_of_nothing_else_INT_3(
    lives: list[Life], period: Period, seed: int
) -> None:
    cases = list(cases_from(on_the_wire(lives, seed)))
    own = [case for index, case in enumerate(cases) if index % 2]
    for case in own:
        case.origin = NATIVE
    mixed, _ = counted(cases, period)
    alone, _ = counted(own, period)
    for section in ("assessment", "evaluation_assessed"):
        assert mixed.table(section).rows == alone.table(section).rows
    handed_over, _ = counted([case for case in cases if case not in own], period)
    for section in ("flow", "stat2", "evaluation_all", "categories", "sources"):
        assert mixed.table(section).total == alone.table(section).total + handed_over.table(section).total


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 2**32))
def test_a_casebook_gives_the_same_cases_back(lives: list[Life], seed: int) -> None:
    cases = list(cases_from(on_the_wire(lives, seed)))
    assert [from_line(json.loads(json.dumps(to_line(case)))) for case in cases] == cases


@settings(deadline=None)
@given(HISTORIES, st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_order_of_the_cases_does_not_matter(lives: list[Life], seed: int, other: int) -> None:
    one, _ = counted(list(cases_from(on_the_wire(lives, seed))), MONTHS[3])
    two, _ = counted(list(cases_from(on_the_wire(list(reversed(lives)), other))), MONTHS[3])
    assert [table.rows for table in one.tables] == [table.rows for table in two.tables]


def test_a_rate_over_nothing_has_no_value() -> None:
    figures, _ = counted([], MONTHS[0])
    assert figures.table("evaluation_all").rate("disposal_on_time_rate", None) is None


@pytest.mark.parametrize("edition", Edition)
def test_every_office_has_its_statistics(edition: Edition) -> None:
    clauses = {section.clause for section in sections_for(edition)}
    assert ({"STAT-1", "STAT-2", "INT-3"} if edition is Edition.CITY_BUREAU else {"STAT-3"}) <= clauses


def test_the_assessment_is_about_native_cases_and_the_statistics_of_companies_about_those_handed_over() -> None:
    scopes = {section.id: (section.scope, section.level) for section in SECTIONS}
    assert scopes["assessment"] == (Scope.NATIVE, Level.DEPARTMENT)
    assert scopes["stat1"] == (Scope.TRANSFERRED, Level.COMPANY)
    assert scopes["stat2"] == (Scope.ALL, Level.DEPARTMENT)


def test_what_is_heard_again_after_the_end_opens_no_case_anew() -> None:
    """A repetition on the wire, long after the case was closed."""
    heard = on_the_wire(city(3, 8), 3)
    assert len(list(cases_from([*heard, *heard]))) == len(list(cases_from(heard)))


def test_a_form_that_was_refused_and_comes_again_changes_nothing() -> None:
    [life] = city(11, 1)
    heard = on_the_wire([life], 1)
    refused = FormHeard(
        "refused", "closing", {"caseNumber": life.number, "closedAt": "2026-03-02T09:00:00+08:00", "kind": "normal"}
    )
    again = [*heard[:2], refused, ReceiptHeard("refused", False), refused, *heard[2:]]
    assert list(cases_from(again)) == list(cases_from(heard))
