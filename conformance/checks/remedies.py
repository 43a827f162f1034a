"""Where to look first when a check of a clause fails: `remedies.yaml`, for all parties or for one of them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import located_yaml
from bridge.vocabulary.parties import Party


@cache
def _remedies() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: Mapping[str, Mapping[str, Mapping[str, str]]] = located_yaml.load(
        Path(__file__).with_name("remedies.yaml")
    ).value
    return found


def remedy(clause: str, party: Party, language: str) -> str:
    """The sentence for this party, in Chinese (`zh`) or English (`en`)."""
    known = _remedies()[clause]
    return known.get(party.value, known["any"])[language]
