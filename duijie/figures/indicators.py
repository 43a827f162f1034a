"""What is counted: one row an indicator, with its definition in words a person can read beside the number.

An indicator gives, for one case and one period, every time that the thing counted happened or was due in the period. It sees the
case as of the period's end: what happened later is not there yet, so a month that was reported is the same month for ever (STAT-4).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from duijie.figures.cases import TRANSFERRED, Case, Stretch
from duijie.figures.period import Period

#: When a step that began at a moment is due: step (`filing`, `dispatch`, `verification`), case, moment.
Deadline = Callable[[str, Case, datetime], datetime]


class Item(NamedTuple):
    """One thing that was counted; the lists behind the numbers are made of these."""

    at: datetime
    district: str = ""
    department: str = ""
    #: Who decided, where an operator did.
    operator: str = ""
    #: When it was due and when it was done, where that is the question.
    due_at: datetime | None = None
    done_at: datetime | None = None
    #: A task number or a reason.
    note: str = ""


@dataclass(slots=True)
class Window:
    """What an indicator may look at."""

    period: Period
    deadline: Deadline
    #: What came due in the case that was looked at last: seven indicators in a row ask for it.
    last: Case | None = None
    due: list[tuple[Stretch, datetime, str]] = field(default_factory=list)


Count = Callable[[Case, Window], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number that is counted."""

    id: str
    zh: str
    en: str
    means_zh: str
    means_en: str
    #: Where the definition comes from: a clause, or `ours` where the standards' own text was not at hand.
    source: str
    count: Count


def _operator_of(case: Case) -> str:
    return case.declined_by or (case.filings[0].by if case.filings else "")


def _received(case: Case, window: Window) -> Iterator[Item]:
    if window.period.holds(case.received_at):
        yield Item(case.received_at, case.district, operator=_decided_by(case, window))


def _decided_by(case: Case, window: Window) -> str:
    """The operator who decided on filing before the period's end; nobody where the case still waited then."""
    decided = case.declined_at or (case.filings[0].at if case.filings else None)
    return _operator_of(case) if decided is not None and decided < window.period.end else ""


def _transferred_in(case: Case, window: Window) -> Iterator[Item]:
    if case.origin == TRANSFERRED:
        yield from _received(case, window)


