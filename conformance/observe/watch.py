"""Judges while the traffic passes: what is new about a case is judged soon, and what is at rest is let go.

Most rules look at one case alone. A case is judged again when something was said about it, so that a message costs as much as its own
case is long, whatever passed before. Rules that compare cases look at the last `ACROSS_RECORDS` records, and take a small share of the
time at the most. A case that has come to its end and fallen silent is judged a last time and let go; so is the one that was silent for
the longest, when too many are being followed. About a case that was let go nothing more is said: whoever wants all of it, judges the trace.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bridge.vocabulary.profile import Profile
from conformance.observe.codes import Codes
from conformance.oracle.clause import Needs, Rule, Violation, all_rules
from conformance.oracle.extent import Extents
from conformance.oracle.judge import Verdict, verdict
from conformance.oracle.rules.rcpt_1 import patience
from conformance.oracle.trace import Outcome, Record, Recording, Trace, cases_of, when

#: Records of all followed cases together; beyond it the longest silent are let go.
FOLLOWED_RECORDS = 60_000
#: Records that rules look at which compare cases.
ACROSS_RECORDS = 20_000
#: A case longer than this is judged only when it has grown by a quarter.
LONG_CASE = 400
#: Rules that compare cases rest for so many times as long as they took.
ACROSS_RESTS = 20
#: Breaches of one clause that are told and kept one by one; who breaks it more often than that is known for it.
BREACHES_KEPT = 1_000
#: Cases that were let go and are remembered, so that a late word about one is not taken for its beginning.
REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Breach:
    """A clause was broken just now."""

    rule: Rule
    violation: Violation


@dataclass(slots=True)
class _Case:
    records: list[Record] = field(default_factory=list)
    calls: set[int] = field(default_factory=set)
    last_at: datetime | None = None
    #: How many records had been there when it was last judged, and whether it had fallen silent by then.
    judged: int = 0
    judged_at_rest: bool = False
    closed: bool = False
    found: dict[str, tuple[int, tuple[Violation, ...]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    kept: int = 0
    violations: dict[tuple[str, tuple[int, ...]], Violation] = field(default_factory=dict)


class Watch:
    """The judgement of a recording that is still going on."""

    def __init__(self, profile: Profile, hops: Iterable[tuple[str, str]], *, own_codes: bool = True):
        self._profile = profile
        #: With a profile that is not the city's own, the codes by which messages call the platforms.
        self._codes: Codes | None = None if own_codes else Codes()
        self._hops = frozenset(hops)
        self._quiet_after = patience(profile, 1)
        rules = [rule for rule in all_rules() if rule.needs is not Needs.PARTIES]
        self._of_one_case = [rule for rule in rules if not rule.across_cases]
        self._across = [rule for rule in rules if rule.across_cases]
        self._cases: OrderedDict[str, _Case] = OrderedDict()
        self._records = 0
        self._dirty: dict[str, None] = {}
        #: Of each call whose answer is to come, the cases that it belongs to.
        self._cases_of_call: dict[int, tuple[str, ...]] = {}
        self._case_of_form: OrderedDict[str, str] = OrderedDict()
        self._let_go: OrderedDict[str, None] = OrderedDict()
        self._tallies: dict[str, _Tally] = {rule.clause: _Tally() for rule in rules}
        self._told: dict[str, set[tuple[str, tuple[int, ...]]]] = {rule.clause: set() for rule in rules}
        self._recent: deque[Record] = deque(maxlen=ACROSS_RECORDS)
        self._across_until = 0
        self._across_due = 0.0
        #: Cases about which something was said after they were let go.
        self.heard_after_the_end = 0
        #: Cases that were let go before they came to their end.
        self.let_go_early = 0

    # -- what passes --

    def add(self, record: Record) -> None:
        """Take in the next record."""
        self._recent.append(record)
        kind = record.get("type")
        if kind == "call":
            self._add_call(record)
            if self._codes is not None:
                self._codes.add(record)
        elif kind == "answer":
            self._add_answer(record)
        elif kind == "unread":
            # It may have been about any of those that are under way.
            for number in self._cases:
                self._put(number, record)

    def _add_call(self, call: Record) -> None:
        numbers = cases_of(call)
        receipt = call.get("receipt") or {}
        if form_id := receipt.get("formMessageId"):
            answered = self._case_of_form.get(str(form_id))
            numbers += [answered] if answered and answered not in numbers else []
        elif numbers and call.get("message_id"):
            self._case_of_form[str(call["message_id"])] = numbers[0]
            while len(self._case_of_form) > FOLLOWED_RECORDS:
                self._case_of_form.popitem(last=False)
        followed = tuple(number for number in numbers if not self._is_gone(number))
        self._cases_of_call[int(call["call"])] = followed
        for number in followed:
            self._put(number, call)

    def _add_answer(self, answer: Record) -> None:
        call = int(answer["call"])
        for number in self._cases_of_call.pop(call, ()):
            self._put(number, answer)
        if answer.get("outcome") != Outcome.PAGE.value:
            return
        # A page shows cases: with it, and the query that it answers, begins what is known of them.
        query = next((r for r in reversed(self._recent) if r.get("type") == "call" and r.get("call") == call), None)
        for shown in answer.get("cases") or []:
            number = str(shown.get("caseNumber"))
            if query is not None and not self._is_gone(number):
                self._put(number, query)
                self._put(number, answer)

    def _put(self, number: str, record: Record) -> None:
        case = self._cases.setdefault(number, _Case())
        case.records.append(record)
        self._records += 1
        if record.get("type") == "unread":
            return
        case.last_at = when(record)
        case.closed = case.closed or _ends(record)
        self._cases.move_to_end(number)
        self._dirty[number] = None

    def _is_gone(self, number: str) -> bool:
        if number in self._let_go:
            self.heard_after_the_end += 1
            return True
        return False

    # -- judging --

    def judge_new(self, now: datetime, *, everything: bool = False) -> list[Breach]:
        """Judge what has changed; gives the breaches that had not been seen before."""
        breaches: list[Breach] = []
        for number in list(self._dirty):
            case = self._cases[number]
            if everything or len(case.records) < LONG_CASE or len(case.records) >= case.judged * 5 // 4:
                del self._dirty[number]
                breaches += self._judge_case(case, now)
        breaches += self._judge_silent(now, everything=everything)
        if everything or time.monotonic() >= self._across_due:
            breaches += self._judge_across(now)
        return breaches

    def _judge_silent(self, now: datetime, *, everything: bool) -> list[Breach]:
        """Judge the cases that have fallen silent, and let go those that are at their end or too many."""
        breaches: list[Breach] = []
        for number, case in list(self._cases.items()):
            silent = case.last_at is not None and now - case.last_at > self._quiet_after
            if not silent and not everything and self._records <= FOLLOWED_RECORDS:
                break
            if silent and not case.judged_at_rest:
                case.judged_at_rest = True
                breaches += self._judge_case(case, now)
            if silent and case.closed:
                self._release(number)
            elif self._records > FOLLOWED_RECORDS:
                self.let_go_early += 1
                breaches += self._judge_case(case, now)
                self._release(number)
        return breaches

    def _release(self, number: str) -> None:
        case = self._cases.pop(number)
        self._records -= len(case.records)
        self._dirty.pop(number, None)
        for clause_id, (kept, violations) in case.found.items():
            self._take(clause_id, kept, violations)
        self._let_go[number] = None
        while len(self._let_go) > REMEMBERED:
            self._let_go.popitem(last=False)

    def _take(self, clause_id: str, kept: int, violations: Iterable[Violation]) -> None:
        tally = self._tallies[clause_id]
        tally.kept += kept
        for violation in violations:
            if len(tally.violations) < BREACHES_KEPT:
                tally.violations[violation.zh, violation.records] = violation

    def _judge_case(self, case: _Case, now: datetime) -> list[Breach]:
        case.judged = len(case.records)
        extents = Extents(self._trace(case.records, now))
        case.found = {}
        breaches: list[Breach] = []
        for rule in self._of_one_case:
            found = verdict(rule, rule.read(extents.for_rule(rule), self._profile))
            if found.kept or found.violations:
                case.found[rule.clause] = found.kept, found.violations
            breaches += self._not_told_yet(rule, found.violations)
        return breaches

    def _judge_across(self, now: datetime) -> list[Breach]:
        newest = int(self._recent[-1]["n"]) if self._recent else 0
        if newest == self._across_until:
            return []
        began = time.monotonic()
        if self._codes is not None:
            self._profile = self._codes.put_into(self._profile)
        extents = Extents(self._trace(list(self._recent), now))
        breaches: list[Breach] = []
        for rule in self._across:
            findings = list(rule.read(extents.for_rule(rule), self._profile))
            # What rests on old records alone was counted before.
            fresh = [f for f in findings if max(f.records, default=newest) > self._across_until]
            found = verdict(rule, fresh)
            self._take(rule.clause, found.kept, found.violations)
            breaches += self._not_told_yet(rule, found.violations)
        self._across_until = newest
        self._across_due = time.monotonic() + ACROSS_RESTS * (time.monotonic() - began)
        return breaches

    def _trace(self, records: list[Record], now: datetime) -> Trace:
        recording = Recording(hops=self._hops, until=now, quiet_after=self._quiet_after)
        return Trace(records, at_rest=False, recording=recording)

    def _not_told_yet(self, rule: Rule, violations: Iterable[Violation]) -> list[Breach]:
        fresh: list[Breach] = []
        told = self._told[rule.clause]
        for violation in violations:
            key = violation.zh, violation.records
            if key not in told and len(told) < BREACHES_KEPT:
                told.add(key)
                fresh.append(Breach(rule, violation))
        return fresh

    # -- what it comes to --

    @property
    def following(self) -> int:
        """How many cases are being followed."""
        return len(self._cases)

    def verdicts(self) -> tuple[Verdict, ...]:
        """What everything comes to so far, in the order of the clauses' ids."""
        totals = {clause_id: _Tally(tally.kept, dict(tally.violations)) for clause_id, tally in self._tallies.items()}
        for case in self._cases.values():
            for clause_id, (kept, violations) in case.found.items():
                totals[clause_id].kept += kept
                totals[clause_id].violations |= {(v.zh, v.records): v for v in violations}
        return tuple(
            verdict(rule, totals[rule.clause].violations.values(), kept_before=totals[rule.clause].kept)
            if rule.clause in totals
            else verdict(rule, ())
            for rule in all_rules()
        )


def _ends(record: Record) -> bool:
    """Tell whether a record is about the end of a case: closed, declined, or taken back."""
    form = record.get("form") or {}
    declined = record.get("form_type") == "filingResult" and form.get("outcome") == "declined"
    return declined or record.get("form_type") in ("closing", "withdrawal")
