"""What a system's file declares, held against what the suite knows and against what the driver says of the system.

A declaration that cannot be true stops the run: checks would be left out, or run in vain, for a slip in the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bridge.vocabulary.parties import Party
from conformance.checks.check import Check
from conformance.checks.result import Text
from conformance.clauses import clauses
from conformance.drivers.sut import SystemUnderTest
from conformance.scenario.words import acts, meant

#: What is either there or not.
_SWITCHES = ("steered_clock", "tells_quiet", "restart", "reset")


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about the declarations; `wrong` when the run cannot begin with it."""

    wrong: bool
    said: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that mean something to the suite."""

    checks: Sequence[Check]
    asks: frozenset[str]

    @property
    def everything(self) -> frozenset[str]:
        """Clauses, checks, acts and questions."""
        return frozenset((*clauses(), *acts(), *self.asks, *(check.id for check in self.checks)))


def acts_of(party: Party) -> frozenset[str]:
    """What the people of a party can be made to do."""
    return frozenset(name for name, word in acts().items() if word.party == party)


def in_the_file(sut: SystemUnderTest, known: Known) -> list[Remark]:
    """What is wrong with the declarations by themselves: names that mean nothing, and what is declared and denied at once."""
    found = []
    for pattern in sut.declared.get("unsupported", ()):
        if not _matches(pattern, known.everything):
            found.append(_nameless(sut, "unsupported", pattern, known.everything, wrong=True))
    for key, names in (("acts", acts_of(sut.role)), ("asks", known.asks)):
        for pattern in sut.declared.get(key, ()):
            if not _matches(pattern, names):
                found.append(_nameless(sut, key, pattern, names, wrong=False))
            elif pattern in sut.declared.get("unsupported", ()):
                zh = f"{pattern} 既在 {key} 中又在 unsupported 中"
                en = f"{pattern} stands both under {key} and under unsupported"
                found.append(_placed(sut, key, zh, en))
    return found


def against_the_driver(sut: SystemUnderTest, told: Mapping[str, Any], known: Known) -> list[Remark]:
    """What the file declares and the driver says the system does not have, and names that the driver tells and nobody knows."""
    found = _of_the_wrong_kind(told)
    if found:
        return found
    for key, names in (("acts", acts_of(sut.role)), ("asks", known.asks)):
        said = told.get(key)
        if said is None:
            continue
        offered = {name for name in names if any(fnmatchcase(name, each) for each in said)}
        for pattern in sut.declared.get(key, ()):
            if (meant_by := _matches(pattern, names)) and not meant_by & offered:
                zh = f"声明具备 {pattern},驱动却说系统没有"
                en = f"{pattern} is declared, and the driver says that the system does not have it"
                found.append(_placed(sut, key, zh, en))
        found += [_unknown(key, each, names) for each in said if not _matches(each, names)]
    for key in _SWITCHES:
        if sut.declared.get(key) is True and told.get(key) is False:
            zh = f"声明 {key} = true,驱动却说系统没有"
            en = f"{key} = true is declared, and the driver says that the system does not have it"
            found.append(_placed(sut, key, zh, en))
    return found


def patterns_without_checks(sut: SystemUnderTest, everything: Sequence[Check]) -> list[Remark]:
    """Entries of `[suite]` that mean no check of the role."""
    return [
        Remark(
            True,
            Text(
                f"{sut.where('suite', key)}: suite.{key} 中的 {pattern} 不指任何检查",
                f"{sut.where('suite', key)}: {pattern} in suite.{key} means no check",
            ),
        )
        for key, patterns in (("checks", sut.checks), ("skip", sut.skip))
        for pattern in patterns
        if not any(check.matches([pattern]) for check in everything)
    ]


def _of_the_wrong_kind(told: Mapping[str, Any]) -> list[Remark]:
    found = []
    for key in ("acts", "asks", "unsupported"):
        if key in told and not (
            isinstance(told[key], list | tuple) and all(isinstance(name, str) for name in told[key])
        ):
            found.append(_nonsense(key, told[key], "名称的列表", "a list of names"))
    for key in (*_SWITCHES, "refusal_codes"):
        if key in told and not isinstance(told[key], bool):
            found.append(_nonsense(key, told[key], "true 或 false", "true or false"))
    return found


def _nonsense(key: str, value: Any, zh: str, en: str) -> Remark:
    return Remark(
        True,
        Text(f"驱动所述 {key} 应为{zh},而不是 {value!r}", f"the driver tells {key} as {value!r}; it should be {en}"),
    )


def _matches(pattern: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if fnmatchcase(name, pattern))


def _placed(sut: SystemUnderTest, key: str, zh: str, en: str) -> Remark:
    place = sut.where("capabilities", key)
    return Remark(True, Text(f"{place}: capabilities.{key}:{zh}", f"{place}: capabilities.{key}: {en}"))


def _nameless(sut: SystemUnderTest, key: str, pattern: str, names: Iterable[str], *, wrong: bool) -> Remark:
    place = sut.where("capabilities", key)
    zh, en = meant(pattern, sorted(names))
    return Remark(
        wrong,
        Text(
            f"{place}: capabilities.{key}:{pattern} 不是已知的名称{zh}",
            f"{place}: capabilities.{key}: nothing is called {pattern}{en}",
        ),
    )


def _unknown(key: str, name: str, names: Iterable[str]) -> Remark:
    zh, en = meant(name, sorted(names))
    what_zh, what_en = ("操作", "act") if key == "acts" else ("查询", "question")
    return Remark(
        False,
        Text(
            f"驱动所列{what_zh} {name} 不在目录中,不会用到{zh}",
            f"the driver lists the {what_en} {name}, which no check uses{en}",
        ),
    )
