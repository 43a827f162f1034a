"""Writes the texts of scenario files that a family makes from its rule."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

#: A step: a word with its parameters.
Step = tuple[str, Any]


def story(
    *,
    zh: str,
    en: str,
    clauses: Iterable[str],
    check: str,
    judges: Iterable[str],
    steps: Iterable[Step],
    wiring: str | None = None,
    profile: Mapping[str, Any] | None = None,
) -> str:
    """The text of a scenario file, one line for each part and step, as a person would write it."""
    lines = [
        'format: "1.0"',
        f"title: {_flow({'zh': zh, 'en': en})}",
        f"clauses: [{', '.join(clauses)}]",
        f"check: {{id: {check}, judges: [{', '.join(judges)}]}}",
    ]
    if wiring is not None:
        lines.append(f"wiring: [{wiring}]")
    if profile:
        lines.append(f"profile: {_flow(profile)}")
    lines.append("steps:")
    lines += [f"  - {word}: {_flow(params)}" for word, params in steps]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """YAML's flow style; every text in quotes, so that none is taken for something else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
