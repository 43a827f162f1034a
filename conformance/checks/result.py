"""What came of a check.

pass            the system did as it must, and every clause that came into play was kept
fail            it did not; the messages that disagree are named
inconclusive    something that the check turns on could not be brought about or seen; says what is missing
not applicable  the system says that it does not have what the check is about
config          something about the set-up has to be put right first; says what
suite error     the suite itself broke; nothing is said of the system
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.checks.check import Check
from conformance.checks.known import KnownFailure
from conformance.drivers.attestation import Attestation
from conformance.oracle.trace import Record
from conformance.scenario.events import Run


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a word, no secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    CONFIG = "config"
    SUITE_ERROR = "suite_error"


class Blame(StrEnum):
    """Whose side the reason of a verdict lies on."""

    #: The system under test.
    SYSTEM = "system"
    #: Addresses, accounts, settings, capabilities: the file that describes the system, or how it was started.
    CONFIGURATION = "configuration"
    #: The line between the suite and the system.
    NETWORK = "network"
    #: The suite itself, or what it cannot see.
    SUITE = "suite"


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in both languages."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The sentence in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en


#: What each verdict and each blame is called, for legends.
VERDICTS: Mapping[Verdict, Text] = {
    Verdict.PASS: Text("通过", "pass"),
    Verdict.FAIL: Text("不通过", "fail"),
    Verdict.INCONCLUSIVE: Text("无法判定", "inconclusive"),
    Verdict.NOT_APPLICABLE: Text("不适用", "not applicable"),
    Verdict.CONFIG: Text("配置问题", "configuration"),
    Verdict.SUITE_ERROR: Text("检查套件出错", "suite error"),
}
MEANINGS: Mapping[Verdict, Text] = {
    Verdict.PASS: Text(
        "系统的行为符合要求,涉及的条款均已遵守",
        "the system did as it must, and every clause that came into play was kept",
    ),
    Verdict.FAIL: Text(
        "系统的行为不符合要求,报告列出相互矛盾的报文",
        "the system did not do as it must; the messages that disagree are named",
    ),
    Verdict.INCONCLUSIVE: Text(
        "检查所依赖的事实无法造成或无从观察,报告说明缺什么",
        "what the check turns on could not be brought about or seen; the report says what is missing",
    ),
    Verdict.NOT_APPLICABLE: Text(
        "系统声明不具备该项能力", "the system says that it does not have what the check is about"
    ),
    Verdict.CONFIG: Text(
        "须先更正配置或环境,报告说明更正什么", "the set-up has to be put right first; the report says what"
    ),
    Verdict.SUITE_ERROR: Text(
        "检查套件自身出错,不说明系统好坏", "the suite itself broke; nothing is said of the system"
    ),
}
BLAMES: Mapping[Blame, Text] = {
    Blame.SYSTEM: Text("被测系统", "system under test"),
    Blame.CONFIGURATION: Text("配置", "configuration"),
    Blame.NETWORK: Text("网络", "network"),
    Blame.SUITE: Text("检查套件", "suite"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check and what came of it."""

    check: Check
    verdict: Verdict
    #: Why, in a sentence; empty for a pass.
    reason: Text = Text("", "")
    #: On whose side; None for a pass.
    blame: Blame | None = None
    #: The clause that was broken; the check's own when the expectation, not the oracle, says so.
    clause: str = ""
    expected: Any = None
    received: Any = None
    #: The records of the trace that disagree.
    evidence: tuple[Record, ...] = ()
    #: The smallest next step.
    next_step: Text = Text("", "")
    #: The command that repeats just this check.
    repeat_command: str = ""
    #: Seconds of real time.
    seconds: float = 0.0
    #: What was played; None when nothing was.
    run: Run | None = None
    #: The entry of the file of known failures that covers this result.
    known: KnownFailure | None = None
    #: What a person said on the way.
    attestations: tuple[Attestation, ...] = ()
    #: Further sentences, such as what could not be observed.
    notes: tuple[Text, ...] = field(default=())

    @property
    def is_red(self) -> bool:
        """True when it must not be green in a build: a failure, a mistake in the set-up, or an error of the suite."""
        return self.known is None and self.verdict in (Verdict.FAIL, Verdict.CONFIG, Verdict.SUITE_ERROR)
