"""GEN-1: cases come from many sources, and the hand-over says which."""

from collections.abc import Iterator

from bridge.vocabulary.codes import CaseSource
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Trace

_SOURCES = {source.value for source in CaseSource}


@clause(
    "GEN-1",
    zh="案卷来源不限于网格员,移交时写明来源",
    en="cases come from more sources than workers, and the hand-over names the source it was reported under",
    needs=Needs.MESSAGE,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Compares the source on the form with the one that was reported."""
    reported = {a.case_number: a for a in trace.acts("worker.report") if a.done}
    for sending in trace.sendings():
        if sending.form_type != "handOver":
            continue
        source = sending.form.get("source")
        act = reported.get(sending.case_number)
        said = act.params.get("source") if act else None
        if source not in _SOURCES or (said is not None and said != source):
            yield Violation(
                f"来源写成 {source},上报时为 {said}",
                f"the source is given as {source} but was reported as {said}",
                (sending.n,),
                sending.sender,
            )
        else:
            yield Seen((sending.n,))
