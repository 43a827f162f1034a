"""The checks of the conformance suite as tests of pytest; imported when there is a system to judge.

    pass                                  passed
    fail                                  failed, with blame, clause, expected beside received, the next step and the command that repeats it
    inconclusive, not applicable, known   skipped, with the reason
    config, suite error                   error

A known failure that is gone, or has another message, fails.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pytest

from bridge.vocabulary.parties import Party
from bridge.vocabulary.times import SHANGHAI
from conformance.checks.catalogue import checks, chosen
from conformance.checks.check import Check
from conformance.checks.known import KnownFailure, load_known
from conformance.checks.result import BLAMES, VERDICTS, Result, Verdict
from conformance.checks.session import Session
from conformance.checks.standing import standings, with_known
from conformance.doctor.finding import TOPICS, Finding, Level
from conformance.drivers.sut import DriverKind, SutInvalid, SystemUnderTest, load_sut
from conformance.oracle.trace import plain
from duijie.benches import BUILTIN, BUILTIN_VIRTUAL
from duijie.conform import SEEDS, opened
from duijie.console_text import Language, choose_language, say
from duijie.examination import Plan as Examined
from duijie.examination import examine
from duijie.exits import UserMistake
from duijie.library import library_folder
from located_yaml import DocumentInvalid

#: All checks of a foreign system belong to one worker: there is one system.
_GROUP = "duijie"
#: The name of the item about the file of known failures.
_KNOWN = "known-failures"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, as a worker can be told it."""

    role: str
    #: The file, or the name of our own party.
    source: str
    known: str
    seed: int


class Plan:
    """What is judged in a run of pytest. Making one raises `pytest.UsageError` for what the user can put right."""

    def __init__(self, asked: _Asked):
        self._asked = asked
        self.role = Party(asked.role)
        self.language: Language = choose_language(None)

    @classmethod
    def made(cls, config: pytest.Config, source: str, known: str, seed: str | None) -> Self:
        """From the command line and the ini file."""
        name, _, role = source.partition(":")
        if name in (BUILTIN, BUILTIN_VIRTUAL):
            if role not in tuple(Party):
                raise _usage(
                    f"--duijie-sut 应写作 {name}:grid、{name}:urban 或 {name}:bridge,收到 {source}",
                    f"--duijie-sut is written {name}:grid, {name}:urban or {name}:bridge, not {source}",
                )
            plan = cls(_Asked(role, name, known, _seed(seed, 1)))
        else:
            sut = _read(source)
            if sut.kind is not DriverKind.BUILTIN and _workers(config) not in ("no", "loadgroup"):
                raise _usage(
                    f"{source} 只有一个被测系统,不能由多个进程同时评判:加 --dist loadgroup,或去掉 -n",
                    f"there is one system behind {source}, which several workers cannot judge at a time: add --dist loadgroup, or leave -n out",
                )
            known = known or str(sut.known_failures or "")
            plan = cls(_Asked(sut.role.value, source, known, _seed(seed, secrets.randbelow(SEEDS))))
        _ = plan.known, plan.checks
        return plan

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Self:
        """From the controller of pytest-xdist."""
        return cls(_Asked(**told))

    def to_tell(self) -> dict[str, Any]:
        """For a worker."""
        return asdict(self._asked)

    @property
    def header(self) -> str:
        """What is judged, and from which seed."""
        asked, number = self._asked, len(self.checks)
        return say(
            self.language,
            f"duijie: {asked.role} {asked.source} · {number} 项检查 · 种子 {asked.seed}",
            f"duijie: {asked.role} {asked.source} · {number} checks · seed {asked.seed}",
        )

    @property
    def is_shared(self) -> bool:
        """True when several workers may judge at a time: each has a system of its own."""
        return self._sut is None or self._sut.kind is DriverKind.BUILTIN

    @cached_property
    def _sut(self) -> SystemUnderTest | None:
        """What the file says; None for our own party."""
        source = self._asked.source
        return None if source in (BUILTIN, BUILTIN_VIRTUAL) else _read(source)

    @cached_property
    def for_role(self) -> tuple[Check, ...]:
        """Every check that judges the role."""
        return checks(library_folder(), self.role)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The checks that are made: all for the role, but for what the system's file leaves out."""
        if self._sut is None:
            return self.for_role
        return chosen(self.for_role, self._sut.checks, self._sut.skip)

    @cached_property
    def known(self) -> tuple[KnownFailure, ...]:
        """The file of known failures."""
        if not self._asked.known:
            return ()
        try:
            return load_known(Path(self._asked.known), checks(library_folder()))
        except DocumentInvalid as invalid:
            raise pytest.UsageError(UserMistake.in_file(invalid).text(self.language)) from None

    def open_session(self, until: ExitStack) -> Session:
        """Get in touch with the system, for as long as `until` lasts, once the doctor finds nothing wrong. Raises `UserMistake`."""
        sut = self._sut
        bench, driver = until.enter_context(opened(self.role, self._asked.source, sut, self.for_role, self.language))
        if sut is not None and driver is not None:
            looked_at = Examined(
                sut=sut,
                profile=bench.profile,
                driver=driver,
                everything=self.for_role,
                planned=self.checks,
                seed=self._asked.seed,
            )
            wrong = [finding for finding in examine(looked_at) if finding.level is Level.FAILURE]
            if wrong:
                raise UserMistake(
                    "\n".join(_found(each, "zh") for each in wrong), "\n".join(_found(each, "en") for each in wrong)
                )
        return Session(bench, seed=self._asked.seed)

    def collector(self, session: pytest.Session) -> "Conformance":
        """The node under which the checks stand."""
        found: Conformance = Conformance.from_parent(session, name="duijie", nodeid="duijie", plan=self)
        return found


