"""What each figure counts, one situation a test (STAT-1…3, INT-3, INT-8, EXC-5, MUNI-5)."""

from datetime import datetime, timedelta

import pytest

from bridge.vocabulary.times import SHANGHAI
from duijie.figures.cases import NATIVE, TRANSFERRED, Case, Filing, Return, Stretch, Verification
from duijie.figures.indicators import INDICATORS, RATES, Window
from duijie.figures.period import Period
from duijie.figures.sections import SECTIONS, indicators_needed
from duijie.figures.tally import KeptLists, slips, tally

MARCH = Period.read("2026-03")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI)


def deadline(step: str, case: Case, start: datetime) -> datetime:
    return start + timedelta(hours=4)


def case(**more: object) -> Case:
    return Case("C1", TRANSFERRED, at("03-10T09:00"), district="340202", **more)  # type: ignore[arg-type]


def count(indicator: str, of: Case, period: Period = MARCH) -> int:
    return len(list(INDICATORS[indicator].count(of, Window(period, deadline))))


def disposal(due: str, ended: str | None = None, ending: str = "disposed", **more: object) -> Stretch:
    end = None if ended is None else at(ended)
    return Stretch(
        "340202", "CA-340202", at("03-01T08:00"), at(due), "T1", ended_at=end, ending=ending if ended else "", **more
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "counts"),
    [("03-01T00:00", 1), ("02-28T23:59:59.999999", 0), ("03-31T23:59:59.999999", 1), ("04-01T00:00", 0)],
    ids=["its first moment", "just before", "its last moment", "just after"],
)
def test_a_period_is_half_open(moment: str, counts: int) -> None:
    assert count("received", Case("C1", TRANSFERRED, at(moment))) == counts


@pytest.mark.parametrize(
    ("due", "ended", "verdict"),
    [
        ("03-20T12:00", "03-20T12:00", "on_time"),
        ("03-20T12:00", "03-20T12:00:00.000001", "late"),
        ("03-20T12:00", "04-01T00:00", "not_disposed"),
        ("03-20T12:00", None, "not_disposed"),
        ("03-20T12:00", "03-02T12:00", "on_time"),
        ("04-02T12:00", "03-20T12:00", None),
        ("02-28T12:00", "03-20T12:00", None),
    ],
    ids=["at the limit", "just after it", "after the month", "not at all", "early", "due next month", "due last month"],
)
def test_a_disposal_that_was_due_is_on_time_or_late_or_not_disposed(
    due: str, ended: str | None, verdict: str | None
) -> None:
    of = case(disposals=[disposal(due, ended)])
    told = {name: count(name, of) for name in ("due", "on_time", "late", "not_disposed")}
    assert told == {"due": verdict is not None, **{n: n == verdict for n in ("on_time", "late", "not_disposed")}}


def test_what_was_due_before_and_is_disposed_of_now_is_not_lost() -> None:
    of = case(disposals=[disposal("02-28T12:00", "03-20T12:00")])
    assert (count("disposed", of), count("disposed_of_before", of), count("due", of)) == (1, 1, 0)


def test_an_extension_moves_the_limit() -> None:
    of = case(disposals=[disposal("03-20T12:00", "03-21T12:00", extensions=[(at("03-20T09:00"), at("03-22T12:00"))])])
    assert (count("on_time", of), count("extended", of)) == (1, 1)


def test_an_extension_that_was_granted_after_the_month_does_not_move_the_limit_of_the_month() -> None:
    of = case(disposals=[disposal("03-31T12:00", extensions=[(at("04-01T09:00"), at("04-09T12:00"))])])
    assert (count("due", of), count("not_disposed", of)) == (1, 1)
    assert count("due", of, Period.read("2026-04")) == 1


def test_a_stretch_that_was_transferred_away_counts_where_it_was_disposed_of_EXC_5() -> None:
    gone = disposal("03-20T12:00", "03-19T12:00", "transferred")
    taken = Stretch(
        "340209", "CA-340209", at("03-19T12:00"), at("03-22T12:00"), "T1", ended_at=at("03-21T12:00"), ending="disposed"
    )
    of = case(disposals=[gone, taken])
    [item] = INDICATORS["due"].count(of, Window(MARCH, deadline))
    assert (item.district, item.department) == ("340209", "CA-340209")
    assert count("transferred_on", of) == 1


