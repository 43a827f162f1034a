"""What is counted in a world, and how the counts of worlds add up to those of the city. Whole numbers only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True, kw_only=True)
class Figures:
    """Counts; each names the key under which `--json` writes it."""

    #: reported, handed_over, closed, closed_false_report, declined, duplicate, withdrawn, open, refiled.
    cases: Counter[str] = field(default_factory=Counter)
    #: Forms by type, each once, however often it was sent and over how many hops.
    forms: Counter[str] = field(default_factory=Counter)
    #: calls, attempts, repeated (sent again by its sender), in_doubt, faults.
    messages: Counter[str] = field(default_factory=Counter)
    #: What the network did, by fault.
    faults: Counter[str] = field(default_factory=Counter)
    #: What became of receipts at the platforms: effective, late, repeated, contradictory, stray.
    receipts: Counter[str] = field(default_factory=Counter)
    #: Restarts by party.
    restarts: Counter[str] = field(default_factory=Counter)
    #: Cases by how often they were rejected in all.
    rejections: Counter[int] = field(default_factory=Counter)
    #: Acts done, and acts that were refused, by name.
    acts: Counter[str] = field(default_factory=Counter)
    acts_refused: Counter[str] = field(default_factory=Counter)
    #: By day from the first one, counted from 0.
    reported_on: Counter[int] = field(default_factory=Counter)
    ended_on: Counter[int] = field(default_factory=Counter)
    #: Disposals that were due on a day, and those of them that were done in time.
    due_on: Counter[int] = field(default_factory=Counter)
    on_time_on: Counter[int] = field(default_factory=Counter)
    in_doubt_on: Counter[int] = field(default_factory=Counter)
    #: Cases that stand at a stage in the afternoon of a day: `day/stage`.
    standing: Counter[str] = field(default_factory=Counter)
    #: Seconds that cases waited at each stage, and how many stays that were.
    waited: Counter[str] = field(default_factory=Counter)
    stays: Counter[str] = field(default_factory=Counter)
    records: int = 0
    journal_bytes: int = 0

    def add(self, other: "Figures") -> None:
        """Count in what another world counted."""
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, item.name, mine + theirs)

    def as_json(self) -> dict[str, Any]:
        """The counts as `--json` writes them, in an order that is always the same."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


def _plain(value: int | Mapping[Any, int]) -> Any:
    return value if isinstance(value, int) else {str(key): value[key] for key in sorted(value)}


def rows(figures: Figures) -> Sequence[tuple[str, str, str]]:
    """The figures that everybody asks for first, named in Chinese and English."""
    cases, messages = figures.cases, figures.messages
    due, on_time = sum(figures.due_on.values()), sum(figures.on_time_on.values())
    rejected = sum(count for times, count in figures.rejections.items() if times)
    return (
        ("上报", "reported", str(cases["reported"])),
        ("移交", "handed over", str(cases["handed_over"])),
        ("结案", "closed", str(cases["closed"])),
        ("举报不属实结案", "closed as false reports", str(cases["closed_false_report"])),
        ("不予立案", "declined", str(cases["declined"])),
        ("重复", "duplicates", str(cases["duplicate"])),
        ("撤回", "withdrawn", str(cases["withdrawn"])),
        ("未了", "not over", str(cases["open"])),
        ("被驳回过 / 重新立案", "rejected / filed again", f"{rejected} / {cases['refiled']}"),
        ("按时处置", "disposed on time", _percent(on_time, due)),
        (
            "表单 / 每件",
            "forms / a case",
            f"{sum(figures.forms.values())} / {_ratio(sum(figures.forms.values()), cases['reported'])}",
        ),
        ("呼叫", "calls", str(messages["calls"])),
        ("存疑的发送 / 重发", "sendings in doubt / repeated", f"{messages['in_doubt']} / {messages['repeated']}"),
        ("遇到的故障", "faults met", str(messages["faults"])),
        ("重启与停机", "restarts", str(sum(figures.restarts.values()))),
    )


def _percent(part: int, whole: int) -> str:
    """A share as a person reads it; nothing where there is nothing to share."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.1f}" if whole else "–"
