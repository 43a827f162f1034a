"""A check: a scenario in which one party is the system under test, and what its reader needs to know of it.

    id        permanent, such as `RCPT-3-04/urban`: the clause it is filed under, a number, whom it judges
    sent      what happens in it, step by step
    must      what must come of it
    why       the clause in a sentence
    fix       where to look first when it fails

What is sent and what must come of it is told from the steps themselves, so it never says anything else than what is played.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from bridge.vocabulary.parties import Party
from conformance.checks.remedies import remedy
from conformance.clauses import clauses
from conformance.scenario import given
from conformance.scenario.steps import Scenario, Step, Wiring
from conformance.scenario.wording import Wording
from conformance.scenario.words import acts

#: A day, or a month, of the calendar.
_DAY = re.compile(r"20[0-9]{2}-?[01][0-9]")

#: Begins the ids of scenarios that are no checks of the suite and are played as if they were.
OWN = "own/"

#: Questions that the runner puts to a party for the words that look at it.
_ASKED = {
    "expect.notice": "notices",
    "expect.worklist": "worklist",
    "expect.parked": "parked",
    "expect.kept": "receipts_kept",
    "remember": "case",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a system under test must be able to do for a check, beside talking SOAP."""

    #: Acts of its people, such as `operator.file`.
    acts: frozenset[str] = frozenset()
    #: Questions about its own state that expectations turn on, such as `case`.
    asks: frozenset[str] = frozenset()
    #: Settings of the integration profile that it must run with, as they are written in the scenario.
    settings: tuple[tuple[str, object], ...] = ()
    #: True when the clock is moved.
    clock: bool = False
    #: True when it is stopped and started again.
    restart: bool = False
    #: True when the story speaks of days of the calendar or of totals, so that nothing may have been before it.
    fresh: bool = False


@dataclass(frozen=True)
class Check:
    """One scenario that judges one party."""

    scenario: Scenario
    judges: Party
    #: The family that made the scenario; None when it is a file.
    family: str | None = None

    @property
    def id(self) -> str:
        """The permanent id."""
        mark = self.scenario.check
        if mark is None:
            raise ValueError(f"scenario {self.scenario.id} is not marked as a check")
        return f"{mark.id}/{self.judges}"

    @property
    def clause(self) -> str:
        """The clause that the check is filed under; the first that it names when it is a user's own."""
        if self.is_own:
            return self.scenario.clauses[0]
        return self.id.rpartition("/")[0].rpartition("-")[0]

    @property
    def is_own(self) -> bool:
        """True for a scenario file of the user's own."""
        return self.id.startswith(OWN)

    @property
    def wiring(self) -> Wiring:
        """A bridge is judged between the suite's two platforms, a platform facing the suite's other one."""
        return Wiring.BRIDGED if self.judges is Party.BRIDGE else Wiring.DIRECT

    def title(self, language: str) -> str:
        """What the check is called."""
        return self.scenario.title(language)

    def sent(self, language: str) -> tuple[str, ...]:
        """What happens, step by step."""
        said = Wording(language)
        told = tuple(said.step(step) for step in self.scenario.steps if not step.word.name.startswith("expect"))
        return told or (said.pick("不做任何事,只查看系统的账册", "nothing; the system's books are looked at"),)

    def must(self, language: str) -> tuple[str, ...]:
        """What must come of it: the expectations, then that every clause of the oracle is kept."""
        said = Wording(language)
        told = [said.step(step) for step in self.scenario.steps if _looks(step)]
        named = said.pick("、", ", ").join(self.scenario.clauses)
        return (
            *told,
            said.pick(f"报文轨迹符合 {named} 及其他全部条款", f"the messages keep {named} and every other clause"),
        )

    def why(self, language: str) -> str:
        """The clause in a sentence."""
        return clauses()[self.clause].sentence(language)

    def fix(self, language: str) -> str:
        """Where to look first when the check fails."""
        return remedy(self.clause, self.judges, language)

    @cached_property
    def needs(self) -> Needs:
        """What the system under test must be able to do."""
        party = self.judges
        steps = self.scenario.steps
        return Needs(
            acts=frozenset[str]().union(*(_acts(step, self.scenario, party) for step in steps)),
            asks=frozenset[str]().union(*(_asks(step, party) for step in steps)),
            settings=tuple((key, value) for key, value in self.scenario.settings.items() if _is_for(key, party)),
            clock=any(step.word.name == "clock.advance" for step in steps),
            restart=any(_restarts(step, party) for step in steps),
            fresh=any(_speaks_of_days(step) or _counts_totals(step, party) for step in steps),
        )

    def matches(self, patterns: Iterable[str]) -> bool:
        """Whether the check is meant by one of these: an id, a clause, a folder of scenarios, or a pattern of any of them."""
        known = (
            self.id,
            self.id.rpartition("/")[0],
            self.clause,
            *self.scenario.clauses,
            self.scenario.id,
            self.scenario.id.partition("/")[0],
        )
        return any(fnmatchcase(name, pattern) for pattern in patterns for name in known)


def _looks(step: Step) -> bool:
    return step.word.name.startswith("expect") or step.inner is not None


def _acts(step: Step, scenario: Scenario, party: Party) -> set[str]:
    """The acts of this party's people that a step asks for."""
    known = acts()
    if step.word.name == "given":
        names = {"worker.report", *(name for name, _ in given.acts_to(step.params, scenario.profile.choices))}
    else:
        names = {step.act.name} if step.act.is_act else set()
    return {name for name in names if known[name].party == party}


def _asks(step: Step, party: Party) -> set[str]:
    """The questions that a step puts to this party."""
    word, params = step.word.name, step.params
    if word == "expect":
        return {"case"} if party.value in params else set()
    if params.get("party") != party:
        return set()
    if word in ("expect.count", "expect.answer"):
        return {str(params.get("of", params.get("ask")))}
    return {_ASKED[word]} if word in _ASKED else set()


def _restarts(step: Step, party: Party) -> bool:
    if step.word.name == "party.restart":
        return step.params.get("party") == party
    # The receiver of the form or receipt stops; which party that is, only the run tells.
    return step.word.name == "network.crash"


def _speaks_of_days(step: Step) -> bool:
    return _DAY.search(json.dumps((step.inner or step).params, default=str)) is not None


def _counts_totals(step: Step, party: Party) -> bool:
    """Whether a step counts what this party has in all, and not for one case."""
    params = step.params
    if step.word.name not in ("expect.count", "expect.answer", "expect.notice") or params.get("party") != party:
        return False
    return not any("case" in each for each in (params, params.get("where", {}), params.get("params", {})))


def _is_for(setting: str, party: Party) -> bool:
    """Whether a setting is one that this party must run with; how another party gives receipts is not its matter."""
    section = setting.partition(".")[0]
    return section not in set(Party) or section == party
