"""XCHG-1: one envelope for both directions."""

import re
from collections.abc import Iterator

from bridge.vocabulary.forms import FORMS_BY_DIRECTION
from bridge.vocabulary.parties import Direction
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Record, Trace

_FORMS = {direction: frozenset(form.value for form in forms) for direction, forms in FORMS_BY_DIRECTION.items()}
_MESSAGE_ID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@clause(
    "XCHG-1",
    zh="两个方向的报文头、表单、回执与错误同一模型:报文头与内容一致,报文标识唯一",
    en="one model of header, form, receipt and fault for both directions: the header agrees with its content, message ids are unique",
    needs=Needs.MESSAGE,
    across_cases=True,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads every call that carried a form or a receipt and was not forged."""
    content: dict[str, tuple[int, Record]] = {}
    for record in trace.of_type("call"):
        if record.get("injected") or record.get("operation") == "QueryCases":
            continue
        n, sender = int(record["n"]), str(record.get("from"))
        troubles = list(_troubles(record, profile))
        message_id = str(record.get("message_id"))
        payload = record.get("form") or record.get("receipt") or {}
        first_n, first = content.setdefault(message_id, (n, payload))
        if first != payload:
            troubles.append(
                (f"报文标识 {message_id} 用于两份不同内容", f"message id {message_id} stands over two contents")
            )
        if troubles:
            yield from (Violation(zh, en, (first_n, n) if first != payload else (n,), sender) for zh, en in troubles)
        else:
            yield Seen((n,))


def _troubles(record: Record, profile: Profile) -> Iterator[tuple[str, str]]:
    form, receipt = record.get("form"), record.get("receipt")
    body = form or receipt or {}
    if record.get("case_number") != body.get("caseNumber"):
        yield (
            f"报文头案卷号 {record.get('case_number')} 与内容 {body.get('caseNumber')} 不一致",
            f"the header names case {record.get('case_number')}, its content {body.get('caseNumber')}",
        )
    if receipt is not None and record.get("form_type") != receipt.get("formType"):
        yield "报文头的表单类型与回执不一致", "the header's form type is not the receipt's"
    for odd in (record.get("unfit") or []) if receipt is not None else []:
        yield (
            f"{odd.get('field')} 的值 {odd.get('value')!r} 不合合同",
            f"{odd.get('field')} is {odd.get('value')!r}, which the contract does not know",
        )
    if not _MESSAGE_ID.fullmatch(str(record.get("message_id"))):
        yield f"报文标识 {record.get('message_id')} 不合格式", f"message id {record.get('message_id')} is malformed"
    if not str(record.get("contract_version", "")).startswith("1."):
        yield "合同版本缺失或不支持", "the contract version is missing or unsupported"
    direction = _direction(record)
    if direction is None:
        return
    if form is not None and record.get("form_type") not in _FORMS[direction]:
        yield (
            f"{record.get('form_type')} 不属于该方向",
            f"{record.get('form_type')} does not travel in this direction",
        )
    codes = profile.platform(direction.sender).code, profile.platform(direction.recipient).code
    seen = record.get("header_sender"), record.get("header_recipient")
    if seen != codes:
        yield f"报文头收发方为 {seen},应为 {codes}", f"the header's parties are {seen}, not {codes}"


def _direction(record: Record) -> Direction | None:
    """Which way this very call goes, end to end."""
    sender, to = record.get("from"), record.get("to")
    if sender == "grid" or to == "urban":
        return Direction.TO_URBAN
    if sender == "urban" or to == "grid":
        return Direction.TO_GRID
    return None
