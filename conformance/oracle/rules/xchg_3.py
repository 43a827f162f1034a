"""XCHG-3: each form has the fields that its kind needs, and belongs to one case."""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from functools import cache

from bridge.vocabulary.forms import FORM_CLASSES, FormType
from bridge.vocabulary.profile import Profile
from conformance.oracle.clause import Finding, Needs, Seen, Violation, clause
from conformance.oracle.trace import Record, Trace, camel

#: (form, field, what decides, value): the field is there exactly when the other has the value.
_TOGETHER = (
    ("filingResult", "taskNumber", "outcome", "filed"),
    ("filingResult", "declineReason", "outcome", "declined"),
    ("filingResult", "reason", "outcome", "declined"),
    ("extensionNotice", "disposalDueAt", "decision", "granted"),
    ("transferNotice", "disposalDueAt", "decision", "granted"),
)


@clause(
    "XCHG-3",
    zh="每张表单属于一个案卷,有自己的报文标识,字段齐全且相互相符",
    en="each form belongs to one case, has a message id of its own, and holds the fields that its kind needs",
    needs=Needs.MESSAGE,
)
def read(trace: Trace, profile: Profile) -> Iterator[Finding]:
    """Reads each form once per hop."""
    for record in trace.of_type("call"):
        if record.get("operation") == "DeliverForm" and not record.get("injected"):
            for odd in record.get("unfit") or []:
                yield Violation(
                    f"{record.get('form_type')}:{odd.get('field')} 的值 {odd.get('value')!r} 不合合同",
                    f"{record.get('form_type')} has {odd.get('value')!r} as {odd.get('field')}, which the contract does not know",
                    (int(record["n"]),),
                    str(record.get("from")),
                )
    for sending in trace.sendings():
        troubles = list(_troubles(sending.form_type, sending.form))
        if not sending.message_id:
            troubles.append(("没有报文标识", "has no message id"))
        for zh, en in troubles:
            yield Violation(f"{sending.form_type}:{zh}", f"{sending.form_type} {en}", (sending.n,), sending.sender)
        if not troubles:
            yield Seen((sending.n,))


@cache
def _needed() -> dict[str, tuple[str, ...]]:
    """The fields that each form must have, by its name on the wire."""
    return {
        form_type.value: tuple(
            camel(each.name)
            for each in fields(FORM_CLASSES[form_type])
            if each.default is MISSING and each.default_factory is MISSING
        )
        for form_type in FormType
    }


def _troubles(form_type: str, form: Record) -> Iterator[tuple[str, str]]:
    needed = _needed().get(form_type)
    if needed is None:
        yield f"没有 {form_type} 这种表单", "is no form of the exchange"
        return
    for name in needed:
        if form.get(name) in (None, ""):
            yield f"缺少 {name}", f"lacks {name}"
    for of, name, decides, value in _TOGETHER:
        if of == form_type and (form.get(name) is not None) != (form.get(decides) == value):
            yield (
                f"{decides}={form.get(decides)} 与 {name} 的有无不符",
                f"says {decides}={form.get(decides)}, which does not go with {name} being {'there' if form.get(name) else 'absent'}",
            )
    if form_type == "stageProgress" and form.get("stage") == "department_disposal" and not form.get("disposalDueAt"):
        yield "处置环节缺少处置时限", "enters disposal without its limit"
