"""A period of the figures: half open, in Asia/Shanghai (STAT-4)."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bridge.vocabulary.times import SHANGHAI

_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to, and without, another."""

    start: datetime
    end: datetime
    #: What it was asked for as.
    name: str = ""

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a period ends after it starts: {self.start} – {self.end}")

    @classmethod
    def read(cls, text: str) -> "Period":
        """A year `2026`, quarter `2026-Q1`, month `2026-03`, day `2026-03-02`, or two days `2026-03-02..2026-03-08`, both in it."""
        first, dots, last = text.partition("..")
        if dots:
            return cls(_midnight(date.fromisoformat(first)), _midnight(date.fromisoformat(last) + _DAY), text)
        quarter = _QUARTER.fullmatch(text)
        if quarter is not None:
            month = 3 * int(quarter[2]) - 2
            return cls.of_months(int(quarter[1]), month, 3, text)
        parts = [int(part) for part in text.split("-")]
        if len(parts) == 1:
            return cls.of_months(parts[0], 1, 12, text)
        if len(parts) == 2:
            return cls.of_months(parts[0], parts[1], 1, text)
        day = date.fromisoformat(text)
        return cls(_midnight(day), _midnight(day + _DAY), text)

    @classmethod
    def of_months(cls, year: int, month: int, months: int, name: str) -> "Period":
        """So many calendar months from that one on."""
        years, index = divmod(month - 1 + months, 12)
        return cls(_midnight(date(year, month, 1)), _midnight(date(year + years, index + 1, 1)), name)

    def holds(self, moment: datetime | None) -> bool:
        """Whether the moment lies in it."""
        return moment is not None and self.start <= moment < self.end


_DAY = timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0, 0), SHANGHAI)
