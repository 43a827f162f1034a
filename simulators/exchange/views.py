"""What both platforms show alike, as values that JSON knows. Moments are in Asia/Shanghai."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from bridge.vocabulary.forms import Attachment
from bridge.vocabulary.profile import Contact
from bridge.vocabulary.times import in_shanghai
from simulators.city.photos import attachments_in
from simulators.city.seats import Account, Department
from simulators.exchange.digests import digest
from simulators.exchange.errors import AskRefused
from simulators.exchange.mailroom import Arrival, JournalLine, KeptReceipt, Sending
from simulators.exchange.notices import Notice

_Case = TypeVar("_Case")


def moment(at: datetime | None) -> str | None:
    """Write a moment."""
    return None if at is None else in_shanghai(at).isoformat()


def listed(cases: dict[str, _Case], given: Mapping[str, Any], wanted: Callable[[_Case], bool]) -> Iterable[_Case]:
    """The cases that are wanted, as they came; with `last`, so many of them, the newest first, without the first `skip`.

    Of very many cases only those are looked at then. Raises `AskRefused` for what is no number.
    """
    if "last" not in given:
        return (case for case in cases.values() if wanted(case))
    skip = _number(given, "skip", "0")
    newest_first = (case for case in reversed(cases.values()) if wanted(case))
    return islice(newest_first, skip, skip + _number(given, "last", ""))


def first_of(items: Iterator[dict[str, Any]], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All of these; with `first`, so many of them without the first `skip`, and no more is looked for. Raises `AskRefused` for what is no number."""
    skip = _number(given, "skip", "0")
    return list(islice(items, skip, skip + _number(given, "first", "") if "first" in given else None))


def _number(given: Mapping[str, Any], name: str, default: str) -> int:
    text = str(given.get(name, default))
    if not text.isdecimal() or len(text) > 9:
        raise AskRefused(
            "bad_value", f"参数 {name} 应为整数,收到 {text}。", f"The parameter {name} is a whole number, not {text}."
        )
    return int(text)


def photos(attachments: tuple[Attachment, ...]) -> list[dict[str, str]]:
    """Show which photos there are, without their bytes."""
    return [{"name": a.name, "sha256": a.sha256, "kind": a.kind.value} for a in attachments]


def photo(of: Attachment) -> dict[str, Any]:
    """Show a photo with its bytes, in base64; `content` is None where only a reference to it came."""
    return {
        "name": of.name,
        "media_type": of.media_type,
        "size": of.size,
        "sha256": of.sha256,
        "kind": of.kind.value,
        "content": None if of.content is None else base64.b64encode(of.content).decode("ascii"),
        "reference": of.reference,
    }


def photo_in(books: Any, case_number: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Show the photo of a case with the digest `sha256`, wherever in its books it stands. Raises `AskRefused` where there is none."""
    wanted = str(given.get("sha256", ""))
    found = next((each for each in attachments_in(books) if each.sha256 == wanted), None)
    if found is None:
        raise AskRefused(
            "unknown_photo",
            f"案卷 {case_number} 中没有摘要为「{wanted}」的照片。",
            f"There is no photo with the digest «{wanted}» in the case {case_number}.",
        )
    return photo(found)


def notice(told: Notice) -> dict[str, Any]:
    """Show a notice to a contact person."""
    return {
        "at": moment(told.at),
        "kind": told.kind.value,
        "phase": told.phase.value,
        "case_number": told.case_number,
        "subject": told.subject,
        "related_case_number": told.related_case_number,
        "duty": told.duty.value,
        "contact": told.contact,
        "text_zh": told.text_zh,
        "text_en": told.text_en,
        "told_by": told.told_by.value,
    }


def contact(person: Contact) -> dict[str, Any]:
    """Show a seat of the contact book."""
    return {"duty": person.duty.value, "name": person.name, "phone": person.phone}


def account(seat: Account) -> dict[str, Any]:
    """Show a person's seat."""
    return {
        "name": seat.name,
        "person": seat.person,
        "role": seat.role,
        "level": seat.level.value,
        "territory": seat.territory,
        "department": seat.department,
    }


def department(place: Department) -> dict[str, Any]:
    """Show a department of the directory (GEN-5)."""
    return {"code": place.code, "name": place.name, "level": place.level.value, "territory": place.territory}


def sending(form: Sending) -> dict[str, Any]:
    """Show a form of ours and where it stands."""
    return {
        "message_id": form.message_id,
        "case_number": form.case_number,
        "form_type": form.form_type.value,
        "state": form.state.value,
        "attempts": form.attempts,
        "posted_at": moment(form.posted_at),
        "due_at": moment(form.due_at),
        "overdue": form.warned,
        "outcome": None if form.receipt is None else form.receipt.outcome.value,
        "code": None if form.fault is None else form.fault.code.value,
        "field": None if form.fault is None else form.fault.field,
        "repaired_by": form.repaired_by,
        "digest": digest(form.form),
    }


def arrival(form: Arrival) -> dict[str, Any]:
    """Show a form that came to us and the receipt that it has."""
    receipt = form.receipt
    return {
        "message_id": receipt.form_message_id,
        "case_number": receipt.case_number,
        "form_type": receipt.form_type.value,
        "decided_at": moment(receipt.decided_at),
        "outcome": receipt.outcome.value,
        "code": None if receipt.fault is None else receipt.fault.code.value,
        "given": form.given,
        "due_at": moment(form.due_at),
        "by_query": form.by_query,
        "digest": digest(form.form),
    }


def kept(receipt: KeptReceipt) -> dict[str, Any]:
    """Show a receipt that came, effective or not."""
    fault = receipt.receipt.fault
    return {
        "at": moment(receipt.at),
        "kept_as": receipt.kept_as.value,
        "reason": receipt.kept_for.value,
        "case_number": receipt.receipt.case_number,
        "form_message_id": receipt.receipt.form_message_id,
        "form_type": receipt.receipt.form_type.value,
        "outcome": receipt.receipt.outcome.value,
        "code": None if fault is None else fault.code.value,
    }


def journal_line(line: JournalLine) -> dict[str, Any]:
    """Show a line of the mailroom's journal."""
    return {
        "at": moment(line.at),
        "what": line.what,
        "case_number": line.case_number,
        "message_id": line.message_id,
        "form_type": None if line.form_type is None else line.form_type.value,
        "detail": line.detail,
    }
