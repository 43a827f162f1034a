"""What must hold, each fact under the clause that says so; a machine that sees one broken raises it by its name."""

from typing import Any

#: Fact → clause. The names are what a failure, and the page on what is found, say.
FACTS = {
    "a form is let through or refused with the code of what is wrong with it": "RCPT-2",
    "a repeated form gets the receipt that it got, and nothing else": "RCPT-6",
    "what is sent, when, and under which attempt": "RCPT-5",
    "a form's sender is given its one receipt": "RCPT-1",
    "the recipient gets what the sender wrote, under the sender's name and message id": "XCHG-1",
    "the sender gets the receipt as the recipient gave it": "RCPT-1",
    "a receipt that does not count is kept with its reason": "RCPT-3",
    "a contact is told once when a matter begins and once when it is over": "CONT-2",
    "the case stands where the confirmed forms say": "INT-1",
    "rejections, filings and task numbers are counted alike": "INT-8",
    "each form stands where its sendings and receipts say": "RCPT-5",
    "a case waits for one form of a direction at most": "RCPT-4",
    "a form that is decided has one receipt, and it never changes": "RCPT-1",
    "a case that was filed is never withdrawn": "EXC-2",
    "no filing has more rejections than it may, and a new one has a new task number": "INT-8",
    "an ended case stays as it ended": "INT-6",
    "equal words and equal photos, and only these, make a duplicate": "EXC-1",
    "a query shows every handed-over case once, in its order": "XCHG-2",
    "a query shows each case in its present state": "XCHG-2",
    "what a person did stands in the audit": "RCPT-5",
    "a person is told why an act is refused": "RCPT-5",
    "every envelope stands in the journal": "RCPT-3",
    "a token is good for one message": "XCHG-1",
    "an address is locked out for as long as it should be, and the contact is told once": "CONT-2",
    "the list of forms under way is complete": "RCPT-5",
    "a bridge that was stopped goes on where it was": "RCPT-5",
    "cases never wait for each other": "RCPT-4",
    "a bridge between them makes no difference to the platforms": "XCHG-1",
    "every case comes to the same end on both sides": "INT-6",
}


#: Signs of a value that is shown.
_TOLD_MAX = 400


class Broken(AssertionError):
    """A fact does not hold."""

    def __init__(self, fact: str, expected: Any, seen: Any):
        self.fact, self.clause = fact, FACTS[fact]
        super().__init__(f"{self.clause}, {fact}: expected {_short(expected)}, seen {_short(seen)}")


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= _TOLD_MAX else f"{told[:_TOLD_MAX]}…"


def holds(fact: str, expected: Any, seen: Any) -> None:
    """The fact holds when what is seen is what is expected."""
    if expected != seen:
        raise Broken(fact, expected, seen)
