"""One thing that was looked at before a run, and what was found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from conformance.checks.result import Text


class Level(StrEnum):
    """What a finding means for the run."""

    #: As it should be.
    OK = "ok"
    #: The run goes on; somebody should know.
    WARNING = "warning"
    #: The set-up has to be put right first; nothing is judged.
    FAILURE = "failure"
    #: Could not be looked at.
    UNKNOWN = "unknown"


class Topic(StrEnum):
    """What is looked at, in the order in which it is told."""

    FILE = "file"
    PROFILE = "profile"
    CHECKS = "checks"
    DRIVER = "driver"
    CAPABILITIES = "capabilities"
    LISTENING = "listening"
    WAY_BACK = "way_back"
    REACHING = "reaching"
    TLS = "tls"
    WSDL = "wsdl"
    CLOCK = "clock"
    ACCOUNT = "account"
    ENCODINGS = "encodings"
    CASE_NUMBERS = "case_numbers"


#: What each topic is called.
TOPICS: Mapping[Topic, Text] = {
    Topic.FILE: Text("描述文件", "file"),
    Topic.PROFILE: Text("对接配置", "profile"),
    Topic.CHECKS: Text("检查范围", "checks"),
    Topic.DRIVER: Text("驱动", "driver"),
    Topic.CAPABILITIES: Text("能力声明", "capabilities"),
    Topic.LISTENING: Text("套件监听", "listening"),
    Topic.WAY_BACK: Text("来路", "way back"),
    Topic.REACHING: Text("系统地址", "reaching"),
    Topic.TLS: Text("证书", "certificates"),
    Topic.WSDL: Text("接口描述", "WSDL"),
    Topic.CLOCK: Text("时钟", "clock"),
    Topic.ACCOUNT: Text("账号", "account"),
    Topic.ENCODINGS: Text("编码", "encodings"),
    Topic.CASE_NUMBERS: Text("案卷号", "case numbers"),
}
#: The sign that stands before a finding.
SIGNS: Mapping[Level, str] = {Level.OK: "✓", Level.WARNING: "!", Level.FAILURE: "✗", Level.UNKNOWN: "–"}

_NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it."""

    topic: Topic
    level: Level
    said: Text
    #: The smallest next step; empty where none is needed.
    next_step: Text = _NOTHING
    #: What `said` sums up, such as each difference.
    details: tuple[Text, ...] = ()


def fine(topic: Topic, zh: str, en: str) -> Finding:
    """A finding that is as it should be."""
    return Finding(topic, Level.OK, Text(zh, en))


def failed(topic: Topic, zh: str, en: str, step: tuple[str, str] = ("", ""), details: tuple[Text, ...] = ()) -> Finding:
    """A finding that has to be put right first; `step` says how, in Chinese and English."""
    return Finding(topic, Level.FAILURE, Text(zh, en), Text(*step), details)


def lines_of(zh: str, en: str) -> tuple[Text, ...]:
    """Sentences that stand under each other in both languages, one by one."""
    return tuple(Text(a, b) for a, b in zip(zh.splitlines(), en.splitlines(), strict=True))


def has_failure(findings: Iterable[Finding]) -> bool:
    """Whether the set-up has to be put right before anything can be judged."""
    return any(finding.level is Level.FAILURE for finding in findings)


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as JSON-able values."""
    return {
        "topic": finding.topic.value,
        "level": finding.level.value,
        "said": _record(finding.said),
        "next_step": _record(finding.next_step),
        "details": [_record(detail) for detail in finding.details],
    }


def _record(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
