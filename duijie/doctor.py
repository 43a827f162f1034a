"""`duijie conform doctor`, with which every run begins too: whether the set-up is such that a verdict can mean something.

A failure is a matter of the set-up, never of conformance.
"""

import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from bridge.vocabulary.parties import Party
from conformance.checks.catalogue import checks, chosen
from conformance.doctor.finding import (
    SIGNS,
    TOPICS,
    Finding,
    Level,
    Topic,
    failed,
    finding_record,
    fine,
    has_failure,
    lines_of,
)
from conformance.drivers.driver import DriverBroken
from conformance.drivers.sut import DriverKind, SutInvalid, load_sut
from duijie.benches import BUILTIN, BUILTIN_VIRTUAL
from duijie.console_text import Language, say
from duijie.drivers import driver_of
from duijie.examination import Plan, declarations, examine
from duijie.exits import Exit, UserMistake
from duijie.library import library_folder
from duijie.profiles_io import profile_of


def run_doctor(asked: str, source: str, *, seed: int | None, as_json: bool, language: Language) -> Exit:
    """Look at the set-up alone and tell each finding."""
    if asked not in tuple(Party):
        raise UserMistake(
            f"角色应为 grid、urban 或 bridge,不是 {asked}", f"the role is grid, urban or bridge, not {asked}"
        )
    if source in (BUILTIN, BUILTIN_VIRTUAL):
        if not as_json:
            said = "自带的一方没有可检视的配置", "our own party has no set-up to look at"
            sys.stdout.write(say(language, *said) + "\n")
        return Exit.OK
    role = Party(asked)
    findings = []
    for finding in _looked_at(role, Path(source), secrets.randbelow(2**31) if seed is None else seed, language):
        findings.append(finding)
        if as_json:
            sys.stdout.write(json.dumps(finding_record(finding), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            tell(Console(highlight=False, soft_wrap=True), finding, language)
    return Exit.CONFIGURATION if has_failure(findings) else Exit.OK


def tell(console: Console, finding: Finding, language: Language) -> None:
    """Print a finding: one line, its details, and the next step."""
    styles = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "bold red", Level.UNKNOWN: "dim"}
    topic = TOPICS[finding.topic].of(language)
    line = f"{SIGNS[finding.level]} {topic}{say(language, ':', ': ')}{finding.said.of(language)}"
    console.print(line, style=styles[finding.level], markup=False)
    for detail in finding.details:
        console.print(f"    {detail.of(language)}", markup=False)
    if finding.next_step.of(language):
        console.print(say(language, "    下一步:", "    next step: ") + finding.next_step.of(language), markup=False)


def _looked_at(role: Party, path: Path, seed: int, language: Language) -> Iterator[Finding]:
    try:
        sut = load_sut(path)
    except SutInvalid as invalid:
        yield failed(Topic.FILE, f"{path} 不可用", f"{path} cannot be used", details=lines_of(invalid.zh, invalid.en))
        return
    if sut.role is not role:
        yield failed(
            Topic.FILE,
            f"{path} 描述的是 {sut.role},不是 {role}",
            f"{path} describes a {sut.role} system, not a {role} one",
        )
        return
    yield fine(Topic.FILE, f"{path}:{sut.title}", f"{path}: {sut.title}")
    try:
        profile = profile_of(sut)
    except UserMistake as mistake:
        zh, en = mistake.zh.partition("\n"), mistake.en.partition("\n")
        yield failed(Topic.PROFILE, zh[0].rstrip(":"), en[0].rstrip(":"), details=lines_of(zh[2], en[2]))
        return
    yield fine(Topic.PROFILE, profile.name, profile.name)
    everything = checks(library_folder(), role)
    if sut.kind is DriverKind.BUILTIN:
        yield from declarations(sut, everything)
        return
    try:
        driver = driver_of(sut, language)
    except DriverBroken as broken:
        yield failed(Topic.DRIVER, broken.zh, broken.en)
        return
    plan = Plan(
        sut=sut,
        profile=profile,
        driver=driver,
        everything=everything,
        planned=chosen(everything, sut.checks, sut.skip),
        skipped=tuple(check for check in chosen(everything, sut.checks) if check.matches(sut.skip)),
        seed=seed,
    )
    try:
        yield from examine(plan)
    finally:
        driver.close()
