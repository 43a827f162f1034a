"""RCPT-3: after a form has its receipt, whatever else comes as one changes nothing: the adversary's receipts, for a form of every kind.

The receipt again; one that contradicts it; one for a sending that never was; the right one under another case's number. Each is kept for
people to look at, under the name of what is wrong with it, and the case stays where it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from conformance.checks.writing import Step, story


class Form(NamedTuple):
    """A form that has its receipt at a point of the case's life."""

    type: str
    zh: str
    sender: str
    given: Mapping[str, Any]
    #: What both platforms say of the case then.
    seen: Mapping[str, Mapping[str, Any]]


FORMS = (
    Form(
        "handOver",
        "移交",
        "grid",
        {"at": "handed_over"},
        {"grid": {"state": "handed_over"}, "urban": {"status": "received"}},
    ),
    Form(
        "filingResult",
        "立案结果",
        "urban",
        {"at": "filed"},
        {"grid": {"filing_ordinal": 1}, "urban": {"stage": "filing_and_dispatch"}},
    ),
    Form("dispatch", "派遣", "urban", {"at": "dispatched"}, {"urban": {"stage": "district_assignment"}}),
    Form(
        "verificationRequest",
        "核查请求",
        "urban",
        {"at": "verification"},
        {"grid": {"state": "awaiting_verification"}, "urban": {"stage": "district_verification"}},
    ),
    Form(
        "verificationResult",
        "核查结果",
        "grid",
        {"at": "verified"},
        {"grid": {"state": "verified"}, "urban": {"stage": "closing"}},
    ),
    Form(
        "rejection",
        "驳回",
        "grid",
        {"at": "disposal", "rejections": 1},
        {"grid": {"rejections": 1}, "urban": {"rejections": 1}},
    ),
    Form("closing", "结案", "grid", {"at": "closed"}, {"grid": {"state": "closed"}, "urban": {"status": "closed"}}),
)
_NOBODY = "urn:uuid:00000000-0000-4000-8000-0000000000ff"
_UNKNOWN_CASE = "340202-20260302-999998"
#: Name, both languages, the parameters of the receipt, what it is kept as.
ADVERSARIES: tuple[tuple[str, str, str, Mapping[str, Any], str], ...] = (
    ("again", "回执再来一次", "its receipt comes again", {"case": "c1", "outcome": "confirmed"}, "repeated"),
    (
        "contradicted",
        "又来错误回执",
        "an error receipt follows the confirmation",
        {"case": "c1", "outcome": "error", "code": "CODE_UNKNOWN"},
        "contradictory",
    ),
    (
        "for-no-sending",
        "来了不存在的报文的回执",
        "a receipt comes for a sending that never was",
        {"case": "c1", "outcome": "confirmed", "message_id": _NOBODY},
        "stray",
    ),
    (
        "under-another-number",
        "回执的案卷号是别的",
        "its receipt comes under another case's number",
        {"case_number": _UNKNOWN_CASE, "outcome": "error", "code": "CODE_UNKNOWN", "message_id": _NOBODY},
        "stray",
    ),
)
_FIRST_NUMBER = 101
_BRIDGE_NUMBER = 151
_OTHER = {"grid": "urban", "urban": "grid"}


def scenarios() -> Iterator[tuple[str, str]]:
    """Each receipt to the sender of each form, then each to the bridge that relays it."""
    for first, to_bridge in ((_FIRST_NUMBER, False), (_BRIDGE_NUMBER, True)):
        number = first
        for form in FORMS:
            for name, zh, en, params, kept_as in ADVERSARIES:
                to = "bridge" if to_bridge else form.sender
                yield (
                    f"{_spelled(form.type)}-{name}{'-to-the-bridge' if to_bridge else ''}",
                    story(
                        zh=f"{form.zh}:{zh}{'(对接桥)' if to_bridge else ''}",
                        en=f"{form.type}: {en}{', at the bridge' if to_bridge else ''}",
                        clauses=("RCPT-3", "RCPT-1"),
                        check=f"RCPT-3-{number}",
                        judges=(to,),
                        wiring="bridged" if to_bridge else None,
                        profile={"urban.receipts": "call", "grid.receipts": "call"},
                        steps=_steps(form, params, kept_as, to_bridge=to_bridge),
                    ),
                )
                number += 1


def _steps(form: Form, params: Mapping[str, Any], kept_as: str, *, to_bridge: bool) -> Iterator[Step]:
    yield "given", {"case": "c1", **form.given}
    to = {"to": "bridge", "as": _OTHER[form.sender]} if to_bridge else {"to": form.sender}
    yield "receipt.inject", {**to, **params, "of": form.type, "answer": "acknowledged"}
    if to_bridge:
        kept = {"what": f"receipt.{kept_as}"}
        yield "expect.count", {"party": "bridge", "of": "journal", "where": kept, "count": 1}
    else:
        yield "expect.kept", {"party": form.sender, "kept_as": kept_as, "of": form.type, "count": 1}
    yield "expect", {"case": "c1", **form.seen}


def _spelled(form_type: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in form_type)
