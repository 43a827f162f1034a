"""The lists behind the numbers: one file an indicator, written as the cases go by, so that their length costs disk and no memory."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from bridge.vocabulary.times import in_shanghai
from duijie.console_text import Language, say
from duijie.exits import UserMistake
from duijie.figures.cases import Case
from duijie.figures.indicators import Item
from duijie.reports.names import Names

#: The columns of every list.
HEADINGS: tuple[tuple[str, str], ...] = (
    ("案卷号", "case"),
    ("来自", "origin"),
    ("时间", "at"),
    ("区", "district"),
    ("部门", "department"),
    ("公司", "company"),
    ("类型", "kind"),
    ("小类", "sub category"),
    ("问题来源", "source"),
    ("到期", "due"),
    ("完成", "done"),
    ("备注", "note"),
)


class NoLists:
    """For a report that shows none."""

    def add(self, indicator: str, case: Case, item: Item, company: str) -> None:
        """Keep nothing."""


class FileLists:
    """Lists as CSV files in a folder, with names in one language."""

    def __init__(self, folder: Path, names: Names, indicators: Sequence[str]):
        self.folder = folder
        self._names = names
        self._writers: dict[str, Any] = {}
        self._open = ExitStack()
        self._kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._places: dict[tuple[str, ...], tuple[str, ...]] = {}
        for indicator in indicators:
            try:
                out: TextIO = self._open.enter_context(self.path(indicator).open("w", encoding="utf-8-sig", newline=""))
            except OSError as error:
                raise UserMistake.unwritable(self.path(indicator), error) from error
            self._writers[indicator] = csv.writer(out)
            self._writers[indicator].writerow(headings(names.language))

    def path(self, indicator: str) -> Path:
        """The file of one list."""
        return self.folder / f"list-{indicator}.csv"

    def add(self, indicator: str, case: Case, item: Item, company: str) -> None:
        """Keep one line of an indicator's list."""
        writer = self._writers.get(indicator)
        if writer is None:
            return
        kind = (case.kind, case.category, case.subcategory, case.source, case.origin)
        named = self._kinds.get(kind)
        if named is None:
            named = self._kinds[kind] = self._named(case)
        place = (item.district, item.department, company)
        placed = self._places.get(place)
        if placed is None:
            placed = self._places[place] = self._placed(*place)
        writer.writerow(
            (
                case.number,
                named[3],
                _told(item.at),
                *placed,
                *named[:3],
                "" if item.due_at is None else _told(item.due_at),
                "" if item.done_at is None else _told(item.done_at),
                item.note,
            )
        )

    def close(self) -> None:
        """Finish the files; they can be read from then on."""
        self._open.close()

    def lines(self, indicator: str) -> Iterator[list[str]]:
        """The lines of a list, without its headings."""
        with self.path(indicator).open(encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text)
            next(lines, None)
            yield from lines

    def _named(self, case: Case) -> tuple[str, ...]:
        names = self._names
        return (
            names.word("kind", case.kind),
            names.category(case.kind, case.category, case.subcategory),
            names.word("source", case.source),
            names.origin(case.origin),
        )

    def _placed(self, district: str, department: str, company: str) -> tuple[str, ...]:
        names = self._names
        return (
            names.division(district),
            names.department(department) if department else "",
            names.company(company) if company else "",
        )


def headings(language: Language) -> list[str]:
    """The headings of a list."""
    return [say(language, *heading) for heading in HEADINGS]


def _told(moment: Any) -> str:
    return f"{in_shanghai(moment):%Y-%m-%d %H:%M:%S}"
