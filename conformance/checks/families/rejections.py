"""INT-8: what becomes of the first, the third and the fourth rejection, whatever becomes of its form and receipt on the way.

Three rejections lead back to disposal; the fourth has the case filed again with a fresh count. A form or receipt that is lost, late or
repeated is still one rejection.
"""

from collections.abc import Iterator

from conformance.checks.writing import Step, story

#: Which rejection is tried: the boundary, the last before it, the first, and the first after the case was filed again.
ORDINALS = (1, 3, 4, 5)
#: What becomes of it on the way: name, both languages, the fault.
FATES: tuple[tuple[str, str, str, str], ...] = (
    ("its-form-is-lost", "表单在途丢失", "its form is lost", "network.lose: rejection #{n}"),
    ("its-form-comes-twice", "表单送达两次", "its form comes twice", "network.repeat: rejection #{n}"),
    ("its-form-comes-late", "表单迟到", "its form comes late", "network.delay: rejection #{n} 10 minutes"),
    ("its-answer-is-lost", "应答在途丢失", "its answer is lost", "network.lose: answer of rejection #{n}"),
    ("its-receipt-comes-twice", "回执送达两次", "its receipt comes twice", "network.repeat: receipt of rejection #{n}"),
    ("its-receipt-comes-late", "回执迟到", "its receipt comes late", "network.delay: receipt of rejection #{n}"),
)
_FIRST_NUMBER = 101
_MAX = 3


def scenarios() -> Iterator[tuple[str, str]]:
    """Each fate of each rejection."""
    number = _FIRST_NUMBER
    for ordinal in ORDINALS:
        for name, zh, en, fault in FATES:
            yield (
                f"{_WORDS[ordinal][0]}-{name}",
                story(
                    zh=f"{_WORDS[ordinal][1]}:{zh}",
                    en=f"{_WORDS[ordinal][2]}: {en}",
                    clauses=("INT-8", "RCPT-5", "RCPT-1"),
                    check=f"INT-8-{number}",
                    judges=("grid", "urban", "bridge"),
                    steps=_steps(ordinal, fault),
                    # A receipt of its own can be lost, repeated and late; one in the response shares the fate of the answer.
                    profile={"urban.receipts": "call"},
                ),
            )
            number += 1


_WORDS = {
    1: ("the-first", "第一次驳回", "The first rejection"),
    3: ("the-third", "第三次驳回", "The third rejection"),
    4: ("the-fourth", "第四次驳回", "The fourth rejection"),
    5: ("the-first-after-refiling", "重新立案后的第一次驳回", "The first rejection after the case was filed again"),
}


def _steps(ordinal: int, fault: str) -> Iterator[Step]:
    word, _, what = fault.format(n=ordinal).partition(": ")
    filings, counted = divmod(ordinal - 1, _MAX + 1)
    yield "given", {"case": "c1", "at": "verification_failed", "rejections": ordinal - 1}
    if word == "network.delay":
        of_receipt = what.startswith("receipt")
        yield (
            word,
            {
                "what": "receipt" if of_receipt else "form",
                "of": "rejection",
                "nth": ordinal,
                "case": "c1",
                "for": "10 minutes",
            },
        )
    else:
        yield word, f"{what} of c1"
    yield "workstation.reject", "c1"
    yield "clock.advance", "30 minutes"
    yield "expect.form", {"case": "c1", "type": "rejection", "nth": ordinal, "fields": {"ordinal": counted + 1}}
    yield "expect.receipt", {"case": "c1", "of": "rejection", "nth": ordinal, "outcome": "confirmed"}
    refiled = counted == _MAX
    seen = {"rejections": 0 if refiled else counted + 1, "filing_ordinal": filings + 1 + refiled}
    stage = "district_assignment" if refiled else "department_disposal"
    yield "expect", {"case": "c1", "grid": seen, "urban": {**seen, "stage": stage}}