class Conformance(pytest.Collector):
    """The checks of one system. The system is got in touch with before the first of them, and let go of after the last."""

    def __init__(self, *, plan: Plan, **told: Any):
        super().__init__(**told)
        self.plan = plan
        #: What this process has judged.
        self.results: list[Result] = []
        self._until = ExitStack()

    def collect(self) -> Iterable["ConformanceCheck | KnownFailures"]:
        """One item for each check, and at the end one for the file of known failures."""
        alone = not self.plan.is_shared and self.config.pluginmanager.hasplugin("xdist")
        items: list[ConformanceCheck | KnownFailures] = [
            ConformanceCheck.from_parent(self, name=check.id, check=check) for check in self.plan.checks
        ]
        if self.plan.known:
            items.append(KnownFailures.from_parent(self, name=_KNOWN))
        for item in items:
            if alone:
                item.add_marker(pytest.mark.xdist_group(_GROUP))
            yield item

    def setup(self) -> None:
        """Get in touch with the system."""
        try:
            self.session_of_checks = self.plan.open_session(self._until)
            return
        except UserMistake as mistake:
            said = mistake.text(self.plan.language)
        pytest.fail(say(self.plan.language, f"配置问题:{said}", f"configuration: {said}"), pytrace=False)

    def teardown(self) -> None:
        """Let go of the system."""
        self._until.close()


