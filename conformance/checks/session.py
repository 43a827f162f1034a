"""Runs checks against one system under test and tells what came of each."""

import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bridge.vocabulary.profile import Profile
from conformance.checks.check import Check
from conformance.checks.result import Blame, Result, Text, Verdict
from conformance.drivers.attestation import Attestation
from conformance.drivers.driver import Capabilities
from conformance.oracle.judge import Verdict as ClauseVerdict
from conformance.scenario.events import Listener, Outcome, Run
from conformance.scenario.profile import apply_settings, read_setting, settings
from conformance.scenario.runner import play
from conformance.scenario.stage import StageMaker

#: The most messages that stand beside a failure that names none.
_LAST_MESSAGES = 6

#: The most envelopes that are kept of one check.
ENVELOPES_MAX = 64

_NOTHING = Text("", "")


class Bench(Protocol):
    """Where checks are run: a system under test with the suite's own parties around it."""

    #: What the system is called in every line and report.
    title: str
    #: The integration profile that the system runs with.
    profile: Profile
    #: `sut.toml` as the user named it, for the command that repeats a check.
    source: str
    #: How many checks can be run at a time.
    at_once: int
    #: Seconds that one usually takes when so many are.
    usual_seconds: float

    @property
    def capabilities(self) -> Capabilities:
        """What the system offers."""

    def stage(self, check: Check) -> StageMaker:
        """How a stage for this check is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One check begins, or has ended."""

    check: Check
    number: int
    of: int
    result: Result | None = None


