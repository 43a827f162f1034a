"""The glossary and the code use the same words."""

import dataclasses
import importlib

import pytest

from bridge.vocabulary.glossary import TERMS


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.identifier.partition(":")[2])
def test_every_term_names_something_in_the_code(term):
    module, _, path = term.identifier.partition(":")
    found = importlib.import_module(module)
    name, _, member = path.partition(".")
    found = getattr(found, name)
    if member and dataclasses.is_dataclass(found):
        assert member in {field.name for field in dataclasses.fields(found)}
    elif member:
        assert member in found.__members__


def test_no_term_stands_twice():
    assert len({term.zh for term in TERMS}) == len(TERMS)
    assert len({term.en for term in TERMS}) == len(TERMS)