def test_a_false_report_is_nobodys_failure_EXC_3() -> None:
    of = case(
        disposals=[disposal("03-20T12:00", "03-25T12:00", "false_report")],
        closed_at=at("03-25T12:00"),
        closing="false_report",
    )
    assert (count("due", of), count("closed_as_false", of), count("closed", of)) == (0, 1, 0)


def test_a_filing_that_was_given_up_was_not_disposed_of_INT_8() -> None:
    stretch = disposal("03-20T12:00", "03-19T12:00", given_up_at=at("03-25T12:00"))
    filings = [
        Filing("T1", at("03-10T10:00"), "op", at("03-10T11:00"), "340202", at("03-25T12:00")),
        Filing("T2", at("03-25T12:00"), "op"),
    ]
    of = case(disposals=[stretch], filings=filings)
    assert (count("not_disposed", of), count("on_time", of)) == (1, 0)
    assert (count("given_up", of), count("refiled", of), count("filed", of), count("first_filed", of)) == (1, 1, 2, 1)


def test_a_verdict_of_the_month_stands_when_the_filing_is_given_up_later() -> None:
    of = case(disposals=[disposal("03-20T12:00", "03-19T12:00", given_up_at=at("04-02T12:00"))])
    assert (count("on_time", of), count("not_disposed", of)) == (1, 0)


def test_a_dispatch_after_a_return_is_not_one_more_STAT_1() -> None:
    filing = Filing("T1", at("03-10T10:00"), "op", at("03-10T11:00"), "340202")
    of = case(filings=[filing], returns=[Return(at("03-10T12:00"), "340202", "T1")])
    assert (count("filed_and_dispatched", of), count("returned", of), count("dispatched_and_returned", of)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("step", "indicator", "minutes"),
    [(s, i, m) for s, i in (("filing", "filed_in_time"), ("dispatch", "dispatched_in_time"), ("verification", "verified_in_time")) for m in (240, 241)],
    ids=lambda value: str(value),
)  # fmt: skip
def test_a_step_is_in_time_up_to_its_limit(step: str, indicator: str, minutes: int) -> None:
    took = timedelta(minutes=minutes)
    begun = at("03-10T09:00")
    filing = Filing("T1", begun + (took if step == "filing" else timedelta(0)), "op")
    filing.dispatched_at = filing.at + took
    of = case(filings=[filing], verifications=[Verification(begun + took, True, begun)])
    assert count(indicator, of) == (minutes <= 240)


def test_the_native_case_alone_is_assessed_INT_3() -> None:
    own = Case("U1", NATIVE, at("03-10T09:00"), disposals=[disposal("03-20T12:00")])
    figures = tally([own, case(disposals=[disposal("03-20T12:00")])], MARCH, SECTIONS, deadline, str, KeptLists())
    assert figures.table("assessment").total["due"] == 1
    assert figures.table("stat2").total["due"] == 2
    assert figures.table("stat3").total["transferred_in"] == 1


def test_a_record_that_contradicts_itself_is_said_not_to_add_up() -> None:
    """Closed before it came: nothing that a report could set right, and nothing that it should hide."""
    of = Case("C1", TRANSFERRED, at("04-02T09:00"), closed_at=at("03-10T09:00"), closing="normal")
    figures = tally([of], MARCH, SECTIONS, deadline, str, KeptLists())
    assert {(slip.section, slip.left, slip.right) for slip in slips(figures)} == {("flow", 0, 1), ("stat3_flow", 0, 1)}


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03", "2026-03-01", "2026-04-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-03-02", "2026-03-02", "2026-03-03"),
        ("2026-03-02..2026-03-08", "2026-03-02", "2026-03-09"),
    ],
)
def test_a_period_is_written_as_people_write_it(text: str, start: str, end: str) -> None:
    period = Period.read(text)
    assert (f"{period.start:%Y-%m-%d}", f"{period.end:%Y-%m-%d}") == (start, end)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13", "2026-Q5", "2026-03-08..2026-03-02", "2026-02-30", "2026-03-02-01"]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each says its own; the command says one sentence
        Period.read(text)


def test_every_indicator_and_rate_is_in_some_table_and_says_what_it_means() -> None:
    assert set(indicators_needed(SECTIONS)) == set(INDICATORS)
    assert {name for section in SECTIONS for name in section.rates} == set(RATES)
    assert all(row.means_zh and row.means_en and row.source for row in INDICATORS.values())


def test_no_two_figures_are_called_the_same() -> None:
    for names in ([row.zh for row in INDICATORS.values()], [row.en for row in INDICATORS.values()]):
        assert len(names) == len(set(names))
