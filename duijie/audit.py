"""`duijie audit`: the books of running parties, held against each other over their control ports."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import httpx

from bridge.vocabulary.parties import Party
from conformance.ledger import Books, Finding, audit, read
from conformance.scenario.stage import StageRefused
from duijie.console_text import Language, say
from duijie.exits import Exit, UserMistake
from duijie.pair import Remote
from duijie.serve import TOKEN_VARIABLE, given_token


def run_audit(ports: Mapping[Party, int], *, as_json: bool, language: Language) -> Exit:
    """Ask the parties at these control ports for their books and print what does not agree; FAILED when something does not."""
    token = given_token()
    if token is None:
        raise UserMistake(
            f"控制端口须凭令牌访问,请设置环境变量 {TOKEN_VARIABLE}",
            f"control ports are opened by a token: set the environment variable {TOKEN_VARIABLE}",
        )
    remotes = {party: Remote(party, port, token) for party, port in ports.items()}
    try:
        books, at_rest = read_all(remotes)
    finally:
        for remote in remotes.values():
            remote.close()
    findings = audit(books, at_rest=at_rest)
    if as_json:
        for finding in findings:
            sys.stdout.write(json.dumps(asdict(finding), ensure_ascii=False) + "\n")
    else:
        for finding in findings:
            sys.stdout.write(finding.text(language) + "\n")
        sys.stdout.write(_summary(books, findings, at_rest, language) + "\n")
    return Exit.FAILED if findings else Exit.OK


def read_all(remotes: Mapping[Party, Remote]) -> tuple[Books, bool]:
    """The books of all parties, and whether nothing happened while they were read."""
    before = _at_rest(remotes)
    books = {party: read(party, asking(remote)) for party, remote in remotes.items()}
    return Books(books), before is not None and before == _at_rest(remotes)


def asking(remote: Remote) -> Any:
    """A party's control port as something that answers questions; its mistakes are told to the user."""

    def ask(name: str, params: Mapping[str, Any]) -> Any:
        try:
            return remote.ask(name, params)
        except httpx.HTTPError:
            raise _silent(remote) from None
        except StageRefused as refused:
            raise UserMistake(f"{remote.address} 不答此问:{refused}", f"{remote.address} refuses: {refused}") from None

    return ask


def _at_rest(remotes: Mapping[Party, Remote]) -> dict[Party, int | None] | None:
    """How much each platform has taken in so far; None when somebody has something under way."""
    inputs = {}
    for party, remote in remotes.items():
        try:
            look = remote.quiet()
        except (httpx.HTTPError, ValueError):
            raise _silent(remote) from None
        if not look.quiet:
            return None
        inputs[party] = look.inputs
    return inputs


def _silent(remote: Remote) -> UserMistake:
    return UserMistake(
        f"{remote.address} 没有{_ZH[remote.party]}的控制端口在应答",
        f"nothing answers as the {remote.party} control port at {remote.address}",
    )


_ZH = {Party.GRID: "网格平台", Party.URBAN: "城管平台", Party.BRIDGE: "对接桥"}


def _summary(books: Books, findings: list[Finding], at_rest: bool, language: Language) -> str:
    forms = sum(1 for _ in books.sent())
    cases = len(books.handed_over())
    said = say(
        language,
        f"移交案卷 {cases} 件,表单 {forms} 份;不符 {len(findings)} 处",
        f"{cases} cases handed over, {forms} forms; {len(findings)} finding(s)",
    )
    if at_rest:
        return said
    return said + say(
        language,
        "。各方正在往来,只核对了随时成立的事实;静止后再查一次",
        ". Something was under way, so only what holds at any time was looked at; ask again at rest",
    )
