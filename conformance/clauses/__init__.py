"""The catalogue of clauses as data: what the integration demands, sentence by sentence, with permanent ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import located_yaml

#: What stands before the section in `source`, for people.
_DOCUMENTS = {
    "plan": ("网格平台与数字城管平台对接集成方案", "integration plan of the grid and the urban-management platform"),
    "exchange": ("市区平台数据对接方案", "data-exchange plan between city and district platforms"),
    "general": ("网格化建设通用方案", "general texts on grid management"),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One demand of the integration."""

    id: str
    zh: str
    en: str
    #: Document and section, such as `plan 3.4`.
    source: str
    #: How an outsider sees it kept: wire, query, control, console, app, report.
    seen_by: tuple[str, ...]
    #: Who must keep it: grid, urban, bridge.
    obliged: tuple[str, ...]

    @property
    def family(self) -> str:
        """The part of the id before the number."""
        return self.id.partition("-")[0]

    def sentence(self, language: str) -> str:
        """What the clause says, in Chinese (`zh`) or English (`en`)."""
        return self.zh if language == "zh" else self.en

    def source_for_people(self, language: str) -> str:
        """The document's name and the section."""
        document, _, section = self.source.partition(" ")
        name = _DOCUMENTS[document][0 if language == "zh" else 1]
        return f"{name} {section}".strip()


@cache
def clauses() -> Mapping[str, Clause]:
    """Every clause by id, in the order of the catalogue."""
    raw = located_yaml.load(Path(__file__).with_name("clauses.yaml")).value
    return {
        key: Clause(
            id=key,
            zh=entry["zh"],
            en=entry["en"],
            source=entry["source"],
            seen_by=tuple(entry["seen_by"]),
            obliged=tuple(entry["obliged"]),
        )
        for key, entry in raw.items()
    }
