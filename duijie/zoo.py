"""The kill matrix: every member of the zoo against every scenario, and what finds it out.

A member is *killed* by a run that ends with an unmet expectation or a broken clause, where the right parties pass; the kill counts
for its clause when the scenario names the clause, or the oracle's verdict does. A run in which the stage itself broke proves
nothing: it is *unjudged*, and somebody must look into it.

`python -m duijie.zoo docs/zoo.md` plays everything on two processes and writes the page; `tox -e zoo` keeps it current.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from types import CodeType

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks, made_from_rules
from conformance.checks.check import Check
from conformance.clauses import clauses
from conformance.scenario.events import Outcome, Run
from conformance.scenario.load import find_files, load_scenario
from conformance.scenario.runner import play
from conformance.scenario.stage import Stage
from conformance.scenario.steps import Scenario, Wiring
from conformance.zoo import Member, members
from conformance.zoo.bases import WrongBridge
from duijie.cast import RIGHT, Cast
from duijie.library import library_folder
from duijie.virtual import VirtualStage

#: Processes that play; the page says what it takes on two cores.
WORKERS = 2
#: The first prove the runner, not a pair; the others each guard against one fault that was found and mended.
_NOT_STORIES = ("selftest", "regressions")
#: Names of scenarios in one cell of the page; the rest is a number.
_NAMED_MAX = 3


@cache
def stories() -> tuple[Scenario, ...]:
    """The scenario library without the runner's own selftests and the regressions, and what families of checks make from their rules."""
    root = library_folder()
    files = (
        load_scenario(path, root) for path in find_files([root]) if path.relative_to(root).parts[0] not in _NOT_STORIES
    )
    return (*files, *(scenario for scenario, _ in made_from_rules()))


def cast_with(member: Member) -> Cast:
    """The right pair, with the member in its place."""
    return RIGHT.with_part(member.party, member.make)


def wirings_for(member: Member, scenario: Scenario) -> tuple[Wiring, ...]:
    """The wirings of a scenario in which the member has a part at all."""
    return tuple(w for w in scenario.wirings if member.party is not Party.BRIDGE or w is Wiring.BRIDGED)


class Result(StrEnum):
    """What a run says of the member in it."""

    #: Nothing was found.
    SURVIVED = "survived"
    #: An expectation was not met or a clause was broken.
    KILLED = "killed"
    #: The stage itself broke.
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One member in one scenario, in one wiring."""

    member: str
    scenario: str
    wiring: Wiring
    result: Result
    #: True when the scenario or the oracle's verdict names the clause that the member breaks.
    named: bool
    #: What went wrong, in English; for people who look into it.
    detail: str


def meet(member: Member, scenario: Scenario, wiring: Wiring, stage: Callable[..., Stage] = VirtualStage) -> Meeting:
    """Play one scenario with the member in its place."""
    run = play(scenario, wiring, partial(stage, cast=cast_with(member)))
    result = {Outcome.PASS: Result.SURVIVED, Outcome.FAIL: Result.KILLED, Outcome.ERROR: Result.UNJUDGED}[run.outcome]
    return Meeting(
        member=member.id,
        scenario=scenario.id,
        wiring=wiring,
        result=result,
        named=result is Result.KILLED and member.clause in _named(run),
        detail=run.failure.en if run.failure else run.error_detail,
    )


def _named(run: Run) -> set[str]:
    """The clauses for which a failed run speaks: the oracle's verdicts when there are any, else those of the story that was not kept."""
    broken = {verdict.clause for verdict in run.broken}
    return broken or set(run.scenario.clauses)


def first_kill(member: Member) -> Meeting | None:
    """The first scenario that names the member's clause and finds it out; None when none does."""
    for scenario in stories():
        if member.clause in scenario.clauses:
            for wiring in wirings_for(member, scenario):
                meeting = meet(member, scenario, wiring)
                if meeting.named:
                    return meeting
    return None


def meetings_of(member_id: str) -> list[Meeting]:
    """One member in every scenario and wiring. A run that cannot differ from the right one is not played; it is survived."""
    member = next(each for each in members() if each.id == member_id)
    return [
        meet(member, scenario, wiring)
        if may_differ(member, scenario, wiring)
        else Meeting(
            member=member.id, scenario=scenario.id, wiring=wiring, result=Result.SURVIVED, named=False, detail=""
        )
        for scenario in stories()
        for wiring in wirings_for(member, scenario)
    ]


# ── runs that need not be played ────────────────────────────────────────────────────────────────────


def may_differ(member: Member, scenario: Scenario, wiring: Wiring) -> bool:
    """Whether the member can make a difference: the right pair calls, in this run, something that the member does in another way.

    Everything is determined by the seed, so until the first such call the member's run is the right one to the letter.
    """
    replaced = _replaced_by(member.make)
    return replaced is None or not replaced.isdisjoint(_called_in(scenario.id, wiring))


@cache
def _called_in(scenario_id: str, wiring: Wiring) -> frozenset[CodeType]:
    """Every function that a run of the right pair calls."""
    scenario = next(each for each in stories() if each.id == scenario_id)
    called: set[CodeType] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_code) if event == "call" else None)
    try:
        play(scenario, wiring, VirtualStage)
    finally:
        sys.setprofile(before)
    return frozenset(called)


