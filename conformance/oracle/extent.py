"""How much of a recording each rule may be asked about.

A recording begins and ends whenever somebody pressed a button, and may lack a direction or a hop. Read like the trace of a run it
would accuse the innocent: of a dispatch without a filing that went before it, of receipts that nobody listened for. So a
rule is shown only what it can be trusted with (`Needs`); the trace of a run is shown whole. A case that was under way when
something passed that nobody could read may lack just that, and is kept from the rules that ask for what is missing.
"""

from datetime import datetime
from functools import cached_property

from conformance.oracle.clause import Needs, Rule
from conformance.oracle.trace import Record, Trace, cases_of, when


class Extents:
    """The parts of one trace, each made when a rule first needs it."""

    def __init__(self, trace: Trace):
        self._trace = trace
        if trace.recording is not None and trace.of_type("unread"):
            # What people did, and what parties say of it, cannot be held against messages of which some are missing, or the reverse.
            kept = [record for record in trace if record.get("type") in ("call", "answer", "unread")]
            self._trace = Trace(kept, at_rest=trace.at_rest, recording=trace.recording)

    def for_rule(self, rule: Rule) -> Trace:
        """What this rule is shown."""
        if self._trace.recording is None or rule.needs in (Needs.MESSAGE, Needs.PARTIES):
            return self._trace
        return self._heard_both_ways if rule.needs is Needs.HOP else self._from_the_hand_over

    @cached_property
    def _heard_both_ways(self) -> Trace:
        hops = self._trace.recording.hops if self._trace.recording else frozenset()
        return self._only(
            {
                call["call"]
                for call in self._trace.of_type("call")
                if _hop(call)[::-1] in hops and self.torn.isdisjoint(cases_of(call))
            }
        )

    @cached_property
    def torn(self) -> frozenset[str]:
        """The cases that were under way when something passed that could not be read."""
        holes = [when(r) if r.get("placed", True) and "at" in r else None for r in self._trace.of_type("unread")]
        if not holes or self._trace.recording is None:
            return frozenset()
        spans: dict[str, tuple[datetime, datetime]] = {}
        for call in self._trace.of_type("call"):
            for number in cases_of(call):
                first, _ = spans.get(number, (when(call), when(call)))
                spans[number] = first, when(call)
        return frozenset(
            number
            for number, (first, last) in spans.items()
            if any(hole is None or first <= hole <= last for hole in holes)
        )

    @cached_property
    def begun_before(self) -> frozenset[str]:
        """The cases whose hand-over is not on record, on any hop."""
        if self._trace.recording is None:
            return frozenset()
        known = {number for _, number in self._whole}
        return frozenset(number for _, number, _ in self._heard_both_ways.strands() if number not in known)

    @cached_property
    def _whole(self) -> set[tuple[str, str]]:
        """The cases that were followed from their hand-over on, hop by hop."""
        heard = self._heard_both_ways
        shown = heard.shown()
        return {
            (link, number)
            for link, number, forms in heard.strands()
            if forms[0].form_type == "handOver" or number in shown
        }

    @cached_property
    def _from_the_hand_over(self) -> Trace:
        heard, whole = self._heard_both_ways, self._whole
        return self._only({call["call"] for call in heard.of_type("call") if _belongs(call, whole)})

    def _only(self, calls: set[int]) -> Trace:
        kept = [record for record in self._trace if "call" not in record or record["call"] in calls]
        return Trace(kept, at_rest=self._trace.at_rest, recording=self._trace.recording)


def _belongs(call: Record, whole: set[tuple[str, str]]) -> bool:
    link = "-".join(sorted(_hop(call)))
    numbers = cases_of(call)
    return not numbers or any((link, number) in whole for number in numbers)


def _hop(call: Record) -> tuple[str, str]:
    return str(call.get("from", "")), str(call.get("to", ""))
