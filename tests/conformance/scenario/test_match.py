"""When what is seen is what is expected."""

from typing import Any

import pytest

from conformance.scenario.match import Names, Observable, dig, fits, mismatches, observable

NAMES = Names(cases={"c1": "340202-20260302-000001"}, remembered={"task": "T1"})


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ("closed", "closed"),
        ({"state": "closed"}, {"state": "closed", "more": 1}),
        ({}, {"anything": 1}),
        ([1, {"a": 1}], [1, {"a": 1, "b": 2}]),
        (None, None),
        ({"not": "open"}, "closed"),
        ({"at_least": 2}, 2),
        ({"at_most": 2}, 2),
        ({"at_least": 1, "at_most": 3}, 2),
        ({"contains": "清理"}, "已清理完毕"),
        ({"contains": {"stage": "closing"}}, [{"stage": "x"}, {"stage": "closing", "n": 1}]),
        ({"lacks": {"stage": "closing"}}, [{"stage": "x"}]),
        ({"lacks": "退"}, "已清理完毕"),
        ({"matches": "^T[0-9]"}, "T2026"),
        ({"present": True}, "x"),
        ({"present": False}, None),
        ({"present": False}, []),
        ({"count": 2}, [1, 2]),
        ({"moment": "2026-03-02 09:00"}, "2026-03-02T09:00:40+08:00"),
        ({"moment": "2026-03-02 09:00"}, "2026-03-02T01:00:00+00:00"),
        ({"case": "c1"}, "340202-20260302-000001"),
        ({"same_as": "task"}, "T1"),
        ({"other_than": "task"}, "T2"),
        ({"count": 3}, {"count": 3, "cases": []}),
    ],
)
def test_what_fits(expected: Any, seen: Any) -> None:
    assert mismatches(expected, seen, NAMES) == []


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ("closed", "open"),
        ({"state": "closed"}, {"state": "open"}),
        ({"state": "closed"}, {}),
        ({"state": "closed"}, None),
        ([1], [1, 2]),
        ([1], "1"),
        (None, "x"),
        (True, 1),
        (1, True),
        ({"not": "open"}, "open"),
        ({"at_least": 2}, 1),
        ({"at_least": 0}, None),
        ({"at_most": 2}, 3),
        ({"contains": "x"}, None),
        ({"matches": "^T"}, None),
        ({"present": True}, None),
        ({"count": 0}, None),
        ({"moment": "2026-03-02 09:00"}, "2026-03-02T09:02:00+08:00"),
        ({"moment": "2026-03-02 09:00"}, None),
        ({"case": "c1"}, "340202-20260302-000002"),
        ({"same_as": "task"}, "T2"),
        ({"other_than": "task"}, "T1"),
        ({"other_than": "task"}, None),
        ({"count": 3}, {"count": 4}),
    ],
)
def test_what_does_not_fit(expected: Any, seen: Any) -> None:
    assert not fits(expected, seen, NAMES)


def test_every_difference_is_told_with_its_place() -> None:
    found = mismatches({"a": {"b": 1}, "c": [1, 2]}, {"a": {"b": 2}, "c": [1, 3]}, NAMES)
    assert [(m.path, m.expected, m.seen) for m in found] == [("a.b", 1, 2), ("c.1", 2, 3)]


def test_a_path_leads_into_lists_and_mappings() -> None:
    value = {"filings": [{"n": 1}, {"n": 2}]}
    assert dig(value, "filings.1.n") == 2
    assert dig(value, "filings.-1.n") == 2
    assert dig(value, "filings.7.n") is None
    assert dig(value, "nothing.here") is None


@pytest.mark.parametrize(
    ("expected", "seen", "left", "untold"),
    [
        ({"status": "closed"}, {}, {}, ["status"]),
        ({"status": "closed"}, {"status": None}, {"status": "closed"}, []),
        (
            {"data": {"kind": "event", "subcategory": "03"}},
            {"data": {"kind": "event"}},
            {"data": {"kind": "event"}},
            ["data.subcategory"],
        ),
        (
            {"filings": {"contains": {"ordinal": 1, "rejections": 4}}},
            {"filings": [{"ordinal": 2}]},
            {"filings": {"contains": {"ordinal": 1}}},
            ["filings[].rejections"],
        ),
        ({"filings": {"contains": {"ordinal": 1}}}, {"filings": []}, {"filings": {"contains": {"ordinal": 1}}}, []),
        (
            {"filings": {"lacks": {"ordinal": 1, "kind": "x"}}},
            {"filings": [{"ordinal": 1}]},
            {"filings": {}},
            ["filings[].kind"],
        ),
        ({"filings": {"count": 2}}, {"filings": [1]}, {"filings": {"count": 2}}, []),
        ({"filings": [{"a": 1, "b": 2}]}, {"filings": [{"a": 1}]}, {"filings": [{"a": 1}]}, ["filings[].b"]),
        ({"filings": [{"a": 1}, {"a": 2}]}, {"filings": [{"b": 1}]}, {"filings": [{"a": 1}, {"a": 2}]}, []),
        ({"due": {"present": True}}, {"due": {"at": 1}}, {"due": {"present": True}}, []),
    ],
)
def test_what_an_answer_does_not_tell_is_not_held_against_it(
    expected: Any, seen: Any, left: Any, untold: list[str]
) -> None:
    assert observable(expected, seen) == Observable(left, tuple(untold))


def test_what_is_left_of_a_wrong_answer_is_still_wrong() -> None:
    part = observable({"data": {"kind": "event", "subcategory": "03"}}, {"data": {"kind": "component"}})
    assert not fits(part.expected, {"data": {"kind": "component"}}, NAMES)