def _filed(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings:
        if window.period.holds(filing.at):
            yield Item(filing.at, case.district, operator=filing.by, note=filing.task)


def _filed_in_time(case: Case, window: Window) -> Iterator[Item]:
    """The first filing alone: nobody waits for a refiling."""
    for filing in case.filings[:1]:
        if window.period.holds(filing.at):
            due = window.deadline("filing", case, case.received_at)
            if filing.at <= due:
                yield Item(
                    filing.at, case.district, operator=filing.by, due_at=due, done_at=filing.at, note=filing.task
                )


def _first_filed(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings[:1]:
        if window.period.holds(filing.at):
            yield Item(filing.at, case.district, operator=filing.by, note=filing.task)


def _refiled(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings[1:]:
        if window.period.holds(filing.at):
            yield Item(filing.at, case.district, operator=filing.by, note=filing.task)


def _given_up(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings:
        if filing.given_up_at is not None and window.period.holds(filing.given_up_at):
            last = next((s for s in reversed(case.disposals) if s.task == filing.task), None)
            place = (filing.district, "") if last is None else (last.district, last.department)
            yield Item(filing.given_up_at, *place, operator=filing.by, note=filing.task)


def _dispatched(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings:
        if filing.dispatched_at is not None and window.period.holds(filing.dispatched_at):
            yield Item(filing.dispatched_at, filing.district, operator=filing.by, note=filing.task)


def _dispatched_in_time(case: Case, window: Window) -> Iterator[Item]:
    for filing in case.filings:
        if filing.dispatched_at is not None and window.period.holds(filing.dispatched_at):
            due = window.deadline("dispatch", case, filing.at)
            if filing.dispatched_at <= due:
                yield Item(
                    filing.dispatched_at,
                    filing.district,
                    operator=filing.by,
                    due_at=due,
                    done_at=filing.dispatched_at,
                    note=filing.task,
                )


def _dispatched_and_returned(case: Case, window: Window) -> Iterator[Item]:
    back = {granted.task for granted in case.returns if granted.at < window.period.end}
    yield from (item for item in _dispatched(case, window) if item.note in back)


def _declined(case: Case, window: Window) -> Iterator[Item]:
    if case.declined_at is not None and window.period.holds(case.declined_at):
        yield Item(case.declined_at, case.district, operator=case.declined_by, note=case.decline_reason)


def _returned(case: Case, window: Window) -> Iterator[Item]:
    for granted in case.returns:
        if window.period.holds(granted.at):
            by = next((filing.by for filing in case.filings if filing.task == granted.task), "")
            yield Item(granted.at, granted.district, operator=by, note=granted.task)


# Disposal counts for the place that really disposed of it (EXC-5): a stretch that was transferred away, or ended because the report
# was false, was nobody's to finish.
_NOT_ANYBODYS = frozenset({"transferred", "false_report"})


def _due_stretches(case: Case, window: Window) -> list[tuple[Stretch, datetime, str]]:
    """The stretches that came due in the period, with their limit as of its end and how they stood then."""
    if window.last is case:
        return window.due
    start, end = window.period.start, window.period.end
    found = []
    for stretch in case.disposals:
        due = stretch.due_as_of(end)
        if not start <= due < end:
            continue
        if stretch.ending in _NOT_ANYBODYS and stretch.ended_at is not None and stretch.ended_at < end:
            continue
        found.append((stretch, due, _verdict(stretch, due, end)))
    window.last, window.due = case, found
    return found


def _item_of(stretch: Stretch, at: datetime, due: datetime, end: datetime) -> Item:
    done = stretch.ended_at if stretch.ended_at is not None and stretch.ended_at < end else None
    return Item(at, stretch.district, stretch.department, due_at=due, done_at=done, note=stretch.task)


def _due(case: Case, window: Window) -> Iterator[Item]:
    for stretch, due, _ in _due_stretches(case, window):
        yield _item_of(stretch, due, due, window.period.end)


_ON_TIME, _LATE, _NOT_DISPOSED = "on_time", "late", "not_disposed"


def _verdict(stretch: Stretch, due: datetime, end: datetime) -> str:
    """How a stretch that was due stood at the period's end; a filing that was given up was not disposed of (INT-8)."""
    given_up = stretch.given_up_at is not None and stretch.given_up_at < end
    if given_up or stretch.ended_at is None or stretch.ended_at >= end:
        return _NOT_DISPOSED
    return _ON_TIME if stretch.ended_at <= due else _LATE


def _due_and(wanted: str) -> Count:
    def count(case: Case, window: Window) -> Iterator[Item]:
        for stretch, due, verdict in _due_stretches(case, window):
            if verdict == wanted:
                yield _item_of(stretch, due, due, window.period.end)

    return count


def _disposed(case: Case, window: Window) -> Iterator[Item]:
    for stretch in case.disposals:
        if stretch.ending == "disposed" and stretch.ended_at is not None and window.period.holds(stretch.ended_at):
            due = stretch.due_as_of(stretch.ended_at)
            yield _item_of(stretch, stretch.ended_at, due, window.period.end)


def _cases_disposed(case: Case, window: Window) -> Iterator[Item]:
    last = None
    for item in _disposed(case, window):
        last = item
    if last is not None:
        yield last


def _disposed_of_before(case: Case, window: Window) -> Iterator[Item]:
    for item in _disposed(case, window):
        if item.due_at is not None and item.due_at < window.period.start:
            yield item


def _rework(case: Case, window: Window) -> Iterator[Item]:
    for stretch in case.disposals:
        if stretch.rework and window.period.holds(stretch.started_at):
            yield Item(stretch.started_at, stretch.district, stretch.department, note=stretch.task)


def _extended(case: Case, window: Window) -> Iterator[Item]:
    for stretch in case.disposals:
        for granted, due in stretch.extensions:
            if window.period.holds(granted):
                yield Item(granted, stretch.district, stretch.department, due_at=due, note=stretch.task)


def _transferred_on(case: Case, window: Window) -> Iterator[Item]:
    for stretch in case.disposals:
        if stretch.ending == "transferred" and stretch.ended_at is not None and window.period.holds(stretch.ended_at):
            yield Item(stretch.ended_at, stretch.district, stretch.department, note=stretch.task)


def _last_place(case: Case, moment: datetime) -> tuple[str, str]:
    """The place that had the case in disposal last before a moment; its own district where nobody had."""
    last = next((stretch for stretch in reversed(case.disposals) if stretch.started_at <= moment), None)
    return (case.district, "") if last is None else (last.district, last.department)


def _verified(case: Case, window: Window) -> Iterator[Item]:
    for verification in case.verifications:
        if window.period.holds(verification.at):
            yield Item(verification.at, *_last_place(case, verification.at), note="" if verification.passed else "✗")


def _verified_in_time(case: Case, window: Window) -> Iterator[Item]:
    for verification in case.verifications:
        if verification.asked_at is not None and window.period.holds(verification.at):
            due = window.deadline("verification", case, verification.asked_at)
            if verification.at <= due:
                place = _last_place(case, verification.at)
                yield Item(verification.at, *place, due_at=due, done_at=verification.at)


def _not_passed(case: Case, window: Window) -> Iterator[Item]:
    for verification in case.verifications:
        if not verification.passed and window.period.holds(verification.at):
            yield Item(verification.at, *_last_place(case, verification.at))


def _rejected(case: Case, window: Window) -> Iterator[Item]:
    for at in case.rejections:
        if window.period.holds(at):
            yield Item(at, *_last_place(case, at))


def _closed(case: Case, window: Window) -> Iterator[Item]:
    if case.closing == "normal" and case.closed_at is not None and window.period.holds(case.closed_at):
        yield Item(case.closed_at, *_last_place(case, case.closed_at))


def _closed_as_false(case: Case, window: Window) -> Iterator[Item]:
    if case.closing == "false_report" and case.closed_at is not None and window.period.holds(case.closed_at):
        yield Item(case.closed_at, *_last_place(case, case.closed_at))


def _withdrawn(case: Case, window: Window) -> Iterator[Item]:
    if case.withdrawn_at is not None and window.period.holds(case.withdrawn_at):
        yield Item(case.withdrawn_at, case.district)


def _closing_due(case: Case, window: Window) -> Iterator[Item]:
    """The last stretch that was due, once a case."""
    last = None
    for stretch, due, _ in _due_stretches(case, window):
        last = _item_of(stretch, due, due, window.period.end)
    if last is not None:
        yield last


def _due_and_closed(case: Case, window: Window) -> Iterator[Item]:
    if case.closing == "normal" and case.closed_at is not None and case.closed_at < window.period.end:
        yield from _closing_due(case, window)


def _due_and_closed_on_time(case: Case, window: Window) -> Iterator[Item]:
    for item in _due_and_closed(case, window):
        if item.done_at is not None and item.due_at is not None and item.done_at <= item.due_at:
            yield item


def _open_at(case: Case, moment: datetime) -> bool:
    return case.received_at < moment and (case.ended_at is None or case.ended_at >= moment)


def _open_at_start(case: Case, window: Window) -> Iterator[Item]:
    if _open_at(case, window.period.start):
        yield Item(window.period.start, case.district)


def _open_at_end(case: Case, window: Window) -> Iterator[Item]:
    if _open_at(case, window.period.end):
        yield Item(window.period.end, case.district)


def _from(*sources: str) -> Count:
    def count(case: Case, window: Window) -> Iterator[Item]:
        if case.source in sources:
            yield from _received(case, window)

    return count


INDICATORS: dict[str, Indicator] = {
    row.id: row
    for row in (
        Indicator("received", "接收", "received", "期内进入城管平台的案卷", "cases that came into the urban platform in the period", "ours", _received),
        Indicator("transferred_in", "移交接收", "transferred in", "期内由网格平台移交进来的案卷,以移交时间为准", "cases handed over by the grid platform in the period, by the moment of the hand-over", "STAT-1, STAT-3", _transferred_in),
        Indicator("by_collector", "监督员上报", "reported by collectors", "期内由采集员上报或城市巡查发现的案卷", "cases that collectors or patrols reported in the period", "MUNI-5", _from("collector", "patrol")),
        Indicator("by_public", "公众举报", "reported by the public", "期内来自热线、网络等公众举报的案卷", "cases from the hotline and other public reports in the period", "MUNI-5", _from("hotline", "public_report")),
        Indicator("filed", "立案", "filed", "期内立案的次数,重新立案另计一次", "filings in the period; a refiling is one more", "MUNI-5", _filed),
        Indicator("first_filed", "首次立案", "first filings", "期内首次立案的案卷", "cases filed for the first time in the period", "ours", _first_filed),
        Indicator("filed_in_time", "及时立案", "filed in time", "期内首次立案且未超过立案时限的案卷", "cases filed for the first time in the period within the limit of filing", "MUNI-5", _filed_in_time),
        Indicator("filed_and_dispatched", "立案派遣", "filed and dispatched", "期内首次派遣出去的立案;退办后再派不另计", "filings that were dispatched for the first time in the period; a dispatch after a return is not one more", "STAT-1", _dispatched),
        Indicator("dispatched_and_returned", "派遣后退办", "dispatched and returned", "期内首次派遣、期末前同意退办的立案", "filings dispatched for the first time in the period and returned by its end", "ours", _dispatched_and_returned),
        Indicator("dispatched_in_time", "及时派遣", "dispatched in time", "立案后未超过派遣时限即派遣的立案", "filings that were dispatched within the limit of dispatch after they were filed", "MUNI-5", _dispatched_in_time),
        Indicator("declined", "审核不通过(不予立案)", "review not passed (declined)", "期内不予立案的案卷", "cases of which filing was declined in the period", "STAT-1", _declined),
        Indicator("returned", "区退办同意", "district returns granted", "期内同意的区退办次数", "returns of districts that were granted in the period", "STAT-1", _returned),
        Indicator("due", "应处置", "due", "期内处置到期的处置段;转给他处、举报不属实的不算", "stretches of disposal that came due in the period; not those transferred elsewhere or proved false", "STAT-2, EXC-5", _due),
        Indicator("on_time", "按期处置", "on time", "应处置中未超过时限处置完的", "of those due, disposed of not after the limit", "STAT-2", _due_and(_ON_TIME)),
        Indicator("late", "超期处置", "late", "应处置中超过时限、期末前处置完的", "of those due, disposed of after the limit and before the period's end", "STAT-2", _due_and(_LATE)),
        Indicator("not_disposed", "未处置", "not disposed", "应处置中期末仍未处置完的,或因超限驳回计为超时未处置的", "of those due, not disposed of at the period's end, or given up as overdue-not-disposed", "STAT-2, INT-8", _due_and(_NOT_DISPOSED)),
        Indicator("disposed", "处置", "disposed", "期内处置完的处置段,不论何时到期", "stretches of disposal that were finished in the period, whenever they were due", "MUNI-5", _disposed),
        Indicator("cases_disposed", "处置案卷", "cases disposed of", "期内处置完过的案卷,一案计一次", "cases of which a disposal was finished in the period, each once", "STAT-3", _cases_disposed),
        Indicator("disposed_of_before", "补处置", "disposed, due before", "期内处置完、期初以前已到期的", "finished in the period though due before it began", "ours", _disposed_of_before),
        Indicator("rework", "返工", "rework", "期内因驳回或核查不通过重新开始的处置段", "stretches of disposal begun anew in the period by a rejection", "STAT-2", _rework),
        Indicator("extended", "延期", "extensions", "期内同意的延期次数", "extensions granted in the period", "STAT-2", _extended),
        Indicator("transferred_on", "转办", "transferred on", "期内由本处转给他处的处置段", "stretches of disposal transferred elsewhere in the period", "EXC-5", _transferred_on),
        Indicator("given_up", "超时未处置立案", "filings given up", "期内因超限驳回计为超时未处置的立案", "filings recorded as overdue-not-disposed in the period", "INT-8", _given_up),
        Indicator("refiled", "重新立案", "refiled", "期内重新立案的次数", "refilings in the period", "INT-8", _refiled),
        Indicator("verified", "核查", "verified", "期内完成的核查次数", "verifications in the period", "MUNI-5", _verified),
        Indicator("verified_in_time", "及时核查", "verified in time", "处置反馈后未超过核查时限完成的核查", "verifications within the limit of verification after the disposal was reported", "MUNI-5", _verified_in_time),
        Indicator("not_passed", "核查不通过", "not passed", "期内核查不通过的次数", "verifications in the period that were not passed", "INT-7", _not_passed),
        Indicator("rejected", "驳回", "rejections", "期内驳回的次数", "rejections in the period", "INT-7", _rejected),
        Indicator("closing_due", "应结案", "due for closing", "期内处置到期的案卷,一案计一次", "cases of which disposal came due in the period, each once", "MUNI-5", _closing_due),
        Indicator("due_and_closed", "应结案中已结", "due and closed", "应结案中期末已正常结案的", "of those due for closing, closed by the period's end", "MUNI-5", _due_and_closed),
        Indicator("due_and_closed_on_time", "按期结案", "due and closed on time", "应结案中已结案且处置未超时限的", "of those closed, disposed of not after the limit", "MUNI-5", _due_and_closed_on_time),
        Indicator("closed", "结案", "closed", "期内处置完并正常结案的案卷", "cases disposed of and closed in the period", "STAT-3", _closed),
        Indicator("closed_as_false", "举报不属实结案", "closed as false reports", "期内以举报不属实结案的案卷", "cases closed as false reports in the period", "EXC-3", _closed_as_false),
        Indicator("withdrawn", "撤回", "withdrawn", "期内由网格平台撤回的案卷", "cases that the grid platform withdrew in the period", "EXC-2", _withdrawn),
        Indicator("open_at_start", "期初在办", "in hand at the start", "期初已进入而未办结的案卷", "cases in hand when the period began", "ours", _open_at_start),
        Indicator("open_at_end", "期末在办", "in hand at the end", "期末已进入而未办结的案卷", "cases in hand when the period ended", "ours", _open_at_end),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """One number over another; where the lower one is 0 there is no value, neither 0 nor 100 %."""

    id: str
    zh: str
    en: str
    over: tuple[str, ...]
    under: tuple[str, ...]
    source: str
    #: Taken away from the upper one.
    less: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The indicators that it is made of."""
        return (*self.over, *self.less, *self.under)

    def of(self, counts: Callable[[str], int]) -> float | None:
        """The rate, from counts by indicator."""
        under = sum(counts(name) for name in self.under)
        if not under:
            return None
        return (sum(counts(name) for name in self.over) - sum(counts(name) for name in self.less)) / under


RATES: dict[str, Rate] = {
    row.id: row
    for row in (
        Rate("filing_rate", "立案率", "filing rate", ("first_filed",), ("first_filed", "declined"), "MUNI-5"),
        Rate("filing_in_time_rate", "及时立案率", "filed in time, rate", ("filed_in_time",), ("first_filed",), "MUNI-5"),
        Rate("dispatch_in_time_rate", "及时派遣率", "dispatched in time, rate", ("dispatched_in_time",), ("filed_and_dispatched",), "MUNI-5"),
        Rate("dispatch_correct_rate", "准确派遣率", "dispatched correctly, rate", ("filed_and_dispatched",), ("filed_and_dispatched",), "ours", ("dispatched_and_returned",)),
        Rate("disposal_rate", "处置率", "disposal rate", ("on_time", "late"), ("due",), "MUNI-5"),
        Rate("disposal_on_time_rate", "按期处置率", "on time, rate", ("on_time",), ("due",), "MUNI-5"),
        Rate("rework_rate", "返工率", "rework rate", ("rework",), ("disposed",), "MUNI-5"),
        Rate("extension_rate", "延期率", "extension rate", ("extended",), ("due",), "STAT-2"),
        Rate("verification_in_time_rate", "及时核查率", "verified in time, rate", ("verified_in_time",), ("verified",), "MUNI-5"),
        Rate("closing_rate", "结案率", "closing rate", ("due_and_closed",), ("closing_due",), "MUNI-5"),
        Rate("closing_on_time_rate", "按期结案率", "closed on time, rate", ("due_and_closed_on_time",), ("closing_due",), "MUNI-5"),
    )
}  # fmt: skip

#: Evaluation counts of the standards that no record of either platform holds; said, not left out in silence.
NOT_KEPT: tuple[tuple[str, str, str, str], ...] = (
    ("有效上报", "valid reports", "案卷中没有上报是否有效的评定", "no record says whether a report was valued as valid"),
    ("应核实、核实", "to be confirmed, confirmed", "公众举报的现场核实不在案卷之内", "confirmations on site before filing are not part of a case's record"),
    ("漏报", "missed reports", "漏报来自抽查,不在案卷之内", "missed reports come from spot checks outside the cases"),
    ("挂账", "suspended", "两平台均无挂账环节", "neither platform has a step of suspension"),
)  # fmt: skip