class KnownFailures(pytest.Item):
    """What no single check can tell of the file: entries that meant no check, or several of which none fails any more."""

    def runtest(self) -> None:
        """Fail with the sentences about such entries."""
        conformance = self.parent
        if not isinstance(conformance, Conformance):
            raise TypeError("known failures stand under their system")
        plan = conformance.plan
        if plan.is_shared and hasattr(self.config, "workerinput"):
            pytest.skip(
                say(
                    plan.language,
                    f"{_KNOWN}: 多个进程各做一部分检查,无从判断哪些条目已不再需要",
                    f"{_KNOWN}: several workers share the checks, so none can tell which entries are needed no more",
                )
            )
        wrong = [
            entry.text.of(plan.language)
            for entry in standings(plan.known, conformance.results, plan.for_role, _today())
            # What one check tells of has failed there.
            if entry.stands_alone and len(entry.checks) != 1
        ]
        if wrong:
            pytest.fail("\n".join(wrong), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands, and what it is called."""
        return self.path, None, self.name


class ConformanceCheck(pytest.Item):
    """One check."""

    def __init__(self, *, check: Check, **told: Any):
        super().__init__(**told)
        self.check = check
        self._result: Result | None = None

    @property
    def _conformance(self) -> Conformance:
        found = self.parent
        if not isinstance(found, Conformance):
            raise TypeError("a check stands under its system")
        return found

    def setup(self) -> None:
        """Play the check: what keeps it from a verdict is an error and no failure."""
        plan = self._conformance.plan
        result = with_known(self._conformance.session_of_checks.one(self.check), plan.known, _today())
        if result.verdict in (Verdict.CONFIG, Verdict.SUITE_ERROR):
            pytest.fail(_told(result, plan.language), pytrace=False)
        self._result = result
        self._conformance.results.append(result)

    def runtest(self) -> None:
        """Say what came of it."""
        plan, result = self._conformance.plan, self._result
        if result is None:
            raise RuntimeError("the check was not played")
        wrong = [
            entry.text.of(plan.language)
            for entry in standings(plan.known, [result], plan.for_role, _today())
            if entry.is_red and self.check.id in entry.checks
        ]
        if result.known is not None:
            pytest.skip(
                f"{self.name}: {say(plan.language, '已知问题', 'known failure')}: {result.known.told(plan.language)}"
            )
        if result.verdict is Verdict.FAIL or wrong:
            pytest.fail("\n".join([_told(result, plan.language), *wrong]).strip(), pytrace=False)
        if result.verdict is not Verdict.PASS:
            reason = result.reason.of(plan.language)
            pytest.skip(f"{self.name}: {VERDICTS[result.verdict].of(plan.language)}: {reason}")

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the check stands, and what it is called."""
        return self.path, None, f"{self.name} {self.check.title(self._conformance.plan.language)}"


def _found(finding: Finding, language: Language) -> str:
    """What the doctor found, in a paragraph."""
    lines = [
        f"{TOPICS[finding.topic].of(language)}: {finding.said.of(language)}",
        *(f"    {detail.of(language)}" for detail in finding.details),
        finding.next_step.of(language),
    ]
    return "\n".join(line for line in lines if line)


def _told(result: Result, language: Language) -> str:
    return "\n".join(line for line in _lines(result, language) if line)


def _lines(result: Result, language: Language) -> Iterator[str]:
    """A result as a page of a failing test shows it."""
    if result.verdict is Verdict.PASS:
        return
    blame = BLAMES[result.blame].of(language) if result.blame is not None else ""
    about = f" {result.clause}:" if result.clause else ""
    yield f"[{blame}]{about} {result.reason.of(language)}"
    if result.clause:
        yield say(language, "依据", "why") + f": {result.check.clause} {result.check.why(language)}"
    if result.expected is not None or result.received is not None:
        yield say(language, "期望", "expected") + f": {_value(result.expected, language)}"
        yield say(language, "实际", "received") + f": {_value(result.received, language)}"
    if result.next_step.of(language):
        yield say(language, "下一步", "next step") + f": {result.next_step.of(language)}"
    yield say(language, "重复", "repeat") + f": {result.repeat_command}"


def _value(value: Any, language: Language) -> str:
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return str(value[language])
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _today() -> Any:
    return datetime.now(SHANGHAI).date()


def _read(source: str) -> SystemUnderTest:
    try:
        return load_sut(Path(source))
    except SutInvalid as invalid:
        raise _usage(invalid.zh, invalid.en) from None


def _seed(asked: str | None, otherwise: int) -> int:
    if asked is None:
        return otherwise
    if not asked.isdigit():
        raise _usage(f"--duijie-seed 应为整数,收到 {asked}", f"--duijie-seed is a whole number, not {asked}")
    return int(asked)


def _workers(config: pytest.Config) -> str:
    """How pytest-xdist shares tests out; `no` without it."""
    return str(config.getoption("dist", "no"))


def _usage(zh: str, en: str) -> pytest.UsageError:
    return pytest.UsageError(say(choose_language(None), zh, en))