@cache
def _replaced_by(made: type) -> frozenset[CodeType] | None:
    """The functions of the right party in whose place the member has its own; None when it differs from its first moment."""
    found: set[CodeType] = set()
    waiting = [made]
    while waiting:
        mro = waiting.pop().__mro__
        for cls in filter(_is_of_the_zoo, mro):
            for name, value in vars(cls).items():
                if isinstance(value, type):
                    waiting.append(value)
                elif cls is WrongBridge or not callable(value):
                    # The wrong bridge's own beginning only puts the other engine in.
                    continue
                elif name == WrongBridge.opened.__name__:
                    return None
                else:
                    right = next(
                        (vars(each)[name] for each in mro if not _is_of_the_zoo(each) and name in vars(each)), None
                    )
                    code = getattr(getattr(right, "__func__", right), "__code__", None)
                    found |= set() if code is None else {code}
    return frozenset(found)


def _is_of_the_zoo(cls: type) -> bool:
    return cls.__module__.startswith("conformance.zoo")


def play_all(workers: int = WORKERS) -> list[Meeting]:
    """Every member in every scenario, by members in their order."""
    with ProcessPoolExecutor(workers) as pool:
        return [meeting for found in pool.map(meetings_of, [each.id for each in members()]) for meeting in found]


def toothless(matrix: Iterable[Meeting]) -> list[Check]:
    """Checks that find nobody out: no member in the place of the party that is judged fails in them."""
    party = {each.id: each.party for each in members()}
    killed = {(m.scenario, m.wiring, party[m.member]) for m in matrix if m.result is Result.KILLED}
    return [
        check for check in checks(library_folder()) if (check.scenario.id, check.wiring, check.judges) not in killed
    ]


# ── the page ────────────────────────────────────────────────────────────────────────────────────────

_HEAD = """# 动物园与击杀矩阵 · The zoo and the kill matrix

Made by `python -m duijie.zoo docs/zoo.md`; `tox -e zoo` keeps it current.

`conformance/zoo` holds platforms and bridges that are wrong on purpose, one defect each. Every one of them plays every scenario of the
library in virtual time, in each wiring in which it has a part. A **kill** is a run that ends with an unmet expectation or a broken
clause where the right parties pass; it counts here when it **names the clause** that the member breaks: the scenario does, or the
oracle's verdict. A run in which the stage itself broke is *unjudged* and must not be. Nothing is killed by waiting: time is virtual.

A new member is a class under `@member(...)` in a file of `conformance/zoo/exhibits`, made by bending one part of the right machine; it is
listed, played and gated by being there. `duijie.zoo.cast_with(member)` puts it on a stage, virtual or live.
"""


def page(matrix: Iterable[Meeting]) -> str:
    """The page on the whole matrix."""
    meetings = list(matrix)
    kills = [m for m in meetings if m.result is Result.KILLED]
    unjudged = sum(m.result is Result.UNJUDGED for m in meetings)
    found_out = {m.member for m in kills if m.named}
    lines = [
        _HEAD,
        "| | |",
        "|---|---|",
        f"| 成员 · members | {len(members())} |",
        f"| 被击杀 · killed by something that names their clause | {len(found_out)} |",
        f"| 场景 · scenarios | {len(stories())} |",
        f"| 检查 · checks, each of which kills a member that plays the party it judges | {len(checks(library_folder()))} |",
        f"| 回放 · runs | {len(meetings)} |",
        f"| 击杀 · kills | {len(kills)} |",
        f"| 指名条款的击杀 · kills that name the clause | {sum(m.named for m in kills)} |",
        f"| 未能判定 · unjudged | {unjudged} |",
        "",
        "## 成员 · The members",
        "",
        "| 条款 · Clause | 成员 · Member | 缺陷 · The defect | 击杀者 · What kills it, naming the clause | 全部 · In all |",
        "|---|---|---|---|---|",
    ]
    lines += [_member_row(each, [m for m in kills if m.member == each.id]) for each in members()]
    lines += ["", "## 条款 · The clauses", "", "| 条款 · Clause | 成员 · Members |", "|---|---|"]
    lines += [f"| {clause} | {_broken_by(clause)} |" for clause in clauses() if _broken_by(clause)]
    lines += ["", "## 不击杀任何成员的检查 · Checks that kill nothing", ""]
    lines += [f"- `{check.id}`: {check.title('zh')} · {check.title('en')}" for check in toothless(meetings)] or ["–"]
    return "\n".join(lines) + "\n"


def _member_row(each: Member, kills: list[Meeting]) -> str:
    named = list(dict.fromkeys(m.scenario for m in kills if m.named))
    shown = ", ".join(f"`{name}`" for name in named[:_NAMED_MAX]) or "–"
    more = f" (+{len(named) - _NAMED_MAX})" if len(named) > _NAMED_MAX else ""
    in_all = len({m.scenario for m in kills})
    return f"| {each.clause} | `{each.id}` | {each.zh}<br>{each.en} | {shown}{more} | {in_all} |"


def _broken_by(clause: str) -> str:
    found = [each for each in members() if each.clause == clause]
    by_party = Counter(each.party.value for each in found)
    return ", ".join(f"{party} {count}" for party, count in sorted(by_party.items()))


def main() -> None:
    """Play the whole matrix and write the page to the file that is named; the exit code says whether every member was found out and every check finds somebody out."""
    matrix = play_all()
    Path(sys.argv[1]).write_text(page(matrix), encoding="utf-8")
    survivors = {each.id for each in members()} - {m.member for m in matrix if m.named}
    unjudged = [m for m in matrix if m.result is Result.UNJUDGED]
    for name in sorted(survivors):
        sys.stderr.write(f"{name}: nothing that names its clause finds it out\n")
    idle = toothless(matrix)
    for check in idle:
        sys.stderr.write(f"{check.id}: it finds nobody out\n")
    for meeting in unjudged:
        sys.stderr.write(f"{meeting.member} in {meeting.scenario} ({meeting.wiring}): {meeting.detail}\n")
    sys.exit(1 if survivors or unjudged or idle else 0)


if __name__ == "__main__":
    main()
