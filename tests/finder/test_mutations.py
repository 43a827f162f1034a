"""Each kind of small wrong change is made in its place, and what only people read is left alone."""

import ast

import pytest
from mutations import mutations
from survivors import REASONS

TABLE = "TABLE = {A.ONE: 1, A.TWO: 2}"


def written(source: str, **enums: list[str]) -> set[str]:
    return {mutation.written()[0] for mutation in mutations(source, enums)}


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a < b", "x = a <= b"),
        ("x = a is b", "x = a is not b"),
        ("x = a and b", "x = a or b"),
        ("x = not a", "x = not not a"),
        ("x = a + b", "x = a - b"),
        ("x = 3", "x = 2"),
        ("x = True", "x = False"),
        ("x = min(a, b)", "x = max(a, b)"),
        ("if a:\n    b()", "if not a:\n    b()"),
        ("a.b = c", "pass"),
        ("a()", "pass"),
        (TABLE, "TABLE = {A.ONE: 1}"),
        (TABLE, "TABLE = {A.TWO: 1, A.TWO: 2}"),
        ("x = {a, b}", "x = {b}"),
    ],
)
def test_a_change_is_made_in_its_place(source, changed):
    assert changed in written(source, A=["ONE", "TWO"])


@pytest.mark.parametrize(
    "source", ['"""A promise."""', 'x = "one" + "two"', 'work.journal([a("b")])', "x = Left | Right"]
)
def test_what_is_for_people_is_left_alone(source):
    assert written(source) == set()


def test_a_change_knows_where_it_lies():
    source = "class Desk:\n    def find(a):\n        return a > 3"
    (change, *_) = [each for each in mutations(source, {}) if each.kind == "compares otherwise"]
    assert (change.within, change.line, change.before) == ("Desk.find", 3, "a > 3")


def test_the_source_itself_stays_as_it_was():
    source = "x = a < b"
    assert all(mutation.written()[0] != source for mutation in mutations(source, {}))
    assert [ast.unparse(mutation.tree) for mutation in mutations(source, {})] == [source] * 2


def test_every_reason_is_said_in_both_languages():
    assert all(each.zh and each.en for each in REASONS)
