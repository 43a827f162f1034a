"""Judges the trace of a run while it grows, and lets go of the cases that are over.

    records ──► by case ──► over: judged with some others, counted, let go
                  └───────► rules that compare cases: the few records that they need, kept to the end

Whoever runs the pair says when a case is over and nothing about it is under way any more. Most rules look at one case alone. Of
those that compare cases, `KEPT_FOR` names the forms that two of them need; the others (unique message ids, pages of queries) look at
the cases that are judged together, and the ids of all messages are compared besides. So what grows is a message id and those
forms for each case; everything else is let go.

What a party says of no case in particular, such as its notices or a work list, is not looked at: nobody asks for it while a city lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Rule, Violation, all_rules
from conformance.oracle.judge import Verdict, verdict
from conformance.oracle.trace import Record, Trace

#: Cases that are judged together.
BATCH = 10
#: Breaches of one clause that are kept one by one.
BREACHES_KEPT = 200
#: The forms, with their receipts, that a rule needs of all cases at once.
KEPT_FOR = {"EXC-1": frozenset({"handOver", "filingResult"}), "INT-2": frozenset({"handOver", "stageProgress"})}

_KEPT_FORMS = frozenset().union(*KEPT_FOR.values())


@dataclass(slots=True)
class _Tally:
    kept: int = 0
    violations: dict[tuple[str, tuple[int, ...]], Violation] = field(default_factory=dict)


class Stream:
    """The judgement of a run that goes on."""

    def __init__(self, profile: Profile):
        self._profile = profile
        self._cases: dict[str, list[Record]] = {}
        #: The case of each call whose answer has not come.
        self._case_of_call: dict[int, str] = {}
        #: The case in which each message id was first seen, and the record.
        self._owner_of_id: dict[str, tuple[str, int]] = {}
        #: Records about the whole run, such as restarts, which belong to every case.
        self._shared: list[Record] = []
        self._over: list[str] = []
        self._gone: set[str] = set()
        self._kept: list[Record] = []
        self._kept_calls: set[int] = set()
        self._tallies = {rule.clause: _Tally() for rule in all_rules()}
        self._at_the_end = [rule for rule in all_rules() if rule.clause in KEPT_FOR]
        self._in_batches = [rule for rule in all_rules() if rule.clause not in KEPT_FOR]
        #: Records about cases that had been let go: nobody judges them.
        self.heard_after_the_end = 0

    def add(self, record: Record) -> None:
        """Take in the next record."""
        kind = record["type"]
        if kind == "answer":
            number = self._case_of_call.pop(record["call"], None)
        elif kind == "act":
            number = record["params"].get("case") or (record.get("result") or {}).get("case")
        elif kind == "fact":
            number = record["params"].get("case")
        else:
            number = record.get("case_number")
        if kind == "call" and number is not None:
            self._case_of_call[record["call"]] = number
            self._compare_id(record, number)
            if record["form_type"] in _KEPT_FORMS:
                self._kept_calls.add(record["call"])
                self._kept.append(record)
        elif kind == "answer" and record["call"] in self._kept_calls:
            self._kept_calls.discard(record["call"])
            self._kept.append(record)
        if number is None:
            if kind == "restart":
                self._shared.append(record)
            return
        if number in self._gone:
            self.heard_after_the_end += 1
            return
        self._cases.setdefault(number, []).append(record)

    def _compare_id(self, call: Record, number: str) -> None:
        """A message id belongs to one case, however far apart two cases end (XCHG-1)."""
        owner, n = self._owner_of_id.setdefault(str(call.get("message_id")), (number, _number(call)))
        if owner != number and not call.get("injected"):
            message_id = call["message_id"]
            breach = Violation(
                f"报文标识 {message_id} 用于案卷 {owner} 与 {number}",
                f"message id {message_id} stands over messages of case {owner} and of {number}",
                (n, _number(call)),
                str(call.get("from")),
            )
            self._tallies["XCHG-1"].violations[breach.zh, breach.records] = breach

    def finish(self, number: str) -> None:
        """A case is over and quiet; it is judged with the next batch and let go."""
        self._over.append(number)
        if len(self._over) >= BATCH:
            self._judge_over(at_rest=True)

    def verdicts(self, *, at_rest: bool) -> tuple[Verdict, ...]:
        """Judge what is left, and say what everything comes to, in the order of the clauses' ids."""
        self._judge_over(at_rest=at_rest)
        self._over = list(self._cases)
        self._judge_over(at_rest=at_rest)
        self._judge(self._at_the_end, self._kept, at_rest=at_rest)
        return tuple(
            verdict(rule, self._tallies[rule.clause].violations.values(), kept_before=self._tallies[rule.clause].kept)
            for rule in all_rules()
        )

    def _judge_over(self, *, at_rest: bool) -> None:
        records = [record for number in self._over for record in self._cases.pop(number, ())]
        self._gone.update(self._over)
        self._over = []
        if records:
            first = min(record["n"] for record in records)
            records += [record for record in self._shared if record["n"] > first]
            records.sort(key=_number)
            self._judge(self._in_batches, records, at_rest=at_rest)

    def _judge(self, rules: Iterable[Rule], records: list[Record], *, at_rest: bool) -> None:
        trace = Trace(records, at_rest=at_rest)
        for rule in rules:
            tally = self._tallies[rule.clause]
            for found in rule.read(trace, self._profile):
                if not isinstance(found, Violation):
                    tally.kept += 1
                elif len(tally.violations) < BREACHES_KEPT:
                    tally.violations[found.zh, found.records] = found


def _number(record: Record) -> int:
    return int(record["n"])