class Session:
    """One run of the suite."""

    def __init__(self, bench: Bench, *, seed: int, listeners: Iterable[Listener] = ()):
        self._bench = bench
        self._seed = seed
        self._listeners = tuple(listeners)

    def run(self, checks: Iterable[Check], tell: Callable[[Progress], None] | None = None) -> Iterator[Result]:
        """Run them in order; results come as they are known."""
        planned = list(checks)
        for number, check in enumerate(planned, 1):
            if tell is not None:
                tell(Progress(check=check, number=number, of=len(planned)))
            result = self.one(check)
            if tell is not None:
                tell(Progress(check=check, number=number, of=len(planned), result=result))
            yield result

    def one(self, check: Check) -> Result:
        """Run one check, unless it is known beforehand that it cannot be."""
        hindered = self.hindrance(check)
        if hindered is not None:
            return hindered
        began, said = time.monotonic(), len(self._attestations)
        scenario = replace(check.scenario, profile=self._profile(check))
        run = play(scenario, check.wiring, self._bench.stage(check), seed=self._seed, listeners=self._listeners)
        result = replace(
            self._result(check, run),
            seconds=time.monotonic() - began,
            attestations=tuple(self._attestations[said:]),
        )
        run.trace.keep_envelopes(_worth_keeping(result))
        return result

    @property
    def _attestations(self) -> Sequence[Attestation]:
        """What a person has said so far; most benches have none to ask."""
        found: Sequence[Attestation] = getattr(self._bench, "attestations", ())
        return found

    def hindrance(self, check: Check) -> Result | None:
        """Why a check is not run at all; None when it is."""
        can, needs = self._bench.capabilities, check.needs
        lacking = can.lacks(check.id, check.clause, *sorted(needs.acts), *sorted(needs.asks))
        if lacking is not None:
            return self._without_run(
                check,
                Verdict.NOT_APPLICABLE,
                Text(f"系统声明不具备 {lacking}", f"the system declares that it does not have {lacking}"),
            )
        missing = [name for name in sorted(needs.acts) if not can.offers_act(name)]
        if missing:
            named = ", ".join(missing)
            return self._without_run(
                check,
                Verdict.INCONCLUSIVE,
                Text(f"驱动未提供操作:{named}", f"the driver does not offer these acts: {named}"),
                Text(
                    f"在驱动中实现 {named},或在 unsupported 中声明",
                    f"implement {named} in the driver, or declare it under unsupported",
                ),
            )
        if needs.restart and not can.restart:
            return self._without_run(
                check,
                Verdict.INCONCLUSIVE,
                Text("驱动不能停机并重启系统", "the driver cannot stop the system and start it again"),
                Text("在驱动中实现 restart", "implement restart in the driver"),
            )
        if needs.fresh and not (can.reset and can.steered_clock):
            return self._without_run(
                check,
                Verdict.INCONCLUSIVE,
                Text(
                    "本检查涉及固定日期或总数,须从全新状态和固定时刻开始",
                    "the check speaks of fixed days or of totals, so it must begin with a fresh system at a fixed moment",
                ),
                Text("在驱动中实现 reset 和可控时钟", "implement reset and a steered clock in the driver"),
            )
        return self._settings_hindrance(check, can)

    def _settings_hindrance(self, check: Check, can: Capabilities) -> Result | None:
        if can.reset:
            return None
        kinds = settings()
        for key, value in check.needs.settings:
            section, name = key.split(".")
            own = getattr(getattr(self._bench.profile, section), name)
            if read_setting(kinds[key], value) != own:
                return self._without_run(
                    check,
                    Verdict.INCONCLUSIVE,
                    Text(
                        f"需要对接配置 {key} = {value},系统现为 {own}",
                        f"needs the setting {key} = {value}; the system runs with {own}",
                    ),
                    Text(
                        f"把 {key} 改为 {value} 后重新运行,或在驱动中实现 reset",
                        f"run again with {key} = {value}, or implement reset in the driver",
                    ),
                )
        return None

    def _profile(self, check: Check) -> Profile:
        kinds = settings()
        changed = {key: read_setting(kinds[key], value) for key, value in check.scenario.settings.items()}
        return apply_settings(changed, self._bench.profile)

    def _without_run(self, check: Check, verdict: Verdict, reason: Text, step: Text = _NOTHING) -> Result:
        blame = Blame.CONFIGURATION if verdict is Verdict.INCONCLUSIVE else None
        return Result(
            check=check,
            verdict=verdict,
            reason=reason,
            blame=blame,
            next_step=step,
            repeat_command=self._repeat(check),
        )

    def _result(self, check: Check, run: Run) -> Result:
        notes = tuple(
            Text(f"无从观察:{party} {question}", f"could not be observed: {party} {question}")
            for party, question in dict.fromkeys(run.unobserved)
        )
        plain = Result(check=check, verdict=Verdict.PASS, run=run, repeat_command=self._repeat(check), notes=notes)
        if run.outcome is Outcome.PASS:
            return plain
        if run.outcome is Outcome.FAIL:
            return self._failed(plain, run)
        obstacle = Text(*(run.obstacle or (run.error or "", run.error or "")))
        if run.outcome is Outcome.INCONCLUSIVE:
            return replace(
                plain,
                verdict=Verdict.INCONCLUSIVE,
                reason=obstacle,
                blame=Blame.CONFIGURATION,
                next_step=Text(
                    "让驱动提供所缺的操作或查询", "let the driver offer the act or question that is missing"
                ),
            )
        if run.outcome is Outcome.CONFIG:
            return replace(
                plain,
                verdict=Verdict.CONFIG,
                reason=obstacle,
                blame=Blame.CONFIGURATION,
                next_step=Text(
                    "先运行 duijie conform doctor 并更正它指出的问题",
                    "run duijie conform doctor first and mend what it names",
                ),
            )
        return replace(
            plain,
            verdict=Verdict.SUITE_ERROR,
            reason=obstacle,
            blame=Blame.SUITE,
            next_step=Text("请附上报告反馈给我们", "please send us the report"),
        )

    def _failed(self, plain: Result, run: Run) -> Result:
        check, failure = plain.check, run.failure
        broken = _gravest(run.broken, check)
        numbers = set(broken.records) if broken is not None else set()
        evidence = tuple(r for r in run.trace.records if r["n"] in numbers) or tuple(run.last_messages(_LAST_MESSAGES))
        if broken is not None:
            expected: object = {"zh": broken.expected_zh, "en": broken.expected_en}
            received: object = {"zh": broken.seen_zh, "en": broken.seen_en}
        else:
            expected, received = (failure.expected, failure.seen) if failure is not None else (None, None)
        network = broken is not None and broken.blame == "network"
        return replace(
            plain,
            verdict=Verdict.FAIL,
            reason=Text(failure.zh, failure.en) if failure is not None else Text("", ""),
            blame=Blame.NETWORK if network else Blame.SYSTEM,
            clause=broken.clause if broken is not None else check.clause,
            expected=expected,
            received=received,
            evidence=evidence,
            next_step=Text(check.fix("zh"), check.fix("en")),
        )

    def _repeat(self, check: Check) -> str:
        named = f"--scenario {shlex.quote(check.scenario.path)}" if check.is_own else f"--only {check.id}"
        return f"duijie conform {check.judges} --sut {self._bench.source} {named} --seed {self._seed}"


def _worth_keeping(result: Result) -> set[int]:
    """The records whose envelopes somebody will want to read: none of a pass; else those that disagree, and the last."""
    if result.verdict is Verdict.PASS or result.run is None:
        return set()
    named = [record["n"] for record in result.evidence]
    latest_first = reversed(result.run.trace.enveloped)
    return set(list(dict.fromkeys([*named, *latest_first]))[:ENVELOPES_MAX])


def _gravest(broken: tuple[ClauseVerdict, ...], check: Check) -> ClauseVerdict | None:
    """Of several broken clauses the one that the check is about, then one that it names, then any."""
    order = {clause: place for place, clause in enumerate((check.clause, *check.scenario.clauses))}
    return min(broken, key=lambda verdict: order.get(verdict.clause, len(order)), default=None)
