"""Awkward on purpose, within the rules: what a real far end may do and a careful one must live with.

| quirk           | what varies                                                          |
|-----------------|----------------------------------------------------------------------|
| receipt_delay   | a receipt given as a call comes 0 to 20 seconds after the form       |
| receipt_order   | follows from the delay: receipts of different cases overtake another |
| optional_fields | optional fields of forms are present or absent                       |
| page_size       | a page of a query holds fewer cases than asked for                   |
| prefixes        | the XML namespace prefixes (only the SOAP shell has any)             |

Every answer depends on the seed, the quirk's name and the key of the thing alone, never on the
order of questions, so one more message in a run does not change all the others.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256


class Quirk(StrEnum):
    """The names of the quirks."""

    RECEIPT_DELAY = "receipt_delay"
    RECEIPT_ORDER = "receipt_order"
    OPTIONAL_FIELDS = "optional_fields"
    PAGE_SIZE = "page_size"
    PREFIXES = "prefixes"


#: The longest delay of a receipt; inside the window in which a stage settles (30 seconds).
RECEIPT_DELAY_SECONDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Quirks:
    """The quirks of one platform; `calm` switches every one of them off."""

    seed: int = 0
    calm: bool = True
    #: Shorter where somebody watches in real time.
    receipt_delay_seconds_max: float = RECEIPT_DELAY_SECONDS_MAX

    def _draw(self, quirk: Quirk, key: str, sides: int) -> int:
        """Draw a number below `sides` that depends on seed, quirk and key alone."""
        digest = sha256(f"{self.seed}:{quirk.value}:{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % sides

    def receipt_delay(self, message_id: str, case_number: str) -> timedelta:
        """How long the receipt of this form is kept back when it is given as a call.

        The receipt of one case has a delay of its own, so receipts of different cases change their order.
        """
        if self.calm:
            return timedelta(0)
        longest = int(self.receipt_delay_seconds_max * 1000)
        own = self._draw(Quirk.RECEIPT_DELAY, message_id, longest)
        return timedelta(milliseconds=min(own + self._draw(Quirk.RECEIPT_ORDER, case_number, longest // 10), longest))

    def keeps_optional(self, field: str, key: str) -> bool:
        """Whether an optional field is filled in this form."""
        return self.calm or self._draw(Quirk.OPTIONAL_FIELDS, f"{field}:{key}", 2) == 0

    def page_size(self, asked: int, key: str) -> int:
        """How many cases the page really holds: at least one, at most as many as asked for."""
        return asked if self.calm else 1 + self._draw(Quirk.PAGE_SIZE, key, max(asked, 1))

    def prefix(self, namespace: str, key: str) -> str | None:
        """Choose a namespace prefix for this message, or None to leave the choice to the library."""
        if self.calm:
            return None
        return ("ns", "dj", "q", "tns", "S")[self._draw(Quirk.PREFIXES, f"{namespace}:{key}", 5)]
