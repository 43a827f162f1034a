"""GRID-5: the grid side's own loop closes only what was verified as handled."""

from collections.abc import Iterator

from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Act, Trace

_LOOP = ("dispatcher.accept", "dispatcher.dispatch", "handler.handle", "worker.verify", "dispatcher.close")


@clause(
    "GRID-5",
    zh="网格平台自有闭环:上报、受理、派遣、处理、核查、结案;核查未处理的退回处理",
    en="the own loop runs report, accept, dispatch, handle, verify, close; what was not handled goes back to handling",
    needs=Needs.PARTIES,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Each act of the loop needs the one before it; a failed verification needs another handling."""
    done: dict[str, list[Act]] = {}
    for act in trace.acts(*_LOOP):
        if not act.done or act.case_number is None:
            continue
        earlier = done.setdefault(act.case_number, [])
        missing = _missing(act, earlier)
        if missing:
            yield Violation(
                f"{act.name} 之前没有 {missing}", f"{act.name} came without {missing} before it", (act.n,), "grid"
            )
        elif act.name == "dispatcher.close":
            yield Seen((act.n,))
        earlier.append(act)


def _missing(act: Act, earlier: list[Act]) -> str | None:
    names = [a.name for a in earlier]
    if act.name == "dispatcher.dispatch" and "dispatcher.accept" not in names:
        return "dispatcher.accept"
    if act.name == "handler.handle" and "dispatcher.dispatch" not in names:
        return "dispatcher.dispatch"
    if act.name == "dispatcher.close":
        last = earlier[-1] if earlier else None
        if last is None or last.name != "worker.verify" or last.params.get("outcome") != "passed":
            return "worker.verify passed"
    return None
